//! Times and sizes as FTP writes them: the time value of RFC 3659 section 2.3, and the numbers in 213 and 150 replies.

use alloc::vec::Vec;
use core::fmt;

use crate::error::Malformed;

/// A time value (RFC 3659 section 2.3): UTC, to the second or finer.
///
/// Always a date of the Gregorian calendar in the years 0 to 9999. Second 60 exists, for leap seconds. The number of
/// fraction digits is kept, since a fraction says how precise the sender's clock is; two values that differ only there
/// are different values.
///
/// ```
/// use ftp_proto::wire::date::Timestamp;
///
/// let time = Timestamp::parse(b"19980615100045.014")?;
/// assert_eq!((time.year(), time.month(), time.day()), (1998, 6, 15));
/// assert_eq!(time.nanos(), Some(14_000_000));
/// assert_eq!(time.to_string(), "19980615100045.014");
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    /// How many digits of the fraction count, 0 to 9; 0 is no fraction at all.
    digits: u8,
}

impl Timestamp {
    /// A time without a fraction.
    ///
    /// # Errors
    /// [`Malformed::Time`] when there is no such date or time.
    pub const fn new(
        year: u16,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
    ) -> Result<Timestamp, Malformed> {
        let in_range = year <= 9999
            && month >= 1
            && month <= 12
            && day >= 1
            && day <= days_in_month(year, month)
            && hour <= 23
            && minute <= 59
            && second <= 60;
        if in_range {
            Ok(Timestamp {
                year,
                month,
                day,
                hour,
                minute,
                second,
                nanos: 0,
                digits: 0,
            })
        } else {
            Err(Malformed::Time)
        }
    }

    /// The same second with a fraction of `nanos` nanoseconds, of which the first `digits` decimal digits (1 to 9) count.
    ///
    /// # Errors
    /// [`Malformed::Time`] when `nanos` is a second or more, or `digits` is not 1 to 9.
    pub const fn with_fraction(self, nanos: u32, digits: u8) -> Result<Timestamp, Malformed> {
        if nanos > 999_999_999 || digits < 1 || digits > 9 {
            return Err(Malformed::Time);
        }
        let unit = 10_u32.pow(9 - digits as u32);
        Ok(Timestamp {
            nanos: nanos - nanos % unit,
            digits,
            ..self
        })
    }

    /// Reads `YYYYMMDDHHMMSS` with an optional fraction (RFC 3659 section 2.3). Fraction digits after the ninth are
    /// dropped.
    ///
    /// Some servers write the year as `19` and the years since 1900, so that 2000 becomes `19100`: such a 15-digit
    /// value is read as what was meant.
    ///
    /// # Errors
    /// [`Malformed::Time`] on anything else, and on dates that do not exist.
    pub fn parse(value: &[u8]) -> Result<Timestamp, Malformed> {
        let (whole, fraction) = match cut(value, b'.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (value, None),
        };
        let time = read_whole(whole).ok_or(Malformed::Time)??;
        match fraction {
            None => Ok(time),
            Some(fraction) => {
                let (nanos, digits) = read_fraction(fraction).ok_or(Malformed::Time)?;
                time.with_fraction(nanos, digits)
            }
        }
    }

    /// Appends the time value, with as many fraction digits as it has.
    pub fn encode(&self, out: &mut Vec<u8>) {
        push_display(out, self);
    }

    /// The time that is `seconds` after 1970-01-01 00:00:00 UTC, in days of 86,400 seconds; `None` outside the years
    /// 0 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Timestamp> {
        let day = seconds.div_euclid(DAY);
        let rest = seconds.rem_euclid(DAY);
        let (year, month, day) = civil_from_days(day)?;
        let part = |value: i64| u8::try_from(value).ok();
        Timestamp::new(
            year,
            month,
            day,
            part(rest / 3600)?,
            part(rest / 60 % 60)?,
            part(rest % 60)?,
        )
        .ok()
    }

    /// Seconds since 1970-01-01 00:00:00 UTC, in days of 86,400 seconds; the fraction is dropped. A leap second is the
    /// same number as the second after it.
    pub fn to_unix_seconds(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day) * DAY
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// The year, 0 to 9999.
    pub fn year(&self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(&self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    pub fn day(&self) -> u8 {
        self.day
    }

    /// The hour, 0 to 23.
    pub fn hour(&self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub fn minute(&self) -> u8 {
        self.minute
    }

    /// The second, 0 to 60.
    pub fn second(&self) -> u8 {
        self.second
    }

    /// The fraction in nanoseconds; `None` when the value has no fraction.
    pub fn nanos(&self) -> Option<u32> {
        (self.digits > 0).then_some(self.nanos)
    }

    /// How many digits the fraction has, 0 to 9.
    pub fn fraction_digits(&self) -> u8 {
        self.digits
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Timestamp {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanos,
            digits,
        } = *self;
        write!(
            f,
            "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"
        )?;
        if digits > 0 {
            let width = usize::from(digits);
            let value = nanos / 10_u32.pow(u32::from(9_u8.saturating_sub(digits)));
            write!(f, ".{value:0width$}")?;
        }
        Ok(())
    }
}

/// Reads the text of a 213 reply to MDTM (RFC 3659 section 3.1): a time value, which blanks may surround and text may
/// follow.
///
/// # Errors
/// [`Malformed::Time`] when the first word is no time value.
pub fn mdtm_reply(text: &[u8]) -> Result<Timestamp, Malformed> {
    let mut words = text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    Timestamp::parse(words.next().ok_or(Malformed::Time)?)
}

/// Reads the text of a 213 reply to SIZE (RFC 3659 section 4.1): a number of octets, which blanks may surround.
///
/// Some servers write words before the number. They are skipped if the number is the only one and ends the text.
///
/// # Errors
/// [`Malformed::Number`] when there is no number, more than one, a sign or a fraction, or more than 2^64 - 1 octets.
///
/// ```
/// use ftp_proto::wire::date::size_in_reply;
///
/// assert_eq!(size_in_reply(b"67108864"), Ok(67_108_864));
/// assert!(size_in_reply(b"-1").is_err());
/// ```
pub fn size_in_reply(text: &[u8]) -> Result<u64, Malformed> {
    let text = text.trim_ascii();
    let start = text
        .iter()
        .rposition(|byte| !byte.is_ascii_digit())
        .map_or(0, |last| last + 1);
    let (before, digits) = text.split_at_checked(start).ok_or(Malformed::Number)?;
    let part_of_the_number = matches!(before.last(), Some(b'-' | b'+' | b'.' | b','));
    if part_of_the_number || before.iter().any(u8::is_ascii_digit) {
        return Err(Malformed::Number);
    }
    decimal(digits).ok_or(Malformed::Number)
}

/// The exact size in octets that a 150 or 125 reply announces, if it does: `(1234 bytes)` at the end of a line, or a
/// line `1234 bytes to download`.
///
/// Rounded sizes (`97.7 kbytes to download`) are no sizes: the number is compared with what arrives. What servers
/// announce after REST differs: some the whole file, some what is left of it.
///
/// ```
/// use ftp_proto::wire::date::size_in_150;
///
/// let text = b"Opening BINARY mode data connection for a.bin (100000 bytes).";
/// assert_eq!(size_in_150(text), Some(100_000));
/// ```
pub fn size_in_150(text: &[u8]) -> Option<u64> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        bracketed_size(line).or_else(|| size_to_download(line))
    })
}

/// A decimal number without sign, checked: `None` when empty, when a byte is no digit, and above 2^64 - 1.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// What is before and after the first `at`.
pub(crate) fn cut(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    Some((parts.next()?, parts.next()?))
}

/// Appends a value's text.
pub(crate) fn push_display(out: &mut Vec<u8>, value: &impl fmt::Display) {
    struct Bytes<'o>(&'o mut Vec<u8>);
    impl fmt::Write for Bytes<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // A vector takes every byte, so this cannot fail.
    let _infallible = fmt::Write::write_fmt(&mut Bytes(out), format_args!("{value}"));
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The fourteen digits, or the fifteen of the year-2000 defect.
fn read_whole(digits: &[u8]) -> Option<Result<Timestamp, Malformed>> {
    let (year, rest) = match digits.len() {
        14 => {
            let (year, rest) = digits.split_at_checked(4)?;
            (decimal(year)?, rest)
        }
        15 => {
            let (since_1900, rest) = digits.strip_prefix(b"19")?.split_at_checked(3)?;
            (
                decimal(since_1900).filter(|years| (100..200).contains(years))? + 1900,
                rest,
            )
        }
        _ => return None,
    };
    let mut parts = [0_u8; 5];
    for (part, two) in parts.iter_mut().zip(rest.chunks(2)) {
        *part = u8::try_from(decimal(two)?).ok()?;
    }
    let [month, day, hour, minute, second] = parts;
    Some(Timestamp::new(
        u16::try_from(year).ok()?,
        month,
        day,
        hour,
        minute,
        second,
    ))
}

/// Nanoseconds and how many digits they came from, at most nine.
fn read_fraction(digits: &[u8]) -> Option<(u32, u8)> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut nanos = 0;
    let mut unit = 100_000_000_u32;
    let mut count = 0_u8;
    for digit in digits.iter().take(9) {
        nanos += u32::from(digit - b'0') * unit;
        unit /= 10;
        count += 1;
    }
    Some((nanos, count))
}

/// `... (1234 bytes)` with at most a full stop behind it. The last bracket counts: a file name may hold another one.
fn bracketed_size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b".").unwrap_or(line).trim_ascii_end();
    let inner = line.strip_suffix(b")")?;
    let open = inner.iter().rposition(|byte| *byte == b'(')?;
    let (_, inner) = inner.split_at_checked(open + 1)?;
    let (number, unit) = cut(inner.trim_ascii(), b' ')?;
    is_bytes(unit.trim_ascii()).then(|| decimal(number))?
}

/// `1234 bytes to download`.
fn size_to_download(line: &[u8]) -> Option<u64> {
    let (number, rest) = cut(line, b' ')?;
    let (unit, rest) = cut(rest, b' ')?;
    (is_bytes(unit) && rest.eq_ignore_ascii_case(b"to download")).then(|| decimal(number))?
}

fn is_bytes(unit: &[u8]) -> bool {
    [&b"bytes"[..], b"byte", b"octets"]
        .iter()
        .any(|name| unit.eq_ignore_ascii_case(name))
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years start in March here, so that the leap day is the last day of its year and every month's
/// offset is a fixed number.
fn days_from_civil(year: u16, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The opposite of [`days_from_civil`]; `None` outside the years 0 to 65535.
fn civil_from_days(days: i64) -> Option<(u16, u8, u8)> {
    let days = days.checked_add(719_468)?;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Some((
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn time(value: &str) -> Timestamp {
        Timestamp::parse(value.as_bytes()).unwrap()
    }

    /// Every text over an alphabet up to a length, shortest first.
    pub(in crate::wire) fn texts(alphabet: &[u8], longest: u32) -> impl Iterator<Item = Vec<u8>> {
        (0..=longest).flat_map(move |len| {
            (0..alphabet.len().pow(len)).map(move |mut number| {
                let mut text = Vec::new();
                for _ in 0..len {
                    text.push(alphabet[number % alphabet.len()]);
                    number /= alphabet.len();
                }
                text
            })
        })
    }

    #[test]
    fn reads_the_examples_of_rfc_3659() {
        assert_eq!(
            time("19990929003355"),
            Timestamp::new(1999, 9, 29, 0, 33, 55).unwrap()
        );
        assert_eq!(time("19990929003355.237").nanos(), Some(237_000_000));
        let with_fraction = time("19980615100045.014");
        assert_eq!(
            (
                with_fraction.hour(),
                with_fraction.minute(),
                with_fraction.second()
            ),
            (10, 0, 45)
        );
        assert_eq!(
            (with_fraction.nanos(), with_fraction.fraction_digits()),
            (Some(14_000_000), 3)
        );
        assert_eq!(time("19980615100045").nanos(), None);
    }

    #[test]
    fn refuses_what_is_no_time_value() {
        let bad = [
            "",
            "2020",
            "2020010203040",
            "202001020304055",
            "2020010203040x",
            " 20200102030405",
            "20200102030405 ",
            "+0200102030405",
            "20200102030405.",
            "20200102030405.1x",
            "20200102030405.-1",
            "20200102030405.1.2",
            "20200002030405",
            "20201302030405",
            "20200100030405",
            "20200132030405",
            "20200431030405",
            "20200102240405",
            "20200102036005",
            "20200102030461",
            "20190229000000",
            "21000229000000",
            "00000000000000",
            "19000229000000",
            "190990102030405",
            "181000102030405",
            "1910a0102030405",
            "20200102T030405",
            "-0200102030405",
            ".5",
        ];
        for value in bad {
            assert_eq!(
                Timestamp::parse(value.as_bytes()),
                Err(Malformed::Time),
                "{value}"
            );
        }
    }

    #[test]
    fn takes_leap_days_and_leap_seconds() {
        for good in ["20000229000000", "20240229235959", "20161231235960"] {
            assert_eq!(time(good).to_string(), good);
        }
        assert_eq!(
            time("20161231235960").to_unix_seconds(),
            time("20170101000000").to_unix_seconds()
        );
    }

    #[test]
    fn understands_the_year_2000_defect() {
        assert_eq!(time("191000102030405"), time("20000102030405"));
        assert_eq!(time("191261122211544.5"), time("20261122211544.5"));
        // The last year that can be written so.
        assert_eq!(time("191990102030405").year(), 2099);
        // Fourteen digits are a real year, even in the 1910s.
        assert_eq!(time("19100102030405").year(), 1910);
    }

    #[test]
    fn keeps_the_precision_it_was_given() {
        for value in [
            "20200102030405.0",
            "20200102030405.000",
            "20200102030405.120",
            "20200102030405.123456789",
        ] {
            assert_eq!(time(value).to_string(), value);
        }
        assert_eq!(
            time("20200102030405.1234567899").to_string(),
            "20200102030405.123456789"
        );
        let base = time("20200102030405");
        assert_eq!(
            base.with_fraction(987_654_321, 2).unwrap().to_string(),
            "20200102030405.98"
        );
        assert_eq!(
            base.with_fraction(999_999_999, 9).unwrap().nanos(),
            Some(999_999_999)
        );
        assert!(base.with_fraction(1_000_000_000, 3).is_err());
        assert!(base.with_fraction(0, 0).is_err());
        assert!(base.with_fraction(0, 10).is_err());
        assert!(Timestamp::new(10_000, 1, 1, 0, 0, 0).is_err());
    }

    #[test]
    fn orders_by_time() {
        let ordered = [
            "19991231235959",
            "20000101000000",
            "20000101000000.5",
            "20000101000001",
            "20000201000000",
        ];
        for pair in ordered.windows(2) {
            assert!(time(pair[0]) < time(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn counts_every_day_of_eight_centuries() {
        let mut day = -719_528; // 0000-01-01
        for year in 0..800_u16 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let months = [
                31,
                if leap { 29 } else { 28 },
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ];
            for (month, days) in (1..).zip(months) {
                for day_of_month in 1..=days {
                    let time = Timestamp::new(year, month, day_of_month, 23, 59, 59).unwrap();
                    assert_eq!(time.to_unix_seconds(), day * 86_400 + 86_399);
                    assert_eq!(
                        Timestamp::from_unix_seconds(time.to_unix_seconds()),
                        Some(time)
                    );
                    day += 1;
                }
                assert!(Timestamp::new(year, month, days + 1, 0, 0, 0).is_err());
            }
        }
    }

    #[test]
    fn converts_known_unix_times() {
        for (seconds, value) in [
            (0, "19700101000000"),
            (-1, "19691231235959"),
            (946_684_800, "20000101000000"),
            (1_577_934_245, "20200102030405"),
            (253_402_300_799, "99991231235959"),
            (-62_167_219_200, "00000101000000"),
        ] {
            assert_eq!(Timestamp::from_unix_seconds(seconds), Some(time(value)));
            assert_eq!(time(value).to_unix_seconds(), seconds);
        }
        for outside in [253_402_300_800, -62_167_219_201, i64::MAX, i64::MIN] {
            assert_eq!(Timestamp::from_unix_seconds(outside), None);
        }
    }

    #[test]
    fn reads_mdtm_replies() {
        assert_eq!(mdtm_reply(b"20200102030405"), Ok(time("20200102030405")));
        assert_eq!(
            mdtm_reply(b"  20200102030405.5 GMT\r"),
            Ok(time("20200102030405.5"))
        );
        for bad in [&b""[..], b"  ", b"Modify=20200102030405; readme.txt", b"18"] {
            assert_eq!(mdtm_reply(bad), Err(Malformed::Time));
        }
    }

    #[test]
    fn reads_size_replies() {
        for (text, size) in [
            ("18", 18),
            ("  12 ", 12),
            ("0", 0),
            ("00018", 18),
            ("rubbish 2", 2),
            ("size=67108864", 67_108_864),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(size_in_reply(text.as_bytes()), Ok(size), "{text}");
        }
        let bad = [
            "",
            " ",
            "x",
            "12 bytes",
            "-1",
            "+1",
            "size -1",
            "1.5",
            ".5",
            "1,000",
            "1 2",
            "file2 18",
            "0x10",
            "18446744073709551616",
            "99999999999999999999999999999999999999",
            "12\u{661}",
        ];
        for text in bad {
            assert_eq!(
                size_in_reply(text.as_bytes()),
                Err(Malformed::Number),
                "{text}"
            );
        }
    }

    #[test]
    fn size_replies_end_with_their_only_number() {
        for text in texts(b"19 -a", 7) {
            let line = core::str::from_utf8(&text).unwrap().trim();
            let numbers: Vec<&str> = line
                .split(|c: char| !c.is_ascii_digit())
                .filter(|run| !run.is_empty())
                .collect();
            let expected = match numbers[..] {
                [number] if line.ends_with(number) && !line.contains(&*["-", number].concat()) => {
                    number.parse().ok()
                }
                _ => None,
            };
            assert_eq!(size_in_reply(&text).ok(), expected, "{line:?}");
        }
    }

    #[test]
    fn finds_the_size_real_servers_announce() {
        for (text, size) in [
            (
                "Opening BINARY mode data connection for readme.txt (18 bytes).",
                Some(18),
            ),
            (
                "Opening ASCII mode data connection for 64m.bin (67108864 bytes)",
                Some(67_108_864),
            ),
            (
                "Opening ASCII mode data connection for '64m.bin' (67108864 bytes).",
                Some(67_108_864),
            ),
            (
                "Opening BINARY mode data connection for empty.bin (0 bytes).",
                Some(0),
            ),
            ("Opening data connection for a(1 bytes)(22 Bytes)", Some(22)),
            ("Accepted data connection\n18 bytes to download", Some(18)),
            ("Accepted data connection\n97.7 kbytes to download", None),
            ("Accepted data connection", None),
            ("File status okay. About to open data connection.", None),
            (
                "Opening BINARY mode data connection for a (5 bytes).txt",
                None,
            ),
            ("Opening (18446744073709551615 bytes)", Some(u64::MAX)),
            ("Opening (18446744073709551616 bytes)", None),
            ("Opening (-18 bytes)", None),
            ("Opening (1,234 bytes)", None),
            ("Opening (18 kbytes)", None),
            ("97 kbytes to download", None),
            ("97 bytes to upload", None),
            ("Opening ( 18  bytes ).", Some(18)),
            ("Opening (18 bytes )  ", Some(18)),
            ("  18 byte to download \r", Some(18)),
            ("Opening ()", None),
            ("bytes)", None),
            ("( bytes)", None),
            ("", None),
        ] {
            assert_eq!(size_in_150(text.as_bytes()), size, "{text}");
        }
    }

    #[test]
    fn decimal_is_what_the_standard_library_reads_without_signs() {
        for text in texts(b"019-", 6) {
            let text = core::str::from_utf8(&text).unwrap();
            let expected = if text.contains('-') {
                None
            } else {
                text.parse::<u64>().ok()
            };
            assert_eq!(decimal(text.as_bytes()), expected, "{text:?}");
        }
        for near in [u64::MAX - 1, u64::MAX] {
            assert_eq!(decimal(near.to_string().as_bytes()), Some(near));
        }
        for above in [
            "18446744073709551616",
            "18446744073709551620",
            "184467440737095516150",
        ] {
            assert_eq!(decimal(above.as_bytes()), None);
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for text in texts(b"1.(b \n", 6) {
            let _ = (
                Timestamp::parse(&text),
                mdtm_reply(&text),
                size_in_reply(&text),
                size_in_150(&text),
            );
        }
        for byte in 0..=u8::MAX {
            for len in 0..40 {
                let text = vec![byte; len];
                let _ = (
                    Timestamp::parse(&text),
                    mdtm_reply(&text),
                    size_in_reply(&text),
                    size_in_150(&text),
                );
            }
        }
    }
}
