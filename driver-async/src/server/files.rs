//! A storage in a directory of the file system.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::VirtualPath;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::storage::{
    Answer, DirectoryEntry, Kind, Listing, Metadata, Sink, Source, Storage, StorageError, Upload,
};

/// How many entries of a directory are looked up at a time.
const ENTRIES_AT_ONCE: usize = 256;

/// What names of unfinished uploads begin and end with; between them are 16 hexadecimal digits.
const UNFINISHED: (&[u8], &[u8]) = (b".ftp-", b".part");

/// A directory of the file system.
///
/// It is held open by its descriptor, and every path is resolved below it: links that lead out of it are not followed
/// ([`StorageError::Denied`]), whatever changes meanwhile.
///
/// An upload is written under a name of its own in the directory it is for, and renamed when it is whole. So a name holds a whole file or
/// none, whenever the process ends. What was unfinished then stays under a name that is neither listed nor served; see
/// [`remove_unfinished`](FileStorage::remove_unfinished).
///
/// ```no_run
/// use ftp_proto_async::server::{Cut, FileStorage};
///
/// let storage = FileStorage::open("/srv/ftp")?.cut(Cut::Keep);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileStorage {
    root: Arc<Dir>,
    policy: Policy,
}

#[derive(Clone, Copy, Debug)]
struct Policy {
    cut: Cut,
    overwrite: bool,
    append: bool,
    sync: Sync,
}

/// What becomes of an upload that was cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cut {
    /// It is dropped: a name holds what a whole upload left there. To be continued later, an existing file is copied first, which is
    /// nothing on file systems that share blocks.
    #[default]
    Drop,
    /// What has come is kept under its name, in place of what was there, so that the client can go on from there (REST, APPE).
    /// Existing files are continued in place.
    Keep,
}

/// When an upload counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sync {
    /// When the operating system has it: it outlives the process, but not a loss of power.
    #[default]
    Never,
    /// When the file is on the disk, and its name too.
    Always,
}

impl FileStorage {
    /// Serves what is in this directory.
    ///
    /// # Errors
    /// Those of opening the directory.
    pub fn open(root: impl AsRef<Path>) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(root, ambient_authority())?;
        Ok(FileStorage {
            root: Arc::new(root),
            policy: Policy {
                cut: Cut::Drop,
                overwrite: true,
                append: true,
                sync: Sync::Never,
            },
        })
    }

    /// What becomes of uploads that were cut short.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Self {
        self.policy.cut = cut;
        self
    }

    /// Whether an upload or a rename may replace a file; they may by default.
    #[must_use]
    pub fn overwrite(mut self, allowed: bool) -> Self {
        self.policy.overwrite = allowed;
        self
    }

    /// Whether files may be continued (APPE, REST before STOR); they may by default.
    #[must_use]
    pub fn append(mut self, allowed: bool) -> Self {
        self.policy.append = allowed;
        self
    }

    /// When an upload counts as written.
    #[must_use]
    pub fn sync(mut self, sync: Sync) -> Self {
        self.policy.sync = sync;
        self
    }

    /// Removes what uploads left that never ended, because the process did, and that were not written to for `age`. Returns how many files.
    ///
    /// # Errors
    /// Those of reading directories; files that cannot be removed are left.
    pub fn remove_unfinished(&self, age: Duration) -> io::Result<usize> {
        let limit = SystemTime::now().checked_sub(age);
        let mut removed = 0;
        let mut directories = vec![self.root.try_clone()?];
        while let Some(directory) = directories.pop() {
            for entry in directory.entries()? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    directories.extend(entry.open_dir());
                    continue;
                }
                let old = || {
                    let modified = entry.metadata().ok()?.modified().ok()?;
                    Some(limit.is_some_and(|limit| modified.into_std() <= limit))
                };
                if is_unfinished(bytes(&entry.file_name()))
                    && old() == Some(true)
                    && entry.remove_file().is_ok()
                {
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Does `act` where it may wait for the disk.
    fn blocking<'a, T: Send + 'static>(
        &self,
        path: &VirtualPath,
        act: impl FnOnce(&Dir, &Path) -> Result<T, StorageError> + Send + 'static,
    ) -> Answer<'a, T> {
        let root = Arc::clone(&self.root);
        let path = relative(path.components());
        Box::pin(async move {
            let path = path?;
            smol::unblock(move || act(&root, &path)).await
        })
    }
}

impl Storage for FileStorage {
    fn metadata<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, Metadata> {
        self.blocking(path, |root, path| Ok(describe(&root.metadata(path)?)))
    }

    fn list<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, Box<dyn Listing>> {
        self.blocking(path, |root, path| {
            let directory = root.open_dir(path)?;
            let mut names = Vec::new();
            for entry in directory.entries()? {
                let name = entry?.file_name();
                if !is_unfinished(bytes(&name)) {
                    names.push(name);
                }
            }
            // Backwards, to be taken from the end.
            names.sort_unstable_by(|one, other| other.cmp(one));
            let directory = Arc::new(directory);
            Ok(Box::new(Entries { directory, names }) as Box<dyn Listing>)
        })
    }

    fn read<'a>(&'a self, path: &'a VirtualPath, offset: u64) -> Answer<'a, Box<dyn Source>> {
        self.blocking(path, move |root, path| {
            // Opening a pipe would wait for its other end.
            let metadata = root.metadata(path)?;
            if metadata.is_dir() {
                return Err(StorageError::IsDirectory);
            }
            if !metadata.is_file() {
                return Err(StorageError::Denied);
            }
            let mut file = root.open(path)?.into_std();
            if offset > file.metadata()?.len() {
                return Err(StorageError::BadOffset);
            }
            if offset > 0 {
                file.seek(SeekFrom::Start(offset))?;
            }
            Ok(Box::new(Reading(Arc::new(file))) as Box<dyn Source>)
        })
    }

    fn write<'a>(&'a self, path: &'a VirtualPath, upload: Upload) -> Answer<'a, Box<dyn Sink>> {
        let policy = self.policy;
        self.blocking(path, move |root, path| {
            let writing = Writing::begin(root, path, upload, policy)?;
            Ok(Box::new(writing) as Box<dyn Sink>)
        })
    }

    fn remove_file<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, ()> {
        self.blocking(path, |root, path| {
            let metadata = root.symlink_metadata(path)?;
            if metadata.is_dir() {
                return Err(StorageError::IsDirectory);
            }
            Ok(root.remove_file(path)?)
        })
    }

    fn make_directory<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, ()> {
        self.blocking(path, |root, path| Ok(root.create_dir(path)?))
    }

    fn remove_directory<'a>(&'a self, path: &'a VirtualPath) -> Answer<'a, ()> {
        if path.is_root() {
            return Box::pin(async { Err(StorageError::Denied) });
        }
        self.blocking(path, |root, path| Ok(root.remove_dir(path)?))
    }

    fn rename<'a>(&'a self, from: &'a VirtualPath, to: &'a VirtualPath) -> Answer<'a, ()> {
        let overwrite = self.policy.overwrite;
        let to = match relative(to.components()) {
            Ok(to) if !from.is_root() => to,
            Ok(_) => return Box::pin(async { Err(StorageError::Denied) }),
            Err(error) => return Box::pin(async { Err(error) }),
        };
        self.blocking(from, move |root, from| rename(root, from, &to, overwrite))
    }

    fn set_modified<'a>(&'a self, path: &'a VirtualPath, time: SystemTime) -> Answer<'a, ()> {
        self.blocking(path, move |root, path| {
            if !root.metadata(path)?.is_file() {
                return Err(StorageError::Denied);
            }
            Ok(root.open(path)?.into_std().set_modified(time)?)
        })
    }
}

fn rename(root: &Dir, from: &Path, to: &Path, overwrite: bool) -> Result<(), StorageError> {
    let is_directory = root.symlink_metadata(from)?.is_dir();
    if is_directory {
        if root.symlink_metadata(to).is_ok() && from != to {
            return Err(StorageError::Exists);
        }
    } else if root.metadata(to).is_ok_and(|there| there.is_dir()) {
        return Err(StorageError::Exists);
    } else if !overwrite {
        // A link is made only where nothing is: looking first would leave a moment in between.
        root.hard_link(from, root, to)?;
        return Ok(root.remove_file(from)?);
    }
    Ok(root.rename(from, root, to)?)
}

struct Entries {
    directory: Arc<Dir>,
    names: Vec<std::ffi::OsString>,
}

impl Listing for Entries {
    fn next(&mut self) -> Answer<'_, Vec<DirectoryEntry>> {
        let rest = self.names.len().saturating_sub(ENTRIES_AT_ONCE);
        let names = self.names.split_off(rest);
        let directory = Arc::clone(&self.directory);
        Box::pin(smol::unblock(move || {
            let mut entries = Vec::with_capacity(names.len());
            for name in names.into_iter().rev() {
                // A link that leads nowhere or out is told of as it is; what has gone meanwhile is not.
                let Ok(metadata) = directory
                    .metadata(&name)
                    .or_else(|_| directory.symlink_metadata(&name))
                else {
                    continue;
                };
                entries.push(DirectoryEntry {
                    name: bytes(&name).to_vec(),
                    metadata: describe(&metadata),
                });
            }
            Ok(entries)
        }))
    }
}

struct Reading(Arc<File>);

impl Source for Reading {
    fn read(&mut self, mut buffer: Vec<u8>) -> Answer<'_, (Vec<u8>, usize)> {
        let file = Arc::clone(&self.0);
        Box::pin(smol::unblock(move || {
            loop {
                match (&*file).read(&mut buffer) {
                    Ok(count) => return Ok((buffer, count)),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }))
    }
}

/// An upload. Dropped, it is cut.
struct Writing(Option<Unfinished>);

struct Unfinished {
    file: Arc<File>,
    directory: Dir,
    /// Under which name it is written; the final one where it is continued in place.
    written: PathBuf,
    name: PathBuf,
    new: bool,
    policy: Policy,
}

impl Writing {
    fn begin(
        root: &Dir,
        path: &Path,
        upload: Upload,
        policy: Policy,
    ) -> Result<Self, StorageError> {
        let name = path.file_name().ok_or(StorageError::IsDirectory)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        // Everything happens in this very directory, wherever it is moved.
        let directory = match parent {
            Some(parent) => root.open_dir(parent)?,
            None => root.try_clone()?,
        };
        let before = match directory.metadata(name) {
            Ok(metadata) if metadata.is_dir() => return Err(StorageError::IsDirectory),
            Ok(metadata) if !metadata.is_file() => return Err(StorageError::Denied),
            Ok(metadata) => Some(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let offset = match (upload, before) {
            (Upload::New, Some(_)) => return Err(StorageError::Exists),
            (Upload::Replace, Some(_)) if !policy.overwrite => return Err(StorageError::Exists),
            (Upload::Replace | Upload::New, _) | (Upload::Append, None) => 0,
            (Upload::Append | Upload::From(_), _) if !policy.append => {
                return Err(StorageError::Denied);
            }
            (Upload::Append, Some(size)) => size,
            (Upload::From(offset), size) if offset <= size.unwrap_or(0) => offset,
            (Upload::From(_), _) => return Err(StorageError::BadOffset),
        };
        if offset < before.unwrap_or(0) && !policy.overwrite {
            return Err(StorageError::Exists);
        }
        let in_place = offset > 0 && policy.cut == Cut::Keep;
        let (file, written) = if in_place {
            let mut options = OpenOptions::new();
            let file = directory.open_with(name, options.write(true))?.into_std();
            file.set_len(offset)?;
            (&file).seek(SeekFrom::Start(offset))?;
            (file, PathBuf::from(name))
        } else {
            let (file, written) = unfinished(&directory)?;
            (file, written)
        };
        let writing = Writing(Some(Unfinished {
            file: Arc::new(file),
            directory,
            written,
            name: name.into(),
            new: upload == Upload::New || (before.is_none() && !policy.overwrite),
            policy,
        }));
        if offset > 0 && !in_place {
            writing.copy_from(name, offset)?;
        }
        Ok(writing)
    }

    /// Puts the first `length` bytes of an existing file in front.
    fn copy_from(&self, name: &OsStr, length: u64) -> Result<(), StorageError> {
        let Some(unfinished) = &self.0 else {
            return Ok(());
        };
        let existing = unfinished.directory.open(name)?.into_std();
        let copied = io::copy(&mut (&existing).take(length), &mut &*unfinished.file)?;
        if copied == length {
            Ok(())
        } else {
            // It became shorter meanwhile.
            Err(StorageError::Busy)
        }
    }
}

impl Sink for Writing {
    fn write(&mut self, buffer: Vec<u8>, count: usize) -> Answer<'_, Vec<u8>> {
        let file = self
            .0
            .as_ref()
            .map(|unfinished| Arc::clone(&unfinished.file));
        Box::pin(smol::unblock(move || {
            let mut file = file.as_deref().ok_or_else(over)?;
            file.write_all(buffer.get(..count).unwrap_or(&buffer))?;
            Ok(buffer)
        }))
    }

    fn commit(mut self: Box<Self>) -> Answer<'static, ()> {
        let unfinished = self.0.take();
        Box::pin(smol::unblock(move || unfinished.ok_or_else(over)?.commit()))
    }

    fn cut(mut self: Box<Self>) -> Answer<'static, ()> {
        let unfinished = self.0.take();
        Box::pin(smol::unblock(move || unfinished.ok_or_else(over)?.cut()))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(unfinished) = self.0.take() {
            smol::unblock(move || unfinished.cut()).detach();
        }
    }
}

impl Unfinished {
    fn commit(self) -> Result<(), StorageError> {
        let synced = match self.policy.sync {
            Sync::Always => self.file.sync_all(),
            Sync::Never => Ok(()),
        };
        let done = synced.map_err(StorageError::from).and_then(|()| {
            if self.written == self.name {
                return Ok(());
            }
            self.appear(self.new)?;
            if self.policy.sync == Sync::Always {
                self.directory.try_clone()?.into_std_file().sync_all()?;
            }
            Ok(())
        });
        if done.is_err() {
            self.remove();
        }
        done
    }

    fn cut(self) -> Result<(), StorageError> {
        match self.policy.cut {
            Cut::Drop => {
                self.remove();
                Ok(())
            }
            // Nothing has come: what is there is worth more.
            Cut::Keep if self.file.metadata()?.len() == 0 => {
                self.remove();
                Ok(())
            }
            Cut::Keep => self.commit(),
        }
    }

    /// Gives it its name.
    fn appear(&self, new: bool) -> Result<(), StorageError> {
        let directory = &self.directory;
        if new {
            // A link is made only where nothing is.
            directory.hard_link(&self.written, directory, &self.name)?;
            directory.remove_file(&self.written)?;
        } else {
            directory.rename(&self.written, directory, &self.name)?;
        }
        Ok(())
    }

    fn remove(&self) {
        if self.written != self.name {
            // It may be gone already.
            let _ = self.directory.remove_file(&self.written);
        }
    }
}

/// A new file for an upload.
fn unfinished(directory: &Dir) -> Result<(File, PathBuf), StorageError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    loop {
        let name = PathBuf::from(format!(".ftp-{:016x}.part", fastrand::u64(..)));
        match directory.open_with(&name, &options) {
            Ok(file) => return Ok((file.into_std(), name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_unfinished(name: &[u8]) -> bool {
    name.strip_prefix(UNFINISHED.0)
        .and_then(|rest| rest.strip_suffix(UNFINISHED.1))
        .is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// The path below the root; `.` for the root itself.
fn relative<'a>(names: impl Iterator<Item = &'a [u8]>) -> Result<PathBuf, StorageError> {
    let mut relative = PathBuf::new();
    for name in names {
        let plain = native(name).filter(|plain| {
            let mut parts = Path::new(plain).components();
            let first = parts.next();
            matches!(first, Some(std::path::Component::Normal(part)) if part == *plain)
                && parts.next().is_none()
        });
        if is_unfinished(name) {
            return Err(StorageError::BadName);
        }
        relative.push(plain.ok_or(StorageError::BadName)?);
    }
    if relative.as_os_str().is_empty() {
        relative.push(".");
    }
    Ok(relative)
}

#[cfg(unix)]
fn native(name: &[u8]) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn native(name: &[u8]) -> Option<&OsStr> {
    std::str::from_utf8(name).ok().map(OsStr::new)
}

fn bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

fn describe(metadata: &cap_std::fs::Metadata) -> Metadata {
    Metadata {
        kind: if metadata.is_file() {
            Kind::File
        } else if metadata.is_dir() {
            Kind::Directory
        } else {
            Kind::Other
        },
        size: metadata.len(),
        modified: metadata.modified().ok().map(|time| time.into_std()),
        unix: unix(metadata),
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems know less")]
fn unix(metadata: &cap_std::fs::Metadata) -> Option<super::storage::Unix> {
    use cap_std::fs::MetadataExt;
    Some(super::storage::Unix {
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        links: metadata.nlink(),
        id: (metadata.dev(), metadata.ino()),
    })
}

#[cfg(not(unix))]
fn unix(_: &cap_std::fs::Metadata) -> Option<super::storage::Unix> {
    None
}

/// A sink that was used after its end, which the types do not let happen.
fn over() -> StorageError {
    StorageError::Other(io::ErrorKind::BrokenPipe.into())
}

#[cfg(test)]
mod tests;
