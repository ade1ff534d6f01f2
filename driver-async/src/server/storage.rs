//! What a server serves: files and directories, wherever they are kept.

use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{SystemTime, UNIX_EPOCH};

use ftp_proto::server::{Entry, Refused, VirtualPath, WriteMode};
use ftp_proto::wire::date::Timestamp;

/// What a storage promises: a future, boxed so that storages can be mixed behind `dyn`.
pub type Promise<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refused>> + Send + 'a>>;

/// A tree of files and directories.
///
/// What the user may do is decided before a storage is asked; it may refuse more. What writes is refused unless a storage says otherwise.
///
/// ```
/// use ftp_proto_async::server::{Entries, Entry, Kind, Promise, Refused, Source, Storage, VirtualPath};
///
/// /// Everything is there, and everything is empty.
/// struct Void;
///
/// impl Storage for Void {
///     fn stat<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Entry> {
///         Box::pin(async move {
///             Ok(match path.name() {
///                 Some(name) => Entry::new(name, Kind::File).with_size(0),
///                 None => Entry::new(b"", Kind::Directory),
///             })
///         })
///     }
///     fn list<'a>(&'a self, _: &'a VirtualPath) -> Promise<'a, Box<dyn Entries>> {
///         Box::pin(async { Err(Refused::Denied) })
///     }
///     fn read<'a>(&'a self, _: &'a VirtualPath, _: u64) -> Promise<'a, Box<dyn Source>> {
///         Box::pin(async { Err(Refused::Denied) })
///     }
/// }
/// ```
pub trait Storage: Send + Sync + 'static {
    /// What is at a path. Links are followed. Of the root the name does not matter.
    fn stat<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Entry>;

    /// What is in a directory, by name. A file: [`Refused::NotDirectory`].
    fn list<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Box<dyn Entries>>;

    /// Opens a file for reading from `offset` bytes on.
    fn read<'a>(&'a self, path: &'a VirtualPath, offset: u64) -> Promise<'a, Box<dyn Source>>;

    /// Opens a file for writing.
    fn write<'a>(&'a self, path: &'a VirtualPath, how: Write) -> Promise<'a, Box<dyn Sink>> {
        let _ = (path, how);
        unsupported()
    }

    /// Removes a file.
    fn remove_file<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        let _ = path;
        unsupported()
    }

    /// Makes a directory.
    fn make_directory<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        let _ = path;
        unsupported()
    }

    /// Removes an empty directory.
    fn remove_directory<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        let _ = path;
        unsupported()
    }

    /// Gives a file or directory another name, in any directory. Only a file can be replaced, by a file, and only if `may_replace`.
    fn rename<'a>(
        &'a self,
        from: &'a VirtualPath,
        to: &'a VirtualPath,
        may_replace: bool,
    ) -> Promise<'a, ()> {
        let _ = (from, to, may_replace);
        unsupported()
    }

    /// Sets the time of last modification, and tells what was stored.
    fn set_modified<'a>(
        &'a self,
        path: &'a VirtualPath,
        time: Timestamp,
    ) -> Promise<'a, Timestamp> {
        let _ = (path, time);
        unsupported()
    }

    /// Sets the permission bits.
    fn set_mode<'a>(&'a self, path: &'a VirtualPath, mode: u32) -> Promise<'a, ()> {
        let _ = (path, mode);
        unsupported()
    }
}

fn unsupported<'a, T>() -> Promise<'a, T> {
    Box::pin(async { Err(Refused::Unsupported) })
}

/// How a file is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// From where on.
    pub mode: WriteMode,
    /// Whether a file may be made where none is.
    pub may_create: bool,
    /// Whether a file that is there may be changed or replaced.
    pub may_change: bool,
    /// The size the client announced, in bytes.
    pub announced: Option<u64>,
}

impl Write {
    /// In this mode, whatever is there.
    #[must_use]
    pub const fn new(mode: WriteMode) -> Self {
        Write {
            mode,
            may_create: true,
            may_change: true,
            announced: None,
        }
    }
}

/// A file that is read.
///
/// Buffers are handed over and come back, so that another thread can read into them without copying.
pub trait Source: Send {
    /// The size of the whole file, in bytes, if it is known.
    fn size(&self) -> Option<u64>;

    /// Fills the front of `buffer`, and gives it back with the number of bytes; 0 at the end of the file.
    fn read(&mut self, buffer: Vec<u8>) -> Promise<'_, (Vec<u8>, usize)>;

    /// Does what [`read`](Source::read) does, at once. `None`, and nothing is read, where it may have to wait; a storage need not know
    /// how to do this.
    fn read_now(&mut self, buffer: &mut [u8]) -> Option<Result<usize, Refused>> {
        let _ = buffer;
        None
    }

    /// The file that [`read`](Source::read) reads on, from where it stands, if it does nothing but that: then the system can send it to a
    /// client without a copy of it being made.
    fn file(&self) -> Option<&File> {
        None
    }
}

/// A file that is written. One that is dropped without [`commit`](Sink::commit) was cut short.
pub trait Sink: Send {
    /// The name the storage chose, for [`WriteMode::Unique`].
    fn name(&self) -> Option<&[u8]> {
        None
    }

    /// Writes the first `count` bytes of `buffer`, all of them, and gives the buffer back.
    fn write(&mut self, buffer: Vec<u8>, count: usize) -> Promise<'_, Vec<u8>>;

    /// Writes all of `bytes`, at once. `None`, and nothing is written, where it may have to wait; a storage need not know how to do this.
    fn write_now(&mut self, bytes: &[u8]) -> Option<Result<(), Refused>> {
        let _ = bytes;
        None
    }

    /// The upload is whole. If the storage keeps names back until then, it appears now.
    fn commit(self: Box<Self>) -> Promise<'static, ()>;

    /// The upload was cut short: whether what has come is kept is the storage's policy.
    fn cut(self: Box<Self>) -> Promise<'static, ()>;
}

/// A directory that is listed.
pub trait Entries: Send {
    /// The next entries, as many as are convenient; none at the end.
    fn next(&mut self) -> Promise<'_, Vec<Entry>>;
}

/// What an error of the operating system means to a client. Those that mean nothing to it go to the log.
#[must_use]
pub fn refused(error: &io::Error) -> Refused {
    use io::ErrorKind as E;
    match error.kind() {
        E::NotFound => Refused::NotFound,
        E::AlreadyExists => Refused::Exists,
        E::PermissionDenied | E::ReadOnlyFilesystem => Refused::Denied,
        E::IsADirectory => Refused::IsDirectory,
        E::NotADirectory => Refused::NotDirectory,
        E::DirectoryNotEmpty => Refused::NotEmpty,
        E::StorageFull => Refused::NoSpace,
        E::QuotaExceeded | E::FileTooLarge => Refused::Quota,
        E::ResourceBusy | E::ExecutableFileBusy => Refused::Busy,
        E::InvalidFilename | E::InvalidInput => Refused::BadName,
        E::Unsupported => Refused::Unsupported,
        _ => {
            tracing::warn!("storage: {error}");
            Refused::Io
        }
    }
}

/// A time of the operating system, to the second.
#[must_use]
pub fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).ok()?,
        Err(before) => -i64::try_from(before.duration().as_secs()).ok()?,
    };
    Timestamp::from_unix_seconds(seconds)
}

/// The time of day, for listings.
pub(super) fn now() -> Option<Timestamp> {
    timestamp(SystemTime::now())
}

/// A name for [`WriteMode::Unique`]: the hint, if there is one, and something nobody has.
pub(super) fn unique_name(hint: Option<&[u8]>) -> Vec<u8> {
    let mut name = hint.unwrap_or(b"upload").to_vec();
    name.extend_from_slice(format!(".{:012x}", fastrand::u64(..1 << 48)).as_bytes());
    name
}
