//! The servers that are surveyed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use ftp_proto_tests::certs::{Authority, Certificate};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls, Versions};
use ftp_proto_tests::tool;

/// How the control connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Explicit,
    Implicit,
    Clear,
}

/// A running server, and what the test made of it.
pub(crate) struct Surveyed {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) address: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) ca: PathBuf,
    pub(crate) certificate: Vec<u8>,
    pub(crate) kind: Option<Kind>,
    pub(crate) options: Options,
    running: Running,
}

enum Running {
    Peer(Box<Server>),
    Ours(Ours),
}

impl Surveyed {
    /// Host and port.
    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    /// With user, password, and a file to begin to download.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.mode {
            Mode::Implicit => "ftps",
            _ => "ftp",
        };
        let password = self.password.replace(' ', "%20");
        format!(
            "{scheme}://{}:{password}@{}/100k.bin",
            self.user, self.address
        )
    }

    pub(crate) fn log(&self) -> String {
        match &self.running {
            Running::Peer(server) => server.log(),
            Running::Ours(ours) => {
                fs::read_to_string(ours.directory.join("log")).unwrap_or_default()
            }
        }
    }
}

/// Every kind, in settings that make a difference.
pub(crate) fn start() -> Vec<Surveyed> {
    let tls = |tls, change: fn(&mut Options)| {
        let mut options = Options {
            tls,
            ..Options::default()
        };
        change(&mut options);
        options
    };
    let mut all = vec![
        peer(
            Kind::Vsftpd,
            "vsftpd",
            tls(Tls::Explicit, |options| options.require_reuse = true),
        ),
        peer(Kind::Vsftpd, "vsftpd, implicit", tls(Tls::Implicit, |_| ())),
        peer(
            Kind::ProFtpd,
            "proftpd",
            tls(Tls::Explicit, |options| options.require_reuse = true),
        ),
        peer(
            Kind::ProFtpd,
            "proftpd, TLS demanded",
            tls(Tls::Explicit, |options| {
                options.require_tls_control = true;
                options.require_tls_data = true;
                options.versions = Versions::Tls13Only;
            }),
        ),
        peer(
            Kind::PureFtpd,
            "pure-ftpd",
            tls(Tls::Explicit, |options| options.require_tls_control = true),
        ),
        peer(
            Kind::Pyftpdlib,
            "pyftpdlib",
            tls(Tls::Explicit, |options| {
                options.versions = Versions::Tls12Only;
                options.allow_active = false;
            }),
        ),
        peer(
            Kind::Pyftpdlib,
            "pyftpdlib, implicit",
            tls(Tls::Implicit, |_| ()),
        ),
        peer(Kind::Inetutils, "inetutils", Options::default()),
    ];
    all.push(ours());
    all
}

/// One server.
pub(crate) fn one() -> Vec<Surveyed> {
    vec![ours()]
}

fn peer(kind: Kind, name: &str, options: Options) -> Surveyed {
    let server = peers::start(kind, &options).unwrap();
    Surveyed {
        name: name.to_owned(),
        mode: match options.tls {
            Tls::Off => Mode::Clear,
            Tls::Explicit => Mode::Explicit,
            Tls::Implicit => Mode::Implicit,
        },
        address: server.addr(),
        user: server.user().to_owned(),
        password: server.password().to_owned(),
        ca: server.ca_path(),
        certificate: server.certificate().certificate_der.clone(),
        kind: Some(kind),
        options,
        running: Running::Peer(Box::new(server)),
    }
}

/// The example `serve`.
struct Ours {
    child: Child,
    directory: PathBuf,
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn ours() -> Surveyed {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("survey-{}-{number}", std::process::id()));
    fs::create_dir_all(directory.join("root")).unwrap();
    fs::write(directory.join("root/100k.bin"), vec![7; 100 * 1024]).unwrap();
    let authority = Authority::shared().unwrap();
    let credential = authority.server(Certificate::Valid).unwrap();
    fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
    fs::write(directory.join("cert.pem"), &credential.certificate).unwrap();
    fs::write(directory.join("key.pem"), &credential.key).unwrap();
    let mut child = tool::example("serve")
        .arg("--root")
        .arg(directory.join("root"))
        .args([
            "--user",
            "tester:correct horse",
            "--listen",
            "127.0.0.1:0",
            "-vv",
            "--cert",
        ])
        .arg(directory.join("cert.pem"))
        .arg("--key")
        .arg(directory.join("key.pem"))
        .stdout(Stdio::piped())
        .stderr(fs::File::create(directory.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = output.next().unwrap().unwrap();
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    Surveyed {
        name: "serve".to_owned(),
        mode: Mode::Explicit,
        address,
        user: "tester".to_owned(),
        password: "correct horse".to_owned(),
        ca: directory.join("ca.pem"),
        certificate: credential.certificate_der,
        kind: None,
        // What it demands unless told otherwise.
        options: Options {
            tls: Tls::Explicit,
            require_tls_control: true,
            require_tls_data: true,
            ..Options::default()
        },
        running: Running::Ours(Ours { child, directory }),
    }
}
