//! How many lines of a listing are read in a second, and in how much memory: this project's decoder, suppaftp's parser of
//! lines, and a plain split into words, over the same bytes, in turn, in one run.
//!
//! ```text
//! cargo bench -p ftp-proto-tests --bench listings
//! ```
//!
//! Each listing has a million entries and is never in memory as a whole: blocks of ten thousand different lines come again
//! and again, in pieces of 64 KiB. The number is the median of five rounds. The run fails when suppaftp was faster, or when
//! a listing took more memory than a few lines do.

#[cfg(target_os = "linux")]
mod race;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    // `cargo test --benches` only wants to know whether it starts.
    let is_test = std::env::args().any(|argument| argument == "--test");
    match race::run(if is_test { 10_000 } else { 1_000_000 }) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("listings: {problem}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), &'static str> {
    Err("the contender is built on Linux only")
}
