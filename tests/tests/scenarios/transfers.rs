//! Downloads and uploads, and what proves them whole.

use ftp_proto::client::{ClearText, DataMode, MissingCloseNotify, Security};
use ftp_proto::wire::reply::Code;
use ftp_proto::{
    Config, DataEnd, DataTarget, Direction, FailureKind, Fault, Malformed, Note, Proof, Refusal,
    Ticket, Tickets, TlsFault, TransferOptions, Transferred,
};
use ftp_proto_tests::rig::{Act, Rig};

use super::{clear, download, lock_step, secure};

const RECEIVE: Act = Act::Flow {
    direction: Direction::Receive,
    ascii: false,
    protected: true,
};

/// A download under TLS with its data connection ready and nothing said about the transfer yet.
fn asked(mut rig: Rig, size: Option<u64>) -> (Rig, Ticket<Transferred>) {
    rig.auto_data = true;
    let how = TransferOptions {
        size,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.retrieve(now, b"f", how));
    let size = if size.is_none() {
        "550 no SIZE\r\n"
    } else {
        ""
    };
    rig.reply(&format!("200 binary\r\n{size}229 (|||2121|)\r\n"));
    (rig, file)
}

/// An upload under TLS whose STOR has left.
fn offered(mut rig: Rig) -> (Rig, Ticket<Transferred>) {
    rig.auto_data = true;
    let file = rig.store("f");
    rig.reply("200 binary\r\n");
    if rig.client().session().lock_step || rig.client().config() == &lock_step() {
        assert_eq!(rig.sent(), ["TYPE I", "EPSV"]);
    }
    rig.reply("229 (|||2121|)\r\n");
    assert_eq!(rig.sent().last().unwrap(), "STOR f");
    (rig, file)
}

#[test]
fn stor_leaves_only_once_the_data_connection_is_up() {
    let mut rig = Rig::secure(Config::default());
    let file = rig.store("f");
    assert_eq!(rig.writes(), [["TYPE I", "EPSV"]]);
    rig.reply("200 binary\r\n229 (|||2121|)\r\n");
    assert!(rig.sent().is_empty());
    rig.data_connected();
    assert_eq!(rig.sent(), ["STOR f"]);
    assert!(rig.did(Act::SecureData));
    rig.data_secured();
    assert!(rig.desk().flow.is_none(), "the server has not said yes");
    rig.reply("150 send\r\n");
    assert!(rig.did(Act::Flow {
        direction: Direction::Send,
        ascii: false,
        protected: true
    }));
    rig.flow_finished(5, DataEnd::CloseNotify)
        .reply("226 stored\r\n");
    assert_eq!(rig.done(file).bytes, 5);
}

#[test]
fn appe_and_stou_go_the_same_way() {
    let mut rig = secure();
    let appended = rig.ask(|c, now| c.append(now, b"log", TransferOptions::default()));
    rig.reply("200 I\r\n229 (|||2121|)\r\n");
    assert_eq!(rig.sent(), ["TYPE I", "EPSV", "APPE log"]);
    rig.reply("150 ok\r\n")
        .flow_finished(9, DataEnd::CloseNotify)
        .reply("250 appended\r\n");
    assert_eq!(rig.done(appended).bytes, 9);

    for (preliminary, last, name) in [
        ("150 FILE: uniq.1", "226 done", Some("uniq.1")),
        ("125 FILE: x y", "250 done", Some("x y")),
        ("150 ok", "226 FILE: late", Some("late")),
        ("150 opening", "226 done", None),
    ] {
        let mut rig = secure();
        let stored = rig.ask(|c, now| c.store_unique(now, None, TransferOptions::default()));
        rig.reply("200 I\r\n229 (|||2121|)\r\n");
        assert_eq!(rig.sent().last().unwrap(), "STOU");
        rig.reply(&format!("{preliminary}\r\n"))
            .flow_finished(1, DataEnd::CloseNotify)
            .reply(&format!("{last}\r\n"));
        assert_eq!(
            rig.done(stored).name.as_deref(),
            name.map(str::as_bytes),
            "{preliminary}"
        );
    }
}

#[test]
fn allo_goes_before_stor_and_its_refusal_matters_only_for_lack_of_space() {
    for (reply, goes) in [
        ("200 reserved", true),
        ("202 no need", true),
        ("502 what", true),
        ("452 full", false),
        ("552 quota", false),
    ] {
        let mut rig = secure();
        let how = TransferOptions {
            allocate: Some(77),
            ..TransferOptions::default()
        };
        let file = rig.ask(|c, now| c.store(now, b"f", how));
        rig.reply("200 I\r\n229 (|||2121|)\r\n");
        assert_eq!(rig.sent().last().unwrap(), "ALLO 77");
        rig.reply(&format!("{reply}\r\n"));
        if goes {
            assert_eq!(rig.sent(), ["STOR f"]);
            rig.reply("150 ok\r\n")
                .flow_finished(1, DataEnd::CloseNotify)
                .reply("226 ok\r\n");
            rig.done(file);
        } else {
            assert_eq!(rig.failed(file), FailureKind::Refused);
            assert!(rig.desk().is_empty() && rig.sent().is_empty());
        }
    }
}

#[test]
fn rest_goes_last_before_the_transfer_and_alone() {
    let mut rig = secure();
    let how = TransferOptions {
        offset: 100,
        size: Some(150),
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.retrieve(now, b"f", how));
    assert_eq!(rig.writes(), [["TYPE I", "EPSV"]]);
    rig.reply("200 I\r\n229 (|||2121|)\r\n");
    assert_eq!(rig.sent(), ["REST 100"]);
    rig.reply("350 restarting\r\n");
    assert_eq!(rig.sent(), ["RETR f"]);
    rig.reply("150 rest of it\r\n")
        .flow_finished(50, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    assert_eq!(rig.done(file).expected, Some(50));
}

#[test]
fn a_resumed_upload_restarts_too() {
    let mut rig = secure();
    let how = TransferOptions {
        offset: 7,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.store(now, b"f", how));
    rig.reply("200 I\r\n229 (|||2121|)\r\n").reply("350 ok\r\n");
    assert_eq!(rig.sent(), ["TYPE I", "EPSV", "REST 7", "STOR f"]);
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn without_350_nothing_is_moved() {
    for reply in [
        "500 what", "501 no", "502 no", "504 no", "550 no", "554 no", "450 no",
    ] {
        let mut rig = secure();
        let how = TransferOptions {
            offset: 100,
            ..TransferOptions::default()
        };
        let file = rig.ask(|c, now| c.retrieve(now, b"f", how));
        rig.reply("200 I\r\n550 no\r\n229 (|||2121|)\r\n");
        rig.reply(&format!("{reply}\r\n"));
        assert_eq!(rig.failed(file), FailureKind::RestartRefused, "{reply}");
        assert_eq!(rig.sent().last().unwrap(), "REST 100");
        assert!(rig.desk().is_empty(), "the data connection is closed");
        download(&mut rig, "next");
    }
}

#[test]
fn rest_answered_by_a_completion_is_not_understood_and_ends_the_session() {
    let mut rig = secure();
    let how = TransferOptions {
        offset: 100,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.retrieve(now, b"f", how));
    rig.reply("200 I\r\n550 no\r\n229 (|||2121|)\r\n")
        .reply("200 sure\r\n");
    assert_eq!(rig.failed(file), FailureKind::UnexpectedReply);
    assert!(rig.is_closed());
}

#[test]
fn ascii_sets_the_type_and_asks_for_conversion_and_no_size() {
    let mut rig = secure();
    let how = TransferOptions {
        ascii: true,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.retrieve(now, b"f", how));
    assert_eq!(rig.sent(), ["TYPE A", "EPSV", "RETR f"]);
    rig.reply("200 A\r\n229 (|||2121|)\r\n150 (10 bytes)\r\n");
    assert!(rig.did(Act::Flow {
        direction: Direction::Receive,
        ascii: true,
        protected: true
    }));
    rig.flow_finished(8, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    assert_eq!(rig.done(file).expected, None);
    rig.retrieve("g");
    assert_eq!(rig.sent()[0], "TYPE I", "back to image for the next");
    let refused = rig.try_ask(|c, now| {
        c.retrieve(
            now,
            b"f",
            TransferOptions {
                ascii: true,
                offset: 1,
                ..TransferOptions::default()
            },
        )
    });
    assert!(matches!(refused, Err(Refusal::Argument(_))));
}

#[test]
fn a_refused_type_fails_the_transfer_and_is_asked_again_next_time() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("504 no\r\n550 no\r\n229 (|||2121|)\r\n");
    if rig.result(file).is_none() {
        rig.reply("425 no\r\n");
    }
    assert_eq!(rig.failed(file), FailureKind::Refused);
    assert_eq!(rig.failure(file).verb.unwrap().as_str(), "TYPE");
    rig.pass(std::time::Duration::from_secs(1));
    rig.reply("425 use PASV\r\n");
    rig.sent();
    rig.retrieve("g");
    assert_eq!(rig.sent(), ["TYPE I"]);
}

#[test]
fn preliminary_125_and_150_and_none_at_all_are_the_same() {
    for preliminary in [
        "125 already open\r\n",
        "150 opening\r\n",
        "150-one\r\n150 two\r\n",
    ] {
        let (mut rig, file) = asked(secure(), Some(10));
        rig.reply(preliminary)
            .flow_finished(10, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        rig.done(file);
    }
    let (mut rig, file) = asked(secure(), Some(10));
    rig.reply("226 here\r\n");
    assert!(rig.did(RECEIVE), "226 without 150 lets the data flow");
    rig.flow_finished(10, DataEnd::CloseNotify);
    rig.done(file);
}

#[test]
fn final_reply_and_end_of_data_join_in_either_order() {
    for reply in [
        "226 ok",
        "250 ok",
        "225 ok",
        "200 ok",
        "226-two\r\n226 lines",
    ] {
        for data_first in [true, false] {
            let (mut rig, file) = asked(secure(), Some(10));
            rig.reply("150 ok\r\n");
            if data_first {
                rig.flow_finished(10, DataEnd::CloseNotify);
                assert_eq!(rig.result(file), None);
                rig.reply(&format!("{reply}\r\n"));
            } else {
                rig.reply(&format!("{reply}\r\n"));
                assert_eq!(rig.result(file), None);
                rig.flow_finished(10, DataEnd::CloseNotify);
            }
            let done = rig.done(file);
            assert_eq!((done.bytes, done.proof), (10, Proof::CleanEnd));
        }
    }
}

#[test]
fn replies_may_come_before_the_data_connection_is_up() {
    for replies in ["150 ok\r\n", "150 ok\r\n226 sent\r\n", "226 sent\r\n"] {
        let mut rig = Rig::secure(Config::default());
        let file = rig.ask(|c, now| {
            c.retrieve(
                now,
                b"f",
                TransferOptions {
                    size: Some(3),
                    ..TransferOptions::default()
                },
            )
        });
        rig.reply("200 I\r\n229 (|||2121|)\r\n").reply(replies);
        rig.data_connected()
            .data_secured()
            .flow_finished(3, DataEnd::CloseNotify);
        if rig.result(file).is_none() {
            rig.reply("226 sent\r\n");
        }
        rig.done(file);
    }
}

#[test]
fn several_final_replies_are_tolerated_once() {
    let (mut rig, file) = asked(secure(), Some(1));
    rig.reply("150 ok\r\n")
        .flow_finished(1, DataEnd::CloseNotify)
        .reply("226 ok\r\n226 again\r\n");
    rig.done(file);
    assert!(
        rig.notes()
            .contains(&Note::SurplusReply(Code::CLOSING_DATA_CONNECTION))
    );
    download(&mut rig, "next");

    let (mut rig, _) = asked(secure(), Some(1));
    rig.reply("150 ok\r\n")
        .flow_finished(1, DataEnd::CloseNotify)
        .reply("226 ok\r\n226 again\r\n226 and again\r\n");
    assert_eq!(rig.end_kind(), Some(FailureKind::Desynchronised));
}

#[test]
fn sizes_must_agree() {
    for (bytes, kind) in [
        (
            9,
            FailureKind::Truncated {
                bytes: 9,
                expected: Some(10),
            },
        ),
        (
            11,
            FailureKind::Longer {
                bytes: 11,
                expected: 10,
            },
        ),
        (
            0,
            FailureKind::Truncated {
                bytes: 0,
                expected: Some(10),
            },
        ),
    ] {
        let (mut rig, file) = asked(secure(), Some(10));
        rig.reply("150 ok\r\n")
            .flow_finished(bytes, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        assert_eq!(rig.failed(file), kind);
        assert!(!rig.is_closed());
        download(&mut rig, "next");
    }
}

#[test]
fn a_missing_close_notify_counts_only_with_an_agreeing_size_and_a_policy_that_takes_it() {
    for (size, policy, whole) in [
        (Some(10), MissingCloseNotify::IfSizeAgrees, true),
        (Some(10), MissingCloseNotify::Refuse, false),
        (None, MissingCloseNotify::IfSizeAgrees, false),
        (None, MissingCloseNotify::Refuse, false),
    ] {
        let mut config = Config::default();
        config.missing_close_notify = policy;
        let (mut rig, file) = asked(Rig::secure(config), size);
        rig.reply("150 ok\r\n")
            .flow_finished(10, DataEnd::Fin)
            .reply("226 ok\r\n");
        if whole {
            assert_eq!(rig.done(file).proof, Proof::SizeOnly);
        } else {
            assert_eq!(
                rig.failed(file),
                FailureKind::Truncated {
                    bytes: 10,
                    expected: size
                }
            );
        }
    }
}

#[test]
fn in_clear_text_fin_is_the_end() {
    let mut rig = clear();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n550 no SIZE\r\n229 (|||2121|)\r\n150 ok\r\n");
    rig.flow_finished(10, DataEnd::Fin).reply("226 ok\r\n");
    assert_eq!(rig.done(file).proof, Proof::CleanEnd);
}

#[test]
fn the_size_in_150_is_only_a_hint_that_can_show_a_loss() {
    for (text, bytes, whole) in [
        (
            "150 Opening BINARY mode data connection for f (10 bytes).",
            10,
            true,
        ),
        ("150 Opening (10 bytes).", 9, false),
        ("150 Opening (10 bytes).", 11, true),
        ("150 no numbers here", 9, true),
    ] {
        let (mut rig, file) = asked(secure(), None);
        rig.reply(&format!("{text}\r\n"))
            .flow_finished(bytes, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        assert_eq!(rig.result(file).unwrap().is_ok(), whole, "{text} {bytes}");
    }
}

/// A download whose 150 says this, of a server that answers SIZE if it is asked, and whether it was.
fn fetched(rig: &mut Rig, told: u64, announced: &str, bytes: u64) -> (bool, bool) {
    rig.sent();
    let file = rig.retrieve("f");
    let asked = rig.sent().iter().any(|line| line == "SIZE f");
    let size = if asked {
        format!("213 {told}\r\n")
    } else {
        String::new()
    };
    rig.reply(&format!("{size}229 (|||2121|)\r\n"))
        .reply(&format!("150 Opening{announced}.\r\n"))
        .flow_finished(bytes, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    (asked, rig.result(file).unwrap().is_ok())
}

#[test]
fn a_size_in_150_that_agreed_with_size_once_stands_for_it() {
    let begun = || {
        let (mut rig, file) = asked(secure(), Some(1));
        rig.reply("150 go\r\n")
            .flow_finished(1, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        rig.done(file);
        rig
    };
    // It is asked for until both have agreed; from then on the size in 150 is the size.
    let mut rig = begun();
    assert_eq!(fetched(&mut rig, 10, " (10 bytes)", 10), (true, true));
    assert_eq!(fetched(&mut rig, 10, " (10 bytes)", 10), (false, true));
    for bytes in [9, 11] {
        assert_eq!(fetched(&mut rig, 10, " (10 bytes)", bytes), (false, false));
    }
    // One that names none is asked again.
    assert_eq!(fetched(&mut rig, 10, "", 10), (false, true));
    assert_eq!(fetched(&mut rig, 10, "", 9), (true, false));
    // Nor is it believed where it was another one, or none to be compared, or that of an empty file.
    for (told, announced) in [(10, " (11 bytes)"), (10, ""), (0, " (0 bytes)")] {
        let mut rig = begun();
        assert_eq!(fetched(&mut rig, told, announced, told), (true, true));
        assert_eq!(fetched(&mut rig, told, announced, told), (true, true));
    }
}

#[test]
fn an_early_end_of_data_with_226_is_not_success() {
    for end in [
        DataEnd::Failed(Fault::Reset),
        DataEnd::Tls(TlsFault::Corrupt),
    ] {
        let (mut rig, file) = asked(secure(), None);
        rig.reply("150 ok\r\n")
            .flow_finished(5, end)
            .reply("226 ok\r\n");
        let kind = rig.failed(file);
        assert!(
            matches!(
                kind,
                FailureKind::Truncated { bytes: 5, .. } | FailureKind::DataTls(TlsFault::Corrupt)
            ),
            "{kind:?}"
        );
    }
}

#[test]
fn a_refused_download_fails_at_once_and_frees_the_data_connection() {
    for code in [450, 451, 452, 500, 501, 530, 532, 550, 551, 553] {
        let (mut rig, file) = asked(secure(), Some(10));
        rig.reply(&format!("{code} no\r\n"));
        let failure = rig.failure(file);
        assert_eq!(failure.kind, FailureKind::Refused);
        assert_eq!(failure.code.map(|c| c.value()), Some(code));
        assert!(rig.desk().is_empty());
        assert!(
            rig.acts()
                .iter()
                .any(|act| matches!(act, Act::CloseData(_)))
        );
        download(&mut rig, "next");
    }
}

#[test]
fn a_transfer_broken_off_by_the_server_tells_the_bytes_moved() {
    for code in [425, 426, 451, 452, 550, 552] {
        let (mut rig, file) = offered(secure());
        rig.reply("150 send\r\n")
            .progress(3)
            .reply(&format!("{code} stop\r\n"));
        let failure = rig.failure(file);
        assert!(
            matches!(
                failure.kind,
                FailureKind::TransferFailed { bytes: 3 } | FailureKind::Refused
            ),
            "{failure:?}"
        );
        assert_eq!(failure.code.map(|c| c.value()), Some(code));
        assert!(
            rig.acts()
                .iter()
                .any(|act| matches!(act, Act::CloseData(_)))
        );
        assert!(rig.desk().is_empty());
        download(&mut rig, "next");
    }
}

#[test]
fn a_failing_upload_source_is_our_own_failure() {
    let (mut rig, file) = offered(secure());
    rig.reply("150 send\r\n")
        .flow_finished(3, DataEnd::Local)
        .reply("226 stored\r\n");
    assert_eq!(rig.failed(file), FailureKind::Local { bytes: 3 });
}

#[test]
fn an_upload_without_the_servers_close_notify_is_whole_if_the_file_has_its_size() {
    let truncated = |bytes, expected| FailureKind::Truncated { bytes, expected };
    for (size, failure) in [
        ("213 3", None),
        ("213 2", Some(truncated(2, Some(3)))),
        ("213 0", Some(truncated(0, Some(3)))),
        (
            "213 4",
            Some(FailureKind::Longer {
                bytes: 4,
                expected: 3,
            }),
        ),
        ("213 many", Some(truncated(3, None))),
        ("550 not in ASCII", Some(truncated(3, None))),
        ("502 what", Some(truncated(3, None))),
    ] {
        let (mut rig, file) = offered(secure());
        rig.sent();
        rig.reply("150 send\r\n")
            .flow_finished(3, DataEnd::Fin)
            .reply("226 stored\r\n");
        assert_eq!(rig.result(file), None, "somebody may have cut it");
        assert_eq!(rig.sent(), ["SIZE f"]);
        rig.reply(&format!("{size}\r\n"));
        match failure {
            None => assert_eq!(rig.done(file).proof, Proof::SizeOnly),
            Some(failure) => assert_eq!(rig.failed(file), failure, "{size}"),
        }
        download(&mut rig, "next");
    }
}

#[test]
fn where_the_size_tells_nothing_an_upload_without_close_notify_is_not_proved() {
    let truncated = FailureKind::Truncated {
        bytes: 3,
        expected: None,
    };
    for ascii in [false, true] {
        let mut rig = secure();
        let how = TransferOptions {
            ascii,
            ..TransferOptions::default()
        };
        let file = rig.ask(|c, now| match ascii {
            false => c.append(now, b"f", how),
            true => c.store(now, b"f", how),
        });
        rig.reply("200 ok\r\n229 (|||2121|)\r\n")
            .reply("150 send\r\n")
            .flow_finished(3, DataEnd::Fin)
            .reply("226 stored\r\n");
        assert_eq!(rig.failed(file), truncated);
        assert!(!rig.is_closed());
    }
}

/// The server has chosen a name that fits on no command line: SIZE of it cannot be asked for.
#[test]
fn an_upload_in_doubt_whose_name_fits_on_no_line_fails_and_the_next_request_goes_on() {
    let mut rig = secure();
    let file = rig.ask(|c, now| c.store_unique(now, None, Default::default()));
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    let limit = Config::default().limits.command_line;
    rig.checks_splits = false;
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .reply(&format!("150 FILE: {}\r\n", "n".repeat(limit)))
        .flow_finished(3, DataEnd::Fin);
    rig.sent();
    rig.reply("226 stored\r\n");
    let too_long = FailureKind::Protocol(Malformed::CommandTooLong { limit });
    assert_eq!(rig.failed(file), too_long);
    assert_eq!(rig.sent(), ["DELE x"]);
    rig.reply("250 gone\r\n");
    rig.done(gone);
}

/// Only STOU has a name to tell (RFC 1123 section 4.1.2.9), and the first one counts.
#[test]
fn the_name_of_a_file_comes_from_stou_alone_and_is_told_once() {
    let (mut rig, file) = asked(secure(), Some(3));
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 FILE: other\r\n");
    assert_eq!(rig.done(file).name, None);
    let mut rig = secure();
    let file = rig.ask(|c, now| c.store_unique(now, None, Default::default()));
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .reply("150 FILE: first\r\n")
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 FILE: second\r\n");
    assert_eq!(rig.done(file).name, Some(b"first".to_vec()));
}

#[test]
fn an_upload_in_doubt_is_settled_while_the_next_one_waits() {
    let mut rig = secure();
    let first = rig.store("f");
    let second = rig.store("g");
    rig.reply("200 I\r\n229 (|||2121|)\r\n").reply("150 ok\r\n");
    rig.flow_finished(3, DataEnd::Fin);
    assert_eq!(rig.sent().last().unwrap(), "EPSV");
    rig.reply("226 stored\r\n");
    assert_eq!(rig.sent(), ["SIZE f"]);
    rig.reply("229 (|||2122|)\r\n");
    assert!(rig.sent().is_empty(), "an upload rides behind nothing");
    rig.reply("213 3\r\n");
    assert_eq!(rig.done(first).proof, Proof::SizeOnly);
    assert_eq!(rig.sent(), ["STOR g"]);
    rig.reply("150 ok\r\n")
        .flow_finished(5, DataEnd::CloseNotify)
        .reply("226 stored\r\n");
    assert_eq!(rig.done(second).bytes, 5);
}

#[test]
fn control_lost_with_the_whole_file_in_is_unconfirmed() {
    for lost in ["eof", "421", "failed", "silence"] {
        for before in [true, false] {
            let (mut rig, file) = asked(secure(), Some(10));
            rig.reply("150 ok\r\n");
            let lose = |rig: &mut Rig| {
                match lost {
                    "eof" => rig.eof(),
                    "421" => rig.reply("421 timeout\r\n"),
                    "failed" => rig.handle(ftp_proto::Input::ControlFailed(Fault::Reset)),
                    _ => rig.tick_to_deadline(),
                };
            };
            if before && lost == "silence" {
                continue;
            }
            if before {
                lose(&mut rig);
                assert_eq!(rig.result(file), None, "what flows may end");
                rig.flow_finished(10, DataEnd::CloseNotify);
            } else {
                rig.flow_finished(10, DataEnd::CloseNotify);
                lose(&mut rig);
            }
            assert_eq!(
                rig.failed(file),
                FailureKind::Unconfirmed { bytes: 10 },
                "{lost} {before}"
            );
            assert!(rig.is_closed());
            assert!(rig.end().is_some());
        }
    }
}

#[test]
fn control_lost_with_less_than_the_file_is_the_loss_itself() {
    let (mut rig, file) = asked(secure(), Some(10));
    rig.reply("150 ok\r\n")
        .reply("421 bye\r\n")
        .flow_finished(9, DataEnd::CloseNotify);
    assert_eq!(rig.failed(file), FailureKind::ServiceClosing);

    let (mut rig, file) = asked(secure(), None);
    rig.reply("150 ok\r\n")
        .eof()
        .flow_finished(9, DataEnd::CloseNotify);
    assert_eq!(
        rig.failed(file),
        FailureKind::ControlClosed,
        "no size, no proof"
    );
}

#[test]
fn a_long_download_goes_on_after_the_control_connection_is_lost() {
    let (mut rig, file) = asked(secure(), Some(1000));
    rig.reply("150 ok\r\n").eof();
    for bytes in 1..20 {
        rig.pass(std::time::Duration::from_secs(20));
        assert!(!rig.is_closed(), "it moves");
        rig.progress(bytes);
    }
    rig.flow_finished(1000, DataEnd::CloseNotify);
    assert_eq!(rig.failed(file), FailureKind::Unconfirmed { bytes: 1000 });
}

#[test]
fn the_last_ticket_is_not_spent_on_a_transfer_that_may_be_refused() {
    let mut rig = Rig::secure(Config::default());
    rig.tickets(Tickets::Left(1));
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
        .data_connected();
    assert!(!rig.did(Act::SecureData));
    rig.reply("150 ok\r\n");
    assert!(rig.did(Act::SecureData));
    rig.data_secured()
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);

    for tickets in [Tickets::None, Tickets::Left(2), Tickets::Unlimited] {
        let mut rig = Rig::secure(Config::default());
        rig.tickets(tickets);
        rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
            .data_connected();
        assert!(rig.did(Act::SecureData), "{tickets:?}");
    }
}

#[test]
fn epsv_refused_goes_to_pasv_and_stays_there() {
    for code in [421, 425, 500, 501, 502, 504, 522, 530, 550] {
        if code == 421 {
            continue;
        }
        let mut rig = clear();
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n")
            .reply(&format!("{code} no EPSV\r\n"))
            .reply("425 use PASV\r\n");
        assert_eq!(rig.sent().last().unwrap(), "PASV");
        assert!(
            rig.notes()
                .contains(&Note::DataModeChanged(DataMode::Epsv, DataMode::Pasv))
        );
        assert!(
            rig.notes().contains(&Note::LockStep),
            "an odd reply in a batch"
        );
        rig.reply("227 ok (192,0,2,1,8,73)\r\n");
        assert!(rig.did(Act::Connect(DataTarget::Peer { port: 2121 })));
        assert_eq!(rig.sent(), ["RETR f"]);
        rig.reply("150 ok\r\n")
            .flow_finished(3, DataEnd::Fin)
            .reply("226 ok\r\n");
        rig.done(file);
        rig.forget();
        rig.retrieve("g");
        assert_eq!(rig.sent(), ["PASV"], "remembered");
    }
}

#[test]
fn a_meaningless_229_goes_to_pasv_too() {
    for text in [
        "229 no address",
        "229 (|||0|)",
        "229 (|||99999|)",
        "229 (|||80|)",
        "200 ok",
    ] {
        let mut rig = clear();
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n")
            .reply(&format!("{text}\r\n"));
        rig.reply("425 use PASV\r\n");
        assert_eq!(rig.sent().last().unwrap(), "PASV", "{text}");
        rig.reply("227 (192,0,2,1,8,73)\r\n").reply("150 ok\r\n");
        rig.flow_finished(3, DataEnd::Fin).reply("226 ok\r\n");
        rig.done(file);
    }
}

#[test]
fn an_epsv_port_that_cannot_be_reached_goes_to_pasv_in_step() {
    for fault in [Some(Fault::Refused), Some(Fault::Unreachable), None] {
        for batched in [true, false] {
            let mut rig = Rig::clear(if batched {
                Config::default()
            } else {
                lock_step()
            });
            let file = rig.retrieve("f");
            rig.reply("200 I\r\n");
            if batched {
                rig.reply("213 3\r\n");
            }
            rig.reply("229 (|||2121|)\r\n");
            if !batched {
                assert_eq!(rig.sent(), ["TYPE I", "EPSV", "RETR f"]);
            }
            rig.sent();
            if let Some(fault) = fault {
                // It may be about to refuse the file.
                rig.data_failed(fault);
                assert!(rig.sent().is_empty());
                assert_eq!(rig.patience(), Some(Config::default().limits.abort_gap));
            }
            rig.tick_to_deadline();
            // RETR has left: the server waits for a connection that will not come.
            assert_eq!(rig.sent(), ["ABOR"]);
            rig.reply("425 cannot open\r\n226 aborted\r\n").barrier();
            assert_eq!(rig.sent(), ["PASV"]);
            rig.reply("227 (192,0,2,1,8,73)\r\n").data_connected();
            assert_eq!(rig.sent(), ["RETR f"]);
            rig.reply("150 ok\r\n")
                .flow_finished(3, DataEnd::Fin)
                .reply("226 ok\r\n");
            rig.done(file);
        }
    }
}

#[test]
fn an_upload_falls_back_before_stor_without_an_abort() {
    let mut rig = Rig::clear(Config::default());
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .data_failed(Fault::Refused);
    assert_eq!(rig.sent(), ["TYPE I", "EPSV", "PASV"]);
    rig.reply("227 (192,0,2,1,8,73)\r\n").data_connected();
    assert_eq!(rig.sent(), ["STOR f"]);
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::Fin)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn when_no_mode_is_left_the_transfer_fails_and_the_session_goes_on() {
    let mut rig = Rig::clear(Config::default());
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .data_failed(Fault::Refused);
    rig.reply("227 (192,0,2,1,8,73)\r\n")
        .data_failed(Fault::Unreachable);
    assert_eq!(rig.failed(file), FailureKind::DataOpen(Fault::Unreachable));
    assert!(!rig.is_closed() && rig.desk().is_empty());

    let file = rig.store("g");
    rig.sent();
    rig.reply("500 no PASV either\r\n");
    assert_eq!(rig.failed(file), FailureKind::Refused);
    let noop = rig.ask(|c, now| c.noop(now));
    rig.reply("200 ok\r\n");
    rig.done(noop);
}

#[test]
fn a_425_before_any_connection_tries_the_next_mode() {
    let mut rig = Rig::clear(Config::default());
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n425 cannot open\r\n");
    assert_eq!(rig.sent()[4..], ["PASV", "RETR f"]);
    assert!(
        rig.acts()
            .iter()
            .any(|act| matches!(act, Act::CloseData(_)))
    );
    rig.reply("227 (192,0,2,1,8,73)\r\n")
        .data_connected()
        .reply("150 ok\r\n");
    rig.flow_finished(3, DataEnd::Fin).reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn a_227_to_epsv_names_the_port_of_the_peer() {
    let mut rig = clear();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n227 Entering Passive Mode (10,0,0,1,8,73)\r\n");
    assert!(rig.did(Act::Connect(DataTarget::Peer { port: 2121 })));
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::Fin)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn a_refused_data_handshake_fails_the_transfer_with_its_cause() {
    // Before the server says a word, and after 150.
    for announced in [false, true] {
        let mut rig = Rig::secure(Config::default());
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
            .data_connected();
        if announced {
            rig.reply("150 ok\r\n");
        }
        rig.data_insecure(TlsFault::Alert(40));
        assert_eq!(rig.result(file), None, "the server's word is still due");
        rig.reply("522 no session reuse\r\n");
        let failure = rig.failure(file);
        assert_eq!(failure.kind, FailureKind::DataTls(TlsFault::Alert(40)));
        assert_eq!(failure.code.map(|c| c.value()), Some(522));
        assert!(!rig.is_closed());
    }
}

#[test]
fn data_tls_begins_with_the_transfer_command_and_its_failure_ends_the_upload() {
    for timed_out in [false, true] {
        let mut rig = Rig::secure(Config::default());
        let how = TransferOptions {
            offset: 5,
            ..TransferOptions::default()
        };
        let file = rig.ask(|c, now| c.store(now, b"f", how));
        rig.reply("200 I\r\n229 (|||2121|)\r\n").data_connected();
        assert_eq!(rig.sent().last().unwrap(), "REST 5");
        assert!(!rig.did(Act::SecureData), "nothing is asked for yet");
        rig.reply("350 ok\r\n");
        assert_eq!(rig.sent(), ["STOR f"]);
        assert!(rig.did(Act::SecureData));
        if timed_out {
            rig.pass(std::time::Duration::from_secs(30));
        } else {
            rig.data_insecure(TlsFault::Alert(40));
        }
        assert!(rig.desk().is_empty());
        rig.reply("425 no TLS\r\n");
        assert!(matches!(
            rig.failed(file),
            FailureKind::DataTls(TlsFault::Alert(40)) | FailureKind::TimedOut(_)
        ));
        rig.auto_data = true;
        // The server may still remember where the upload was to go on.
        rig.retrieve("next");
        assert_eq!(rig.sent(), ["SIZE next", "EPSV"]);
        rig.reply("213 3\r\n229 (|||2122|)\r\n");
        assert_eq!(rig.sent(), ["REST 0"]);
        rig.reply("350 ok\r\n");
        assert_eq!(rig.sent(), ["RETR next"]);
    }
}

#[test]
fn the_next_batch_leaves_at_the_end_of_data_without_waiting_for_226() {
    let (mut rig, first) = asked(secure(), Some(10));
    let second = rig.retrieve("g");
    let third = rig.retrieve("h");
    rig.sent();
    rig.reply("150 ok\r\n")
        .flow_finished(10, DataEnd::CloseNotify);
    assert_eq!(rig.writes(), [["SIZE g", "EPSV", "RETR g"]]);
    rig.reply("226 first\r\n213 3\r\n229 (|||2122|)\r\n150 second\r\n");
    rig.done(first);
    rig.flow_finished(3, DataEnd::CloseNotify);
    rig.sent();
    rig.reply("226 second\r\n213 3\r\n229 (|||2123|)\r\n150 third\r\n");
    rig.done(second);
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 third\r\n");
    rig.done(third);
}

#[test]
fn a_transfer_that_waits_for_226_can_still_fail_while_the_next_is_asked() {
    let (mut rig, first) = asked(secure(), Some(10));
    let second = rig.retrieve("g");
    rig.reply("150 ok\r\n")
        .flow_finished(10, DataEnd::CloseNotify);
    rig.reply("451 disk error\r\n213 3\r\n229 (|||2122|)\r\n150 second\r\n");
    assert_eq!(rig.failure(first).code.map(|c| c.value()), Some(451));
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 second\r\n");
    rig.done(second);
}

#[test]
fn control_lost_between_two_transfers_leaves_the_first_unconfirmed() {
    let (mut rig, first) = asked(secure(), Some(10));
    let second = rig.retrieve("g");
    rig.reply("150 ok\r\n")
        .flow_finished(10, DataEnd::CloseNotify)
        .eof();
    assert_eq!(rig.failed(first), FailureKind::Unconfirmed { bytes: 10 });
    assert_eq!(rig.failed(second), FailureKind::ControlClosed);
}

#[test]
fn data_protection_follows_what_prot_last_said() {
    let mut config = Config::default();
    config.security = Security::required().clear_data();
    let mut rig = Rig::secure(config);
    rig.auto_data = true;
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
    assert!(!rig.did(Act::SecureData));
    rig.flow_finished(3, DataEnd::Fin).reply("226 ok\r\n");
    rig.done(file);
    let _ = ClearText::Everybody;
}
