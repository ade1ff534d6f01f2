//! The engine explains itself: every cause with a session in which it is at work and one that only looks like it; the symptoms of
//! old questions about FTPS; faults of known cause by the thousand; and proof that nothing recorded changes anything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod faults;
mod hard;
mod network;
mod peers;
mod rules;
mod scene;
#[path = "../bad_input/scripted.rs"]
#[allow(dead_code, reason = "what only the other suite's scripts use")]
mod scripted;
mod simulated;
mod symptoms;
mod tool;
