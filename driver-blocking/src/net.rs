//! Sockets: dial, listen, accept, and what each is ready for.

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

    /// Waits for the sockets. What each is ready for is kept for later, whichever was waited for; a cancellation ends the wait too.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
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
    token: Token,
    tap: Tap,
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
            token,
            tap: Tap::new(seam, registry, token)?,
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
            None if self.readable && self.writable => return Ok(()),
            None => registry.register(&mut self.stream, self.token, wanted)?,
            Some(watched) if self.writable || watched.is_writable() => return Ok(()),
            Some(_) => registry.reregister(&mut self.stream, self.token, wanted)?,
        }
        self.watched = Some(wanted);
        Ok(())
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
        mut what: impl FnMut(&mut TcpStream, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        if !*ready(self) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        loop {
            let most = self.allowed(operation);
            match most.and_then(|most| what(&mut self.stream, most)) {
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

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut room = 0;
        let count = self.attempt(
            Operation::Read,
            |socket| &mut socket.readable,
            |stream, most| {
                room = most.min(into.len());
                stream.read(into.get_mut(..room).unwrap_or_default())
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
            |stream, most| {
                let first = pieces.iter().find(|piece| !piece.is_empty());
                match first.and_then(|first| first.get(..most)) {
                    Some(part) => stream.write(part),
                    None => stream.write_vectored(pieces),
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
        // Where it cannot be set nothing is kept.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&self.stream).set_tcp_cork(back);
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
mod tests {
    use ftp_proto::Fault;

    use super::*;

    #[test]
    fn a_range_of_ports_is_kept_and_used_up() {
        let poll = Poll::new().unwrap();
        let local: SocketAddr = "127.0.0.1:21".parse().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let ports = free..=free;
        let first = Listener::bind(local, Some(&ports), poll.registry(), None).unwrap();
        assert_eq!(first.listener.local_addr().unwrap().port(), free);
        let second = Listener::bind(local, Some(&ports), poll.registry(), None).unwrap_err();
        assert_eq!(pipe::fault(&second), Fault::AddressInUse);
    }

    #[test]
    fn what_is_written_leaves_at_once() {
        let poll = Poll::new().unwrap();
        let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut listener = Listener::bind(here, None, poll.registry(), None).unwrap();
        let address = listener.listener.local_addr().unwrap();
        let mut ours = Socket::connect(address, poll.registry(), DATA, None).unwrap();
        let mut theirs = loop {
            listener.acceptable = true;
            if let Some((socket, _)) = listener.accept(poll.registry(), None).unwrap() {
                break socket;
            }
        };
        while {
            ours.writable = true;
            !ours.is_connected().unwrap()
        } {}
        // The first write does so in any case.
        for socket in [&mut ours, &mut theirs] {
            assert!(!socket.stream.nodelay().unwrap());
            assert_eq!(socket.write(b"one").unwrap(), 3);
            assert_eq!(socket.write(b"two").unwrap(), 3);
            assert!(socket.stream.nodelay().unwrap());
        }
    }

    #[test]
    fn what_is_up_is_tried_before_a_poll_tells_of_it() {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut socket = Socket::connect(address, poll.registry(), DATA, None).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        while !socket.is_connected().unwrap() {
            wait(&mut poll, &mut events, None).unwrap();
            events.iter().for_each(|event| socket.note(event));
        }
        peer.write_all(b"file").unwrap();
        let mut buffer = [0; 8];
        let mut come = 0;
        while come < 4 {
            match socket.read(&mut buffer) {
                Ok(count) => come += count,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    // From here on it is told of.
                    socket.watch(poll.registry()).unwrap();
                    assert!(socket.watched.is_some());
                    wait(&mut poll, &mut events, Some(Duration::from_secs(20))).unwrap();
                    events.iter().for_each(|event| socket.note(event));
                }
            }
        }
        assert_eq!(
            socket.read(&mut buffer).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        socket.watch(poll.registry()).unwrap();
        drop(peer);
        while socket.read(&mut buffer).is_err() {
            wait(&mut poll, &mut events, Some(Duration::from_secs(20))).unwrap();
            assert!(!events.is_empty(), "nothing was told of the end");
            events.iter().for_each(|event| socket.note(event));
        }
    }

    #[test]
    fn what_came_is_found_by_a_look_too() {
        let poll = Poll::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut socket = Socket::connect(address, poll.registry(), DATA, None).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        while !socket.is_connected().unwrap() {
            socket.look();
        }
        let mut buffer = [0; 8];
        let mut read = |socket: &mut Socket| socket.read(&mut buffer).map_err(|it| it.kind());
        assert_eq!(read(&mut socket), Err(io::ErrorKind::WouldBlock));
        peer.write_all(b"file").unwrap();
        // It does not know by itself.
        assert_eq!(read(&mut socket), Err(io::ErrorKind::WouldBlock));
        while read(&mut socket) != Ok(4) {
            socket.look();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_came_is_acknowledged_at_once() {
        let poll = Poll::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut socket = Socket::connect(address, poll.registry(), CONTROL, None).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let quick = |socket: &Socket| SockRef::from(&socket.stream).tcp_quickack().unwrap();
        let slow = |socket: &Socket| {
            SockRef::from(&socket.stream)
                .set_tcp_quickack(false)
                .unwrap();
            assert!(!quick(socket));
        };
        slow(&socket);
        peer.write_all(b"226").unwrap();
        let mut buffer = [0; 8];
        while {
            socket.readable = true;
            socket.read(&mut buffer).is_err()
        } {}
        socket.acknowledge();
        assert!(quick(&socket));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_kept_back_goes_with_the_end_or_once_it_is_let_go() {
        let poll = Poll::new().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for ends in [true, false] {
            let mut socket = Socket::connect(address, poll.registry(), DATA, None).unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            while !socket.is_connected().unwrap() {
                socket.look();
            }
            socket.hold(true);
            assert_eq!(socket.write(b"file").unwrap(), 4);
            peer.set_nonblocking(true).unwrap();
            let nothing = peer.read(&mut [0; 8]).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            match ends {
                true => socket.shut(Shut::Sending),
                false => socket.hold(false),
            }
            peer.set_nonblocking(false).unwrap();
            assert_eq!(peer.read(&mut [0; 8]).unwrap(), 4);
            if ends {
                assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
            }
        }
    }

    #[test]
    fn what_a_short_read_leaves_is_told_by_the_next_poll() {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut socket = Socket::connect(address, poll.registry(), CONTROL, None).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut heard: Vec<u8> = Vec::new();
        let mut hear = |enough: usize| {
            let mut buffer = [0; 8];
            while heard.len() < enough {
                match socket.read(&mut buffer) {
                    Ok(0) => return heard.len(),
                    Ok(count) => heard.extend(&buffer[..count]),
                    Err(_) => {
                        socket.watch(poll.registry()).unwrap();
                        wait(&mut poll, &mut events, Some(Duration::from_secs(20))).unwrap();
                        assert!(!events.is_empty(), "nothing was told");
                        events.iter().for_each(|event| socket.note(event));
                    }
                }
            }
            heard.len()
        };
        for round in 1..200 {
            peer.write_all(b"226 ").unwrap();
            assert_eq!(hear(round * 4), round * 4);
        }
        peer.write_all(b"421").unwrap();
        drop(peer);
        assert_eq!(hear(usize::MAX), 199 * 4 + 3);
    }

    #[test]
    fn the_next_address_is_tried_and_the_last_failure_told() {
        let mut poll = Poll::new().unwrap();
        let nobody = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let cancel = CancelHandle::new();
        let limit = Duration::from_secs(5);
        let error = dial(&mut poll, "127.0.0.1", nobody, limit, &cancel, None).unwrap_err();
        assert!(
            matches!(&error, Error::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused),
            "{error}"
        );
    }
}
