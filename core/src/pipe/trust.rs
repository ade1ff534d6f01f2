//! What the caller of a client says about TLS.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::tls::{ClientTls, Fingerprint, TlsSetupError, UntrustedHook, Version, default_provider};

/// What the caller of a client says about TLS, and the policy that follows: the authorities of the operating system, unless told
/// otherwise. Its `Debug` form shows no key.
#[derive(Clone, Default)]
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

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("policy", &self.policy)
            .field("only_roots", &self.only_roots.len())
            .field("extra_roots", &self.extra_roots.len())
            .field("pins", &self.pins)
            .field("any", &self.any)
            .field("untrusted", &self.untrusted)
            .field("no_alpn", &self.no_alpn)
            .field("own", &self.own.is_some())
            .field("min", &self.min)
            .field("max", &self.max)
            .finish()
    }
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

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::{format, vec};

    use super::*;
    use crate::tls::tests::{Authority, Issued, NAME, Pair, World, params};
    use crate::tls::{Decision, TlsFailure, Verdict};

    /// The operating system of these tests trusts the authorities it is handed, and none of its own.
    fn system(
        extra: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in extra {
            roots.add(certificate).unwrap();
        }
        let builder =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        match builder.build() {
            Ok(verifier) => Ok(verifier),
            Err(_) => Err("no authorities".to_owned()),
        }
    }

    /// For settings that say themselves whom to trust.
    fn not_asked(
        _: Vec<CertificateDer<'static>>,
        _: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, String> {
        panic!("the system was asked")
    }

    /// What comes of a handshake with a server that shows this certificate.
    fn meets(
        settings: &TlsSettings,
        platform: Platform,
        server: &Issued,
    ) -> Result<Verdict, TlsFailure> {
        let client = settings.policy(platform).unwrap().session(NAME).unwrap();
        let server = crate::tls::tests::server_with(server).build().unwrap();
        let mut pair = Pair::new(&client, crate::tls::Purpose::Control, &server.session());
        pair.pump()?;
        Ok(pair.client.peer_identity().unwrap().verdict.clone())
    }

    #[test]
    fn the_system_decides_where_nothing_says_whom_to_trust() {
        let world = World::new();
        let error = TlsSettings::default().policy(system).unwrap_err();
        assert_eq!(error, TlsSetupError::BadRoot("no authorities".to_owned()));
        let settings = TlsSettings {
            extra_roots: vec![world.authority.pem.clone()],
            ..TlsSettings::default()
        };
        assert_eq!(
            meets(&settings, system, &world.issued),
            Ok(Verdict::Trusted)
        );
        let stranger = Issued::self_signed(9, &params(&[NAME]));
        assert_eq!(
            meets(&settings, system, &stranger),
            Err(TlsFailure::SelfSigned)
        );
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        let settings = TlsSettings {
            extra_roots: vec![broken.to_vec()],
            ..TlsSettings::default()
        };
        assert!(matches!(
            settings.policy(system),
            Err(TlsSetupError::BadRoot(_))
        ));
    }

    #[test]
    fn only_these_authorities_and_the_additional_ones_are_trusted() {
        let (world, other) = (World::new(), Authority::new(5));
        let others = other.issue(6, &params(&[NAME]));
        let mut settings = TlsSettings {
            only_roots: vec![world.authority.pem.clone()],
            ..TlsSettings::default()
        };
        assert_eq!(
            meets(&settings, not_asked, &world.issued),
            Ok(Verdict::Trusted)
        );
        assert_eq!(
            meets(&settings, not_asked, &others),
            Err(TlsFailure::UnknownIssuer)
        );
        settings.extra_roots.push(other.pem);
        assert_eq!(meets(&settings, not_asked, &others), Ok(Verdict::Trusted));
    }

    #[test]
    fn a_pin_and_no_check_at_all_do_without_the_system() {
        let world = World::new();
        let stranger = Issued::self_signed(9, &params(&["elsewhere.example"]));
        let pinned = TlsSettings {
            pins: vec![stranger.fingerprint()],
            ..TlsSettings::default()
        };
        assert_eq!(meets(&pinned, not_asked, &stranger), Ok(Verdict::Pinned));
        let refused = meets(&pinned, not_asked, &world.issued);
        assert!(matches!(refused, Err(TlsFailure::PinMismatch { .. })));
        let any = TlsSettings {
            any: true,
            ..TlsSettings::default()
        };
        assert_eq!(
            meets(&any, not_asked, &stranger),
            Ok(Verdict::Unchecked(None))
        );
    }

    #[test]
    fn the_application_is_asked_about_what_the_authorities_refuse() {
        let world = World::new();
        let stranger = Issued::self_signed(9, &params(&[NAME]));
        let settings = TlsSettings {
            only_roots: vec![world.authority.pem.clone()],
            untrusted: Some(UntrustedHook::new(|untrusted| {
                assert_eq!(untrusted.server_name, NAME);
                Decision::Trust
            })),
            ..TlsSettings::default()
        };
        assert_eq!(
            meets(&settings, not_asked, &stranger),
            Ok(Verdict::TrustedInSpiteOf(TlsFailure::SelfSigned))
        );
    }

    #[test]
    fn versions_protocols_and_our_own_certificate_are_those_asked_for() {
        let world = World::new();
        let roots = vec![world.authority.pem.clone()];
        let settings = TlsSettings {
            only_roots: roots.clone(),
            no_alpn: true,
            min: Some(Version::Tls12),
            max: Some(Version::Tls12),
            ..TlsSettings::default()
        };
        let policy = settings.policy(not_asked).unwrap();
        assert_eq!(policy.versions(), (Version::Tls12, Version::Tls12));
        let server = world.server().build().unwrap().session();
        let pair = Pair::connected(&policy.session(NAME).unwrap(), &server);
        let facts = pair.client.handshake().unwrap();
        assert_eq!((facts.version, &facts.alpn), (Version::Tls12, &None));
        let whole = TlsSettings {
            policy: Some(policy),
            any: true,
            ..TlsSettings::default()
        };
        // A whole policy counts, and nothing else: any certificate would do otherwise.
        assert_eq!(
            meets(&whole, not_asked, &world.issued),
            Ok(Verdict::Trusted)
        );
        let unreadable = TlsSettings {
            only_roots: roots,
            own: Some((b"no certificate".to_vec(), b"no key".to_vec())),
            ..TlsSettings::default()
        };
        let error = unreadable.policy(not_asked).unwrap_err();
        let text = format!("{error}");
        assert!(
            text.starts_with("own certificate or key cannot be read"),
            "{text}"
        );
    }

    #[test]
    fn a_private_key_is_not_shown() {
        let settings = TlsSettings {
            own: Some((b"CHAIN".to_vec(), b"KEY".to_vec())),
            untrusted: Some(UntrustedHook::new(|_| Decision::Refuse)),
            ..TlsSettings::default()
        };
        let text = format!("{settings:?}");
        assert!(text.contains("own: true"), "{text}");
        assert!(text.contains("untrusted: Some(UntrustedHook)"), "{text}");
        // As text, and as the list of bytes a derived form would be.
        assert!(
            !text.contains("KEY") && !text.contains("75, 69, 89"),
            "{text}"
        );
    }
}
