//! What a server serves: files and directories, wherever they are kept.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::SystemTime;

use super::VirtualPath;

/// What a storage gives back: a future, boxed so that storages can be mixed behind `dyn`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// A tree of files and directories.
///
/// Paths are lists of names below the root, free of `.`, `..` and separators: there is nothing in them to be parsed again. Whether the
/// user may do what is asked for is decided before; a storage may refuse more.
///
/// ```
/// use ftp_proto_async::server::{Answer, Listing, Metadata, Sink, Source, Storage, StorageError, Upload, VirtualPath};
///
/// /// Everything is there, and everything is empty.
/// struct Void;
///
/// impl Storage for Void {
///     fn metadata<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, Metadata> {
///         let metadata = if path.is_root() { Metadata::directory() } else { Metadata::file(0) };
///         Box::pin(async move { Ok(metadata) })
///     }
///     fn list<'a>(&'a self, _: &'a VirtualPath) -> Answer<'a, Box<dyn Listing>> {
///         Box::pin(async { Err(StorageError::Denied) })
///     }
///     fn read<'a>(&'a self, _: &'a VirtualPath, _: u64) -> Answer<'a, Box<dyn Source>> {
///         Box::pin(async { Err(StorageError::Denied) })
///     }
/// }
/// ```
///
/// What writes is refused unless a storage says otherwise.
pub trait Storage: Send + Sync + 'static {
    /// What is at a path. Links are followed.
    fn metadata<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, Metadata>;

    /// The entries of a directory, by name.
    fn list<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, Box<dyn Listing>>;

    /// Opens a file for reading from `offset` bytes on (RETR, REST).
    fn read<'a>(&'a self, path: &'a VirtualPath, offset: u64) -> Answer<'a, Box<dyn Source>>;

    /// Opens a file for writing (STOR, APPE, STOU).
    fn write<'a>(&'a self, path: &'a VirtualPath, upload: Upload) -> Answer<'a, Box<dyn Sink>> {
        let _ = (path, upload);
        refused()
    }

    /// Removes a file (DELE).
    fn remove_file<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, ()> {
        let _ = path;
        refused()
    }

    /// Makes a directory (MKD).
    fn make_directory<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, ()> {
        let _ = path;
        refused()
    }

    /// Removes an empty directory (RMD).
    fn remove_directory<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, ()> {
        let _ = path;
        refused()
    }

    /// Gives a file or directory another name, in any directory (RNFR, RNTO).
    fn rename<'a>(&'a self, from: &'a VirtualPath, to: &'a VirtualPath) -> Answer<'a, ()> {
        let _ = (from, to);
        refused()
    }

    /// Sets the time of last modification (MFMT).
    fn set_modified<'a>(&'a self, path: &'a VirtualPath, time: SystemTime) -> Answer<'a, ()> {
        let _ = (path, time);
        refused()
    }
}

fn refused<'a, T>() -> Answer<'a, T> {
    Box::pin(async { Err(StorageError::Denied) })
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upload {
    /// The whole file anew (STOR).
    Replace,
    /// A name that is free (STOU).
    New,
    /// From this byte on; what is behind it goes (REST, STOR).
    From(u64),
    /// At the end; the file is made if there is none (APPE).
    Append,
}

/// A file that is read.
///
/// Buffers are handed over and come back, so that a read can be done by another thread without copying.
pub trait Source: Send {
    /// Fills the front of `buffer`, and gives it back with the number of bytes; 0 at the end of the file.
    fn read(&mut self, buffer: Vec<u8>) -> Answer<'_, (Vec<u8>, usize)>;
}

/// A file that is written. One that is dropped without [`commit`](Sink::commit) was cut short.
pub trait Sink: Send {
    /// Writes the first `count` bytes of `buffer`, all of them, and gives the buffer back.
    fn write(&mut self, buffer: Vec<u8>, count: usize) -> Answer<'_, Vec<u8>>;

    /// The upload is whole: it appears under its name, as far as the storage keeps names until then.
    fn commit(self: Box<Self>) -> Answer<'static, ()>;

    /// The upload was cut short: what has come is dropped or kept, as the storage's policy says.
    fn cut(self: Box<Self>) -> Answer<'static, ()>;
}

/// A directory that is listed.
pub trait Listing: Send {
    /// The next entries, as many as are convenient; none at the end.
    fn next(&mut self) -> Answer<'_, Vec<DirectoryEntry>>;
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name: not empty, without separators, as bytes.
    pub name: Vec<u8>,
    /// What it is.
    pub metadata: Metadata,
}

/// What is known of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// File, directory, or something else.
    pub kind: Kind,
    /// Size in bytes.
    pub size: u64,
    /// Time of last modification.
    pub modified: Option<SystemTime>,
    /// What Unix knows of it.
    pub unix: Option<Unix>,
}

impl Metadata {
    /// A file of this size.
    #[must_use]
    pub const fn file(size: u64) -> Self {
        Metadata {
            kind: Kind::File,
            size,
            modified: None,
            unix: None,
        }
    }

    /// A directory.
    #[must_use]
    pub const fn directory() -> Self {
        Metadata {
            kind: Kind::Directory,
            size: 0,
            modified: None,
            unix: None,
        }
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file that can be read.
    File,
    /// A directory.
    Directory,
    /// Anything else: a device, a socket, a link that leads nowhere.
    Other,
}

/// What Unix knows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unix {
    /// Permission bits.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
    /// Number of hard links.
    pub links: u64,
    /// Device and inode: equal for all names of one file.
    pub id: (u64, u64),
}

/// Why a storage cannot do what it was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum StorageError {
    /// There is nothing of this name.
    NotFound,
    /// There is something of this name already.
    Exists,
    /// It is not allowed.
    Denied,
    /// A file was asked for and this is a directory.
    IsDirectory,
    /// A directory was asked for, or has to be on the way, and this is none.
    NotDirectory,
    /// The directory is not empty.
    NotEmpty,
    /// The storage is full.
    NoSpace,
    /// The user has used up what is allowed, or the file would be too large.
    Quota,
    /// Somebody else is using it; it may work later.
    Busy,
    /// No file can have this name.
    BadName,
    /// The offset is behind the end of the file.
    BadOffset,
    /// Anything else. The text goes to the log, not to the client.
    Other(io::Error),
}

impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => StorageError::NotFound,
            io::ErrorKind::AlreadyExists => StorageError::Exists,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StorageError::Denied
            }
            io::ErrorKind::IsADirectory => StorageError::IsDirectory,
            io::ErrorKind::NotADirectory => StorageError::NotDirectory,
            io::ErrorKind::DirectoryNotEmpty => StorageError::NotEmpty,
            io::ErrorKind::StorageFull => StorageError::NoSpace,
            io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => StorageError::Quota,
            io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => StorageError::Busy,
            io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => StorageError::BadName,
            _ => StorageError::Other(error),
        }
    }
}

impl std::fmt::Display for StorageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StorageError::NotFound => "no such file or directory",
            StorageError::Exists => "already exists",
            StorageError::Denied => "not allowed",
            StorageError::IsDirectory => "is a directory",
            StorageError::NotDirectory => "not a directory",
            StorageError::NotEmpty => "directory not empty",
            StorageError::NoSpace => "no space left",
            StorageError::Quota => "quota exceeded",
            StorageError::Busy => "in use",
            StorageError::BadName => "name not allowed",
            StorageError::BadOffset => "offset behind the end of the file",
            StorageError::Other(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for StorageError {}
