//! Mutants that have no switch: each is compiled by itself, as cargo-mutants does it, and meets the core's own tests.

use std::fs;

use crate::list::Mutant;
use crate::play::{self, Outcome};
use crate::tree::Tree;

/// Plays these mutants (by number), one after the other.
pub fn play(tree: &Tree, mutants: &[Mutant], wanted: &[usize], tell: impl Fn(usize, &str)) {
    tree.write_plain();
    let program = tree.own_tests().expect("the core compiles as it is");
    let outcome = play::all(&program, &tree.copy().join("core"));
    assert!(
        matches!(outcome, Outcome::Survived(..)),
        "nothing is changed, and yet: {outcome:?}"
    );
    for number in wanted {
        let mutant = &mutants[*number];
        let path = tree.copy().join(&mutant.file);
        let source = fs::read_to_string(&path).expect("readable");
        fs::write(&path, mutated(&source, mutant)).expect("writable");
        let result = match tree.own_tests() {
            None => "unviable".to_owned(),
            Some(program) => match play::all(&program, &tree.copy().join("core")) {
                Outcome::Survived(..) => SURVIVED.to_owned(),
                outcome => outcome.to_string(),
            },
        };
        fs::write(&path, source).expect("writable");
        println!("{}: {} [{result}]", mutant.place(), mutant.name);
        tell(*number, &result);
    }
}

/// How a survivor of these is told from those that were switched.
pub const SURVIVED: &str = "survived, compiled alone";

/// The source with the mutant in place of what it replaces.
fn mutated(source: &str, mutant: &Mutant) -> String {
    let offset = |(line, column): (usize, usize)| {
        let mut lines = source.split_inclusive('\n');
        let before: usize = lines.by_ref().take(line - 1).map(str::len).sum();
        let chars = lines.next().unwrap_or_default().chars();
        before + chars.take(column - 1).map(char::len_utf8).sum::<usize>()
    };
    let (from, to) = (offset(mutant.start), offset(mutant.end));
    format!("{}{}{}", &source[..from], mutant.replacement, &source[to..])
}
