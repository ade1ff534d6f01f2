//! The committed corpora against their oracles: what fuzzing once needed to get somewhere, and what it once found.

use std::fs;
use std::path::Path;

use ftp_proto_fuzz::{TARGETS, with_a_server_that_repeats_secrets};

#[test]
fn every_corpus_holds() {
    for (target, check) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        let mut inputs = 0;
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            // Shown only if the oracle panics.
            println!("{}", path.display());
            check(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{} is empty", folder.display());
    }
}

#[test]
fn a_server_that_repeats_the_password_gets_it_shown_nowhere() {
    let mut repeated = 0;
    for (target, check) in TARGETS {
        if !matches!(target, "client_bytes" | "client_ops") {
            continue;
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        let files = fs::read_dir(&folder).unwrap();
        let committed = files.map(|file| fs::read(file.unwrap().path()).unwrap());
        // Few of the corpus come as far as the password.
        for input in committed.chain((0..3000).map(any_input)) {
            repeated += with_a_server_that_repeats_secrets(check, &input);
        }
    }
    assert!(repeated > 100, "said {repeated} times only");
}

/// 400 bytes that are the same each time.
fn any_input(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..400).map(|_| next()).collect()
}

#[test]
fn every_oracle_takes_short_and_simple_input() {
    for (target, check) in TARGETS {
        println!("{target}");
        check(b"");
        for byte in 0..=255 {
            check(&[byte]);
            check(&[byte; 9]);
            check(&[byte; 400]);
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_dictionary_if_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, _) in TARGETS {
        let program = root.join("fuzz_targets").join(format!("{target}.rs"));
        let text = fs::read_to_string(program).unwrap();
        assert!(text.contains(&format!("ftp_proto_fuzz::{target}::check")));
    }
    let programs = fs::read_dir(root.join("fuzz_targets")).unwrap().count();
    assert_eq!(programs, TARGETS.len());
}
