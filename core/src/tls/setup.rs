//! What client and server have in common before the first connection: versions, provider, certificates, errors.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, RootCertStore, SupportedProtocolVersion};

use super::Version;

/// A TLS configuration that cannot work. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// Built without the features `ring` and `aws-lc-rs`, and no provider was given.
    NoProvider,
    /// The crypto provider lacks something that is needed.
    Provider(String),
    /// Nothing says which server certificates to trust.
    NothingTrusted,
    /// Both roots and a verifier were given.
    RootsAndVerifier,
    /// A root certificate cannot be read.
    BadRoot(String),
    /// Not 64 hexadecimal digits.
    BadFingerprint,
    /// The minimum version is above the maximum version.
    EmptyVersionRange,
    /// Our own certificate or its key cannot be read.
    BadCertificate(String),
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// A server without a certificate.
    NoCertificate,
    /// Not a host name or address. Names outside ASCII must be given in their `xn--` form.
    BadServerName(String),
    /// An address with a zone (`%eth0`): no certificate can hold one. Give the name in the certificate instead.
    ZoneInAddress(String),
    /// An application protocol name that is empty or longer than 255 bytes (RFC 7301 section 3.1).
    BadAlpn,
}

impl fmt::Display for TlsSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsSetupError::NoProvider => {
                f.write_str("no crypto provider: enable the feature ring or aws-lc-rs, or give one")
            }
            TlsSetupError::Provider(what) => write!(f, "crypto provider cannot be used: {what}"),
            TlsSetupError::NothingTrusted => {
                f.write_str("nothing to trust: give roots, a verifier or a pinned certificate")
            }
            TlsSetupError::RootsAndVerifier => {
                f.write_str("give either roots or a verifier, not both")
            }
            TlsSetupError::BadRoot(what) => write!(f, "root certificate cannot be read: {what}"),
            TlsSetupError::BadFingerprint => {
                f.write_str("not a SHA-256 fingerprint of 64 hexadecimal digits")
            }
            TlsSetupError::EmptyVersionRange => {
                f.write_str("minimum TLS version above the maximum")
            }
            TlsSetupError::BadCertificate(what) => {
                write!(f, "own certificate or key cannot be read: {what}")
            }
            TlsSetupError::KeyMismatch => {
                f.write_str("private key does not belong to the certificate")
            }
            TlsSetupError::NoCertificate => f.write_str("server needs a certificate"),
            TlsSetupError::BadServerName(name) => {
                write!(f, "not a host name or address: {}", name.escape_debug())
            }
            TlsSetupError::ZoneInAddress(name) => {
                write!(
                    f,
                    "certificates cannot name an address with a zone: {}, give the certificate's name",
                    name.escape_debug()
                )
            }
            TlsSetupError::BadAlpn => {
                f.write_str("application protocol name empty or longer than 255 bytes")
            }
        }
    }
}

impl std::error::Error for TlsSetupError {}

/// What both builders collect.
#[derive(Clone)]
pub(super) struct Basics {
    pub(super) min: Version,
    pub(super) max: Version,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) provider: Option<Arc<CryptoProvider>>,
    pub(super) clock: Arc<dyn rustls::time_provider::TimeProvider>,
}

impl Default for Basics {
    fn default() -> Self {
        Basics {
            min: Version::Tls12,
            max: Version::Tls13,
            alpn: alloc::vec![b"ftp".to_vec()],
            provider: None,
            clock: Arc::new(rustls::time_provider::DefaultTimeProvider),
        }
    }
}

impl Basics {
    pub(super) fn versions(
        &self,
    ) -> Result<&'static [&'static SupportedProtocolVersion], TlsSetupError> {
        use rustls::version::{TLS12, TLS13};
        static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match (self.min, self.max) {
            (Version::Tls12, Version::Tls13) => Ok(&BOTH),
            (Version::Tls12, Version::Tls12) => Ok(BOTH.get(1..).unwrap_or_default()),
            (Version::Tls13, Version::Tls13) => Ok(BOTH.get(..1).unwrap_or_default()),
            (Version::Tls13, Version::Tls12) => Err(TlsSetupError::EmptyVersionRange),
        }
    }

    pub(super) fn alpn(&self) -> Result<Vec<Vec<u8>>, TlsSetupError> {
        let valid = self.alpn.iter().all(|name| (1..=255).contains(&name.len()));
        if valid {
            Ok(self.alpn.clone())
        } else {
            Err(TlsSetupError::BadAlpn)
        }
    }

    pub(super) fn provider(&self) -> Result<Arc<CryptoProvider>, TlsSetupError> {
        self.provider
            .clone()
            .or_else(provider_of_features)
            .ok_or(TlsSetupError::NoProvider)
    }

    /// What is used with a server that has taken a group before.
    pub(super) fn later_provider(&self) -> Result<Arc<CryptoProvider>, TlsSetupError> {
        self.provider
            .clone()
            .or_else(|| default_provider().map(Arc::new))
            .ok_or(TlsSetupError::NoProvider)
    }
}

/// `ring` where both features are on: it needs no C tool chain beyond a compiler and is the faster one on most machines.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
fn provider_of_features() -> Option<Arc<CryptoProvider>> {
    let mut provider = default_provider()?;
    super::groups::offer_both(&mut provider);
    Some(Arc::new(provider))
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn provider_of_features() -> Option<Arc<CryptoProvider>> {
    None
}

/// The provider of the features, its suites with AES-128 before the others. With them goes SHA-256, which processors have instructions for: a session
/// makes a handshake for each file. Which suite is taken is still for the server to say.
pub(crate) fn default_provider() -> Option<CryptoProvider> {
    use rustls::CipherSuite as Suite;
    #[cfg(feature = "ring")]
    let provider = Some(rustls::crypto::ring::default_provider());
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    let provider = Some(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    let provider: Option<CryptoProvider> = None;
    let mut provider = provider?;
    provider.cipher_suites.sort_by_key(|suite| {
        !matches!(
            suite.suite(),
            Suite::TLS13_AES_128_GCM_SHA256
                | Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    });
    Some(provider)
}

/// Our certificate chain with its private key, as it was given.
#[derive(Clone)]
pub(super) enum OwnCertificate {
    Pem { chain: Vec<u8>, key: Vec<u8> },
    Der { chain: Vec<Vec<u8>>, key: Vec<u8> },
}

impl OwnCertificate {
    pub(super) fn load(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, TlsSetupError> {
        let bad = |what: &dyn fmt::Display| TlsSetupError::BadCertificate(what.to_string());
        let (chain, key) = match self {
            OwnCertificate::Pem { chain, key } => (
                CertificateDer::pem_slice_iter(chain)
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(|error| bad(&error))?,
                PrivateKeyDer::from_pem_slice(key).map_err(|error| bad(&error))?,
            ),
            OwnCertificate::Der { chain, key } => (
                chain
                    .iter()
                    .map(|der| CertificateDer::from(der.clone()))
                    .collect(),
                PrivateKeyDer::try_from(key.clone()).map_err(|error| bad(&error))?,
            ),
        };
        if chain.is_empty() {
            return Err(bad(&"no certificate in it"));
        }
        match CertifiedKey::from_der(chain, key, provider) {
            Ok(certified) => Ok(Arc::new(certified)),
            Err(Error::InconsistentKeys(_)) => Err(TlsSetupError::KeyMismatch),
            Err(error) => Err(bad(&error)),
        }
    }
}

/// Adds the certificates of a PEM file; at least one must be in it.
pub(super) fn add_roots_pem(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), TlsSetupError> {
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| TlsSetupError::BadRoot(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| TlsSetupError::BadRoot(error.to_string()))?;
        found = true;
    }
    if found {
        Ok(())
    } else {
        Err(TlsSetupError::BadRoot("no certificate in it".to_string()))
    }
}
