//! The servers: on loopback, or kept by a copy of this program at the far end of the link.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ftp_proto_tests::link::{FAR, Link};
use ftp_proto_tests::peers::{self, Kind, Options, Tls};
use ftp_proto_tests::small_files;
pub(crate) use ftp_proto_tests::small_files::name as file_name;

use crate::Fallible;

/// First argument that makes this program keep a server.
pub(crate) const KEEP: &str = "--keep-server";

/// The directory with the files to be fetched, and the one they are stored in.
pub(crate) const FETCHED: &str = "fetched";
pub(crate) const STORED: &str = "stored";

const FILE_SIZE: usize = 4096;

/// Files are kept in memory: a disk would be what is measured.
pub(crate) const MEMORY: &str = "/dev/shm";

/// A running server. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: String,
    /// PEM file of the certificate authority.
    pub(crate) ca: PathBuf,
    root: PathBuf,
    keeper: Child,
}

impl Server {
    pub(crate) fn start(link: Option<&Link>, kind: Kind) -> Fallible<Self> {
        let own = std::env::current_exe()?;
        let (mut command, place) = match link {
            Some(link) => (link.far(own), "far"),
            None => (Command::new(own), "near"),
        };
        let mut keeper = command
            .args([KEEP, &kind.to_string(), place])
            .env("TMPDIR", MEMORY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = BufReader::new(keeper.stdout.take().ok_or("no output")?).lines();
        let mut next = || {
            said.next()
                .ok_or_else(|| format!("the keeper of {kind} ended"))?
                .map_err(|error| error.to_string())
        };
        let (address, user, password, ca, root) = (next()?, next()?, next()?, next()?, next()?);
        Ok(Self {
            address: address.parse()?,
            user,
            password,
            ca: ca.into(),
            root: root.into(),
            keeper,
        })
    }

    /// The directory what is stored goes to, on disk.
    pub(crate) fn stored(&self) -> PathBuf {
        self.root.join(STORED)
    }

    /// Puts so many files into the one directory, and empties the other.
    pub(crate) fn furnish(&self, files: usize) -> Fallible {
        let fetched = self.root.join(FETCHED);
        let stored = self.stored();
        for directory in [&fetched, &stored] {
            if directory.exists() {
                fs::remove_dir_all(directory)?;
            }
            fs::create_dir(directory)?;
        }
        let owner = fs::metadata(&self.root)?;
        std::os::unix::fs::chown(
            &stored,
            Some(std::os::unix::fs::MetadataExt::uid(&owner)),
            Some(std::os::unix::fs::MetadataExt::gid(&owner)),
        )?;
        fill(&fetched, files)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The keeper lives as long as its standard input.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Runs a server until standard input ends. `arguments`: its kind, and where.
pub(crate) fn keep(arguments: &[String]) -> Fallible {
    let [kind, place] = arguments else {
        return Err(format!("{KEEP} needs a kind and a place").into());
    };
    let options = Options {
        tls: Tls::Explicit,
        address: (place == "far").then(|| FAR.into()),
        // A log is what is measured otherwise, and 126 passive ports are soon used up.
        quiet: true,
        ..Options::default()
    };
    let server = peers::start(kind.parse()?, &options)?;
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "{}\n{}\n{}\n{}\n{}",
        server.addr(),
        server.user(),
        server.password(),
        server.ca_path().display(),
        server.root().display(),
    )?;
    output.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

/// Writes so many files.
pub(crate) fn fill(directory: &Path, files: usize) -> Fallible {
    for index in 0..files {
        fs::write(directory.join(file_name(index)), contents(index))?;
    }
    Ok(())
}

/// What is in the file with this number.
pub(crate) fn contents(index: usize) -> Vec<u8> {
    small_files::contents(index, FILE_SIZE)
}
