//! Files on their way: begun, broken, gone on with, checked, published.

use alloc::vec::Vec;

use super::hands::Comes::{Bytes, Changed, Failed, FailedAt, Size, WithoutTime};
use super::hands::{Comes, Hands};
use super::{books, both, copy, features, file, now, stamp, told, with, without_zone};
use crate::listing::Precision;
use crate::tree::{
    Again, Check, Delete, Found, FoundKind, LocalTrouble, Next, Options, Order, Planner, Trouble,
    is_unfinished,
};

pub(super) const GET: &str = "copy /d/f PART";
pub(super) const PUT: &str = "copy f /d/PART";

/// A plan for one file of ten octets, which the target does not have, and who carries it out.
pub(super) fn download(options: Options) -> (Planner, Hands) {
    let plan = Planner::download(b"/d", options, now());
    let hands = Hands::default()
        .there("/d", &[file("f", 10, 5)])
        .here(".", &[]);
    (plan, hands)
}

pub(super) fn upload(options: Options) -> (Planner, Hands) {
    let mut plan = Planner::upload(b"/d", options, now());
    plan.greet(Some(&features(" MFMT\n")), None);
    let hands = Hands::default()
        .here(".", &[file("f", 10, 5)])
        .there("/d", &[]);
    (plan, hands)
}

pub(super) fn failed(trouble: Trouble) -> Comes {
    Failed(trouble)
}

pub(super) fn refused(code: u16) -> Comes {
    Failed(Trouble::Refused(code))
}

/// The name a file has before it is whole.
fn unfinished() -> Vec<u8> {
    let (mut plan, _) = download(Options::default());
    both(&mut plan, &[file("f", 10, 5)], &[]);
    let order = copy(&mut plan);
    let name = order.local().names().next().unwrap();
    assert!(is_unfinished(name) && order.local().names().len() == 1);
    name.to_vec()
}

/// What is left of an earlier attempt.
pub(super) fn begun(size: u64) -> Found {
    Found::file(unfinished(), size, Some(9))
}

#[test]
fn a_file_comes_under_a_name_of_its_own() {
    let (mut plan, hands) = download(Options::default());
    let hands = hands.run(&mut plan);
    assert_eq!(hands.did, [GET, "name PART f of 5"]);
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 copied, 10 bytes");
    assert_eq!(told(&mut plan), ["copied f 10"]);
    let (mut plan, hands) = upload(Options::default());
    let hands = hands.run(&mut plan);
    assert_eq!(hands.did, [PUT, "name /d/PART /d/f of 5"]);
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 copied, 10 bytes");
    // In a directory, everything is in it.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = Hands::default()
        .there("/d", &[super::directory("s")])
        .there("/d/s", &[file("f", 10, 5)])
        .here(".", &[])
        .run(&mut plan);
    assert_eq!(
        hands.did[1..],
        ["copy /d/s/f s/PART", "name s/PART s/f of 5"]
    );
    // One that is there is replaced.
    let (mut plan, hands) = download(Options::default());
    let hands = hands.here(".", &[file("f", 9, 5)]).run(&mut plan);
    assert_eq!(hands.did, [GET, "name PART f over it of 5"]);
    // An empty one has to be made too.
    let (mut plan, hands) = download(Options::default());
    let hands = hands.there("/d", &[file("f", 0, 5)]).run(&mut plan);
    assert_eq!(hands.did, [GET, "name PART f of 5"]);
}

/// A server is told a time if it takes any, and a time that was not kept is in the books if it was to be.
#[test]
fn times_are_kept_where_they_can_be() {
    let (mut plan, hands) = upload(Options::default());
    plan.greet(Some(&features(" MDTM\n")), None);
    let hands = hands.run(&mut plan);
    assert_eq!(hands.did[1..], ["name /d/PART /d/f"]);
    assert_eq!(plan.summary().times_lost, 1);
    let (mut plan, hands) = upload(with(|options| options.keep_times = false));
    let hands = hands.run(&mut plan);
    assert_eq!(hands.did[1..], ["name /d/PART /d/f"]);
    assert_eq!(plan.summary().times_lost, 0);
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .when("name /d/PART /d/f of 5", &[WithoutTime])
        .run(&mut plan);
    assert_eq!((hands.did.len(), plan.summary().times_lost), (2, 1));
    let (mut plan, hands) = upload(Options::default());
    let _ = hands.run(&mut plan);
    assert_eq!(plan.summary().times_lost, 0);
}

/// A listing that says less than the second is asked about, unless nobody wants to know, or the server does not.
#[test]
fn times_are_asked_for_where_the_listing_does_not_say_them() {
    let coarse = || {
        let found = file("f", 10, 5);
        let time = found.time.map(|time| crate::listing::Time {
            precision: Precision::Minute,
            ..time
        });
        Found { time, ..found }
    };
    let unzoned = || without_zone("f", 10, "20260714113000", Precision::Second);
    let none = || Found::file("f", 10, None);
    let ask = "ask /d/f";
    let at = Changed(stamp("19700101000107"));
    for (found, offer, keep, comes, did) in [
        (
            coarse(),
            " MDTM\n",
            true,
            &[at][..],
            &[GET, ask, "name PART f of 67"][..],
        ),
        (
            none(),
            " MDTM\n",
            true,
            &[at],
            &[GET, ask, "name PART f of 67"],
        ),
        (
            unzoned(),
            " MDTM\n",
            true,
            &[refused(550), at],
            &[ask, GET, ask, "name PART f of 67"],
        ),
        (
            file("f", 10, 5),
            " MDTM\n",
            true,
            &[],
            &[GET, "name PART f of 5"],
        ),
        (coarse(), " SIZE\n", true, &[], &[GET, "name PART f of 5"]),
        (coarse(), " MDTM\n", false, &[], &[GET, "name PART f"]),
        // What the listing says is better than nothing.
        (
            coarse(),
            " MDTM\n",
            true,
            &[refused(550)],
            &[GET, ask, "name PART f of 5"],
        ),
    ] {
        let (mut plan, hands) = download(with(|options| options.keep_times = keep));
        plan.greet(Some(&features(offer)), None);
        let hands = hands.there("/d", &[found]).when(ask, comes).run(&mut plan);
        assert_eq!(hands.did, did);
    }
    // This side knows.
    let (mut plan, hands) = upload(Options::default());
    plan.greet(Some(&features(" MDTM\n MFMT\n")), None);
    let hands = hands.here(".", &[coarse()]).run(&mut plan);
    assert_eq!(hands.did, [PUT, "name /d/PART /d/f of 5"]);
}

#[test]
fn a_restart_that_is_refused_begins_anew() {
    let (mut plan, _) = download(Options::default());
    both(&mut plan, &[file("f", 10, 5)], &[]);
    let order = copy(&mut plan);
    plan.report(order.failed(4, Trouble::SessionOver));
    assert_eq!(plan.lost(Trouble::SessionOver), Again::After(200));
    let order = copy(&mut plan);
    assert_eq!(order.offset(), 4);
    plan.report(order.failed(0, Trouble::Refused(502)));
    let order = copy(&mut plan);
    assert_eq!(order.offset(), 0);
    plan.report(order.copied(10));
    let Order::Publish(publish) = super::order(&mut plan) else {
        panic!()
    };
    assert!(!publish.replaces() && publish.time().is_some());
    plan.report(publish.published(true));
    assert!(matches!(plan.next(), Next::Over));
    assert!(plan.summary().is_complete());
    assert_eq!((plan.summary().copied, plan.summary().bytes), (1, 14));
    assert_eq!(told(&mut plan), ["copied f 14"]);
}

/// Anew is once: a server that can neither go on nor get through is given up.
#[test]
fn a_file_is_begun_anew_once() {
    let on = "copy /d/f PART from 4";
    let broken = FailedAt(4, Trouble::Broken);
    let changed = failed(Trouble::Local(LocalTrouble::Changed));
    for (no, told_of) in [
        (refused(554), "refused by the server (554)"),
        (changed, "a link, or changed meanwhile"),
    ] {
        let (mut plan, hands) = download(Options::default());
        let hands = hands
            .when(GET, &[broken, broken])
            .when(on, &[no, no])
            .run(&mut plan);
        assert_eq!(hands.did, [GET, on, GET, on]);
        assert_eq!(told(&mut plan), [alloc::format!("failed f: {told_of}")]);
        // There is nothing to begin anew with.
        let (mut plan, hands) = download(Options::default());
        let hands = hands.when(GET, &[no]).run(&mut plan);
        assert_eq!(hands.did, [GET]);
        assert_eq!(books(&plan), "1 directories, 1 entries, 1 failed");
    }
    // A server that is busy is asked again for the rest.
    let (mut plan, hands) = download(Options::default());
    let hands = hands
        .when(GET, &[broken])
        .when(on, &[refused(450)])
        .run(&mut plan);
    assert_eq!(hands.did, [GET, on, on, "name PART f of 5"]);
}

/// Attempts that get nowhere are bounded, and so are, more generously, those that get on.
#[test]
fn a_file_that_breaks_is_tried_again() {
    let nothing = FailedAt(0, Trouble::Broken);
    let (mut plan, hands) = download(Options::default());
    let hands = hands.when(GET, &[nothing, nothing]).run(&mut plan);
    assert_eq!(hands.did, [GET, GET, GET, "name PART f of 5"]);
    let (mut plan, hands) = download(Options::default());
    let hands = hands.when(GET, &[nothing; 3]).run(&mut plan);
    assert_eq!(hands.did, [GET, GET, GET]);
    assert_eq!(told(&mut plan), ["failed f: the transfer is not whole"]);

    // Fifty breaks that got on, and then no more than two that did.
    let (mut plan, _) = download(Options::default());
    both(&mut plan, &[file("f", 1000, 5)], &[]);
    let mut copies = 0;
    while let Next::Order(Order::Copy(order)) = plan.next() {
        assert_eq!(order.offset(), copies);
        copies += 1;
        plan.report(order.failed(1, Trouble::Broken));
    }
    assert_eq!(copies, 51);
    assert_eq!(books(&plan), "1 directories, 1 entries, 51 bytes, 1 failed");

    // Two attempts that get nowhere between those that get on are in a row.
    let (mut plan, hands) = download(Options::default());
    let [four, on] = ["copy /d/f PART from 4", "copy /d/f PART from 7"];
    let hands = hands
        .when(GET, &[nothing, nothing, FailedAt(4, Trouble::Broken)])
        .when(four, &[nothing, FailedAt(3, Trouble::Broken)])
        .when(on, &[nothing, nothing])
        .run(&mut plan);
    assert_eq!(hands.did[..3], [GET, GET, GET]);
    assert_eq!(told(&mut plan), ["failed f: the transfer is not whole"]);

    // What cannot pass is not tried again.
    let (mut plan, hands) = download(Options::default());
    let hands = hands
        .when(GET, &[failed(Trouble::NoDataConnection)])
        .run(&mut plan);
    assert_eq!(hands.did, [GET]);
}

#[test]
fn nothing_is_gone_on_with_by_who_does_not_want_it() {
    let options = || with(|options| options.resume = false);
    let (mut plan, hands) = download(options());
    let hands = hands
        .here(".", &[begun(4)])
        .when(GET, &[FailedAt(4, Trouble::Broken)])
        .run(&mut plan);
    assert_eq!(hands.did, [GET, GET, "name PART f of 5"]);
    assert_eq!(told(&mut plan), ["copied f 14"]);
    let (mut plan, hands) = upload(options());
    let hands = hands.when(PUT, &[failed(Trouble::Broken)]).run(&mut plan);
    assert_eq!(hands.did, [PUT, PUT, "name /d/PART /d/f of 5"]);
    let (mut plan, hands) = download(Options::default());
    let hands = hands
        .when(GET, &[FailedAt(4, Trouble::Broken)])
        .run(&mut plan);
    assert_eq!(hands.did[1], "copy /d/f PART from 4");
}

/// What an earlier attempt has left is gone on with if it can be the beginning of this version.
#[test]
fn what_was_begun_is_gone_on_with() {
    let rest = "copy /d/f PART from 4";
    let name = "name PART f of 5";
    let of_kind = |kind| Found { kind, ..begun(4) };
    let unknown = Found {
        size: None,
        ..begun(4)
    };
    for (there, did, resumed) in [
        (begun(4), &[rest, name][..], 4),
        // It was whole.
        (begun(10), &[name], 10),
        (begun(11), &[GET, name], 0),
        (begun(0), &[GET, name], 0),
        (of_kind(FoundKind::Link), &[GET, name], 0),
        (of_kind(FoundKind::Directory), &[GET, name], 0),
        (unknown, &[GET, name], 0),
        // Another version.
        (
            Found {
                name: b"ftp-0123456789abcdef.part".to_vec(),
                ..begun(4)
            },
            &[GET, name],
            0,
        ),
    ] {
        let (mut plan, hands) = download(Options::default());
        let hands = hands
            .here(".", core::slice::from_ref(&there))
            .run(&mut plan);
        assert_eq!(hands.did, did, "{there:?}");
        assert_eq!(
            (plan.summary().resumed, plan.summary().bytes),
            (resumed, 10 - resumed)
        );
        assert_eq!(plan.progress().octets, 10 - resumed);
    }
    // Of a size that nobody knows nothing is a beginning.
    let (mut plan, hands) = download(Options::default());
    let source = Found {
        size: None,
        ..file("f", 10, 5)
    };
    both(&mut plan, core::slice::from_ref(&source), &[]);
    let part = copy(&mut plan).local().names().next().unwrap().to_vec();
    let (mut plan, _) = download(Options::default());
    let hands = hands
        .there("/d", &[source])
        .here(".", &[Found::file(part, 4, Some(9))])
        .when(GET, &[Bytes(10)])
        .run(&mut plan);
    assert_eq!(hands.did, [GET, name]);
}

/// How much of a broken upload has arrived the server says.
#[test]
fn a_broken_upload_is_measured() {
    let measure = "measure /d/PART";
    let name = "name /d/PART /d/f of 5";
    let rest = "copy f /d/PART from 4";
    for (size, did) in [
        (Size(4), &[PUT, measure, rest, name][..]),
        (Size(0), &[PUT, measure, PUT, name]),
        // All of it.
        (Size(10), &[PUT, measure, name]),
        // More than there is.
        (Size(11), &[PUT, measure, PUT, name]),
        (refused(550), &[PUT, measure, PUT, name]),
        (refused(500), &[PUT, measure, PUT, name]),
    ] {
        let (mut plan, hands) = upload(Options::default());
        let hands = hands
            .when(PUT, &[failed(Trouble::SessionOver)])
            .when(measure, &[size])
            .run(&mut plan);
        assert_eq!(hands.did, did);
        assert!(plan.summary().is_complete());
    }
    // An empty file is there when a transfer has put it there.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .here(".", &[file("f", 0, 5)])
        .when(PUT, &[failed(Trouble::SessionOver)])
        .when(measure, &[Size(0)])
        .run(&mut plan);
    assert_eq!(hands.did, [PUT, measure, PUT, name]);
    // One of unknown size is begun anew.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .here(
            ".",
            &[Found {
                size: None,
                ..file("f", 0, 5)
            }],
        )
        .when(PUT, &[failed(Trouble::SessionOver)])
        .when(measure, &[Size(4)])
        .run(&mut plan);
    assert_eq!(hands.did, [PUT, measure, PUT, name]);
    // The server is given up where it cannot be asked.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .when(PUT, &[failed(Trouble::SessionOver)])
        .when(measure, &[failed(Trouble::CannotBeSent)])
        .run(&mut plan);
    assert_eq!(hands.did, [PUT, measure]);
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 failed");
}

/// An upload gets on if more has arrived than before.
#[test]
fn uploads_that_get_on_are_tried_for_long() {
    let broken = || failed(Trouble::SessionOver);
    let copies = |mut sizes: Vec<u64>| {
        let (mut plan, _) = upload(Options::default());
        both(&mut plan, &[], &[file("f", 1000, 5)]);
        let mut copies = 0;
        sizes.reverse();
        loop {
            match plan.next() {
                Next::Order(Order::Copy(order)) => {
                    copies += 1;
                    plan.report(order.failed(0, Trouble::Broken));
                }
                Next::Order(Order::Measure(order)) => {
                    plan.report(order.size_is(sizes.pop().unwrap()));
                }
                Next::Over => return copies,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(copies((1..100).collect()), 52);
    assert_eq!(copies(alloc::vec![0; 9]), 3);
    assert_eq!(copies(alloc::vec![4; 9]), 4);
    assert_eq!(copies(alloc::vec![4, 4, 5, 5, 3, 3]), 6);
    // Measuring counts too.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .when(PUT, &[broken()])
        .when("measure /d/PART", &[broken(), broken()])
        .run(&mut plan);
    assert_eq!(hands.did, [PUT, "measure /d/PART", "measure /d/PART"]);
    assert_eq!(told(&mut plan), ["failed f: the session broke"]);
}

/// What a dry run would copy, make and delete it tells, and nothing is touched; what was begun counts as in earnest.
#[test]
fn a_dry_run_tells_what_would_be() {
    let options = with(|options| {
        options.dry_run = true;
        options.delete = Delete::AfterAll;
        options.check = Check::Size;
    });
    let mut plan = Planner::download(b"/d", options.clone(), now());
    let hands = Hands::default()
        .there(
            "/d",
            &[super::directory("s"), file("f", 10, 5), file("g", 3, 5)],
        )
        .there("/d/s", &[file("h", 7, 5)])
        .here(".", &[begun(4), super::directory("old"), file("g", 3, 5)])
        .here("old", &[file("x", 1, 1)])
        .run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(
        told(&mut plan),
        [
            "skipped g Unchanged",
            "made s",
            "copied f 6",
            "copied s/h 7",
            "deleted old/x",
            "deleted old"
        ]
    );
    assert_eq!(
        books(&plan),
        "3 directories, 4 entries, 2 copied, 4 resumed, 1 unchanged, 1 made, 2 deleted"
    );
    // One that was whole already.
    let mut plan = Planner::download(b"/d", options, now());
    let hands = Hands::default()
        .there("/d", &[file("f", 10, 5)])
        .here(".", &[begun(10)])
        .run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(told(&mut plan), ["copied f 0"]);
}
