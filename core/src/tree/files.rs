//! A file on its way: copied, checked, published.

use super::options::Check;
use super::path::Side;
use super::planner::{Planner, Stage};
use super::summary::{Event, Reason, Skip};
use super::work::{Copying, Job, Work};
use crate::rules::Rule;

/// How many times in all a transfer that got on may break.
pub(super) const BREAKS: u8 = 50;

impl Planner {
    /// A file to be copied, or one that came whole already.
    pub(super) fn begin(&mut self, file: Copying) {
        self.summary.resumed += file.offset;
        self.wanted.0 += 1;
        self.wanted.1 += file.size.unwrap_or(0).saturating_sub(file.offset);
        if file.offset > 0 && Some(file.offset) == file.size && !self.options.dry_run {
            self.whole(file);
        } else {
            self.push(Work::Copy(file));
        }
    }

    /// A file that is the same already. What was left of it, by somebody who was stopped between its name and the end of the other one, is of
    /// no use.
    pub(super) fn unchanged(&mut self, file: Copying, was_begun: bool) {
        self.skip(file.node, &file.name, Skip::Unchanged);
        if was_begun {
            self.push(Work::Discard(file));
        }
    }

    /// A transfer is whole.
    pub(super) fn came(&mut self, mut file: Copying, bytes: u64) {
        self.summary.bytes += bytes;
        file.moved += bytes;
        file.offset += bytes;
        self.whole(file);
    }

    /// A broken upload can be gone on with from there.
    pub(super) fn measured(&mut self, mut file: Copying, attempts: u8, octets: u64) {
        let has_grown = octets > file.offset && file.broken < BREAKS;
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
    pub(super) fn publish(&mut self, mut file: Copying) {
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
    pub(super) fn unchecked(&mut self, mut file: Copying) {
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

    pub(super) fn differs(&mut self, mut file: Copying) {
        if !self.law.holds(Rule::PublishWhole) {
            self.push(Work::Publish(file));
        } else if file.anew {
            self.fail(file.node, Some(&file.name), Reason::Differs);
            // Nobody is to take it for whole later.
            self.push(Work::Discard(file));
        } else {
            file.anew = true;
            file.offset = 0;
            self.push(Work::Copy(file));
        }
    }

    pub(super) fn copied(&mut self, file: &Copying, time_kept: bool) {
        self.summary.copied += 1;
        if self.options.keep_times && !time_kept {
            self.summary.times_lost += 1;
        }
        let path = self.nodes.path(file.node, Some(&file.name));
        let bytes = file.moved;
        self.events.push_back(Event::Copied { path, bytes });
    }
}
