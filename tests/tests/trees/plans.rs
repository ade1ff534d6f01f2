//! Plans step by step: what is asked of a server that can do less, and what comes of it.

use ftp_proto::Features;
use ftp_proto::tree::{
    Again, Check, DigestRequest, Event, Found, FoundKind, How, Listing, LocalPath, LocalTrouble,
    Next, Options, Order, Overwrite, Place, Planner, ReadOrder, Reason, Trouble, is_unfinished,
};
use ftp_proto::wire::date::Timestamp;
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::wire::features::FeatureSet;

fn now() -> Timestamp {
    Timestamp::new(2026, 7, 14, 12, 0, 0).unwrap()
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

fn walk(root: &str) -> Planner {
    Planner::walk(root.as_bytes(), Options::default(), now())
}

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
            let there = Timestamp::parse(b"20260714093000").unwrap();
            let found = |name: &str| Found::file(name, 3, Some(there.to_unix_seconds()));
            plan.report(order.listed(Listing::new(vec![found("a"), found("b")])));
        }
    }
    let Order::Ask(ask) = order(&mut plan) else {
        panic!("the zone is needed");
    };
    assert_eq!(ask.path(), b"/d/a");
    plan.report(ask.changed(Timestamp::parse(b"20260714093012").unwrap()));
    while let Next::Order(order) = plan.next() {
        files.push(order);
    }
    // In its zone `a` is of the same minute.
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(plan.summary().unchanged, 2);
}

fn copies(plan: &mut Planner) {
    let source = Listing::new(vec![Found::file("f", 10, Some(1_000_000))]);
    for _ in 0..2 {
        let order = read(plan);
        let listing = match order.place() {
            Place::Remote(_) => source.clone(),
            Place::Local(_) => Listing::default(),
        };
        plan.report(order.listed(listing));
    }
}

#[test]
fn a_restart_that_is_refused_begins_anew() {
    let mut plan = Planner::download(b"/d", Options::default(), now());
    copies(&mut plan);
    let Order::Copy(copy) = order(&mut plan) else {
        panic!()
    };
    plan.report(copy.failed(4, Trouble::SessionOver));
    assert_eq!(plan.lost(Trouble::SessionOver), Again::After(200));
    let Order::Copy(copy) = order(&mut plan) else {
        panic!()
    };
    assert_eq!(copy.offset(), 4);
    plan.report(copy.failed(0, Trouble::Refused(502)));
    let Order::Copy(copy) = order(&mut plan) else {
        panic!()
    };
    assert_eq!(copy.offset(), 0);
    plan.report(copy.copied(10));
    let Order::Publish(publish) = order(&mut plan) else {
        panic!()
    };
    assert!(!publish.replaces() && publish.time().is_some());
    plan.report(publish.published(true));
    assert!(matches!(plan.next(), Next::Over));
    assert!(plan.summary().is_complete());
    assert_eq!((plan.summary().copied, plan.summary().bytes), (1, 14));
}

/// What has grown since it was listed is asked about, and taken if the server says the same.
#[test]
fn another_size_than_listed_is_asked_about() {
    for (said, complete) in [(12, true), (13, false)] {
        let mut plan = Planner::download(b"/d", Options::default(), now());
        copies(&mut plan);
        let mut copied = 0;
        loop {
            match plan.next() {
                Next::Order(Order::Copy(copy)) => {
                    copied += 1;
                    plan.report(copy.copied(12));
                }
                Next::Order(Order::Check(check)) => plan.report(check.size_is(said)),
                Next::Order(Order::Publish(publish)) => plan.report(publish.published(true)),
                Next::Order(Order::Remove(remove)) => {
                    assert!(!complete, "only what is of no use");
                    plan.report(remove.removed());
                }
                Next::Order(other) => panic!("{other:?}"),
                Next::Wait => panic!("nothing is outstanding"),
                Next::Over => break,
            }
        }
        assert_eq!(plan.summary().is_complete(), complete);
        assert_eq!(copied, if complete { 1 } else { 2 });
    }
}

#[test]
fn a_full_disk_ends_it_and_what_is_left_is_counted() {
    let mut plan = Planner::download(b"/d", Options::default(), now());
    let names = ["a", "b", "c", "d"];
    let source: Vec<_> = names
        .iter()
        .map(|name| Found::file(*name, 1, None))
        .collect();
    for _ in 0..2 {
        let order = read(&mut plan);
        let listing = match order.place() {
            Place::Remote(_) => Listing::new(source.clone()),
            Place::Local(_) => Listing::default(),
        };
        plan.report(order.listed(listing));
    }
    let Order::Copy(copy) = order(&mut plan) else {
        panic!()
    };
    plan.report(copy.failed(0, Trouble::Local(LocalTrouble::Full)));
    assert!(matches!(plan.next(), Next::Over));
    let summary = plan.summary();
    assert_eq!((summary.failed, summary.not_reached), (1, 3));
}

#[test]
fn no_session_to_be_had_ends_it() {
    let mut plan = walk("/d");
    assert_eq!(plan.lost(Trouble::NoSession), Again::Never);
    assert!(matches!(plan.next(), Next::Over));
    assert_eq!(plan.summary().not_reached, 1);
    // A network that is down is waited for, and not for ever.
    let mut plan = walk("/d");
    let mut waits = 0;
    while plan.lost(Trouble::SessionOver) != Again::Never {
        waits += 1;
        assert!(waits < 100);
    }
    assert_eq!(waits, 8);
    assert!(matches!(plan.next(), Next::Over));
}

#[test]
fn names_that_fall_together_are_told() {
    let mut options = Options::default();
    options.fold_case = true;
    let mut plan = Planner::download(b"/d", options, now());
    for _ in 0..2 {
        let order = read(&mut plan);
        let listing = match order.place() {
            Place::Remote(_) => Listing::new(vec![
                Found::file("A", 1, None),
                Found::file("a", 1, None),
                Found::file("nul", 1, None),
                Found::new("l", FoundKind::Link),
                Found::new("l", FoundKind::Directory),
            ]),
            Place::Local(_) => Listing::default(),
        };
        plan.report(order.listed(listing));
    }
    let mut why = Vec::new();
    while let Some(event) = plan.event() {
        if let Event::Failed(failed) = event {
            why.push((failed.path, failed.why));
        }
    }
    assert_eq!(
        why,
        [
            (b"a".to_vec(), Reason::SameButForCase),
            (b"l".to_vec(), Reason::Ambiguous),
            (b"l".to_vec(), Reason::Ambiguous),
            (
                b"nul".to_vec(),
                Reason::UnsafeName(ftp_proto::listing::UnsafeName::Device)
            ),
        ]
    );
}

/// A digest decides; where there is none, or it cannot be read, the size does.
#[test]
fn a_file_is_compared_by_what_the_server_offers() {
    let features = |lines: &str| {
        let text = format!("Features:\n{lines}End").into_bytes();
        Features {
            known: FeatureSet::read(&text),
            text,
        }
    };
    for (offer, reply, complete, sizes) in [
        (" XCRC\n", "250 0000ABCD", true, 0),
        (" XCRC\n", "250 0000ABCE", false, 0),
        (" XCRC\n", "250 what?", true, 1),
        (" SIZE\n", "", true, 1),
    ] {
        let mut options = Options::default();
        options.check = Check::Digest;
        let mut plan = Planner::download(b"/d", options, now());
        plan.greet(Some(&features(offer)), None);
        copies(&mut plan);
        let mut sized = 0;
        loop {
            match plan.next() {
                Next::Order(Order::Copy(copy)) => plan.report(copy.copied(10)),
                Next::Order(Order::Check(check)) => match check.digest() {
                    Some(digest) => {
                        let line = DigestRequest::Command(b"XCRC /d/f".to_vec());
                        assert_eq!(digest.request(check.remote()), line);
                        let theirs = digest.read_reply(reply.as_bytes());
                        plan.report(check.digest_is(theirs.as_deref(), &[0, 0, 0xab, 0xcd]));
                    }
                    None => {
                        sized += 1;
                        plan.report(check.size_is(10));
                    }
                },
                Next::Order(Order::Publish(publish)) => plan.report(publish.published(true)),
                Next::Order(Order::Remove(remove)) => plan.report(remove.removed()),
                Next::Order(other) => panic!("{other:?}"),
                Next::Wait => panic!("nothing is outstanding"),
                Next::Over => break,
            }
        }
        assert_eq!(
            (plan.summary().is_complete(), sized),
            (complete, sizes),
            "{offer}{reply}"
        );
    }
}

/// A server that ends the session whenever a time is set gets the files all the same.
#[test]
fn a_server_that_breaks_where_times_are_set_gets_none() {
    let mut plan = Planner::upload(b"/d", Options::default(), now());
    let text = b"Features:\n MFMT\nEnd".to_vec();
    plan.greet(
        Some(&Features {
            known: FeatureSet::read(&text),
            text,
        }),
        None,
    );
    let files = (0..6).map(|n| Found::file(format!("{n}"), 1, Some(n)));
    let source = Listing::new(files.collect());
    let mut breaks = 0;
    loop {
        match plan.next() {
            Next::Order(Order::Read(order)) => {
                let listing = match order.place() {
                    Place::Local(_) => source.clone(),
                    Place::Remote(_) => Listing::default(),
                };
                plan.report(order.listed(listing));
            }
            Next::Order(Order::Copy(copy)) => plan.report(copy.copied(1)),
            Next::Order(Order::Publish(publish)) if publish.time().is_some() => {
                breaks += 1;
                plan.report(publish.failed(Trouble::SessionOver));
                assert!(matches!(plan.lost(Trouble::SessionOver), Again::After(_)));
            }
            Next::Order(Order::Publish(publish)) => plan.report(publish.published(false)),
            Next::Order(other) => panic!("{other:?}"),
            Next::Wait => panic!("nothing is outstanding"),
            Next::Over => break,
        }
    }
    assert_eq!(breaks, 3);
    assert!(plan.summary().is_complete());
    assert_eq!((plan.summary().copied, plan.summary().times_lost), (6, 6));
}

/// A plan for one directory of the server, with these answers, to its end: what was compared, copied and deleted here.
fn one_file(options: Options, here: Vec<Found>, agree: &[bool]) -> (Vec<String>, Planner) {
    let mut plan = Planner::download(b"/d", options, now());
    let text = b"Features:\n HASH SHA-256*;MD5\nEnd".to_vec();
    let known = FeatureSet::read(&text);
    plan.greet(Some(&Features { known, text }), None);
    let (mut did, mut agree) = (Vec::new(), agree.iter());
    loop {
        let order = match plan.next() {
            Next::Order(order) => order,
            Next::Wait => panic!("nothing is outstanding"),
            Next::Over => return (did, plan),
        };
        let name = |path: &LocalPath| String::from_utf8(path.names().next().unwrap().to_vec());
        let report = match order {
            Order::Read(order) => {
                let entries = match order.place() {
                    Place::Remote(_) => vec![Found::file("f", 10, Some(1))],
                    Place::Local(_) => here.clone(),
                };
                order.listed(Listing::new(entries))
            }
            Order::Check(order) => {
                let digest = order.digest().unwrap();
                let request = DigestRequest::Hash(HashAlgorithm::Sha256);
                assert_eq!(digest.request(order.remote()), request);
                did.push(format!("compare {}", name(order.local()).unwrap()));
                let ours = [u8::from(!agree.next().unwrap())];
                order.digest_is(Some(&[0]), &ours)
            }
            Order::Copy(order) => {
                did.push(format!("copy {}", name(order.local()).unwrap()));
                let bytes = 10 - order.offset();
                order.copied(bytes)
            }
            Order::Publish(order) => order.published(true),
            Order::Remove(order) => {
                let Place::Local(path) = order.place() else {
                    panic!("{order:?}");
                };
                did.push(format!("remove {}", name(path).unwrap()));
                order.removed()
            }
            other => panic!("{other:?}"),
        };
        plan.report(report);
    }
}

/// Size and time may be the same where the bytes are not: who asks for digests is told.
#[test]
fn files_that_look_unchanged_are_compared_by_their_digests() {
    let mut options = Options::default();
    options.check = Check::Digest;
    let same = || vec![Found::file("f", 10, Some(1))];
    let (did, plan) = one_file(options.clone(), same(), &[true]);
    assert_eq!(did, ["compare f"]);
    assert_eq!((plan.summary().unchanged, plan.summary().copied), (1, 0));

    let (did, plan) = one_file(options.clone(), same(), &[false, true]);
    let [first, copy, check] = did.as_slice() else {
        panic!("{did:?}");
    };
    let part = copy.strip_prefix("copy ").unwrap();
    assert!(is_unfinished(part.as_bytes()), "{part}");
    assert_eq!(
        (first.as_str(), check.as_str()),
        ("compare f", &*format!("compare {part}"))
    );
    assert_eq!((plan.summary().unchanged, plan.summary().copied), (0, 1));
    assert!(plan.summary().is_complete());

    // Nobody asked for digests, or for files that are there to be looked at.
    options.overwrite = Overwrite::SizeDiffers;
    assert_eq!(one_file(options, same(), &[]).0, Vec::<String>::new());
    assert_eq!(
        one_file(Options::default(), same(), &[]).0,
        Vec::<String>::new()
    );
}

/// Who is stopped between giving a file its name and taking the other one away leaves both.
#[test]
fn what_is_left_of_a_file_that_is_there_is_removed() {
    let (did, _) = one_file(Options::default(), Vec::new(), &[]);
    let part = did
        .first()
        .and_then(|copy| copy.strip_prefix("copy "))
        .unwrap()
        .to_owned();
    let both = || {
        vec![
            Found::file("f", 10, Some(1)),
            Found::file(part.as_str(), 10, Some(1)),
        ]
    };
    let (did, plan) = one_file(Options::default(), both(), &[]);
    assert_eq!(did, [format!("remove {part}")]);
    assert_eq!((plan.summary().unchanged, plan.summary().deleted), (1, 0));
    let mut options = Options::default();
    options.check = Check::Digest;
    let (did, _) = one_file(options.clone(), both(), &[true]);
    assert_eq!(did, ["compare f".to_owned(), format!("remove {part}")]);
    // In a dry run nothing is.
    options.check = Check::Transfer;
    options.dry_run = true;
    assert_eq!(one_file(options, both(), &[]).0, Vec::<String>::new());
}
