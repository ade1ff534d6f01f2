//! Setting up data connections: the modes, the one place that makes a target, the orders that open one.

use core::net::IpAddr;

use crate::error::{Failure, FailureKind};
use crate::order::{DataTarget, Fault};
use crate::output::Note;
use crate::queue::{Errand, Piece};
use crate::rules::Rule;
use crate::rules::data::{Data, Life};
use crate::rules::replies::Meaning;
use crate::ticket::TicketId;
use crate::wire::command::ProtectionLevel;
use crate::wire::extended::port_in_reply;
use crate::wire::host_port::HostPort;
use crate::wire::reply::Code;

use super::Client;
use super::config::{DataMode, PassiveAddress};
use super::queue::Item;
use super::request::{Expected, Step};

impl Client {
    pub(super) fn on_setup(
        &mut self,
        expected: Expected,
        mode: DataMode,
        meaning: Meaning,
        code: Code,
        text: &Piece,
    ) {
        if meaning != Meaning::Done {
            if self.too_early() {
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
        let found = match mode {
            // Some servers answer EPSV with 227.
            DataMode::Epsv if code != Code::ENTERING_PASSIVE_MODE => {
                port_in_reply(words).map(|port| (None, port))
            }
            _ => HostPort::find_in_reply(words)
                .map(|found| (Some(IpAddr::V4(found.address)), found.port)),
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

    /// The one place that makes a data target.
    pub(super) fn open_passive(&mut self, mode: DataMode, advertised: Option<IpAddr>, port: u16) {
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
        self.evidence.data.followed = matches!(target, DataTarget::Address(_));
        self.order_connect(target);
    }

    pub(super) fn port_is_fit(&self, port: u16) -> bool {
        port >= self.config.limits.lowest_data_port
            || matches!(port, 20 | 989)
            || !self.law.holds(Rule::LowPort)
    }

    /// A data connection begins its life.
    pub(super) fn begin_data(&mut self, mode: DataMode, life: Life) {
        let id = crate::order::DataId(self.next_data);
        self.next_data = self.next_data.wrapping_add(1);
        let protected = self.session.protection.data_is_private(self.law);
        self.data = Data {
            id,
            life,
            ..Data::default()
        };
        self.evidence.previous = self.evidence.data;
        self.evidence.data =
            crate::diagnosis::DataEvidence::asked(mode, self.now, protected, self.tickets);
        self.evidence.data_connections += 1;
    }

    /// The set-up of a data connection was refused or makes no sense.
    pub(super) fn set_up_failed(
        &mut self,
        expected: Expected,
        fault: Fault,
        reply: Option<(Code, Piece)>,
    ) {
        if let Step::Setup(mode) = expected.step {
            self.evidence.previous = self.evidence.data;
            self.evidence.data =
                crate::diagnosis::DataEvidence::asked(mode, self.now, false, self.tickets);
        }
        self.evidence.data.open_fault = Some(fault);
        self.evidence.data.refused = reply.as_ref().map(|(code, _)| *code);
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
                self.evidence.fallback = Some((before, next));
            }
            self.mode_index = index;
        }
    }

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

    /// Whether the data connection has the protection the policy wants: checked before one is opened.
    pub(super) fn data_protection_is_fit(&self) -> bool {
        !self.session.protection.is_secure()
            || self.config.security.data_level() != ProtectionLevel::Private
            || self.session.protection.data == Some(ProtectionLevel::Private)
            || !self.law.holds(Rule::ProtIsRequired)
    }
}
