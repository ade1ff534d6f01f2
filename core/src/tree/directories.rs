//! What becomes of a directory: read on both sides, made, or emptied and deleted.

use alloc::vec::Vec;

use super::found::{Found, FoundKind, Listing};
use super::nodes::{Node, NodeId, Target};
use super::options::Links;
use super::order::{LocalTrouble, Trouble};
use super::path::{Side, is_plain};
use super::planner::{Planner, ZoneState};
use super::summary::{Event, Reason, Skip};
use super::work::{Job, Work};
use crate::listing::{Precision, Zone};
use crate::rules::Rule;

impl Planner {
    /// Reads a directory, wherever it is to be read.
    pub(super) fn read_both(&mut self, id: NodeId) {
        let (source, target) = (self.source, self.target);
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let sides = if node.doomed {
            [None, target]
        } else {
            if node.target == Target::Missing || target.is_none() {
                node.target_listing = Some(Listing::default());
            }
            let known = node.target_listing.is_some();
            [source, target.filter(|_| !known)]
        };
        for side in sides.into_iter().flatten() {
            self.push(Work::Read {
                node: id,
                side,
                how: None,
            });
        }
    }

    /// A directory was read.
    pub(super) fn listed(&mut self, id: NodeId, side: Side, listing: Listing) {
        self.summary.unread += listing.unread;
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let is_walked = node.doomed || self.source == Some(side);
        self.summary.directories += u64::from(is_walked);
        if is_walked && node.unique.is_none() && listing.unique.is_some() {
            let above = node.parent;
            let unique = listing.unique.clone();
            let met = |plan: &Planner| {
                let unique = unique.as_deref()?;
                Some(plan.nodes.has_above(above?, unique))
            };
            if met(self) == Some(true) && self.law.holds(Rule::NoCircles) {
                self.fail(id, None, Reason::Circle);
                self.is_kept(id, true);
                return;
            }
            if let Some(node) = self.nodes.get_mut(id) {
                node.unique = unique;
            }
        }
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        if node.doomed {
            self.empty(id, listing);
        } else if node.target == Target::Failed {
            if is_walked {
                self.not_seen(&listing);
            }
        } else if is_walked {
            node.source_listing = Some(listing);
            self.compare(id);
        } else {
            node.target = Target::There;
            node.target_listing = Some(listing);
            self.release(id);
            self.compare(id);
        }
    }

    /// A directory could not be read.
    pub(super) fn unreadable(&mut self, id: NodeId, side: Side, trouble: Trouble) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let is_missing = matches!(
            trouble,
            Trouble::Local(LocalTrouble::Missing) | Trouble::Refused(450 | 501 | 550)
        );
        let is_target = !node.doomed && self.source != Some(side);
        match node.target {
            Target::Unknown if is_target && is_missing => {
                node.target = Target::Missing;
                node.target_listing = Some(Listing::default());
                self.compare(id);
            }
            Target::Failed => {}
            _ if node.doomed => {
                self.fail(id, None, Reason::Trouble(trouble));
                self.is_kept(id, true);
            }
            _ => self.not_made(id, Reason::Trouble(trouble)),
        }
    }

    // ---- made

    /// Makes a directory, after those it is in.
    pub(super) fn make(&mut self, id: NodeId) {
        let mut at = id;
        while let Some(node) = self.nodes.get_mut(at) {
            if node.target != Target::Missing {
                // It is there; or will be, and what waits for it goes on then.
                break;
            }
            node.target = Target::Making;
            let job = Job::new(Work::Make { node: at });
            let Some(parent) = node.parent else {
                self.queue.push(job);
                break;
            };
            match self.nodes.get_mut(parent) {
                Some(above) if above.target == Target::There => self.queue.push(job),
                Some(above) => above.waiting.push(job),
                None => {}
            }
            at = parent;
        }
    }

    pub(super) fn made(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        node.target = Target::There;
        node.target_listing = Some(Listing::default());
        self.summary.made += 1;
        let path = self.nodes.path(id, None);
        self.events.push_back(Event::Made { path });
        self.release(id);
        self.compare(id);
    }

    /// What waited for the directory goes on.
    fn release(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(id) {
            for job in core::mem::take(&mut node.waiting) {
                self.queue.push(job);
            }
        }
    }

    /// A directory cannot be had on one side: what would be in it is not reached.
    pub(super) fn not_made(&mut self, id: NodeId, reason: Reason) {
        self.fail(id, None, reason);
        let mut lost = alloc::vec![id];
        while let Some(node) = lost.pop().and_then(|id| self.nodes.get_mut(id)) {
            node.target = Target::Failed;
            let unseen = node.source_listing.take();
            for job in core::mem::take(&mut node.waiting) {
                if let Work::Make { node } = job.work {
                    lost.push(node);
                }
            }
            if let Some(listing) = unseen {
                self.not_seen(&listing);
            }
        }
    }

    fn not_seen(&mut self, listing: &Listing) {
        let count = listing.entries.len() as u64;
        self.summary.entries += count;
        self.summary.not_reached += count;
    }

    // ---- compared

    /// The zone that listings are written in is known, or never will be.
    pub(super) fn settle_zone(&mut self, zone: Zone) {
        self.zone = ZoneState::Settled(zone);
        for id in core::mem::take(&mut self.held) {
            self.compare(id);
        }
    }

    /// Goes on with a directory that is read on both sides, and made.
    fn compare(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(id) else {
            return;
        };
        let (Some(source), Some(target)) = (&node.source_listing, &node.target_listing) else {
            return;
        };
        if matches!(
            node.target,
            Target::Making | Target::Probing | Target::Failed
        ) {
            return;
        }
        if self.target.is_some() {
            let unclear = source
                .entries
                .iter()
                .chain(&target.entries)
                .find(|found| is_unclear(found));
            match (self.zone, unclear) {
                (ZoneState::Asking, Some(_)) => {
                    self.held.push(id);
                    return;
                }
                (ZoneState::Unasked, Some(found)) if is_plain(&found.name) => {
                    let (name, time) = (found.name.clone(), found.time);
                    if let Some(listed) = time {
                        self.zone = ZoneState::Asking;
                        self.held.push(id);
                        self.push(Work::Ask {
                            node: id,
                            name,
                            listed,
                        });
                        return;
                    }
                }
                _ => {}
            }
            let is_missing = node.target == Target::Missing;
            if is_missing && self.is_wanted(id) {
                self.make(id);
                return;
            }
        }
        let taken = self.nodes.get_mut(id).and_then(|node| {
            let source = node.source_listing.take()?;
            Some((source, node.target_listing.take()?))
        });
        if let Some((source, target)) = taken {
            self.pair(id, self.in_zone(source), self.in_zone(target));
        }
    }

    /// Whether a directory is made for its own sake, or for a file right in it.
    fn is_wanted(&self, id: NodeId) -> bool {
        let filter = &self.options.filter;
        let listing = self
            .nodes
            .get(id)
            .and_then(|node| node.source_listing.as_ref());
        !filter.is_selective()
            || listing.is_some_and(|listing| {
                listing.entries.iter().any(|found| {
                    self.is_copied(found.kind)
                        && filter.takes(&self.nodes.path(id, Some(&found.name)), false)
                })
            })
    }

    /// Whether things of this kind are copied as files.
    pub(super) fn is_copied(&self, kind: FoundKind) -> bool {
        let follows = self.options.links == Links::Files && self.source == Some(Side::Remote)
            || !self.law.holds(Rule::NoLinks);
        kind == FoundKind::File || kind == FoundKind::Link && follows
    }

    fn in_zone(&self, mut listing: Listing) -> Listing {
        if let ZoneState::Settled(zone) = self.zone {
            for time in listing
                .entries
                .iter_mut()
                .filter_map(|found| found.time.as_mut())
            {
                if time.zone == Zone::Unknown {
                    time.zone = zone;
                }
            }
        }
        listing
    }

    // ---- deleted

    /// A directory that is to be deleted, in one that stays or is to be deleted too.
    pub(super) fn doom_directory(&mut self, parent: NodeId, name: Vec<u8>) -> Option<NodeId> {
        let above = self.nodes.get_mut(parent)?;
        let depth = above.depth.saturating_add(1);
        above.open += 1;
        let mut node = Node::new(Some(parent), name, depth, Target::There);
        node.doomed = true;
        let id = self.nodes.add(node);
        self.read_both(id);
        Some(id)
    }

    /// Deletes what is in a doomed directory.
    fn empty(&mut self, id: NodeId, listing: Listing) {
        let is_root = self.nodes.get(id).is_some_and(|node| node.parent.is_none());
        let keeps_root = is_root && matches!(self.root(), b"" | b"/");
        let mut keep = keeps_root || listing.unread > 0;
        for found in listing.entries {
            if self.source.is_none() {
                self.summary.entries += 1;
            }
            let is_directory = found.kind == FoundKind::Directory;
            let path = self.nodes.path(id, Some(&found.name));
            if !is_plain(&found.name) && self.law.holds(Rule::PlainNames) {
                self.fail(id, Some(&found.name), Reason::ReachesElsewhere);
                keep = true;
            } else if !self.options.filter.takes(&path, is_directory)
                && self.law.holds(Rule::SpareFiltered)
            {
                self.skip(id, &found.name, Skip::Filtered);
                keep = true;
            } else if !is_directory {
                if let Some(node) = self.nodes.get_mut(id) {
                    node.open += 1;
                }
                self.push(Work::Remove {
                    node: id,
                    name: Some(found.name),
                });
            } else if let Some(why) = self.no_further(id, &found) {
                self.fail(id, Some(&found.name), why);
                keep = true;
            } else if let Some(child) = self.doom_directory(id, found.name)
                && let Some(child) = self.nodes.get_mut(child)
            {
                child.unique = found.unique;
            }
        }
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        node.kept |= keep;
        if !self.law.holds(Rule::ContentsFirst) && !keeps_root {
            self.queue.push(Job::new(Work::Remove {
                node: id,
                name: None,
            }));
        } else if node.open == 0 {
            self.emptied(id);
        }
    }

    /// Nothing in a doomed directory waits any more: it goes, or stays if something in it does.
    fn emptied(&mut self, id: NodeId) {
        let mut at = id;
        while let Some(node) = self.nodes.get(at) {
            if !node.kept || !self.law.holds(Rule::ContentsFirst) {
                self.push(Work::Remove {
                    node: at,
                    name: None,
                });
                return;
            }
            let Some(parent) = node.parent else {
                return;
            };
            let Some(above) = self.nodes.get_mut(parent) else {
                return;
            };
            above.open = above.open.saturating_sub(1);
            above.kept = true;
            if above.open > 0 || !above.doomed {
                return;
            }
            at = parent;
        }
    }

    /// A thing in a directory is gone, or, without a name, the directory.
    pub(super) fn removed(&mut self, id: NodeId, name: Option<&[u8]>) {
        self.summary.deleted += 1;
        let path = self.nodes.path(id, name);
        self.events.push_back(Event::Deleted { path });
        self.is_settled(id, name.is_none(), false);
    }

    /// Something in a directory could not be deleted, or the directory itself.
    pub(super) fn is_kept(&mut self, id: NodeId, itself: bool) {
        self.is_settled(id, itself, true);
    }

    fn is_settled(&mut self, id: NodeId, itself: bool, kept: bool) {
        let directory = match self.nodes.get(id) {
            Some(node) if itself => node.parent,
            Some(_) => Some(id),
            None => None,
        };
        let Some((id, node)) = directory.and_then(|id| Some((id, self.nodes.get_mut(id)?))) else {
            return;
        };
        if !node.doomed {
            return;
        }
        node.open = node.open.saturating_sub(1);
        node.kept |= kept;
        if node.open == 0 && self.law.holds(Rule::ContentsFirst) {
            self.emptied(id);
        }
    }

    // ---- deeper

    /// Why a directory is not gone into, if it is not.
    pub(super) fn no_further(&self, id: NodeId, found: &Found) -> Option<Reason> {
        let bounds = &self.options.bounds;
        let depth = self.nodes.get(id).map_or(0, |node| node.depth);
        let length = self.root().len() + self.nodes.path(id, Some(&found.name)).len() + 2;
        let is_deep = depth >= bounds.depth || length > bounds.path;
        if is_deep && self.law.holds(Rule::BoundedDepth) {
            return Some(Reason::TooDeep);
        }
        let unique = found.unique.as_deref()?;
        let met = self.nodes.has_above(id, unique) && self.law.holds(Rule::NoCircles);
        met.then_some(Reason::Circle)
    }
}

/// Whether the time of a file cannot be compared before the zone of its listing is known.
fn is_unclear(found: &Found) -> bool {
    found.kind == FoundKind::File
        && found
            .time
            .is_some_and(|time| time.zone == Zone::Unknown && time.precision >= Precision::Minute)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::tree::{Event, Found, FoundKind, Listing, Next, Options, Order, ReadOrder};
    use crate::wire::date::Timestamp;

    fn now() -> Timestamp {
        Timestamp::new(2026, 7, 14, 12, 0, 0).unwrap()
    }

    fn entry(name: &[u8], kind: FoundKind) -> Found {
        Found::new(name.to_vec(), kind)
    }

    fn read(plan: &mut Planner) -> ReadOrder {
        match plan.next() {
            Next::Order(Order::Read(order)) => order,
            other => panic!("{other:?}"),
        }
    }

    /// What could not be done, by path.
    fn failed(plan: &mut Planner) -> Vec<(Vec<u8>, Reason)> {
        let events = core::iter::from_fn(|| plan.event());
        let failed = events.filter_map(|event| match event {
            Event::Failed(failed) => Some((failed.path, failed.why)),
            _ => None,
        });
        failed.collect()
    }

    /// The server says by the directory's own name where it leads (RFC 3659 section 7.5.2).
    #[test]
    fn a_directory_within_itself_is_not_walked_again() {
        let mut plan = Planner::walk(b"/d", Options::default(), now());
        let root = read(&mut plan);
        let listing = Listing::new(alloc::vec![entry(b"sub", FoundKind::Directory)]);
        plan.report(root.listed(listing.with_unique(b"1".to_vec())));
        let sub = read(&mut plan);
        let listing = Listing::new(alloc::vec![entry(b"sub", FoundKind::Directory)]);
        plan.report(sub.listed(listing.with_unique(b"1".to_vec())));
        assert!(matches!(plan.next(), Next::Over));
        assert_eq!(failed(&mut plan), [(b"sub".to_vec(), Reason::Circle)]);
        assert!(!plan.summary().is_complete());
    }

    /// A server that names what lies elsewhere gets nothing deleted there, nor the directory that it says it is in.
    #[test]
    fn a_name_that_leads_elsewhere_is_not_deleted() {
        let mut plan = Planner::remove(b"/d", Options::default(), now());
        let root = read(&mut plan);
        let names: [&[u8]; 3] = [b"../passwd", b"a/b", b"file"];
        let entries = names.map(|name| entry(name, FoundKind::File));
        plan.report(root.listed(Listing::new(entries.to_vec())));
        let mut removed = Vec::new();
        while let Next::Order(order) = plan.next() {
            let Order::Remove(order) = order else {
                panic!("{order:?}");
            };
            removed.push(order.place().clone());
            plan.report(order.removed());
        }
        assert_eq!(removed, [crate::tree::Place::Remote(b"/d/file".to_vec())]);
        let told = failed(&mut plan);
        assert_eq!(told.len(), 2, "{told:?}");
        let elsewhere = |(_, why): &(Vec<u8>, Reason)| *why == Reason::ReachesElsewhere;
        assert!(told.iter().all(elsewhere), "{told:?}");
    }

    #[test]
    fn a_tree_that_is_too_deep_is_left_as_it_is_below() {
        let mut options = Options::default();
        options.bounds.depth = 1;
        let mut plan = Planner::remove(b"/d", options, now());
        let mut depth = 0;
        while let Next::Order(order) = plan.next() {
            let Order::Read(order) = order else {
                panic!("{order:?}");
            };
            depth += 1;
            assert!(depth < 5, "goes on and on");
            let below = entry(b"sub", FoundKind::Directory);
            plan.report(order.listed(Listing::new(alloc::vec![below])));
        }
        assert_eq!(depth, 2);
        let told = failed(&mut plan);
        assert_eq!(told, [(b"sub/sub".to_vec(), Reason::TooDeep)]);
    }
}
