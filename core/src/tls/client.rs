//! The client's side: what to trust, and the sessions made from it.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{IpAddr, ServerName};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::fingerprint::Sha256;
use super::setup::{Basics, OwnCertificate, add_roots_pem};
use super::store::SessionStore;
use super::verify::{SessionCertificate, SessionVerifier, Trust};
use super::{
    Channel, Decision, Fingerprint, TicketCount, TlsFailure, TlsSetupError, Untrusted,
    UntrustedHook, Version,
};

/// The client's TLS policy. Built once, cheap to clone, shared by any number of sessions.
#[derive(Clone)]
pub struct ClientTls(Arc<Policy>);

struct Policy {
    recipe: ClientTlsBuilder,
    config: ClientConfig,
    /// For a server that has taken a group to exchange keys in.
    later: ClientConfig,
    trust: Arc<Trust>,
    key: Option<Arc<CertifiedKey>>,
}

impl ClientTls {
    /// Starts a policy: TLS 1.2 and 1.3, ALPN `ftp`, nothing trusted yet.
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder::default()
    }

    /// Begins a session with a server: call it once per control connection, and again if that is opened anew.
    ///
    /// `server_name` is what the user asked for, never an address from a reply: a host name, or an address with or without brackets.
    /// The certificate is checked against it, on the data connections too.
    ///
    /// # Errors
    ///
    /// [`TlsSetupError::BadServerName`], [`TlsSetupError::ZoneInAddress`].
    pub fn session(&self, server_name: &str) -> Result<TlsSession, TlsSetupError> {
        let name = parse_server_name(server_name)?;
        let verifier = Arc::new(SessionVerifier::new(Arc::clone(&self.0.trust)));
        let certificate = Arc::new(SessionCertificate::new(self.0.key.clone()));
        let store = Arc::new(SessionStore::default());
        // Fresh objects, so that a session can resume its own connections only, whatever the store says.
        let of_session = |config: &ClientConfig| {
            let mut config = config.clone();
            config
                .dangerous()
                .set_certificate_verifier(Arc::<SessionVerifier>::clone(&verifier));
            config.client_auth_cert_resolver = Arc::<SessionCertificate>::clone(&certificate);
            config.resumption = Resumption::store(Arc::<SessionStore>::clone(&store));
            Arc::new(config)
        };
        Ok(TlsSession(Arc::new(Shared {
            config: of_session(&self.0.config),
            later: of_session(&self.0.later),
            name,
            verifier,
            certificate,
            store,
        })))
    }

    /// The same policy with another maximum version, for a server whose TLS 1.3 tickets run out.
    ///
    /// # Errors
    ///
    /// [`TlsSetupError::EmptyVersionRange`] if the policy's minimum is above it.
    pub fn with_max_version(&self, max: Version) -> Result<ClientTls, TlsSetupError> {
        self.0.recipe.clone().max_version(max).build()
    }

    /// The same policy with these application protocols, for a new connection to a server that ended the last one with
    /// [`TlsFailure::NoApplicationProtocol`]. Anyone on the way can send that alert, so to offer none is for the caller to decide.
    ///
    /// # Errors
    ///
    /// [`TlsSetupError::BadAlpn`].
    pub fn with_alpn(&self, protocols: &[&[u8]]) -> Result<ClientTls, TlsSetupError> {
        self.0.recipe.clone().alpn(protocols).build()
    }

    /// The versions in force, lowest and highest.
    #[must_use]
    pub fn versions(&self) -> (Version, Version) {
        (self.0.recipe.basics.min, self.0.recipe.basics.max)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientTls").field(&self.0.recipe).finish()
    }
}

/// Collects a [`ClientTls`].
#[derive(Clone, Default)]
#[must_use = "a builder does nothing before build"]
pub struct ClientTlsBuilder {
    basics: Basics,
    roots: Option<RootCertStore>,
    roots_pem: Vec<Vec<u8>>,
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    pins: Vec<Fingerprint>,
    also: Vec<Fingerprint>,
    any: bool,
    untrusted: Option<UntrustedHook>,
    data_may_differ: bool,
    own: Option<OwnCertificate>,
}

impl ClientTlsBuilder {
    /// Trusts certificates issued by these authorities.
    pub fn roots(mut self, roots: RootCertStore) -> Self {
        self.roots = Some(roots);
        self
    }

    /// Trusts certificates issued by the authorities in a PEM file, in addition to [`roots`](Self::roots).
    pub fn roots_pem(mut self, pem: &[u8]) -> Self {
        self.roots_pem.push(pem.to_vec());
        self
    }

    /// Leaves the decision to a verifier, for example that of the operating system. A data connection that shows the certificate of its
    /// control connection is not asked about: it only has to prove anew that it owns the key.
    pub fn verifier(mut self, verifier: Arc<dyn ServerCertVerifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Trusts this server certificate, and nothing but the certificates pinned like it: authorities are no longer asked,
    /// names and dates not looked at. The server still has to prove that it owns the key.
    pub fn pin_sha256(mut self, certificate: Fingerprint) -> Self {
        self.pins.push(certificate);
        self
    }

    /// Trusts this server certificate in addition to those that pass the roots or the verifier: an exception a user confirmed.
    pub fn also_trust_sha256(mut self, certificate: Fingerprint) -> Self {
        self.also.push(certificate);
        self
    }

    /// Accepts every server certificate, which leaves the connection open to anyone on the way. The result of the check, if there
    /// are roots or a verifier, is still told in [`Verdict::Unchecked`](super::Verdict::Unchecked).
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.any = true;
        self
    }

    /// Asks the application about a server certificate that would be refused: the place for trust on first use. The handshake waits for its
    /// decision. It is not asked about certificates that are not the [pinned](Self::pin_sha256) one, nor about data connections that show
    /// another certificate than the control connection.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Mutex;
    /// use ftp_proto::tls::{ClientTls, Decision};
    ///
    /// # if cfg!(any(feature = "ring", feature = "aws-lc-rs")) {
    /// let known = Mutex::new(HashMap::new()); // kept in a file by a real program
    /// let tls = ClientTls::builder()
    ///     .on_untrusted(move |untrusted| {
    ///         let mut known = known.lock().unwrap();
    ///         let name = untrusted.server_name.to_owned();
    ///         // A real program shows `reason` and `leaf_sha256` to a person before it trusts.
    ///         match *known.entry(name).or_insert(untrusted.leaf_sha256) == untrusted.leaf_sha256 {
    ///             true => Decision::Trust,
    ///             false => Decision::Refuse,
    ///         }
    ///     })
    ///     .build()?;
    /// # }
    /// # Ok::<(), ftp_proto::tls::TlsSetupError>(())
    /// ```
    pub fn on_untrusted(
        self,
        hook: impl Fn(&Untrusted<'_>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.untrusted_hook(UntrustedHook::new(hook))
    }

    /// The same with a hook that is kept elsewhere.
    pub fn untrusted_hook(mut self, hook: UntrustedHook) -> Self {
        self.untrusted = Some(hook);
        self
    }

    /// Accepts data connections that show another certificate than the control connection, as long as it is trusted.
    /// RFC 4217 section 16.1.1 asks servers for one certificate.
    pub fn allow_other_data_certificate(mut self) -> Self {
        self.data_may_differ = true;
        self
    }

    /// Our certificate chain, own certificate first, and its private key, for servers that ask. In PEM; they may be in one file.
    pub fn client_certificate_pem(mut self, chain: &[u8], key: &[u8]) -> Self {
        self.own = Some(OwnCertificate::Pem {
            chain: chain.to_vec(),
            key: key.to_vec(),
        });
        self
    }

    /// The same in DER; the key in PKCS #8, PKCS #1 or SEC 1 form.
    pub fn client_certificate_der(mut self, chain: Vec<Vec<u8>>, key: Vec<u8>) -> Self {
        self.own = Some(OwnCertificate::Der { chain, key });
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

    /// The application protocols to offer (RFC 7301), on control and data connections alike. By default exactly `ftp`, which keeps
    /// the connection from being passed off as one of another protocol; an empty list offers none.
    pub fn alpn(mut self, protocols: &[&[u8]]) -> Self {
        self.basics.alpn = protocols.iter().map(|name| name.to_vec()).collect();
        self
    }

    /// The crypto provider; by default that of the feature `ring`, or else `aws-lc-rs`.
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.basics.provider = Some(provider);
        self
    }

    /// The clock that certificates and tickets are checked against; by default that of the system.
    pub fn clock(mut self, clock: Arc<dyn TimeProvider>) -> Self {
        self.basics.clock = clock;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    ///
    /// See [`TlsSetupError`]: nothing trusted, unreadable certificates, an impossible range of versions, no provider.
    pub fn build(self) -> Result<ClientTls, TlsSetupError> {
        let provider = self.basics.provider()?;
        let sha256 = Sha256::of_provider(&provider)
            .ok_or_else(|| TlsSetupError::Provider("no SHA-256".to_string()))?;
        let base = self.base_verifier(&provider)?;
        let somebody =
            !self.pins.is_empty() || !self.also.is_empty() || self.any || self.untrusted.is_some();
        if base.is_none() && !somebody {
            return Err(TlsSetupError::NothingTrusted);
        }
        let trust = Arc::new(Trust {
            base,
            pins: self.pins.clone(),
            also: self.also.clone(),
            any: self.any,
            untrusted: self.untrusted.clone(),
            data_may_differ: self.data_may_differ,
            algorithms: provider.signature_verification_algorithms,
            sha256,
        });
        let key = self
            .own
            .as_ref()
            .map(|own| own.load(&provider))
            .transpose()?;
        let config = self.config(provider, &trust)?;
        let later = self.config(self.basics.later_provider()?, &trust)?;
        Ok(ClientTls(Arc::new(Policy {
            recipe: self,
            config,
            later,
            trust,
            key,
        })))
    }

    fn config(
        &self,
        provider: Arc<CryptoProvider>,
        trust: &Arc<Trust>,
    ) -> Result<ClientConfig, TlsSetupError> {
        let verifier = SessionVerifier::new(Arc::clone(trust));
        let mut config =
            ClientConfig::builder_with_details(provider, Arc::clone(&self.basics.clock))
                .with_protocol_versions(self.basics.versions()?)
                .map_err(|error| TlsSetupError::Provider(error.to_string()))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth();
        config.alpn_protocols = self.basics.alpn()?;
        config.enable_early_data = false;
        Ok(config)
    }

    fn base_verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ServerCertVerifier>>, TlsSetupError> {
        if self.roots.is_none() && self.roots_pem.is_empty() {
            return Ok(self.verifier.clone());
        }
        if self.verifier.is_some() {
            return Err(TlsSetupError::RootsAndVerifier);
        }
        let mut roots = self.roots.clone().unwrap_or_else(RootCertStore::empty);
        for pem in &self.roots_pem {
            add_roots_pem(&mut roots, pem)?;
        }
        if roots.is_empty() {
            return Err(TlsSetupError::BadRoot("no certificate in it".to_string()));
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| TlsSetupError::BadRoot(error.to_string()))?;
        Ok(Some(verifier))
    }
}

impl fmt::Debug for ClientTlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTlsBuilder")
            .field("min_version", &self.basics.min)
            .field("max_version", &self.basics.max)
            .field(
                "alpn",
                &self
                    .basics
                    .alpn
                    .iter()
                    .map(|name| name.escape_ascii().to_string())
                    .collect::<Vec<_>>(),
            )
            .field("pins", &self.pins)
            .field("also_trusted", &self.also)
            .field("accept_any_certificate", &self.any)
            .field("client_certificate", &self.own.is_some())
            .finish_non_exhaustive()
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The control connection. Its certificate binds the data connections of the session.
    Control,
    /// A data connection.
    Data,
}

/// TLS with one server for the life of one control connection: server name, tickets, and the certificate seen.
///
/// Clones share all of it. Sessions share nothing with each other: some servers accept on a data connection only a session that comes
/// from its own control connection.
#[derive(Clone)]
pub struct TlsSession(Arc<Shared>);

pub(super) struct Shared {
    config: Arc<ClientConfig>,
    later: Arc<ClientConfig>,
    name: ServerName<'static>,
    pub(super) verifier: Arc<SessionVerifier>,
    pub(super) certificate: Arc<SessionCertificate>,
    pub(super) store: Arc<SessionStore>,
}

impl TlsSession {
    /// Makes the channel for a connection, with the ClientHello ready to be sent.
    ///
    /// A data channel takes a ticket now, which is gone even if the channel is never used: open it when the data connection is
    /// sure to be needed. Handshakes of one session should not run at the same moment in several threads:
    /// [`Channel::peer_identity`] could name the other's certificate.
    ///
    /// # Errors
    ///
    /// [`TlsFailure::Internal`] if the system gives no random bytes or time.
    pub fn open(&self, purpose: Purpose) -> Result<Channel, TlsFailure> {
        if purpose == Purpose::Control {
            self.0.verifier.bind(None);
        }
        let before = self.tickets();
        let config = match self.0.store.knows_group() {
            true => &self.0.later,
            false => &self.0.config,
        };
        let connection = ClientConnection::new(Arc::clone(config), self.0.name.clone())
            .map_err(|error| TlsFailure::Internal(error.to_string()))?;
        let offered =
            before.tls12_session || self.tickets().tls13_available < before.tls13_available;
        Ok(Channel::client(
            connection,
            Arc::clone(&self.0),
            purpose,
            offered,
        ))
    }

    /// What is left to resume from.
    #[must_use]
    pub fn tickets(&self) -> TicketCount {
        self.0.store.count()
    }

    /// The name that certificates are checked against.
    #[must_use]
    pub fn server_name(&self) -> alloc::borrow::Cow<'_, str> {
        self.0.name.to_str()
    }
}

impl fmt::Debug for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSession")
            .field("server_name", &self.0.name.to_str())
            .field("tickets", &self.tickets())
            .finish_non_exhaustive()
    }
}

fn parse_server_name(name: &str) -> Result<ServerName<'static>, TlsSetupError> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    if bare
        .split_once('%')
        .is_some_and(|(address, _zone)| IpAddr::try_from(address).is_ok())
    {
        return Err(TlsSetupError::ZoneInAddress(name.to_string()));
    }
    match ServerName::try_from(bare) {
        Ok(ServerName::DnsName(_)) if bare.len() != name.len() => {
            Err(TlsSetupError::BadServerName(name.to_string()))
        }
        Ok(parsed) => Ok(parsed.to_owned()),
        Err(_) => Err(TlsSetupError::BadServerName(name.to_string())),
    }
}
