//! Every verb in every state gets exactly one final reply (RFC 959 section 4.2).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::bench::Bench;
use crate::order::{DataEnd, Direction};
use crate::server::verbs::{Course, Stage, course};
use crate::server::{Config, HashAlgorithm, Input, Security};
use crate::wire::command::Verb;
use crate::wire::reply::{Class, Code};

fn open() -> Config {
    let mut config = Config::new(Security::required());
    config.security = Security::optional().allow_ccc();
    config.hashes = Vec::from(HashAlgorithm::ALL);
    config.virtual_hosts = true;
    config
}

/// A line with this verb that is as right as can be, and one without an argument.
fn lines(verb: Verb) -> [String; 3] {
    let argument = match verb.canonical() {
        Verb::Port => "192,0,2,7,195,80",
        Verb::Eprt => "|1|192.0.2.7|50000|",
        Verb::Type => "I",
        Verb::Stru => "F",
        Verb::Mode => "S",
        Verb::Prot => "P",
        Verb::Auth => "TLS",
        Verb::Pbsz | Verb::Allo | Verb::Rest => "5",
        Verb::Rang => "0 5",
        Verb::Opts => "UTF8 ON",
        Verb::Site => "CHMOD 644 /file",
        Verb::Mfmt | Verb::Mfct => "20200101000000 /file",
        Verb::User => "alice",
        Verb::Pass => "secret",
        Verb::Host => "ftp.example.org",
        Verb::Cwd | Verb::Rmd => "/dir",
        _ => "/file",
    };
    [
        format!("{verb} {argument}"),
        format!("{verb}"),
        format!("{verb} \u{1}\u{7f} ,;|"),
    ]
}

/// The states, as the lines and events that lead there.
#[derive(Clone, Copy, Debug)]
enum State {
    Greeted,
    PasswordDue,
    AccountDue,
    In,
    InTls,
    Private,
    AfterCcc,
    Renaming,
    Restarting,
    OnlyEpsv,
    Listening,
    Connected,
    Active,
}

const STATES: [State; 13] = [
    State::Greeted,
    State::PasswordDue,
    State::AccountDue,
    State::In,
    State::InTls,
    State::Private,
    State::AfterCcc,
    State::Renaming,
    State::Restarting,
    State::OnlyEpsv,
    State::Listening,
    State::Connected,
    State::Active,
];

fn in_state(state: State) -> Bench {
    let mut bench = match state {
        State::InTls | State::Private | State::AfterCcc => Bench::in_tls(open()),
        _ => {
            let mut bench = Bench::with(open());
            bench.expect("", &[220]);
            bench
        }
    };
    match state {
        State::Greeted | State::InTls => return bench,
        State::PasswordDue => {
            bench.expect("USER alice", &[331]);
            return bench;
        }
        State::AccountDue => {
            bench.expect("USER banker", &[331]);
            bench.expect("PASS secret", &[332]);
            return bench;
        }
        State::Private | State::AfterCcc => {}
        _ => bench.log_in(),
    }
    match state {
        State::Private => bench.expect("PROT P", &[200]),
        State::AfterCcc => {
            bench.expect("CCC", &[200]);
            let order = bench.desk.clear_control.take().unwrap();
            bench.handle(Input::Report(order.cleared()));
        }
        State::Renaming => bench.expect("RNFR /file", &[350]),
        State::Restarting => {
            bench.expect("TYPE I", &[200]);
            bench.expect("REST 5", &[350]);
        }
        State::OnlyEpsv => bench.expect("EPSV ALL", &[200]),
        State::Listening => bench.pasv(),
        State::Connected => {
            bench.pasv();
            bench.client_connects();
        }
        State::Active => bench.expect("PORT 192,0,2,7,195,80", &[200]),
        _ => {}
    }
    bench
}

/// Lets the world do what it was asked to until the command is over.
fn finish(bench: &mut Bench) {
    for _ in 0..8 {
        if bench.desk.listen.is_some() {
            bench.listening();
        } else if bench.desk.connect.is_some() {
            let (order, _) = bench.connect();
            bench.handle(Input::Report(order.connected()));
        } else if bench.desk.secure_data.is_some() {
            bench.secure_data(true);
        } else if let Some(direction) = bench.desk.flow.as_ref().map(|order| order.direction()) {
            bench.flow(direction, 0, DataEnd::CloseNotify);
        } else if bench.desk.secure_control.is_some() {
            bench.secure_control();
        } else if let Some(order) = bench.desk.clear_control.take() {
            bench.handle(Input::Report(order.cleared()));
        } else if bench.desk.accept.is_some() && bench.server.transfer.is_some() {
            bench.client_connects();
        } else if bench.server.work == crate::server::work::Work::Delaying {
            bench.pass(core::time::Duration::from_secs(3));
        }
    }
}

#[test]
fn is_15_every_verb_in_every_state_gets_exactly_one_final_reply() {
    for state in STATES {
        for verb in Verb::ALL {
            for line in lines(*verb) {
                let mut bench = in_state(state);
                let stage = Stage::of(bench.server.session.login);
                bench.raw(format!("{line}\r\n").as_bytes());
                finish(&mut bench);
                let replies = bench.said();
                let finals: Vec<Code> = replies
                    .iter()
                    .map(|(code, _)| *code)
                    .filter(|code| code.class() != Class::Preliminary)
                    .collect();
                assert_eq!(finals.len(), 1, "{state:?} {line}: {replies:?}");
                assert!(replies.len() <= 2, "{state:?} {line}: {replies:?}");
                if let Course::Answered(code) = course(*verb, stage) {
                    assert_eq!(finals[0], code, "{state:?} {line}");
                }
                // The session goes on.
                if *verb != Verb::Quit && bench.closed.is_none() {
                    bench.expect("NOOP", &[200]);
                }
                assert_eq!(bench.endings.len() as u32, bench.opened, "{state:?} {line}");
            }
        }
    }
}

#[test]
fn is_15_every_verb_during_a_transfer_is_answered_now_or_behind_it() {
    for verb in Verb::ALL {
        for line in lines(*verb) {
            let mut bench = in_state(State::Connected);
            bench.expect("RETR /file", &[125]);
            bench.raw(format!("{line}\r\n").as_bytes());
            let during: Vec<u16> = bench.codes();
            let canonical = verb.canonical();
            match course(*verb, Stage::Transfer) {
                Course::Acts if canonical == Verb::Abor => assert_eq!(during, [426, 226]),
                Course::Acts if canonical == Verb::Noop || line == "STAT" => {
                    assert_eq!(during.len(), 1, "{line}");
                }
                _ => assert!(during.is_empty(), "{line}: {during:?}"),
            }
            if bench.desk.flow.is_some() {
                bench.flow(Direction::Send, 10, DataEnd::Fin);
                finish(&mut bench);
                let after = bench.codes();
                assert_eq!(after.first(), Some(&226), "{line}");
                let own = after.iter().skip(1).filter(|code| **code >= 200).count();
                assert_eq!(own + during.len(), 1, "{line}: {during:?} {after:?}");
            }
        }
    }
}

#[test]
fn is_21_before_login_no_verb_has_an_effect() {
    let harmless = [Verb::Auth, Verb::Quit, Verb::Host];
    for verb in Verb::ALL {
        if harmless.contains(verb) {
            continue;
        }
        for line in lines(*verb) {
            let mut bench = in_state(State::Greeted);
            bench.answers = false;
            bench.raw(format!("{line}\r\n").as_bytes());
            assert!(bench.desk.is_empty(), "{line}");
            assert!(bench.asked.is_empty(), "{line}");
        }
    }
}
