//! What real servers do against the letter, or within it and yet to the surprise of most clients. Each has been seen.
//!
//! Most of them are scripted peers (`tests/scripts/servers/Q*`), and run over the drivers too; here is what takes a table, or a look into the
//! machine.

#![allow(
    unused_must_use,
    reason = "many requests are made only to see what is sent"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

use std::time::Duration;

use ftp_proto::client::{Batching, DataMode, DataModes, PassiveAddress};
use ftp_proto::wire::reply::Code;
use ftp_proto::{
    Config, DataEnd, DataTarget, FailureKind, Fault, Note, Proof, Ticket, TlsFault, Transferred,
};
use ftp_proto_tests::rig::{Act, Rig, in_clear};

/// Both ways of sending: batched and one command at a time.
fn both() -> [Config; 2] {
    let mut lock_step = Config::default();
    lock_step.batching = Batching::LockStep;
    [Config::default(), lock_step]
}

/// PASV only.
fn passive() -> Config {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Pasv]).unwrap();
    config
}

/// A server that answers each command by a table; what is not in it gets the usual answer.
struct Scripted<'a> {
    answers: &'a [(&'a str, &'a str)],
}

impl Scripted<'_> {
    /// Answers until nothing more is asked.
    fn serve(&self, rig: &mut Rig) {
        let mut pending = Vec::new();
        loop {
            pending.extend(rig.sent());
            if pending.is_empty() || rig.is_closed() {
                return;
            }
            let line: String = pending.remove(0);
            let verb = line.split(' ').next().unwrap_or("");
            let answer = self
                .answers
                .iter()
                .find(|(command, _)| *command == verb)
                .map_or_else(|| usual(verb), |(_, answer)| answer);
            if !answer.is_empty() {
                rig.reply(answer);
            }
        }
    }
}

fn usual(verb: &str) -> &'static str {
    match verb {
        "USER" => "331 password\r\n",
        "PASS" => "230 in\r\n",
        "SIZE" => "213 10\r\n",
        "EPSV" => "229 ok (|||2121|)\r\n",
        "PASV" => "227 ok (192,0,2,1,8,73)\r\n",
        "RETR" | "STOR" | "LIST" => "150 ok\r\n",
        "PWD" => "257 \"/\"\r\n",
        "ABOR" => "226 ok\r\n",
        _ => "200 ok\r\n",
    }
}

/// A clear-text session from the greeting to a file of 10 bytes in full; `answers` say what the server does differently.
fn whole_session(mut config: Config, answers: &[(&str, &str)]) -> (Rig, Ticket<Transferred>) {
    config.security = in_clear().security;
    let mut rig = Rig::new(config);
    rig.auto_data = true;
    let login = rig.login();
    let file = rig.retrieve("f");
    rig.reply("220 ready\r\n");
    Scripted { answers }.serve(&mut rig);
    rig.done(login);
    (rig, file)
}

fn takes_it_all(mut rig: Rig, file: Ticket<Transferred>) {
    rig.flow_finished(10, DataEnd::Fin);
    if rig.result(file).is_none() {
        rig.reply("226 sent\r\n");
    }
    assert_eq!(rig.done(file).bytes, 10);
    // And it is in step.
    rig.sent();
    let noop = rig.ask(|c, now| c.noop(now));
    rig.reply("200 ok\r\n");
    rig.done(noop);
}

// ---- the table

#[test]
fn quirk_multi_line_has_a_line_that_looks_like_an_end() {
    for config in both() {
        let (rig, file) = whole_session(
            config,
            &[(
                "PASS",
                "230-Welcome\r\n123 files\r\n200 users\r\n230 in\r\n",
            )],
        );
        takes_it_all(rig, file);
    }
}

#[test]
fn quirk_bare_lf_replies() {
    for config in both() {
        let (rig, file) = whole_session(
            config,
            &[
                ("USER", "331 password\n"),
                ("PASS", "230-in\n really\n230 in\n"),
                ("TYPE", "200 ok\n"),
                ("SIZE", "213 10\n"),
                ("EPSV", "229 ok (|||2121|)\n"),
                ("RETR", "150 ok\n"),
            ],
        );
        takes_it_all(rig, file);
    }
}

#[test]
fn quirk_no_150_and_226_straight() {
    for config in both() {
        let (rig, file) = whole_session(config, &[("RETR", "226 sent\r\n")]);
        takes_it_all(rig, file);
    }
}

#[test]
fn quirk_227_without_parentheses() {
    for answer in [
        "227 Entering Passive Mode 192,0,2,1,8,73\r\n",
        "227 =192,0,2,1,8,73\r\n",
        "227 Entering Passive Mode [192,0,2,1,8,73]\r\n",
        "227 Entering Passive Mode {192,0,2,1,8,73}.\r\n",
        "227 Entering Passive Mode <192,0,2,1,8,73>\r\n",
        "227 Entering Passive Mode (192,0,2,1,8,73\r\n",
    ] {
        let (rig, file) = whole_session(passive(), &[("PASV", answer)]);
        assert!(
            rig.did(Act::Connect(DataTarget::Peer { port: 2121 })),
            "{answer}"
        );
        takes_it_all(rig, file);
    }
}

#[test]
fn quirk_227_wrong_or_private_address() {
    for address in [
        "10,0,0,1",
        "127,0,0,1",
        "0,0,0,0",
        "224,0,0,1",
        "203,0,113,9",
        "255,255,255,255",
    ] {
        let answer = format!("227 ok ({address},8,73)\r\n");
        let (rig, file) = whole_session(passive(), &[("PASV", &answer)]);
        assert!(
            rig.did(Act::Connect(DataTarget::Peer { port: 2121 })),
            "{address}"
        );
        assert!(
            rig.notes()
                .iter()
                .any(|note| matches!(note, Note::PassiveAddressIgnored(_)))
        );
        takes_it_all(rig, file);
    }
    let mut config = passive();
    config.passive_address = PassiveAddress::Trusted;
    let (rig, file) = whole_session(config, &[("PASV", "227 ok (203,0,113,9,8,73)\r\n")]);
    assert!(rig.did(Act::Connect(DataTarget::Address(
        "203.0.113.9:2121".parse().unwrap()
    ))));
    takes_it_all(rig, file);
}

#[test]
fn quirk_229_but_the_port_is_blocked() {
    for config in both() {
        for fault in [Fault::Refused, Fault::TimedOut, Fault::Unreachable] {
            let mut rig = Rig::clear(config.clone());
            let file = rig.retrieve("f");
            Scripted {
                answers: &[("RETR", "")],
            }
            .serve(&mut rig);
            rig.data_failed(fault);
            rig.auto_data = true;
            if fault != Fault::TimedOut {
                // Nor does it say a word of the file.
                rig.tick_to_deadline();
            }
            let mut first = true;
            while let Some(line) = rig.sent().first().cloned() {
                match line.as_str() {
                    "ABOR" => rig.reply("425 cannot open\r\n").reply("226 aborted\r\n"),
                    "PWD" => rig.reply("257 \"/\"\r\n"),
                    "PASV" => rig.reply("227 ok (192,0,2,1,8,73)\r\n"),
                    "RETR f" => rig.reply("150 ok\r\n"),
                    other => panic!("{other}"),
                };
                first = false;
            }
            assert!(!first);
            takes_it_all(rig, file);
        }
    }
}

#[test]
fn quirk_226_to_type() {
    for answer in ["226 ok\r\n", "220 ok\r\n", "250 ok\r\n"] {
        for config in both() {
            let (rig, file) = whole_session(config, &[("TYPE", answer)]);
            takes_it_all(rig, file);
        }
    }
}

#[test]
fn quirk_421_for_the_final_226() {
    for config in both() {
        for data_first in [true, false] {
            let (mut rig, file) = whole_session(config.clone(), &[]);
            if rig.client().config().batching == Batching::LockStep {
                // SIZE was not asked: no size, no proof.
                continue;
            }
            if data_first {
                rig.flow_finished(10, DataEnd::Fin)
                    .reply("421 idle for too long\r\n");
            } else {
                rig.reply("421 idle for too long\r\n")
                    .flow_finished(10, DataEnd::Fin);
            }
            assert_eq!(rig.failed(file), FailureKind::Unconfirmed { bytes: 10 });
            assert_eq!(rig.end_kind(), Some(FailureKind::ServiceClosing));
        }
    }
}

#[test]
fn quirk_250_for_226() {
    for config in both() {
        let (rig, file) = whole_session(config, &[("RETR", "150 ok\r\n250 sent\r\n")]);
        takes_it_all(rig, file);
    }
}

#[test]
fn quirk_no_close_notify_on_a_download() {
    let mut rig = Rig::secure(Config::default());
    rig.auto_data = true;
    let file = rig.retrieve("f");
    Scripted { answers: &[] }.serve(&mut rig);
    rig.flow_finished(10, DataEnd::Fin).reply("226 sent\r\n");
    assert_eq!(rig.done(file).proof, Proof::SizeOnly);
}

// ---- others

#[test]
fn quirk_ssh_or_http_on_the_port() {
    for bytes in [
        "SSH-2.0-x",
        "HTTP/1.1 400\r\n",
        "\x15\x03\x03\0\x02\x02\x28",
    ] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.reply(bytes);
        assert!(matches!(rig.failed(login), FailureKind::Protocol(_)));
    }
}

#[test]
fn quirk_feat_in_one_line_or_empty_or_with_repeated_codes() {
    for (answer, size) in [
        ("211 no features\r\n", false),
        ("211-Features:\r\n211 End\r\n", false),
        ("211-Features:\r\n SIZE\r\n211 End\r\n", true),
        ("211-Features:\r\n211-SIZE\r\n211-MDTM\r\n211 End\r\n", true),
        ("211-Features:\r\nSIZE\r\n211 End\r\n", true),
    ] {
        let mut rig = Rig::clear(Config::default());
        let features = rig.ask(|c, now| c.features(now));
        rig.reply(answer);
        let known = rig.done(features).known;
        assert_eq!(
            known.contains(ftp_proto::wire::features::Known::Size),
            size,
            "{answer}"
        );
        let noop = rig.ask(|c, now| c.noop(now));
        rig.reply("200 ok\r\n");
        rig.done(noop);
    }
}

#[test]
fn quirk_utf8_is_always_on() {
    for code in [200, 202] {
        let mut rig = Rig::clear(Config::default());
        let on = rig.ask(|c, now| c.options(now, b"UTF8 ON"));
        rig.reply(&format!("{code} always\r\n"));
        rig.done(on);
    }
}

#[test]
fn quirk_odd_forms_of_257() {
    for (answer, name) in [
        ("257 rubbish in front \"/a\"\r\n", Some("/a")),
        ("257 \"/a \"\"b\"\"\" x\r\n", Some("/a \"b\"")),
        ("257 \"/unclosed\r\n", None),
        ("257 no quotes\r\n", None),
    ] {
        let mut rig = Rig::clear(Config::default());
        let pwd = rig.ask(|c, now| c.working_directory(now));
        rig.reply(answer);
        let found = rig.done(pwd);
        if name.is_some() {
            assert_eq!(found.as_deref(), name.map(str::as_bytes), "{answer}");
        }
    }
}

#[test]
fn quirk_telnet_negotiation_in_the_replies() {
    let mut rig = Rig::clear(Config::default());
    let pwd = rig.ask(|c, now| c.working_directory(now));
    rig.bytes(b"\xff\xfb\x01257 \"/\xff\xff\"\xff\xf1 ok\r\n");
    assert_eq!(rig.done(pwd), Some(b"/\xff".to_vec()));
    let cwd = rig.ask(|c, now| c.change_directory(now, b"/\xff"));
    rig.reply("250 ok\r\n");
    rig.done(cwd);
}

#[test]
fn quirk_cr_nul_stands_for_cr_and_a_name_with_one_is_not_taken() {
    let mut rig = Rig::clear(Config::default());
    let pwd = rig.ask(|c, now| c.working_directory(now));
    let noop = rig.ask(|c, now| c.noop(now));
    rig.bytes(b"257 \"/a\r\0b\"\r\n200 ok\r\n");
    assert_eq!(rig.done(pwd), None);
    rig.done(noop);
}

#[test]
fn quirk_first_line_repeated_and_end_without_text() {
    let mut rig = Rig::clear(Config::default());
    let status = rig.ask(|c, now| c.status(now, None));
    rig.reply("211-status\r\n211-more\r\n211-\r\n211\r\n");
    assert_eq!(rig.done(status).code.value(), 211);
}

#[test]
fn quirk_229_with_other_delimiters_and_filled_fields() {
    for answer in [
        "229 ok (!!!2121!)\r\n",
        "229 ok (|1|10.0.0.1|2121|)\r\n",
        "229 ok |||2121|\r\n",
        "229 ok (|||2121)\r\n",
        "229 ok (|||2121|\r\n",
    ] {
        for config in both() {
            let (rig, file) = whole_session(config, &[("EPSV", answer)]);
            assert!(
                rig.did(Act::Connect(DataTarget::Peer { port: 2121 })),
                "{answer}: {}",
                rig.story()
            );
            takes_it_all(rig, file);
        }
    }
}

#[test]
fn quirk_bad_227_and_229_are_refusals_and_nothing_is_connected() {
    for answer in [
        "227 (1,2,3,4,5)\r\n",
        "227 (256,0,2,1,8,73)\r\n",
        "227 (192,0,2,1,0,0)\r\n",
        "227 ok\r\n",
        "200 ok\r\n",
    ] {
        let mut rig = Rig::clear(passive());
        let file = rig.retrieve("f");
        Scripted {
            answers: &[("PASV", answer), ("RETR", "425 no\r\n")],
        }
        .serve(&mut rig);
        assert!(
            matches!(rig.failed(file), FailureKind::DataOpen(_)),
            "{answer}"
        );
        assert!(!rig.acts().iter().any(|act| matches!(act, Act::Connect(_))));
        assert!(!rig.is_closed());
    }
}

#[test]
fn quirk_a_server_that_never_leaves_its_listener_is_brought_back_by_abor() {
    // EPSV is fine, RETR waits for a connection that a firewall swallows; ABOR is not seen at once either.
    let mut rig = Rig::clear(Config::default());
    let file = rig.retrieve("f");
    Scripted {
        answers: &[("RETR", "150 opening\r\n")],
    }
    .serve(&mut rig);
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["ABOR"]);
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["PWD"], "the barrier");
    rig.reply("425 timeout\r\n226 aborted\r\n257 \"/\"\r\n");
    assert_eq!(rig.sent(), ["PASV"]);
    assert_eq!(rig.result(file), None);
}

#[test]
fn quirk_a_listener_closed_before_the_refusal_is_told_is_no_reason_to_change_the_data_mode() {
    for late in [false, true] {
        let mut rig = Rig::clear(Config::default());
        let file = rig.retrieve("nothing");
        Scripted {
            answers: &[("RETR", "")],
        }
        .serve(&mut rig);
        rig.data_failed(Fault::Reset);
        assert!(rig.sent().is_empty(), "the refusal is on its way");
        if late {
            rig.tick_to_deadline();
            assert_eq!(rig.sent(), ["ABOR"]);
        }
        rig.reply("550 nothing: no such file\r\n");
        if late {
            rig.reply("226 aborted\r\n").barrier();
        }
        assert_eq!(rig.failed(file), FailureKind::Refused);
        assert_eq!(rig.client().session().lock_step, late);
        rig.retrieve("next");
        assert!(rig.sent().contains(&"EPSV".to_owned()));
    }
}

#[test]
fn quirk_552_disk_full_in_mid_upload() {
    let mut rig = Rig::secure(Config::default());
    rig.auto_data = true;
    let file = rig.store("f");
    Scripted { answers: &[] }.serve(&mut rig);
    rig.progress(4096).reply("552 disk full\r\n");
    let failure = rig.failure(file);
    assert_eq!(failure.code, Some(Code::STORAGE_EXCEEDED));
    assert!(rig.desk().is_empty());
    assert!(!rig.is_closed());
}

#[test]
fn quirk_226_never_comes_because_the_control_connection_was_forgotten_by_a_nat() {
    let (mut rig, file) = whole_session(Config::default(), &[]);
    rig.pass(Duration::from_secs(100)).progress(5);
    rig.pass(Duration::from_secs(100))
        .flow_finished(10, DataEnd::Fin);
    assert_eq!(rig.patience(), Some(Duration::from_secs(60)));
    rig.tick_to_deadline();
    assert_eq!(rig.failed(file), FailureKind::Unconfirmed { bytes: 10 });
}

#[test]
fn quirk_size_zero_lie_or_rubbish_around_the_digits() {
    for (answer, size) in [
        ("213 10\r\n", Some(10)),
        ("213 rubbish 10\r\n", None),
        ("550 no\r\n", None),
        ("500 what\r\n", None),
    ] {
        let (mut rig, file) = whole_session(Config::default(), &[("SIZE", answer)]);
        rig.flow_finished(10, DataEnd::Fin).reply("226 ok\r\n");
        let done = rig.done(file);
        assert!(
            done.expected == size || done.expected == Some(10),
            "{answer}"
        );
    }
}

#[test]
fn quirk_the_server_demands_a_resumed_tls_session() {
    for code in [425, 522, 550] {
        let mut rig = Rig::secure(Config::default());
        let file = rig.retrieve("f");
        Scripted { answers: &[] }.serve(&mut rig);
        rig.data_connected();
        let order = rig.desk_mut().secure_data.take().unwrap();
        rig.handle(ftp_proto::Input::Report(
            order.failed(TlsFault::ClosedInHandshake),
        ));
        rig.reply(&format!(
            "{code} TLS session of data connection not resumed\r\n"
        ));
        let failure = rig.failure(file);
        assert_eq!(
            failure.kind,
            FailureKind::DataTls(TlsFault::ClosedInHandshake)
        );
        assert_eq!(
            failure.code.map(|c| c.value()),
            Some(code),
            "both sides of the story are kept"
        );
        assert!(!rig.is_closed());
    }
}

#[test]
fn quirk_ccc_is_ended_by_one_side_only() {
    let mut config = Config::default();
    config.security = config.security.allow_ccc();
    let mut rig = Rig::secure(config);
    let clear = rig.ask(|c, now| c.clear_command_channel(now));
    rig.reply("200 ok\r\n");
    assert_eq!(
        rig.patience(),
        Some(Duration::from_secs(30)),
        "waits, but not for ever"
    );
    rig.cleared();
    rig.done(clear);
}
