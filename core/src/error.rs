//! The three kinds of error, never mixed.
//!
//! * [`Malformed`]: text that does not parse. Returned by the parsers in [`crate::wire`].
//! * [`Refusal`]: the application asked for something that is not possible now. Nothing changed and nothing was sent.
//! * [`Failure`]: the peer, or the transport, did something that ends a request or the session.

use alloc::vec::Vec;
use core::fmt;

use crate::order::{Fault, TlsFault};
use crate::time::Timer;
use crate::wire::command::Verb;
use crate::wire::reply::{Code, Reply};

/// Text that does not follow its grammar. Says what is wrong, never panics, never carries secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// A line is longer than the limit, in bytes.
    LineTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A reply holds more bytes than the limit, over all its lines.
    ReplyTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A reply holds more lines than the limit.
    ReplyTooManyLines {
        /// The limit in force, in lines.
        limit: usize,
    },
    /// The line does not start with three digits (RFC 959 section 4.2).
    NotAReply,
    /// The first digit of a reply code is not 1 to 6, or the code is not three digits.
    ReplyCode,
    /// A NUL, or a CR that is not part of a line end, inside a line.
    ControlByte,
    /// The verb is empty, too long, or not made of letters and digits.
    Verb,
    /// The verb needs an argument and has none.
    MissingArgument,
    /// The verb takes no argument and has one.
    UnexpectedArgument,
    /// The argument does not follow the grammar of its verb.
    Argument,
    /// CR, LF or NUL in an argument: it would start a second command.
    ForbiddenByte,
    /// A command line would be longer than the limit, in bytes.
    CommandTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// Not six decimal numbers from 0 to 255 separated by commas (RFC 959 section 5.3.2, RFC 1123 section 4.1.2.6).
    HostPort,
    /// Not a delimited address (RFC 2428 sections 2 and 3).
    ExtendedAddress,
    /// A network address family other than 1 (IPv4) or 2 (IPv6) (RFC 2428 section 2).
    AddressFamily,
    /// Port 0.
    PortZero,
    /// A number with bytes that are no digits, or too large.
    Number,
    /// No quoted name where RFC 959 appendix II asks for one.
    QuotedName,
    /// A fact list that does not follow RFC 3659 section 7.2.
    Facts,
    /// A time value that does not follow RFC 3659 section 2.3.
    Time,
    /// A feature list that does not follow RFC 2389 section 3.2.
    Features,
    /// No digest where a reply to HASH should hold one, or one of another algorithm.
    Digest,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::LineTooLong { limit } => write!(f, "line longer than {limit} bytes"),
            Malformed::ReplyTooLong { limit } => write!(f, "reply longer than {limit} bytes"),
            Malformed::ReplyTooManyLines { limit } => write!(f, "reply of more than {limit} lines"),
            Malformed::NotAReply => f.write_str("line is not an FTP reply"),
            Malformed::ReplyCode => f.write_str("reply code out of range"),
            Malformed::ControlByte => f.write_str("NUL or bare CR inside a line"),
            Malformed::Verb => f.write_str("not a command verb"),
            Malformed::MissingArgument => f.write_str("argument missing"),
            Malformed::UnexpectedArgument => f.write_str("argument where none is allowed"),
            Malformed::Argument => f.write_str("argument does not fit the command"),
            Malformed::ForbiddenByte => f.write_str("CR, LF or NUL in an argument"),
            Malformed::CommandTooLong { limit } => write!(f, "command longer than {limit} bytes"),
            Malformed::HostPort => f.write_str("not six numbers h1,h2,h3,h4,p1,p2"),
            Malformed::ExtendedAddress => f.write_str("not an extended address"),
            Malformed::AddressFamily => f.write_str("unknown network address family"),
            Malformed::PortZero => f.write_str("port 0"),
            Malformed::Number => f.write_str("not a number, or too large"),
            Malformed::QuotedName => f.write_str("no quoted name"),
            Malformed::Facts => f.write_str("not a fact list"),
            Malformed::Time => f.write_str("not a time value"),
            Malformed::Features => f.write_str("not a feature list"),
            Malformed::Digest => f.write_str("no digest of the algorithm asked for"),
        }
    }
}

impl core::error::Error for Malformed {}

/// The application asked for something that is not possible now. Nothing changed and nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The argument cannot be put on a command line.
    Argument(Malformed),
    /// As many requests as [`crate::Limits::requests`] are waiting.
    TooManyRequests,
    /// The session is over or ending.
    Closed,
    /// The policy of this session forbids it.
    Policy,
    /// This verb has a method of its own: sent raw it would leave session and server with different ideas.
    UseTypedMethod,
    /// There is nothing to abort.
    NothingToAbort,
    /// PASS was already sent on this connection; log in on a new one.
    LoginSpent,
    /// The request needs an idle session.
    Busy,
    /// Transfers need a login, or one asked for before them.
    LoginFirst,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Argument(malformed) => write!(f, "not sent: {malformed}"),
            Refusal::TooManyRequests => f.write_str("not sent: too many requests are waiting"),
            Refusal::Closed => f.write_str("not sent: the session is closed"),
            Refusal::Policy => f.write_str("not sent: the security policy forbids it"),
            Refusal::UseTypedMethod => {
                f.write_str("not sent: this command has a method of its own")
            }
            Refusal::NothingToAbort => f.write_str("nothing to abort"),
            Refusal::LoginSpent => {
                f.write_str("not sent: this connection has already tried a password")
            }
            Refusal::LoginFirst => f.write_str("not sent: log in first"),
            Refusal::Busy => f.write_str("not sent: other requests are under way"),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Refusal::Argument(malformed)
    }
}

/// The peer, or the transport, did something that ends a request or the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What.
    pub kind: FailureKind,
    /// The command it happened to, if one.
    pub verb: Option<Verb>,
    /// The reply that says so, if one.
    pub code: Option<Code>,
    /// The text of that reply, raw and bounded.
    text: Vec<u8>,
}

/// What ended a request or a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The server refused the command.
    Refused,
    /// The server's greeting refuses service.
    GreetingRefused,
    /// The server refused the login.
    LoginRefused,
    /// The server wants an account (ACCT) and none was given.
    AccountNeeded,
    /// The password or account cannot be sent: the policy allows clear text for anonymous only, or CCC was said.
    ClearLoginForbidden,
    /// Every AUTH method was refused and the policy wants TLS.
    SecurityRefused,
    /// The server refused the data protection level the policy wants.
    ProtectionRefused,
    /// Bytes came behind the reply that switches protection: someone injects replies.
    Injected,
    /// TLS on the control connection failed.
    ControlTls(TlsFault),
    /// TLS on the data connection failed.
    DataTls(TlsFault),
    /// The server takes no data connection that does not resume the TLS session of the control connection, and there was nothing left to
    /// resume from.
    SessionReuseRequired,
    /// The data connection could not be established by any allowed mode.
    DataOpen(Fault),
    /// What came back is not FTP.
    Protocol(Malformed),
    /// A reply that its command cannot have.
    UnexpectedReply,
    /// A reply without a command: replies and commands are out of step.
    Desynchronised,
    /// The server closes the session (421).
    ServiceClosing,
    /// The server closed the control connection.
    ControlClosed,
    /// The control connection broke.
    ControlBroken(Fault),
    /// No answer in time.
    TimedOut(Timer),
    /// The file is not whole: the data ended early, or less came than announced.
    Truncated {
        /// Payload bytes moved.
        bytes: u64,
        /// Bytes expected, where known.
        expected: Option<u64>,
    },
    /// More came than announced.
    Longer {
        /// Payload bytes moved.
        bytes: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// All data moved and ended cleanly, but the server never confirmed it.
    Unconfirmed {
        /// Payload bytes moved.
        bytes: u64,
    },
    /// The transfer broke off.
    TransferFailed {
        /// Payload bytes moved.
        bytes: u64,
    },
    /// The server refused the restart point.
    RestartRefused,
    /// The application's reader or writer failed.
    Local {
        /// Payload bytes moved.
        bytes: u64,
    },
    /// Aborted by the application.
    Aborted {
        /// Payload bytes moved.
        bytes: u64,
    },
    /// Withdrawn by the application before it was over.
    Withdrawn,
    /// A request before it in the queue failed, so it was not attempted.
    NotAttempted,
    /// The session ended before it was attempted or done.
    SessionOver,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The server, or its administrator.
    Server,
    /// The program or person on our side.
    Client,
    /// Something between the two.
    Network,
}

/// Coarse classes of failure, for exit codes and retry decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// No service, or no connection.
    Connect,
    /// TLS, certificates, protection.
    Tls,
    /// Login.
    Login,
    /// The server said no.
    Refused,
    /// A transfer that is not proved whole.
    Transfer,
    /// The peer does not speak the protocol.
    Protocol,
    /// Nothing came in time.
    TimedOut,
    /// The application's own doing.
    Local,
}

impl Failure {
    /// A failure without a reply.
    #[must_use]
    pub const fn new(kind: FailureKind, verb: Option<Verb>) -> Self {
        Failure {
            kind,
            verb,
            code: None,
            text: Vec::new(),
        }
    }

    /// A failure a reply tells of; `text` is kept as it is.
    #[must_use]
    pub const fn replied(kind: FailureKind, verb: Option<Verb>, code: Code, text: Vec<u8>) -> Self {
        Failure {
            kind,
            verb,
            code: Some(code),
            text,
        }
    }

    /// The reply, if one tells of the failure.
    #[must_use]
    pub fn reply(&self) -> Option<Reply<'_>> {
        self.code.map(|code| Reply::new(code, &self.text))
    }

    /// The coarse class.
    #[must_use]
    pub const fn category(&self) -> Category {
        use FailureKind as K;
        match self.kind {
            // Whatever was asked: nobody is logged in (RFC 959 section 4.2.2).
            K::Refused | K::ProtectionRefused if self.says_not_logged_in() => Category::Login,
            K::ControlClosed | K::ControlBroken(_) | K::ServiceClosing
                if self.cuts_a_transfer() =>
            {
                Category::Transfer
            }
            K::GreetingRefused
            | K::ServiceClosing
            | K::ControlClosed
            | K::ControlBroken(_)
            | K::SessionOver => Category::Connect,
            K::SecurityRefused
            | K::ProtectionRefused
            | K::SessionReuseRequired
            | K::ControlTls(_)
            | K::DataTls(_) => Category::Tls,
            K::LoginRefused | K::AccountNeeded | K::ClearLoginForbidden => Category::Login,
            K::Refused | K::RestartRefused | K::NotAttempted => Category::Refused,
            K::DataOpen(_)
            | K::Truncated { .. }
            | K::Longer { .. }
            | K::Unconfirmed { .. }
            | K::TransferFailed { .. }
            | K::Aborted { .. } => Category::Transfer,
            K::Injected | K::Protocol(_) | K::UnexpectedReply | K::Desynchronised => {
                Category::Protocol
            }
            K::TimedOut(_) => Category::TimedOut,
            K::Local { .. } | K::Withdrawn => Category::Local,
        }
    }

    /// Who has to act.
    #[must_use]
    pub const fn side(&self) -> Side {
        use FailureKind as K;
        match self.kind {
            K::ControlBroken(_) | K::DataOpen(_) | K::TimedOut(_) | K::Injected => Side::Network,
            K::ClearLoginForbidden
            | K::AccountNeeded
            | K::Local { .. }
            | K::Aborted { .. }
            | K::Withdrawn
            | K::NotAttempted
            | K::SessionOver
            | K::ControlTls(TlsFault::Local)
            | K::DataTls(TlsFault::Local) => Side::Client,
            _ => Side::Server,
        }
    }

    /// What the person at the client can do, as far as the kind of failure tells; for where a
    /// [diagnosis](crate::diagnosis::Diagnosis) finds no cause.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        use FailureKind as K;
        const AGAIN: &str = "try again, or go on where it broke off";
        match self.kind {
            _ if matches!(self.code, Some(code) if matches!(code.value(), 452 | 552)) => {
                "there is no room on the server, or not for this user"
            }
            K::Refused | K::ProtectionRefused if self.says_not_logged_in() => {
                "check user name and password"
            }
            K::Refused if matches!(self.code, Some(code) if matches!(code.value(), 500 | 502 | 504)) => {
                "the server does not know this command: do without it"
            }
            K::Refused => {
                "check the path, letter case too, and what this user may do there; only the server's administrator can allow more"
            }
            K::GreetingRefused => "try again later",
            K::ServiceClosing | K::ControlClosed | K::ControlBroken(_)
                if self.cuts_a_transfer() =>
            {
                AGAIN
            }
            K::ServiceClosing => "connect again, later if it stays so",
            K::LoginRefused => "check user name and password",
            K::AccountNeeded => "give an account, or log in as another user",
            K::ClearLoginForbidden => "use TLS; clear text shows the password to anyone on the way",
            K::SecurityRefused => {
                "ask the administrator for TLS, or try implicit TLS on its own port"
            }
            K::ProtectionRefused => "ask the administrator to allow protected data connections",
            K::Injected => "do not trust this network; try from another one",
            K::ControlTls(_) | K::DataTls(_) => "show the message to the server's administrator",
            K::SessionReuseRequired => "connect again, or use TLS 1.2",
            K::DataOpen(_) => "try the other data mode; a firewall may be in the way",
            K::Protocol(_) | K::UnexpectedReply | K::Desynchronised => {
                "connect again, and show the dialogue to the server's administrator if it stays so"
            }
            K::ControlClosed | K::ControlBroken(_) => "connect again",
            K::TimedOut(_) => "try again, or wait longer",
            K::Truncated { .. } | K::TransferFailed { .. } => AGAIN,
            K::Longer { .. } => "the file may have changed meanwhile: try again",
            K::Unconfirmed { .. } => "compare the size with the server's, or try again",
            K::RestartRefused => "begin anew",
            K::Local { .. } => "repair what the message names, and try again",
            K::Aborted { .. } | K::Withdrawn => "ask again if it is still wanted",
            K::NotAttempted | K::SessionOver => {
                "look at the failure before this one, then ask again"
            }
        }
    }
}

impl Failure {
    /// Servers that check passwords slowly may answer the commands behind PASS first.
    const fn says_not_logged_in(&self) -> bool {
        matches!(self.code, Some(code) if code.value() == Code::NOT_LOGGED_IN.value())
    }

    /// Whether it happened to a transfer, which is then not proved whole.
    const fn cuts_a_transfer(&self) -> bool {
        use Verb as V;
        matches!(
            self.verb,
            Some(V::Retr | V::Stor | V::Stou | V::Appe | V::List | V::Nlst | V::Mlsd)
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb.map_or("the session", Verb::as_str);
        match self.kind {
            FailureKind::Refused => match self.verb.and_then(in_words) {
                Some(words) => write!(f, "the server refused to {words} ({verb})")?,
                None => write!(f, "the server refused {verb}")?,
            },
            FailureKind::GreetingRefused => f.write_str("the server refuses service in its greeting")?,
            FailureKind::LoginRefused => write!(f, "the server refused the login at {verb}")?,
            FailureKind::AccountNeeded => f.write_str("the server wants an account (ACCT) and none was given")?,
            FailureKind::ClearLoginForbidden => {
                f.write_str("nothing was sent: without TLS the policy allows an anonymous login only")?;
            }
            FailureKind::SecurityRefused => {
                f.write_str("the server refused every AUTH method and the policy requires TLS; the password was not sent")?;
            }
            FailureKind::ProtectionRefused if self.says_not_logged_in() => {
                f.write_str("the server says behind the login that nobody is logged in")?;
            }
            FailureKind::ProtectionRefused => {
                f.write_str("the server refused the data protection the policy requires; no file was moved")?;
            }
            FailureKind::Injected => f.write_str(
                "bytes arrived behind the reply that switches protection: somebody injects replies; the session was ended",
            )?,
            FailureKind::ControlTls(fault) => write!(f, "TLS on the control connection failed: {fault}")?,
            FailureKind::DataTls(fault) => write!(f, "TLS on the data connection failed: {fault}")?,
            FailureKind::SessionReuseRequired => write!(
                f,
                "the server refused {verb}: its data connection has to resume the TLS session of the control connection, and nothing was left to resume from"
            )?,
            FailureKind::DataOpen(fault) => {
                f.write_str("no data connection could be made")?;
                if let Some(verb) = self.verb {
                    write!(f, " for {}", verb.as_str())?;
                }
                write!(f, ": {fault}")?;
            }
            FailureKind::Protocol(malformed) => write!(f, "the server does not speak FTP: {malformed}")?,
            FailureKind::UnexpectedReply => write!(f, "the server answered {verb} with a reply it cannot have")?,
            FailureKind::Desynchronised => f.write_str("the server sent a reply that no command asked for")?,
            FailureKind::ServiceClosing => f.write_str("the server closes the session")?,
            FailureKind::ControlClosed if self.verb.is_none() => f.write_str("the server closed the control connection")?,
            FailureKind::ControlClosed => write!(f, "the server closed the control connection during {verb}")?,
            FailureKind::ControlBroken(fault) if self.verb.is_none() => write!(f, "the control connection broke: {fault}")?,
            FailureKind::ControlBroken(fault) => write!(f, "the control connection broke during {verb}: {fault}")?,
            FailureKind::TimedOut(timer) => write!(f, "no answer in time: {timer}")?,
            FailureKind::Truncated { bytes, expected: Some(expected) } => {
                write!(f, "the transfer is not whole: {bytes} of {expected} bytes")?;
            }
            FailureKind::Truncated { bytes, expected: None } => {
                write!(f, "the transfer is not proved whole: its end is missing after {bytes} bytes")?;
            }
            FailureKind::Longer { bytes, expected } => {
                write!(f, "the transfer is longer than announced: {bytes} instead of {expected} bytes")?;
            }
            FailureKind::Unconfirmed { bytes } => write!(
                f,
                "all {bytes} bytes moved and the data ended cleanly, but the server's confirmation never came"
            )?,
            FailureKind::TransferFailed { bytes } => write!(f, "the server broke {verb} off after {bytes} bytes")?,
            FailureKind::RestartRefused => f.write_str("the server refused the restart point; nothing was moved")?,
            FailureKind::Local { bytes } => write!(f, "the local file failed after {bytes} bytes")?,
            FailureKind::Aborted { bytes } => write!(f, "aborted after {bytes} bytes")?,
            FailureKind::Withdrawn => f.write_str("withdrawn before it was over")?,
            FailureKind::NotAttempted => f.write_str("not attempted: an earlier request failed")?,
            FailureKind::SessionOver => f.write_str("the session was over before")?,
        }
        if self.category() == Category::Transfer
            && matches!(
                self.kind,
                FailureKind::ControlClosed
                    | FailureKind::ControlBroken(_)
                    | FailureKind::ServiceClosing
            )
        {
            f.write_str("; the transfer is not proved whole")?;
        }
        match self.reply() {
            Some(reply) => write!(f, ": {}", reply.display()),
            None => Ok(()),
        }
    }
}

/// What a command does, for people who do not know its name.
const fn in_words(verb: Verb) -> Option<&'static str> {
    use Verb as V;
    Some(match verb {
        V::Retr => "send the file",
        V::Stor | V::Stou | V::Appe => "take the file",
        V::List | V::Nlst | V::Mlsd => "list the directory",
        V::Cwd | V::Cdup => "change to the directory",
        V::Mkd => "make the directory",
        V::Rmd => "delete the directory",
        V::Dele => "delete the file",
        V::Rnfr | V::Rnto => "rename",
        V::Size => "tell the size",
        V::Mdtm => "tell the time",
        V::Mlst => "tell the facts",
        _ => return None,
    })
}

impl core::error::Error for Failure {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Refused => "connection refused",
            Fault::Unreachable => "host unreachable",
            Fault::TimedOut => "timed out",
            Fault::Reset => "connection reset",
            Fault::AddressInUse => "local address not usable",
            Fault::Denied => "not permitted",
            Fault::Other => "transport error",
        })
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsFault::NotTls => "the server answers, but not with TLS",
            TlsFault::ClosedAtHello => {
                "the connection was closed as TLS began, before the server said anything"
            }
            TlsFault::ClosedInHandshake => "the connection was closed in mid-handshake",
            TlsFault::Reset => "the connection was reset in mid-handshake",
            TlsFault::UnknownIssuer => "the certificate is issued by nobody we trust",
            TlsFault::WrongName => "the certificate is for another name",
            TlsFault::Expired => "the certificate is not valid now",
            TlsFault::PinMismatch => "the certificate is not the pinned one",
            TlsFault::Certificate => "the certificate cannot be accepted",
            TlsFault::ClientCertificate => "the server wants a client certificate it accepts",
            TlsFault::Version => "the server speaks only TLS versions that are too old",
            TlsFault::NoCommonCipher => "no cipher in common",
            TlsFault::ApplicationProtocol => "the server refuses the application protocol",
            TlsFault::Alert(alert) => return write!(f, "the server sent TLS alert {alert}"),
            TlsFault::Corrupt => "a record is corrupt",
            TlsFault::Local => "a local setting prevents it",
            TlsFault::Other => "TLS error",
        })
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Timer::Greeting => "the server sent no greeting",
            Timer::Handshake => "the TLS handshake stood still",
            Timer::Reply => "the server did not reply",
            Timer::DataOpen => "the data connection was not established",
            Timer::DataHandshake => "the TLS handshake on the data connection stood still",
            Timer::Stall => "the data connection stood still",
            Timer::Drain => "the data connection did not end",
            Timer::Abort => "the server did not answer the abort",
            Timer::Guard => "an outstanding reply did not come",
            Timer::Quiet => "a reply did not end",
            Timer::Keepalive => "keep-alive",
            Timer::Close => "the server did not close",
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::string::ToString;

    use super::*;

    /// Takes so many bytes.
    struct Full(usize);

    impl fmt::Write for Full {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    /// What is shown says so where it has no room, wherever that is.
    pub(crate) fn is_told_whole_or_not_at_all(value: &dyn fmt::Display) {
        let whole = value.to_string().len();
        for room in 0..whole {
            let written = fmt::write(&mut Full(room), format_args!("{value}"));
            assert!(written.is_err(), "{value} in {room}");
        }
        assert!(fmt::write(&mut Full(whole), format_args!("{value}")).is_ok());
    }

    #[test]
    fn what_has_no_room_is_not_told_as_whole() {
        let failure = |kind| Failure::new(kind, Some(Verb::Stor));
        let time = crate::wire::date::Timestamp::parse(b"20260301120000.25").unwrap();
        let every: [&dyn fmt::Display; 4] = [
            &failure(FailureKind::Injected),
            &failure(FailureKind::SessionReuseRequired),
            &failure(FailureKind::Unconfirmed { bytes: 3 }),
            &time,
        ];
        for value in every {
            is_told_whole_or_not_at_all(value);
        }
    }

    #[test]
    fn not_logged_in_is_about_the_login_whatever_it_answers() {
        let failure = |kind, code| Failure::replied(kind, Some(Verb::Prot), code, Vec::new());
        for kind in [FailureKind::ProtectionRefused, FailureKind::Refused] {
            let refused = failure(kind, Code::NOT_LOGGED_IN);
            assert_eq!(refused.category(), Category::Login);
            assert!(refused.to_string().contains(": 530"), "{refused}");
        }
        let refused = failure(FailureKind::ProtectionRefused, Code::NOT_IMPLEMENTED);
        assert_eq!(refused.category(), Category::Tls);
        // AUTH comes before any login.
        let refused = failure(FailureKind::SecurityRefused, Code::NOT_LOGGED_IN);
        assert_eq!(refused.category(), Category::Tls);
    }

    #[test]
    fn a_transfer_that_is_cut_is_not_proved_whole() {
        for kind in [
            FailureKind::ControlClosed,
            FailureKind::ControlBroken(Fault::Reset),
            FailureKind::ServiceClosing,
        ] {
            let cut = Failure::new(kind, Some(Verb::Stor));
            assert_eq!(cut.category(), Category::Transfer);
            assert!(cut.to_string().ends_with("not proved whole"), "{cut}");
            let before = Failure::new(kind, Some(Verb::Pass));
            assert_eq!(before.category(), Category::Connect);
            assert!(!before.to_string().contains("whole"), "{before}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_words_and_with_its_command() {
        for (verb, words) in [
            (Verb::Retr, "send the file (RETR)"),
            (Verb::Stor, "take the file (STOR)"),
            (Verb::Stou, "take the file (STOU)"),
            (Verb::Appe, "take the file (APPE)"),
            (Verb::List, "list the directory (LIST)"),
            (Verb::Nlst, "list the directory (NLST)"),
            (Verb::Mlsd, "list the directory (MLSD)"),
            (Verb::Cwd, "change to the directory (CWD)"),
            (Verb::Cdup, "change to the directory (CDUP)"),
            (Verb::Mkd, "make the directory (MKD)"),
            (Verb::Rmd, "delete the directory (RMD)"),
            (Verb::Dele, "delete the file (DELE)"),
            (Verb::Rnfr, "rename (RNFR)"),
            (Verb::Rnto, "rename (RNTO)"),
            (Verb::Size, "tell the size (SIZE)"),
            (Verb::Mdtm, "tell the time (MDTM)"),
            (Verb::Mlst, "tell the facts (MLST)"),
        ] {
            let failure = Failure::new(FailureKind::Refused, Some(verb));
            let wanted = alloc::format!("the server refused to {words}");
            assert_eq!(failure.to_string(), wanted);
        }
        let site = Failure::new(FailureKind::Refused, Some(Verb::Site));
        assert_eq!(site.to_string(), "the server refused SITE");
    }

    #[test]
    fn an_end_of_the_session_is_told_with_the_command_it_cut() {
        let told = |kind, verb| Failure::new(kind, verb).to_string();
        let reset = FailureKind::ControlBroken(Fault::Reset);
        assert_eq!(
            told(FailureKind::ControlClosed, None),
            "the server closed the control connection"
        );
        assert_eq!(
            told(FailureKind::ControlClosed, Some(Verb::Cwd)),
            "the server closed the control connection during CWD"
        );
        assert!(told(reset, None).starts_with("the control connection broke: "));
        assert!(
            told(reset, Some(Verb::Cwd)).starts_with("the control connection broke during CWD: ")
        );
        let refused = |code| {
            let kind = FailureKind::ProtectionRefused;
            Failure::replied(kind, Some(Verb::Prot), code, Vec::new()).to_string()
        };
        assert!(refused(Code::NOT_LOGGED_IN).contains("nobody is logged in"));
        assert!(refused(Code::NOT_IMPLEMENTED).contains("the data protection the policy requires"));
    }

    #[test]
    fn advice_fits_what_the_reply_and_the_command_say() {
        let replied = |kind, code| {
            let code = Code::new(code).unwrap();
            Failure::replied(kind, Some(Verb::Stor), code, Vec::new()).advice()
        };
        use FailureKind as K;
        for code in [452, 552] {
            assert!(replied(K::TransferFailed { bytes: 1 }, code).contains("no room"));
        }
        for kind in [K::Refused, K::ProtectionRefused] {
            assert_eq!(replied(kind, 530), "check user name and password");
        }
        for code in [500, 502, 504] {
            assert!(replied(K::Refused, code).contains("does not know this command"));
        }
        assert!(replied(K::Refused, 550).starts_with("check the path"));
        assert!(replied(K::ProtectionRefused, 536).starts_with("ask the administrator"));
        let cut = |kind, verb| Failure::new(kind, Some(verb)).advice();
        for kind in [
            K::ServiceClosing,
            K::ControlClosed,
            K::ControlBroken(Fault::Reset),
        ] {
            assert!(cut(kind, Verb::Retr).contains("go on where it broke off"));
            assert!(cut(kind, Verb::Cwd).starts_with("connect again"));
        }
    }

    #[test]
    fn who_has_to_act_is_who_can() {
        use FailureKind as K;
        for (kind, side) in [
            (K::ControlBroken(Fault::Reset), Side::Network),
            (K::DataOpen(Fault::TimedOut), Side::Network),
            (K::Injected, Side::Network),
            (K::ClearLoginForbidden, Side::Client),
            (K::AccountNeeded, Side::Client),
            (K::Local { bytes: 0 }, Side::Client),
            (K::Aborted { bytes: 0 }, Side::Client),
            (K::Withdrawn, Side::Client),
            (K::NotAttempted, Side::Client),
            (K::SessionOver, Side::Client),
            (K::ControlTls(TlsFault::Local), Side::Client),
            (K::DataTls(TlsFault::Local), Side::Client),
            (K::ControlTls(TlsFault::Expired), Side::Server),
            (K::ControlClosed, Side::Server),
            (K::LoginRefused, Side::Server),
        ] {
            assert_eq!(Failure::new(kind, None).side(), side, "{kind:?}");
        }
    }
}
