//! What a server may begin with.

use ftp_proto::client::{ClearText, Security};
use ftp_proto::{Config, FailureKind, Malformed, Refusal, Timer};
use ftp_proto_tests::rig::{Rig, in_clear};

#[test]
fn a_120_is_waited_out_with_its_own_patience() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    let patience = rig.patience();
    rig.pass(patience.unwrap() / 2).reply("120 in a minute\r\n");
    assert_eq!(rig.patience(), patience);
    assert!(rig.sent().is_empty());
    rig.reply("220 now\r\n");
    assert_eq!(rig.sent(), ["AUTH TLS"]);
    assert_eq!(rig.result(login), None);
}

#[test]
fn a_server_cannot_say_120_for_ever() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    for _ in 0..20 {
        if rig.is_closed() {
            break;
        }
        rig.reply("120 wait\r\n");
    }
    assert!(rig.is_closed());
    assert_eq!(rig.failed(login), FailureKind::UnexpectedReply);
}

#[test]
fn a_refusing_greeting_ends_the_session_and_says_so() {
    for code in [421, 450, 500, 530, 554] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.reply(&format!("{code} go away\r\n"));
        let failure = rig.failure(login);
        assert_eq!(failure.kind, FailureKind::GreetingRefused);
        assert_eq!(failure.code.map(|c| c.value()), Some(code));
        assert_eq!(rig.end_kind(), Some(FailureKind::GreetingRefused));
        assert!(rig.sent().is_empty());
    }
}

#[test]
fn every_positive_completion_greets() {
    for code in [200, 202, 220, 230, 232, 250] {
        let mut rig = Rig::new(Config::default());
        rig.login();
        rig.reply(&format!("{code} hello\r\n"));
        assert_eq!(rig.sent(), ["AUTH TLS"], "{code}");
    }
}

#[test]
fn a_greeting_of_another_class_is_an_error() {
    for code in [331, 334, 350, 633] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.reply(&format!("{code} hello\r\n"));
        assert_eq!(rig.failed(login), FailureKind::UnexpectedReply);
        assert!(rig.is_closed());
    }
}

#[test]
fn a_230_greeting_is_a_login_only_where_clear_text_is_policy() {
    let mut rig = Rig::new(in_clear());
    let login = rig.login();
    let pwd = rig.ask(|c, now| c.working_directory(now));
    rig.reply("230 already in\r\n");
    rig.done(login);
    assert!(rig.ready());
    assert_eq!(rig.sent(), ["PWD"]);
    rig.reply("257 \"/\"\r\n");
    rig.done(pwd);

    let mut rig = Rig::new(Config::default());
    rig.login();
    rig.reply("230 already in\r\n");
    assert_eq!(rig.sent(), ["AUTH TLS"]);
    rig.reply("234 ok\r\n").secure_ok();
    assert_eq!(rig.sent()[0], "USER alice");
}

#[test]
fn what_is_not_ftp_is_recognised_at_its_first_bytes() {
    for text in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "* OK IMAP4rev1\r\n",
        "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}P",
        "hello",
        "22 short\r\n",
        "2200 long\r\n",
        "220\u{0} nul\r\n",
        "\u{0}",
    ] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.checks_splits = false;
        rig.reply(text);
        let failure = rig.failure(login);
        assert!(
            matches!(failure.kind, FailureKind::Protocol(_)),
            "{text:?}: {failure}"
        );
        let kept = rig.client().evidence().control.first_bytes;
        assert_eq!(kept.as_bytes(), &text.as_bytes()[..text.len().min(64)]);
    }
}

#[test]
fn codes_out_of_range_are_errors() {
    for text in ["000 x\r\n", "099 x\r\n", "700 x\r\n", "999 x\r\n"] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.reply(text);
        assert_eq!(
            rig.failed(login),
            FailureKind::Protocol(Malformed::ReplyCode)
        );
    }
}

#[test]
fn silence_and_a_closed_door_end_the_wait_for_the_greeting() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    rig.tick_to_deadline();
    assert_eq!(rig.failed(login), FailureKind::TimedOut(Timer::Greeting));

    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    rig.eof();
    assert_eq!(rig.failed(login), FailureKind::ControlClosed);
}

#[test]
fn implicit_tls_that_does_not_come_about_ends_the_session() {
    let mut config = Config::default();
    config.security = Security::implicit();
    let mut rig = Rig::new(config);
    let login = rig.login();
    rig.secure_failed(ftp_proto::TlsFault::NotTls);
    assert_eq!(
        rig.failed(login),
        FailureKind::ControlTls(ftp_proto::TlsFault::NotTls)
    );
    assert!(rig.sent().is_empty());
}

#[test]
fn a_greeting_may_be_put_off_as_often_as_the_limit_says() {
    for (times, greeted) in [(3, true), (4, false)] {
        let mut config = Config::default();
        config.limits.preliminary_replies = 3;
        let mut rig = Rig::new(config);
        let login = rig.login();
        for _ in 0..times {
            rig.reply("120 wait\r\n");
        }
        assert_eq!(rig.is_closed(), !greeted);
        if greeted {
            rig.reply("220 now\r\n");
            assert_eq!(rig.sent(), ["AUTH TLS"]);
        } else {
            assert_eq!(rig.failed(login), FailureKind::UnexpectedReply);
        }
    }
}

/// Where TLS is wanted, a 230 in clear text is nobody's word, also where the session may go on without TLS.
#[test]
fn a_230_greeting_lets_nobody_in_who_wants_tls() {
    let mut rig = Rig::new(Config::default());
    rig.reply("230 already in\r\n");
    let file = rig.try_ask(|client, now| client.retrieve(now, b"f", Default::default()));
    assert_eq!(file.err(), Some(Refusal::LoginFirst));
    let mut config = Config::default();
    config.security = Security::required().or_clear(ClearText::Everybody);
    let mut rig = Rig::new(config);
    let login = rig.login();
    rig.reply("230 already in\r\n");
    while rig.sent().iter().any(|line| line.starts_with("AUTH")) {
        rig.reply("502 no\r\n");
        if rig.ready() {
            break;
        }
    }
    assert_eq!(rig.result(login), None, "USER is still to be answered");
    rig.reply("331 password\r\n230 in\r\n");
    rig.done(login);
}
