//! The symptoms of old, made by small servers on real sockets: one sentence from the command-line client, which says what to do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ftp_proto_tests::tool::ftp;
use serde_json::Value;

/// What the server does where it is odd.
#[derive(Clone, Copy)]
enum Odd {
    /// Closes right behind 234.
    CutAfter234,
    /// Closes when the ClientHello has come.
    CutAtHello,
    /// Says nothing more behind 234.
    Silent,
    /// Says this where TLS is expected.
    Says(&'static [u8]),
    /// Refuses PORT and EPRT.
    RefusesPort,
    /// Takes PORT and EPRT, and never comes.
    NeverComes,
}

fn server(odd: Odd) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || talk(stream, odd));
        }
    });
    address
}

/// A client that is gone ends the talk.
fn talk(mut stream: TcpStream, odd: Odd) -> Option<()> {
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .ok()?;
    stream.write_all(b"220 ready\r\n").ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let verb = line.get(..4).unwrap_or_default();
        let mut say = |text: String| stream.write_all(format!("{text}\r\n").as_bytes()).ok();
        match (verb, odd) {
            ("AUTH", _) => {
                say("234 go on".to_owned())?;
                if let Odd::CutAfter234 = odd {
                    return None;
                }
                let mut hello = [0; 4096];
                let _ = lines.read(&mut hello);
                if let Odd::Says(bytes) = odd {
                    stream.write_all(bytes).ok()?;
                }
                if !matches!(odd, Odd::CutAtHello) {
                    // Until the client has had enough.
                    while lines.read(&mut hello).is_ok_and(|count| count > 0) {}
                }
                return None;
            }
            ("USER", _) => say("331 password".to_owned())?,
            ("PASS", _) => say("230 in".to_owned())?,
            ("PORT" | "EPRT", Odd::RefusesPort) => say("500 Illegal PORT command.".to_owned())?,
            ("PORT" | "EPRT", _) => say("200 PORT command successful.".to_owned())?,
            ("LIST" | "NLST" | "MLSD", Odd::NeverComes) => {
                say("150 Here comes the directory listing.".to_owned())?;
                thread::sleep(Duration::from_millis(300));
                say("425 Failed to establish connection.".to_owned())?;
            }
            ("LIST" | "NLST" | "MLSD", _) => {}
            ("ABOR", _) => say("426 Failure.\r\n226 aborted".to_owned())?,
            ("QUIT", _) => {
                say("221 bye".to_owned())?;
                return None;
            }
            _ => say("200 fine".to_owned())?,
        }
    }
}

/// The sentence for people and the first cause for programs.
fn explained(odd: Odd, options: &[&str]) -> (String, Value) {
    let address = server(odd);
    let run = |json: bool| {
        let mut command = ftp();
        command.args(options).args(["--timeout", "2"]);
        if json {
            command.arg("--json");
        }
        command.args(["ls", "-l", &format!("ftp://joe:hunter22@{address}/")]);
        command.output().unwrap()
    };
    let said = String::from_utf8(run(false).stderr).unwrap();
    let value: Value = serde_json::from_slice(&run(true).stdout).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(!said.contains("hunter22"), "{said}");
    let advice = value["error"]["advice"].as_str().unwrap();
    assert!(said.trim_end().ends_with(advice), "{said}\n{advice}");
    (said, value["error"]["causes"][0].clone())
}

#[test]
fn each_symptom_is_told_in_one_sentence_with_what_to_do() {
    let active = ["--clear", "--data", "port"];
    for (name, odd, options, id, says) in [
        (
            "cut right after 234",
            Odd::CutAfter234,
            &[][..],
            "DX1",
            "firewall",
        ),
        (
            "cut at the ClientHello",
            Odd::CutAtHello,
            &[],
            "DX1",
            "firewall",
        ),
        (
            "no ServerHello",
            Odd::Silent,
            &[],
            "HELLO",
            "firewall swallows",
        ),
        (
            "clear text in place of TLS",
            Odd::Says(b"500 Syntax error\r\n"),
            &[],
            "PLAINTEXT",
            "went on in clear text",
        ),
        (
            "a reply in SSL version 2",
            Odd::Says(&[0x80, 0x2e, 4, 0, 1, 0, 2]),
            &[],
            "SSLV2",
            "SSL version 2",
        ),
        (
            "PORT from behind a translator, refused",
            Odd::RefusesPort,
            &active,
            "DX9",
            "passive",
        ),
        (
            "PORT from behind a translator, in vain",
            Odd::NeverComes,
            &active,
            "DX10",
            "passive",
        ),
    ] {
        let (said, cause) = explained(odd, options);
        println!("{name}: {said}");
        assert_eq!(cause["id"], id, "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
        for key in ["client_advice", "server_advice"] {
            assert!(!cause[key].as_str().unwrap().is_empty(), "{name}");
        }
        assert!(!cause["evidence"].as_array().unwrap().is_empty(), "{name}");
    }
}
