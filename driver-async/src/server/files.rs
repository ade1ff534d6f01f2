//! A storage in a directory of the file system.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use ftp_proto::server::{Entry, Kind, Refused, VirtualPath, WriteMode};
use ftp_proto::wire::date::Timestamp;

use super::offload::{at_once, offload};
use super::storage::{
    Entries, Promise, Sink, Source, Storage, Write, refused, timestamp, unique_name,
};

/// How many entries of a directory are looked up at a time.
const ENTRIES_AT_ONCE: usize = 256;

/// From which size on removing a file takes its time, in bytes: the memory it lies in is given back page by page.
const LARGE: u64 = 16 * 1024 * 1024;

/// What names of unfinished uploads begin and end with; between them are 16 hexadecimal digits.
const UNFINISHED: (&[u8], &[u8]) = (b".ftp-", b".part");

/// A directory of the file system.
///
/// It is held open by its descriptor, and every path is resolved below it: links that lead out of it are not followed
/// ([`Refused::Denied`]), whatever changes meanwhile.
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
    /// What the numbers of files are made unrecognisable with.
    secret: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Policy {
    cut: Cut,
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
                sync: Sync::Never,
            },
            secret: RandomState::new(),
        })
    }

    /// What becomes of uploads that were cut short.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Self {
        self.policy.cut = cut;
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

    /// Does `act` where it may wait for the disk, which it does so rarely that it can be done at once.
    fn quick<'a, T: Send + 'static>(
        &self,
        path: &VirtualPath,
        act: impl FnOnce(&Dir, &Path) -> Result<T, Refused> + Send + 'static,
    ) -> Promise<'a, T> {
        let root = Arc::clone(&self.root);
        let path = relative(path.components());
        Box::pin(async move {
            let path = path?;
            offload(move || act(&root, &path)).await
        })
    }

    /// Does `act`, which may take its time.
    fn blocking<'a, T: Send + 'static>(
        &self,
        path: &VirtualPath,
        act: impl FnOnce(&Dir, &Path) -> Result<T, Refused> + Send + 'static,
    ) -> Promise<'a, T> {
        let root = Arc::clone(&self.root);
        let path = relative(path.components());
        Box::pin(async move {
            let path = path?;
            smol::unblock(move || act(&root, &path)).await
        })
    }
}

impl Storage for FileStorage {
    fn stat<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Entry> {
        let name = path.name().unwrap_or_default().to_vec();
        let secret = self.secret.clone();
        self.quick(path, move |root, path| {
            let metadata = root.metadata(path).map_err(no)?;
            Ok(describe(&name, &metadata, &secret))
        })
    }

    fn list<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Box<dyn Entries>> {
        let secret = self.secret.clone();
        self.blocking(path, move |root, path| {
            let directory = root.open_dir(path).map_err(no)?;
            let mut names = Vec::new();
            for entry in directory.entries().map_err(no)? {
                let name = entry.map_err(no)?.file_name();
                if !is_unfinished(bytes(&name)) {
                    names.push(name);
                }
            }
            // Backwards, to be taken from the end.
            names.sort_unstable_by(|one, other| other.cmp(one));
            Ok(Box::new(Listed {
                directory: Arc::new(directory),
                names,
                secret,
            }) as Box<dyn Entries>)
        })
    }

    fn read<'a>(&'a self, path: &'a VirtualPath, offset: u64) -> Promise<'a, Box<dyn Source>> {
        self.quick(path, move |root, path| {
            // Opening a pipe would wait for its other end.
            let metadata = root.metadata(path).map_err(no)?;
            if metadata.is_dir() {
                return Err(Refused::IsDirectory);
            }
            if !metadata.is_file() {
                return Err(Refused::Denied);
            }
            let mut file = root.open(path).map_err(no)?.into_std();
            let size = file.metadata().map_err(no)?.len();
            if offset > size {
                return Err(Refused::BadOffset);
            }
            if offset > 0 {
                file.seek(SeekFrom::Start(offset)).map_err(no)?;
            }
            let file = Arc::new(file);
            Ok(Box::new(Reading { file, size }) as Box<dyn Source>)
        })
    }

    fn write<'a>(&'a self, path: &'a VirtualPath, how: Write) -> Promise<'a, Box<dyn Sink>> {
        let policy = self.policy;
        let begin = move |root: &Dir, path: &Path| {
            let writing = Writing::begin(root, path, how, policy)?;
            Ok(Box::new(writing) as Box<dyn Sink>)
        };
        match how.mode {
            WriteMode::Replace | WriteMode::Unique => self.quick(path, begin),
            // What is there may have to be copied.
            WriteMode::Append | WriteMode::At(_) => self.blocking(path, begin),
        }
    }

    fn remove_file<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        self.blocking(path, |root, path| {
            if root.symlink_metadata(path).map_err(no)?.is_dir() {
                return Err(Refused::IsDirectory);
            }
            root.remove_file(path).map_err(no)
        })
    }

    fn make_directory<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        self.quick(path, |root, path| root.create_dir(path).map_err(no))
    }

    fn remove_directory<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        if path.is_root() {
            return Box::pin(async { Err(Refused::Denied) });
        }
        self.quick(path, |root, path| root.remove_dir(path).map_err(no))
    }

    fn rename<'a>(
        &'a self,
        from: &'a VirtualPath,
        to: &'a VirtualPath,
        may_replace: bool,
    ) -> Promise<'a, ()> {
        let to = match relative(to.components()) {
            Ok(to) if !from.is_root() => to,
            Ok(_) => return Box::pin(async { Err(Refused::Denied) }),
            Err(error) => return Box::pin(async move { Err(error) }),
        };
        self.quick(from, move |root, from| rename(root, from, &to, may_replace))
    }

    fn set_modified<'a>(
        &'a self,
        path: &'a VirtualPath,
        time: Timestamp,
    ) -> Promise<'a, Timestamp> {
        self.quick(path, move |root, path| {
            if !root.metadata(path).map_err(no)?.is_file() {
                return Err(Refused::Denied);
            }
            let file = root.open(path).map_err(no)?.into_std();
            let wanted = system_time(time).ok_or(Refused::Unsupported)?;
            file.set_modified(wanted).map_err(no)?;
            let stored = file.metadata().and_then(|metadata| metadata.modified());
            timestamp(stored.map_err(no)?).ok_or(Refused::Io)
        })
    }

    #[cfg(unix)]
    fn set_mode<'a>(&'a self, path: &'a VirtualPath, mode: u32) -> Promise<'a, ()> {
        use cap_std::fs::{Permissions, PermissionsExt as _};
        self.quick(path, move |root, path| {
            // No program is to run with the rights of this one.
            let permissions = Permissions::from_mode(mode & 0o777);
            root.set_permissions(path, permissions).map_err(no)
        })
    }
}

fn rename(root: &Dir, from: &Path, to: &Path, may_replace: bool) -> Result<(), Refused> {
    let is_directory = root.symlink_metadata(from).map_err(no)?.is_dir();
    let there = root.symlink_metadata(to).ok();
    if there.is_some()
        && from != to
        && (is_directory || root.metadata(to).is_ok_and(|to| to.is_dir()))
    {
        return Err(Refused::Exists);
    }
    if is_directory || may_replace || from == to {
        return root.rename(from, root, to).map_err(no);
    }
    // A link is made only where nothing is: looking first would leave a moment in between.
    match root.hard_link(from, root, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Refused::Denied),
        linked => linked.and_then(|()| root.remove_file(from)).map_err(no),
    }
}

struct Listed {
    directory: Arc<Dir>,
    names: Vec<OsString>,
    secret: RandomState,
}

impl Entries for Listed {
    fn next(&mut self) -> Promise<'_, Vec<Entry>> {
        let rest = self.names.len().saturating_sub(ENTRIES_AT_ONCE);
        let names = self.names.split_off(rest);
        let (directory, secret) = (Arc::clone(&self.directory), self.secret.clone());
        Box::pin(smol::unblock(move || {
            let entry = |name: OsString| {
                // A link that leads nowhere or out is told of as it is; what has gone meanwhile is not.
                let metadata = directory.metadata(&name);
                let metadata = metadata.or_else(|_| directory.symlink_metadata(&name));
                Some(describe(bytes(&name), &metadata.ok()?, &secret))
            };
            Ok(names.into_iter().rev().filter_map(entry).collect())
        }))
    }
}

struct Reading {
    file: Arc<File>,
    size: u64,
}

impl Source for Reading {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn read(&mut self, mut buffer: Vec<u8>) -> Promise<'_, (Vec<u8>, usize)> {
        let file = Arc::clone(&self.file);
        Box::pin(smol::unblock(move || {
            let count = read(&file, &mut buffer)?;
            Ok((buffer, count))
        }))
    }

    fn read_now(&mut self, buffer: &mut [u8]) -> Option<Result<usize, Refused>> {
        at_once(|| read(&self.file, buffer))
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

fn read(mut file: &File, buffer: &mut [u8]) -> Result<usize, Refused> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read.map_err(no),
        }
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
    /// Nothing may be replaced.
    new: bool,
    /// The name, if it was chosen here.
    unique: Option<Vec<u8>>,
    /// The size of what is replaced.
    replaced: u64,
    policy: Policy,
}

impl Writing {
    fn begin(root: &Dir, path: &Path, how: Write, policy: Policy) -> Result<Self, Refused> {
        let name = path.file_name();
        let unique = unique_name(name.map(bytes));
        let (name, parent) = match (how.mode, name) {
            (WriteMode::Unique, None) => (native(&unique).ok_or(Refused::BadName)?, Some(path)),
            (WriteMode::Unique, _) => (native(&unique).ok_or(Refused::BadName)?, path.parent()),
            (_, name) => (name.ok_or(Refused::IsDirectory)?, path.parent()),
        };
        // Everything happens in this very directory, wherever it is moved.
        let directory = match parent.filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => root.open_dir(parent).map_err(no)?,
            None => root.try_clone().map_err(no)?,
        };
        let before = match directory.metadata(name) {
            Ok(metadata) if metadata.is_dir() => return Err(Refused::IsDirectory),
            Ok(metadata) if !metadata.is_file() || !how.may_change => return Err(Refused::Denied),
            Ok(metadata) => Some(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && how.may_create => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Refused::Denied),
            Err(error) => return Err(no(error)),
        };
        let size = before.unwrap_or(0);
        let offset = match how.mode {
            WriteMode::Replace | WriteMode::Unique => None,
            WriteMode::Append => before,
            WriteMode::At(offset) if offset <= size => before.map(|_| offset),
            WriteMode::At(_) => return Err(Refused::BadOffset),
        };
        let in_place = offset.is_some() && policy.cut == Cut::Keep;
        let (file, written) = if in_place {
            let mut options = OpenOptions::new();
            let file = directory.open_with(name, options.write(true)).map_err(no)?;
            (file.into_std(), PathBuf::from(name))
        } else {
            unfinished(&directory)?
        };
        let writing = Unfinished {
            file: Arc::new(file),
            directory,
            written,
            name: name.into(),
            new: !how.may_change || how.mode == WriteMode::Unique,
            unique: (how.mode == WriteMode::Unique).then_some(unique.clone()),
            replaced: size,
            policy,
        };
        // From here on what was begun is removed again if something goes wrong.
        let writing = Writing(Some(writing));
        if let (Some(offset), Some(writing)) = (offset, &writing.0) {
            if !in_place {
                writing.copy_existing(size)?;
            }
            let from = SeekFrom::Start(offset);
            (&*writing.file).seek(from).map_err(no)?;
        }
        Ok(writing)
    }
}

impl Sink for Writing {
    fn name(&self) -> Option<&[u8]> {
        self.0.as_ref()?.unique.as_deref()
    }

    fn write(&mut self, buffer: Vec<u8>, count: usize) -> Promise<'_, Vec<u8>> {
        let unfinished = self.0.as_ref();
        let file = unfinished.map(|unfinished| Arc::clone(&unfinished.file));
        Box::pin(smol::unblock(move || {
            let mut file = file.as_deref().ok_or(Refused::Io)?;
            let bytes = buffer.get(..count).unwrap_or(&buffer);
            file.write_all(bytes).map_err(no)?;
            Ok(buffer)
        }))
    }

    fn write_now(&mut self, bytes: &[u8]) -> Option<Result<(), Refused>> {
        let mut file = &*self.0.as_ref()?.file;
        at_once(|| file.write_all(bytes).map_err(no))
    }

    fn commit(mut self: Box<Self>) -> Promise<'static, ()> {
        let unfinished = self.0.take().ok_or(Refused::Io);
        Box::pin(async {
            let unfinished = unfinished?;
            match unfinished.policy.sync {
                Sync::Never if unfinished.replaced < LARGE => {
                    offload(move || unfinished.commit()).await
                }
                Sync::Never | Sync::Always => smol::unblock(move || unfinished.commit()).await,
            }
        })
    }

    fn cut(mut self: Box<Self>) -> Promise<'static, ()> {
        let unfinished = self.0.take().ok_or(Refused::Io);
        Box::pin(async { smol::unblock(move || unfinished?.cut()).await })
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
    /// Begins with what is there already.
    fn copy_existing(&self, size: u64) -> Result<(), Refused> {
        let existing = self.directory.open(&self.name).map_err(no)?.into_std();
        let copied = io::copy(&mut (&existing).take(size), &mut &*self.file);
        if copied.map_err(no)? == size {
            Ok(())
        } else {
            // It became shorter meanwhile.
            Err(Refused::Busy)
        }
    }

    fn commit(self) -> Result<(), Refused> {
        let done = self.try_commit();
        if done.is_err() {
            self.remove();
        }
        done.map_err(no)
    }

    fn try_commit(&self) -> io::Result<()> {
        let sync = self.policy.sync == Sync::Always;
        if sync {
            self.file.sync_all()?;
        }
        if self.written == self.name {
            return Ok(());
        }
        let directory = &self.directory;
        if self.new {
            // A link is made only where nothing is.
            directory.hard_link(&self.written, directory, &self.name)?;
            directory.remove_file(&self.written)?;
        } else {
            directory.rename(&self.written, directory, &self.name)?;
        }
        if sync {
            directory.try_clone()?.into_std_file().sync_all()?;
        }
        Ok(())
    }

    fn cut(self) -> Result<(), Refused> {
        match self.policy.cut {
            // Where nothing has come, what was there is worth more.
            Cut::Keep if self.file.metadata().map_err(no)?.len() > 0 => self.commit(),
            Cut::Keep | Cut::Drop => {
                self.remove();
                Ok(())
            }
        }
    }

    fn remove(&self) {
        if self.written != self.name {
            // It may be gone already.
            let _ = self.directory.remove_file(&self.written);
        }
    }
}

/// A new file for an upload.
fn unfinished(directory: &Dir) -> Result<(File, PathBuf), Refused> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    loop {
        let name = PathBuf::from(format!(".ftp-{:016x}.part", fastrand::u64(..)));
        match directory.open_with(&name, &options) {
            Ok(file) => return Ok((file.into_std(), name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(no(error)),
        }
    }
}

fn is_unfinished(name: &[u8]) -> bool {
    name.strip_prefix(UNFINISHED.0)
        .and_then(|rest| rest.strip_suffix(UNFINISHED.1))
        .is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// The path below the root; `.` for the root itself.
fn relative<'a>(names: impl Iterator<Item = &'a [u8]>) -> Result<PathBuf, Refused> {
    let mut relative = PathBuf::new();
    for name in names {
        let plain = native(name).filter(|plain| {
            let mut parts = Path::new(plain).components();
            let first = parts.next();
            matches!(first, Some(std::path::Component::Normal(part)) if part == *plain)
                && parts.next().is_none()
        });
        if is_unfinished(name) {
            return Err(Refused::BadName);
        }
        relative.push(plain.ok_or(Refused::BadName)?);
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

fn describe(name: &[u8], metadata: &cap_std::fs::Metadata, secret: &RandomState) -> Entry {
    let kind = if metadata.is_file() {
        Kind::File
    } else if metadata.is_dir() {
        Kind::Directory
    } else {
        Kind::Other
    };
    let mut entry = Entry::new(name, kind).with_size(metadata.len());
    let modified = metadata.modified();
    entry.modified = modified.ok().and_then(|time| timestamp(time.into_std()));
    add_unix(&mut entry, metadata, secret);
    entry
}

#[cfg(unix)]
fn add_unix(entry: &mut Entry, metadata: &cap_std::fs::Metadata, secret: &RandomState) {
    use cap_std::fs::MetadataExt as _;
    entry.mode = Some(metadata.mode() & 0o7777);
    entry.links = u32::try_from(metadata.nlink()).ok();
    let number = secret.hash_one((metadata.dev(), metadata.ino()));
    entry.unique = Some(format!("{number:016x}").into_bytes());
}

#[cfg(not(unix))]
fn add_unix(_: &mut Entry, _: &cap_std::fs::Metadata, _: &RandomState) {}

fn system_time(time: Timestamp) -> Option<SystemTime> {
    let seconds = time.to_unix_seconds();
    let away = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(away)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(away)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "to be named in map_err")]
fn no(error: io::Error) -> Refused {
    refused(&error)
}

#[cfg(test)]
mod tests;
