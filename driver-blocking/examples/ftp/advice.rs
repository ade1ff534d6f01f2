//! What the user can do about an error.

use ftp_proto_blocking::ftp_proto::diagnosis::{Cause, CauseId};
use ftp_proto_blocking::ftp_proto::tls::{Fingerprint, TlsFailure};
use ftp_proto_blocking::ftp_proto::wire::command::Verb;
use ftp_proto_blocking::ftp_proto::wire::first_bytes::{FirstBytes, classify_first_bytes};
use ftp_proto_blocking::ftp_proto::{Category, Failure, FailureKind, Refusal, Timer};
use ftp_proto_blocking::{Error, Failed};

use crate::url::{FtpUrl, Scheme};

/// What is known besides the error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) url: &'a FtpUrl,
    /// The server's certificate, if it showed one.
    pub(crate) certificate: Option<Fingerprint>,
    /// --clear was given.
    pub(crate) in_clear: bool,
    /// What is most likely behind the error, where that is likely enough.
    pub(crate) cause: Option<&'a Cause>,
}

/// When the command line makes no sense.
pub(crate) const USAGE: &str = "ftp --help tells how it is meant";

/// When a tree was not done in all its parts.
pub(crate) const INCOMPLETE: &str =
    "mend what is named above, and run it again: what is done is not done twice";

/// When something on this machine cannot be used.
pub(crate) const LOCAL: &str = "check the path, what you may do there, and the room on the disk";

/// The end of the sentence that the error begins: what the options of this program can do about it, or else what the engine advises.
pub(crate) fn advice(error: &Error, at: &Circumstances<'_>) -> Option<String> {
    let by_option = match error {
        Error::Failed(failed) => about_tls(failed, at).or_else(|| {
            let by_cause = at.cause.and_then(about_cause);
            by_cause.or_else(|| about(failed, at)).map(str::to_owned)
        }),
        Error::Refused(Refusal::Closed) => Some("connect again".to_owned()),
        Error::Refused(_) => Some(USAGE.to_owned()),
        Error::Tls(_) => Some(
            "check --ca, --pin, --cert, --key, --tls-min, --tls-max and the host name".to_owned(),
        ),
        Error::Local(_) => Some(LOCAL.to_owned()),
        _ => None,
    };
    by_option.or_else(|| error.advice().map(str::to_owned))
}

fn about_tls(failed: &Failed, at: &Circumstances<'_>) -> Option<String> {
    let tls = failed.tls.as_ref()?;
    let distrusted = matches!(
        tls,
        TlsFailure::UnknownIssuer
            | TlsFailure::SelfSigned
            | TlsFailure::CaUsedAsEndEntity
            | TlsFailure::BadSignature
            | TlsFailure::Expired { .. }
    );
    let pin = at.certificate.map(|seen| {
        format!("if the administrator confirms that this is its SHA-256: --pin {seen}")
    });
    let text = match (tls, pin) {
        (TlsFailure::WrongName { .. }, Some(pin)) => {
            format!("use a name the certificate is for, or, {pin}")
        }
        (TlsFailure::Expired { .. }, Some(pin)) => {
            format!("the server needs a new one; until then, {pin}")
        }
        (_, Some(pin)) if distrusted => format!("name its authority with --ca FILE, or, {pin}"),
        (
            TlsFailure::NotTls {
                looks_like: FirstBytes::FtpReply,
                established: false,
                ..
            },
            _,
        ) => match at.url.scheme {
            Scheme::Implicit => "this port has explicit TLS: use ftp:// in place of ftps://",
            Scheme::Explicit => "the server promised TLS and has none: tell its administrator",
        }
        .to_owned(),
        (TlsFailure::ClientCertificateRequired, _) => {
            "name your certificate with --cert FILE".to_owned()
        }
        _ => return None,
    };
    Some(text)
}

/// Where the cause says more than the failure.
fn about_cause(cause: &Cause) -> Option<&'static str> {
    Some(match cause.id {
        CauseId::PassiveFiltered => {
            "try the other mode: --data eprt,port; otherwise only the firewall's administrator can help, or a protocol with one connection"
        }
        CauseId::PassiveRefused => "try again, and the other mode: --data eprt,port",
        CauseId::ActiveRefused | CauseId::ActiveBlocked => "use passive mode: --data epsv,pasv",
        CauseId::NothingMoves => {
            "try a small directory: if that works, the path cannot carry large packets; if not, try the other mode (--data eprt,port or --data epsv,pasv), or talk to the firewall's administrator"
        }
        CauseId::NoServerHello | CauseId::CannotWrite => cause.advice,
        _ => return None,
    })
}

fn about(failed: &Failed, at: &Circumstances<'_>) -> Option<&'static str> {
    const AGAIN: &str = "try again; --resume goes on where it broke off";
    let failure = &failed.failure;
    let implicit = at.url.scheme == Scheme::Implicit;
    if at.in_clear && wants_tls(failure) {
        return Some("the server wants TLS: leave --clear out");
    }
    if matches!(failure.code.map(|code| code.value()), Some(452 | 552)) {
        return None;
    }
    Some(match failure.kind {
        _ if !failed.first_bytes.is_empty() => match classify_first_bytes(&failed.first_bytes) {
            FirstBytes::Tls | FirstBytes::TlsAlert => "use ftps:// in place of ftp://",
            _ => return None,
        },
        FailureKind::SecurityRefused => {
            "try ftps:// for implicit TLS, ask the administrator for TLS, or use --clear if nothing is secret"
        }
        FailureKind::ClearLoginForbidden => "--clear sends the password in clear text",
        FailureKind::ProtectionRefused if failure.category() != Category::Login => {
            "--prot C if the files are not secret"
        }
        FailureKind::Refused
            if matches!(
                failure.verb,
                Some(Verb::Epsv | Verb::Pasv | Verb::Eprt | Verb::Port)
            ) =>
        {
            "the server makes no data connections this way; --data names the ways to try"
        }
        FailureKind::RestartRefused => "begin anew, without --resume",
        FailureKind::DataOpen(_) => {
            "a firewall may be in the way; try --data pasv, or --data eprt,port"
        }
        FailureKind::Truncated { .. }
        | FailureKind::TransferFailed { .. }
        | FailureKind::Unconfirmed { .. } => AGAIN,
        FailureKind::ControlClosed
        | FailureKind::ControlBroken(_)
        | FailureKind::ServiceClosing
            if failure.category() == Category::Transfer =>
        {
            AGAIN
        }
        FailureKind::TimedOut(Timer::Greeting) if !implicit => {
            "check the port; one that waits for TLS says nothing: try ftps://, or wait longer with --timeout"
        }
        FailureKind::TimedOut(Timer::Handshake) if implicit => {
            "the port may have no TLS: try ftp://, or wait longer with --timeout"
        }
        FailureKind::TimedOut(_) => "try again, or wait longer with --timeout",
        FailureKind::Protocol(_) | FailureKind::UnexpectedReply | FailureKind::Desynchronised => {
            "--debug shows the dialogue for the server's administrator"
        }
        _ => return None,
    })
}

/// Whether the server's reply says that it will not go on in clear text.
fn wants_tls(failure: &Failure) -> bool {
    let Some(reply) = failure.reply() else {
        return false;
    };
    let text = reply.text().to_ascii_lowercase();
    [&b"tls"[..], b"ssl", b"encrypt", b"cleartext"]
        .iter()
        .any(|word| text.windows(word.len()).any(|part| part == *word))
}
