//! The clock: the one place where time comes from.

use std::time::{Duration, Instant as SystemInstant};

use ftp_proto::Instant;

/// Milliseconds since the session began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: SystemInstant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Clock {
            epoch: SystemInstant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        let passed = self.epoch.elapsed().as_millis();
        Instant::from_millis(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// How long from now to `deadline`. Not rounded down, so that it has passed afterwards.
    pub(crate) fn until(&self, deadline: Instant) -> Duration {
        Duration::from_millis(deadline.as_millis()).saturating_sub(self.epoch.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_time_until_a_deadline_it_has_passed() {
        let clock = Clock::new();
        let deadline = clock.now() + Duration::from_millis(3);
        std::thread::sleep(clock.until(deadline));
        assert!(clock.now() >= deadline);
        assert_eq!(clock.until(deadline), Duration::ZERO);
    }
}
