//! A storage in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use ftp_proto::server::{Entry, Kind, Refused, VirtualPath, WriteMode};
use ftp_proto::wire::date::Timestamp;

use super::storage::{Entries, Promise, Sink, Source, Storage, Write, timestamp, unique_name};

/// Files in memory, for tests and for what need not last. Clones share what they hold.
///
/// A name holds a whole file or nothing: uploads appear when they are whole, and readers see the file they opened.
///
/// ```
/// use ftp_proto_async::server::MemoryStorage;
///
/// let storage = MemoryStorage::new().capacity(1 << 20);
/// storage.insert("docs/readme.txt", "Hello.\n")?;
/// assert_eq!(*storage.contents("docs/readme.txt").unwrap(), b"Hello.\n");
/// # Ok::<(), ftp_proto_async::server::Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug)]
struct Tree {
    root: Directory,
    /// Bytes in files.
    used: u64,
    capacity: u64,
}

#[derive(Debug, Default)]
struct Directory {
    entries: BTreeMap<Vec<u8>, Node>,
}

#[derive(Debug)]
struct Node {
    modified: Option<Timestamp>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    File(Arc<Vec<u8>>),
    Directory(Directory),
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStorage {
    /// An empty one without a bound.
    #[must_use]
    pub fn new() -> Self {
        MemoryStorage {
            tree: Arc::new(Mutex::new(Tree {
                root: Directory::default(),
                used: 0,
                capacity: u64::MAX,
            })),
        }
    }

    /// Bounds the bytes in files; what is beyond gets [`Refused::NoSpace`].
    #[must_use]
    pub fn capacity(self, bytes: u64) -> Self {
        self.lock().capacity = bytes;
        self
    }

    /// Puts a file at a path written with slashes, and makes the directories on the way.
    ///
    /// # Errors
    /// [`Refused::NotDirectory`], [`Refused::IsDirectory`], [`Refused::NoSpace`], [`Refused::BadName`].
    pub fn insert(
        &self,
        path: impl AsRef<[u8]>,
        contents: impl Into<Vec<u8>>,
    ) -> Result<(), Refused> {
        let names = names(path.as_ref());
        let (last, parents) = names.split_last().ok_or(Refused::BadName)?;
        let mut tree = self.lock();
        let mut directory = &mut tree.root;
        for name in parents {
            let node = directory.entries.entry(name.to_vec());
            directory = match &mut node.or_insert_with(Node::directory).body {
                Body::Directory(directory) => directory,
                Body::File(_) => return Err(Refused::NotDirectory),
            };
        }
        let parents: Vec<&[u8]> = parents.to_vec();
        tree.put(&parents, last, Arc::new(contents.into()))
    }

    /// What a file holds.
    #[must_use]
    pub fn contents(&self, path: impl AsRef<[u8]>) -> Option<Arc<Vec<u8>>> {
        match &self.lock().node(&names(path.as_ref())).ok()?.body {
            Body::File(contents) => Some(Arc::clone(contents)),
            Body::Directory(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tree> {
        // Every change is a single step: a panic elsewhere cannot leave it half done.
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn promise<'a, T: Send + 'a>(
        &self,
        act: impl FnOnce(&mut Tree) -> Result<T, Refused>,
    ) -> Promise<'a, T> {
        let result = act(&mut self.lock());
        Box::pin(async move { result })
    }
}

impl Storage for MemoryStorage {
    fn stat<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Entry> {
        self.promise(|tree| {
            let names = components(path);
            match names.last() {
                Some(name) => tree.node(&names).map(|node| node.entry(name)),
                None => Ok(Entry::new(b"", Kind::Directory)),
            }
        })
    }

    fn list<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, Box<dyn Entries>> {
        self.promise(|tree| {
            let directory = tree.directory(&components(path))?;
            let entries = directory.entries.iter();
            let entries = entries.map(|(name, node)| node.entry(name)).collect();
            Ok(Box::new(Listed(entries)) as Box<dyn Entries>)
        })
    }

    fn read<'a>(&'a self, path: &'a VirtualPath, offset: u64) -> Promise<'a, Box<dyn Source>> {
        self.promise(|tree| {
            let contents = tree.file(&components(path))?;
            let at = usize::try_from(offset).map_err(|_| Refused::BadOffset)?;
            if at > contents.len() {
                return Err(Refused::BadOffset);
            }
            Ok(Box::new(Reading { contents, at }) as Box<dyn Source>)
        })
    }

    fn write<'a>(&'a self, path: &'a VirtualPath, how: Write) -> Promise<'a, Box<dyn Sink>> {
        self.promise(|tree| {
            let mut names: Vec<&[u8]> = components(path);
            let unique = unique_name(names.last().copied());
            if how.mode == WriteMode::Unique {
                names.pop();
                names.push(&unique);
            }
            let (last, parents) = names.split_last().ok_or(Refused::IsDirectory)?;
            tree.directory(parents)?;
            let before = match tree.file(&names) {
                Ok(before) if how.may_change => Some(before),
                Err(Refused::NotFound) if how.may_create => None,
                Ok(_) | Err(Refused::NotFound) => return Err(Refused::Denied),
                Err(error) => return Err(error),
            };
            let before = before.unwrap_or_default();
            let (contents, at) = match how.mode {
                WriteMode::Replace | WriteMode::Unique => (Vec::new(), 0),
                WriteMode::Append => (before.to_vec(), before.len()),
                WriteMode::At(offset) => match usize::try_from(offset) {
                    Ok(offset) if offset <= before.len() => (before.to_vec(), offset),
                    _ => return Err(Refused::BadOffset),
                },
            };
            Ok(Box::new(Writing {
                storage: self.clone(),
                parents: parents.iter().map(|name| name.to_vec()).collect(),
                name: last.to_vec(),
                how,
                contents,
                at,
            }) as Box<dyn Sink>)
        })
    }

    fn remove_file<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        self.promise(|tree| {
            let names = components(path);
            let size = tree.file(&names)?.len() as u64;
            tree.take(&names)?;
            tree.used -= size;
            Ok(())
        })
    }

    fn make_directory<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        self.promise(|tree| {
            let names = components(path);
            let (last, parents) = names.split_last().ok_or(Refused::Exists)?;
            let parent = tree.directory(parents)?;
            if parent.entries.contains_key(*last) {
                return Err(Refused::Exists);
            }
            parent.entries.insert(last.to_vec(), Node::directory());
            Ok(())
        })
    }

    fn remove_directory<'a>(&'a self, path: &'a VirtualPath) -> Promise<'a, ()> {
        self.promise(|tree| {
            let names = components(path);
            if !tree.directory(&names)?.entries.is_empty() {
                return Err(Refused::NotEmpty);
            }
            tree.take(&names).map(drop)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a VirtualPath,
        to: &'a VirtualPath,
        may_replace: bool,
    ) -> Promise<'a, ()> {
        self.promise(|tree| {
            let (from, to) = (components(from), components(to));
            let (last, parents) = to.split_last().ok_or(Refused::Exists)?;
            tree.directory(parents)?;
            if from == to {
                return tree.node(&from).map(drop);
            }
            if to.starts_with(&from) {
                return Err(Refused::Denied);
            }
            let is_file = matches!(tree.node(&from)?.body, Body::File(_));
            let replaced = match tree.node(&to).map(|node| &node.body) {
                Ok(Body::File(_)) if !may_replace => return Err(Refused::Denied),
                Ok(Body::File(contents)) if is_file => contents.len() as u64,
                Ok(_) => return Err(Refused::Exists),
                Err(_) => 0,
            };
            let node = tree.take(&from)?;
            tree.directory(parents)?.entries.insert(last.to_vec(), node);
            tree.used -= replaced;
            Ok(())
        })
    }

    fn set_modified<'a>(
        &'a self,
        path: &'a VirtualPath,
        time: Timestamp,
    ) -> Promise<'a, Timestamp> {
        self.promise(|tree| {
            tree.node(&components(path))?.modified = Some(time);
            Ok(time)
        })
    }
}

impl Tree {
    fn directory(&mut self, names: &[&[u8]]) -> Result<&mut Directory, Refused> {
        let mut directory = &mut self.root;
        for name in names {
            let node = directory.entries.get_mut(*name);
            directory = match &mut node.ok_or(Refused::NotFound)?.body {
                Body::Directory(directory) => directory,
                Body::File(_) => return Err(Refused::NotDirectory),
            };
        }
        Ok(directory)
    }

    fn node(&mut self, names: &[&[u8]]) -> Result<&mut Node, Refused> {
        let (last, parents) = names.split_last().ok_or(Refused::Denied)?;
        let parent = self.directory(parents)?;
        parent.entries.get_mut(*last).ok_or(Refused::NotFound)
    }

    fn file(&mut self, names: &[&[u8]]) -> Result<Arc<Vec<u8>>, Refused> {
        if names.is_empty() {
            return Err(Refused::IsDirectory);
        }
        match &self.node(names)?.body {
            Body::File(contents) => Ok(Arc::clone(contents)),
            Body::Directory(_) => Err(Refused::IsDirectory),
        }
    }

    fn take(&mut self, names: &[&[u8]]) -> Result<Node, Refused> {
        let (last, parents) = names.split_last().ok_or(Refused::Denied)?;
        let parent = self.directory(parents)?;
        parent.entries.remove(*last).ok_or(Refused::NotFound)
    }

    /// Puts a whole file under its name.
    fn put(
        &mut self,
        parents: &[&[u8]],
        name: &[u8],
        contents: Arc<Vec<u8>>,
    ) -> Result<(), Refused> {
        let (capacity, used) = (self.capacity, self.used);
        let directory = self.directory(parents)?;
        let replaced = match directory.entries.get(name).map(|node| &node.body) {
            Some(Body::Directory(_)) => return Err(Refused::IsDirectory),
            Some(Body::File(before)) => before.len() as u64,
            None => 0,
        };
        let used = used - replaced + contents.len() as u64;
        if used > capacity {
            return Err(Refused::NoSpace);
        }
        let node = Node {
            modified: timestamp(SystemTime::now()),
            body: Body::File(contents),
        };
        directory.entries.insert(name.to_vec(), node);
        self.used = used;
        Ok(())
    }
}

impl Node {
    fn directory() -> Self {
        Node {
            modified: timestamp(SystemTime::now()),
            body: Body::Directory(Directory::default()),
        }
    }

    fn entry(&self, name: &[u8]) -> Entry {
        let mut entry = match &self.body {
            Body::File(contents) => Entry::new(name, Kind::File).with_size(contents.len() as u64),
            Body::Directory(_) => Entry::new(name, Kind::Directory),
        };
        entry.modified = self.modified;
        entry
    }
}

struct Listed(Vec<Entry>);

impl Entries for Listed {
    fn next(&mut self) -> Promise<'_, Vec<Entry>> {
        let entries = std::mem::take(&mut self.0);
        Box::pin(async move { Ok(entries) })
    }
}

struct Reading {
    contents: Arc<Vec<u8>>,
    at: usize,
}

impl Source for Reading {
    fn size(&self) -> Option<u64> {
        Some(self.contents.len() as u64)
    }

    fn read(&mut self, mut buffer: Vec<u8>) -> Promise<'_, (Vec<u8>, usize)> {
        let count = self.take(&mut buffer);
        Box::pin(async move { Ok((buffer, count)) })
    }

    fn read_now(&mut self, buffer: &mut [u8]) -> Option<Result<usize, Refused>> {
        Some(Ok(self.take(buffer)))
    }
}

impl Reading {
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.contents.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        count
    }
}

struct Writing {
    storage: MemoryStorage,
    parents: Vec<Vec<u8>>,
    name: Vec<u8>,
    how: Write,
    contents: Vec<u8>,
    at: usize,
}

impl Writing {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let end = self.at + bytes.len();
        if end as u64 > self.storage.lock().capacity {
            return Err(Refused::NoSpace);
        }
        let replaced = self.at..end.min(self.contents.len());
        self.contents.splice(replaced, bytes.iter().copied());
        self.at = end;
        Ok(())
    }
}

impl Sink for Writing {
    fn name(&self) -> Option<&[u8]> {
        (self.how.mode == WriteMode::Unique).then_some(&self.name)
    }

    fn write(&mut self, buffer: Vec<u8>, count: usize) -> Promise<'_, Vec<u8>> {
        let written = self.put(buffer.get(..count).unwrap_or(&buffer));
        Box::pin(async move { written.map(|()| buffer) })
    }

    fn write_now(&mut self, bytes: &[u8]) -> Option<Result<(), Refused>> {
        Some(self.put(bytes))
    }

    fn commit(self: Box<Self>) -> Promise<'static, ()> {
        let storage = self.storage.clone();
        storage.promise(|tree| {
            let parents: Vec<&[u8]> = self.parents.iter().map(Vec::as_slice).collect();
            let taken = tree.directory(&parents)?.entries.contains_key(&self.name);
            if taken && (!self.how.may_change || self.how.mode == WriteMode::Unique) {
                return Err(Refused::Exists);
            }
            tree.put(&parents, &self.name, Arc::new(self.contents))
        })
    }

    fn cut(self: Box<Self>) -> Promise<'static, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn components(path: &VirtualPath) -> Vec<&[u8]> {
    path.components().collect()
}

/// The names in a path a program wrote.
fn names(path: &[u8]) -> Vec<&[u8]> {
    let names = path.split(|byte| *byte == b'/');
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing::{path, read_all, write_all};

    #[test]
    fn a_file_comes_back_as_it_went() {
        let storage = MemoryStorage::new();
        smol::block_on(async {
            write_all(&storage, "a", WriteMode::Replace, b"hello world")
                .await
                .unwrap();
            write_all(&storage, "a", WriteMode::Append, b"!")
                .await
                .unwrap();
            write_all(&storage, "a", WriteMode::At(6), b"you")
                .await
                .unwrap();
            assert_eq!(read_all(&storage, "a", 6).await.unwrap(), b"yould!");
            assert!(matches!(
                read_all(&storage, "a", 13).await,
                Err(Refused::BadOffset)
            ));
        });
    }

    #[test]
    fn a_cut_upload_leaves_what_was_there() {
        let storage = MemoryStorage::new();
        storage.insert("a", "before").unwrap();
        smol::block_on(async {
            let mut sink = storage
                .write(&path("a"), Write::new(WriteMode::Replace))
                .await
                .unwrap();
            sink.write(b"x".to_vec(), 1).await.unwrap();
            sink.cut().await.unwrap();
        });
        assert_eq!(**storage.contents("a").unwrap(), *b"before");
    }

    #[test]
    fn what_is_full_takes_no_more() {
        let storage = MemoryStorage::new().capacity(10);
        smol::block_on(async {
            write_all(&storage, "a", WriteMode::Replace, b"12345678")
                .await
                .unwrap();
            assert!(matches!(
                write_all(&storage, "b", WriteMode::Replace, b"123").await,
                Err(Refused::NoSpace)
            ));
            // What goes makes room.
            write_all(&storage, "a", WriteMode::Replace, b"1")
                .await
                .unwrap();
            write_all(&storage, "b", WriteMode::Replace, b"123")
                .await
                .unwrap();
            storage.rename(&path("b"), &path("a"), true).await.unwrap();
            write_all(&storage, "b", WriteMode::Replace, b"1234567")
                .await
                .unwrap();
            storage.remove_file(&path("a")).await.unwrap();
            storage.remove_file(&path("b")).await.unwrap();
            write_all(&storage, "a", WriteMode::Replace, b"1234567890")
                .await
                .unwrap();
        });
    }

    #[test]
    fn directories_hold_their_own() {
        let storage = MemoryStorage::new();
        storage.insert("d/e/f", "1").unwrap();
        smol::block_on(async {
            assert!(matches!(
                storage.remove_directory(&path("d")).await,
                Err(Refused::NotEmpty)
            ));
            assert!(matches!(
                storage.rename(&path("d"), &path("d/e/d"), true).await,
                Err(Refused::Denied)
            ));
            storage
                .rename(&path("d/e"), &path("g"), false)
                .await
                .unwrap();
            storage.remove_directory(&path("d")).await.unwrap();
            let entries = storage.list(&path("")).await.unwrap().next().await.unwrap();
            assert_eq!(entries.len(), 1);
            assert_eq!(
                (entries[0].name.as_slice(), entries[0].kind.clone()),
                (&b"g"[..], Kind::Directory)
            );
            assert!(matches!(
                storage.list(&path("g/f")).await,
                Err(Refused::NotDirectory)
            ));
            assert_eq!(read_all(&storage, "g/f", 0).await.unwrap(), b"1");
        });
    }
}
