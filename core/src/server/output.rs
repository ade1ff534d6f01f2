//! What goes into a server machine and what comes out of it.

use core::net::IpAddr;

use super::Timer;
use super::question::{Answer, Question};
use super::{UserId, VirtualPath};
use crate::order::{DataId, Fault, Report, TlsFacts, TlsFault};
use crate::output::Effect;
use crate::wire::command::Verb;
use crate::wire::first_bytes::FirstBytes;
use crate::wire::reply::Reply;

/// What comes from the world.
#[derive(Debug)]
pub enum Input<'a> {
    /// Clear-text bytes of the control connection, in any pieces.
    Control(&'a [u8]),
    /// The client closed the control connection.
    ControlEof,
    /// The control connection failed.
    ControlFailed(Fault),
    /// The deadline passed.
    Timeout,
    /// What became of an order.
    Report(Report),
    /// What the application said to a question.
    Answer(Answer),
    /// Payload moved on a data connection: bytes in all so far. Told at least once a second while they grow.
    Progress(DataId, u64),
    /// A flow that sends: the whole source has been handed to the transport, close_notify and shutdown included. What is left is the
    /// client's close.
    SourceEnded(DataId),
    /// After [`super::Greeting::Delayed`]: the server is ready now.
    Ready,
    /// The server goes down: 421 as soon as no command runs, then the connection is closed.
    Shutdown,
}

/// One thing that comes out of a machine.
#[derive(Debug)]
pub enum Output<'a> {
    /// Something the driver must do.
    Effect(Effect),
    /// Something the application must decide or do.
    Question(Question),
    /// Something for a log.
    Event(Event<'a>),
}

/// Something for a log. Secrets are masked, and what the client sent is escaped where it is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A command came.
    Command {
        /// The verb, if it is a known one.
        verb: Option<Verb>,
        /// The line without its end, escaped, without secrets.
        line: &'a [u8],
    },
    /// A reply was put in line to be sent.
    Replied {
        /// The command it answers; `None` for the greeting and for 421 that nobody asked for.
        verb: Option<Verb>,
        /// The reply.
        reply: Reply<'a>,
    },
    /// Somebody logged in.
    LoggedIn(UserId),
    /// A login failed; this many have on this connection. For limits per address.
    LoginFailed(u8),
    /// A transfer is over.
    Transferred {
        /// Whose.
        user: UserId,
        /// The command.
        verb: Verb,
        /// What was transferred or listed.
        path: &'a VirtualPath,
        /// Payload bytes moved on the data connection.
        bytes: u64,
        /// Whether it went whole.
        whole: bool,
    },
    /// Something that is worth a line.
    Note(Note),
    /// The session is over. Comes exactly once, last; what is still open is to be closed now.
    Closed(Closing),
}

/// Something that is worth a line in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Note {
    /// The control connection is under TLS.
    ControlSecured(TlsFacts),
    /// The control connection is in clear text again (CCC, REIN).
    ControlCleared,
    /// TCP of a data connection is up.
    DataConnected(DataId),
    /// A data connection is under TLS.
    DataSecured(DataId, TlsFacts),
    /// TLS failed on a data connection.
    DataInsecure(DataId, TlsFault),
    /// A data connection resumed nothing although the policy demands it.
    ReuseMissing(DataId),
    /// Somebody who is not the client connected to our data port and was turned away.
    StrangerRefused(IpAddr),
    /// PORT or EPRT named somebody else, or a low port.
    BounceRefused(IpAddr, u16),
    /// An upload under TLS ended without close_notify.
    CloseNotifyMissing(DataId),
    /// A command line was too long.
    LineTooLong,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closing {
    /// QUIT.
    Quit,
    /// The client closed the control connection.
    Eof,
    /// The control connection failed.
    Broken(Fault),
    /// The client spoke another protocol; it got no answer.
    Foreign(FirstBytes),
    /// Bytes came behind AUTH, CCC or REIN, before the protection had changed.
    Injected,
    /// TLS failed on the control connection.
    ControlTls(TlsFault),
    /// A deadline passed.
    TimedOut(Timer),
    /// Too many logins failed.
    LoginFailures,
    /// Too many lines were no commands, or too long.
    TooManyErrors,
    /// The virtual host is not available.
    HostUnavailable,
    /// Refused or shut down by the application.
    Shutdown,
}
