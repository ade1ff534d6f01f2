//! Scripts against machines in memory: no sockets, no TLS, a clock that jumps from deadline to deadline.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod client;
mod server;

use ftp_proto::client::Batching;

use super::client::play;
use super::script::{Ask, Expect, Part, Script};
use crate::bench_server::{Bench, CLIENT, LOCAL};
use client::against_client;
use server::BenchSide;

/// A request that has not ended after so many deadlines never will.
const DEADLINES: usize = 400;

/// A script against the machine it is made for.
///
/// # Errors
/// What came otherwise than the script says.
pub fn run(script: &Script) -> Result<(), String> {
    match &script.part {
        Part::Server(part) => {
            against_client(script, part.client.config(&script.limits))?;
            // Odd answers that do no harm do none to a client that waits for each of them either.
            let harmless = |ask: &Ask| {
                ask.expect
                    .iter()
                    .all(|expect| !matches!(expect, Expect::Fails(_)))
            };
            if part.asks.iter().all(harmless) {
                let mut config = part.client.config(&script.limits);
                config.batching = Batching::LockStep;
                against_client(script, config).map_err(|what| format!("in lock-step: {what}"))?;
            }
            Ok(())
        }
        Part::Client(part) => {
            let mut side = BenchSide::new(
                Bench::from(part.server.config(&script.limits), CLIENT, LOCAL),
                || Bench::from(part.server.config(&script.limits), CLIENT, LOCAL),
                part.server.rights(),
            );
            play(script, &mut side)
        }
    }
}
