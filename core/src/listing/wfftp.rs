//! The wfFtp server of Wellfleet, Bay and Nortel routers: name, size, date, day of the week, time.
//!
//! ```text
//! config.bak       1014196  06/03/04  Thur.   10:20:03
//! ```

use super::dates::{Clock, Context};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, begins};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let name = words.next()?;
    let octets = words.number()?;
    let date = context.numeric_date(words.next()?)?;
    let weekday = words.next()?.strip_suffix(b".")?;
    let clock = Clock::parse(words.next()?)?;
    let is_weekday = (3..=5).contains(&weekday.len())
        && [&b"sun"[..], b"mon", b"tue", b"wed", b"thu", b"fri", b"sat"]
            .iter()
            .any(|day| begins(weekday, day));
    (is_weekday && words.is_done()).then_some(Entry {
        size: Some(Size::Octets(octets)),
        time: Some(context.time(date, Some(clock))?),
        ..Entry::new(line, name, Kind::File, Dialect::WfFtp)
    })
}
