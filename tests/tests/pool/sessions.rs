//! What is lent, what comes back, and what does not.

use std::collections::VecDeque;
use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::embedded::Embedded;
use ftp_proto::client::{ClearText, PassiveAddress, Security};
use ftp_proto::tree::Options;
use ftp_proto::{Category, Refusal};
use ftp_proto_async::{Error, Pool, PooledClient, Secret, TransferOptions, Tree};
use ftp_proto_tests::peers::{self, Kind, Tls};
use smol::{LocalExecutor, Timer, block_on, future};

use super::own::{self, PASSWORD, USER};
use super::{Heard, clear, pool_on};

fn own() -> Embedded {
    own::start(|builder| builder)
}

#[test]
fn a_session_that_comes_back_is_lent_again() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).build().unwrap();
    block_on(async {
        for number in 0..20 {
            let mut client = pool.session().await.unwrap();
            let mut file = Vec::new();
            client
                .retrieve(format!("f{number}"), &mut file)
                .await
                .unwrap();
            assert_eq!(file, vec![number; 4096]);
            // A refusal leaves the session as it was.
            assert!(client.size("nothing").await.is_err());
        }
        assert_eq!((heard.logins(), pool.count()), (1, 1));
    });
}

#[test]
fn a_session_that_was_changed_is_not_lent_again() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).build().unwrap();
    block_on(async {
        for round in 1..=3 {
            let mut client = pool.session().await.unwrap();
            assert_eq!(heard.logins(), round);
            assert_eq!(client.working_directory().await.unwrap().unwrap(), b"/");
            match round {
                1 => drop(client.change_directory("dir").await.unwrap()),
                2 => drop(client.options("UTF8 ON").await),
                _ => {}
            }
        }
        assert_eq!(pool.count(), 1, "what is changed is closed");
    });
}

#[test]
fn a_session_with_something_under_way_is_not_lent_again() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).sessions(1).build().unwrap();
    block_on(async {
        let mut logins = 0;
        // Dropped after so many polls.
        for polls in 0..60 {
            let mut client = pool.session().await.unwrap();
            let mut sink = Vec::new();
            let mut left = polls;
            let transfer = client.retrieve("big", &mut sink);
            let mut transfer = pin!(transfer);
            let over = future::poll_fn(|cx| match left {
                0 => Poll::Ready(false),
                _ => {
                    left -= 1;
                    transfer.as_mut().poll(cx).map(|ended| ended.is_ok())
                }
            })
            .await;
            let _ = over;
            logins = heard.logins();
        }
        assert!(logins > 1, "each was over before it was dropped");
        // Whatever was dropped, the next one meets a session in order.
        let mut client = pool.session().await.unwrap();
        let mut file = Vec::new();
        client.retrieve("f3", &mut file).await.unwrap();
        assert_eq!(file, vec![3; 4096]);
        assert_eq!(pool.count(), 1);
    });
}

/// Every setting of a session that a policy can differ in, and one pool for each, on one server and for one user.
#[test]
fn no_session_gets_from_one_policy_into_another() {
    let own = own();
    let heard = Heard::default();
    let base = || clear().timeout(Duration::from_secs(20));
    let clients = [
        base(),
        base().security(Security::clear(ClearText::Everybody).allow_ccc()),
        base().configure(|config| config.passive_address = PassiveAddress::Trusted),
        base().configure(|config| config.limits.command_line = 600),
        base().configure(|config| config.keepalive = Some(Duration::from_secs(9))),
    ];
    let pools: Vec<Pool> = clients
        .into_iter()
        .map(|client| {
            pool_on(&own, &heard)
                .client(heard.client(client))
                .sessions(2)
                .build()
                .unwrap()
        })
        .collect();
    block_on(async {
        let mut configs = Vec::new();
        for pool in &pools {
            configs.push(pool.session().await.unwrap().machine().config().clone());
        }
        for (at, config) in configs.iter().enumerate() {
            assert!(configs.iter().skip(at + 1).all(|other| other != config));
        }
        for at in 0..pools.len() {
            for other in 0..pools.len() {
                if at == other {
                    continue;
                }
                let mut here = pools[at].session().await.unwrap();
                let mut there = pools[other].session().await.unwrap();
                let logins = heard.logins();
                mem::swap::<ftp_proto_async::Client>(&mut here, &mut there);
                drop((here, there));
                for number in [at, other] {
                    let lent = pools[number].session().await.unwrap();
                    assert_eq!(lent.machine().config(), &configs[number]);
                }
                assert_eq!(heard.logins(), logins + 2, "neither came back");
            }
        }
        // One from elsewhere does not become part of a pool.
        let mut stranger = clear().connect("127.0.0.1", own.addr.port()).await.unwrap();
        let password = Secret::new(PASSWORD.as_bytes());
        stranger.login(USER, password).await.unwrap();
        let mut lent = pools[0].session().await.unwrap();
        *lent = stranger;
        let logins = heard.logins();
        drop(lent);
        let again = pools[0].session().await.unwrap();
        assert_eq!(heard.logins(), logins + 1);
        assert_eq!(again.machine().config(), &configs[0]);
    });
}

/// A tree borrows its sessions, and gives them back: the next one, and whoever else asks, goes on with them.
#[test]
fn trees_go_over_the_sessions_of_a_pool() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).sessions(2).build().unwrap();
    let local = std::env::temp_dir().join(format!("ftp-pool-tree-{}", std::process::id()));
    block_on(async {
        // More hands than sessions: some get none, and nothing is left undone.
        for copied in [42, 0] {
            let tree = Tree::download("/", &local, Options::default()).unwrap();
            let done = tree.sessions(4).run(async || pool.session().await).await;
            assert!(done.summary.is_complete(), "{done:?}");
            assert_eq!(done.summary.copied, copied, "{done:?}");
        }
        let mut client = pool.session().await.unwrap();
        let mut file = Vec::new();
        client.retrieve("f3", &mut file).await.unwrap();
        assert_eq!(file, vec![3; 4096]);
    });
    assert!((1..=2).contains(&heard.logins()), "{}", heard.logins());
    assert_eq!(heard.quits(), 0);
    for number in 0..40 {
        let file = std::fs::read(local.join(format!("f{number}"))).unwrap();
        assert_eq!(file, vec![number; 4096]);
    }
    assert_eq!(std::fs::read(local.join("dir/inner")).unwrap(), b"inside");
    std::fs::remove_dir_all(&local).unwrap();
}

#[test]
fn a_session_the_server_has_ended_is_replaced() {
    let own = own::start(|builder| {
        builder.configure(|config| config.limits.idle_wait = Duration::from_secs(2))
    });
    let heard = Heard::default();
    let pool = pool_on(&own, &heard).build().unwrap();
    block_on(async {
        let end = Instant::now() + Duration::from_secs(60);
        // Lent and not used: what the server says meanwhile is heard all the same.
        while heard.logins() < 2 && Instant::now() < end {
            drop(pool.session().await.unwrap());
            Timer::after(Duration::from_millis(500)).await;
        }
        assert_eq!((heard.logins(), pool.count()), (2, 1));
    });
}

#[test]
fn sessions_at_rest_are_kept_alive_and_closed_in_the_end() {
    let own = own::start(|builder| {
        builder.configure(|config| config.limits.idle_wait = Duration::from_secs(6))
    });
    let heard = Heard::default();
    let pool = pool_on(&own, &heard)
        .configure(|limits| {
            limits.check_after = Duration::from_millis(200);
            limits.keep_idle = Duration::from_secs(12);
        })
        .build()
        .unwrap();
    block_on(async {
        drop(pool.session().await.unwrap());
        let work = async {
            Timer::after(Duration::from_secs(9)).await;
            let mut client = pool.session().await.unwrap();
            client.noop().await.unwrap();
            assert_eq!(heard.logins(), 1, "kept beyond the patience of the server");
            drop(client);
            let end = Instant::now() + Duration::from_secs(60);
            while pool.count() > 0 && Instant::now() < end {
                Timer::after(Duration::from_millis(50)).await;
            }
            assert_eq!(pool.count(), 0);
            pool.close().await;
        };
        future::zip(pool.keep_alive(), work).await;
    });
}

#[test]
fn a_wrong_password_is_tried_once() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard)
        .login(USER, Secret::new(b"guessed"))
        .sessions(8)
        .build()
        .unwrap();
    let executor = LocalExecutor::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            executor.spawn(async move { pool.session().await.map(drop) })
        })
        .collect();
    block_on(executor.run(async {
        for task in tasks {
            let error = task.await.unwrap_err();
            assert_eq!(error.category(), Category::Login, "{error}");
        }
    }));
    assert_eq!((heard.logins(), pool.count()), (1, 0));
}

#[test]
fn who_comes_first_is_served_first_and_who_leaves_is_passed_over() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).sessions(1).build().unwrap();
    let executor = LocalExecutor::new();
    let turns = Arc::new(AtomicUsize::new(0));
    block_on(executor.run(async {
        let held = pool.session().await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..9 {
            let (pool, turns) = (pool.clone(), Arc::clone(&turns));
            tasks.push(executor.spawn(async move {
                let _lent = pool.session().await.unwrap();
                (number, turns.fetch_add(1, Ordering::SeqCst))
            }));
            future::yield_now().await;
            Timer::after(Duration::from_millis(1)).await;
        }
        // Every third one goes, the first in line among them.
        let mut kept = Vec::new();
        for (number, task) in tasks.into_iter().enumerate() {
            match number % 3 {
                0 => assert!(task.cancel().await.is_none()),
                _ => kept.push(task),
            }
        }
        drop(held);
        let mut order = Vec::new();
        for task in kept {
            order.push(task.await);
        }
        assert!(order.is_sorted(), "{order:?}");
    }));
    assert_eq!(heard.logins(), 1);
}

/// The future that waits for a session is dropped after each number of polls; none of them takes a place with it.
#[test]
fn nothing_is_lost_with_a_future_that_waits() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).sessions(2).build().unwrap();
    block_on(async {
        let mut finished = 0;
        for polls in 0..40 {
            let mut left = polls;
            let mut waits = pin!(pool.session());
            let lent = future::poll_fn(|cx| match left {
                0 => Poll::Ready(None),
                _ => {
                    left -= 1;
                    waits.as_mut().poll(cx).map(Some)
                }
            });
            if let Some(lent) = lent.await {
                // Changed, so that the next one begins from nothing too.
                let mut lent = lent.unwrap();
                lent.change_directory("dir").await.unwrap();
                finished += 1;
            }
        }
        assert!(finished > 0);
        assert_eq!(pool.count(), 0);
        let both = future::zip(pool.session(), pool.session()).await;
        assert!(both.0.is_ok() && both.1.is_ok());
    });
}

#[test]
fn the_end_is_quit_on_every_session() {
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).build().unwrap();
    block_on(async {
        let mut lent: Vec<PooledClient> = Vec::new();
        for _ in 0..3 {
            lent.push(pool.session().await.unwrap());
        }
        let mut late = lent.pop().unwrap();
        drop(lent);
        let work = async {
            let mut file = Vec::new();
            late.retrieve("big", &mut file).await.unwrap();
            assert_eq!(file.len(), 8 << 20);
            drop(late);
        };
        let mut closing = pin!(future::zip(pool.close(), work));
        let mut first = Context::from_waker(Waker::noop());
        assert!(
            closing.as_mut().poll(&mut first).is_pending(),
            "one is lent"
        );
        match pool.session().await {
            Err(Error::Refused(Refusal::Closed)) => {}
            other => panic!("{other:?}"),
        }
        closing.await;
        assert_eq!((heard.quits(), pool.count()), (3, 0));
        // Once more does no harm.
        pool.close().await;
    });
}

#[test]
fn progress_is_of_the_transfer_it_was_asked_for() {
    let (own, heard) = (own(), Heard::default());
    let all = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&all);
    let client = heard.client(clear()).on_progress(move |progress| {
        told.fetch_max(progress.bytes, Ordering::SeqCst);
    });
    let pool = pool_on(&own, &heard).client(client).build().unwrap();
    block_on(async {
        let mut client = pool.session().await.unwrap();
        let here = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&here);
        client.on_progress(move |progress| {
            told.fetch_max(progress.bytes, Ordering::SeqCst);
        });
        client.retrieve("big", &mut Vec::new()).await.unwrap();
        assert_eq!(here.load(Ordering::SeqCst), 8 << 20);
        assert_eq!(all.load(Ordering::SeqCst), 0);
        drop(client);
        // The next one has not asked for it.
        let mut client = pool.session().await.unwrap();
        here.store(0, Ordering::SeqCst);
        client.retrieve("f1", &mut Vec::new()).await.unwrap();
        assert_eq!(here.load(Ordering::SeqCst), 0);
        assert_eq!(all.load(Ordering::SeqCst), 4096);
        assert_eq!(heard.logins(), 1);
    });
}

#[test]
fn it_may_move_between_threads() {
    fn sends<T: Send>(value: T) -> T {
        value
    }
    let (own, heard) = (own(), Heard::default());
    let pool = pool_on(&own, &heard).build().unwrap();
    let task = smol::spawn(sends(async move {
        let mut client = pool.session().await?;
        let mut file = Vec::new();
        client.retrieve("f9", &mut file).await?;
        drop(client);
        pool.close().await;
        Ok::<_, Error>(file.len())
    }));
    assert_eq!(block_on(task).unwrap(), 4096);
}

/// Many uploads in one session, each asked for while the one in front of it runs; one in the middle is refused, and the others are not.
#[test]
fn uploads_queue_up() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        for tls in [Tls::Off, Tls::Explicit] {
            let options = peers::Options {
                tls,
                ..peers::Options::default()
            };
            let server = peers::start(kind, &options).unwrap();
            let client = match tls {
                Tls::Off => clear(),
                _ => ftp_proto_async::Client::builder().ca_pem(server.ca_pem()),
            };
            let pool = Pool::builder(server.addr().ip().to_string(), server.addr().port())
                .login(server.user(), Secret::new(server.password().as_bytes()))
                .client(client.timeout(Duration::from_secs(60)))
                .build()
                .unwrap();
            block_on(async {
                let mut client = pool.session().await.unwrap();
                let mut ahead = VecDeque::new();
                let name = |number: usize| match number {
                    9 => "missing/there".into(),
                    _ => format!("up-{number}"),
                };
                let file = |number: usize| vec![number as u8; 1000 + number * 4000];
                for number in 0..22 {
                    if number < 20 {
                        let how = TransferOptions::default();
                        ahead.push_back(client.queue_store(name(number), how).unwrap());
                    }
                    if number < 2 {
                        continue;
                    }
                    let number = number - 2;
                    let queued = ahead.pop_front().unwrap();
                    let sent = client.send(queued, &mut file(number).as_slice()).await;
                    assert_eq!(
                        sent.is_ok(),
                        number != 9,
                        "{kind} {tls:?} {number}: {sent:?}"
                    );
                }
                for number in (0..20).filter(|number| *number != 9) {
                    let stored = std::fs::read(server.root().join(name(number))).unwrap();
                    assert!(stored == file(number), "{kind} {tls:?} {number}");
                }
                client.noop().await.unwrap();
            });
        }
    }
}
