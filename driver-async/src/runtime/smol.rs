//! The runtime smol.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use smol::io::{AsyncRead, AsyncWrite};
use smol::{Async, Timer};
use socket2::SockRef;

use super::{Runtime, Stream, Waiting, begin_to_connect};

/// The runtime smol. It needs no set-up: its reactor is a thread that starts when it is needed, so any executor will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Smol;

/// A TCP connection of [`Smol`].
///
/// The reactor knows when it is ready again after it was not. Until then nothing is tried: a session looks at both of its connections
/// whenever either has news. It knows nothing of a connection before that was not ready for something: a small file may have been moved by
/// then.
#[derive(Debug)]
pub struct SmolStream {
    inner: Arc<TcpStream>,
    watched: Option<Async<Arc<TcpStream>>>,
    reads_later: bool,
    writes_later: bool,
}

impl SmolStream {
    /// A connection that is up.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(SmolStream::of_nonblocking(stream))
    }

    fn of_nonblocking(stream: TcpStream) -> Self {
        SmolStream {
            inner: Arc::new(stream),
            watched: None,
            reads_later: false,
            writes_later: false,
        }
    }

    /// Begins to connect, and waits only where the peer is not near.
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = SmolStream::of_nonblocking(begin_to_connect(address)?);
        if stream.inner.peer_addr().is_err() {
            stream.watched()?.writable().await?;
            if let Some(error) = stream.inner.take_error()? {
                return Err(error);
            }
        }
        Ok(stream)
    }

    /// From here on the reactor knows of it.
    fn watched(&mut self) -> io::Result<&Async<Arc<TcpStream>>> {
        let watched = match self.watched.take() {
            Some(watched) => watched,
            None => Async::new_nonblocking(Arc::clone(&self.inner))?,
        };
        Ok(self.watched.insert(watched))
    }

    fn poll_input<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut what: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if self.reads_later {
                ready!(self.watched()?.poll_readable(cx))?;
                self.reads_later = false;
            }
            match what(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.reads_later = true,
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_output<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut what: impl FnMut(&TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if self.writes_later {
                ready!(self.watched()?.poll_writable(cx))?;
                self.writes_later = false;
            }
            match what(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writes_later = true,
                result => return Poll::Ready(result),
            }
        }
    }
}

impl Runtime for Smol {
    type Stream = SmolStream;
    type Listener = Async<TcpListener>;

    fn resolve(&self, host: &str, port: u16) -> Waiting<io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { smol::net::resolve((host, port)).await })
    }

    fn connect(&self, address: SocketAddr) -> Waiting<io::Result<SmolStream>> {
        Box::pin(SmolStream::connect(address))
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
    ) -> Poll<io::Result<(SmolStream, SocketAddr)>> {
        loop {
            match listener.get_ref().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(listener.poll_readable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
                Ok((stream, peer)) => {
                    return Poll::Ready(Ok((SmolStream::new(stream)?, peer)));
                }
            }
        }
    }

    fn sleep(&self, duration: Duration) -> Waiting<()> {
        Box::pin(async move {
            Timer::after(duration).await;
        })
    }
}

impl Stream for SmolStream {
    fn local(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        Some(SockRef::from(&*self.inner))
    }

    fn look(&mut self) {
        self.reads_later = false;
    }

    fn is_dry(&mut self) {
        self.reads_later = true;
    }
}

impl AsyncRead for SmolStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_input(cx, |mut stream| stream.read(into))
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_input(cx, |mut stream| stream.read_vectored(into))
    }
}

impl AsyncWrite for SmolStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_output(cx, |mut stream| stream.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_output(cx, |mut stream| stream.write_vectored(pieces))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.inner.shutdown(Shutdown::Write))
    }
}
