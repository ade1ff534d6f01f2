//! VxWorks.
//!
//! ```text
//!   size          date       time       name
//! --------       ------     ------    --------
//!      512    Jan-01-1980  00:00:00   pico              <DIR>
//!     6775    AUG-19-1997  01:31:58   bootrom.sys
//! ```

use super::dates::{Clock, Context, Date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, leading_blanks};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let octets = words.number()?;
    let date = words.next()?;
    if !date.first()?.is_ascii_alphabetic() {
        return None;
    }
    let date = Date::named(date)?;
    let clock = Clock::parse(words.next()?)?;
    // Three blanks; more belong to the name, which is padded behind.
    let text = words.rest.get(leading_blanks(words.rest).min(3)..)?;
    let (name, kind) = match text.trim_ascii_end().strip_suffix(b" <DIR>") {
        Some(name) => (name, Kind::Directory),
        None => (text, Kind::File),
    };
    let name = name.trim_ascii_end();
    (!name.is_empty()).then_some(Entry {
        size: (kind == Kind::File).then_some(Size::Octets(octets)),
        time: Some(context.time(date, Some(clock))?),
        ..Entry::new(line, name, kind, Dialect::VxWorks)
    })
}
