//! An FTP and FTPS server to embed.

mod accounts;
mod control;
mod daemon;
mod data;
mod desk;
mod files;
mod flow;
mod memory;
mod net;
mod pump;
mod storage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use ftp_proto::server::{Entry, Kind, Refused, Rights, VirtualPath, WriteMode};

pub use self::accounts::{Account, Authenticator, Login, Passwords, Plain, Users, Verdict};
pub use self::daemon::{Builder, Handle, Server};
pub use self::files::{Cut, FileStorage, Sync};
pub use self::memory::MemoryStorage;
pub use self::storage::{Entries, Promise, Sink, Source, Storage, Write, refused, timestamp};
