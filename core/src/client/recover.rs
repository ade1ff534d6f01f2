//! Deadlines, aborts, and the ends of things.

use crate::error::{Failure, FailureKind};
use crate::order::Fault;
use crate::output::Note;
use crate::queue::Piece;
use crate::rules::Rule;
use crate::rules::data::{Life, Payload};
use crate::rules::login::Login;
use crate::rules::replies::meaning;
use crate::rules::transfer::Answer;
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::{Command, Verb};
use crate::wire::digest::HashAlgorithm;
use crate::wire::reply::{Class, Code};

use super::config::Batching;
use super::join::is_about_the_file;
use super::queue::{Item, Outcome};
use super::replies::dialogue_of;
use super::request::{Expected, Kind, Request, Step};
use super::{Aborting, Client, Phase, Transfer};

impl Client {
    // ---- requests

    pub(super) fn request_of(&mut self, ticket: Option<TicketId>) -> Option<&mut Request> {
        self.requests
            .iter_mut()
            .find(|request| Some(request.ticket) == ticket)
    }

    /// The one place where a request ends.
    pub(super) fn finish_with(&mut self, ticket: TicketId, result: Result<Outcome, Failure>) {
        let Some(at) = self
            .requests
            .iter()
            .position(|request| request.ticket == ticket)
        else {
            return;
        };
        let mut renewal = false;
        if let Some(mut request) = self.requests.remove(at) {
            renewal = request.renewal;
            request.recycle(request.ticket, request.kind);
            // A new one is made only where there is no spare one, so there are never more than were open at once.
            self.spare.push(request);
        }
        if renewal {
            self.on_renewed(result.is_ok());
        } else {
            self.queue.push(Item::Finished(ticket, result));
        }
    }

    pub(super) fn finish_first(&mut self, kind: Kind) {
        let ticket = self
            .requests
            .iter()
            .find(|request| request.kind == kind)
            .map(|request| request.ticket);
        if let Some(ticket) = ticket {
            self.finish_with(ticket, Ok(Outcome::Nothing));
        }
    }

    pub(super) fn fail_requests_not_attempted(&mut self) {
        self.transfer = None;
        self.close_data();
        while let Some(request) = self.requests.front() {
            let (ticket, verb) = (request.ticket, request.kind.verb());
            if request.kind == Kind::Quit {
                break;
            }
            self.finish_with(
                ticket,
                Err(Failure::new(FailureKind::NotAttempted, Some(verb))),
            );
        }
        if !self.outstanding.is_empty() {
            self.lock_step();
        }
    }

    /// Commands still outstanding lose their meaning: all, or those of one step.
    pub(super) fn orphan(&mut self, step: Option<Step>) {
        for expected in &mut self.outstanding {
            if step.is_none_or(|step| step == expected.step) {
                expected.orphan = true;
            }
        }
    }

    /// The outstanding commands of one request lose their meaning.
    pub(super) fn orphan_request(&mut self, ticket: TicketId) {
        for expected in &mut self.outstanding {
            if expected.ticket == Some(ticket) {
                expected.orphan = true;
            }
        }
    }

    pub(super) fn lock_step(&mut self) {
        if self.config.batching == Batching::Independent && !self.session.lock_step {
            self.session.lock_step = true;
            self.evidence.control.lock_step = true;
            self.note(Note::LockStep);
        }
    }

    // ---- aborts

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

    // ---- deadlines

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

    fn on_guard(&mut self) {
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

    // ---- the end of the session

    pub(super) fn on_control_end(&mut self, kind: FailureKind) {
        if self.over() {
            return;
        }
        // A reply that only waited for its quiet time is whole now.
        if self.reader.provisional() {
            self.on_timer(Timer::Quiet);
        }
        if self.over() {
            return;
        }
        self.lose_control(Failure::new(kind, self.verb_in_question()));
    }

    /// There will be no more replies. Data that still flows is taken to its end; then the session is over.
    pub(super) fn lose_control(&mut self, failure: Failure) {
        if self.is_quitting() {
            // That is what was asked for, with or without 221.
            self.finish_first(Kind::Quit);
            self.end_session(None);
            return;
        }
        self.has_ended();
        // Confirmed data may still be on its way into a connection that is just opening.
        let confirmed = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.answer.is_completion());
        // What goes to a server that has not said that it takes it may go nowhere.
        let unanswered = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.answer == Answer::Awaited);
        let flowing = (self.data.life == Life::Flowing || (confirmed && self.data.is_live()))
            && self.aborting.is_none()
            && !unanswered
            && !self.renewal_is_announced();
        if self.concluding.is_some() {
            self.ending = Some(failure.clone());
            self.conclude(Answer::Lost, 0..0);
        }
        if let Some(transfer) = &mut self.transfer
            && !transfer.answer.is_final()
        {
            transfer.answer = Answer::Lost;
        }
        if flowing && self.transfer.is_some() {
            self.ending = Some(failure);
            self.phase = Phase::Draining;
            self.outbox.clear();
        } else if self.transfer.is_some() {
            self.ending = Some(failure);
            self.phase = Phase::Draining;
            self.outbox.clear();
            self.close_data();
            self.join();
        } else {
            self.fail_session(failure);
        }
    }

    /// Whether QUIT was said.
    fn is_quitting(&self) -> bool {
        self.outstanding
            .iter()
            .any(|expected| matches!(expected.kind, Some(Kind::Quit)))
    }

    pub(super) fn finish_draining(&mut self) {
        if let Some(failure) = self.ending.take() {
            self.fail_session(failure);
        }
    }

    /// Ends the session at once: every open request fails, nothing more is said.
    pub(super) fn fail_session(&mut self, failure: Failure) {
        self.has_ended();
        // The first request is the one it happened to.
        if let Some(transfer) = self.transfer.take() {
            self.finish_with(transfer.ticket, Err(failure.clone()));
        }
        self.end_session(Some(failure));
    }

    pub(super) fn end_session(&mut self, failure: Option<Failure>) {
        self.concluding = None;
        self.close_data();
        self.transfer = None;
        self.outstanding.clear();
        // Whatever has not left yet: who has said the last word need not take it.
        self.outbox.clear();
        if let Some(ticket) = self.aborting.take().and_then(|aborting| aborting.ticket) {
            let failure = failure.clone();
            let over = || Failure::new(FailureKind::SessionOver, Some(Verb::Abor));
            self.queue
                .push(Item::Finished(ticket, Err(failure.unwrap_or_else(over))));
        }
        let mut first = true;
        while let Some(request) = self.requests.front() {
            let (ticket, verb) = (request.ticket, request.kind.verb());
            let renewal = request.renewal;
            let failure = match &failure {
                Some(failure) if first => failure.clone(),
                _ => Failure::new(FailureKind::SessionOver, Some(verb)),
            };
            first &= renewal;
            self.finish_with(ticket, Err(failure));
        }
        self.ending = failure;
        self.timers.clear();
        self.switch = None;
        self.phase = Phase::Ending;
    }

    /// When the control connection was lost, and what was being done then.
    fn has_ended(&mut self) {
        let phase = self.phase_in_words();
        self.evidence.control.ended_in.get_or_insert(phase);
        self.evidence.control.ended.get_or_insert(self.now);
    }

    fn phase_in_words(&self) -> crate::diagnosis::Phase {
        use crate::diagnosis::Phase as Words;
        match self.phase {
            Phase::Greeting => Words::Greeting,
            _ if !self.session.protection.settled() => Words::Handshake,
            Phase::Negotiating => Words::Negotiating,
            _ if self.is_quitting() => Words::Quitting,
            _ if self.transfer.is_some() => Words::Transfer,
            _ if self.session.login != Login::In => Words::Login,
            _ => Words::Dialogue,
        }
    }
}
