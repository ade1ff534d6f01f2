//! A client machine and a server machine, joined by a network in memory with a clock of its own.
//!
//! Everything happens that would happen between two drivers: bytes travel in pieces and take their time, TLS takes its flights, data
//! connections are listened for, made, secured and closed, storages think. Nothing of it is real, so a session of an hour takes a
//! millisecond, and the same [`Script`] always gives the same session.
//!
//! ```
//! use ftp_proto_tests::pair::{Pair, Script};
//!
//! let outcome = Pair::new(Script::of(7)).run();
//! assert!(outcome.steps > 0);
//! ```

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

mod control;
mod data;
mod dice;
mod judge;
mod script;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ftp_proto::server::{self, Question, Server};
use ftp_proto::{Client, DataId, Desk, Effect, Instant, Report, TicketId, Tickets, client};

use crate::rig::take;
use crate::tree::Tree;

use control::Control;
use data::{Conn, Listener};
pub use dice::Dice;
pub use judge::{Explained, Verdict};
use judge::{Goal, Sink};
pub use script::{Script, Wish};
pub use wire::{Cut, Side, Trouble};

/// No session takes more steps than this.
const STEPS: u64 = 400_000;

/// No session takes longer than this.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Two machines and what is between them.
pub struct Pair {
    script: Script,
    dice: Dice,
    now: Instant,
    client: Client,
    server: Server,
    desks: [Desk; 2],
    tree: Tree,
    control: Control,
    conns: Vec<Conn>,
    listeners: Vec<Listener>,
    /// What the storage thinks about, in order.
    questions: VecDeque<Question>,
    /// What happens by itself after a while.
    locals: Vec<(Instant, Local)>,
    /// Connections that are being made.
    dialling: BTreeSet<(Side, DataId)>,
    dialled: u8,
    next_port: u16,
    tickets: Tickets,
    /// What is asked for next.
    wishes: VecDeque<Goal>,
    open: BTreeMap<TicketId, Goal>,
    finished: BTreeSet<TicketId>,
    /// What the last transfer command that left was.
    sent: String,
    sinks: Vec<Sink>,
    results: Vec<Verdict>,
    explained: Vec<Explained>,
    closed: [bool; 2],
    /// Choices to be made in order, instead of by time: which of several things that are ready happens first.
    choices: Option<Choices>,
    /// The dialogue, if wanted.
    story: Option<Vec<String>>,
    steps: u64,
}

/// A way through all orders of events.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// What was chosen at each fork, and out of how many.
    pub made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    /// The way behind this one; `None` after the last.
    #[must_use]
    pub fn next(mut self) -> Option<Choices> {
        while let Some((choice, of)) = self.made.pop() {
            if choice + 1 < of {
                self.made.push((choice + 1, of));
                self.at = 0;
                return Some(self);
            }
        }
        None
    }

    fn choose(&mut self, of: usize) -> usize {
        if of == 1 {
            return 0;
        }
        if self.at == self.made.len() {
            self.made.push((0, of));
        }
        let (choice, before) = self.made[self.at];
        assert_eq!(before, of, "the same choices lead to other forks");
        self.at += 1;
        choice
    }
}

enum Local {
    /// A connection attempt arrives.
    Dialled(Side, DataId, u16),
    /// Its answer comes back.
    Answered(Side, DataId, Option<usize>),
    /// A listener is up.
    Listens(Side, DataId),
    /// The storage has thought about the first thing it was asked.
    Thought,
    /// The application acts on a request that runs: aborts or withdraws it.
    Acts(TicketId, bool),
}

/// One way something can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Control(Side),
    Data(usize, Side),
    Local(usize),
    Deadline(Side),
}

/// How a session went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went wrong in the network.
    pub trouble: Trouble,
    /// What became of each request: its name and its end in a word.
    pub results: Vec<Verdict>,
    /// What failed, in order, each with what the engine says is behind it.
    pub explained: Vec<Explained>,
    /// How long it took.
    pub time: Duration,
    /// How many things happened.
    pub steps: u64,
    /// The choices made, if they were not made by time.
    pub choices: Option<Choices>,
    /// The dialogue, if wanted.
    pub story: Vec<String>,
}

impl Pair {
    /// The two machines of a script, before the first step.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let now = Instant::from_millis(1_000_000);
        let (peer, local) = script.addresses;
        let mut tree = Tree::new();
        tree.keeps_parts = script.keeps_parts;
        if script.trouble == Trouble::Storage {
            tree.refuse_commit = Some(server::Refused::NoSpace);
        }
        let mut pair = Pair {
            dice: if script.tape.is_empty() {
                Dice::new(script.seed ^ 0x5EED)
            } else {
                Dice::tape(&script.tape)
            },
            now,
            client: Client::new(script.client.clone(), local.ip(), now),
            server: Server::new(script.server.clone(), peer, local, now),
            desks: [Desk::default(), Desk::default()],
            tree,
            control: Control::new(now),
            conns: Vec::new(),
            listeners: Vec::new(),
            questions: VecDeque::new(),
            locals: Vec::new(),
            dialling: BTreeSet::new(),
            dialled: 0,
            next_port: 50_000,
            tickets: Tickets::None,
            wishes: VecDeque::new(),
            open: BTreeMap::new(),
            finished: BTreeSet::new(),
            sent: String::new(),
            sinks: Vec::new(),
            results: Vec::new(),
            explained: Vec::new(),
            closed: [false; 2],
            choices: None,
            story: None,
            steps: 0,
            script,
        };
        pair.prepare();
        pair
    }

    /// With the dialogue kept.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.story = Some(Vec::new());
        self
    }

    /// With these choices instead of time.
    #[must_use]
    pub fn with_choices(mut self, mut choices: Choices) -> Self {
        choices.at = 0;
        self.choices = Some(choices);
        self
    }

    /// The whole session. Panics if something does not hold.
    ///
    /// # Panics
    /// If a transfer is called whole that is not, something is never over or over twice, something goes in clear text that must not, or the
    /// machines do not come to an end.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let start = self.now;
        self.settle();
        while self.closed != [true, true] {
            self.steps += 1;
            assert!(
                self.steps < STEPS && self.now.since(start) < LONGEST,
                "no end in sight after {} steps and {:?}; {}",
                self.steps,
                self.now.since(start),
                self.told_so_far()
            );
            let Some(next) = self.choose() else {
                break;
            };
            self.step(next);
            self.settle();
        }
        self.judge_the_end();
        Outcome {
            trouble: self.script.trouble,
            results: std::mem::take(&mut self.results),
            explained: std::mem::take(&mut self.explained),
            time: self.now.since(start),
            steps: self.steps,
            choices: self.choices.take(),
            story: self.story.take().unwrap_or_default(),
        }
    }

    // ---- what happens next

    fn choose(&mut self) -> Option<Next> {
        let mut ready: Vec<(Instant, Next)> = Vec::new();
        for side in Side::BOTH {
            if let Some(at) = self.control_ready(side) {
                ready.push((at, Next::Control(side)));
            }
            for (index, conn) in self.conns.iter().enumerate() {
                if let Some(at) = conn.lanes[side.index()].next() {
                    ready.push((at, Next::Data(index, side)));
                }
            }
        }
        for (index, (at, _)) in self.locals.iter().enumerate() {
            ready.push((*at, Next::Local(index)));
        }
        if let Some(mut choices) = self.choices.take() {
            // Time stands still until nothing else can happen.
            let soon: Vec<Next> = ready
                .iter()
                .filter(|(at, _)| at.since(self.now) < Duration::from_secs(1))
                .map(|(_, next)| *next)
                .collect();
            let chosen = (!soon.is_empty()).then(|| soon[choices.choose(soon.len())]);
            self.choices = Some(choices);
            if chosen.is_some() {
                return chosen;
            }
        }
        for (side, deadline) in [
            (Side::Client, self.client.deadline()),
            (Side::Server, self.server.deadline()),
        ] {
            if let Some(at) = deadline {
                ready.push((at, Next::Deadline(side)));
            }
        }
        let first = ready.iter().map(|(at, _)| *at).min()?;
        let first = first.max(self.now);
        ready.retain(|(at, _)| *at <= first);
        self.now = first;
        Some(ready[self.dice.roll(ready.len())].1)
    }

    fn step(&mut self, next: Next) {
        match next {
            Next::Control(side) => self.deliver_control(side),
            Next::Data(index, side) => self.deliver_data(index, side),
            Next::Local(index) => {
                let (_, local) = self.locals.swap_remove(index);
                self.local(local);
            }
            Next::Deadline(Side::Client) => {
                self.client.handle(self.now, client::Input::Timeout);
            }
            Next::Deadline(Side::Server) => {
                self.server.handle(self.now, server::Input::Timeout);
            }
        }
    }

    fn local(&mut self, local: Local) {
        match local {
            Local::Dialled(side, data, port) => self.dialled(side, data, port),
            Local::Answered(side, data, conn) => self.dial_answered(side, data, conn),
            Local::Listens(side, data) => self.listens(side, data),
            Local::Thought => {
                let question = self.questions.pop_front().expect("it was asked");
                let answer = self.tree.answer(question);
                self.server.handle(self.now, server::Input::Answer(answer));
            }
            Local::Acts(ticket, aborts) => self.act(ticket, aborts),
        }
    }

    // ---- the loop of both drivers

    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "no rest; {}", self.told_so_far());
            self.ask();
            let mut busy = self.poll_client();
            busy |= self.poll_server();
            for side in Side::BOTH {
                busy |= self.flush(side);
                busy |= self.control_orders(side);
                busy |= self.data_orders(side);
            }
            if !busy {
                return;
            }
        }
    }

    fn poll_client(&mut self) -> bool {
        let mut count = 0;
        while let Some(output) = self.client.poll() {
            count += 1;
            assert!(count < 1000, "outputs without end");
            match output {
                client_output::Effect(effect) => self.effect(Side::Client, effect),
                client_output::Event(event) => {
                    let noticed = judge::notice(event);
                    self.noticed(noticed);
                }
            }
        }
        count > 0
    }

    fn poll_server(&mut self) -> bool {
        let mut count = 0;
        while let Some(output) = self.server.poll() {
            count += 1;
            assert!(count < 1000, "outputs without end");
            match output {
                server::Output::Effect(effect) => self.effect(Side::Server, effect),
                server::Output::Question(question) => {
                    let thinks = if self.choices.is_some() {
                        Duration::ZERO
                    } else {
                        self.dice.millis(0, 20)
                    };
                    self.questions.push_back(question);
                    self.locals.push((self.now + thinks, Local::Thought));
                }
                server::Output::Event(event) => {
                    if let Some(story) = &mut self.story {
                        story.push(format!("{} S {event:?}", self.now.as_millis()));
                    }
                    if let server::Event::Closed(_) = event {
                        assert!(!self.closed[1], "the server ends twice");
                        self.closed[1] = true;
                        self.abandon(Side::Server);
                    }
                }
            }
        }
        count > 0
    }

    fn effect(&mut self, side: Side, effect: Effect) {
        if let Some(story) = &mut self.story {
            story.push(format!("{} {side:?} {effect:?}", self.now.as_millis()));
        }
        match effect {
            Effect::CloseControl => self.close_control(side),
            Effect::CloseData(data, _) => self.close_data(side, data),
            effect => {
                take(&mut self.desks[side.index()], effect);
            }
        }
    }

    /// The session of this side is over: what is open is closed.
    fn abandon(&mut self, side: Side) {
        let ids: Vec<DataId> = self
            .conns
            .iter()
            .filter_map(|conn| conn.ends[side.index()].id)
            .collect();
        for data in ids {
            self.close_data(side, data);
        }
        self.listeners.retain(|listener| listener.side != side);
        self.desks[side.index()] = Desk::default();
    }

    fn report(&mut self, side: Side, report: Report) {
        match side {
            Side::Client => self.client.handle(self.now, client::Input::Report(report)),
            Side::Server => self.server.handle(self.now, server::Input::Report(report)),
        }
    }

    fn address(&self, side: Side) -> IpAddr {
        match side {
            Side::Client => self.script.addresses.0.ip(),
            Side::Server => self.script.addresses.1.ip(),
        }
    }

    fn delay(&mut self) -> Duration {
        if self.choices.is_some() {
            return Duration::ZERO;
        }
        let (least, most) = self.script.latency;
        self.dice.millis(least, most)
    }

    fn later(&mut self, local: Local) {
        let at = self.now + self.delay();
        self.locals.push((at, local));
    }

    fn told_so_far(&self) -> String {
        match &self.story {
            Some(_) => String::from("the dialogue is above"),
            None => format!("{:?}", self.script),
        }
    }
}

/// A dialogue that was wanted is not lost when something does not hold.
impl Drop for Pair {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(story) = &self.story
        {
            for line in story {
                println!("{line}");
            }
        }
    }
}

use ftp_proto::Output as client_output;
