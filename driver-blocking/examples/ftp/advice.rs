//! What the user can do about an error.

use std::io;

use ftp_proto_blocking::ftp_proto::tls::{Fingerprint, TlsFailure};
use ftp_proto_blocking::ftp_proto::wire::command::Verb;
use ftp_proto_blocking::ftp_proto::wire::first_bytes::{FirstBytes, classify_first_bytes};
use ftp_proto_blocking::ftp_proto::{Category, Failure, FailureKind, Timer};
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
}

/// The end of the sentence that the error begins.
pub(crate) fn advice(error: &Error, at: &Circumstances<'_>) -> Option<String> {
    let text = match error {
        Error::Connect { source, .. } => about_connecting(source),
        Error::Failed(failed) => {
            return about_tls(failed, at).or_else(|| about(failed, at).map(str::to_owned));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn about_connecting(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => "check the port: nobody listens there",
        io::ErrorKind::TimedOut => "check host and port, and that a firewall lets them through",
        // Not from a socket: from the look-up of the name.
        _ if source.raw_os_error().is_none() => "check the host name",
        _ => "check the network",
    }
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
        _ if failed.failure.category() == Category::Transfer => return None,
        _ => tls.advice().to_owned(),
    };
    Some(text)
}

fn about(failed: &Failed, at: &Circumstances<'_>) -> Option<&'static str> {
    const AGAIN: &str = "try again; --resume goes on where it broke off";
    let failure = &failed.failure;
    let implicit = at.url.scheme == Scheme::Implicit;
    if at.in_clear && wants_tls(failure) {
        return Some("the server wants TLS: leave --clear out");
    }
    if matches!(failure.code.map(|code| code.value()), Some(452 | 552)) {
        return Some("there is no room on the server, or not for this user");
    }
    Some(match failure.kind {
        _ if !failed.first_bytes.is_empty() => match classify_first_bytes(&failed.first_bytes) {
            FirstBytes::Ssh => "use an SFTP client, or the port of the FTP server",
            FirstBytes::Tls | FirstBytes::TlsAlert => "use ftps:// in place of ftp://",
            _ => "check host and port: this is no FTP server",
        },
        FailureKind::SecurityRefused => {
            "the server has no TLS here; try ftps:// for implicit TLS, or --clear if nothing is secret"
        }
        _ if failure.category() == Category::Login => match failure.kind {
            FailureKind::ClearLoginForbidden => "--clear sends the password in clear text",
            FailureKind::AccountNeeded => "log in as another user",
            _ => "check user name and password",
        },
        FailureKind::ProtectionRefused => "--prot C if the files are not secret",
        FailureKind::Refused
            if failure
                .code
                .is_some_and(|code| matches!(code.value(), 500 | 502)) =>
        {
            "the server does not know this command"
        }
        FailureKind::Refused
            if matches!(
                failure.verb,
                Some(Verb::Epsv | Verb::Pasv | Verb::Eprt | Verb::Port)
            ) =>
        {
            "the server makes no data connections this way; --data names the ways to try"
        }
        FailureKind::Refused => "check the path, and what the user may do",
        FailureKind::RestartRefused => "begin anew, without --resume",
        FailureKind::DataOpen(_) => {
            "a firewall may be in the way; try --data pasv, or --data eprt,port"
        }
        FailureKind::DataIntruder => "do not trust this network; try --data epsv,pasv",
        FailureKind::Injected => "do not trust this network",
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
        FailureKind::Longer { .. } => "the file may have changed meanwhile: try again",
        FailureKind::TimedOut(Timer::Greeting) if !implicit => {
            "a port that waits for TLS says nothing: try ftps://, or wait longer with --timeout"
        }
        FailureKind::TimedOut(Timer::Handshake) if implicit => {
            "the port may have no TLS: try ftp://, or wait longer with --timeout"
        }
        FailureKind::TimedOut(_) => "try again, or wait longer with --timeout",
        FailureKind::GreetingRefused | FailureKind::ServiceClosing => "try again later",
        FailureKind::ControlClosed | FailureKind::ControlBroken(_)
            if matches!(failure.verb, None | Some(Verb::Auth)) =>
        {
            "try again, try ftps://, or ask the administrator whether you may connect"
        }
        FailureKind::ControlClosed | FailureKind::ControlBroken(_) => "try again",
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
