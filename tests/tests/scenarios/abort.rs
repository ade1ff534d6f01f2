//! ABOR, in every order of replies a server can give, and whatever else is outstanding then.

use std::time::Duration;

use ftp_proto::{Config, DataEnd, FailureKind, Fault, Plain, Refusal, Ticket, Timer, Transferred};
use ftp_proto_tests::rig::{Act, CANARY, Rig};

use super::{download, secure};

/// A download that flows, with so many bytes in, given up: its data connection is closed, and nothing is said yet.
fn given_up(bytes: u64) -> (Rig, Ticket<Transferred>, Ticket<Plain>) {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n")
        .progress(bytes);
    rig.sent();
    let abort = rig.ask(|c, now| c.abort(now));
    assert!(rig.sent().is_empty());
    assert!(
        rig.acts()
            .iter()
            .any(|act| matches!(act, Act::CloseData(_)))
    );
    assert!(rig.desk().is_empty());
    (rig, file, abort)
}

/// The same on a server that does not notice: ABOR is sent.
fn aborted(bytes: u64) -> (Rig, Ticket<Transferred>, Ticket<Plain>) {
    let (mut rig, file, abort) = given_up(bytes);
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["ABOR"]);
    (rig, file, abort)
}

#[test]
fn a_server_that_sees_its_data_connection_gone_needs_no_abor() {
    for reply in ["426 broken off", "226 sent", "451 local error", "552 full"] {
        let (mut rig, file, abort) = given_up(42);
        rig.reply(&format!("{reply}\r\n"));
        rig.done(abort);
        assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 42 });
        download_in_lock_step(&mut rig);
    }
}

/// The reader or writer of the application fails. A server that sees the reset says so; one that says nothing is asked by ABOR.
#[test]
fn what_fails_on_our_side_is_brought_to_its_end_like_an_abort() {
    for (replies, abor) in [
        (&["426 broken off"][..], false),
        (&["226 sent"], false),
        (&["426 broken off", "226 aborted"], true),
        (&["226 aborted"], true),
        (&[], true),
    ] {
        let mut rig = secure();
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n")
            .progress(42);
        rig.sent();
        rig.flow_finished(42, DataEnd::Local);
        let noop = rig.ask(|client, now| client.noop(now));
        assert!(rig.sent().is_empty(), "nothing rides behind it");
        assert_eq!(rig.patience(), Some(Config::default().limits.abort_gap));
        if abor {
            rig.tick_to_deadline();
            assert_eq!(rig.sent(), ["ABOR"]);
        }
        for reply in replies {
            rig.reply(&format!("{reply}\r\n"));
        }
        if abor {
            // How many come is unclear.
            if replies.len() < 2 {
                rig.tick_to_deadline();
            }
            rig.barrier();
        }
        assert_eq!(rig.failed(file), FailureKind::Local { bytes: 42 });
        assert_eq!(rig.sent(), ["NOOP"]);
        rig.reply("200 here\r\n");
        rig.done(noop);
    }
}

#[test]
fn every_order_of_replies_to_abor_ends_in_step() {
    for replies in [
        &["426 broken off", "226 aborted"][..],
        &["426 broken off", "225 aborted"],
        &["226 aborted", "226 aborted"],
        &["226 sent", "225 nothing to abort"],
        &["451 local error", "226 aborted"],
        &["450 cut", "226 aborted"],
        &["552 broken", "226 aborted"],
        &["426 broken off", "500 what"],
        &["226 sent", "502 no ABOR"],
        &["425 cannot open", "226 aborted"],
        &["150 late", "426 broken off", "226 aborted"],
        // One reply only.
        &["226 aborted"],
        &["225 aborted"],
        &["426 broken off"],
        &["500 what"],
        &["502 what"],
        // None at all.
        &[],
    ] {
        for together in [true, false] {
            let (mut rig, file, abort) = aborted(42);
            if together {
                rig.bytes(
                    replies
                        .iter()
                        .map(|line| format!("{line}\r\n"))
                        .collect::<String>()
                        .as_bytes(),
                );
            } else {
                for line in replies {
                    rig.reply(&format!("{line}\r\n"));
                }
            }
            let finals = replies.iter().filter(|line| !line.starts_with('1')).count();
            if finals < 2 {
                rig.tick_to_deadline();
            }
            assert_eq!(rig.result(abort), None, "{replies:?}");
            rig.barrier();
            assert_eq!(
                rig.failed(file),
                FailureKind::Aborted { bytes: 42 },
                "{replies:?}"
            );
            rig.done(abort);
            assert!(rig.client().session().lock_step);
            let noop = rig.ask(|c, now| c.noop(now));
            assert_eq!(rig.sent(), ["NOOP"]);
            rig.reply("200 in step\r\n");
            rig.done(noop);
        }
    }
}

#[test]
fn a_transfer_that_is_refused_and_cut_is_not_abors_answer_yet() {
    for (replies, missing) in [
        (&["450 cut", "426 broken off", "226 aborted"][..], false),
        (&["451 cut", "426 broken off", "225 aborted"], false),
        (&["426 cut", "426 broken off", "500 what"], false),
        (&["450 cut", "426 broken off"], true),
        (&["226 sent", "426 broken off"], true),
    ] {
        let (mut rig, file, abort) = aborted(42);
        for line in replies {
            assert_eq!(rig.result(abort), None, "{replies:?}");
            rig.reply(&format!("{line}\r\n"));
        }
        assert_eq!(rig.result(abort), None, "{replies:?}");
        if missing {
            rig.tick_to_deadline();
        }
        rig.barrier();
        assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 42 });
        rig.done(abort);
        let noop = rig.ask(|c, now| c.noop(now));
        rig.reply("200 in step\r\n");
        rig.done(noop);
    }
}

/// However many replies a server gives to a cut and ABOR, and whenever: none is taken for that of the next command.
#[test]
fn late_replies_do_not_cross_the_barrier() {
    for in_time in [
        &[][..],
        &["226 aborted"],
        &["426 cut", "226 aborted"],
        &["226 cut", "226 aborted"],
    ] {
        for late in [
            &["226 late"][..],
            &["426 late", "226 late"],
            &["225 late"],
            &["226 late", "226 late"],
        ] {
            let (mut rig, _, abort) = aborted(1);
            let noop = rig.ask(|client, now| client.noop(now));
            for line in in_time {
                rig.reply(&format!("{line}\r\n"));
            }
            if in_time.len() < 2 {
                rig.tick_to_deadline();
            }
            assert_eq!(rig.sent(), ["PWD"]);
            for line in late {
                rig.reply(&format!("{line}\r\n"));
            }
            assert_eq!(rig.result(abort), None);
            assert_eq!(rig.result(noop), None);
            rig.reply("257 \"/\"\r\n");
            rig.done(abort);
            assert_eq!(rig.sent(), ["NOOP"]);
            rig.reply("200 here\r\n");
            rig.done(noop);
        }
    }
}

#[test]
fn a_server_that_refuses_the_barrier_is_in_step_all_the_same() {
    for refusal in ["500 what", "502 no", "530 no", "550 no such directory"] {
        let (mut rig, _, abort) = aborted(1);
        rig.reply("426 x\r\n")
            .tick_to_deadline()
            .reply("226 late\r\n");
        rig.reply(&format!("{refusal}\r\n"));
        rig.done(abort);
        assert!(!rig.is_closed());
    }
}

#[test]
fn a_server_that_never_answers_is_left() {
    let (mut rig, file, abort) = aborted(3);
    rig.pass(Duration::from_secs(60));
    assert!(rig.is_closed());
    assert_eq!(rig.failed(abort), FailureKind::TimedOut(Timer::Abort));
    assert!(rig.result(file).unwrap().is_err());
}

#[test]
fn a_421_or_a_closed_connection_ends_the_abort() {
    for eof in [true, false] {
        let (mut rig, file, abort) = aborted(3);
        if eof {
            rig.reply("426 x\r\n").eof();
        } else {
            rig.reply("421 timeout\r\n");
        }
        assert!(rig.result(abort).unwrap().is_err());
        assert!(rig.result(file).unwrap().is_err());
        assert!(rig.is_closed());
    }
}

#[test]
fn abort_after_the_final_reply_only_drops_the_data() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n226 sent\r\n")
        .progress(10);
    let abort = rig.ask(|c, now| c.abort(now));
    assert_eq!(rig.sent().last().unwrap(), "ABOR");
    rig.reply("225 nothing to abort\r\n").barrier();
    rig.done(abort);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 10 });
    download_in_lock_step(&mut rig);
}

#[test]
fn abort_after_the_data_has_ended_waits_for_two_replies() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n");
    rig.flow_finished(100, DataEnd::CloseNotify);
    let abort = rig.ask(|c, now| c.abort(now));
    assert_eq!(rig.sent().last().unwrap(), "ABOR");
    rig.reply("226 sent\r\n225 nothing\r\n").barrier();
    rig.done(abort);
    assert!(rig.result(file).is_some());
    download_in_lock_step(&mut rig);
}

fn download_in_lock_step(rig: &mut Rig) {
    assert!(rig.client().session().lock_step);
    rig.forget();
    let file = rig.retrieve("next");
    assert_eq!(rig.sent(), ["EPSV"]);
    rig.reply("229 (|||2121|)\r\n");
    assert_eq!(rig.sent(), ["RETR next"]);
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn there_is_nothing_to_abort_before_and_after_a_transfer_and_nothing_twice() {
    let mut rig = secure();
    assert_eq!(
        rig.try_ask(|c, now| c.abort(now)).err(),
        Some(Refusal::NothingToAbort)
    );
    download(&mut rig, "f");
    assert_eq!(
        rig.try_ask(|c, now| c.abort(now)).err(),
        Some(Refusal::NothingToAbort)
    );
    let (mut rig, _, abort) = aborted(0);
    assert_eq!(
        rig.try_ask(|c, now| c.abort(now)).err(),
        Some(Refusal::NothingToAbort)
    );
    rig.reply("426 x\r\n226 y\r\n").barrier();
    rig.done(abort);
}

#[test]
fn an_abort_during_the_first_batch_leaves_the_login_its_replies() {
    let mut config = Config::default();
    config.limits.pending_commands = 10;
    let mut rig = Rig::new(config);
    let login = rig.login();
    let pwd = rig.ask(|c, now| c.working_directory(now));
    let file = rig.retrieve("f");
    rig.reply("220 hi\r\n").reply("234 ok\r\n").secure_ok();
    assert_eq!(rig.sent().last().unwrap(), "RETR f");
    let abort = rig.ask(|c, now| c.abort(now));
    assert_eq!(rig.sent(), ["ABOR"]);
    rig.reply("331 p\r\n230 in\r\n200 0\r\n200 P\r\n257 \"/home\"\r\n");
    rig.done(login);
    assert_eq!(rig.done(pwd), Some(b"/home".to_vec()));
    rig.reply("200 I\r\n213 1\r\n229 (|||2121|)\r\n425 no connection\r\n226 aborted\r\n")
        .barrier();
    rig.done(abort);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 0 });
    assert!(rig.desk().is_empty(), "a late 229 opens nothing");
    // TYPE I was accepted in between: it holds.
    rig.retrieve("g");
    assert_eq!(rig.sent(), ["EPSV"]);
}

#[test]
fn a_type_refused_during_an_abort_is_asked_again() {
    let mut rig = secure();
    rig.retrieve("f");
    let abort = rig.ask(|c, now| c.abort(now));
    assert_eq!(rig.sent().last().unwrap(), "ABOR");
    rig.reply("504 no\r\n213 1\r\n229 (|||2121|)\r\n425 no\r\n226 aborted\r\n")
        .barrier();
    rig.done(abort);
    rig.sent();
    rig.retrieve("g");
    assert_eq!(rig.sent(), ["TYPE I"]);
}

#[test]
fn a_refused_login_during_an_abort_fails_as_ever() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    let file = rig.retrieve("f");
    rig.reply("220 hi\r\n").reply("234 ok\r\n").secure_ok();
    let abort = rig.ask(|c, now| c.abort(now));
    rig.reply("331 p\r\n530 no\r\n");
    assert_eq!(rig.failed(login), FailureKind::LoginRefused);
    rig.reply(&"530 log in\r\n".repeat(6));
    assert!(
        !rig.sent()
            .iter()
            .any(|line| line.matches(CANARY).count() > 1)
    );
    rig.reply("225 nothing\r\n").barrier();
    rig.done(abort);
    assert!(rig.result(file).unwrap().is_err());
}

#[test]
fn requests_behind_the_aborted_one_are_done_afterwards() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n");
    rig.sent();
    let abort = rig.ask(|c, now| c.abort(now));
    assert!(rig.sent().is_empty());
    rig.reply("426 x\r\n");
    assert_eq!(rig.sent(), ["DELE x"]);
    rig.reply("250 ok\r\n");
    rig.done(abort);
    rig.done(gone);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 0 });
}

#[test]
fn an_upload_is_aborted_like_a_download() {
    let mut rig = secure();
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .reply("150 ok\r\n")
        .progress(5);
    let abort = rig.ask(|c, now| c.abort(now));
    rig.reply("426 x\r\n");
    rig.done(abort);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 5 });
}

#[test]
fn an_abort_of_the_next_transfer_leaves_the_last_one_its_final_reply() {
    for (last, whole) in [("226 sent", true), ("451 disk error", false)] {
        let mut rig = secure();
        let first = rig.retrieve("f");
        let second = rig.retrieve("g");
        rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n");
        rig.flow_finished(100, DataEnd::CloseNotify);
        assert_eq!(rig.sent().last().unwrap(), "RETR g");
        let abort = rig.ask(|c, now| c.abort(now));
        rig.reply(&format!("{last}\r\n"));
        assert_eq!(rig.result(first).unwrap().is_ok(), whole);
        assert_eq!(rig.result(second), None);
        rig.sent();
        rig.reply("213 3\r\n229 (|||2122|)\r\n425 no\r\n226 aborted\r\n")
            .barrier();
        rig.done(abort);
        assert_eq!(rig.failed(second), FailureKind::Aborted { bytes: 0 });
        assert!(rig.desk().is_empty());
        download_in_lock_step(&mut rig);
    }
}

#[test]
fn a_failure_of_the_next_transfers_connection_during_an_abort_is_its_own() {
    let mut rig = secure();
    let first = rig.store("f");
    let second = rig.store("g");
    rig.reply("200 I\r\n229 (|||2121|)\r\n").reply("150 ok\r\n");
    rig.flow_finished(5, DataEnd::CloseNotify);
    assert_eq!(rig.sent().last().unwrap(), "EPSV");
    let abort = rig.ask(|c, now| c.abort(now));
    rig.auto_data = false;
    rig.reply("226 stored\r\n").reply("229 (|||2122|)\r\n");
    rig.data_failed(Fault::Reset);
    rig.sent();
    rig.reply("226 nothing to abort\r\n").barrier();
    rig.done(abort);
    assert_eq!(rig.failed(first), FailureKind::Aborted { bytes: 5 });
    assert_eq!(rig.sent(), ["PASV"], "by the next way");
    assert_eq!(rig.result(second), None);
}

/// As long as ABOR was not said there is no doubt whose a reply is, so it has to be one of a transfer.
#[test]
fn before_abor_only_a_reply_of_the_transfer_is_taken_for_one() {
    let (mut rig, file, abort) = given_up(42);
    rig.reply("350 what\r\n");
    assert!(rig.is_closed());
    assert_eq!(rig.end_kind(), Some(FailureKind::UnexpectedReply));
    assert!(rig.result(file).unwrap().is_err() && rig.result(abort).unwrap().is_err());
    let (mut rig, file, abort) = aborted(42);
    rig.reply("350 what\r\n226 aborted\r\n").barrier();
    rig.done(abort);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 42 });
}

/// NOOP, which nobody waits for any more, then what `between` asks for and a download, in one batch; the download is given up, and behind
/// ABOR the barrier has left.
fn behind_a_withdrawn_noop<T>(between: impl FnOnce(&mut Rig) -> T) -> (Rig, T, Ticket<Plain>) {
    let mut rig = secure();
    let noop = rig.ask(|client, now| client.noop(now));
    let asked = between(&mut rig);
    rig.retrieve("f");
    assert_eq!(rig.sent().last().unwrap(), "RETR f");
    rig.withdraw(noop.id()).unwrap();
    let abort = rig.ask(|client, now| client.abort(now));
    assert_eq!(rig.sent(), ["ABOR"]);
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["PWD"]);
    (rig, asked, abort)
}

/// Nothing but PWD is answered with 257, however many replies are missing in front of it.
#[test]
fn a_barrier_decides_whatever_was_not_answered_and_nobody_waits_for() {
    let (mut rig, (), abort) = behind_a_withdrawn_noop(|_| ());
    rig.reply("257 \"/\"\r\n");
    rig.done(abort);
    let noop = rig.ask(|client, now| client.noop(now));
    assert_eq!(rig.sent(), ["NOOP"]);
    rig.reply("200 in step\r\n");
    rig.done(noop);
}

/// As long as somebody waits for PWD, a 257 may be its answer.
#[test]
fn a_257_that_somebody_waits_for_is_no_barrier() {
    let (mut rig, path, abort) =
        behind_a_withdrawn_noop(|rig| rig.ask(|client, now| client.working_directory(now)));
    // Of the NOOP: it was answered by something odd.
    rig.reply("257 \"/odd\"\r\n");
    assert_eq!((rig.result(path), rig.result(abort)), (None, None));
    rig.reply("257 \"/home\"\r\n");
    assert_eq!(rig.done(path), Some(b"/home".to_vec()));
    assert_eq!(rig.result(abort), None);
    rig.reply("257 \"/\"\r\n");
    rig.done(abort);
}

/// The way in is refused, and the download that rode behind it begins all the same: nobody takes its data, so ABOR says that at once.
#[test]
fn a_download_that_begins_without_a_way_in_is_aborted_at_once() {
    let mut rig = secure();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n500 no EPSV\r\n");
    rig.sent();
    rig.reply("150 here it comes\r\n");
    assert_eq!(rig.sent(), ["ABOR"]);
    rig.reply("425 no connection\r\n226 aborted\r\n").barrier();
    assert_eq!(rig.sent(), ["PASV"], "by the next way");
    assert_eq!(rig.result(file), None);
}
