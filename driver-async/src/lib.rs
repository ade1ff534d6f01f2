//! FTP and FTPS for async programs: the machines of [`ftp_proto`] over smol and rustls.
//!
//! Every decision is the machines'; this crate moves bytes. TLS is required unless the caller says otherwise, and a transfer that
//! is reported as done is proved whole.
//!
//! ```no_run
//! use ftp_proto_async::{Client, Secret};
//!
//! # smol::block_on(async {
//! let mut client = Client::connect("ftp.example.org", 21).await?;
//! client.login("alice", Secret::new(b"secret")).await?;
//! let mut file = smol::fs::File::create("report.pdf.part").await.unwrap();
//! let transfer = client.retrieve("reports/today.pdf", &mut file).await?;
//! println!("{} bytes", transfer.bytes);
//! client.quit().await?;
//! # Ok::<(), ftp_proto_async::Error>(())
//! # })?;
//! # Ok::<(), ftp_proto_async::Error>(())
//! ```
//!
//! It runs on any executor: every future is `Send`, if what it reads from and writes to is. With [`Runtime`] it runs on other runtimes than
//! smol altogether, and smol's reactor never starts. With feature `tokio` there is one for tokio:
//! `Client::builder().connect_on(Tokio, "ftp.example.org", 21)`.
//!
//! # Layers
//!
//! ```text
//! pool       clients beside each other
//! client     typed methods     builder  settings     stream  AsyncRead and AsyncWrite
//! pump       the loop: steps of ftp_proto::pipe::Engine, and waits in between
//! net        sockets           tls      what to trust     runtime  what smol, or another one, does
//! tree       whole trees: a plan of ftp_proto::tree, carried out     local  the local side of it
//! ```
#![forbid(unsafe_code)]

mod builder;
mod cancel;
mod client;
mod clock;
mod local;
mod net;
mod pool;
mod pump;
mod runtime;
pub mod server;
mod stream;
mod tls;
mod tree;

/// The machines, for their types.
pub use ftp_proto;
pub use ftp_proto::pipe::{Error, Facts, Failed, Progress, Queued, QueuedStore, TreeDone};
pub use ftp_proto::{HashOptions, Secret, Transfer, TransferOptions};

pub use builder::Builder;
pub use cancel::CancelHandle;
pub use client::Client;
pub use pool::{Pool, PoolBuilder, PooledClient};
pub use runtime::{Runtime, Smol, SmolStream, Stream, Waiting};
#[cfg(feature = "tokio")]
pub use runtime::{Tokio, TokioStream};
/// What a [`Stream`] is made of, for those who bring a [`Runtime`] of their own.
pub use smol::io::{AsyncRead, AsyncWrite};
/// What a [`Stream`] gives its socket as.
pub use socket2::SockRef;
pub use stream::{Reader, Writer};
pub use tree::{Tree, TreeSession};
