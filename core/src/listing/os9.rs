//! OS-9: group and user, date, time, attributes, sector, length, name.
//!
//! ```text
//!  Owner    Last modified  Attributes Sector Bytecount Name
//!   20.20   07/03/29 1026   d-ewrewr    2650     85920 CMDS
//! ```

use super::dates::{Clock, Context, Date, full_year};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, is_number, two_digits};
use crate::wire::date::cut;

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let (group, user) = cut(words.next()?, b'.')?;
    if !is_number(group) || !is_number(user) {
        return None;
    }
    let (year, rest) = cut(words.next()?, b'/')?;
    let (month, day) = cut(rest, b'/')?;
    let date = Date::new(
        Some(full_year(year).filter(|_| year.len() != 3)?),
        two_digits(month)?,
        two_digits(day)?,
    )?;
    let clock = Clock::four_digits(words.next()?)?;
    let attributes = words.next()?;
    let fits = attributes.len() == 8
        && attributes
            .iter()
            .zip(b"dsewrewr")
            .all(|(byte, letter)| byte == letter || *byte == b'-');
    words
        .next()
        .filter(|sector| sector.iter().all(u8::is_ascii_hexdigit))?;
    let octets = words.number()?;
    let name = words.name().filter(|_| fits)?;
    let kind = match attributes.first() {
        Some(b'd') => Kind::Directory,
        _ => Kind::File,
    };
    Some(Entry {
        size: Some(Size::Octets(octets)),
        time: Some(context.time(date, Some(clock))?),
        permissions: Some(attributes),
        owner: Some(user),
        group: Some(group),
        ..Entry::new(line, name, kind, Dialect::Os9)
    })
}
