//! A wait for one connection alone, as a read that waits.
//!
//! A poll and the read behind it are two calls of the system, and where the peer is near they are a good part of what a small file costs. A read
//! that waits is one. It waits a moment only: behind that, a poll tells of whatever comes, a cancellation included.

use std::fmt;
use std::io::{self, IoSlice, Read as _};
use std::time::Duration;

use mio::net::TcpStream;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::SockRef;

/// How long a read waits. A deadline, and a cancellation, may be seen so much later.
const MOMENT: Duration = Duration::from_millis(5);

/// A wait that is shorter is no read: the system counts in ticks.
const LEAST: Duration = Duration::from_millis(1);

/// Bytes one takes; most replies have fewer.
const SIZE: usize = 512;

/// Makes reads of a connection wait, and keeps what they bring until it is asked for. All that is read and written goes through it from then on.
pub(crate) struct Ear {
    heard: [u8; SIZE],
    /// What of it has not been asked for.
    from: usize,
    to: usize,
    failed: Option<io::Error>,
    /// The last wait came to nothing: a poll is next.
    silence: bool,
}

impl Ear {
    /// From here on a read of this connection waits, unless it is told not to.
    pub(crate) fn new(stream: &TcpStream) -> io::Result<Box<Ear>> {
        let socket = SockRef::from(stream);
        socket.set_read_timeout(Some(MOMENT))?;
        socket.set_nonblocking(false)?;
        Ok(Box::new(Ear {
            heard: [0; SIZE],
            from: 0,
            to: 0,
            failed: None,
            silence: false,
        }))
    }

    /// Whether a wait of this length is worth it.
    pub(crate) fn is_open(&self, timeout: Option<Duration>) -> bool {
        !self.silence && timeout.is_none_or(|timeout| timeout >= LEAST)
    }

    /// Waits for a moment: whether there is something to be read, an end or an error included.
    pub(crate) fn listen(&mut self, stream: &TcpStream) -> bool {
        if self.has_heard() {
            return true;
        }
        match recv(stream, &mut self.heard[..], RecvFlags::empty()) {
            Ok((_, count)) => (self.from, self.to) = (0, count),
            Err(rustix::io::Errno::INTR) => return false,
            Err(error) => {
                let error = io::Error::from(error);
                self.silence = error.kind() == io::ErrorKind::WouldBlock;
                self.failed = Some(error).filter(|_| !self.silence);
            }
        }
        !self.silence
    }

    fn has_heard(&self) -> bool {
        self.from < self.to || self.failed.is_some()
    }

    /// Reads what was heard, and otherwise what is there.
    pub(crate) fn read(&mut self, stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut heard = self.heard.get(self.from..self.to).unwrap_or_default();
        if !heard.is_empty() {
            let count = heard.read(into)?;
            self.from += count;
            return Ok(count);
        }
        let (_, count) = recv(stream, into, RecvFlags::DONTWAIT)?;
        self.silence = false;
        Ok(count)
    }
}

/// Writes what there is room for, whether reads wait or not. `more`: the system may keep it for a moment, for what follows.
pub(crate) fn write(stream: &TcpStream, pieces: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    let mut flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    flags.set(SendFlags::MORE, more);
    Ok(match pieces {
        [piece] => send(stream, piece, flags)?,
        pieces => sendmsg(stream, pieces, &mut SendAncillaryBuffer::default(), flags)?,
    })
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was heard may be secret.
        f.debug_struct("Ear")
            .field("heard", &(self.to - self.from))
            .field("silence", &self.silence)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener, TcpStream as Peer};
    use std::time::Instant;

    use super::*;

    fn connected() -> (TcpStream, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = Peer::connect(listener.local_addr().unwrap()).unwrap();
        ours.set_nonblocking(true).unwrap();
        (TcpStream::from_std(ours), listener.accept().unwrap().0)
    }

    fn would_block<T: fmt::Debug>(result: io::Result<T>) -> bool {
        matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits as often as it takes on a busy machine.
    fn listen(ear: &mut Ear, stream: &TcpStream) {
        let since = Instant::now();
        while !ear.listen(stream) {
            assert!(since.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn what_a_wait_has_heard_is_read_first_and_in_order() {
        let (ours, mut peer) = connected();
        let mut ear = Ear::new(&ours).unwrap();
        let text: Vec<u8> = (0..SIZE * 3).map(|at| (at % 251) as u8).collect();
        peer.write_all(&text).unwrap();
        let mut read = Vec::new();
        let mut into = [0; 200];
        while read.len() < text.len() {
            listen(&mut ear, &ours);
            // Nothing that was heard is overwritten by another wait.
            listen(&mut ear, &ours);
            let count = ear.read(&ours, &mut into).unwrap();
            read.extend_from_slice(&into[..count]);
        }
        assert!(read == text);
        assert!(would_block(ear.read(&ours, &mut into)));
    }

    #[test]
    fn an_end_is_told_and_stays() {
        let (ours, peer) = connected();
        let mut ear = Ear::new(&ours).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        for _ in 0..3 {
            listen(&mut ear, &ours);
            assert_eq!(ear.read(&ours, &mut [0; 9]).unwrap(), 0);
        }
    }

    /// The system tells an error once.
    #[test]
    fn a_reset_that_a_wait_was_told_of_is_told_by_the_read() {
        let (ours, peer) = connected();
        let mut ear = Ear::new(&ours).unwrap();
        SockRef::from(&peer)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(peer);
        listen(&mut ear, &ours);
        let error = ear.read(&ours, &mut [0; 9]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn behind_a_silence_there_is_no_wait_until_something_was_read() {
        let (ours, mut peer) = connected();
        let mut ear = Ear::new(&ours).unwrap();
        for round in 0..2 {
            assert!(ear.is_open(None), "{round}");
            let since = Instant::now();
            assert!(!ear.listen(&ours));
            assert!(since.elapsed() < Duration::from_secs(5));
            assert!(!ear.is_open(None));
            assert!(would_block(ear.read(&ours, &mut [0; 9])));
            assert!(!ear.is_open(None));
            peer.write_all(b"226").unwrap();
            let mut into = [0; 9];
            while would_block(ear.read(&ours, &mut into)) {
                std::thread::yield_now();
            }
            assert_eq!(&into[..3], b"226");
        }
        assert!(ear.is_open(Some(LEAST)));
        assert!(!ear.is_open(Some(LEAST / 2)));
    }

    /// The records of a TLS handshake: a server that refuses the first would break the connection off, and what it said with it, while the others are written.
    #[test]
    fn all_pieces_leave_by_one_call() {
        let (ours, mut peer) = connected();
        let _ear = Ear::new(&ours).unwrap();
        let pieces = [b"certificate", &b""[..], b"key", b"finished"].map(IoSlice::new);
        assert_eq!(write(&ours, &pieces, false).unwrap(), 22);
        let mut into = [0; 22];
        peer.read_exact(&mut into).unwrap();
        assert_eq!(&into, b"certificatekeyfinished");
    }

    #[test]
    fn a_write_does_not_wait_for_room() {
        let (ours, _peer) = connected();
        let _ear = Ear::new(&ours).unwrap();
        let piece = vec![7; 1 << 16];
        let pieces = [IoSlice::new(b""), IoSlice::new(&piece)];
        // One that waited would come back as well, but late.
        let late = Duration::from_secs(20);
        SockRef::from(&ours).set_write_timeout(Some(late)).unwrap();
        let since = Instant::now();
        let mut written = 0;
        let full = loop {
            match write(&ours, &pieces, false) {
                Ok(count) => written += count,
                full => break full,
            }
        };
        assert!(would_block(full));
        assert!(since.elapsed() < late);
        assert!(written > 0);
        assert_eq!(write(&ours, &[], false).unwrap(), 0);
    }
}
