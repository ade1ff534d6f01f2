//! Every way TLS can go wrong, in our own words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible, PeerMisbehaved};

use super::Fingerprint;
use crate::wire::first_bytes::{FirstBytes, classify_first_bytes};

/// Why a TLS channel cannot go on. Fatal for the channel: RFC 4217 section 10 leaves nothing to fall back to.
///
/// [`Display`](fmt::Display) says in a few words what happened, [`TlsFailure::blame`] who has to act,
/// [`TlsFailure::advice`] what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// Bytes that are no TLS record.
    NotTls {
        /// What the bytes look like instead.
        looks_like: FirstBytes,
        /// The first bytes of it, at most [`FIRST_BYTES_KEPT`](crate::wire::first_bytes::FIRST_BYTES_KEPT).
        sample: Vec<u8>,
        /// Whether the handshake was complete: the peer left TLS without saying so.
        established: bool,
    },
    /// The peer closed before it sent a single byte.
    EofAtClientHello,
    /// The peer closed in the middle of the handshake.
    EofInHandshake,
    /// The transport was reset (reported by the driver through [`Channel::peer_reset`](super::Channel::peer_reset)).
    Reset {
        /// Whether the handshake was still under way.
        handshaking: bool,
    },
    /// The stream ended without `close_notify`: bytes may be missing (RFC 8446 section 6.1).
    Truncated,

    /// The certificate chain ends at an authority that is not trusted, or an intermediate certificate is missing.
    UnknownIssuer,
    /// The certificate is signed by its own key and is not trusted.
    SelfSigned,
    /// A certificate marked as an authority (`CA:TRUE`) is used as the server's own: usual for home-made certificates.
    CaUsedAsEndEntity,
    /// The certificate is for other names.
    WrongName {
        /// The name that was asked for.
        expected: String,
        /// The names in the certificate; empty if it has no subject alternative name or the verifier does not tell.
        presented: Vec<String>,
    },
    /// The certificate is no longer valid.
    Expired {
        /// End of validity, seconds since 1970, where the verifier tells.
        not_after: Option<u64>,
    },
    /// The certificate is not valid yet: one of the two clocks may be wrong.
    NotYetValid {
        /// Start of validity, seconds since 1970, where the verifier tells.
        not_before: Option<u64>,
    },
    /// The certificate was revoked.
    Revoked,
    /// Whether the certificate was revoked could not be found out.
    RevocationUnknown,
    /// The certificate, or the handshake, is signed wrongly or with a key that is too weak.
    BadSignature,
    /// The certificate is made for another purpose than TLS servers.
    WrongPurpose,
    /// The certificate cannot be used: version, algorithm, extension or encoding.
    UnsupportedCertificate(String),
    /// The certificate is none of the pinned ones.
    PinMismatch {
        /// SHA-256 of the certificate that was shown.
        seen: Fingerprint,
    },
    /// The data connection shows another certificate than the control connection (RFC 4217 section 16.1.1).
    DataCertificateDiffers {
        /// SHA-256 of the control connection's certificate.
        control: Fingerprint,
        /// SHA-256 of the data connection's certificate.
        data: Fingerprint,
    },
    /// The application's own verifier said no.
    CertificateRejected,

    /// The peer wants a certificate from us and we have none to give.
    ClientCertificateRequired,
    /// The peer got our certificate and does not accept it.
    ClientCertificateRefused(Alert),
    /// No TLS version in common: the peer is too old, or our policy excludes its version.
    ProtocolVersion {
        /// The version the peer offered, as on the wire (0x0301 is TLS 1.0), where it told.
        offered: Option<u16>,
    },
    /// No cipher suite, key exchange group or signature scheme in common.
    NoCommonCipher,
    /// The server does not know the name it was asked for.
    UnrecognisedName,
    /// No application protocol in common (ALPN, RFC 7301).
    NoApplicationProtocol,
    /// The peer gave up for another reason.
    AlertReceived(Alert),
    /// Renegotiation, which is not supported (TLS 1.2 only).
    Renegotiation,
    /// A record that does not decrypt or decode: damaged or tampered with on the way.
    Corrupt(String),
    /// The peer broke the TLS protocol.
    Misbehaved(String),
    /// As many records were sent as the TLS 1.2 keys allow: a new connection is needed.
    KeysExhausted,
    /// Something on our side: randomness, clock, configuration.
    Internal(String),
}

/// Who has to act upon a [`TlsFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The peer's software or set-up.
    Peer,
    /// Our own configuration.
    Us,
    /// Both are possible: the two do not agree.
    Either,
    /// The network between, or an attacker on it.
    Network,
}

/// The description of a TLS alert (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert(pub u8);

impl Alert {
    /// The name of the alert in the RFCs.
    ///
    /// ```
    /// use ftp_proto::tls::Alert;
    /// assert_eq!(Alert(40).name(), "handshake_failure");
    /// assert_eq!(Alert(200).name(), "unknown");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => "unknown",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsFailure::NotTls {
                looks_like,
                established: false,
                ..
            } => write!(f, "peer answered the TLS handshake with {looks_like}"),
            TlsFailure::NotTls {
                looks_like,
                established: true,
                ..
            } => write!(f, "peer sent {looks_like} inside the TLS connection"),
            TlsFailure::EofAtClientHello => {
                f.write_str("peer closed the connection as TLS started, without a byte")
            }
            TlsFailure::EofInHandshake => {
                f.write_str("peer closed the connection during the TLS handshake")
            }
            TlsFailure::Reset { handshaking: true } => {
                f.write_str("connection reset during the TLS handshake")
            }
            TlsFailure::Reset { handshaking: false } => f.write_str("connection reset"),
            TlsFailure::Truncated => {
                f.write_str("connection ended without TLS close_notify, data may be missing")
            }
            TlsFailure::UnknownIssuer => {
                f.write_str("peer certificate is not issued by a trusted authority")
            }
            TlsFailure::SelfSigned => {
                f.write_str("peer certificate is self-signed and not trusted")
            }
            TlsFailure::CaUsedAsEndEntity => f.write_str(
                "peer certificate is an authority certificate (CA:TRUE) used as its own",
            ),
            TlsFailure::WrongName {
                expected,
                presented,
            } => {
                write!(f, "peer certificate is not for {expected} but for ")?;
                match presented.as_slice() {
                    [] => f.write_str("no name at all"),
                    [first, rest @ ..] => {
                        f.write_str(first)?;
                        rest.iter().try_for_each(|name| write!(f, ", {name}"))
                    }
                }
            }
            TlsFailure::Expired { .. } => f.write_str("peer certificate has expired"),
            TlsFailure::NotYetValid { .. } => f.write_str("peer certificate is not valid yet"),
            TlsFailure::Revoked => f.write_str("peer certificate is revoked"),
            TlsFailure::RevocationUnknown => {
                f.write_str("revocation of the peer certificate cannot be checked")
            }
            TlsFailure::BadSignature => {
                f.write_str("signature in the peer certificate or handshake is wrong or too weak")
            }
            TlsFailure::WrongPurpose => f.write_str("peer certificate is not meant for this use"),
            TlsFailure::UnsupportedCertificate(what) => {
                write!(f, "peer certificate cannot be used: {what}")
            }
            TlsFailure::PinMismatch { seen } => {
                write!(f, "peer certificate {seen} is not the pinned one")
            }
            TlsFailure::DataCertificateDiffers { control, data } => {
                write!(
                    f,
                    "data connection shows certificate {data}, control connection {control}"
                )
            }
            TlsFailure::CertificateRejected => {
                f.write_str("peer certificate rejected by the application")
            }
            TlsFailure::ClientCertificateRequired => {
                f.write_str("peer requires a client certificate")
            }
            TlsFailure::ClientCertificateRefused(alert) => {
                write!(f, "peer refused our certificate: {alert}")
            }
            TlsFailure::ProtocolVersion {
                offered: Some(version),
            } => {
                write!(
                    f,
                    "no TLS version in common, peer offers {}",
                    version_name(*version)
                )
            }
            TlsFailure::ProtocolVersion { offered: None } => {
                f.write_str("no TLS version in common")
            }
            TlsFailure::NoCommonCipher => {
                f.write_str("no TLS cipher suite, group or signature scheme in common")
            }
            TlsFailure::UnrecognisedName => f.write_str("peer does not know the server name"),
            TlsFailure::NoApplicationProtocol => {
                f.write_str("no application protocol (ALPN) in common")
            }
            TlsFailure::AlertReceived(alert) => write!(f, "peer ended TLS with alert {alert}"),
            TlsFailure::Renegotiation => f.write_str("peer insists on TLS renegotiation"),
            TlsFailure::Corrupt(what) => write!(f, "damaged TLS record: {what}"),
            TlsFailure::Misbehaved(what) => write!(f, "peer breaks the TLS protocol: {what}"),
            TlsFailure::KeysExhausted => f.write_str("TLS 1.2 keys are used up"),
            TlsFailure::Internal(what) => write!(f, "TLS failed on our side: {what}"),
        }
    }
}

impl std::error::Error for TlsFailure {}

impl TlsFailure {
    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            TlsFailure::EofAtClientHello
            | TlsFailure::Reset { .. }
            | TlsFailure::Truncated
            | TlsFailure::Corrupt(_) => Blame::Network,
            TlsFailure::ClientCertificateRequired
            | TlsFailure::ClientCertificateRefused(_)
            | TlsFailure::Internal(_) => Blame::Us,
            TlsFailure::NotTls {
                established: false, ..
            }
            | TlsFailure::UnknownIssuer
            | TlsFailure::SelfSigned
            | TlsFailure::CaUsedAsEndEntity
            | TlsFailure::WrongName { .. }
            | TlsFailure::NotYetValid { .. }
            | TlsFailure::PinMismatch { .. }
            | TlsFailure::CertificateRejected
            | TlsFailure::ProtocolVersion { .. }
            | TlsFailure::UnrecognisedName
            | TlsFailure::NoApplicationProtocol
            | TlsFailure::Renegotiation
            | TlsFailure::KeysExhausted => Blame::Either,
            _ => Blame::Peer,
        }
    }

    /// What to do, in a few words.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            TlsFailure::NotTls {
                established: true, ..
            } => "read the clear text: it names the peer's problem",
            TlsFailure::NotTls { looks_like, .. } => match looks_like {
                FirstBytes::FtpReply => {
                    "use explicit TLS (AUTH TLS) on this port, or the implicit port"
                }
                FirstBytes::EchoedHello => "the server speaks no TLS on this port",
                FirstBytes::Ssh => "this is SSH: use SFTP, or the FTP port",
                FirstBytes::Http => {
                    "this is a web server, proxy or captive portal: check address and port"
                }
                FirstBytes::Listing => "the server ignores PROT P: do not trust it with data",
                FirstBytes::SslV2 => "the server is from before TLS: it must be upgraded",
                _ => "check address and port",
            },
            TlsFailure::EofAtClientHello | TlsFailure::Reset { handshaking: true } => {
                "suspect a firewall that inspects FTP, or a server without a certificate; try implicit TLS"
            }
            TlsFailure::EofInHandshake => "look into the server's TLS log",
            TlsFailure::Reset { handshaking: false } => {
                "try again; look for firewall or NAT timeouts"
            }
            TlsFailure::Truncated => "treat the transfer as incomplete",
            TlsFailure::UnknownIssuer => {
                "trust the issuer, pin the certificate, or have the server send its intermediate certificates"
            }
            TlsFailure::SelfSigned | TlsFailure::CaUsedAsEndEntity => {
                "compare its SHA-256 with the administrator, then pin it"
            }
            TlsFailure::WrongName { .. } => {
                "connect by a name in the certificate, or pin the certificate"
            }
            TlsFailure::Expired { .. } => "the server needs a new certificate; check our clock",
            TlsFailure::NotYetValid { .. } => "check the clocks on both sides",
            TlsFailure::Revoked => "do not connect",
            TlsFailure::RevocationUnknown => "check that revocation lists can be reached",
            TlsFailure::BadSignature
            | TlsFailure::WrongPurpose
            | TlsFailure::UnsupportedCertificate(_) => {
                "the server needs a new certificate (X.509 v3, ECDSA or RSA of 2048 bits or more)"
            }
            TlsFailure::PinMismatch { .. } => {
                "ask the administrator whether the certificate was renewed"
            }
            TlsFailure::DataCertificateDiffers { .. } => {
                "the server should use one certificate for control and data"
            }
            TlsFailure::CertificateRejected => "see the application's certificate policy",
            TlsFailure::ClientCertificateRequired => "configure a client certificate",
            TlsFailure::ClientCertificateRefused(_) => {
                "ask the administrator which client certificates are accepted"
            }
            TlsFailure::ProtocolVersion { .. } => {
                "the server must offer TLS 1.2 or 1.3, or our limits must be widened"
            }
            TlsFailure::NoCommonCipher => "the server must offer ECDHE with AES-GCM or ChaCha20",
            TlsFailure::UnrecognisedName => "use the host name the server is configured for",
            TlsFailure::NoApplicationProtocol => {
                "the peer expects another protocol here; or switch ALPN off"
            }
            TlsFailure::AlertReceived(_) => "look into the peer's TLS log",
            TlsFailure::Renegotiation => "switch renegotiation off on the server, or use TLS 1.3",
            TlsFailure::Corrupt(_) => "suspect a middlebox or an attack; try another network",
            TlsFailure::Misbehaved(_) => "the peer's TLS software needs an upgrade",
            TlsFailure::KeysExhausted => "resume on a new connection, or use TLS 1.3",
            TlsFailure::Internal(_) => "this is a bug or a broken system",
        }
    }
}

fn version_name(version: u16) -> &'static str {
    match version {
        0x0002 | 0x0200 => "SSL 2",
        0x0300 => "SSL 3",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => "an unknown version",
    }
}

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
    fn names_from_certificates_are_safe_to_show() {
        assert_eq!(readable_name("DnsName(\"a.example\")"), "a.example");
        assert_eq!(readable_name("IpAddress(0::1)"), "::1");
        assert_eq!(readable_name("*.example"), "*.example");
        assert_eq!(readable_name("DnsName(\"a\u{1b}[2J\")"), "a\\u{1b}[2J");
    }

    #[test]
    fn every_failure_speaks_for_itself() {
        let print = Fingerprint([1; 32]);
        let all = [
            TlsFailure::NotTls {
                looks_like: FirstBytes::FtpReply,
                sample: vec![],
                established: false,
            },
            TlsFailure::NotTls {
                looks_like: FirstBytes::FtpReply,
                sample: vec![],
                established: true,
            },
            TlsFailure::EofAtClientHello,
            TlsFailure::EofInHandshake,
            TlsFailure::Reset { handshaking: true },
            TlsFailure::Reset { handshaking: false },
            TlsFailure::Truncated,
            TlsFailure::UnknownIssuer,
            TlsFailure::SelfSigned,
            TlsFailure::CaUsedAsEndEntity,
            TlsFailure::WrongName {
                expected: "a".to_string(),
                presented: vec![],
            },
            TlsFailure::WrongName {
                expected: "a".to_string(),
                presented: vec!["b".to_string(), "c".to_string()],
            },
            TlsFailure::Expired { not_after: None },
            TlsFailure::NotYetValid { not_before: None },
            TlsFailure::Revoked,
            TlsFailure::RevocationUnknown,
            TlsFailure::BadSignature,
            TlsFailure::WrongPurpose,
            TlsFailure::UnsupportedCertificate("x".to_string()),
            TlsFailure::PinMismatch { seen: print },
            TlsFailure::DataCertificateDiffers {
                control: print,
                data: print,
            },
            TlsFailure::CertificateRejected,
            TlsFailure::ClientCertificateRequired,
            TlsFailure::ClientCertificateRefused(Alert(48)),
            TlsFailure::ProtocolVersion { offered: None },
            TlsFailure::ProtocolVersion {
                offered: Some(0x0300),
            },
            TlsFailure::NoCommonCipher,
            TlsFailure::UnrecognisedName,
            TlsFailure::NoApplicationProtocol,
            TlsFailure::AlertReceived(Alert(80)),
            TlsFailure::Renegotiation,
            TlsFailure::Corrupt("x".to_string()),
            TlsFailure::Misbehaved("x".to_string()),
            TlsFailure::KeysExhausted,
            TlsFailure::Internal("x".to_string()),
        ];
        for (index, failure) in all.iter().enumerate() {
            let text = failure.to_string();
            assert!(!text.ends_with('.') && !text.is_empty());
            assert!(!failure.advice().is_empty());
            assert!(
                all.iter()
                    .skip(index + 1)
                    .all(|other| other.to_string() != text),
                "{text}"
            );
        }
        let names = TlsFailure::WrongName {
            expected: "a".to_string(),
            presented: vec!["b".to_string(), "c".to_string()],
        };
        assert_eq!(
            names.to_string(),
            "peer certificate is not for a but for b, c"
        );
        assert_eq!(TlsFailure::Truncated.blame(), Blame::Network);
        assert_eq!(TlsFailure::ClientCertificateRequired.blame(), Blame::Us);
        assert_eq!(TlsFailure::Revoked.blame(), Blame::Peer);
    }
}
