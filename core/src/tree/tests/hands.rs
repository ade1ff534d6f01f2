//! Somebody who carries out orders: both sides as they are listed, and what else is to come of an order.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::tree::{
    CheckOrder, CopyOrder, Found, How, Listing, LocalTrouble, Next, Order, Place, Planner, Report,
    Trouble, is_unfinished,
};
use crate::wire::date::Timestamp;

/// Orders after which a plan is taken for one without an end.
const MANY: usize = 500;

/// What comes of an order, if it is not just done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comes {
    Failed(Trouble),
    /// So many octets came before.
    FailedAt(u64, Trouble),
    /// A transfer is whole with so many octets.
    Bytes(u64),
    /// The server says so many octets.
    Size(u64),
    /// The server says that it was changed then.
    Changed(Timestamp),
    /// The digests are not the same.
    Differs,
    /// There is no digest in the reply.
    Unclear,
    /// It has its name, and not its time.
    WithoutTime,
}

/// Both sides, and what was done. An unfinished name is shown as `PART`.
#[derive(Debug, Default)]
pub(super) struct Hands {
    remote: BTreeMap<String, Listing>,
    local: BTreeMap<String, Listing>,
    script: BTreeMap<String, VecDeque<Comes>>,
    /// Every order but to read.
    pub(super) did: Vec<String>,
    /// Every order to read.
    pub(super) read: Vec<String>,
}

impl Hands {
    /// A directory of the server, by its path.
    pub(super) fn there(self, path: &str, entries: &[Found]) -> Self {
        self.listed(path, Listing::new(entries.to_vec()))
    }

    /// The same with all that is known of it.
    pub(super) fn listed(mut self, path: &str, listing: Listing) -> Self {
        self.remote.insert(path.into(), listing);
        self
    }

    /// A directory of this side: `.`, or the path below it.
    pub(super) fn here(self, path: &str, entries: &[Found]) -> Self {
        self.here_listed(path, Listing::new(entries.to_vec()))
    }

    pub(super) fn here_listed(mut self, path: &str, listing: Listing) -> Self {
        self.local.insert(path.into(), listing);
        self
    }

    /// What comes of an order, the first time, the second time; afterwards it is just done.
    pub(super) fn when(mut self, order: &str, comes: &[Comes]) -> Self {
        self.script
            .insert(order.into(), comes.iter().copied().collect());
        self
    }

    /// Lets the plan run to its end, one order at a time.
    pub(super) fn run(mut self, plan: &mut Planner) -> Self {
        loop {
            match plan.next() {
                Next::Order(order) => {
                    let report = self.carry_out(order);
                    plan.report(report);
                }
                Next::Wait => panic!("nothing is outstanding"),
                Next::Over => break,
            }
            assert!(self.did.len() + self.read.len() < MANY, "no end");
        }
        let left: Vec<_> = self
            .script
            .iter()
            .filter(|(_, left)| !left.is_empty())
            .collect();
        assert!(left.is_empty(), "not ordered: {left:?} of {:?}", self.did);
        assert!(plan.is_over());
        self
    }

    pub(super) fn carry_out(&mut self, order: Order) -> Report {
        let text = shown(&order);
        let did = match &order {
            Order::Read(_) => &mut self.read,
            _ => &mut self.did,
        };
        did.push(text.clone());
        let comes = self.script.get_mut(&text).and_then(VecDeque::pop_front);
        match (order, comes) {
            (Order::Copy(order), Some(Comes::FailedAt(moved, trouble))) => {
                order.failed(moved, trouble)
            }
            (order, Some(Comes::Failed(trouble))) => order.failed(trouble),
            (Order::Copy(order), Some(Comes::Bytes(bytes))) => order.copied(bytes),
            (Order::Measure(order), Some(Comes::Size(octets))) => order.size_is(octets),
            (Order::Check(order), Some(Comes::Size(octets))) => order.size_is(octets),
            (Order::Ask(order), Some(Comes::Changed(time))) => order.changed(time),
            (Order::Check(order), Some(Comes::Differs)) => order.digest_is(Some(b"b"), b"a"),
            (Order::Check(order), Some(Comes::Unclear)) => order.digest_is(None, b"a"),
            (Order::Publish(order), Some(Comes::WithoutTime)) => order.published(false),
            (order, None) => self.just_do(order),
            (order, Some(comes)) => panic!("{comes:?} of {order:?}"),
        }
    }

    fn just_do(&self, order: Order) -> Report {
        match order {
            Order::Read(order) => {
                let path = path_of(order.place());
                let (side, missing) = match order.place() {
                    Place::Remote(_) => (&self.remote, Trouble::Refused(550)),
                    Place::Local(_) => (&self.local, Trouble::Local(LocalTrouble::Missing)),
                };
                match side.get(&path) {
                    Some(listing) => order.listed(listing.clone()),
                    None => order.failed(missing),
                }
            }
            Order::Make(order) => order.made(),
            Order::Copy(order) => {
                let bytes = order.size().unwrap_or(0) - order.offset();
                order.copied(bytes)
            }
            Order::Check(order) => agrees(order),
            Order::Publish(order) => {
                let kept = order.time().is_some();
                order.published(kept)
            }
            Order::Remove(order) => order.removed(),
            Order::Ask(_) | Order::Measure(_) => panic!("no answer to {order:?}"),
        }
    }
}

fn agrees(order: CheckOrder) -> Report {
    if order.digest().is_some() {
        order.digest_is(Some(b"a"), b"a")
    } else {
        let octets = order.size;
        order.size_is(octets)
    }
}

/// An order in words.
pub(super) fn shown(order: &Order) -> String {
    match order {
        Order::Read(order) => {
            let path = path_of(order.place());
            match order.place() {
                Place::Remote(_) if order.how() != How::Facts => {
                    format!("read {path} by {:?}", order.how())
                }
                _ => format!("read {path}"),
            }
        }
        Order::Ask(order) => format!("ask {}", masked(order.path())),
        Order::Measure(order) => format!("measure {}", masked(order.path())),
        Order::Make(order) => format!("make {}", path_of(order.place())),
        Order::Copy(order) => shown_copy(order),
        Order::Check(order) => {
            let (remote, local) = (masked(order.remote()), local(order.local()));
            match order.digest() {
                Some(digest) => format!("check {remote} {local} by {:?}", digest.algorithm()),
                None => format!("check {remote} {local}"),
            }
        }
        Order::Publish(order) => {
            let (from, to) = (path_of(order.from()), path_of(order.to()));
            let over = if order.replaces() { " over it" } else { "" };
            match order.time() {
                Some(time) => format!("name {from} {to}{over} of {}", time.to_unix_seconds()),
                None => format!("name {from} {to}{over}"),
            }
        }
        Order::Remove(order) => {
            let slash = if order.is_directory() { "/" } else { "" };
            format!("delete {}{slash}", path_of(order.place()))
        }
    }
}

fn shown_copy(order: &CopyOrder) -> String {
    let (remote, local) = (masked(order.remote()), local(order.local()));
    let ends = if order.is_download() {
        format!("copy {remote} {local}")
    } else {
        format!("copy {local} {remote}")
    };
    match order.offset() {
        0 => ends,
        offset => format!("{ends} from {offset}"),
    }
}

fn path_of(place: &Place) -> String {
    match place {
        Place::Remote(path) => masked(path),
        Place::Local(path) => local(path),
    }
}

fn local(path: &crate::tree::LocalPath) -> String {
    if path.is_root() {
        return ".".into();
    }
    masked(&path.names().collect::<Vec<_>>().join(&b'/'))
}

fn masked(path: &[u8]) -> String {
    let names = path.split(|byte| *byte == b'/').map(|name| {
        if is_unfinished(name) {
            "PART".into()
        } else {
            String::from_utf8_lossy(name)
        }
    });
    names.collect::<Vec<_>>().join("/")
}
