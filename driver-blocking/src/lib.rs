//! FTP and FTPS for programs that block: the machine of [`ftp_proto`] over mio and rustls.
//!
//! Every decision is the machine's; this crate moves bytes. TLS is required unless the caller says otherwise, and a transfer that
//! is reported as done is proved whole.
//!
//! ```no_run
//! use ftp_proto_blocking::{Client, Secret};
//!
//! let mut client = Client::connect("ftp.example.org", 21)?;
//! client.login("alice", Secret::new(b"secret"))?;
//! let mut file = std::fs::File::create("report.pdf.part").unwrap();
//! let transfer = client.retrieve("reports/today.pdf", &mut file)?;
//! println!("{} bytes", transfer.bytes);
//! client.quit()?;
//! # Ok::<(), ftp_proto_blocking::Error>(())
//! ```
//!
//! # Several sessions beside each other
//!
//! A thread for each, and a [`Client`] of its own: it is `Send`, and nothing is shared. How many sessions there may be, and how long a
//! server that has too many is left alone, is the core's to decide: a [`Quota`](ftp_proto::pool::Quota) behind a mutex is asked before a
//! session is opened and told what became of it. A session serves whoever connected it: its settings cannot be changed, so those that
//! want others connect another one. The async driver has a pool ready made.
//!
//! # Layers
//!
//! ```text
//! client     typed methods     builder  settings     stream  Read and Write
//! pump       the loop: steps of ftp_proto::pipe::Engine, and waits in between
//! net        sockets           tls      what to trust
//! tree       whole trees: a plan of ftp_proto::tree, carried out     local  the local side of it
//! ```
#![forbid(unsafe_code)]

mod builder;
mod cancel;
mod client;
mod clock;
mod local;
mod net;
mod pump;
#[doc(hidden)]
pub mod seam;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod tree;

/// The machine, for its types.
pub use ftp_proto;
pub use ftp_proto::pipe::{Error, Facts, Failed, Progress, Queued, QueuedStore, TreeDone};
pub use ftp_proto::{HashOptions, Secret, Transfer, TransferOptions};

pub use builder::Builder;
pub use cancel::CancelHandle;
pub use client::Client;
pub use stream::{Reader, Writer};
pub use tree::Tree;
