//! What a server is told before a session starts. Protection is required on both connections unless lowered here.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use crate::limits::Limits;
use crate::wire::digest::HashAlgorithm;

/// Everything a session is told before it starts.
///
/// ```
/// use ftp_proto::server::{Config, Security};
/// let mut config = Config::default(); // TLS on control and data connection
/// config.patterns = false;
/// let lenient = Config::new(Security::optional()); // the client decides
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// Protection of control and data connection.
    pub security: Security,
    /// What is said first.
    pub greeting: Greeting,
    /// Active mode: PORT and EPRT.
    pub active: Active,
    /// Passive mode: PASV and EPSV.
    pub passive: Passive,
    /// Whether USER is answered at once with 331 for every name (the default), or the application is asked whether a password is needed
    /// at all ([`crate::server::Authenticate`] without a password), and 230 may be the answer. Asking may tell names apart by time.
    pub ask_at_user: bool,
    /// Whether USER may be sent again after a login (RFC 959 section 4.1.1).
    pub relogin: bool,
    /// Whether HOST is taken (RFC 7151); the application is asked.
    pub virtual_hosts: bool,
    /// The digests HASH, XCRC and their kin offer. The first one is HASH's default.
    pub hashes: Vec<HashAlgorithm>,
    /// Whether `MDTM time path` sets the time, as some clients expect. A file of that very name wins.
    pub mdtm_sets_time: bool,
    /// Whether `*` and `?` in the last component of the argument of LIST and NLST are patterns.
    pub patterns: bool,
    /// What an upload under TLS is worth that ends without close_notify.
    pub missing_close_notify: MissingCloseNotify,
    /// Whether PROT needs a PBSZ before it, as RFC 4217 section 9 has it.
    pub strict_pbsz: bool,
    /// The bounds.
    pub limits: Limits,
}

impl Config {
    /// The defaults with this protection.
    #[must_use]
    pub fn new(security: Security) -> Self {
        Config {
            security,
            greeting: Greeting::default(),
            active: Active::default(),
            passive: Passive::default(),
            ask_at_user: false,
            relogin: false,
            virtual_hosts: false,
            hashes: Vec::new(),
            mdtm_sets_time: false,
            patterns: true,
            missing_close_notify: MissingCloseNotify::default(),
            strict_pbsz: false,
            limits: Limits::default(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config::new(Security::default())
    }
}

/// What is said first (RFC 959 section 5.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Greeting {
    /// 220 with this text. Names no product by default.
    Ready(Vec<u8>),
    /// 120 with this text; 220 follows at [`crate::server::Input::Ready`].
    Delayed(Vec<u8>),
    /// 421 with this text, and the connection is closed: too many are connected.
    Refused(Vec<u8>),
}

impl Default for Greeting {
    fn default() -> Self {
        Greeting::Ready(b"Ready".to_vec())
    }
}

/// Protection: required on control and data connection unless built otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Security {
    tls: Tls,
    data: bool,
    legacy: bool,
    ccc: bool,
    reuse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tls {
    Off,
    Optional,
    Required,
    Implicit,
}

impl Default for Security {
    fn default() -> Self {
        Security::required()
    }
}

impl Security {
    /// TLS by AUTH before USER, and on every data connection.
    #[must_use]
    pub const fn required() -> Self {
        Security {
            tls: Tls::Required,
            data: true,
            legacy: true,
            ccc: false,
            reuse: false,
        }
    }

    /// TLS from the first byte (port 990); data connections start protected.
    #[must_use]
    pub const fn implicit() -> Self {
        Security {
            tls: Tls::Implicit,
            ..Security::required()
        }
    }

    /// TLS if the client asks for it: passwords and files of others can be read by anyone on the way.
    #[must_use]
    pub const fn optional() -> Self {
        Security {
            tls: Tls::Optional,
            data: false,
            ..Security::required()
        }
    }

    /// No TLS at all: AUTH is not implemented.
    #[must_use]
    pub const fn clear() -> Self {
        Security {
            tls: Tls::Off,
            data: false,
            ..Security::required()
        }
    }

    /// Data connections may be in clear (PROT C) although the control connection is under TLS.
    #[must_use]
    pub const fn or_clear_data(mut self) -> Self {
        self.data = false;
        self
    }

    /// Data connections must be under TLS (PROT P), whatever else is said.
    #[must_use]
    pub const fn require_private_data(mut self) -> Self {
        self.data = true;
        self
    }

    /// Takes `AUTH TLS` and `AUTH TLS-C` alone, not the older `SSL` and `TLS-P`.
    #[must_use]
    pub const fn without_legacy_auth(mut self) -> Self {
        self.legacy = false;
        self
    }

    /// Allows CCC after login, for networks that must read the control connection.
    #[must_use]
    pub const fn allow_ccc(mut self) -> Self {
        self.ccc = true;
        self
    }

    /// Data connections under TLS must resume the session of the control connection (RFC 4217 section 10.2): proof that they come from the
    /// same client. The driver must keep a session store for each control connection.
    #[must_use]
    pub const fn require_reuse(mut self) -> Self {
        self.reuse = true;
        self
    }

    /// Whether the session starts with TLS.
    #[must_use]
    pub const fn is_implicit(&self) -> bool {
        matches!(self.tls, Tls::Implicit)
    }

    /// Whether there is TLS at all.
    #[must_use]
    pub const fn has_tls(&self) -> bool {
        !matches!(self.tls, Tls::Off)
    }

    /// Whether USER needs TLS.
    #[must_use]
    pub const fn needs_tls(&self) -> bool {
        matches!(self.tls, Tls::Required | Tls::Implicit)
    }

    /// Whether every data connection needs TLS.
    #[must_use]
    pub const fn needs_private_data(&self) -> bool {
        self.data
    }

    /// Whether `AUTH SSL` and `AUTH TLS-P` are taken.
    #[must_use]
    pub const fn takes_legacy_auth(&self) -> bool {
        self.legacy
    }

    /// Whether CCC is allowed.
    #[must_use]
    pub const fn ccc_allowed(&self) -> bool {
        self.ccc
    }

    /// Whether data connections must resume the session of the control connection.
    #[must_use]
    pub const fn needs_reuse(&self) -> bool {
        self.reuse
    }
}

/// Active mode: we connect to where PORT and EPRT say (RFC 2577 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Active {
    /// Whether PORT and EPRT are taken at all.
    pub enabled: bool,
    /// Whether a transfer without PORT or PASV goes to the client's own port (RFC 959 section 3.2). Nobody does that any more.
    pub default_port: bool,
    /// Addresses other than the client's own that data may go to and come from: third-party transfers, in passive mode too.
    pub third_parties: Vec<IpAddr>,
}

impl Default for Active {
    fn default() -> Self {
        Active {
            enabled: true,
            default_port: false,
            third_parties: Vec::new(),
        }
    }
}

/// Passive mode: the client connects to us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Passive {
    /// Whether PASV and EPSV are taken at all.
    pub enabled: bool,
    /// The address a 227 reply names: the one on the outer side of an address translator. By default the local address of the control
    /// connection. Never taken from what a client says.
    pub address: Option<Ipv4Addr>,
}

impl Default for Passive {
    fn default() -> Self {
        Passive {
            enabled: true,
            address: None,
        }
    }
}

/// What an upload under TLS is worth that ends without close_notify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissingCloseNotify {
    /// Whole, and noted: many clients send none.
    #[default]
    Accept,
    /// Cut: 426, and the storage is told not to keep it as whole.
    Refuse,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_requires_tls_on_both_connections_and_lets_nobody_else_in() {
        let config = Config::default();
        assert!(config.security.needs_tls() && config.security.needs_private_data());
        assert!(!config.security.ccc_allowed());
        assert!(config.active.third_parties.is_empty());
        assert!(!config.relogin && !config.ask_at_user && !config.active.default_port);
    }

    #[test]
    fn each_policy_is_what_it_is_called_and_nothing_more() {
        let tls = |security: Security| {
            (
                security.has_tls(),
                security.needs_tls(),
                security.is_implicit(),
                security.needs_private_data(),
            )
        };
        let rest = |security: Security| {
            (
                security.takes_legacy_auth(),
                security.ccc_allowed(),
                security.needs_reuse(),
            )
        };
        assert_eq!(Security::default(), Security::required());
        assert_eq!(tls(Security::required()), (true, true, false, true));
        assert_eq!(tls(Security::implicit()), (true, true, true, true));
        assert_eq!(tls(Security::optional()), (true, false, false, false));
        assert_eq!(tls(Security::clear()), (false, false, false, false));
        for security in [
            Security::required(),
            Security::implicit(),
            Security::optional(),
            Security::clear(),
        ] {
            assert_eq!(rest(security), (true, false, false));
            assert_eq!(tls(security.allow_ccc()), tls(security));
            assert_eq!(rest(security.allow_ccc()), (true, true, false));
            assert_eq!(rest(security.require_reuse()), (true, false, true));
            assert_eq!(rest(security.without_legacy_auth()), (false, false, false));
            assert!(!security.or_clear_data().needs_private_data());
            assert!(security.require_private_data().needs_private_data());
        }
    }
}
