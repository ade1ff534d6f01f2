//! A client of the blocking driver on a real server, with what it told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ftp_proto::tls::Version;
use ftp_proto::{Event, Note, TlsVersion};
use ftp_proto_blocking::{Builder, Client, Secret};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls, Versions};

/// Lines of the dialogue that are kept for the message of a failing test.
const TAIL: usize = 60;

/// What the machine told of a session.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Data connections under TLS.
    pub(crate) handshakes: u64,
    /// Those that resumed the session.
    pub(crate) resumed: u64,
    /// Command lines said.
    pub(crate) commands: u64,
    /// Data connections made.
    pub(crate) connections: u64,
    /// Listings nobody wanted, for their tickets.
    pub(crate) renewals: u64,
    /// Versions of TLS seen, on both connections.
    pub(crate) versions: Vec<TlsVersion>,
    tail: VecDeque<String>,
}

impl Told {
    fn take(&mut self, event: &Event<'_>) {
        let mut version = |version| {
            if !self.versions.contains(&version) {
                self.versions.push(version);
            }
        };
        let line = match event {
            Event::Sent { line, .. } => {
                self.commands += 1;
                format!("---> {}", line.escape_ascii())
            }
            Event::Received { reply, .. } => format!("<--- {}", reply.display()),
            Event::Note(note) => {
                match note {
                    Note::ControlSecured(facts) => version(facts.version),
                    Note::DataSecured(_, facts) => {
                        version(facts.version);
                        self.handshakes += 1;
                        self.resumed += u64::from(facts.resumed);
                    }
                    Note::DataConnected(_) => self.connections += 1,
                    Note::TicketsSpent => self.renewals += 1,
                    _ => {}
                }
                format!("     {note:?}")
            }
            Event::Finished {
                result: Err(failure),
                ..
            } => format!("     failed: {failure}"),
            Event::Closed(why) => format!("     closed: {why:?}"),
            _ => return,
        };
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    /// The end of the dialogue.
    pub(crate) fn dialogue(&self) -> String {
        let lines: Vec<&str> = self.tail.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

/// A session that is logged in.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) told: Arc<Mutex<Told>>,
}

impl Session {
    pub(crate) fn begin(server: &Server, change: impl FnOnce(Builder) -> Builder) -> Session {
        Session::through(server, server.addr().port(), change)
    }

    /// By another port, that of a relay.
    pub(crate) fn through(
        server: &Server,
        port: u16,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Session {
        let told = Arc::new(Mutex::new(Told::default()));
        let hook = Arc::clone(&told);
        let builder = Client::builder()
            .ca_pem(server.ca_pem())
            .on_event(move |event| hook.lock().unwrap().take(event));
        let mut client = change(builder).connect("localhost", port).unwrap();
        client
            .login(server.user(), Secret::new(server.password().as_bytes()))
            .unwrap();
        Session { client, told }
    }
}

/// A server that speaks this version of TLS only, and is as strict as it can be.
pub(crate) fn strict(kind: Kind, version: Version) -> Server {
    let options = Options {
        tls: Tls::Explicit,
        versions: match version {
            Version::Tls12 => Versions::Tls12Only,
            Version::Tls13 => Versions::Tls13Only,
        },
        require_reuse: matches!(kind, Kind::Vsftpd | Kind::ProFtpd),
        strict_close: kind == Kind::Vsftpd,
        require_tls_control: true,
        require_tls_data: true,
        ..Options::default()
    };
    peers::start(kind, &options).unwrap()
}

/// So many bytes without a pattern; other ones for another seed.
pub(crate) fn bytes(seed: u64, size: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend_from_slice(&random.next().to_be_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }
}
