//! How long is done without what did not help.

/// So many times in a row at most.
const MOST: u32 = 1024;

/// Does without something once after it did not help, then twice, four times and so on.
#[derive(Debug)]
pub(super) struct Backoff {
    left: u32,
    next: u32,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Backoff { left: 0, next: 1 }
    }

    /// Whether it is done without now.
    pub(super) fn is_on(&self) -> bool {
        self.left > 0
    }

    /// It did not help.
    pub(super) fn begin(&mut self) {
        self.left = self.next;
        self.next = self.next.saturating_mul(2).min(MOST);
    }

    /// It was done without once.
    pub(super) fn passed(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// It helped: the next time it does not counts as the first.
    pub(super) fn forget(&mut self) {
        self.next = 1;
    }
}
