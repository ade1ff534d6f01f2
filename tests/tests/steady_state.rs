//! Once warm, the client machine allocates nothing, however many files and commands go through it.
//!
//! A binary of its own: its allocator counts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop the test they help"
)]

use allocation_counter::measure;
use ftp_proto::client::Batching;
use ftp_proto::{
    Client, Config, DataEnd, Desk, Direction, Effect, Event, FlowEnd, Input, Instant, Output,
    Secret, TlsFacts, TlsVersion, TransferOptions,
};

const FACTS: TlsFacts = TlsFacts {
    version: TlsVersion::Tls13,
    resumed: true,
    hello_retry: false,
};

/// A client whose world does at once what it orders. Allocates nothing itself.
struct World {
    client: Client,
    desk: Desk,
    now: Instant,
    finished: u32,
}

impl World {
    fn logged_in(batching: Batching) -> World {
        let mut config = Config::default();
        config.batching = batching;
        let now = Instant::ZERO;
        let mut world = World {
            client: Client::new(config, "192.0.2.1".parse().unwrap(), now),
            desk: Desk::default(),
            now,
            finished: 0,
        };
        let _login = world
            .client
            .login(now, b"alice", Secret::new(b"secret"), None)
            .unwrap();
        for reply in [
            "220 hi\r\n",
            "234 go\r\n",
            "331 password\r\n",
            "230 in\r\n",
            "200 0\r\n",
            "200 private\r\n",
        ] {
            world.reply(reply);
        }
        assert_eq!(world.finished, 1);
        world
    }

    fn reply(&mut self, text: &str) {
        self.client
            .handle(self.now, Input::Control(text.as_bytes()));
        self.run();
    }

    fn run(&mut self) {
        loop {
            let mut report = None;
            while let Some(output) = self.client.poll() {
                match output {
                    Output::Event(Event::Finished { result, .. }) => {
                        assert!(result.is_ok(), "{result:?}");
                        self.finished += 1;
                    }
                    Output::Event(Event::Closed(why)) => panic!("{why:?}"),
                    Output::Event(_) => {}
                    Output::Effect(Effect::SecureControl(order)) => {
                        report = Some(order.secured(FACTS));
                    }
                    Output::Effect(Effect::Connect(order)) => report = Some(order.connected()),
                    Output::Effect(Effect::SecureData(order)) => {
                        report = Some(order.secured(FACTS));
                    }
                    Output::Effect(Effect::Flow(order)) => self.desk.flow = Some(order),
                    Output::Effect(_) => {}
                }
            }
            let waiting = self.client.outgoing().len();
            self.client.consume_outgoing(waiting);
            match report {
                Some(report) => self.client.handle(self.now, Input::Report(report)),
                None if waiting == 0 => return,
                None => {}
            }
        }
    }

    fn flow(&mut self) {
        let order = self.desk.flow.take().unwrap();
        self.client
            .handle(self.now, Input::Progress(order.data(), 500));
        let source_ended = order.direction() == Direction::Send;
        self.client.handle(
            self.now,
            Input::Report(order.finished(FlowEnd {
                bytes: 1000,
                source_ended,
                end: DataEnd::CloseNotify,
            })),
        );
        self.run();
    }

    /// A download, an upload, a listing and two commands.
    fn cycle(&mut self, first: bool) {
        let lock_step = self.client.config().batching == Batching::LockStep;
        let type_due = if first { "200 I\r\n" } else { "" };
        let _ = self
            .client
            .retrieve(
                self.now,
                b"/some/where/file.bin",
                TransferOptions::default(),
            )
            .unwrap();
        self.run();
        self.reply(type_due);
        // From then on 150 tells the size.
        if first && !lock_step {
            self.reply("213 1000\r\n");
        }
        self.reply("229 Entering Extended Passive Mode (|||40000|)\r\n");
        self.reply("150 Opening BINARY mode data connection (1000 bytes)\r\n");
        self.flow();
        self.reply("226 Transfer complete\r\n");

        let _ = self
            .client
            .store(
                self.now,
                b"/some/where/else.bin",
                TransferOptions::default(),
            )
            .unwrap();
        self.run();
        self.reply("229 Entering Extended Passive Mode (|||40001|)\r\n");
        self.reply("150 Ok to send data\r\n");
        self.flow();
        self.reply("226 Transfer complete\r\n");

        let _ = self.client.list(self.now, Some(b"/some/where")).unwrap();
        self.run();
        self.reply("229 Entering Extended Passive Mode (|||40002|)\r\n");
        self.reply("150-Here\r\n it\r\n150 comes\r\n");
        self.flow();
        self.reply("226 Directory send OK\r\n");

        let _ = self.client.change_directory(self.now, b"/some").unwrap();
        self.run();
        self.reply("250 Directory successfully changed\r\n");
        let _ = self.client.noop(self.now).unwrap();
        self.run();
        self.reply("200 NOOP ok\r\n");
    }
}

#[test]
fn a_warm_client_allocates_nothing() {
    for batching in [Batching::Independent, Batching::LockStep] {
        let mut world = World::logged_in(batching);
        world.cycle(true);
        for _ in 0..3 {
            world.cycle(false);
        }
        let before = world.finished;
        let counted = measure(|| {
            for _ in 0..100 {
                world.cycle(false);
            }
        });
        assert_eq!(world.finished - before, 500);
        assert_eq!(
            (counted.count_total, counted.bytes_total),
            (0, 0),
            "{batching:?}: {counted:?}"
        );
    }
}

/// When replies come together is the network's choice, and a machine that has been warmed by one choice is warm for all.
#[test]
fn a_warm_client_allocates_nothing_however_replies_are_cut() {
    const REPLIES: [&str; 3] = [
        "229 Entering Extended Passive Mode (|||40000|)\r\n",
        "150 Opening BINARY mode data connection (1000 bytes)\r\n",
        "226 Transfer complete\r\n",
    ];
    fn fetch(world: &mut World, pieces: &[String]) {
        let options = TransferOptions::default();
        let _ = world
            .client
            .retrieve(world.now, b"/some/where/file.bin", options)
            .unwrap();
        world.run();
        for piece in pieces {
            world.reply(piece);
            if world.desk.flow.is_some() {
                world.flow();
            }
        }
    }
    let alone = REPLIES.map(str::to_owned);
    // Bit by bit: whether the next reply comes together with the one before.
    for joined in 0..1 << (REPLIES.len() - 1) {
        let mut pieces: Vec<String> = Vec::new();
        for (at, reply) in REPLIES.into_iter().enumerate() {
            match pieces.last_mut() {
                Some(piece) if joined << 1 >> at & 1 == 1 => piece.push_str(reply),
                _ => pieces.push(reply.to_owned()),
            }
        }
        let mut world = World::logged_in(Batching::Independent);
        world.cycle(true);
        fetch(&mut world, &alone);
        let before = world.finished;
        let counted = measure(|| fetch(&mut world, &pieces));
        assert_eq!(world.finished - before, 1, "{pieces:?}");
        assert_eq!(counted.count_total, 0, "{pieces:?}: {counted:?}");
    }
}

/// What a machine may take, its own size and what it has allocated, in bytes: there may be thousands.
const MACHINE: i64 = 8 * 1024;

#[test]
fn a_machine_is_small() {
    let size = i64::try_from(size_of::<Client>()).unwrap();
    let mut world = None;
    let up = measure(|| world = Some(World::logged_in(Batching::Independent))).bytes_current;
    let mut world = world.unwrap();
    let used = measure(|| world.cycle(true)).bytes_current;
    println!(
        "a client machine: {size} bytes, and {up} bytes allocated after the login, {} after transfers and a listing",
        up + used
    );
    assert!(
        up > 0 && size + up + used <= MACHINE,
        "{}",
        size + up + used
    );
}

#[test]
fn the_counter_counts() {
    let counted = measure(|| {
        std::hint::black_box(vec![1_u8; 100]);
    });
    assert_eq!((counted.count_total, counted.bytes_total), (1, 100));
}
