//! What a machine gives out: effects for the driver and events for the application, in one order.

use core::net::IpAddr;

use crate::client::{AuthMethod, DataMode};
use crate::error::Failure;
use crate::order::{
    AcceptOrder, Close, ConnectOrder, DataId, FlowOrder, ListenOrder, Tickets, TlsFacts, TlsOrder,
};
use crate::ticket::TicketId;
use crate::wire::command::Verb;
use crate::wire::date::Timestamp;
use crate::wire::digest::HashAlgorithm;
use crate::wire::features::FeatureSet;
use crate::wire::reply::{Code, Reply};

/// One thing that comes out of a machine.
#[derive(Debug)]
pub enum Output<'a> {
    /// Something the driver must do.
    Effect(Effect),
    /// Something the application may want to know.
    Event(Event<'a>),
}

/// Something the driver must do. Exhaustive on purpose: a new one must break every driver.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an effect must be carried out"]
pub enum Effect {
    /// Start TLS on the control connection; nothing is waiting to be sent.
    SecureControl(TlsOrder),
    /// End TLS on the control connection by close_notify both ways; bytes behind the peer's are clear text and go to `Input::Control`.
    ClearControl(TlsOrder),
    /// Close the control connection; nothing is waiting to be sent.
    CloseControl,
    /// Connect a data connection.
    Connect(ConnectOrder),
    /// Listen for a data connection.
    Listen(ListenOrder),
    /// Accept a data connection.
    Accept(AcceptOrder),
    /// Start TLS on the data connection.
    SecureData(TlsOrder),
    /// Move payload.
    Flow(FlowOrder),
    /// Close a data connection and its listener, and forget its orders.
    CloseData(DataId, Close),
}

/// Something the application may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A command was put in line to be sent. Secrets are masked.
    Sent {
        /// The verb.
        verb: Verb,
        /// The line without its end.
        line: &'a [u8],
    },
    /// A reply came.
    Received {
        /// The command it answers; `None` for the greeting and for replies nobody asked for.
        verb: Option<Verb>,
        /// The reply.
        reply: Reply<'a>,
    },
    /// Greeting and security negotiation are over.
    Ready {
        /// Whether the control connection is under TLS.
        secure: bool,
    },
    /// Something that is worth a line in a log.
    Note(Note),
    /// A request is over. Comes exactly once for each ticket.
    Finished {
        /// Whose.
        ticket: TicketId,
        /// How.
        result: Result<Done<'a>, &'a Failure>,
    },
    /// The session is over. Comes exactly once, last.
    Closed(Option<&'a Failure>),
}

/// Something that is worth a line in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Note {
    /// The server refused an AUTH method.
    AuthRefused(AuthMethod, Code),
    /// A deprecated way to TLS is in use: AUTH SSL, AUTH TLS-P, or implicit (`None`).
    DeprecatedSecurity(Option<AuthMethod>),
    /// The session goes on in clear text, as the policy allows; said before USER is sent.
    GoingOnInClear,
    /// The control connection is under TLS.
    ControlSecured(TlsFacts),
    /// The control connection is in clear text again (CCC, REIN).
    ControlCleared,
    /// A passive reply named another host; the control peer is used.
    PassiveAddressIgnored(IpAddr),
    /// One way to set up data connections did not work; the next one is tried and remembered.
    DataModeChanged(DataMode, DataMode),
    /// From here on one command at a time.
    LockStep,
    /// TCP of a data connection is up.
    DataConnected(DataId),
    /// A data connection is under TLS.
    DataSecured(DataId, TlsFacts),
    /// Somebody who is not the server connected to our data port and was turned away.
    StrangerRefused(IpAddr),
    /// A second final reply to a transfer was ignored.
    SurplusReply(Code),
    /// There is nothing left to resume the TLS session from: a listing nobody wants goes before the next transfer, for the tickets it brings.
    TicketsSpent,
    /// That listing is over, and this is what can be resumed from now. [`Tickets::None`]: the server decides about the transfer as it is.
    TicketsRenewed(Tickets),
    /// A transfer was given up and the session is being brought back into step.
    Resynchronising,
}

/// The result of a request that succeeded. [`crate::Ticket::claim`] gives it typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Done<'a> {
    /// Nothing to tell.
    Nothing,
    /// A transfer.
    Transfer(TransferDone<'a>),
    /// The final reply.
    Reply(Reply<'a>),
    /// A path name from a 257 reply, decoded; `None` if the reply names none.
    PathName(Option<&'a [u8]>),
    /// A size in bytes.
    Size(u64),
    /// A time.
    Time(Timestamp),
    /// A digest of a file.
    Digest(DigestDone<'a>),
    /// What FEAT lists, with the text of the reply.
    Features(FeatureSet, &'a [u8]),
}

/// A transfer that is proved whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferDone<'a> {
    /// Payload bytes moved.
    pub bytes: u64,
    /// Bytes expected, where known.
    pub expected: Option<u64>,
    /// What kind of proof there is.
    pub proof: Proof,
    /// The name the server chose (STOU), if it said so.
    pub name: Option<&'a [u8]>,
}

/// A digest of a file, or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestDone<'a> {
    /// The algorithm, if it was asked for or the reply names it.
    pub algorithm: Option<HashAlgorithm>,
    /// The first and the last byte that were hashed, if the reply says so.
    pub range: Option<(u64, u64)>,
    /// The digest, first byte first.
    pub digest: &'a [u8],
}

/// What proves that a transfer is whole, beyond the final reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The data connection ended as it must.
    CleanEnd,
    /// The peer's close_notify is missing, but the size agrees.
    SizeOnly,
    /// There was nothing to move.
    Empty,
}
