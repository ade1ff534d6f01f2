//! What a directory holds, as far as a mirror has to know.

use alloc::vec::Vec;

use crate::listing::{Decoder, Item, Kind, Options, Precision, RemarkKind, Time, Zone};
use crate::wire::date::Timestamp;

/// One thing in a directory, on either side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// Its name, as the server or the file system says it.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: FoundKind,
    /// Octets, if they are known.
    pub size: Option<u64>,
    /// When it was changed last.
    pub time: Option<Time>,
    /// What the server calls it wherever it meets it (the fact `unique`, RFC 3659 section 7.5.2).
    pub unique: Option<Vec<u8>>,
}

/// What a [`Found`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoundKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, to whatever.
    Link,
    /// A device, a socket; or nobody says what.
    Other,
}

impl Found {
    /// Something about which only name and kind are known.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>, kind: FoundKind) -> Self {
        Found {
            name: name.into(),
            kind,
            size: None,
            time: None,
            unique: None,
        }
    }

    /// A file with a size in octets and a time in seconds since 1970 in UTC, as file systems have them.
    #[must_use]
    pub fn file(name: impl Into<Vec<u8>>, size: u64, seconds: Option<i64>) -> Self {
        let stamp = seconds.and_then(Timestamp::from_unix_seconds);
        Found {
            size: Some(size),
            time: stamp.map(|stamp| Time {
                stamp,
                precision: Precision::Second,
                year_given: true,
                zone: Zone::Utc,
            }),
            ..Found::new(name, FoundKind::File)
        }
    }
}

/// A whole directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub(super) entries: Vec<Found>,
    /// What the directory itself is called, see [`Found::unique`].
    pub(super) unique: Option<Vec<u8>>,
    /// Lines that nobody understood, entries that could not be looked at: there may be more in it than the entries say.
    pub(super) unread: u64,
}

impl Listing {
    /// A directory with these entries, and no others.
    #[must_use]
    pub fn new(entries: Vec<Found>) -> Self {
        Listing {
            entries,
            unique: None,
            unread: 0,
        }
    }

    /// So many further things are in it about which nothing is known. Nothing is deleted for being absent from such a directory.
    #[must_use]
    pub fn with_unread(mut self, count: u64) -> Self {
        self.unread = count;
        self
    }

    /// The directory itself is called so, see [`Found::unique`].
    #[must_use]
    pub fn with_unique(mut self, unique: Vec<u8>) -> Self {
        self.unique = Some(unique);
        self
    }

    /// What is in it.
    #[must_use]
    pub fn entries(&self) -> &[Found] {
        &self.entries
    }
}

/// Makes a [`Listing`] of what a server answers, in pieces of any size and bounded memory.
#[derive(Clone, Debug)]
pub struct Collector {
    decoder: Decoder,
    listing: Listing,
    /// Further entries are counted as unread.
    most: usize,
}

impl Collector {
    pub(crate) fn new(options: &Options, most: usize) -> Self {
        Collector {
            decoder: Decoder::new(options),
            listing: Listing::default(),
            most,
        }
    }

    /// The next bytes of the listing.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(item) = self.decoder.decode(&mut rest) {
            take(&mut self.listing, item, self.most);
        }
    }

    /// A listing within a reply to STAT: the lines between the first and the last.
    pub fn feed_status(&mut self, text: &[u8]) {
        let mut lines = text.split(|byte| *byte == b'\n').skip(1).peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_some() {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                // Some servers give each line the code again.
                let line = match line {
                    [b'2', b'1', b'1' | b'2' | b'3', b'-', rest @ ..] => rest,
                    _ => line,
                };
                self.feed(line);
                self.feed(b"\r\n");
            }
        }
    }

    /// The end of the listing.
    #[must_use]
    pub fn finish(mut self) -> Listing {
        while let Some(item) = self.decoder.finish() {
            take(&mut self.listing, item, self.most);
        }
        self.listing
    }
}

fn take(listing: &mut Listing, item: Item<'_>, most: usize) {
    let entry = match item {
        Item::Entry(entry) => entry,
        Item::Heading(_) => return,
        Item::Remark(remark) => {
            listing.unread += u64::from(remark.kind == RemarkKind::Error);
            return;
        }
        Item::Unparsed(_) | Item::TooLong(_) => {
            listing.unread += 1;
            return;
        }
    };
    let unique = || {
        let facts = entry.facts()?;
        facts.unique().map(<[u8]>::to_vec)
    };
    let kind = match entry.kind {
        Kind::Current => {
            listing.unique = unique();
            return;
        }
        Kind::Parent => return,
        Kind::File => FoundKind::File,
        Kind::Directory => FoundKind::Directory,
        Kind::Link => FoundKind::Link,
        Kind::Other | Kind::Unknown => FoundKind::Other,
    };
    if listing.entries.len() >= most {
        listing.unread += 1;
        return;
    }
    let unique = unique();
    listing.entries.push(Found {
        name: entry.name.to_vec(),
        kind,
        size: entry.octets().filter(|_| kind == FoundKind::File),
        time: entry.time,
        unique,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(most: usize, feed: impl FnOnce(&mut Collector)) -> Listing {
        let now = Timestamp::new(2026, 3, 1, 12, 0, 0).unwrap();
        let mut collector = Collector::new(&Options::new(now), most);
        feed(&mut collector);
        collector.finish()
    }

    fn names(listing: &Listing) -> Vec<&[u8]> {
        listing.entries().iter().map(|found| &*found.name).collect()
    }

    #[test]
    fn what_stands_around_the_entries_is_none_of_them() {
        let text = b"total 12\r\n\
            drwxr-xr-x 2 ftp ftp 4096 Jan  1 00:00 .\r\n\
            drwxr-xr-x 2 ftp ftp 4096 Jan  1 00:00 ..\r\n\
            -rw-r--r-- 1 ftp ftp 3 Jan  1 00:00 a b\r\n\
            drwxr-xr-x 2 ftp ftp 4096 Jan  1 00:00 sub\r\n\
            prw-r--r-- 1 ftp ftp 0 Jan  1 00:00 pipe\r\n\
            ls: dead: Permission denied\r\n\
            ls: gone: No such file or directory\r\n\
            what is this\r\n";
        for size in [1, 7, text.len()] {
            let listing = listed(100, |collector| {
                for piece in text.chunks(size) {
                    collector.feed(piece);
                }
            });
            assert_eq!(names(&listing), [&b"a b"[..], b"sub", b"pipe"]);
            let kinds: Vec<_> = listing.entries().iter().map(|found| found.kind).collect();
            let expected = [FoundKind::File, FoundKind::Directory, FoundKind::Other];
            assert_eq!(kinds, expected);
            // What a directory or a pipe takes on the server is no size of theirs.
            let sizes: Vec<_> = listing.entries().iter().map(|found| found.size).collect();
            assert_eq!(sizes, [Some(3), None, None]);
            // So that nothing is deleted for not being in it.
            assert_eq!(listing.unread, 3);
        }
    }

    /// What a directory is called stands above what is in it, on some systems.
    #[test]
    fn a_heading_is_neither_an_entry_nor_unread() {
        let listing = listed(100, |collector| {
            collector.feed(
                b"Directory DISK$A:[PUB]\r\n\r\n\
                README.TXT;1  2 30-DEC-1996 17:44  [SYSTEM] (RWED,RWED,RE,RE)\r\n",
            );
        });
        assert_eq!(names(&listing), [b"README.TXT;1"]);
        assert_eq!(listing.unread, 0);
    }

    /// More than is looked at before the first entry.
    #[test]
    fn a_long_listing_is_taken_as_it_comes() {
        let line =
            |number: u32| alloc::format!("-rw-r--r-- 1 ftp ftp 3 Jan  1 00:00 {number:04}\r\n");
        let text: Vec<u8> = (0..1000)
            .flat_map(|number| line(number).into_bytes())
            .collect();
        for size in [1000, text.len()] {
            let listing = listed(900, |collector| {
                for piece in text.chunks(size) {
                    collector.feed(piece);
                }
            });
            assert_eq!((listing.entries().len(), listing.unread), (900, 100));
            assert_eq!(names(&listing).last(), Some(&&b"0899"[..]));
        }
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let listing = listed(2, |collector| {
            for name in ["a", "b", "c", "d"] {
                let line = alloc::format!("-rw-r--r-- 1 ftp ftp 3 Jan  1 00:00 {name}\r\n");
                collector.feed(line.as_bytes());
            }
        });
        assert_eq!(names(&listing), [b"a", b"b"]);
        assert_eq!(listing.unread, 2);
    }

    /// STAT of a path (RFC 959 section 4.1.3), with and without the code in front of each line.
    #[test]
    fn a_listing_in_a_reply_is_between_its_first_and_its_last_line() {
        let plain = b"Status of /:\n-rw-r--r-- 1 ftp ftp 3 Jan  1 00:00 a\nEnd of status";
        let coded = b"Status of /:\r\n213--rw-r--r-- 1 ftp ftp 3 Jan  1 00:00 a\r\nEnd";
        for text in [&plain[..], coded] {
            let listing = listed(100, |collector| collector.feed_status(text));
            assert_eq!(names(&listing), [b"a"]);
            assert_eq!(listing.unread, 0);
        }
    }

    /// RFC 3659 section 7.5.2: the same thing has the same fact, and the listed directory has one too.
    #[test]
    fn things_are_called_as_the_server_calls_them() {
        let now = Timestamp::new(2026, 3, 1, 12, 0, 0).unwrap();
        let mut options = Options::new(now);
        options.command = crate::listing::Command::Mlsd;
        let mut collector = Collector::new(&options, 9);
        collector.feed(
            b"type=cdir;unique=1; .\r\ntype=pdir;unique=2; ..\r\ntype=dir;unique=3; a\r\ntype=file;size=7;unique=4; b\r\n\
            type=OS.unix=slink:/c;size=1; c\r\n",
        );
        let listing = collector.finish();
        let called = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!((listing.unique.clone(), listing.unread), (called("1"), 0));
        let uniques: Vec<_> = listing
            .entries()
            .iter()
            .map(|found| found.unique.clone())
            .collect();
        assert_eq!(uniques, [called("3"), called("4"), None]);
        let kinds: Vec<_> = listing
            .entries()
            .iter()
            .map(|found| (found.kind, found.size))
            .collect();
        assert_eq!(
            kinds,
            [
                (FoundKind::Directory, None),
                (FoundKind::File, Some(7)),
                (FoundKind::Link, None)
            ]
        );
    }
}
