//! Deadlines: what each waiting state has, and what is done when one has passed.

use crate::error::{Failure, FailureKind};
use crate::order::Fault;
use crate::rules::Rule;
use crate::rules::data::{Life, Payload};
use crate::rules::transfer::Answer;
use crate::time::Timer;
use crate::wire::command::{Command, Verb};
use crate::wire::digest::HashAlgorithm;

use super::request::{Kind, Step};
use super::{Aborting, Client, Phase, Transfer};

impl Client {
    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Quiet | Timer::Keepalive => {}
            Timer::DataOpen | Timer::DataHandshake | Timer::Stall | Timer::Drain => {
                self.evidence.data.expired = Some(timer);
                self.evidence.control.expired = Some(timer);
            }
            _ => self.evidence.control.expired = Some(timer),
        }
        match timer {
            Timer::Quiet => {
                if let Some(reply) = self.reader.settle() {
                    let code = reply.code();
                    let text = self.queue.keep(reply.text());
                    self.on_reply(code, text);
                    self.read_replies();
                }
            }
            Timer::Greeting | Timer::Handshake | Timer::Reply => {
                let verb = self.verb_in_question();
                self.lose_control(Failure::new(FailureKind::TimedOut(timer), verb));
            }
            Timer::DataOpen => self.on_data_open_timeout(),
            Timer::DataHandshake => self.on_data_insecure(FailureKind::TimedOut(timer)),
            Timer::Stall => self.give_up_stalled(timer),
            Timer::Drain => self.end_drain(),
            Timer::Abort => {
                // What broke first is what the transfer failed of; that nothing more was heard may follow from it.
                if let Some(Aborting {
                    transfer: Some((ticket, _)),
                    retry: Some(fault),
                    ..
                }) = self.aborting
                {
                    let verb = self.request_verb(ticket);
                    self.finish_with(
                        ticket,
                        Err(Failure::new(FailureKind::DataOpen(fault), verb)),
                    );
                }
                let verb = Some(Verb::Abor);
                self.fail_session(Failure::new(FailureKind::TimedOut(timer), verb));
            }
            Timer::Guard => self.on_guard(),
            Timer::Keepalive => self.keep_alive(),
            Timer::Close => {
                self.lose_control(Failure::new(FailureKind::TimedOut(timer), Some(Verb::Quit)));
            }
        }
    }

    fn on_data_open_timeout(&mut self) {
        let number = self.data_order;
        self.on_report(crate::order::Report {
            number,
            news: crate::order::News::Failed(Fault::TimedOut),
        });
    }

    /// The data connection does not move: it is closed, and the server's last word about it is awaited.
    fn give_up_stalled(&mut self, timer: Timer) {
        let Some(transfer) = &mut self.transfer else {
            self.close_data();
            return;
        };
        transfer.broken.get_or_insert(FailureKind::TimedOut(timer));
        self.close_data();
        self.join();
    }

    fn keep_alive(&mut self) {
        let running = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| !transfer.answer.is_final());
        let unanswered = self
            .outstanding
            .iter()
            .filter(|expected| expected.step == Step::Keepalive)
            .count();
        if running && unanswered < 4 {
            self.say(Step::Keepalive, Verb::Noop, None, |out, max| {
                Command::Noop.encode(out, max)
            });
        }
    }

    /// Arms what the state calls for and cancels what it does not: each waiting state has a deadline.
    pub(super) fn set_deadlines(&mut self) {
        if !self.law.holds(Rule::Deadlines) {
            return;
        }
        let limits = &self.config.limits;
        let live = self.data.is_live();
        let running = self
            .transfer
            .as_ref()
            .is_some_and(|t| t.answer != Answer::Awaited && t.end.is_none())
            && live;
        // A server need not answer the transfer before its data connection is up, and that has a deadline of its own.
        // Replies come in order: it does not come up before the transfer is the first that waits for one.
        let coming_up = matches!(self.data.life, Life::Opening | Life::Securing)
            && self
                .outstanding
                .front()
                .is_some_and(|front| front.step == Step::Verb);
        let orphaned_transfer = self.outstanding.front().is_some_and(|front| {
            (front.orphan
                && matches!(front.kind, Some(Kind::Transfer(..)))
                && front.step == Step::Verb)
                || (front.step == Step::Keepalive && self.transfer.is_none())
        });
        let failed_here = self.transfer.as_ref().is_some_and(Transfer::failed_here);
        let answered = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.answer.is_final());
        let upload = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.payload == Payload::FileOut);
        let quitting = self.is_quitting();
        let wanted = [
            (Timer::Close, quitting, limits.close_wait),
            (
                Timer::Greeting,
                self.phase == Phase::Greeting,
                limits.greeting_wait,
            ),
            (
                Timer::Reply,
                !self.outstanding.is_empty()
                    && self.aborting.is_none()
                    && !running
                    && !coming_up
                    && !quitting
                    && self.phase != Phase::Draining,
                match self.outstanding.front() {
                    Some(front)
                        if front.step == Step::Verb
                            && (front.verb == Verb::Hash
                                || HashAlgorithm::of_verb(front.verb).is_some()) =>
                    {
                        limits.digest_wait
                    }
                    _ => limits.reply_wait,
                },
            ),
            (
                Timer::DataOpen,
                matches!(self.data.life, Life::Listening | Life::Opening),
                limits.data_open_wait,
            ),
            (
                Timer::DataHandshake,
                self.data.life == Life::Securing,
                limits.data_handshake_wait,
            ),
            (
                Timer::Stall,
                self.data.life == Life::Flowing,
                limits.stall_wait,
            ),
            (
                Timer::Drain,
                // An upload that is still being sent has all the time it makes progress in.
                answered
                    && live
                    && (!upload || self.data.source_ended || self.data.life != Life::Flowing),
                if upload {
                    limits.upload_drain
                } else {
                    limits.download_drain
                },
            ),
        ];
        for (timer, wanted, wait) in wanted {
            if !wanted {
                self.timers.cancel(timer);
            } else if self.timers.at(timer).is_none() {
                self.timers.arm(timer, self.now + wait);
            }
        }
        // The listener is up and only waits for its PORT to be answered.
        if self.data.life == Life::Listening && self.listening.is_some() {
            self.timers.cancel(Timer::DataOpen);
        }
        if self.aborting.is_none() {
            let wait = match (failed_here, orphaned_transfer) {
                // The server sees the reset, and says so. Not every one does: Pure-FTPd may say nothing at all.
                (true, _) => Some(limits.abort_gap),
                (false, true) => Some(limits.guard_wait),
                (false, false) => None,
            };
            match wait {
                None => self.timers.cancel(Timer::Guard),
                Some(wait) if self.timers.at(Timer::Guard).is_none() => {
                    self.timers.arm(Timer::Guard, self.now + wait);
                }
                Some(_) => {}
            }
        }
        match self.config.keepalive {
            Some(interval) if self.transfer.is_some() && self.aborting.is_none() => {
                if self.timers.at(Timer::Keepalive).is_none() {
                    self.timers.arm(Timer::Keepalive, self.now + interval);
                }
            }
            _ => self.timers.cancel(Timer::Keepalive),
        }
    }
}
