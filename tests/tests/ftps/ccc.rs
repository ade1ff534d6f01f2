//! The control connection back in clear text: CCC (RFC 4217 section 5) and REIN.

use std::io::{Read, Write};
use std::net::TcpStream;

use ftp_proto::client::{ClearText, Security};
use ftp_proto::tls::{Channel, ServerTls, Version};
use ftp_proto::{FailureKind, Refusal};
use ftp_proto_blocking::{Client, Error, Secret};
use ftp_proto_tests::certs::Authority;
use ftp_proto_tests::peers::{self, Certificate, Kind, Options, Server, Tls, Versions};

use crate::failures::{greet, scripted};
use crate::session::{Session, bytes};

fn server(kind: Kind, version: Version) -> Server {
    let options = Options {
        tls: Tls::Explicit,
        versions: match version {
            Version::Tls13 => Versions::Tls13Only,
            Version::Tls12 => Versions::Tls12Only,
        },
        require_reuse: kind == Kind::ProFtpd,
        ..Options::default()
    };
    peers::start(kind, &options).unwrap()
}

/// The dialogue goes on in clear, and data connections stay under TLS.
#[test]
fn after_ccc_the_dialogue_is_clear_and_files_are_protected() {
    for kind in [Kind::ProFtpd, Kind::PureFtpd] {
        for version in [Version::Tls13, Version::Tls12] {
            let server = server(kind, version);
            let mut session = Session::begin(&server, |builder| {
                builder.security(Security::required().allow_ccc())
            });
            session.client.clear_command_channel().unwrap();
            session.client.noop().unwrap();
            let content = bytes(1, 100_000);
            for _ in 0..4 {
                session
                    .client
                    .store("after", &mut content.as_slice())
                    .unwrap();
                let mut back = Vec::new();
                session.client.retrieve("after", &mut back).unwrap();
                assert_eq!(back, content);
            }
            let told = session.told.lock().unwrap();
            assert_eq!(told.handshakes, 8 + told.renewals, "{kind} {version:?}");
            drop(told);
            session.client.quit().unwrap();
        }
    }
}

#[test]
fn without_the_policy_ccc_and_rein_are_not_even_said() {
    let server = server(Kind::ProFtpd, Version::Tls13);
    let mut session = Session::begin(&server, |builder| builder);
    for refused in [
        session.client.clear_command_channel(),
        session.client.reinitialize(),
    ] {
        assert!(
            matches!(refused, Err(Error::Refused(Refusal::Policy))),
            "{refused:?}"
        );
    }
    let content = bytes(1, 10_000);
    session
        .client
        .store("still", &mut content.as_slice())
        .unwrap();
    let told = session.told.lock().unwrap();
    let dialogue = told.dialogue();
    assert!(!dialogue.contains("---> CCC") && !dialogue.contains("---> REIN"));
}

/// Servers that have REIN end the login, others keep it; the client knows which.
#[test]
fn rein_on_real_servers() {
    for kind in Kind::ALL {
        let server = peers::start(kind, &Options::default()).unwrap();
        let mut session = Session::begin(&server, |builder| {
            builder.security(Security::clear(ClearText::Everybody))
        });
        let again = session.client.reinitialize();
        println!("{kind}: {again:?}");
        let listing = session.client.list("");
        match again {
            Ok(()) => assert!(matches!(listing, Err(Error::Refused(Refusal::LoginFirst)))),
            Err(Error::Failed(failed)) => {
                assert_eq!(failed.failure.kind, FailureKind::Refused, "{kind}");
                assert!(listing.is_ok());
            }
            other => panic!("{kind}: {other:?}"),
        }
    }
}

/// What somebody slips in at the switch back to clear text is never taken for a reply.
#[test]
fn bytes_behind_the_reply_to_ccc_and_rein_are_an_injection() {
    let authority = Authority::shared().unwrap();
    let certificate = authority.server(Certificate::Valid).unwrap();
    let tls = ServerTls::builder()
        .certificate_pem(
            certificate.certificate.as_bytes(),
            certificate.key.as_bytes(),
        )
        .build()
        .unwrap();
    for (verb, reply) in [("CCC", "200 clear\r\n"), ("REIN", "220 ready\r\n")] {
        for clear in [false, true] {
            let tls = tls.clone();
            let address = scripted(1, move |mut stream| {
                greet(&mut stream);
                let mut peer = Peer {
                    channel: tls.session().accept().unwrap(),
                    stream,
                    line: Vec::new(),
                };
                loop {
                    let line = peer.hear();
                    match line.split(' ').next().unwrap() {
                        "" => return,
                        "USER" => peer.say(b"331 password\r\n"),
                        "PASS" => peer.say(b"230 in\r\n"),
                        said if said == verb && clear => {
                            peer.say(reply.as_bytes());
                            let _ = peer.stream.write_all(b"250 injected\r\n");
                        }
                        said if said == verb => {
                            peer.say(format!("{reply}250 injected\r\n").as_bytes());
                        }
                        _ => peer.say(b"200 fine\r\n"),
                    }
                }
            });
            let security = Security::required()
                .allow_ccc()
                .or_clear(ClearText::Everybody);
            let mut client = Client::builder()
                .ca_pem(authority.pem())
                .security(security)
                .connect("localhost", address.port())
                .unwrap();
            client.login("someone", Secret::new(b"secret")).unwrap();
            let switched = match verb {
                "CCC" => client.clear_command_channel(),
                _ => client.reinitialize(),
            };
            // REIN is done with its reply; what is wrong behind it shows at once.
            let next = client.noop();
            println!("{verb} clear {clear}: {switched:?} {next:?}");
            let kind = match (switched, next) {
                (Err(Error::Failed(failed)), _) | (Ok(()), Err(Error::Failed(failed))) => {
                    failed.failure.kind
                }
                other => panic!("{verb}: {other:?}"),
            };
            match clear {
                false => assert_eq!(kind, FailureKind::Injected, "{verb}"),
                true => assert!(
                    matches!(kind, FailureKind::ControlTls(_) | FailureKind::Injected),
                    "{verb}: {kind:?}"
                ),
            }
        }
    }
}

/// A server under TLS that says what it is told to.
struct Peer {
    channel: Channel,
    stream: TcpStream,
    line: Vec<u8>,
}

impl Peer {
    fn say(&mut self, text: &[u8]) {
        self.channel.write(text);
        self.flush();
    }

    /// The next line; empty at the end.
    fn hear(&mut self) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.line.drain(..=end).collect();
                return String::from_utf8_lossy(&line).trim().to_owned();
            }
            self.flush();
            let count = self.stream.read(&mut buffer).unwrap_or(0);
            let mut rest = &buffer[..count];
            if rest.is_empty() || self.channel.failure().is_some() {
                return String::new();
            }
            while !rest.is_empty() {
                match self.channel.feed(rest) {
                    Ok(0) | Err(_) => return String::new(),
                    Ok(taken) => rest = &rest[taken..],
                }
                let plain = self.channel.plaintext().to_vec();
                self.channel.consume(plain.len());
                self.line.extend(plain);
            }
        }
    }

    fn flush(&mut self) {
        while self.channel.wants_write() {
            if self.channel.write_to(&mut self.stream).is_err() {
                return;
            }
        }
    }
}
