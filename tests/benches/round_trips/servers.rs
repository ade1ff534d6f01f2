//! The servers, each kept by a copy of this program at the far end of the link.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::str::FromStr;

use ftp_proto_tests::link::{FAR, Link};
use ftp_proto_tests::peers;

use crate::Fallible;

/// First argument that makes this program keep a server.
pub(crate) const KEEP: &str = "--keep-server";

const FILE_SIZE: usize = 12 * 1024;

/// The server programs to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Vsftpd,
    ProFtpd,
    PureFtpd,
    Pyftpdlib,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Vsftpd, Self::ProFtpd, Self::PureFtpd, Self::Pyftpdlib];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vsftpd => "vsftpd",
            Self::ProFtpd => "ProFTPD",
            Self::PureFtpd => "Pure-FTPd",
            Self::Pyftpdlib => "pyftpdlib",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |kind: &Self| kind.to_string().eq_ignore_ascii_case(name);
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| format!("no server {name}"))
    }
}

/// A running server at the far end, with [`file_name`]d files in it. Stopped when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddrV4,
    pub(crate) user: String,
    pub(crate) password: String,
    /// PEM file of the certificate authority.
    pub(crate) ca: PathBuf,
    keeper: Child,
}

impl Server {
    pub(crate) fn start(link: &Link, kind: Kind, files: usize) -> Fallible<Self> {
        let mut keeper = link
            .far(std::env::current_exe()?)
            .args([KEEP, &kind.to_string(), &files.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = BufReader::new(keeper.stdout.take().ok_or("no output")?).lines();
        let mut next = || {
            said.next()
                .ok_or_else(|| format!("the keeper of {kind} ended"))?
                .map_err(|error| error.to_string())
        };
        let (address, user, password, ca) = (next()?, next()?, next()?, next()?);
        Ok(Self {
            address: address.parse()?,
            user,
            password,
            ca: ca.into(),
            keeper,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The keeper lives as long as its standard input.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Runs a server until standard input ends. `arguments`: its kind, the number of files to put into it.
pub(crate) fn keep(arguments: &[String]) -> Fallible {
    let [kind, files] = arguments else {
        return Err(format!("{KEEP} needs a kind and a number of files").into());
    };
    let kind = match kind.parse()? {
        Kind::Vsftpd => peers::Kind::Vsftpd,
        Kind::ProFtpd => peers::Kind::ProFtpd,
        Kind::PureFtpd => peers::Kind::PureFtpd,
        Kind::Pyftpdlib => peers::Kind::Pyftpdlib,
    };
    let options = peers::Options {
        address: FAR.into(),
        ..peers::Options::default()
    };
    let server = peers::start(kind, &options);
    for index in 0..files.parse()? {
        std::fs::write(server.root().join(file_name(index)), contents(index))?;
    }
    let mut output = io::stdout().lock();
    writeln!(output, "{}", server.addr())?;
    writeln!(
        output,
        "{}\n{}\n{}",
        server.user(),
        server.password(),
        server.ca_path().display()
    )?;
    output.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

/// Name of the file with this number.
pub(crate) fn file_name(index: usize) -> String {
    format!("file-{index}.bin")
}

/// What is in it: every byte value, differently for each file, so that a mix-up or a changed line end shows.
pub(crate) fn contents(index: usize) -> Vec<u8> {
    (0..FILE_SIZE)
        .map(|at| (at * 31 + at / 256 + index * 7) as u8)
        .collect()
}
