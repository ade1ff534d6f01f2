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
        if let Some(unique) = &listing.unique {
            let above = node.parent;
            node.unique = Some(unique.clone());
            let met = above.is_some_and(|above| self.nodes.has_above(above, unique));
            if met && self.law.holds(Rule::NoCircles) {
                self.not_made(id, Reason::Circle);
                return;
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
    pub(super) fn doom_directory(&mut self, parent: NodeId, found: Found) {
        if let Some(why) = self.no_further(parent, &found.name, found.unique.as_deref()) {
            self.fail(parent, Some(&found.name), why);
            return;
        }
        let mut node = self.below(parent, found.name, found.unique, Target::There);
        node.doomed = true;
        let id = self.nodes.add(node);
        self.read_both(id);
    }

    /// Deletes what is in a doomed directory.
    fn empty(&mut self, id: NodeId, listing: Listing) {
        let keeps_root = matches!(self.root(), b"" | b"/");
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let is_kept = node.parent.is_none() && keeps_root;
        // What nobody understood is still there at the end, and so is the directory.
        node.open = listing.entries.len() + usize::from(is_kept || listing.unread > 0);
        let is_empty = node.open == 0;
        for found in listing.entries {
            if self.source.is_none() {
                self.summary.entries += 1;
            }
            let is_directory = found.kind == FoundKind::Directory;
            let path = self.nodes.path(id, Some(&found.name));
            if !is_plain(&found.name) && self.law.holds(Rule::PlainNames) {
                self.fail(id, Some(&found.name), Reason::ReachesElsewhere);
            } else if !self.options.filter.takes(&path, is_directory)
                && self.law.holds(Rule::SpareFiltered)
            {
                self.skip(id, &found.name, Skip::Filtered);
            } else if !is_directory {
                self.push(Work::Remove {
                    node: id,
                    name: Some(found.name),
                });
            } else {
                self.doom_directory(id, found);
            }
        }
        if is_empty || !self.law.holds(Rule::ContentsFirst) {
            self.push(Work::Remove {
                node: id,
                name: None,
            });
        }
    }

    /// A thing in a directory is gone, or, without a name, the directory. With the last thing in it a doomed directory goes.
    pub(super) fn removed(&mut self, id: NodeId, name: Option<&[u8]>) {
        self.summary.deleted += 1;
        let path = self.nodes.path(id, name);
        self.events.push_back(Event::Deleted { path });
        let directory = match name {
            Some(_) => Some(id),
            None => self.nodes.get(id).and_then(|node| node.parent),
        };
        let Some((id, node)) = directory.and_then(|id| Some((id, self.nodes.get_mut(id)?))) else {
            return;
        };
        node.open = node.open.saturating_sub(1);
        if node.doomed && node.open == 0 && self.law.holds(Rule::ContentsFirst) {
            self.push(Work::Remove {
                node: id,
                name: None,
            });
        }
    }

    // ---- deeper

    /// A directory in another one, with what the server calls it.
    pub(super) fn below(
        &self,
        parent: NodeId,
        name: Vec<u8>,
        unique: Option<Vec<u8>>,
        target: Target,
    ) -> Node {
        let depth = self.nodes.get(parent).map_or(0, |above| above.depth);
        let mut node = Node::new(Some(parent), name, depth.saturating_add(1), target);
        node.unique = unique;
        node
    }

    /// Why a directory is not gone into, if it is not.
    pub(super) fn no_further(
        &self,
        id: NodeId,
        name: &[u8],
        unique: Option<&[u8]>,
    ) -> Option<Reason> {
        let bounds = &self.options.bounds;
        let depth = self.nodes.get(id).map_or(0, |node| node.depth);
        let length = self.root().len() + self.nodes.path(id, Some(name)).len() + 2;
        let is_deep = depth >= bounds.depth || length > bounds.path;
        if is_deep && self.law.holds(Rule::BoundedDepth) {
            return Some(Reason::TooDeep);
        }
        let met = self.nodes.has_above(id, unique?) && self.law.holds(Rule::NoCircles);
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
