//! Sockets: dial, listen, accept, and their readiness as `WouldBlock`.

use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ftp_proto::DataTarget;
use ftp_proto::pipe::{self, Error, Shut, Transport, Writes};
use smol::io::{AsyncRead, AsyncWrite};
use socket2::TcpKeepalive;

use crate::cancel::CancelHandle;
use crate::runtime::{Runtime, Stream, Waiting};

/// One address must not use up the time of those behind it.
const LEAST_PER_ADDRESS: Duration = Duration::from_secs(1);

/// How data connections come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveSettings {
    pub(crate) ports: Option<RangeInclusive<u16>>,
    pub(crate) advertised: Option<IpAddr>,
}

/// The sockets of a session, and the timer.
pub(crate) struct Sockets<R: Runtime> {
    runtime: R,
    waker: Waker,
    control: Option<Socket<R::Stream>>,
    /// The other end of the control connection.
    peer: SocketAddr,
    data: Option<Socket<R::Stream>>,
    dialled: Option<Waiting<io::Result<R::Stream>>>,
    listener: Option<R::Listener>,
    active: ActiveSettings,
    timer: Option<(Instant, Waiting<()>)>,
}

impl<R: Runtime> Sockets<R> {
    /// `peer` is at the other end of the control connection.
    pub(crate) fn new(
        runtime: R,
        control: R::Stream,
        peer: SocketAddr,
        active: ActiveSettings,
    ) -> Self {
        let waker = Waker::noop().clone();
        Sockets {
            runtime,
            control: Some(Socket::new(control, Which::Control, &waker)),
            peer,
            waker,
            data: None,
            dialled: None,
            listener: None,
            active,
            timer: None,
        }
    }

    /// From here on this task is woken.
    pub(crate) fn attach(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
        for socket in [&mut self.control, &mut self.data].into_iter().flatten() {
            socket.polled.attach(waker);
        }
    }

    /// Whether it is that time. If not, the task is woken then, or before.
    pub(crate) fn poll_until(&mut self, until: Option<Instant>) -> Poll<()> {
        let Some(until) = until else {
            return Poll::Pending;
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        let (_, timer) = match &mut self.timer {
            Some(timer) if timer.0 <= until => timer,
            timer => timer.insert((until, self.runtime.sleep(left))),
        };
        let over = timer.as_mut().poll(&mut Context::from_waker(&self.waker));
        if over.is_ready() {
            self.timer = None;
        }
        over
    }

    /// The control connection, as long as there is one.
    fn beside(&self) -> io::Result<&R::Stream> {
        let control = self.control.as_ref();
        control
            .map(|control| &control.polled.inner)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<R: Runtime> pipe::Sockets for Sockets<R> {
    fn control(&mut self) -> Option<&mut dyn Transport> {
        Some(self.control.as_mut()?)
    }

    fn close_control(&mut self) {
        self.control = None;
    }

    fn connect(&mut self, target: DataTarget) -> io::Result<()> {
        let target = target.address(self.peer);
        self.dialled = Some(self.runtime.connect(target));
        Ok(())
    }

    fn connected(&mut self) -> io::Result<bool> {
        let Some(dialled) = &mut self.dialled else {
            return Ok(false);
        };
        let Poll::Ready(connected) = dialled.as_mut().poll(&mut Context::from_waker(&self.waker))
        else {
            return Ok(false);
        };
        self.dialled = None;
        self.data = Some(Socket::new(connected?, Which::Data, &self.waker));
        Ok(true)
    }

    fn listen(&mut self) -> io::Result<SocketAddr> {
        let local = self.beside()?.local()?;
        let listener = bind(&self.runtime, local, self.active.ports.as_ref())?;
        let mut address = self.runtime.local(&listener)?;
        self.listener = Some(listener);
        let ip = self.active.advertised.unwrap_or_else(|| address.ip());
        address.set_ip(ip.to_canonical());
        Ok(address)
    }

    fn accept(&mut self) -> io::Result<Option<IpAddr>> {
        let Some(listener) = &mut self.listener else {
            return Ok(None);
        };
        loop {
            let cx = &mut Context::from_waker(&self.waker);
            match self.runtime.poll_accept(listener, cx) {
                Poll::Pending => return Ok(None),
                Poll::Ready(Ok((stream, peer))) => {
                    self.data = Some(Socket::new(stream, Which::Data, &self.waker));
                    return Ok(Some(peer.ip()));
                }
                // The peer has gone again before it was accepted.
                Poll::Ready(Err(error)) if is_passing(&error) => {}
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
    }

    fn data(&mut self) -> Option<&mut dyn Transport> {
        Some(self.data.as_mut()?)
    }

    fn close_data(&mut self) {
        self.dialled = None;
        self.data = None;
    }

    fn close_listener(&mut self) {
        self.listener = None;
    }

    fn look(&mut self) -> io::Result<()> {
        for socket in [&mut self.control, &mut self.data].into_iter().flatten() {
            socket.polled.inner.look();
        }
        Ok(())
    }
}

/// A connection that is never waited for.
struct Socket<S> {
    polled: Polled<S>,
    which: Which,
    writes: Writes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Control,
    Data,
}

impl<S: Stream> Socket<S> {
    fn new(stream: S, which: Which, waker: &Waker) -> Self {
        Socket {
            polled: Polled::new(stream, waker),
            which,
            writes: Writes::default(),
        }
    }

    fn send_at_once(&mut self) {
        if self.writes.is_second()
            && let Some(socket) = self.polled.inner.socket()
        {
            let _ = socket.set_tcp_nodelay(true);
        }
    }
}

impl<S: Stream> Read for Socket<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.polled.read(into)?;
        // That was all there was. Not so where the end of a file is to be expected.
        if self.which == Which::Control && count < into.len() {
            self.polled.inner.is_dry();
        }
        Ok(count)
    }
}

impl<S: Stream> Write for Socket<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_at_once();
        self.polled.write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_at_once();
        self.polled.write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.polled.flush()
    }
}

impl<S: Stream> Transport for Socket<S> {
    fn shut(&mut self, side: Shut) {
        // It fails only where there is nothing left to end.
        let socket = self.polled.inner.socket();
        let shut = socket.map(|socket| socket.shutdown(side.into()));
        if shut.is_none() {
            let _ = self.polled.attempt(|stream, cx| stream.poll_close(cx));
        }
    }

    fn acknowledge(&mut self) {
        // The system falls back to its own ways by itself, so it is told again each time.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(socket) = self.polled.inner.socket() {
            let _ = socket.set_tcp_quickack(true);
        }
    }

    fn hold(&mut self, back: bool) {
        // Where it cannot be set nothing is kept.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(socket) = self.polled.inner.socket() {
            let _ = socket.set_tcp_cork(back);
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = back;
    }

    fn will_reset(&mut self) {
        // Where it cannot be set the connection is closed as any other.
        if let Some(socket) = self.polled.inner.socket() {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }
}

/// Something asynchronous as something that never waits: what is not ready is `WouldBlock`, and wakes the task later.
pub(crate) struct Polled<T> {
    inner: T,
    waker: Waker,
}

impl<T> Polled<T> {
    pub(crate) fn new(inner: T, waker: &Waker) -> Self {
        Polled {
            inner,
            waker: waker.clone(),
        }
    }

    pub(crate) fn attach(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }
}

impl<T: Unpin> Polled<T> {
    fn attempt<O>(
        &mut self,
        what: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<O>>,
    ) -> io::Result<O> {
        let mut cx = Context::from_waker(&self.waker);
        match what(Pin::new(&mut self.inner), &mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<T: AsyncRead + Unpin> Read for Polled<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.attempt(|inner, cx| inner.poll_read(cx, into))
    }
}

impl<T: AsyncWrite + Unpin> Write for Polled<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|inner, cx| inner.poll_write(cx, bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.attempt(|inner, cx| inner.poll_write_vectored(cx, pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(|inner, cx| inner.poll_flush(cx))
    }
}

/// Connects the control connection to the first address of `host` that answers, within `limit` over all of them.
pub(crate) async fn dial<R: Runtime>(
    runtime: &R,
    host: &str,
    port: u16,
    limit: Duration,
    cancel: &CancelHandle,
) -> Result<R::Stream, Error> {
    let failed = |peer: String, source: io::Error| Error::Connect { peer, source };
    let named = || format!("{host}:{port}");
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let end = Instant::now() + limit;
    let resolve = within(runtime, runtime.resolve(bare, port), limit, cancel);
    let addresses = match resolve.await {
        Ok(Some(addresses)) => addresses,
        Ok(None) => return Err(Error::Cancelled),
        Err(error) => return Err(failed(named(), error)),
    };
    let mut last = failed(named(), io::Error::other("the name has no address"));
    for (index, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        let waiting = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = (left / waiting).max(LEAST_PER_ADDRESS.min(limit));
        match dial_one(runtime, *address, share, cancel).await {
            Ok(Some(socket)) => return Ok(socket),
            Ok(None) => return Err(Error::Cancelled),
            Err(error) if address.ip().to_string() == bare => last = failed(named(), error),
            Err(error) => last = failed(format!("{} ({address})", named()), error),
        }
    }
    Err(last)
}

/// `None` if it was cancelled.
async fn dial_one<R: Runtime>(
    runtime: &R,
    address: SocketAddr,
    limit: Duration,
    cancel: &CancelHandle,
) -> io::Result<Option<R::Stream>> {
    let connect = runtime.connect(address);
    let Some(stream) = within(runtime, connect, limit, cancel).await? else {
        return Ok(None);
    };
    if let Some(control) = stream.socket() {
        // Middleboxes forget a control connection that is silent during a long transfer.
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        control.set_tcp_keepalive(&keepalive)?;
    }
    Ok(Some(stream))
}

/// `None` if it was cancelled.
async fn within<R: Runtime, T>(
    runtime: &R,
    mut what: Waiting<io::Result<T>>,
    limit: Duration,
    cancel: &CancelHandle,
) -> io::Result<Option<T>> {
    let mut timer = runtime.sleep(limit);
    poll_fn(|cx| {
        cancel.attach(cx.waker());
        if cancel.take() {
            return Poll::Ready(Ok(None));
        }
        if let Poll::Ready(result) = what.as_mut().poll(cx) {
            return Poll::Ready(result.map(Some));
        }
        timer.as_mut().poll(cx).map(|()| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs_f32()),
            ))
        })
    })
    .await
}

/// The same host, another port; the zone of an IPv6 address stays.
fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// Listens beside `local`, at a port of `ports` or one the system chooses; both cannot be foretold.
fn bind<R: Runtime>(
    runtime: &R,
    local: SocketAddr,
    ports: Option<&RangeInclusive<u16>>,
) -> io::Result<R::Listener> {
    let Some(ports) = ports else {
        return runtime.listen(with_port(local, 0));
    };
    let count = u64::from(ports.end().saturating_sub(*ports.start())) + 1;
    // The standard library seeds this from the system's randomness.
    let start = RandomState::new().build_hasher().finish();
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for step in 0..count {
        let offset = u16::try_from((start.wrapping_add(step)) % count).unwrap_or(0);
        match runtime.listen(with_port(local, ports.start().saturating_add(offset))) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Smol;

    #[test]
    fn what_is_written_leaves_at_once() {
        smol::block_on(async {
            let here = "127.0.0.1:0".parse().unwrap();
            let listener = Smol.listen(here).unwrap();
            let address = Smol.local(&listener).unwrap();
            let stream = Smol.connect(address).await.unwrap();
            let mut socket = Socket::new(stream, Which::Data, Waker::noop());
            let at_once = |socket: &Socket<crate::SmolStream>| {
                socket.polled.inner.socket().unwrap().tcp_nodelay().unwrap()
            };
            // The first write does so in any case.
            assert!(!at_once(&socket));
            assert_eq!(socket.write(b"one").unwrap(), 3);
            assert_eq!(socket.write(b"two").unwrap(), 3);
            assert!(at_once(&socket));
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_kept_back_goes_with_the_end_or_once_it_is_let_go() {
        smol::block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            for ends in [true, false] {
                let stream = Smol.connect(address).await.unwrap();
                let mut socket = Socket::new(stream, Which::Data, Waker::noop());
                let (mut peer, _) = listener.accept().unwrap();
                socket.hold(true);
                assert_eq!(socket.write(b"file").unwrap(), 4);
                peer.set_nonblocking(true).unwrap();
                let nothing = peer.read(&mut [0; 8]).unwrap_err();
                assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
                match ends {
                    true => socket.shut(Shut::Sending),
                    false => socket.hold(false),
                }
                peer.set_nonblocking(false).unwrap();
                // Left alone the system would send it after 200 ms.
                let soon = Duration::from_millis(150);
                peer.set_read_timeout(Some(soon)).unwrap();
                assert_eq!(peer.read(&mut [0; 8]).unwrap(), 4);
                if ends {
                    assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
                }
            }
        });
    }

    async fn read(socket: &mut Socket<crate::SmolStream>, heard: &mut Vec<u8>) -> usize {
        let mut buffer = [0; 8];
        let count = poll_fn(|cx| {
            socket.polled.attach(cx.waker());
            match socket.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                read => Poll::Ready(read),
            }
        });
        let count = count.await.unwrap();
        heard.extend_from_slice(&buffer[..count]);
        count
    }

    #[test]
    fn all_is_heard_whether_or_not_the_reactor_knows_of_the_socket() {
        smol::block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            for which in [Which::Control, Which::Data] {
                let stream = Smol.connect(address).await.unwrap();
                let (mut peer, _) = listener.accept().unwrap();
                let mut socket = Socket::new(stream, which, Waker::noop());
                let mut heard = Vec::new();
                for round in 1..200 {
                    peer.write_all(b"226 ").unwrap();
                    while heard.len() < round * 4 {
                        let count = read(&mut socket, &mut heard).await;
                        assert!(count > 0);
                    }
                }
                peer.write_all(b"421").unwrap();
                drop(peer);
                while read(&mut socket, &mut heard).await > 0 {}
                assert_eq!(heard.len(), 199 * 4 + 3);
            }
        });
    }
}
