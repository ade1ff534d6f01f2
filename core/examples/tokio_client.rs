//! The engine on tokio: uploads a file, then lists the directory it went to.
//!
//! `tokio_client HOST:PORT USER PASSWORD LOCAL REMOTE CA.pem`

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a driver"
)]

use std::error::Error;
use std::future::pending;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto::pipe::{Call, Engine, Payload, Shut, Sockets, Step, Transport};
use ftp_proto::tls::ClientTls;
use ftp_proto::{Client, Config, DataTarget, Instant, Secret, TransferOptions};
use socket2::{Domain, SockRef, Type};
use tokio::net::TcpStream;

/// A stream that never waits, and remembers what it would have had to wait for.
struct Socket {
    stream: TcpStream,
    starved: bool,
    blocked: bool,
}

impl Socket {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // It goes on in the background; the descriptor becomes writable at its end.
        let _ = socket.connect(&address.into());
        Ok(Socket {
            stream: TcpStream::from_std(socket.into())?,
            starved: false,
            blocked: true,
        })
    }

    fn connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        self.blocked = self.stream.peer_addr().is_err();
        Ok(!self.blocked)
    }

    /// Until what it had to wait for has come.
    async fn ready(&self) {
        let _ = match (self.starved, self.blocked) {
            (true, true) => tokio::select! {
                readable = self.stream.readable() => readable,
                writable = self.stream.writable() => writable,
            },
            (true, false) => self.stream.readable().await,
            (false, true) => self.stream.writable().await,
            (false, false) => pending().await,
        };
    }
}

fn would_block<T>(result: &io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Read for Socket {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.try_read(to);
        self.starved = would_block(&result);
        result
    }
}

impl Write for Socket {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let result = self.stream.try_write(from);
        self.blocked = would_block(&result);
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Socket {
    fn shut(&mut self, side: Shut) {
        // Whether the peer is still there shows in reading.
        let _ = SockRef::from(&self.stream).shutdown(side.into());
    }

    fn will_reset(&mut self) {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

struct Net {
    peer: SocketAddr,
    control: Option<Socket>,
    data: Option<Socket>,
}

impl Net {
    async fn ready(&self) {
        async fn ready(socket: Option<&Socket>) {
            match socket {
                Some(socket) => socket.ready().await,
                None => pending().await,
            }
        }
        tokio::select! {
            () = ready(self.control.as_ref()) => {}
            () = ready(self.data.as_ref()) => {}
        }
    }
}

impl Sockets for Net {
    fn control(&mut self) -> Option<&mut dyn Transport> {
        Some(self.control.as_mut()?)
    }

    fn close_control(&mut self) {
        self.control = None;
    }

    fn connect(&mut self, target: DataTarget) -> io::Result<()> {
        self.data = Some(Socket::connect(target.address(self.peer))?);
        Ok(())
    }

    fn connected(&mut self) -> io::Result<bool> {
        self.data.as_mut().map_or(Ok(false), Socket::connected)
    }

    fn data(&mut self) -> Option<&mut dyn Transport> {
        Some(self.data.as_mut()?)
    }

    fn close_data(&mut self) {
        self.data = None;
    }
}

struct Session {
    engine: Engine,
    net: Net,
    started: tokio::time::Instant,
}

impl Session {
    fn now(&self) -> Instant {
        Instant::from_millis(self.started.elapsed().as_millis() as u64)
    }

    /// Steps until `done` has what it waits for.
    async fn run(
        &mut self,
        call: &mut Call<'_>,
        done: &mut dyn FnMut(&ftp_proto::Event<'_>) -> bool,
    ) -> Result<(), Box<dyn Error>> {
        loop {
            match self.engine.step(self.now(), &mut self.net, call, done)? {
                Step::Done => return Ok(()),
                Step::Closed => return Err(self.engine.over().into()),
                Step::Moved | Step::Looked => tokio::task::yield_now().await,
                Step::Waits(until) => {
                    let wait = until.map_or(Duration::MAX, |until| until.since(self.now()));
                    // A deadline or a socket, whichever comes first.
                    let _ = tokio::time::timeout(wait, self.net.ready()).await;
                }
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, user, password, local, remote, ca] = &args[..] else {
        return Err("HOST:PORT USER PASSWORD LOCAL REMOTE CA.pem".into());
    };
    let peer: SocketAddr = server.parse()?;
    let trust = ClientTls::builder()
        .roots_pem(&std::fs::read(ca)?)
        .build()?;
    let started = tokio::time::Instant::now();
    let mut control = Socket::connect(peer)?;
    while !control.connected()? {
        control.stream.writable().await?;
    }
    let machine = Client::new(Config::default(), peer.ip(), Instant::ZERO);
    let mut session = Session {
        engine: Engine::new(machine, Some(trust.session(&peer.ip().to_string())?)),
        net: Net {
            peer,
            control: Some(control),
            data: None,
        },
        started,
    };

    let now = session.now();
    let client = session.engine.machine_mut();
    let secret = Secret::new(password.as_bytes());
    let _login = client.login(now, user.as_bytes(), secret, None)?;
    let upload = client.store(now, remote.as_bytes(), TransferOptions::default())?;
    session.engine.expect(upload.id());
    let (mut source, mut result) = (std::fs::File::open(local)?, None);
    let mut call = Call::transfer(upload.id(), Payload::Source(&mut source));
    let mut done = |event: &ftp_proto::Event<'_>| {
        result = upload.claim(event);
        result.is_some()
    };
    session.run(&mut call, &mut done).await?;
    if let Some(Err(failure)) = result {
        return Err(session.engine.explain(failure).into());
    }

    let now = session.now();
    let listing = session.engine.machine_mut().names(now, None)?;
    session.engine.expect(listing.id());
    let mut names = Vec::new();
    let mut call = Call::transfer(listing.id(), Payload::Sink(&mut names));
    let mut done = |event: &ftp_proto::Event<'_>| listing.claim(event).is_some();
    session.run(&mut call, &mut done).await?;
    io::stdout().write_all(&names)?;
    Ok(())
}
