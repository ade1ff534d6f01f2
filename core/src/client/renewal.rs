//! Tickets that run out, and the listing that brings new ones without touching a file.
//!
//! A TLS 1.3 ticket works once. A server that hands out none during uploads, and takes no data connection that resumes nothing, refuses the
//! third upload in a row, and has emptied the file by then. But the refused data connection is a full handshake, which brings new tickets:
//! so a listing is refused in place of the upload.

use crate::order::Tickets;
use crate::output::Note;
use crate::rules::data::Payload;
use crate::ticket::TicketId;
use crate::wire::command::Verb;

use super::Client;
use super::config::SpentTickets;
use super::request::{Kind, Request};

/// What is known about resuming the TLS session on data connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Reuse {
    /// There were no tickets that work once.
    #[default]
    Unproved,
    /// There were.
    Offered,
    /// And a data connection has resumed it. So many listings were asked for since then.
    Proved { listings: u8 },
    /// A listing was asked for to bring tickets, and brought none or was not refused: no more of them.
    GivenUp,
    /// The server has confirmed a transfer whose data connection resumed nothing: it is content without.
    Needless,
}

/// NLST names less than the others say, should the server not refuse it.
const LISTING: Kind = Kind::Transfer(Verb::Nlst, Payload::ListIn);

impl Client {
    pub(super) fn on_tickets(&mut self, tickets: Tickets) {
        self.tickets = tickets;
        self.evidence.control.tickets = tickets;
        if self.reuse == Reuse::Unproved && matches!(tickets, Tickets::Left(_)) {
            self.reuse = Reuse::Offered;
        }
    }

    /// The data connection of a transfer has resumed the session.
    pub(super) fn on_resumed(&mut self, transfer: TicketId) {
        // A listing that does brings nothing the next transfer could be sure of.
        if matches!(self.reuse, Reuse::Offered | Reuse::Proved { .. }) && !self.is_renewal(transfer)
        {
            self.reuse = Reuse::Proved { listings: 0 };
        }
    }

    /// The server has confirmed a transfer whose data connection resumed nothing.
    pub(super) fn on_fresh_confirmed(&mut self) {
        self.reuse = Reuse::Needless;
    }

    /// Whether a ticket is the last one, and a server that refuses the transfer had better not have it.
    pub(super) fn spares_the_last_ticket(&self) -> bool {
        self.tickets == Tickets::Left(1) && self.reuse != Reuse::Needless
    }

    /// Whether the next data connection would have nothing left to resume, and a listing may change that.
    pub(super) fn tickets_are_spent(&self) -> bool {
        let worth_it = matches!(self.reuse, Reuse::Proved { listings } if listings < self.config.limits.renewals);
        worth_it
            && self.config.spent_tickets == SpentTickets::Renew
            && self.tickets == Tickets::None
            && self.session.protection.data_is_private(self.law)
    }

    /// Puts the listing before the `index`-th request.
    pub(super) fn renew_tickets(&mut self, index: usize) {
        self.note(Note::TicketsSpent);
        if let Reuse::Proved { listings } = &mut self.reuse {
            *listings = listings.saturating_add(1);
        }
        let ticket = self.ticket();
        let mut request = self
            .spare
            .pop()
            .unwrap_or_else(|| Request::new(ticket, LISTING));
        request.recycle(ticket, LISTING);
        request.renewal = true;
        self.requests
            .insert(index.min(self.requests.len()), request);
    }

    /// The listing is over. `accepted`: it was not refused, so there is nothing to be had by one.
    pub(super) fn on_renewed(&mut self, accepted: bool) {
        if (accepted || self.tickets == Tickets::None) && self.reuse != Reuse::Needless {
            self.reuse = Reuse::GivenUp;
        }
        self.note(Note::TicketsRenewed(self.tickets));
    }

    /// Whether the listing runs and the server has taken it up: its data connection is of use even if it is refused now.
    pub(super) fn renewal_is_announced(&self) -> bool {
        self.transfer
            .as_ref()
            .is_some_and(|transfer| transfer.announced && self.is_renewal(transfer.ticket))
    }

    /// The application gives up what runs. If that is the listing, it means the transfer behind it.
    pub(super) fn meant_by_abort(&mut self, running: TicketId, bytes: u64) -> (TicketId, u64) {
        if !self.is_renewal(running) {
            return (running, bytes);
        }
        self.orphan_request(running);
        self.requests.retain(|request| request.ticket != running);
        // The transfer before it, if its final reply is still due, has moved all it had to move.
        let before = self.concluding.as_ref().map(|transfer| transfer.ticket);
        let meant = self
            .requests
            .iter()
            .find(|request| request.needs_data() && Some(request.ticket) != before);
        (meant.map_or(running, |request| request.ticket), 0)
    }

    pub(super) fn is_renewal(&self, ticket: TicketId) -> bool {
        self.requests
            .iter()
            .any(|request| request.renewal && request.ticket == ticket)
    }
}
