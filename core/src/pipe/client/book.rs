//! What the application has asked for without waiting for it.

use alloc::vec::Vec;

use crate::error::{Failure, Refusal};
use crate::output::Event;
use crate::ticket::{Plain, Ticket, TicketId, Transfer, Transferred};

/// What the application has asked for without waiting for it, and what became of it meanwhile.
#[derive(Debug, Default)]
pub struct Book {
    /// Greeting and negotiation are over.
    ready: bool,
    /// A login that rides with the next call.
    login: Option<Ticket<Plain>>,
    login_failed: Option<Failure>,
    /// Downloads to be received and uploads to be sent, with the result of those that ended before.
    queued: Vec<(Ticket<Transferred>, Early)>,
}

/// How a download ended before it was received, if it did.
pub type Early = Option<Result<Transfer, Failure>>;

/// A download that was asked for and is to be received later.
#[derive(Debug)]
#[must_use = "it has to be received before anything else can be asked for"]
pub struct Queued {
    ticket: Ticket<Transferred>,
}

/// An upload that was asked for and is to be sent later.
#[derive(Debug)]
#[must_use = "it has to be sent before anything else can be asked for"]
pub struct QueuedStore {
    ticket: Ticket<Transferred>,
}

impl Book {
    /// Whether greeting and negotiation are over.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// This login rides with the next call.
    pub fn begin_login(&mut self, ticket: Ticket<Plain>) {
        self.login = Some(ticket);
    }

    /// Whether a login that rode with a call has failed.
    #[must_use]
    pub fn login_has_failed(&self) -> bool {
        self.login_failed.is_some()
    }

    /// Why a login that rode with a call has failed: it says more than the failure of the call. Told once.
    pub fn login_failed(&mut self) -> Option<Failure> {
        self.login_failed.take()
    }

    /// This download will be received later.
    pub fn queue(&mut self, ticket: Ticket<Transferred>) -> Queued {
        self.queued.push((ticket, None));
        Queued { ticket }
    }

    /// This upload will be sent later.
    pub fn queue_store(&mut self, ticket: Ticket<Transferred>) -> QueuedStore {
        self.queued.push((ticket, None));
        QueuedStore { ticket }
    }

    /// A download is received now: how it ended, if it has.
    ///
    /// # Errors
    /// [`Refusal::Busy`] if it is not the next one.
    pub fn receive(&mut self, queued: &Queued) -> Result<(Ticket<Transferred>, Early), Refusal> {
        self.take(queued.ticket)
    }

    /// An upload is sent now: how it ended, if it has.
    ///
    /// # Errors
    /// [`Refusal::Busy`] if it is not the next one.
    pub fn send(&mut self, queued: &QueuedStore) -> Result<(Ticket<Transferred>, Early), Refusal> {
        self.take(queued.ticket)
    }

    fn take(&mut self, next: Ticket<Transferred>) -> Result<(Ticket<Transferred>, Early), Refusal> {
        match self.queued.first() {
            Some((first, _)) if first.id() == next.id() => Ok(self.queued.remove(0)),
            _ => Err(Refusal::Busy),
        }
    }

    /// Something else is asked for.
    ///
    /// # Errors
    /// [`Refusal::Busy`] while transfers are queued.
    pub fn is_free(&self) -> Result<(), Refusal> {
        match self.queued.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Busy),
        }
    }

    /// The transfers that nobody waits for any more.
    pub fn forget(&mut self) -> impl Iterator<Item = TicketId> {
        self.queued.drain(..).map(|(ticket, _)| ticket.id())
    }

    pub(super) fn note(&mut self, event: &Event<'_>) {
        self.ready |= matches!(event, Event::Ready { .. });
        if let Some(ended) = self.login.and_then(|ticket| ticket.claim(event)) {
            self.login = None;
            self.login_failed = ended.err();
        }
        for (ticket, early) in &mut self.queued {
            if let Some(ended) = ticket.claim(event) {
                *early = Some(ended);
            }
        }
    }
}
