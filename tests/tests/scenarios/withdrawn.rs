//! Requests that nobody waits for any more, and what may be left of them.

use ftp_proto::client::{DataMode, DataModes};
use ftp_proto::{Client, Config, DataEnd, FailureKind, Fault, Refusal, TransferOptions};
use ftp_proto_tests::rig::Rig;

use super::{download, secure};

#[test]
fn what_was_not_begun_is_never_sent_when_it_is_withdrawn() {
    let mut rig = secure();
    let first = rig.ask(|c, now| c.make_directory(now, b"a"));
    let second = rig.ask(|c, now| c.delete(now, b"b"));
    let third = rig.ask(|c, now| c.delete(now, b"c"));
    rig.withdraw(second.id()).unwrap();
    assert_eq!(rig.failed(second), FailureKind::Withdrawn);
    rig.reply("257 \"/a\" made\r\n").reply("250 gone\r\n");
    assert_eq!(rig.sent(), ["MKD a", "DELE c"]);
    rig.done(first);
    rig.done(third);
    assert_eq!(rig.withdraw(third.id()), Err(Refusal::NothingToAbort));
}

#[test]
fn the_reply_to_what_was_withdrawn_means_nothing() {
    let mut rig = secure();
    let moved = rig.ask(|c, now| c.rename(now, b"a", b"b"));
    assert_eq!(rig.sent(), ["RNFR a"]);
    rig.withdraw(moved.id()).unwrap();
    assert_eq!(rig.failed(moved), FailureKind::Withdrawn);
    let here = rig.ask(Client::working_directory);
    assert!(rig.sent().is_empty(), "nothing rides behind it");
    rig.reply("350 go on\r\n");
    assert_eq!(
        rig.sent(),
        ["RNTO"],
        "what the server waits for, to nowhere"
    );
    rig.reply("501 a name is missing\r\n");
    assert_eq!(rig.sent(), ["PWD"]);
    rig.reply("257 \"/\"\r\n");
    rig.done(here);
}

#[test]
fn a_rename_that_was_withdrawn_leaves_no_server_waiting_for_its_other_half() {
    for (to_rnfr, to_rnto) in [
        ("350 go on\r\n", Some("501 a name is missing\r\n")),
        ("350 go on\r\n", Some("503 what?\r\n")),
        ("350 go on\r\n", Some("250 as you like\r\n")),
        ("550 no such file\r\n", None),
        ("503 log in\r\n", None),
        ("250 what for?\r\n", None),
    ] {
        let mut rig = secure();
        let moved = rig.ask(|c, now| c.rename(now, b"a", b"b"));
        rig.sent();
        rig.withdraw(moved.id()).unwrap();
        assert_eq!(rig.failed(moved), FailureKind::Withdrawn);
        rig.reply(to_rnfr);
        let next = rig.ask(Client::noop);
        if let Some(reply) = to_rnto {
            assert_eq!(rig.sent(), ["RNTO"], "and nothing rides behind it");
            rig.reply(reply);
        }
        assert_eq!(rig.sent(), ["NOOP"]);
        rig.reply("200 ok\r\n");
        rig.done(next);
    }
}

/// It may be answered by anything, but only its final reply is its last; and as it moves no data, there is nothing to abort.
#[test]
fn a_preliminary_reply_does_not_end_what_was_withdrawn() {
    let mut rig = secure();
    let moved = rig.ask(|c, now| c.rename(now, b"a", b"b"));
    let next = rig.ask(Client::noop);
    rig.withdraw(moved.id()).unwrap();
    assert_eq!(rig.sent(), ["RNFR a"]);
    rig.reply("150 looking for it\r\n");
    assert!(rig.sent().is_empty());
    rig.reply("550 no such file\r\n");
    assert_eq!(rig.sent(), ["NOOP"]);
    rig.reply("200 ok\r\n");
    rig.done(next);
}

#[test]
fn a_transfer_withdrawn_while_it_is_set_up_is_not_begun() {
    let mut rig = secure();
    rig.auto_data = false;
    let file = rig.store("f");
    assert_eq!(rig.sent(), ["TYPE I", "EPSV"]);
    rig.reply("200 I\r\n229 (|||2121|)\r\n");
    rig.withdraw(file.id()).unwrap();
    assert_eq!(rig.failed(file), FailureKind::Withdrawn);
    assert!(rig.desk().is_empty(), "the data connection is closed");
    assert!(rig.sent().is_empty());
    rig.auto_data = true;
    download(&mut rig, "next");
}

#[test]
fn a_transfer_withdrawn_while_it_runs_is_aborted_and_the_next_one_follows() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    let next = rig.retrieve("g");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n")
        .progress(7);
    rig.sent();
    rig.withdraw(file.id()).unwrap();
    assert!(rig.sent().is_empty());
    rig.withdraw(file.id()).unwrap();
    rig.reply("426 cut\r\n");
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 7 });
    rig.withdraw(next.id()).unwrap();
    assert_eq!(rig.failed(next), FailureKind::Withdrawn);
}

#[test]
fn a_login_that_has_begun_goes_on_though_nobody_waits() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    rig.reply("220 ready\r\n")
        .reply("234 go on\r\n")
        .secure_ok();
    assert!(rig.sent().iter().any(|line| line.starts_with("USER")));
    rig.withdraw(login.id()).unwrap();
    assert_eq!(rig.result(login), None);
}

/// A restart point the server has acknowledged, of a transfer that was then given up before its command.
fn restart_point_left(acknowledged: bool) -> Rig {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Epsv]).unwrap();
    let mut rig = Rig::secure(config);
    let how = TransferOptions {
        offset: 7,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.store(now, b"f", how));
    rig.reply("200 I\r\n229 (|||2121|)\r\n");
    assert_eq!(rig.sent().last().unwrap(), "REST 7");
    rig.data_failed(Fault::Refused);
    rig.failed(file);
    rig.reply(if acknowledged {
        "350 ok\r\n"
    } else {
        "502 no\r\n"
    });
    assert!(rig.sent().is_empty());
    rig.auto_data = true;
    rig
}

#[test]
fn a_restart_point_nothing_has_taken_up_is_set_to_0_before_the_next_file() {
    for upload in [false, true] {
        let mut rig = restart_point_left(true);
        let names = rig.ask(|c, now| c.names(now, None));
        rig.reply("229 (|||2122|)\r\n");
        assert_eq!(rig.sent(), ["EPSV", "NLST"], "a listing does not matter");
        rig.reply("150 ok\r\n")
            .flow_finished(0, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        rig.done(names);
        let next = if upload {
            rig.store("g")
        } else {
            rig.retrieve("g")
        };
        rig.reply(if upload {
            "229 (|||2123|)\r\n"
        } else {
            "550 size?\r\n229 (|||2123|)\r\n"
        });
        assert_eq!(rig.sent().last().unwrap(), "REST 0");
        rig.reply("350 ok\r\n")
            .reply("150 ok\r\n")
            .flow_finished(3, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        rig.done(next);
        rig.sent();
        rig.store("h");
        rig.reply("229 (|||2124|)\r\n");
        assert_eq!(rig.sent(), ["EPSV", "STOR h"], "once is enough");
    }
}

/// The point is the server's, whoever waits for other replies when it is acknowledged.
#[test]
fn a_restart_point_is_left_whatever_else_waits() {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Epsv]).unwrap();
    let mut rig = Rig::secure(config);
    let how = TransferOptions {
        offset: 7,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.store(now, b"f", how));
    let noop = rig.ask(Client::noop);
    rig.reply("200 I\r\n229 (|||2121|)\r\n");
    rig.data_failed(Fault::Refused);
    rig.failed(file);
    rig.reply("350 ok\r\n").reply("200 ok\r\n");
    rig.done(noop);
    rig.sent();
    rig.auto_data = true;
    rig.store("g");
    rig.reply("229 (|||2122|)\r\n");
    assert_eq!(rig.sent(), ["EPSV", "REST 0"]);
}

#[test]
fn a_restart_point_that_was_refused_is_none() {
    let mut rig = restart_point_left(false);
    rig.store("g");
    rig.reply("229 (|||2122|)\r\n");
    assert_eq!(rig.sent(), ["EPSV", "STOR g"]);
}

#[test]
fn a_refused_transfer_may_leave_its_restart_point() {
    let mut rig = secure();
    let how = TransferOptions {
        offset: 7,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.store(now, b"f", how));
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .reply("350 ok\r\n")
        .reply("550 no\r\n");
    assert_eq!(rig.failed(file), FailureKind::Refused);
    rig.sent();
    rig.store("g");
    rig.reply("229 (|||2122|)\r\n");
    assert_eq!(rig.sent(), ["EPSV", "REST 0"]);
}

#[test]
fn data_that_flows_after_the_session_is_lost_can_be_given_up_too() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n")
        .progress(7)
        .eof();
    assert!(!rig.is_closed(), "the file may still come in whole");
    rig.withdraw(file.id()).unwrap();
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 7 });
    assert!(rig.is_closed());
}
