//! What either machine holds until it is taken: bytes for the control connection, and what waits to be polled.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::order::{
    AcceptOrder, Channel, Close, ConnectOrder, DataId, DataTarget, Direction, FlowOrder,
    ListenOrder, TlsOrder,
};
use crate::output::Effect;

/// Bytes for the control connection. What was consumed goes first; memory is kept, but not what was in it: it may be a password.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    at: usize,
}

impl Outbox {
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.at = self.at.saturating_add(n).min(self.bytes.len());
        if self.is_empty() {
            self.clear();
        } else if self.at > self.bytes.len() / 2 {
            // A peer that never takes all of it does not make it grow.
            self.bytes.copy_within(self.at.., 0);
            self.cut(self.bytes.len() - self.at);
            self.at = 0;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.cut(0);
        self.at = 0;
    }

    /// Gives the memory back if nothing waits.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            *self = Outbox::default();
        }
    }

    pub(crate) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Lets `encode` append, and takes back what it appended: whether it would work, without another buffer.
    pub(crate) fn tried<T>(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mark = self.bytes.len();
        let result = encode(&mut self.bytes);
        self.cut(mark);
        result
    }

    /// What was appended since the box held `mark` bytes.
    pub(crate) fn since(&self, mark: usize) -> &[u8] {
        self.bytes.get(mark..).unwrap_or(&[])
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all behind `length`.
    fn cut(&mut self, length: usize) {
        self.bytes
            .iter_mut()
            .skip(length)
            .for_each(|byte| *byte = 0);
        self.bytes.truncate(length);
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} bytes)", self.waiting().len())
    }
}

/// What waits to be polled, with the texts it refers to: as the peer said them, so `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Queue<I> {
    items: VecDeque<I>,
    text: Vec<u8>,
}

/// A piece of text in the queue's store.
pub(crate) type Piece = Range<usize>;

impl<I> Queue<I> {
    /// With room for so many bytes of text.
    pub(crate) fn with_room(text: usize) -> Self {
        Queue {
            items: VecDeque::new(),
            text: Vec::with_capacity(text),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn push(&mut self, item: I) {
        self.items.push_back(item);
    }

    /// Takes the next item. Once all are taken their texts go, with the next call.
    pub(crate) fn take(&mut self) -> Option<I> {
        let item = self.items.pop_front();
        if item.is_none() {
            self.text.clear();
        }
        item
    }

    /// Gives the memory back if nothing waits.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            *self = Queue::default();
        }
    }

    /// Keeps a text for an item.
    pub(crate) fn keep(&mut self, text: &[u8]) -> Piece {
        self.keep_with(|all| all.extend_from_slice(text))
    }

    /// Keeps a text that `write` appends.
    pub(crate) fn keep_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Piece {
        let start = self.text.len();
        write(&mut self.text);
        start..self.text.len()
    }

    pub(crate) fn text(&self, piece: &Piece) -> &[u8] {
        self.text.get(piece.clone()).unwrap_or(&[])
    }
}

impl<I: fmt::Debug> fmt::Debug for Queue<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("items", &self.items)
            .field("text", &format_args!("{} bytes", self.text.len()))
            .finish()
    }
}

impl<I> Default for Queue<I> {
    fn default() -> Self {
        Queue::with_room(0)
    }
}

/// An effect before its order is minted: plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Errand {
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

impl Errand {
    /// The effect with its order: the only place where orders are made.
    pub(crate) fn mint(self) -> Effect {
        let tls = |number, channel| TlsOrder { number, channel };
        match self {
            Errand::SecureControl(number) => Effect::SecureControl(tls(number, Channel::Control)),
            Errand::ClearControl(number) => Effect::ClearControl(tls(number, Channel::Control)),
            Errand::CloseControl => Effect::CloseControl,
            Errand::Connect(number, data, target) => Effect::Connect(ConnectOrder {
                number,
                data,
                target,
            }),
            Errand::Listen(number, data) => Effect::Listen(ListenOrder { number, data }),
            Errand::Accept(number, data) => Effect::Accept(AcceptOrder { number, data }),
            Errand::SecureData(number, channel) => Effect::SecureData(tls(number, channel)),
            Errand::Flow {
                number,
                data,
                direction,
                ascii,
                protected,
                discard,
            } => Effect::Flow(FlowOrder {
                number,
                data,
                direction,
                ascii,
                protected,
                discard,
            }),
            Errand::CloseData(data) => Effect::CloseData(data, Close::Now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_gone_and_leaves_nothing_behind() {
        let mut out = Outbox::default();
        out.end().extend_from_slice(b"PASS canary\r\nNOOP\r\n");
        out.consume(5);
        assert_eq!(out.waiting(), b"canary\r\nNOOP\r\n");
        out.consume(8);
        assert_eq!(out.waiting(), b"NOOP\r\n");
        assert_eq!(out.len(), 6, "what was sent takes no room");
        assert_eq!(out.tried(|end| end.extend_from_slice(b"QUIT\r\n")), ());
        assert_eq!(out.waiting(), b"NOOP\r\n");
        out.consume(usize::MAX);
        assert!(out.is_empty());
        assert_eq!((out.waiting(), out.len()), (&b""[..], 0));
    }

    #[test]
    fn texts_stay_until_all_was_taken() {
        let mut queue = Queue::default();
        let (first, second) = (queue.keep(b"one"), queue.keep_with(|all| all.push(b'2')));
        queue.push(first);
        queue.push(second);
        for text in [&b"one"[..], b"2"] {
            let piece = queue.take().unwrap();
            assert_eq!(queue.text(&piece), text);
        }
        assert_eq!(queue.take(), None);
        assert_eq!(queue.keep(b"next"), 0..4);
    }

    #[test]
    fn bytes_are_moved_only_once_more_than_half_of_them_are_sent() {
        let mut out = Outbox::default();
        out.end().extend_from_slice(b"0123456789");
        out.consume(2);
        out.consume(3);
        assert_eq!((out.waiting(), out.len()), (&b"56789"[..], 10));
        out.consume(1);
        assert_eq!((out.waiting(), out.len()), (&b"6789"[..], 4));
        out.end().extend_from_slice(b"ab");
        assert_eq!(out.since(4), b"ab");
        assert_eq!(out.since(7), b"");
    }

    #[test]
    fn at_rest_only_what_waits_takes_memory() {
        let mut out = Outbox::default();
        out.end().extend_from_slice(b"NOOP\r\n");
        out.rest();
        assert_eq!(out.waiting(), b"NOOP\r\n");
        out.consume(6);
        assert_ne!(out.bytes.capacity(), 0);
        out.rest();
        assert_eq!(out.bytes.capacity(), 0);

        let mut queue = Queue::default();
        let piece = queue.keep(b"one");
        queue.push(piece);
        queue.rest();
        let piece = queue.take().unwrap();
        assert_eq!(queue.text(&piece), b"one");
        queue.rest();
        assert_eq!((queue.items.capacity(), queue.text.capacity()), (0, 0));
        assert!(queue.is_empty());
    }

    #[test]
    fn what_waits_is_shown_by_its_size_alone() {
        let mut out = Outbox::default();
        out.end().extend_from_slice(b"PASS canary\r\n");
        assert_eq!(alloc::format!("{out:?}"), "Outbox(13 bytes)");
        let mut queue = Queue::default();
        assert!(queue.is_empty());
        let piece = queue.keep(b"canary");
        queue.push(piece);
        assert!(!queue.is_empty());
        let shown = alloc::format!("{queue:?}");
        assert!(
            shown.contains("0..6") && shown.contains("6 bytes"),
            "{shown}"
        );
        assert!(!shown.contains("canary"), "{shown}");
    }
}
