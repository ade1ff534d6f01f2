//! What this crate needs of an async runtime, and smol as the one it takes by itself.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use smol::io::{AsyncRead, AsyncWrite};
use smol::{Async, Timer};
use socket2::SockRef;

/// Something that is waited for.
pub type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Dialling, listening and sleeping, for another runtime than [`Smol`].
///
/// Nothing here is called concurrently for one client; every future may be dropped at any time, and whoever polls last is woken.
pub trait Runtime: Send + Sync + 'static {
    /// A TCP connection.
    type Stream: Stream;
    /// A TCP listener.
    type Listener: Send + Unpin + 'static;

    /// Finds the addresses of a host.
    fn resolve(&self, host: &str, port: u16) -> Waiting<io::Result<Vec<SocketAddr>>>;

    /// Connects.
    fn connect(&self, address: SocketAddr) -> Waiting<io::Result<Self::Stream>>;

    /// Listens at this address; port 0 is for the system to choose.
    ///
    /// # Errors
    /// What the system says.
    fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener>;

    /// The address of a listener.
    ///
    /// # Errors
    /// What the system says.
    fn local(&self, listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// Accepts a connection.
    fn poll_accept(
        &self,
        listener: &mut Self::Listener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Stream, SocketAddr)>>;

    /// Waits this long.
    fn sleep(&self, duration: Duration) -> Waiting<()>;
}

/// A TCP connection of a [`Runtime`]. Closing it for writing (`poll_close`) must shut its sending side down, so that the peer sees an end.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Our address.
    ///
    /// # Errors
    /// What the system says.
    fn local(&self) -> io::Result<SocketAddr>;

    /// The peer's address.
    ///
    /// # Errors
    /// What the system says.
    fn peer(&self) -> io::Result<SocketAddr>;

    /// The socket, for its options: no delay, keepalive, quick acknowledgement, reset. `None` where there is none to be set, which costs
    /// time and lets an upload that was cut short look whole to some servers.
    fn socket(&self) -> Option<SockRef<'_>>;
}

/// The runtime smol. It needs no set-up: its reactor is a thread that starts when it is needed, so any executor will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Smol;

impl Runtime for Smol {
    type Stream = Async<TcpStream>;
    type Listener = Async<TcpListener>;

    fn resolve(&self, host: &str, port: u16) -> Waiting<io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { smol::net::resolve((host, port)).await })
    }

    fn connect(&self, address: SocketAddr) -> Waiting<io::Result<Async<TcpStream>>> {
        Box::pin(Async::<TcpStream>::connect(address))
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Async<TcpListener>> {
        Async::<TcpListener>::bind(address)
    }

    fn local(&self, listener: &Async<TcpListener>) -> io::Result<SocketAddr> {
        listener.get_ref().local_addr()
    }

    fn poll_accept(
        &self,
        listener: &mut Async<TcpListener>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Async<TcpStream>, SocketAddr)>> {
        loop {
            match listener.get_ref().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(listener.poll_readable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
                Ok((stream, peer)) => return Poll::Ready(Ok((Async::new(stream)?, peer))),
            }
        }
    }

    fn sleep(&self, duration: Duration) -> Waiting<()> {
        Box::pin(async move {
            Timer::after(duration).await;
        })
    }
}

impl Stream for Async<TcpStream> {
    fn local(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        self.get_ref().peer_addr()
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        Some(SockRef::from(self.get_ref()))
    }
}
