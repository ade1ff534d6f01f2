//! Whole trees: the planner against a model of two trees, then through sockets and files.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests stop the test they help"
)]

mod digests;
#[path = "../pool/embedded.rs"]
mod embedded;
mod hostile;
mod model;
mod real;
mod world;
