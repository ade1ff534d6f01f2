//! The core, and the async client on another runtime, linked into other programs: examples, run against real servers.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls};
use ftp_proto_tests::tool;

/// The thread of smol's reactor.
const REACTOR: &str = "async-io";

/// A server that demands TLS on both connections, and resumption.
fn demanding(kind: Kind) -> Server {
    let options = Options {
        tls: Tls::Explicit,
        require_reuse: kind != Kind::Pyftpdlib && kind != Kind::PureFtpd,
        require_tls_control: true,
        require_tls_data: true,
        ..Options::default()
    };
    peers::start(kind, &options).unwrap()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[test]
fn a_client_on_plain_std_net_in_under_100_lines() {
    let source = include_str!("../../../core/examples/std_net.rs");
    let code = source
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    let lines = code.count();
    assert!(lines < 100, "{lines} lines of code");
    println!("std_net: {lines} lines of code");
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        let server = demanding(kind);
        for file in ["100k.bin", "empty.bin"] {
            let mut command = tool::example("std_net");
            command.args([&server.addr().to_string(), server.user(), server.password()]);
            let output = run(command.arg(file).arg(server.ca_path()));
            assert!(output.stdout == fs::read(server.root().join(file)).unwrap());
        }
        println!("std_net on {kind}: fetched and equal");
    }
}

#[test]
fn a_client_on_tokio() {
    let local = std::env::temp_dir().join(format!("ftp-proto-tokio-{}", std::process::id()));
    let text: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&local, &text).unwrap();
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        let server = demanding(kind);
        let mut command = tool::example("tokio_client");
        command.args([&server.addr().to_string(), server.user(), server.password()]);
        let output = run(command.arg(&local).arg("up.bin").arg(server.ca_path()));
        assert!(fs::read(server.root().join("up.bin")).unwrap() == text);
        let names = String::from_utf8_lossy(&output.stdout);
        assert!(names.lines().any(|name| name == "up.bin"), "{names}");
        println!("tokio on {kind}: stored, equal, listed");
    }
    fs::remove_file(local).unwrap();
}

/// The very same driver: nothing of it may need smol's reactor, whose thread would be there to be seen.
#[test]
fn the_async_client_on_tokio_without_smols_reactor() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        let server = demanding(kind);
        let mut command = tool::example("tokio");
        let address = format!("localhost:{}", server.addr().port());
        command.args([&address, server.user(), server.password()]);
        let output = run(command.arg(server.ca_path()));
        let told = String::from_utf8(output.stdout).unwrap();
        for name in ["one", "two"] {
            let line = format!("{name}: 3000000 bytes, equal: true, listed: true, whole by ");
            assert!(told.lines().any(|told| told.starts_with(&line)), "{told}");
            let kept = fs::read(server.root().join(format!("{name}.kept"))).unwrap();
            assert_eq!(kept.len(), 3_000_000);
        }
        let threads: Vec<&str> = told
            .lines()
            .filter_map(|line| line.strip_prefix("thread: "))
            .collect();
        assert!(threads.iter().any(|name| name.starts_with("tokio")));
        assert!(!threads.contains(&REACTOR), "{threads:?}");
        println!("the async client on tokio, with {kind}: two sessions; threads {threads:?}");
    }
    // It would be seen if it were there.
    smol::block_on(smol::Timer::after(Duration::from_millis(1)));
    let is_there = || {
        let threads = fs::read_dir("/proc/self/task").unwrap();
        let names =
            threads.filter_map(|one| fs::read_to_string(one.ok()?.path().join("comm")).ok());
        names.into_iter().any(|name| name.trim() == REACTOR)
    };
    // A thread takes its name when it first runs, which a busy machine may put off.
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn firmware_allocates_nothing_once_it_has_fetched_a_file() {
    let options = Options {
        anonymous: true,
        ..Options::default()
    };
    let server = peers::start(Kind::Vsftpd, &options).unwrap();
    let mut command = tool::example("firmware");
    let output = run(command.args([&server.addr().to_string(), "100k.bin", "readme.txt"]));
    let told = String::from_utf8(output.stdout).unwrap();
    print!("{told}");
    let sum: u64 = fs::read(server.root().join("100k.bin"))
        .unwrap()
        .iter()
        .map(|byte| u64::from(*byte))
        .sum();
    let line = format!("second 100k.bin: 102400 bytes, sum {sum}, 0 allocations");
    assert!(told.lines().any(|told| told == line), "{line}, but {told}");
}
