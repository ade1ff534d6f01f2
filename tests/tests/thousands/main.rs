//! Thousands of sessions at once from one process, each with login, listing and a download: none fails, and what each costs in memory.
//!
//! The server is the embedded one, in a process of its own, so that either has its own descriptors and its memory can be told apart.
//! `SESSIONS_AT_ONCE` says how many. A program without the test harness: it is its own server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure ends the test"
)]

#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod server;

#[cfg(target_os = "linux")]
use ftp_proto_tests::certs::{Authority, Certificate};

/// In the short form.
#[cfg(target_os = "linux")]
const SESSIONS: usize = 500;

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("memory is read from /proc");
}

#[cfg(target_os = "linux")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((server::SERVE, rest)) = arguments
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        return server::serve(rest);
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let sessions = std::env::var("SESSIONS_AT_ONCE")
        .map_or(SESSIONS, |count| count.parse().expect("SESSIONS_AT_ONCE"));
    descriptors::make_room(sessions);
    clients::run(sessions, None);
    let authority = Authority::shared().unwrap();
    let credential = authority.server(Certificate::Valid).unwrap();
    clients::run(sessions, Some((authority.pem(), &credential)));
}
