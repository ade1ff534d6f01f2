//! Servers for Windows 3: SuperTCP, and NetManage Chameleon (Newt). The name comes first.
//!
//! ```text
//! INSTALL         <DIR>           11-16-94        17:16
//! DESIGN1.DOC          11264      05-11-95        14:20
//!
//! INSTALL         <DIR>      Nov 16 1994 17:16
//! DESIGN1.DOC     11264      May 11 1995 14:20   A
//! ```

use super::dates::{Clock, Context, Date, full_year};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, two_digits};
use crate::wire::date::decimal;

pub(super) fn super_tcp<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let (mut entry, mut words) = name_and_size(line, Dialect::SuperTcp)?;
    let date = words.next().filter(|word| word.len() >= 6)?;
    let date = context.numeric_date(date)?;
    let clock = Clock::parse(words.next()?)?;
    entry.time = Some(context.time(date, Some(clock))?);
    words.is_done().then_some(entry)
}

pub(super) fn chameleon<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let (mut entry, mut words) = name_and_size(line, Dialect::Chameleon)?;
    let month = super::months::english(words.next()?)?;
    let day = two_digits(words.next()?)?;
    let year = full_year(words.next().filter(|year| year.len() == 4)?)?;
    let clock = Clock::parse(words.next()?)?;
    entry.time = Some(context.time(Date::new(Some(year), month, day)?, Some(clock))?);
    words
        .all(|word| word.len() <= 4 && word.iter().all(|byte| b"ARHS".contains(byte)))
        .then_some(entry)
}

fn name_and_size(line: &[u8], dialect: Dialect) -> Option<(Entry<'_>, Words<'_>)> {
    let mut words = Words::new(line);
    let name = words.next().filter(|word| is_short_name(word))?;
    let mut entry = Entry::new(line, name, Kind::File, dialect);
    match words.next()? {
        b"<DIR>" => entry.kind = Kind::Directory,
        size => entry.size = Some(Size::Octets(decimal(size)?)),
    }
    Some((entry, words))
}

/// Eight letters, and three behind a point.
fn is_short_name(word: &[u8]) -> bool {
    if matches!(word, b"." | b"..") {
        return true;
    }
    let mut parts = word.split(|byte| *byte == b'.');
    let stem = parts.next().unwrap_or_default();
    let extension = parts.next().unwrap_or_default();
    (1..=8).contains(&stem.len()) && extension.len() <= 3 && parts.next().is_none()
}
