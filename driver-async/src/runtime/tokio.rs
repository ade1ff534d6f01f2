//! The runtime tokio.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::{replace, take};
use std::net::{self, Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use smol::io::{AsyncRead, AsyncWrite};
use socket2::{SockAddr, SockRef, Socket};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::{Runtime, Stream, Waiting, begin_to_connect};

/// The runtime tokio, with its drivers for I/O and time enabled: clients connect, and are polled, inside of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokio;

/// A TCP connection of [`Tokio`].
///
/// The reactor knows nothing of it before it was not ready for something: a small file may have been moved by then.
#[derive(Debug)]
pub struct TokioStream {
    inner: Inner,
    /// The next read asks the system, whatever the reactor knows.
    looks: bool,
}

#[derive(Debug)]
enum Inner {
    Unwatched(net::TcpStream),
    Watched(TcpStream),
    /// The reactor did not take it.
    Lost,
}

impl TokioStream {
    /// A connection that is up.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(TokioStream::of_nonblocking(stream))
    }

    fn of_nonblocking(stream: net::TcpStream) -> Self {
        TokioStream {
            inner: Inner::Unwatched(stream),
            looks: false,
        }
    }

    /// Begins to connect, and waits only where the peer is not near.
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TokioStream::of_nonblocking(begin_to_connect(address)?);
        if stream.peer().is_err() {
            let watched = stream.watched()?;
            watched.writable().await?;
            if let Some(error) = watched.take_error()? {
                return Err(error);
            }
        }
        Ok(stream)
    }

    /// From here on the reactor knows of it.
    fn watched(&mut self) -> io::Result<&mut TcpStream> {
        self.inner = match replace(&mut self.inner, Inner::Lost) {
            Inner::Unwatched(stream) => Inner::Watched(TcpStream::from_std(stream)?),
            inner => inner,
        };
        match &mut self.inner {
            Inner::Watched(stream) => Ok(stream),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn get(&self) -> io::Result<SockRef<'_>> {
        match &self.inner {
            Inner::Unwatched(stream) => Ok(SockRef::from(stream)),
            Inner::Watched(stream) => Ok(SockRef::from(stream)),
            Inner::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Tries without the reactor, where it knows nothing or is not to be believed: what came of it, unless it has to be waited for.
    fn try_now<T>(
        &mut self,
        looks: bool,
        what: impl FnOnce(&mut &Socket) -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        if !looks && matches!(self.inner, Inner::Watched(_)) {
            return None;
        }
        let done = self.get().and_then(|socket| what(&mut &*socket));
        let waits = matches!(&done, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        (!waits).then_some(done)
    }
}

impl Runtime for Tokio {
    type Stream = TokioStream;
    type Listener = TcpListener;

    fn resolve(&self, host: &str, port: u16) -> Waiting<io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn connect(&self, address: SocketAddr) -> Waiting<io::Result<TokioStream>> {
        Box::pin(TokioStream::connect(address))
    }

    fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    }

    fn local(&self, listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    fn poll_accept(
        &self,
        listener: &mut TcpListener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TokioStream, SocketAddr)>> {
        let (stream, peer) = ready!(listener.poll_accept(cx))?;
        let stream = TokioStream {
            inner: Inner::Watched(stream),
            looks: false,
        };
        Poll::Ready(Ok((stream, peer)))
    }

    fn sleep(&self, duration: Duration) -> Waiting<()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Stream for TokioStream {
    fn local(&self) -> io::Result<SocketAddr> {
        address(self.get()?.local_addr())
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        address(self.get()?.peer_addr())
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        self.get().ok()
    }

    fn look(&mut self) {
        self.looks = true;
    }
}

impl AsyncRead for TokioStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let looks = take(&mut self.looks);
        if let Some(done) = self.try_now(looks, |socket| socket.read(into)) {
            return Poll::Ready(done);
        }
        let mut into = ReadBuf::new(into);
        ready!(Pin::new(self.watched()?).poll_read(cx, &mut into))?;
        Poll::Ready(Ok(into.filled().len()))
    }
}

impl AsyncWrite for TokioStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.try_now(false, |socket| socket.write(bytes)) {
            Some(done) => Poll::Ready(done),
            None => Pin::new(self.watched()?).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.try_now(false, |socket| socket.write_vectored(pieces)) {
            Some(done) => Poll::Ready(done),
            None => Pin::new(self.watched()?).poll_write_vectored(cx, pieces),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get()?.shutdown(Shutdown::Write))
    }
}

fn address(address: io::Result<SockAddr>) -> io::Result<SocketAddr> {
    address?
        .as_socket()
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn on_tokio<T>(done: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(done)
    }

    async fn connected() -> (TokioStream, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = Tokio.connect(listener.local_addr().unwrap()).await.unwrap();
        (ours, listener.accept().unwrap().0)
    }

    #[test]
    fn the_reactor_learns_of_a_connection_when_it_has_to_be_waited_for() {
        on_tokio(async {
            let (mut ours, mut peer) = connected().await;
            peer.write_all(b"all of it").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let mut read = Vec::new();
            // It may take a moment, on a busy machine; then it is waited for.
            ours.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, b"all of it");
            ours.write_all(b"thanks").await.unwrap();
            ours.close().await.unwrap();
            read.clear();
            net::TcpStream::read_to_end(&mut peer, &mut read).unwrap();
            assert_eq!(read, b"thanks");
        });
    }

    #[test]
    fn what_comes_later_wakes_whoever_waits() {
        on_tokio(async {
            let (mut ours, mut peer) = connected().await;
            let other = std::thread::spawn(move || {
                for _ in 0..3 {
                    std::thread::sleep(Duration::from_millis(20));
                    peer.write_all(b"226").unwrap();
                }
                peer
            });
            let mut read = [0; 9];
            ours.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"226226226");
            assert!(matches!(ours.inner, Inner::Watched(_)));
            let full = vec![7; 1 << 23];
            let mut peer = other.join().unwrap();
            let reader = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                let mut read = Vec::new();
                peer.read_to_end(&mut read).unwrap();
                read.len()
            });
            ours.write_all(&full).await.unwrap();
            ours.close().await.unwrap();
            assert_eq!(reader.join().unwrap(), full.len());
        });
    }

    /// The reactor has its turn between polls only.
    #[test]
    fn what_came_is_found_by_a_look_before_the_reactor_tells_of_it() {
        on_tokio(async {
            let (mut ours, mut peer) = connected().await;
            let mut cx = Context::from_waker(Waker::noop());
            let mut into = [0; 8];
            let mut poll = |ours: &mut TokioStream| Pin::new(ours).poll_read(&mut cx, &mut into);
            assert!(poll(&mut ours).is_pending());
            peer.write_all(b"file").unwrap();
            assert!(poll(&mut ours).is_pending());
            loop {
                ours.look();
                if let Poll::Ready(count) = poll(&mut ours) {
                    break assert_eq!(count.unwrap(), 4);
                }
            }
        });
    }

    #[test]
    fn a_connection_nobody_takes_fails() {
        let nobody = net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let error = on_tokio(Tokio.connect(nobody.unwrap())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
