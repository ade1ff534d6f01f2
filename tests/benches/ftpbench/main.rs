//! The example `serve` beside other servers, in the benchmark of pyftpdlib: upload, download, many clients at once, and memory.
//!
//! ```text
//! cargo bench -p ftp-proto-tests --bench ftpbench [-- [--tls] [--clients N] [--size 1M] [--repeats N] [--server NAME]...]
//! ```
//!
//! `ftpbench` is what `tests/peers/install.sh` has put beside pyftpdlib; `tests/peers/ftpbench_whole.py` sees to it that what is fetched is
//! whole. The servers take turns, each with a fresh directory, and are stopped in between; the table holds medians, and below them, against
//! the best of the others, how `serve` does. Memory is what all processes of a server hold for themselves and their share of the rest (PSS),
//! for each session that is logged in and idle.
//!
//! The client is a single Python process: where it is what takes the time, all servers look alike. Logging of commands is off everywhere.
//! Needs root.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing it does not expect"
)]

mod contender;
mod memory;
#[path = "../../tests/serve/server.rs"]
#[allow(dead_code, reason = "the suite `serve` uses more of it")]
mod server;
mod table;

use std::process::Command;

use ftp_proto_tests::peers;

use contender::{Contender, Running};
use table::{Figure, Table};

/// What is measured.
struct Plan {
    tls: bool,
    clients: usize,
    size: String,
    repeats: usize,
    contenders: Vec<Contender>,
}

fn main() {
    let plan = plan();
    let tls = if plan.tls { "under TLS" } else { "in clear" };
    println!(
        "{tls}, {} clients, files of {}, medians of {}",
        plan.clients, plan.size, plan.repeats
    );
    let mut table = Table::new(&plan.contenders);
    for turn in 0..plan.repeats {
        // Whoever is first finds a machine that others have not warmed.
        for at in 0..plan.contenders.len() {
            let contender = plan.contenders[(at + turn) % plan.contenders.len()];
            let running = contender.start(plan.tls);
            match memory::of_idle_sessions(&running, plan.tls, plan.clients) {
                Ok(figure) => table.add(contender, figure),
                Err(why) => table.failed(contender, why),
            }
            // One after the other: what one of them cannot do with a server does not keep the next from being done.
            for part in ["upload", "download", "concurrence"] {
                if let Err(why) = measure(&running, part, &plan, |named| {
                    table.add(contender, named);
                }) {
                    table.failed(contender, why);
                }
            }
        }
    }
    println!("{table}");
}

/// One part of the benchmark. What it has measured before it failed counts.
fn measure(
    running: &Running,
    part: &str,
    plan: &Plan,
    add: impl FnMut((String, Figure)),
) -> Result<(), String> {
    let python = peers::installed_at().join("pyftpdlib/bin/python");
    let mut command = Command::new(python);
    command
        .arg("-Wignore")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/peers/ftpbench_whole.py"
        ))
        .arg(peers::installed_at().join("pyftpdlib/bin/ftpbench"))
        .args(["-H", &running.address().ip().to_string()])
        .args(["-P", &running.address().port().to_string()])
        .args(["-u", running.user(), "-p", running.password()])
        .args(["-b", part, "-n", &plan.clients.to_string()])
        .args(["-s", &plan.size, "-t", "20"]);
    if plan.tls {
        command.arg("-S");
    }
    let output = command.output().expect("python does not start");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(Figure::read).for_each(add);
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = errors.lines().rfind(|line| !line.trim().is_empty());
    Err(format!(
        "{part}: {} (behind {:?})",
        last.unwrap_or("no word"),
        text.lines().last().unwrap_or("the start")
    ))
}

fn plan() -> Plan {
    let mut plan = Plan {
        tls: false,
        clients: 100,
        size: "1M".into(),
        repeats: 3,
        contenders: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("an option lacks its value");
        match argument.as_str() {
            "--tls" => plan.tls = true,
            "--clients" => plan.clients = value().parse().expect("--clients is a number"),
            "--size" => plan.size = value(),
            "--repeats" => plan.repeats = value().parse().expect("--repeats is a number"),
            "--server" => plan.contenders.push(Contender::named(&value())),
            // Said by cargo.
            "--bench" => {}
            other => panic!("no such option: {other}"),
        }
    }
    if plan.contenders.is_empty() {
        plan.contenders = Contender::ALL.to_vec();
    }
    plan
}
