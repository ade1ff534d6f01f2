//! The same through real sockets and the command-line client: small servers on loopback that do one thing wrong.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use ftp_proto_tests::rig::CANARY;
use ftp_proto_tests::tool::ftp;
use serde_json::Value;

/// A server that says this at once, 234 to AUTH, and this, if anything, in place of TLS; then it is gone. To anything else it says 530.
fn server(greeting: &'static [u8], in_place_of_tls: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || talk(stream, greeting, in_place_of_tls));
        }
    });
    address
}

fn talk(mut stream: TcpStream, greeting: &[u8], in_place_of_tls: &[u8]) {
    // A client that is gone ends the talk.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let _ = stream.write_all(greeting);
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    let mut lines = BufReader::new(reading);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        if line.starts_with(b"AUTH") {
            let _ = stream.write_all(b"234 go on\r\n");
            let mut hello = [0; 2000];
            let _ = lines.read(&mut hello);
            let _ = stream.write_all(in_place_of_tls);
            return;
        }
        let said: &[u8] = match line.get(..4) {
            Some(b"USER") => b"331 password\r\n",
            Some(b"PASS") => b"530 Login incorrect.\r\n",
            _ => b"530 Please login with USER and PASS.\r\n",
        };
        let _ = stream.write_all(said);
        line.clear();
    }
}

fn run(command: &mut Command) -> (Option<i32>, Value) {
    let output = command.output().unwrap();
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)));
    (output.status.code(), value)
}

#[test]
fn json_names_the_cause() {
    for (greeting, in_place_of_tls, scheme, id, status) in [
        (&b"220 hi\r\n"[..], &b""[..], "ftp", "DX1", 4),
        (
            b"220 hi\r\n",
            b"500 Syntax error\r\n",
            "ftp",
            "PLAINTEXT",
            4,
        ),
        (
            b"220 hi\r\n",
            &[0x80, 0x2e, 4, 0, 1, 0, 2],
            "ftp",
            "SSLV2",
            4,
        ),
        (b"220 hi\r\n", b"", "ftps", "DX2", 4),
        (b"SSH-2.0-OpenSSH_9.9\r\n", b"", "ftp", "SSH", 8),
        (b"421 Too many connections\r\n", b"", "ftp", "DX23", 3),
    ] {
        let address = server(greeting, in_place_of_tls);
        let url = format!("{scheme}://{address}/");
        let (code, value) = run(ftp().args(["--json", "--timeout", "5", "ls", &url]));
        assert_eq!(code, Some(status), "{id}: {value}");
        let cause = &value["error"]["causes"][0];
        assert_eq!(cause["id"], id, "{value}");
        assert!(cause["evidence"][0].is_string(), "{value}");
        assert!(cause["client_advice"].is_string() && cause["server_advice"].is_string());
        assert!(
            cause["confidence"]
                .as_u64()
                .is_some_and(|percent| percent <= 100)
        );
        assert!(cause.get("next_probe").is_some());
    }
}

#[test]
fn diagnose_tries_the_other_way_to_tls_and_never_goes_without() {
    let address = server(b"220 hi\r\n", b"500 what\r\n");
    let url = format!("ftp://{address}/");
    let (code, value) = run(ftp().args(["--json", "--timeout", "5", "diagnose", &url]));
    assert_eq!(code, Some(4));
    let tried: Vec<(&str, bool)> = value["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rung| {
            (
                rung["tried"].as_str().unwrap(),
                rung["works"].as_bool().unwrap(),
            )
        })
        .collect();
    let port = address.port();
    assert_eq!(
        tried,
        [
            (&*format!("explicit TLS on port {port}"), false),
            (&*format!("implicit TLS on port {port}"), false)
        ]
    );
    assert_eq!(value["results"][0]["causes"][0]["id"], "PLAINTEXT");
    assert_eq!(value["results"][1]["causes"][0]["id"], "DX2");
}

#[test]
fn a_record_is_kept_replayed_and_explained() {
    let folder = std::env::temp_dir().join(format!("ftp-proto-trace-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("trace.jsonl");
    let address = server(b"220 hi\r\n", b"");
    let url = format!("ftp://joe:{CANARY}@{address}/");
    let output = ftp()
        .args(["--clear", "--timeout", "5", "--trace"])
        .arg(&file)
        .args(["ls", &url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("\"line\":\"PASS ****\"") && !text.contains(CANARY),
        "{text}"
    );

    let (code, value) = run(ftp().arg("--json").arg("replay").arg(&file));
    assert_eq!(code, Some(0));
    assert_eq!(value["results"][0]["causes"][0]["id"], "DX21", "{value}");
    let shown = ftp().arg("replay").arg(&file).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("---> PASS ****") && shown.contains("<--- 530 Login incorrect."),
        "{shown}"
    );
    assert!(shown.contains("the same again"), "{shown}");

    // What did not happen is found.
    fs::write(
        &file,
        text.replace("530 Login incorrect", "230 Login incorrect"),
    )
    .unwrap();
    let other = ftp().arg("-q").arg("replay").arg(&file).output().unwrap();
    assert_eq!(other.status.code(), Some(1));
    let says = String::from_utf8(other.stderr).unwrap();
    assert!(
        says.contains("trace.jsonl: line ") && says.contains("recorded <--- 530"),
        "{says}"
    );
    fs::write(&file, &text.as_bytes()[..text.len() - 5]).unwrap();
    let cut = ftp().arg("-q").arg("replay").arg(&file).output().unwrap();
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8(cut.stderr).unwrap().contains("expected"));
    fs::remove_dir_all(&folder).unwrap();
}
