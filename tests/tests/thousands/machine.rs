//! What the client machine alone takes: it has no sockets, so it can be weighed by itself.

use allocation_counter::measure;
use ftp_proto::client::{ClearText, Input, Security};
use ftp_proto::{
    Client, Config, DataEnd, Effect, FlowEnd, Instant, Output, Report, Secret, TransferOptions,
};

/// A machine that has logged in takes no more than this, its own size and what it has allocated, in bytes.
const MACHINE: usize = 8 * 1024;

pub(crate) fn print_memory() {
    let size = size_of::<Client>();
    let mut machine = None;
    let up = measure(|| machine = Some(logged_in()));
    let mut machine = machine.unwrap();
    let used = measure(|| {
        list_and_retrieve(&mut machine);
    });
    let up = usize::try_from(up.bytes_current).unwrap();
    let used = usize::try_from(i64::try_from(up).unwrap() + used.bytes_current).unwrap();
    println!(
        "the client machine alone: {size} bytes, and {up} bytes allocated after the login, {used} bytes after a listing and a download"
    );
    assert!(size + used <= MACHINE, "{}", size + used);
}

fn logged_in() -> Client {
    let mut config = Config::default();
    config.security = Security::clear(ClearText::Everybody);
    let now = Instant::ZERO;
    let mut machine = Client::new(config, "192.0.2.1".parse().unwrap(), now);
    let _login = machine
        .login(now, b"alice", Secret::new(b"open sesame"), None)
        .unwrap();
    for reply in ["220 hi\r\n", "331 password\r\n", "230 in\r\n"] {
        hear(&mut machine, reply);
    }
    machine
}

fn list_and_retrieve(machine: &mut Client) {
    let now = Instant::ZERO;
    let _listing = machine.facts(now, Some(b"dir")).unwrap();
    transfer(machine, "200 type\r\n");
    let _download = machine
        .retrieve(now, b"file", TransferOptions::default())
        .unwrap();
    transfer(machine, "213 4096\r\n");
    assert!(machine.is_at_rest());
}

/// One transfer, asked for already.
fn transfer(machine: &mut Client, first: &str) {
    turn(machine);
    hear(machine, first);
    hear(
        machine,
        "229 Entering Extended Passive Mode (|||40000|)\r\n",
    );
    hear(machine, "150 here it comes\r\n");
    hear(machine, "226 done\r\n");
    assert!(machine.is_at_rest(), "{machine:?}");
}

fn hear(machine: &mut Client, text: &str) {
    machine.handle(Instant::ZERO, Input::Control(text.as_bytes()));
    turn(machine);
}

/// Does at once what the machine orders.
fn turn(machine: &mut Client) {
    loop {
        let mut report: Option<Report> = None;
        match machine.poll() {
            None => break,
            Some(Output::Event(_)) => {}
            Some(Output::Effect(effect)) => match effect {
                Effect::Connect(order) => report = Some(order.connected()),
                Effect::Flow(order) => {
                    report = Some(order.finished(FlowEnd {
                        bytes: 4096,
                        source_ended: false,
                        end: DataEnd::Fin,
                    }));
                }
                Effect::CloseData(..) => {}
                other => panic!("not in this story: {other:?}"),
            },
        }
        if let Some(report) = report {
            machine.handle(Instant::ZERO, Input::Report(report));
        }
    }
    let sent = machine.outgoing().len();
    machine.consume_outgoing(sent);
}
