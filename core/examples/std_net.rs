//! A whole FTPS client on plain `std::net`: explicit TLS, session reuse, passive data connections, and a download that is proved whole.
//!
//! `std_net HOST:PORT USER PASSWORD PATH CA.pem` writes the file to standard output.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a driver"
)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ftp_proto::pipe::{Call, Engine, Payload, Shut, Sockets, Step, Transport};
use ftp_proto::tls::ClientTls;
use ftp_proto::{Client, Config, DataTarget, Event, Instant, Secret, TransferOptions};

struct Socket(TcpStream);

struct Net {
    control: Option<Socket>,
    data: Option<Socket>,
    peer: SocketAddr,
}

fn dial(address: SocketAddr) -> io::Result<Socket> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(Socket(stream))
}

impl Read for Socket {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

impl Write for Socket {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write(from)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Socket {
    fn shut(&mut self, side: Shut) {
        let _ = self.0.shutdown(side.into());
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
        self.data = Some(dial(target.address(self.peer))?);
        Ok(())
    }
    fn data(&mut self) -> Option<&mut dyn Transport> {
        Some(self.data.as_mut()?)
    }
    fn close_data(&mut self) {
        self.data = None;
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, user, password, path, ca] = &args[..] else {
        return Err("HOST:PORT USER PASSWORD PATH CA.pem".into());
    };
    let ca = std::fs::read(ca)?;
    let trust = ClientTls::builder().roots_pem(&ca).build()?;
    let (peer, started): (SocketAddr, _) = (server.parse()?, std::time::Instant::now());
    let now = || Instant::from_millis(started.elapsed().as_millis() as u64);
    let (control, data) = (Some(dial(peer)?), None);
    let mut net = Net {
        control,
        data,
        peer,
    };
    let machine = Client::new(Config::default(), peer.ip(), now()); // which requires TLS
    let mut engine = Engine::new(machine, Some(trust.session(&peer.ip().to_string())?));
    let client = engine.machine_mut();
    let secret = Secret::new(password.as_bytes());
    let _login = client.login(now(), user.as_bytes(), secret, None)?;
    let file = client.retrieve(now(), path.as_bytes(), TransferOptions::default())?;
    engine.expect(file.id());
    let (mut out, mut result) = (io::stdout(), None);
    while result.is_none() {
        let mut call = Call::transfer(file.id(), Payload::Sink(&mut out));
        let mut done = |event: &Event<'_>| {
            result = file.claim(event);
            result.is_some()
        };
        match engine.step(now(), &mut net, &mut call, &mut done)? {
            Step::Closed => return Err(engine.over().into()),
            Step::Waits(_) => std::thread::sleep(Duration::from_millis(1)), // std has no poll
            Step::Done | Step::Moved | Step::Looked => {}
        }
    }
    result
        .transpose()
        .map_err(|failure| engine.explain(failure))?;
    Ok(())
}
