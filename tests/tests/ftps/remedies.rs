//! What can be done about TLS 1.3 tickets that run out, and what each costs: sixty uploads in a row on ProFTPD.

use std::fs;
use std::time::{Duration, Instant};

use ftp_proto::client::SpentTickets;
use ftp_proto::tls::Version;
use ftp_proto_blocking::{Builder, Error};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls};

use crate::session::{Session, Told, bytes};

const UPLOADS: u64 = 60;

/// What one remedy came to.
#[derive(Default)]
struct Cost {
    /// Uploads that failed, each with its file emptied.
    failures: u64,
    sessions: u64,
    /// Command lines said, data connections made.
    commands: u64,
    connections: u64,
    full: u64,
    seconds: f64,
}

impl Cost {
    fn add(&mut self, told: &Told) {
        self.sessions += 1;
        self.commands += told.commands;
        self.connections += told.connections;
        self.full += told.handshakes - told.resumed;
    }

    fn tell(&self, name: &str) {
        let per_upload = |count: u64| count as f64 / UPLOADS as f64;
        println!(
            "{name:<42} {:>8} {:>8} {:>9.2} {:>12.2} {:>15} {:>9.1}",
            self.failures,
            self.sessions,
            per_upload(self.commands),
            per_upload(self.connections),
            self.full,
            self.seconds * 1000.0 / UPLOADS as f64
        );
    }
}

#[test]
fn remedies_for_spent_tickets() {
    println!(
        "\n{:<42} {:>8} {:>8} {:>9} {:>12} {:>15} {:>9}",
        "60 uploads on ProFTPD, per upload",
        "failures",
        "sessions",
        "commands",
        "connections",
        "full handshakes",
        "ms"
    );
    let renewed = one_session(|builder| builder);
    renewed.tell("TLS 1.3, a listing renews (the default)");
    let older = one_session(|builder| builder.tls_max_version(Version::Tls12));
    older.tell("TLS 1.2 from the start");
    let switched = switched();
    switched.tell("TLS 1.3, then a new session under TLS 1.2");
    let sessions = new_sessions();
    sessions.tell("TLS 1.3, a new session for each two");
    let ignored = one_session(|builder| {
        builder.configure(|config| config.spent_tickets = SpentTickets::GoOn)
    });
    ignored.tell("TLS 1.3, nothing done");
    for remedy in [&renewed, &older, &switched, &sessions] {
        assert_eq!(remedy.failures, 0);
    }
    // Otherwise there is nothing to remedy any more.
    assert!(ignored.failures > 0);
}

fn server() -> Server {
    let options = Options {
        tls: Tls::Explicit,
        require_reuse: true,
        ..Options::default()
    };
    peers::start(Kind::ProFtpd, &options).unwrap()
}

fn upload(server: &Server, session: &mut Session, number: u64) -> bool {
    let content = bytes(number, 10_000);
    let name = format!("row-{number}");
    match session.client.store(&name, &mut content.as_slice()) {
        Ok(_) => fs::read(server.root().join(&name)).unwrap() == content,
        Err(Error::Failed(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

fn one_session(change: fn(Builder) -> Builder) -> Cost {
    let server = server();
    let begun = Instant::now();
    let mut cost = Cost::default();
    let mut session = Session::begin(&server, change);
    for number in 0..UPLOADS {
        cost.failures += u64::from(!upload(&server, &mut session, number));
    }
    cost.add(&session.told.lock().unwrap());
    cost.seconds = begun.elapsed().as_secs_f64();
    cost
}

/// Two uploads are what the tickets of the control connection are good for.
fn switched() -> Cost {
    let server = server();
    let begun = Instant::now();
    let mut cost = Cost::default();
    let mut session = Session::begin(&server, |builder| builder);
    for number in 0..UPLOADS {
        if number == 2 {
            cost.add(&session.told.lock().unwrap());
            session = Session::begin(&server, |builder| builder.tls_max_version(Version::Tls12));
        }
        cost.failures += u64::from(!upload(&server, &mut session, number));
    }
    cost.add(&session.told.lock().unwrap());
    cost.seconds = begun.elapsed().as_secs_f64();
    cost
}

fn new_sessions() -> Cost {
    let server = server();
    let begun = Instant::now();
    let mut cost = Cost::default();
    for pair in 0..UPLOADS / 2 {
        let mut session =
            Session::begin(&server, |builder| builder.timeout(Duration::from_secs(10)));
        for number in [2 * pair, 2 * pair + 1] {
            cost.failures += u64::from(!upload(&server, &mut session, number));
        }
        cost.add(&session.told.lock().unwrap());
    }
    cost.seconds = begun.elapsed().as_secs_f64();
    cost
}
