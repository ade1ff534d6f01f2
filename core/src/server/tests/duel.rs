//! The client machine against the server machine: the two read the standards alike, however the bytes and the reports fall (IX-10).

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::bench::{LOCAL, PEER, stored, tls};
use super::wander::Dice;
use crate::client::{self, Client, DataMode, DataModes, TransferOptions};
use crate::order::{DataEnd, Desk, Direction, FlowEnd, Tickets};
use crate::output::{self, Effect};
use crate::secret::Secret;
use crate::server::{self, Answer, Closing, Event, HashAlgorithm, Output, Rights, Server};
use crate::time::Instant;

/// Two machines, the wire between them, and the world around.
struct Duel {
    client: Client,
    server: Server,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    client_desk: Desk,
    server_desk: Desk,
    answers: Vec<Answer>,
    finished: Vec<Result<(), alloc::string::String>>,
    closed: Option<Closing>,
    now: Instant,
}

impl Duel {
    fn new(client: client::Config, server: server::Config) -> Duel {
        let now = Instant::from_millis(5);
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        Duel {
            client: Client::new(client, address(LOCAL).ip(), now),
            server: Server::new(server, address(PEER), address(LOCAL), now),
            to_server: Vec::new(),
            to_client: Vec::new(),
            client_desk: Desk::default(),
            server_desk: Desk::default(),
            answers: Vec::new(),
            finished: Vec::new(),
            closed: None,
            now,
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.client.poll() {
            match output {
                output::Output::Effect(effect) => put(effect, &mut self.client_desk),
                output::Output::Event(output::Event::Finished { result, .. }) => {
                    self.finished.push(
                        result
                            .map(|_| ())
                            .map_err(|failure| alloc::format!("{failure:?}")),
                    );
                }
                output::Output::Event(_) => {}
            }
        }
        while let Some(output) = self.server.poll() {
            match output {
                Output::Effect(effect) => put(effect, &mut self.server_desk),
                Output::Question(question) => {
                    self.answers.push(stored(question, Rights::ALL, &mut 0));
                }
                Output::Event(Event::Closed(closing)) => self.closed = Some(closing),
                Output::Event(_) => {}
            }
        }
    }

    /// One thing that can happen, chosen by the dice; false if nothing can.
    fn step(&mut self, dice: &mut Dice) -> bool {
        self.drain();
        let first = dice.below(8);
        (0..8).any(|offset| self.happens((first + offset) % 8, dice))
    }

    fn happens(&mut self, what: usize, dice: &mut Dice) -> bool {
        let now = self.now;
        match what {
            0 => {
                let n = some(self.client.outgoing().len(), dice);
                self.to_server
                    .extend_from_slice(&self.client.outgoing()[..n]);
                self.client.consume_outgoing(n);
                n > 0
            }
            1 => {
                let n = some(self.server.outgoing().len(), dice);
                self.to_client
                    .extend_from_slice(&self.server.outgoing()[..n]);
                self.server.consume_outgoing(n);
                n > 0
            }
            2 if self.server.reads_control() => {
                let n = some(self.to_server.len(), dice);
                let bytes: Vec<u8> = self.to_server.drain(..n).collect();
                self.server.handle(now, server::Input::Control(&bytes));
                n > 0
            }
            3 if self.client.reads_control() => {
                let n = some(self.to_client.len(), dice);
                let bytes: Vec<u8> = self.to_client.drain(..n).collect();
                self.client.handle(now, client::Input::Control(&bytes));
                n > 0
            }
            4 => match self.answers.pop() {
                Some(answer) => {
                    self.server.handle(now, server::Input::Answer(answer));
                    true
                }
                None => false,
            },
            5 => self.listeners(),
            6 => self.handshakes(dice),
            7 => self.data(dice),
            _ => false,
        }
    }

    fn listeners(&mut self) -> bool {
        let at: SocketAddr = "192.0.2.1:50000".parse().unwrap();
        let mine: SocketAddr = "192.0.2.7:50001".parse().unwrap();
        if let Some(order) = self.server_desk.listen.take() {
            self.server
                .handle(self.now, server::Input::Report(order.listening(at)));
            true
        } else if let Some(order) = self.client_desk.listen.take() {
            self.client
                .handle(self.now, client::Input::Report(order.listening(mine)));
            true
        } else {
            false
        }
    }

    /// TLS needs both ends, and takes effect at each in its own time.
    fn handshakes(&mut self, dice: &mut Dice) -> bool {
        let pairs = [
            (
                &mut self.client_desk.secure_control,
                &mut self.server_desk.secure_control,
                true,
            ),
            (
                &mut self.client_desk.secure_data,
                &mut self.server_desk.secure_data,
                true,
            ),
            (
                &mut self.client_desk.clear_control,
                &mut self.server_desk.clear_control,
                false,
            ),
        ];
        for (client, server, secures) in pairs {
            if client.is_none() || server.is_none() {
                continue;
            }
            let (Some(client), Some(server)) = (client.take(), server.take()) else {
                return false;
            };
            let (client, server) = if secures {
                (client.secured(tls(true)), server.secured(tls(true)))
            } else {
                (client.cleared(), server.cleared())
            };
            let client_first = dice.one_in(2);
            if client_first {
                self.client.handle(self.now, client::Input::Report(client));
                self.server.handle(self.now, server::Input::Report(server));
            } else {
                self.server.handle(self.now, server::Input::Report(server));
                self.client.handle(self.now, client::Input::Report(client));
            }
            self.client
                .handle(self.now, client::Input::Tickets(Tickets::Unlimited));
            return true;
        }
        false
    }

    fn data(&mut self, dice: &mut Dice) -> bool {
        let (client, server) = (&mut self.client_desk, &mut self.server_desk);
        let client_ip = "192.0.2.7".parse().unwrap();
        let server_ip = "192.0.2.1".parse().unwrap();
        if client.connect.is_some() && server.accept.is_some() {
            let (Some(connect), Some(accept)) = (client.connect.take(), server.accept.take())
            else {
                return false;
            };
            self.client
                .handle(self.now, client::Input::Report(connect.connected()));
            self.server
                .handle(self.now, server::Input::Report(accept.accepted(client_ip)));
            return true;
        }
        if client.accept.is_some() && server.connect.is_some() {
            let (Some(accept), Some(connect)) = (client.accept.take(), server.connect.take())
            else {
                return false;
            };
            self.server
                .handle(self.now, server::Input::Report(connect.connected()));
            self.client
                .handle(self.now, client::Input::Report(accept.accepted(server_ip)));
            return true;
        }
        if client.flow.is_none() || server.flow.is_none() {
            return false;
        }
        let (Some(mine), Some(theirs)) = (client.flow.take(), server.flow.take()) else {
            return false;
        };
        assert_ne!(mine.direction(), theirs.direction());
        assert_eq!(mine.protected(), theirs.protected());
        let end = if mine.protected() {
            DataEnd::CloseNotify
        } else {
            DataEnd::Fin
        };
        let ended = |direction| FlowEnd {
            bytes: 10,
            source_ended: direction == Direction::Send,
            end,
        };
        let mine = (ended(mine.direction()), mine);
        let theirs = (ended(theirs.direction()), theirs);
        let client = client::Input::Report(mine.1.finished(mine.0));
        let server = server::Input::Report(theirs.1.finished(theirs.0));
        if dice.one_in(2) {
            self.client.handle(self.now, client);
            self.server.handle(self.now, server);
        } else {
            self.server.handle(self.now, server);
            self.client.handle(self.now, client);
        }
        true
    }
}

/// All, or a piece.
fn some(all: usize, dice: &mut Dice) -> usize {
    if all > 1 && dice.one_in(2) {
        1 + dice.below(all - 1)
    } else {
        all
    }
}

fn put(effect: Effect, desk: &mut Desk) {
    match effect {
        Effect::SecureControl(order) => desk.secure_control = Some(order),
        Effect::ClearControl(order) => desk.clear_control = Some(order),
        Effect::CloseControl => {}
        Effect::Connect(order) => desk.connect = Some(order),
        Effect::Listen(order) => desk.listen = Some(order),
        Effect::Accept(order) => desk.accept = Some(order),
        Effect::SecureData(order) => desk.secure_data = Some(order),
        Effect::Flow(order) => desk.flow = Some(order),
        Effect::CloseData(data, _) => desk.forget(data),
    }
}

/// Everything a client can ask for, through to QUIT.
fn run(client: &client::Config, server: &server::Config, seed: u64) {
    let mut duel = Duel::new(client.clone(), server.clone());
    let mut dice = Dice(seed);
    let now = duel.now;
    let ascii = TransferOptions {
        ascii: true,
        ..TransferOptions::default()
    };
    let rest = TransferOptions {
        offset: 10,
        ..TransferOptions::default()
    };
    let machine = &mut duel.client;
    let secret = Secret::new(b"secret");
    let _ = machine.login(now, b"alice", secret, None).unwrap();
    let _ = machine.features(now).unwrap();
    let _ = machine.change_directory(now, b"/dir").unwrap();
    let _ = machine.working_directory(now).unwrap();
    let _ = machine.change_to_parent(now).unwrap();
    let _ = machine.facts(now, None).unwrap();
    let _ = machine
        .retrieve(now, b"file", TransferOptions::default())
        .unwrap();
    let _ = machine.retrieve(now, b"file", ascii).unwrap();
    let _ = machine
        .store(now, b"new", TransferOptions::default())
        .unwrap();
    let _ = machine
        .append(now, b"new", TransferOptions::default())
        .unwrap();
    let _ = machine
        .store_unique(now, None, TransferOptions::default())
        .unwrap();
    let _ = machine.entry(now, Some(b"/file")).unwrap();
    let _ = machine.size(now, b"/file").unwrap();
    let _ = machine.modified(now, b"/file").unwrap();
    let mut asked = 14;
    let mut sent_more = false;
    for _ in 0..20_000 {
        if duel.step(&mut dice) {
            continue;
        }
        if sent_more {
            break;
        }
        // The line of requests is bounded; the rest follows.
        sent_more = true;
        let machine = &mut duel.client;
        let _ = machine.store(now, b"new", rest).unwrap();
        let _ = machine.rename(now, b"/file", b"/other").unwrap();
        let _ = machine.make_directory(now, b"made").unwrap();
        let _ = machine.remove_directory(now, b"/dir").unwrap();
        let _ = machine.delete(now, b"/file").unwrap();
        let _ = machine.system(now).unwrap();
        let _ = machine.noop(now).unwrap();
        let _ = machine.command(now, b"HASH /file").unwrap();
        let _ = machine.list(now, Some(b"/dir")).unwrap();
        let _ = machine.names(now, None).unwrap();
        let _ = machine.quit(now).unwrap();
        asked += 11;
    }
    for (index, result) in duel.finished.iter().enumerate() {
        assert_eq!(*result, Ok(()), "seed {seed}, request {index}");
    }
    assert_eq!(
        duel.finished.len(),
        asked,
        "seed {seed}: {:?} {:?}",
        duel.client,
        duel.server
    );
    assert_eq!(duel.closed, Some(Closing::Quit), "seed {seed}");
    assert!(duel.client_desk.is_empty() && duel.server_desk.is_empty());
}

fn servers(security: server::Security) -> server::Config {
    let mut config = server::Config::new(security);
    config.hashes = Vec::from(HashAlgorithm::ALL);
    config
}

fn clients(security: client::Security, modes: &[DataMode]) -> client::Config {
    client::Config {
        security,
        data_modes: DataModes::new(modes).unwrap(),
        ..client::Config::default()
    }
}

#[test]
fn ix_10_every_request_succeeds_in_every_data_mode_and_protection() {
    let everybody = client::ClearText::Everybody;
    let cells = [
        (client::Security::required(), server::Security::required()),
        (
            client::Security::required(),
            server::Security::required().require_reuse(),
        ),
        (client::Security::implicit(), server::Security::implicit()),
        (
            client::Security::required().clear_data(),
            server::Security::optional(),
        ),
        (
            client::Security::clear(everybody),
            server::Security::optional(),
        ),
        (
            client::Security::required().or_clear(everybody),
            server::Security::clear(),
        ),
    ];
    for (client, server) in cells {
        for mode in [
            DataMode::Epsv,
            DataMode::Pasv,
            DataMode::Eprt,
            DataMode::Port,
        ] {
            for batching in [client::Batching::Independent, client::Batching::LockStep] {
                let mut client = clients(client, &[mode]);
                client.batching = batching;
                for seed in 0..12 {
                    run(&client, &servers(server), seed);
                }
            }
        }
    }
}
