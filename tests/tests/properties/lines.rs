//! What leaves on the control connection.

use ftp_proto::testing::{Answer, Call, Dialogue, Step, Story, Told};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::reply::Class;
use ftp_proto::{Config, Refusal, Secret};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::book::{verb, walk};
use crate::{Play, plays, plays_with, prove};

const CANARY: &str = "c4n4ry-s3cr3t";
const ACCOUNT: &str = "b00k5-4cc0unt";

#[test]
fn ic_01_every_write_is_whole_lines_within_the_bound() {
    prove(plays(), |play| {
        for step in &play.story().steps {
            let Step::Wrote { bytes, .. } = step else {
                continue;
            };
            prop_assert!(bytes.ends_with(b"\r\n"));
            for (line, _) in step.lines() {
                prop_assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                prop_assert!(line.len() <= play.config.limits.command_line);
                let word = line.split(|&byte| byte == b' ').next().unwrap();
                prop_assert!(!word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric));
            }
        }
        Ok(())
    });
}

#[test]
fn ic_20_secrets_leave_in_pass_and_acct_and_show_nowhere_else() {
    let with_canary = plays().prop_map(|mut play| {
        for call in &mut play.dialogue.calls {
            if let Call::Login {
                password, account, ..
            } = call
            {
                *password = Secret::new(CANARY.as_bytes());
                *account = Some(Secret::new(ACCOUNT.as_bytes()));
            }
            if let Call::Account(account) = call {
                *account = Secret::new(ACCOUNT.as_bytes());
            }
        }
        play
    });
    let shows = |text: &str| {
        let listed = |secret: &str| {
            let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
            bytes.join(", ")
        };
        [CANARY, ACCOUNT]
            .iter()
            .any(|secret| text.contains(secret) || text.contains(&listed(secret)))
    };
    prove(with_canary, |play| {
        let story = play.story();
        for (line, _) in story.lines() {
            let text = String::from_utf8_lossy(line);
            match verb(line) {
                Some(Verb::Pass) => prop_assert_eq!(text, format!("PASS {CANARY}")),
                Some(Verb::Acct) => prop_assert_eq!(text, format!("ACCT {ACCOUNT}")),
                _ => prop_assert!(!shows(&text), "{}", text),
            }
        }
        for told in story.told() {
            let shown = format!("{told:?}");
            prop_assert!(!shows(&shown), "{}", shown);
            if let Told::Finished(_, Err(failure)) = told {
                prop_assert!(!shows(&failure.to_string()), "{}", failure);
            }
        }
        let whole = format!("{:?}", story.client);
        prop_assert!(!shows(&whole));
        Ok(())
    });
}

#[test]
fn ic_21_pass_leaves_once_per_connection() {
    let again = Call::Login {
        user: b"ftp".to_vec(),
        password: Secret::new(b"again"),
        account: None,
    };
    prove(plays_with(again), |play| {
        let story = play.story();
        let passes = story
            .lines()
            .filter(|(line, _)| verb(line) == Some(Verb::Pass));
        prop_assert!(passes.count() <= 1);
        Ok(())
    });
}

#[test]
fn ic_23_nothing_is_said_before_the_greeting() {
    prove(plays(), |play| {
        let story = play.story();
        walk(&story, |book, step| {
            if let Step::Wrote { bytes, .. } = step {
                prop_assert!(book.greeted, "{:?}", bytes);
            }
            Ok(())
        })
    });
}

#[test]
fn ic_30_after_quit_nothing_is_said_and_the_end_is_success() {
    prove(plays_with(Call::Quit), |play| {
        let story = play.story();
        let mut quit = false;
        for (line, _) in story.lines() {
            prop_assert!(!quit, "{:?} behind QUIT", line);
            quit |= verb(line) == Some(Verb::Quit);
        }
        Ok(())
    });
    // However the server takes it.
    let ends = prop_oneof![
        Just(Answer::Usual),
        Just(Answer::Silence),
        Just(Answer::Closes),
        Just(Answer::says(221, b"bye")),
        Just(Answer::says(500, b"what")),
    ];
    prove((plays(), ends), |(mut play, end)| {
        play.dialogue = Dialogue {
            calls: vec![Call::Quit],
            ..Dialogue::default()
        };
        // The commands of the negotiation come first; QUIT is the last line.
        let before = play.story().lines().count() - 1;
        play.dialogue.answers = vec![Answer::Usual; before];
        play.dialogue.answers.push(end);
        let story = play.story();
        prop_assert!(story.succeeded(0), "{:?}", story);
        prop_assert_eq!(story.end(), Some(None));
        Ok(())
    });
}

#[test]
fn ic_31_no_pasv_and_no_port_over_ipv6() {
    prove(plays(), |mut play| {
        play.peer = Play::ipv6();
        for (line, _) in play.story().lines() {
            prop_assert!(!matches!(verb(line), Some(Verb::Pasv | Verb::Port)));
        }
        Ok(())
    });
}

#[test]
fn ic_32_epsv_all_is_never_said() {
    prove(plays_with(Call::Command(b"EPSV ALL".to_vec())), |play| {
        let story = play.story();
        for (line, _) in story.lines() {
            prop_assert!(!line.eq_ignore_ascii_case(b"EPSV ALL"));
        }
        Ok(())
    });
    let story = Dialogue {
        calls: vec![Call::Command(b"epsv all".to_vec())],
        ..Dialogue::default()
    }
    .play(Config::default(), Play::ipv4());
    let asked = Step::Asked(0, Err(Refusal::UseTypedMethod));
    assert!(story.steps.contains(&asked), "{story:?}");
}

/// The verbs a request may send.
fn verbs(call: &Call) -> Vec<Verb> {
    use Verb as V;
    let transfer = [
        V::Type,
        V::Size,
        V::Epsv,
        V::Pasv,
        V::Eprt,
        V::Port,
        V::Rest,
        V::Rang,
    ];
    let with = |verbs: &[Verb]| [&transfer[..], verbs].concat();
    match call {
        Call::Login { .. } => vec![V::User, V::Pass, V::Acct, V::Pbsz, V::Prot],
        Call::Retrieve { .. } => with(&[V::Retr]),
        Call::Store { .. } => with(&[V::Stor, V::Allo]),
        Call::Append { .. } => with(&[V::Appe, V::Allo]),
        Call::StoreUnique { .. } => with(&[V::Stou, V::Allo]),
        Call::List(_) => with(&[V::List]),
        Call::Names(_) => with(&[V::Nlst]),
        Call::Facts(_) => with(&[V::Mlsd]),
        Call::Entry(_) => vec![V::Mlst],
        Call::Size(_) => vec![V::Type, V::Size],
        Call::Modified(_) => vec![V::Mdtm],
        Call::Hash { .. } => vec![V::Type, V::Opts, V::Rang, V::Hash],
        Call::SetModified { .. } => vec![V::Mfmt],
        Call::ChangeDirectory(_) => vec![V::Cwd],
        Call::ChangeToParent => vec![V::Cdup],
        Call::WorkingDirectory => vec![V::Pwd],
        Call::MakeDirectory(_) => vec![V::Mkd],
        Call::RemoveDirectory(_) => vec![V::Rmd],
        Call::Delete(_) => vec![V::Dele],
        Call::Rename { .. } => vec![V::Rnfr, V::Rnto],
        Call::Status(_) => vec![V::Stat],
        Call::Help(_) => vec![V::Help],
        Call::System => vec![V::Syst],
        Call::Noop => vec![V::Noop],
        Call::Features => vec![V::Feat],
        Call::Options(_) => vec![V::Opts],
        Call::Site(_) => vec![V::Site],
        Call::Account(_) => vec![V::Acct],
        Call::Command(line) => verb(line).into_iter().collect(),
        Call::Reinitialize => vec![V::Rein],
        Call::ClearCommandChannel => vec![V::Ccc],
        Call::Quit => vec![V::Quit],
        Call::Abort | Call::Withdraw(_) => vec![],
    }
}

#[test]
fn ic_34_a_request_sends_the_commands_it_is_made_of_and_no_others() {
    let one = (plays(), ftp_proto::testing::strategies::call());
    prove(one, |(mut play, call)| {
        play.dialogue.calls.truncate(1);
        let mut allowed = vec![Verb::Auth, Verb::Abor];
        // What settles how many replies are still to come.
        allowed.push(Verb::Pwd);
        if play.config.keepalive.is_some() {
            allowed.push(Verb::Noop);
        }
        allowed.extend(verbs(&play.dialogue.calls[0]));
        allowed.extend(verbs(&call));
        let raw = matches!(&call, Call::Command(line) if verb(line).is_none());
        play.dialogue.calls.push(call);
        for (line, _) in play.story().lines() {
            match verb(line) {
                Some(verb) => prop_assert!(allowed.contains(&verb), "{}", verb),
                None => prop_assert!(raw, "{:?}", line),
            }
        }
        Ok(())
    });
}

#[test]
fn ic_07_no_more_commands_are_open_than_allowed_and_nothing_with_auth_ccc_or_rein() {
    prove(plays(), |play| {
        let story = play.story();
        let lock_step = play.config.batching == ftp_proto::client::Batching::LockStep;
        let most = if lock_step {
            1
        } else {
            play.config.limits.pending_commands.max(1)
        };
        walk(&story, |book, step| {
            let Step::Told(Told::Sent(verb, _)) = step else {
                return Ok(());
            };
            // Behind an abort the replies are counted another way.
            if book.unclear || matches!(verb, Verb::Abor | Verb::Noop) {
                return Ok(());
            }
            prop_assert!(book.open.len() < most, "{} behind {:?}", verb, book.open);
            let alone = |verb: &Verb| matches!(verb, Verb::Auth | Verb::Ccc | Verb::Rein);
            prop_assert!(
                !book.open.iter().any(alone),
                "{} behind {:?}",
                verb,
                book.open
            );
            prop_assert!(
                !alone(verb) || book.open.is_empty(),
                "{} behind {:?}",
                verb,
                book.open
            );
            let together = *verb == Verb::Pass && book.open.contains(&Verb::User);
            prop_assert!(!together || book.secure || play.config.security.clear_text().is_some());
            Ok(())
        })
    });
}

#[test]
fn ic_07_a_reply_is_the_oldest_open_commands() {
    prove(plays(), |play| {
        let story = play.story();
        walk(&story, |book, step| {
            if let Step::Told(Told::Received(Some(verb), code, _)) = step
                && !book.unclear
            {
                prop_assert_eq!(Some(verb), book.open.front(), "{}", code);
            }
            Ok(())
        })?;
        unasked_ends_the_session(&story)
    });
}

/// A reply that belongs to nothing is followed by nothing but the end; the second final reply to a transfer apart.
fn unasked_ends_the_session(story: &Story) -> TestCaseResult {
    let mut greeted = false;
    let mut doomed = false;
    let mut tolerated = false;
    for step in &story.steps {
        match step {
            Step::Told(Told::Received(None, code, _)) if greeted => doomed = code.value() != 421,
            Step::Told(Told::Received(None, code, _)) => {
                greeted = code.class() == Class::Completion;
            }
            Step::Told(Told::Note(ftp_proto::Note::SurplusReply(_))) => tolerated = true,
            Step::Wrote { bytes, .. } => prop_assert!(!doomed || tolerated, "{:?}", bytes),
            _ => {}
        }
    }
    Ok(())
}
