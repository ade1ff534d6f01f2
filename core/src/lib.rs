//! FTP and FTPS as a pure state machine: bytes in, bytes out, orders to the world, events to the application.
//!
//! There are no sockets here, no clock, no TLS and no threads. A driver supplies them; `ftp-proto-blocking` does so over mio and rustls.
//!
//! ```text
//!                    methods ──► Ticket                Event ◄── poll
//!   application ───────────────┐                   ┌──────────────── application
//!                              ▼                   │
//!                        ┌───────────────────────────────┐
//!   Input::Control ────► │            Client             │ ────► outgoing()          (levels: look whenever you like)
//!   Input::Report  ────► │  plan (policy)  rules (law)   │ ────► deadline()
//!   Input::Timeout ────► │  wire (text <-> values)       │ ────► Effect with an order (queue: in order, until None)
//!                        └───────────────────────────────┘
//! ```
//!
//! # Layers
//!
//! * [`wire`]: text to values and back, usable alone. What fuzzers call.
//! * [`rules`]: what is legal and what follows from it, for either role. Tables and small automata.
//! * [`client`]: the client machine: policy, plan, and the loop contract.
//! * [`server`]: the server machine, from the other chair: commands in, replies out, questions to the application.
//! * [`listing`]: entries out of what LIST, NLST and MLSD answer, and names that are safe to create.
//! * [`diagnosis`]: what is behind a failure, from the facts a machine records.
//! * `tls` (feature `rustls`): a TLS channel without sockets, for drivers.
//! * `pipe` (feature `rustls`): what every driver needs between its sockets and a machine.
//! * `testing` (features `arbitrary`, `proptest`): dialogues, replies, policies as values, for tests of what is built on this.
//!
//! # The whole loop
//!
//! A driver is four reactions. Here they are with a world that is already there: a server whose replies and file are in memory.
//!
//! ```
//! use ftp_proto::client::{ClearText, Security};
//! use ftp_proto::{
//!     Client, Config, DataEnd, Effect, FlowEnd, Input, Instant, Output, Secret, TransferOptions,
//! };
//!
//! let mut config = Config::default();
//! config.security = Security::clear(ClearText::Anonymous); // only the caller lowers protection
//! let now = Instant::ZERO;
//! let mut client = Client::new(config, "192.0.2.1".parse().unwrap(), now);
//! client.login(now, b"anonymous", Secret::new(b"me@example.org"), None)?;
//! let ticket = client.retrieve(now, b"motd", TransferOptions::default())?;
//!
//! let mut server = [
//!     "220 ready\r\n",
//!     "331 password?\r\n230 in\r\n200 type\r\n213 5\r\n229 (|||50000|)\r\n150 here it comes\r\n",
//!     "226 done\r\n",
//! ]
//! .into_iter();
//! let mut done = None;
//! while done.is_none() {
//!     let mut reports = Vec::new();
//!     // 1. effects and events, in order, until there are none
//!     while let Some(output) = client.poll() {
//!         match output {
//!             Output::Effect(Effect::Connect(order)) => reports.push(order.connected()),
//!             Output::Effect(Effect::Flow(order)) => {
//!                 // here a driver moves the payload, which the machine never sees
//!                 let end = FlowEnd { bytes: 5, source_ended: false, end: DataEnd::Fin };
//!                 reports.push(order.finished(end));
//!             }
//!             Output::Effect(other) => panic!("not in this story: {other:?}"),
//!             Output::Event(event) => done = done.or(ticket.claim(&event)),
//!         }
//!     }
//!     // 2. what is outgoing goes
//!     let sent = client.outgoing().len();
//!     client.consume_outgoing(sent);
//!     // 3. and 4. exactly one thing from the world: here a report, or the next bytes of the server
//!     if reports.is_empty() && let Some(bytes) = server.next() {
//!         client.handle(now, Input::Control(bytes.as_bytes()));
//!     }
//!     for report in reports {
//!         client.handle(now, Input::Report(report));
//!     }
//! }
//! assert_eq!(done.unwrap().unwrap().bytes, 5);
//! # Ok::<(), ftp_proto::Refusal>(())
//! ```
//!
//! # Errors
//!
//! Three kinds, never mixed: [`Refusal`] (you; nothing changed and nothing was sent), [`Malformed`] (text that does not parse), [`Failure`] (the peer or the
//! transport; ends a request or the session, says which, with the reply).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate self as ftp_proto;
#[cfg(feature = "std")]
extern crate std;

pub mod client;
pub mod diagnosis;
mod error;
mod limits;
pub mod listing;
mod order;
mod output;
#[cfg(feature = "rustls")]
pub mod pipe;
pub mod pool;
mod queue;
pub mod rules;
mod secret;
pub mod server;
#[cfg(feature = "arbitrary")]
pub mod testing;
#[cfg(test)]
mod tests;
mod ticket;
mod time;
#[cfg(feature = "rustls")]
pub mod tls;
pub mod trace;
pub mod tree;
pub mod wire;

pub use client::{Client, Config, HashOptions, Input, Session, TransferOptions};
pub use error::{Category, Failure, FailureKind, Malformed, Refusal, Side};
pub use limits::Limits;
pub use order::{
    AcceptOrder, Channel, Close, ConnectOrder, DataEnd, DataId, DataTarget, Desk, Direction, Fault,
    FlowEnd, FlowOrder, ListenOrder, Report, Tickets, TlsFacts, TlsFault, TlsOrder, TlsVersion,
};
pub use output::{DigestDone, Done, Effect, Event, Note, Output, Proof, TransferDone};
pub use secret::Secret;
pub use server::Server;
pub use ticket::{
    Featured, Features, FinalReply, Hashing, Named, Operation, Plain, Replied, Sizing, Ticket,
    TicketId, Timed, Transfer, Transferred,
};
pub use time::{Deadline, Instant, Timer, Timers};
