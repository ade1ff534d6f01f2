//! FTP and FTPS as a pure state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod client;
pub mod diagnosis;
mod error;
mod limits;
mod order;
mod output;
pub mod rules;
mod secret;
mod ticket;
mod time;
#[cfg(feature = "rustls")]
pub mod tls;
pub mod wire;

pub use client::{Client, Config, Input, Session, TransferOptions};
pub use error::{Category, Failure, FailureKind, Malformed, Refusal, Side};
pub use limits::Limits;
pub use order::{
    AcceptOrder, Channel, Close, ConnectOrder, DataEnd, DataId, DataTarget, Desk, Direction, Fault,
    FlowEnd, FlowOrder, ListenOrder, Report, Tickets, TlsFacts, TlsFault, TlsOrder, TlsVersion,
};
pub use output::{Done, Effect, Event, Note, Output, Proof, TransferDone};
pub use secret::Secret;
pub use ticket::{
    Featured, Features, FinalReply, Named, Operation, Plain, Replied, Sizing, Ticket, TicketId,
    Timed, Transfer, Transferred,
};
pub use time::{Instant, Timer, Timers};
