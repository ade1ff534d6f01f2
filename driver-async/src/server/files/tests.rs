use std::fs;

use super::*;
use crate::server::testing::{path, read_all, write_all};

struct Room {
    storage: FileStorage,
    directory: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(directory.path().join("outside"), "secret").unwrap();
        Room {
            storage: FileStorage::open(&root).unwrap(),
            directory,
        }
    }

    fn with(self, change: impl FnOnce(FileStorage) -> FileStorage) -> Self {
        Room {
            storage: change(self.storage),
            ..self
        }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn put(&self, name: &str, contents: &str) {
        fs::write(self.root().join(name), contents).unwrap();
    }

    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root().join(name)).ok()
    }

    /// Everything there is, unfinished uploads included.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn listed(&self, at: &str) -> Vec<String> {
        smol::block_on(async {
            let mut listing = self.storage.list(&path(at)).await.unwrap();
            let mut names = Vec::new();
            loop {
                let entries = listing.next().await.unwrap();
                if entries.is_empty() {
                    return names;
                }
                for entry in entries {
                    names.push(String::from_utf8(entry.name).unwrap());
                }
            }
        })
    }

    fn begin(&self, name: &str, mode: WriteMode) -> Result<Box<dyn Sink>, Refused> {
        smol::block_on(self.storage.write(&path(name), Write::new(mode)))
    }

    fn upload(&self, name: &str, mode: WriteMode, contents: &str) -> Result<(), Refused> {
        smol::block_on(write_all(&self.storage, name, mode, contents.as_bytes()))
    }

    /// An upload that is cut behind its last byte.
    fn cut(&self, name: &str, mode: WriteMode, contents: &str) {
        smol::block_on(async {
            let mut sink = self
                .storage
                .write(&path(name), Write::new(mode))
                .await
                .unwrap();
            let bytes = contents.as_bytes().to_vec();
            sink.write(bytes, contents.len()).await.unwrap();
            sink.cut().await.unwrap();
        });
    }

    fn download(&self, name: &str, offset: u64) -> Result<Vec<u8>, Refused> {
        smol::block_on(read_all(&self.storage, name, offset))
    }
}

macro_rules! refused {
    ($result:expr, $error:pat) => {
        match $result {
            Err($error) => {}
            Err(other) => panic!("refused by {other:?}"),
            Ok(_) => panic!("not refused"),
        }
    };
}

#[test]
fn a_file_comes_back_as_it_went() {
    let room = Room::new();
    room.upload("a", WriteMode::Replace, "first").unwrap();
    room.upload("a", WriteMode::Replace, "hello world").unwrap();
    assert_eq!(room.download("a", 0).unwrap(), b"hello world");
    assert_eq!(room.download("a", 6).unwrap(), b"world");
    assert_eq!(room.download("a", 11).unwrap(), b"");
    refused!(room.download("a", 12), Refused::BadOffset);
    refused!(room.download("b", 0), Refused::NotFound);
    assert_eq!(room.names(), ["a"]);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_not_followed() {
    use std::os::unix::fs::symlink;
    let room = Room::new();
    let outside = room.directory.path();
    symlink(outside.join("outside"), room.root().join("file")).unwrap();
    symlink(outside, room.root().join("directory")).unwrap();
    symlink("../outside", room.root().join("relative")).unwrap();
    symlink("/etc", room.root().join("etc")).unwrap();

    for name in ["file", "relative", "directory/outside", "etc/passwd"] {
        refused!(room.download(name, 0), Refused::Denied);
        refused!(
            smol::block_on(room.storage.stat(&path(name))),
            Refused::Denied
        );
        refused!(room.upload(name, WriteMode::Append, "x"), Refused::Denied);
    }
    refused!(
        smol::block_on(room.storage.list(&path("directory"))),
        Refused::Denied
    );
    refused!(
        smol::block_on(room.storage.remove_file(&path("directory/outside"))),
        Refused::Denied
    );
    refused!(
        smol::block_on(
            room.storage
                .rename(&path("directory/outside"), &path("x"), true)
        ),
        Refused::Denied
    );
    refused!(
        smol::block_on(room.storage.make_directory(&path("directory/new"))),
        Refused::Denied
    );
    assert_eq!(
        fs::read_to_string(outside.join("outside")).unwrap(),
        "secret"
    );
    // The links themselves are listed, and can be removed.
    assert_eq!(room.listed(""), ["directory", "etc", "file", "relative"]);
    smol::block_on(room.storage.remove_file(&path("file"))).unwrap();
    assert_eq!(
        fs::read_to_string(outside.join("outside")).unwrap(),
        "secret"
    );
}

#[cfg(unix)]
#[test]
fn a_link_that_stays_inside_is_followed() {
    use std::os::unix::fs::symlink;
    let room = Room::new();
    room.put("a", "hello");
    symlink("a", room.root().join("b")).unwrap();
    assert_eq!(room.download("b", 0).unwrap(), b"hello");
    let entry = smol::block_on(room.storage.stat(&path("b"))).unwrap();
    assert_eq!((entry.kind, entry.size), (Kind::File, Some(5)));
}

#[cfg(unix)]
#[test]
fn a_directory_that_becomes_a_link_during_an_upload_leads_nowhere_else() {
    use std::os::unix::fs::symlink;
    let room = Room::new();
    fs::create_dir(room.root().join("in")).unwrap();
    let mut sink = room.begin("in/file", WriteMode::Replace).unwrap();
    fs::rename(room.root().join("in"), room.root().join("moved")).unwrap();
    symlink(room.directory.path(), room.root().join("in")).unwrap();
    smol::block_on(async {
        sink.write(b"hello".to_vec(), 5).await.unwrap();
        sink.commit().await.unwrap();
    });
    assert_eq!(room.file("moved/file").as_deref(), Some("hello"));
    assert!(!room.directory.path().join("file").exists());
}

#[test]
fn names_that_are_no_names_are_refused() {
    let room = Room::new();
    for name in [
        &[b"..".as_slice(), b"outside"][..],
        &[b"."],
        &[b"../outside"],
        &[b"/etc/passwd"],
        &[b"a/../../outside"],
        &[b""],
    ] {
        refused!(relative(name.iter().copied()), Refused::BadName);
    }
    // NUL is refused by the system, whoever lets it through.
    assert!(room.storage.root.open("a\0b").is_err());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_opened() {
    let room = Room::new();
    let made = std::process::Command::new("mkfifo")
        .arg(room.root().join("pipe"))
        .status();
    if made.is_ok_and(|status| status.success()) {
        refused!(room.download("pipe", 0), Refused::Denied);
        refused!(
            room.upload("pipe", WriteMode::Replace, "x"),
            Refused::Denied
        );
    }
}

#[test]
fn an_upload_appears_when_it_is_whole() {
    let room = Room::new();
    room.put("a", "before");
    let mut sink = room.begin("a", WriteMode::Replace).unwrap();
    smol::block_on(sink.write(b"after!!".to_vec(), 5)).unwrap();
    assert_eq!(room.file("a").as_deref(), Some("before"));
    assert_eq!(room.listed(""), ["a"]);
    assert_eq!(room.names().len(), 2);
    let unfinished = room.names()[0].clone();
    refused!(room.download(&unfinished, 0), Refused::BadName);
    smol::block_on(sink.commit()).unwrap();
    assert_eq!(room.file("a").as_deref(), Some("after"));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_cut_upload_leaves_what_was_there() {
    let room = Room::new();
    room.put("a", "before");
    room.cut("a", WriteMode::Replace, "af");
    room.cut("a", WriteMode::Append, "more");
    room.cut("a", WriteMode::At(3), "x");
    room.cut("new", WriteMode::Replace, "x");
    assert_eq!(room.file("a").as_deref(), Some("before"));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_cut_upload_can_be_kept_to_go_on_from() {
    let room = Room::new().with(|storage| storage.cut(Cut::Keep));
    room.cut("a", WriteMode::Replace, "hello");
    assert_eq!(room.file("a").as_deref(), Some("hello"));
    room.cut("a", WriteMode::At(5), " wor");
    room.upload("a", WriteMode::Append, "ld").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello world"));
    // Where nothing has come there is nothing to go on from.
    room.cut("a", WriteMode::Replace, "");
    assert_eq!(room.file("a").as_deref(), Some("hello world"));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_dropped_upload_is_a_cut_one() {
    let room = Room::new();
    let mut sink = room.begin("a", WriteMode::Replace).unwrap();
    smol::block_on(sink.write(b"x".to_vec(), 1)).unwrap();
    drop(sink);
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while !room.names().is_empty() {
        assert!(std::time::Instant::now() < end, "it is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn files_are_continued_at_the_end_and_from_within() {
    let room = Room::new();
    room.upload("a", WriteMode::Append, "hello").unwrap();
    room.upload("a", WriteMode::Append, " world").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello world"));
    // What is behind stays, as RFC 3659 section 5 leaves it.
    room.upload("a", WriteMode::At(6), "you").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello yould"));
    room.upload("a", WriteMode::At(11), "!").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello yould!"));
    refused!(room.upload("a", WriteMode::At(13), "x"), Refused::BadOffset);
    refused!(room.upload("b", WriteMode::At(1), "x"), Refused::BadOffset);
    room.upload("b", WriteMode::At(0), "x").unwrap();
    assert_eq!(room.names(), ["a", "b"]);
}

#[test]
fn what_may_not_be_made_or_changed_is_not() {
    let room = Room::new();
    room.put("a", "before");
    let write = |name, how| smol::block_on(room.storage.write(&path(name), how));
    for mode in [WriteMode::Replace, WriteMode::Append, WriteMode::At(0)] {
        let keep = Write {
            may_change: false,
            ..Write::new(mode)
        };
        let no_new = Write {
            may_create: false,
            ..Write::new(mode)
        };
        refused!(write("a", keep), Refused::Denied);
        refused!(write("b", no_new), Refused::Denied);
        assert!(write("b", keep).is_ok() && write("a", no_new).is_ok());
    }
    // Two at once: the second to end finds the name taken.
    let new = Write {
        may_change: false,
        ..Write::new(WriteMode::Replace)
    };
    let first = write("c", new).unwrap();
    let second = write("c", new).unwrap();
    smol::block_on(second.commit()).unwrap();
    refused!(smol::block_on(first.commit()), Refused::Exists);
    room.put("d", "");
    let to = |name, may_replace| {
        smol::block_on(room.storage.rename(&path("a"), &path(name), may_replace))
    };
    refused!(to("d", false), Refused::Denied);
    to("e", false).unwrap();
    assert_eq!(room.file("e").as_deref(), Some("before"));
    assert!(room.file("a").is_none());
}

#[test]
fn a_unique_name_is_one_nobody_has() {
    let room = Room::new();
    fs::create_dir(room.root().join("d")).unwrap();
    let store = |at: &str| {
        let sink = room.begin(at, WriteMode::Unique).unwrap();
        let name = String::from_utf8(sink.name().unwrap().to_vec()).unwrap();
        smol::block_on(sink.commit()).unwrap();
        name
    };
    let (one, other) = (store("d/log"), store("d/log"));
    assert!(one.starts_with("log.") && one != other);
    assert_eq!(room.listed("d").len(), 2);
    let bare = store("");
    assert_eq!(room.listed(""), ["d", &bare]);
}

#[test]
fn uploads_to_one_name_at_once_do_not_mix() {
    let room = Room::new();
    let texts: Vec<String> = (0..8)
        .map(|number| number.to_string().repeat(9000))
        .collect();
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| room.upload("a", WriteMode::Replace, text).unwrap());
        }
    });
    assert!(texts.contains(&room.file("a").unwrap()));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_reader_sees_the_file_it_opened() {
    let room = Room::new();
    room.put("a", "before");
    smol::block_on(async {
        let mut source = room.storage.read(&path("a"), 0).await.unwrap();
        write_all(&room.storage, "a", WriteMode::Replace, b"after")
            .await
            .unwrap();
        let (buffer, count) = source.read(vec![0; 100]).await.unwrap();
        assert_eq!(&buffer[..count], b"before");
    });
}

#[test]
fn directories_are_made_listed_renamed_and_removed() {
    let room = Room::new();
    let storage = &room.storage;
    smol::block_on(async {
        storage.make_directory(&path("d")).await.unwrap();
        refused!(storage.make_directory(&path("d")).await, Refused::Exists);
        refused!(
            storage.make_directory(&path("x/y")).await,
            Refused::NotFound
        );
        write_all(storage, "d/f", WriteMode::Replace, b"1")
            .await
            .unwrap();
        refused!(
            storage.remove_directory(&path("d")).await,
            Refused::NotEmpty
        );
        refused!(storage.remove_file(&path("d")).await, Refused::IsDirectory);
        refused!(
            storage.remove_directory(&path("d/f")).await,
            Refused::NotDirectory
        );
        refused!(storage.list(&path("d/f")).await, Refused::NotDirectory);
        refused!(storage.read(&path("d"), 0).await, Refused::IsDirectory);
        refused!(
            storage
                .write(&path("d"), Write::new(WriteMode::Replace))
                .await,
            Refused::IsDirectory
        );
        refused!(
            storage.rename(&path("d/f"), &path("d"), true).await,
            Refused::Exists
        );
        storage
            .rename(&path("d/f"), &path("g"), true)
            .await
            .unwrap();
        storage.rename(&path("d"), &path("e"), true).await.unwrap();
        refused!(
            storage.rename(&path("d"), &path("h"), true).await,
            Refused::NotFound
        );
        refused!(
            storage.rename(&path(""), &path("h"), true).await,
            Refused::Denied
        );
        storage.remove_directory(&path("e")).await.unwrap();
        refused!(storage.remove_directory(&path("")).await, Refused::Denied);
        storage.remove_file(&path("g")).await.unwrap();
        refused!(storage.remove_file(&path("g")).await, Refused::NotFound);
    });
    assert!(room.names().is_empty());
}

#[test]
fn a_long_listing_comes_whole_and_in_order() {
    let room = Room::new();
    let mut expected: Vec<String> = (0..ENTRIES_AT_ONCE * 2 + 3)
        .map(|number| format!("file {number}"))
        .collect();
    for name in &expected {
        room.put(name, "");
    }
    expected.sort();
    assert_eq!(room.listed(""), expected);
}

#[test]
fn times_and_modes_are_set_and_told() {
    let room = Room::new();
    room.put("a", "");
    let time = Timestamp::new(2009, 2, 13, 23, 31, 30).unwrap();
    smol::block_on(async {
        let stored = room.storage.set_modified(&path("a"), time).await.unwrap();
        assert_eq!(stored, time);
        let entry = room.storage.stat(&path("a")).await.unwrap();
        assert_eq!((entry.modified, entry.size), (Some(time), Some(0)));
        assert_eq!(entry.name, b"a");
        if cfg!(unix) {
            // Without the bits that lend rights.
            room.storage.set_mode(&path("a"), 0o4640).await.unwrap();
            let entry = room.storage.stat(&path("a")).await.unwrap();
            assert_eq!(entry.mode, Some(0o640));
        }
    });
}

#[test]
fn what_dead_servers_left_is_removed_when_it_is_old() {
    let room = Room::new();
    fs::create_dir(room.root().join("d")).unwrap();
    let name = format!("d/.ftp-{:016x}.part", 7);
    room.put(&name, "half");
    room.put("d/.ftp-1.part", "a file of somebody's");
    let old = |age| room.storage.remove_unfinished(age).unwrap();
    assert_eq!(old(Duration::from_secs(3600)), 0);
    assert!(room.file(&name).is_some());
    assert_eq!(old(Duration::ZERO), 1);
    assert!(room.file(&name).is_none());
    assert!(room.file("d/.ftp-1.part").is_some());
}
