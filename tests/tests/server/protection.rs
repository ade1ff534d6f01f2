//! TLS on the control connection: what AUTH, CCC and REIN switch, and what they take back.

use ftp_proto::TlsFault;
use ftp_proto::server::{Closing, Config, Security};
use ftp_proto::wire::command::Verb;
use ftp_proto_tests::bench_server::{Bench, Seen};
use ftp_proto_tests::rig::{Act, CANARY, USER};

fn with(security: Security) -> Config {
    let mut config = Config::default();
    config.security = security;
    config
}

/// What has been carried out.
fn commands(bench: &Bench) -> Vec<String> {
    bench
        .log()
        .iter()
        .filter_map(|seen| match seen {
            Seen::Command(_, line) => Some(line.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn is_01_nothing_behind_auth_is_carried_out_in_any_two_pieces() {
    for behind in [
        &b"USER alice\r\n"[..],
        b"NOOP\r\nDELE motd\r\n",
        b"U",
        b"\r\n",
        b"\xFF\xF4",
        &[b'x'; 9000],
        b"\x16\x03\x01\x00\x05hello",
    ] {
        let bytes = [b"AUTH TLS\r\n", behind].concat();
        for at in 0..=bytes.len().min(60) {
            let mut bench = Bench::new(with(Security::optional()));
            bench.auto_control = false;
            bench.checks_silence = false;
            bench.force(&bytes[..at]).force(&bytes[at..]);
            if !bench.is_closed() && bench.desk().secure_control.is_some() {
                bench.control_ok();
            }
            assert_eq!(commands(&bench), ["AUTH TLS"], "{behind:?} cut at {at}");
            // An empty line, or a Telnet command, is nothing and may be overlooked; all else is an injection.
            if behind != b"\r\n" && behind != b"\xFF\xF4" {
                assert!(bench.is_closed(), "{behind:?} cut at {at}: {bench:?}");
            }
            assert!(bench.tree.asked.is_empty());
        }
    }
}

#[test]
fn is_01_nothing_behind_ccc_and_rein_is_carried_out() {
    for (switch, behind) in [("CCC", "DELE motd\r\n"), ("REIN", "USER alice\r\n")] {
        let bytes = format!("{switch}\r\n{behind}");
        for at in 0..=bytes.len() {
            let mut bench = Bench::secure_with(with(Security::required().allow_ccc()));
            bench.auto_control = false;
            bench.force(&bytes.as_bytes()[..at]);
            bench.force(&bytes.as_bytes()[at..]);
            if !bench.is_closed() && bench.desk().clear_control.is_some() {
                bench.control_ok();
            }
            assert!(bench.is_closed(), "{switch} cut at {at}");
            assert_eq!(commands(&bench), [switch], "cut at {at}");
            assert!(bench.tree.exists(b"/motd"));
        }
    }
}

#[test]
fn is_02_a_failed_handshake_ends_the_session_without_a_word() {
    for fault in TlsFault::NAMED.into_iter().chain([TlsFault::Alert(40)]) {
        let mut bench = Bench::new(with(Security::optional()));
        bench.auto_control = false;
        assert_eq!(bench.cmd("AUTH TLS"), 234);
        bench.forget();
        bench.control_failed(fault);
        assert!(bench.is_closed());
        assert_eq!(bench.closing(), Closing::ControlTls(fault));
        assert_eq!(bench.wire(), b"");
    }
    // Nor when it only stands still, with implicit TLS too.
    for implicit in [false, true] {
        let mut bench = if implicit {
            Bench::stalled(with(Security::implicit()))
        } else {
            let mut bench = Bench::new(with(Security::required()));
            bench.auto_control = false;
            assert_eq!(bench.cmd("AUTH TLS"), 234);
            bench
        };
        bench.forget();
        bench.pass(std::time::Duration::from_secs(3600));
        assert!(bench.is_closed());
        assert_eq!(
            bench.wire(),
            b"",
            "nothing is said when a handshake stands still"
        );
    }
}

#[test]
fn is_04_where_tls_is_required_nobody_is_asked_in_clear_text() {
    for verb in Verb::ALL {
        for argument in ["", " alice", " motd", " 127,0,0,1,200,1", " 0"] {
            let mut bench = Bench::new(with(Security::required()));
            bench.checks_silence = false;
            bench.line(format!("{verb}{argument}").as_bytes());
            bench.line(format!("PASS {CANARY}").as_bytes());
            bench.line(b"RETR motd").line(b"STOR motd");
            assert!(
                bench.tree.asked.is_empty(),
                "{verb}{argument} asked {:?}",
                bench.tree.asked
            );
            assert_eq!(bench.server().user(), None);
        }
    }
}

#[test]
fn is_04_a_user_in_clear_text_is_told_to_use_tls_before_a_password_is_sent() {
    let mut bench = Bench::new(with(Security::required()));
    let code = bench.cmd("USER alice");
    assert!(matches!(code, 530 | 534 | 550 | 421), "{code}: {bench:?}");
    assert!(bench.wire().windows(8).any(|words| words == b"AUTH TLS"));
}

/// The same questions to a session: what it has kept shows.
fn interview(bench: &mut Bench) -> Vec<String> {
    bench.forget();
    let mut said = Vec::new();
    for line in [
        "PWD".to_owned(),
        "RNTO x".to_owned(),
        "RETR motd".to_owned(),
        format!("PASS {CANARY}"),
        "FEAT".to_owned(),
        format!("USER {USER}"),
        format!("PASS {CANARY}"),
        "PWD".to_owned(),
        "STAT".to_owned(),
        "RNTO x".to_owned(),
        "RETR motd".to_owned(),
        "PORT 192,0,2,7,200,1".to_owned(),
        "PASV".to_owned(),
        "FEAT".to_owned(),
        "MLST motd".to_owned(),
    ] {
        bench.line(line.as_bytes());
        said.extend(bench.said());
    }
    said
}

/// Changes everything that can be changed.
fn live(bench: &mut Bench) {
    for line in [
        "TYPE I",
        "CWD pub",
        "OPTS MLST size;",
        "OPTS UTF8 ON",
        "LANG en",
        "EPSV ALL",
        "EPSV",
        "ALLO 10",
        "RNFR a.txt",
        "REST 3",
    ] {
        let code = bench.cmd(line);
        assert!(code < 400, "{code} to {line}");
    }
}

#[test]
fn is_05_tls_starts_from_the_beginning() {
    let mut fresh = Bench::new(with(Security::optional()));
    assert_eq!(fresh.cmd("AUTH TLS"), 234);
    let expected = interview(&mut fresh);

    let mut bench = Bench::new(with(Security::optional()));
    bench.log_in(USER);
    live(&mut bench);
    assert_eq!(bench.open_data(), 1);
    assert_eq!(bench.cmd("AUTH TLS"), 234);
    assert_eq!(
        bench.open_data(),
        0,
        "the listener goes with the old session"
    );
    assert_eq!(bench.server().user(), None);
    assert!(bench.server().directory().is_root());
    assert_eq!(interview(&mut bench), expected);
}

#[test]
fn is_06_rein_starts_from_the_beginning() {
    let mut fresh = Bench::new(with(Security::optional()));
    let expected = interview(&mut fresh);
    for secure in [false, true] {
        let mut bench = if secure {
            Bench::secure_with(with(Security::optional()))
        } else {
            let mut bench = Bench::new(with(Security::optional()));
            bench.log_in(USER);
            bench
        };
        live(&mut bench);
        assert_eq!(bench.cmd("REIN"), 220);
        assert_eq!(bench.open_data(), 0);
        assert_eq!(bench.server().user(), None);
        assert!(!bench.server().protection().is_secure());
        assert_eq!(interview(&mut bench), expected, "secure {secure}");
        // TLS may be asked for again.
        assert_eq!(bench.cmd("AUTH TLS"), 234, "secure {secure}");
    }
}

#[test]
fn is_07_ccc_is_by_policy_under_tls_and_logged_in() {
    let allowed = Security::optional().allow_ccc();
    let mut bench = Bench::new(with(allowed));
    assert_ne!(bench.cmd("CCC"), 200, "in clear text, not logged in");
    bench.log_in(USER);
    assert_eq!(bench.cmd("CCC"), 533, "in clear text");
    let mut bench = Bench::new(with(allowed));
    assert_eq!(bench.cmd("AUTH TLS"), 234);
    assert_ne!(bench.cmd("CCC"), 200, "not logged in");
    let mut bench = Bench::secure_with(with(Security::optional()));
    assert_eq!(bench.cmd("CCC"), 534, "not by policy");
    assert!(bench.server().protection().is_secure());
}

#[test]
fn is_07_after_ccc_nothing_about_login_and_protection_is_taken() {
    let mut bench = Bench::secure_with(with(Security::required().allow_ccc()));
    assert_eq!(bench.cmd("CCC"), 200);
    assert!(!bench.server().protection().is_secure());
    for line in [
        "USER alice".to_owned(),
        format!("PASS {CANARY}"),
        "AUTH TLS".to_owned(),
        "AUTH SSL".to_owned(),
        "PBSZ 0".to_owned(),
        "PROT C".to_owned(),
        "PROT P".to_owned(),
        "CCC".to_owned(),
    ] {
        let code = bench.cmd(&line);
        assert!(code >= 500, "{code} to {line}");
    }
    bench.forget();
    assert_eq!(bench.download("RETR motd"), b"Welcome to nobody\n");
    assert!(bench.did(Act::SecureData), "data keeps its level");
}
