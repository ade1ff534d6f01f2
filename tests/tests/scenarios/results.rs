//! What a session says about itself: whether it is at rest, what it has counted, and what the result of a transfer names.

use std::time::Duration;

use ftp_proto::client::{ClearText, DataMode, DataModes, Security};
use ftp_proto::diagnosis::Phase;
use ftp_proto::{Config, DataEnd, FailureKind, Proof, Secret, Timer, TlsFault, TransferOptions};
use ftp_proto_tests::rig::{Rig, in_clear};

use super::{clear, download, secure};

#[test]
fn a_session_is_at_rest_when_nothing_is_under_way() {
    let rig = Rig::new(Config::default());
    assert!(!rig.client().is_at_rest(), "there was no greeting");
    let mut rig = secure();
    assert!(rig.client().is_at_rest());
    let file = rig.retrieve("f");
    assert!(!rig.client().is_at_rest());
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
    assert!(!rig.client().is_at_rest() && !rig.client().is_answered());
    rig.reply("226 sent\r\n");
    assert!(rig.client().is_answered(), "the data is still to come");
    assert!(!rig.client().is_at_rest());
    rig.flow_finished(3, DataEnd::CloseNotify);
    rig.done(file);
    assert!(rig.client().is_at_rest() && !rig.client().is_answered());
    let noop = rig.ask(|client, now| client.noop(now));
    assert!(!rig.client().is_at_rest());
    rig.reply("200 fine\r\n");
    rig.done(noop);
    assert!(rig.client().is_at_rest());
    // The beginning of a reply that nobody asked for.
    rig.bytes(b"2");
    assert!(!rig.client().is_at_rest());
}

#[test]
fn bytes_and_files_are_counted() {
    let mut rig = clear();
    let before = *rig.client().evidence();
    let noop = rig.ask(|client, now| client.noop(now));
    rig.reply("200 fine\r\n");
    rig.done(noop);
    let after = *rig.client().evidence();
    assert_eq!(after.control.bytes_out - before.control.bytes_out, 6);
    assert_eq!(after.control.bytes_in - before.control.bytes_in, 10);
    assert_eq!((after.files, after.listings), (0, 0));
    let mut rig = secure();
    download(&mut rig, "one");
    download(&mut rig, "two");
    assert_eq!(rig.client().evidence().files, 2);
    let file = rig.retrieve("three");
    rig.reply("213 3\r\n229 (|||2121|)\r\n150 ok\r\n")
        .flow_finished(2, DataEnd::CloseNotify)
        .reply("226 sent\r\n");
    rig.failed(file);
    assert_eq!(rig.client().evidence().files, 2, "that one is not whole");
}

#[test]
fn the_first_data_mode_that_the_network_has_is_used() {
    let asked = |config: Config, peer: &str| {
        let mut rig = Rig::secure_to(config, peer);
        rig.retrieve("f");
        rig.sent()
    };
    let mut old = Config::default();
    old.data_modes = DataModes::new(&[DataMode::Pasv, DataMode::Epsv]).unwrap();
    let has = |lines: &[String], line: &str| lines.iter().any(|sent| sent == line);
    assert!(has(&asked(old.clone(), "192.0.2.1"), "PASV"));
    assert!(has(&asked(old, "2001:db8::1"), "EPSV"));
    assert!(has(&asked(Config::default(), "192.0.2.1"), "EPSV"));
    assert!(has(&asked(Config::default(), "2001:db8::1"), "EPSV"));
}

/// The size in the preliminary reply is a hint: it may say that something is missing, and never that nothing is.
#[test]
fn a_hint_proves_nothing() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n550 no SIZE\r\n229 (|||2121|)\r\n150 Opening (10 bytes).\r\n")
        .flow_finished(10, DataEnd::Fin)
        .reply("226 sent\r\n");
    let cut = FailureKind::Truncated {
        bytes: 10,
        expected: None,
    };
    assert_eq!(rig.failed(file), cut);
    // Of a rest it may count the whole.
    let mut rig = secure();
    let how = TransferOptions {
        offset: 4,
        ..TransferOptions::default()
    };
    let file = rig.ask(|client, now| client.retrieve(now, b"f", how));
    rig.reply("200 I\r\n550 no SIZE\r\n229 (|||2121|)\r\n")
        .reply("350 ok\r\n")
        .reply("150 Opening (10 bytes).\r\n")
        .flow_finished(6, DataEnd::CloseNotify)
        .reply("226 sent\r\n");
    assert_eq!(rig.done(file).bytes, 6);
}

#[test]
fn what_broke_on_the_data_connection_is_the_failure_and_only_a_refusal_has_a_code() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 10\r\n229 (|||2121|)\r\n150 ok\r\n")
        .flow_finished(10, DataEnd::Tls(TlsFault::Corrupt))
        .reply("226 sent\r\n");
    let failure = rig.failure(file);
    assert_eq!(failure.kind, FailureKind::DataTls(TlsFault::Corrupt));
    assert_eq!(failure.code, None, "the server is content");
    // The certificate is ours to judge, whatever the server then says about the file.
    for (fault, kind) in [
        (
            TlsFault::UnknownIssuer,
            FailureKind::DataTls(TlsFault::UnknownIssuer),
        ),
        (TlsFault::ClosedInHandshake, FailureKind::Refused),
    ] {
        let mut rig = Rig::secure(Config::default());
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
            .data_connected()
            .data_insecure(fault)
            .reply("550 no such file\r\n");
        assert_eq!(rig.failed(file), kind);
        // Once the transfer was announced, the file is there.
        let mut rig = Rig::secure(Config::default());
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n")
            .data_connected()
            .data_insecure(fault)
            .reply("550 no such file\r\n");
        assert_eq!(rig.failed(file), FailureKind::DataTls(fault));
    }
}

/// STOU: the server chooses the name (RFC 959 section 4.1.3), so the size is asked for by the name it told.
#[test]
fn what_the_server_has_named_is_asked_for_by_that_name() {
    for (size, whole) in [("213 3", true), ("213 2", false)] {
        let mut rig = secure();
        let stored = rig.ask(|c, now| c.store_unique(now, None, TransferOptions::default()));
        rig.reply("200 I\r\n229 (|||2121|)\r\n");
        rig.sent();
        rig.reply("150 FILE: uniq.1\r\n")
            .flow_finished(3, DataEnd::Fin)
            .reply("226 stored\r\n");
        assert_eq!(rig.sent(), ["SIZE uniq.1"]);
        rig.reply(&format!("{size}\r\n"));
        if whole {
            let done = rig.done(stored);
            assert_eq!(done.proof, Proof::SizeOnly);
            assert_eq!(done.name.as_deref(), Some(&b"uniq.1"[..]));
        } else {
            let kind = FailureKind::Truncated {
                bytes: 2,
                expected: Some(3),
            };
            assert_eq!(rig.failed(stored), kind);
        }
    }
    let mut rig = secure();
    let stored = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .reply("150 send\r\n")
        .flow_finished(3, DataEnd::Fin)
        .reply("226 stored\r\n")
        .reply("213 3\r\n");
    assert_eq!(rig.done(stored).name, None, "we named it ourselves");
}

/// A session that has come so far in its login.
fn begun(security: Security, replies: &[&str]) -> Rig {
    let mut config = Config::default();
    config.security = security;
    let mut rig = Rig::new(config);
    rig.login();
    for reply in replies {
        rig.reply(reply);
    }
    rig
}

#[test]
fn what_the_session_was_doing_when_it_ended_is_recorded() {
    let flowing = || {
        let mut rig = secure();
        rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
        rig
    };
    let required = Security::required();
    type End = fn(&mut Rig);
    let eof: End = |rig| {
        rig.eof();
    };
    let no_tls: End = |rig| {
        rig.secure_failed(TlsFault::Reset);
    };
    let no_reply_of_any: End = |rig| {
        rig.reply("350 what\r\n");
    };
    let quits: End = |rig| {
        rig.ask(|client, now| client.quit(now));
        // No reply of QUIT, so that it is not the end that was wished for.
        rig.reply("350 what\r\n");
    };
    let cut: End = |rig| {
        rig.eof();
        rig.flow_finished(1, DataEnd::Fin);
    };
    let with_login = |mut rig: Rig| {
        rig.secure_ok();
        rig
    };
    for (mut rig, end, phase) in [
        (begun(required, &[]), eof, Phase::Greeting),
        (begun(Security::implicit(), &[]), no_tls, Phase::Handshake),
        (begun(required, &["220 hi\r\n"]), eof, Phase::Negotiating),
        (
            begun(required, &["220 hi\r\n", "234 ok\r\n"]),
            no_tls,
            Phase::Handshake,
        ),
        (
            with_login(begun(required, &["220 hi\r\n", "234 ok\r\n"])),
            eof,
            Phase::Login,
        ),
        (secure(), eof, Phase::Dialogue),
        (flowing(), cut, Phase::Transfer),
        (flowing(), no_reply_of_any, Phase::Transfer),
        (secure(), quits, Phase::Quitting),
    ] {
        assert_eq!(rig.client().evidence().control.ended_in, None);
        end(&mut rig);
        assert!(rig.is_closed(), "{phase:?}; {}", rig.story());
        assert_eq!(rig.client().evidence().control.ended_in, Some(phase));
    }
}

/// The end of a reply that only a silence tells, and keep-alives, are no patience that ran out.
#[test]
fn the_patience_that_ran_out_is_recorded() {
    let expired = |rig: &Rig| {
        let evidence = rig.client().evidence();
        (evidence.control.expired, evidence.data.expired)
    };
    let mut rig = clear();
    rig.ask(|client, now| client.status(now, None));
    rig.reply("211-status\r\n226 end\r\n").tick_to_deadline();
    assert_eq!(expired(&rig), (None, None));
    rig.ask(|client, now| client.noop(now));
    rig.tick_to_deadline();
    assert_eq!(expired(&rig), (Some(Timer::Reply), None));

    let mut config = Config::default();
    config.keepalive = Some(Duration::from_secs(10));
    let mut rig = Rig::secure(config);
    rig.auto_data = true;
    rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
    rig.sent();
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["NOOP"]);
    assert_eq!(expired(&rig), (None, None));

    let mut rig = Rig::secure(Config::default());
    rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
        .tick_to_deadline();
    let open = Some(Timer::DataOpen);
    assert_eq!(expired(&rig), (open, open));
    rig.try_ask::<ftp_proto::Plain>(|client, _| {
        client.forget_evidence();
        Err(ftp_proto::Refusal::Policy)
    });
    assert_eq!(expired(&rig), (None, None));
    assert_eq!(rig.client().evidence().control.bytes_in, 0);
}

/// A batch of which a part is still to be answered has shown that this server needs one command at a time.
#[test]
fn a_login_that_fails_with_commands_outstanding_ends_the_batches() {
    for (security, lock_step) in [
        (Security::required(), true),
        (Security::clear(ClearText::Everybody), false),
    ] {
        let mut rig = begun(security, &["220 hi\r\n"]);
        if lock_step {
            rig.reply("234 ok\r\n").secure_ok();
        }
        assert!(rig.sent().iter().any(|line| line.starts_with("PASS")));
        rig.reply("331 password\r\n530 no\r\n");
        assert_eq!(rig.client().session().lock_step, lock_step);
        assert_eq!(rig.client().evidence().control.lock_step, lock_step);
    }
}

/// For checkers that have to know when they have been there before.
#[test]
fn machines_that_differ_in_their_past_alone_are_canonically_equal() {
    let mut rig = secure();
    let mut before = rig.client().clone();
    let noop = rig.ask(|client, now| client.noop(now));
    rig.pass(Duration::from_secs(9)).reply("200 fine\r\n");
    rig.done(noop);
    download(&mut rig, "f");
    let mut first = rig.client().clone();
    rig.pass(Duration::from_secs(1000));
    let mut later = rig.client().clone();
    later.handle(rig.now(), ftp_proto::Input::Timeout);
    assert!(first != later && before != first);
    before.canonical();
    first.canonical();
    later.canonical();
    assert!(first == later);
    assert!(before != first, "tickets are counted, for one");
}

/// A diagnosis asks whether the last command held bytes beyond ASCII, and when the password left. Of the password itself it learns nothing.
#[test]
fn the_last_command_is_remembered_but_for_what_is_secret() {
    let mut rig = Rig::new(in_clear());
    rig.ask(|c, now| c.login(now, b"bob", Secret::new("gehe\u{ef}mnis".as_bytes()), None));
    let beyond_ascii = |rig: &Rig| rig.client().evidence().control.last_beyond_ascii;
    rig.pass(Duration::from_secs(2)).reply("220 hi\r\n");
    assert_eq!(rig.sent()[1], "PASS gehe\u{ef}mnis");
    let left = Some(rig.now());
    assert!(!beyond_ascii(&rig));
    rig.pass(Duration::from_secs(2))
        .reply("331 p\r\n230 in\r\n");
    for (name, is) in [("caf\u{e9}", true), ("cafe", false)] {
        rig.ask(|c, now| c.delete(now, name.as_bytes()));
        assert_eq!(beyond_ascii(&rig), is, "{name}");
        rig.pass(Duration::from_secs(2)).reply("250 gone\r\n");
    }
    assert_eq!(rig.client().evidence().control.password_sent, left);
}

/// What a transfer is to bring is its own, whatever is asked for behind it.
#[test]
fn the_bytes_expected_are_those_of_the_transfer_that_runs() {
    let mut rig = clear();
    let of_size = |size| TransferOptions {
        size: Some(size),
        ..TransferOptions::default()
    };
    for size in [100, 7] {
        rig.ask(|c, now| c.retrieve(now, b"f", of_size(size)));
    }
    rig.reply("200 I\r\n229 (|||2121|)\r\n150 ok\r\n");
    assert_eq!(rig.client().evidence().data.expected, Some(100));
    rig.flow_finished(100, DataEnd::Fin)
        .reply("226 sent\r\n229 (|||2122|)\r\n150 ok\r\n");
    assert_eq!(rig.client().evidence().data.expected, Some(7));
}
