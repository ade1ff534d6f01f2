//! Smol with a seam: what the plan says comes of the operations of the async driver.

use std::future::{pending, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ftp_proto_async::{AsyncRead, AsyncWrite, Runtime, Smol, SmolStream, SockRef, Stream, Waiting};
use ftp_proto_blocking::seam::{Connection, Course, Operation, Seam};
use smol::Async;

use super::plan::Plan;

/// The runtime of one session.
pub(crate) struct Faulty {
    plan: Arc<Plan>,
    dialled: AtomicUsize,
    open: Arc<AtomicUsize>,
}

/// A connection.
pub(crate) struct Line {
    inner: SmolStream,
    plan: Arc<Plan>,
    connection: Connection,
    _open: Open,
}

/// What listens for one.
pub(crate) struct Ear {
    inner: Async<TcpListener>,
    _open: Open,
}

/// Counts what is open.
struct Open(Arc<AtomicUsize>);

impl Faulty {
    pub(crate) fn new(plan: &Arc<Plan>) -> Self {
        Faulty {
            plan: Arc::clone(plan),
            dialled: AtomicUsize::new(0),
            open: Arc::default(),
        }
    }

    /// How many sockets of the session are open.
    pub(crate) fn open(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.open)
    }

    fn line(&self, inner: SmolStream, connection: Connection) -> Line {
        Line {
            inner,
            plan: Arc::clone(&self.plan),
            connection,
            _open: Open::new(&self.open),
        }
    }
}

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Runtime for Faulty {
    type Stream = Line;
    type Listener = Ear;

    fn resolve(&self, host: &str, port: u16) -> Waiting<io::Result<Vec<SocketAddr>>> {
        Smol.resolve(host, port)
    }

    fn connect(&self, address: SocketAddr) -> Waiting<io::Result<Line>> {
        let connection = match self.dialled.fetch_add(1, Ordering::SeqCst) {
            0 => Connection::Control,
            _ => Connection::Data,
        };
        let dialled = Smol.connect(address);
        let plan = Arc::clone(&self.plan);
        let open = Open::new(&self.open);
        Box::pin(async move {
            let inner = dialled.await?;
            loop {
                match plan.course(connection, Operation::Connect) {
                    Course::Free | Course::AtMost(_) => break,
                    Course::Fails(kind) => return Err(kind.into()),
                    Course::Later => once_more().await,
                    Course::Never => pending().await,
                }
            }
            Ok(Line {
                inner,
                plan,
                connection,
                _open: open,
            })
        })
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Ear> {
        if let Course::Fails(kind) = self.plan.course(Connection::Data, Operation::Listen) {
            return Err(kind.into());
        }
        Ok(Ear {
            inner: Smol.listen(address)?,
            _open: Open::new(&self.open),
        })
    }

    fn local(&self, listener: &Ear) -> io::Result<SocketAddr> {
        Smol.local(&listener.inner)
    }

    fn poll_accept(
        &self,
        listener: &mut Ear,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Line, SocketAddr)>> {
        let (inner, peer) = ready!(Smol.poll_accept(&mut listener.inner, cx))?;
        match self.plan.course(Connection::Data, Operation::Accept) {
            Course::Fails(kind) => Poll::Ready(Err(kind.into())),
            _ => Poll::Ready(Ok((self.line(inner, Connection::Data), peer))),
        }
    }

    fn sleep(&self, duration: Duration) -> Waiting<()> {
        Smol.sleep(duration)
    }
}

impl Line {
    /// Whether the system has nothing to be read.
    fn is_dry(&self) -> bool {
        let peeked = self
            .inner
            .socket()
            .map(|socket| socket.peek(&mut [MaybeUninit::uninit()]));
        matches!(peeked, Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Lets the rest of what came get lost, so that our close is an end and no reset: the peer does not notice.
    fn lose(&self) {
        let mut lost = [0; 4096];
        if let Some(socket) = self.inner.socket() {
            while let Ok(1..) = io::Read::read(&mut &*socket, &mut lost) {}
        }
    }
}

impl Stream for Line {
    fn local(&self) -> io::Result<SocketAddr> {
        self.inner.local()
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        self.inner.peer()
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        self.inner.socket()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let course = match self.is_dry() {
            true => Course::Free,
            false => self.plan.course(self.connection, Operation::Read),
        };
        let most = match course {
            Course::Free => into.len(),
            Course::AtMost(0) => {
                self.lose();
                return Poll::Ready(Ok(0));
            }
            Course::AtMost(most) => most.min(into.len()),
            course => return in_place_of(course, cx),
        };
        // What the plan was asked about happens.
        self.inner.look();
        Pin::new(&mut self.inner).poll_read(cx, &mut into[..most])
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.plan.course(self.connection, Operation::Write) {
            Course::Free => Pin::new(&mut self.inner).poll_write_vectored(cx, pieces),
            Course::AtMost(most) => {
                let first = pieces.iter().find(|piece| !piece.is_empty());
                let first = first.map_or(&[][..], |first| &first[..most.min(first.len())]);
                Pin::new(&mut self.inner).poll_write(cx, first)
            }
            course => in_place_of(course, cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// Where the system is not asked at all.
fn in_place_of(course: Course, cx: &Context<'_>) -> Poll<io::Result<usize>> {
    match course {
        Course::Fails(kind) => Poll::Ready(Err(kind.into())),
        Course::Later => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        _ => Poll::Pending,
    }
}

/// Until it is polled again, which is at once.
async fn once_more() {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
