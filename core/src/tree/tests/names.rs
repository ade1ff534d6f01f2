//! What is done about each thing in a directory: by its name, its kind, and what the target has of that name.

use super::hands::Hands;
use super::{books, directory, file, now, of_kind, told, with};
use crate::tree::{
    Delete, Filter, Found, FoundKind, Links, Listing, Options, Pattern, Planner, Side,
};

/// A plan for a directory with these things in it, to its end.
fn play(source: Side, options: Options, entries: &[Found]) -> (Hands, Planner) {
    let (plan, hands) = match source {
        Side::Remote => (
            Planner::download(b"/d", options, now()),
            Hands::default().there("/d", entries).here(".", &[]),
        ),
        Side::Local => (
            Planner::upload(b"/d", options, now()),
            Hands::default().here(".", entries).there("/d", &[]),
        ),
    };
    let mut plan = plan;
    let hands = hands.run(&mut plan);
    (hands, plan)
}

#[test]
fn names_that_fall_together_are_told() {
    let entries = [
        file("A", 1, 1),
        file("a", 1, 1),
        file("nul", 1, 1),
        of_kind("l", FoundKind::Link),
        directory("l"),
    ];
    let (hands, mut plan) = play(
        Side::Remote,
        with(|options| options.fold_case = true),
        &entries,
    );
    assert_eq!(hands.did, ["copy /d/A PART", "name PART A of 1"]);
    assert_eq!(
        told(&mut plan),
        [
            "failed a: another name differs from it in case only",
            "failed l: several things of different kinds have this name",
            "failed l: several things of different kinds have this name",
            "failed nul: name of a device",
            "copied A 1",
        ]
    );
    // Where cases are told apart they are two.
    let (_, plan) = play(Side::Remote, Options::default(), &entries[..2]);
    assert_eq!(books(&plan), "1 directories, 2 entries, 2 copied, 2 bytes");
    // And so is what the target has: with and without case.
    for (fold_case, did) in [
        (true, &[][..]),
        (false, &["copy /d/A PART", "name PART A of 1"]),
    ] {
        let mut plan =
            Planner::download(b"/d", with(|options| options.fold_case = fold_case), now());
        let hands = Hands::default()
            .there("/d", &[file("A", 1, 1)])
            .here(".", &[file("a", 1, 1)])
            .run(&mut plan);
        assert_eq!(hands.did, did);
    }
}

#[test]
fn the_same_thing_twice_is_one() {
    let twice = [
        file("f", 1, 1),
        file("f", 1, 1),
        file("f", 1, 1),
        file("g", 1, 1),
    ];
    let (hands, plan) = play(Side::Remote, Options::default(), &twice);
    assert_eq!(
        hands.did,
        [
            "copy /d/f PART",
            "name PART f of 1",
            "copy /d/g PART",
            "name PART g of 1"
        ]
    );
    assert_eq!(
        books(&plan),
        "1 directories, 4 entries, 2 copied, 2 bytes, 2 skipped"
    );
}

/// A name goes where it was found, on whichever side; what this side cannot hold the server may.
#[test]
fn names_are_used_where_they_lead_nowhere_else() {
    let elsewhere = "the name leads out of its directory";
    for (name, down, up) in [
        ("f", None, None),
        (
            "..",
            Some("name of a directory itself or the one above it"),
            Some(elsewhere),
        ),
        ("a/b", Some("separator in a name"), Some(elsewhere)),
        ("a\\..", Some("separator in a name"), Some(elsewhere)),
        ("nul", Some("name of a device"), None),
    ] {
        for (source, why) in [(Side::Remote, down), (Side::Local, up)] {
            let (hands, mut plan) = play(source, Options::default(), &[file(name, 1, 1)]);
            assert_eq!(hands.did.is_empty(), why.is_some(), "{name}");
            let expected = match why {
                Some(why) => alloc::format!("failed {name}: {why}"),
                None => alloc::format!("copied {name} 1"),
            };
            assert_eq!(told(&mut plan), [expected]);
        }
    }
    // A walk tells of nothing that is elsewhere, and of what this side could not hold.
    let mut plan = super::walk("/d");
    let _ = Hands::default()
        .there(
            "/d",
            &[file("../x", 1, 1), directory(".."), file("nul", 1, 1)],
        )
        .run(&mut plan);
    assert_eq!(
        told(&mut plan),
        [
            "failed ..: the name leads out of its directory",
            "failed ../x: the name leads out of its directory",
            "entry nul File"
        ]
    );
}

/// RFC 959 knows files and directories; what else there is is told, and left.
#[test]
fn what_is_neither_file_nor_directory_is_left() {
    let part = "ftp-0123456789abcdef.part";
    let entries = [
        of_kind("dev", FoundKind::Other),
        of_kind("link", FoundKind::Link),
        file(part, 1, 1),
        file("f", 1, 1),
    ];
    for (source, get) in [
        (Side::Remote, "copy /d/f PART"),
        (Side::Local, "copy f /d/PART"),
    ] {
        let (hands, mut plan) = play(source, Options::default(), &entries);
        assert_eq!(hands.did[0], get);
        assert_eq!(hands.did.len(), 2);
        assert_eq!(
            told(&mut plan),
            [
                "skipped dev Special",
                "skipped ftp-0123456789abcdef.part Unfinished",
                "skipped link Link",
                "copied f 1",
            ]
        );
        assert_eq!(plan.summary().skipped, 3);
    }
    // Links of the server may stand for the files they lead to; those of this side never.
    let links = || with(|options| options.links = Links::Files);
    let (hands, _) = play(Side::Remote, links(), &entries[..2]);
    assert_eq!(hands.did, ["copy /d/link PART", "name PART link"]);
    let (hands, mut plan) = play(Side::Local, links(), &entries[..2]);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(
        told(&mut plan),
        ["skipped dev Special", "skipped link Link"]
    );
    // A walk tells of all.
    let mut plan = super::walk("/d");
    let _ = Hands::default().there("/d", &entries).run(&mut plan);
    assert_eq!(
        told(&mut plan),
        [
            "entry dev Other",
            "entry f File",
            "entry ftp-0123456789abcdef.part File",
            "entry link Link"
        ]
    );
    assert_eq!(books(&plan), "1 directories, 4 entries");
}

/// A directory goes into a directory, and not through a link or over a file.
#[test]
fn a_directory_needs_a_directory() {
    let way = "failed s: something else of this name is in the way";
    for (kind, told_of) in [
        (FoundKind::Directory, None),
        (FoundKind::File, Some(way)),
        (FoundKind::Link, Some(way)),
        (FoundKind::Other, Some(way)),
    ] {
        let mut plan = Planner::download(b"/d", Options::default(), now());
        let hands = Hands::default()
            .there("/d", &[directory("s")])
            .there("/d/s", &[])
            .here(".", &[of_kind("s", kind)])
            .here("s", &[])
            .run(&mut plan);
        assert_eq!(hands.did, [""; 0], "{kind:?}");
        assert_eq!(hands.read.len(), if told_of.is_some() { 2 } else { 4 });
        assert_eq!(told(&mut plan).first().map(|line| &**line), told_of);
    }
}

/// The first directory of a listing is gone into first.
#[test]
fn directories_are_gone_through_in_order() {
    let mut plan = super::walk("/d");
    let hands = Hands::default()
        .there("/d", &[directory("b"), directory("a")])
        .there("/d/a", &[directory("c")])
        .there("/d/a/c", &[])
        .there("/d/b", &[])
        .run(&mut plan);
    assert_eq!(
        hands.read,
        ["read /d", "read /d/a", "read /d/a/c", "read /d/b"]
    );
}

/// What the filter leaves alone is neither copied nor looked into, nor deleted.
#[test]
fn what_is_filtered_is_left_alone() {
    let options = || {
        with(|options| {
            options.filter = Filter::default().exclude(Pattern::new("keep"));
            options.delete = Delete::AfterAll;
        })
    };
    let mut plan = Planner::download(b"/d", options(), now());
    let hands = Hands::default()
        .there("/d", &[directory("keep"), file("f", 1, 1)])
        .here(".", &[file("f", 1, 1), directory("s"), file("x", 1, 1)])
        .here("s", &[file("keep", 1, 1), file("y", 1, 1)])
        .run(&mut plan);
    assert_eq!(hands.did, ["delete x", "delete s/y"]);
    assert_eq!(
        told(&mut plan),
        [
            "skipped f Unchanged",
            "skipped keep Filtered",
            "deleted x",
            "skipped s/keep Filtered",
            "deleted s/y"
        ]
    );
    let mut plan = Planner::download(b"/d", options(), now());
    let hands = Hands::default()
        .there("/d", &[])
        .here(".", &[file("keep", 1, 1)])
        .run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
    assert_eq!(told(&mut plan), ["skipped keep Filtered"]);
    // An inclusion is for files: directories are looked into.
    let options_of_text = with(|options| {
        options.filter = Filter::default().include(Pattern::new("*.txt"));
        options.delete = Delete::AfterAll;
    });
    let mut plan = Planner::download(b"/d", options_of_text, now());
    let hands = Hands::default()
        .there("/d", &[])
        .here(
            ".",
            &[directory("old"), file("x.bin", 1, 1), file("y.txt", 1, 1)],
        )
        .here("old", &[file("a.txt", 1, 1), file("b.bin", 1, 1)])
        .run(&mut plan);
    assert_eq!(hands.did, ["delete y.txt", "delete old/a.txt"]);
    let mut plan = Planner::walk(b"/d", options(), now());
    let hands = Hands::default()
        .there("/d", &[directory("keep"), file("f", 1, 1)])
        .run(&mut plan);
    assert_eq!(hands.read, ["read /d"]);
    assert_eq!(told(&mut plan), ["entry f File", "skipped keep Filtered"]);
}

/// A listing that is not whole says of no name that it is not there.
#[test]
fn nothing_is_extraneous_where_the_source_is_not_known() {
    for (unread, did) in [(0, &["delete x"][..]), (1, &[])] {
        let mut plan = Planner::download(
            b"/d",
            with(|options| options.delete = Delete::AfterAll),
            now(),
        );
        let hands = Hands::default()
            .listed("/d", Listing::default().with_unread(unread))
            .here(".", &[file("x", 1, 1)])
            .run(&mut plan);
        assert_eq!(hands.did, did);
    }
    // What is not understood in the target is nobody's loss.
    let mut plan = Planner::upload(
        b"/d",
        with(|options| options.delete = Delete::AfterAll),
        now(),
    );
    let hands = Hands::default()
        .listed(
            "/d",
            Listing::new([file("x", 1, 1)].to_vec()).with_unread(1),
        )
        .here(".", &[])
        .run(&mut plan);
    assert_eq!(hands.did, ["delete /d/x"]);
    // Names of the source, whatever comes of them, and beginnings of its files are not extraneous.
    let source = [
        of_kind("dev", FoundKind::Other),
        file("nul", 1, 1),
        file("f", 10, 5),
    ];
    let (hands, _) = play(Side::Remote, Options::default(), &source);
    assert_eq!(hands.did[0], "copy /d/f PART");
    let mut plan = Planner::download(b"/d", Options::default(), now());
    super::both(&mut plan, &source, &[]);
    let part = super::copy(&mut plan)
        .local()
        .names()
        .next()
        .unwrap()
        .to_vec();
    let mut plan = Planner::download(
        b"/d",
        with(|options| options.delete = Delete::AfterAll),
        now(),
    );
    let hands = Hands::default()
        .there("/d", &source)
        .here(
            ".",
            &[
                file("dev", 1, 1),
                file("nul", 1, 1),
                Found::file(part, 4, Some(1)),
                file("ftp-0123456789abcdef.part", 1, 1),
            ],
        )
        .run(&mut plan);
    assert_eq!(
        hands.did,
        ["copy /d/f PART from 4", "name PART f of 5", "delete PART"]
    );
}

/// What a checker is to miss: with the rule repealed, a link of this side is gone through.
#[cfg(feature = "model")]
#[test]
fn without_the_rule_of_links_a_directory_goes_through_one() {
    use crate::rules::{Law, Rule};
    for (law, reads) in [(Law::default(), 2), (Law::without(Rule::NoLinks), 4)] {
        let mut plan = Planner::download(b"/d", Options::default(), now()).with_law(law);
        let hands = Hands::default()
            .there("/d", &[directory("s")])
            .there("/d/s", &[])
            .here(".", &[of_kind("s", FoundKind::Link)])
            .here("s", &[])
            .run(&mut plan);
        assert_eq!(hands.read.len(), reads);
    }
}
