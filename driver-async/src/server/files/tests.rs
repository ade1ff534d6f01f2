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

    fn begin(&self, name: &str, upload: Upload) -> Result<Box<dyn Sink>, StorageError> {
        smol::block_on(self.storage.write(&path(name), upload))
    }

    fn upload(&self, name: &str, upload: Upload, contents: &str) -> Result<(), StorageError> {
        smol::block_on(write_all(&self.storage, name, upload, contents.as_bytes()))
    }

    /// An upload that is cut behind its last byte.
    fn cut(&self, name: &str, upload: Upload, contents: &str) {
        smol::block_on(async {
            let mut sink = self.storage.write(&path(name), upload).await.unwrap();
            let bytes = contents.as_bytes().to_vec();
            sink.write(bytes, contents.len()).await.unwrap();
            sink.cut().await.unwrap();
        });
    }

    fn download(&self, name: &str, offset: u64) -> Result<Vec<u8>, StorageError> {
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
    room.upload("a", Upload::Replace, "first").unwrap();
    room.upload("a", Upload::Replace, "hello world").unwrap();
    assert_eq!(room.download("a", 0).unwrap(), b"hello world");
    assert_eq!(room.download("a", 6).unwrap(), b"world");
    assert_eq!(room.download("a", 11).unwrap(), b"");
    refused!(room.download("a", 12), StorageError::BadOffset);
    refused!(room.download("b", 0), StorageError::NotFound);
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
        refused!(room.download(name, 0), StorageError::Denied);
        refused!(
            smol::block_on(room.storage.metadata(&path(name))),
            StorageError::Denied
        );
        refused!(room.upload(name, Upload::Append, "x"), StorageError::Denied);
    }
    refused!(
        smol::block_on(room.storage.list(&path("directory"))),
        StorageError::Denied
    );
    refused!(
        smol::block_on(room.storage.remove_file(&path("directory/outside"))),
        StorageError::Denied
    );
    refused!(
        smol::block_on(room.storage.rename(&path("directory/outside"), &path("x"))),
        StorageError::Denied
    );
    refused!(
        smol::block_on(room.storage.make_directory(&path("directory/new"))),
        StorageError::Denied
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
    let metadata = smol::block_on(room.storage.metadata(&path("b"))).unwrap();
    assert_eq!((metadata.kind, metadata.size), (Kind::File, 5));
}

#[cfg(unix)]
#[test]
fn a_directory_that_becomes_a_link_during_an_upload_leads_nowhere_else() {
    use std::os::unix::fs::symlink;
    let room = Room::new();
    fs::create_dir(room.root().join("in")).unwrap();
    let mut sink = room.begin("in/file", Upload::Replace).unwrap();
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
        refused!(relative(name.iter().copied()), StorageError::BadName);
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
        refused!(room.download("pipe", 0), StorageError::Denied);
        refused!(
            room.upload("pipe", Upload::Replace, "x"),
            StorageError::Denied
        );
    }
}

#[test]
fn an_upload_appears_when_it_is_whole() {
    let room = Room::new();
    room.put("a", "before");
    let mut sink = room.begin("a", Upload::Replace).unwrap();
    smol::block_on(sink.write(b"after!!".to_vec(), 5)).unwrap();
    assert_eq!(room.file("a").as_deref(), Some("before"));
    assert_eq!(room.listed(""), ["a"]);
    assert_eq!(room.names().len(), 2);
    let unfinished = room.names()[0].clone();
    refused!(room.download(&unfinished, 0), StorageError::BadName);
    smol::block_on(sink.commit()).unwrap();
    assert_eq!(room.file("a").as_deref(), Some("after"));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_cut_upload_leaves_what_was_there() {
    let room = Room::new();
    room.put("a", "before");
    room.cut("a", Upload::Replace, "af");
    room.cut("a", Upload::Append, "more");
    room.cut("a", Upload::From(3), "x");
    room.cut("new", Upload::Replace, "x");
    assert_eq!(room.file("a").as_deref(), Some("before"));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_cut_upload_can_be_kept_to_go_on_from() {
    let room = Room::new().with(|storage| storage.cut(Cut::Keep));
    room.cut("a", Upload::Replace, "hello");
    assert_eq!(room.file("a").as_deref(), Some("hello"));
    room.cut("a", Upload::From(5), " wor");
    room.upload("a", Upload::Append, "ld").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello world"));
    // Where nothing has come there is nothing to go on from.
    room.cut("a", Upload::Replace, "");
    assert_eq!(room.file("a").as_deref(), Some("hello world"));
    assert_eq!(room.names(), ["a"]);
}

#[test]
fn a_dropped_upload_is_a_cut_one() {
    let room = Room::new();
    let mut sink = room.begin("a", Upload::Replace).unwrap();
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
    room.upload("a", Upload::Append, "hello").unwrap();
    room.upload("a", Upload::Append, " world").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello world"));
    room.upload("a", Upload::From(6), "you").unwrap();
    assert_eq!(room.file("a").as_deref(), Some("hello you"));
    refused!(
        room.upload("a", Upload::From(10), "x"),
        StorageError::BadOffset
    );
    refused!(
        room.upload("b", Upload::From(1), "x"),
        StorageError::BadOffset
    );
    let room = room.with(|storage| storage.append(false));
    refused!(room.upload("a", Upload::Append, "x"), StorageError::Denied);
}

#[test]
fn what_may_not_be_replaced_is_not_whoever_comes_first() {
    let room = Room::new().with(|storage| storage.overwrite(false));
    room.put("a", "before");
    refused!(room.upload("a", Upload::Replace, "x"), StorageError::Exists);
    refused!(
        smol::block_on(room.storage.rename(&path("a"), &path("a"))),
        StorageError::Exists
    );
    // Two at once: the second to end finds the name taken.
    let first = room.begin("b", Upload::Replace).unwrap();
    let second = room.begin("b", Upload::Replace).unwrap();
    smol::block_on(second.commit()).unwrap();
    refused!(smol::block_on(first.commit()), StorageError::Exists);
    assert_eq!(room.names(), ["a", "b"]);
    let room = room.with(|storage| storage.overwrite(true));
    let first = room.begin("c", Upload::New).unwrap();
    let second = room.begin("c", Upload::New).unwrap();
    smol::block_on(second.commit()).unwrap();
    refused!(smol::block_on(first.commit()), StorageError::Exists);
}

#[test]
fn uploads_to_one_name_at_once_do_not_mix() {
    let room = Room::new();
    let texts: Vec<String> = (0..8)
        .map(|number| number.to_string().repeat(9000))
        .collect();
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| room.upload("a", Upload::Replace, text).unwrap());
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
        write_all(&room.storage, "a", Upload::Replace, b"after")
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
        refused!(
            storage.make_directory(&path("d")).await,
            StorageError::Exists
        );
        refused!(
            storage.make_directory(&path("x/y")).await,
            StorageError::NotFound
        );
        write_all(storage, "d/f", Upload::Replace, b"1")
            .await
            .unwrap();
        refused!(
            storage.remove_directory(&path("d")).await,
            StorageError::NotEmpty
        );
        refused!(
            storage.remove_file(&path("d")).await,
            StorageError::IsDirectory
        );
        refused!(
            storage.remove_directory(&path("d/f")).await,
            StorageError::NotDirectory
        );
        refused!(storage.list(&path("d/f")).await, StorageError::NotDirectory);
        refused!(storage.read(&path("d"), 0).await, StorageError::IsDirectory);
        refused!(
            storage.write(&path("d"), Upload::Replace).await,
            StorageError::IsDirectory
        );
        refused!(
            storage.rename(&path("d/f"), &path("d")).await,
            StorageError::Exists
        );
        storage.rename(&path("d/f"), &path("g")).await.unwrap();
        storage.rename(&path("d"), &path("e")).await.unwrap();
        refused!(
            storage.rename(&path("d"), &path("h")).await,
            StorageError::NotFound
        );
        refused!(
            storage.rename(&path(""), &path("h")).await,
            StorageError::Denied
        );
        storage.remove_directory(&path("e")).await.unwrap();
        refused!(
            storage.remove_directory(&path("")).await,
            StorageError::Denied
        );
        storage.remove_file(&path("g")).await.unwrap();
        refused!(
            storage.remove_file(&path("g")).await,
            StorageError::NotFound
        );
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
fn times_are_set_and_told() {
    let room = Room::new();
    room.put("a", "");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    smol::block_on(async {
        room.storage.set_modified(&path("a"), time).await.unwrap();
        let metadata = room.storage.metadata(&path("a")).await.unwrap();
        assert_eq!(metadata.modified, Some(time));
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
