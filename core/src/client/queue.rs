//! What waits to be polled.

use crate::error::Failure;
use crate::output::{Note, Proof};
use crate::queue::{Errand, Piece};
use crate::ticket::TicketId;
use crate::wire::command::Verb;
use crate::wire::date::Timestamp;
use crate::wire::digest::HashAlgorithm;
use crate::wire::features::FeatureSet;
use crate::wire::reply::Code;

/// One thing to be polled, as plain data; orders are minted when it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    Do(Errand),
    Sent(Verb, Piece),
    Received(Option<Verb>, Code, Piece),
    Ready(bool),
    Note(Note),
    Finished(TicketId, Result<Outcome, Failure>),
    Closed(Option<Failure>),
}

/// A result as it is kept until it is polled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    Nothing,
    Transfer {
        bytes: u64,
        expected: Option<u64>,
        proof: Proof,
        name: Option<Piece>,
    },
    Reply(Code, Piece),
    PathName(Option<Piece>),
    Size(u64),
    Time(Timestamp),
    Digest {
        algorithm: Option<HashAlgorithm>,
        range: Option<(u64, u64)>,
        digest: Piece,
    },
    Features(FeatureSet, Piece),
}
