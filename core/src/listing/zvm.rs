//! z/VM and CMS: name, type, record format, record length, records, blocks, date, time, owner.
//!
//! ```text
//! README   TEXT     V         71         26          1 1997-04-02 12:33:20 TCP291
//! LETTERS  DIR      -          -          -          - 1998-12-03 07:01:00 -
//! ```
//!
//! RETR takes the name and the type with a point between them: that is the name of a file here, and the only one that is not
//! in the line as it is.

use super::dates::{Clock, Context, Date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, is_number};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let start = super::words::leading_blanks(line);
    let mut words = Words::new(line);
    let name = words.next().filter(|word| is_cms_word(word))?;
    let second = words.next().filter(|word| is_cms_word(word))?;
    let both = line.get(start..line.len() - words.rest.len())?;
    let third = words.next()?;
    let (entry_name, kind, records) = if second == b"DIR" && third == b"-" {
        for _ in 0..3 {
            words.next().filter(|word| *word == b"-")?;
        }
        (name, Kind::Directory, None)
    } else {
        if !matches!(third, b"F" | b"V") {
            return None;
        }
        let _length = words.number()?;
        let records = words.number()?;
        let _blocks = words.number()?;
        (both, Kind::File, Some(records))
    };
    let date = words.next()?;
    let date: Date = context.numeric_date(date)?;
    let clock = Clock::parse(words.next()?)?;
    let owner = words.next()?;
    if !words.is_done() {
        return None;
    }
    Some(Entry {
        size: records.map(Size::Records),
        time: Some(context.time(date, Some(clock))?),
        owner: (owner != b"-").then_some(owner),
        ..Entry::new(line, entry_name, kind, Dialect::Zvm)
    })
}

/// Writes the name that RETR takes, for what the two words are.
pub(super) fn write_name(words: &[u8], name: &mut alloc::vec::Vec<u8>) {
    name.clear();
    for (at, word) in Words::new(words).enumerate() {
        if at > 0 {
            name.push(b'.');
        }
        name.extend_from_slice(word);
    }
}

/// A word of a file identifier.
fn is_cms_word(word: &[u8]) -> bool {
    (1..=8).contains(&word.len())
        && !is_number(word)
        && word.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'@' | b'#' | b'$' | b'+' | b'-' | b':' | b'_')
        })
}
