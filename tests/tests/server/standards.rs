//! What the standards ask of a server, section by section. `conformance.tsv` says which requirement is shown where.

use ftp_proto::DataEnd;
use ftp_proto::server::{Config, HashAlgorithm, Security};
use ftp_proto::wire::command::{Conformance, Verb};
use ftp_proto_tests::bench_server::{Bench, Seen, in_clear};
use ftp_proto_tests::rig::{Act, CANARY, USER};

fn with(security: Security) -> Config {
    let mut config = Config::default();
    config.security = security;
    config
}

#[test]
fn rfc_959_section_5_3_a_command_takes_effect_at_its_line_end() {
    let mut bench = Bench::clear();
    for byte in b"DELE motd\r" {
        bench.bytes(&[*byte]);
        assert!(bench.said().is_empty() && bench.tree.exists(b"/motd"));
    }
    bench.bytes(b"\n");
    assert_eq!(bench.codes(), [250]);
}

#[test]
fn rfc_959_section_5_3_verbs_and_parameters_in_any_case() {
    let mut bench = Bench::clear();
    for (line, code) in [
        ("noop", 200),
        ("NoOp", 200),
        ("type i", 200),
        ("TYPE a n", 200),
        ("stru f", 200),
        ("mode s", 200),
        ("size motd", 550),
        ("opts utf8 on", 200),
        ("epsv all", 200),
        ("site help", 214),
    ] {
        assert_eq!(bench.cmd(line), code, "{line}");
    }
    let mut bench = Bench::secure();
    assert_eq!(bench.cmd("prot p"), 200);
}

#[test]
fn rfc_2640_section_3_1_spaces_belong_to_names() {
    for name in [" x", "  x", "x ", " ", "x  y "] {
        let mut bench = Bench::clear();
        for (line, code) in [("MKD", 257), ("CWD", 250), ("CDUP", 250), ("RMD", 250)] {
            let line = if line == "CDUP" {
                line.to_owned()
            } else {
                format!("{line} {name}")
            };
            assert_eq!(bench.cmd(&line), code, "{line:?}");
        }
        assert_eq!(bench.transfer(&format!("STOR {name}")), [150, 226]);
        assert!(bench.tree.exists(format!("/{name}").as_bytes()), "{name:?}");
    }
    // What is no name may have more of them.
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("TYPE   I"), 200);
    assert_eq!(bench.cmd("PORT   192,0,2,7,200,1"), 200);
}

#[test]
fn rfc_3659_section_2_2_names_are_bytes() {
    for name in [
        &b"\xE4\xF6\xFC"[..],
        b"\xC3\xA4",
        b"\x01\x02",
        b"caf\xC3",
        b"a\xFFb",
        b"\xFF",
    ] {
        let mut bench = Bench::clear();
        // 255 is doubled on the control connection.
        let sent: Vec<u8> = name
            .iter()
            .flat_map(|byte| {
                if *byte == 255 {
                    vec![255, 255]
                } else {
                    vec![*byte]
                }
            })
            .collect();
        assert_eq!(
            bench
                .codes_of(&[b"EPSV\r\nSTOR ", &sent[..]].concat())
                .last(),
            Some(&226),
            "{name:?}: {bench:?}"
        );
        assert!(bench.tree.exists(&[b"/", name].concat()), "{name:?}");
        assert_eq!(bench.codes_of(&[b"DELE ", &sent[..]].concat()), [250]);
    }
}

#[test]
fn rfc_1123_section_4_1_2_12_telnet_negotiation_is_refused_once() {
    let mut bench = Bench::clear();
    bench.client_reads = false;
    for (offer, answer) in [
        (0xFB_u8, Some(0xFE_u8)),
        (0xFD, Some(0xFC)),
        (0xFC, None),
        (0xFE, None),
    ] {
        bench.bytes(&[0xFF, offer, 1]);
        let out = bench.server().outgoing().to_vec();
        match answer {
            Some(answer) => assert!(out.ends_with(&[0xFF, answer, 1]), "{out:?}"),
            None => assert!(
                out.ends_with(&[0xFF, 0xFC, 1]),
                "no answer to {offer:x}: {out:?}"
            ),
        }
    }
    bench.client_reads = true;
    bench.settle();
    assert_eq!(bench.codes_of(b"NO\xFF\xF1OP"), [200]);
}

#[test]
fn rfc_959_section_4_1_interrupt_and_synch_in_front_of_a_command_mean_nothing_more() {
    for split in 0..13 {
        let bytes = b"\xFF\xF4\xFF\xF2ABOR\r\nNO";
        let mut bench = Bench::clear();
        bench.bytes(&bytes[..split]).bytes(&bytes[split..]);
        assert_eq!(bench.codes(), [225], "{split}");
        assert_eq!(bench.codes_of(b"OP"), [200]);
    }
}

#[test]
fn practice_empty_lines_get_no_reply_and_bare_lf_ends_a_line() {
    let mut bench = Bench::clear();
    bench.bytes(b"\r\n\n\r\n\r\nNOOP\n\nNOOP\r\n");
    assert_eq!(bench.codes(), [200, 200]);
}

#[test]
fn rfc_959_section_4_2_1_unknown_unimplemented_and_malformed() {
    let mut bench = Bench::clear();
    for (line, codes) in [
        ("FROB", &[500][..]),
        ("SMNT x", &[502, 202]),
        ("TYPE E", &[504]),
        ("TYPE L 36", &[504]),
        ("TYPE A C", &[504]),
        ("TYPE U", &[501, 504]),
        ("STRU R", &[504]),
        ("STRU P", &[504]),
        ("MODE B", &[504]),
        ("MODE C", &[504]),
        ("MODE Z", &[504]),
        ("ALLO 5", &[202, 200]),
        ("ALLO 100 R 80", &[202, 200]),
        ("RETR", &[501]),
        ("TYPE L", &[501]),
        ("FEAT x", &[501]),
        ("PORT 1,2,3,4,5", &[501]),
        ("PORT 192,0,2,7,256,1", &[501]),
        ("PORT 192, 0,2,7,200,1", &[501]),
        ("PORT +192,0,2,7,200,1", &[501]),
        ("REST a b", &[501]),
        ("REST x", &[501]),
        ("STRU X", &[501, 504]),
        ("MODE X", &[501, 504]),
        ("ALLO x", &[501]),
        ("SITE EXEC /bin/ls", &[500, 502, 504]),
        ("SITE FOO", &[500, 501, 502, 504]),
        ("ADAT x", &[503]),
        ("MIC x", &[502, 503, 537]),
        ("LPSV", &[502, 500]),
        ("ALGS STATUS64", &[202]),
        ("MAIL x", &[500, 502]),
        ("NOOP x", &[200]),
        ("PWD x", &[257]),
        ("SYST x", &[215]),
        ("ABOR x", &[225]),
        ("CDUP x", &[250]),
    ] {
        let code = bench.cmd(line);
        assert!(codes.contains(&code), "{code} to {line}");
    }
}

#[test]
fn rfc_959_section_3_4_modes_and_structures_that_are_not_there_are_504() {
    let mut bench = Bench::clear();
    for line in ["MODE B", "MODE C", "MODE Z", "STRU R", "STRU P"] {
        assert_eq!(bench.cmd(line), 504);
    }
    // And nothing has changed.
    assert_eq!(bench.download("RETR motd"), b"Welcome to nobody\n");
    assert_eq!(bench.cmd("MODE S"), 200);
    assert_eq!(bench.cmd("STRU F"), 200);
}

#[test]
fn rfc_959_section_4_2_pipelined_commands_are_answered_in_order() {
    let mut bench = Bench::clear();
    let lines =
        "NOOP\r\nPWD\r\nSYST\r\nFEAT\r\nSIZE motd\r\nCWD pub\r\nPWD\r\nCDUP\r\nFROB\r\nHELP\r\n"
            .repeat(2);
    bench.bytes(lines.as_bytes());
    let once = [200, 257, 215, 211, 213, 250, 257, 250, 500, 214];
    assert_eq!(bench.codes(), [once, once].concat());
}

#[test]
fn rfc_959_section_5_4_the_codes_of_each_command() {
    let mut bench = Bench::new(in_clear());
    assert_eq!(bench.codes(), [220]);
    assert_eq!(bench.cmd("USER alice"), 331);
    assert_eq!(bench.cmd(&format!("PASS {CANARY}")), 230);
    for (line, code) in [
        ("CWD pub", 250),
        ("CDUP", 250),
        ("CWD missing", 550),
        ("CWD motd", 550),
        ("PORT 192,0,2,7,200,1", 200),
        ("PASV", 227),
        ("EPSV", 229),
        ("TYPE I", 200),
        ("STRU F", 200),
        ("MODE S", 200),
        ("REST 0", 350),
        ("ABOR", 225),
        ("SYST", 215),
        ("STAT", 211),
        ("STAT pub", 212),
        ("STAT motd", 213),
        ("HELP", 214),
        ("HELP RETR", 214),
        ("SITE HELP", 214),
        ("NOOP", 200),
        ("RNFR motd", 350),
        ("RNTO x", 250),
        ("RNFR missing", 550),
        ("DELE x", 250),
        ("DELE x", 550),
        ("DELE pub", 550),
        ("MKD x", 257),
        ("MKD x", 550),
        ("RMD x", 250),
        ("RMD x", 550),
        ("RMD pub", 550),
        ("RMD text", 550),
        ("PWD", 257),
        ("ACCT x", 202),
        ("USER reader", 503),
        ("QUIT", 221),
    ] {
        assert_eq!(bench.cmd(line), code, "{line}");
    }
    assert!(bench.is_closed());
}

#[test]
fn rfc_959_section_5_4_every_reply_of_the_whole_corpus_is_listed_for_its_verb() {
    // The bench checks it at every step of every test; here it is over all verbs with an argument that fits most of them.
    let mut bench = Bench::clear();
    bench.checks_silence = false;
    for verb in Verb::ALL {
        if matches!(verb, Verb::Quit | Verb::Rein) {
            continue;
        }
        bench.line(b"EPSV").forget();
        bench.line(format!("{verb} motd").as_bytes());
        let replied = bench
            .log()
            .iter()
            .any(|seen| matches!(seen, Seen::Replied(Some(_), ..)));
        assert!(replied, "{verb}");
    }
}

#[test]
fn rfc_1123_section_4_1_3_1_the_older_names() {
    let mut bench = Bench::clear();
    for (line, code) in [
        ("XMKD x", 257),
        ("XCWD x", 250),
        ("XPWD", 257),
        ("XCUP", 250),
        ("XRMD x", 250),
        ("P@SW", 227),
    ] {
        assert_eq!(bench.cmd(line), code, "{line}");
    }
}

#[test]
fn rfc_1123_section_4_1_2_13_the_minimum() {
    let mut bench = Bench::clear();
    for line in "TYPE A N,TYPE I,TYPE L 8,MODE S,STRU F,SYST,STAT,HELP,NOOP,PWD,CWD pub,CDUP,MKD x,RMD x,PASV,PORT 192,0,2,7,200,1"
        .replace(",0,2,7,200,1", ";0;2;7;200;1")
        .split(',')
    {
        let code = bench.cmd(&line.replace(';', ","));
        assert!(code < 400, "{code} to {line}");
    }
    for line in ["STOR new", "APPE new", "RETR new", "LIST", "NLST"] {
        assert_eq!(bench.transfer(line), [150, 226], "{line}");
    }
    for verb in Verb::ALL {
        if verb.conformance() == Conformance::Mandatory {
            assert_ne!(
                Bench::clear().codes_of(verb.as_str().as_bytes()).first(),
                Some(&502),
                "{verb}"
            );
        }
    }
}

#[test]
fn rfc_959_section_4_1_1_parameters_persist_and_directories_change_nothing_else() {
    let mut bench = Bench::clear();
    for line in ["CWD pub", "CDUP", "RETR missing", "EPSV", "NOOP"] {
        bench.line(line.as_bytes());
        assert!(bench.text_of("STAT").contains("TYPE: I"), "{line}");
        assert!(bench.server().user().is_some());
    }
    assert_eq!(bench.cmd("CDUP"), 250, "the root is its own parent");
    assert!(bench.server().directory().is_root());
}

#[test]
fn rfc_959_section_4_1_1_quit_during_a_transfer_waits_for_it() {
    let mut bench = Bench::clear();
    bench.auto_flow = false;
    assert_eq!(bench.transfer("RETR motd"), [150]);
    bench.line(b"QUIT");
    assert!(bench.said().is_empty() && !bench.is_closed());
    bench.flow_finished(18, DataEnd::Fin);
    assert_eq!(bench.codes(), [226, 221]);
    assert!(bench.is_closed());
    assert_eq!(bench.acts().last(), Some(&Act::CloseControl));
}

#[test]
fn rfc_959_section_4_1_1_a_lost_control_connection_is_abor_and_quit() {
    let mut bench = Bench::clear();
    bench.auto_flow = false;
    assert_eq!(bench.transfer("STOR new"), [150]);
    bench.eof();
    assert!(bench.is_closed() && !bench.tree.is_open() && bench.open_data() == 0);
    assert_eq!(bench.tree.aborts, 1);
}

#[test]
fn rfc_959_section_5_2_the_control_connection_closes_behind_the_last_reply() {
    let mut bench = Bench::clear();
    bench.client_reads = false;
    bench.line(b"QUIT");
    assert!(!bench.did(Act::CloseControl));
    bench.client_reads = true;
    bench.settle();
    assert_eq!(bench.codes(), [221]);
    assert!(bench.did(Act::CloseControl));
}

#[test]
fn rfc_959_section_3_1_1_type_a_is_the_default_and_converts_line_ends() {
    let mut bench = Bench::new(in_clear());
    bench.log_in(USER);
    assert_eq!(bench.download("RETR text"), b"one\r\ntwo\r\n");
    bench.upload = b"x\r\ny\r\nz\xE9".to_vec();
    assert_eq!(bench.transfer("STOR new"), [150, 226]);
    assert_eq!(bench.tree.file(b"/new").unwrap(), b"x\ny\nz\xE9");
    for line in ["TYPE I", "TYPE L 8", "TYPE L  8"] {
        assert_eq!(bench.cmd(line), 200);
        assert_eq!(
            bench.download("RETR pub/b.bin"),
            [0, 255, 13, 10, 0, 26],
            "{line}"
        );
    }
    assert_eq!(bench.cmd("TYPE A T"), 200);
    assert_eq!(bench.download("RETR text"), b"one\r\ntwo\r\n");
}

#[test]
fn rfc_959_section_3_2_the_data_connection_serves_one_transfer() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("RETR motd"), 425, "nothing is set up");
    assert_eq!(bench.transfer("RETR motd"), [150, 226]);
    assert_eq!(bench.cmd("RETR motd"), 425, "once");
    // The last setting wins (RFC 6384 section 9).
    assert_eq!(bench.cmd("PASV"), 227);
    assert_eq!(bench.cmd("PORT 192,0,2,7,200,1"), 200);
    bench.forget();
    assert_eq!(bench.cmd("RETR motd"), 226);
    assert!(
        bench
            .acts()
            .iter()
            .any(|act| matches!(act, Act::Connect(_)))
    );
}

#[test]
fn rfc_959_section_4_2_1_125_if_the_connection_is_there_and_150_if_not() {
    let mut bench = Bench::clear();
    bench.auto_data = false;
    bench.line(b"EPSV").listening("192.0.2.1:50021");
    bench.forget();
    bench.accepted("192.0.2.7").line(b"RETR motd");
    assert_eq!(bench.codes(), [125, 226]);
    bench.line(b"EPSV").listening("192.0.2.1:50022");
    bench.forget();
    bench.line(b"RETR motd").accepted("192.0.2.7");
    assert_eq!(bench.codes(), [150, 226]);
}

#[test]
fn rfc_1123_section_4_1_2_9_stou_names_its_file() {
    for (line, start) in [("STOU", "FILE: "), ("STOU report", "FILE: report")] {
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd("EPSV"), 229);
        bench.line(line.as_bytes());
        let said = bench.said();
        let name = said[said.len() - 2].split_once(' ').unwrap().1.to_owned();
        assert!(name.starts_with(start), "{said:?}");
        let name = name.strip_prefix("FILE: ").unwrap();
        assert_eq!(bench.download(&format!("RETR {name}")), b"uploaded");
    }
}

#[test]
fn rfc_959_section_4_1_3_retr_stor_and_appe() {
    let mut bench = Bench::clear();
    bench.transfer("RETR motd");
    assert_eq!(bench.tree.file(b"/motd").unwrap(), b"Welcome to nobody\n");
    bench.transfer("APPE motd");
    assert_eq!(
        bench.tree.file(b"/motd").unwrap(),
        b"Welcome to nobody\nuploaded"
    );
    bench.transfer("STOR motd");
    assert_eq!(bench.tree.file(b"/motd").unwrap(), b"uploaded");
    bench.transfer("APPE another");
    assert_eq!(bench.tree.file(b"/another").unwrap(), b"uploaded");
    // Open first: a missing file costs no data connection.
    assert_eq!(bench.transfer("RETR missing"), [550]);
}

#[test]
fn rfc_959_section_4_1_3_listings_of_all_kinds() {
    let mut bench = Bench::clear();
    assert_eq!(
        bench.download("NLST pub"),
        b"pub/a.txt\r\npub/b.bin\r\npub/deep\r\n"
    );
    bench.cmd("CWD pub");
    let names = bench.download("NLST");
    assert_eq!(names, b"a.txt\r\nb.bin\r\ndeep\r\n");
    // Each name is the argument of the next command (RFC 1123 section 4.1.2.7).
    assert_eq!(bench.download("RETR a.txt"), b"alpha");
    assert!(bench.text_of("STAT").contains("TYPE: I"));
    assert_eq!(bench.cmd("CWD /"), 250);
    for line in ["LIST empty", "NLST empty"] {
        assert_eq!(bench.download(line), b"", "{line}");
    }
    let long = String::from_utf8(bench.download("LIST motd")).unwrap();
    assert!(
        long.starts_with("-rw") && long.ends_with(" motd\r\n") && long.contains(" Mar 01 12:00 "),
        "{long}"
    );
    for line in ["LIST missing", "NLST missing", "MLSD missing"] {
        assert_eq!(bench.transfer(line), [550], "{line}");
    }
}

#[test]
fn listing_options_are_overlooked() {
    let mut bench = Bench::clear();
    let plain = bench.download("LIST");
    for line in ["LIST -a", "LIST -la", "LIST -al /", "LIST -R", "LIST -l -a"] {
        assert_eq!(bench.download(line), plain, "{line}");
    }
    bench.tree.insert("/empty/-x", b"1");
    assert_eq!(bench.cmd("CWD empty"), 250);
    assert!(bench.download("NLST ./-x").ends_with(b"-x\r\n"));
}

#[test]
fn rfc_959_section_4_1_3_stat_in_all_its_forms() {
    let mut bench = Bench::new(in_clear());
    assert_eq!(bench.cmd("STAT motd"), 530);
    let mut bench = Bench::clear();
    assert!(bench.text_of("STAT").contains("TYPE: I"));
    bench.auto_flow = false;
    assert_eq!(bench.transfer("RETR motd"), [150]);
    bench.progress(7);
    let text = bench.text_of("STAT");
    assert!(text.contains('7'), "{text}");
    assert!(bench.desk().flow.is_some(), "and the transfer goes on");
    bench.flow_finished(18, DataEnd::Fin);
    assert_eq!(bench.codes().last(), Some(&226));
}

#[test]
fn rfc_959_appendix_ii_257_doubles_quotes_and_is_absolute() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("CWD pub"), 250);
    let text = bench.text_of("MKD foo\"bar");
    assert!(text.starts_with("\"/pub/foo\"\"bar\" "), "{text}");
    assert_eq!(bench.cmd("CWD /pub/foo\"bar"), 250);
    assert!(bench.text_of("PWD").starts_with("\"/pub/foo\"\"bar\" "));
}

#[test]
fn rfc_3659_section_7_mlst_and_mlsd() {
    let mut bench = Bench::clear();
    bench.forget();
    assert_eq!(bench.cmd("MLST motd"), 250);
    let wire = String::from_utf8(bench.wire().to_vec()).unwrap();
    let lines: Vec<&str> = wire.split("\r\n").collect();
    assert!(
        lines[0].starts_with("250-") && lines[2].starts_with("250 "),
        "{wire}"
    );
    assert!(
        lines[1].starts_with(' ') && lines[1].ends_with("; /motd") || lines[1].ends_with("; motd"),
        "{wire}"
    );
    for fact in [
        "type=file;",
        "size=18;",
        "modify=20260301120000;",
        "perm=",
        "unique=",
    ] {
        assert!(lines[1].to_lowercase().contains(fact), "{fact} in {wire}");
    }
    let list = String::from_utf8(bench.download("MLSD pub"))
        .unwrap()
        .to_lowercase();
    assert!(
        list.split_terminator("\r\n")
            .all(|line| line.contains("; ") && !line.starts_with(' ')),
        "{list}"
    );
    assert!(list.contains("type=cdir;"), "{list}");
    assert!(!list.contains("type=pdir;"), "{list}");
    // Without the type fact there is no cdir (section 7.5.1.2).
    assert_eq!(bench.text_of("OPTS MLST size;frogs;"), "MLST OPTS size;");
    let list = String::from_utf8(bench.download("MLSD pub")).unwrap();
    assert_eq!(list, "size=5; a.txt\r\nsize=6; b.bin\r\n deep\r\n");
    assert_eq!(bench.cmd("OPTS MLST a b;"), 501);
    assert!(
        bench.text_of("FEAT").contains("MLST type;size*;"),
        "FEAT follows OPTS"
    );
    assert_eq!(bench.text_of("OPTS MLST"), "MLST OPTS");
    assert_eq!(bench.download("MLSD empty"), b"");
    assert_eq!(bench.transfer("MLSD motd"), [501]);
    // TYPE A has no say in it (section 7.2).
    assert_eq!(bench.cmd("TYPE A"), 200);
    bench.transfer("MLSD");
    assert!(bench.text_of("STAT").contains("TYPE: A"));
}

#[test]
fn rfc_3659_sections_3_and_4_size_and_mdtm_are_one_exact_line() {
    let mut bench = Bench::clear();
    assert_eq!(bench.text_of("SIZE motd"), "18");
    assert_eq!(bench.text_of("MDTM motd"), "20260301120000");
    for line in [
        "SIZE pub",
        "SIZE missing",
        "MDTM missing",
        "SIZE *",
        "MDTM *",
    ] {
        assert_eq!(bench.cmd(line), 550, "{line}");
    }
    // A name may look like a time and a name (section 3.4).
    bench.tree.insert("/19990929043300 File6", b"x");
    assert_eq!(bench.text_of("MDTM 19990929043300 File6"), "20260301120000");
    let mut config = in_clear();
    config.mdtm_sets_time = true;
    let mut bench = Bench::clear_with(config);
    assert_eq!(bench.cmd("MDTM 19990929043300 motd"), 213);
    assert_eq!(bench.text_of("MDTM motd"), "19990929043300");
    let text = bench.text_of("MFMT 20010203040506 motd");
    assert!(
        text.starts_with("Modify=20010203040506; ") && text.ends_with("motd"),
        "{text}"
    );
}

#[test]
fn rfc_2389_section_3_2_feat_tells_the_truth() {
    let features = |config: Config, secure: bool| {
        let mut bench = if secure {
            Bench::secure_with(config)
        } else {
            Bench::clear_with(config)
        };
        bench.forget();
        assert_eq!(bench.cmd("FEAT"), 211);
        let wire = String::from_utf8(bench.wire().to_vec()).unwrap();
        let lines: Vec<String> = wire.split_terminator("\r\n").map(str::to_owned).collect();
        assert!(
            lines[0].starts_with("211-")
                && lines.last().unwrap().to_lowercase().starts_with("211 end"),
            "{wire}"
        );
        let inner = &lines[1..lines.len() - 1];
        assert!(
            inner
                .iter()
                .all(|line| line.starts_with(' ') && !line.starts_with("  ")),
            "{wire}"
        );
        inner
            .iter()
            .filter_map(|line| line.strip_prefix(' ').map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let clear = features(Config::default(), false);
    for feature in [
        "EPRT",
        "EPSV",
        "MDTM",
        "SIZE",
        "REST STREAM",
        "TVFS",
        "UTF8",
        "MFMT",
    ] {
        assert!(
            clear.iter().any(|line| line == feature),
            "{feature} in {clear:?}"
        );
    }
    assert!(
        clear
            .iter()
            .any(|line| line.starts_with("MLST type*;size*;modify*;"))
    );
    assert!(
        clear.iter().any(|line| line.starts_with("LANG EN")),
        "{clear:?}"
    );
    for absent in [
        "MLSD", "FEAT", "OPTS", "AUTH", "HOST", "HASH", "MODE", "PASV",
    ] {
        assert!(
            !clear.iter().any(|line| line.starts_with(absent)),
            "{absent} in {clear:?}"
        );
    }
    let mut config = Config::default();
    config.virtual_hosts = true;
    config.hashes = vec![HashAlgorithm::Sha256, HashAlgorithm::Md5];
    let secure = features(config, true);
    for feature in ["AUTH TLS", "PBSZ", "PROT", "HOST", "HASH SHA-256*;MD5"] {
        assert!(
            secure.iter().any(|line| line == feature),
            "{feature} in {secure:?}"
        );
    }
}

#[test]
fn rfc_2389_section_4_opts() {
    let mut bench = Bench::new(in_clear());
    for (line, codes) in [
        ("OPTS UTF8 ON", &[200][..]),
        ("OPTS UTF-8", &[200]),
        ("OPTS UTF8", &[200]),
        ("OPTS UTF8 OFF", &[501, 504]),
        ("OPTS FROB x", &[501]),
        ("OPTS", &[501]),
        ("OPTS MLST size;", &[200]),
        ("FEAT", &[211]),
        ("LANG", &[200]),
        ("LANG en", &[200]),
        ("LANG en-GB", &[200]),
        ("LANG fr", &[504]),
        ("LANG !", &[501, 504]),
    ] {
        let code = bench.cmd(line);
        assert!(codes.contains(&code), "{code} to {line}");
    }
}

#[test]
fn rfc_2428_eprt_and_epsv() {
    let mut bench = Bench::clear();
    let text = bench.text_of("EPSV");
    assert!(
        text.ends_with("(|||50021|)") || text.ends_with("(|||50021|)."),
        "{text}"
    );
    for (line, codes) in [
        ("EPRT |1|192.0.2.7|50000|", &[200][..]),
        ("EPRT !1!192.0.2.7!50000!", &[200]),
        ("EPRT ~1~192.0.2.7~50000~", &[200]),
        ("EPRT |9|x|1|", &[522]),
        ("EPRT |2|2001:db8::7|50000|", &[522, 501]),
        ("EPRT |1|192.0.2.7|50000", &[501]),
        ("EPRT |1|192.0.2.7||", &[501]),
        ("EPRT |1!192.0.2.7|50000|", &[501]),
        ("EPRT", &[501]),
        ("EPSV 1", &[229]),
        ("EPSV 2", &[522]),
        ("EPSV 9", &[522]),
        ("EPSV x", &[501]),
    ] {
        let code = bench.cmd(line);
        assert!(codes.contains(&code), "{code} to {line}");
    }
    let text = bench.text_of("EPSV 2");
    assert!(
        text.ends_with("(1)") && text.matches('(').count() == 1,
        "{text}"
    );
    let mut six = Bench::from(in_clear(), "[2001:db8::7]:40000", "[2001:db8::1]:21");
    six.log_in(USER);
    assert_eq!(six.cmd("EPSV 2"), 229);
    let text = six.text_of("EPSV 1");
    assert!(text.ends_with("(2)"), "{text}");
}

#[test]
fn rfc_7151_host() {
    let mut config = in_clear();
    config.virtual_hosts = true;
    for (line, code) in [
        ("HOST ftp.example.org", 220),
        ("HOST nowhere.example.org", 504),
        ("HOST ftp.example.org:21", 501),
        ("HOST", 501),
        ("HOST 192.0.2.1", 220),
        ("HOST 192.0.2.99", 504),
        ("HOST [2001:db8::1]", 504),
        ("HOST a b", 501),
        ("HOST conflict.example.org", 503),
    ] {
        let mut bench = Bench::new(config.clone());
        assert_eq!(bench.cmd(line), code, "{line}");
    }
    let mut bench = Bench::new(config.clone());
    assert_eq!(bench.cmd("HOST down.example.org"), 421);
    assert!(bench.is_closed());
    // Again before the login: the last one counts, and a USER before it does not.
    let mut bench = Bench::new(config.clone());
    bench.cmd("HOST ftp.example.org");
    bench.cmd("USER alice");
    assert_eq!(bench.cmd("HOST other.example.org"), 220);
    assert_eq!(bench.cmd(&format!("PASS {CANARY}")), 503);
    bench.log_in(USER);
    assert_eq!(bench.cmd("HOST ftp.example.org"), 503);
    assert_eq!(Bench::new(in_clear()).cmd("HOST ftp.example.org"), 502);
}

#[test]
fn rfc_4217_the_codes_of_auth_pbsz_prot_and_ccc() {
    for mechanism in ["TLS", "tls", "TLS-C", "SSL", "TLS-P"] {
        let mut bench = Bench::new(with(Security::required()));
        bench.auto_control = false;
        bench.forget();
        assert_eq!(bench.cmd(&format!("AUTH {mechanism}")), 234);
        // 234 goes out in clear text before the handshake.
        let reply = bench.place(|seen| matches!(seen, Seen::Replied(_, 234, _)));
        let order = bench.place(|seen| matches!(seen, Seen::Did(Act::SecureControl)));
        assert!(reply < order);
    }
    let mut bench = Bench::new(with(Security::required()));
    assert_eq!(bench.cmd("AUTH KERBEROS_V4"), 504);
    assert_eq!(bench.cmd("PBSZ 0"), 503);
    assert_eq!(bench.cmd("PROT P"), 503);
    assert_eq!(Bench::new(with(Security::clear())).cmd("AUTH TLS"), 502);
    assert_eq!(bench.cmd("AUTH TLS"), 234);
    // Before the login as well as behind it (section 9).
    for (line, code) in [
        ("PBSZ 0", 200),
        ("PBSZ x", 501),
        ("PBSZ 4294967296", 501),
        ("PROT P", 200),
        ("PROT C", 200),
        ("PROT S", 536),
        ("PROT E", 536),
        ("PROT X", 504),
    ] {
        assert_eq!(bench.cmd(line), code, "{line}");
    }
    assert_eq!(bench.text_of("PBSZ 16384"), "PBSZ=0");
    bench.log_in(USER);
    assert_eq!(bench.cmd("AUTH TLS"), 503);
    let mut config = with(Security::required());
    config.strict_pbsz = true;
    let mut bench = Bench::new(config);
    bench.cmd("AUTH TLS");
    assert_eq!(bench.cmd("PROT P"), 503);
    bench.cmd("PBSZ 0");
    assert_eq!(bench.cmd("PROT P"), 200);
}

#[test]
fn rfc_4217_section_9_data_starts_in_clear_and_prot_stays() {
    let mut bench = Bench::new(with(Security::optional()));
    bench.cmd("AUTH TLS");
    bench.log_in(USER);
    bench.cmd("EPSV");
    bench.forget();
    assert_eq!(bench.cmd("LIST"), 226);
    assert!(!bench.did(Act::SecureData));
    bench.cmd("PROT P");
    for line in ["LIST", "RETR motd", "STOR new", "LIST empty"] {
        bench.cmd("EPSV");
        bench.forget();
        assert_eq!(bench.cmd(line), 226);
        assert!(bench.did(Act::SecureData), "{line}: empty or not");
    }
}

#[test]
fn rfc_4217_section_12_6_the_order_of_a_protected_transfer() {
    let mut bench = Bench::secure();
    bench.transfer("RETR motd");
    let at = |wanted: &dyn Fn(&Seen) -> bool| bench.place(wanted);
    let accept = at(&|seen| matches!(seen, Seen::Did(Act::Accept)));
    let preliminary = at(&|seen| matches!(seen, Seen::Replied(_, 150, _)));
    let secure = at(&|seen| matches!(seen, Seen::Did(Act::SecureData)));
    let flow = at(&|seen| matches!(seen, Seen::Did(Act::Flow { .. })));
    let last = at(&|seen| matches!(seen, Seen::Replied(_, 226, _)));
    assert!(accept < secure && preliminary < secure && secure < flow && flow < last);
}

#[test]
fn implicit_tls_is_private_from_the_start() {
    let mut bench = Bench::new(with(Security::implicit()));
    assert_eq!(bench.acts(), [Act::SecureControl]);
    assert_eq!(bench.codes(), [220]);
    assert_eq!(bench.cmd("AUTH TLS"), 503);
    bench.log_in(USER);
    bench.cmd("EPSV");
    bench.forget();
    assert_eq!(bench.cmd("RETR motd"), 226);
    assert!(bench.did(Act::SecureData));
    assert_eq!(bench.cmd("PBSZ 0"), 200);
    assert_eq!(bench.cmd("PROT P"), 200);
}

#[test]
fn rfc_1123_section_4_1_2_11_transient_trouble_is_4yz() {
    use ftp_proto::server::Refused;
    for (line, why, code) in [
        ("RETR motd", Refused::Busy, 450),
        ("STOR new", Refused::NoSpace, 452),
        ("STOR new", Refused::Quota, 552),
        ("STOR new", Refused::BadName, 553),
        ("DELE motd", Refused::Busy, 450),
        ("RETR motd", Refused::Denied, 550),
        ("STOR new", Refused::NeedAccount, 532),
        ("MKD x", Refused::Denied, 550),
    ] {
        let mut bench = Bench::clear();
        bench.cmd("EPSV");
        bench.tree.refuse_next = Some(why);
        assert_eq!(bench.cmd(line), code, "{line} {why:?}");
    }
}

#[test]
fn rfc_959_section_4_1_3_help_and_site() {
    let mut bench = Bench::new(in_clear());
    assert_eq!(bench.cmd("HELP"), 214);
    assert!(bench.text_of("HELP RETR").contains("RETR"));
    assert!(bench.text_of("HELP SITE").contains("CHMOD"));
    let mut bench = Bench::clear();
    for (line, codes) in [
        ("SITE CHMOD 644 motd", &[200][..]),
        ("SITE CHMOD 9 motd", &[501]),
        ("SITE CHMOD 644 missing", &[550]),
        ("SITE CHMOD", &[501]),
        ("SITE UTIME 20010203040506 motd", &[200, 213]),
        (
            "SITE UTIME motd 20010203040506 20010203040506 20010203040506 UTC",
            &[200, 213],
        ),
        ("SITE UTIME x motd", &[501]),
        ("SITE HELP", &[214]),
    ] {
        let code = bench.cmd(line);
        assert!(codes.contains(&code), "{code} to {line}");
    }
    assert!(bench.text_of("SYST").starts_with("UNIX Type: L8"));
}

#[test]
fn digests_are_told_in_the_customary_forms() {
    let mut config = in_clear();
    config.hashes = HashAlgorithm::ALL.to_vec();
    let mut bench = Bench::clear_with(config);
    assert_eq!(bench.cmd("OPTS HASH MD5"), 200);
    let text = bench.text_of("HASH motd");
    assert!(
        text.starts_with(&format!("MD5 0-17 {} ", "ab".repeat(16))) && text.ends_with("motd"),
        "{text}"
    );
    assert_eq!(bench.cmd("OPTS HASH FROB"), 501);
    assert_eq!(bench.cmd("XCRC motd"), 250);
    assert!(bench.text_of("XCRC \"motd\" 0 5").contains("0ABCDEF0"));
    assert_eq!(bench.cmd("HASH pub"), 553);
    assert_eq!(bench.cmd("XMD5 missing"), 550);
}

/// RFC 959 section 4.1.3: ABOR ends what runs. A digest may run for minutes.
#[test]
fn abor_ends_a_digest_and_its_answer_is_to_nobody() {
    let mut config = in_clear();
    config.hashes = vec![HashAlgorithm::Md5];
    let mut bench = Bench::clear_with(config);
    bench.auto_answers = false;
    bench.line(b"HASH motd");
    assert!(bench.server().awaits_answer() && bench.codes().is_empty());
    // What comes behind it waits, and so does nothing else than ABOR get through.
    bench.line(b"PWD");
    assert!(bench.codes().is_empty());
    bench.line(b"ABOR");
    assert_eq!(bench.codes(), [450, 257, 226]);
    assert!(!bench.server().awaits_answer());
    bench.answer();
    assert!(bench.codes().is_empty());
    assert_eq!(bench.cmd("NOOP"), 200);
}

/// draft-bryan-ftp-range section 3: both ends are part of it, for RETR and HASH, and for the next of them alone.
#[test]
fn a_range_is_for_the_next_download_or_digest_alone() {
    let mut config = in_clear();
    config.hashes = vec![HashAlgorithm::Md5];
    let mut bench = Bench::clear_with(config);
    assert_eq!(bench.cmd("TYPE I"), 200);
    assert_eq!(bench.cmd("RANG 2 5"), 350);
    assert!(bench.text_of("HASH motd").starts_with("MD5 2-5 "));
    assert!(bench.text_of("HASH motd").starts_with("MD5 0-17 "));
    assert_eq!(bench.cmd("RANG 2 5"), 350);
    assert_eq!(bench.transfer("RETR motd"), [150, 226]);
    assert_eq!(bench.transfer("RETR motd"), [150, 226]);
    let whole = bench.tree.file(b"/motd").unwrap().to_vec();
    assert_eq!(bench.downloads, [whole[2..=5].to_vec(), whole]);
    // Taken back by 1 0, by REST, and by anything that is none of its business.
    for line in ["RANG 1 0", "REST 0", "PWD"] {
        assert_eq!(bench.cmd("RANG 2 5"), 350);
        bench.cmd(line);
        assert!(
            bench.text_of("HASH motd").starts_with("MD5 0-17 "),
            "{line}"
        );
    }
}
