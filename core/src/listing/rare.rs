//! Relatives of `ls -l` that few servers write.
//!
//! ```text
//! 0100644   500  101   12345    123456789       filename
//! -C--E-----FTP B BCC3I1       7670  1294495 Jan 13 07:42 batch
//! ```

use super::dates::{Context, ls_date};
use super::entry::{Dialect, Entry, Kind, Size};
use super::time::{Precision, Time, Zone};
use super::words::{Words, is_number, leading_blanks};
use crate::wire::date::Timestamp;

/// The fields of `stat` as numbers: mode, user, group, size, seconds since 1970.
pub(super) fn numbers<'a>(line: &'a [u8]) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let mode = words.next()?;
    // The digits in front of the twelve bits of permissions.
    let kind = match mode.get(..mode.len().checked_sub(4)?)? {
        b"010" => Kind::File,
        b"04" | b"004" => Kind::Directory,
        b"012" => Kind::Link,
        b"001" | b"01" | b"002" | b"02" | b"006" | b"06" | b"014" => Kind::Other,
        _ => return None,
    };
    let octal = mode.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    let user = words.next().filter(|word| is_number(word))?;
    let group = words.next().filter(|word| is_number(word))?;
    let octets = words.number()?;
    let seconds = i64::try_from(words.number()?).ok()?;
    let stamp = Timestamp::from_unix_seconds(seconds)?;
    let name = words.padded_name().filter(|_| octal)?;
    let mut entry = Entry {
        size: Some(Size::Octets(octets)),
        time: Some(Time {
            stamp,
            precision: Precision::Second,
            year_given: true,
            zone: Zone::Utc,
        }),
        permissions: Some(mode),
        owner: Some(user),
        group: Some(group),
        ..Entry::new(line, name, kind, Dialect::UnixNumbers)
    };
    if kind == Kind::Link {
        entry.split_target();
    }
    Some(entry)
}

/// Sterling Connect:Enterprise: flags, protocol, data type, originator, batch number, size, date, name.
pub(super) fn connect_enterprise<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let (flags, rest) = line.split_at_checked(10)?;
    let is_flag = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'-';
    if !flags.starts_with(b"-") || !flags.iter().all(is_flag) {
        return None;
    }
    let mut words = Words::new(rest);
    words
        .next()
        .filter(|word| word.len() == 3 && word.iter().all(u8::is_ascii_uppercase))?;
    words
        .next()
        .filter(|word| word.len() == 1 && word.iter().all(u8::is_ascii_uppercase))?;
    let originator = words.next()?;
    let _batch = words.number()?;
    let octets = words.number()?;
    let (time, after) = ls_date(words.rest.get(leading_blanks(words.rest)..)?, context)?;
    let name = Words { rest: after }.name()?;
    Some(Entry {
        size: Some(Size::Octets(octets)),
        time,
        permissions: Some(flags),
        owner: Some(originator),
        ..Entry::new(line, name, Kind::File, Dialect::ConnectEnterprise)
    })
}
