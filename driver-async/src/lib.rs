//! FTP and FTPS for async programs: the machines of [`ftp_proto`] over smol and rustls.
//!
//! Every decision is the machines'; this crate moves bytes.
#![forbid(unsafe_code)]

pub mod server;

/// The machines, for their types.
pub use ftp_proto;
