//! The corpus: listings, each line with what it has to become.
//!
//! ```text
//! @new a title, and what the decoder is told: order=dmy zone=+120 command=mlsd
//! |a line as received, with \xNN and \t for bytes that are not seen
//! =what it becomes: dialect, kind, every field that is present, and the name
//! ```
//!
//! A field that is not named must be absent. An entry of two lines has two lines before its `=`. Blank lines have none.

#![allow(
    unreachable_patterns,
    reason = "shared: within the crate these lists are whole, outside they may grow"
)]

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use ftp_proto::listing::{
    Command, DateOrder, Decoder, Dialect, Entry, Item, Kind, Options, Precision, RemarkKind, Size,
    Time, Zone,
};
use ftp_proto::wire::date::Timestamp;

/// The present time of all listings in the corpus.
pub(crate) fn now() -> Timestamp {
    Timestamp::new(2026, 7, 14, 12, 0, 0).unwrap()
}

/// A listing with what its lines become.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) title: String,
    pub(crate) options: Options,
    pub(crate) records: Vec<Record>,
}

/// One line, or the lines of one entry.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) lines: Vec<Vec<u8>>,
    /// `None` for a blank line.
    pub(crate) expected: Option<String>,
}

impl Listing {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        bytes_of(self.records.iter().flat_map(|record| &record.lines))
    }

    /// What its lines become, one after the other.
    pub(crate) fn expected(&self) -> Vec<&str> {
        let records = self.records.iter();
        records
            .filter_map(|record| record.expected.as_deref())
            .collect()
    }
}

/// Lines with their ends.
pub(crate) fn bytes_of<'a>(lines: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The files of the corpus, by name.
pub(crate) fn files() -> impl Iterator<Item = (&'static str, Vec<Listing>)> {
    macro_rules! texts {
        ($($name:literal)*) => {
            [$(($name, include_str!(concat!("../corpus/", $name, ".txt")))),*]
        };
    }
    let texts = texts!(
        "chameleon" "connect" "dos" "eplf" "hellsoft" "hylafax" "jes" "mac" "mlsx" "mvs" "mvs-members" "mvs-modules" "netware" "nonstop" "numbers" "os2" "os400" "os9" "refused" "supertcp" "unix" "vms" "vshell" "vxworks" "wfftp" "zvm"
    );
    texts.into_iter().map(|(name, text)| (name, parse(text)))
}

fn parse(text: &str) -> Vec<Listing> {
    let mut listings: Vec<Listing> = Vec::new();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("@new") {
            assert!(lines.is_empty(), "lines without an end before {line}");
            listings.push(Listing {
                title: told.trim().to_owned(),
                options: options(told),
                records: Vec::new(),
            });
        } else if let Some(raw) = line.strip_prefix('|') {
            lines.push(unescape(raw));
            if raw.trim().is_empty() {
                listings.last_mut().unwrap().records.push(Record {
                    lines: core::mem::take(&mut lines),
                    expected: None,
                });
            }
        } else if let Some(expected) = line.strip_prefix('=') {
            assert!(!lines.is_empty(), "nothing becomes {expected}");
            listings.last_mut().unwrap().records.push(Record {
                lines: core::mem::take(&mut lines),
                expected: Some(expected.to_owned()),
            });
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{line}");
        }
    }
    assert!(lines.is_empty());
    listings
}

fn options(told: &str) -> Options {
    let mut options = Options::new(now());
    for (key, value) in told.split(' ').filter_map(|word| word.split_once('=')) {
        match (key, value) {
            ("command", "mlsd") => options.command = Command::Mlsd,
            ("order", "mdy") => options.date_order = Some(DateOrder::MonthFirst),
            ("order", "dmy") => options.date_order = Some(DateOrder::DayFirst),
            ("order", "ymd") => options.date_order = Some(DateOrder::YearFirst),
            ("system", system) => options.hint_from_system(system.as_bytes()),
            ("zone", minutes) => {
                options.zone = Zone::Offset {
                    minutes: minutes.parse().unwrap(),
                }
            }
            other => panic!("{other:?}"),
        }
    }
    options
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after
            .strip_prefix(b"x")
            .and_then(|digits| core::str::from_utf8(digits.get(..2)?).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, hex, after) {
            (b'\\', Some(byte), _) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            (b'\\', None, [b't', after @ ..]) => {
                bytes.push(b'\t');
                rest = after;
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    bytes
}

/// What a decoder makes of pieces, each item as the corpus writes it.
pub(crate) fn decode<'a>(
    options: &Options,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut decoder = Decoder::new(options);
    let mut items = Vec::new();
    for mut piece in pieces {
        while let Some(item) = decoder.decode(&mut piece) {
            items.push(show(&item));
        }
        assert!(piece.is_empty());
    }
    while let Some(item) = decoder.finish() {
        items.push(show(&item));
    }
    assert!(decoder.finish().is_none());
    items
}

pub(crate) fn show(item: &Item<'_>) -> String {
    assert_eq!(item.entry().is_some(), matches!(item, Item::Entry(_)));
    match item {
        Item::Entry(entry) => show_entry(entry),
        Item::Heading(heading) => format!("heading {}", text(heading.directory)),
        Item::Remark(remark) => match remark.kind {
            RemarkKind::Total => "total",
            RemarkKind::Titles => "titles",
            RemarkKind::Error => "error",
            RemarkKind::Note => "note",
            _ => "remark",
        }
        .to_owned(),
        Item::Unparsed(_) => "unparsed".to_owned(),
        Item::TooLong(_) => "too long".to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn show_entry(entry: &Entry<'_>) -> String {
    let mut out = format!("{:?} {:?}", entry.dialect, entry.kind).to_lowercase();
    match entry.size {
        Some(Size::Octets(octets)) => write!(out, " size={octets}").unwrap(),
        Some(Size::Blocks(blocks)) => write!(out, " blocks={blocks}").unwrap(),
        Some(Size::Records(records)) => write!(out, " records={records}").unwrap(),
        Some(Size::Tracks(tracks)) => write!(out, " tracks={tracks}").unwrap(),
        Some(other) => panic!("{other:?}"),
        None => {}
    }
    if let Some(time) = &entry.time {
        write!(out, " time={}", show_time(time)).unwrap();
    }
    if let Some(permissions) = entry.permissions {
        write!(out, " perm={}", text(permissions)).unwrap();
    }
    if let Some(mode) = entry.mode() {
        write!(out, " mode={mode:o}").unwrap();
    }
    if let Some(links) = entry.links {
        write!(out, " links={links}").unwrap();
    }
    if let Some((major, minor)) = entry.device {
        write!(out, " device={major},{minor}").unwrap();
    }
    if let Some(owner) = entry.owner {
        write!(out, " owner=[{}]", text(owner)).unwrap();
    }
    if let Some(group) = entry.group {
        write!(out, " group=[{}]", text(group)).unwrap();
    }
    if let Some(target) = entry.target {
        write!(out, " target=[{}]", text(target)).unwrap();
    }
    assert_eq!(
        entry.is_child(),
        !matches!(entry.kind, Kind::Current | Kind::Parent)
    );
    let octets = match entry.size {
        Some(Size::Octets(octets)) => Some(octets),
        _ => None,
    };
    assert_eq!(entry.octets(), octets);
    let facts = entry.facts();
    assert_eq!(facts.is_some(), entry.dialect == Dialect::Mlsx);
    assert!(facts.is_none_or(|facts| facts.name() == entry.name));
    write!(out, " name=[{}]", text(entry.name)).unwrap();
    out
}

pub(crate) fn show_time(time: &Time) -> String {
    let stamp = time.stamp.to_string();
    let written = match time.precision {
        Precision::Day => stamp.get(..8).unwrap(),
        Precision::Minute => stamp.get(..12).unwrap(),
        Precision::Second => &stamp,
    };
    let zone = match time.zone {
        Zone::Unknown => String::new(),
        Zone::Utc => "Z".to_owned(),
        Zone::Offset { minutes } => format!("{minutes:+}"),
    };
    let inferred = if time.year_given { "" } else { "~" };
    format!("{inferred}{written}{zone}")
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
