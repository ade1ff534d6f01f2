//! A data connection: payload between the network and the application.

use alloc::vec::Vec;
use std::io::{Read, Write};

use super::buffer::Buffer;
use super::link::{Heard, Link, LinkEnd, hear};
use crate::order::{DataEnd, Direction, FlowEnd, TlsFacts};
use crate::tls::{Channel, TlsFailure};
use crate::wire::ascii::{Decoder, Encoder};

/// What one piece whose line ends are converted is of the buffer's size; it can double.
const PIECES: usize = 4;

/// A data connection, in clear or under TLS, with the memory payload passes through. One serves all data connections of a session, one
/// after the other.
///
/// ```text
/// network  ── room, received, eof, broken, dry (or fill) ──►  ── plain, consume ──────────►  application
///          ◄─────────────────── send, shuts ──────────────    ◄─ space, filled, source_ended ──
/// ```
///
/// [`renew`](Pipe::renew), perhaps [`secure`](Pipe::secure) until [`secured`](Pipe::secured), then [`begin`](Pipe::begin) until
/// [`ended`](Pipe::ended), or [`cut`](Pipe::cut) at any time. All of them are levels: look at them after each step.
///
/// ```
/// use ftp_proto::pipe::Pipe;
/// use ftp_proto::{DataEnd, Direction};
///
/// let mut pipe = Pipe::new(1024);
/// pipe.renew();
/// pipe.begin(Direction::Receive, false);
/// pipe.fill(&mut &b"a file"[..]); // a slice has an end, and so has this connection
/// assert_eq!(pipe.plain(), b"a file");
/// pipe.consume(6);
/// let end = pipe.ended().unwrap();
/// assert_eq!((end.bytes, end.end), (6, DataEnd::Fin));
/// ```
#[derive(Debug)]
pub struct Pipe {
    link: Link,
    size: usize,
    /// On its way to or from the application.
    plain: Buffer,
    /// Before its line ends are converted.
    piece: Vec<u8>,
    /// After.
    text: Vec<u8>,
    flow: Option<Flow>,
    failure: Option<TlsFailure>,
}

/// Which side of a connection is to be shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Ours.
    Sending,
    /// Both.
    Both,
}

impl From<Shut> for std::net::Shutdown {
    fn from(side: Shut) -> Self {
        match side {
            Shut::Sending => std::net::Shutdown::Write,
            Shut::Both => std::net::Shutdown::Both,
        }
    }
}

/// A connection as a driver lends it for a step. None of it waits: `WouldBlock` means not now.
pub trait Transport: Read + Write {
    /// Shuts a side of the connection down.
    fn shut(&mut self, side: Shut);

    /// Acknowledges at once what came. A peer whose Nagle algorithm is on says no more before that, and systems wait 40 ms to 200 ms for
    /// something of ours that the ACK could ride on: in each batch of commands, listing, small upload. It is asked for where nothing of
    /// ours has gone since and the peer is waited for, from the first time on that this takes a while. Where there is no way to do so, it
    /// takes that time.
    fn acknowledge(&mut self) {}

    /// From here on what does not fill a packet may be kept back (`TCP_CORK`), a fraction of a second at most: until this is taken back, or the side is
    /// shut down. A small file then leaves in one packet with its end, and the peer is woken once. Where there is no way to do so nothing is kept.
    fn hold(&mut self, _back: bool) {}

    /// Makes the coming close a reset, so that the peer does not take what it has for the whole. Where there is no way to do so an upload
    /// in clear that is cut short looks whole to the server.
    fn will_reset(&mut self) {}
}

/// One flow.
#[derive(Debug)]
struct Flow {
    direction: Direction,
    codec: Codec,
    bytes: u64,
    /// The source is read to its end.
    source_ended: bool,
    /// The network takes nothing of what goes to it without passing through here, as it said since the last [`send`](Pipe::send).
    stalled: bool,
    /// Our side of the data connection is shut down, or to be.
    shut: bool,
    shuts: Option<Shut>,
    /// The peer said or did its last thing.
    end: Option<DataEnd>,
    /// The application's side failed.
    failed: bool,
}

#[derive(Debug)]
enum Codec {
    Image,
    Decode(Decoder),
    Encode(Encoder),
}

impl Pipe {
    /// The size of the buffers that drivers use, in bytes.
    pub const SIZE: usize = 256 * 1024;

    /// Two buffers of `size` bytes.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Pipe {
            link: Link::new(size),
            size,
            plain: Buffer::new(size),
            piece: Vec::new(),
            text: Vec::new(),
            flow: None,
            failure: None,
        }
    }

    /// A new data connection is up, in clear: nothing of an earlier one is left.
    pub fn renew(&mut self) {
        self.link.renew();
        self.plain.clear();
        self.flow = None;
        self.failure = None;
    }

    // ---- before payload

    /// As [`Link::secure`].
    pub fn secure(&mut self, channel: Channel) {
        self.link.secure(channel);
    }

    /// As [`Link::secured`].
    #[must_use]
    pub fn secured(&self) -> Option<Result<TlsFacts, TlsFailure>> {
        self.link.secured()
    }

    /// The connection below, to be looked at.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Payload begins to flow; `ascii` converts line ends (TYPE A).
    pub fn begin(&mut self, direction: Direction, ascii: bool) {
        self.flow = Some(Flow {
            direction,
            codec: match (ascii, direction) {
                (false, _) => Codec::Image,
                (true, Direction::Receive) => Codec::Decode(Decoder::new()),
                (true, Direction::Send) => Codec::Encode(Encoder::default()),
            },
            bytes: 0,
            source_ended: false,
            stalled: false,
            shut: false,
            shuts: None,
            end: None,
            failed: false,
        });
        self.settle();
    }

    // ---- from the network

    /// Where the next bytes from the network go. `None`: there is no need to read now. In clear nothing is read before
    /// [`begin`](Pipe::begin).
    pub fn room(&mut self) -> Option<&mut [u8]> {
        let full = self.is_full();
        let Some(flow) = &self.flow else {
            return if self.link.is_secure() {
                self.link.room()
            } else {
                None
            };
        };
        if flow.end.is_some() || flow.failed || full {
            return None;
        }
        if self.link.is_secure() {
            return self.link.room();
        }
        match (flow.direction, &flow.codec) {
            (Direction::Receive, Codec::Image) => Some(self.plain.room()),
            _ => Some(piece(&mut self.piece, self.size)),
        }
    }

    /// `count` bytes came into the room.
    pub fn received(&mut self, count: usize) {
        if self.link.is_secure() {
            self.link.received(count);
        } else {
            self.link.heard();
            // Nobody may send payload on an upload: it is dropped.
            if self.direction() == Some(Direction::Receive) {
                self.take_in(count);
            }
        }
        self.settle();
    }

    /// As [`Link::eof`].
    pub fn eof(&mut self) {
        self.link.eof();
        self.settle();
    }

    /// As [`Link::broken`].
    pub fn broken(&mut self, fault: crate::Fault) {
        self.link.broken(fault);
        self.settle();
    }

    /// As [`Link::dry`].
    pub fn dry(&mut self) {
        self.link.dry();
        self.settle();
    }

    /// Takes from `network` what is there and there is room for. `WouldBlock` means that nothing is there. True if something was.
    pub fn fill(&mut self, network: &mut dyn Read) -> bool {
        let mut moved = false;
        while let Some(room) = self.room() {
            match hear(network, room) {
                Heard::Nothing => {
                    moved |= self.link.dry_up();
                    self.settle();
                    return moved;
                }
                Heard::Bytes(count) => self.received(count),
                Heard::End => self.eof(),
                Heard::Failed(fault) => self.broken(fault),
            }
            moved = true;
        }
        moved
    }

    // ---- to the network

    /// Sends what waits, as far as it goes without waiting; behind the last byte of a source it says that this was the end. True
    /// if something went. Failures are told by [`ended`](Pipe::ended).
    pub fn send(&mut self, network: &mut dyn Write) -> bool {
        let mut moved = false;
        if let Some(flow) = &mut self.flow {
            flow.stalled = false;
        }
        while !self.plain.is_empty()
            && let Some(flow) = &mut self.flow
            && flow.direction == Direction::Send
        {
            let count = self.link.send(self.plain.filled(), network);
            if count == 0 {
                return moved;
            }
            self.plain.consume(count);
            flow.bytes += count as u64;
            moved = true;
        }
        let over = self.flow.as_ref().is_some_and(|flow| {
            flow.direction == Direction::Send && flow.source_ended && !flow.shut && !flow.failed
        });
        if over {
            self.link.close();
        }
        let wanted = self.link.wants_write();
        if !self.link.flush(network) {
            return moved;
        }
        if over && let Some(flow) = &mut self.flow {
            flow.shut = true;
            flow.shuts = Some(Shut::Sending);
        }
        moved || wanted || over
    }

    /// Whether something waits to be sent.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        let sends = self.flow.as_ref().is_some_and(|flow| {
            flow.direction == Direction::Send
                && !flow.shut
                && (flow.source_ended || flow.stalled || !self.plain.is_empty())
        });
        self.link.unsent().is_none() && (sends || self.link.wants_write())
    }

    /// Which side of the connection is to be shut down now; told once.
    pub fn shuts(&mut self) -> Option<Shut> {
        self.flow.as_mut()?.shuts.take()
    }

    /// All of it for drivers that have a [`Transport`]: sends, fills, shuts down. True if something moved.
    pub fn turn(&mut self, network: &mut dyn Transport) -> bool {
        let moved = self.carry(network);
        self.shut_down(network);
        moved
    }

    /// Sends and fills. True if something moved.
    pub(super) fn carry(&mut self, network: &mut dyn Transport) -> bool {
        let mut moved = self.send(network);
        moved |= self.fill(network);
        if self.link.wants_write() {
            // Our close_notify, above all.
            moved |= self.send(network);
        }
        moved
    }

    /// After the peer's last word under TLS: whether it has closed TCP too. What it says instead is of no interest.
    pub(super) fn is_deserted(&mut self, network: &mut dyn Read) -> bool {
        let piece = piece(&mut self.piece, self.size);
        !matches!(hear(network, piece), Heard::Nothing)
    }

    /// Shuts down what is to be.
    pub(super) fn shut_down(&mut self, network: &mut dyn Transport) {
        if let Some(side) = self.shuts() {
            network.shut(side);
        }
    }

    /// As [`Link::acknowledge`].
    pub(super) fn acknowledge(&mut self, network: &mut dyn Transport) {
        self.link.acknowledge(network);
    }

    /// Call it before the connection is closed. What was cut short must not look whole: in clear an end is just the end, and under TLS
    /// some peers take it as one, while others end the session over it; so it is reset.
    pub fn cut(&mut self, network: &mut dyn Transport) {
        let handshaking = self.link.channel().is_some_and(Channel::is_handshaking);
        if !handshaking {
            // Servers do not survive a handshake that lacks our last message.
            self.link.flush(network);
        }
        // A download too: a server that still sends takes a reset for an end of the transfer, but what comes after an end for a failure
        // of its own, and ProFTPD's mod_tls then ends the session.
        let over = |flow: &Flow| flow.shut || flow.end.is_some();
        if !self.flow.as_ref().is_some_and(over) {
            network.will_reset();
        }
    }

    // ---- the application's side

    /// A download: what came and is not [consumed](Pipe::consume).
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        if self.direction() == Some(Direction::Send) {
            return &[];
        }
        self.plain.filled()
    }

    /// The first `count` bytes of [`plain`](Pipe::plain) are done with.
    pub fn consume(&mut self, count: usize) {
        self.plain.consume(count);
        self.settle();
    }

    /// Copies what came to `out`: how many bytes, 0 if there are none.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let count = out.len().min(self.plain().len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), self.plain().get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        count
    }

    /// An upload: where the application's next bytes go. `None`: not before what is there has left.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        let flow = self.flow.as_ref()?;
        let takes = flow.direction == Direction::Send
            && !flow.source_ended
            && !flow.failed
            && self.plain.is_empty();
        match flow.codec {
            _ if !takes => None,
            Codec::Encode(_) => Some(piece(&mut self.piece, self.size)),
            _ => Some(self.plain.room()),
        }
    }

    /// `count` bytes were put into the space.
    pub fn filled(&mut self, count: usize) {
        match self.flow.as_mut().map(|flow| &mut flow.codec) {
            Some(Codec::Encode(encoder)) => {
                self.text.clear();
                encoder.encode(self.piece.get(..count).unwrap_or_default(), &mut self.text);
                self.plain.append(&self.text);
            }
            _ => self.plain.add(count),
        }
    }

    /// An upload: takes as much of `bytes` as there is room for, and returns how much.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        match self.flow.as_mut() {
            Some(flow) if flow.direction == Direction::Send && !flow.source_ended => {
                match &mut flow.codec {
                    Codec::Encode(encoder) => {
                        let piece = bytes.get(..self.plain.room().len() / 2).unwrap_or(bytes);
                        self.text.clear();
                        encoder.encode(piece, &mut self.text);
                        self.plain.append(&self.text);
                        piece.len()
                    }
                    _ => self.plain.put(bytes),
                }
            }
            _ => 0,
        }
    }

    /// An upload: whether its next bytes may go from their source straight to the network, as they are: in clear, TYPE I, and nothing waits
    /// that goes first. Follow with [`passed`](Pipe::passed).
    #[must_use]
    pub fn is_bare(&self) -> bool {
        let flow = self.flow.as_ref().filter(|flow| {
            flow.direction == Direction::Send
                && matches!(flow.codec, Codec::Image)
                && !flow.source_ended
                && !flow.failed
        });
        flow.is_some()
            && self.plain.is_empty()
            && !self.link.is_secure()
            && self.link.unsent().is_none()
    }

    /// `count` bytes went straight to the network; 0: it takes nothing for now.
    pub fn passed(&mut self, count: usize) {
        if let Some(flow) = &mut self.flow {
            flow.bytes += count as u64;
            flow.stalled = count == 0;
        }
    }

    /// An upload: nothing more comes. What is there still goes. True if that is new.
    pub fn source_ended(&mut self) -> bool {
        let flow = self.flow.as_mut();
        flow.is_some_and(|flow| !core::mem::replace(&mut flow.source_ended, true))
    }

    /// The application's reader or writer failed, or nobody waits for this any more: the flow has ended. The peer is told by
    /// [`cut`](Pipe::cut) alone.
    pub fn give_up(&mut self) {
        if let Some(flow) = &mut self.flow {
            flow.failed = true;
        }
    }

    // ---- how it stands

    /// Which way payload flows; `None` if none does.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        Some(self.flow.as_ref()?.direction)
    }

    /// Payload bytes moved so far, as they travel.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.flow.as_ref().map_or(0, |flow| flow.bytes)
    }

    /// Whether all that was put in has left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// Whether the peer is still to be sent something, an end at least.
    #[must_use]
    pub fn owes(&self) -> bool {
        let flow = self.flow.as_ref();
        flow.is_some_and(|flow| flow.direction == Direction::Send && !flow.shut)
    }

    /// An upload: the whole source has been handed to the transport, close_notify and shutdown included.
    #[must_use]
    pub fn all_sent(&self) -> bool {
        self.direction() == Some(Direction::Send) && !self.owes()
    }

    /// The end of the flow. The network is done with, but what came may still have to be [consumed](Pipe::consume).
    #[must_use]
    pub fn ended(&self) -> Option<FlowEnd> {
        let flow = self.flow.as_ref()?;
        let end = match (flow.end, self.link.unsent()) {
            _ if flow.failed => DataEnd::Local,
            // The peer may end its side before we have ended ours; whether it still reads shows in writing.
            (Some(DataEnd::Fin | DataEnd::CloseNotify), unsent) if self.owes() => {
                DataEnd::Failed(unsent?)
            }
            (end, _) => end?,
        };
        Some(FlowEnd {
            bytes: flow.bytes,
            source_ended: flow.source_ended && self.plain.is_empty(),
            end,
        })
    }

    /// How exactly TLS failed, if it ended the flow.
    #[must_use]
    pub fn failure(&self) -> Option<&TlsFailure> {
        self.failure.as_ref()
    }

    // ---- inside

    /// Whether there is no room for payload that comes.
    fn is_full(&mut self) -> bool {
        match self.flow.as_ref().map(|flow| &flow.codec) {
            Some(Codec::Decode(_)) => self.plain.free() <= self.size / PIECES,
            Some(Codec::Image) if self.direction() == Some(Direction::Receive) => {
                self.plain.room().is_empty()
            }
            _ => false,
        }
    }

    /// `count` bytes of payload are in the buffer, or where those wait whose line ends are converted.
    fn take_in(&mut self, count: usize) {
        let Some(flow) = &mut self.flow else { return };
        flow.bytes += count as u64;
        match &mut flow.codec {
            Codec::Decode(decoder) => {
                self.text.clear();
                let piece = self.piece.get(..count).unwrap_or_default();
                decoder.decode(piece, &mut self.text);
                self.plain.append(&self.text);
            }
            _ => self.plain.add(count),
        }
    }

    /// Brings everything to where it follows from what is known.
    fn settle(&mut self) {
        let Some(direction) = self.direction() else {
            return;
        };
        if self.link.is_secure() {
            match direction {
                Direction::Receive => self.draw(),
                Direction::Send => while self.link.read(piece(&mut self.piece, self.size)) > 0 {},
            }
        }
        let (Some(flow), Some(end)) = (&mut self.flow, self.link.end()) else {
            return;
        };
        if flow.end.is_some() {
            return;
        }
        flow.end = Some(DataEnd::from(&end));
        if let LinkEnd::Tls(failure) = end {
            self.failure = Some(failure);
        }
        if direction == Direction::Receive {
            // At once: servers may hold the final reply back until we have closed.
            self.link.close();
            flow.shuts = Some(Shut::Both);
            if let Codec::Decode(decoder) = &mut flow.codec {
                self.text.clear();
                decoder.finish(&mut self.text);
                self.plain.append(&self.text);
            }
        }
    }

    /// Takes payload out of TLS as far as there is room.
    fn draw(&mut self) {
        while !self.is_full() {
            let image = matches!(
                self.flow,
                Some(Flow {
                    codec: Codec::Image,
                    ..
                })
            );
            let count = if image {
                self.link.read(self.plain.room())
            } else {
                self.link.read(piece(&mut self.piece, self.size))
            };
            if count == 0 {
                return;
            }
            self.take_in(count);
        }
    }
}

/// Where one piece goes that the network or the application gives; `size` is that of the buffer.
fn piece(memory: &mut Vec<u8>, size: usize) -> &mut [u8] {
    memory.resize(size / PIECES, 0);
    memory
}
