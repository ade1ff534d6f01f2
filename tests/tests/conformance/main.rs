//! The standards, section by section: what each asks for, in our words, and the test that shows it.
//!
//! One table for each role, `client.tsv` and `server.tsv`, in three columns: the section, what it asks for, and the tests, `suite::test` or
//! `source file::test`. A dash and a reason stand where something is left out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod client;

use std::fs;
use std::path::{Path, PathBuf};

const ROLES: [&str; 2] = ["client", "server"];

/// One row of a table.
struct Row {
    section: String,
    what: String,
    tests: Vec<String>,
    left_out: Option<String>,
}

#[test]
fn every_row_of_every_table_names_tests_that_exist() {
    for role in ROLES {
        let rows = rows(role);
        let mut missing = Vec::new();
        for row in &rows {
            for test in &row.tests {
                if !exists(test) {
                    missing.push(format!("{}: {}: no test {test}", row.section, row.what));
                }
            }
            assert!(
                !row.tests.is_empty() || row.left_out.is_some(),
                "{}: {}: neither a test nor a reason",
                row.section,
                row.what
            );
        }
        assert!(missing.is_empty(), "{role}:\n{}", missing.join("\n"));
        let covered = rows.iter().filter(|row| row.left_out.is_none()).count();
        println!("{role}: {covered} of {} covered", rows.len());
        for row in &rows {
            if let Some(reason) = &row.left_out {
                println!("  left out: {}: {}: {reason}", row.section, row.what);
            }
        }
    }
}

/// Every row has its section, and no row is there twice.
#[test]
fn tables_are_in_order() {
    let section = |text: &str| {
        text == "practice"
            || text.split("; ").all(|one| {
                one.strip_prefix("RFC ")
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
    };
    for role in ROLES {
        let mut seen = Vec::new();
        for row in rows(role) {
            assert!(section(&row.section), "{role}: {:?}", row.section);
            assert!(!seen.contains(&row.what), "{role}: twice: {}", row.what);
            seen.push(row.what);
        }
    }
}

fn rows(role: &str) -> Vec<Row> {
    let table = fs::read_to_string(here().join(format!("{role}.tsv"))).unwrap();
    table.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [section, what, tests] = columns[..] else {
        panic!("not three columns: {line:?}");
    };
    let left_out = tests.strip_prefix("- ").map(str::to_owned);
    Row {
        section: section.to_owned(),
        what: what.to_owned(),
        tests: if left_out.is_some() {
            Vec::new()
        } else {
            tests.split(' ').map(str::to_owned).collect()
        },
        left_out,
    }
}

/// Whether there is such a test: `suite::test`, or `file::test`.
fn exists(reference: &str) -> bool {
    let Some((place, test)) = reference.rsplit_once("::") else {
        return false;
    };
    let tests = here().parent().unwrap().to_owned();
    let workspace = tests.parent().unwrap().parent().unwrap();
    let files = if place.ends_with(".rs") {
        vec![workspace.join(place)]
    } else if tests.join(place).is_dir() {
        fs::read_dir(tests.join(place))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    } else {
        vec![tests.join(format!("{place}.rs"))]
    };
    files.iter().any(|file| has_test(file, test))
}

fn has_test(file: &Path, name: &str) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            if marked && rest.split('(').next() == Some(name) {
                return true;
            }
            marked = false;
        }
    }
    false
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}
