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
        match in_front_of_secret(self.0) {
            Some((name, None)) => write!(f, "{}{MASK}", Escaped::new(name)),
            Some((name, Some(word))) => {
                write!(f, "{} {}{MASK}", Escaped::new(name), Escaped::new(word))
            }
            None => write!(f, "{}", Escaped::new(self.0)),
        }
    }
}

fn show_argument(verb: Verb, argument: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match password_word(argument) {
        Some(word) if verb == Verb::Site => write!(f, " {}{MASK}", Escaped::new(word)),
        _ => write!(f, " {}", Escaped::new(argument)),
    }
}

/// Whether a line of this verb can be one that [`holds_secret`]; a raw line without a verb goes by SITE.
pub(crate) const fn may_hold_secret(verb: Verb) -> bool {
    verb.hides_argument() || matches!(verb, Verb::Site)
}

/// Whether [`mask_line`] hides a part of `line`.
pub(crate) fn holds_secret(line: &[u8]) -> bool {
    in_front_of_secret(line).is_some()
}

/// The words that a SITE such as PSWD says in secret: what a peer may repeat of them is to be masked as well.
pub(crate) fn secrets_of_site(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (_, rest) = split_name(line);
    let arguments = match in_front_of_secret(line) {
        Some((_, Some(word))) => rest.trim_ascii_start().get(word.len()..),
        _ => None,
    };
    let words = arguments.unwrap_or_default().split(u8::is_ascii_whitespace);
    words.filter(|word| !word.is_empty())
}

/// The name of a command with a secret behind it, and of a SITE its sub-command.
fn in_front_of_secret(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (name, rest) = split_name(line);
    match Verb::parse(name).filter(|verb| may_hold_secret(*verb))? {
        verb if verb.hides_argument() && !rest.is_empty() => Some((name, None)),
        Verb::Site => password_word(rest.trim_ascii_start()).map(|word| (name, Some(word))),
        _ => None,
    }
}

fn split_name(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| !byte.is_ascii_alphanumeric());
    line.split_at(end.unwrap_or(line.len()))
}

/// The sub-command of a SITE that takes a password, if one follows.
fn password_word(argument: &[u8]) -> Option<&[u8]> {
    let (word, _) = split_at_space(argument)?;
    site_takes_password(word).then_some(word)
}

/// Sub-commands such as PSWD, PASSWD, CHPASS, GPASS, ADDUSER.
fn site_takes_password(word: &[u8]) -> bool {
    ["PASS", "PSWD", "ADDUSER"].iter().any(|part| {
        word.windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    })
}

const MASK: &str = " ****";

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_a_site_says_in_secret_is_known_word_by_word() {
        for (line, words) in [
            ("SITE PSWD old new", &["old", "new"][..]),
            ("site  chpass  x ", &["x"]),
            ("SITE PSWD", &[]),
            ("SITE CHMOD 644 f", &[]),
            ("PASS x", &[]),
        ] {
            let found: Vec<_> = secrets_of_site(line.as_bytes()).collect();
            let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(found, words, "{line}");
        }
    }

    #[test]
    fn what_is_hidden_of_a_line_is_known_to_hold_a_secret() {
        for (line, shown) in [
            ("PASS x", "PASS ****"),
            ("pass\tx", "pass ****"),
            ("ACCT x y", "ACCT ****"),
            ("PASS", "PASS"),
            ("SITE PSWD old new", "SITE PSWD ****"),
            ("site  chpass x", "site chpass ****"),
            ("SITE ADDUSER bob x", "SITE ADDUSER ****"),
            ("SITE\tPSWD x", "SITE PSWD ****"),
            ("SITE PSWD", "SITE PSWD"),
            ("SITE WHO", "SITE WHO"),
            ("SITE CHMOD 644 PASS", "SITE CHMOD 644 PASS"),
            ("SITE", "SITE"),
            ("STOR PSWD x", "STOR PSWD x"),
            ("XYZZY PASS x", "XYZZY PASS x"),
        ] {
            assert_eq!(mask_line(line.as_bytes()).to_string(), shown);
            assert_eq!(
                holds_secret(line.as_bytes()),
                shown.ends_with("****"),
                "{line}"
            );
        }
    }

    /// A word of SITE is a word of SITE alone: a file may be called so.
    #[test]
    fn only_site_has_sub_commands_with_a_password() {
        for (line, shown) in [
            ("SITE PSWD old new", "SITE PSWD ****"),
            ("SITE CHMOD 644 PSWD", "SITE CHMOD 644 PSWD"),
            ("STOR PSWD x", "STOR PSWD x"),
            ("STAT passwords of 2026", "STAT passwords of 2026"),
            ("ACCT PSWD x", "ACCT ****"),
        ] {
            let command = Command::parse(line.as_bytes()).unwrap();
            assert_eq!(command.display_masked().to_string(), shown);
        }
    }
}
