//! One table of cases, played with the blocking driver and the async one, this on smol and on tokio, on real servers: the same results, and the
//! same dialogue.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod cases;
mod drive;
mod send;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ftp_proto::client::Security;
use ftp_proto_tests::peers::{self, Kind, Options, Server};

use cases::{CASES, Case, DRIVERS, Play, Stage};
use drive::{Setup, Trust};

/// What a driver made of a case.
#[derive(PartialEq)]
struct Played {
    outcome: String,
    dialogue: Vec<String>,
}

/// What each driver made of it.
struct All([Played; DRIVERS.len()]);

impl All {
    fn play(case: &Case, server: &Server) -> All {
        All(case.plays.map(|one| play(case, one, server)))
    }

    fn same(&self, case: &Case, kind: Kind) -> bool {
        // Cut off these may say 226 or nothing more, as it comes: Pure-FTPd in the middle of a TLS record, pyftpdlib before it has accepted the
        // connection. ABOR is for the latter, and behind it the session goes on one command at a time.
        let as_it_comes = matches!(
            (kind, case.name),
            (Kind::PureFtpd, "the disk is full")
                | (Kind::Pyftpdlib, "write a half and drop it, in clear")
        );
        let first = self.first();
        self.0
            .iter()
            .all(|played| played == first || as_it_comes && played.outcome == first.outcome)
    }

    fn first(&self) -> &Played {
        &self.0[0]
    }

    fn show(&self) -> String {
        let drivers = DRIVERS.iter().zip(&self.0);
        drivers
            .map(|(driver, played)| {
                let dialogue = played.dialogue.join(" | ");
                format!(
                    "\n     {driver:9} {}\n     {driver:9} {dialogue}",
                    played.outcome
                )
            })
            .collect()
    }
}

/// How the table went on one server.
#[derive(Default)]
struct Column {
    played: u32,
    absent: u32,
    different: Vec<String>,
}

#[test]
fn all_drivers_do_the_same() {
    ftp_proto_tests::watch::traces();
    // They mostly wait for one another, so all servers at once.
    let columns = thread::scope(|scope| {
        Kind::ALL
            .map(|kind| scope.spawn(move || column(kind)))
            .map(|column| column.join().unwrap())
    });
    let played: u32 = columns.iter().map(|column| column.played).sum();
    let absent: u32 = columns.iter().map(|column| column.absent).sum();
    let different: Vec<_> = columns
        .iter()
        .flat_map(|column| &column.different)
        .collect();
    println!(
        "{played} cases played with each of {} drivers, {absent} not possible on a server, {} different",
        DRIVERS.len(),
        different.len()
    );
    assert!(played > 0);
    assert!(different.is_empty(), "{different:?}");
}

fn column(kind: Kind) -> Column {
    let only = std::env::var("PARITY_ONLY").unwrap_or_default();
    let verbose = std::env::var_os("PARITY_VERBOSE").is_some();
    let mut servers: Vec<(Options, Server)> = Vec::new();
    let mut column = Column::default();
    let mut lines = Vec::new();
    for case in CASES.iter().filter(|case| case.name.contains(&only)) {
        let options = (case.server)();
        let Some(server) = server(kind, &options, &mut servers) else {
            lines.push(format!(
                "   {:52} this server cannot be set up so",
                case.name
            ));
            column.absent += 1;
            continue;
        };
        let all = All::play(case, server);
        column.played += 1;
        if all.same(case, kind) {
            let outcome = &all.first().outcome;
            lines.push(format!("   {:52} equal: {outcome}", case.name));
            if verbose {
                lines.push(format!("     {}", all.first().dialogue.join(" | ")));
            }
        } else {
            lines.push(format!("** {:52} DIFFERENT{}", case.name, all.show()));
            column
                .different
                .push(format!("{} on {}", case.name, kind.name()));
        }
    }
    println!("== {}\n{}", kind.name(), lines.join("\n"));
    column
}

/// The server of this kind that was set up so; started when first asked for.
fn server<'a>(
    kind: Kind,
    options: &Options,
    servers: &'a mut Vec<(Options, Server)>,
) -> Option<&'a Server> {
    if let Some(index) = servers.iter().position(|(known, _)| known == options) {
        return Some(&servers[index].1);
    }
    match peers::start(kind, options) {
        Ok(server) => {
            servers.push((options.clone(), server));
            servers.last().map(|(_, server)| server)
        }
        Err(error) if error.kind() == io::ErrorKind::Unsupported => None,
        Err(error) => panic!("{}: {error}", kind.name()),
    }
}

fn play(case: &Case, play: Play, server: &Server) -> Played {
    let before = names(server.root());
    let digest = ring::digest::digest(&ring::digest::SHA256, &server.certificate().certificate_der);
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut setup = Setup {
        host: "localhost".to_owned(),
        port: server.addr().port(),
        security: Security::required(),
        trust: Trust::Roots(server.ca_pem().to_owned()),
        certificate: hex.parse().unwrap(),
        server_name: None,
        modes: None,
        max: None,
        listing_limit: None,
        busy_wait: 0,
        timeout: Duration::from_secs(20),
    };
    (case.setup)(&mut setup);
    let log = Arc::new(Mutex::new(Vec::new()));
    let stage = Stage {
        server,
        setup,
        log: Arc::clone(&log),
    };
    let outcome = match play(&stage) {
        Ok(outcome) => outcome,
        Err(error) => format!("{:?}: {error:#}", error.category()),
    };
    // How much of what came in place of TLS had come by then is another thing each time.
    let outcome = match outcome.split_once("the TLS handshake with a clear") {
        Some((before, _)) => format!("{before}the TLS handshake with a clear reply"),
        None => outcome,
    };
    // What this one left must not be there for the next.
    for name in names(server.root()).difference(&before) {
        let path = server.root().join(name);
        let _ = fs::remove_file(&path);
        let _ = fs::remove_dir_all(&path);
    }
    let dialogue = log.lock().unwrap().clone();
    Played { outcome, dialogue }
}

fn names(directory: &Path) -> BTreeSet<OsString> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect()
}
