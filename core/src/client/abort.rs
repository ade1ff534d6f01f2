//! Transfers that are given up, and the way back into step.

use crate::error::{Failure, FailureKind};
use crate::order::Fault;
use crate::output::Note;
use crate::queue::Piece;
use crate::rules::Rule;
use crate::rules::data::Life;
use crate::rules::replies::meaning;
use crate::rules::transfer::Answer;
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::{Command, Verb};
use crate::wire::reply::{Class, Code};

use super::join::is_about_the_file;
use super::queue::{Item, Outcome};
use super::replies::dialogue_of;
use super::request::{Expected, Kind, Step};
use super::{Aborting, Client, Transfer};

impl Client {
    /// The application gives the running transfer up.
    pub(super) fn abort_for(&mut self, ticket: TicketId) {
        self.give_up_transfer(Some(ticket), None);
    }

    /// The control connection is lost, and nobody waits for the data that still flows.
    pub(super) fn give_up_draining(&mut self) {
        let bytes = self.data.bytes;
        if let Some(transfer) = &mut self.transfer {
            transfer.broken = Some(FailureKind::Aborted { bytes });
        }
        self.close_data();
        self.join();
    }

    /// ABOR, if the server says nothing by itself, and the session is brought back into step. `retry`: by the next data mode, because this one
    /// failed so.
    pub(super) fn give_up_transfer(&mut self, ticket: Option<TicketId>, retry: Option<Fault>) {
        let bytes = self
            .transfer
            .as_ref()
            .and_then(|transfer| transfer.end)
            .map_or(self.data.bytes, |end| end.bytes);
        let local = self.transfer.as_ref().is_some_and(Transfer::failed_here);
        // A server in the middle of a transfer sees that its data connection is gone, and says so: one reply, and no doubt whose it is. ABOR
        // in its face has made servers crash. One that turns a data connection away may be about to refuse the file.
        let seen = self.data.is_connected()
            && self.transfer.as_ref().is_some_and(|transfer| {
                let begun = transfer.announced || self.data.life == Life::Flowing;
                begun && !transfer.answer.is_final()
            });
        let turned_away = retry.is_some_and(|fault| fault != Fault::TimedOut);
        self.close_data();
        let transfer = self
            .transfer
            .take()
            .map(|transfer| (transfer.ticket, bytes))
            .map(|(running, bytes)| match ticket {
                Some(_) => self.meant_by_abort(running, bytes),
                None => (running, bytes),
            });
        if retry.is_none() {
            self.note(Note::Resynchronising);
            self.lock_step();
        }
        self.aborting = Some(Aborting {
            ticket,
            transfer,
            retry,
            local,
            said: false,
            barrier: false,
        });
        for timer in [Timer::Reply, Timer::Guard, Timer::Keepalive] {
            self.timers.cancel(timer);
        }
        self.timers
            .arm(Timer::Abort, self.now + self.config.limits.abort_wait);
        if seen || turned_away {
            self.timers
                .arm(Timer::Guard, self.now + self.config.limits.abort_gap);
        } else {
            self.say_abort();
        }
    }

    fn say_abort(&mut self) {
        // A file that is refused in time is no trouble of the session.
        if self
            .aborting
            .is_some_and(|aborting| aborting.retry.is_some())
        {
            self.note(Note::Resynchronising);
            self.lock_step();
        }
        if let Some(aborting) = &mut self.aborting {
            aborting.said = true;
            self.say(Step::Abort, Verb::Abor, None, |out, max| {
                Command::Abor.encode(out, max)
            });
            self.timers
                .arm(Timer::Guard, self.now + self.config.limits.guard_wait);
        }
    }

    /// Every order of replies to an abort ends here: the transfer's own, the answer to ABOR, one of them, none, in any order.
    ///
    /// How many come of a cut and ABOR is never sure (three have been seen), so behind ABOR the barrier decides: nothing but PWD is answered
    /// with 257.
    pub(super) fn on_reply_while_aborting(&mut self, code: Code, text: &Piece) {
        if code.class() == Class::Preliminary {
            return;
        }
        let barrier = self.aborting.is_some_and(|aborting| aborting.barrier);
        let said = self.aborting.is_some_and(|aborting| aborting.said);
        let given_up = self
            .aborting
            .and_then(|aborting| aborting.transfer)
            .map(|(ticket, _)| ticket);
        let nothing_else = self.outstanding.iter().all(|expected| {
            expected.ticket.is_none()
                || expected.ticket == given_up
                || (expected.orphan && expected.kind != Some(Kind::Login))
        });
        if barrier && nothing_else && code == Code::PATHNAME_CREATED {
            self.outstanding.clear();
        } else {
            match self.outstanding.front() {
                Some(front) if front.step == Step::Barrier => {
                    // Only a refusal of PWD itself is its answer; anything else is late.
                    if matches!(code.value(), 500..=550) {
                        self.outstanding.clear();
                    }
                }
                Some(front) if !said && self.is_out_of_table(front, code) => {
                    // Only behind ABOR can replies be anybody's.
                    let verb = Some(front.verb);
                    let failure = self.failure(FailureKind::UnexpectedReply, verb, code, text);
                    self.fail_session(failure);
                    return;
                }
                // ABOR is done or not understood; what is cut is the transfer, once more.
                Some(front)
                    if front.step == Step::Abort && code.class() == Class::TransientNegative => {}
                Some(front) => {
                    let (step, of_transfer) = (front.step, front.ticket == given_up);
                    self.outstanding.pop_front();
                    self.on_type(step, code);
                    if of_transfer {
                        self.on_refused_unopened(code, text);
                    }
                }
                None => {
                    let failure = self.failure(FailureKind::Desynchronised, None, code, text);
                    self.fail_session(failure);
                    return;
                }
            }
        }
        if self.outstanding.is_empty() && said && !barrier {
            self.say_barrier();
        } else if self.outstanding.is_empty() {
            self.finish_abort();
        } else if !barrier {
            self.timers
                .arm(Timer::Guard, self.now + self.config.limits.abort_gap);
        }
    }

    fn is_out_of_table(&self, expected: &Expected, code: Code) -> bool {
        !expected.orphan
            && self.law.holds(Rule::ClassTable)
            && meaning(dialogue_of(expected), code.class()).is_none()
    }

    /// The data connection could not be opened, but the server refuses the file anyway, and had closed its listener before it said so.
    fn on_refused_unopened(&mut self, code: Code, text: &Piece) {
        if is_about_the_file(Answer::Final(code))
            && let Some(aborting) = &mut self.aborting
            && aborting.retry.is_some()
            && let Some((ticket, _)) = aborting.transfer.take()
        {
            let verb = self.request_verb(ticket);
            let failure = self.failure(FailureKind::Refused, verb, code, text);
            self.finish_with(ticket, Err(failure));
        }
    }

    fn finish_abort(&mut self) {
        self.timers.cancel(Timer::Abort);
        self.timers.cancel(Timer::Guard);
        let Some(aborting) = self.aborting.take() else {
            return;
        };
        // Nothing comes from in front of a barrier.
        self.surplus = !aborting.barrier;
        if let Some((ticket, bytes)) = aborting.transfer {
            match aborting.retry {
                Some(_) if self.another_mode().is_some() => self.try_next_mode(Some(ticket)),
                Some(fault) => {
                    self.finish_with(
                        ticket,
                        Err(Failure::new(FailureKind::DataOpen(fault), None)),
                    );
                }
                None => {
                    let kind = match aborting.local {
                        true => FailureKind::Local { bytes },
                        false => FailureKind::Aborted { bytes },
                    };
                    self.finish_with(ticket, Err(Failure::new(kind, None)));
                }
            }
        }
        if let Some(ticket) = aborting.ticket {
            self.queue
                .push(Item::Finished(ticket, Ok(Outcome::Nothing)));
        }
    }

    pub(super) fn on_guard(&mut self) {
        if let Some(aborting) = self.aborting {
            if aborting.said {
                self.say_barrier();
            } else {
                self.say_abort();
            }
        } else if self.transfer.as_ref().is_some_and(Transfer::failed_here)
            || self.outstanding.front().is_some_and(|front| front.orphan)
        {
            // A transfer that lost its data connection keeps the server waiting.
            self.give_up_transfer(None, None);
        } else if self
            .outstanding
            .front()
            .is_some_and(|front| front.step == Step::Keepalive)
        {
            self.aborting = Some(Aborting {
                ticket: None,
                transfer: None,
                retry: None,
                local: false,
                said: true,
                barrier: false,
            });
            self.timers
                .arm(Timer::Abort, self.now + self.config.limits.abort_wait);
            self.say_barrier();
        }
    }

    fn say_barrier(&mut self) {
        if let Some(aborting) = &mut self.aborting
            && !aborting.barrier
        {
            aborting.barrier = true;
            self.say(Step::Barrier, Verb::Pwd, None, |out, max| {
                Command::Pwd.encode(out, max)
            });
        }
    }
}
