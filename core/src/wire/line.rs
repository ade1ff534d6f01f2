//! Lines: bytes in, in pieces of any size; whole lines out (RFC 959 section 4.1, RFC 1123 section 4.1.2.10).

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Malformed;

/// Splits a byte stream into lines, with a bound on their length.
///
/// A line ends at LF; one CR before it belongs to the line end. A CR elsewhere is data, left to the caller to judge.
/// The splitter remembers how far it has searched, so the work is linear in the bytes pushed however they arrive, and
/// it reuses its buffer, so it does not allocate once the buffer has grown to the largest piece seen.
///
/// ```
/// use ftp_proto::wire::line::LineSplitter;
///
/// let mut lines = LineSplitter::new(512);
/// lines.push(b"NOOP\r\nQU");
/// assert_eq!(lines.next_line(), Ok(Some(&b"NOOP"[..])));
/// assert_eq!(lines.next_line(), Ok(None));
/// lines.push(b"IT\n");
/// assert_eq!(lines.next_line(), Ok(Some(&b"QUIT"[..])));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LineSplitter {
    buffer: Vec<u8>,
    /// Where the next line starts in `buffer`.
    start: usize,
    /// No LF between `start` and here.
    searched: usize,
    max_line: usize,
    /// An over-long line was reported; its rest is still to be thrown away.
    discarding: bool,
}

impl LineSplitter {
    /// A splitter that refuses lines of more than `max_line` bytes, counted without the line end.
    #[must_use]
    pub fn new(max_line: usize) -> Self {
        LineSplitter {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            max_line,
            discarding: false,
        }
    }

    /// Adds received bytes. Take out all lines with [`next_line`](Self::next_line) before pushing more, so that at
    /// most one unfinished line of bounded length stays behind.
    pub fn push(&mut self, bytes: &[u8]) {
        self.sink().extend_from_slice(bytes);
    }

    /// The next whole line without its line end, or `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`Malformed::LineTooLong`], once per over-long line, as soon as the length is certain. Nothing of that line is
    /// ever returned: everything up to and including its LF is thrown away, and the line after it is the next one.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, Malformed> {
        let mut work = 0;
        match self.advance(&mut work)? {
            Some(range) => Ok(self.buffer.get(range)),
            None => Ok(None),
        }
    }

    /// The bytes pushed and not yet returned as a line: normally the beginning of an unfinished line.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Between two lines, with nothing pushed beyond.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending().is_empty() && !self.discarding
    }

    /// Forgets everything pushed. Keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
        self.searched = 0;
        self.discarding = false;
    }

    /// The buffer, for a decoder that appends to it directly. Append only.
    pub(crate) fn sink(&mut self) -> &mut Vec<u8> {
        // Only when it pays: moving the rest for every line taken would be quadratic.
        if self.start > self.buffer.len() / 2 {
            self.compact();
        }
        &mut self.buffer
    }

    /// The first byte of the next line, if it is there.
    pub(crate) fn first_byte(&mut self) -> Option<u8> {
        self.discard(&mut 0);
        self.pending().first().copied()
    }

    /// Throws away the line that has begun, up to and including its LF, present or to come.
    pub(crate) fn discard_line(&mut self) {
        self.discarding = true;
        self.discard(&mut 0);
    }

    /// Finds the next line. `work` counts the bytes looked at or moved.
    fn advance(&mut self, work: &mut usize) -> Result<Option<Range<usize>>, Malformed> {
        self.discard(work);
        let Some(end) = self.find_line_feed(work) else {
            *work += self.compact();
            let pending = self.pending();
            // A CR at the end may turn out to belong to the line end.
            let length = pending.strip_suffix(b"\r").unwrap_or(pending).len();
            if length > self.max_line {
                self.clear();
                self.discarding = true;
                return Err(Malformed::LineTooLong {
                    limit: self.max_line,
                });
            }
            return Ok(None);
        };
        let line = self.start..end;
        self.start = end + 1;
        let bytes = self.buffer.get(line.clone()).unwrap_or_default();
        let length = bytes.strip_suffix(b"\r").unwrap_or(bytes).len();
        if length > self.max_line {
            return Err(Malformed::LineTooLong {
                limit: self.max_line,
            });
        }
        Ok(Some(line.start..line.start + length))
    }

    /// Carries on throwing away an over-long line.
    fn discard(&mut self, work: &mut usize) {
        if !self.discarding {
            return;
        }
        match self.find_line_feed(work) {
            Some(end) => {
                self.start = end + 1;
                self.discarding = false;
            }
            None => {
                self.clear();
                self.discarding = true;
            }
        }
    }

    /// Where the next LF is; moves `searched` behind it, or to the end of the buffer.
    fn find_line_feed(&mut self, work: &mut usize) -> Option<usize> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        match unsearched.iter().position(|&byte| byte == b'\n') {
            Some(offset) => {
                let end = self.searched + offset;
                *work += offset + 1;
                self.searched = end + 1;
                Some(end)
            }
            None => {
                *work += unsearched.len();
                self.searched = self.buffer.len();
                None
            }
        }
    }

    /// Moves the pending bytes to the front of the buffer; returns how many were moved.
    fn compact(&mut self) -> usize {
        if self.start == 0 {
            return 0;
        }
        let moved = self.pending().len();
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        moved
    }
}
