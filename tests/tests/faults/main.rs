//! A fault of every kind at every operation on a socket, in both drivers.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test faults -- --nocapture
//! FAULTS_FULL=5 cargo test --release -p ftp-proto-tests --test faults -- --nocapture
//! FAULTS_ONLY=Download FAULTS_VERBOSE=1 cargo test --release -p ftp-proto-tests --test faults -- --nocapture
//! ```
//!
//! The peer is the embedded server. First each call is played without a fault, and its operations are counted: connecting, listening,
//! accepting, reads and writes that the system would carry out. Then it is played once for each of them and each kind of fault, the one
//! fault in it. What a driver must get over (a short read or write, `WouldBlock`, a signal) changes nothing; after anything else the call ends
//! in time with an error that has a type, or with a success that is one: the same bytes at both ends. Afterwards the client works, or says
//! that it is closed. No socket stays. `FAULTS_FULL` is how often all of it is played, then under TLS 1.2 too: what comes in between two
//! operations is another thing each time.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

mod plan;
mod play;
mod runtime;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ftp_proto::server::Security;
use ftp_proto::tls::ServerTls;
use ftp_proto_async::Error;
use ftp_proto_async::server::{Account, Handle, MemoryStorage, Server, Users};
use ftp_proto_blocking::seam::{Connection, Operation};
use ftp_proto_tests::certs::{Authority, Certificate};

use plan::{Kind, Plan, Step};
use play::{After, Call, Driver, PASSWORD, Played, Protection, Stage, USER, payload, play};

/// Entries of the directory that is listed.
const MANY: usize = 400;

/// Sessions at once: most of them wait.
const AT_ONCE: usize = 48;

/// What a call may wait for in each of its waits, where a fault keeps it waiting.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Where nothing should.
const CALM: Duration = Duration::from_secs(60);

/// All waits of a call together, on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(40);

/// A session to be played.
#[derive(Clone, Copy, Debug)]
struct Job {
    call: Call,
    at: usize,
    kind: Kind,
}

/// What came of all faults of one kind.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    ended: BTreeMap<String, usize>,
    after: BTreeMap<&'static str, usize>,
}

/// A server on threads of its own; it ends with this.
struct Running {
    stage: Stage,
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

#[test]
fn one_fault_at_every_operation() {
    ftp_proto_tests::watch::traces();
    let mut violations = Vec::new();
    let before = {
        // The reactor's own descriptors come with the first session.
        let running = Running::new(Protection::Clear);
        let calm = Arc::new(Plan::new(0, Kind::Short));
        let played = play(Driver::Async, &running.stage, Call::Login, &calm, CALM, "");
        assert_eq!(played.after, After::Works, "{played:?}");
        drop(running);
        thread::sleep(Duration::from_millis(500));
        descriptors()
    };
    let rounds = std::env::var("FAULTS_FULL").map(|rounds| rounds.parse().unwrap());
    let protections: &[Protection] = match rounds {
        Ok(_) => &[Protection::Clear, Protection::Tls13, Protection::Tls12],
        Err(_) => &[Protection::Clear, Protection::Tls13],
    };
    for _ in 0..rounds.unwrap_or(1) {
        for protection in protections {
            let running = Running::new(*protection);
            for driver in [Driver::Blocking, Driver::Async] {
                sweep(driver, &running.stage, &mut violations);
            }
            drop(running);
            let after = settled(before);
            println!("descriptors: {before} before, {after} after\n");
            if before != after {
                violations.push(format!("descriptors: {before} before, {:?}", open()));
            }
        }
    }
    for violation in &violations {
        println!("** {violation}");
    }
    assert!(violations.is_empty(), "{} violations", violations.len());
}

fn sweep(driver: Driver, stage: &Stage, violations: &mut Vec<String>) {
    let only = std::env::var("FAULTS_ONLY").unwrap_or_default();
    let protection = stage.protection;
    let calls = Call::ALL.iter().copied();
    let calls = calls.filter(|call| format!("{call:?}").contains(&only));
    let (mut jobs, mut impossible) = (Vec::new(), 0);
    for call in calls {
        let steps = calm(driver, stage, call);
        println!(
            "{driver:?}, {protection:?}: {call:?} has {} operations: {}",
            steps.len(),
            counted(&steps)
        );
        // Another time there may be one more.
        for at in 1..=steps.len() + 1 {
            for kind in Kind::ALL.iter().copied() {
                let step = steps.get(at - 1);
                match step.is_none_or(|(_, operation)| kind.befalls(*operation)) {
                    true => jobs.push(Job { call, at, kind }),
                    false => impossible += 1,
                }
            }
        }
    }
    println!(
        "{driver:?}, {protection:?}: {} faults; {impossible} more cannot happen to the operation",
        jobs.len()
    );
    let mut tallies: BTreeMap<Kind, Tally> = BTreeMap::new();
    let mut unreached = 0;
    for (job, played) in play_all(driver, stage, &jobs) {
        if std::env::var_os("FAULTS_VERBOSE").is_some() {
            println!("   {job:?}: {played:?}");
        }
        let tally = tallies.entry(job.kind).or_default();
        if played.as_ref().is_ok_and(|played| played.befell.is_none()) {
            unreached += 1;
        }
        if let Ok(played) = &played {
            tally.runs += 1;
            *tally.ended.entry(called(&played.ended)).or_default() += 1;
            let after = match played.after {
                After::Works => "works",
                After::Closed => "closed",
                After::Gone => "gone",
                After::Lingers(_) => "lingers",
            };
            *tally.after.entry(after).or_default() += 1;
        }
        if let Some(why) = judge(protection, job, &played) {
            violations.push(format!(
                "{driver:?}, {protection:?}: {:?} of operation {} of {:?}: {why}",
                job.kind, job.at, job.call
            ));
        }
    }
    for (kind, tally) in &tallies {
        println!(
            "   {:12} {:5} runs: {}; the client {}",
            format!("{kind:?}"),
            tally.runs,
            listed(&tally.ended),
            listed(&tally.after)
        );
    }
    println!("   {unreached} ended before that operation came");
    // A sweep that hits nothing shows nothing.
    assert!(unreached * 3 < jobs.len(), "{unreached} of {}", jobs.len());
}

/// What must not be about a session.
fn judge(protection: Protection, job: Job, played: &Result<Played, String>) -> Option<String> {
    let played = match played {
        Ok(played) => played,
        Err(panic) => return Some(format!("panicked: {panic}")),
    };
    // In clear the end of a listing is an end, whoever made it: nothing says how long it was to be.
    let unprovable = protection == Protection::Clear
        && (job.call, job.kind) == (Call::Listing, Kind::Ends)
        && played.befell == Some((Connection::Data, Operation::Read));
    if let Some(wrong) = &played.wrong
        && !unprovable
    {
        return Some(wrong.clone());
    }
    if played.took > DEADLINE {
        return Some(format!("took {:?}", played.took));
    }
    if let After::Lingers(why) = &played.after {
        return Some(format!(
            "neither works nor is closed: {why}; the call: {:?}",
            played.ended
        ));
    }
    match &played.ended {
        Ok(()) => {}
        Err(error) if job.kind.is_harmless() || played.befell.is_none() => {
            return Some(format!("failed without a reason: {error}"));
        }
        Err(Error::Failed(_) | Error::Connect { .. }) => {}
        Err(error) => return Some(format!("blames the wrong one: {error:?}")),
    }
    if job.kind.is_harmless() && played.after == After::Closed {
        return Some("closed without a reason".to_owned());
    }
    None
}

/// Plays a call without a fault: its operations.
fn calm(driver: Driver, stage: &Stage, call: Call) -> Vec<Step> {
    let plan = Arc::new(Plan::new(0, Kind::Short));
    let name = format!("{driver:?}-{call:?}");
    stage.storage.insert(&name, &b"x"[..]).unwrap();
    let played = play(driver, stage, call, &plan, CALM, &name);
    assert!(played.ended.is_ok(), "{call:?}: {played:?}");
    assert!(played.wrong.is_none(), "{call:?}: {played:?}");
    assert!(matches!(played.after, After::Works | After::Gone));
    played.steps
}

/// Plays the jobs, many at once; with the panic of those that do.
fn play_all(driver: Driver, stage: &Stage, jobs: &[Job]) -> Vec<(Job, Result<Played, String>)> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some(job) = jobs.get(index) else { break };
                    let name = format!("{driver:?}-{index}");
                    let played = catch_unwind(AssertUnwindSafe(|| one(driver, stage, *job, &name)));
                    let played = played.map_err(|panic| match panic.downcast::<String>() {
                        Ok(text) => *text,
                        Err(_) => "?".to_owned(),
                    });
                    sender.send((index, played)).unwrap();
                }
            });
        }
        drop(sender);
        let mut all: Vec<Option<Result<Played, String>>> = jobs.iter().map(|_| None).collect();
        for _ in jobs {
            // Every wait of every call has an end.
            match receiver.recv_timeout(DEADLINE * 3) {
                Ok((index, played)) => all[index] = Some(played),
                Err(_) => {
                    let missing = jobs.iter().zip(&all).filter(|(_, played)| played.is_none());
                    let missing: Vec<&Job> = missing.map(|(job, _)| job).take(AT_ONCE).collect();
                    println!("hangs, one of these: {missing:?}");
                    std::process::exit(101);
                }
            }
        }
        let all = jobs.iter().copied().zip(all.into_iter().flatten());
        all.collect()
    })
}

fn one(driver: Driver, stage: &Stage, job: Job, name: &str) -> Played {
    let mut patience = match job.kind.is_harmless() {
        true => CALM,
        false => PATIENCE,
    };
    loop {
        stage.storage.insert(name, &b"x"[..]).unwrap();
        let plan = Arc::new(Plan::new(job.at, job.kind));
        let played = play(driver, stage, job.call, &plan, patience, name);
        for name in [name.to_owned(), format!("{name}.kept")] {
            stage.storage.insert(&name, &b""[..]).unwrap();
        }
        // On a busy machine it may be too impatient without any fault.
        if played.befell.is_some() || played.ended.is_ok() || patience >= CALM {
            return played;
        }
        patience *= 4;
    }
}

impl Running {
    fn new(protection: Protection) -> Self {
        let storage = MemoryStorage::new();
        let payload = payload();
        storage.insert("payload", payload.as_slice()).unwrap();
        storage.insert("small", &b"small"[..]).unwrap();
        for number in 0..MANY {
            let name = format!("many/a file with a name, number {number}");
            storage.insert(name, &b""[..]).unwrap();
        }
        let account = Account::new(Arc::new(storage.clone())).writable();
        let users = Users::new().user(USER, PASSWORD, account);
        let mut builder = Server::builder(users).listen("127.0.0.1:0").threads(2);
        let authority = Authority::shared().unwrap();
        if protection != Protection::Clear {
            let own = authority.server(Certificate::Valid).unwrap();
            let tls = ServerTls::builder()
                .certificate_pem(own.certificate.as_bytes(), own.key.as_bytes())
                .build()
                .unwrap();
            builder = builder
                .tls(tls)
                .configure(|config| config.security = config.security.require_reuse());
        } else {
            builder = builder.configure(|config| config.security = Security::clear());
        }
        let server = builder.build().unwrap();
        let stage = Stage {
            port: server.addresses()[0].port(),
            protection,
            ca: authority.pem().to_owned(),
            storage,
            payload,
        };
        let handle = server.handle();
        let thread = thread::spawn(move || smol::block_on(server.run()).unwrap());
        Running {
            stage,
            handle,
            thread: Some(thread),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.shutdown(Duration::ZERO);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

/// What a call ended with, in a word.
fn called(ended: &Result<(), Error>) -> String {
    match ended {
        Ok(()) => "done".to_owned(),
        Err(error) => format!("{:?}", error.category()),
    }
}

fn counted(steps: &[Step]) -> String {
    let mut counts: BTreeMap<Step, usize> = BTreeMap::new();
    for step in steps {
        *counts.entry(*step).or_default() += 1;
    }
    let mut text = String::new();
    for ((connection, operation), count) in counts {
        let _ = write!(text, " {count} {connection:?} {operation:?},");
    }
    text.trim_matches([' ', ',']).to_owned()
}

fn listed<K: std::fmt::Display>(counts: &BTreeMap<K, usize>) -> String {
    let counts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    counts.join(", ")
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// What they are.
fn open() -> Vec<String> {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    let all = all.map(|entry| fs::read_link(entry.unwrap().path()));
    let mut all: Vec<String> = all
        .flatten()
        .map(|link| link.display().to_string())
        .collect();
    for table in ["tcp", "tcp6"] {
        let table = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap();
        for line in table.lines() {
            let inode = line.split_whitespace().nth(9).unwrap_or_default();
            let socket = format!("socket:[{inode}]");
            if let Some(open) = all.iter_mut().find(|open| **open == socket) {
                *open = line.trim().to_owned();
            }
        }
    }
    all
}

/// Sockets that are dialled in another thread may be closed there a moment later.
fn settled(wanted: usize) -> usize {
    for _ in 0..6000 {
        if descriptors() == wanted {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    descriptors()
}
