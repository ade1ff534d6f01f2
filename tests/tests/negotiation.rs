//! The way to a login under every policy, over every reply code: what the network says can never lower the policy.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

use ftp_proto::client::{AuthMethod, ClearText, Security};
use ftp_proto::{Config, FailureKind, Note, Secret, TlsFault};
use ftp_proto_tests::rig::{Act, CANARY, Rig};

/// A path that must not be seen in clear text.
const PATH: &str = "/secret/path";

/// Every policy there is, by name; whether clear text is allowed to whom.
fn policies() -> Vec<(&'static str, Security, Option<ClearText>)> {
    let tls = |methods: &[AuthMethod]| Security::required().methods(methods).unwrap();
    vec![
        ("default", Security::required(), None),
        ("TLS only", tls(&[AuthMethod::Tls]), None),
        ("SSL only", tls(&[AuthMethod::Ssl]), None),
        ("TLS-C only", tls(&[AuthMethod::TlsC]), None),
        ("TLS-P only", tls(&[AuthMethod::TlsP]), None),
        ("SSL, TLS", tls(&[AuthMethod::Ssl, AuthMethod::Tls]), None),
        (
            "all four",
            tls(&[
                AuthMethod::TlsP,
                AuthMethod::TlsC,
                AuthMethod::Ssl,
                AuthMethod::Tls,
            ]),
            None,
        ),
        ("334 taken", Security::required().accept_334(), None),
        ("clear data", Security::required().clear_data(), None),
        ("implicit", Security::implicit(), None),
        (
            "or anonymous in clear",
            Security::required().or_clear(ClearText::Anonymous),
            Some(ClearText::Anonymous),
        ),
        (
            "or everybody in clear",
            Security::required().or_clear(ClearText::Everybody),
            Some(ClearText::Everybody),
        ),
        (
            "anonymous in clear",
            Security::clear(ClearText::Anonymous),
            Some(ClearText::Anonymous),
        ),
        (
            "everybody in clear",
            Security::clear(ClearText::Everybody),
            Some(ClearText::Everybody),
        ),
    ]
}

/// A session with a login and a download asked for.
fn session(security: Security) -> Rig {
    let mut config = Config::default();
    config.security = security;
    let mut rig = Rig::new(config);
    rig.checks_silence = false;
    rig.checks_splits = false;
    let _login = rig.login();
    let _file = rig.retrieve(PATH);
    rig
}

/// Nothing that tells who we are or what we want has left in clear text.
fn assert_discreet(rig: &mut Rig, at: &str) {
    if rig.client().session().protection.is_secure() {
        rig.sent();
        return;
    }
    for line in rig.sent() {
        assert!(
            line.starts_with("AUTH "),
            "{at}: {line} in clear text\n{rig:?}"
        );
        assert!(!line.contains(CANARY) && !line.contains(PATH) && !line.contains("alice"));
    }
}

/// What a greeting code leads to (RFC 959 section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeted {
    Waits,
    Negotiates,
    Refused,
    Error,
}

fn greeted(code: u16) -> Greeted {
    match code {
        100..=199 => Greeted::Waits,
        200..=299 => Greeted::Negotiates,
        400..=599 => Greeted::Refused,
        _ => Greeted::Error,
    }
}

#[test]
fn every_greeting_code_under_every_policy() {
    let mut count = 0;
    for (name, security, clear) in policies() {
        for code in 0..1000_u16 {
            let mut rig = session(security);
            if security.is_implicit() {
                rig.secure_ok();
            }
            rig.reply(&format!("{code:03} hello\r\n"));
            count += 1;
            let at = format!("{name}, greeting {code:03}");
            match greeted(code) {
                Greeted::Waits => {
                    assert!(rig.sent().is_empty() && !rig.is_closed(), "{at}");
                }
                Greeted::Negotiates => {
                    assert!(!rig.is_closed(), "{at}");
                    let sent = rig.sent();
                    let first = sent.first().map(String::as_str);
                    match (security.is_implicit(), security.is_clear(), clear) {
                        (true, _, _) => assert_eq!(first, Some("USER alice"), "{at}"),
                        (_, true, Some(ClearText::Anonymous)) => {
                            assert!(
                                sent.is_empty() || code == 230,
                                "{at}: a name leaves only for anonymous: {sent:?}"
                            );
                        }
                        (_, true, _) if code == 230 => {
                            assert!(!sent.concat().contains("USER"), "{at}");
                        }
                        (_, true, _) => assert_eq!(first, Some("USER alice"), "{at}"),
                        _ => {
                            let method = security.method(0).unwrap().mechanism();
                            assert_eq!(sent, [format!("AUTH {method}")], "{at}");
                        }
                    }
                }
                Greeted::Refused => {
                    assert_eq!(rig.end_kind(), Some(FailureKind::GreetingRefused), "{at}");
                    assert!(rig.sent().is_empty());
                }
                Greeted::Error => {
                    assert!(
                        matches!(
                            rig.end_kind(),
                            Some(FailureKind::UnexpectedReply | FailureKind::Protocol(_))
                        ),
                        "{at}"
                    );
                    assert!(rig.sent().is_empty());
                }
            }
            if clear.is_none() && !security.is_implicit() {
                assert_discreet(&mut rig, &at);
            }
        }
    }
    println!("{count} greetings");
}

/// What a reply to AUTH leads to (RFC 4217 section 4, RFC 2228 section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// 234: security data exchange complete, TLS follows.
    Secures,
    /// 4yz, 5yz: this mechanism is refused, the session goes on.
    Refused,
    /// 421: the server closes.
    Closes,
    /// Anything else: nobody knows what the server expects now.
    Error,
}

fn answered(code: u16, takes_334: bool) -> Answered {
    match code {
        234 => Answered::Secures,
        334 if takes_334 => Answered::Secures,
        421 => Answered::Closes,
        400..=599 => Answered::Refused,
        _ => Answered::Error,
    }
}

#[test]
fn every_code_answering_every_auth_under_every_policy() {
    let mut count = 0;
    for (name, security, clear) in policies() {
        if security.is_implicit() || security.is_clear() {
            continue;
        }
        let methods: Vec<AuthMethod> = (0..4).map_while(|index| security.method(index)).collect();
        for nth in 0..methods.len() {
            for code in 0..1000_u16 {
                let mut rig = session(security);
                rig.reply("220 hi\r\n");
                for _ in 0..nth {
                    rig.reply("504 not that one\r\n");
                }
                let asked: Vec<String> = methods[..=nth]
                    .iter()
                    .map(|method| format!("AUTH {}", method.mechanism()))
                    .collect();
                assert_eq!(rig.sent(), asked, "each in its order, each alone");
                rig.reply(&format!("{code:03} well\r\n"));
                count += 1;
                let at = format!("{name}, {:03} to {}", code, asked.last().unwrap());
                let last = nth + 1 == methods.len();
                match answered(code, security.takes_334()) {
                    Answered::Secures => {
                        assert!(rig.did(Act::SecureControl), "{at}");
                        assert!(rig.sent().is_empty(), "nothing rides into the handshake");
                        rig.secure_ok();
                        assert_eq!(rig.sent()[0], "USER alice", "{at}");
                        let deprecated = methods[nth].is_deprecated();
                        assert_eq!(
                            rig.notes()
                                .contains(&Note::DeprecatedSecurity(Some(methods[nth]))),
                            deprecated
                        );
                    }
                    Answered::Refused if !last => {
                        let next = format!("AUTH {}", methods[nth + 1].mechanism());
                        assert_eq!(rig.sent(), [next], "{at}");
                    }
                    Answered::Refused if clear.is_none() => {
                        assert_eq!(rig.end_kind(), Some(FailureKind::SecurityRefused), "{at}");
                    }
                    Answered::Refused if clear == Some(ClearText::Anonymous) => {
                        assert!(rig.sent().is_empty(), "alice is not anonymous");
                        assert!(rig.notes().contains(&Note::GoingOnInClear));
                    }
                    Answered::Refused => {
                        assert!(rig.notes().contains(&Note::GoingOnInClear));
                        assert_eq!(rig.sent()[0], "USER alice", "{at}");
                        continue;
                    }
                    Answered::Closes => {
                        assert_eq!(rig.end_kind(), Some(FailureKind::ServiceClosing), "{at}");
                    }
                    Answered::Error => assert!(rig.is_closed(), "{at}: {rig:?}"),
                }
                assert_discreet(&mut rig, &at);
            }
        }
    }
    println!("{count} answers to AUTH");
}

#[test]
fn a_failed_handshake_is_final_under_every_policy() {
    let faults = TlsFault::NAMED.into_iter().chain([TlsFault::Alert(40)]);
    for (name, security, _) in policies() {
        if security.is_clear() {
            continue;
        }
        for fault in faults.clone() {
            let mut rig = session(security);
            if !security.is_implicit() {
                rig.reply("220 hi\r\n").reply("234 go\r\n");
                rig.sent();
            }
            rig.secure_failed(fault);
            assert_eq!(
                rig.end_kind(),
                Some(FailureKind::ControlTls(fault)),
                "{name}"
            );
            assert!(rig.sent().is_empty(), "not a byte after a failed handshake");
        }
    }
}

#[test]
fn losing_the_connection_before_tls_never_shows_anything() {
    for (name, security, clear) in policies() {
        if clear.is_some() {
            continue;
        }
        for steps in 0..3 {
            for way in ["eof", "fault", "421", "silence"] {
                let mut rig = session(security);
                if security.is_implicit() && steps > 0 {
                    continue;
                }
                if steps > 0 {
                    rig.reply("220 hi\r\n");
                }
                if steps > 1 {
                    rig.reply("234 go\r\n");
                }
                match way {
                    "eof" => rig.eof(),
                    "fault" => rig.handle(ftp_proto::Input::ControlFailed(ftp_proto::Fault::Reset)),
                    "421" if rig.client().reads_control() => rig.reply("421 bye\r\n"),
                    "421" => continue,
                    _ => rig.tick_to_deadline(),
                };
                assert!(rig.is_closed(), "{name} {steps} {way}");
                assert_discreet(&mut rig, name);
            }
        }
    }
}

#[test]
fn anonymous_may_go_on_in_clear_only_where_the_policy_says_so() {
    for (name, security, clear) in policies() {
        if security.is_implicit() || security.is_clear() {
            continue;
        }
        let mut config = Config::default();
        config.security = security;
        let mut rig = Rig::new(config);
        let _login =
            rig.ask(|client, now| client.login(now, b"anonymous", Secret::new(b"a@b"), None));
        rig.reply("220 hi\r\n");
        let mut asked = 0;
        while rig
            .sent()
            .first()
            .is_some_and(|line| line.starts_with("AUTH "))
            && !rig.is_closed()
        {
            asked += 1;
            rig.reply("502 no\r\n");
            if asked == (0..4).map_while(|index| security.method(index)).count() {
                break;
            }
        }
        match clear {
            None => assert!(rig.is_closed(), "{name}"),
            Some(_) => assert_eq!(rig.sent(), ["USER anonymous", "PASS a@b"], "{name}"),
        }
    }
}

#[test]
fn the_order_of_methods_is_the_callers() {
    let all = [
        AuthMethod::Tls,
        AuthMethod::Ssl,
        AuthMethod::TlsC,
        AuthMethod::TlsP,
    ];
    let mut orders = 0;
    for a in all {
        for b in all {
            for c in all {
                for d in all {
                    let order = [a, b, c, d];
                    let Ok(security) = Security::required().methods(&order) else {
                        continue;
                    };
                    orders += 1;
                    let mut rig = session(security);
                    rig.reply("220 hi\r\n");
                    for method in order {
                        assert_eq!(rig.sent(), [format!("AUTH {}", method.mechanism())]);
                        rig.reply("500 what\r\n");
                    }
                    assert_eq!(rig.end_kind(), Some(FailureKind::SecurityRefused));
                }
            }
        }
    }
    assert_eq!(orders, 24, "repetitions are refused");
}

/// Which answers to PROT let a session go on (RFC 2228 section 9, RFC 4217 section 9).
#[test]
fn every_code_answering_prot() {
    for level in [true, false] {
        for code in 100..1000_u16 {
            let mut config = Config::default();
            if !level {
                config.security = Security::required().clear_data();
            }
            config.batching = ftp_proto::client::Batching::LockStep;
            let mut rig = Rig::new(config);
            rig.checks_silence = false;
            rig.checks_splits = false;
            let login = rig.login();
            let _file = rig.retrieve(PATH);
            rig.reply("220 hi\r\n").reply("234 go\r\n").secure_ok();
            rig.reply("331 p\r\n")
                .reply("230 in\r\n")
                .reply("200 0\r\n");
            rig.sent();
            rig.reply(&format!("{code} well\r\n"));
            let sent = rig.sent();
            match code {
                200..=299 => {
                    assert_eq!(rig.result(login), Some(Ok(())), "{code}");
                    assert_eq!(sent, ["TYPE I"]);
                }
                421 => assert!(rig.is_closed()),
                400..=599 if level => {
                    assert_eq!(
                        rig.end_kind(),
                        Some(FailureKind::ProtectionRefused),
                        "{code}"
                    );
                    assert!(sent.is_empty());
                }
                // More protection than asked for never hurts.
                400..=599 => assert_eq!(sent, ["PROT P"], "{code}"),
                _ => assert!(rig.is_closed() && sent.is_empty(), "{code}"),
            }
        }
    }
}
