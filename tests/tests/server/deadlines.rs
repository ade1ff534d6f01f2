//! Time: what each wait may take, and what puts it off.

use std::time::Duration;

use ftp_proto::DataEnd;
use ftp_proto::server::{Closing, Config, Greeting, Input, Security, Timer};
use ftp_proto_tests::bench_server::{Bench, in_clear};
use ftp_proto_tests::rig::CANARY;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn is_29_the_login_has_its_time_and_single_bytes_and_commands_do_not_extend_it() {
    for chatter in [
        &b"N"[..],
        b"NOOP\r\n",
        b"USER alice\r\n",
        b"\r\n",
        b"\xFF\xF1",
        b"FEAT\r\n",
    ] {
        let mut bench = Bench::new(in_clear());
        bench.checks_silence = false;
        let start = bench.now();
        while !bench.is_closed() {
            bench.bytes(chatter);
            bench.pass(SECOND);
            assert!(
                bench.now().since(start) < 70 * SECOND,
                "{chatter:?} puts it off"
            );
        }
        assert_eq!(bench.codes().last(), Some(&421), "{chatter:?}");
        assert!(matches!(bench.closing(), Closing::TimedOut(Timer::Login)));
    }
}

#[test]
fn is_29_the_handshake_has_its_time() {
    let mut config = Config::default();
    config.limits.handshake_wait = 9 * SECOND;
    let mut bench = Bench::new(config);
    bench.auto_control = false;
    assert_eq!(bench.cmd("AUTH TLS"), 234);
    assert!(bench.patience().unwrap() <= 9 * SECOND);
    bench.pass(10 * SECOND);
    assert_eq!(bench.closing(), Closing::TimedOut(Timer::Handshake));

    let mut config = Config::default();
    config.security = Security::required().allow_ccc();
    let mut bench = Bench::secure_with(config);
    bench.auto_control = false;
    assert_eq!(bench.cmd("CCC"), 200);
    bench.pass(31 * SECOND);
    assert_eq!(bench.closing(), Closing::TimedOut(Timer::Handshake));
}

#[test]
fn is_29_rfc_1123_section_4_1_3_2_idle_time_is_counted_while_nothing_runs() {
    let mut bench = Bench::clear();
    for _ in 0..20 {
        bench.pass(290 * SECOND);
        assert_eq!(bench.cmd("NOOP"), 200);
    }
    bench.forget();
    bench.pass(301 * SECOND);
    assert_eq!(bench.said(), ["421 Timed out"]);
    assert_eq!(bench.closing(), Closing::TimedOut(Timer::Idle));

    // Bytes that make no command do not count.
    let mut bench = Bench::clear();
    bench.checks_silence = false;
    let start = bench.now();
    while !bench.is_closed() {
        bench.bytes(b"x").pass(10 * SECOND);
        assert!(bench.now().since(start) < 320 * SECOND);
    }
}

#[test]
fn is_29_a_transfer_lives_as_long_as_it_moves() {
    for line in ["RETR motd", "STOR new"] {
        let mut bench = Bench::clear();
        bench.auto_flow = false;
        bench.checks_silence = false;
        assert_eq!(bench.transfer(line), [150]);
        for moved in 1..1000 {
            bench.pass(100 * SECOND).progress(moved);
            assert!(!bench.is_closed());
        }
        // What stands still ends, and the session goes on.
        bench.pass(121 * SECOND);
        assert_eq!(bench.codes(), [426], "{line}");
        assert_eq!(bench.open_data(), 0);
        assert!(!bench.tree.is_open());
        assert_eq!(bench.cmd("NOOP"), 200);
    }
}

#[test]
fn is_29_a_data_connection_that_does_not_come_is_given_up() {
    for set_up in ["EPSV", "PORT 192,0,2,7,200,1"] {
        let mut bench = Bench::clear();
        bench.cmd(set_up);
        bench.auto_data = false;
        bench.line(b"RETR motd");
        bench.pass(31 * SECOND);
        assert_eq!(bench.codes(), [150, 425], "{set_up}");
        assert_eq!(bench.open_data(), 0);
        assert!(!bench.tree.is_open());
    }
    let mut bench = Bench::secure();
    assert_eq!(bench.cmd("EPSV"), 229);
    bench.auto_data = false;
    bench.line(b"RETR motd").accepted("192.0.2.7");
    bench.pass(31 * SECOND);
    let codes = bench.codes();
    assert!(matches!(codes[..], [150, 522 | 425]), "{codes:?}");
}

#[test]
fn is_29_replies_that_nobody_reads_end_the_session() {
    let mut bench = Bench::clear();
    bench.client_reads = false;
    bench.line(b"NOOP");
    bench.pass(61 * SECOND);
    bench.client_reads = true;
    bench.pass(10 * SECOND);
    assert!(bench.is_closed());
}

#[test]
fn ix_05_whoever_drips_bytes_is_not_served_for_ever() {
    // One byte now and then, at every stage, never a whole command.
    let stages: [&[&str]; 4] = [
        &[],
        &["USER alice"],
        &["USER alice", "PASS", "EPSV"],
        &["USER alice", "PASS", "TYPE I", "EPSV", "RETR motd"],
    ];
    for stage in stages {
        let mut bench = Bench::new(in_clear());
        bench.checks_silence = false;
        bench.auto_flow = false;
        for line in stage {
            match *line {
                "PASS" => bench.line(format!("PASS {CANARY}").as_bytes()),
                line => bench.line(line.as_bytes()),
            };
        }
        let start = bench.now();
        while !bench.is_closed() {
            bench.bytes(b"x").pass(5 * SECOND);
            assert!(
                bench.now().since(start) < 1000 * SECOND,
                "{stage:?}: {bench:?}"
            );
        }
    }
}

#[test]
fn ix_05_time_that_goes_backwards_is_time_that_stands_still() {
    let mut bench = Bench::clear();
    let now = bench.now();
    bench.set_clock(ftp_proto::Instant::from_millis(5));
    assert_eq!(bench.cmd("NOOP"), 200);
    assert!(bench.server().deadline().unwrap() > now);
    bench.set_clock(now);
    bench.pass(301 * SECOND);
    assert!(bench.is_closed());
}

#[test]
fn rfc_959_section_5_4_a_delayed_greeting() {
    let mut config = in_clear();
    config.greeting = Greeting::Delayed(b"in a minute".to_vec());
    let mut bench = Bench::new(config);
    assert_eq!(bench.said(), ["120 in a minute"]);
    // What comes early waits.
    bench.line(b"NOOP");
    assert!(bench.said().is_empty());
    bench.handle(Input::Ready);
    assert_eq!(bench.codes(), [220, 200]);
}

#[test]
fn rfc_959_section_4_2_1_a_shutdown_is_421_at_every_stage() {
    for lines in [&[][..], &["USER alice"], &["EPSV"], &["EPSV", "RETR motd"]] {
        let mut bench = if lines.first() == Some(&"EPSV") {
            Bench::clear()
        } else {
            Bench::new(in_clear())
        };
        bench.auto_flow = false;
        for line in lines {
            bench.line(line.as_bytes());
        }
        bench.forget();
        bench.handle(Input::Shutdown);
        if lines.len() == 2 {
            // The transfer that runs is finished.
            assert!(!bench.is_closed());
            bench.flow_finished(18, DataEnd::Fin);
            assert_eq!(bench.codes(), [226, 421]);
        } else {
            assert_eq!(bench.codes(), [421]);
        }
        assert!(bench.is_closed());
        assert_eq!(bench.closing(), Closing::Shutdown);
        assert_eq!(bench.open_data(), 0);
    }
}
