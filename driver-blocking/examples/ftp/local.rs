//! Local files. A download replaces nothing before it is proved whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::report::Stop;

/// Where a download goes.
pub(crate) enum Target {
    /// A file, written under another name until it is whole.
    File(Partial),
    /// Standard output, a pipe, a device: there is nothing to protect.
    Stream(Box<dyn Write>),
}

impl Target {
    pub(crate) fn standard_output() -> Target {
        Target::Stream(Box::new(io::stdout().lock()))
    }

    /// What went wrong there.
    pub(crate) fn trouble(&self, error: &io::Error) -> Stop {
        match self {
            Target::File(partial) => about(&partial.target, error),
            Target::Stream(_) => Stop::Local(format!("the output: {error}")),
        }
    }

    /// `resume`: continue, and keep, what is there of the file.
    pub(crate) fn open(path: &Path, resume: bool) -> Result<Target, Stop> {
        // Through a symbolic link: the file it names is the one to be replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                Err(Stop::Local(format!("{} is a directory", path.display())))
            }
            Ok(found) if !found.is_file() => {
                let file = OpenOptions::new().write(true).open(&path);
                let file = file.map_err(|error| about(&path, &error))?;
                Ok(Target::Stream(Box::new(file)))
            }
            _ => Partial::open(path, resume).map(Target::File),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(partial) => partial.file.write(bytes),
            Target::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::File(partial) => partial.file.flush(),
            Target::Stream(stream) => stream.flush(),
        }
    }
}

/// A file that is not whole yet. Removed when dropped, unless it is to be continued later.
#[derive(Debug)]
pub(crate) struct Partial {
    target: PathBuf,
    path: PathBuf,
    file: File,
    keep: bool,
    done: bool,
}

impl Partial {
    fn open(target: PathBuf, resume: bool) -> Result<Partial, Stop> {
        let name = target
            .file_name()
            .ok_or_else(|| Stop::Local(format!("{} is no file name", target.display())))?;
        let mut partial = name.to_owned();
        let mut options = OpenOptions::new();
        options.write(true);
        if resume {
            partial.push(".part");
            options.create(true).truncate(false);
        } else {
            partial.push(format!(".{}.part", std::process::id()));
            options.create_new(true);
        }
        let path = target.with_file_name(partial);
        let file = options
            .open(&path)
            .map_err(|error| about(&target, &error))?;
        if let Ok(replaced) = fs::metadata(&target) {
            // The new file is as public as the one it replaces.
            let _ = file.set_permissions(replaced.permissions());
        }
        Ok(Partial {
            target,
            path,
            file,
            keep: resume,
            done: false,
        })
    }

    /// How much of it there is, and since when.
    pub(crate) fn so_far(&self) -> Result<(u64, Option<SystemTime>), Stop> {
        let found = self
            .file
            .metadata()
            .map_err(|error| about(&self.path, &error))?;
        Ok((found.len(), found.modified().ok()))
    }

    /// Goes on at `offset`; what lies behind it is dropped.
    pub(crate) fn continue_at(&mut self, offset: u64) -> Result<(), Stop> {
        self.file
            .set_len(offset)
            .and_then(|()| self.file.seek(SeekFrom::Start(offset)))
            .map(drop)
            .map_err(|error| about(&self.path, &error))
    }

    /// It is whole: it gets its name.
    pub(crate) fn complete(mut self) -> Result<PathBuf, Stop> {
        fs::rename(&self.path, &self.target).map_err(|error| about(&self.target, &error))?;
        self.done = true;
        Ok(self.target.clone())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let empty = self.file.metadata().is_ok_and(|found| found.len() == 0);
        if !self.done && (!self.keep || empty) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

pub(crate) fn about(path: &Path, error: &io::Error) -> Stop {
    Stop::Local(format!("{}: {error}", path.display()))
}

/// A local file name from a URL that the user typed: one plain component.
pub(crate) fn plain_name(name: &[u8]) -> Result<PathBuf, Stop> {
    let refused = || {
        Stop::Usage(format!(
            "\"{}\" cannot be a local file name; name one behind the URL",
            name.escape_ascii()
        ))
    };
    if name.is_empty() {
        return Err(Stop::Usage(
            "the URL names no file: it ends with a slash".to_owned(),
        ));
    }
    if name.contains(&b'/') || matches!(name, b"." | b"..") {
        return Err(refused());
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(name)))
    }
    #[cfg(not(unix))]
    {
        let name = std::str::from_utf8(name).map_err(|_| refused())?;
        if name.contains(['\\', ':']) {
            return Err(refused());
        }
        Ok(PathBuf::from(name))
    }
}

/// The name of a local file as it goes to the server.
pub(crate) fn remote_name(path: &Path) -> Result<Vec<u8>, Stop> {
    let name = path
        .file_name()
        .ok_or_else(|| Stop::Usage(format!("{} has no file name", path.display())))?;
    Ok(name.as_encoded_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            let path =
                std::env::temp_dir().join(format!("ftp-local-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Directory(path)
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(&self.0)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_only_when_the_new_one_is_whole() {
        let directory = Directory::new("replace");
        let path = directory.0.join("file");
        fs::write(&path, "old").unwrap();
        let mut target = Target::open(&path, false).unwrap();
        target.write_all(b"half").unwrap();
        drop(target);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(directory.names(), ["file"]);
        let mut target = Target::open(&path, false).unwrap();
        target.write_all(b"whole").unwrap();
        match target {
            Target::File(partial) => assert!(partial.complete().is_ok()),
            Target::Stream(_) => panic!("a file is no stream"),
        }
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(directory.names(), ["file"]);
    }

    #[test]
    fn what_is_to_be_continued_stays() {
        let directory = Directory::new("resume");
        let path = directory.0.join("file");
        let mut target = Target::open(&path, true).unwrap();
        target.write_all(b"half").unwrap();
        drop(target);
        assert_eq!(directory.names(), ["file.part"]);
        let Target::File(mut partial) = Target::open(&path, true).unwrap() else {
            panic!("a file is no stream");
        };
        assert_eq!(partial.so_far().unwrap().0, 4);
        partial.continue_at(2).unwrap();
        partial.file.write_all(b"LF").unwrap();
        partial.complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"haLF");
        // What never began leaves nothing.
        drop(Target::open(&directory.0.join("other"), true).unwrap());
        assert_eq!(directory.names(), ["file"]);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [&b""[..], b".", b"..", b"a/b"] {
            assert!(plain_name(name).is_err());
        }
        assert_eq!(plain_name(b"a b").unwrap(), PathBuf::from("a b"));
    }
}
