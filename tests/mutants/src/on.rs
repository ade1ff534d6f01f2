//! Which mutant is on. Belongs to the copy of the core that mutants are played in.

extern crate std;

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::io::Write;
use std::sync::{Mutex, OnceLock};

const NOT_ASKED_YET: u32 = u32::MAX;
const RECORDS: u32 = u32::MAX - 1;
const NONE: u32 = u32::MAX - 2;

static ACTIVE: AtomicU32 = AtomicU32::new(NOT_ASKED_YET);
static SEEN: [AtomicBool; MUTANTS] = [const { AtomicBool::new(false) }; MUTANTS];
static RECORD: OnceLock<Mutex<std::fs::File>> = OnceLock::new();

/// Whether this mutant is on: asked for at its place.
#[inline]
pub(crate) fn on(mutant: u32) -> bool {
    let active = ACTIVE.load(Ordering::Relaxed);
    active == mutant || (active >= RECORDS && first(mutant))
}

#[cold]
fn first(mutant: u32) -> bool {
    if ACTIVE.load(Ordering::Relaxed) == NOT_ASKED_YET {
        let active = match std::env::var("MUTANT") {
            Ok(number) => number.parse().unwrap_or(NONE),
            Err(_) => NONE,
        };
        let active = match std::env::var("MUTANTS_REACHED") {
            Ok(path) => {
                let file = std::fs::File::options().append(true).create(true).open(path);
                RECORD.get_or_init(|| Mutex::new(file.expect("a record can be written")));
                RECORDS
            }
            Err(_) => active,
        };
        ACTIVE.store(active, Ordering::Relaxed);
        return on(mutant);
    }
    if !SEEN[mutant as usize].swap(true, Ordering::Relaxed)
        && let Some(record) = RECORD.get()
    {
        let mut record = record.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = record.write_all(std::format!("{mutant}\n").as_bytes());
    }
    false
}

/// What is iterated, or what a mutant puts in its place.
#[allow(dead_code)]
pub(crate) enum Either<A, B> {
    A(A),
    B(B),
}

impl<A: Iterator, B: Iterator<Item = A::Item>> Iterator for Either<A, B> {
    type Item = A::Item;

    fn next(&mut self) -> Option<A::Item> {
        match self {
            Either::A(iter) => iter.next(),
            Either::B(iter) => iter.next(),
        }
    }
}
