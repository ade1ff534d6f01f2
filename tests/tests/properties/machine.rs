//! The machine as a whole: pieces, rest, resources, sameness.

use std::collections::HashSet;
use std::time::Duration;

use ftp_proto::client::{Batching, ClearText, Client, Config, Input, Security, SizeCheck};
use ftp_proto::testing::{Act, Answer, Call, Dialogue, Outcome, Step, Story, Told, strategies};
use ftp_proto::{DataId, Fault, Instant, Note, Secret};
use ftp_proto_tests::rig::in_clear;
use proptest::prelude::*;

use crate::{Play, plays, prove, prove_most};

/// Lines, and whether they left under TLS.
type Lines = Vec<(Vec<u8>, bool)>;

/// What an application sees of a story: the lines that left, the results, the end.
fn seen(story: &Story) -> (Lines, Vec<String>, String) {
    let lines = story
        .lines()
        .map(|(line, secure)| (line.to_vec(), secure))
        .collect();
    let results = (0..story.tickets.len())
        .map(|call| format!("{:?}", story.result(call)))
        .collect();
    (lines, results, format!("{:?}", story.end()))
}

#[test]
fn ix_01_pieces_do_not_matter() {
    let cut = (plays(), proptest::collection::vec(1..6_u8, 1..5));
    prove(cut, |(mut play, pieces)| {
        // Which of several things happens next counts pieces.
        play.dialogue.schedule.clear();
        play.dialogue.pieces.clear();
        // What follows a line at once is not what follows it after a while: a foreign last line of a reply may be its end.
        let quick = |answer: &Answer| !matches!(answer, Answer::Bytes(_));
        play.dialogue.answers.retain(quick);
        let whole = play.story();
        play.dialogue.pieces = pieces;
        let cut = play.story();
        prop_assert_eq!(seen(&whole), seen(&cut));
        prop_assert_eq!(whole.client.session(), cut.client.session());
        Ok(())
    });
}

#[test]
fn ix_07_equal_inputs_give_equal_outputs() {
    prove(plays(), |play| {
        let (one, other) = (play.story(), play.story());
        prop_assert_eq!(&one.steps, &other.steps);
        prop_assert!(one.client == other.client);
        Ok(())
    });
}

#[test]
fn ic_36_what_is_recorded_for_diagnosis_decides_nothing() {
    // Evidence is times, addresses and counts. Two runs that differ in the pace of everything, within every patience, differ in their
    // evidence and in nothing else.
    let pace = proptest::collection::vec(0..400_u64, 1..20);
    prove((plays(), pace), |(play, pace)| {
        let run = |pace: &[u64]| {
            let mut now = Instant::from_millis(5_000);
            let mut client = Client::new(play.config.clone(), play.peer, now);
            let login = client.login(now, b"ftp", Secret::new(b"me@"), None);
            let _transfer = client.retrieve(now, b"f", Default::default());
            let mut out = format!("{}", login.is_ok());
            let mut words: Vec<Vec<u8>> = vec![b"220 ready\r\n".to_vec()];
            for answer in &play.dialogue.answers {
                words.push(match answer {
                    Answer::Says(replies) => {
                        replies.iter().flat_map(|reply| reply.to_bytes()).collect()
                    }
                    Answer::Bytes(bytes) => bytes.clone(),
                    _ => b"200 ok\r\n".to_vec(),
                });
            }
            for (index, word) in words.iter().take(20).enumerate() {
                now = now + Duration::from_millis(pace[index % pace.len()] / 20);
                if client.reads_control() {
                    client.handle(now, Input::Control(word));
                }
                while let Some(output) = client.poll() {
                    out.push_str(&format!("{output:?}\n"));
                }
                out.push_str(&String::from_utf8_lossy(client.outgoing()));
                client.consume_outgoing(client.outgoing().len());
            }
            (out, client.session().clone(), client.is_closed())
        };
        prop_assert_eq!(run(&[0]), run(&pace));
        Ok(())
    });
}

#[test]
fn ic_35_policies_are_equal_only_if_all_their_settings_are() {
    prove(
        (strategies::config(), strategies::config()),
        |(one, other)| {
            prop_assert_eq!(one == other, format!("{one:?}") == format!("{other:?}"));
            prop_assert_eq!(&one, &one.clone());
            Ok(())
        },
    );
    // Each setting by itself makes the difference.
    type Change = fn(&mut Config);
    let changes: [Change; 13] = [
        |c| c.security = Security::implicit(),
        |c| c.security = Security::required().or_clear(ClearText::Anonymous),
        |c| c.security = Security::required().clear_data(),
        |c| c.security = Security::required().allow_ccc(),
        |c| c.security = Security::required().accept_334(),
        |c| {
            let only = [ftp_proto::client::AuthMethod::Tls];
            c.security = Security::required().methods(&only).unwrap();
        },
        |c| {
            let only = [ftp_proto::client::DataMode::Pasv];
            c.data_modes = ftp_proto::client::DataModes::new(&only).unwrap();
        },
        |c| c.passive_address = ftp_proto::client::PassiveAddress::Trusted,
        |c| c.batching = Batching::LockStep,
        |c| c.size_check = ftp_proto::client::SizeCheck::Never,
        |c| c.missing_close_notify = ftp_proto::client::MissingCloseNotify::Refuse,
        |c| c.spent_tickets = ftp_proto::client::SpentTickets::GoOn,
        |c| c.keepalive = Some(Duration::from_secs(1)),
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut config = Config::default();
        change(&mut config);
        assert_ne!(config, Config::default(), "change {index}");
    }
    let mut narrow = Config::default();
    narrow.limits.requests = 1;
    assert_ne!(narrow, Config::default());
}

#[test]
fn ix_06_any_fault_ends_idle_or_over_with_no_data_connection_left() {
    let faulty = (
        plays(),
        any::<Fault>(),
        0..40_usize,
        proptest::collection::vec(any::<Outcome>(), 0..6),
    );
    prove(faulty, |(mut play, fault, at, outcomes)| {
        play.dialogue.outcomes = outcomes;
        let at = at.min(play.dialogue.answers.len());
        play.dialogue.answers.insert(at, Answer::Breaks(fault));
        let story = play.story();
        prop_assert!(story.rested);
        prop_assert!(story.client.is_closed() || story.client.deadline().is_none());
        let mut live: HashSet<u32> = HashSet::new();
        let mut opened = 0;
        for step in &story.steps {
            match step {
                // Data connections are numbered from 1 in the order they are begun.
                Step::Did(Act::Connect(_) | Act::Listen) => {
                    opened += 1;
                    live.insert(opened);
                }
                Step::Did(Act::CloseData(data)) => drop(live.remove(&number(*data))),
                Step::Reported(Act::Connect(_) | Act::Listen, Outcome::Fails(_))
                | Step::Reported(Act::Flow { .. }, _) => drop(live.remove(&opened)),
                _ => {}
            }
        }
        prop_assert!(
            live.is_empty(),
            "{:?} of {} left: {:#?}",
            live,
            opened,
            story.steps
        );
        let closes = story.acts().filter(|act| *act == Act::CloseControl).count();
        prop_assert_eq!(closes, usize::from(story.client.is_closed()));
        let ends = story.told().filter(|told| matches!(told, Told::Closed(_)));
        prop_assert_eq!(ends.count(), closes);
        Ok(())
    });
}

fn number(data: DataId) -> u32 {
    data.number()
}

#[test]
fn ix_02_memory_is_bounded_and_work_linear() {
    // What a client holds, and how often it asks for memory, while a peer says whatever it likes.
    let noise = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..64),
        Just(b"220-more and more and more\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"150 ".to_vec()),
        Just(vec![0xff; 40]),
        Just(vec![0xff, 0xfb, 1, 0xff, 0xfd, 3]),
        Just(b"x".to_vec()),
    ];
    prove_most(100, (noise, any::<bool>()), |(noise, telnet)| {
        let mut config = in_clear();
        config.limits.reply_line = 1000;
        config.limits.reply_bytes = 4000;
        config.limits.reply_lines = 100;
        let bound = 4000 + 2 * 1000;
        let mut client = Client::new(config, Play::ipv4(), Instant::ZERO);
        let mut fed = 0;
        let counted = allocation_counter::measure(|| {
            for _ in 0..400 {
                if telnet {
                    client.handle(Instant::ZERO, Input::Control(&[0xff, 0xf2]));
                }
                client.handle(Instant::ZERO, Input::Control(&noise));
                fed += noise.len() as u64;
                while client.poll().is_some() {}
                client.consume_outgoing(client.outgoing().len());
            }
        });
        // Buffers double as they grow, and events are kept until they are polled.
        prop_assert!(counted.bytes_max < 8 * bound, "{:?}", counted);
        prop_assert!(counted.count_total <= 64 + fed, "{:?} for {}", counted, fed);
        Ok(())
    });
}

#[test]
fn ix_09_no_dialogue_makes_a_client_panic() {
    let noise = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..12);
    prove((plays(), noise), |(mut play, noise)| {
        for (index, bytes) in noise.into_iter().enumerate() {
            let at = (index * 2).min(play.dialogue.answers.len());
            play.dialogue.answers.insert(at, Answer::Bytes(bytes));
        }
        let story = play.story();
        // Whatever came of it can be shown.
        let whole = format!("{:?}", story.client);
        prop_assert!(!whole.is_empty());
        for told in story.told() {
            if let Told::Finished(_, Err(failure)) | Told::Closed(Some(failure)) = told {
                let shown = failure.to_string();
                prop_assert!(
                    !shown.chars().any(|c| c.is_control() && c != '\n'),
                    "{:?}",
                    shown
                );
            }
        }
        Ok(())
    });
}

#[test]
fn ix_10_a_client_and_a_server_that_follows_the_protocol_agree_whatever_one_fault_does() {
    // The server of the stage follows the protocol; exactly one thing goes wrong. What the client calls done, the server has
    // confirmed; what the server has confirmed and the client calls undone, is named as unconfirmed, or as a fault of the data.
    let fault = prop_oneof![
        (0..8_usize, any::<Outcome>()).prop_map(|(at, outcome)| (at, Some(outcome), Answer::Usual)),
        (0..10_usize, Just(Answer::Silence)).prop_map(|(at, answer)| (at, None, answer)),
        (0..10_usize, Just(Answer::Closes)).prop_map(|(at, answer)| (at, None, answer)),
        (0..10_usize, any::<Fault>()).prop_map(|(at, fault)| (at, None, Answer::Breaks(fault))),
        (0..10_usize, Just(Answer::says(421, b"bye"))).prop_map(|(at, answer)| (at, None, answer)),
    ];
    let cases = (
        fault,
        any::<bool>(),
        any::<bool>(),
        2..100_u64,
        any::<Batching>(),
    );
    prove(
        cases,
        |((at, outcome, answer), tls, upload, size, batching)| {
            let mut config = if tls { Config::default() } else { in_clear() };
            config.batching = batching;
            // Without a size an end that looks like the end is the end.
            config.size_check = SizeCheck::Always;
            let how = Default::default();
            let path = b"f".to_vec();
            let transfer = if upload {
                Call::Store { path, how }
            } else {
                Call::Retrieve { path, how }
            };
            let mut dialogue = Dialogue {
                calls: vec![
                    Call::Login {
                        user: b"ftp".to_vec(),
                        password: Secret::new(b"me@"),
                        account: None,
                    },
                    transfer,
                ],
                size,
                ..Dialogue::default()
            };
            if let Some(outcome) = outcome {
                dialogue.outcomes = vec![Outcome::Good; at];
                dialogue.outcomes.push(outcome);
            }
            dialogue.answers = vec![Answer::Usual; at];
            dialogue.answers.push(answer);
            let story = dialogue.play(config, Play::ipv4());
            prop_assert!(story.rested);
            let confirmed = story.told().any(|told| {
                matches!(told, Told::Received(Some(verb), code, _)
                if verb.moves_data().is_some() && code.value() == 226)
            });
            let whole = story.steps.iter().any(|step| {
                matches!(
                    step,
                    Step::Reported(
                        Act::Flow { .. },
                        Outcome::Good | Outcome::Stranger | Outcome::NoCloseNotify
                    )
                )
            });
            let resumed = story
                .notes()
                .any(|note| matches!(note, Note::Resynchronising));
            match story.result(1) {
                Some(Ok(_)) => prop_assert!(confirmed && whole, "{:#?}", story.steps),
                Some(Err(failure)) => prop_assert!(
                    !confirmed || !whole || outcome.is_some() || resumed,
                    "{} {:#?}",
                    failure,
                    story.steps
                ),
                // The session was over before it was asked for.
                None => prop_assert!(
                    story.tickets.get(1).is_none_or(Option::is_none),
                    "{:#?}",
                    story.steps
                ),
            }
            Ok(())
        },
    );
}
