//! When what came is acknowledged although nothing of ours goes that the ACK could ride on.

use core::time::Duration;

use super::backoff::Backoff;
use crate::time::Instant;

/// How long a wait takes at most before what came is acknowledged.
const PATIENCE: Duration = Duration::from_millis(5);

/// Learns whether a peer says more only when what it said is acknowledged.
///
/// Most do not wait for that, and packets are dear where the peer is near. A wait that takes long may have to do with it, or with a
/// password that is looked up, or a long way. So from then on ACKs go at once, but not for good: after one wait, then after two, four and so on,
/// one does without, and if that is short there are none until the next long one.
#[derive(Debug)]
pub(super) struct Patience {
    /// Until when the peer is waited for, in the wait of the moment.
    until: Option<Instant>,
    /// While it is on an ACK goes at once.
    at_once: Backoff,
}

impl Patience {
    pub(super) const fn new() -> Self {
        Patience {
            until: None,
            at_once: Backoff::new(),
        }
    }

    /// The peer is waited for, and an ACK is owed: when it goes. `None`: now.
    pub(super) fn waits(&mut self, now: Instant) -> Option<Instant> {
        let until = *self.until.get_or_insert(now + PATIENCE);
        if self.at_once.is_on() {
            return None;
        }
        if now < until {
            return Some(until);
        }
        self.at_once.begin();
        None
    }

    /// Something has come, or goes.
    pub(super) fn news(&mut self) {
        if self.until.take().is_some() {
            self.at_once.passed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many waits begin without an ACK, where each takes so many milliseconds without one.
    fn without(waits: u32, millis: u64, patience: &mut Patience, now: &mut Instant) -> u32 {
        let mut without = 0;
        for _ in 0..waits {
            let until = patience.waits(*now);
            without += u32::from(until.is_some());
            *now = *now + Duration::from_millis(millis);
            if until.is_some_and(|until| until <= *now) {
                assert_eq!(patience.waits(*now), None);
            }
            patience.news();
        }
        without
    }

    #[test]
    fn a_quick_peer_gets_none() {
        let (mut patience, mut now) = (Patience::new(), Instant::ZERO);
        assert_eq!(without(1000, 1, &mut patience, &mut now), 1000);
    }

    #[test]
    fn one_long_wait_is_not_for_good() {
        let (mut patience, mut now) = (Patience::new(), Instant::ZERO);
        assert_eq!(without(1, 100, &mut patience, &mut now), 1);
        assert_eq!(without(1000, 1, &mut patience, &mut now), 1000);
    }

    #[test]
    fn a_peer_that_waits_for_them_gets_them_at_once() {
        let (mut patience, mut now) = (Patience::new(), Instant::ZERO);
        let without = without(2000, 40, &mut patience, &mut now);
        assert!(without <= 12, "{without}");
    }
}
