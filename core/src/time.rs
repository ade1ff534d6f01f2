//! Time as the core knows it: a number handed in by the driver. There is no clock here.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ops::Add;
use core::time::Duration;

/// A point in time in milliseconds since an epoch the driver chooses. Monotonic: the machines clamp a step backwards.
///
/// One more than the milliseconds, so that a deadline that may be missing takes no more room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The driver's epoch.
    pub const ZERO: Instant = Instant(NonZeroU64::MIN);

    /// The instant `millis` milliseconds after the epoch, or the end of time, one millisecond before `u64::MAX`.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Instant(NonZeroU64::MIN.saturating_add(millis))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// Time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_millis(self.as_millis().saturating_sub(earlier.as_millis()))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.as_millis()).finish()
    }
}

impl Default for Instant {
    fn default() -> Self {
        Instant::ZERO
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the end of time; parts of a millisecond are dropped.
    fn add(self, rhs: Duration) -> Instant {
        let millis = u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(millis))
    }
}

/// The first of several deadlines, any of which may be missing.
pub(crate) fn earliest(deadlines: &[Option<Instant>]) -> Option<Instant> {
    // One that is missing is after all others: no instant has that many milliseconds.
    let millis = |deadline: &Option<Instant>| deadline.map_or(u64::MAX, Instant::as_millis);
    let first = deadlines.iter().map(millis).min()?;
    (first < u64::MAX).then(|| Instant::from_millis(first))
}

/// What a machine can be waiting for. Each has its own deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The greeting (also after a 120).
    Greeting,
    /// The TLS handshake, or the end of TLS, on the control connection.
    Handshake,
    /// The next reply to an outstanding command.
    Reply,
    /// A data connection to be listened for, connected or accepted.
    DataOpen,
    /// The TLS handshake on the data connection.
    DataHandshake,
    /// Progress on a data connection that is moving payload.
    Stall,
    /// The end of the data connection after the final reply.
    Drain,
    /// The end of an abort, whatever the peer answers.
    Abort,
    /// A second reply that may or may not come, or a reply to a command that lost its meaning.
    Guard,
    /// Whether a multi-line reply has ended with a foreign code.
    Quiet,
    /// The next keep-alive during a transfer.
    Keepalive,
    /// The peer's close after QUIT or 421.
    Close,
}

/// What names a deadline in [`Timers`]: [`Timer`] for a client, [`crate::server::Timer`] for a server.
pub trait Deadline: Copy + 'static {
    /// Every name, in the order of [`Deadline::index`]; at most twelve.
    const ALL: &'static [Self];

    /// Its place, from 0.
    fn index(self) -> usize;
}

impl Deadline for Timer {
    const ALL: &'static [Timer] = &EVERY;

    fn index(self) -> usize {
        self as usize
    }
}

const SLOTS: usize = Timer::Close as usize + 1;

/// One optional deadline for each [`Timer`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timers<K = Timer> {
    at: [Option<Instant>; SLOTS],
    of: PhantomData<K>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Timers {
            at: [None; SLOTS],
            of: PhantomData,
        }
    }
}

impl<K: Deadline> Timers<K> {
    /// Sets the deadline of `timer`.
    pub fn arm(&mut self, timer: K, at: Instant) {
        if let Some(slot) = self.at.get_mut(timer.index()) {
            *slot = Some(at);
        }
    }

    /// Forgets the deadline of `timer`.
    pub fn cancel(&mut self, timer: K) {
        if let Some(slot) = self.at.get_mut(timer.index()) {
            *slot = None;
        }
    }

    /// Forgets every deadline.
    pub fn clear(&mut self) {
        self.at = [None; SLOTS];
    }

    /// The deadline of `timer`, if armed.
    #[must_use]
    pub fn at(&self, timer: K) -> Option<Instant> {
        self.at.get(timer.index()).copied().flatten()
    }

    /// Moves every deadline `by` towards the epoch.
    #[cfg(feature = "model")]
    pub(crate) fn rebase(&mut self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        for at in self.at.iter_mut().flatten() {
            *at = Instant::from_millis(at.as_millis().saturating_sub(by));
        }
    }

    /// The earliest deadline.
    #[must_use]
    pub fn earliest(&self) -> Option<Instant> {
        earliest(&self.at)
    }

    /// Takes one timer whose deadline is not after `now`, earliest first.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        let due = K::ALL
            .iter()
            .copied()
            .filter_map(|timer| self.at(timer).map(|at| (at, timer)))
            .filter(|(at, _)| *at <= now)
            .min_by_key(|(at, _)| *at)
            .map(|(_, timer)| timer)?;
        self.cancel(due);
        Some(due)
    }
}

const EVERY: [Timer; SLOTS] = [
    Timer::Greeting,
    Timer::Handshake,
    Timer::Reply,
    Timer::DataOpen,
    Timer::DataHandshake,
    Timer::Stall,
    Timer::Drain,
    Timer::Abort,
    Timer::Guard,
    Timer::Quiet,
    Timer::Keepalive,
    Timer::Close,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate_instead_of_wrapping() {
        assert_eq!(
            Instant::from_millis(u64::MAX) + Duration::from_secs(1),
            Instant::from_millis(u64::MAX)
        );
        assert_eq!(
            Instant::ZERO + Duration::MAX,
            Instant::from_millis(u64::MAX)
        );
        assert_eq!(Instant::ZERO.since(Instant::from_millis(5)), Duration::ZERO);
        assert_eq!(Instant::from_millis(u64::MAX - 1).as_millis(), u64::MAX - 1);
        assert_eq!(Instant::from_millis(u64::MAX).as_millis(), u64::MAX - 1);
        assert_eq!(Instant::default().as_millis(), 0);
        assert_eq!(
            alloc::format!("{:?}", Instant::from_millis(7)),
            "Instant(7)"
        );
    }

    #[test]
    fn the_table_of_timers_is_in_enum_order() {
        for (index, timer) in EVERY.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }

    #[test]
    fn the_earliest_due_timer_is_taken_once() {
        let mut timers: Timers = Timers::default();
        timers.arm(Timer::Reply, Instant::from_millis(20));
        timers.arm(Timer::Quiet, Instant::from_millis(10));
        assert_eq!(timers.earliest(), Some(Instant::from_millis(10)));
        assert_eq!(timers.expire(Instant::from_millis(9)), None);
        assert_eq!(timers.expire(Instant::from_millis(30)), Some(Timer::Quiet));
        assert_eq!(timers.expire(Instant::from_millis(30)), Some(Timer::Reply));
        assert_eq!(timers.expire(Instant::from_millis(30)), None);
    }

    #[test]
    fn the_first_of_several_deadlines_is_found_wherever_it_is() {
        let [no, soon, late] = [
            None,
            Some(Instant::ZERO),
            Some(Instant::from_millis(u64::MAX)),
        ];
        for (deadlines, first) in [
            (&[][..], no),
            (&[no, no], no),
            (&[no, late], late),
            (&[soon, no, late], soon),
            (&[late, soon], soon),
        ] {
            assert_eq!(earliest(deadlines), first, "{deadlines:?}");
        }
    }

    #[cfg(feature = "model")]
    #[test]
    fn every_deadline_is_moved_towards_the_epoch() {
        let mut timers: Timers = Timers::default();
        timers.arm(Timer::Reply, Instant::from_millis(20));
        timers.arm(Timer::Quiet, Instant::from_millis(10));
        timers.rebase(Duration::from_millis(15));
        assert_eq!(timers.at(Timer::Reply), Some(Instant::from_millis(5)));
        assert_eq!(timers.at(Timer::Quiet), Some(Instant::ZERO));
        assert_eq!(timers.at(Timer::Close), None);
    }
}
