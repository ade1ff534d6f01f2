//! A session's configuration out of eight bytes, so that short input reaches every policy.

use core::net::IpAddr;
use core::time::Duration;

use ftp_proto::client::{
    AuthMethod, Batching, ClearText, Config, DataMode, DataModes, MissingCloseNotify,
    PassiveAddress, Security, SizeCheck,
};

use crate::pieces::Cut;

/// What the first bytes of an input say about the session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    policy: u8,
    modes: u8,
    flags: u8,
    /// The user is `anonymous`, the server's addresses are of IPv6, and other things about the world.
    pub(crate) world: u8,
    /// What the application asks for.
    pub(crate) calls: [u8; 2],
    cut: u8,
    seed: u8,
}

impl Setup {
    /// How many bytes it takes.
    pub(crate) const BYTES: usize = 8;

    /// Takes the first bytes for a setup; what is left is the input proper.
    pub(crate) fn take(data: &[u8]) -> Option<(Setup, &[u8])> {
        let (first, rest) = data.split_first_chunk::<{ Setup::BYTES }>()?;
        let &[
            policy,
            modes,
            flags,
            world,
            first_calls,
            more_calls,
            cut,
            seed,
        ] = first;
        let setup = Setup {
            policy,
            modes,
            flags,
            world,
            calls: [first_calls, more_calls],
            cut,
            seed,
        };
        Some((setup, rest))
    }

    pub(crate) fn config(self) -> Config {
        let mut config = Config::default();
        config.security = self.security();
        config.data_modes = self.data_modes();
        if self.modes & 0x80 != 0 {
            config.passive_address = PassiveAddress::Trusted;
        }
        if self.flags & 1 != 0 {
            config.batching = Batching::LockStep;
        }
        config.size_check = match self.flags >> 1 & 3 {
            0 => SizeCheck::Never,
            1 => SizeCheck::WhenFree,
            _ => SizeCheck::Always,
        };
        if self.flags & 8 != 0 {
            config.missing_close_notify = MissingCloseNotify::Refuse;
        }
        if self.flags & 0x10 != 0 {
            config.keepalive = Some(Duration::from_secs(20));
        }
        if self.flags & 0x20 != 0 {
            config.limits.reply_line = 80;
            config.limits.reply_bytes = 300;
            config.limits.reply_lines = 6;
            config.limits.requests = 3;
            config.limits.command_line = 40;
            config.limits.pending_commands = 2;
        }
        config
    }

    pub(crate) fn cut(self) -> Cut {
        Cut::chosen(self.cut, self.seed)
    }

    pub(crate) fn peer(self) -> IpAddr {
        if self.world & 1 == 0 {
            "192.0.2.1".parse().expect("an address")
        } else {
            "2001:db8::1".parse().expect("an address")
        }
    }

    pub(crate) fn user(self) -> &'static [u8] {
        match self.world >> 1 & 3 {
            0 | 1 => b"user",
            2 => b"Anonymous",
            _ => b"ftp",
        }
    }

    fn security(self) -> Security {
        let mut security = match self.policy & 7 {
            0 => Security::required(),
            1 => Security::required().or_clear(ClearText::Anonymous),
            2 => Security::required().or_clear(ClearText::Everybody),
            3 => Security::implicit(),
            4 => Security::clear(ClearText::Anonymous),
            5 => Security::clear(ClearText::Everybody),
            6 => Security::required().allow_ccc(),
            _ => Security::required().clear_data().allow_ccc(),
        };
        if self.policy & 8 != 0 {
            security = security.accept_334();
        }
        if self.policy & 0x10 != 0 {
            security = security.allow_ccc();
        }
        let methods: &[AuthMethod] = match self.policy >> 6 {
            0 => return security,
            1 => &[AuthMethod::TlsP],
            2 => &[AuthMethod::Ssl, AuthMethod::TlsC],
            _ => &[
                AuthMethod::TlsC,
                AuthMethod::Tls,
                AuthMethod::TlsP,
                AuthMethod::Ssl,
            ],
        };
        security.methods(methods).expect("distinct methods")
    }

    fn data_modes(self) -> DataModes {
        let modes: &[DataMode] = match self.modes & 7 {
            0 => return DataModes::default(),
            1 => &[DataMode::Pasv],
            2 => &[DataMode::Port],
            3 => &[DataMode::Eprt, DataMode::Port],
            4 => &[
                DataMode::Epsv,
                DataMode::Pasv,
                DataMode::Eprt,
                DataMode::Port,
            ],
            5 => &[DataMode::Port, DataMode::Epsv],
            6 => &[DataMode::Eprt],
            _ => &[DataMode::Pasv, DataMode::Eprt],
        };
        DataModes::new(modes).expect("distinct modes")
    }
}
