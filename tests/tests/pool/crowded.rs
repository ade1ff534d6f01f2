//! Servers that grant fewer sessions than asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ftp_proto::FailureKind;
use ftp_proto::pool::{Note, QuotaLimits};
use ftp_proto_async::{Client, Error, Pool, PoolBuilder, Secret};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls};
use smol::{LocalExecutor, Timer, block_on};

use super::own::{self, PASSWORD, USER};
use super::{Heard, clear, pool_on};

/// What the servers grant.
const GRANTED: u16 = 3;

/// Downloads, many more than that, asked for at once.
const DOWNLOADS: usize = 40;

fn limited(kind: Kind, tls: Tls) -> Server {
    let options = Options {
        tls,
        sessions_per_address: Some(GRANTED),
        ..Options::default()
    };
    peers::start(kind, &options).unwrap()
}

fn pool_of(server: &Server, heard: &Heard, sessions: usize) -> PoolBuilder {
    let client = match server.options().tls {
        Tls::Off => clear(),
        _ => Client::builder().ca_pem(server.ca_pem()),
    };
    let pool = Pool::builder(server.addr().ip().to_string(), server.addr().port())
        .login(server.user(), Secret::new(server.password().as_bytes()))
        .client(heard.client(client.timeout(Duration::from_secs(60))))
        .sessions(sessions)
        .configure(quietly);
    heard.pool(pool)
}

/// A bound that was lowered stays so for as long as a test takes.
fn quietly(limits: &mut QuotaLimits) {
    limits.raise_after = Duration::from_secs(600);
}

/// So many downloads at once; the most that ran beside each other.
async fn download(pool: &Pool, path: &'static str, size: usize) -> usize {
    let executor = LocalExecutor::new();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..DOWNLOADS)
        .map(|_| {
            let (now, most, pool) = (Arc::clone(&now), Arc::clone(&most), pool.clone());
            executor.spawn(async move {
                let mut client = pool.session().await.unwrap();
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // The first ones wait for each other: a fast server would be done with all before the second session is up.
                let end = Instant::now() + Duration::from_secs(60);
                while most.load(Ordering::SeqCst) < usize::from(GRANTED) && Instant::now() < end {
                    Timer::after(Duration::from_millis(5)).await;
                }
                let mut file = Vec::new();
                client.retrieve(path, &mut file).await.unwrap();
                assert_eq!(file.len(), size);
                now.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    executor
        .run(async {
            for task in tasks {
                task.await;
            }
        })
        .await;
    most.load(Ordering::SeqCst)
}

fn goes_on_with_what_is_granted(pool: &Pool, heard: &Heard, path: &'static str, size: usize) {
    block_on(async {
        let most = download(pool, path, size).await;
        assert_eq!(pool.bound(), usize::from(GRANTED), "{:?}", heard.notes());
        assert_eq!(most, usize::from(GRANTED), "lent at once");
        let lowered = Note::Lowered(usize::from(GRANTED));
        assert!(heard.notes().contains(&lowered), "{:?}", heard.notes());
        assert!(
            heard
                .notes()
                .iter()
                .any(|note| matches!(note, Note::BackOff(_)))
        );
        pool.close().await;
        assert_eq!(pool.count(), 0);
    });
}

#[test]
fn real_servers_in_clear() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        let server = limited(kind, Tls::Off);
        let heard = Heard::default();
        let pool = pool_of(&server, &heard, 8).build().unwrap();
        println!("{kind}");
        goes_on_with_what_is_granted(&pool, &heard, "100k.bin", 102_400);
    }
}

#[test]
fn real_servers_under_tls() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        let server = limited(kind, Tls::Explicit);
        let heard = Heard::default();
        let pool = pool_of(&server, &heard, 8).build().unwrap();
        println!("{kind} under TLS");
        goes_on_with_what_is_granted(&pool, &heard, "100k.bin", 102_400);
    }
}

#[test]
fn our_own_server() {
    let own = own::start(|builder| builder.max_sessions_per_address(usize::from(GRANTED)));
    let heard = Heard::default();
    let pool = pool_on(&own, &heard).sessions(8).configure(quietly);
    let pool = pool.build().unwrap();
    goes_on_with_what_is_granted(&pool, &heard, "f7", 4096);
}

#[test]
fn a_server_full_of_others_is_waited_for_and_then_the_answer() {
    let own = own::start(|builder| builder.max_sessions(1));
    block_on(async {
        let mut other = clear().connect("127.0.0.1", own.addr.port()).await.unwrap();
        let password = || Secret::new(PASSWORD.as_bytes());
        other.login(USER, password()).await.unwrap();
        let heard = Heard::default();
        let impatient = pool_on(&own, &heard)
            .configure(|limits| limits.patience = Duration::from_millis(600))
            .build()
            .unwrap();
        match impatient.session().await.map(drop) {
            Err(Error::Failed(failed)) => {
                assert_eq!(failed.failure.kind, FailureKind::GreetingRefused);
            }
            result => panic!("{result:?}"),
        }
        assert!(!heard.notes().is_empty());
        assert_eq!(impatient.count(), 0);
        // One that is patient gets in as soon as the other one is gone.
        let patient = pool_on(&own, &Heard::default()).build().unwrap();
        let leaves = async {
            Timer::after(Duration::from_millis(400)).await;
            other.quit().await.unwrap();
        };
        let (lent, ()) = smol::future::zip(patient.session(), leaves).await;
        assert!(lent.unwrap().noop().await.is_ok());
    });
}

#[test]
fn the_bound_rises_again_when_others_have_left() {
    let own = own::start(|builder| builder.max_sessions(2));
    block_on(async {
        let mut other = clear().connect("127.0.0.1", own.addr.port()).await.unwrap();
        let password = || Secret::new(PASSWORD.as_bytes());
        other.login(USER, password()).await.unwrap();
        let heard = Heard::default();
        let pool = pool_on(&own, &heard)
            .sessions(2)
            .configure(|limits| limits.raise_after = Duration::from_millis(300))
            .build()
            .unwrap();
        let first = pool.session().await.unwrap();
        let leaves = async {
            Timer::after(Duration::from_millis(500)).await;
            other.quit().await.unwrap();
        };
        // The first one does not come back: only a higher bound helps.
        let (second, ()) = smol::future::zip(pool.session(), leaves).await;
        second.unwrap();
        assert_eq!(pool.bound(), 2);
        for note in [Note::Lowered(1), Note::Raised(2)] {
            assert!(heard.notes().contains(&note), "{:?}", heard.notes());
        }
        drop(first);
    });
}
