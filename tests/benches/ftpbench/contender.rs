//! The servers, ready to be measured.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use ftp_proto_tests::peers::{self, Kind, Options, Tls};

use crate::server::{PASSWORD, Serve, USER};

/// Who takes part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    Serve,
    Vsftpd,
    ProFtpd,
    PureFtpd,
    Pyftpdlib,
}

impl Contender {
    pub(crate) const ALL: [Contender; 5] = [
        Contender::Serve,
        Contender::Vsftpd,
        Contender::ProFtpd,
        Contender::PureFtpd,
        Contender::Pyftpdlib,
    ];

    pub(crate) fn named(name: &str) -> Self {
        let found = Contender::ALL
            .into_iter()
            .find(|one| one.to_string() == name);
        found.unwrap_or_else(|| panic!("no server is called {name}"))
    }

    pub(crate) fn start(self, tls: bool) -> Running {
        let kind = match self {
            Contender::Serve => return Running::Serve(serve(tls)),
            Contender::Vsftpd => Kind::Vsftpd,
            Contender::ProFtpd => Kind::ProFtpd,
            Contender::PureFtpd => Kind::PureFtpd,
            Contender::Pyftpdlib => Kind::Pyftpdlib,
        };
        let options = Options {
            tls: if tls { Tls::Explicit } else { Tls::Off },
            quiet: true,
            ..Options::default()
        };
        Running::Peer(Box::new(peers::start(kind, &options).unwrap()))
    }
}

/// As many sessions as others allow. The benchmark's uploads end without close_notify.
fn serve(tls: bool) -> Serve {
    let many = [
        "--max-sessions",
        "2000",
        "--max-sessions-per-address",
        "2000",
    ];
    let security: &[&str] = match tls {
        true => &["--accept-unclosed"],
        false => &["--tls", "off"],
    };
    Serve::quiet(&[&many, security].concat())
}

impl Display for Contender {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Contender::Serve => "serve",
            Contender::Vsftpd => Kind::Vsftpd.name(),
            Contender::ProFtpd => Kind::ProFtpd.name(),
            Contender::PureFtpd => Kind::PureFtpd.name(),
            Contender::Pyftpdlib => Kind::Pyftpdlib.name(),
        })
    }
}

/// One that runs. Stopped when dropped.
pub(crate) enum Running {
    Serve(Serve),
    Peer(Box<peers::Server>),
}

impl Running {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Running::Serve(serve) => serve.addresses[0],
            Running::Peer(peer) => peer.addr(),
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Running::Serve(_) => USER,
            Running::Peer(peer) => peer.user(),
        }
    }

    pub(crate) fn password(&self) -> &str {
        match self {
            Running::Serve(_) => PASSWORD,
            Running::Peer(peer) => peer.password(),
        }
    }

    /// The process all of its processes descend from.
    pub(crate) fn process(&self) -> u32 {
        match self {
            Running::Serve(serve) => serve.process(),
            Running::Peer(peer) => peer.process(),
        }
    }

    /// PEM of the authority behind its certificate.
    pub(crate) fn authority(&self) -> Vec<u8> {
        match self {
            Running::Serve(serve) => std::fs::read(serve.authority()).unwrap(),
            Running::Peer(peer) => peer.ca_pem().into(),
        }
    }
}
