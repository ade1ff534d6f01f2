//! Plans, played through by somebody who does what is ordered, with luck or without.

mod checking;
mod copying;
mod deleting;
mod directories;
mod hands;
mod names;
mod reading;
mod sessions;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{
    CopyOrder, Event, Found, FoundKind, Listing, Next, Options, Order, Planner, ReadOrder,
};
use crate::listing::{Precision, Time, Zone};
use crate::ticket::Features;
use crate::wire::date::Timestamp;
use crate::wire::features::FeatureSet;

fn now() -> Timestamp {
    Timestamp::new(2026, 7, 14, 12, 0, 0).unwrap()
}

fn stamp(text: &str) -> Timestamp {
    Timestamp::parse(text.as_bytes()).unwrap()
}

fn with(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

fn walk(root: &str) -> Planner {
    Planner::walk(root.as_bytes(), Options::default(), now())
}

/// What a server with these lines in its list of features offers.
fn features(lines: &str) -> Features {
    let text = format!("Features:\n{lines}End").into_bytes();
    Features {
        known: FeatureSet::read(&text),
        text,
    }
}

fn file(name: &str, size: u64, seconds: i64) -> Found {
    Found::file(name, size, Some(seconds))
}

fn directory(name: &str) -> Found {
    Found::new(name, FoundKind::Directory)
}

fn of_kind(name: &str, kind: FoundKind) -> Found {
    Found::new(name, kind)
}

/// A directory by the name the server has for it.
fn called(name: &str, unique: &str) -> Found {
    Found {
        unique: Some(unique.into()),
        ..directory(name)
    }
}

/// A file with a time in a listing that does not say its zone.
fn without_zone(name: &str, size: u64, time: &str, precision: Precision) -> Found {
    Found {
        time: Some(Time {
            stamp: stamp(time),
            precision,
            year_given: true,
            zone: Zone::Unknown,
        }),
        ..Found::file(name, size, None)
    }
}

fn order(plan: &mut Planner) -> Order {
    match plan.next() {
        Next::Order(order) => order,
        other => panic!("{other:?}"),
    }
}

fn read(plan: &mut Planner) -> ReadOrder {
    match order(plan) {
        Order::Read(order) => order,
        other => panic!("{other:?}"),
    }
}

fn copy(plan: &mut Planner) -> CopyOrder {
    match order(plan) {
        Order::Copy(order) => order,
        other => panic!("{other:?}"),
    }
}

/// Answers the next orders to read: the server has `remote`, this side `local`.
fn both(plan: &mut Planner, remote: &[Found], local: &[Found]) {
    for _ in 0..2 {
        let order = read(plan);
        let entries = match order.place() {
            super::Place::Remote(_) => remote,
            super::Place::Local(_) => local,
        };
        plan.report(order.listed(Listing::new(entries.to_vec())));
    }
}

/// What a plan has told since it was asked last.
fn told(plan: &mut Planner) -> Vec<String> {
    let text = |path: Vec<u8>| String::from_utf8_lossy(&path).into_owned();
    core::iter::from_fn(|| plan.event())
        .map(|event| match event {
            Event::Entry { path, found } => format!("entry {} {:?}", text(path), found.kind),
            Event::Copied { path, bytes } => format!("copied {} {bytes}", text(path)),
            Event::Made { path } => format!("made {}", text(path)),
            Event::Deleted { path } => format!("deleted {}", text(path)),
            Event::Skipped { path, why } => format!("skipped {} {why:?}", text(path)),
            Event::Failed(failed) => format!("failed {}: {}", text(failed.path), failed.why),
        })
        .collect()
}

/// All that the summary counts and that is not 0.
fn books(plan: &Planner) -> String {
    let super::Summary {
        directories,
        entries,
        copied,
        bytes,
        resumed,
        unchanged,
        skipped,
        made,
        deleted,
        spared,
        unread,
        times_lost,
        failed,
        not_reached,
        failures,
    } = plan.summary();
    assert_eq!(*failed, failures.len() as u64);
    let counts = [
        (directories, "directories"),
        (entries, "entries"),
        (copied, "copied"),
        (bytes, "bytes"),
        (resumed, "resumed"),
        (unchanged, "unchanged"),
        (skipped, "skipped"),
        (made, "made"),
        (deleted, "deleted"),
        (spared, "spared"),
        (unread, "unread"),
        (times_lost, "times lost"),
        (failed, "failed"),
        (not_reached, "not reached"),
    ];
    let counted = counts.iter().filter(|(count, _)| **count > 0);
    let parts: Vec<String> = counted
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    parts.join(", ").to_string()
}
