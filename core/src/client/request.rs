//! What the application asked for, and the commands that make it up.

use alloc::vec::Vec;

use crate::rules::data::Payload;
use crate::secret::Secret;
use crate::ticket::TicketId;
use crate::wire::command::{ProtectionLevel, Type, Verb};
use crate::wire::digest::HashAlgorithm;

use super::config::{AuthMethod, DataMode};

/// One request of the application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) ticket: TicketId,
    pub(super) kind: Kind,
    /// Path, name, user or whole line, by kind.
    pub(super) argument: Vec<u8>,
    /// RNTO's path.
    pub(super) second: Vec<u8>,
    pub(super) password: Secret,
    pub(super) account: Option<Secret>,
    pub(super) offset: u64,
    pub(super) allocate: Option<u64>,
    /// Bytes of the part that is asked for, from `offset` on: RANG says so.
    pub(super) length: Option<u64>,
    /// The algorithm of a digest.
    pub(super) algorithm: Option<HashAlgorithm>,
    pub(super) ascii: bool,
    /// An upload whose payload goes with its command.
    pub(super) eager: bool,
    /// A listing nobody wants, for the tickets its data connection brings.
    pub(super) renewal: bool,
    /// Bytes the whole file has, as the caller or SIZE says.
    pub(super) size: Option<u64>,
    /// An upload that moved so many bytes and whose end is in doubt: the size of the file decides.
    pub(super) doubtful: Option<u64>,
    /// Commands that have left.
    pub(super) sent: Steps,
    /// Commands that were answered as wished.
    pub(super) done: Steps,
}

/// Kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Login,
    Transfer(Verb, Payload),
    /// A command without side conditions.
    Simple(Verb),
    Size,
    Hash,
    Rename,
    /// ACCT outside of a login.
    Account,
    Raw(Option<Verb>),
    Reinitialize,
    ClearChannel,
    Quit,
}

/// One command of a request, or of the machine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Auth(AuthMethod),
    User,
    Pass,
    Acct,
    Pbsz,
    Prot(ProtectionLevel),
    Type(Type),
    /// OPTS HASH.
    Algorithm(HashAlgorithm),
    Size,
    Setup(DataMode),
    Allo,
    /// REST or RANG.
    Rest,
    /// The command the request is about.
    Verb,
    RenameTo,
    /// SIZE of a file that was stored.
    Confirm,
    Abort,
    Barrier,
    Keepalive,
}

/// What a server may still remember of a request that did not take it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Left {
    /// The point REST named.
    Point,
    /// The range RANG named.
    Range,
}

/// A set of steps by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Steps(u16);

/// A command that waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Expected {
    pub(super) step: Step,
    pub(super) verb: Verb,
    pub(super) ticket: Option<TicketId>,
    pub(super) kind: Option<Kind>,
    /// The request has given this command up; its reply only has to be taken.
    pub(super) orphan: bool,
    pub(super) preliminaries: u8,
}

impl Steps {
    pub(super) fn has(self, step: Step) -> bool {
        self.0 & step.bit() != 0
    }

    pub(super) fn insert(&mut self, step: Step) {
        self.0 |= step.bit();
    }

    pub(super) fn remove(&mut self, step: Step) {
        self.0 &= !step.bit();
    }
}

impl Step {
    const fn bit(self) -> u16 {
        match self {
            Step::User => 1,
            Step::Pass => 1 << 1,
            Step::Acct => 1 << 2,
            Step::Pbsz => 1 << 3,
            Step::Prot(_) => 1 << 4,
            Step::Type(_) => 1 << 5,
            Step::Size => 1 << 6,
            Step::Setup(_) => 1 << 7,
            Step::Allo => 1 << 8,
            Step::Rest => 1 << 9,
            Step::Verb => 1 << 10,
            Step::RenameTo => 1 << 11,
            Step::Confirm => 1 << 12,
            Step::Algorithm(_) => 1 << 13,
            Step::Auth(_) | Step::Abort | Step::Barrier | Step::Keepalive => 0,
        }
    }
}

impl Kind {
    /// The verb of the request's own command.
    pub(super) const fn verb(self) -> Verb {
        match self {
            Kind::Login => Verb::User,
            Kind::Transfer(verb, _) | Kind::Simple(verb) | Kind::Raw(Some(verb)) => verb,
            Kind::Size => Verb::Size,
            Kind::Hash => Verb::Hash,
            Kind::Rename => Verb::Rnfr,
            Kind::Account => Verb::Acct,
            Kind::Raw(None) => Verb::Site,
            Kind::Reinitialize => Verb::Rein,
            Kind::ClearChannel => Verb::Ccc,
            Kind::Quit => Verb::Quit,
        }
    }

    /// Whether the request's own command only reads: it may ride behind others and others behind it.
    pub(super) const fn only_reads(self) -> bool {
        match self {
            Kind::Size | Kind::Hash => true,
            Kind::Transfer(_, payload) => !matches!(payload, Payload::FileOut),
            Kind::Simple(verb) => matches!(
                verb,
                Verb::Pwd
                    | Verb::Syst
                    | Verb::Feat
                    | Verb::Noop
                    | Verb::Mdtm
                    | Verb::Mlst
                    | Verb::Stat
                    | Verb::Help
                    | Verb::Opts
            ),
            _ => false,
        }
    }
}

impl Request {
    pub(super) fn new(ticket: TicketId, kind: Kind) -> Self {
        Request {
            ticket,
            kind,
            argument: Vec::new(),
            second: Vec::new(),
            password: Secret::default(),
            account: None,
            offset: 0,
            allocate: None,
            length: None,
            algorithm: None,
            ascii: false,
            eager: false,
            renewal: false,
            size: None,
            doubtful: None,
            sent: Steps::default(),
            done: Steps::default(),
        }
    }

    /// Makes a finished request ready for another use without giving its memory back.
    pub(super) fn recycle(&mut self, ticket: TicketId, kind: Kind) {
        self.ticket = ticket;
        self.kind = kind;
        self.argument.clear();
        self.second.clear();
        self.password = Secret::default();
        self.account = None;
        self.offset = 0;
        self.allocate = None;
        self.length = None;
        self.algorithm = None;
        self.ascii = false;
        self.eager = false;
        self.renewal = false;
        self.size = None;
        self.doubtful = None;
        self.sent = Steps::default();
        self.done = Steps::default();
    }

    /// Whether its [`Step::Rest`] is RANG: for a part, or to take one back.
    pub(super) fn says_range(&self, left: Option<Left>) -> bool {
        self.length.is_some() || (self.offset == 0 && left == Some(Left::Range))
    }

    /// The representation type the request needs; listings take whatever is set (RFC 1123 section 4.1.2.7).
    pub(super) fn wanted_type(&self) -> Option<Type> {
        match self.kind {
            Kind::Transfer(_, Payload::FileIn | Payload::FileOut) if self.ascii => {
                Some(Type::Ascii)
            }
            Kind::Transfer(_, Payload::FileIn | Payload::FileOut) | Kind::Size | Kind::Hash => {
                Some(Type::Image)
            }
            _ => None,
        }
    }

    /// Whether it is a transfer whose data is still to be moved, or moves.
    pub(super) fn needs_data(&self) -> bool {
        matches!(self.kind, Kind::Transfer(..)) && self.doubtful.is_none()
    }

    /// The path of the file an upload went to.
    pub(super) fn stored_as(&self) -> &[u8] {
        match self.kind {
            // What the server has chosen.
            Kind::Transfer(Verb::Stou, _) => &self.second,
            _ => &self.argument,
        }
    }

    /// A download of a file from its first byte to its last, as it is.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.kind, Kind::Transfer(_, Payload::FileIn))
            && !self.ascii
            && self.offset == 0
            && self.length.is_none()
    }

    /// Bytes the data connection must carry, where known.
    pub(super) fn expected_bytes(&self) -> Option<u64> {
        match self.kind {
            Kind::Transfer(_, Payload::FileIn) if !self.ascii => self
                .length
                .or_else(|| self.size.map(|size| size.saturating_sub(self.offset))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// None stands for another one, so that no command is taken for sent, or answered, that was not.
    #[test]
    fn a_set_of_steps_holds_each_by_itself() {
        let all = [
            Step::User,
            Step::Pass,
            Step::Acct,
            Step::Pbsz,
            Step::Prot(ProtectionLevel::Private),
            Step::Type(Type::Image),
            Step::Algorithm(HashAlgorithm::Sha1),
            Step::Size,
            Step::Setup(DataMode::Epsv),
            Step::Allo,
            Step::Rest,
            Step::Verb,
            Step::RenameTo,
            Step::Confirm,
        ];
        for step in all {
            let mut steps = Steps::default();
            assert!(!steps.has(step));
            steps.insert(step);
            for other in all {
                assert_eq!(steps.has(other), other == step, "{other:?} for {step:?}");
                steps.insert(other);
            }
            steps.remove(step);
            for other in all {
                assert_eq!(steps.has(other), other != step, "{other:?} for {step:?}");
            }
        }
        // The machine's own are of no request.
        let mut steps = Steps::default();
        steps.insert(Step::Barrier);
        assert_eq!(steps, Steps::default());
    }

    /// An upload in doubt is past its data, and the size is asked by the name the file got.
    #[test]
    fn a_request_needs_data_until_it_was_moved() {
        let ticket = TicketId(1);
        let upload = Kind::Transfer(Verb::Stou, Payload::FileOut);
        let mut request = Request::new(ticket, upload);
        request.argument.extend_from_slice(b"hint");
        request.second.extend_from_slice(b"uniq.1");
        assert!(request.needs_data());
        assert_eq!(request.stored_as(), b"uniq.1");
        request.doubtful = Some(3);
        request.eager = true;
        assert!(!request.needs_data());
        request.recycle(ticket, Kind::Size);
        assert!(!request.needs_data());
        assert_eq!(request, Request::new(ticket, Kind::Size));
        request.argument.extend_from_slice(b"f");
        assert_eq!(request.stored_as(), b"f");
    }

    #[test]
    fn the_bytes_to_come_are_those_of_the_part_or_of_the_rest() {
        let file = Kind::Transfer(Verb::Retr, Payload::FileIn);
        let expected = |kind, ascii, offset, size, length| {
            let mut request = Request::new(TicketId(1), kind);
            request.ascii = ascii;
            request.offset = offset;
            request.size = size;
            request.length = length;
            (request.expected_bytes(), request.is_whole())
        };
        assert_eq!(expected(file, false, 0, Some(10), None), (Some(10), true));
        assert_eq!(expected(file, false, 4, Some(10), None), (Some(6), false));
        assert_eq!(expected(file, false, 4, Some(3), None), (Some(0), false));
        assert_eq!(
            expected(file, false, 0, Some(10), Some(2)),
            (Some(2), false)
        );
        assert_eq!(expected(file, false, 0, None, None), (None, true));
        assert_eq!(expected(file, true, 0, Some(10), None), (None, false));
        let upload = Kind::Transfer(Verb::Stor, Payload::FileOut);
        assert_eq!(expected(upload, false, 0, Some(10), None), (None, false));
    }
}
