//! MLSD and MLST (RFC 3659 section 7).
//!
//! ```text
//! type=file;size=18;modify=20200102030405;UNIX.mode=0644; readme.txt
//! Type=OS.unix=slink:/foobar;Perm=;Unique=keVO1+4G4; foobar
//! ```

use super::entry::{Dialect, Entry, Kind, Size};
use super::time::{Precision, Time, Zone};
use crate::wire::date::{Timestamp, decimal};
use crate::wire::facts::{self, EntryKind};

/// A line that names facts beyond doubt.
pub(super) fn parse<'a>(line: &'a [u8]) -> Option<Entry<'a>> {
    // Cheaper than to look for facts in what has none.
    let equals = line.iter().position(|byte| matches!(byte, b'=' | b' '))?;
    if line.get(equals) != Some(&b'=') && !line.starts_with(b" ") {
        return None;
    }
    let found = facts::Entry::parse_mlst_line(line).ok()?;
    let facts = facts_only(line, &found)?;
    (facts.any_known && facts.ending != Ending::LoneFact).then(|| convert(line, &found))
}

/// A line of an answer to MLSD, which may have no facts at all, or none that is known.
pub(super) fn parse_mlsd(line: &[u8]) -> Option<Entry<'_>> {
    parse(line).or_else(|| {
        let found = facts::Entry::parse(line).ok()?;
        // Without facts there is one space, and more belong to the name.
        let fits = line.starts_with(b" ") || facts_only(line, &found)?.ending == Ending::Semicolon;
        fits.then(|| convert(line, &found))
    })
}

/// What stands before the name, when that is facts and nothing else.
struct FactsOnly {
    ending: Ending,
    any_known: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Semicolon,
    /// Some servers leave the last semicolon out.
    Missing,
    /// One fact without a semicolon, which may be something else.
    LoneFact,
}

fn facts_only(line: &[u8], found: &facts::Entry<'_>) -> Option<FactsOnly> {
    let text = line.get(..line.len().checked_sub(found.name().len() + 1)?)?;
    let text = text
        .strip_prefix(b"250-")
        .unwrap_or(text)
        .trim_ascii_start();
    let (mut count, mut length, mut any_known) = (0, 0, false);
    for fact in found.facts() {
        count += 1;
        length += fact.name.len() + 1 + fact.value.len();
        any_known = any_known || is_known(fact.name);
    }
    // Facts and separators make up the whole text.
    let separators = text.iter().filter(|byte| **byte == b';').count();
    (length + separators == text.len()).then_some(FactsOnly {
        ending: match count {
            _ if text.ends_with(b";") => Ending::Semicolon,
            1 => Ending::LoneFact,
            _ => Ending::Missing,
        },
        any_known,
    })
}

fn is_known(name: &[u8]) -> bool {
    const KNOWN: [&[u8]; 11] = [
        b"type",
        b"size",
        b"sizd",
        b"modify",
        b"create",
        b"perm",
        b"unique",
        b"lang",
        b"media-type",
        b"charset",
        b"unix.mode",
    ];
    KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known))
        || super::words::begins(name, b"unix.")
        || super::words::begins(name, b"win32.")
}

fn convert<'a>(line: &'a [u8], found: &facts::Entry<'a>) -> Entry<'a> {
    let mut entry = Entry::new(line, found.name(), Kind::Unknown, Dialect::Mlsx);
    let (mut owner_name, mut owner, mut uid) = (None, None, None);
    let (mut group_name, mut group, mut gid) = (None, None, None);
    let mut kind = None;
    // One walk over the facts: of a repeated one the first counts, and what does not parse is absent.
    let set = |slot: &mut Option<&'a [u8]>, value| {
        slot.get_or_insert(value);
    };
    let (mut size, mut modify, mut mode) = (None, None, None);
    for fact in found.facts() {
        let name = fact.name;
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let slot = match name.len() {
            4 if is(b"type") => &mut kind,
            4 if is(b"size") => &mut size,
            6 if is(b"modify") => &mut modify,
            9 if is(b"unix.mode") => &mut mode,
            14 if is(b"unix.ownername") => &mut owner_name,
            14 if is(b"unix.groupname") => &mut group_name,
            10 if is(b"unix.owner") => &mut owner,
            10 if is(b"unix.group") => &mut group,
            8 if is(b"unix.uid") => &mut uid,
            8 if is(b"unix.gid") => &mut gid,
            _ => continue,
        };
        set(slot, fact.value);
    }
    match EntryKind::parse(kind.unwrap_or_default()) {
        EntryKind::File => entry.kind = Kind::File,
        EntryKind::Dir => entry.kind = Kind::Directory,
        EntryKind::Cdir => entry.kind = Kind::Current,
        EntryKind::Pdir => entry.kind = Kind::Parent,
        EntryKind::Symlink { target } => {
            entry.kind = Kind::Link;
            entry.target = (!target.is_empty()).then_some(target);
        }
        EntryKind::Other(b"") => {}
        EntryKind::Other(other)
            if other.eq_ignore_ascii_case(b"symlink") || other.eq_ignore_ascii_case(b"link") =>
        {
            entry.kind = Kind::Link;
        }
        EntryKind::Other(_) => entry.kind = Kind::Other,
    }
    entry.size = size.and_then(decimal).map(Size::Octets);
    entry.time = modify
        .and_then(|value| Timestamp::parse(value).ok())
        .map(|stamp| Time {
            stamp,
            precision: Precision::Second,
            year_given: true,
            zone: Zone::Utc,
        });
    let octal =
        |text: &&[u8]| !text.is_empty() && text.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    entry.permissions = mode.filter(octal);
    entry.owner = owner_name.or(owner).or(uid);
    entry.group = group_name.or(group).or(gid);
    entry
}
