//! The example server and other people's clients: one table; and what becomes of files when the server is killed, and of memory when
//! many are there at once.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test serve -- --nocapture
//! SERVE_KILLS=500 cargo test --release -p ftp-proto-tests --test serve kill -- --nocapture
//! SERVE_CROWD=1000 SERVE_SECONDS=60 cargo test --release -p ftp-proto-tests --test serve crowd -- --nocapture
//! ```
//!
//! Each cell of the table uploads a file, finds it in a listing, downloads it, continues a download and an upload that were cut, renames,
//! deletes, and ends in the middle of an upload: as far as the client can. What it cannot is `-`, with the reason below.
//! `tests/peers/install.sh` gets the clients (Debian, as root).

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

mod clients;
mod crowd;
mod kill;
mod server;
mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests of this file run one after the other: some measure.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
