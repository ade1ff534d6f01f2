//! An FTP and FTPS server to embed.

mod accounts;
mod files;
mod memory;
mod path;
mod storage;
#[cfg(test)]
mod testing;

pub use self::accounts::{Account, Authenticator, Login, Passwords, Plain, Users, Verdict};
pub use self::files::{Cut, FileStorage, Sync};
pub use self::memory::MemoryStorage;
pub use self::path::VirtualPath;
pub use self::storage::{
    Answer, DirectoryEntry, Kind, Listing, Metadata, Sink, Source, Storage, StorageError, Unix,
    Upload,
};
