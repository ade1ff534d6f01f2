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
/// # Ok::<(), ftp_proto::Malformed>(())
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
/// # Ok::<(), ftp_proto::Malformed>(())
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

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::wire::date::tests::texts;

    fn entry(line: &str) -> Entry<'_> {
        Entry::parse(line.as_bytes()).unwrap()
    }

    fn time(value: &str) -> Timestamp {
        Timestamp::parse(value.as_bytes()).unwrap()
    }

    #[test]
    fn reads_the_examples_of_rfc_3659() {
        let first = entry("Type=file;Size=1024990;Perm=r; /tmp/cap60.pl");
        assert_eq!(
            (first.kind(), first.size()),
            (EntryKind::File, Some(1_024_990))
        );
        assert_eq!(
            (first.perm(), first.name()),
            (Some(Permissions::READ), &b"/tmp/cap60.pl"[..])
        );
        let second = entry("Type=dir;Modify=19981107085215;Perm=el; /tmp");
        assert_eq!(
            (second.kind(), second.modify()),
            (EntryKind::Dir, Some(time("19981107085215")))
        );
        assert_eq!(second.perm(), Some(Permissions::ENTER | Permissions::LIST));
        let third = entry("Type=OS.unix=slink:/foobar;Perm=;Unique=keVO1+4G4; foobar");
        assert_eq!(third.kind(), EntryKind::Symlink { target: b"/foobar" });
        assert_eq!(
            (third.perm(), third.unique()),
            (Some(Permissions::NONE), Some(&b"keVO1+4G4"[..]))
        );
        let fourth = entry("Type=OS.unix=chr-13/29;Perm=;Unique=keVO1+5G4; device");
        assert_eq!(fourth.kind(), EntryKind::Other(b"OS.unix=chr-13/29"));
        let fifth = entry("Type=cdir;Perm=el;Unique=keVO1+ZF4; test");
        assert_eq!(
            (fifth.kind(), fifth.name()),
            (EntryKind::Cdir, &b"test"[..])
        );
    }

    #[test]
    fn reads_what_real_servers_send() {
        let proftpd = Entry::parse_mlst_line(b" modify=20200102030405;perm=adfrw;size=18;type=file;unique=FE00U9B445F;UNIX.group=1001;UNIX.groupname=1001;UNIX.mode=0644;UNIX.owner=1001;UNIX.ownername=ftptest; /home/ftptest/readme.txt").unwrap();
        assert_eq!(proftpd.name(), b"/home/ftptest/readme.txt");
        assert_eq!(
            (proftpd.kind(), proftpd.size()),
            (EntryKind::File, Some(18))
        );
        assert_eq!(proftpd.modify(), Some(time("20200102030405")));
        assert_eq!(proftpd.unique(), Some(&b"FE00U9B445F"[..]));
        assert_eq!(
            (proftpd.unix_mode(), proftpd.unix_uid(), proftpd.unix_gid()),
            (Some(0o644), Some(1001), Some(1001))
        );
        assert_eq!(
            (proftpd.unix_owner(), proftpd.unix_group()),
            (Some(&b"ftptest"[..]), Some(&b"1001"[..]))
        );
        assert_eq!(proftpd.facts().count(), 10);

        let pureftpd = entry(
            "type=cdir;sizd=4096;modify=20261122220128;UNIX.mode=0755;UNIX.uid=1001;UNIX.gid=1002;unique=fe00g9b4470; .",
        );
        assert_eq!(
            (pureftpd.kind(), pureftpd.name(), pureftpd.size()),
            (EntryKind::Cdir, &b"."[..], None)
        );
        assert_eq!(
            (pureftpd.unix_uid(), pureftpd.unix_gid()),
            (Some(1001), Some(1002))
        );
        assert_eq!((pureftpd.unix_owner(), pureftpd.create()), (None, None));

        // `M` and `T` are this server's own letters, not the `m` of MKD.
        let pyftpdlib = Entry::parse_mlst_line(b" modify=20200102030405;perm=radfwMT;size=18;type=file;unique=fe00g9b4489; /readme.txt").unwrap();
        assert_eq!(pyftpdlib.perm(), Some(Permissions::parse(b"adfrw")));

        // The reply to MFMT has the same form.
        assert_eq!(
            entry("Modify=20200102030405; readme.txt").modify(),
            Some(time("20200102030405"))
        );
    }

    #[test]
    fn the_name_is_exact() {
        for (line, name) in [
            ("Type=file;  a", " a"),
            ("Type=file; a ", "a "),
            ("Type=file; a=b;c d", "a=b;c d"),
            (" name", "name"),
            ("  name", " name"),
            ("  ", " "),
            ("type=file;\u{20}\u{fc}", "\u{fc}"),
            // The last semicolon is missing.
            ("type=file;size=3 name; x", "name; x"),
        ] {
            assert_eq!(entry(line).name(), name.as_bytes(), "{line:?}");
        }
        assert_eq!(entry("type=file;size=3 name; x").size(), Some(3));
        let long = format!("type=file; {}", "x".repeat(65_536));
        assert_eq!(entry(&long).name().len(), 65_536);
    }

    #[test]
    fn mlst_lines_have_one_space_more() {
        for (line, name) in [
            (" type=file; a", "a"),
            ("type=file; a", "a"),
            ("250-type=file; a", "a"),
            ("250- type=file; a", "a"),
            ("  a", "a"),
            ("   a", " a"),
            (" a", "a"),
        ] {
            let entry = Entry::parse_mlst_line(line.as_bytes()).unwrap();
            assert_eq!(entry.name(), name.as_bytes(), "{line:?}");
            assert_eq!(
                entry.kind() == EntryKind::File,
                line.contains("type"),
                "{line:?}"
            );
        }
        for line in ["", "a", "250-", "End of list"] {
            assert!(Entry::parse_mlst_line(line.as_bytes()).is_err(), "{line:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_entry() {
        for line in [
            "",
            "name",
            "type=file;",
            "type=file;size=1;name",
            "total 12",
            "=x; name",
            ";; name",
            "-rw-r--r--   1 ftp      ftp            18 Jan 02  2020 readme.txt",
            "01-02-20  03:04AM       <DIR>          dir",
            "+i8388621.48594,m825718503,r,s280,\tdjb.html",
        ] {
            assert_eq!(
                Entry::parse(line.as_bytes()),
                Err(Malformed::Facts),
                "{line:?}"
            );
        }
        for line in [
            "type=file; a\rb",
            "type=file; a\nb",
            "type=file; a\0",
            "type=fi\nle; a",
            "type=file; a\r",
        ] {
            assert_eq!(
                Entry::parse(line.as_bytes()),
                Err(Malformed::ControlByte),
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_broken_fact_is_absent_and_the_rest_stays() {
        let broken = entry(
            "size=12x;modify=20201301000000;create=yesterday;unix.mode=089;unix.uid=-1;unix.gid=4294967296;junk;perm=??;Type=FILE; a",
        );
        assert_eq!(
            (broken.size(), broken.modify(), broken.create()),
            (None, None, None)
        );
        assert_eq!(
            (broken.unix_mode(), broken.unix_uid(), broken.unix_gid()),
            (None, None, None)
        );
        assert_eq!(
            (broken.perm(), broken.kind()),
            (Some(Permissions::NONE), EntryKind::File)
        );
        assert_eq!(broken.name(), b"a");
        for size in ["", "-1", "18446744073709551616", "1.5", "0x10"] {
            assert_eq!(entry(&format!("size={size}; a")).size(), None, "{size}");
        }
        assert_eq!(entry("size=18446744073709551615; a").size(), Some(u64::MAX));
        for mode in ["", "40000000000", "8", "rw-"] {
            assert_eq!(
                entry(&format!("unix.mode={mode}; a")).unix_mode(),
                None,
                "{mode}"
            );
        }
        assert_eq!(
            entry("unix.mode=37777777777; a").unix_mode(),
            Some(u32::MAX)
        );
    }

    #[test]
    fn facts_are_found_in_any_case_and_the_first_counts() {
        let entry = entry("TYPE=DIR;sIzE=1;size=2;x.y=;eq=a=b; n");
        assert_eq!((entry.kind(), entry.size()), (EntryKind::Dir, Some(1)));
        assert_eq!(
            (entry.fact(b"X.Y"), entry.fact(b"eq")),
            (Some(&b""[..]), Some(&b"a=b"[..]))
        );
        assert_eq!((entry.fact(b"y"), entry.fact(b"")), (None, None));
        let names: Vec<_> = entry.facts().map(|fact| fact.name).collect();
        assert_eq!(names, [&b"TYPE"[..], b"sIzE", b"size", b"x.y", b"eq"]);
    }

    #[test]
    fn kinds() {
        for (value, kind, child) in [
            ("file", EntryKind::File, true),
            ("dir", EntryKind::Dir, true),
            ("cdir", EntryKind::Cdir, false),
            ("pdir", EntryKind::Pdir, false),
            (
                "OS.unix=slink:/a:b=c",
                EntryKind::Symlink { target: b"/a:b=c" },
                true,
            ),
            ("OS.unix=slink:", EntryKind::Symlink { target: b"" }, true),
            ("OS.unix=socket", EntryKind::Other(b"OS.unix=socket"), true),
            ("OS.vms=slink:x", EntryKind::Other(b"OS.vms=slink:x"), true),
            ("filex", EntryKind::Other(b"filex"), true),
            ("", EntryKind::Other(b""), true),
        ] {
            assert_eq!(EntryKind::parse(value.as_bytes()), kind, "{value}");
            assert_eq!(kind.is_child(), child);
            let mut out = Vec::new();
            kind.encode(&mut out);
            assert_eq!(out, value.as_bytes());
        }
        for value in ["os.UNIX=SLINK", "OS.unix=symlink", "OS.unix=symlink:"] {
            assert_eq!(
                EntryKind::parse(value.as_bytes()),
                EntryKind::Symlink { target: b"" },
                "{value}"
            );
        }
        assert_eq!(entry(" no facts").kind(), EntryKind::Other(b""));
    }

    #[test]
    fn permissions() {
        for bits in 0..1024_u16 {
            let permissions = Permissions { bits };
            let mut letters = Vec::new();
            permissions.encode(&mut letters);
            assert!(letters.is_sorted());
            assert_eq!(letters.len(), bits.count_ones() as usize);
            assert_eq!(Permissions::parse(&letters), permissions);
            assert_eq!(
                Permissions::parse(&letters.to_ascii_uppercase()),
                permissions
            );
            letters.reverse();
            assert_eq!(Permissions::parse(&letters), permissions);
        }
        for (letter, permission) in [
            (b"a", Permissions::APPEND),
            (b"c", Permissions::CREATE),
            (b"d", Permissions::DELETE),
            (b"e", Permissions::ENTER),
            (b"f", Permissions::RENAME),
            (b"l", Permissions::LIST),
            (b"m", Permissions::MAKE),
            (b"p", Permissions::PURGE),
            (b"r", Permissions::READ),
            (b"w", Permissions::WRITE),
            (b"x", Permissions::NONE),
            (b"\xff", Permissions::NONE),
        ] {
            assert_eq!(Permissions::parse(letter), permission);
        }
        assert_eq!(
            format!("{:?}", Permissions::WRITE | Permissions::READ),
            "Permissions(rw)"
        );
        assert!(!Permissions::READ.contains(Permissions::READ | Permissions::WRITE));
    }

    #[test]
    fn writes_what_it_reads() {
        let mut line = Vec::new();
        EntryWriter::new(&mut line)
            .kind(EntryKind::Symlink { target: b"/x" })
            .size(u64::MAX)
            .modify(time("20200102030405.50"))
            .create(time("19991231235960"))
            .perm(Permissions::READ | Permissions::APPEND)
            .unix_mode(0o4755)
            .fact(b"unique", b"1+G4")
            .finish(b" a; b")
            .unwrap();
        let text: &[u8] = b"type=OS.unix=slink:/x;size=18446744073709551615;modify=20200102030405.50;create=19991231235960;perm=ar;UNIX.mode=4755;unique=1+G4;  a; b";
        assert_eq!(line, text);
        let entry = Entry::parse(&line).unwrap();
        assert_eq!(entry.kind(), EntryKind::Symlink { target: b"/x" });
        assert_eq!(
            (entry.size(), entry.unix_mode()),
            (Some(u64::MAX), Some(0o4755))
        );
        assert_eq!(
            (entry.create(), entry.unique()),
            (Some(time("19991231235960")), Some(&b"1+G4"[..]))
        );
        assert_eq!(entry.name(), b" a; b");

        line.clear();
        EntryWriter::new(&mut line).finish(b"plain").unwrap();
        assert_eq!(line, b" plain");
    }

    #[test]
    fn an_entry_that_cannot_be_written_leaves_nothing() {
        let mut line = Vec::from(*b"kept");
        for value in [&b"a b"[..], b"a;b", b"a\r\n", b"\0"] {
            assert_eq!(
                EntryWriter::new(&mut line)
                    .fact(b"x", value)
                    .size(1)
                    .finish(b"n"),
                Err(Malformed::Facts)
            );
        }
        for name in [&b""[..], b"a b", b"a=b", b"a;b", b"a*"] {
            assert_eq!(
                EntryWriter::new(&mut line).fact(name, b"").finish(b"n"),
                Err(Malformed::Facts)
            );
        }
        let link = EntryKind::Symlink {
            target: b"/with space",
        };
        assert_eq!(
            EntryWriter::new(&mut line).kind(link).finish(b"n"),
            Err(Malformed::Facts)
        );
        assert_eq!(
            EntryWriter::new(&mut line).size(1).finish(b""),
            Err(Malformed::Facts)
        );
        for name in [&b"a\r\n226 x"[..], b"a\n", b"\0"] {
            assert_eq!(
                EntryWriter::new(&mut line).size(1).finish(name),
                Err(Malformed::ForbiddenByte)
            );
        }
        drop(EntryWriter::new(&mut line).size(1));
        assert_eq!(line, b"kept");
    }

    #[test]
    fn every_short_line_is_read_as_the_grammar_says() {
        for line in texts(b"a=; ", 8) {
            let text = core::str::from_utf8(&line).unwrap();
            let expected = text.split_once(' ').filter(|(facts, name)| {
                let is_fact = |fact: &str| {
                    fact.split_once('=')
                        .is_some_and(|(name, _)| !name.is_empty())
                };
                !name.is_empty() && (facts.is_empty() || facts.split(';').any(is_fact))
            });
            let entry = Entry::parse(&line);
            assert_eq!(
                entry.ok().map(|entry| entry.name()),
                expected.map(|(_, name)| name.as_bytes()),
                "{text:?}"
            );
            if let Ok(entry) = entry {
                let mut written = Vec::new();
                let writer = EntryWriter::new(&mut written);
                let writer = entry
                    .facts()
                    .fold(writer, |writer, fact| writer.fact(fact.name, fact.value));
                writer.finish(entry.name()).unwrap();
                let again = Entry::parse(&written).unwrap();
                assert!(again.name() == entry.name() && again.facts().eq(entry.facts()));
            }
            let _ = Entry::parse_mlst_line(&line);
        }
    }

    #[test]
    fn permissions_are_sets() {
        let all = [
            Permissions::APPEND,
            Permissions::CREATE,
            Permissions::DELETE,
            Permissions::ENTER,
            Permissions::RENAME,
            Permissions::LIST,
            Permissions::MAKE,
            Permissions::PURGE,
            Permissions::READ,
        ];
        for one in all {
            assert!(one.contains(one) && one.contains(Permissions::NONE));
            assert!(!Permissions::NONE.contains(one));
            assert_eq!(one.union(one), one);
            for other in all {
                let both = one.union(other);
                assert!(both.contains(one) && both.contains(other));
                assert_eq!(one.contains(both), one == other);
            }
        }
    }
}
