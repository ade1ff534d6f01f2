//! The corpus, through the decoder.

mod corpus;

use alloc::string::String;

use corpus::{decode, files};

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
