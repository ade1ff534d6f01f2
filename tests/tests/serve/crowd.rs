//! Many sessions at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ftp_proto_async::{Client, Secret};
use smol::{LocalExecutor, Timer, block_on};

use crate::server::{PASSWORD, Serve, USER};
use crate::turn;

/// Bytes of each file.
const SIZE: usize = 200_000;

/// What an idle session may cost the server, in KiB.
const IDLE_KIB: u64 = 64;

/// The longest anybody may wait for the reply to NOOP, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Seen {
    uploads: AtomicU64,
    downloads: AtomicU64,
    replies: AtomicU64,
    /// Microseconds.
    slowest: AtomicU64,
}

#[test]
fn crowd() {
    let _turn = turn();
    let number =
        |name, default| std::env::var(name).map_or(default, |count| count.parse().unwrap());
    let sessions = number("SERVE_CROWD", 200);
    let seconds = number("SERVE_SECONDS", 5);
    let limit = (sessions + 10).to_string();
    let server = Serve::start(&[
        "--max-sessions",
        &limit,
        "--max-sessions-per-address",
        &limit,
    ]);
    let before = server.memory();
    let seen = Arc::new(Seen::default());
    let over = Arc::new(AtomicBool::new(false));
    let executor = LocalExecutor::new();
    let authority = std::fs::read(server.authority()).unwrap();
    let (idle, busy) = block_on(executor.run(async {
        let mut clients = Vec::new();
        for _ in 0..sessions {
            let mut client = Client::builder()
                .ca_pem(authority.clone())
                .connect("localhost", server.addresses[0].port())
                .await
                .unwrap();
            let password = Secret::new(PASSWORD.as_bytes());
            client.login(USER, password).await.unwrap();
            clients.push(client);
        }
        Timer::after(Duration::from_millis(500)).await;
        let idle = server.memory();
        let tasks: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let (seen, over) = (Arc::clone(&seen), Arc::clone(&over));
                executor.spawn(visit(client, number, seen, over))
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut busy = 0;
        while Instant::now() < end {
            Timer::after(Duration::from_millis(250)).await;
            busy = busy.max(server.memory());
        }
        over.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await;
        }
        (idle, busy)
    }));
    let per_session = (idle - before) / sessions;
    let slowest = Duration::from_micros(seen.slowest.load(Ordering::Relaxed));
    println!(
        "{sessions} sessions under TLS for {seconds} s: {} uploads and {} downloads of {SIZE} bytes, {} other replies, the slowest after {slowest:.1?}\n\
         memory: {before} KiB without sessions, {idle} KiB with all of them idle ({per_session} KiB each), {busy} KiB at the most",
        seen.uploads.load(Ordering::Relaxed),
        seen.downloads.load(Ordering::Relaxed),
        seen.replies.load(Ordering::Relaxed),
    );
    assert!(
        per_session <= IDLE_KIB,
        "an idle session takes {per_session} KiB"
    );
    assert!(slowest < PATIENCE, "a reply took {slowest:?}");
}

/// One client: now and then a file, and a question in between.
async fn visit(mut client: Client, number: usize, seen: Arc<Seen>, over: Arc<AtomicBool>) {
    let file: Vec<u8> = (0..SIZE).map(|at| (at + number) as u8).collect();
    let name = format!("file-{number}");
    // Not all at the same time.
    Timer::after(Duration::from_millis(number as u64 * 7 % 1000)).await;
    while !over.load(Ordering::Relaxed) {
        client.store(&name, &mut file.as_slice()).await.unwrap();
        seen.uploads.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        client.noop().await.unwrap();
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap();
        seen.slowest.fetch_max(took, Ordering::Relaxed);
        seen.replies.fetch_add(1, Ordering::Relaxed);
        let mut back = Vec::new();
        client.retrieve(&name, &mut back).await.unwrap();
        assert!(back == file, "{name} came back changed");
        seen.downloads.fetch_add(1, Ordering::Relaxed);
        Timer::after(Duration::from_millis(700)).await;
    }
    client.quit().await.unwrap();
}
