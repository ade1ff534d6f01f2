//! Time: aborts, deadlines, peers that are silent or drip.

use std::time::Duration;

use ftp_proto::testing::{Call, Spoken, Step, strategies};
use ftp_proto::{Config, DataEnd, Limits};
use ftp_proto_tests::rig::Rig;
use proptest::prelude::*;

use crate::{plays, plays_with, prove, prove_most};

/// What a peer may do behind ABOR.
#[derive(Clone, Debug)]
enum Behind {
    Says(Spoken),
    Bytes(Vec<u8>),
    Waits(u64),
    Closes,
    AnswersPwd,
}

#[test]
fn ic_28_an_abort_ends_in_time_whatever_the_peer_does() {
    let aborted = prop_oneof![
        Just("226 aborted\r\n"),
        Just("426 cut\r\n"),
        Just("225 no transfer\r\n"),
        Just("500 what\r\n"),
        Just("421 bye\r\n"),
    ];
    let behind = prop_oneof![
        strategies::reply().prop_map(Behind::Says),
        aborted.prop_map(|reply| Behind::Bytes(reply.as_bytes().to_vec())),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Behind::Bytes),
        (0..20_000_u64).prop_map(Behind::Waits),
        Just(Behind::Closes),
        Just(Behind::AnswersPwd),
    ];
    let cases = (
        proptest::collection::vec(behind, 0..8),
        any::<bool>(),
        0..4_u8,
    );
    prove(cases, |(behind, upload, stage)| {
        let mut rig = Rig::secure(Config::default());
        rig.auto_data = true;
        rig.checks_silence = false;
        rig.checks_splits = false;
        let file = if upload {
            rig.store("f")
        } else {
            rig.retrieve("f")
        };
        rig.reply("200 I\r\n");
        if !upload {
            rig.reply("213 5\r\n");
        }
        rig.reply("229 (|||2121|)\r\n");
        if stage > 0 {
            rig.reply("150 here\r\n");
        }
        if stage > 1 {
            rig.progress(3);
        }
        if stage > 2 {
            rig.flow_finished(5, DataEnd::CloseNotify);
        }
        rig.sent();
        let began = rig.now();
        let abort = rig.ask(|client, now| client.abort(now));
        for behind in behind {
            if rig.is_closed() {
                break;
            }
            match behind {
                Behind::Says(reply) => drop(rig.bytes(&reply.to_bytes())),
                Behind::Bytes(bytes) => drop(rig.bytes(&bytes)),
                Behind::Waits(millis) => drop(rig.pass(Duration::from_millis(millis))),
                Behind::Closes => drop(rig.eof()),
                Behind::AnswersPwd => {
                    if rig.sent().iter().any(|line| line == "PWD") {
                        rig.bytes(b"257 \"/\"\r\n");
                    }
                }
            }
        }
        let limit = Limits::default().abort_wait + Duration::from_secs(1);
        let spent = rig.now().since(began);
        rig.pass(limit.saturating_sub(spent));
        prop_assert!(rig.result(file).is_some(), "{:?}", rig);
        prop_assert!(rig.result(abort).is_some(), "{:?}", rig);
        prop_assert!(rig.is_closed() || rig.patience().is_none(), "{:?}", rig);
        Ok(())
    });
}

#[test]
fn ic_29_everything_that_is_waited_for_ends() {
    prove(plays_with(Call::Abort), |play| {
        let story = play.story();
        prop_assert!(story.rested);
        for (index, ticket) in story.tickets.iter().enumerate() {
            let withdrawn = matches!(play.dialogue.calls[index], Call::Withdraw(_));
            prop_assert!(
                ticket.is_none() || withdrawn || story.result(index).is_some(),
                "{:?} never ends: {:#?}",
                play.dialogue.calls[index],
                story.steps
            );
        }
        // What is left is idle: nothing is waited for and nothing is due.
        prop_assert_eq!(story.client.deadline(), None);
        Ok(())
    });
}

#[test]
fn ix_04_a_machine_comes_to_rest_after_every_input() {
    prove(plays(), |play| {
        let story = play.story();
        prop_assert!(story.rested);
        let mut outputs = 0;
        for step in &story.steps {
            match step {
                Step::Told(_) | Step::Did(_) | Step::Wrote { .. } => {
                    outputs += 1;
                    prop_assert!(outputs < 200, "{:#?}", story.steps);
                }
                _ => outputs = 0,
            }
        }
        Ok(())
    });
}

#[test]
fn ix_05_a_dripping_peer_does_not_keep_a_session() {
    // One byte at a time of a reply that never ends, each just before the patience would have been over.
    let drips = (1..59_000_u64, "[a-z\\r\\n -]{1,40}", any::<bool>());
    prove_most(60, drips, |(every, text, greeting)| {
        let mut config = ftp_proto_tests::rig::in_clear();
        config.limits.reply_bytes = 2000;
        let mut rig;
        let began;
        if greeting {
            rig = Rig::new(config);
            began = rig.now();
        } else {
            rig = Rig::clear(config);
            began = rig.now();
            let _ticket = rig.ask(|client, now| client.noop(now));
        }
        rig.checks_splits = false;
        rig.checks_silence = false;
        let opening: &[u8] = if greeting { b"220-" } else { b"200-" };
        for byte in opening.iter().chain(text.as_bytes().iter().cycle()) {
            if rig.is_closed() {
                break;
            }
            rig.bytes(&[*byte]);
            rig.pass(Duration::from_millis(every));
            prop_assert!(
                rig.now().since(began) < Duration::from_secs(300),
                "still there after {:?}",
                rig.now().since(began)
            );
        }
        Ok(())
    });
}

#[test]
fn ix_05_silence_from_any_point_ends_every_request() {
    // The rig holds a copy of the machine to silence after every single step.
    prove_most(40, (plays(), 0..30_usize), |(play, steps)| {
        let mut rig = Rig::new(play.config.clone());
        rig.checks_splits = false;
        rig.auto_control = true;
        rig.auto_data = true;
        let _login = rig.login();
        let _file = rig.try_ask(|client, now| client.retrieve(now, b"f", Default::default()));
        let mut said = play.dialogue.answers.iter();
        for _ in 0..steps {
            if rig.is_closed() || !rig.client().reads_control() {
                break;
            }
            match said.next() {
                Some(ftp_proto::testing::Answer::Says(replies)) => {
                    for reply in replies {
                        if !rig.is_closed() && rig.client().reads_control() {
                            rig.bytes(&reply.to_bytes());
                        }
                    }
                }
                Some(_) => drop(rig.bytes(b"220 ok\r\n")),
                None => break,
            }
        }
        Ok(())
    });
}
