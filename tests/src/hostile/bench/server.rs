//! A scripted client, and the server machine.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ftp_proto::server::Input as ServerInput;
use ftp_proto::wire::ascii::Encoder;
use ftp_proto::{DataEnd, Direction, Fault, TlsFault};

use super::super::client::{ClientSide, Heard};
use super::super::script::{End, Handshake, Resume};
use super::client::fault;
use crate::bench_server::{Bench, CLIENT, DATA_PORT};
use crate::rig::{CANARY, FULL_HANDSHAKE, RESUMED, USER};

/// The network between a scripted client and a [`Bench`].
pub(super) struct BenchSide<F> {
    bench: Bench,
    anew: F,
    rights: ftp_proto::server::Rights,
    heard: std::collections::VecDeque<String>,
    listens: bool,
    inbound: bool,
    refused: bool,
    data: ClientData,
}

/// The data connection as the client sees it.
#[derive(Default)]
struct ClientData {
    from: Option<IpAddr>,
    connected: bool,
    tls: Option<Resume>,
    sent: Vec<u8>,
    end: Option<End>,
}

impl<F: Fn() -> Bench> BenchSide<F> {
    pub(super) fn new(bench: Bench, anew: F, rights: ftp_proto::server::Rights) -> Self {
        let mut side = BenchSide {
            bench,
            anew,
            rights,
            heard: std::collections::VecDeque::new(),
            listens: false,
            inbound: false,
            refused: false,
            data: ClientData::default(),
        };
        side.prepare();
        side
    }

    fn prepare(&mut self) {
        self.bench.tree.set_rights(USER, self.rights);
        self.bench.auto_data = false;
        self.bench.auto_flow = false;
        self.bench.auto_control = false;
        self.bench.checks_silence = false;
    }

    /// Lets the network do what it can.
    fn advance(&mut self) {
        loop {
            let desk = self.bench.desk();
            if self.bench.is_closed() {
                break;
            } else if desk.listen.is_some() {
                self.bench.listening(&format!("192.0.2.1:{DATA_PORT}"));
            } else if desk.connect.is_some() {
                self.inbound = true;
                match self.listens {
                    true => self.bench.connected(),
                    false => self.bench.data_failed(Fault::Refused),
                };
            } else if desk.accept.is_some() && self.data.connected {
                self.data.connected = false;
                let client: SocketAddr = CLIENT.parse().expect("an address");
                let from = match self.data.from {
                    Some(_) => "192.0.2.66".to_owned(),
                    None => client.ip().to_string(),
                };
                self.refused = self.data.from.is_some();
                self.bench.accepted(&from);
            } else if desk.secure_data.is_some()
                && (self.data.tls.is_some() || self.data.end.is_some())
            {
                match self.data.tls {
                    Some(Resume::Own) => self.bench.data_secured(RESUMED),
                    Some(Resume::Nothing) => self.bench.data_secured(FULL_HANDSHAKE),
                    None => self.bench.data_insecure(TlsFault::NotTls),
                };
            } else if let Some(flow) = &desk.flow
                && flow.direction() == Direction::Receive
                && let Some(end) = self.data.end
            {
                let protected = flow.protected();
                self.bench.upload = std::mem::take(&mut self.data.sent);
                let bytes = self.bench.upload.len() as u64;
                self.bench.flow_finished(bytes, data_end(end, protected));
                self.data = ClientData::default();
            } else {
                break;
            }
        }
        self.heard.extend(self.bench.said());
    }
}

fn data_end(end: End, protected: bool) -> DataEnd {
    match end {
        End::Reset => DataEnd::Failed(Fault::Reset),
        End::Orderly if protected => DataEnd::CloseNotify,
        End::Orderly | End::Fin => DataEnd::Fin,
    }
}

impl<F: Fn() -> Bench> ClientSide for BenchSide<F> {
    fn connect(&mut self) -> Result<(), String> {
        let tree = self.bench.tree.clone();
        self.bench = (self.anew)();
        self.bench.tree = tree;
        self.prepare();
        self.heard.clear();
        self.data = ClientData::default();
        self.advance();
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) {
        if !self.bench.is_closed() {
            self.bench.bytes(bytes);
            self.advance();
        }
    }

    fn reply(&mut self, within: Option<Duration>) -> Heard {
        self.advance();
        let until = within.map(|time| self.bench.now() + time);
        for _ in 0..60 {
            if let Some(said) = self.heard.pop_front() {
                let (code, text) = said.split_once(' ').unwrap_or((&said, ""));
                return Heard::Reply(code.parse().unwrap_or(0), text.to_owned());
            }
            if self.bench.is_closed() {
                return Heard::End;
            }
            let next = self.bench.patience().map(|time| self.bench.now() + time);
            match (next, until) {
                (Some(next), Some(until)) if next > until => return Heard::Nothing,
                (None, _) => return Heard::Nothing,
                _ => self.bench.tick(),
            };
            self.advance();
        }
        Heard::Nothing
    }

    fn tls(&mut self, how: &Handshake) -> Result<(), String> {
        if self.bench.desk().secure_control.is_none() {
            return Err("the server does not begin TLS".to_owned());
        }
        match fault(how) {
            None => self.bench.control_ok(),
            Some(fault) => self.bench.control_failed(fault),
        };
        self.advance();
        Ok(())
    }

    fn clear(&mut self) -> Result<(), String> {
        if self.bench.desk().clear_control.is_none() {
            return Err("the server does not end TLS".to_owned());
        }
        self.bench.control_ok();
        self.advance();
        Ok(())
    }

    fn end(&mut self, how: End) {
        if !self.bench.is_closed() {
            match how {
                End::Reset => self.bench.handle(ServerInput::ControlFailed(Fault::Reset)),
                _ => self.bench.eof(),
            };
        }
    }

    fn wait(&mut self, time: Duration) {
        if !self.bench.is_closed() {
            self.bench.pass(time);
        }
        self.advance();
    }

    fn listen(&mut self) -> Result<SocketAddr, String> {
        self.listens = true;
        self.inbound = false;
        self.data = ClientData::default();
        let client: SocketAddr = CLIENT.parse().expect("an address");
        Ok(SocketAddr::new(client.ip(), 50_001))
    }

    fn data_connect(&mut self, port: u16, from: Option<IpAddr>) -> Result<(), String> {
        self.data = ClientData {
            from,
            connected: true,
            ..ClientData::default()
        };
        self.refused = false;
        if port != DATA_PORT || self.bench.open_data() == 0 {
            self.data.connected = false;
            self.refused = true;
            return Err("nobody listens".to_owned());
        }
        self.advance();
        Ok(())
    }

    fn data_accept(&mut self, _expected: bool) -> bool {
        self.advance();
        std::mem::take(&mut self.inbound)
    }

    fn data_tls(&mut self, resume: Resume) -> Result<(), String> {
        self.data.tls = Some(resume);
        self.advance();
        Ok(())
    }

    fn data_send(&mut self, bytes: &[u8]) {
        self.data.sent.extend_from_slice(bytes);
        self.advance();
    }

    fn data_read(&mut self) -> Vec<u8> {
        // A client that reads and begins no TLS gives none.
        self.advance();
        if self.bench.desk().secure_data.is_some() {
            self.data.end = Some(End::Fin);
            self.advance();
            return Vec::new();
        }
        let flow = self.bench.desk().flow.as_ref();
        let flow = flow.map(|flow| (flow.direction(), flow.protected(), flow.ascii()));
        let Some((Direction::Send, protected, ascii)) = flow else {
            return Vec::new();
        };
        if self.refused {
            return Vec::new();
        }
        let mut bytes = self.bench.tree.source().to_vec();
        if ascii {
            let source = std::mem::take(&mut bytes);
            Encoder::default().encode(&source, &mut bytes);
        }
        self.bench
            .flow_finished(bytes.len() as u64, data_end(End::Orderly, protected));
        self.data = ClientData::default();
        self.advance();
        bytes
    }

    fn data_end(&mut self, how: End) {
        self.data.end = Some(how);
        self.advance();
    }

    fn account(&self) -> (String, String) {
        (USER.to_owned(), CANARY.to_owned())
    }
}
