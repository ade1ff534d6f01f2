//! The client machine: bytes and deadline are levels, effects and events one queue, the application calls typed methods.
//!
//! # The loop
//!
//! A driver does this, over and over; [`crate`] has it as code:
//!
//! 1. [`Client::poll`] until it gives `None`; carry every effect out, keep the orders.
//! 2. Let the application ask for things ([`Client::login`], [`Client::retrieve`], ...).
//! 3. Write [`Client::outgoing`] and say how much went with [`Client::consume_outgoing`].
//! 4. Wait for the first of: bytes on the control connection if [`Client::reads_control`], room to write if something is outgoing,
//!    [`Client::deadline`], the end of an order in hand.
//! 5. [`Client::handle`] exactly that one thing, then from the top.

mod abort;
mod config;
mod deadlines;
mod ending;
mod join;
mod negotiation;
mod plan;
mod queue;
mod recording;
mod renewal;
mod replies;
mod reports;
mod request;
mod requests;
mod say;
mod setup;

pub use config::{
    AuthMethod, Batching, ClearText, Config, DataMode, DataModes, MissingCloseNotify, Ordered,
    PassiveAddress, Security, SizeCheck, SpentTickets,
};
pub use requests::{HashOptions, TransferOptions};

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::diagnosis::{Diagnosis, Evidence, FirstBytesKept, diagnose};
use crate::error::{Failure, FailureKind};
use crate::order::{Channel, DataEnd, DataId, Fault, Report, Tickets, keep};
use crate::output::{DigestDone, Done, Event, Note, Output, TransferDone};
use crate::queue::{Errand, Outbox, Piece, Queue};
use crate::rules::data::{Data, Life, Payload};
use crate::rules::login::Login;
use crate::rules::secure::{Protection, State};
use crate::rules::transfer::Answer;
use crate::rules::{Law, Rule};
use crate::secret::{Secret, Secrets};
use crate::ticket::TicketId;
use crate::time::{Instant, Timer, Timers};
use crate::trace::{Tape, What};
use crate::wire::command::{Type, Verb};
use crate::wire::digest::HashAlgorithm;
use crate::wire::features::FeatureSet;
use crate::wire::reply::{Reply, ReplyReader, USUAL_PIECE};

use renewal::Reuse;

use queue::{Item, Outcome};
use request::{Expected, Left, Request};

/// What comes from the world.
#[derive(Debug)]
pub enum Input<'a> {
    /// Clear-text bytes of the control connection, in any pieces.
    Control(&'a [u8]),
    /// The peer closed the control connection.
    ControlEof,
    /// The control connection failed.
    ControlFailed(Fault),
    /// The deadline passed.
    Timeout,
    /// What became of an order.
    Report(Report),
    /// How many connections can still resume the TLS session; told whenever it changes, before anything else that is new.
    Tickets(Tickets),
    /// The first bytes that came where TLS was expected, if they were none. Told before the order's failure; for diagnosis only.
    Found(Channel, &'a [u8]),
    /// Payload moved on a data connection: bytes in all so far. Told at least once a second while they grow. The same number again says
    /// that the application's side is what keeps them from growing, which is no stall: not to be told while the network is waited for.
    Progress(DataId, u64),
    /// An upload: the whole source has been handed to the transport, close_notify and shutdown included. What is left is the peer's close.
    SourceEnded(DataId),
}

/// An FTP client without sockets, clock or TLS.
///
/// ```
/// use ftp_proto::client::{ClearText, Client, Config, Input, Security};
/// use ftp_proto::{Instant, Secret};
///
/// let mut config = Config::default();
/// config.security = Security::clear(ClearText::Anonymous); // the default requires TLS
/// let now = Instant::ZERO;
/// let mut client = Client::new(config, "192.0.2.1".parse().unwrap(), now);
/// let login = client.login(now, b"anonymous", Secret::new(b"guest@"), None)?;
/// client.handle(now, Input::Control(b"220 ready\r\n"));
/// assert_eq!(client.outgoing(), b"USER anonymous\r\nPASS guest@\r\n");
/// # let _ = login;
/// # Ok::<(), ftp_proto::Refusal>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    config: Config,
    law: Law,
    peer: IpAddr,
    now: Instant,
    phase: Phase,
    session: Session,
    /// The protection switch that waits for `outgoing` to be empty.
    switch: Option<Switch>,
    auth_index: u8,
    /// How often the greeting was put off (120).
    delays: u8,
    private_instead: bool,
    type_asked: Option<Type>,
    mode_index: u8,
    reader: ReplyReader,
    outbox: Outbox,
    queue: Queue<Item>,
    polled: Option<Item>,
    outstanding: VecDeque<Expected>,
    requests: VecDeque<Request>,
    spare: Vec<Request>,
    data: Data,
    /// The address our listener is reachable at.
    listening: Option<SocketAddr>,
    transfer: Option<Transfer>,
    /// The transfer before it: its data has ended, its final reply is due, and the next one has been asked for.
    concluding: Option<Transfer>,
    aborting: Option<Aborting>,
    /// What the server may still remember that no transfer has taken up.
    restart_left: Option<Left>,
    /// The algorithm of HASH the server was told last.
    algorithm_asked: Option<HashAlgorithm>,
    /// Where the server has begun to send a file, its 150 named the size SIZE had told.
    sizes_announced: bool,
    /// A transfer has just ended: one more final reply to it is tolerated.
    surplus: bool,
    /// Why the session ends.
    ending: Option<Failure>,
    timers: Timers,
    tickets: Tickets,
    reuse: Reuse,
    next_ticket: u32,
    next_data: u32,
    next_order: u32,
    control_order: u32,
    data_order: u32,
    evidence: Evidence,
    /// What is masked in everything that is shown of the server's words.
    secrets: Secrets,
    tape: Tape,
}

/// What a session has come to know and agree on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Session {
    /// Protection of the control connection and the data level.
    pub protection: Protection,
    /// How far the login is.
    pub login: Login,
    /// Whether USER was sent on this connection.
    pub user_sent: bool,
    /// The representation type the server has acknowledged; `None` is the default, ASCII.
    pub representation: Option<Type>,
    /// What FEAT listed in this protection epoch.
    pub features: FeatureSet,
    /// Whether one command at a time is sent from now on.
    pub lock_step: bool,
}

/// Where a session is, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Implicit TLS comes first.
    BeforeGreeting,
    Greeting,
    Negotiating,
    Up,
    /// The control connection is lost; the data of a transfer is still coming in.
    Draining,
    /// Nothing more is said; the connection is closed before anything else happens.
    Ending,
    Closed,
}

/// A protection switch on the control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Switch {
    Secure,
    Clear,
}

/// The transfer that runs: what both sides have said so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Transfer {
    ticket: TicketId,
    verb: Verb,
    payload: Payload,
    /// Its payload goes with its command.
    eager: bool,
    answer: Answer,
    announced: bool,
    /// How the data connection ended, once it has.
    end: Option<Ended>,
    /// Why there is no data connection, if there is none.
    broken: Option<FailureKind>,
    /// The text of the final reply.
    text: Vec<u8>,
    /// The file name the server chose.
    name: Vec<u8>,
    /// The size the preliminary reply names.
    hinted: Option<u64>,
}

/// A data connection that is over, as the verdict sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ended {
    /// `None` if it never came to be.
    end: Option<DataEnd>,
    bytes: u64,
    protected: bool,
    /// It did not resume the session of the control connection.
    fresh: bool,
    source_ended: bool,
}

/// An abort under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Aborting {
    /// The application's abort, if it was the application.
    ticket: Option<TicketId>,
    /// The transfer given up, with the bytes it moved.
    transfer: Option<(TicketId, u64)>,
    /// The transfer is to be tried again by the next data mode.
    retry: Option<Fault>,
    /// It was given up because our side of its data connection had failed.
    local: bool,
    /// ABOR was said.
    said: bool,
    barrier: bool,
}

impl Client {
    /// A client on a control connection that has just been established to `peer`.
    #[must_use]
    pub fn new(config: Config, peer: IpAddr, now: Instant) -> Self {
        Client::under(Law::default(), config, peer, now)
    }

    /// A client under a law with a hole, for checkers.
    #[cfg(feature = "model")]
    #[must_use]
    pub fn with_law(law: Law, config: Config, peer: IpAddr, now: Instant) -> Self {
        Client::under(law, config, peer, now)
    }

    fn under(law: Law, config: Config, peer: IpAddr, now: Instant) -> Self {
        let limits = &config.limits;
        let reader = ReplyReader::new(limits.reply_line, limits.reply_bytes, limits.reply_lines);
        let implicit = config.security.is_implicit();
        let mut client = Client {
            law,
            peer,
            now,
            phase: if implicit {
                Phase::BeforeGreeting
            } else {
                Phase::Greeting
            },
            session: Session::default(),
            switch: None,
            auth_index: 0,
            delays: 0,
            private_instead: false,
            type_asked: None,
            mode_index: 0,
            reader,
            outbox: Outbox::default(),
            queue: Queue::with_room(USUAL_PIECE),
            polled: None,
            outstanding: VecDeque::new(),
            requests: VecDeque::new(),
            spare: Vec::new(),
            data: Data::default(),
            listening: None,
            transfer: None,
            concluding: None,
            aborting: None,
            restart_left: None,
            algorithm_asked: None,
            sizes_announced: false,
            surplus: false,
            ending: None,
            timers: Timers::default(),
            tickets: Tickets::None,
            reuse: Reuse::default(),
            next_ticket: 1,
            next_data: 1,
            next_order: 1,
            control_order: 0,
            data_order: 0,
            evidence: Evidence::default(),
            secrets: Secrets::default(),
            tape: Tape::default(),
            config,
        };
        client.evidence.control.started = now;
        client.evidence.control.last_heard = now;
        client.evidence.control.implicit = implicit;
        client.evidence.control.peer = Some(peer);
        if client
            .mode()
            .is_none_or(|mode| peer.is_ipv6() && !mode.works_on_ipv6())
        {
            client.advance_mode();
        }
        if implicit {
            client.note(Note::DeprecatedSecurity(None));
            client.begin_switch(Switch::Secure);
        }
        client.advance();
        client
    }

    // ---- levels

    /// Clear-text bytes for the control connection. Write what you can, then [`Client::consume_outgoing`].
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outbox.waiting()
    }

    /// `n` bytes of [`Client::outgoing`] have been handed to the transport.
    pub fn consume_outgoing(&mut self, n: usize) {
        let n = n.min(self.outbox.waiting().len());
        if n > 0 && n == self.outbox.waiting().len() {
            self.record(|| What::Flushed);
        }
        self.evidence.control.bytes_out += n as u64;
        self.outbox.consume(n);
        // Nothing else waits for what is outgoing to leave.
        let eager = |transfer: &Transfer| transfer.eager;
        if self.switch.is_some() {
            self.advance();
        } else if self.data.life == Life::Ready && self.transfer.as_ref().is_some_and(eager) {
            self.move_data_on();
            self.set_deadlines();
        }
    }

    /// Whether bytes of the control connection are wanted. False while protection changes, and after the end.
    #[must_use]
    pub fn reads_control(&self) -> bool {
        !matches!(
            self.phase,
            Phase::BeforeGreeting | Phase::Ending | Phase::Closed | Phase::Draining
        ) && self.session.protection.settled()
    }

    /// When to call [`Client::handle`] with [`Input::Timeout`], unless something comes first.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.earliest()
    }

    /// What has been agreed on so far.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The facts a diagnosis is made from.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What may be behind `failure`, or behind what was merely odd so far; the most likely cause first.
    #[must_use]
    pub fn diagnose(&self, failure: Option<&Failure>) -> Diagnosis {
        diagnose(&self.evidence, failure)
    }

    /// Forgets the evidence. Nothing else may change by that.
    #[cfg(feature = "model")]
    pub fn forget_evidence(&mut self) {
        self.evidence = Evidence::default();
    }

    /// What the session was told before it started.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether the transfer of the moment has had its final reply.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        let transfer = self.transfer.as_ref();
        transfer.is_some_and(|transfer| transfer.answer.is_final())
    }

    /// Whether the session is up and nothing is under way: no request, no command without its reply, no data connection. Of such a session
    /// everything is known.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.phase == Phase::Up
            && self.switch.is_none()
            && self.ending.is_none()
            && self.requests.is_empty()
            && self.outstanding.is_empty()
            && self.outbox.is_empty()
            && self.aborting.is_none()
            && self.transfer.is_none()
            && self.concluding.is_none()
            && !self.data.is_live()
            && self.reader.is_idle()
    }

    // ---- the world

    /// Takes one thing from the world. Infallible: what the peer did wrong comes out of [`Client::poll`].
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        self.record(|| What::input(&input));
        match input {
            Input::Control(bytes) => self.on_bytes(bytes),
            Input::ControlEof => self.on_control_end(FailureKind::ControlClosed),
            Input::ControlFailed(fault) => self.on_control_end(FailureKind::ControlBroken(fault)),
            Input::Timeout => {
                while let Some(timer) = self.timers.expire(self.now) {
                    self.on_timer(timer);
                }
            }
            Input::Report(report) => self.on_report(report),
            Input::Tickets(tickets) => self.on_tickets(tickets),
            Input::Found(Channel::Control, bytes) => {
                self.evidence.control.instead_of_tls = FirstBytesKept::of(bytes);
                self.evidence.hide(&self.secrets);
            }
            Input::Found(Channel::Data(_), bytes) => {
                self.evidence.data.instead_of_tls = FirstBytesKept::of(bytes);
                self.evidence.hide(&self.secrets);
            }
            Input::Progress(data, bytes) => self.on_progress(data, bytes),
            Input::SourceEnded(data) => self.on_source_ended(data),
        }
        self.advance();
    }

    /// Whether [`poll`](Client::poll) has something to give.
    #[cfg(feature = "rustls")]
    pub(crate) fn has_output(&self) -> bool {
        !self.queue.is_empty() || self.polled.is_some()
    }

    /// Gives out the next effect or event, in order. Call it until it gives `None`.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        let Some(item) = self.queue.take_shown(&self.secrets) else {
            self.polled = None;
            return None;
        };
        let levels = self.tape.is_on().then(|| self.levels());
        let item = &*self.polled.insert(item);
        let queue = &self.queue;
        let output = match item {
            Item::Do(errand) => Output::Effect(errand.mint()),
            Item::Sent(verb, line) => Output::Event(Event::Sent {
                verb: *verb,
                line: queue.text(line),
            }),
            Item::Received(verb, code, text) => Output::Event(Event::Received {
                verb: *verb,
                reply: Reply::new(*code, queue.text(text)),
            }),
            Item::Ready(secure) => Output::Event(Event::Ready { secure: *secure }),
            Item::Note(note) => Output::Event(Event::Note(*note)),
            Item::Finished(ticket, result) => Output::Event(Event::Finished {
                ticket: *ticket,
                result: result.as_ref().map(|outcome| shown(queue, outcome)),
            }),
            Item::Closed(failure) => Output::Event(Event::Closed(failure.as_ref())),
        };
        if let Some(levels) = levels {
            self.tape.keep(levels, || What::output(&output));
        }
        Some(output)
    }

    /// Drops what does not decide anything, so that a checker meets equal states as equal: absolute time, spare memory, the first bytes
    /// kept for diagnosis. Time starts again at [`Instant::ZERO`].
    #[cfg(feature = "model")]
    pub fn canonical(&mut self) {
        self.timers.rebase(self.now.since(Instant::ZERO));
        self.now = Instant::ZERO;
        self.spare.clear();
        if self.reader.is_idle() {
            self.reader.clear();
        }
    }

    fn on_bytes(&mut self, bytes: &[u8]) {
        if matches!(self.phase, Phase::Ending | Phase::Closed | Phase::Draining) || bytes.is_empty()
        {
            return;
        }
        if self.evidence.control.greeting.is_none() {
            self.evidence.control.first_bytes.extend(bytes);
            self.evidence.hide(&self.secrets);
        }
        self.evidence.control.bytes_in += bytes.len() as u64;
        if !self.session.protection.settled() {
            // Clear-text bytes while protection changes were put there by somebody else.
            if self.law.holds(Rule::CleanSwitch) {
                self.fail_session(Failure::new(FailureKind::Injected, None));
                return;
            }
        }
        self.timers.cancel(Timer::Quiet);
        self.reader.push(bytes);
        self.read_replies();
        if self.reader.provisional() {
            self.timers
                .arm(Timer::Quiet, self.now + self.config.limits.quiet);
        }
    }

    /// Takes replies as long as they are whole and the session reads them.
    fn read_replies(&mut self) {
        while self.reads_control() || !self.law.holds(Rule::CleanSwitch) && !self.over() {
            match self.reader.next_reply() {
                Ok(Some(reply)) => {
                    let code = reply.code();
                    let text = self.queue.keep(reply.text());
                    self.on_reply(code, text);
                }
                Ok(None) => return,
                Err(malformed) => {
                    self.fail_session(Failure::new(
                        FailureKind::Protocol(malformed),
                        self.verb_in_question(),
                    ));
                    return;
                }
            }
        }
    }

    fn over(&self) -> bool {
        matches!(self.phase, Phase::Ending | Phase::Closed | Phase::Draining)
    }

    /// What a failure keeps of a text of the server.
    fn quoted(&self, text: &Piece) -> Vec<u8> {
        let text = self.queue.text(text);
        let limit = self.config.limits.failure_text;
        if self.secrets.find(text).is_none() {
            return keep(text, limit);
        }
        let mut masked = Vec::new();
        self.secrets.mask_into(text, &mut masked);
        masked.truncate(limit);
        masked
    }

    /// From here on `secret` is masked in what the server says, and in what it has said.
    fn learn(&mut self, secret: &Secret) {
        if self.law.holds(Rule::SecretsMasked) && self.secrets.learn(secret) {
            self.evidence.hide(&self.secrets);
        }
    }

    /// The command the next reply belongs to.
    fn verb_in_question(&self) -> Option<Verb> {
        self.outstanding.front().map(|expected| expected.verb)
    }

    fn note(&mut self, note: Note) {
        self.queue.push(Item::Note(note));
    }

    fn order_number(&mut self) -> u32 {
        let number = self.next_order;
        self.next_order = self.next_order.wrapping_add(1);
        number
    }

    // ---- protection switches

    fn begin_switch(&mut self, switch: Switch) {
        self.switch = Some(switch);
        self.session.protection.begin(match switch {
            Switch::Secure => State::Securing,
            Switch::Clear => State::Clearing,
        });
        self.timers.arm(
            Timer::Handshake,
            self.now + self.config.limits.handshake_wait,
        );
        self.evidence.control.handshake_began = Some(self.now);
    }

    /// Says what can be said, emits what is due, and sets the deadlines.
    fn advance(&mut self) {
        if let Some(switch) = self.switch
            && self.outbox.is_empty()
        {
            self.switch = None;
            self.control_order = self.order_number();
            self.queue.push(Item::Do(match switch {
                Switch::Secure => Errand::SecureControl(self.control_order),
                Switch::Clear => Errand::ClearControl(self.control_order),
            }));
        }
        self.say_what_is_due();
        if self.phase == Phase::Ending {
            self.close();
        }
        self.set_deadlines();
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.queue.push(Item::Do(Errand::CloseControl));
        let ending = self.ending.take();
        self.queue.push(Item::Closed(ending));
    }
}

fn shown<'a>(queue: &'a Queue<Item>, outcome: &Outcome) -> Done<'a> {
    let text = |piece: &Piece| queue.text(piece);
    match outcome {
        Outcome::Nothing => Done::Nothing,
        Outcome::Transfer {
            bytes,
            expected,
            proof,
            name,
        } => Done::Transfer(TransferDone {
            bytes: *bytes,
            expected: *expected,
            proof: *proof,
            name: name.as_ref().map(text),
        }),
        Outcome::Reply(code, piece) | Outcome::Names(code, piece) => {
            Done::Reply(Reply::new(*code, text(piece)))
        }
        Outcome::PathName(piece) => Done::PathName(piece.as_ref().map(text)),
        Outcome::Size(size) => Done::Size(*size),
        Outcome::Time(time) => Done::Time(*time),
        Outcome::Digest {
            algorithm,
            range,
            digest,
        } => Done::Digest(DigestDone {
            algorithm: *algorithm,
            range: *range,
            digest: text(digest),
        }),
        Outcome::Features(known, piece) => Done::Features(*known, text(piece)),
    }
}
