//! Attacks on a client that have hit others, each as a dialogue. The names begin with the class and the number of the
//! attack, and name the invariants it would break. Scripted peers (`tests/scripts/servers`) play most of them over the drivers too; here is
//! what takes a table, every cut, or a look into the machine.

#![allow(
    unused_must_use,
    reason = "many requests are made only to see what is sent"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

use std::net::IpAddr;
use std::time::Duration;

use ftp_proto::client::{
    AuthMethod, Batching, ClearText, DataMode, DataModes, PassiveAddress, Security,
};
use ftp_proto::wire::date::Timestamp;
use ftp_proto::wire::reply::{Code, Reply};
use ftp_proto::{
    Client, Config, DataEnd, DataTarget, Direction, FailureKind, Fault, Input, Instant, Malformed,
    Note, Refusal, Secret, Ticket, TlsFault, TransferOptions, Transferred,
};
use ftp_proto_tests::rig::{Act, CANARY, PEER, Rig, Seen, in_clear};

/// Every request that takes bytes from the caller, with those bytes in each of its places.
fn requests_with(
    client: &mut Client,
    now: Instant,
    bytes: &[u8],
) -> Vec<(&'static str, Result<(), Refusal>)> {
    let how = TransferOptions::default();
    let time = Timestamp::parse(b"20240101000000").unwrap();
    let secret = || Secret::new(bytes);
    let fine = || Secret::new(b"fine");
    macro_rules! each {
        ($($name:literal: $call:expr),* $(,)?) => {
            vec![$(($name, {
                // Each on a machine of its own: one accepted request must not refuse the next.
                let mut client = client.clone();
                let call: fn(&mut Client, Instant, &[u8], &dyn Fn() -> Secret, &dyn Fn() -> Secret, TransferOptions, Timestamp) -> Result<(), Refusal> = $call;
                let before = client.outgoing().to_vec();
                let result = call(&mut client, now, bytes, &secret, &fine, how, time);
                if result.is_err() {
                    assert_eq!(client.outgoing(), before, $name);
                } else {
                    one_line_each(client.outgoing());
                }
                result
            })),*]
        };
    }
    each! {
        "user": |c, now, b, _, fine, _, _| c.login(now, b, fine(), None).map(drop),
        "password": |c, now, _, secret, _, _, _| c.login(now, b"alice", secret(), None).map(drop),
        "account at login": |c, now, _, secret, fine, _, _| c.login(now, b"alice", fine(), Some(secret())).map(drop),
        "account": |c, now, _, secret, _, _, _| c.account(now, &secret()).map(drop),
        "retrieve": |c, now, b, _, _, how, _| c.retrieve(now, b, how).map(drop),
        "store": |c, now, b, _, _, how, _| c.store(now, b, how).map(drop),
        "append": |c, now, b, _, _, how, _| c.append(now, b, how).map(drop),
        "store unique": |c, now, b, _, _, how, _| c.store_unique(now, Some(b), how).map(drop),
        "list": |c, now, b, _, _, _, _| c.list(now, Some(b)).map(drop),
        "names": |c, now, b, _, _, _, _| c.names(now, Some(b)).map(drop),
        "facts": |c, now, b, _, _, _, _| c.facts(now, Some(b)).map(drop),
        "entry": |c, now, b, _, _, _, _| c.entry(now, Some(b)).map(drop),
        "size": |c, now, b, _, _, _, _| c.size(now, b).map(drop),
        "modified": |c, now, b, _, _, _, _| c.modified(now, b).map(drop),
        "set modified": |c, now, b, _, _, _, time| c.set_modified(now, b, time).map(drop),
        "change directory": |c, now, b, _, _, _, _| c.change_directory(now, b).map(drop),
        "make directory": |c, now, b, _, _, _, _| c.make_directory(now, b).map(drop),
        "remove directory": |c, now, b, _, _, _, _| c.remove_directory(now, b).map(drop),
        "delete": |c, now, b, _, _, _, _| c.delete(now, b).map(drop),
        "rename from": |c, now, b, _, _, _, _| c.rename(now, b, b"fine").map(drop),
        "rename to": |c, now, b, _, _, _, _| c.rename(now, b"fine", b).map(drop),
        "status": |c, now, b, _, _, _, _| c.status(now, Some(b)).map(drop),
        "help": |c, now, b, _, _, _, _| c.help(now, b).map(drop),
        "options": |c, now, b, _, _, _, _| c.options(now, b).map(drop),
        "site": |c, now, b, _, _, _, _| c.site(now, b).map(drop),
        "command": |c, now, b, _, _, _, _| c.command(now, &[b"XFOO ", b].concat()).map(drop),
    }
}

fn one_line_each(bytes: &[u8]) {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap();
        assert!(
            !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
            "{line:?}"
        );
    }
}

/// Machines in the states a request can meet: fresh, logged in, in the middle of a transfer.
fn clients() -> Vec<(Client, Instant)> {
    let fresh = Rig::new(in_clear());
    let logged_in = Rig::clear(Config::default());
    let mut transferring = Rig::clear(Config::default());
    transferring.retrieve("f");
    [fresh, logged_in, transferring]
        .into_iter()
        .map(|rig| (rig.client().clone(), rig.now()))
        .collect()
}

#[test]
fn a1_a2_ic_1_no_argument_of_any_request_starts_a_second_line() {
    let mut refused = 0;
    for (mut client, now) in clients() {
        for forbidden in [b'\r', b'\n', 0] {
            for argument in [
                vec![forbidden],
                vec![b'a', forbidden],
                vec![forbidden, b'a'],
                [b"x", &[forbidden][..], b"DELE y"].concat(),
                [b"x\r\nDELE y", &[forbidden][..]].concat(),
            ] {
                for (name, result) in requests_with(&mut client, now, &argument) {
                    assert!(result.is_err(), "{name} takes {argument:?}");
                    refused += 1;
                }
            }
        }
        // Everything else that is one byte travels or is refused, and is one line.
        for byte in 1..=255_u8 {
            requests_with(&mut client, now, &[b'a', byte, b'b']);
        }
    }
    assert!(refused > 1000);
}

#[test]
fn a3_d10_raw_commands_cannot_touch_login_protection_or_data() {
    for line in [
        "PROT C",
        "PBSZ 0",
        "AUTH TLS",
        "CCC",
        "REIN",
        "USER mallory",
        "PASS x",
        "ACCT x",
        "PORT 10,0,0,1,0,25",
        "EPRT |1|10.0.0.1|25|",
        "PASV",
        "EPSV",
        "EPSV ALL",
        "ABOR",
        "RETR f",
        "STOR f",
        "APPE f",
        "STOU",
        "LIST",
        "NLST",
        "MLSD",
        "TYPE A",
        "prot c",
        "Port 1,1,1,1,1,1",
    ] {
        let mut rig = Rig::secure(Config::default());
        let session = rig.client().session().clone();
        let refused = rig.try_ask(|c, now| c.command(now, line.as_bytes()));
        assert_eq!(refused.err(), Some(Refusal::UseTypedMethod), "{line}");
        assert_eq!(*rig.client().session(), session);
        assert!(rig.sent().is_empty());
    }
}

#[test]
fn a7_lines_inside_a_reply_are_not_replies() {
    for text in [
        "230 in",
        "331 password",
        "226 done\n150 more",
        "123 files\n421 bye",
    ] {
        let mut rig = Rig::clear(Config::default());
        let status = rig.ask(|c, now| c.status(now, None));
        let text = format!("begin\n{text}\nend");
        rig.bytes(&Reply::new(Code::SYSTEM_STATUS, text.as_bytes()).to_bytes());
        assert_eq!(rig.done(status).code, Code::SYSTEM_STATUS);
        assert_eq!(
            rig.log()
                .iter()
                .filter(|seen| matches!(seen, Seen::Received(..)))
                .count(),
            1
        );
    }
}

#[test]
fn a8_what_a_server_says_cannot_steer_a_terminal() {
    let mut rig = Rig::clear(Config::default());
    let gone = rig.ask(|c, now| c.delete(now, b"f"));
    rig.reply("550 \u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}evil\u{8}\r\n");
    let failure = rig.failure(gone);
    for shown in [failure.to_string(), format!("{failure:?}")] {
        assert!(
            !shown.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{shown}"
        );
    }
}

#[test]
fn a10_a_nul_in_a_reply_is_an_error_and_cuts_nothing_short() {
    for at in 0..8 {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        let mut reply = b"220 ready".to_vec();
        reply.insert(at, 0);
        reply.extend_from_slice(b"\r\n");
        rig.bytes(&reply);
        assert!(
            matches!(rig.failed(login), FailureKind::Protocol(_)),
            "{at}"
        );
    }
}

#[test]
fn a11_ix_3_telnet_commands_neither_grow_nor_hide_replies() {
    // All strings of up to 4 pieces out of these, in front of, inside and behind a reply.
    let pieces: [&[u8]; 6] = [
        b"\xff\xfb\x01",
        b"\xff\xfd\x18",
        b"\xff\xf1",
        b"\xff\xf2",
        b"\xff\xf4",
        b"",
    ];
    for number in 0..pieces.len().pow(4) {
        let noise: Vec<u8> = (0..4)
            .flat_map(|place| pieces[number / pieces.len().pow(place) % pieces.len()])
            .copied()
            .collect();
        for cut in [0, 2, 6] {
            let mut rig = Rig::clear(Config::default());
            rig.checks_splits = number.is_multiple_of(97);
            rig.checks_silence = false;
            let noop = rig.ask(|c, now| c.noop(now));
            let (before, after) = b"200 ok\r\n".split_at(cut);
            rig.bytes(&[before, &noise, after].concat());
            assert_eq!(rig.done(noop).text, b"ok");
            assert!(rig.sent().len() == 1, "nothing is answered");
        }
    }
}

#[test]
fn a12_byte_255_in_a_name_is_doubled() {
    let mut client = Rig::clear(Config::default()).client().clone();
    client
        .delete(Instant::from_millis(1_000_000), b"a\xffb")
        .unwrap();
    assert_eq!(client.outgoing(), b"DELE a\xff\xffb\r\n");
}

#[test]
fn a13_a_bare_cr_ends_no_reply() {
    for reply in [
        &b"220 ready\r331 x\r\n"[..],
        b"220 ready\rx\r\n",
        b"220\r-x\r\n",
    ] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.bytes(reply);
        assert!(
            matches!(rig.failed(login), FailureKind::Protocol(_)),
            "{reply:?}"
        );
    }
}

// ---- the border between clear text and TLS

#[test]
fn b1_ic_7_nothing_rides_with_auth() {
    for batching in [Batching::Independent, Batching::LockStep] {
        let mut config = Config::default();
        config.batching = batching;
        let mut rig = Rig::new(config);
        rig.login();
        rig.retrieve("f");
        rig.ask(|c, now| c.working_directory(now));
        rig.reply("220 hi\r\n");
        assert_eq!(rig.writes(), [["AUTH TLS"]]);
        rig.ask(|c, now| c.noop(now));
        assert!(rig.sent().is_empty());
        rig.reply("234 go\r\n");
        rig.ask(|c, now| c.noop(now));
        assert!(rig.sent().is_empty(), "and nothing goes into the handshake");
    }
}

#[test]
fn b2_ic_4_bytes_behind_234_end_the_session_at_every_cut() {
    for tail in [
        "x",
        "\r\n",
        "\n",
        " ",
        "331 p\r\n",
        "230 in\r\n",
        "220-\r\n",
        "\u{16}\u{3}\u{1}",
        "\u{0}",
        "2",
    ] {
        for security in [
            Security::required(),
            Security::required().or_clear(ClearText::Everybody),
        ] {
            let line = format!("234 go\r\n{tail}");
            for cut in 0..=line.len() {
                if !line.is_char_boundary(cut) {
                    continue;
                }
                let mut config = Config::default();
                config.security = security;
                let mut rig = Rig::new(config);
                rig.checks_splits = false;
                let login = rig.login();
                rig.reply("220 hi\r\n");
                rig.sent();
                let (first, second) = line.split_at(cut);
                rig.bytes(first.as_bytes());
                if !second.is_empty() && !rig.is_closed() {
                    rig.bytes(second.as_bytes());
                }
                assert!(rig.is_closed(), "{tail:?} cut at {cut}");
                assert_eq!(
                    rig.failed(login),
                    FailureKind::Injected,
                    "{tail:?} cut at {cut}"
                );
                assert!(rig.sent().is_empty());
            }
        }
    }
}

#[test]
fn b3_ic_2_ic_24_a_claimed_login_changes_nothing_where_tls_is_wanted() {
    for greeting in ["230 welcome, you are in", "232 in", "200 in", "220 in"] {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.retrieve("secret");
        rig.reply(&format!("{greeting}\r\n"));
        assert_eq!(rig.sent(), ["AUTH TLS"]);
        rig.reply("500 no\r\n").reply("500 no\r\n");
        assert_eq!(rig.failed(login), FailureKind::SecurityRefused);
        assert_eq!(rig.sent(), ["AUTH SSL"]);
    }
}

#[test]
fn b4_stripping_auth_is_told_before_user_and_only_where_allowed() {
    let mut config = Config::default();
    config.security = Security::required().or_clear(ClearText::Everybody);
    let mut rig = Rig::new(config);
    rig.login();
    rig.reply("220 hi\r\n")
        .reply("500 no\r\n")
        .reply("500 no\r\n");
    let note = rig
        .log()
        .iter()
        .position(|seen| *seen == Seen::Note(Note::GoingOnInClear))
        .unwrap();
    let user = rig
        .log()
        .iter()
        .position(|seen| *seen == Seen::Sent("USER alice".into()))
        .unwrap();
    assert!(note < user);
}

#[test]
fn b5_only_234_starts_tls() {
    for code in (200..400).filter(|code| *code != 234) {
        let mut rig = Rig::new(Config::default());
        let login = rig.login();
        rig.reply("220 hi\r\n").reply(&format!("{code} go\r\n"));
        assert_eq!(rig.failed(login), FailureKind::UnexpectedReply, "{code}");
        assert!(!rig.did(Act::SecureControl));
    }
    let mut config = Config::default();
    config.security = Security::required().accept_334();
    let mut rig = Rig::new(config);
    rig.login();
    rig.reply("220 hi\r\n").reply("334 go\r\n");
    assert!(rig.did(Act::SecureControl), "where the caller says so");
}

#[test]
fn b6_ic_5_what_was_said_in_clear_text_decides_nothing_under_tls() {
    // The same session under TLS after different words before it.
    let mut stories = Vec::new();
    for (greeting, refused_first) in [
        ("220 hi", false),
        ("220-FEAT UTF8 MLST\r\n220 end", false),
        ("120 wait\r\n220 hi", false),
        ("220 hi", true),
    ] {
        let mut config = Config::default();
        config.security = Security::required()
            .methods(&[AuthMethod::Tls, AuthMethod::TlsC])
            .unwrap();
        let mut rig = Rig::new(config);
        rig.login();
        rig.retrieve("f");
        rig.reply(&format!("{greeting}\r\n"));
        if refused_first {
            rig.reply("534 no\r\n");
        }
        rig.reply("234 go\r\n").forget();
        rig.secure_ok();
        assert!(rig.client().session().features.is_empty());
        rig.auto_data = true;
        rig.reply(
            "331 p\r\n230 in\r\n200 0\r\n200 P\r\n200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n",
        );
        stories.push((rig.sent(), rig.log().to_vec()));
    }
    assert!(stories.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn b6_features_of_one_epoch_are_not_known_in_the_next() {
    let mut config = Config::default();
    config.security = Security::required().allow_ccc();
    let mut rig = Rig::secure(config);
    rig.auto_control = true;
    rig.ask(|c, now| c.features(now));
    rig.reply("211-x\r\n SIZE\r\n211 end\r\n");
    assert!(!rig.client().session().features.is_empty());
    rig.ask(|c, now| c.clear_command_channel(now));
    rig.reply("200 ok\r\n");
    assert!(rig.client().session().features.is_empty());
}

#[test]
fn b9_ic_6_after_ccc_nothing_secret_is_said_and_nothing_follows_its_reply() {
    let mut config = Config::default();
    config.security = Security::required().allow_ccc();
    let mut rig = Rig::secure(config);
    rig.auto_control = true;
    rig.auto_data = true;
    let clear = rig.ask(|c, now| c.clear_command_channel(now));
    rig.reply("200 ok\r\n");
    rig.done(clear);
    assert!(rig.client().session().protection.frozen);
    assert!(
        rig.try_ask(|c, now| c.login(now, b"x", Secret::new(b"y"), None))
            .is_err()
    );
    assert!(
        rig.try_ask(|c, now| c.account(now, &Secret::new(b"y")))
            .is_err()
    );
    assert!(rig.try_ask(|c, now| c.clear_command_channel(now)).is_err());
    rig.sent();
    rig.retrieve("f");
    let sent = rig.sent();
    assert!(
        !sent
            .iter()
            .any(|line| ["USER", "PASS", "ACCT", "AUTH", "PBSZ", "PROT"]
                .contains(&line.split(' ').next().unwrap())),
        "{sent:?}"
    );
    // Only 2yz clears.
    for code in [300, 334, 350, 421, 500, 534] {
        let mut config = Config::default();
        config.security = Security::required().allow_ccc();
        let mut rig = Rig::secure(config);
        rig.ask(|c, now| c.clear_command_channel(now));
        rig.reply(&format!("{code} x\r\n"));
        assert!(!rig.did(Act::ClearControl), "{code}");
    }
}

#[test]
fn b11_ic_3_a_failed_handshake_is_followed_by_nothing() {
    for fault in [
        TlsFault::NotTls,
        TlsFault::UnknownIssuer,
        TlsFault::WrongName,
        TlsFault::Expired,
        TlsFault::Alert(48),
    ] {
        for security in [
            Security::required(),
            Security::required().or_clear(ClearText::Everybody),
            Security::implicit().or_clear(ClearText::Everybody),
        ] {
            let mut config = Config::default();
            config.security = security;
            let mut rig = Rig::new(config);
            let login = rig.login();
            if !security.is_implicit() {
                rig.reply("220 hi\r\n").reply("234 go\r\n");
            }
            rig.sent();
            rig.secure_failed(fault);
            assert_eq!(rig.failed(login), FailureKind::ControlTls(fault));
            assert!(rig.sent().is_empty() && rig.is_closed());
        }
    }
}

// ---- who the data connection goes to

/// Where a download in PASV would connect, for this reply; `None` if nowhere.
fn target(config: Config, reply: &str) -> Option<DataTarget> {
    let mut config = config;
    config.data_modes = DataModes::new(&[DataMode::Pasv]).unwrap();
    let mut rig = Rig::clear(config);
    rig.checks_silence = false;
    rig.checks_splits = false;
    rig.store("f");
    rig.reply("200 I\r\n").reply(reply);
    rig.acts().into_iter().find_map(|act| match act {
        Act::Connect(target) => Some(target),
        _ => None,
    })
}

#[test]
fn c1_ic_8_the_passive_address_is_never_taken_from_the_reply() {
    let mut seed = 7_u64;
    for _ in 0..3000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [a, b, c, d, high, low, ..] = seed.to_be_bytes();
        let reply = format!("227 Entering ({a},{b},{c},{d},{high},{low})\r\n");
        let port = u16::from_be_bytes([high, low]);
        match target(Config::default(), &reply) {
            Some(target) => assert_eq!(target, DataTarget::Peer { port }),
            None => assert!(port < 1024 && port != 20 && port != 989, "{reply}"),
        }
    }
    let mut config = Config::default();
    config.passive_address = PassiveAddress::Trusted;
    assert_eq!(
        target(config.clone(), "227 (10,0,0,9,8,73)\r\n"),
        Some(DataTarget::Address("10.0.0.9:2121".parse().unwrap()))
    );
    assert_eq!(
        target(config, "227 (192,0,2,1,8,73)\r\n"),
        Some(DataTarget::Peer { port: 2121 })
    );
}

#[test]
fn c1_an_address_in_a_229_goes_nowhere_either() {
    let mut rig = Rig::clear(Config::default());
    rig.store("f");
    rig.reply("200 I\r\n")
        .reply("229 ok (|1|10.0.0.9|2121|)\r\n");
    assert!(rig.did(Act::Connect(DataTarget::Peer { port: 2121 })));
}

#[test]
fn c2_ic_9_port_names_only_what_the_driver_listens_on() {
    for (mode, line) in [
        (DataMode::Port, "PORT 203,0,113,5,195,80"),
        (DataMode::Eprt, "EPRT |1|203.0.113.5|50000|"),
    ] {
        let mut config = Config::default();
        config.data_modes = DataModes::new(&[mode]).unwrap();
        let mut rig = Rig::clear(config);
        // Whatever the server has said about addresses before.
        let status = rig.ask(|c, now| c.status(now, None));
        rig.reply("211-(10,0,0,9,0,25)\r\n211 |1|10.0.0.9|25|\r\n");
        rig.done(status);
        rig.sent();
        rig.store("f");
        rig.listening("203.0.113.5:50000").reply("200 I\r\n");
        assert!(rig.sent().contains(&line.to_owned()));
    }
}

#[test]
fn c3_bad_numbers_are_refused_and_never_wrap() {
    for (reply, good) in [
        ("227 (192,0,2,1,8,73)", true),
        ("227 (256,0,2,1,8,73)", false),
        ("227 (192,0,2,1,8,256)", false),
        ("227 (192,0,2,1,65544,73)", false),
        ("227 (192,0,2,1,18446744073709551624,73)", false),
        ("227 (192,0,2,1,0,0)", false),
        ("227 (192,0,2,1,-8,73)", false),
        ("227 (192,0,2,1,8)", false),
        ("227 ()", false),
        ("227", false),
    ] {
        assert_eq!(
            target(Config::default(), &format!("{reply}\r\n")).is_some(),
            good,
            "{reply}"
        );
    }
    for (reply, good) in [
        ("229 (|||2121|)", true),
        ("229 (|||65535|)", true),
        ("229 (|||65536|)", false),
        ("229 (|||0|)", false),
        ("229 (|||-1|)", false),
        ("229 (|||67657|)", false),
        ("229 (|||18446744073709553737|)", false),
        ("229 (||||)", false),
        ("229 (:::x:)", false),
    ] {
        let mut rig = Rig::clear(Config::default());
        rig.store("f");
        rig.reply("200 I\r\n").reply(&format!("{reply}\r\n"));
        assert_eq!(
            rig.acts().iter().any(|act| matches!(act, Act::Connect(_))),
            good,
            "{reply}"
        );
    }
}

#[test]
fn c4_ic_8_low_ports_are_not_connected_to() {
    for port in (0..1100_u16).chain([65535]) {
        let [high, low] = port.to_be_bytes();
        let reached = target(
            Config::default(),
            &format!("227 (192,0,2,1,{high},{low})\r\n"),
        );
        let allowed = port >= 1024 || port == 20 || port == 989;
        assert_eq!(reached.is_some(), allowed, "{port}");
    }
    let mut config = Config::default();
    config.limits.lowest_data_port = 1;
    assert!(
        target(config, "227 (192,0,2,1,0,25)\r\n").is_some(),
        "the caller may say otherwise"
    );
}

#[test]
fn c9_ic_10_only_the_server_is_let_in_once_and_payload_waits_for_its_word() {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Eprt]).unwrap();
    let mut rig = Rig::clear(config);
    let file = rig.retrieve("f");
    rig.listening("203.0.113.5:50000")
        .reply("200 I\r\n")
        .reply("213 3\r\n")
        .reply("200 ok\r\n");
    for stranger in [
        "192.0.2.2",
        "203.0.113.5",
        "127.0.0.1",
        "::1",
        "::ffff:192.0.2.2",
    ] {
        rig.accepted(stranger);
        let address: IpAddr = stranger.parse().unwrap();
        assert!(rig.notes().contains(&Note::StrangerRefused(address)));
        assert!(rig.desk().accept.is_some(), "the listener goes on");
        assert!(rig.desk().flow.is_none());
    }
    rig.accepted(PEER);
    assert!(rig.desk().accept.is_none(), "nobody else is let in");
    assert!(rig.desk().flow.is_none(), "the server has said nothing yet");
    rig.reply("150 ok\r\n");
    assert!(rig.desk().flow.is_some());
    rig.flow_finished(3, DataEnd::Fin).reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn c13_fallback_to_pasv_happens_once_and_never_on_ipv6() {
    let mut rig = Rig::clear(Config::default());
    let file = rig.store("f");
    rig.reply("200 I\r\n")
        .reply("500 no EPSV\r\n")
        .reply("500 no PASV\r\n");
    assert_eq!(rig.failed(file), FailureKind::Refused);
    assert_eq!(rig.sent(), ["TYPE I", "EPSV", "PASV"]);

    let mut rig = Rig::clear_to(Config::default(), "2001:db8::1");
    let file = rig.store("f");
    rig.reply("200 I\r\n").reply("500 no EPSV\r\n");
    assert_eq!(rig.failed(file), FailureKind::Refused);
    assert_eq!(rig.sent(), ["TYPE I", "EPSV"]);
}

// ---- protection of data

#[test]
fn d7_ic_11_data_is_as_protected_as_prot_was_acknowledged_last() {
    // Whatever else fails or succeeds around it, no clear-text flow under a policy that wants TLS.
    for prot in ["200 private", "431 later", "500 what", "534 no", "536 no"] {
        for batching in [Batching::Independent, Batching::LockStep] {
            let mut config = Config::default();
            config.batching = batching;
            let mut rig = Rig::new(config);
            rig.auto_data = true;
            rig.checks_silence = false;
            rig.login();
            rig.retrieve("f");
            rig.reply("220 hi\r\n").reply("234 go\r\n").secure_ok();
            for reply in [
                "331 p",
                "230 in",
                "200 0",
                prot,
                "200 I",
                "213 3",
                "229 (|||2121|)",
                "150 ok",
            ] {
                if rig.is_closed() {
                    break;
                }
                if batching == Batching::LockStep && reply == "213 3" {
                    continue;
                }
                rig.reply(&format!("{reply}\r\n"));
            }
            let flows = rig.acts().into_iter().filter_map(|act| match act {
                Act::Flow { protected, .. } => Some(protected),
                _ => None,
            });
            let flows: Vec<bool> = flows.collect();
            assert_eq!(
                flows,
                if prot.starts_with('2') {
                    vec![true]
                } else {
                    vec![]
                },
                "{prot}"
            );
        }
    }
}

// ---- truth about transfers

/// A download in flow, under TLS or in clear text, of a known size or not.
fn flowing(secure: bool, size: Option<u64>) -> (Rig, Ticket<Transferred>) {
    let mut rig = if secure {
        Rig::secure(Config::default())
    } else {
        Rig::clear(Config::default())
    };
    rig.auto_data = true;
    let how = TransferOptions {
        size,
        ..TransferOptions::default()
    };
    let file = rig.ask(|c, now| c.retrieve(now, b"f", how));
    rig.reply("200 I\r\n");
    if size.is_none() {
        rig.reply("550 no\r\n");
    }
    rig.reply("229 (|||2121|)\r\n").reply("150 ok\r\n");
    (rig, file)
}

#[test]
fn e1_ic_14_a_cut_at_any_byte_is_not_success() {
    for cut in 0..20 {
        for (size, end) in [
            (Some(20), DataEnd::Fin),
            (None, DataEnd::Fin),
            (Some(20), DataEnd::CloseNotify),
            (None, DataEnd::Failed(Fault::Reset)),
        ] {
            for reply_first in [true, false] {
                let (mut rig, file) = flowing(true, size);
                rig.checks_silence = false;
                if reply_first {
                    rig.reply("226 sent\r\n").flow_finished(cut, end);
                } else {
                    rig.flow_finished(cut, end).reply("226 sent\r\n");
                }
                assert!(
                    matches!(rig.failed(file), FailureKind::Truncated { bytes, .. } if bytes == cut),
                    "{cut} {size:?} {end:?}"
                );
            }
        }
    }
}

#[test]
fn e2_ic_13_in_clear_text_a_reset_or_a_short_count_is_not_success() {
    for (size, bytes, end, whole) in [
        (Some(20), 20, DataEnd::Fin, true),
        (None, 20, DataEnd::Fin, true),
        (Some(20), 19, DataEnd::Fin, false),
        (Some(20), 21, DataEnd::Fin, false),
        (Some(20), 20, DataEnd::Failed(Fault::Reset), false),
        (None, 20, DataEnd::Failed(Fault::Reset), false),
    ] {
        let (mut rig, file) = flowing(false, size);
        rig.flow_finished(bytes, end).reply("226 sent\r\n");
        assert_eq!(
            rig.result(file).unwrap().is_ok(),
            whole,
            "{size:?} {bytes} {end:?}"
        );
    }
}

#[test]
fn e5_ic_16_the_result_does_not_depend_on_how_control_and_data_interleave() {
    // What happens on each of the two connections, in its order; all ways to mix them.
    let control = ["229 (|||2121|)\r\n", "150 ok\r\n", "226 sent\r\n"];
    let mut results = Vec::new();
    let mut orders = 0;
    for mix in 0..64_u32 {
        // Bits: who goes next; data has three steps too.
        if mix.count_ones() != 3 {
            continue;
        }
        let mut rig = Rig::secure(Config::default());
        let file = rig.ask(|c, now| {
            c.retrieve(
                now,
                b"f",
                TransferOptions {
                    size: Some(3),
                    ..TransferOptions::default()
                },
            )
        });
        rig.reply("200 I\r\n");
        let (mut said, mut done, mut possible) = (0, 0, true);
        for step in 0..6 {
            if mix >> step & 1 == 0 {
                rig.reply(control[said]);
                said += 1;
                continue;
            }
            let ready = match done {
                0 => rig.desk().connect.is_some(),
                1 => rig.desk().secure_data.is_some(),
                _ => rig.desk().flow.is_some(),
            };
            if !ready {
                possible = false;
                break;
            }
            match done {
                0 => rig.data_connected(),
                1 => rig.data_secured(),
                _ => rig.flow_finished(3, DataEnd::CloseNotify),
            };
            done += 1;
        }
        if possible {
            orders += 1;
            results.push(rig.done(file));
        }
    }
    assert!(orders >= 5, "{orders}");
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn e9_a_refusal_waits_for_no_data_connection() {
    for code in [425, 426, 450, 451, 500, 550] {
        let mut rig = Rig::secure(Config::default());
        let file = rig.ask(|c, now| c.list(now, Some(b"d")));
        rig.reply("229 (|||2121|)\r\n");
        let mut config_left = true;
        rig.reply(&format!("{code} no\r\n"));
        if code == 425 {
            // The next way to connect is tried first.
            config_left = rig.result(file).is_some();
            assert!(!config_left);
            continue;
        }
        assert!(config_left && rig.result(file).unwrap().is_err());
        assert!(rig.desk().is_empty());
    }
}

#[test]
fn e10_sizes_are_hints_without_overflow() {
    for (reply, expected) in [
        ("213 18446744073709551615", Some(u64::MAX)),
        ("213 18446744073709551616", None),
        ("213 -5", None),
        ("213 999999999999999999999999", None),
        ("213 ", None),
        ("250 5", None),
        ("550 no", None),
    ] {
        let mut rig = Rig::secure(Config::default());
        rig.auto_data = true;
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n")
            .reply(&format!("{reply}\r\n"))
            .reply("229 (|||2121|)\r\n");
        rig.reply("150 opening (99999999999999999999999 bytes)\r\n");
        rig.flow_finished(5, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        match expected {
            Some(size) => assert_eq!(
                rig.failed(file),
                FailureKind::Truncated {
                    bytes: 5,
                    expected: Some(size)
                }
            ),
            None => assert_eq!(rig.done(file).bytes, 5, "{reply}"),
        }
    }
    // Offsets beyond the end do not wrap.
    for told in [false, true] {
        let mut rig = Rig::secure(Config::default());
        rig.auto_data = true;
        let how = TransferOptions {
            offset: u64::MAX,
            size: told.then_some(5),
            ..TransferOptions::default()
        };
        let file = rig.try_ask(|c, now| c.retrieve(now, b"f", how));
        if told {
            assert!(matches!(file, Err(ftp_proto::Refusal::Argument(_))));
            continue;
        }
        rig.reply("200 I\r\n213 5\r\n229 (|||2121|)\r\n");
        assert!(!rig.sent().iter().any(|line| line.contains("RETR")));
        assert!(matches!(
            rig.failed(file.unwrap()),
            FailureKind::Longer {
                bytes: u64::MAX,
                expected: 5
            }
        ));
    }
}

// ---- bounds

#[test]
fn f1_replies_are_bounded_in_every_measure() {
    let mut config = Config::default();
    config.limits.reply_line = 100;
    config.limits.reply_bytes = 1000;
    config.limits.reply_lines = 20;
    for (bytes, fine) in [
        (format!("220 {}\r\n", "x".repeat(96)), true),
        (format!("220 {}\r\n", "x".repeat(97)), false),
        (format!("220-a\r\n{}220 b\r\n", " x\r\n".repeat(18)), true),
        (format!("220-a\r\n{}220 b\r\n", " x\r\n".repeat(19)), false),
        (
            format!(
                "220-a\r\n{}220 b\r\n",
                format!(" {}\r\n", "x".repeat(90)).repeat(10)
            ),
            true,
        ),
        (
            format!(
                "220-a\r\n{}220 b\r\n",
                format!(" {}\r\n", "x".repeat(90)).repeat(11)
            ),
            false,
        ),
        ("x".repeat(1000), false),
        ("\r\n".repeat(1000), false),
    ] {
        let mut rig = Rig::new(config.clone());
        let login = rig.login();
        rig.bytes(bytes.as_bytes());
        if fine {
            assert_eq!(rig.sent(), ["AUTH TLS"]);
        } else {
            assert!(
                matches!(rig.failed(login), FailureKind::Protocol(_)),
                "{bytes:?}"
            );
        }
    }
}

#[test]
fn f2_ix_2_an_endless_greeting_ends_and_costs_no_more_per_byte_the_longer_it_gets() {
    let mut config = Config::default();
    config.limits.reply_bytes = 20_000;
    let mut rig = Rig::new(config);
    let login = rig.login();
    rig.checks_splits = false;
    rig.checks_silence = false;
    let line = format!("220-{}\r\n", "x".repeat(100));
    let mut fed = 0;
    while !rig.is_closed() {
        rig.bytes(line.as_bytes());
        fed += line.len();
        assert!(fed < 30_000, "no end");
    }
    assert!(matches!(
        rig.failed(login),
        FailureKind::Protocol(Malformed::ReplyTooLong { .. } | Malformed::ReplyTooManyLines { .. })
    ));
    // Dripping it does not help: the time for a greeting is the time for a greeting.
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    let start = rig.now();
    while !rig.is_closed() {
        rig.pass(Duration::from_secs(1));
        if !rig.is_closed() {
            rig.bytes(b"220-x\r\n");
        }
        assert!(rig.now().since(start) < Duration::from_secs(100));
    }
    assert!(matches!(rig.failed(login), FailureKind::TimedOut(_)));
}

#[test]
fn f9_preliminary_replies_and_blank_lines_do_not_hold_a_client() {
    let (mut rig, file) = flowing(true, Some(20));
    for _ in 0..20 {
        if !rig.is_closed() {
            rig.reply("150 still opening\r\n");
        }
    }
    assert!(rig.is_closed());
    assert!(matches!(rig.failed(file), FailureKind::UnexpectedReply));

    let mut rig = Rig::clear(Config::default());
    let noop = rig.ask(|c, now| c.noop(now));
    for _ in 0..70 {
        rig.pass(Duration::from_secs(1));
        if !rig.is_closed() {
            rig.bytes(b"\r\n");
        }
    }
    assert!(matches!(rig.failed(noop), FailureKind::TimedOut(_)));
}

#[test]
fn f10_a_clock_that_steps_changes_nothing_but_deadlines() {
    let mut rig = Rig::clear(Config::default());
    let noop = rig.ask(|c, now| c.noop(now));
    rig.set_clock(Instant::ZERO);
    rig.handle(Input::Timeout);
    assert!(!rig.is_closed());
    rig.reply("200 ok\r\n");
    rig.done(noop);
    rig.set_clock(Instant::from_millis(u64::MAX));
    let noop = rig.ask(|c, now| c.noop(now));
    rig.checks_silence = false;
    rig.reply("200 ok\r\n");
    rig.done(noop);
}

// ---- secrets and directions

#[test]
fn h3_ic_20_the_password_shows_nowhere() {
    // The bench looks at every event and at the machine itself after every step; here, at the ends of failing sessions.
    for reply in [
        "331 p\r\n530 c4n4ry is wrong\r\n",
        "331 p\r\n633 x\r\n",
        "421 bye\r\n",
        "332 acct\r\n",
    ] {
        let mut rig = Rig::new(in_clear());
        let login = rig.login();
        rig.reply("220 hi\r\n").reply(reply);
        let sent: Vec<&Seen> = rig
            .log()
            .iter()
            .filter(|seen| matches!(seen, Seen::Sent(line) if line.starts_with("PASS")))
            .collect();
        assert_eq!(sent, [&Seen::Sent("PASS ****".into())]);
        let failure = rig.failure(login);
        assert!(!format!("{failure:?} {failure}").contains(CANARY));
        assert!(!format!("{:?}", rig.client()).contains(CANARY));
    }
    let mut rig = Rig::clear(Config::default());
    rig.ask(|c, now| c.account(now, &Secret::new(CANARY.as_bytes())));
    assert!(rig.log().contains(&Seen::Sent("ACCT ****".into())));
}

#[test]
fn h6_ic_21_the_password_leaves_once_per_connection() {
    for config in [Config::default(), in_clear()] {
        let mut rig = Rig::new(config.clone());
        rig.login();
        rig.reply("220 hi\r\n");
        if config == Config::default() {
            rig.reply("234 go\r\n").secure_ok();
        }
        let mut passes = 0;
        for reply in ["331 p\r\n", "430 try again\r\n", "331 p\r\n", "331 p\r\n"] {
            passes += rig
                .sent()
                .iter()
                .filter(|line| line.starts_with("PASS"))
                .count();
            if !rig.is_closed() {
                rig.bytes(reply.as_bytes());
            }
        }
        passes += rig
            .sent()
            .iter()
            .filter(|line| line.starts_with("PASS"))
            .count();
        assert_eq!(passes, 1);
        assert!(
            rig.try_ask(|c, now| c.login(now, b"alice", Secret::new(b"x"), None))
                .is_err()
        );
    }
}

#[test]
fn h6_an_account_is_a_secret_in_clear_text_too() {
    // Where clear text is for anonymous only, nobody's account leaves in clear text.
    let mut config = Config::default();
    config.security = Security::clear(ClearText::Anonymous);
    let mut rig = Rig::new(config);
    rig.reply("220 hi\r\n");
    let account = rig.ask(|c, now| c.account(now, &Secret::new(b"dept")));
    assert_eq!(rig.failed(account), FailureKind::ClearLoginForbidden);
    assert!(rig.sent().is_empty());
}

#[test]
fn h9_ic_22_no_reply_turns_a_transfer_around() {
    for reply in [
        "125 x",
        "150 FILE: sending to you",
        "150 STOR",
        "226 x",
        "250 x",
    ] {
        for download in [true, false] {
            let mut rig = Rig::secure(Config::default());
            rig.auto_data = true;
            if download {
                rig.retrieve("f");
                rig.reply("200 I\r\n")
                    .reply("213 3\r\n")
                    .reply("229 (|||2121|)\r\n");
            } else {
                rig.store("f");
                rig.reply("200 I\r\n").reply("229 (|||2121|)\r\n");
            }
            rig.reply(&format!("{reply}\r\n"));
            let wanted = if download {
                Direction::Receive
            } else {
                Direction::Send
            };
            assert!(
                rig.desk()
                    .flow
                    .as_ref()
                    .is_some_and(|order| order.direction() == wanted)
            );
        }
    }
}

#[test]
fn ic_23_nothing_is_said_before_the_greeting() {
    for security in [
        Security::required(),
        Security::clear(ClearText::Everybody),
        Security::implicit(),
    ] {
        let mut config = Config::default();
        config.security = security;
        let mut rig = Rig::new(config);
        rig.login();
        rig.retrieve("f");
        rig.ask(|c, now| c.noop(now));
        rig.ask(|c, now| c.quit(now));
        if security.is_implicit() {
            rig.secure_ok();
        }
        rig.bytes(b"220-not");
        rig.bytes(b" yet\r\n 220 \r\n");
        assert!(rig.sent().is_empty());
    }
}

#[test]
fn ic_31_pasv_and_port_are_never_sent_on_ipv6() {
    for modes in [
        &[DataMode::Pasv, DataMode::Port, DataMode::Epsv][..],
        &[DataMode::Port, DataMode::Eprt],
        &[DataMode::Epsv, DataMode::Pasv],
    ] {
        let mut config = Config::default();
        config.data_modes = DataModes::new(modes).unwrap();
        let mut rig = Rig::clear_to(config, "2001:db8::1");
        rig.store("f");
        if rig.desk().listen.is_some() {
            rig.listening("[2001:db8::5]:50000");
        }
        rig.reply("200 I\r\n").reply("500 no\r\n");
        let sent = rig.sent();
        assert!(
            !sent
                .iter()
                .any(|line| line.starts_with("PASV") || line.starts_with("PORT")),
            "{sent:?}"
        );
    }
}

#[test]
fn ix_7_the_same_inputs_give_the_same_outputs() {
    let run = || {
        let (mut rig, _) = flowing(true, Some(20));
        rig.reply("226 x\r\n")
            .flow_finished(20, DataEnd::CloseNotify);
        (rig.log().to_vec(), format!("{:?}", rig.client()))
    };
    assert_eq!(run(), run());
}
