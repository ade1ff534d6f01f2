//! Replies: three digits and a text, on one line or several (RFC 959 section 4.2).

mod code;
mod escaped;
mod reader;

use alloc::vec::Vec;
use core::fmt;

use crate::wire::telnet;

pub use code::{Class, Code, Subject};
pub use escaped::Escaped;
pub use reader::ReplyReader;

/// One reply. The text is raw bytes; [`display`](Self::display) is the form for people.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reply<'a> {
    code: Code,
    text: &'a [u8],
}

impl<'a> Reply<'a> {
    /// A reply with the given text, its lines joined by LF.
    #[must_use]
    pub const fn new(code: Code, text: &'a [u8]) -> Self {
        Reply { code, text }
    }

    /// The reply code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What the first digit says.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.code.class()
    }

    /// The text lines joined by LF. The code and the byte after it are gone from the first and the last line; the
    /// lines between are as they came.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The text, line by line; at least one.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone + use<'a> {
        self.text.split(|&byte| byte == b'\n')
    }

    /// The first line of the text.
    #[must_use]
    pub fn first_line(&self) -> &'a [u8] {
        self.lines().next().unwrap_or_default()
    }

    /// The text has more than one line.
    #[must_use]
    pub fn is_multi_line(&self) -> bool {
        self.text.contains(&b'\n')
    }

    /// Code and text, with everything escaped that could steer a terminal or reorder the text.
    ///
    /// ```
    /// use ftp_proto::wire::reply::{Code, Reply};
    ///
    /// let reply = Reply::new(Code::SERVICE_READY, b"Welcome \x1b[2J");
    /// assert_eq!(reply.display().to_string(), r"220 Welcome \x1b[2J");
    /// ```
    #[must_use]
    pub fn display(&self) -> impl fmt::Display + use<'a> {
        Shown(*self)
    }

    /// The reply as a server sends it; see [`encode`](Self::encode).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        Reply::encode(self.code, self.text, &mut bytes);
        bytes
    }

    /// Appends the reply with this code and text to `out`, as a server sends it.
    ///
    /// The lines of `text` are separated by LF. A line in the middle that would start with three digits gets a space
    /// in front (RFC 959 section 4.2), so no text can end the reply or look like another one. A CR or NUL in the text
    /// becomes a space, and 255 is doubled for Telnet.
    ///
    /// ```
    /// use ftp_proto::wire::reply::{Code, Reply};
    ///
    /// let mut out = Vec::new();
    /// Reply::encode(Code::SYSTEM_STATUS, b"Features:\n SIZE\nEnd", &mut out);
    /// assert_eq!(out, b"211-Features:\r\n SIZE\r\n211 End\r\n");
    /// ```
    pub fn encode(code: Code, text: &[u8], out: &mut Vec<u8>) {
        let mut lines = text.split(|&byte| byte == b'\n').enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let last = lines.peek().is_none();
            if last || index == 0 {
                out.extend_from_slice(&code.digits());
                out.push(if last { b' ' } else { b'-' });
            } else if code::leading_code(line).is_some() {
                out.push(b' ');
            }
            for piece in line.split_inclusive(|&byte| matches!(byte, b'\r' | 0)) {
                match piece.split_last() {
                    Some((b'\r' | 0, before)) => {
                        telnet::escape(before, out);
                        out.push(b' ');
                    }
                    _ => telnet::escape(piece, out),
                }
            }
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.display())
    }
}

struct Shown<'a>(Reply<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.code, Escaped::new(self.0.text))
    }
}
