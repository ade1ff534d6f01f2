//! When a connection is to send at once what is written to it (`TCP_NODELAY`).

/// Counts the writes to a connection, for a driver that can set options of it.
///
/// No write waits for the acknowledgement of the one before it (RFC 896). What is written is all there is to be said for now; the end of a TLS
/// record kept back would stop the peer, and wake it once more, with every write of an upload. The first write waits for nothing in any case,
/// and a small file has no other: there the call is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes(u8);

impl Writes {
    /// Something is about to be written. True for the second time: from here on the connection is to send at once.
    #[must_use]
    pub fn is_second(&mut self) -> bool {
        let before = self.0;
        self.0 = before.saturating_add(1);
        before == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_set_before_the_second_write_and_never_again() {
        let mut writes = Writes::default();
        let seconds: std::vec::Vec<usize> = (1..=600).filter(|_| writes.is_second()).collect();
        assert_eq!(seconds, [2]);
    }
}
