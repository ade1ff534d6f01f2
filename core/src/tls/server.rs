//! The server's side: certificate, protocols, client certificates.

use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{StoresServerSessions, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::setup::{Basics, OwnCertificate, add_roots_pem};
use super::{Channel, TlsFailure, TlsSetupError, Version};

/// How many resumable sessions are kept per control connection. Each connection adds two by default, and clients use the newest.
const KEPT_SESSIONS: usize = 64;

/// The server's TLS policy. Built once, cheap to clone, shared by all sessions.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    require_alpn: bool,
}

impl ServerTls {
    /// Starts a policy: TLS 1.2 and 1.3, ALPN `ftp`, no certificate yet.
    pub fn builder() -> ServerTlsBuilder {
        ServerTlsBuilder::default()
    }

    /// Begins a session with a client: call it once per control connection.
    #[must_use]
    pub fn session(&self) -> ServerTlsSession {
        let mut config = ServerConfig::clone(&self.config);
        config.session_storage = Arc::new(Kept::default());
        ServerTlsSession {
            config: Arc::new(config),
            require_alpn: self.require_alpn,
        }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("require_alpn", &self.require_alpn)
            .finish_non_exhaustive()
    }
}

/// TLS with one client for the life of one control connection.
///
/// Its connections can resume each other and nothing else. So a data connection whose
/// [`HandshakeFacts::resumed`](super::HandshakeFacts::resumed) is set is known to come from the client of the control connection:
/// with a store for all clients, anybody's ticket would pass.
#[derive(Clone)]
pub struct ServerTlsSession {
    config: Arc<ServerConfig>,
    require_alpn: bool,
}

impl ServerTlsSession {
    /// Makes the channel for an accepted control or data connection. In FTP the server is the TLS server on both, whoever connected
    /// (RFC 4217 section 7).
    ///
    /// # Errors
    ///
    /// [`TlsFailure::Internal`] if the system gives no random bytes.
    pub fn accept(&self) -> Result<Channel, TlsFailure> {
        self.accept_with(Arc::clone(&self.config))
    }

    /// The same for a data connection the client sends on: no ticket is sent. Clients that have sent a file often close without reading, and
    /// a ticket that waits to be read makes their system reset the connection, with the end of the file still on its way.
    ///
    /// # Errors
    ///
    /// As [`accept`](ServerTlsSession::accept).
    pub fn accept_without_tickets(&self) -> Result<Channel, TlsFailure> {
        let mut config = ServerConfig::clone(&self.config);
        config.send_tls13_tickets = 0;
        self.accept_with(Arc::new(config))
    }

    fn accept_with(&self, config: Arc<ServerConfig>) -> Result<Channel, TlsFailure> {
        ServerConnection::new(config)
            .map(|connection| Channel::server(connection, self.require_alpn))
            .map_err(|error| TlsFailure::Internal(error.to_string()))
    }
}

/// The sessions of one control connection. A ticket serves any number of times: there is no early data that could be replayed, only this
/// client has it, and it gets no new ones while it uploads.
///
/// It grows as it is used: most clients at rest have two of them.
#[derive(Default)]
struct Kept(Mutex<VecDeque<(Vec<u8>, Vec<u8>)>>);

impl Kept {
    fn sessions(&self) -> MutexGuard<'_, VecDeque<(Vec<u8>, Vec<u8>)>> {
        // Whatever went wrong elsewhere, sessions are whole or not there.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoresServerSessions for Kept {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let mut sessions = self.sessions();
        sessions.retain(|(other, _)| *other != key);
        if sessions.len() >= KEPT_SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back((key, value));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let sessions = self.sessions();
        let found = sessions.iter().find(|(other, _)| other == key)?;
        Some(found.1.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({})", self.sessions().len())
    }
}

impl fmt::Debug for ServerTlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTlsSession")
            .field("require_alpn", &self.require_alpn)
            .finish_non_exhaustive()
    }
}

/// Collects a [`ServerTls`].
#[derive(Clone, Default)]
#[must_use = "a builder does nothing before build"]
pub struct ServerTlsBuilder {
    basics: Basics,
    own: Option<OwnCertificate>,
    require_alpn: bool,
    tickets: Option<usize>,
    clients: Clients,
}

#[derive(Clone, Default)]
enum Clients {
    #[default]
    Anonymous,
    Verifier(Arc<dyn ClientCertVerifier>),
    Pem {
        roots: Vec<u8>,
        required: bool,
    },
}

impl ServerTlsBuilder {
    /// The server's certificate chain, own certificate first, and its private key. In PEM; they may be in one file.
    pub fn certificate_pem(mut self, chain: &[u8], key: &[u8]) -> Self {
        self.own = Some(OwnCertificate::Pem {
            chain: chain.to_vec(),
            key: key.to_vec(),
        });
        self
    }

    /// The same in DER; the key in PKCS #8, PKCS #1 or SEC 1 form.
    pub fn certificate_der(mut self, chain: Vec<Vec<u8>>, key: Vec<u8>) -> Self {
        self.own = Some(OwnCertificate::Der { chain, key });
        self
    }

    /// Asks clients for a certificate issued by the authorities in a PEM file, and refuses clients without one if `required`.
    pub fn client_roots_pem(mut self, pem: &[u8], required: bool) -> Self {
        self.clients = Clients::Pem {
            roots: pem.to_vec(),
            required,
        };
        self
    }

    /// Asks clients for a certificate and leaves the decision to a verifier.
    pub fn client_verifier(mut self, verifier: Arc<dyn ClientCertVerifier>) -> Self {
        self.clients = Clients::Verifier(verifier);
        self
    }

    /// The oldest version to speak; TLS 1.2 by default.
    pub fn min_version(mut self, version: Version) -> Self {
        self.basics.min = version;
        self
    }

    /// The newest version to speak; TLS 1.3 by default.
    pub fn max_version(mut self, version: Version) -> Self {
        self.basics.max = version;
        self
    }

    /// The application protocols to accept (RFC 7301); by default exactly `ftp`. A client that offers only others is refused.
    pub fn alpn(mut self, protocols: &[&[u8]]) -> Self {
        self.basics.alpn = protocols.iter().map(|name| name.to_vec()).collect();
        self
    }

    /// Refuses clients that offer no application protocol at all, which most of today's clients do not.
    pub fn require_alpn(mut self) -> Self {
        self.require_alpn = true;
        self
    }

    /// How many TLS 1.3 tickets to send per connection; 2 by default. Every data connection of a client uses one up.
    pub fn tickets(mut self, count: usize) -> Self {
        self.tickets = Some(count);
        self
    }

    /// The crypto provider; by default that of the feature `ring`, or else `aws-lc-rs`.
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.basics.provider = Some(provider);
        self
    }

    /// The clock for tickets and client certificates; by default that of the system.
    pub fn clock(mut self, clock: Arc<dyn TimeProvider>) -> Self {
        self.basics.clock = clock;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    ///
    /// See [`TlsSetupError`]: no certificate, unreadable certificates, an impossible range of versions, no provider.
    pub fn build(self) -> Result<ServerTls, TlsSetupError> {
        let provider = self.basics.provider()?;
        let key: Arc<CertifiedKey> = self
            .own
            .as_ref()
            .ok_or(TlsSetupError::NoCertificate)?
            .load(&provider)?;
        let clients = self.clients.verifier(&provider)?;
        let mut config =
            ServerConfig::builder_with_details(provider, Arc::clone(&self.basics.clock))
                .with_protocol_versions(self.basics.versions()?)
                .map_err(|error| TlsSetupError::Provider(error.to_string()))?
                .with_client_cert_verifier(clients)
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = self.basics.alpn()?;
        config.max_early_data_size = 0;
        if let Some(count) = self.tickets {
            config.send_tls13_tickets = count;
        }
        Ok(ServerTls {
            config: Arc::new(config),
            require_alpn: self.require_alpn,
        })
    }
}

impl Clients {
    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsSetupError> {
        match self {
            Clients::Anonymous => Ok(WebPkiClientVerifier::no_client_auth()),
            Clients::Verifier(verifier) => Ok(Arc::clone(verifier)),
            Clients::Pem { roots, required } => {
                let mut store = RootCertStore::empty();
                add_roots_pem(&mut store, roots)?;
                let builder = WebPkiClientVerifier::builder_with_provider(
                    Arc::new(store),
                    Arc::clone(provider),
                );
                let builder = if *required {
                    builder
                } else {
                    builder.allow_unauthenticated()
                };
                builder
                    .build()
                    .map_err(|error| TlsSetupError::BadRoot(error.to_string()))
            }
        }
    }
}

impl fmt::Debug for ServerTlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTlsBuilder")
            .field("min_version", &self.basics.min)
            .field("max_version", &self.basics.max)
            .field("certificate", &self.own.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    #[test]
    fn the_newest_sessions_are_kept_and_serve_more_than_once() {
        let kept = Kept::default();
        for number in 0..=64_u8 {
            assert!(kept.put(vec![number], vec![number, 1]));
        }
        assert!(kept.put(vec![9], vec![9, 2]));
        assert_eq!(kept.get(&[0]), None);
        assert_eq!(kept.take(&[1]), Some(vec![1, 1]));
        assert_eq!(kept.take(&[1]), Some(vec![1, 1]));
        assert_eq!(kept.get(&[9]), Some(vec![9, 2]));
        assert_eq!(kept.sessions().len(), KEPT_SESSIONS);
        assert_eq!(format!("{kept:?}"), "Kept(64)");
    }
}
