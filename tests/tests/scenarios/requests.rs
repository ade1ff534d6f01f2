//! Requests without data connections, and their results.

use ftp_proto::client::{ClearText, DataMode, DataModes, HashOptions, Security};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::date::Timestamp;
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::{Config, FailureKind, Fault, Malformed, Refusal, Secret, TransferOptions};
use ftp_proto_tests::rig::{Rig, Seen};

use super::{clear, secure};

#[test]
fn rename_is_two_commands_with_nothing_between() {
    let mut rig = clear();
    let rename = rig.ask(|c, now| c.rename(now, b"old name", b"new name"));
    let pwd = rig.ask(|c, now| c.working_directory(now));
    assert_eq!(rig.sent(), ["RNFR old name"]);
    rig.reply("350 to?\r\n");
    assert_eq!(rig.sent(), ["RNTO new name"]);
    rig.reply("250 renamed\r\n");
    assert_eq!(rig.done(rename).code.value(), 250);
    assert_eq!(rig.sent(), ["PWD"]);
    rig.reply("257 \"/\"\r\n");
    rig.done(pwd);
}

#[test]
fn a_rename_can_be_refused_at_either_step() {
    for (first, second, verb) in [
        ("550 no such", None, "RNFR"),
        ("350 to?", Some("553 no"), "RNTO"),
    ] {
        let mut rig = clear();
        let rename = rig.ask(|c, now| c.rename(now, b"a", b"b"));
        rig.reply(&format!("{first}\r\n"));
        if let Some(second) = second {
            rig.reply(&format!("{second}\r\n"));
        }
        let failure = rig.failure(rename);
        assert_eq!(
            (failure.kind, failure.verb.unwrap().as_str()),
            (FailureKind::Refused, verb)
        );
        let noop = rig.ask(|c, now| c.noop(now));
        rig.reply("200 ok\r\n");
        rig.done(noop);
    }
}

#[test]
fn rnfr_answered_by_a_completion_is_an_error() {
    let mut rig = clear();
    let rename = rig.ask(|c, now| c.rename(now, b"a", b"b"));
    rig.reply("250 done already?\r\n");
    assert_eq!(rig.failed(rename), FailureKind::UnexpectedReply);
}

#[test]
fn raw_commands_give_their_reply_whatever_its_class() {
    for (reply, code) in [
        ("200 ok", 200),
        ("211-a\r\n b\r\n211 c", 211),
        ("350 more", 350),
        ("150 wait\r\n250 done", 250),
    ] {
        let mut rig = clear();
        let raw = rig.ask(|c, now| c.command(now, b"XFOO bar"));
        assert_eq!(rig.sent(), ["XFOO bar"]);
        rig.reply(&format!("{reply}\r\n"));
        assert_eq!(rig.done(raw).code.value(), code);
    }
    for (line, reply) in [
        ("PWD", "257 \"/\""),
        ("MKD d", "257 \"/d\""),
        ("SIZE f", "213 5"),
        ("MDTM f", "213 20240229123456"),
        ("FEAT", "211-x\r\n SIZE\r\n211 End"),
        ("NOOP", "200 ok"),
    ] {
        let mut rig = clear();
        let raw = rig.ask(|c, now| c.command(now, line.as_bytes()));
        rig.reply(&format!("{reply}\r\n"));
        assert!(
            rig.done(raw).code.value() < 300,
            "{line} has a typed result elsewhere"
        );
    }
    let mut rig = clear();
    let raw = rig.ask(|c, now| c.command(now, b"XFOO bar"));
    rig.reply("500 what?\r\n");
    assert_eq!(rig.failed(raw), FailureKind::Refused);
}

#[test]
fn raw_commands_that_would_desynchronise_are_refused() {
    for verb in [
        "AUTH TLS",
        "ADAT x",
        "PBSZ 0",
        "PROT C",
        "CCC",
        "MIC x",
        "CONF x",
        "ENC x",
        "REIN",
        "USER x",
        "PASS x",
        "ACCT x",
        "PORT 1,2,3,4,5,6",
        "EPRT |1|1.2.3.4|5000|",
        "PASV",
        "EPSV",
        "LPRT 1",
        "LPSV",
        "RETR x",
        "STOR x",
        "STOU",
        "APPE x",
        "LIST",
        "NLST",
        "MLSD",
        "ABOR",
        "QUIT",
        "REST 5",
        "RNFR x",
        "RNTO x",
        "TYPE A",
        "MODE B",
        "STRU R",
        "pasv",
        "P@SW",
        "xcwd\r\nDELE x",
        "NOOP\r\nNOOP",
        "NO\0OP",
        "",
        " ",
        " NOOP",
        "ÄNDERE",
        "\u{ff}",
    ] {
        let mut rig = clear();
        let refused = rig.try_ask(|c, now| c.command(now, verb.as_bytes()));
        assert!(
            matches!(refused, Err(Refusal::UseTypedMethod | Refusal::Argument(_))),
            "{verb:?}: {refused:?}"
        );
        assert!(rig.sent().is_empty());
    }
}

#[test]
fn results_are_typed() {
    let mut rig = clear();
    let size = rig.ask(|c, now| c.size(now, b"f"));
    assert_eq!(rig.sent(), ["TYPE I", "SIZE f"]);
    rig.reply("200 I\r\n213 18446744073709551615\r\n");
    assert_eq!(rig.done(size), u64::MAX);

    let time = rig.ask(|c, now| c.modified(now, b"f"));
    assert_eq!(rig.sent(), ["MDTM f"]);
    rig.reply("213 20240229123456.789\r\n");
    assert_eq!(
        rig.done(time),
        ftp_proto::wire::date::mdtm_reply(b"20240229123456.789").unwrap()
    );

    let pwd = rig.ask(|c, now| c.working_directory(now));
    rig.reply("257 \"/a \"\"quoted\"\" dir\" is current\r\n");
    assert_eq!(rig.done(pwd), Some(b"/a \"quoted\" dir".to_vec()));

    let made = rig.ask(|c, now| c.make_directory(now, b"sub"));
    rig.reply("257 \"/a/sub\" created\r\n");
    assert_eq!(rig.done(made), Some(b"/a/sub".to_vec()));
    let made = rig.ask(|c, now| c.make_directory(now, b"sub2"));
    rig.reply("250 done, no name\r\n");
    assert_eq!(rig.done(made), None);

    let entry = rig.ask(|c, now| c.entry(now, Some(b"f")));
    rig.reply("250-Listing f\r\n type=file;size=3; f\r\n250 End\r\n");
    assert_eq!(
        rig.done(entry).text,
        b"Listing f\n type=file;size=3; f\nEnd"
    );

    let features = rig.ask(|c, now| c.features(now));
    rig.reply("211-Features:\r\n MLST type*;size*;\r\n UTF8\r\n SIZE\r\n211 End\r\n");
    let features = rig.done(features);
    assert_eq!(rig.client().session().features, features.known);
    assert!(features.text.starts_with(b"Features:\n MLST"));
    rig.sent();

    let stat = rig.ask(|c, now| c.status(now, None));
    let help = rig.ask(|c, now| c.help(now, b"SITE"));
    let opts = rig.ask(|c, now| c.options(now, b"UTF8 ON"));
    assert_eq!(rig.sent(), ["STAT", "HELP SITE", "OPTS UTF8 ON"]);
    rig.reply("211-x\r\n211 y\r\n214 z\r\n202 always on\r\n");
    assert_eq!(rig.done(stat).code.value(), 211);
    assert_eq!(rig.done(help).text, b"z");
    assert_eq!(rig.done(opts).code.value(), 202);

    let time = Timestamp::parse(b"20240229123456").unwrap();
    let set = rig.ask(|c, now| c.set_modified(now, b"f", time));
    assert_eq!(rig.sent(), ["MFMT 20240229123456 f"]);
    rig.reply("213 Modify=20240229123456; f\r\n");
    rig.done(set);
}

#[test]
fn directories_and_files() {
    for (ask, line) in [
        (rig_cwd as fn(&mut Rig) -> _, "CWD sub dir"),
        (|rig| rig.ask(|c, now| c.change_to_parent(now)), "CDUP"),
        (
            |rig| rig.ask(|c, now| c.remove_directory(now, b"d")),
            "RMD d",
        ),
        (|rig| rig.ask(|c, now| c.delete(now, b"f")), "DELE f"),
        (
            |rig| rig.ask(|c, now| c.site(now, b"CHMOD 644 f")),
            "SITE CHMOD 644 f",
        ),
        (
            |rig| rig.ask(|c, now| c.account(now, &ftp_proto::Secret::new(b"dept"))),
            "ACCT dept",
        ),
    ] {
        for code in [200, 202, 212, 226, 250, 257] {
            let mut rig = clear();
            let ticket = ask(&mut rig);
            assert_eq!(rig.sent(), [line]);
            rig.reply(&format!("{code} ok\r\n"));
            assert_eq!(
                rig.done(ticket).code.value(),
                code,
                "any completion will do"
            );
        }
        for code in [450, 500, 502, 530, 550, 553] {
            let mut rig = clear();
            let ticket = ask(&mut rig);
            rig.reply(&format!("{code} no\r\n"));
            assert_eq!(rig.failed(ticket), FailureKind::Refused);
        }
    }
}

fn rig_cwd(rig: &mut Rig) -> ftp_proto::Ticket<ftp_proto::Replied> {
    rig.ask(|c, now| c.change_directory(now, b"sub dir"))
}

#[test]
fn a_size_or_time_that_is_none_is_a_protocol_error_of_that_request_only() {
    for text in ["213 many", "213", "213 18446744073709551616", "213 -1"] {
        let mut rig = clear();
        let size = rig.ask(|c, now| c.size(now, b"f"));
        rig.reply("200 I\r\n").reply(&format!("{text}\r\n"));
        assert!(
            matches!(rig.failed(size), FailureKind::Protocol(Malformed::Number)),
            "{text}"
        );
        assert!(!rig.is_closed());
        let time = rig.ask(|c, now| c.modified(now, b"f"));
        rig.reply("213 yesterday\r\n");
        assert!(matches!(
            rig.failed(time),
            FailureKind::Protocol(Malformed::Time)
        ));
        assert!(!rig.is_closed());
    }
}

#[test]
fn as_many_requests_wait_as_the_limit_says() {
    let mut config = Config::default();
    config.limits.requests = 3;
    let mut rig = Rig::secure(config);
    for _ in 0..3 {
        rig.ask(|c, now| c.delete(now, b"x"));
    }
    let fourth = rig.try_ask(|c, now| c.delete(now, b"x"));
    assert_eq!(fourth.err(), Some(Refusal::TooManyRequests));
    rig.reply("250 ok\r\n");
    rig.ask(|c, now| c.delete(now, b"x"));
}

#[test]
fn as_many_commands_are_outstanding_as_the_limit_says() {
    let mut config = Config::default();
    config.limits.pending_commands = 3;
    let mut rig = Rig::new(config);
    rig.login();
    rig.retrieve("f");
    rig.reply("220 hi\r\n").reply("234 ok\r\n").secure_ok();
    assert_eq!(rig.sent()[1..].len(), 3);
    rig.reply("331 p\r\n");
    assert_eq!(rig.sent(), ["PROT P"]);
}

#[test]
fn an_odd_reply_to_a_lone_command_keeps_the_batching() {
    let mut rig = secure();
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    rig.reply("550 no\r\n");
    rig.failed(gone);
    assert!(!rig.client().session().lock_step);
}

/// What cannot be sent, or cannot be meant, is refused where it is asked for; the last that can be is taken.
#[test]
fn what_is_asked_for_is_checked_to_its_bounds() {
    let refused = |refusal: Option<Refusal>| match refusal {
        Some(Refusal::Argument(_)) => true,
        None => false,
        other => panic!("{other:?}"),
    };
    let file = |offset, size, length| TransferOptions {
        offset,
        size,
        length,
        ..TransferOptions::default()
    };
    let line = Config::default().limits.command_line;
    for (how, wanted) in [
        (file(5, Some(5), None), false),
        (file(6, Some(5), None), true),
        (file(0, Some(5), Some(5)), false),
        (file(0, Some(5), Some(6)), true),
        (file(0, None, Some(0)), true),
    ] {
        let asked = clear().try_ask(|client, now| client.retrieve(now, b"f", how));
        assert_eq!(refused(asked.err()), wanted, "{how:?}");
    }
    for offset in [0, 1] {
        let how = file(offset, None, None);
        let appended = clear().try_ask(|client, now| client.append(now, b"f", how));
        let unique = clear().try_ask(|client, now| client.store_unique(now, None, how));
        assert_eq!(refused(appended.err()), offset > 0);
        assert_eq!(refused(unique.err()), offset > 0);
    }
    for (range, wanted) in [((5, 5), false), ((5, 4), true)] {
        let how = HashOptions {
            range: Some(range),
            ..HashOptions::default()
        };
        let asked = clear().try_ask(|client, now| client.hash(now, b"f", how));
        assert_eq!(refused(asked.err()), wanted, "{range:?}");
    }
    let long = vec![b'x'; line + 1];
    let asked = clear().try_ask(|client, now| client.size(now, &long));
    assert!(refused(asked.err()));
    let asked = clear().try_ask(|client, now| client.retrieve(now, &long, Default::default()));
    assert!(refused(asked.err()));
}

/// A reply is told with the command it answers, and a failure with the command it happened to.
#[test]
fn replies_and_failures_name_their_command() {
    let mut rig = clear();
    let gone = rig.ask(|client, now| client.delete(now, b"x"));
    rig.reply("250 gone\r\n");
    rig.done(gone);
    let told = Seen::Received(Some(Verb::Dele), 250, "gone".into());
    assert!(rig.log().contains(&told));
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Epsv]).unwrap();
    let mut rig = Rig::secure(config);
    let stored = rig.store("f");
    rig.reply("200 I\r\n229 (|||2121|)\r\n")
        .data_failed(Fault::Refused);
    let failure = rig.failure(stored);
    assert_eq!(failure.kind, FailureKind::DataOpen(Fault::Refused));
    assert_eq!(failure.verb, Some(Verb::Stor));
}

/// As many as the limit says, for each command by itself.
#[test]
fn a_command_may_be_put_off_as_often_as_the_limit_says() {
    for (times, lasts) in [(3, true), (4, false)] {
        let mut config = Config::default();
        config.limits.preliminary_replies = 3;
        let mut rig = Rig::secure(config);
        rig.auto_data = true;
        rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n");
        for _ in 0..times {
            rig.reply("150 wait\r\n");
        }
        assert_eq!(rig.is_closed(), !lasts);
    }
}

/// Where a line of the machine's own is too long for the limit, the request it is for fails by that, and what waits behind it goes on.
#[test]
fn a_command_that_is_too_long_ends_its_request_and_no_other() {
    let mut config = Config::default();
    config.security = Security::clear(ClearText::Everybody);
    config.limits.command_line = 16;
    let mut rig = Rig::new(config);
    rig.ask(|client, now| client.login(now, b"bob", Secret::new(b"pw"), None));
    rig.reply("220 hi\r\n").reply("331 p\r\n230 in\r\n");
    rig.sent();
    let how = HashOptions {
        algorithm: Some(HashAlgorithm::Sha256),
        ..HashOptions::default()
    };
    let hash = rig.ask(|client, now| client.hash(now, b"f", how));
    let noop = rig.ask(|client, now| client.noop(now));
    rig.reply("200 I\r\n");
    let too_long = FailureKind::Protocol(Malformed::CommandTooLong { limit: 16 });
    assert_eq!(rig.failed(hash), too_long);
    assert_eq!(rig.sent(), ["TYPE I", "NOOP"]);
    rig.reply("200 ok\r\n");
    rig.done(noop);
}
