//! What the engine says in words: every value of everything that a person may read has a sentence of its own.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::hash::Hasher;
use core::time::Duration;

use crate::diagnosis::Probe;
use crate::error::{Failure, FailureKind, Malformed, Refusal};
use crate::listing::UnsafeName;
use crate::order::{Fault, TlsFault};
use crate::pool::Note;
use crate::time::{Deadline, Timer};
use crate::tree::{LocalTrouble, Reason, Trouble};
use crate::wire::command::Verb;
use crate::wire::first_bytes::FirstBytes;

/// What must not hash to anything: no part of a machine's behaviour.
pub(crate) struct Unhashed;

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        panic!("{bytes:?} is hashed");
    }
}

/// Each is a few words that begin small, end without a full stop, and say nothing that another one says.
fn are_sentences<T: Display>(values: &[T]) {
    let mut said: BTreeSet<String> = BTreeSet::new();
    for value in values {
        let text = value.to_string();
        assert!(text.len() >= 4, "{text:?}");
        assert!(!text.ends_with('.'), "{text:?}");
        assert!(!text.contains('\n'), "{text:?}");
        assert!(said.insert(text.clone()), "said twice: {text:?}");
    }
}

fn malformed() -> Vec<Malformed> {
    alloc::vec![
        Malformed::LineTooLong { limit: 1 },
        Malformed::ReplyTooLong { limit: 1 },
        Malformed::ReplyTooManyLines { limit: 1 },
        Malformed::NotAReply,
        Malformed::ReplyCode,
        Malformed::ControlByte,
        Malformed::Verb,
        Malformed::MissingArgument,
        Malformed::UnexpectedArgument,
        Malformed::Argument,
        Malformed::ForbiddenByte,
        Malformed::CommandTooLong { limit: 1 },
        Malformed::HostPort,
        Malformed::ExtendedAddress,
        Malformed::AddressFamily,
        Malformed::PortZero,
        Malformed::Number,
        Malformed::QuotedName,
        Malformed::Facts,
        Malformed::Time,
        Malformed::Features,
        Malformed::Digest,
    ]
}

const FAULTS: [Fault; 7] = [
    Fault::Refused,
    Fault::Unreachable,
    Fault::TimedOut,
    Fault::Reset,
    Fault::AddressInUse,
    Fault::Denied,
    Fault::Other,
];

fn tls_faults() -> impl Iterator<Item = TlsFault> {
    TlsFault::NAMED.into_iter().chain([TlsFault::Alert(40)])
}

fn kinds() -> Vec<FailureKind> {
    let mut kinds = alloc::vec![
        FailureKind::Refused,
        FailureKind::GreetingRefused,
        FailureKind::LoginRefused,
        FailureKind::AccountNeeded,
        FailureKind::ClearLoginForbidden,
        FailureKind::SecurityRefused,
        FailureKind::ProtectionRefused,
        FailureKind::Injected,
        FailureKind::SessionReuseRequired,
        FailureKind::UnexpectedReply,
        FailureKind::Desynchronised,
        FailureKind::ServiceClosing,
        FailureKind::ControlClosed,
        FailureKind::Truncated {
            bytes: 1,
            expected: Some(2),
        },
        FailureKind::Truncated {
            bytes: 1,
            expected: None,
        },
        FailureKind::Longer {
            bytes: 2,
            expected: 1,
        },
        FailureKind::Unconfirmed { bytes: 1 },
        FailureKind::TransferFailed { bytes: 1 },
        FailureKind::RestartRefused,
        FailureKind::Local { bytes: 1 },
        FailureKind::Aborted { bytes: 1 },
        FailureKind::Withdrawn,
        FailureKind::NotAttempted,
        FailureKind::SessionOver,
    ];
    kinds.extend(malformed().into_iter().map(FailureKind::Protocol));
    kinds.extend(tls_faults().map(FailureKind::ControlTls));
    kinds.extend(tls_faults().map(FailureKind::DataTls));
    kinds.extend(FAULTS.map(FailureKind::DataOpen));
    kinds.extend(FAULTS.map(FailureKind::ControlBroken));
    kinds.extend(Timer::ALL.iter().copied().map(FailureKind::TimedOut));
    kinds
}

#[test]
fn what_is_wrong_with_text_and_calls() {
    are_sentences(&malformed());
    are_sentences(&[
        Refusal::Argument(Malformed::ForbiddenByte),
        Refusal::TooManyRequests,
        Refusal::Closed,
        Refusal::Policy,
        Refusal::UseTypedMethod,
        Refusal::NothingToAbort,
        Refusal::LoginSpent,
        Refusal::Busy,
        Refusal::LoginFirst,
    ]);
    are_sentences(&[
        UnsafeName::Empty,
        UnsafeName::TooLong,
        UnsafeName::DotName,
        UnsafeName::Separator,
        UnsafeName::Colon,
        UnsafeName::NotUtf8,
        UnsafeName::ControlCharacter,
        UnsafeName::ReservedCharacter,
        UnsafeName::TrailingDotOrBlank,
        UnsafeName::Device,
    ]);
}

#[test]
fn what_became_of_connections_and_waiting() {
    are_sentences(&FAULTS);
    are_sentences(&tls_faults().collect::<Vec<_>>());
    are_sentences(Timer::ALL);
    are_sentences(crate::server::Timer::ALL);
    are_sentences(&[
        Note::Lowered(1),
        Note::Lowered(2),
        Note::Raised(3),
        Note::BackOff(Duration::from_millis(7)),
    ]);
}

#[test]
fn what_the_first_bytes_are() {
    are_sentences(&[
        FirstBytes::Silence,
        FirstBytes::Tls,
        FirstBytes::TlsAlert,
        FirstBytes::SslV2,
        FirstBytes::FtpReply,
        FirstBytes::EchoedHello,
        FirstBytes::Smtp,
        FirstBytes::Pop3,
        FirstBytes::Imap,
        FirstBytes::Ssh,
    ]);
}

#[test]
fn every_failure_is_told_and_has_advice() {
    let failures: Vec<Failure> = kinds()
        .into_iter()
        .map(|kind| Failure::new(kind, Some(Verb::Retr)))
        .collect();
    are_sentences(&failures);
    for failure in &failures {
        let advice = failure.advice();
        assert!(advice.len() > 8 && !advice.ends_with('.'), "{failure}");
        // Both have an answer for each, and neither depends on the other.
        let _ = (failure.category(), failure.side());
    }
}

#[test]
fn what_became_of_a_part_of_a_tree() {
    let local = [
        LocalTrouble::Missing,
        LocalTrouble::Exists,
        LocalTrouble::Changed,
        LocalTrouble::Denied,
        LocalTrouble::Full,
        LocalTrouble::Other,
    ];
    are_sentences(&local);
    let mut troubles = alloc::vec![
        Trouble::Refused(550),
        Trouble::NoDataConnection,
        Trouble::Unreadable,
        Trouble::Broken,
        Trouble::CannotBeSent,
        Trouble::SessionOver,
        Trouble::NoSession,
        Trouble::Cancelled,
    ];
    troubles.extend(local.map(Trouble::Local));
    are_sentences(&troubles);
    let mut reasons = alloc::vec![
        Reason::UnsafeName(UnsafeName::Device),
        Reason::ReachesElsewhere,
        Reason::Ambiguous,
        Reason::SameButForCase,
        Reason::InTheWay,
        Reason::Circle,
        Reason::TooDeep,
        Reason::TooMany,
        Reason::Differs,
    ];
    reasons.extend(troubles.into_iter().map(Reason::Trouble));
    are_sentences(&reasons);
}

#[test]
fn what_would_tell_more() {
    are_sentences(&[
        Probe::Implicit,
        Probe::Explicit,
        Probe::Greeting,
        Probe::OtherNetwork,
        Probe::Passive,
        Probe::Active,
        Probe::SmallListing,
        Probe::SmallUpload,
        Probe::Size,
        Probe::OlderTls,
        Probe::OneTransfer,
        Probe::Certificate,
        Probe::Features,
        Probe::Later,
    ]);
}

/// RFC 8446 appendix B.2, and RFC 5246 appendix A.3 for what TLS 1.2 has besides.
#[cfg(feature = "ring")]
#[test]
fn alerts_have_the_names_of_the_standard() {
    let names = [
        (0, "close_notify"),
        (10, "unexpected_message"),
        (20, "bad_record_mac"),
        (21, "decryption_failed"),
        (22, "record_overflow"),
        (30, "decompression_failure"),
        (40, "handshake_failure"),
        (41, "no_certificate"),
        (42, "bad_certificate"),
        (43, "unsupported_certificate"),
        (44, "certificate_revoked"),
        (45, "certificate_expired"),
        (46, "certificate_unknown"),
        (47, "illegal_parameter"),
        (48, "unknown_ca"),
        (49, "access_denied"),
        (50, "decode_error"),
        (51, "decrypt_error"),
        (60, "export_restriction"),
        (70, "protocol_version"),
        (71, "insufficient_security"),
        (80, "internal_error"),
        (86, "inappropriate_fallback"),
        (90, "user_canceled"),
        (100, "no_renegotiation"),
        (109, "missing_extension"),
        (110, "unsupported_extension"),
        (111, "certificate_unobtainable"),
        (112, "unrecognized_name"),
        (113, "bad_certificate_status_response"),
        (114, "bad_certificate_hash_value"),
        (115, "unknown_psk_identity"),
        (116, "certificate_required"),
        (120, "no_application_protocol"),
        (121, "ech_required"),
    ];
    for number in 0..=255 {
        let name = names.iter().find(|(known, _)| *known == number);
        let name = name.map_or("unknown", |(_, name)| name);
        assert_eq!(crate::tls::Alert(number).name(), name, "{number}");
    }
}

#[cfg(feature = "ring")]
#[test]
fn what_is_wrong_with_a_set_up_of_tls() {
    use crate::tls::TlsSetupError as E;
    are_sentences(&[
        E::NoProvider,
        E::Provider("x".into()),
        E::NothingTrusted,
        E::RootsAndVerifier,
        E::BadRoot("x".into()),
        E::BadFingerprint,
        E::EmptyVersionRange,
        E::BadCertificate("x".into()),
        E::KeyMismatch,
        E::NoCertificate,
        E::BadServerName("x".into()),
        E::ZoneInAddress("x".into()),
        E::BadAlpn,
    ]);
}
