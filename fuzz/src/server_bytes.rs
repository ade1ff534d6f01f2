//! A server under any policy, and a client that says anything, cut anywhere.

use core::time::Duration;

use ftp_proto::server::{Config, Greeting, HashAlgorithm, Input, MissingCloseNotify, Security};
use ftp_proto::{DataEnd, Fault};
use ftp_proto_tests::bench_server::Bench;
use ftp_proto_tests::rig::{CANARY, USER};
use ftp_proto_tests::tree::ACCOUNT;

use crate::guess::guesses;
use crate::pieces::Cut;

/// The first four bytes set the session up (policy, stage, how the world behaves, the cuts); the rest is what the client says.
///
/// # Panics
/// If the law does not hold: see [`Bench::settle`].
pub fn check(data: &[u8]) {
    let Some((&[policy, stage, world, cut], said)) = data.split_first_chunk::<4>() else {
        return;
    };
    if guesses(said, CANARY) || guesses(said, ACCOUNT) {
        return;
    }
    let mut bench = Bench::new(config(policy, stage));
    bench.checks_silence = false;
    if stage & 3 != 0 && policy & 7 < 2 {
        bench.line(b"AUTH TLS");
    }
    if stage & 3 > 1 {
        for line in [
            format!("USER {USER}"),
            format!("PASS {CANARY}"),
            "TYPE I".to_owned(),
        ] {
            bench.line(line.as_bytes());
        }
    }
    bench.auto_answers = world & 1 == 0;
    bench.auto_data = world & 2 == 0;
    bench.auto_flow = world & 4 == 0;
    bench.auto_control = world & 8 == 0;
    bench.client_reads = world & 0x30 != 0x30;
    let pieces = Cut::chosen(cut & 3, cut >> 2).pieces(said);
    for (index, piece) in pieces.into_iter().enumerate() {
        if world & 0x40 == 0 {
            bench.bytes(piece);
        } else {
            bench.force(piece);
        }
        surroundings(&mut bench, world, index);
        if bench.is_closed() {
            break;
        }
    }
    bench.client_reads = true;
    bench.settle();
    match world >> 6 {
        0 => bench.eof(),
        1 => bench.handle(Input::ControlFailed(Fault::Reset)),
        2 => bench.handle(Input::Shutdown),
        _ => bench.settle(),
    };
    while bench.question().is_some() {
        bench.answer();
    }
    bench.auto_answers = true;
    bench.pass(Duration::from_secs(4000));
    assert!(bench.is_closed(), "silence ends every session");
    assert!(!bench.tree.is_open() && bench.open_data() == 0);
}

/// What goes on around the client's words: orders are carried out, questions answered, time passes.
fn surroundings(bench: &mut Bench, world: u8, index: usize) {
    if bench.question().is_some() && index.is_multiple_of(2) {
        bench.answer();
    }
    let orders = bench.desk();
    if orders.flow.is_some() && index.is_multiple_of(3) {
        let end = match world >> 4 & 3 {
            0 => DataEnd::Fin,
            1 => DataEnd::CloseNotify,
            2 => DataEnd::Failed(Fault::Reset),
            _ => DataEnd::Local,
        };
        bench.flow_finished(3, end);
    } else if orders.accept.is_some() && index % 3 == 1 {
        bench.accepted(if world & 0x10 == 0 {
            "192.0.2.7"
        } else {
            "203.0.113.9"
        });
    } else if orders.listen.is_some() && index % 3 == 2 {
        bench.listening("192.0.2.1:50021");
    } else if (orders.secure_control.is_some() || orders.clear_control.is_some())
        && index.is_multiple_of(2)
    {
        bench.control_ok();
    }
    if index % 5 == 4 {
        bench.pass(Duration::from_secs(2));
    }
}

fn config(policy: u8, stage: u8) -> Config {
    let mut config = Config::default();
    config.security = match policy & 7 {
        0 => Security::required(),
        1 => Security::optional().allow_ccc(),
        2 => Security::implicit(),
        3 => Security::implicit().or_clear_data().allow_ccc(),
        _ => Security::clear(),
    };
    config.relogin = policy & 8 != 0;
    config.ask_at_user = policy & 0x10 != 0;
    config.virtual_hosts = policy & 0x20 != 0;
    config.mdtm_sets_time = policy & 0x40 != 0;
    config.strict_pbsz = policy & 0x80 != 0;
    config.patterns = stage & 4 == 0;
    config.active.default_port = stage & 8 != 0;
    if stage & 0x10 != 0 {
        config.hashes = HashAlgorithm::ALL.to_vec();
    }
    if stage & 0x20 != 0 {
        config.missing_close_notify = MissingCloseNotify::Refuse;
    }
    if stage & 0xC0 == 0xC0 {
        config.greeting = Greeting::Delayed(b"soon".to_vec());
    }
    // Enough of them for a fuzzer to go on.
    config.limits.errors = 40;
    config
}
