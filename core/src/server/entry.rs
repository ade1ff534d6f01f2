//! What a listing says about one object, and the one place that writes it: facts (RFC 3659 section 7), the long form of Unix, bare names.

use alloc::vec::Vec;
use core::fmt;

use super::{Access, Rights};
use crate::wire::date::Timestamp;
use crate::wire::facts::{EntryKind, EntryWriter, Permissions};

/// One object of the storage, as listings show it.
///
/// ```
/// use ftp_proto::server::{Entry, Kind};
/// let entry = Entry::new(b"motd", Kind::File).with_size(18);
/// assert_eq!(entry.size, Some(18));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Entry {
    /// The name, without its directory.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The size in bytes, as RETR in TYPE I would send it.
    pub size: Option<u64>,
    /// The time of last modification, UTC.
    pub modified: Option<Timestamp>,
    /// The time of creation, UTC.
    pub created: Option<Timestamp>,
    /// Unix permission bits, at most 0o7777.
    pub mode: Option<u32>,
    /// The owner's name.
    pub owner: Option<Vec<u8>>,
    /// The group's name.
    pub group: Option<Vec<u8>>,
    /// How many names the object has.
    pub links: Option<u32>,
    /// Equal for all names of the same object during the session, and for nothing else (RFC 3659 section 7.5.2). No raw file handle.
    pub unique: Option<Vec<u8>>,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// The listed directory itself (`cdir`); only MLSD shows it.
    Current,
    /// A symbolic link, with where it points to, as text.
    Link(Vec<u8>),
    /// Anything else: a device, a socket.
    Other,
}

impl Entry {
    /// An object of which nothing more is known.
    #[must_use]
    pub fn new(name: &[u8], kind: Kind) -> Self {
        Entry {
            name: name.to_vec(),
            kind,
            size: None,
            modified: None,
            created: None,
            mode: None,
            owner: None,
            group: None,
            links: None,
            unique: None,
        }
    }

    /// With its size in bytes.
    #[must_use]
    pub const fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// With its time of last modification, UTC.
    #[must_use]
    pub const fn with_modified(mut self, time: Timestamp) -> Self {
        self.modified = Some(time);
        self
    }

    /// With its permission bits.
    #[must_use]
    pub const fn with_mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// With a value that tells it from every other object.
    #[must_use]
    pub fn with_unique(mut self, unique: &[u8]) -> Self {
        self.unique = Some(unique.to_vec());
        self
    }

    /// Whether it is a directory.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory | Kind::Current)
    }
}

/// The form of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As `ls -l` (LIST).
    Long,
    /// Names alone (NLST).
    Names,
    /// Facts (MLSD).
    Facts,
}

/// How the lines of one listing look. Made by the machine, used by whoever streams the lines.
///
/// ```
/// use ftp_proto::server::{Entry, Form, Kind, Listing};
/// use ftp_proto::wire::date::Timestamp;
///
/// let now = Timestamp::new(2026, 3, 1, 12, 0, 0)?;
/// let entry = Entry::new(b"motd", Kind::File).with_size(18).with_modified(now);
/// let mut out = Vec::new();
/// Listing::new(Form::Long).line(&entry, now, &mut out);
/// Listing::new(Form::Names).line(&entry, now, &mut out);
/// assert_eq!(
///     out,
///     b"-rw-r--r--   1 owner    group              18 Mar 01 12:00 motd\r\nmotd\r\n",
/// );
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    form: Form,
    facts: FactSet,
    rights: Rights,
    /// The argument as the client wrote it, without options.
    written: Vec<u8>,
    pattern: Option<Vec<u8>>,
}

impl Listing {
    /// Lines of this form, with every fact, for a user who may read.
    #[must_use]
    pub const fn new(form: Form) -> Self {
        Listing {
            form,
            facts: FactSet::ALL,
            rights: Rights::READ,
            written: Vec::new(),
            pattern: None,
        }
    }

    pub(super) fn with_facts(mut self, facts: FactSet, rights: Rights) -> Self {
        self.facts = facts;
        self.rights = rights;
        self
    }

    pub(super) fn with_argument(mut self, written: &[u8], pattern: Option<Vec<u8>>) -> Self {
        self.written = written.to_vec();
        self.pattern = pattern;
        self
    }

    /// The form.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Whether a name is wanted: it fits the pattern the client gave, if it gave one. Linear in the name for each `*`.
    #[must_use]
    pub fn wants(&self, name: &[u8]) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| matches(pattern, name))
    }

    /// Appends the line for `entry`, with its CR LF, and says whether there is one. There is none if the entry is not wanted, or if its name
    /// holds what cannot be in a line or a name (CR, LF, NUL, a slash). `now` decides whether the long form shows a time or a year.
    pub fn line(&self, entry: &Entry, now: Timestamp, out: &mut Vec<u8>) -> bool {
        let hidden = matches!(entry.kind, Kind::Current)
            && (self.form != Form::Facts || !self.facts.contains(Fact::Type));
        let current = matches!(entry.kind, Kind::Current);
        if hidden || !is_name(&entry.name) || (!current && !self.wants(&entry.name)) {
            return false;
        }
        let written = match self.form {
            Form::Long => {
                long_line(entry, now, out);
                true
            }
            // With the argument in front, each name can be the argument of the next command.
            Form::Names => {
                out.extend_from_slice(self.prefix());
                if !self.prefix().is_empty() && !self.prefix().ends_with(b"/") {
                    out.push(b'/');
                }
                out.extend_from_slice(&entry.name);
                true
            }
            Form::Facts => fact_line(entry, self.facts, self.rights, &entry.name, out),
        };
        out.extend_from_slice(if written { b"\r\n" } else { b"" });
        written
    }
}

impl Listing {
    /// As [`Listing::line`], for a file that was named itself.
    pub fn single(&self, entry: &Entry, now: Timestamp, out: &mut Vec<u8>) -> bool {
        if self.form == Form::Names && !self.written.is_empty() && is_name(&entry.name) {
            out.extend_from_slice(&self.written);
            out.extend_from_slice(b"\r\n");
            return true;
        }
        self.line(entry, now, out)
    }

    /// What names of this listing are below, as the client wrote it.
    fn prefix(&self) -> &[u8] {
        if self.pattern.is_none() {
            return &self.written;
        }
        let end = self
            .written
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |slash| slash + 1);
        self.written.get(..end).unwrap_or_default()
    }
}

/// A fact MLST and MLSD can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fact {
    Type,
    Size,
    Modify,
    Create,
    Perm,
    Unique,
    UnixMode,
    UnixOwner,
    UnixGroup,
}

impl Fact {
    pub(super) const ALL: [Fact; 9] = [
        Fact::Type,
        Fact::Size,
        Fact::Modify,
        Fact::Create,
        Fact::Perm,
        Fact::Unique,
        Fact::UnixMode,
        Fact::UnixOwner,
        Fact::UnixGroup,
    ];

    pub(super) const fn name(self) -> &'static [u8] {
        match self {
            Fact::Type => b"type",
            Fact::Size => b"size",
            Fact::Modify => b"modify",
            Fact::Create => b"create",
            Fact::Perm => b"perm",
            Fact::Unique => b"unique",
            Fact::UnixMode => b"UNIX.mode",
            Fact::UnixOwner => b"UNIX.owner",
            Fact::UnixGroup => b"UNIX.group",
        }
    }
}

/// The facts OPTS MLST has selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FactSet {
    bits: u16,
}

impl FactSet {
    pub(super) const NONE: FactSet = FactSet { bits: 0 };
    pub(super) const ALL: FactSet = FactSet {
        bits: (1 << Fact::ALL.len()) - 1,
    };

    pub(super) const fn with(self, fact: Fact) -> FactSet {
        FactSet {
            bits: self.bits | 1 << fact as u16,
        }
    }

    pub(super) const fn contains(self, fact: Fact) -> bool {
        self.bits & 1 << fact as u16 != 0
    }
}

impl Default for FactSet {
    fn default() -> Self {
        FactSet::ALL
    }
}

/// Appends facts, a space and `name`; nothing if that cannot be a line.
pub(super) fn fact_line(
    entry: &Entry,
    facts: FactSet,
    rights: Rights,
    name: &[u8],
    out: &mut Vec<u8>,
) -> bool {
    let mut writer = EntryWriter::new(out);
    for fact in Fact::ALL {
        if facts.contains(fact) {
            writer = write_fact(writer, entry, fact, rights);
        }
    }
    writer.finish(name).is_ok()
}

fn write_fact<'o>(
    writer: EntryWriter<'o>,
    entry: &Entry,
    fact: Fact,
    rights: Rights,
) -> EntryWriter<'o> {
    match fact {
        Fact::Type => match &entry.kind {
            Kind::File => writer.kind(EntryKind::File),
            Kind::Directory => writer.kind(EntryKind::Dir),
            Kind::Current => writer.kind(EntryKind::Cdir),
            Kind::Link(target) if is_fact_value(target) => {
                writer.kind(EntryKind::Symlink { target })
            }
            Kind::Link(_) => writer.kind(EntryKind::Symlink { target: b"" }),
            Kind::Other => writer.kind(EntryKind::Other(b"OS.unix=special")),
        },
        // A directory has no size that a transfer would send.
        Fact::Size => match entry.size {
            Some(size) if !entry.is_directory() => writer.size(size),
            _ => writer,
        },
        Fact::Modify => match entry.modified {
            Some(time) => writer.modify(time),
            None => writer,
        },
        Fact::Create => match entry.created {
            Some(time) => writer.create(time),
            None => writer,
        },
        Fact::Perm => writer.perm(permissions(entry, rights)),
        Fact::Unique => optional(writer, b"unique", entry.unique.as_deref()),
        Fact::UnixMode => match entry.mode {
            Some(mode) => writer.unix_mode(mode & 0o7777),
            None => writer,
        },
        Fact::UnixOwner => optional(writer, b"UNIX.owner", entry.owner.as_deref()),
        Fact::UnixGroup => optional(writer, b"UNIX.group", entry.group.as_deref()),
    }
}

/// A value that cannot be written is no reason to hide the object.
fn optional<'o>(writer: EntryWriter<'o>, name: &[u8], value: Option<&[u8]>) -> EntryWriter<'o> {
    match value {
        Some(value) if is_fact_value(value) => writer.fact(name, value),
        _ => writer,
    }
}

fn is_fact_value(value: &[u8]) -> bool {
    !value.is_empty()
        && !value
            .iter()
            .any(|byte| matches!(byte, b';' | b' ') || byte.is_ascii_control())
}

/// What the user may do by FTP verbs (RFC 3659 section 7.5.5).
fn permissions(entry: &Entry, rights: Rights) -> Permissions {
    let table: &[(Access, Permissions)] = if entry.is_directory() {
        &[
            (Access::Create, Permissions::CREATE),
            (Access::RemoveDirectory, Permissions::DELETE),
            (Access::Inspect, Permissions::ENTER),
            (Access::Rename, Permissions::RENAME),
            (Access::List, Permissions::LIST),
            (Access::MakeDirectory, Permissions::MAKE),
            (Access::Delete, Permissions::PURGE),
        ]
    } else {
        &[
            (Access::Append, Permissions::APPEND),
            (Access::Delete, Permissions::DELETE),
            (Access::Rename, Permissions::RENAME),
            (Access::Read, Permissions::READ),
            (Access::Overwrite, Permissions::WRITE),
        ]
    };
    table
        .iter()
        .filter(|(access, _)| rights.allows(*access))
        .fold(Permissions::NONE, |all, (_, letter)| all | *letter)
}

/// `-rw-r--r--   1 owner    group              18 Mar 01 12:00 motd`
pub(super) fn long_line(entry: &Entry, now: Timestamp, out: &mut Vec<u8>) {
    let letter = match entry.kind {
        Kind::File => b'-',
        Kind::Directory | Kind::Current => b'd',
        Kind::Link(_) => b'l',
        Kind::Other => b'?',
    };
    out.push(letter);
    let mode = entry.mode.unwrap_or(match entry.kind {
        Kind::Directory | Kind::Current => 0o755,
        Kind::Link(_) => 0o777,
        Kind::File | Kind::Other => 0o644,
    });
    mode_letters(mode, out);
    push(out, format_args!(" {:>3} ", entry.links.unwrap_or(1)));
    push_column(out, entry.owner.as_deref(), b"owner");
    push_column(out, entry.group.as_deref(), b"group");
    push(out, format_args!("{:>12} ", entry.size.unwrap_or(0)));
    long_date(entry.modified, now, out);
    out.push(b' ');
    out.extend_from_slice(&entry.name);
    if let Kind::Link(target) = &entry.kind
        && !target.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
    {
        out.extend_from_slice(b" -> ");
        out.extend_from_slice(target);
    }
}

fn mode_letters(mode: u32, out: &mut Vec<u8>) {
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { b'r' } else { b'-' });
        out.push(if bits & 2 != 0 { b'w' } else { b'-' });
        // Set-user, set-group and sticky take the place of the three execute bits.
        let (special, letter) = match shift {
            6 => (mode & 0o4000 != 0, b's'),
            3 => (mode & 0o2000 != 0, b's'),
            _ => (mode & 0o1000 != 0, b't'),
        };
        out.push(match (bits & 1 != 0, special) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => b'x',
            (false, false) => b'-',
        });
    }
}

/// An owner or group, padded; one that would break the columns is not shown.
fn push_column(out: &mut Vec<u8>, name: Option<&[u8]>, instead: &[u8]) {
    let name = match name {
        Some(name) if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) => name,
        _ => instead,
    };
    out.extend_from_slice(name);
    for _ in name.len()..9 {
        out.push(b' ');
    }
    if name.len() >= 9 {
        out.push(b' ');
    }
}

/// `Mar 01 12:00` within half a year, `Mar 01  2024` otherwise.
fn long_date(time: Option<Timestamp>, now: Timestamp, out: &mut Vec<u8>) {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAY: i64 = 24 * 60 * 60;
    let epoch = || Timestamp::from_unix_seconds(0).unwrap_or(now);
    let time = time.unwrap_or_else(epoch);
    let month = MONTHS
        .get(usize::from(time.month()).saturating_sub(1))
        .unwrap_or(&"Jan");
    let age = now.to_unix_seconds() - time.to_unix_seconds();
    if (-DAY..180 * DAY).contains(&age) {
        push(
            out,
            format_args!(
                "{month} {:02} {:02}:{:02}",
                time.day(),
                time.hour(),
                time.minute()
            ),
        );
    } else {
        push(
            out,
            format_args!("{month} {:02}  {:04}", time.day(), time.year()),
        );
    }
}

/// Whether it can be one component of a path in one line.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && !name
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | 0 | b'/'))
}

/// `*` is any run of bytes, `?` any byte; nothing else is special. A leading dot is only matched by a dot, as in a shell.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    // Where to go on if the bytes behind the last star do not fit.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || name.get(n) == Some(byte) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    p = after;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .unwrap_or_default()
        .iter()
        .all(|byte| *byte == b'*')
}

/// Appends formatted text.
pub(super) fn push(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    struct Sink<'o>(&'o mut Vec<u8>);
    impl fmt::Write for Sink<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // The sink never fails.
    let _ = fmt::Write::write_fmt(&mut Sink(out), text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::facts;

    fn now() -> Timestamp {
        Timestamp::new(2026, 3, 1, 12, 0, 0).unwrap()
    }

    fn written(form: Form, entry: &Entry) -> Vec<u8> {
        let mut out = Vec::new();
        Listing::new(form).line(entry, now(), &mut out);
        out
    }

    #[test]
    fn the_long_form_has_the_columns_of_ls() {
        let old = Timestamp::new(2024, 12, 31, 23, 59, 59).unwrap();
        let entry = Entry {
            owner: Some(b"root".to_vec()),
            group: Some(b"a very long one".to_vec()),
            links: Some(2),
            ..Entry::new(b"a dir", Kind::Directory)
                .with_modified(old)
                .with_mode(0o1775)
        };
        assert_eq!(
            written(Form::Long, &entry),
            b"drwxrwxr-t   2 root     group               0 Dec 31  2024 a dir\r\n"
        );
        let link = Entry::new(b"l", Kind::Link(b"to".to_vec()));
        assert_eq!(
            written(Form::Long, &link),
            b"lrwxrwxrwx   1 owner    group               0 Jan 01  1970 l -> to\r\n"
        );
        // A column that is full is still apart from the next one.
        let special = Entry {
            owner: Some(b"administrator".to_vec()),
            group: Some(b"operators".to_vec()),
            ..Entry::new(b"s", Kind::Other)
        };
        assert_eq!(
            written(Form::Long, &special),
            b"?rw-r--r--   1 administrator operators            0 Jan 01  1970 s\r\n"
        );
    }

    #[test]
    fn rfc_3659_section_7_5_facts_of_what_is_neither_file_nor_directory() {
        let entry = Entry {
            created: Some(now()),
            ..Entry::new(b"s", Kind::Other)
        };
        let line = written(Form::Facts, &entry);
        let read = facts::Entry::parse(line.strip_suffix(b"\r\n").unwrap()).unwrap();
        assert_eq!(read.kind(), facts::EntryKind::Other(b"OS.unix=special"));
        assert_eq!(read.create(), Some(now()));
    }

    #[test]
    fn rfc_3659_section_7_2_fact_lines_read_back() {
        let entry = Entry::new(b" spaced name ", Kind::File)
            .with_size(42)
            .with_modified(now())
            .with_mode(0o640)
            .with_unique(b"8f2a");
        let line = written(Form::Facts, &entry);
        let line = line.strip_suffix(b"\r\n").unwrap();
        let read = facts::Entry::parse(line).unwrap();
        assert_eq!(read.name(), b" spaced name ");
        assert_eq!(read.size(), Some(42));
        assert_eq!(read.modify(), Some(now()));
        assert_eq!(read.unix_mode(), Some(0o640));
        assert_eq!(read.unique(), Some(&b"8f2a"[..]));
        assert_eq!(read.perm(), Some(Permissions::READ));
    }

    #[test]
    fn rfc_3659_section_7_5_1_2_no_cdir_without_the_type_fact() {
        let current = Entry::new(b"here", Kind::Current);
        assert!(written(Form::Facts, &current).starts_with(b"type=cdir;"));
        assert!(written(Form::Long, &current).is_empty());
        assert!(written(Form::Names, &current).is_empty());
        let listing =
            Listing::new(Form::Facts).with_facts(FactSet::NONE.with(Fact::Size), Rights::ALL);
        assert!(!listing.line(&current, now(), &mut Vec::new()));
    }

    #[test]
    fn a_name_that_would_be_another_line_is_in_no_listing() {
        for name in [&b"a\r\nb"[..], b"a\nb", b"a\0b", b"a/b", b""] {
            for form in [Form::Long, Form::Names, Form::Facts] {
                assert!(written(form, &Entry::new(name, Kind::File)).is_empty());
            }
        }
    }

    #[test]
    fn rfc_959_section_4_1_3_names_are_usable_as_arguments() {
        let entry = Entry::new(b"a", Kind::File);
        for (written, pattern, line) in [
            (&b""[..], None, &b"a\r\n"[..]),
            (b"pub", None, b"pub/a\r\n"),
            (b"/pub/", None, b"/pub/a\r\n"),
            (b"pub/*", Some(b"*".to_vec()), b"pub/a\r\n"),
            (b"?", Some(b"?".to_vec()), b"a\r\n"),
        ] {
            let mut out = Vec::new();
            let listing = Listing::new(Form::Names).with_argument(written, pattern);
            assert!(listing.line(&entry, now(), &mut out));
            assert_eq!(out, line);
        }
        let mut out = Vec::new();
        let listing = Listing::new(Form::Names).with_argument(b"pub/a", None);
        assert!(listing.single(&entry, now(), &mut out));
        assert_eq!(out, b"pub/a\r\n");
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, fits) in [
            ("*", "a", true),
            ("*", ".a", false),
            (".*", ".a", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("[a]", "a", false),
            ("", "", true),
            ("**", "abc", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                fits,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn what_the_pattern_does_not_fit_is_not_listed_and_what_is_below_the_root_says_so() {
        let entry = Entry::new(b"a", Kind::File);
        let line = |written: &[u8], pattern: &[u8]| {
            let mut out = Vec::new();
            let listing = Listing::new(Form::Names).with_argument(written, Some(pattern.to_vec()));
            let said = listing.line(&entry, now(), &mut out);
            assert_eq!(said, !out.is_empty());
            out
        };
        assert_eq!(line(b"b*", b"b*"), b"");
        assert_eq!(line(b"/*", b"*"), b"/a\r\n");
    }

    #[test]
    fn a_file_that_was_named_is_listed_by_its_form() {
        let single = |form, written: &[u8], name: &[u8]| {
            let mut out = Vec::new();
            let listing = Listing::new(form).with_argument(written, None);
            listing.single(&Entry::new(name, Kind::File), now(), &mut out);
            out
        };
        assert!(single(Form::Long, b"pub/a", b"a").starts_with(b"-rw"));
        assert!(single(Form::Facts, b"pub/a", b"a").starts_with(b"type=file;"));
        assert_eq!(single(Form::Names, b"", b"a"), b"a\r\n");
        assert_eq!(single(Form::Names, b"pub/a", b"a\nb"), b"");
    }

    #[test]
    fn facts_are_a_set() {
        for fact in Fact::ALL {
            let one = FactSet::NONE.with(fact);
            assert_eq!(one.with(fact), one);
            for other in Fact::ALL {
                assert_eq!(one.contains(other), other == fact);
                assert!(one.with(other).contains(fact));
            }
            assert!(FactSet::ALL.contains(fact));
        }
    }

    #[test]
    fn a_fact_that_would_break_the_line_is_left_out_and_the_object_is_not() {
        let target =
            |target: &[u8]| written(Form::Facts, &Entry::new(b"l", Kind::Link(target.to_vec())));
        let has =
            |line: &[u8], part: &str| alloc::string::String::from_utf8_lossy(line).contains(part);
        assert!(has(&target(b"to"), "symlink:to;") || has(&target(b"to"), "slink:to;"));
        for bad in [&b"t;o"[..], b"t o", b"t\x07o"] {
            let line = target(bad);
            assert!(
                !line.is_empty() && !has(&line, "slink:t"),
                "{}",
                bad.escape_ascii()
            );
        }
        for (unique, shown) in [
            (&b"8f2a"[..], true),
            (b"", false),
            (b"8;a", false),
            (b"8 a", false),
            (b"8\x07a", false),
        ] {
            let line = written(
                Form::Facts,
                &Entry::new(b"f", Kind::File).with_unique(unique),
            );
            assert_eq!(has(&line, "unique="), shown, "{}", unique.escape_ascii());
            assert!(line.ends_with(b" f\r\n"));
        }
        let directory = Entry::new(b"d", Kind::Directory).with_size(4096);
        assert!(!has(&written(Form::Facts, &directory), "size="));
    }

    #[test]
    fn the_letters_of_a_mode_are_those_of_ls() {
        for (mode, letters) in [
            (0o000, "---------"),
            (0o777, "rwxrwxrwx"),
            (0o644, "rw-r--r--"),
            (0o111, "--x--x--x"),
            (0o4755, "rwsr-xr-x"),
            (0o2755, "rwxr-sr-x"),
            (0o1777, "rwxrwxrwt"),
            (0o7000, "--S--S--T"),
            (0o421, "r---w---x"),
        ] {
            let mut out = Vec::new();
            mode_letters(mode, &mut out);
            assert_eq!(out, letters.as_bytes(), "{mode:o}");
        }
    }

    #[test]
    fn within_half_a_year_the_time_is_shown_and_otherwise_the_year() {
        let shown = |seconds: i64| {
            let time = Timestamp::from_unix_seconds(now().to_unix_seconds() + seconds).unwrap();
            let mut out = Vec::new();
            long_date(Some(time), now(), &mut out);
            out.contains(&b':')
        };
        const DAY: i64 = 86_400;
        assert!(shown(0) && shown(-DAY) && shown(-179 * DAY) && shown(DAY));
        assert!(!shown(-180 * DAY) && !shown(-400 * DAY));
        assert!(!shown(DAY + 1) && !shown(30 * DAY));
    }
}
