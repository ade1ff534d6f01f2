//! USER, PASS, ACCT, PBSZ and PROT with every reply they can have.

use ftp_proto::client::{ClearText, DataMode, DataModes, Security};
use ftp_proto::rules::login::Login;
use ftp_proto::{Config, FailureKind, Plain, Secret, Ticket};
use ftp_proto_tests::rig::{Act, CANARY, Rig, in_clear};

use super::lock_step;

/// Which of the two ways to send.
fn both() -> [Config; 2] {
    [Config::default(), lock_step()]
}

/// Up to the login, under TLS, with an account at hand or not.
fn begun(config: Config, account: Option<&str>) -> (Rig, Ticket<Plain>) {
    let mut rig = Rig::new(config);
    let account = account.map(|account| Secret::new(account.as_bytes()));
    let login =
        rig.ask(|client, now| client.login(now, b"alice", Secret::new(CANARY.as_bytes()), account));
    rig.reply("220 hi\r\n").reply("234 ok\r\n").forget();
    rig.secure_ok();
    (rig, login)
}

/// Answers what is sent, line by line, until nothing more is; the last answer for a verb repeats.
fn answer(rig: &mut Rig, pending: &mut Vec<String>, script: &[(&str, &str)]) -> Vec<String> {
    let mut asked = Vec::new();
    loop {
        pending.extend(rig.sent());
        if pending.is_empty() || rig.is_closed() {
            return asked;
        }
        let line = pending.remove(0);
        let nth = asked
            .iter()
            .filter(|before: &&String| **before == line)
            .count();
        let mut answers = script
            .iter()
            .filter(|(command, _)| *command == line || line.split(' ').next() == Some(*command));
        let (_, reply) = answers
            .clone()
            .nth(nth)
            .or_else(|| answers.next_back())
            .unwrap_or_else(|| panic!("no answer to {line}"));
        asked.push(line);
        rig.reply(&format!("{reply}\r\n"));
    }
}

#[test]
fn user_may_be_enough() {
    for code in [230, 232, 200, 202] {
        for config in both() {
            let (mut rig, login) = begun(config, None);
            let user = format!("{code} in");
            answer(
                &mut rig,
                &mut vec![],
                &[
                    ("USER", &user),
                    ("PASS", "202 not needed"),
                    ("PBSZ", "200 0"),
                    ("PROT", "200 P"),
                ],
            );
            rig.done(login);
        }
    }
}

#[test]
fn a_password_that_was_not_needed_may_be_answered_by_anything() {
    for code in [200, 202, 230, 332, 331, 500, 503, 530] {
        let (mut rig, login) = begun(Config::default(), None);
        let pass = format!("{code} whatever");
        answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "230 in"),
                ("PASS", &pass),
                ("PBSZ", "200 0"),
                ("PROT", "200 P"),
            ],
        );
        rig.done(login);
        assert_eq!(rig.client().session().login, Login::In, "{code}");
    }
}

#[test]
fn every_completion_to_pass_is_a_login() {
    for code in [200, 202, 230, 232, 250] {
        for config in both() {
            let (mut rig, login) = begun(config, None);
            let pass = format!("{code} in");
            answer(
                &mut rig,
                &mut vec![],
                &[
                    ("USER", "331 p"),
                    ("PASS", &pass),
                    ("PBSZ", "200 0"),
                    ("PROT", "200 P"),
                ],
            );
            rig.done(login);
        }
    }
}

#[test]
fn every_refusal_of_user_or_pass_fails_the_login_with_the_servers_words() {
    for code in [430, 450, 500, 501, 503, 530, 534, 550] {
        for config in both() {
            for at_user in [true, false] {
                let (mut rig, login) = begun(config.clone(), None);
                let file = rig.retrieve("a");
                let no = format!("{code} not you");
                answer(
                    &mut rig,
                    &mut vec![],
                    &[
                        ("USER", if at_user { &no } else { "331 p" }),
                        ("PASS", if at_user { "503 USER first" } else { &no }),
                        ("PBSZ", "530 log in"),
                        ("PROT", "530 log in"),
                        ("TYPE", "530 log in"),
                        ("SIZE", "530 log in"),
                        ("EPSV", "530 log in"),
                        ("RETR", "530 log in"),
                    ],
                );
                let failure = rig.failure(login);
                assert_eq!(failure.kind, FailureKind::LoginRefused);
                assert_eq!(failure.code.map(|c| c.value()), Some(code));
                assert_eq!(failure.reply().unwrap().text(), b"not you");
                assert_eq!(rig.failed(file), FailureKind::NotAttempted);
                assert!(!rig.is_closed(), "the connection stays, for QUIT");
                let quit = rig.ask(|c, now| c.quit(now));
                assert_eq!(rig.sent(), ["QUIT"]);
                rig.reply("221 bye\r\n");
                rig.done(quit);
                assert_eq!(rig.end_kind(), None);
            }
        }
    }
}

#[test]
fn a_reply_outside_of_the_diagram_ends_the_session() {
    for (user, pass) in [
        ("150 x", ""),
        ("633 x", ""),
        ("331 p", "150 x"),
        ("331 p", "633 x"),
    ] {
        let (mut rig, login) = begun(lock_step(), None);
        answer(&mut rig, &mut vec![], &[("USER", user), ("PASS", pass)]);
        assert_eq!(rig.failed(login), FailureKind::UnexpectedReply);
        assert!(rig.is_closed());
    }
}

#[test]
fn an_account_is_given_when_asked_for_after_pass() {
    for config in both() {
        let (mut rig, login) = begun(config.clone(), Some("dept"));
        let file = rig.retrieve("a");
        rig.auto_data = true;
        let asked = answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "331 p"),
                ("PASS", "332 account"),
                ("ACCT", "230 in"),
                // What rode along came too early, and is asked again.
                (
                    "PBSZ",
                    if config == lock_step() {
                        "200 0"
                    } else {
                        "530 not yet"
                    },
                ),
                ("PBSZ", "200 0"),
                (
                    "PROT",
                    if config == lock_step() {
                        "200 P"
                    } else {
                        "503 PBSZ first"
                    },
                ),
                ("PROT", "200 P"),
                (
                    "TYPE",
                    if config == lock_step() {
                        "200 I"
                    } else {
                        "530 not yet"
                    },
                ),
                ("TYPE", "200 I"),
                ("SIZE", "530 not yet"),
                (
                    "EPSV",
                    if config == lock_step() {
                        "229 (|||2121|)"
                    } else {
                        "530 not yet"
                    },
                ),
                ("EPSV", "229 (|||2121|)"),
                (
                    "RETR",
                    if config == lock_step() {
                        "150 yes"
                    } else {
                        "530 not yet"
                    },
                ),
                ("RETR", "150 yes"),
            ],
        );
        rig.done(login);
        assert!(asked.contains(&"ACCT dept".into()));
        rig.flow_finished(1, ftp_proto::DataEnd::CloseNotify)
            .reply("226 done\r\n");
        rig.done(file);
        assert_eq!(rig.client().session().lock_step, config != lock_step());
    }
}

#[test]
fn an_account_is_given_when_asked_for_after_user() {
    for config in both() {
        let (mut rig, login) = begun(config.clone(), Some("dept"));
        answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "332 account"),
                ("PASS", "503 bad sequence"),
                ("ACCT", "230 in"),
                (
                    "PBSZ",
                    if config == lock_step() {
                        "200 0"
                    } else {
                        "530 not yet"
                    },
                ),
                ("PBSZ", "200 0"),
                (
                    "PROT",
                    if config == lock_step() {
                        "200 P"
                    } else {
                        "530 not yet"
                    },
                ),
                ("PROT", "200 P"),
            ],
        );
        rig.done(login);
    }
}

#[test]
fn without_an_account_332_fails_and_names_what_is_missing() {
    for config in both() {
        let (mut rig, login) = begun(config, None);
        answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "331 p"),
                ("PASS", "332 account"),
                ("PBSZ", "530 x"),
                ("PROT", "530 x"),
            ],
        );
        assert_eq!(rig.failed(login), FailureKind::AccountNeeded);
        assert!(!rig.is_closed());
    }
}

#[test]
fn acct_ends_the_login_either_way() {
    for (code, goes) in [
        (230, true),
        (202, true),
        (200, true),
        (530, false),
        (503, false),
        (501, false),
    ] {
        let (mut rig, login) = begun(lock_step(), Some("dept"));
        let acct = format!("{code} x");
        answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "331 p"),
                ("PASS", "332 a"),
                ("ACCT", &acct),
                ("PBSZ", "200 0"),
                ("PROT", "200 P"),
            ],
        );
        if goes {
            rig.done(login);
        } else {
            assert_eq!(rig.failed(login), FailureKind::LoginRefused);
        }
    }
}

#[test]
fn a_refused_prot_ends_the_session_before_anything_is_moved() {
    for config in both() {
        for code in [431, 500, 502, 504, 521, 534, 536] {
            let (mut rig, login) = begun(config.clone(), None);
            let file = rig.retrieve("a");
            rig.auto_data = true;
            let prot = format!("{code} no");
            answer(
                &mut rig,
                &mut vec![],
                &[
                    ("USER", "331 p"),
                    ("PASS", "230 in"),
                    ("PBSZ", "200 0"),
                    ("PROT", &prot),
                    ("TYPE", "200 I"),
                    ("SIZE", "213 1"),
                    ("EPSV", "229 (|||2121|)"),
                    ("RETR", "150 x"),
                ],
            );
            assert_eq!(rig.failed(login), FailureKind::ProtectionRefused);
            assert!(rig.result(file).unwrap().is_err());
            assert!(rig.is_closed());
            assert!(
                !rig.acts()
                    .iter()
                    .any(|act| matches!(act, ftp_proto_tests::rig::Act::Connect(_)))
            );
        }
    }
}

#[test]
fn a_refused_pbsz_is_of_no_matter_if_prot_is_accepted() {
    for config in both() {
        let (mut rig, login) = begun(config, None);
        answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "331 p"),
                ("PASS", "230 in"),
                ("PBSZ", "500 what?"),
                ("PROT", "200 P"),
            ],
        );
        rig.done(login);
    }
}

#[test]
fn in_clear_text_the_account_goes_too() {
    let mut rig = Rig::new(in_clear());
    let login = rig.ask(|client, now| {
        client.login(now, b"bob", Secret::new(b"pw"), Some(Secret::new(b"dept")))
    });
    rig.reply("220 hi\r\n");
    let mut pending = vec![];
    let asked = answer(
        &mut rig,
        &mut pending,
        &[("USER", "331 p"), ("PASS", "332 a"), ("ACCT", "230 in")],
    );
    assert_eq!(asked, ["USER bob", "PASS pw", "ACCT dept"]);
    rig.done(login);
}

#[test]
fn pass_waits_for_331_in_clear_lock_step() {
    let mut config = lock_step();
    config.security = Security::clear(ClearText::Everybody);
    let mut rig = Rig::new(config);
    rig.login();
    rig.reply("220 hi\r\n");
    assert_eq!(rig.sent(), ["USER alice"]);
    rig.reply("230 in, no password\r\n");
    assert!(rig.sent().is_empty());
    assert_eq!(rig.client().session().login, Login::In);
}

#[test]
fn a_second_login_on_one_connection_is_refused_before_anything_is_sent() {
    let mut rig = super::secure();
    let again = rig.try_ask(|c, now| c.login(now, b"bob", Secret::new(b"x"), None));
    assert_eq!(again.err(), Some(ftp_proto::Refusal::LoginSpent));

    // Even where the server wanted no password.
    let mut config = lock_step();
    config.security = Security::clear(ClearText::Everybody);
    let mut rig = Rig::new(config);
    rig.login();
    rig.reply("220 hi\r\n").reply("230 in\r\n");
    let again = rig.try_ask(|c, now| c.login(now, b"bob", Secret::new(b"x"), None));
    assert_eq!(again.err(), Some(ftp_proto::Refusal::LoginSpent));
}

#[test]
fn transfers_need_a_login_first() {
    let mut rig = Rig::new(Config::default());
    let file = rig.try_ask(|c, now| c.retrieve(now, b"a", Default::default()));
    assert_eq!(file.err(), Some(ftp_proto::Refusal::LoginFirst));
}

/// Nothing has been sent yet, and yet the login of the connection is taken; another request does not take it.
#[test]
fn a_login_that_waits_is_the_login_of_its_connection() {
    let mut rig = Rig::new(Config::default());
    rig.ask(ftp_proto::Client::features);
    rig.login();
    let again = rig.try_ask(|c, now| c.login(now, b"bob", Secret::new(b"x"), None));
    assert_eq!(again.err(), Some(ftp_proto::Refusal::LoginSpent));
    assert!(rig.sent().is_empty());
}

/// What rides behind a login that wants an account may be refused for that alone, and is then said again. What was accepted is not.
#[test]
fn what_was_refused_before_the_account_is_said_again() {
    for (early, times) in [("503 log in first", 2), ("200 PBSZ=0", 1)] {
        let (mut rig, login) = begun(Config::default(), Some("dept"));
        let asked = answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "331 p"),
                ("PASS", "332 account"),
                ("ACCT", "230 in"),
                ("PBSZ", early),
                ("PBSZ", "200 PBSZ=0"),
                ("PROT", "503 log in first"),
                ("PROT", "200 P"),
            ],
        );
        rig.done(login);
        let said = asked.iter().filter(|line| *line == "PBSZ 0").count();
        assert_eq!(said, times, "{early}: {asked:?}");
    }
}

/// The same of the way in of a listing, which needs no TYPE before it.
#[test]
fn a_way_in_that_was_refused_before_the_account_is_asked_for_again() {
    let (mut rig, login) = begun(Config::default(), Some("dept"));
    let names = rig.ask(|client, now| client.names(now, None));
    rig.auto_data = true;
    let asked = answer(
        &mut rig,
        &mut vec![],
        &[
            ("USER", "331 p"),
            ("PASS", "332 account"),
            ("ACCT", "230 in"),
            ("PBSZ", "200 PBSZ=0"),
            ("PROT", "200 P"),
            ("EPSV", "530 log in first"),
            ("EPSV", "229 (|||2121|)"),
            ("NLST", "530 log in first"),
            ("NLST", "150 here"),
        ],
    );
    rig.done(login);
    assert_eq!(
        asked.iter().filter(|line| *line == "EPSV").count(),
        2,
        "by the same mode: {asked:?}"
    );
    rig.flow_finished(0, ftp_proto::DataEnd::CloseNotify)
        .reply("226 done\r\n");
    rig.done(names);
}

/// A server that lets a data connection be set up before the account is there, and refuses PROT for that, gets none.
#[test]
fn no_data_connection_is_opened_before_prot_is_accepted() {
    for (mode, accepted) in [
        (DataMode::Epsv, "229 (|||2121|)"),
        (DataMode::Eprt, "200 ok"),
    ] {
        let mut config = Config::default();
        config.data_modes = DataModes::new(&[mode]).unwrap();
        let (mut rig, login) = begun(config, Some("dept"));
        let names = rig.ask(|client, now| client.names(now, None));
        rig.auto_data = true;
        answer(
            &mut rig,
            &mut vec![],
            &[
                ("USER", "331 p"),
                ("PASS", "332 account"),
                ("PBSZ", "200 PBSZ=0"),
                ("PROT", "503 log in first"),
                ("EPSV", accepted),
                ("EPRT", accepted),
                ("NLST", "530 log in first"),
                ("ACCT", "230 in"),
            ],
        );
        assert!(
            !rig.acts()
                .iter()
                .any(|act| matches!(act, Act::Connect(_) | Act::Accept)),
            "{mode:?}: {}",
            rig.story()
        );
        assert_eq!(rig.end_kind(), Some(FailureKind::ProtectionRefused));
        assert!(rig.result(login).unwrap().is_err() && rig.result(names).unwrap().is_err());
    }
}
