//! What a session says about itself: whether it is at rest, what it has counted, and what the result of a transfer names.

use ftp_proto::client::{DataMode, DataModes};
use ftp_proto::{Config, DataEnd, FailureKind, Proof, TlsFault, TransferOptions};
use ftp_proto_tests::rig::Rig;

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
