//! What is under way between the two machines: bytes, and what stands for TLS and TCP.

use std::collections::VecDeque;
use std::time::Duration;

use ftp_proto::Instant;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The client's end.
    Client,
    /// The server's end.
    Server,
}

impl Side {
    /// Both.
    pub const BOTH: [Side; 2] = [Side::Client, Side::Server];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Side::Client => 0,
            Side::Server => 1,
        }
    }
}

/// One thing on its way to the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Application bytes. `layer` counts the changes of protection before them: even is clear text, odd is TLS.
    Bytes {
        layer: u8,
        bytes: Vec<u8>,
    },
    /// The three flights of a handshake.
    Hello,
    Flight,
    Finished,
    /// TLS 1.3 session tickets.
    Tickets(u8),
    CloseNotify,
    Fin,
    Reset,
}

impl Packet {
    pub(super) fn len(&self) -> usize {
        match self {
            Packet::Bytes { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// One direction of a connection: what was sent first comes first.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<(Instant, Packet)>,
    last: Instant,
    /// Bytes delivered so far.
    pub(super) carried: u64,
    /// Nothing gets through any more, and nobody is told.
    pub(super) dead: bool,
}

impl Lane {
    pub(super) fn push(&mut self, now: Instant, delay: Duration, packet: Packet) {
        if self.dead {
            return;
        }
        self.last = self.last.max(now + delay);
        self.queue.push_back((self.last, packet));
    }

    /// When the next packet arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|(at, _)| *at)
    }

    pub(super) fn head(&self) -> Option<&Packet> {
        self.queue.front().map(|(_, packet)| packet)
    }

    pub(super) fn take(&mut self) -> Option<Packet> {
        self.queue.pop_front().map(|(_, packet)| packet)
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// What is under way is lost.
    pub(super) fn lose(&mut self) {
        self.queue.clear();
    }
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// Both ends see a reset.
    Reset,
    /// The receiver sees an end, the sender a reset: what a box does that closes for somebody else.
    Fin,
    /// Nothing gets through any more, and nobody is told.
    Silent,
}

/// What goes wrong in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Nothing.
    None,
    /// The control connection is cut after so many bytes to this end.
    Control(Side, u64, Cut),
    /// Data connection number `.0` is cut after so many bytes to this end.
    Data(u8, Side, u64, Cut),
    /// An address translator forgets the control connection when it was idle for this long.
    Forgets(Duration),
    /// A firewall cuts every TLS handshake on data connections.
    DataTls(Cut),
    /// A firewall cuts the TLS handshake on the control connection.
    ControlTls(Cut),
    /// A box writes another address into 227.
    Rewrites227,
    /// Data connections are refused (`true`), or nothing comes back.
    DataPorts(bool),
    /// Only the first way to a data connection is open after this many failures.
    SomeDataPorts(u8),
    /// Somebody else connects first.
    Stranger,
    /// The storage fails when an upload is committed.
    Storage,
}

impl Trouble {
    /// In a word, for the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Trouble::None => "none",
            Trouble::Control(_, _, Cut::Reset) => "control reset",
            Trouble::Control(_, _, Cut::Fin) => "control closed by a box",
            Trouble::Control(_, _, Cut::Silent) => "control silent",
            Trouble::Data(_, _, _, Cut::Reset) => "data reset",
            Trouble::Data(_, _, _, Cut::Fin) => "data closed by a box",
            Trouble::Data(_, _, _, Cut::Silent) => "data silent",
            Trouble::Forgets(_) => "idle control forgotten",
            Trouble::DataTls(_) => "data TLS cut",
            Trouble::ControlTls(_) => "control TLS cut",
            Trouble::Rewrites227 => "227 rewritten",
            Trouble::DataPorts(true) => "data ports refused",
            Trouble::DataPorts(false) => "data ports silent",
            Trouble::SomeDataPorts(_) => "some data ports refused",
            Trouble::Stranger => "stranger first",
            Trouble::Storage => "storage fails",
        }
    }
}
