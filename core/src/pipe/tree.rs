//! What a driver needs to carry out the plan for a tree, beside its sockets and files.

use std::io::{self, Write};

use super::error::Error;
use crate::error::Refusal;
use crate::tree::{Collector, LocalTrouble, Summary, Trouble};

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.feed(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Error {
    /// What it means for an order of a [`Planner`](crate::tree::Planner).
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        match self {
            Error::Failed(failed) => Trouble::of(&failed.failure),
            Error::Connect { .. } | Error::Refused(Refusal::Closed) => Trouble::SessionOver,
            Error::Refused(Refusal::Argument(_) | Refusal::UseTypedMethod) => Trouble::CannotBeSent,
            Error::Refused(_) | Error::Tls(_) => Trouble::NoSession,
            Error::Local(error) => Trouble::Local(local_trouble(error)),
            Error::Cancelled => Trouble::Cancelled,
        }
    }
}

/// What the local file system says, for an order of a [`Planner`](crate::tree::Planner).
#[must_use]
pub fn local_trouble(error: &io::Error) -> LocalTrouble {
    use io::ErrorKind as K;
    match error.kind() {
        K::NotFound => LocalTrouble::Missing,
        K::AlreadyExists => LocalTrouble::Exists,
        K::PermissionDenied | K::ReadOnlyFilesystem => LocalTrouble::Denied,
        K::StorageFull | K::QuotaExceeded => LocalTrouble::Full,
        K::NotADirectory | K::IsADirectory | K::InvalidData => LocalTrouble::Changed,
        _ => LocalTrouble::Other,
    }
}

/// What came of a tree.
#[derive(Debug)]
#[must_use = "it may say that not everything was done"]
pub struct TreeDone {
    /// What was done, and what was not.
    pub summary: Summary,
    /// Why the last session broke, or could not be had: of interest if the summary is not complete.
    pub last_error: Option<Error>,
}
