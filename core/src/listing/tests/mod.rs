//! The corpus, through the decoder.

pub(super) mod corpus;

use alloc::string::String;
use alloc::vec::Vec;

use corpus::{Listing, bytes_of, decode, files, now};

use super::{Decoder, Dialect, Options};

/// What the corpus promises.
const REFUSALS: usize = 100;

fn listings() -> Vec<Listing> {
    files().flat_map(|(_, listings)| listings).collect()
}

/// Each line with every field it must become, and what must be refused; whole and in pieces.
#[test]
fn every_line_becomes_what_it_is() {
    let mut wrong = String::new();
    for (file, listings) in files() {
        for listing in listings {
            let expected = listing.expected();
            let bytes = listing.bytes();
            for size in [bytes.len(), 1, 4096] {
                let found = decode(&listing.options, bytes.chunks(size));
                assert_eq!(found.len(), expected.len(), "{file}, {}", listing.title);
                for (found, expected) in found.iter().zip(&expected) {
                    if found != expected {
                        wrong += &alloc::format!(
                            "{file}, {}:\n  is  {found}\n  not {expected}\n",
                            listing.title
                        );
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_refused_is_refused_alone_and_after_any_listing() {
    let (_, refused) = files().find(|(name, _)| *name == "refused").unwrap();
    let refused: Vec<&Vec<u8>> = refused
        .iter()
        .flat_map(|listing| &listing.records)
        .inspect(|record| assert_eq!(record.expected.as_deref(), Some("unparsed")))
        .flat_map(|record| &record.lines)
        .collect();
    assert!(refused.len() >= REFUSALS);
    for line in &refused {
        let found = decode(&Options::new(now()), [&line[..]]);
        assert_eq!(found, ["unparsed"], "{}", line.escape_ascii());
    }
    for listing in listings() {
        // After members, a word alone is one more; in answer to MLSD, facts may be any.
        if listing
            .expected()
            .iter()
            .any(|item| item.starts_with("mvsmember"))
            || listing.title.contains("mlsd")
        {
            continue;
        }
        for line in &refused {
            // What is a heading or belongs to a job there is said to be so, and is no entry.
            let bytes = [&listing.bytes()[..], line, b"\r\n"].concat();
            let found = decode(&listing.options, [&bytes[..]]);
            let last = found.last().unwrap();
            assert!(
                ["unparsed", "note"].contains(&last.as_str()),
                "{}: {} is {last}",
                listing.title,
                line.escape_ascii()
            );
        }
    }
}

#[test]
fn any_line_made_garbage_changes_nothing_in_the_others() {
    let garbage: [&[u8]; 5] = [
        b"garbage",
        b"\xFF\xFE\x00\x01 \x02",
        b"-rw-r--r-- 1 ada",
        b"04-27-00  09:09PM",
        b"type=file;",
    ];
    let mut tried = 0;
    for listing in listings() {
        // Here one line says what the other one is.
        if listing.title.starts_with("statistics show") {
            continue;
        }
        for (at, record) in listing.records.iter().enumerate() {
            // Titles settle what a line with nothing but a name is.
            let Some(expected) = &record.expected else {
                continue;
            };
            if expected == "titles" {
                continue;
            }
            for line in garbage {
                let lines = listing
                    .records
                    .iter()
                    .enumerate()
                    .flat_map(|(other, record)| {
                        if other == at {
                            alloc::vec![line.to_vec()]
                        } else {
                            record.lines.clone()
                        }
                    });
                let bytes = bytes_of(&lines.collect::<Vec<_>>());
                let found = decode(&listing.options, [&bytes[..]]);
                let mut wanted = listing.expected();
                let place = listing.records[..at]
                    .iter()
                    .filter(|record| record.expected.is_some())
                    .count();
                wanted[place] = "unparsed";
                assert_eq!(found, wanted, "{}, line {at}", listing.title);
                tried += 1;
            }
        }
    }
    assert!(tried > 1000);
}

#[test]
fn a_hint_changes_nothing_that_the_lines_say() {
    for listing in listings() {
        for dialect in Dialect::ALL {
            let mut options = listing.options.clone();
            options.hint = Some(dialect);
            let found = decode(&options, [&listing.bytes()[..]]);
            assert_eq!(
                found,
                listing.expected(),
                "{} with {dialect:?}",
                listing.title
            );
        }
    }
}

#[test]
fn a_listing_in_ebcdic_is_read_like_the_same_in_ascii() {
    // The letters, digits and signs of code page 1047 that z/OS has in its listings.
    let to_ebcdic = |byte: &u8| -> Option<u8> {
        let byte = match byte {
            b' ' => 0x40,
            b'.' => 0x4B,
            b'(' => 0x4D,
            b'+' => 0x4E,
            b'$' => 0x5B,
            b'*' => 0x5C,
            b')' => 0x5D,
            b'-' => 0x60,
            b'/' => 0x61,
            b'?' => 0x6F,
            b':' => 0x7A,
            b'#' => 0x7B,
            b'@' => 0x7C,
            b'\'' => 0x7D,
            b'=' => 0x7E,
            b'a'..=b'i' => 0x81 + (byte - b'a'),
            b'j'..=b'r' => 0x91 + (byte - b'j'),
            b's'..=b'z' => 0xA2 + (byte - b's'),
            b'A'..=b'I' => 0xC1 + (byte - b'A'),
            b'J'..=b'R' => 0xD1 + (byte - b'J'),
            b'S'..=b'Z' => 0xE2 + (byte - b'S'),
            b'0'..=b'9' => 0xF0 + (byte - b'0'),
            b'\r' => 0x0D,
            _ => return None,
        };
        Some(byte)
    };
    let mut headings = 0;
    for (name, listings) in files() {
        if !matches!(name, "mvs" | "mvs-members" | "mvs-modules" | "jes" | "unix") {
            continue;
        }
        for listing in listings {
            for end in [0x15, 0x25] {
                let bytes: Option<Vec<u8>> = listing
                    .bytes()
                    .iter()
                    .map(|byte| match byte {
                        b'\n' => Some(end),
                        byte => to_ebcdic(byte),
                    })
                    .collect();
                // Names of other systems may have other characters.
                let Some(mut bytes) = bytes else {
                    assert_eq!(name, "unix", "{}", listing.title);
                    continue;
                };
                let mut expected = listing.expected();
                headings += expected
                    .iter()
                    .filter(|item| item.starts_with("heading"))
                    .count();
                for size in [1, 100, 100_000] {
                    assert_eq!(decode(&listing.options, bytes.chunks(size)), expected);
                }
                // The line itself is given as it came.
                let mut decoder = Decoder::new(&listing.options);
                let mut rest = &bytes[..];
                assert!(
                    decoder
                        .decode(&mut rest)
                        .is_none_or(|item| bytes.starts_with(item.raw()))
                );
                // A byte that stands for no character: the line is none, and the others are what they are.
                let last = bytes.len() - 3;
                bytes[last] = 0xFF;
                *expected.last_mut().unwrap() = "unparsed";
                assert_eq!(decode(&listing.options, [&bytes[..]]), expected);
            }
        }
    }
    assert!(headings > 0);
}

/// Days and months are told apart by the dates that can be read in one way only, wherever in the beginning they are.
#[test]
fn dates_are_read_in_the_order_that_most_of_them_prove() {
    let first = |lines: &[&str]| {
        let text = lines.join("\r\n");
        let found = decode(&Options::new(now()), [text.as_bytes()]);
        let (_, said) = found[0].split_once("time=").unwrap();
        String::from(said.get(..8).unwrap())
    };
    let unclear = "01-02-20  09:09PM             589 a";
    let dotted = "01.02.20  09:09PM             589 a";
    let day_first = "25-04-2019  09:09PM           589 b";
    let month_first = "04-25-2019  09:09PM           589 b";
    for (lines, expected) in [
        (&[unclear][..], "20200102"),
        (&[dotted], "20200201"),
        (&[unclear, day_first], "20200201"),
        (&[dotted, month_first], "20200102"),
        (&[dotted, month_first, month_first, day_first], "20200102"),
        (&[unclear, month_first, day_first, day_first], "20200201"),
        // As many for either: as usual.
        (&[dotted, month_first, day_first], "20200201"),
        (&[unclear, month_first, day_first], "20200102"),
        // Lines that mean nothing have no say, and neither have names.
        (&[unclear, "25-04-2019 is a day"], "20200102"),
        (
            &[unclear, "01-02-20  09:09PM             589 25-04-2019"],
            "20200102",
        ),
        (
            &[unclear, "25-04-2019-1  09:09PM         589 b"],
            "20200102",
        ),
    ] {
        assert_eq!(first(lines), expected, "{lines:?}");
    }
    // Who knows the order is believed.
    let mut options = Options::new(now());
    options.date_order = Some(super::DateOrder::MonthFirst);
    let text = [unclear, day_first].join("\n");
    let found = decode(&options, [text.as_bytes()]);
    assert!(found[0].contains("time=20200102"), "{found:?}");
}

/// The first line settles the dialect, a line in another one does not, and two of them in a row do; a hint is less than a line.
#[test]
fn what_is_settled_can_be_asked() {
    let unix = b"-rw-r--r-- 1 root other 531 Jan 29 03:26 a\n";
    let dos = b"04-27-00  09:09PM             589 b\n";
    let vms = b"README.TXT;1  1 30-DEC-1996 17:44  [SYSTEM] (RWED,RWED,RE,RE)\n";
    let settled = |hint, lines: &[&[u8]]| {
        let mut options = Options::new(now());
        options.hint = hint;
        let mut decoder = Decoder::new(&options);
        let text = lines.concat();
        let mut rest = &text[..];
        while decoder.decode(&mut rest).is_some() {}
        while let Some(item) = decoder.finish() {
            assert!(item.entry().is_some());
        }
        decoder.dialect()
    };
    for (hint, lines, expected) in [
        (None, &[][..], None),
        (None, &[&unix[..]], Some(Dialect::Unix)),
        (None, &[unix, dos], Some(Dialect::Unix)),
        (None, &[unix, dos, dos], Some(Dialect::Dos)),
        (None, &[unix, dos, unix, dos], Some(Dialect::Unix)),
        (None, &[unix, dos, vms], Some(Dialect::Unix)),
        (Some(Dialect::Vms), &[], Some(Dialect::Vms)),
        (Some(Dialect::Vms), &[dos], Some(Dialect::Dos)),
        (Some(Dialect::Unix), &[unix, dos], Some(Dialect::Unix)),
    ] {
        assert_eq!(settled(hint, lines), expected, "{hint:?} {}", lines.len());
    }
}

/// A zone that is found out on the way is that of the lines behind.
#[test]
fn a_zone_can_be_told_later() {
    let mut decoder = Decoder::new(&Options::new(now()));
    let line = b"-rw-r--r-- 1 root other 531 Jan 29 03:26 a\n";
    let zone = |decoder: &mut Decoder| {
        let entry = decoder.finish().and_then(super::Item::entry).unwrap();
        entry.time.unwrap().zone
    };
    let text = line.repeat(2);
    let mut rest = &text[..];
    assert!(decoder.decode(&mut rest).is_none());
    assert_eq!(zone(&mut decoder), super::Zone::Unknown);
    decoder.set_zone(super::Zone::Utc);
    assert_eq!(zone(&mut decoder), super::Zone::Utc);
    assert!(decoder.finish().is_none());
}
