//! Flat JSON objects, one on a line: what a record is written in. Only what a record needs: strings, numbers, `true` and `false`.
//!
//! A string stands for bytes: U+0000 to U+00FF are one byte each. What is not printable ASCII is escaped, so a record can be shown on any
//! terminal and passes through anything that keeps lines.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a line of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no line at all.
    Empty,
    /// This is not how a record begins.
    NotATrace,
    /// A format that is not known here.
    Version(u64),
    /// Not JSON as a record is written in; at this byte of the line, from 1.
    Syntax {
        /// The byte, from 1.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A field is missing.
    Missing(&'static str),
    /// A field has a value it cannot have.
    Value(&'static str),
    /// Something comes behind the end of the record.
    AfterEnd,
}

/// One line that is being written.
pub(super) struct Writer(String);

/// One line that was read.
#[derive(Debug)]
pub(super) struct Object(Vec<(String, Value)>);

#[derive(Debug)]
enum Value {
    Text(Vec<u8>),
    Number(u64),
    Flag(bool),
}

impl Writer {
    pub(super) fn new() -> Self {
        Writer(String::from("{"))
    }

    pub(super) fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.bytes(key, text.as_bytes())
    }

    pub(super) fn bytes(&mut self, key: &str, bytes: &[u8]) -> &mut Self {
        self.key(key);
        self.0.push('"');
        for byte in bytes {
            match byte {
                b'"' => self.0.push_str("\\\""),
                b'\\' => self.0.push_str("\\\\"),
                b'\r' => self.0.push_str("\\r"),
                b'\n' => self.0.push_str("\\n"),
                b' '..=b'~' => self.0.push(char::from(*byte)),
                // Writing to a string does not fail.
                _ => drop(write!(self.0, "\\u{byte:04x}")),
            }
        }
        self.0.push('"');
        self
    }

    pub(super) fn number(&mut self, key: &str, number: u64) -> &mut Self {
        self.key(key);
        let _ = write!(self.0, "{number}");
        self
    }

    pub(super) fn flag(&mut self, key: &str, flag: bool) -> &mut Self {
        self.key(key);
        self.0.push_str(if flag { "true" } else { "false" });
        self
    }

    pub(super) fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{key}\":");
    }
}

impl Object {
    /// Reads one line.
    pub(super) fn read(line: &str) -> Result<Object, Problem> {
        let mut reader = Reader {
            line: line.as_bytes(),
            at: 0,
        };
        reader.object()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    pub(super) fn bytes(&self, key: &'static str) -> Result<&[u8], Problem> {
        match self.find(key) {
            Some(Value::Text(bytes)) => Ok(bytes),
            Some(_) => Err(Problem::Value(key)),
            None => Err(Problem::Missing(key)),
        }
    }

    pub(super) fn text(&self, key: &'static str) -> Result<&str, Problem> {
        core::str::from_utf8(self.bytes(key)?).map_err(|_| Problem::Value(key))
    }

    pub(super) fn number(&self, key: &'static str) -> Result<u64, Problem> {
        match self.find(key) {
            Some(Value::Number(number)) => Ok(*number),
            Some(_) => Err(Problem::Value(key)),
            None => Err(Problem::Missing(key)),
        }
    }

    /// A number of a smaller type.
    pub(super) fn fits<T: TryFrom<u64>>(&self, key: &'static str) -> Result<T, Problem> {
        T::try_from(self.number(key)?).map_err(|_| Problem::Value(key))
    }

    /// A number that may be missing.
    pub(super) fn optional(&self, key: &'static str) -> Result<Option<u64>, Problem> {
        if self.has(key) {
            self.number(key).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A flag; `false` if it is missing.
    pub(super) fn flag(&self, key: &'static str) -> Result<bool, Problem> {
        match self.find(key) {
            Some(Value::Flag(flag)) => Ok(*flag),
            Some(_) => Err(Problem::Value(key)),
            None => Ok(false),
        }
    }

    fn find(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }
}

struct Reader<'a> {
    line: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn object(&mut self) -> Result<Object, Problem> {
        self.expect(b'{', "an opening brace")?;
        let mut fields = Vec::new();
        loop {
            let start = self.at;
            let key = String::from_utf8(self.string()?).map_err(|_| {
                self.at = start;
                self.wrong("a key in ASCII")
            })?;
            self.expect(b':', "a colon")?;
            let value = self.value()?;
            fields.push((key, value));
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong("a comma or a closing brace")),
            }
        }
        self.at += 1;
        if self.at < self.line.len() {
            return Err(self.wrong("the end of the line"));
        }
        Ok(Object(fields))
    }

    fn value(&mut self) -> Result<Value, Problem> {
        let rest = self.line.get(self.at..).unwrap_or(&[]);
        match rest.first() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'0'..=b'9') => self.number().map(Value::Number),
            _ if rest.starts_with(b"true") => {
                self.at += 4;
                Ok(Value::Flag(true))
            }
            _ if rest.starts_with(b"false") => {
                self.at += 5;
                Ok(Value::Flag(false))
            }
            _ => Err(self.wrong("a string, a number, true or false")),
        }
    }

    fn number(&mut self) -> Result<u64, Problem> {
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(u64::from(digit - b'0')))
                .ok_or_else(|| self.wrong("a smaller number"))?;
            self.at += 1;
        }
        Ok(number)
    }

    fn string(&mut self) -> Result<Vec<u8>, Problem> {
        self.expect(b'"', "a quotation mark")?;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => bytes.push(self.escape()?),
                Some(byte @ b' '..=b'~') => {
                    bytes.push(byte);
                    self.at += 1;
                }
                Some(_) => return Err(self.wrong("printable ASCII")),
                None => return Err(self.wrong("a quotation mark")),
            }
        }
        self.at += 1;
        Ok(bytes)
    }

    fn escape(&mut self) -> Result<u8, Problem> {
        self.at += 1;
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.code(),
            _ => return Err(self.wrong("an escape")),
        };
        self.at += 1;
        Ok(byte)
    }

    /// Of four hexadecimal digits behind the `u` of an escape.
    fn code(&mut self) -> Result<u8, Problem> {
        self.at += 1;
        let mut code: u16 = 0;
        for _ in 0..4 {
            let digit = self
                .peek()
                .and_then(|byte| char::from(byte).to_digit(16))
                .and_then(|digit| u16::try_from(digit).ok())
                .ok_or_else(|| self.wrong("four hexadecimal digits"))?;
            code = code << 4 | digit;
            self.at += 1;
        }
        u8::try_from(code).map_err(|_| {
            self.at -= 4;
            self.wrong("a code up to 00ff")
        })
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Problem> {
        if self.peek() != Some(byte) {
            return Err(self.wrong(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// At the byte that comes next.
    fn wrong(&self, expected: &'static str) -> Problem {
        Problem::Syntax {
            at: self.at + 1,
            expected,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl core::error::Error for ReadError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Empty => f.write_str("nothing there"),
            Problem::NotATrace => f.write_str("this is not how a trace begins"),
            Problem::Version(version) => {
                write!(f, "a trace of version {version}, which is not known here")
            }
            Problem::Syntax { at, expected } => write!(f, "expected {expected} at byte {at}"),
            Problem::Missing(field) => write!(f, "field {field} is missing"),
            Problem::Value(field) => write!(f, "field {field} has a value it cannot have"),
            Problem::AfterEnd => f.write_str("something behind the end of the trace"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut writer = Writer::new();
        writer
            .bytes("all", &all)
            .number("most", u64::MAX)
            .flag("yes", true);
        let line = writer.end();
        assert!(line.is_ascii() && line.ends_with("}\n"));
        assert_eq!(line.lines().count(), 1);
        let object = Object::read(line.trim_end()).unwrap();
        assert_eq!(object.bytes("all").unwrap(), all);
        assert_eq!(object.number("most").unwrap(), u64::MAX);
        assert_eq!(object.fits::<u8>("most"), Err(Problem::Value("most")));
        assert!(object.flag("yes").unwrap());
        assert!(!object.flag("no").unwrap());
        assert_eq!(object.number("no"), Err(Problem::Missing("no")));
        assert_eq!(object.number("all"), Err(Problem::Value("all")));
        assert_eq!(object.text("all"), Err(Problem::Value("all")));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (line, at, expected) in [
            ("", 1, "an opening brace"),
            ("{}", 2, "a quotation mark"),
            (r#"{"a""#, 5, "a colon"),
            (r#"{"a":}"#, 6, "a string, a number, true or false"),
            (r#"{"a":-1}"#, 6, "a string, a number, true or false"),
            (r#"{"a":1"#, 7, "a comma or a closing brace"),
            (r#"{"a":1,"#, 8, "a quotation mark"),
            (r#"{"a":truE}"#, 6, "a string, a number, true or false"),
            (r#"{"a":true"#, 10, "a comma or a closing brace"),
            (r#"{"a":false;"#, 11, "a comma or a closing brace"),
            ("{\"\\u00ff\":1}", 2, "a key in ASCII"),
            (r#"{"a":1;"#, 7, "a comma or a closing brace"),
            (r#"{"a":1} "#, 8, "the end of the line"),
            (r#"{"a":18446744073709551616}"#, 25, "a smaller number"),
            ("{\"a\":\"\u{1}\"}", 7, "printable ASCII"),
            (r#"{"a":"x"#, 8, "a quotation mark"),
            (r#"{"a":"\x"}"#, 8, "an escape"),
            (r#"{"a":"\"#, 8, "an escape"),
            (r#"{"a":"\u00g0"}"#, 11, "four hexadecimal digits"),
            (r#"{"a":"\u00"#, 11, "four hexadecimal digits"),
            (r#"{"a":"\u0100"}"#, 9, "a code up to 00ff"),
        ] {
            let problem = Object::read(line).unwrap_err();
            assert_eq!(problem, Problem::Syntax { at, expected }, "{line}");
        }
    }

    #[test]
    fn every_escape_of_json_that_stands_for_a_byte_is_read() {
        let line = r#"{"a":"\"\\\/\n\r\t\u000A\u00fe~ ","b":0}"#;
        let object = Object::read(line).unwrap();
        assert_eq!(object.bytes("a").unwrap(), b"\"\\/\n\r\t\n\xfe~ ");
        assert_eq!(object.number("b"), Ok(0));
        assert_eq!(object.optional("b"), Ok(Some(0)));
        assert_eq!(object.optional("c"), Ok(None));
        assert_eq!(object.optional("a"), Err(Problem::Value("a")));
        assert_eq!(object.flag("a"), Err(Problem::Value("a")));
        assert_eq!(object.bytes("b"), Err(Problem::Value("b")));
        assert_eq!(object.bytes("c"), Err(Problem::Missing("c")));
        assert!(object.has("b") && !object.has("c"));
    }

    #[test]
    fn line_ends_are_written_for_people_to_read() {
        let mut writer = Writer::new();
        writer.bytes("a", b"x\r\n\"\\\0\xff");
        let line = writer.end();
        assert_eq!(line, concat!(r#"{"a":"x\r\n\"\\\u0000\u00ff"}"#, "\n"));
    }
}
