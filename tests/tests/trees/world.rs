//! Two trees in memory, and somebody who carries out the orders of a plan between them, with luck or without.
//!
//! What must never happen is written down as a violation where it happens.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ftp_proto::Features;
use ftp_proto::tree::{
    Again, CheckOrder, CopyOrder, Found, FoundKind, Listing, LocalTrouble, Next, Options, Order,
    Place, Planner, PublishOrder, Report, Trouble, is_unfinished,
};
use ftp_proto::wire::features::FeatureSet;
use ftp_proto_tests::pair::Dice;

/// Steps after which a plan is taken for one without an end.
const STEPS: usize = 3000;

/// Where the tree is on the server.
pub(crate) const ROOT: &[u8] = b"/r";

/// Something in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Directory,
    File {
        data: Vec<u8>,
        seconds: i64,
    },
    Link,
    Device,
    /// A directory that is the root again. With or without a name by which one could tell.
    Circle {
        told: bool,
    },
}

/// A tree: paths with `/` between names. The root is the empty path, and always there.
pub(crate) type Things = BTreeMap<Vec<u8>, Thing>;

pub(crate) fn file(data: &str, seconds: i64) -> Thing {
    Thing::File {
        data: data.as_bytes().to_vec(),
        seconds,
    }
}

/// Both sides, and what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) remote: Things,
    pub(crate) local: Things,
    pub(crate) download: bool,
    /// One in so many orders fails; 0 for none.
    pub(crate) trouble: usize,
    /// One in so many listings of the source is incomplete.
    pub(crate) unread: usize,
    /// One in so many downloads comes short, and is said to be whole.
    pub(crate) lies: usize,
    /// This one breaks whenever it is tried.
    pub(crate) cursed: Option<Vec<u8>>,
    /// Names that listings of the server have besides, with things that are not there.
    pub(crate) extra: Vec<(Vec<u8>, FoundKind)>,
    pub(crate) dice: Dice,
    pub(crate) violations: Vec<String>,
    /// Attempts at the cursed one.
    pub(crate) attempts: usize,
    pub(crate) changes: usize,
    /// This run deletes what is extraneous.
    deleting: bool,
    pub(crate) deleted: Vec<Vec<u8>>,
}

impl World {
    pub(crate) fn new(remote: Things, local: Things, seed: u64) -> Self {
        World {
            remote,
            local,
            download: true,
            trouble: 0,
            unread: 0,
            lies: 0,
            cursed: None,
            extra: Vec::new(),
            dice: Dice::new(seed),
            violations: Vec::new(),
            attempts: 0,
            changes: 0,
            deleting: false,
            deleted: Vec::new(),
        }
    }

    fn source(&self) -> &Things {
        if self.download {
            &self.remote
        } else {
            &self.local
        }
    }

    /// Lets a plan run to its end, with several orders under way.
    pub(crate) fn run(&mut self, plan: &mut Planner, options: &Options) {
        let mut under_way: Vec<Order> = Vec::new();
        plan.set_sessions(3);
        self.deleting = false;
        let features = Features {
            known: FeatureSet::read(b"Features:\n MFMT\nEnd"),
            text: Vec::new(),
        };
        plan.greet(Some(&features), None);
        for _ in 0..STEPS {
            while plan.event().is_some() {}
            if under_way.len() < 4 {
                match plan.next() {
                    Next::Order(order) => {
                        self.look_at_time(&order, options, plan);
                        under_way.push(order);
                        if self.dice.roll(2) == 0
                            && let Some(order) = plan.ahead()
                        {
                            under_way.push(Order::Copy(order));
                        }
                        continue;
                    }
                    Next::Over if under_way.is_empty() => return,
                    Next::Over => self.violate("over with orders under way"),
                    Next::Wait if under_way.is_empty() => {
                        return self.violate("waits for nothing");
                    }
                    Next::Wait => {}
                }
            }
            if under_way.is_empty() {
                continue;
            }
            let order = under_way.swap_remove(self.dice.roll(under_way.len()));
            let (report, lost) = self.carry_out(order, options);
            plan.report(report);
            if lost && plan.lost(Trouble::SessionOver) == Again::Never {
                // One session less.
            }
        }
        self.violate("no end");
    }

    fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    fn carry_out(&mut self, order: Order, options: &Options) -> (Report, bool) {
        let changes = !matches!(
            order,
            Order::Read(_) | Order::Ask(_) | Order::Measure(_) | Order::Check(_)
        );
        self.changes += usize::from(changes);
        if changes && options.dry_run {
            self.violate("a change in a dry run");
        }
        if self.trouble > 0 && self.dice.roll(self.trouble) == 0 {
            let trouble = self.dice.pick(&[
                Trouble::Refused(550),
                Trouble::Refused(451),
                Trouble::SessionOver,
                Trouble::SessionOver,
                Trouble::Broken,
                Trouble::Local(LocalTrouble::Denied),
            ]);
            if let Order::Copy(order) = order {
                return (self.half(order, trouble), trouble == Trouble::SessionOver);
            }
            return (order.failed(trouble), trouble == Trouble::SessionOver);
        }
        let report = match order {
            Order::Read(order) => match self.list(order.place()) {
                Ok(listing) => order.listed(listing),
                Err(trouble) => order.failed(trouble),
            },
            Order::Ask(order) => order.failed(Trouble::Refused(502)),
            Order::Measure(order) => match self.remote.get(&below_root(order.path())) {
                Some(Thing::File { data, .. }) => {
                    let size = data.len() as u64;
                    order.size_is(size)
                }
                _ => order.failed(Trouble::Refused(550)),
            },
            Order::Make(order) => {
                let path = self.resolve(order.place());
                let things = self.things(order.place());
                if path.is_empty() {
                    // The root is there, whatever was said about it.
                    order.failed(Trouble::Refused(550))
                } else if let Entry::Vacant(place) = things.entry(path) {
                    place.insert(Thing::Directory);
                    order.made()
                } else {
                    order.failed(Trouble::Refused(550))
                }
            }
            Order::Copy(order) => self.copy(order),
            Order::Check(order) => self.check(order),
            Order::Publish(order) => self.publish(order),
            Order::Remove(order) => {
                let path = self.resolve(order.place());
                if !is_unfinished(name_of(&path)) {
                    self.look_at_deletion(&path, order.is_directory(), options);
                }
                let below = [path.as_slice(), b"/"].concat();
                let things = self.things(order.place());
                let is_directory = matches!(
                    things.get(&path),
                    Some(Thing::Directory | Thing::Circle { .. })
                );
                let full = things.keys().any(|key| key.starts_with(&below));
                if path.is_empty() && !things.is_empty() {
                    self.violate("the root is not empty");
                    order.failed(Trouble::Refused(550))
                } else if path.is_empty() {
                    self.deleted.push(path);
                    order.removed()
                } else if !things.contains_key(&path) || is_directory != order.is_directory() {
                    order.failed(Trouble::Refused(550))
                } else if full {
                    self.violate(format!("{} is not empty", path.escape_ascii()));
                    order.failed(Trouble::Refused(550))
                } else {
                    things.remove(&path);
                    self.deleted.push(path);
                    order.removed()
                }
            }
        };
        (report, false)
    }

    /// The first order that is about something extraneous comes after everything else; what fails from then on is another matter.
    fn look_at_time(&mut self, order: &Order, options: &Options, plan: &Planner) {
        let place = match order {
            Order::Remove(order) => order.place(),
            Order::Read(order) => order.place(),
            _ => return,
        };
        let path = match place {
            Place::Remote(path) => below_root(path),
            Place::Local(path) => path.names().collect::<Vec<_>>().join(&b'/'),
        };
        let is_target = matches!(place, Place::Remote(_)) != self.download;
        let extraneous = is_target && !path.is_empty() && !self.source().contains_key(&path);
        if !extraneous || is_unfinished(name_of(&path)) || self.deleting {
            return;
        }
        self.deleting = true;
        let books = plan.summary();
        let told = books.failed + books.unread + books.not_reached;
        if told > 0 && options.delete == ftp_proto::tree::Delete::AfterSuccess {
            self.violate(format!("{} deleted after a failure", path.escape_ascii()));
        }
    }

    fn look_at_deletion(&mut self, path: &[u8], mut is_directory: bool, options: &Options) {
        let is_mirror = options.delete != ftp_proto::tree::Delete::Never;
        if is_mirror && self.source().contains_key(path) {
            self.violate(format!("{} is in the source", path.escape_ascii()));
        }
        let mut upper = path;
        loop {
            if !options.filter.takes(upper, is_directory) && !upper.is_empty() {
                self.violate(format!("{} is filtered", path.escape_ascii()));
            }
            match upper.iter().rposition(|byte| *byte == b'/') {
                Some(at) => upper = &upper[..at],
                None => break,
            }
            is_directory = true;
        }
    }

    fn things(&mut self, place: &Place) -> &mut Things {
        match place {
            Place::Remote(_) => &mut self.remote,
            Place::Local(_) => &mut self.local,
        }
    }

    /// The path as a file system would take it, and what is wrong with it.
    fn resolve(&mut self, place: &Place) -> Vec<u8> {
        let (path, things) = match place {
            Place::Remote(path) => (below_root(path), &self.remote),
            Place::Local(path) => {
                let names: Vec<&[u8]> = path.names().collect();
                (names.join(&b'/'), &self.local)
            }
        };
        let mut wrong = Vec::new();
        let mut upper: Vec<u8> = Vec::new();
        let mut depth = 0;
        for name in path.split(|byte| *byte == b'/') {
            if matches!(name, b"." | b"..") || name.contains(&b'\\') || name.is_empty() && depth > 0
            {
                wrong.push(format!("{} leads elsewhere", path.escape_ascii()));
            }
            match things.get(&upper) {
                Some(Thing::Link) => wrong.push(format!("{} is a link", upper.escape_ascii())),
                Some(Thing::Circle { told: true }) => {
                    wrong.push(format!("{} goes in a circle", path.escape_ascii()));
                }
                _ => {}
            }
            if !upper.is_empty() {
                upper.push(b'/');
            }
            upper.extend_from_slice(name);
            depth += 1;
        }
        if depth > 12 {
            wrong.push(format!("{} is deep", path.escape_ascii()));
        }
        if path.starts_with(b"/") {
            wrong.push(format!("{} is absolute", path.escape_ascii()));
        }
        self.violations.extend(wrong);
        path
    }

    fn list(&mut self, place: &Place) -> Result<Listing, Trouble> {
        let path = self.resolve(place);
        // What is behind a circle is what is at the root.
        let is_circle = |things: &Things, path: &[u8]| {
            let name = name_of(path);
            matches!(things.get(name), Some(Thing::Circle { .. }))
        };
        let path = if is_circle(self.things(place), &path) {
            Vec::new()
        } else {
            path
        };
        let is_remote = matches!(place, Place::Remote(_));
        let things = self.things(place);
        if !path.is_empty() && things.get(&path) != Some(&Thing::Directory) {
            return Err(if is_remote {
                Trouble::Refused(550)
            } else {
                Trouble::Local(LocalTrouble::Missing)
            });
        }
        let mut found = Vec::new();
        for (key, thing) in things.iter() {
            let Some(name) = child_of(key, &path) else {
                continue;
            };
            found.push(match thing {
                Thing::Directory => Found::new(name, FoundKind::Directory),
                Thing::File { data, seconds } => {
                    Found::file(name, data.len() as u64, Some(*seconds))
                }
                Thing::Link => Found::new(name, FoundKind::Link),
                Thing::Device => Found::new(name, FoundKind::Other),
                Thing::Circle { told } => Found {
                    unique: told.then(|| b"root".to_vec()),
                    ..Found::new(name, FoundKind::Directory)
                },
            });
        }
        if is_remote {
            for (name, kind) in &self.extra {
                found.push(Found::new(name.clone(), *kind));
            }
        }
        let is_source = is_remote == self.download;
        if is_source && self.unread > 0 && self.dice.roll(self.unread) == 0 && !found.is_empty() {
            let lost = self.dice.roll(found.len());
            found.swap_remove(lost);
            return Ok(Listing::new(found).with_unread(1));
        }
        let listing = Listing::new(found);
        let tells = !self
            .remote
            .values()
            .any(|thing| *thing == Thing::Circle { told: false });
        Ok(if path.is_empty() && is_remote && tells {
            listing.with_unique(b"root".to_vec())
        } else {
            listing
        })
    }

    /// The two files of a copy: where from, where to.
    fn ends(&mut self, order: &CopyOrder) -> (Place, Place) {
        let remote = Place::Remote(order.remote().to_vec());
        let local = Place::Local(order.local().clone());
        if order.is_download() {
            (remote, local)
        } else {
            (local, remote)
        }
    }

    fn copy(&mut self, order: CopyOrder) -> Report {
        if self.cursed == Some(below_root(order.remote())) {
            self.attempts += 1;
            if self.attempts > 60 {
                self.violate("tried again and again");
                return order.failed(0, Trouble::Refused(550));
            }
            return order.failed(0, Trouble::Broken);
        }
        let short = self.lies > 0 && self.dice.roll(self.lies) == 0;
        match self.move_bytes(&order, if short { 2 } else { 1 }) {
            Ok(bytes) => order.copied(bytes),
            Err(trouble) => order.failed(0, trouble),
        }
    }

    /// A part of a file moves, then something goes wrong.
    fn half(&mut self, order: CopyOrder, trouble: Trouble) -> Report {
        match self.move_bytes(&order, 2) {
            Ok(bytes) if order.is_download() => order.failed(bytes, trouble),
            _ => order.failed(0, trouble),
        }
    }

    /// Moves the bytes behind the offset, or the first part of them.
    fn move_bytes(&mut self, order: &CopyOrder, part: u64) -> Result<u64, Trouble> {
        let (from, to) = self.ends(order);
        let (from_path, to_path) = (self.resolve(&from), self.resolve(&to));
        let offset = usize::try_from(order.offset()).unwrap();
        let data = match self.things(&from).get(&from_path) {
            Some(Thing::File { data, .. }) => data.clone(),
            Some(Thing::Link) => {
                self.violate("a link was followed");
                b"behind a link".to_vec()
            }
            _ => return Err(Trouble::Refused(550)),
        };
        let Some(rest) = data.get(offset..) else {
            return Err(Trouble::Refused(554));
        };
        let count = rest.len() as u64 / part;
        let rest = &rest[..usize::try_from(count).unwrap()];
        let parent = match to_path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => to_path[..at].to_vec(),
            None => Vec::new(),
        };
        let things = self.things(&to);
        if !parent.is_empty() && things.get(&parent) != Some(&Thing::Directory) {
            return Err(Trouble::Local(LocalTrouble::Missing));
        }
        let mut written = match things.get(&to_path) {
            Some(Thing::File { data, .. }) if offset > 0 => data.clone(),
            None | Some(Thing::File { .. }) => Vec::new(),
            Some(_) => return Err(Trouble::Local(LocalTrouble::Changed)),
        };
        if written.len() < offset {
            return Err(Trouble::Local(LocalTrouble::Changed));
        }
        written.truncate(offset);
        written.extend_from_slice(rest);
        let unfinished = is_unfinished(name_of(&to_path));
        things.insert(
            to_path,
            Thing::File {
                data: written,
                seconds: 0,
            },
        );
        if !unfinished {
            self.violate("written under its own name");
        }
        Ok(count)
    }

    fn check(&mut self, order: CheckOrder) -> Report {
        let path = self.resolve(&Place::Remote(order.remote().to_vec()));
        match self.remote.get(&path) {
            Some(Thing::File { data, .. }) => {
                let size = data.len() as u64;
                order.size_is(size)
            }
            _ => order.failed(Trouble::Refused(550)),
        }
    }

    fn publish(&mut self, order: PublishOrder) -> Report {
        let (from, to) = (self.resolve(order.from()), self.resolve(order.to()));
        let original = self.source().get(&to).cloned();
        let place = order.to().clone();
        let things = self.things(&place);
        let Some(Thing::File { data, seconds }) = things.get(&from).cloned() else {
            return order.failed(Trouble::Refused(550));
        };
        if things.contains_key(&to) && !order.replaces() {
            return order.failed(Trouble::Local(LocalTrouble::Exists));
        }
        let seconds = order.time().map_or(seconds, |time| time.to_unix_seconds());
        things.remove(&from);
        things.insert(
            to.clone(),
            Thing::File {
                data: data.clone(),
                seconds,
            },
        );
        match original {
            Some(Thing::File { data: original, .. }) if original == data => {}
            _ => self.violate(format!("{} is not its original", to.escape_ascii())),
        }
        let kept = order.time().is_some();
        order.published(kept)
    }
}

pub(crate) fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn child_of<'a>(path: &'a [u8], directory: &[u8]) -> Option<&'a [u8]> {
    let name = if directory.is_empty() {
        path
    } else {
        path.strip_prefix(directory)?.strip_prefix(b"/")?
    };
    (!name.is_empty() && !name.contains(&b'/')).then_some(name)
}

/// A path on the server below the root; what lies elsewhere stays absolute.
fn below_root(path: &[u8]) -> Vec<u8> {
    match path.strip_prefix(ROOT) {
        Some([]) => Vec::new(),
        Some([b'/', below @ ..]) => below.to_vec(),
        _ => path.to_vec(),
    }
}
