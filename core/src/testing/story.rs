//! What a played session was, to be judged.

use alloc::vec::Vec;

use crate::client::Client;
use crate::error::{Failure, Refusal};
use crate::order::{DataId, DataTarget, Direction, Fault};
use crate::output::{Done, Note};
use crate::ticket::{Features, FinalReply, TicketId, Transfer};
use crate::time::Instant;
use crate::wire::command::Verb;
use crate::wire::date::Timestamp;
use crate::wire::digest::Hashed;
use crate::wire::reply::Code;

use super::Outcome;

/// Everything that crossed the border of a machine, in order.
#[derive(Clone, Debug)]
pub struct Story {
    /// What happened.
    pub steps: Vec<Step>,
    /// The ticket of each call, if it was accepted.
    pub tickets: Vec<Option<TicketId>>,
    /// The machine as it was in the end.
    pub client: Client,
    /// The time in the end.
    pub now: Instant,
    /// Whether the control connection was under TLS in the end, as the network knows it.
    pub secure: bool,
    /// The machine came to rest after every input, and the session ended or became idle. Never false unless the core has a flaw.
    pub rested: bool,
}

/// One thing that crossed the border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The application asked: the call with this index.
    Asked(usize, Result<TicketId, Refusal>),
    /// Bytes left on the control connection.
    Wrote {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether they left under TLS.
        secure: bool,
    },
    /// Bytes came on the control connection.
    Heard(Vec<u8>),
    /// The control connection ended: closed, or broken.
    Lost(Option<Fault>),
    /// An effect.
    Did(Act),
    /// What became of an order was reported.
    Reported(Act, Outcome),
    /// The deadline passed.
    TimedOut,
    /// An event.
    Told(Told),
}

/// An effect without its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        /// Under TLS.
        protected: bool,
        /// Nobody wants the payload.
        discard: bool,
    },
    /// Close this data connection.
    CloseData(DataId),
}

/// An event, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A command was put in line, secrets masked.
    Sent(Verb, Vec<u8>),
    /// A reply came.
    Received(Option<Verb>, Code, Vec<u8>),
    /// Greeting and security are over; whether the control connection is under TLS.
    Ready(bool),
    /// A note.
    Note(Note),
    /// A request is over.
    Finished(TicketId, Result<Got, Failure>),
    /// The session is over.
    Closed(Option<Failure>),
}

/// A result, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// Nothing to tell.
    Nothing,
    /// A transfer.
    Transfer(Transfer),
    /// A reply.
    Reply(FinalReply),
    /// A path name, if the reply gives one.
    PathName(Option<Vec<u8>>),
    /// A size in bytes.
    Size(u64),
    /// A time.
    Time(Timestamp),
    /// A digest.
    Digest(Hashed),
    /// Features.
    Features(Features),
}

impl Story {
    /// The command lines that left, without line ends; secrets as they are. With them, whether they left under TLS.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.steps.iter().flat_map(|step| step.lines())
    }

    /// The events.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        self.steps.iter().filter_map(|step| match step {
            Step::Told(told) => Some(told),
            _ => None,
        })
    }

    /// The notes.
    pub fn notes(&self) -> impl Iterator<Item = Note> {
        self.told().filter_map(|told| match told {
            Told::Note(note) => Some(*note),
            _ => None,
        })
    }

    /// The effects.
    pub fn acts(&self) -> impl Iterator<Item = Act> {
        self.steps.iter().filter_map(|step| match step {
            Step::Did(act) => Some(*act),
            _ => None,
        })
    }

    /// How the call with this index ended, if it was accepted and is over.
    #[must_use]
    pub fn result(&self, call: usize) -> Option<&Result<Got, Failure>> {
        let wanted = self.tickets.get(call).copied().flatten()?;
        self.told().find_map(|told| match told {
            Told::Finished(ticket, result) if *ticket == wanted => Some(result),
            _ => None,
        })
    }

    /// Whether the call with this index succeeded.
    #[must_use]
    pub fn succeeded(&self, call: usize) -> bool {
        matches!(self.result(call), Some(Ok(_)))
    }

    /// How the call with this index failed, if it did.
    #[must_use]
    pub fn failure(&self, call: usize) -> Option<&Failure> {
        self.result(call)?.as_ref().err()
    }

    /// How the session ended, if it did.
    #[must_use]
    pub fn end(&self) -> Option<Option<&Failure>> {
        self.told().find_map(|told| match told {
            Told::Closed(failure) => Some(failure.as_ref()),
            _ => None,
        })
    }
}

impl Step {
    /// The command lines that left in this step, and whether under TLS.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let (bytes, secure) = match self {
            Step::Wrote { bytes, secure } => (bytes.as_slice(), *secure),
            _ => (&[][..], false),
        };
        bytes
            .split_inclusive(|&byte| byte == b'\n')
            .map(move |line| (line.strip_suffix(b"\r\n").unwrap_or(line), secure))
    }
}

/// The owned form of a result.
pub(super) fn owned(done: Done<'_>) -> Got {
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
    }
}
