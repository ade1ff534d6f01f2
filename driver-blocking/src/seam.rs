//! A seam between the driver and the sockets of the system, where a test makes operations fail. Programs have no use for it.

use std::fmt;
use std::io;
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::net::CONTROL;

/// Which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Connection {
    /// The control connection.
    Control,
    /// A data connection, or what listens for one.
    Data,
}

/// What the driver asks of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// To connect.
    Connect,
    /// To listen.
    Listen,
    /// To accept a connection.
    Accept,
    /// To read.
    Read,
    /// To write.
    Write,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// What the system says.
    Free,
    /// At most so many bytes move; 0 bytes that are read are the end.
    AtMost(usize),
    /// It fails.
    Fails(io::ErrorKind),
    /// `WouldBlock`, and the next poll says that it is ready.
    Later,
    /// `WouldBlock`, and no poll says anything.
    Never,
}

/// What a test puts there.
pub trait Seam: fmt::Debug + Send + Sync {
    /// What comes of an operation that the system would carry out now.
    fn course(&self, connection: Connection, operation: Operation) -> Course;
}

/// The seam of one socket: nothing, unless a test is at work.
#[derive(Debug, Default)]
pub(crate) struct Tap(Option<Tapped>);

#[derive(Debug)]
struct Tapped {
    seam: Arc<dyn Seam>,
    registry: Registry,
    token: Token,
}

impl Tap {
    pub(crate) fn new(
        seam: Option<&Arc<dyn Seam>>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Tap> {
        let Some(seam) = seam else {
            return Ok(Tap::default());
        };
        Ok(Tap(Some(Tapped {
            seam: Arc::clone(seam),
            registry: registry.try_clone()?,
            token,
        })))
    }

    /// Whether a test is.
    pub(crate) fn is_at_work(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the system may be asked; what moves no bytes is not put off.
    pub(crate) fn allows(&self, operation: Operation) -> io::Result<()> {
        match self.0.as_ref().map(|tapped| tapped.course(operation)) {
            Some(Course::Fails(kind)) => Err(kind.into()),
            _ => Ok(()),
        }
    }

    /// How many bytes the system may be asked to move. `watched`: a poll tells of the socket.
    pub(crate) fn most(
        &self,
        operation: Operation,
        stream: &mut TcpStream,
        watched: bool,
    ) -> io::Result<usize> {
        let Some(tapped) = &self.0 else {
            return Ok(usize::MAX);
        };
        if operation == Operation::Read && would_block(stream) {
            return Ok(usize::MAX);
        }
        match tapped.course(operation) {
            Course::Free => Ok(usize::MAX),
            Course::AtMost(count) => Ok(count),
            Course::Fails(kind) => Err(kind.into()),
            Course::Later => {
                // What is not watched will be, and a poll then says what it is ready for.
                if watched {
                    let interests = Interest::READABLE | Interest::WRITABLE;
                    tapped
                        .registry
                        .reregister(stream, tapped.token, interests)?;
                }
                Err(io::ErrorKind::WouldBlock.into())
            }
            Course::Never => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Tapped {
    fn course(&self, operation: Operation) -> Course {
        let connection = match self.token {
            CONTROL => Connection::Control,
            _ => Connection::Data,
        };
        self.seam.course(connection, operation)
    }
}

fn would_block(stream: &TcpStream) -> bool {
    matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
