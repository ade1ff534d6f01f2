//! The ends of things: of a request, of what was still to be answered for it, of the session.

use crate::error::{Failure, FailureKind};
use crate::output::Note;
use crate::rules::data::Life;
use crate::rules::login::Login;
use crate::rules::transfer::Answer;
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::Verb;

use super::config::Batching;
use super::queue::{Item, Outcome};
use super::request::{Kind, Request, Step};
use super::{Client, Phase};

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

    // ---- the session

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
        let answer = self.transfer.as_ref().map(|transfer| transfer.answer);
        // Confirmed data may still be on its way into a connection that is just opening.
        let confirmed = answer.is_some_and(Answer::is_completion);
        let flowing = (self.data.life == Life::Flowing || (confirmed && self.data.is_live()))
            && self.aborting.is_none()
            // What goes to a server that has not said that it takes it may go nowhere.
            && answer != Some(Answer::Awaited)
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
    pub(super) fn is_quitting(&self) -> bool {
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
