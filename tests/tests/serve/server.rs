//! The example `serve`, running.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ftp_proto_tests::certs::{Authority, Certificate};
use ftp_proto_tests::tool;

pub(crate) const USER: &str = "tester";
pub(crate) const PASSWORD: &str = "correct horse";

/// A server process and its directory; both are gone when it is dropped.
pub(crate) struct Serve {
    child: Child,
    directory: PathBuf,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Serve {
    /// Starts it with these arguments, on loopback in both families. Writing is allowed, and everything is logged.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Serve::quiet(&[&["-vv"], arguments].concat())
    }

    /// The same without a log.
    pub(crate) fn quiet(arguments: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("serve-{}-{number}", std::process::id()));
        fs::create_dir_all(directory.join("root")).unwrap();
        let authority = Authority::shared().unwrap();
        let credential = authority.server(Certificate::Valid).unwrap();
        fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
        fs::write(directory.join("cert.pem"), &credential.certificate).unwrap();
        fs::write(directory.join("key.pem"), &credential.key).unwrap();
        let (child, addresses) = spawn(&directory, arguments);
        Serve {
            child,
            directory,
            addresses,
        }
    }

    /// Starts it again in the same directory.
    pub(crate) fn restart(&mut self, arguments: &[&str]) {
        (self.child, self.addresses) = spawn(&self.directory, &[&["-vv"], arguments].concat());
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// A place of the client's own.
    pub(crate) fn local(&self) -> PathBuf {
        let local = self.directory.join("local");
        fs::create_dir_all(&local).unwrap();
        local
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and nothing is left of it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn spawn(directory: &Path, arguments: &[&str]) -> (Child, Vec<SocketAddr>) {
    let log = fs::File::create(directory.join("log")).unwrap();
    let mut command = tool::example("serve");
    let tls = !arguments.contains(&"off");
    command
        .arg("--root")
        .arg(directory.join("root"))
        .args(["--user", &format!("{USER}:{PASSWORD}")])
        .args(["--listen", "127.0.0.1:0", "--listen", "[::1]:0"])
        .arg("--writable")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(log);
    if tls {
        command.arg("--cert").arg(directory.join("cert.pem"));
        command.arg("--key").arg(directory.join("key.pem"));
    }
    let mut child = started(&mut command);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let addresses = (0..2).map(|_| {
        let line = output.next().expect("the server did not start").unwrap();
        let address = line.strip_prefix("listening on ").expect(&line);
        address.parse().unwrap()
    });
    let addresses = addresses.collect();
    (child, addresses)
}

fn started(command: &mut Command) -> Child {
    command.spawn().unwrap()
}
