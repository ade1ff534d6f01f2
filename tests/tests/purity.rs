//! What the core must not contain, and who may know whom.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop the test they help"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every source file below `folder`, with its lines of code: comments and what is behind `#[cfg(test)]` left out.
fn sources(folder: &str) -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    let mut open = vec![workspace().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text
                .lines()
                .take_while(|line| line.trim() != "#[cfg(test)]")
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(str::to_owned)
                .collect();
            found.push((path, code));
        }
    }
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// No line of code in `folder`, but for files whose path holds one of `except`, contains one of `words`.
fn absent(folder: &str, except: &[&str], words: &[&str]) {
    for (path, code) in sources(folder) {
        let path = path.display().to_string();
        if except.iter().any(|except| path.contains(except)) {
            continue;
        }
        for line in code {
            for word in words {
                assert!(!line.contains(word), "{path}: {word} in {line:?}");
            }
        }
    }
}

#[test]
fn the_core_depends_on_nothing() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "-p", "ftp-proto", "-e", "normal", "--offline"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    assert_eq!(tree.lines().count(), 1, "{tree}");
    assert!(tree.starts_with("ftp-proto v"), "{tree}");
}

#[test]
fn the_core_has_no_sockets_clock_threads_files_or_environment() {
    absent(
        "core/src",
        &["/tls/", "/pipe/"],
        &[
            "std::",
            "SystemTime",
            "Instant::now",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "println!",
            "eprintln!",
            "dbg!",
            "thread_rng",
            "getrandom",
            "static mut",
            "thread_local!",
            "Mutex",
            "Atomic",
            "unsafe ",
        ],
    );
    // TLS needs std for rustls, pipes for the traits of reading and writing, and both nothing of the world.
    for folder in ["core/src/tls", "core/src/pipe"] {
        absent(
            folder,
            &["/tests/", "tests.rs"],
            // `std::net::Shutdown` is a word and no socket.
            &[
                "std::net::T",
                "std::net::U",
                "std::net::{",
                "ToSocketAddrs",
                "std::fs",
                "std::thread",
                "std::env",
                "std::process",
                "SystemTime::now",
                "Instant::now",
                "println!",
                "TcpStream",
                "unsafe ",
            ],
        );
    }
}

#[test]
fn the_core_is_no_std_and_nobody_is_unsafe() {
    let root =
        |package: &str| fs::read_to_string(workspace().join(package).join("src/lib.rs")).unwrap();
    assert!(root("core").contains("#![no_std]"));
    for package in ["core", "driver-blocking", "driver-async"] {
        assert!(
            root(package).contains("#![forbid(unsafe_code)]"),
            "{package}"
        );
        absent(
            &format!("{package}/src"),
            &[],
            &["unsafe {", "unsafe fn", "unsafe impl"],
        );
    }
}

#[test]
fn layers_know_only_what_is_below_them() {
    // Text and values: usable alone.
    absent(
        "core/src/wire",
        &[],
        &[
            "crate::client",
            "crate::server",
            "crate::rules",
            "crate::order",
            "crate::output",
            "crate::ticket",
            "crate::tls",
            "crate::diagnosis",
            "crate::limits",
            "crate::secret",
            "crate::time",
        ],
    );
    // The law does not know who asks.
    absent(
        "core/src/rules",
        &[],
        &[
            "crate::client",
            "crate::server",
            "crate::output",
            "crate::ticket",
            "crate::tls",
            "crate::diagnosis",
        ],
    );
    // What is recorded influences nothing: the evidence knows the machines' words only.
    absent(
        "core/src/diagnosis",
        &[],
        &["crate::tls", "crate::wire::command::Command"],
    );
    // Listings are data: nothing of a session.
    absent(
        "core/src/listing",
        &[],
        &[
            "crate::client",
            "crate::server",
            "crate::rules",
            "crate::order",
            "crate::output",
            "crate::ticket",
            "crate::tls",
            "crate::diagnosis",
        ],
    );
    // TLS is below the machines.
    absent(
        "core/src/tls",
        &[],
        &["crate::client", "crate::server", "crate::rules"],
    );
}

#[test]
fn each_dangerous_thing_has_one_maker() {
    // A line to be sent.
    absent(
        "core/src/client",
        &["/say.rs"],
        &["outbox.end()", "outstanding.push_back"],
    );
    // A target for a data connection.
    absent(
        "core/src/client",
        &["/setup.rs"],
        &["DataTarget::Peer {", "DataTarget::Address("],
    );
    // An order.
    absent(
        "core/src",
        &["/src/queue.rs", "/order.rs", "/server/tests/"],
        &[
            "ConnectOrder {",
            "TlsOrder {",
            "FlowOrder {",
            "AcceptOrder {",
        ],
    );
    // The bytes of a secret.
    absent(
        "core/src",
        &[
            "/secret.rs",
            "/client/say.rs",
            "/client/requests.rs",
            "/server/",
        ],
        &[".expose()"],
    );
}

/// Files and the system's verifier are no business of the core, and neither driver knows the other: what both do with them is the same code.
#[test]
fn the_drivers_have_one_text_for_what_the_core_must_not_hold() {
    let code = |driver: &str, file: &str| {
        let mut found = sources(&format!("{driver}/src/{file}"));
        let (_, mut lines) = found.pop().unwrap();
        lines.retain(|line| !line.is_empty());
        lines
    };
    for file in ["local.rs", "tls.rs"] {
        let (blocking, smol) = (code("driver-blocking", file), code("driver-async", file));
        assert!(!blocking.is_empty());
        assert!(blocking == smol, "{file} differs");
    }
}
