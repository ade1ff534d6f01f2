//! The control connection: bytes in pieces, TLS in flights, and what cuts them.

use std::time::Duration;

use ftp_proto::{Fault, Instant, Tickets, TlsFault, client, server};

use super::Pair;
use super::wire::{Cut, Lane, Packet, Side, Trouble};
use crate::rig::{CANARY, FULL_HANDSHAKE};

/// The control connection. Lane 0 leads to the client, lane 1 to the server.
pub(super) struct Control {
    pub(super) lanes: [Lane; 2],
    /// How many changes of protection each end has behind it: odd is TLS.
    layer: [u8; 2],
    closed: [bool; 2],
    /// A Hello was sent, or came.
    hello: [bool; 2],
    close_notify_sent: [bool; 2],
    close_notify_got: [bool; 2],
    used: Instant,
}

impl Control {
    pub(super) fn new(now: Instant) -> Self {
        Control {
            lanes: [Lane::default(), Lane::default()],
            layer: [0; 2],
            closed: [false; 2],
            hello: [false; 2],
            close_notify_sent: [false; 2],
            close_notify_got: [false; 2],
            used: now,
        }
    }
}

impl Pair {
    /// When the next packet to this end can be taken, if one can.
    pub(super) fn control_ready(&self, side: Side) -> Option<Instant> {
        let lane = &self.control.lanes[side.index()];
        let wanted = match lane.head()? {
            Packet::Bytes { .. } => self.control.closed[side.index()] || self.reads(side),
            _ => true,
        };
        wanted.then(|| lane.next()).flatten()
    }

    fn reads(&self, side: Side) -> bool {
        match side {
            Side::Client => self.client.reads_control(),
            Side::Server => self.server.reads_control(),
        }
    }

    fn send_control(&mut self, from: Side, packet: Packet) {
        if let Trouble::Forgets(after) = self.script.trouble
            && self.now.since(self.control.used) > after
        {
            self.cut_control(from.other(), Cut::Silent);
        }
        if let Trouble::ControlTls(cut) = self.script.trouble
            && packet == Packet::Hello
        {
            self.cut_control(from.other(), cut);
            return;
        }
        self.control.used = self.now;
        let delay = self.delay();
        self.control.lanes[from.other().index()].push(self.now, delay, packet);
    }

    fn cut_control(&mut self, receiver: Side, cut: Cut) {
        for side in Side::BOTH {
            let lane = &mut self.control.lanes[side.index()];
            lane.lose();
            match cut {
                Cut::Silent => {}
                Cut::Fin if side == receiver => lane.push(self.now, Duration::ZERO, Packet::Fin),
                Cut::Fin | Cut::Reset => lane.push(self.now, Duration::ZERO, Packet::Reset),
            }
            lane.dead = true;
        }
    }

    /// Hands what is outgoing to the network.
    pub(super) fn flush(&mut self, side: Side) -> bool {
        let mut bytes = match side {
            Side::Client => self.client.outgoing().to_vec(),
            Side::Server => self.server.outgoing().to_vec(),
        };
        if bytes.is_empty() || self.control.closed[side.index()] {
            return false;
        }
        match side {
            Side::Client => self.client.consume_outgoing(bytes.len()),
            Side::Server => self.server.consume_outgoing(bytes.len()),
        }
        let layer = self.control.layer[side.index()];
        if let Some(story) = &mut self.story {
            let text = String::from_utf8_lossy(&bytes).replace(CANARY, "****");
            story.push(format!(
                "{} {side:?} says{} {text:?}",
                self.now.as_millis(),
                if layer.is_multiple_of(2) {
                    " in clear"
                } else {
                    ""
                }
            ));
        }
        if side == Side::Server && self.script.seed % 4 == 1 {
            bytes = repeating(&bytes);
        }
        if layer.is_multiple_of(2) {
            self.judge_clear_text(side, &bytes);
            if side == Side::Server && self.script.trouble == Trouble::Rewrites227 {
                bytes = rewritten(&bytes, self.script.seed.is_multiple_of(2));
            }
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let most = if self.choices.is_some() {
                rest.len()
            } else {
                1 + self.dice.roll(rest.len().min(200))
            };
            let (piece, left) = rest.split_at(most);
            rest = left;
            let bytes = piece.to_vec();
            self.send_control(side, Packet::Bytes { layer, bytes });
        }
        true
    }

    /// What can be done about the orders for the control connection.
    pub(super) fn control_orders(&mut self, side: Side) -> bool {
        let at = side.index();
        let desk = &self.desks[at];
        if desk.secure_control.is_some() {
            match side {
                Side::Client if !self.control.hello[at] => {
                    self.control.hello[at] = true;
                    self.send_control(side, Packet::Hello);
                    return true;
                }
                Side::Server if self.control.hello[at] => {
                    self.control.hello[at] = false;
                    self.send_control(side, Packet::Flight);
                    return true;
                }
                _ => {}
            }
        } else if desk.clear_control.is_some() {
            if !self.control.close_notify_sent[at] {
                self.control.close_notify_sent[at] = true;
                self.send_control(side, Packet::CloseNotify);
                return true;
            }
            if self.control.close_notify_got[at] {
                self.control.close_notify_sent[at] = false;
                self.control.close_notify_got[at] = false;
                self.control.layer[at] += 1;
                let order = self.desks[at].clear_control.take().expect("just seen");
                self.report(side, order.cleared());
                return true;
            }
        }
        false
    }

    pub(super) fn deliver_control(&mut self, side: Side) {
        let at = side.index();
        let Some(packet) = self.control.lanes[at].take() else {
            return;
        };
        if let Some(story) = &mut self.story
            && !matches!(packet, Packet::Bytes { .. })
        {
            story.push(format!("{} {side:?} gets {packet:?}", self.now.as_millis()));
        }
        if self.control.closed[at] {
            if packet.len() > 0 {
                self.send_control(side, Packet::Reset);
            }
            return;
        }
        match packet {
            Packet::Bytes { layer, bytes } => self.control_bytes(side, layer, bytes),
            Packet::Hello => self.control.hello[at] = true,
            Packet::Flight => {
                self.control.hello[at] = false;
                self.send_control(side, Packet::Finished);
                self.control.layer[at] += 1;
                if self.script.unlimited {
                    self.tell_tickets(Tickets::Unlimited);
                } else {
                    self.tell_tickets(Tickets::None);
                }
                if let Some(order) = self.desks[at].secure_control.take() {
                    self.report(side, order.secured(FULL_HANDSHAKE));
                }
            }
            Packet::Finished => {
                self.control.layer[at] += 1;
                if !self.script.unlimited {
                    self.send_control(side, Packet::Tickets(2));
                }
                if let Some(order) = self.desks[at].secure_control.take() {
                    self.report(side, order.secured(FULL_HANDSHAKE));
                }
            }
            Packet::Tickets(more) => self.more_tickets(more),
            Packet::CloseNotify => self.control.close_notify_got[at] = true,
            Packet::Fin => self.control_gone(side, None),
            Packet::Reset => self.control_gone(side, Some(Fault::Reset)),
        }
    }

    fn control_bytes(&mut self, side: Side, layer: u8, bytes: Vec<u8>) {
        let at = side.index();
        assert_eq!(
            layer,
            self.control.layer[at],
            "bytes of another protection come to {side:?}; {}",
            self.told_so_far()
        );
        let carried = self.control.lanes[at].carried;
        let mut part = bytes.len();
        let mut cut = None;
        if let Trouble::Control(to, after, how) = self.script.trouble
            && to == side
            && carried + bytes.len() as u64 > after
            && carried <= after
        {
            part = usize::try_from(after - carried).unwrap_or(part);
            cut = Some(how);
        }
        self.control.lanes[at].carried += part as u64;
        let bytes = &bytes[..part];
        match side {
            Side::Client => self.client.handle(self.now, client::Input::Control(bytes)),
            Side::Server => self.server.handle(self.now, server::Input::Control(bytes)),
        }
        if let Some(cut) = cut {
            self.control.lanes[at].carried += 1;
            self.cut_control(side, cut);
        }
    }

    /// The connection is gone, as this end sees it.
    fn control_gone(&mut self, side: Side, fault: Option<Fault>) {
        let desk = &mut self.desks[side.index()];
        if let Some(order) = desk
            .secure_control
            .take()
            .or_else(|| desk.clear_control.take())
        {
            let fault = match fault {
                None => TlsFault::ClosedInHandshake,
                Some(_) => TlsFault::Reset,
            };
            self.report(side, order.failed(fault));
            return;
        }
        match (side, fault) {
            (Side::Client, None) => self.client.handle(self.now, client::Input::ControlEof),
            (Side::Server, None) => self.server.handle(self.now, server::Input::ControlEof),
            (Side::Client, Some(fault)) => self
                .client
                .handle(self.now, client::Input::ControlFailed(fault)),
            (Side::Server, Some(fault)) => self
                .server
                .handle(self.now, server::Input::ControlFailed(fault)),
        }
    }

    pub(super) fn close_control(&mut self, side: Side) {
        if !self.control.closed[side.index()] {
            self.send_control(side, Packet::Fin);
            self.control.closed[side.index()] = true;
        }
    }

    // ---- tickets

    pub(super) fn tell_tickets(&mut self, tickets: Tickets) {
        if self.tickets != tickets {
            self.tickets = tickets;
            self.client
                .handle(self.now, client::Input::Tickets(tickets));
        }
    }

    pub(super) fn more_tickets(&mut self, more: u8) {
        let left = match self.tickets {
            Tickets::Unlimited => return,
            Tickets::Left(left) => left,
            Tickets::None => 0,
        };
        self.tell_tickets(Tickets::Left((left + more).min(8)));
    }

    /// Resumes, if there is something to resume from.
    pub(super) fn spend_ticket(&mut self) -> bool {
        match self.tickets {
            Tickets::Unlimited => true,
            Tickets::None | Tickets::Left(0) => false,
            Tickets::Left(1) => {
                self.tell_tickets(Tickets::None);
                true
            }
            Tickets::Left(left) => {
                self.tell_tickets(Tickets::Left(left - 1));
                true
            }
        }
    }
}

/// Some servers repeat the password in what is only text. Behind these codes there is nothing to be read.
fn repeating(bytes: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let read = [
            &b"200 "[..],
            b"226 ",
            b"230 ",
            b"250 ",
            b"426 ",
            b"530 ",
            b"550 ",
        ];
        match line.strip_suffix(b"\r\n") {
            Some(text) if read.iter().any(|code| text.starts_with(code)) => {
                said.extend_from_slice(text);
                said.extend_from_slice(format!(" ({CANARY})\r\n").as_bytes());
            }
            _ => said.extend_from_slice(line),
        }
    }
    said
}

/// A box puts another address, or another port, into 227.
fn rewritten(bytes: &[u8], address: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let parts = text
        .strip_prefix("227 ")
        .and_then(|rest| rest.split_once('('))
        .and_then(|(before, rest)| Some((before, rest.split_once(')')?)));
    let Some((before, (numbers, after))) = parts else {
        return bytes.to_vec();
    };
    let fields: Vec<&str> = numbers.split(',').collect();
    let [a, b, c, d, p, q] = fields[..] else {
        return bytes.to_vec();
    };
    let numbers = if address {
        format!("10,9,8,7,{p},{q}")
    } else {
        format!("{a},{b},{c},{d},9,9")
    };
    format!("227 {before}({numbers}){after}").into_bytes()
}
