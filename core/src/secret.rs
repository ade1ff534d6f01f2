//! The one type for passwords and accounts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::wire::reply::Escaped;

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

    /// Masks what is this secret in `text`, as it is or escaped. Of fewer than six bytes it is not: they are words of every reply.
    pub(crate) fn mask_in(&self, text: &mut Vec<u8>) {
        if self.0.len() < 6 {
            return;
        }
        replace(text, &self.0);
        let mut escaped = String::new();
        // Writing to a string does not fail.
        let _ = write!(escaped, "{}", Escaped::new(&self.0));
        if escaped.as_bytes() != self.0 {
            replace(text, escaped.as_bytes());
        }
    }

    /// The bytes, for the one place that writes them to the wire.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

fn replace(text: &mut Vec<u8>, secret: &[u8]) {
    let mut from = 0;
    while let Some(at) = text
        .get(from..)
        .and_then(|rest| rest.windows(secret.len()).position(|part| part == secret))
    {
        let at = from + at;
        text.splice(at..at + secret.len(), *b"****");
        from = at + 4;
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
