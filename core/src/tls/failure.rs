//! Every way TLS can go wrong, in our own words.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Fingerprint;
use crate::wire::first_bytes::FirstBytes;

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

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

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
        // Who has to act about these cannot be seen from here.
        assert_eq!(TlsFailure::UnknownIssuer.blame(), Blame::Either);
        assert_eq!(TlsFailure::NoApplicationProtocol.blame(), Blame::Either);
    }

    #[test]
    fn an_alert_is_told_by_name_and_number() {
        assert_eq!(Alert(48).to_string(), "unknown_ca (48)");
        assert_eq!(Alert(200).to_string(), "unknown (200)");
    }

    /// What answers in place of TLS says what to do about it.
    #[test]
    fn the_advice_fits_what_came_in_place_of_tls() {
        let advice = |looks_like, established| {
            let failure = TlsFailure::NotTls {
                looks_like,
                sample: vec![],
                established,
            };
            failure.advice()
        };
        for (looks_like, words) in [
            (FirstBytes::FtpReply, "AUTH TLS"),
            (FirstBytes::EchoedHello, "no TLS on this port"),
            (FirstBytes::Ssh, "SFTP"),
            (FirstBytes::Http, "captive portal"),
            (FirstBytes::Listing, "ignores PROT P"),
            (FirstBytes::SslV2, "upgraded"),
            (FirstBytes::Other, "address and port"),
        ] {
            let told = advice(looks_like, false);
            assert!(told.contains(words), "{told}");
            assert!(advice(looks_like, true).contains("names the peer's problem"));
        }
    }

    #[test]
    fn the_version_a_peer_offers_is_called_by_its_name() {
        let offers = |version| {
            let failure = TlsFailure::ProtocolVersion {
                offered: Some(version),
            };
            let text = failure.to_string();
            let (_, name) = text.split_once("peer offers ").unwrap();
            name.to_string()
        };
        let names = [
            (0x0002, "SSL 2"),
            (0x0300, "SSL 3"),
            (0x0301, "TLS 1.0"),
            (0x0302, "TLS 1.1"),
            (0x0303, "TLS 1.2"),
            (0x0304, "TLS 1.3"),
            (0x7f1c, "an unknown version"),
        ];
        for (version, name) in names {
            assert_eq!(offers(version), name);
        }
    }
}
