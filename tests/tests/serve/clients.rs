//! The clients, and how each is told what to do.

mod command;
mod library;
mod script;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(crate) use self::command::{CURL, WGET};
pub(crate) use self::library::{OURS, SUPPAFTP};
pub(crate) use self::script::{FTPLIB, KERMIT, LFTP, NCFTP, TNFTP};

/// One client.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// Why it cannot be used there at all.
    pub(crate) lacks: fn(&Place) -> Option<&'static str>,
    pub(crate) act: fn(&Place, &Act) -> Did,
}

/// Where a session goes, and how.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Tls,
    pub(crate) active: bool,
    pub(crate) reuse: bool,
    /// What the client trusts.
    pub(crate) authority: PathBuf,
    /// What the server serves.
    pub(crate) root: PathBuf,
    /// Where the client is.
    pub(crate) local: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    Explicit,
    Implicit,
}

impl Place {
    pub(crate) fn host(&self) -> String {
        match self.address {
            // The certificate is for the addresses too.
            SocketAddr::V4(_) => "127.0.0.1".to_owned(),
            SocketAddr::V6(_) => "[::1]".to_owned(),
        }
    }

    pub(crate) fn bare_host(&self) -> String {
        self.address.ip().to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// One thing to do; names are of files in the local directory and at the root of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    Upload(&'static str),
    /// Leave what is listed in the file `listing`.
    List,
    Download(&'static str),
    /// The local file holds a part already.
    ResumeDownload(&'static str),
    /// The server's file holds a part already.
    ResumeUpload(&'static str),
    Rename(&'static str, &'static str),
    Delete(&'static str),
    /// Begin to upload and end before it is done, in an orderly way if there is one.
    Abort(&'static str),
}

/// What came of it.
pub(crate) enum Did {
    Done,
    Cannot(&'static str),
    Failed(String),
}

impl From<Result<(), String>> for Did {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Did::Failed, |()| Did::Done)
    }
}

pub(crate) const ALL: [&Client; 9] = [
    &CURL, &LFTP, &FTPLIB, &KERMIT, &TNFTP, &NCFTP, &WGET, &SUPPAFTP, &OURS,
];

pub(crate) const NO_TLS: &str = "no TLS";
pub(crate) const NO_IPV6: &str = "no IPv6";

/// The file `listing` for clients that give the listing to us.
pub(crate) fn keep_listing(local: &Path, listing: &[u8]) -> Result<(), String> {
    fs::write(local.join("listing"), listing).map_err(|error| error.to_string())
}
