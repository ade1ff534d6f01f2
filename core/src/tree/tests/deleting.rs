//! What is deleted, when, and what stays.

use super::hands::Comes::Failed;
use super::hands::Hands;
use super::{books, directory, file, now, of_kind, told, with};
use crate::tree::{Delete, FoundKind, Listing, Next, Options, Order, Planner, Trouble};

fn mirror(delete: Delete) -> Planner {
    let options = with(|options| options.delete = delete);
    Planner::download(b"/d", options, now())
}

/// A tree of a server with two levels of directories.
fn tree(root: &str) -> Hands {
    let path = |below: &str| alloc::format!("{}{below}", root.trim_end_matches('/'));
    Hands::default()
        .there(
            root,
            &[
                directory("a"),
                file("f", 1, 1),
                of_kind("l", FoundKind::Link),
            ],
        )
        .there(&path("/a"), &[directory("b"), file("g", 1, 1)])
        .there(&path("/a/b"), &[])
}

#[test]
fn a_tree_is_deleted_from_its_leaves() {
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = tree("/d").run(&mut plan);
    assert_eq!(
        hands.did,
        [
            "delete /d/f",
            "delete /d/l",
            "delete /d/a/g",
            "delete /d/a/b/",
            "delete /d/a/",
            "delete /d/"
        ]
    );
    assert_eq!(books(&plan), "3 directories, 5 entries, 6 deleted");
    assert_eq!(
        told(&mut plan),
        [
            "deleted f",
            "deleted l",
            "deleted a/g",
            "deleted a/b",
            "deleted a",
            "deleted "
        ]
    );
    // With several sessions a directory waits for what is in it.
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let root = super::read(&mut plan);
    plan.report(root.listed(Listing::new([file("f", 1, 1), file("g", 1, 1)].to_vec())));
    let (first, second) = (super::order(&mut plan), super::order(&mut plan));
    let gone = |plan: &mut Planner, order: Order| match order {
        Order::Remove(order) => plan.report(order.removed()),
        other => panic!("{other:?}"),
    };
    gone(&mut plan, second);
    assert!(matches!(plan.next(), Next::Wait));
    gone(&mut plan, first);
    let Order::Remove(root) = super::order(&mut plan) else {
        panic!("nothing is in it");
    };
    assert!(root.is_directory());
}

/// The root of a server, and where a session begins, are nobody's to delete.
#[test]
fn the_root_of_the_server_stays() {
    for (root, home, last) in [
        ("/", None, "delete /a/"),
        ("", None, "delete a/"),
        ("d", None, "delete d/"),
        ("", Some(&b"/"[..]), "delete /a/"),
    ] {
        let mut plan = Planner::remove(root.as_bytes(), Options::default(), now());
        plan.greet(None, home);
        let root = if home.is_some() { "/" } else { root };
        let hands = if root.is_empty() {
            Hands::default()
                .there("", &[directory("a"), file("f", 1, 1)])
                .there("a", &[])
        } else {
            tree(root)
        };
        let hands = hands.run(&mut plan);
        assert_eq!(hands.did.last().map(|did| &**did), Some(last), "{root}");
        assert!(plan.summary().is_complete());
    }
    // Also if it is empty.
    let mut plan = Planner::remove(b"/", Options::default(), now());
    let hands = Hands::default().there("/", &[]).run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = Hands::default().there("/d", &[]).run(&mut plan);
    assert_eq!(hands.did, ["delete /d/"]);
}

/// Something that stays keeps every directory it is in, and no other.
#[test]
fn a_directory_stays_with_what_is_in_it() {
    let refused = [Failed(Trouble::Refused(550))];
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = tree("/d").when("delete /d/a/b/", &refused).run(&mut plan);
    assert_eq!(
        hands.did,
        [
            "delete /d/f",
            "delete /d/l",
            "delete /d/a/g",
            "delete /d/a/b/"
        ]
    );
    assert_eq!(
        books(&plan),
        "3 directories, 5 entries, 3 deleted, 1 failed"
    );
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = tree("/d").when("delete /d/f", &refused).run(&mut plan);
    assert_eq!(
        hands.did,
        [
            "delete /d/f",
            "delete /d/l",
            "delete /d/a/g",
            "delete /d/a/b/",
            "delete /d/a/"
        ]
    );
    assert_eq!(told(&mut plan).len(), 5);
    // Lines that nobody understood are things too.
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = tree("/d")
        .listed("/d/a/b", Listing::default().with_unread(1))
        .run(&mut plan);
    assert_eq!(hands.did, ["delete /d/f", "delete /d/l", "delete /d/a/g"]);
    assert_eq!(
        books(&plan),
        "3 directories, 5 entries, 3 deleted, 1 unread"
    );
    // What cannot be read is not empty.
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = tree("/d")
        .when("read /d/a/b", &[Failed(Trouble::Unreadable)])
        .run(&mut plan);
    assert_eq!(hands.did, ["delete /d/f", "delete /d/l", "delete /d/a/g"]);
    assert_eq!(
        books(&plan),
        "2 directories, 5 entries, 3 deleted, 1 failed"
    );
    // There is nothing to be deleted.
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = Hands::default().run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(told(&mut plan), ["failed : refused by the server (550)"]);
}

/// A server that names what lies elsewhere gets nothing deleted there, nor the directory that it says it is in.
#[test]
fn a_name_that_leads_elsewhere_is_not_deleted() {
    let names = ["../passwd", "a/b", "file", ".."];
    let entries = names.map(|name| file(name, 1, 1));
    let mut plan = Planner::remove(b"/d", Options::default(), now());
    let hands = Hands::default().there("/d", &entries).run(&mut plan);
    assert_eq!(hands.did, ["delete /d/file"]);
    assert_eq!(
        told(&mut plan),
        [
            "failed ../passwd: the name leads out of its directory",
            "failed a/b: the name leads out of its directory",
            "failed ..: the name leads out of its directory",
            "deleted file"
        ]
    );
    // In a mirror it is not extraneous either.
    let options = with(|options| options.delete = Delete::AfterAll);
    let mut plan = Planner::upload(b"/d", options, now());
    let hands = Hands::default()
        .there("/d", &entries)
        .here(".", &[])
        .run(&mut plan);
    assert_eq!(hands.did, ["delete /d/file"]);
}

/// What is extraneous goes last, and only if all else has gone well, or it does not matter.
#[test]
fn what_is_extraneous_is_deleted_in_the_end() {
    let sides = || {
        Hands::default()
            .there("/d", &[file("f", 1, 1)])
            .here(".", &[directory("old"), file("x", 1, 1)])
            .here("old", &[file("y", 1, 1)])
    };
    let all = [
        "copy /d/f PART",
        "name PART f of 1",
        "delete x",
        "delete old/y",
        "delete old/",
    ];
    for (delete, did, spared) in [
        (Delete::Never, 2, 0),
        (Delete::AfterSuccess, 5, 0),
        (Delete::AfterAll, 5, 0),
    ] {
        let mut plan = mirror(delete);
        let hands = sides().run(&mut plan);
        assert_eq!(hands.did, all[..did]);
        assert_eq!(plan.summary().spared, spared);
        assert!(plan.summary().is_complete());
    }
    let refused = [Failed(Trouble::Refused(550))];
    for (delete, did, spared) in [(Delete::AfterSuccess, 1, 2), (Delete::AfterAll, 4, 0)] {
        let mut plan = mirror(delete);
        let hands = sides().when("copy /d/f PART", &refused).run(&mut plan);
        assert_eq!(hands.did.len(), did);
        assert_eq!(plan.summary().spared, spared);
        assert!(!plan.summary().is_complete());
    }
    // Nothing is deleted while anything is outstanding.
    let mut plan = mirror(Delete::AfterAll);
    super::both(&mut plan, &[file("f", 1, 1)], &[file("x", 1, 1)]);
    let copy = super::copy(&mut plan);
    assert!(!plan.is_over());
    assert!(matches!(plan.next(), Next::Wait));
    plan.report(copy.failed(0, Trouble::Refused(550)));
    assert!(!plan.is_over());
    assert!(matches!(plan.next(), Next::Order(Order::Remove(_))));
    // What is deleted in a mirror was not met on the side that is gone through.
    let mut plan = mirror(Delete::AfterAll);
    let _ = sides().run(&mut plan);
    assert_eq!(
        books(&plan),
        "2 directories, 1 entries, 1 copied, 1 bytes, 3 deleted"
    );
}
