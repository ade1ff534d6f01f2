//! The same under TLS, with a server made of the core's own channels.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ftp_proto::client::Security;
use ftp_proto::tls::{Channel, ServerTls, ServerTlsSession, Verdict};
use ftp_proto::{Category, FailureKind, Proof, TransferOptions};

use crate::{Builder, Client, Error, Secret};

const NAME: &str = "localhost";

/// One connection under TLS, from the server's chair; blocking.
struct Secure {
    channel: Channel,
    socket: TcpStream,
    raw: Vec<u8>,
}

impl Secure {
    fn accept(session: &ServerTlsSession, socket: TcpStream) -> Secure {
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut secure = Secure {
            channel: session.accept().unwrap(),
            socket,
            raw: Vec::new(),
        };
        while secure.channel.is_handshaking() {
            secure.turn();
        }
        secure.flush();
        secure
    }

    fn flush(&mut self) {
        while self.channel.wants_write() {
            self.channel.write_to(&mut self.socket).unwrap();
        }
    }

    /// Sends what is due and takes what comes. False at the end of the stream.
    fn turn(&mut self) -> bool {
        self.flush();
        if self.raw.is_empty() {
            let mut piece = [0; 4096];
            let count = self.socket.read(&mut piece).unwrap();
            self.raw.extend_from_slice(&piece[..count]);
            if count == 0 {
                return false;
            }
        }
        let taken = self.channel.feed(&self.raw).unwrap();
        self.raw.drain(..taken);
        true
    }

    fn say(&mut self, text: &str) {
        self.send(format!("{text}\r\n").as_bytes());
    }

    fn send(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.channel.write(bytes);
            bytes = &bytes[count..];
            self.flush();
        }
    }

    fn hear(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            if self.channel.read(&mut byte) == 1 {
                line.push(byte[0]);
            } else if !self.turn() {
                break;
            }
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    fn expect(&mut self, command: &str, reply: &str) {
        assert_eq!(self.hear(), command);
        self.say(reply);
    }

    /// All bytes up to the peer's close_notify.
    fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match self.channel.read(&mut piece) {
                0 if self.channel.peer_closed() => return bytes,
                0 => assert!(self.turn(), "the stream ended without close_notify"),
                count => bytes.extend_from_slice(&piece[..count]),
            }
        }
    }

    fn close(&mut self) {
        self.channel.close();
        self.flush();
    }

    fn login(&mut self) {
        self.expect("USER joe", "331 password");
        self.expect("PASS secret", "230 in");
        self.expect("PBSZ 0", "200 fine");
        self.expect("PROT P", "200 private");
    }

    fn epsv(&mut self) -> TcpListener {
        assert_eq!(self.hear(), "EPSV");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        self.say(&format!("229 go (|||{port}|)"));
        listener
    }
}

/// A server with a certificate of its own making, up to TLS by AUTH.
fn serve<T: Send + 'static>(
    script: impl FnOnce(&mut Secure, &ServerTlsSession) -> T + Send + 'static,
) -> (Builder, u16, thread::JoinHandle<T>) {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let key = made.signing_key.serialize_pem();
    let tls = ServerTls::builder()
        .certificate_pem(certificate.as_bytes(), key.as_bytes())
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut control, _) = listener.accept().unwrap();
        control.write_all(b"220 hello\r\n").unwrap();
        let mut line = [0; 10];
        control.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"AUTH TLS\r\n");
        control.write_all(b"234 go on\r\n").unwrap();
        let session = tls.session();
        script(&mut Secure::accept(&session, control), &session)
    });
    let builder = Client::builder()
        .ca_pem(certificate)
        .server_name(NAME)
        .timeout(Duration::from_secs(20));
    (builder, port, server)
}

fn logged_in(builder: Builder, port: u16) -> Client {
    let mut client = builder.connect("127.0.0.1", port).unwrap();
    client.login("joe", Secret::new(b"secret")).unwrap();
    client
}

/// Waits until the other side has closed, and whether it said so before.
fn closed_well(data: &mut Secure) -> bool {
    while !data.channel.peer_closed() && data.turn() {}
    data.channel.peer_closed()
}

#[test]
fn both_ways_under_tls_and_then_the_control_connection_in_clear() {
    let (builder, port, server) = serve(|control, session| {
        control.login();
        control.expect("TYPE I", "200 binary");
        control.expect("SIZE file", "550 no idea");
        let listener = control.epsv();
        assert_eq!(control.hear(), "RETR file");
        control.say("150 here it comes");
        let mut data = Secure::accept(session, listener.accept().unwrap().0);
        assert!(data.channel.handshake().unwrap().resumed);
        data.send(&vec![7; 1_000_000]);
        data.close();
        // The reply comes only when the client has closed.
        assert!(closed_well(&mut data));
        control.say("226 done");

        let listener = control.epsv();
        assert_eq!(control.hear(), "STOR file");
        control.say("150 go on");
        let mut data = Secure::accept(session, listener.accept().unwrap().0);
        assert!(data.channel.handshake().unwrap().resumed);
        let stored = data.read_to_end();
        data.close();
        drop(data);
        control.say("226 stored");

        assert_eq!(control.hear(), "CCC");
        control.say("200 in clear now");
        control.close();
        assert!(closed_well(control));
        // What comes now is clear text, and part of it may have come already.
        let mut line = std::mem::take(&mut control.raw);
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            control.socket.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        control.socket.write_all(b"200 fine\r\n").unwrap();
        (stored, line)
    });
    let builder = builder.security(Security::required().allow_ccc());
    let mut client = logged_in(builder, port);
    assert!(client.tls().is_some());
    assert_eq!(client.server_identity().unwrap().verdict, Verdict::Trusted);
    let mut sink = Vec::new();
    let transfer = client.retrieve("file", &mut sink).unwrap();
    assert_eq!(
        (transfer.bytes, transfer.proof),
        (1_000_000, Proof::CleanEnd)
    );
    assert!(sink.iter().all(|byte| *byte == 7));
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 253) as u8).collect();
    let transfer = client.store("file", &mut &sent[..]).unwrap();
    assert_eq!(
        (transfer.bytes, transfer.proof),
        (1_000_000, Proof::CleanEnd)
    );
    client.clear_command_channel().unwrap();
    assert!(client.tls().is_none());
    client.noop().unwrap();
    let (stored, line) = server.join().unwrap();
    assert!(stored == sent);
    assert_eq!(line, b"NOOP\r\n");
}

#[test]
fn behind_an_upload_it_is_the_server_that_closes_first() {
    let (builder, port, server) = serve(|control, session| {
        control.login();
        control.expect("TYPE I", "200 binary");
        let listener = control.epsv();
        assert_eq!(control.hear(), "STOR a");
        control.say("150 go on");
        let mut data = Secure::accept(session, listener.accept().unwrap().0);
        let stored = data.read_to_end();
        let begun = Instant::now();
        data.close();
        // The next command shows that the client has closed. It waits for the end of TCP, though not for long.
        let wait = |control: &Secure, time| control.socket.set_read_timeout(Some(time)).unwrap();
        wait(control, Duration::from_millis(100));
        let closed = control.socket.peek(&mut [0]).is_ok();
        assert!(!closed || begun.elapsed() >= Duration::from_millis(200));
        wait(control, Duration::from_secs(20));
        drop(data);
        control.say("226 stored");
        let listener = control.epsv();
        assert_eq!(control.hear(), "STOR b");
        control.say("150 go on");
        let mut data = Secure::accept(session, listener.accept().unwrap().0);
        data.read_to_end();
        data.close();
        // Here the confirmation comes first, and is enough.
        control.say("226 stored");
        control.expect("NOOP", "200 fine");
        stored
    });
    let mut client = logged_in(builder, port);
    let first = client.queue_store("a", TransferOptions::default()).unwrap();
    let second = client.queue_store("b", TransferOptions::default()).unwrap();
    let first = client.send(first, &mut &b"bytes"[..]).unwrap();
    let second = client.send(second, &mut &b"more"[..]).unwrap();
    assert_eq!(
        (first.proof, second.proof),
        (Proof::CleanEnd, Proof::CleanEnd)
    );
    client.noop().unwrap();
    assert_eq!(server.join().unwrap(), b"bytes");
}

#[test]
fn a_download_that_is_cut_off_is_no_success_whatever_the_server_says() {
    let (builder, port, server) = serve(|control, session| {
        control.login();
        control.expect("TYPE I", "200 binary");
        control.expect("SIZE file", "550 no idea");
        let listener = control.epsv();
        assert_eq!(control.hear(), "RETR file");
        control.say("150 here it comes");
        let mut data = Secure::accept(session, listener.accept().unwrap().0);
        data.send(b"half of it");
        drop(data);
        control.say("226 done");
        control.hear()
    });
    let mut client = logged_in(builder, port);
    let mut sink = Vec::new();
    let error = client.retrieve("file", &mut sink).unwrap_err();
    assert_eq!(sink, b"half of it");
    assert!(
        matches!(
            error.failure().unwrap().kind,
            FailureKind::Truncated { bytes: 10, .. }
        ),
        "{error}"
    );
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_certificate_nobody_vouches_for_ends_it_before_the_password() {
    let (_, port, server) = serve(|control, _| control.hear());
    let other = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let mut client = Client::builder()
        .ca_pem(other.cert.pem())
        .server_name(NAME)
        .connect("127.0.0.1", port)
        .unwrap();
    let error = client.login("joe", Secret::new(b"secret")).unwrap_err();
    assert_eq!(error.category(), Category::Tls);
    let Error::Failed(failed) = &error else {
        panic!("{error}");
    };
    assert!(failed.tls.is_some());
    let refused = client.server_identity().unwrap();
    assert!(matches!(refused.verdict, Verdict::Refused(_)));
    // The handshake fails at the server too.
    assert!(server.join().is_err());
}

#[test]
fn the_disk_may_fill_up_under_tls_too() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (builder, port, server) = serve(|control, session| {
        control.login();
        control.expect("TYPE I", "200 binary");
        control.expect("SIZE file", "550 no idea");
        let listener = control.epsv();
        assert_eq!(control.hear(), "RETR file");
        control.say("150 here it comes");
        let mut data = Secure::accept(session, listener.accept().unwrap().0);
        data.send(b"bytes");
        // Neither close_notify nor an end: it has failed.
        let end = data.socket.read(&mut [0; 100]);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        control.say("426 you left");
        loop {
            match control.hear().as_str() {
                "" => break,
                "PWD" => control.say("257 \"/\""),
                line if line.ends_with("ABOR") => control.say("226 nothing to abort"),
                _ => control.say("200 fine"),
            }
        }
    });
    let mut client = logged_in(builder, port);
    match client.retrieve("file", &mut Full).unwrap_err() {
        Error::Local(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other}"),
    }
    client.noop().unwrap();
    drop(client);
    server.join().unwrap();
}
