//! A scripted server, and the client machine.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use ftp_proto::{
    Config, DataEnd, DataTarget, Direction, Fault, Input, Refusal, Secret, TicketId, TlsFault,
    TransferOptions,
};

use super::super::script::{After, Ask, Came, End, Handshake, Part, Request, Script};
use super::super::server::{Player, ServerSide, judge};
use super::DEADLINES;
use crate::bench_server::DATA_PORT;
use crate::certs::Certificate;
use crate::rig::{CANARY, Got, PEER, Rig, Seen, USER};

pub(super) fn against_client(script: &Script, config: Config) -> Result<(), String> {
    let Part::Server(part) = &script.part else {
        return Err("it plays no server".to_owned());
    };
    let mut player = Player::new(script).expect("it plays a server");
    let mut side = RigSide::new(Rig::new(config));
    side.trusts = part.client.trusts();
    // An error is a client that does not do what it should; the requests tell what came of it.
    let mut broken = None;
    if !matches!(
        part.asks.first(),
        Some(Ask {
            request: Request::Login | Request::LoginAccount(_),
            ..
        })
    ) {
        let came = side.carry_out(&Request::Login, &mut player, &mut broken);
        if !matches!(came, Came::Done { .. }) {
            return Err(format!("the login: {came:?}\n{}", side.rig.story()));
        }
    }
    for ask in &part.asks {
        let came = side.carry_out(&ask.request, &mut player, &mut broken);
        if !ask.expect.iter().any(|expect| expect.allows(&came)) {
            return Err(format!(
                "{:?}: {came:?}, expected {:?}; {broken:?}\n{}",
                ask.request,
                ask.expect,
                side.rig.story()
            ));
        }
    }
    side.look_for(&part.notes)?;
    if let Some(after) = part.after {
        let came = side.carry_out(&Request::Noop, &mut player, &mut broken);
        if matches!(came, Came::Done { .. }) != (after == After::Usable) {
            return Err(format!(
                "afterwards: {came:?}, expected {after:?}\n{}",
                side.rig.story()
            ));
        }
    }
    judge(part, &player.heard).map_err(|what| format!("{what}\n{}", side.rig.story()))
}

/// The network between a scripted server and a [`Rig`].
struct RigSide {
    rig: Rig,
    trusts: bool,
    /// A passive port is open.
    listening: bool,
    data: Data,
    /// A download to be given up as soon as payload moves.
    peek: Option<TicketId>,
    /// What the client sends in the upload that runs.
    upload: usize,
    sends: usize,
    /// The server has begun: the first request is there before it does.
    begun: bool,
}

/// The data connection as the server sees it.
#[derive(Default)]
struct Data {
    /// Taken, with this handshake if it is to be one.
    taken: Option<Handshake>,
    sent: u64,
    raw: bool,
    read: bool,
    end: Option<End>,
}

impl RigSide {
    fn new(rig: Rig) -> Self {
        RigSide {
            rig,
            trusts: false,
            listening: false,
            data: Data::default(),
            peek: None,
            upload: 0,
            sends: 0,
            begun: false,
        }
    }

    /// Asks, and lets everybody act, and time pass, until it is over.
    fn carry_out(
        &mut self,
        request: &Request,
        player: &mut Player<'_>,
        broken: &mut Option<io::Error>,
    ) -> Came {
        let ticket = match self.ask(request) {
            Ok(ticket) => ticket,
            Err(refusal) => {
                self.play(player, broken);
                return match refusal {
                    Refusal::Closed => Came::Failed("SessionOver".to_owned()),
                    refusal => Came::Refused(format!("{refusal:?}")),
                };
            }
        };
        if matches!(request, Request::Peek(_)) {
            self.peek = Some(ticket);
        }
        for _ in 0..DEADLINES {
            self.play(player, broken);
            if let Some(came) = self.came(ticket, request) {
                return came;
            }
            if self.rig.is_closed() {
                break;
            }
            self.rig.tick_to_deadline_if_any();
        }
        self.came(ticket, request)
            .unwrap_or_else(|| Came::Failed("Never".to_owned()))
    }

    fn play(&mut self, player: &mut Player<'_>, broken: &mut Option<io::Error>) {
        if !std::mem::replace(&mut self.begun, true) {
            *broken = player.connected(self).err();
        }
        loop {
            self.advance();
            let lines = self.rig.sent();
            if lines.is_empty() {
                return;
            }
            for line in lines {
                if broken.is_none()
                    && let Err(error) = player.line(&line, self)
                {
                    // The control connection is gone, as it is over sockets.
                    *broken = Some(error);
                    if !self.rig.is_closed() {
                        self.rig.handle(Input::ControlFailed(Fault::Reset));
                    }
                }
            }
        }
    }

    fn ask(&mut self, request: &Request) -> Result<TicketId, Refusal> {
        macro_rules! ask {
            ($($call:tt)*) => {
                self.rig.try_ask($($call)*).map(|ticket| ticket.id())
            };
        }
        let how = TransferOptions::default();
        let secret = || Secret::new(CANARY.as_bytes());
        let path = |name: &Vec<u8>| (!name.is_empty()).then(|| name.clone());
        if let Request::Put(_, bytes) | Request::Append(_, bytes) | Request::Unique(bytes) = request
        {
            self.upload = bytes.len();
        }
        match request {
            Request::Login => ask!(|c, now| c.login(now, USER.as_bytes(), secret(), None)),
            Request::LoginAccount(account) => {
                ask!(|c, now| c.login(now, USER.as_bytes(), secret(), Some(Secret::new(account))))
            }
            Request::Get(name) | Request::Peek(name) => ask!(|c, now| c.retrieve(now, name, how)),
            Request::Resume(name, offset) => ask!(|c, now| c.retrieve(
                now,
                name,
                TransferOptions {
                    offset: *offset,
                    ..how
                }
            )),
            Request::Put(name, _) => ask!(|c, now| c.store(now, name, how)),
            Request::Append(name, _) => ask!(|c, now| c.append(now, name, how)),
            Request::Unique(_) => ask!(|c, now| c.store_unique(now, None, how)),
            Request::List(name) => ask!(|c, now| c.list(now, path(name).as_deref())),
            Request::Names(name) => ask!(|c, now| c.names(now, path(name).as_deref())),
            Request::Facts(name) => ask!(|c, now| c.facts(now, path(name).as_deref())),
            Request::Noop => ask!(|c, now| c.noop(now)),
            Request::WorkingDirectory => ask!(|c, now| c.working_directory(now)),
            Request::ChangeDirectory(name) => ask!(|c, now| c.change_directory(now, name)),
            Request::MakeDirectory(name) => ask!(|c, now| c.make_directory(now, name)),
            Request::Delete(name) => ask!(|c, now| c.delete(now, name)),
            Request::Rename(from, to) => ask!(|c, now| c.rename(now, from, to)),
            Request::Size(name) => ask!(|c, now| c.size(now, name)),
            Request::Modified(name) => ask!(|c, now| c.modified(now, name)),
            Request::Features => ask!(|c, now| c.features(now)),
            Request::Status => ask!(|c, now| c.status(now, None)),
            Request::Command(line) => ask!(|c, now| c.command(now, line)),
            Request::ClearCommandChannel => ask!(|c, now| c.clear_command_channel(now)),
        }
    }

    fn came(&self, ticket: TicketId, request: &Request) -> Option<Came> {
        let result = self.rig.log().iter().find_map(|seen| match seen {
            Seen::Finished(id, result) if *id == ticket => Some(result),
            _ => None,
        })?;
        Some(match result {
            Ok(Got::Transfer(transfer)) => Came::Done {
                moved: Some(transfer.bytes),
                bytes: None,
            },
            Ok(Got::Reply(reply)) => done_with(reply.code.to_string().into_bytes()),
            Ok(Got::PathName(name)) => done_with(name.clone().unwrap_or_default()),
            Ok(Got::Size(size)) => done_with(size.to_string().into_bytes()),
            Ok(Got::Time(time)) => done_with(time.to_string().into_bytes()),
            Ok(Got::Nothing | Got::Features(_) | Got::Digest(_)) => Came::Done {
                moved: None,
                bytes: None,
            },
            Err(failure) => {
                let kind = format!("{:?}", failure.kind);
                let given_up = matches!(request, Request::Peek(_))
                    && (kind.starts_with("Withdrawn") || kind.starts_with("Aborted"));
                match given_up {
                    true => Came::Done {
                        moved: None,
                        bytes: None,
                    },
                    false => Came::Failed(kind),
                }
            }
        })
    }

    fn look_for(&self, notes: &[String]) -> Result<(), String> {
        let told: Vec<String> = self
            .rig
            .notes()
            .iter()
            .map(|note| format!("{note:?}"))
            .collect();
        match notes
            .iter()
            .find(|wanted| !told.iter().any(|note| note.starts_with(*wanted)))
        {
            Some(wanted) => Err(format!("no note {wanted}, but {told:?}")),
            None => Ok(()),
        }
    }

    /// Lets the network do what it can.
    fn advance(&mut self) {
        loop {
            if self.rig.is_closed() {
                return;
            }
            let desk = self.rig.desk();
            if let Some(connect) = &desk.connect {
                let target = connect.target();
                let right = matches!(target, DataTarget::Peer { port: DATA_PORT });
                assert!(
                    right || self.trusts || !self.listening,
                    "connects to {target:?}"
                );
                if std::mem::take(&mut self.listening) && right {
                    self.rig.data_connected();
                } else {
                    self.rig.data_failed(Fault::Refused);
                }
            } else if desk.listen.is_some() {
                self.rig.listening("198.51.100.7:50000");
            } else if desk.accept.is_some() && self.data.taken.is_some() {
                self.rig.accepted(PEER);
            } else if desk.secure_data.is_some()
                && let Some(how) = &self.data.taken
            {
                match fault(how).or_else(|| self.data.raw.then_some(TlsFault::NotTls)) {
                    Some(fault) => self.rig.data_insecure(fault),
                    None => self.rig.data_secured(),
                };
            } else if desk.secure_data.is_some() && self.data.end.is_some() {
                self.rig.data_insecure(TlsFault::ClosedAtHello);
            } else if desk.flow.is_some() {
                if let Some(ticket) = self.peek.take() {
                    // Refused if it is just over.
                    let _ = self.rig.withdraw(ticket);
                } else if let Some(end) = self.data.end {
                    self.finish(end);
                } else {
                    return;
                }
            } else {
                return;
            }
        }
    }

    /// The payload has moved and the data connection has ended.
    fn finish(&mut self, end: End) {
        let order = self.rig.desk().flow.as_ref().expect("a flow");
        let (sends, protected) = (order.direction() == Direction::Send, order.protected());
        let data = std::mem::take(&mut self.data);
        let bytes = match (sends, data.read) {
            (true, true) => self.upload as u64,
            (true, false) => 0,
            (false, _) => data.sent,
        };
        let end = match end {
            End::Reset => DataEnd::Failed(Fault::Reset),
            // What nobody reads is answered by a reset.
            _ if sends && !data.read => DataEnd::Failed(Fault::Reset),
            End::Orderly if protected => DataEnd::CloseNotify,
            End::Orderly | End::Fin => DataEnd::Fin,
        };
        self.rig.flow_finished(bytes, end);
    }
}

fn done_with(bytes: Vec<u8>) -> Came {
    Came::Done {
        moved: None,
        bytes: Some(bytes),
    }
}

/// What comes of a handshake, if it fails.
pub(super) fn fault(how: &Handshake) -> Option<TlsFault> {
    Some(match how {
        Handshake::Good => return None,
        Handshake::Garbage(_) => TlsFault::NotTls,
        Handshake::Dropped(End::Reset) => TlsFault::Reset,
        Handshake::Dropped(_) => TlsFault::ClosedAtHello,
        Handshake::With(Certificate::WrongName) => TlsFault::WrongName,
        Handshake::With(Certificate::Expired | Certificate::NotYetValid) => TlsFault::Expired,
        Handshake::With(_) => TlsFault::UnknownIssuer,
        // As the TLS channel has it: the data connection is somebody else's.
        Handshake::Other => TlsFault::Certificate,
    })
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl ServerSide for RigSide {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.rig.is_closed() {
            return Err(gone());
        }
        self.sends += 1;
        // Each of these checks is as long as what came, and floods are not made of pieces worth cutting. What comes behind a reply that
        // switches protection is found out sooner or later, depending on the piece.
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let switches = bytes.starts_with(b"234") || bytes.starts_with(b"200");
        let behind = lines > 1 || !bytes.ends_with(b"\n");
        self.rig.checks_splits = bytes.len() <= 400 && self.sends <= 100 && !(switches && behind);
        self.rig.checks_silence = self.sends <= 100;
        self.rig.bytes(bytes);
        self.advance();
        Ok(())
    }

    fn tls(&mut self, how: &Handshake) -> io::Result<()> {
        if self.rig.desk().secure_control.is_none() {
            return Err(gone());
        }
        match fault(how) {
            None => self.rig.secure_ok(),
            Some(fault) => self.rig.secure_failed(fault),
        };
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.rig.desk().clear_control.is_none() {
            return Err(gone());
        }
        self.rig.cleared();
        Ok(())
    }

    fn end(&mut self, how: End) -> io::Result<()> {
        if !self.rig.is_closed() {
            match how {
                End::Reset => self.rig.handle(Input::ControlFailed(Fault::Reset)),
                _ => self.rig.eof(),
            };
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) {
        if !self.rig.is_closed() {
            self.rig.pass(time);
        }
    }

    fn listen(&mut self) -> io::Result<(IpAddr, u16)> {
        self.listening = true;
        self.data = Data::default();
        Ok((PEER.parse().expect("an address"), DATA_PORT))
    }

    fn active(&mut self, _port: u16) {
        self.data = Data::default();
    }

    fn data(&mut self, _private: bool, how: &Handshake) -> io::Result<()> {
        self.data.taken = Some(how.clone());
        self.advance();
        Ok(())
    }

    fn data_send(&mut self, bytes: &[u8], raw: bool) -> io::Result<()> {
        self.data.sent += bytes.len() as u64;
        self.data.raw |= raw;
        if raw && self.data.taken.is_none() {
            self.data.taken = Some(Handshake::Good);
        }
        self.advance();
        Ok(())
    }

    fn data_read(&mut self) -> io::Result<Vec<u8>> {
        self.data.read = true;
        Ok(vec![b'x'; self.upload])
    }

    fn data_end(&mut self, how: End) -> io::Result<()> {
        self.data.end = Some(how);
        self.advance();
        Ok(())
    }

    fn data_refuse(&mut self) {
        self.listening = false;
    }

    fn stranger(&mut self, from: IpAddr, _bytes: &[u8]) -> io::Result<()> {
        self.advance();
        if self.rig.desk().accept.is_some() {
            // Loopback is the server's own there, and another host here.
            assert!(from.is_loopback(), "strangers come from loopback");
            self.rig.accepted("192.0.2.66");
        }
        Ok(())
    }
}
