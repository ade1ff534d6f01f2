//! How directories are read, how deep, and in which zone their times are.

use alloc::vec;
use alloc::vec::Vec;

use super::hands::{Comes, Hands};
use super::{
    books, both, directory, features, file, now, read, stamp, told, walk, with, without_zone,
};
use crate::listing::Precision::{Day, Minute, Second};
use crate::tree::{
    FoundKind, How, Listing, LocalTrouble, Next, Options, Order, Place, Planner, Report, Trouble,
};

#[test]
fn ways_of_reading_from_the_best_to_the_last() {
    let mut plan = walk("/d");
    let first = read(&mut plan);
    assert_eq!(first.how(), How::Facts);
    plan.report(first.failed(Trouble::Refused(500)));
    let second = read(&mut plan);
    assert_eq!(second.how(), How::ListInside);
    plan.report(second.failed(Trouble::NoDataConnection));
    let third = read(&mut plan);
    assert_eq!(third.how(), How::Status);
    let mut collector = third.collector();
    collector.feed_status(
        b"Status of /d:\r\n-rw-r--r-- 1 o g 3 Jan 1 2026 a\r\ndrwxr-xr-x 1 o g 3 Jan 1 2026 b\r\nEnd",
    );
    plan.report(third.listed(collector.finish()));
    // What is found out holds for all.
    assert_eq!(read(&mut plan).how(), How::Status);
    assert_eq!(plan.summary().entries, 2);
}

/// What no other way can help ends at once, and what may pass is tried as often as is allowed.
#[test]
fn no_way_of_reading_is_taken_twice() {
    for (root, troubles, ways) in [
        ("/d", [502, 502], [How::Facts, How::ListInside]),
        ("/d", [502, 550], [How::Facts, How::ListInside]),
        ("/d", [550, 550], [How::Facts, How::FactsInside]),
        ("/d", [550, 502], [How::Facts, How::FactsInside]),
        ("d", [502, 502], [How::Facts, How::List]),
        ("d", [502, 550], [How::Facts, How::List]),
    ] {
        let mut plan = walk(root);
        plan.greet(None, None);
        for (code, way) in troubles.into_iter().zip(ways) {
            let order = read(&mut plan);
            assert_eq!(order.how(), way, "{root} {troubles:?}");
            plan.report(order.failed(Trouble::Refused(code)));
        }
        match plan.next() {
            // LIST is left when not even the working directory has facts.
            Next::Order(Order::Read(order)) => {
                assert_eq!((troubles, order.how()), ([550, 502], How::ListInside));
            }
            other => assert!(matches!(other, Next::Over), "{other:?}"),
        }
    }
    // Nowhere to go inside of, and no data connection is needed for STAT.
    let mut plan = walk("d");
    plan.greet(None, None);
    let order = read(&mut plan);
    plan.report(order.failed(Trouble::Refused(550)));
    assert!(matches!(plan.next(), Next::Over));
    assert_eq!(told(&mut plan), ["failed : refused by the server (550)"]);
    let mut plan = walk("/d");
    for way in [How::Facts, How::Status] {
        let order = read(&mut plan);
        assert_eq!(order.how(), way);
        plan.report(order.failed(Trouble::NoDataConnection));
    }
    assert!(matches!(plan.next(), Next::Over));
    assert_eq!(told(&mut plan), ["failed : no data connection"]);
    // This side has one way only.
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    let order = read(&mut plan);
    assert_eq!(*order.place(), Place::Remote(b"/d".to_vec()));
    plan.report(order.listed(Listing::default()));
    let order = read(&mut plan);
    plan.report(order.failed(Trouble::Local(LocalTrouble::Denied)));
    assert!(matches!(plan.next(), Next::Over));
    assert_eq!(told(&mut plan), ["failed : permission denied"]);
}

/// 450 and 550 to MLSD may mean an empty directory: inside of it only an empty one can be listed.
#[test]
fn empty_and_missing_are_told_apart() {
    // RFC 3659 section 7.2.1 has 501 for what is no directory.
    for code in [450, 501, 550] {
        let mut plan = walk("/d");
        let first = read(&mut plan);
        plan.report(first.failed(Trouble::Refused(code)));
        let second = read(&mut plan);
        assert_eq!(second.how(), How::FactsInside);
        plan.report(second.listed(Listing::default()));
        assert!(matches!(plan.next(), Next::Over));
        assert!(plan.summary().is_complete());

        let mut plan = walk("/d");
        let first = read(&mut plan);
        plan.report(first.failed(Trouble::Refused(code)));
        let second = read(&mut plan);
        plan.report(second.failed(Trouble::Refused(550)));
        assert!(matches!(plan.next(), Next::Over));
        assert_eq!(plan.summary().failed, 1);
    }
}

/// Relative paths mean something else after CWD, so it takes the working directory to go inside.
#[test]
fn a_relative_root_becomes_absolute() {
    let mut plan = walk("d");
    assert!(plan.wants_home());
    plan.greet(None, Some(b"/home/u"));
    assert!(!plan.wants_home());
    let first = read(&mut plan);
    assert_eq!(*first.place(), Place::Remote(b"/home/u/d".to_vec()));
    // A server that does not say where one is.
    let mut plan = walk("d");
    plan.greet(None, None);
    let first = read(&mut plan);
    plan.report(first.failed(Trouble::Refused(502)));
    assert_eq!(read(&mut plan).how(), How::List);
    // What is said about it is of use only if it is absolute, and needed.
    for (root, home, path) in [
        ("", "/home/u", "/home/u"),
        ("d", "SYS$LOGIN", "d"),
        ("/d", "/home/u", "/d"),
    ] {
        let mut plan = walk(root);
        plan.greet(None, Some(home.as_bytes()));
        assert_eq!(*read(&mut plan).place(), Place::Remote(path.into()));
    }
}

/// A directory of MLSD says what each entry is in facts, and LIST in columns.
#[test]
fn a_listing_is_read_as_what_was_asked_for() {
    let mut plan = walk("/d");
    let first = read(&mut plan);
    let line = b"type=file;size=3; a\r\n-rw-r--r-- 1 o g 3 Jan 1 2026 b\r\n";
    let mut collector = first.collector();
    collector.feed(line);
    let names = |listing: &Listing| -> Vec<Vec<u8>> {
        let names = listing.entries().iter().map(|found| found.name.clone());
        names.collect()
    };
    assert_eq!(names(&collector.finish())[0], b"a");
    plan.report(first.failed(Trouble::Refused(500)));
    let second = read(&mut plan);
    let mut collector = second.collector();
    collector.feed(b"-rw-r--r-- 1 o g 3 Jan 1 2026 b\r\n");
    assert_eq!(names(&collector.finish()), [b"b"]);
}

/// The bound is for the tree, and not for each directory.
#[test]
fn entries_are_bounded_in_all() {
    let options = with(|options| options.bounds.entries = 3);
    let mut plan = Planner::walk(b"/d", options, now());
    let feed = |plan: &mut Planner, lines: &str| {
        let order = read(plan);
        let mut collector = order.collector();
        collector.feed(lines.as_bytes());
        plan.report(order.listed(collector.finish()));
    };
    feed(&mut plan, "type=dir; a\r\ntype=file; b\r\n");
    feed(&mut plan, "type=file; c\r\ntype=file; d\r\n");
    assert!(matches!(plan.next(), Next::Over));
    assert_eq!(books(&plan), "2 directories, 3 entries, 1 unread");
}

#[test]
fn the_zone_of_a_listing_is_asked_for_once() {
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let mut files = Vec::new();
    for _ in 0..2 {
        let order = read(&mut plan);
        let is_remote = matches!(order.place(), Place::Remote(_));
        let mut collector = order.collector();
        if is_remote {
            collector.feed(
                b"-rw-r--r-- 1 o g 3 Jul 14 11:30 a\r\n-rw-r--r-- 1 o g 3 Jul 13 11:30 b\r\n",
            );
            plan.report(order.listed(collector.finish()));
        } else {
            let there = stamp("20260714093000").to_unix_seconds();
            plan.report(order.listed(Listing::new(vec![file("a", 3, there), file("b", 3, there)])));
        }
    }
    let Next::Order(Order::Ask(ask)) = plan.next() else {
        panic!("the zone is needed");
    };
    assert_eq!(ask.path(), b"/d/a");
    plan.report(ask.changed(stamp("20260714093012")));
    while let Next::Order(order) = plan.next() {
        files.push(order);
    }
    // In its zone `a` is of the same minute.
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(plan.summary().unchanged, 2);
}

/// Asking is worth it where hours matter: for files, to the minute, in a zone that is not said, of a name that can be sent.
#[test]
fn a_zone_is_asked_for_where_it_matters() {
    let unknown = |precision| without_zone("a", 3, "20260714113000", precision);
    let directory_there = crate::tree::Found {
        kind: FoundKind::Directory,
        ..unknown(Minute)
    };
    let elsewhere = crate::tree::Found {
        name: b"../a".to_vec(),
        ..unknown(Minute)
    };
    for (found, asks) in [
        (unknown(Minute), true),
        (unknown(Second), true),
        (unknown(Day), false),
        (file("a", 3, 1), false),
        (directory_there, false),
        (elsewhere, false),
    ] {
        let mut plan = Planner::download(b"/d", Options::default(), now());
        both(&mut plan, core::slice::from_ref(&found), &[]);
        let asked = matches!(plan.next(), Next::Order(Order::Ask(_)));
        assert_eq!(asked, asks, "{found:?}");
        // On whichever side it is.
        let mut plan = Planner::upload(b"/d", Options::default(), now());
        both(&mut plan, core::slice::from_ref(&found), &[]);
        let asked = matches!(plan.next(), Next::Order(Order::Ask(_)));
        assert_eq!(asked, asks, "{found:?}");
        // Nobody needs it to tell what there is.
        let mut plan = walk("/d");
        let order = read(&mut plan);
        plan.report(order.listed(Listing::new(vec![found])));
        assert!(!matches!(plan.next(), Next::Order(Order::Ask(_))));
    }
}

/// What was read meanwhile waits for the zone, and is compared in it; times that say their zone keep it.
#[test]
fn directories_wait_for_the_zone() {
    let at = |name: &str| without_zone(name, 3, "20260714113000", Minute);
    let there = stamp("20260714093000").to_unix_seconds();
    let remote = || Hands::default().there("/d", &[at("a"), directory("s")]);
    let asked = |comes| {
        remote()
            .there("/d/s", &[at("b"), file("c", 3, there)])
            .here(".", &[file("a", 3, there), directory("s")])
            .here("s", &[file("b", 3, there), file("c", 3, there)])
            .when("ask /d/a", &[comes])
    };
    // Two hours east.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = asked(Comes::Changed(stamp("20260714093012"))).run(&mut plan);
    assert_eq!(hands.did, ["ask /d/a"]);
    assert_eq!(books(&plan), "2 directories, 4 entries, 3 unchanged");
    // Two hours west: what is there is older.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = asked(Comes::Changed(stamp("20260714133012"))).run(&mut plan);
    assert_eq!(hands.did[..2], ["ask /d/a", "copy /d/a PART"]);
    assert_eq!(plan.summary().copied, 2);
    // A server that does not say: what may be the same is.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = asked(Comes::Failed(Trouble::Refused(502))).run(&mut plan);
    assert_eq!(hands.did, ["ask /d/a"]);
    assert_eq!(plan.summary().unchanged, 3);
    // While it is asked, another directory is read and waits.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let top = [directory("s"), directory("t")];
    both(&mut plan, &top, &top);
    both(&mut plan, &[at("a")], &[file("a", 3, there)]);
    let Next::Order(Order::Ask(ask)) = plan.next() else {
        panic!("the zone is needed");
    };
    assert_eq!(ask.path(), b"/d/s/a");
    both(&mut plan, &[at("b")], &[]);
    assert!(matches!(plan.next(), Next::Wait));
    plan.report(ask.changed(stamp("20260714093012")));
    let Next::Order(Order::Copy(order)) = plan.next() else {
        panic!("`b` is new");
    };
    assert_eq!(order.remote(), b"/d/t/b");
}

/// Lines that nobody understands are counted, wherever they are.
#[test]
fn what_is_not_understood_is_counted() {
    let mut plan = walk("/d");
    let listing = |count| Listing::new(vec![directory("s")]).with_unread(count);
    Hands::default()
        .listed("/d", listing(1))
        .listed("/d/s", listing(2))
        .listed("/d/s/s", Listing::default())
        .run(&mut plan);
    assert_eq!(books(&plan), "3 directories, 2 entries, 3 unread");
    assert!(!plan.summary().is_complete());
}

/// Attempts are counted in a row: what may pass is tried again, as often as is allowed.
#[test]
fn a_directory_is_tried_again() {
    let broken = Comes::Failed(Trouble::Broken);
    for (breaks, complete) in [(2, true), (3, false)] {
        let mut plan = walk("/d");
        let hands = Hands::default()
            .there("/d", &[])
            .when("read /d", &[broken; 3][..breaks])
            .run(&mut plan);
        assert_eq!(hands.read.len(), 3);
        assert_eq!(plan.summary().is_complete(), complete);
    }
    // It waits behind the others meanwhile.
    let mut plan = walk("/d");
    let hands = Hands::default()
        .there("/d", &[directory("a"), directory("b")])
        .there("/d/a", &[])
        .there("/d/b", &[])
        .when("read /d/a", &[broken])
        .run(&mut plan);
    assert_eq!(
        hands.read,
        ["read /d", "read /d/a", "read /d/b", "read /d/a"]
    );
}

/// Reports may come in any order, and one that nobody waits for is nothing.
#[test]
fn each_report_is_for_its_order() {
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    plan.greet(Some(&features(" MFMT\n")), None);
    let (first, second) = (read(&mut plan), read(&mut plan));
    assert!(matches!(plan.next(), Next::Wait));
    let listing = |order: &crate::tree::ReadOrder| match order.place() {
        Place::Local(_) => Listing::new(vec![file("f", 1, 7)]),
        Place::Remote(_) => Listing::default(),
    };
    let (of_first, of_second) = (listing(&first), listing(&second));
    plan.report(second.listed(of_second));
    assert!(matches!(plan.next(), Next::Wait));
    let strange = Report {
        id: 77,
        ..walk_report()
    };
    plan.report(strange);
    plan.report(first.listed(of_first));
    let order = super::order(&mut plan);
    assert_eq!(super::hands::shown(&order), "copy f /d/PART");
}

fn walk_report() -> Report {
    let mut plan = walk("/d");
    read(&mut plan).failed(Trouble::Broken)
}
