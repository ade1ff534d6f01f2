//! Files that came whole: checked against the original, and given their names.

use alloc::string::String;
use alloc::vec::Vec;

use super::copying::{GET, PUT, begun, download, failed, refused, upload};
use super::hands::Comes::{Bytes, Differs, Size, Unclear};
use super::hands::{Comes, Hands};
use super::{books, both, copy, features, file, now, of_kind, order, told, with};
use crate::tree::{
    Again, Check, DigestRequest, Found, FoundKind, LocalTrouble, Next, Options, Order, Overwrite,
    Planner, Trouble,
};
use crate::wire::digest::HashAlgorithm;

/// What has grown since it was listed is asked about, and taken if the server says the same.
#[test]
fn another_size_than_listed_is_asked_about() {
    let check = "check /d/f PART";
    for (said, did) in [
        (&[Size(12)][..], &[GET, check, "name PART f of 5"][..]),
        (
            &[Size(13), Size(12)],
            &[GET, check, GET, check, "name PART f of 5"],
        ),
        (
            &[Size(13), Size(13)],
            &[GET, check, GET, check, "delete PART"],
        ),
        // It does not say: then it is not what was listed.
        (
            &[refused(502), refused(502)],
            &[GET, check, GET, check, "delete PART"],
        ),
        (
            &[failed(Trouble::Unreadable), Size(12)],
            &[GET, check, GET, check, "name PART f of 5"],
        ),
    ] {
        let (mut plan, hands) = download(Options::default());
        let hands = hands
            .when(GET, &[Bytes(12), Bytes(12)][..said.len()])
            .when(check, said)
            .run(&mut plan);
        assert_eq!(hands.did, did);
        let complete = !did.contains(&"delete PART");
        assert_eq!(plan.summary().is_complete(), complete);
        if !complete {
            assert_eq!(told(&mut plan), ["failed f: not the same as on the server"]);
            assert_eq!(books(&plan), "1 directories, 1 entries, 24 bytes, 1 failed");
        }
    }
    // A local file that has changed is read again.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands.when(PUT, &[Bytes(9)]).run(&mut plan);
    assert_eq!(hands.did, [PUT, PUT, "name /d/PART /d/f of 5"]);
    let (mut plan, hands) = upload(Options::default());
    let hands = hands.when(PUT, &[Bytes(9), Bytes(8)]).run(&mut plan);
    assert_eq!(hands.did, [PUT, PUT, "delete /d/PART"]);
    assert_eq!(told(&mut plan), ["failed f: not the same as on the server"]);
    // What could not be deleted is told by nobody: it is a file of ours.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .when(PUT, &[Bytes(9), Bytes(8)])
        .when("delete /d/PART", &[refused(550)])
        .run(&mut plan);
    assert_eq!((hands.did.len(), plan.summary().failed), (3, 1));
}

#[test]
fn sizes_are_compared_if_that_is_asked_for() {
    let by_size = || with(|options| options.check = Check::Size);
    let check = "check /d/f PART";
    let name = "name PART f of 5";
    for (said, did) in [
        (Size(10), &[GET, check, name][..]),
        (Size(11), &[GET, check, GET, check, name]),
        // A server without SIZE: the transfer was whole.
        (refused(502), &[GET, check, name]),
        (failed(Trouble::Unreadable), &[GET, check, name]),
    ] {
        let (mut plan, hands) = download(by_size());
        let hands = hands.when(check, &[said]).run(&mut plan);
        assert_eq!(hands.did, did);
    }
    let (mut plan, hands) = upload(by_size());
    let hands = hands.run(&mut plan);
    assert_eq!(
        hands.did,
        [PUT, "check /d/PART f", "name /d/PART /d/f of 5"]
    );
    // A check breaks with its session, and is made again.
    let (mut plan, hands) = download(by_size());
    let hands = hands
        .when(check, &[failed(Trouble::SessionOver)])
        .run(&mut plan);
    assert_eq!(hands.did, [GET, check, check, name]);
    let (mut plan, hands) = download(by_size());
    let hands = hands
        .when(check, &[failed(Trouble::SessionOver); 3])
        .run(&mut plan);
    assert_eq!(hands.did, [GET, check, check, check]);
    assert_eq!(told(&mut plan), ["failed f: the session broke"]);
    // Offers are for who wants a digest.
    let (mut plan, hands) = download(by_size());
    plan.greet(Some(&features(" XCRC\n")), None);
    let hands = hands.run(&mut plan);
    assert_eq!(hands.did, [GET, check, name]);
}

/// A digest decides; where there is none, or it cannot be read, the size does.
#[test]
fn a_file_is_compared_by_what_the_server_offers() {
    let [digest, size] = ["check /d/f PART by Crc32", "check /d/f PART"];
    let name = "name PART f of 5";
    let no = refused(504);
    for (offer, by_digest, by_size, did) in [
        (" XCRC\n", &[][..], &[][..], &[GET, digest, name][..]),
        (
            " XCRC\n",
            &[Differs],
            &[],
            &[GET, digest, GET, digest, name],
        ),
        (
            " XCRC\n",
            &[Differs, Differs],
            &[],
            &[GET, digest, GET, digest, "delete PART"],
        ),
        (" XCRC\n", &[Unclear], &[], &[GET, digest, size, name]),
        (" XCRC\n", &[no], &[], &[GET, digest, size, name]),
        (
            " XCRC\n",
            &[failed(Trouble::Unreadable)],
            &[no],
            &[GET, digest, size, name],
        ),
        (" SIZE\n", &[], &[], &[GET, size, name]),
        (" SIZE\n", &[], &[no], &[GET, size, name]),
    ] {
        let (mut plan, hands) = download(with(|options| options.check = Check::Digest));
        plan.greet(Some(&features(offer)), None);
        let hands = hands
            .when(digest, by_digest)
            .when(size, by_size)
            .run(&mut plan);
        assert_eq!(hands.did, did);
    }
    // What the server is asked, and what it answers.
    for (reply, next) in [
        ("250 0000ABCD", name),
        ("250 0000ABCE", GET),
        ("250 what?", size),
    ] {
        let (mut plan, _) = download(with(|options| options.check = Check::Digest));
        plan.greet(Some(&features(" XCRC\n")), None);
        both(&mut plan, &[file("f", 10, 5)], &[]);
        let order = copy(&mut plan);
        plan.report(order.copied(10));
        let Order::Check(check) = super::order(&mut plan) else {
            panic!("it is to be checked");
        };
        let asked = check.digest().unwrap();
        let line = DigestRequest::Command(b"XCRC /d/f".to_vec());
        assert_eq!(asked.request(check.remote()), line);
        let theirs = asked.read_reply(reply.as_bytes());
        plan.report(check.digest_is(theirs.as_deref(), &[0, 0, 0xab, 0xcd]));
        assert_eq!(super::hands::shown(&super::order(&mut plan)), next);
    }
}

/// Size and time may be the same where the bytes are not: who asks for digests is told.
#[test]
fn files_that_look_unchanged_are_compared_by_their_digests() {
    let by_digest = |overwrite| {
        with(|options| {
            options.check = Check::Digest;
            options.overwrite = overwrite;
        })
    };
    let compare = "check /d/f f by Sha256";
    let check = "check /d/f PART by Sha256";
    let offer = " HASH SHA-256*;MD5\n";
    let play = |options: Options, offer: &str, size: u64, comes: &[Comes]| {
        let (mut plan, hands) = download(options);
        plan.greet(Some(&features(offer)), None);
        let hands = hands
            .there("/d", &[file("f", size, 5)])
            .here(".", &[file("f", size, 5)])
            .when(compare, comes)
            .run(&mut plan);
        (hands.did, plan)
    };
    let (did, plan) = play(by_digest(Overwrite::Changed), offer, 10, &[]);
    assert_eq!(did, [compare]);
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 unchanged");
    let (did, plan) = play(by_digest(Overwrite::Changed), offer, 10, &[Differs]);
    assert_eq!(did, [compare, GET, check, "name PART f over it of 5"]);
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 copied, 10 bytes");
    // What cannot be told has not changed.
    for comes in [Unclear, refused(550), failed(Trouble::Unreadable)] {
        let (did, plan) = play(by_digest(Overwrite::Changed), offer, 10, &[comes]);
        assert_eq!(did, [compare]);
        assert_eq!(plan.summary().unchanged, 1);
    }
    let over = failed(Trouble::SessionOver);
    let (did, mut plan) = play(by_digest(Overwrite::Changed), offer, 10, &[over; 3]);
    assert_eq!(did, [compare; 3]);
    assert_eq!(told(&mut plan), ["failed f: the session broke"]);
    // Nobody asked for digests, or for files that are there to be looked at; the server has none; there is nothing in it.
    let by_size = with(|options| options.check = Check::Size);
    for (options, offer, size) in [
        (by_digest(Overwrite::SizeDiffers), offer, 10),
        (by_digest(Overwrite::Never), offer, 10),
        (by_digest(Overwrite::Changed), " SIZE\n", 10),
        (by_digest(Overwrite::Changed), offer, 0),
        (by_size, offer, 10),
        (Options::default(), offer, 10),
    ] {
        let (did, plan) = play(options, offer, size, &[]);
        assert_eq!(did, [""; 0]);
        assert_eq!(plan.summary().unchanged, 1);
    }
    // The best of the algorithms is the one in use.
    let (mut plan, hands) = download(by_digest(Overwrite::Changed));
    plan.greet(Some(&features(offer)), None);
    both(&mut plan, &[file("f", 10, 5)], &[file("f", 10, 5)]);
    drop(hands);
    let Order::Check(order) = order(&mut plan) else {
        panic!("it is to be compared");
    };
    let request = order.digest().unwrap().request(order.remote());
    assert_eq!(request, DigestRequest::Hash(HashAlgorithm::Sha256));
}

/// Who is stopped between giving a file its name and taking the other one away leaves both.
#[test]
fn what_is_left_of_a_file_that_is_there_is_removed() {
    let there = [file("f", 10, 5), begun(10)];
    let (mut plan, hands) = download(Options::default());
    let hands = hands.here(".", &there).run(&mut plan);
    assert_eq!(hands.did, ["delete PART"]);
    assert_eq!(books(&plan), "1 directories, 1 entries, 1 unchanged");
    for (comes, did) in [
        (&[][..], &["check /d/f f by Crc32", "delete PART"][..]),
        // The server cannot say: it may be gone on with some day.
        (&[refused(550)], &["check /d/f f by Crc32"]),
        (&[Unclear], &["check /d/f f by Crc32", "delete PART"]),
    ] {
        let (mut plan, hands) = download(with(|options| options.check = Check::Digest));
        plan.greet(Some(&features(" XCRC\n")), None);
        let hands = hands
            .here(".", &there)
            .when("check /d/f f by Crc32", comes)
            .run(&mut plan);
        assert_eq!(hands.did, did);
    }
    // Nothing was begun: nothing is removed.
    let (mut plan, hands) = download(with(|options| options.check = Check::Digest));
    plan.greet(Some(&features(" XCRC\n")), None);
    let hands = hands.here(".", &[file("f", 10, 5)]).run(&mut plan);
    assert_eq!(hands.did, ["check /d/f f by Crc32"]);
    // In a dry run nothing is.
    let (mut plan, hands) = download(with(|options| options.dry_run = true));
    let hands = hands.here(".", &there).run(&mut plan);
    assert_eq!(hands.did, [""; 0]);
}

/// A server that ends the session whenever a time is set gets the files all the same.
#[test]
fn a_server_that_breaks_where_times_are_set_gets_none() {
    let files = |count: i64| -> Vec<Found> {
        let numbers = 0..count;
        numbers
            .map(|n| Found::file(alloc::format!("{n}"), 1, Some(n)))
            .collect()
    };
    // How often it breaks where a time is to be set: each time, or but for the third file.
    let play = |offer: &str, breaks: &dyn Fn(usize) -> bool| {
        let mut plan = Planner::upload(b"/d", Options::default(), now());
        plan.greet(Some(&features(offer)), None);
        both(&mut plan, &[], &files(8));
        let (mut set, mut broken) = (0, 0);
        loop {
            match plan.next() {
                Next::Order(Order::Copy(copy)) => plan.report(copy.copied(1)),
                Next::Order(Order::Publish(publish)) => {
                    let has_time = publish.time().is_some();
                    set += usize::from(has_time);
                    if has_time && breaks(set) {
                        broken += 1;
                        plan.report(publish.failed(Trouble::SessionOver));
                        assert!(matches!(plan.lost(Trouble::SessionOver), Again::After(_)));
                    } else {
                        plan.report(publish.published(has_time));
                    }
                }
                Next::Over => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(plan.summary().is_complete());
        (set, broken, plan.summary().times_lost)
    };
    assert_eq!(play(" MFMT\n", &|_| true), (3, 3, 8));
    // In between it works: then it was something else.
    assert_eq!(play(" MFMT\n", &|set| set != 3), (6, 5, 7));
    assert_eq!(play(" SIZE\n", &|_| true), (0, 0, 8));
}

/// A session that breaks as a name is given may have given it: whether it did shows in a name that is refused now.
#[test]
fn a_name_that_may_have_been_given_is_looked_at() {
    let [timed, name] = ["name /d/PART /d/f of 5", "name /d/PART /d/f"];
    let confirm = "check /d/f f";
    let over = failed(Trouble::SessionOver);
    let (mut plan, hands) = upload(Options::default());
    let hands = hands
        .when(timed, &[over])
        .when(name, &[refused(550)])
        .run(&mut plan);
    assert_eq!(hands.did, [PUT, timed, name, confirm]);
    assert_eq!(
        books(&plan),
        "1 directories, 1 entries, 1 copied, 10 bytes, 1 times lost"
    );
    for comes in [Size(9), Size(11)] {
        let (mut plan, hands) = upload(Options::default());
        let hands = hands
            .when(timed, &[over])
            .when(name, &[refused(550)])
            .when(confirm, &[comes])
            .run(&mut plan);
        assert_eq!(hands.did.len(), 4);
        assert_eq!(told(&mut plan), ["failed f: not the same as on the server"]);
    }
    let (mut plan, hands) = upload(Options::default());
    let _ = hands
        .when(timed, &[over])
        .when(name, &[refused(550)])
        .when(confirm, &[refused(550)])
        .run(&mut plan);
    assert_eq!(told(&mut plan), ["failed f: refused by the server (550)"]);
    // A digest is for what was just sent, not for this.
    let (mut plan, hands) = upload(with(|options| options.check = Check::Digest));
    plan.greet(Some(&features(" MFMT\n XCRC\n")), None);
    let hands = hands
        .when(timed, &[over])
        .when(name, &[refused(550)])
        .run(&mut plan);
    assert_eq!(
        hands.did[1..],
        ["check /d/PART f by Crc32", timed, name, confirm]
    );
    // The first time it is refused it is refused.
    let (mut plan, hands) = upload(Options::default());
    let hands = hands.when(timed, &[refused(553)]).run(&mut plan);
    assert_eq!(hands.did, [PUT, timed]);
    assert_eq!(told(&mut plan), ["failed f: refused by the server (553)"]);
    // Without a time to be set nothing else changes.
    let (mut plan, hands) = upload(Options::default());
    plan.greet(Some(&features(" SIZE\n")), None);
    let hands = hands.when(name, &[over]).run(&mut plan);
    assert_eq!(hands.did, [PUT, name, name]);
    assert!(plan.summary().is_complete());
}

/// A break where no time is set says nothing about times.
#[test]
fn breaks_count_only_where_times_are_set() {
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    plan.greet(Some(&features(" SIZE\n")), None);
    let hands = Hands::default()
        .here(".", &[file("a", 1, 1), file("b", 1, 2)])
        .there("/d", &[])
        .when("name /d/PART /d/a", &[failed(Trouble::SessionOver)])
        .run(&mut plan);
    assert_eq!(
        hands.did.last().map(String::as_str),
        Some("name /d/PART /d/b")
    );
}

/// What stands in the way on this side is told as that, whenever it came there.
#[test]
fn what_is_in_the_way_is_not_replaced() {
    let name = "name PART f of 5";
    for (trouble, told_of) in [
        (
            LocalTrouble::Exists,
            "failed f: something else of this name is in the way",
        ),
        (LocalTrouble::Denied, "failed f: permission denied"),
    ] {
        let (mut plan, hands) = download(Options::default());
        let hands = hands
            .when(name, &[failed(Trouble::Local(trouble))])
            .run(&mut plan);
        assert_eq!(hands.did, [GET, name]);
        assert_eq!(told(&mut plan), [told_of]);
    }
    for kind in [FoundKind::Directory, FoundKind::Link, FoundKind::Other] {
        let (mut plan, hands) = download(Options::default());
        let hands = hands.here(".", &[of_kind("f", kind)]).run(&mut plan);
        assert_eq!(hands.did, [""; 0]);
        assert_eq!(
            told(&mut plan),
            ["failed f: something else of this name is in the way"]
        );
    }
}
