//! TLS and logins.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use ftp_proto_tests::certs::{Authority, Certificate};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls};

use crate::board::{Board, CANARY, Case, Scratch};
use crate::scripted::{FILE, Talk, peer, url};

/// Servers that get AUTH and what follows wrong.
pub(crate) fn scripted(board: &Board) {
    let scratch = Scratch::new();
    let ca = scratch.path.join("ca.pem");
    fs::write(&ca, Authority::shared().unwrap().pem()).unwrap();
    let tls = |name: &str,
               status: i32,
               says: &[&str],
               limit: &str,
               script: fn(&mut Talk, &str) -> io::Result<bool>| {
        let address = peer(script);
        download(board, &Case::new(name, status, says), address, &ca, limit);
    };
    tls(
        "AUTH refused",
        4,
        &["502 what?", "password was not sent"],
        "2",
        |talk, line| match line.starts_with("AUTH") {
            true => talk.say("502 what?").map(|()| true),
            false => Ok(false),
        },
    );
    tls(
        "530 on everything",
        4,
        &["530 Please no", "password was not sent"],
        "2",
        |talk, line| {
            talk.say(if line.is_empty() {
                "220 ready"
            } else {
                "530 Please no"
            })?;
            Ok(true)
        },
    );
    tls(
        "silence after 234",
        9,
        &["handshake"],
        "0.5",
        |talk, line| {
            if line.starts_with("AUTH") {
                talk.say("234 go on")?;
                return talk.wait_for_the_end();
            }
            Ok(false)
        },
    );
    tls(
        "cut right after 234",
        4,
        &["closed", "firewall"],
        "2",
        |talk, line| {
            if line.starts_with("AUTH") {
                talk.say("234 go on")?;
                talk.cut()?;
            }
            Ok(false)
        },
    );
    tls(
        "clear text after 234",
        4,
        &["FTP reply", "431 No certificate"],
        "2",
        |talk, line| {
            if line.starts_with("AUTH") {
                talk.say("234 go on")?;
                // Behind the ClientHello, or it would be an injection.
                talk.something()?;
                talk.say("431 No certificate")?;
                return talk.wait_for_the_end();
            }
            Ok(false)
        },
    );
    tls(
        "bytes injected behind 234",
        8,
        &["inject"],
        "2",
        |talk, line| {
            if line.starts_with("AUTH") {
                talk.say("234 go on\r\n230 you are in")?;
                return talk.wait_for_the_end();
            }
            Ok(false)
        },
    );
    tls(
        "PROT refused",
        4,
        &["534 No PROT", "protection", "--prot C"],
        "2",
        |talk, line| match line.starts_with("PROT") {
            true => talk.say("534 No PROT").map(|()| true),
            false => Ok(false),
        },
    );
    tls(
        "PBSZ and PROT unknown",
        4,
        &["502 what?", "protection"],
        "2",
        |talk, line| match line.starts_with("PROT") || line.starts_with("PBSZ") {
            true => talk.say("502 what?").map(|()| true),
            false => Ok(false),
        },
    );
    tls(
        "no close_notify, no SIZE",
        7,
        &["3000", "end is missing"],
        "2",
        |talk, line| {
            if line.starts_with("SIZE") {
                talk.say("502 what?")?;
                return Ok(true);
            }
            if line.starts_with("RETR") {
                talk.say("150 here it comes")?;
                let mut data = talk.data()?;
                data.write_all(&FILE)?;
                drop(data);
                talk.say("226 done")?;
                return Ok(true);
            }
            Ok(false)
        },
    );
    tls(
        "silence in the handshake of the data",
        9,
        &["no answer in time"],
        "0.5",
        |talk, line| {
            if line.starts_with("RETR") {
                talk.say("150 here it comes")?;
                let _data = talk.clear_data()?;
                return talk.wait_for_the_end();
            }
            Ok(false)
        },
    );
    tls(
        "data in clear",
        4,
        &["data connection", "clear"],
        "2",
        |talk, line| {
            if line.starts_with("RETR") {
                talk.say("150 here it comes")?;
                let mut data = talk.clear_data()?;
                data.write_all(b"-rw-r--r-- 1 ftp ftp 3000 Jan 1 00:00 a\r\n")?;
                talk.say("226 done")?;
                return talk.wait_for_the_end();
            }
            Ok(false)
        },
    );
    tls(
        "login refused, under TLS",
        5,
        &["530 Wrong"],
        "2",
        |talk, line| match line.starts_with("PASS") {
            true => talk.say("530 Wrong").map(|()| true),
            false => Ok(false),
        },
    );

    // The password in a URL and in a file; the server repeats what it got.
    let parrot = peer(|talk, line| match line.split_once(' ') {
        Some(("PASS", password)) => talk.say(&format!("530 {password} is wrong")).map(|()| true),
        // It came with the rest, and nobody will connect.
        Some(("RETR", _)) => talk.say("530 log in first").map(|()| true),
        _ => Ok(false),
    });
    let file = scratch.path.join("password");
    fs::write(&file, format!("{CANARY}\n")).unwrap();
    let case = Case::new("password repeated by the server", 5, &["530", "is wrong"]);
    board.bad(&case, |attempt| {
        let url = url(parrot, "a").replace("joe@", &format!("joe:{CANARY}@"));
        attempt.run_bare(&["--ca", text(&ca), "get", &url])
    });
    let case = Case::new("the same, password from a file", 5, &["530", "is wrong"]);
    board.bad(&case, |attempt| {
        let url = url(parrot, "a");
        attempt.run_bare(&[
            "--ca",
            text(&ca),
            "--password-file",
            text(&file),
            "get",
            &url,
        ])
    });
}

/// Certificates that are not to be trusted.
pub(crate) fn certificates(board: &Board) {
    let flaws: [(&str, Certificate, &[&str]); 5] = [
        (
            "unknown authority",
            Certificate::UnknownIssuer,
            &["authority", "--ca", "--pin"],
        ),
        (
            "self-signed certificate",
            Certificate::SelfSigned,
            &["certificate", "--pin"],
        ),
        (
            "certificate for another name",
            Certificate::WrongName,
            &["127.0.0.1", "ftp.example.net"],
        ),
        ("expired certificate", Certificate::Expired, &["expired"]),
        (
            "certificate not yet valid",
            Certificate::NotYetValid,
            &["not valid yet"],
        ),
    ];
    for (name, certificate, says) in flaws {
        let server = started(
            Kind::Vsftpd,
            &Options {
                certificate,
                ..explicit()
            },
        );
        let case = Case::new(name, 4, says).secret(server.password());
        board.bad(&case, |attempt| {
            attempt.run(&[
                "--ca",
                text(&server.ca_path()),
                "get",
                &at(&server, "ftp", "readme.txt"),
            ])
        });
    }
    let server = started(Kind::Vsftpd, &explicit());
    let url = at(&server, "ftp", "readme.txt");
    let pin = "11".repeat(32);
    let case = Case::new("wrong pin", 4, &["not the pinned one"]).secret(server.password());
    board.bad(&case, |attempt| attempt.run(&["--pin", &pin, "get", &url]));
    let case = Case::new(
        "authority unknown to the system",
        4,
        &["trusted authority", "--ca"],
    )
    .secret(server.password());
    board.bad(&case, |attempt| attempt.run(&["get", &url]));

    let server = started(
        Kind::ProFtpd,
        &Options {
            client_certificate: true,
            ..explicit()
        },
    );
    let url = at(&server, "ftp", "readme.txt");
    let case =
        Case::new("no client certificate", 4, &["client certificate"]).secret(server.password());
    board.bad(&case, |attempt| {
        attempt.run(&["--ca", text(&server.ca_path()), "get", &url])
    });
}

/// Real servers with too little TLS, too much of it, or on another port.
pub(crate) fn servers(board: &Board) {
    for kind in Kind::ALL {
        let server = started(kind, &Options::default());
        let url = at(&server, "ftp", "readme.txt");
        let says = &["AUTH", "password was not sent", "administrator", "--clear"];
        let case = Case::new(format!("no TLS, {kind}"), 4, says).secret(server.password());
        board.bad(&case, |attempt| attempt.run(&["get", &url]));
        without_tls(board, &server);
    }
    for kind in Kind::ALL {
        if kind == Kind::Inetutils {
            continue;
        }
        let server = started(
            kind,
            &Options {
                require_tls_control: true,
                ..explicit()
            },
        );
        let url = at(&server, "ftp", "readme.txt");
        // Pure-FTPd hangs up.
        let status = if kind == Kind::PureFtpd { 3 } else { 5 };
        let case = Case::new(
            format!("TLS demanded, --clear given, {kind}"),
            status,
            &["--clear"],
        )
        .secret(server.password());
        board.bad(&case, |attempt| attempt.run(&["--clear", "get", &url]));

        let url = at(&server, "ftps", "readme.txt");
        let case = Case::new(
            format!("ftps:// on an explicit port, {kind}"),
            4,
            &["220", "ftp://"],
        )
        .secret(server.password());
        board.bad(&case, |attempt| {
            attempt.run(&["--ca", text(&server.ca_path()), "get", &url])
        });
    }
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::Pyftpdlib] {
        let server = started(
            kind,
            &Options {
                tls: Tls::Implicit,
                ..Options::default()
            },
        );
        let url = at(&server, "ftp", "readme.txt");
        let case = Case::new(
            format!("ftp:// on an implicit port, {kind}"),
            9,
            &["ftps://"],
        )
        .secret(server.password());
        board.bad(&case, |attempt| {
            let ca = server.ca_path();
            attempt.run(&["--ca", text(&ca), "--timeout", "1", "get", &url])
        });
    }
}

/// What an application of either driver shows of a server without TLS.
fn without_tls(board: &Board, server: &Server) {
    let (host, port) = (server.addr().ip().to_string(), server.addr().port());
    let secret = || ftp_proto_blocking::Secret::new(server.password().as_bytes());
    let blocking = ftp_proto_blocking::Client::connect(&host, port)
        .and_then(|mut client| client.login(server.user(), secret()));
    let other = smol::block_on(async {
        let mut client = ftp_proto_async::Client::connect(&host, port).await?;
        client.login(server.user(), secret()).await
    });
    for (driver, result) in [("blocking", blocking), ("async", other)] {
        let name = format!("no TLS, {}, {driver} driver", server.kind());
        let Err(error) = result else {
            board.wrong(&name, "it went well");
            continue;
        };
        let text = error.to_string();
        for words in [
            "the server refused every AUTH method",
            "the password was not sent",
            "[server side]",
            "ask the administrator for TLS",
        ] {
            if !text.contains(words) {
                board.wrong(&name, &format!("{words:?} is missing: {text}"));
            }
        }
        if text.contains(server.password()) || text.lines().count() != 1 {
            board.wrong(&name, &text);
        }
    }
}

pub(crate) fn explicit() -> Options {
    Options {
        tls: Tls::Explicit,
        ..Options::default()
    }
}

pub(crate) fn started(kind: Kind, options: &Options) -> Server {
    peers::start(kind, options).unwrap_or_else(|error| panic!("{kind}, {options:?}: {error}"))
}

/// The URL of a file on a server, with its user.
pub(crate) fn at(server: &Server, scheme: &str, path: &str) -> String {
    format!("{scheme}://{}@{}/{path}", server.user(), server.addr())
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn download(board: &Board, case: &Case<'_>, address: SocketAddr, ca: &Path, limit: &str) {
    board.bad(case, |attempt| {
        let url = url(address, "a");
        attempt.run(&["--ca", text(ca), "--timeout", limit, "get", &url])
    });
}
