//! Mirrors over a delayed link, beside lftp with as many sessions, in turn.
//!
//! ```text
//! cargo build --release -p ftp-proto-blocking --example ftp
//! cargo bench -p ftp-proto-tests --bench mirror -- --rtt 50 --repeats 3 --files 200 --directories 20 --parallel 4
//! ```
//! With `--aim`, it fails where this project's client is not the faster one.

#[cfg(target_os = "linux")]
mod run;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the delayed link is for Linux only");
}
