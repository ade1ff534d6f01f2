//! A copy of the workspace with all mutants of the core in it, and the programs that are built of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::list::Mutant;
use crate::switch::{Switched, switch};

/// What can be told without playing a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Behind a switch.
    Switched,
    /// It does not compile.
    Unviable,
    /// It has no switch: it has to be compiled by itself.
    Alone,
}

/// A test program: its name, and where it is.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    pub path: PathBuf,
}

pub struct Tree {
    root: PathBuf,
    copy: PathBuf,
    target: PathBuf,
}

/// Suites that drive the core in memory, within seconds.
const SUITES: &[&str] = &[
    "scenarios",
    "properties",
    "server",
    "quirks",
    "attacks",
    "negotiation",
    "splits",
    "trace",
    "listings",
    "trees",
    "duel",
    "hostile",
    "diagnosis",
    "steady_state",
    "model",
];

impl Tree {
    pub fn new(root: &Path, out: &Path) -> Self {
        Tree {
            root: root.to_owned(),
            copy: out.join("tree"),
            target: out.join("build"),
        }
    }

    /// Another copy, for what is compiled without switches. What is built of both has the same names, so it gets a folder of its own.
    pub fn without_switches(root: &Path, out: &Path) -> Self {
        Tree {
            root: root.to_owned(),
            copy: out.join("alone/tree"),
            target: out.join("alone/build"),
        }
    }

    pub fn copy(&self) -> &Path {
        &self.copy
    }

    /// Writes the core as it is.
    pub fn write_plain(&self) {
        for file in sources(&self.root, "core/src") {
            let source = fs::read_to_string(self.root.join(&file)).expect("readable");
            write_if_changed(&self.copy.join(&file), &source);
        }
    }

    /// Builds the core's own tests, as they stand in the copy; `None` if they do not compile.
    pub fn own_tests(&self) -> Option<Program> {
        let mut cargo = self.cargo();
        cargo.args(["-p", "ftp-proto", "--lib"]);
        // Next to nothing changes from one to the next.
        let output = cargo.env("CARGO_INCREMENTAL", "1").output();
        let output = output.expect("cargo runs");
        let built = output.status.success();
        built.then(|| programs_in(&output.stdout).remove(0))
    }

    /// Copies what has changed.
    pub fn refresh(&self) {
        copy(&self.root, &self.copy, &self.root);
        // Whatever an earlier round has changed is written again.
        copy_all(&self.root.join("core/src"), &self.copy.join("core/src"));
    }

    /// Puts all mutants in and leaves out what does not compile, until it does.
    pub fn switch(&self, mutants: &[Mutant]) -> (Vec<Standing>, Vec<Program>) {
        let mut standing = vec![Standing::Switched; mutants.len()];
        let mut constant: BTreeSet<String> = BTreeSet::new();
        let kept = self.target.with_file_name("standing.tsv");
        let of = identity();
        recall(&kept, of, mutants, &mut standing, &mut constant);
        let mut told = String::new();
        for round in 1.. {
            let files = self.write(mutants, &mut standing, &constant);
            let errors = match self.programs() {
                Ok(programs) => {
                    keep(&kept, of, mutants, &standing, &constant);
                    return (standing, programs);
                }
                Err(errors) => errors,
            };
            let before = (constant.len(), count(&standing, Standing::Switched));
            for error in &errors {
                blame(error, &files, &self.copy, &mut standing, &mut constant);
            }
            let after = (constant.len(), count(&standing, Standing::Switched));
            println!(
                "round {round}, {}:  {} errors; {} switched, {} constant functions",
                errors[0]["message"],
                errors.len(),
                after.1,
                after.0
            );
            if before == after {
                for error in errors.iter().take(5) {
                    told.push_str(error["rendered"].as_str().unwrap_or_default());
                }
                panic!("errors that no mutant is to blame for:\n{told}");
            }
        }
        unreachable!("rounds do not end")
    }

    fn write(
        &self,
        mutants: &[Mutant],
        standing: &mut [Standing],
        constant: &BTreeSet<String>,
    ) -> BTreeMap<String, Switched> {
        let mut by_file: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
        for (number, mutant) in mutants.iter().enumerate() {
            let in_file = by_file.entry(&mutant.file).or_default();
            if standing[number] == Standing::Switched {
                in_file.push((number, mutant));
            }
        }
        // Constant functions are everywhere, also where nothing is mutated.
        let sources = sources(&self.root, "core/src");
        let mut files = BTreeMap::new();
        for file in &sources {
            let source = fs::read_to_string(self.root.join(file)).expect("readable");
            let wanted = by_file.get(file.as_str()).map_or(&[][..], Vec::as_slice);
            let mut switched = switch(&source, wanted, constant);
            for (number, why) in &switched.left_out {
                standing[*number] = if why.starts_with("does not compile") {
                    Standing::Unviable
                } else {
                    Standing::Alone
                };
            }
            if file.ends_with("src/lib.rs") {
                // For what mutants return: `vec![]`.
                switched.text = switched.text.replacen(
                    "extern crate alloc;",
                    "#[macro_use] extern crate alloc;",
                    1,
                );
                switched.text.push_str("\nmod mutants;\n");
            }
            write_if_changed(&self.copy.join(file), &switched.text);
            files.insert(file.clone(), switched);
        }
        let on = format!(
            "{}\nconst MUTANTS: usize = {};\n",
            include_str!("on.rs"),
            mutants.len()
        );
        write_if_changed(&self.copy.join("core/src/mutants.rs"), &on);
        files
    }

    /// Builds the tests of the core and of the suites, or tells what the compiler has against them.
    fn programs(&self) -> Result<Vec<Program>, Vec<Value>> {
        let mut cargo = self.cargo();
        cargo.args(["-p", "ftp-proto", "--lib"]);
        // Its own tests are quick to build; what they miss is played against the suites.
        if std::env::var_os("MUTANTS_OWN").is_none() {
            // Some of the suites, where it is known which ones a part is for.
            let some = std::env::var("MUTANTS_SUITES").ok();
            let some: Option<Vec<&str>> = some.as_ref().map(|names| names.split(',').collect());
            cargo.args(["-p", "ftp-proto-tests"]);
            if some.is_none() {
                cargo.args(["-p", "ftp-proto-fuzz", "--test", "replay"]);
            }
            for suite in some.as_deref().unwrap_or(SUITES) {
                cargo.args(["--test", suite]);
            }
        }
        let output = cargo.output().expect("cargo runs");
        if output.status.success() {
            return Ok(programs_in(&output.stdout));
        }
        let errors: Vec<Value> = messages(&output.stdout)
            .filter(|message| message["reason"] == "compiler-message")
            .map(|message| message["message"].clone())
            .filter(|message| message["level"] == "error")
            .filter(|message| {
                message["spans"]
                    .as_array()
                    .is_some_and(|spans| !spans.is_empty())
            })
            .collect();
        assert!(
            !errors.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Err(errors)
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.target)
            .args(["test", "--release", "--no-run", "--message-format", "json"])
            .args([
                "--features",
                "ftp-proto/ring,ftp-proto/model,ftp-proto/proptest",
            ]);
        // Quick to build; with the checks of a debug build in the core.
        for package in [
            "ftp-proto",
            "ftp-proto-tests",
            "ftp-proto-fuzz",
            "ftp-proto-blocking",
            "ftp-proto-async",
        ] {
            for setting in ["opt-level=1", "debug=0"] {
                cargo
                    .arg("--config")
                    .arg(format!("profile.release.package.{package}.{setting}"));
            }
        }
        for setting in ["debug-assertions=true", "overflow-checks=true"] {
            cargo
                .arg("--config")
                .arg(format!("profile.release.package.ftp-proto.{setting}"));
        }
        cargo
    }
}

/// The same as long as mutants are switched in the same way.
fn identity() -> u64 {
    let mut hasher = DefaultHasher::new();
    include_str!("switch.rs").hash(&mut hasher);
    hasher.finish()
}

/// What compiles is found out once, as long as a mutant keeps its name.
fn keep(
    kept: &Path,
    of: u64,
    mutants: &[Mutant],
    standing: &[Standing],
    constant: &BTreeSet<String>,
) {
    let mut text = format!("{of}\n");
    for name in constant {
        text.push_str(&format!("constant\t{name}\t\n"));
    }
    for (mutant, standing) in mutants.iter().zip(standing) {
        let word = match standing {
            Standing::Switched => continue,
            Standing::Unviable => "unviable",
            Standing::Alone => "alone",
        };
        text.push_str(&format!("{word}\t{}\t{}\n", mutant.file, mutant.name));
    }
    fs::write(kept, text).expect("writable");
}

fn recall(
    kept: &Path,
    of: u64,
    mutants: &[Mutant],
    standing: &mut [Standing],
    constant: &mut BTreeSet<String>,
) {
    let text = fs::read_to_string(kept).unwrap_or_default();
    let Some(lines) = text.strip_prefix(&format!("{of}\n")) else {
        println!("what compiles is not known yet ({of})");
        return;
    };
    let mut known = BTreeMap::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["constant", name, _] => {
                constant.insert(name.to_owned());
            }
            ["unviable", file, name] => {
                known.insert((file, name), Standing::Unviable);
            }
            ["alone", file, name] => {
                known.insert((file, name), Standing::Alone);
            }
            _ => {}
        }
    }
    for (mutant, standing) in mutants.iter().zip(standing) {
        if let Some(known) = known.get(&(&*mutant.file, &*mutant.name)) {
            *standing = *known;
        }
    }
}

fn count(standing: &[Standing], which: Standing) -> usize {
    standing.iter().filter(|one| **one == which).count()
}

fn programs_in(stdout: &[u8]) -> Vec<Program> {
    messages(stdout)
        .filter(|message| message["profile"]["test"] == true)
        .filter_map(|message| {
            Some(Program {
                name: message["target"]["name"].as_str()?.to_owned(),
                path: message["executable"].as_str()?.into(),
            })
        })
        .collect()
}

fn messages(stdout: &[u8]) -> impl Iterator<Item = Value> + '_ {
    stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

/// Finds what an error is about: a function that must stay constant, or the mutants in whose text it is.
fn blame(
    error: &Value,
    files: &BTreeMap<String, Switched>,
    copy: &Path,
    standing: &mut [Standing],
    constant: &mut BTreeSet<String>,
) {
    if matches!(error["code"]["code"].as_str(), Some("E0015" | "E0658"))
        && let Some(name) = called(error["message"].as_str().unwrap_or_default())
    {
        constant.insert(name);
        return;
    }
    if error["code"]["code"] == "E0004" && in_a_match(error, files, copy, standing) {
        return;
    }
    let spans = error["spans"].as_array().map_or(&[][..], Vec::as_slice);
    let mut exact: BTreeSet<usize> = BTreeSet::new();
    let mut around: BTreeSet<usize> = BTreeSet::new();
    for span in spans {
        let mut span = span;
        // What a macro made is where the macro was called.
        while !span["expansion"].is_null() {
            span = &span["expansion"]["span"];
        }
        let file = span["file_name"].as_str().unwrap_or_default();
        let file = file.strip_prefix(&*copy.to_string_lossy()).unwrap_or(file);
        let Some(switched) = files.get(file.trim_start_matches('/')) else {
            continue;
        };
        let offset = |name: &str| usize::try_from(span[name].as_u64().unwrap_or(0)).unwrap_or(0);
        let (from, to) = (
            offset("byte_start"),
            offset("byte_end").max(offset("byte_start") + 1),
        );
        for (place, numbers) in &switched.places {
            if from < place.end && place.start < to {
                around.extend(numbers);
                if place.start <= from && to <= place.end && span["is_primary"] == true {
                    exact.extend(branch(
                        &switched.text[place.clone()],
                        from - place.start,
                        numbers,
                    ));
                }
            }
        }
        if around.is_empty() && span["is_primary"] == true {
            // What is returned above may have decided what is expected here.
            let above = switched.places.iter().rev().find(|(place, _)| {
                place.start < from && switched.text[place.clone()].contains("return ")
            });
            around.extend(above.iter().flat_map(|(_, numbers)| numbers));
        }
    }
    // In the text of one mutant: that one does not compile. Anywhere else: all that may have a part in it have to be compiled alone.
    let (blamed, verdict) = if exact.is_empty() {
        (around, Standing::Alone)
    } else if exact.len() == 1 {
        (exact, Standing::Unviable)
    } else {
        (exact, Standing::Alone)
    };
    for number in blamed {
        standing[number] = verdict;
    }
}

/// A match that would not cover everything without one of its arms: none of them can be taken out.
fn in_a_match(
    error: &Value,
    files: &BTreeMap<String, Switched>,
    copy: &Path,
    standing: &mut [Standing],
) -> bool {
    let Some(span) = error["spans"]
        .as_array()
        .and_then(|spans| spans.iter().find(|span| span["is_primary"] == true))
    else {
        return false;
    };
    let file = span["file_name"].as_str().unwrap_or_default();
    let file = file.strip_prefix(&*copy.to_string_lossy()).unwrap_or(file);
    let Some(switched) = files.get(file.trim_start_matches('/')) else {
        return false;
    };
    let end = span["byte_end"]
        .as_u64()
        .and_then(|end| usize::try_from(end).ok())
        .unwrap_or(0);
    let arm = switched.places.iter().find(|(place, numbers)| {
        place.start >= end && switched.arms.iter().any(|arms| arms.contains(&numbers[0]))
    });
    let group =
        arm.and_then(|(_, numbers)| switched.arms.iter().find(|arms| arms.contains(&numbers[0])));
    for number in group.into_iter().flatten() {
        standing[*number] = Standing::Unviable;
    }
    group.is_some()
}

/// The mutant in whose branch an error is; all of them, if it is in what they share.
fn branch(text: &str, at: usize, numbers: &[usize]) -> Vec<usize> {
    let original = text.rfind("else {").unwrap_or(text.len());
    let own = text[..at]
        .rfind("on(")
        .and_then(|on| text[on + 3..].split(')').next()?.parse().ok());
    match own {
        Some(number) if at < original && numbers.contains(&number) => vec![number],
        _ => numbers.to_vec(),
    }
}

/// The function, with its type if it has one, in "cannot call non-const associated function `Code::class` in constants".
fn called(message: &str) -> Option<String> {
    let path = message.split('`').nth(1)?;
    let mut depth = 0;
    let plain: String = path
        .chars()
        .filter(|char| {
            depth += i32::from(*char == '<');
            let keep = depth == 0;
            depth -= i32::from(*char == '>');
            keep
        })
        .collect();
    let mut parts = plain.rsplit("::").filter(|part| !part.is_empty());
    let name = parts.next()?;
    let of = parts
        .next()
        .filter(|part| part.starts_with(char::is_uppercase));
    Some(of.map_or_else(|| name.to_owned(), |of| format!("{of}::{name}")))
}

fn sources(root: &Path, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).expect("a folder") {
        let entry = entry.expect("readable");
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(sources(root, &name));
        } else if name.ends_with(".rs") {
            found.push(name);
        }
    }
    found.sort();
    found
}

fn write_if_changed(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    fs::write(path, text).expect("writable");
}

fn copy(from: &Path, to: &Path, root: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let (path, name) = (entry.path(), entry.file_name());
        if path.parent() == Some(root) && (name == *"target" || name == *".git") {
            continue;
        }
        if path == root.join("core/src") || path.extension() == Some(OsStr::new("orig")) {
            continue;
        }
        let to = to.join(&name);
        if path.is_dir() {
            copy(&path, &to, root);
        } else {
            copy_file(&path, &to);
        }
    }
}

/// Makes the folders; the sources themselves are written with mutants in them.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to);
        } else if entry.path().extension() != Some(OsStr::new("rs")) {
            copy_file(&entry.path(), &to);
        }
    }
}

fn copy_file(from: &Path, to: &Path) {
    let new = fs::read(from).expect("readable");
    if fs::read(to).is_ok_and(|old| old == new) {
        return;
    }
    // With its permissions.
    fs::copy(from, to).expect("writable");
}
