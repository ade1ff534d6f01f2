//! What a client owes a server by the standards, where no other suite shows it. Each test cites its section.

use ftp_proto::client::{DataMode, DataModes, TransferOptions};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::date::Timestamp;
use ftp_proto::wire::reply::Code;
use ftp_proto::{Config, DataEnd, FailureKind, Secret};
use ftp_proto_tests::rig::{Rig, Seen, in_clear};

/// A reply of three lines, one of which looks like others' replies.
fn in_lines(code: u16, text: &str) -> String {
    format!("{code}-first\r\n 226 not the end\r\n{code}-nor this\r\n{code} {text}\r\n")
}

/// The usual answer to a command, as code and text.
fn usual(verb: &str) -> (u16, &'static str) {
    match verb {
        "USER" => (331, "password"),
        "PASS" => (230, "in"),
        "SIZE" => (213, "3"),
        "EPSV" => (229, "ok (|||2121|)"),
        "PASV" => (227, "ok (192,0,2,1,8,73)"),
        "RNFR" | "REST" => (350, "go on"),
        "PWD" => (257, "\"/\""),
        "MDTM" => (213, "20240229120000"),
        "RETR" | "STOR" | "APPE" | "STOU" | "LIST" | "NLST" | "MLSD" => (150, "here"),
        "QUIT" => (221, "bye"),
        _ => (200, "ok"),
    }
}

/// Answers until nothing more is asked, and moves three bytes wherever data flows. Gives back what was asked.
fn serve(rig: &mut Rig, written: impl Fn(u16, &str) -> String) -> Vec<String> {
    let mut asked = Vec::new();
    let mut done = 0;
    loop {
        asked.extend(rig.sent());
        let Some(line) = asked.get(done).cloned() else {
            return asked;
        };
        done += 1;
        let (code, text) = usual(line.split(' ').next().unwrap());
        // What is read as one exact line has one (RFC 3659 section 3.1).
        let exact = code == 213;
        rig.reply(&if exact {
            format!("{code} {text}\r\n")
        } else {
            written(code, text)
        });
        if rig.desk().flow.is_some() {
            let end = if rig.client().session().protection.is_secure() {
                DataEnd::CloseNotify
            } else {
                DataEnd::Fin
            };
            rig.flow_finished(3, end);
            rig.reply(&written(226, "done"));
        }
    }
}

fn one_line(code: u16, text: &str) -> String {
    format!("{code} {text}\r\n")
}

/// RFC 1123 section 4.1.2.12: no option is negotiated and no Telnet command sent; what is 255 in the output is data, doubled.
#[test]
fn no_telnet_command_is_ever_sent() {
    let mut rig = Rig::clear(in_clear());
    rig.auto_data = true;
    rig.bytes(&[0xff, 0xfb, 1, 0xff, 0xfd, 3]);
    let _name = rig.ask(|c, now| c.delete(now, b"a\xffb"));
    assert_eq!(rig.sent(), ["DELE a\u{fffd}\u{fffd}b"]);
    rig.reply("250 ok\r\n");
    let _file = rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 here\r\n");
    rig.sent();
    let _abort = rig.ask(|c, now| c.abort(now));
    rig.reply("426 cut\r\n226 ok\r\n");
    for line in rig.sent() {
        assert!(line.is_ascii(), "{line}");
    }
}

/// RFC 959 section 5.3, RFC 2640 section 3.1, RFC 3659 section 2.2: verbs in upper case, one space behind them, and every space of a path
/// stays as it is.
#[test]
fn one_space_and_then_the_path_with_all_its_own() {
    let mut rig = Rig::clear(in_clear());
    for (path, line) in [
        (&b"a"[..], "CWD a"),
        (b" a", "CWD  a"),
        (b"a ", "CWD a "),
        (b"  ", "CWD   "),
        (b"a  b", "CWD a  b"),
    ] {
        let _there = rig.ask(|c, now| c.change_directory(now, path));
        assert_eq!(rig.sent(), [line]);
        rig.reply("250 ok\r\n");
    }
    let _raw = rig.ask(|c, now| c.delete(now, b"f"));
    let line = rig.sent().remove(0);
    assert_eq!(line, "DELE f");
}

/// RFC 1123 section 4.1.2.11, RFC 2389 section 2.2: every reply may have several lines, the greeting and the one to QUIT too.
#[test]
fn every_reply_may_have_several_lines() {
    let mut rig = Rig::new(in_clear());
    rig.auto_data = true;
    let login = rig.login();
    let download = rig.retrieve("f");
    let upload = rig.store("g");
    let listing = rig.ask(|c, now| c.list(now, None));
    let renamed = rig.ask(|c, now| c.rename(now, b"a", b"b"));
    let place = rig.ask(|c, now| c.working_directory(now));
    let bye = rig.ask(|c, now| c.quit(now));
    rig.reply(&in_lines(220, "ready"));
    serve(&mut rig, in_lines);
    rig.done(login);
    assert_eq!(rig.done(download).bytes, 3);
    assert_eq!(rig.done(upload).bytes, 3);
    assert_eq!(rig.done(listing).bytes, 3);
    rig.done(renamed);
    rig.done(bye);
    // A path name is looked for in the text as a whole.
    assert!(rig.result(place).is_some());
}

/// RFC 1123 section 4.1.2.11, RFC 959 section 5.4: every listed code of a verb, and codes nobody listed, go by their first digit.
#[test]
fn codes_go_by_their_first_digit_listed_or_not() {
    let commands: [(Verb, &[u8]); 8] = [
        (Verb::Cwd, b"CWD d"),
        (Verb::Dele, b"DELE f"),
        (Verb::Mkd, b"MKD d"),
        (Verb::Rmd, b"RMD d"),
        (Verb::Syst, b"SYST"),
        (Verb::Stat, b"STAT"),
        (Verb::Help, b"HELP"),
        (Verb::Noop, b"NOOP"),
    ];
    for (verb, line) in commands {
        let unlisted = [299, 499, 599].map(|code| Code::new(code).unwrap());
        let listed = [verb.positive(), verb.negative()].concat();
        for code in listed.into_iter().chain(unlisted) {
            if code.value() == 421 {
                continue;
            }
            for form in [one_line, in_lines] {
                let mut rig = Rig::clear(in_clear());
                let asked = rig.ask(|c, now| c.command(now, line));
                rig.reply(&form(code.value(), "so be it"));
                match code.value() / 100 {
                    2 => assert_eq!(rig.done(asked).code, code, "{verb}"),
                    _ => assert_eq!(rig.failed(asked), FailureKind::Refused, "{verb} {code}"),
                }
                assert!(!rig.is_closed(), "{verb} {code}");
            }
        }
    }
}

/// RFC 959 section 4.2.1: 503 and 530 are failures of a command, and the session goes on.
#[test]
fn a_bad_sequence_or_a_missing_login_is_a_failure_of_the_command_alone() {
    for code in [503, 530] {
        let mut rig = Rig::clear(in_clear());
        let refused = rig.ask(|c, now| c.delete(now, b"f"));
        rig.reply(&one_line(code, "not now"));
        assert_eq!(rig.failed(refused), FailureKind::Refused);
        let next = rig.ask(|c, now| c.noop(now));
        rig.reply("200 ok\r\n");
        rig.done(next);
    }
}

/// RFC 959 section 4.1.1: an account may be needed by a later command. 532 refuses that command; ACCT goes, and the command again.
#[test]
fn an_account_may_be_needed_by_a_later_command() {
    let mut rig = Rig::clear(in_clear());
    let refused = rig.ask(|c, now| c.make_directory(now, b"d"));
    rig.reply("532 need an account\r\n");
    assert_eq!(rig.failure(refused).code, Code::new(532));
    let account = rig.ask(|c, now| c.account(now, &Secret::new(b"books")));
    assert_eq!(rig.sent().last().unwrap(), "ACCT books");
    rig.reply("230 ok\r\n");
    rig.done(account);
    let made = rig.ask(|c, now| c.make_directory(now, b"d"));
    rig.reply("257 \"d\" made\r\n");
    assert_eq!(rig.done(made).as_deref(), Some(&b"d"[..]));
}

/// RFC 959 section 5.4: after a preliminary reply nothing is said until the closing one.
#[test]
fn nothing_is_sent_behind_a_running_transfer() {
    let mut rig = Rig::clear(in_clear());
    rig.auto_data = true;
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 here\r\n");
    rig.sent();
    let later = rig.ask(|c, now| c.noop(now));
    let other = rig.ask(|c, now| c.delete(now, b"g"));
    assert!(rig.sent().is_empty());
    rig.flow_finished(3, DataEnd::Fin).reply("226 done\r\n");
    rig.done(file);
    rig.reply("200 ok\r\n");
    rig.reply("250 ok\r\n");
    rig.done(later);
    rig.done(other);
}

/// RFC 3659 section 4.2: that SIZE is refused says nothing about RETR. Section 4.1: the size asked for is the one of TYPE I.
#[test]
fn a_refused_size_keeps_nobody_from_the_file() {
    let mut rig = Rig::clear(in_clear());
    rig.auto_data = true;
    let size = rig.ask(|c, now| c.size(now, b"f"));
    assert_eq!(rig.sent(), ["TYPE I", "SIZE f"]);
    rig.reply("200 I\r\n550 too long to count\r\n");
    assert_eq!(rig.failed(size), FailureKind::Refused);
    let file = rig.retrieve("f");
    assert_eq!(rig.sent(), ["SIZE f", "EPSV", "RETR f"]);
    rig.reply("550 too long to count\r\n229 (|||2121|)\r\n150 here\r\n");
    rig.flow_finished(3, DataEnd::Fin).reply("226 done\r\n");
    assert_eq!(rig.done(file).bytes, 3);
}

/// Practice: LIST takes no options unless somebody asks for them; an argument is the path and nothing else.
#[test]
fn a_listing_is_asked_for_without_options() {
    let mut rig = Rig::clear(in_clear());
    rig.auto_data = true;
    let _all = rig.ask(|c, now| c.list(now, None));
    assert_eq!(rig.sent().last().unwrap(), "LIST");
    rig.reply("229 (|||2121|)\r\n150 ok\r\n")
        .flow_finished(0, DataEnd::Fin)
        .reply("226 ok\r\n");
    let _some = rig.ask(|c, now| c.list(now, Some(b"dir")));
    assert_eq!(rig.sent().last().unwrap(), "LIST dir");
}

/// RFC 7151 sections 3.2.2 and 3.3: HOST goes before USER if it is used, and a server that does not know it is no obstacle.
#[test]
fn host_goes_before_user_and_its_refusal_matters_to_nobody_else() {
    let mut rig = Rig::new(in_clear());
    let host = rig.ask(|c, now| c.command(now, b"HOST ftp.example.com"));
    let login = rig.login();
    rig.reply("220 ready\r\n");
    assert_eq!(rig.sent(), ["HOST ftp.example.com"]);
    rig.reply("502 no virtual hosts\r\n");
    assert_eq!(rig.failed(host), FailureKind::Refused);
    assert_eq!(rig.sent()[0], "USER alice");
    rig.reply("230 in\r\n");
    if !rig.sent().is_empty() {
        rig.reply("230 in\r\n");
    }
    rig.done(login);
}

/// RFC 4217 sections 10.2 and 11.4, RFC 2228 section 6: a server may find the protection wanting only at the transfer command, with one
/// of three codes. It is a refusal, nothing has moved, and the session goes on.
#[test]
fn a_protection_that_is_not_enough_is_told_at_the_transfer() {
    for code in [521, 522, 534] {
        let mut rig = Rig::secure(Config::default());
        rig.auto_data = true;
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n");
        rig.reply(&one_line(code, "not so"));
        assert_eq!(rig.failure(file).code, Code::new(code));
        assert!(!rig.is_closed());
        assert!(rig.desk().is_empty());
    }
}

/// RFC 4217 section 7: the client is the TLS client on every connection, whoever connected.
#[test]
fn the_client_is_the_tls_client_in_active_mode_too() {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Eprt]).unwrap();
    let mut rig = Rig::secure(config);
    let _file = rig.retrieve("f");
    rig.listening("198.51.100.7:50000");
    rig.reply("200 I\r\n213 3\r\n200 EPRT ok\r\n");
    rig.accepted("192.0.2.1");
    rig.reply("150 here\r\n");
    assert!(rig.desk().secure_data.is_some(), "{rig:?}");
}

/// RFC 1123 section 4.1.2.13, RFC 959 section 5.1: every command of the minimum implementation can be given. STRU F and MODE S are the
/// defaults of every server (RFC 959 sections 3.1.2 and 3.4) and never said.
#[test]
fn every_command_of_the_minimum_implementation_can_be_given() {
    let mut given: Vec<String> = Vec::new();
    let modes = [DataMode::Pasv, DataMode::Port];
    for mode in modes {
        let mut config = in_clear();
        config.data_modes = DataModes::new(&[mode]).unwrap();
        let mut rig = Rig::new(config);
        rig.auto_data = true;
        let _login = rig.ask(|c, now| {
            let account = Some(Secret::new(b"books"));
            c.login(now, b"ftp", Secret::new(b"me@"), account)
        });
        let how = TransferOptions::default();
        let ascii = TransferOptions { ascii: true, ..how };
        let _transfers = [
            rig.ask(|c, now| c.retrieve(now, b"f", how)),
            rig.ask(|c, now| c.store(now, b"f", ascii)),
            rig.ask(|c, now| c.append(now, b"f", how)),
            rig.ask(|c, now| c.list(now, None)),
            rig.ask(|c, now| c.names(now, None)),
        ];
        let _replied = [
            rig.ask(|c, now| c.rename(now, b"a", b"b")),
            rig.ask(|c, now| c.delete(now, b"f")),
            rig.ask(|c, now| c.change_directory(now, b"d")),
            rig.ask(|c, now| c.change_to_parent(now)),
            rig.ask(|c, now| c.remove_directory(now, b"d")),
        ];
        rig.reply("220 ready\r\n");
        let account = |code, text: &str| match (code, text) {
            (230, _) => "332 account\r\n".to_owned(),
            _ => one_line(code, text),
        };
        given.extend(serve(&mut rig, account));
        let _replied = [
            rig.ask(|c, now| c.system(now)),
            rig.ask(|c, now| c.status(now, None)),
            rig.ask(|c, now| c.help(now, b"")),
            rig.ask(|c, now| c.noop(now)),
        ];
        let _named = rig.ask(|c, now| c.make_directory(now, b"d"));
        let _named = rig.ask(|c, now| c.working_directory(now));
        let _bye = rig.ask(|c, now| c.quit(now));
        given.extend(serve(&mut rig, one_line));
    }
    let verbs: Vec<&str> = given
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    for verb in [
        "USER", "PASS", "ACCT", "PORT", "PASV", "TYPE", "RETR", "STOR", "APPE", "RNFR", "RNTO",
        "DELE", "CWD", "CDUP", "RMD", "MKD", "PWD", "LIST", "NLST", "SYST", "STAT", "HELP", "NOOP",
        "QUIT",
    ] {
        assert!(verbs.contains(&verb), "{verb} not in {verbs:?}");
    }
    assert!(given.iter().any(|line| line == "TYPE I") && given.iter().any(|line| line == "TYPE A"));
}

/// RFC 3659 section 2.3: times go and come in UTC, as they are.
#[test]
fn times_travel_as_they_are() {
    let mut rig = Rig::clear(in_clear());
    let time = Timestamp::parse(b"20240229235960.5").unwrap();
    let _set = rig.ask(|c, now| c.set_modified(now, b"a b", time));
    assert_eq!(rig.sent(), ["MFMT 20240229235960.5 a b"]);
    rig.reply("213 ok\r\n");
    let read = rig.ask(|c, now| c.modified(now, b"a b"));
    rig.reply("213 20240229235960.5\r\n");
    assert_eq!(rig.done(read), time);
}

/// RFC 959 section 4.2: an application may show any reply; what it says in words decides nothing.
#[test]
fn words_decide_nothing() {
    let run = |words: &str| {
        let mut rig = Rig::new(in_clear());
        rig.auto_data = true;
        let login = rig.login();
        let file = rig.retrieve("f");
        rig.reply(&one_line(220, words));
        let asked = serve(&mut rig, |code, text| match code {
            213 | 227 | 229 | 257 => one_line(code, text),
            _ => one_line(code, words),
        });
        let shown = rig
            .log()
            .iter()
            .any(|seen| matches!(seen, Seen::Received(_, 220, text) if text == words));
        assert!(shown);
        (asked, rig.result(login), rig.result(file))
    };
    let plain = run("ok");
    for words in [
        "",
        "530 not logged in",
        "error: failed",
        "quit",
        "  ",
        "\"/etc\"",
    ] {
        assert_eq!(run(words), plain, "{words:?}");
    }
}
