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
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod tree;

/// The machine, for its types.
pub use ftp_proto;
pub use ftp_proto::pipe::{Error, Facts, Failed, Progress, Queued, TreeDone};
pub use ftp_proto::{Secret, Transfer, TransferOptions};

pub use builder::Builder;
pub use cancel::CancelHandle;
pub use client::Client;
pub use stream::{Reader, Writer};
pub use tree::Tree;
