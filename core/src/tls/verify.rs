//! Who the server is, who says so, and what was seen while finding out.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::classify::classify_certificate;
use super::fingerprint::Sha256;
use super::{Fingerprint, TlsFailure, der};

/// The certificate a peer showed, and what came of it. There for refused certificates too, so that a person can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerIdentity {
    /// SHA-256 of the peer's own certificate.
    pub leaf_sha256: Fingerprint,
    /// The chain in DER, the peer's own certificate first.
    pub chain: Vec<Vec<u8>>,
    /// What came of the check.
    pub verdict: Verdict,
}

/// What came of checking a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Issued by a trusted authority for the name, and valid now.
    Trusted,
    /// It is one of the pinned certificates; names and dates were not looked at.
    Pinned,
    /// The check failed as told, but the certificate is one of those trusted in spite of it, or the application trusts it.
    TrustedInSpiteOf(TlsFailure),
    /// Any certificate is accepted. The failure is what a check would have said; absent if there was nothing to check with, or it passed.
    Unchecked(Option<TlsFailure>),
    /// The connection resumes an earlier one of this session, whose certificate this is.
    Resumed,
    /// Refused.
    Refused(TlsFailure),
}

impl Verdict {
    /// Whether the certificate itself was judged, and may be used.
    fn is_judgement(&self) -> bool {
        !matches!(self, Verdict::Resumed | Verdict::Refused(_))
    }
}

/// A server certificate that is not trusted, for the application to decide about
/// ([`ClientTlsBuilder::on_untrusted`](super::ClientTlsBuilder::on_untrusted)).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Untrusted<'a> {
    /// The name that was asked for.
    pub server_name: &'a str,
    /// SHA-256 of the server's own certificate.
    pub leaf_sha256: Fingerprint,
    /// The chain in DER, the server's own certificate first.
    pub chain: &'a [Vec<u8>],
    /// Why it is not trusted.
    pub reason: &'a TlsFailure,
}

/// What the application says about an [`Untrusted`] certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The handshake fails for the reason told.
    Refuse,
    /// This certificate is trusted for this session, its data connections included.
    Trust,
}

/// What is asked about certificates that are not trusted.
#[derive(Clone)]
pub struct UntrustedHook(Arc<dyn Fn(&Untrusted<'_>) -> Decision + Send + Sync>);

impl UntrustedHook {
    /// From a function.
    pub fn new(hook: impl Fn(&Untrusted<'_>) -> Decision + Send + Sync + 'static) -> Self {
        UntrustedHook(Arc::new(hook))
    }
}

impl fmt::Debug for UntrustedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UntrustedHook")
    }
}

/// What to trust: one per [`ClientTls`](super::ClientTls).
pub(super) struct Trust {
    pub(super) base: Option<Arc<dyn ServerCertVerifier>>,
    pub(super) pins: Vec<Fingerprint>,
    pub(super) also: Vec<Fingerprint>,
    pub(super) any: bool,
    pub(super) untrusted: Option<UntrustedHook>,
    pub(super) data_may_differ: bool,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) sha256: Sha256,
}

impl Trust {
    fn judge(
        &self,
        leaf: Fingerprint,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> (Verdict, Option<Error>) {
        if !self.pins.is_empty() && !self.any {
            return if self.pins.contains(&leaf) {
                (Verdict::Pinned, None)
            } else {
                let rejected = CertificateError::ApplicationVerificationFailure.into();
                refuse(TlsFailure::PinMismatch { seen: leaf }, rejected)
            };
        }
        let Some(base) = &self.base else {
            return if self.any {
                (Verdict::Unchecked(None), None)
            } else if self.also.contains(&leaf) {
                (Verdict::Pinned, None)
            } else {
                let failure = if der::is_self_issued(end_entity) {
                    TlsFailure::SelfSigned
                } else {
                    TlsFailure::UnknownIssuer
                };
                refuse(failure, CertificateError::UnknownIssuer.into())
            };
        };
        let checked =
            base.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let Err(error) = checked else {
            return (
                if self.any {
                    Verdict::Unchecked(None)
                } else {
                    Verdict::Trusted
                },
                None,
            );
        };
        let failure = match &error {
            Error::InvalidCertificate(CertificateError::NotValidForName) => TlsFailure::WrongName {
                expected: server_name.to_str().into_owned(),
                presented: Vec::new(),
            },
            Error::InvalidCertificate(what) => match classify_certificate(what) {
                TlsFailure::UnknownIssuer if der::is_self_issued(end_entity) => {
                    TlsFailure::SelfSigned
                }
                failure => failure,
            },
            other => TlsFailure::UnsupportedCertificate(alloc::format!("{other}")),
        };
        if self.any {
            (Verdict::Unchecked(Some(failure)), None)
        } else if self.also.contains(&leaf) {
            (Verdict::TrustedInSpiteOf(failure), None)
        } else {
            refuse(failure, error)
        }
    }
}

/// The verdict, with what rustls is to tell the server.
fn refuse(failure: TlsFailure, error: Error) -> (Verdict, Option<Error>) {
    (Verdict::Refused(failure), Some(error))
}

/// The verifier of one session. The same object must serve all its connections: rustls resumes only then.
pub(super) struct SessionVerifier {
    trust: Arc<Trust>,
    seen: Mutex<Option<PeerIdentity>>,
    /// What the control connection showed.
    control: Mutex<Option<PeerIdentity>>,
    /// The application trusts it for this session.
    accepted: Mutex<Option<Fingerprint>>,
}

impl SessionVerifier {
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        SessionVerifier {
            trust,
            seen: Mutex::new(None),
            control: Mutex::new(None),
            accepted: Mutex::new(None),
        }
    }

    pub(super) fn fingerprint(&self, der: &[u8]) -> Fingerprint {
        let of_control = self.if_known(der, |control| control.leaf_sha256);
        of_control.unwrap_or_else(|| self.trust.sha256.fingerprint(der))
    }

    /// What came of this certificate on the control connection.
    fn known(&self, der: &[u8]) -> Option<Verdict> {
        self.if_known(der, |control| control.verdict.clone())
    }

    fn if_known<T>(&self, der: &[u8], what: impl FnOnce(&PeerIdentity) -> T) -> Option<T> {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |control: &&PeerIdentity| control.chain.first().is_some_and(|leaf| leaf == der);
        control.as_ref().filter(same).map(what)
    }

    /// What the last check saw; each sight is handed out once.
    pub(super) fn take_seen(&self) -> Option<PeerIdentity> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// From now on full handshakes must show this certificate, which is not judged again; `None` as a control connection is about to be
    /// opened.
    pub(super) fn bind(&self, control: Option<PeerIdentity>) {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = control;
    }

    /// Asks the application about a certificate that is refused, once for each.
    fn asked(
        &self,
        server_name: &ServerName<'_>,
        leaf_sha256: Fingerprint,
        chain: &[Vec<u8>],
        verdict: Verdict,
    ) -> Verdict {
        let (Some(UntrustedHook(hook)), Verdict::Refused(reason)) =
            (&self.trust.untrusted, &verdict)
        else {
            return verdict;
        };
        // A pin is the answer already, and so is the control connection's certificate.
        if matches!(
            reason,
            TlsFailure::PinMismatch { .. } | TlsFailure::DataCertificateDiffers { .. }
        ) {
            return verdict;
        }
        let known = *self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let decision = if known == Some(leaf_sha256) {
            Decision::Trust
        } else {
            hook(&Untrusted {
                server_name: &server_name.to_str(),
                leaf_sha256,
                chain,
                reason,
            })
        };
        match decision {
            Decision::Refuse => verdict,
            Decision::Trust => {
                *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(leaf_sha256);
                Verdict::TrustedInSpiteOf(reason.clone())
            }
        }
    }

    fn bound_to_another(&self, data: Fingerprint) -> Option<TlsFailure> {
        let bound = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let control = bound.as_ref()?.leaf_sha256;
        (control != data && !self.trust.data_may_differ)
            .then_some(TlsFailure::DataCertificateDiffers { control, data })
    }
}

impl fmt::Debug for SessionVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionVerifier")
            .field("base", &self.trust.base)
            .field("pins", &self.trust.pins)
            .field("also", &self.trust.also)
            .field("any", &self.trust.any)
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for SessionVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let leaf_sha256 = self.fingerprint(end_entity);
        let (verdict, error) = match self.known(end_entity) {
            // Judged a moment ago, for the same name. That the server has its key is proved anew.
            Some(verdict) if verdict.is_judgement() => (verdict, None),
            _ => match self.bound_to_another(leaf_sha256) {
                Some(failure) => refuse(
                    failure,
                    CertificateError::ApplicationVerificationFailure.into(),
                ),
                None => self.trust.judge(
                    leaf_sha256,
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                ),
            },
        };
        let chain: Vec<Vec<u8>> = core::iter::once(end_entity)
            .chain(intermediates)
            .map(|certificate| certificate.to_vec())
            .collect();
        let verdict = self.asked(server_name, leaf_sha256, &chain, verdict);
        let error = error.filter(|_| matches!(verdict, Verdict::Refused(_)));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(PeerIdentity {
            leaf_sha256,
            chain,
            verdict,
        });
        error.map_or_else(|| Ok(ServerCertVerified::assertion()), Err)
    }

    // The signature proves that the peer owns the certificate: checked always, even where any certificate is accepted.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.trust.base {
            Some(base) => base.verify_tls12_signature(message, certificate, signed),
            None => verify_tls12_signature(message, certificate, signed, &self.trust.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match &self.trust.base {
            Some(base) => base.verify_tls13_signature(message, certificate, signed),
            None => verify_tls13_signature(message, certificate, signed, &self.trust.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match &self.trust.base {
            Some(base) => base.supported_verify_schemes(),
            None => self.trust.algorithms.supported_schemes(),
        }
    }
}

/// Our certificate for one session, and whether it was asked for.
pub(super) struct SessionCertificate {
    key: Option<Arc<CertifiedKey>>,
    requested: AtomicBool,
    sent: AtomicBool,
}

impl SessionCertificate {
    pub(super) fn new(key: Option<Arc<CertifiedKey>>) -> Self {
        SessionCertificate {
            key,
            requested: AtomicBool::new(false),
            sent: AtomicBool::new(false),
        }
    }

    /// Whether the certificate was requested, and sent, since this was last called.
    pub(super) fn take(&self) -> (bool, bool) {
        (
            self.requested.swap(false, Ordering::Relaxed),
            self.sent.swap(false, Ordering::Relaxed),
        )
    }
}

impl fmt::Debug for SessionCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCertificate")
            .field("present", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl ResolvesClientCert for SessionCertificate {
    fn resolve(
        &self,
        _issuers: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.requested.store(true, Ordering::Relaxed);
        let key = self
            .key
            .as_ref()
            .filter(|key| key.key.choose_scheme(schemes).is_some())?;
        self.sent.store(true, Ordering::Relaxed);
        Some(Arc::clone(key))
    }

    /// Always, or the request would not be noticed when there is none.
    fn has_certs(&self) -> bool {
        true
    }
}
