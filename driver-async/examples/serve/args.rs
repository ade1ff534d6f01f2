//! The command line.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Parser, ValueEnum};
use ftp_proto_async::ftp_proto::tls;
use tracing::level_filters::LevelFilter;

/// An FTP and FTPS server for a directory.
///
/// TLS is required on control and data connections, nobody can write, and anonymous users cannot log in, unless you say otherwise.
///
/// Try it: serve --root . --user me:secret --self-signed
#[derive(Debug, Parser)]
#[command(name = "serve", version)]
pub(crate) struct Arguments {
    /// The directory to serve. No path leads out of it, and no symbolic link.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: PathBuf,
    /// Where to listen; can be given several times. Port 0: the system chooses.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2121")]
    pub(crate) listen: Vec<String>,

    /// A user who can log in; can be given several times.
    #[arg(long, value_name = "NAME:PASSWORD", help_heading = "Users")]
    pub(crate) user: Vec<User>,
    /// Lets anonymous users read.
    #[arg(long, help_heading = "Users")]
    pub(crate) anonymous: bool,
    /// Lets users write. Anonymous users never can.
    #[arg(long, help_heading = "Users")]
    pub(crate) writable: bool,

    /// How TLS begins: asked for with AUTH, from the first byte on, or both (see --listen-implicit).
    #[arg(
        long,
        value_enum,
        value_name = "WHICH",
        default_value = "explicit",
        help_heading = "TLS"
    )]
    pub(crate) tls: Tls,
    /// With --tls both: where TLS begins with the first byte.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:2990",
        help_heading = "TLS"
    )]
    pub(crate) listen_implicit: Vec<String>,
    /// The certificate chain, own certificate first, in PEM.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    pub(crate) key: Option<PathBuf>,
    /// Makes a certificate that lasts as long as the server, and prints its SHA-256.
    #[arg(long, conflicts_with = "cert", help_heading = "TLS")]
    pub(crate) self_signed: bool,
    /// Speaks this version of TLS alone; 1.2 and 1.3 by default.
    #[arg(long, value_enum, value_name = "VERSION", help_heading = "TLS")]
    pub(crate) tls_version: Option<Version>,
    /// Nobody logs in without TLS. This is the default.
    #[arg(long, help_heading = "TLS")]
    pub(crate) require_tls: bool,
    /// Clients decide about TLS, also on data connections: passwords and files can be read on the way.
    #[arg(long, conflicts_with = "require_tls", help_heading = "TLS")]
    pub(crate) optional_tls: bool,
    /// No data connection without TLS. This is the default, except with --optional-tls.
    #[arg(long, help_heading = "TLS")]
    pub(crate) require_prot: bool,
    /// Clients decide about TLS on data connections: files can be read on the way.
    #[arg(long, conflicts_with = "require_prot", help_heading = "TLS")]
    pub(crate) optional_prot: bool,
    /// Data connections must resume the TLS session of the control connection: proof that they come from the same client.
    #[arg(long, help_heading = "TLS")]
    pub(crate) require_reuse: bool,

    /// Takes an upload as whole that does not end as TLS says (close_notify): for clients that do not know better. A client that was killed looks
    /// the same.
    #[arg(long, help_heading = "TLS")]
    pub(crate) accept_unclosed: bool,

    /// The ports data connections come to; by default the system chooses.
    #[arg(long, value_name = "A-B", help_heading = "Data connections")]
    pub(crate) passive_ports: Option<Ports>,
    /// The address clients are told to connect to, if an address translator is in between.
    #[arg(long, value_name = "ADDRESS", help_heading = "Data connections")]
    pub(crate) external_address: Option<Ipv4Addr>,
    /// Connects to clients too (PORT, EPRT).
    #[arg(long, help_heading = "Data connections")]
    pub(crate) active: bool,

    /// Keeps what has come of an upload that was cut, under its name, so that clients can go on from there. By default a name holds a whole
    /// file or none.
    #[arg(long, help_heading = "Files")]
    pub(crate) keep_partial: bool,
    /// Confirms an upload when it is on the disk.
    #[arg(long, help_heading = "Files")]
    pub(crate) fsync: bool,

    /// Sessions at once.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1000,
        help_heading = "Limits"
    )]
    pub(crate) max_sessions: usize,
    /// Sessions at once from one address.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        help_heading = "Limits"
    )]
    pub(crate) max_sessions_per_address: usize,
    /// Seconds without a command until a session ends.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Limits"
    )]
    pub(crate) idle: u64,
    /// Seconds that transfers have to end after SIGINT or SIGTERM. A second signal ends all at once.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        help_heading = "Limits"
    )]
    pub(crate) grace: u64,
    /// Threads that serve; one for each processor by default.
    #[arg(long, value_name = "COUNT", help_heading = "Limits")]
    pub(crate) threads: Option<usize>,

    /// Logs logins and transfers; twice: every command and reply.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Arguments {
    pub(crate) fn level(&self) -> LevelFilter {
        match self.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        }
    }
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    /// With AUTH.
    Explicit,
    /// With the first byte.
    Implicit,
    /// Either, at two ports.
    Both,
    /// Never.
    Off,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

impl Version {
    pub(crate) fn spoken(self) -> tls::Version {
        match self {
            Version::Tls12 => tls::Version::Tls12,
            Version::Tls13 => tls::Version::Tls13,
        }
    }
}

/// A user and a password.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl FromStr for User {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((name, password)) if !name.is_empty() && !password.is_empty() => Ok(User {
                name: name.to_owned(),
                password: password.to_owned(),
            }),
            _ => Err("expected NAME:PASSWORD"),
        }
    }
}

/// A range of ports.
#[derive(Clone, Debug)]
pub(crate) struct Ports(pub(crate) RangeInclusive<u16>);

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ports = text.split_once('-').and_then(|(first, last)| {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (0 < first && first <= last).then_some(first..=last)
        });
        ports
            .map(Ports)
            .ok_or("expected two ports as in 50000-50100")
    }
}
