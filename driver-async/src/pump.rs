//! The loop: steps of the engine, and waits in between.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ftp_proto::pipe::{self, Call, Engine, Error, Kept, Step, Told, Wish};
use ftp_proto::{Event, Instant, TicketId};
use smol::io::{AsyncRead, AsyncWrite};
use tracing::{Span, debug};

use crate::cancel::CancelHandle;
use crate::clock::Clock;
use crate::net::{Polled, Sockets};
use crate::runtime::Runtime;

/// How long a cancelled call goes on to bring an abort to its end.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// Steps in a row before other tasks have their turn.
const STEPS: usize = 32;

/// The loop, and all it turns.
pub(crate) struct Pump<R: Runtime> {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    sockets: Sockets<R>,
    cancel: CancelHandle,
    span: Span,
}

/// Where payload comes from, or goes. What it is polled with is not kept beyond a poll.
pub(crate) enum Payload<S, T> {
    /// The call moves none.
    None,
    /// A download goes here.
    Sink(Polled<S>),
    /// A listing goes here.
    Kept(Kept),
    /// An upload comes from here.
    Source(Polled<T>),
    /// The caller itself takes it from, or puts it into, the pipe.
    Caller(Wish),
    /// The rest of a download is of no interest.
    Discard,
}

/// Payload that comes from nowhere and goes nowhere.
pub(crate) type Nothing = Payload<smol::io::Sink, smol::io::Empty>;

impl<R: Runtime> Pump<R> {
    pub(crate) fn new(
        engine: Engine,
        clock: Clock,
        sockets: Sockets<R>,
        cancel: CancelHandle,
        span: Span,
    ) -> Self {
        Pump {
            engine,
            clock,
            sockets,
            cancel,
            span,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Turns until `done` says that an event was the one waited for, or the caller's wish about payload is fulfilled.
    pub(crate) async fn run<S: AsyncWrite + Unpin, T: AsyncRead + Unpin>(
        &mut self,
        request: Option<TicketId>,
        payload: &mut Payload<S, T>,
        mut done: impl FnMut(&Event<'_>) -> bool,
    ) -> Result<(), Error> {
        match poll_fn(|cx| self.poll_run(cx, request, payload, &mut done)).await {
            Err(Error::Cancelled) => Err(self.give_up(request).await),
            ran => ran,
        }
    }

    /// The same for a caller that is polled itself. After [`Error::Cancelled`] nothing has been given up yet.
    pub(crate) fn poll_run<S: AsyncWrite + Unpin, T: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        request: Option<TicketId>,
        payload: &mut Payload<S, T>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Poll<Result<(), Error>> {
        self.cancel.attach(cx.waker());
        payload.attach(cx.waker());
        let mut call = Call {
            request,
            payload: payload.lend(),
        };
        for _ in 0..STEPS {
            if self.cancel.take() {
                return Poll::Ready(Err(Error::Cancelled));
            }
            match self.poll_turn(cx, &mut call, None, done)? {
                Poll::Ready(Step::Done) => return Poll::Ready(Ok(())),
                Poll::Ready(Step::Closed) => return Poll::Ready(Err(self.engine.over())),
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Gives a request up that nobody waits for any more, without waiting for the server or for anything else. True if it is over.
    pub(crate) fn abandon(&mut self, request: TicketId) -> bool {
        let now = self.now();
        let mut over = !self.engine.withdraw(now, request);
        self.engine.flush(&mut self.sockets, &mut |event| {
            over |= ends(event, request);
            false
        });
        over
    }

    /// The downloads that were queued will not be received.
    pub(crate) fn forget_queued(&mut self) {
        let now = self.now();
        self.engine.forget_queued(now);
    }

    /// Gives up what the call is about, and waits for the server a little while. What it still has to say is taken by the next call.
    pub(crate) async fn give_up(&mut self, request: Option<TicketId>) -> Error {
        let end = self.now() + CANCEL_GRACE;
        if let Some(request) = request
            && !self.abandon(request)
        {
            let mut done = |event: &Event<'_>| ends(event, request);
            while self.now() < end {
                let turn =
                    poll_fn(|cx| self.poll_turn(cx, &mut Call::plain(None), Some(end), &mut done));
                match turn.await {
                    Ok(Step::Moved | Step::Looked | Step::Waits(_)) => {}
                    Ok(Step::Done | Step::Closed) | Err(_) => break,
                }
            }
        }
        self.engine.forget_trouble();
        Error::Cancelled
    }

    /// A step, or a wait for what the next one needs, no longer than until `limit`.
    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        call: &mut Call<'_>,
        limit: Option<Instant>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Poll<Result<Step, Error>> {
        let _inside = self.span.enter();
        self.sockets.attach(cx.waker());
        let now = self.clock.now();
        let mut done = |event: &Event<'_>| {
            debug!("{}", Told(event));
            done(event)
        };
        let step = self.engine.step(now, &mut self.sockets, call, &mut done);
        let step = step.map_err(Error::Local)?;
        match step {
            Step::Waits(until) => {
                let next = [until, limit].into_iter().flatten().min();
                let until = next.map(|next| self.clock.at(next));
                self.sockets.poll_until(until).map(|()| Ok(step))
            }
            Step::Looked => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Ok(step)),
        }
    }
}

impl<S> Payload<S, smol::io::Empty> {
    pub(crate) fn sink(sink: S) -> Self {
        Payload::Sink(Polled::new(sink, Waker::noop()))
    }
}

impl<T> Payload<smol::io::Sink, T> {
    pub(crate) fn source(source: T) -> Self {
        Payload::Source(Polled::new(source, Waker::noop()))
    }
}

impl<S: AsyncWrite + Unpin, T: AsyncRead + Unpin> Payload<S, T> {
    fn attach(&mut self, waker: &Waker) {
        match self {
            Payload::Sink(sink) => sink.attach(waker),
            Payload::Source(source) => source.attach(waker),
            _ => {}
        }
    }

    fn lend(&mut self) -> pipe::Payload<'_> {
        match self {
            Payload::None => pipe::Payload::None,
            Payload::Sink(sink) => pipe::Payload::Sink(sink),
            Payload::Kept(kept) => pipe::Payload::Sink(kept),
            Payload::Source(source) => pipe::Payload::Source(source),
            Payload::Caller(wish) => pipe::Payload::Caller(*wish),
            Payload::Discard => pipe::Payload::Discard,
        }
    }
}

impl<R: Runtime> fmt::Debug for Pump<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

fn ends(event: &Event<'_>, request: TicketId) -> bool {
    matches!(event, Event::Finished { ticket, .. } if *ticket == request)
}
