//! A session in memory: our sockets, the server, and the loop between them.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::io::{self, ErrorKind, Write};

use super::super::*;
use crate::client::{ClearText, Config, DataMode, DataModes, Security, TransferOptions};
use crate::error::FailureKind;
use crate::order::DataEnd;
use crate::pipe::flow::Shut;
use crate::pipe::tests::{End, connection};
use crate::pipe::{Link, Pipe};
use crate::secret::Secret;
use crate::ticket::{Operation, Ticket, Transferred};
use crate::tls::tests::{NAME, World};
use crate::tls::{ServerTlsSession, Version};

pub(super) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(super) const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9));
pub(super) const FILE: &[u8] = b"the quick brown fox jumps over the lazy dog";

/// Our side: what the system does when it is asked.
pub(super) struct Host {
    pub(super) control: Option<End>,
    pub(super) data: Option<End>,
    /// The data connection that comes next, from wherever.
    pub(super) next: Option<End>,
    pub(super) connect: Option<ErrorKind>,
    pub(super) connected: Option<ErrorKind>,
    pub(super) listen: Option<ErrorKind>,
    pub(super) accept: VecDeque<Result<IpAddr, ErrorKind>>,
    /// The data connections that were closed: whether by a reset.
    pub(super) closed: Vec<bool>,
    /// How often it was looked what the sockets are ready for.
    pub(super) looks: u32,
}

impl Sockets for Host {
    fn control(&mut self) -> Option<&mut dyn Transport> {
        Some(self.control.as_mut()?)
    }

    fn close_control(&mut self) {
        self.control = None;
    }

    fn connect(&mut self, _: DataTarget) -> io::Result<()> {
        self.connect.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn connected(&mut self) -> io::Result<bool> {
        if let Some(kind) = self.connected {
            return Err(kind.into());
        }
        self.data = self.next.take();
        Ok(self.data.is_some())
    }

    fn listen(&mut self) -> io::Result<SocketAddr> {
        match self.listen {
            None => Ok(([192, 0, 2, 77], 4000).into()),
            Some(kind) => Err(kind.into()),
        }
    }

    fn accept(&mut self) -> io::Result<Option<IpAddr>> {
        let Some(accepted) = self.accept.pop_front() else {
            return Ok(None);
        };
        let peer = accepted?;
        self.data = match peer == SERVER {
            true => self.next.take(),
            false => Some(connection(1).0),
        };
        Ok(Some(peer))
    }

    fn data(&mut self) -> Option<&mut dyn Transport> {
        Some(self.data.as_mut()?)
    }

    fn close_data(&mut self) {
        if let Some(data) = self.data.take() {
            self.closed.push(data.close());
        }
    }

    fn look(&mut self) -> io::Result<()> {
        self.looks += 1;
        Ok(())
    }
}

/// The server: what it says to which command, and its side of TLS.
pub(super) struct Server {
    pub(super) end: End,
    pub(super) link: Link,
    pub(super) tls: Option<ServerTlsSession>,
    pub(super) answers: Vec<(&'static str, &'static str)>,
    pub(super) heard: Vec<String>,
    pub(super) out: Vec<u8>,
    /// The reply behind which TLS begins, or ends, is still to be sent.
    pub(super) turns: Option<Turn>,
    pub(super) private: bool,
    pub(super) data: Option<(End, Pipe)>,
    /// What it says on a data connection in place of TLS.
    pub(super) instead_of_tls: Option<&'static [u8]>,
    /// What is downloaded, and how much of it has gone.
    pub(super) file: Vec<u8>,
    fed: usize,
    /// Downloads do not end.
    pub(super) stalls: bool,
    /// Uploads are not confirmed, and their connections are kept.
    pub(super) keeps: bool,
    /// Uploads are talked into.
    pub(super) talks: bool,
    /// Its data connections bring TLS 1.3 tickets.
    pub(super) tickets: bool,
    pub(super) took: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Turn {
    Secure,
    Clear,
    Clearing,
}

impl Server {
    /// The usual answers, behind those of the test.
    const USUAL: [(&'static str, &'static str); 16] = [
        ("AUTH", "234 go"),
        ("PBSZ", "200 ok"),
        ("PROT", "200 ok"),
        ("USER", "331 who"),
        ("PASS", "230 in"),
        ("TYPE", "200 ok"),
        ("SIZE", "550 no"),
        ("EPSV", "229 go (|||50000|)"),
        ("EPRT", "200 ok"),
        ("RETR", "150 go\r\n226 done"),
        ("STOR", "150 go"),
        ("NOOP", "200 ok"),
        ("ABOR", "226 ok"),
        ("CCC", "200 in clear"),
        ("PWD", "257 \"/\""),
        ("QUIT", "221 bye"),
    ];

    /// True if it did something.
    pub(super) fn turn(&mut self) -> bool {
        let mut moved = self.link.fill(&mut self.end);
        while let Some(end) = self.link.plain().iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.link.plain()[..end]).to_string();
            self.link.consume(end + 1);
            self.hear(line.trim_end());
            moved = true;
        }
        if !self.out.is_empty() {
            let sent = self.link.send(&self.out, &mut self.end);
            self.out.drain(..sent);
            moved = true;
        }
        moved |= self.link.flush(&mut self.end) && self.link.wants_write();
        match self.turns {
            Some(Turn::Secure) if self.out.is_empty() => {
                self.turns = None;
                if let Some(tls) = &self.tls {
                    self.link.secure(tls.accept().unwrap());
                }
            }
            Some(Turn::Clear) if self.out.is_empty() => {
                self.link.close();
                self.turns = Some(Turn::Clearing);
            }
            Some(Turn::Clearing) if self.link.cleared().is_some() => self.turns = None,
            _ => {}
        }
        self.feed();
        if let Some((end, pipe)) = &mut self.data {
            moved |= pipe.carry(end);
            let count = pipe.plain().len();
            self.took.extend(pipe.plain());
            pipe.consume(count);
            if count > 0 || pipe.link().wants_write() {
                // Readiness comes and goes.
                return true;
            }
            let receives = pipe.direction() == Some(Direction::Receive);
            if receives
                && !self.keeps
                && let Some(ended) = pipe.ended()
            {
                self.out.extend(match ended.end {
                    DataEnd::Fin | DataEnd::CloseNotify => &b"226 done\r\n"[..],
                    _ => b"426 cut\r\n",
                });
                if let Some((end, _)) = self.data.take() {
                    end.close();
                }
                return true;
            }
            if !receives {
                pipe.shut_down(end);
            }
        }
        moved
    }

    pub(super) fn hear(&mut self, line: &str) {
        self.heard.push(line.to_string());
        let verb = line.split(' ').next().unwrap();
        let found = |table: &[(&str, &'static str)]| {
            let mut table = table.iter();
            table.find(|(asked, _)| *asked == verb).map(|found| found.1)
        };
        let reply = found(&self.answers).or_else(|| found(&Self::USUAL));
        let reply = reply.unwrap_or("500 what");
        self.out.extend(reply.as_bytes());
        self.out.extend(b"\r\n");
        match (verb, reply.starts_with('2')) {
            ("AUTH", true) => self.turns = Some(Turn::Secure),
            ("CCC", true) => self.turns = Some(Turn::Clear),
            ("PROT", true) => self.private = line.ends_with('P'),
            ("RETR", _) if reply.starts_with('1') => self.flow(Direction::Send),
            ("STOR", _) if reply.starts_with('1') => self.flow(match self.talks {
                true => Direction::Send,
                false => Direction::Receive,
            }),
            _ => {}
        }
    }

    /// More of the file goes, as far as there is room.
    fn feed(&mut self) {
        let Some((_, pipe)) = &mut self.data else {
            return;
        };
        if pipe.direction() != Some(Direction::Send) {
            return;
        }
        self.fed += pipe.put(&self.file[self.fed..]);
        if self.fed == self.file.len() && !self.stalls {
            pipe.source_ended();
        }
    }

    pub(super) fn flow(&mut self, direction: Direction) {
        let Some((end, pipe)) = &mut self.data else {
            return;
        };
        if let Some(words) = self.instead_of_tls {
            while end.write(words).is_err() {}
            end.shut(Shut::Sending);
            self.data = None;
            return;
        }
        pipe.renew();
        if let Some(tls) = self.tls.as_ref().filter(|_| self.private) {
            let channel = match self.tickets {
                true => tls.accept(),
                false => tls.accept_without_tickets(),
            };
            pipe.secure(channel.unwrap());
        }
        pipe.begin(direction, false);
        self.fed = 0;
        self.feed();
    }
}

pub(super) struct Scene {
    pub(super) engine: Engine,
    pub(super) host: Host,
    pub(super) server: Server,
    pub(super) now: Instant,
    /// Connections are always ready, so that what does not move by itself never does.
    steady: bool,
}

impl Scene {
    pub(super) fn new(config: Config, tls: Option<(TlsSession, ServerTlsSession)>) -> Scene {
        let (control, mut end) = connection(1 << 20);
        while end.write(b"220 hi\r\n").is_err() {}
        let (ours, theirs) = tls.unzip();
        let mut scene = Scene {
            engine: Engine::new(Machine::new(config, SERVER, Instant::ZERO), ours),
            host: Host {
                control: Some(control),
                data: None,
                next: None,
                connect: None,
                connected: None,
                listen: None,
                accept: VecDeque::new(),
                closed: Vec::new(),
                looks: 0,
            },
            server: Server {
                end,
                link: Link::new(4096),
                tls: theirs,
                answers: Vec::new(),
                heard: Vec::new(),
                out: Vec::new(),
                turns: None,
                private: false,
                data: None,
                instead_of_tls: None,
                file: FILE.to_vec(),
                fed: 0,
                stalls: false,
                keeps: false,
                talks: false,
                tickets: true,
                took: Vec::new(),
            },
            now: Instant::ZERO,
            steady: false,
        };
        scene.dial();
        scene
    }

    /// On connections that are always ready.
    pub(super) fn steady(mut self) -> Scene {
        self.steady = true;
        let control = self.host.control.as_mut().unwrap();
        (control.steady, self.server.end.steady) = (true, true);
        self.dial();
        self
    }

    pub(super) fn clear() -> Scene {
        Scene::new(in_clear(), None)
    }

    pub(super) fn under_tls(security: Security) -> Scene {
        Scene::with_tickets(security, 2, Version::Tls13)
    }

    /// Under this version, with so many tickets for each connection.
    pub(super) fn with_tickets(security: Security, tickets: usize, version: Version) -> Scene {
        let world = World::new();
        let client = world.client().max_version(version).build().unwrap();
        let server = world.server().tickets(tickets).build().unwrap();
        let mut config = only(DataMode::Epsv);
        config.security = security;
        let sessions = (client.session(NAME).unwrap(), server.session());
        Scene::new(config, Some(sessions))
    }

    /// The next data connection.
    pub(super) fn dial(&mut self) {
        let (mut ours, mut theirs) = connection(1 << 20);
        (ours.steady, theirs.steady) = (self.steady, self.steady);
        self.host.next = Some(ours);
        self.server.data = Some((theirs, Pipe::new(4096)));
    }

    pub(super) fn login(&mut self) -> Result<(), Error> {
        let machine = self.engine.machine_mut();
        let ticket = machine.login(self.now, b"joe", Secret::new(b"hunter2"), None)?;
        self.play(&ticket, Payload::None)
    }

    pub(super) fn noop(&mut self) -> Result<(), Error> {
        let ticket = self.engine.machine_mut().noop(self.now)?;
        self.play(&ticket, Payload::None).map(|_| ())
    }

    pub(super) fn retrieve(&mut self) -> Ticket<Transferred> {
        let machine = self.engine.machine_mut();
        let asked = machine.retrieve(self.now, b"f", TransferOptions::default());
        let ticket = asked.unwrap();
        self.engine.expect(ticket.id());
        ticket
    }

    pub(super) fn store(&mut self) -> Ticket<Transferred> {
        let machine = self.engine.machine_mut();
        let asked = machine.store(self.now, b"f", TransferOptions::default());
        let ticket = asked.unwrap();
        self.engine.expect(ticket.id());
        ticket
    }

    pub(super) fn download(&mut self) -> Result<Vec<u8>, Error> {
        let ticket = self.retrieve();
        let mut got = Vec::new();
        self.play(&ticket, Payload::Sink(&mut got))?;
        Ok(got)
    }

    /// Steps until the request has ended.
    pub(super) fn play<O: Operation>(
        &mut self,
        ticket: &Ticket<O>,
        payload: Payload<'_>,
    ) -> Result<O::Done, Error> {
        let mut result = None;
        let mut call = Call::transfer(ticket.id(), payload);
        let step = self.steps(&mut call, &mut |event| {
            if let Some(ended) = ticket.claim(event) {
                result = Some(ended);
            }
            result.is_some()
        });
        match result {
            Some(Ok(done)) => Ok(done),
            Some(Err(failure)) => Err(self.engine.explain(failure)),
            None => {
                assert_eq!(step, Step::Closed, "{:?}", self.server.heard);
                Err(self.engine.over())
            }
        }
    }

    /// Steps until the call has what it waits for, or the session is over.
    pub(super) fn steps(
        &mut self,
        call: &mut Call<'_>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Step {
        for _ in 0..10_000 {
            match self.settle(call, done) {
                Step::Waits(until) => self.now = until.expect("waits for ever").max(self.now),
                step => return step,
            }
        }
        panic!("does not end: {:?}", self.server.heard);
    }

    /// The same, or until nothing moves any more unless time passes.
    pub(super) fn settle(
        &mut self,
        call: &mut Call<'_>,
        done: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Step {
        let mut quiet = 0;
        for _ in 0..100_000 {
            let step = self.engine.step(self.now, &mut self.host, call, done);
            let step = step.unwrap();
            if self.steady && matches!(step, Step::Waits(_)) {
                // It has done what there is to do.
                let sent = self.sent();
                let again = self.engine.step(self.now, &mut self.host, call, done);
                assert!(matches!(again, Ok(Step::Waits(_))), "{again:?}");
                assert_eq!(self.sent(), sent);
            }
            let spoke = self.server.turn();
            match step {
                Step::Moved => quiet = 0,
                Step::Waits(_) if spoke => quiet = 0,
                // Readiness comes and goes.
                Step::Waits(_) if quiet < 8 => quiet += 1,
                step => return step,
            }
        }
        panic!("does not end: {:?}", self.server.heard);
    }

    fn sent(&self) -> [Option<usize>; 2] {
        [&self.host.control, &self.host.data].map(|end| end.as_ref().map(End::sent))
    }
}

pub(super) fn in_clear() -> Config {
    Config {
        security: Security::clear(ClearText::Everybody),
        ..Config::default()
    }
}

/// In clear, with one way to data connections.
pub(super) fn only(mode: DataMode) -> Config {
    Config {
        data_modes: DataModes::new(&[mode]).unwrap(),
        ..in_clear()
    }
}

pub(super) fn kind(error: &Error) -> FailureKind {
    error.failure().unwrap_or_else(|| panic!("{error}")).kind
}
