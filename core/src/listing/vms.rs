//! OpenVMS. A long name stands on a line of its own.
//!
//! ```text
//! 00README.TXT;1      2  30-DEC-1996 17:44  [SYSTEM] (RWED,RWED,RE,RE)
//! CII-MANUAL.TEX;1  213/216  29-JAN-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)
//! A_NAME_THAT_IS_TOO_LONG_FOR_ITS_COLUMN.TXT;12
//!                     7/9      2-JUL-2003 10:30:08.59  [FTP,SCOT]  (RWED,RWED,RE,)
//! SECRET.DIR;1   %RMS-E-PRV, insufficient privilege or file protection violation
//! ```
//!
//! The name of a file keeps its version, which is part of it. That of a directory is what CWD takes: without `.DIR;1`.

use super::dates::{Clock, Context, Date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, ends, find};
use crate::wire::date::{cut, decimal};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    if line.first().is_some_and(super::words::is_blank) {
        return None;
    }
    // The second line of an entry follows behind LF.
    let (name, rest) = match cut(line, b'\n') {
        Some((name, rest)) => (name.trim_ascii_end(), rest),
        None => {
            let mut words = Words::new(line);
            (words.next()?, words.rest)
        }
    };
    let stem = without_version(name)?;
    let (name, kind) = match stem.len().checked_sub(4) {
        Some(length) if length > 0 && ends(stem, b".DIR") => (stem.get(..length)?, Kind::Directory),
        _ => (name, Kind::File),
    };
    let mut entry = Entry::new(line, name, kind, Dialect::Vms);
    if is_refusal(rest) {
        return Some(entry);
    }
    let mut words = Words::new(rest);
    let mut word = words.next()?;
    // Blocks in use, or in use and allocated.
    if let Some(used) = decimal(cut(word, b'/').map_or(word, |(used, _)| used)) {
        entry.size = Some(Size::Blocks(used));
        word = words.next()?;
    }
    let date = Date::named(word)?;
    let mut after = words;
    let clock = after.next().and_then(Clock::parse);
    if clock.is_some() {
        words = after;
    }
    entry.time = Some(context.time(date, clock)?);
    for word in bracketed(words.rest)? {
        match word {
            [b'[', inner @ .., b']'] if entry.owner.is_none() => match cut(inner, b',') {
                Some((group, owner)) => {
                    entry.group = Some(group.trim_ascii());
                    entry.owner = Some(owner.trim_ascii());
                }
                None => entry.owner = Some(inner.trim_ascii()),
            },
            [b'(', .., b')'] if entry.permissions.is_none() => entry.permissions = Some(word),
            _ => return None,
        }
    }
    Some(entry)
}

/// Whether a line is a name alone, whose other columns follow on the next line.
pub(super) fn is_name_alone(line: &[u8]) -> bool {
    let text = line.trim_ascii_end();
    without_version(text).is_some() && text.iter().all(u8::is_ascii_graphic)
}

/// Whether a line can be the second one of an entry.
pub(super) fn is_second_line(line: &[u8]) -> bool {
    let mut words = Words::new(line);
    let is_size = |word: &[u8]| decimal(cut(word, b'/').map_or(word, |(used, _)| used)).is_some();
    is_refusal(line)
        || match (words.next(), words.next()) {
            (Some(first), Some(second)) => {
                Date::named(first).is_some() || is_size(first) && Date::named(second).is_some()
            }
            _ => false,
        }
}

/// `NAME.TYPE` of `NAME.TYPE;VERSION`. What has an equals sign in it is a fact of MLSD.
fn without_version(name: &[u8]) -> Option<&[u8]> {
    let digits = name
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let stem = name.get(..name.len() - digits)?.strip_suffix(b";")?;
    let fits = (1..=5).contains(&digits) && !stem.is_empty() && !stem.contains(&b'=');
    fits.then_some(stem)
}

/// The server may not look at the file.
fn is_refusal(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.starts_with(b"%RMS-E-")
        || text.starts_with(b"%SYSTEM-")
        || find(text, b"insufficient privilege").is_some()
        || find(text, b"no privilege for attempted operation").is_some()
        || text.eq_ignore_ascii_case(b"no privilege")
}

/// The parts in brackets that are left; blanks may be inside. Anything outside of brackets is none.
fn bracketed(text: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let mut rest = text.trim_ascii();
    let mut parts = [None; 2];
    for part in &mut parts {
        let close = match rest.first() {
            None => break,
            Some(b'[') => b']',
            Some(b'(') => b')',
            Some(_) => return None,
        };
        let end = rest.iter().position(|byte| *byte == close)?;
        let (inner, after) = rest.split_at_checked(end + 1)?;
        *part = Some(inner);
        rest = after.trim_ascii();
    }
    rest.is_empty().then(|| parts.into_iter().flatten())
}
