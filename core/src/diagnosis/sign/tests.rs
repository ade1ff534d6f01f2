//! Every sign: what it is seen in, what only looks like it, and how it is told.

mod near;
mod table;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::discriminant;

use super::*;
use crate::client::AuthMethod;
use crate::diagnosis::evidence::{Attempt, FirstBytesKept};
use crate::diagnosis::{RULES, Rule};
use crate::order::TlsFacts;
use crate::time::Instant;
use crate::wire::features::FeatureSet;
use table::plainly;

const PUBLIC: &str = "192.0.2.1";
const PRIVATE: &str = "10.0.0.7";

/// What was recorded, and how it failed.
#[derive(Clone, Debug, Default)]
struct Seen {
    evidence: Evidence,
    failure: Option<Failure>,
}

impl Seen {
    fn shows(&self, sign: Sign) -> bool {
        sign.holds(&Facts::new(&self.evidence, self.failure.as_ref()))
    }

    fn words(&self, sign: Sign) -> String {
        let facts = Facts::new(&self.evidence, self.failure.as_ref());
        sign.shown(&facts).to_string()
    }

    /// The same, and it failed so.
    fn and(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        self
    }
}

fn seen(change: impl FnOnce(&mut Evidence)) -> Seen {
    let mut seen = Seen::default();
    change(&mut seen.evidence);
    seen
}

fn failed(kind: FailureKind) -> Seen {
    Seen::default().and(Failure::new(kind, None))
}

fn told(kind: FailureKind, verb: Verb, code: u16, text: &str) -> Failure {
    Failure::replied(kind, Some(verb), number(code), text.as_bytes().to_vec())
}

fn number(value: u16) -> Code {
    Code::new(value).unwrap()
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn handshake(version: TlsVersion, resumed: bool) -> Option<Result<TlsFacts, TlsFault>> {
    Some(Ok(TlsFacts {
        version,
        resumed,
        hello_retry: false,
    }))
}

fn answered(codes: &[u16]) -> Seen {
    seen(|evidence| {
        for (slot, code) in evidence.control.auth.iter_mut().zip(codes) {
            *slot = Some(Attempt {
                answer: Some((number(*code), at(1))),
                ..Attempt::new(AuthMethod::Tls, at(0))
            });
        }
    })
}

fn came_first(bytes: &[u8]) -> Seen {
    seen(|evidence| {
        evidence.control.bytes_in = bytes.len() as u64;
        evidence.control.first_bytes = FirstBytesKept::of(bytes);
    })
}

fn came_instead(bytes: &[u8]) -> Seen {
    seen(|evidence| evidence.control.instead_of_tls = FirstBytesKept::of(bytes))
}

fn greeted_after(millis: u64) -> Seen {
    seen(|evidence| {
        evidence.control.started = at(1000);
        evidence.control.greeted = Some(at(1000 + millis));
    })
}

fn let_in_after(millis: u64) -> Seen {
    seen(|evidence| {
        evidence.control.password_sent = Some(at(1000));
        evidence.control.password_answer = Some((number(230), at(1000 + millis)));
    })
}

fn on_control(fault: TlsFault) -> Seen {
    seen(|evidence| evidence.control.handshake = Some(Err(fault)))
}

fn on_data(fault: TlsFault) -> Seen {
    seen(|evidence| evidence.data.handshake = Some(Err(fault)))
}

fn connected() -> Evidence {
    let mut evidence = Evidence::default();
    evidence.data.connected = Some(at(1));
    evidence
}

fn from_connected(change: impl FnOnce(&mut DataEvidence)) -> Seen {
    let mut evidence = connected();
    change(&mut evidence.data);
    Seen {
        evidence,
        failure: None,
    }
}

fn in_data(change: impl FnOnce(&mut DataEvidence)) -> Seen {
    seen(|evidence| change(&mut evidence.data))
}

fn advertised(address: &str, peer: &str) -> Seen {
    seen(|evidence| {
        evidence.control.peer = ip(peer);
        evidence.data.advertised = ip(address);
    })
}

fn ended(end: DataEnd, protected: bool) -> Seen {
    in_data(|data| {
        data.protected = protected;
        data.ended = Some((end, at(1)));
    })
}

fn moved(bytes: u64, expected: Option<u64>, ascii: bool) -> Seen {
    in_data(|data| {
        data.bytes = bytes;
        data.expected = expected;
        data.ascii = ascii;
    })
}

fn listed(verb: Verb, code: u16, bytes: u64) -> Seen {
    in_data(|data| {
        data.verb = Some(verb);
        data.bytes = bytes;
        data.final_reply = Some((number(code), at(1)));
    })
}

fn fell_back(from: DataMode, to: DataMode) -> Seen {
    seen(|evidence| evidence.fallback = Some((from, to)))
}

fn whole(listings: u32, files: u32) -> Seen {
    seen(|evidence| {
        evidence.listings = listings;
        evidence.files = files;
    })
}

/// Nothing was said about the transfer.
fn unanswered() -> Seen {
    let kind = FailureKind::TimedOut(Timer::Reply);
    from_connected(|_| {}).and(Failure::new(kind, Some(Verb::List)))
}

/// The server lost patience so long after it was asked, and said so.
fn gave_up_after(millis: u64, code: u16) -> Seen {
    in_data(|data| {
        data.asked = Some(at(1000));
        data.final_reply = Some((number(code), at(1000 + millis)));
    })
}

fn refused(verb: Verb, code: u16) -> Failure {
    told(FailureKind::Refused, verb, code, "no")
}

const RESET: DataEnd = DataEnd::Failed(Fault::Reset);

const CERTIFICATES: [TlsFault; 5] = [
    TlsFault::UnknownIssuer,
    TlsFault::WrongName,
    TlsFault::Expired,
    TlsFault::PinMismatch,
    TlsFault::Certificate,
];

fn signs_of(rule: &Rule) -> impl Iterator<Item = Sign> + use<'_> {
    let more = rule.more.iter().map(|(sign, _)| sign);
    rule.all
        .iter()
        .chain(rule.any)
        .chain(rule.none)
        .chain(more)
        .copied()
}

#[test]
fn each_sign_is_seen_where_it_is_and_told_in_its_own_words() {
    for (sign, seen, words) in plainly() {
        assert!(seen.shows(sign), "{sign:?} in {seen:?}");
        assert_eq!(seen.words(sign), words, "{sign:?}");
    }
    for sign in RULES.into_iter().flatten().flat_map(signs_of) {
        let same = |(other, ..): &(Sign, Seen, String)| discriminant(other) == discriminant(&sign);
        assert!(plainly().iter().any(same), "{sign:?} is not in the table");
    }
}

/// Of every rule that holds something can be shown that speaks for it.
#[test]
fn no_rule_shows_nothing() {
    let table = plainly();
    let has_words = |sign: &Sign| {
        let same = |(other, ..): &&(Sign, Seen, String)| discriminant(other) == discriminant(sign);
        table
            .iter()
            .find(same)
            .is_some_and(|(.., words)| !words.is_empty())
    };
    for rule in RULES.into_iter().flatten() {
        let always = rule.all.iter().any(has_words);
        let either_way = !rule.any.is_empty() && rule.any.iter().all(has_words);
        assert!(always || either_way, "{}", rule.id);
        for sign in rule.none {
            assert!(
                has_words(sign)
                    || *sign == Sign::NoFailure
                    || *sign == Sign::Transfer
                    || *sign == Sign::Refused,
                "{sign:?}"
            );
        }
    }
}

/// A failure has one name.
#[test]
fn a_failure_shows_no_sign_of_another_one() {
    let table = plainly();
    let kinds = table.iter().filter_map(|(sign, seen, _)| {
        let bare = seen
            .failure
            .as_ref()
            .filter(|failure| failure.verb.is_none())?;
        (*sign != Sign::EndedBeforeGreeting).then_some((*sign, bare.kind))
    });
    let kinds: Vec<_> = kinds.collect();
    for (sign, kind) in &kinds {
        for (other, _) in &kinds {
            assert_eq!(
                failed(*kind).shows(*other),
                sign == other,
                "{other:?} in {kind:?}"
            );
        }
    }
    for (sign, kind) in [
        (Sign::ControlLost, FailureKind::TimedOut(Timer::Stall)),
        (Sign::GreetingLate, FailureKind::TimedOut(Timer::Reply)),
        (
            Sign::HandshakeLate,
            FailureKind::TimedOut(Timer::DataHandshake),
        ),
        (Sign::NoFailure, FailureKind::Refused),
        (Sign::Refused, FailureKind::LoginRefused),
    ] {
        assert!(!failed(kind).shows(sign), "{sign:?} in {kind:?}");
    }
}

/// A fault of TLS has one sign on each connection, and none on the other one.
#[test]
fn a_fault_of_tls_is_told_from_the_others_and_belongs_to_its_connection() {
    let control = [
        Sign::CutAtHello,
        Sign::CutInHandshake,
        Sign::NotTls,
        Sign::NothingInCommon,
        Sign::CertificateFault,
        Sign::ClientCertificateWanted,
        Sign::OtherAlert,
    ];
    let data = [
        Sign::DataTlsCut,
        Sign::DataNotTls,
        Sign::DataCertificateFault,
    ];
    let table = plainly();
    for (sign, seen, _) in table.iter().filter(|(sign, ..)| control.contains(sign)) {
        for other in control {
            assert_eq!(seen.shows(other), other == *sign, "{other:?} in {seen:?}");
        }
        let fault = seen.evidence.control.handshake.unwrap().unwrap_err();
        for other in control {
            assert!(!on_data(fault).shows(other), "{other:?}");
        }
        for other in data {
            assert!(!seen.shows(other), "{other:?} in {seen:?}");
            let same = match sign {
                Sign::CutAtHello | Sign::CutInHandshake => Sign::DataTlsCut,
                Sign::NotTls => Sign::DataNotTls,
                Sign::CertificateFault => Sign::DataCertificateFault,
                _ => Sign::NoFailure,
            };
            assert_eq!(
                on_data(fault).shows(other),
                other == same,
                "{other:?} of {fault}"
            );
        }
        assert!(!seen.shows(Sign::Secure));
    }
}

/// TCP has no other end in order; under TLS it may be anybody's.
#[test]
fn in_clear_a_fin_is_an_end_in_order() {
    assert!(ended(DataEnd::Fin, false).shows(Sign::CleanEnd));
}
