//! The server on loopback, with clients that say every byte themselves.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ftp_proto::server::Security;
use socket2::{Domain, Socket, Type};

use super::{
    Account, Builder, Handle, MemoryStorage, Promise, Server, Sink, Storage, Users, Write,
};
use super::{Entries, Entry, Source, VirtualPath};

/// A server on a thread of its own; it is gone when this is dropped.
struct Running {
    address: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    fn new(storage: impl Storage, change: impl FnOnce(Builder) -> Builder) -> Self {
        let account = Account::new(Arc::new(storage)).writable();
        let users = Users::new().user("alice", "secret", account);
        let builder = Server::builder(users)
            .configure(|config| config.security = Security::clear())
            .listen("127.0.0.1:0")
            .threads(2);
        let server = change(builder).build().unwrap();
        Running {
            address: server.addresses()[0],
            handle: server.handle(),
            thread: Some(thread::spawn(|| smol::block_on(server.run()))),
        }
    }

    fn client(&self) -> Line {
        Line::new(TcpStream::connect(self.address).unwrap())
    }

    fn logged_in(&self) -> Line {
        let mut line = self.client();
        line.expect("220");
        line.say("USER alice", "331");
        line.say("PASS secret", "230");
        line.say("TYPE I", "200");
        line
    }

    /// Waits for the end of the server.
    fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.shutdown(Duration::ZERO);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

/// A control connection.
struct Line(BufReader<TcpStream>);

impl Line {
    fn new(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Line(BufReader::new(stream))
    }

    fn send(&mut self, command: &str) {
        let stream = self.0.get_mut();
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
    }

    /// The next reply has this code; its text.
    fn expect(&mut self, code: &str) -> String {
        let mut text = String::new();
        self.0.read_line(&mut text).unwrap();
        assert!(text.starts_with(code), "{code} expected: {text:?}");
        text
    }

    fn say(&mut self, command: &str, code: &str) -> String {
        self.send(command);
        self.expect(code)
    }

    fn passive(&mut self) -> u16 {
        let text = self.say("EPSV", "229");
        text.split('|').nth(3).unwrap().parse().unwrap()
    }

    fn ends(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
    }
}

fn from(local: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let local = SocketAddr::new(IpAddr::V4(local), 0);
    socket.bind(&local.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

#[test]
fn those_beyond_the_limit_are_told_so() {
    let running = Running::new(MemoryStorage::new(), |builder| builder.max_sessions(2));
    let mut first = running.logged_in();
    let second = running.logged_in();
    let mut third = running.client();
    third.expect("421");
    third.ends();
    first.say("NOOP", "200");
    drop(second);
    // A place is free again, soon.
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let mut text = String::new();
        running.client().0.read_line(&mut text).unwrap();
        if text.starts_with("220") {
            break;
        }
        assert!(Instant::now() < end, "{text}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn one_address_does_not_take_all_places() {
    let running = Running::new(MemoryStorage::new(), |builder| {
        builder.max_sessions_per_address(1)
    });
    let mut first = running.logged_in();
    running.client().expect("421");
    let mut other = Line::new(from(Ipv4Addr::new(127, 0, 0, 2), running.address));
    other.expect("220");
    first.say("NOOP", "200");
}

#[test]
fn a_stranger_on_the_data_port_gets_nothing() {
    let storage = MemoryStorage::new();
    storage.insert("file", "hello").unwrap();
    let running = Running::new(storage, |builder| builder);
    let mut client = running.logged_in();
    let port = client.passive();
    let data = SocketAddr::new(running.address.ip(), port);
    let mut stranger = from(Ipv4Addr::new(127, 0, 0, 2), data);
    let mut mine = from(Ipv4Addr::LOCALHOST, data);
    client.say("RETR file", "1");
    let mut bytes = Vec::new();
    mine.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"hello");
    drop(mine);
    client.expect("226");
    let mut nothing = Vec::new();
    let _ = stranger.read_to_end(&mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn a_transfer_that_runs_may_end_before_the_server_does() {
    let storage = MemoryStorage::new();
    let mut running = Running::new(storage.clone(), |builder| builder);
    let mut idle = running.logged_in();
    let mut client = running.logged_in();
    let data = SocketAddr::new(running.address.ip(), client.passive());
    let mut data = from(Ipv4Addr::LOCALHOST, data);
    client.say("STOR file", "1");
    data.write_all(b"hello ").unwrap();
    running.handle.shutdown(Duration::from_secs(20));
    idle.expect("421");
    idle.ends();
    // Nobody new comes in: not listened for any more, accepted and closed at once, or reset with the listener in whose queue it was.
    if let Ok(mut stream) = TcpStream::connect(running.address) {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut greeting = Vec::new();
        match stream.read_to_end(&mut greeting) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
        assert!(greeting.is_empty(), "{}", greeting.escape_ascii());
    }
    data.write_all(b"world").unwrap();
    drop(data);
    client.expect("226");
    client.expect("421");
    drop(client);
    running.join();
    assert_eq!(**storage.contents("file").unwrap(), *b"hello world");
}

#[test]
fn a_transfer_that_does_not_end_is_cut() {
    let storage = MemoryStorage::new();
    let mut running = Running::new(storage.clone(), |builder| builder);
    let mut client = running.logged_in();
    let data = SocketAddr::new(running.address.ip(), client.passive());
    let mut data = from(Ipv4Addr::LOCALHOST, data);
    client.say("STOR file", "1");
    data.write_all(b"hello ").unwrap();
    let begun = Instant::now();
    running.handle.shutdown(Duration::from_millis(200));
    running.join();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(storage.contents("file").is_none());
}

#[test]
fn a_client_that_vanishes_leaves_no_file() {
    let storage = MemoryStorage::new();
    let running = Running::new(storage.clone(), |builder| builder);
    let mut client = running.logged_in();
    let data = SocketAddr::new(running.address.ip(), client.passive());
    let mut data = from(Ipv4Addr::LOCALHOST, data);
    client.say("STOR file", "1");
    data.write_all(b"hello ").unwrap();
    // The control connection first: what ends after it is not an end.
    drop(client);
    thread::sleep(Duration::from_millis(100));
    drop(data);
    thread::sleep(Duration::from_millis(200));
    assert!(storage.contents("file").is_none());
    running.logged_in().say("SIZE file", "550");
}

#[test]
fn active_mode_comes_to_the_client_alone() {
    let storage = MemoryStorage::new();
    storage.insert("file", vec![7; 3_000_000]).unwrap();
    let running = Running::new(storage, |builder| builder);
    let mut client = running.logged_in();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    client.say(&format!("EPRT |1|127.0.0.2|{port}|"), "5");
    client.say(&format!("EPRT |1|127.0.0.1|{port}|"), "200");
    client.say("RETR file", "1");
    let (mut data, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).unwrap();
    drop(data);
    assert!(bytes == [7; 3_000_000]);
    client.expect("226");
}

/// Files that take their time.
struct Slow(MemoryStorage);

impl Storage for Slow {
    fn stat<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Entry> {
        Box::pin(async {
            smol::Timer::after(Duration::from_secs(60)).await;
            self.0.stat(path).await
        })
    }

    fn list<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Box<dyn Entries>> {
        self.0.list(path)
    }

    fn read<'a>(&'a self, path: &'a VirtualPath, offset: u64) -> Promise<'a, Box<dyn Source>> {
        self.0.read(path, offset)
    }

    fn write<'a>(&'a self, path: &'a VirtualPath, how: Write) -> Promise<'a, Box<dyn Sink>> {
        self.0.write(path, how)
    }
}

#[test]
fn a_slow_storage_holds_up_nobody_else() {
    let running = Running::new(Slow(MemoryStorage::new()), |builder| builder.threads(1));
    let mut waits = running.logged_in();
    waits.send("CWD somewhere");
    let mut other = running.logged_in();
    other.say("NOOP", "200");
    let data = SocketAddr::new(running.address.ip(), other.passive());
    let mut data = from(Ipv4Addr::LOCALHOST, data);
    other.say("STOR file", "1");
    data.write_all(b"hello").unwrap();
    drop(data);
    other.expect("226");
}

#[test]
fn a_server_without_a_certificate_is_not_built_by_mistake() {
    let users = Users::new();
    let server = Server::builder(users).listen("127.0.0.1:0").build();
    assert_eq!(server.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
