//! Commands as they may be shown: without secrets, and without bytes that steer a terminal.

use core::fmt;

use super::argument::split_at_space;
use super::{Command, Verb};
use crate::wire::reply::Escaped;

impl<'a> Command<'a> {
    /// The line as a trace may show it. `****` stands for a password, an account, or security data.
    ///
    /// ```
    /// use ftp_proto::wire::command::Command;
    ///
    /// let command = Command::parse(b"PASS secret").unwrap();
    /// assert_eq!(command.display_masked().to_string(), "PASS ****");
    /// ```
    #[must_use]
    pub fn display_masked(&self) -> impl fmt::Display + use<'a> {
        MaskedCommand(*self)
    }
}

/// As [`Command::display_masked`], for a line that may not be a command: a raw one to be sent, or one received that did
/// not parse. What looks like a verb with a secret hides everything behind it.
///
/// ```
/// use ftp_proto::wire::command::mask_line;
///
/// assert_eq!(mask_line(b"pass\tsecret").to_string(), "pass ****");
/// assert_eq!(mask_line(b"SITE CHMOD 644 \x1b").to_string(), r"SITE CHMOD 644 \x1b");
/// ```
#[must_use]
pub fn mask_line(line: &[u8]) -> impl fmt::Display + use<'_> {
    MaskedLine(line)
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.display_masked())
    }
}

struct MaskedCommand<'a>(Command<'a>);

impl fmt::Display for MaskedCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.0.verb();
        f.write_str(verb.as_str())?;
        self.0.with_arguments(|arguments| {
            if arguments.is_empty() {
                return Ok(());
            }
            if verb.hides_argument() {
                return f.write_str(MASK);
            }
            arguments
                .iter()
                .try_for_each(|argument| show_argument(verb, argument, f))
        })
    }
}

struct MaskedLine<'a>(&'a [u8]);

impl fmt::Display for MaskedLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_end = self
            .0
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric())
            .unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(name_end);
        match Verb::parse(name) {
            Some(verb) if verb.hides_argument() && !rest.is_empty() => {
                write!(f, "{}{MASK}", Escaped::new(name))
            }
            Some(verb @ Verb::Site) if rest.starts_with(b" ") => {
                write!(f, "{}", Escaped::new(name))?;
                show_argument(verb, rest.trim_ascii_start(), f)
            }
            _ => write!(f, "{}", Escaped::new(self.0)),
        }
    }
}

fn show_argument(verb: Verb, argument: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match split_at_space(argument) {
        Some((word, _)) if verb == Verb::Site && site_takes_password(word) => {
            write!(f, " {}{MASK}", Escaped::new(word))
        }
        _ => write!(f, " {}", Escaped::new(argument)),
    }
}

/// Sub-commands such as PSWD, PASSWD, CHPASS, GPASS, ADDUSER.
fn site_takes_password(word: &[u8]) -> bool {
    ["PASS", "PSWD", "ADDUSER"].iter().any(|part| {
        word.windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    })
}

const MASK: &str = " ****";
