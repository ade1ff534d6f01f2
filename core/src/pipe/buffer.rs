//! Bytes on their way, in a piece of memory that is allocated once.

use alloc::vec;
use alloc::vec::Vec;

/// A buffer that is filled at its end and emptied at its front.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn new(size: usize) -> Self {
        Buffer {
            bytes: vec![0; size],
            start: 0,
            end: 0,
        }
    }

    /// What is in it.
    pub(super) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Forgets the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Where more can be put; follow with [`Buffer::add`].
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// `count` bytes were put into the room.
    pub(super) fn add(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Copies as much of `bytes` as there is room for.
    pub(super) fn put(&mut self, bytes: &[u8]) -> usize {
        let room = self.room();
        let count = bytes.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), bytes.get(..count)) {
            to.copy_from_slice(from);
        }
        self.add(count);
        count
    }

    /// Appends all of `bytes`, growing where it must.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.room().len() < bytes.len() {
            self.bytes.resize(self.end + bytes.len(), 0);
        }
        self.put(bytes);
    }

    /// Copies the front into `out` and forgets it.
    pub(super) fn take(&mut self, out: &mut [u8]) -> usize {
        let count = out.len().min(self.filled().len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), self.filled().get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut buffer = Buffer::new(4);
        assert_eq!(buffer.put(b"abcdef"), 4);
        assert_eq!(buffer.put(b"x"), 0);
        let mut out = [0; 3];
        assert_eq!((buffer.take(&mut out), &out), (3, b"abc"));
        buffer.append(b"ghijk");
        assert_eq!(buffer.filled(), b"dghijk");
        buffer.consume(100);
        assert!(buffer.is_empty());
        assert!(buffer.room().len() >= 6);
    }
}
