//! OS/400: owner, size, date, time, type of object, name. Members have an owner and a name only.
//!
//! ```text
//! QSYS            77824 02/23/00 15:09:55 *DIR       QIBM/
//! PGMR            36864 04.12.16 14:19:37 *FILE      SAVED.SAVF
//! PGMR                                    *MEM       SAVED.FILE/SAVED.MBR
//! ```

use super::dates::{Clock, Context};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, ends};
use crate::wire::date::decimal;

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let owner = words.next().filter(|word| word.len() <= 10)?;
    let mut word = words.next()?;
    let mut size = None;
    let mut time = None;
    if let Some(octets) = decimal(word) {
        size = Some(Size::Octets(octets));
        word = words.next()?;
    }
    if !word.starts_with(b"*") {
        let date = context.numeric_date(word)?;
        let clock = Clock::parse(words.next()?)?;
        time = Some(context.time(date, Some(clock))?);
        word = words.next()?;
    }
    let object = word.strip_prefix(b"*")?;
    let is_type = (2..=8).contains(&object.len())
        && object
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    // The name begins in the next column; the one of a directory ends with a slash.
    let name = words.padded_name().filter(|_| is_type)?;
    let bare = name.strip_suffix(b"/").filter(|name| !name.is_empty());
    let kind = match object {
        b"DIR" | b"DDIR" | b"LIB" | b"FLR" => Kind::Directory,
        b"STMF" | b"DSTMF" | b"MEM" | b"DOC" => Kind::File,
        b"SYMLNK" => Kind::Link,
        b"FILE" if ends(name, b".SAVF") => Kind::File,
        // A file of the database has members, and is retrieved like one of them.
        b"FILE" => Kind::Unknown,
        _ if bare.is_some() => Kind::Directory,
        _ => Kind::Other,
    };
    Some(Entry {
        size,
        time,
        owner: Some(owner),
        ..Entry::new(line, bare.unwrap_or(name), kind, Dialect::Os400)
    })
}
