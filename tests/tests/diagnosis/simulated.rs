//! Faults of known cause, many times, each time otherwise: the cause must be found.

use std::collections::BTreeMap;
use std::thread;

use ftp_proto::diagnosis::CauseId;

use super::faults::{FAULTS, Staged};
use super::hard;
use super::scene::Dice;

/// Sessions for each cause; `DIAGNOSIS_RUNS` sets another number, for both worlds.
const RUNS: u64 = 250;

/// The same in a harder world, where each takes longer.
const HARDER_RUNS: u64 = 100;

#[derive(Default)]
struct Score {
    first: u64,
    among_three: u64,
    missed: u64,
    /// What was named first in place of it.
    confused: BTreeMap<&'static str, u64>,
}

#[test]
fn the_right_cause_comes_first() {
    let poor = table("as the rules know them", RUNS, |_, seed| Dice::new(seed));
    assert!(poor.is_empty(), "not found often enough: {poor:?}");
}

/// Other words, other delays, replies in pieces, and other things that are odd besides.
#[test]
fn the_right_cause_comes_first_in_a_harder_world() {
    let poor = table(
        "in other words, among other oddities",
        HARDER_RUNS,
        |id, seed| Dice::harder(seed, hard::words(id)),
    );
    assert!(poor.is_empty(), "not found often enough: {poor:?}");
}

/// Plays every fault many times, prints who was taken for whom, and names those that are not found often enough.
fn table(world: &str, runs: u64, dice: fn(CauseId, u64) -> Dice) -> Vec<CauseId> {
    let runs = std::env::var("DIAGNOSIS_RUNS").map_or(runs, |text| text.parse().unwrap());
    let (left, right) = FAULTS.split_at(FAULTS.len() / 2);
    let scores = |faults: &[Staged]| -> Vec<Score> {
        faults
            .iter()
            .map(|fault| score(*fault, runs, dice))
            .collect()
    };
    let table = thread::scope(|scope| {
        let other = scope.spawn(|| scores(right));
        let mut table = scores(left);
        table.extend(other.join().unwrap());
        table
    });
    println!("{world}:");
    println!(
        "{:<10} {:>6} {:>7} {:>7}  named first in its place",
        "cause", "first", "first 3", "missed"
    );
    let mut poor = Vec::new();
    let mut sums = (0, 0);
    for ((id, _), score) in FAULTS.iter().zip(&table) {
        println!(
            "{:<10} {:>6} {:>7} {:>7}  {}",
            id.as_str(),
            score.first,
            score.among_three,
            score.missed,
            score
                .confused
                .iter()
                .map(|(id, count)| format!("{id} {count}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        sums.0 += score.first;
        sums.1 += score.among_three;
        if score.first * 100 < runs * 95 || score.among_three * 100 < runs * 99 {
            poor.push(*id);
        }
    }
    let all = runs * FAULTS.len() as u64;
    println!("{:<10} {:>6} {:>7}  of {all}", "all", sums.0, sums.1);
    poor
}

fn score((id, stage): Staged, runs: u64, dice: fn(CauseId, u64) -> Dice) -> Score {
    let mut score = Score::default();
    for seed in 1..=runs {
        let diagnosis = stage(dice(id, seed)).diagnosis();
        let causes = diagnosis.causes();
        match causes.iter().position(|cause| cause.id == id) {
            Some(0) => score.first += 1,
            place => {
                let instead = causes.first().map_or("nothing", |cause| cause.id.as_str());
                *score.confused.entry(instead).or_default() += 1;
                if place.is_none() {
                    score.missed += 1;
                }
            }
        }
        if causes.iter().take(3).any(|cause| cause.id == id) {
            score.among_three += 1;
        }
    }
    score
}

#[test]
fn every_cause_is_staged() {
    for id in CauseId::ALL {
        assert!(FAULTS.iter().any(|(staged, _)| staged == id), "{id}");
    }
}
