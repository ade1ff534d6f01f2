//! Bytes to be sent, and what waits to be polled.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::error::Failure;
use crate::order::{Channel, DataId, DataTarget, Direction};
use crate::output::{Note, Proof};
use crate::secret::Secrets;
use crate::ticket::TicketId;
use crate::wire::command::Verb;
use crate::wire::date::Timestamp;
use crate::wire::digest::HashAlgorithm;
use crate::wire::features::FeatureSet;
use crate::wire::reply::Code;

/// Bytes for the control connection. What was consumed goes first; memory is kept, but not what was in it: it may be a password.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    at: usize,
}

impl Outbox {
    pub(super) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.at = self.at.saturating_add(n).min(self.bytes.len());
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.fill(0);
        self.bytes.clear();
        self.at = 0;
    }

    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Lets `encode` append, and takes back what it appended: whether it would work, without another buffer.
    pub(super) fn tried<T>(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mark = self.bytes.len();
        let result = encode(&mut self.bytes);
        // The trial may have been a password.
        for byte in self.bytes.iter_mut().skip(mark) {
            *byte = 0;
        }
        self.bytes.truncate(mark);
        result
    }

    /// What was appended since the box held `mark` bytes.
    pub(super) fn since(&self, mark: usize) -> &[u8] {
        self.bytes.get(mark..).unwrap_or(&[])
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} bytes)", self.waiting().len())
    }
}

/// What waits to be polled, with the texts it refers to: as the server said them, so `Debug` shows none of them.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    text: Vec<u8>,
}

/// A piece of text in the queue's store.
pub(super) type Piece = Range<usize>;

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

/// An effect before its order is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Errand {
    SecureControl(u32),
    ClearControl(u32),
    CloseControl,
    Connect(u32, DataId, DataTarget),
    Listen(u32, DataId),
    Accept(u32, DataId),
    SecureData(u32, Channel),
    Flow {
        number: u32,
        data: DataId,
        direction: Direction,
        ascii: bool,
        protected: bool,
        discard: bool,
    },
    CloseData(DataId),
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

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn push(&mut self, item: Item) {
        self.items.push_back(item);
    }

    /// Takes the next item. Once all are taken their texts go, with the next call.
    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front();
        if item.is_none() {
            self.text.clear();
        }
        item
    }

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

    /// Keeps a text for an item.
    pub(super) fn keep(&mut self, text: &[u8]) -> Piece {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        start..self.text.len()
    }

    /// Keeps a text that `write` appends.
    pub(super) fn keep_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let start = self.text.len();
        write(&mut self.text);
        start..self.text.len()
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

    pub(super) fn text(&self, piece: &Piece) -> &[u8] {
        self.text.get(piece.clone()).unwrap_or(&[])
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("items", &self.items)
            .field("text", &format_args!("{} bytes", self.text.len()))
            .finish()
    }
}
