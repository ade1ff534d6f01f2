//! What a transfer came to.

use std::collections::HashMap;

use ftp_proto::client::{MissingCloseNotify, Security, TransferOptions};
use ftp_proto::testing::{
    Act, Answer, Call, Dialogue, Got, Outcome, Spoken, Step, Story, Told, strategies,
};
use ftp_proto::wire::reply::{Class, Code};
use ftp_proto::{Config, DataEnd, Proof, Secret, TicketId};
use ftp_proto_tests::rig::{Rig, in_clear};
use proptest::prelude::*;

use crate::{Play, plays, prove, prove_most};

fn login() -> Call {
    Call::Login {
        user: b"ftp".to_vec(),
        password: Secret::new(b"me@"),
        account: None,
    }
}

/// A session that is up, under TLS or in clear text.
fn up(tls: bool, config: &Config) -> Story {
    let mut config = config.clone();
    config.security = if tls {
        Security::required()
    } else {
        in_clear().security
    };
    let story = Dialogue {
        calls: vec![login()],
        ..Dialogue::default()
    }
    .play(config, Play::ipv4());
    assert!(story.succeeded(0), "{story:?}");
    story
}

#[test]
fn ic_13_success_has_a_completion_reply_an_end_of_data_and_the_known_size() {
    prove(plays(), |play| {
        let story = play.story();
        let asked: HashMap<TicketId, &Call> = story
            .tickets
            .iter()
            .zip(&play.dialogue.calls)
            .filter_map(|(ticket, call)| ticket.map(|ticket| (ticket, call)))
            .collect();
        let (mut completed, mut ended) = (0, Vec::new());
        for step in &story.steps {
            match step {
                Step::Told(Told::Received(Some(verb), code, _))
                    if verb.moves_data().is_some() && code.class() == Class::Completion =>
                {
                    completed += 1;
                }
                Step::Told(Told::Received(None, code, _)) if code.class() == Class::Completion => {
                    completed += 1;
                }
                Step::Reported(Act::Flow { .. }, outcome) => ended.push(*outcome),
                Step::Told(Told::Finished(ticket, Ok(Got::Transfer(done)))) => {
                    if done.proof == Proof::Empty {
                        prop_assert_eq!(done.bytes, 0);
                        continue;
                    }
                    prop_assert!(completed > 0, "no completion reply");
                    let whole = |outcome: &Outcome| {
                        matches!(
                            outcome,
                            Outcome::Good
                                | Outcome::Stranger
                                | Outcome::Short
                                | Outcome::NoCloseNotify
                        )
                    };
                    prop_assert!(ended.iter().any(whole), "{:?}", ended);
                    if let Some(expected) = done.expected {
                        prop_assert_eq!(done.bytes, expected);
                    }
                    if let Some(Call::Retrieve { how, .. }) = asked.get(ticket)
                        && let Some(size) = how.size.filter(|_| !how.ascii)
                    {
                        let rest = size.saturating_sub(how.offset);
                        prop_assert_eq!(done.bytes, how.length.unwrap_or(rest));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    });
}

#[test]
fn ic_13_what_is_behind_the_end_of_the_file_is_not_gone_on_from() {
    // Half a file of the size it should have had, and then the file on the server has become shorter.
    let cases = (
        0..40_u64,
        1..80_u64,
        any::<ftp_proto::client::Batching>(),
        any::<bool>(),
    );
    prove(cases, |(size, offset, batching, known)| {
        let mut config = Config::default();
        config.size_check = ftp_proto::client::SizeCheck::Always;
        config.batching = batching;
        let how = TransferOptions {
            offset,
            size: known.then_some(size),
            ..TransferOptions::default()
        };
        let story = Dialogue {
            calls: vec![
                Call::Retrieve {
                    path: b"f".to_vec(),
                    how,
                },
                Call::Noop,
            ],
            size: size.saturating_sub(offset),
            // TYPE, then SIZE.
            answers: if known {
                Vec::new()
            } else {
                vec![
                    Answer::Usual,
                    Answer::says(213, size.to_string().as_bytes()),
                ]
            },
            ..Dialogue::default()
        }
        .play_behind(&up(true, &config), Play::ipv4());
        if offset <= size {
            prop_assert!(story.succeeded(0), "{:?}", story.steps);
        } else if known {
            prop_assert_eq!(story.tickets[0], None);
        } else {
            let expected = ftp_proto::FailureKind::Longer {
                bytes: offset,
                expected: size,
            };
            prop_assert_eq!(story.failure(0).map(|failure| failure.kind), Some(expected));
            let retr = |line: &[u8]| line.starts_with(b"RETR") || line.starts_with(b"REST");
            prop_assert!(!story.lines().any(|(line, _)| retr(line)));
        }
        prop_assert!(story.succeeded(1), "{:?}", story.steps);
        Ok(())
    });
}

#[test]
fn ic_14_a_protected_download_without_close_notify_is_flagged_or_no_success() {
    let ends = prop_oneof![
        Just(Outcome::NoCloseNotify),
        Just(Outcome::Good),
        Just(Outcome::Short)
    ];
    let sizes = (0..50_u64, proptest::option::of(0..50_u64), any::<bool>());
    prove(
        (ends, sizes, any::<MissingCloseNotify>()),
        |(end, (size, known, lock_step), policy)| {
            let mut config = Config::default();
            config.missing_close_notify = policy;
            config.size_check = ftp_proto::client::SizeCheck::Never;
            if lock_step {
                config.batching = ftp_proto::client::Batching::LockStep;
            }
            let how = TransferOptions {
                size: known,
                ..TransferOptions::default()
            };
            let story = Dialogue {
                calls: vec![Call::Retrieve {
                    path: b"f".to_vec(),
                    how,
                }],
                // TCP, TLS, the flow.
                outcomes: vec![Outcome::Good, Outcome::Good, end],
                size,
                ..Dialogue::default()
            }
            .play_behind(&up(true, &config), Play::ipv4());
            let moved = if end == Outcome::Short {
                size / 2
            } else {
                size
            };
            let result = story.result(0).unwrap();
            match (end, known) {
                (_, Some(known)) if known != moved => prop_assert!(result.is_err()),
                (Outcome::NoCloseNotify, Some(_)) if policy == MissingCloseNotify::IfSizeAgrees => {
                    let Ok(Got::Transfer(done)) = result else {
                        return Err(TestCaseError::fail(format!("{result:?}")));
                    };
                    prop_assert_eq!(done.proof, Proof::SizeOnly);
                }
                (Outcome::NoCloseNotify, _) => prop_assert!(result.is_err(), "{:?}", result),
                _ => {
                    let Ok(Got::Transfer(done)) = result else {
                        return Err(TestCaseError::fail(format!("{result:?}")));
                    };
                    prop_assert_eq!(done.proof, Proof::CleanEnd);
                    prop_assert_eq!(done.bytes, moved);
                }
            }
            Ok(())
        },
    );
}

#[test]
fn ic_16_the_result_does_not_depend_on_how_control_and_data_interleave() {
    let replies = prop_oneof![
        Just(vec![(150, "ok"), (226, "done")]),
        Just(vec![(226, "done")]),
        Just(vec![(125, "ok"), (250, "done")]),
        Just(vec![(150, "f (10 bytes)"), (226, "done")]),
        Just(vec![(150, "ok"), (426, "broken")]),
        Just(vec![(150, "ok"), (451, "disk")]),
        Just(vec![(150, "ok"), (552, "quota")]),
    ];
    let ends = prop_oneof![
        Just(Outcome::Good),
        Just(Outcome::Short),
        Just(Outcome::NoCloseNotify),
        Just(Outcome::Breaks(ftp_proto::Fault::Reset)),
        Just(Outcome::LocalFails),
    ];
    let schedules = proptest::collection::vec(any::<u8>(), 0..12);
    let cases = (
        replies,
        ends,
        any::<bool>(),
        any::<bool>(),
        0..20_u64,
        (schedules.clone(), schedules),
    );
    prove(cases, |(replies, end, tls, upload, size, schedules)| {
        let how = TransferOptions::default();
        let path = b"f".to_vec();
        let call = if upload {
            Call::Store { path, how }
        } else {
            Call::Retrieve { path, how }
        };
        let up = up(tls, &Config::default());
        // TYPE, SIZE, set-up, then the transfer; an upload asks no size.
        let said: Vec<Spoken> = replies
            .iter()
            .map(|(code, text)| Spoken::line(Code::new(*code).unwrap(), text.as_bytes()))
            .collect();
        let mut answers = vec![Answer::Usual; if upload { 2 } else { 3 }];
        answers.push(Answer::Says(said));
        let mut outcomes = vec![Outcome::Good; if tls { 2 } else { 1 }];
        outcomes.push(end);
        let told = |schedule: &[u8]| {
            let story = Dialogue {
                calls: vec![call.clone()],
                answers: answers.clone(),
                outcomes: outcomes.clone(),
                schedule: schedule.to_vec(),
                size,
                ..Dialogue::default()
            }
            .play_behind(&up, Play::ipv4());
            match story.result(0) {
                Some(Ok(got)) => format!("{got:?}"),
                // A refusal and a fault of our own or of the connection: the first that is known is told.
                Some(Err(failure)) if failure.code.is_some() => format!("{:?}", failure.code),
                Some(Err(failure)) => format!("{:?} {:?}", failure.category(), failure.verb),
                None => "never".to_owned(),
            }
        };
        prop_assert_eq!(told(&schedules.0), told(&schedules.1));
        Ok(())
    });
}

#[test]
fn ic_17_keep_alives_change_no_result_of_a_later_command() {
    #[derive(Clone, Copy, Debug)]
    enum Answers {
        AtOnce,
        Afterwards,
        Refused,
        Never,
    }
    let answers = prop_oneof![
        Just(Answers::AtOnce),
        Just(Answers::Afterwards),
        Just(Answers::Refused),
        Just(Answers::Never),
    ];
    prove_most(
        100,
        (answers, 0..6_u64, 1..90_u64),
        |(answers, times, every)| {
            let later = |keepalive: bool| {
                let mut config = Config::default();
                if keepalive {
                    config.keepalive = Some(std::time::Duration::from_secs(every));
                }
                let mut rig = Rig::secure(config);
                rig.auto_data = true;
                rig.checks_silence = false;
                rig.checks_splits = false;
                let file = rig.retrieve("f");
                rig.reply("200 I\r\n213 5\r\n229 (|||2121|)\r\n150 here\r\n");
                rig.sent();
                let mut late = Vec::new();
                for second in 0..times * every {
                    rig.pass(std::time::Duration::from_secs(1))
                        .progress(second + 1);
                    for line in rig.sent() {
                        assert_eq!(line, "NOOP");
                        match answers {
                            Answers::AtOnce => drop(rig.reply("200 alive\r\n")),
                            Answers::Refused => drop(rig.reply("503 busy\r\n")),
                            Answers::Afterwards => late.push("200 alive\r\n"),
                            Answers::Never => {}
                        }
                    }
                }
                rig.flow_finished(5, DataEnd::CloseNotify)
                    .reply("226 done\r\n");
                for reply in late {
                    rig.reply(reply);
                }
                // The barrier, where a reply never came.
                rig.pass(std::time::Duration::from_secs(3));
                for line in rig.sent() {
                    assert_eq!(line, "PWD");
                    rig.reply("257 \"/\"\r\n");
                }
                let where_we_are = rig.ask(|client, now| client.working_directory(now));
                let nothing = rig.ask(|client, now| client.delete(now, b"x"));
                rig.reply("257 \"/home\"\r\n");
                rig.reply("550 no such file\r\n");
                (
                    rig.done(file).bytes,
                    rig.done(where_we_are),
                    rig.failed(nothing),
                )
            };
            prop_assert_eq!(later(true), later(false));
            Ok(())
        },
    );
}

#[test]
fn ic_18_a_session_that_is_idle_works_as_a_fresh_one() {
    prove(plays(), |mut play| {
        play.config.limits = Default::default();
        let story = play.story();
        if story.client.is_closed()
            || story.client.session().login != ftp_proto::rules::login::Login::In
        {
            return Ok(());
        }
        prop_assert_eq!(story.client.deadline(), None);
        prop_assert!(story.client.outgoing().is_empty() && story.client.reads_control());
        // Two transfers and a lone command, by a server that does its part.
        let probe = Dialogue {
            calls: vec![
                Call::Retrieve {
                    path: b"probe".to_vec(),
                    how: TransferOptions::default(),
                },
                Call::Store {
                    path: b"probe".to_vec(),
                    how: TransferOptions::default(),
                },
                Call::Noop,
            ],
            size: 7,
            ..Dialogue::default()
        }
        .play_behind(&story, play.peer);
        if probe.tickets[0].is_none() {
            // No data mode of this policy works over IPv6.
            prop_assert!(play.peer.is_ipv6());
            return Ok(());
        }
        for call in 0..3 {
            prop_assert!(
                probe.succeeded(call),
                "{} {:#?}\nbehind {:#?}",
                call,
                probe.steps,
                story.steps
            );
        }
        for (line, _) in probe.lines() {
            prop_assert!(!line.starts_with(b"ABOR"), "{:?}", line);
            prop_assert!(
                !line.starts_with(b"REST") || line == b"REST 0",
                "{:?}",
                line
            );
            let range = line.starts_with(b"RANG");
            prop_assert!(!range || line == b"RANG 1 0", "{:?}", line);
        }
        Ok(())
    });
}

#[test]
fn ic_15_payload_that_was_cut_short_is_never_reported_whole() {
    // The machine's share of an orderly end: an upload whose source was not handed over to its end is no success, whatever is replied.
    let ends = prop_oneof![
        Just(Outcome::Breaks(ftp_proto::Fault::Reset)),
        Just(Outcome::LocalFails),
        Just(Outcome::Short),
        Just(Outcome::TlsFails(ftp_proto::TlsFault::Corrupt)),
    ];
    prove(
        (ends, any::<bool>(), strategies::reply_of(Class::Completion)),
        |(end, tls, last)| {
            let mut outcomes = vec![Outcome::Good; if tls { 2 } else { 1 }];
            outcomes.push(end);
            let story = Dialogue {
                calls: vec![Call::Store {
                    path: b"f".to_vec(),
                    how: TransferOptions::default(),
                }],
                answers: vec![
                    Answer::Usual,
                    Answer::Usual,
                    Answer::Says(vec![Spoken::line(Code::new(150).unwrap(), b"go on"), last]),
                ],
                outcomes,
                size: 100,
                ..Dialogue::default()
            }
            .play_behind(&up(tls, &Config::default()), Play::ipv4());
            prop_assert!(story.failure(0).is_some(), "{:?}", story.result(0));
            Ok(())
        },
    );
}

#[test]
fn ic_15_an_upload_that_was_sent_to_its_end_and_confirmed_needs_no_close_of_the_servers() {
    prove_most(
        40,
        (any::<bool>(), 1..1000_u64, any::<bool>()),
        |(sent, bytes, tls)| {
            let mut rig = if tls {
                Rig::secure(Config::default())
            } else {
                Rig::clear(Config::default())
            };
            rig.auto_data = true;
            rig.checks_splits = false;
            let file = rig.store("f");
            rig.reply("200 I\r\n229 (|||2121|)\r\n")
                .reply("150 go on\r\n")
                .progress(bytes);
            if sent {
                let data = rig.desk().flow.as_ref().unwrap().data();
                rig.handle(ftp_proto::Input::SourceEnded(data));
            }
            // The server confirms, and never closes its end of the data connection.
            rig.reply("226 stored\r\n");
            prop_assert!(rig.result(file).is_none());
            rig.sent();
            if tls && sent {
                // Under TLS the end may have been cut off: the size of the file decides.
                rig.tick_to_deadline();
                prop_assert_eq!(rig.sent(), ["SIZE f"]);
                rig.reply(&format!("213 {bytes}\r\n"));
            } else {
                rig.pass(std::time::Duration::from_secs(300));
            }
            match rig.result(file).unwrap() {
                Ok(done) => prop_assert!(sent && done.bytes == bytes),
                Err(_) => prop_assert!(!sent),
            }
            prop_assert!(!rig.is_closed());
            Ok(())
        },
    );
}
