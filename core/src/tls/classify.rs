//! From an error of rustls to a [`TlsFailure`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible, PeerMisbehaved};

use super::{Alert, TlsFailure};
use crate::wire::first_bytes::classify_first_bytes;

/// What was known when an error came: the same rustls error means different things at different moments.
pub(super) struct Circumstances<'a> {
    /// The handshake was complete.
    pub(super) established: bool,
    /// ... in TLS 1.2.
    pub(super) tls12: bool,
    /// We are the client.
    pub(super) client: bool,
    /// The peer asked for our certificate.
    pub(super) certificate_requested: bool,
    /// We had one to give.
    pub(super) certificate_sent: bool,
    /// The header of the record under way and what followed it, at most 64 bytes.
    pub(super) record: &'a [u8],
    /// The header of that record is no TLS record header.
    pub(super) record_is_foreign: bool,
    /// The first bytes ever received.
    pub(super) first_bytes: &'a [u8],
}

pub(super) fn classify(error: &Error, at: &Circumstances<'_>) -> TlsFailure {
    match error {
        Error::InvalidMessage(_) if at.record_is_foreign => TlsFailure::NotTls {
            looks_like: classify_first_bytes(at.record),
            sample: at.record.to_vec(),
            established: at.established,
        },
        Error::InvalidMessage(what) => TlsFailure::Corrupt(format!("{what:?}")),
        Error::DecryptError => TlsFailure::Corrupt("does not decrypt".to_string()),
        Error::PeerSentOversizedRecord => TlsFailure::Corrupt("record too long".to_string()),
        Error::AlertReceived(description) => classify_alert(*description, at),
        Error::InvalidCertificate(what) => classify_certificate(what),
        Error::NoCertificatesPresented if at.client => {
            TlsFailure::UnsupportedCertificate("none was shown".to_string())
        }
        Error::NoCertificatesPresented => TlsFailure::AlertReceived(Alert(116)),
        Error::UnsupportedNameType => {
            TlsFailure::Internal("name type not supported by the verifier".to_string())
        }
        Error::PeerIncompatible(what) => match what {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled => TlsFailure::ProtocolVersion {
                offered: offered_version(at.first_bytes),
            },
            PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon
            | PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoEcPointFormatsInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::EcPointsExtensionRequired
            | PeerIncompatible::NamedGroupsExtensionRequired
            | PeerIncompatible::KeyShareExtensionRequired
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired
            | PeerIncompatible::UncompressedEcPointsRequired => TlsFailure::NoCommonCipher,
            other => TlsFailure::Misbehaved(format!("{other:?}")),
        },
        Error::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests) => {
            TlsFailure::Renegotiation
        }
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol)
        | Error::NoApplicationProtocol => TlsFailure::NoApplicationProtocol,
        Error::PeerMisbehaved(what) => TlsFailure::Misbehaved(format!("{what:?}")),
        Error::InappropriateMessage { got_type, .. } => {
            TlsFailure::Misbehaved(format!("unexpected {got_type:?}"))
        }
        Error::InappropriateHandshakeMessage { got_type, .. } => {
            TlsFailure::Misbehaved(format!("unexpected {got_type:?}"))
        }
        other => TlsFailure::Internal(other.to_string()),
    }
}

fn classify_alert(description: AlertDescription, at: &Circumstances<'_>) -> TlsFailure {
    let alert = Alert(u8::from(description));
    let certificate_alert = matches!(
        description,
        AlertDescription::HandshakeFailure
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
            | AlertDescription::CertificateRequired
    );
    match description {
        _ if at.client && !at.tls12 && at.certificate_requested && certificate_alert => {
            if at.certificate_sent {
                TlsFailure::ClientCertificateRefused(alert)
            } else {
                TlsFailure::ClientCertificateRequired
            }
        }
        AlertDescription::CertificateRequired => TlsFailure::ClientCertificateRequired,
        AlertDescription::ProtocolVersion => TlsFailure::ProtocolVersion {
            offered: offered_version(at.first_bytes),
        },
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity
            if !at.established =>
        {
            TlsFailure::NoCommonCipher
        }
        // rustls refuses to renegotiate with a warning, and some servers take offence.
        AlertDescription::HandshakeFailure | AlertDescription::NoRenegotiation if at.tls12 => {
            TlsFailure::Renegotiation
        }
        AlertDescription::UnrecognisedName => TlsFailure::UnrecognisedName,
        AlertDescription::NoApplicationProtocol => TlsFailure::NoApplicationProtocol,
        _ => TlsFailure::AlertReceived(alert),
    }
}

/// The version in a ServerHello, or an old version in the record header of an alert.
fn offered_version(first_bytes: &[u8]) -> Option<u16> {
    match *first_bytes {
        [0x16, 3, _, _, _, 2, _, _, _, major, minor, ..] => {
            Some(u16::from_be_bytes([major, minor]))
        }
        // A TLS 1.2 or 1.3 server may write any version here, an older one writes its own.
        [0x15, 3, minor @ 0..=2, ..] => Some(u16::from_be_bytes([3, minor])),
        _ => None,
    }
}

pub(super) fn classify_certificate(error: &CertificateError) -> TlsFailure {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => TlsFailure::UnknownIssuer,
        E::Expired => TlsFailure::Expired { not_after: None },
        E::ExpiredContext { not_after, .. } => TlsFailure::Expired {
            not_after: Some(not_after.as_secs()),
        },
        E::NotValidYet => TlsFailure::NotYetValid { not_before: None },
        E::NotValidYetContext { not_before, .. } => TlsFailure::NotYetValid {
            not_before: Some(not_before.as_secs()),
        },
        E::NotValidForName => TlsFailure::WrongName {
            expected: "the name asked for".to_string(),
            presented: Vec::new(),
        },
        E::NotValidForNameContext {
            expected,
            presented,
        } => TlsFailure::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| readable_name(name)).collect(),
        },
        E::Revoked => TlsFailure::Revoked,
        E::UnknownRevocationStatus
        | E::ExpiredRevocationList
        | E::ExpiredRevocationListContext { .. }
        | E::InvalidOcspResponse => TlsFailure::RevocationUnknown,
        E::BadSignature => TlsFailure::BadSignature,
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => TlsFailure::WrongPurpose,
        E::ApplicationVerificationFailure => TlsFailure::CertificateRejected,
        E::BadEncoding => TlsFailure::UnsupportedCertificate("bad encoding".to_string()),
        E::UnhandledCriticalExtension => {
            TlsFailure::UnsupportedCertificate("unknown critical extension".to_string())
        }
        E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            TlsFailure::UnsupportedCertificate("signature algorithm".to_string())
        }
        // The causes below have no variant of their own; their debug form is their name.
        other => match format!("{other:?}") {
            text if text.contains("CaUsedAsEndEntity") => TlsFailure::CaUsedAsEndEntity,
            text if text.contains("UnsupportedCertVersion") => {
                TlsFailure::UnsupportedCertificate("X.509 version 1".to_string())
            }
            text if text.contains("UnsupportedSignatureAlgorithm") => {
                TlsFailure::UnsupportedCertificate("signature algorithm".to_string())
            }
            text => TlsFailure::UnsupportedCertificate(text),
        },
    }
}

/// The names come in the debug form of a parser: `DnsName("a")` reads better as `a`. What a certificate says is not to be trusted
/// with a terminal either.
fn readable_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(name)
        .trim_matches('"');
    match inner.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => inner.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::time::Duration;

    use rustls::pki_types::UnixTime;
    use rustls::{ContentType, InvalidMessage};

    use super::*;

    fn handshaking() -> Circumstances<'static> {
        Circumstances {
            established: false,
            tls12: false,
            client: true,
            certificate_requested: false,
            certificate_sent: false,
            record: &[],
            record_is_foreign: false,
            first_bytes: &[],
        }
    }

    #[test]
    fn alerts_are_read_in_their_circumstances() {
        use AlertDescription as A;
        let plain = |description| classify(&Error::AlertReceived(description), &handshaking());
        assert_eq!(plain(A::HandshakeFailure), TlsFailure::NoCommonCipher);
        assert_eq!(plain(A::InsufficientSecurity), TlsFailure::NoCommonCipher);
        assert_eq!(
            plain(A::ProtocolVersion),
            TlsFailure::ProtocolVersion { offered: None }
        );
        assert_eq!(plain(A::UnrecognisedName), TlsFailure::UnrecognisedName);
        assert_eq!(
            plain(A::NoApplicationProtocol),
            TlsFailure::NoApplicationProtocol
        );
        assert_eq!(
            plain(A::CertificateRequired),
            TlsFailure::ClientCertificateRequired
        );
        assert_eq!(plain(A::UnknownCA), TlsFailure::AlertReceived(Alert(48)));
        assert_eq!(
            plain(A::Unknown(199)),
            TlsFailure::AlertReceived(Alert(199))
        );

        let asked = Circumstances {
            certificate_requested: true,
            ..handshaking()
        };
        let given = Circumstances {
            certificate_requested: true,
            certificate_sent: true,
            ..handshaking()
        };
        for description in [
            A::HandshakeFailure,
            A::BadCertificate,
            A::UnknownCA,
            A::CertificateRequired,
            A::AccessDenied,
        ] {
            let alert = Error::AlertReceived(description);
            assert_eq!(
                classify(&alert, &asked),
                TlsFailure::ClientCertificateRequired
            );
            let refused = TlsFailure::ClientCertificateRefused(Alert(u8::from(description)));
            assert_eq!(classify(&alert, &given), refused);
        }
        // Asked or not, these have nothing to do with certificates.
        assert_eq!(
            classify(&Error::AlertReceived(A::ProtocolVersion), &given),
            TlsFailure::ProtocolVersion { offered: None }
        );
        let established = Circumstances {
            established: true,
            ..handshaking()
        };
        assert_eq!(
            classify(&Error::AlertReceived(A::HandshakeFailure), &established),
            TlsFailure::AlertReceived(Alert(40))
        );
        let tls12 = Circumstances {
            established: true,
            tls12: true,
            ..handshaking()
        };
        assert_eq!(
            classify(&Error::AlertReceived(A::HandshakeFailure), &tls12),
            TlsFailure::Renegotiation
        );
    }

    #[test]
    fn certificate_errors_are_read_with_and_without_context() {
        use CertificateError as E;
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let cases = vec![
            (E::UnknownIssuer, TlsFailure::UnknownIssuer),
            (E::Expired, TlsFailure::Expired { not_after: None }),
            (
                E::ExpiredContext {
                    time: at(9),
                    not_after: at(5),
                },
                TlsFailure::Expired { not_after: Some(5) },
            ),
            (E::NotValidYet, TlsFailure::NotYetValid { not_before: None }),
            (
                E::NotValidYetContext {
                    time: at(1),
                    not_before: at(5),
                },
                TlsFailure::NotYetValid {
                    not_before: Some(5),
                },
            ),
            (E::Revoked, TlsFailure::Revoked),
            (E::UnknownRevocationStatus, TlsFailure::RevocationUnknown),
            (E::ExpiredRevocationList, TlsFailure::RevocationUnknown),
            (E::BadSignature, TlsFailure::BadSignature),
            (E::InvalidPurpose, TlsFailure::WrongPurpose),
            (
                E::ApplicationVerificationFailure,
                TlsFailure::CertificateRejected,
            ),
            (
                E::BadEncoding,
                TlsFailure::UnsupportedCertificate("bad encoding".to_string()),
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(
                classify(&Error::InvalidCertificate(error), &handshaking()),
                expected
            );
        }
        assert!(matches!(
            classify_certificate(&E::NotValidForName),
            TlsFailure::WrongName { .. }
        ));
    }

    #[test]
    fn other_errors_find_the_guilty_side() {
        let classify = |error: Error| classify(&error, &handshaking());
        assert_eq!(
            classify(PeerMisbehaved::TooManyRenegotiationRequests.into()),
            TlsFailure::Renegotiation
        );
        assert_eq!(
            classify(PeerMisbehaved::SelectedUnofferedApplicationProtocol.into()),
            TlsFailure::NoApplicationProtocol
        );
        assert_eq!(
            classify(PeerIncompatible::NoCipherSuitesInCommon.into()),
            TlsFailure::NoCommonCipher
        );
        assert!(matches!(
            classify(PeerIncompatible::Tls12NotOffered.into()),
            TlsFailure::ProtocolVersion { .. }
        ));
        assert!(matches!(
            classify(Error::DecryptError),
            TlsFailure::Corrupt(_)
        ));
        assert!(matches!(
            classify(InvalidMessage::InvalidCcs.into()),
            TlsFailure::Corrupt(_)
        ));
        assert!(matches!(
            classify(Error::FailedToGetRandomBytes),
            TlsFailure::Internal(_)
        ));
        assert!(matches!(
            classify(Error::General("x".to_string())),
            TlsFailure::Internal(_)
        ));
        let unexpected = Error::InappropriateMessage {
            expect_types: vec![],
            got_type: ContentType::Alert,
        };
        assert!(matches!(classify(unexpected), TlsFailure::Misbehaved(_)));
    }

    #[test]
    fn what_the_peer_broke_is_told() {
        let told = |error: Error| classify(&error, &handshaking());
        let corrupt = |what: &str| TlsFailure::Corrupt(what.to_string());
        let misbehaved = |what: &str| TlsFailure::Misbehaved(what.to_string());
        assert_eq!(
            told(Error::PeerSentOversizedRecord),
            corrupt("record too long")
        );
        assert_eq!(
            told(PeerIncompatible::ExtendedMasterSecretExtensionRequired.into()),
            misbehaved("ExtendedMasterSecretExtensionRequired")
        );
        assert_eq!(
            told(PeerMisbehaved::DuplicateClientHelloExtensions.into()),
            misbehaved("DuplicateClientHelloExtensions")
        );
        let unexpected = Error::InappropriateHandshakeMessage {
            expect_types: vec![],
            got_type: rustls::HandshakeType::Finished,
        };
        assert_eq!(told(unexpected), misbehaved("unexpected Finished"));
        assert!(matches!(
            told(Error::UnsupportedNameType),
            TlsFailure::Internal(_)
        ));
    }

    /// A server without a certificate is broken; a client without one is told so.
    #[test]
    fn no_certificate_means_another_thing_on_either_side() {
        let none = Error::NoCertificatesPresented;
        assert!(matches!(
            classify(&none, &handshaking()),
            TlsFailure::UnsupportedCertificate(_)
        ));
        let server = Circumstances {
            client: false,
            ..handshaking()
        };
        let required = TlsFailure::AlertReceived(Alert(116));
        assert_eq!(classify(&none, &server), required);
    }

    /// TLS 1.2 settles that in the handshake.
    #[test]
    fn an_alert_behind_the_handshake_is_about_our_certificate_in_tls_13_alone() {
        let told = |tls12| {
            let alert = Error::AlertReceived(AlertDescription::BadCertificate);
            let behind = Circumstances {
                established: true,
                certificate_requested: true,
                tls12,
                ..handshaking()
            };
            classify(&alert, &behind)
        };
        assert_eq!(told(false), TlsFailure::ClientCertificateRequired);
        assert_eq!(told(true), TlsFailure::AlertReceived(Alert(42)));
    }

    /// As a verifier names causes that rustls has no variant for.
    #[test]
    fn causes_without_a_variant_are_told_by_their_name() {
        #[derive(Debug)]
        enum Cause {
            CaUsedAsEndEntity,
            UnsupportedCertVersion,
            UnsupportedSignatureAlgorithm,
            TooManyNames,
        }
        impl core::fmt::Display for Cause {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{self:?}")
            }
        }
        impl core::error::Error for Cause {}

        let told = |cause| {
            let other = rustls::OtherError(alloc::sync::Arc::new(cause));
            classify_certificate(&CertificateError::Other(other))
        };
        let unsupported = |what: &str| TlsFailure::UnsupportedCertificate(what.to_string());
        assert_eq!(
            told(Cause::CaUsedAsEndEntity),
            TlsFailure::CaUsedAsEndEntity
        );
        assert_eq!(
            told(Cause::UnsupportedCertVersion),
            unsupported("X.509 version 1")
        );
        assert_eq!(
            told(Cause::UnsupportedSignatureAlgorithm),
            unsupported("signature algorithm")
        );
        let failure = told(Cause::TooManyNames);
        assert!(failure.to_string().contains("TooManyNames"), "{failure}");
        assert_eq!(
            classify_certificate(&CertificateError::UnhandledCriticalExtension),
            unsupported("unknown critical extension")
        );
        let algorithm = CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![],
            supported_algorithms: vec![],
        };
        assert_eq!(
            classify_certificate(&algorithm),
            unsupported("signature algorithm")
        );
    }

    #[test]
    fn names_from_certificates_are_safe_to_show() {
        assert_eq!(readable_name("DnsName(\"a.example\")"), "a.example");
        assert_eq!(readable_name("IpAddress(0::1)"), "::1");
        assert_eq!(readable_name("*.example"), "*.example");
        assert_eq!(readable_name("DnsName(\"a\u{1b}[2J\")"), "a\\u{1b}[2J");
    }
}
