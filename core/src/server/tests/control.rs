//! Lines, replies, the queue of commands, other protocols, the end.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::bench::Bench;
use crate::order::{DataEnd, Direction};
use crate::server::{Closing, Config, Greeting, Input, Security, Server, Timer};
use crate::wire::first_bytes::FirstBytes;

fn open() -> Config {
    Config::new(Security::clear())
}

#[test]
fn rfc_959_section_5_4_the_greeting() {
    let mut config = open();
    config.greeting = Greeting::Delayed(b"Soon".to_vec());
    let mut bench = Bench::with(config.clone());
    bench.expect("NOOP", &[120]);
    bench.handle(Input::Ready);
    assert_eq!(bench.codes(), [220, 200]);
    config.greeting = Greeting::Refused(b"Too many".to_vec());
    let mut bench = Bench::with(config);
    bench.expect("", &[421]);
    assert_eq!(bench.closed, Some(Closing::Shutdown));
}

#[test]
fn rfc_959_section_5_3_a_command_acts_at_its_line_end() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    for byte in b"NOOP\r" {
        bench.raw(&[*byte]);
        assert!(bench.codes().is_empty());
    }
    bench.raw(b"\n");
    assert_eq!(bench.codes(), [200]);
    // A bare LF ends a line; empty lines are nothing.
    bench.raw(b"NOOP\n\r\n\nnoop\r\n");
    assert_eq!(bench.codes(), [200, 200]);
}

#[test]
fn is_31_pieces_make_no_difference() {
    let bytes = b"USER alice\r\nPASS secret\r\nTYPE I\r\n\xFF\xF4\xFF\xF2ABOR\r\nFROB\r\nCWD /dir\r\nPWD\r\nSTAT /\r\nQUIT\r\n";
    let whole = {
        let mut bench = Bench::clear();
        bench.raw(bytes);
        bench.said()
    };
    assert_eq!(whole.len(), 10);
    for at in 0..bytes.len() {
        let mut bench = Bench::clear();
        bench.raw(&bytes[..at]);
        bench.raw(&bytes[at..]);
        assert_eq!(bench.said(), whole, "split at {at}");
        assert_eq!(bench.closed, Some(Closing::Quit));
    }
}

/// What is held for replies, and for lines that wait.
fn memory(server: &mut Server) -> [usize; 2] {
    [server.outbox.end().capacity(), server.inbox.memory()]
}

#[test]
fn a_session_that_rests_is_the_same_session() {
    let mut bench = Bench::in_clear();
    bench.expect("FEAT", &[211]);
    let before = bench.server.clone();
    assert_ne!(memory(&mut bench.server), [0, 0]);
    bench.server.rest();
    assert_eq!(memory(&mut bench.server), [0, 0]);
    assert_eq!(bench.server, before);
    // In the middle of a line, and with replies that are not taken.
    bench.raw(b"PW");
    bench.server.rest();
    bench.reads = false;
    bench.raw(b"D\r\nNOOP\r\nSYST\r\n");
    let waiting = bench.server.outgoing().to_vec();
    bench.server.rest();
    assert_eq!(bench.server.outgoing(), waiting);
    bench.reads = true;
    bench.settle();
    assert_eq!(bench.codes(), [257, 200, 215]);
}

#[test]
fn rfc_959_section_4_2_1_unknown_unimplemented_malformed() {
    let mut bench = Bench::in_clear();
    bench.expect("FROB", &[500]);
    bench.expect("SMNT a", &[502]);
    bench.expect("LPSV", &[502]);
    bench.expect("RETR", &[501]);
    bench.expect("FEAT x", &[501]);
    bench.expect("NOOP x", &[200]);
    bench.expect("TYPE   i", &[200]);
    bench.expect("TYPE E", &[504]);
    bench.expect("TYPE L", &[501]);
    bench.expect("STRU P", &[504]);
    bench.expect("STRU F", &[200]);
    bench.expect("MODE B", &[504]);
    bench.expect("MODE s", &[200]);
    bench.expect("MODE Z", &[504]);
    bench.expect("ALLO 100 R 10", &[202]);
    bench.expect("ALGS STATUS64", &[202]);
    bench.expect("SITE EXEC ls", &[504]);
    bench.expect("SITE", &[501]);
}

#[test]
fn is_3_nothing_of_an_over_long_line_is_a_command() {
    let limit = open().limits.received_line;
    for position in [0, 1, limit - 5, limit - 1, limit, limit + 1, limit + 700] {
        let mut bench = Bench::clear();
        bench.expect("", &[220]);
        let mut line = alloc::vec![b'a'; limit + 800];
        line[position..position + 6].copy_from_slice(b" NOOP ");
        line.extend_from_slice(b"\r\nNOOP\r\n");
        for piece in line.chunks(1000) {
            bench.raw(piece);
        }
        assert_eq!(bench.codes(), [500, 200], "{position}");
    }
    // At the limit it is a line; three too long ones in a row are too many.
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect(&format!("NOOP {}", "a".repeat(limit - 5)), &[200]);
    let long = "a".repeat(limit + 1);
    bench.expect(&long, &[500]);
    bench.expect(&long, &[500]);
    bench.expect("NOOP", &[200]);
    bench.expect(&long, &[500]);
    bench.expect(&long, &[500]);
    bench.expect(&long, &[421]);
    assert_eq!(bench.closed, Some(Closing::TooManyErrors));
}

#[test]
fn is_24_lines_that_are_no_commands_are_counted() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("FROB", &[500]);
    bench.expect("NOOP", &[200]);
    bench.expect("FROB", &[500]);
    bench.expect("USER al\0ice", &[421]);
    assert_eq!(bench.closed, Some(Closing::TooManyErrors));
    let mut bench = Bench::in_clear();
    for _ in 0..9 {
        bench.expect("FROB", &[500]);
    }
    bench.expect("FROB", &[421]);
}

#[test]
fn is_23_other_protocols_get_no_answer() {
    for (bytes, expected) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], FirstBytes::Http),
        (b"host: a\r\n", FirstBytes::Http),
        (b"PRI * HTTP/2.0\r\n", FirstBytes::Http),
        (b"SSH-2.0-OpenSSH_9.9\r\n", FirstBytes::Ssh),
        (b"EHLO a\r\n", FirstBytes::Smtp),
        (b"MAIL FROM:<a>\r\n", FirstBytes::Smtp),
        (b"\x16\x03\x01\x02\x00\x01", FirstBytes::Tls),
    ] {
        let mut bench = Bench::clear();
        bench.expect("", &[220]);
        for byte in bytes {
            bench.raw(&[*byte]);
        }
        assert!(bench.codes().is_empty());
        assert_eq!(bench.closed, Some(Closing::Foreign(expected)), "{bytes:?}");
    }
    // Nor does a handshake inside of TLS.
    let mut bench = Bench::with(Config::new(Security::implicit()));
    bench.secure_control();
    bench.expect("", &[220]);
    bench.raw(b"\x16\x03\x01\x02\x00\x01");
    assert_eq!(bench.closed, Some(Closing::Foreign(FirstBytes::Tls)));
    // A word nobody knows is no protocol.
    let mut bench = Bench::clear();
    bench.expect("FROBNICATE the frobs", &[220, 500]);
    let mut bench = Bench::clear();
    bench.expect("USER a HTTP/1.1", &[220, 331]);
    // Behind a USER it is the same; an upload in disguise is none.
    let mut bench = Bench::clear();
    bench.expect("USER a", &[220, 331]);
    bench.raw(b"POST / HTTP/1.0\r\n");
    assert!(bench.codes().is_empty() && bench.control_closed);
}

#[test]
fn is_12_a_reply_holds_nothing_the_client_could_forge_with() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    for line in [
        "HELP 227 (1,2,3,4,5,6)",
        "AUTH 230",
        "USER 230 in",
        "OPTS 200 OK",
    ] {
        for (_, text) in bench.send(line) {
            assert!(!text.contains("227") && !text.contains("230") && !text.contains("200"));
        }
    }
}

#[test]
fn rfc_1123_section_4_1_2_12_telnet_offers_are_turned_down() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.reads = false;
    bench.raw(b"\xFF\xFB\x01\xFF\xFD\x03\xFF\xFC\x05NO\xFF\xF1OP\r\n");
    assert_eq!(
        bench.server.outgoing(),
        b"\xFF\xFE\x01\xFF\xFC\x03200 Okay\r\n"
    );
}

#[test]
fn rfc_959_section_4_2_pipelined_commands_are_answered_in_order() {
    let mut bench = Bench::in_clear();
    bench.answers = false;
    bench.raw(b"CWD /dir\r\nPWD\r\nNOOP\r\nMKD a\r\nQUIT\r\n");
    assert!(bench.codes().is_empty());
    bench.answers = true;
    for question in core::mem::take(&mut bench.asked) {
        let mut opened = 0;
        let answer = super::bench::stored(question, bench.rights, &mut opened);
        bench.handle(Input::Answer(answer));
    }
    assert_eq!(bench.codes(), [250, 257, 200, 257, 221]);
}

#[test]
fn is_22_what_waits_is_bounded() {
    let mut bench = Bench::in_clear();
    bench.answers = false;
    bench.raw(b"CWD /dir\r\n");
    let mut pushed = 0;
    while bench.server.reads_control() {
        bench.raw(b"NOOP\r\n");
        pushed += 6;
        assert!(pushed < 100_000);
    }
    assert!(pushed >= 16 * 1024);
    // Every one of them is answered in the end.
    let question = bench.asked.pop_front().unwrap();
    let mut opened = 0;
    let answer = super::bench::stored(question, bench.rights, &mut opened);
    bench.handle(Input::Answer(answer));
    assert_eq!(bench.codes().len(), pushed / 6 + 1);
    assert!(bench.server.reads_control());
}

/// The longest line there may be has room, whatever else is said.
#[test]
fn is_22_a_line_of_the_longest_length_is_always_read_to_its_end() {
    for (waiting, line, bound) in [(1, 100, 102), (300, 100, 300), (1, 16, 18)] {
        let mut config = open();
        config.limits.waiting_bytes = waiting;
        config.limits.received_line = line;
        let mut bench = Bench::with(config);
        bench.expect("", &[220]);
        bench.log_in();
        bench.answers = false;
        bench.raw(b"CWD /dir\r\n");
        let mut pushed = 0;
        for byte in b"NOOP\r\n".iter().cycle() {
            if !bench.server.reads_control() {
                break;
            }
            bench.raw(&[*byte]);
            pushed += 1;
        }
        assert_eq!(pushed, bound, "{waiting} {line}");
    }
}

#[test]
fn is_22_telnet_offers_of_a_client_that_does_not_read_are_not_answered() {
    let waits = b"200 Okay\r\n";
    for (bound, answered) in [(waits.len(), false), (waits.len() + 1, true)] {
        let mut config = open();
        config.limits.unread_replies = bound;
        let mut bench = Bench::with(config);
        bench.expect("", &[220]);
        bench.reads = false;
        bench.raw(b"NOOP\r\n");
        assert_eq!(bench.server.outgoing(), waits);
        bench.raw(b"\xFF\xFB\x01");
        assert_eq!(bench.server.outgoing().len() > waits.len(), answered);
    }
}

#[test]
fn is_22_only_what_a_client_takes_gives_it_more_time() {
    let mut bench = Bench::in_clear();
    bench.reads = false;
    bench.raw(b"NOOP\r\nNOOP\r\n");
    let until = bench.server.timers.at(Timer::Send);
    assert!(until.is_some());
    bench.pass(Duration::from_secs(1));
    bench.raw(b"");
    bench.server.consume_outgoing(0);
    assert_eq!(bench.server.timers.at(Timer::Send), until);
    bench.server.consume_outgoing(1);
    assert!(bench.server.timers.at(Timer::Send) > until);
}

#[test]
fn is_22_a_client_that_does_not_read_its_replies_is_not_served() {
    let mut bench = Bench::in_clear();
    bench.reads = false;
    let mut pushed = 0;
    while bench.server.reads_control() {
        bench.raw(b"HELP\r\n");
        pushed += 1;
        assert!(pushed < 100_000);
    }
    assert!(bench.server.outgoing().len() < 64 * 1024 + 4096);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Send)));
}

#[test]
fn rfc_1123_section_4_1_3_2_idle_time_ends_a_session() {
    let mut bench = Bench::in_clear();
    bench.pass(Duration::from_secs(299));
    bench.expect("NOOP", &[200]);
    bench.pass(Duration::from_secs(299));
    // Bytes that are no command do not keep it up.
    bench.raw(b"NO");
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.codes(), [421]);
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Idle)));
}

/// Neither a login, nor a change of protection, nor a goodbye that is not taken is idle time: each has a time of its own.
#[test]
fn idle_time_is_that_of_a_user_who_asks_for_nothing() {
    let idle = |bench: &Bench| bench.server.timers.at(Timer::Idle);
    let mut bench = Bench::with(Config::new(Security::required().allow_ccc()));
    bench.expect("", &[220]);
    assert_eq!(idle(&bench), None);
    bench.expect("AUTH TLS", &[234]);
    bench.secure_control();
    bench.expect("USER alice", &[331]);
    assert_eq!(idle(&bench), None);
    bench.expect("PASS secret", &[230]);
    assert!(idle(&bench).is_some());
    bench.expect("CCC", &[200]);
    assert_eq!(idle(&bench), None);
    let order = bench.desk.clear_control.take().unwrap();
    bench.handle(Input::Report(order.cleared()));
    assert!(idle(&bench).is_some());
    bench.reads = false;
    bench.raw(b"QUIT\r\n");
    assert_eq!(idle(&bench), None);
}

#[test]
fn what_comes_behind_the_end_is_not_kept() {
    let mut bench = Bench::in_clear();
    bench.reads = false;
    bench.raw(b"QUIT\r\n");
    bench.raw(b"NOOP");
    assert!(bench.server.inbox.is_empty());
}

#[test]
fn rfc_959_section_5_2_quit_is_answered_before_the_close() {
    let mut bench = Bench::in_clear();
    bench.reads = false;
    bench.raw(b"QUIT\r\nNOOP\r\n");
    assert!(!bench.control_closed);
    bench.reads = true;
    bench.settle();
    assert_eq!(bench.codes(), [221]);
    assert!(bench.control_closed && !bench.server.reads_control());
}

#[test]
fn rfc_959_section_4_2_1_shutdown_is_421() {
    let mut bench = Bench::in_clear();
    bench.handle(Input::Shutdown);
    assert_eq!(bench.codes(), [421]);
    assert_eq!(bench.closed, Some(Closing::Shutdown));
    // A transfer comes to its end.
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    bench.handle(Input::Shutdown);
    assert!(bench.codes().is_empty());
    bench.flow(Direction::Send, 10, DataEnd::Fin);
    assert_eq!(bench.codes(), [226, 421]);
    // While it still says "soon", too.
    let mut config = open();
    config.greeting = Greeting::Delayed(b"Soon".to_vec());
    let mut bench = Bench::with(config);
    bench.handle(Input::Shutdown);
    assert_eq!(bench.codes(), [120, 421]);
    assert_eq!(bench.closed, Some(Closing::Shutdown));
    // Where the client waits for TLS, text would be no reply.
    let mut bench = Bench::with(Config::new(Security::implicit()));
    bench.handle(Input::Shutdown);
    assert!(bench.codes().is_empty() && bench.control_closed);
    assert_eq!(bench.closed, Some(Closing::Shutdown));
}

#[test]
fn rfc_959_section_5_4_a_server_is_ready_once_and_not_before_tls() {
    let delayed = |security| {
        let mut config = Config::new(security);
        config.greeting = Greeting::Delayed(b"Soon".to_vec());
        Bench::with(config)
    };
    let mut bench = delayed(Security::clear());
    bench.expect("", &[120]);
    for codes in [&[220][..], &[]] {
        bench.handle(Input::Ready);
        assert_eq!(bench.codes(), codes);
    }
    let mut bench = delayed(Security::implicit());
    bench.handle(Input::Ready);
    assert!(bench.codes().is_empty());
    bench.secure_control();
    bench.expect("", &[120]);
    bench.handle(Input::Ready);
    assert_eq!(bench.codes(), [220]);
}

#[test]
fn rfc_2389_section_3_2_the_feature_list() {
    let mut config = open();
    config.hashes = Vec::from(crate::server::HashAlgorithm::ALL);
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    let text = bench.text("FEAT", 211);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.first(), Some(&"Features:"));
    assert_eq!(lines.last(), Some(&"End"));
    for feature in [
        "EPRT",
        "EPSV",
        "MDTM",
        "MFMT",
        "SIZE",
        "REST STREAM",
        "RANG STREAM",
        "TVFS",
        "UTF8",
        "CLNT",
        "LANG EN*",
        "HASH CRC32*;MD5;SHA-1;SHA-256;SHA-512",
        "MLST type*;size*;modify*;create*;perm*;unique*;UNIX.mode*;UNIX.owner*;UNIX.group*;",
    ] {
        assert!(
            lines.contains(&&*format!(" {feature}")),
            "{feature}: {text}"
        );
    }
    assert!(!text.contains("AUTH") && !text.contains("HOST") && !text.contains("MLSD"));
}

#[test]
fn rfc_3659_section_7_9_opts_mlst_selects_facts() {
    let mut bench = Bench::in_clear();
    assert_eq!(
        bench.text("OPTS MLST size;frogs;TYPE;", 200),
        "MLST OPTS type;size;"
    );
    assert!(bench.text("FEAT", 211).contains("MLST type*;size*;modify;"));
    assert_eq!(
        bench.text("MLST /file", 250),
        "Facts\n type=file;size=10; /file\nEnd"
    );
    bench.expect("OPTS MLST a b;", &[501]);
    assert_eq!(bench.text("OPTS MLST", 200), "MLST OPTS");
    assert_eq!(bench.text("MLST /file", 250), "Facts\n  /file\nEnd");
}

#[test]
fn options_of_utf8_hash_and_language() {
    let mut config = open();
    config.hashes = Vec::from(&[
        crate::server::HashAlgorithm::Sha256,
        crate::server::HashAlgorithm::Md5,
    ]);
    let mut bench = Bench::with(config);
    bench.expect("OPTS UTF8 ON", &[220, 200]);
    bench.expect("OPTS utf-8", &[200]);
    bench.expect("OPTS UTF8 OFF", &[504]);
    bench.expect("OPTS UTF8 x", &[501]);
    assert_eq!(bench.text("OPTS HASH", 200), "SHA-256");
    bench.expect("OPTS HASH SHA-1", &[501]);
    assert_eq!(bench.text("OPTS HASH md5", 200), "MD5");
    bench.expect("OPTS FROB", &[501]);
    bench.expect("LANG", &[200]);
    bench.expect("LANG en-GB", &[200]);
    bench.expect("LANG de", &[504]);
    bench.expect("LANG ;", &[501]);
}

#[test]
fn is_32_help_and_syst_name_no_product() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    assert_eq!(bench.text("SYST", 215), "UNIX Type: L8");
    assert!(bench.text("HELP", 214).contains("RETR"));
    assert_eq!(bench.text("HELP retr", 214), "Syntax: RETR argument");
    assert!(bench.text("HELP SITE", 214).contains("CHMOD"));
    bench.expect("HELP frob", &[501]);
    bench.expect("CLNT NcFTP", &[200]);
    bench.expect("STAT", &[530]);
}
