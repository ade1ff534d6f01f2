//! What real servers answer to LIST, NLST and MLSD about one directory: the same files, as they are on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ftp_proto::client::{ClearText, Security};
use ftp_proto::listing::{Command, Decoder, Entry, Item, Kind, Names, Options, Time, Zone};
use ftp_proto::wire::date::Timestamp;
use ftp_proto::{Limits, Secret};
use ftp_proto_blocking::Client;
use ftp_proto_tests::peers::{self, Kind as Peer};

#[test]
fn list_of_vsftpd() {
    compare(Peer::Vsftpd, false);
}

#[test]
fn list_and_mlsd_of_proftpd() {
    compare(Peer::ProFtpd, true);
}

#[test]
fn list_and_mlsd_of_pure_ftpd() {
    compare(Peer::PureFtpd, true);
}

#[test]
fn list_and_mlsd_of_pyftpdlib() {
    compare(Peer::Pyftpdlib, true);
}

/// What is compared: what both LIST and MLSD can say.
#[derive(Debug, PartialEq, Eq)]
struct File {
    kind: Kind,
    /// Of files and links.
    size: Option<u64>,
    mode: Option<u32>,
    target: Option<Vec<u8>>,
    time: Option<Time>,
}

type Files = BTreeMap<Vec<u8>, File>;

fn compare(kind: Peer, has_mlsd: bool) {
    let server = peers::start(kind, &peers::Options::default()).unwrap();
    furnish(server.root());
    let on_disk = disk(server.root());
    let mut client = Client::builder()
        .security(Security::clear(ClearText::Everybody))
        .connect(&server.addr().ip().to_string(), server.addr().port())
        .unwrap();
    client
        .login(server.user(), Secret::new(server.password().as_bytes()))
        .unwrap();

    let mut options = Options::new(now());
    options.hint_from_system(&client.system().unwrap().text);
    let mut listing = Vec::new();
    client.list_to("", &mut listing).unwrap();
    // The zone of the server, from one file that both commands know.
    let utc = client.modified("fresh.bin").unwrap();
    let fresh = read(&options, &listing)[&b"fresh.bin"[..]].time.unwrap();
    options.zone = Zone::infer(&fresh, utc).unwrap();
    println!("{kind}: {} files, {:?}", on_disk.len(), options.zone);

    let listed = read(&options, &listing);
    assert_eq!(names_of(&listed), names_of(&on_disk), "{kind}");
    for (name, disk) in &on_disk {
        let file = &listed[name];
        let name = name.escape_ascii();
        assert_eq!(
            (file.kind, file.size),
            (disk.kind, disk.size),
            "{kind} {name}"
        );
        assert_eq!(
            (file.mode, &file.target),
            (disk.mode, &disk.target),
            "{kind} {name}"
        );
        let (listed, disk) = (seconds(file), seconds(disk));
        let slack = match file.time.unwrap().year_given {
            // A day, for files older than half a year.
            true => 86_400,
            false => 60,
        };
        assert!(
            (0..slack).contains(&(disk - listed)),
            "{kind} {name}: {disk} {listed}"
        );
    }

    let mut names = Vec::new();
    client.names_to("", &mut names).unwrap();
    assert_eq!(bare_names(&names), names_of(&on_disk), "{kind}");

    if has_mlsd {
        let mut facts = Vec::new();
        client.facts_to("", &mut facts).unwrap();
        options.command = Command::Mlsd;
        let by_facts = read(&options, &facts);
        assert_eq!(names_of(&by_facts), names_of(&listed), "{kind}");
        for (name, file) in &by_facts {
            let (listed, disk) = (&listed[name], &on_disk[name]);
            let name = name.escape_ascii();
            // Links are followed by some servers.
            if disk.kind == Kind::Link {
                continue;
            }
            assert_eq!(
                (file.kind, file.size),
                (listed.kind, listed.size),
                "{kind} {name}"
            );
            assert!(
                file.mode.is_none() || file.mode == listed.mode,
                "{kind} {name}"
            );
            assert_eq!(seconds(file), seconds(disk), "{kind} {name}");
        }
    }
    client.quit().unwrap();
}

/// More than the servers begin with: blanks, a link, an empty directory, a file of now.
fn furnish(root: &Path) {
    fs::write(root.join("fresh.bin"), b"fresh").unwrap();
    fs::write(root.join("two  blanks"), b"x").unwrap();
    fs::write(root.join("a; b=c"), b"xy").unwrap();
    fs::create_dir(root.join("empty dir")).unwrap();
    symlink("fresh.bin", root.join("link")).unwrap();
}

fn disk(root: &Path) -> Files {
    let mut files = Files::new();
    for file in fs::read_dir(root).unwrap() {
        let file = file.unwrap();
        let about = file.path().symlink_metadata().unwrap();
        let kind = match about.file_type() {
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::File,
        };
        let target = fs::read_link(file.path()).ok();
        files.insert(
            file.file_name().as_bytes().to_vec(),
            File {
                kind,
                size: (kind != Kind::Directory).then_some(about.len()),
                mode: Some(about.mode() & 0o7777),
                target: target.map(|target| target.as_os_str().as_bytes().to_vec()),
                time: Some(Time {
                    stamp: Timestamp::from_unix_seconds(about.mtime()).unwrap(),
                    precision: ftp_proto::listing::Precision::Second,
                    year_given: true,
                    zone: Zone::Utc,
                }),
            },
        );
    }
    files
}

/// Every line is explained, and every child of the directory is there by its name.
fn read(options: &Options, listing: &[u8]) -> Files {
    let mut decoder = Decoder::new(options);
    let mut files = Files::new();
    let mut take = |item: Item<'_>| match item {
        Item::Entry(entry) if entry.is_child() => {
            assert!(files.insert(entry.name.to_vec(), file(&entry)).is_none());
        }
        Item::Entry(_) | Item::Remark(_) => {}
        other => panic!("{other:?}"),
    };
    let mut rest = listing;
    while let Some(item) = decoder.decode(&mut rest) {
        take(item);
    }
    while let Some(item) = decoder.finish() {
        take(item);
    }
    files
}

fn file(entry: &Entry<'_>) -> File {
    File {
        kind: entry.kind,
        size: entry.octets().filter(|_| entry.kind != Kind::Directory),
        mode: entry.mode(),
        target: entry.target.map(<[u8]>::to_vec),
        time: entry.time,
    }
}

fn bare_names(listing: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Names::new(b"", &Limits::default());
    let mut names = Vec::new();
    let mut rest = listing;
    while let Some(name) = decoder.decode(&mut rest) {
        names.push(name.unwrap().to_vec());
    }
    while let Some(name) = decoder.finish() {
        names.push(name.unwrap().to_vec());
    }
    names.sort();
    names
}

fn names_of(files: &Files) -> Vec<Vec<u8>> {
    files.keys().cloned().collect()
}

fn seconds(file: &File) -> i64 {
    file.time.unwrap().utc().unwrap().to_unix_seconds()
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_seconds(i64::try_from(now.as_secs()).unwrap()).unwrap()
}
