//! Faults of known cause, many times, each time otherwise: the cause must be found.

use std::collections::BTreeMap;
use std::thread;

use ftp_proto::diagnosis::CauseId;

use super::faults::{FAULTS, Staged};
use super::scene::Dice;

/// Sessions for each cause; `DIAGNOSIS_RUNS` sets another number.
const RUNS: u64 = 1000;

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
    let runs = std::env::var("DIAGNOSIS_RUNS").map_or(RUNS, |text| text.parse().unwrap());
    let half = FAULTS.len() / 2;
    let (left, right) = FAULTS.split_at(half);
    let mut table = thread::scope(|scope| {
        let other = scope.spawn(|| {
            right
                .iter()
                .map(|fault| score(*fault, runs))
                .collect::<Vec<_>>()
        });
        let mut table: Vec<Score> = left.iter().map(|fault| score(*fault, runs)).collect();
        table.extend(other.join().unwrap());
        table
    });
    println!(
        "{:<10} {:>6} {:>7} {:>7}  named first in its place",
        "cause", "first", "first 3", "missed"
    );
    let mut poor = Vec::new();
    let mut sums = (0, 0);
    for ((id, _), score) in FAULTS.iter().zip(&mut table) {
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
            poor.push(id);
        }
    }
    let all = runs * FAULTS.len() as u64;
    println!("{:<10} {:>6} {:>7}  of {all}", "all", sums.0, sums.1);
    assert!(poor.is_empty(), "not found often enough: {poor:?}");
}

fn score((id, stage): Staged, runs: u64) -> Score {
    let mut score = Score::default();
    for seed in 1..=runs {
        let diagnosis = stage(Dice::new(seed)).diagnosis();
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
