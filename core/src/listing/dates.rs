//! Dates and times of day in the shapes listings write them.

use super::months::{Month, month};
use super::time::{DateOrder, Precision, Time, Zone};
use super::words::{begins, is_number, two_digits};
use crate::wire::date::{Timestamp, cut, decimal};

/// What a line is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    /// The day after the present one: a date without a year is not after it.
    tomorrow: (u16, u8, u8),
    /// The zone of times that do not say theirs.
    pub(super) zone: Zone,
    /// The order of numbers in dates, where it is known.
    pub(super) order: Option<DateOrder>,
}

impl Context {
    pub(super) fn new(now: Timestamp, zone: Zone, order: Option<DateOrder>) -> Context {
        // A day of slack: the server may be ahead of us in its zone.
        let tomorrow = Timestamp::from_unix_seconds(now.to_unix_seconds() + 86_400).unwrap_or(now);
        Context {
            tomorrow: (tomorrow.year(), tomorrow.month(), tomorrow.day()),
            zone,
            order,
        }
    }

    /// The latest year in which the day exists and is not in the future.
    pub(super) fn year_of(&self, month: u8, day: u8) -> Option<u16> {
        let (year, last_month, last_day) = self.tomorrow;
        let latest = if (month, day) <= (last_month, last_day) {
            year
        } else {
            year.checked_sub(1)?
        };
        // Only for 29 February more than one has to be tried: eight are enough around a century.
        (0..=8)
            .filter_map(|back| latest.checked_sub(back))
            .find(|year| Timestamp::new(*year, month, day, 0, 0, 0).is_ok())
    }

    /// A time in the zone of the listing.
    pub(super) fn time(&self, date: Date, clock: Option<Clock>) -> Option<Time> {
        let (year, year_given) = match date.year {
            Some(year) => (year, true),
            None => (self.year_of(date.month, date.day)?, false),
        };
        let Clock {
            hour,
            minute,
            second,
            fraction,
        } = clock.unwrap_or_default();
        let stamp = Timestamp::new(
            year,
            date.month,
            date.day,
            hour,
            minute,
            second.unwrap_or(0),
        )
        .ok()?;
        Some(Time {
            stamp: match fraction {
                Some((nanos, digits)) => stamp.with_fraction(nanos, digits).ok()?,
                None => stamp,
            },
            precision: match clock {
                None => Precision::Day,
                Some(Clock { second: None, .. }) => Precision::Minute,
                Some(_) => Precision::Second,
            },
            year_given,
            zone: self.zone,
        })
    }

    /// Three numbers between equal separators: `04-27-00`, `27.04.2000`, `2000/04/27`.
    pub(super) fn numeric_date(&self, word: &[u8]) -> Option<Date> {
        let ([a, b, c], separator) = three_parts(word)?;
        if ![a, b, c].into_iter().all(is_number) {
            return None;
        }
        let first_usual = if separator == b'.' {
            DateOrder::DayFirst
        } else {
            DateOrder::MonthFirst
        };
        let wanted = match a.len() {
            4 => DateOrder::YearFirst,
            1 | 2 => self.order.unwrap_or(first_usual),
            _ => return None,
        };
        let read = |order| {
            let (year, month, day) = match order {
                DateOrder::MonthFirst => (c, a, b),
                DateOrder::DayFirst => (c, b, a),
                DateOrder::YearFirst => (a, b, c),
            };
            Date::new(Some(full_year(year)?), two_digits(month)?, two_digits(day)?)
        };
        // What cannot be read in the usual order was not written in it.
        read(wanted).or_else(|| {
            [
                DateOrder::MonthFirst,
                DateOrder::DayFirst,
                DateOrder::YearFirst,
            ]
            .into_iter()
            .find_map(read)
        })
    }
}

/// A day, perhaps without its year. It exists in some year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: Option<u16>,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Date {
    pub(super) fn new(year: Option<u16>, month: u8, day: u8) -> Option<Date> {
        // 2000 has every day a year can have.
        Timestamp::new(year.unwrap_or(2000), month, day, 0, 0, 0).ok()?;
        Some(Date { year, month, day })
    }

    /// `19-NOV-2001`, `Jan-01-1980`, `01/jun/99`: a month by name. Months languages disagree on are refused.
    pub(super) fn named(word: &[u8]) -> Option<Date> {
        let ([a, b, c], _) = three_parts(word)?;
        let (name, day) = if is_number(a) { (b, a) } else { (a, b) };
        let Month::Known(month) = month(name)? else {
            return None;
        };
        Date::new(Some(full_year(c)?), month, two_digits(day)?)
    }
}

/// What order a numeric date proves, if it does.
pub(super) fn order_of(word: &[u8]) -> Option<DateOrder> {
    let ([a, b, c], _) = three_parts(word)?;
    // 25-04-06 can have the day or the year first, 25-04-99 only the day.
    let last_is_year = matches!(c.len(), 3 | 4) || two_digits(c)? > 31;
    match (two_digits(a)?, two_digits(b)?) {
        (13..=31, 1..=12) if last_is_year => Some(DateOrder::DayFirst),
        (1..=12, 13..=31) => Some(DateOrder::MonthFirst),
        (32.., 1..=12) => Some(DateOrder::YearFirst),
        _ => None,
    }
}

/// A time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    hour: u8,
    minute: u8,
    second: Option<u8>,
    /// Nanoseconds, and how many digits they came from.
    fraction: Option<(u32, u8)>,
}

impl Clock {
    /// `9:05`, `21:05:30`, `21:05:30.25`, `09:05PM`, `9:05p`.
    pub(super) fn parse(word: &[u8]) -> Option<Clock> {
        let (word, half) = match word {
            [word @ .., half, b'm' | b'M'] | [word @ .., half]
                if matches!(half, b'a' | b'A' | b'p' | b'P') =>
            {
                (word, Some(half.to_ascii_lowercase()))
            }
            _ => (word, None),
        };
        let (hour, rest) = cut(word, b':')?;
        let (minute, second) = match cut(rest, b':') {
            Some((minute, second)) => (minute, Some(second)),
            None => (rest, None),
        };
        let hour = Clock::hour(two_digits(hour)?, half)?;
        let minute = exactly_two(minute).filter(|minute| *minute <= 59)?;
        let (second, fraction) = match second.map(|second| (second, cut(second, b'.'))) {
            None => (None, None),
            Some((second, None)) => (Some(exactly_two(second)?), None),
            Some((_, Some((second, fraction)))) => {
                (Some(exactly_two(second)?), Some(read_fraction(fraction)?))
            }
        };
        second.is_none_or(|second| second <= 60).then_some(Clock {
            hour,
            minute,
            second,
            fraction,
        })
    }

    /// `2105`
    pub(super) fn four_digits(word: &[u8]) -> Option<Clock> {
        let (hour, minute) = word.split_at_checked(2)?;
        Some(Clock {
            hour: exactly_two(hour).filter(|hour| *hour <= 23)?,
            minute: exactly_two(minute).filter(|minute| *minute <= 59)?,
            second: None,
            fraction: None,
        })
    }

    /// The same time with a separate `PM` behind it.
    pub(super) fn with_half(self, word: &[u8]) -> Option<Clock> {
        let half = match word {
            [half, b'm' | b'M'] | [half] => half.to_ascii_lowercase(),
            _ => return None,
        };
        if !matches!(half, b'a' | b'p') {
            return None;
        }
        Some(Clock {
            hour: Clock::hour(self.hour, Some(half))?,
            ..self
        })
    }

    fn has_seconds(&self) -> bool {
        self.second.is_some()
    }

    fn hour(hour: u8, half: Option<u8>) -> Option<u8> {
        match (hour, half) {
            (0..=23, None) => Some(hour),
            (12, Some(b'a')) => Some(0),
            // Some servers write the hours after noon as they are, and PM behind them.
            (1..=11, Some(b'a')) | (12..=23, Some(b'p')) => Some(hour),
            (0, Some(b'a')) => Some(0),
            (1..=11, Some(b'p')) => Some(hour + 12),
            _ => None,
        }
    }
}

/// The date and time of an `ls` line, at the beginning of `text`, and what follows it. The time is absent when the date
/// is one, but languages disagree on its month.
pub(super) fn ls_date<'a>(text: &'a [u8], context: &Context) -> Option<(Option<Time>, &'a [u8])> {
    let (first, rest) = split_word(text)?;
    if let Some(month) = super::months::english(first) {
        return after_month(Month::Known(month), rest, context);
    }
    if first.first()?.is_ascii_digit() {
        return number_first(first, rest, context);
    }
    let (second, after) = split_word(rest)?;
    if WEEKDAYS
        .iter()
        .any(|day| first.len() == 3 && begins(first, day))
        && let Some(month) = super::months::english(second)
    {
        return after_month(Month::Known(month), after, context);
    }
    // Names are looked up only where a day follows.
    if !second.first()?.is_ascii_digit() {
        return None;
    }
    after_month(month(first)?, rest, context)
}

const WEEKDAYS: [&[u8]; 7] = [b"sun", b"mon", b"tue", b"wed", b"thu", b"fri", b"sat"];

/// `Jan 25 00:17`, `Apr  8  1994`, `Oct 08, 2002 09:47`, `Jan 25 00:17:30 2024`.
fn after_month<'a>(
    month: Month,
    rest: &'a [u8],
    context: &Context,
) -> Option<(Option<Time>, &'a [u8])> {
    let (word, rest) = split_word(rest)?;
    let (word, comma) = match word.strip_suffix(b",") {
        Some(word) => (word, true),
        None => (word, false),
    };
    let day = day_word(word.strip_suffix(b".").unwrap_or(word))?;
    let (third, rest) = split_word(rest)?;
    if comma {
        let year = four_digit_year(third)?;
        let (clock, rest) = split_word(rest)?;
        let clock = Clock::parse(clock)?;
        return finish(month, day, Some(year), Some(clock), rest, context);
    }
    year_or_clock(month, day, third, rest, context)
}

/// The last part of a date, after day and month.
fn year_or_clock<'a>(
    month: Month,
    day: u8,
    word: &[u8],
    rest: &'a [u8],
    context: &Context,
) -> Option<(Option<Time>, &'a [u8])> {
    if let Some(year) = four_digit_year(word).or_else(|| year_with_sign(word)) {
        return finish(month, day, Some(year), None, rest, context);
    }
    let clock = Clock::parse(word)?;
    // BSD's `ls -lT`: the year behind the seconds, and a name behind the year.
    if clock.has_seconds()
        && let Some((word, after)) = split_word(rest)
        && let Some(year) = four_digit_year(word)
        && after.len() > 1
    {
        return finish(month, day, Some(year), Some(clock), after, context);
    }
    finish(month, day, None, Some(clock), rest, context)
}

fn finish<'a>(
    month: Month,
    day: u8,
    year: Option<u16>,
    clock: Option<Clock>,
    rest: &'a [u8],
    context: &Context,
) -> Option<(Option<Time>, &'a [u8])> {
    match month {
        Month::Known(month) => {
            let time = context.time(Date::new(year, month, day)?, clock)?;
            Some((Some(time), rest))
        }
        Month::Unclear => Some((None, rest)),
    }
}

/// Dates that begin with a digit.
fn number_first<'a>(
    first: &[u8],
    rest: &'a [u8],
    context: &Context,
) -> Option<(Option<Time>, &'a [u8])> {
    // Most often an owner or a group by its number.
    if first.len() > 2 && is_number(first) {
        return None;
    }
    if let Some(found) = signed_parts(first, rest, context) {
        return Some(found);
    }
    if let Some(date) = context
        .numeric_date(first)
        .filter(|_| first.len() >= 8)
        .or_else(|| Date::named(first))
    {
        return with_optional_clock(date, rest, context);
    }
    let (second, after) = split_word(rest)?;
    // `05-26 14:22`, `26-05 2003`.
    if let Some((a, b)) = cut(first, b'-').or_else(|| cut(first, b'/')) {
        let (a, b) = (exactly_two(a)?, exactly_two(b)?);
        let (month, day) = if a > 12 || context.order == Some(DateOrder::DayFirst) {
            (b, a)
        } else {
            (a, b)
        };
        return year_or_clock(Month::Known(month), day, second, after, context);
    }
    let number = day_word(first.strip_suffix(b".").unwrap_or(first))?;
    // `3 29 03:26`: both are numbers, month first. With a year in the place of the time, the three could be anything.
    if let Some(day) = day_word(second).filter(|_| first.len() <= 2) {
        let (clock, after) = split_word(after)?;
        let clock = Clock::parse(clock)?;
        return finish(Month::Known(number), day, None, Some(clock), after, context);
    }
    // `26 Jul 20:10`, `26. Juli, 20:10`, `2. Okt. 2003`.
    let month = month(second)?;
    let (third, after) = split_word(after)?;
    year_or_clock(month, number, third, after, context)
}

/// `2005-06-07`, `2005-06-07 21:22`, `2005-06-07 21:22:03.5 +0200`.
fn with_optional_clock<'a>(
    date: Date,
    rest: &'a [u8],
    context: &Context,
) -> Option<(Option<Time>, &'a [u8])> {
    let day_only = |rest: &'a [u8]| {
        // `ls --time-style=iso` fills the column of the time with one blank.
        let rest = match rest {
            [b' ', b' ', name, ..] if *name != b' ' => rest.get(1..)?,
            _ => rest,
        };
        Some((Some(context.time(date, None)?), rest))
    };
    let Some((word, after)) = split_word(rest) else {
        return day_only(rest);
    };
    let Some(clock) = Clock::parse(word) else {
        return day_only(rest);
    };
    let mut time = context.time(date, Some(clock))?;
    if clock.has_seconds()
        && let Some((word, behind)) = split_word(after)
        && let Some(minutes) = zone(word)
    {
        time.zone = match minutes {
            0 => Zone::Utc,
            minutes => Zone::Offset { minutes },
        };
        return Some((Some(time), behind));
    }
    Some((Some(time), after))
}

/// Chinese, Japanese and Korean dates: numbers with a sign behind each, in the order of the locale.
fn signed_parts<'a>(
    first: &[u8],
    rest: &'a [u8],
    context: &Context,
) -> Option<(Option<Time>, &'a [u8])> {
    if first.is_ascii() {
        return None;
    }
    let (mut year, mut month, mut day) = (None, None, None);
    let mut word = first;
    let mut rest = rest;
    loop {
        while !word.is_empty() {
            let (number, sign, after) = split_sign(word)?;
            match sign {
                Some(Sign::Year) if year.is_none() => year = Some(four_digit_year(number)?),
                Some(Sign::Month) if month.is_none() => month = two_digits(number),
                Some(Sign::Day) if day.is_none() => day = two_digits(number),
                // `8월 20 2003`
                None if month.is_some() && day.is_none() => day = Some(day_word(number)?),
                _ => return None,
            }
            word = after;
        }
        let (next, after) = split_word(rest)?;
        if let (Some(month), Some(day)) = (month, day) {
            if let Some(clock) = Clock::parse(next) {
                let time = context.time(Date::new(year, month, day)?, Some(clock))?;
                return Some((Some(time), after));
            }
            if year.is_some() {
                let time = context.time(Date::new(year, month, day)?, None)?;
                return Some((Some(time), rest));
            }
            if let Some(year) = four_digit_year(next) {
                let time = context.time(Date::new(Some(year), month, day)?, None)?;
                return Some((Some(time), after));
            }
        }
        word = next;
        rest = after;
    }
}

enum Sign {
    Year,
    Month,
    Day,
}

/// The signs in UTF-8, the Japanese, Chinese and Korean code pages. Where two agree in their bytes, they agree in their
/// meaning.
const SIGNS: [(&[u8], Sign); 21] = [
    (b"\xE5\xB9\xB4", Sign::Year),
    (b"\xE6\x9C\x88", Sign::Month),
    (b"\xE6\x97\xA5", Sign::Day),
    (b"\xEB\x85\x84", Sign::Year),
    (b"\xEC\x9B\x94", Sign::Month),
    (b"\xEC\x9D\xBC", Sign::Day),
    // Shift JIS
    (b"\x94N", Sign::Year),
    (b"\x8C\x8E", Sign::Month),
    (b"\x93\xFA", Sign::Day),
    // EUC-JP
    (b"\xC7\xAF", Sign::Year),
    (b"\xB7\xEE", Sign::Month),
    (b"\xC6\xFC", Sign::Day),
    // GBK
    (b"\xC4\xEA", Sign::Year),
    (b"\xD4\xC2", Sign::Month),
    (b"\xC8\xD5", Sign::Day),
    // Big5
    (b"\xA6~", Sign::Year),
    (b"\xA4\xEB", Sign::Month),
    (b"\xA4\xE9", Sign::Day),
    // EUC-KR
    (b"\xB3\xE2", Sign::Year),
    (b"\xBF\xF9", Sign::Month),
    (b"\xC0\xCF", Sign::Day),
];

/// A number, its sign if there is one, and what is behind both.
fn split_sign(word: &[u8]) -> Option<(&[u8], Option<&'static Sign>, &[u8])> {
    let digits = word
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(word.len());
    let (number, rest) = word.split_at_checked(digits)?;
    if number.is_empty() {
        return None;
    }
    if rest.is_empty() {
        return Some((number, None, rest));
    }
    let (bytes, sign) = SIGNS.iter().find(|(bytes, _)| rest.starts_with(bytes))?;
    Some((number, Some(sign), rest.strip_prefix(*bytes)?))
}

/// `2003` with a sign behind it, after a month that had none of its own.
fn year_with_sign(word: &[u8]) -> Option<u16> {
    match split_sign(word)? {
        (number, Some(Sign::Year), b"") => four_digit_year(number),
        _ => None,
    }
}

/// A day, which may have its sign behind it.
fn day_word(word: &[u8]) -> Option<u8> {
    let (number, None | Some(Sign::Day), b"") = split_sign(word)? else {
        return None;
    };
    two_digits(number).filter(|day| (1..=31).contains(day))
}

/// A year that a file can have: from where Windows begins to count to where nobody is now.
fn four_digit_year(word: &[u8]) -> Option<u16> {
    let number = decimal(word).filter(|_| word.len() == 4)?;
    u16::try_from(number)
        .ok()
        .filter(|year| (1600..3000).contains(year))
}

/// Four digits; two, from 1970 to 2069; or three, counted from 1900, by servers that did not expect 2000.
pub(super) fn full_year(digits: &[u8]) -> Option<u16> {
    let number = u16::try_from(decimal(digits)?).ok()?;
    match (digits.len(), number) {
        (4, _) => Some(number),
        (2, 70..) => Some(1900 + number),
        (2, _) => Some(2000 + number),
        (3, 100..=199) => Some(1900 + number),
        _ => None,
    }
}

/// `+0200`, `-0330`, in minutes.
fn zone(word: &[u8]) -> Option<i16> {
    let (sign, digits) = match word {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours = exactly_two(hours).filter(|hours| *hours <= 14)?;
    let minutes = exactly_two(minutes).filter(|minutes| *minutes <= 59)?;
    Some(sign * (i16::from(hours) * 60 + i16::from(minutes)))
}

fn exactly_two(word: &[u8]) -> Option<u8> {
    (word.len() == 2).then(|| two_digits(word)).flatten()
}

/// Nanoseconds and how many digits count, at most nine.
fn read_fraction(digits: &[u8]) -> Option<(u32, u8)> {
    if !is_number(digits) {
        return None;
    }
    let counted = digits.get(..9).unwrap_or(digits);
    let length = u8::try_from(counted.len()).ok()?;
    let value = u32::try_from(decimal(counted)?).ok()?;
    let unit = 10_u32.checked_pow(9 - u32::from(length))?;
    Some((value.checked_mul(unit)?, length))
}

/// Three parts between two equal separators out of `-`, `/` and `.`.
fn three_parts(word: &[u8]) -> Option<([&[u8]; 3], u8)> {
    let separator = *word
        .iter()
        .find(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    let (a, rest) = cut(word, separator)?;
    let (b, c) = cut(rest, separator)?;
    Some(([a, b, c], separator))
}

/// The first word of text, and what follows it.
fn split_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = super::words::Words::new(text);
    let word = words.next()?;
    Some((word, words.rest))
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::listing::tests::corpus::show_time;

    fn context() -> Context {
        let now = Timestamp::parse(b"20260714120000").unwrap();
        Context::new(now, Zone::Unknown, None)
    }

    /// The time and what is left, as text.
    fn shown(found: Option<(Option<Time>, &[u8])>) -> Option<(String, String)> {
        let (time, rest) = found?;
        let time = time.map_or_else(|| "?".to_string(), |time| show_time(&time));
        Some((time, rest.escape_ascii().to_string()))
    }

    #[test]
    fn dates_of_ls() {
        for (text, time, rest) in [
            (&b"Jan 25 00:17 x"[..], "~202601250017", " x"),
            (b"Dec 31 23:59 x", "~202512312359", " x"),
            (b"Jul 15 08:00 x", "~202607150800", " x"),
            (b"Jul 16 08:00 x", "~202507160800", " x"),
            (b"Feb 29 08:00 x", "~202402290800", " x"),
            (b"Apr  8  1994 etc", "19940408", " etc"),
            (b"Oct 08, 2002 09:47 x", "200210080947", " x"),
            (b"Jan  5 12:34:56 2020 n", "20200105123456", " n"),
            (b"Jan  5 12:34:56 2020", "~20260105123456", " 2020"),
            (b"Wed Jan 05 12:34:56 2020 n", "20200105123456", " n"),
            (b"26 Jul 20:10 n", "~202507262010", " n"),
            (b"26. Juli, 20:10 n", "~202507262010", " n"),
            (b"2.   Okt.  2003 n", "20031002", " n"),
            (b"3 29 03:26 n", "~202603290326", " n"),
            (b"2005-06-07 21:22 n", "200506072122", " n"),
            (
                b"2005-06-07 21:22:03.123456789 +0200 n",
                "20050607212203.123456789+120",
                " n",
            ),
            (b"2005-06-07 21:22:03 +0000 n", "20050607212203Z", " n"),
            (b"2005-06-07 n", "20050607", " n"),
            (b"2005-06-07  n", "20050607", " n"),
            (b"1999/10/12 17:12 n", "199910121712", " n"),
            (b"24-04-2003 17:12 n", "200304241712", " n"),
            (b"09-26 2000 n", "20000926", " n"),
            (b"26-09 2000 n", "20000926", " n"),
            (b"05-26 14:22 n", "~202605261422", " n"),
            (b"01-jun-99 n", "19990601", " n"),
            (b"f\xE9vr. 12 10:00 n", "~202602121000", " n"),
            (b"lip 12 10:00 n", "?", " n"),
            ("8월 20 2003 n".as_bytes(), "20030820", " n"),
            ("8月 20日 14:22 n".as_bytes(), "~202508201422", " n"),
            ("2001年 8月 20日 n".as_bytes(), "20010820", " n"),
            ("12月31日 1999 n".as_bytes(), "19991231", " n"),
            (b"4\x8c\x8e 18\x93\xfa 2003\x94N n", "20030418", " n"),
            (b"8\xd4\xc2 20 14:22 n", "~202508201422", " n"),
            ("Aug 20 2003年 n".as_bytes(), "20030820", " n"),
            (b"2005-06-07 21:22:03 -0330 n", "20050607212203-210", " n"),
            // Zones stand behind seconds, and so do years.
            (b"2005-06-07 21:22 +0200 n", "200506072122", " +0200 n"),
            (b"Jan  5 12:34 2020 n", "~202601051234", " 2020 n"),
            (b"Jan  5 12:34:56 2020 ", "~20260105123456", " 2020 "),
            (b"2005-06-07   n", "20050607", "   n"),
            (b"12-05 14:22 n", "~202512051422", " n"),
            (b"13-05 14:22 n", "~202605131422", " n"),
            (b"Sun Mar  1 10:00 n", "~202603011000", " n"),
        ] {
            let expected = Some((time.to_string(), rest.to_string()));
            assert_eq!(
                shown(ls_date(text, &context())),
                expected,
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn no_dates_of_ls() {
        for text in [
            "",
            "Jan",
            "Jan 25",
            "Jan 32 00:17 x",
            "Jan 0 00:17 x",
            "Feb 30 2020 x",
            "Feb 29 2023 x",
            "Jan 25 24:00 x",
            "Jan 25 00:60 x",
            "Jan 25 99 x",
            "Jan 25 20200 x",
            "root 512 x",
            "512 x y",
            "13 29 03:26 n",
            "3 29 2001 n",
            "2005-13-07 n",
            "2005-06-31 n",
            "1.5 2 x",
            "99:99",
            "26. Foo 20:10 n",
            "8월 x",
            // Each number has one sign, and each sign is there once.
            "2001年 2002年 8月 20日 n",
            "8月 9月 20日 14:22 n",
            "8月 20日 21日 14:22 n",
            "8月 20日 21 2003 n",
            "2001年 20 8月 n",
            "foo Jan 05 12:34 n",
            "Monday Jan 05 12:34 n",
        ] {
            assert_eq!(shown(ls_date(text.as_bytes(), &context())), None, "{text}");
        }
    }

    #[test]
    fn numeric_dates_in_each_order() {
        let read = |word: &str, order| {
            let context = Context { order, ..context() };
            let date = context.numeric_date(word.as_bytes())?;
            Some((date.year.unwrap(), date.month, date.day))
        };
        use DateOrder::{DayFirst, MonthFirst, YearFirst};
        for (word, order, expected) in [
            ("04-05-06", None, Some((2006, 4, 5))),
            ("04.05.06", None, Some((2006, 5, 4))),
            ("04/05/2006", Some(DayFirst), Some((2006, 5, 4))),
            ("04-05-06", Some(YearFirst), Some((2004, 5, 6))),
            ("2004-05-06", Some(DayFirst), Some((2004, 5, 6))),
            ("27-04-00", None, Some((2000, 4, 27))),
            ("27.04.00", Some(MonthFirst), Some((2000, 4, 27))),
            ("70-12-31", None, Some((1970, 12, 31))),
            ("12-31-69", None, Some((2069, 12, 31))),
            ("04-23-103", None, Some((2003, 4, 23))),
            ("31-31-31", None, None),
            ("00-00-00", None, None),
            ("1-2", None, None),
            ("1-2-3-4", None, None),
            ("04-05/06", None, None),
            ("04/05-06", None, None),
            ("-05-06", None, None),
            ("04--06", None, None),
            ("04-05-", None, None),
            ("02/30/2020", None, None),
        ] {
            assert_eq!(read(word, order), expected, "{word} {order:?}");
        }
        assert_eq!(order_of(b"25/04/2006"), Some(DayFirst));
        assert_eq!(order_of(b"04/25/06"), Some(MonthFirst));
        assert_eq!(order_of(b"99/04/05"), Some(YearFirst));
        assert_eq!(order_of(b"25-04-32"), Some(DayFirst));
        assert_eq!(order_of(b"25-04-106"), Some(DayFirst));
        // The 6th or the 31st may be the day too.
        assert_eq!((order_of(b"25-04-06"), order_of(b"25-04-31")), (None, None));
        assert_eq!((order_of(b"04/05/06"), order_of(b"x")), (None, None));
    }

    #[test]
    fn times_of_day() {
        let read = |word: &str| {
            let clock = Clock::parse(word.as_bytes())?;
            Some((clock.hour, clock.minute, clock.second))
        };
        for (word, expected) in [
            ("09:05PM", Some((21, 5, None))),
            ("12:00AM", Some((0, 0, None))),
            ("12:00PM", Some((12, 0, None))),
            ("9:05p", Some((21, 5, None))),
            ("18:48", Some((18, 48, None))),
            ("18:48PM", Some((18, 48, None))),
            ("23:59:60", Some((23, 59, Some(60)))),
            ("13:00AM", None),
            ("24:00", None),
            ("1:5", None),
            ("1:60", None),
            ("1:00:61", None),
            ("1:00:00.", None),
            ("100:00", None),
            (":00", None),
            ("PM", None),
        ] {
            assert_eq!(read(word), expected, "{word}");
        }
        let noon = Clock::parse(b"12:30").unwrap();
        assert_eq!(noon.with_half(b"AM").unwrap().hour, 0);
        assert_eq!((noon.with_half(b"XM"), noon.with_half(b"")), (None, None));
        assert_eq!(Clock::four_digits(b"1026").unwrap().hour, 10);
        assert_eq!(
            (Clock::four_digits(b"2460"), Clock::four_digits(b"10")),
            (None, None)
        );
    }

    #[test]
    fn hours_of_half_a_day_are_hours_of_a_day() {
        for (hour, half, wanted) in [
            (0, None, Some(0)),
            (23, None, Some(23)),
            (24, None, None),
            (12, Some(b'a'), Some(0)),
            (0, Some(b'a'), Some(0)),
            (1, Some(b'a'), Some(1)),
            (11, Some(b'a'), Some(11)),
            (13, Some(b'a'), None),
            (0, Some(b'p'), None),
            (1, Some(b'p'), Some(13)),
            (11, Some(b'p'), Some(23)),
            (12, Some(b'p'), Some(12)),
            (23, Some(b'p'), Some(23)),
        ] {
            assert_eq!(Clock::hour(hour, half), wanted, "{hour} {half:?}");
        }
    }
}
