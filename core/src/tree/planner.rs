//! The plan: what there is to do, handed out piece by piece, and what its reports lead to.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::digest::Digest;
use super::found::{Found, FoundKind};
use super::nodes::{Node, NodeId, Nodes, Target};
use super::options::{Check, Delete, Options};
use super::order::{
    AskOrder, CheckOrder, CopyOrder, How, MakeOrder, MeasureOrder, Order, PublishOrder, ReadOrder,
    RemoveOrder, Trouble,
};
use super::path::{LocalPath, Place, Side};
use super::summary::{Event, Failed, Reason, Skip, Summary};
use super::work::{Job, Queue, Work};
use crate::listing::{Command, Options as ListingOptions, Zone};
use crate::rules::{Law, Rule};
use crate::ticket::Features;
use crate::wire::date::Timestamp;
use crate::wire::features::Known;

/// Goes through a tree: lists it, deletes it, or makes another one the same.
///
/// A plan says what is to be done next; several things at once, if several sessions are there to do them. Whoever carries them out does
/// nothing but that: what is compared, left out, tried again or given up is decided here, and so is what may be deleted, and when.
///
/// ```
/// use ftp_proto::tree::{Found, FoundKind, Listing, Next, Options, Order, Place, Planner};
/// use ftp_proto::wire::date::Timestamp;
///
/// let now = Timestamp::new(2026, 7, 14, 12, 0, 0)?;
/// let mut plan = Planner::walk(b"/pub", Options::default(), now);
/// let mut directories = Vec::new();
/// loop {
///     match plan.next() {
///         Next::Order(Order::Read(order)) => {
///             let Place::Remote(path) = order.place().clone() else { unreachable!() };
///             // What a server would say:
///             let listing = match path.as_slice() {
///                 b"/pub" => Listing::new(vec![Found::new("a", FoundKind::Directory)]),
///                 _ => Listing::default(),
///             };
///             directories.push(path);
///             plan.report(order.listed(listing));
///         }
///         Next::Order(other) => panic!("nothing else is needed: {other:?}"),
///         Next::Wait => unreachable!("nothing is outstanding"),
///         Next::Over => break,
///     }
/// }
/// assert_eq!(directories, [b"/pub".to_vec(), b"/pub/a".to_vec()]);
/// assert!(plan.summary().is_complete());
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Debug)]
pub struct Planner {
    pub(super) law: Law,
    pub(super) options: Options,
    /// The side that is gone through, if anything is copied or told.
    pub(super) source: Option<Side>,
    /// The side that is changed.
    pub(super) target: Option<Side>,
    root: Vec<u8>,
    now: Timestamp,
    pub(super) offers: Offers,
    pub(super) how: How,
    pub(super) nodes: Nodes,
    pub(super) queue: Queue,
    pub(super) outstanding: BTreeMap<u64, Job>,
    next_id: u64,
    pub(super) zone: ZoneState,
    /// Directories that wait for the zone of their listings.
    pub(super) held: Vec<NodeId>,
    /// What is extraneous, by the directory it is in.
    pub(super) doomed: Vec<(NodeId, Found)>,
    pub(super) stage: Stage,
    sessions: u32,
    pub(super) losses: u32,
    /// Sessions that there were in the beginning.
    sessions_wanted: u32,
    pub(super) has_worked: bool,
    /// Sessions in a row that broke where times were to be set.
    pub(super) time_breaks: u8,
    pub(super) events: VecDeque<Event>,
    pub(super) summary: Summary,
    /// Files to be copied that were met so far, and their octets.
    pub(super) wanted: (u64, u64),
}

/// How far a tree is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Files to be copied that were met so far.
    pub files: u64,
    /// Of those, how many were copied.
    pub copied: u64,
    /// Octets of these files as far as their sizes are known, without those that were there already.
    pub octets: u64,
    /// Octets that were moved.
    pub moved: u64,
    /// Directories that were read.
    pub directories: u64,
    /// Things that were deleted.
    pub deleted: u64,
    /// Things that failed.
    pub failed: u64,
}

/// What there is to be done.
#[derive(Debug)]
pub enum Next {
    /// This.
    Order(Order),
    /// Nothing until an outstanding order is reported.
    Wait,
    /// Nothing any more: the [summary](Planner::summary) is final.
    Over,
}

/// What to do without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Again {
    /// Connect again after so many milliseconds.
    After(u64),
    /// Not at all: this session is given up, and the plan with it if it was the last.
    Never,
}

/// The zone of times in listings that do not say theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZoneState {
    Unasked,
    Asking,
    Settled(Zone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Working,
    Deleting,
    /// Nothing is handed out any more.
    Stopped,
}

/// What a server can do, as far as it says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    pub(super) sets_times: bool,
    pub(super) tells_times: bool,
    pub(super) digest: Option<Digest>,
}

impl Planner {
    /// Tells every entry below a directory of the server.
    #[must_use]
    pub fn walk(root: &[u8], options: Options, now: Timestamp) -> Self {
        Planner::new(Some(Side::Remote), None, root, options, now)
    }

    /// Deletes a directory of the server with everything in it; only what is in it if its path is empty or the root of the server.
    #[must_use]
    pub fn remove(root: &[u8], options: Options, now: Timestamp) -> Self {
        Planner::new(None, Some(Side::Remote), root, options, now)
    }

    /// Makes a local directory the same as one of the server.
    #[must_use]
    pub fn download(root: &[u8], options: Options, now: Timestamp) -> Self {
        Planner::new(Some(Side::Remote), Some(Side::Local), root, options, now)
    }

    /// Makes a directory of the server the same as a local one.
    #[must_use]
    pub fn upload(root: &[u8], options: Options, now: Timestamp) -> Self {
        Planner::new(Some(Side::Local), Some(Side::Remote), root, options, now)
    }

    fn new(
        source: Option<Side>,
        target: Option<Side>,
        root: &[u8],
        options: Options,
        now: Timestamp,
    ) -> Self {
        let mut plan = Planner {
            law: Law::default(),
            options,
            source,
            target,
            root: root.to_vec(),
            now,
            offers: Offers::default(),
            how: How::Facts,
            nodes: Nodes::default(),
            queue: Queue::default(),
            outstanding: BTreeMap::new(),
            next_id: 0,
            zone: ZoneState::Unasked,
            held: Vec::new(),
            doomed: Vec::new(),
            stage: Stage::Working,
            sessions: 1,
            losses: 0,
            sessions_wanted: 1,
            has_worked: false,
            time_breaks: 0,
            events: VecDeque::new(),
            summary: Summary::default(),
            wanted: (0, 0),
        };
        let mut node = Node::new(None, Vec::new(), 0, Target::Unknown);
        node.doomed = source.is_none();
        let node = plan.nodes.add(node);
        plan.read_both(node);
        plan
    }

    /// The same under a law with a hole, for checkers.
    #[cfg(feature = "model")]
    #[must_use]
    pub fn with_law(mut self, law: Law) -> Self {
        self.law = law;
        self
    }

    // ---- sessions

    /// How many sessions there are going to be; one, if nobody says so.
    pub fn set_sessions(&mut self, count: u32) {
        self.sessions = count.max(1);
        self.sessions_wanted = self.sessions;
    }

    /// Whether nothing is to be done any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outstanding.is_empty()
            && self.queue.is_empty()
            && (self.stage != Stage::Working || self.doomed.is_empty())
    }

    /// Whether [`greet`](Self::greet) wants to be told the working directory of a new session.
    #[must_use]
    pub fn wants_home(&self) -> bool {
        !self.root.starts_with(b"/")
    }

    /// What the server can do, and the directory a session begins in. To be told before the first order, as far as it is known.
    pub fn greet(&mut self, features: Option<&Features>, home: Option<&[u8]>) {
        if let Some(features) = features {
            self.offers = Offers {
                sets_times: features.known.contains(Known::Mfmt),
                tells_times: features.known.contains(Known::Mdtm),
                digest: Digest::choose(features),
            };
        }
        if let Some(home) = home.filter(|home| home.starts_with(b"/") && self.wants_home()) {
            let root = core::mem::take(&mut self.root);
            self.root = if root.is_empty() {
                home.to_vec()
            } else {
                super::path::join(home, &root)
            };
        }
    }

    /// A session could not be had, or is over. Orders that were in its hands are reported besides.
    pub fn lost(&mut self, trouble: Trouble) -> Again {
        self.losses = self.losses.saturating_add(1);
        let hopeless = trouble == Trouble::Cancelled
            || trouble == Trouble::NoSession && (!self.has_worked || self.sessions > 1);
        let bound = u32::from(self.options.bounds.reconnects) * self.sessions_wanted;
        if hopeless || self.losses > bound {
            self.sessions -= 1;
            if self.sessions == 0 || trouble == Trouble::Cancelled {
                self.sessions = self.sessions.max(1);
                self.stop();
            }
            return Again::Never;
        }
        Again::After(100_u64 << self.losses.min(6))
    }

    /// Hands out nothing more. What is outstanding is still taken.
    pub fn stop(&mut self) {
        if self.stage == Stage::Stopped {
            return;
        }
        self.stage = Stage::Stopped;
        self.drop_rest();
    }

    fn drop_rest(&mut self) {
        let mut left = self.queue.drain().count() as u64;
        for node in self.nodes.iter_mut() {
            left += core::mem::take(&mut node.waiting).len() as u64;
        }
        left += core::mem::take(&mut self.held).len() as u64;
        self.summary.not_reached += left;
        self.summary.spared += core::mem::take(&mut self.doomed).len() as u64;
    }

    // ---- what there is to do

    /// What is to be done next.
    #[allow(
        clippy::should_implement_trait,
        reason = "not an iterator: what comes next depends on reports"
    )]
    pub fn next(&mut self) -> Next {
        loop {
            if self.stage == Stage::Stopped {
                self.drop_rest();
            }
            let Some(job) = self.queue.pop() else {
                if !self.outstanding.is_empty() {
                    return Next::Wait;
                }
                if self.begin_deleting() {
                    continue;
                }
                return Next::Over;
            };
            if self.options.dry_run && job.changes() && self.law.holds(Rule::DryRun) {
                self.pretend(job);
                continue;
            }
            return Next::Order(self.order(job));
        }
    }

    /// A further file to be copied, for a session that is busy with one and can ask for the next meanwhile; none when there are so few left
    /// that the other sessions need them.
    pub fn ahead(&mut self) -> Option<CopyOrder> {
        if self.options.dry_run || self.stage == Stage::Stopped {
            return None;
        }
        let rest = usize::try_from(self.sessions).ok()?.saturating_mul(2);
        let job = self.queue.pop_copy(rest)?;
        match self.order(job) {
            Order::Copy(order) => Some(order),
            _ => None,
        }
    }

    /// The next thing to be told. To be asked after every report, until there is none.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            files: self.wanted.0,
            copied: self.summary.copied,
            octets: self.wanted.1,
            moved: self.summary.bytes,
            directories: self.summary.directories,
            deleted: self.summary.deleted,
            failed: self.summary.failed,
        }
    }

    /// What became of it so far, and in the end.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn order(&mut self, job: Job) -> Order {
        self.next_id += 1;
        let id = self.next_id;
        let order = match &job.work {
            Work::Read { node, side, how } => {
                let how = how.unwrap_or(self.how);
                let mut options = ListingOptions::new(self.now);
                if matches!(how, How::Facts | How::FactsInside) {
                    options.command = Command::Mlsd;
                }
                let met = usize::try_from(self.summary.entries).unwrap_or(usize::MAX);
                Order::Read(ReadOrder {
                    id,
                    place: self.place(*side, *node, None),
                    how,
                    options,
                    most: self.options.bounds.entries.saturating_sub(met),
                })
            }
            Work::Ask { node, name, .. } => Order::Ask(AskOrder {
                id,
                path: self.remote(*node, name),
            }),
            Work::Date(file) => Order::Ask(AskOrder {
                id,
                path: self.remote(file.node, &file.name),
            }),
            Work::Measure(file) => Order::Measure(MeasureOrder {
                id,
                path: self.remote(file.node, &file.unfinished),
            }),
            Work::Make { node } => Order::Make(MakeOrder {
                id,
                place: self.place(self.changed_side(), *node, None),
            }),
            Work::Copy(file) => {
                let download = self.target == Some(Side::Local);
                let (remote, local) = if download {
                    (&file.name, &file.unfinished)
                } else {
                    (&file.unfinished, &file.name)
                };
                Order::Copy(CopyOrder {
                    id,
                    download,
                    remote: self.remote(file.node, remote),
                    local: self.local(file.node, local),
                    offset: file.offset,
                    size: file.size,
                })
            }
            Work::Compare(file) => Order::Check(CheckOrder {
                id,
                remote: self.remote(file.node, &file.name),
                local: self.local(file.node, &file.name),
                size: file.size.unwrap_or(0),
                digest: self.offers.digest,
            }),
            Work::Check(file) | Work::Confirm(file) => {
                let download = self.target == Some(Side::Local);
                let is_final = download || matches!(job.work, Work::Confirm(_));
                let remote = if is_final {
                    &file.name
                } else {
                    &file.unfinished
                };
                let local = if download {
                    &file.unfinished
                } else {
                    &file.name
                };
                let by_digest = self.options.check == Check::Digest
                    && !file.only_size
                    && matches!(job.work, Work::Check(_));
                Order::Check(CheckOrder {
                    id,
                    remote: self.remote(file.node, remote),
                    local: self.local(file.node, local),
                    size: file.offset,
                    digest: self.offers.digest.filter(|_| by_digest),
                })
            }
            Work::Publish(file) => {
                let side = self.changed_side();
                let settable = side == Side::Local || self.offers.sets_times;
                Order::Publish(PublishOrder {
                    id,
                    from: self.place(side, file.node, Some(&file.unfinished)),
                    to: self.place(side, file.node, Some(&file.name)),
                    time: file.time.filter(|_| settable),
                    replaces: file.replaces,
                })
            }
            Work::Remove { node, name } => Order::Remove(RemoveOrder {
                id,
                place: self.place(self.changed_side(), *node, name.as_deref()),
                directory: name.is_none(),
            }),
            Work::Discard(file) => Order::Remove(RemoveOrder {
                id,
                place: self.place(self.changed_side(), file.node, Some(&file.unfinished)),
                directory: false,
            }),
        };
        self.outstanding.insert(id, job);
        order
    }

    /// Does in the books what a dry run does not do.
    fn pretend(&mut self, job: Job) {
        match job.work {
            Work::Make { node } => self.made(node),
            Work::Copy(mut file) => {
                file.moved = file.size.unwrap_or(0).saturating_sub(file.offset);
                self.copied(&file, true);
            }
            Work::Remove { node, name } => self.removed(node, name.as_deref()),
            _ => {}
        }
    }

    /// What is extraneous is deleted in the end, if the rest allows it. False if nothing is left to do.
    fn begin_deleting(&mut self) -> bool {
        if self.stage != Stage::Working {
            return false;
        }
        self.stage = Stage::Deleting;
        let doomed = core::mem::take(&mut self.doomed);
        let may = match self.options.delete {
            Delete::Never => false,
            Delete::AfterAll => true,
            Delete::AfterSuccess => self.summary.is_complete() || !self.law.holds(Rule::DeleteLast),
        };
        if !may {
            self.summary.spared += doomed.len() as u64;
            return false;
        }
        let any = !doomed.is_empty();
        for (node, found) in doomed {
            if found.kind == FoundKind::Directory {
                self.doom_directory(node, found);
            } else {
                let name = Some(found.name);
                self.queue.push(Job::new(Work::Remove { node, name }));
            }
        }
        any
    }

    // ---- the books

    pub(super) fn push(&mut self, work: Work) {
        if self.stage == Stage::Stopped {
            self.summary.not_reached += 1;
        } else {
            self.queue.push(Job::new(work));
        }
    }

    pub(super) fn fail(&mut self, node: NodeId, name: Option<&[u8]>, why: Reason) {
        let path = self.nodes.path(node, name);
        self.summary.failed += 1;
        let failed = Failed { path, why };
        if self.summary.failures.len() < self.options.bounds.told {
            self.summary.failures.push(failed.clone());
        }
        self.events.push_back(Event::Failed(failed));
    }

    pub(super) fn skip(&mut self, node: NodeId, name: &[u8], why: Skip) {
        let path = self.nodes.path(node, Some(name));
        match why {
            Skip::Unchanged => self.summary.unchanged += 1,
            _ => self.summary.skipped += 1,
        }
        self.events.push_back(Event::Skipped { path, why });
    }

    /// The side that is changed. A walk has none, and no job that asks.
    pub(super) fn changed_side(&self) -> Side {
        self.target.unwrap_or(Side::Local)
    }

    /// The path of the tree on the server.
    pub(super) fn root(&self) -> &[u8] {
        &self.root
    }

    fn place(&self, side: Side, node: NodeId, name: Option<&[u8]>) -> Place {
        match side {
            Side::Local => Place::Local(self.nodes.local(node, name)),
            Side::Remote => Place::Remote(self.nodes.remote(&self.root, node, name)),
        }
    }

    fn remote(&self, node: NodeId, name: &[u8]) -> Vec<u8> {
        self.nodes.remote(&self.root, node, Some(name))
    }

    fn local(&self, node: NodeId, name: &[u8]) -> LocalPath {
        self.nodes.local(node, Some(name))
    }
}
