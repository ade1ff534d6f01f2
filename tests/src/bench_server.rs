//! A server machine on a bench: no sockets, no TLS, files in memory, a clock that stands still until told otherwise.
//!
//! A [`Bench`] drives one [`Server`] as a driver would, answers its questions from a [`Tree`], and lets a test speak for the client and the
//! network. After every step it checks what must hold whatever happens: see [`Bench::settle`].
//!
//! ```
//! use ftp_proto::server::{Config, Security};
//! use ftp_proto_tests::bench_server::Bench;
//!
//! let mut config = Config::default();
//! config.security = Security::clear();
//! let mut bench = Bench::new(config);
//! assert_eq!(bench.said(), ["220 Ready"]);
//! assert_eq!(bench.cmd("NOOP"), 200);
//! ```

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ftp_proto::server::{
    Answer, Closing, Config, Event, Input, Note, Output, Question, Security, Server,
};
use ftp_proto::wire::ascii::{Decoder, Encoder};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::reply::{Class, Code, ReplyReader};
use ftp_proto::{
    DataEnd, Desk, Direction, Effect, Fault, FlowEnd, Instant, Report, TlsFacts, TlsFault,
};

use crate::rig::{Act, CANARY, FULL_HANDSHAKE, RESUMED, USER, shows, shows_canary, take};
use crate::tree::{ACCOUNT, Tree};

/// Where the client is, unless said otherwise.
pub const CLIENT: &str = "192.0.2.7:40000";

/// The server's end of the control connection, unless said otherwise.
pub const LOCAL: &str = "192.0.2.1:21";

/// The port of every automatic listener.
pub const DATA_PORT: u16 = 50_021;

/// More outputs than this from one input are taken for an endless loop.
const QUIESCENT_WITHIN: usize = 10_000;

/// More deadlines than this in a row, with nothing coming in, are taken for an endless wait.
const SILENCE_ENDS_WITHIN: usize = 60;

/// One server machine, what came out of it, and the world as far as it goes.
pub struct Bench {
    server: Server,
    now: Instant,
    /// The users and files.
    pub tree: Tree,
    desk: Desk,
    /// Questions nobody has answered yet.
    questions: VecDeque<Question>,
    log: Vec<Seen>,
    reader: ReplyReader,
    wire: Vec<u8>,
    replies: Vec<(u16, String)>,
    /// Bytes of the client that the machine does not want yet.
    unread: VecDeque<u8>,
    data: BTreeMap<u32, Up>,
    /// A transfer has had its preliminary reply and not its final one.
    announced: bool,
    closed: bool,
    /// What the client sends in uploads.
    pub upload: Vec<u8>,
    /// What the client got on data connections, in order.
    pub downloads: Vec<Vec<u8>>,
    /// Answers questions at once.
    pub auto_answers: bool,
    /// Secures, and clears, the control connection at once.
    pub auto_control: bool,
    /// Listens, connects, accepts and secures data connections at once.
    pub auto_data: bool,
    /// Moves payload at once.
    pub auto_flow: bool,
    /// Whether the client takes what is sent to it.
    pub client_reads: bool,
    /// Checks after each step that silence ends. On unless a test runs many thousands of steps.
    pub checks_silence: bool,
    /// Looks for the password in debug texts after each step. On unless a test runs many thousands of steps.
    pub checks_secrets: bool,
    /// What TLS handshakes of data connections give.
    pub data_facts: TlsFacts,
}

/// How far a data connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// A listener.
    Listening,
    /// Being connected to.
    Connecting,
    /// Connected.
    Connected,
}

/// One thing that came out of the machine, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A command; secrets are masked.
    Command(Option<Verb>, String),
    /// A reply was put in line.
    Replied(Option<Verb>, u16, String),
    /// Somebody logged in.
    LoggedIn(u64),
    /// A login failed, and how many have.
    LoginFailed(u8),
    /// A transfer is over: its verb, path, bytes, and whether it was whole.
    Transferred(Verb, String, u64, bool),
    /// A note.
    Note(Note),
    /// The session is over.
    Closed(Closing),
    /// An effect.
    Did(Act),
    /// A question, in short.
    Asked(String),
}

impl Bench {
    /// A machine on a control connection from [`CLIENT`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Bench::from(config, CLIENT, LOCAL)
    }

    /// As [`Bench::new`], and TLS on the control connection is the test's to bring up.
    #[must_use]
    pub fn stalled(config: Config) -> Self {
        let mut bench = Bench::before(config, CLIENT, LOCAL);
        bench.auto_control = false;
        bench.settle();
        bench
    }

    /// A machine on a control connection from `client` to `local`.
    #[must_use]
    pub fn from(config: Config, client: &str, local: &str) -> Self {
        let mut bench = Bench::before(config, client, local);
        bench.settle();
        bench
    }

    fn before(config: Config, client: &str, local: &str) -> Self {
        let now = Instant::from_millis(1_000_000);
        let peer = client.parse().expect("an address");
        let local = local.parse().expect("an address");
        Bench {
            server: Server::new(config, peer, local, now),
            now,
            tree: Tree::new(),
            desk: Desk::default(),
            questions: VecDeque::new(),
            log: Vec::new(),
            reader: ReplyReader::new(64 * 1024, 1 << 20, 1 << 16),
            wire: Vec::new(),
            replies: Vec::new(),
            unread: VecDeque::new(),
            data: BTreeMap::new(),
            announced: false,
            closed: false,
            upload: b"uploaded".to_vec(),
            downloads: Vec::new(),
            auto_answers: true,
            auto_control: true,
            auto_data: true,
            auto_flow: true,
            client_reads: true,
            checks_silence: true,
            checks_secrets: true,
            data_facts: RESUMED,
        }
    }

    /// Logged in as [`USER`] in clear text, TYPE I. The log is empty.
    #[must_use]
    pub fn clear() -> Self {
        Bench::clear_with(Config::default())
    }

    /// As [`Bench::clear`], with other settings; the security is set to clear text.
    #[must_use]
    pub fn clear_with(mut config: Config) -> Self {
        config.security = Security::clear();
        let mut bench = Bench::new(config);
        bench.log_in(USER);
        assert_eq!(bench.cmd("TYPE I"), 200);
        bench.forget();
        bench
    }

    /// Logged in as [`USER`] under TLS with PROT P, TYPE I. The log is empty.
    #[must_use]
    pub fn secure() -> Self {
        Bench::secure_with(Config::default())
    }

    /// As [`Bench::secure`], with other settings.
    #[must_use]
    pub fn secure_with(config: Config) -> Self {
        let implicit = config.security.is_implicit();
        let mut bench = Bench::new(config);
        if !implicit {
            assert_eq!(bench.cmd("AUTH TLS"), 234);
        }
        bench.log_in(USER);
        assert_eq!(bench.cmd("PBSZ 0"), 200);
        assert_eq!(bench.cmd("PROT P"), 200);
        assert_eq!(bench.cmd("TYPE I"), 200);
        bench.forget();
        bench
    }

    /// USER and PASS with [`CANARY`].
    pub fn log_in(&mut self, user: &str) -> &mut Self {
        assert_eq!(self.cmd(&format!("USER {user}")), 331, "{}", self.story());
        assert_eq!(self.cmd(&format!("PASS {CANARY}")), 230, "{}", self.story());
        self
    }

    // ---- the client

    /// The machine itself, to look at.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// One command line; exactly one final reply must come of it. Its code.
    pub fn cmd(&mut self, line: &str) -> u16 {
        let codes = self.codes_of(line.as_bytes());
        let (last, before) = codes
            .split_last()
            .unwrap_or_else(|| panic!("no reply to {line:?}; {}", self.story()));
        assert!(
            *last >= 200 && before.iter().all(|code| (100..200).contains(code)),
            "{codes:?} to {line:?}; {}",
            self.story()
        );
        assert!(before.len() <= 1, "{codes:?} to {line:?}");
        *last
    }

    /// The codes of all replies that come of one command line.
    pub fn codes_of(&mut self, line: &[u8]) -> Vec<u16> {
        self.replies.clear();
        self.line(line);
        self.codes()
    }

    /// The text of the last reply to one command line.
    pub fn text_of(&mut self, line: &str) -> String {
        self.replies.clear();
        self.line(line.as_bytes());
        self.replies.last().expect("a reply").1.clone()
    }

    /// PASV or EPSV, then a transfer command; its codes.
    pub fn transfer(&mut self, line: &str) -> Vec<u16> {
        let set_up = self.cmd("EPSV");
        assert_eq!(set_up, 229, "{}", self.story());
        self.codes_of(line.as_bytes())
    }

    /// A download or listing: what came.
    pub fn download(&mut self, line: &str) -> Vec<u8> {
        let codes = self.transfer(line);
        assert!(
            matches!(codes[..], [125 | 150, 226]),
            "{codes:?} to {line}; {}",
            self.story()
        );
        self.downloads.last().expect("a download").clone()
    }

    /// A line and its CR LF.
    pub fn line(&mut self, line: &[u8]) -> &mut Self {
        self.bytes(&[line, b"\r\n"].concat())
    }

    /// Bytes come in on the control connection, as far as the machine reads; the rest waits as in a transport.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.unread.extend(bytes);
        self.settle()
    }

    /// How many bytes of the client wait outside because the machine does not want them.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.unread.len()
    }

    /// Bytes come in, wanted or not.
    pub fn force(&mut self, bytes: &[u8]) -> &mut Self {
        self.handle(Input::Control(bytes))
    }

    /// Several pieces come in at once, before anything else happens.
    pub fn force_all(&mut self, pieces: &[&[u8]]) -> &mut Self {
        for piece in pieces {
            self.server.handle(self.now, Input::Control(piece));
        }
        self.settle()
    }

    /// The client closes the control connection.
    pub fn eof(&mut self) -> &mut Self {
        self.handle(Input::ControlEof)
    }

    // ---- the application

    /// The first question nobody has answered.
    #[must_use]
    pub fn question(&self) -> Option<&Question> {
        self.questions.front()
    }

    /// Answers the first open question from the tree.
    pub fn answer(&mut self) -> &mut Self {
        let question = self.questions.pop_front().expect("nothing was asked");
        let answer = self.tree.answer(question);
        self.handle(Input::Answer(answer))
    }

    /// Answers the first open question otherwise.
    pub fn answer_with(&mut self, answer: impl FnOnce(Question) -> Answer) -> &mut Self {
        let question = self.questions.pop_front().expect("nothing was asked");
        let answer = answer(question);
        self.handle(Input::Answer(answer))
    }

    // ---- the network

    /// TLS is established on the control connection, or has ended there.
    pub fn control_ok(&mut self) -> &mut Self {
        if let Some(order) = self.desk.secure_control.take() {
            return self.handle(Input::Report(order.secured(FULL_HANDSHAKE)));
        }
        let order = self.desk.clear_control.take().expect("no TLS was ordered");
        self.handle(Input::Report(order.cleared()))
    }

    /// TLS fails on the control connection.
    pub fn control_failed(&mut self, fault: TlsFault) -> &mut Self {
        let desk = &mut self.desk;
        let order = desk
            .secure_control
            .take()
            .or_else(|| desk.clear_control.take());
        let order = order.expect("no TLS was ordered");
        self.handle(Input::Report(order.failed(fault)))
    }

    /// The listener is up.
    pub fn listening(&mut self, at: &str) -> &mut Self {
        let order = self.desk.listen.take().expect("no listener was ordered");
        let at: SocketAddr = at.parse().expect("an address");
        self.handle(Input::Report(order.listening(at)))
    }

    /// Somebody connects to the listener.
    pub fn accepted(&mut self, from: &str) -> &mut Self {
        let order = self.desk.accept.take().expect("nothing to accept");
        let from: IpAddr = from.parse().expect("an address");
        self.handle(Input::Report(order.accepted(from)))
    }

    /// The data connection is up.
    pub fn connected(&mut self) -> &mut Self {
        let order = self.desk.connect.take().expect("nothing to connect");
        self.data.insert(order.data().number(), Up::Connected);
        self.handle(Input::Report(order.connected()))
    }

    /// The data connection cannot be made, or the listener not set up.
    pub fn data_failed(&mut self, fault: Fault) -> &mut Self {
        let report = if let Some(order) = self.desk.connect.take() {
            self.data.remove(&order.data().number());
            order.failed(fault)
        } else if let Some(order) = self.desk.listen.take() {
            self.data.remove(&order.data().number());
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

    /// TLS is established on the data connection.
    pub fn data_secured(&mut self, facts: TlsFacts) -> &mut Self {
        let order = self.desk.secure_data.take().expect("no data TLS ordered");
        self.handle(Input::Report(order.secured(facts)))
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

    /// The flow is over: so many bytes, and how.
    pub fn flow_finished(&mut self, bytes: u64, end: DataEnd) -> &mut Self {
        let order = self.desk.flow.take().expect("nothing flows");
        self.data.remove(&order.data().number());
        if order.direction() == Direction::Receive {
            let count = usize::try_from(bytes).expect("a small upload");
            self.tree
                .receive(&self.upload[..count.min(self.upload.len())]);
        }
        let source_ended = order.direction() == Direction::Send
            && matches!(end, DataEnd::CloseNotify | DataEnd::Fin);
        self.handle(Input::Report(order.finished(FlowEnd {
            bytes,
            source_ended,
            end,
        })))
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

    /// Data connections and listeners that are open.
    #[must_use]
    pub fn open_data(&self) -> usize {
        self.data.len()
    }

    // ---- time

    /// Time passes until the deadline, and the machine is told.
    pub fn tick(&mut self) -> &mut Self {
        let deadline = self.server.deadline().expect("no deadline");
        self.now = self.now.max(deadline);
        self.handle(Input::Timeout)
    }

    /// Time passes. Deadlines on the way are met.
    pub fn pass(&mut self, time: Duration) -> &mut Self {
        let until = self.now + time;
        while self.server.deadline().is_some_and(|at| at <= until) && !self.closed {
            self.tick();
        }
        self.now = until;
        self
    }

    /// How long until the deadline.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.server.deadline().map(|at| at.since(self.now))
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

    /// The replies since this was last asked, as the client reads them.
    pub fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.replies)
            .into_iter()
            .map(|(code, text)| format!("{code} {text}"))
            .collect()
    }

    /// The codes of the replies since this was last asked.
    pub fn codes(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.replies)
            .into_iter()
            .map(|(code, _)| code)
            .collect()
    }

    /// Every byte that left since [`Bench::forget`].
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Everything that came out since [`Bench::forget`].
    #[must_use]
    pub fn log(&self) -> &[Seen] {
        &self.log
    }

    /// Effects since [`Bench::forget`].
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

    /// Whether an effect came out since [`Bench::forget`].
    #[must_use]
    pub fn did(&self, act: Act) -> bool {
        self.acts().contains(&act)
    }

    /// Notes since [`Bench::forget`].
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

    /// Where in the log something is.
    #[must_use]
    pub fn place(&self, wanted: impl Fn(&Seen) -> bool) -> usize {
        self.log
            .iter()
            .position(wanted)
            .unwrap_or_else(|| panic!("it is not there; {}", self.story()))
    }

    /// Empties the log, the replies and the bytes that left.
    pub fn forget(&mut self) -> &mut Self {
        self.log.clear();
        self.replies.clear();
        self.wire.clear();
        self.tree.asked.clear();
        self
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Why the session ended.
    #[must_use]
    pub fn closing(&self) -> Closing {
        self.log
            .iter()
            .find_map(|seen| match seen {
                Seen::Closed(closing) => Some(*closing),
                _ => None,
            })
            .unwrap_or_else(|| panic!("the session is not over; {}", self.story()))
    }

    /// Everything so far, to be read by a person.
    #[must_use]
    pub fn story(&self) -> String {
        let mut story = String::from("so far:\n");
        for seen in &self.log {
            story.push_str(&format!("  {seen:?}\n"));
        }
        story.push_str(&format!(
            "  desk: {:?}\n  questions: {:?}\n",
            self.desk, self.questions
        ));
        story
    }

    // ---- the loop

    /// Gives the machine one thing, and carries out what follows.
    pub fn handle(&mut self, input: Input<'_>) -> &mut Self {
        self.feed(input);
        self.settle()
    }

    fn feed(&mut self, input: Input<'_>) {
        let expired = matches!(input, Input::Timeout).then(|| self.server.clone());
        self.server.handle(self.now, input);
        if let Some(before) = expired {
            assert!(
                before.deadline().is_none_or(|at| at > self.now) || before != self.server,
                "a deadline passed and nothing happened; {}",
                self.story()
            );
        }
    }

    /// Polls, flushes and carries out until nothing more comes, then checks what must always hold:
    ///
    /// * every outgoing line ends in CR LF, is part of a well-formed reply, and holds control bytes at most as part of a name;
    /// * every code is one of those its verb may have;
    /// * the machine comes to rest;
    /// * there is at most one listener or data connection, and none after the end;
    /// * payload flows between the preliminary and the final reply of a transfer only;
    /// * the session is closed once, and nothing is said afterwards;
    /// * something has a deadline as long as nobody is asked anything, and silence from here on ends the session;
    /// * no event and no debug text shows the password.
    pub fn settle(&mut self) -> &mut Self {
        for round in 0.. {
            assert!(
                round < QUIESCENT_WITHIN,
                "the machine does not come to rest; {}",
                self.story()
            );
            let polled = self.poll_all();
            let flushed = self.flush();
            if self.step_alone() || polled || flushed || self.read_some() {
                continue;
            }
            break;
        }
        if self.checks_secrets {
            let debug = format!("{:?}", self.server);
            assert!(!secret(&debug), "a secret shows in {debug}");
        }
        if self.closed {
            assert!(self.server.is_closed());
            assert_eq!(self.server.deadline(), None);
            assert!(!self.server.reads_control());
            assert!(self.server.outgoing().is_empty());
            if self.questions.is_empty() {
                assert!(!self.tree.is_open(), "open after the end; {}", self.story());
            }
        } else if self.questions.is_empty() {
            assert!(
                self.server.deadline().is_some(),
                "waits without a deadline; {}",
                self.story()
            );
            if self.checks_silence {
                self.check_silence();
            }
        }
        self
    }

    fn poll_all(&mut self) -> bool {
        let mut count = 0;
        loop {
            let Some(output) = self.server.poll() else {
                return count > 0;
            };
            count += 1;
            assert!(count < QUIESCENT_WITHIN, "outputs without end");
            if self.checks_secrets {
                let debug = format!("{output:?}");
                assert!(!secret(&debug), "a secret shows in {debug}");
            }
            let seen = match output {
                Output::Effect(effect) => {
                    let data = match &effect {
                        Effect::Listen(order) => Some((order.data().number(), Up::Listening)),
                        Effect::Connect(order) => Some((order.data().number(), Up::Connecting)),
                        _ => None,
                    };
                    if let Some((data, up)) = data {
                        assert!(
                            self.data.is_empty(),
                            "a second data connection beside {:?}",
                            self.data
                        );
                        self.data.insert(data, up);
                    }
                    if let Effect::Flow(order) = &effect {
                        assert!(self.announced, "payload before a preliminary reply");
                        assert!(!order.discard(), "a server wants its payload");
                    }
                    let act = take(&mut self.desk, effect);
                    if let Act::CloseData(data) = act {
                        self.data.remove(&data);
                    }
                    Seen::Did(act)
                }
                Output::Question(question) => {
                    let seen = Seen::Asked(in_short(&question));
                    self.questions.push_back(question);
                    seen
                }
                Output::Event(event) => owned(event),
            };
            if self.closed {
                let late = matches!(&seen, Seen::Asked(what) if what.starts_with("Close"));
                assert!(late, "{seen:?} after the end; {}", self.story());
            }
            self.look(&seen);
            self.log.push(seen);
        }
    }

    /// What must hold of each thing that comes out.
    fn look(&mut self, seen: &Seen) {
        match seen {
            Seen::Replied(Some(verb), code, text) => {
                let code = Code::new(*code).expect("a code");
                // Whoever is not logged in is told so whatever the verb; EPSV ALL makes any other setting a bad sequence.
                assert!(
                    verb.lists(code)
                        || matches!(code.value(), 500 | 501)
                        || (code.value() == 530 && verb.needs_login())
                        || (code.value() == 503 && verb.sets_up_data()),
                    "{code} {text} to {verb}; {}",
                    self.story()
                );
                if verb.moves_data().is_some() {
                    let preliminary = code.class() == Class::Preliminary;
                    assert!(
                        !(preliminary && self.announced),
                        "two preliminary replies; {}",
                        self.story()
                    );
                    assert!(
                        preliminary || self.desk.flow.is_none(),
                        "a final reply while payload flows; {}",
                        self.story()
                    );
                    self.announced = preliminary;
                }
            }
            Seen::Closed(_) => {
                self.closed = true;
                // As it says: what is still open is closed now.
                self.data.clear();
                self.desk = Desk::default();
            }
            _ => {}
        }
    }

    /// Hands what is outgoing to the client, and reads it as a client does.
    fn flush(&mut self) -> bool {
        if !self.client_reads || self.server.outgoing().is_empty() {
            return false;
        }
        let raw = self.server.outgoing().to_vec();
        let bytes = without_telnet(&raw);
        assert!(
            bytes.is_empty() || bytes.ends_with(b"\r\n"),
            "half a line: {bytes:?}"
        );
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r\n").expect("ends in CR LF");
            assert!(
                !line.iter().any(|byte| matches!(byte, 0 | b'\r')),
                "a line end in {:?}",
                String::from_utf8_lossy(line)
            );
        }
        assert!(
            !shows_canary(&String::from_utf8_lossy(&bytes)),
            "the password comes back"
        );
        self.wire.extend_from_slice(&bytes);
        self.reader.push(&bytes);
        loop {
            match self.reader.next_reply() {
                Ok(Some(reply)) => {
                    let text = String::from_utf8_lossy(reply.text()).into_owned();
                    // A name is told as it is (RFC 3659 section 2.2); nothing else holds control bytes.
                    let names = matches!(reply.code().value(), 125 | 150 | 211..=213 | 250 | 257);
                    assert!(
                        names || !text.chars().any(|c| c.is_control() && c != '\n'),
                        "control bytes in {text:?}"
                    );
                    self.replies.push((reply.code().value(), text));
                }
                Ok(None) => break,
                Err(error) => panic!("{error}: {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        assert!(self.reader.is_idle(), "half a reply: {bytes:?}");
        self.server.consume_outgoing(raw.len());
        true
    }

    fn read_some(&mut self) -> bool {
        if self.unread.is_empty() || !self.server.reads_control() {
            return false;
        }
        let count = self.unread.len().min(4096);
        let chunk: Vec<u8> = self.unread.drain(..count).collect();
        self.server.handle(self.now, Input::Control(&chunk));
        true
    }

    /// What happens without the test's doing: one step.
    fn step_alone(&mut self) -> bool {
        if self.auto_answers
            && let Some(question) = self.questions.pop_front()
        {
            let answer = self.tree.answer(question);
            self.server.handle(self.now, Input::Answer(answer));
            return true;
        }
        let report = self.automatic_report();
        if let Some(report) = report {
            self.server.handle(self.now, Input::Report(report));
            return true;
        }
        self.auto_flow && self.flow_at_once()
    }

    fn automatic_report(&mut self) -> Option<Report> {
        if self.auto_control {
            if let Some(order) = self.desk.secure_control.take() {
                return Some(order.secured(FULL_HANDSHAKE));
            }
            if let Some(order) = self.desk.clear_control.take() {
                return Some(order.cleared());
            }
        }
        if !self.auto_data {
            return None;
        }
        if let Some(order) = self.desk.connect.take() {
            self.data.insert(order.data().number(), Up::Connected);
            return Some(order.connected());
        }
        if let Some(order) = self.desk.listen.take() {
            let local: SocketAddr = LOCAL.parse().expect("an address");
            return Some(order.listening(SocketAddr::new(local.ip(), DATA_PORT)));
        }
        // Somebody connects only when a transfer has been asked for.
        if self.announced
            && let Some(order) = self.desk.accept.take()
        {
            self.data.insert(order.data().number(), Up::Connected);
            let client: SocketAddr = CLIENT.parse().expect("an address");
            return Some(order.accepted(client.ip()));
        }
        let facts = self.data_facts;
        self.desk
            .secure_data
            .take()
            .map(|order| order.secured(facts))
    }

    fn flow_at_once(&mut self) -> bool {
        let Some(order) = self.desk.flow.take() else {
            return false;
        };
        self.data.remove(&order.data().number());
        let end = if order.protected() {
            DataEnd::CloseNotify
        } else {
            DataEnd::Fin
        };
        let (bytes, source_ended) = match order.direction() {
            Direction::Send => {
                let source = self.tree.source();
                let mut sent = Vec::new();
                if order.ascii() {
                    Encoder::default().encode(source, &mut sent);
                } else {
                    sent.extend_from_slice(source);
                }
                let data = order.data();
                let count = sent.len() as u64;
                self.downloads.push(sent);
                self.server.handle(self.now, Input::Progress(data, count));
                self.server.handle(self.now, Input::SourceEnded(data));
                (count, true)
            }
            Direction::Receive => {
                let mut kept = Vec::new();
                if order.ascii() {
                    let mut decoder = Decoder::new();
                    decoder.decode(&self.upload, &mut kept);
                    decoder.finish(&mut kept);
                } else {
                    kept.clone_from(&self.upload);
                }
                self.tree.receive(&kept);
                (self.upload.len() as u64, false)
            }
        };
        let report = order.finished(FlowEnd {
            bytes,
            source_ended,
            end,
        });
        self.server.handle(self.now, Input::Report(report));
        true
    }

    /// From here on nothing comes in any more: the session ends all the same.
    fn check_silence(&self) {
        let mut server = self.server.clone();
        let mut tree = self.tree.clone();
        let mut last = Vec::new();
        for _ in 0..SILENCE_ENDS_WITHIN {
            let Some(deadline) = server.deadline() else {
                break;
            };
            let before = server.clone();
            server.handle(deadline, Input::Timeout);
            assert!(
                server != before,
                "the deadline passed and nothing changed; {}",
                self.story()
            );
            let mut rounds = 0;
            loop {
                rounds += 1;
                assert!(rounds < QUIESCENT_WITHIN, "no rest in silence");
                let waiting = server.outgoing().len();
                if self.client_reads {
                    server.consume_outgoing(waiting);
                }
                let mut asked = None;
                let mut count = 0;
                while let Some(output) = server.poll() {
                    count += 1;
                    last.push(format!("{output:?}"));
                    if let Output::Question(question) = output {
                        asked = Some(question);
                    }
                }
                if let Some(question) = asked {
                    let answer = tree.answer(question);
                    server.handle(deadline, Input::Answer(answer));
                } else if count == 0 {
                    break;
                }
            }
        }
        assert!(
            server.is_closed(),
            "in silence the session does not end; then {last:?}; {}",
            self.story()
        );
        assert!(!tree.is_open(), "open after a silent end");
    }
}

impl Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.story())
    }
}

/// Clear text allowed, other settings by default.
#[must_use]
pub fn in_clear() -> Config {
    let mut config = Config::default();
    config.security = Security::clear();
    config
}

/// What a client's Telnet layer leaves: refusals of options are taken out, doubled bytes are one (RFC 854).
fn without_telnet(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            0xFF => match rest.next() {
                Some(0xFF) => out.push(0xFF),
                Some(0xFC | 0xFE) => {
                    rest.next().expect("an option");
                }
                other => panic!("{other:?} behind IAC in {bytes:?}"),
            },
            byte => out.push(byte),
        }
    }
    out
}

fn secret(text: &str) -> bool {
    shows_canary(text) || shows(text, ACCOUNT)
}

/// A question in a word and what it is about, without secrets.
fn in_short(question: &Question) -> String {
    let text = format!("{question:?}");
    match question {
        Question::Close(close) => format!("Close {:?} {}", close.ending(), close.bytes()),
        _ => text,
    }
}

fn owned(event: Event<'_>) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match event {
        Event::Command { verb, line } => Seen::Command(verb, text(line)),
        Event::Replied { verb, reply } => {
            Seen::Replied(verb, reply.code().value(), text(reply.text()))
        }
        Event::LoggedIn(user) => Seen::LoggedIn(user.0),
        Event::LoginFailed(count) => Seen::LoginFailed(count),
        Event::Transferred {
            verb,
            path,
            bytes,
            whole,
            ..
        } => Seen::Transferred(verb, text(&path.to_bytes()), bytes, whole),
        Event::Note(note) => Seen::Note(note),
        Event::Closed(closing) => Seen::Closed(closing),
        other => panic!("an event the bench does not know: {other:?}"),
    }
}
