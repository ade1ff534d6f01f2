//! Several sessions: what each gets to do, those that break, and the end.

use alloc::vec::Vec;

use super::{books, both, copy, directory, file, now, read, told, walk, with};
use crate::tree::{
    Again, Check, Delete, Filter, Found, Listing, LocalTrouble, Next, Options, Order, Pattern,
    Place, Planner, Trouble,
};

fn many(count: usize) -> Vec<Found> {
    let names = (0..count).map(|n| alloc::format!("{n:04}"));
    names.map(|name| file(&name, 1, 1)).collect()
}

/// A plan that has so many files to copy, and read everything.
fn copies(count: usize) -> Planner {
    let mut plan = Planner::download(b"/d", Options::default(), now());
    both(&mut plan, &many(count), &[]);
    plan
}

/// Whether the plan ends here.
fn is_over(plan: &mut Planner) -> bool {
    matches!(plan.next(), Next::Over) && plan.is_over()
}

#[test]
fn a_full_disk_ends_it_and_what_is_left_is_counted() {
    let mut plan = copies(4);
    let order = copy(&mut plan);
    plan.report(order.failed(0, Trouble::Local(LocalTrouble::Full)));
    assert!(is_over(&mut plan));
    assert_eq!(
        books(&plan),
        "1 directories, 4 entries, 1 failed, 3 not reached"
    );
    assert_eq!(told(&mut plan), ["failed 0000: no space left"]);
    // And so does the caller.
    let mut plan = copies(4);
    let order = copy(&mut plan);
    plan.report(order.failed(0, Trouble::Cancelled));
    assert!(is_over(&mut plan));
    assert_eq!(told(&mut plan), ["failed 0000: cancelled"]);
    // A time that is asked for is no reason to go on.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    plan.greet(Some(&super::features(" MDTM\n")), None);
    both(&mut plan, &[Found::file("f", 1, None)], &[]);
    let order = copy(&mut plan);
    plan.report(order.copied(1));
    let Order::Ask(ask) = super::order(&mut plan) else {
        panic!("the time is to be kept");
    };
    plan.report(ask.failed(Trouble::Cancelled));
    assert!(is_over(&mut plan));
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 bytes, 1 failed");
}

/// A network that is down is waited for, longer each time, and not for ever.
#[test]
fn sessions_are_waited_for() {
    let mut plan = walk("/d");
    let waits: [u64; 8] = [200, 400, 800, 1600, 3200, 6400, 6400, 6400];
    for wait in waits {
        assert_eq!(plan.lost(Trouble::SessionOver), Again::After(wait));
    }
    assert!(!plan.is_over());
    assert_eq!(plan.lost(Trouble::SessionOver), Again::Never);
    assert!(is_over(&mut plan));
    assert_eq!(books(&plan), "1 not reached");
    // It stays over, whoever asks.
    assert_eq!(plan.lost(Trouble::SessionOver), Again::Never);
    assert_eq!(plan.lost(Trouble::Cancelled), Again::Never);
    assert!(is_over(&mut plan));
    // Whatever succeeds begins the count anew; what fails does not.
    let mut plan = copies(20);
    for wait in waits {
        assert_eq!(plan.lost(Trouble::SessionOver), Again::After(wait));
    }
    let order = copy(&mut plan);
    plan.report(order.copied(1));
    assert_eq!(plan.lost(Trouble::SessionOver), Again::After(200));
    let Order::Publish(publish) = super::order(&mut plan) else {
        panic!("it is whole");
    };
    plan.report(publish.failed(Trouble::SessionOver));
    assert_eq!(plan.lost(Trouble::SessionOver), Again::After(400));
    // Each session that there was in the beginning is waited for.
    let mut plan = walk("/d");
    plan.set_sessions(2);
    for _ in 0..16 {
        assert_ne!(plan.lost(Trouble::SessionOver), Again::Never);
    }
    assert_eq!(plan.lost(Trouble::SessionOver), Again::Never);
    assert!(!plan.is_over(), "there is another one");
    assert_eq!(plan.lost(Trouble::SessionOver), Again::Never);
    assert!(is_over(&mut plan));
}

/// Who cannot log in the first time will not the next; a session more than a server grants is done without.
#[test]
fn no_session_to_be_had_ends_it() {
    let mut plan = walk("/d");
    assert_eq!(plan.lost(Trouble::NoSession), Again::Never);
    assert!(is_over(&mut plan));
    assert_eq!(books(&plan), "1 not reached");
    // One of three is refused, and the rest goes on.
    let mut plan = walk("/d");
    plan.set_sessions(3);
    assert_eq!(plan.lost(Trouble::NoSession), Again::Never);
    let order = read(&mut plan);
    plan.report(order.listed(Listing::new([directory("s")].to_vec())));
    assert_eq!(plan.lost(Trouble::NoSession), Again::Never);
    // The last one has worked: it may work again.
    assert_eq!(plan.lost(Trouble::NoSession), Again::After(400));
    let order = read(&mut plan);
    plan.report(order.listed(Listing::default()));
    assert!(is_over(&mut plan));
    assert!(plan.summary().is_complete());
    // Who cancels one session has had enough of all.
    let mut plan = walk("/d");
    plan.set_sessions(3);
    assert_eq!(plan.lost(Trouble::Cancelled), Again::Never);
    assert!(is_over(&mut plan));
    // None at all is one.
    let mut plan = walk("/d");
    plan.set_sessions(0);
    assert_eq!(plan.lost(Trouble::SessionOver), Again::After(200));
}

/// What is in somebody's hands when it is stopped is still taken, and nothing is handed out for it.
#[test]
fn what_is_outstanding_is_taken_after_the_end() {
    // A transfer that came whole has no name yet.
    let mut plan = copies(3);
    let order = copy(&mut plan);
    plan.stop();
    assert!(matches!(plan.next(), Next::Wait) && !plan.is_over());
    plan.report(order.copied(1));
    assert!(is_over(&mut plan));
    assert_eq!(
        books(&plan),
        "1 directories, 3 entries, 1 bytes, 3 not reached"
    );
    // Stopped once more it is as stopped as before.
    plan.stop();
    assert_eq!(plan.summary().not_reached, 3);
    // One that broke would have been tried again, one that was refused not.
    for (trouble, left) in [
        (Trouble::Broken, "3 not reached"),
        (Trouble::Refused(450), "3 not reached"),
        (Trouble::Refused(550), "1 failed, 2 not reached"),
        (Trouble::NoDataConnection, "1 failed, 2 not reached"),
    ] {
        let mut plan = copies(3);
        let order = copy(&mut plan);
        plan.stop();
        plan.report(order.failed(0, trouble));
        assert!(is_over(&mut plan));
        assert_eq!(
            books(&plan),
            alloc::format!("1 directories, 3 entries, {left}")
        );
    }
    // What is given up for good while others wait is a failure of its own.
    let mut plan = copies(3);
    for _ in 0..3 {
        let order = copy(&mut plan);
        plan.report(order.failed(0, Trouble::Refused(550)));
    }
    assert!(is_over(&mut plan));
    assert_eq!(books(&plan), "1 directories, 3 entries, 3 failed");
    // The measure of a broken upload is of no use any more, unless it is all there.
    for (size, left) in [(4, "1 not reached"), (10, "1 not reached")] {
        let mut plan = Planner::upload(b"/d", Options::default(), now());
        both(&mut plan, &[], &[file("f", 10, 5)]);
        let order = copy(&mut plan);
        plan.report(order.failed(0, Trouble::Broken));
        let Order::Measure(measure) = super::order(&mut plan) else {
            panic!("how much is there?");
        };
        plan.stop();
        plan.report(measure.size_is(size));
        assert!(is_over(&mut plan));
        assert_eq!(
            books(&plan),
            alloc::format!("1 directories, 1 entries, {left}")
        );
    }
}

/// What waits for something else when it is stopped is not reached either, and what is extraneous stays.
#[test]
fn what_waits_is_counted_in_the_end() {
    let options = with(|options| {
        options.delete = Delete::AfterAll;
        options.filter = Filter::default().include(Pattern::new("*.txt"));
    });
    let mut plan = Planner::download(b"/d", options, now());
    both(
        &mut plan,
        &[directory("a")],
        &[file("x.txt", 1, 1), file("y.txt", 1, 1)],
    );
    for inner in [directory("b"), file("c.txt", 1, 1)] {
        let order = read(&mut plan);
        plan.report(order.listed(Listing::new([inner].to_vec())));
    }
    let order = super::order(&mut plan);
    assert!(matches!(&order, Order::Make(_)));
    plan.stop();
    assert_eq!(
        books(&plan),
        "3 directories, 2 entries, 2 spared, 1 not reached"
    );
    drop(order);
    // A directory that waits for the zone.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let found = super::without_zone("f", 1, "20260714113000", crate::listing::Precision::Minute);
    both(&mut plan, &[found], &[]);
    let order = super::order(&mut plan);
    assert!(matches!(&order, Order::Ask(_)));
    plan.stop();
    assert_eq!(books(&plan), "1 directories, 1 not reached");
    // What has begun to be deleted is a deletion like any other.
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let root = read(&mut plan);
    plan.stop();
    plan.report(root.listed(Listing::new(many(2))));
    assert!(is_over(&mut plan));
    assert_eq!(books(&plan), "1 directories, 2 entries, 2 not reached");
    let options = with(|options| options.delete = Delete::AfterAll);
    let mut plan = Planner::download(b"/d", options, now());
    both(&mut plan, &[], &many(2));
    plan.stop();
    assert!(is_over(&mut plan));
    assert_eq!(books(&plan), "1 directories, 2 spared");
}

/// A session that is busy asks for its next file, as long as there are enough for those that are not.
#[test]
fn files_are_handed_out_ahead_while_there_are_plenty() {
    for (sessions, files, ahead) in [(1, 2, false), (1, 3, true), (2, 4, false), (2, 5, true)] {
        let mut plan = copies(files);
        plan.set_sessions(sessions);
        let order = plan.ahead();
        assert_eq!(order.is_some(), ahead, "{sessions} {files}");
        if let Some(order) = order {
            assert_eq!(order.remote(), b"/d/0000");
        }
    }
    // Not before what others wait for, not in a dry run, not after the end.
    let mut plan = copies(9);
    let order = copy(&mut plan);
    plan.report(order.copied(1));
    assert!(plan.ahead().is_none(), "a name is to be given");
    let mut plan = copies(9);
    plan.stop();
    assert!(plan.ahead().is_none());
    let options = with(|options| options.dry_run = true);
    let mut plan = Planner::download(b"/d", options, now());
    both(&mut plan, &many(9), &[]);
    assert!(plan.ahead().is_none());
    assert!(is_over(&mut plan));
    assert_eq!(plan.summary().copied, 9);
}

/// A directory is read before files are copied, until plenty of them wait.
#[test]
fn files_that_wait_are_bounded() {
    for (files, reads) in [(511, true), (512, false)] {
        let mut plan = Planner::download(b"/d", Options::default(), now());
        let mut entries = many(files);
        entries.push(directory("s"));
        both(&mut plan, &entries, &[directory("s")]);
        let next = super::order(&mut plan);
        assert_eq!(matches!(next, Order::Read(_)), reads, "{files}");
    }
}

/// Nothing to do is one thing, nothing left to do another.
#[test]
fn a_plan_is_over_when_nothing_is_left() {
    let mut plan = walk("/d");
    assert!(!plan.is_over(), "there is something to be read");
    let order = read(&mut plan);
    assert!(!plan.is_over(), "it is being read");
    assert!(matches!(plan.next(), Next::Wait));
    plan.report(order.listed(Listing::default()));
    assert!(plan.is_over());
    assert!(is_over(&mut plan));
}

#[test]
fn progress_counts_what_is_wanted_and_what_is_done() {
    let options = with(|options| options.delete = Delete::AfterAll);
    let mut plan = Planner::download(b"/d", options, now());
    let files = [
        file("a", 10, 1),
        file("b", 5, 1),
        file("c", 3, 1),
        Found::file("d", 0, None),
    ];
    both(&mut plan, &files, &[file("c", 3, 1), file("x", 1, 1)]);
    let shown = |plan: &Planner| {
        let progress = plan.progress();
        (
            (progress.files, progress.copied, progress.octets),
            (
                progress.moved,
                progress.directories,
                progress.deleted,
                progress.failed,
            ),
        )
    };
    assert_eq!(shown(&plan), ((3, 0, 15), (0, 1, 0, 0)));
    let (first, second) = (copy(&mut plan), copy(&mut plan));
    plan.report(first.copied(10));
    plan.report(second.failed(0, Trouble::Refused(550)));
    while let Next::Order(order) = plan.next() {
        let report = match order {
            Order::Copy(order) => order.copied(0),
            Order::Publish(order) => order.published(true),
            Order::Remove(order) => order.removed(),
            other => panic!("{other:?}"),
        };
        plan.report(report);
    }
    assert_eq!(shown(&plan), ((3, 2, 15), (10, 1, 1, 1)));
}

/// Failures beyond the bound are counted and told as they come, and not kept.
#[test]
fn failures_that_are_kept_are_bounded() {
    let options = with(|options| options.bounds.told = 2);
    let mut plan = Planner::download(b"/d", options, now());
    both(&mut plan, &many(4), &[]);
    for _ in 0..4 {
        let order = copy(&mut plan);
        plan.report(order.failed(0, Trouble::Refused(550)));
    }
    assert!(is_over(&mut plan));
    assert_eq!(plan.summary().failed, 4);
    let kept: Vec<_> = plan
        .summary()
        .failures
        .iter()
        .map(|failed| &*failed.path)
        .collect();
    assert_eq!(kept, [b"0000", b"0001"]);
    assert_eq!(told(&mut plan).len(), 4);
}

/// Reading and deleting on this side takes no session.
#[test]
fn orders_say_whether_they_take_a_session() {
    let options = with(|options| {
        options.delete = Delete::AfterAll;
        options.check = Check::Size;
    });
    for download in [true, false] {
        let mut plan = if download {
            Planner::download(b"/d", options.clone(), now())
        } else {
            Planner::upload(b"/d", options.clone(), now())
        };
        plan.greet(Some(&super::features(" MDTM\n")), None);
        let mut seen = Vec::new();
        let mut broken = false;
        loop {
            let order = match plan.next() {
                Next::Order(order) => order,
                Next::Over => break,
                Next::Wait => panic!("nothing is outstanding"),
            };
            let needs = order.needs_session();
            let (name, expected) = match &order {
                Order::Read(order) => ("read", matches!(order.place(), Place::Remote(_))),
                Order::Ask(_) => ("ask", true),
                Order::Measure(_) => ("measure", true),
                Order::Make(_) => ("make", !download),
                Order::Copy(_) => ("copy", true),
                Order::Check(_) => ("check", true),
                Order::Publish(_) => ("publish", !download),
                Order::Remove(_) => ("remove", !download),
            };
            assert_eq!(needs, expected, "{order:?}");
            seen.push(name);
            let report = match order {
                Order::Read(order) => {
                    let is_remote = matches!(order.place(), Place::Remote(_));
                    let entries = if is_remote == download {
                        alloc::vec![directory("s"), Found::file("f", 1, None)]
                    } else {
                        alloc::vec![file("x", 1, 1)]
                    };
                    let is_root = seen.len() <= 2;
                    order.listed(if is_root {
                        Listing::new(entries)
                    } else {
                        Listing::default()
                    })
                }
                Order::Copy(order) if !broken => {
                    broken = true;
                    order.failed(0, Trouble::Broken)
                }
                Order::Copy(order) => order.copied(1),
                Order::Ask(order) => order.changed(now()),
                Order::Measure(order) => order.size_is(0),
                Order::Make(order) => order.made(),
                Order::Check(order) => order.size_is(1),
                Order::Publish(order) => order.published(true),
                Order::Remove(order) => order.removed(),
            };
            plan.report(report);
        }
        let ask_or_measure = if download { "ask" } else { "measure" };
        for name in [
            "read",
            "make",
            "copy",
            "check",
            "publish",
            "remove",
            ask_or_measure,
        ] {
            assert!(seen.contains(&name), "{name} of {seen:?}");
        }
        assert!(plan.summary().is_complete());
    }
}

/// A failure is the order's, whichever it is.
#[test]
fn every_order_can_fail() {
    let mut plan = walk("/d");
    let order = super::order(&mut plan);
    plan.report(order.failed(Trouble::Unreadable));
    assert!(is_over(&mut plan));
    assert_eq!(
        told(&mut plan),
        ["failed : the server's answer is not understood"]
    );
    let mut plan = copies(1);
    let order = super::order(&mut plan);
    plan.report(order.failed(Trouble::CannotBeSent));
    assert!(is_over(&mut plan));
    assert_eq!(told(&mut plan), ["failed 0000: the name cannot be sent"]);
}
