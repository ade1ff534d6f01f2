//! Sessions by the thousand.

use std::collections::BTreeMap;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ftp_proto_tests::pair::{Outcome, Pair, Script, Trouble, Wish};

/// How many sessions, unless told.
const SESSIONS: u64 = 12_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

fn session(seed: u64) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| Pair::new(Script::of(seed)).run())) {
        Ok(outcome) => outcome,
        Err(cause) => {
            println!(
                "seed {seed}: DUEL_SEED={seed} cargo test -p ftp-proto-tests --test duel one_session -- --nocapture"
            );
            std::panic::resume_unwind(cause)
        }
    }
}

#[test]
fn sessions_end_well_or_say_why() {
    let first = number("DUEL_FIRST").unwrap_or(1);
    let count = number("DUEL_SESSIONS").unwrap_or(SESSIONS);
    let mut table: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    let mut sessions: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut time, mut longest, mut steps) = (Duration::ZERO, Duration::ZERO, 0);
    for seed in first..first + count {
        let outcome = session(seed);
        time += outcome.time;
        longest = longest.max(outcome.time);
        steps += outcome.steps;
        *sessions.entry(outcome.trouble.name()).or_default() += 1;
        for verdict in outcome.results {
            *table
                .entry((outcome.trouble.name(), verdict.wish, verdict.end))
                .or_default() += 1;
        }
    }
    println!(
        "{count} sessions from seed {first}, {steps} steps, {:.1} hours of virtual time, the longest session {:?}",
        time.as_secs_f64() / 3600.0,
        longest
    );
    let mut before = "";
    for ((trouble, wish, end), times) in &table {
        if *trouble != before {
            println!("\n{trouble}: {} sessions", sessions[trouble]);
            before = trouble;
        }
        println!("  {wish:20} {end:40} {times:>7}");
    }
    // With nothing in the way, what is refused is refused for a reason of its own.
    let done: u64 = table
        .iter()
        .filter(|((trouble, _, end), _)| *trouble == Trouble::None.name() && end == "done")
        .map(|(_, times)| times)
        .sum();
    let all: u64 = table
        .iter()
        .filter(|((trouble, _, _), _)| *trouble == Trouble::None.name())
        .map(|(_, times)| times)
        .sum();
    assert!(done * 2 > all, "without trouble {done} of {all} succeed");
}

#[test]
fn one_session_as_a_dialogue() {
    let seed = number("DUEL_SEED").unwrap_or(1);
    let script = Script::of(seed);
    println!("{script:#?}");
    let outcome = Pair::new(script).told().run();
    for line in &outcome.story {
        println!("{line}");
    }
    println!(
        "{:?}\n{:?} in {} steps",
        outcome.results, outcome.time, outcome.steps
    );
    assert!(!outcome.story.is_empty());
}

#[test]
fn the_same_seed_is_the_same_session() {
    for seed in 1..100 {
        let (one, other) = (
            Pair::new(Script::of(seed)).told().run(),
            Pair::new(Script::of(seed)).told().run(),
        );
        assert_eq!(one.results, other.results);
        assert_eq!(one.story, other.story);
        assert_eq!((one.time, one.steps), (other.time, other.steps));
    }
}

/// A transfer that only waits for its final reply has its TYPE behind it, and so does a SIZE that was sent: neither takes back the TYPE of
/// the request behind it. An upload in TYPE A would be stored as TYPE I, and called whole.
#[test]
fn the_type_of_a_transfer_is_not_taken_back_by_the_request_before_it() {
    for first in [
        Wish::Store(300, false),
        Wish::Retrieve(300, 0, false),
        Wish::Facts2,
    ] {
        for second in [Wish::Store(300, true), Wish::Retrieve(300, 0, true)] {
            for seed in 1..200 {
                let mut script = Script::of(seed);
                // The one before it has found its TYPE already set.
                script.wishes = vec![first.clone(), first.clone(), second.clone(), first.clone()];
                script.at_once = true;
                script.trouble = Trouble::None;
                let _ = Pair::new(script).run();
            }
        }
    }
}
