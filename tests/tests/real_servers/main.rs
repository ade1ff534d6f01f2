//! Real servers in every way there is to talk to them, through the command-line client: one table.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test real_servers -- --nocapture
//! REAL_SERVERS_FULL=1 cargo test --release -p ftp-proto-tests --test real_servers -- --nocapture
//! ```
//!
//! Each cell uploads a file and an empty one in one session, finds both in a listing, downloads both in one session, compares them
//! by SHA-256, and deletes them. The file has 1 MB, in the base column and with `REAL_SERVERS_FULL` everywhere 100 MB. No cell is left
//! out in silence: what cannot be is printed as `-` with the reason, and everything else that does not work fails the test.
//! `tests/peers/install.sh` gets the servers (Debian, as root).

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

mod cell;
mod client;
mod many;
mod payload;
mod table;

use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls, Versions};
use ftp_proto_tests::tool;

use client::{Client, Mode};
use many::Way;
use payload::{Files, Payload};
use table::{Cell, Section, Table};

/// Servers of so many kinds run at a time, one of each kind.
const AT_A_TIME: usize = 2;

/// The slowest first.
const KINDS: [Kind; 5] = [
    Kind::ProFtpd,
    Kind::Vsftpd,
    Kind::Pyftpdlib,
    Kind::PureFtpd,
    Kind::Inetutils,
];

/// How a session is protected: a row block of the table.
#[derive(Debug, Clone, Copy)]
struct Protection {
    title: &'static str,
    tls: Tls,
    /// What the server speaks. The client is left at its defaults: it takes the newest.
    versions: Versions,
    require_reuse: bool,
}

const PROTECTIONS: [Protection; 6] = [
    Protection {
        title: "explicit TLS 1.3, session reuse required",
        tls: Tls::Explicit,
        versions: Versions::Both,
        require_reuse: true,
    },
    Protection {
        title: "explicit TLS 1.2, session reuse required",
        tls: Tls::Explicit,
        versions: Versions::Tls12Only,
        require_reuse: true,
    },
    Protection {
        title: "explicit TLS 1.3",
        tls: Tls::Explicit,
        versions: Versions::Both,
        require_reuse: false,
    },
    Protection {
        title: "explicit TLS 1.2",
        tls: Tls::Explicit,
        versions: Versions::Tls12Only,
        require_reuse: false,
    },
    Protection {
        title: "implicit TLS (1.3)",
        tls: Tls::Implicit,
        versions: Versions::Both,
        require_reuse: false,
    },
    Protection {
        title: "clear",
        tls: Tls::Off,
        versions: Versions::Both,
        require_reuse: false,
    },
];

impl Protection {
    fn options(self, ipv6: bool) -> Options {
        Options {
            tls: self.tls,
            versions: self.versions,
            require_reuse: self.require_reuse,
            require_tls_control: self.tls != Tls::Off,
            require_tls_data: self.tls != Tls::Off,
            ipv6,
            ..Options::default()
        }
    }

    /// What the session has to be under.
    fn tls_version(self) -> Option<&'static str> {
        match (self.tls, self.versions) {
            (Tls::Off, _) => None,
            (_, Versions::Tls12Only) => Some("1.2"),
            _ => Some("1.3"),
        }
    }
}

/// Where the big file goes in the short form too.
fn is_base(kind: Kind, protection: Protection, mode: Mode, ipv6: bool) -> bool {
    protection.tls == Tls::Explicit
        && protection.versions == Versions::Both
        && protection.require_reuse == kind.supports(&PROTECTIONS[0].options(false)).is_ok()
        && mode == Mode::Epsv
        && !ipv6
}

/// Tests of this file that use servers run one after the other: two kinds at a time are enough.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn every_server_in_every_way() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Built before anything is timed.
    drop(tool::ftp());
    let begun = Instant::now();
    let full = std::env::var_os("REAL_SERVERS_FULL").is_some_and(|value| value != "0");
    let files = Files::new();
    let next = Mutex::new(KINDS.iter());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(kind) = next.lock().unwrap().next() else {
                        break;
                    };
                    let row = Row::run(*kind, &files, full);
                    done.lock().unwrap().push(row);
                }
            });
        }
    });
    let rows = done.into_inner().unwrap();
    let rows: Vec<&Row> = Kind::ALL
        .iter()
        .map(|kind| rows.iter().find(|row| row.kind == *kind).unwrap())
        .collect();
    let table = table(&rows);
    let seconds = begun.elapsed().as_secs_f64();
    println!("\n{table}\n{} cells run in {seconds:.0} s.\n", table.run());
    let failures: Vec<&str> = rows
        .iter()
        .flat_map(|row| &row.failures)
        .map(String::as_str)
        .collect();
    assert!(
        failures.is_empty(),
        "{} cells failed\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// All cells of one server, and why those failed that did.
struct Row {
    kind: Kind,
    /// In the order of [`PROTECTIONS`] and [`columns`].
    cells: Vec<Vec<Cell>>,
    /// In the order of [`Way::ALL`].
    many: Vec<Cell>,
    failures: Vec<String>,
}

impl Row {
    fn run(kind: Kind, files: &Files, full: bool) -> Self {
        let mut row = Self {
            kind,
            cells: Vec::new(),
            many: Vec::new(),
            failures: Vec::new(),
        };
        for protection in PROTECTIONS {
            let families =
                [false, true].map(|ipv6| row.family(protection, ipv6, files, full).into_iter());
            let [mut ipv4, mut ipv6] = families;
            let cells = columns().map(|(_, is_ipv6)| match is_ipv6 {
                false => ipv4.next().unwrap(),
                true => ipv6.next().unwrap(),
            });
            row.cells.push(cells.collect());
        }
        row.many = row.many_transfers();
        row
    }

    /// One server, in every mode.
    fn family(
        &mut self,
        protection: Protection,
        ipv6: bool,
        files: &Files,
        full: bool,
    ) -> Vec<Cell> {
        let options = protection.options(ipv6);
        if let Err(reason) = self.kind.supports(&options) {
            return vec![Cell::Cannot(reason); Mode::ALL.len()];
        }
        let title = protection.title;
        let family = if ipv6 { "IPv6" } else { "IPv4" };
        let server = match peers::start(self.kind, &options) {
            Ok(server) => server,
            Err(error) => {
                self.failures
                    .push(format!("== {}, {title}, {family}: {error}", self.kind));
                return vec![Cell::Failed; Mode::ALL.len()];
            }
        };
        Mode::ALL
            .iter()
            .map(|&mode| {
                if let Err(reason) = mode.exists_over(ipv6) {
                    return Cell::Cannot(reason);
                }
                let big = full || is_base(self.kind, protection, mode, ipv6);
                let file = if big { files.big() } else { files.small() };
                let client = Client::new(&server, mode, protection.tls_version());
                let begun = Instant::now();
                match cell::run(&client, file, files.empty()) {
                    Ok(()) => Cell::Passed {
                        seconds: begun.elapsed().as_secs_f64(),
                        big,
                    },
                    Err(failed) => {
                        self.failures.push(format!(
                            "== {}, {title}, {mode}, {family}: {failed}\n{}",
                            self.kind,
                            end_of_log(&server)
                        ));
                        Cell::Failed
                    }
                }
            })
            .collect()
    }

    fn many_transfers(&mut self) -> Vec<Cell> {
        let reuse = PROTECTIONS[0].options(false);
        let options = Options {
            require_reuse: self.kind.supports(&reuse).is_ok(),
            ..reuse
        };
        if let Err(reason) = self.kind.supports(&options) {
            return vec![Cell::Cannot(reason); Way::ALL.len()];
        }
        Way::ALL
            .iter()
            .map(|&way| {
                // A server for each: what one left behind is not the next one's business.
                let ended = peers::start(self.kind, &options)
                    .map_err(|error| error.to_string())
                    .and_then(|server| {
                        many::run(&server, way)
                            .map_err(|failed| format!("{failed}\n{}", end_of_log(&server)))
                    });
                match ended {
                    Ok(cell) => cell,
                    Err(failed) => {
                        self.failures
                            .push(format!("== {}, {way}: {failed}", self.kind));
                        Cell::Failed
                    }
                }
            })
            .collect()
    }
}

/// The columns of the table: each mode over IPv4, then over IPv6.
fn columns() -> impl Iterator<Item = (Mode, bool)> {
    Mode::ALL
        .into_iter()
        .flat_map(|mode| [(mode, false), (mode, true)])
}

fn table(rows: &[&Row]) -> Table {
    let heads: Vec<String> = columns()
        .map(|(mode, ipv6)| format!("{mode} {}", if ipv6 { "IPv6" } else { "IPv4" }))
        .collect();
    let mut sections: Vec<Section> = PROTECTIONS
        .iter()
        .enumerate()
        .map(|(index, protection)| Section {
            title: protection.title.to_owned(),
            heads: heads.clone(),
            rows: rows
                .iter()
                .map(|row| (row.kind.name(), row.cells[index].clone()))
                .collect(),
        })
        .collect();
    sections.push(Section {
        title: many::title(),
        heads: Way::ALL.iter().map(ToString::to_string).collect(),
        rows: rows
            .iter()
            .map(|row| (row.kind.name(), row.many.clone()))
            .collect(),
    });
    Table { sections }
}

/// The last lines of what the server wrote, for a failure.
fn end_of_log(server: &Server) -> String {
    let log = server.log();
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(30);
    let mut text = "-- the server's log ends with\n".to_owned();
    for line in &lines[from..] {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Where the password was given makes no difference, nor whether the login succeeds.
#[test]
fn the_password_is_never_shown() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = peers::start(Kind::Pyftpdlib, &PROTECTIONS[2].options(false)).unwrap();
    let client = Client::new(&server, Mode::Epsv, Some("1.3"));
    let file = server.ca_path().with_file_name("password");
    let url = |password: &str| {
        format!(
            "ftp://{}:{password}@{}/readme.txt",
            server.user(),
            server.addr()
        )
    };
    fs::write(&file, format!("{}\n", server.password())).unwrap();
    let by_file = ["cat", "--password-file", file.to_str().unwrap()];
    let by_url = url(server.password());
    for arguments in [
        vec!["cat", by_url.as_str()],
        vec!["cat", "--json", &by_url],
        [&by_file[..], &[&client.url("readme.txt")]].concat(),
    ] {
        let ran = client.run_without_password(&arguments);
        assert_eq!(ran.status, Some(0), "{ran}");
        assert!(ran.dialogue().contains("---> PASS ****\n"), "{ran}");
        assert!(!ran.shows(server.password()), "{ran}");
    }
    let wrong = "not-the-password";
    for arguments in [vec!["cat", &url(wrong)], vec!["cat", "--json", &url(wrong)]] {
        let ran = client.run_without_password(&arguments);
        assert_eq!(ran.status, Some(5), "{ran}");
        assert!(ran.dialogue().contains("---> PASS ****\n"), "{ran}");
        assert!(!ran.shows(wrong), "{ran}");
    }
}

/// One line of JSON, also for what fails.
#[test]
fn results_and_errors_as_json() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = peers::start(Kind::Vsftpd, &PROTECTIONS[0].options(false)).unwrap();
    let client = Client::new(&server, Mode::Epsv, Some("1.3"));
    let local = server.ca_path().with_file_name("got");
    let got = client.run(&[
        "get",
        "--json",
        &client.url("100k.bin"),
        local.to_str().unwrap(),
    ]);
    let result = got.json().unwrap();
    assert_eq!(result["ok"], true, "{got}");
    assert_eq!(result["operation"], "get", "{got}");
    assert_eq!(result["results"][0]["bytes"], 102_400, "{got}");
    assert_eq!(result["results"][0]["proof"], "clean end", "{got}");
    assert_eq!(result["results"][0]["url"], client.url("100k.bin"), "{got}");
    assert!(result["results"][0]["seconds"].is_number(), "{got}");
    assert_eq!(result["session"]["tls"]["trust"], "authority", "{got}");
    assert_eq!(
        Payload::of(&local),
        Payload::of(&server.root().join("100k.bin"))
    );

    let missing = client.run(&["get", "--json", &client.url("missing"), "-"]);
    let result = missing.json().unwrap();
    assert_eq!(missing.status, Some(6), "{missing}");
    assert_eq!(result["ok"], false, "{missing}");
    assert_eq!(result["error"]["status"], 6, "{missing}");
    assert_eq!(result["error"]["code"], 550, "{missing}");
    assert_eq!(result["error"]["side"], "server", "{missing}");
    assert_eq!(
        result["results"].as_array().map(Vec::len),
        Some(0),
        "{missing}"
    );
}
