//! The life of the data connection: orders, their reports, and the join with the control side.

use core::net::IpAddr;

use crate::error::{Failure, FailureKind};
use crate::order::{Channel, DataEnd, DataId, Fault, FlowEnd, News, Report};
use crate::output::Note;
use crate::queue::Errand;
use crate::rules::Rule;
use crate::rules::data::{Data, Life, Payload};
use crate::rules::transfer::Answer;
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::Verb;

use super::queue::Item;
use super::replies::direction;
use super::request::Step;
use super::{Client, Ended, Phase};

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
                self.data.fresh = !facts.resumed;
                if facts.resumed
                    && let Some(transfer) = &self.transfer
                {
                    self.on_resumed(transfer.ticket);
                }
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

    /// Takes the data connection as far as both sides allow: TLS once TCP is up, payload once the server has answered, or
    /// once its command has left if it is an eager upload's.
    pub(super) fn move_data_on(&mut self) {
        let transfer = self
            .transfer
            .as_ref()
            .filter(|transfer| transfer.end.is_none());
        let (answer, eager) = transfer.map_or((Answer::Awaited, false), |transfer| {
            (transfer.answer, transfer.eager && self.outbox.is_empty())
        });
        // What protection the connection has is read at the transfer command (RFC 4217 section 8).
        if self.data.life == Life::Open && self.transfer.is_some() {
            self.data.protected = self.session.protection.data_is_private(self.law);
            self.evidence.data.protected = self.data.protected;
            self.evidence.data.verb = self.transfer.as_ref().map(|transfer| transfer.verb);
            if !self.data.protected {
                self.data.life = Life::Ready;
            } else if answer != Answer::Awaited || !self.spares_the_last_ticket() {
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
            // What is dropped anyway may come from a server that has refused it: the tickets are in front.
            && (answer.lets_flow(self.law, eager) || self.renewal_is_announced())
            && let Some(transfer) = &self.transfer
        {
            let direction = direction(self.law, transfer.payload);
            let ticket = transfer.ticket;
            let announced = transfer.hinted.filter(|_| self.sizes_announced);
            let discard = self.is_renewal(ticket);
            let ascii = self
                .requests
                .iter()
                .any(|request| request.ticket == ticket && request.ascii);
            self.data.life = Life::Flowing;
            self.data_order = self.order_number();
            self.evidence.data.direction = Some(direction);
            self.evidence.data.ascii = ascii;
            self.evidence.data.expected = self
                .requests
                .iter()
                .find(|request| request.ticket == ticket)
                .and_then(|request| {
                    let rest = request.size.map(|size| size.saturating_sub(request.offset));
                    request
                        .length
                        .or(rest)
                        .or_else(|| announced.filter(|_| request.is_whole()))
                });
            self.queue.push(Item::Do(Errand::Flow {
                number: self.data_order,
                data: self.data.id,
                direction,
                ascii,
                protected: self.data.protected,
                discard,
            }));
        }
    }

    pub(super) fn on_progress(&mut self, data: DataId, bytes: u64) {
        // The same number again says that it is the application that is waited for.
        if self.data.id == data && self.data.life == Life::Flowing && bytes >= self.data.bytes {
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
    pub(super) fn data_over(&mut self, end: Option<DataEnd>) {
        if let Some(end) = end {
            self.evidence.data.ended = Some((end, self.now));
        }
        self.timers.cancel(Timer::Reply);
        self.free_data(end);
        self.join();
    }

    /// Closes a live data connection from our side, without a word to the transfer.
    pub(super) fn close_data(&mut self) {
        if !self.data.is_live() {
            return;
        }
        self.queue.push(Item::Do(Errand::CloseData(self.data.id)));
        self.free_data(None);
    }

    /// What is known about the data connection goes to the transfer, and its place is free.
    fn free_data(&mut self, end: Option<DataEnd>) {
        if let Some(transfer) = &mut self.transfer {
            transfer.end.get_or_insert(Ended {
                end,
                bytes: self.data.bytes,
                protected: self.data.protected,
                fresh: self.data.fresh,
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
    pub(super) fn transfer_ticket(&self) -> Option<TicketId> {
        match &self.transfer {
            Some(transfer) if transfer.end.is_none() => Some(transfer.ticket),
            // It is the first one's that has no data connection behind it.
            ended => {
                let over = [
                    ended.as_ref().map(|transfer| transfer.ticket),
                    self.concluding.as_ref().map(|transfer| transfer.ticket),
                    self.aborting
                        .and_then(|aborting| aborting.transfer)
                        .map(|(ticket, _)| ticket),
                ];
                self.requests
                    .iter()
                    .filter(|request| request.needs_data())
                    .map(|request| request.ticket)
                    .find(|ticket| !over.contains(&Some(*ticket)))
            }
        }
    }

    pub(super) fn request_verb(&self, ticket: TicketId) -> Option<Verb> {
        self.requests
            .iter()
            .find(|request| request.ticket == ticket)
            .map(|request| request.kind.verb())
    }
}

/// Whether two addresses are one host; an IPv4 address in IPv6 clothes is the same.
fn same_host(a: IpAddr, b: IpAddr) -> bool {
    a.to_canonical() == b.to_canonical()
}
