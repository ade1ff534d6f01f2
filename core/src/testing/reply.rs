//! Replies as servers send them.

use alloc::vec::Vec;

use crate::wire::reply::{Code, Reply};

/// A reply, and the form a server sends it in.
///
/// ```
/// use ftp_proto::testing::{Form, Spoken};
/// use ftp_proto::wire::reply::Code;
///
/// let spoken = Spoken {
///     code: Code::SYSTEM_STATUS,
///     lines: vec![b"Features".to_vec(), b"SIZE".to_vec(), b"End".to_vec()],
///     form: Form::Repeated,
/// };
/// assert_eq!(spoken.to_bytes(), b"211-Features\r\n211-SIZE\r\n211 End\r\n");
/// assert_eq!(spoken.text(), b"Features\n211-SIZE\nEnd");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spoken {
    /// The code.
    pub code: Code,
    /// The lines of the text, without CR, LF and NUL; none is one empty line.
    pub lines: Vec<Vec<u8>>,
    /// How it is written.
    pub form: Form,
}

/// The forms replies are met in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// As RFC 959 section 4.2 has it.
    #[default]
    Standard,
    /// Every line has the code, and a hyphen but for the last one.
    Repeated,
    /// The last line is the code alone.
    CodeAlone,
    /// Lines end in LF alone.
    BareLf,
}

impl Spoken {
    /// A reply of one line in the standard form.
    #[must_use]
    pub fn line(code: Code, text: &[u8]) -> Self {
        Spoken {
            code,
            lines: alloc::vec![text.to_vec()],
            form: Form::Standard,
        }
    }

    /// What travels.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = self.written();
        match self.form {
            Form::Standard | Form::Repeated => self.encoded(&text),
            Form::CodeAlone => {
                let mut bytes = self.encoded(&text);
                // The last line is `ddd SP CR LF`.
                bytes.truncate(bytes.len().saturating_sub(b" \r\n".len()));
                bytes.extend_from_slice(b"\r\n");
                bytes
            }
            Form::BareLf => {
                let mut bytes = self.encoded(&text);
                bytes.retain(|&byte| byte != b'\r');
                bytes
            }
        }
    }

    /// The text a reader gives for it: lines joined by LF, those in the middle as they travelled.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let written = self.written();
        let last = written.len().saturating_sub(1);
        let mut text = Vec::new();
        for (index, line) in written.iter().enumerate() {
            if index > 0 {
                text.push(b'\n');
                if index < last && has_code(line) {
                    text.push(b' ');
                }
                if index < last && self.form == Form::Repeated {
                    // The middle lines carry the code, which keeps them from being padded.
                    text.truncate(text.len() - usize::from(has_code(line)));
                    text.extend_from_slice(&self.digits());
                    text.push(b'-');
                }
            }
            text.extend_from_slice(line);
        }
        text
    }

    /// The lines without what their form leaves out.
    fn written(&self) -> Vec<&[u8]> {
        let mut lines: Vec<&[u8]> = self.lines.iter().map(Vec::as_slice).collect();
        if lines.is_empty() {
            lines.push(b"");
        }
        if self.form == Form::CodeAlone
            && let Some(last) = lines.last_mut()
        {
            *last = b"";
        }
        lines
    }

    fn encoded(&self, lines: &[&[u8]]) -> Vec<u8> {
        if self.form != Form::Repeated {
            return Reply::new(self.code, &lines.join(&b'\n')).to_bytes();
        }
        let mut bytes = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let start = bytes.len();
            Reply::encode(self.code, line, &mut bytes);
            if index + 1 < lines.len()
                && let Some(separator) = bytes.get_mut(start + 3)
            {
                *separator = b'-';
            }
        }
        bytes
    }

    fn digits(&self) -> Vec<u8> {
        alloc::format!("{}", self.code).into_bytes()
    }
}

/// Whether a line begins as replies do, so that a server pads it in the middle of one.
fn has_code(line: &[u8]) -> bool {
    line.get(..3)
        .is_some_and(|code| code.iter().all(u8::is_ascii_digit))
}
