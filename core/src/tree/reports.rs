//! What comes of orders: done, done in another way, tried again, given up.

use super::files::BREAKS;
use super::nodes::Target;
use super::order::{How, LocalTrouble, Report, Trouble, What};
use super::path::Side;
use super::planner::{Planner, Stage};
use super::summary::Reason;
use super::work::{Job, Work};
use crate::listing::Zone;
use crate::rules::Rule;

/// After so many breaks in a row no time is set any more.
const TIME_BREAKS: u8 = 3;

impl Planner {
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
            (Work::Compare(file), What::Differs) => self.begin(file),
            (Work::Compare(file), _) => {
                let was_begun = file.offset > 0;
                self.unchanged(file, was_begun);
            }
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
            file.broken = file.broken.saturating_add(1);
            if moved > 0 && file.broken < BREAKS {
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
        let absolute = self.root().starts_with(b"/");
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
            (Work::Check(file), Trouble::Refused(_) | Trouble::Unreadable) => {
                let file = file.clone();
                self.unchecked(file);
                None
            }
            (Work::Compare(file), Trouble::Refused(_) | Trouble::Unreadable) => {
                // What is known of it has not changed.
                let file = file.clone();
                self.unchanged(file, false);
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
        let absolute = self.root().starts_with(b"/");
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
            | Work::Compare(file)
            | Work::Publish(file)
            | Work::Confirm(file) => {
                self.fail(file.node, Some(&file.name), reason);
            }
            Work::Remove { node, name } => {
                self.fail(node, name.as_deref(), reason);
            }
            Work::Discard(_) => {}
        }
    }
}
