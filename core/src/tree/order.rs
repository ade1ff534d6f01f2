//! What a plan wants done, and what comes of it.
//!
//! An order can be carried out once: its report is made by using it up.

use alloc::vec::Vec;
use core::fmt;

use super::digest::Digest;
use super::found::{Collector, Listing};
use super::path::{LocalPath, Place};
use crate::error::{Failure, FailureKind, Malformed};
use crate::listing::Options as ListingOptions;
use crate::order::TlsFault;
use crate::wire::date::Timestamp;

/// Something to be done now.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub enum Order {
    /// Read a directory.
    Read(ReadOrder),
    /// Ask when a file on the server was changed (MDTM).
    Ask(AskOrder),
    /// Ask how much of a file has arrived at the server (SIZE).
    Measure(MeasureOrder),
    /// Make a directory.
    Make(MakeOrder),
    /// Move the bytes of a file, under another name than its own.
    Copy(CopyOrder),
    /// Compare a file that came whole with the one it is a copy of.
    Check(CheckOrder),
    /// Give a file that is whole its time and its name.
    Publish(PublishOrder),
    /// Delete.
    Remove(RemoveOrder),
}

impl Order {
    /// Whether it takes a session with the server.
    #[must_use]
    pub fn needs_session(&self) -> bool {
        let place = match self {
            Order::Read(order) => &order.place,
            Order::Make(order) => &order.place,
            Order::Publish(order) => &order.from,
            Order::Remove(order) => &order.place,
            Order::Ask(_) | Order::Measure(_) | Order::Copy(_) | Order::Check(_) => return true,
        };
        matches!(place, Place::Remote(_))
    }

    /// It could not be done.
    pub fn failed(self, trouble: Trouble) -> Report {
        match self {
            Order::Read(order) => order.failed(trouble),
            Order::Ask(order) => order.failed(trouble),
            Order::Measure(order) => order.failed(trouble),
            Order::Make(order) => order.failed(trouble),
            Order::Copy(order) => order.failed(0, trouble),
            Order::Check(order) => order.failed(trouble),
            Order::Publish(order) => order.failed(trouble),
            Order::Remove(order) => order.failed(trouble),
        }
    }
}

/// What came of an order.
#[derive(Debug)]
#[must_use = "to be given to the plan"]
pub struct Report {
    pub(super) id: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Listed(Listing),
    Changed(Timestamp),
    Size(u64),
    Done,
    Copied { bytes: u64 },
    Published { time_kept: bool },
    Agrees,
    Differs,
    CannotSay,
    Failed { moved: u64, trouble: Trouble },
}

macro_rules! order {
    ($name:ident) => {
        impl $name {
            fn report(&self, what: What) -> Report {
                Report { id: self.id, what }
            }

            /// It could not be done.
            pub fn failed(self, trouble: Trouble) -> Report {
                self.report(What::Failed { moved: 0, trouble })
            }
        }
    };
}

/// How a directory on the server is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum How {
    /// MLSD with the path.
    Facts,
    /// CWD, then MLSD of the working directory: so a missing directory and an empty one can be told apart whatever the server says.
    FactsInside,
    /// CWD, then LIST of the working directory: no server takes the path for options or patterns.
    ListInside,
    /// LIST with the path.
    List,
    /// STAT with the path, without a data connection.
    Status,
}

/// Read a directory.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct ReadOrder {
    pub(super) id: u64,
    pub(super) place: Place,
    pub(super) how: How,
    pub(super) options: ListingOptions,
    pub(super) most: usize,
}

order!(ReadOrder);

impl ReadOrder {
    /// Which one.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How, if it is on the server.
    #[must_use]
    pub fn how(&self) -> How {
        self.how
    }

    /// Where what the server answers goes to.
    #[must_use]
    pub fn collector(&self) -> Collector {
        Collector::new(&self.options, self.most)
    }

    /// What is in it.
    pub fn listed(self, listing: Listing) -> Report {
        self.report(What::Listed(listing))
    }
}

/// Ask when a file on the server was changed, to keep that time or to find out the zone of a listing.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct AskOrder {
    pub(super) id: u64,
    pub(super) path: Vec<u8>,
}

order!(AskOrder);

impl AskOrder {
    /// Which file.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// When.
    pub fn changed(self, time: Timestamp) -> Report {
        self.report(What::Changed(time))
    }
}

/// Ask how much of a file has arrived at the server.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct MeasureOrder {
    pub(super) id: u64,
    pub(super) path: Vec<u8>,
}

order!(MeasureOrder);

impl MeasureOrder {
    /// Which file.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// So many octets.
    pub fn size_is(self, octets: u64) -> Report {
        self.report(What::Size(octets))
    }
}

/// Make a directory.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct MakeOrder {
    pub(super) id: u64,
    pub(super) place: Place,
}

order!(MakeOrder);

impl MakeOrder {
    /// Which one.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// It is there now.
    pub fn made(self) -> Report {
        self.report(What::Done)
    }
}

/// Move the bytes of a file. They go to a name of their own, see [`PublishOrder`].
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct CopyOrder {
    pub(super) id: u64,
    pub(super) download: bool,
    pub(super) remote: Vec<u8>,
    pub(super) local: LocalPath,
    pub(super) offset: u64,
    pub(super) size: Option<u64>,
}

impl CopyOrder {
    /// From the server, or to it.
    #[must_use]
    pub fn is_download(&self) -> bool {
        self.download
    }

    /// The path on the server.
    #[must_use]
    pub fn remote(&self) -> &[u8] {
        &self.remote
    }

    /// The path on this side. A file that is written is a new one; with an [offset](Self::offset), the one that is there, and no link.
    #[must_use]
    pub fn local(&self) -> &LocalPath {
        &self.local
    }

    /// Octets that are there already: the transfer begins behind them. What the target has behind them is dropped.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Octets of the whole file, if they are known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The transfer is proved whole, and moved `bytes`.
    pub fn copied(self, bytes: u64) -> Report {
        Report {
            id: self.id,
            what: What::Copied { bytes },
        }
    }

    /// It is not whole. `moved` octets of it are in the target for certain, and may be built on.
    pub fn failed(self, moved: u64, trouble: Trouble) -> Report {
        Report {
            id: self.id,
            what: What::Failed { moved, trouble },
        }
    }
}

/// Compare a file that came whole, or looks unchanged, with the one it is a copy of.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct CheckOrder {
    pub(super) id: u64,
    pub(super) remote: Vec<u8>,
    pub(super) local: LocalPath,
    /// Octets on this side.
    pub(super) size: u64,
    pub(super) digest: Option<Digest>,
}

order!(CheckOrder);

impl CheckOrder {
    /// The file on the server.
    #[must_use]
    pub fn remote(&self) -> &[u8] {
        &self.remote
    }

    /// The file on this side.
    #[must_use]
    pub fn local(&self) -> &LocalPath {
        &self.local
    }

    /// By which digest; `None` for SIZE.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The server says the size.
    pub fn size_is(self, octets: u64) -> Report {
        let agrees = octets == self.size;
        self.report(if agrees { What::Agrees } else { What::Differs })
    }

    /// The digest the server made, if one was in its reply, and the one made here.
    pub fn digest_is(self, theirs: Option<&[u8]>, ours: &[u8]) -> Report {
        let what = match theirs {
            Some(theirs) if theirs == ours => What::Agrees,
            Some(_) => What::Differs,
            None => What::CannotSay,
        };
        self.report(what)
    }
}

/// Give a file that is whole its time and its name.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct PublishOrder {
    pub(super) id: u64,
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) time: Option<Timestamp>,
    pub(super) replaces: bool,
}

order!(PublishOrder);

impl PublishOrder {
    /// The name it has.
    #[must_use]
    pub fn from(&self) -> &Place {
        &self.from
    }

    /// The name it gets; on the same side.
    #[must_use]
    pub fn to(&self) -> &Place {
        &self.to
    }

    /// The time of last modification to be set, if any.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// Whether a file of that name may be replaced. If not, there was none: what is there now is in the way ([`LocalTrouble::Exists`]).
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.replaces
    }

    /// It has its name. `time_kept`: and its time, if one was to be set.
    pub fn published(self, time_kept: bool) -> Report {
        self.report(What::Published { time_kept })
    }
}

/// Delete.
#[derive(Debug)]
#[must_use = "a plan waits for the report of every order"]
pub struct RemoveOrder {
    pub(super) id: u64,
    pub(super) place: Place,
    pub(super) directory: bool,
}

order!(RemoveOrder);

impl RemoveOrder {
    /// What.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A directory, which is empty; otherwise a file, or a link itself.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.directory
    }

    /// It is gone.
    pub fn removed(self) -> Report {
        self.report(What::Done)
    }
}

/// Why an order could not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// The server said no, with this code.
    Refused(u16),
    /// No data connection could be made.
    NoDataConnection,
    /// The server answered, and not what it was asked; the session goes on.
    Unreadable,
    /// A transfer broke off or is not proved whole; the session goes on.
    Broken,
    /// What was asked for cannot be put on a command line.
    CannotBeSent,
    /// The session is over; another one may do better.
    SessionOver,
    /// No session can be had: login, certificate, policy.
    NoSession,
    /// The local file system.
    Local(LocalTrouble),
    /// Given up by the caller.
    Cancelled,
}

/// What the local file system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalTrouble {
    /// There is nothing of this name.
    Missing,
    /// There is something of this name.
    Exists,
    /// A link, or not what it was a moment ago.
    Changed,
    /// No right to it.
    Denied,
    /// There is no space left.
    Full,
    /// Anything else.
    Other,
}

impl Trouble {
    /// What a failure of a request means for an order.
    #[must_use]
    pub fn of(failure: &Failure) -> Trouble {
        use FailureKind as K;
        match failure.kind {
            K::Refused | K::RestartRefused => {
                Trouble::Refused(failure.code.map_or(0, |code| code.value()))
            }
            K::DataOpen(_) => Trouble::NoDataConnection,
            K::Protocol(Malformed::Digest) => Trouble::Unreadable,
            K::DataTls(_)
            | K::Truncated { .. }
            | K::Longer { .. }
            | K::TransferFailed { .. }
            | K::NotAttempted
            | K::Withdrawn => Trouble::Broken,
            K::Aborted { .. } => Trouble::Cancelled,
            K::Local { .. } => Trouble::Local(LocalTrouble::Other),
            K::LoginRefused
            | K::AccountNeeded
            | K::ClearLoginForbidden
            | K::SecurityRefused
            | K::ProtectionRefused
            | K::Injected
            | K::SessionReuseRequired => Trouble::NoSession,
            K::ControlTls(
                TlsFault::UnknownIssuer
                | TlsFault::WrongName
                | TlsFault::Expired
                | TlsFault::PinMismatch
                | TlsFault::Certificate
                | TlsFault::ClientCertificate
                | TlsFault::Version
                | TlsFault::NoCommonCipher
                | TlsFault::ApplicationProtocol,
            ) => Trouble::NoSession,
            _ => Trouble::SessionOver,
        }
    }

    /// Whether the next attempt may do better without anything having changed.
    pub(super) fn may_pass(self) -> bool {
        match self {
            Trouble::Refused(code) => (400..500).contains(&code),
            Trouble::Broken | Trouble::SessionOver => true,
            _ => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Refused(code) => return write!(f, "refused by the server ({code})"),
            Trouble::NoDataConnection => "no data connection",
            Trouble::Unreadable => "the server's answer is not understood",
            Trouble::Broken => "the transfer is not whole",
            Trouble::CannotBeSent => "the name cannot be sent",
            Trouble::SessionOver => "the session broke",
            Trouble::NoSession => "no session",
            Trouble::Local(trouble) => return fmt::Display::fmt(trouble, f),
            Trouble::Cancelled => "cancelled",
        })
    }
}

impl fmt::Display for LocalTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LocalTrouble::Missing => "not there",
            LocalTrouble::Exists => "something of this name is there",
            LocalTrouble::Changed => "a link, or changed meanwhile",
            LocalTrouble::Denied => "permission denied",
            LocalTrouble::Full => "no space left",
            LocalTrouble::Other => "local file system",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Fault;
    use crate::wire::command::Verb;
    use crate::wire::reply::Code;

    /// Whether the next attempt, another session, or nothing may help.
    #[test]
    fn failures_are_told_by_what_may_help() {
        use FailureKind as K;
        let cases: [(Trouble, &[FailureKind]); 8] = [
            (Trouble::Refused(0), &[K::Refused, K::RestartRefused]),
            (
                Trouble::NoDataConnection,
                &[K::DataOpen(Fault::Refused), K::DataOpen(Fault::TimedOut)],
            ),
            (Trouble::Unreadable, &[K::Protocol(Malformed::Digest)]),
            (
                Trouble::Broken,
                &[
                    K::DataTls(TlsFault::Reset),
                    K::Truncated {
                        bytes: 1,
                        expected: None,
                    },
                    K::TransferFailed { bytes: 1 },
                    K::NotAttempted,
                    K::Withdrawn,
                ],
            ),
            (Trouble::Cancelled, &[K::Aborted { bytes: 1 }]),
            (
                Trouble::Local(LocalTrouble::Other),
                &[K::Local { bytes: 1 }],
            ),
            (
                Trouble::NoSession,
                &[
                    K::LoginRefused,
                    K::SecurityRefused,
                    K::Injected,
                    K::SessionReuseRequired,
                    K::ControlTls(TlsFault::UnknownIssuer),
                    K::ControlTls(TlsFault::Version),
                ],
            ),
            (
                Trouble::SessionOver,
                &[
                    K::ControlTls(TlsFault::Reset),
                    K::ControlClosed,
                    K::TimedOut(crate::time::Timer::Reply),
                    K::Protocol(Malformed::NotAReply),
                ],
            ),
        ];
        for (trouble, kinds) in cases {
            for kind in kinds {
                let failure = Failure::new(*kind, Some(Verb::Retr));
                assert_eq!(Trouble::of(&failure), trouble, "{failure}");
            }
        }
        let busy = Failure::replied(K::Refused, None, Code::new(450).unwrap(), alloc::vec![]);
        assert_eq!(Trouble::of(&busy), Trouble::Refused(450));
        // A 4yz may pass, a 5yz does not (RFC 959 section 4.2.1).
        for (trouble, may_pass) in [
            (Trouble::Refused(399), false),
            (Trouble::Refused(400), true),
            (Trouble::Refused(499), true),
            (Trouble::Refused(500), false),
            (Trouble::Broken, true),
            (Trouble::SessionOver, true),
            (Trouble::NoDataConnection, false),
            (Trouble::Unreadable, false),
            (Trouble::CannotBeSent, false),
            (Trouble::NoSession, false),
            (Trouble::Local(LocalTrouble::Full), false),
            (Trouble::Cancelled, false),
        ] {
            assert_eq!(trouble.may_pass(), may_pass, "{trouble}");
        }
    }
}
