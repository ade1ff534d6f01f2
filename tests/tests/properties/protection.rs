//! Protection of the control connection and the policy behind it.

use ftp_proto::client::{Config, Security};
use ftp_proto::testing::{
    Act, Answer, Call, Dialogue, Form, Outcome, Spoken, Step, Told, strategies,
};
use ftp_proto::wire::command::{ProtectionLevel, Verb};
use ftp_proto::wire::reply::{Class, Code};
use ftp_proto::{FailureKind, Note, Secret};
use ftp_proto_tests::rig::{Rig, in_clear};
use proptest::prelude::*;

use crate::book::{verb, walk};
use crate::{Play, plays, plays_with, prove};

/// Verbs whose argument is a secret or a path.
fn is_telling(verb: Verb) -> bool {
    matches!(verb, Verb::User | Verb::Pass | Verb::Acct) || verb.path_argument()
}

#[test]
fn ic_02_no_secret_and_no_path_leaves_in_clear_text_where_tls_is_required() {
    prove(plays(), |play| {
        let security = play.config.security;
        let story = play.story();
        walk(&story, |book, step| {
            for (line, secure) in step.lines() {
                let Some(verb) = verb(line) else { continue };
                if secure || !is_telling(verb) || security.clear_text().is_some() {
                    continue;
                }
                // The caller has asked for CCC, and allowed it before.
                prop_assert!(book.cleared && security.ccc_allowed(), "{}", verb);
            }
            Ok(())
        })
    });
}

#[test]
fn ic_02_no_data_connection_is_opened_before_prot_p_where_it_is_required() {
    prove(plays(), |play| {
        let security = play.config.security;
        let required =
            security.clear_text().is_none() && security.data_level() == ProtectionLevel::Private;
        let lock_step = play.config.batching == ftp_proto::client::Batching::LockStep;
        let story = play.story();
        walk(&story, |book, step| {
            let private = book.prot == Some(b'P');
            match step {
                Step::Did(
                    act @ (Act::Connect(_) | Act::Accept | Act::SecureData | Act::Flow { .. }),
                ) if required => prop_assert!(private, "{:?}", act),
                Step::Told(Told::Sent(verb, _))
                    if required && lock_step && verb.moves_data().is_some() =>
                {
                    prop_assert!(private, "{}", verb);
                }
                _ => {}
            }
            Ok(())
        })
    });
}

#[test]
fn ic_03_nothing_follows_tls_that_failed_on_the_control_connection() {
    let fails =
        (plays(), any::<ftp_proto::TlsFault>(), 0..2_usize).prop_map(|(mut play, fault, at)| {
            let at = at.min(play.dialogue.outcomes.len());
            play.dialogue.outcomes.insert(at, Outcome::TlsFails(fault));
            play
        });
    prove(fails, |play| {
        let story = play.story();
        let mut failed = false;
        walk(&story, |book, step| {
            match step {
                Step::Reported(Act::SecureControl | Act::ClearControl, Outcome::TlsFails(_)) => {
                    failed = true;
                }
                Step::Wrote { bytes, secure } => {
                    prop_assert!(!failed, "{:?}", bytes);
                    prop_assert!(!book.securing && *secure == book.secure, "{:?}", bytes);
                }
                _ => {}
            }
            Ok(())
        })
    });
}

#[test]
fn ic_04_bytes_in_the_way_of_a_protection_switch_end_the_session() {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..20),
        strategies::reply().prop_map(|reply| reply.to_bytes()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        Just(vec![0xff, 0xfb, 1]),
    ];
    prove((bytes, any::<bool>()), |(bytes, back)| {
        let mut rig;
        if back {
            let mut config = Config::default();
            config.security = Security::required().allow_ccc();
            rig = Rig::secure(config);
            let _ticket = rig.ask(|client, now| client.clear_command_channel(now));
        } else {
            rig = Rig::new(Config::default());
            let _ticket = rig.login();
            rig.reply("220 ready\r\n");
        }
        rig.forget();
        // Cuts within the injection change when it is noticed, and nothing else.
        rig.checks_splits = false;
        let accepted: &[u8] = if back { b"200 ok\r\n" } else { b"234 ok\r\n" };
        rig.bytes(&[accepted, &bytes].concat());
        prop_assert_eq!(rig.sent(), Vec::<String>::new());
        prop_assert!(rig.is_closed(), "{:?}", rig);
        prop_assert_eq!(rig.end_kind(), Some(FailureKind::Injected));
        Ok(())
    });
}

#[test]
fn ic_04_bytes_during_a_handshake_end_the_session() {
    prove(proptest::collection::vec(any::<u8>(), 1..20), |bytes| {
        let mut rig = Rig::new(Config::default());
        let _ticket = rig.login();
        rig.reply("220 ready\r\n").reply("234 go on\r\n");
        prop_assert!(rig.desk().secure_control.is_some());
        rig.checks_splits = false;
        rig.forget();
        rig.bytes(&bytes);
        prop_assert_eq!(rig.end_kind(), Some(FailureKind::Injected));
        prop_assert_eq!(rig.sent(), Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn ic_04_no_dialogue_goes_on_behind_an_injection() {
    let injected = (plays(), strategies::reply()).prop_map(|(mut play, reply)| {
        play.config.security = Security::required();
        play.dialogue.greeting = Answer::Usual;
        play.dialogue
            .answers
            .insert(0, Answer::UsualAnd(reply.to_bytes()));
        play
    });
    prove(injected, |play| {
        let story = play.story();
        let lines: Vec<_> = story.lines().map(|(line, _)| line.to_vec()).collect();
        prop_assert_eq!(lines, [b"AUTH TLS".to_vec()]);
        prop_assert_eq!(
            story.end().flatten().map(|failure| failure.kind),
            Some(FailureKind::Injected)
        );
        Ok(())
    });
}

#[test]
fn ic_05_what_was_learned_under_one_protection_decides_nothing_under_the_next() {
    let greeting = || {
        strategies::reply_of(Class::Completion).prop_map(|mut reply| {
            // 230 greets a session that is logged in; only where clear text is allowed does it matter.
            reply.code = Code::new(220).unwrap();
            Answer::Says(vec![reply])
        })
    };
    let accepted = || {
        strategies::reply().prop_map(|mut reply| {
            reply.code = Code::new(234).unwrap();
            Answer::Says(vec![reply])
        })
    };
    let twins = (plays(), greeting(), greeting(), accepted(), accepted());
    prove(twins, |(mut play, one, other, yes, indeed)| {
        play.config.security = Security::required();
        play.config.limits = Default::default();
        play.dialogue.pieces.clear();
        let mut twin = play.clone();
        play.dialogue.greeting = one;
        play.dialogue.answers.insert(0, yes);
        twin.dialogue.greeting = other;
        twin.dialogue.answers.insert(0, indeed);
        let (story, twin) = (play.story(), twin.story());
        let under_tls = |story: &ftp_proto::testing::Story| -> Vec<Vec<u8>> {
            story
                .lines()
                .filter(|(_, secure)| *secure)
                .map(|(line, _)| line.to_vec())
                .collect()
        };
        prop_assert_eq!(under_tls(&story), under_tls(&twin));
        prop_assert_eq!(story.client.session(), twin.client.session());
        Ok(())
    });
}

#[test]
fn ic_06_after_ccc_nothing_is_said_about_login_or_protection() {
    let with_ccc =
        (plays_with(Call::ClearCommandChannel), any::<bool>()).prop_map(|(mut play, allowed)| {
            if allowed {
                play.config.security = play.config.security.allow_ccc();
                // So that some of them get there.
                play.dialogue.answers.clear();
            }
            play
        });
    prove(with_ccc, |play| {
        let story = play.story();
        walk(&story, |book, step| {
            for (line, _) in step.lines() {
                let Some(verb) = verb(line) else { continue };
                prop_assert!(verb != Verb::Ccc || play.config.security.ccc_allowed());
                let forbidden = matches!(
                    verb,
                    Verb::User | Verb::Pass | Verb::Acct | Verb::Auth | Verb::Pbsz | Verb::Prot
                );
                prop_assert!(!book.cleared || !forbidden, "{} after CCC", verb);
            }
            Ok(())
        })
    });
}

#[test]
fn ic_24_nothing_that_comes_from_the_network_lowers_the_policy() {
    prove(plays(), |play| {
        let security = play.config.security;
        let story = play.story();
        prop_assert_eq!(story.client.config(), &play.config);
        for told in story.told() {
            match told {
                Told::Ready(secure) => {
                    prop_assert!(*secure || security.clear_text().is_some());
                }
                Told::Note(Note::GoingOnInClear) => {
                    prop_assert!(security.clear_text().is_some());
                }
                _ => {}
            }
        }
        // A login in clear text is told before it is begun.
        let mut announced = false;
        for step in &story.steps {
            announced |= matches!(step, Step::Told(Told::Note(Note::GoingOnInClear)));
            for (line, secure) in step.lines() {
                let user = verb(line) == Some(Verb::User);
                let reverted = story.notes().any(|note| note == Note::ControlCleared);
                prop_assert!(!user || secure || announced || reverted || security.is_clear());
            }
        }
        Ok(())
    });
}

#[test]
fn ic_25_only_a_completion_completes_a_command() {
    let calls = prop_oneof![
        Just(Call::ChangeDirectory(b"d".to_vec())),
        Just(Call::ChangeToParent),
        Just(Call::WorkingDirectory),
        Just(Call::MakeDirectory(b"d".to_vec())),
        Just(Call::RemoveDirectory(b"d".to_vec())),
        Just(Call::Delete(b"f".to_vec())),
        Just(Call::Status(None)),
        Just(Call::System),
        Just(Call::Noop),
        Just(Call::Help(Vec::new())),
        Just(Call::Options(b"UTF8 ON".to_vec())),
        Just(Call::Entry(None)),
    ];
    prove(
        (calls, 100..700_u16, any::<Form>()),
        |(call, code, form)| {
            let code = Code::new(code).unwrap();
            let mut reply = Spoken::line(code, b"so be it");
            reply.form = form;
            let mut dialogue = Dialogue {
                calls: vec![Call::Login {
                    user: b"ftp".to_vec(),
                    password: Secret::new(b"me@"),
                    account: None,
                }],
                ..Dialogue::default()
            };
            let up = dialogue.play(in_clear(), Play::ipv4());
            dialogue.calls = vec![call];
            dialogue.answers = vec![Answer::Says(vec![reply])];
            let story = dialogue.play_behind(&up, Play::ipv4());
            let end = story.end().flatten().map(|failure| failure.kind);
            match code.class() {
                _ if code.value() == 421 => prop_assert_eq!(end, Some(FailureKind::ServiceClosing)),
                Class::Completion => prop_assert!(story.succeeded(0)),
                Class::TransientNegative | Class::PermanentNegative => {
                    prop_assert_eq!(story.end(), None);
                    prop_assert_eq!(story.failure(0).unwrap().kind, FailureKind::Refused);
                }
                Class::Preliminary | Class::Intermediate | Class::Protected => {
                    prop_assert_eq!(end, Some(FailureKind::UnexpectedReply));
                }
            }
            Ok(())
        },
    );
}
