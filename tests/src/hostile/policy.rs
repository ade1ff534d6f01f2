//! How whoever is under test is set up.

use std::time::Duration;

use ftp_proto::client::{
    Batching, ClearText, Config, DataMode, DataModes, PassiveAddress, Security, SizeCheck,
};
use ftp_proto::server;
use ftp_proto::{Limits, server::Rights};

/// A client under test, as the words behind `client` say.
#[derive(Clone, Debug, Default)]
pub struct ClientPolicy {
    words: Vec<String>,
}

/// A server under test, as the words behind `server` say.
#[derive(Clone, Debug, Default)]
pub struct ServerPolicy {
    words: Vec<String>,
}

/// A bound: a name and a number, milliseconds where it is a time.
#[derive(Clone, Debug)]
pub struct Limit {
    name: String,
    value: u64,
}

const CLIENT: &[&str] = &[
    "tls",
    "implicit",
    "clear",
    "or-clear",
    "pasv",
    "epsv",
    "port",
    "eprt",
    "lock-step",
    "ccc",
    "trust-pasv",
    "keepalive",
    "size",
    "clear-data",
];
const SERVER: &[&str] = &[
    "tls",
    "implicit",
    "clear",
    "optional",
    "ccc",
    "reuse",
    "strict-close",
    "read-only",
    "passive-only",
];

fn known(words: &str, of: &[&str]) -> Result<Vec<String>, String> {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    match words.iter().find(|word| !of.contains(&word.as_str())) {
        Some(word) => Err(format!("{word:?} is none of {}", of.join(", "))),
        None => Ok(words),
    }
}

impl ClientPolicy {
    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn parse(words: &str) -> Result<Self, String> {
        known(words, CLIENT).map(|words| ClientPolicy { words })
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|is| is == word)
    }

    /// Whether TLS comes before the greeting.
    #[must_use]
    pub fn implicit(&self) -> bool {
        self.has("implicit")
    }

    /// Whether there is no TLS at all.
    #[must_use]
    pub fn clear(&self) -> bool {
        self.has("clear")
    }

    /// Whether the address in a 227 is gone by.
    #[must_use]
    pub fn trusts(&self) -> bool {
        self.has("trust-pasv")
    }

    /// The policy of the machine.
    #[must_use]
    pub fn config(&self, limits: &[Limit]) -> Config {
        let mut config = Config::default();
        let mut security = Security::required();
        if self.clear() {
            security = Security::clear(ClearText::Everybody);
        } else if self.implicit() {
            security = Security::implicit();
        }
        if self.has("or-clear") {
            security = security.or_clear(ClearText::Everybody);
        }
        if self.has("ccc") {
            security = security.allow_ccc();
        }
        if self.has("clear-data") {
            security = security.clear_data();
        }
        config.security = security;
        let modes: Vec<DataMode> = self.words.iter().filter_map(|word| mode(word)).collect();
        if let Ok(modes) = DataModes::new(&modes) {
            config.data_modes = modes;
        }
        if self.has("lock-step") {
            config.batching = Batching::LockStep;
        }
        if self.trusts() {
            config.passive_address = PassiveAddress::Trusted;
        }
        if self.has("keepalive") {
            config.keepalive = Some(Duration::from_millis(300));
        }
        if self.has("size") {
            config.size_check = SizeCheck::Always;
        }
        apply(limits, &mut config.limits);
        config
    }
}

fn mode(word: &str) -> Option<DataMode> {
    Some(match word {
        "pasv" => DataMode::Pasv,
        "epsv" => DataMode::Epsv,
        "port" => DataMode::Port,
        "eprt" => DataMode::Eprt,
        _ => return None,
    })
}

impl ServerPolicy {
    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    pub(super) fn parse(words: &str) -> Result<Self, String> {
        known(words, SERVER).map(|words| ServerPolicy { words })
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|is| is == word)
    }

    /// Whether TLS comes before the greeting.
    #[must_use]
    pub fn implicit(&self) -> bool {
        self.has("implicit")
    }

    /// Whether a client has to ask for TLS.
    #[must_use]
    pub fn wants_auth(&self) -> bool {
        !self.implicit() && !self.has("clear") && !self.has("optional")
    }

    /// What the user may do.
    #[must_use]
    pub fn rights(&self) -> Rights {
        if self.has("read-only") {
            Rights::READ
        } else {
            Rights::ALL
        }
    }

    /// The policy of the machine.
    #[must_use]
    pub fn config(&self, limits: &[Limit]) -> server::Config {
        use server::Security;
        let mut config = server::Config::default();
        let mut security = Security::required();
        if self.has("clear") {
            security = Security::clear();
        } else if self.has("optional") {
            security = Security::optional();
        } else if self.implicit() {
            security = Security::implicit();
        }
        if self.has("ccc") {
            security = security.allow_ccc();
        }
        if self.has("reuse") {
            security = security.require_reuse();
        }
        config.security = security;
        if self.has("strict-close") {
            config.missing_close_notify = server::MissingCloseNotify::Refuse;
        }
        if self.has("passive-only") {
            config.active.enabled = false;
        }
        apply(limits, &mut config.limits);
        config
    }
}

impl Limit {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(' ').ok_or("a name and a number")?;
        let value = value
            .trim()
            .parse()
            .map_err(|_| format!("{value:?} is no number"))?;
        let limit = Limit {
            name: name.to_owned(),
            value,
        };
        match limit.apply(&mut Limits::default()) {
            true => Ok(limit),
            false => Err(format!("no limit is called {name:?}")),
        }
    }

    fn apply(&self, limits: &mut Limits) -> bool {
        let time = Duration::from_millis(self.value);
        let number = usize::try_from(self.value).unwrap_or(usize::MAX);
        let small = u8::try_from(self.value).unwrap_or(u8::MAX);
        match self.name.as_str() {
            "greeting" => limits.greeting_wait = time,
            "handshake" => limits.handshake_wait = time,
            "reply" => limits.reply_wait = time,
            "data-open" => limits.data_open_wait = time,
            "data-handshake" => limits.data_handshake_wait = time,
            "stall" => limits.stall_wait = time,
            "drain" => {
                limits.download_drain = time;
                limits.upload_drain = time;
            }
            "abort" => limits.abort_wait = time,
            "login" => limits.login_wait = time,
            "idle" => limits.idle_wait = time,
            "failed-login-delay" => limits.failed_login_delay = time,
            "reply-line" => limits.reply_line = number,
            "reply-bytes" => limits.reply_bytes = number,
            "reply-lines" => limits.reply_lines = number,
            "lowest-data-port" => {
                limits.lowest_data_port = u16::try_from(self.value).unwrap_or(u16::MAX);
            }
            "failed-logins" => limits.failed_logins = small,
            "errors" => limits.errors = small,
            "strangers" => limits.strangers = small,
            _ => return false,
        }
        true
    }
}

fn apply(limits: &[Limit], to: &mut Limits) {
    for limit in limits {
        limit.apply(to);
    }
}
