//! The sessions.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ftp_proto::client::{ClearText, Security};
use ftp_proto_async::{Client, Pool, PooledClient, Secret};
use ftp_proto_tests::certs::Credential;
use smol::lock::Semaphore;
use smol::{LocalExecutor, Timer, block_on};

use crate::server::{DIRECTORY, FILES, PASSWORD, Process, USER, file, resident};

/// Logins under way at once: the server's queue of connections to be accepted holds 1,024.
const CONNECTING: usize = 256;

/// Transfers under way at once: each takes up to three descriptors on the server's side.
const TRANSFERS: usize = 250;

/// One address of the server for so many sessions: each pair of addresses has about 28,000 ports.
const PER_ADDRESS: usize = 500;

/// What a session at rest may take in resident memory in either process, in bytes. With few of them what the process takes the first time
/// weighs the most.
const AT_REST: usize = 160 * 1024;

/// So many sessions at once, under TLS with an authority and the server's certificate.
pub(crate) fn run(sessions: usize, tls: Option<(&str, &Credential)>) {
    let server = Process::start(sessions + 10, tls.map(|(_, credential)| credential));
    let settings = || match tls {
        None => Client::builder().security(Security::clear(ClearText::Everybody)),
        Some((authority, _)) => Client::builder().ca_pem(authority).server_name("localhost"),
    };
    // One pool for each address of the server.
    let pools: Vec<Pool> = (0..sessions.div_ceil(PER_ADDRESS))
        .map(|number| {
            let number = u8::try_from(number + 1).unwrap();
            let host = Ipv4Addr::new(127, 0, 0, number);
            Pool::builder(host.to_string(), server.port)
                .login(USER, Secret::new(PASSWORD.as_bytes()))
                .client(settings().timeout(Duration::from_secs(300)))
                .sessions(PER_ADDRESS)
                .build()
                .unwrap()
        })
        .collect();
    let (ours, theirs) = (resident("self"), server.memory());
    let begun = Instant::now();
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let lent = connect(&executor, &pools, sessions).await;
        let up = begun.elapsed();
        assert_eq!(lent.len(), sessions);
        let open: usize = pools.iter().map(Pool::count).sum();
        assert_eq!(open, sessions, "all at once");
        Timer::after(Duration::from_millis(300)).await;
        let each = |now: usize, before: usize| now.saturating_sub(before) / sessions;
        let rest = (
            each(resident("self"), ours),
            each(server.memory(), theirs),
        );
        let begun = Instant::now();
        let lent = work(&executor, lent).await;
        let worked = begun.elapsed();
        let after = (
            each(resident("self"), ours),
            each(server.memory(), theirs),
        );
        let begun = Instant::now();
        drop(lent);
        let closing: Vec<_> = pools
            .iter()
            .map(|pool| executor.spawn(pool.close()))
            .collect();
        for pool in closing {
            pool.await;
        }
        let kind = if tls.is_some() { "under TLS" } else { "in clear" };
        println!(
            "{sessions} sessions {kind} at once: logged in after {up:.1?}; a listing and 4 KiB each in {worked:.1?}; QUIT in {:.1?}; none failed\n\
             resident bytes a session, client / server: {} / {} logged in, {} / {} after the transfers",
            begun.elapsed(),
            rest.0,
            rest.1,
            after.0,
            after.1,
        );
        assert!(rest.0 <= AT_REST && rest.1 <= AT_REST, "{rest:?}");
    }));
}

async fn connect<'a>(
    executor: &LocalExecutor<'a>,
    pools: &'a [Pool],
    sessions: usize,
) -> Vec<PooledClient> {
    let gate = Arc::new(Semaphore::new(CONNECTING));
    let tasks: Vec<_> = (0..sessions)
        .map(|number| {
            let gate = Arc::clone(&gate);
            let pool = &pools[number / PER_ADDRESS];
            executor.spawn(async move {
                let _turn = gate.acquire().await;
                pool.session().await.unwrap()
            })
        })
        .collect();
    let mut lent = Vec::with_capacity(sessions);
    for task in tasks {
        lent.push(task.await);
    }
    lent
}

/// A listing and a download in each session.
async fn work(executor: &LocalExecutor<'_>, lent: Vec<PooledClient>) -> Vec<PooledClient> {
    let gate = Arc::new(Semaphore::new(TRANSFERS));
    let done = Arc::new(AtomicUsize::new(0));
    let sessions = lent.len();
    let tasks: Vec<_> = lent
        .into_iter()
        .map(|mut client| {
            let (gate, done) = (Arc::clone(&gate), Arc::clone(&done));
            executor.spawn(async move {
                let _turn = gate.acquire().await;
                let facts = client.facts(DIRECTORY).await.unwrap();
                let names = facts
                    .entries()
                    .flatten()
                    .filter(|entry| entry.size() == Some(4));
                assert_eq!(names.count(), FILES);
                let mut back = Vec::new();
                client.retrieve("file", &mut back).await.unwrap();
                assert!(back == file());
                done.fetch_add(1, Ordering::Relaxed);
                client
            })
        })
        .collect();
    let mut lent = Vec::with_capacity(sessions);
    for task in tasks {
        lent.push(task.await);
    }
    assert_eq!(done.load(Ordering::Relaxed), sessions);
    lent
}
