//! Futures of the async client dropped at every await, on a real server: what comes after works, or says plainly that the session is over,
//! and no descriptor is left behind.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop the test they help"
)]

use std::collections::BTreeMap;
use std::fs;
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::ops::DerefMut;
use std::pin::{Pin, pin};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use ftp_proto::client::{ClearText, Security};
use ftp_proto::pipe::Told;
use ftp_proto::{Refusal, TransferOptions};
use ftp_proto_async::{Builder, Client, Error, Runtime, Secret, Smol, Tokio};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use socket2::{Domain, Socket, Type};

/// Polls after which a future that is still not done is taken to need no more.
const POLLS: usize = 400;

/// What carries the client.
trait Carrier: Runtime + Default {
    const NAME: &'static str;

    fn block_on<T>(done: impl Future<Output = T>) -> T;
}

impl Carrier for Smol {
    const NAME: &'static str = "smol";

    fn block_on<T>(done: impl Future<Output = T>) -> T {
        smol::block_on(done)
    }
}

impl Carrier for Tokio {
    const NAME: &'static str = "tokio";

    fn block_on<T>(done: impl Future<Output = T>) -> T {
        static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap()
        });
        RUNTIME.block_on(done)
    }
}

type Run<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// A call to be dropped.
struct Call<R: Runtime> {
    name: &'static str,
    /// Begins before the login.
    early: bool,
    /// What is called.
    run: for<'a> fn(&'a mut Client<R>, &'a Server) -> Run<'a>,
}

fn calls<R: Runtime>() -> [Call<R>; 10] {
    [
        Call {
            name: "ready",
            early: true,
            run: |client, _| Box::pin(client.ready()),
        },
        Call {
            name: "login",
            early: true,
            run: |client, server| {
                let password = Secret::new(server.password().as_bytes());
                Box::pin(client.login(server.user(), password))
            },
        },
        Call {
            name: "upload",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    client.store("p.bin", &mut PAYLOAD.as_slice()).await?;
                    Ok(())
                })
            },
        },
        Call {
            name: "eager upload",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    let mut source = PAYLOAD.as_slice();
                    client.store_with("p.bin", eager(), &mut source).await?;
                    Ok(())
                })
            },
        },
        Call {
            name: "eager writer",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    let mut writer = client.writer_with("p.bin", eager()).await?;
                    writer.write_all(&PAYLOAD).await.map_err(Error::Local)?;
                    writer.finish().await?;
                    Ok(())
                })
            },
        },
        Call {
            name: "download",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    let mut sink = Vec::new();
                    client.retrieve("half.bin", &mut sink).await?;
                    assert!(sink == PAYLOAD);
                    Ok(())
                })
            },
        },
        Call {
            name: "listing",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    client.list("").await?;
                    Ok(())
                })
            },
        },
        Call {
            name: "reader",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    let mut reader = client.reader("half.bin").await?;
                    let mut all = Vec::new();
                    reader.read_to_end(&mut all).await.map_err(Error::Local)?;
                    reader.finish().await?;
                    assert!(all == PAYLOAD);
                    Ok(())
                })
            },
        },
        Call {
            name: "writer",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    let mut writer = client.writer("p.bin").await?;
                    writer.write_all(&PAYLOAD).await.map_err(Error::Local)?;
                    writer.flush().await.map_err(Error::Local)?;
                    writer.finish().await?;
                    Ok(())
                })
            },
        },
        Call {
            name: "rename and delete",
            early: false,
            run: |client, _| {
                Box::pin(async {
                    client.store("q.bin", &mut &b"x"[..]).await?;
                    client.rename("q.bin", "r.bin").await?;
                    client.delete("r.bin").await?;
                    Ok(())
                })
            },
        },
    ]
}

fn eager() -> TransferOptions {
    TransferOptions {
        eager: true,
        ..TransferOptions::default()
    }
}

static PAYLOAD: [u8; 600_000] = [42; 600_000];

/// Descriptors are counted for the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What came of the drops at every poll of one call.
#[derive(Debug, Default)]
struct Tally {
    dropped: usize,
    went_on: usize,
    over: BTreeMap<String, usize>,
}

#[test]
fn a_call_may_be_dropped_at_every_await() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    ftp_proto_tests::watch::traces();
    drop_everywhere::<Smol>(&[
        (Kind::Vsftpd, Tls::Off),
        (Kind::Vsftpd, Tls::Explicit),
        (Kind::ProFtpd, Tls::Explicit),
        (Kind::PureFtpd, Tls::Explicit),
        (Kind::Pyftpdlib, Tls::Explicit),
    ]);
    drop_everywhere::<Tokio>(&[(Kind::Vsftpd, Tls::Off), (Kind::ProFtpd, Tls::Explicit)]);
}

fn drop_everywhere<R: Carrier>(servers: &[(Kind, Tls)]) {
    let only = std::env::var("CANCEL_ONLY").unwrap_or_default();
    for &(kind, tls) in servers {
        let options = Options {
            tls,
            require_reuse: tls == Tls::Explicit && kind == Kind::ProFtpd,
            ..Options::default()
        };
        let server = peers::start(kind, &options).unwrap();
        fs::write(server.root().join("half.bin"), PAYLOAD).unwrap();
        // The reactor's own descriptors come with the first session.
        R::block_on(async {
            let client = session::<R>(&server).await;
            client.quit().await.unwrap();
        });
        let before = descriptors();
        let wanted = |call: &&Call<R>| format!("{} {}", kind.name(), call.name).contains(&only);
        for call in calls::<R>().iter().filter(wanted) {
            let tally = drops(call, &server);
            println!(
                "{:5} {:10} {:8?} {:18} dropped at {} awaits: {} went on, {} over {:?}",
                R::NAME,
                kind.name(),
                tls,
                call.name,
                tally.dropped,
                tally.went_on,
                tally.over.values().sum::<usize>(),
                tally.over
            );
            assert!(tally.dropped > 1, "{}: never waited", call.name);
            assert!(tally.went_on > 0, "{}: nothing ever went on", call.name);
            assert!(tally.over.is_empty(), "{}: {:?}", call.name, tally.over);
        }
        let after = settled(before);
        println!(
            "{:10} {tls:8?} descriptors: {before} before, {after} after",
            kind.name()
        );
        assert_eq!(before, after);
    }
}

#[test]
fn connecting_may_be_dropped_at_every_await() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    ftp_proto_tests::watch::traces();
    drop_connecting::<Smol>();
    drop_connecting::<Tokio>();
}

fn drop_connecting<R: Carrier>() {
    let server = peers::start(Kind::Vsftpd, &Options::default()).unwrap();
    R::block_on(async { session::<R>(&server).await.quit().await.unwrap() });
    let (_busy, _queue, port) = busy();
    let before = descriptors();
    let mut dropped = 0;
    for polls in 0..POLLS {
        let done = R::block_on(async {
            let connect =
                builder(&server).connect_on(R::default(), "localhost", server.addr().port());
            stopped(pin!(connect), polls).await.is_some()
        });
        if done {
            break;
        }
        dropped += 1;
    }
    // That server is near, and connected at once. This one is not.
    let connecting = R::block_on(async {
        let connect = builder(&server).connect_on(R::default(), "127.0.0.1", port);
        stopped(pin!(connect), 1).await.is_none()
    });
    dropped += u32::from(connecting);
    let after = settled(before);
    let name = R::NAME;
    println!(
        "{name}: connect dropped at {dropped} awaits; descriptors: {before} before, {after} after"
    );
    assert!(dropped > 1);
    assert_eq!(before, after);
}

/// A listener whose queue is full, with those who wait there: to connect takes its time.
fn busy() -> (Socket, Vec<TcpStream>, u16) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&here.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let queue = std::iter::from_fn(connect).collect();
    (listener, queue, address.port())
}

/// One session for each await of the call.
fn drops<R: Carrier>(call: &Call<R>, server: &Server) -> Tally {
    let mut tally = Tally::default();
    let mut done_in_a_row = 0;
    for polls in 0..POLLS {
        let done = R::block_on(async {
            let mut client = if call.early {
                connected(server).await
            } else {
                session(server).await
            };
            let run = (call.run)(&mut client, server);
            let ended = stopped(run, polls).await;
            if let Some(result) = ended {
                result.unwrap();
                return true;
            }
            tally.dropped += 1;
            match afterwards(call, &mut client, server).await {
                Ok(()) => tally.went_on += 1,
                Err(error) => {
                    let typed = matches!(error, Error::Failed(_) | Error::Refused(Refusal::Closed));
                    assert!(typed, "{} after {polls} polls: {error}", call.name);
                    let dialogue = DIALOGUE.lock().unwrap().join("\n  ");
                    println!("{} after {polls} polls: {error}\n  {dialogue}", call.name);
                    *tally.over.entry(error.to_string()).or_default() += 1;
                }
            }
            false
        });
        // One that was lucky, because this process was not, is not the last.
        done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
        if done_in_a_row == 3 {
            break;
        }
    }
    tally
}

/// A working command, and transfers: all must do what they say.
async fn afterwards<R: Carrier>(
    call: &Call<R>,
    client: &mut Client<R>,
    server: &Server,
) -> Result<(), Error> {
    if call.early {
        let password = Secret::new(server.password().as_bytes());
        match client.login(server.user(), password).await {
            // The login that was dropped had begun, and goes on.
            Err(Error::Refused(Refusal::LoginSpent)) => {}
            login => login?,
        }
    }
    client.noop().await?;
    let mut sink = Vec::new();
    let got = client.retrieve("readme.txt", &mut sink).await?;
    let file = fs::read(server.root().join("readme.txt")).unwrap();
    assert_eq!((got.bytes, sink), (file.len() as u64, file));
    client.store("s.bin", &mut &b"whole"[..]).await?;
    assert_eq!(fs::read(server.root().join("s.bin")).unwrap(), b"whole");
    Ok(())
}

/// Polls a future so many times; `None` if it is then still not done, and dropped.
async fn stopped<F>(mut future: Pin<F>, polls: usize) -> Option<<F::Target as Future>::Output>
where
    F: DerefMut<Target: Future>,
{
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // The last poll is not waited behind.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The dialogue of the session of the moment, for the message of a failing test.
static DIALOGUE: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn builder(server: &Server) -> Builder {
    DIALOGUE.lock().unwrap().clear();
    let builder = Client::builder()
        .ca_pem(server.ca_pem())
        .timeout(Duration::from_secs(20))
        // Some servers take no command, and no ABOR, while they wait for a data connection.
        .configure(|config| config.limits.abort_wait = Duration::from_secs(2))
        .on_event(|event| DIALOGUE.lock().unwrap().push(Told(event).to_string()));
    match server.options().tls {
        Tls::Off => builder.security(Security::clear(ClearText::Everybody)),
        _ => builder,
    }
}

async fn connected<R: Carrier>(server: &Server) -> Client<R> {
    let port = server.addr().port();
    let connect = builder(server).connect_on(R::default(), "localhost", port);
    connect.await.unwrap()
}

async fn session<R: Carrier>(server: &Server) -> Client<R> {
    let mut client = connected(server).await;
    let password = Secret::new(server.password().as_bytes());
    client.login(server.user(), password).await.unwrap();
    client
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Sockets that are dialled in another thread may be closed there a moment later.
fn settled(wanted: usize) -> usize {
    for _ in 0..100 {
        if descriptors() == wanted {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    descriptors()
}
