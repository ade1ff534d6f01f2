//! The server: listeners, sessions and their limits, the way to its end.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ftp_proto::pipe::Pipe;
use ftp_proto::server::{Config, Greeting, Security};
use ftp_proto::tls::ServerTls;
use smol::channel::{self, Receiver, Sender};
use smol::future::FutureExt as _;
use smol::lock::Semaphore;
use smol::{Async, Executor, Timer};
use tracing::{debug, info_span, warn};

use crate::clock::Clock;

use super::accounts::Authenticator;
use super::digest::OFFERED;
use super::net;
use super::offload::Crew;
use super::pump::Session;
use super::threads::Threads;

/// How long nothing is accepted when the system has run out of something.
const PAUSE: Duration = Duration::from_millis(100);

/// Said to those who are too many.
const TOO_MANY: &[u8] = b"Too many connections, try again later";

/// Becomes ready when the server stops.
pub(super) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Nothing is ever sent: that the other end has gone says it all.
enum Nothing {}

/// What all sessions share.
pub(super) struct Settings {
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) tls: Option<ServerTls>,
    pub(super) passive_ports: Option<RangeInclusive<u16>>,
    pub(super) buffer: usize,
    pub(super) clock: Clock,
    pub(super) digests: Arc<Semaphore>,
    pub(super) pipes: Pipes,
}

/// An FTP and FTPS server.
///
/// TLS is required on control and data connections, users can read, and anonymous users cannot log in, unless it is told otherwise.
///
/// ```no_run
/// use std::sync::Arc;
/// use ftp_proto_async::ftp_proto::tls::ServerTls;
/// use ftp_proto_async::server::{Account, FileStorage, Server, Users};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let files = Arc::new(FileStorage::open("/srv/ftp")?);
/// let users = Users::new().user("alice", "secret", Account::new(files).writable());
/// let (certificate, key) = (std::fs::read("cert.pem")?, std::fs::read("key.pem")?);
/// let tls = ServerTls::builder().certificate_pem(&certificate, &key).build()?;
/// let server = Server::builder(users).tls(tls).listen("0.0.0.0:21").build()?;
/// smol::block_on(server.run())?;
/// # Ok(())
/// # }
/// ```
///
/// [`run`](Server::run) is a future like any other: it can run inside of another async runtime too.
#[must_use = "a server does nothing before run"]
pub struct Server {
    listeners: Vec<(Async<TcpListener>, Arc<Config>)>,
    addresses: Vec<SocketAddr>,
    settings: Arc<Settings>,
    seats: Arc<Seats>,
    threads: usize,
    handle: Handle,
    stopped: Receiver<Nothing>,
}

impl Server {
    /// A server whose users this authenticator knows.
    pub fn builder(authenticator: impl Authenticator) -> Builder {
        let mut config = Config::default();
        config.hashes = OFFERED.to_vec();
        Builder {
            authenticator: Arc::new(authenticator),
            config,
            tls: None,
            listen: Vec::new(),
            passive_ports: None,
            sessions: 1000,
            sessions_per_address: 1000,
            threads: None,
            buffer: Pipe::SIZE,
        }
    }

    /// Where it listens, in the order it was told to, with the ports the system chose.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What ends it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until [`Handle::shutdown`], and until the sessions have ended or their time is over. When the future is dropped, all sessions
    /// end at once.
    ///
    /// # Errors
    /// Those of starting threads.
    pub async fn run(self) -> io::Result<()> {
        let executor = Arc::new(Executor::new());
        let (working, done) = channel::bounded::<Nothing>(1);
        // Threads of its own: they may wait for a disk, which whoever runs this may not want.
        let crew = Crew::new(self.threads);
        // Dropped when this future is, whatever the reason, the last one first: the threads end.
        let _working = working;
        let (threads, _threads) = Threads::new(self.threads);
        for number in 0..self.threads {
            let (executor, done) = (Arc::clone(&executor), done.clone());
            let (threads, crew) = (Arc::clone(&threads), Arc::clone(&crew));
            thread::Builder::new()
                .name(format!("ftp-{}", number + 1))
                .spawn(move || {
                    crew.enlist();
                    threads.serve(number, &executor, async {
                        let _ = done.recv().await;
                    });
                })?;
        }
        let (alive, all_gone) = channel::bounded::<Nothing>(1);
        let handle = self.handle.clone();
        let stopped = self.stopped.clone();
        let accepting = executor.spawn(self.accept_all(Arc::clone(&executor), alive));
        let _ = stopped.recv().await;
        accepting.cancel().await;
        let ended = async {
            let _ = all_gone.recv().await;
        };
        let late = async {
            match handle.deadline() {
                Some(deadline) => Timer::at(deadline).await,
                None => Timer::never().await,
            };
        };
        ended.or(late).await;
        Ok(())
    }

    async fn accept_all(self, executor: Arc<Executor<'static>>, alive: Sender<Nothing>) {
        let mut accepting = Vec::new();
        let server = Arc::new(self);
        for at in 0..server.listeners.len() {
            let inner = Arc::clone(&executor);
            let (server, alive) = (Arc::clone(&server), alive.clone());
            accepting.push(executor.spawn(async move { server.accept(at, &inner, &alive).await }));
        }
        for one in accepting {
            one.await;
        }
    }

    async fn accept(&self, at: usize, executor: &Executor<'static>, alive: &Sender<Nothing>) {
        let Some((listener, config)) = self.listeners.get(at) else {
            return;
        };
        loop {
            let accepted = listener.accept().await;
            match accepted {
                Ok((socket, peer)) => self.serve(socket, peer, config, executor, alive.clone()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!("cannot accept: {error}");
                    Timer::after(PAUSE).await;
                }
            }
        }
    }

    fn serve(
        &self,
        socket: Async<TcpStream>,
        peer: SocketAddr,
        config: &Arc<Config>,
        executor: &Executor<'static>,
        alive: Sender<Nothing>,
    ) {
        let Ok(local) = socket.get_ref().local_addr() else {
            return;
        };
        let (peer, local) = (canonical(peer), canonical(local));
        let mut config = Arc::clone(config);
        let seat = Seats::take(&self.seats, peer.ip());
        if seat.is_none() {
            debug!(%peer, "too many connections");
            if config.security.is_implicit() {
                // Not worth a handshake.
                return;
            }
            Arc::make_mut(&mut config).greeting = Greeting::Refused(TOO_MANY.to_vec());
        }
        net::prepare_control(&socket);
        let span = info_span!("ftp", %peer);
        let stopped = self.stopped.clone();
        let stop: Stop = Box::pin(async move {
            let _ = stopped.recv().await;
        });
        let settings = Arc::clone(&self.settings);
        let session = Session::new(socket, (peer, local), config, settings, stop, span);
        // A future has room for whatever is moved into it, and once more for where it is moved to: a pointer takes none.
        let mut session = Box::new(session);
        executor
            .spawn(async move {
                session.run().await;
                drop(session);
                drop((seat, alive));
            })
            .detach();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Ends a [`Server`], from anywhere.
#[derive(Clone)]
pub struct Handle {
    stop: Sender<Nothing>,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Handle {
    /// Accepts nobody any more, tells clients that do nothing to go, and lets transfers that run end; after `grace` they are cut.
    pub fn shutdown(&self, grace: Duration) {
        let deadline = Instant::now().checked_add(grace);
        *lock(&self.deadline) = deadline;
        self.stop.close();
    }

    fn deadline(&self) -> Option<Instant> {
        *lock(&self.deadline)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("stopped", &self.stop.is_closed())
            .finish()
    }
}

/// Settings of a [`Server`].
#[must_use = "a builder does nothing before build"]
pub struct Builder {
    authenticator: Arc<dyn Authenticator>,
    config: Config,
    tls: Option<ServerTls>,
    listen: Vec<(io::Result<Vec<SocketAddr>>, bool)>,
    passive_ports: Option<RangeInclusive<u16>>,
    sessions: usize,
    sessions_per_address: usize,
    threads: Option<usize>,
    buffer: usize,
}

impl Builder {
    /// Listens here for clients that ask for TLS with AUTH, port 21 as a rule. Port 0: the system chooses one.
    pub fn listen(mut self, address: impl ToSocketAddrs) -> Self {
        self.listen.push((resolve(&address), false));
        self
    }

    /// Listens here for clients that begin with TLS, port 990 as a rule.
    pub fn listen_implicit(mut self, address: impl ToSocketAddrs) -> Self {
        self.listen.push((resolve(&address), true));
        self
    }

    /// Certificate and TLS policy.
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Changes the policy of the machine: protection, active and passive mode, limits of time.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// The ports data connections of passive mode come to; by default the system chooses.
    pub fn passive_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.passive_ports = Some(ports);
        self
    }

    /// The address clients are told in passive mode, if it is not the one they see: that of an address translator.
    pub fn external_address(mut self, address: Ipv4Addr) -> Self {
        self.config.passive.address = Some(address);
        self
    }

    /// How many sessions there are at once; 1,000 by default. Those beyond are told to come back later.
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// How many of them come from one address; 1,000 by default.
    pub fn max_sessions_per_address(mut self, sessions: usize) -> Self {
        self.sessions_per_address = sessions;
        self
    }

    /// How many threads serve at most; by default one for each processor, and two at least. One serves as long as that is enough, and the
    /// others stand by. With a single one, all files are read and written by other threads.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// The size of the buffers of a transfer, in bytes; 256 KiB by default.
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes.max(4096);
        self
    }

    /// Binds the addresses. Clients can connect from now on, and are served when [`Server::run`] runs.
    ///
    /// # Errors
    /// Those of resolving and binding; [`io::ErrorKind::InvalidInput`] if TLS is wanted and there is no certificate, or there is nothing to
    /// listen on.
    pub fn build(self) -> io::Result<Server> {
        let bad = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        let implicit = self.listen.iter().any(|(_, implicit)| *implicit);
        if self.tls.is_none() && (self.config.security.has_tls() || implicit) {
            return bad("TLS needs a certificate");
        }
        let mut listeners = Vec::new();
        for (addresses, implicit) in self.listen {
            let mut config = self.config.clone();
            if implicit {
                config.security = from_the_start(config.security);
            }
            listeners.push((bind(&addresses?)?, Arc::new(config)));
        }
        if listeners.is_empty() {
            return bad("nothing to listen on");
        }
        let addresses = listeners.iter().map(|(listener, _)| listener.get_ref());
        let addresses = addresses
            .map(TcpListener::local_addr)
            .collect::<io::Result<_>>()?;
        let (stop, stopped) = channel::bounded(1);
        Ok(Server {
            listeners,
            addresses,
            settings: Arc::new(Settings {
                authenticator: self.authenticator,
                tls: self.tls,
                passive_ports: self.passive_ports,
                buffer: self.buffer,
                clock: Clock::new(),
                digests: Arc::new(Semaphore::new(processors().div_ceil(2))),
                pipes: Pipes::default(),
            }),
            seats: Arc::new(Seats {
                total: self.sessions,
                per_address: self.sessions_per_address,
                taken: Mutex::default(),
            }),
            threads: self.threads.unwrap_or_else(|| processors().max(2)),
            handle: Handle {
                stop,
                deadline: Arc::default(),
            },
            stopped,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("listen", &self.listen)
            .field("passive_ports", &self.passive_ports)
            .finish_non_exhaustive()
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn resolve(address: &impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    Ok(address.to_socket_addrs()?.collect())
}

/// The first one that works.
fn bind(addresses: &[SocketAddr]) -> io::Result<Async<TcpListener>> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in addresses {
        match net::listen(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(failure)
}

/// The same policy for clients that begin with TLS.
fn from_the_start(security: Security) -> Security {
    let mut implicit = Security::implicit();
    if !security.needs_private_data() {
        implicit = implicit.or_clear_data();
    }
    if security.ccc_allowed() {
        implicit = implicit.allow_ccc();
    }
    if security.needs_reuse() {
        implicit = implicit.require_reuse();
    }
    implicit
}

/// Memory for payload that is not in use. The next transfer takes it as it is, so that short ones do not pay for memory.
#[derive(Default)]
pub(super) struct Pipes(Mutex<Vec<Pipe>>);

impl Pipes {
    /// How many are kept: more transfers at once than that have something else to wait for.
    const KEPT: usize = 8;

    pub(super) fn take(&self, size: usize) -> Box<Pipe> {
        let kept = lock(&self.0).pop();
        let mut pipe = kept.unwrap_or_else(|| Pipe::new(size));
        pipe.renew();
        Box::new(pipe)
    }

    pub(super) fn give_back(&self, mut pipe: Box<Pipe>) {
        // Nobody's keys are kept.
        pipe.renew();
        let mut kept = lock(&self.0);
        if kept.len() < Self::KEPT {
            kept.push(*pipe);
        }
    }
}

/// Who is there.
struct Seats {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Seats {
    fn take(seats: &Arc<Seats>, address: IpAddr) -> Option<Seat> {
        let address = network(address);
        let mut taken = lock(&seats.taken);
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= seats.total || here >= seats.per_address {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, here + 1);
        Some(Seat {
            seats: Arc::clone(seats),
            address,
        })
    }
}

/// One session's place among all.
struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats.taken);
        taken.all -= 1;
        match taken.by_address.get_mut(&self.address) {
            Some(here) if *here > 1 => *here -= 1,
            _ => {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// Who has one IPv6 address has a network of them: the first 64 bits count.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => IpAddr::from((u128::from(six) >> 64 << 64).to_be_bytes()),
        four @ IpAddr::V4(_) => four,
    }
}

/// IPv4 as such, where it comes in through a socket of both.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is a single step: a panic elsewhere cannot leave it half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
