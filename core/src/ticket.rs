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

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::error::FailureKind;
    use crate::output::{DigestDone, TransferDone};
    use crate::wire::digest::HashAlgorithm;
    use crate::wire::reply::Reply;

    const OWN: TicketId = TicketId(7);

    fn claim<O: Operation>(ticket: TicketId, done: Done<'_>) -> Option<O::Done> {
        let event = Event::Finished {
            ticket,
            result: Ok(done),
        };
        Ticket::<O>::new(OWN)
            .claim(&event)
            .map(|result| result.ok().unwrap())
    }

    /// Whatever it is a ticket of: the application may keep several of one request.
    #[test]
    fn a_ticket_is_as_good_as_its_copies() {
        fn twice<T: Clone>(ticket: &T) -> [T; 2] {
            [ticket.clone(), ticket.clone()]
        }
        for ticket in twice(&Ticket::<crate::ticket::Plain>::new(OWN)) {
            assert_eq!(ticket.id(), OWN);
        }
    }

    /// One of each kind; the first one has nothing to tell.
    fn every() -> [Done<'static>; 8] {
        [
            Done::Nothing,
            Done::Transfer(TransferDone {
                bytes: 3,
                expected: Some(3),
                proof: Proof::SizeOnly,
                name: Some(b"unique.1"),
            }),
            Done::Reply(Reply::new(Code::FILE_STATUS, b"of a\nof b")),
            Done::PathName(Some(b"/a b")),
            Done::Size(1 << 40),
            Done::Time(Timestamp::parse(b"20240229235959").unwrap()),
            Done::Digest(DigestDone {
                algorithm: Some(HashAlgorithm::Sha256),
                range: Some((0, 2)),
                digest: &[1, 2, 3],
            }),
            Done::Features(FeatureSet::default(), b"features"),
        ]
    }

    #[test]
    fn what_a_success_gives_is_kept_beyond_the_event() {
        let [_, transfer, reply, name, size, time, digest, features] = every();
        let transfer = claim::<Transferred>(OWN, transfer).unwrap();
        assert_eq!((transfer.bytes, transfer.expected), (3, Some(3)));
        assert_eq!(transfer.proof, Proof::SizeOnly);
        assert_eq!(transfer.name.unwrap(), b"unique.1");
        let reply = claim::<Replied>(OWN, reply).unwrap();
        assert_eq!(reply.code, Code::FILE_STATUS);
        assert_eq!(reply.text, b"of a\nof b");
        let name = claim::<Named>(OWN, name).unwrap();
        assert_eq!(name.unwrap(), b"/a b");
        // A 257 that names nothing is a success all the same.
        assert_eq!(claim::<Named>(OWN, Done::PathName(None)), Some(None));
        assert_eq!(claim::<Sizing>(OWN, size), Some(1 << 40));
        let Done::Time(at) = time else { unreachable!() };
        assert_eq!(claim::<Timed>(OWN, time), Some(at));
        let digest = claim::<Hashing>(OWN, digest).unwrap();
        assert_eq!(digest.algorithm, Some(HashAlgorithm::Sha256));
        assert_eq!(
            (digest.range, digest.digest),
            (Some((0, 2)), [1, 2, 3].into())
        );
        let features = claim::<Featured>(OWN, features).unwrap();
        assert_eq!(features.text, b"features");
        assert_eq!(features.known, FeatureSet::default());
    }

    /// An event of another session may bear the same number, and be the end of another kind of request.
    #[test]
    fn a_result_of_another_kind_is_not_taken_for_ones_own() {
        fn taken<O: Operation>() -> usize {
            let all = every().into_iter();
            all.filter_map(|done| claim::<O>(OWN, done)).count()
        }
        let counts = [
            taken::<Transferred>(),
            taken::<Replied>(),
            taken::<Named>(),
            taken::<Sizing>(),
            taken::<Timed>(),
            taken::<Hashing>(),
            taken::<Featured>(),
        ];
        assert_eq!(counts, [1; 7]);
        // A request without a result of its own takes any success for one.
        assert_eq!(taken::<Plain>(), 8);
    }

    #[test]
    fn only_the_end_of_this_request_is_claimed() {
        let ticket = Ticket::<Sizing>::new(OWN);
        assert_eq!(claim::<Sizing>(TicketId(8), Done::Size(1)), None);
        assert!(ticket.claim(&Event::Closed(None)).is_none());
        let failure = Failure::new(FailureKind::Withdrawn, None);
        let event = Event::Finished {
            ticket: OWN,
            result: Err(&failure),
        };
        assert_eq!(ticket.claim(&event), Some(Err(failure.clone())));
        assert_eq!(format!("{ticket:?}"), "Ticket(7)");
    }
}
