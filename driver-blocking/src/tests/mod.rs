//! The client against a scripted server on loopback.

mod tls;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ftp_proto::client::{ClearText, DataMode, DataModes, Security};
use ftp_proto::{Category, FailureKind, Proof, Refusal};

use crate::{Builder, CancelHandle, Client, Error, Secret, TransferOptions};

/// A control connection, from the server's chair.
struct Server {
    lines: BufReader<TcpStream>,
    control: TcpStream,
    passive: Option<TcpListener>,
    data: Option<TcpStream>,
}

impl Server {
    fn say(&mut self, text: &str) {
        self.control.write_all(text.as_bytes()).unwrap();
        self.control.write_all(b"\r\n").unwrap();
    }

    /// The next command; empty at the end.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Expects a command and answers it.
    fn expect(&mut self, command: &str, reply: &str) {
        assert_eq!(self.hear(), command);
        self.say(reply);
    }

    fn login(&mut self) {
        self.say("220 hello");
        self.expect("USER joe", "331 password");
        self.expect("PASS secret", "230 in");
    }

    fn epsv(&mut self) {
        assert_eq!(self.hear(), "EPSV");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        self.passive = Some(listener);
        self.say(&format!("229 go (|||{port}|)"));
    }

    fn open(&mut self) -> &mut TcpStream {
        let (data, _) = self.passive.take().unwrap().accept().unwrap();
        self.data.insert(data)
    }

    /// TYPE I, SIZE refused, EPSV, RETR.
    fn retr(&mut self, name: &str) -> &mut TcpStream {
        self.expect("TYPE I", "200 binary");
        self.expect(&format!("SIZE {name}"), "550 no idea");
        self.epsv();
        assert_eq!(self.hear(), format!("RETR {name}"));
        self.say("150 here it comes");
        self.open()
    }

    fn stor(&mut self, name: &str) -> &mut TcpStream {
        self.expect("TYPE I", "200 binary");
        self.epsv();
        assert_eq!(self.hear(), format!("STOR {name}"));
        self.say("150 go on");
        self.open()
    }

    fn quit(&mut self) {
        self.expect("QUIT", "221 bye");
    }
}

/// A server that does `script` on its first connection.
fn serve<T: Send + 'static>(
    script: impl FnOnce(&mut Server) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (control, _) = listener.accept().unwrap();
        control
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        script(&mut Server {
            lines: BufReader::new(control.try_clone().unwrap()),
            control,
            passive: None,
            data: None,
        })
    });
    (address, server)
}

fn builder() -> Builder {
    Client::builder()
        .security(Security::clear(ClearText::Everybody))
        .timeout(Duration::from_secs(20))
}

fn connect(builder: Builder, address: SocketAddr) -> Client {
    builder.connect("127.0.0.1", address.port()).unwrap()
}

fn logged_in(address: SocketAddr) -> Client {
    let mut client = connect(builder(), address);
    client.login("joe", Secret::new(b"secret")).unwrap();
    client
}

/// More than all buffers on the way together.
fn much() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn login_and_download_leave_in_one_write() {
    let (address, server) = serve(|server| {
        server.say("220 hello");
        // All of it is there before the first reply.
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "RETR file") {
            lines.push(server.hear());
            if lines.last().is_some_and(|line| line == "EPSV") {
                break;
            }
        }
        server.say("331 password\r\n230 in\r\n200 binary\r\n550 no idea");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        server.passive = Some(listener);
        lines.push(server.hear());
        server.say(&format!("229 go (|||{port}|)\r\n150 here"));
        server.open().write_all(b"payload").unwrap();
        server.data = None;
        server.say("226 done");
        lines
    });
    let mut client = connect(builder(), address);
    client
        .begin_login("joe", Secret::new(b"secret"), None)
        .unwrap();
    let mut sink = Vec::new();
    let transfer = client.retrieve("file", &mut sink).unwrap();
    assert_eq!(sink, b"payload");
    assert_eq!(transfer.proof, Proof::CleanEnd);
    assert_eq!(
        server.join().unwrap(),
        [
            "USER joe",
            "PASS secret",
            "TYPE I",
            "SIZE file",
            "EPSV",
            "RETR file"
        ]
    );
}

#[test]
fn a_refused_login_is_what_the_call_that_carried_it_tells() {
    let (address, server) = serve(|server| {
        server.say("220 hello");
        server.expect("USER joe", "331 password");
        server.expect("PASS secret", "530 no");
        while !matches!(server.hear().as_str(), "" | "QUIT") {
            server.say("530 log in first");
        }
    });
    let mut client = connect(builder(), address);
    client
        .begin_login("joe", Secret::new(b"secret"), None)
        .unwrap();
    let error = client.retrieve("file", &mut io::sink()).unwrap_err();
    assert_eq!(error.category(), Category::Login);
    assert!(error.to_string().contains("530 no"), "{error}");
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_reader_gives_all_bytes_and_then_the_verdict() {
    let (address, server) = serve(|server| {
        server.login();
        server.retr("file").write_all(&much()).unwrap();
        server.data = None;
        server.say("226 done");
        server.expect("NOOP", "200 fine");
        server.quit();
    });
    let mut client = logged_in(address);
    let mut reader = client.reader("file").unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == much());
    assert_eq!(reader.finish().unwrap().bytes, 3_000_000);
    client.noop().unwrap();
    client.quit().unwrap();
    server.join().unwrap();
}

#[test]
fn a_reader_never_ends_well_where_the_transfer_does_not() {
    let (address, server) = serve(|server| {
        server.login();
        server.retr("file").write_all(b"half").unwrap();
        server.data = None;
        server.say("451 disk broken");
        server.quit();
    });
    let mut client = logged_in(address);
    let mut reader = client.reader("file").unwrap();
    let mut bytes = Vec::new();
    assert!(reader.read_to_end(&mut bytes).is_err());
    assert_eq!(bytes, b"half");
    let error = reader.finish().unwrap_err();
    assert!(error.to_string().contains("451 disk broken"), "{error}");
    client.quit().unwrap();
    server.join().unwrap();
}

#[test]
fn a_refused_reader_is_refused_at_once() {
    let (address, server) = serve(|server| {
        server.login();
        server.expect("TYPE I", "200 binary");
        server.expect("SIZE file", "550 no");
        server.epsv();
        server.expect("RETR file", "550 no such file");
        server.quit();
    });
    let mut client = logged_in(address);
    let error = client.reader("file").map(drop).unwrap_err();
    assert_eq!(error.category(), Category::Refused);
    client.quit().unwrap();
    server.join().unwrap();
}

#[test]
fn a_dropped_reader_aborts_and_the_session_goes_on() {
    let (address, server) = serve(|server| {
        server.login();
        let mut data = server.retr("file").try_clone().unwrap();
        let sender = thread::spawn(move || while data.write_all(&[7; 65536]).is_ok() {});
        // Telnet signals may stand before the command.
        assert!(server.hear().ends_with("ABOR"));
        server.data = None;
        sender.join().unwrap();
        server.say("426 broken off\r\n226 aborted");
        loop {
            match server.hear().as_str() {
                "PWD" => server.say("257 \"/\""),
                "NOOP" => break server.say("200 fine"),
                other => panic!("{other}"),
            }
        }
    });
    let mut client = logged_in(address);
    let mut reader = client.reader("file").unwrap();
    let mut some = [0; 1000];
    reader.read_exact(&mut some).unwrap();
    drop(reader);
    client.noop().unwrap();
    server.join().unwrap();
}

#[test]
fn a_writer_sends_all_bytes_and_the_end() {
    let (address, server) = serve(|server| {
        server.login();
        let mut bytes = Vec::new();
        server.stor("file").read_to_end(&mut bytes).unwrap();
        server.data = None;
        server.say("226 stored");
        bytes
    });
    let mut client = logged_in(address);
    let mut writer = client.writer("file").unwrap();
    for piece in much().chunks(100_000) {
        writer.write_all(piece).unwrap();
    }
    writer.flush().unwrap();
    assert_eq!(writer.finish().unwrap().bytes, 3_000_000);
    assert!(server.join().unwrap() == much());
}

#[test]
fn a_server_that_breaks_an_upload_off_is_quoted() {
    let (address, server) = serve(|server| {
        server.login();
        let mut some = [0; 1000];
        let data = server.stor("file");
        data.read_exact(&mut some).unwrap();
        // With bytes unread this is a reset.
        server.data = None;
        server.say("452 disk full");
        server.expect("NOOP", "200 fine");
    });
    let mut client = logged_in(address);
    let error = client.store("file", &mut io::repeat(7)).unwrap_err();
    assert!(error.to_string().contains("452 disk full"), "{error}");
    client.noop().unwrap();
    server.join().unwrap();
}

#[test]
fn what_breaks_on_our_side_comes_back_as_it_was() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
    let (address, server) = serve(|server| {
        server.login();
        let _ = server.retr("file").write_all(b"bytes");
        server.say("426 you left\r\n");
        loop {
            match server.hear().as_str() {
                "EPSV" => {
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    let port = listener.local_addr().unwrap().port();
                    server.passive = Some(listener);
                    server.say(&format!("229 go (|||{port}|)"));
                }
                "STOR file" => {
                    server.say("150 go on");
                    let mut rest = Vec::new();
                    let _ = server.open().read_to_end(&mut rest);
                    server.data = None;
                    server.say("226 stored what came");
                }
                "PWD" => server.say("257 \"/\""),
                line if line.ends_with("ABOR") => server.say("226 nothing to abort"),
                "NOOP" => break server.say("200 fine"),
                _ => server.say("500 what"),
            }
        }
    });
    let mut client = logged_in(address);
    match client.retrieve("file", &mut Full).unwrap_err() {
        Error::Local(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other}"),
    }
    match client.store("file", &mut Broken).unwrap_err() {
        Error::Local(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
        other => panic!("{other}"),
    }
    client.noop().unwrap();
    server.join().unwrap();
}

#[test]
fn line_ends_are_converted_both_ways() {
    let (address, server) = serve(|server| {
        server.login();
        server.expect("TYPE A", "200 text");
        server.epsv();
        assert_eq!(server.hear(), "RETR file");
        server.say("150 here it comes");
        let data = server.open();
        data.write_all(b"one\r").unwrap();
        data.write_all(b"\ntwo\r\nlast\r").unwrap();
        server.data = None;
        server.say("226 done");
        server.epsv();
        assert_eq!(server.hear(), "STOR file");
        server.say("150 go on");
        let mut bytes = Vec::new();
        server.open().read_to_end(&mut bytes).unwrap();
        server.data = None;
        server.say("226 stored");
        bytes
    });
    let how = TransferOptions {
        ascii: true,
        ..TransferOptions::default()
    };
    let mut client = logged_in(address);
    let mut sink = Vec::new();
    let transfer = client.retrieve_with("file", how, &mut sink).unwrap();
    assert_eq!(sink, b"one\ntwo\nlast\r");
    assert_eq!(transfer.bytes, 15, "as it travelled");
    client
        .store_with("file", how, &mut &b"one\ntwo\r\n"[..])
        .unwrap();
    assert_eq!(server.join().unwrap(), b"one\r\ntwo\r\n");
}

#[test]
fn the_server_connects_to_us_and_a_stranger_does_not_get_in() {
    let (address, server) = serve(|server| {
        server.login();
        let line = server.hear();
        let numbers: Vec<u16> = line
            .strip_prefix("PORT ")
            .unwrap()
            .split(',')
            .map(|number| number.parse().unwrap())
            .collect();
        let port = numbers[4] * 256 + numbers[5];
        // From another address of this machine.
        let stranger = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let stranger = stranger.unwrap();
        let elsewhere: SocketAddr = "127.0.0.2:0".parse().unwrap();
        let refused = stranger.bind(&elsewhere.into()).is_ok();
        if refused {
            let target: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
            stranger.connect(&target.into()).unwrap();
        }
        server.say("200 thanks");
        assert_eq!(server.hear(), "NLST");
        server.say("150 here it comes");
        if refused {
            let mut stranger = TcpStream::from(stranger);
            assert_eq!(stranger.read(&mut [0; 10]).unwrap_or(0), 0);
        }
        let mut data = TcpStream::connect(("127.0.0.1", port)).unwrap();
        data.write_all(b"a\r\nb\r\n").unwrap();
        drop(data);
        server.say("226 done");
    });
    let modes = DataModes::new(&[DataMode::Port]).unwrap();
    let builder = builder().configure(|config| config.data_modes = modes);
    let mut client = connect(builder, address);
    client.login("joe", Secret::new(b"secret")).unwrap();
    assert_eq!(client.names("").unwrap(), b"a\r\nb\r\n");
    server.join().unwrap();
}

#[test]
fn a_queue_is_received_in_order_and_keeps_others_out() {
    let (address, server) = serve(|server| {
        server.login();
        server.retr("a").write_all(b"A").unwrap();
        server.data = None;
        // The second transfer begins before the first is confirmed, and fails after it.
        server.say("226 done");
        server.expect("SIZE b", "550 no idea");
        server.epsv();
        server.expect("RETR b", "550 no such file");
        server.expect("SIZE c", "550 no idea");
        server.epsv();
        assert_eq!(server.hear(), "RETR c");
        server.say("150 here it comes");
        server.open().write_all(b"C").unwrap();
        server.data = None;
        server.say("226 done");
        server.quit();
    });
    let mut client = logged_in(address);
    let how = TransferOptions::default();
    let a = client.queue_retrieve("a", how).unwrap();
    let b = client.queue_retrieve("b", how).unwrap();
    let c = client.queue_retrieve("c", how).unwrap();
    assert!(matches!(
        client.noop().unwrap_err(),
        Error::Refused(Refusal::Busy)
    ));
    let mut sink = Vec::new();
    client.receive(a, &mut sink).unwrap();
    let error = client.receive(b, &mut sink).unwrap_err();
    assert_eq!(error.category(), Category::Refused);
    client.receive(c, &mut sink).unwrap();
    assert_eq!(sink, b"AC");
    client.quit().unwrap();
    server.join().unwrap();
}

#[test]
fn a_silent_server_does_not_keep_a_cancelled_call() {
    let (waiting, waits) = mpsc::channel();
    let (address, server) = serve(move |server| {
        server.login();
        assert_eq!(server.hear(), "NOOP");
        waiting.send(()).unwrap();
        // Nothing more, to the end.
        server.hear()
    });
    let cancel = CancelHandle::new();
    let mut client = connect(builder().cancel_handle(&cancel), address);
    client.login("joe", Secret::new(b"secret")).unwrap();
    let canceller = thread::spawn(move || {
        waits.recv().unwrap();
        cancel.cancel();
        Instant::now()
    });
    assert!(matches!(client.noop().unwrap_err(), Error::Cancelled));
    let cancelled = canceller.join().unwrap();
    assert!(cancelled.elapsed() < Duration::from_secs(5));
    drop(client);
    assert_eq!(server.join().unwrap(), "");
}

#[test]
fn a_cancelled_transfer_is_aborted_and_the_session_can_go_on() {
    let (address, server) = serve(move |server| {
        server.login();
        server.retr("file").write_all(b"some").unwrap();
        assert!(server.hear().ends_with("ABOR"));
        server.data = None;
        server.say("426 broken off\r\n226 aborted");
        loop {
            match server.hear().as_str() {
                "PWD" => server.say("257 \"/\""),
                "NOOP" => break server.say("200 fine"),
                other => panic!("{other}"),
            }
        }
    });
    /// Cancels at the first byte.
    struct Canceller(CancelHandle, usize);
    impl Write for Canceller {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.cancel();
            self.1 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let cancel = CancelHandle::new();
    let mut client = connect(builder().cancel_handle(&cancel), address);
    client.login("joe", Secret::new(b"secret")).unwrap();
    let mut sink = Canceller(cancel, 0);
    let error = client.retrieve("file", &mut sink).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert_eq!(sink.1, 4);
    client.noop().unwrap();
    server.join().unwrap();
}

#[test]
fn a_transfer_that_does_not_move_ends_in_time() {
    let (address, server) = serve(|server| {
        server.login();
        server.retr("file").write_all(b"some").unwrap();
        // The data connection stays open; what the client says meanwhile is answered.
        loop {
            match server.hear().as_str() {
                "" => break,
                "PWD" => server.say("257 \"/\""),
                _ => server.say("226 fine"),
            }
        }
    });
    let builder = builder().timeout(Duration::from_millis(300));
    let mut client = connect(builder, address);
    client.login("joe", Secret::new(b"secret")).unwrap();
    let began = Instant::now();
    let error = client.retrieve("file", &mut io::sink()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5), "{error}");
    assert!(
        matches!(
            error.failure().map(|failure| failure.kind),
            Some(FailureKind::TimedOut(_) | FailureKind::Truncated { .. })
        ),
        "{error}"
    );
    drop(client);
    server.join().unwrap();
}

#[test]
fn replies_before_a_reset_are_heard() {
    let (address, server) = serve(|server| {
        server.login();
        server.say("421 going down");
        server.control.shutdown(Shutdown::Both).unwrap();
    });
    let mut client = logged_in(address);
    server.join().unwrap();
    let error = client.noop().unwrap_err();
    assert_eq!(error.category(), Category::Connect);
    assert!(error.to_string().contains("421 going down"), "{error}");
    assert!(matches!(
        client.noop().unwrap_err(),
        Error::Refused(Refusal::Closed)
    ));
}

#[test]
fn no_flow_in_clear_where_tls_is_required() {
    let (address, server) = serve(|server| {
        server.say("220 hello");
        server.expect("AUTH TLS", "500 what");
        server.expect("AUTH SSL", "500 what");
        server.hear()
    });
    let pin = [0; 32];
    let mut client = Client::builder()
        .pin_sha256(ftp_proto::tls::Fingerprint(pin))
        .connect("127.0.0.1", address.port())
        .unwrap();
    let error = client.login("joe", Secret::new(b"secret")).unwrap_err();
    assert_eq!(error.category(), Category::Tls);
    assert_eq!(server.join().unwrap(), "", "nothing was said afterwards");
}
