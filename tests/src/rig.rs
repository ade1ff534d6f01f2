//! A client machine on a bench: no sockets, no TLS, a clock that stands still until told otherwise.
//!
//! A [`Rig`] drives one [`Client`] as a driver would, keeps its orders on a [`Desk`], and lets a test speak for the
//! server and the network. After every step it checks what must hold whatever happens: see [`Rig::settle`].
//!
//! ```
//! use ftp_proto::Config;
//! use ftp_proto_tests::rig::Rig;
//!
//! let mut rig = Rig::new(Config::default());
//! rig.reply("220 hi\r\n");
//! assert_eq!(rig.sent(), ["AUTH TLS"]);
//! rig.reply("234 go on\r\n").secure_ok();
//! assert!(rig.ready());
//! ```

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ftp_proto::client::{ClearText, Security};
use ftp_proto::trace::{Trace, replay};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::digest::Hashed;
use ftp_proto::wire::reply::Reply;
use ftp_proto::{
    Client, Config, DataEnd, DataTarget, Desk, DigestDone, Direction, Done, Effect, Event, Failure,
    FailureKind, Fault, Features, FinalReply, FlowEnd, Input, Instant, Note, Operation, Output,
    Plain, Report, Secret, Ticket, TicketId, Tickets, TlsFacts, TlsFault, TlsVersion, Transfer,
    TransferDone, Transferred,
};

/// The password every rig logs in with. It must show up in PASS and nowhere else.
pub const CANARY: &str = "c4n4ry-s3cr3t";

/// The user every rig logs in as.
pub const USER: &str = "alice";

/// The address of the server, unless said otherwise.
pub const PEER: &str = "192.0.2.1";

/// Where the automatic listener can be reached.
pub const LISTENER: &str = "198.51.100.7";

/// Its port.
pub const LISTENER_PORT: u16 = 50_000;

/// More outputs than this from one input are taken for an endless loop.
const QUIESCENT_WITHIN: usize = 1000;

/// More deadlines than this in a row, with nothing coming in, are taken for an endless wait.
const SILENCE_ENDS_WITHIN: usize = 200;

/// Bytes of a record. Sessions on the bench are shorter.
const RECORD: usize = 256 << 20;

/// One client machine, what came out of it, and the world as far as it goes.
pub struct Rig {
    client: Client,
    now: Instant,
    desk: Desk,
    /// Everything that came out, in order.
    log: Vec<Seen>,
    /// Lines that left and were not asked for yet, by write.
    writes: Vec<Vec<String>>,
    /// Tickets whose result is due.
    open: BTreeSet<TicketId>,
    finished: BTreeSet<TicketId>,
    closed: bool,
    /// Connects, secures and accepts data connections at once.
    pub auto_data: bool,
    /// Secures, and clears, the control connection at once.
    pub auto_control: bool,
    /// Checks after each step that silence ends. On unless a test runs thousands of steps.
    pub checks_silence: bool,
    /// Checks that bytes may come in any two pieces. On unless a test says otherwise.
    pub checks_splits: bool,
    /// Checks that a server may repeat the password in whatever it says. On unless a test says otherwise.
    pub checks_echo: bool,
    /// Checks that the record of the session, replayed, leads to the same end. On unless the machine is under a law of its own.
    pub checks_replay: bool,
    /// The password has left.
    told: bool,
}

/// One thing that came out of the machine, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A command was put in line; secrets are masked.
    Sent(String),
    /// A reply came, to this command.
    Received(Option<Verb>, u16, String),
    /// Greeting and security are over.
    Ready(bool),
    /// A note.
    Note(Note),
    /// A request is over.
    Finished(TicketId, Result<Got, Failure>),
    /// The session is over.
    Closed(Option<Failure>),
    /// An effect.
    Did(Act),
}

/// The result of a request, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// Nothing to tell.
    Nothing,
    /// A transfer.
    Transfer(Transfer),
    /// A reply.
    Reply(FinalReply),
    /// A path name.
    PathName(Option<Vec<u8>>),
    /// A size in bytes.
    Size(u64),
    /// A time.
    Time(ftp_proto::wire::date::Timestamp),
    /// A digest.
    Digest(Hashed),
    /// Features.
    Features(Features),
}

/// An effect without its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Start TLS on the control connection.
    SecureControl,
    /// End TLS on the control connection.
    ClearControl,
    /// Close the control connection.
    CloseControl,
    /// Connect for data.
    Connect(DataTarget),
    /// Listen for data.
    Listen,
    /// Accept a data connection.
    Accept,
    /// Start TLS on the data connection.
    SecureData,
    /// Move payload.
    Flow {
        /// Which way.
        direction: Direction,
        /// TYPE A.
        ascii: bool,
        /// Under TLS.
        protected: bool,
    },
    /// Close this data connection.
    CloseData(u32),
}

impl Rig {
    /// A machine on a control connection to [`PEER`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Rig::to(config, PEER)
    }

    /// A machine on a control connection to `peer`.
    #[must_use]
    pub fn to(config: Config, peer: &str) -> Self {
        let peer = peer.parse().expect("an address");
        Rig::with(|now| Client::new(config, peer, now))
    }

    /// A machine the test makes.
    #[must_use]
    pub fn with(make: impl FnOnce(Instant) -> Client) -> Self {
        let now = Instant::from_millis(1_000_000);
        let mut rig = Rig {
            client: make(now),
            now,
            desk: Desk::default(),
            log: Vec::new(),
            writes: Vec::new(),
            open: BTreeSet::new(),
            finished: BTreeSet::new(),
            closed: false,
            auto_data: false,
            auto_control: false,
            checks_silence: true,
            checks_splits: true,
            checks_echo: true,
            checks_replay: true,
            told: false,
        };
        rig.client.start_recording(RECORD);
        rig.settle();
        rig
    }

    /// Logged in under TLS with PROT P, nothing waiting. The log is empty.
    #[must_use]
    pub fn secure(config: Config) -> Self {
        Rig::secure_to(config, PEER)
    }

    /// As [`Rig::secure`], to another server.
    #[must_use]
    pub fn secure_to(config: Config, peer: &str) -> Self {
        let mut rig = Rig::to(config, peer);
        let login = rig.login();
        rig.reply("220 ready\r\n")
            .reply("234 go on\r\n")
            .secure_ok();
        rig.log_in_replies(true);
        assert_eq!(rig.result(login), Some(Ok(())));
        rig.forget();
        rig
    }

    /// Logged in in clear text by policy, nothing waiting. The log is empty.
    #[must_use]
    pub fn clear(config: Config) -> Self {
        Rig::clear_to(config, PEER)
    }

    /// As [`Rig::clear`], to another server.
    #[must_use]
    pub fn clear_to(mut config: Config, peer: &str) -> Self {
        config.security = Security::clear(ClearText::Everybody);
        let mut rig = Rig::to(config, peer);
        let login = rig.login();
        rig.reply("220 ready\r\n");
        rig.log_in_replies(false);
        assert_eq!(rig.result(login), Some(Ok(())));
        rig.forget();
        rig
    }

    /// Answers USER and PASS, and PBSZ and PROT, in lock-step or batched.
    fn log_in_replies(&mut self, secure: bool) {
        self.reply("331 password\r\n").reply("230 in\r\n");
        if secure {
            self.reply("200 PBSZ=0\r\n").reply("200 private\r\n");
        }
    }

    // ---- the application

    /// The machine itself, to look at.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks the machine for something.
    pub fn ask<O>(
        &mut self,
        request: impl FnOnce(&mut Client, Instant) -> Result<Ticket<O>, ftp_proto::Refusal>,
    ) -> Ticket<O> {
        self.try_ask(request).expect("not refused")
    }

    /// Asks the machine for something it may refuse.
    ///
    /// # Errors
    /// Its refusal; then nothing has changed, which is checked.
    pub fn try_ask<O>(
        &mut self,
        request: impl FnOnce(&mut Client, Instant) -> Result<Ticket<O>, ftp_proto::Refusal>,
    ) -> Result<Ticket<O>, ftp_proto::Refusal> {
        let before = self.client.clone();
        let ticket = request(&mut self.client, self.now);
        match &ticket {
            Ok(ticket) => {
                assert!(
                    self.open.insert(ticket.id()) && !self.finished.contains(&ticket.id()),
                    "{ticket:?} was given out twice"
                );
            }
            Err(refusal) => assert!(
                before.session() == self.client.session()
                    && before.outgoing() == self.client.outgoing()
                    && before.deadline() == self.client.deadline()
                    && before.reads_control() == self.client.reads_control(),
                "{refusal:?}, and yet something has changed"
            ),
        }
        self.settle();
        ticket
    }

    /// Nobody waits for a request any more.
    ///
    /// # Errors
    /// A refusal.
    pub fn withdraw(&mut self, ticket: ftp_proto::TicketId) -> Result<(), ftp_proto::Refusal> {
        let withdrawn = self.client.withdraw(self.now, ticket);
        self.settle();
        withdrawn
    }

    /// Logs in as [`USER`] with [`CANARY`].
    pub fn login(&mut self) -> Ticket<Plain> {
        self.ask(|client, now| {
            client.login(now, USER.as_bytes(), Secret::new(CANARY.as_bytes()), None)
        })
    }

    /// RETR without options.
    pub fn retrieve(&mut self, path: &str) -> Ticket<Transferred> {
        self.ask(|client, now| client.retrieve(now, path.as_bytes(), Default::default()))
    }

    /// STOR without options.
    pub fn store(&mut self, path: &str) -> Ticket<Transferred> {
        self.ask(|client, now| client.store(now, path.as_bytes(), Default::default()))
    }

    // ---- the server

    /// The server says something. The machine must be listening.
    pub fn reply(&mut self, text: &str) -> &mut Self {
        assert!(
            self.client.reads_control(),
            "nobody listens to {text:?}; {}",
            self.story()
        );
        self.bytes(text.as_bytes())
    }

    /// Bytes come in on the control connection, wanted or not.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.handle(Input::Control(bytes))
    }

    /// The server closes the control connection.
    pub fn eof(&mut self) -> &mut Self {
        self.handle(Input::ControlEof)
    }

    // ---- the network

    /// TLS is established on the control connection, or has ended there.
    pub fn secure_ok(&mut self) -> &mut Self {
        let order = self.desk.secure_control.take().expect("no TLS was ordered");
        self.handle(Input::Report(order.secured(FULL_HANDSHAKE)))
    }

    /// TLS fails on the control connection.
    pub fn secure_failed(&mut self, fault: TlsFault) -> &mut Self {
        let order = self.desk.secure_control.take().expect("no TLS was ordered");
        self.handle(Input::Report(order.failed(fault)))
    }

    /// TLS has ended on the control connection.
    pub fn cleared(&mut self) -> &mut Self {
        let order = self.desk.clear_control.take().expect("no end was ordered");
        self.handle(Input::Report(order.cleared()))
    }

    /// The data connection is up.
    pub fn data_connected(&mut self) -> &mut Self {
        let order = self.desk.connect.take().expect("nothing to connect");
        self.handle(Input::Report(order.connected()))
    }

    /// The data connection cannot be made, or the listener not set up.
    pub fn data_failed(&mut self, fault: Fault) -> &mut Self {
        let report = if let Some(order) = self.desk.connect.take() {
            order.failed(fault)
        } else if let Some(order) = self.desk.listen.take() {
            order.failed(fault)
        } else {
            self.desk
                .accept
                .take()
                .expect("no data order")
                .failed(fault)
        };
        self.handle(Input::Report(report))
    }

    /// The listener is up.
    pub fn listening(&mut self, advertised: &str) -> &mut Self {
        let order = self.desk.listen.take().expect("no listener was ordered");
        let address: SocketAddr = advertised.parse().expect("an address");
        self.handle(Input::Report(order.listening(address)))
    }

    /// Somebody connects to the listener.
    pub fn accepted(&mut self, from: &str) -> &mut Self {
        let order = self.desk.accept.take().expect("nothing to accept");
        let from: IpAddr = from.parse().expect("an address");
        self.handle(Input::Report(order.accepted(from)))
    }

    /// TLS is established on the data connection.
    pub fn data_secured(&mut self) -> &mut Self {
        let order = self.desk.secure_data.take().expect("no data TLS ordered");
        self.handle(Input::Report(order.secured(RESUMED)))
    }

    /// TLS is established on the data connection, and resumes nothing.
    pub fn data_secured_afresh(&mut self) -> &mut Self {
        let order = self.desk.secure_data.take().expect("no data TLS ordered");
        self.handle(Input::Report(order.secured(FULL_HANDSHAKE)))
    }

    /// TLS fails on the data connection.
    pub fn data_insecure(&mut self, fault: TlsFault) -> &mut Self {
        let order = self.desk.secure_data.take().expect("no data TLS ordered");
        self.handle(Input::Report(order.failed(fault)))
    }

    /// Payload moves.
    pub fn progress(&mut self, bytes: u64) -> &mut Self {
        let data = self.desk.flow.as_ref().expect("nothing flows").data();
        self.handle(Input::Progress(data, bytes))
    }

    /// The flow is over. An upload that ends in order has read its source to the end.
    pub fn flow_finished(&mut self, bytes: u64, end: DataEnd) -> &mut Self {
        let order = self.desk.flow.take().expect("nothing flows");
        let source_ended = order.direction() == Direction::Send
            && matches!(end, DataEnd::CloseNotify | DataEnd::Fin);
        self.handle(Input::Report(order.finished(FlowEnd {
            bytes,
            source_ended,
            end,
        })))
    }

    /// How many more data connections can resume TLS.
    pub fn tickets(&mut self, tickets: Tickets) -> &mut Self {
        self.handle(Input::Tickets(tickets))
    }

    // ---- time

    /// Time passes until the deadline, and the machine is told.
    pub fn tick_to_deadline(&mut self) -> &mut Self {
        let deadline = self.client.deadline().expect("no deadline");
        self.now = self.now.max(deadline);
        self.handle(Input::Timeout)
    }

    /// Behind an abort the client has asked PWD, and nothing else: it is answered.
    pub fn barrier(&mut self) -> &mut Self {
        assert_eq!(self.sent(), ["PWD"], "the barrier");
        self.reply("257 \"/\"\r\n")
    }

    /// As [`Rig::tick_to_deadline`], if there is a deadline.
    pub fn tick_to_deadline_if_any(&mut self) -> &mut Self {
        if self.client.deadline().is_some() {
            self.tick_to_deadline();
        }
        self
    }

    /// Time passes. Deadlines on the way are met.
    pub fn pass(&mut self, time: Duration) -> &mut Self {
        let until = self.now + time;
        while self.client.deadline().is_some_and(|at| at <= until) && !self.closed {
            self.tick_to_deadline();
        }
        self.now = until;
        self
    }

    /// How long until the deadline.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.client.deadline().map(|at| at.since(self.now))
    }

    /// What the time is.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Sets the clock, backwards too, without telling the machine.
    pub fn set_clock(&mut self, now: Instant) {
        self.now = now;
    }

    // ---- what came out

    /// The command lines that left since this was last asked, without line ends.
    pub fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.writes).concat()
    }

    /// As [`Rig::sent`], by write.
    pub fn writes(&mut self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.writes)
    }

    /// Everything that came out since [`Rig::forget`].
    #[must_use]
    pub fn log(&self) -> &[Seen] {
        &self.log
    }

    /// Empties the log and the list of lines sent.
    pub fn forget(&mut self) {
        self.log.clear();
        self.writes.clear();
    }

    /// The result of a request; `None` if it is not over.
    pub fn result<O: Operation>(&self, ticket: Ticket<O>) -> Option<Result<O::Done, Failure>> {
        self.log.iter().find_map(|seen| match seen {
            Seen::Finished(id, result) if *id == ticket.id() => {
                let event = Event::Finished {
                    ticket: *id,
                    result: result.as_ref().map(shown),
                };
                Some(ticket.claim(&event).expect("a result of another kind"))
            }
            _ => None,
        })
    }

    /// How a request failed.
    pub fn failure<O: Operation>(&self, ticket: Ticket<O>) -> Failure {
        match self.result(ticket) {
            Some(Err(failure)) => failure,
            Some(Ok(_)) => panic!("{ticket:?} succeeded; {}", self.story()),
            None => panic!("{ticket:?} is not over; {}", self.story()),
        }
    }

    /// What kind of failure a request ended with.
    pub fn failed<O: Operation>(&self, ticket: Ticket<O>) -> FailureKind {
        self.failure(ticket).kind
    }

    /// The result of a request that succeeded.
    pub fn done<O: Operation>(&self, ticket: Ticket<O>) -> O::Done {
        match self.result(ticket) {
            Some(Ok(done)) => done,
            Some(Err(failure)) => panic!("{ticket:?}: {failure}; {}", self.story()),
            None => panic!("{ticket:?} is not over; {}", self.story()),
        }
    }

    /// Notes since [`Rig::forget`].
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        self.log
            .iter()
            .filter_map(|seen| match seen {
                Seen::Note(note) => Some(*note),
                _ => None,
            })
            .collect()
    }

    /// Effects since [`Rig::forget`].
    #[must_use]
    pub fn acts(&self) -> Vec<Act> {
        self.log
            .iter()
            .filter_map(|seen| match seen {
                Seen::Did(act) => Some(*act),
                _ => None,
            })
            .collect()
    }

    /// Whether an effect came out since [`Rig::forget`].
    #[must_use]
    pub fn did(&self, act: Act) -> bool {
        self.acts().contains(&act)
    }

    /// Whether greeting and security are over.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.log.iter().any(|seen| matches!(seen, Seen::Ready(_)))
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// How the session ended: with this failure, or well.
    #[must_use]
    pub fn end(&self) -> Option<Failure> {
        match self.log.last() {
            Some(Seen::Closed(failure)) => failure.clone(),
            _ => panic!("the session is not over; {}", self.story()),
        }
    }

    /// What kind of failure the session ended with.
    #[must_use]
    pub fn end_kind(&self) -> Option<FailureKind> {
        self.end().map(|failure| failure.kind)
    }

    /// The orders in hand.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The orders in hand, to be carried out by the test itself.
    pub fn desk_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }

    /// Everything so far, to be read by a person.
    #[must_use]
    pub fn story(&self) -> String {
        let mut story = String::from("so far:\n");
        for seen in &self.log {
            story.push_str(&format!("  {seen:?}\n"));
        }
        story.push_str(&format!("  still open: {:?}\n", self.open));
        story
    }

    // ---- the loop

    /// Gives the machine one thing, and carries out what follows.
    pub fn handle(&mut self, input: Input<'_>) -> &mut Self {
        let expired = matches!(input, Input::Timeout).then(|| self.client.clone());
        if let Input::Control(bytes) = input
            && self.checks_splits
        {
            self.check_splits(bytes);
        }
        if let Input::Control(bytes) = input
            && self.checks_echo
            && self.told
        {
            self.check_echo(bytes);
        }
        self.client.handle(self.now, input);
        if let Some(before) = expired {
            assert!(
                before.deadline().is_none_or(|at| at > self.now)
                    || self.client.is_closed()
                    || before.deadline() != self.client.deadline()
                    || before != self.client,
                "a deadline passed and nothing happened; {}",
                self.story()
            );
        }
        self.settle();
        self
    }

    /// Polls, flushes and carries out until nothing more comes, then checks what must always hold:
    ///
    /// * every outgoing line is a verb, an argument and one CRLF, with no CR, LF, NUL inside;
    /// * the machine comes to rest;
    /// * each ticket is finished at most once, and all are when the session is closed;
    /// * the session is closed once, and nothing comes afterwards;
    /// * something has a deadline as long as a request is open, and silence from here on ends every one of them;
    /// * bytes give the same result in two pieces as in one, wherever they are cut;
    /// * no event, failure, diagnosis and debug text shows the password, and none would if each line of the server repeated it.
    pub fn settle(&mut self) {
        let automatic = self.automatic();
        let mut output = Vec::new();
        run(
            &mut self.client,
            &mut self.desk,
            self.now,
            automatic,
            &mut output,
            &mut self.writes,
        );
        let left = self.writes.iter().flatten();
        self.told |= left.into_iter().any(|line| line.contains(CANARY));
        for seen in output {
            assert!(!self.closed, "{seen:?} after Closed");
            match &seen {
                Seen::Finished(ticket, _) => {
                    assert!(
                        self.open.remove(ticket) && self.finished.insert(*ticket),
                        "{ticket:?} was not open; {}",
                        self.story()
                    );
                }
                Seen::Closed(_) => self.closed = true,
                _ => {}
            }
            self.log.push(seen);
        }
        if self.closed {
            assert!(self.open.is_empty(), "never finished; {}", self.story());
            assert!(self.client.is_closed());
            assert_eq!(self.client.deadline(), None);
            assert!(!self.client.reads_control());
            return;
        }
        let waits = !self.open.is_empty() || !self.client.session().protection.settled();
        assert!(
            !waits || self.client.deadline().is_some(),
            "waits without a deadline; {}",
            self.story()
        );
        if self.checks_silence {
            self.check_silence();
        }
    }

    fn automatic(&self) -> Automatic {
        Automatic {
            data: self.auto_data,
            control: self.auto_control,
            inspected: true,
        }
    }

    /// The bytes that are about to come in give the same in two pieces.
    fn check_splits(&self, bytes: &[u8]) {
        let whole = self.after(&[bytes]);
        for at in 1..bytes.len() {
            let (first, second) = bytes.split_at(at);
            let split = self.after(&[first, second]);
            assert!(
                whole == split,
                "{:?} in one: {whole:?}\ncut at {at}: {split:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    /// A server that repeats the password in each line of the bytes that are about to come in would not get it shown.
    fn check_echo(&self, bytes: &[u8]) {
        let mut client = self.client.clone();
        client.handle(self.now, Input::Control(&repeating(bytes)));
        let (mut desk, mut output, mut writes) = (Desk::default(), Vec::new(), Vec::new());
        run(
            &mut client,
            &mut desk,
            self.now,
            self.automatic(),
            &mut output,
            &mut writes,
        );
        shows_no_failure_canary(&client, &output);
    }

    /// What the machine would do and be after these pieces, each kind of output by itself: commands are put in line once
    /// all that has come in is read, so cuts may change how different kinds mix.
    fn after(&self, pieces: &[&[u8]]) -> impl PartialEq + Debug + use<> {
        let mut client = self.client.clone();
        let mut desk = Desk::default();
        let (mut output, mut writes) = (Vec::new(), Vec::new());
        let automatic = Automatic {
            inspected: false,
            ..self.automatic()
        };
        for piece in pieces {
            client.handle(self.now, Input::Control(piece));
            run(
                &mut client,
                &mut desk,
                self.now,
                automatic,
                &mut output,
                &mut writes,
            );
        }
        output.sort_by_key(|seen| match seen {
            Seen::Sent(_) => 0,
            Seen::Received(..) => 1,
            Seen::Ready(_) => 2,
            Seen::Note(_) => 3,
            Seen::Finished(..) => 4,
            Seen::Closed(_) => 5,
            Seen::Did(_) => 6,
        });
        (
            output,
            writes.concat(),
            client.session().clone(),
            client.deadline(),
            client.reads_control(),
            client.is_closed(),
        )
    }

    /// From here on nothing comes in any more. Every open request ends all the same, and time goes on.
    fn check_silence(&self) {
        let mut client = self.client.clone();
        let mut open = self.open.clone();
        let mut last = Vec::new();
        for _ in 0..SILENCE_ENDS_WITHIN {
            let Some(deadline) = client.deadline() else {
                break;
            };
            let before = client.clone();
            client.handle(deadline, Input::Timeout);
            assert!(
                client != before,
                "the deadline passed and nothing changed; {}",
                self.story()
            );
            for _ in 0..2 {
                let waiting = client.outgoing().len();
                client.consume_outgoing(waiting);
                while let Some(output) = client.poll() {
                    last.push(format!("{output:?}"));
                    if let Output::Event(Event::Finished { ticket, .. }) = output {
                        assert!(open.remove(&ticket), "{ticket:?} is finished twice");
                    }
                }
            }
        }
        assert!(
            open.is_empty() && (client.is_closed() || client.deadline().is_none()),
            "in silence {open:?} never end; then {last:?}; {}",
            self.story()
        );
    }
}

/// What happens without the test's doing.
#[derive(Clone, Copy)]
struct Automatic {
    data: bool,
    control: bool,
    /// Whether the machine's debug text is looked at; it is long.
    inspected: bool,
}

/// Polls, flushes and reports until nothing more comes.
fn run(
    client: &mut Client,
    desk: &mut Desk,
    now: Instant,
    automatic: Automatic,
    output: &mut Vec<Seen>,
    writes: &mut Vec<Vec<String>>,
) {
    for round in 0.. {
        assert!(round < 100, "the machine does not come to rest");
        if automatic.inspected {
            let debug = format!("{client:?}");
            assert!(!shows_canary(&debug), "the password shows in {debug}");
        }
        let polled = poll_all(client, desk, output);
        let flushed = flush(client, writes);
        let report = automatic_report(desk, automatic);
        let reported = report.is_some();
        if let Some(report) = report {
            client.handle(now, Input::Report(report));
        }
        if !polled && !flushed && !reported {
            return;
        }
    }
}

fn poll_all(client: &mut Client, desk: &mut Desk, log: &mut Vec<Seen>) -> bool {
    let mut count = 0;
    while let Some(output) = client.poll() {
        count += 1;
        assert!(count < QUIESCENT_WITHIN, "outputs without end");
        let debug = format!("{output:?}");
        assert!(!shows_canary(&debug), "the password shows in {debug}");
        log.push(match output {
            Output::Effect(effect) => Seen::Did(take(desk, effect)),
            Output::Event(event) => owned(event),
        });
    }
    count > 0
}

fn flush(client: &mut Client, writes: &mut Vec<Vec<String>>) -> bool {
    let bytes = client.outgoing().to_vec();
    if bytes.is_empty() {
        return false;
    }
    assert!(bytes.ends_with(b"\r\n"), "half a line: {bytes:?}");
    let mut lines = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("ends in CRLF");
        assert!(
            !line.is_empty() && !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
            "not one line: {line:?}"
        );
        let line = String::from_utf8_lossy(line).into_owned();
        assert!(
            !line.contains(CANARY) || line.starts_with("PASS ") || line.starts_with("ACCT "),
            "the password leaves in {line}"
        );
        lines.push(line);
    }
    writes.push(lines);
    client.consume_outgoing(bytes.len());
    true
}

fn automatic_report(desk: &mut Desk, automatic: Automatic) -> Option<Report> {
    if automatic.control {
        if let Some(order) = desk.secure_control.take() {
            return Some(order.secured(FULL_HANDSHAKE));
        }
        if let Some(order) = desk.clear_control.take() {
            return Some(order.cleared());
        }
    }
    if !automatic.data {
        return None;
    }
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    if let Some(order) = desk.connect.take() {
        Some(order.connected())
    } else if let Some(order) = desk.listen.take() {
        Some(order.listening(SocketAddr::new(address(LISTENER), LISTENER_PORT)))
    } else if let Some(order) = desk.accept.take() {
        Some(order.accepted(address(PEER)))
    } else {
        desk.secure_data.take().map(|order| order.secured(RESUMED))
    }
}

/// Every session on the bench is recorded. Its record, written and read again, runs through a fresh machine with the same outcome, and shows
/// no password.
impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let trace = self.client.recording().expect("a record is kept");
        let json = trace.to_json_lines();
        let text = trace.to_string();
        assert!(!shows_canary(&json), "the password shows in {json}");
        assert!(!shows_canary(&text), "the password shows in {text}");
        shows_no_failure_canary(&self.client, &self.log);
        let read = Trace::read(&json).unwrap_or_else(|error| panic!("{error}\n{json}"));
        assert!(read == trace, "read otherwise than written:\n{json}");
        if !self.checks_replay {
            return;
        }
        match replay(&trace) {
            Ok(again) => assert!(
                again.client.session() == self.client.session()
                    && again.client.is_closed() == self.client.is_closed()
                    && again.client.deadline() == self.client.deadline(),
                "replayed to another end:\n{text}"
            ),
            Err(divergence) => panic!("{divergence}\n{text}"),
        }
    }
}

impl Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.story())
    }
}

/// TLS 1.3 from scratch.
pub const FULL_HANDSHAKE: TlsFacts = TlsFacts {
    version: TlsVersion::Tls13,
    resumed: false,
    hello_retry: false,
};

/// TLS 1.3 resumed.
pub const RESUMED: TlsFacts = TlsFacts {
    version: TlsVersion::Tls13,
    resumed: true,
    hello_retry: false,
};

/// A policy that allows clear text for everybody, other settings by default.
#[must_use]
pub fn in_clear() -> Config {
    let mut config = Config::default();
    config.security = Security::clear(ClearText::Everybody);
    config
}

/// No failure and nothing that is known about it shows the password.
fn shows_no_failure_canary(client: &Client, log: &[Seen]) {
    let failures = log.iter().filter_map(|seen| match seen {
        Seen::Finished(_, Err(failure)) | Seen::Closed(Some(failure)) => Some(failure),
        _ => None,
    });
    for failure in failures.map(Some).chain([None]) {
        let diagnosis = client.diagnose(failure);
        let text = failure.map(Failure::to_string);
        let evidence = client.evidence();
        let said = format!("{text:?} {failure:?} {diagnosis} {diagnosis:?} {evidence:?}");
        assert!(!shows_canary(&said), "the password shows in {said}");
    }
}

/// What a server says, with the password at the end of each whole line that begins with a code. What is between may be names, and the
/// rest of a line that names the file of STOU is one: those are values.
fn repeating(bytes: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let names = text
            .windows(5)
            .any(|part| part.eq_ignore_ascii_case(b"FILE:"));
        said.extend_from_slice(text);
        let coded = text.len() >= 3 && text[..3].iter().all(u8::is_ascii_digit);
        if line.ends_with(b"\n") && coded && !names {
            said.extend_from_slice(format!(" {CANARY}").as_bytes());
        }
        said.extend_from_slice(line.get(text.len()..).unwrap_or_default());
    }
    said
}

/// Whether a text holds the password, as it is or as a list of byte values.
#[must_use]
pub fn shows_canary(text: &str) -> bool {
    shows(text, CANARY)
}

/// Whether a text holds a secret, as it is or as a list of byte values.
///
/// In a list `81` is a value only where it begins: the end of an escaped control character before `1` is none. Bytes are compared one by one, since a
/// fuzzer learns whatever longer text its subject is compared with, and says it.
#[must_use]
pub fn shows(text: &str, secret: &str) -> bool {
    let listed: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    let listed = listed.join(", ");
    let text = text.as_bytes();
    let begins = |at: usize| {
        at.checked_sub(1)
            .is_none_or(|before| !text[before].is_ascii_alphanumeric())
    };
    places(text, &listed).any(begins) || places(text, secret).next().is_some()
}

/// Where a text holds what is wanted, which is not empty.
fn places(text: &[u8], wanted: &str) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(wanted.as_bytes()[0], text).filter(move |at| {
        let here = &text[*at..];
        here.len() >= wanted.len() && here.iter().zip(wanted.bytes()).all(|(is, be)| *is == be)
    })
}

/// Puts an order on the desk.
pub(crate) fn take(desk: &mut Desk, effect: Effect) -> Act {
    fn put<T: Debug>(slot: &mut Option<T>, order: T) {
        assert!(slot.is_none(), "{order:?} while {slot:?} is in hand");
        *slot = Some(order);
    }
    match effect {
        Effect::SecureControl(order) => {
            put(&mut desk.secure_control, order);
            Act::SecureControl
        }
        Effect::ClearControl(order) => {
            put(&mut desk.clear_control, order);
            Act::ClearControl
        }
        Effect::CloseControl => Act::CloseControl,
        Effect::Connect(order) => {
            let target = order.target();
            put(&mut desk.connect, order);
            Act::Connect(target)
        }
        Effect::Listen(order) => {
            put(&mut desk.listen, order);
            Act::Listen
        }
        Effect::Accept(order) => {
            put(&mut desk.accept, order);
            Act::Accept
        }
        Effect::SecureData(order) => {
            put(&mut desk.secure_data, order);
            Act::SecureData
        }
        Effect::Flow(order) => {
            let act = Act::Flow {
                direction: order.direction(),
                ascii: order.ascii(),
                protected: order.protected(),
            };
            put(&mut desk.flow, order);
            act
        }
        Effect::CloseData(data, _) => {
            desk.forget(data);
            Act::CloseData(data.number())
        }
    }
}

fn owned(event: Event<'_>) -> Seen {
    match event {
        Event::Sent { line, .. } => Seen::Sent(String::from_utf8_lossy(line).into_owned()),
        Event::Received { verb, reply } => Seen::Received(
            verb,
            reply.code().value(),
            String::from_utf8_lossy(reply.text()).into_owned(),
        ),
        Event::Ready { secure } => Seen::Ready(secure),
        Event::Note(note) => Seen::Note(note),
        Event::Finished { ticket, result } => {
            Seen::Finished(ticket, result.map(kept).map_err(Clone::clone))
        }
        Event::Closed(failure) => Seen::Closed(failure.cloned()),
        other => panic!("an event the rig does not know: {other:?}"),
    }
}

fn kept(done: Done<'_>) -> Got {
    match done {
        Done::Nothing => Got::Nothing,
        Done::Transfer(done) => Got::Transfer(Transfer {
            bytes: done.bytes,
            expected: done.expected,
            proof: done.proof,
            name: done.name.map(<[u8]>::to_vec),
        }),
        Done::Reply(reply) => Got::Reply(FinalReply {
            code: reply.code(),
            text: reply.text().to_vec(),
        }),
        Done::PathName(name) => Got::PathName(name.map(<[u8]>::to_vec)),
        Done::Size(size) => Got::Size(size),
        Done::Time(time) => Got::Time(time),
        Done::Digest(done) => Got::Digest(Hashed {
            algorithm: done.algorithm,
            range: done.range,
            digest: done.digest.to_vec(),
        }),
        Done::Features(known, text) => Got::Features(Features {
            known,
            text: text.to_vec(),
        }),
        other => panic!("a result the rig does not know: {other:?}"),
    }
}

fn shown(got: &Got) -> Done<'_> {
    match got {
        Got::Nothing => Done::Nothing,
        Got::Transfer(transfer) => Done::Transfer(TransferDone {
            bytes: transfer.bytes,
            expected: transfer.expected,
            proof: transfer.proof,
            name: transfer.name.as_deref(),
        }),
        Got::Reply(reply) => Done::Reply(Reply::new(reply.code, &reply.text)),
        Got::PathName(name) => Done::PathName(name.as_deref()),
        Got::Size(size) => Done::Size(*size),
        Got::Time(time) => Done::Time(*time),
        Got::Digest(hashed) => Done::Digest(DigestDone {
            algorithm: hashed.algorithm,
            range: hashed.range,
            digest: &hashed.digest,
        }),
        Got::Features(features) => Done::Features(features.known, &features.text),
    }
}

#[cfg(test)]
mod tests {
    use super::shows;

    #[test]
    fn a_secret_is_found_as_text_and_as_values() {
        for text in ["ab", "PASS ab", "[97, 98]", "97, 98", "\\u{1}97, 98"] {
            assert!(shows(text, "ab"), "{text}");
        }
        for text in ["", "a b", "[97,98]", "197, 98", "\\u00197, 98", "97, 9"] {
            assert!(!shows(text, "ab"), "{text}");
        }
    }
}
