//! The loop: steps of the engine, and waits in between.

use std::fmt;
use std::thread;
use std::time::Duration;

use ftp_proto::pipe::{Call, Engine, Error, Step, Told};
use ftp_proto::{Event, Instant, TicketId};
use tracing::{Span, debug};

use crate::cancel::CancelHandle;
use crate::clock::Clock;
use crate::net::Sockets;

/// How long a cancelled call goes on to bring an abort to its end.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// The loop, and all it turns.
pub(crate) struct Pump {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    sockets: Sockets,
    cancel: CancelHandle,
    span: Span,
}

impl Pump {
    pub(crate) fn new(
        engine: Engine,
        clock: Clock,
        sockets: Sockets,
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
    pub(crate) fn run(
        &mut self,
        call: &mut Call<'_>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Result<(), Error> {
        let span = self.span.clone();
        let _inside = span.enter();
        loop {
            if self.cancel.take() {
                return Err(self.give_up(call.request));
            }
            match self.turn(call, None, done)? {
                Step::Done => return Ok(()),
                Step::Closed => return Err(self.engine.over()),
                Step::Moved | Step::Looked | Step::Waits(_) => {}
            }
        }
    }

    /// Gives a request up that nobody waits for any more, without waiting for the server. True if it is over.
    pub(crate) fn abandon(&mut self, request: TicketId) -> bool {
        let now = self.now();
        let mut over = !self.engine.withdraw(now, request);
        let mut done = |event: &Event<'_>| {
            over |= ends(event, request);
            false
        };
        // Its last ticket is waited for, which has an end.
        while self.engine.is_leaving() {
            let step = self.turn(&mut Call::plain(None), None, &mut done);
            if step.is_err() || matches!(step, Ok(Step::Closed)) {
                break;
            }
        }
        self.engine.flush(&mut self.sockets, &mut done);
        over
    }

    /// The downloads that were queued will not be received.
    pub(crate) fn forget_queued(&mut self) {
        let now = self.now();
        self.engine.forget_queued(now);
    }

    /// Gives up what the call is about, and waits for the server a little while. What it still has to say is taken by the next call.
    fn give_up(&mut self, request: Option<TicketId>) -> Error {
        let end = self.now() + CANCEL_GRACE;
        if let Some(request) = request
            && !self.abandon(request)
        {
            let mut done = |event: &Event<'_>| ends(event, request);
            while self.now() < end {
                match self.turn(&mut Call::plain(None), Some(end), &mut done) {
                    Ok(Step::Moved | Step::Looked | Step::Waits(_)) => {}
                    Ok(Step::Done | Step::Closed) | Err(_) => break,
                }
            }
        }
        self.engine.forget_trouble();
        Error::Cancelled
    }

    /// A step, or a wait for what the next one needs, no longer than until `limit`.
    fn turn(
        &mut self,
        call: &mut Call<'_>,
        limit: Option<Instant>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Result<Step, Error> {
        let now = self.now();
        let mut done = |event: &Event<'_>| {
            debug!("{}", Told(event));
            done(event)
        };
        let step = self.engine.step(now, &mut self.sockets, call, &mut done);
        let step = step.map_err(Error::Local)?;
        match step {
            Step::Waits(until) => {
                let next = [until, limit].into_iter().flatten().min();
                // Longer by what of this millisecond has passed, so that it is time afterwards.
                let wait = next.map(|next| next.since(now));
                self.sockets.wait(wait).map_err(Error::Local)?;
            }
            Step::Looked => thread::yield_now(),
            _ => {}
        }
        Ok(step)
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

fn ends(event: &Event<'_>, request: TicketId) -> bool {
    matches!(event, Event::Finished { ticket, .. } if *ticket == request)
}
