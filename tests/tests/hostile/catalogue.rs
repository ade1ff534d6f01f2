//! The catalogue: every attack and every quirk, once for each role it concerns, and what shows that it does no harm.
//!
//! `tests/scripts/catalogue.tsv` has four columns: id, who is under test, what shows it, and what it is. `script` in the third column: one or
//! several scripts, found by their id. `file::test` from the root of the project: a test that shows what no peer on a wire can. A dash and a
//! reason: left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ftp_proto_tests::hostile::Script;
use ftp_proto_tests::hostile::script::Part;
use libtest_mimic::{Failed, Trial};

/// The classes of ids and how many each has: attacks A to K, quirks of servers Q.
const CLASSES: &[(char, u32)] = &[
    ('A', 13),
    ('B', 15),
    ('C', 14),
    ('D', 13),
    ('E', 17),
    ('F', 12),
    ('G', 10),
    ('H', 10),
    ('I', 16),
    ('J', 7),
    ('K', 6),
    ('Q', 85),
];

pub(super) fn trials(scripts: &Arc<Vec<Script>>) -> Vec<Trial> {
    let checked = |name: &str, check: fn(&[Script]) -> Result<(), String>| {
        let scripts = Arc::clone(scripts);
        Trial::test(format!("catalogue::{name}"), move || {
            check(&scripts).map_err(Failed::from)
        })
    };
    vec![
        checked("every_id_is_there_once_for_each_role", every_id),
        checked("every_row_is_shown", every_row),
        checked("every_script_has_its_row_and_its_name", every_script),
    ]
}

struct Row {
    id: String,
    under_test: String,
    shown: String,
    what: String,
}

fn rows() -> Result<Vec<Row>, String> {
    let path = super::directory().join("catalogue.tsv");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let row = |(number, line): (usize, &str)| {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns[..] {
            [id, under_test @ ("client" | "server" | "both"), shown, what] => Ok(Row {
                id: id.to_owned(),
                under_test: under_test.to_owned(),
                shown: shown.to_owned(),
                what: what.to_owned(),
            }),
            _ => Err(format!("catalogue.tsv:{}: not four columns", number + 1)),
        }
    };
    text.lines().enumerate().skip(1).map(row).collect()
}

fn every_id(_: &[Script]) -> Result<(), String> {
    let mut seen = BTreeMap::<(String, String), u32>::new();
    for row in rows()? {
        *seen
            .entry((row.id.clone(), row.under_test.clone()))
            .or_default() += 1;
    }
    let mut wrong = Vec::new();
    for ((id, role), count) in &seen {
        let with_others = ["client", "server"]
            .iter()
            .any(|other| role == "both" && seen.contains_key(&(id.clone(), (*other).to_owned())));
        if *count > 1 || with_others {
            wrong.push(format!("{id} ({role}) more than once"));
        }
    }
    let mut expected = Vec::new();
    for (class, count) in CLASSES {
        for number in 1..=*count {
            expected.push(format!("{class}{number}"));
        }
    }
    for id in &expected {
        if !seen.keys().any(|(row, _)| row == id) {
            wrong.push(format!("{id} is missing"));
        }
    }
    for (id, _) in seen.keys() {
        if !expected.contains(id) {
            wrong.push(format!("{id} is no id"));
        }
    }
    none(wrong)
}

fn every_row(scripts: &[Script]) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = Vec::new();
    let (mut scripted, mut tested, mut left_out) = (0, 0, 0);
    for row in rows()? {
        if row.what.trim().is_empty() {
            wrong.push(format!("{}: what is it?", row.id));
        }
        if let Some(reason) = row.shown.strip_prefix("- ") {
            left_out += 1;
            println!("left out: {} {}: {reason}", row.id, row.what);
            continue;
        }
        for shown in row.shown.split("; ") {
            if shown == "script" {
                scripted += 1;
                if !scripts.iter().any(|script| fits(script, &row)) {
                    wrong.push(format!("{} ({}): no script", row.id, row.under_test));
                }
                continue;
            }
            tested += 1;
            let there = shown.split_once("::").is_some_and(|(file, test)| {
                let source = fs::read_to_string(root.join(file)).unwrap_or_default();
                source.contains(&format!("fn {test}("))
            });
            if !there {
                wrong.push(format!("{} ({}): no test {shown}", row.id, row.under_test));
            }
        }
    }
    println!("{scripted} rows by scripts, {tested} by tests, {left_out} left out");
    none(wrong)
}

fn every_script(scripts: &[Script]) -> Result<(), String> {
    let rows = rows()?;
    let mut wrong = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let name = script.name();
        if !name.starts_with(&format!("{}-", script.id)) {
            wrong.push(format!("{name} is called {} inside", script.id));
        }
        let role = under_test(script);
        let twice = scripts[..index]
            .iter()
            .any(|other| other.id == script.id && under_test(other) == role);
        if twice {
            wrong.push(format!("{name}: another script has its id"));
        }
        if !rows
            .iter()
            .any(|row| row.shown.contains("script") && fits(script, row))
        {
            wrong.push(format!("{name}: no row of the catalogue says script"));
        }
    }
    none(wrong)
}

fn fits(script: &Script, row: &Row) -> bool {
    script.row() == row.id && row.under_test == under_test(script)
}

fn under_test(script: &Script) -> &'static str {
    match script.part {
        Part::Server(_) => "client",
        Part::Client(_) => "server",
    }
}

fn none(wrong: Vec<String>) -> Result<(), String> {
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}
