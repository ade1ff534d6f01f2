//! A client with everything around it that a driver has: orders in hand, a clock, and the book of what must hold.

use core::cell::Cell;
use core::fmt::Debug;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::OnceLock;

use ftp_proto::client::{Client, Input};
use ftp_proto::{
    AcceptOrder, Channel, ConnectOrder, DataEnd, DataId, Direction, Effect, Fault, FlowEnd,
    FlowOrder, Instant, ListenOrder, Output, Refusal, Report, Ticket, TlsFacts, TlsFault, TlsOrder,
    TlsVersion,
};

use crate::book::{Book, hides_secrets};
use crate::setup::Setup;

/// How many deadlines in a row may pass before everything a session waits for has been given up.
const MOST_DEADLINES: usize = 400;

/// Bytes of the record of a session, which is looked through for secrets.
const RECORD: usize = 1 << 16;

/// A session under test.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) book: Book,
    pub(crate) now: Instant,
    peer: IpAddr,
    /// Orders that wait for their report.
    pub(crate) hand: Vec<Order>,
    /// Orders the machine has given up. Their reports must not matter any more.
    pub(crate) stale: Vec<Order>,
    /// Every data connection there was.
    pub(crate) data: Vec<DataId>,
    /// The line that the server has begun.
    line: Vec<u8>,
}

thread_local! {
    /// Whether servers repeat the secrets they are told, and how often they have.
    static REPEATS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Runs an oracle over the client with a server that repeats every secret it is told, in every reply; how often it did.
pub(crate) fn repeating(check: fn(&[u8]), data: &[u8]) -> u64 {
    REPEATS.set(Some(0));
    check(data);
    REPEATS.take().unwrap_or(0)
}

/// Any order.
#[derive(Debug)]
pub(crate) enum Order {
    Connect(ConnectOrder),
    Listen(ListenOrder),
    Accept(AcceptOrder),
    Secure(TlsOrder),
    Clear(TlsOrder),
    Flow(FlowOrder),
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let now = Instant::from_millis(1000);
        let config = setup.config();
        let mut world = World {
            client: Client::new(config.clone(), setup.peer(), now),
            book: Book::new(config, setup.user()),
            now,
            peer: setup.peer(),
            hand: Vec::new(),
            stale: Vec::new(),
            data: Vec::new(),
            line: Vec::new(),
        };
        world.client.start_recording(RECORD);
        world.settle();
        world
    }

    /// The application asks; a refusal changes nothing.
    pub(crate) fn ask<O>(
        &mut self,
        ask: impl FnOnce(&mut Client, Instant) -> Result<Ticket<O>, Refusal>,
    ) {
        let before = (
            self.client.outgoing().to_vec(),
            self.client.deadline(),
            self.client.session().clone(),
        );
        match ask(&mut self.client, self.now) {
            Ok(ticket) => self.book.asked(ticket.id()),
            Err(refusal) => {
                hides_secrets(&refusal.to_string());
                let after = (
                    self.client.outgoing().to_vec(),
                    self.client.deadline(),
                    self.client.session().clone(),
                );
                assert_eq!(after, before, "refused ({refusal}), and yet changed");
                assert!(
                    self.client.poll().is_none(),
                    "refused ({refusal}), and yet something came of it"
                );
            }
        }
        self.settle();
    }

    /// Nobody waits for a request any more. That of a request that is over changes nothing.
    pub(crate) fn withdraw(&mut self, index: u8) {
        let Some((ticket, over)) = self.book.ticket(usize::from(index)) else {
            return;
        };
        let withdrawn = self.client.withdraw(self.now, ticket);
        assert_eq!(withdrawn.is_err(), over, "{ticket:?}: {withdrawn:?}");
        self.settle();
    }

    /// One thing from the world.
    pub(crate) fn handle(&mut self, input: Input<'_>) {
        trace(&input);
        match input {
            Input::Control(bytes) if REPEATS.get().is_some() => {
                let said = self.repeating(bytes);
                self.client.handle(self.now, Input::Control(&said));
            }
            input => self.client.handle(self.now, input),
        }
        self.settle();
    }

    /// What the server says, with the secrets it was told at the end of each line that begins with a code. What is between may be names,
    /// and the rest of a line that names the file of STOU is one: those are values.
    fn repeating(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                let line = core::mem::take(&mut self.line);
                let coded = line.len() >= 3 && line.iter().take(3).all(u8::is_ascii_digit);
                let names = line
                    .windows(5)
                    .any(|part| part.eq_ignore_ascii_case(b"FILE:"));
                if coded && !names {
                    for secret in self.book.told() {
                        REPEATS.set(REPEATS.get().map(|times| times + 1));
                        said.push(b' ');
                        said.extend_from_slice(secret.as_bytes());
                    }
                }
            } else {
                self.line.push(*byte);
            }
            said.push(*byte);
        }
        said
    }

    /// At most `most` bytes of what is outgoing go to the server.
    pub(crate) fn flush(&mut self, most: usize) {
        let outgoing = self.client.outgoing();
        let count = outgoing.len().min(most);
        let bytes = outgoing.get(..count).unwrap_or_default().to_vec();
        if !bytes.is_empty() {
            self.book.written(&bytes);
            self.client.consume_outgoing(count);
            self.settle();
        }
    }

    /// The deadline passes, if there is one: something must come of it.
    pub(crate) fn pass_deadline(&mut self) -> bool {
        let Some(deadline) = self.client.deadline() else {
            return false;
        };
        self.now = self.now.max(deadline);
        let outgoing = self.client.outgoing().to_vec();
        self.client.handle(self.now, Input::Timeout);
        let moved = self.client.deadline() != Some(deadline);
        let said = self.client.outgoing() != outgoing;
        let told = self.settle() > 0;
        assert!(
            moved || said || told,
            "a deadline passes and nothing comes of it"
        );
        true
    }

    /// Carries out the order at `index` of those in hand.
    pub(crate) fn report(&mut self, index: usize, outcome: Outcome) {
        if self.hand.is_empty() {
            return;
        }
        let order = self.hand.remove(index % self.hand.len());
        match (&order, outcome.works()) {
            (Order::Secure(order), works) if order.channel() == Channel::Control => {
                if works {
                    self.book.secured();
                } else {
                    self.book.handshake_failed = true;
                }
            }
            (Order::Clear(_), true) => self.book.cleared(),
            (Order::Clear(_), false) => self.book.handshake_failed = true,
            (Order::Flow(_), _) => {
                self.book.moved.insert(outcome.bytes);
            }
            _ => {}
        }
        let report = order.report(self.peer, outcome);
        self.handle(Input::Report(report));
    }

    /// Reports an order the machine has given up: nothing comes of it.
    pub(crate) fn report_stale(&mut self, index: usize, outcome: Outcome) {
        if self.stale.is_empty() {
            return;
        }
        let order = self.stale.remove(index % self.stale.len());
        let shown = format!("{order:?}");
        let before = (
            self.client.outgoing().to_vec(),
            self.client.deadline(),
            self.client.session().clone(),
        );
        let report = order.report(self.peer, outcome);
        self.client.handle(self.now, Input::Report(report));
        let after = (
            self.client.outgoing().to_vec(),
            self.client.deadline(),
            self.client.session().clone(),
        );
        assert_eq!(after, before, "the stale {shown} matters");
        assert_eq!(self.settle(), 0, "the stale {shown} matters");
    }

    /// Payload moved on a data connection.
    pub(crate) fn progress(&mut self, index: usize, bytes: u64) {
        if let Some(&data) = self.data.get(index % self.data.len().max(1)) {
            self.book.moved.insert(bytes);
            self.handle(Input::Progress(data, bytes));
        }
    }

    /// An upload's source is at its end.
    pub(crate) fn source_ended(&mut self, index: usize) {
        if let Some(&data) = self.data.get(index % self.data.len().max(1)) {
            self.handle(Input::SourceEnded(data));
        }
    }

    /// The server falls silent, then closes: everything ends, in bounded time, and every ticket with it.
    pub(crate) fn wind_down(mut self) {
        self.flush(usize::MAX);
        self.let_deadlines_pass();
        self.book.check_tickets();
        hides_secrets(&format!("{:?}", self.client));
        self.handle(Input::ControlEof);
        self.let_deadlines_pass();
        assert!(
            self.book.is_closed(),
            "the end of the connection is not the end"
        );
        assert!(self.client.is_closed());
        self.ask(Client::noop);
        self.handle(Input::Control(b"220 too late\r\n"));
        self.handle(Input::ControlEof);
        while !self.stale.is_empty() {
            self.report_stale(0, Outcome::GOOD);
        }
        hides_secrets(&format!("{:?}", self.client));
        self.explains_without_secrets();
    }

    /// What may be behind each failure, and the record of it all.
    fn explains_without_secrets(&self) {
        for failure in self.book.failures.iter().map(Some).chain([None]) {
            let diagnosis = self.client.diagnose(failure);
            hides_secrets(&format!("{diagnosis} {diagnosis:?}"));
        }
        if let Some(record) = self.client.recording() {
            hides_secrets(&record.to_string());
            hides_secrets(&record.to_json_lines());
        }
    }

    fn let_deadlines_pass(&mut self) {
        let mut passed = 0;
        while self.pass_deadline() {
            self.flush(usize::MAX);
            passed += 1;
            assert!(passed < MOST_DEADLINES, "a session that never gives up");
        }
    }

    /// Takes everything that comes out, and looks at what is left. Says how much it was.
    fn settle(&mut self) -> usize {
        let mut count = 0;
        while let Some(output) = self.client.poll() {
            count += 1;
            assert!(count < 10_000, "outputs without end");
            trace(&output);
            match output {
                Output::Event(event) => self.book.event(&event),
                Output::Effect(effect) => {
                    hides_secrets(&format!("{effect:?}"));
                    assert!(!self.book.is_closed(), "{effect:?} after the end");
                    take(
                        &mut self.book,
                        &mut self.hand,
                        &mut self.stale,
                        &mut self.data,
                        effect,
                    );
                }
            }
        }
        assert!(self.client.poll().is_none(), "an output after the last one");
        let outgoing = self.client.outgoing();
        assert!(
            outgoing.is_empty() || outgoing.ends_with(b"\n"),
            "half a line is outgoing"
        );
        let _ = self.client.evidence();
        if self.book.switching {
            assert!(outgoing.is_empty(), "outgoing while protection changes");
            assert!(
                !self.client.reads_control(),
                "reading while protection changes"
            );
        }
        if self.book.is_closed() {
            assert!(self.client.is_closed());
            assert!(outgoing.is_empty(), "outgoing after the end");
            assert_eq!(self.client.deadline(), None, "a deadline after the end");
            assert!(!self.client.reads_control(), "reading after the end");
            assert!(
                self.hand.is_empty(),
                "orders left at the end: {:?}",
                self.hand
            );
        } else {
            assert!(
                self.client.deadline().is_some() || !self.book.waits() && self.hand.is_empty(),
                "waits without a deadline"
            );
        }
        count
    }
}

/// Tells the story of a session, if `FUZZ_TRACE` is set.
fn trace(what: &impl Debug) {
    static WANTED: OnceLock<bool> = OnceLock::new();
    if *WANTED.get_or_init(|| std::env::var_os("FUZZ_TRACE").is_some()) {
        eprintln!("{what:?}");
    }
}

/// What a driver does with an effect, and what must hold of it.
fn take(
    book: &mut Book,
    hand: &mut Vec<Order>,
    stale: &mut Vec<Order>,
    data: &mut Vec<DataId>,
    effect: Effect,
) {
    let order = match effect {
        Effect::SecureControl(order) => {
            assert_eq!(order.channel(), Channel::Control);
            assert!(!book.secure, "TLS within TLS");
            book.switching = true;
            Order::Secure(order)
        }
        Effect::ClearControl(order) => {
            assert!(book.secure, "clear text within clear text");
            book.switching = true;
            Order::Clear(order)
        }
        Effect::CloseControl => {
            book.control_ends();
            give_up(hand, stale, Channel::Control);
            return;
        }
        Effect::CloseData(data, _) => {
            give_up(hand, stale, Channel::Data(data));
            return;
        }
        Effect::Connect(order) => {
            book.connects(&order);
            data.push(order.data());
            Order::Connect(order)
        }
        Effect::Listen(order) => {
            data.push(order.data());
            Order::Listen(order)
        }
        Effect::Accept(order) => {
            book.data_allowed();
            Order::Accept(order)
        }
        Effect::SecureData(order) => {
            assert_ne!(order.channel(), Channel::Control);
            Order::Secure(order)
        }
        Effect::Flow(order) => {
            book.flows(&order);
            Order::Flow(order)
        }
    };
    // A driver has one place for each kind of order.
    let taken = hand.iter().find(|other| other.is_like(&order));
    assert!(taken.is_none(), "{order:?} on top of {taken:?}");
    hand.push(order);
}

fn give_up(hand: &mut Vec<Order>, stale: &mut Vec<Order>, channel: Channel) {
    stale.extend(hand.extract_if(.., |order| order.channel() == channel));
}

impl Order {
    fn channel(&self) -> Channel {
        match self {
            Order::Connect(order) => Channel::Data(order.data()),
            Order::Listen(order) => Channel::Data(order.data()),
            Order::Accept(order) => Channel::Data(order.data()),
            Order::Flow(order) => Channel::Data(order.data()),
            Order::Secure(order) | Order::Clear(order) => order.channel(),
        }
    }

    /// Of the same kind, for the same kind of connection.
    fn is_like(&self, other: &Order) -> bool {
        core::mem::discriminant(self) == core::mem::discriminant(other)
            && (self.channel() == Channel::Control) == (other.channel() == Channel::Control)
    }

    fn report(self, peer: IpAddr, outcome: Outcome) -> Report {
        let works = outcome.works();
        match self {
            Order::Connect(order) if works => order.connected(),
            Order::Connect(order) => order.failed(outcome.fault()),
            Order::Listen(order) if works => {
                let local: IpAddr = if peer.is_ipv4() {
                    IpAddr::from([192, 0, 2, 77])
                } else {
                    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77])
                };
                order.listening(SocketAddr::new(local, 40_000))
            }
            Order::Listen(order) => order.failed(outcome.fault()),
            Order::Accept(order) if works => order.accepted(peer),
            Order::Accept(order) if outcome.way % 3 == 1 => {
                order.accepted(IpAddr::from([203, 0, 113, 9]))
            }
            Order::Accept(order) => order.failed(outcome.fault()),
            Order::Secure(order) if works => order.secured(outcome.facts()),
            Order::Clear(order) if works => order.cleared(),
            Order::Secure(order) | Order::Clear(order) => order.failed(outcome.tls_fault()),
            Order::Flow(order) => {
                let sends = order.direction() == Direction::Send;
                let end = match outcome.way % 8 {
                    0 | 1 if order.protected() => DataEnd::CloseNotify,
                    0..=2 => DataEnd::Fin,
                    3 => DataEnd::CloseNotify,
                    4 => DataEnd::Failed(outcome.fault()),
                    5 => DataEnd::Tls(outcome.tls_fault()),
                    6 => DataEnd::Local,
                    _ => DataEnd::Fin,
                };
                order.finished(FlowEnd {
                    bytes: outcome.bytes,
                    source_ended: sends && outcome.way & 0x10 == 0,
                    end,
                })
            }
        }
    }
}

/// What becomes of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// 0 is as everybody wishes.
    pub(crate) way: u8,
    /// Payload moved, for a flow.
    pub(crate) bytes: u64,
}

impl Outcome {
    pub(crate) const GOOD: Outcome = Outcome {
        way: 0,
        bytes: 1000,
    };

    fn works(self) -> bool {
        self.way.is_multiple_of(3)
    }

    fn fault(self) -> Fault {
        match self.way >> 2 & 7 {
            0 => Fault::Refused,
            1 => Fault::Unreachable,
            2 => Fault::TimedOut,
            3 => Fault::Reset,
            4 => Fault::AddressInUse,
            5 => Fault::Denied,
            _ => Fault::Other,
        }
    }

    fn tls_fault(self) -> TlsFault {
        match self.way >> 3 & 7 {
            0 => TlsFault::NotTls,
            1 => TlsFault::ClosedInHandshake,
            2 => TlsFault::UnknownIssuer,
            3 => TlsFault::Alert(self.way),
            4 => TlsFault::Corrupt,
            5 => TlsFault::ClosedAtHello,
            6 => TlsFault::Local,
            _ => TlsFault::Other,
        }
    }

    fn facts(self) -> TlsFacts {
        TlsFacts {
            version: if self.way & 0x20 == 0 {
                TlsVersion::Tls13
            } else {
                TlsVersion::Tls12
            },
            resumed: self.way & 0x40 != 0,
            hello_retry: self.way & 0x80 != 0,
        }
    }
}

/// Time passes.
impl World {
    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }
}
