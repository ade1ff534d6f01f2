//! Directories: gone into or not, and made where they are missing.

use alloc::vec;
use alloc::vec::Vec;

use super::hands::{Comes, Hands};
use super::{books, both, called, directory, file, now, of_kind, read, told, walk, with};
use crate::tree::{
    Delete, Filter, Found, FoundKind, Links, Listing, LocalTrouble, Next, Options, Order, Pattern,
    Planner, Trouble,
};

/// The server says by the directory's own name where it leads (RFC 3659 section 7.5.2).
#[test]
fn a_directory_within_itself_is_not_walked_again() {
    let listed = || Listing::new(vec![directory("sub")]);
    // It says so in the directory, or where the directory is listed.
    let mut plan = walk("/d");
    let hands = Hands::default()
        .listed("/d", listed().with_unique(b"1".to_vec()))
        .listed("/d/sub", listed().with_unique(b"1".to_vec()))
        .run(&mut plan);
    assert_eq!(hands.read, ["read /d", "read /d/sub"]);
    assert_eq!(
        told(&mut plan),
        [
            "entry sub Directory",
            "failed sub: a directory within itself"
        ]
    );
    assert!(!plan.summary().is_complete());
    let mut plan = walk("/d");
    let hands = Hands::default()
        .listed(
            "/d",
            Listing::new(vec![called("a", "2"), called("b", "3")]).with_unique(b"1".to_vec()),
        )
        .there(
            "/d/a",
            &[called("c", "1"), called("d", "2"), called("e", "3")],
        )
        .there("/d/a/e", &[])
        .there("/d/b", &[])
        .run(&mut plan);
    assert_eq!(
        hands.read,
        ["read /d", "read /d/a", "read /d/a/e", "read /d/b"]
    );
    let failed: Vec<_> = told(&mut plan)
        .into_iter()
        .filter(|line| line.starts_with("failed"))
        .collect();
    assert_eq!(
        failed,
        [
            "failed a/c: a directory within itself",
            "failed a/d: a directory within itself"
        ]
    );
}

/// A directory of the server that is the tree itself is neither written to nor emptied, whichever side has told of it.
#[test]
fn a_circle_in_the_target_is_left_alone() {
    let options = with(|options| options.delete = Delete::AfterAll);
    for root in [
        Listing::new(vec![called("loop", "1")]).with_unique(b"1".to_vec()),
        Listing::new(vec![directory("loop")]).with_unique(b"1".to_vec()),
    ] {
        let circle = || {
            Hands::default()
                .listed("/d", root.clone())
                .listed("/d/loop", root.clone())
        };
        // It is extraneous.
        let mut plan = Planner::upload(b"/d", options.clone(), now());
        let hands = circle().here(".", &[]).run(&mut plan);
        assert_eq!(hands.did, [""; 0]);
        assert_eq!(told(&mut plan), ["failed loop: a directory within itself"]);
        // There is one of that name here.
        let mut plan = Planner::upload(b"/d", options.clone(), now());
        let hands = circle()
            .here(".", &[directory("loop")])
            .here("loop", &[file("a", 1, 1)])
            .run(&mut plan);
        assert_eq!(hands.did, [""; 0]);
        assert_eq!(told(&mut plan), ["failed loop: a directory within itself"]);
        // It is within what is deleted.
        let mut plan = Planner::remove(b"/d", Options::default(), now());
        let hands = circle().run(&mut plan);
        assert_eq!(hands.did, [""; 0]);
        assert_eq!(told(&mut plan), ["failed loop: a directory within itself"]);
    }
}

#[test]
fn a_tree_that_is_too_deep_is_left_as_it_is_below() {
    let tree = || {
        Hands::default()
            .there("/d", &[directory("sub")])
            .there("/d/sub", &[directory("sub")])
            .there("/d/sub/sub", &[])
    };
    let bounded = |depth: u16, path: usize| {
        with(|options| (options.bounds.depth, options.bounds.path) = (depth, path))
    };
    // A path has to leave room for a name in the directory.
    for (depth, path, read) in [
        (0, 100, 1),
        (1, 100, 2),
        (2, 100, 3),
        (9, "/d/sub".len(), 1),
        (9, "/d/sub/".len(), 2),
        (9, "/d/sub/sub".len(), 2),
        (9, "/d/sub/sub/".len(), 3),
    ] {
        let mut plan = Planner::walk(b"/d", bounded(depth, path), now());
        let hands = tree().run(&mut plan);
        assert_eq!(hands.read.len(), read, "{depth} {path}");
        let is_deep = |line: &alloc::string::String| line.ends_with(": too deep");
        assert_eq!(
            told(&mut plan).iter().filter(|line| is_deep(line)).count(),
            usize::from(read < 3)
        );
    }
    let mut plan = Planner::remove(b"/d", bounded(1, 100), now());
    let hands = tree().run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(told(&mut plan), ["failed sub/sub: too deep"]);
}

/// What is on both sides is read on both, what is on one on that one; what the plan is not about is not read at all.
#[test]
fn directories_are_read_where_they_are() {
    let tree = || {
        Hands::default()
            .there("/d", &[directory("new"), directory("old")])
            .there("/d/new", &[])
            .there("/d/old", &[])
            .here(".", &[directory("old"), directory("other")])
            .here("old", &[])
            .here("other", &[])
    };
    let mut plan = walk("/d");
    let hands = tree().run(&mut plan);
    assert_eq!(hands.read, ["read /d", "read /d/new", "read /d/old"]);
    assert_eq!(books(&plan), "3 directories, 2 entries");
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = tree().run(&mut plan);
    assert_eq!(
        hands.read,
        [
            "read .",
            "read /d",
            "read /d/new",
            "read old",
            "read /d/old"
        ]
    );
    assert_eq!(hands.did, ["make new"]);
    assert_eq!(books(&plan), "3 directories, 2 entries, 1 made");
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    let hands = tree().run(&mut plan);
    assert_eq!(hands.did, ["make /d/other"]);
    assert_eq!(books(&plan), "3 directories, 2 entries, 1 made");
}

/// The target need not be there, the source does; and what cannot be read for another reason is not taken for missing.
#[test]
fn a_missing_root_is_made_in_the_target() {
    let source = || Hands::default().here(".", &[file("f", 3, 1)]);
    let inside = "read /d by FactsInside";
    for (trouble, is_made) in [
        (Trouble::Refused(550), true),
        (Trouble::Refused(450), true),
        (Trouble::Refused(530), false),
        (Trouble::CannotBeSent, false),
    ] {
        let mut plan = Planner::upload(b"/d", Options::default(), now());
        let comes = [Comes::Failed(trouble); 3];
        let hands = match trouble {
            Trouble::Refused(450) => source().when("read /d", &comes[..1]).when(inside, &comes),
            Trouble::Refused(550) => source()
                .when("read /d", &comes[..1])
                .when(inside, &comes[..1]),
            _ => source().when("read /d", &comes[..1]),
        };
        let hands = hands.run(&mut plan);
        if is_made {
            assert_eq!(
                hands.did,
                ["make /d", "copy f /d/PART", "name /d/PART /d/f"]
            );
            assert!(plan.summary().is_complete());
        } else {
            assert_eq!(hands.did, [""; 0]);
            // What would have gone there is in the books.
            assert_eq!(
                books(&plan),
                "1 directories, 1 entries, 1 failed, 1 not reached"
            );
        }
    }
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = Hands::default()
        .there("/d", &[file("f", 3, 1)])
        .run(&mut plan);
    assert_eq!(hands.did, ["make .", "copy /d/f PART", "name PART f of 1"]);
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = Hands::default()
        .here(".", &[file("f", 3, 1)])
        .run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(told(&mut plan), ["failed : refused by the server (550)"]);
    // Neither is there: that is told once.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = Hands::default()
        .when(
            "read .",
            &[Comes::Failed(Trouble::Local(LocalTrouble::Denied))],
        )
        .run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(told(&mut plan), ["failed : permission denied"]);
}

/// Whoever takes some files only gets directories only for these.
#[test]
fn directories_are_made_for_the_files_that_are_meant() {
    let mut options =
        with(|options| options.filter = Filter::default().include(Pattern::new("*.txt")));
    let tree = |inner: &[Found]| {
        Hands::default()
            .there("/d", &[directory("a")])
            .there("/d/a", &[directory("b")])
            .there("/d/a/b", inner)
            .there("/d/a/b/c.txt", &[])
            .here(".", &[])
    };
    for inner in [
        file("c.bin", 1, 1),
        directory("c.txt"),
        of_kind("c.txt", FoundKind::Link),
        of_kind("c.txt", FoundKind::Other),
    ] {
        let mut plan = Planner::download(b"/d", options.clone(), now());
        let hands = tree(core::slice::from_ref(&inner)).run(&mut plan);
        assert_eq!(hands.did, [""; 0], "{inner:?}");
        assert!(plan.summary().is_complete());
    }
    // From the top, one after the other.
    let mut plan = Planner::download(b"/d", options.clone(), now());
    let hands = tree(&[file("c.txt", 1, 1)]).run(&mut plan);
    assert_eq!(
        hands.did,
        [
            "make a",
            "make a/b",
            "copy /d/a/b/c.txt a/b/PART",
            "name a/b/PART a/b/c.txt of 1"
        ]
    );
    let mut plan = Planner::download(b"/d", options.clone(), now());
    both(&mut plan, &[directory("a")], &[]);
    for inner in [directory("b"), file("c.txt", 1, 1)] {
        let order = read(&mut plan);
        plan.report(order.listed(Listing::new(vec![inner])));
    }
    let Next::Order(Order::Make(above)) = plan.next() else {
        panic!("`a` is missing");
    };
    assert!(matches!(plan.next(), Next::Wait), "`a/b` waits for `a`");
    plan.report(above.made());
    assert!(matches!(plan.next(), Next::Order(Order::Make(_))));
    // Links that are files by agreement are as good as files.
    options.links = Links::Files;
    let mut plan = Planner::download(b"/d", options, now());
    let hands = tree(&[of_kind("c.txt", FoundKind::Link)]).run(&mut plan);
    assert_eq!(hands.did[..2], ["make a", "make a/b"]);
}

/// A name may be hidden, or made by a session that broke: what is refused is looked at before it is given up.
#[test]
fn a_directory_that_cannot_be_made_is_looked_for() {
    let refused = [Comes::Failed(Trouble::Refused(550))];
    let tree = |root: &str| {
        Hands::default()
            .there(root, &[])
            .here(".", &[directory("s")])
            .here("s", &[file("f", 3, 1)])
            .when(&alloc::format!("make {root}/s"), &refused)
    };
    // It is there, with something in it.
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    let hands = tree("/d").there("/d/s", &[file("f", 3, 1)]);
    let hands = hands.run(&mut plan);
    assert_eq!(hands.read[3..], ["read /d/s by FactsInside"]);
    assert_eq!(books(&plan), "2 directories, 2 entries, 1 unchanged");
    // It is not: what would be in it is counted.
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    let hands = tree("/d").run(&mut plan);
    assert_eq!(hands.did, ["make /d/s"]);
    assert_eq!(
        books(&plan),
        "2 directories, 2 entries, 1 failed, 1 not reached"
    );
    // Where paths are relative, or facts are not to be had, the general way is taken.
    let mut plan = Planner::upload(b"d", Options::default(), now());
    plan.greet(None, None);
    let hands = tree("d").run(&mut plan);
    assert_eq!(hands.read[3..], ["read d/s"]);
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    let hands = tree("/d")
        .when("read /d", &[Comes::Failed(Trouble::Refused(502))])
        .run(&mut plan);
    assert_eq!(hands.read[4..], ["read /d/s by ListInside"]);
    // On this side something may stand there too.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let exists = Comes::Failed(Trouble::Local(LocalTrouble::Exists));
    let hands = Hands::default()
        .there("/d", &[directory("s")])
        .there("/d/s", &[file("f", 3, 1)])
        .here(".", &[])
        .here("s", &[file("f", 3, 1)])
        .when("make s", &[exists])
        .run(&mut plan);
    assert_eq!(hands.did, ["make s"]);
    assert_eq!(plan.summary().unchanged, 1);
    // Anything else is what it is.
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let hands = Hands::default()
        .there("/d", &[directory("s")])
        .there("/d/s", &[file("f", 3, 1), file("g", 3, 1)])
        .here(".", &[])
        .when(
            "make s",
            &[Comes::Failed(Trouble::Local(LocalTrouble::Denied))],
        )
        .run(&mut plan);
    assert_eq!(hands.did, ["make s"]);
    assert_eq!(told(&mut plan), ["failed s: permission denied"]);
    assert_eq!(
        books(&plan),
        "2 directories, 3 entries, 1 failed, 2 not reached"
    );
}

/// With a directory that cannot be made all that wait for it are lost.
#[test]
fn what_is_in_a_directory_that_cannot_be_made_is_not_reached() {
    let options = with(|options| options.filter = Filter::default().include(Pattern::new("*.txt")));
    let mut plan = Planner::download(b"/d", options, now());
    let hands = Hands::default()
        .there("/d", &[directory("a")])
        .there("/d/a", &[directory("b")])
        .there("/d/a/b", &[file("c.txt", 1, 1), file("e.txt", 1, 1)])
        .here(".", &[])
        .when(
            "make a",
            &[Comes::Failed(Trouble::Local(LocalTrouble::Denied))],
        )
        .run(&mut plan);
    assert_eq!(hands.did, ["make a"]);
    assert_eq!(told(&mut plan), ["failed a: permission denied"]);
    assert_eq!(
        books(&plan),
        "3 directories, 4 entries, 1 failed, 2 not reached"
    );
}
