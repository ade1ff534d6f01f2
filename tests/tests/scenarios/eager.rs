//! Uploads whose payload goes with their command.

use ftp_proto::client::DataMode;
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::reply::Code;
use ftp_proto::{
    Config, DataEnd, Direction, FailureKind, Fault, Proof, Ticket, Timer, TransferOptions,
    Transferred,
};
use ftp_proto_tests::rig::{Act, PEER, Rig};

use super::{clear, download, lock_step, secure};

fn eager() -> TransferOptions {
    TransferOptions {
        eager: true,
        ..TransferOptions::default()
    }
}

fn send(protected: bool) -> Act {
    Act::Flow {
        direction: Direction::Send,
        ascii: false,
        protected,
    }
}

/// An eager upload whose STOR has left and whose payload flows, without a word of the server.
fn flowing(mut rig: Rig) -> (Rig, Ticket<Transferred>) {
    let file = rig.ask(|c, now| c.store(now, b"f", eager()));
    rig.reply("200 binary\r\n229 (|||2121|)\r\n");
    assert_eq!(rig.sent().last().unwrap(), "STOR f");
    assert!(rig.desk().flow.is_some());
    (rig, file)
}

#[test]
fn payload_goes_with_the_command_and_not_before_it() {
    let mut rig = Rig::clear(Config::default());
    let file = rig.ask(|c, now| c.store(now, b"f", eager()));
    rig.reply("200 binary\r\n229 (|||2121|)\r\n");
    assert!(rig.sent().iter().all(|line| !line.starts_with("STOR")));
    assert!(!rig.did(send(false)));
    rig.data_connected();
    assert_eq!(rig.sent(), ["STOR f"]);
    assert!(rig.did(send(false)));
    rig.reply("150 send\r\n")
        .flow_finished(5, DataEnd::Fin)
        .reply("226 stored\r\n");
    let done = rig.done(file);
    assert_eq!((done.bytes, done.proof), (5, Proof::CleanEnd));
    let flows = rig.acts().into_iter().filter(|act| *act == send(false));
    assert_eq!(flows.count(), 1);
    rig.auto_data = true;
    download(&mut rig, "next");
}

/// Under TLS it waits for the handshake: who the server is comes first.
#[test]
fn under_tls_payload_waits_for_the_handshake() {
    let mut rig = Rig::secure(Config::default());
    let file = rig.ask(|c, now| c.store(now, b"f", eager()));
    rig.reply("200 binary\r\n229 (|||2121|)\r\n")
        .data_connected();
    assert!(rig.did(Act::SecureData) && !rig.did(send(true)));
    rig.data_secured();
    assert!(rig.did(send(true)));
    rig.reply("150 send\r\n")
        .flow_finished(5, DataEnd::CloseNotify)
        .reply("226 stored\r\n");
    assert_eq!(rig.done(file).bytes, 5);
}

#[test]
fn each_upload_may_be_eager_and_nothing_else() {
    for (verb, is_eager) in [(Verb::Appe, true), (Verb::Stou, true), (Verb::Retr, false)] {
        let mut rig = clear();
        let file = rig.ask(|c, now| match verb {
            Verb::Appe => c.append(now, b"f", eager()),
            Verb::Stou => c.store_unique(now, None, eager()),
            _ => c.retrieve(now, b"f", eager()),
        });
        let size = if is_eager { "" } else { "550 no SIZE\r\n" };
        rig.reply(&format!("200 binary\r\n{size}229 (|||2121|)\r\n"));
        assert!(rig.sent().last().unwrap().starts_with(verb.as_str()));
        assert_eq!(rig.desk().flow.is_some(), is_eager, "{verb:?}");
        rig.reply("150 ok\r\n")
            .flow_finished(1, DataEnd::Fin)
            .reply("226 done\r\n");
        assert_eq!(rig.done(file).bytes, 1);
        // The next request is made of the memory of this one.
        let next = rig.store("g");
        rig.reply("229 (|||2122|)\r\n");
        assert_eq!(rig.sent().last().unwrap(), "STOR g");
        assert!(rig.desk().flow.is_none());
        rig.reply("550 no\r\n");
        assert_eq!(rig.failed(next), FailureKind::Refused);
    }
}

#[test]
fn in_active_mode_payload_waits_for_the_server_to_connect() {
    let mut config = Config::default();
    config.data_modes = ftp_proto::client::DataModes::new(&[DataMode::Eprt]).unwrap();
    let mut rig = Rig::clear(config);
    let file = rig.ask(|c, now| c.store(now, b"f", eager()));
    rig.listening("192.0.2.9:4000")
        .reply("200 binary\r\n200 ok\r\n");
    assert_eq!(rig.sent().last().unwrap(), "STOR f");
    assert!(!rig.did(send(false)));
    rig.accepted(PEER);
    assert!(rig.did(send(false)));
    rig.reply("150 ok\r\n")
        .flow_finished(1, DataEnd::Fin)
        .reply("226 done\r\n");
    assert_eq!(rig.done(file).bytes, 1);
}

/// The refusal may come before or behind the end of the data connection, and is the end of both.
#[test]
fn a_refused_upload_is_refused_whatever_has_left() {
    for rig in [clear, secure] {
        for code in [425, 426, 450, 452, 532, 550, 552, 553] {
            for end in [
                None,
                Some(DataEnd::Fin),
                Some(DataEnd::Failed(Fault::Reset)),
            ] {
                let (mut rig, file) = flowing(rig());
                rig.progress(4096);
                if let Some(end) = end {
                    rig.flow_finished(4096, end);
                    assert_eq!(rig.result(file), None);
                }
                rig.reply(&format!("{code} no\r\n"));
                let failure = rig.failure(file);
                assert_eq!(failure.kind, FailureKind::Refused, "{code} {end:?}");
                assert_eq!(failure.code, Code::new(code));
                assert!(rig.desk().is_empty());
                download(&mut rig, "next");
            }
        }
    }
}

/// What left the source cannot be sent again: no other way is tried for the file, though there is one.
#[test]
fn a_source_that_has_been_read_from_is_not_asked_for_twice() {
    for early in [false, true] {
        let (mut rig, file) = flowing(clear());
        if early {
            rig.flow_finished(0, DataEnd::Failed(Fault::Reset));
        }
        rig.reply("425 cannot open\r\n");
        assert_eq!(rig.failed(file), FailureKind::Refused);
        assert!(rig.sent().is_empty(), "no other mode");
        let flows = rig.acts().into_iter().filter(|act| *act == send(false));
        assert_eq!(flows.count(), 1);
    }
}

#[test]
fn a_completion_alone_is_enough_and_only_for_a_clean_end() {
    let bytes = 5;
    let expected = None;
    let lost = FailureKind::Truncated { bytes, expected };
    for (end, failed) in [
        (DataEnd::Fin, None),
        (DataEnd::Failed(Fault::Reset), Some(lost)),
        (DataEnd::Local, Some(FailureKind::Local { bytes })),
    ] {
        let (mut rig, file) = flowing(clear());
        rig.flow_finished(bytes, end).reply("226 stored\r\n");
        let result = rig.result(file).unwrap();
        assert_eq!(result.err().map(|failure| failure.kind), failed, "{end:?}");
    }
}

/// A server that answers nothing is not waited for because the network takes payload.
#[test]
fn payload_that_goes_is_no_answer() {
    let (mut rig, file) = flowing(clear());
    let step = std::time::Duration::from_secs(1);
    let limit = rig.client().config().limits.reply_wait;
    let mut waited = std::time::Duration::ZERO;
    while rig.result(file).is_none() {
        assert!(waited <= limit + step, "{waited:?}");
        rig.progress(waited.as_secs() + 1).pass(step);
        waited += step;
    }
    assert_eq!(rig.failed(file), FailureKind::TimedOut(Timer::Reply));
    assert!(rig.is_closed());
}

/// Nobody knows yet whether the server takes the file. It sees that its data connection is gone all the same; one that does not is asked by ABOR.
#[test]
fn an_abort_before_the_answer_brings_the_session_back_into_step() {
    for (replies, abor) in [
        (&["426 broken off"][..], false),
        (&["150 send", "426 broken off"], false),
        (&["150 send", "226 stored"], false),
        (&["553 no"], false),
        (&["426 broken off", "226 aborted"], true),
    ] {
        let (mut rig, file) = flowing(clear());
        rig.progress(7);
        let abort = rig.ask(|c, now| c.abort(now));
        assert!(rig.sent().is_empty() && rig.desk().is_empty());
        if abor {
            rig.tick_to_deadline();
            assert_eq!(rig.sent(), ["ABOR"]);
        }
        for reply in replies {
            rig.reply(&format!("{reply}\r\n"));
        }
        if abor {
            rig.barrier();
        }
        rig.done(abort);
        assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 7 });
        assert!(rig.client().session().lock_step);
        let next = rig.store("g");
        rig.reply("229 (|||2122|)\r\n");
        assert_eq!(rig.sent().last().unwrap(), "STOR g", "{replies:?}");
        rig.reply("150 send\r\n")
            .flow_finished(1, DataEnd::Fin)
            .reply("226 stored\r\n");
        rig.done(next);
    }
}

#[test]
fn control_lost_before_the_answer_is_never_success() {
    for whole in [false, true] {
        let (mut rig, file) = flowing(clear());
        if whole {
            rig.flow_finished(5, DataEnd::Fin);
        }
        rig.eof();
        let kind = match whole {
            true => FailureKind::Unconfirmed { bytes: 5 },
            false => FailureKind::ControlClosed,
        };
        assert_eq!(rig.failed(file), kind);
        assert!(rig.is_closed());
    }
}

/// In lock-step it is the same: payload is no command.
#[test]
fn lock_step_is_about_commands() {
    let mut rig = Rig::secure(lock_step());
    rig.auto_data = true;
    let file = rig.ask(|c, now| c.store(now, b"f", eager()));
    rig.reply("200 binary\r\n").reply("229 (|||2121|)\r\n");
    assert!(rig.did(send(true)));
    rig.reply("150 ok\r\n")
        .flow_finished(1, DataEnd::CloseNotify)
        .reply("226 done\r\n");
    rig.done(file);
}
