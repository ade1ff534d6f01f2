//! Random trees, random trouble: what must be there is, what must not happen does not; and each rule repealed is caught.

use std::collections::BTreeMap;

use ftp_proto::rules::{Law, Rule};
use ftp_proto::tree::{
    Delete, Filter, FoundKind, Links, Options, Overwrite, Pattern, Planner, is_unfinished,
};
use ftp_proto::wire::date::Timestamp;
use ftp_proto_tests::pair::Dice;

use super::world::{ROOT, Thing, Things, World, file, name_of};

const NAMES: [&str; 8] = ["a", "b", "B", "c.txt", "d", "keep", "x y", "-e"];

fn now() -> Timestamp {
    Timestamp::new(2026, 7, 14, 12, 0, 0).unwrap()
}

/// Cases of each property; `TREES_CASES` for more.
fn cases() -> u64 {
    std::env::var("TREES_CASES").map_or(1000, |cases| cases.parse().unwrap())
}

fn random_tree(dice: &mut Dice) -> Things {
    let mut things = Things::new();
    let mut directories = vec![Vec::new()];
    for _ in 0..dice.roll(24) {
        let mut path: Vec<u8> = dice.pick(&directories);
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(dice.pick(&NAMES).as_bytes());
        if things.contains_key(&path) {
            continue;
        }
        let thing = match dice.roll(10) {
            0..=2 => Thing::Directory,
            3 => Thing::Link,
            4 => Thing::Device,
            _ => file(
                &"0123456789".repeat(dice.roll(4) + 1)[dice.roll(9)..],
                1_000_000 + dice.roll(3) as i64,
            ),
        };
        if thing == Thing::Directory {
            directories.push(path.clone());
        }
        things.insert(path, thing);
    }
    things
}

fn options(dice: &mut Dice) -> Options {
    let mut options = Options::default();
    if dice.roll(3) == 0 {
        options.filter = options.filter.exclude(Pattern::new("keep"));
    }
    if dice.roll(5) == 0 {
        options.filter = options.filter.include(Pattern::new("*.txt"));
    }
    options.overwrite = dice.pick(&[
        Overwrite::Changed,
        Overwrite::Changed,
        Overwrite::Always,
        Overwrite::Newer,
        Overwrite::Never,
        Overwrite::SizeDiffers,
    ]);
    options.delete = dice.pick(&[Delete::Never, Delete::AfterSuccess, Delete::AfterAll]);
    options.resume = dice.roll(4) > 0;
    options
}

fn plan(download: bool, options: &Options) -> Planner {
    if download {
        Planner::download(ROOT, options.clone(), now())
    } else {
        Planner::upload(ROOT, options.clone(), now())
    }
}

/// What a mirror has to come to without trouble, worked out in the simplest way there is.
fn expected(source: &Things, target: &Things, options: &Options) -> Things {
    let taken = |path: &[u8], thing: &Thing, filter: &Filter| {
        let mut upper = path;
        if !filter.takes(path, *thing == Thing::Directory) {
            return false;
        }
        while let Some(at) = upper.iter().rposition(|byte| *byte == b'/') {
            upper = &upper[..at];
            if !filter.takes(upper, true) {
                return false;
            }
        }
        true
    };
    let mut blocked: Vec<Vec<u8>> = Vec::new();
    let below = |path: &[u8], all: &[Vec<u8>]| {
        all.iter()
            .any(|one| path.starts_with(&[one.as_slice(), b"/"].concat()))
    };
    let mut result = target.clone();
    let mut succeeded = true;
    for (path, thing) in source {
        if !taken(path, thing, &options.filter) || below(path, &blocked) {
            continue;
        }
        match (thing, target.get(path)) {
            (Thing::Directory, None | Some(Thing::Directory)) => {
                result.insert(path.clone(), Thing::Directory);
            }
            (Thing::Directory, Some(_)) => {
                succeeded = false;
                blocked.push(path.clone());
            }
            (Thing::File { .. }, None) => {
                result.insert(path.clone(), thing.clone());
            }
            (
                Thing::File { data, seconds },
                Some(Thing::File {
                    data: before,
                    seconds: then,
                }),
            ) => {
                let differs = data.len() != before.len();
                let replaces = match options.overwrite {
                    Overwrite::Always => true,
                    Overwrite::Never => false,
                    Overwrite::Newer => seconds > then,
                    Overwrite::SizeDiffers => differs,
                    Overwrite::Changed => differs || seconds > then,
                };
                if replaces {
                    result.insert(path.clone(), thing.clone());
                }
            }
            (Thing::File { .. }, Some(_)) => succeeded = false,
            _ => {}
        }
    }
    // With an inclusion directories are made for files only.
    if !options.filter.takes(b"no such name", false) {
        let made: Vec<Vec<u8>> = result
            .keys()
            .filter(|path| !target.contains_key(*path))
            .cloned()
            .collect();
        for path in made.iter().rev() {
            let inner = [path.as_slice(), b"/"].concat();
            let is_empty = !result.keys().any(|key| key.starts_with(&inner));
            if result[path] == Thing::Directory && is_empty {
                result.remove(path);
            }
        }
    }
    let deletes = match options.delete {
        Delete::Never => false,
        Delete::AfterSuccess => succeeded,
        Delete::AfterAll => true,
    };
    if deletes {
        let extraneous: Vec<Vec<u8>> = target
            .iter()
            .filter(|(path, thing)| {
                !source.contains_key(*path)
                    && taken(path, thing, &options.filter)
                    // Only in directories that the source has too, or that are extraneous themselves.
                    && below_common(path, source, target)
            })
            .map(|(path, _)| path.clone())
            .collect();
        for path in extraneous.iter().rev() {
            let inner = [path.as_slice(), b"/"].concat();
            if !result.keys().any(|key| key.starts_with(&inner)) {
                result.remove(path);
            }
        }
    }
    result
}

fn below_common(path: &[u8], source: &Things, target: &Things) -> bool {
    let mut upper = path;
    while let Some(at) = upper.iter().rposition(|byte| *byte == b'/') {
        upper = &upper[..at];
        match (source.get(upper), target.get(upper)) {
            (None | Some(Thing::Directory), Some(Thing::Directory)) => {}
            _ => return false,
        }
    }
    true
}

fn without_unfinished(things: &Things) -> Things {
    things
        .iter()
        .filter(|(path, _)| !is_unfinished(name_of(path)))
        .map(|(path, thing)| (path.clone(), thing.clone()))
        .collect()
}

fn sides(seed: u64) -> (World, Options) {
    let mut dice = Dice::new(seed);
    let mut world = World::new(random_tree(&mut dice), random_tree(&mut dice), seed);
    world.download = dice.roll(2) == 0;
    let options = options(&mut dice);
    (world, options)
}

fn target(world: &World) -> &Things {
    if world.download {
        &world.local
    } else {
        &world.remote
    }
}

#[test]
fn without_trouble_the_trees_are_as_they_have_to_be() {
    for seed in 0..cases() {
        let (mut world, options) = sides(seed);
        let (source, before) = if world.download {
            (world.remote.clone(), world.local.clone())
        } else {
            (world.local.clone(), world.remote.clone())
        };
        let mut plan = plan(world.download, &options);
        world.run(&mut plan, &options);
        assert!(
            world.violations.is_empty(),
            "{seed}: {:?}",
            world.violations
        );
        let wanted = expected(&source, &before, &options);
        assert_eq!(show(target(&world)), show(&wanted), "{seed}: {options:?}");
        let same = if world.download {
            &world.remote
        } else {
            &world.local
        };
        assert_eq!(same, &source, "{seed}: the source is left as it was");
        // A second time there is nothing to do, but for what is copied whatever it is.
        if options.overwrite != Overwrite::Always && plan.summary().failed == 0 {
            let mut again = super::model::plan(world.download, &options);
            world.changes = 0;
            world.run(&mut again, &options);
            assert_eq!(world.changes, 0, "{seed}");
        }
    }
}

fn show(things: &Things) -> BTreeMap<String, String> {
    let shown = |thing: &Thing| match thing {
        Thing::File { data, seconds } => format!("{} at {seconds}", data.escape_ascii()),
        other => format!("{other:?}"),
    };
    things
        .iter()
        .map(|(path, thing)| (path.escape_ascii().to_string(), shown(thing)))
        .collect()
}

/// With trouble of every kind: nothing forbidden happens, the summary is true, and a later run without trouble gets everything done.
#[test]
fn with_trouble_nothing_forbidden_happens_and_later_all_is_done() {
    let (mut resumed, mut failed) = (0, 0);
    for seed in 0..cases() {
        let (mut world, options) = sides(seed);
        let (source, before) = if world.download {
            (world.remote.clone(), world.local.clone())
        } else {
            (world.local.clone(), world.remote.clone())
        };
        world.trouble = 2 + world.dice.roll(12);
        world.unread = 6;
        world.lies = 6;
        for _ in 0..3 {
            let mut plan = plan(world.download, &options);
            world.run(&mut plan, &options);
            assert!(
                world.violations.is_empty(),
                "{seed}: {:?}",
                world.violations
            );
            resumed += plan.summary().resumed;
            failed += plan.summary().failed;
            account(&plan, seed);
        }
        (world.trouble, world.unread, world.lies) = (0, 0, 0);
        let mut plan = plan(world.download, &options);
        world.run(&mut plan, &options);
        assert!(
            world.violations.is_empty(),
            "{seed}: {:?}",
            world.violations
        );
        // Whole files may have been deleted or copied on the way, and are then as in one run.
        let wanted = expected(&source, &before, &options);
        let got = without_unfinished(target(&world));
        if options.delete != Delete::AfterSuccess {
            // Where a session broke as a time was to be set, the file is there without it.
            assert_eq!(untimed(&got), untimed(&wanted), "{seed}: {options:?}");
        }
    }
    assert!(resumed > 100 && failed > 100, "{resumed} {failed}");
}

fn untimed(things: &Things) -> BTreeMap<String, String> {
    let cut = |shown: String| shown.split(" at ").next().map(ToOwned::to_owned);
    let all = show(things).into_iter();
    all.filter_map(|(path, shown)| Some((path, cut(shown)?)))
        .collect()
}

/// Each entry that was met is in one of the books.
fn account(plan: &Planner, seed: u64) {
    let books = plan.summary();
    let settled = books.copied + books.unchanged + books.skipped + books.failed + books.not_reached;
    assert!(
        settled + books.directories + books.made >= books.entries,
        "{seed}: {books:?}"
    );
    assert_eq!(
        books.failures.len() as u64,
        books.failed.min(1000),
        "{seed}"
    );
}

#[test]
fn trees_are_deleted_whole_or_as_far_as_they_may_be() {
    for seed in 0..cases() {
        let (mut world, options) = sides(seed);
        world.download = false;
        world.local = Things::new();
        let mut options = options;
        options.delete = Delete::Never;
        let trouble = seed % 2 == 0;
        world.trouble = if trouble { 5 } else { 0 };
        let mut plan = Planner::remove(ROOT, options.clone(), now());
        world.run(&mut plan, &options);
        assert!(
            world.violations.is_empty(),
            "{seed}: {:?}",
            world.violations
        );
        let deleted = plan.summary().deleted;
        assert_eq!(deleted, world.deleted.len() as u64, "{seed}");
        if !trouble {
            options.delete = Delete::AfterAll;
            let left = expected(&Things::new(), &sides(seed).0.remote, &options);
            assert_eq!(show(&world.remote), show(&left), "{seed}");
        }
    }
}

#[test]
fn a_walk_tells_everything_once() {
    for seed in 0..cases() {
        let (mut world, _) = sides(seed);
        let options = Options::default();
        let mut plan = Planner::walk(ROOT, options.clone(), now());
        let remote = world.remote.clone();
        world.run(&mut plan, &options);
        assert!(
            world.violations.is_empty(),
            "{seed}: {:?}",
            world.violations
        );
        assert_eq!(plan.summary().entries, remote.len() as u64, "{seed}");
        assert_eq!(world.changes, 0);
    }
}

/// Seeds after which a mutant counts as missed.
const SEARCH: u64 = 1000;

/// Each rule repealed leads to a violation, and the same worlds show none under the whole law.
#[test]
fn every_rule_that_is_repealed_is_missed() {
    for rule in Rule::TREE {
        let caught = (0..SEARCH).find(|seed| {
            let sound = trial(*rule, None, *seed);
            assert!(sound.is_empty(), "{rule:?} {seed}: {sound:?}");
            !trial(*rule, Some(*rule), *seed).is_empty()
        });
        let Some(seed) = caught else {
            panic!("{rule:?} is not missed");
        };
        let shown = trial(*rule, Some(*rule), seed);
        println!("{rule:?}: seed {seed}: {}", shown[0]);
    }
    println!("{} rules, all missed", Rule::TREE.len());
}

/// A world in which a rule matters.
fn trial(rule: Rule, repealed: Option<Rule>, seed: u64) -> Vec<String> {
    let (mut world, mut options) = sides(seed);
    options.filter = Filter::default();
    let law = repealed.map_or_else(Law::default, Law::without);
    let mut rounds = 1;
    match rule {
        Rule::PlainNames => {
            world.download = true;
            let name: &[u8] = world.dice.pick(&[&b"../x"[..], b"..", b"/etc/x", b"..\\x"]);
            world.extra = vec![(name.to_vec(), FoundKind::Directory)];
        }
        Rule::NoLinks => {
            world.download = true;
            options.links = Links::Skip;
        }
        Rule::OneOfAName => {
            world.download = true;
            world.remote.insert(b"twice".to_vec(), Thing::Directory);
            world.remote.insert(b"twice/in".to_vec(), file("x", 1));
            world.extra = vec![(b"twice".to_vec(), FoundKind::Link)];
            world.local.remove(&b"twice"[..]);
        }
        Rule::NoCircles | Rule::BoundedDepth => {
            world.download = true;
            options.bounds.depth = 8;
            world.remote = Things::from([
                (
                    b"round".to_vec(),
                    Thing::Circle {
                        told: rule == Rule::NoCircles,
                    },
                ),
                (b"z".to_vec(), file("z", 1)),
            ]);
            world.local = Things::new();
        }
        Rule::BoundedAttempts => {
            world.download = true;
            let files = world.remote.iter();
            world.cursed = files
                .filter(|(_, thing)| matches!(thing, Thing::File { .. }))
                .map(|(path, _)| path.clone())
                .next();
        }
        Rule::ResumeSame => {
            options.overwrite = Overwrite::Always;
            options.resume = true;
            world.trouble = 3;
            rounds = 3;
        }
        Rule::PublishWhole => world.lies = 3,
        Rule::DeleteLast => {
            options.delete = Delete::AfterSuccess;
            world.trouble = 5;
        }
        Rule::DeleteKnown => {
            options.delete = Delete::AfterAll;
            world.unread = 2;
        }
        Rule::SpareFiltered => {
            options.delete = Delete::AfterAll;
            options.filter = Filter::default().exclude(Pattern::new("keep"));
        }
        Rule::ContentsFirst => options.delete = Delete::AfterAll,
        Rule::DryRun => options.dry_run = true,
        other => panic!("no world for {other:?}"),
    }
    for round in 0..rounds {
        let mut plan = plan(world.download, &options).with_law(law);
        world.run(&mut plan, &options);
        if rule == Rule::OneOfAName {
            let touched = world.local.keys().any(|path| path.starts_with(b"twice"));
            if touched {
                world
                    .violations
                    .push("a name of two things was used".to_owned());
            }
        }
        // Another version of every file.
        if rounds > 1 {
            let source = if world.download {
                &mut world.remote
            } else {
                &mut world.local
            };
            for (path, thing) in source.iter_mut() {
                if let Thing::File { data, seconds } = thing
                    && !is_unfinished(name_of(path))
                {
                    *seconds += 10;
                    for byte in data.iter_mut() {
                        *byte = b'A' + (*byte + round) % 26;
                    }
                }
            }
        }
    }
    world.violations
}
