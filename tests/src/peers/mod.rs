//! Real FTP servers on loopback, each in a directory and on ports of its own, gone when dropped.
//!
//! `tests/peers/install.sh` gets them (Debian, as root); [`start`] starts one:
//!
//! ```no_run
//! use ftp_proto_tests::peers::{self, Kind, Options, Tls};
//!
//! let options = Options { tls: Tls::Explicit, require_reuse: true, ..Options::default() };
//! let server = peers::start(Kind::ProFtpd, &options)?;
//! println!("{} {} {}", server.addr(), server.user(), server.password());
//! # Ok::<(), std::io::Error>(())
//! ```

mod account;
mod fixtures;
mod ports;
mod programs;

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use crate::certs::Certificate;
use crate::certs::{Authority, Credential};
use account::Account;
use ports::Block;

/// How long a server may take until it listens. The slowest needs a fifth of a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a server and waits until it accepts connections.
///
/// # Errors
/// `Unsupported` when this kind cannot be set up so (see [`Kind::supports`]), `NotFound` when it is not installed,
/// otherwise whatever went wrong, with the server's log.
pub fn start(kind: Kind, options: &Options) -> io::Result<Server> {
    Server::start(kind, options)
}

/// A running server. Dropping it kills all its processes and removes its directory.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    options: Options,
    account: Account,
    addr: SocketAddr,
    directory: PathBuf,
    root: PathBuf,
    authority: &'static Authority,
    certificate: Credential,
    child: Child,
    // Held until the server is gone.
    _ports: Block,
}

impl Server {
    fn start(kind: Kind, options: &Options) -> io::Result<Self> {
        kind.supports(options)
            .map_err(|reason| io::Error::new(io::ErrorKind::Unsupported, reason))?;
        let home = installation(kind)?;
        let account = Account::read()?;
        crate::watch::password(&account.password);
        let authority = Authority::shared()?;
        let certificate = authority.server(options.certificate)?;
        let ports = Block::claim()?;
        let host = options.address.unwrap_or(match options.ipv6 {
            true => IpAddr::V6(Ipv6Addr::LOCALHOST),
            false => IpAddr::V4(Ipv4Addr::LOCALHOST),
        });
        let directory = fresh_directory()?;
        let site = Site {
            home: &home,
            directory: &directory,
            root: directory.join("root"),
            host,
            port: ports.control(),
            passive: ports.passive(),
            account: &account,
            options,
        };
        let child = site
            .furnish(authority, &certificate)
            .and_then(|()| programs::command(kind, &site))
            .and_then(|command| spawn(&command, &site));
        let root = site.root;
        let child = match child {
            Ok(child) => child,
            Err(error) => {
                remove(&directory);
                return Err(error);
            }
        };
        let mut server = Self {
            kind,
            options: options.clone(),
            account,
            addr: SocketAddr::new(host, ports.control()),
            directory,
            root,
            authority,
            certificate,
            child,
            _ports: ports,
        };
        server.wait_until_it_accepts()?;
        Ok(server)
    }

    /// Where it listens: `127.0.0.1` or `::1`, or [`Options::address`].
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The name to log in with. Besides it there is `anonymous` if [`Options::anonymous`].
    pub fn user(&self) -> &str {
        &self.account.user
    }

    /// The password to log in with.
    pub fn password(&self) -> &str {
        &self.account.password
    }

    /// The login directory on disk; the user may write in it. It begins with
    ///
    /// | name | what |
    /// |---|---|
    /// | `readme.txt` | three lines, modified 2024-02-29 12:34:56 UTC |
    /// | `100k.bin` | 102,400 bytes of every value |
    /// | `empty.bin` | nothing |
    /// | `dir/inner.txt` | one line |
    /// | `a name with spaces.txt` | one line |
    /// | `grüße-日本.txt` | one line, the name in UTF-8 |
    /// | `unreadable.txt` | the user may not read it |
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `PWD` answers right after login: `/` where the server confines its users to [`Server::root`], otherwise
    /// the path on disk.
    pub fn home(&self) -> &str {
        match self.kind {
            Kind::Inetutils => self.root.to_str().unwrap_or_default(),
            _ => "/",
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The process all of its processes descend from.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The authority that signed the server's certificate (unless that one is [`Certificate::SelfSigned`] or
    /// [`Certificate::UnknownIssuer`]) and can make client certificates it accepts.
    pub fn authority(&self) -> &'static Authority {
        self.authority
    }

    /// The authority's certificate, for the client's roots.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// The same as a file, for clients that are programs.
    pub fn ca_path(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The server's own certificate, to pin it.
    pub fn certificate(&self) -> &Credential {
        &self.certificate
    }

    /// Everything the server has written so far, for the message of a failing test.
    pub fn log(&self) -> String {
        logs(&self.directory)
    }

    /// Asks the kernel, not the server: a connection made only to see whether it works would be a session to it, and
    /// ProFTPD answers the next one up to 0.4 s late after a session ended.
    fn wait_until_it_accepts(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while !listens(self.child.id(), self.addr.port()) {
            let kind = self.kind;
            let problem = if self.child.try_wait()?.is_some() {
                "ended at once"
            } else if begun.elapsed() > PATIENCE {
                "does not listen"
            } else {
                sleep(Duration::from_millis(2));
                continue;
            };
            let log = self.log();
            return Err(io::Error::other(format!("{kind} {problem}\n{log}")));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The guard kills the group as soon as its standard input ends.
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > Duration::from_secs(5) {
                let group = format!("-{}", self.child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
                let _ = self.child.wait();
                break;
            }
            sleep(Duration::from_millis(1));
        }
        remove(&self.directory);
    }
}

/// The servers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// vsftpd, from Debian.
    Vsftpd,
    /// ProFTPD with mod_tls, from Debian.
    ProFtpd,
    /// Pure-FTPd, from Debian.
    PureFtpd,
    /// pyftpdlib, from PyPI.
    Pyftpdlib,
    /// GNU inetutils ftpd, from Debian. It has no TLS and takes its passive ports from the kernel.
    Inetutils,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Vsftpd,
        Self::ProFtpd,
        Self::PureFtpd,
        Self::Pyftpdlib,
        Self::Inetutils,
    ];

    /// Whether this server can be set up so.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn supports(self, options: &Options) -> Result<(), &'static str> {
        let tls = options.tls != Tls::Off;
        let needs_tls = options.require_reuse
            || options.require_tls_control
            || options.require_tls_data
            || options.strict_close
            || options.client_certificate;
        let refusals = [
            (
                options
                    .address
                    .is_some_and(|address| address.is_ipv6() != options.ipv6),
                "the address is not of the family asked for",
            ),
            (
                !tls && needs_tls,
                "TLS is off, so nothing of TLS can be required",
            ),
            (tls && self == Self::Inetutils, "inetutils-ftpd has no TLS"),
            (
                options.tls == Tls::Implicit && self == Self::PureFtpd,
                "pure-ftpd has no implicit TLS",
            ),
            (
                options.require_reuse && !matches!(self, Self::Vsftpd | Self::ProFtpd),
                "only vsftpd and proftpd can require that data connections resume the TLS session",
            ),
            (
                options.strict_close && self != Self::Vsftpd,
                "only vsftpd can insist on close_notify",
            ),
            (
                self == Self::PureFtpd && options.require_tls_data && !options.require_tls_control,
                "pure-ftpd requires TLS on data connections only together with the control connection",
            ),
            (
                options.anonymous && matches!(self, Self::PureFtpd | Self::Inetutils),
                "pure-ftpd and inetutils-ftpd have anonymous logins only with a system user named ftp",
            ),
            (
                !options.allow_active && matches!(self, Self::PureFtpd | Self::Inetutils),
                "pure-ftpd and inetutils-ftpd cannot refuse active mode",
            ),
            (
                options.sessions_per_address.is_some() && self == Self::Inetutils,
                "inetutils-ftpd counts no sessions",
            ),
        ];
        match refusals.iter().find(|(refused, _)| *refused) {
            Some((_, reason)) => Err(reason),
            None => Ok(()),
        }
    }

    /// The name of its directory below the installation, and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vsftpd => "vsftpd",
            Self::ProFtpd => "proftpd",
            Self::PureFtpd => "pure-ftpd",
            Self::Pyftpdlib => "pyftpdlib",
            Self::Inetutils => "inetutils",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("no server is called {name:?}"))
    }
}

/// How a server is set up. The default: no TLS, IPv4, the one user, active mode allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether there is TLS and how it begins.
    pub tls: Tls,
    /// Which versions of TLS.
    pub versions: Versions,
    /// Data connections must resume the TLS session of the control connection.
    pub require_reuse: bool,
    /// Logins in clear are refused.
    pub require_tls_control: bool,
    /// Transfers in clear are refused.
    pub require_tls_data: bool,
    /// A TLS connection that ends without close_notify counts as cut off, and the server sends close_notify itself
    /// (vsftpd's `strict_ssl_read_eof` and `strict_ssl_write_shutdown`).
    pub strict_close: bool,
    /// The client must show a certificate from [`Server::authority`].
    pub client_certificate: bool,
    /// The server's certificate.
    pub certificate: Certificate,
    /// Listen on `::1` instead of `127.0.0.1`.
    pub ipv6: bool,
    /// Listen on this address instead, of the family that `ipv6` says. The certificate names it if it is
    /// [`link::FAR`](crate::link::FAR).
    pub address: Option<IpAddr>,
    /// `anonymous` may log in too, to read the same directory.
    pub anonymous: bool,
    /// `PORT` and `EPRT` work.
    pub allow_active: bool,
    /// So many sessions from one address at once.
    pub sessions_per_address: Option<u16>,
    /// For benches: no log of commands, many may upload to one name at once, and data ports are the system's choice (pure-ftpd lets in half as
    /// many clients as it has ports).
    pub quiet: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tls: Tls::Off,
            versions: Versions::Both,
            require_reuse: false,
            require_tls_control: false,
            require_tls_data: false,
            strict_close: false,
            client_certificate: false,
            certificate: Certificate::Valid,
            ipv6: false,
            address: None,
            anonymous: false,
            allow_active: true,
            sessions_per_address: None,
            quiet: false,
        }
    }
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// Never.
    #[default]
    Off,
    /// With `AUTH TLS` (RFC 4217).
    Explicit,
    /// With the first byte.
    Implicit,
}

/// Versions of TLS a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.2 only.
    Tls12Only,
    /// 1.3 only.
    Tls13Only,
}

/// The directory `install.sh` filled: `FTP_PROTO_PEERS`, or `target/peers` in the workspace.
pub fn installed_at() -> PathBuf {
    match std::env::var_os("FTP_PROTO_PEERS") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers"),
    }
}

/// Everything the configuration of one server is made of.
struct Site<'a> {
    /// Where the program is unpacked.
    home: &'a Path,
    /// The server's own directory: configuration, logs, [`Site::root`].
    directory: &'a Path,
    root: PathBuf,
    host: IpAddr,
    port: u16,
    passive: std::ops::RangeInclusive<u16>,
    account: &'a Account,
    options: &'a Options,
}

impl Site<'_> {
    fn furnish(&self, authority: &Authority, certificate: &Credential) -> io::Result<()> {
        fixtures::fill(&self.root, self.account)?;
        // vsftpd wants an empty directory nobody may write to.
        fs::create_dir(self.file("nothing"))?;
        fs::write(self.file("ca.pem"), authority.pem())?;
        fs::write(self.file("cert.pem"), &certificate.certificate)?;
        account::write_secret(&self.file("key.pem"), &certificate.key)?;
        fs::write(self.file("openssl.cnf"), self.openssl_configuration())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// For programs that have no setting for the versions of TLS themselves.
    fn openssl_configuration(&self) -> String {
        let (lowest, highest) = match self.options.versions {
            Versions::Both => ("TLSv1.2", "TLSv1.3"),
            Versions::Tls12Only => ("TLSv1.2", "TLSv1.2"),
            Versions::Tls13Only => ("TLSv1.3", "TLSv1.3"),
        };
        format!(
            "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = versions\n\
             [versions]\nMinProtocol = {lowest}\nMaxProtocol = {highest}\n"
        )
    }
}

fn installation(kind: Kind) -> io::Result<PathBuf> {
    let home = installed_at().join(kind.name());
    match home.join("version").exists() {
        true => home.canonicalize(),
        false => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{kind} is not installed in {}: run tests/peers/install.sh as root",
                home.display()
            ),
        )),
    }
}

fn fresh_directory() -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let directory = std::env::temp_dir().join(format!(
        "ftp-proto-peer-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ));
    // Left behind by a process of the same number that was killed.
    remove(&directory);
    fs::create_dir(&directory)?;
    directory.canonicalize()
}

/// A process that is being killed may still write one more file: so more than one attempt.
fn remove(directory: &Path) {
    for _ in 0..50 {
        match fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                sleep(Duration::from_millis(10));
            }
            _ => return,
        }
    }
}

fn spawn(command: &Command, site: &Site<'_>) -> io::Result<Child> {
    let output = File::create(site.file("output.log"))?;
    let guard = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/guard.sh");
    let mut guarded = Command::new("/bin/sh");
    guarded
        .arg(guard)
        .arg(site.directory)
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("LD_LIBRARY_PATH", site.home.join("libraries"))
        .env("OPENSSL_CONF", site.file("openssl.cnf"))
        .current_dir(&site.root)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
}

/// Whether anybody listens on this port in the network namespace of this process.
fn listens(process: u32, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|table| {
        let text = fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        text.lines().any(|line| {
            let mut columns = line.split_whitespace().skip(1);
            columns.next().is_some_and(|local| local.ends_with(&suffix))
                && columns.nth(1) == Some(LISTEN)
        })
    })
}

fn logs(directory: &Path) -> String {
    let Ok(entries) = fs::read_dir(directory) else {
        return String::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .map(|path| {
            let name = path.file_name().unwrap_or_default().display();
            let text = fs::read(path).unwrap_or_default();
            format!("--- {name}\n{}\n", String::from_utf8_lossy(&text))
        })
        .collect()
}
