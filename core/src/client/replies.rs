//! What each reply leads to.

use core::net::IpAddr;

use crate::error::{Failure, FailureKind};
use crate::order::{DataTarget, Fault, keep};
use crate::output::Note;
use crate::rules::data::{Data, Life, Payload};
use crate::rules::login::{self, Login, LoginCommand};
use crate::rules::replies::{Dialogue, Meaning, meaning};
use crate::rules::secure::{AuthAnswer, auth_answer};
use crate::rules::transfer::Answer;
use crate::rules::{Law, Rule};
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::{ProtectionLevel, Verb};
use crate::wire::date::{mdtm_reply, size_in_150, size_in_reply};
use crate::wire::extended::port_in_reply;
use crate::wire::features::FeatureSet;
use crate::wire::host_port::HostPort;
use crate::wire::quoted::{parse_257, stou_name};
use crate::wire::reply::{Class, Code};

use super::config::{DataMode, PassiveAddress};
use super::queue::{Item, Outcome, Piece};
use super::request::{Expected, Kind, Step, Steps};
use super::{Client, Phase, Switch};

impl Client {
    /// Takes one whole reply; its text lies in the queue's store.
    pub(super) fn on_reply(&mut self, code: Code, text: Piece) {
        self.evidence.control.last_code = Some(code);
        self.evidence.control.last_heard = self.now;
        self.timers.cancel(Timer::Reply);
        let verb = self.answered_verb(code);
        self.queue.push(Item::Received(verb, code, text.clone()));
        if code == Code::SERVICE_NOT_AVAILABLE && self.phase != Phase::Greeting {
            let kept = keep(self.queue.text(&text), self.config.limits.failure_text);
            self.lose_control(Failure::replied(
                FailureKind::ServiceClosing,
                verb,
                code,
                kept,
            ));
        } else if self.phase == Phase::Greeting {
            self.on_greeting(code, &text);
        } else if self.aborting.is_some() && !self.answers_earlier_request() {
            self.on_reply_while_aborting(code, &text);
        } else if self.is_keepalive_answer(code) {
            self.take_keepalive();
        } else {
            match self.outstanding.front().copied() {
                Some(expected) => self.on_answer(expected, code, &text),
                None => self.on_ownerless(code, &text),
            }
        }
    }

    /// Whether the reply is due to a request before the transfer that is being given up: it means what it always means.
    fn answers_earlier_request(&self) -> bool {
        let given_up = self
            .aborting
            .and_then(|aborting| aborting.transfer)
            .map(|(ticket, _)| ticket);
        self.outstanding.front().is_some_and(|front| {
            !front.orphan && front.ticket.is_some() && front.ticket != given_up
        })
    }

    fn answered_verb(&self, code: Code) -> Option<Verb> {
        if self.aborting.is_none() && self.is_keepalive_answer(code) {
            Some(Verb::Noop)
        } else {
            self.verb_in_question()
        }
    }

    fn on_greeting(&mut self, code: Code, text: &Piece) {
        self.evidence.control.greeting = Some(code);
        self.evidence.control.greeted = Some(self.now);
        match meaning(Dialogue::Ready, code.class()) {
            Some(Meaning::Wait) if self.delays < self.config.limits.preliminary_replies => {
                self.delays += 1;
                self.timers.cancel(Timer::Greeting);
            }
            Some(Meaning::Done) => {
                self.delays = 0;
                self.timers.cancel(Timer::Greeting);
                self.phase = Phase::Negotiating;
                // 230 in clear text may be anybody's; under a policy that wants TLS it changes nothing.
                let counts =
                    self.config.security.is_clear() || !self.law.holds(Rule::GreetingIsNoLogin);
                if code == Code::LOGGED_IN && counts {
                    self.session.login = Login::In;
                    if !self.law.holds(Rule::GreetingIsNoLogin) {
                        self.phase = Phase::Up;
                    }
                }
            }
            Some(Meaning::Refused) => {
                let failure = self.failure(FailureKind::GreetingRefused, None, code, text);
                self.fail_session(failure);
            }
            Some(Meaning::Wait | Meaning::Continue) | None => {
                let failure = self.failure(FailureKind::UnexpectedReply, None, code, text);
                self.fail_session(failure);
            }
        }
    }

    /// A reply that no command asked for.
    fn on_ownerless(&mut self, code: Code, text: &Piece) {
        if self.surplus && matches!(code.class(), Class::Completion | Class::TransientNegative) {
            // Some servers answer a transfer twice. It has an owner as long as nothing else was said since.
            self.surplus = false;
            self.note(Note::SurplusReply(code));
        } else if self.law.holds(Rule::Pairing) {
            let failure = self.failure(FailureKind::Desynchronised, None, code, text);
            self.fail_session(failure);
        }
    }

    fn on_answer(&mut self, expected: Expected, code: Code, text: &Piece) {
        let dialogue = dialogue_of(&expected);
        let meaning = match meaning(dialogue, code.class()) {
            Some(meaning) => meaning,
            // A command that lost its request may be answered by anything; a preliminary reply does not end it.
            None if expected.orphan && code.class() == Class::Preliminary => Meaning::Wait,
            None if expected.orphan => Meaning::Refused,
            // AUTH has a table of its own.
            None if matches!(expected.step, Step::Auth(_)) => Meaning::Done,
            None if !self.law.holds(Rule::ClassTable) => Meaning::Done,
            None => {
                let failure = self.failure(
                    FailureKind::UnexpectedReply,
                    Some(expected.verb),
                    code,
                    text,
                );
                self.fail_session(failure);
                return;
            }
        };
        if meaning == Meaning::Wait {
            self.on_preliminary(expected, code, text);
            return;
        }
        self.outstanding.pop_front();
        if expected.orphan {
            self.timers.cancel(Timer::Guard);
            self.on_type(expected.step, code);
        } else {
            self.on_final(expected, meaning, code, text);
        }
    }

    fn on_preliminary(&mut self, expected: Expected, code: Code, text: &Piece) {
        let limit = self.config.limits.preliminary_replies;
        if let Some(front) = self.outstanding.front_mut() {
            front.preliminaries = front.preliminaries.saturating_add(1);
            if front.preliminaries > limit {
                let failure = self.failure(
                    FailureKind::UnexpectedReply,
                    Some(expected.verb),
                    code,
                    text,
                );
                self.fail_session(failure);
                return;
            }
        }
        if expected.orphan {
            if expected.step == Step::Verb && matches!(expected.kind, Some(Kind::Transfer(..))) {
                // The server has begun a transfer that has no data connection any more.
                self.give_up_transfer(None, None);
            }
            return;
        }
        let now = self.now;
        let words = self.queue.text(text);
        let hint = if code == Code::RESTART_MARKER {
            None
        } else {
            size_in_150(words)
        };
        let name = if expected.verb == Verb::Stou {
            stou_name(words)
        } else {
            None
        };
        let Some(transfer) = self
            .transfer
            .as_mut()
            .filter(|transfer| Some(transfer.ticket) == expected.ticket)
        else {
            return;
        };
        if let Some(name) = name {
            transfer.name.clear();
            transfer.name.extend_from_slice(name);
        }
        transfer.hinted = transfer.hinted.or(hint);
        transfer.announced = true;
        if transfer.answer == Answer::Awaited {
            transfer.answer = Answer::Preliminary;
        }
        self.evidence.data.announced.get_or_insert(now);
        self.move_data_on();
    }

    fn on_final(&mut self, expected: Expected, meaning: Meaning, code: Code, text: &Piece) {
        match expected.step {
            Step::Auth(method) => self.on_auth(method, code, text),
            Step::User => self.on_login(LoginCommand::User, expected, code, text),
            Step::Pass => self.on_login(LoginCommand::Pass, expected, code, text),
            Step::Acct => self.on_login(LoginCommand::Acct, expected, code, text),
            // Only PROT matters; but some servers want PBSZ to have been accepted before it.
            Step::Pbsz if meaning == Meaning::Refused && self.too_early() => {
                self.ask_again(expected);
            }
            Step::Pbsz => self.done(expected, Step::Pbsz),
            Step::Prot(level) => self.on_prot(expected, level, meaning, code, text),
            Step::Type(_) => {
                self.on_type(expected.step, code);
                if meaning == Meaning::Done {
                    self.done(expected, expected.step);
                } else {
                    self.refused(expected, FailureKind::Refused, code, text);
                }
            }
            Step::Size => {
                let size = size_in_reply(self.queue.text(text))
                    .ok()
                    .filter(|_| code == Code::FILE_STATUS);
                if let Some(request) = self.request_of(expected.ticket) {
                    request.size = size;
                }
            }
            Step::Setup(mode) => self.on_setup(expected, mode, meaning, code, text),
            Step::Allo => {
                // Servers that need no ALLO refuse it; only a lack of space is an answer.
                if matches!(code.value(), 452 | 552) {
                    self.refused(expected, FailureKind::Refused, code, text);
                }
            }
            Step::Rest => {
                if meaning == Meaning::Continue || !self.law.holds(Rule::RestartAcknowledged) {
                    self.done(expected, Step::Rest);
                } else {
                    self.refused(expected, FailureKind::RestartRefused, code, text);
                }
            }
            Step::Verb => self.on_verb(expected, meaning, code, text),
            Step::RenameTo => self.on_simple(expected, meaning, code, text),
            Step::Abort | Step::Barrier | Step::Keepalive => {}
        }
    }

    /// The answer to TYPE counts whatever has become of the request it was sent for.
    pub(super) fn on_type(&mut self, step: Step, code: Code) {
        let Step::Type(wanted) = step else { return };
        if code.class() == Class::Completion {
            self.session.representation = Some(wanted);
        } else {
            self.type_asked = self.session.representation;
        }
    }

    fn on_auth(&mut self, method: super::AuthMethod, code: Code, text: &Piece) {
        let now = self.now;
        if let Some(Some(attempt)) = self
            .evidence
            .control
            .auth
            .get_mut(usize::from(self.auth_index))
        {
            attempt.answer = Some((code, now));
        }
        match auth_answer(self.law, code, self.config.security.takes_334()) {
            AuthAnswer::Start => {
                if method.is_deprecated() {
                    self.note(Note::DeprecatedSecurity(Some(method)));
                }
                self.switch_protection(Switch::Secure);
            }
            AuthAnswer::Refused => {
                self.note(Note::AuthRefused(method, code));
                self.auth_index = self.auth_index.saturating_add(1);
                let exhausted = self.config.security.method(self.auth_index).is_none();
                if exhausted
                    && self.config.security.clear_text().is_none()
                    && self.law.holds(Rule::ExhaustedFails)
                {
                    let failure =
                        self.failure(FailureKind::SecurityRefused, Some(Verb::Auth), code, text);
                    self.fail_session(failure);
                }
            }
            AuthAnswer::Closing | AuthAnswer::Unknown => {
                let failure =
                    self.failure(FailureKind::UnexpectedReply, Some(Verb::Auth), code, text);
                self.fail_session(failure);
            }
        }
    }

    /// The reply that allows a protection switch is in. Nothing may have come behind it and nothing may be outstanding.
    fn switch_protection(&mut self, switch: Switch) {
        let clean = self.reader.is_idle() && self.outstanding.is_empty();
        if !clean && self.law.holds(Rule::CleanSwitch) {
            self.fail_session(Failure::new(FailureKind::Injected, None));
        } else {
            self.begin_switch(switch);
        }
    }

    fn on_login(&mut self, command: LoginCommand, expected: Expected, code: Code, text: &Piece) {
        let Some(state) = login::after(command, code) else {
            let failure = self.failure(
                FailureKind::UnexpectedReply,
                Some(expected.verb),
                code,
                text,
            );
            self.fail_session(failure);
            return;
        };
        self.session.login = state;
        match state {
            Login::Failed => {
                let kind = if code == Code::NEED_ACCOUNT_FOR_STORING {
                    FailureKind::AccountNeeded
                } else {
                    FailureKind::LoginRefused
                };
                self.fail_login(expected, kind, code, text);
            }
            Login::AccountDue => {
                // A password that rides behind is answered by something that no longer matters.
                self.orphan(Some(Step::Pass));
                let account = self
                    .request_of(expected.ticket)
                    .is_some_and(|request| request.account.is_some());
                if account {
                    self.lock_step();
                } else {
                    self.fail_login(expected, FailureKind::AccountNeeded, code, text);
                }
            }
            Login::In => {
                self.orphan(Some(Step::Pass));
                self.finish_login(expected.ticket);
            }
            Login::PasswordDue | Login::Out => {}
        }
    }

    fn fail_login(&mut self, expected: Expected, kind: FailureKind, code: Code, text: &Piece) {
        self.session.login = Login::Failed;
        let failure = self.failure(kind, Some(expected.verb), code, text);
        self.orphan(None);
        if let Some(ticket) = expected.ticket {
            self.finish_with(ticket, Err(failure));
        }
        self.fail_requests_not_attempted();
    }

    /// Login is over once we are in and the protection of data is settled.
    fn finish_login(&mut self, ticket: Option<TicketId>) {
        let settled =
            !self.session.protection.is_secure() || self.session.protection.data.is_some();
        if self.session.login == Login::In
            && settled
            && let Some(ticket) = ticket
            && self
                .request_of(Some(ticket))
                .is_some_and(|request| request.kind == Kind::Login)
        {
            self.finish_with(ticket, Ok(Outcome::Nothing));
        }
    }

    fn on_prot(
        &mut self,
        expected: Expected,
        level: ProtectionLevel,
        meaning: Meaning,
        code: Code,
        text: &Piece,
    ) {
        if meaning == Meaning::Done {
            self.session.protection.data = Some(level);
            self.finish_login(expected.ticket);
        } else if self.session.login != Login::In {
            // Asked in the same breath as the login, and the login is not through yet: ask again.
            self.ask_again(expected);
        } else if level == ProtectionLevel::Private && self.law.holds(Rule::ProtIsRequired) {
            let failure =
                self.failure(FailureKind::ProtectionRefused, Some(Verb::Prot), code, text);
            self.fail_session(failure);
        } else if level == ProtectionLevel::Private {
            self.session.protection.data = Some(ProtectionLevel::Clear);
            self.finish_login(expected.ticket);
        } else {
            // The server insists on protection: more than asked for never hurts.
            self.private_instead = true;
            self.ask_again(expected);
        }
    }

    fn on_setup(
        &mut self,
        expected: Expected,
        mode: DataMode,
        meaning: Meaning,
        code: Code,
        text: &Piece,
    ) {
        if meaning != Meaning::Done {
            if self.session.login != Login::In && self.session.login != Login::Out {
                self.ask_again(expected);
            } else {
                self.set_up_failed(expected, Fault::Refused, Some((code, text.clone())));
            }
            return;
        }
        if !mode.is_passive() {
            self.done(expected, Step::Setup(mode));
            self.order_accept();
            return;
        }
        let words = self.queue.text(text);
        let address = HostPort::find_in_reply(words)
            .map(|found| (Some(IpAddr::V4(found.address)), found.port));
        let found = match mode {
            // Some servers answer EPSV with 227.
            DataMode::Epsv if code == Code::ENTERING_PASSIVE_MODE => address,
            DataMode::Epsv => port_in_reply(words).map(|port| (None, port)),
            _ => address,
        };
        match found {
            Ok((advertised, port)) if self.port_is_fit(port) => {
                self.done(expected, Step::Setup(mode));
                self.open_passive(mode, advertised, port);
            }
            Ok(_) => self.set_up_failed(expected, Fault::Denied, Some((code, text.clone()))),
            Err(_) => self.set_up_failed(expected, Fault::Other, Some((code, text.clone()))),
        }
    }

    fn port_is_fit(&self, port: u16) -> bool {
        port >= self.config.limits.lowest_data_port
            || matches!(port, 20 | 989)
            || !self.law.holds(Rule::LowPort)
    }

    /// The one place that makes a data target.
    fn open_passive(&mut self, mode: DataMode, advertised: Option<IpAddr>, port: u16) {
        let elsewhere = advertised.filter(|address| *address != self.peer);
        let trusted = self.config.passive_address == PassiveAddress::Trusted
            || !self.law.holds(Rule::PeerAddress);
        let target = match elsewhere {
            Some(address) if trusted => DataTarget::Address((address, port).into()),
            Some(address) => {
                self.note(Note::PassiveAddressIgnored(address));
                DataTarget::Peer { port }
            }
            None => DataTarget::Peer { port },
        };
        self.begin_data(mode, Life::Opening);
        self.evidence.data.advertised = advertised;
        self.evidence.data.port = port;
        self.order_connect(target);
    }

    fn on_verb(&mut self, expected: Expected, meaning: Meaning, code: Code, text: &Piece) {
        match expected.kind {
            Some(Kind::Transfer(..)) => self.on_transfer_end(expected, code, text),
            Some(Kind::Reinitialize) if meaning == Meaning::Done => {
                self.session.login = Login::Out;
                self.session.representation = None;
                self.type_asked = None;
                self.forget_knowledge();
                if let Some(ticket) = expected.ticket {
                    self.finish_with(ticket, Ok(Outcome::Nothing));
                }
                if self.session.protection.is_secure() {
                    self.session.protection.data = None;
                    self.switch_protection(Switch::Clear);
                }
            }
            Some(Kind::ClearChannel) if meaning == Meaning::Done => {
                self.switch_protection(Switch::Clear);
            }
            Some(Kind::Quit) => {
                if let Some(ticket) = expected.ticket {
                    self.finish_with(ticket, Ok(Outcome::Nothing));
                }
                self.end_session(None);
            }
            _ => self.on_simple(expected, meaning, code, text),
        }
    }

    fn on_transfer_end(&mut self, expected: Expected, code: Code, text: &Piece) {
        if self
            .concluding
            .as_ref()
            .is_some_and(|transfer| Some(transfer.ticket) == expected.ticket)
        {
            self.conclude(Answer::Final(code), text.clone());
            return;
        }
        if code.class().is_negative() && self.too_early() {
            self.transfer = None;
            self.ask_again(expected);
            return;
        }
        let limit = self.config.limits.failure_text;
        let now = self.now;
        let never_opened = !self.data.is_connected() && !matches!(self.data.life, Life::Ended(_));
        let words = self.queue.text(text);
        let Some(transfer) = self
            .transfer
            .as_mut()
            .filter(|transfer| Some(transfer.ticket) == expected.ticket)
        else {
            return;
        };
        if transfer.verb == Verb::Stou
            && transfer.name.is_empty()
            && let Some(name) = stou_name(words)
        {
            transfer.name.extend_from_slice(name);
        }
        transfer.answer = Answer::Final(code);
        self.surplus = true;
        if code.class().is_negative() {
            transfer.text = keep(words, limit);
        }
        self.evidence.data.final_reply = Some((code, now));
        let no_connection =
            code == Code::CANNOT_OPEN_DATA_CONNECTION && never_opened && transfer.end.is_none();
        if no_connection && self.another_mode().is_some() {
            // The server could not reach us, or we not it: the next way may work.
            self.transfer = None;
            self.close_data();
            self.try_next_mode(expected.ticket);
        } else if code.class().is_negative() {
            self.close_data();
            self.join();
        } else {
            self.move_data_on();
            self.join();
        }
    }

    /// The end of a command whose reply is its whole story.
    fn on_simple(&mut self, expected: Expected, meaning: Meaning, code: Code, text: &Piece) {
        let Some(ticket) = expected.ticket else {
            return;
        };
        if meaning == Meaning::Continue && expected.step == Step::Verb {
            // RNFR is through; RNTO is next.
            if let Some(request) = self.request_of(Some(ticket)) {
                request.done.insert(Step::Verb);
            }
            return;
        }
        if meaning == Meaning::Refused {
            self.refused(expected, FailureKind::Refused, code, text);
            return;
        }
        let outcome = self.outcome_of(expected, code, text);
        self.finish_with(ticket, outcome);
    }

    fn outcome_of(
        &mut self,
        expected: Expected,
        code: Code,
        text: &Piece,
    ) -> Result<Outcome, Failure> {
        let words = self.queue.text(text);
        if expected.verb == Verb::Feat {
            self.session.features = FeatureSet::read(words);
        }
        Ok(match expected.verb {
            // Who asks raw is given the reply.
            _ if matches!(expected.kind, Some(Kind::Raw(_))) => Outcome::Reply(code, text.clone()),
            Verb::Size => match size_in_reply(words) {
                Ok(size) => Outcome::Size(size),
                Err(malformed) => {
                    return Err(self.failure(
                        FailureKind::Protocol(malformed),
                        Some(expected.verb),
                        code,
                        text,
                    ));
                }
            },
            Verb::Mdtm => match mdtm_reply(words) {
                Ok(time) => Outcome::Time(time),
                Err(malformed) => {
                    return Err(self.failure(
                        FailureKind::Protocol(malformed),
                        Some(expected.verb),
                        code,
                        text,
                    ));
                }
            },
            Verb::Pwd | Verb::Mkd => {
                let mut name = alloc::vec::Vec::new();
                let found = parse_257(words, &mut name).is_ok();
                Outcome::PathName(found.then(|| self.queue.keep(&name)))
            }
            Verb::Feat => Outcome::Features(self.session.features, text.clone()),
            _ => Outcome::Reply(code, text.clone()),
        })
    }

    /// The server refused one command of a request: the request fails, unless it was only too early.
    fn refused(&mut self, expected: Expected, kind: FailureKind, code: Code, text: &Piece) {
        if self.too_early() {
            self.ask_again(expected);
            return;
        }
        let failure = self.failure(kind, Some(expected.verb), code, text);
        if let Some(ticket) = expected.ticket {
            if self
                .transfer
                .as_ref()
                .is_some_and(|transfer| transfer.ticket == ticket)
            {
                self.transfer = None;
            }
            self.orphan_request(ticket);
            if !self.outstanding.is_empty() {
                self.lock_step();
            }
            self.close_data();
            self.finish_with(ticket, Err(failure));
        }
    }

    pub(super) fn failure(
        &self,
        kind: FailureKind,
        verb: Option<Verb>,
        code: Code,
        text: &Piece,
    ) -> Failure {
        Failure::replied(
            kind,
            verb,
            code,
            keep(self.queue.text(text), self.config.limits.failure_text),
        )
    }

    fn done(&mut self, expected: Expected, step: Step) {
        if let Some(request) = self.request_of(expected.ticket) {
            request.done.insert(step);
        }
    }

    /// Whether the login is under way, so that what rode behind it may have been refused for that alone.
    fn too_early(&self) -> bool {
        matches!(self.session.login, Login::PasswordDue | Login::AccountDue)
    }

    /// The command went too early in a batch: it will be said again, alone.
    fn ask_again(&mut self, expected: Expected) {
        self.lock_step();
        if let (Some(Kind::Transfer(..)), Some(ticket)) = (expected.kind, expected.ticket) {
            // What was set up for it belongs to what was agreed on before: it starts over.
            self.orphan_request(ticket);
            self.close_data();
            self.transfer.take_if(|transfer| transfer.ticket == ticket);
            if let Some(request) = self.request_of(Some(ticket)) {
                request.sent = Steps::default();
                request.done = Steps::default();
            }
        } else if let Some(request) = self.request_of(expected.ticket) {
            request.sent.remove(expected.step);
        }
    }

    // ---- keep-alives

    /// Whether this reply answers a keep-alive rather than the transfer before it: transfers do not end with these codes.
    fn is_keepalive_answer(&self, code: Code) -> bool {
        matches!(code.value(), 200 | 500..=503)
            && self
                .outstanding
                .front()
                .is_some_and(|front| front.step == Step::Verb && self.transfer.is_some())
            && self
                .outstanding
                .iter()
                .any(|expected| expected.step == Step::Keepalive)
    }

    fn take_keepalive(&mut self) {
        if let Some(at) = self
            .outstanding
            .iter()
            .position(|expected| expected.step == Step::Keepalive)
        {
            self.outstanding.remove(at);
        }
    }

    // ---- data connections of their own epoch

    /// A data connection begins its life.
    pub(super) fn begin_data(&mut self, mode: DataMode, life: Life) {
        let id = crate::order::DataId(self.next_data);
        self.next_data = self.next_data.wrapping_add(1);
        let protected = self.session.protection.data_is_private(self.law);
        self.data = Data {
            id,
            life,
            protected,
            ..Data::default()
        };
        self.evidence.previous = self.evidence.data;
        self.evidence.data =
            crate::diagnosis::DataEvidence::asked(mode, self.now, protected, self.tickets);
        self.evidence.data_connections += 1;
    }

    /// Everything learned in a protection epoch that is over.
    pub(super) fn forget_knowledge(&mut self) {
        if self.law.holds(Rule::EpochForgets) {
            self.session.features = FeatureSet::EMPTY;
        }
    }
}

/// Which diagram of the standards a command follows.
fn dialogue_of(expected: &Expected) -> Dialogue {
    match (expected.step, expected.kind) {
        (Step::User, _) => Dialogue::User,
        (Step::Pass, _) => Dialogue::Pass,
        (Step::Acct, _) => Dialogue::Acct,
        (Step::Rest, _) | (Step::Verb, Some(Kind::Rename)) => Dialogue::Half,
        (Step::Verb, Some(Kind::Transfer(..))) => Dialogue::Transfer,
        (Step::Verb, Some(Kind::Reinitialize)) => Dialogue::Ready,
        (Step::Verb, Some(Kind::Raw(_) | Kind::Simple(Verb::Site))) => Dialogue::Raw,
        _ => Dialogue::Simple,
    }
}

/// Whether the direction of a transfer is the verb's own.
pub(super) fn direction(law: Law, payload: Payload) -> crate::order::Direction {
    use crate::order::Direction;
    match payload.direction() {
        Direction::Receive if !law.holds(Rule::Direction) => Direction::Send,
        direction => direction,
    }
}
