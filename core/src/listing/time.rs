//! What a listing says about a time: how precisely, in which year, in which zone.

use crate::wire::date::Timestamp;

/// A time in a listing.
///
/// Most dialects write local time without saying which: [`Time::zone`] is then [`Zone::Unknown`], and
/// [`Zone::infer`] finds the zone from one MDTM.
///
/// ```
/// use ftp_proto::listing::{Precision, Time, Zone};
/// use ftp_proto::wire::date::Timestamp;
///
/// let listed = Time {
///     stamp: Timestamp::new(2026, 7, 14, 18, 30, 0)?,
///     precision: Precision::Minute,
///     year_given: false,
///     zone: Zone::Unknown,
/// };
/// assert_eq!(listed.utc(), None);
/// let zone = Zone::infer(&listed, Timestamp::parse(b"20260714163025")?).unwrap();
/// assert_eq!(zone, Zone::Offset { minutes: 120 });
/// let known = Time { zone, ..listed };
/// assert_eq!(known.utc(), Some(Timestamp::parse(b"20260714163000")?));
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// The time as written, in the zone it was written in. What the precision leaves out is zero.
    pub stamp: Timestamp,
    /// How much of it was written.
    pub precision: Precision,
    /// Whether the year was written, and not found from the present time.
    pub year_given: bool,
    /// The zone.
    pub zone: Zone,
}

impl Time {
    /// The time in UTC, if the zone is known.
    pub fn utc(&self) -> Option<Timestamp> {
        match self.zone {
            Zone::Unknown => None,
            Zone::Utc => Some(self.stamp),
            Zone::Offset { minutes } => {
                let seconds = self.stamp.to_unix_seconds() - i64::from(minutes) * 60;
                let moved = Timestamp::from_unix_seconds(seconds)?;
                match self.stamp.nanos() {
                    Some(nanos) => moved
                        .with_fraction(nanos, self.stamp.fraction_digits())
                        .ok(),
                    None => Some(moved),
                }
            }
        }
    }
}

/// How much of a time a listing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// The day only.
    Day,
    /// Hours and minutes.
    Minute,
    /// Seconds, or finer: see [`Timestamp::nanos`].
    Second,
}

/// The zone a time was written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Zone {
    /// The listing does not say.
    #[default]
    Unknown,
    /// UTC, by the standard of the format.
    Utc,
    /// Given, or inferred.
    Offset {
        /// Minutes east of UTC.
        minutes: i16,
    },
}

impl Zone {
    /// The zone of a listing, from one of its times and what MDTM says about the same file.
    ///
    /// `None` when the listed time has no minutes, or when the two are not apart by a whole number of quarters of an
    /// hour between 12 hours behind and 14 hours ahead: then they are not about the same change of the file.
    pub fn infer(listed: &Time, utc: Timestamp) -> Option<Zone> {
        let mut seconds = utc.to_unix_seconds();
        match listed.precision {
            Precision::Day => return None,
            Precision::Minute => seconds -= seconds.rem_euclid(60),
            Precision::Second => {}
        }
        let offset = |stamp: Timestamp| {
            let apart = stamp.to_unix_seconds() - seconds;
            let minutes = i16::try_from(apart / 60).ok()?;
            (apart % 900 == 0 && (-12 * 60..=14 * 60).contains(&minutes)).then_some(minutes)
        };
        let found = offset(listed.stamp).or_else(|| {
            // Around the new year an inferred year may be the wrong one.
            let other_year = |year| {
                let stamp = listed.stamp;
                let moved = Timestamp::new(
                    year,
                    stamp.month(),
                    stamp.day(),
                    stamp.hour(),
                    stamp.minute(),
                    stamp.second(),
                );
                offset(moved.ok()?)
            };
            let year = listed.stamp.year();
            (!listed.year_given)
                .then(|| {
                    other_year(year.saturating_add(1))
                        .or_else(|| other_year(year.saturating_sub(1)))
                })
                .flatten()
        });
        found.map(|minutes| match minutes {
            0 => Zone::Utc,
            minutes => Zone::Offset { minutes },
        })
    }
}

/// The order of the numbers in a date like `04/05/06`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateOrder {
    /// `04/25/06`
    MonthFirst,
    /// `25.04.06`
    DayFirst,
    /// `06-04-25`
    YearFirst,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(stamp: &str, precision: Precision, year_given: bool) -> Time {
        Time {
            stamp: Timestamp::parse(stamp.as_bytes()).unwrap(),
            precision,
            year_given,
            zone: Zone::Unknown,
        }
    }

    fn infer(listed: &Time, utc: &str) -> Option<i16> {
        match Zone::infer(listed, Timestamp::parse(utc.as_bytes()).unwrap())? {
            Zone::Unknown => unreachable!(),
            Zone::Utc => Some(0),
            Zone::Offset { minutes } => Some(minutes),
        }
    }

    #[test]
    fn a_zone_is_a_whole_number_of_quarters_of_an_hour() {
        let listed = time("20260714120000", Precision::Minute, true);
        assert_eq!(infer(&listed, "20260714120059"), Some(0));
        assert_eq!(infer(&listed, "20260714101500"), Some(105));
        assert_eq!(infer(&listed, "20260714220030"), Some(-600));
        assert_eq!(infer(&listed, "20260713220000"), Some(840));
        assert_eq!(infer(&listed, "20260715000000"), Some(-720));
        assert_eq!(infer(&listed, "20260713214500"), None);
        assert_eq!(infer(&listed, "20260714100700"), None);
        let exact = time("20260714120001", Precision::Second, true);
        assert_eq!(infer(&exact, "20260714110001"), Some(60));
        assert_eq!(infer(&exact, "20260714110000"), None);
        let day = time("20260714000000", Precision::Day, true);
        assert_eq!(infer(&day, "20260714000000"), None);
    }

    #[test]
    fn a_year_that_was_not_written_may_be_off_by_one() {
        let listed = time("20251231233000", Precision::Minute, false);
        assert_eq!(infer(&listed, "20261231223010"), Some(60));
        assert_eq!(infer(&listed, "20250101043000"), Some(-300));
        assert_eq!(infer(&listed, "20250701043000"), None);
        let listed = time("20270101003000", Precision::Minute, false);
        assert_eq!(infer(&listed, "20251231233000"), Some(60));
        let given = time("20270101003000", Precision::Minute, true);
        assert_eq!(infer(&given, "20251231233000"), None);
    }

    #[test]
    fn utc_keeps_the_fraction_and_crosses_days() {
        let listed = Time {
            zone: Zone::Offset { minutes: -90 },
            ..time("20241231234500.250", Precision::Second, true)
        };
        let utc = Timestamp::parse(b"20250101011500.250").unwrap();
        assert_eq!(listed.utc(), Some(utc));
        let first = Time {
            zone: Zone::Offset { minutes: 1 },
            ..time("00000101000000", Precision::Second, true)
        };
        assert_eq!(first.utc(), None);
    }
}
