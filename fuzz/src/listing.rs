//! Listings: any bytes are answered, in any pieces in the same way, and nothing is made up.

use ftp_proto::Limits;
use ftp_proto::listing::{
    Command, DateOrder, Decoder, Dialect, Entry, Item, LocalName, Names, Options,
};
use ftp_proto::wire::date::Timestamp;

use crate::pieces::Cut;

/// The first two bytes say what is known before, and how the rest is cut; the rest is the listing.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let Some(([known, way], listing)) = data.split_first_chunk() else {
        return;
    };
    let options = options(*known);
    let whole = items(&options, &[listing]);
    let pieces = items(&options, &Cut::chosen(*way, way >> 2).pieces(listing));
    assert_eq!(whole, pieces);
    let lines = listing
        .split(|byte| matches!(byte, b'\n' | 0x15 | 0x25))
        .count();
    assert!(whole.len() <= lines);
    names(listing);
}

fn options(known: u8) -> Options {
    let now = Timestamp::new(2024, 2, 29, 23, 59, 59).expect("a day");
    let mut options = Options::new(now);
    options.longest_line = if known & 0x80 == 0 { 8192 } else { 60 };
    match known & 0x7F {
        0 => {}
        1 => options.command = Command::Mlsd,
        2 => options.date_order = Some(DateOrder::MonthFirst),
        3 => options.date_order = Some(DateOrder::DayFirst),
        4 => options.date_order = Some(DateOrder::YearFirst),
        hint => options.hint = Dialect::ALL.get(usize::from(hint) - 5).copied(),
    }
    options
}

/// Everything an item says, so that two runs can be compared.
fn items(options: &Options, pieces: &[&[u8]]) -> Vec<String> {
    let mut decoder = Decoder::new(options);
    let mut items = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while let Some(item) = decoder.decode(&mut rest) {
            items.push(item_holds(&item, options));
        }
        assert!(rest.is_empty());
    }
    while let Some(item) = decoder.finish() {
        items.push(item_holds(&item, options));
    }
    assert!(decoder.finish().is_none());
    items
}

fn item_holds(item: &Item<'_>, options: &Options) -> String {
    let raw = item.raw();
    // Two lines at most, and LF between them.
    assert!(raw.len() <= 2 * options.longest_line + 1);
    if let Item::Entry(entry) = item {
        entry_holds(entry);
    }
    format!("{item:?}")
}

fn entry_holds(entry: &Entry<'_>) {
    let name = entry.name;
    assert!(!name.is_empty());
    assert!(!name.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')));
    // What is said was in the line, unless it had to be put into ASCII.
    if entry.raw.is_ascii() {
        let parts = [
            Some(name).filter(|_| entry.dialect != Dialect::Zvm),
            entry.target,
            entry.permissions,
            entry.owner,
            entry.group,
        ];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            let found = entry.raw.windows(part.len()).any(|text| text == part);
            assert!(found || entry.raw.contains(&0x40));
        }
    }
    if let Some(time) = entry.time {
        let _ = time.utc();
    }
    let _ = (
        entry.mode(),
        entry.octets(),
        entry.is_child(),
        entry.facts(),
    );
    if let Ok(local) = LocalName::from_remote(name) {
        let local = local.as_str();
        assert_eq!(local.as_bytes(), name);
        assert!(!matches!(local, "." | ".."));
        assert!(!local.contains(['/', '\\', ':']));
        let mut parts = std::path::Path::new(local).components();
        let one = parts.next();
        assert!(matches!(one, Some(std::path::Component::Normal(_))) && parts.next().is_none());
    }
}

fn names(listing: &[u8]) {
    let mut names = Names::new(b"pub", &Limits::default());
    let mut rest = listing;
    let check = |name: Result<&[u8], _>| {
        if let Ok(name) = name {
            assert!(!matches!(name, b"" | b"." | b".."));
            assert!(!name.iter().any(|byte| matches!(byte, 0 | b'\r')));
        }
    };
    while let Some(name) = names.decode(&mut rest) {
        check(name);
    }
    while let Some(name) = names.finish() {
        check(name);
    }
}
