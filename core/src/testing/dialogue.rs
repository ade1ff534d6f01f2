//! Whole sessions as values: what the application asks, what the server says, what becomes of orders, and in which order.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::client::Config;
use crate::order::{Fault, TlsFault};
use crate::wire::reply::Code;

use super::stage::Stage;
use super::{Call, Spoken, Story};

/// A session to be played: both sides and the network. The default is a server that does everything it is asked for, on a network
/// without faults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialogue {
    /// The first words of the server.
    pub greeting: Answer,
    /// What the application asks for, in order.
    pub calls: Vec<Call>,
    /// Answers to the commands in the order they come; then [`Answer::Usual`].
    pub answers: Vec<Answer>,
    /// Outcomes of the orders in the order they come; then [`Outcome::Good`].
    pub outcomes: Vec<Outcome>,
    /// Which of the things that could happen next happens: an index into (what the server has said, reports of orders, the next
    /// call), those that there are. Then the first of them.
    pub schedule: Vec<u8>,
    /// How many bytes of what the server says come at once, over and over; empty, and 0, for all there are.
    pub pieces: Vec<u8>,
    /// The size of every file, in bytes.
    pub size: u64,
}

/// What a server says to one command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answer {
    /// What servers usually say to it.
    #[default]
    Usual,
    /// These replies.
    Says(Vec<Spoken>),
    /// What servers usually say, and these bytes in the same piece.
    UsualAnd(Vec<u8>),
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing.
    Silence,
    /// It closes the control connection.
    Closes,
    /// The control connection breaks.
    Breaks(Fault),
}

/// What becomes of an order. What does not fit the order is [`Outcome::Good`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// What was wanted.
    #[default]
    Good,
    /// A connection or listener is not to be had.
    Fails(Fault),
    /// TLS fails: as it starts, or in mid-flow.
    TlsFails(TlsFault),
    /// Somebody else connects.
    Stranger,
    /// Half of the payload, and then an end as if it were all.
    Short,
    /// All of the payload, and then FIN without close_notify.
    NoCloseNotify,
    /// Half of the payload, and then the data connection breaks.
    Breaks(Fault),
    /// The application's own reader or writer fails halfway.
    LocalFails,
    /// Nothing is ever heard of it.
    Never,
}

impl Dialogue {
    /// Plays it with a client under `config` on a control connection to `peer`. Ends when the session is over, or when nothing is left
    /// to happen.
    #[must_use]
    pub fn play(&self, config: Config, peer: IpAddr) -> Story {
        Stage::new(self, config, peer).play()
    }

    /// Plays it behind another story, on the same connection: the greeting is not said again.
    ///
    /// ```
    /// use ftp_proto::client::{ClearText, Config, Security};
    /// use ftp_proto::testing::{Call, Dialogue};
    ///
    /// let mut config = Config::default();
    /// config.security = Security::clear(ClearText::Everybody);
    /// let peer = "192.0.2.1".parse().unwrap();
    /// let quiet = Dialogue::default().play(config, peer);
    /// let mut dialogue = Dialogue::default();
    /// dialogue.calls = vec![Call::WorkingDirectory];
    /// let story = dialogue.play_behind(&quiet, peer);
    /// assert!(story.succeeded(0));
    /// ```
    #[must_use]
    pub fn play_behind(&self, story: &Story, peer: IpAddr) -> Story {
        Stage::behind(self, story, peer).play()
    }
}

impl Answer {
    /// One reply of one line; [`Answer::Usual`] if `code` is none.
    #[must_use]
    pub fn says(code: u16, text: &[u8]) -> Self {
        Code::new(code).map_or(Answer::Usual, |code| {
            Answer::Says(alloc::vec![Spoken::line(code, text)])
        })
    }
}
