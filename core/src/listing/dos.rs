//! DOS, and IIS in the style of DOS.
//!
//! ```text
//! 04-27-00  09:09PM       <DIR>          licensed
//! 04-14-00  03:47PM                  589 readme.htm
//! 2002-09-02  19:06                9,730 report.txt
//! 01-02-20  03:04AM       <SYMLINKD>     now [C:\release\7]
//! ```

use super::dates::{Clock, Context};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, find, grouped_number, leading_blanks};

/// How wide the column of `<DIR>` is, blanks behind it included.
const MARK_COLUMN: usize = 15;

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let date = words.next().filter(|word| word.len() >= 6)?;
    let date = context.numeric_date(date)?;
    let mut clock = Clock::parse(words.next()?)?;
    let mut word = words.next()?;
    // 09:09 PM
    if let Some(with_half) = clock.with_half(word) {
        clock = with_half;
        word = words.next()?;
    }
    let time = Some(context.time(date, Some(clock))?);
    if let Some(kind) = mark(word) {
        let blanks = leading_blanks(words.rest);
        let column = MARK_COLUMN.saturating_sub(word.len()).max(1);
        let name = words.rest.get(blanks.min(column)..)?;
        if blanks == 0 || name.is_empty() {
            return None;
        }
        let (name, target) = match kind {
            Kind::Link => split_target(name),
            _ => (name, None),
        };
        return Some(Entry {
            time,
            target,
            ..Entry::new(line, name, kind, Dialect::Dos)
        });
    }
    let size = grouped_number(word)?;
    Some(Entry {
        time,
        size: Some(Size::Octets(size)),
        ..Entry::new(line, words.name()?, Kind::File, Dialect::Dos)
    })
}

/// What stands in the place of the size of something that has none.
pub(super) fn mark(word: &[u8]) -> Option<Kind> {
    let inner = word.strip_prefix(b"<")?.strip_suffix(b">")?;
    if inner.eq_ignore_ascii_case(b"DIR") {
        return Some(Kind::Directory);
    }
    [&b"SYMLINKD"[..], b"SYMLINK", b"JUNCTION"]
        .iter()
        .any(|known| inner.eq_ignore_ascii_case(known))
        .then_some(Kind::Link)
}

/// `name [target]`
fn split_target(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let split = text.strip_suffix(b"]").and_then(|text| {
        let at = find(text, b" [")?;
        let (name, target) = text.split_at_checked(at)?;
        (!name.is_empty()).then_some((name, target.strip_prefix(b" [")))
    });
    split.unwrap_or((text, None))
}
