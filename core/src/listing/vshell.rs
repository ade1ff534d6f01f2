//! VShell, in its older form: size, date, name. Directories end with a slash.
//!
//! ```text
//! 206876  Apr 04, 2000 21:06 channel.txt
//! 0  Dec 12, 2002 02:13 archive/
//! ```

use super::dates::{Context, ls_date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::time::Precision;
use super::words::{Words, leading_blanks};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let octets = words.number()?;
    let text = words.rest.get(leading_blanks(words.rest)..)?;
    let (month, _) = text.split_at_checked(3)?;
    super::months::english(month)?;
    let (time, after) = ls_date(text, context)?;
    // Year and time both: nothing else writes them behind a size at the beginning of a line.
    let time = time.filter(|time| time.year_given && time.precision != Precision::Day)?;
    let name = Words { rest: after }.name()?;
    let (name, kind) = match name.strip_suffix(b"/") {
        Some(b"") | None => (name, Kind::File),
        Some(name) => (name, Kind::Directory),
    };
    Some(Entry {
        size: (kind == Kind::File).then_some(Size::Octets(octets)),
        time: Some(time),
        ..Entry::new(line, name, kind, Dialect::VShell)
    })
}
