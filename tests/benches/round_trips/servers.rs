//! The servers, each kept by a copy of this program at the far end of the link.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use ftp_proto_tests::link::{FAR, Link};
use ftp_proto_tests::peers::{self, Kind, Options, Tls};
use ftp_proto_tests::small_files;
pub(crate) use ftp_proto_tests::small_files::name as file_name;

use crate::Fallible;

/// First argument that makes this program keep a server.
pub(crate) const KEEP: &str = "--keep-server";

const FILE_SIZE: usize = 12 * 1024;

/// The servers to meet: those with TLS.
pub(crate) const KINDS: [Kind; 4] = [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib];

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
    let options = Options {
        tls: Tls::Explicit,
        address: Some(FAR.into()),
        ..Options::default()
    };
    let server = peers::start(kind.parse()?, &options)?;
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

/// What is in the file with this number.
pub(crate) fn contents(index: usize) -> Vec<u8> {
    small_files::contents(index, FILE_SIZE)
}
