//! The loop around the machine. The only file that knows what an [`Effect`] is.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant as SystemInstant};

use ftp_proto::tls::{PeerIdentity, Purpose, TlsFailure, TlsSession};
use ftp_proto::wire::reply::Escaped;
use ftp_proto::{
    AcceptOrder, Client as Machine, ConnectOrder, DataEnd, DataId, DataTarget, Desk, Direction,
    Effect, Event, Failure, Fault, FlowEnd, FlowOrder, Input, ListenOrder, Output, Report,
    TicketId, Tickets, TlsFault, TlsOrder,
};
use mio::{Events, Poll};
use tracing::{Span, debug};

use crate::buffer::Buffer;
use crate::cancel::CancelHandle;
use crate::clock::Clock;
use crate::error::{Error, Trouble};
use crate::flow::{Buffers, Flow, Moved, Payload, Wish};
use crate::net::{self, CANCEL, CONTROL, DATA, LISTENER, Listener, Socket};
use crate::tls::{Link, Received, Shake};

/// How long a cancelled call goes on to bring an abort to its end.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// How often progress is told while payload moves.
const PROGRESS: Duration = Duration::from_millis(200);

/// Most that is read from the control connection at once, in bytes.
const CONTROL_READ: usize = 32 * 1024;

/// Payload on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Which way.
    pub direction: Direction,
    /// Bytes moved by this transfer so far, as they travel on the data connection.
    pub bytes: u64,
}

/// What the application wants to be told.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) event: Option<Box<dyn FnMut(&Event<'_>) + Send>>,
    pub(crate) progress: Option<Box<dyn FnMut(Progress) + Send>>,
}

/// How data connections come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveSettings {
    pub(crate) ports: Option<RangeInclusive<u16>>,
    pub(crate) advertised: Option<std::net::IpAddr>,
}

/// What a session is put together from.
pub(crate) struct Parts {
    pub(crate) machine: Machine,
    pub(crate) clock: Clock,
    pub(crate) poll: Poll,
    pub(crate) control: Socket,
    pub(crate) tls: Option<TlsSession>,
    pub(crate) active: ActiveSettings,
    pub(crate) hooks: Hooks,
    pub(crate) cancel: CancelHandle,
    pub(crate) span: Span,
}

/// The machine, its sockets, and the orders in hand.
pub(crate) struct Pump {
    pub(crate) machine: Machine,
    desk: Desk,
    reports: VecDeque<Report>,
    clock: Clock,
    poll: Poll,
    events: Events,
    control: Option<Link>,
    control_raw: Buffer,
    /// Writing failed; what the peer said before is read first.
    control_broken: Option<Fault>,
    data: Option<(DataId, Link)>,
    listener: Option<Listener>,
    flow: Option<Flow>,
    /// The last turn moved payload: the control connection is next.
    payload_moved: bool,
    /// Transfers asked for and not over, in order.
    transfers: Vec<Asked>,
    told: Told,
    pub(crate) buffers: Buffers,
    tls: Option<TlsSession>,
    tickets: Tickets,
    active: ActiveSettings,
    hooks: Hooks,
    cancel: CancelHandle,
    trouble: Trouble,
    identity: Option<PeerIdentity>,
    closed: Option<Failure>,
    span: Span,
}

/// A transfer that was asked for.
struct Asked {
    ticket: TicketId,
    state: State,
    /// Its call was given up.
    abandoned: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    Flows,
    Flowed,
}

/// When and at how many bytes progress was told.
struct Told {
    bytes: u64,
    at: SystemInstant,
}

impl Pump {
    pub(crate) fn new(parts: Parts) -> Self {
        Pump {
            machine: parts.machine,
            desk: Desk::default(),
            reports: VecDeque::new(),
            clock: parts.clock,
            poll: parts.poll,
            events: Events::with_capacity(16),
            control: Some(Link::new(parts.control)),
            control_raw: Buffer::new(CONTROL_READ),
            control_broken: None,
            data: None,
            listener: None,
            flow: None,
            payload_moved: false,
            transfers: Vec::new(),
            told: Told {
                bytes: 0,
                at: SystemInstant::now(),
            },
            buffers: Buffers::new(),
            tls: parts.tls,
            tickets: Tickets::None,
            active: parts.active,
            hooks: parts.hooks,
            cancel: parts.cancel,
            trouble: Trouble::default(),
            identity: None,
            closed: None,
            span: parts.span,
        }
    }

    pub(crate) fn now(&self) -> ftp_proto::Instant {
        self.clock.now()
    }

    /// The control connection, while there is one.
    pub(crate) fn control(&self) -> Option<&Link> {
        self.control.as_ref()
    }

    pub(crate) fn identity(&self) -> Option<&PeerIdentity> {
        self.identity.as_ref()
    }

    pub(crate) fn flow(&mut self) -> Option<(&mut Flow, &mut Buffers)> {
        Some((self.flow.as_mut()?, &mut self.buffers))
    }

    /// From here on a flow is taken to be that of the first transfer asked for that had none.
    pub(crate) fn expect(&mut self, ticket: TicketId) {
        self.transfers.push(Asked {
            ticket,
            state: State::Waits,
            abandoned: false,
        });
    }

    /// Turns the wheel until `done` says that an event was the one waited for, or the caller's wish about payload is fulfilled.
    /// `payload` belongs to the transfer `of`; flows of others wait for their own call.
    pub(crate) fn run(
        &mut self,
        of: Option<TicketId>,
        payload: &mut Payload<'_>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Result<(), Error> {
        let span = self.span.clone();
        let _inside = span.enter();
        loop {
            if self.drain(done) || self.fulfils(of, payload) {
                return Ok(());
            }
            if self.machine.is_closed() {
                return Err(self.over());
            }
            if self.cancel.take() {
                return Err(self.give_up(of));
            }
            self.turn(of, payload, None)?;
        }
    }

    /// The error for a failure the machine told of.
    pub(crate) fn explain(&mut self, failure: Failure) -> Error {
        let first = self.machine.evidence().control.first_bytes;
        self.trouble.explain(failure, first.as_bytes())
    }

    /// Gives a transfer up whose reader or writer is gone, without waiting for the server.
    pub(crate) fn abandon(&mut self, ticket: TicketId) {
        self.disown(Some(ticket));
        let now = self.clock.now();
        if self.machine.abort(now).is_ok() {
            self.drain(&mut |_| false);
            self.flush_control();
        }
    }

    fn disown(&mut self, ticket: Option<TicketId>) {
        for asked in &mut self.transfers {
            asked.abandoned |= Some(asked.ticket) == ticket;
        }
    }

    /// Nobody waits for any transfer any more.
    pub(crate) fn disown_all(&mut self) {
        for asked in &mut self.transfers {
            asked.abandoned = true;
        }
    }

    /// One thing from the world, or a wait for one, no longer than until `limit`.
    fn turn(
        &mut self,
        of: Option<TicketId>,
        payload: &mut Payload<'_>,
        limit: Option<ftp_proto::Instant>,
    ) -> Result<(), Error> {
        if self.handle_one(of, payload) {
            return Ok(());
        }
        let deadline = self.machine.deadline();
        if deadline.is_some_and(|deadline| deadline <= self.clock.now()) {
            self.tell(Input::Timeout);
            return Ok(());
        }
        let next = [deadline, limit].into_iter().flatten().min();
        let timeout = next.map(|next| self.clock.until(next));
        self.wait(timeout)
    }

    // ---- what comes out of the machine

    /// Carries out and tells all the machine has to say. True when `done` was told what it waits for.
    fn drain(&mut self, done: &mut dyn FnMut(&Event<'_>) -> bool) -> bool {
        let mut found = false;
        loop {
            let effect = match self.machine.poll() {
                None => return found,
                Some(Output::Effect(effect)) => effect,
                Some(Output::Event(event)) => {
                    log(&event);
                    if let Event::Finished { ticket, .. } = event {
                        self.transfers.retain(|asked| asked.ticket != ticket);
                    }
                    if let Event::Closed(Some(failure)) = event {
                        self.closed = Some(failure.clone());
                    }
                    if let Some(hook) = &mut self.hooks.event {
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
        match effect {
            Effect::SecureControl(order) => self.secure_control(order),
            Effect::ClearControl(order) => {
                if let Some(Link {
                    channel: Some(channel),
                    ..
                }) = &mut self.control
                {
                    channel.close();
                }
                self.desk.clear_control = Some(order);
            }
            Effect::CloseControl => {
                if let Some(mut link) = self.control.take() {
                    link.hang_up();
                }
            }
            Effect::Connect(order) => self.connect(order),
            Effect::Listen(order) => self.listen(order),
            Effect::Accept(order) => self.accept(order),
            Effect::SecureData(order) => self.secure_data(order),
            Effect::Flow(order) => self.begin_flow(order),
            Effect::CloseData(data, ftp_proto::Close::Now) => {
                self.desk.forget(data);
                self.close_data();
            }
        }
    }

    fn secure_control(&mut self, order: TlsOrder) {
        let opened = self.open_channel(Purpose::Control);
        match (&mut self.control, opened) {
            (Some(link), Ok(channel)) => {
                link.channel = Some(channel);
                self.desk.secure_control = Some(order);
            }
            (_, opened) => {
                self.trouble.tls = opened.err();
                self.reports.push_back(order.failed(TlsFault::Local));
            }
        }
    }

    fn connect(&mut self, order: ConnectOrder) {
        let peer = self.control.as_ref().map(|link| link.socket.peer());
        let target = match (order.target(), peer) {
            (DataTarget::Address(address), _) => Ok(address),
            (DataTarget::Peer { port }, Some(Ok(peer))) => Ok(net::with_port(peer, port)),
            (_, Some(Err(error))) => Err(error),
            (_, None) => Err(io::ErrorKind::NotConnected.into()),
        };
        let socket = target.and_then(|target| Socket::connect(target, self.poll.registry(), DATA));
        match socket {
            Ok(socket) => {
                self.new_data(order.data(), socket);
                self.desk.connect = Some(order);
            }
            Err(error) => self.reports.push_back(order.failed(net::fault(&error))),
        }
    }

    fn listen(&mut self, order: ListenOrder) {
        let bound = match &self.control {
            None => Err(io::ErrorKind::NotConnected.into()),
            Some(link) => link.socket.local().and_then(|local| {
                let ports = self.active.ports.as_ref();
                let listener = Listener::bind(local, ports, self.poll.registry())?;
                let address = listener.local()?;
                Ok((listener, address))
            }),
        };
        self.reports.push_back(match bound {
            Err(error) => order.failed(net::fault(&error)),
            Ok((listener, mut address)) => {
                self.listener = Some(listener);
                if let Some(advertised) = self.active.advertised {
                    address.set_ip(advertised);
                }
                address.set_ip(address.ip().to_canonical());
                order.listening(address)
            }
        });
    }

    fn accept(&mut self, order: AcceptOrder) {
        // Whoever came before was turned away.
        self.data = None;
        self.desk.accept = Some(order);
    }

    fn secure_data(&mut self, order: TlsOrder) {
        let opened = self.open_channel(Purpose::Data);
        match (&mut self.data, opened) {
            (Some((_, link)), Ok(channel)) => {
                link.channel = Some(channel);
                self.desk.secure_data = Some(order);
            }
            (_, opened) => {
                self.trouble.tls = opened.err();
                self.reports.push_back(order.failed(TlsFault::Local));
            }
        }
    }

    fn begin_flow(&mut self, order: FlowOrder) {
        let secured = self
            .data
            .as_ref()
            .is_some_and(|(_, link)| link.channel.is_some());
        if self.data.is_none() || secured != order.protected() {
            // Never in clear what was ordered under TLS.
            self.close_data();
            self.reports.push_back(order.finished(FlowEnd {
                bytes: 0,
                source_ended: false,
                end: DataEnd::Tls(TlsFault::Local),
            }));
            return;
        }
        self.listener = None;
        self.told.bytes = 0;
        if let Some(asked) = self
            .transfers
            .iter_mut()
            .find(|asked| asked.state == State::Waits)
        {
            asked.state = State::Flows;
        }
        self.flow = Some(Flow::new(order.direction(), order.ascii()));
        self.desk.flow = Some(order);
    }

    fn open_channel(&self, purpose: Purpose) -> Result<ftp_proto::tls::Channel, TlsFailure> {
        match &self.tls {
            Some(session) => session.open(purpose),
            None => Err(TlsFailure::Internal("no TLS settings".to_owned())),
        }
    }

    fn new_data(&mut self, id: DataId, socket: Socket) {
        self.buffers.clear();
        self.data = Some((id, Link::new(socket)));
    }

    fn close_data(&mut self) {
        self.data = None;
        self.listener = None;
        if self.flow.take().is_some()
            && let Some(asked) = self
                .transfers
                .iter_mut()
                .find(|asked| asked.state == State::Flows)
        {
            asked.state = State::Flowed;
        }
    }

    /// Whose flow runs; `None` if nobody waits for it any more.
    fn flowing(&self) -> Option<TicketId> {
        let asked = self
            .transfers
            .iter()
            .find(|asked| asked.state == State::Flows)?;
        (!asked.abandoned).then_some(asked.ticket)
    }

    // ---- what the world has for the machine

    /// Gives the machine the one thing that is due, or moves bytes. False when the world has to be waited for.
    fn handle_one(&mut self, of: Option<TicketId>, payload: &mut Payload<'_>) -> bool {
        if let Some(report) = self.reports.pop_front() {
            self.tell(Input::Report(report));
            return true;
        }
        if self.tell_tickets() || self.flush_control() {
            return true;
        }
        // Data first, as it was sent before the reply that ends it; then a look at the control connection, however much data there is.
        let payload_moved = std::mem::take(&mut self.payload_moved);
        if payload_moved {
            self.read_control() || self.serve_data(of, payload)
        } else {
            self.serve_data(of, payload) || self.read_control()
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        self.machine.handle(now, input);
    }

    fn tell_tickets(&mut self) -> bool {
        let Some(session) = &self.tls else {
            return false;
        };
        let tickets = Tickets::from(session.tickets());
        let changed = tickets != self.tickets;
        if changed {
            self.tickets = tickets;
            self.tell(Input::Tickets(tickets));
        }
        changed
    }

    /// Sends what the machine says. True when some of it went.
    fn flush_control(&mut self) -> bool {
        let Some(link) = &mut self.control else {
            return false;
        };
        if self.control_broken.is_some() {
            return false;
        }
        let outgoing = self.machine.outgoing();
        let sent = if outgoing.is_empty() {
            Ok(None)
        } else if let Some(channel) = &mut link.channel {
            Ok(Some(channel.write(outgoing)))
        } else {
            link.socket.send(outgoing)
        };
        let flushed = sent.and_then(|sent| link.flush().map(|_| sent));
        match flushed {
            Ok(None | Some(0)) => false,
            Ok(Some(count)) => {
                self.machine.consume_outgoing(count);
                true
            }
            Err(error) => {
                self.control_broken = Some(net::fault(&error));
                true
            }
        }
    }

    fn read_control(&mut self) -> bool {
        if self.desk.secure_control.is_some() {
            self.shake_control()
        } else if self.desk.clear_control.is_some() {
            self.end_control_tls()
        } else if self.machine.reads_control() {
            self.hear_control()
        } else {
            false
        }
    }

    fn shake_control(&mut self) -> bool {
        let Some(link) = &mut self.control else {
            return false;
        };
        let shaken = link.shake(&mut self.control_raw);
        let Some(order) = self
            .desk
            .secure_control
            .take_if(|_| matches!(shaken, Shake::Done(_) | Shake::Failed(_)))
        else {
            return matches!(shaken, Shake::Moved);
        };
        // Kept beyond the end of the connection: a person may be asked about a certificate that was refused.
        let channel = self.control.as_ref().and_then(|link| link.channel.as_ref());
        self.identity = channel.and_then(|channel| channel.peer_identity().cloned());
        let report = self.report_shake(order, shaken);
        self.tell(Input::Report(report));
        true
    }

    fn report_shake(&mut self, order: TlsOrder, shaken: Shake) -> Report {
        match shaken {
            Shake::Done(facts) => order.secured(facts),
            Shake::Failed(failure) => {
                let fault = TlsFault::from(&failure);
                self.trouble.tls = Some(failure);
                order.failed(fault)
            }
            Shake::Waits | Shake::Moved => order.failed(TlsFault::Local),
        }
    }

    /// Waits for the peer's close_notify; what follows it is clear text.
    fn end_control_tls(&mut self) -> bool {
        let Some(Link {
            socket: _,
            channel: Some(channel),
        }) = &mut self.control
        else {
            return false;
        };
        let failure = if channel.peer_closed() {
            if channel.wants_write() {
                // Ours goes first; flushing it is tried before every read.
                return false;
            }
            None
        } else {
            match self.feed_control() {
                Fed::Nothing => return false,
                Fed::Something => return true,
                Fed::End | Fed::Failed(_) => self
                    .control
                    .as_ref()
                    .and_then(|link| link.channel.as_ref()?.failure().cloned())
                    .or(Some(TlsFailure::Truncated)),
            }
        };
        let Some(order) = self.desk.clear_control.take() else {
            return false;
        };
        let report = match failure {
            None => {
                if let Some(link) = &mut self.control {
                    link.channel = None;
                }
                order.cleared()
            }
            Some(failure) => {
                let fault = TlsFault::from(&failure);
                self.trouble.tls = Some(failure);
                order.failed(fault)
            }
        };
        self.tell(Input::Report(report));
        true
    }

    /// Gives the machine bytes of the control connection, or its end.
    fn hear_control(&mut self) -> bool {
        let now = self.clock.now();
        let Some(link) = &mut self.control else {
            return false;
        };
        if let Some(channel) = &mut link.channel {
            let count = {
                let plain = channel.plaintext();
                if !plain.is_empty() {
                    self.machine.handle(now, Input::Control(plain));
                }
                plain.len()
            };
            if count > 0 {
                channel.consume(count);
                return true;
            }
        } else if !self.control_raw.is_empty() {
            let input = Input::Control(self.control_raw.filled());
            self.machine.handle(now, input);
            self.control_raw.clear();
            return true;
        }
        match self.feed_control() {
            Fed::Nothing => match self.control_broken {
                Some(fault) => {
                    self.tell(Input::ControlFailed(fault));
                    true
                }
                None => false,
            },
            Fed::Something => {
                if self.data.is_some() || self.listener.is_some() {
                    // What came on the data connection before is looked at before the machine is told.
                    let _ = self.wait(Some(Duration::ZERO));
                }
                true
            }
            Fed::End => {
                self.tell(Input::ControlEof);
                true
            }
            Fed::Failed(fault) => {
                self.tell(Input::ControlFailed(fault));
                true
            }
        }
    }

    /// Takes bytes from the control connection as far as into TLS.
    fn feed_control(&mut self) -> Fed {
        let Some(link) = &mut self.control else {
            return Fed::Nothing;
        };
        if let Some(channel) = &link.channel {
            if channel.peer_closed() {
                return Fed::End;
            }
            if let Some(failure) = channel.failure() {
                return match failure {
                    TlsFailure::Truncated => Fed::End,
                    failure => {
                        self.trouble.tls = Some(failure.clone());
                        Fed::Failed(Fault::Other)
                    }
                };
            }
        }
        if self.control_raw.is_empty() {
            match link.receive(&mut self.control_raw) {
                Received::Nothing => return Fed::Nothing,
                Received::Bytes => {}
                Received::End => match &mut link.channel {
                    None => return Fed::End,
                    Some(channel) => {
                        return match channel.peer_eof() {
                            Ok(()) | Err(TlsFailure::Truncated) => Fed::End,
                            // Told by the next call.
                            Err(_) => Fed::Something,
                        };
                    }
                },
                Received::Failed(error) => return Fed::Failed(net::fault(&error)),
            }
        }
        if let Some(channel) = &mut link.channel {
            match channel.feed(self.control_raw.filled()) {
                Ok(count) => self.control_raw.consume(count),
                Err(_) => self.control_raw.clear(),
            }
        }
        Fed::Something
    }

    // ---- the data connection

    fn serve_data(&mut self, of: Option<TicketId>, payload: &mut Payload<'_>) -> bool {
        if self.desk.accept.is_some() {
            self.serve_accept()
        } else if self.desk.connect.is_some() {
            self.serve_connect()
        } else if self.desk.secure_data.is_some() {
            self.shake_data()
        } else if self.flow.is_some() && self.flowing() == of {
            self.serve_flow(payload)
        } else if self.flow.is_some() && self.flowing().is_none() {
            // Its call was given up.
            self.serve_flow(&mut Payload::None)
        } else {
            if let Some((_, link)) = &mut self.data {
                // The end of the handshake; a failure shows when payload moves.
                let _ = link.flush();
            }
            false
        }
    }

    fn serve_accept(&mut self) -> bool {
        let Some(listener) = &mut self.listener else {
            return false;
        };
        let accepted = listener.accept(self.poll.registry());
        if let Ok(None) = accepted {
            return false;
        }
        let Some(order) = self.desk.accept.take() else {
            return false;
        };
        let report = match accepted {
            Ok(Some((socket, peer))) => {
                self.new_data(order.data(), socket);
                order.accepted(peer)
            }
            Ok(None) => order.failed(Fault::Other),
            Err(error) => order.failed(net::fault(&error)),
        };
        self.tell(Input::Report(report));
        true
    }

    fn serve_connect(&mut self) -> bool {
        let Some((_, link)) = &mut self.data else {
            return false;
        };
        let connected = link.socket.is_connected();
        if let Ok(false) = connected {
            return false;
        }
        let Some(order) = self.desk.connect.take() else {
            return false;
        };
        let report = match connected {
            Ok(_) => order.connected(),
            Err(error) => {
                self.data = None;
                order.failed(net::fault(&error))
            }
        };
        self.tell(Input::Report(report));
        true
    }

    fn shake_data(&mut self) -> bool {
        let Some((_, link)) = &mut self.data else {
            return false;
        };
        let shaken = link.shake(self.buffers.cipher());
        let Some(order) = self
            .desk
            .secure_data
            .take_if(|_| matches!(shaken, Shake::Done(_) | Shake::Failed(_)))
        else {
            return matches!(shaken, Shake::Moved);
        };
        let report = self.report_shake(order, shaken);
        self.tell(Input::Report(report));
        true
    }

    fn serve_flow(&mut self, payload: &mut Payload<'_>) -> bool {
        let (Some(flow), Some((id, link))) = (&mut self.flow, &mut self.data) else {
            return false;
        };
        let id = *id;
        let moved = flow.step(link, &mut self.buffers, payload, &mut self.trouble);
        let (bytes, direction) = (flow.bytes(), flow.direction());
        let ended = matches!(moved, Moved::Ended(_));
        let due = ended || self.told.at.elapsed() >= PROGRESS;
        if bytes > self.told.bytes && due {
            self.told = Told {
                bytes,
                at: SystemInstant::now(),
            };
            if let Some(hook) = &mut self.hooks.progress {
                hook(Progress { direction, bytes });
            }
            self.tell(Input::Progress(id, bytes));
        }
        match moved {
            Moved::Nothing => false,
            Moved::Something => {
                self.payload_moved = true;
                let _ = self.wait(Some(Duration::ZERO));
                true
            }
            Moved::Ended(end) => {
                self.close_data();
                if let Some(order) = self.desk.flow.take() {
                    self.tell(Input::Report(order.finished(end)));
                }
                true
            }
        }
    }

    /// Whether a caller that moves payload itself can go on.
    fn fulfils(&mut self, of: Option<TicketId>, payload: &Payload<'_>) -> bool {
        let Payload::Caller(wish) = payload else {
            return false;
        };
        let flows = self.flow.is_some() && self.flowing() == of;
        let empty = self.buffers.plain.is_empty();
        match wish {
            Wish::Begin => flows,
            Wish::Bytes => !empty,
            Wish::Room => flows && empty,
            Wish::Sent => {
                let link = self.data.as_ref().map(|(_, link)| link);
                flows
                    && empty
                    && link.is_none_or(|link| {
                        link.channel
                            .as_ref()
                            .is_none_or(|channel| !channel.wants_write())
                    })
            }
            Wish::End => false,
        }
    }

    // ---- waiting and giving up

    fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        net::wait(&mut self.poll, &mut self.events, timeout).map_err(Error::Local)?;
        for event in &self.events {
            match event.token() {
                CONTROL => {
                    if let Some(link) = &mut self.control {
                        link.socket.note(event);
                    }
                }
                DATA => {
                    if let Some((_, link)) = &mut self.data {
                        link.socket.note(event);
                    }
                }
                LISTENER => {
                    if let Some(listener) = &mut self.listener {
                        listener.note();
                    }
                }
                // The flag is looked at before the next wait.
                CANCEL => {}
                _ => {}
            }
        }
        Ok(())
    }

    /// Aborts what runs, and waits for the server a little while. What it still has to say is taken by the next call.
    fn give_up(&mut self, transfer: Option<TicketId>) -> Error {
        self.disown(transfer);
        let now = self.clock.now();
        match self.machine.abort(now) {
            Ok(ticket) => {
                let end = now + CANCEL_GRACE;
                let mut over = false;
                while !over && !self.machine.is_closed() && self.clock.now() < end {
                    over = self.drain(&mut |event| ticket.claim(event).is_some());
                    if !over && self.turn(None, &mut Payload::None, Some(end)).is_err() {
                        break;
                    }
                }
            }
            Err(_) if transfer.is_some() => {
                // One that has not begun cannot be aborted, and must not begin later without its reader or writer.
                self.tell(Input::ControlFailed(Fault::Other));
                self.drain(&mut |_| false);
            }
            Err(_) => {}
        }
        self.trouble = Trouble::default();
        Error::Cancelled
    }

    /// The error for a call on a session that is over.
    pub(crate) fn over(&mut self) -> Error {
        match self.closed.take() {
            Some(failure) => self.explain(failure),
            None => Error::session_over(),
        }
    }
}

/// What came out of feeding TLS, or the buffer, with bytes of the control connection.
enum Fed {
    Nothing,
    Something,
    End,
    Failed(Fault),
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("machine", &self.machine)
            .field("desk", &self.desk)
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}

/// The dialogue for a log; the machine has masked what is secret.
fn log(event: &Event<'_>) {
    match event {
        Event::Sent { line, .. } => debug!("---> {}", Escaped::new(line)),
        Event::Received { reply, .. } => debug!("<--- {}", reply.display()),
        Event::Ready { secure } => debug!(secure, "ready"),
        Event::Note(note) => debug!("{note:?}"),
        Event::Finished { ticket, result } => {
            if let Err(failure) = result {
                debug!("{ticket:?} failed: {failure}");
            }
        }
        Event::Closed(None) => debug!("closed"),
        Event::Closed(Some(failure)) => debug!("closed: {failure}"),
        _ => {}
    }
}
