//! Received bytes to replies.

use alloc::vec::Vec;

use super::Reply;
use super::code::{Code, leading_code};
use crate::error::Malformed;
use crate::wire::line::LineSplitter;
use crate::wire::telnet::TelnetDecoder;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    first: FirstBytes,
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
        ReplyReader {
            telnet: TelnetDecoder::default(),
            lines: LineSplitter::new(max_line),
            max_bytes,
            max_lines,
            text: Vec::new(),
            open: None,
            blank: 0,
            first: FirstBytes::default(),
        }
    }

    /// Adds received bytes. Telnet negotiation is dropped without an answer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.first.add(bytes);
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

    /// Between two replies, with not one byte of a further one received.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.open.is_none() && self.buffered() == 0 && self.lines.is_empty()
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

    /// The first bytes ever pushed, at most 64, as they came: the evidence if what answers does not speak FTP.
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
        self.first = FirstBytes::default();
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
    open.provisional = None;
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FirstBytes {
    bytes: [u8; FirstBytes::LIMIT],
    length: usize,
}

impl FirstBytes {
    const LIMIT: usize = 64;

    fn add(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        let added = free.len().min(bytes.len());
        for (to, from) in free.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.length += added;
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Default for FirstBytes {
    fn default() -> Self {
        FirstBytes {
            bytes: [0; FirstBytes::LIMIT],
            length: 0,
        }
    }
}
