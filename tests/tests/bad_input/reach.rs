//! No connection, or nobody who speaks.

use std::net::TcpListener;

use crate::board::{Board, Case};
use crate::scripted::{peer, url};

pub(crate) fn all(board: &Board) {
    let case = Case::new(
        "unknown host",
        3,
        &["no-such-host.invalid", "spelling of the host name"],
    );
    board.bad(&case, |attempt| {
        attempt.run(&["get", "ftp://joe@no-such-host.invalid/a"])
    });

    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let says = &["refused", &address.to_string(), "check host and port"];
    let case = Case::new("nobody listens", 3, says);
    board.bad(&case, |attempt| attempt.run(&["get", &url(address, "a")]));

    let silent = peer(|talk, _| talk.wait_for_the_end());
    let case = Case::new(
        "silence after connect",
        9,
        &["no greeting", "check the port", "ftps://"],
    );
    board.bad(&case, |attempt| {
        attempt.run(&["--timeout", "0.5", "get", &url(silent, "a")])
    });
    let case = Case::new("silence after connect, in clear", 9, &["no greeting"]);
    board.bad(&case, |attempt| {
        attempt.run(&["--timeout", "0.5", "--clear", "get", &url(silent, "a")])
    });
    let case = Case::new("silence after connect, ftps", 9, &["handshake"]);
    board.bad(&case, |attempt| {
        let url = url(silent, "a").replace("ftp://", "ftps://");
        attempt.run(&["--timeout", "0.5", "get", &url])
    });
    // It speaks when spoken to, and FTP servers speak first.
    let web = peer(|talk, _| {
        talk.line()?;
        talk.say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")?;
        Ok(true)
    });
    let says = &["no greeting", "a web server waits", "check the port"];
    let case = Case::new("web server that waits", 9, says);
    board.bad(&case, |attempt| {
        attempt.run(&["--timeout", "0.5", "get", &url(web, "a")])
    });
    let case = Case::new("web server that waits, ftps", 4, &["HTTP"]);
    board.bad(&case, |attempt| {
        let url = url(web, "a").replace("ftp://", "ftps://");
        attempt.run(&["--timeout", "5", "get", &url])
    });
}
