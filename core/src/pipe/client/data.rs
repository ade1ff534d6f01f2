//! The data connection: made, secured, used and closed as the machine orders.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::io::{self, Read, Write};

use super::{Call, Core, Payload, Progress, ProgressHook, Sockets, Wish};
use crate::client::Input;
use crate::order::{
    ConnectOrder, DataEnd, Direction, FlowEnd, FlowOrder, ListenOrder, TlsFault, TlsOrder,
};
use crate::pipe::flow::{Pipe, Transport};
use crate::pipe::link::{fault, uninterrupted};
use crate::ticket::TicketId;
use crate::time::Instant;
use crate::tls::{Channel, TlsFailure};
use crate::wire::command::Verb;

/// How often progress is told while payload moves.
const PROGRESS: Duration = Duration::from_millis(200);

/// How long a server that has ended its side of TLS is given to close its side of TCP.
const PARTING: Duration = Duration::from_millis(250);

/// How long what the server says on the data connection is left alone.
const QUIET: Duration = Duration::from_millis(5);

/// A source that takes longer than this, from the first piece that may have been the last, is slow.
const QUICK: Duration = Duration::from_millis(20);

/// Whether what is sent may be kept back for what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Not yet.
    Off,
    Since(Instant),
    /// Never again in this flow: its source does not have everything at hand.
    Slow,
}

/// Whether the server's word on the control connection is waited for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quiet {
    FromNowOn,
    Until(Instant),
    Over,
}

/// The data connection of the moment, and the transfers it is for.
pub(super) struct Data {
    pub(super) pipe: Pipe,
    /// The command of a transfer was sent, and its payload does not flow yet.
    asked: bool,
    /// Ciphertext that had come when our side of the handshake was done, in bytes.
    heard: u64,
    /// Payload flows.
    flows: bool,
    /// Nobody wants what flows.
    discard: bool,
    /// The application's side has failed: whatever comes, the transfer is not whole.
    broken: bool,
    /// The application's writer has written all of it out.
    written: bool,
    /// The machine knows that the source has ended.
    told_end: bool,
    /// All is said in both directions. Until when the server's end of TCP is waited for.
    parting: Option<Instant>,
    quiet: Quiet,
    hold: Hold,
    /// Asked for and not over, in order.
    transfers: Vec<(TicketId, State)>,
    told_bytes: u64,
    told_at: Instant,
    pub(super) hook: ProgressHook,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waits,
    Flows,
    Flowed,
}

/// What a look at the data connection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    Nothing,
    Something,
    /// Payload moved, and more may be there at once.
    Payload,
    /// The application's side of a transfer that is waited for has failed.
    Failed(TicketId),
}

impl Data {
    pub(super) fn new() -> Self {
        Data {
            pipe: Pipe::new(Pipe::SIZE),
            asked: false,
            heard: 0,
            flows: false,
            discard: false,
            broken: false,
            written: false,
            told_end: false,
            parting: None,
            quiet: Quiet::Over,
            hold: Hold::Off,
            transfers: Vec::new(),
            told_bytes: 0,
            told_at: Instant::ZERO,
            hook: None,
        }
    }

    /// Whether what flows is an upload under TLS.
    pub(super) fn sends(&self) -> bool {
        self.pipe.link().is_secure() && self.pipe.owes()
    }

    // ---- the transfers

    pub(super) fn expect(&mut self, ticket: TicketId) {
        self.transfers.push((ticket, State::Waits));
    }

    pub(super) fn sent(&mut self, verb: Verb) {
        self.asked |= matches!(
            verb,
            Verb::Retr
                | Verb::Stor
                | Verb::Appe
                | Verb::Stou
                | Verb::List
                | Verb::Nlst
                | Verb::Mlsd
        );
    }

    /// Whether the server has been asked for this transfer and waits for its data connection, or for TLS there.
    pub(super) fn sets_up(&self, ticket: TicketId) -> bool {
        let mut transfers = self.transfers.iter();
        let next = transfers.find(|(_, state)| *state == State::Waits);
        self.asked && !self.flows && next.is_some_and(|(next, _)| *next == ticket)
    }

    /// Whether nothing shows yet that the server has read the last message of our handshake.
    pub(super) fn is_fresh(&self, ticket: TicketId) -> bool {
        let channel = self.pipe.link().channel();
        self.flows_for(ticket) && channel.is_some_and(|channel| channel.bytes_in() == self.heard)
    }

    pub(super) fn finished(&mut self, ticket: TicketId) {
        if self.transfers.contains(&(ticket, State::Waits)) {
            self.asked = false;
        }
        self.transfers.retain(|(asked, _)| *asked != ticket);
    }

    pub(super) fn flows_for(&self, ticket: TicketId) -> bool {
        self.flowing() == Some(ticket)
    }

    /// Whose flow runs; `None` if nobody waits for it any more.
    fn flowing(&self) -> Option<TicketId> {
        let mut transfers = self.transfers.iter();
        let (ticket, _) = transfers.find(|(_, state)| *state == State::Flows)?;
        Some(*ticket)
    }

    fn advance(&mut self, from: State, to: State) {
        let mut transfers = self.transfers.iter_mut();
        if let Some((_, state)) = transfers.find(|(_, state)| *state == from) {
            *state = to;
        }
    }

    /// Whether a caller that moves payload itself can go on.
    pub(super) fn fulfils(&self, call: &Call<'_>) -> bool {
        let Payload::Caller(wish) = &call.payload else {
            return false;
        };
        let flows = call.request.is_some_and(|ticket| self.flows_for(ticket));
        match wish {
            Wish::Begin => flows,
            Wish::Bytes => !self.pipe.plain().is_empty(),
            Wish::Room => flows && self.pipe.is_empty(),
            Wish::Sent => flows && self.pipe.is_empty() && !self.pipe.wants_write(),
            Wish::End => false,
        }
    }

    // ---- orders

    pub(super) fn connect(
        &mut self,
        order: ConnectOrder,
        core: &mut Core,
        sockets: &mut dyn Sockets,
    ) {
        match sockets.connect(order.target()) {
            Ok(()) => {
                self.pipe.renew();
                core.desk.connect = Some(order);
            }
            Err(error) => core.reports.push_back(order.failed(fault(&error))),
        }
    }

    pub(super) fn secure(
        &mut self,
        order: TlsOrder,
        opened: Result<Channel, TlsFailure>,
        core: &mut Core,
        sockets: &mut dyn Sockets,
    ) {
        match opened {
            Ok(channel) if sockets.data().is_some() => {
                self.pipe.secure(channel);
                core.desk.secure_data = Some(order);
            }
            opened => {
                core.trouble.tls = opened.err();
                core.reports.push_back(order.failed(TlsFault::Local));
            }
        }
    }

    pub(super) fn begin_flow(
        &mut self,
        order: FlowOrder,
        core: &mut Core,
        sockets: &mut dyn Sockets,
    ) {
        if sockets.data().is_none() || self.pipe.link().is_secure() != order.protected() {
            // Never in clear what was ordered under TLS.
            self.close(sockets);
            core.reports.push_back(order.finished(FlowEnd {
                bytes: 0,
                source_ended: false,
                end: DataEnd::Tls(TlsFault::Local),
            }));
            return;
        }
        sockets.close_listener();
        self.told_bytes = 0;
        self.broken = false;
        self.written = false;
        self.told_end = false;
        self.parting = None;
        self.hold = Hold::Off;
        // What we send in clear is confirmed, and the server's end of it says nothing more: to be woken for either costs both of us.
        let sends_in_clear = order.direction() == Direction::Send && !order.protected();
        self.quiet = match sends_in_clear && !core.machine.is_answered() {
            true => Quiet::FromNowOn,
            false => Quiet::Over,
        };
        self.discard = order.discard();
        if !self.discard {
            self.advance(State::Waits, State::Flows);
        }
        self.flows = true;
        self.asked = false;
        self.pipe.begin(order.direction(), order.ascii());
        core.desk.flow = Some(order);
    }

    /// Until when the server's end of TCP is waited for, if nothing else is.
    pub(super) fn parting(&self) -> Option<Instant> {
        self.parting.filter(|_| self.flows)
    }

    /// When what has moved is told if nothing more does: told later it would pass for news.
    pub(super) fn untold(&self) -> Option<Instant> {
        let moved = self.flows && self.pipe.bytes() > self.told_bytes;
        moved.then(|| self.told_at + PROGRESS)
    }

    /// The server has said something: what it has said on the data connection is looked at before that is told.
    pub(super) fn heard(&mut self) {
        self.quiet = Quiet::Over;
    }

    /// Until when nothing is read from the data connection, if something may come there.
    pub(super) fn quiet(&self) -> Option<Instant> {
        match self.quiet {
            Quiet::Until(until) if self.flows => Some(until),
            _ => None,
        }
    }

    /// Sends, and reads unless nothing is read for now.
    fn carry(&mut self, now: Instant, network: &mut dyn Transport) -> bool {
        if self.quiet == Quiet::FromNowOn {
            self.quiet = Quiet::Until(now + QUIET);
        }
        match self.quiet {
            Quiet::Until(until) if now < until => self.pipe.send(network),
            _ => {
                self.quiet = Quiet::Over;
                self.pipe.carry(network)
            }
        }
    }

    pub(super) fn close(&mut self, sockets: &mut dyn Sockets) {
        if let Some(network) = sockets.data() {
            self.pipe.cut(network);
        }
        sockets.close_data();
        sockets.close_listener();
        if core::mem::take(&mut self.flows) {
            self.advance(State::Flows, State::Flowed);
        }
    }

    // ---- the loop

    pub(super) fn serve(
        &mut self,
        now: Instant,
        call: &mut Call<'_>,
        leaving: Option<TicketId>,
        core: &mut Core,
        sockets: &mut dyn Sockets,
    ) -> Served {
        let served = if core.desk.accept.is_some() {
            self.serve_accept(now, core, sockets)
        } else if core.desk.connect.is_some() {
            serve_connect(now, core, sockets)
        } else if core.desk.secure_data.is_some() {
            self.shake(now, core, sockets)
        } else if self.flows {
            let flowing = self.flowing();
            if self.discard {
                return self.serve_flow(now, &mut Payload::Discard, core, sockets);
            }
            if flowing.is_some() && flowing == leaving {
                let nothing = &mut Payload::Caller(Wish::Room);
                return self.serve_flow(now, nothing, core, sockets);
            }
            if flowing.is_some() && flowing == call.request {
                return self.serve_flow(now, &mut call.payload, core, sockets);
            }
            if flowing.is_none() {
                // Its call was given up.
                return self.serve_flow(now, &mut Payload::None, core, sockets);
            }
            false
        } else {
            if self.pipe.link().wants_write()
                && let Some(network) = sockets.data()
            {
                // The end of the handshake; a failure shows when payload moves.
                self.pipe.send(network);
            }
            false
        };
        if served {
            Served::Something
        } else {
            Served::Nothing
        }
    }

    fn serve_accept(&mut self, now: Instant, core: &mut Core, sockets: &mut dyn Sockets) -> bool {
        let accepted = match sockets.accept() {
            Ok(None) => return false,
            Ok(Some(peer)) => Ok(peer),
            Err(error) => Err(error),
        };
        if let Some(order) = core.desk.accept.take() {
            let report = match accepted {
                Ok(peer) => {
                    self.pipe.renew();
                    order.accepted(peer)
                }
                Err(error) => order.failed(fault(&error)),
            };
            core.tell(now, Input::Report(report));
        }
        true
    }

    fn shake(&mut self, now: Instant, core: &mut Core, sockets: &mut dyn Sockets) -> bool {
        let Some(network) = sockets.data() else {
            return false;
        };
        let Some(secured) = self.pipe.secured() else {
            self.pipe.send(network);
            return self.pipe.fill(network);
        };
        let Some(order) = core.desk.secure_data.take() else {
            return false;
        };
        match secured {
            Ok(facts) => {
                self.heard = self.pipe.link().channel().map_or(0, Channel::bytes_in);
                core.tell(now, Input::Report(order.secured(facts)));
            }
            Err(failure) => {
                // The peer may be told why; whether it hears is its business.
                self.pipe.send(network);
                core.tell_tls_failed(now, order, failure);
            }
        }
        true
    }

    fn serve_flow(
        &mut self,
        now: Instant,
        payload: &mut Payload<'_>,
        core: &mut Core,
        sockets: &mut dyn Sockets,
    ) -> Served {
        let Some(network) = sockets.data() else {
            return Served::Nothing;
        };
        if matches!(self.hold, Hold::Since(since) if since + QUICK < now) {
            self.let_go(network);
        }
        let mut moved = self.carry(now, network);
        let sends = self.pipe.direction() == Some(Direction::Send);
        loop {
            let before = self.hold;
            let goes = match self.exchange(now, payload, network) {
                Ok(exchanged) => {
                    moved |= exchanged;
                    exchanged && sends
                }
                Err(error) => {
                    core.trouble.local.get_or_insert(error);
                    self.broken = true;
                    if let Some(ticket) = self.flowing()
                        && self.pipe.ended().is_none()
                    {
                        return Served::Failed(ticket);
                    }
                    self.pipe.give_up();
                    true
                }
            };
            if goes {
                // What does not go now waits for the network.
                moved = self.carry(now, network);
            }
            // Behind the piece that may have been the last the end is asked for at once.
            if before != Hold::Off || self.hold == Hold::Off {
                break;
            }
        }
        let end = self.pipe.ended().map(|end| match self.broken {
            true => FlowEnd {
                end: DataEnd::Local,
                ..end
            },
            false => end,
        });
        let end = end.filter(|end| {
            // What a sink has not taken yet is not there.
            end.end == DataEnd::Local || !matches!(payload, Payload::Sink(_)) || self.written
        });
        self.tell_progress(now, end.is_some(), payload, core);
        let Some(end) = end else {
            // What has ended is closed, which does that too.
            if let Some(network) = sockets.data() {
                self.pipe.shut_down(network);
            }
            return match moved {
                true => Served::Payload,
                false => Served::Nothing,
            };
        };
        if sends && end.end == DataEnd::CloseNotify && self.waits_to_part(now, core, sockets) {
            return match moved {
                true => Served::Something,
                false => Served::Nothing,
            };
        }
        if let DataEnd::Tls(_) = end.end {
            core.trouble.tls = self.pipe.failure().cloned();
        }
        self.close(sockets);
        if let Some(order) = core.desk.flow.take() {
            core.tell(now, Input::Report(order.finished(end)));
        }
        Served::Something
    }

    /// An upload, and both sides have said their last word under TLS: whether the server has still to close TCP. To close our side before is
    /// to lose its FIN where both cross: the system answers none that comes while it forgets a connection. The server then sends it again,
    /// 200 ms later, and some confirm the upload only after that. The confirmation proves that it has no need of us.
    fn waits_to_part(&mut self, now: Instant, core: &Core, sockets: &mut dyn Sockets) -> bool {
        let until = *self.parting.get_or_insert(now + PARTING);
        let gone = sockets
            .data()
            .is_none_or(|network| self.pipe.is_deserted(network));
        !gone && now < until && !core.machine.is_answered()
    }

    /// Tells of what has moved; the machine also that it is the application that is waited for.
    fn tell_progress(&mut self, now: Instant, ended: bool, payload: &Payload<'_>, core: &mut Core) {
        let (bytes, direction) = (self.pipe.bytes(), self.pipe.direction());
        let Some((order, direction)) = core.desk.flow.as_ref().zip(direction) else {
            return;
        };
        let data = order.data();
        let due = ended || now.since(self.told_at) >= PROGRESS;
        let grown = bytes > self.told_bytes;
        let waits = match payload {
            Payload::Sink(_) => !self.pipe.plain().is_empty(),
            Payload::Source(_) => self.pipe.space().is_some(),
            _ => false,
        };
        if due && (grown || waits) {
            (self.told_bytes, self.told_at) = (bytes, now);
            if grown
                && !self.discard
                && let Some(hook) = &mut self.hook
            {
                hook(Progress { direction, bytes });
            }
            core.tell(now, Input::Progress(data, bytes));
        }
        if self.pipe.all_sent() && !core::mem::replace(&mut self.told_end, true) {
            core.tell(now, Input::SourceEnded(data));
        }
    }

    // ---- the application's side

    /// Moves what the application's side takes or gives. True if something moved.
    fn exchange(
        &mut self,
        now: Instant,
        payload: &mut Payload<'_>,
        network: &mut dyn Transport,
    ) -> io::Result<bool> {
        match self.pipe.direction() {
            Some(Direction::Receive) => self.hand_out(payload),
            Some(Direction::Send) => self.draw(now, payload, network),
            None => Ok(false),
        }
    }

    fn hand_out(&mut self, payload: &mut Payload<'_>) -> io::Result<bool> {
        match payload {
            Payload::Sink(sink) => self.write_out(&mut **sink),
            Payload::Caller(Wish::Begin | Wish::Bytes) => Ok(false),
            Payload::Discard | Payload::Caller(_) => {
                let mut moved = false;
                while !self.pipe.plain().is_empty() {
                    self.pipe.consume(self.pipe.plain().len());
                    moved = true;
                }
                Ok(moved)
            }
            Payload::None | Payload::Source(_) => Err(nowhere()),
        }
    }

    fn write_out(&mut self, sink: &mut dyn Write) -> io::Result<bool> {
        let mut moved = false;
        while !self.pipe.plain().is_empty() {
            match uninterrupted(|| sink.write(self.pipe.plain())) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.pipe.consume(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(moved),
                Err(error) => return Err(error),
            }
            moved = true;
        }
        if self.pipe.ended().is_some() && !self.written {
            // What a buffering writer cannot write out is not there.
            match uninterrupted(|| sink.flush()) {
                Ok(()) => {
                    self.written = true;
                    moved = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    fn draw(
        &mut self,
        now: Instant,
        payload: &mut Payload<'_>,
        network: &mut dyn Transport,
    ) -> io::Result<bool> {
        let source = match payload {
            Payload::Source(source) => source,
            Payload::Caller(Wish::End) => {
                return Ok(self.pipe.source_ended());
            }
            Payload::Caller(_) => return Ok(false),
            Payload::None | Payload::Sink(_) | Payload::Discard => return Err(nowhere()),
        };
        let Some(space) = self.pipe.space() else {
            return Ok(false);
        };
        let room = space.len();
        match read(&mut **source, space)? {
            None => {
                if matches!(self.hold, Hold::Since(_)) {
                    self.let_go(network);
                }
                return Ok(false);
            }
            Some(0) => return Ok(self.pipe.source_ended()),
            Some(count) => {
                if count < room && self.hold == Hold::Off {
                    // It may be the last piece. The end goes with it if it comes at once.
                    self.hold = Hold::Since(now);
                    network.hold(true);
                }
                self.pipe.filled(count);
            }
        }
        Ok(true)
    }

    /// The source is waited for: what was kept back for its end goes.
    fn let_go(&mut self, network: &mut dyn Transport) {
        self.hold = Hold::Slow;
        network.hold(false);
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data")
            .field("flows", &self.flows)
            .field("transfers", &self.transfers)
            .finish_non_exhaustive()
    }
}

pub(super) fn listen(order: ListenOrder, core: &mut Core, sockets: &mut dyn Sockets) {
    core.reports.push_back(match sockets.listen() {
        Ok(address) => order.listening(address),
        Err(error) => order.failed(fault(&error)),
    });
}

fn serve_connect(now: Instant, core: &mut Core, sockets: &mut dyn Sockets) -> bool {
    let connected = sockets.connected();
    if let Ok(false) = connected {
        return false;
    }
    if let Some(order) = core.desk.connect.take() {
        let report = match connected {
            Ok(_) => order.connected(),
            Err(error) => {
                sockets.close_data();
                order.failed(fault(&error))
            }
        };
        core.tell(now, Input::Report(report));
    }
    true
}

/// `None` if nothing comes now.
fn read(source: &mut dyn Read, into: &mut [u8]) -> io::Result<Option<usize>> {
    match uninterrupted(|| source.read(into)) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// A flow nobody waits for any more: its call was given up.
fn nowhere() -> io::Error {
    io::Error::other("the transfer was given up")
}
