//! Data connections: listened for, made, secured, used and closed as the machines order.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto::wire::ascii::{Decoder, Encoder};
use ftp_proto::{
    Channel, DataEnd, DataId, DataTarget, Direction, Fault, FlowEnd, TlsFacts, TlsFault,
    TlsVersion, client, server,
};

use super::judge::Sink;
use super::wire::{Cut, Lane, Packet, Side, Trouble};
use super::{Local, Pair};

/// More packets than this are not under way in one direction.
const WINDOW: usize = 8;

/// A port somebody listens at.
pub(super) struct Listener {
    pub(super) side: Side,
    data: DataId,
    port: u16,
    /// Who has connected: a connection, or somebody else.
    waiting: VecDeque<Option<usize>>,
}

/// A data connection. Lane 0 leads to the client, lane 1 to the server.
pub(super) struct Conn {
    pub(super) lanes: [Lane; 2],
    pub(super) ends: [End; 2],
    resumed: bool,
    /// All that the server sends on it.
    pub(super) source: Vec<u8>,
    /// Under TLS.
    pub(super) private: bool,
}

#[derive(Default)]
pub(super) struct End {
    /// What its machine calls it; `None` before it knows of it, and when it has given it up.
    pub(super) id: Option<DataId>,
    closed: bool,
    reset: bool,
    secure: bool,
    hello: bool,
    inbox: VecDeque<Packet>,
    flow: Option<Flow>,
}

/// Payload that moves.
struct Flow {
    moved: u64,
    told: u64,
    source: Vec<u8>,
    at: usize,
    decoder: Option<Decoder>,
    /// The end, close_notify included, has been handed over.
    ended: bool,
    got_notify: bool,
    sink: Option<usize>,
}

impl Pair {
    /// What can be done about the orders for data connections.
    pub(super) fn data_orders(&mut self, side: Side) -> bool {
        self.dial(side)
            || self.listen(side)
            || self.accept(side)
            || self.secure(side)
            || self.flow(side)
    }

    fn dial(&mut self, side: Side) -> bool {
        let Some(order) = &self.desks[side.index()].connect else {
            return false;
        };
        let (data, target) = (order.data(), order.target());
        if !self.dialling.insert((side, data)) {
            return false;
        }
        let port = match target {
            DataTarget::Peer { port } => port,
            DataTarget::Address(address) => {
                assert_eq!(
                    address.ip(),
                    self.address(side.other()),
                    "data to a stranger"
                );
                address.port()
            }
        };
        self.dialled += 1;
        match self.script.trouble {
            Trouble::DataPorts(true) => self.later(Local::Answered(side, data, None)),
            Trouble::SomeDataPorts(first) if self.dialled <= first => {
                self.later(Local::Answered(side, data, None));
            }
            Trouble::DataPorts(false) => {}
            _ => self.later(Local::Dialled(side, data, port)),
        }
        true
    }

    pub(super) fn dialled(&mut self, side: Side, data: DataId, port: u16) {
        let listener = self
            .listeners
            .iter_mut()
            .find(|listener| listener.side != side && listener.port == port);
        let conn = listener.map(|listener| {
            let index = self.conns.len();
            listener.waiting.push_back(Some(index));
            index
        });
        if conn.is_some() {
            self.conns.push(Conn {
                lanes: [Lane::default(), Lane::default()],
                ends: [End::default(), End::default()],
                resumed: false,
                source: Vec::new(),
                private: false,
            });
        }
        self.later(Local::Answered(side, data, conn));
    }

    pub(super) fn dial_answered(&mut self, side: Side, data: DataId, conn: Option<usize>) {
        let ours = self.desks[side.index()]
            .connect
            .take_if(|order| order.data() == data);
        match (ours, conn) {
            (Some(order), Some(conn)) => {
                self.conns[conn].ends[side.index()].id = Some(data);
                self.report(side, order.connected());
            }
            (Some(order), None) => self.report(side, order.failed(Fault::Refused)),
            // Given up meanwhile: the connection is closed at once.
            (None, Some(conn)) => {
                self.conns[conn].ends[side.index()].closed = true;
                self.send_data(conn, side, Packet::Fin);
            }
            (None, None) => {}
        }
    }

    fn listen(&mut self, side: Side) -> bool {
        let Some(order) = &self.desks[side.index()].listen else {
            return false;
        };
        let data = order.data();
        if !self.dialling.insert((side, data)) {
            return false;
        }
        let at = self.now;
        self.locals.push((at, Local::Listens(side, data)));
        true
    }

    pub(super) fn listens(&mut self, side: Side, data: DataId) {
        let Some(order) = self.desks[side.index()]
            .listen
            .take_if(|order| order.data() == data)
        else {
            return;
        };
        let port = self.next_port;
        self.next_port += 1;
        let mut waiting = VecDeque::new();
        if self.script.trouble == Trouble::Stranger {
            waiting.push_back(None);
        }
        assert!(
            self.listeners.iter().all(|listener| listener.side != side),
            "{side:?} listens twice; {}",
            self.told_so_far()
        );
        self.listeners.push(Listener {
            side,
            data,
            port,
            waiting,
        });
        let address = SocketAddr::new(self.address(side), port);
        self.report(side, order.listening(address));
    }

    fn accept(&mut self, side: Side) -> bool {
        let Some(order) = &self.desks[side.index()].accept else {
            return false;
        };
        let data = order.data();
        let Some(waiting) = self
            .listeners
            .iter_mut()
            .find(|listener| listener.side == side && listener.data == data)
            .and_then(|listener| listener.waiting.pop_front())
        else {
            return false;
        };
        let order = self.desks[side.index()].accept.take().expect("just seen");
        let peer = match waiting {
            Some(conn) => {
                self.conns[conn].ends[side.index()].id = Some(data);
                self.address(side.other())
            }
            None => "203.0.113.66".parse().expect("an address"),
        };
        self.report(side, order.accepted(peer));
        true
    }

    fn conn_of(&self, side: Side, data: DataId) -> Option<usize> {
        self.conns
            .iter()
            .position(|conn| conn.ends[side.index()].id == Some(data))
    }

    // ---- packets

    fn send_data(&mut self, conn: usize, from: Side, packet: Packet) {
        if let Trouble::DataTls(cut) = self.script.trouble
            && packet == Packet::Hello
        {
            self.cut_data(conn, from.other(), cut);
            return;
        }
        let pace = match packet {
            Packet::Bytes { .. } if self.choices.is_none() => self.script.pace,
            _ => 0,
        };
        let delay = self.delay() + Duration::from_millis(pace);
        let lane = &mut self.conns[conn].lanes[from.other().index()];
        // Pieces follow one another at this pace.
        let behind = lane.next().map_or(Duration::ZERO, |_| {
            Duration::from_millis(pace) * u32::try_from(lane.len()).unwrap_or(1)
        });
        lane.push(self.now, delay + behind, packet);
    }

    fn cut_data(&mut self, conn: usize, receiver: Side, cut: Cut) {
        for side in Side::BOTH {
            let lane = &mut self.conns[conn].lanes[side.index()];
            lane.lose();
            match cut {
                Cut::Silent => {}
                Cut::Fin if side == receiver => lane.push(self.now, Duration::ZERO, Packet::Fin),
                Cut::Fin | Cut::Reset => lane.push(self.now, Duration::ZERO, Packet::Reset),
            }
            lane.dead = true;
        }
    }

    pub(super) fn deliver_data(&mut self, index: usize, side: Side) {
        let at = side.index();
        let Some(mut packet) = self.conns[index].lanes[at].take() else {
            return;
        };
        let carried = self.conns[index].lanes[at].carried;
        let mut cut = None;
        if let Trouble::Data(number, to, after, how) = self.script.trouble
            && to == side
            && usize::from(number) == index + 1
            && let Packet::Bytes { bytes, .. } = &mut packet
            && carried <= after
            && carried + bytes.len() as u64 > after
        {
            bytes.truncate(usize::try_from(after - carried).unwrap_or(0));
            cut = Some(how);
        }
        self.conns[index].lanes[at].carried += packet.len() as u64;
        let end = &mut self.conns[index].ends[at];
        if end.closed {
            if packet.len() > 0 {
                self.send_data(index, side, Packet::Reset);
            }
        } else if packet == Packet::Reset {
            end.reset = true;
            end.inbox.clear();
        } else if packet.len() > 0 || !matches!(packet, Packet::Bytes { .. }) {
            end.inbox.push_back(packet);
        }
        if let Some(cut) = cut {
            self.conns[index].lanes[at].carried += 1;
            self.cut_data(index, side, cut);
        }
    }

    // ---- TLS

    fn secure(&mut self, side: Side) -> bool {
        let at = side.index();
        let Some(order) = &self.desks[at].secure_data else {
            return false;
        };
        let Channel::Data(data) = order.channel() else {
            panic!("control TLS among data orders")
        };
        let Some(index) = self.conn_of(side, data) else {
            return false;
        };
        let end = &mut self.conns[index].ends[at];
        if end.reset {
            return self.insecure(side, index, TlsFault::Reset);
        }
        if side == Side::Client && !end.hello {
            end.hello = true;
            let resumed = self.spend_ticket();
            self.conns[index].resumed = resumed;
            self.send_data(index, side, Packet::Hello);
            return true;
        }
        let resumed = self.conns[index].resumed;
        let end = &mut self.conns[index].ends[at];
        let facts = TlsFacts {
            version: TlsVersion::Tls13,
            resumed,
            hello_retry: false,
        };
        match end.inbox.pop_front() {
            None => false,
            Some(Packet::Hello) => {
                self.send_data(index, side, Packet::Flight);
                true
            }
            Some(Packet::Flight) => {
                end.secure = true;
                self.conns[index].private = true;
                self.send_data(index, side, Packet::Finished);
                let order = self.desks[at].secure_data.take().expect("just seen");
                self.report(side, order.secured(facts));
                true
            }
            Some(Packet::Finished) => {
                end.secure = true;
                if !self.script.unlimited {
                    self.send_data(index, side, Packet::Tickets(2));
                }
                let order = self.desks[at].secure_data.take().expect("just seen");
                self.report(side, order.secured(facts));
                true
            }
            Some(Packet::Fin) => {
                // It stays ended.
                end.inbox.push_front(Packet::Fin);
                self.insecure(side, index, TlsFault::ClosedInHandshake)
            }
            Some(packet) => panic!(
                "{packet:?} in a handshake at {side:?}; {}",
                self.told_so_far()
            ),
        }
    }

    fn insecure(&mut self, side: Side, index: usize, fault: TlsFault) -> bool {
        let order = self.desks[side.index()]
            .secure_data
            .take()
            .expect("just seen");
        self.end_closes(index, side, false);
        self.report(side, order.failed(fault));
        true
    }

    // ---- payload

    fn flow(&mut self, side: Side) -> bool {
        let at = side.index();
        let Some(order) = &self.desks[at].flow else {
            // Tickets come whenever they come.
            return side == Side::Client && self.late_tickets();
        };
        let (data, direction) = (order.data(), order.direction());
        let Some(index) = self.conn_of(side, data) else {
            panic!("payload without a connection; {}", self.told_so_far())
        };
        if self.conns[index].ends[at].flow.is_none() {
            self.begin_flow(side, index);
            return true;
        }
        if self.conns[index].ends[at].reset {
            self.end_flow(side, index, DataEnd::Failed(Fault::Reset));
            return true;
        }
        let busy = match direction {
            Direction::Send => self.send_some(side, index),
            Direction::Receive => self.receive_some(side, index),
        };
        self.tell_progress(side, index, data) || busy
    }

    fn begin_flow(&mut self, side: Side, index: usize) {
        let order = self.desks[side.index()].flow.as_ref().expect("just seen");
        let (ascii, discard) = (order.ascii(), order.discard());
        let (direction, protected) = (order.direction(), order.protected());
        assert_eq!(
            protected,
            self.conns[index].ends[side.index()].secure,
            "the protection ordered is not the one there is"
        );
        self.judge_flow(side, direction, protected);
        let mut flow = Flow {
            moved: 0,
            told: 0,
            source: Vec::new(),
            at: 0,
            decoder: (ascii && direction == Direction::Receive).then(Decoder::new),
            ended: false,
            got_notify: false,
            sink: None,
        };
        if direction == Direction::Send {
            let local = match side {
                Side::Client => self.upload(),
                Side::Server => self.tree.source().to_vec(),
            };
            if ascii {
                Encoder::default().encode(&local, &mut flow.source);
            } else {
                flow.source = local;
            }
            if side == Side::Server {
                self.conns[index].source.clone_from(&flow.source);
            }
        } else if side == Side::Client && !discard {
            flow.sink = Some(self.sinks.len());
            self.sinks.push(Sink {
                line: self.sent.clone(),
                conn: index,
                bytes: Vec::new(),
                raw: 0,
            });
        }
        self.conns[index].ends[side.index()].flow = Some(flow);
    }

    fn send_some(&mut self, side: Side, index: usize) -> bool {
        let at = side.index();
        let secure = self.conns[index].ends[at].secure;
        let layer = u8::from(secure);
        let mut busy = false;
        while self.conns[index].lanes[side.other().index()].len() < WINDOW
            && !self.conns[index].lanes[side.other().index()].dead
        {
            let chunk = 1 + self.dice.roll(self.script.chunk);
            let flow = self.conns[index].ends[at].flow.as_mut().expect("it flows");
            if flow.ended {
                break;
            }
            busy = true;
            let rest = &flow.source[flow.at..];
            if rest.is_empty() {
                flow.ended = true;
                let data = self.conns[index].ends[at].id.expect("it has a name");
                if secure {
                    self.send_data(index, side, Packet::CloseNotify);
                }
                self.send_data(index, side, Packet::Fin);
                self.tell_progress(side, index, data);
                match side {
                    Side::Client => self
                        .client
                        .handle(self.now, client::Input::SourceEnded(data)),
                    Side::Server => self
                        .server
                        .handle(self.now, server::Input::SourceEnded(data)),
                }
                return true;
            }
            let bytes = rest[..chunk.min(rest.len())].to_vec();
            flow.at += bytes.len();
            flow.moved += bytes.len() as u64;
            self.send_data(index, side, Packet::Bytes { layer, bytes });
        }
        let end = &mut self.conns[index].ends[at];
        let flow = end.flow.as_mut().expect("it flows");
        match end.inbox.pop_front() {
            None => return busy,
            Some(Packet::CloseNotify) => flow.got_notify = true,
            Some(Packet::Fin) if flow.ended => {
                let how = if flow.got_notify {
                    DataEnd::CloseNotify
                } else {
                    DataEnd::Fin
                };
                self.end_flow(side, index, how);
            }
            // The other end sends nothing more; what it is sent now, it resets.
            Some(Packet::Fin) => {
                end.inbox.push_back(Packet::Fin);
                return busy;
            }
            Some(Packet::Tickets(more)) => self.more_tickets(more),
            Some(packet) => panic!("{packet:?} where nothing is due; {}", self.told_so_far()),
        }
        true
    }

    fn receive_some(&mut self, side: Side, index: usize) -> bool {
        let at = side.index();
        let end = &mut self.conns[index].ends[at];
        let flow = end.flow.as_mut().expect("it flows");
        match end.inbox.pop_front() {
            None => return false,
            Some(Packet::Bytes { layer, bytes }) => {
                assert_eq!(layer, u8::from(end.secure), "bytes of another protection");
                flow.moved += bytes.len() as u64;
                let mut local = Vec::new();
                match &mut flow.decoder {
                    Some(decoder) => decoder.decode(&bytes, &mut local),
                    None => local = bytes,
                }
                let (sink, moved) = (flow.sink, flow.moved);
                self.take_payload(side, sink, &local, moved);
            }
            Some(Packet::CloseNotify) => {
                flow.got_notify = true;
                self.send_data(index, side, Packet::CloseNotify);
                self.end_flow(side, index, DataEnd::CloseNotify);
            }
            Some(Packet::Fin) => self.end_flow(side, index, DataEnd::Fin),
            Some(Packet::Tickets(more)) => self.more_tickets(more),
            Some(packet) => panic!(
                "{packet:?} at {side:?} where payload is due; {}",
                self.told_so_far()
            ),
        }
        true
    }

    fn take_payload(&mut self, side: Side, sink: Option<usize>, local: &[u8], moved: u64) {
        match (side, sink) {
            (Side::Server, _) => self.tree.receive(local),
            (Side::Client, Some(sink)) => {
                self.sinks[sink].bytes.extend_from_slice(local);
                self.sinks[sink].raw = moved;
            }
            (Side::Client, None) => {}
        }
    }

    fn tell_progress(&mut self, side: Side, index: usize, data: DataId) -> bool {
        let Some(flow) = &mut self.conns[index].ends[side.index()].flow else {
            return false;
        };
        if flow.moved == flow.told {
            return false;
        }
        flow.told = flow.moved;
        let moved = flow.moved;
        match side {
            Side::Client => self
                .client
                .handle(self.now, client::Input::Progress(data, moved)),
            Side::Server => self
                .server
                .handle(self.now, server::Input::Progress(data, moved)),
        }
        true
    }

    fn end_flow(&mut self, side: Side, index: usize, end: DataEnd) {
        let at = side.index();
        let Some(mut flow) = self.conns[index].ends[at].flow.take() else {
            return;
        };
        if let Some(decoder) = &mut flow.decoder {
            let mut rest = Vec::new();
            decoder.finish(&mut rest);
            self.take_payload(side, flow.sink, &rest, flow.moved);
        }
        let order = self.desks[at].flow.take().expect("it flows");
        let source_ended = order.direction() == Direction::Send && flow.ended;
        self.end_closes(index, side, flow.ended);
        self.report(
            side,
            order.finished(FlowEnd {
                bytes: flow.moved,
                source_ended,
                end,
            }),
        );
    }

    /// This end is closed: the other one sees an end, unless it has seen one, or a reset.
    fn end_closes(&mut self, index: usize, side: Side, ended: bool) {
        if let Some(data) = self.conns[index].ends[side.index()].id.take() {
            self.close_listener(side, data);
        }
        let end = &mut self.conns[index].ends[side.index()];
        end.closed = true;
        let lost = end
            .inbox
            .drain(..)
            .any(|packet| matches!(packet, Packet::Bytes { .. }));
        let reset = end.reset;
        if lost {
            self.send_data(index, side, Packet::Reset);
        } else if !reset && !ended {
            self.send_data(index, side, Packet::Fin);
        }
    }

    /// A machine gives a data connection up.
    pub(super) fn close_data(&mut self, side: Side, data: DataId) {
        let at = side.index();
        let cut_short = self.desks[at]
            .flow
            .as_ref()
            .is_some_and(|order| order.data() == data && order.direction() == Direction::Send);
        self.desks[at].forget(data);
        self.close_listener(side, data);
        let Some(index) = self.conn_of(side, data) else {
            return;
        };
        let flow = self.conns[index].ends[at].flow.take();
        let ended = flow.is_some_and(|flow| flow.ended);
        if cut_short && !ended {
            let end = &mut self.conns[index].ends[at];
            end.closed = true;
            end.id = None;
            end.inbox.clear();
            self.send_data(index, side, Packet::Reset);
        } else {
            self.end_closes(index, side, ended);
        }
    }

    /// Whoever waits at a listener is turned away.
    fn close_listener(&mut self, side: Side, data: DataId) {
        let mut dropped = Vec::new();
        self.listeners.retain(|listener| {
            let goes = listener.side == side && listener.data == data;
            if goes {
                dropped.extend(listener.waiting.iter().flatten().copied());
            }
            !goes
        });
        for conn in dropped {
            self.end_closes(conn, side, false);
        }
    }

    fn late_tickets(&mut self) -> bool {
        for index in 0..self.conns.len() {
            let end = &mut self.conns[index].ends[0];
            if let Some(Packet::Tickets(more)) = end.inbox.front() {
                let more = *more;
                end.inbox.pop_front();
                self.more_tickets(more);
                return true;
            }
        }
        false
    }
}
