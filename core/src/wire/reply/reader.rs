//! Received bytes to replies.

use alloc::vec::Vec;
use core::fmt;

use super::Reply;
use super::code::{Code, leading_code};
use crate::error::Malformed;
use crate::wire::first_bytes::FIRST_BYTES_KEPT;
use crate::wire::line::LineSplitter;
use crate::wire::telnet::TelnetDecoder;

/// Most pieces of a control connection are no larger, in bytes: a few short replies. How many of them come together is the network's choice, so
/// what holds them has room for that many from the beginning.
pub(crate) const USUAL_PIECE: usize = 512;

/// Reads replies from a control connection: removes Telnet commands, splits lines, joins multi-line replies.
///
/// A multi-line reply ends at a line with the same code and a space, or the code alone. Some servers end it with
/// another code, which cannot be told from text such as `123 files` by looking at it: such a line is
/// [`provisional`](Self::provisional). If anything follows, it was text; if the line stays quiet for a while, the
/// caller says so with [`settle`](Self::settle) and the line was the end.
///
/// ```
/// use ftp_proto::wire::reply::{Code, ReplyReader};
///
/// let mut replies = ReplyReader::new(1024, 65536, 1000);
/// replies.push(b"220-Welcome\r\n120 files\r\n220 Go ahead\r\n331 Pass");
/// let reply = replies.next_reply().unwrap().unwrap();
/// assert_eq!(reply.code(), Code::SERVICE_READY);
/// assert_eq!(reply.text(), b"Welcome\n120 files\nGo ahead");
/// assert_eq!(replies.next_reply(), Ok(None));
/// replies.push(b"word?\r\n");
/// assert_eq!(replies.next_reply().unwrap().unwrap().text(), b"Password?");
/// ```
///
/// Its `Debug` form shows none of the bytes: a server may repeat a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ReplyReader {
    telnet: TelnetDecoder,
    lines: LineSplitter,
    max_bytes: usize,
    max_lines: usize,
    /// The text of the reply being read or just returned.
    text: Vec<u8>,
    open: Option<Open>,
    /// Empty lines since the last reply.
    blank: usize,
    /// The newest byte pushed ends no line. Telnet commands leave nothing else behind them.
    dangling: bool,
    first: Beginning,
}

/// A multi-line reply whose end has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Open {
    code: Code,
    lines: usize,
    /// The reply was reported as malformed; only its end matters now.
    skipping: bool,
    /// The newest line, if it could be the end: its code, and where it starts in the text.
    provisional: Option<(Code, usize)>,
}

impl ReplyReader {
    /// A reader that refuses lines of more than `max_line` bytes (without the line end), and replies whose text has
    /// more than `max_bytes` bytes (as [`Reply::text`] gives it) or `max_lines` lines.
    #[must_use]
    pub fn new(max_line: usize, max_bytes: usize, max_lines: usize) -> Self {
        let mut lines = LineSplitter::new(max_line);
        lines.sink().reserve(USUAL_PIECE);
        ReplyReader {
            telnet: TelnetDecoder::default(),
            lines,
            max_bytes,
            max_lines,
            text: Vec::new(),
            open: None,
            blank: 0,
            dangling: false,
            first: Beginning::EMPTY,
        }
    }

    /// Adds received bytes. Telnet negotiation is dropped without an answer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.first.add(bytes);
        if let Some(newest) = bytes.last() {
            self.dangling = *newest != b'\n';
        }
        self.telnet.decode_silently(bytes, self.lines.sink());
    }

    /// The next whole reply, or `None` if more bytes are needed. Empty lines between replies are skipped.
    ///
    /// # Errors
    ///
    /// Each is returned once; the rest of the offending line or reply is then skipped, and the next call goes on
    /// behind it. Most callers give up instead.
    ///
    /// * [`Malformed::NotAReply`]: a reply does not start with three digits and a space, a hyphen or the line end.
    /// * [`Malformed::ReplyCode`]: the code is not from 100 to 699.
    /// * [`Malformed::ControlByte`]: a NUL, or a CR that is not part of a line end. CR NUL stands for the byte CR.
    /// * [`Malformed::LineTooLong`], [`Malformed::ReplyTooLong`], [`Malformed::ReplyTooManyLines`]: over a limit. Empty
    ///   lines between two replies count as lines, so that they cannot be sent for ever.
    pub fn next_reply(&mut self) -> Result<Option<Reply<'_>>, Malformed> {
        let code = self.advance()?;
        Ok(code.map(|code| Reply::new(code, &self.text)))
    }

    /// Inside a multi-line reply whose newest line starts with another code and a space (or is another code alone),
    /// with not a byte after it: this may be the end, or text.
    #[must_use]
    pub fn provisional(&self) -> bool {
        self.provisional_end().is_some()
    }

    /// Nothing followed a [`provisional`](Self::provisional) line for long enough: it is the end. The reply has the
    /// code of that last line. `None` if there is no provisional line.
    pub fn settle(&mut self) -> Option<Reply<'_>> {
        let (code, start) = self.provisional_end()?;
        let end = self.text.len().min(start + CODE_AND_SPACE);
        self.text.drain(start..end);
        self.open = None;
        Some(Reply::new(code, &self.text))
    }

    /// Between two replies, with not one byte received behind the last one, Telnet commands included.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_none() && self.buffered() == 0 && self.lines.is_empty() && !self.dangling
    }

    /// Bytes received behind the last whole line read.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.lines.pending()
    }

    /// How many bytes are held for replies not yet returned.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let text = if self.open.is_some() {
            self.text.len()
        } else {
            0
        };
        text + self.lines.pending().len() + usize::from(!self.telnet.is_idle())
    }

    /// The first bytes ever pushed, at most [`FIRST_BYTES_KEPT`], as they came: the evidence if what answers does not
    /// speak FTP.
    #[must_use]
    pub fn first_bytes(&self) -> &[u8] {
        self.first.as_slice()
    }

    /// Forgets everything received. Keeps the memory.
    pub fn clear(&mut self) {
        self.telnet = TelnetDecoder::default();
        self.lines.clear();
        self.text.clear();
        self.open = None;
        self.blank = 0;
        self.dangling = false;
        self.first = Beginning::EMPTY;
    }

    fn provisional_end(&self) -> Option<(Code, usize)> {
        let open = self.open.as_ref()?;
        (self.lines.is_empty() && self.telnet.is_idle()).then_some(open.provisional)?
    }

    fn advance(&mut self) -> Result<Option<Code>, Malformed> {
        if self.open.is_none() {
            self.text.clear();
        }
        loop {
            // What does not speak FTP may never send a line end, so do not wait for one.
            if self.open.is_none()
                && self
                    .lines
                    .first_byte()
                    .is_some_and(|byte| !matches!(byte, b'0'..=b'9' | b'\r' | b'\n'))
            {
                self.lines.discard_line();
                return Err(Malformed::NotAReply);
            }
            let line = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.give_up();
                    return Err(error);
                }
            };
            let step = match &mut self.open {
                None if line.is_empty() => {
                    self.blank += 1;
                    if self.blank > self.max_lines {
                        self.blank = 0;
                        return Err(Malformed::ReplyTooManyLines {
                            limit: self.max_lines,
                        });
                    }
                    Ok(None)
                }
                None => {
                    self.blank = 0;
                    begin(line, &mut self.text, &mut self.open)
                }
                Some(open) if open.skipping => {
                    if let Some((code, _)) = end_of_reply(line)
                        && code == open.code
                    {
                        self.open = None;
                    }
                    continue;
                }
                Some(open) => proceed(line, &mut self.text, open),
            };
            let lines = self.open.map_or(1, |open| open.lines);
            let step = step.and_then(|end| {
                if self.text.len() > self.max_bytes {
                    Err(Malformed::ReplyTooLong {
                        limit: self.max_bytes,
                    })
                } else if lines > self.max_lines {
                    Err(Malformed::ReplyTooManyLines {
                        limit: self.max_lines,
                    })
                } else {
                    Ok(end)
                }
            });
            match step {
                Ok(Some(code)) => {
                    self.open = None;
                    return Ok(Some(code));
                }
                Ok(None) => {}
                Err(error) => {
                    self.give_up();
                    return Err(error);
                }
            }
        }
    }

    /// Skips the rest of a malformed reply.
    fn give_up(&mut self) {
        self.text.clear();
        if let Some(open) = &mut self.open {
            open.skipping = true;
            open.provisional = None;
        }
    }
}

impl fmt::Debug for ReplyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyReader({} bytes)", self.buffered())
    }
}

/// Takes the first line of a reply. Returns the code if it is the last line too.
fn begin(
    line: &[u8],
    text: &mut Vec<u8>,
    open: &mut Option<Open>,
) -> Result<Option<Code>, Malformed> {
    let (number, rest) = leading_code(line).ok_or(Malformed::NotAReply)?;
    let (multi_line, rest) = match rest.split_first() {
        None => (false, rest),
        Some((b' ', rest)) => (false, rest),
        Some((b'-', rest)) => (true, rest),
        Some(_) => return Err(Malformed::NotAReply),
    };
    let code = Code::new(number).ok_or(Malformed::ReplyCode)?;
    if multi_line {
        *open = Some(Open {
            code,
            lines: 1,
            skipping: false,
            provisional: None,
        });
    }
    append(rest, text)?;
    Ok((!multi_line).then_some(code))
}

/// Takes a further line of a multi-line reply. Returns the code if it is the last one.
fn proceed(line: &[u8], text: &mut Vec<u8>, open: &mut Open) -> Result<Option<Code>, Malformed> {
    open.lines += 1;
    text.push(b'\n');
    let start = text.len();
    match end_of_reply(line) {
        Some((code, rest)) if code == open.code => {
            append(rest, text)?;
            Ok(Some(code))
        }
        other => {
            append(line, text)?;
            open.provisional = other.map(|(code, _)| (code, start));
            Ok(None)
        }
    }
}

/// Code and text of a line that has the form of the last line of a reply.
fn end_of_reply(line: &[u8]) -> Option<(Code, &[u8])> {
    let (number, rest) = leading_code(line)?;
    let text = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix(b" ")?
    };
    Some((Code::new(number)?, text))
}

/// Appends the text of a line, with CR NUL turned into CR (RFC 854).
fn append(line: &[u8], text: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut rest = line;
    // As in nearly every line; each byte is looked at, so that many are at once.
    if line
        .iter()
        .fold(true, |plain, byte| plain & (*byte >= b' '))
    {
        text.extend_from_slice(line);
        return Ok(());
    }
    while let Some(at) = rest.iter().position(|&byte| matches!(byte, b'\r' | 0)) {
        let (before, from) = rest.split_at(at);
        text.extend_from_slice(before);
        rest = from.strip_prefix(b"\r\0").ok_or(Malformed::ControlByte)?;
        text.push(b'\r');
    }
    text.extend_from_slice(rest);
    Ok(())
}

/// `ddd ` in front of a last line.
const CODE_AND_SPACE: usize = 4;

/// What a fresh connection began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Beginning {
    bytes: [u8; FIRST_BYTES_KEPT],
    length: usize,
}

impl Beginning {
    const EMPTY: Beginning = Beginning {
        bytes: [0; FIRST_BYTES_KEPT],
        length: 0,
    };

    fn add(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        self.length += free.len().min(bytes.len());
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = *from;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    type Event = Result<(u16, Vec<u8>), Malformed>;

    fn reader() -> ReplyReader {
        ReplyReader::new(80, 200, 10)
    }

    fn drain(replies: &mut ReplyReader, events: &mut Vec<Event>) {
        loop {
            match replies.next_reply() {
                Ok(Some(reply)) => events.push(Ok((reply.code().value(), reply.text().to_vec()))),
                Ok(None) => return,
                Err(error) => events.push(Err(error)),
            }
        }
    }

    fn run<'a>(
        mut replies: ReplyReader,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<Event>, ReplyReader) {
        let mut events = Vec::new();
        for piece in pieces {
            replies.push(piece);
            drain(&mut replies, &mut events);
        }
        (events, replies)
    }

    fn all(input: &[u8]) -> Vec<Event> {
        run(reader(), [input]).0
    }

    fn reply(code: u16, text: &str) -> Event {
        Ok((code, text.as_bytes().to_vec()))
    }

    fn assert_same_at_every_split(input: &[u8], three_ways: bool) {
        let whole = run(reader(), [input]);
        assert_eq!(
            run(reader(), input.chunks(1)),
            whole,
            "{input:?} byte by byte"
        );
        for cut in 0..=input.len() {
            let (left, right) = input.split_at(cut);
            assert_eq!(
                run(reader(), [left, b"", right]),
                whole,
                "{input:?} cut at {cut}"
            );
            for second in 0..if three_ways { right.len() } else { 0 } {
                let (middle, right) = right.split_at(second);
                assert_eq!(
                    run(reader(), [left, middle, right]),
                    whole,
                    "{input:?} cut at {cut} and {second}"
                );
            }
        }
    }

    #[test]
    fn replies_as_servers_write_them() {
        let cases: &[(&[u8], &[Event])] = &[
            (b"220 Ready\r\n", &[reply(220, "Ready")]),
            (b"220 Ready\n", &[reply(220, "Ready")]),
            (b"226\r\n", &[reply(226, "")]),
            (b"226 \r\n", &[reply(226, "")]),
            (b"226  two spaces \r\n", &[reply(226, " two spaces ")]),
            (b"150 Go\r\n226 Done\r\n", &[reply(150, "Go"), reply(226, "Done")]),
            (b"220-A\r\n220 B\r\n", &[reply(220, "A\nB")]),
            (b"220-A\r\n220\r\n", &[reply(220, "A\n")]),
            (b"220-\r\n220 \r\n", &[reply(220, "\n")]),
            // Inner lines that look like something, all text: repeated opener, other codes, digits, none.
            (
                b"211-A\r\n211-B\r\n211-\r\n\r\n 211 C\r\n226 D\r\n211x\r\n2110 E\r\n123-y\r\n211 Z\r\n",
                &[reply(211, "A\n211-B\n211-\n\n 211 C\n226 D\n211x\n2110 E\n123-y\nZ")],
            ),
            // The other code is text if anything follows, here the real end.
            (b"226-List\r\n123 files\r\n226 End\r\n", &[reply(226, "List\n123 files\nEnd")]),
            // Empty lines, and CR LF LF, between replies.
            (b"\r\n\n220 A\r\n\n221 B\r\n\r\n", &[reply(220, "A"), reply(221, "B")]),
            // Unknown codes go by their digits.
            (b"299 a\r\n699 b\r\n100 c\r\n", &[reply(299, "a"), reply(699, "b"), reply(100, "c")]),
            // CR NUL is a CR (RFC 854).
            (b"257 \"a\r\0b\"\r\n", &[reply(257, "\"a\rb\"")]),
            (b"257 a\r\0\r\n", &[reply(257, "a\r")]),
            // Telnet: negotiation vanishes, also inside the code; a doubled 255 is one.
            (b"\xFF\xFB\x012\xFF\xF12\xFF\xFD\x030 \xFF\xFFx\r\n", &[Ok((220, b"\xFFx".to_vec()))]),
            // All other bytes are kept.
            (b"220 \x01\x1b\x7f\x80\xfe\r\n", &[Ok((220, b"\x01\x1b\x7f\x80\xfe".to_vec()))]),
        ];
        for (input, events) in cases {
            assert_eq!(&all(input), events, "{input:?}");
            assert_same_at_every_split(input, input.len() < 40);
        }
    }

    #[test]
    fn what_is_no_reply_is_reported_once_and_reading_goes_on() {
        let cases: &[(&[u8], Malformed)] = &[
            (b"SSH-2.0-x\r\n", Malformed::NotAReply),
            (b" 220 x\r\n", Malformed::NotAReply),
            (b"22\r\n", Malformed::NotAReply),
            (b"22 x\r\n", Malformed::NotAReply),
            (b"2x0 x\r\n", Malformed::NotAReply),
            (b"220x\r\n", Malformed::NotAReply),
            (b"2200 x\r\n", Malformed::NotAReply),
            (b"220\tx\r\n", Malformed::NotAReply),
            (b"\x15\x03\x01\x00\x02\x02\x46\n", Malformed::NotAReply),
            (b"\r220 x\r\n", Malformed::NotAReply),
            (b"099 x\r\n", Malformed::ReplyCode),
            (b"000 x\r\n", Malformed::ReplyCode),
            (b"700 x\r\n", Malformed::ReplyCode),
            (b"999-x\r\n", Malformed::ReplyCode),
            (b"220 a\0b\r\n", Malformed::ControlByte),
            (b"220 \0\r\n", Malformed::ControlByte),
            (b"220 a\rb\r\n", Malformed::ControlByte),
            (b"220 a\r\r\n", Malformed::ControlByte),
        ];
        for (bad, error) in cases {
            let input = [b"200 before\r\n", *bad, b"201 after\r\n"].concat();
            assert_eq!(
                all(&input),
                [reply(200, "before"), Err(*error), reply(201, "after")],
                "{bad:?}"
            );
            assert_same_at_every_split(&input, false);
        }
    }

    #[test]
    fn what_does_not_start_like_a_reply_is_reported_without_a_line_end() {
        let (events, replies) = run(reader(), [&b"\x16\x03\x01\x02\x00"[..]]);
        assert_eq!(events, [Err(Malformed::NotAReply)]);
        assert_eq!(replies.first_bytes(), b"\x16\x03\x01\x02\x00");
    }

    #[test]
    fn a_bad_line_inside_a_reply_spoils_that_reply_alone() {
        let input = b"211-a\r\nb\0c\r\nd\r\n226 no end\r\n211 end\r\n200 next\r\n";
        assert_eq!(
            all(input),
            [Err(Malformed::ControlByte), reply(200, "next")]
        );
        assert_same_at_every_split(input, false);

        let long = [
            b"211-a\r\n",
            &[b'x'; 81][..],
            b"\r\nd\r\n211 end\r\n200 next\r\n",
        ]
        .concat();
        assert_eq!(
            all(&long),
            [
                Err(Malformed::LineTooLong { limit: 80 }),
                reply(200, "next")
            ]
        );
        assert_same_at_every_split(&long, false);
    }

    #[test]
    fn ix_1_all_short_sequences_of_pieces_of_replies() {
        const PIECES: [&[u8]; 10] = [
            b"211", b"226", b"-", b" ", b"\r\n", b"\n", b"x", b"\r", b"\0", b"\xFF",
        ];
        for length in 0..=5 {
            for number in 0..10_usize.pow(length) {
                let input: Vec<u8> = (0..length)
                    .flat_map(|place| PIECES[number / 10_usize.pow(place) % 10])
                    .copied()
                    .collect();
                if length < 5 {
                    assert_same_at_every_split(&input, false);
                } else {
                    let whole = run(reader(), [&input[..]]);
                    assert_eq!(run(reader(), input.chunks(1)), whole, "{input:?}");
                }
            }
        }
    }

    #[test]
    fn another_code_is_the_end_only_after_a_quiet_time() {
        let input = b"211-Features\r\n SIZE\r\n226 End\r\n";
        for cut in 0..input.len() {
            let (left, right) = input.split_at(cut);
            let (events, mut replies) = run(reader(), [left]);
            assert!(events.is_empty());
            assert!(!replies.provisional(), "cut at {cut}");
            assert_eq!(replies.settle(), None);
            let (_, mut replies) = run(replies, [right]);
            assert!(replies.provisional());
            assert!(!replies.is_idle());
            let settled = replies.settle().unwrap();
            assert_eq!(settled.code(), Code::CLOSING_DATA_CONNECTION);
            assert_eq!(settled.text(), b"Features\n SIZE\nEnd");
            assert!(replies.is_idle());
            assert_eq!(run(replies, [&b"200 Next\r\n"[..]]).0, [reply(200, "Next")]);
        }
    }

    #[test]
    fn another_code_alone_is_provisional_too() {
        let (_, mut replies) = run(reader(), [&b"211-a\r\n226\r\n"[..]]);
        let settled = replies.settle().unwrap();
        assert_eq!((settled.code().value(), settled.text()), (226, &b"a\n"[..]));
    }

    #[test]
    fn a_provisional_line_becomes_text_with_the_next_byte() {
        for next in [&b"x"[..], b"2", b"\n", b"\r", b"\xFF"] {
            let (_, replies) = run(reader(), [&b"211-a\r\n123 files\r\n"[..]]);
            assert!(replies.provisional());
            let (_, mut replies) = run(replies, [next]);
            assert!(!replies.provisional(), "after {next:?}");
            assert_eq!(replies.settle(), None);
        }
        let (_, replies) = run(reader(), [&b"211-a\r\n123 files\r\n"[..]]);
        assert_eq!(
            run(replies, [&b"211 end\r\n"[..]]).0,
            [reply(211, "a\n123 files\nend")]
        );
    }

    #[test]
    fn codes_that_are_none_and_hyphens_are_not_provisional() {
        for line in [
            "999 x", "099 x", "226-x", "2266 x", "226x", " 226 x", "22 x",
        ] {
            let input = [b"211-a\r\n", line.as_bytes(), b"\r\n"].concat();
            assert!(!run(reader(), [&input[..]]).1.provisional(), "{line}");
        }
    }

    #[test]
    fn limits_hold_at_the_limit_and_not_beyond() {
        for (length, fits) in [(79, true), (80, true), (81, false)] {
            let line = [b"220 ", &vec![b'x'; length - 4][..]].concat();
            let events = all(&[&line[..], b"\r\n"].concat());
            let wanted = match fits {
                true => Ok((220, line[4..].to_vec())),
                false => Err(Malformed::LineTooLong { limit: 80 }),
            };
            assert_eq!(events, [wanted], "line of {length}");
        }
        // Five lines of text and the LFs between them.
        for (bytes, fits) in [(199, true), (200, true), (201, false)] {
            let last = vec![b'x'; bytes - 4 * 41];
            let input = [
                &b"220-"[..],
                &[b'x'; 40],
                b"\r\n",
                &[[b'y'; 40].as_slice(), b"\r\n"].concat().repeat(3),
                b"220 ",
                &last,
                b"\r\n",
            ]
            .concat();
            let events = all(&input);
            match fits {
                true => assert_eq!(events[0].as_ref().unwrap().1.len(), bytes),
                false => assert_eq!(events, [Err(Malformed::ReplyTooLong { limit: 200 })]),
            }
        }
        for (lines, fits) in [(9, true), (10, true), (11, false)] {
            let input = [b"220-a\r\n", &b"b\r\n".repeat(lines - 2)[..], b"220 c\r\n"].concat();
            match fits {
                true => assert_eq!(
                    all(&input)[0]
                        .as_ref()
                        .unwrap()
                        .1
                        .split(|&b| b == b'\n')
                        .count(),
                    lines
                ),
                false => assert_eq!(
                    all(&input),
                    [Err(Malformed::ReplyTooManyLines { limit: 10 })]
                ),
            }
        }
    }

    #[test]
    fn f2_an_endless_reply_is_cut_off_and_its_end_still_found() {
        let mut replies = ReplyReader::new(80, 1 << 20, 1000);
        let mut events = Vec::new();
        replies.push(b"220-Welcome\r\n");
        for _ in 0..10_000 {
            replies.push(b"220-more\r\n");
            drain(&mut replies, &mut events);
        }
        assert_eq!(events, [Err(Malformed::ReplyTooManyLines { limit: 1000 })]);
        assert!(replies.text.capacity() < 20_000 && replies.buffered() == 0);
        replies.push(b"220 End\r\n331 Password\r\n");
        drain(&mut replies, &mut events);
        assert_eq!(events[1..], [reply(331, "Password")]);
    }

    #[test]
    fn f9_empty_lines_cannot_be_sent_for_ever() {
        assert_eq!(all(&b"\r\n".repeat(10)), []);
        assert_eq!(
            all(&b"\r\n".repeat(11)),
            [Err(Malformed::ReplyTooManyLines { limit: 10 })]
        );
        let now_and_then = [&b"\r\n".repeat(10)[..], b"200 a\r\n"].concat().repeat(5);
        assert_eq!(all(&now_and_then).len(), 5);
    }

    #[test]
    fn idle_means_not_one_byte_beyond() {
        let mut replies = reader();
        assert!(replies.is_idle());
        for (beyond, idle) in [
            (&b""[..], true),
            (b"2", false),
            (b"\n", false),
            (b"\xFF", false),
            (b"200 x\r\n", false),
        ] {
            replies.clear();
            replies.push(b"234 Go\r\n");
            assert!(!replies.is_idle());
            replies.push(beyond);
            assert_eq!(replies.next_reply().unwrap().unwrap().code().value(), 234);
            assert_eq!(replies.is_idle(), idle, "{beyond:?}");
            assert_eq!(replies.buffered(), beyond.len());
        }
        // Telnet commands leave nothing behind, and have been there all the same.
        let (_, replies) = run(reader(), [&b"234 Go\r\n\xff\xfb\x01"[..]]);
        assert!(!replies.is_idle());
        let (_, replies) = run(reader(), [&b"211-a\r\n"[..]]);
        assert!(!replies.is_idle());
    }

    #[test]
    fn the_first_64_bytes_are_kept_as_they_came() {
        let mut replies = reader();
        replies.push(b"\xFF\xFB\x01220 ");
        assert_eq!(replies.first_bytes(), b"\xFF\xFB\x01220 ");
        replies.push(&[b'x'; 100]);
        assert_eq!(replies.first_bytes().len(), 64);
        assert_eq!(replies.first_bytes()[7..], [b'x'; 57]);
        replies.push(b"more");
        assert_eq!(replies.first_bytes().len(), 64);
        replies.clear();
        assert_eq!(replies, reader());
    }

    #[test]
    fn no_allocation_once_the_buffers_have_grown() {
        let mut replies = reader();
        let input = b"211-Features\r\n SIZE\r\n MDTM\r\n211 End\r\n150 Go\r\n226 Done\r\n";
        let mut capacities = None;
        for _ in 0..100 {
            for piece in input.chunks(7) {
                replies.push(piece);
                while replies.next_reply().unwrap().is_some() {}
            }
            let now = (replies.text.capacity(), replies.lines.sink().capacity());
            assert_eq!(*capacities.get_or_insert(now), now);
        }
    }

    #[test]
    fn it_is_idle_only_between_replies_with_nothing_behind_the_last() {
        let mut idle = reader();
        assert!(idle.is_idle() && idle.pending().is_empty());
        // Half a Telnet command, and nothing else.
        idle.push(&[0xFF]);
        assert!(!idle.is_idle());
        // In the middle of a reply that is too long, of which nothing is kept.
        let mut skipping = reader();
        skipping.push(b"220-a\r\n");
        skipping.push(&b"b\r\n".repeat(20));
        assert!(skipping.next_reply().is_err());
        assert!(skipping.next_reply().unwrap().is_none());
        assert_eq!(skipping.buffered(), 0);
        assert!(!skipping.is_idle());
        skipping.push(b"220 c\r\n");
        assert!(skipping.next_reply().unwrap().is_none());
        assert!(skipping.is_idle());
    }

    #[test]
    fn what_came_behind_the_last_line_is_pending() {
        let mut reader = reader();
        reader.push(b"234 go\r\n22");
        assert!(reader.next_reply().unwrap().is_some());
        assert_eq!(reader.pending(), b"22");
        let shown = alloc::format!("{reader:?}");
        assert_eq!(shown, "ReplyReader(2 bytes)");
    }
}
