//! What a session is told before it connects.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ftp_proto::client::{Config, Security};
use ftp_proto::pipe::{Engine, Error, EventHook, Progress, ProgressHook, TlsSettings};
use ftp_proto::tls::{ClientTls, Decision, Fingerprint, Untrusted, UntrustedHook, Version};
use ftp_proto::{Client as Machine, Event};
use mio::Poll;
use tracing::info_span;

use crate::cancel::CancelHandle;
use crate::client::Client;
use crate::clock::Clock;
use crate::net::{self, ActiveSettings, Sockets};
use crate::pump::Pump;
use crate::seam::Seam;
use crate::tls::{platform, read_file};

/// Settings of a [`Client`]. By default TLS is required on both connections, by AUTH TLS, and the server's certificate must come
/// from an authority the operating system trusts.
///
/// ```no_run
/// use std::time::Duration;
/// use ftp_proto_blocking::Client;
///
/// let client = Client::builder()
///     .ca_file("company-ca.pem")?
///     .timeout(Duration::from_secs(20))
///     .on_progress(|progress| eprintln!("{} bytes", progress.bytes))
///     .connect("ftp.example.org", 21)?;
/// # Ok::<(), ftp_proto_blocking::Error>(())
/// ```
#[must_use = "a builder does nothing before connect"]
pub struct Builder {
    config: Config,
    tls: TlsSettings,
    server_name: Option<String>,
    connect_timeout: Duration,
    active: ActiveSettings,
    on_event: EventHook,
    on_progress: ProgressHook,
    cancel: CancelHandle,
    record: Option<usize>,
    busy_wait: u32,
    seam: Option<Arc<dyn Seam>>,
    pub(crate) listing_limit: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            config: Config::default(),
            tls: TlsSettings::default(),
            server_name: None,
            connect_timeout: Duration::from_secs(30),
            active: ActiveSettings::default(),
            on_event: None,
            on_progress: None,
            cancel: CancelHandle::new(),
            record: None,
            busy_wait: 0,
            seam: None,
            listing_limit: 64 * 1024 * 1024,
        }
    }
}

impl Builder {
    /// The whole policy of the machine. Settings made here before are lost.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Changes the policy of the machine.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Protection of control and data connection.
    pub fn security(mut self, security: Security) -> Self {
        self.config.security = security;
        self
    }

    /// Waits no longer than this for a connection, a TLS handshake, a reply, or payload that does not move. The digest of a file has its
    /// own time, [`Limits::digest_wait`](ftp_proto::Limits::digest_wait).
    pub fn timeout(mut self, limit: Duration) -> Self {
        let limits = &mut self.config.limits;
        for wait in [
            &mut self.connect_timeout,
            &mut limits.greeting_wait,
            &mut limits.handshake_wait,
            &mut limits.reply_wait,
            &mut limits.data_open_wait,
            &mut limits.data_handshake_wait,
            &mut limits.stall_wait,
            &mut limits.abort_wait,
        ] {
            *wait = limit;
        }
        self
    }

    /// Waits no longer than this for the control connection, over all addresses of the host; 30 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Waits begin with up to so many looks at the sockets, a microsecond each or so, with other threads in turn; by default with none.
    ///
    /// For many small files at a server that is near, where processors are idle: 200 looks find most of its answers sooner than the system wakes
    /// whoever sleeps, and twice as many files a second is usual. Where they find nothing there are fewer and fewer of them. With more
    /// sessions than processors there is something else to do meanwhile: one look is enough there, which gives the others their turn.
    pub fn busy_wait(mut self, looks: u32) -> Self {
        self.busy_wait = looks;
        self
    }

    // ---- TLS

    /// A whole TLS policy, in place of all settings below.
    pub fn tls(mut self, policy: ClientTls) -> Self {
        self.tls.policy = Some(policy);
        self
    }

    /// Trusts the authorities in this PEM file, and no longer those of the operating system. Can be given several times.
    ///
    /// # Errors
    /// [`Error::Local`] if the file cannot be read.
    pub fn ca_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let pem = read_file(path.as_ref())?;
        Ok(self.ca_pem(pem))
    }

    /// The same from memory.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.only_roots.push(pem.into());
        self
    }

    /// Trusts these authorities in addition to the others.
    pub fn additional_ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.extra_roots.push(pem.into());
        self
    }

    /// Trusts the server certificate with this SHA-256, and nothing but certificates pinned like it; authorities are not asked.
    pub fn pin_sha256(mut self, certificate: Fingerprint) -> Self {
        self.tls.pins.push(certificate);
        self
    }

    /// Our certificate chain, own certificate first, and its private key, both PEM. They may be in one file.
    ///
    /// # Errors
    /// [`Error::Local`] if a file cannot be read.
    pub fn client_certificate_files(
        self,
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let (chain, key) = (read_file(chain.as_ref())?, read_file(key.as_ref())?);
        Ok(self.client_certificate_pem(chain, key))
    }

    /// The same from memory.
    pub fn client_certificate_pem(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.own = Some((chain.into(), key.into()));
        self
    }

    /// Accepts every server certificate. Anyone on the way can then read passwords and files, and change them.
    pub fn dangerously_accept_any_certificate(mut self) -> Self {
        self.tls.any = true;
        self
    }

    /// Asks about a server certificate that would be refused, and goes by the decision: the place for trust on first use. See
    /// [`ClientTlsBuilder::on_untrusted`](ftp_proto::tls::ClientTlsBuilder::on_untrusted).
    pub fn on_untrusted(
        mut self,
        hook: impl Fn(&Untrusted<'_>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.tls.untrusted = Some(UntrustedHook::new(hook));
        self
    }

    /// Offers no application protocol (ALPN). By default `ftp` is offered, which keeps the connection from being passed off as one of
    /// another protocol; a server that refuses it ends the connection with
    /// [`NoApplicationProtocol`](ftp_proto::tls::TlsFailure::NoApplicationProtocol).
    pub fn without_alpn(mut self) -> Self {
        self.tls.no_alpn = true;
        self
    }

    /// The oldest TLS version to speak; 1.2 by default.
    pub fn tls_min_version(mut self, version: Version) -> Self {
        self.tls.min = Some(version);
        self
    }

    /// The newest TLS version to speak; 1.3 by default.
    pub fn tls_max_version(mut self, version: Version) -> Self {
        self.tls.max = Some(version);
        self
    }

    /// The name the certificate must be for; the host by default.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    // ---- data connections

    /// The local ports to listen on for active data connections; by default the system chooses.
    pub fn active_ports(mut self, ports: RangeInclusive<u16>) -> Self {
        self.active.ports = Some(ports);
        self
    }

    /// The address to name in PORT and EPRT, if the server sees us under another one than we do.
    pub fn active_address(mut self, address: IpAddr) -> Self {
        self.active.advertised = Some(address);
        self
    }

    /// The most a listing may take in memory, in bytes; 64 MiB by default. Listings that go to a writer have no limit.
    pub fn listing_limit(mut self, bytes: usize) -> Self {
        self.listing_limit = bytes;
        self
    }

    // ---- what the application is told

    /// Called as payload moves, several times a second, and at its end.
    pub fn on_progress(mut self, hook: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(hook));
        self
    }

    /// Called with every event of the machine: the dialogue, with secrets masked, and notes.
    pub fn on_event(mut self, hook: impl FnMut(&Event<'_>) + Send + 'static) -> Self {
        self.on_event = Some(Box::new(hook));
        self
    }

    /// Keeps a record of the session, of about `limit` bytes at most: [`Client::machine`]`().recording()` gives it, to be read or replayed
    /// (see [`trace`](ftp_proto::trace)). Passwords are not in it.
    pub fn record(mut self, limit: usize) -> Self {
        self.record = Some(limit);
        self
    }

    /// For tests, see [`seam`](crate::seam).
    #[doc(hidden)]
    pub fn seam(mut self, seam: Arc<dyn Seam>) -> Self {
        self.seam = Some(seam);
        self
    }

    /// Lets this handle give up what the client does, the connecting included. Name resolution cannot be given up.
    pub fn cancel_handle(mut self, handle: &CancelHandle) -> Self {
        self.cancel = handle.clone();
        self
    }

    /// Connects. Nothing is said yet: greeting, TLS and what is asked for come with the first call.
    ///
    /// `host` is a name or an address, with or without brackets. Its addresses are tried one after the other.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Tls`], [`Error::Cancelled`], [`Error::Local`].
    pub fn connect(self, host: &str, port: u16) -> Result<Client, Error> {
        let session = if self.config.security.is_clear() {
            None
        } else {
            let name = self.server_name.as_deref().unwrap_or(host);
            Some(self.tls.policy(platform)?.session(name)?)
        };
        let mut poll = Poll::new().map_err(Error::Local)?;
        self.cancel.attach(poll.registry()).map_err(Error::Local)?;
        let span = info_span!("ftp", host, port);
        let (limit, seam) = (self.connect_timeout, self.seam.as_ref());
        let control = net::dial(&mut poll, host, port, limit, &self.cancel, seam)?;
        let peer = control.peer();
        let clock = Clock::new();
        let mut machine = Machine::new(self.config, peer.ip(), clock.now());
        if let Some(limit) = self.record {
            machine.start_recording(limit);
        }
        let engine = Engine::new(machine, session)
            .with_hooks(self.on_event, self.on_progress)
            .busy_wait(self.busy_wait);
        let sockets = Sockets::new(poll, control, self.active, self.seam);
        let pump = Pump::new(engine, clock, sockets, self.cancel, span);
        Ok(Client::new(pump, peer, self.listing_limit))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("server_name", &self.server_name)
            .field("connect_timeout", &self.connect_timeout)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}
