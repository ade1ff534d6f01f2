//! What there is to do.

use alloc::vec::Vec;

use super::nodes::NodeId;
use super::order::How;
use super::path::Side;
use crate::listing::Time;
use crate::wire::date::Timestamp;

/// Something to do, and how often it was tried in a row.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) attempts: u8,
}

#[derive(Clone, Debug)]
pub(super) enum Work {
    Read {
        node: NodeId,
        side: Side,
        /// Another way than the one that is used in general.
        how: Option<How>,
    },
    /// Asks for the time of one file, to find out the zone of the listing it was in.
    Ask {
        node: NodeId,
        name: Vec<u8>,
        listed: Time,
    },
    /// Asks for the time of a file, where the listing does not say it to the second.
    Date(Copying),
    Make {
        node: NodeId,
    },
    Copy(Copying),
    /// Asks how much of a broken upload has arrived.
    Measure(Copying),
    Check(Copying),
    /// Compares a file that looks unchanged by its digest.
    Compare(Copying),
    Publish(Copying),
    /// Looks whether a name was given already, by a session that broke meanwhile.
    Confirm(Copying),
    /// Deletes a thing in a directory; without a name, the directory.
    Remove {
        node: NodeId,
        name: Option<Vec<u8>>,
    },
    /// Deletes what came of a file that is not the same as its original.
    Discard(Copying),
}

/// A file on its way.
#[derive(Clone, Debug)]
pub(super) struct Copying {
    pub(super) node: NodeId,
    pub(super) name: Vec<u8>,
    pub(super) size: Option<u64>,
    /// To be kept.
    pub(super) time: Option<Timestamp>,
    pub(super) replaces: bool,
    /// Its name until it is whole.
    pub(super) unfinished: Vec<u8>,
    /// Octets that are in the target for certain.
    pub(super) offset: u64,
    /// Octets that were moved in this run.
    pub(super) moved: u64,
    /// Transfers that broke.
    pub(super) broken: u8,
    /// Its time is known to the second, or as well as it will ever be.
    pub(super) exact: bool,
    /// It was begun anew already, because what was there was of no use.
    pub(super) anew: bool,
    /// The server has no digest of it.
    pub(super) only_size: bool,
}

impl Job {
    pub(super) fn new(work: Work) -> Self {
        Job { work, attempts: 0 }
    }

    /// Whether it changes something on either side.
    pub(super) fn changes(&self) -> bool {
        match self.work {
            Work::Read { .. }
            | Work::Ask { .. }
            | Work::Date(_)
            | Work::Measure(_)
            | Work::Check(_)
            | Work::Compare(_)
            | Work::Confirm(_) => false,
            Work::Make { .. }
            | Work::Copy(_)
            | Work::Publish(_)
            | Work::Remove { .. }
            | Work::Discard(_) => true,
        }
    }
}

/// What there is to do next.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// What others wait for, and what ends a file that has come.
    urgent: alloc::collections::VecDeque<Job>,
    /// The one that came last goes first: so a tree is gone through to its depth, and few directories wait.
    reads: Vec<Job>,
    copies: alloc::collections::VecDeque<Job>,
}

/// As many files wait before no further directory is read.
const PLENTY: usize = 512;

impl Queue {
    pub(super) fn push(&mut self, job: Job) {
        match job.work {
            Work::Read { .. } => self.reads.push(job),
            Work::Copy(_) => self.copies.push_back(job),
            _ => self.urgent.push_back(job),
        }
    }

    /// To be tried again, behind what waits already.
    pub(super) fn push_again(&mut self, job: Job) {
        match job.work {
            Work::Read { .. } => self.reads.insert(0, job),
            _ => self.push(job),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Job> {
        if let Some(job) = self.urgent.pop_front() {
            return Some(job);
        }
        let reads_first = self.copies.len() < PLENTY;
        let read = if reads_first { self.reads.pop() } else { None };
        read.or_else(|| self.copies.pop_front())
            .or_else(|| self.reads.pop())
    }

    /// A copy, if there is nothing that goes before it and there are more than `rest`.
    pub(super) fn pop_copy(&mut self, rest: usize) -> Option<Job> {
        let is_next = self.urgent.is_empty() && self.copies.len() > rest;
        is_next.then(|| self.copies.pop_front()).flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.reads.is_empty() && self.copies.is_empty()
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Job> + '_ {
        self.urgent
            .drain(..)
            .chain(self.reads.drain(..))
            .chain(self.copies.drain(..))
    }
}
