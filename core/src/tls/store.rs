//! The sessions of one control connection, for its data connections to resume.

use alloc::collections::VecDeque;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

/// How many TLS 1.3 tickets are kept. Servers send two per connection by default, so the oldest are seldom dropped.
const MAX_TICKETS: usize = 32;

/// What is left to resume from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TicketCount {
    /// TLS 1.3 tickets that a new connection can take; each works once (RFC 8446 section C.4).
    pub tls13_available: usize,
    /// Whether a TLS 1.2 session is there; it works any number of times.
    pub tls12_session: bool,
    /// TLS 1.3 tickets received since the control connection was opened, over all connections.
    pub received_total: u64,
}

/// One per control connection: some servers accept only sessions of the control connection that belongs to the data
/// connection, so a store shared by two of them breaks both. The server name is not part of the key for that reason.
#[derive(Default)]
pub(super) struct SessionStore(Mutex<Sessions>);

#[derive(Default)]
struct Sessions {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tickets: VecDeque<Tls13ClientSessionValue>,
    received_total: u64,
}

impl SessionStore {
    pub(super) fn count(&self) -> TicketCount {
        let sessions = self.lock();
        TicketCount {
            tls13_available: sessions.tickets.len(),
            tls12_session: sessions.tls12.is_some(),
            received_total: sessions.received_total,
        }
    }

    /// Whether the server has taken a group to exchange keys in.
    pub(super) fn knows_group(&self) -> bool {
        self.lock().group.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        // Every change below is a single step: a panic elsewhere cannot leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Sessions are secrets.
        f.debug_tuple("SessionStore").field(&self.count()).finish()
    }
}

impl ClientSessionStore for SessionStore {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.lock().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.lock().tls12 = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.lock().tls12.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.lock().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut sessions = self.lock();
        sessions.received_total = sessions.received_total.saturating_add(1);
        if sessions.tickets.len() >= MAX_TICKETS {
            sessions.tickets.pop_front();
        }
        sessions.tickets.push_back(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        // The newest: it has the longest life left.
        self.lock().tickets.pop_back()
    }
}
