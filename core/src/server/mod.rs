//! The server machine: the client's mirror. Commands in, replies out, questions to the application.
//!
//! # The loop
//!
//! A driver does this, over and over:
//!
//! 1. [`Server::poll`] until it gives `None`: carry every effect out and keep the orders; put every question to the application.
//! 2. Write [`Server::outgoing`] and say how much went with [`Server::consume_outgoing`].
//! 3. Wait for the first of: bytes on the control connection if [`Server::reads_control`], room to write if something is outgoing,
//!    [`Server::deadline`], the end of an order in hand, an answer of the application.
//! 4. [`Server::handle`] exactly that one thing, then from the top.
//!
//! The server is the TLS server on every connection, whoever connected. Payload never comes here: a [`crate::FlowOrder`] says which way it
//! goes, and the driver moves it between the data connection and what the application opened when it was asked to
//! ([`OpenRead`], [`OpenWrite`], [`OpenListing`]). For a listing, [`Listing::line`] writes the lines.
//!
//! Nothing here waits for an answer of the application with a deadline: how long a login or a storage may take is for the application to
//! decide. Everything the client is waited for has one.
//!
//! # A session
//!
//! ```
//! use ftp_proto::server::{Account, Config, Input, Output, Question, Refused, Security, Server, UserId};
//! use ftp_proto::Instant;
//!
//! let now = Instant::ZERO;
//! let (peer, local) = ("192.0.2.7:40000".parse().unwrap(), "192.0.2.1:21".parse().unwrap());
//! let mut server = Server::new(Config::new(Security::clear()), peer, local, now);
//! server.handle(now, Input::Control(b"USER anonymous\r\nPASS me@example.org\r\nMKD new\r\nPWD\r\nQUIT\r\n"));
//! let mut said = Vec::new();
//! while !server.is_closed() {
//!     let mut answer = None;
//!     while let Some(output) = server.poll() {
//!         match output {
//!             Output::Question(Question::Authenticate(question)) if question.name() == b"anonymous" => {
//!                 answer = Some(question.accepted(Account::new(UserId(1))));
//!             }
//!             Output::Question(other) => answer = Some(other.refused(Refused::Denied)),
//!             Output::Effect(_) | Output::Event(_) => {}
//!         }
//!     }
//!     said.extend_from_slice(server.outgoing());
//!     server.consume_outgoing(server.outgoing().len());
//!     if let Some(answer) = answer {
//!         server.handle(now, Input::Answer(answer));
//!     }
//! }
//! let said = String::from_utf8(said).unwrap();
//! let codes: Vec<&str> = said.lines().map(|line| &line[..3]).collect();
//! // Whoever may only read makes no directory: the storage is not even asked.
//! assert_eq!(codes, ["220", "331", "230", "550", "257", "221"]);
//! ```

mod account;
mod config;
mod entry;
mod files;
mod information;
mod login;
mod output;
mod parameters;
mod path;
mod question;
mod queue;
mod refusal;
mod security;
mod setup;
#[cfg(test)]
mod tests;
mod timer;
mod transfer;
pub mod verbs;
mod work;

pub use account::{Access, Account, Rights, UserId};
pub use config::{Active, Config, Greeting, MissingCloseNotify, Passive, Security};
pub use entry::{Entry, Form, Kind, Listing};
pub use output::{Closing, Event, Input, Note, Output};
pub use path::VirtualPath;
pub use question::{
    Answer, Authenticate, ChangeDirectory, Checksum, Close, Delete, Ending, MakeDirectory,
    OpenListing, OpenRead, OpenWrite, Question, Refused, RemoveDirectory, Rename, SelectHost,
    SetMode, SetModified, Stat, StatListing, WriteMode,
};
pub use timer::Timer;

pub use crate::wire::digest::HashAlgorithm;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::queue::{Outbox, Queue};
use crate::rules::data::Data;
use crate::rules::login::Login;
use crate::rules::secure::Protection;
use crate::rules::{Law, Rule};
use crate::secret::{Secret, Secrets};
use crate::time::{Instant, Timers};
use crate::wire::command::{Type, Verb};
use crate::wire::reply::Reply;

use entry::FactSet;
use queue::{Inbox, Item, Told};
use setup::Setup;
use transfer::Transfer;
use work::Work;

/// An FTP server's side of one control connection, without sockets, clock, TLS or storage.
///
/// ```
/// use ftp_proto::server::{Config, Input, Security, Server};
/// use ftp_proto::Instant;
///
/// let config = Config::new(Security::clear()); // the default requires TLS
/// let now = Instant::ZERO;
/// let (peer, local) = ("192.0.2.7:40000".parse().unwrap(), "192.0.2.1:21".parse().unwrap());
/// let mut server = Server::new(config, peer, local, now);
/// assert_eq!(server.outgoing(), b"220 Ready\r\n");
/// server.consume_outgoing(11);
/// server.handle(now, Input::Control(b"NOOP\r\n"));
/// assert_eq!(server.outgoing(), b"200 Okay\r\n");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// The same for many.
    config: Arc<Config>,
    law: Law,
    peer: SocketAddr,
    local: SocketAddr,
    now: Instant,
    phase: Phase,
    protection: Protection,
    /// The protection switch under way; it is ordered once `outgoing` is empty.
    switch: Option<Switch>,
    session: Session,
    /// The virtual host; it outlives AUTH (RFC 7151 section 3.2.1).
    host: Option<Vec<u8>>,
    inbox: Inbox,
    outbox: Outbox,
    queue: Queue<Item>,
    polled: Option<Told>,
    /// What runs.
    work: Work,
    transfer: Option<Transfer>,
    setup: Setup,
    data: Data,
    /// The application has something open that must be closed.
    open: bool,
    /// A transfer was aborted for the ABOR that comes next.
    aborted: bool,
    /// The command that is being carried out, for the log and for the codes of its replies.
    current: Option<Verb>,
    /// The last raw bytes at the very start, for the recognition of TLS.
    first: [u8; 2],
    first_len: u8,
    /// What the client has sent with PASS and ACCT, whatever became of it: masked in the log.
    secrets: Secrets,
    failed_logins: u8,
    errors: u8,
    long_lines: u8,
    strangers: u8,
    shutdown: bool,
    timers: Timers<Timer>,
    next_question: u32,
    next_data: u32,
    next_order: u32,
    control_order: u32,
    data_order: u32,
}

/// Everything that AUTH and REIN take back (RFC 4217 sections 4.2 and 13).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Session {
    login: Login,
    /// As sent with USER.
    name: Vec<u8>,
    /// Kept while ACCT is due.
    password: Option<Secret>,
    /// Logged in by USER alone.
    passwordless: bool,
    account: Option<Account>,
    directory: VirtualPath,
    representation: Type,
    /// What REST or RANG asked for.
    restart: Option<Restart>,
    /// What RNFR named.
    rename: Option<VirtualPath>,
    /// What ALLO announced, in bytes.
    announced: Option<u64>,
    facts: FactSet,
    hash: Option<HashAlgorithm>,
    buffer_size_set: bool,
    only_epsv: bool,
}

/// What REST or RANG asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Restart {
    /// From this byte on.
    From(u64),
    /// From the first to the last of these bytes.
    Range(u64, u64),
}

/// Where a session is, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Implicit TLS, or the application's readiness, comes first.
    Opening,
    Up,
    /// What is outgoing goes, then the connection is closed.
    Ending(Closing),
    Closed,
}

/// A protection switch on the control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Switch {
    /// To TLS; data connections are private at once (`true`: TLS-P, implicit).
    Secure { private: bool },
    /// Back to clear text: CCC, or REIN (`true`).
    Clear { forget: bool },
}

impl Server {
    /// A server on a control connection that `peer` has just made to `local`.
    #[must_use]
    pub fn new(
        config: impl Into<Arc<Config>>,
        peer: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Self {
        Server::under(Law::default(), config.into(), peer, local, now)
    }

    /// A server under a law with a hole, for checkers.
    #[cfg(any(test, feature = "model"))]
    #[must_use]
    pub fn with_law(
        law: Law,
        config: impl Into<Arc<Config>>,
        peer: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Self {
        Server::under(law, config.into(), peer, local, now)
    }

    fn under(
        law: Law,
        config: Arc<Config>,
        peer: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Self {
        let mut server = Server {
            law,
            peer: canonical(peer),
            local: canonical(local),
            now,
            phase: Phase::Opening,
            protection: Protection::default(),
            switch: None,
            session: Session::default(),
            host: None,
            inbox: Inbox::new(config.limits.received_line),
            outbox: Outbox::default(),
            queue: Queue::default(),
            polled: None,
            work: Work::default(),
            transfer: None,
            setup: Setup::default(),
            data: Data::default(),
            open: false,
            aborted: false,
            current: None,
            first: [0; 2],
            first_len: 0,
            secrets: Secrets::default(),
            failed_logins: 0,
            errors: 0,
            long_lines: 0,
            strangers: 0,
            shutdown: false,
            timers: Timers::default(),
            next_question: 1,
            next_data: 1,
            next_order: 1,
            control_order: 0,
            data_order: 0,
            config,
        };
        server
            .timers
            .arm(Timer::Login, now + server.config.limits.login_wait);
        if server.config.security.is_implicit() {
            server.begin_switch(Switch::Secure { private: true });
        } else {
            server.greet();
        }
        server.advance();
        server
    }

    // ---- levels

    /// The client's end of the control connection.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Our end of the control connection.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Clear-text bytes for the control connection. Write what you can, then [`Server::consume_outgoing`].
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outbox.waiting()
    }

    /// `n` bytes of [`Server::outgoing`] have been handed to the transport.
    pub fn consume_outgoing(&mut self, n: usize) {
        self.outbox.consume(n);
        if n > 0 {
            self.timers.cancel(Timer::Send);
            self.advance();
        }
    }

    /// Whether bytes of the control connection are wanted. False while protection changes, while too many commands wait, and after the end.
    #[must_use]
    pub fn reads_control(&self) -> bool {
        matches!(self.phase, Phase::Opening | Phase::Up)
            && self.protection.settled()
            && (self.inbox.len() < self.waiting_bound() || !self.law.holds(Rule::Backpressure))
    }

    /// When to call [`Server::handle`] with [`Input::Timeout`], unless something comes first.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// What the session was told before it started.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The protection of the control connection and the level of data connections.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Who is logged in.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.session.account.as_ref().map(|account| account.user)
    }

    /// The name sent with USER, while its login lasts or is under way; as the client sent it.
    #[must_use]
    pub fn user_name(&self) -> &[u8] {
        &self.session.name
    }

    /// The virtual host the client chose with HOST, while its choice lasts.
    #[must_use]
    pub fn host(&self) -> Option<&[u8]> {
        self.host.as_deref()
    }

    /// The working directory.
    #[must_use]
    pub fn directory(&self) -> &VirtualPath {
        &self.session.directory
    }

    /// Whether an answer of the application is waited for. Where it is not, what the application still works on, for a question other than
    /// [`Close`], is for nobody: a client that has given up a digest, say.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        matches!(self.work, Work::Asking(..))
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    // ---- the world

    /// Takes one thing from the world. Infallible: what the client did wrong comes out of [`Server::poll`], or as a reply.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Control(bytes) => self.on_bytes(bytes),
            Input::ControlEof => self.drop_control(Closing::Eof),
            Input::ControlFailed(fault) => self.drop_control(Closing::Broken(fault)),
            Input::Timeout => {
                while let Some(timer) = self.timers.expire(self.now) {
                    self.on_timer(timer);
                }
            }
            Input::Report(report) => self.on_report(report),
            Input::Answer(answer) => self.on_answer(answer),
            Input::Progress(data, bytes) => self.on_progress(data, bytes),
            Input::SourceEnded(data) => self.on_source_ended(data),
            Input::Ready => self.on_ready(),
            Input::Shutdown => self.on_shutdown(),
        }
        self.advance();
    }

    /// Gives out the next effect, question or event, in order. Call it until it gives `None`.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        let told = match self.queue.take()? {
            Item::Do(errand) => return Some(Output::Effect(errand.mint())),
            Item::Ask(question) => return Some(Output::Question(question.0)),
            Item::Tell(told) => self.polled.insert(told),
        };
        let queue = &self.queue;
        Some(Output::Event(match told {
            Told::Command(verb, line) => Event::Command {
                verb: *verb,
                line: queue.text(line),
            },
            Told::Replied(verb, code, text) => Event::Replied {
                verb: *verb,
                reply: Reply::new(*code, queue.text(text)),
            },
            Told::LoggedIn(user) => Event::LoggedIn(*user),
            Told::LoginFailed(count) => Event::LoginFailed(*count),
            Told::Transferred {
                user,
                verb,
                path,
                bytes,
                whole,
            } => Event::Transferred {
                user: *user,
                verb: *verb,
                path,
                bytes: *bytes,
                whole: *whole,
            },
            Told::Note(note) => Event::Note(*note),
            Told::Closed(closing) => Event::Closed(*closing),
        }))
    }

    /// Gives back the memory that only commands under way need. Nothing else changes. For when there is nothing to do but wait: what a session
    /// holds then is what thousands of idle ones cost.
    pub fn rest(&mut self) {
        self.inbox.rest();
        self.outbox.rest();
        self.queue.rest();
    }

    /// Drops what does not decide anything, so that a checker meets equal states as equal. Time starts again at [`Instant::ZERO`].
    #[cfg(feature = "model")]
    pub fn canonical(&mut self) {
        self.timers.rebase(self.now.since(Instant::ZERO));
        self.now = Instant::ZERO;
        self.polled = None;
    }
}

/// IPv4 addresses in their IPv6 form are IPv4 addresses.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
