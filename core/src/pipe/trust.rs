//! What the caller of a client says about TLS.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::tls::{ClientTls, Fingerprint, TlsSetupError, UntrustedHook, Version, default_provider};

/// What the caller of a client says about TLS, and the policy that follows: the authorities of the operating system, unless told
/// otherwise.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// A whole policy, in place of everything below.
    pub policy: Option<ClientTls>,
    /// Authorities to be trusted, PEM, in place of those of the operating system.
    pub only_roots: Vec<Vec<u8>>,
    /// Authorities to be trusted in addition, PEM.
    pub extra_roots: Vec<Vec<u8>>,
    /// Server certificates to be trusted; authorities are then not asked.
    pub pins: Vec<Fingerprint>,
    /// Every certificate is accepted.
    pub any: bool,
    /// Asked about certificates that would be refused.
    pub untrusted: Option<UntrustedHook>,
    /// No application protocol is offered.
    pub no_alpn: bool,
    /// Our certificate chain and its private key, PEM.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
    /// The oldest version to speak.
    pub min: Option<Version>,
    /// The newest version to speak.
    pub max: Option<Version>,
}

/// Makes the verifier of the operating system: with these authorities in addition, and this crypto provider. The error is a text.
pub type Platform = fn(
    Vec<CertificateDer<'static>>,
    Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String>;

impl TlsSettings {
    /// The policy; `platform` is asked where nothing says whom to trust.
    ///
    /// # Errors
    /// [`TlsSetupError`].
    pub fn policy(&self, platform: Platform) -> Result<ClientTls, TlsSetupError> {
        if let Some(policy) = &self.policy {
            return Ok(policy.clone());
        }
        let mut builder = ClientTls::builder();
        for pin in &self.pins {
            builder = builder.pin_sha256(*pin);
        }
        if self.any {
            builder = builder.dangerous_accept_any_certificate();
        }
        if !self.only_roots.is_empty() {
            let all = self.only_roots.iter().chain(&self.extra_roots);
            builder = all.fold(builder, |builder, pem| builder.roots_pem(pem));
        } else if self.pins.is_empty() && !self.any {
            builder = builder.verifier(self.verifier(platform)?);
        }
        if let Some(hook) = &self.untrusted {
            builder = builder.untrusted_hook(hook.clone());
        }
        if self.no_alpn {
            builder = builder.alpn(&[]);
        }
        if let Some((chain, key)) = &self.own {
            builder = builder.client_certificate_pem(chain, key);
        }
        if let Some(min) = self.min {
            builder = builder.min_version(min);
        }
        if let Some(max) = self.max {
            builder = builder.max_version(max);
        }
        builder.build()
    }

    fn verifier(&self, platform: Platform) -> Result<Arc<dyn ServerCertVerifier>, TlsSetupError> {
        let provider = default_provider().ok_or(TlsSetupError::NoProvider)?;
        let mut extra = Vec::new();
        for pem in &self.extra_roots {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                extra.push(certificate.map_err(|error| TlsSetupError::BadRoot(error.to_string()))?);
            }
        }
        platform(extra, Arc::new(provider)).map_err(TlsSetupError::BadRoot)
    }
}
