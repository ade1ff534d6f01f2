//! One data connection's life.

use crate::order::{DataEnd, DataId, Direction};

/// Where a data connection is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// There is none.
    #[default]
    None,
    /// A listener is asked for, or is up and its address on its way to the peer.
    Listening,
    /// A connection is being made or awaited.
    Opening,
    /// TCP is up; TLS, if it is due, has not begun.
    Open,
    /// The TLS handshake is under way.
    Securing,
    /// Ready for payload.
    Ready,
    /// Payload moves.
    Flowing,
    /// Over.
    Ended(DataEnd),
}

/// One data connection and what is known about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Data {
    /// Its number in the session.
    pub id: DataId,
    /// Where it is in its life.
    pub life: Life,
    /// Whether it is under TLS.
    pub protected: bool,
    /// Whether its TLS is a session of its own, not one resumed from the control connection.
    pub fresh: bool,
    /// Payload bytes moved so far, as reported.
    pub bytes: u64,
    /// Uploads: the application's source was read to its end and handed over.
    pub source_ended: bool,
}

impl Data {
    /// Whether anything is open or about to be.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.life, Life::None | Life::Ended(_))
    }

    /// Whether TCP is up.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(
            self.life,
            Life::Open | Life::Securing | Life::Ready | Life::Flowing
        )
    }

    /// How it ended, if it has.
    #[must_use]
    pub const fn end(&self) -> Option<DataEnd> {
        match self.life {
            Life::Ended(end) => Some(end),
            _ => None,
        }
    }
}

/// What a transfer verb does with a data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// A file from the peer (RETR).
    FileIn,
    /// A listing from the peer (LIST, NLST, MLSD).
    ListIn,
    /// A file to the peer (STOR, APPE, STOU).
    FileOut,
}

impl Payload {
    /// The direction follows the command, not who opened the connection (RFC 959 section 4.1.3).
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Payload::FileIn | Payload::ListIn => Direction::Receive,
            Payload::FileOut => Direction::Send,
        }
    }
}
