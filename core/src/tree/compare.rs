//! Whether a file is to be copied over another one.

use super::found::Found;
use super::options::Overwrite;
use crate::listing::{Precision, Time, Zone};

/// Every moment that a written time may mean, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: i64,
    last: i64,
}

impl Span {
    fn of(time: &Time) -> Span {
        let stamp = time.utc().unwrap_or(time.stamp).to_unix_seconds();
        let width = match time.precision {
            Precision::Second => 0,
            Precision::Minute => 59,
            Precision::Day => 86_399,
        };
        // Local time is between 12 hours behind and 14 hours ahead.
        let (ahead, behind) = match time.zone {
            Zone::Unknown => (14 * 3600, 12 * 3600),
            Zone::Utc | Zone::Offset { .. } => (0, 0),
        };
        Span {
            first: stamp - ahead,
            last: stamp + width + behind,
        }
    }
}

/// Whether the source was changed after the target, as far as both are known: a listing's minute is not older than a second within it.
/// `None` where one of them does not say when it was changed.
pub(super) fn is_newer(source: &Found, target: &Found, slack: u32) -> Option<bool> {
    let source = Span::of(source.time.as_ref()?);
    let target = Span::of(target.time.as_ref()?);
    Some(source.first > target.last.saturating_add(i64::from(slack)))
}

/// Whether the source is to replace the target; both are files.
pub(super) fn replaces(source: &Found, target: &Found, overwrite: Overwrite, slack: u32) -> bool {
    let newer = || is_newer(source, target, slack);
    let sizes = source.size.zip(target.size);
    let differs = sizes.is_some_and(|(source, target)| source != target);
    match overwrite {
        Overwrite::Always => true,
        Overwrite::Never => false,
        Overwrite::Newer => newer() == Some(true),
        Overwrite::SizeDiffers => differs,
        Overwrite::Changed => match (sizes, newer()) {
            (Some(_), newer) => differs || newer == Some(true),
            // Nothing is known that could be compared.
            (None, newer) => newer != Some(false),
        },
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::tree::FoundKind;
    use crate::wire::date::Timestamp;

    fn found(size: Option<u64>, time: Option<(&str, Precision, Zone)>) -> Found {
        Found {
            size,
            time: time.map(|(stamp, precision, zone)| Time {
                stamp: Timestamp::parse(stamp.as_bytes()).unwrap(),
                precision,
                year_given: true,
                zone,
            }),
            ..Found::new(Vec::new(), FoundKind::File)
        }
    }

    #[test]
    fn a_time_is_as_long_as_its_precision() {
        let local = found(
            Some(1),
            Some(("20260714120030", Precision::Second, Zone::Utc)),
        );
        let east = Zone::Offset { minutes: 120 };
        let neither = (false, false);
        let (newer, older) = ((true, false), (false, true));
        for (stamp, precision, zone, expected) in [
            ("20260714120029", Precision::Second, Zone::Utc, older),
            ("20260714120030", Precision::Second, Zone::Utc, neither),
            ("20260714120031", Precision::Second, Zone::Utc, newer),
            ("20260714115900", Precision::Minute, Zone::Utc, older),
            ("20260714120000", Precision::Minute, Zone::Utc, neither),
            ("20260714120100", Precision::Minute, Zone::Utc, newer),
            ("20260713000000", Precision::Day, Zone::Utc, older),
            ("20260714000000", Precision::Day, Zone::Utc, neither),
            ("20260715000000", Precision::Day, Zone::Utc, newer),
            ("20260714135900", Precision::Minute, east, older),
            ("20260714140000", Precision::Minute, east, neither),
            ("20260714140100", Precision::Minute, east, newer),
            ("20260713235900", Precision::Minute, Zone::Unknown, older),
            ("20260714000000", Precision::Minute, Zone::Unknown, neither),
            ("20260715020000", Precision::Minute, Zone::Unknown, neither),
            ("20260715020100", Precision::Minute, Zone::Unknown, newer),
        ] {
            let source = found(Some(1), Some((stamp, precision, zone)));
            let (after, before) = (is_newer(&source, &local, 0), is_newer(&local, &source, 0));
            let (is_after, is_before) = expected;
            assert_eq!(
                (after, before),
                (Some(is_after), Some(is_before)),
                "{stamp} {zone:?}"
            );
        }
        let second = found(None, Some(("20260714120032", Precision::Second, Zone::Utc)));
        assert_eq!(is_newer(&second, &local, 2), Some(false));
        assert_eq!(is_newer(&second, &local, 1), Some(true));
        assert_eq!(is_newer(&found(None, None), &local, 0), None);
    }

    #[test]
    fn policies() {
        use Overwrite::{Always, Changed, Never, Newer, SizeDiffers};
        let old = Some(("20260101000000", Precision::Second, Zone::Utc));
        let new = Some(("20260102000000", Precision::Second, Zone::Utc));
        let all = [Always, Never, Newer, SizeDiffers, Changed];
        for (source, target, expected) in [
            (
                (Some(1), old),
                (Some(1), old),
                [true, false, false, false, false],
            ),
            (
                (Some(2), old),
                (Some(1), old),
                [true, false, false, true, true],
            ),
            (
                (Some(1), new),
                (Some(1), old),
                [true, false, true, false, true],
            ),
            (
                (Some(1), old),
                (Some(1), new),
                [true, false, false, false, false],
            ),
            (
                (Some(1), None),
                (Some(1), new),
                [true, false, false, false, false],
            ),
            (
                (None, old),
                (Some(1), new),
                [true, false, false, false, false],
            ),
            (
                (None, None),
                (Some(1), new),
                [true, false, false, false, true],
            ),
        ] {
            let source = found(source.0, source.1);
            let target = found(target.0, target.1);
            let decided = all.map(|policy| replaces(&source, &target, policy, 0));
            assert_eq!(decided, expected, "{source:?} {target:?}");
        }
    }
}
