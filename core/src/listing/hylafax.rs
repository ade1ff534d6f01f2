//! HylaFAX: `ls -l` with permissions for the owner and others only, and the queue of received facsimiles.
//!
//! ```text
//! -rw-r--   1     uucp    31904 Nov 22 10:11 job00012.sff
//! -rw-r--    4  uucp     +1 415 555 1212   10:43AM fax00005.tif
//! ```

use super::dates::{Context, Date};
use super::entry::{Dialect, Entry, Kind};
use super::words::{Words, is_blank, is_number};
use crate::wire::date::decimal;

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let (mode, rest) = line.split_at_checked(7)?;
    let (kind, letters) = mode.split_first()?;
    let kind = super::unix::kind_of(*kind)?;
    let letters_fit = letters
        .iter()
        .zip(b"rwxrwx")
        .all(|(byte, letter)| byte == letter || *byte == b'-');
    if !letters_fit || !is_blank(rest.first()?) {
        return None;
    }
    let mut entry = super::unix::read(line, kind, letters, rest, context)
        .filter(|entry| entry.dialect == Dialect::Unix && entry.time.is_some())
        .or_else(|| received(line, letters, rest, context))?;
    entry.dialect = Dialect::HylaFax;
    Some(entry)
}

/// A received facsimile: pages, owner, sender, a short form of the time, name.
fn received<'a>(
    line: &'a [u8],
    letters: &'a [u8],
    rest: &'a [u8],
    context: &Context,
) -> Option<Entry<'a>> {
    let mut words = Words::new(rest);
    let pages = words.next()?;
    decimal(pages.strip_suffix(b"*").unwrap_or(pages))?;
    let owner = words.next()?;
    let mut time = None;
    let mut name = None;
    for word in words {
        time = name.replace(word);
    }
    let (name, time) = name.zip(time)?;
    let number = name.strip_prefix(b"fax")?.strip_suffix(b".tif")?;
    if !is_number(number) || number.len() < 5 {
        return None;
    }
    // 10:43AM is today, Mon10AM one of the last days: only 22Nov99 is a date.
    let date = day_month_year(time);
    Some(Entry {
        time: date.and_then(|date| context.time(date, None)),
        permissions: Some(letters),
        owner: Some(owner),
        ..Entry::new(line, name, Kind::File, Dialect::HylaFax)
    })
}

/// `22Nov99`
fn day_month_year(word: &[u8]) -> Option<Date> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (day, rest) = word.split_at_checked(digits)?;
    let (month, year) = rest.split_at_checked(3)?;
    Date::new(
        Some(super::dates::full_year(year).filter(|_| year.len() == 2)?),
        super::months::english(month)?,
        super::words::two_digits(day)?,
    )
}
