//! Deadlines and keep-alives.

use std::time::Duration;

use ftp_proto::client::{DataMode, DataModes};
use ftp_proto::{
    Config, DataEnd, FailureKind, Fault, Input, Proof, Ticket, Tickets, Timer, TransferOptions,
    Transferred,
};
use ftp_proto_tests::rig::{Act, Rig};

use super::{clear, secure};

/// A clear-text download that flows; keep-alives at this interval.
fn flowing(keepalive: Option<u64>) -> (Rig, Ticket<Transferred>) {
    let mut config = Config::default();
    config.keepalive = keepalive.map(Duration::from_secs);
    let mut rig = Rig::clear(config);
    rig.auto_data = true;
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n");
    rig.sent();
    (rig, file)
}

fn end(rig: &mut Rig) {
    rig.flow_finished(100, DataEnd::Fin);
}

#[test]
fn a_reply_that_does_not_come_ends_the_session() {
    let mut rig = clear();
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    assert_eq!(rig.patience(), Some(Duration::from_secs(60)));
    rig.tick_to_deadline();
    assert_eq!(rig.failed(gone), FailureKind::TimedOut(Timer::Reply));
    assert!(rig.is_closed());
}

#[test]
fn each_reply_of_a_batch_has_its_own_patience() {
    let mut rig = clear();
    rig.retrieve("f");
    rig.pass(Duration::from_secs(50)).reply("200 I\r\n");
    assert_eq!(rig.patience(), Some(Duration::from_secs(60)));
}

/// Servers answer a transfer when its data connection is up, or when they give up waiting for it: its own deadline comes first, however
/// short the patience with replies.
#[test]
fn a_data_connection_on_its_way_up_is_waited_for_before_the_reply() {
    for abort_answered in [true, false] {
        let mut config = Config::default();
        config.limits.reply_wait = Duration::from_secs(2);
        config.limits.data_open_wait = Duration::from_secs(2);
        config.data_modes = DataModes::new(&[DataMode::Epsv]).unwrap();
        let mut rig = Rig::clear(config);
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 100\r\n");
        rig.pass(Duration::from_secs(1)).reply("229 (|||2121|)\r\n");
        assert_eq!(rig.patience(), Some(Duration::from_secs(2)));
        rig.tick_to_deadline();
        assert_eq!(rig.sent().last().map(String::as_str), Some("ABOR"));
        if abort_answered {
            rig.reply("425 nobody came\r\n226 aborted\r\n").barrier();
        } else {
            for _ in 0..3 {
                if !rig.is_closed() {
                    rig.tick_to_deadline();
                }
            }
        }
        assert_eq!(
            rig.failed(file),
            FailureKind::DataOpen(Fault::TimedOut),
            "{abort_answered}"
        );
        assert_eq!(rig.is_closed(), !abort_answered);
    }
}

/// Once it is up, the reply has all its time.
#[test]
fn a_transfer_with_its_data_connection_up_has_the_patience_of_any_reply() {
    let mut config = Config::default();
    config.limits.reply_wait = Duration::from_secs(20);
    let mut rig = Rig::clear(config);
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n");
    assert_eq!(rig.patience(), Some(Duration::from_secs(30)));
    rig.pass(Duration::from_secs(25)).data_connected();
    assert_eq!(rig.patience(), Some(Duration::from_secs(20)));
    rig.tick_to_deadline();
    assert_eq!(rig.failed(file), FailureKind::TimedOut(Timer::Reply));
}

#[test]
fn payload_that_stands_still_is_given_up_and_the_last_word_awaited() {
    let (mut rig, file) = flowing(None);
    rig.pass(Duration::from_secs(100)).progress(50);
    assert_eq!(rig.patience(), Some(Duration::from_secs(120)));
    rig.pass(Duration::from_secs(100)).progress(50);
    assert_eq!(
        rig.patience(),
        Some(Duration::from_secs(120)),
        "the application is waited for, not the network"
    );
    rig.pass(Duration::from_secs(100)).progress(49);
    assert_eq!(
        rig.patience(),
        Some(Duration::from_secs(20)),
        "no bytes, no progress"
    );
    rig.tick_to_deadline();
    assert!(
        rig.acts()
            .iter()
            .any(|act| matches!(act, Act::CloseData(_)))
    );
    assert_eq!(rig.result(file), None);
    rig.reply("426 broken\r\n");
    assert_eq!(rig.failed(file), FailureKind::TimedOut(Timer::Stall));
    assert!(!rig.is_closed());
}

#[test]
fn after_the_final_reply_the_data_has_its_own_short_time() {
    let (mut rig, file) = flowing(None);
    rig.reply("226 sent\r\n");
    assert_eq!(rig.patience(), Some(Duration::from_secs(30)));
    rig.pass(Duration::from_secs(20)).progress(50);
    assert_eq!(
        rig.patience(),
        Some(Duration::from_secs(30)),
        "it still moves"
    );
    rig.tick_to_deadline();
    assert!(matches!(
        rig.failed(file),
        FailureKind::Truncated {
            bytes: 50,
            expected: Some(100)
        }
    ));
    assert!(!rig.is_closed());
}

#[test]
fn an_upload_in_order_may_wait_long_for_its_confirmation() {
    let mut rig = secure();
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n").reply("150 ok\r\n");
    rig.flow_finished(3, DataEnd::CloseNotify);
    assert_eq!(rig.patience(), Some(Duration::from_secs(60)));
    rig.pass(Duration::from_secs(59)).reply("226 on tape\r\n");
    rig.done(file);
}

#[test]
fn keep_alives_answered_during_the_transfer() {
    for answer in ["200 ok", "500 what", "501 x", "502 not now", "503 x"] {
        let (mut rig, file) = flowing(Some(30));
        rig.pass(Duration::from_secs(31)).progress(1);
        assert_eq!(rig.sent(), ["NOOP"]);
        rig.reply(&format!("{answer}\r\n"));
        assert_eq!(rig.result(file), None, "{answer} is no end of a transfer");
        rig.pass(Duration::from_secs(30)).progress(2);
        assert_eq!(rig.sent(), ["NOOP"]);
        rig.reply(&format!("{answer}\r\n"));
        end(&mut rig);
        rig.reply("226 sent\r\n");
        rig.done(file);
        in_step(&mut rig);
    }
}

#[test]
fn keep_alives_answered_only_after_the_transfer() {
    for (answers, noops) in [
        ("226 sent\r\n200 ok\r\n200 ok\r\n", 2),
        ("226 sent\r\n200 ok\r\n", 1),
    ] {
        for apart in [true, false] {
            let (mut rig, file) = flowing(Some(30));
            for bytes in 1..=noops {
                rig.pass(Duration::from_secs(31)).progress(bytes);
            }
            assert_eq!(rig.sent().len() as u64, noops);
            end(&mut rig);
            if apart {
                for line in answers.split_inclusive('\n') {
                    rig.reply(line);
                }
            } else {
                rig.reply(answers);
            }
            rig.done(file);
            in_step(&mut rig);
        }
    }
}

#[test]
fn keep_alives_never_answered_are_settled_by_a_barrier() {
    let (mut rig, file) = flowing(Some(30));
    rig.pass(Duration::from_secs(31)).progress(1);
    rig.pass(Duration::from_secs(31)).progress(2);
    assert_eq!(rig.sent(), ["NOOP", "NOOP"]);
    end(&mut rig);
    rig.reply("226 sent\r\n");
    rig.done(file);
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    assert!(rig.sent().is_empty(), "out of step until known better");
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["PWD"]);
    rig.reply("257 \"/\"\r\n");
    assert_eq!(rig.sent(), ["DELE x"]);
    rig.reply("250 ok\r\n");
    rig.done(gone);
}

#[test]
fn unanswered_keep_alives_are_bounded() {
    let (mut rig, _) = flowing(Some(30));
    for bytes in 1..=20 {
        rig.pass(Duration::from_secs(31)).progress(bytes);
    }
    assert!(rig.sent().len() <= 4);
}

fn in_step(rig: &mut Rig) {
    rig.sent();
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    assert_eq!(rig.sent(), ["DELE x"]);
    rig.reply("250 ok\r\n");
    rig.done(gone);
}

#[test]
fn there_are_no_keep_alives_unless_asked_for_and_none_outside_of_transfers() {
    let (mut rig, _) = flowing(None);
    for bytes in 1..5 {
        rig.pass(Duration::from_secs(100)).progress(bytes);
    }
    assert!(rig.sent().is_empty());
    let mut config = Config::default();
    config.keepalive = Some(Duration::from_secs(30));
    let mut rig = Rig::secure(config);
    rig.pass(Duration::from_secs(1000));
    assert!(rig.sent().is_empty());
}

#[test]
fn idle_has_no_deadline() {
    let rig = secure();
    assert_eq!(rig.patience(), None);
}

#[test]
fn time_running_backwards_changes_nothing() {
    let (mut rig, file) = flowing(None);
    let deadline = rig.client().deadline();
    rig.set_clock(ftp_proto::Instant::ZERO);
    rig.progress(1);
    assert!(rig.client().deadline() >= deadline);
    rig.handle(ftp_proto::Input::Timeout);
    assert_eq!(rig.result(file), None);
    assert!(!rig.is_closed());
}

#[test]
fn handshakes_have_their_time() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    rig.reply("220 hi\r\n").reply("234 ok\r\n");
    assert_eq!(rig.patience(), Some(Duration::from_secs(30)));
    rig.tick_to_deadline();
    assert_eq!(rig.failed(login), FailureKind::TimedOut(Timer::Handshake));

    let mut rig = Rig::secure(Config::default());
    let file = rig.ask(|c, now| c.retrieve(now, b"f", TransferOptions::default()));
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n")
        .data_connected();
    assert_eq!(rig.patience(), Some(Duration::from_secs(30)));
    rig.tick_to_deadline().reply("425 no TLS\r\n");
    assert_eq!(
        rig.failed(file),
        FailureKind::TimedOut(Timer::DataHandshake)
    );
}

#[test]
fn a_foreign_end_of_a_multi_line_reply_is_settled_by_a_short_silence() {
    let mut rig = clear();
    let status = rig.ask(|c, now| c.status(now, None));
    rig.reply("211-status\r\n 1\r\n226 end\r\n");
    assert_eq!(rig.patience(), Some(Duration::from_millis(500)));
    // Nothing is no sign of life.
    rig.pass(Duration::from_millis(200)).bytes(b"");
    assert_eq!(rig.patience(), Some(Duration::from_millis(300)));
    assert_eq!(rig.result(status), None);
    rig.tick_to_deadline();
    assert_eq!(rig.done(status).code.value(), 226);
}

/// It would be answered behind the transfer, by a server that has said all there was to say.
#[test]
fn there_are_no_keep_alives_behind_the_final_reply() {
    let (mut rig, file) = flowing(Some(10));
    rig.reply("226 sent\r\n");
    for bytes in 1..5 {
        rig.pass(Duration::from_secs(11)).progress(bytes);
    }
    assert!(rig.sent().is_empty());
    rig.flow_finished(100, DataEnd::Fin);
    rig.done(file);
}

/// A server may say that it has a file before we have sent it to its end: what is still to be sent has the time it makes progress in.
#[test]
fn an_upload_that_is_confirmed_early_is_sent_to_its_end() {
    let limits = Config::default().limits;
    let mut rig = secure();
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .reply("150 ok\r\n226 stored\r\n");
    assert_eq!(rig.patience(), Some(limits.stall_wait));
    let data = rig.desk().flow.as_ref().unwrap().data();
    rig.handle(Input::SourceEnded(data));
    assert_eq!(
        rig.patience(),
        Some(limits.upload_drain.min(limits.stall_wait))
    );
    rig.flow_finished(3, DataEnd::CloseNotify);
    rig.done(file);
    // In a handshake nothing makes progress.
    let mut config = Config::default();
    config.limits.upload_drain = Duration::from_secs(7);
    let mut rig = Rig::secure(config);
    rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .data_connected()
        .reply("226 stored\r\n");
    assert_eq!(rig.patience(), Some(Duration::from_secs(7)));
}

/// What else happens meanwhile does not make the server's time longer.
#[test]
fn the_moment_a_server_has_to_notice_does_not_begin_again() {
    let gap = Config::default().limits.abort_gap;
    let (mut rig, _) = flowing(None);
    rig.flow_finished(42, DataEnd::Local);
    assert_eq!(rig.patience(), Some(gap));
    rig.pass(gap / 2).tickets(Tickets::Left(1));
    assert_eq!(rig.patience(), Some(gap - gap / 2));
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["ABOR"]);
    // Nor is a reply to one of both that are due the end: the other one has the same moment.
    assert_eq!(rig.patience(), Some(Config::default().limits.guard_wait));
    rig.reply("426 broken off\r\n");
    assert_eq!(rig.patience(), Some(gap));
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["PWD"]);
    let left = rig.patience().unwrap();
    assert!(left > gap);
    rig.reply("226 late\r\n");
    assert_eq!(
        rig.patience(),
        Some(left),
        "a barrier is waited for to the end"
    );
}

/// An upload was sent to its end, but the server has said nothing more: neither to the control connection nor by closing this one. That is no
/// upload of which only the confirmation is missing.
#[test]
fn an_upload_that_nobody_closes_after_the_session_was_lost_did_not_end_in_order() {
    let mut rig = clear();
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n").reply("150 ok\r\n");
    let data = rig.desk().flow.as_ref().unwrap().data();
    rig.handle(Input::SourceEnded(data)).eof();
    assert_eq!(rig.result(file), None, "it may still be closed in order");
    rig.tick_to_deadline();
    assert_eq!(rig.failed(file), FailureKind::ControlClosed);
    assert!(rig.is_closed());
}

/// Nor did a data connection whose handshake came to no end, though the server has confirmed the upload.
#[test]
fn a_handshake_that_is_given_up_after_the_final_reply_is_no_end_in_order() {
    let mut rig = Rig::secure(Config::default());
    let file = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .data_connected()
        .reply("226 stored\r\n");
    rig.tick_to_deadline();
    assert!(rig.result(file).unwrap().is_err());
    let ended = rig.client().evidence().data.ended;
    assert_eq!(ended, Some((DataEnd::Failed(Fault::TimedOut), rig.now())));
}

/// A server may be slow with what came before the transfer: what has a place in the order of replies is not taken for a keep-alive's.
#[test]
fn a_keep_alive_does_not_take_the_replies_before_the_transfer() {
    let mut config = Config::default();
    config.keepalive = Some(Duration::from_secs(10));
    let mut rig = Rig::clear(config);
    rig.auto_data = true;
    let file = rig.retrieve("f");
    rig.sent();
    rig.pass(Duration::from_secs(15));
    assert_eq!(rig.sent(), ["NOOP"]);
    rig.reply("200 I\r\n213 100\r\n229 (|||2121|)\r\n150 ok\r\n200 here\r\n");
    end(&mut rig);
    rig.reply("226 sent\r\n");
    assert_eq!(rig.done(file).bytes, 100);
    in_step(&mut rig);
}

/// RFC 959 section 4.2: 226 says that the file action was successful. A server that says so, and then never closes, has the whole file.
#[test]
fn an_upload_that_was_confirmed_and_sent_to_its_end_is_whole_without_a_close() {
    for (mut rig, proof) in [(clear(), Proof::CleanEnd), (secure(), Proof::SizeOnly)] {
        let file = rig.store("f");
        rig.reply("200 I\r\n229 (|||2121|)\r\n").reply("150 ok\r\n");
        let data = rig.desk().flow.as_ref().unwrap().data();
        rig.progress(3)
            .handle(Input::SourceEnded(data))
            .reply("226 stored\r\n");
        assert_eq!(rig.result(file), None, "it may still be closed in order");
        rig.tick_to_deadline();
        if proof == Proof::SizeOnly {
            // Somebody may have cut it: the size is asked for.
            assert_eq!(rig.sent().last().unwrap(), "SIZE f");
            rig.reply("213 3\r\n");
        }
        assert_eq!(rig.done(file).proof, proof);
        assert!(rig.desk().is_empty());
    }
}

/// A download that has left with its batch, and has failed by what came before it, gets no data connection from us: the server's word on it is not
/// waited for as long as other replies are. Those in front of it have their usual time.
#[test]
fn a_transfer_nobody_waits_for_is_aborted_soon_once_its_turn_has_come() {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Epsv]).unwrap();
    let limits = config.limits.clone();
    let mut rig = Rig::clear(config);
    let file = rig.retrieve("f");
    assert_eq!(rig.sent(), ["TYPE I", "SIZE f", "EPSV", "RETR f"]);
    rig.reply("504 not in this life\r\n");
    assert_eq!(rig.failed(file), FailureKind::Refused);
    for reply in ["213 100", "229 (|||2121|)"] {
        assert_eq!(rig.patience(), Some(limits.reply_wait), "before {reply}");
        rig.reply(&format!("{reply}\r\n"));
    }
    assert_eq!(rig.patience(), Some(limits.guard_wait));
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["ABOR"]);
}
