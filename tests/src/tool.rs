//! The command-line client `ftp`, an example of the blocking driver, as a program to be run.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The program, built with the profile of the test that asks, the first time. Its arguments are the caller's; of the environment it
/// does not see `FTP_PASSWORD`.
///
/// # Panics
/// When it cannot be built: there is nothing to test then.
#[must_use]
#[allow(
    clippy::panic,
    reason = "a test without the program it tests has to stop"
)]
pub fn ftp() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM
        .get_or_init(|| built().unwrap_or_else(|error| panic!("cannot build the client: {error}")));
    let mut command = Command::new(program);
    command.env_remove("FTP_PASSWORD");
    command
}

/// Builds it next to the test that runs: a profile and a target directory that are in use already have the most in them.
fn built() -> io::Result<PathBuf> {
    let test = env::current_exe()?;
    let deps = test.parent();
    let profile = deps
        .and_then(|deps| deps.parent())
        .ok_or_else(|| io::Error::other("the test lies in no target directory"))?;
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = profile
        .parent()
        .ok_or_else(|| io::Error::other("the profile lies in no target directory"))?;
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "ftp-proto-blocking"])
        .args(["--example", "ftp", "--profile", name, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("cargo build: {status}")));
    }
    Ok(profile
        .join("examples")
        .join(format!("ftp{}", env::consts::EXE_SUFFIX)))
}
