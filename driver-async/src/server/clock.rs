//! The clock: the one place where a server's time comes from.

use std::time::{Instant as SystemInstant, SystemTime};

use ftp_proto::Instant;
use ftp_proto::wire::date::Timestamp;

use super::storage::timestamp;

/// Milliseconds since the server began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    epoch: SystemInstant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock {
            epoch: SystemInstant::now(),
        }
    }

    pub(super) fn now(self) -> Instant {
        let passed = self.epoch.elapsed().as_millis();
        Instant::from_millis(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// The moment a deadline stands for.
    pub(super) fn at(self, deadline: Instant) -> SystemInstant {
        let passed = std::time::Duration::from_millis(deadline.as_millis());
        // What cannot be told in this clock never comes.
        self.epoch.checked_add(passed).unwrap_or_else(|| {
            SystemInstant::now() + std::time::Duration::from_secs(365 * 24 * 60 * 60)
        })
    }

    /// The time of day, for listings.
    pub(super) fn date() -> Option<Timestamp> {
        timestamp(SystemTime::now())
    }
}
