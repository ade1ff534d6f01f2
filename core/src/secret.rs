//! The one type for passwords and accounts.

use alloc::vec::Vec;
use core::fmt;

/// Bytes that appear in PASS and ACCT and nowhere else: not in `Debug`, events, errors or traces. Overwritten when dropped.
///
/// ```
/// use ftp_proto::Secret;
/// let secret = Secret::new(b"hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(****)");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps a copy of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Secret(bytes.to_vec())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, for the one place that writes them to the wire.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        for byte in &mut self.0 {
            *byte = 0;
        }
        // Keeps the optimiser from dropping the loop above as dead stores.
        core::hint::black_box(&self.0);
    }
}
