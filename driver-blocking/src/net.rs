//! Sockets: dial, listen, accept, and what each is ready for.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod ear;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ftp_proto::DataTarget;
use ftp_proto::pipe::{self, Error, Shut, Transport, Writes};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

#[cfg(any(target_os = "linux", target_os = "android"))]
use self::ear::Ear;
use crate::cancel::CancelHandle;
use crate::seam::{Operation, Seam, Tap};

pub(crate) const CONTROL: Token = Token(0);
pub(crate) const DATA: Token = Token(1);
pub(crate) const LISTENER: Token = Token(2);
pub(crate) const CANCEL: Token = Token(3);

/// One address must not use up the time of those behind it.
const LEAST_PER_ADDRESS: Duration = Duration::from_secs(1);

/// How data connections come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveSettings {
    pub(crate) ports: Option<RangeInclusive<u16>>,
    pub(crate) advertised: Option<IpAddr>,
}

/// The sockets of a session.
pub(crate) struct Sockets {
    poll: Poll,
    events: Events,
    control: Option<Socket>,
    data: Option<Socket>,
    listener: Option<Listener>,
    active: ActiveSettings,
    seam: Option<Arc<dyn Seam>>,
}

impl Sockets {
    pub(crate) fn new(
        poll: Poll,
        control: Socket,
        active: ActiveSettings,
        seam: Option<Arc<dyn Seam>>,
    ) -> Self {
        Sockets {
            poll,
            events: Events::with_capacity(16),
            control: Some(control),
            data: None,
            listener: None,
            active,
            seam,
        }
    }

    /// Waits for the sockets. What each is ready for is kept for later, whichever was waited for; a cancellation ends the wait too, a moment later
    /// where the control connection is waited for alone.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let alone = self.listener.is_none() && self.data.as_ref().is_none_or(Socket::is_untried);
        if alone
            && let Some(control) = &mut self.control
            && control.listen(timeout)?
        {
            return Ok(());
        }
        for socket in [&mut self.control, &mut self.data].into_iter().flatten() {
            socket.watch(self.poll.registry())?;
        }
        wait(&mut self.poll, &mut self.events, timeout)?;
        for event in &self.events {
            let socket = match event.token() {
                CONTROL => &mut self.control,
                DATA => &mut self.data,
                LISTENER => {
                    if let Some(listener) = &mut self.listener {
                        listener.acceptable = true;
                    }
                    continue;
                }
                _ => continue,
            };
            if let Some(socket) = socket {
                socket.note(event);
            }
        }
        Ok(())
    }

    /// The control connection, as long as there is one.
    fn beside(&self) -> io::Result<&Socket> {
        self.control
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl pipe::Sockets for Sockets {
    fn control(&mut self) -> Option<&mut dyn Transport> {
        Some(self.control.as_mut()?)
    }

    fn close_control(&mut self) {
        self.control = None;
    }

    fn connect(&mut self, target: DataTarget) -> io::Result<()> {
        let target = target.address(self.beside()?.peer);
        let (registry, seam) = (self.poll.registry(), self.seam.as_ref());
        self.data = Some(Socket::connect(target, registry, DATA, seam)?);
        Ok(())
    }

    fn connected(&mut self) -> io::Result<bool> {
        match &mut self.data {
            Some(data) => data.is_connected(),
            None => Ok(false),
        }
    }

    fn listen(&mut self) -> io::Result<SocketAddr> {
        let local = self.beside()?.stream.local_addr()?;
        let ports = self.active.ports.as_ref();
        let (registry, seam) = (self.poll.registry(), self.seam.as_ref());
        let listener = Listener::bind(local, ports, registry, seam)?;
        let mut address = listener.listener.local_addr()?;
        self.listener = Some(listener);
        let ip = self.active.advertised.unwrap_or_else(|| address.ip());
        address.set_ip(ip.to_canonical());
        Ok(address)
    }

    fn accept(&mut self) -> io::Result<Option<IpAddr>> {
        let Some(listener) = &mut self.listener else {
            return Ok(None);
        };
        let (registry, seam) = (self.poll.registry(), self.seam.as_ref());
        let Some((socket, peer)) = listener.accept(registry, seam)? else {
            return Ok(None);
        };
        self.data = Some(socket);
        Ok(Some(peer))
    }

    fn data(&mut self) -> Option<&mut dyn Transport> {
        Some(self.data.as_mut()?)
    }

    fn close_data(&mut self) {
        self.data = None;
    }

    fn close_listener(&mut self) {
        self.listener = None;
    }

    fn look(&mut self) -> io::Result<()> {
        for socket in [&mut self.control, &mut self.data].into_iter().flatten() {
            socket.look();
        }
        if let Some(listener) = &mut self.listener {
            listener.acceptable = true;
        }
        Ok(())
    }
}

/// A connection that is never waited for: what it is ready for is kept from one poll to the next and cleared by `WouldBlock` alone. What is
/// up is tried before a poll tells of it: a small file may have been moved by then.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// As it was asked for, and then as the system tells it.
    peer: SocketAddr,
    readable: bool,
    writable: bool,
    /// What is there now ends what comes.
    closed: bool,
    /// The system says that the connection is up.
    up: bool,
    /// What a poll tells of, once something was waited for; room to write only where that is.
    watched: Option<Interest>,
    writes: Writes,
    /// What is sent may wait in the system for what follows.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    held: bool,
    token: Token,
    tap: Tap,
    /// Once it was waited for alone.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ear: Option<Box<Ear>>,
}

impl Socket {
    /// Begins to connect.
    pub(crate) fn connect(
        address: SocketAddr,
        registry: &Registry,
        token: Token,
        seam: Option<&Arc<dyn Seam>>,
    ) -> io::Result<Socket> {
        let stream = TcpStream::connect(address)?;
        // It may be up at once, where the peer is near.
        let peer = stream.peer_addr();
        let up = peer.is_ok();
        Socket::new(stream, peer.unwrap_or(address), up, registry, token, seam)
    }

    fn new(
        stream: TcpStream,
        peer: SocketAddr,
        up: bool,
        registry: &Registry,
        token: Token,
        seam: Option<&Arc<dyn Seam>>,
    ) -> io::Result<Socket> {
        let mut socket = Socket {
            stream,
            peer,
            readable: up,
            writable: up,
            closed: false,
            up,
            watched: None,
            writes: Writes::default(),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            held: false,
            token,
            tap: Tap::new(seam, registry, token)?,
            #[cfg(any(target_os = "linux", target_os = "android"))]
            ear: None,
        };
        socket.watch(registry)?;
        Ok(socket)
    }

    /// Whether the connection is up by now.
    pub(crate) fn is_connected(&mut self) -> io::Result<bool> {
        if !self.writable {
            return Ok(false);
        }
        match self
            .come_up()
            .and_then(|()| self.allowed(Operation::Connect))
        {
            Ok(_) => Ok(true),
            Err(error) if is_under_way(&error) => {
                self.writable = false;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn come_up(&mut self) -> io::Result<()> {
        if self.up {
            return Ok(());
        }
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        self.peer = self.stream.peer_addr()?;
        self.up = true;
        Ok(())
    }

    /// From here on a poll tells of what is waited for: what was tried and could not be done.
    fn watch(&mut self, registry: &Registry) -> io::Result<()> {
        let wanted = match self.writable {
            true => Interest::READABLE,
            false => Interest::READABLE | Interest::WRITABLE,
        };
        match self.watched {
            None if self.is_untried() => return Ok(()),
            None => registry.register(&mut self.stream, self.token, wanted)?,
            Some(watched) if self.writable || watched.is_writable() => return Ok(()),
            Some(_) => registry.reregister(&mut self.stream, self.token, wanted)?,
        }
        self.watched = Some(wanted);
        Ok(())
    }

    /// Nothing was tried in vain yet: no poll tells of it.
    fn is_untried(&self) -> bool {
        self.watched.is_none() && self.readable && self.writable
    }

    /// Waits for a moment, for this connection alone. False where only a poll can do that.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn listen(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        if self.readable || !self.writable || self.tap.is_at_work() {
            return Ok(false);
        }
        let ear = match self.ear.take() {
            Some(ear) => self.ear.insert(ear),
            None => self.ear.insert(Ear::new(&self.stream)?),
        };
        if !ear.is_open(timeout) {
            return Ok(false);
        }
        self.readable = ear.listen(&self.stream);
        Ok(true)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn listen(&mut self, _timeout: Option<Duration>) -> io::Result<bool> {
        Ok(false)
    }

    /// Whether something has come is tried the next time, without a poll.
    fn look(&mut self) {
        self.readable = true;
        self.writable |= !self.up;
    }

    /// What a poll said about it.
    pub(crate) fn note(&mut self, event: &Event) {
        self.closed |= event.is_read_closed() || event.is_error();
        self.readable |= event.is_readable() || self.closed;
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// How many bytes the system may be asked to move.
    fn allowed(&mut self, operation: Operation) -> io::Result<usize> {
        let watched = self.watched.is_some();
        self.tap.most(operation, &mut self.stream, watched)
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What was tried, again if a signal came; `WouldBlock` is kept in mind.
    fn attempt(
        &mut self,
        operation: Operation,
        ready: fn(&mut Socket) -> &mut bool,
        mut what: impl FnMut(&mut Socket, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if !*ready(self) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            let most = self.allowed(operation);
            match most.and_then(|most| what(self, most)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    *ready(self) = false;
                    return Err(error);
                }
                count => return count,
            }
        }
    }
}

impl Socket {
    /// What is there; the system never waits.
    fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(ear) = &mut self.ear {
            return ear.read(&self.stream, into);
        }
        self.stream.read(into)
    }

    /// As much as there is room for; the system never waits.
    fn send(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.held || self.ear.is_some() {
            return ear::write(&self.stream, pieces, self.held);
        }
        self.stream.write_vectored(pieces)
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut room = 0;
        let count = self.attempt(
            Operation::Read,
            |socket| &mut socket.readable,
            |socket, most| {
                room = most.min(into.len());
                socket.receive(into.get_mut(..room).unwrap_or_default())
            },
        )?;
        // That was all there was, and a poll tells of more. Not so where the end of a file is to be expected.
        if cfg!(unix) && self.token == CONTROL && count < room && !self.closed {
            self.readable = false;
        }
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.writable && self.writes.is_second() {
            let _ = self.stream.set_nodelay(true);
        }
        self.attempt(
            Operation::Write,
            |socket| &mut socket.writable,
            |socket, most| {
                let first = pieces.iter().find(|piece| !piece.is_empty());
                match first.and_then(|first| first.get(..most)) {
                    Some(part) => socket.send(&[IoSlice::new(part)]),
                    None => socket.send(pieces),
                }
            },
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Socket {
    fn shut(&mut self, side: Shut) {
        // It fails only where there is nothing left to end.
        let _ = self.stream.shutdown(side.into());
    }

    fn acknowledge(&mut self) {
        // The system falls back to its own ways by itself, so it is told again each time.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&self.stream).set_tcp_quickack(true);
    }

    fn hold(&mut self, back: bool) {
        // Each write says for itself that it may be held, which is a call of the system less for a small file; what is held goes now.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            if self.held && !back {
                let _ = SockRef::from(&self.stream).set_tcp_cork(false);
            }
            self.held = back;
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = back;
    }

    fn will_reset(&mut self) {
        // Where it cannot be set the connection is closed as any other.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// A listener for one data connection.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    acceptable: bool,
}

impl Listener {
    /// Listens beside `local`, at a port of `ports` or one the system chooses; both cannot be foretold.
    pub(crate) fn bind(
        local: SocketAddr,
        ports: Option<&RangeInclusive<u16>>,
        registry: &Registry,
        seam: Option<&Arc<dyn Seam>>,
    ) -> io::Result<Listener> {
        Tap::new(seam, registry, LISTENER)?.allows(Operation::Listen)?;
        let mut listener = match ports {
            None => TcpListener::bind(with_port(local, 0))?,
            Some(ports) => bind_within(local, ports)?,
        };
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Listener {
            listener,
            acceptable: true,
        })
    }

    /// Takes one connection, if one is there.
    pub(crate) fn accept(
        &mut self,
        registry: &Registry,
        seam: Option<&Arc<dyn Seam>>,
    ) -> io::Result<Option<(Socket, IpAddr)>> {
        if !self.acceptable {
            return Ok(None);
        }
        let tap = Tap::new(seam, registry, DATA)?;
        loop {
            let accepted = self.listener.accept();
            match accepted.and_then(|it| tap.allows(Operation::Accept).map(|()| it)) {
                Ok((stream, peer)) => {
                    let socket = Socket::new(stream, peer, true, registry, DATA, seam)?;
                    return Ok(Some((socket, peer.ip())));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.acceptable = false;
                    return Ok(None);
                }
                // The peer has gone again before it was accepted.
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Connects the control connection to the first address of `host` that answers, within `limit` over all of them.
pub(crate) fn dial(
    poll: &mut Poll,
    host: &str,
    port: u16,
    limit: Duration,
    cancel: &CancelHandle,
    seam: Option<&Arc<dyn Seam>>,
) -> Result<Socket, Error> {
    let failed = |peer: String, source: io::Error| Error::Connect { peer, source };
    let named = || format!("{host}:{port}");
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let addresses: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|error| failed(named(), error))?
        .collect();
    let end = Instant::now() + limit;
    let mut last = failed(named(), io::Error::other("the name has no address"));
    for (index, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let waiting = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = (left / waiting).max(LEAST_PER_ADDRESS.min(limit));
        match dial_one(poll, *address, share, cancel, seam) {
            Ok(Some(socket)) => return Ok(socket),
            Ok(None) => return Err(Error::Cancelled),
            Err(error) if address.ip().to_string() == bare => last = failed(named(), error),
            Err(error) => last = failed(format!("{} ({address})", named()), error),
        }
    }
    Err(last)
}

/// `None` if it was cancelled.
fn dial_one(
    poll: &mut Poll,
    address: SocketAddr,
    limit: Duration,
    cancel: &CancelHandle,
    seam: Option<&Arc<dyn Seam>>,
) -> io::Result<Option<Socket>> {
    let end = Instant::now() + limit;
    let mut socket = Socket::connect(address, poll.registry(), CONTROL, seam)?;
    let mut events = Events::with_capacity(8);
    while !socket.is_connected()? {
        if cancel.take() {
            return Ok(None);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs_f32()),
            ));
        }
        socket.watch(poll.registry())?;
        wait(poll, &mut events, Some(left))?;
        for event in &events {
            if event.token() == CONTROL {
                socket.note(event);
            }
        }
    }
    let control = SockRef::from(&socket.stream);
    // Middleboxes forget a control connection that is silent during a long transfer.
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    control.set_tcp_keepalive(&keepalive)?;
    Ok(Some(socket))
}

/// Waits for events; a signal counts as none.
fn wait(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, timeout) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        result => result,
    }
}

/// The same host, another port; the zone of an IPv6 address stays.
fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn bind_within(local: SocketAddr, ports: &RangeInclusive<u16>) -> io::Result<TcpListener> {
    let count = u64::from(ports.end().saturating_sub(*ports.start())) + 1;
    // The standard library seeds this from the system's randomness.
    let start = RandomState::new().build_hasher().finish();
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 0..count {
        let offset = u16::try_from((start.wrapping_add(step)) % count).unwrap_or(0);
        match TcpListener::bind(with_port(local, ports.start().saturating_add(offset))) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the connection may still come up.
fn is_under_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotConnected | io::ErrorKind::WouldBlock
    )
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests;
