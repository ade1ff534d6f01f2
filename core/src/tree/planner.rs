//! The plan: what there is to do, handed out piece by piece, and what its reports lead to.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::digest::Digest;
use super::nodes::{Node, NodeId, Nodes, Target};
use super::options::{Check, Delete, Options};
use super::order::{
    AskOrder, CheckOrder, CopyOrder, How, LocalTrouble, MakeOrder, MeasureOrder, Order,
    PublishOrder, ReadOrder, RemoveOrder, Report, Trouble, What,
};
use super::path::{LocalPath, Place, Side};
use super::summary::{Event, Failed, Reason, Skip, Summary};
use super::work::{Copying, Job, Queue, Work};
use crate::listing::{Command, Options as ListingOptions, Zone};
use crate::rules::{Law, Rule};
use crate::ticket::Features;
use crate::wire::date::Timestamp;
use crate::wire::features::Known;

/// How many times a file is begun in all.
const BEGINNINGS: u8 = 50;

/// After so many breaks in a row no time is set any more.
const TIME_BREAKS: u8 = 3;

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
    offers: Offers,
    how: How,
    pub(super) nodes: Nodes,
    pub(super) queue: Queue,
    outstanding: BTreeMap<u64, Job>,
    next_id: u64,
    pub(super) zone: ZoneState,
    /// Directories that wait for the zone of their listings.
    pub(super) held: Vec<NodeId>,
    pub(super) doomed: Vec<Doomed>,
    stage: Stage,
    sessions: u32,
    losses: u32,
    /// Sessions that there were in the beginning.
    sessions_wanted: u32,
    has_worked: bool,
    /// Sessions in a row that broke where times were to be set.
    time_breaks: u8,
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

/// Something extraneous.
#[derive(Debug)]
pub(super) struct Doomed {
    pub(super) node: NodeId,
    pub(super) name: Vec<u8>,
    pub(super) is_directory: bool,
}

/// The zone of times in listings that do not say theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZoneState {
    Unasked,
    Asking,
    Settled(Zone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Working,
    Deleting,
    /// Nothing is handed out any more.
    Stopped,
}

/// What a server can do, as far as it says so.
#[derive(Clone, Debug, Default)]
struct Offers {
    sets_times: bool,
    tells_times: bool,
    digest: Option<Digest>,
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
                digest: Digest::choose(features.known, &features.text),
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
        for Doomed {
            node,
            name,
            is_directory,
        } in doomed
        {
            if is_directory {
                self.doom_directory(node, name);
            } else {
                let name = Some(name);
                self.queue.push(Job::new(Work::Remove { node, name }));
            }
        }
        any
    }

    // ---- what came of it

    /// Takes the report of an order.
    pub fn report(&mut self, report: Report) {
        let Some(job) = self.outstanding.remove(&report.id) else {
            return;
        };
        if !matches!(report.what, What::Failed { .. }) {
            self.losses = 0;
            self.has_worked = true;
        }
        match (job.work, report.what) {
            (work, What::Failed { moved, trouble }) => {
                let attempts = job.attempts;
                self.has_failed(Job { work, attempts }, moved, trouble);
            }
            (Work::Read { node, side, .. }, What::Listed(listing)) => {
                self.listed(node, side, listing);
            }
            (Work::Ask { listed, .. }, What::Changed(time)) => {
                self.settle_zone(Zone::infer(&listed, time).unwrap_or(Zone::Unknown));
            }
            (Work::Date(mut file), What::Changed(time)) => {
                file.time = Some(time);
                self.publish(file);
            }
            (Work::Make { node }, What::Done) => self.made(node),
            (Work::Copy(file), What::Copied { bytes }) => self.came(file, bytes),
            (Work::Measure(file), What::Size(octets)) => {
                self.measured(file, job.attempts, octets);
            }
            (Work::Check(file), What::Agrees) => self.publish(file),
            (Work::Check(file), What::Differs) => self.differs(file),
            (Work::Check(file), What::CannotSay) => self.unchecked(file),
            (Work::Publish(file), What::Published { time_kept }) => {
                self.time_breaks = if time_kept { 0 } else { self.time_breaks };
                self.copied(&file, time_kept);
            }
            (Work::Confirm(file), What::Agrees) => self.copied(&file, false),
            (Work::Confirm(file), _) => {
                self.fail(file.node, Some(&file.name), Reason::Differs);
            }
            (Work::Remove { node, name }, What::Done) => self.removed(node, name.as_deref()),
            // No other report can be made of these orders.
            _ => {}
        }
    }

    fn has_failed(&mut self, mut job: Job, moved: u64, trouble: Trouble) {
        if let Work::Copy(file) = &mut job.work {
            self.summary.bytes += moved;
            file.moved += moved;
            file.offset += moved;
            file.begun = file.begun.saturating_add(1);
            if moved > 0 && file.begun < BEGINNINGS {
                job.attempts = 0;
            }
        }
        if matches!(
            trouble,
            Trouble::Cancelled | Trouble::Local(LocalTrouble::Full)
        ) {
            self.give_up(job, trouble);
            self.stop();
            return;
        }
        let Some(mut job) = self.other_way(job, trouble) else {
            return;
        };
        job.attempts = job.attempts.saturating_add(1);
        let bounded =
            job.attempts < self.options.bounds.attempts || !self.law.holds(Rule::BoundedAttempts);
        if self.stage != Stage::Stopped && trouble.may_pass() && bounded {
            job.work = match job.work {
                Work::Copy(mut file) if !self.options.resume => {
                    file.offset = 0;
                    Work::Copy(file)
                }
                Work::Copy(file) if self.target == Some(Side::Remote) => Work::Measure(file),
                work => work,
            };
            self.queue.push_again(job);
        } else if self.stage == Stage::Stopped && trouble.may_pass() {
            self.summary.not_reached += 1;
        } else {
            self.give_up(job, trouble);
        }
    }

    /// What can be done in another way is, once. Gives the job back if there is none.
    fn other_way(&mut self, mut job: Job, trouble: Trouble) -> Option<Job> {
        let absolute = self.root.starts_with(b"/");
        match (&mut job.work, trouble) {
            (
                Work::Read {
                    node: _,
                    side: Side::Remote,
                    how,
                },
                _,
            ) => {
                let used = how.unwrap_or(self.how);
                let is_facts = matches!(used, How::Facts | How::FactsInside);
                let next = match trouble {
                    Trouble::Refused(202 | 500 | 502 | 504) if is_facts => {
                        self.how = if absolute { How::ListInside } else { How::List };
                        Some(None)
                    }
                    Trouble::Refused(450 | 501 | 550) if used == How::Facts && absolute => {
                        Some(Some(How::FactsInside))
                    }
                    Trouble::NoDataConnection if used != How::Status => {
                        self.how = How::Status;
                        Some(None)
                    }
                    _ => None,
                };
                match next {
                    Some(next) => {
                        *how = next;
                        self.queue.push(job);
                        None
                    }
                    None => Some(job),
                }
            }
            (Work::Copy(file), Trouble::Refused(500..) | Trouble::Local(LocalTrouble::Changed))
                if file.offset > 0 && !file.anew =>
            {
                // No restart there, or nothing to be gone on with.
                file.offset = 0;
                file.anew = true;
                self.queue.push(job);
                None
            }
            (Work::Make { node }, Trouble::Refused(_) | Trouble::Local(LocalTrouble::Exists)) => {
                // Perhaps it is there: hidden from the listing of its parent, or made by a session that broke.
                let node = *node;
                let parts = self.nodes.get_mut(node)?;
                if parts.target == Target::Making {
                    parts.target = Target::Probing;
                    let side = self.changed_side();
                    let how = self.inside();
                    self.push(Work::Read { node, side, how });
                    return None;
                }
                Some(job)
            }
            (Work::Measure(file), Trouble::Refused(_)) => {
                file.offset = 0;
                job.work = Work::Copy(file.clone());
                self.queue.push(job);
                None
            }
            (Work::Check(file), Trouble::Refused(_)) => {
                let file = file.clone();
                self.unchecked(file);
                None
            }
            (Work::Publish(file), Trouble::SessionOver)
                if self.target == Some(Side::Remote) && self.offers.sets_times =>
            {
                // There are servers that end there: a file without its time is better than none.
                file.time = None;
                self.time_breaks += 1;
                self.offers.sets_times = self.time_breaks < TIME_BREAKS;
                Some(job)
            }
            (Work::Publish(file), Trouble::Refused(_))
                if job.attempts > 0 && self.target == Some(Side::Remote) =>
            {
                let file = file.clone();
                self.push(Work::Confirm(file));
                None
            }
            _ => Some(job),
        }
    }

    /// A way of reading that tells a missing directory.
    fn inside(&self) -> Option<How> {
        let absolute = self.root.starts_with(b"/");
        (absolute && self.how == How::Facts).then_some(How::FactsInside)
    }

    fn give_up(&mut self, job: Job, trouble: Trouble) {
        let reason = Reason::Trouble(trouble);
        match job.work {
            Work::Read { node, side, .. } => self.unreadable(node, side, trouble),
            Work::Ask { .. } => self.settle_zone(Zone::Unknown),
            // It has the time of the listing, or none.
            Work::Date(file) if trouble != Trouble::Cancelled => self.publish(file),
            Work::Make { node } => self.not_made(node, reason),
            Work::Publish(file) if trouble == Trouble::Local(LocalTrouble::Exists) => {
                self.fail(file.node, Some(&file.name), Reason::InTheWay);
            }
            Work::Copy(file)
            | Work::Date(file)
            | Work::Measure(file)
            | Work::Check(file)
            | Work::Publish(file)
            | Work::Confirm(file) => {
                self.fail(file.node, Some(&file.name), reason);
            }
            Work::Remove { node, name } => {
                self.fail(node, name.as_deref(), reason);
                self.is_kept(node, name.is_none());
            }
            Work::Discard(_) => {}
        }
    }

    // ---- files

    /// A transfer is whole.
    fn came(&mut self, mut file: Copying, bytes: u64) {
        self.summary.bytes += bytes;
        file.moved += bytes;
        file.offset += bytes;
        self.whole(file);
    }

    /// A broken upload can be gone on with from there.
    fn measured(&mut self, mut file: Copying, attempts: u8, octets: u64) {
        let has_grown = octets > file.offset && file.begun < BEGINNINGS;
        let attempts = if has_grown { 0 } else { attempts };
        file.offset = match file.size {
            Some(size) if octets <= size => octets,
            _ => 0,
        };
        if file.offset > 0 && Some(file.offset) == file.size {
            self.whole(file);
        } else if self.stage == Stage::Stopped {
            self.summary.not_reached += 1;
        } else {
            let work = Work::Copy(file);
            self.queue.push(Job { work, attempts });
        }
    }

    /// All octets of a file are in the target.
    pub(super) fn whole(&mut self, file: Copying) {
        let as_listed = file.size.is_none_or(|size| size == file.offset);
        let is_upload = self.target == Some(Side::Remote);
        if !as_listed && is_upload {
            // It changed under our hands.
            self.differs(file);
        } else if !as_listed || self.options.check != Check::Transfer {
            self.push(Work::Check(file));
        } else {
            self.publish(file);
        }
    }

    /// A file is whole by all that is known.
    fn publish(&mut self, mut file: Copying) {
        let asks = self.source == Some(Side::Remote)
            && self.options.keep_times
            && self.offers.tells_times
            && !file.exact;
        if asks {
            file.exact = true;
            self.push(Work::Date(file));
        } else {
            self.push(Work::Publish(file));
        }
    }

    /// The server cannot say whether a file is the same.
    fn unchecked(&mut self, mut file: Copying) {
        let had_digest =
            self.options.check == Check::Digest && !file.only_size && self.offers.digest.is_some();
        if had_digest {
            file.only_size = true;
            self.push(Work::Check(file));
        } else if file.size.is_none_or(|size| size == file.offset) {
            self.publish(file);
        } else {
            self.differs(file);
        }
    }

    fn differs(&mut self, mut file: Copying) {
        if !self.law.holds(Rule::PublishWhole) {
            self.push(Work::Publish(file));
        } else if file.anew || file.begun >= BEGINNINGS {
            self.fail(file.node, Some(&file.name), Reason::Differs);
            // Nobody is to take it for whole later.
            self.push(Work::Discard(file));
        } else {
            file.anew = true;
            file.begun += 1;
            file.offset = 0;
            self.push(Work::Copy(file));
        }
    }

    fn copied(&mut self, file: &Copying, time_kept: bool) {
        self.summary.copied += 1;
        if self.options.keep_times && !time_kept {
            self.summary.times_lost += 1;
        }
        let path = self.nodes.path(file.node, Some(&file.name));
        let bytes = file.moved;
        self.events.push_back(Event::Copied { path, bytes });
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
        self.nodes.place(side, &self.root, node, name)
    }

    fn remote(&self, node: NodeId, name: &[u8]) -> Vec<u8> {
        match self.place(Side::Remote, node, Some(name)) {
            Place::Remote(path) => path,
            Place::Local(_) => Vec::new(),
        }
    }

    fn local(&self, node: NodeId, name: &[u8]) -> LocalPath {
        match self.place(Side::Local, node, Some(name)) {
            Place::Local(path) => path,
            Place::Remote(_) => LocalPath::default(),
        }
    }
}
