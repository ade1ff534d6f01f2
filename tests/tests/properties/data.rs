//! Data connections: where to, from whom, how protected, which way.

use ftp_proto::client::{DataMode, DataModes, PassiveAddress, TransferOptions};
use ftp_proto::testing::{Act, Answer, Call, Dialogue, Outcome, Step, Told, strategies};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::extended::ExtendedAddress;
use ftp_proto::wire::host_port::HostPort;
use ftp_proto::{DataTarget, Direction, Note};
use proptest::prelude::*;

use crate::book::{verb, walk};
use crate::{Play, plays, prove};

/// A download by one data mode, with this answer to its set-up.
fn set_up_answered(mode: DataMode, answer: Answer, trusted: bool) -> Play {
    let mut config = ftp_proto_tests::rig::in_clear();
    config.data_modes = DataModes::new(&[mode]).unwrap();
    if trusted {
        config.passive_address = PassiveAddress::Trusted;
    }
    let mut dialogue = ftp_proto::testing::Dialogue {
        calls: vec![
            Call::Login {
                user: b"ftp".to_vec(),
                password: ftp_proto::Secret::new(b"me@"),
                account: None,
            },
            Call::Retrieve {
                path: b"f".to_vec(),
                how: TransferOptions {
                    size: Some(0),
                    ..TransferOptions::default()
                },
            },
        ],
        ..Default::default()
    };
    // USER, PASS, TYPE, then the set-up.
    dialogue.answers = vec![Answer::Usual, Answer::Usual, Answer::Usual, answer];
    Play {
        config,
        dialogue,
        peer: Play::ipv4(),
    }
}

fn target_is_allowed(play: &Play, target: DataTarget) -> bool {
    let lowest = play.config.limits.lowest_data_port;
    let fit = |port: u16| port >= lowest || matches!(port, 20 | 989);
    match target {
        DataTarget::Peer { port } => fit(port),
        DataTarget::Address(address) => {
            play.config.passive_address == PassiveAddress::Trusted && fit(address.port())
        }
    }
}

#[test]
fn ic_08_data_goes_to_the_peer_and_to_no_low_port_whatever_a_reply_names() {
    prove(plays(), |play| {
        for act in play.story().acts() {
            if let Act::Connect(target) = act {
                prop_assert!(target_is_allowed(&play, target), "{:?}", target);
            }
        }
        Ok(())
    });
    let host_port = (any::<[u8; 6]>(), "[a-z (]{0,8}", "[ .)]{0,3}").prop_map(
        |([a, b, c, d, e, f], before, after)| {
            Answer::says(
                227,
                format!("{before}{a},{b},{c},{d},{e},{f}{after}").as_bytes(),
            )
        },
    );
    let extended =
        (any::<u32>(), prop_oneof![Just('|'), Just('!'), Just('~')]).prop_map(|(port, mark)| {
            let port = port % 70_000;
            Answer::says(
                229,
                format!("ok ({mark}{mark}{mark}{port}{mark})").as_bytes(),
            )
        });
    let both = prop_oneof![
        host_port.prop_map(|answer| (DataMode::Pasv, answer)),
        extended.prop_map(|answer| (DataMode::Epsv, answer)),
    ];
    prove((both, any::<bool>()), |((mode, answer), trusted)| {
        let play = set_up_answered(mode, answer, trusted);
        let story = play.story();
        for act in story.acts() {
            if let Act::Connect(target) = act {
                prop_assert!(target_is_allowed(&play, target), "{:?}", target);
            }
        }
        // A way that was not taken is a failure, and not silence.
        prop_assert!(story.result(1).is_some());
        Ok(())
    });
}

#[test]
fn ic_09_an_active_address_is_the_drivers_own() {
    let active = plays().prop_map(|mut play| {
        play.config.data_modes = DataModes::new(&[DataMode::Eprt, DataMode::Port]).unwrap();
        play
    });
    prove(active, |play| {
        for (line, _) in play.story().lines() {
            let argument = line
                .splitn(2, |&byte| byte == b' ')
                .nth(1)
                .unwrap_or_default();
            let named = match verb(line) {
                Some(Verb::Eprt) => {
                    let named = ExtendedAddress::parse_argument(argument).unwrap();
                    (named.address.to_string(), named.port)
                }
                Some(Verb::Port) => {
                    let named = HostPort::parse_argument(argument).unwrap();
                    (named.address.to_string(), named.port)
                }
                _ => continue,
            };
            let own = if play.peer.is_ipv6() {
                "2001:db8::1"
            } else {
                "198.51.100.7"
            };
            prop_assert_eq!(named, (own.to_owned(), 50_000));
        }
        Ok(())
    });
}

#[test]
fn ic_10_one_connection_is_admitted_and_only_the_servers() {
    let active = (plays(), proptest::collection::vec(any::<Outcome>(), 0..3)).prop_map(
        |(mut play, more)| {
            play.config.data_modes = DataModes::new(&[DataMode::Eprt, DataMode::Port]).unwrap();
            play.dialogue.outcomes.splice(
                ..0,
                [Outcome::Good, Outcome::Good, Outcome::Stranger]
                    .into_iter()
                    .chain(more),
            );
            play
        },
    );
    prove(active, |play| {
        let story = play.story();
        let (mut admitted, mut ordered, mut connected) = (false, false, 0);
        for step in &story.steps {
            match step {
                Step::Did(Act::Listen) => (admitted, ordered) = (false, false),
                Step::Did(Act::Accept) => {
                    prop_assert!(!admitted, "accepts behind the one");
                    ordered = true;
                }
                Step::Reported(Act::Accept, Outcome::Stranger) => connected = -1,
                Step::Reported(Act::Accept, outcome)
                    if ordered && !matches!(outcome, Outcome::Fails(_)) =>
                {
                    admitted = true;
                }
                Step::Told(Told::Note(Note::DataConnected(_))) => {
                    prop_assert!(connected != -1, "a stranger is in");
                }
                Step::Told(Told::Note(Note::StrangerRefused(_))) => connected = 0,
                Step::Did(Act::SecureData | Act::Flow { .. }) => prop_assert!(connected != -1),
                _ => {}
            }
        }
        Ok(())
    });
}

#[test]
fn ic_11_a_data_connection_is_as_protected_as_prot_was_acknowledged_last() {
    prove(plays(), |play| {
        let story = play.story();
        walk(&story, |book, step| {
            let private = book.prot == Some(b'P');
            match step {
                Step::Did(Act::Flow { protected, .. }) => prop_assert_eq!(*protected, private),
                Step::Did(Act::SecureData) => prop_assert!(private),
                _ => {}
            }
            Ok(())
        })
    });
}

#[test]
fn ic_12_what_comes_without_trusted_tls_is_no_success_whatever_the_server_says() {
    // The machine's share: whoever got the data in our place, our own data connection failed. TLS itself is shown in the tests of the
    // TLS channel.
    let how = TransferOptions {
        size: Some(0),
        ..TransferOptions::default()
    };
    let calls = prop_oneof![
        Just(Call::Retrieve {
            path: b"f".to_vec(),
            how
        }),
        Just(Call::Store {
            path: b"f".to_vec(),
            how
        }),
        Just(Call::List(None)),
        Just(Call::Names(Some(b"d".to_vec()))),
        Just(Call::Facts(None)),
    ];
    let schedule = proptest::collection::vec(any::<u8>(), 0..12);
    let cases = (calls, any::<ftp_proto::TlsFault>(), schedule);
    prove(cases, |(call, fault, schedule)| {
        let mut play = set_up_answered(DataMode::Epsv, Answer::Usual, false);
        play.config.security = ftp_proto::client::Security::required();
        play.dialogue.answers.clear();
        play.dialogue.calls.truncate(1);
        let up = play.story();
        let story = Dialogue {
            calls: vec![call],
            schedule,
            // TCP of the data connection, its TLS.
            outcomes: vec![Outcome::Good, Outcome::TlsFails(fault)],
            ..Dialogue::default()
        }
        .play_behind(&up, play.peer);
        prop_assert_eq!(
            story.failure(0).map(|failure| failure.kind),
            Some(ftp_proto::FailureKind::DataTls(fault)),
            "{:?}",
            story.result(0)
        );
        let flowed = |act: &Act| matches!(act, Act::Flow { .. });
        prop_assert!(!story.acts().any(|act| flowed(&act)));
        Ok(())
    });
}

#[test]
fn ic_13_a_listing_that_was_announced_and_never_seen_is_not_empty() {
    let schedule = proptest::collection::vec(any::<u8>(), 0..12);
    prove(
        (any::<ftp_proto::Fault>(), schedule, any::<bool>()),
        |(fault, schedule, announced)| {
            let mut play = set_up_answered(DataMode::Epsv, Answer::Usual, false);
            play.dialogue.answers.clear();
            play.dialogue.calls.truncate(1);
            let up = play.story();
            let mut dialogue = Dialogue {
                calls: vec![Call::List(None)],
                schedule,
                outcomes: vec![Outcome::Fails(fault)],
                ..Dialogue::default()
            };
            if !announced {
                dialogue.answers = vec![Answer::Usual, Answer::says(226, b"nothing to list")];
            }
            let story = dialogue.play_behind(&up, play.peer);
            // A connection that fails before the server's last word is another story.
            let plain = dialogue.schedule.is_empty();
            prop_assert!(!announced || !story.succeeded(0), "{:?}", story.steps);
            prop_assert!(
                announced || !plain || story.succeeded(0),
                "{:?}",
                story.steps
            );
            Ok(())
        },
    );
}

#[test]
fn ic_22_payload_flows_in_the_direction_of_the_verb() {
    prove(plays(), |play| {
        let story = play.story();
        walk(&story, |book, step| {
            if let Step::Did(Act::Flow {
                direction, discard, ..
            }) = step
            {
                let up = matches!(book.transfer, Some(Verb::Stor | Verb::Stou | Verb::Appe));
                prop_assert_eq!(*direction == Direction::Send, up);
                // Nobody's payload is only ever read.
                prop_assert!(!discard || !up);
            }
            Ok(())
        })
    });
}

#[test]
fn ic_08_no_text_of_a_reply_is_taken_for_more_than_a_port() {
    let texts = strategies::reply().prop_map(|mut reply| {
        reply.code = ftp_proto::wire::reply::Code::new(227).unwrap();
        Answer::Says(vec![reply])
    });
    prove(texts, |answer| {
        let play = set_up_answered(DataMode::Pasv, answer, false);
        for act in play.story().acts() {
            if let Act::Connect(target) = act {
                prop_assert!(matches!(target, DataTarget::Peer { .. }), "{:?}", target);
            }
        }
        Ok(())
    });
}
