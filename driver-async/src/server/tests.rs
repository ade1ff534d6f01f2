//! The server on loopback, with clients that say every byte themselves.

use std::future::Future;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ftp_proto::server::Security;
use ftp_proto::tls::ServerTls;
use socket2::{Domain, Socket, Type};

use super::{
    Account, Authenticator, Builder, FileStorage, Handle, Login, MemoryStorage, Promise, Server,
    Sink, Storage, Users, Write,
};
use super::{Entries, Entry, Source, Verdict, VirtualPath};

/// A server on a thread of its own; it is gone when this is dropped.
struct Running {
    address: SocketAddr,
    /// The last one.
    second: SocketAddr,
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
            second: server.addresses()[server.addresses().len() - 1],
            handle: server.handle(),
            thread: Some(thread::spawn(|| smol::block_on(server.run()))),
        }
    }

    fn client(&self) -> Line {
        Line::new(TcpStream::connect(self.address).unwrap())
    }

    fn logged_in(&self) -> Line {
        self.logged_in_at(self.address)
    }

    fn logged_in_at(&self, address: SocketAddr) -> Line {
        let mut line = Line::new(from(Ipv4Addr::LOCALHOST, address));
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
        // One who came in at the last moment is told.
        let told = greeting.ends_with(b"421 Shutting down\r\n");
        assert!(greeting.is_empty() || told, "{}", greeting.escape_ascii());
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

/// RFC 1123 section 4.1.2.12: from the address the client knows, or its packet filter would not let it through.
#[test]
fn active_mode_comes_from_the_address_the_client_talks_to() {
    let storage = MemoryStorage::new();
    storage.insert("file", "hello").unwrap();
    let running = Running::new(storage, |builder| builder.listen("127.0.0.3:0"));
    let addresses = [running.address, running.second];
    for address in addresses {
        let mut client = running.logged_in_at(address);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        client.say(&format!("EPRT |1|127.0.0.1|{port}|"), "200");
        client.say("RETR file", "1");
        let (mut data, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip(), address.ip());
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"hello");
    }
}

/// RFC 959 section 5.2: what was sent before the end is read to the end.
#[test]
fn an_upload_is_read_to_its_end() {
    let storage = MemoryStorage::new();
    let running = Running::new(storage.clone(), |builder| builder);
    let mut client = running.logged_in();
    let data = SocketAddr::new(running.address.ip(), client.passive());
    let mut data = from(Ipv4Addr::LOCALHOST, data);
    client.say("STOR file", "1");
    data.write_all(&vec![7; 5_000_000]).unwrap();
    drop(data);
    client.expect("226");
    assert_eq!(storage.contents("file").unwrap().len(), 5_000_000);
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
fn many_downloads_at_once_are_whole_from_anywhere_to_anywhere() {
    const SIZE: usize = 9 << 20;
    let room = tempfile::tempdir().unwrap();
    let file: Vec<u8> = (0..SIZE)
        .map(|at| (at ^ at >> 8 ^ at >> 16) as u8)
        .collect();
    std::fs::write(room.path().join("file"), &file).unwrap();
    let running = Running::new(FileStorage::open(room.path()).unwrap(), |builder| builder);
    let parts = [
        0..SIZE,
        1..SIZE,
        SIZE - 1..SIZE,
        SIZE..SIZE,
        0..1,
        5..6 << 20,
    ];
    thread::scope(|scope| {
        for (number, part) in parts.iter().cycle().take(18).enumerate() {
            let (running, file) = (&running, &file);
            scope.spawn(move || {
                let mut line = running.logged_in();
                // Both ways to say where it begins, and every third reads so late that nothing more goes meanwhile.
                if part.end < SIZE {
                    line.say(&format!("RANG {} {}", part.start, part.end - 1), "350");
                } else {
                    line.say(&format!("REST {}", part.start), "350");
                }
                let port = line.passive();
                let mut data = from(
                    Ipv4Addr::LOCALHOST,
                    SocketAddr::new(running.address.ip(), port),
                );
                line.say("RETR file", "1");
                if number % 3 == 0 {
                    thread::sleep(Duration::from_millis(300));
                }
                let mut came = Vec::new();
                data.read_to_end(&mut came).unwrap();
                drop(data);
                line.expect("226");
                assert!(came == file[part.clone()], "{part:?}: {} bytes", came.len());
            });
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn files_the_system_makes_up_are_served_too() {
    let running = Running::new(FileStorage::open("/proc").unwrap(), |builder| builder);
    for name in ["version", "sys/kernel/ostype", "filesystems"] {
        let mut line = running.logged_in();
        let port = line.passive();
        let mut data = from(
            Ipv4Addr::LOCALHOST,
            SocketAddr::new(running.address.ip(), port),
        );
        line.say(&format!("RETR {name}"), "1");
        let mut came = Vec::new();
        data.read_to_end(&mut came).unwrap();
        line.expect("226");
        assert_eq!(came, std::fs::read(format!("/proc/{name}")).unwrap());
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

/// draft-bryan-ftpext-hash section 3, draft-bryan-ftp-range section 3, and the commands before them.
#[test]
fn digests_of_files_and_parts_from_every_storage() {
    let room = tempfile::tempdir().unwrap();
    std::fs::write(room.path().join("file"), "0123456789").unwrap();
    let memory = MemoryStorage::new();
    memory.insert("file", "0123456789").unwrap();
    let files = FileStorage::open(room.path()).unwrap();
    let on_disk = Running::new(files, |builder| builder);
    for running in [on_disk, Running::new(memory, |builder| builder)] {
        let mut client = running.logged_in();
        let mut features = Vec::new();
        client.send("FEAT");
        while !features
            .last()
            .is_some_and(|line: &String| line.starts_with("211 "))
        {
            let mut line = String::new();
            client.0.read_line(&mut line).unwrap();
            features.push(line);
        }
        for feature in [" HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32", " RANG STREAM"] {
            assert!(
                features.iter().any(|line| line.trim_end() == feature),
                "{features:?}"
            );
        }
        let sha256 = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
        let text = client.say("HASH file", "213");
        assert_eq!(text, format!("213 SHA-256 0-9 {sha256} /file\r\n"));
        client.say("RANG 2 5", "350");
        client.say("OPTS HASH CRC32", "200");
        client.say("RANG 2 5", "350");
        let text = client.say("HASH file", "213");
        assert_eq!(text, "213 CRC32 2-5 b0d2832b /file\r\n");
        // Beyond the end there is nothing: what there is counts.
        client.say("RANG 8 99", "350");
        let text = client.say("HASH file", "213");
        assert!(text.starts_with("213 CRC32 8-9 "), "{text}");
        client.say("RANG 11 12", "350");
        client.say("HASH file", "5");
        let text = client.say("XMD5 file", "250");
        assert_eq!(text, "250 781e5e245d69b566979b86e28d23f2c7\r\n");
        client.say("HASH nowhere", "550");
        client.say("HASH /", "553");

        client.say("RANG 2 5", "350");
        let data = SocketAddr::new(running.address.ip(), client.passive());
        let mut data = from(Ipv4Addr::LOCALHOST, data);
        client.say("RETR file", "1");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"2345");
        drop(data);
        client.expect("226");
    }
}

/// A file without an end, and how many read it.
struct Endless(Arc<AtomicUsize>);

struct Zeros(Arc<AtomicUsize>);

impl Drop for Zeros {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Source for Zeros {
    fn size(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, buffer: Vec<u8>) -> Promise<'_, (Vec<u8>, usize)> {
        let count = buffer.len();
        Box::pin(async move { Ok((buffer, count)) })
    }
}

impl Storage for Endless {
    fn stat<'a>(&'a self, _: &'a VirtualPath) -> Promise<'a, Entry> {
        Box::pin(async { Ok(Entry::new(b"zeros", super::Kind::File)) })
    }

    fn list<'a>(&'a self, _: &'a VirtualPath) -> Promise<'a, Box<dyn Entries>> {
        Box::pin(async { Err(super::Refused::Denied) })
    }

    fn read<'a>(&'a self, _: &'a VirtualPath, _: u64) -> Promise<'a, Box<dyn Source>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let zeros = Zeros(Arc::clone(&self.0));
        Box::pin(async { Ok(Box::new(zeros) as Box<dyn Source>) })
    }
}

/// As many as there like: the server stays there for others, and what is given up is not gone on with.
#[test]
fn digests_without_an_end_hold_up_nobody_and_can_be_given_up() {
    let readers = Arc::new(AtomicUsize::new(0));
    let running = Running::new(Endless(Arc::clone(&readers)), |builder| builder.threads(1));
    let mut hashing: Vec<Line> = (0..8).map(|_| running.logged_in()).collect();
    for client in &mut hashing {
        client.send("HASH zeros");
    }
    let mut other = running.logged_in();
    for _ in 0..20 {
        other.say("NOOP", "200");
    }
    let left = hashing.split_off(4);
    for client in &mut hashing {
        client.say("ABOR", "450");
        client.expect("226");
        client.say("NOOP", "200");
    }
    // Those that just go take their digests with them.
    drop(left);
    let end = Instant::now() + Duration::from_secs(20);
    while readers.load(Ordering::SeqCst) > 0 {
        assert!(Instant::now() < end, "somebody still reads");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Two hosts, with a user each.
struct Hosts(Arc<MemoryStorage>);

impl Authenticator for Hosts {
    fn authenticate<'a>(&'a self, login: Login<'a>) -> Verdict<'a> {
        let user: &[u8] = match login.host {
            Some(b"localhost") => b"alice",
            Some(b"other.example.org") => b"bob",
            _ => b"",
        };
        let right = login.user == user;
        Box::pin(async move { right.then(|| Account::new(self.0.clone())) })
    }

    fn host<'a>(&'a self, name: &'a [u8]) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let known = matches!(name, b"localhost" | b"other.example.org");
        Box::pin(async move { known })
    }
}

/// RFC 7151 sections 3.2 and 4.
#[test]
fn a_virtual_host_is_chosen_before_the_login_and_agrees_with_tls() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pem, key) = (
        certificate.cert.pem(),
        certificate.signing_key.serialize_pem(),
    );
    let tls = ServerTls::builder().certificate_pem(pem.as_bytes(), key.as_bytes());
    let server = Server::builder(Hosts(Arc::new(MemoryStorage::new())))
        .tls(tls.build().unwrap())
        .configure(|config| {
            config.security = Security::optional();
            config.virtual_hosts = true;
        })
        .listen("127.0.0.1:0")
        .build()
        .unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let running = thread::spawn(|| smol::block_on(server.run()));

    let mut line = Line::new(from(Ipv4Addr::LOCALHOST, address));
    line.expect("220");
    line.say("HOST nowhere.example.org", "504");
    line.say("HOST other.example.org", "220");
    line.say("USER bob", "331");
    line.say("PASS x", "230");
    line.say("HOST localhost", "503");

    smol::block_on(async {
        let mut client = crate::Client::builder()
            .ca_pem(pem)
            .connect("localhost", address.port())
            .await
            .unwrap();
        let refused = client.command("HOST other.example.org").await.unwrap_err();
        let failure = refused.failure().unwrap();
        assert_eq!(failure.code.map(|code| code.value()), Some(503));
        assert_eq!(
            client.command("HOST localhost").await.unwrap().code.value(),
            220
        );
        let password = crate::Secret::new(b"x");
        client.login("alice", password).await.unwrap();
        client.quit().await.unwrap();
    });
    handle.shutdown(Duration::ZERO);
    running.join().unwrap().unwrap();
}
