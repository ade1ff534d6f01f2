//! `ls -l` and its relatives.
//!
//! ```text
//! -rw-r--r--   1 root     other        531 Jan 29 03:26 README
//! lrwxrwxrwx+  1 root     other          7 Jan 25  2024 bin -> usr/bin
//! crw-rw-rw-.  1 0        0          1,   3 2024-02-29 12:34 null
//! drwxr-xr-x 17 staff 512 26. Juli, 20:10 no group
//! ```
//!
//! What stands between the permissions and the date varies, so the date is looked for: the first one behind a size.

use super::dates::{Context, ls_date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::time::Time;
use super::words::{Words, find, grouped_number, is_blank, is_number, leading_blanks};
use crate::wire::date::{cut, decimal};

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let (mode, rest) = line.split_at_checked(10)?;
    let (kind, letters) = mode.split_first()?;
    let kind = kind_of(*kind)?;
    if !letters.iter().all(is_permission) {
        return unreadable(line, kind, letters, rest);
    }
    // Marks of access control lists, security contexts, extended attributes.
    let rest = match rest {
        [b'+' | b'.' | b'@' | b'*', rest @ ..] => rest,
        _ => rest,
    };
    let first = rest.first()?;
    if !is_blank(first) && !first.is_ascii_digit() {
        return None;
    }
    read(line, kind, letters, rest, context)
}

/// Reads what stands behind the mode.
pub(super) fn read<'a>(
    line: &'a [u8],
    kind: Kind,
    letters: &'a [u8],
    rest: &'a [u8],
    context: &Context,
) -> Option<Entry<'a>> {
    let columns = Columns::find(rest, context, is_size)
        .or_else(|| Columns::find(rest, context, ends_with_digit))
        .or_else(|| Columns::without_date(rest))?;
    let (before, size) = columns.before_and_size(rest)?;
    let name = columns.after.strip_prefix(b" ")?;
    if name.is_empty() {
        return None;
    }
    let mut entry = Entry {
        permissions: Some(letters),
        time: columns.time,
        ..Entry::new(line, name, kind, Dialect::Unix)
    };
    if super::mac::claims(rest, before, size, &mut entry) {
        return Some(entry);
    }
    if matches!(line, [b'b' | b'c', ..]) {
        let (numbers, before) = device(rest, before, size);
        entry.device = numbers;
        entry.identify(rest, before);
    } else if is_size(size) {
        entry.size = grouped_number(size).map(Size::Octets);
        entry.identify(rest, before);
    }
    match kind {
        Kind::Link => entry.split_target(),
        // `ls -F`
        Kind::Directory if name.len() > 1 => {
            entry.name = name.strip_suffix(b"/").unwrap_or(name);
        }
        _ => {}
    }
    Some(entry)
}

pub(super) fn kind_of(letter: u8) -> Option<Kind> {
    Some(match letter {
        b'-' => Kind::File,
        b'd' => Kind::Directory,
        b'l' => Kind::Link,
        // Devices, sockets, pipes, doors, and what else has a letter of its own.
        b'b' | b'c' | b's' | b'p' | b'D' | b'C' | b'M' | b'n' | b'P' | b'w' | b'm' => Kind::Other,
        b'?' => Kind::Unknown,
        _ => return None,
    })
}

fn is_permission(letter: &u8) -> bool {
    matches!(
        letter,
        b'r' | b'w' | b'x' | b'-' | b's' | b'S' | b't' | b'T' | b'l' | b'L'
    )
}

/// `d????????? ? ? ? ? ? name`: the server may not look at it.
fn unreadable<'a>(line: &'a [u8], kind: Kind, letters: &[u8], rest: &'a [u8]) -> Option<Entry<'a>> {
    let mut words = Words::new(rest);
    let all_unknown = letters.iter().all(|letter| *letter == b'?')
        && words.by_ref().take(5).filter(|word| *word == b"?").count() == 5;
    let name = words.name().filter(|_| all_unknown)?;
    Some(Entry::new(line, name, kind, Dialect::Unix))
}

/// The longest row of words before a date that is looked at: owner and group of five words each.
const MOST: usize = 12;

/// Where words are.
type Spans<'s> = &'s [(usize, usize)];
type Device = Option<(u32, u32)>;

/// Where the columns before the date are, and what follows it.
pub(super) struct Columns<'a> {
    pub(super) spans: [(usize, usize); MOST],
    count: usize,
    time: Option<Time>,
    after: &'a [u8],
}

impl<'a> Columns<'a> {
    /// The first date behind a word that can be a size.
    fn find(rest: &'a [u8], context: &Context, is_size: fn(&[u8]) -> bool) -> Option<Columns<'a>> {
        let mut columns = Columns {
            spans: [(0, 0); MOST],
            count: 0,
            time: None,
            after: rest,
        };
        let mut words = Words::new(rest);
        let mut size_before = false;
        loop {
            let from_here = words.rest.get(leading_blanks(words.rest)..)?;
            if size_before && let Some((time, after)) = ls_date(from_here, context) {
                columns.time = time;
                columns.after = after;
                return Some(columns);
            }
            let word = words.next()?;
            let end = rest.len() - words.rest.len();
            *columns.spans.get_mut(columns.count)? = (end - word.len(), end);
            columns.count += 1;
            size_before = is_size(word);
        }
    }

    /// Some small servers write no date: links, owner, group and size as numbers, then the name.
    fn without_date(rest: &'a [u8]) -> Option<Columns<'a>> {
        let mut columns = Columns {
            spans: [(0, 0); MOST],
            count: 4,
            time: None,
            after: rest,
        };
        let mut words = Words::new(rest);
        for span in columns.spans.iter_mut().take(4) {
            let word = words.next().filter(|word| is_number(word))?;
            let end = rest.len() - words.rest.len();
            *span = (end - word.len(), end);
        }
        columns.after = words.rest;
        Some(columns)
    }

    /// The words before the size, and the size.
    fn before_and_size<'s>(&'s self, rest: &'a [u8]) -> Option<(Spans<'s>, &'a [u8])> {
        let (size, before) = self.spans.get(..self.count)?.split_last()?;
        Some((before, rest.get(size.0..size.1)?))
    }
}

/// A group and a size that run together.
fn ends_with_digit(word: &[u8]) -> bool {
    word.last().is_some_and(u8::is_ascii_digit)
}

/// A number, with separators or a unit (`ls -h`), or the two numbers of a device.
fn is_size(word: &[u8]) -> bool {
    if !word.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    is_number(word)
        || grouped_number(word).is_some()
        || rounded_size(word)
        || cut(word, b',').is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// `4.0K`: no size to compare anything with.
fn rounded_size(word: &[u8]) -> bool {
    let word = word.strip_suffix(b"B").unwrap_or(word);
    let word = word.strip_suffix(b"i").unwrap_or(word);
    match word {
        [digits @ .., b'K' | b'k' | b'M' | b'G' | b'T' | b'P'] => match cut(digits, b'.') {
            Some((whole, part)) => is_number(whole) && is_number(part),
            None => is_number(digits),
        },
        _ => false,
    }
}

/// `8, 1` or `8,1`: major and minor number, and the words before them. Some servers write a size instead.
fn device<'s>(rest: &[u8], before: Spans<'s>, last: &[u8]) -> (Device, Spans<'s>) {
    let number = |word: &[u8]| u32::try_from(decimal(word)?).ok();
    if let Some((major, minor)) = cut(last, b',') {
        return (number(major).zip(number(minor)), before);
    }
    let split = before.split_last().and_then(|(span, others)| {
        let major = rest.get(span.0..span.1)?.strip_suffix(b",")?;
        Some((number(major).zip(number(last)), others))
    });
    split.unwrap_or((None, before))
}

impl<'a> Entry<'a> {
    /// Reads links, owner and group from the words between permissions and size.
    pub(super) fn identify(&mut self, rest: &'a [u8], words: Spans<'_>) {
        let text = |span: &(usize, usize)| rest.get(span.0..span.1);
        let first_number = words.first().and_then(text).and_then(decimal);
        let words = match (first_number, words) {
            (Some(links), [_, others @ ..]) => {
                self.links = Some(links);
                others
            }
            _ => words,
        };
        match words {
            [] => {}
            [owner] => self.owner = text(owner),
            [owner, group] => {
                self.owner = text(owner);
                self.group = text(group);
            }
            [first, .., last] => {
                // Names with blanks in them: the columns are apart where the only wide gap is.
                let mut wide = words.windows(2).filter_map(|pair| match pair {
                    [(_, end), (start, _)] if start - end > 1 => Some((*end, *start)),
                    _ => None,
                });
                if let (Some((end, start)), None) = (wide.next(), wide.next()) {
                    self.owner = rest.get(first.0..end);
                    self.group = rest.get(start..last.1);
                }
            }
        }
    }

    /// Splits `name -> target`. Both may hold an arrow: the size of a link is the length of its target.
    pub(super) fn split_target(&mut self) {
        const ARROW: &[u8] = b" -> ";
        let text = self.name;
        let Some(first) = find(text, ARROW) else {
            return;
        };
        let by_size = self
            .octets()
            .and_then(|size| usize::try_from(size).ok())
            .and_then(|size| text.len().checked_sub(size)?.checked_sub(ARROW.len()))
            .filter(|at| text.get(*at..).is_some_and(|end| end.starts_with(ARROW)));
        let at = by_size.unwrap_or(first);
        if let (Some(name), Some(target)) = (text.get(..at), text.get(at + ARROW.len()..))
            && !name.is_empty()
        {
            self.name = name;
            self.target = Some(target);
        }
    }
}
