//! What this crate needs of an async runtime; smol is the one it takes by itself, and tokio is at hand.

mod smol;
#[cfg(feature = "tokio")]
mod tokio;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::smol::io::{AsyncRead, AsyncWrite};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

pub use self::smol::{Smol, SmolStream};
#[cfg(feature = "tokio")]
pub use self::tokio::{Tokio, TokioStream};

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

    /// The socket, for its options: no delay, keepalive, cork, quick acknowledgement, reset. `None` where there is none to be set, which costs
    /// time and lets an upload that was cut short look whole to some servers.
    fn socket(&self) -> Option<SockRef<'_>>;

    /// The next read asks the system. For streams that otherwise read only once their reactor has told them to.
    fn look(&mut self) {}

    /// What was there has been read. The next read need not ask the system before the reactor tells of more.
    fn is_dry(&mut self) {}
}

/// A connection that is on its way, or up already where the peer is near.
fn begin_to_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = nonblocking(Domain::for_address(address))?;
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn nonblocking(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn nonblocking(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Whether the connection may still come up.
pub(crate) fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    let begun = Some(rustix::io::Errno::INPROGRESS.raw_os_error());
    #[cfg(not(unix))]
    let begun = None;
    error.kind() == io::ErrorKind::WouldBlock || (begun.is_some() && error.raw_os_error() == begun)
}
