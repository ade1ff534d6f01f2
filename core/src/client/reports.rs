//! The life of the data connection: orders, their reports, and the join with the control side.

use core::net::IpAddr;

use crate::error::{Failure, FailureKind};
use crate::order::{
    Channel, DataEnd, DataId, DataTarget, Fault, FlowEnd, News, Report, Tickets, TlsFault, keep,
};
use crate::output::{Note, Proof};
use crate::rules::Rule;
use crate::rules::data::{Data, Life, Payload};
use crate::rules::transfer::{Answer, Evidence, Verdict, verdict};
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::{ProtectionLevel, Verb};
use crate::wire::reply::{Code, Subject};

use super::config::{DataMode, MissingCloseNotify};
use super::queue::{Errand, Item, Outcome, Piece};
use super::replies::direction;
use super::request::{Expected, Kind, Step};
use super::{Client, Ended, Phase, Transfer};

impl Client {
    pub(super) fn on_report(&mut self, report: Report) {
        if report.number == self.control_order && self.phase != Phase::Closed {
            self.control_order = 0;
            self.on_control_news(report.news);
        } else if (report.number == self.data_order || !self.law.holds(Rule::StaleReports))
            && self.data.is_live()
        {
            self.data_order = 0;
            self.on_data_news(report.number, report.news);
        }
    }

    fn on_control_news(&mut self, news: News) {
        self.timers.cancel(Timer::Handshake);
        match news {
            News::Secured(facts) => {
                self.evidence.control.handshake = Some(Ok(facts));
                self.session.protection.secured();
                self.reset_login();
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

    /// TLS resets login, transfer parameters and protection level (RFC 4217 section 4.2).
    fn reset_login(&mut self) {
        if self.law.holds(Rule::GreetingIsNoLogin) {
            self.session.login = crate::rules::login::Login::Out;
        }
        self.session.representation = None;
        self.type_asked = None;
    }

    fn on_data_news(&mut self, number: u32, news: News) {
        match (self.data.life, news) {
            (Life::Opening, News::Connected) => self.on_data_connected(),
            (Life::Opening, News::Accepted(peer)) => self.on_accepted(number, peer),
            (Life::Listening, News::Listening(address)) => {
                self.timers.cancel(Timer::DataOpen);
                self.listening = Some(address);
            }
            (Life::Opening | Life::Listening, News::Failed(fault)) => {
                self.on_data_unreachable(fault);
            }
            (Life::Securing, News::Secured(facts)) => {
                self.timers.cancel(Timer::DataHandshake);
                self.evidence.data.handshake = Some(Ok(facts));
                self.data.life = Life::Ready;
                self.note(Note::DataSecured(self.data.id, facts));
                self.move_data_on();
            }
            (Life::Securing, News::TlsFailed(fault)) => {
                self.timers.cancel(Timer::DataHandshake);
                self.evidence.data.handshake = Some(Err(fault));
                self.on_data_insecure(FailureKind::DataTls(fault));
            }
            (Life::Flowing, News::Finished(end)) => self.on_flow_finished(end),
            _ => {}
        }
    }

    fn on_data_connected(&mut self) {
        self.timers.cancel(Timer::DataOpen);
        self.data.life = Life::Open;
        self.evidence.data.connected = Some(self.now);
        self.note(Note::DataConnected(self.data.id));
        self.move_data_on();
    }

    /// The one place that admits a connection somebody else made.
    fn on_accepted(&mut self, number: u32, peer: IpAddr) {
        if same_host(peer, self.peer) || !self.law.holds(Rule::AcceptedPeer) {
            self.on_data_connected();
        } else {
            self.note(Note::StrangerRefused(peer));
            // The same order again: the listener goes on.
            self.data_order = number;
            self.queue
                .push(Item::Do(Errand::Accept(number, self.data.id)));
        }
    }

    // ---- orders

    pub(super) fn order_connect(&mut self, target: DataTarget) {
        if !self.data_protection_is_fit() {
            self.fail_session(Failure::new(FailureKind::ProtectionRefused, None));
            return;
        }
        self.data_order = self.order_number();
        self.queue.push(Item::Do(Errand::Connect(
            self.data_order,
            self.data.id,
            target,
        )));
    }

    pub(super) fn order_listener(&mut self) {
        let Some(mode) = self.mode() else { return };
        self.begin_data(mode, Life::Listening);
        self.data_order = self.order_number();
        self.queue
            .push(Item::Do(Errand::Listen(self.data_order, self.data.id)));
    }

    pub(super) fn order_accept(&mut self) {
        if !self.data_protection_is_fit() {
            self.fail_session(Failure::new(FailureKind::ProtectionRefused, None));
            return;
        }
        self.data.life = Life::Opening;
        self.data_order = self.order_number();
        self.queue
            .push(Item::Do(Errand::Accept(self.data_order, self.data.id)));
    }

    /// Takes the data connection as far as both sides allow: TLS once TCP is up, payload once the server has answered.
    pub(super) fn move_data_on(&mut self) {
        let transfer = self
            .transfer
            .as_ref()
            .filter(|transfer| transfer.end.is_none());
        let answer = transfer.map_or(Answer::Awaited, |transfer| transfer.answer);
        // What protection the connection has is read at the transfer command (RFC 4217 section 8).
        if self.data.life == Life::Open && self.transfer.is_some() {
            self.data.protected = self.session.protection.data_is_private(self.law);
            self.evidence.data.protected = self.data.protected;
            if !self.data.protected {
                self.data.life = Life::Ready;
            } else if self.tickets != Tickets::Left(1) || answer != Answer::Awaited {
                // A single ticket left is not spent on a transfer the server may refuse.
                self.data.life = Life::Securing;
                self.data_order = self.order_number();
                self.evidence.data.tickets = self.tickets;
                self.queue.push(Item::Do(Errand::SecureData(
                    self.data_order,
                    Channel::Data(self.data.id),
                )));
            }
        }
        if self.data.life == Life::Ready
            && answer.lets_flow(self.law)
            && let Some(transfer) = &self.transfer
        {
            let direction = direction(self.law, transfer.payload);
            let ticket = transfer.ticket;
            let ascii = self
                .requests
                .iter()
                .any(|request| request.ticket == ticket && request.ascii);
            self.data.life = Life::Flowing;
            self.data_order = self.order_number();
            self.evidence.data.direction = Some(direction);
            self.queue.push(Item::Do(Errand::Flow {
                number: self.data_order,
                data: self.data.id,
                direction,
                ascii,
                protected: self.data.protected,
            }));
        }
    }

    pub(super) fn on_progress(&mut self, data: DataId, bytes: u64) {
        if self.data.id == data && self.data.life == Life::Flowing && bytes > self.data.bytes {
            self.data.bytes = bytes;
            self.evidence.data.bytes = bytes;
            self.evidence.data.last_progress = Some(self.now);
            self.timers.cancel(Timer::Stall);
            self.timers.cancel(Timer::Drain);
        }
    }

    fn on_flow_finished(&mut self, flow: FlowEnd) {
        self.data.bytes = flow.bytes;
        self.data.source_ended = flow.source_ended;
        self.data.life = Life::Ended(flow.end);
        self.evidence.data.bytes = flow.bytes;
        self.data_over(Some(flow.end));
    }

    /// The data connection is over: its story goes to the transfer, its place is free.
    fn data_over(&mut self, end: Option<DataEnd>) {
        if let Some(end) = end {
            self.evidence.data.ended = Some((end, self.now));
        }
        let ended = Ended {
            end,
            bytes: self.data.bytes,
            protected: self.data.protected,
            source_ended: self.data.source_ended,
        };
        for timer in [
            Timer::Stall,
            Timer::Drain,
            Timer::DataOpen,
            Timer::DataHandshake,
            Timer::Reply,
        ] {
            self.timers.cancel(timer);
        }
        self.data = Data::default();
        self.data_order = 0;
        self.listening = None;
        if let Some(transfer) = &mut self.transfer {
            transfer.end.get_or_insert(ended);
        }
        self.join();
    }

    /// Closes a live data connection from our side, without a word to the transfer.
    pub(super) fn close_data(&mut self) {
        if !self.data.is_live() {
            return;
        }
        self.queue.push(Item::Do(Errand::CloseData(self.data.id)));
        if let Some(transfer) = &mut self.transfer {
            transfer.end.get_or_insert(Ended {
                end: None,
                bytes: self.data.bytes,
                protected: self.data.protected,
                source_ended: self.data.source_ended,
            });
        }
        for timer in [
            Timer::Stall,
            Timer::Drain,
            Timer::DataOpen,
            Timer::DataHandshake,
        ] {
            self.timers.cancel(timer);
        }
        self.data = Data::default();
        self.data_order = 0;
        self.listening = None;
    }

    /// The final reply is in and the data connection does not end: enough.
    pub(super) fn end_drain(&mut self) {
        if !self.data.is_live() {
            return;
        }
        let sent_all = self.data.source_ended
            && self.transfer.as_ref().is_some_and(|transfer| {
                transfer.payload == Payload::FileOut && transfer.answer.is_completion()
            });
        self.queue.push(Item::Do(Errand::CloseData(self.data.id)));
        // The server has confirmed an upload that was sent to its end; only its close is missing.
        let end = if sent_all {
            DataEnd::Fin
        } else {
            DataEnd::Failed(Fault::TimedOut)
        };
        let connected = self.data.is_connected();
        self.data_over(connected.then_some(end));
    }

    /// The application's source has been sent to its end.
    pub(super) fn on_source_ended(&mut self, data: DataId) {
        if self.data.id == data && self.data.life == Life::Flowing {
            self.data.source_ended = true;
            self.timers.cancel(Timer::Stall);
        }
    }

    pub(super) fn on_data_unreachable(&mut self, fault: Fault) {
        self.evidence.data.open_fault = Some(fault);
        let Some(ticket) = self.transfer_ticket() else {
            self.close_data();
            return;
        };
        let verb_sent = self
            .outstanding
            .iter()
            .any(|e| e.step == Step::Verb && e.ticket == Some(ticket));
        let answered = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.answer.is_final());
        self.close_data();
        if self.phase != Phase::Up || answered {
            self.join();
        } else if verb_sent {
            // The server waits for a connection that will not come.
            self.give_up_transfer(None, Some(fault));
        } else if self.another_mode().is_some() {
            self.try_next_mode(Some(ticket));
        } else {
            let verb = self.request_verb(ticket);
            self.orphan_request(ticket);
            self.finish_with(
                ticket,
                Err(Failure::new(FailureKind::DataOpen(fault), verb)),
            );
        }
    }

    /// There is no TLS on the data connection: it is closed, and if the transfer was asked for, the server's last word is awaited.
    pub(super) fn on_data_insecure(&mut self, kind: FailureKind) {
        let ticket = self.transfer_ticket();
        if let Some(transfer) = &mut self.transfer
            && transfer.end.is_none()
        {
            transfer.broken = Some(kind);
            self.close_data();
            self.join();
            return;
        }
        self.close_data();
        if let Some(ticket) = ticket {
            let verb = self.request_verb(ticket);
            self.orphan_request(ticket);
            self.finish_with(ticket, Err(Failure::new(kind, verb)));
        }
    }

    /// Whose data connection the current one is.
    fn transfer_ticket(&self) -> Option<TicketId> {
        match &self.transfer {
            Some(transfer) if transfer.end.is_none() => Some(transfer.ticket),
            ended => self
                .requests
                .iter()
                .filter(|request| matches!(request.kind, Kind::Transfer(..)))
                .map(|request| request.ticket)
                .find(|ticket| ended.as_ref().is_none_or(|ended| ended.ticket != *ticket)),
        }
    }

    fn request_verb(&self, ticket: TicketId) -> Option<Verb> {
        self.requests
            .iter()
            .find(|request| request.ticket == ticket)
            .map(|request| request.kind.verb())
    }

    // ---- modes

    /// How data connections are set up at present.
    pub(super) fn mode(&self) -> Option<DataMode> {
        self.config.data_modes.at(self.mode_index)
    }

    /// The next mode in order that works on this address family, with its index.
    pub(super) fn another_mode(&self) -> Option<(u8, DataMode)> {
        (self.mode_index + 1..=3).find_map(|index| {
            let mode = self.config.data_modes.at(index)?;
            (self.peer.is_ipv4() || mode.works_on_ipv6()).then_some((index, mode))
        })
    }

    pub(super) fn advance_mode(&mut self) {
        if let Some((index, next)) = self.another_mode() {
            if let Some(before) = self.mode() {
                self.note(Note::DataModeChanged(before, next));
            }
            self.mode_index = index;
        }
    }

    /// The set-up of a data connection was refused or makes no sense.
    pub(super) fn set_up_failed(
        &mut self,
        expected: Expected,
        fault: Fault,
        reply: Option<(Code, Piece)>,
    ) {
        self.evidence.data.open_fault = Some(fault);
        self.close_data();
        let rides = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| Some(transfer.ticket) == expected.ticket);
        if rides {
            self.transfer = None;
        }
        if self.another_mode().is_some() {
            self.try_next_mode(expected.ticket);
            return;
        }
        let Some(ticket) = expected.ticket else {
            return;
        };
        let failure = match reply {
            Some((code, text)) => {
                let kind = if fault == Fault::Refused {
                    FailureKind::Refused
                } else {
                    FailureKind::DataOpen(fault)
                };
                self.failure(kind, Some(expected.verb), code, &text)
            }
            None => Failure::new(FailureKind::DataOpen(fault), Some(expected.verb)),
        };
        self.orphan_request(ticket);
        if !self.outstanding.is_empty() {
            self.lock_step();
        }
        self.finish_with(ticket, Err(failure));
    }

    /// The transfer starts over by the next mode, which is remembered.
    pub(super) fn try_next_mode(&mut self, ticket: Option<TicketId>) {
        if let Some(ticket) = ticket {
            self.orphan_request(ticket);
        }
        if !self.outstanding.is_empty() {
            self.lock_step();
        }
        let before = self.mode();
        self.advance_mode();
        let after = self.mode();
        if let Some(request) = self.request_of(ticket) {
            for step in [Step::Verb, Step::Rest, Step::Allo] {
                request.sent.remove(step);
                request.done.remove(step);
            }
            for mode in [before, after].into_iter().flatten() {
                request.sent.remove(Step::Setup(mode));
                request.done.remove(Step::Setup(mode));
            }
        }
    }

    // ---- the join

    /// Ends the transfer once both sides have ended.
    pub(super) fn join(&mut self) {
        let over = self.transfer.as_ref().is_some_and(|transfer| {
            // A live data connection may already be the next transfer's.
            let data_over =
                transfer.end.is_some() || !self.data.is_live() || !self.law.holds(Rule::DataEnd);
            let said = transfer.answer.is_final()
                || (!self.law.holds(Rule::FinalReply) && transfer.end.is_some());
            said && data_over
        });
        if !over {
            return;
        }
        let Some(transfer) = self.transfer.take() else {
            return;
        };
        for timer in [Timer::Stall, Timer::Drain, Timer::Guard] {
            self.timers.cancel(timer);
        }
        let result = self.judge(&transfer);
        self.finish_with(transfer.ticket, result);
        if self.phase == Phase::Draining {
            self.finish_draining();
        }
    }

    /// Ends the transfer before the current one, whose final reply was still due.
    pub(super) fn conclude(&mut self, answer: Answer, text: Piece) {
        let Some(mut transfer) = self.concluding.take() else {
            return;
        };
        transfer.answer = answer;
        transfer.text = keep(self.queue.text(&text), self.config.limits.failure_text);
        let result = self.judge(&transfer);
        self.finish_with(transfer.ticket, result);
    }

    fn judge(&mut self, transfer: &Transfer) -> Result<Outcome, Failure> {
        let request = self
            .requests
            .iter()
            .find(|request| request.ticket == transfer.ticket);
        let ended = transfer.end.unwrap_or(Ended {
            end: None,
            bytes: 0,
            protected: false,
            source_ended: false,
        });
        let (size, offset) = request.map_or((None, 0), |request| {
            (request.expected_bytes(), request.offset)
        });
        let hinted = transfer.hinted.filter(|hint| {
            // The size in the preliminary reply is only a hint: it may count the whole file, or ASCII differently.
            size.is_none()
                && offset == 0
                && transfer.payload == Payload::FileIn
                && ended.bytes < *hint
                && !request.is_some_and(|request| request.ascii)
        });
        let expected = size.or(hinted);
        let evidence = Evidence {
            payload: transfer.payload,
            answer: match transfer.answer {
                Answer::Awaited | Answer::Preliminary => {
                    Answer::Final(Code::CLOSING_DATA_CONNECTION)
                }
                answer => answer,
            },
            end: ended.end,
            protected: ended.protected,
            bytes: ended.bytes,
            expected,
            tolerate_missing_close_notify: self.config.missing_close_notify
                == MissingCloseNotify::IfSizeAgrees,
            source_ended: ended.source_ended,
            bare_listing: request.is_some_and(|request| request.argument.is_empty()),
            announced: transfer.announced,
        };
        let bytes = ended.bytes;
        let done = |proof, name| Outcome::Transfer {
            bytes,
            expected,
            proof,
            name,
        };
        let kind = match verdict(self.law, &evidence) {
            Verdict::Complete => {
                let name = self.kept_name(transfer);
                return Ok(done(Proof::CleanEnd, name));
            }
            Verdict::CompleteWithoutCloseNotify => {
                let name = self.kept_name(transfer);
                return Ok(done(Proof::SizeOnly, name));
            }
            Verdict::Empty => return Ok(done(Proof::Empty, None)),
            Verdict::Truncated => FailureKind::Truncated { bytes, expected },
            Verdict::Longer => FailureKind::Longer {
                bytes,
                expected: expected.unwrap_or(0),
            },
            Verdict::Unconfirmed => FailureKind::Unconfirmed { bytes },
            Verdict::Failed => self.refusal_kind(transfer, bytes),
        };
        // What broke on our side or in between explains more than its consequences.
        let kind = match (transfer.broken, ended.end) {
            // A server that refuses the file outright ends the data connection, in the middle of its handshake if need be.
            (Some(broken), _)
                if transfer.announced || !is_cut(broken) || !is_about_the_file(transfer.answer) =>
            {
                broken
            }
            (None, Some(DataEnd::Local)) => FailureKind::Local { bytes },
            (None, Some(DataEnd::Tls(fault))) => FailureKind::DataTls(fault),
            _ => kind,
        };
        Err(match transfer.answer {
            Answer::Final(code) if code.class().is_negative() => {
                Failure::replied(kind, Some(transfer.verb), code, transfer.text.clone())
            }
            _ => match &self.ending {
                Some(ending)
                    if transfer.answer == Answer::Lost
                        && !matches!(kind, FailureKind::Unconfirmed { .. }) =>
                {
                    ending.clone()
                }
                _ => Failure::new(kind, Some(transfer.verb)),
            },
        })
    }

    /// A refusal by the file system is the server's word; a broken connection leaves the transfer unproved.
    fn refusal_kind(&self, transfer: &Transfer, bytes: u64) -> FailureKind {
        if is_about_the_file(transfer.answer) || !transfer.announced {
            FailureKind::Refused
        } else {
            FailureKind::TransferFailed { bytes }
        }
    }

    fn kept_name(&mut self, transfer: &Transfer) -> Option<Piece> {
        (!transfer.name.is_empty()).then(|| self.queue.keep(&transfer.name))
    }

    /// Whether the data connection has the protection the policy wants: checked before one is opened.
    fn data_protection_is_fit(&self) -> bool {
        !self.session.protection.is_secure()
            || self.config.security.data_level() != ProtectionLevel::Private
            || self.session.protection.data == Some(ProtectionLevel::Private)
            || !self.law.holds(Rule::ProtIsRequired)
    }
}

/// Whether the server's last word is the file system's.
fn is_about_the_file(answer: Answer) -> bool {
    matches!(answer, Answer::Final(code)
        if code.subject() == Subject::FileSystem && code != Code::LOCAL_ERROR && code.class().is_negative())
}

/// Whether the peer ended the data connection in its handshake without giving a reason there.
const fn is_cut(broken: FailureKind) -> bool {
    matches!(
        broken,
        FailureKind::DataTls(
            TlsFault::ClosedAtHello | TlsFault::ClosedInHandshake | TlsFault::Reset
        )
    )
}

/// Whether two addresses are one host; an IPv4 address in IPv6 clothes is the same.
fn same_host(a: IpAddr, b: IpAddr) -> bool {
    a.to_canonical() == b.to_canonical()
}
