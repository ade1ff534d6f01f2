//! Transfers of every kind, one after the other, until one does not work.

use std::fs;
use std::io::{self, Read, Write};
use std::time::Instant;

use ftp_proto::FailureKind;
use ftp_proto::tls::Version;
use ftp_proto_blocking::{Error, Transfer};
use ftp_proto_tests::peers::{Kind, Server};

use crate::others;
use crate::session::{Random, Session, Told, bytes, strict};

/// Transfers on each server, unless `FTPS_SOAK` says otherwise.
const TRANSFERS: u64 = 150;

/// Uploads without anything in between.
const IN_A_ROW: u64 = 60;

/// Files on the server at any time.
const FILES: u64 = 12;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) client: &'static str,
    pub(crate) server: Kind,
    pub(crate) version: Version,
    pub(crate) what: &'static str,
    pub(crate) transfers: u64,
    pub(crate) failures: u64,
    pub(crate) resumed: String,
    pub(crate) seconds: f64,
    pub(crate) remark: String,
}

#[test]
fn soak() {
    let count = std::env::var("FTPS_SOAK").map_or(TRANSFERS, |count| count.parse().unwrap());
    let only = std::env::var("FTPS_ONLY").unwrap_or_default();
    let servers = [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib];
    let mut rows = Vec::new();
    for kind in servers {
        for version in [Version::Tls13, Version::Tls12] {
            if kind.name().contains(&only) {
                rows.push(mixed(kind, version, count));
            }
        }
    }
    for version in [Version::Tls13, Version::Tls12] {
        rows.push(in_a_row(Kind::ProFtpd, version));
        if only.is_empty() {
            rows.extend(others::uploads_in_a_row(Kind::ProFtpd, version, IN_A_ROW));
        }
    }
    println!(
        "\n{:<9} {:<9} {:<4} {:<16} {:>9} {:>8} {:>13} {:>8}  remark",
        "client", "server", "TLS", "what", "transfers", "failures", "resumed", "seconds"
    );
    for row in &rows {
        println!(
            "{:<9} {:<9} {:<4} {:<16} {:>9} {:>8} {:>13} {:>8.1}  {}",
            row.client,
            row.server.name(),
            shown(row.version),
            row.what,
            row.transfers,
            row.failures,
            row.resumed,
            row.seconds,
            row.remark
        );
    }
    let failed: u64 = rows
        .iter()
        .filter(|row| row.client == OURS)
        .map(|row| row.failures)
        .sum();
    assert_eq!(failed, 0);
}

const OURS: &str = "ftp-proto";

pub(crate) fn shown(version: Version) -> &'static str {
    match version {
        Version::Tls12 => "1.2",
        Version::Tls13 => "1.3",
    }
}

fn mixed(kind: Kind, version: Version, count: u64) -> Row {
    let server = strict(kind, version);
    let mut soak = Soak {
        session: Session::begin(&server, |builder| builder),
        random: Random::new(count ^ kind as u64),
        files: (0..FILES).map(|_| None).collect(),
        server: &server,
    };
    fs::write(server.root().join("long.bin"), bytes(7, 6_000_000)).unwrap();
    let begun = Instant::now();
    let mut failures = 0;
    for number in 0..count {
        if let Err(problem) = soak.one(number) {
            failures += 1;
            println!(
                "== {kind} TLS {} transfer {number}: {problem}\n{}\n{}",
                shown(version),
                soak.session.told.lock().unwrap().dialogue(),
                server.log()
            );
            // What comes after it may only be a consequence.
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    if failures == 0 {
        soak.session.client.quit().unwrap();
    }
    let told = soak.session.told.lock().unwrap();
    if failures == 0 {
        check(&told, kind, version);
    }
    row(&told, kind, version, ("mixed", count, failures), seconds)
}

fn in_a_row(kind: Kind, version: Version) -> Row {
    let server = strict(kind, version);
    let mut session = Session::begin(&server, |builder| builder);
    let begun = Instant::now();
    let mut failures = 0;
    for number in 0..IN_A_ROW {
        let content = bytes(number, 10_000);
        let name = format!("row-{number}");
        let stored = session.client.store(&name, &mut content.as_slice());
        if stored.is_err() || fs::read(server.root().join(&name)).unwrap() != content {
            failures += 1;
            println!(
                "== upload {number}: {stored:?}\n{}",
                session.told.lock().unwrap().dialogue()
            );
            break;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    session.client.quit().unwrap();
    let told = session.told.lock().unwrap();
    check(&told, kind, version);
    let what = ("uploads in a row", IN_A_ROW, failures);
    row(&told, kind, version, what, seconds)
}

/// Where the server lets a session be resumed, each data connection has done it, but for those that were there to bring tickets.
fn check(told: &Told, kind: Kind, version: Version) {
    assert_eq!(
        told.versions,
        [match version {
            Version::Tls12 => ftp_proto::TlsVersion::Tls12,
            Version::Tls13 => ftp_proto::TlsVersion::Tls13,
        }]
    );
    if kind == Kind::PureFtpd && version == Version::Tls13 {
        assert_eq!(told.resumed, 0, "it hands out tickets now");
    } else {
        assert_eq!(told.handshakes - told.resumed, told.renewals);
    }
    if kind != Kind::ProFtpd || version == Version::Tls12 {
        assert_eq!(told.renewals, 0);
    }
}

fn row(
    told: &Told,
    server: Kind,
    version: Version,
    (what, transfers, failures): (&'static str, u64, u64),
    seconds: f64,
) -> Row {
    Row {
        client: OURS,
        server,
        version,
        what,
        transfers,
        failures,
        resumed: format!("{}/{}", told.resumed, told.handshakes),
        seconds,
        remark: match told.renewals {
            0 => String::new(),
            count => format!("{count} listings for tickets"),
        },
    }
}

struct Soak<'a> {
    server: &'a Server,
    session: Session,
    random: Random,
    /// What each file holds, once it is there.
    files: Vec<Option<Vec<u8>>>,
}

impl Soak<'_> {
    fn one(&mut self, number: u64) -> Result<(), String> {
        let file = self.random.below(FILES);
        match self.random.below(20) {
            0..=6 => {
                let limit = if number.is_multiple_of(50) {
                    3_000_000
                } else {
                    60_000
                };
                let size = self.random.below(limit);
                self.upload(file, number, size)
            }
            7 => self.upload(file, number, 0),
            8..=12 => self.download(file, number),
            13..=15 => self.listing(number),
            16 if number.is_multiple_of(2) => self.cut_download(),
            16 => self.download_nobody_can_write(file, number),
            17 if number.is_multiple_of(2) => self.cut_upload(),
            17 => self.upload_nobody_can_read(),
            18 => self.refused_download(),
            _ => {
                for _ in 0..3 {
                    let size = self.random.below(20_000);
                    self.upload(file, number, size)?;
                }
                Ok(())
            }
        }
    }

    fn upload(&mut self, file: u64, number: u64, size: u64) -> Result<(), String> {
        let content = bytes(number, usize::try_from(size).unwrap());
        let name = format!("file-{file}");
        let done = self
            .session
            .client
            .store(&name, &mut content.as_slice())
            .map_err(|error| format!("upload of {size} bytes: {error}"))?;
        let there = fs::read(self.server.root().join(&name)).unwrap();
        if done.bytes != size || there != content {
            return Err(format!("upload of {size} bytes: {} are there", there.len()));
        }
        self.files[usize::try_from(file).unwrap()] = Some(content);
        Ok(())
    }

    fn download(&mut self, file: u64, number: u64) -> Result<(), String> {
        let Some(content) = &self.files[usize::try_from(file).unwrap()] else {
            return self.upload(file, number, 1000);
        };
        let mut came = Vec::new();
        let size = content.len();
        self.session
            .client
            .retrieve(format!("file-{file}"), &mut came)
            .map_err(|error| format!("download of {size} bytes: {error}"))?;
        if came != *content {
            return Err(format!("download of {size} bytes: {} came", came.len()));
        }
        Ok(())
    }

    fn listing(&mut self, number: u64) -> Result<(), String> {
        let client = &mut self.session.client;
        let listing = match number % 2 {
            0 => client.list(""),
            _ => client.names(""),
        };
        let listing = listing.map_err(|error| format!("listing: {error}"))?;
        let listing = String::from_utf8_lossy(&listing);
        for (file, content) in self.files.iter().enumerate() {
            if content.is_some() && !listing.contains(&format!("file-{file}")) {
                return Err(format!("listing: file-{file} is not in {listing}"));
            }
        }
        Ok(())
    }

    /// A download whose reader goes away in the middle.
    fn cut_download(&mut self) -> Result<(), String> {
        let mut reader = self
            .session
            .client
            .reader("long.bin")
            .map_err(|error| format!("download to be cut: {error}"))?;
        let mut head = [0; 20_000];
        reader
            .read_exact(&mut head)
            .map_err(|error| format!("download to be cut: {error}"))?;
        Ok(())
    }

    /// An upload whose writer goes away in the middle.
    fn cut_upload(&mut self) -> Result<(), String> {
        let mut writer = self
            .session
            .client
            .writer("cut.bin")
            .map_err(|error| format!("upload to be cut: {error}"))?;
        writer
            .write_all(&bytes(3, 100_000))
            .map_err(|error| format!("upload to be cut: {error}"))?;
        Ok(())
    }

    /// A download onto a disk that becomes full.
    fn download_nobody_can_write(&mut self, file: u64, number: u64) -> Result<(), String> {
        let (name, room) = match &self.files[usize::try_from(file).unwrap()] {
            // The server may be done before the disk is full.
            Some(content) if !content.is_empty() && number % 4 == 1 => {
                (format!("file-{file}"), content.len() / 2)
            }
            _ => ("long.bin".to_owned(), 20_000),
        };
        let done = self.session.client.retrieve(name, &mut Fails(room));
        failed_here("download onto a full disk", done)
    }

    /// An upload of a file that cannot be read to its end.
    fn upload_nobody_can_read(&mut self) -> Result<(), String> {
        let done = self.session.client.store("cut.bin", &mut Fails(100_000));
        failed_here("upload of what cannot be read", done)
    }

    fn refused_download(&mut self) -> Result<(), String> {
        let refused = self
            .session
            .client
            .retrieve("no-such-file", &mut std::io::sink());
        match refused {
            Err(Error::Failed(failed)) if failed.failure.kind == FailureKind::Refused => Ok(()),
            other => Err(format!("download of nothing: {other:?}")),
        }
    }
}

fn failed_here(what: &str, done: Result<Transfer, Error>) -> Result<(), String> {
    match done {
        Err(Error::Local(error)) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
        other => Err(format!("{what}: {other:?}")),
    }
}

/// A reader, and a writer, that fails after so many bytes.
struct Fails(usize);

impl Fails {
    fn take(&mut self, wanted: usize) -> io::Result<usize> {
        let count = wanted.min(self.0);
        self.0 -= count;
        match count {
            0 => Err(io::ErrorKind::StorageFull.into()),
            count => Ok(count),
        }
    }
}

impl Read for Fails {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.take(into.len())
    }
}

impl Write for Fails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
