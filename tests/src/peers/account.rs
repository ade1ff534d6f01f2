//! The user the servers let in.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Written by `install.sh`, one value a line.
const FILE: &str = "/var/lib/ftp-proto-peers/account";

/// A user of the system for servers that know only such; the others get a virtual user alike.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: String,
    /// The password's MD5-crypt hash.
    pub(super) hash: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    pub(super) fn read() -> io::Result<Self> {
        let text = fs::read_to_string(FILE).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "cannot read {FILE} ({error}): run tests/peers/install.sh as root, and the tests as root too"
                ),
            )
        })?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("{FILE} is incomplete")))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::to_owned);
        Some(Self {
            user: lines.next()?,
            password: lines.next()?,
            hash: lines.next()?,
            uid: lines.next()?.parse().ok()?,
            gid: lines.next()?.parse().ok()?,
        })
    }
}

/// A file only root reads.
pub(super) fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}
