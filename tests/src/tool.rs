//! Examples of the packages as programs to be run; the command-line client `ftp` among them.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The command-line client, built with the profile of the test that asks, the first time. Its arguments are the caller's; of the environment it
/// does not see `FTP_PASSWORD`.
///
/// # Panics
/// When it cannot be built: there is nothing to test then.
#[must_use]
pub fn ftp() -> Command {
    let mut command = example("ftp");
    command.env_remove("FTP_PASSWORD");
    command
}

/// An example of whichever package, built with the profile of the test that asks, the first time.
///
/// # Panics
/// When it cannot be built: there is nothing to test then.
#[must_use]
#[allow(
    clippy::panic,
    reason = "a test without the program it tests has to stop"
)]
pub fn example(name: &'static str) -> Command {
    static BUILT: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut programs = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let program = programs.entry(name).or_insert_with(|| {
        built(name).unwrap_or_else(|error| {
            panic!("cannot build the example {name}: {error}");
        })
    });
    Command::new(program)
}

/// Builds it next to the test that runs, as one of the workspace: when all of its tests are run, cargo has built it with them.
fn built(example: &str) -> io::Result<PathBuf> {
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
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test about its own package, the build script of ring takes for a change: it and all above it would be built again,
    // and once more by the next command that somebody types.
    for (name, _) in env::vars_os() {
        let of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if of_package {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .args(["build", "--quiet", "--workspace", "--example", example])
        .args(["--profile", name, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("cargo build: {status}")));
    }
    let file = format!("{example}{}", env::consts::EXE_SUFFIX);
    Ok(profile.join("examples").join(file))
}
