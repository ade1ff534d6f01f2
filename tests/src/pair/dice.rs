//! Numbers that look random and are the same for the same seed.

use std::time::Duration;

/// A generator of numbers (SplitMix64), or what somebody has written down for it.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
    /// Taken first, two bytes for each number.
    tape: Vec<u8>,
    at: usize,
}

impl Dice {
    /// The numbers that belong to this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Dice {
            state: seed,
            tape: Vec::new(),
            at: 0,
        }
    }

    /// The numbers on a tape, two bytes each, and behind its end those of seed 0: what a fuzzer can steer.
    #[must_use]
    pub fn tape(tape: &[u8]) -> Self {
        Dice {
            state: 0,
            tape: tape.to_vec(),
            at: 0,
        }
    }

    /// What is left of the tape.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.tape.get(self.at..).unwrap_or_default()
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        if let &[low, high, ..] = self.rest() {
            self.at += 2;
            return u64::from(u16::from_le_bytes([low, high]));
        }
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number() % sides).unwrap_or(0)
    }

    /// One of these.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }

    /// A time of at least and at most so many milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.number() % (to - from + 1))
    }
}
