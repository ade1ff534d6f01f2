//! A directory that is known on both sides: what is done about each thing in it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::compare::replaces;
use super::found::{Found, FoundKind, Listing};
use super::glob::fold_name;
use super::nodes::{NodeId, Target};
use super::options::{Check, Delete, Overwrite};
use super::path::{Side, is_plain, is_unfinished, unfinished_name};
use super::planner::Planner;
use super::summary::{Event, Reason, Skip};
use super::work::{Copying, Work};
use crate::listing::{LocalName, Precision};
use crate::rules::Rule;

/// What names are compared by.
type Key = Vec<u32>;

impl Planner {
    /// Goes through a directory.
    pub(super) fn pair(&mut self, id: NodeId, source: Listing, target: Listing) {
        let mut there: BTreeMap<Key, Found> = BTreeMap::new();
        for found in target.entries {
            there.insert(self.key(&found.name), found);
        }
        let is_whole = source.unread == 0 || !self.law.holds(Rule::DeleteKnown);
        let mut entries = source.entries;
        // Of one name, all kinds are together.
        entries.sort_by(|one, other| (&one.name, one.kind).cmp(&(&other.name, other.kind)));
        // Names that the source has, whatever comes of them: nothing of that name is extraneous.
        let mut names = BTreeSet::new();
        let mut directories = Vec::new();
        let mut unfinished = BTreeSet::new();
        let mut rest = entries.as_slice();
        while let Some((first, _)) = rest.split_first() {
            let alike = rest
                .iter()
                .take_while(|found| found.name == first.name)
                .count();
            let (same, after) = rest.split_at(alike);
            rest = after;
            self.summary.entries += alike as u64;
            let key = self.key(&first.name);
            let is_new = names.insert(key.clone());
            let kinds_differ = same.iter().any(|found| found.kind != first.kind);
            if kinds_differ && self.law.holds(Rule::OneOfAName) {
                for _ in same {
                    self.fail(id, Some(&first.name), Reason::Ambiguous);
                }
                continue;
            }
            // The same thing twice is one thing.
            self.summary.skipped += alike as u64 - 1;
            if !is_new {
                self.fail(id, Some(&first.name), Reason::SameButForCase);
                continue;
            }
            let other = there.get(&key);
            let met = if kinds_differ { alike } else { 1 };
            for found in same.iter().take(met) {
                if let Some(directory) = self.meet(id, found, other, &there, &mut unfinished) {
                    directories.push(directory);
                }
            }
        }
        // The first one comes last, to be read first.
        for directory in directories.into_iter().rev() {
            self.read_both(directory);
        }
        if self.options.delete != Delete::Never && is_whole {
            for (key, found) in there {
                if !names.contains(&key) && !unfinished.contains(&found.name) {
                    self.doom(id, found);
                }
            }
        }
    }

    /// One thing of the source. A directory is given back, to be read.
    fn meet(
        &mut self,
        id: NodeId,
        found: &Found,
        other: Option<&Found>,
        there: &BTreeMap<Key, Found>,
        unfinished: &mut BTreeSet<Vec<u8>>,
    ) -> Option<NodeId> {
        let name = found.name.as_slice();
        if let Some(why) = self.refuses(name) {
            self.fail(id, Some(name), why);
            return None;
        }
        let is_directory = found.kind == FoundKind::Directory;
        let path = self.nodes.path(id, Some(name));
        if !self.options.filter.takes(&path, is_directory) {
            self.skip(id, name, Skip::Filtered);
            return None;
        }
        if self.target.is_none() {
            let found = found.clone();
            self.events.push_back(Event::Entry { path, found });
        }
        match found.kind {
            FoundKind::Directory => self.meet_directory(id, found, other),
            _ if self.target.is_none() => None,
            FoundKind::File if is_unfinished(name) => {
                self.skip(id, name, Skip::Unfinished);
                None
            }
            kind if self.is_copied(kind) => {
                self.meet_file(id, found, other, there, unfinished);
                None
            }
            FoundKind::Link => {
                self.skip(id, name, Skip::Link);
                None
            }
            FoundKind::File | FoundKind::Other => {
                self.skip(id, name, Skip::Special);
                None
            }
        }
    }

    /// Why a name cannot be used on both sides, if it cannot.
    fn refuses(&self, name: &[u8]) -> Option<Reason> {
        if !self.law.holds(Rule::PlainNames) {
            return None;
        }
        if self.target == Some(Side::Local)
            && let Err(why) = LocalName::from_remote(name)
        {
            return Some(Reason::UnsafeName(why));
        }
        (!is_plain(name)).then_some(Reason::ReachesElsewhere)
    }

    fn meet_directory(
        &mut self,
        id: NodeId,
        found: &Found,
        other: Option<&Found>,
    ) -> Option<NodeId> {
        let name = found.name.as_slice();
        let target = match other.map(|other| other.kind) {
            None => Target::Missing,
            Some(FoundKind::Directory) => Target::There,
            Some(FoundKind::Link) if !self.law.holds(Rule::NoLinks) => Target::There,
            Some(_) => {
                self.fail(id, Some(name), Reason::InTheWay);
                return None;
            }
        };
        // Only the server says what it calls a directory, on whichever side it is.
        let there = other.and_then(|other| other.unique.as_ref());
        let unique = found.unique.as_ref().or(there).cloned();
        if let Some(why) = self.no_further(id, name, unique.as_deref()) {
            self.fail(id, Some(name), why);
            return None;
        }
        let node = self.below(id, found.name.clone(), unique, target);
        Some(self.nodes.add(node))
    }

    fn meet_file(
        &mut self,
        id: NodeId,
        found: &Found,
        other: Option<&Found>,
        there: &BTreeMap<Key, Found>,
        unfinished: &mut BTreeSet<Vec<u8>>,
    ) {
        let is_other_kind = |other: &Found| other.kind != FoundKind::File;
        if other.is_some_and(is_other_kind) {
            self.fail(id, Some(&found.name), Reason::InTheWay);
            return;
        }
        let utc = found.time.and_then(|time| time.utc());
        let seconds = found.time.map(|time| time.stamp.to_unix_seconds());
        let name = if self.law.holds(Rule::ResumeSame) {
            unfinished_name(&found.name, found.size, seconds)
        } else {
            unfinished_name(&found.name, None, None)
        };
        let begun = there
            .get(&self.key(&name))
            .filter(|begun| begun.kind == FoundKind::File);
        // Only a file of known size is known to be the one that was begun.
        let offset = match (begun.and_then(|begun| begun.size), found.size) {
            (Some(begun), Some(size)) if begun <= size && self.options.resume => begun,
            _ => 0,
        };
        unfinished.insert(name.clone());
        let file = Copying {
            node: id,
            name: found.name.clone(),
            size: found.size,
            time: utc.filter(|_| self.options.keep_times),
            replaces: other.is_some(),
            unfinished: name,
            offset,
            moved: 0,
            broken: 0,
            exact: found
                .time
                .is_some_and(|time| utc.is_some() && time.precision == Precision::Second),
            anew: false,
            only_size: false,
        };
        let (overwrite, slack) = (self.options.overwrite, self.options.slack);
        if other.is_none_or(|other| replaces(found, other, overwrite, slack)) {
            self.begin(file);
        } else if self.looks_closer(found) {
            self.push(Work::Compare(file));
        } else {
            self.unchanged(file, begun.is_some());
        }
    }

    /// Whether a file that looks unchanged is compared by what is in it.
    fn looks_closer(&self, found: &Found) -> bool {
        self.options.check == Check::Digest
            && self.options.overwrite == Overwrite::Changed
            && self.offers.digest.is_some()
            && found.size != Some(0)
    }

    /// Something in the target that the source does not have.
    fn doom(&mut self, id: NodeId, found: Found) {
        let is_directory = found.kind == FoundKind::Directory;
        let path = self.nodes.path(id, Some(&found.name));
        let spared =
            !self.options.filter.takes(&path, is_directory) && self.law.holds(Rule::SpareFiltered);
        if spared {
            self.skip(id, &found.name, Skip::Filtered);
        } else if is_plain(&found.name) {
            self.doomed.push((id, found));
        }
    }

    fn key(&self, name: &[u8]) -> Key {
        if self.options.fold_case {
            fold_name(name)
        } else {
            name.iter().map(|byte| u32::from(*byte)).collect()
        }
    }
}
