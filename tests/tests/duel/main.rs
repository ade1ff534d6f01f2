//! The client machine against the server machine, in memory and in virtual time.
//!
//! Every session is made from a seed: two policies, requests, latency, and something that goes wrong. Whatever happens, nothing is called
//! whole that is not, nothing goes in clear text that must not, every request is over exactly once, and both machines come to an end.
//!
//! ```sh
//! DUEL_SESSIONS=1000000 cargo test --release -p ftp-proto-tests --test duel sessions -- --nocapture   # more of them
//! DUEL_SEED=42 cargo test -p ftp-proto-tests --test duel one_session -- --nocapture                   # one of them, as a dialogue
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod interleavings;
mod sessions;
