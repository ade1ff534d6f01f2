//! The clock: the one place where time comes from.

use std::time::Instant as SystemInstant;

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
}
