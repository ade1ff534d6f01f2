//! USER, PASS, ACCT and HOST (RFC 959 section 4.1.1, RFC 2577, RFC 7151).

use core::net::IpAddr;

use super::question::{Authenticate, Question, Said, SelectHost};
use super::queue::Told;
use super::work::{Asked, Work};
use super::{Account, Closing, Server, Timer};
use crate::rules::Rule;
use crate::rules::login::Login;
use crate::secret::Secret;
use crate::wire::reply::Code;

const NEED_PASSWORD: &str = "Password, please";

impl Server {
    /// USER. The same answer at the same time for every name, unless the policy asks the application.
    pub(super) fn on_user(&mut self, name: &[u8]) {
        if self.frozen() {
            return self.reply(Code::DENIED_BY_POLICY, "Not after CCC");
        }
        if self.config.security.needs_tls()
            && !self.protection.is_secure()
            && self.law.holds(Rule::TlsBeforeLogin)
        {
            return self.reply(Code::DENIED_BY_POLICY, "Encryption first: AUTH TLS");
        }
        if self.session.login == Login::In && !self.config.relogin {
            return self.reply(Code::BAD_SEQUENCE, "Already logged in");
        }
        self.log_out();
        if name.len() > self.config.limits.user_name {
            return self.reply(Code::PARAMETER_SYNTAX, "The name is too long");
        }
        self.session.name = name.to_vec();
        if self.config.ask_at_user {
            self.authenticate(None, None, Asked::User);
        } else {
            self.session.login = Login::PasswordDue;
            self.reply(Code::NEED_PASSWORD, NEED_PASSWORD);
        }
    }

    /// PASS, directly after USER.
    pub(super) fn on_pass(&mut self, password: &[u8]) {
        if self.session.login == Login::In {
            return if self.session.passwordless {
                self.reply(Code::SUPERFLUOUS, "No password is needed");
            } else {
                self.reply(Code::BAD_SEQUENCE, "Already logged in");
            };
        }
        if password.len() > self.config.limits.password {
            self.schedule_failure();
            return self.on_rejected();
        }
        self.schedule_failure();
        self.authenticate(Some(Secret::new(password)), None, Asked::Password);
    }

    /// ACCT, after 332.
    pub(super) fn on_acct(&mut self, account: &[u8]) {
        self.schedule_failure();
        if account.len() > self.config.limits.password {
            return self.on_rejected();
        }
        let password = self.session.password.take();
        self.authenticate(password, Some(Secret::new(account)), Asked::Account);
    }

    fn authenticate(&mut self, password: Option<Secret>, account: Option<Secret>, asked: Asked) {
        // What ACCT needs again.
        self.session.password = password.clone();
        let name = self.session.name.clone();
        let secure = self.protection.is_secure();
        self.put(asked, |number, _| {
            Question::Authenticate(Authenticate {
                number,
                name,
                password,
                account,
                secure,
            })
        });
    }

    /// The answer to a login question.
    pub(super) fn on_login_answer(&mut self, asked: &Asked, said: Said) {
        match (asked, said) {
            (_, Said::Account(account)) => self.on_accepted_user(account, *asked == Asked::User),
            (Asked::User | Asked::Password, Said::NeedAccount) => {
                self.timers.cancel(Timer::LoginDelay);
                self.session.login = Login::AccountDue;
                self.reply(Code::NEED_ACCOUNT, "Account, please");
            }
            // A name nobody has is asked for a password like any other (RFC 2577 section 7).
            (Asked::User, _) => {
                self.session.login = Login::PasswordDue;
                self.reply(Code::NEED_PASSWORD, NEED_PASSWORD);
            }
            _ => self.on_rejected(),
        }
    }

    fn on_accepted_user(&mut self, account: Account, passwordless: bool) {
        self.timers.cancel(Timer::LoginDelay);
        self.timers.cancel(Timer::Login);
        self.errors = 0;
        self.session.login = Login::In;
        self.session.password = None;
        self.session.passwordless = passwordless;
        self.session.directory = account.home.clone();
        self.queue.tell(Told::LoggedIn(account.user));
        self.session.account = Some(account);
        self.reply(Code::LOGGED_IN, "Logged in");
    }

    /// The reply waits for its time, so that it tells nothing about the reason (RFC 2577 section 5).
    pub(super) fn on_rejected(&mut self) {
        self.log_out();
        self.failed_logins = self.failed_logins.saturating_add(1);
        self.queue.tell(Told::LoginFailed(self.failed_logins));
        if self.law.holds(Rule::FailureSchedule) {
            self.work = Work::Delaying;
        } else {
            self.timers.cancel(Timer::LoginDelay);
            self.answer_failed_login();
        }
    }

    fn schedule_failure(&mut self) {
        self.timers.arm(
            Timer::LoginDelay,
            self.now + self.config.limits.failed_login_delay,
        );
    }

    /// The time for the reply to a failed login has come. While the application still thinks, the next such time counts.
    pub(super) fn on_login_delay(&mut self) {
        if self.work == Work::Delaying {
            self.work = Work::Idle;
            self.answer_failed_login();
        } else {
            self.schedule_failure();
        }
    }

    fn answer_failed_login(&mut self) {
        if self.failed_logins >= self.config.limits.failed_logins
            && self.law.holds(Rule::LoginBudget)
        {
            self.reply(Code::SERVICE_NOT_AVAILABLE, "Too many failed logins");
            self.end(Closing::LoginFailures);
        } else {
            self.reply(Code::NOT_LOGGED_IN, "Login incorrect");
        }
    }

    /// Nobody is logged in any more; transfer parameters stay (RFC 959 section 4.1.1).
    pub(super) fn log_out(&mut self) {
        let session = &mut self.session;
        if session.login == Login::In {
            self.timers
                .arm(Timer::Login, self.now + self.config.limits.login_wait);
        }
        session.login = Login::Out;
        session.name.clear();
        session.password = None;
        session.account = None;
        session.passwordless = false;
        session.rename = None;
        session.restart = None;
    }

    // ---- HOST

    pub(super) fn on_host(&mut self, name: &[u8]) {
        if !self.config.virtual_hosts {
            return self.reply(Code::NOT_IMPLEMENTED, "Not implemented");
        }
        let Some(name) = host_name(name) else {
            return self.reply(Code::PARAMETER_SYNTAX, "Not a host name");
        };
        if let Some(literal) = address_literal(name) {
            // RFC 7151 section 3.1: an address must be the one the client connected to.
            return if literal.to_canonical() == self.local.ip() {
                self.select_host(None);
            } else {
                self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "That is not my address");
            };
        }
        let name = name.to_vec();
        let secure = self.protection.is_secure();
        self.put(Asked::Host(name.clone()), |number, _| {
            Question::SelectHost(SelectHost {
                number,
                name,
                secure,
            })
        });
    }

    pub(super) fn on_host_answer(&mut self, name: &[u8], said: &Said) {
        match said {
            Said::Done => self.select_host(Some(name)),
            Said::HostUnavailable => {
                self.reply(Code::SERVICE_NOT_AVAILABLE, "Not available now");
                self.end(Closing::HostUnavailable);
            }
            Said::HostConflicts => {
                self.reply(Code::BAD_SEQUENCE, "Not the host of the TLS handshake");
            }
            _ => self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "No such host"),
        }
    }

    fn select_host(&mut self, name: Option<&[u8]>) {
        self.log_out();
        self.host = name.map(<[u8]>::to_vec);
        self.reply(Code::SERVICE_READY, "Host selected");
    }
}

/// A domain name, or an address: IPv6 in brackets. No port (RFC 7151 section 3.1).
fn host_name(name: &[u8]) -> Option<&[u8]> {
    let name = name.trim_ascii_end();
    if let Some(inner) = name.strip_prefix(b"[").and_then(|n| n.strip_suffix(b"]")) {
        return address_literal(inner)
            .is_some_and(|address| address.is_ipv6())
            .then_some(inner);
    }
    let fits = !name.is_empty()
        && name.len() <= 255
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    fits.then_some(name)
}

fn address_literal(name: &[u8]) -> Option<IpAddr> {
    core::str::from_utf8(name).ok()?.parse().ok()
}
