//! Where a dialogue is played: a client, a clock that jumps, a server that follows the script, a network that keeps order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::client::{Client, Config, Input};
use crate::order::{
    DataEnd, Direction, Fault, FlowEnd, FlowOrder, Report, TlsFacts, TlsFault, TlsVersion,
};
use crate::output::{Effect, Event, Output};
use crate::ticket::TicketId;
use crate::time::Instant;
use crate::wire::command::Verb;
use crate::wire::extended::{ExtendedAddress, encode_229};
use crate::wire::host_port::HostPort;

use super::story::owned;
use super::{Act, Answer, Dialogue, Outcome, Step, Story, Told};

/// More steps than any script of sensible length needs: a session that does not end.
const STEPS: usize = 20_000;

/// Where the server listens, and where we do.
const PORT: u16 = 50_000;

/// Somebody who is not the server.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66));

/// Where our listener can be reached.
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

pub(super) struct Stage<'a> {
    dialogue: &'a Dialogue,
    peer: IpAddr,
    client: Client,
    now: Instant,
    /// Whether TLS is up on the control connection, as the network knows it.
    secure: bool,
    greeted: bool,
    /// What the client wrote that is not a whole line yet.
    unread: Vec<u8>,
    /// What the server has said and the client has not heard, each with the protection it was said under.
    said: VecDeque<(Word, bool)>,
    /// What became of orders and is not reported yet.
    reports: VecDeque<(Act, Outcome, Report)>,
    answers: usize,
    outcomes: usize,
    calls: usize,
    schedule: usize,
    pieces: usize,
    closed: bool,
    steps: Vec<Step>,
    tickets: Vec<Option<TicketId>>,
}

enum Word {
    Bytes(Vec<u8>),
    End(Option<Fault>),
}

/// What can happen next.
enum Next {
    Word,
    Report,
    Call,
}

impl<'a> Stage<'a> {
    pub(super) fn new(dialogue: &'a Dialogue, config: Config, peer: IpAddr) -> Self {
        let now = Instant::from_millis(1_000_000);
        let mut stage = Stage::with(dialogue, peer, Client::new(config, peer, now), now);
        if !stage.client.config().security.is_implicit() {
            stage.answer(&dialogue.greeting, None, b"");
        }
        stage
    }

    /// Goes on where another story ended.
    pub(super) fn behind(dialogue: &'a Dialogue, story: &Story, peer: IpAddr) -> Self {
        let mut stage = Stage::with(dialogue, peer, story.client.clone(), story.now);
        stage.secure = story.secure;
        // The greeting has been said.
        stage.greeted = true;
        stage
    }

    fn with(dialogue: &'a Dialogue, peer: IpAddr, client: Client, now: Instant) -> Self {
        Stage {
            dialogue,
            peer,
            client,
            now,
            secure: false,
            greeted: false,
            unread: Vec::new(),
            said: VecDeque::new(),
            reports: VecDeque::new(),
            answers: 0,
            outcomes: 0,
            calls: 0,
            schedule: 0,
            pieces: 0,
            closed: false,
            steps: Vec::new(),
            tickets: Vec::new(),
        }
    }

    pub(super) fn play(mut self) -> Story {
        let mut rested = true;
        loop {
            if self.steps.len() > STEPS {
                rested = false;
                break;
            }
            if self.settle() {
                continue;
            }
            if self.closed {
                break;
            }
            match self.next() {
                Some(Next::Word) => self.hear(),
                Some(Next::Report) => {
                    if let Some((act, outcome, report)) = self.reports.pop_front() {
                        self.steps.push(Step::Reported(act, outcome));
                        self.client.handle(self.now, Input::Report(report));
                    }
                }
                Some(Next::Call) => self.call(),
                None => match self.client.deadline() {
                    Some(deadline) => {
                        self.now = self.now.max(deadline);
                        self.steps.push(Step::TimedOut);
                        self.client.handle(self.now, Input::Timeout);
                    }
                    None => break,
                },
            }
        }
        Story {
            steps: self.steps,
            tickets: self.tickets,
            client: self.client,
            now: self.now,
            secure: self.secure,
            rested,
        }
    }

    /// Which of the things that can happen does.
    fn next(&mut self) -> Option<Next> {
        let word = self.said.front().is_some_and(|(word, _)| match word {
            Word::Bytes(_) => self.client.reads_control(),
            Word::End(_) => true,
        });
        let choices = [
            word.then_some(Next::Word),
            (!self.reports.is_empty()).then_some(Next::Report),
            (self.calls < self.dialogue.calls.len()).then_some(Next::Call),
        ];
        let count = choices.iter().flatten().count();
        let wish = self.dialogue.schedule.get(self.schedule).copied();
        self.schedule += 1;
        choices
            .into_iter()
            .flatten()
            .nth(usize::from(wish.unwrap_or(0)).checked_rem(count)?)
    }

    // ---- the machine's side

    /// Takes what comes out of the machine, once round. Whether there was anything.
    fn settle(&mut self) -> bool {
        let before = self.steps.len();
        while self.steps.len() <= STEPS
            && let Some(output) = self.client.poll()
        {
            match output {
                Output::Event(event) => {
                    if let Some(told) = told(event) {
                        self.closed |= matches!(told, Told::Closed(_));
                        self.steps.push(Step::Told(told));
                    }
                }
                Output::Effect(effect) => self.carry_out(effect),
            }
        }
        let bytes = self.client.outgoing().to_vec();
        if !bytes.is_empty() {
            self.client.consume_outgoing(bytes.len());
            self.unread.extend_from_slice(&bytes);
            self.steps.push(Step::Wrote {
                bytes,
                secure: self.secure,
            });
            self.read();
        }
        self.steps.len() > before
    }

    fn call(&mut self) {
        let Some(call) = self.dialogue.calls.get(self.calls) else {
            return;
        };
        let result = call.make(&mut self.client, self.now, &self.tickets);
        self.steps.push(Step::Asked(self.calls, result));
        self.tickets.push(result.ok());
        self.calls += 1;
    }

    // ---- the network

    fn outcome(&mut self) -> Outcome {
        let outcome = self.dialogue.outcomes.get(self.outcomes).copied();
        self.outcomes += 1;
        outcome.unwrap_or_default()
    }

    fn carry_out(&mut self, effect: Effect) {
        let (act, outcome, report) = match effect {
            Effect::CloseControl => {
                self.said.clear();
                self.steps.push(Step::Did(Act::CloseControl));
                return;
            }
            Effect::CloseData(data, _) => {
                self.steps.push(Step::Did(Act::CloseData(data)));
                return;
            }
            Effect::SecureControl(order) => {
                let outcome = match self.outcome() {
                    // Clear text in the way of the handshake.
                    _ if self.said.iter().any(|(_, secure)| !secure) => {
                        Outcome::TlsFails(TlsFault::NotTls)
                    }
                    outcome => outcome,
                };
                self.said.clear();
                let report = match outcome {
                    Outcome::TlsFails(fault) => order.failed(fault),
                    _ => {
                        self.secure = true;
                        order.secured(facts(false))
                    }
                };
                if self.client.config().security.is_implicit() && self.secure {
                    let greeting = self.dialogue.greeting.clone();
                    self.answer(&greeting, None, b"");
                }
                (Act::SecureControl, outcome, report)
            }
            Effect::ClearControl(order) => {
                let outcome = self.outcome();
                let report = match outcome {
                    Outcome::TlsFails(fault) => order.failed(fault),
                    _ => {
                        self.secure = false;
                        order.cleared()
                    }
                };
                (Act::ClearControl, outcome, report)
            }
            Effect::Connect(order) => {
                let act = Act::Connect(order.target());
                let outcome = self.outcome();
                let report = match outcome {
                    Outcome::Fails(fault) => order.failed(fault),
                    _ => order.connected(),
                };
                (act, outcome, report)
            }
            Effect::Listen(order) => {
                let outcome = self.outcome();
                let report = match outcome {
                    Outcome::Fails(fault) => order.failed(fault),
                    _ => order.listening(SocketAddr::new(
                        if self.peer.is_ipv6() { self.peer } else { OURS },
                        PORT,
                    )),
                };
                (Act::Listen, outcome, report)
            }
            Effect::Accept(order) => {
                let outcome = self.outcome();
                let report = match outcome {
                    Outcome::Fails(fault) => order.failed(fault),
                    Outcome::Stranger => order.accepted(STRANGER),
                    _ => order.accepted(self.peer),
                };
                (Act::Accept, outcome, report)
            }
            Effect::SecureData(order) => {
                let outcome = self.outcome();
                let report = match outcome {
                    Outcome::TlsFails(fault) => order.failed(fault),
                    _ => order.secured(facts(true)),
                };
                (Act::SecureData, outcome, report)
            }
            Effect::Flow(order) => {
                let act = Act::Flow {
                    direction: order.direction(),
                    protected: order.protected(),
                    discard: order.discard(),
                };
                let outcome = self.outcome();
                let end = flow_end(&order, outcome, self.dialogue.size);
                (act, outcome, order.finished(end))
            }
        };
        self.steps.push(Step::Did(act));
        if outcome != Outcome::Never {
            self.reports.push_back((act, outcome, report));
        }
    }

    /// The client hears the next of what was said.
    fn hear(&mut self) {
        match self.said.pop_front() {
            Some((Word::Bytes(bytes), _)) => {
                self.client.handle(self.now, Input::Control(&bytes));
                self.steps.push(Step::Heard(bytes));
            }
            Some((Word::End(fault), _)) => {
                self.steps.push(Step::Lost(fault));
                self.client.handle(
                    self.now,
                    fault.map_or(Input::ControlEof, Input::ControlFailed),
                );
            }
            None => {}
        }
    }

    // ---- the server's side

    /// Answers every whole line.
    fn read(&mut self) {
        while let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = line.trim_ascii_end();
            let mut words = line.splitn(2, |&byte| byte == b' ');
            let verb = words.next().and_then(Verb::parse);
            let argument = words.next().unwrap_or_default();
            let answer = self.dialogue.answers.get(self.answers).cloned();
            self.answers += 1;
            self.answer(&answer.unwrap_or_default(), verb, argument);
        }
    }

    fn answer(&mut self, answer: &Answer, verb: Option<Verb>, argument: &[u8]) {
        match answer {
            Answer::Usual => {
                for reply in self.usual(verb, argument) {
                    self.say(reply);
                }
            }
            Answer::Says(replies) => {
                for reply in replies {
                    self.say(reply.to_bytes());
                }
            }
            Answer::UsualAnd(bytes) => {
                let mut whole = self.usual(verb, argument).concat();
                whole.extend_from_slice(bytes);
                self.said.push_back((Word::Bytes(whole), self.secure));
            }
            Answer::Bytes(bytes) => self.say(bytes.clone()),
            Answer::Silence => {}
            Answer::Closes => self.said.push_back((Word::End(None), self.secure)),
            Answer::Breaks(fault) => self.said.push_back((Word::End(Some(*fault)), self.secure)),
        }
        self.greeted = true;
        if verb == Some(Verb::Quit) {
            self.said.push_back((Word::End(None), self.secure));
        }
    }

    /// Says something, in pieces.
    fn say(&mut self, mut bytes: Vec<u8>) {
        while !bytes.is_empty() {
            let size = match self.dialogue.pieces.len() {
                0 => None,
                count => self.dialogue.pieces.get(self.pieces % count).copied(),
            };
            self.pieces += 1;
            let size = match size {
                Some(size) if size > 0 => bytes.len().min(usize::from(size)),
                _ => bytes.len(),
            };
            let rest = bytes.split_off(size);
            self.said.push_back((Word::Bytes(bytes), self.secure));
            bytes = rest;
        }
    }

    /// What servers usually say to a command; `None` is the greeting.
    fn usual(&self, verb: Option<Verb>, argument: &[u8]) -> Vec<Vec<u8>> {
        let one = |text: &str| alloc::vec![alloc::format!("{text}\r\n").into_bytes()];
        let Some(verb) = verb else {
            return one(if self.greeted {
                "500 what"
            } else {
                "220 ready"
            });
        };
        match verb.canonical() {
            Verb::Auth => one("234 go on"),
            Verb::User => one("331 password"),
            Verb::Pass => one("230 in"),
            Verb::Acct => one("230 in"),
            Verb::Size => one(&alloc::format!("213 {}", self.dialogue.size)),
            Verb::Mdtm => one("213 20240229120000"),
            Verb::Hash => one("213 MD5 d41d8cd98f00b204e9800998ecf8427e f"),
            Verb::Pwd => one("257 \"/\" is where you are"),
            Verb::Mkd => one("257 \"made\""),
            Verb::Epsv => {
                let mut text = b"229 ".to_vec();
                encode_229(PORT, &mut text);
                text.extend_from_slice(b"\r\n");
                alloc::vec![text]
            }
            Verb::Pasv => {
                let mut text = b"227 ".to_vec();
                if let IpAddr::V4(address) = self.peer
                    && let Ok(target) = HostPort::new(address, PORT)
                {
                    target.passive_text(&mut text);
                }
                text.extend_from_slice(b"\r\n");
                alloc::vec![text]
            }
            // A server looks at the address it is told.
            Verb::Eprt if ExtendedAddress::parse_argument(argument).is_err() => one("501 no"),
            Verb::Port if HostPort::parse_argument(argument).is_err() => one("501 no"),
            Verb::Rest | Verb::Rang | Verb::Rnfr => one("350 go on"),
            Verb::Rein => one("220 ready again"),
            Verb::Quit => one("221 bye"),
            Verb::Feat => alloc::vec![b"211-Features:\r\n SIZE\r\n UTF8\r\n211 End\r\n".to_vec()],
            Verb::Retr
            | Verb::Stor
            | Verb::Stou
            | Verb::Appe
            | Verb::List
            | Verb::Nlst
            | Verb::Mlsd => {
                alloc::vec![b"150 here it comes\r\n".to_vec(), b"226 done\r\n".to_vec()]
            }
            Verb::Abor => one("226 aborted"),
            _ => one("200 ok"),
        }
    }
}

fn facts(resumed: bool) -> TlsFacts {
    TlsFacts {
        version: TlsVersion::Tls13,
        resumed,
        hello_retry: false,
    }
}

fn flow_end(order: &FlowOrder, outcome: Outcome, size: u64) -> FlowEnd {
    let clean = if order.protected() {
        DataEnd::CloseNotify
    } else {
        DataEnd::Fin
    };
    let (bytes, end, whole) = match outcome {
        Outcome::Short => (size / 2, clean, false),
        Outcome::NoCloseNotify => (size, DataEnd::Fin, true),
        Outcome::Breaks(fault) | Outcome::Fails(fault) => (size / 2, DataEnd::Failed(fault), false),
        Outcome::TlsFails(fault) => (size / 2, DataEnd::Tls(fault), false),
        Outcome::LocalFails => (size / 2, DataEnd::Local, false),
        Outcome::Good | Outcome::Stranger | Outcome::Never => (size, clean, true),
    };
    FlowEnd {
        bytes,
        source_ended: whole && order.direction() == Direction::Send,
        end,
    }
}

fn told(event: Event<'_>) -> Option<Told> {
    Some(match event {
        Event::Sent { verb, line } => Told::Sent(verb, line.to_vec()),
        Event::Received { verb, reply } => {
            Told::Received(verb, reply.code(), reply.text().to_vec())
        }
        Event::Ready { secure } => Told::Ready(secure),
        Event::Note(note) => Told::Note(note),
        Event::Finished { ticket, result } => {
            Told::Finished(ticket, result.map(owned).map_err(Clone::clone))
        }
        Event::Closed(failure) => Told::Closed(failure.cloned()),
    })
}
