//! What came of it, by directory, and beside the list of survivors that are explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::list::Mutant;

/// How many of the mutants that compile the tests must catch, in thousandths; explained ones are out of the count.
const SCORE: usize = 950;

#[derive(Default)]
struct Row {
    mutants: usize,
    caught: usize,
    timed_out: usize,
    explained: usize,
    survived: usize,
    unviable: usize,
    alone: usize,
    not_played: usize,
}

/// Prints the table; says whether all is as it should be.
pub fn report(
    mutants: &[Mutant],
    results: &BTreeMap<(String, String), String>,
    list: &Path,
    paths: &[String],
) -> bool {
    let explained = explained(list);
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut open = Vec::new();
    let mut stale = explained.clone();
    for mutant in mutants {
        if !paths.is_empty() && !paths.iter().any(|path| mutant.file.starts_with(path)) {
            stale.remove(&(mutant.file.clone(), mutant.name.clone()));
            continue;
        }
        let key = (mutant.file.clone(), mutant.name.clone());
        let row = rows.entry(directory(&mutant.file)).or_default();
        row.mutants += 1;
        let result = results.get(&key).map_or("", String::as_str);
        let is_explained = explained.contains(&key);
        match result.split(' ').next().unwrap_or_default() {
            "caught" => row.caught += 1,
            "timeout" => row.timed_out += 1,
            "unviable" => row.unviable += 1,
            "" => row.not_played += 1,
            what => {
                stale.remove(&key);
                if is_explained {
                    row.explained += 1;
                } else if what == "alone" {
                    row.alone += 1;
                } else {
                    row.survived += 1;
                    open.push((mutant.place(), &mutant.name, result));
                }
            }
        }
    }
    for (place, name, result) in &open {
        println!("{place}: {name} [{result}]");
    }
    for (file, name) in &stale {
        println!("in the list, but no survivor: {file}: {name}");
    }
    println!(
        "\n| part | mutants | caught | by timeout | explained | survived | unviable | to be compiled alone | not played | score |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut all = Row::default();
    for (name, row) in &rows {
        print(name, row);
        all.add(row);
    }
    print("all", &all);
    let killed = all.caught + all.timed_out;
    killed * 1000 >= SCORE * (killed + all.survived) && all.not_played == 0 && stale.is_empty()
}

impl Row {
    fn add(&mut self, other: &Row) {
        self.mutants += other.mutants;
        self.caught += other.caught;
        self.timed_out += other.timed_out;
        self.explained += other.explained;
        self.survived += other.survived;
        self.unviable += other.unviable;
        self.alone += other.alone;
        self.not_played += other.not_played;
    }
}

fn print(name: &str, row: &Row) {
    let killed = row.caught + row.timed_out;
    let score = match killed + row.survived {
        0 => String::new(),
        played => {
            let tenths = (killed * 1000) / played;
            format!("{}.{} %", tenths / 10, tenths % 10)
        }
    };
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {score} |",
        row.mutants,
        row.caught,
        row.timed_out,
        row.explained,
        row.survived,
        row.unviable,
        row.alone,
        row.not_played
    );
}

fn directory(file: &str) -> String {
    let inside = file.trim_start_matches("core/src/");
    match inside.split_once('/') {
        Some((folder, _)) => folder.to_owned(),
        None => inside.to_owned(),
    }
}

/// File and mutant of each line of the list.
fn explained(list: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(list).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let key = (
                fields.next().unwrap_or_default(),
                fields.next().unwrap_or_default(),
            );
            assert!(
                fields.next().is_some_and(|why| why.len() > 10),
                "a survivor without an explanation: {line}"
            );
            key
        })
        .collect()
}
