//! Scripts over sockets: a scripted server on a port, a scripted client against any address. Times are real here, and short.

mod channel;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ftp_proto::wire::reply::ReplyReader;
use socket2::{Domain, Socket, Type};

use self::channel::{Channel, HostileTls, other_server_tls, server_tls};
use super::client::{ClientSide, Heard};
use super::script::{End, Handshake, Resume, Script};
use super::server::{Line, Player, ServerSide};
use crate::certs::Certificate;

/// Nobody waits longer than this for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nor longer than this for what must not.
const SHORT: Duration = Duration::from_millis(400);

// ---- a scripted server

/// A scripted server that serves until it is finished.
#[derive(Debug)]
pub struct WireServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    done: Receiver<()>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    running: Mutex<Option<TcpStream>>,
    sessions: Mutex<Vec<Session>>,
}

/// What a client did in one session with a scripted server.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// The command lines it sent.
    pub heard: Vec<Line>,
    /// What it sent on data connections.
    pub stored: Vec<Vec<u8>>,
    /// How the session broke, if it did.
    pub broken: Option<String>,
}

impl WireServer {
    /// Listens at an address, for one session after the other.
    ///
    /// # Errors
    /// Those of listening.
    pub fn start(script: &Script, at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at)?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared::default());
        let (finished, done) = mpsc::channel();
        let (script, inner) = (script.clone(), Arc::clone(&shared));
        thread::spawn(move || {
            inner.serve(&script, &listener);
            // Nobody may wait any more.
            let _ = finished.send(());
        });
        Ok(WireServer {
            address,
            shared,
            done,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sessions that are over so far.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        lock(&self.shared.sessions).clone()
    }

    /// Accepts nobody any more, lets the session that runs end, and tells what was heard.
    #[must_use]
    pub fn finish(self) -> Vec<Session> {
        self.shared.stop.store(true, Ordering::Release);
        if self.done.recv_timeout(Duration::from_secs(3)).is_err() {
            if let Some(socket) = &*lock(&self.shared.running) {
                // It may be closed already.
                let _ = socket.shutdown(std::net::Shutdown::Both);
            }
            let _ = self.done.recv_timeout(PATIENCE);
        }
        self.sessions()
    }
}

impl Shared {
    fn serve(&self, script: &Script, listener: &TcpListener) {
        loop {
            match listener.accept() {
                Ok((socket, _)) => {
                    let _ = socket.set_nonblocking(false);
                    *lock(&self.running) = socket.try_clone().ok();
                    let session = session(script, socket);
                    lock(&self.running).take();
                    lock(&self.sessions).push(session);
                }
                Err(_) if self.stop.load(Ordering::Acquire) => return,
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session(script: &Script, socket: TcpStream) -> Session {
    let Some(mut player) = Player::new(script) else {
        return Session::default();
    };
    let run = |player: &mut Player<'_>| -> io::Result<()> {
        let mut side = ServerWire::new(socket)?;
        player.connected(&mut side)?;
        while let Some(line) = side.control.line()? {
            player.line(&line, &mut side)?;
        }
        Ok(())
    };
    let broken = run(&mut player).err().map(|error| error.to_string());
    Session {
        heard: player.heard,
        stored: player.stored,
        broken,
    }
}

/// The sockets of one session of a scripted server.
struct ServerWire {
    control: Channel,
    local: IpAddr,
    peer: IpAddr,
    listener: Option<TcpListener>,
    active: Option<u16>,
    data: Option<Channel>,
    /// Ended in order: not closed before the session, for what was not read would turn that into a reset.
    ended: Vec<Channel>,
    strangers: Vec<TcpStream>,
}

impl ServerWire {
    fn new(socket: TcpStream) -> io::Result<Self> {
        let (local, peer) = (socket.local_addr()?.ip(), socket.peer_addr()?.ip());
        Ok(ServerWire {
            control: Channel::new(socket, PATIENCE)?,
            local,
            peer,
            listener: None,
            active: None,
            data: None,
            ended: Vec::new(),
            strangers: Vec::new(),
        })
    }

    fn taken(&mut self) -> io::Result<TcpStream> {
        if let Some(port) = self.active.take() {
            return TcpStream::connect_timeout(&SocketAddr::new(self.peer, port), PATIENCE);
        }
        let listener = self.listener.take().ok_or(io::ErrorKind::NotConnected)?;
        accept(&listener, PATIENCE)?.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn data(&mut self) -> io::Result<&mut Channel> {
        self.data
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// Whoever connects within so long.
fn accept(listener: &TcpListener, within: Duration) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + within;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false)?;
                return Ok(Some(socket));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if Instant::now() > until {
                    return Ok(None);
                }
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error),
        }
    }
}

/// A connection from an address of one's own.
fn connect_from(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    Ok(socket.into())
}

/// Whether a client that is refused in mid-handshake has said why does not matter.
fn handshake(channel: &mut Channel, how: &Handshake) -> io::Result<()> {
    match how {
        Handshake::Good => channel.secure(server_tls(Certificate::Valid)?),
        Handshake::With(certificate) => channel.secure(server_tls(*certificate)?),
        Handshake::Other => channel.secure(other_server_tls()?),
        Handshake::Garbage(text) => {
            channel.something()?;
            channel.write(&super::text::filled(text, &[]))
        }
        Handshake::Dropped(end) => {
            channel.something()?;
            channel.end(*end)
        }
    }
}

impl ServerSide for ServerWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.control.write(bytes)
    }

    fn tls(&mut self, how: &Handshake) -> io::Result<()> {
        handshake(&mut self.control, how)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.control.clear()
    }

    fn end(&mut self, how: End) -> io::Result<()> {
        self.control.end(how)
    }

    fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }

    fn listen(&mut self) -> io::Result<(IpAddr, u16)> {
        let listener = TcpListener::bind((self.local, 0))?;
        let port = listener.local_addr()?.port();
        self.listener = Some(listener);
        self.active = None;
        Ok((self.local, port))
    }

    fn active(&mut self, port: u16) {
        self.active = Some(port);
        self.listener = None;
    }

    fn data(&mut self, private: bool, how: &Handshake) -> io::Result<()> {
        let mut channel = Channel::new(self.taken()?, PATIENCE)?;
        let went = match private {
            true => handshake(&mut channel, how),
            false => Ok(()),
        };
        // A handshake that fails is for the client to tell; the control connection goes on.
        self.data = went.is_ok().then_some(channel);
        Ok(())
    }

    fn data_send(&mut self, bytes: &[u8], raw: bool) -> io::Result<()> {
        if raw && self.data.is_none() {
            self.data = Some(Channel::new(self.taken()?, PATIENCE)?);
        }
        // A client may well have had enough.
        let _ = self.data().map(|data| data.write(bytes));
        Ok(())
    }

    fn data_read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.data().map(Channel::read_all).unwrap_or_default())
    }

    fn data_end(&mut self, how: End) -> io::Result<()> {
        if let Some(mut data) = self.data.take() {
            let _ = data.end(how);
            self.ended.push(data);
        }
        Ok(())
    }

    fn data_refuse(&mut self) {
        self.listener = None;
    }

    fn stranger(&mut self, from: IpAddr, bytes: &[u8]) -> io::Result<()> {
        let port = self.active.ok_or(io::ErrorKind::NotConnected)?;
        let mut socket = connect_from(from, SocketAddr::new(self.peer, port))?;
        // It may be shown the door at once.
        let _ = io::Write::write_all(&mut socket, bytes);
        self.strangers.push(socket);
        Ok(())
    }
}

// ---- a scripted client

/// The sockets of a scripted client.
#[derive(Debug)]
pub struct WireClient {
    server: SocketAddr,
    user: String,
    password: String,
    control: Option<Channel>,
    reader: ReplyReader,
    tls: HostileTls,
    listener: Option<TcpListener>,
    data: Option<Channel>,
    ended: Vec<Channel>,
    /// What was sent in place of a handshake is answered by an alert.
    alert_due: bool,
}

impl WireClient {
    /// A client for the server at this address, where this user may log in. Certificates are not looked at.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(server: SocketAddr, user: &str, password: &str) -> io::Result<Self> {
        Ok(WireClient {
            server,
            user: user.to_owned(),
            password: password.to_owned(),
            control: None,
            reader: reader(),
            tls: HostileTls::new()?,
            listener: None,
            data: None,
            ended: Vec::new(),
            alert_due: false,
        })
    }
}

fn reader() -> ReplyReader {
    ReplyReader::new(64 * 1024, 1 << 20, 1 << 16)
}

impl ClientSide for WireClient {
    fn connect(&mut self) -> Result<(), String> {
        self.control = None;
        self.data = None;
        self.alert_due = false;
        self.reader = reader();
        let fresh = HostileTls::new().and_then(|tls| {
            self.tls = tls;
            Channel::new(
                TcpStream::connect_timeout(&self.server, PATIENCE)?,
                PATIENCE,
            )
        });
        self.control = Some(fresh.map_err(|error| format!("no connection: {error}"))?);
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Some(control) = &mut self.control {
            // That it has ended shows when something is read.
            let _ = control.write(bytes);
        }
    }

    fn reply(&mut self, within: Option<Duration>) -> Heard {
        let Some(control) = &mut self.control else {
            return Heard::End;
        };
        let until = Instant::now() + within.unwrap_or(PATIENCE);
        loop {
            match self.reader.next_reply() {
                Ok(Some(reply)) => {
                    let text = String::from_utf8_lossy(reply.text()).into_owned();
                    return Heard::Reply(reply.code().value(), text);
                }
                Ok(None) => {}
                Err(error) => return Heard::Reply(0, error.to_string()),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Nothing;
            }
            match control.read_within(left) {
                Ok(Some(bytes)) if bytes.is_empty() => return Heard::End,
                Ok(Some(bytes)) if self.alert_due && bytes.starts_with(&[0x15, 3]) => {}
                Ok(Some(bytes)) => self.reader.push(&without_telnet(&bytes)),
                Ok(None) => return Heard::Nothing,
                Err(_) => return Heard::End,
            }
        }
    }

    fn tls(&mut self, how: &Handshake) -> Result<(), String> {
        let control = self.control.as_mut().ok_or("no connection")?;
        let went = match how {
            Handshake::Good | Handshake::With(_) | Handshake::Other => self
                .tls
                .connection(Resume::Own)
                .and_then(|tls| control.secure(tls)),
            Handshake::Garbage(text) => {
                self.alert_due = true;
                control.write(&super::text::filled(text, &[]))
            }
            Handshake::Dropped(end) => control.end(*end),
        };
        went.map_err(|error| format!("TLS: {error}"))
    }

    fn clear(&mut self) -> Result<(), String> {
        let control = self.control.as_mut().ok_or("no connection")?;
        control
            .clear()
            .map_err(|error| format!("the end of TLS: {error}"))
    }

    fn end(&mut self, how: End) {
        if let Some(control) = &mut self.control {
            let _ = control.end(how);
        }
    }

    fn wait(&mut self, time: Duration) {
        thread::sleep(time);
    }

    fn listen(&mut self) -> Result<SocketAddr, String> {
        let local = self
            .control
            .as_ref()
            .and_then(|control| control.local().ok());
        let local = local.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |at| at.ip());
        let listener = TcpListener::bind((local, 0)).map_err(|error| error.to_string())?;
        let at = listener.local_addr().map_err(|error| error.to_string())?;
        self.listener = Some(listener);
        Ok(at)
    }

    fn data_connect(&mut self, port: u16, from: Option<IpAddr>) -> Result<(), String> {
        self.data = None;
        let to = SocketAddr::new(self.server.ip(), port);
        let socket = match from {
            Some(from) => connect_from(from, to),
            None => TcpStream::connect_timeout(&to, PATIENCE),
        };
        let channel = socket.and_then(|socket| Channel::new(socket, PATIENCE));
        self.data = Some(channel.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn data_accept(&mut self, expected: bool) -> bool {
        let within = if expected { PATIENCE } else { SHORT };
        let Some(listener) = &self.listener else {
            return false;
        };
        let accepted = accept(listener, within).ok().flatten();
        self.data = accepted.and_then(|socket| Channel::new(socket, PATIENCE).ok());
        self.data.is_some()
    }

    fn data_tls(&mut self, resume: Resume) -> Result<(), String> {
        let data = self.data.as_mut().ok_or("no data connection")?;
        let went = self.tls.connection(resume).and_then(|tls| data.secure(tls));
        if let Err(error) = went {
            self.data = None;
            return Err(format!("TLS on the data connection: {error}"));
        }
        Ok(())
    }

    fn data_send(&mut self, bytes: &[u8]) {
        if let Some(data) = &mut self.data {
            let _ = data.write(bytes);
        }
    }

    fn data_read(&mut self) -> Vec<u8> {
        let Some(mut data) = self.data.take() else {
            return Vec::new();
        };
        let bytes = data.read_all();
        let _ = data.end(End::Orderly);
        bytes
    }

    fn data_end(&mut self, how: End) {
        if let Some(mut data) = self.data.take() {
            let _ = data.end(how);
            self.ended.push(data);
        }
    }

    fn account(&self) -> (String, String) {
        (self.user.clone(), self.password.clone())
    }
}

/// Without refusals of Telnet options (RFC 854).
fn without_telnet(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != 0xFF {
            out.push(byte);
            continue;
        }
        match rest.next() {
            Some(0xFC | 0xFE) => drop(rest.next()),
            Some(0xFF) => out.push(0xFF),
            _ => {}
        }
    }
    out
}
