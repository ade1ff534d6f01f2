//! One TLS connection: ciphertext in and out, plaintext in and out.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::io::{self, Read, Write};

use rustls::{
    ClientConnection, Connection, HandshakeKind, ProtocolVersion, ServerConnection,
    SupportedCipherSuite,
};

use super::classify::{Circumstances, classify};
use super::client::Shared;
use super::verify::Verdict;
use super::{Fingerprint, PeerIdentity, Purpose, TlsFailure, Version};
use crate::wire::first_bytes::{FIRST_BYTES_KEPT, classify_first_bytes};

/// No further record is decrypted while more plaintext than this waits to be read, in bytes (rustls refuses it too).
const PLAINTEXT_LIMIT: usize = 16 * 1024;

/// Plaintext in one record at most, in bytes (RFC 8446 section 5.1).
const MAX_FRAGMENT: usize = 16 * 1024;

/// Records kept free for handshake messages and alerts under the limit of a TLS 1.2 key.
const RESERVED_RECORDS: u64 = 16;

/// What the handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandshakeFacts {
    /// The version.
    pub version: Version,
    /// The cipher suite by its name in the IANA registry; TLS 1.3 suites are written `TLS13_...`.
    pub suite: &'static str,
    /// The key exchange group; absent where a TLS 1.2 session was resumed.
    pub group: Option<&'static str>,
    /// An earlier connection was resumed. Servers that ask for it may still refuse, if it was not one of theirs.
    pub resumed: bool,
    /// There was something to resume from, and it was offered (client only).
    pub resumption_offered: bool,
    /// The server asked for another key exchange group first, which cost a round trip.
    pub hello_retry: bool,
    /// The application protocol agreed on (RFC 7301).
    pub alpn: Option<Vec<u8>>,
    /// SHA-256 of the peer's certificate, on resumed connections that of the first one (client only).
    pub leaf_sha256: Option<Fingerprint>,
    /// The server asked for our certificate (client only).
    pub client_certificate_requested: bool,
    /// ... and got it.
    pub client_certificate_sent: bool,
    /// The name the client asked for (server only).
    pub server_name: Option<String>,
}

/// A TLS connection over a transport that someone else moves. See the [module](super) for the loop around it.
///
/// Errors are final: the first one is kept ([`failure`](Channel::failure)) and returned again by later calls.
/// Plaintext received before it can still be read, and [`wants_write`](Channel::wants_write) asks to send the alert that tells the
/// peer.
pub struct Channel {
    connection: Connection,
    end: End,
    framing: Framing,
    first: FirstStash,
    /// Plaintext that waits inside `connection`, in bytes.
    unread: usize,
    records_left: u64,
    bytes_in: u64,
    bytes_out: u64,
    facts: Option<HandshakeFacts>,
    identity: Option<PeerIdentity>,
    certificate_requested: bool,
    certificate_sent: bool,
    failure: Option<TlsFailure>,
    peer_closed: bool,
    sent_close: bool,
}

enum End {
    Client {
        session: Arc<Shared>,
        purpose: Purpose,
        offered: bool,
    },
    Server {
        require_alpn: bool,
    },
}

impl Channel {
    pub(super) fn client(
        connection: ClientConnection,
        session: Arc<Shared>,
        purpose: Purpose,
        offered: bool,
    ) -> Self {
        Channel::new(
            Connection::Client(connection),
            End::Client {
                session,
                purpose,
                offered,
            },
        )
    }

    pub(super) fn server(connection: ServerConnection, require_alpn: bool) -> Self {
        Channel::new(Connection::Server(connection), End::Server { require_alpn })
    }

    fn new(connection: Connection, end: End) -> Self {
        Channel {
            connection,
            end,
            framing: Framing::default(),
            first: FirstStash::default(),
            unread: 0,
            records_left: u64::MAX,
            bytes_in: 0,
            bytes_out: 0,
            facts: None,
            identity: None,
            certificate_requested: false,
            certificate_sent: false,
            failure: None,
            peer_closed: false,
            sent_close: false,
        }
    }

    // ---- ciphertext

    /// Takes ciphertext and returns how many bytes of it.
    ///
    /// Fewer than given means one of two things. Plaintext waits to be read: read it, then offer the rest again. Or the peer has
    /// [closed](Channel::peer_closed) TLS, and the rest is not TLS: after `CCC` it is the clear text that follows.
    ///
    /// Records are handed to rustls one by one, since it throws away all it holds behind a `close_notify`.
    ///
    /// # Errors
    ///
    /// Any [`TlsFailure`] but those of the transport. How much was taken does not matter then.
    pub fn feed(&mut self, ciphertext: &[u8]) -> Result<usize, TlsFailure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        self.first.note(self.bytes_in, ciphertext);
        let mut rest = ciphertext;
        while !rest.is_empty() && self.wants_read() {
            let (head, tail) = rest
                .split_at_checked(self.framing.advance(rest))
                .unwrap_or((rest, &[]));
            self.hand_over(head)?;
            rest = tail;
            if self.framing.is_complete() || self.framing.is_foreign() {
                self.process(rest)?;
            }
            if self.framing.is_complete() {
                self.framing = Framing::default();
            }
        }
        Ok(ciphertext.len() - rest.len())
    }

    /// The transport delivered its end of stream. Call it when [`feed`](Channel::feed) has taken all that came before.
    ///
    /// # Errors
    ///
    /// [`TlsFailure::Truncated`] without `close_notify` before it; during the handshake [`TlsFailure::EofAtClientHello`],
    /// [`TlsFailure::EofInHandshake`], or [`TlsFailure::NotTls`] if the little that came was no TLS.
    pub fn peer_eof(&mut self) -> Result<(), TlsFailure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.peer_closed {
            return Ok(());
        }
        let record = self.framing.header_so_far();
        let looks_like = classify_first_bytes(record);
        let failure = if !record.is_empty() && !self.framing.may_be_tls() {
            TlsFailure::NotTls {
                looks_like,
                sample: record.to_vec(),
                established: self.facts.is_some(),
            }
        } else if self.facts.is_some() {
            TlsFailure::Truncated
        } else if self.bytes_in == 0 {
            TlsFailure::EofAtClientHello
        } else {
            TlsFailure::EofInHandshake
        };
        Err(self.fail(failure))
    }

    /// The transport was reset, or failed otherwise. After the peer's `close_notify` that means nothing, as all it sent was received.
    ///
    /// # Errors
    ///
    /// [`TlsFailure::Reset`], or an earlier failure.
    pub fn peer_reset(&mut self) -> Result<(), TlsFailure> {
        if self.peer_closed && self.failure.is_none() {
            return Ok(());
        }
        let handshaking = self.is_handshaking();
        Err(self.fail(TlsFailure::Reset { handshaking }))
    }

    /// Whether ciphertext is welcome. If not, read the waiting plaintext first; after the end or a failure there is no need to read.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        self.failure.is_none() && !self.peer_closed && self.unread <= PLAINTEXT_LIMIT
    }

    /// Whether there is ciphertext to send. After a failure too: the alert that tells the peer.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Writes ciphertext to `sink` with one vectored write, and returns how many bytes it took. What it did not take stays here.
    ///
    /// # Errors
    ///
    /// Those of `sink`; after `WouldBlock` and `Interrupted` simply try again later.
    pub fn write_to(&mut self, sink: &mut dyn Write) -> io::Result<usize> {
        let written = self.connection.write_tls(sink)?;
        self.bytes_out = self.bytes_out.saturating_add(written as u64);
        Ok(written)
    }

    /// Appends all ciphertext to `out` and returns how many bytes it is.
    pub fn take_outgoing(&mut self, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        // Writing to a vector cannot fail.
        while self.wants_write() && matches!(self.write_to(out), Ok(1..)) {}
        out.len() - before
    }

    // ---- plaintext

    /// The next piece of plaintext, without copying; empty if there is none. Follow with [`consume`](Channel::consume).
    pub fn plaintext(&mut self) -> &[u8] {
        self.connection
            .reader()
            .into_first_chunk()
            .unwrap_or_default()
    }

    /// Removes the first `count` bytes of what [`plaintext`](Channel::plaintext) returned.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.plaintext().len());
        io::BufRead::consume(&mut self.connection.reader(), count);
        self.unread = self.unread.saturating_sub(count);
    }

    /// Copies plaintext to `out` and returns how many bytes; 0 if there is none.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let count = self.connection.reader().read(out).unwrap_or(0);
        self.unread = self.unread.saturating_sub(count);
        count
    }

    /// Whether plaintext waits to be read.
    #[must_use]
    pub fn has_plaintext(&self) -> bool {
        self.unread > 0
    }

    /// Takes plaintext to be sent and returns how many bytes of it. Fewer than given means: send ciphertext first (about 64 KiB are held).
    ///
    /// Always 0 before the handshake is done, so that nothing leaves before its facts could be looked at; after
    /// [`close`](Channel::close); and after a failure, which [`TlsFailure::KeysExhausted`] may become here. [`TlsFailure::Truncated`]
    /// concerns the other direction: whether the peer still reads shows in writing.
    pub fn write(&mut self, plaintext: &[u8]) -> usize {
        if !self.may_send() || self.is_handshaking() || self.sent_close || plaintext.is_empty() {
            return 0;
        }
        // Past the limit rustls would take the bytes, send close_notify and drop them: a cut that looks like a complete file.
        let budget = usize::try_from(self.records_left)
            .unwrap_or(usize::MAX)
            .saturating_mul(MAX_FRAGMENT);
        if budget == 0 {
            self.failure = Some(TlsFailure::KeysExhausted);
            return 0;
        }
        let piece = plaintext.get(..budget).unwrap_or(plaintext);
        let count = self.connection.writer().write(piece).unwrap_or(0);
        if self.records_left != u64::MAX {
            self.records_left = self
                .records_left
                .saturating_sub(count.div_ceil(MAX_FRAGMENT) as u64);
        }
        count
    }

    // ---- closing

    /// Queues `close_notify`, once: no plaintext can be written after it. Receiving goes on.
    ///
    /// Does nothing after a failure, so that a broken upload cannot look complete; except after [`TlsFailure::Truncated`], which
    /// concerns the other direction.
    pub fn close(&mut self) {
        if self.sent_close || !self.may_send() {
            return;
        }
        self.sent_close = true;
        self.connection.send_close_notify();
    }

    /// Whether nothing has failed that concerns what is sent.
    fn may_send(&self) -> bool {
        matches!(self.failure, None | Some(TlsFailure::Truncated))
    }

    /// Whether the peer's `close_notify` was received: all it sent was received.
    #[must_use]
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Whether our `close_notify` was queued.
    #[must_use]
    pub fn sent_close(&self) -> bool {
        self.sent_close
    }

    // ---- facts

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.facts.is_none()
    }

    /// What the handshake agreed on; `None` before it is done.
    #[must_use]
    pub fn handshake(&self) -> Option<&HandshakeFacts> {
        self.facts.as_ref()
    }

    /// The server's certificate and what came of checking it; there for a refused one too. `None` before it was seen, and on servers.
    #[must_use]
    pub fn peer_identity(&self) -> Option<&PeerIdentity> {
        self.identity.as_ref()
    }

    /// The first failure, if any.
    #[must_use]
    pub fn failure(&self) -> Option<&TlsFailure> {
        self.failure.as_ref()
    }

    /// The first bytes received, at most [`FIRST_BYTES_KEPT`].
    #[must_use]
    pub fn first_bytes(&self) -> &[u8] {
        self.first.bytes()
    }

    /// Ciphertext taken, in bytes.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in
    }

    /// Ciphertext handed out, in bytes.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    /// The client's certificate chain in DER, own certificate first; `None` if it showed none, and on clients.
    #[must_use]
    pub fn client_certificate(&self) -> Option<impl Iterator<Item = &[u8]>> {
        match &self.connection {
            Connection::Server(server) => server
                .peer_certificates()
                .map(|chain| chain.iter().map(AsRef::as_ref)),
            Connection::Client(_) => None,
        }
    }

    /// The name the client asked for in its handshake (SNI); `None` if it named none, and on clients.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        match &self.connection {
            Connection::Server(server) => server.server_name(),
            Connection::Client(_) => None,
        }
    }

    /// Makes the keys as worn as they would be after many records.
    #[cfg(all(test, any(feature = "ring", feature = "aws-lc-rs")))]
    pub(super) fn leave_records(&mut self, left: u64) {
        self.records_left = left;
    }

    #[cfg(all(test, any(feature = "ring", feature = "aws-lc-rs")))]
    pub(super) fn records_left(&self) -> u64 {
        self.records_left
    }

    // ---- inside

    fn hand_over(&mut self, mut bytes: &[u8]) -> Result<(), TlsFailure> {
        self.bytes_in = self.bytes_in.saturating_add(bytes.len() as u64);
        // rustls takes a few KiB per call.
        while !bytes.is_empty() {
            match self.connection.read_tls(&mut bytes) {
                Ok(1..) => {}
                // That would be ours, and nobody's on the way.
                Ok(0) => {
                    return Err(self.fail(TlsFailure::Internal("record not taken".to_string())));
                }
                // A handshake message that is too long.
                Err(error) => return Err(self.fail(TlsFailure::Corrupt(error.to_string()))),
            }
        }
        Ok(())
    }

    /// Lets rustls work on what it was given; `following` is what came behind it.
    fn process(&mut self, following: &[u8]) -> Result<(), TlsFailure> {
        let result = self.connection.process_new_packets();
        if self.facts.is_none() {
            self.collect_evidence();
        }
        match result {
            Ok(state) => {
                self.unread = state.plaintext_bytes_to_read();
                self.peer_closed = state.peer_has_closed();
                if self.facts.is_none() && !self.connection.is_handshaking() {
                    self.finish_handshake()?;
                }
                Ok(())
            }
            Err(error) => {
                let failure = self.explain(&error, following);
                Err(self.fail(failure))
            }
        }
    }

    fn explain(&self, error: &rustls::Error, following: &[u8]) -> TlsFailure {
        if let (
            rustls::Error::InvalidCertificate(_),
            Some(PeerIdentity {
                verdict: Verdict::Refused(failure),
                ..
            }),
        ) = (error, &self.identity)
        {
            return failure.clone();
        }
        let mut record = self.framing.header_so_far().to_vec();
        record.extend(following.iter().take(FIRST_BYTES_KEPT - record.len()));
        classify(
            error,
            &Circumstances {
                established: self.facts.is_some(),
                tls12: self
                    .facts
                    .as_ref()
                    .is_some_and(|facts| facts.version == Version::Tls12),
                client: matches!(self.end, End::Client { .. }),
                certificate_requested: self.certificate_requested,
                certificate_sent: self.certificate_sent,
                record: &record,
                record_is_foreign: self.framing.is_foreign(),
                first_bytes: self.first.bytes(),
            },
        )
    }

    fn fail(&mut self, failure: TlsFailure) -> TlsFailure {
        self.failure.get_or_insert(failure).clone()
    }

    fn collect_evidence(&mut self) {
        let End::Client { session, .. } = &self.end else {
            return;
        };
        let (requested, sent) = session.certificate.take();
        self.certificate_requested |= requested;
        self.certificate_sent |= sent;
        if let Some(seen) = session.verifier.take_seen() {
            self.identity = Some(seen);
        }
    }

    fn finish_handshake(&mut self) -> Result<(), TlsFailure> {
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
            other => return Err(self.fail(TlsFailure::Internal(format!("version {other:?}")))),
        };
        let suite = self.connection.negotiated_cipher_suite();
        if let Some(SupportedCipherSuite::Tls12(suite)) = suite {
            self.records_left = suite
                .common
                .confidentiality_limit
                .saturating_sub(RESERVED_RECORDS);
        }
        let kind = self.connection.handshake_kind();
        let resumed = kind == Some(HandshakeKind::Resumed);
        let mut resumption_offered = false;
        if let End::Client {
            session,
            purpose,
            offered,
        } = &self.end
        {
            resumption_offered = *offered;
            if self.identity.is_none() {
                self.identity = self.connection.peer_certificates().and_then(|chain| {
                    let chain: Vec<_> = chain
                        .iter()
                        .map(|certificate| certificate.to_vec())
                        .collect();
                    let leaf_sha256 = session.verifier.fingerprint(chain.first()?);
                    Some(PeerIdentity {
                        leaf_sha256,
                        chain,
                        verdict: Verdict::Resumed,
                    })
                });
            }
            if *purpose == Purpose::Control {
                session.verifier.bind(self.identity.clone());
            }
        }
        let server_name = match &self.connection {
            Connection::Server(server) => server.server_name().map(ToOwned::to_owned),
            Connection::Client(_) => None,
        };
        let facts = HandshakeFacts {
            version,
            suite: suite
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown"),
            group: self
                .connection
                .negotiated_key_exchange_group()
                .and_then(|group| group.name().as_str()),
            resumed,
            resumption_offered,
            hello_retry: kind == Some(HandshakeKind::FullWithHelloRetryRequest),
            alpn: self.connection.alpn_protocol().map(<[u8]>::to_vec),
            leaf_sha256: self.identity.as_ref().map(|identity| identity.leaf_sha256),
            client_certificate_requested: self.certificate_requested,
            client_certificate_sent: self.certificate_sent,
            server_name,
        };
        if matches!(self.end, End::Server { require_alpn: true }) && facts.alpn.is_none() {
            self.connection.send_close_notify();
            self.sent_close = true;
            return Err(self.fail(TlsFailure::NoApplicationProtocol));
        }
        self.facts = Some(facts);
        Ok(())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("handshake", &self.facts)
            .field("failure", &self.failure)
            .field("unread", &self.unread)
            .field("bytes_in", &self.bytes_in)
            .field("bytes_out", &self.bytes_out)
            .field("peer_closed", &self.peer_closed)
            .field("sent_close", &self.sent_close)
            .finish_non_exhaustive()
    }
}

/// Finds the ends of records (RFC 8446 section 5.1: type, two bytes of version, two bytes of length, body).
#[derive(Default)]
struct Framing {
    header: [u8; 5],
    have: usize,
    body_left: usize,
}

impl Framing {
    /// How many bytes of `input` still belong to this record, up to the point where rustls should look at it.
    fn advance(&mut self, input: &[u8]) -> usize {
        let mut taken = 0;
        if !self.has_header() {
            for (to, from) in self.header.iter_mut().skip(self.have).zip(input) {
                *to = *from;
                taken += 1;
            }
            self.have += taken;
            if !self.has_header() {
                return taken;
            }
            let [.., high, low] = self.header;
            self.body_left = usize::from(u16::from_be_bytes([high, low]));
            if self.is_foreign() {
                // A length that means nothing: do not wait for that many bytes.
                return taken;
            }
        }
        let body = self.body_left.min(input.len() - taken);
        self.body_left -= body;
        taken + body
    }

    fn has_header(&self) -> bool {
        self.have == self.header.len()
    }

    fn is_complete(&self) -> bool {
        self.has_header() && self.body_left == 0
    }

    /// A whole header that is none.
    fn is_foreign(&self) -> bool {
        self.has_header() && !self.may_be_tls()
    }

    /// What there is of the header, a byte at least, could begin a record: content types 20 to 24, major version 3, not longer than RFC 5246
    /// section 6.2.3 allows.
    fn may_be_tls(&self) -> bool {
        const MAX_BODY: usize = MAX_FRAGMENT + 2048;
        let [kind, major, _, high, low] = self.header;
        (20..=24).contains(&kind)
            && (self.have < 2 || major == 3)
            && usize::from(u16::from_be_bytes([high, low])) <= MAX_BODY
    }

    fn header_so_far(&self) -> &[u8] {
        self.header.get(..self.have).unwrap_or_default()
    }
}

/// The first bytes received, kept for a human.
struct FirstStash {
    bytes: [u8; FIRST_BYTES_KEPT],
    len: usize,
}

impl Default for FirstStash {
    fn default() -> Self {
        FirstStash {
            bytes: [0; FIRST_BYTES_KEPT],
            len: 0,
        }
    }
}

impl FirstStash {
    /// `input` begins at byte `position` of the stream; parts of it may have been offered before.
    fn note(&mut self, position: u64, input: &[u8]) {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let Some(fresh) = self
            .len
            .checked_sub(position)
            .and_then(|known| input.get(known..))
        else {
            return;
        };
        for (to, from) in self.bytes.iter_mut().skip(self.len).zip(fresh) {
            *to = *from;
            self.len += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
