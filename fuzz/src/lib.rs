//! What must hold for any input at all, written once: the fuzz targets look for input that breaks it, and `cargo test` replays
//! what they have found so far.
//!
//! Each module is an oracle, `check(data)`: it panics if something does not hold. Those of the text layer take the bytes as text; the
//! two over the client machine read from the first bytes how the session is set up, and take the rest as what the server says
//! ([`client_bytes`]) or as what everybody does ([`client_ops`]). [`server_bytes`] is the same for what a client says to the server machine,
//! and [`pair_ops`] chooses all of a session of both machines: policies, requests, faults, and the order in which things happen.
//! [`tls_channel`] does the same to two TLS channels and the bytes between them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "an oracle says no by panicking"
)]

pub mod ascii;
mod book;
pub mod client_bytes;
pub mod client_ops;
pub mod command;
pub mod extended;
pub mod facts;
pub mod features;
mod guess;
pub mod host_port;
pub mod listing;
pub mod pair_ops;
mod pieces;
pub mod reply;
pub mod reply_split;
pub mod server_bytes;
mod setup;
pub mod texts;
pub mod tls_channel;
mod world;

/// An oracle over the client machine, with a server that repeats the password and the account in every reply once it has been told them: how
/// often it did.
///
/// # Panics
/// If one of them is shown, or something else does not hold.
pub fn with_a_server_that_repeats_secrets(check: fn(&[u8]), data: &[u8]) -> u64 {
    world::repeating(check, data)
}

/// A fuzz target: its name, which is also that of its corpus, and its oracle.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 15] = [
    ("ascii", ascii::check),
    ("client_bytes", client_bytes::check),
    ("client_ops", client_ops::check),
    ("command", command::check),
    ("extended", extended::check),
    ("facts", facts::check),
    ("features", features::check),
    ("host_port", host_port::check),
    ("listing", listing::check),
    ("pair_ops", pair_ops::check),
    ("reply", reply::check),
    ("reply_split", reply_split::check),
    ("server_bytes", server_bytes::check),
    ("texts", texts::check),
    ("tls_channel", tls_channel::check),
];
