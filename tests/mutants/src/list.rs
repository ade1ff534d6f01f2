//! The mutants, as cargo-mutants names them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One change to the core.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// Of the workspace's root.
    pub file: String,
    /// What is changed, without the line, so that it stays the same when something is added above; a number behind those that would be alike.
    pub name: String,
    pub genre: Genre,
    /// Line and column (1-based, in characters) of the text that is replaced, and of what comes behind it.
    pub start: (usize, usize),
    pub end: (usize, usize),
    pub replacement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genre {
    FnValue,
    Binary,
    Unary,
    Arm,
    Guard,
    Field,
}

impl Mutant {
    /// What a person finds it by.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.start.0, self.start.1)
    }
}

/// All of them, by file and place.
pub fn mutants(root: &Path) -> Vec<Mutant> {
    let json = match std::env::var_os("MUTANTS_LIST") {
        Some(made) => fs::read(made).expect("readable"),
        None => listed(root),
    };
    let all: Value = serde_json::from_slice(&json).expect("JSON");
    let mut alike: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut mutants: Vec<Mutant> = all.as_array().expect("a list").iter().map(read).collect();
    mutants.sort_by(|a, b| (&a.file, a.start).cmp(&(&b.file, b.start)));
    for mutant in &mut mutants {
        let count = alike
            .entry((mutant.file.clone(), mutant.name.clone()))
            .or_default();
        *count += 1;
        if *count > 1 {
            mutant.name = format!("{} #{count}", mutant.name);
        }
    }
    mutants
}

fn listed(root: &Path) -> Vec<u8> {
    let output = Command::new("cargo")
        .args(["mutants", "--list", "--json", "--package", "ftp-proto"])
        // Values to test with: none of them is right or wrong, as long as it is legal.
        .args(["--exclude", "core/src/testing/**", "--no-config"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo install cargo-mutants --locked; {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn read(value: &Value) -> Mutant {
    let text = |name: &str| value[name].as_str().expect("a text").to_owned();
    let at = |end: &str| {
        let number = |name: &str| value["span"][end][name].as_u64().expect("a number");
        let small = |name: &str| usize::try_from(number(name)).expect("small");
        (small("line"), small("column"))
    };
    let file = text("file");
    // FILE:LINE:COLUMN: what
    let name = text("name");
    let name = name[file.len()..].splitn(4, ':').nth(3).expect("a name");
    Mutant {
        name: name.trim().to_owned(),
        file,
        genre: match text("genre").as_str() {
            "FnValue" => Genre::FnValue,
            "BinaryOperator" => Genre::Binary,
            "UnaryOperator" => Genre::Unary,
            "MatchArm" => Genre::Arm,
            "MatchArmGuard" => Genre::Guard,
            "StructField" => Genre::Field,
            other => panic!("a new kind of mutant: {other}"),
        },
        start: at("start"),
        end: at("end"),
        replacement: text("replacement"),
    }
}
