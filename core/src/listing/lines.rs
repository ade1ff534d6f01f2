//! Lines out of pieces of any size, without a copy where a line is whole in its piece.

use alloc::vec::Vec;

use super::ebcdic;

/// How much is looked at before the first line is given out. What is settled from it does not depend on the pieces.
const HEAD: usize = 4096;

/// Splits a listing into lines. Memory: [`HEAD`] and one line.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    longest: usize,
    /// The first bytes, as long as lines are taken out of them.
    head: Vec<u8>,
    /// Where the next line in the head begins.
    at: usize,
    /// A line that came in pieces.
    carry: Vec<u8>,
    /// The line in `carry` was given out.
    spent: bool,
    /// The line in `carry` is to be given out once more, as what it was.
    again: Option<Place<'static>>,
    /// The rest of a line that was too long.
    discarding: bool,
    stage: Stage,
    is_ebcdic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Filling the head.
    Looking,
    /// Taking lines out of the head, then out of the pieces.
    Reading,
}

/// What there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'c> {
    /// More bytes are needed.
    Nothing,
    /// The head is full, or the listing is at its end: look at [`Lines::head`], then go on.
    Head,
    /// A line.
    Line(Place<'c>),
}

/// Where a line is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'c> {
    /// Whole in the piece.
    Here(&'c [u8]),
    /// In the head.
    InHead(usize, usize),
    /// Put together.
    InCarry,
    /// Too long. Its beginning is put together; the rest is thrown away.
    TooLong,
}

impl Lines {
    pub(super) fn new(longest: usize) -> Lines {
        Lines {
            longest,
            head: Vec::new(),
            at: 0,
            carry: Vec::new(),
            spent: false,
            again: None,
            discarding: false,
            stage: Stage::Looking,
            is_ebcdic: false,
        }
    }

    /// The next line, with CR at its end. `is_last`: nothing follows the input.
    pub(super) fn advance<'c>(&mut self, input: &mut &'c [u8], is_last: bool) -> Found<'c> {
        if self.spent {
            if let Some(place) = self.again.take() {
                return Found::Line(place);
            }
            self.spent = false;
            self.carry.clear();
        }
        if self.stage == Stage::Looking {
            let room = HEAD.saturating_sub(self.head.len());
            let (taken, rest) = input.split_at(room.min(input.len()));
            self.head.extend_from_slice(taken);
            *input = rest;
            if self.head.len() < HEAD && !is_last {
                return Found::Nothing;
            }
            self.stage = Stage::Reading;
            self.is_ebcdic = ebcdic::is_likely(&self.head);
            return Found::Head;
        }
        while self.at < self.head.len() {
            if let Some(place) = self.take_from_head() {
                return Found::Line(place);
            }
        }
        while let Some(end) = self.find_end(input) {
            let (line, rest) = input.split_at(end);
            *input = rest.get(1..).unwrap_or_default();
            if core::mem::take(&mut self.discarding) {
                continue;
            }
            if self.carry.is_empty() && line.len() <= self.longest {
                return Found::Line(Place::Here(line));
            }
            return self.add(line, true);
        }
        let piece = core::mem::take(input);
        if self.discarding || is_last && piece.is_empty() && self.carry.is_empty() {
            return Found::Nothing;
        }
        self.add(piece, is_last)
    }

    /// What lines are settled from.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn is_ebcdic(&self) -> bool {
        self.is_ebcdic
    }

    /// The line that was found, as received.
    pub(super) fn line<'a, 'c: 'a>(&'a self, place: Place<'c>) -> &'a [u8] {
        let mut line = match place {
            Place::Here(line) => line,
            Place::InHead(start, end) => self.head.get(start..end).unwrap_or_default(),
            Place::InCarry | Place::TooLong => &self.carry,
        };
        while let [rest @ .., b'\r'] = line {
            line = rest;
        }
        line
    }

    /// Gives the line that was found out again.
    pub(super) fn repeat(&mut self, place: Place<'_>) {
        match place {
            Place::Here(line) => {
                self.carry.clear();
                self.carry.extend_from_slice(line);
            }
            Place::InHead(start, end) => {
                self.carry.clear();
                if let Some(line) = self.head.get(start..end) {
                    self.carry.extend_from_slice(line);
                }
            }
            Place::InCarry | Place::TooLong => {}
        }
        self.spent = true;
        self.again = Some(match place {
            Place::TooLong => Place::TooLong,
            _ => Place::InCarry,
        });
    }

    /// A line in the head, or a step towards one. What is left behind the last one goes on in the pieces.
    fn take_from_head(&mut self) -> Option<Place<'static>> {
        let start = self.at;
        let rest = self.head.get(start..)?;
        let end = self.find_end(rest);
        let length = end.unwrap_or(rest.len());
        let fits = length <= self.longest;
        if let Some(end) = end {
            self.at = start + end + 1;
            if fits {
                return Some(Place::InHead(start, start + end));
            }
        }
        let kept = rest.get(..self.longest).unwrap_or(rest);
        self.carry.extend_from_slice(kept);
        if end.is_none() {
            self.discarding = !fits;
            self.head = Vec::new();
            self.at = 0;
        }
        self.spent = !fits;
        (!fits).then_some(Place::TooLong)
    }

    /// Puts a piece of a line behind the others.
    fn add<'c>(&mut self, piece: &[u8], is_whole: bool) -> Found<'c> {
        let room = self.longest.saturating_sub(self.carry.len());
        if piece.len() > room {
            self.carry
                .extend_from_slice(piece.get(..room).unwrap_or_default());
            self.discarding = !is_whole;
            self.spent = true;
            return Found::Line(Place::TooLong);
        }
        self.carry.extend_from_slice(piece);
        if is_whole {
            self.spent = true;
            Found::Line(Place::InCarry)
        } else {
            Found::Nothing
        }
    }

    fn find_end(&self, text: &[u8]) -> Option<usize> {
        if self.is_ebcdic {
            text.iter()
                .position(|byte| ebcdic::LINE_ENDS.contains(byte))
        } else {
            find_line_feed(text)
        }
    }
}

/// Where the first LF is. Eight bytes at a time: most of the time spent on a long listing is spent here.
fn find_line_feed(text: &[u8]) -> Option<usize> {
    const LINE_FEEDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut words = text.chunks_exact(8);
    let mut at = 0;
    for word in words.by_ref() {
        let bytes = u64::from_ne_bytes(word.try_into().unwrap_or_default()) ^ LINE_FEEDS;
        // Whether a byte is zero.
        if bytes.wrapping_sub(LOW) & !bytes & HIGH != 0 {
            break;
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    rest.iter()
        .position(|byte| *byte == b'\n')
        .map(|offset| at + offset)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// Lines, with a mark for those that are too long.
    fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, longest: usize) -> Vec<(bool, Vec<u8>)> {
        let mut lines = Lines::new(longest);
        let mut out = Vec::new();
        let mut take = |lines: &mut Lines, mut piece: &[u8], is_last| {
            loop {
                match lines.advance(&mut piece, is_last) {
                    Found::Nothing => break,
                    Found::Head => {}
                    Found::Line(place) => {
                        let whole = !matches!(place, Place::TooLong);
                        out.push((whole, lines.line(place).to_vec()));
                    }
                }
            }
        };
        for piece in pieces {
            take(&mut lines, piece, false);
        }
        take(&mut lines, b"", true);
        out
    }

    /// What the whole stream means.
    fn expected(input: &[u8], longest: usize) -> Vec<(bool, Vec<u8>)> {
        let mut parts: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
        if parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        let trim = |mut line: &[u8]| {
            while let [rest @ .., b'\r'] = line {
                line = rest;
            }
            line.to_vec()
        };
        parts
            .into_iter()
            .map(|line| match line.get(..longest) {
                Some(start) if line.len() > longest => (false, trim(start)),
                _ => (true, trim(line)),
            })
            .collect()
    }

    #[test]
    fn any_pieces_give_the_same_lines() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..300 {
            let mut input = Vec::new();
            for _ in 0..random(400) {
                let length = random(40);
                input.extend(core::iter::repeat_n(b"ab\r "[random(4)], length));
                input.extend_from_slice([&b"\n"[..], b"\r\n", b"\n\n", b"x"][random(4)]);
            }
            let longest = [1, 20, 50, 8192][random(4)];
            let wanted = expected(&input, longest);
            assert_eq!(run([&input[..]], longest), wanted);
            assert_eq!(run(input.chunks(1), longest), wanted);
            let size = 1 + random(5000);
            assert_eq!(run(input.chunks(size), longest), wanted, "pieces of {size}");
        }
    }

    #[test]
    fn a_line_is_given_out_again_as_what_it_was() {
        for (input, longest) in [(&b"abc\nd\n"[..], 3), (b"abc\nd\n", 2), (b"abc\nd", 2)] {
            for skip in [0, HEAD / 2] {
                let long = [b"y\n".repeat(skip), input.to_vec()].concat();
                let mut rest = &long[..];
                let mut lines = Lines::new(longest);
                let mut last = Vec::new();
                loop {
                    let place = match lines.advance(&mut rest, true) {
                        Found::Nothing => break,
                        Found::Head => continue,
                        Found::Line(place) => place,
                    };
                    let shown = |lines: &Lines, place| {
                        (matches!(place, Place::TooLong), lines.line(place).to_vec())
                    };
                    let before = shown(&lines, place);
                    last.clone_from(&before.1);
                    lines.repeat(place);
                    let Found::Line(place) = lines.advance(&mut rest, true) else {
                        panic!("{last:?} is not given out again");
                    };
                    assert_eq!(shown(&lines, place), before);
                }
                assert_eq!(last, b"d");
            }
        }
    }

    #[test]
    fn ic_26_memory_is_the_head_and_one_line() {
        let mut lines = Lines::new(1000);
        for _ in 0..10_000 {
            let mut piece: &[u8] = &vec![b'z'; 777];
            while !matches!(lines.advance(&mut piece, false), Found::Nothing) {}
            assert!(lines.carry.capacity() + lines.head.capacity() <= 2 * HEAD + 2000);
        }
    }

    #[test]
    fn line_feeds_are_found_wherever_they_are() {
        for length in 0..40 {
            let mut text = vec![0x8A_u8; length];
            assert_eq!(find_line_feed(&text), None);
            for at in 0..length {
                text[at] = b'\n';
                assert_eq!(find_line_feed(&text), Some(at));
                text[at] = 0x0B;
            }
        }
    }
}
