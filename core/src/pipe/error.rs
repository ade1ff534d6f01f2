//! What a call of a client can end with, other than success.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::io;

use crate::diagnosis::{Cause, CauseId, Diagnosis};
use crate::error::{Category, Failure, FailureKind, Refusal, Side};
use crate::tls::{Blame, TlsFailure, TlsSetupError};
use crate::wire::first_bytes::{FirstBytes, classify_first_bytes};
use crate::wire::reply::Escaped;

/// Why a call did not succeed. [`Display`](fmt::Display) names who has to act, quotes the reply, and ends with what is most likely behind it
/// and what to do; the alternate form `{:#}` leaves cause and advice out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The call is not possible now; nothing changed and nothing was sent.
    Refused(Refusal),
    /// The server, or the network, ended the request or the session.
    Failed(Box<Failed>),
    /// No control connection could be made.
    Connect {
        /// Host, port and address that were tried last.
        peer: String,
        /// What the system says.
        source: io::Error,
    },
    /// The TLS settings cannot work; nothing was sent.
    Tls(TlsSetupError),
    /// The application's reader or writer failed, or something else on this machine.
    Local(io::Error),
    /// Given up, by the driver's cancel handle.
    Cancelled,
}

/// A failure with all that is known about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failed {
    /// What happened, and the reply that says so.
    pub failure: Failure,
    /// Where TLS failed: how exactly.
    pub tls: Option<TlsFailure>,
    /// What may be behind it: [`ending`](Diagnosis::ending) is the cause and the advice in the words of a sentence's end.
    pub diagnosis: Diagnosis,
    /// Where the peer seems not to be an FTP server: the first bytes it sent, at most 64. Otherwise empty.
    pub first_bytes: Vec<u8>,
}

impl Error {
    /// The coarse class, for exit codes and decisions to try again.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Error::Failed(failed) if failed.tls_ended_it() => Category::Tls,
            Error::Failed(failed) => failed.failure.category(),
            Error::Connect { source, .. } if source.kind() == io::ErrorKind::TimedOut => {
                Category::TimedOut
            }
            Error::Connect { .. } => Category::Connect,
            Error::Tls(_) => Category::Tls,
            Error::Refused(_) | Error::Local(_) | Error::Cancelled => Category::Local,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Error::Failed(failed) => failed.side(),
            Error::Connect { .. } => Side::Network,
            Error::Refused(_) | Error::Tls(_) | Error::Local(_) | Error::Cancelled => Side::Client,
        }
    }

    /// The failure, if the peer or the network is the reason.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Error::Failed(failed) => Some(&failed.failure),
            _ => None,
        }
    }

    /// What the person at the client can do: the advice of the most likely cause, or what the kind of failure suggests. `None` where the
    /// message itself names what is wrong with the call.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Error::Failed(failed) => Some(failed.advice()),
            Error::Connect { source, .. } => Some(match source.kind() {
                io::ErrorKind::ConnectionRefused => {
                    "nobody listens there: check host and port; if both are right, the server is down"
                }
                io::ErrorKind::TimedOut => {
                    "check host and port, and that a firewall lets them through"
                }
                // Not from a socket: from the look-up of the name.
                _ if source.raw_os_error().is_none() => {
                    "check the spelling of the host name, and that this machine has a network"
                }
                _ => "check host and port, and that this machine has a network",
            }),
            Error::Refused(_) | Error::Tls(_) | Error::Local(_) | Error::Cancelled => None,
        }
    }

    /// For a call on a session that is over, when the reason has been told.
    #[must_use]
    pub fn session_over() -> Error {
        Error::Refused(Refusal::Closed)
    }
}

impl Failed {
    fn side(&self) -> Side {
        match self.tls.as_ref().map(TlsFailure::blame) {
            Some(Blame::Us) => Side::Client,
            Some(Blame::Network) => Side::Network,
            Some(Blame::Peer) => Side::Server,
            _ => self.failure.side(),
        }
    }

    fn advice(&self) -> &'static str {
        match (self.diagnosis.first(), &self.tls) {
            (Some(cause), _) => cause.advice,
            (None, Some(tls)) => tls.advice(),
            (None, None) if !self.first_bytes.is_empty() => {
                "check host and port: what answers there is no FTP server"
            }
            (None, None) => self.failure.advice(),
        }
    }

    /// What TLS has to say that the first cause does not say better: which of the many things a certificate can lack.
    fn tls_advice(&self) -> Option<&'static str> {
        let tls = self.tls.as_ref()?;
        let about_certificates =
            |cause: &Cause| matches!(cause.id, CauseId::Certificate | CauseId::DataCertificate);
        self.diagnosis
            .first()
            .is_some_and(about_certificates)
            .then(|| tls.advice())
    }

    /// Whether TLS ended a control connection that was up: in TLS 1.3 a server says only then what it has against our certificate.
    fn tls_ended_it(&self) -> bool {
        matches!(self.failure.kind, FailureKind::ControlBroken(_))
            && self.failure.category() == Category::Connect
            && !matches!(
                self.tls,
                None | Some(TlsFailure::Reset { .. } | TlsFailure::Truncated)
            )
    }

    /// The protocol that the peer seems to speak in place of FTP.
    fn foreign(&self) -> Option<FirstBytes> {
        match classify_first_bytes(&self.first_bytes) {
            FirstBytes::Silence | FirstBytes::FtpReply | FirstBytes::Other => None,
            foreign => Some(foreign),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "{refusal}"),
            Error::Failed(failed) => fmt::Display::fmt(failed, f),
            Error::Connect { peer, source } => {
                write!(f, "cannot connect to {peer}: {source} [network side]")?;
                match self.advice() {
                    Some(advice) if !f.alternate() => write!(f, "; {advice}"),
                    _ => Ok(()),
                }
            }
            Error::Tls(error) => write!(f, "TLS settings: {error} [client side]"),
            Error::Local(error) => write!(f, "on this machine: {error}"),
            Error::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tls, self.failure.kind) {
            (Some(tls), FailureKind::DataTls(_)) => {
                write!(f, "TLS on the data connection failed: {tls}")?;
            }
            (Some(tls), kind)
                if matches!(kind, FailureKind::ControlTls(_)) || self.tls_ended_it() =>
            {
                write!(f, "TLS on the control connection failed: {tls}")?;
            }
            (Some(tls), _) => write!(f, "{} ({tls})", self.failure)?,
            (None, _) => write!(f, "{}", self.failure)?,
        }
        if let Some(TlsFailure::NotTls { sample, .. }) = &self.tls {
            write!(f, ": \"{}\"", Escaped::new(sample.trim_ascii_end()))?;
        }
        if let Some(advice) = self.tls_advice()
            && !f.alternate()
        {
            write!(f, "; {advice}")?;
        }
        if !self.first_bytes.is_empty() {
            let text = Escaped::new(self.first_bytes.trim_ascii_end());
            write!(f, "; the session began with \"{text}\"")?;
            if let Some(foreign) = self.foreign() {
                write!(f, ", which is {foreign}")?;
            }
        }
        let side = match self.side() {
            Side::Server => "server",
            Side::Client => "client",
            Side::Network => "network",
        };
        write!(f, " [{side} side]")?;
        if f.alternate() {
            return Ok(());
        }
        match self.diagnosis.first() {
            Some(_) => write!(f, "{}", self.diagnosis.ending()),
            None => write!(f, "; {}", self.advice()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            Error::Failed(failed) => Some(&failed.failure),
            Error::Connect { source, .. } | Error::Local(source) => Some(source),
            Error::Tls(error) => Some(error),
            Error::Cancelled => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

impl From<TlsSetupError> for Error {
    fn from(error: TlsSetupError) -> Self {
        Error::Tls(error)
    }
}

/// For `Read` and `Write`, which know no other error.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Local(local) => local.kind(),
            Error::Connect { source, .. } => source.kind(),
            Error::Cancelled => io::ErrorKind::ConnectionAborted,
            Error::Failed(failed) => match failed.failure.kind {
                FailureKind::TimedOut(_) => io::ErrorKind::TimedOut,
                FailureKind::Truncated { .. } => io::ErrorKind::UnexpectedEof,
                _ => io::ErrorKind::Other,
            },
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// What went wrong outside of the machine while a call ran: the details behind its failures.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) tls: Option<TlsFailure>,
    pub(super) local: Option<io::Error>,
}

impl Trouble {
    /// The error for a failure of the machine.
    pub(super) fn explain(&mut self, failure: Failure, first_bytes: &[u8]) -> Error {
        let tls = self.tls.take();
        let local = self.local.take();
        if let (FailureKind::Local { .. }, Some(local)) = (failure.kind, local) {
            return Error::Local(local);
        }
        let about_tls = matches!(
            failure.kind,
            FailureKind::ControlTls(_) | FailureKind::DataTls(_) | FailureKind::ControlBroken(_)
        );
        // Other protocols with numbered replies refuse our commands in good order.
        let foreign = match classify_first_bytes(first_bytes) {
            FirstBytes::Smtp => true,
            FirstBytes::FtpReply => false,
            _ => matches!(failure.kind, FailureKind::Protocol(_)),
        };
        Error::Failed(Box::new(Failed {
            failure,
            tls: tls.filter(|_| about_tls),
            diagnosis: Diagnosis::default(),
            first_bytes: if foreign {
                first_bytes.to_vec()
            } else {
                Vec::new()
            },
        }))
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::error::Malformed;
    use crate::order::{Fault, TlsFault};
    use crate::time::Timer;
    use crate::tls::Alert;
    use crate::wire::command::Verb;
    use crate::wire::reply::Code;

    #[test]
    fn the_text_names_the_side_and_quotes_the_reply_once() {
        let failure = Failure::replied(
            FailureKind::Refused,
            Some(Verb::Retr),
            Code::FILE_UNAVAILABLE,
            b"No such file".to_vec(),
        );
        let text = Trouble::default().explain(failure, b"").to_string();
        assert_eq!(
            text,
            "the server refused to send the file (RETR): 550 No such file [server side]; check the path, letter case too, and what this user may do there; only the server's administrator can allow more"
        );
    }

    #[test]
    fn tls_trouble_is_told_in_full_and_only_with_a_failure_of_tls() {
        let detail = TlsFailure::NotTls {
            looks_like: FirstBytes::FtpReply,
            sample: b"220 hi".to_vec(),
            established: false,
        };
        let mut trouble = Trouble {
            tls: Some(detail.clone()),
            local: None,
        };
        let failure = Failure::new(FailureKind::ControlTls(TlsFault::NotTls), None);
        let text = trouble.explain(failure, b"").to_string();
        assert!(text.contains(detail.advice()), "{text}");
        trouble.tls = Some(detail.clone());
        let failure = Failure::new(FailureKind::NotAttempted, None);
        let text = trouble.explain(failure, b"").to_string();
        assert!(!text.contains(detail.advice()), "{text}");
        assert!(trouble.tls.is_none(), "kept for the next failure");
    }

    #[test]
    fn advice_can_be_left_out() {
        let detail = TlsFailure::NotTls {
            looks_like: FirstBytes::FtpReply,
            sample: b"431 no\r\n".to_vec(),
            established: false,
        };
        let mut trouble = Trouble {
            tls: Some(detail.clone()),
            local: None,
        };
        let failure = Failure::new(FailureKind::ControlTls(TlsFault::NotTls), None);
        let error = trouble.explain(failure, b"");
        assert!(error.to_string().contains(detail.advice()));
        let short = format!("{error:#}");
        assert!(!short.contains(detail.advice()), "{short}");
        assert!(short.ends_with("\"431 no\" [server side]"), "{short}");
    }

    #[test]
    fn an_alert_behind_the_handshake_is_about_tls_and_a_reset_is_not() {
        let broken = |verb, tls| {
            let mut trouble = Trouble {
                tls: Some(tls),
                local: None,
            };
            let failure = Failure::new(FailureKind::ControlBroken(Fault::Other), Some(verb));
            trouble.explain(failure, b"")
        };
        let refused = broken(Verb::User, TlsFailure::ClientCertificateRefused(Alert(48)));
        assert_eq!(refused.category(), Category::Tls);
        assert_eq!(refused.side(), Side::Client);
        let text = refused.to_string();
        assert!(
            text.starts_with("TLS on the control connection failed"),
            "{text}"
        );
        let reset = broken(Verb::User, TlsFailure::Reset { handshaking: false });
        assert_eq!(reset.category(), Category::Connect);
        let cut = broken(Verb::Retr, TlsFailure::Misbehaved("x".to_owned()));
        assert_eq!(cut.category(), Category::Transfer);
        // It is the network that broke, for a reason that is the server's.
        assert_eq!(cut.side(), Side::Server);
        let text = cut.to_string();
        assert!(!text.starts_with("TLS on the control connection"), "{text}");
        assert!(text.contains("(peer breaks the TLS protocol: x)"), "{text}");
    }

    #[test]
    fn what_is_no_ftp_server_is_named() {
        let told = |kind, first: &[u8]| {
            let failure = Failure::new(kind, None);
            Trouble::default().explain(failure, first).to_string()
        };
        let malformed = FailureKind::Protocol(Malformed::NotAReply);
        let ssh = told(malformed, b"SSH-2.0-x\r\n");
        assert!(
            ssh.contains("\"SSH-2.0-x\", which is Secure Shell (SSH)"),
            "{ssh}"
        );
        let mail = told(FailureKind::Refused, b"220 mx ESMTP\r\n");
        assert!(mail.contains("which is mail submission (SMTP)"), "{mail}");
        // What went wrong later has nothing to do with the greeting.
        assert!(!told(malformed, b"220 ready\r\n").contains("220"));
        assert!(!told(FailureKind::Refused, b"220 ready\r\n").contains("220"));
    }

    #[test]
    fn the_error_of_the_application_comes_back_as_it_was() {
        let mut trouble = Trouble {
            tls: None,
            local: Some(io::Error::from(io::ErrorKind::StorageFull)),
        };
        let failure = Failure::new(FailureKind::Local { bytes: 3 }, Some(Verb::Retr));
        match trouble.explain(failure, b"") {
            Error::Local(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            other => panic!("{other}"),
        }
    }

    fn unconnected(source: impl Into<io::Error>) -> Error {
        Error::Connect {
            peer: "ftp.example.org:21".to_owned(),
            source: source.into(),
        }
    }

    #[test]
    fn without_a_connection_the_advice_fits_what_the_system_says() {
        use io::ErrorKind as E;
        let cases = [
            (E::ConnectionRefused.into(), "nobody listens there"),
            (E::TimedOut.into(), "a firewall lets them through"),
            // The look-up of a name has no number of the system.
            (io::Error::other("no such name"), "the spelling of the host"),
            // EACCES, as from a socket.
            (io::Error::from_raw_os_error(13), "check host and port, and"),
        ];
        for (source, advice) in cases {
            let category = match source.kind() {
                E::TimedOut => Category::TimedOut,
                _ => Category::Connect,
            };
            let error = unconnected(source);
            assert_eq!(error.category(), category);
            assert_eq!(error.side(), Side::Network);
            assert!(error.failure().is_none());
            assert!(error.advice().unwrap().contains(advice), "{error}");
            let text = error.to_string();
            assert!(text.starts_with("cannot connect to ftp.example.org:21: "));
            assert!(text.ends_with(error.advice().unwrap()), "{text}");
            assert!(format!("{error:#}").ends_with("[network side]"), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_here_is_told_without_a_diagnosis() {
        let cases = [
            (Error::from(Refusal::Busy), Refusal::Busy.to_string()),
            (
                Error::from(TlsSetupError::NoCertificate),
                "TLS settings: server needs a certificate [client side]".to_owned(),
            ),
            (
                Error::Local(io::Error::other("disk on fire")),
                "on this machine: disk on fire".to_owned(),
            ),
            (Error::Cancelled, "cancelled".to_owned()),
            (Error::session_over(), Refusal::Closed.to_string()),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.side(), Side::Client, "{text}");
            assert_eq!(error.advice(), None, "{text}");
            assert!(error.failure().is_none(), "{text}");
            let category = match error {
                Error::Tls(_) => Category::Tls,
                _ => Category::Local,
            };
            assert_eq!(error.category(), category, "{text}");
        }
    }

    /// `Read` and `Write` know no other error; programs look at its kind, and may ask for what is inside.
    #[test]
    fn as_an_error_of_reading_it_keeps_its_kind_and_its_reason() {
        use io::ErrorKind as E;
        let failed = |kind| Trouble::default().explain(Failure::new(kind, Some(Verb::Retr)), b"");
        let truncated = FailureKind::Truncated {
            bytes: 1,
            expected: None,
        };
        let cases = [
            (Error::Local(E::StorageFull.into()), E::StorageFull),
            (unconnected(E::ConnectionRefused), E::ConnectionRefused),
            (Error::Cancelled, E::ConnectionAborted),
            (failed(FailureKind::TimedOut(Timer::Stall)), E::TimedOut),
            (failed(truncated), E::UnexpectedEof),
            (failed(FailureKind::Refused), E::Other),
            (Refusal::Busy.into(), E::Other),
            (TlsSetupError::NoCertificate.into(), E::Other),
        ];
        for (error, kind) in cases {
            let text = error.to_string();
            let has_source = !matches!(error, Error::Cancelled);
            let error = io::Error::from(error);
            assert_eq!(error.kind(), kind, "{text}");
            let inside = error.get_ref().unwrap();
            assert!(inside.is::<Error>());
            assert_eq!(inside.to_string(), text);
            assert_eq!(inside.source().is_some(), has_source, "{text}");
        }
    }

    /// Who has to act is what TLS says, where it says it.
    #[test]
    fn the_side_is_that_of_the_tls_failure() {
        let told = |tls| {
            let mut trouble = Trouble {
                tls: Some(tls),
                local: None,
            };
            let kind = FailureKind::DataTls(TlsFault::Other);
            trouble.explain(Failure::new(kind, Some(Verb::Retr)), b"")
        };
        assert_eq!(told(TlsFailure::Truncated).side(), Side::Network);
        assert_eq!(told(TlsFailure::Revoked).side(), Side::Server);
        let ours = told(TlsFailure::ClientCertificateRequired);
        assert_eq!(ours.side(), Side::Client);
        assert_eq!(ours.category(), Category::Tls);
        assert_eq!(ours.advice(), Some("configure a client certificate"));
        let text = ours.to_string();
        assert!(
            text.starts_with("TLS on the data connection failed: peer requires"),
            "{text}"
        );
        // Either side may have to act: the failure's own opinion counts.
        assert_eq!(told(TlsFailure::KeysExhausted).side(), Side::Server);
    }

    #[test]
    fn an_unknown_protocol_is_shown_and_not_named() {
        let failure = Failure::new(FailureKind::Protocol(Malformed::NotAReply), None);
        let error = Trouble::default().explain(failure, b"\x05who are you\r\n");
        let text = error.to_string();
        assert!(
            text.contains("the session began with \"\\x05who are you\" [server side]"),
            "{text}"
        );
        assert!(
            error.advice().unwrap().contains("is no FTP server"),
            "{text}"
        );
    }
}
