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
pub(crate) use reader::USUAL_PIECE;

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

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn read(bytes: &[u8]) -> (Code, Vec<u8>) {
        let mut replies = ReplyReader::new(1 << 16, 1 << 16, 1000);
        replies.push(bytes);
        let reply = replies.next_reply().unwrap().expect("a whole reply");
        let result = (reply.code(), reply.text().to_vec());
        assert!(replies.is_idle(), "more than one reply in {bytes:?}");
        result
    }

    #[test]
    fn a_reply_is_of_the_class_of_its_first_digit() {
        for (code, class) in [
            (150, Class::Preliminary),
            (226, Class::Completion),
            (350, Class::Intermediate),
            (426, Class::TransientNegative),
            (550, Class::PermanentNegative),
            (631, Class::Protected),
        ] {
            let code = Code::new(code).unwrap();
            assert_eq!(Reply::new(code, b"200 in the text").class(), class);
        }
    }

    #[test]
    fn the_forms_of_rfc_959() {
        let cases: &[(u16, &[u8], &[u8])] = &[
            (220, b"Ready", b"220 Ready\r\n"),
            (226, b"", b"226 \r\n"),
            (211, b"A\nB", b"211-A\r\n211 B\r\n"),
            (211, b"A\n B\n\nC", b"211-A\r\n B\r\n\r\n211 C\r\n"),
            (
                211,
                b"A\n123 files\n211 x\n211\n12 x\n2111\nZ",
                b"211-A\r\n 123 files\r\n 211 x\r\n 211\r\n12 x\r\n 2111\r\n211 Z\r\n",
            ),
            (211, b"123\n456", b"211-123\r\n211 456\r\n"),
            (550, b"a\rb\0c\r", b"550 a b c \r\n"),
            (257, b"\"\xFF\"", b"257 \"\xFF\xFF\"\r\n"),
        ];
        for (code, text, bytes) in cases {
            assert_eq!(
                Reply::new(Code::new(*code).unwrap(), text).to_bytes(),
                *bytes,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a7_is_12_no_text_can_end_a_reply_or_forge_another() {
        const PIECES: [&[u8]; 10] = [
            b"211",
            b"226 x",
            b"\n",
            b"\r",
            b"\0",
            b"-",
            b" ",
            b"a",
            b"\xFF",
            b"\xFF\xFB\x01",
        ];
        for number in 0..100_000_usize {
            let text: Vec<u8> = (0..5)
                .flat_map(|place| PIECES[number / 10_usize.pow(place) % 10])
                .copied()
                .collect();
            let (code, back) = read(&Reply::new(Code::SYSTEM_STATUS, &text).to_bytes());
            assert_eq!(code, Code::SYSTEM_STATUS);
            // The text comes back but for the bytes that cannot travel and the space in front of inner digits.
            let wanted: Vec<u8> = text
                .iter()
                .map(|&byte| {
                    if matches!(byte, b'\r' | 0) {
                        b' '
                    } else {
                        byte
                    }
                })
                .collect();
            let lines: Vec<&[u8]> = wanted.split(|&byte| byte == b'\n').collect();
            let mut padded = Vec::new();
            for (index, line) in lines.iter().enumerate() {
                let inner = index > 0 && index + 1 < lines.len();
                if inner && line.len() >= 3 && line[..3].iter().all(u8::is_ascii_digit) {
                    padded.push(b' ');
                }
                padded.extend_from_slice(line);
                padded.push(b'\n');
            }
            padded.pop();
            assert_eq!(back, padded, "{text:?}");
        }
    }

    #[test]
    fn every_byte_travels_in_a_text_except_cr_lf_and_nul() {
        let text: Vec<u8> = (1..=255)
            .filter(|byte| !matches!(byte, b'\r' | b'\n'))
            .collect();
        assert_eq!(
            read(&Reply::new(Code::PATHNAME_CREATED, &text).to_bytes()).1,
            text
        );
    }

    #[test]
    fn lines_of_a_text() {
        let reply = Reply::new(Code::SYSTEM_STATUS, b"A\n\n b");
        assert!(reply.is_multi_line());
        assert!(reply.lines().eq([&b"A"[..], b"", b" b"]));
        assert_eq!(reply.first_line(), b"A");
        let reply = Reply::new(Code::COMMAND_OKAY, b"");
        assert!(!reply.is_multi_line());
        assert!(reply.lines().eq([&b""[..]]));
    }

    #[test]
    fn a8_nothing_shown_can_steer_a_terminal() {
        let mut text: Vec<u8> = (0..=255).collect();
        text.extend(
            "\u{85}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\u{202a}\u{202e}\u{2066}\u{2069}".bytes(),
        );
        text.extend("grün 文件 🙂 \\".bytes());
        let reply = Reply::new(Code::FILE_UNAVAILABLE, &text);
        for shown in [
            reply.display().to_string(),
            format!("{reply:?}"),
            Escaped::new(&text).to_string(),
        ] {
            assert!(!shown.chars().any(char::is_control), "{shown}");
            assert!(!shown.chars().any(|c| matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')));
            assert!(shown.contains("grün 文件 🙂 \\"));
            assert!(
                shown.contains("\\x00")
                    && shown.contains("\\x1b")
                    && shown.contains("\\xff")
                    && shown.contains("\\u{9b}")
            );
        }
    }
}
