//! HP NonStop (Tandem) Guardian: name, code, length, last change, group and user, security. An `O` says that the file is
//! open.
//!
//! ```text
//! File         Code             EOF  Last Modification    Owner  RWEP
//! EMSACSTM      101             146  18-Sep-00 09:03:37 170,175 "nunu"
//! TACLCSTM   O  101             101   4-Mar-01 23:50:06 255, 10 "oooo"
//! ```

use super::dates::{Clock, Context, Date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, begins, find, is_number};
use crate::wire::date::cut;

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let name = words.next().filter(|word| {
        (1..=8).contains(&word.len())
            && word.iter().all(u8::is_ascii_alphanumeric)
            && word.first().is_some_and(u8::is_ascii_alphabetic)
    })?;
    let mut code = words.next()?;
    if code == b"O" {
        code = words.next()?;
    }
    // Marks for licensed and audited files stand behind the code.
    let digits = code
        .strip_suffix(b"+")
        .or_else(|| code.strip_suffix(b"A"))
        .or_else(|| code.strip_suffix(b"L"))
        .unwrap_or(code);
    if !is_number(digits) {
        return None;
    }
    let octets = words.number()?;
    let date = Date::named(words.next()?)?;
    let clock = Clock::parse(words.next()?)?;
    let (owner, security) = cut(words.rest, b'"')?;
    let (group, user) = cut(owner, b',')?;
    let (group, user) = (group.trim_ascii(), user.trim_ascii());
    let security = security.trim_ascii_end().strip_suffix(b"\"")?;
    let fits = is_number(group)
        && is_number(user)
        && security.len() == 4
        && security
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
    fits.then_some(Entry {
        size: Some(Size::Octets(octets)),
        time: Some(context.time(date, Some(clock))?),
        permissions: Some(security),
        owner: Some(user),
        group: Some(group),
        ..Entry::new(line, name, Kind::File, Dialect::NonStop)
    })
}

/// Whether a line is the titles of the columns.
pub(super) fn is_title(line: &[u8]) -> bool {
    begins(line, b"File ") && find(line, b" EOF ").is_some() && find(line, b"RWEP").is_some()
}
