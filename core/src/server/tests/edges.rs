//! Bounds to the byte, what the server says of itself, and the words of its replies.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::bench::{Bench, LOCAL, PEER};
use crate::server::{Config, Input, Question, Refused, Rights, Security, Timer};
use crate::wire::digest::HashAlgorithm;

fn open() -> Config {
    Config::new(Security::clear())
}

/// Nobody is logged in, and nothing is answered by itself.
fn asking(config: Config) -> Bench {
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.answers = false;
    bench
}

#[test]
fn a_name_or_a_password_of_the_longest_length_is_one_and_a_longer_one_is_none() {
    let (name, password) = (open().limits.user_name, open().limits.password);
    let mut bench = asking(open());
    bench.expect(&format!("USER {}", "a".repeat(name + 1)), &[501]);
    bench.expect(&format!("USER {}", "a".repeat(name)), &[331]);
    bench.send(&format!("PASS {}", "b".repeat(password)));
    assert!(matches!(
        bench.asked.pop_front(),
        Some(Question::Authenticate(_))
    ));
    let mut bench = asking(open());
    bench.expect("USER alice", &[331]);
    bench.send(&format!("PASS {}", "b".repeat(password + 1)));
    assert!(bench.asked.is_empty(), "nobody is asked about that one");
    for (length, is_asked) in [(password, true), (password + 1, false)] {
        let mut bench = Bench::with(open());
        bench.expect("", &[220]);
        bench.expect("USER banker", &[331]);
        bench.expect("PASS secret", &[332]);
        bench.answers = false;
        bench.send(&format!("ACCT {}", "4".repeat(length)));
        assert_eq!(!bench.asked.is_empty(), is_asked, "{length}");
    }
}

#[test]
fn a_server_says_who_is_there_and_what_it_waits_for() {
    let mut config = open();
    config.virtual_hosts = true;
    let mut bench = asking(config);
    assert_eq!(bench.server.host(), None);
    assert!(!bench.server.awaits_answer() && !bench.server.is_closed());
    bench.send("HOST ftp.example.org");
    assert!(bench.server.awaits_answer());
    let Some(Question::SelectHost(question)) = bench.asked.pop_front() else {
        panic!("the host was not asked about");
    };
    assert!(!question.is_secure());
    bench.handle(Input::Answer(question.selected()));
    assert_eq!(bench.codes(), [220]);
    assert_eq!(bench.server.host(), Some(&b"ftp.example.org"[..]));
    assert_eq!(bench.server.user_name(), b"");
    bench.answers = true;
    bench.log_in();
    assert_eq!(bench.server.user_name(), b"alice");
    bench.expect("REIN", &[220]);
    assert_eq!(
        (bench.server.user_name(), bench.server.host()),
        (&b""[..], None)
    );
    bench.expect("QUIT", &[221]);
    assert!(bench.server.is_closed());
}

#[test]
fn a_question_tells_whether_tls_protects_it_and_shows_no_secret() {
    for secure in [false, true] {
        let mut config = Config::new(Security::optional());
        config.virtual_hosts = true;
        let mut bench = Bench::with(config);
        bench.expect("", &[220]);
        if secure {
            bench.expect("AUTH TLS", &[234]);
            bench.secure_control();
        }
        bench.answers = false;
        bench.send("HOST ftp.example.org");
        match bench.asked.pop_front() {
            Some(Question::SelectHost(question)) => {
                assert_eq!(question.is_secure(), secure);
                let answer = Question::SelectHost(question).refused(Refused::Denied);
                bench.handle(Input::Answer(answer));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.codes(), [504]);
        bench.expect("USER alice", &[331]);
        bench.send("PASS canary");
        match bench.asked.pop_front() {
            Some(Question::Authenticate(question)) => {
                assert_eq!(question.is_secure(), secure);
                let shown = format!("{question:?}");
                assert!(shown.contains(&format!("secure: {secure}")), "{shown}");
                assert!(!shown.contains("canary"), "{shown}");
                let answer = Question::Authenticate(question).refused(Refused::Denied);
                bench.handle(Input::Answer(answer));
            }
            other => panic!("{other:?}"),
        }
        let wait = bench.server.config().limits.clone();
        bench.pass(wait.login_wait / 2);
        assert_eq!(bench.codes(), [530]);
    }
}

#[test]
fn each_line_that_is_no_command_is_told_why() {
    let mut bench = Bench::in_clear();
    for (line, code, text) in [
        ("XYZZY", 500, "Unknown command"),
        ("RETR", 501, "An argument is needed"),
        ("TYPE X", 504, "Not for that parameter"),
        ("FEAT x", 501, "There is no argument to this"),
        (
            "RETR a\0b",
            501,
            "The line holds a byte that cannot be in it",
        ),
        ("RANG a b", 501, "The argument is not understood"),
        // What the table of verbs answers.
        ("ADAT x", 503, "Not now"),
        ("ACCT x", 202, "Not needed here"),
        ("SMNT x", 502, "Not implemented"),
    ] {
        assert_eq!(bench.text(line, code), text, "{line}");
    }
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    assert_eq!(bench.text("PWD", 530), "Log in first");
}

#[cfg(feature = "model")]
#[test]
fn sessions_that_differ_in_time_alone_are_one_state_to_a_checker() {
    use core::time::Duration;

    let [mut now, mut later] = [0, 10].map(|seconds| {
        let mut bench = Bench::clear();
        bench.expect("", &[220]);
        bench.pass(Duration::from_secs(seconds));
        bench.log_in();
        bench.server
    });
    assert!(now != later);
    let until = now.config().limits.idle_wait;
    now.canonical();
    later.canonical();
    assert!(now == later);
    assert_eq!(now.deadline(), Some(crate::time::Instant::ZERO + until));
}

/// Also of one that has something to ask and was not asked yet what.
#[test]
fn a_copy_of_a_session_goes_on_like_the_session() {
    let mut bench = asking(open());
    bench.expect("USER alice", &[331]);
    let addresses = (bench.server.peer(), bench.server.local());
    assert_eq!(addresses, (PEER.parse().unwrap(), LOCAL.parse().unwrap()));
    bench
        .server
        .handle(bench.now, Input::Control(b"PASS secret\r\n"));
    let mut copy = bench.server.clone();
    assert_eq!(copy, bench.server);
    bench.settle();
    let original = bench.asked.pop_front();
    core::mem::swap(&mut copy, &mut bench.server);
    bench.settle();
    assert_eq!(bench.asked.pop_front(), original);
    assert!(matches!(original, Some(Question::Authenticate(_))));
}

/// The verbs HELP lists.
fn helped(bench: &mut Bench) -> Vec<String> {
    let text = bench.text("HELP", 214);
    let lines: Vec<&str> = text.lines().collect();
    let inside = &lines[1..lines.len() - 1];
    for (number, line) in inside.iter().enumerate() {
        let count = line.split_whitespace().count();
        let last = number + 1 == inside.len();
        assert!(count == 8 || (last && count < 8), "{line}");
    }
    let words = inside.iter().flat_map(|line| line.split_whitespace());
    words.map(ToString::to_string).collect()
}

#[test]
fn help_lists_what_the_policy_offers_and_nothing_else() {
    let has = |verbs: &[String], verb: &str| verbs.iter().any(|listed| listed == verb);
    let mut bench = Bench::in_clear();
    let verbs = helped(&mut bench);
    for verb in ["RETR", "STOR", "REIN", "MLSD", "QUIT"] {
        assert!(has(&verbs, verb), "{verb}: {verbs:?}");
    }
    for verb in [
        "AUTH", "PBSZ", "PROT", "CCC", "HOST", "HASH", "XSHA256", "SMNT",
    ] {
        assert!(!has(&verbs, verb), "{verb}: {verbs:?}");
    }
    assert_eq!(bench.text("HELP RETR", 214), "Syntax: RETR argument");
    assert_eq!(bench.text("HELP LIST", 214), "Syntax: LIST [argument]");
    assert_eq!(bench.text("HELP PASV", 214), "Syntax: PASV");
    assert_eq!(bench.text("HELP CCC", 501), "No such command");

    let mut config = Config::new(Security::required().allow_ccc());
    config.virtual_hosts = true;
    config.hashes = vec![HashAlgorithm::Sha256];
    let verbs = helped(&mut Bench::in_tls(config));
    for verb in ["AUTH", "PBSZ", "PROT", "CCC", "HOST", "HASH", "XSHA256"] {
        assert!(has(&verbs, verb), "{verb}: {verbs:?}");
    }
    assert!(!has(&verbs, "XCRC"), "of another algorithm");
    assert!(!has(
        &helped(&mut Bench::in_tls(Config::new(Security::required()))),
        "CCC"
    ));
    // CCC is about TLS.
    let mut bench = Bench::with(Config::new(Security::clear().allow_ccc()));
    bench.expect("", &[220]);
    bench.log_in();
    assert!(!has(&helped(&mut bench), "CCC"));
    // Under implicit TLS there is no way back to clear text.
    let mut bench = Bench::with(Config::new(Security::implicit()));
    bench.secure_control();
    bench.expect("", &[220]);
    bench.log_in();
    assert!(!has(&helped(&mut bench), "REIN"));
}

#[test]
fn a_range_ends_where_files_can_end() {
    let mut bench = Bench::in_clear();
    bench.expect("TYPE I", &[200]);
    bench.expect("RANG 5 5", &[350]);
    bench.expect("RANG 6 5", &[501]);
    bench.expect("RANG 0 9223372036854775807", &[350]);
    bench.expect("RANG 0 9223372036854775808", &[501]);
    bench.expect("RANG 1 0", &[350]);
}

#[test]
fn a_status_says_whether_there_is_more() {
    for (limit, end) in [(2, "There is more"), (3, "End"), (4, "End")] {
        let mut config = open();
        config.limits.status_entries = limit;
        let mut bench = Bench::with(config);
        bench.expect("", &[220]);
        bench.log_in();
        let text = bench.text("STAT /dir", 212);
        assert_eq!(text.lines().last(), Some(end), "{limit}: {text}");
    }
}

#[test]
fn a_mode_is_read_as_octal_digits() {
    for (digits, bits) in [("644", 0o644), ("0755", 0o755), ("7", 7), ("4710", 0o4710)] {
        let mut bench = Bench::clear();
        bench.rights = Rights::ALL;
        bench.expect("", &[220]);
        bench.log_in();
        bench.answers = false;
        bench.send(&format!("SITE CHMOD {digits} /file"));
        match bench.asked.pop_front() {
            Some(Question::SetMode(question)) => assert_eq!(question.mode(), bits, "{digits}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn old_names_for_tls_are_taken_only_where_the_policy_does() {
    for (security, code) in [
        (Security::required(), 234),
        (Security::required().without_legacy_auth(), 504),
    ] {
        for mechanism in ["SSL", "TLS-P"] {
            let mut bench = Bench::with(Config::new(security));
            bench.expect("", &[220]);
            bench.expect(&format!("AUTH {mechanism}"), &[code]);
        }
    }
}

#[test]
fn time_for_the_login_runs_anew_when_a_login_ends_and_not_with_every_name() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    let until = bench.server.timers.at(Timer::Login);
    assert!(until.is_some());
    let wait = bench.server.config().limits.login_wait;
    bench.pass(wait / 2);
    bench.expect("USER alice", &[331]);
    assert_eq!(bench.server.timers.at(Timer::Login), until);
    bench.expect("PASS secret", &[230]);
    assert_eq!(bench.server.timers.at(Timer::Login), None);
    bench.expect("REIN", &[220]);
    let anew = Some(bench.now + wait);
    assert_eq!(bench.server.timers.at(Timer::Login), anew);
}
