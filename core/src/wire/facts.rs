//! Entries of MLST and MLSD (RFC 3659 section 7): facts about a file, and its name.

use alloc::vec::Vec;
use core::fmt;

use super::date::{Timestamp, cut, decimal, push_display};
use super::features::is_fact_name;
use crate::error::Malformed;

/// One entry, as sent: `fact=value;fact=value; name`.
///
/// The name is exact: only the one space before it is no part of it. Facts are looked up without regard to case; one
/// whose value does not parse counts as absent, and of a repeated one the first counts.
///
/// ```
/// use ftp_proto::wire::facts::{Entry, EntryKind};
///
/// let entry = Entry::parse(b"type=file;size=18;modify=20200102030405;UNIX.mode=0644; readme.txt")?;
/// assert_eq!(entry.name(), b"readme.txt");
/// assert_eq!(entry.kind(), EntryKind::File);
/// assert_eq!(entry.size(), Some(18));
/// assert_eq!(entry.unix_mode(), Some(0o644));
/// # Ok::<(), ftp_proto::error::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry<'a> {
    facts: &'a [u8],
    name: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads one line of an MLSD listing, without its line end. The semicolon after the last fact may be missing.
    ///
    /// # Errors
    /// [`Malformed::Facts`] when there is no space, no name, or text before the space that holds no fact;
    /// [`Malformed::ControlByte`] when CR, LF or NUL is in the line.
    pub fn parse(line: &'a [u8]) -> Result<Entry<'a>, Malformed> {
        let (facts, name) = cut(line, b' ').ok_or(Malformed::Facts)?;
        if line
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
        {
            return Err(Malformed::ControlByte);
        }
        let entry = Entry { facts, name };
        let has_facts = facts.is_empty() || entry.facts().next().is_some();
        if name.is_empty() || !has_facts {
            Err(Malformed::Facts)
        } else {
            Ok(entry)
        }
    }

    /// Reads the inner line of a 250 reply to MLST, which has a space before the entry. The space may be missing, and
    /// the line may repeat the reply code.
    ///
    /// # Errors
    /// As [`Entry::parse`].
    pub fn parse_mlst_line(line: &'a [u8]) -> Result<Entry<'a>, Malformed> {
        let line = line.strip_prefix(b"250-").unwrap_or(line);
        match line.strip_prefix(b" ").map(Entry::parse) {
            Some(Ok(entry)) => Ok(entry),
            _ => Entry::parse(line),
        }
    }

    /// The name, as the server wrote it: a plain name in MLSD, a path in MLST. Not checked in any way but for CR, LF
    /// and NUL.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// The facts, in the order they were sent.
    pub fn facts(&self) -> Facts<'a> {
        Facts { rest: self.facts }
    }

    /// The value of the first fact with this name, in any case.
    pub fn fact(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.facts()
            .find(|fact| fact.name.eq_ignore_ascii_case(name))
            .map(|fact| fact.value)
    }

    /// What the entry is (RFC 3659 section 7.5.1); [`EntryKind::Other`] with an empty value when there is no type
    /// fact.
    pub fn kind(&self) -> EntryKind<'a> {
        self.fact(b"type")
            .map_or(EntryKind::Other(b""), EntryKind::parse)
    }

    /// The size in octets, about: what a transfer sends may differ (RFC 3659 section 7.5.7).
    pub fn size(&self) -> Option<u64> {
        decimal(self.fact(b"size")?)
    }

    /// The time of last modification.
    pub fn modify(&self) -> Option<Timestamp> {
        Timestamp::parse(self.fact(b"modify")?).ok()
    }

    /// The time of creation.
    pub fn create(&self) -> Option<Timestamp> {
        Timestamp::parse(self.fact(b"create")?).ok()
    }

    /// What the user may do with it (RFC 3659 section 7.5.5).
    pub fn perm(&self) -> Option<Permissions> {
        self.fact(b"perm").map(Permissions::parse)
    }

    /// A value equal for all names of one object during a session (RFC 3659 section 7.5.2).
    pub fn unique(&self) -> Option<&'a [u8]> {
        self.fact(b"unique")
    }

    /// The mode bits of a Unix file, from `UNIX.mode` in octal.
    pub fn unix_mode(&self) -> Option<u32> {
        octal(self.fact(b"unix.mode")?)
    }

    /// The number of the owner, from `UNIX.uid`, or `UNIX.owner` where that is a number.
    pub fn unix_uid(&self) -> Option<u32> {
        self.number(b"unix.uid")
            .or_else(|| self.number(b"unix.owner"))
    }

    /// The number of the group, from `UNIX.gid`, or `UNIX.group` where that is a number.
    pub fn unix_gid(&self) -> Option<u32> {
        self.number(b"unix.gid")
            .or_else(|| self.number(b"unix.group"))
    }

    /// The owner, by name if the server says it: `UNIX.ownername`, else `UNIX.owner`.
    pub fn unix_owner(&self) -> Option<&'a [u8]> {
        self.fact(b"unix.ownername")
            .or_else(|| self.fact(b"unix.owner"))
    }

    /// The group, by name if the server says it: `UNIX.groupname`, else `UNIX.group`.
    pub fn unix_group(&self) -> Option<&'a [u8]> {
        self.fact(b"unix.groupname")
            .or_else(|| self.fact(b"unix.group"))
    }

    fn number(&self, name: &[u8]) -> Option<u32> {
        u32::try_from(decimal(self.fact(name)?)?).ok()
    }
}

/// The facts of an [`Entry`]. Pieces that are no facts are skipped.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Facts<'a> {
    type Item = Fact<'a>;

    fn next(&mut self) -> Option<Fact<'a>> {
        while !self.rest.is_empty() {
            let (fact, rest) = cut(self.rest, b';').unwrap_or((self.rest, &[]));
            self.rest = rest;
            if let Some((name, value)) = cut(fact, b'=')
                && !name.is_empty()
            {
                return Some(Fact { name, value });
            }
        }
        None
    }
}

/// One fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fact<'a> {
    /// The name, in the case it was sent; names are compared without regard to case.
    pub name: &'a [u8],
    /// The value, which may be empty and may hold `=`.
    pub value: &'a [u8],
}

/// What an entry is: the value of the type fact (RFC 3659 section 7.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind<'a> {
    /// A file.
    File,
    /// A directory inside the listed one.
    Dir,
    /// The listed directory itself: no child, whatever its name says.
    Cdir,
    /// A directory the listed one is in: no child, whatever its name says.
    Pdir,
    /// A symbolic link: `OS.unix=slink:target` or `OS.unix=symlink`.
    Symlink {
        /// Where it points, empty when the server does not say.
        target: &'a [u8],
    },
    /// Anything else, as sent.
    Other(&'a [u8]),
}

impl<'a> EntryKind<'a> {
    /// Reads the value of a type fact, in any case.
    pub fn parse(value: &'a [u8]) -> EntryKind<'a> {
        const PLAIN: [(&[u8], EntryKind<'static>); 4] = [
            (b"file", EntryKind::File),
            (b"dir", EntryKind::Dir),
            (b"cdir", EntryKind::Cdir),
            (b"pdir", EntryKind::Pdir),
        ];
        let plain = PLAIN
            .iter()
            .find(|(name, _)| value.eq_ignore_ascii_case(name))
            .map(|(_, kind)| *kind);
        plain
            .or_else(|| symlink(value))
            .unwrap_or(EntryKind::Other(value))
    }

    /// Whether the entry is one of the listed directory's children, and not that directory or one above it.
    pub fn is_child(self) -> bool {
        !matches!(self, EntryKind::Cdir | EntryKind::Pdir)
    }

    /// Appends the value of the type fact.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            EntryKind::File => out.extend_from_slice(b"file"),
            EntryKind::Dir => out.extend_from_slice(b"dir"),
            EntryKind::Cdir => out.extend_from_slice(b"cdir"),
            EntryKind::Pdir => out.extend_from_slice(b"pdir"),
            EntryKind::Symlink { target } => {
                out.extend_from_slice(b"OS.unix=slink:");
                out.extend_from_slice(target);
            }
            EntryKind::Other(value) => out.extend_from_slice(value),
        }
    }
}

/// What a user may do with an entry: the letters of the perm fact (RFC 3659 section 7.5.5).
///
/// ```
/// use ftp_proto::wire::facts::Permissions;
///
/// let perm = Permissions::parse(b"adfrw");
/// assert!(perm.contains(Permissions::READ) && perm.contains(Permissions::APPEND));
/// assert!(!perm.contains(Permissions::LIST));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions {
    bits: u16,
}

impl Permissions {
    /// Nothing.
    pub const NONE: Permissions = Permissions { bits: 0 };
    /// `a`: APPE may be used on the file.
    pub const APPEND: Permissions = Permissions { bits: 1 };
    /// `c`: files may be created in the directory.
    pub const CREATE: Permissions = Permissions { bits: 1 << 1 };
    /// `d`: it may be deleted.
    pub const DELETE: Permissions = Permissions { bits: 1 << 2 };
    /// `e`: the directory may be entered.
    pub const ENTER: Permissions = Permissions { bits: 1 << 3 };
    /// `f`: it may be renamed.
    pub const RENAME: Permissions = Permissions { bits: 1 << 4 };
    /// `l`: the directory may be listed.
    pub const LIST: Permissions = Permissions { bits: 1 << 5 };
    /// `m`: directories may be made in the directory.
    pub const MAKE: Permissions = Permissions { bits: 1 << 6 };
    /// `p`: what is in the directory may be deleted.
    pub const PURGE: Permissions = Permissions { bits: 1 << 7 };
    /// `r`: RETR may be used on the file.
    pub const READ: Permissions = Permissions { bits: 1 << 8 };
    /// `w`: STOR may be used on the file.
    pub const WRITE: Permissions = Permissions { bits: 1 << 9 };

    /// The letter of each bit, from the lowest.
    const LETTERS: &'static [u8; 10] = b"acdeflmprw";

    /// Reads the letters, in any order; unknown ones are ignored.
    ///
    /// RFC 3659 makes the letters case-insensitive, yet some servers add upper-case letters with a meaning of their
    /// own (`radfwMT`). Upper-case letters count only where no lower-case one is.
    pub fn parse(letters: &[u8]) -> Permissions {
        let has_lower = letters.iter().any(u8::is_ascii_lowercase);
        let mut permissions = Permissions::NONE;
        for letter in letters {
            let letter = if has_lower {
                *letter
            } else {
                letter.to_ascii_lowercase()
            };
            if let Some(at) = Permissions::LETTERS
                .iter()
                .position(|known| *known == letter)
            {
                permissions.bits |= 1 << at;
            }
        }
        permissions
    }

    /// Whether all of `other` is allowed.
    pub const fn contains(self, other: Permissions) -> bool {
        self.bits & other.bits == other.bits
    }

    /// What is in either of the two.
    #[must_use]
    pub const fn union(self, other: Permissions) -> Permissions {
        Permissions {
            bits: self.bits | other.bits,
        }
    }

    /// Appends the letters, in alphabetical order.
    pub fn encode(self, out: &mut Vec<u8>) {
        let letters = Permissions::LETTERS.iter().enumerate();
        out.extend(
            letters
                .filter(|(at, _)| self.bits >> at & 1 == 1)
                .map(|(_, letter)| *letter),
        );
    }
}

impl core::ops::BitOr for Permissions {
    type Output = Permissions;

    fn bitor(self, other: Permissions) -> Permissions {
        self.union(other)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = Vec::new();
        self.encode(&mut letters);
        write!(f, "Permissions({})", letters.escape_ascii())
    }
}

/// Writes one entry: facts in the order of the calls, then the name.
///
/// [`EntryWriter::finish`] says whether every part could be written; an entry that could not, or that was dropped
/// before, leaves nothing in the output.
///
/// ```
/// use ftp_proto::wire::facts::{EntryKind, EntryWriter};
///
/// let mut line = Vec::new();
/// EntryWriter::new(&mut line).kind(EntryKind::File).size(18).finish(b"readme.txt")?;
/// assert_eq!(line, b"type=file;size=18; readme.txt");
/// # Ok::<(), ftp_proto::error::Malformed>(())
/// ```
#[derive(Debug)]
#[must_use = "an entry is complete only with its name: call finish"]
pub struct EntryWriter<'o> {
    out: &'o mut Vec<u8>,
    /// How much of the output is complete.
    keep: usize,
    result: Result<(), Malformed>,
}

impl<'o> EntryWriter<'o> {
    /// An entry without facts, to be appended to `out`. An MLST reply has a space before it, which the caller writes.
    pub fn new(out: &'o mut Vec<u8>) -> EntryWriter<'o> {
        let keep = out.len();
        EntryWriter {
            out,
            keep,
            result: Ok(()),
        }
    }

    /// The type fact.
    pub fn kind(self, kind: EntryKind<'_>) -> EntryWriter<'o> {
        self.write(b"type", |out| kind.encode(out))
    }

    /// The size fact, in octets.
    pub fn size(self, octets: u64) -> EntryWriter<'o> {
        self.write(b"size", |out| push_display(out, &octets))
    }

    /// The modify fact.
    pub fn modify(self, time: Timestamp) -> EntryWriter<'o> {
        self.write(b"modify", |out| time.encode(out))
    }

    /// The create fact.
    pub fn create(self, time: Timestamp) -> EntryWriter<'o> {
        self.write(b"create", |out| time.encode(out))
    }

    /// The perm fact.
    pub fn perm(self, permissions: Permissions) -> EntryWriter<'o> {
        self.write(b"perm", |out| permissions.encode(out))
    }

    /// The `UNIX.mode` fact, in octal.
    pub fn unix_mode(self, mode: u32) -> EntryWriter<'o> {
        self.write(b"UNIX.mode", |out| {
            push_display(out, &format_args!("{mode:04o}"));
        })
    }

    /// Any fact.
    pub fn fact(self, name: &[u8], value: &[u8]) -> EntryWriter<'o> {
        self.write(name, |out| out.extend_from_slice(value))
    }

    /// Ends the entry with its name.
    ///
    /// # Errors
    /// [`Malformed::Facts`] when the name is empty, a fact's name is empty or has a separator in it, or a value has a
    /// semicolon, a space or a control byte in it; [`Malformed::ForbiddenByte`] when CR, LF or NUL is in the name.
    /// Nothing is appended then.
    pub fn finish(mut self, name: &[u8]) -> Result<(), Malformed> {
        self.result?;
        if name.is_empty() {
            return Err(Malformed::Facts);
        }
        if name
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
        {
            return Err(Malformed::ForbiddenByte);
        }
        self.out.push(b' ');
        self.out.extend_from_slice(name);
        self.keep = self.out.len();
        Ok(())
    }

    fn write(mut self, name: &[u8], value: impl FnOnce(&mut Vec<u8>)) -> EntryWriter<'o> {
        self.out.extend_from_slice(name);
        self.out.push(b'=');
        let start = self.out.len();
        value(self.out);
        let value = self.out.get(start..).unwrap_or_default();
        if !is_fact_name(name)
            || value
                .iter()
                .any(|byte| matches!(byte, b';' | b' ') || byte.is_ascii_control())
        {
            self.result = Err(Malformed::Facts);
        }
        self.out.push(b';');
        self
    }
}

impl Drop for EntryWriter<'_> {
    fn drop(&mut self) {
        self.out.truncate(self.keep);
    }
}

/// `OS.unix=slink:target`, `OS.unix=symlink`, `OS.unix=symlink:target`.
fn symlink(value: &[u8]) -> Option<EntryKind<'_>> {
    let (os, kind) = cut(value, b'=')?;
    let (kind, target) = cut(kind, b':').unwrap_or((kind, b""));
    let is_link = kind.eq_ignore_ascii_case(b"slink") || kind.eq_ignore_ascii_case(b"symlink");
    (os.eq_ignore_ascii_case(b"OS.unix") && is_link).then_some(EntryKind::Symlink { target })
}

fn octal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 7)?;
        value.checked_mul(8)?.checked_add(u32::from(digit))
    })
}
