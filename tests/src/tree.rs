//! Users and files in memory: what answers the questions of a server machine on a bench.
//!
//! A [`Tree`] checks what must hold whatever the machine asks: one thing is open at a time, what was opened is closed exactly once, nothing
//! is asked for a user who is not logged in, and a committed upload holds as many bytes as the machine says.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeMap;

use ftp_proto::server::{
    Access, Account, Answer, Authenticate, Ending, Entry, HashAlgorithm, Kind, OpenRead, OpenWrite,
    Question, Refused, Rights, UserId, VirtualPath, WriteMode,
};
use ftp_proto::wire::date::Timestamp;

use crate::rig::{CANARY, USER};

/// The account [`NEEDS_ACCOUNT`] must give.
pub const ACCOUNT: &str = "acc0unt-n0";

/// A user who must give [`ACCOUNT`].
pub const NEEDS_ACCOUNT: &str = "audrey";

/// A user without a password, where the application is asked at USER.
pub const NO_PASSWORD: &str = "open";

/// A user who may read.
pub const READER: &str = "reader";

/// A user who may nothing.
pub const POWERLESS: &str = "powerless";

/// What the clock of every listing says.
pub const NOW: &str = "20260301120000";

/// Files, users, and what is open.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: BTreeMap<Vec<u8>, Node>,
    open: Option<Open>,
    users: BTreeMap<Vec<u8>, User>,
    /// What was asked, as a word and a path; passwords are not among it.
    pub asked: Vec<String>,
    /// What the next question is refused with.
    pub refuse_next: Option<Refused>,
    /// What every commit is refused with.
    pub refuse_commit: Option<Refused>,
    /// Whether an upload that was cut stays as far as it came, so that it can be resumed.
    pub keeps_parts: bool,
    /// How many uploads were committed, and how many were not.
    pub commits: u64,
    /// As [`Tree::commits`].
    pub aborts: u64,
    /// How often the machine opened something.
    pub opens: u64,
    next_unique: u32,
}

#[derive(Clone, Debug)]
struct User {
    id: u64,
    password: Vec<u8>,
    account: bool,
    free: bool,
    rights: Rights,
    home: VirtualPath,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File { bytes: Vec<u8>, modified: Timestamp },
}

#[derive(Clone, Debug)]
enum Open {
    Read(Vec<u8>),
    Listing(Vec<u8>),
    Write {
        path: Vec<u8>,
        mode: WriteMode,
        new: Vec<u8>,
    },
}

impl Default for Tree {
    fn default() -> Self {
        Tree::new()
    }
}

impl Tree {
    /// The users named here, and a few files: `/motd` (18 bytes), `/pub/a.txt`, `/pub/b.bin`, the empty directory `/empty`, `/text` with
    /// line ends.
    #[must_use]
    pub fn new() -> Self {
        let mut tree = Tree {
            nodes: BTreeMap::from([(b"/".to_vec(), Node::Directory)]),
            open: None,
            users: BTreeMap::new(),
            asked: Vec::new(),
            refuse_next: None,
            refuse_commit: None,
            keeps_parts: false,
            commits: 0,
            aborts: 0,
            opens: 0,
            next_unique: 0,
        };
        for directory in ["/pub", "/pub/deep", "/empty"] {
            tree.insert_directory(directory);
        }
        tree.insert("/motd", b"Welcome to nobody\n");
        tree.insert("/text", b"one\ntwo\n");
        tree.insert("/pub/a.txt", b"alpha");
        tree.insert("/pub/b.bin", &[0, 255, 13, 10, 0, 26]);
        let user = |id: u64, rights: Rights| User {
            id,
            password: CANARY.as_bytes().to_vec(),
            account: false,
            free: false,
            rights,
            home: VirtualPath::root(),
        };
        tree.users
            .insert(USER.as_bytes().to_vec(), user(1, Rights::ALL));
        tree.users
            .insert(READER.as_bytes().to_vec(), user(2, Rights::READ));
        tree.users
            .insert(POWERLESS.as_bytes().to_vec(), user(3, Rights::NONE));
        tree.users.insert(
            NEEDS_ACCOUNT.as_bytes().to_vec(),
            User {
                account: true,
                ..user(4, Rights::ALL)
            },
        );
        tree.users.insert(
            NO_PASSWORD.as_bytes().to_vec(),
            User {
                free: true,
                ..user(5, Rights::READ)
            },
        );
        tree
    }

    /// Gives a user these rights.
    pub fn set_rights(&mut self, user: &str, rights: Rights) {
        self.users
            .get_mut(user.as_bytes())
            .expect("a known user")
            .rights = rights;
    }

    /// Puts a file at an absolute path.
    pub fn insert(&mut self, path: &str, bytes: &[u8]) {
        let file = Node::File {
            bytes: bytes.to_vec(),
            modified: clock(),
        };
        self.nodes.insert(path.as_bytes().to_vec(), file);
    }

    /// Puts a directory at an absolute path.
    pub fn insert_directory(&mut self, path: &str) {
        self.nodes.insert(path.as_bytes().to_vec(), Node::Directory);
    }

    /// What a file holds.
    #[must_use]
    pub fn file(&self, path: &[u8]) -> Option<&[u8]> {
        match self.nodes.get(path)? {
            Node::File { bytes, .. } => Some(bytes),
            Node::Directory => None,
        }
    }

    /// Whether there is anything at an absolute path.
    #[must_use]
    pub fn exists(&self, path: &[u8]) -> bool {
        self.nodes.contains_key(path)
    }

    /// Every path.
    pub fn paths(&self) -> impl Iterator<Item = &[u8]> + '_ {
        self.nodes.keys().map(Vec::as_slice)
    }

    /// Whether something is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether two trees hold the same files.
    #[must_use]
    pub fn same_files(&self, other: &Tree) -> bool {
        self.nodes == other.nodes
    }

    // ---- payload

    /// All that is to be sent of what is open, before TYPE A.
    #[must_use]
    pub fn source(&self) -> &[u8] {
        match &self.open {
            Some(Open::Read(bytes) | Open::Listing(bytes)) => bytes,
            other => panic!("a flow that sends, and {other:?} is open"),
        }
    }

    /// Bytes of an upload, after TYPE A.
    pub fn receive(&mut self, bytes: &[u8]) {
        match &mut self.open {
            Some(Open::Write { new, .. }) => new.extend_from_slice(bytes),
            other => panic!("a flow that receives, and {other:?} is open"),
        }
    }

    // ---- questions

    /// Answers a question.
    pub fn answer(&mut self, question: Question) -> Answer {
        self.note(&question);
        if let Question::Close(_) = question {
        } else if let Some(why) = self.refuse_next.take() {
            return question.refused(why);
        }
        match question {
            Question::Authenticate(question) => self.authenticate(question),
            Question::SelectHost(question) => match question.name() {
                b"ftp.example.org" | b"other.example.org" => question.selected(),
                b"down.example.org" => question.unavailable(),
                b"conflict.example.org" => question.conflicts(),
                _ => question.unknown(),
            },
            Question::ChangeDirectory(question) => match self.node(question.path()) {
                Ok(Node::Directory) => question.done(),
                Ok(_) => question.refused(Refused::NotDirectory),
                Err(why) => question.refused(why),
            },
            Question::OpenRead(question) => self.open_read(question),
            Question::OpenWrite(question) => self.open_write(question),
            Question::OpenListing(question) => {
                match self.listing(question.path(), question.listing()) {
                    Ok(bytes) => {
                        self.open(Open::Listing(bytes));
                        question.opened()
                    }
                    Err(why) => question.refused(why),
                }
            }
            Question::Close(question) => match self.close(question.ending(), question.bytes()) {
                Ok(()) => question.done(),
                Err(why) => question.refused(why),
            },
            Question::Stat(question) => match self.entry(question.path()) {
                Ok(entry) => question.entry(entry),
                Err(why) => question.refused(why),
            },
            Question::StatListing(question) => match self.node(question.path()) {
                Ok(Node::Directory) => {
                    let entries = self.children(question.path());
                    question.directory(entries, clock())
                }
                Ok(_) => {
                    let entry = self.entry(question.path()).expect("it is there");
                    question.file(entry, clock())
                }
                Err(why) => question.refused(why),
            },
            Question::MakeDirectory(question) => {
                let path = question.path().to_bytes();
                if self.exists(&path) {
                    question.refused(Refused::Exists)
                } else if let Err(why) = self.parent(question.path()) {
                    question.refused(why)
                } else {
                    self.nodes.insert(path, Node::Directory);
                    question.done()
                }
            }
            Question::RemoveDirectory(question) => match self.node(question.path()) {
                Ok(Node::Directory) if question.path().is_root() => {
                    question.refused(Refused::Denied)
                }
                Ok(Node::Directory) if self.children(question.path()).is_empty() => {
                    self.nodes.remove(&question.path().to_bytes());
                    question.done()
                }
                Ok(Node::Directory) => question.refused(Refused::NotEmpty),
                Ok(_) => question.refused(Refused::NotDirectory),
                Err(why) => question.refused(why),
            },
            Question::Delete(question) => match self.node(question.path()) {
                Ok(Node::File { .. }) => {
                    self.nodes.remove(&question.path().to_bytes());
                    question.done()
                }
                Ok(_) => question.refused(Refused::IsDirectory),
                Err(why) => question.refused(why),
            },
            Question::Rename(question) => {
                match self.rename(question.from(), question.to(), question.may_replace()) {
                    Ok(()) => question.done(),
                    Err(why) => question.refused(why),
                }
            }
            Question::SetModified(question) => {
                match self.nodes.get_mut(&question.path().to_bytes()) {
                    Some(Node::File { modified, .. }) => {
                        *modified = question.time();
                        let time = question.time();
                        question.set(time)
                    }
                    Some(Node::Directory) => question.refused(Refused::IsDirectory),
                    None => question.refused(Refused::NotFound),
                }
            }
            Question::SetMode(question) => match self.node(question.path()) {
                Ok(_) => question.done(),
                Err(why) => question.refused(why),
            },
            Question::Checksum(question) => match self.node(question.path()) {
                Ok(Node::File { bytes, .. }) => {
                    let start = usize::try_from(question.start()).unwrap_or(usize::MAX);
                    let part = bytes.get(start..).unwrap_or_default();
                    let length = question.length().unwrap_or(u64::MAX);
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    let part = part.get(..length).unwrap_or(part);
                    // Not a digest of anything: only its way into the reply is of interest.
                    let digest = match question.algorithm() {
                        HashAlgorithm::Crc32 => vec![0x0A, 0xBC, 0xDE, 0xF0],
                        _ => vec![0xAB; 16],
                    };
                    let count = part.len() as u64;
                    question.digest(&digest, count)
                }
                Ok(_) => question.refused(Refused::IsDirectory),
                Err(why) => question.refused(why),
            },
        }
    }

    /// Puts down what was asked, and checks that it may be asked now.
    fn note(&mut self, question: &Question) {
        let path = |path: &VirtualPath| String::from_utf8_lossy(&path.to_bytes()).into_owned();
        let (word, path, user) = match question {
            Question::Authenticate(question) => {
                let name = String::from_utf8_lossy(question.name()).into_owned();
                self.asked.push(format!("Authenticate {name}"));
                return;
            }
            Question::SelectHost(question) => {
                let name = String::from_utf8_lossy(question.name()).into_owned();
                self.asked.push(format!("SelectHost {name}"));
                return;
            }
            Question::Close(question) => {
                assert!(self.open.is_some(), "Close, and nothing is open");
                self.asked.push(format!("Close {:?}", question.ending()));
                return;
            }
            Question::ChangeDirectory(q) => ("ChangeDirectory", path(q.path()), q.user()),
            Question::OpenRead(q) => ("OpenRead", path(q.path()), q.user()),
            Question::OpenWrite(q) => ("OpenWrite", path(q.path()), q.user()),
            Question::OpenListing(q) => ("OpenListing", path(q.path()), q.user()),
            Question::Stat(q) => ("Stat", path(q.path()), q.user()),
            Question::StatListing(q) => ("StatListing", path(q.path()), q.user()),
            Question::MakeDirectory(q) => ("MakeDirectory", path(q.path()), q.user()),
            Question::RemoveDirectory(q) => ("RemoveDirectory", path(q.path()), q.user()),
            Question::Delete(q) => ("Delete", path(q.path()), q.user()),
            Question::Rename(q) => ("Rename", path(q.from()), q.user()),
            Question::SetModified(q) => ("SetModified", path(q.path()), q.user()),
            Question::SetMode(q) => ("SetMode", path(q.path()), q.user()),
            Question::Checksum(q) => ("Checksum", path(q.path()), q.user()),
        };
        assert!(
            self.users.values().any(|known| known.id == user.0),
            "{word} for {user:?}, whom nobody let in"
        );
        self.asked.push(format!("{word} {path}"));
    }

    fn authenticate(&self, question: Authenticate) -> Answer {
        let Some(user) = self.users.get(question.name()) else {
            return question.rejected();
        };
        let account = Account::new(UserId(user.id))
            .with_rights(user.rights)
            .with_home(user.home.clone());
        match question.password() {
            None if user.free => question.accepted(account),
            None => question.needs_password(),
            Some(password) if password != user.password => question.rejected(),
            Some(_) if user.account => match question.account() {
                None => question.needs_account(),
                Some(given) if given == ACCOUNT.as_bytes() => question.accepted(account),
                Some(_) => question.rejected(),
            },
            Some(_) => question.accepted(account),
        }
    }

    fn open(&mut self, open: Open) {
        assert!(
            self.open.is_none(),
            "{open:?} while {:?} is open",
            self.open
        );
        self.open = Some(open);
        self.opens += 1;
    }

    fn open_read(&mut self, question: OpenRead) -> Answer {
        let bytes = match self.node(question.path()) {
            Ok(Node::File { bytes, .. }) => bytes.clone(),
            Ok(_) => return question.refused(Refused::IsDirectory),
            Err(why) => return question.refused(why),
        };
        let size = bytes.len() as u64;
        if question.offset() > size {
            return question.refused(Refused::BadOffset);
        }
        let start = usize::try_from(question.offset()).expect("it is in the file");
        let part = &bytes[start..];
        let length = usize::try_from(question.length().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let part = part.get(..length).unwrap_or(part).to_vec();
        self.open(Open::Read(part));
        question.opened(Some(size))
    }

    fn open_write(&mut self, question: OpenWrite) -> Answer {
        let mut path = question.path().clone();
        if question.mode() == WriteMode::Unique {
            let hint = path.name().unwrap_or(b"new").to_vec();
            let directory = match self.node(&path) {
                Ok(Node::Directory) => path.clone(),
                _ => path.parent(),
            };
            loop {
                self.next_unique += 1;
                let name = [&hint[..], format!(".{}", self.next_unique).as_bytes()].concat();
                path = directory.join(&name).expect("a short name");
                if !self.exists(&path.to_bytes()) {
                    break;
                }
            }
        }
        if let Err(why) = self.parent(&path) {
            return question.refused(why);
        }
        let before = match self.node(&path) {
            Ok(Node::Directory) => return question.refused(Refused::IsDirectory),
            Ok(Node::File { .. }) if !question.may_change() => {
                return question.refused(Refused::Denied);
            }
            Ok(Node::File { bytes, .. }) => bytes.len() as u64,
            Err(Refused::NotFound) if question.may_create() => 0,
            Err(Refused::NotFound) => return question.refused(Refused::Denied),
            Err(why) => return question.refused(why),
        };
        if matches!(question.mode(), WriteMode::At(offset) if offset > before) {
            return question.refused(Refused::BadOffset);
        }
        self.open(Open::Write {
            path: path.to_bytes(),
            mode: question.mode(),
            new: Vec::new(),
        });
        match question.mode() {
            WriteMode::Unique => question.opened_as(path.name().expect("it has a name")),
            _ => question.opened(),
        }
    }

    fn close(&mut self, ending: Ending, bytes: u64) -> Result<(), Refused> {
        let open = self.open.take().expect("checked when it was asked");
        let Open::Write { path, mode, new } = open else {
            assert_ne!(ending, Ending::Commit, "a download is not committed");
            return Ok(());
        };
        assert_ne!(ending, Ending::Done, "an upload is committed or aborted");
        if ending == Ending::Commit {
            self.commits += 1;
            if let Some(why) = self.refuse_commit {
                return Err(why);
            }
            assert!(
                bytes >= new.len() as u64,
                "committed {} bytes of {bytes} that moved",
                new.len()
            );
        } else {
            self.aborts += 1;
            if !self.keeps_parts {
                return Ok(());
            }
        }
        let before = self.file(&path).unwrap_or_default().to_vec();
        let whole = match mode {
            WriteMode::Replace | WriteMode::Unique => new,
            WriteMode::Append => [before, new].concat(),
            WriteMode::At(offset) => {
                let start = usize::try_from(offset).expect("it is in the file");
                let end = start + new.len();
                let rest = before.get(end..).unwrap_or_default().to_vec();
                [before[..start].to_vec(), new, rest].concat()
            }
        };
        let modified = clock();
        self.nodes.insert(
            path,
            Node::File {
                bytes: whole,
                modified,
            },
        );
        Ok(())
    }

    fn rename(
        &mut self,
        from: &VirtualPath,
        to: &VirtualPath,
        may_replace: bool,
    ) -> Result<(), Refused> {
        self.node(from)?;
        self.parent(to)?;
        match self.node(to) {
            Ok(Node::Directory) => return Err(Refused::Exists),
            Ok(Node::File { .. }) if !may_replace => return Err(Refused::Denied),
            _ => {}
        }
        if to.is_within(from) {
            return Err(Refused::Denied);
        }
        let (from, to) = (from.to_bytes(), to.to_bytes());
        let below = [&from[..], b"/"].concat();
        let moved: Vec<Vec<u8>> = self
            .nodes
            .keys()
            .filter(|path| **path == from || path.starts_with(&below))
            .cloned()
            .collect();
        for path in moved {
            let node = self.nodes.remove(&path).expect("just seen");
            self.nodes
                .insert([&to[..], &path[from.len()..]].concat(), node);
        }
        Ok(())
    }

    fn listing(
        &self,
        path: &VirtualPath,
        listing: &ftp_proto::server::Listing,
    ) -> Result<Vec<u8>, Refused> {
        let mut out = Vec::new();
        match self.node(path)? {
            Node::Directory => {
                let current = Entry::new(path.name().unwrap_or(b"."), Kind::Current);
                listing.line(&current, clock(), &mut out);
                for entry in self.children(path) {
                    listing.line(&entry, clock(), &mut out);
                }
            }
            Node::File { .. } if listing.form() == ftp_proto::server::Form::Facts => {
                return Err(Refused::NotDirectory);
            }
            Node::File { .. } => {
                listing.single(&self.entry(path)?, clock(), &mut out);
            }
        }
        Ok(out)
    }

    fn node(&self, path: &VirtualPath) -> Result<&Node, Refused> {
        self.nodes.get(&path.to_bytes()).ok_or(Refused::NotFound)
    }

    fn parent(&self, path: &VirtualPath) -> Result<(), Refused> {
        match self.node(&path.parent())? {
            Node::Directory => Ok(()),
            Node::File { .. } => Err(Refused::NotDirectory),
        }
    }

    fn entry(&self, path: &VirtualPath) -> Result<Entry, Refused> {
        let name = path.name().unwrap_or(b"/");
        Ok(match self.node(path)? {
            Node::Directory => Entry::new(name, Kind::Directory)
                .with_modified(clock())
                .with_unique(&path.to_bytes()),
            Node::File { bytes, modified } => Entry::new(name, Kind::File)
                .with_size(bytes.len() as u64)
                .with_modified(*modified)
                .with_unique(&path.to_bytes()),
        })
    }

    fn children(&self, path: &VirtualPath) -> Vec<Entry> {
        let mut below = path.to_bytes();
        if !path.is_root() {
            below.push(b'/');
        }
        self.nodes
            .keys()
            .filter_map(|key| {
                let name = key.strip_prefix(&below[..])?;
                (!name.is_empty() && !name.contains(&b'/')).then_some(name)
            })
            .filter_map(|name| self.entry(&path.join(name).ok()?).ok())
            .collect()
    }
}

/// What the time is, for listings.
#[must_use]
pub fn clock() -> Timestamp {
    Timestamp::parse(NOW.as_bytes()).expect("a time")
}

/// Rights without those that change anything.
#[must_use]
pub fn all_but(access: Access) -> Rights {
    Rights::ALL.without(access)
}
