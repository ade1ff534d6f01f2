//! A record of a session that can be read, kept, and run again without a network.
//!
//! [`Client::start_recording`](crate::Client::start_recording) lets a machine keep what goes into it and what comes out of it, with the
//! time, the protection and its deadline. [`Trace`] is that record: as text for people ([`Display`](core::fmt::Display), in the style of
//! Kermit's `--->` and `<---`), as JSON Lines for programs ([`Trace::to_json_lines`], [`Trace::read`]). [`replay`] gives what went in to a
//! fresh machine and compares what comes out: the same, or the first line that differs.
//!
//! Passwords and accounts are not in it: that there was one is. Where the server repeats one of six bytes or more, it is masked,
//! in values too.
//!
//! ```
//! use ftp_proto::client::{ClearText, Security};
//! use ftp_proto::trace::{Trace, replay};
//! use ftp_proto::{Client, Config, Input, Instant, Secret};
//!
//! let mut config = Config::default();
//! config.security = Security::clear(ClearText::Everybody);
//! let mut client = Client::new(config, "192.0.2.1".parse().unwrap(), Instant::ZERO);
//! client.start_recording(1 << 20);
//! client.login(Instant::ZERO, b"alice", Secret::new(b"hunter2"), None)?;
//! client.handle(Instant::from_millis(20), Input::Control(b"220 ready\r\n"));
//! while client.poll().is_some() {}
//! client.consume_outgoing(client.outgoing().len());
//! client.handle(Instant::from_millis(40), Input::Control(b"331 hunter2, really?\r\n530 no\r\n"));
//! while client.poll().is_some() {}
//!
//! let json = client.recording().unwrap().to_json_lines();
//! assert!(!json.contains("hunter2"));
//! let trace = Trace::read(&json).unwrap();
//! replay(&trace).unwrap();
//!
//! // What did not happen so is found, by its line.
//! let other = json.replace("530 no", "230 in");
//! let divergence = replay(&Trace::read(&other).unwrap()).unwrap_err();
//! assert!(divergence.to_string().starts_with("line "), "{divergence}");
//! # Ok::<(), ftp_proto::Refusal>(())
//! ```

mod codec;
mod json;
mod recorder;
mod replay;
mod settings;
mod text;
mod words;

pub use json::{Problem, ReadError};
pub(crate) use recorder::{Levels, Tape};
pub use replay::{Divergence, Replayed, replay};

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::client::Config;
use crate::order::{Channel, Fault, News, Tickets};
use crate::time::Instant;
use crate::wire::command::Verb;
use crate::wire::digest::HashAlgorithm;

/// One recorded session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// When it started.
    pub at: Instant,
    /// The server.
    pub peer: IpAddr,
    /// What the machine was told before.
    pub config: Config,
    /// What happened, in order.
    pub entries: Vec<Entry>,
}

/// One thing that happened. Written as JSON Lines it is one line: the first entry is line 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// Whether the control connection was under TLS.
    pub secure: bool,
    /// The machine's deadline then.
    pub deadline: Option<Instant>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    // ---- into the machine
    /// The application asked for something.
    Asked(Asked),
    /// The application gave the running transfer up, under this ticket.
    Aborted(u32),
    /// Nobody waited for this ticket any more.
    Withdrawn(u32),
    /// All that was outgoing has been handed to the transport.
    Flushed,
    /// Bytes of the control connection.
    Control(Vec<u8>),
    /// Its end.
    ControlEof,
    /// Its failure.
    ControlFailed(Fault),
    /// The deadline passed.
    Timeout,
    /// What became of the order of this number.
    Report(u32, Outcome),
    /// How many connections could still resume TLS.
    Tickets(Tickets),
    /// The first bytes that came where TLS was expected.
    Found(Channel, Vec<u8>),
    /// Payload bytes so far on the data connection of this number.
    Progress(u32, u64),
    /// All of the payload was handed to the transport of this data connection.
    SourceEnded(u32),

    // ---- out of the machine
    /// A command, without its line end, secrets masked.
    Sent(Vec<u8>),
    /// A reply to this command; its text with lines joined by LF.
    Received(Option<Verb>, u16, Vec<u8>),
    /// Greeting and security negotiation were over; whether under TLS.
    Ready(bool),
    /// Worth a line in a log.
    Note(String),
    /// An order to the driver: its name, its number (0: no report is due), and its details.
    Ordered(&'static str, u32, String),
    /// A request succeeded: its ticket and its result.
    Done(u32, Vec<u8>),
    /// A request failed: its ticket, the kind of failure, and its sentence.
    Failed(u32, String, Vec<u8>),
    /// The session was over, well or with a failure.
    Closed(Option<(String, Vec<u8>)>),

    // ---- the record itself
    /// The record ends here; whether everything that had come out is in it.
    End {
        /// Nothing was waiting to be polled.
        drained: bool,
    },
    /// The record grew beyond its limit and was stopped here.
    Stopped,
}

/// A request of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Asked {
    /// The ticket it was given.
    pub ticket: u32,
    /// Its kind.
    pub request: RequestKind,
    /// Its command, where the kind leaves it open.
    pub verb: Option<Verb>,
    /// Path, name, user or whole line, by kind.
    pub argument: Vec<u8>,
    /// The new name of a rename.
    pub second: Vec<u8>,
    /// Whether there was a password.
    pub password: bool,
    /// Whether there was an account.
    pub account: bool,
    /// The restart point, in bytes.
    pub offset: u64,
    /// The size the caller knew, in bytes.
    pub size: Option<u64>,
    /// Bytes to reserve.
    pub allocate: Option<u64>,
    /// Bytes of the part that was asked for.
    pub length: Option<u64>,
    /// The algorithm of a digest.
    pub algorithm: Option<HashAlgorithm>,
    /// Whether line ends are converted.
    pub ascii: bool,
    /// Whether the payload of an upload goes with its command.
    pub eager: bool,
}

/// The kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// USER, PASS, ACCT.
    Login,
    /// A command that moves data.
    Transfer,
    /// A command and its reply.
    Simple,
    /// SIZE.
    Size,
    /// HASH.
    Hash,
    /// RNFR, RNTO.
    Rename,
    /// ACCT.
    Account,
    /// A line of the application's own.
    Raw,
    /// REIN.
    Reinitialize,
    /// CCC.
    ClearChannel,
    /// QUIT.
    Quit,
}

/// What became of an order, as the driver reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome(pub(crate) News);

impl What {
    /// Whether it came out of the machine.
    #[must_use]
    pub const fn is_output(&self) -> bool {
        matches!(
            self,
            What::Sent(_)
                | What::Received(..)
                | What::Ready(_)
                | What::Note(_)
                | What::Ordered(..)
                | What::Done(..)
                | What::Failed(..)
                | What::Closed(_)
        )
    }
}

#[cfg(test)]
mod tests;
