//! The client machine with both of its connections: the loop that every client driver turns.

mod backoff;
mod book;
mod call;
mod control;
mod data;
mod listing;
mod patience;
mod vigil;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::io;

use super::error::{Error, Trouble};
use super::flow::{Pipe, Transport};
use crate::client::{Client as Machine, Input};
use crate::error::Failure;
use crate::order::{Close, DataTarget, Desk, Direction, Report, Tickets, TlsFault, TlsOrder};
use crate::output::{Effect, Event, Output};
use crate::ticket::TicketId;
use crate::time::{Instant, earliest};
use crate::tls::{Channel, PeerIdentity, Purpose, TlsFailure, TlsSession};
use crate::wire::reply::Escaped;

pub use book::{Book, Early, Queued, QueuedStore};
pub use call::{Call, Payload, Wish};
pub use listing::{Facts, Kept};

use control::Control;
use data::{Data, Served};
use patience::Patience;
use vigil::Vigil;

/// How long a transfer that is not wanted any more waits for the ticket its data connection brings, or any sign of life.
const TICKET_GRACE: Duration = Duration::from_millis(250);

/// How long it waits for its data connection, TLS included.
const SETUP_GRACE: Duration = Duration::from_secs(2);

/// So many things happen in one step at most: they happen at one time.
const AT_ONCE: u32 = 16;

/// So many pieces of payload, of at most [`Pipe::SIZE`] bytes each, move before the control connection is looked at.
const LOOK_AFTER: u32 = 8;

/// What is told of events.
pub type EventHook = Option<Box<dyn FnMut(&Event<'_>) + Send>>;

/// What is told of progress.
pub type ProgressHook = Option<Box<dyn FnMut(Progress) + Send>>;

/// Payload on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Which way.
    pub direction: Direction,
    /// Bytes moved by this transfer so far, as they travel on the data connection.
    pub bytes: u64,
}

/// The sockets of a session, as a driver lends them for a step. None of it waits.
pub trait Sockets {
    /// The control connection; `None` after [`close_control`](Sockets::close_control).
    fn control(&mut self) -> Option<&mut dyn Transport>;

    /// Closes the control connection.
    fn close_control(&mut self);

    /// Begins to connect the data connection.
    ///
    /// # Errors
    /// What the system says.
    fn connect(&mut self, target: DataTarget) -> io::Result<()>;

    /// Whether the data connection is connected by now. Where [`connect`](Sockets::connect) waits for it this can be left out.
    ///
    /// # Errors
    /// Why it never will be.
    fn connected(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    /// Listens for a data connection, on the local address of the control connection: the address to advertise. Where this is left out
    /// there are no active data connections.
    ///
    /// # Errors
    /// What the system says.
    fn listen(&mut self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Accepts a data connection, if one is there: who connected.
    ///
    /// # Errors
    /// What the system says, unless trying again may help.
    fn accept(&mut self) -> io::Result<Option<IpAddr>> {
        Ok(None)
    }

    /// The data connection, once it is connected.
    fn data(&mut self) -> Option<&mut dyn Transport>;

    /// Closes the data connection, if there is one.
    fn close_data(&mut self);

    /// Stops listening.
    fn close_listener(&mut self) {}

    /// Looks what the sockets are ready for, where they do not know by themselves.
    ///
    /// # Errors
    /// What the system says.
    fn look(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a [step](Engine::step) came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What was waited for has come.
    Done,
    /// Something happened: take the next step.
    Moved,
    /// Nothing can be done before a socket or the application's side is ready, or this time has come.
    Waits(Option<Instant>),
    /// Nothing could be done, and it was [looked](Sockets::look) whether that has changed: let others have their turn, and take the next step.
    /// Only where [`busy_wait`](Engine::busy_wait) says so.
    Looked,
    /// The session is over, see [`Engine::over`].
    Closed,
}

/// The client machine with its connections, without sockets and clock: [`Sockets`] are lent for each step, and time is an argument.
///
/// A driver asks the [machine](Engine::machine_mut) for something, and [steps](Engine::step) until it has come.
pub struct Engine {
    core: Core,
    control: Control,
    data: Data,
    /// The last step moved payload: the control connection is next.
    payload_moved: bool,
    /// How often payload has moved since the sockets were waited for or looked at.
    unlooked: u32,
    /// When what the peer said is acknowledged.
    patience: Patience,
    /// What comes before a wait.
    vigil: Vigil,
    closed: Option<Failure>,
    leaving: Option<Leaving>,
    hook: EventHook,
    /// What the application has asked for and not waited for.
    pub book: Book,
}

/// What was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    /// Commands alone, and all of them have gone: the world has to be waited for.
    Sent,
    /// More may be.
    Something,
}

/// A request that is to be withdrawn in a moment.
struct Leaving {
    request: TicketId,
    /// Not withdrawn: the application's side has failed, and the call waits for its end.
    failed: bool,
    /// Its payload flows, as far as there is any.
    flows: bool,
    /// Counted from the next step on.
    until: Option<Instant>,
}

/// The machine, and what belongs to it.
#[derive(Debug)]
struct Core {
    machine: Machine,
    /// The orders in hand.
    desk: Desk,
    /// Orders that failed at once: told when the machine has said all it has to say.
    reports: VecDeque<Report>,
    /// Details behind the failures the machine tells of.
    trouble: Trouble,
    tls: Option<TlsSession>,
    /// What was told of its tickets last.
    tickets: Tickets,
    /// Tickets received before the last data connection.
    tickets_before: u64,
}

impl Engine {
    /// A machine on a control connection that has just been established; `tls` is for the protection its policy asks for.
    #[must_use]
    pub fn new(machine: Machine, tls: Option<TlsSession>) -> Self {
        Engine {
            core: Core {
                machine,
                desk: Desk::default(),
                reports: VecDeque::new(),
                trouble: Trouble::default(),
                tls,
                tickets: Tickets::None,
                tickets_before: 0,
            },
            control: Control::new(),
            data: Data::new(),
            payload_moved: false,
            unlooked: 0,
            patience: Patience::new(),
            vigil: Vigil::new(0),
            closed: None,
            leaving: None,
            hook: None,
            book: Book::default(),
        }
    }

    /// From here on these are told of events and of progress.
    #[must_use]
    pub fn with_hooks(mut self, event: EventHook, progress: ProgressHook) -> Self {
        self.hook = event;
        self.data.hook = progress;
        self
    }

    /// From here on a wait begins with up to so many looks at the sockets, see [`Step::Looked`].
    #[must_use]
    pub fn busy_wait(mut self, looks: u32) -> Self {
        self.vigil = Vigil::new(looks);
        self
    }

    // ---- what it knows

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.core.machine
    }

    /// The machine, to be asked for something. A transfer has to be [expected](Engine::expect) too.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.core.machine
    }

    /// TLS on the control connection, while it lasts.
    #[must_use]
    pub fn channel(&self) -> Option<&Channel> {
        self.control.link.channel()
    }

    /// The certificate the server showed on the control connection; kept beyond the end.
    #[must_use]
    pub fn identity(&self) -> Option<&PeerIdentity> {
        self.control.identity.as_ref()
    }

    /// The payload of the transfer that runs.
    pub fn pipe(&mut self) -> &mut Pipe {
        &mut self.data.pipe
    }

    /// Whether payload of this transfer is on its way now.
    #[must_use]
    pub fn flows(&self, transfer: TicketId) -> bool {
        self.data.flows_for(transfer)
    }

    // ---- the application

    /// A transfer was asked for. From here on a flow is taken to be that of the first transfer asked for that had none.
    pub fn expect(&mut self, transfer: TicketId) {
        self.data.expect(transfer);
    }

    /// From here on this is told of progress.
    pub fn tell_progress(&mut self, hook: ProgressHook) {
        self.data.hook = hook;
    }

    /// Whether the session is up and nothing is under way or left over, see [`Machine::is_at_rest`].
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.core.machine.is_at_rest()
            && self.core.reports.is_empty()
            && self.leaving.is_none()
            && self.book.is_free().is_ok()
            && !self.book.login_has_failed()
    }

    /// Nobody waits for this request any more, see [`Machine::withdraw`]. Its end, if it is not over already, comes with
    /// the steps that follow. False if it is over.
    ///
    /// Two things are waited for in these steps. Some servers hear nothing, ABOR included, while they wait for a data connection, and
    /// some end the session over a handshake that breaks off: so a transfer that was asked for gets its data connection first, within
    /// 2 s. And a data connection takes a ticket and brings another one. Cut too early it brings none, and a server that insists on
    /// resumption ends the session when there are no more: so the last ones are waited for, 250 ms at most.
    pub fn withdraw(&mut self, now: Instant, request: TicketId) -> bool {
        let other = self.leaving.as_ref().map(|leaving| leaving.request);
        if other == Some(request) {
            return true;
        }
        if other.is_some() || !self.is_tied(request) {
            return self.core.machine.withdraw(now, request).is_ok();
        }
        self.leaving = Some(Leaving {
            request,
            failed: false,
            flows: false,
            until: None,
        });
        true
    }

    /// The transfers that were queued will not be waited for.
    pub fn forget_queued(&mut self, now: Instant) {
        for request in self.book.forget() {
            // It may be over already.
            let _ = self.core.machine.withdraw(now, request);
        }
    }

    /// Whether a withdrawn transfer still waits for its ticket or its data connection.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// The error for a failure the machine told of.
    pub fn explain(&mut self, failure: Failure) -> Error {
        let first = self.core.machine.evidence().control.first_bytes;
        let diagnosis = self.core.machine.diagnose(Some(&failure));
        let mut error = self.core.trouble.explain(failure, first.as_bytes());
        if let Error::Failed(failed) = &mut error {
            failed.diagnosis = diagnosis;
        }
        error
    }

    /// The error for a call on a session that is over: the reason, the first time.
    pub fn over(&mut self) -> Error {
        match self.closed.take() {
            Some(failure) => self.explain(failure),
            None => Error::session_over(),
        }
    }

    /// What went wrong is of no interest any more: the call was given up.
    pub fn forget_trouble(&mut self) {
        self.core.trouble = Trouble::default();
    }

    // ---- the loop

    /// Does what is due, a few things at most, and payload is the last of them. `done` is told every event, and says whether it was the one
    /// waited for; a [wish](Wish) of the call, or a login that failed, ends the wait too.
    ///
    /// # Errors
    /// Those of [`Sockets::look`].
    pub fn step(
        &mut self,
        now: Instant,
        sockets: &mut dyn Sockets,
        call: &mut Call<'_>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> io::Result<Step> {
        for _ in 0..AT_ONCE {
            if self.drain(sockets, done) || self.data.fulfils(call) {
                return Ok(Step::Done);
            }
            if self.core.machine.is_closed() {
                return Ok(Step::Closed);
            }
            let due = match self.leave(now) {
                true => Due::Something,
                false => self.handle_one(now, sockets, call)?,
            };
            if due == Due::Nothing {
                return self.wait(now, sockets);
            }
            self.patience.news();
            self.vigil.news();
            if due == Due::Sent {
                return self.wait(now, sockets);
            }
            if self.payload_moved {
                break;
            }
        }
        Ok(Step::Moved)
    }

    /// Nothing is due: until when there will not be, unless something comes.
    fn wait(&mut self, now: Instant, sockets: &mut dyn Sockets) -> io::Result<Step> {
        let deadline = self.core.machine.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.core.tell(now, Input::Timeout);
            return Ok(Step::Moved);
        }
        self.unlooked = 0;
        if self.vigil.looks() {
            sockets.look()?;
            return Ok(Step::Looked);
        }
        let leaving = self.leaving.as_ref().and_then(|leaving| leaving.until);
        let (parting, quiet) = (self.data.parting(), self.data.quiet());
        let untold = self.data.untold().filter(|at| *at > now);
        let patience = self.acknowledge(now, sockets);
        let until = earliest(&[deadline, leaving, parting, quiet, untold, patience]);
        Ok(Step::Waits(until))
    }

    /// Carries out what the machine has to say already, and sends what goes. For when nobody will take another step soon.
    pub fn flush(&mut self, sockets: &mut dyn Sockets, done: &mut dyn FnMut(&Event<'_>) -> bool) {
        self.drain(sockets, done);
        self.control.flush(&mut self.core, sockets);
    }

    /// The peer is waited for, and nothing of ours goes before something has come: what came before is acknowledged, or will be at this
    /// time. Most servers do not wait for that, and packets are dear where the server is near.
    fn acknowledge(&mut self, now: Instant, sockets: &mut dyn Sockets) -> Option<Instant> {
        let owed = self.control.link.owes_ack()
            || self.data.pipe.link().owes_ack() && sockets.data().is_some();
        if !owed {
            return None;
        }
        if let Some(until) = self.patience.waits(now) {
            return Some(until);
        }
        if let Some(network) = sockets.control() {
            self.control.link.acknowledge(network);
        }
        if let Some(network) = sockets.data() {
            self.data.pipe.acknowledge(network);
        }
        None
    }

    /// Withdraws what was to be, if what it waited for has come, or has not come in time.
    fn leave(&mut self, now: Instant) -> bool {
        let Some(leaving) = &mut self.leaving else {
            return false;
        };
        let (request, failed) = (leaving.request, leaving.failed);
        if !leaving.flows && !self.data.sets_up(request) {
            leaving.flows = true;
            leaving.until = Some(now + TICKET_GRACE);
        }
        let until = *leaving.until.get_or_insert(now + SETUP_GRACE);
        if now < until && self.is_tied(request) {
            return false;
        }
        self.leaving = None;
        if failed {
            self.data.pipe.give_up();
        } else {
            // It may be over already.
            let _ = self.core.machine.withdraw(now, request);
        }
        true
    }

    /// The application's side of a transfer has failed. It is waited for as in [`withdraw`](Engine::withdraw).
    fn fail(&mut self, now: Instant, request: TicketId) {
        self.leaving = Some(Leaving {
            request,
            failed: true,
            flows: true,
            until: Some(now + TICKET_GRACE),
        });
    }

    /// Whether this transfer cannot be cut yet without harm to the session.
    fn is_tied(&self, request: TicketId) -> bool {
        let ticket_is_due = self.core.ticket_is_due() && self.data.flows_for(request);
        self.data.sets_up(request)
            || self.data.is_fresh(request)
            || ticket_is_due && self.data.sends()
    }

    /// Carries out and tells all the machine has to say. True when `done` was told what it waits for.
    fn drain(
        &mut self,
        sockets: &mut dyn Sockets,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> bool {
        let mut found = false;
        loop {
            if !self.core.machine.has_output() {
                return found;
            }
            let effect = match self.core.machine.poll() {
                None => return found,
                Some(Output::Effect(effect)) => effect,
                Some(Output::Event(event)) => {
                    match event {
                        Event::Sent { verb, .. } => self.data.sent(verb),
                        Event::Finished { ticket, .. } => self.data.finished(ticket),
                        Event::Closed(failure) => self.closed = failure.cloned(),
                        _ => {}
                    }
                    self.book.note(&event);
                    if let Some(hook) = &mut self.hook {
                        hook(&event);
                    }
                    found |= done(&event) || self.book.login_has_failed();
                    continue;
                }
            };
            self.carry_out(effect, sockets);
        }
    }

    fn carry_out(&mut self, effect: Effect, sockets: &mut dyn Sockets) {
        let core = &mut self.core;
        match effect {
            Effect::SecureControl(order) => {
                let opened = core.open(Purpose::Control);
                self.control.secure(order, opened, core);
            }
            Effect::ClearControl(order) => self.control.clear(order, core),
            Effect::CloseControl => self.control.close(sockets),
            Effect::Connect(order) => self.data.connect(order, core, sockets),
            Effect::Listen(order) => data::listen(order, core, sockets),
            Effect::Accept(order) => {
                // Whoever came before was turned away.
                sockets.close_data();
                core.desk.accept = Some(order);
            }
            Effect::SecureData(order) => {
                core.tickets_before = core.tickets_received();
                let opened = core.open(Purpose::Data);
                self.data.secure(order, opened, core, sockets);
            }
            Effect::Flow(order) => self.data.begin_flow(order, core, sockets),
            Effect::CloseData(data, Close::Now) => {
                core.desk.forget(data);
                self.data.close(sockets);
            }
        }
    }

    /// Gives the machine the one thing that is due, or moves bytes.
    fn handle_one(
        &mut self,
        now: Instant,
        sockets: &mut dyn Sockets,
        call: &mut Call<'_>,
    ) -> io::Result<Due> {
        if let Some(report) = self.core.reports.pop_front() {
            self.core.tell(now, Input::Report(report));
            return Ok(Due::Something);
        }
        let sent = self.control.flush(&mut self.core, sockets);
        if sent && (self.control.is_waiting(&self.core) || self.core.machine.has_output()) {
            return Ok(Due::Something);
        }
        Ok(match self.handle_connections(now, sockets, call)? {
            true => Due::Something,
            false if sent => Due::Sent,
            false => Due::Nothing,
        })
    }

    /// Takes what is there, on one of the connections. False when the world has to be waited for.
    fn handle_connections(
        &mut self,
        now: Instant,
        sockets: &mut dyn Sockets,
        call: &mut Call<'_>,
    ) -> io::Result<bool> {
        // Payload was sent before the reply that ends it, so it goes first; but it must not keep replies from being heard, and why a
        // server breaks a handshake off is in its reply.
        let payload_moved = core::mem::take(&mut self.payload_moved);
        let control_first = payload_moved || self.core.desk.secure_data.is_some();
        if control_first && self.serve_control(now, sockets)? {
            return Ok(true);
        }
        if !self.control.link.plain().is_empty() {
            self.data.heard();
        }
        let leaving = self.leaving.as_ref().map(|leaving| leaving.request);
        match self.data.serve(now, call, leaving, &mut self.core, sockets) {
            Served::Nothing => self.serve_control(now, sockets),
            Served::Something => Ok(true),
            Served::Failed(request) => {
                self.fail(now, request);
                Ok(true)
            }
            Served::Payload => {
                self.payload_moved = true;
                // While one side never waits the other must be looked at; a small file has moved before that makes a difference.
                self.unlooked += 1;
                if self.unlooked >= LOOK_AFTER {
                    self.unlooked = 0;
                    sockets.look()?;
                }
                Ok(true)
            }
        }
    }

    fn serve_control(&mut self, now: Instant, sockets: &mut dyn Sockets) -> io::Result<bool> {
        if self.control.tell(now, &mut self.core, sockets) {
            return Ok(true);
        }
        let filled = self.control.fill(&self.core, sockets);
        if filled && !self.core.has_data() {
            self.control.tell(now, &mut self.core, sockets);
        } else if filled && self.data.quiet().is_none() {
            // What came on the data connection before is seen before the machine is told more.
            sockets.look()?;
        }
        Ok(filled)
    }
}

impl Core {
    /// Whether a data connection is made or used. Not while it is secured: then the control connection goes first.
    fn has_data(&self) -> bool {
        let desk = &self.desk;
        desk.accept.is_some() || desk.connect.is_some() || desk.flow.is_some()
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

    fn tell(&mut self, now: Instant, input: Input<'_>) {
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

    fn tell_tls_failed(&mut self, now: Instant, order: TlsOrder, mut failure: TlsFailure) {
        let fault = TlsFault::from(&failure);
        if let TlsFailure::NotTls { sample, .. } = &mut failure {
            let found = Input::Found(order.channel(), sample);
            self.machine.handle(now, found);
            // As the machine shows it: it knows what is secret.
            let evidence = self.machine.evidence();
            let shown = match order.channel() {
                crate::order::Channel::Control => &evidence.control.instead_of_tls,
                crate::order::Channel::Data(_) => &evidence.data.instead_of_tls,
            };
            *sample = shown.as_bytes().to_vec();
        }
        self.trouble.tls = Some(failure);
        self.tell(now, Input::Report(order.failed(fault)));
    }

    fn open(&self, purpose: Purpose) -> Result<Channel, TlsFailure> {
        match &self.tls {
            Some(session) => session.open(purpose),
            None => Err(TlsFailure::Internal("no TLS settings".to_owned())),
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("core", &self.core)
            .field("control", &self.control)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// An event as a line for a log; the machine has masked what is secret.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a, 'b>(pub &'a Event<'b>);

impl fmt::Display for Told<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::Sent { line, .. } => write!(f, "---> {}", Escaped::new(line)),
            Event::Received { reply, .. } => write!(f, "<--- {}", reply.display()),
            Event::Ready { secure: true } => f.write_str("ready, under TLS"),
            Event::Ready { secure: false } => f.write_str("ready, in clear"),
            Event::Note(note) => write!(f, "{note:?}"),
            Event::Finished {
                result: Err(failure),
                ..
            } => write!(f, "failed: {failure}"),
            Event::Finished { .. } => f.write_str("done"),
            Event::Closed(Some(failure)) => write!(f, "closed: {failure}"),
            Event::Closed(None) => f.write_str("closed"),
        }
    }
}

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests;
