//! Dialogues recorded from real servers, kept in `tests/data/dialogues`.
//!
//! The format, line by line:
//!
//! ```text
//! # a comment
//! [a section: one session]
//! S: a line of the server; CRLF is understood, \xNN is a byte
//! C: a line of the client
//! TLS
//! D: 945 close_notify
//! silence
//! ```

use std::fs;
use std::io;
use std::path::Path;

/// Everything recorded from one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The name of the file, without its ending: `vsftpd-tls`.
    pub name: String,
    /// The sessions.
    pub sections: Vec<Section>,
}

/// One session from its greeting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What was tried.
    pub title: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client sent this line; without its end.
    Client(Vec<u8>),
    /// The server sent this line; with its end.
    Server(Vec<u8>),
    /// TLS began on the control connection.
    Tls,
    /// A data connection moved so many bytes and ended with close_notify, or without.
    Data(u64, bool),
    /// The command was never answered.
    Silence,
}

/// A command, and all that came of it before the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The line; `None` for the greeting.
    pub command: Option<Vec<u8>>,
    /// What the server said.
    pub replies: Vec<u8>,
    /// Whether TLS began then.
    pub tls: bool,
    /// What a data connection did, and how many bytes of `replies` came before it ended.
    pub data: Option<(u64, bool, usize)>,
    /// Whether it was never answered.
    pub silent: bool,
}

/// Reads every recording there is.
///
/// # Errors
/// When a file cannot be read, or does not follow the format.
pub fn recordings() -> io::Result<Vec<Recording>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dialogues");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let sections = parse(&text).map_err(|(line, text)| {
            let message = format!("{name}, line {line}: {text:?}");
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        all.push(Recording { name, sections });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

impl Section {
    /// All the server said, as one stream of bytes.
    #[must_use]
    pub fn server_bytes(&self) -> Vec<u8> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                Step::Server(line) => Some(line.as_slice()),
                _ => None,
            })
            .collect::<Vec<_>>()
            .concat()
    }

    /// Commands with what came of them.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut all = Vec::new();
        let mut current = Exchange::default();
        for step in &self.steps {
            match step {
                Step::Client(line) => {
                    let command = Some(line.clone());
                    all.push(std::mem::replace(
                        &mut current,
                        Exchange {
                            command,
                            ..Exchange::default()
                        },
                    ));
                }
                Step::Server(line) => current.replies.extend_from_slice(line),
                Step::Tls => current.tls = true,
                Step::Data(bytes, notified) => {
                    current.data = Some((*bytes, *notified, current.replies.len()));
                }
                Step::Silence => current.silent = true,
            }
        }
        all.push(current);
        all
    }
}

/// The sections of a text, or the number and the text of the line that does not follow the format.
fn parse(text: &str) -> Result<Vec<Section>, (usize, String)> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = || (number + 1, line.to_owned());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            sections.push(Section {
                title: title.to_owned(),
                steps: Vec::new(),
            });
            continue;
        }
        let step = if let Some(line) = line.strip_prefix("C: ") {
            Step::Client(unescape(line).ok_or_else(wrong)?)
        } else if let Some(line) = line.strip_prefix("S: ") {
            let mut line = unescape(line).ok_or_else(wrong)?;
            line.extend_from_slice(b"\r\n");
            Step::Server(line)
        } else if let Some(data) = line.strip_prefix("D: ") {
            let (bytes, end) = data.split_once(' ').ok_or_else(wrong)?;
            Step::Data(bytes.parse().map_err(|_| wrong())?, end == "close_notify")
        } else {
            match line {
                "TLS" => Step::Tls,
                "silence" => Step::Silence,
                _ => return Err(wrong()),
            }
        };
        sections.last_mut().ok_or_else(wrong)?.steps.push(step);
    }
    Ok(sections)
}

/// The bytes of a line with `\xNN` in it.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line() {
        let text = "# x\n[one]\nS: 220 hi \\xff\nC: AUTH TLS\nS: 234 go\nTLS\nC: LIST\nS: 150 a\nD: 12 close_notify\nS: 226 b\nC: \nsilence\n";
        let sections = parse(text).unwrap();
        assert_eq!(sections[0].title, "one");
        let exchanges = sections[0].exchanges();
        assert_eq!(exchanges[0].replies, b"220 hi \xff\r\n");
        assert!(exchanges[1].tls);
        assert_eq!(exchanges[2].data, Some((12, true, 7)));
        assert_eq!(exchanges[2].replies, b"150 a\r\n226 b\r\n");
        assert!(exchanges[3].silent);
        assert!(parse("S: before any section\n").is_err());
        assert!(parse("[a]\nX: what\n").is_err());
        assert!(parse("[a]\nS: \\xzz\n").is_err());
    }

    #[test]
    fn the_recordings_are_there() {
        let all = recordings().unwrap();
        assert!(all.len() >= 14);
        for recording in all {
            assert!(recording.sections.len() >= 2, "{}", recording.name);
            for section in recording.sections {
                assert!(!section.steps.is_empty(), "{}", section.title);
            }
        }
    }
}
