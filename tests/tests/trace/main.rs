//! Records of sessions: written, read again, replayed; and what happens when one byte of them is another one.
//!
//! The bench itself records and replays every session of every suite (see `rig`), random walks included.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

#[cfg(target_os = "linux")]
mod real;

use std::time::Duration;

use ftp_proto::client::Security;
use ftp_proto::trace::{Trace, What, replay};
use ftp_proto::{Config, DataEnd, Fault, Input, Secret, Tickets, TlsFault};
use ftp_proto_tests::rig::{CANARY, Rig, USER};
use ftp_proto_tests::transcript::recordings;

/// A session with a bit of everything.
fn session() -> Rig {
    let mut rig = Rig::new(Config::default());
    rig.auto_control = true;
    rig.auto_data = true;
    let login = rig.login();
    rig.pass(Duration::from_millis(30));
    rig.reply("220-Welcome\r\n220 ready\r\n")
        .reply("234 go on\r\n");
    rig.reply("331 password\r\n").reply("230 in\r\n");
    rig.reply("200 PBSZ=0\r\n").reply("200 private\r\n");
    assert!(rig.result(login).is_some());
    rig.tickets(Tickets::Left(2));
    let list = rig.ask(|c, now| c.list(now, None));
    rig.reply("229 Entering Extended Passive Mode (|||50321|)\r\n150 Here it comes\r\n");
    rig.pass(Duration::from_millis(5));
    rig.progress(100);
    rig.flow_finished(120, DataEnd::CloseNotify)
        .reply("226 Done\r\n");
    assert_eq!(rig.done(list).bytes, 120);
    let file = rig.retrieve("a \"b\"\u{e4}");
    rig.reply("200 binary\r\n213 10\r\n229 (|||50322|)\r\n150 Opening\r\n");
    rig.flow_finished(7, DataEnd::Failed(Fault::Reset))
        .reply("426 Broken\r\n");
    assert!(rig.result(file).unwrap().is_err());
    let store = rig.store("new");
    rig.reply("229 (|||50323|)\r\n").reply("150 send\r\n");
    let abort = rig.ask(|c, now| c.abort(now));
    rig.reply("426 stopped\r\n").reply("226 aborted\r\n");
    assert!(rig.result(store).is_some() && rig.result(abort).is_some());
    let quit = rig.ask(|c, now| c.quit(now));
    rig.reply("221 bye\r\n");
    assert!(rig.result(quit).is_some());
    rig
}

#[test]
fn a_session_as_a_dialogue() {
    let text = session().client().recording().unwrap().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "   0.000      connected to 192.0.2.1");
    for expected in [
        "   0.000      asked for login alice, with a password (ticket 1)",
        "   0.030      <--- 220 Welcome\\nready",
        "   0.030      ---> AUTH TLS",
        "   0.030      start TLS: control (order 1)",
        "   0.030      order 1: TLS 1.3",
        "   0.030  tls ---> PASS ****",
        "   0.030  tls <--- 230 in",
        "   0.030  tls connect: data 1 to port 50321 of the peer (order 2)",
        "   0.030  tls flow: data 1, Receive, protected (order 4)",
        "   0.035  tls order 4: 120 bytes, close_notify",
        "   0.035  tls ---> RETR a \"b\"\u{e4}",
        "   0.035  tls asked to abort (ticket 5)",
        "   0.035  tls close: data 3",
    ] {
        assert!(lines.contains(&expected), "{expected}\n{text}");
    }
    assert!(!text.contains(CANARY));
}

#[test]
fn every_line_is_json_for_others_too() {
    let json = session().client().recording().unwrap().to_json_lines();
    for line in json.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["at"].is_u64(), "{line}");
    }
    let replies = json
        .lines()
        .filter(|line| line.contains("\"out\":\"received\""))
        .count();
    assert!(replies > 15, "{json}");
}

/// Answers of real servers, whatever they answer: the same again.
#[test]
fn sessions_with_what_real_servers_said() {
    let mut sessions = 0;
    for recording in recordings().unwrap() {
        for section in &recording.sections {
            let mut config = Config::default();
            if recording.name.contains("plain") {
                config = ftp_proto_tests::rig::in_clear();
            } else if recording.name.contains("implicit") {
                config.security = Security::implicit();
            }
            let mut rig = Rig::new(config);
            rig.checks_splits = false;
            rig.auto_control = true;
            rig.auto_data = true;
            rig.settle();
            let _ = rig.login();
            let _ = rig.ask(|c, now| c.list(now, None));
            let _ = rig.retrieve("f");
            for exchange in section.exchanges() {
                rig.pass(Duration::from_millis(3));
                if rig.is_closed() {
                    break;
                }
                if rig.client().reads_control() {
                    rig.bytes(&exchange.replies);
                }
                if let (Some((bytes, notified, _)), true) =
                    (exchange.data, rig.desk().flow.is_some())
                {
                    let end = if notified {
                        DataEnd::CloseNotify
                    } else {
                        DataEnd::Fin
                    };
                    rig.flow_finished(bytes, end);
                }
            }
            let trace = rig.client().recording().unwrap();
            assert!(trace.entries.len() > 5);
            replay(&Trace::read(&trace.to_json_lines()).unwrap()).unwrap_or_else(|divergence| {
                panic!("{}, {}: {divergence}", recording.name, section.title)
            });
            sessions += 1;
        }
    }
    println!("{sessions} sessions replayed");
    assert!(sessions >= 28);
}

/// Every letter and digit of everything the server said, and of everything that came out, changed one at a time.
#[test]
fn one_byte_changed_is_found_where_it_makes_a_difference() {
    let rig = session();
    let json = rig.client().recording().unwrap().to_json_lines();
    let mut start = 0;
    let mut tried = [0; 3];
    for (number, line) in (1..).zip(json.split_inclusive('\n')) {
        let from_server = line.contains("\"in\":\"control\"");
        let output = line.contains("\"out\":");
        for (at, byte) in line.bytes().enumerate() {
            let replaced = match byte {
                b'9' => b'8',
                b'0'..=b'8' => byte + 1,
                b'z' | b'Z' => byte - 1,
                b'a'..=b'y' | b'A'..=b'Y' => byte + 1,
                _ => continue,
            };
            // Not every number in the settings, or of bytes so far, matters for this session; none of them may do harm.
            let mut changed = json.clone().into_bytes();
            changed[start + at] = replaced;
            let changed = String::from_utf8(changed).unwrap();
            let outcome = match Trace::read(&changed) {
                Err(error) => {
                    tried[0] += 1;
                    Err((error.line, error.to_string()))
                }
                Ok(trace) => match replay(&trace) {
                    Err(divergence) => {
                        tried[1] += 1;
                        Err((divergence.line, divergence.to_string()))
                    }
                    Ok(_) => {
                        tried[2] += 1;
                        Ok(())
                    }
                },
            };
            match outcome {
                Ok(()) => assert!(
                    !from_server && !output,
                    "line {number}: byte {at} of {line} changed to {}, and nobody noticed",
                    char::from(replaced)
                ),
                Err((found, says)) if output => {
                    assert_eq!(found, number, "{says}; byte {at} of {line}");
                }
                Err((found, says)) => {
                    assert!(found >= number, "{says}; byte {at} of {line}");
                    assert!(says.starts_with(&format!("line {found}: ")), "{says}");
                }
            }
        }
        start += line.len();
    }
    println!(
        "{} changes cannot be read, {} diverge, {} make no difference",
        tried[0], tried[1], tried[2]
    );
}

#[test]
fn a_record_without_its_last_output_is_noticed() {
    let rig = session();
    let mut trace = rig.client().recording().unwrap();
    let last = trace
        .entries
        .iter()
        .rposition(|entry| entry.what.is_output())
        .unwrap();
    trace.entries.remove(last);
    let divergence = replay(&trace).unwrap_err();
    assert_eq!(divergence.replayed, "closed", "{divergence}");
}

/// The record says what was wrong, too: its replay ends in a machine that can be asked.
#[test]
fn a_replayed_session_can_be_diagnosed() {
    let mut rig = Rig::new(Config::default());
    let _ = rig.login();
    rig.reply("220 ready\r\n").reply("234 go on\r\n");
    rig.handle(Input::Found(ftp_proto::Channel::Control, b"500 what\r\n"));
    rig.secure_failed(TlsFault::NotTls);
    let failure = rig.end().unwrap();
    let before = rig.client().diagnose(Some(&failure));
    let json = rig.client().recording().unwrap().to_json_lines();
    let again = replay(&Trace::read(&json).unwrap()).unwrap();
    assert_eq!(again.failure, Some(failure));
    assert_eq!(again.diagnose(), before);
    assert_eq!(before.first().unwrap().id.as_str(), "PLAINTEXT");
}

/// Accounts and passwords asked for in any way, and repeated by the server, leave no trace.
#[test]
fn no_secret_is_in_any_record() {
    const ACCOUNT: &str = "acc0unt-n0-b0dy-may-see";
    let mut rig = Rig::clear(Config::default());
    let _ = rig.ask(|c, now| c.account(now, &Secret::new(ACCOUNT.as_bytes())));
    rig.reply(&format!("530 Account {ACCOUNT} of {USER} unknown\r\n"));
    let trace = rig.client().recording().unwrap();
    let whole = format!("{trace}\n{}\n{trace:?}", trace.to_json_lines());
    assert!(!whole.contains(ACCOUNT), "{whole}");
    assert!(whole.contains("Account **** of alice unknown"));
    assert!(
        trace
            .entries
            .iter()
            .any(|entry| matches!(&entry.what, What::Asked(asked) if asked.account))
    );
}
