//! Mirrors that compare digests, with our own server: every file by what is in it, also where its size and its time say nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ftp_proto::client::{ClearText, Security};
use ftp_proto::tree::{Check, Options, Summary};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::{Event, Secret};
use ftp_proto_async::server::FileStorage;

use super::embedded::{Embedded, PASSWORD, USER};
use super::real::{Directory, assert_same, furnish, set_time};

const FILES: usize = 24;

/// Passes control connections on, and hides HASH in the list of features: what is left are XCRC and its kin.
fn without_hash(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for near in listener.incoming() {
            let near = near.unwrap();
            let Ok(far) = TcpStream::connect(server) else {
                return;
            };
            let (up, down) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || pass(up, far, |_| {}));
            thread::spawn(move || {
                pass(down, near, |bytes| {
                    let found = bytes.windows(7).position(|window| window == b"\n HASH ");
                    if let Some(at) = found {
                        bytes[at + 2..at + 6].copy_from_slice(b"NONE");
                    }
                });
            });
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut block = [0; 16384];
    // Either end may go.
    while let Ok(count @ 1..) = from.read(&mut block) {
        change(&mut block[..count]);
        if to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// How often each of these commands was sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<Verb>>>);

impl Sent {
    fn note(&self, event: &Event<'_>) {
        if let Event::Sent { verb, .. } = event {
            let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            sent.push(*verb);
        }
    }

    fn count(&self, verb: Verb) -> usize {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sent.iter().filter(|sent| **sent == verb).count();
        sent.clear();
        count
    }
}

#[derive(Clone, Copy, Debug)]
enum Driver {
    Blocking,
    Async,
}

/// Sessions with the server, by one of the drivers.
struct Sessions {
    driver: Driver,
    address: SocketAddr,
    sent: Sent,
}

impl Sessions {
    fn mirror(&self, down: bool, remote: &str, local: &Path, options: Options) -> Summary {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        let password = || Secret::new(PASSWORD.as_bytes());
        let security = || Security::clear(ClearText::Everybody);
        let done = match self.driver {
            Driver::Blocking => {
                use ftp_proto_blocking::{Client, Tree};
                let tree = if down {
                    Tree::download(remote, local, options)
                } else {
                    Tree::upload(local, remote, options)
                };
                tree.unwrap().sessions(2).run(|| {
                    let sent = self.sent.clone();
                    let mut client = Client::builder()
                        .security(security())
                        .on_event(move |event| sent.note(event))
                        .connect(&host, port)?;
                    client.begin_login(USER, password(), None)?;
                    Ok(client)
                })
            }
            Driver::Async => {
                use ftp_proto_async::{Client, Tree};
                let tree = if down {
                    Tree::download(remote, local, options)
                } else {
                    Tree::upload(local, remote, options)
                };
                smol::block_on(tree.unwrap().sessions(2).run(async || {
                    let sent = self.sent.clone();
                    let mut client = Client::builder()
                        .security(security())
                        .on_event(move |event| sent.note(event))
                        .connect(&host, port)
                        .await?;
                    client.begin_login(USER, password(), None)?;
                    Ok(client)
                }))
            }
        };
        assert!(done.summary.is_complete(), "{done:?}");
        done.summary
    }
}

/// Changes one byte of some file that has any, and nothing that a listing shows.
fn corrupt(root: &Path) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut files: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.metadata().unwrap().len() > 0)
        .collect();
    files.sort();
    let next = NEXT.fetch_add(1, Ordering::SeqCst);
    let path = &files[next % files.len()];
    let time = path.metadata().unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let at = next % bytes.len();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    set_time(path, time);
}

/// One byte that no listing tells of is found on either side, in either direction, and its file is copied again; nothing else is.
#[test]
fn a_changed_byte_is_found_by_its_digest() {
    use HashAlgorithm::{Crc32, Md5, Sha256};
    for (hashes, hidden, verb) in [
        (&[Sha256, Md5, Crc32][..], false, Verb::Hash),
        (&[Crc32, Md5, Sha256], true, Verb::Xsha256),
        (&[Crc32], true, Verb::Xcrc),
    ] {
        for driver in [Driver::Blocking, Driver::Async] {
            let what = format!("{verb} {driver:?}");
            let there = Directory::new(&format!("digests-there-{verb}-{driver:?}"));
            let here = Directory::new(&format!("digests-here-{verb}-{driver:?}"));
            let own = Embedded::start(FileStorage::open(&there.0).unwrap(), |builder| {
                builder.configure(|config| config.hashes = hashes.to_vec())
            });
            let source = there.0.join("source");
            furnish(&source, FILES, 3, 5);
            let address = match hidden {
                true => without_hash(own.addr),
                false => own.addr,
            };
            let sessions = Sessions {
                driver,
                address,
                sent: Sent::default(),
            };
            let copy = there.0.join("copy");
            let mut digest = Options::default();
            digest.check = Check::Digest;
            for (down, remote, other) in [(true, "/source", &source), (false, "/copy", &copy)] {
                let what = format!("{what} {}", if down { "down" } else { "up" });
                let mirror = |options: &Options| {
                    let summary = sessions.mirror(down, remote, &here.0, options.clone());
                    (summary.copied as usize, summary.unchanged as usize)
                };
                assert_eq!(mirror(&digest), (FILES, 0), "{what}");
                assert_eq!(sessions.sent.count(verb), FILES, "{what}: files that came");
                assert_same(other, &here.0, None, &what);
                for changed in [&here.0, other] {
                    corrupt(changed);
                    // Who asks for no digest does not see it.
                    assert_eq!(mirror(&Options::default()), (0, FILES), "{what}");
                    assert_eq!(sessions.sent.count(verb), 0, "{what}");
                    assert_eq!(mirror(&digest), (1, FILES - 1), "{what}");
                    assert!(sessions.sent.count(verb) > 1, "{what}");
                    assert_same(other, &here.0, Some(1), &what);
                }
                assert_eq!(mirror(&digest), (0, FILES), "{what}: all the same");
                assert!(sessions.sent.count(verb) > 1, "{what}");
            }
            println!("{what}: one changed byte of {FILES} files found four times");
        }
    }
}
