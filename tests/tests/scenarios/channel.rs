//! CCC and REIN: the control connection goes back to clear text.

use ftp_proto::client::{ClearText, Security};
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::wire::features::FeatureSet;
use ftp_proto::{Config, DataEnd, FailureKind, HashOptions, Note, Refusal, Secret, TlsFault};
use ftp_proto_tests::rig::{Act, Rig, in_clear};

fn ccc() -> Config {
    let mut config = Config::default();
    config.security = Security::required().allow_ccc();
    config
}

#[test]
fn ccc_goes_alone_clears_the_channel_and_keeps_the_data_protection() {
    let mut rig = Rig::secure(ccc());
    rig.auto_data = true;
    let clear = rig.ask(|c, now| c.clear_command_channel(now));
    let file = rig.retrieve("f");
    assert_eq!(rig.sent(), ["CCC"]);
    rig.reply("200 clearing\r\n");
    assert!(rig.did(Act::ClearControl));
    assert!(!rig.client().reads_control());
    assert!(rig.sent().is_empty());
    rig.cleared();
    rig.done(clear);
    assert!(rig.notes().contains(&Note::ControlCleared));
    assert_eq!(rig.sent(), ["TYPE I", "SIZE f", "EPSV", "RETR f"]);
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
    assert!(rig.did(Act::SecureData));
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
    let account = rig.try_ask(|c, now| c.account(now, &ftp_proto::Secret::new(b"x")));
    assert_eq!(account.err(), Some(Refusal::Policy));
}

#[test]
fn ccc_needs_the_policy_and_a_login_under_tls() {
    let mut rig = Rig::secure(Config::default());
    assert_eq!(
        rig.try_ask(|c, now| c.clear_command_channel(now)).err(),
        Some(Refusal::Policy)
    );
    let mut rig = Rig::new(ccc());
    assert_eq!(
        rig.try_ask(|c, now| c.clear_command_channel(now)).err(),
        Some(Refusal::Busy)
    );
}

#[test]
fn a_refused_ccc_changes_nothing() {
    for code in [500, 502, 530, 533, 534] {
        let mut rig = Rig::secure(ccc());
        let clear = rig.ask(|c, now| c.clear_command_channel(now));
        rig.reply(&format!("{code} no\r\n"));
        assert_eq!(rig.failed(clear), FailureKind::Refused);
        assert!(rig.client().session().protection.is_secure());
        assert!(!rig.is_closed());
    }
}

#[test]
fn bytes_behind_the_answer_to_ccc_end_the_session() {
    let mut rig = Rig::secure(ccc());
    let clear = rig.ask(|c, now| c.clear_command_channel(now));
    rig.checks_splits = false;
    rig.reply("200 clearing\r\n200 more\r\n");
    assert_eq!(rig.failed(clear), FailureKind::Injected);
}

#[test]
fn tls_that_does_not_end_well_ends_the_session() {
    let mut rig = Rig::secure(ccc());
    let clear = rig.ask(|c, now| c.clear_command_channel(now));
    rig.reply("200 clearing\r\n");
    let order = rig.desk_mut().clear_control.take().unwrap();
    rig.handle(ftp_proto::Input::Report(order.failed(TlsFault::Corrupt)));
    assert_eq!(
        rig.failed(clear),
        FailureKind::ControlTls(TlsFault::Corrupt)
    );
    assert!(rig.is_closed());
}

#[test]
fn rein_in_clear_text_may_be_put_off_and_ends_the_login() {
    let mut rig = Rig::clear(Config::default());
    let again = rig.ask(|c, now| c.reinitialize(now));
    assert_eq!(rig.sent(), ["REIN"]);
    rig.reply("120 in a minute\r\n");
    assert_eq!(rig.result(again), None);
    rig.reply("220 ready\r\n");
    rig.done(again);
    assert_eq!(
        rig.try_ask(|c, now| c.retrieve(now, b"f", Default::default()))
            .err(),
        Some(Refusal::LoginFirst)
    );
    assert_eq!(
        rig.try_ask(|c, now| c.login(now, b"x", ftp_proto::Secret::new(b"y"), None))
            .err(),
        Some(Refusal::LoginSpent)
    );
}

#[test]
fn rein_is_refused_where_the_policy_wants_tls() {
    let mut rig = Rig::secure(Config::default());
    assert_eq!(
        rig.try_ask(|c, now| c.reinitialize(now)).err(),
        Some(Refusal::Policy)
    );
}

#[test]
fn rein_under_tls_by_a_tolerant_policy_clears_the_channel() {
    let mut config = Config::default();
    config.security = Security::required().or_clear(ClearText::Everybody);
    let mut rig = Rig::secure(config);
    let again = rig.ask(|c, now| c.reinitialize(now));
    rig.reply("220 ready\r\n");
    rig.done(again);
    assert!(rig.did(Act::ClearControl));
    rig.cleared();
    assert!(!rig.client().session().protection.is_secure());
    assert_eq!(rig.client().session().protection.data, None);
    // As after the greeting (RFC 4217 section 13): protection may be asked for again.
    assert!(!rig.client().session().protection.frozen);
    assert_eq!(rig.sent().last().unwrap(), "AUTH TLS");
    rig.reply("234 go on\r\n").secure_ok();
    let session = rig.client().session();
    assert!(session.protection.is_secure());
    assert_eq!(session.login, ftp_proto::rules::login::Login::Out);
    assert_eq!(session.representation, None);
}

#[test]
fn a_refused_rein_keeps_the_login() {
    let mut rig = Rig::clear(in_clear());
    let again = rig.ask(|c, now| c.reinitialize(now));
    rig.reply("502 no\r\n");
    assert_eq!(rig.failed(again), FailureKind::Refused);
    rig.ask(|c, now| c.list(now, None));
}

/// What came before it in the queue may have done it already.
#[test]
fn a_second_ccc_in_the_queue_has_nothing_to_say() {
    let mut rig = Rig::secure(ccc());
    let first = rig.ask(|c, now| c.clear_command_channel(now));
    let second = rig.ask(|c, now| c.clear_command_channel(now));
    assert_eq!(rig.sent(), ["CCC"]);
    rig.reply("200 clearing\r\n").cleared();
    rig.done(first);
    rig.done(second);
    assert!(rig.sent().is_empty());
    let refused = rig.try_ask(|c, now| c.clear_command_channel(now));
    assert_eq!(refused.err(), Some(Refusal::Busy));
}

/// RFC 4217 section 5: behind CCC nothing secret is said, though it was asked for when it was none.
#[test]
fn an_account_asked_for_before_ccc_is_not_sent_behind_it() {
    let mut rig = Rig::secure(ccc());
    let clear = rig.ask(|c, now| c.clear_command_channel(now));
    let account = rig.ask(|c, now| c.account(now, &Secret::new(b"accounting")));
    assert_eq!(rig.sent(), ["CCC"]);
    rig.reply("200 clearing\r\n").cleared();
    rig.done(clear);
    assert_eq!(rig.failed(account), FailureKind::ClearLoginForbidden);
    assert!(rig.sent().is_empty());
}

/// REIN resets what the server remembers (RFC 959 section 4.1.1): there is no range to be taken back. One that is refused resets nothing.
#[test]
fn rein_forgets_the_range_that_was_left() {
    for (reply, next) in [("220 ready", "HASH g"), ("502 no", "RANG 1 0")] {
        let mut rig = Rig::clear(in_clear());
        let part = HashOptions {
            range: Some((5, 9)),
            ..HashOptions::default()
        };
        let hash = rig.ask(|c, now| c.hash(now, b"f", part));
        rig.reply("200 I\r\n")
            .reply("350 range taken\r\n")
            .reply("550 no such file\r\n");
        assert_eq!(rig.failed(hash), FailureKind::Refused);
        rig.ask(|c, now| c.reinitialize(now));
        rig.reply(&format!("{reply}\r\n"));
        rig.sent();
        rig.ask(|c, now| c.hash(now, b"g", HashOptions::default()));
        let sent = rig.sent();
        assert_eq!(sent.last().map(String::as_str), Some(next), "{sent:?}");
    }
}

/// What a server said it can do, and what it was told, is no longer known in another protection epoch: before it, somebody else may have said so;
/// behind REIN the server has forgotten it (RFC 959 section 4.1.1).
#[test]
fn nothing_learned_outlives_a_protection_epoch() {
    for reinitialize in [true, false] {
        let (mut rig, end) = match reinitialize {
            true => (Rig::clear(in_clear()), DataEnd::Fin),
            false => (Rig::secure(ccc()), DataEnd::CloseNotify),
        };
        rig.auto_data = true;
        rig.ask(|c, now| c.features(now));
        rig.reply("211-Features\r\n HASH SHA-1*;MD5\r\n211 End\r\n");
        let by = HashOptions {
            algorithm: Some(HashAlgorithm::Md5),
            ..HashOptions::default()
        };
        rig.ask(|c, now| c.hash(now, b"f", by));
        rig.reply("200 I\r\n200 MD5\r\n")
            .reply("550 no such file\r\n");
        for size in ["213 3\r\n", ""] {
            rig.sent();
            rig.retrieve("f");
            let asked = rig.sent().contains(&"SIZE f".to_owned());
            assert_eq!(asked, !size.is_empty());
            rig.reply(&format!("{size}229 (|||2121|)\r\n150 f (3 bytes)\r\n"))
                .flow_finished(3, end)
                .reply("226 ok\r\n");
        }
        assert_ne!(rig.client().session().features, FeatureSet::EMPTY);
        if reinitialize {
            rig.ask(|c, now| c.reinitialize(now));
            rig.reply("220 ready\r\n");
        } else {
            rig.ask(|c, now| c.clear_command_channel(now));
            rig.reply("200 clearing\r\n").cleared();
        }
        assert_eq!(rig.client().session().features, FeatureSet::EMPTY);
        rig.sent();
        rig.ask(|c, now| c.hash(now, b"f", by));
        let sent = rig.sent();
        assert!(sent.contains(&"OPTS HASH MD5".to_owned()), "{sent:?}");
        if !reinitialize {
            rig.reply("200 MD5\r\n").reply("550 no such file\r\n");
            rig.retrieve("f");
            let sent = rig.sent();
            assert!(sent.contains(&"SIZE f".to_owned()), "{sent:?}");
        }
    }
}
