//! The recorder inside a machine. Off, it is one empty slot; the machine's behaviour does not depend on it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::hash::{Hash, Hasher};
use core::net::IpAddr;

use super::{Asked, Entry, Outcome, Trace, What};
use crate::client::{Config, Input};
use crate::error::Failure;
use crate::order::{Channel, TlsOrder};
use crate::output::{Done, Effect, Event, Output};
use crate::secret::Secret;
use crate::time::Instant;
use crate::wire::digest::HashAlgorithm;
use crate::wire::reply::Escaped;

/// Secrets that are looked for in what the server says. A session has one password, and hardly ever more than one account.
const SECRETS: usize = 8;

/// What an entry takes besides its bytes, roughly.
const ENTRY: usize = core::mem::size_of::<Entry>();

/// Where a machine keeps its record, if it keeps one. A copy of a machine keeps none.
///
/// Two values always compare equal and hash to nothing: a machine's behaviour does not depend on them.
#[derive(Default)]
pub(crate) struct Tape(Option<Box<Recorder>>);

struct Recorder {
    trace: Trace,
    /// Bytes that may still be kept.
    room: usize,
    secrets: Vec<Secret>,
}

/// The levels of the machine at the time of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Levels {
    pub(crate) now: Instant,
    pub(crate) secure: bool,
    pub(crate) deadline: Option<Instant>,
}

impl Tape {
    pub(crate) fn start(&mut self, config: &Config, peer: IpAddr, at: Instant, room: usize) {
        self.0 = Some(Box::new(Recorder {
            trace: Trace {
                at,
                peer,
                config: config.clone(),
                entries: Vec::new(),
            },
            room,
            secrets: Vec::new(),
        }));
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The record so far, closed.
    pub(crate) fn trace(&self, levels: Levels, drained: bool) -> Option<Trace> {
        let mut trace = self.0.as_ref()?.trace.clone();
        let stopped = matches!(trace.entries.last(), Some(entry) if entry.what == What::Stopped);
        if !stopped {
            trace.entries.push(levels.entry(What::End { drained }));
        }
        Some(trace)
    }

    /// Keeps `what` gives, if there is a record. Nothing is made of it otherwise.
    pub(crate) fn keep(&mut self, levels: Levels, what: impl FnOnce() -> What) {
        if let Some(recorder) = &mut self.0 {
            recorder.keep(levels, what());
        }
    }

    /// From here on these are masked in what the server says.
    pub(crate) fn hide<'a>(&mut self, secrets: impl Iterator<Item = &'a Secret>) {
        if let Some(recorder) = &mut self.0 {
            for secret in secrets {
                if recorder.secrets.len() < SECRETS && !recorder.secrets.contains(secret) {
                    recorder.secrets.push(secret.clone());
                }
            }
        }
    }
}

impl Recorder {
    fn keep(&mut self, levels: Levels, mut what: What) {
        if self.room == 0 {
            return;
        }
        let bytes = self.mask(&mut what);
        self.room = self.room.saturating_sub(ENTRY + bytes);
        let what = if self.room == 0 { What::Stopped } else { what };
        self.trace.entries.push(levels.entry(what));
    }

    /// Masks secrets in what came from the server; how many bytes there are.
    fn mask(&self, what: &mut What) -> usize {
        let (bytes, more) = match what {
            What::Control(bytes)
            | What::Found(_, bytes)
            | What::Received(_, _, bytes)
            | What::Done(_, bytes) => (bytes, 0),
            What::Failed(_, kind, says) | What::Closed(Some((kind, says))) => (says, kind.len()),
            What::Asked(asked) => return asked.argument.len() + asked.second.len(),
            // The machine has masked what it says itself; a name that is also a password is still a name.
            What::Sent(bytes) => return bytes.len(),
            What::Note(text) | What::Ordered(_, _, text) => return text.len(),
            _ => return 0,
        };
        for secret in &self.secrets {
            secret.mask_in(bytes);
        }
        bytes.len() + more
    }
}

impl Levels {
    fn entry(self, what: What) -> Entry {
        Entry {
            at: self.now,
            secure: self.secure,
            deadline: self.deadline,
            what,
        }
    }
}

impl What {
    pub(crate) fn input(input: &Input<'_>) -> What {
        match *input {
            Input::Control(bytes) => What::Control(bytes.to_vec()),
            Input::ControlEof => What::ControlEof,
            Input::ControlFailed(fault) => What::ControlFailed(fault),
            Input::Timeout => What::Timeout,
            Input::Report(ref report) => What::Report(report.number, Outcome(report.news)),
            Input::Tickets(tickets) => What::Tickets(tickets),
            Input::Found(channel, bytes) => What::Found(channel, bytes.to_vec()),
            Input::Progress(data, bytes) => What::Progress(data.number(), bytes),
            Input::SourceEnded(data) => What::SourceEnded(data.number()),
        }
    }

    pub(crate) fn output(output: &Output<'_>) -> What {
        match output {
            Output::Effect(effect) => ordered(effect),
            Output::Event(event) => told(event),
        }
    }

    pub(crate) const fn asked(asked: Asked) -> What {
        What::Asked(asked)
    }
}

fn ordered(effect: &Effect) -> What {
    let tls = |order: &TlsOrder| match order.channel {
        Channel::Control => (order.number, String::from("control")),
        Channel::Data(data) => (order.number, format!("data {}", data.number())),
    };
    let (name, (number, details)) = match effect {
        Effect::SecureControl(order) | Effect::SecureData(order) => ("start TLS", tls(order)),
        Effect::ClearControl(order) => ("end TLS", tls(order)),
        Effect::CloseControl => ("close", (0, String::from("control"))),
        Effect::Connect(order) => {
            let target = match order.target {
                crate::DataTarget::Peer { port } => format!("port {port} of the peer"),
                crate::DataTarget::Address(address) => format!("{address}"),
            };
            let details = format!("data {} to {target}", order.data.number());
            ("connect", (order.number, details))
        }
        Effect::Listen(order) => (
            "listen",
            (order.number, format!("data {}", order.data.number())),
        ),
        Effect::Accept(order) => (
            "accept",
            (order.number, format!("data {}", order.data.number())),
        ),
        Effect::Flow(order) => {
            let mut details = format!("data {}, {:?}", order.data.number(), order.direction);
            for (word, said) in [
                ("ascii", order.ascii),
                ("protected", order.protected),
                ("discarded", order.discard),
            ] {
                if said {
                    // Writing to a string does not fail.
                    let _ = write!(details, ", {word}");
                }
            }
            ("flow", (order.number, details))
        }
        Effect::CloseData(data, _) => ("close", (0, format!("data {}", data.number()))),
    };
    What::Ordered(name, number, details)
}

fn told(event: &Event<'_>) -> What {
    match event {
        Event::Sent { line, .. } => What::Sent(line.to_vec()),
        Event::Received { verb, reply } => {
            What::Received(*verb, reply.code().value(), reply.text().to_vec())
        }
        Event::Ready { secure } => What::Ready(*secure),
        Event::Note(note) => What::Note(format!("{note:?}")),
        Event::Finished { ticket, result } => match result {
            Ok(done) => What::Done(ticket.0, result_of(done)),
            Err(failure) => {
                let (kind, says) = failed(failure);
                What::Failed(ticket.0, kind, says)
            }
        },
        Event::Closed(failure) => What::Closed(failure.map(failed)),
    }
}

fn failed(failure: &Failure) -> (String, Vec<u8>) {
    (
        format!("{:?}", failure.kind),
        format!("{failure}").into_bytes(),
    )
}

fn result_of(done: &Done<'_>) -> Vec<u8> {
    match done {
        Done::Nothing => String::new(),
        Done::Transfer(done) => {
            let name = done.name.map_or_else(String::new, |name| {
                format!(", named {}", Escaped::new(name))
            });
            format!(
                "{} bytes of {:?}, {:?}{name}",
                done.bytes, done.expected, done.proof
            )
        }
        Done::Reply(reply) => format!("{}", reply.display()),
        Done::PathName(Some(name)) => format!("{}", Escaped::new(name)),
        Done::PathName(None) => String::from("no name"),
        Done::Size(size) => format!("{size}"),
        Done::Time(time) => format!("{time:?}"),
        Done::Digest(done) => {
            let algorithm = done.algorithm.map_or("digest", HashAlgorithm::name);
            format!("{algorithm} of {:?}: {:02x?}", done.range, done.digest)
        }
        Done::Features(_, text) => format!("{}", Escaped::new(text)),
    }
    .into_bytes()
}

impl Clone for Tape {
    fn clone(&self) -> Self {
        Tape(None)
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() {
            "Tape(on)"
        } else {
            "Tape(off)"
        })
    }
}

impl PartialEq for Tape {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Tape {}

impl Hash for Tape {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}
