//! What goes out comes back, and nothing else goes out.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::wire::telnet::TelnetDecoder;

const MAX: usize = 512;

fn path(bytes: &[u8]) -> Path<'_> {
    Path::new(bytes).unwrap()
}

fn text(bytes: &[u8]) -> Text<'_> {
    Text::new(bytes).unwrap()
}

fn encoded(command: &Command<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    command.encode(&mut out, MAX).unwrap();
    out
}

/// The line as the peer sees it: Telnet decoded, without its one line end.
fn received(line: &[u8]) -> Vec<u8> {
    let (mut plain, mut answers) = (Vec::new(), Vec::new());
    TelnetDecoder::default().decode(line, &mut plain, &mut answers);
    assert!(answers.is_empty());
    let line = plain.strip_suffix(b"\r\n").expect("a line end").to_vec();
    assert!(
        !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
        "{line:?}"
    );
    line
}

fn failure(line: &[u8]) -> (Malformed, Option<Verb>, u16) {
    let error = Command::parse(line).expect_err("an error");
    (error.kind, error.verb, error.code.value())
}

fn with_path(path: Path<'_>) -> Vec<Command<'_>> {
    use Command::*;
    let mut all = Vec::from([
        Cwd(path),
        Smnt(path),
        Retr(path),
        Stor(path),
        Appe(path),
        Rnfr(path),
        Rnto(path),
        Dele(path),
        Rmd(path),
        Mkd(path),
        Size(path),
        Mdtm(path),
        Hash(path),
    ]);
    for path in [None, Some(path)] {
        all.extend([
            Stou(path),
            List(path),
            Nlst(path),
            Stat(path),
            Mlst(path),
            Mlsd(path),
        ]);
    }
    all.push(Mfmt {
        time: b"20240229235959",
        path,
    });
    all.push(Mfct {
        time: b"20240229235959.123",
        path,
    });
    all.extend(
        [
            Verb::Mff,
            Verb::Avbl,
            Verb::Dsiz,
            Verb::Rmda,
            Verb::Md5,
            Verb::Xcrc,
            Verb::Xsha256,
        ]
        .map(|verb| Other {
            verb,
            argument: path.as_bytes(),
        }),
    );
    all
}

fn with_text(text: Text<'_>) -> Vec<Command<'_>> {
    use Command::*;
    let mut all = Vec::from([Pass(text), Help(text), Lang(text)]);
    if !text.is_empty() {
        all.extend([
            User(text),
            Acct(text),
            Site(text),
            Adat(text),
            Opts(text),
            Host(text),
            Clnt(text),
            Port(text.as_bytes()),
            Eprt(text.as_bytes()),
        ]);
        all.extend(
            [
                Verb::Lprt,
                Verb::Algs,
                Verb::Csid,
                Verb::Thmb,
                Verb::Mmd5,
                Verb::Comb,
                Verb::Sscn,
                Verb::Pret,
                Verb::Mic,
            ]
            .map(|verb| Other {
                verb,
                argument: text.as_bytes(),
            }),
        );
    }
    all
}

fn others() -> Vec<Command<'static>> {
    use Command::*;
    let mut all = Vec::from([
        Cdup,
        Rein,
        Quit,
        Pasv,
        Abor,
        Pwd,
        Syst,
        Noop,
        Ccc,
        Feat,
        Epsv(EpsvArgument::Same),
        Epsv(EpsvArgument::All),
        Auth(AuthMechanism::Tls),
        Auth(AuthMechanism::Ssl),
        Auth(AuthMechanism::TlsC),
        Auth(AuthMechanism::TlsP),
        Auth(AuthMechanism::Other(b"GSSAPI")),
        RestMarker(b"a!~12"),
        Allo {
            size: u64::MAX,
            record: Some(0),
        },
        Rang { start: 1, end: 0 },
        Rang {
            start: 0,
            end: u64::MAX,
        },
        Other {
            verb: Verb::Lpsv,
            argument: b"",
        },
        Other {
            verb: Verb::Cpsv,
            argument: b"",
        },
        Other {
            verb: Verb::Sscn,
            argument: b"",
        },
        Other {
            verb: Verb::Mail,
            argument: b"",
        },
    ]);
    all.extend(
        [
            "A", "A T", "A C", "E", "E T", "E C", "I", "L 8", "L 1", "L 36", "L 255",
        ]
        .map(|name| Type(super::Type::parse(name.as_bytes()).unwrap())),
    );
    all.extend([Structure::File, Structure::Record, Structure::Page].map(Stru));
    all.extend(
        [
            super::Mode::Stream,
            super::Mode::Block,
            super::Mode::Compressed,
            super::Mode::Deflate,
        ]
        .map(Mode),
    );
    all.extend(
        [
            ProtectionLevel::Clear,
            ProtectionLevel::Safe,
            ProtectionLevel::Confidential,
            ProtectionLevel::Private,
        ]
        .map(Prot),
    );
    for number in [0, 1, 9, 10, 999, u64::from(u32::MAX), u64::MAX] {
        all.extend([
            Rest(number),
            Allo {
                size: number,
                record: None,
            },
        ]);
        if let Ok(number) = u32::try_from(number) {
            all.extend([Pbsz(number), Epsv(EpsvArgument::Family(number))]);
        }
    }
    all
}

#[test]
fn every_command_comes_back_from_its_line() {
    let check = |command: &Command<'_>| {
        let line = received(&encoded(command));
        assert_eq!(Command::parse(&line), Ok(*command), "{line:?}");
        assert_eq!(Command::parse_strict(&line), Ok(*command), "{line:?}");
        assert!(line.starts_with(command.verb().as_str().as_bytes()));
    };
    others().iter().for_each(check);
    for bytes in [
        &b"a"[..],
        b" ",
        b"  a  ",
        b"-la",
        b"a b\tc",
        "é/文".as_bytes(),
        b"\xFF",
        b"\xFF\xFFx\xFF",
        b"\xFF\xF4",
        b"\x01\x1b\x7f\x80",
    ] {
        with_path(path(bytes)).iter().for_each(check);
    }
    for bytes in [&b""[..], b"a", b"a  b ", b"\xFF\xFB\x01", "é".as_bytes()] {
        with_text(text(bytes)).iter().for_each(check);
    }
    for spaces in [&b" "[..], b"  x ", b"   "] {
        [
            Command::User(text(spaces)),
            Command::Pass(text(spaces)),
            Command::Acct(text(spaces)),
        ]
        .iter()
        .for_each(check);
    }
    // Every verb without an argument, or with a plain one, is sent and read.
    for verb in Verb::ALL {
        let argument: &[u8] = if verb.argument_rule() == ArgumentRule::None {
            b""
        } else {
            b"1 2"
        };
        let line = received(&encoded(&Command::Other {
            verb: *verb,
            argument,
        }));
        match Command::parse(&line) {
            Ok(command) => assert_eq!(command.verb(), verb.canonical()),
            Err(error) => assert_eq!(
                (error.verb, error.kind),
                (Some(*verb), Malformed::Argument),
                "{line:?}"
            ),
        }
    }
}

#[test]
fn what_parses_is_sent_and_parses_to_the_same() {
    let mut seed = 1_u64;
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let pieces: [&[u8]; 16] = [
        b" ",
        b"  ",
        b"a",
        b"A",
        b"0",
        b"18446744073709551615",
        b"R",
        b"L",
        b"8",
        b"ALL",
        b"TLS",
        b"\xFF",
        b"\0",
        b"\r",
        b".",
        b"20240229235959",
    ];
    let mut parsed = 0;
    for _ in 0..100_000 {
        let mut line = Verb::ALL[random(Verb::ALL.len())]
            .as_str()
            .as_bytes()
            .to_vec();
        for _ in 0..random(6) {
            line.extend_from_slice(pieces[random(pieces.len())]);
        }
        let Ok(command) = Command::parse(&line) else {
            continue;
        };
        parsed += 1;
        let again = received(&encoded(&command));
        assert_eq!(Command::parse(&again), Ok(command), "{line:?}");
        let _ = (
            command.display_masked().to_string(),
            mask_line(&line).to_string(),
        );
    }
    assert!(parsed > 10_000);
}

#[test]
fn arbitrary_bytes_parse_to_something_or_an_error() {
    for first in 0..=255 {
        for second in 0..=255 {
            for line in [
                &[first, second][..],
                &[b'N', b'O', b'O', b'P', first, second],
            ] {
                if let Err(error) = Command::parse(line) {
                    assert!([500, 501].contains(&error.code.value()));
                }
            }
        }
    }
}

#[test]
fn ic_1_no_argument_of_any_verb_can_start_a_second_line() {
    for bad in [b'\r', b'\n', 0] {
        for position in 0..=3 {
            let mut argument = b"abc".to_vec();
            argument.insert(position, bad);
            assert_eq!(Path::new(&argument), Err(Malformed::ForbiddenByte));
            assert_eq!(Text::new(&argument), Err(Malformed::ForbiddenByte));
            for verb in Verb::ALL {
                let mut out = b"before".to_vec();
                let refused = Command::Other {
                    verb: *verb,
                    argument: &argument,
                }
                .encode(&mut out, MAX);
                let wanted = match verb.argument_rule() {
                    ArgumentRule::None => Malformed::UnexpectedArgument,
                    _ => Malformed::ForbiddenByte,
                };
                assert_eq!(refused, Err(wanted), "{verb}");

                let line = [verb.as_str().as_bytes(), b" ", &argument].concat();
                assert_eq!(
                    encode_raw(&line, &mut out, MAX),
                    Err(Malformed::ForbiddenByte),
                    "{verb}"
                );
                assert_eq!(out, b"before");
                assert_eq!(failure(&line), (Malformed::ForbiddenByte, Some(*verb), 501));
            }
            let raw = [
                Command::Port(&argument),
                Command::Eprt(&argument),
                Command::RestMarker(&argument),
                Command::Auth(AuthMechanism::Other(&argument)),
                Command::Mfmt {
                    time: &argument,
                    path: path(b"x"),
                },
                Command::Mfct {
                    time: &argument,
                    path: path(b"x"),
                },
            ];
            for command in raw {
                let mut out = b"before".to_vec();
                assert_eq!(command.encode(&mut out, MAX), Err(Malformed::ForbiddenByte));
                assert_eq!(out, b"before");
            }
        }
    }
}

#[test]
fn the_limit_counts_what_is_sent_without_the_line_end() {
    for (name, length, sent) in [
        (&b"abc"[..], 8, &b"RETR abc\r\n"[..]),
        (b"a\xFF", 8, b"RETR a\xFF\xFF\r\n"),
    ] {
        let command = Command::Retr(path(name));
        for max in [length, length + 1, usize::MAX] {
            let mut out = b"x".to_vec();
            assert_eq!(command.encode(&mut out, max), Ok(()));
            assert_eq!(out[1..], *sent);
        }
        let mut out = b"x".to_vec();
        assert_eq!(
            command.encode(&mut out, length - 1),
            Err(Malformed::CommandTooLong { limit: length - 1 })
        );
        let raw = [b"RETR ", name].concat();
        assert_eq!(
            encode_raw(&raw, &mut out, length - 1),
            Err(Malformed::CommandTooLong { limit: length - 1 })
        );
        assert_eq!(out, b"x");
        assert_eq!(encode_raw(&raw, &mut out, length), Ok(Some(Verb::Retr)));
        assert_eq!(out[1..], *sent);
    }
}

#[test]
fn lines_as_servers_read_them() {
    use Command::*;
    let cases: &[(&[u8], Command<'_>)] = &[
        (b"rEtR a", Retr(path(b"a"))),
        (b"STOR    x", Stor(path(b"   x"))),
        (b"CWD  x", Cwd(path(b" x"))),
        (b"DELE a ", Dele(path(b"a "))),
        (b"XCWD a", Cwd(path(b"a"))),
        (b"xpwd", Pwd),
        (b"p@sw", Pasv),
        (b"TYPE   I", Type(super::Type::Image)),
        (b"type a n", Type(super::Type::Ascii)),
        (b"TYPE A T ", Type(super::Type::AsciiTelnet)),
        (b"TYPE I N", Type(super::Type::Image)),
        (b"TYPE L 08", Type(super::Type::Local(8))),
        (b"stru f", Stru(Structure::File)),
        (b"Mode s", Mode(super::Mode::Stream)),
        (b"prot p", Prot(ProtectionLevel::Private)),
        (b"auth tls-c", Auth(AuthMechanism::TlsC)),
        (b"AUTH tls", Auth(AuthMechanism::Tls)),
        (b"PASS", Pass(Text::EMPTY)),
        (b"PASS ", Pass(Text::EMPTY)),
        (b"PASS   two ", Pass(text(b"  two "))),
        (
            b"ALLO 100 R 80",
            Allo {
                size: 100,
                record: Some(80),
            },
        ),
        (
            b"ALLO 100 r 80",
            Allo {
                size: 100,
                record: Some(80),
            },
        ),
        (b"REST  10 ", Rest(10)),
        (b"EPSV all", Epsv(EpsvArgument::All)),
        (b"EPSV 2", Epsv(EpsvArgument::Family(2))),
        (b"EPSV 7", Epsv(EpsvArgument::Family(7))),
        (b"EPSV ", Epsv(EpsvArgument::Same)),
        (b"LIST ", List(None)),
        (b"STAT  ", Stat(Some(path(b" ")))),
        (b"HELP  site", Help(text(b"site"))),
        (b"NOOP x", Noop),
        (b"PASV x", Pasv),
        (b"FEAT ", Feat),
        (
            b"MAIL x",
            Other {
                verb: Verb::Mail,
                argument: b"x",
            },
        ),
        (
            b"MFMT 20240229235959  a",
            Mfmt {
                time: b"20240229235959",
                path: path(b" a"),
            },
        ),
    ];
    for (line, command) in cases {
        assert_eq!(Command::parse(line), Ok(*command), "{line:?}");
    }
}

#[test]
fn lines_that_servers_refuse() {
    use Malformed::{Argument, ForbiddenByte, MissingArgument, Number, UnexpectedArgument};
    const BAD_VERB: Malformed = Malformed::Verb;
    let cases: &[(&[u8], Malformed, Option<Verb>, u16)] = &[
        (b"", BAD_VERB, None, 500),
        (b" ", BAD_VERB, None, 500),
        (b" NOOP", BAD_VERB, None, 500),
        (b"FROB", BAD_VERB, None, 500),
        (b"NOOPX", BAD_VERB, None, 500),
        (b"NO\rOP", ForbiddenByte, None, 501),
        (b"NOOP\0", ForbiddenByte, None, 501),
        (b"USER a\0b", ForbiddenByte, Some(Verb::User), 501),
        (b"RETR", MissingArgument, Some(Verb::Retr), 501),
        (b"RETR ", MissingArgument, Some(Verb::Retr), 501),
        (b"USER", MissingArgument, Some(Verb::User), 501),
        (b"SITE   ", MissingArgument, Some(Verb::Site), 501),
        (b"FEAT x", UnexpectedArgument, Some(Verb::Feat), 501),
        (b"CCC x", UnexpectedArgument, Some(Verb::Ccc), 501),
        (b"TYPE L", Argument, Some(Verb::Type), 501),
        (b"TYPE L x", Argument, Some(Verb::Type), 501),
        (b"TYPE L 0", Argument, Some(Verb::Type), 501),
        (b"TYPE L 256", Argument, Some(Verb::Type), 504),
        (b"TYPE U", Argument, Some(Verb::Type), 504),
        (b"TYPE A X", Argument, Some(Verb::Type), 504),
        (b"TYPE AN", Argument, Some(Verb::Type), 501),
        (b"TYPE A N N", Argument, Some(Verb::Type), 501),
        (b"TYPE 8", Argument, Some(Verb::Type), 501),
        (b"MODE X", Argument, Some(Verb::Mode), 504),
        (b"MODE SS", Argument, Some(Verb::Mode), 501),
        (b"STRU Q", Argument, Some(Verb::Stru), 504),
        (b"PROT X", Argument, Some(Verb::Prot), 504),
        (b"PBSZ x", Number, Some(Verb::Pbsz), 501),
        (b"PBSZ 4294967296", Number, Some(Verb::Pbsz), 501),
        (b"PBSZ -1", Number, Some(Verb::Pbsz), 501),
        (b"REST 18446744073709551616", Number, Some(Verb::Rest), 501),
        (b"REST a b", Argument, Some(Verb::Rest), 501),
        (b"REST  ", MissingArgument, Some(Verb::Rest), 501),
        (b"REST \xe9", Argument, Some(Verb::Rest), 501),
        (b"RANG 1", Argument, Some(Verb::Rang), 501),
        (b"RANG 1 2 3", Argument, Some(Verb::Rang), 501),
        (b"RANG a 2", Number, Some(Verb::Rang), 501),
        (b"ALLO", MissingArgument, Some(Verb::Allo), 501),
        (b"ALLO x", Number, Some(Verb::Allo), 501),
        (b"ALLO 1 X 2", Argument, Some(Verb::Allo), 501),
        (b"ALLO 1 R", MissingArgument, Some(Verb::Allo), 501),
        (b"ALLO 1 R 2 3", Argument, Some(Verb::Allo), 501),
        (b"EPSV x", Argument, Some(Verb::Epsv), 501),
        (b"EPSV 1 2", Argument, Some(Verb::Epsv), 501),
        (b"AUTH T LS", Argument, Some(Verb::Auth), 501),
        (
            b"MFMT 20240229235959",
            MissingArgument,
            Some(Verb::Mfmt),
            501,
        ),
        (
            b"MFMT 20240229235959 ",
            MissingArgument,
            Some(Verb::Mfmt),
            501,
        ),
    ];
    for (line, kind, verb, code) in cases {
        assert_eq!(failure(line), (*kind, *verb, *code), "{line:?}");
    }
    for verb in [
        "NOOP", "QUIT", "ABOR", "PASV", "PWD", "SYST", "CDUP", "REIN",
    ] {
        let line = format!("{verb} x");
        assert!(Command::parse(line.as_bytes()).is_ok(), "{line}");
        let error = Command::parse_strict(line.as_bytes()).unwrap_err();
        assert_eq!(
            (error.kind, error.code),
            (UnexpectedArgument, Code::PARAMETER_SYNTAX)
        );
    }
}

#[test]
fn arguments_against_the_rule_of_the_verb_are_not_sent() {
    let refused = |command: Command<'_>| command.encode(&mut Vec::new(), MAX).unwrap_err();
    for verb in Verb::ALL {
        match verb.argument_rule() {
            ArgumentRule::None => {
                assert_eq!(
                    refused(Command::Other {
                        verb: *verb,
                        argument: b"x"
                    }),
                    Malformed::UnexpectedArgument
                );
            }
            ArgumentRule::Required => {
                assert_eq!(
                    refused(Command::Other {
                        verb: *verb,
                        argument: b""
                    }),
                    Malformed::MissingArgument
                );
            }
            ArgumentRule::Optional => {}
        }
    }
    assert_eq!(
        refused(Command::User(Text::EMPTY)),
        Malformed::MissingArgument
    );
    assert_eq!(refused(Command::Port(b"")), Malformed::MissingArgument);
    assert_eq!(refused(Command::RestMarker(b"a b")), Malformed::Argument);
    assert_eq!(
        refused(Command::Auth(AuthMechanism::Other(b""))),
        Malformed::Argument
    );
    assert_eq!(
        refused(Command::Mfmt {
            time: b"2024 x",
            path: path(b"a")
        }),
        Malformed::Argument
    );
    assert_eq!(refused(Command::Type(Type::Local(0))), Malformed::Argument);
    assert_eq!(encoded(&Command::Pass(Text::EMPTY)), b"PASS \r\n");
}

#[test]
fn another_spelling_is_sent_only_for_its_own_verb() {
    for verb in Verb::ALL {
        for command in with_path(path(b"a")).iter().chain(&others()) {
            let mut out = Vec::new();
            let sent = command.encode_as(*verb, &mut out, MAX);
            if verb.canonical() == command.verb() {
                assert_eq!(sent, Ok(()));
                assert!(out.starts_with(verb.as_str().as_bytes()));
                assert_eq!(Command::parse(&received(&out)), Ok(*command));
            } else {
                assert_eq!(sent, Err(Malformed::Verb), "{command:?} as {verb}");
                assert!(out.is_empty());
            }
        }
    }
}

#[test]
fn a3_a_raw_line_is_one_line_with_a_verb() {
    let raw = |line: &[u8]| {
        let mut out = Vec::new();
        encode_raw(line, &mut out, MAX).map(|verb| (verb, out))
    };
    assert_eq!(
        raw(b"SITE CHMOD 644 a"),
        Ok((Some(Verb::Site), b"SITE CHMOD 644 a\r\n".to_vec()))
    );
    assert_eq!(raw(b"xDBG 1"), Ok((None, b"xDBG 1\r\n".to_vec())));
    assert_eq!(raw(b"NOOP"), Ok((Some(Verb::Noop), b"NOOP\r\n".to_vec())));
    assert_eq!(
        raw(b"auth TLS"),
        Ok((Some(Verb::Auth), b"auth TLS\r\n".to_vec()))
    );
    assert_eq!(raw(b"P@SW"), Ok((Some(Verb::PAtSw), b"P@SW\r\n".to_vec())));
    assert_eq!(raw(b"XDBG \xFF"), Ok((None, b"XDBG \xFF\xFF\r\n".to_vec())));
    for line in [
        &b""[..],
        b" ",
        b" NOOP",
        b"N@OP",
        b"N-P x",
        b"\xFF\xF4ABOR",
        b"\xC9CHO",
        b"SEVENTEENLETTERSX",
    ] {
        assert_eq!(raw(line), Err(Malformed::Verb), "{line:?}");
    }
    assert_eq!(
        raw(b"SIXTEENLETTERSXY"),
        Ok((None, b"SIXTEENLETTERSXY\r\n".to_vec()))
    );
}

#[test]
fn secrets_are_not_shown() {
    let secret = "sEcReT";
    for verb in ["PASS", "ACCT", "ADAT", "MIC", "CONF", "ENC"] {
        for line in [
            format!("{verb} {secret}"),
            format!("{} {secret}", verb.to_lowercase()),
        ] {
            let command = Command::parse(line.as_bytes()).unwrap();
            assert_eq!(command.display_masked().to_string(), format!("{verb} ****"));
            assert_eq!(format!("{command:?}"), format!("Command({verb} ****)"));
            assert!(!format!("{command:#?}").contains(secret));
            assert!(mask_line(line.as_bytes()).to_string().ends_with(" ****"));
        }
    }
    for line in [
        "SITE PSWD a sEcReT",
        "SITE chpass sEcReT",
        "SITE   adduser u sEcReT",
        "PASS\tsEcReT",
        "PASS:sEcReT",
    ] {
        assert!(
            !mask_line(line.as_bytes()).to_string().contains(secret),
            "{line}"
        );
        if let Ok(command) = Command::parse(line.as_bytes()) {
            assert!(
                !command.display_masked().to_string().contains(secret),
                "{line}"
            );
        }
    }
    for line in [
        "USER anna",
        "SITE CHMOD 644 a",
        "TYPE L 8",
        "LIST",
        "RANG 1 2",
        "SITE IDLE",
    ] {
        assert_eq!(
            Command::parse(line.as_bytes())
                .unwrap()
                .display_masked()
                .to_string(),
            line
        );
        assert_eq!(mask_line(line.as_bytes()).to_string(), line);
    }
    assert_eq!(mask_line(b"PASS").to_string(), "PASS");
    let hostile = Command::parse(b"RETR \x1b[2J\xff").unwrap();
    assert_eq!(hostile.display_masked().to_string(), "RETR \\x1b[2J\\xff");
    assert_eq!(mask_line(b"\x1b\r\n").to_string(), "\\x1b\\r\\n");
}

#[test]
fn a_time_in_front_of_a_path_is_seen_only_if_well_formed() {
    let split = |bytes: &'static [u8]| {
        path(bytes)
            .split_time()
            .map(|(time, path)| (time, path.as_bytes()))
    };
    assert_eq!(
        split(b"20240229235959 a"),
        Some((&b"20240229235959"[..], &b"a"[..]))
    );
    assert_eq!(
        split(b"20240229235959.5  a b"),
        Some((&b"20240229235959.5"[..], &b" a b"[..]))
    );
    for other in [
        &b"20240229235959"[..],
        b"20240229235959 ",
        b"2024022923595 a",
        b"202402292359599 a",
        b"20240229235959. a",
        b"20240229235959.x a",
        b"a 20240229235959",
    ] {
        assert_eq!(split(other), None, "{other:?}");
    }
}

#[test]
fn words_of_a_text() {
    let (word, rest) = text(b"MLST size;modify;").split_word();
    assert_eq!(
        (word, rest.as_bytes()),
        (&b"MLST"[..], &b"size;modify;"[..])
    );
    let (word, rest) = text(b"UTF8").split_word();
    assert_eq!((word, rest), (&b"UTF8"[..], Text::EMPTY));
}

#[test]
fn types_are_shown_as_they_are_sent() {
    for command in others() {
        if let Command::Type(kind) = command {
            assert_eq!(command.display_masked().to_string(), format!("TYPE {kind}"));
            assert_eq!(Type::parse(kind.to_string().as_bytes()), Ok(kind));
        }
    }
    assert!(Type::Image.is_binary() && Type::Local(8).is_binary() && !Type::Local(36).is_binary());
}

#[test]
fn arguments_are_shown_without_what_steers_a_terminal() {
    assert!(format!("{:?}", path(b"a\x1bb")).contains(r"a\x1bb"));
    assert!(format!("{:?}", text(b"a\x1bb")).contains(r"a\x1bb"));
    let mechanism = AuthMechanism::Other(b"KERBEROS\x1b");
    assert!(format!("{mechanism:?}").contains(r"KERBEROS\x1b"));
    assert_eq!(mask_line(b"SITE").to_string(), "SITE");
    assert_eq!(mask_line(b"SITE\tHELP").to_string(), r"SITE\tHELP");
}

/// RFC 4217 section 17: the names for TLS.
#[test]
fn four_mechanisms_are_tls() {
    for mechanism in [
        AuthMechanism::Tls,
        AuthMechanism::Ssl,
        AuthMechanism::TlsC,
        AuthMechanism::TlsP,
    ] {
        assert!(mechanism.is_tls(), "{mechanism:?}");
    }
    assert!(!AuthMechanism::Other(b"GSSAPI").is_tls());
}

#[test]
fn an_error_says_which_command_it_is_about_and_what_is_wrong() {
    use core::error::Error;
    let error = Command::parse(b"RETR").unwrap_err();
    assert_eq!(error.to_string(), format!("RETR: {}", error.kind));
    assert_eq!(error.source().unwrap().to_string(), error.kind.to_string());
    let error = Command::parse(b"XYZZY").unwrap_err();
    assert_eq!(error.to_string(), error.kind.to_string());
}

/// RFC 2640 section 3.1: only the first space separates a path.
#[test]
fn paths_keep_their_spaces_and_so_do_secrets() {
    for verb in [Verb::Retr, Verb::Stor, Verb::Cwd, Verb::Mlst, Verb::Size] {
        assert!(verb.path_argument() && verb.keeps_spaces(), "{verb:?}");
    }
    for verb in [Verb::User, Verb::Pass, Verb::Acct] {
        assert!(!verb.path_argument() && verb.keeps_spaces(), "{verb:?}");
    }
    for verb in [Verb::Type, Verb::Port, Verb::Noop] {
        assert!(!verb.path_argument() && !verb.keeps_spaces(), "{verb:?}");
    }
}
