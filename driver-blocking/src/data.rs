//! The data connection: made, secured, used and closed as the machine orders.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant as SystemInstant};

use ftp_proto::tls::{Channel, TlsFailure};
use ftp_proto::{
    AcceptOrder, ConnectOrder, DataEnd, DataTarget, Direction, FlowEnd, FlowOrder, Input,
    ListenOrder, TicketId, TlsFault, TlsOrder,
};
use mio::Registry;

use crate::flow::{Buffers, Call, Flow, Moved, Payload, Wish};
use crate::net::{DATA, Listener, Socket, fault, with_port};
use crate::pump::Core;
use crate::tls::{Link, Shake};

/// How often progress is told while payload moves.
const PROGRESS: Duration = Duration::from_millis(200);

/// Payload on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Which way.
    pub direction: Direction,
    /// Bytes moved by this transfer so far, as they travel on the data connection.
    pub bytes: u64,
}

/// How data connections come in.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveSettings {
    pub(crate) ports: Option<RangeInclusive<u16>>,
    pub(crate) advertised: Option<IpAddr>,
}

/// What is told of progress.
pub(crate) type ProgressHook = Option<Box<dyn FnMut(Progress) + Send>>;

/// The data connection of the moment, and the transfers it is for.
pub(crate) struct Data {
    pub(crate) link: Option<Link>,
    pub(crate) listener: Option<Listener>,
    flow: Option<Flow>,
    /// Nobody wants what flows.
    discard: bool,
    pub(crate) buffers: Buffers,
    /// Asked for and not over, in order.
    transfers: Vec<Asked>,
    told_bytes: u64,
    told_at: SystemInstant,
    settings: ActiveSettings,
    hook: ProgressHook,
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

/// What a look at the data connection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    Nothing,
    Something,
    /// Payload moved, and more may be there at once.
    Payload,
}

impl Drop for Data {
    fn drop(&mut self) {
        self.close();
    }
}

impl Data {
    pub(crate) fn new(settings: ActiveSettings, hook: ProgressHook) -> Self {
        Data {
            link: None,
            listener: None,
            flow: None,
            discard: false,
            buffers: Buffers::new(),
            transfers: Vec::new(),
            told_bytes: 0,
            told_at: SystemInstant::now(),
            settings,
            hook,
        }
    }

    /// Whether something can come here.
    pub(crate) fn is_open(&self) -> bool {
        self.link.is_some() || self.listener.is_some()
    }

    /// Whether an upload flows under TLS.
    pub(crate) fn sends(&self) -> bool {
        let secured = self
            .link
            .as_ref()
            .is_some_and(|link| link.channel.is_some());
        secured && self.flow.as_ref().is_some_and(Flow::owes)
    }

    pub(crate) fn flow(&mut self) -> Option<(&mut Flow, &mut Buffers)> {
        Some((self.flow.as_mut()?, &mut self.buffers))
    }

    // ---- the transfers

    /// From here on a flow is taken to be that of the first transfer asked for that had none.
    pub(crate) fn expect(&mut self, ticket: TicketId) {
        self.transfers.push(Asked {
            ticket,
            state: State::Waits,
            abandoned: false,
        });
    }

    pub(crate) fn finished(&mut self, ticket: TicketId) {
        self.transfers.retain(|asked| asked.ticket != ticket);
    }

    /// Nobody waits any more for this transfer, or for any.
    pub(crate) fn disown(&mut self, ticket: Option<TicketId>) {
        for asked in &mut self.transfers {
            asked.abandoned |= ticket.is_none_or(|ticket| ticket == asked.ticket);
        }
    }

    /// Whose flow runs; `None` if nobody waits for it any more.
    fn flowing(&self) -> Option<TicketId> {
        let mut transfers = self.transfers.iter();
        let asked = transfers.find(|asked| asked.state == State::Flows)?;
        (!asked.abandoned).then_some(asked.ticket)
    }

    fn advance(&mut self, from: State, to: State) {
        let mut transfers = self.transfers.iter_mut();
        if let Some(asked) = transfers.find(|asked| asked.state == from) {
            asked.state = to;
        }
    }

    /// Whether a caller that moves payload itself can go on.
    pub(crate) fn fulfils(&self, call: &Call<'_>) -> bool {
        let Payload::Caller(wish) = &call.payload else {
            return false;
        };
        let flows = self.flow.is_some() && !self.discard && self.flowing() == call.transfer;
        let empty = self.buffers.plain.is_empty();
        let channel = self.link.as_ref().and_then(|link| link.channel.as_ref());
        match wish {
            Wish::Begin => flows,
            Wish::Bytes => !empty,
            Wish::Room => flows && empty,
            Wish::Sent => flows && empty && !channel.is_some_and(Channel::wants_write),
            Wish::End => false,
        }
    }

    // ---- orders

    pub(crate) fn connect(
        &mut self,
        order: ConnectOrder,
        peer: io::Result<SocketAddr>,
        registry: &Registry,
        core: &mut Core,
    ) {
        let target = match order.target() {
            DataTarget::Address(address) => Ok(address),
            DataTarget::Peer { port } => peer.map(|peer| with_port(peer, port)),
        };
        match target.and_then(|target| Socket::connect(target, registry, DATA)) {
            Ok(socket) => {
                self.begin(socket);
                core.desk.connect = Some(order);
            }
            Err(error) => core.reports.push_back(order.failed(fault(&error))),
        }
    }

    pub(crate) fn listen(
        &mut self,
        order: ListenOrder,
        local: io::Result<SocketAddr>,
        registry: &Registry,
        core: &mut Core,
    ) {
        let bound = local.and_then(|local| {
            let listener = Listener::bind(local, self.settings.ports.as_ref(), registry)?;
            let address = listener.local()?;
            Ok((listener, address))
        });
        core.reports.push_back(match bound {
            Err(error) => order.failed(fault(&error)),
            Ok((listener, mut address)) => {
                self.listener = Some(listener);
                let ip = self.settings.advertised.unwrap_or_else(|| address.ip());
                address.set_ip(ip.to_canonical());
                order.listening(address)
            }
        });
    }

    pub(crate) fn accept(&mut self, order: AcceptOrder, core: &mut Core) {
        // Whoever came before was turned away.
        self.link = None;
        core.desk.accept = Some(order);
    }

    pub(crate) fn secure(
        &mut self,
        order: TlsOrder,
        opened: Result<Channel, TlsFailure>,
        core: &mut Core,
    ) {
        match (&mut self.link, opened) {
            (Some(link), Ok(channel)) => {
                link.channel = Some(channel);
                core.desk.secure_data = Some(order);
            }
            (_, opened) => {
                core.trouble.tls = opened.err();
                core.reports.push_back(order.failed(TlsFault::Local));
            }
        }
    }

    pub(crate) fn begin_flow(&mut self, order: FlowOrder, core: &mut Core) {
        let protected = self.link.as_ref().map(|link| link.channel.is_some());
        if protected != Some(order.protected()) {
            // Never in clear what was ordered under TLS.
            self.close();
            core.reports.push_back(order.finished(FlowEnd {
                bytes: 0,
                source_ended: false,
                end: DataEnd::Tls(TlsFault::Local),
            }));
            return;
        }
        self.listener = None;
        self.told_bytes = 0;
        self.discard = order.discard();
        if !self.discard {
            self.advance(State::Waits, State::Flows);
        }
        self.flow = Some(Flow::new(order.direction(), order.ascii()));
        core.desk.flow = Some(order);
    }

    pub(crate) fn close(&mut self) {
        // A file cut short must not look whole: in clear an end is just the end, and under TLS some servers take it as one, while others
        // end the session over it.
        let cut = self.flow.as_ref().is_none_or(Flow::owes);
        if let Some(link) = &mut self.link {
            if link
                .channel
                .as_ref()
                .is_some_and(|channel| !channel.is_handshaking())
            {
                // Servers do not survive a handshake that lacks our last message.
                let _ = link.flush();
            }
            if cut {
                link.socket.will_reset();
            }
        }
        self.link = None;
        self.listener = None;
        if self.flow.take().is_some() {
            self.advance(State::Flows, State::Flowed);
        }
    }

    fn begin(&mut self, socket: Socket) {
        self.buffers.clear();
        self.link = Some(Link::new(socket));
    }

    // ---- the wheel

    pub(crate) fn serve(
        &mut self,
        call: &mut Call<'_>,
        registry: &Registry,
        core: &mut Core,
    ) -> Served {
        let served = if core.desk.accept.is_some() {
            self.serve_accept(registry, core)
        } else if core.desk.connect.is_some() {
            self.serve_connect(core)
        } else if core.desk.secure_data.is_some() {
            self.shake(core)
        } else {
            let flowing = self.flowing();
            if self.flow.is_some() && self.discard {
                return self.serve_flow(&mut Payload::Discard, core);
            }
            if self.flow.is_some() && flowing == call.transfer {
                return self.serve_flow(&mut call.payload, core);
            }
            if self.flow.is_some() && flowing.is_none() {
                // Its call was given up.
                return self.serve_flow(&mut Payload::None, core);
            }
            if let Some(link) = &mut self.link {
                // The end of the handshake; a failure shows when payload moves.
                let _ = link.flush();
            }
            false
        };
        if served {
            Served::Something
        } else {
            Served::Nothing
        }
    }

    fn serve_accept(&mut self, registry: &Registry, core: &mut Core) -> bool {
        let Some(listener) = &mut self.listener else {
            return false;
        };
        let accepted = match listener.accept(registry) {
            Ok(None) => return false,
            Ok(Some(accepted)) => Ok(accepted),
            Err(error) => Err(error),
        };
        if let Some(order) = core.desk.accept.take() {
            let report = match accepted {
                Ok((socket, peer)) => {
                    self.begin(socket);
                    order.accepted(peer)
                }
                Err(error) => order.failed(fault(&error)),
            };
            core.tell(Input::Report(report));
        }
        true
    }

    fn serve_connect(&mut self, core: &mut Core) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        let connected = link.socket.is_connected();
        if let Ok(false) = connected {
            return false;
        }
        if let Some(order) = core.desk.connect.take() {
            let report = match connected {
                Ok(_) => order.connected(),
                Err(error) => {
                    self.link = None;
                    order.failed(fault(&error))
                }
            };
            core.tell(Input::Report(report));
        }
        true
    }

    fn shake(&mut self, core: &mut Core) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        match link.shake(self.buffers.cipher()) {
            Shake::Waits => return false,
            Shake::Moved => {}
            Shake::Done(facts) => {
                if let Some(order) = core.desk.secure_data.take() {
                    core.tell(Input::Report(order.secured(facts)));
                }
            }
            Shake::Failed(failure) => {
                if let Some(order) = core.desk.secure_data.take() {
                    core.tell_tls_failed(order, failure);
                }
            }
        }
        true
    }

    fn serve_flow(&mut self, payload: &mut Payload<'_>, core: &mut Core) -> Served {
        let (Some(flow), Some(link)) = (&mut self.flow, &mut self.link) else {
            return Served::Nothing;
        };
        let moved = flow.step(link, &mut self.buffers, payload, &mut core.trouble);
        let (bytes, direction) = (flow.bytes(), flow.direction());
        let due = matches!(moved, Moved::Ended(_)) || self.told_at.elapsed() >= PROGRESS;
        if bytes > self.told_bytes && due {
            (self.told_bytes, self.told_at) = (bytes, SystemInstant::now());
            if let Some(hook) = &mut self.hook
                && !self.discard
            {
                hook(Progress { direction, bytes });
            }
            if let Some(order) = &core.desk.flow {
                let data = order.data();
                core.tell(Input::Progress(data, bytes));
            }
        }
        match moved {
            Moved::Nothing => Served::Nothing,
            Moved::Something => Served::Payload,
            Moved::Ended(end) => {
                self.close();
                if let Some(order) = core.desk.flow.take() {
                    core.tell(Input::Report(order.finished(end)));
                }
                Served::Something
            }
        }
    }
}
