//! What a call can end with, other than success.

use std::fmt;
use std::io;

use ftp_proto::tls::{Blame, TlsFailure, TlsSetupError};
use ftp_proto::wire::reply::Escaped;
use ftp_proto::{Category, Failure, FailureKind, Refusal, Side};

/// Why a call did not succeed. [`Display`](fmt::Display) names who has to act and quotes the reply.
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
    /// Given up by [`CancelHandle::cancel`](crate::CancelHandle::cancel).
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
    /// Where the peer seems not to be an FTP server: the first bytes it sent, at most 64.
    pub first_bytes: Vec<u8>,
}

impl Error {
    /// The coarse class, for exit codes and decisions to try again.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
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

    pub(crate) fn session_over() -> Error {
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
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "{refusal}"),
            Error::Failed(failed) => write!(f, "{failed}"),
            Error::Connect { peer, source } => write!(f, "cannot connect to {peer}: {source}"),
            Error::Tls(error) => write!(f, "TLS settings: {error}"),
            Error::Local(error) => write!(f, "on this machine: {error}"),
            Error::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tls, self.failure.kind) {
            (Some(tls), FailureKind::ControlTls(_)) => {
                write!(
                    f,
                    "TLS on the control connection failed: {tls}; {}",
                    tls.advice()
                )?;
            }
            (Some(tls), FailureKind::DataTls(_)) => {
                write!(
                    f,
                    "TLS on the data connection failed: {tls}; {}",
                    tls.advice()
                )?;
            }
            (Some(tls), _) => write!(f, "{} ({tls}; {})", self.failure, tls.advice())?,
            (None, _) => write!(f, "{}", self.failure)?,
        }
        if !self.first_bytes.is_empty() {
            let text = Escaped::new(&self.first_bytes);
            write!(f, "; the session began with \"{text}\"")?;
        }
        let side = match self.side() {
            Side::Server => "server",
            Side::Client => "client",
            Side::Network => "network",
        };
        write!(f, " [{side} side]")
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
pub(crate) struct Trouble {
    pub(crate) tls: Option<TlsFailure>,
    pub(crate) local: Option<io::Error>,
}

impl Trouble {
    /// The error for a failure of the machine.
    pub(crate) fn explain(&mut self, failure: Failure, first_bytes: &[u8]) -> Error {
        let tls = self.tls.take();
        let local = self.local.take();
        if let (FailureKind::Local { .. }, Some(local)) = (failure.kind, local) {
            return Error::Local(local);
        }
        let about_tls = matches!(
            failure.kind,
            FailureKind::ControlTls(_) | FailureKind::DataTls(_) | FailureKind::ControlBroken(_)
        );
        let foreign = matches!(failure.kind, FailureKind::Protocol(_));
        Error::Failed(Box::new(Failed {
            failure,
            tls: tls.filter(|_| about_tls),
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
    use ftp_proto::wire::command::Verb;
    use ftp_proto::wire::reply::Code;
    use ftp_proto::{TlsFault, wire::first_bytes::FirstBytes};

    use super::*;

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
            "the server refused RETR: 550 No such file [server side]"
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
}
