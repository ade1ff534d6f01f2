//! Floods, budgets and other protocols.

use std::time::Duration;

use ftp_proto::server::{Closing, Input};
use ftp_proto_tests::bench_server::{Bench, Seen, in_clear};

#[test]
fn is_03_nothing_of_a_line_that_is_too_long_is_a_command() {
    let limit = in_clear().limits.received_line;
    for beyond in [1, 2, 511, 8191, 8192, 8193, 100_000] {
        for word in ["DELE motd", " DELE motd", "\rDELE motd", "\0DELE motd"] {
            for place in [0, 1, limit - 5, limit - 1, limit, limit + 1] {
                let mut line = vec![b'A'; limit + beyond];
                let place = place.min(line.len() - word.len());
                line[place..place + word.len()].copy_from_slice(word.as_bytes());
                let mut bench = Bench::clear();
                bench.checks_silence = false;
                let codes = bench.codes_of(&line);
                assert_eq!(codes, [500], "{beyond} {word} {place}");
                assert!(bench.tree.asked.is_empty());
                assert!(bench.tree.exists(b"/motd"));
                assert_eq!(bench.cmd("NOOP"), 200);
            }
        }
    }
}

#[test]
fn is_03_long_lines_in_a_row_end_the_session_and_use_no_memory() {
    let mut bench = Bench::clear();
    for _ in 0..200 {
        bench.bytes(&[b'x'; 16 * 1024]);
    }
    bench.line(b"");
    assert_eq!(bench.codes(), [500], "one answer for one line");
    bench.line(&[b'y'; 9000]).line(&[b'z'; 9000]);
    assert_eq!(bench.codes(), [500, 421]);
    assert_eq!(bench.closing(), Closing::TooManyErrors);
}

#[test]
fn is_22_a_flood_of_commands_is_left_in_the_transport() {
    let mut bench = Bench::clear();
    bench.client_reads = false;
    bench.checks_silence = false;
    let limits = in_clear().limits;
    for _ in 0..100 {
        bench.bytes(&b"FEAT\r\nHELP\r\nNOOP\r\nSTAT\r\n".repeat(1000));
        assert!(
            bench.server().outgoing().len() <= limits.unread_replies + 4096,
            "{} bytes of replies wait",
            bench.server().outgoing().len()
        );
    }
    assert!(bench.held_back() > 2_000_000);
    assert!(!bench.server().reads_control());
    // Read at last, everything is answered, in order.
    bench.client_reads = true;
    bench.settle();
    assert_eq!(bench.held_back(), 0);
    let codes = bench.codes();
    assert_eq!(codes.len(), 400_000);
    assert!(codes.chunks(4).all(|four| four == [211, 214, 200, 211]));
}

#[test]
fn is_22_while_the_storage_thinks_little_is_read() {
    let mut bench = Bench::clear();
    bench.auto_answers = false;
    bench.line(b"SIZE motd");
    bench.bytes(&b"NOOP\r\n".repeat(100_000));
    assert!(
        bench.held_back() > 500_000,
        "{} left outside",
        bench.held_back()
    );
    assert!(!bench.server().reads_control());
    assert!(bench.said().is_empty());
    bench.checks_silence = false;
    bench.answer();
    bench.auto_answers = true;
    assert_eq!(bench.codes().len(), 100_001);
}

#[test]
fn is_22_a_flood_during_a_transfer_waits_and_abor_is_still_heard() {
    let mut bench = Bench::clear();
    bench.auto_flow = false;
    assert_eq!(bench.transfer("RETR motd"), [150]);
    bench.bytes(&b"PWD\r\n".repeat(10));
    assert!(bench.said().is_empty());
    bench.bytes(b"ABOR\r\n");
    let codes = bench.codes();
    assert_eq!(codes[0], 426, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 257).count(), 10);
    assert_eq!(codes.iter().filter(|code| **code == 226).count(), 1);
    assert_eq!(codes.len(), 12);
}

#[test]
fn is_23_other_protocols_get_no_byte() {
    for hello in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"POST /upload HTTP/1.0\r\n",
        b"OPTIONS * HTTP/1.1\r\n",
        b"EHLO mail.example.org\r\n",
        b"HELO x\r\n",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x03\x00\x05",
    ] {
        for at in 0..hello.len() {
            let mut bench = Bench::new(in_clear());
            bench.checks_silence = false;
            bench.forget();
            bench.force(&hello[..at]).force(&hello[at..]);
            assert_eq!(bench.wire(), b"", "{hello:?}");
            assert!(bench.is_closed(), "{hello:?} cut at {at}");
            assert!(matches!(bench.closing(), Closing::Foreign(_)));
        }
    }
    // In the middle of a login too.
    let mut bench = Bench::new(in_clear());
    bench.line(b"USER alice").forget();
    bench.line(b"POST / HTTP/1.1");
    assert!(bench.is_closed() && bench.wire().is_empty());
    // Logged in, a file may have any name.
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("STAT GET / HTTP/1.1"), 550);
}

#[test]
fn is_24_lines_that_are_no_commands_are_counted() {
    let mut bench = Bench::new(in_clear());
    let mut lines = 0;
    while !bench.is_closed() {
        // What is a command in between gives nothing back.
        bench.line(b"NOOP").line(b"FROB").line(b"FEAT");
        lines += 1;
        assert!(lines < 50);
    }
    assert_eq!(lines, usize::from(in_clear().limits.errors_before_login));
    assert!(bench.codes().contains(&421));
    assert_eq!(bench.closing(), Closing::TooManyErrors);

    let mut bench = Bench::clear();
    let mut lines = 0;
    while !bench.is_closed() {
        bench.line(b"FROB x");
        lines += 1;
        assert!(lines < 50);
    }
    assert_eq!(lines, usize::from(in_clear().limits.errors));
}

#[test]
fn is_24_the_budget_before_login_is_not_filled_up_by_users() {
    let mut bench = Bench::new(in_clear());
    for _ in 0..3 {
        assert!(!bench.is_closed());
        bench.line(b"USER alice").line(b"FROB");
    }
    assert!(bench.is_closed());
}

#[test]
fn is_34_however_a_session_ends_everything_is_closed_with_it() {
    let stages: &[&[&str]] = &[
        &[],
        &["EPSV"],
        &["PORT 192,0,2,7,200,1"],
        &["EPSV", "RETR motd"],
        &["EPSV", "STOR new"],
        &["EPSV", "LIST"],
        &["RNFR motd"],
        &["REST 5"],
    ];
    for stage in stages {
        // Nobody has come yet, TLS is not up yet, payload moves, the storage thinks.
        for depth in 0..4 {
            for end in 0..7 {
                let mut bench = Bench::secure();
                bench.auto_flow = false;
                bench.checks_silence = false;
                for line in stage.iter() {
                    if line.contains(' ') || *line == "LIST" {
                        bench.auto_data = depth >= 2;
                        bench.auto_answers = depth != 3;
                    }
                    bench.line(line.as_bytes());
                }
                if depth == 1 && bench.desk().accept.is_some() {
                    bench.accepted("192.0.2.7");
                }
                match end {
                    0 => {
                        bench.eof();
                    }
                    1 => {
                        bench.handle(Input::ControlFailed(ftp_proto::Fault::Reset));
                    }
                    2 => {
                        bench.line(b"QUIT");
                    }
                    3 => {
                        bench.handle(Input::Shutdown);
                    }
                    4 => {
                        bench.line(b"REIN");
                        bench.force(b"x");
                    }
                    5 => {
                        bench.line(b"ABOR").line(b"QUIT");
                    }
                    _ => {}
                }
                while bench.question().is_some() {
                    bench.answer();
                }
                bench.auto_answers = true;
                bench.pass(Duration::from_secs(3600));
                let told = format!("{stage:?} depth {depth} end {end}: {bench:?}");
                assert!(bench.is_closed(), "{told}");
                assert_eq!(bench.open_data(), 0, "{told}");
                assert!(!bench.tree.is_open(), "{told}");
                assert_eq!(bench.server().deadline(), None);
                let ends = bench
                    .log()
                    .iter()
                    .filter(|seen| matches!(seen, Seen::Closed(_)))
                    .count();
                assert_eq!(ends, 1);
            }
        }
    }
}

#[test]
fn is_34_what_was_opened_too_late_is_closed_all_the_same() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("EPSV"), 229);
    bench.auto_answers = false;
    bench.line(b"STOR new");
    bench.eof();
    assert!(bench.is_closed());
    bench.answer();
    assert!(bench.question().is_some(), "Close follows: {bench:?}");
    bench.answer();
    assert!(!bench.tree.is_open());
    assert_eq!((bench.tree.commits, bench.tree.aborts), (0, 1));
}

#[test]
fn ix_02_work_grows_with_the_bytes_and_no_faster() {
    // The same bytes in one piece and in single bytes: a splitter that looked at everything again would need minutes.
    for piece in [1, 7, 4096] {
        let mut bench = Bench::clear();
        bench.checks_silence = false;
        bench.checks_secrets = false;
        let line = vec![b'a'; 8000];
        let started = std::time::Instant::now();
        for _ in 0..40 {
            for bytes in [&b"STAT "[..], &line, b"\r\n"].concat().chunks(piece) {
                bench.bytes(bytes);
            }
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "pieces of {piece}"
        );
        assert_eq!(bench.codes().len(), 40);
    }
}

#[test]
fn is_22_the_list_of_a_large_directory_on_the_control_connection_is_bounded() {
    let mut bench = Bench::clear();
    for number in 0..5000 {
        bench
            .tree
            .insert(&format!("/empty/file number {number}"), b"");
    }
    let text = bench.text_of("STAT empty");
    let lines = text.lines().count();
    assert!(
        lines <= in_clear().limits.status_entries + 10,
        "{lines} lines"
    );
    assert_eq!(bench.cmd("NOOP"), 200);
}
