//! One connection, waited for: a socket and the engine's [`Link`].

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ftp_proto_blocking::ftp_proto::pipe::{Link, LinkEnd};
use ftp_proto_blocking::ftp_proto::tls::{Channel, HandshakeFacts, TlsFailure};
use smol::{Async, Timer, future};

/// Bytes taken from the network at once: an encrypted record and more.
const ROOM: usize = 32 * 1024;

/// Nothing came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Silence;

/// A connection, in clear or under TLS.
pub(crate) struct Wire {
    socket: Async<TcpStream>,
    pub(crate) link: Link,
}

impl Wire {
    /// Connects to the first of the addresses that takes it.
    pub(crate) async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<Wire> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            let connecting = Async::<TcpStream>::connect(*address);
            let late = async {
                Timer::after(limit).await;
                Err(io::ErrorKind::TimedOut.into())
            };
            match future::or(connecting, late).await {
                Ok(socket) => {
                    socket.get_ref().set_nodelay(true)?;
                    return Ok(Wire {
                        socket,
                        link: Link::new(ROOM),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(crate) fn peer(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().peer_addr()
    }

    /// Sends all of it, or as much as goes before the connection ends or the time is up.
    pub(crate) async fn send(&mut self, mut bytes: &[u8], limit: Duration) {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            let sent = self.link.send(bytes, &mut self.socket.get_ref());
            bytes = bytes.get(sent..).unwrap_or_default();
            if self.link.unsent().is_some()
                || bytes.is_empty() && self.link.flush(&mut self.socket.get_ref())
            {
                return;
            }
            self.ready(end, true).await;
        }
    }

    /// Reads until `look` finds what is waited for; it takes what is of no interest to it.
    pub(crate) async fn until<T>(
        &mut self,
        limit: Duration,
        mut look: impl FnMut(&mut Link) -> Option<T>,
    ) -> Result<T, Silence> {
        let end = Instant::now() + limit;
        loop {
            self.link.flush(&mut self.socket.get_ref());
            if let Some(found) = look(&mut self.link) {
                return Ok(found);
            }
            // What was taken may have made room for what TLS still holds.
            let more = !self.link.plain().is_empty();
            if more || self.link.fill(&mut self.socket.get_ref()) {
                continue;
            }
            if Instant::now() >= end {
                return Err(Silence);
            }
            let writes = self.link.wants_write();
            self.ready(end, writes).await;
        }
    }

    /// A TLS handshake.
    pub(crate) async fn secure(
        &mut self,
        channel: Channel,
        limit: Duration,
    ) -> Result<Result<HandshakeFacts, TlsFailure>, Silence> {
        self.link.secure(channel);
        let secured = self.until(limit, |link| link.secured()).await?;
        self.link.flush(&mut self.socket.get_ref());
        Ok(match secured {
            Err(failure) => Err(failure),
            Ok(_) => match self.link.channel().and_then(Channel::handshake) {
                Some(facts) => Ok(facts.clone()),
                None => Err(TlsFailure::Internal("no facts".to_owned())),
            },
        })
    }

    /// Reads to the end and throws away what comes: how many bytes, and how it ended.
    pub(crate) async fn drain(&mut self, limit: Duration) -> Result<(u64, LinkEnd), Silence> {
        let mut bytes = 0;
        let end = self
            .until(limit, |link| {
                let count = link.plain().len();
                link.consume(count);
                bytes += count as u64;
                link.end()
            })
            .await?;
        Ok((bytes, end))
    }

    async fn ready(&self, end: Instant, writes: bool) {
        let readable = async {
            // What is wrong with the socket is told when it is read.
            let _ = self.socket.readable().await;
        };
        let writable = async {
            if writes {
                let _ = self.socket.writable().await;
            } else {
                future::pending::<()>().await;
            }
        };
        let late = async {
            Timer::at(end).await;
        };
        future::or(future::or(readable, writable), late).await;
    }
}
