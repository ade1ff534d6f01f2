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

    /// When that is.
    pub(crate) fn at(&self, deadline: Instant) -> SystemInstant {
        self.epoch + Duration::from_millis(deadline.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_time_of_a_deadline_it_has_passed() {
        let clock = Clock::new();
        let deadline = clock.now() + Duration::from_millis(3);
        std::thread::sleep(
            clock
                .at(deadline)
                .saturating_duration_since(SystemInstant::now()),
        );
        assert!(clock.now() >= deadline);
    }
}
