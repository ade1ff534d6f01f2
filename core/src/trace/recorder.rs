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
use crate::secret::Secrets;
use crate::time::Instant;
use crate::wire::digest::HashAlgorithm;
use crate::wire::reply::Escaped;
use crate::wire::telnet::TelnetDecoder;

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
        }));
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The record so far, closed, and masked: only here all pieces of what came are seen together.
    pub(crate) fn trace(&self, levels: Levels, drained: bool, secrets: &Secrets) -> Option<Trace> {
        let mut trace = self.0.as_ref()?.trace.clone();
        mask(&mut trace.entries, secrets);
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
}

impl Recorder {
    fn keep(&mut self, levels: Levels, what: What) {
        if self.room == 0 {
            return;
        }
        self.room = self.room.saturating_sub(ENTRY + what.size());
        let what = if self.room == 0 { What::Stopped } else { what };
        self.trace.entries.push(levels.entry(what));
    }
}

/// Masks what the server said, and what was made of it.
fn mask(entries: &mut [Entry], secrets: &Secrets) {
    if secrets.is_empty() {
        return;
    }
    mask_control(entries, secrets);
    for entry in entries {
        match &mut entry.what {
            What::Found(_, bytes)
            | What::Received(_, _, bytes)
            | What::Done(_, bytes)
            | What::Failed(_, _, bytes)
            | What::Closed(Some((_, bytes))) => secrets.mask(bytes),
            // The machine has masked what it says itself; a name that is also a password is still a name.
            _ => {}
        }
    }
}

/// Masks what came on the control connection, in whatever pieces, and whatever Telnet says in between: the mask goes where the secret
/// began.
fn mask_control(entries: &mut [Entry], secrets: &Secrets) {
    let mut telnet = TelnetDecoder::default();
    let mut text = Vec::new();
    // Of every byte of the text: the entry that completed it, and where behind it the entry goes on.
    let mut origins: Vec<(usize, usize)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let What::Control(bytes) = &entry.what else {
            continue;
        };
        for (at, byte) in bytes.iter().enumerate() {
            telnet.decode_silently(&[*byte], &mut text);
            origins.resize(text.len(), (index, at + 1));
        }
    }
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(next) = secrets.find(text.get(from..).unwrap_or_default()) {
        found.push(from + next.start..from + next.end);
        from += next.end;
    }
    // From the back, so that what is in front stays where it is.
    for range in found.into_iter().rev() {
        let behind = |end: usize| {
            let last = end.checked_sub(1).and_then(|last| origins.get(last));
            last.copied().unwrap_or_default()
        };
        cut(entries, behind(range.start), behind(range.end));
    }
}

/// Puts the mask in the place of what came from `start` to `end`.
fn cut(entries: &mut [Entry], start: (usize, usize), end: (usize, usize)) {
    let mut mask = Some(*b"****");
    for (index, entry) in entries.iter_mut().enumerate().take(end.0 + 1).skip(start.0) {
        let What::Control(bytes) = &mut entry.what else {
            continue;
        };
        let from = if index == start.0 { start.1 } else { 0 };
        let to = if index == end.0 { end.1 } else { bytes.len() };
        // The secret may begin in the next entry.
        if from < to {
            bytes.splice(from..to, mask.take().into_iter().flatten());
        }
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
    /// How many bytes it takes besides what every entry takes.
    fn size(&self) -> usize {
        match self {
            What::Control(bytes)
            | What::Found(_, bytes)
            | What::Received(_, _, bytes)
            | What::Done(_, bytes)
            | What::Sent(bytes) => bytes.len(),
            What::Failed(_, kind, says) | What::Closed(Some((kind, says))) => {
                says.len() + kind.len()
            }
            What::Asked(asked) => asked.argument.len() + asked.second.len(),
            What::Note(text) | What::Ordered(_, _, text) => text.len(),
            _ => 0,
        }
    }

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

#[cfg(test)]
mod tests;
