//! What the client sent and has not been carried out, what it has not read yet, and what waits to be polled.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::output::{Closing, Note};
use super::question::{Held, Question};
use super::{UserId, VirtualPath};
use crate::order::{Channel, DataId, DataTarget, Direction};
use crate::secret::{Secret, Secrets};
use crate::wire::command::{Command, Verb};
use crate::wire::line::LineSplitter;
use crate::wire::reply::Code;
use crate::wire::telnet::TelnetDecoder;

/// Received bytes on their way to commands. Its `Debug` form shows none of them: they may be a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Inbox {
    telnet: TelnetDecoder,
    lines: LineSplitter,
    waiting: VecDeque<Line>,
    waiting_bytes: usize,
}

/// A line that waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Line {
    /// Without its end; a secret until it is known not to be one.
    Text(Secret),
    /// It was too long, and nothing of it is kept.
    TooLong,
}

impl Inbox {
    pub(super) fn new(received_line: usize) -> Self {
        Inbox {
            telnet: TelnetDecoder::default(),
            lines: LineSplitter::new(received_line),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    /// Takes received bytes. Answers to Telnet offers go to `answers`, if there is room for them.
    pub(super) fn push(&mut self, bytes: &[u8], answers: Option<&mut Vec<u8>>) {
        match answers {
            Some(answers) => self.telnet.decode(bytes, self.lines.sink(), answers),
            None => self.telnet.decode_silently(bytes, self.lines.sink()),
        }
    }

    /// Takes whole lines out of the bytes, up to the bounds.
    pub(super) fn fill(&mut self, lines: usize, bytes: usize) {
        while self.waiting.len() < lines && self.waiting_bytes < bytes {
            let line = match self.lines.next_line() {
                Ok(Some(text)) => Line::Text(Secret::new(text)),
                Ok(None) => return,
                Err(_) => Line::TooLong,
            };
            self.waiting_bytes += line.len();
            self.waiting.push_back(line);
        }
    }

    pub(super) fn take(&mut self) -> Option<Line> {
        let line = self.waiting.pop_front()?;
        self.waiting_bytes -= line.len();
        Some(line)
    }

    pub(super) fn front(&self) -> Option<&[u8]> {
        self.waiting.front().map(Line::text)
    }

    /// Whether ABOR waits.
    pub(super) fn has_abort(&self) -> bool {
        self.waiting
            .iter()
            .any(|line| matches!(Command::parse(line.text()), Ok(Command::Abor)))
    }

    /// Bytes that wait, in whole lines or not.
    pub(super) fn len(&self) -> usize {
        self.waiting_bytes + self.lines.pending().len()
    }

    /// Whether nothing has come that was not carried out.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.lines.is_empty() && self.telnet.is_idle()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.telnet = TelnetDecoder::default();
        self.lines.clear();
        self.waiting.clear();
        self.waiting_bytes = 0;
    }
}

impl Line {
    pub(super) fn text(&self) -> &[u8] {
        match self {
            Line::Text(text) => text.expose(),
            Line::TooLong => &[],
        }
    }

    fn len(&self) -> usize {
        self.text().len() + 2
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbox({} bytes)", self.len())
    }
}

/// Bytes for the control connection.
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
        } else if self.at > self.bytes.len() / 2 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.at = 0;
    }

    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} bytes)", self.waiting().len())
    }
}

/// What waits to be polled, with the texts it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    text: Vec<u8>,
}

/// A piece of text in the queue's store.
pub(super) type Piece = Range<usize>;

/// One thing to be polled; orders are minted when it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Item {
    Do(Errand),
    Ask(Held),
    Tell(Told),
}

/// An event as it is kept until it is polled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Told {
    Command(Option<Verb>, Piece),
    Replied(Option<Verb>, Code, Piece),
    LoggedIn(UserId),
    LoginFailed(u8),
    Transferred {
        user: UserId,
        verb: Verb,
        path: VirtualPath,
        bytes: u64,
        whole: bool,
    },
    Note(Note),
    Closed(Closing),
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
    },
    CloseData(DataId),
}

impl Queue {
    /// Puts an effect in line.
    pub(super) fn order(&mut self, errand: Errand) {
        self.items.push_back(Item::Do(errand));
    }

    /// Puts a question in line.
    pub(super) fn ask(&mut self, question: Question) {
        self.items.push_back(Item::Ask(Held(question)));
    }

    /// Puts an event in line.
    pub(super) fn tell(&mut self, told: Told) {
        self.items.push_back(Item::Tell(told));
    }

    /// Takes the next item. Once all are taken their texts go, with the next call.
    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front();
        if item.is_none() {
            self.text.clear();
        }
        item
    }

    /// Keeps a text for an item, `secrets` masked: it is for a log.
    pub(super) fn keep(&mut self, text: &[u8], secrets: &Secrets) -> Piece {
        let start = self.text.len();
        secrets.mask_into(text, &mut self.text);
        start..self.text.len()
    }

    pub(super) fn text(&self, piece: &Piece) -> &[u8] {
        self.text.get(piece.clone()).unwrap_or(&[])
    }
}
