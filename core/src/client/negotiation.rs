//! From the greeting to a session that is up: protection, login, protection levels.

use crate::diagnosis::Attempt;
use crate::error::{Failure, FailureKind};
use crate::order::News;
use crate::output::Note;
use crate::queue::Piece;
use crate::rules::Rule;
use crate::rules::login::{self, Login, LoginCommand};
use crate::rules::replies::{Dialogue, Meaning, meaning};
use crate::rules::secure::{AuthAnswer, auth_answer};
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::{AuthMechanism, Command, ProtectionLevel, Verb};
use crate::wire::features::FeatureSet;
use crate::wire::reply::Code;

use super::config::AuthMethod;
use super::queue::{Item, Outcome};
use super::request::{Expected, Kind, Step};
use super::{Client, Phase, Switch};

impl Client {
    /// One step of the negotiation of protection. False when it has to wait.
    pub(super) fn negotiate(&mut self) -> bool {
        let security = self.config.security;
        if !self.law.holds(Rule::TlsBeforeLogin)
            || self.session.protection.is_secure()
            || security.is_clear()
        {
            self.up();
            return true;
        }
        match security.method(self.auth_index) {
            Some(method) => {
                if let Some(slot) = self
                    .evidence
                    .control
                    .auth
                    .get_mut(usize::from(self.auth_index))
                {
                    *slot = Some(Attempt::new(method, self.now));
                }
                let command = Command::Auth(mechanism(method));
                let step = Step::Auth(method);
                let said = self.say(step, Verb::Auth, None, |out, max| command.encode(out, max));
                if !self.law.holds(Rule::Barrier) {
                    self.phase = Phase::Up;
                }
                said
            }
            None if security.clear_text().is_some() || !self.law.holds(Rule::ExhaustedFails) => {
                self.up();
                true
            }
            // The last refusal has ended the session already; but were it ever not so, nothing goes on in clear.
            None => {
                self.fail_session(Failure::new(FailureKind::SecurityRefused, Some(Verb::Auth)));
                false
            }
        }
    }

    pub(super) fn up(&mut self) {
        let secure = self.session.protection.is_secure();
        if !secure {
            self.note(Note::GoingOnInClear);
        }
        self.phase = Phase::Up;
        self.queue.push(Item::Ready(secure));
    }

    pub(super) fn on_greeting(&mut self, code: Code, text: &Piece) {
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

    pub(super) fn on_auth(&mut self, method: super::AuthMethod, code: Code, text: &Piece) {
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
    pub(super) fn switch_protection(&mut self, switch: Switch) {
        let clean = self.reader.is_idle() && self.outstanding.is_empty();
        if !clean && self.law.holds(Rule::CleanSwitch) {
            self.fail_session(Failure::new(FailureKind::Injected, None));
        } else {
            self.begin_switch(switch);
        }
    }

    pub(super) fn on_login(
        &mut self,
        command: LoginCommand,
        expected: Expected,
        code: Code,
        text: &Piece,
    ) {
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

    pub(super) fn fail_login(
        &mut self,
        expected: Expected,
        kind: FailureKind,
        code: Code,
        text: &Piece,
    ) {
        self.session.login = Login::Failed;
        let failure = self.failure(kind, Some(expected.verb), code, text);
        self.orphan(None);
        if let Some(ticket) = expected.ticket {
            self.finish_with(ticket, Err(failure));
        }
        self.fail_requests_not_attempted();
    }

    /// Login is over once we are in and the protection of data is settled.
    pub(super) fn finish_login(&mut self, ticket: Option<TicketId>) {
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

    pub(super) fn on_prot(
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

    /// Everything learned in a protection epoch that is over.
    pub(super) fn forget_knowledge(&mut self) {
        if self.law.holds(Rule::EpochForgets) {
            self.session.features = FeatureSet::EMPTY;
        }
        self.algorithm_asked = None;
        self.sizes_announced = false;
    }

    pub(super) fn on_control_news(&mut self, news: News) {
        self.timers.cancel(Timer::Handshake);
        match news {
            News::Secured(facts) => {
                self.evidence.control.handshake = Some(Ok(facts));
                // TLS resets login and transfer parameters (RFC 4217 section 4.2); nothing was agreed on before it, or REIN has reset it.
                self.session.protection.secured();
                self.forget_knowledge();
                if self.law.holds(Rule::CleanSwitch) {
                    self.reader.clear();
                }
                self.note(Note::ControlSecured(facts));
                self.phase = if self.phase == Phase::BeforeGreeting {
                    Phase::Greeting
                } else {
                    Phase::Negotiating
                };
                self.read_replies();
            }
            News::Cleared => {
                let after_ccc = self.session.login == crate::rules::login::Login::In;
                self.session.protection.cleared();
                self.session.protection.frozen = after_ccc && self.law.holds(Rule::CccIsFinal);
                self.forget_knowledge();
                self.reader.clear();
                self.note(Note::ControlCleared);
                self.finish_first(Kind::ClearChannel);
                if !after_ccc {
                    // REIN: as after the greeting, protection comes before anything else. No method has been refused.
                    self.auth_index = 0;
                    self.phase = Phase::Negotiating;
                }
            }
            News::TlsFailed(fault) => {
                self.evidence.control.handshake = Some(Err(fault));
                if self.law.holds(Rule::HandshakeIsFinal) {
                    self.fail_session(Failure::new(FailureKind::ControlTls(fault), None));
                } else {
                    self.session
                        .protection
                        .begin(crate::rules::secure::State::Clear);
                    self.phase = Phase::Up;
                }
            }
            News::Connected
            | News::Listening(_)
            | News::Accepted(_)
            | News::Finished(_)
            | News::Failed(_) => {}
        }
    }
}

const fn mechanism(method: AuthMethod) -> AuthMechanism<'static> {
    match method {
        AuthMethod::Tls => AuthMechanism::Tls,
        AuthMethod::Ssl => AuthMechanism::Ssl,
        AuthMethod::TlsC => AuthMechanism::TlsC,
        AuthMethod::TlsP => AuthMechanism::TlsP,
    }
}
