//! FTPS with real servers, hundreds of transfers on one control connection.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test ftps -- --nocapture
//! FTPS_SOAK=10000 FTPS_ONLY=vsftpd cargo test --release -p ftp-proto-tests --test ftps soak -- --nocapture
//! ```
//!
//! `FTPS_SOAK` is the number of transfers on each server, `FTPS_ONLY` leaves out servers with other names and the other clients.
//!
//! Needs the servers that `tests/peers/install.sh` fetches, and root. A server that is not installed fails its test.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first thing it does not expect"
)]

mod ccc;
mod cuts;
mod failures;
mod others;
mod remedies;
mod session;
mod soak;
mod two;
