//! What attackers have done to servers, done to this one at every cut and in every form. `tests/scripts/catalogue.tsv` has each attack, and what
//! shows that it does no harm.

use ftp_proto::server::{Access, Input, Rights};
use ftp_proto::wire::command::Verb;
use ftp_proto_tests::bench_server::{Bench, Seen, in_clear};
use ftp_proto_tests::pair::Dice;
use ftp_proto_tests::rig::{Act, USER};
use ftp_proto_tests::tree::POWERLESS;

/// Whether bytes are whole replies, each with the code at its start and no line in between that looks like a reply.
fn well_formed(wire: &[u8]) -> bool {
    let text = String::from_utf8_lossy(wire);
    let mut inside: Option<String> = None;
    for line in text.split_terminator("\r\n") {
        let bytes = line.as_bytes();
        let coded = bytes.len() >= 4
            && bytes[..3].iter().all(u8::is_ascii_digit)
            && matches!(bytes[3], b' ' | b'-');
        match &inside {
            None if !coded => return false,
            None if bytes[3] == b'-' => inside = line.get(..3).map(str::to_owned),
            None => {}
            Some(code) if coded => {
                if !line.starts_with(&format!("{code} ")) {
                    return false;
                }
                inside = None;
            }
            Some(_) => {}
        }
    }
    inside.is_none() && wire.ends_with(b"\r\n")
}

const NASTY: &[&[u8]] = &[
    b"227 Entering Passive Mode (10,0,0,1,0,25)",
    b"\n226 done",
    b"\r226 done",
    b"226-\r\n226 x",
    b"230",
    b"\x1b[2J\x07",
    b"\xFF\xFF\xFF\xFB\x01",
    b"\xFF",
    b"%n%s%{}{0}",
    b"\"\"\" \"\"",
    b"\xC2\x85\xE2\x80\xAE",
    b"\x80\x81\xFE",
    b" ",
    b"-1",
    b"99999999999999999999999",
    b"..\\..\\..",
    b"a\tb",
    b"\x7F",
];

#[test]
fn is_12_no_argument_makes_a_line_of_a_reply() {
    for verb in Verb::ALL {
        for nasty in NASTY {
            for stage in 0..2 {
                let mut bench = if stage == 0 {
                    Bench::new(in_clear())
                } else {
                    Bench::clear()
                };
                bench.checks_silence = false;
                bench.checks_secrets = false;
                bench.forget();
                // Whatever comes behind a line end is a line of its own, and gets a reply of its own.
                bench.line(&[verb.as_str().as_bytes(), b" ", nasty].concat());
                assert!(
                    bench.wire().is_empty() || well_formed(bench.wire()),
                    "{verb} {nasty:?}: {:?}",
                    String::from_utf8_lossy(bench.wire())
                );
            }
        }
    }
    for nasty in NASTY {
        let mut bench = Bench::clear();
        bench.line(nasty);
        assert!(
            bench.wire().is_empty() || well_formed(bench.wire()),
            "{nasty:?}"
        );
    }
}

#[test]
fn is_12_before_the_login_nothing_is_echoed() {
    let canary = "zq7-echo-me";
    for verb in Verb::ALL {
        let mut bench = Bench::new(in_clear());
        bench.checks_silence = false;
        bench.line(format!("{verb} {canary}").as_bytes());
        bench.line(format!("{canary} x").as_bytes());
        let wire = String::from_utf8_lossy(bench.wire()).into_owned();
        assert!(!wire.contains(canary), "{verb}: {wire}");
    }
}

#[test]
fn is_12_names_in_a_status_listing_do_not_end_it() {
    let mut bench = Bench::clear();
    for name in [
        "213 End", "212-x", "211 End", "226 done", " 212 End", "212 End",
    ] {
        bench.tree.insert(&format!("/empty/{name}"), b"");
    }
    bench.forget();
    assert!(matches!(bench.cmd("STAT empty"), 211..=213));
    assert!(well_formed(bench.wire()));
    for line in [
        "MLST empty/213 End",
        "SIZE empty/213 End",
        "MKD empty/257 x\"",
        "CWD empty/257 x\"",
        "PWD",
    ] {
        bench.forget();
        bench.cmd(line);
        assert!(well_formed(bench.wire()), "{line}");
    }
}

#[test]
fn ix_09_any_three_bytes_are_no_danger() {
    // Every string of one and two bytes, and those of three over a nasty alphabet, as a line and as the start of one.
    let mut bench = Bench::clear();
    bench.checks_silence = false;
    bench.checks_secrets = false;
    let fresh = || {
        let mut config = in_clear();
        config.limits.errors = 255;
        let mut bench = Bench::clear_with(config);
        bench.checks_silence = false;
        bench.checks_secrets = false;
        bench
    };
    let mut count = 0;
    let mut feed = |bytes: &[u8]| {
        bench.line(bytes);
        count += 1;
        if bench.is_closed() || count % 200 == 0 {
            bench = fresh();
        }
    };
    for first in 0..=255_u8 {
        feed(&[first]);
        for second in 0..=255_u8 {
            feed(&[first, second]);
        }
    }
    let alphabet = [0xFF, 0xFB, 0xFD, 0xF4, 0xF2, b'A', b'\r', b'\n', 0, b' '];
    for number in 0..10_usize.pow(4) {
        let bytes: Vec<u8> = (0..4)
            .map(|place| alphabet[number / 10_usize.pow(place) % 10])
            .collect();
        feed(&bytes);
    }
}

#[test]
fn a_nul_cr_or_lf_in_a_line_is_refused_whole() {
    for line in [
        &b"DELE motd\0x"[..],
        b"DELE motd\rx",
        b"\0DELE motd",
        b"USER alice\0]]",
        b"MKD a\0b",
    ] {
        let mut bench = Bench::clear();
        let codes = bench.codes_of(line);
        assert!(
            matches!(codes[..], [500 | 501 | 553]),
            "{codes:?} to {line:?}"
        );
        assert!(bench.tree.asked.is_empty(), "{:?}", bench.tree.asked);
        assert!(bench.tree.exists(b"/motd"));
    }
}

#[test]
fn a_bare_cr_is_no_line_end() {
    let mut bench = Bench::clear();
    let codes = bench.codes_of(b"NOOP\rDELE motd");
    assert_eq!(codes.len(), 1);
    assert!(bench.tree.exists(b"/motd"));
    // A bare LF is one, as scripts send it.
    bench.bytes(b"NOOP\nNOOP\r\n");
    assert_eq!(bench.codes(), [200, 200]);
}

#[test]
fn telnet_bytes_never_grow_and_never_desynchronise() {
    let alphabet = [0xFF, 0xFB, 0xFC, 0xFD, 0xFE, 0xF4, 0xF2, b'A', b'\r', b'\n'];
    for number in 0..10_usize.pow(4) {
        let bytes: Vec<u8> = (0..4)
            .map(|place| alphabet[number / 10_usize.pow(place) % 10])
            .collect();
        let mut bench = Bench::clear();
        bench.checks_silence = false;
        bench.checks_secrets = false;
        bench.client_reads = false;
        bench.bytes(&bytes);
        // At most an answer to each offer, three bytes, and a reply to each line.
        assert!(
            bench.server().outgoing().len() <= 3 * 2 + 60 * 4,
            "{bytes:?}"
        );
        let waiting = bench.server().outgoing().len();
        let mut server = bench.server().clone();
        server.consume_outgoing(waiting);
        // Two line ends bring it back into step, whatever was open: the first may belong to a Telnet command.
        server.handle(bench.now(), Input::Control(b"\r\n\r\nNOOP\r\n"));
        assert!(server.outgoing().ends_with(b"200 Okay\r\n"), "{bytes:?}");
    }
}

#[test]
fn auth_again_is_refused() {
    let mut bench = Bench::secure();
    assert_eq!(bench.cmd("AUTH TLS"), 503);
    assert!(bench.server().user().is_some(), "and nothing has changed");
    bench.auto_flow = false;
    assert_eq!(bench.transfer("RETR motd"), [150]);
    bench.line(b"AUTH TLS");
    assert!(bench.said().is_empty(), "it waits for the transfer");
    bench.flow_finished(18, ftp_proto::DataEnd::CloseNotify);
    assert_eq!(bench.codes(), [226, 503]);
}

#[test]
fn epsv_all_holds_through_aborts_and_failures() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("EPSV ALL"), 200);
    for between in ["ABOR", "EPSV", "RETR missing", "NOOP", "CWD pub", "TYPE A"] {
        bench.line(between.as_bytes());
        for line in [
            "PORT 192,0,2,7,200,1",
            "PASV",
            "P@SW",
            "EPRT |1|192.0.2.7|50000|",
            "LPSV",
            "LPRT 4,4,192,0,2,7,2,200,1",
        ] {
            let code = bench.cmd(line);
            assert!(code >= 500, "{code} to {line} behind {between}");
        }
    }
    assert_eq!(bench.cmd("EPSV"), 229);
    bench.auto_flow = false;
    bench.line(b"RETR motd").line(b"ABOR");
    assert_eq!(bench.cmd("PASV"), 503);
    assert_eq!(bench.cmd("REIN"), 220);
    bench.log_in(USER);
    assert_eq!(bench.cmd("PASV"), 227);
}

#[test]
fn each_reply_is_handed_out_whole() {
    // The bench looks at every flush: whole lines, whole replies.
    let mut bench = Bench::clear();
    for line in [
        "FEAT",
        "HELP",
        "STAT",
        "PASV",
        "EPSV",
        "MLST motd",
        "STAT pub",
    ] {
        bench.cmd(line);
    }
}

#[test]
fn formats_and_templates_in_names_stay_what_they_are() {
    for name in ["%s%n%d", "{}", "{0:?}", "$(id)", "`id`", "%user%", "\\x41"] {
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd(&format!("MKD {name}")), 257);
        assert_eq!(bench.cmd(&format!("CWD {name}")), 250);
        assert!(bench.text_of("PWD").contains(&format!("\"/{name}\"")));
        assert!(bench.tree.exists(format!("/{name}").as_bytes()));
    }
}

#[test]
fn is_16_every_path_the_storage_sees_is_inside_the_root() {
    let words: [&[u8]; 9] = [
        b"..",
        b".",
        b"",
        b"a",
        b"\\",
        b"..\\x",
        b"~",
        b"C:",
        b"\xFF\xFF",
    ];
    let verbs = [
        "CWD", "RETR", "STOR", "DELE", "MKD", "RMD", "SIZE", "MLST", "RNFR", "LIST", "NLST",
        "MLSD", "STAT",
    ];
    let number = words.len();
    for sequence in 0..number.pow(4) {
        let path: Vec<&[u8]> = (0..4)
            .map(|place| words[sequence / number.pow(place) % number])
            .collect();
        let path = path.join(&b'/');
        let mut bench = Bench::clear();
        bench.checks_silence = false;
        bench.checks_secrets = false;
        if sequence % 2 == 0 {
            bench.line(b"CWD pub");
        }
        bench.line(b"EPSV");
        let verb = verbs[sequence % verbs.len()];
        bench.line(&[verb.as_bytes(), b" ", &path].concat());
        for asked in &bench.tree.asked {
            let Some((_, path)) = asked.split_once(' ') else {
                continue;
            };
            if asked.starts_with("Close") {
                continue;
            }
            assert!(path.starts_with('/'), "{asked}");
            for name in path.split('/').skip(1) {
                assert!(name != ".." && name != ".", "{asked}");
                assert!(!name.is_empty() || path == "/", "{asked}");
            }
        }
    }
}

/// A line for each effect on the storage.
const EFFECTS: &[(Access, &str, &str)] = &[
    (Access::Read, "RETR motd", "OpenRead"),
    (Access::List, "LIST", "OpenListing"),
    (Access::List, "NLST pub", "OpenListing"),
    (Access::List, "MLSD", "OpenListing"),
    (Access::List, "STAT pub", "StatListing"),
    (Access::Inspect, "SIZE motd", "Stat"),
    (Access::Inspect, "MDTM motd", "Stat"),
    (Access::Inspect, "MLST motd", "Stat"),
    (Access::Inspect, "CWD pub", "ChangeDirectory"),
    (Access::Delete, "DELE motd", "Delete"),
    (Access::MakeDirectory, "MKD new", "MakeDirectory"),
    (Access::RemoveDirectory, "RMD empty", "RemoveDirectory"),
    (Access::SetTime, "MFMT 20200101000000 motd", "SetModified"),
    (
        Access::SetTime,
        "SITE UTIME 20200101000000 motd",
        "SetModified",
    ),
    (Access::SetMode, "SITE CHMOD 600 motd", "SetMode"),
    (Access::Rename, "RNFR motd", "Stat"),
];

#[test]
fn is_17_without_a_right_no_verb_has_its_effect() {
    for (access, line, question) in EFFECTS {
        for granted in [true, false] {
            let mut bench = Bench::new(in_clear());
            let rights = if granted {
                Rights::ALL
            } else {
                Rights::ALL.without(*access)
            };
            bench.tree.set_rights(USER, rights);
            bench.log_in(USER);
            bench.cmd("TYPE I");
            bench.cmd("EPSV");
            bench.forget();
            let code = bench.cmd(line);
            let asked = bench
                .tree
                .asked
                .iter()
                .any(|asked| asked.starts_with(question));
            if granted {
                assert!(code < 400 && asked, "{code} to {line}");
            } else {
                assert!(
                    matches!(code, 550 | 553),
                    "{code} to {line} without {access:?}"
                );
                assert!(
                    bench.tree.asked.is_empty(),
                    "{line} asked {:?}",
                    bench.tree.asked
                );
            }
        }
    }
}

#[test]
fn is_17_uploads_need_the_right_to_make_or_to_change() {
    for (without, line, allowed) in [
        (Access::Create, "STOR new", false),
        (Access::Create, "STOR motd", true),
        (Access::Create, "APPE new", false),
        (Access::Create, "STOU", false),
        (Access::Overwrite, "STOR motd", false),
        (Access::Overwrite, "STOR new", true),
        (Access::Append, "APPE motd", false),
        (Access::Append, "APPE new", true),
    ] {
        let mut bench = Bench::new(in_clear());
        bench.tree.set_rights(USER, Rights::ALL.without(without));
        bench.log_in(USER);
        bench.cmd("TYPE I");
        let before = bench.tree.file(b"/motd").unwrap().to_vec();
        let codes = bench.transfer(line);
        assert_eq!(
            codes.last() == Some(&226),
            allowed,
            "{codes:?} to {line} without {without:?}"
        );
        if !allowed {
            assert_eq!(bench.tree.file(b"/motd").unwrap(), before);
            assert_eq!(bench.tree.commits, 0);
        }
    }
}

#[test]
fn is_17_who_may_nothing_does_nothing() {
    let mut lines: Vec<String> = Verb::ALL
        .iter()
        .flat_map(|verb| {
            [
                "",
                " motd",
                " pub",
                " new",
                " 5",
                " 20200101000000 motd",
                " CHMOD 600 motd",
                " UTIME 20200101000000 motd",
                " \"motd\" \"x\"",
            ]
            .map(|argument| format!("{verb}{argument}"))
        })
        .collect();
    lines.retain(|line| {
        !["QUIT", "USER", "PASS", "REIN", "AUTH", "HOST"]
            .iter()
            .any(|verb| line.starts_with(verb))
    });
    let mut config = in_clear();
    config.hashes = ftp_proto::server::HashAlgorithm::ALL.to_vec();
    config.mdtm_sets_time = true;
    let mut bench = Bench::new(config);
    bench.checks_silence = false;
    bench.log_in(POWERLESS);
    for line in &lines {
        bench.line(b"EPSV").forget();
        bench.line(line.as_bytes());
        assert!(
            bench.tree.asked.is_empty(),
            "{line} asked {:?}",
            bench.tree.asked
        );
        assert!(!bench.is_closed(), "{line}");
    }
    assert!(bench.tree.same_files(&ftp_proto_tests::tree::Tree::new()));
}

#[test]
fn is_17_the_default_rights_change_nothing() {
    let mut bench = Bench::new(in_clear());
    bench.tree.set_rights(USER, Rights::default());
    bench.log_in(USER);
    for line in [
        "STOR motd",
        "STOR new",
        "APPE motd",
        "STOU",
        "DELE motd",
        "MKD x",
        "RMD empty",
        "RNFR motd",
        "RNTO x",
        "MFMT 20200101000000 motd",
        "SITE CHMOD 600 motd",
    ] {
        bench.line(b"EPSV");
        bench.line(line.as_bytes());
    }
    assert!(bench.tree.same_files(&ftp_proto_tests::tree::Tree::new()));
    assert_eq!(bench.download("RETR motd"), b"Welcome to nobody\r\n");
}

#[test]
fn patterns_take_no_longer_than_their_text() {
    let mut bench = Bench::clear();
    let name = "a".repeat(200);
    for number in 0..200 {
        bench.tree.insert(&format!("/empty/{name}{number}"), b"");
    }
    assert_eq!(bench.cmd("CWD empty"), 250);
    let started = std::time::Instant::now();
    for pattern in [
        "*a".repeat(100) + "b",
        "*".repeat(1000),
        "?".repeat(300) + "*",
        "*?".repeat(120),
    ] {
        bench.transfer(&format!("NLST {pattern}"));
    }
    for pattern in ["{a,b}*", "[a-", "~root/*", "../*", "*/../*"] {
        bench.transfer(&format!("LIST {pattern}"));
    }
    assert!(started.elapsed().as_secs() < 10);
    // Patterns are for listings alone (RFC 3659 section 2.2.2).
    for line in ["SIZE *", "MDTM a*", "MLST *", "DELE *", "CWD ../emp*"] {
        assert_eq!(bench.cmd(line), 550, "{line}");
    }
}

#[test]
fn numbers_do_not_wrap() {
    for line in [
        "REST 18446744073709551616",
        "REST 18446744073709551615",
        "REST 9223372036854775808",
        "REST -1",
        "REST 0x10",
        "REST +5",
        "PORT 192,0,2,7,256,1",
        "PORT 192,0,2,7,200,256",
        "PORT 192,0,2,263,200,1",
        "PORT 192,0,2,7,-1,1",
        "PORT 192,0,2,7,200",
        "EPRT |1|192.0.2.7|65536|",
        "EPRT |1|192.0.2.7|0|",
        "EPRT |1|192.0.2.7|115201|",
        "ALLO 18446744073709551616",
        "PBSZ 4294967296",
        "RANG 18446744073709551615 18446744073709551616",
        "TYPE L 264",
        "MFMT 99999999999999 motd",
        "MFMT 20230230000000 motd",
    ] {
        let mut bench = Bench::clear();
        let code = bench.cmd(line);
        assert!(matches!(code, 501 | 503 | 504), "{code} to {line}");
        bench.line(b"RETR motd");
        assert!(
            !bench
                .acts()
                .iter()
                .any(|act| matches!(act, Act::Connect(_))),
            "{line}"
        );
    }
}

#[test]
fn logs_get_no_control_bytes() {
    let mut bench = Bench::clear();
    for nasty in NASTY {
        bench.line(&[b"CWD ", *nasty].concat());
        bench.line(nasty);
        if bench.is_closed() {
            break;
        }
    }
    for seen in bench.log() {
        if let Seen::Command(_, line) | Seen::Replied(_, _, line) = seen {
            assert!(
                !line.chars().any(|c| c.is_control() && c != '\n'),
                "{line:?}"
            );
        }
    }
}

#[test]
fn random_bytes_of_a_client_end_nowhere_else_than_in_replies_or_a_close() {
    let mut dice = Dice::new(20_260_301);
    for _ in 0..2000 {
        let mut bench = if dice.one_in(2) {
            Bench::clear()
        } else {
            Bench::new(in_clear())
        };
        bench.checks_silence = false;
        for _ in 0..dice.roll(8) {
            let bytes: Vec<u8> = if dice.one_in(2) {
                (0..dice.roll(40))
                    .map(|_| u8::try_from(dice.roll(256)).unwrap())
                    .collect()
            } else {
                let verb = dice.pick(Verb::ALL);
                let nasty = dice.pick(NASTY);
                [verb.as_str().as_bytes(), b" ", nasty, b"\r\n"].concat()
            };
            bench.force(&bytes);
        }
        bench.pass(std::time::Duration::from_secs(4000));
        assert!(bench.is_closed());
    }
}
