//! Plays the mutants of the core.
//!
//! cargo-mutants compiles each mutant by itself, which for a core of this size takes days. Here it only names them; all are compiled into one
//! copy of the core, each behind a switch, so that a mutant costs as much as the tests that reach it. See README.md.

mod alone;
mod list;
mod play;
mod report;
mod switch;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use list::Mutant;
use tree::{Standing, Tree};

type Key = (String, String);

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace");
    let out =
        std::env::var_os("MUTANTS_OUT").map_or_else(|| root.join("target/mutants"), PathBuf::from);
    fs::create_dir_all(&out).expect("writable");
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    let take = |paths: &mut Vec<String>, word: &str| {
        let before = paths.len();
        paths.retain(|path| path != word);
        paths.len() < before
    };
    let only_report = take(&mut paths, "report");
    let again = take(&mut paths, "again");
    let only_alone = take(&mut paths, "alone");
    let mutants = list::mutants(&root);
    println!("{} mutants", mutants.len());
    let kept = out.join("results.tsv");
    let record = fs::File::options()
        .append(true)
        .create(true)
        .open(&kept)
        .expect("writable");
    let record = Mutex::new(record);
    let tell = |number: usize, result: &str| {
        let mutant = &mutants[number];
        let line = format!("{}\t{}\t{result}\n", mutant.file, mutant.name);
        let mut record = record.lock().expect("no panic");
        record.write_all(line.as_bytes()).expect("writable");
    };
    let asked_for = |mutant: &Mutant| {
        paths.is_empty() || paths.iter().any(|path| mutant.file.starts_with(path))
    };
    if only_alone {
        let results = read(&kept);
        let mut wanted: Vec<usize> = (0..mutants.len()).collect();
        wanted.retain(|number| {
            let mutant = &mutants[*number];
            let result = results.get(&(mutant.file.clone(), mutant.name.clone()));
            let result = result.map_or("", String::as_str);
            asked_for(mutant) && (result == "alone" || (again && result == alone::SURVIVED))
        });
        println!("{} to compile", wanted.len());
        let tree = Tree::without_switches(&root, &out);
        tree.refresh();
        alone::play(&tree, &mutants, &wanted, tell);
    } else if !only_report {
        let tree = Tree::new(&root, &out);
        tree.refresh();
        let (standing, programs) = tree.switch(&mutants);
        let tests = play::survey(
            &programs,
            tree.copy(),
            &out.join("scratch"),
            &out.join("reached.tsv"),
        );
        let results = read(&kept);
        let mut wanted = Vec::new();
        for (number, mutant) in mutants.iter().enumerate() {
            if !asked_for(mutant) {
                continue;
            }
            let old = results.get(&(mutant.file.clone(), mutant.name.clone()));
            match standing[number] {
                Standing::Unviable => tell(number, "unviable"),
                Standing::Alone if old.is_none() => tell(number, "alone"),
                Standing::Alone => {}
                Standing::Switched => {
                    let is_new = old.is_none_or(|old| old == "alone" || old == "unviable");
                    let survived = old.is_some_and(|old| {
                        old.starts_with("survived") || old.starts_with("unreached")
                    });
                    if is_new || (again && survived) {
                        wanted.push(number);
                    }
                }
            }
        }
        // In the order they were asked for.
        wanted.sort_by_key(|number| {
            let file = &mutants[*number].file;
            paths.iter().position(|path| file.starts_with(path))
        });
        // A sample, where there is no time for all.
        let every = std::env::var("MUTANTS_EVERY").ok();
        if let Some(every) = every.and_then(|text| text.parse().ok()) {
            wanted = wanted.into_iter().step_by(every).collect();
        }
        println!("{} to play", wanted.len());
        let seconds = std::env::var("MUTANTS_SECONDS")
            .ok()
            .and_then(|text| text.parse().ok());
        let budget = Duration::from_secs(seconds.unwrap_or(60));
        play::play(&mutants, &wanted, &tests, budget, |number, outcome| {
            tell(number, &outcome.to_string());
        });
    }
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("survivors.tsv");
    if !report::report(&mutants, &read(&kept), &list, &paths) {
        std::process::exit(1);
    }
}

/// What is known from before: the last word counts, but what was caught once is caught.
fn read(kept: &Path) -> BTreeMap<Key, String> {
    let text = fs::read_to_string(kept).unwrap_or_default();
    let mut known: BTreeMap<Key, String> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, name, result] = fields[..] else {
            continue;
        };
        let old = known.entry((file.to_owned(), name.to_owned())).or_default();
        if !old.starts_with("caught") && !old.starts_with("timeout") {
            *old = result.to_owned();
        }
    }
    known
}
