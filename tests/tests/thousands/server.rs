//! The embedded server as a process.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ftp_proto::server::Security;
use ftp_proto::tls::ServerTls;
use ftp_proto_async::server::{Account, MemoryStorage, Server, Users};
use ftp_proto_tests::certs::Credential;

/// First argument that makes this program be the server.
pub(crate) const SERVE: &str = "--serve";

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "open sesame";

/// The directory that is listed, and how many files are in it.
pub(crate) const DIRECTORY: &str = "dir";
pub(crate) const FILES: usize = 10;

/// What is downloaded.
pub(crate) fn file() -> Vec<u8> {
    (0..4096_u32).map(|at| (at * 7 % 251) as u8).collect()
}

/// A server process; gone when this is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) port: u16,
    directory: PathBuf,
}

impl Process {
    pub(crate) fn start(sessions: usize, credential: Option<&Credential>) -> Self {
        let directory = std::env::temp_dir().join(format!("ftp-proto-many-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([SERVE, &sessions.to_string()]);
        if let Some(credential) = credential {
            let files = [
                ("cert.pem", &credential.certificate),
                ("key.pem", &credential.key),
            ];
            for (name, text) in files {
                fs::write(directory.join(name), text).unwrap();
                command.arg(directory.join(name));
            }
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        Process {
            child,
            port: said.trim().parse().expect("the server did not start"),
            directory,
        }
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        resident(&self.child.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It lives as long as its standard input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(process: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse::<usize>().unwrap() * 1024
}

/// Serves until the standard input ends. `arguments`: how many sessions there may be, certificate and key if there is TLS.
pub(crate) fn serve(arguments: &[String]) {
    let storage = MemoryStorage::new();
    storage.insert("file", file()).unwrap();
    for number in 0..FILES {
        storage
            .insert(format!("{DIRECTORY}/{number}"), "here")
            .unwrap();
    }
    let users = Users::new().user(USER, PASSWORD, Account::new(Arc::new(storage)));
    let sessions = arguments[0].parse().unwrap();
    let mut builder = Server::builder(users)
        .listen("0.0.0.0:0")
        .max_sessions(sessions)
        .max_sessions_per_address(sessions)
        .configure(|config| {
            config.security = Security::clear();
            // All are there before the first one goes on.
            config.limits.idle_wait = Duration::from_secs(3600);
            config.limits.login_wait = Duration::from_secs(3600);
        });
    if let [_, certificate, key] = arguments {
        let (certificate, key) = (fs::read(certificate).unwrap(), fs::read(key).unwrap());
        let tls = ServerTls::builder().certificate_pem(&certificate, &key);
        builder = builder
            .tls(tls.build().unwrap())
            .configure(|config| config.security = Security::required());
    }
    let server = builder.build().unwrap();
    let handle = server.handle();
    println!("{}", server.addresses()[0].port());
    io::stdout().flush().unwrap();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        handle.shutdown(Duration::ZERO);
    });
    smol::block_on(server.run()).unwrap();
}
