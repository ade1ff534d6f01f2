//! What the client sent and has not been carried out, and what waits to be polled.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use super::output::{Closing, Note};
use super::question::{Held, Question};
use super::{UserId, VirtualPath};
use crate::queue::{Errand, Piece, Queue};
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

    /// Gives back what lines waited in, if none does.
    pub(super) fn rest(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }

    /// For how many lines there is memory.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.waiting.capacity()
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

impl Queue<Item> {
    /// Puts an effect in line.
    pub(super) fn order(&mut self, errand: Errand) {
        self.push(Item::Do(errand));
    }

    /// Puts a question in line.
    pub(super) fn ask(&mut self, question: Question) {
        self.push(Item::Ask(Held(question)));
    }

    /// Puts an event in line.
    pub(super) fn tell(&mut self, told: Told) {
        self.push(Item::Tell(told));
    }
    /// Keeps a text for an item, `secrets` masked: it is for a log.
    pub(super) fn keep_masked(&mut self, text: &[u8], secrets: &Secrets) -> Piece {
        self.keep_with(|out| secrets.mask_into(text, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(bytes: &[u8]) -> Inbox {
        let mut inbox = Inbox::new(80);
        inbox.push(bytes, None);
        inbox
    }

    #[test]
    fn lines_are_taken_out_up_to_either_bound() {
        let lines = b"NOOP\r\n".repeat(5);
        let mut few = inbox(&lines);
        few.fill(2, usize::MAX);
        assert_eq!(few.waiting.len(), 2);
        // Six bytes each: behind the second the bound of twelve is reached.
        let mut small = inbox(&lines);
        small.fill(usize::MAX, 12);
        assert_eq!((small.waiting.len(), small.waiting_bytes), (2, 12));
        assert_eq!(small.len(), 30, "what waits counts, in lines or not");
        assert!(small.take().is_some());
        assert_eq!((small.waiting_bytes, small.len()), (6, 24));
        small.fill(usize::MAX, usize::MAX);
        while small.take().is_some() {}
        assert_eq!((small.waiting_bytes, small.len()), (0, 0));
        assert!(small.is_empty());
    }

    #[test]
    fn a_line_that_was_too_long_counts_as_a_line() {
        let mut long = inbox(&[b'x'; 100]);
        long.fill(10, usize::MAX);
        assert_eq!(long.take(), Some(Line::TooLong));
        assert_eq!(long.waiting_bytes, 0);
    }

    #[test]
    fn nothing_is_left_of_what_is_cleared_and_nothing_of_it_is_shown() {
        let mut inbox = inbox(b"PASS secret\r\nNO");
        inbox.fill(10, usize::MAX);
        assert_eq!(alloc::format!("{inbox:?}"), "Inbox(15 bytes)");
        assert_eq!(inbox.front(), Some(&b"PASS secret"[..]));
        inbox.clear();
        assert!(inbox.is_empty());
        assert_eq!((inbox.len(), inbox.take()), (0, None));
    }
}
