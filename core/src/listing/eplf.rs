//! Easily parsed list format: facts behind a plus sign, and the name behind a tab.
//!
//! ```text
//! +i8388621.48594,m825718503,r,s280,<tab>djb.html
//! +i8388621.50690,m824255907,/,<tab>514
//! ```

use super::entry::{Dialect, Entry, Kind, Size};
use super::time::{Precision, Time, Zone};
use crate::wire::date::{Timestamp, cut, decimal};

pub(super) fn parse<'a>(line: &'a [u8]) -> Option<Entry<'a>> {
    let (facts, name) = cut(line.strip_prefix(b"+")?, b'\t')?;
    // Each fact ends with a comma, the last one too.
    let facts = match facts {
        b"" => facts,
        _ => facts.strip_suffix(b",")?,
    };
    if name.is_empty() || facts.contains(&b' ') {
        return None;
    }
    let mut entry = Entry::new(line, name, Kind::Unknown, Dialect::Eplf);
    let (mut may_enter, mut may_retrieve) = (false, false);
    for fact in facts.split(|byte| *byte == b',') {
        match fact {
            b"/" => may_enter = true,
            b"r" => may_retrieve = true,
            [b's', size @ ..] => entry.size = decimal(size).map(Size::Octets),
            [b'm', seconds @ ..] => entry.time = decimal(seconds).and_then(time),
            [b'u', b'p', mode @ ..] if mode.iter().all(|byte| matches!(byte, b'0'..=b'7')) => {
                entry.permissions = (!mode.is_empty()).then_some(mode);
            }
            // Identifiers, and facts to come.
            _ => {}
        }
    }
    // What can be both entered and retrieved is left open.
    entry.kind = match (may_enter, may_retrieve) {
        (true, false) => Kind::Directory,
        (false, true) => Kind::File,
        _ => Kind::Unknown,
    };
    Some(entry)
}

fn time(seconds: u64) -> Option<Time> {
    Some(Time {
        stamp: Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?)?,
        precision: Precision::Second,
        year_given: true,
        zone: Zone::Utc,
    })
}
