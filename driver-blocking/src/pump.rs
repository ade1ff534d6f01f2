//! The loop around the machine. The only file that knows what an [`Effect`] is.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use ftp_proto::tls::{Channel, Purpose, TlsFailure, TlsSession};
use ftp_proto::wire::reply::Escaped;
use ftp_proto::{
    Client as Machine, Close, Desk, Effect, Event, Failure, Fault, Input, Instant, Output, Report,
    TicketId, Tickets, TlsFault, TlsOrder,
};
use mio::{Events, Poll};
use tracing::{Span, debug};

use crate::cancel::CancelHandle;
use crate::clock::Clock;
use crate::control::Control;
use crate::data::{Data, Served};
use crate::error::{Error, Trouble};
use crate::flow::{Call, Payload, Wish};
use crate::net::{self, CONTROL, DATA, LISTENER, Socket};

/// How long a cancelled call goes on to bring an abort to its end.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// How long a cut upload waits for the ticket its data connection brings.
const TICKET_GRACE: Duration = Duration::from_millis(250);

/// What is told of events.
pub(crate) type EventHook = Option<Box<dyn FnMut(&Event<'_>) + Send>>;

/// The machine, and what belongs to it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    /// The orders in hand.
    pub(crate) desk: Desk,
    /// Orders that failed at once: told when the machine has said all it has to say.
    pub(crate) reports: VecDeque<Report>,
    /// Details behind the failures the machine tells of.
    pub(crate) trouble: Trouble,
    tls: Option<TlsSession>,
    /// What was told of its tickets last.
    tickets: Tickets,
    /// Tickets received before the last data connection.
    tickets_before: u64,
}

impl Core {
    pub(crate) fn new(machine: Machine, clock: Clock) -> Self {
        Core {
            machine,
            clock,
            desk: Desk::default(),
            reports: VecDeque::new(),
            trouble: Trouble::default(),
            tls: None,
            tickets: Tickets::None,
            tickets_before: 0,
        }
    }

    fn tickets_received(&self) -> u64 {
        let session = self.tls.as_ref();
        session.map_or(0, |session| session.tickets().received_total)
    }

    /// Whether tickets are scarce and the last data connection has brought none yet.
    fn ticket_is_due(&self) -> bool {
        let count = self.tls.as_ref().map(TlsSession::tickets);
        count.is_some_and(|count| {
            !count.tls12_session
                && count.received_total > 0
                && count.tls13_available <= 1
                && count.received_total == self.tickets_before
        })
    }

    pub(crate) fn tell(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        // In front of everything: the end of a data connection may be what the next one is asked for.
        if let Some(session) = &self.tls {
            let tickets = Tickets::from(session.tickets());
            if tickets != self.tickets {
                self.tickets = tickets;
                self.machine.handle(now, Input::Tickets(tickets));
            }
        }
        self.machine.handle(now, input);
    }

    pub(crate) fn tell_tls_failed(&mut self, order: TlsOrder, failure: TlsFailure) {
        let fault = TlsFault::from(&failure);
        self.trouble.tls = Some(failure);
        self.tell(Input::Report(order.failed(fault)));
    }
}

/// The loop, and all it turns.
pub(crate) struct Pump {
    pub(crate) core: Core,
    pub(crate) control: Control,
    pub(crate) data: Data,
    poll: Poll,
    events: Events,
    /// The last turn moved payload: the control connection is next.
    payload_moved: bool,
    closed: Option<Failure>,
    hook: EventHook,
    cancel: CancelHandle,
    span: Span,
}

impl Pump {
    pub(crate) fn new(core: Core, control: Socket, data: Data, poll: Poll, span: Span) -> Self {
        Pump {
            core,
            control: Control::new(control),
            data,
            poll,
            events: Events::with_capacity(16),
            payload_moved: false,
            closed: None,
            hook: None,
            cancel: CancelHandle::new(),
            span,
        }
    }

    pub(crate) fn with(
        mut self,
        tls: Option<TlsSession>,
        hook: EventHook,
        cancel: CancelHandle,
    ) -> Self {
        (self.core.tls, self.hook, self.cancel) = (tls, hook, cancel);
        self
    }

    pub(crate) fn now(&self) -> Instant {
        self.core.clock.now()
    }

    /// Turns the wheel until `done` says that an event was the one waited for, or the caller's wish about payload is fulfilled.
    pub(crate) fn run(
        &mut self,
        call: &mut Call<'_>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Result<(), Error> {
        let span = self.span.clone();
        let _inside = span.enter();
        loop {
            if self.drain(done) || self.data.fulfils(call) {
                return Ok(());
            }
            if self.core.machine.is_closed() {
                return Err(self.over());
            }
            if self.cancel.take() {
                return Err(self.give_up(call.transfer));
            }
            self.turn(call, None)?;
        }
    }

    /// The error for a failure the machine told of.
    pub(crate) fn explain(&mut self, failure: Failure) -> Error {
        let first = self.core.machine.evidence().control.first_bytes;
        self.core.trouble.explain(failure, first.as_bytes())
    }

    /// The error for a call on a session that is over: the reason, the first time.
    pub(crate) fn over(&mut self) -> Error {
        match self.closed.take() {
            Some(failure) => self.explain(failure),
            None => Error::session_over(),
        }
    }

    /// Gives a transfer up whose reader or writer is gone, without waiting for the server.
    pub(crate) fn abandon(&mut self, ticket: TicketId) {
        self.save_ticket(Some(ticket));
        self.data.disown(Some(ticket));
        let now = self.now();
        if self.core.machine.abort(now).is_ok() {
            self.drain(&mut |_| false);
            self.control.flush(&mut self.core);
        }
    }

    /// Aborts what runs, and waits for the server a little while. What it still has to say is taken by the next call.
    fn give_up(&mut self, transfer: Option<TicketId>) -> Error {
        self.save_ticket(transfer);
        if transfer.is_some() {
            self.data.disown(transfer);
        }
        let now = self.now();
        match self.core.machine.abort(now) {
            Ok(ticket) => {
                let end = now + CANCEL_GRACE;
                let mut over = false;
                while !over && !self.core.machine.is_closed() && self.now() < end {
                    over = self.drain(&mut |event| ticket.claim(event).is_some());
                    if !over && self.turn(&mut Call::plain(), Some(end)).is_err() {
                        break;
                    }
                }
            }
            Err(_) if transfer.is_some() => {
                // One that has not begun cannot be aborted, and must not begin later without its reader or writer.
                self.core.tell(Input::ControlFailed(Fault::Other));
                self.drain(&mut |_| false);
            }
            Err(_) => {}
        }
        self.core.trouble = Trouble::default();
        Error::Cancelled
    }

    /// A data connection took a ticket and brings another one. Cut too early it brings none, and a server that insists on resumption ends
    /// the session when there are no more: so the last ones are waited for.
    fn save_ticket(&mut self, transfer: Option<TicketId>) {
        let limit = self.now() + TICKET_GRACE;
        let Some(transfer) = transfer else { return };
        while self.core.ticket_is_due() && self.data.sends() && self.now() < limit {
            let payload = Payload::Caller(Wish::Room);
            let turned = self.turn(&mut Call::transfer(transfer, payload), Some(limit));
            if turned.is_err() || self.drain(&mut |_| false) {
                return;
            }
        }
    }

    // ---- what comes out of the machine

    /// Carries out and tells all the machine has to say. True when `done` was told what it waits for.
    fn drain(&mut self, done: &mut dyn FnMut(&Event<'_>) -> bool) -> bool {
        let mut found = false;
        loop {
            let effect = match self.core.machine.poll() {
                None => return found,
                Some(Output::Effect(effect)) => effect,
                Some(Output::Event(event)) => {
                    log(&event);
                    match event {
                        Event::Finished { ticket, .. } => self.data.finished(ticket),
                        Event::Closed(failure) => self.closed = failure.cloned(),
                        _ => {}
                    }
                    if let Some(hook) = &mut self.hook {
                        hook(&event);
                    }
                    found |= done(&event);
                    continue;
                }
            };
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let core = &mut self.core;
        let registry = self.poll.registry();
        let socket = self.control.link.as_ref().map(|link| &link.socket);
        let gone = || Err(io::ErrorKind::NotConnected.into());
        match effect {
            Effect::SecureControl(order) => {
                let opened = open(core.tls.as_ref(), Purpose::Control);
                self.control.secure(order, opened, core);
            }
            Effect::ClearControl(order) => self.control.clear(order, core),
            Effect::CloseControl => self.control.close(),
            Effect::Connect(order) => {
                let peer = socket.map_or_else(gone, Socket::peer);
                self.data.connect(order, peer, registry, core);
            }
            Effect::Listen(order) => {
                let local = socket.map_or_else(gone, Socket::local);
                self.data.listen(order, local, registry, core);
            }
            Effect::Accept(order) => self.data.accept(order, core),
            Effect::SecureData(order) => {
                core.tickets_before = core.tickets_received();
                let opened = open(core.tls.as_ref(), Purpose::Data);
                self.data.secure(order, opened, core);
            }
            Effect::Flow(order) => self.data.begin_flow(order, core),
            Effect::CloseData(data, Close::Now) => {
                core.desk.forget(data);
                self.data.close();
            }
        }
    }

    // ---- what the world has for the machine

    /// One thing from the world, or a wait for one, no longer than until `limit`.
    fn turn(&mut self, call: &mut Call<'_>, limit: Option<Instant>) -> Result<(), Error> {
        if self.handle_one(call)? {
            return Ok(());
        }
        let deadline = self.core.machine.deadline();
        if deadline.is_some_and(|deadline| deadline <= self.now()) {
            self.core.tell(Input::Timeout);
            return Ok(());
        }
        let next = [deadline, limit].into_iter().flatten().min();
        self.wait(next.map(|next| self.core.clock.until(next)))
    }

    /// Gives the machine the one thing that is due, or moves bytes. False when the world has to be waited for.
    fn handle_one(&mut self, call: &mut Call<'_>) -> Result<bool, Error> {
        if let Some(report) = self.core.reports.pop_front() {
            self.core.tell(Input::Report(report));
            return Ok(true);
        }
        if self.control.flush(&mut self.core) {
            return Ok(true);
        }
        // Payload was sent before the reply that ends it, so it goes first; but it must not keep replies from being heard, and why a
        // server breaks a handshake off is in its reply.
        let payload_moved = std::mem::take(&mut self.payload_moved);
        let control_first = payload_moved || self.core.desk.secure_data.is_some();
        if control_first && self.serve_control()? {
            return Ok(true);
        }
        match self.data.serve(call, self.poll.registry(), &mut self.core) {
            Served::Nothing => self.serve_control(),
            Served::Something => Ok(true),
            Served::Payload => {
                self.payload_moved = true;
                // While one side never waits the other must be looked at.
                self.wait(Some(Duration::ZERO))?;
                Ok(true)
            }
        }
    }

    fn serve_control(&mut self) -> Result<bool, Error> {
        let served = self.control.serve(&mut self.core);
        if served && self.data.is_open() {
            // What came on the data connection before is seen before the machine is told more.
            self.wait(Some(Duration::ZERO))?;
        }
        Ok(served)
    }

    /// Waits for the sockets. What each is ready for is kept for later, whichever was waited for; a cancellation ends the wait too.
    fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        net::wait(&mut self.poll, &mut self.events, timeout).map_err(Error::Local)?;
        for event in &self.events {
            let link = match event.token() {
                CONTROL => &mut self.control.link,
                DATA => &mut self.data.link,
                LISTENER => {
                    if let Some(listener) = &mut self.data.listener {
                        listener.note();
                    }
                    continue;
                }
                _ => continue,
            };
            if let Some(link) = link {
                link.socket.note(event);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("core", &self.core)
            .field("control", &self.control)
            .finish_non_exhaustive()
    }
}

fn open(session: Option<&TlsSession>, purpose: Purpose) -> Result<Channel, TlsFailure> {
    match session {
        Some(session) => session.open(purpose),
        None => Err(TlsFailure::Internal("no TLS settings".to_owned())),
    }
}

/// The dialogue for a log; the machine has masked what is secret.
fn log(event: &Event<'_>) {
    match event {
        Event::Sent { line, .. } => debug!("---> {}", Escaped::new(line)),
        Event::Received { reply, .. } => debug!("<--- {}", reply.display()),
        Event::Ready { secure } => debug!(secure, "ready"),
        Event::Note(note) => debug!("{note:?}"),
        Event::Finished {
            result: Err(failure),
            ..
        } => debug!("failed: {failure}"),
        Event::Closed(Some(failure)) => debug!("closed: {failure}"),
        Event::Closed(None) => debug!("closed"),
        _ => {}
    }
}
