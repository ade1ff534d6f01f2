//! Bytes on their way, in a piece of memory that grows with the use of it and is then kept.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// A buffer that is filled at its end and emptied at its front. Its `Debug` form shows none of what is in it.
#[derive(Default)]
pub(super) struct Buffer {
    /// Empty until something is put there, and small until that was filled: most of thousands of sessions are at rest, or move small
    /// files.
    bytes: Vec<u8>,
    /// It grows no further.
    size: usize,
    /// All of it was in use.
    was_full: bool,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn new(size: usize) -> Self {
        Buffer {
            bytes: Vec::new(),
            size,
            was_full: false,
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

    /// Gives the memory back if nothing is in it.
    pub(super) fn rest(&mut self) {
        if self.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Where more can be put; follow with [`Buffer::add`].
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; self.size.min(FIRST)];
        } else if core::mem::take(&mut self.was_full) {
            // What had to be appended may have made it larger than it is to be.
            let size = self.bytes.len().saturating_mul(4).min(self.size);
            self.bytes.resize(size.max(self.bytes.len()), 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// How much more it may hold before it is of its full size.
    pub(super) fn free(&self) -> usize {
        self.size.saturating_sub(self.end)
    }

    /// `count` bytes were put into the room.
    pub(super) fn add(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
        self.was_full |= self.end == self.bytes.len();
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
        self.room();
        let size = self.bytes.len().max(self.end + bytes.len());
        self.bytes.resize(size, 0);
        self.put(bytes);
    }

    /// How much memory it has.
    #[cfg(all(test, any(feature = "ring", feature = "aws-lc-rs")))]
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
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

/// The size of a buffer that has never been full, in bytes: more than a TLS record.
const FIRST: usize = 32 * 1024;

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.filled().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_when_it_was_full_and_no_further_than_it_may() {
        let mut buffer = Buffer::new(100_000);
        assert_eq!((buffer.bytes.len(), buffer.free()), (0, 100_000));
        assert_eq!(buffer.put(&[1; 1000]), 1000);
        assert_eq!(buffer.free(), 99_000);
        assert_eq!(buffer.bytes.len(), FIRST);
        assert_eq!(buffer.put(&[2; FIRST]), FIRST - 1000);
        assert_eq!(buffer.put(&[3; 90_000]), 100_000 - FIRST);
        assert_eq!(buffer.put(b"x"), 0);
        let ends = [
            buffer.filled()[999],
            buffer.filled()[1000],
            buffer.filled()[99_999],
        ];
        assert_eq!((buffer.filled().len(), ends), (100_000, [1, 2, 3]));
    }

    #[test]
    fn at_rest_it_has_memory_for_what_is_in_it_alone() {
        let mut buffer = Buffer::new(1000);
        buffer.put(b"abc");
        buffer.rest();
        assert_eq!(buffer.filled(), b"abc");
        buffer.consume(3);
        buffer.rest();
        assert_eq!(buffer.bytes.capacity(), 0);
        buffer.put(b"abc");
        assert_eq!(buffer.filled(), b"abc");
    }

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
