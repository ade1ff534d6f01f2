//! Every way a handshake can fail, provoked over sockets, and what it is called.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ftp_proto::client::Security;
use ftp_proto::tls::{Decision, Fingerprint, ServerTls, TlsFailure, Untrusted, Verdict, Version};
use ftp_proto::wire::first_bytes::FirstBytes;
use ftp_proto::{FailureKind, Timer, TlsFault};
use ftp_proto_blocking::{Builder, Client, Error, Secret};
use ftp_proto_tests::certs::Authority;
use ftp_proto_tests::peers::{self, Certificate, Kind, Options, Server, Tls, Versions};
use socket2::SockRef;

use crate::session::{Session, bytes};

/// What a client ends with that connects to `host` and logs in.
fn failure(
    host: &str,
    port: u16,
    change: impl FnOnce(Builder) -> Builder,
) -> (FailureKind, Option<TlsFailure>) {
    let builder = Client::builder().timeout(Duration::from_secs(3));
    let mut client = change(builder).connect(host, port).unwrap();
    match client.login("someone", Secret::new(b"secret")) {
        Err(Error::Failed(failed)) => {
            println!("{failed}");
            (failed.failure.kind, failed.tls)
        }
        other => panic!("{other:?}"),
    }
}

/// The same on a server with our authority trusted.
fn refused(
    server: &Server,
    change: impl FnOnce(Builder) -> Builder,
) -> (FailureKind, Option<TlsFailure>) {
    failure("localhost", server.addr().port(), |builder| {
        change(builder.ca_pem(server.ca_pem()))
    })
}

fn server(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options {
        tls: Tls::Explicit,
        ..Options::default()
    };
    change(&mut options);
    peers::start(Kind::Vsftpd, &options).unwrap()
}

fn sha256(der: &[u8]) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    Fingerprint(digest.as_ref().try_into().unwrap())
}

// ---- certificates

#[test]
fn certificates_that_are_refused() {
    type Expected = fn(&TlsFailure) -> bool;
    let cases: [(Certificate, TlsFault, Expected); 5] = [
        (Certificate::Expired, TlsFault::Expired, |failure| {
            matches!(failure, TlsFailure::Expired { not_after: Some(_) })
        }),
        (Certificate::NotYetValid, TlsFault::Expired, |failure| {
            matches!(
                failure,
                TlsFailure::NotYetValid {
                    not_before: Some(_)
                }
            )
        }),
        (Certificate::WrongName, TlsFault::WrongName, |failure| {
            let expected = TlsFailure::WrongName {
                expected: "localhost".to_owned(),
                presented: vec!["ftp.example.net".to_owned()],
            };
            *failure == expected
        }),
        (
            Certificate::UnknownIssuer,
            TlsFault::UnknownIssuer,
            |failure| *failure == TlsFailure::UnknownIssuer,
        ),
        (Certificate::SelfSigned, TlsFault::Certificate, |failure| {
            *failure == TlsFailure::CaUsedAsEndEntity
        }),
    ];
    for (certificate, fault, expected) in cases {
        for versions in [Versions::Tls12Only, Versions::Tls13Only] {
            let server = server(|options| {
                options.certificate = certificate;
                options.versions = versions;
            });
            let (kind, tls) = refused(&server, |builder| builder);
            assert_eq!(kind, FailureKind::ControlTls(fault), "{certificate:?}");
            assert!(
                tls.as_ref().is_some_and(expected),
                "{certificate:?}: {tls:?}"
            );
        }
    }
}

#[test]
fn a_pin_decides_alone() {
    let server = server(|options| options.certificate = Certificate::SelfSigned);
    let shown = sha256(&server.certificate().certificate_der);
    let (kind, tls) = refused(&server, |builder| builder.pin_sha256(Fingerprint([7; 32])));
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::PinMismatch));
    assert_eq!(tls, Some(TlsFailure::PinMismatch { seen: shown }));
    let session = Session::begin(&server, |builder| builder.pin_sha256(shown));
    session.client.quit().unwrap();
}

#[test]
fn names_may_be_addresses() {
    let fine = server(|_| {});
    let mut client = Client::builder()
        .ca_pem(fine.ca_pem())
        .connect("127.0.0.1", fine.addr().port())
        .unwrap();
    let password = Secret::new(fine.password().as_bytes());
    client.login(fine.user(), password).unwrap();
    client.quit().unwrap();

    let other = server(|options| options.certificate = Certificate::WrongName);
    let (kind, tls) = failure("127.0.0.1", other.addr().port(), |builder| {
        builder.ca_pem(other.ca_pem())
    });
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::WrongName));
    assert!(
        matches!(&tls, Some(TlsFailure::WrongName { expected, .. }) if expected == "127.0.0.1"),
        "{tls:?}"
    );
}

#[test]
fn the_application_decides_about_certificates_nobody_vouches_for() {
    for certificate in [Certificate::SelfSigned, Certificate::UnknownIssuer] {
        for versions in [Versions::Tls12Only, Versions::Tls13Only] {
            let server = server(|options| {
                options.certificate = certificate;
                options.versions = versions;
                options.require_reuse = true;
            });
            let shown = sha256(&server.certificate().certificate_der);
            let asked = Arc::new(Mutex::new(Vec::new()));
            let hook = |decision| {
                let asked = Arc::clone(&asked);
                move |untrusted: &Untrusted<'_>| {
                    assert_eq!(untrusted.server_name, "localhost");
                    assert_eq!(untrusted.leaf_sha256, shown);
                    assert_eq!(sha256(&untrusted.chain[0]), shown);
                    asked.lock().unwrap().push(untrusted.reason.clone());
                    decision
                }
            };
            let (kind, _) = refused(&server, |builder| {
                builder.on_untrusted(hook(Decision::Refuse))
            });
            assert!(matches!(kind, FailureKind::ControlTls(_)), "{kind:?}");
            let mut session = Session::begin(&server, |builder| {
                builder.on_untrusted(hook(Decision::Trust))
            });
            let reasons = std::mem::take(&mut *asked.lock().unwrap());
            assert_eq!(reasons.len(), 2);
            assert_eq!(reasons[0], reasons[1]);
            let identity = session.client.server_identity().unwrap();
            assert_eq!(
                identity.verdict,
                Verdict::TrustedInSpiteOf(reasons[0].clone())
            );
            let content = bytes(1, 50_000);
            session
                .client
                .store("trusted", &mut content.as_slice())
                .unwrap();
            session.client.quit().unwrap();
            assert!(asked.lock().unwrap().is_empty(), "asked again for data");
        }
    }
}

// ---- client certificates

#[test]
fn a_client_certificate_is_asked_for() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib] {
        for versions in [Versions::Tls12Only, Versions::Tls13Only] {
            let options = Options {
                tls: Tls::Explicit,
                versions,
                client_certificate: true,
                ..Options::default()
            };
            let server = peers::start(kind, &options).unwrap();
            let (failed, tls) = refused(&server, |builder| builder);
            println!("{kind} {versions:?} without: {failed:?} {tls:?}");
            assert_eq!(tls, Some(TlsFailure::ClientCertificateRequired), "{kind}");

            let stranger = Authority::new().unwrap().client("someone").unwrap();
            let (failed, tls) = refused(&server, |builder| {
                builder.client_certificate_pem(stranger.certificate, stranger.key)
            });
            println!("{kind} {versions:?} a stranger's: {failed:?} {tls:?}");
            assert!(
                matches!(tls, Some(TlsFailure::ClientCertificateRefused(_))),
                "{kind}: {tls:?}"
            );

            let own = server.authority().client(server.user()).unwrap();
            let session = Session::begin(&server, |builder| {
                builder.client_certificate_pem(own.certificate, own.key)
            });
            session.client.quit().unwrap();
        }
    }
}

// ---- versions, ciphers, protocols

#[test]
fn versions_that_do_not_meet() {
    for (versions, ours) in [
        (Versions::Tls12Only, Version::Tls13),
        (Versions::Tls13Only, Version::Tls12),
    ] {
        let server = server(|options| options.versions = versions);
        let (kind, tls) = refused(&server, |builder| {
            builder.tls_min_version(ours).tls_max_version(ours)
        });
        assert_eq!(kind, FailureKind::ControlTls(TlsFault::Version));
        assert!(
            matches!(tls, Some(TlsFailure::ProtocolVersion { .. })),
            "{tls:?}"
        );
    }
}

#[test]
fn servers_from_before_tls_1_2_and_without_forward_secrecy() {
    let old = OpenSsl::start(&["-tls1", "-cipher", "ALL:@SECLEVEL=0"]);
    let (kind, tls) = old.failure();
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::Version));
    assert!(
        matches!(tls, Some(TlsFailure::ProtocolVersion { .. })),
        "{tls:?}"
    );
    drop(old);
    let (kind, tls) = OpenSsl::start(&["-tls1_2", "-cipher", "AES128-SHA"]).failure();
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::NoCommonCipher));
    assert_eq!(tls, Some(TlsFailure::NoCommonCipher));
}

/// Anyone on the way can send the alert: so nothing else is offered on its own, and the caller may connect again.
#[test]
fn a_server_of_another_protocol() {
    let authority = Authority::shared().unwrap();
    let certificate = authority.server(Certificate::Valid).unwrap();
    let tls = ServerTls::builder()
        .certificate_pem(
            certificate.certificate.as_bytes(),
            certificate.key.as_bytes(),
        )
        .alpn(&[b"imap"])
        .build()
        .unwrap();
    let address = scripted(2, move |mut stream| {
        greet(&mut stream);
        let mut channel = tls.session().accept().unwrap();
        let mut buffer = [0; 4096];
        loop {
            while channel.wants_write() {
                channel.write_to(&mut stream).unwrap();
            }
            if channel.failure().is_some() {
                return;
            }
            let count = stream.read(&mut buffer).unwrap_or(0);
            if count == 0 {
                return;
            }
            let _ = channel.feed(&buffer[..count]);
            while !channel.plaintext().is_empty() {
                let said = channel.plaintext();
                let (count, lines) = (
                    said.len(),
                    said.iter().filter(|byte| **byte == b'\n').count(),
                );
                channel.consume(count);
                for _ in 0..lines {
                    channel.write(b"530 nobody may\r\n");
                }
            }
        }
    });
    let trusting = |builder: Builder| builder.ca_pem(authority.pem());
    let (kind, tls) = failure("localhost", address.port(), trusting);
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::ApplicationProtocol));
    assert_eq!(tls, Some(TlsFailure::NoApplicationProtocol));
    let (kind, _) = failure("localhost", address.port(), |builder| {
        trusting(builder).without_alpn()
    });
    assert_eq!(kind, FailureKind::LoginRefused);
}

// ---- no TLS at all

#[test]
fn clear_text_where_tls_should_be() {
    let plain = peers::start(Kind::ProFtpd, &Options::default()).unwrap();
    let (kind, tls) = failure("localhost", plain.addr().port(), |builder| {
        builder.security(Security::implicit())
    });
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::NotTls));
    assert!(
        matches!(&tls, Some(TlsFailure::NotTls { looks_like: FirstBytes::FtpReply, sample, .. })
            if sample.starts_with(b"220")),
        "{tls:?}"
    );
    let address = scripted(1, |mut stream| {
        greet(&mut stream);
        hello(&mut stream);
        stream.write_all(b"500 what\r\n").unwrap();
        let _ = stream.read(&mut [0; 100]);
    });
    let (kind, tls) = failure("localhost", address.port(), |builder| builder);
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::NotTls));
    assert!(matches!(tls, Some(TlsFailure::NotTls { .. })), "{tls:?}");
}

#[test]
fn a_connection_cut_in_the_handshake() {
    let closed = scripted(1, |mut stream| {
        greet(&mut stream);
        hello(&mut stream);
    });
    let (kind, tls) = failure("localhost", closed.port(), |builder| builder);
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::ClosedAtHello));
    assert_eq!(tls, Some(TlsFailure::EofAtClientHello));

    let reset = scripted(1, |mut stream| {
        greet(&mut stream);
        hello(&mut stream);
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    });
    let (kind, tls) = failure("localhost", reset.port(), |builder| builder);
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::Reset));
    assert_eq!(tls, Some(TlsFailure::Reset { handshaking: true }));

    let halfway = scripted(1, |mut stream| {
        greet(&mut stream);
        hello(&mut stream);
        // The head of a record that never comes.
        stream.write_all(&[0x16, 3, 3, 0, 100, 2]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read(&mut [0; 100]);
    });
    let (kind, tls) = failure("localhost", halfway.port(), |builder| builder);
    assert_eq!(kind, FailureKind::ControlTls(TlsFault::ClosedInHandshake));
    assert_eq!(tls, Some(TlsFailure::EofInHandshake));
}

#[test]
fn silence_after_234() {
    let address = scripted(1, |mut stream| {
        greet(&mut stream);
        hello(&mut stream);
        let _ = stream.read(&mut [0; 100]);
    });
    let begun = Instant::now();
    let (kind, tls) = failure("localhost", address.port(), |builder| {
        builder.timeout(Duration::from_secs(1))
    });
    assert_eq!(kind, FailureKind::TimedOut(Timer::Handshake));
    assert_eq!(tls, None);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(1) && waited < Duration::from_secs(3));
}

// ---- bytes that hurry ahead of a switch

#[test]
fn bytes_behind_234_are_an_injection() {
    for injected in ["230 in\r\n", "2", "\r\n"] {
        let address = scripted(1, move |mut stream| {
            stream.write_all(b"220 ready\r\n").unwrap();
            line(&mut stream);
            stream
                .write_all(format!("234 go\r\n{injected}").as_bytes())
                .unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            assert!(rest.is_empty(), "{}", rest.escape_ascii());
        });
        let (kind, _) = failure("localhost", address.port(), |builder| builder);
        assert_eq!(kind, FailureKind::Injected, "{injected:?}");
    }
}

// ---- servers

/// A server made of a function, for so many connections.
pub(crate) fn scripted(
    connections: usize,
    serve: impl Fn(TcpStream) + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..connections {
            serve(listener.accept().unwrap().0);
        }
    });
    address
}

/// Up to 234.
pub(crate) fn greet(stream: &mut TcpStream) {
    stream.write_all(b"220 ready\r\n").unwrap();
    assert_eq!(line(stream), "AUTH TLS");
    stream.write_all(b"234 go\r\n").unwrap();
}

/// The ClientHello, whole: a socket that is closed over unread bytes is reset.
fn hello(stream: &mut TcpStream) {
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let length = u16::from_be_bytes([head[3], head[4]]);
    stream
        .read_exact(&mut vec![0; usize::from(length)])
        .unwrap();
}

fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") && stream.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).trim().to_owned()
}

/// `openssl s_server`, which still speaks what nobody should.
struct OpenSsl {
    child: Child,
    port: u16,
    directory: PathBuf,
}

impl OpenSsl {
    fn start(options: &[&str]) -> OpenSsl {
        let directory =
            std::env::temp_dir().join(format!("ftp-proto-openssl-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (key, certificate) = (directory.join("key.pem"), directory.join("cert.pem"));
        let made = openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .status();
        assert!(made.unwrap().success());
        let port = free_port();
        let mut server = openssl(&["s_server", "-quiet", "-accept", &port.to_string()]);
        let child = server
            .arg("-key")
            .arg(&key)
            .arg("-cert")
            .arg(&certificate)
            .args(options)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        // Not by a connection: that would be its first client.
        while !listens(port) {
            assert!(begun.elapsed() < Duration::from_secs(10), "no s_server");
            thread::sleep(Duration::from_millis(5));
        }
        OpenSsl {
            child,
            port,
            directory,
        }
    }

    fn failure(&self) -> (FailureKind, Option<TlsFailure>) {
        failure("localhost", self.port, |builder| {
            builder
                .security(Security::implicit())
                .dangerously_accept_any_certificate()
        })
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn openssl(arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn listens(port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let text = std::fs::read_to_string(Path::new(table)).unwrap_or_default();
        text.lines().any(|line| {
            let mut columns = line.split_whitespace().skip(1);
            columns.next().is_some_and(|local| local.ends_with(&suffix))
                && columns.nth(1) == Some("0A")
        })
    })
}
