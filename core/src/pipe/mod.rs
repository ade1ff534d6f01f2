//! What every driver needs between its sockets and a machine, without the sockets (feature `rustls`).
//!
//! ```text
//! Link     one connection, in clear or under TLS          control connections
//! Pipe     a Link, and payload through it                 data connections
//! Engine   the client machine with both, and its loop     a client driver lends it Sockets, and a call's Payload
//! ```
//!
//! Bytes go in and out; who moves them, and how it is waited for, is the driver's business. Either role uses [`Link`] and [`Pipe`]: the
//! only difference is whose [`Channel`](crate::tls::Channel) is put in, that of [`TlsSession::open`](crate::tls::TlsSession::open) or that
//! of [`ServerTlsSession::accept`](crate::tls::ServerTlsSession::accept).
//!
//! # Loop of a driver, control connection
//!
//! ```text
//! link.fill(&mut socket)                     what is there
//! link.secured(), link.cleared()             where TLS was ordered to begin or to end
//! link.plain(), link.consume(n), link.end()  -> the machine
//! link.send(machine.outgoing(), &mut socket) -> machine.consume_outgoing(n)
//! ```
//!
//! # Loop of a driver, data connection
//!
//! ```text
//! pipe.turn(&mut socket)                     sends, fills, shuts down
//! pipe.plain(), pipe.consume(n)              -> the application's writer
//! pipe.space(), pipe.filled(n)               <- the application's reader; then pipe.source_ended()
//! pipe.ended()                               -> the machine; close the socket, after pipe.cut(&mut socket) if it has not ended
//! ```

mod buffer;
mod client;
#[cfg(feature = "digests")]
mod digest;
mod error;
mod flow;
mod link;
mod tree;
mod trust;
mod writes;

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests;

pub use client::{
    Book, Call, Early, Engine, EventHook, Facts, Kept, Payload, Progress, ProgressHook, Queued,
    QueuedStore, Sockets, Step, Told, Wish,
};
#[cfg(feature = "digests")]
pub use digest::Hasher;
pub use error::{Error, Failed};
pub use flow::{Pipe, Shut, Transport};
pub use link::{Link, LinkEnd, fault};
pub use tree::{TreeDone, local_trouble, transfer_options};
pub use trust::{Platform, TlsSettings};
pub use writes::Writes;
