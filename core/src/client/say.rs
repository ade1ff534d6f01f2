//! Putting commands in line: the only place that writes to the control connection.

use alloc::vec::Vec;
use core::fmt::Write as _;

use crate::error::{Failure, FailureKind, Malformed};
use crate::order::{DataEnd, Fault};
use crate::queue::Outbox;
use crate::rules::Rule;
use crate::rules::login::Login;
use crate::rules::transfer::Answer;
use crate::secret::Secret;
use crate::time::Timer;
use crate::wire::command::{
    Command, EpsvArgument, Path, Text, Verb, encode_raw, holds_secret, mask_line, may_hold_secret,
    secrets_of_site,
};
use crate::wire::extended::ExtendedAddress;
use crate::wire::host_port::HostPort;

use super::config::{ClearText, DataMode};
use super::plan::{self, Next, View};
use super::queue::{Item, Outcome};
use super::request::{Expected, Kind, Left, Request, Step};
use super::{Client, Phase, Transfer};

impl Client {
    /// Says everything that may be said now.
    pub(super) fn say_what_is_due(&mut self) {
        loop {
            match self.phase {
                Phase::Negotiating
                    if self.session.protection.settled() && self.outstanding.is_empty() =>
                {
                    if !self.negotiate() {
                        return;
                    }
                }
                Phase::Up if self.session.protection.settled() && self.aborting.is_none() => {
                    if !self.say_next() {
                        return;
                    }
                }
                Phase::Greeting if !self.law.holds(Rule::ListenFirst) => {
                    if !self.say_next() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Says the next command of the application's requests. False when there is none to say now.
    fn say_next(&mut self) -> bool {
        self.drop_forbidden_login();
        self.end_needless_login();
        self.end_pointless_ccc();
        // The plan says so too; most often it need not be asked.
        if self.transfer.as_ref().is_some_and(plan::holds_all) {
            return false;
        }
        let Some(mode) = self.mode() else {
            return false;
        };
        let next = plan::next(&View {
            law: self.law,
            config: &self.config,
            protection: self.session.protection,
            login: self.session.login,
            type_asked: self.type_asked,
            private_instead: self.private_instead,
            lock_step: self.session.lock_step,
            mode,
            listening: self.listening.is_some(),
            data_reachable: if mode.is_passive() {
                self.data.is_connected()
            } else {
                self.data.is_live()
            },
            data_live: self.data.is_live(),
            transfer: self.transfer.as_ref(),
            tickets_spent: self.tickets_are_spent(),
            restart_left: self.restart_left,
            algorithm_asked: self.algorithm_asked,
            sizes_announced: self.sizes_announced,
            concluding: self.concluding.is_some(),
            outstanding: &self.outstanding,
            requests: &self.requests,
        });
        match next {
            Next::Say(index, step) => self.say_step(index, step),
            Next::Renew(index) => {
                self.renew_tickets(index);
                true
            }
            Next::Listen(_) => {
                self.order_listener();
                false
            }
            Next::Wait => false,
        }
    }

    /// In clear text for anonymous only, a login as somebody else is refused here, before USER, and so is an account. After CCC an account
    /// that was asked for before it is not sent any more (RFC 4217 section 5).
    fn drop_forbidden_login(&mut self) {
        let anonymous_only = self.config.security.clear_text() == Some(ClearText::Anonymous)
            && !self.session.protection.is_secure()
            && self.law.holds(Rule::AnonymousOnly);
        if !anonymous_only && !self.session.protection.frozen {
            return;
        }
        while let Some(account) = self
            .requests
            .iter()
            .find(|request| request.kind == Kind::Account && !request.sent.has(Step::Verb))
        {
            let ticket = account.ticket;
            let failure = Failure::new(FailureKind::ClearLoginForbidden, Some(Verb::Acct));
            self.finish_with(ticket, Err(failure));
        }
        let forbidden = self.requests.iter().find(|request| {
            anonymous_only
                && request.kind == Kind::Login
                && !request.sent.has(Step::User)
                && !request.argument.eq_ignore_ascii_case(b"anonymous")
                && !request.argument.eq_ignore_ascii_case(b"ftp")
        });
        if let Some(request) = forbidden {
            let ticket = request.ticket;
            self.session.login = Login::Failed;
            self.finish_with(
                ticket,
                Err(Failure::new(
                    FailureKind::ClearLoginForbidden,
                    Some(Verb::User),
                )),
            );
            self.fail_requests_not_attempted();
        }
    }

    /// The greeting has let us in (230), so that nothing is left to say.
    fn end_needless_login(&mut self) {
        let needless = self.requests.iter().find(|request| {
            request.kind == Kind::Login
                && !request.sent.has(Step::User)
                && self.session.login == Login::In
                && !self.session.protection.is_secure()
        });
        if let Some(request) = needless {
            let ticket = request.ticket;
            self.finish_with(ticket, Ok(Outcome::Nothing));
        }
    }

    /// CCC is sent under TLS and after the login only; what came before it in the queue may have ended either.
    fn end_pointless_ccc(&mut self) {
        let protection = self.session.protection;
        let sensible = protection.is_secure() && self.session.login == Login::In;
        while let Some(request) = self.requests.front().filter(|request| {
            request.kind == Kind::ClearChannel && !request.sent.has(Step::Verb) && !sensible
        }) {
            let ticket = request.ticket;
            let result = if protection.frozen {
                Ok(Outcome::Nothing)
            } else {
                Err(Failure::new(FailureKind::NotAttempted, Some(Verb::Ccc)))
            };
            self.finish_with(ticket, result);
        }
    }

    fn say_step(&mut self, index: usize, step: Step) -> bool {
        let Some(request) = self.requests.get_mut(index) else {
            return false;
        };
        request.sent.insert(step);
        let (ticket, kind) = (request.ticket, request.kind);
        let Some(request) = self.requests.get(index) else {
            return false;
        };
        let (listening, left) = (self.listening, self.restart_left);
        let verb = match step {
            Step::Rest if request.says_range(left) => Verb::Rang,
            step => verb_of(step, kind),
        };
        let said = say_into(
            &mut self.outbox,
            self.config.limits.command_line,
            |out, max| write_step(request, step, (listening, left), out, max),
        );
        self.said(step, verb, Some((ticket, kind)), said)
    }

    /// Says a command of the machine's own.
    pub(super) fn say(
        &mut self,
        step: Step,
        verb: Verb,
        owner: Option<(crate::ticket::TicketId, Kind)>,
        write: impl FnOnce(&mut alloc::vec::Vec<u8>, usize) -> Result<(), Malformed>,
    ) -> bool {
        let said = say_into(&mut self.outbox, self.config.limits.command_line, write);
        self.said(step, verb, owner, said)
    }

    /// Books a command that has been put in line from `mark` on.
    fn said(
        &mut self,
        step: Step,
        verb: Verb,
        owner: Option<(crate::ticket::TicketId, Kind)>,
        said: Result<usize, Malformed>,
    ) -> bool {
        let mark = match said {
            Ok(mark) => mark,
            // The listener's address cannot be told to this server.
            Err(_) if matches!(step, Step::Setup(_)) => {
                self.on_data_unreachable(Fault::AddressInUse);
                return true;
            }
            // Of what was asked for, arguments were checked; but a name may be the server's, and a limit very low.
            Err(malformed) => {
                let Some((ticket, _)) = owner else {
                    return false;
                };
                let failure = Failure::new(FailureKind::Protocol(malformed), Some(verb));
                self.finish_with(ticket, Err(failure));
                return true;
            }
        };
        let line = self.outbox.since(mark);
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let beyond_ascii = !line.is_ascii();
        let hidden = may_hold_secret(verb) && holds_secret(line);
        let mut said_in_secret = Vec::new();
        let piece = if hidden {
            said_in_secret.extend(secrets_of_site(line).map(Secret::new));
            // Writing to a Vec does not fail.
            self.queue.keep_with(|out| {
                let _ = write!(Appended(out), "{}", mask_line(line));
            })
        } else {
            self.queue.keep(line)
        };
        self.queue.push(Item::Sent(verb, piece));
        for secret in &said_in_secret {
            self.learn(secret);
        }
        self.outstanding.push_back(Expected {
            step,
            verb,
            ticket: owner.map(|(ticket, _)| ticket),
            kind: owner.map(|(_, kind)| kind),
            orphan: false,
            preliminaries: 0,
        });
        self.surplus = false;
        self.evidence.control.last_verb = Some(verb);
        self.evidence.control.last_beyond_ascii = beyond_ascii && !hidden;
        if step == Step::Pass {
            self.evidence.control.password_sent = Some(self.now);
        }
        self.evidence.control.last_heard = self.now;
        self.timers.cancel(Timer::Reply);
        match step {
            Step::User => self.session.user_sent = true,
            Step::Type(wanted) => self.type_asked = Some(wanted),
            Step::Algorithm(wanted) => self.algorithm_asked = Some(wanted),
            Step::Rest => {
                self.restart_left = Some(match verb {
                    Verb::Rang => Left::Range,
                    _ => Left::Point,
                });
            }
            // The application's own may be about HASH.
            Step::Verb if verb == Verb::Opts => self.algorithm_asked = None,
            Step::Verb => {
                if let Some((ticket, Kind::Transfer(verb, payload))) = owner {
                    self.concluding = self.transfer.take();
                    let request = self
                        .requests
                        .iter()
                        .find(|request| request.ticket == ticket);
                    let eager = request.is_some_and(|request| request.eager);
                    self.transfer = Some(Transfer::new(ticket, verb, payload, eager));
                    self.move_data_on();
                }
            }
            _ => {}
        }
        true
    }
}

struct Appended<'a>(&'a mut alloc::vec::Vec<u8>);

impl core::fmt::Write for Appended<'_> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

/// Appends one line; gives where it begins.
fn say_into(
    outbox: &mut Outbox,
    max: usize,
    write: impl FnOnce(&mut alloc::vec::Vec<u8>, usize) -> Result<(), Malformed>,
) -> Result<usize, Malformed> {
    let mark = outbox.len();
    write(outbox.end(), max)?;
    Ok(mark)
}

fn verb_of(step: Step, kind: Kind) -> Verb {
    match step {
        Step::Auth(_) => Verb::Auth,
        Step::User => Verb::User,
        Step::Pass => Verb::Pass,
        Step::Acct => Verb::Acct,
        Step::Pbsz => Verb::Pbsz,
        Step::Prot(_) => Verb::Prot,
        Step::Type(_) => Verb::Type,
        Step::Algorithm(_) => Verb::Opts,
        Step::Size | Step::Confirm => Verb::Size,
        Step::Setup(DataMode::Epsv) => Verb::Epsv,
        Step::Setup(DataMode::Pasv) => Verb::Pasv,
        Step::Setup(DataMode::Eprt) => Verb::Eprt,
        Step::Setup(DataMode::Port) => Verb::Port,
        Step::Allo => Verb::Allo,
        Step::Rest => Verb::Rest,
        Step::Verb => kind.verb(),
        Step::RenameTo => Verb::Rnto,
        Step::Abort => Verb::Abor,
        Step::Barrier => Verb::Pwd,
        Step::Keepalive => Verb::Noop,
    }
}

/// Writes the line of one step of a request.
fn write_step(
    request: &Request,
    step: Step,
    (listening, left): (Option<core::net::SocketAddr>, Option<Left>),
    out: &mut alloc::vec::Vec<u8>,
    max: usize,
) -> Result<(), Malformed> {
    let account = request.account.as_ref().map_or(&b""[..], Secret::expose);
    let command = match step {
        Step::User => Command::User(Text::new(&request.argument)?),
        Step::Pass => Command::Pass(Text::new(request.password.expose())?),
        Step::Acct => Command::Acct(Text::new(account)?),
        Step::Pbsz => Command::Pbsz(0),
        Step::Prot(level) => Command::Prot(level),
        Step::Type(wanted) => Command::Type(wanted),
        Step::Size => Command::Size(Path::new(&request.argument)?),
        Step::Confirm => Command::Size(Path::new(request.stored_as())?),
        Step::Setup(DataMode::Epsv) => Command::Epsv(EpsvArgument::Same),
        Step::Setup(DataMode::Pasv) => Command::Pasv,
        Step::Setup(mode) => return write_address(mode, listening, out, max),
        Step::Allo => Command::Allo {
            size: request.allocate.unwrap_or(0),
            record: None,
        },
        Step::Algorithm(wanted) => {
            let options = alloc::format!("HASH {}", wanted.name());
            return Command::Opts(Text::new(options.as_bytes())?).encode(out, max);
        }
        Step::Rest => match request.length {
            Some(length) => Command::Rang {
                start: request.offset,
                end: request.offset + length - 1,
            },
            None if request.says_range(left) => Command::Rang { start: 1, end: 0 },
            None => Command::Rest(request.offset),
        },
        Step::RenameTo => Command::Rnto(Path::new(&request.second)?),
        Step::Verb => match request.kind {
            Kind::Raw(_) => return encode_raw(&request.argument, out, max).map(|_| ()),
            Kind::Account => Command::Acct(Text::new(account)?),
            kind => Command::Other {
                verb: kind.verb(),
                argument: &request.argument,
            },
        },
        Step::Auth(_) | Step::Abort | Step::Barrier | Step::Keepalive => {
            return Err(Malformed::Verb);
        }
    };
    command.encode(out, max)
}

/// EPRT or PORT with the address our listener is reachable at, as the driver told it.
fn write_address(
    mode: DataMode,
    listening: Option<core::net::SocketAddr>,
    out: &mut alloc::vec::Vec<u8>,
    max: usize,
) -> Result<(), Malformed> {
    let address = listening.ok_or(Malformed::ExtendedAddress)?;
    let mut text = alloc::vec::Vec::new();
    match (mode, address.ip()) {
        (DataMode::Port, core::net::IpAddr::V4(v4)) => {
            HostPort::new(v4, address.port())?.encode(&mut text);
            Command::Port(&text).encode(out, max)
        }
        (DataMode::Port, core::net::IpAddr::V6(_)) => Err(Malformed::AddressFamily),
        (_, ip) => {
            ExtendedAddress::new(ip, address.port())?.encode(&mut text);
            Command::Eprt(&text).encode(out, max)
        }
    }
}

impl Transfer {
    fn new(
        ticket: crate::ticket::TicketId,
        verb: Verb,
        payload: crate::rules::data::Payload,
        eager: bool,
    ) -> Self {
        Transfer {
            ticket,
            verb,
            payload,
            eager,
            answer: Answer::Awaited,
            announced: false,
            end: None,
            broken: None,
            text: alloc::vec::Vec::new(),
            name: alloc::vec::Vec::new(),
            hinted: None,
        }
    }

    /// Whether our side of its data connection failed, which the server has yet to say something about.
    pub(super) fn failed_here(&self) -> bool {
        !self.answer.is_final()
            && self
                .end
                .is_some_and(|ended| ended.end == Some(DataEnd::Local))
    }
}
