//! Servers that speak, but not as they should. In clear text: what they say is the same under TLS.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::board::{Board, Case};
use crate::scripted::{FILE, Talk, peer, url};

/// Before anybody has asked anything.
pub(crate) fn greetings(board: &Board) {
    let greeting = |name: &str, status: i32, says: &[&str], bytes: &'static [u8]| {
        let address = peer(move |talk, _| {
            talk.send(bytes)?;
            talk.wait_for_the_end()
        });
        download(board, &Case::new(name, status, says), address);
    };
    greeting(
        "garbage for a greeting",
        8,
        &["not speak FTP", "wxyz", "check host and port"],
        b"\x00\x01wxyz\xff\r\n",
    );
    greeting(
        "prose for a greeting",
        8,
        &["not speak FTP", "Hello there", "check host and port"],
        b"Hello there\r\n",
    );
    greeting(
        "web server that answers at once",
        8,
        &["HTTP", "400 Bad Request", "check host and port"],
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    );
    greeting(
        "SSH server",
        8,
        &["SSH", "OpenSSH", "use an SFTP client"],
        b"SSH-2.0-OpenSSH_9.9\r\n",
    );
    greeting("reply code 999", 8, &["not speak FTP"], b"999 ready\r\n");
    greeting(
        "421 for a greeting",
        3,
        &["421 Too many users"],
        b"421 Too many users\r\n",
    );
    greeting(
        "530 for a greeting",
        3,
        &["530 Not today"],
        b"530 Not today\r\n",
    );

    let endless = peer(|talk, _| {
        talk.say("220-Welcome")?;
        loop {
            talk.say("220-and welcome again")?;
        }
    });
    download(
        board,
        &Case::new("greeting without end", 8, &["reply"]),
        endless,
    );
    let long = peer(|talk, _| {
        loop {
            talk.send(&[b'x'; 4096])?;
        }
    });
    download(
        board,
        &Case::new("line without end", 8, &["not speak FTP"]),
        long,
    );
    let mail = peer(|talk, line| {
        talk.say(if line.is_empty() {
            "220 mx.example.org ESMTP Postfix"
        } else {
            "502 5.5.2 Error: command not recognized"
        })?;
        Ok(true)
    });
    let case = Case::new("mail server", 5, &["SMTP", "it is a mail server"]);
    download(board, &case, mail);
    let closed = peer(|talk, _| talk.cut().map(|()| true));
    download(board, &Case::new("closed at once", 3, &["closed"]), closed);
    let banned = peer(|talk, line| {
        talk.say(if line.is_empty() {
            "220 ready"
        } else {
            "530 Please no"
        })?;
        Ok(true)
    });
    download(
        board,
        &Case::new("530 on everything, in clear", 5, &["530 Please no"]),
        banned,
    );
}

/// When something was asked.
pub(crate) fn replies(board: &Board) {
    let answer =
        |name: &str, status: i32, says: &[&str], verb: &'static str, reply: &'static str| {
            let address = peer(move |talk, line| {
                if line.split(' ').next() != Some(verb) {
                    return Ok(false);
                }
                talk.say(reply)?;
                Ok(true)
            });
            download(board, &Case::new(name, status, says), address);
        };
    answer("login refused", 5, &["530 Wrong"], "PASS", "530 Wrong");
    answer(
        "account wanted",
        5,
        &["332 Account", "ACCT"],
        "PASS",
        "332 Account",
    );
    answer(
        "421 at the login",
        3,
        &["421 Going down"],
        "PASS",
        "421 Going down",
    );
    answer("file refused", 6, &["550 None", "RETR"], "RETR", "550 None");
    answer("331 to RETR", 8, &["331 Hello"], "RETR", "331 Hello");
    answer(
        "no logins behind a login",
        5,
        &["530 Log in first"],
        "RETR",
        "530 Log in first",
    );
    answer(
        "two replies to one command",
        8,
        &["no command asked for|a reply it cannot have"],
        "PASS",
        "230 one\r\n200 two",
    );
    answer(
        "garbage for a reply",
        8,
        &["not speak FTP"],
        "PASS",
        "welcome",
    );
    answer(
        "421 in mid-session",
        3,
        &["421 Timeout", "again"],
        "EPSV",
        "421 Timeout",
    );
    answer(
        "421 in place of a file",
        7,
        &["421 Timeout", "not proved whole"],
        "RETR",
        "421 Timeout",
    );
    let active_only = peer(|talk, line| {
        if matches!(line, "EPSV" | "PASV") {
            talk.say("425 Closed")?;
            return Ok(true);
        }
        Ok(false)
    });
    download(
        board,
        &Case::new("no passive mode", 6, &["PASV", "425 Closed", "--data"]),
        active_only,
    );

    let unasked = peer(|talk, line| {
        if line.starts_with("DELE") {
            talk.say("250 Gone\r\n200 By the way")?;
            return Ok(true);
        }
        Ok(false)
    });
    let case = Case::new("reply without command", 8, &["200 By the way"]);
    board.bad(&case, |attempt| {
        let (a, b) = (url(unasked, "a"), url(unasked, "b"));
        attempt.run(&["--clear", "--timeout", "5", "rm", &a, &b])
    });
    let usual = peer(|_, _| Ok(false));
    let case = Case::new("CR LF in a raw command", 2, &["not sent", "CR, LF"]);
    board.bad(&case, |attempt| {
        attempt.run(&["quote", "--clear", &url(usual, ""), "SITE a\r\nDELE b"])
    });
    let cut = peer(|talk, line| {
        if line.starts_with("PASS") {
            talk.cut()?;
        }
        Ok(false)
    });
    download(
        board,
        &Case::new("closed at the login", 3, &["closed"]),
        cut,
    );
    let mute = peer(|talk, line| match line.starts_with("PASS") {
        true => talk.wait_for_the_end(),
        false => Ok(false),
    });
    let case = Case::new("silence at the login", 9, &["did not reply"]);
    board.bad(&case, |attempt| {
        attempt.run(&["--clear", "--timeout", "0.5", "get", &url(mute, "a")])
    });
}

/// When data should flow.
pub(crate) fn data(board: &Board) {
    let retrieve = |name: &str,
                    status: i32,
                    says: &[&str],
                    script: fn(&mut Talk, &str) -> io::Result<bool>| {
        let address = peer(script);
        download(board, &Case::new(name, status, says), address);
    };
    retrieve(
        "data ports blocked",
        7,
        &["no data connection", "refused", "--data"],
        |talk, line| {
            if matches!(line, "EPSV" | "PASV") {
                let port = nobody()?;
                talk.passive(line, port)?;
                return Ok(true);
            }
            Ok(false)
        },
    );
    retrieve(
        "fewer bytes than SIZE, then 226",
        7,
        &["1000 of 3000"],
        |talk, line| half(talk, line, |talk| talk.say("226 done")),
    );
    retrieve(
        "broken off with 426",
        7,
        &["426 Disk error", "1000"],
        |talk, line| half(talk, line, |talk| talk.say("426 Disk error")),
    );
    retrieve(
        "broken off with 451",
        7,
        &["451 Read error"],
        |talk, line| half(talk, line, |talk| talk.say("451 Read error")),
    );
    retrieve("broken off with 550", 6, &["550 Gone"], |talk, line| {
        half(talk, line, |talk| talk.say("550 Gone"))
    });
    retrieve(
        "broken off with 421",
        7,
        &["421 Going down"],
        |talk, line| half(talk, line, |talk| talk.say("421 Going down")),
    );
    retrieve(
        "cut in the middle, control and data",
        7,
        &["whole"],
        |talk, line| half(talk, line, Talk::cut),
    );
    retrieve(
        "control connection cut after all data",
        7,
        &["3000", "confirm"],
        |talk, line| {
            if !line.starts_with("RETR") {
                return Ok(false);
            }
            talk.say("150 here it comes")?;
            let mut data = talk.data()?;
            data.write_all(&FILE)?;
            data.end()?;
            talk.cut()?;
            Ok(true)
        },
    );
    retrieve(
        "more bytes than SIZE",
        7,
        &["3001", "3000"],
        |talk, line| {
            if !line.starts_with("RETR") {
                return Ok(false);
            }
            talk.say("150 here it comes")?;
            let mut data = talk.data()?;
            data.write_all(&FILE)?;
            data.write_all(b"y")?;
            data.end()?;
            talk.say("226 done")?;
            Ok(true)
        },
    );

    let stalled = peer(half_open);
    let case = Case::new("data that stand still", 9, &["no answer in time"]);
    board.bad(&case, |attempt| {
        attempt.run(&["--clear", "--timeout", "0.5", "get", &url(stalled, "a")])
    });
    let unconfirmed = peer(|talk, line| {
        if !line.starts_with("RETR") {
            return Ok(false);
        }
        talk.say("150 here it comes")?;
        let mut data = talk.data()?;
        data.write_all(&FILE)?;
        data.end()?;
        talk.wait_for_the_end()
    });
    let case = Case::new("no 226 after all data", 7, &["3000", "confirm"]);
    board.bad(&case, |attempt| {
        attempt.run(&["--clear", "--timeout", "0.5", "get", &url(unconfirmed, "a")])
    });
}

fn download(board: &Board, case: &Case<'_>, address: SocketAddr) {
    board.bad(case, |attempt| {
        let url = url(address, "a");
        attempt.run(&["--clear", "--timeout", "2", "get", &url])
    });
}

/// RETR with the first thousand bytes only.
fn half(
    talk: &mut Talk,
    line: &str,
    then: impl FnOnce(&mut Talk) -> io::Result<()>,
) -> io::Result<bool> {
    if !line.starts_with("RETR") {
        return Ok(false);
    }
    talk.say("150 here it comes")?;
    let mut data = talk.data()?;
    data.write_all(&FILE[..1000])?;
    data.end()?;
    then(talk)?;
    Ok(true)
}

fn half_open(talk: &mut Talk, line: &str) -> io::Result<bool> {
    if !line.starts_with("RETR") {
        return Ok(false);
    }
    talk.say("150 here it comes")?;
    let mut data = talk.data()?;
    data.write_all(&FILE[..1000])?;
    talk.wait_for_the_end()
}

/// A port that nobody listens on.
fn nobody() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
