//! One connection, in clear or under TLS.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use std::io::{self, Read, Write};

use super::buffer::Buffer;
use super::flow::Transport;
use crate::order::{DataEnd, Fault, TlsFacts, TlsFault};
use crate::tls::{Channel, PeerIdentity, TlsFailure};

/// A connection, in clear or under TLS, whose bytes someone else moves. It begins in clear.
///
/// From the network: [`room`](Link::room), then [`received`](Link::received), [`eof`](Link::eof), [`broken`](Link::broken) or
/// [`dry`](Link::dry); [`fill`](Link::fill) is the loop over them. To the network: [`send`](Link::send). In between:
/// [`plain`](Link::plain), [`consume`](Link::consume) and [`end`](Link::end).
///
/// ```
/// use ftp_proto::pipe::{Link, LinkEnd};
///
/// let mut link = Link::new(1024);
/// let mut network = &b"220 ready\r\n"[..]; // a slice has an end, and so has this connection
/// link.fill(&mut network);
/// assert_eq!(link.plain(), b"220 ready\r\n");
/// link.consume(11);
/// link.fill(&mut network);
/// assert_eq!(link.end(), Some(LinkEnd::Fin));
/// let mut wire = Vec::new();
/// assert_eq!(link.send(b"QUIT\r\n", &mut wire), 6);
/// ```
#[derive(Debug)]
pub struct Link {
    /// Large, and most connections at rest have none.
    channel: Option<Box<Channel>>,
    /// As it came from the network.
    raw: Buffer,
    /// What the network said last.
    lost: Option<Lost>,
    /// Writing failed; what the peer said before is read first.
    unsent: Option<Fault>,
    /// Something came, and nothing has gone since that an acknowledgement could ride on.
    heard: bool,
}

#[derive(Clone, Copy, Debug)]
enum Lost {
    Eof,
    Broken(Fault),
}

/// How the peer's side of a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// By close_notify.
    CloseNotify,
    /// The peer closed TCP; under TLS that is without close_notify.
    Fin,
    /// The transport failed.
    Failed(Fault),
    /// TLS failed.
    Tls(TlsFailure),
}

impl From<&LinkEnd> for DataEnd {
    fn from(end: &LinkEnd) -> DataEnd {
        match end {
            LinkEnd::CloseNotify => DataEnd::CloseNotify,
            LinkEnd::Fin => DataEnd::Fin,
            LinkEnd::Failed(fault) => DataEnd::Failed(*fault),
            LinkEnd::Tls(failure) => DataEnd::Tls(TlsFault::from(failure)),
        }
    }
}

impl Link {
    /// A connection that is up, in clear. At most `size` bytes are taken from the network at once.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Link {
            channel: None,
            raw: Buffer::new(size),
            lost: None,
            unsent: None,
            heard: false,
        }
    }

    /// Another connection in the same memory: in clear, nothing left of the one before.
    pub fn renew(&mut self) {
        self.channel = None;
        self.raw.clear();
        self.lost = None;
        self.unsent = None;
        self.heard = false;
    }

    /// The connection is at rest: memory for what comes next is given back until it comes.
    pub fn rest(&mut self) {
        self.raw.rest();
    }

    #[cfg(all(test, any(feature = "ring", feature = "aws-lc-rs")))]
    pub(super) fn memory(&self) -> usize {
        self.raw.memory()
    }

    // ---- TLS

    /// TLS begins: what comes from now on is for `channel`. Send what waits, and fill, until [`secured`](Link::secured) tells.
    pub fn secure(&mut self, channel: Channel) {
        self.channel = Some(Box::new(channel));
        self.settle();
    }

    /// Whether the handshake is over, and how. It is done before our last message is sent, so that this leaves together with what is
    /// said next. After a failure there may be an alert to send.
    #[must_use]
    pub fn secured(&self) -> Option<Result<TlsFacts, TlsFailure>> {
        let Some(channel) = &self.channel else {
            return Some(Err(TlsFailure::Internal("no TLS here".to_owned())));
        };
        if let Some(facts) = channel.handshake() {
            return Some(Ok(facts.into()));
        }
        channel.failure().cloned().map(Err)
    }

    /// Our side of TLS ends: close_notify waits to be sent. In clear it does nothing.
    pub fn close(&mut self) {
        if let Some(channel) = &mut self.channel {
            channel.close();
        }
    }

    /// After [`close`](Link::close): whether TLS has ended in both directions, and how. What follows it is clear text, what
    /// came already included (RFC 4217 section 12.3).
    ///
    /// # Errors
    /// What ended TLS, or the connection, without close_notify.
    pub fn cleared(&mut self) -> Option<Result<(), TlsFailure>> {
        self.channel.as_ref()?;
        // Nobody wants what is still said under TLS.
        while self.read(&mut [0; 256]) > 0 {}
        match self.end()? {
            // Ours goes first.
            LinkEnd::CloseNotify if self.wants_write() => None,
            LinkEnd::CloseNotify => {
                self.channel = None;
                Some(Ok(()))
            }
            LinkEnd::Fin | LinkEnd::Failed(_) | LinkEnd::Tls(_) => {
                Some(Err(self.channel()?.failure()?.clone()))
            }
        }
    }

    /// TLS here, while it lasts.
    #[must_use]
    pub fn channel(&self) -> Option<&Channel> {
        self.channel.as_deref()
    }

    /// Whether the connection is under TLS, the handshake included.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.channel.is_some()
    }

    /// The certificate the peer showed, see [`Channel::peer_identity`].
    #[must_use]
    pub fn identity(&self) -> Option<&PeerIdentity> {
        self.channel.as_ref()?.peer_identity()
    }

    // ---- from the network

    /// Where the next bytes from the network go. `None`: what came before has to be taken first, or nothing counts any more.
    pub fn room(&mut self) -> Option<&mut [u8]> {
        let listens = self
            .channel
            .as_ref()
            .is_none_or(|channel| channel.failure().is_none() && !channel.peer_closed());
        (listens && self.lost.is_none() && self.raw.is_empty()).then(|| self.raw.room())
    }

    /// `count` bytes came into the room.
    pub fn received(&mut self, count: usize) {
        self.raw.add(count);
        self.heard = true;
        self.settle();
    }

    /// The end of the stream came.
    pub fn eof(&mut self) {
        self.lost.get_or_insert(Lost::Eof);
        self.settle();
    }

    /// The connection failed, and all that came before was received.
    pub fn broken(&mut self, fault: Fault) {
        self.lost.get_or_insert(Lost::Broken(fault));
        self.settle();
    }

    /// Nothing came. If sending has failed, the connection is now known to be broken: what the peer said before was received.
    pub fn dry(&mut self) {
        if let Some(fault) = self.unsent {
            self.broken(fault);
        }
    }

    /// Takes from `network` what is there and there is room for. `WouldBlock` means that nothing is there. True if something was.
    pub fn fill(&mut self, network: &mut dyn Read) -> bool {
        let Some(room) = self.room() else {
            return self.dry_up();
        };
        match hear(network, room) {
            Heard::Nothing => {
                self.dry();
                return self.lost.is_some();
            }
            Heard::Bytes(count) => self.received(count),
            Heard::End => self.eof(),
            Heard::Failed(fault) => self.broken(fault),
        }
        true
    }

    /// Nothing more is read. True if that makes a difference.
    pub(super) fn dry_up(&mut self) -> bool {
        let news = self.unsent.is_some() && self.lost.is_none() && self.raw.is_empty();
        if news {
            self.dry();
        }
        news
    }

    // ---- what came

    /// What the peer said and is not [consumed](Link::consume). Empty during a handshake.
    pub fn plain(&mut self) -> &[u8] {
        match &mut self.channel {
            Some(channel) => channel.plaintext(),
            None => self.raw.filled(),
        }
    }

    /// The first `count` bytes of [`plain`](Link::plain) are done with.
    pub fn consume(&mut self, count: usize) {
        match &mut self.channel {
            Some(channel) => channel.consume(count),
            None => self.raw.consume(count),
        }
        self.settle();
    }

    /// Copies what the peer said to `out`: how many bytes, 0 if there are none.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let Some(channel) = &mut self.channel else {
            return self.raw.take(out);
        };
        let count = channel.read(out);
        if count > 0 || self.raw.is_empty() {
            return count;
        }
        self.settle();
        self.channel.as_mut().map_or(0, |channel| channel.read(out))
    }

    /// How the peer's side ended; told when all it said is consumed.
    #[must_use]
    pub fn end(&self) -> Option<LinkEnd> {
        let Some(channel) = &self.channel else {
            return match self.lost? {
                _ if !self.raw.is_empty() => None,
                Lost::Eof => Some(LinkEnd::Fin),
                Lost::Broken(fault) => Some(LinkEnd::Failed(fault)),
            };
        };
        if channel.has_plaintext() {
            return None;
        }
        match (channel.failure(), self.lost) {
            (None, _) => channel.peer_closed().then_some(LinkEnd::CloseNotify),
            (Some(TlsFailure::Truncated), _) => Some(LinkEnd::Fin),
            (Some(TlsFailure::Reset { .. }), Some(Lost::Broken(fault))) => {
                Some(LinkEnd::Failed(fault))
            }
            (Some(failure), _) => Some(LinkEnd::Tls(failure.clone())),
        }
    }

    // ---- to the network

    /// Sends waiting ciphertext and then `plain`: how many bytes of it `network` took, or TLS to be sent later. `WouldBlock` means that
    /// no more goes for now.
    ///
    /// A failure is not told here: what the peer said before may be the reason, so [`end`](Link::end) tells it after that.
    pub fn send(&mut self, plain: &[u8], network: &mut dyn Write) -> usize {
        match self.try_send(plain, network) {
            Ok(count) => count,
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    self.unsent.get_or_insert_with(|| fault(&error));
                }
                0
            }
        }
    }

    /// Sends waiting ciphertext. True if none is left.
    pub fn flush(&mut self, network: &mut dyn Write) -> bool {
        self.send(&[], network);
        !self.wants_write() && self.unsent.is_none()
    }

    /// Whether ciphertext waits to be sent, and can be.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.unsent.is_none() && self.channel().is_some_and(Channel::wants_write)
    }

    /// Whether something came, and nothing has gone since that an acknowledgement could ride on.
    pub(super) fn owes_ack(&self) -> bool {
        self.heard
    }

    /// Asks for the acknowledgement that is owed, see [`Transport::acknowledge`].
    pub(super) fn acknowledge(&mut self, network: &mut dyn Transport) {
        if core::mem::take(&mut self.heard) {
            network.acknowledge();
        }
    }

    /// Something came that did not pass through here.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    /// Sending has failed, for this reason.
    #[must_use]
    pub fn unsent(&self) -> Option<Fault> {
        self.unsent
    }

    fn try_send(&mut self, plain: &[u8], network: &mut dyn Write) -> io::Result<usize> {
        if self.unsent.is_some() {
            return Ok(0);
        }
        let Some(channel) = &mut self.channel else {
            if plain.is_empty() {
                return Ok(0);
            }
            let count = taken(uninterrupted(|| network.write(plain))?)?;
            self.heard = false;
            return Ok(count);
        };
        // TLS takes no more than it can hold: what it holds goes first.
        while channel.wants_write() {
            taken(uninterrupted(|| channel.write_to(network))?)?;
            self.heard = false;
        }
        let count = channel.write(plain);
        while channel.wants_write() {
            match uninterrupted(|| channel.write_to(network)) {
                // What TLS has taken is on its way.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                written => taken(written?)?,
            };
            self.heard = false;
        }
        Ok(count)
    }

    /// Takes TLS as far as it goes with what is there.
    fn settle(&mut self) {
        let Some(channel) = &mut self.channel else {
            return;
        };
        while !self.raw.is_empty() {
            match channel.feed(self.raw.filled()) {
                // Plaintext waits; or TLS has ended, and the rest is not for it.
                Ok(0) => return,
                Ok(count) => self.raw.consume(count),
                // Kept by the channel.
                Err(_) => self.raw.clear(),
            }
        }
        // The first failure is the one that counts, and is kept by the channel.
        let _ = match self.lost {
            None => Ok(()),
            Some(Lost::Eof) => channel.peer_eof(),
            Some(Lost::Broken(_)) => channel.peer_reset(),
        };
    }
}

/// What a look at the network found.
pub(super) enum Heard {
    Nothing,
    Bytes(usize),
    End,
    Failed(Fault),
}

pub(super) fn hear(network: &mut dyn Read, room: &mut [u8]) -> Heard {
    match uninterrupted(|| network.read(room)) {
        Ok(0) => Heard::End,
        Ok(count) => Heard::Bytes(count),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
        Err(error) => Heard::Failed(fault(&error)),
    }
}

/// What a signal interrupts is tried again.
pub(super) fn uninterrupted<T>(mut what: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match what() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// What an error of the system means to the machine.
#[must_use]
pub fn fault(error: &io::Error) -> Fault {
    use io::ErrorKind as E;
    match error.kind() {
        E::ConnectionRefused => Fault::Refused,
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown => Fault::Unreachable,
        E::TimedOut => Fault::TimedOut,
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::NotConnected => Fault::Reset,
        E::AddrInUse | E::AddrNotAvailable => Fault::AddressInUse,
        E::PermissionDenied => Fault::Denied,
        _ => Fault::Other,
    }
}

fn taken(count: usize) -> io::Result<usize> {
    match count {
        0 => Err(io::ErrorKind::WriteZero.into()),
        count => Ok(count),
    }
}
