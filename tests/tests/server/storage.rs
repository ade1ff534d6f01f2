//! What is opened, written, committed and closed; restart points, renames, aborts.

use std::time::Duration;

use ftp_proto::DataEnd;
use ftp_proto::Fault;
use ftp_proto::TlsFault;
use ftp_proto::server::{Config, MissingCloseNotify, Note, Refused};
use ftp_proto_tests::bench_server::{Bench, Seen};

/// An upload under way, with nothing moved.
fn uploading(secure: bool, line: &str, config: Config) -> Bench {
    let mut bench = if secure {
        Bench::secure_with(config)
    } else {
        Bench::clear_with(config)
    };
    bench.auto_flow = false;
    assert_eq!(bench.transfer(line), [150], "{bench:?}");
    bench.forget();
    bench
}

#[test]
fn is_14_a_restart_point_reaches_the_next_transfer_and_no_further() {
    // What may come between REST and the transfer, and what takes it back.
    let keeps = [
        "TYPE I",
        "EPSV",
        "PASV",
        "PORT 192,0,2,7,200,1",
        "EPRT |1|192.0.2.7|50000|",
        "NOOP",
    ];
    let clears = [
        "PWD",
        "CWD pub",
        "SIZE motd",
        "STAT",
        "HELP",
        "SYST",
        "RNFR motd",
        "MKD x",
        "FROB",
        "FEAT",
        "LIST",
        "RETR missing",
        "RETR",
        "SITE x",
        "ALLO 5",
        "ABOR",
    ];
    for line in keeps.iter().chain(&clears) {
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd("REST 8"), 350);
        bench.line(line.as_bytes());
        bench.codes();
        bench.cmd("EPSV");
        let code = bench.cmd("RETR /motd");
        assert_eq!(code, 226, "{line}: {bench:?}");
        let got = bench.downloads.last().unwrap();
        if keeps.contains(line) {
            assert_eq!(got, b"to nobody\n", "{line} takes it back");
        } else {
            assert_eq!(got, b"Welcome to nobody\n", "{line} keeps it");
        }
        // And never the one after that.
        assert_eq!(
            bench.download("RETR /motd"),
            b"Welcome to nobody\n",
            "{line}"
        );
    }
}

#[test]
fn is_14_rfc_3659_section_5_3_offsets() {
    let mut bench = Bench::clear();
    for (offset, codes, rest) in [
        ("0", &[150, 226][..], &b"Welcome to nobody\n"[..]),
        ("17", &[150, 226], b"\n"),
        ("18", &[150, 226], b""),
        ("19", &[554], b""),
        ("9223372036854775807", &[554], b""),
    ] {
        assert_eq!(bench.cmd("EPSV"), 229);
        assert_eq!(bench.cmd(&format!("REST {offset}")), 350);
        assert_eq!(bench.codes_of(b"RETR motd"), codes, "{offset}");
        if codes.len() == 2 {
            assert_eq!(bench.downloads.last().unwrap(), rest);
        }
    }
    // An upload from an offset leaves what is before it.
    assert_eq!(bench.cmd("EPSV"), 229);
    assert_eq!(bench.cmd("REST 8"), 350);
    assert_eq!(bench.cmd("STOR motd"), 226);
    assert_eq!(bench.tree.file(b"/motd").unwrap(), b"Welcome uploadedy\n");
    assert_eq!(bench.cmd("EPSV"), 229);
    assert_eq!(bench.cmd("REST 800"), 350);
    assert_eq!(bench.cmd("STOR motd"), 554);
    // With APPE and STOU it means nothing that anybody knows.
    for line in ["APPE motd", "STOU"] {
        assert_eq!(bench.cmd("EPSV"), 229);
        assert_eq!(bench.cmd("REST 8"), 350);
        let code = bench.cmd(line);
        assert!(code >= 500, "{code} to {line}");
    }
    // TYPE A has no offsets here.
    assert_eq!(bench.cmd("TYPE A"), 200);
    assert!(matches!(bench.cmd("REST 8"), 501 | 503 | 504));
    assert_eq!(bench.cmd("REST 0"), 350);
}

#[test]
fn is_14_a_range_is_for_the_next_transfer_too() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("EPSV"), 229);
    assert_eq!(bench.cmd("RANG 3 6"), 350);
    assert_eq!(bench.cmd("RETR motd"), 226);
    assert_eq!(bench.downloads.last().unwrap(), b"come");
    assert_eq!(bench.download("RETR motd"), b"Welcome to nobody\n");
    assert_eq!(bench.cmd("RANG 1 0"), 350);
    assert_eq!(bench.download("RETR motd"), b"Welcome to nobody\n");
    assert_eq!(bench.cmd("RANG 6 3"), 501);
}

#[test]
fn rfc_959_section_4_1_3_rnto_follows_rnfr() {
    for between in [
        "PWD",
        "CWD pub",
        "RNFR missing",
        "FROB",
        "TYPE I",
        "REST 0",
        "SIZE motd",
        "EPSV",
        "FEAT",
    ] {
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd("RNFR motd"), 350);
        bench.line(between.as_bytes());
        assert_eq!(bench.cmd("RNTO new"), 503, "{between}");
        assert!(bench.tree.exists(b"/motd"));
    }
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("RNTO new"), 503);
    assert_eq!(bench.cmd("RNFR missing"), 550);
    assert_eq!(bench.cmd("RNFR motd"), 350);
    assert_eq!(bench.cmd("NOOP"), 200);
    assert_eq!(bench.cmd("RNTO new"), 250);
    assert!(bench.tree.exists(b"/new") && !bench.tree.exists(b"/motd"));
    assert_eq!(bench.cmd("RNTO other"), 503, "once");
    // A rename that fails starts again with RNFR.
    assert_eq!(bench.cmd("RNFR new"), 350);
    assert!(matches!(bench.cmd("RNTO no/such/place"), 550 | 553));
    assert_eq!(bench.cmd("RNTO motd"), 503);
}

#[test]
fn is_25_an_upload_is_committed_if_it_came_whole_and_aborted_if_not() {
    let ends = [
        (DataEnd::Fin, false, true),
        (DataEnd::CloseNotify, true, true),
        (DataEnd::Fin, true, true),
        (DataEnd::Failed(Fault::Reset), false, false),
        (DataEnd::Failed(Fault::TimedOut), true, false),
        (DataEnd::Tls(TlsFault::Corrupt), true, false),
        (DataEnd::Tls(TlsFault::Alert(20)), true, false),
        (DataEnd::Local, false, false),
    ];
    for line in ["STOR new", "APPE new", "STOU new"] {
        for (end, secure, whole) in ends {
            let mut bench = uploading(secure, line, Config::default());
            bench.flow_finished(8, end);
            let told = format!("{line} {end:?} secure {secure}: {bench:?}");
            let codes = bench.codes();
            assert_eq!(codes.len(), 1, "{told}");
            assert_eq!(codes[0] == 226, whole, "{codes:?}: {told}");
            if !whole {
                assert!(matches!(codes[0], 426 | 451), "{codes:?}: {told}");
            }
            let expected = if whole { (1, 0) } else { (0, 1) };
            assert_eq!((bench.tree.commits, bench.tree.aborts), expected, "{told}");
            assert!(!bench.tree.is_open(), "{told}");
            let events = bench
                .log()
                .iter()
                .filter(|seen| matches!(seen, Seen::Transferred(..)));
            assert_eq!(events.count(), 1, "{told}");
            assert_eq!(bench.cmd("NOOP"), 200);
        }
    }
}

#[test]
fn is_25_an_abort_and_a_lost_client_commit_nothing() {
    for secure in [false, true] {
        for moved in [0, 3, 8] {
            let mut bench = uploading(secure, "STOR new", Config::default());
            bench.progress(moved).line(b"ABOR");
            assert_eq!(bench.codes(), [426, 226]);
            assert_eq!((bench.tree.commits, bench.tree.aborts), (0, 1));
            let mut bench = uploading(secure, "STOR new", Config::default());
            bench.progress(moved).eof();
            assert_eq!((bench.tree.commits, bench.tree.aborts), (0, 1));
            assert!(!bench.tree.exists(b"/new"));
        }
    }
}

#[test]
fn is_25_a_missing_close_notify_is_what_the_policy_says() {
    for (policy, code, commits) in [
        (MissingCloseNotify::Accept, 226, 1),
        (MissingCloseNotify::Refuse, 426, 0),
    ] {
        let mut config = Config::default();
        config.missing_close_notify = policy;
        let mut bench = uploading(true, "STOR new", config);
        bench.flow_finished(8, DataEnd::Fin);
        assert_eq!(bench.codes(), [code], "{policy:?}");
        assert_eq!(bench.tree.commits, commits);
        if policy == MissingCloseNotify::Accept {
            let noted = bench
                .notes()
                .iter()
                .any(|note| matches!(note, Note::CloseNotifyMissing(_)));
            assert!(noted, "{bench:?}");
        }
    }
}

#[test]
fn is_26_226_waits_until_the_storage_has_it_safe() {
    for line in ["STOR new", "APPE motd", "STOU"] {
        let mut bench = uploading(false, line, Config::default());
        bench.auto_answers = false;
        bench.flow_finished(8, DataEnd::Fin);
        assert!(bench.said().is_empty(), "{line}: not safe yet");
        assert_eq!(bench.open_data(), 0);
        // Even if it takes long.
        bench.checks_silence = false;
        bench.pass(Duration::from_secs(1000));
        assert!(!bench.is_closed());
        bench.answer();
        assert_eq!(bench.codes(), [226], "{line}");
    }
}

#[test]
fn is_26_a_storage_that_fails_at_the_end_is_no_226() {
    for (why, code) in [
        (Refused::NoSpace, 452),
        (Refused::Quota, 552),
        (Refused::Io, 451),
        (Refused::Denied, 451),
    ] {
        let mut bench = uploading(false, "STOR new", Config::default());
        bench.tree.refuse_commit = Some(why);
        bench.flow_finished(8, DataEnd::Fin);
        let codes = bench.codes();
        assert_eq!(codes, [code], "{why:?}");
        assert!(!bench.tree.exists(b"/new"));
    }
}

#[test]
fn is_26_the_data_connection_has_ended_before_226() {
    for secure in [false, true] {
        for line in ["RETR motd", "LIST"] {
            let mut bench = if secure {
                Bench::secure()
            } else {
                Bench::clear()
            };
            bench.auto_flow = false;
            assert_eq!(bench.transfer(line), [150]);
            bench.progress(18);
            let data = bench.desk().flow.as_ref().unwrap().data();
            bench.handle(ftp_proto::server::Input::SourceEnded(data));
            assert!(
                bench.said().is_empty(),
                "sent, and not closed by the client"
            );
            bench.flow_finished(
                18,
                if secure {
                    DataEnd::CloseNotify
                } else {
                    DataEnd::Fin
                },
            );
            assert_eq!(bench.codes(), [226]);
            assert_eq!(bench.open_data(), 0);
        }
    }
}

#[test]
fn is_28_abor_is_one_426_and_one_226_at_every_moment() {
    for line in ["RETR motd", "STOR new", "LIST", "MLSD"] {
        // Nobody has come; TLS is under way; payload moves.
        for moment in 0..3 {
            let mut bench = Bench::secure();
            bench.auto_flow = false;
            assert_eq!(bench.cmd("EPSV"), 229);
            bench.auto_data = moment == 2;
            bench.line(line.as_bytes());
            if moment == 1 {
                bench.accepted("192.0.2.7");
                assert!(bench.desk().secure_data.is_some());
            }
            if moment == 2 {
                bench.progress(1);
            }
            bench.forget();
            bench.bytes(b"\xFF\xF4\xFF\xF2ABOR\r\n");
            assert_eq!(
                bench.codes(),
                [426, 226],
                "{line} at moment {moment}: {bench:?}"
            );
            assert_eq!(bench.open_data(), 0);
            assert!(!bench.tree.is_open());
            // Once more: there is nothing to abort.
            assert_eq!(bench.cmd("ABOR"), 225);
            bench.auto_data = true;
            bench.auto_flow = true;
            assert_eq!(bench.transfer("RETR motd"), [150, 226]);
        }
        // The storage opens.
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd("EPSV"), 229);
        bench.auto_answers = false;
        bench.line(line.as_bytes()).line(b"ABOR");
        while bench.question().is_some() {
            bench.answer();
        }
        let codes = bench.codes();
        let fails = codes.iter().filter(|code| **code == 426).count();
        let good = codes
            .iter()
            .filter(|code| matches!(code, 225 | 226))
            .count();
        assert_eq!(good, 1, "{codes:?} to {line}");
        assert!(fails <= 1 && codes.len() <= 3, "{codes:?}");
        assert!(!bench.tree.is_open());
    }
}

#[test]
fn is_28_abor_behind_a_transfer_that_is_over_is_225() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("EPSV"), 229);
    assert_eq!(bench.codes_of(b"RETR motd"), [150, 226]);
    assert_eq!(bench.cmd("ABOR"), 225);
    // With a listener alone it closes that.
    assert_eq!(bench.cmd("PASV"), 227);
    assert_eq!(bench.cmd("ABOR"), 225);
    assert_eq!(bench.open_data(), 0);
}

#[test]
fn is_25_is_26_an_abort_while_an_upload_is_made_safe() {
    let mut bench = uploading(false, "STOR new", Config::default());
    bench.auto_answers = false;
    bench.flow_finished(8, DataEnd::Fin);
    bench.line(b"ABOR");
    bench.answer();
    let codes = bench.codes();
    // Too late to stop it, or stopped: one reply to each, and they agree with the storage.
    let stored = bench.tree.exists(b"/new");
    assert!(
        codes == [226, 225] && stored || codes == [426, 226],
        "{codes:?}, stored {stored}"
    );
}

#[test]
fn size_in_type_a_is_refused_rather_than_wrong() {
    let mut bench = Bench::clear();
    assert_eq!(bench.text_of("SIZE text"), "8");
    assert_eq!(bench.cmd("TYPE A"), 200);
    let code = bench.cmd("SIZE text");
    assert!(code == 550 || bench.text_of("SIZE text") == "10");
    assert_eq!(bench.download("RETR text"), b"one\r\ntwo\r\n");
    bench.upload = b"a\r\nb\r\n".to_vec();
    assert_eq!(bench.transfer("STOR new"), [150, 226]);
    assert_eq!(bench.tree.file(b"/new").unwrap(), b"a\nb\n");
}
