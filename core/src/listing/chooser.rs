//! Which dialect a line is in. The lines themselves settle it; what the server says about its system is a hint.

use super::dates::{Context, order_of};
use super::entry::{Dialect, Entry, Kind};
use super::item::{Heading, Item, Remark, RemarkKind};
use super::options::{Command, Options};
use super::time::{DateOrder, Zone};
use super::words::{Words, begins, ends, find, is_blank, is_number};
use super::{
    dos, eplf, hylafax, mlsx, mvs, netware, nonstop, os2, os9, os400, rare, unix, vms, vshell,
    vxworks, wfftp, win16, zvm,
};

/// The dialects in the order they are tried: the more a dialect demands of a line, the earlier. [`Dialect::Mac`] is read
/// with [`Dialect::Unix`], [`Dialect::Hellsoft`] with [`Dialect::NetWare`].
const ORDER: [Dialect; 23] = [
    Dialect::Mlsx,
    Dialect::Unix,
    Dialect::Dos,
    Dialect::Eplf,
    Dialect::NetWare,
    Dialect::HylaFax,
    Dialect::ConnectEnterprise,
    Dialect::UnixNumbers,
    Dialect::Vms,
    Dialect::VxWorks,
    Dialect::VShell,
    Dialect::Os400,
    Dialect::Os9,
    Dialect::Os2,
    Dialect::NonStop,
    Dialect::Zvm,
    Dialect::MvsLoadModule,
    Dialect::MvsMember,
    Dialect::Jes,
    Dialect::Mvs,
    Dialect::WfFtp,
    Dialect::SuperTcp,
    Dialect::Chameleon,
];

/// Reads lines, and remembers what the lines before have settled.
#[derive(Clone, Debug)]
pub(super) struct Chooser {
    context: Context,
    is_mlsd: bool,
    /// The dialect that explained the last lines, or the hint.
    settled: Option<Dialect>,
    /// Only a hint said so, and no line yet.
    is_hint: bool,
    /// Another one explained the last line. Twice in a row, and it takes over.
    rival: Option<Dialect>,
    /// Lines with nothing but a name are members: one with statistics, or the titles, came before.
    in_members: bool,
    /// Nothing but blanks before this line, or nothing at all.
    after_blank: bool,
}

impl Chooser {
    pub(super) fn new(options: &Options) -> Chooser {
        let is_mlsd = options.command == Command::Mlsd;
        Chooser {
            context: Context::new(options.now, options.zone, options.date_order),
            is_mlsd,
            settled: if is_mlsd {
                Some(Dialect::Mlsx)
            } else {
                options.hint.map(parser_of)
            },
            is_hint: true,
            rival: None,
            in_members: false,
            after_blank: true,
        }
    }

    pub(super) fn set_zone(&mut self, zone: Zone) {
        self.context.zone = zone;
    }

    pub(super) fn settled(&self) -> Option<Dialect> {
        self.settled
    }

    /// Looks at the beginning of the listing for dates that can be read in one order only.
    pub(super) fn look(&mut self, head: &[u8]) {
        if self.context.order.is_some() {
            return;
        }
        let mut votes = [
            (0_u32, DateOrder::MonthFirst),
            (0, DateOrder::DayFirst),
            (0, DateOrder::YearFirst),
        ];
        for line in head.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            let date = Words::new(line).take(4).find(|word| is_triple(word));
            if let Some(order) = date.and_then(order_of)
                // Only lines that mean something have a say.
                && matches!(self.clone().read(line), Item::Entry(_))
            {
                for (count, voted) in &mut votes {
                    *count += u32::from(*voted == order);
                }
            }
        }
        votes.sort_by_key(|(count, _)| core::cmp::Reverse(*count));
        if let [(most, order), (second, _), _] = votes
            && most > second
        {
            self.context.order = Some(order);
        }
    }

    pub(super) fn blank(&mut self) {
        self.after_blank = true;
    }

    /// What a line is. It is not blank.
    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Item<'a> {
        let after_blank = core::mem::take(&mut self.after_blank);
        if has_control_byte(line) {
            return Item::Unparsed(line);
        }
        if let Some(settled) = self.settled
            && let Some(entry) = self.attempt(settled, line)
        {
            self.is_hint = false;
            self.rival = None;
            return Item::Entry(set_apart(entry));
        }
        if let Some(kind) = self.frame(line) {
            return Item::Remark(Remark { raw: line, kind });
        }
        for dialect in ORDER {
            if self.settled == Some(dialect) {
                continue;
            }
            let Some(entry) = self.attempt(dialect, line) else {
                continue;
            };
            if self.settled.is_none() || self.is_hint || self.rival == Some(dialect) {
                self.settled = Some(dialect);
                self.is_hint = false;
                self.rival = None;
            } else {
                self.rival = Some(dialect);
            }
            return Item::Entry(set_apart(entry));
        }
        self.aside(line, after_blank)
    }

    fn attempt<'a>(&mut self, dialect: Dialect, line: &'a [u8]) -> Option<Entry<'a>> {
        let context = &self.context;
        match dialect {
            Dialect::Mlsx if self.is_mlsd => mlsx::parse_mlsd(line),
            Dialect::Mlsx => mlsx::parse(line),
            Dialect::Unix | Dialect::Mac => unix::parse(line, context),
            Dialect::UnixNumbers => rare::numbers(line),
            Dialect::Dos => dos::parse(line, context),
            Dialect::Eplf => eplf::parse(line),
            Dialect::Vms => vms::parse(line, context),
            Dialect::Mvs => mvs::data_set(line, context),
            Dialect::MvsMember => {
                let entry = mvs::member(line, context, self.in_members);
                self.in_members |= entry.is_some();
                entry
            }
            Dialect::MvsLoadModule => mvs::load_module(line),
            Dialect::Jes => mvs::job(line),
            Dialect::Zvm => zvm::parse(line, context),
            Dialect::Os400 => os400::parse(line, context),
            Dialect::Os2 => os2::parse(line, context),
            Dialect::NetWare | Dialect::Hellsoft => netware::parse(line, context),
            Dialect::NonStop => nonstop::parse(line, context),
            Dialect::Os9 => os9::parse(line, context),
            Dialect::VxWorks => vxworks::parse(line, context),
            Dialect::WfFtp => wfftp::parse(line, context),
            Dialect::VShell => vshell::parse(line, context),
            Dialect::HylaFax => hylafax::parse(line, context),
            Dialect::SuperTcp => win16::super_tcp(line, context),
            Dialect::Chameleon => win16::chameleon(line, context),
            Dialect::ConnectEnterprise => rare::connect_enterprise(line, context),
        }
    }

    /// Titles and totals, which no entry looks like.
    fn frame(&mut self, line: &[u8]) -> Option<RemarkKind> {
        if let Some(dialect) = titles(line) {
            self.settled = Some(dialect);
            self.is_hint = false;
            self.rival = None;
            self.in_members = dialect == Dialect::MvsMember;
            return Some(RemarkKind::Titles);
        }
        if is_ruler(line) {
            return Some(RemarkKind::Titles);
        }
        is_total(line).then_some(RemarkKind::Total)
    }

    /// What a line is that is no entry. An entry can look like any of these if its name does, so this comes last.
    fn aside<'a>(&self, line: &'a [u8], after_blank: bool) -> Item<'a> {
        let in_jobs = self.settled == Some(Dialect::Jes) && !self.is_hint;
        let kind = if is_error(line) {
            RemarkKind::Error
        } else if is_note(line) || in_jobs && mvs::is_job_detail(line) {
            RemarkKind::Note
        } else if let Some(directory) = heading(line, after_blank) {
            return Item::Heading(Heading {
                raw: line,
                directory,
            });
        } else {
            return Item::Unparsed(line);
        };
        Item::Remark(Remark { raw: line, kind })
    }
}

/// The dialect whose parser reads another one too.
fn parser_of(dialect: Dialect) -> Dialect {
    match dialect {
        Dialect::Mac => Dialect::Unix,
        Dialect::Hellsoft => Dialect::NetWare,
        other => other,
    }
}

/// The listed directory and the one above it are no children.
fn set_apart(entry: Entry<'_>) -> Entry<'_> {
    let kind = match (entry.kind, entry.name) {
        (Kind::Directory, b".") => Kind::Current,
        (Kind::Directory, b"..") => Kind::Parent,
        (kind, _) => kind,
    };
    Entry { kind, ..entry }
}

/// NUL, or a CR that is not part of the line end: no name has them, and what is sent back would mean something else.
fn has_control_byte(line: &[u8]) -> bool {
    line.iter()
        .fold(false, |found, byte| found | (*byte == 0) | (*byte == b'\r'))
}

fn is_triple(word: &[u8]) -> bool {
    let mut parts = word.split(|byte| matches!(byte, b'-' | b'/' | b'.'));
    let three = parts
        .by_ref()
        .take(3)
        .filter(|part| is_number(part))
        .count()
        == 3;
    three && parts.next().is_none()
}

fn titles(line: &[u8]) -> Option<Dialect> {
    let text = line.trim_ascii();
    if nonstop::is_title(text) {
        Some(Dialect::NonStop)
    } else if begins(text, b"Owner ") && find(text, b"Last modified").is_some() {
        Some(Dialect::Os9)
    } else if begins(text, b"size ") && find(text, b" date ").is_some() && ends(text, b" name") {
        Some(Dialect::VxWorks)
    } else {
        mvs::titles(text)
    }
}

/// Lines under titles.
fn is_ruler(line: &[u8]) -> bool {
    let strokes = line.iter().filter(|byte| **byte == b'-').count();
    strokes >= 5 && line.iter().all(|byte| *byte == b'-' || is_blank(byte))
}

/// `total 12`, in some languages; what DOS and VMS count.
fn is_total(line: &[u8]) -> bool {
    const TOTAL: [&[u8]; 10] = [
        b"total",
        b"total:",
        b"insgesamt",
        b"totale",
        b"totaal",
        b"celkem",
        b"razem",
        b"yhteens\xC3\xA4",
        b"\xE6\x80\xBB\xE7\x94\xA8\xE9\x87\x8F",
        b"\xE5\x90\x88\xE8\xA8\x88",
    ];
    let mut words = Words::new(line);
    let first = words.next().unwrap_or_default();
    let text = line.trim_ascii();
    if TOTAL.iter().any(|total| first.eq_ignore_ascii_case(total)) {
        // `ls -h` adds a unit.
        let amount = words.next().unwrap_or_default();
        let digits = amount
            .strip_suffix(b"K")
            .or_else(|| amount.strip_suffix(b"M"));
        let digits = digits
            .or_else(|| amount.strip_suffix(b"G"))
            .unwrap_or(amount);
        let number = digits.first().is_some_and(u8::is_ascii_digit)
            && digits
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','));
        return number && words.is_done()
            || amount == b"of" && words.next().is_some_and(is_number)
            || amount == b"bytes:";
    }
    let files = |word: Option<&[u8]>| {
        word.is_some_and(|word| [&b"File(s)"[..], b"Dir(s)", b"file(s)", b"dir(s)"].contains(&word))
    };
    is_number(first) && files(words.next()) || begins(text, b"Grand total of ")
}

/// What a server says in the place of what it cannot list.
fn is_error(line: &[u8]) -> bool {
    const ENDS: [&[u8]; 9] = [
        b": No such file or directory",
        b": Permission denied",
        b": Not a directory",
        b": Input/output error",
        b": Operation not permitted",
        b": Value too large for defined data type",
        b": File not found",
        b" not found",
        b" unreadable",
    ];
    let text = line.trim_ascii();
    let by_program = [
        &b"ls: "[..],
        b"/bin/ls: ",
        b"bin/ls: ",
        b"%RMS-",
        b"%SYSTEM-",
        b"%DIRECT-",
        b"Can't open ",
    ]
    .iter()
    .any(|start| text.starts_with(start));
    // A reply of failure that went into the data.
    let by_code = matches!(text, [b'4' | b'5', second, third, b' ' | b'-', letter, ..]
        if second.is_ascii_digit() && third.is_ascii_digit() && letter.is_ascii_alphabetic());
    by_program || by_code || ENDS.iter().any(|end| ends(text, end))
}

/// What is said about the volume.
fn is_note(line: &[u8]) -> bool {
    const STARTS: [&[u8]; 4] = [
        b"Volume in drive ",
        b"Volume Serial Number is ",
        b"Bytes Free on ",
        b"Free space: ",
    ];
    let text = line.trim_ascii();
    STARTS.iter().any(|start| begins(text, start))
}

/// The directory that the lines below are in: `./sub:` behind a blank line, `Directory DISK$A:[PUB]`, ` Directory of C:\pub`.
fn heading(line: &[u8], after_blank: bool) -> Option<&[u8]> {
    let text = line.trim_ascii();
    if let Some(directory) = text.strip_prefix(b"Directory of ") {
        return Some(directory);
    }
    let volume = text.strip_prefix(b"Directory ").unwrap_or(text);
    let is_vms = volume.ends_with(b"]")
        && find(volume, b":[").is_some_and(|at| {
            volume.get(..at).is_some_and(|device| {
                !device.is_empty()
                    && device.iter().all(|byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'_' | b'-')
                    })
            })
        });
    if is_vms {
        return Some(volume);
    }
    line.strip_suffix(b":")
        .filter(|directory| after_blank && !directory.is_empty())
}
