//! Listings of every dialect: the corpus beside the decoder's sources, where each line becomes what it must; here in any pieces,
//! after random changes, in bounded memory; and those of real servers.
//!
//! `--nocapture` prints how many lines of each dialect say which field.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

extern crate alloc;

#[path = "../../../core/src/listing/tests/corpus.rs"]
mod corpus;
#[cfg(target_os = "linux")]
mod real;

use std::collections::BTreeMap;

use corpus::{Listing, decode, files, now};
use ftp_proto::listing::{Decoder, Dialect, Item, Names, Options};

/// What the corpus promises.
const LINES_OF_A_DIALECT: usize = 15;

fn listings() -> Vec<Listing> {
    files().flat_map(|(_, listings)| listings).collect()
}

#[test]
fn every_dialect_has_lines_for_every_field() {
    const FIELDS: [&str; 15] = [
        "file",
        "directory",
        "link",
        "current",
        "parent",
        "other",
        "unknown",
        "size",
        "time",
        "perm",
        "links",
        "device",
        "owner",
        "group",
        "target",
    ];
    let mut table: BTreeMap<String, (usize, [usize; FIELDS.len()])> = BTreeMap::new();
    for listing in listings() {
        for item in listing.expected() {
            let (said, _name) = item.split_once(" name=").unwrap_or((item, ""));
            let mut words = said.split(' ');
            let dialect = words.next().unwrap().to_owned();
            let (lines, counts) = table.entry(dialect).or_default();
            *lines += 1;
            for word in words {
                let field = word.split('=').next().unwrap();
                let field = match field {
                    "blocks" | "records" | "tracks" => "size",
                    field => field,
                };
                if let Some(at) = FIELDS.iter().position(|known| *known == field) {
                    counts[at] += 1;
                }
            }
        }
    }
    println!(
        "{:17} lines {}",
        "",
        FIELDS.map(|field| format!("{field:>9}")).concat()
    );
    for (dialect, (lines, counts)) in &table {
        println!(
            "{dialect:17} {lines:5} {}",
            counts.map(|count| format!("{count:9}")).concat()
        );
    }
    for dialect in Dialect::ALL {
        let name = format!("{dialect:?}").to_lowercase();
        let lines = table.get(&name).map_or(0, |(lines, _)| *lines);
        assert!(lines >= LINES_OF_A_DIALECT, "{lines} lines of {name}");
    }
}

/// A file that nobody reads shows nothing.
#[test]
fn all_files_of_the_corpus_are_played() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/listing/corpus");
    let mut there: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut played: Vec<String> = files().map(|(name, _)| format!("{name}.txt")).collect();
    played.sort();
    assert_eq!(there, played);
}

#[test]
fn any_pieces_give_the_same() {
    for listing in listings() {
        for repeat in [1, 20] {
            let bytes = listing.bytes().repeat(repeat);
            let whole = decode(&listing.options, [&bytes[..]]);
            for size in [1, 2, 3, 7, 64, 1000, 4095, 4096, 4097] {
                let pieces = decode(&listing.options, bytes.chunks(size));
                assert_eq!(pieces, whole, "{} in pieces of {size}", listing.title);
            }
            if repeat == 1 {
                for cut in 0..bytes.len() {
                    let (left, right) = bytes.split_at(cut);
                    assert_eq!(
                        decode(&listing.options, [left, right]),
                        whole,
                        "{} at {cut}",
                        listing.title
                    );
                }
            }
        }
        // No line end at all behind the last line, and bare LF.
        let bytes = listing.bytes();
        let whole = decode(&listing.options, [&bytes[..]]);
        assert_eq!(decode(&listing.options, [&bytes[..bytes.len() - 2]]), whole);
        let bare = bytes.strip_suffix(b"\r\n").unwrap().to_vec();
        let bare: Vec<u8> = bare
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .collect::<Vec<_>>()
            .join(&b"\n"[..]);
        assert_eq!(decode(&listing.options, [&bare[..]]), whole);
    }
}

#[test]
fn a_hundred_thousand_random_changes_end_in_answers() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let listings = listings();
    let lines: Vec<&Vec<u8>> = listings
        .iter()
        .flat_map(|listing| &listing.records)
        .flat_map(|record| &record.lines)
        .collect();
    let mut entries = 0;
    for _ in 0..100_000 {
        let listing = &listings[random(listings.len())];
        let mut bytes = Vec::new();
        for _ in 0..1 + random(3) {
            bytes.extend_from_slice(lines[random(lines.len())]);
            bytes.extend_from_slice([&b"\r\n"[..], b"\n", b""][random(3)]);
        }
        for _ in 0..1 + random(6) {
            let at = random(bytes.len().max(1));
            match random(5) {
                0 if at < bytes.len() => bytes[at] = u8::try_from(random(256)).unwrap(),
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                2 => bytes.insert(at.min(bytes.len()), b" -:;/.<[\t90a\n"[random(13)]),
                3 if at < bytes.len() => bytes.truncate(at),
                _ => {
                    let from = random(bytes.len().max(1)).min(at);
                    let copy: Vec<u8> = bytes.get(from..at).unwrap_or_default().to_vec();
                    bytes.splice(at.min(bytes.len())..at.min(bytes.len()), copy);
                }
            }
        }
        let whole = decode(&listing.options, [&bytes[..]]);
        let pieces = decode(&listing.options, bytes.chunks(1 + random(30)));
        assert_eq!(whole, pieces, "{}", bytes.escape_ascii());
        entries += whole.iter().filter(|item| item.contains(" name=")).count();
        let mut names = Names::new(b"pub", &ftp_proto::Limits::default());
        let mut rest = &bytes[..];
        while names.decode(&mut rest).is_some() {}
        while names.finish().is_some() {}
    }
    // So that this is about entries, and not about refusals.
    assert!(entries > 30_000, "{entries}");
}

#[test]
fn ic_26_lines_over_the_limit_are_skipped_in_bounded_memory() {
    let mut options = Options::new(now());
    options.longest_line = 100;
    let long = [b"x".repeat(101), b"\r\n".to_vec()].concat();
    let entry = b"-rw-r--r-- 1 ada staff 5 Jan 29 03:26 a\r\n";
    let bytes = [
        &entry[..],
        &long,
        entry,
        &b"y".repeat(200_000),
        b"\n",
        entry,
        &b"z".repeat(50),
    ]
    .concat();
    for size in [1, 50, 4096, 1_000_000] {
        let kinds: Vec<String> = decode(&options, bytes.chunks(size))
            .iter()
            .map(|item| item.split(" size").next().unwrap().to_owned())
            .collect();
        let file = "unix file";
        assert_eq!(
            kinds,
            [file, "too long", file, "too long", file, "unparsed"],
            "{size}"
        );
    }
    for (length, expected) in [(99, "unparsed"), (100, "unparsed"), (101, "too long")] {
        assert_eq!(
            decode(&options, [&b"q".repeat(length)[..]]),
            [expected],
            "{length}"
        );
    }
}

#[test]
fn nothing_is_allocated_once_the_decoder_is_warm() {
    let mut decoder = Decoder::new(&Options::new(now()));
    let lines: Vec<u8> = (0..2000)
        .flat_map(|number| {
            format!("-rw-r--r-- 1 ada staff {number} Jan 29 03:26 file {number}\r\n").into_bytes()
        })
        .collect();
    let mut run = |pieces: usize| {
        let mut entries = 0;
        for mut piece in lines.chunks(pieces) {
            while let Some(item) = decoder.decode(&mut piece) {
                entries += usize::from(matches!(item, Item::Entry(_)));
            }
        }
        entries
    };
    run(1000);
    let mut entries = 0;
    let info = allocation_counter::measure(|| entries = run(1000) + run(8192) + run(lines.len()));
    assert_eq!(entries, 6000);
    assert_eq!(info.count_total, 0, "{info:?}");
}
