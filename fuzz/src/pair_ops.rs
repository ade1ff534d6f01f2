//! Both machines over a network in memory: everything that is left to chance there is chosen by the input.

use ftp_proto_tests::pair::{Pair, Script};

/// The first bytes choose policies, requests and what goes wrong, the rest the order in which things happen.
///
/// # Panics
/// If a transfer is called whole that is not, something goes in clear text that must not, or anything is never over, or over twice.
pub fn check(data: &[u8]) {
    let outcome = Pair::new(Script::chosen(data)).run();
    assert!(outcome.steps > 0);
}
