//! Lines: bytes in, in pieces of any size; whole lines out (RFC 959 section 4.1, RFC 1123 section 4.1.2.10).

use alloc::vec::Vec;
use core::fmt;
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
///
/// Its `Debug` form shows none of the bytes: they may be a password.
#[derive(Clone, PartialEq, Eq, Hash)]
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

impl fmt::Debug for LineSplitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineSplitter({} bytes)", self.pending().len())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    type Event = Result<Vec<u8>, Malformed>;

    const TOO_LONG: Malformed = Malformed::LineTooLong { limit: LIMIT };
    const LIMIT: usize = 3;

    fn drain(lines: &mut LineSplitter, events: &mut Vec<Event>) {
        loop {
            match lines.next_line() {
                Ok(Some(line)) => events.push(Ok(line.to_vec())),
                Ok(None) => return,
                Err(error) => events.push(Err(error)),
            }
        }
    }

    fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, LineSplitter) {
        let mut lines = LineSplitter::new(LIMIT);
        let mut events = Vec::new();
        for piece in pieces {
            lines.push(piece);
            drain(&mut lines, &mut events);
        }
        (events, lines)
    }

    /// What the whole stream means, without any buffering.
    fn expected(input: &[u8]) -> Vec<Event> {
        let mut parts: Vec<&[u8]> = input.split(|&byte| byte == b'\n').collect();
        let rest = parts.pop().unwrap();
        let mut events: Vec<Event> = parts
            .into_iter()
            .map(|line| {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if line.len() > LIMIT {
                    Err(TOO_LONG)
                } else {
                    Ok(line.to_vec())
                }
            })
            .collect();
        if rest.strip_suffix(b"\r").unwrap_or(rest).len() > LIMIT {
            events.push(Err(TOO_LONG));
        }
        events
    }

    fn for_all_strings(alphabet: &[u8], longest: usize, mut check: impl FnMut(&[u8])) {
        let mut strings: Vec<Vec<u8>> = vec![Vec::new()];
        for _ in 0..=longest {
            let mut longer = Vec::new();
            for string in &strings {
                check(string);
                for &byte in alphabet {
                    let mut next = string.clone();
                    next.push(byte);
                    longer.push(next);
                }
            }
            strings = longer;
        }
    }

    #[test]
    fn ix_1_all_short_streams_at_every_split_give_the_same_lines_and_the_same_state() {
        for_all_strings(b"a\r\n", 8, |input| {
            let (events, state) = run([input]);
            assert_eq!(events, expected(input), "{input:?}");
            for cut in 0..=input.len() {
                let (left, right) = input.split_at(cut);
                assert_eq!(
                    run([left, b"", right]),
                    (events.clone(), state.clone()),
                    "{input:?} cut at {cut}"
                );
            }
            assert_eq!(
                run(input.chunks(1)),
                (events, state),
                "{input:?} byte by byte"
            );
        });
    }

    #[test]
    fn the_limit_counts_bytes_without_the_line_end() {
        for (end, name) in [(&b"\r\n"[..], "CR LF"), (b"\n", "LF")] {
            for length in [LIMIT - 1, LIMIT, LIMIT + 1] {
                let mut input = vec![b'x'; length];
                input.extend_from_slice(end);
                let (events, _) = run([&input[..]]);
                let wanted = if length > LIMIT {
                    Err(TOO_LONG)
                } else {
                    Ok(vec![b'x'; length])
                };
                assert_eq!(events, [wanted], "{length} bytes and {name}");
            }
        }
    }

    #[test]
    fn is_3_nothing_inside_an_over_long_line_is_taken_for_a_line() {
        for position in 0..40 {
            for before in 0..40 {
                let mut input = vec![b'x'; position + LIMIT];
                input.splice(position..position, *b"DEL");
                let (left, right) = input.split_at(before.min(input.len()));
                let (events, lines) = run([left, right, b"\r\nNOP\r\n"]);
                assert_eq!(events, [Err(TOO_LONG), Ok(b"NOP".to_vec())]);
                assert!(lines.is_empty());
            }
        }
    }

    #[test]
    fn ix_2_the_work_is_linear_and_the_memory_bounded_when_bytes_come_one_by_one() {
        let mut lines = LineSplitter::new(100_000);
        let (mut work, mut pushed, mut taken) = (0, 0, 0);
        for length in [100_000, 0, 1, 50_000, 3] {
            for byte in core::iter::repeat_n(b'y', length).chain(*b"\r\n") {
                lines.push(&[byte]);
                pushed += 1;
                taken += usize::from(lines.advance(&mut work).unwrap().is_some());
            }
        }
        assert_eq!(taken, 5);
        assert!(work <= 2 * pushed, "{work} steps for {pushed} bytes");

        let mut lines = LineSplitter::new(100);
        for _ in 0..100_000 {
            lines.push(&[b'z'; 10]);
            let _ = lines.advance(&mut work);
            assert!(lines.pending().len() <= 102);
        }
        assert!(lines.buffer.capacity() < 1000);
    }

    #[test]
    fn a_line_taken_for_every_byte_pushed_does_not_move_the_rest_each_time() {
        let mut lines = LineSplitter::new(10);
        lines.push(&b"ab\n".repeat(1000));
        let mut moves = 0;
        for _ in 0..1000 {
            assert_eq!(lines.next_line(), Ok(Some(&b"ab"[..])));
            let before = lines.start;
            lines.push(b"c");
            moves += usize::from(lines.start < before);
        }
        assert!(
            lines.buffer.len() <= 2 * lines.pending().len() + 1,
            "the lines taken are still there"
        );
        assert!(moves <= 12, "moved {moves} times");
    }

    #[test]
    fn no_allocation_once_the_buffer_has_grown() {
        let mut lines = LineSplitter::new(512);
        lines.push(&[b'a'; 300]);
        lines.push(b"\r\nrest");
        let capacity = lines.buffer.capacity();
        for _ in 0..1000 {
            while lines.next_line().unwrap().is_some() {}
            lines.push(b" of the line\r\nand more\r\nrest");
            assert_eq!(lines.buffer.capacity(), capacity);
        }
    }

    #[test]
    fn pending_is_what_was_not_returned() {
        let mut lines = LineSplitter::new(80);
        assert!(lines.is_empty());
        lines.push(b"234 ok\r\nEVIL");
        assert_eq!(lines.next_line(), Ok(Some(&b"234 ok"[..])));
        assert_eq!(lines.pending(), b"EVIL");
        assert!(!lines.is_empty());
        lines.push(&[b'x'; 80]);
        assert_eq!(lines.next_line(), Err(Malformed::LineTooLong { limit: 80 }));
        assert!(lines.pending().is_empty());
        assert!(!lines.is_empty(), "inside a line that is being thrown away");
        lines.clear();
        assert!(lines.is_empty());
        assert_eq!(lines, LineSplitter::new(80));
    }

    #[test]
    fn each_byte_is_looked_at_once_and_moved_when_its_line_is_not_whole() {
        let mut lines = LineSplitter::new(80);
        let mut work = 0;
        lines.push(b"ab\r\ncd\r\ne");
        assert!(lines.advance(&mut work).unwrap().is_some());
        assert_eq!(work, 4);
        assert!(lines.advance(&mut work).unwrap().is_some());
        assert_eq!(work, 8);
        assert!(lines.advance(&mut work).unwrap().is_none());
        assert_eq!(work, 10, "one byte looked at, and moved");
        lines.push(b"fg");
        assert!(lines.advance(&mut work).unwrap().is_none());
        assert_eq!(work, 12, "nothing is looked at twice");
    }

    #[test]
    fn what_is_shown_of_it_is_how_much_it_holds() {
        let mut lines = LineSplitter::new(80);
        lines.push(b"PASS secret");
        assert_eq!(alloc::format!("{lines:?}"), "LineSplitter(11 bytes)");
    }
}
