use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use core::time::Duration;

use crate::client::{AuthMethod, DataMode};
use crate::order::{DataEnd, Direction, Fault, Tickets, TlsFacts, TlsFault};
use crate::secret::Secrets;
use crate::time::{Instant, Timer};
use crate::wire::command::Verb;
use crate::wire::features::FeatureSet;
use crate::wire::reply::Code;

/// The facts of one session that tell causes apart. Bounded, and free of secrets.
///
/// Two values always compare equal and hash to nothing: a machine's behaviour does not depend on them.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// The control connection.
    pub control: ControlEvidence,
    /// The latest data connection.
    pub data: DataEvidence,
    /// The data connection before it.
    pub previous: DataEvidence,
    /// How many data connections were asked for.
    pub data_connections: u32,
    /// How many listings were proved whole.
    pub listings: u32,
    /// How many files were proved whole.
    pub files: u32,
    /// The latest change from one way to set up data connections to another.
    pub fallback: Option<(DataMode, DataMode)>,
}

/// Facts of the control connection.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ControlEvidence {
    /// When the connection was handed to the machine.
    pub started: Instant,
    /// Whether TLS was to start at once.
    pub implicit: bool,
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// When the greeting came.
    pub greeted: Option<Instant>,
    /// Its code.
    pub greeting: Option<Code>,
    /// The first bytes as they came, up to the greeting.
    pub first_bytes: FirstBytesKept,
    /// The AUTH commands sent, in order.
    pub auth: [Option<Attempt>; 4],
    /// When the TLS handshake was ordered.
    pub handshake_began: Option<Instant>,
    /// What it gave.
    pub handshake: Option<Result<TlsFacts, TlsFault>>,
    /// The first bytes that came where TLS was expected, if they were none.
    pub instead_of_tls: FirstBytesKept,
    /// When the password was sent.
    pub password_sent: Option<Instant>,
    /// The reply to it and when it came.
    pub password_answer: Option<(Code, Instant)>,
    /// What FEAT listed, if it was asked.
    pub features: Option<FeatureSet>,
    /// Clear-text bytes received.
    pub bytes_in: u64,
    /// Clear-text bytes handed out to be sent.
    pub bytes_out: u64,
    /// The latest command.
    pub last_verb: Option<Verb>,
    /// Whether that command held bytes beyond ASCII.
    pub last_beyond_ascii: bool,
    /// The latest reply.
    pub last_code: Option<Code>,
    /// When something was last sent or received.
    pub last_heard: Instant,
    /// How long nothing was sent or received before the latest reply.
    pub waited: Duration,
    /// The timer that ran out last, if one did; keep-alive and the end of a reply apart.
    pub expired: Option<Timer>,
    /// When the control connection was lost or the session ended.
    pub ended: Option<Instant>,
    /// What the session was doing then.
    pub ended_in: Option<Phase>,
    /// Whether the session fell back to lock-step.
    pub lock_step: bool,
    /// Resumption tickets as last told by the driver.
    pub tickets: Tickets,
}

/// One AUTH command.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The method.
    pub method: AuthMethod,
    /// When it was sent.
    pub sent: Instant,
    /// The reply and when it came.
    pub answer: Option<(Code, Instant)>,
}

impl Attempt {
    pub(crate) const fn new(method: AuthMethod, sent: Instant) -> Self {
        Attempt {
            method,
            sent,
            answer: None,
        }
    }
}

/// Facts of one data connection.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DataEvidence {
    /// How it was set up.
    pub mode: Option<DataMode>,
    /// The host the server advertised, if it did.
    pub advertised: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// Whether the policy let the advertised host be connected to in place of the control peer.
    pub followed: bool,
    /// The reply that refused to set it up.
    pub refused: Option<Code>,
    /// When it was asked for.
    pub asked: Option<Instant>,
    /// When TCP was up.
    pub connected: Option<Instant>,
    /// Why it could not be opened.
    pub open_fault: Option<Fault>,
    /// Whether it was to be under TLS.
    pub protected: bool,
    /// What the TLS handshake gave.
    pub handshake: Option<Result<TlsFacts, TlsFault>>,
    /// The first bytes that came where TLS was expected, if they were none.
    pub instead_of_tls: FirstBytesKept,
    /// The transfer command.
    pub verb: Option<Verb>,
    /// Whether line ends are converted (TYPE A).
    pub ascii: bool,
    /// How many payload bytes were expected, where known.
    pub expected: Option<u64>,
    /// Its timer that ran out, if one did.
    pub expired: Option<Timer>,
    /// When the first preliminary reply to the transfer came.
    pub announced: Option<Instant>,
    /// Which way payload went.
    pub direction: Option<Direction>,
    /// Payload bytes.
    pub bytes: u64,
    /// When payload last moved.
    pub last_progress: Option<Instant>,
    /// How it ended and when.
    pub ended: Option<(DataEnd, Instant)>,
    /// The final reply and when it came.
    pub final_reply: Option<(Code, Instant)>,
    /// Tickets left when its handshake was ordered.
    pub tickets: Tickets,
}

impl DataEvidence {
    pub(crate) fn asked(mode: DataMode, now: Instant, protected: bool, tickets: Tickets) -> Self {
        DataEvidence {
            mode: Some(mode),
            asked: Some(now),
            protected,
            tickets,
            ..DataEvidence::default()
        }
    }
}

/// What a session was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for the greeting.
    Greeting,
    /// Negotiating protection.
    Negotiating,
    /// In a TLS handshake on the control connection.
    Handshake,
    /// Logging in.
    Login,
    /// Idle or in a simple command.
    Dialogue,
    /// Setting up or using a data connection.
    Transfer,
    /// Leaving.
    Quitting,
}

impl Evidence {
    /// Masks what the server repeats of `secrets`, known only now or before.
    pub(crate) fn hide(&mut self, secrets: &Secrets) {
        if secrets.is_empty() {
            return;
        }
        for kept in [
            &mut self.control.first_bytes,
            &mut self.control.instead_of_tls,
            &mut self.data.instead_of_tls,
            &mut self.previous.instead_of_tls,
        ] {
            kept.hide(secrets);
        }
    }
}

/// Up to 64 bytes as they came, secrets masked.
#[derive(Clone, Copy)]
pub struct FirstBytesKept {
    bytes: [u8; 64],
    len: u8,
    /// There was no room for more.
    full: bool,
}

impl FirstBytesKept {
    /// Adds `bytes` as far as there is room.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.full {
            return;
        }
        let had = usize::from(self.len);
        for (slot, byte) in self.bytes.iter_mut().skip(had).zip(bytes) {
            *slot = *byte;
            self.len += 1;
        }
        self.full = had + bytes.len() > self.bytes.len();
    }

    fn hide(&mut self, secrets: &Secrets) {
        let whole = match self.full {
            true => secrets.whole(self.as_bytes()),
            false => self.len.into(),
        };
        let shown = self.as_bytes().get(..whole).unwrap_or_default();
        let mut masked = Vec::with_capacity(whole);
        secrets.mask_into(shown, &mut masked);
        *self = FirstBytesKept {
            full: self.full,
            ..FirstBytesKept::of(&masked)
        };
    }

    /// Keeps the beginning of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut kept = FirstBytesKept::default();
        kept.extend(bytes);
        kept
    }

    /// The bytes kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

impl Default for FirstBytesKept {
    fn default() -> Self {
        FirstBytesKept {
            bytes: [0; 64],
            len: 0,
            full: false,
        }
    }
}

impl core::fmt::Debug for FirstBytesKept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl PartialEq for Evidence {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Evidence {}

impl Hash for Evidence {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::secret::Secret;
    use crate::tests::Unhashed;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.learn(&Secret::new(b"c4n4ry-s3cr3t"));
        secrets
    }

    #[test]
    fn the_first_64_bytes_are_kept_in_whatever_pieces_they_come() {
        let all: Vec<u8> = (0..100).collect();
        let first = all.get(..64).unwrap();
        for piece in 1..=100 {
            let mut kept = FirstBytesKept::default();
            for (index, bytes) in all.chunks(piece).enumerate() {
                assert_eq!(kept.as_bytes(), first.get(..index * piece).unwrap_or(first));
                kept.extend(bytes);
            }
            assert_eq!(kept.as_bytes(), first, "in pieces of {piece}");
        }
        assert_eq!(FirstBytesKept::of(&all).as_bytes(), first);
        assert_eq!(FirstBytesKept::of(b"").as_bytes(), b"");
        assert_eq!(
            format!("{:?}", FirstBytesKept::of(b"220 x\r\n\xff")),
            r#""220 x\r\n\xff""#
        );
    }

    #[test]
    fn a_secret_among_the_first_bytes_is_masked_also_where_it_was_cut() {
        let mut whole = FirstBytesKept::of(b"220 c4n4ry-s3cr3t, hello");
        whole.hide(&secrets());
        assert_eq!(whole.as_bytes(), b"220 ****, hello");
        // The rest may be on its way: it is masked once it is whole.
        let mut coming = FirstBytesKept::of(b"220 c4n4ry");
        coming.hide(&secrets());
        assert_eq!(coming.as_bytes(), b"220 c4n4ry");
        coming.extend(b"-s3cr3t");
        coming.hide(&secrets());
        assert_eq!(coming.as_bytes(), b"220 ****");
        // There is no room for the rest: what is there of the secret goes.
        let long = format!("220 {} c4n4ry-s3cr3t", "x".repeat(50));
        let mut cut = FirstBytesKept::of(long.as_bytes());
        cut.hide(&secrets());
        assert_eq!(
            cut.as_bytes(),
            format!("220 {} ", "x".repeat(50)).as_bytes()
        );
        // What came behind it is not the continuation of what is left.
        cut.extend(b"more");
        cut.hide(&secrets());
        assert_eq!(
            cut.as_bytes(),
            format!("220 {} ", "x".repeat(50)).as_bytes()
        );
        let mut exact = FirstBytesKept::of(format!("{}c4n4ry", "x".repeat(58)).as_bytes());
        exact.hide(&secrets());
        assert_eq!(exact.as_bytes().len(), 64);
    }

    #[test]
    fn every_place_where_first_bytes_are_kept_is_masked() {
        let said = FirstBytesKept::of(b"c4n4ry-s3cr3t");
        let mut evidence = Evidence::default();
        evidence.control.first_bytes = said;
        evidence.control.instead_of_tls = said;
        evidence.data.instead_of_tls = said;
        evidence.previous.instead_of_tls = said;
        evidence.hide(&Secrets::default());
        assert_eq!(evidence.data.instead_of_tls.as_bytes(), said.as_bytes());
        evidence.hide(&secrets());
        for kept in [
            evidence.control.first_bytes,
            evidence.control.instead_of_tls,
            evidence.data.instead_of_tls,
            evidence.previous.instead_of_tls,
        ] {
            assert_eq!(kept.as_bytes(), b"****");
        }
    }

    #[test]
    fn a_data_connection_is_known_from_the_moment_it_is_asked_for() {
        let now = Instant::from_millis(7);
        let asked = DataEvidence::asked(DataMode::Pasv, now, true, Tickets::Left(1));
        assert_eq!(asked.mode, Some(DataMode::Pasv));
        assert_eq!(asked.asked, Some(now));
        assert!(asked.protected);
        assert_eq!(asked.tickets, Tickets::Left(1));
        assert_eq!((asked.connected, asked.bytes), (None, 0));
    }

    /// A machine decides nothing by what was recorded.
    #[test]
    fn all_evidence_is_equal() {
        let mut other = Evidence::default();
        other.control.bytes_in = 1;
        other.files = 1;
        assert!(other == Evidence::default());
        other.hash(&mut Unhashed);
    }
}
