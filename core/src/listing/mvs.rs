//! z/OS: data sets, members of partitioned data sets, load modules, jobs.
//!
//! ```text
//! Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname
//! WYOSPT 3420   2003/05/21  1  200  FB      80  8053  PS  'PROD.MASTER'
//! XRFS95 3390   2017/08/0412313875  FB    1024 27648  PS  PROD.LARGE
//! Migrated                                                OLD.DATA
//!
//!  Name     VV.MM   Created       Changed      Size  Init   Mod   Id
//!  TEST1     01.01 2004/06/22 2004/06/22 16:32   128   128     0 BOBY12
//!
//!  Name      Size     TTR   Alias-of AC--------- Attributes--------- Amode Rmode
//!  EAGKCPT   000058   000009          00 FO             RN RU            31    ANY
//!
//! JOBNAME  JOBID    OWNER    STATUS CLASS
//! KC03M62  TSU02305 KC03M62  OUTPUT TSU      RC=0000 3 spool files
//! ```

use super::dates::{Clock, Context, full_year};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::{Words, begins, find, is_number};
use crate::wire::date::{cut, decimal};

/// A data set.
pub(super) fn data_set<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let name = quoted_or_last(line)?;
    let mut entry = Entry::new(line, unquoted(name), Kind::Unknown, Dialect::Mvs);
    let mut words = Words::new(line.get(..line.len() - name.len())?.trim_ascii_end());
    if !is_data_set_name(entry.name) {
        return None;
    }
    if let Some(kind) = without_columns(words.rest) {
        entry.kind = kind;
        return Some(entry);
    }
    words.next().filter(|word| is_national_word(word, 6))?;
    let unit = words.next()?;
    // No columns for tapes and VSAM.
    if (unit, words.rest.trim_ascii()) == (b"Tape", b"") || words.rest.trim_ascii() == b"VSAM" {
        entry.kind = Kind::File;
        return Some(entry);
    }
    if unit.len() != 4 || !unit.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    // Columns run together where they are full: a date of ten, extents of three, tracks of five.
    let referred = words.next()?;
    let (referred, extents) = referred.split_at_checked(10).unwrap_or((referred, b""));
    if referred != b"**NONE**" {
        entry.time = Some(context.time(year_first(referred)?, None)?);
    }
    let extents = if extents.is_empty() {
        words.next()?
    } else {
        extents
    };
    let (extents, used) = match extents.len() {
        ..=3 => (extents, words.next()?),
        length => extents.split_at_checked(length.checked_sub(5)?)?,
    };
    if !is_number(extents) {
        return None;
    }
    entry.size = match used {
        b"++++" | b"+++++" | b"????" => None,
        used => Some(Size::Tracks(decimal(used)?)),
    };
    let [record_format, record_length, block_size, organisation] =
        [words.next()?, words.next()?, words.next()?, words.next()?];
    let format_fits = record_format.len() <= 4
        && record_format
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || *byte == b'?');
    if !format_fits || !is_number(record_length) || !is_number(block_size) || !words.is_done() {
        return None;
    }
    entry.kind = match organisation {
        b"PO" | b"PO-E" | b"PATH" => Kind::Directory,
        b"PS" | b"PS-E" | b"PS-L" | b"PSU" | b"DA" | b"DAU" | b"IS" | b"VS" | b"VSAM" => Kind::File,
        b"GDG" | b"**" | b"NONE" | b"??" => Kind::Unknown,
        _ => return None,
    };
    Some(entry)
}

/// What stands in the place of all columns, and the kind of what it stands for.
fn without_columns(text: &[u8]) -> Option<Kind> {
    const TEXTS: [(&[u8], Kind); 10] = [
        (b"Migrated", Kind::Unknown),
        (b"Pseudo Directory", Kind::Directory),
        (b"Not Mounted", Kind::Unknown),
        (b"Error determining attributes", Kind::Unknown),
        (b"Not Direct Access Device", Kind::Unknown),
        (b"Not a DASD device", Kind::Unknown),
        (b"Archived", Kind::Unknown),
        (b"GDG", Kind::Other),
        (b"User catalog connector", Kind::Other),
        (b"VSAM", Kind::File),
    ];
    let text = text.trim_ascii();
    TEXTS
        .iter()
        .find(|(known, _)| {
            let before = text.len().checked_sub(known.len());
            let ends = super::words::ends(text, known);
            // A volume may stand before it: `ARCIVE Not Direct Access Device`.
            ends && before.is_some_and(|at| {
                at == 0
                    || text.get(..at).is_some_and(|volume| {
                        volume.ends_with(b" ") && is_national_word(volume.trim_ascii(), 6)
                    })
            })
        })
        .map(|(_, kind)| *kind)
}

/// A member of a partitioned data set, with or without statistics. Without them a line is a name and nothing else: then
/// lines before it must have been members.
pub(super) fn member<'a>(line: &'a [u8], context: &Context, settled: bool) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let name = words.next().filter(|word| is_member_name(word))?;
    let mut entry = Entry::new(line, name, Kind::File, Dialect::MvsMember);
    let Some(version) = words.next() else {
        return (settled && line.starts_with(b" ")).then_some(entry);
    };
    let (version, level) = cut(version, b'.')?;
    if version.len() != 2 || level.len() != 2 || !is_number(version) || !is_number(level) {
        return None;
    }
    year_first(words.next()?)?;
    let changed = year_first(words.next()?)?;
    let clock = Clock::parse(words.next()?)?;
    entry.time = Some(context.time(changed, Some(clock))?);
    // Records now, at first, and changed ones.
    let [size, _, _] = [words.number()?, words.number()?, words.number()?];
    entry.size = Some(Size::Records(size));
    entry.owner = words.next();
    words.is_done().then_some(entry)
}

/// A load module.
pub(super) fn load_module<'a>(line: &'a [u8]) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let name = words.next().filter(|word| is_member_name(word))?;
    let size = words.next().filter(|word| word.len() == 6)?;
    let size = size.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        (!byte.is_ascii_lowercase()).then_some(value * 16 + u64::from(digit))
    })?;
    let hex = |word: &&[u8]| word.len() == 6 && word.iter().all(u8::is_ascii_hexdigit);
    words.next().filter(hex)?;
    let mut entry = Entry {
        size: Some(Size::Octets(size)),
        ..Entry::new(line, name, Kind::File, Dialect::MvsLoadModule)
    };
    let mut word = words.next()?;
    if word.len() != 2 || !is_number(word) {
        // An alias names what it stands for.
        entry.kind = Kind::Link;
        entry.target = Some(word).filter(|word| is_member_name(word));
        entry.target?;
        word = words.next()?;
    }
    if word.len() != 2 || !is_number(word) {
        return None;
    }
    let [amode, rmode] = last_two(words)?;
    let is_mode = |word: &[u8]| matches!(word, b"24" | b"31" | b"64" | b"ANY" | b"MIN");
    (is_mode(amode) && is_mode(rmode)).then_some(entry)
}

/// A job: its name for RETR and DELE is its identifier.
pub(super) fn job<'a>(line: &'a [u8]) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    words.next().filter(|word| is_member_name(word))?;
    let id = words.next().filter(|word| is_job_id(word))?;
    let mut entry = Entry::new(line, id, Kind::Other, Dialect::Jes);
    let third = words.next()?;
    if !is_job_status(third) {
        entry.owner = Some(third).filter(|word| is_national_word(word, 8));
        entry.owner?;
        words.next().filter(|word| is_job_status(word))?;
    }
    Some(entry)
}

/// Which listing a line of column titles begins.
pub(super) fn titles(line: &[u8]) -> Option<Dialect> {
    let text = line.trim_ascii();
    if begins(text, b"Volume Unit") && find(text, b"Dsname").is_some() {
        Some(Dialect::Mvs)
    } else if begins(text, b"JOBNAME ") && find(text, b"JOBID").is_some() {
        Some(Dialect::Jes)
    } else if !begins(text, b"Name ") {
        None
    } else if find(text, b"VV.MM").is_some() {
        Some(Dialect::MvsMember)
    } else if find(text, b"TTR").is_some() {
        Some(Dialect::MvsLoadModule)
    } else {
        None
    }
}

/// Spool files and steps, which a listing of jobs may tell.
pub(super) fn is_job_detail(line: &[u8]) -> bool {
    line.starts_with(b"        ")
}

fn is_job_id(word: &[u8]) -> bool {
    let letters = word
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    word.split_at_checked(letters)
        .is_some_and(|(kind, digits)| {
            matches!(kind, b"JOB" | b"J" | b"TSU" | b"T" | b"STC" | b"S")
                && (5..=8).contains(&digits.len())
                && is_number(digits)
        })
}

fn is_job_status(word: &[u8]) -> bool {
    matches!(word, b"INPUT" | b"OUTPUT" | b"ACTIVE" | b"HELD" | b"HOLD")
}

/// `2003/05/21`
fn year_first(word: &[u8]) -> Option<super::dates::Date> {
    let (year, rest) = cut(word, b'/')?;
    let (month, day) = cut(rest, b'/')?;
    super::dates::Date::new(
        Some(full_year(year).filter(|_| year.len() == 4)?),
        super::words::two_digits(month)?,
        super::words::two_digits(day)?,
    )
}

fn last_two(words: Words<'_>) -> Option<[&[u8]; 2]> {
    let mut last = None;
    let mut before = None;
    for word in words {
        before = last.replace(word);
    }
    Some([before?, last?])
}

/// The name at the end of a line. In quotes it may hold blanks.
fn quoted_or_last(line: &[u8]) -> Option<&[u8]> {
    let text = line.trim_ascii_end();
    let start = match text.strip_suffix(b"'") {
        Some(inner) => inner.iter().position(|byte| *byte == b'\'')?,
        None => text
            .iter()
            .rposition(super::words::is_blank)
            .map(|at| at + 1)?,
    };
    // What is behind the name is no part of the line.
    (text.len() == line.len())
        .then(|| line.get(start..))
        .flatten()
        .filter(|name| !name.is_empty())
}

fn unquoted(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"'")
        .and_then(|name| name.strip_suffix(b"'"))
        .unwrap_or(name)
}

fn is_data_set_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= 44
        && name
            .split(|byte| *byte == b'.')
            .all(|part| is_national_word(part, 8))
}

fn is_member_name(word: &[u8]) -> bool {
    is_national_word(word, 8) && !word.first().is_some_and(u8::is_ascii_digit)
}

/// Upper-case letters, digits and the national characters.
fn is_national_word(word: &[u8], longest: usize) -> bool {
    (1..=longest).contains(&word.len())
        && word.iter().all(|byte| {
            byte.is_ascii_uppercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'@' | b'#' | b'$' | b'-')
        })
}
