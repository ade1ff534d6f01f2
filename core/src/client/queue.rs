//! What waits to be polled.

use crate::error::Failure;
use crate::output::{Note, Proof};
use crate::queue::{Errand, Piece, Queue};
use crate::secret::Secrets;
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
    /// A reply whose inner lines are names and facts: a value, which nothing is masked in.
    Names(Code, Piece),
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

impl Queue<Item> {
    /// As [`take`](Self::take), with what the server repeats of `secrets` masked. All parts of the machine read what came; this is where it
    /// goes out.
    pub(super) fn take_shown(&mut self, secrets: &Secrets) -> Option<Item> {
        let mut item = self.take()?;
        match &mut item {
            Item::Received(_, _, text)
            | Item::Finished(_, Ok(Outcome::Reply(_, text) | Outcome::Features(_, text))) => {
                self.mask(text, secrets);
            }
            Item::Finished(_, Ok(Outcome::Names(_, text))) => self.mask_around(text, secrets),
            _ => {}
        }
        Some(item)
    }

    /// Puts a masked copy in the place of a text, if there is something to mask.
    fn mask(&mut self, piece: &mut Piece, secrets: &Secrets) {
        if secrets.find(self.text(piece)).is_some() {
            let text = self.text(piece).to_vec();
            *piece = self.keep_with(|out| secrets.mask_into(&text, out));
        }
    }

    /// As [`mask`](Self::mask), in the first and the last line alone.
    fn mask_around(&mut self, piece: &mut Piece, secrets: &Secrets) {
        if secrets.find(self.text(piece)).is_none() {
            return;
        }
        let text = self.text(piece).to_vec();
        let last = text.iter().filter(|byte| **byte == b'\n').count();
        *piece = self.keep_with(|out| {
            for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
                if number > 0 {
                    out.push(b'\n');
                }
                if number == 0 || number == last {
                    secrets.mask_into(line, out);
                } else {
                    out.extend_from_slice(line);
                }
            }
        });
    }
}
