//! What the protocol machine needs to know of TLS, in its own terms.

use super::{HandshakeFacts, TicketCount, TlsFailure};
use crate::order::{Tickets, TlsFacts, TlsFault};

impl From<&TlsFailure> for TlsFault {
    fn from(failure: &TlsFailure) -> TlsFault {
        match failure {
            TlsFailure::NotTls { .. } => TlsFault::NotTls,
            TlsFailure::EofAtClientHello => TlsFault::ClosedAtHello,
            TlsFailure::EofInHandshake => TlsFault::ClosedInHandshake,
            TlsFailure::Reset { .. } => TlsFault::Reset,
            TlsFailure::UnknownIssuer | TlsFailure::SelfSigned => TlsFault::UnknownIssuer,
            TlsFailure::WrongName { .. } | TlsFailure::UnrecognisedName => TlsFault::WrongName,
            TlsFailure::Expired { .. } | TlsFailure::NotYetValid { .. } => TlsFault::Expired,
            TlsFailure::PinMismatch { .. } => TlsFault::PinMismatch,
            TlsFailure::CaUsedAsEndEntity
            | TlsFailure::Revoked
            | TlsFailure::RevocationUnknown
            | TlsFailure::BadSignature
            | TlsFailure::WrongPurpose
            | TlsFailure::UnsupportedCertificate(_)
            | TlsFailure::DataCertificateDiffers { .. }
            | TlsFailure::CertificateRejected => TlsFault::Certificate,
            TlsFailure::ClientCertificateRequired | TlsFailure::ClientCertificateRefused(_) => {
                TlsFault::ClientCertificate
            }
            TlsFailure::ProtocolVersion { .. } => TlsFault::Version,
            TlsFailure::NoCommonCipher => TlsFault::NoCommonCipher,
            TlsFailure::NoApplicationProtocol => TlsFault::ApplicationProtocol,
            TlsFailure::AlertReceived(alert) => TlsFault::Alert(alert.0),
            TlsFailure::Corrupt(_) | TlsFailure::Misbehaved(_) => TlsFault::Corrupt,
            TlsFailure::KeysExhausted | TlsFailure::Internal(_) => TlsFault::Local,
            TlsFailure::Truncated | TlsFailure::Renegotiation => TlsFault::Other,
        }
    }
}

impl From<&HandshakeFacts> for TlsFacts {
    fn from(facts: &HandshakeFacts) -> TlsFacts {
        TlsFacts {
            version: facts.version,
            resumed: facts.resumed,
            hello_retry: facts.hello_retry,
        }
    }
}

impl From<TicketCount> for Tickets {
    fn from(count: TicketCount) -> Tickets {
        match count {
            TicketCount {
                tls12_session: true,
                ..
            } => Tickets::Unlimited,
            TicketCount {
                tls13_available: 0, ..
            } => Tickets::None,
            TicketCount {
                tls13_available, ..
            } => Tickets::Left(u8::try_from(tls13_available).unwrap_or(u8::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_what_the_next_connection_can_resume_from() {
        let count = |tls13_available, tls12_session| {
            Tickets::from(TicketCount {
                tls13_available,
                tls12_session,
                received_total: 9,
            })
        };
        assert_eq!(count(0, false), Tickets::None);
        assert_eq!(count(3, false), Tickets::Left(3));
        assert_eq!(count(1000, false), Tickets::Left(255));
        assert_eq!(count(0, true), Tickets::Unlimited);
    }

    /// What the machine is told decides what the application may try instead: another certificate, version, protocol, or nothing.
    #[test]
    fn every_failure_is_told_by_what_can_be_done_about_it() {
        use alloc::string::String;

        use crate::tls::{Alert, Fingerprint};
        use crate::wire::first_bytes::FirstBytes;

        let print = Fingerprint([1; 32]);
        let cases = [
            (
                TlsFailure::NotTls {
                    looks_like: FirstBytes::Other,
                    sample: alloc::vec![],
                    established: false,
                },
                TlsFault::NotTls,
            ),
            (TlsFailure::EofAtClientHello, TlsFault::ClosedAtHello),
            (TlsFailure::EofInHandshake, TlsFault::ClosedInHandshake),
            (TlsFailure::Reset { handshaking: true }, TlsFault::Reset),
            (TlsFailure::UnknownIssuer, TlsFault::UnknownIssuer),
            (TlsFailure::SelfSigned, TlsFault::UnknownIssuer),
            (
                TlsFailure::WrongName {
                    expected: String::new(),
                    presented: alloc::vec![],
                },
                TlsFault::WrongName,
            ),
            (TlsFailure::UnrecognisedName, TlsFault::WrongName),
            (TlsFailure::Expired { not_after: None }, TlsFault::Expired),
            (
                TlsFailure::NotYetValid { not_before: None },
                TlsFault::Expired,
            ),
            (
                TlsFailure::PinMismatch { seen: print },
                TlsFault::PinMismatch,
            ),
            (TlsFailure::CaUsedAsEndEntity, TlsFault::Certificate),
            (TlsFailure::Revoked, TlsFault::Certificate),
            (
                TlsFailure::DataCertificateDiffers {
                    control: print,
                    data: print,
                },
                TlsFault::Certificate,
            ),
            (
                TlsFailure::ClientCertificateRequired,
                TlsFault::ClientCertificate,
            ),
            (
                TlsFailure::ClientCertificateRefused(Alert(48)),
                TlsFault::ClientCertificate,
            ),
            (
                TlsFailure::ProtocolVersion { offered: None },
                TlsFault::Version,
            ),
            (TlsFailure::NoCommonCipher, TlsFault::NoCommonCipher),
            (
                TlsFailure::NoApplicationProtocol,
                TlsFault::ApplicationProtocol,
            ),
            (TlsFailure::AlertReceived(Alert(80)), TlsFault::Alert(80)),
            (TlsFailure::Corrupt(String::new()), TlsFault::Corrupt),
            (TlsFailure::Misbehaved(String::new()), TlsFault::Corrupt),
            (TlsFailure::KeysExhausted, TlsFault::Local),
            (TlsFailure::Internal(String::new()), TlsFault::Local),
            (TlsFailure::Truncated, TlsFault::Other),
            (TlsFailure::Renegotiation, TlsFault::Other),
        ];
        for (failure, fault) in cases {
            assert_eq!(TlsFault::from(&failure), fault, "{failure}");
        }
    }
}
