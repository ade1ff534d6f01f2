//! Which operation fails, and how.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ftp_proto_blocking::seam::{Connection, Course, Operation, Seam};

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// One byte moves, and no more at once.
    Short,
    /// `WouldBlock`, three times in a row, though it would not.
    Blocks,
    /// By a signal.
    Interrupted,
    /// The peer has reset the connection.
    Reset,
    /// The peer has closed the connection, and what it said last is lost.
    Ends,
    /// The system has given up.
    TimedOut,
    /// Nothing happens any more.
    Silence,
    /// The peer refuses the connection; some systems say it late.
    Refused,
}

impl Kind {
    pub(crate) const ALL: &'static [Kind] = &[
        Kind::Short,
        Kind::Blocks,
        Kind::Interrupted,
        Kind::Reset,
        Kind::Ends,
        Kind::TimedOut,
        Kind::Silence,
        Kind::Refused,
    ];

    /// What a driver has to get over without a word.
    pub(crate) fn is_harmless(self) -> bool {
        matches!(self, Kind::Short | Kind::Blocks | Kind::Interrupted)
    }

    /// Whether it can befall such an operation.
    pub(crate) fn befalls(self, operation: Operation) -> bool {
        use Operation::{Connect, Read, Write};
        match self {
            Kind::Short | Kind::Ends => matches!(operation, Read | Write),
            Kind::Blocks | Kind::Silence => matches!(operation, Connect | Read | Write),
            Kind::Interrupted => matches!(operation, Read | Write),
            Kind::Reset | Kind::TimedOut | Kind::Refused => true,
        }
    }

    /// What comes of the operation it befalls.
    fn first(self, operation: Operation) -> Course {
        match self {
            Kind::Short => Course::AtMost(1),
            Kind::Blocks => Course::Later,
            Kind::Interrupted => Course::Fails(io::ErrorKind::Interrupted),
            Kind::Reset => Course::Fails(io::ErrorKind::ConnectionReset),
            Kind::Ends if operation == Operation::Read => Course::AtMost(0),
            Kind::Ends => Course::Fails(io::ErrorKind::BrokenPipe),
            Kind::TimedOut => Course::Fails(io::ErrorKind::TimedOut),
            Kind::Silence => Course::Never,
            Kind::Refused => Course::Fails(io::ErrorKind::ConnectionRefused),
        }
    }

    /// What comes of later ones on the same connection.
    fn later(self, befell: Operation, operation: Operation) -> Course {
        match self {
            Kind::Short | Kind::Blocks | Kind::Interrupted => Course::Free,
            Kind::Reset | Kind::TimedOut | Kind::Refused => self.first(operation),
            // The other direction goes on.
            Kind::Ends | Kind::Silence if befell == operation => self.first(operation),
            Kind::Ends | Kind::Silence => Course::Free,
        }
    }
}

/// An operation on a connection.
pub(crate) type Step = (Connection, Operation);

/// Lets the `at`-th operation fail, counted from [`Plan::arm`] on; 0 for none.
#[derive(Debug)]
pub(crate) struct Plan {
    at: usize,
    kind: Kind,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    armed: bool,
    steps: Vec<Step>,
    befell: Option<Step>,
    /// It will be ready after so many times.
    blocked: usize,
    /// The connection of `befell` is still the same one.
    lasts: bool,
}

impl Plan {
    pub(crate) fn new(at: usize, kind: Kind) -> Self {
        Plan {
            at,
            kind,
            state: Mutex::default(),
        }
    }

    /// From here on it counts.
    pub(crate) fn arm(&self) {
        self.state().armed = true;
    }

    /// From here on nothing new fails.
    pub(crate) fn disarm(&self) {
        self.state().armed = false;
    }

    /// The operations it has counted.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone()
    }

    /// The operation that failed.
    pub(crate) fn befell(&self) -> Option<Step> {
        self.state().befell
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seam for Plan {
    fn course(&self, connection: Connection, operation: Operation) -> Course {
        let mut state = self.state();
        let step = (connection, operation);
        if let Some((broken, befell)) = state.befell
            && broken == connection
        {
            if state.blocked > 0 && befell == operation {
                state.blocked -= 1;
                return Course::Later;
            }
            if !matches!(operation, Operation::Read | Operation::Write) {
                // Another one.
                state.lasts = false;
            } else if state.lasts && !self.kind.is_harmless() {
                return self.kind.later(befell, operation);
            }
        }
        if !state.armed {
            return Course::Free;
        }
        state.steps.push(step);
        if state.steps.len() != self.at || !self.kind.befalls(operation) {
            return Course::Free;
        }
        state.befell = Some(step);
        state.lasts = true;
        state.blocked = if self.kind == Kind::Blocks { 2 } else { 0 };
        self.kind.first(operation)
    }
}
