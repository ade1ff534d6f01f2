//! Payload: between the data connection and the application's reader or writer.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use ftp_proto::tls::{Channel, TlsFailure};
use ftp_proto::wire::ascii::{Decoder, Encoder};
use ftp_proto::{DataEnd, Direction, FlowEnd, TicketId, TlsFault};

use crate::buffer::Buffer;
use crate::error::Trouble;
use crate::net::fault;
use crate::tls::{Link, Received};

/// Size of the buffers, in bytes.
const BUFFER: usize = 256 * 1024;

/// Size of one piece whose line ends are converted, in bytes; it can double.
const PIECE: usize = BUFFER / 4;

/// Where payload comes from, or goes.
pub(crate) enum Payload<'a> {
    /// The call moves none; a flow that is left over from another call ends.
    None,
    /// A download goes here.
    Sink(&'a mut dyn Write),
    /// An upload comes from here.
    Source(&'a mut dyn Read),
    /// The caller itself takes it from, or puts it into, [`Buffers::plain`], and is called back for that.
    Caller(Wish),
    /// The rest of a download is of no interest.
    Discard,
}

/// What a call wants of the loop: the transfer it is about, if one, and its payload.
pub(crate) struct Call<'a> {
    pub(crate) transfer: Option<TicketId>,
    pub(crate) payload: Payload<'a>,
}

impl<'a> Call<'a> {
    /// A call that moves no payload.
    pub(crate) fn plain() -> Self {
        Call {
            transfer: None,
            payload: Payload::None,
        }
    }

    pub(crate) fn transfer(ticket: TicketId, payload: Payload<'a>) -> Self {
        Call {
            transfer: Some(ticket),
            payload,
        }
    }
}

/// What a caller that moves payload itself waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The beginning of the flow.
    Begin,
    /// Bytes to read.
    Bytes,
    /// Room to write.
    Room,
    /// All that was written has left.
    Sent,
    /// The end; nothing more will be written.
    End,
}

/// The memory payload passes through, allocated once for a session.
#[derive(Debug)]
pub(crate) struct Buffers {
    /// As it came from the socket, under TLS.
    cipher: Buffer,
    /// On its way to or from the application.
    pub(crate) plain: Buffer,
    /// Before its line ends are converted.
    piece: Vec<u8>,
    /// After.
    text: Vec<u8>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Buffers {
            cipher: Buffer::new(BUFFER),
            plain: Buffer::new(BUFFER),
            piece: Vec::new(),
            text: Vec::new(),
        }
    }

    pub(crate) fn cipher(&mut self) -> &mut Buffer {
        &mut self.cipher
    }

    /// Nothing of an earlier data connection is left.
    pub(crate) fn clear(&mut self) {
        self.cipher.clear();
        self.plain.clear();
    }
}

/// One flow.
#[derive(Debug)]
pub(crate) struct Flow {
    direction: Direction,
    codec: Codec,
    bytes: u64,
    /// The source is read to its end.
    source_ended: bool,
    /// Our side of the data connection is shut down.
    shut: bool,
    /// The peer said or did its last thing.
    end: Option<DataEnd>,
}

#[derive(Debug)]
enum Codec {
    Image,
    Decode(Decoder),
    Encode(Encoder),
}

/// What a step of a flow did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Nothing: the network, or the caller, has to do something first.
    Nothing,
    /// Something.
    Something,
    /// The flow has ended.
    Ended(FlowEnd),
}

impl Flow {
    pub(crate) fn new(direction: Direction, ascii: bool) -> Self {
        Flow {
            direction,
            codec: match (ascii, direction) {
                (false, _) => Codec::Image,
                (true, Direction::Receive) => Codec::Decode(Decoder::new()),
                (true, Direction::Send) => Codec::Encode(Encoder::default()),
            },
            bytes: 0,
            source_ended: false,
            shut: false,
            end: None,
        }
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether the peer is still to be sent something, an end at least.
    pub(crate) fn owes(&self) -> bool {
        self.direction == Direction::Send && !self.shut
    }

    /// Payload bytes moved so far, as they travel.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Moves what can be moved without waiting for the network.
    pub(crate) fn step(
        &mut self,
        link: &mut Link,
        buffers: &mut Buffers,
        payload: &mut Payload<'_>,
        trouble: &mut Trouble,
    ) -> Moved {
        let (moved, end) = match self.direction {
            Direction::Receive => self.receive(link, buffers, payload, trouble),
            Direction::Send => self.send(link, buffers, payload, trouble),
        };
        match end {
            Some(end) => Moved::Ended(FlowEnd {
                bytes: self.bytes,
                source_ended: self.source_ended && buffers.plain.is_empty(),
                end,
            }),
            None if moved => Moved::Something,
            None => Moved::Nothing,
        }
    }

    /// Puts bytes of the application in line; returns how many of them.
    pub(crate) fn accept(&mut self, local: &[u8], buffers: &mut Buffers) -> usize {
        match &mut self.codec {
            Codec::Encode(encoder) => {
                let piece = local.get(..buffers.plain.room().len() / 2).unwrap_or(local);
                buffers.text.clear();
                encoder.encode(piece, &mut buffers.text);
                buffers.plain.append(&buffers.text);
                piece.len()
            }
            _ => buffers.plain.put(local),
        }
    }

    // ---- download

    fn receive(
        &mut self,
        link: &mut Link,
        buffers: &mut Buffers,
        payload: &mut Payload<'_>,
        trouble: &mut Trouble,
    ) -> (bool, Option<DataEnd>) {
        let mut moved = false;
        if self.end.is_none() {
            // The end of our handshake; where it does not go, reading tells why.
            let _ = link.flush();
            moved = match link.channel {
                None => self.receive_clear(link, buffers),
                Some(_) => self.receive_tls(link, buffers, trouble),
            };
            if self.end.is_some() {
                // At once: servers may hold the final reply back until we have closed.
                link.hang_up();
                if let Codec::Decode(decoder) = &mut self.codec {
                    buffers.text.clear();
                    decoder.finish(&mut buffers.text);
                    buffers.plain.append(&buffers.text);
                }
            }
        }
        let local = match payload {
            Payload::Sink(sink) => {
                moved |= !buffers.plain.is_empty();
                let mut written = sink.write_all(buffers.plain.filled());
                buffers.plain.clear();
                if self.end.is_some() {
                    // What a buffering writer cannot write out is not there.
                    written = written.and_then(|()| sink.flush());
                }
                written.err()
            }
            Payload::Caller(Wish::Begin | Wish::Bytes) => None,
            Payload::Discard | Payload::Caller(_) => {
                moved |= !buffers.plain.is_empty();
                buffers.plain.clear();
                None
            }
            Payload::None | Payload::Source(_) => Some(nowhere()),
        };
        match local {
            None => (moved, self.end),
            Some(error) => {
                trouble.local.get_or_insert(error);
                link.hang_up();
                (true, Some(DataEnd::Local))
            }
        }
    }

    fn receive_clear(&mut self, link: &mut Link, buffers: &mut Buffers) -> bool {
        let mut moved = false;
        while let Some(room) = self.room(buffers) {
            match link.socket.receive(room) {
                Ok(None) => break,
                Ok(Some(0)) => self.end = Some(DataEnd::Fin),
                Ok(Some(count)) => self.take_in(count, buffers),
                Err(error) => self.end = Some(DataEnd::Failed(fault(&error))),
            }
            moved = true;
            if self.end.is_some() {
                break;
            }
        }
        moved
    }

    fn receive_tls(
        &mut self,
        link: &mut Link,
        buffers: &mut Buffers,
        trouble: &mut Trouble,
    ) -> bool {
        let mut moved = false;
        while self.end.is_none() {
            let Some(room) = self.room(buffers) else {
                break;
            };
            let Some(channel) = &mut link.channel else {
                break;
            };
            let count = channel.read(room);
            if count > 0 {
                self.take_in(count, buffers);
                moved = true;
                continue;
            }
            if let Some(failure) = channel.failure() {
                self.end = Some(tls_end(failure.clone(), trouble));
                break;
            }
            if channel.peer_closed() {
                self.end = Some(DataEnd::CloseNotify);
                break;
            }
            match hear(link, &mut buffers.cipher) {
                Heard::Nothing => break,
                Heard::Something => {}
                Heard::End(end) => self.end = Some(end),
            }
            moved = true;
        }
        moved
    }

    /// Where the next bytes from the network go, if there is room for them.
    fn room<'b>(&self, buffers: &'b mut Buffers) -> Option<&'b mut [u8]> {
        let room = match self.codec {
            Codec::Image => buffers.plain.room(),
            _ if buffers.plain.room().len() <= PIECE => return None,
            _ => {
                buffers.piece.resize(PIECE, 0);
                buffers.piece.as_mut_slice()
            }
        };
        (!room.is_empty()).then_some(room)
    }

    /// `count` bytes came into the room.
    fn take_in(&mut self, count: usize, buffers: &mut Buffers) {
        self.bytes += count as u64;
        match &mut self.codec {
            Codec::Decode(decoder) => {
                buffers.text.clear();
                let piece = buffers.piece.get(..count).unwrap_or_default();
                decoder.decode(piece, &mut buffers.text);
                buffers.plain.append(&buffers.text);
            }
            _ => buffers.plain.add(count),
        }
    }

    // ---- upload

    fn send(
        &mut self,
        link: &mut Link,
        buffers: &mut Buffers,
        payload: &mut Payload<'_>,
        trouble: &mut Trouble,
    ) -> (bool, Option<DataEnd>) {
        // Always: tickets for the next data connection come here, and alerts.
        let mut moved = self.listen(link, buffers, trouble);
        if !self.source_ended && buffers.plain.is_empty() {
            match self.draw(buffers, payload) {
                Ok(drawn) => moved |= drawn,
                Err(error) => {
                    trouble.local.get_or_insert(error);
                    return (true, Some(DataEnd::Local));
                }
            }
        }
        match self.push(link, buffers) {
            Ok(pushed) => moved |= pushed,
            Err(error) => {
                // The peer may have said why.
                self.listen(link, buffers, trouble);
                let end = match self.end {
                    Some(end @ DataEnd::Tls(_)) => end,
                    _ => DataEnd::Failed(fault(&error)),
                };
                return (true, Some(end));
            }
        }
        match self.end {
            // The peer may end its side before we have ended ours; whether it still reads shows in writing.
            Some(DataEnd::Fin | DataEnd::CloseNotify) if !self.shut => (moved, None),
            end => (moved, end),
        }
    }

    /// Reads what the peer sends during an upload.
    fn listen(&mut self, link: &mut Link, buffers: &mut Buffers, trouble: &mut Trouble) -> bool {
        let mut moved = false;
        while self.end.is_none() {
            // Nobody may send payload on an upload: it is dropped.
            buffers.piece.resize(PIECE, 0);
            match &mut link.channel {
                None => match link.socket.receive(&mut buffers.piece) {
                    Ok(None) => break,
                    Ok(Some(0)) => self.end = Some(DataEnd::Fin),
                    Ok(Some(_)) => {}
                    Err(error) => self.end = Some(DataEnd::Failed(fault(&error))),
                },
                Some(channel) => {
                    while channel.read(&mut buffers.piece) > 0 {}
                    if let Some(failure) = channel.failure() {
                        self.end = Some(tls_end(failure.clone(), trouble));
                    } else if channel.peer_closed() {
                        self.end = Some(DataEnd::CloseNotify);
                    } else {
                        match hear(link, &mut buffers.cipher) {
                            Heard::Nothing => break,
                            Heard::Something => {}
                            Heard::End(end) => self.end = Some(end),
                        }
                    }
                }
            }
            moved = true;
        }
        moved
    }

    /// Reads from the application.
    fn draw(&mut self, buffers: &mut Buffers, payload: &mut Payload<'_>) -> io::Result<bool> {
        let source = match payload {
            Payload::Source(source) => source,
            Payload::Caller(Wish::End) => {
                self.source_ended = true;
                return Ok(true);
            }
            Payload::Caller(_) => return Ok(false),
            Payload::None | Payload::Sink(_) | Payload::Discard => return Err(nowhere()),
        };
        let count = if let Codec::Encode(_) = self.codec {
            let mut piece = std::mem::take(&mut buffers.piece);
            piece.resize(PIECE, 0);
            let count = read(source, &mut piece);
            if let Ok(count) = count {
                self.accept(piece.get(..count).unwrap_or_default(), buffers);
            }
            buffers.piece = piece;
            count?
        } else {
            let count = read(source, buffers.plain.room())?;
            buffers.plain.add(count);
            count
        };
        self.source_ended = count == 0;
        Ok(true)
    }

    /// Hands what is in line to the network, and ends our side behind the last byte.
    fn push(&mut self, link: &mut Link, buffers: &mut Buffers) -> io::Result<bool> {
        let mut moved = false;
        while !buffers.plain.is_empty() {
            // TLS takes no more than it can hold: what it holds goes first.
            if !link.flush()? {
                return Ok(moved);
            }
            let sent = match &mut link.channel {
                Some(channel) => Some(channel.write(buffers.plain.filled())),
                None => link.socket.send(buffers.plain.filled())?,
            };
            let Some(count @ 1..) = sent else {
                return Ok(moved);
            };
            buffers.plain.consume(count);
            self.bytes += count as u64;
            moved = true;
        }
        if self.shut {
            return Ok(moved);
        }
        if self.source_ended
            && let Some(channel) = &mut link.channel
        {
            channel.close();
        }
        if link.flush()? && self.source_ended {
            link.socket.shut(Shutdown::Write);
            self.shut = true;
            moved = true;
        }
        Ok(moved)
    }
}

enum Heard {
    Nothing,
    Something,
    End(DataEnd),
}

/// Feeds TLS with what is there; failures show in the channel afterwards.
fn hear(link: &mut Link, cipher: &mut Buffer) -> Heard {
    if cipher.is_empty() {
        let received = link.receive(cipher);
        let Some(channel) = &mut link.channel else {
            return Heard::Nothing;
        };
        match received {
            Received::Nothing => return Heard::Nothing,
            Received::Bytes => {}
            Received::End => {
                return match channel.peer_eof() {
                    Err(TlsFailure::Truncated) => Heard::End(DataEnd::Fin),
                    _ => Heard::Something,
                };
            }
            Received::Failed(error) => {
                return match channel.peer_reset() {
                    Ok(()) => Heard::Something,
                    Err(_) => Heard::End(DataEnd::Failed(fault(&error))),
                };
            }
        }
    }
    feed(link.channel.as_mut(), cipher)
}

fn feed(channel: Option<&mut Channel>, cipher: &mut Buffer) -> Heard {
    match channel.map(|channel| channel.feed(cipher.filled())) {
        None | Some(Ok(0)) => {
            // Only behind a close_notify, where nothing counts any more.
            cipher.clear();
        }
        Some(Ok(count)) => cipher.consume(count),
        Some(Err(_)) => cipher.clear(),
    }
    Heard::Something
}

fn tls_end(failure: TlsFailure, trouble: &mut Trouble) -> DataEnd {
    let end = DataEnd::Tls(TlsFault::from(&failure));
    trouble.tls = Some(failure);
    end
}

fn read(source: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A flow nobody waits for any more: its call was given up.
fn nowhere() -> io::Error {
    io::Error::other("the transfer was given up")
}
