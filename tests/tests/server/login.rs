//! Who is let in, and what others learn from trying.

use std::time::Duration;

use ftp_proto::server::{Closing, Config, Question, Security};
use ftp_proto::wire::command::Verb;
use ftp_proto_tests::bench_server::{Bench, Seen, in_clear};
use ftp_proto_tests::rig::{CANARY, USER};
use ftp_proto_tests::tree::{ACCOUNT, NEEDS_ACCOUNT, NO_PASSWORD};

#[test]
fn is_18_only_the_right_pair_in_the_right_order_logs_in() {
    let right = format!("PASS {CANARY}");
    let steps = [
        "USER alice",
        "USER nobody at all",
        &right,
        "PASS wrong",
        "PASS",
        "NOOP",
        "CWD pub",
        "ACCT x",
        "SYST",
    ];
    let number = steps.len();
    for sequence in 0..number.pow(4) {
        let sequence: Vec<&str> = (0..4)
            .map(|place| steps[sequence / number.pow(place) % number])
            .collect();
        let mut config = in_clear();
        config.limits.failed_logins = 10;
        let mut bench = Bench::new(config);
        bench.checks_silence = false;
        bench.checks_secrets = false;
        // The model: whose PASS is due, and who is in.
        let (mut due, mut inside) = (None, false);
        for step in &sequence {
            bench.line(step.as_bytes());
            bench.pass(Duration::from_secs(10));
            if inside {
                continue;
            }
            match *step {
                "USER alice" => due = Some(true),
                "USER nobody at all" => due = Some(false),
                // ACCT is refused, and nothing else comes of it.
                "NOOP" | "ACCT x" => {}
                step if step == right => {
                    inside = due == Some(true);
                    due = None;
                }
                _ => due = None,
            }
        }
        assert_eq!(
            bench.server().user().is_some(),
            inside,
            "{sequence:?}: {bench:?}"
        );
        let asked = bench
            .tree
            .asked
            .iter()
            .filter(|line| line.starts_with("Auth"));
        assert!(asked.count() <= 2);
    }
}

#[test]
fn is_18_with_relogin_a_new_user_is_out_until_the_password_comes() {
    let mut config = in_clear();
    config.relogin = true;
    let mut bench = Bench::clear_with(config);
    assert_eq!(bench.cmd("USER reader"), 331);
    assert_eq!(bench.server().user(), None);
    assert_eq!(bench.cmd("PWD"), 530);
    bench.log_in("reader");
    assert_eq!(bench.server().user().map(|user| user.0), Some(2));
    // Transfer parameters stay (RFC 959 section 4.1.1).
    assert!(bench.text_of("STAT").contains("TYPE: I"));
}

#[test]
fn is_18_an_account_is_part_of_the_login() {
    let mut bench = Bench::new(in_clear());
    assert_eq!(bench.cmd(&format!("USER {NEEDS_ACCOUNT}")), 331);
    assert_eq!(bench.cmd(&format!("PASS {CANARY}")), 332);
    assert_eq!(bench.server().user(), None);
    assert_eq!(bench.cmd("PWD"), 530, "not in yet");
    assert_eq!(
        bench.cmd(&format!("ACCT {ACCOUNT}")),
        503,
        "PWD came between"
    );
    assert_eq!(bench.cmd(&format!("USER {NEEDS_ACCOUNT}")), 331);
    assert_eq!(bench.cmd(&format!("PASS {CANARY}")), 332);
    assert_eq!(bench.cmd(&format!("ACCT {ACCOUNT}")), 230);
    assert!(bench.server().user().is_some());
}

#[test]
fn is_19_the_last_failure_is_421_and_nobody_is_asked_any_more() {
    for limit in 1..5 {
        let mut config = in_clear();
        config.limits.failed_logins = limit;
        let mut bench = Bench::new(config);
        let mut tries = 0;
        while !bench.is_closed() {
            bench.line(b"USER alice").line(b"PASS wrong");
            bench.pass(Duration::from_secs(4));
            tries += 1;
            assert!(tries <= limit);
        }
        assert_eq!(tries, limit);
        assert_eq!(bench.codes().last(), Some(&421));
        assert_eq!(bench.closing(), Closing::LoginFailures);
        let asked = bench.tree.asked.len();
        bench.force(b"USER alice\r\nPASS wrong\r\n");
        assert_eq!(bench.tree.asked.len(), asked);
    }
}

#[test]
fn is_19_failures_are_counted_through_auth_rein_and_users() {
    for between in ["NOOP", "REIN", "USER reader", "AUTH TLS"] {
        let mut config = Config::default();
        config.security = Security::optional();
        let mut bench = Bench::new(config);
        for round in 0..3 {
            assert!(!bench.is_closed(), "{between}");
            bench.line(b"USER alice").line(b"PASS wrong");
            bench.pass(Duration::from_secs(4));
            if round < 2 {
                bench.line(between.as_bytes());
            }
        }
        assert!(bench.is_closed(), "{between} gives new tries");
        assert_eq!(bench.closing(), Closing::LoginFailures);
    }
}

/// Everything that comes out until a failed login has been answered, with its time. The application takes so long to say no.
fn failed_login(user: &str, thinks: Duration, config: &Config) -> Vec<(Duration, Vec<u8>)> {
    let mut bench = Bench::new(config.clone());
    let start = bench.now();
    let mut trace = Vec::new();
    let mut look = |bench: &mut Bench| {
        trace.push((bench.now().since(start), bench.wire().to_vec()));
        bench.forget();
    };
    look(&mut bench);
    bench.line(format!("USER {user}").as_bytes());
    look(&mut bench);
    bench.auto_answers = false;
    bench.line(b"PASS not the one");
    bench.pass(thinks);
    bench.answer();
    for _ in 0..200 {
        bench.pass(Duration::from_millis(50));
        if !bench.wire().is_empty() {
            break;
        }
    }
    look(&mut bench);
    trace
}

#[test]
fn is_20_neither_words_nor_time_tell_whether_a_user_exists() {
    let config = in_clear();
    let known = failed_login(USER, Duration::from_millis(150), &config);
    for user in ["ghost", "root", "", " ", "a\"b", "alice2"] {
        if user.is_empty() {
            continue;
        }
        for thinks in [0, 50, 900, 2900] {
            let unknown = failed_login(user, Duration::from_millis(thinks), &config);
            let words = |trace: &[(Duration, Vec<u8>)]| {
                trace
                    .iter()
                    .map(|(_, words)| words.clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(words(&known), words(&unknown), "{user}");
            assert_eq!(known[1].0, unknown[1].0, "USER is answered at once");
            let (one, other) = (known[2].0, unknown[2].0);
            // Both are looked at every 50 ms, counted from different times.
            let apart = one.max(other) - one.min(other);
            assert!(
                apart <= Duration::from_millis(50),
                "{user}: {one:?} {other:?}"
            );
        }
    }
}

#[test]
fn is_20_user_is_answered_before_anybody_is_asked() {
    for user in [USER, "ghost", NEEDS_ACCOUNT, NO_PASSWORD] {
        let mut bench = Bench::new(in_clear());
        bench.auto_answers = false;
        assert_eq!(bench.cmd(&format!("USER {user}")), 331);
        assert!(bench.question().is_none());
    }
}

#[test]
fn is_21_before_the_login_no_command_has_an_effect() {
    let free = "USER PASS ACCT AUTH ADAT PBSZ PROT FEAT OPTS HELP NOOP QUIT SYST REIN HOST LANG CLNT ALGS ABOR MIC CONF ENC";
    for secure in [false, true] {
        for stage in 0..3 {
            for verb in Verb::ALL {
                for argument in [
                    "",
                    " motd",
                    " pub",
                    " 127,0,0,1,200,1",
                    " 5",
                    " I",
                    " CHMOD 777 motd",
                ] {
                    if matches!(
                        verb,
                        Verb::User | Verb::Pass | Verb::Acct | Verb::Auth | Verb::Quit
                    ) {
                        continue;
                    }
                    let mut config = Config::default();
                    config.security = Security::optional();
                    config.virtual_hosts = false;
                    let mut bench = Bench::new(config);
                    bench.checks_silence = false;
                    bench.checks_secrets = false;
                    if secure {
                        assert_eq!(bench.cmd("AUTH TLS"), 234);
                    }
                    if stage >= 1 {
                        assert_eq!(bench.cmd(&format!("USER {NEEDS_ACCOUNT}")), 331);
                    }
                    if stage == 2 {
                        assert_eq!(bench.cmd(&format!("PASS {CANARY}")), 332);
                    }
                    bench.forget();
                    let line = format!("{verb}{argument}");
                    let code = bench.cmd(&line);
                    let listed = free.split(' ').any(|name| name == verb.as_str());
                    assert!(
                        listed || matches!(code, 500 | 501 | 502 | 503 | 504 | 530),
                        "{code} to {line} at stage {stage}"
                    );
                    assert!(
                        bench.tree.asked.is_empty(),
                        "{line} asked {:?}",
                        bench.tree.asked
                    );
                    let switches = *verb == Verb::Rein && secure;
                    assert!(bench.acts().is_empty() || switches, "{line}: {bench:?}");
                    assert!(bench.server().directory().is_root());
                    assert_eq!(bench.server().user(), None);
                }
            }
        }
    }
}

#[test]
fn is_30_secrets_are_masked_in_events_whatever_the_line_looks_like() {
    // The bench looks for the secrets in every event, reply and debug text.
    for line in [
        format!("PASS {CANARY}"),
        format!("pass {CANARY}"),
        format!("PaSs  {CANARY} "),
        format!("PASS {CANARY}\0"),
        format!("PASS {CANARY}\rx"),
        format!("ACCT {ACCOUNT}"),
        format!("acct {ACCOUNT}"),
        format!("ADAT {CANARY}"),
        format!("MIC {CANARY}"),
        format!("PASS {CANARY}{}", "x".repeat(2000)),
        format!("PASS {CANARY}{}", "x".repeat(9000)),
    ] {
        for before in ["", "USER alice\r\n", "USER audrey\r\n"] {
            let mut bench = Bench::new(in_clear());
            bench.bytes(before.as_bytes());
            // Split in the middle of the secret: the first half waits in the machine.
            let bytes = format!("{line}\r\n").into_bytes();
            let (first, second) = bytes.split_at(bytes.len().min(14));
            bench.bytes(first).bytes(second);
            bench.pass(Duration::from_secs(10));
            for seen in bench.log() {
                if let Seen::Command(Some(verb), line) = seen
                    && verb.hides_argument()
                {
                    assert!(!line.contains(CANARY) && !line.contains(ACCOUNT), "{line}");
                }
            }
        }
    }
}

#[test]
fn is_30_a_question_does_not_show_its_password() {
    let mut bench = Bench::new(in_clear());
    bench.auto_answers = false;
    bench
        .line(b"USER alice")
        .line(format!("PASS {CANARY}").as_bytes());
    let Some(Question::Authenticate(question)) = bench.question() else {
        panic!("{bench:?}");
    };
    assert_eq!(question.password(), Some(CANARY.as_bytes()));
    assert!(!format!("{question:?}").contains(CANARY));
}

#[test]
fn is_32_before_the_login_nothing_is_told_that_helps_an_attacker() {
    let mut bench = Bench::new(in_clear());
    let mut told = String::from_utf8_lossy(bench.wire()).into_owned();
    for line in [
        "FEAT",
        "HELP",
        "HELP SITE",
        "HELP USER",
        "SYST",
        "STAT",
        "STAT .",
        "SITE HELP",
        "OPTS UTF8 ON",
        "LANG",
        "CLNT x",
        "PWD",
        "NOOP",
    ] {
        bench.forget();
        bench.line(line.as_bytes());
        told.push_str(&String::from_utf8_lossy(bench.wire()));
    }
    let told = told.to_lowercase();
    for word in [
        "192.0.2",
        "192,0,2",
        "ftp-proto",
        "proto",
        "rust",
        "version",
        env!("CARGO_PKG_VERSION"),
        "alice",
        "motd",
        "linux",
    ] {
        assert!(!told.contains(word), "{word} in {told}");
    }
}

#[test]
fn an_empty_password_is_a_password() {
    for line in ["PASS", "PASS "] {
        let mut bench = Bench::new(in_clear());
        assert_eq!(bench.cmd("USER open"), 331);
        bench.line(line.as_bytes());
        bench.pass(Duration::from_secs(4));
        assert_eq!(
            bench.codes().last(),
            Some(&530),
            "the question has a password, and it is wrong"
        );
    }
}

#[test]
fn without_a_password_if_the_application_says_so() {
    let mut config = in_clear();
    config.ask_at_user = true;
    let mut bench = Bench::new(config.clone());
    assert_eq!(bench.cmd(&format!("USER {NO_PASSWORD}")), 230);
    assert_eq!(bench.cmd("PASS guest@"), 202);
    // Others are asked for one, and so are those who do not exist.
    for user in [USER, "ghost"] {
        let mut bench = Bench::new(config.clone());
        assert_eq!(bench.cmd(&format!("USER {user}")), 331);
    }
}
