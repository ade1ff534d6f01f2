//! Bytes from the peer, made safe to show.

use core::fmt::{self, Write};

/// Shows bytes without letting them act: C0 and C1 control characters, DEL, line and paragraph separators and the
/// controls of the bidirectional algorithm are escaped. The rest of valid UTF-8 is shown as it is; a byte that is not
/// UTF-8 becomes `\xNN`. Meant for people: a backslash is not escaped, so the form cannot be turned back.
///
/// ```
/// use ftp_proto::wire::reply::Escaped;
///
/// assert_eq!(Escaped::new("né\r\n\u{202e}txt.exe".as_bytes()).to_string(), r"né\r\n\u{202e}txt.exe");
/// assert_eq!(Escaped::new(b"caf\xe9").to_string(), r"caf\xe9");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Escaped<'a>(&'a [u8]);

impl<'a> Escaped<'a> {
    /// The safe form of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Escaped(bytes)
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    '\0'..='\x1f' | '\x7f' => write!(f, "\\x{:02x}", u32::from(character))?,
                    _ if is_dangerous(character) => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                    _ => f.write_char(character)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// C1, the separators that some terminals and editors treat as line ends, and everything with the property Bidi_Control.
fn is_dangerous(character: char) -> bool {
    matches!(
        character,
        '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        for (bytes, shown) in [
            (&b"plain"[..], "plain"),
            (b"a\tb\r\nc", r"a\tb\r\nc"),
            (b"\0\x1b[2J\x7f", r"\x00\x1b[2J\x7f"),
            (b"\xff", r"\xff"),
            ("\u{202e}".as_bytes(), r"\u{202e}"),
            ("\u{9b}".as_bytes(), r"\u{9b}"),
            ("\u{e4}".as_bytes(), "\u{e4}"),
        ] {
            assert_eq!(alloc::format!("{}", Escaped::new(bytes)), shown);
            let debugged = alloc::format!("{:?}", Escaped::new(bytes));
            assert_eq!(debugged, alloc::format!("\"{shown}\""));
        }
    }
}
