//! Every sign: what it is seen in, what only looks like it, and how it is told.

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

/// A sign, where it is seen, and how it is told.
fn plainly() -> Vec<(Sign, Seen, String)> {
    let no = refused(Verb::Retr, 550);
    let in_words = |sign, seen, words: &str| (sign, seen, String::from(words));
    let mut table = alloc::vec![
        in_words(Sign::NoFailure, Seen::default(), ""),
        in_words(
            Sign::Code(&[450, 550]),
            Seen::default().and(no.clone()),
            "the server said 550 no"
        ),
        in_words(
            Sign::Says(&["yes", "NO"]),
            Seen::default().and(no.clone()),
            "the server said 550 no"
        ),
        in_words(
            Sign::Verb(&[Verb::Stor, Verb::Retr]),
            Seen::default().and(no.clone()),
            "it happened to RETR"
        ),
        in_words(Sign::Transfer, Seen::default().and(no.clone()), ""),
        in_words(Sign::Refused, Seen::default().and(no), ""),
        in_words(
            Sign::First(FirstBytes::Ssh),
            came_first(b"SSH-2.0-x\r\nmore"),
            "the first bytes look like Secure Shell (SSH): SSH-2.0-x"
        ),
        in_words(
            Sign::InsteadOfTls(FirstBytes::FtpReply),
            came_instead(b"220 hi\r\n"),
            "in place of TLS came a clear FTP reply: 220 hi"
        ),
        in_words(
            Sign::Implicit,
            seen(|evidence| evidence.control.implicit = true),
            "TLS was started at once"
        ),
        in_words(Sign::NothingCame, Seen::default(), "not a single byte came"),
        in_words(
            Sign::SlowGreeting,
            greeted_after(7999),
            "the greeting took 7 s"
        ),
        in_words(
            Sign::SlowPassword,
            let_in_after(6000),
            "the answer to the password took 6 s"
        ),
        in_words(
            Sign::AuthAccepted,
            answered(&[504, 234]),
            "AUTH was accepted"
        ),
        in_words(
            Sign::AuthAnswered(&[530]),
            answered(&[530, 504]),
            "AUTH was answered with 530"
        ),
        in_words(
            Sign::AuthAnswered(&[504, 534]),
            answered(&[502, 534]),
            "AUTH was answered with 534"
        ),
        in_words(
            Sign::Secure,
            seen(|evidence| evidence.control.handshake = handshake(TlsVersion::Tls13, false)),
            "the control connection is under TLS"
        ),
        in_words(
            Sign::AfterSilence,
            seen(|evidence| evidence.control.waited = Duration::from_secs(60)),
            "it came after 60 s of silence"
        ),
        in_words(
            Sign::SilentBeforeEnd,
            seen(|evidence| {
                evidence.control.last_heard = at(5000);
                evidence.control.ended = Some(at(125_000));
            }),
            "the control connection was silent for 120 s"
        ),
        in_words(
            Sign::BeyondAscii,
            seen(|evidence| evidence.control.last_beyond_ascii = true),
            "the name holds bytes beyond ASCII"
        ),
        in_words(
            Sign::NoUtf8,
            seen(|evidence| evidence.control.features = Some(FeatureSet::default())),
            "the server does not list UTF8"
        ),
        in_words(
            Sign::LongSession,
            seen(|evidence| evidence.control.ended = Some(at(3_600_000))),
            "the session lasted more than an hour"
        ),
        in_words(
            Sign::Passive,
            in_data(|data| data.mode = Some(DataMode::Epsv)),
            "we connect to the server (passive)"
        ),
        in_words(
            Sign::Active,
            in_data(|data| data.mode = Some(DataMode::Port)),
            "the server connects to us (active)"
        ),
        in_words(
            Sign::DataTimedOut,
            in_data(|data| data.open_fault = Some(Fault::TimedOut)),
            "the data connection did not come up in time"
        ),
        in_words(
            Sign::DataPortRefused,
            in_data(|data| {
                data.port = 50_321;
                data.open_fault = Some(Fault::Refused);
            }),
            "the connection to port 50321 was refused"
        ),
        in_words(
            Sign::SetUpRefused(&[425, 501]),
            in_data(|data| data.refused = Some(number(501))),
            "setting up was refused with 501"
        ),
        in_words(
            Sign::DataConnected,
            from_connected(|_| {}),
            "the data connection was up"
        ),
        in_words(
            Sign::AdvertisedPrivate,
            advertised(PRIVATE, PUBLIC),
            "the server advertised 10.0.0.7"
        ),
        in_words(
            Sign::AdvertisedPublic,
            advertised(PUBLIC, PRIVATE),
            "the server advertised 192.0.2.1"
        ),
        in_words(
            Sign::Followed,
            in_data(|data| data.followed = true),
            "that address was connected to, as the policy allows"
        ),
        in_words(
            Sign::DataProtected,
            in_data(|data| data.protected = true),
            "the data connection was to be under TLS"
        ),
        in_words(
            Sign::DataClear,
            in_data(|data| data.mode = Some(DataMode::Pasv)),
            "the data connection was in clear text"
        ),
        in_words(
            Sign::NotResumed,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls13, false)),
            "its TLS session was a new one"
        ),
        in_words(
            Sign::DataTlsCut,
            on_data(TlsFault::ClosedInHandshake),
            "its handshake was cut"
        ),
        in_words(
            Sign::DataNotTls,
            on_data(TlsFault::NotTls),
            "what came on it was not TLS"
        ),
        in_words(
            Sign::DataTls12,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls12, true)),
            "it uses TLS 1.2"
        ),
        in_words(
            Sign::NoTickets,
            Seen::default(),
            "nothing was left to resume from"
        ),
        in_words(
            Sign::Announced,
            in_data(|data| data.announced = Some(at(1))),
            "the server announced the transfer"
        ),
        in_words(
            Sign::NothingMoved,
            from_connected(|_| {}),
            "no payload moved"
        ),
        in_words(
            Sign::Stalled,
            in_data(|data| data.expired = Some(Timer::Stall)),
            "the data connection stood still"
        ),
        in_words(
            Sign::Unanswered,
            unanswered(),
            "the server said nothing about the transfer"
        ),
        in_words(
            Sign::NeverMoved,
            from_connected(|data| data.expired = Some(Timer::Stall)),
            "the data connection stood still before any payload moved"
        ),
        in_words(
            Sign::CleanEnd,
            ended(DataEnd::CloseNotify, true),
            "the data ended in order"
        ),
        in_words(
            Sign::Short,
            moved(9, Some(10), false),
            "fewer bytes moved than expected"
        ),
        in_words(
            Sign::NoCloseNotify,
            ended(DataEnd::Fin, true),
            "the data ended without close_notify"
        ),
        in_words(
            Sign::DataBroken,
            ended(RESET, false),
            "the data connection broke"
        ),
        in_words(
            Sign::Sending,
            in_data(|data| data.direction = Some(Direction::Send)),
            "payload went to the server"
        ),
        in_words(
            Sign::Receiving,
            in_data(|data| data.direction = Some(Direction::Receive)),
            "payload came from the server"
        ),
        in_words(
            Sign::AsciiSizeDiffers,
            moved(11, Some(10), true),
            "line ends were converted (TYPE A)"
        ),
        in_words(
            Sign::EmptyListing,
            listed(Verb::List, 226, 0),
            "the listing ended well and was empty"
        ),
        in_words(
            Sign::Much,
            moved(1 << 30, None, false),
            "more than a gigabyte moved"
        ),
        in_words(
            Sign::PassiveFallback,
            fell_back(DataMode::Epsv, DataMode::Pasv),
            "one passive command failed and the other was tried"
        ),
        in_words(
            Sign::ActiveFallback,
            fell_back(DataMode::Eprt, DataMode::Epsv),
            "an active mode was tried and given up"
        ),
        in_words(
            Sign::OnlyListingsWorked,
            whole(1, 0),
            "listings worked in this session and files did not"
        ),
        in_words(
            Sign::WorkedBefore,
            whole(0, 1),
            "an earlier transfer worked"
        ),
        in_words(
            Sign::EndedBeforeGreeting,
            seen(|evidence| evidence.control.ended_in = Some(Phase::Greeting))
                .and(Failure::new(FailureKind::ControlClosed, None)),
            "the connection ended before any greeting"
        ),
    ];
    // What the failure itself is called.
    for (sign, kind, words) in [
        (
            Sign::GreetingRefused,
            FailureKind::GreetingRefused,
            "the greeting refuses service",
        ),
        (
            Sign::LoginRefused,
            FailureKind::LoginRefused,
            "the login was refused",
        ),
        (
            Sign::SecurityRefused,
            FailureKind::SecurityRefused,
            "every AUTH method was refused",
        ),
        (
            Sign::ServiceClosing,
            FailureKind::ServiceClosing,
            "the server closed the session",
        ),
        (
            Sign::AccountWanted,
            FailureKind::AccountNeeded,
            "the server asked for an account",
        ),
        (
            Sign::Injected,
            FailureKind::Injected,
            "clear-text bytes came behind the reply that starts TLS",
        ),
        (
            Sign::ReuseRequired,
            FailureKind::SessionReuseRequired,
            "the server took no data connection that resumed nothing",
        ),
        (
            Sign::OutOfStep,
            FailureKind::UnexpectedReply,
            "a reply does not fit the command",
        ),
        (
            Sign::OutOfStep,
            FailureKind::Desynchronised,
            "a reply does not fit the command",
        ),
        (
            Sign::RestartRefused,
            FailureKind::RestartRefused,
            "REST was refused",
        ),
        (
            Sign::ControlLost,
            FailureKind::ControlClosed,
            "the control connection gave no more replies",
        ),
        (
            Sign::ControlLost,
            FailureKind::ControlBroken(Fault::Reset),
            "the control connection gave no more replies",
        ),
        (
            Sign::ControlLost,
            FailureKind::Unconfirmed { bytes: 1 },
            "the control connection gave no more replies",
        ),
        (
            Sign::ControlLost,
            FailureKind::TimedOut(Timer::Reply),
            "the control connection gave no more replies",
        ),
        (
            Sign::Truncated,
            FailureKind::Truncated {
                bytes: 1,
                expected: None,
            },
            "fewer bytes came than announced, or their end is missing",
        ),
        (
            Sign::TransferFailed,
            FailureKind::TransferFailed { bytes: 1 },
            "",
        ),
        (
            Sign::GreetingLate,
            FailureKind::TimedOut(Timer::Greeting),
            "the greeting did not come in time",
        ),
        (
            Sign::HandshakeLate,
            FailureKind::TimedOut(Timer::Handshake),
            "the handshake got no answer in time",
        ),
    ] {
        table.push(in_words(sign, failed(kind), words));
    }
    // What became of TLS on the control connection.
    let cut = "the connection was cut before the server said anything in TLS";
    for (sign, faults, words) in [
        (
            Sign::CutAtHello,
            &[TlsFault::ClosedAtHello, TlsFault::Reset][..],
            Some(cut),
        ),
        (
            Sign::CutInHandshake,
            &[TlsFault::ClosedInHandshake],
            Some("the connection was closed in mid-handshake"),
        ),
        (
            Sign::NotTls,
            &[TlsFault::NotTls],
            Some("what came was not TLS"),
        ),
        (
            Sign::NothingInCommon,
            &[
                TlsFault::Version,
                TlsFault::NoCommonCipher,
                TlsFault::Alert(40),
                TlsFault::Alert(70),
                TlsFault::Alert(71),
                TlsFault::Alert(86),
            ],
            None,
        ),
        (Sign::CertificateFault, &CERTIFICATES, None),
        (
            Sign::ClientCertificateWanted,
            &[TlsFault::ClientCertificate, TlsFault::Alert(116)],
            None,
        ),
        (
            Sign::OtherAlert,
            &[TlsFault::Alert(0), TlsFault::Alert(80)],
            None,
        ),
    ] {
        for fault in faults {
            let words = words.map_or_else(|| fault.to_string(), String::from);
            table.push((sign, on_control(*fault), words));
        }
    }
    for fault in CERTIFICATES {
        let words = alloc::format!("on the data connection {fault}");
        table.push((Sign::DataCertificateFault, on_data(fault), words));
    }
    table
}

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

/// What comes close to each sign, and is not it.
#[test]
fn what_only_looks_like_a_sign_is_none() {
    let refused_file = refused(Verb::Retr, 550);
    for (sign, seen) in [
        (
            Sign::Code(&[450]),
            Seen::default().and(refused_file.clone()),
        ),
        (Sign::Code(&[550]), failed(FailureKind::Refused)),
        (
            Sign::Verb(&[Verb::Stor]),
            Seen::default().and(refused_file.clone()),
        ),
        (Sign::Verb(&[Verb::Stor]), failed(FailureKind::Refused)),
        (
            Sign::Says(&["nothing"]),
            Seen::default().and(refused_file.clone()),
        ),
        (Sign::Says(&["no"]), failed(FailureKind::Refused)),
        (
            Sign::Transfer,
            Seen::default().and(refused(Verb::Dele, 550)),
        ),
        (Sign::NothingCame, came_first(b"2")),
        (Sign::First(FirstBytes::Silence), Seen::default()),
        (Sign::First(FirstBytes::Smtp), came_first(b"SSH-2.0-x\r\n")),
        (Sign::InsteadOfTls(FirstBytes::Silence), Seen::default()),
        (
            Sign::InsteadOfTls(FirstBytes::Ssh),
            came_instead(b"220 hi\r\n"),
        ),
        // A greeting, and a reply to the password, that a person waits for.
        (Sign::SlowGreeting, greeted_after(4999)),
        (Sign::SlowPassword, let_in_after(4999)),
        (Sign::SlowGreeting, Seen::default()),
        (Sign::SlowPassword, Seen::default()),
        (Sign::AuthAccepted, answered(&[200, 530])),
        (Sign::AuthAnswered(&[530]), answered(&[504, 534])),
        (
            Sign::AfterSilence,
            seen(|evidence| evidence.control.waited = Duration::from_millis(59_999)),
        ),
        (
            Sign::SilentBeforeEnd,
            seen(|evidence| {
                evidence.control.last_heard = at(5000);
                evidence.control.ended = Some(at(124_999));
            }),
        ),
        // It has not ended.
        (
            Sign::SilentBeforeEnd,
            seen(|evidence| evidence.control.last_heard = at(5000)),
        ),
        (Sign::BeyondAscii, Seen::default()),
        // FEAT was not asked.
        (Sign::NoUtf8, Seen::default()),
        (
            Sign::NoUtf8,
            seen(|evidence| {
                let mut features = FeatureSet::default();
                features.insert(Known::Utf8);
                evidence.control.features = Some(features);
            }),
        ),
        (
            Sign::LongSession,
            seen(|evidence| evidence.control.ended = Some(at(3_599_999))),
        ),
        (
            Sign::EndedBeforeGreeting,
            seen(|evidence| evidence.control.ended_in = Some(Phase::Login))
                .and(Failure::new(FailureKind::ControlClosed, None)),
        ),
        (
            Sign::EndedBeforeGreeting,
            seen(|evidence| evidence.control.ended_in = Some(Phase::Greeting))
                .and(Failure::new(FailureKind::GreetingRefused, None)),
        ),
        (Sign::Passive, Seen::default()),
        (Sign::Active, Seen::default()),
        (
            Sign::Passive,
            in_data(|data| data.mode = Some(DataMode::Eprt)),
        ),
        (
            Sign::Active,
            in_data(|data| data.mode = Some(DataMode::Pasv)),
        ),
        (Sign::DataClear, Seen::default()),
        (
            Sign::DataClear,
            in_data(|data| {
                data.mode = Some(DataMode::Pasv);
                data.protected = true;
            }),
        ),
        (
            Sign::SetUpRefused(&[425]),
            in_data(|data| data.refused = Some(number(501))),
        ),
        (
            Sign::NotResumed,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls13, true)),
        ),
        (
            Sign::DataTls12,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls13, true)),
        ),
        (
            Sign::NoTickets,
            in_data(|data| data.tickets = Tickets::Left(1)),
        ),
        (Sign::NothingMoved, Seen::default()),
        (Sign::NothingMoved, from_connected(|data| data.bytes = 1)),
        (
            Sign::Stalled,
            in_data(|data| data.expired = Some(Timer::Drain)),
        ),
        (Sign::NeverMoved, from_connected(|_| {})),
        (
            Sign::NeverMoved,
            from_connected(|data| {
                data.bytes = 1;
                data.expired = Some(Timer::Stall);
            }),
        ),
        // Under TLS an end without close_notify may be anybody's.
        (Sign::CleanEnd, ended(DataEnd::Fin, true)),
        (Sign::CleanEnd, ended(RESET, true)),
        (Sign::CleanEnd, Seen::default()),
        (Sign::NoCloseNotify, ended(DataEnd::Fin, false)),
        (Sign::NoCloseNotify, ended(DataEnd::CloseNotify, true)),
        (Sign::DataBroken, ended(DataEnd::Local, true)),
        (Sign::DataBroken, ended(DataEnd::Fin, true)),
        (Sign::Short, moved(10, Some(10), false)),
        (Sign::Short, moved(10, None, false)),
        (Sign::Short, moved(9, Some(10), true)),
        (Sign::AsciiSizeDiffers, moved(10, Some(10), true)),
        (Sign::AsciiSizeDiffers, moved(9, Some(10), false)),
        (Sign::AsciiSizeDiffers, moved(9, None, true)),
        (Sign::Much, moved((1 << 30) - 1, None, false)),
        (
            Sign::Sending,
            in_data(|data| data.direction = Some(Direction::Receive)),
        ),
        (
            Sign::Receiving,
            in_data(|data| data.direction = Some(Direction::Send)),
        ),
        (Sign::EmptyListing, listed(Verb::Retr, 226, 0)),
        (Sign::EmptyListing, listed(Verb::List, 226, 1)),
        (Sign::EmptyListing, listed(Verb::List, 425, 0)),
        (
            Sign::PassiveFallback,
            fell_back(DataMode::Epsv, DataMode::Port),
        ),
        (
            Sign::PassiveFallback,
            fell_back(DataMode::Port, DataMode::Epsv),
        ),
        (Sign::PassiveFallback, Seen::default()),
        (
            Sign::ActiveFallback,
            fell_back(DataMode::Epsv, DataMode::Port),
        ),
        (Sign::ActiveFallback, Seen::default()),
        (Sign::OnlyListingsWorked, whole(1, 1)),
        (Sign::OnlyListingsWorked, whole(0, 0)),
        (Sign::WorkedBefore, whole(0, 0)),
        // Addresses that are the peer's own, and such as mean the same everywhere or nowhere.
        (Sign::AdvertisedPrivate, advertised(PRIVATE, PRIVATE)),
        (Sign::AdvertisedPrivate, advertised(PRIVATE, "10.0.0.8")),
        (Sign::AdvertisedPrivate, advertised("192.0.2.2", PUBLIC)),
        (
            Sign::AdvertisedPrivate,
            in_data(|data| data.advertised = ip(PRIVATE)),
        ),
        (Sign::AdvertisedPublic, advertised(PUBLIC, PUBLIC)),
        (
            Sign::AdvertisedPublic,
            advertised(PUBLIC, "::ffff:192.0.2.1"),
        ),
        (Sign::AdvertisedPublic, advertised("10.0.0.8", PRIVATE)),
        (Sign::AdvertisedPublic, advertised("192.0.2.2", PUBLIC)),
        (
            Sign::AdvertisedPublic,
            in_data(|data| data.advertised = ip(PUBLIC)),
        ),
    ] {
        assert!(!seen.shows(sign), "{sign:?} in {seen:?}");
    }
}

#[test]
fn a_pause_is_one_from_its_first_moment_on() {
    assert!(greeted_after(5000).shows(Sign::SlowGreeting));
    assert!(let_in_after(5000).shows(Sign::SlowPassword));
}

/// A session is as long as the last thing that happened in it is late.
#[test]
fn the_length_of_a_session_is_known_while_it_lasts_too() {
    let hour = 3_600_000;
    let so_far = |heard, ended, data_ended: Option<u64>| {
        seen(|evidence| {
            evidence.control.started = at(1000);
            evidence.control.last_heard = at(heard);
            evidence.control.ended = ended;
            evidence.data.ended = data_ended.map(|time| (RESET, at(time)));
        })
        .shows(Sign::LongSession)
    };
    assert!(so_far(1000 + hour, None, None));
    assert!(so_far(1000, None, Some(1000 + hour)));
    assert!(so_far(1000 + hour, None, Some(2000)));
    assert!(!so_far(hour, None, Some(hour)));
    // What counts of an end is when it was.
    assert!(!so_far(1000 + hour, Some(at(2000)), None));
}

/// A data connection that nobody saw fail did not come up if the server lost patience over it.
#[test]
fn a_data_connection_that_does_not_come_up_is_told_in_several_ways() {
    for fault in [Fault::TimedOut, Fault::Unreachable] {
        assert!(in_data(|data| data.open_fault = Some(fault)).shows(Sign::DataTimedOut));
    }
    let kind = FailureKind::DataOpen(Fault::TimedOut);
    assert!(failed(kind).shows(Sign::DataTimedOut));
    assert!(!failed(FailureKind::DataOpen(Fault::Refused)).shows(Sign::DataTimedOut));
    for code in [421, 425, 426] {
        assert!(
            gave_up_after(5000, code).shows(Sign::DataTimedOut),
            "{code}"
        );
        assert!(
            !gave_up_after(4999, code).shows(Sign::DataTimedOut),
            "{code}"
        );
    }
    assert!(!gave_up_after(5000, 226).shows(Sign::DataTimedOut));
    assert!(!Seen::default().shows(Sign::DataTimedOut));
    // It came up; it was refused in so many words; its end is known otherwise.
    for change in [
        (|data: &mut DataEvidence| data.connected = Some(at(1))) as fn(&mut DataEvidence),
        |data| data.refused = Some(number(425)),
        |data| data.open_fault = Some(Fault::Reset),
    ] {
        let mut seen = gave_up_after(60_000, 425);
        change(&mut seen.evidence.data);
        assert!(!seen.shows(Sign::DataTimedOut), "{seen:?}");
    }
}

#[test]
fn a_port_is_refused_by_a_refusal_or_a_reset_of_the_connection() {
    for (fault, shown) in [
        (Fault::Refused, true),
        (Fault::Reset, true),
        (Fault::TimedOut, false),
        (Fault::Unreachable, false),
    ] {
        let seen = in_data(|data| data.open_fault = Some(fault));
        assert_eq!(seen.shows(Sign::DataPortRefused), shown, "{fault}");
    }
    let seen = in_data(|data| {
        data.open_fault = Some(Fault::Refused);
        data.refused = Some(number(425));
    });
    assert!(!seen.shows(Sign::DataPortRefused));
}

/// RFC 959 section 4.2: x5z is the file system. A server that refuses the file closes what it had opened for it.
#[test]
fn what_a_refused_file_does_to_its_data_connection_means_nothing() {
    let closed = in_data(|data| data.open_fault = Some(Fault::Refused));
    let cut = on_data(TlsFault::ClosedAtHello);
    for (kind, code, means) in [
        (FailureKind::Refused, 550, false),
        (FailureKind::Refused, 553, false),
        // Not for good, not about the file, not a refusal.
        (FailureKind::Refused, 450, true),
        (FailureKind::Refused, 522, true),
        (FailureKind::TransferFailed { bytes: 0 }, 550, true),
    ] {
        let failure = told(kind, Verb::Retr, code, "no");
        let (closed, cut) = (
            closed.clone().and(failure.clone()),
            cut.clone().and(failure),
        );
        assert_eq!(
            closed.shows(Sign::DataPortRefused),
            means,
            "{kind:?} {code}"
        );
        assert_eq!(cut.shows(Sign::DataTlsCut), means, "{kind:?} {code}");
    }
}

/// A command that has nothing to do with data connections says nothing about the latest one.
#[test]
fn a_refusal_is_about_the_data_connection_only_if_its_command_is() {
    let seen = |verb, kind| {
        let failure = told(kind, verb, 501, "no");
        from_connected(|_| {})
            .and(failure)
            .shows(Sign::DataConnected)
    };
    for verb in [
        Verb::Retr,
        Verb::Stor,
        Verb::List,
        Verb::Epsv,
        Verb::Port,
        Verb::Allo,
        Verb::Rest,
        Verb::Type,
    ] {
        assert!(seen(verb, FailureKind::Refused), "{verb:?}");
    }
    for verb in [Verb::Mkd, Verb::Dele, Verb::Size, Verb::Cwd] {
        assert!(!seen(verb, FailureKind::Refused), "{verb:?}");
        assert!(seen(verb, FailureKind::Desynchronised), "{verb:?}");
    }
    let nobody = Failure::new(FailureKind::Refused, None);
    assert!(
        from_connected(|_| {})
            .and(nobody)
            .shows(Sign::DataConnected)
    );
}

#[test]
fn a_transfer_is_told_by_its_command_or_by_what_only_transfers_fail_of() {
    for kind in [
        FailureKind::DataTls(TlsFault::Reset),
        FailureKind::SessionReuseRequired,
    ] {
        assert!(failed(kind).shows(Sign::Transfer), "{kind:?}");
    }
    assert!(!failed(FailureKind::ControlTls(TlsFault::Reset)).shows(Sign::Transfer));
}

/// The server is silent about a transfer only if it was asked for, its data connection was up, and nothing at all was heard.
#[test]
fn silence_about_a_transfer_is_silence() {
    for change in [
        (|data: &mut DataEvidence| data.connected = None) as fn(&mut DataEvidence),
        |data| data.announced = Some(at(2)),
        |data| data.final_reply = Some((number(226), at(2))),
        |data| data.ended = Some((DataEnd::Fin, at(2))),
    ] {
        let mut seen = unanswered();
        change(&mut seen.evidence.data);
        assert!(!seen.shows(Sign::Unanswered), "{seen:?}");
    }
    let late = FailureKind::TimedOut(Timer::Reply);
    let other_verb = Failure::new(late, Some(Verb::Noop));
    let other_timer = Failure::new(FailureKind::TimedOut(Timer::Stall), Some(Verb::List));
    for failure in [other_verb, other_timer] {
        assert!(!unanswered().and(failure).shows(Sign::Unanswered));
    }
}

#[test]
fn a_listing_is_empty_by_a_completion_or_by_a_refusal_that_servers_give_for_it() {
    for verb in [Verb::List, Verb::Nlst, Verb::Mlsd] {
        for (code, shown) in [
            (226, true),
            (250, true),
            (450, true),
            (550, true),
            (426, false),
            (530, false),
        ] {
            assert_eq!(
                listed(verb, code, 0).shows(Sign::EmptyListing),
                shown,
                "{code}"
            );
        }
    }
    assert!(!in_data(|data| data.verb = Some(Verb::List)).shows(Sign::EmptyListing));
}

#[test]
fn one_transfer_is_enough_to_have_worked() {
    for (listings, files) in [(1, 0), (0, 1), (2, 3)] {
        assert!(whole(listings, files).shows(Sign::WorkedBefore));
    }
}

#[test]
fn private_addresses() {
    for (address, private) in [
        ("10.1.2.3", true),
        ("172.16.0.1", true),
        ("172.32.0.1", false),
        ("192.168.255.1", true),
        ("100.64.0.1", true),
        ("100.127.255.1", true),
        ("100.128.0.1", false),
        ("101.64.0.1", false),
        ("169.254.1.1", true),
        ("127.0.0.9", true),
        ("0.0.0.0", true),
        ("192.0.2.1", false),
        ("8.8.8.8", false),
        ("fd00::1", true),
        ("fc00::1", true),
        ("fe00::1", false),
        ("fe80::1", true),
        ("febf::1", true),
        ("fec0::1", false),
        ("::1", true),
        ("::", true),
        ("2001:db8::1", false),
        ("::ffff:10.0.0.1", true),
    ] {
        assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
    }
}

#[test]
fn words_in_any_case_and_anywhere() {
    assert!(says(
        b"Non-anonymous sessions must use ENCRYPTION.",
        "encryption"
    ));
    assert!(!says(b"enc", "encryption"));
    assert!(!says(b"", "a"));
}
