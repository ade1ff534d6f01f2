//! Signs: what can be seen in the evidence. Each is one question with one answer.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use super::Evidence;
use super::evidence::{DataEvidence, Phase};
use crate::client::DataMode;
use crate::error::{Failure, FailureKind};
use crate::order::{DataEnd, Direction, Fault, Tickets, TlsFault, TlsVersion};
use crate::time::Timer;
use crate::wire::command::Verb;
use crate::wire::features::Known;
use crate::wire::first_bytes::{FirstBytes, classify_first_bytes};
use crate::wire::reply::{Class, Code, Escaped, Subject};

/// A silence after which devices on the way and servers begin to forget connections.
const LONG_SILENCE: Duration = Duration::from_secs(60);

/// A pause that a person notices.
const PAUSE: Duration = Duration::from_secs(5);

/// A TLS session that is old enough to be renegotiated.
const LONG_SESSION: Duration = Duration::from_secs(3600);

/// Payload after which some servers renegotiate, in bytes.
const MUCH: u64 = 1 << 30;

/// What can be seen in the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sign {
    // ---- the failure
    /// No request failed.
    NoFailure,
    /// The reply has one of these codes.
    Code(&'static [u16]),
    /// The failure happened to one of these commands.
    Verb(&'static [Verb]),
    /// The failure happened to a transfer.
    Transfer,
    /// The reply says one of these words, in any case.
    Says(&'static [&'static str]),
    /// The server refused the command.
    Refused,
    /// The server refused service in its greeting.
    GreetingRefused,
    /// The server refused the login.
    LoginRefused,
    /// Every AUTH method was refused.
    SecurityRefused,
    /// The server closes the session.
    ServiceClosing,
    /// An account is wanted.
    AccountWanted,
    /// Bytes came behind the reply that switches protection.
    Injected,
    /// The server wants data connections to resume the TLS session.
    ReuseRequired,
    /// A reply that its command cannot have, or that has no command.
    OutOfStep,
    /// The restart point was refused.
    RestartRefused,
    /// The control connection was lost, or nothing came on it any more.
    ControlLost,
    /// The transfer is not whole.
    Truncated,
    /// The transfer broke off.
    TransferFailed,

    // ---- the control connection
    /// TLS was to start at once.
    Implicit,
    /// The greeting did not come in time.
    GreetingLate,
    /// Not a single byte came.
    NothingCame,
    /// The session ended before the greeting.
    EndedBeforeGreeting,
    /// The greeting took seconds.
    SlowGreeting,
    /// The answer to the password took seconds.
    SlowPassword,
    /// What came first looks like this.
    First(FirstBytes),
    /// What came where TLS was expected looks like this.
    InsteadOfTls(FirstBytes),
    /// An AUTH command was accepted.
    AuthAccepted,
    /// An AUTH command was answered with one of these codes.
    AuthAnswered(&'static [u16]),
    /// The control connection is, or was, under TLS.
    Secure,
    /// TLS ended before the server said anything.
    CutAtHello,
    /// TLS ended in mid-handshake.
    CutInHandshake,
    /// What came was not TLS.
    NotTls,
    /// The handshake got no answer in time.
    HandshakeLate,
    /// No version, cipher or key in common.
    NothingInCommon,
    /// The certificate cannot be accepted.
    CertificateFault,
    /// A certificate of ours is wanted.
    ClientCertificateWanted,
    /// Another alert.
    OtherAlert,
    /// The latest reply came after a long silence.
    AfterSilence,
    /// The control connection was silent for long before its end.
    SilentBeforeEnd,
    /// The latest command held bytes beyond ASCII.
    BeyondAscii,
    /// FEAT does not list UTF8.
    NoUtf8,
    /// The session has lasted an hour.
    LongSession,

    // ---- data connections
    /// The latest one is passive.
    Passive,
    /// The latest one is active.
    Active,
    /// It could not be set up in time.
    DataTimedOut,
    /// The connection to the server's port was refused or reset.
    DataPortRefused,
    /// The server refused to set it up with one of these codes.
    SetUpRefused(&'static [u16]),
    /// TCP was up.
    DataConnected,
    /// The server advertised a private address and is not there itself.
    AdvertisedPrivate,
    /// The server is at a private address and advertised a public one.
    AdvertisedPublic,
    /// The advertised address was connected to.
    Followed,
    /// It was to be under TLS.
    DataProtected,
    /// It was to be in clear text.
    DataClear,
    /// Its handshake did not resume a session.
    NotResumed,
    /// Its handshake was cut.
    DataTlsCut,
    /// What came was not TLS.
    DataNotTls,
    /// Its certificate cannot be accepted.
    DataCertificateFault,
    /// It uses TLS 1.2.
    DataTls12,
    /// There were no tickets left.
    NoTickets,
    /// The server announced the transfer.
    Announced,
    /// No payload moved.
    NothingMoved,
    /// Nothing moved in time, in the handshake or behind it.
    Stalled,
    /// The data connection was up, and the server never said anything about the transfer.
    Unanswered,
    /// Nothing moved in time, and nothing had moved before.
    NeverMoved,
    /// It ended in order.
    CleanEnd,
    /// Fewer bytes moved than were expected.
    Short,
    /// It ended without close_notify, under TLS.
    NoCloseNotify,
    /// It broke.
    DataBroken,
    /// Payload went to the server.
    Sending,
    /// Payload came from the server.
    Receiving,
    /// Line ends were converted and the size is not the one expected.
    AsciiSizeDiffers,
    /// A listing ended well and was empty.
    EmptyListing,
    /// A gigabyte was moved.
    Much,
    /// EPSV was given up for PASV, or the other way round.
    PassiveFallback,
    /// An active mode was given up.
    ActiveFallback,
    /// Listings worked in this session, and no file did.
    OnlyListingsWorked,
    /// A transfer worked before in this session.
    WorkedBefore,
}

/// The evidence and the failure, as signs ask about them.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    evidence: &'a Evidence,
    failure: Option<&'a Failure>,
    data: DataEvidence,
}

impl<'a> Facts<'a> {
    pub(super) fn new(evidence: &'a Evidence, failure: Option<&'a Failure>) -> Self {
        // What a command that has nothing to do with data connections was answered has nothing to do with the latest one.
        let other = failure.is_some_and(|failure| {
            failure.kind == FailureKind::Refused
                && failure.verb.is_some_and(|verb| {
                    verb.moves_data().is_none()
                        && !verb.sets_up_data()
                        && !matches!(verb, Verb::Allo | Verb::Rest | Verb::Type)
                })
        });
        let data = if other {
            DataEvidence::default()
        } else {
            evidence.data
        };
        Facts {
            evidence,
            failure,
            data,
        }
    }

    fn kind(&self) -> Option<FailureKind> {
        self.failure.map(|failure| failure.kind)
    }

    /// The code of the failure's reply; of a transfer that broke otherwise, the final reply to it.
    fn code(&self) -> Option<Code> {
        self.failure?.code
    }

    /// The server has said no to the file itself (RFC 959 section 4.2: x5z). It closes the data connection or its port then, which may be seen
    /// before the reply is read and means nothing.
    fn refuses_the_file(&self) -> bool {
        self.failure.is_some_and(|failure| {
            failure.kind == FailureKind::Refused
                && failure.code.is_some_and(|code| {
                    code.class() == Class::PermanentNegative
                        && code.subject() == Subject::FileSystem
                })
        })
    }

    fn text(&self) -> &'a [u8] {
        self.failure
            .and_then(Failure::reply)
            .map_or(&[][..], |reply| reply.text())
    }

    fn verb(&self) -> Option<Verb> {
        self.failure.and_then(|failure| failure.verb)
    }

    fn data(&self) -> &DataEvidence {
        &self.data
    }

    fn tls_fault(&self) -> Option<TlsFault> {
        self.evidence.control.handshake.and_then(Result::err)
    }

    fn data_tls_fault(&self) -> Option<TlsFault> {
        self.data().handshake.and_then(Result::err)
    }

    fn bytes_instead(&self) -> &'a [u8] {
        self.evidence.control.instead_of_tls.as_bytes()
    }

    fn silence_before_end(&self) -> Option<Duration> {
        let control = &self.evidence.control;
        control.ended.map(|end| end.since(control.last_heard))
    }

    /// The server was the first to lose patience over a data connection that did not come up.
    fn gave_up_waiting(&self) -> bool {
        match (self.data.asked, self.data.final_reply) {
            (Some(asked), Some((code, at))) => {
                matches!(code.value(), 421 | 425 | 426) && at.since(asked) >= PAUSE
            }
            _ => false,
        }
    }

    fn auth_codes(&self) -> impl Iterator<Item = Code> + 'a {
        self.evidence
            .control
            .auth
            .iter()
            .flatten()
            .filter_map(|attempt| attempt.answer.map(|(code, _)| code))
    }

    fn greeting_pause(&self) -> Option<Duration> {
        let control = &self.evidence.control;
        control.greeted.map(|at| at.since(control.started))
    }

    fn password_pause(&self) -> Option<Duration> {
        let control = &self.evidence.control;
        match (control.password_sent, control.password_answer) {
            (Some(sent), Some((_, at))) => Some(at.since(sent)),
            _ => None,
        }
    }
}

impl Sign {
    /// Whether it can be seen.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        use FailureKind as K;
        let control = &facts.evidence.control;
        let data = facts.data();
        let kind = facts.kind();
        let is = |wanted: FailureKind| kind == Some(wanted);
        match *self {
            Sign::NoFailure => kind.is_none(),
            Sign::Code(codes) => facts
                .code()
                .is_some_and(|code| codes.contains(&code.value())),
            Sign::Verb(verbs) => facts.verb().is_some_and(|verb| verbs.contains(&verb)),
            Sign::Transfer => {
                facts.verb().is_some_and(|verb| verb.moves_data().is_some())
                    || matches!(kind, Some(K::DataTls(_) | K::SessionReuseRequired))
            }
            Sign::Says(words) => words.iter().any(|word| says(facts.text(), word)),
            Sign::Refused => is(K::Refused),
            Sign::GreetingRefused => is(K::GreetingRefused),
            Sign::LoginRefused => is(K::LoginRefused),
            Sign::SecurityRefused => is(K::SecurityRefused),
            Sign::ServiceClosing => is(K::ServiceClosing),
            Sign::AccountWanted => is(K::AccountNeeded),
            Sign::Injected => is(K::Injected),
            Sign::ReuseRequired => is(K::SessionReuseRequired),
            Sign::OutOfStep => matches!(kind, Some(K::UnexpectedReply | K::Desynchronised)),
            Sign::RestartRefused => is(K::RestartRefused),
            Sign::ControlLost => matches!(
                kind,
                Some(
                    K::ControlClosed
                        | K::ControlBroken(_)
                        | K::Unconfirmed { .. }
                        | K::TimedOut(Timer::Reply)
                )
            ),
            Sign::Truncated => matches!(kind, Some(K::Truncated { .. })),
            Sign::TransferFailed => matches!(kind, Some(K::TransferFailed { .. })),

            Sign::Implicit => control.implicit,
            Sign::GreetingLate => is(K::TimedOut(Timer::Greeting)),
            Sign::NothingCame => control.bytes_in == 0,
            Sign::EndedBeforeGreeting => {
                control.ended_in == Some(Phase::Greeting)
                    && matches!(kind, Some(K::ControlClosed | K::ControlBroken(_)))
            }
            Sign::SlowGreeting => facts.greeting_pause().is_some_and(|pause| pause >= PAUSE),
            Sign::SlowPassword => facts.password_pause().is_some_and(|pause| pause >= PAUSE),
            Sign::First(looks) => {
                control.bytes_in > 0
                    && classify_first_bytes(control.first_bytes.as_bytes()) == looks
            }
            Sign::InsteadOfTls(looks) => {
                let bytes = facts.bytes_instead();
                !bytes.is_empty() && classify_first_bytes(bytes) == looks
            }
            Sign::AuthAccepted => facts
                .auth_codes()
                .any(|code| matches!(code.value(), 234 | 334)),
            Sign::AuthAnswered(codes) => {
                facts.auth_codes().any(|code| codes.contains(&code.value()))
            }
            Sign::Secure => matches!(control.handshake, Some(Ok(_))),
            Sign::CutAtHello => {
                matches!(
                    facts.tls_fault(),
                    Some(TlsFault::ClosedAtHello | TlsFault::Reset)
                )
            }
            Sign::CutInHandshake => facts.tls_fault() == Some(TlsFault::ClosedInHandshake),
            Sign::NotTls => facts.tls_fault() == Some(TlsFault::NotTls),
            Sign::HandshakeLate => is(K::TimedOut(Timer::Handshake)),
            Sign::NothingInCommon => matches!(
                facts.tls_fault(),
                // handshake_failure, protocol_version, insufficient_security, inappropriate_fallback
                Some(
                    TlsFault::Version
                        | TlsFault::NoCommonCipher
                        | TlsFault::Alert(40 | 70 | 71 | 86)
                )
            ),
            Sign::CertificateFault => facts.tls_fault().is_some_and(is_about_certificates),
            Sign::ClientCertificateWanted => {
                facts.tls_fault() == Some(TlsFault::ClientCertificate)
                    // certificate_required
                    || facts.tls_fault() == Some(TlsFault::Alert(116))
            }
            Sign::OtherAlert => matches!(
                facts.tls_fault(),
                Some(TlsFault::Alert(alert)) if !matches!(alert, 40 | 70 | 71 | 86 | 116)
            ),
            Sign::AfterSilence => control.waited >= LONG_SILENCE,
            Sign::SilentBeforeEnd => facts
                .silence_before_end()
                .is_some_and(|silence| silence >= 2 * LONG_SILENCE),
            Sign::BeyondAscii => control.last_beyond_ascii,
            Sign::NoUtf8 => control
                .features
                .is_some_and(|features| !features.contains(Known::Utf8)),
            Sign::LongSession => {
                let now = control.ended.unwrap_or(control.last_heard);
                let now = data.ended.map_or(now, |(_, at)| at.max(now));
                now.since(control.started) >= LONG_SESSION
            }

            Sign::Passive => data.mode.is_some_and(DataMode::is_passive),
            Sign::Active => data.mode.is_some_and(|mode| !mode.is_passive()),
            Sign::DataTimedOut => {
                data.connected.is_none()
                    && data.refused.is_none()
                    && (data.open_fault == Some(Fault::TimedOut)
                        || data.open_fault == Some(Fault::Unreachable)
                        || is(K::DataOpen(Fault::TimedOut))
                        || data.open_fault.is_none() && facts.gave_up_waiting())
            }
            Sign::DataPortRefused => {
                data.refused.is_none()
                    && !facts.refuses_the_file()
                    && matches!(data.open_fault, Some(Fault::Refused | Fault::Reset))
            }
            Sign::SetUpRefused(codes) => data
                .refused
                .is_some_and(|code| codes.contains(&code.value())),
            Sign::DataConnected => data.connected.is_some(),
            Sign::AdvertisedPrivate => {
                elsewhere(facts).is_some_and(is_private)
                    && control.peer.is_some_and(|peer| !is_private(peer))
            }
            Sign::AdvertisedPublic => {
                elsewhere(facts).is_some_and(|address| !is_private(address))
                    && control.peer.is_some_and(is_private)
            }
            Sign::Followed => data.followed,
            Sign::DataProtected => data.protected,
            Sign::DataClear => data.mode.is_some() && !data.protected,
            Sign::NotResumed => matches!(data.handshake, Some(Ok(facts)) if !facts.resumed),
            Sign::DataTlsCut => {
                !facts.refuses_the_file()
                    && matches!(
                        facts.data_tls_fault(),
                        Some(
                            TlsFault::ClosedAtHello | TlsFault::ClosedInHandshake | TlsFault::Reset
                        )
                    )
            }
            Sign::DataNotTls => facts.data_tls_fault() == Some(TlsFault::NotTls),
            Sign::DataCertificateFault => facts.data_tls_fault().is_some_and(is_about_certificates),
            Sign::DataTls12 => {
                matches!(data.handshake, Some(Ok(facts)) if facts.version == TlsVersion::Tls12)
            }
            Sign::NoTickets => data.tickets == Tickets::None,
            Sign::Announced => data.announced.is_some(),
            Sign::NothingMoved => data.connected.is_some() && data.bytes == 0,
            Sign::Stalled => matches!(data.expired, Some(Timer::Stall | Timer::DataHandshake)),
            Sign::Unanswered => {
                is(K::TimedOut(Timer::Reply))
                    && facts.verb().is_some_and(|verb| verb.moves_data().is_some())
                    && data.connected.is_some()
                    && data.announced.is_none()
                    && data.final_reply.is_none()
                    && data.ended.is_none()
            }
            Sign::NeverMoved => Sign::NothingMoved.holds(facts) && Sign::Stalled.holds(facts),
            Sign::CleanEnd => match data.ended {
                Some((DataEnd::CloseNotify, _)) => true,
                Some((DataEnd::Fin, _)) => !data.protected,
                _ => false,
            },
            Sign::Short => !data.ascii && data.expected.is_some_and(|size| data.bytes < size),
            Sign::NoCloseNotify => data.protected && matches!(data.ended, Some((DataEnd::Fin, _))),
            Sign::DataBroken => {
                matches!(data.ended, Some((DataEnd::Failed(_) | DataEnd::Tls(_), _)))
            }
            Sign::Sending => data.direction == Some(Direction::Send),
            Sign::Receiving => data.direction == Some(Direction::Receive),
            Sign::AsciiSizeDiffers => {
                data.ascii && data.expected.is_some_and(|size| size != data.bytes)
            }
            Sign::EmptyListing => {
                matches!(data.verb, Some(Verb::List | Verb::Nlst | Verb::Mlsd))
                    && data.bytes == 0
                    && data.final_reply.is_some_and(|(code, _)| {
                        !code.class().is_negative() || matches!(code.value(), 450 | 550)
                    })
            }
            Sign::Much => data.bytes >= MUCH,
            Sign::PassiveFallback => matches!(
                facts.evidence.fallback,
                Some((from, to)) if from.is_passive() && to.is_passive()
            ),
            Sign::ActiveFallback => {
                matches!(facts.evidence.fallback, Some((from, _)) if !from.is_passive())
            }
            Sign::OnlyListingsWorked => facts.evidence.listings > 0 && facts.evidence.files == 0,
            Sign::WorkedBefore => facts.evidence.listings + facts.evidence.files > 0,
        }
    }

    /// What was seen, as a clause; empty for what is no news to anybody.
    pub(super) fn shown<'a>(&self, facts: &'a Facts<'a>) -> impl fmt::Display + use<'a> {
        Shown(*self, facts)
    }
}

/// Writes what was seen, if it was.
fn told<T>(seen: Option<T>, write: impl FnOnce(T) -> fmt::Result) -> fmt::Result {
    seen.map_or(Ok(()), write)
}

struct Shown<'a>(Sign, &'a Facts<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.1;
        let control = &facts.evidence.control;
        let data = facts.data();
        let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs();
        f.write_str(match self.0 {
            Sign::NoFailure | Sign::Transfer | Sign::Refused | Sign::TransferFailed => "",
            Sign::Code(_) | Sign::Says(_) => {
                let reply = facts.failure.and_then(Failure::reply);
                return told(reply, |reply| {
                    write!(f, "the server said {}", reply.display())
                });
            }
            Sign::Verb(_) => {
                return told(facts.verb(), |verb| {
                    write!(f, "it happened to {}", verb.as_str())
                });
            }
            Sign::GreetingRefused => "the greeting refuses service",
            Sign::LoginRefused => "the login was refused",
            Sign::SecurityRefused => "every AUTH method was refused",
            Sign::ServiceClosing => "the server closed the session",
            Sign::AccountWanted => "the server asked for an account",
            Sign::Injected => "clear-text bytes came behind the reply that starts TLS",
            Sign::ReuseRequired => "the server took no data connection that resumed nothing",
            Sign::OutOfStep => "a reply does not fit the command",
            Sign::RestartRefused => "REST was refused",
            Sign::ControlLost => "the control connection gave no more replies",
            Sign::Truncated => "fewer bytes came than announced, or their end is missing",

            Sign::Implicit => "TLS was started at once",
            Sign::GreetingLate => "the greeting did not come in time",
            Sign::NothingCame => "not a single byte came",
            Sign::EndedBeforeGreeting => "the connection ended before any greeting",
            Sign::SlowGreeting => {
                return write!(f, "the greeting took {} s", seconds(facts.greeting_pause()));
            }
            Sign::SlowPassword => {
                let pause = seconds(facts.password_pause());
                return write!(f, "the answer to the password took {pause} s");
            }
            Sign::First(looks) => {
                let bytes = Escaped::new(first_line(control.first_bytes.as_bytes()));
                return write!(f, "the first bytes look like {looks}: {bytes}");
            }
            Sign::InsteadOfTls(looks) => {
                let bytes = Escaped::new(first_line(facts.bytes_instead()));
                return write!(f, "in place of TLS came {looks}: {bytes}");
            }
            Sign::AuthAccepted => "AUTH was accepted",
            Sign::AuthAnswered(codes) => {
                let code = facts
                    .auth_codes()
                    .find(|code| codes.contains(&code.value()));
                return told(code, |code| {
                    write!(f, "AUTH was answered with {}", code.value())
                });
            }
            Sign::Secure => "the control connection is under TLS",
            Sign::CutAtHello => "the connection was cut before the server said anything in TLS",
            Sign::CutInHandshake => "the connection was closed in mid-handshake",
            Sign::NotTls => "what came was not TLS",
            Sign::HandshakeLate => "the handshake got no answer in time",
            Sign::NothingInCommon
            | Sign::CertificateFault
            | Sign::ClientCertificateWanted
            | Sign::OtherAlert => {
                return told(facts.tls_fault(), |fault| write!(f, "{fault}"));
            }
            Sign::AfterSilence => {
                return write!(f, "it came after {} s of silence", control.waited.as_secs());
            }
            Sign::SilentBeforeEnd => {
                let silence = seconds(facts.silence_before_end());
                return write!(f, "the control connection was silent for {silence} s");
            }
            Sign::BeyondAscii => "the name holds bytes beyond ASCII",
            Sign::NoUtf8 => "the server does not list UTF8",
            Sign::LongSession => "the session lasted more than an hour",

            Sign::Passive => "we connect to the server (passive)",
            Sign::Active => "the server connects to us (active)",
            Sign::DataTimedOut => "the data connection did not come up in time",
            Sign::DataPortRefused => {
                return write!(f, "the connection to port {} was refused", data.port);
            }
            Sign::SetUpRefused(_) => {
                return told(data.refused, |code| {
                    write!(f, "setting up was refused with {}", code.value())
                });
            }
            Sign::AdvertisedPrivate | Sign::AdvertisedPublic => {
                return told(data.advertised, |address| {
                    write!(f, "the server advertised {address}")
                });
            }
            Sign::Followed => "that address was connected to, as the policy allows",
            Sign::DataProtected => "the data connection was to be under TLS",
            Sign::DataClear => "the data connection was in clear text",
            Sign::NotResumed => "its TLS session was a new one",
            Sign::DataTlsCut => "its handshake was cut",
            Sign::DataNotTls => "what came on it was not TLS",
            Sign::DataCertificateFault => {
                return told(facts.data_tls_fault(), |fault| {
                    write!(f, "on the data connection {fault}")
                });
            }
            Sign::DataTls12 => "it uses TLS 1.2",
            Sign::NoTickets => "nothing was left to resume from",
            Sign::DataConnected => "the data connection was up",
            Sign::Announced => "the server announced the transfer",
            Sign::NothingMoved => "no payload moved",
            Sign::Stalled => "the data connection stood still",
            Sign::NeverMoved => "the data connection stood still before any payload moved",
            Sign::Unanswered => "the server said nothing about the transfer",
            Sign::CleanEnd => "the data ended in order",
            Sign::Short => "fewer bytes moved than expected",
            Sign::NoCloseNotify => "the data ended without close_notify",
            Sign::DataBroken => "the data connection broke",
            Sign::Sending => "payload went to the server",
            Sign::Receiving => "payload came from the server",
            Sign::AsciiSizeDiffers => "line ends were converted (TYPE A)",
            Sign::EmptyListing => "the listing ended well and was empty",
            Sign::Much => "more than a gigabyte moved",
            Sign::PassiveFallback => "one passive command failed and the other was tried",
            Sign::ActiveFallback => "an active mode was tried and given up",
            Sign::OnlyListingsWorked => "listings worked in this session and files did not",
            Sign::WorkedBefore => "an earlier transfer worked",
        })
    }
}

fn is_about_certificates(fault: TlsFault) -> bool {
    matches!(
        fault,
        TlsFault::UnknownIssuer
            | TlsFault::WrongName
            | TlsFault::Expired
            | TlsFault::PinMismatch
            | TlsFault::Certificate
    )
}

/// The advertised address, if it is not the control peer's.
fn elsewhere(facts: &Facts<'_>) -> Option<IpAddr> {
    let peer = facts.evidence.control.peer.map(|peer| peer.to_canonical());
    facts
        .data()
        .advertised
        .map(|address| address.to_canonical())
        .filter(|address| Some(*address) != peer)
}

/// Addresses that mean nothing outside of one network (RFC 1918, RFC 6598, RFC 3927, RFC 4193), or nowhere.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => {
            let [first, ..] = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
        }
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn says(text: &[u8], word: &str) -> bool {
    text.windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests;
