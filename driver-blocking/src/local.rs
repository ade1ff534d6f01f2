//! The local side of a mirror: a directory that no path leads out of.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use ftp_proto::pipe::Hasher;
use ftp_proto::tree::{Found, FoundKind, Listing, LocalPath};
use ftp_proto::wire::date::Timestamp;
use ftp_proto::wire::digest::HashAlgorithm;

/// A directory, held open by its descriptor. Paths are resolved below it, name by name, and no link is followed.
#[derive(Debug)]
pub(crate) struct Local {
    root: Dir,
}

impl Local {
    /// The directory at this path, which is the caller's and may be behind links.
    pub(crate) fn open(path: &Path) -> io::Result<Local> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Local { root })
    }

    /// What is in a directory.
    pub(crate) fn list(&self, path: &LocalPath) -> io::Result<Listing> {
        let directory = self.directory(path.names())?;
        let mut found = Vec::new();
        let mut unread = 0;
        for entry in directory.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            match directory.symlink_metadata(&name) {
                Ok(metadata) => found.push(describe(&name, &metadata)),
                // It went away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => unread += 1,
            }
        }
        Ok(Listing::new(found).with_unread(unread))
    }

    pub(crate) fn make(&self, path: &LocalPath) -> io::Result<()> {
        let (directory, name) = self.parent(path)?;
        directory.create_dir(name)
    }

    /// A file to be written from `offset` on: a new one, or the one that is there so far.
    pub(crate) fn write(&self, path: &LocalPath, offset: u64) -> io::Result<File> {
        let (directory, name) = self.parent(path)?;
        let mut options = OpenOptions::new();
        options.write(true);
        if offset == 0 {
            match directory.remove_file(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = directory.open_with(name, options.create_new(true))?;
            return Ok(file.into_std());
        }
        let before = directory.symlink_metadata(name)?;
        let file = directory.open_with(name, &options)?;
        let metadata = file.metadata()?;
        if !is_same_file(&before, &metadata) || metadata.len() < offset {
            return Err(changed());
        }
        let mut file = file.into_std();
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }

    /// A file to be read from `offset` on.
    pub(crate) fn read(&self, path: &LocalPath, offset: u64) -> io::Result<File> {
        let (directory, name) = self.parent(path)?;
        let before = directory.symlink_metadata(name)?;
        if !before.is_file() {
            // Opening a pipe would wait for its other end.
            return Err(changed());
        }
        let file = directory.open(name)?;
        if !is_same_file(&before, &file.metadata()?) {
            return Err(changed());
        }
        let mut file = file.into_std();
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }

    /// Gives a file its time and its name. True if it has the time, or none was to be set.
    pub(crate) fn publish(
        &self,
        from: &LocalPath,
        to: &LocalPath,
        time: Option<Timestamp>,
        replaces: bool,
    ) -> io::Result<bool> {
        let time_kept = match time {
            Some(time) => {
                let wanted = system_time(time);
                let file = self.write_in_place(from)?;
                wanted.is_some_and(|wanted| file.set_modified(wanted).is_ok())
            }
            None => true,
        };
        let (directory, name) = self.parent(from)?;
        let (_, new_name) = self.parent(to)?;
        if replaces {
            directory.rename(name, &directory, new_name)?;
            return Ok(time_kept);
        }
        // A link is made only where nothing is: looking first would leave a moment in between.
        match directory.hard_link(name, &directory, new_name) {
            Ok(()) => directory.remove_file(name)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // Some file systems have none.
            Err(_) if directory.symlink_metadata(new_name).is_err() => {
                directory.rename(name, &directory, new_name)?;
            }
            Err(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        }
        Ok(time_kept)
    }

    pub(crate) fn remove(&self, path: &LocalPath, is_directory: bool) -> io::Result<()> {
        let (directory, name) = self.parent(path)?;
        if is_directory {
            directory.remove_dir(name)
        } else {
            directory.remove_file(name)
        }
    }

    /// The digest of a file.
    pub(crate) fn digest(&self, path: &LocalPath, algorithm: HashAlgorithm) -> io::Result<Vec<u8>> {
        let mut hasher = Hasher::new(algorithm);
        let mut file = self.read(path, 0)?;
        let mut block = vec![0; 64 * 1024];
        loop {
            match file.read(&mut block) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(block.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write_in_place(&self, path: &LocalPath) -> io::Result<File> {
        let (directory, name) = self.parent(path)?;
        let before = directory.symlink_metadata(name)?;
        let mut options = OpenOptions::new();
        let file = directory.open_with(name, options.write(true))?;
        if !is_same_file(&before, &file.metadata()?) {
            return Err(changed());
        }
        Ok(file.into_std())
    }

    /// The directory that a thing is in, and its name there.
    fn parent<'p>(&self, path: &'p LocalPath) -> io::Result<(Dir, &'p OsStr)> {
        let mut names = path.names();
        let name = names.next_back().ok_or_else(changed)?;
        Ok((self.directory(names)?, native(name)?))
    }

    /// A directory, and no link to one.
    fn directory<'p>(&self, names: impl Iterator<Item = &'p [u8]>) -> io::Result<Dir> {
        let mut directory = self.root.try_clone()?;
        for name in names {
            let name = native(name)?;
            let before = directory.symlink_metadata(name)?;
            if !before.is_dir() {
                return Err(changed());
            }
            let inner = directory.open_dir(name)?;
            if !is_same(&before, &inner.dir_metadata()?) {
                return Err(changed());
            }
            directory = inner;
        }
        Ok(directory)
    }
}

/// It is not what it was a moment ago, or a link.
fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a link, or changed meanwhile")
}

fn describe(name: &OsString, metadata: &Metadata) -> Found {
    let name = name.as_encoded_bytes();
    if metadata.is_file() {
        let modified = metadata.modified().ok();
        Found::file(
            name,
            metadata.len(),
            modified.and_then(|time| seconds(time.into_std())),
        )
    } else if metadata.is_dir() {
        Found::new(name, FoundKind::Directory)
    } else if metadata.is_symlink() {
        Found::new(name, FoundKind::Link)
    } else {
        Found::new(name, FoundKind::Other)
    }
}

/// Whether a file that was opened is the one that was looked at, and no link to it.
fn is_same_file(looked_at: &Metadata, opened: &Metadata) -> bool {
    looked_at.is_file() && is_same(looked_at, opened)
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    one.file_type() == other.file_type()
}

#[cfg(unix)]
fn native(name: &[u8]) -> io::Result<&OsStr> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(OsStr::from_bytes(name))
}

#[cfg(not(unix))]
fn native(name: &[u8]) -> io::Result<&OsStr> {
    let name = std::str::from_utf8(name).map_err(|_| changed())?;
    Ok(OsStr::new(name))
}

fn seconds(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).ok(),
        Err(before) => {
            let before = before.duration();
            // A second that has begun counts downwards.
            let whole = i64::try_from(before.as_secs()).ok()?;
            whole
                .checked_add(i64::from(before.subsec_nanos() > 0))?
                .checked_neg()
        }
    }
}

fn system_time(time: Timestamp) -> Option<SystemTime> {
    let seconds = time.to_unix_seconds();
    let away = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        UNIX_EPOCH.checked_sub(away)
    } else {
        UNIX_EPOCH.checked_add(away)
    }
}

/// The present time.
pub(crate) fn now() -> Timestamp {
    let now = seconds(SystemTime::now()).and_then(Timestamp::from_unix_seconds);
    now.unwrap_or(EPOCH)
}

const EPOCH: Timestamp = match Timestamp::new(1970, 1, 1, 0, 0, 0) {
    Ok(epoch) => epoch,
    // Decided when this is compiled.
    Err(_) => unreachable!(),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_their_second() {
        let half = UNIX_EPOCH - Duration::from_millis(500);
        assert_eq!(seconds(half), Some(-1));
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(2)), Some(-2));
        let stamp = Timestamp::from_unix_seconds(-2).unwrap();
        assert_eq!(system_time(stamp).and_then(seconds), Some(-2));
    }
}
