//! NetWare, and Hellsoft's server for it: trustee rights in the place of permissions.
//!
//! ```text
//! d [R----F--] supervisor            512       Jan 16 18:53    login
//! - [RWCEAFMS] rhesus             214059       Oct 20  1997    cx.exe
//! -[R----F--]  1 raj                 857 Jan 16 18:53 hello.txt
//! ```

use super::dates::{Context, ls_date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, is_number, leading_blanks};
use crate::wire::date::{cut, decimal};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let (kind, rest) = line.split_first()?;
    let kind = match kind {
        b'd' => Kind::Directory,
        b'-' => Kind::File,
        _ => return None,
    };
    let (dialect, rest) = match rest.strip_prefix(b" ") {
        Some(rest) => (Dialect::NetWare, rest),
        None => (Dialect::Hellsoft, rest),
    };
    let (rights, rest) = cut(rest.strip_prefix(b"[")?, b']')?;
    if rights.len() != 8 || !rights.iter().all(|byte| b"SRWCEMFA-".contains(byte)) {
        return None;
    }
    let mut words = Words::new(rest);
    let mut links = None;
    if dialect == Dialect::Hellsoft {
        links = Some(words.number()?);
    }
    // The owner may have blanks in its name: it ends before the size, and that before the date.
    let owner_start = rest.len() - words.rest.len() + leading_blanks(words.rest);
    let mut owner_end = owner_start;
    let (size, time, after) = loop {
        let word = words.next()?;
        let end = rest.len() - words.rest.len();
        if is_number(word) && owner_end > owner_start {
            let from_here = words.rest.get(leading_blanks(words.rest)..)?;
            if let Some((time, after)) = ls_date(from_here, context) {
                break (word, time, after);
            }
        }
        owner_end = end;
    };
    let name = Words { rest: after }.padded_name()?;
    Some(Entry {
        size: decimal(size)
            .filter(|_| kind == Kind::File)
            .map(Size::Octets),
        time,
        permissions: Some(rights),
        owner: rest.get(owner_start..owner_end),
        links,
        ..Entry::new(line, name, kind, dialect)
    })
}
