//! Requests and their typed results.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use crate::error::Failure;
use crate::output::{Done, Event, Proof};
use crate::wire::date::Timestamp;
use crate::wire::digest::Hashed;
use crate::wire::features::FeatureSet;
use crate::wire::reply::Code;

/// The number of a request, unique within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(pub(crate) u32);

/// A request that was accepted. Its result comes in [`Event::Finished`], once.
#[must_use = "the result of the request comes under this ticket"]
pub struct Ticket<O> {
    id: TicketId,
    operation: PhantomData<fn() -> O>,
}

/// A kind of request, by its result.
pub trait Operation {
    /// What a success gives.
    type Done;

    /// Reads the result out of an event; `None` if it is of another kind.
    fn read(done: Done<'_>) -> Option<Self::Done>;
}

impl<O> Ticket<O> {
    pub(crate) const fn new(id: TicketId) -> Self {
        Ticket {
            id,
            operation: PhantomData,
        }
    }

    /// The number of the request.
    #[must_use]
    pub const fn id(&self) -> TicketId {
        self.id
    }
}

impl<O: Operation> Ticket<O> {
    /// The typed result, if `event` is the end of this request.
    pub fn claim(&self, event: &Event<'_>) -> Option<Result<O::Done, Failure>> {
        match *event {
            Event::Finished { ticket, result } if ticket == self.id => match result {
                Ok(done) => O::read(done).map(Ok),
                Err(failure) => Some(Err(failure.clone())),
            },
            _ => None,
        }
    }
}

impl<O> Clone for Ticket<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Ticket<O> {}

impl<O> fmt::Debug for Ticket<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.id.0)
    }
}

/// A request without a result beyond its success.
#[derive(Debug)]
pub enum Plain {}

/// A transfer: RETR, STOR, APPE, STOU, LIST, NLST, MLSD.
#[derive(Debug)]
pub enum Transferred {}

/// A request whose result is its final reply.
#[derive(Debug)]
pub enum Replied {}

/// A request that gives a path name: PWD, MKD.
#[derive(Debug)]
pub enum Named {}

/// SIZE.
#[derive(Debug)]
pub enum Sizing {}

/// MDTM.
#[derive(Debug)]
pub enum Timed {}

/// HASH.
#[derive(Debug)]
pub enum Hashing {}

/// FEAT.
#[derive(Debug)]
pub enum Featured {}

/// The owned result of a transfer that is proved whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Payload bytes moved.
    pub bytes: u64,
    /// Bytes expected, where known.
    pub expected: Option<u64>,
    /// What kind of proof there is.
    pub proof: Proof,
    /// The name the server chose (STOU), if it said so.
    pub name: Option<Vec<u8>>,
}

/// An owned final reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalReply {
    /// Its code.
    pub code: Code,
    /// Its text, lines joined by LF.
    pub text: Vec<u8>,
}

/// What FEAT lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// The features known by name.
    pub known: FeatureSet,
    /// The whole list as it came, lines joined by LF.
    pub text: Vec<u8>,
}

impl Operation for Plain {
    type Done = ();

    fn read(_done: Done<'_>) -> Option<()> {
        Some(())
    }
}

impl Operation for Transferred {
    type Done = Transfer;

    fn read(done: Done<'_>) -> Option<Transfer> {
        match done {
            Done::Transfer(done) => Some(Transfer {
                bytes: done.bytes,
                expected: done.expected,
                proof: done.proof,
                name: done.name.map(<[u8]>::to_vec),
            }),
            _ => None,
        }
    }
}

impl Operation for Replied {
    type Done = FinalReply;

    fn read(done: Done<'_>) -> Option<FinalReply> {
        match done {
            Done::Reply(reply) => Some(FinalReply {
                code: reply.code(),
                text: reply.text().to_vec(),
            }),
            _ => None,
        }
    }
}

impl Operation for Named {
    type Done = Option<Vec<u8>>;

    fn read(done: Done<'_>) -> Option<Option<Vec<u8>>> {
        match done {
            Done::PathName(name) => Some(name.map(<[u8]>::to_vec)),
            _ => None,
        }
    }
}

impl Operation for Sizing {
    type Done = u64;

    fn read(done: Done<'_>) -> Option<u64> {
        match done {
            Done::Size(size) => Some(size),
            _ => None,
        }
    }
}

impl Operation for Timed {
    type Done = Timestamp;

    fn read(done: Done<'_>) -> Option<Timestamp> {
        match done {
            Done::Time(time) => Some(time),
            _ => None,
        }
    }
}

impl Operation for Hashing {
    type Done = Hashed;

    fn read(done: Done<'_>) -> Option<Hashed> {
        match done {
            Done::Digest(done) => Some(Hashed {
                algorithm: done.algorithm,
                range: done.range,
                digest: done.digest.to_vec(),
            }),
            _ => None,
        }
    }
}

impl Operation for Featured {
    type Done = Features;

    fn read(done: Done<'_>) -> Option<Features> {
        match done {
            Done::Features(known, text) => Some(Features {
                known,
                text: text.to_vec(),
            }),
            _ => None,
        }
    }
}
