//! AUTH, PBSZ, PROT, CCC and REIN: what they lead to (RFC 2228 section 3, RFC 4217).

use super::output::Note;
use super::{Closing, Phase, Server, Session, Switch, Timer};
use crate::order::News;
use crate::rules::Rule;
use crate::rules::secure::State;
use crate::wire::command::{AuthMechanism, ProtectionLevel};
use crate::wire::reply::Code;

impl Server {
    /// After CCC nothing about login and protection is taken any more (RFC 4217 section 5).
    pub(super) fn frozen(&self) -> bool {
        self.protection.frozen && self.law.holds(Rule::CccIsFinal)
    }

    pub(super) fn on_auth(&mut self, mechanism: AuthMechanism<'_>) {
        let security = self.config.security;
        if !security.has_tls() {
            return self.reply(Code::NOT_IMPLEMENTED, "Not implemented");
        }
        if self.frozen() {
            return self.reply(Code::DENIED_BY_POLICY, "Not after CCC");
        }
        if self.protection.is_secure() {
            return self.reply(Code::BAD_SEQUENCE, "TLS is in use already");
        }
        let private = match mechanism {
            AuthMechanism::Tls | AuthMechanism::TlsC => false,
            AuthMechanism::Ssl if security.takes_legacy_auth() => false,
            AuthMechanism::TlsP if security.takes_legacy_auth() => true,
            _ => {
                return self.reply(
                    Code::PARAMETER_NOT_IMPLEMENTED,
                    "Unknown mechanism; use TLS",
                );
            }
        };
        self.reply(Code::SECURITY_EXCHANGE_ACCEPTED, "Start TLS now");
        self.forget();
        self.begin_switch(Switch::Secure { private });
        self.expect_silence();
    }

    pub(super) fn on_pbsz(&mut self) {
        if self.frozen() {
            return self.reply(Code::COMMAND_PROTECTION_DENIED, "Not after CCC");
        }
        if !self.protection.is_secure() {
            return self.reply(Code::BAD_SEQUENCE, "AUTH TLS first");
        }
        self.session.buffer_size_set = true;
        // TLS has its own blocks (RFC 4217 section 9).
        self.reply(Code::COMMAND_OKAY, "PBSZ=0");
    }

    pub(super) fn on_prot(&mut self, level: ProtectionLevel) {
        if self.frozen() {
            return self.reply(Code::COMMAND_PROTECTION_DENIED, "Not after CCC");
        }
        if !self.protection.is_secure() {
            return self.reply(Code::BAD_SEQUENCE, "AUTH TLS first");
        }
        if self.config.strict_pbsz && !self.session.buffer_size_set {
            return self.reply(Code::BAD_SEQUENCE, "PBSZ first");
        }
        match level {
            ProtectionLevel::Clear => {
                self.protection.data = Some(level);
                self.reply(Code::COMMAND_OKAY, "Data connections are in clear");
            }
            ProtectionLevel::Private => {
                self.protection.data = Some(level);
                self.reply(Code::COMMAND_OKAY, "Data connections are private");
            }
            ProtectionLevel::Safe | ProtectionLevel::Confidential => {
                self.reply(
                    Code::DATA_PROTECTION_UNSUPPORTED,
                    "TLS knows the levels C and P",
                );
            }
        }
    }

    pub(super) fn on_ccc(&mut self) {
        if !self.protection.is_secure() {
            return self.reply(
                Code::COMMAND_PROTECTION_DENIED,
                "The control connection is in clear",
            );
        }
        if !self.config.security.ccc_allowed() && self.law.holds(Rule::CccByPolicy) {
            return self.reply(
                Code::DENIED_BY_POLICY,
                "The control connection stays protected",
            );
        }
        self.reply(Code::COMMAND_OKAY, "Clear text from here on");
        self.begin_switch(Switch::Clear { forget: false });
        self.expect_silence();
    }

    /// Back to the state after the greeting; TLS ends behind the reply (RFC 4217 section 13).
    pub(super) fn on_rein(&mut self) {
        if self.config.security.is_implicit() {
            return self.reply(Code::NOT_IMPLEMENTED, "Here is no way back to clear text");
        }
        self.reply(Code::SERVICE_READY, "Ready for a new user");
        self.forget();
        self.host = None;
        if self.protection.is_secure() {
            self.begin_switch(Switch::Clear { forget: true });
            self.expect_silence();
        } else if self.protection.frozen {
            self.protection.reinitialised();
        }
    }

    /// Bytes behind AUTH, CCC and REIN belong to nobody: whoever put them there may not be the client.
    fn expect_silence(&mut self) {
        if !self.inbox.is_empty() && self.law.holds(Rule::CleanSwitch) {
            self.end(Closing::Injected);
        }
    }

    /// Takes back everything that was agreed on: who is logged in, and all parameters (RFC 4217 sections 4.2 and 13).
    fn forget(&mut self) {
        self.close_data();
        if self.law.holds(Rule::EpochForgets) {
            self.session = Session::default();
        }
        if self.timers.at(Timer::Login).is_none() {
            self.timers
                .arm(Timer::Login, self.now + self.config.limits.login_wait);
        }
    }

    /// What became of an order about the control connection.
    pub(super) fn on_control_news(&mut self, news: News) {
        let switch = self.switch.take();
        match (self.protection.state, news) {
            (State::Securing, News::Secured(facts)) => {
                self.timers.cancel(Timer::Handshake);
                self.protection.secured();
                if switch == Some(Switch::Secure { private: true }) {
                    self.protection.data = Some(ProtectionLevel::Private);
                }
                self.note(Note::ControlSecured(facts));
                if self.phase == Phase::Opening {
                    self.greet();
                }
            }
            (State::Clearing, News::Cleared) => {
                self.timers.cancel(Timer::Handshake);
                if switch == Some(Switch::Clear { forget: true }) {
                    self.protection.reinitialised();
                } else {
                    self.protection.cleared();
                }
                self.note(Note::ControlCleared);
            }
            (_, News::TlsFailed(fault)) => {
                if self.law.holds(Rule::HandshakeIsFinal) {
                    // Whether the client reads text or TLS is unknown: nothing is said.
                    self.drop_control(Closing::ControlTls(fault));
                } else {
                    self.timers.cancel(Timer::Handshake);
                    self.protection.state = State::Clear;
                }
            }
            _ => {}
        }
    }
}
