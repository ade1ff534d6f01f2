//! How firmware would drive the machine: no standard library in the loop, one fixed buffer, payload handed on in place, nothing allocated
//! once the first file has moved.
//!
//! `firmware HOST:PORT FILE...` fetches files as anonymous in clear text from a server on the same bench, each twice, and says what it
//! allocated. Everything above `main` would be the firmware; below, sockets of the desk take the place of its modem.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a driver"
)]

use core::net::{IpAddr, SocketAddr};

use ftp_proto::client::{ClearText, SizeCheck};
use ftp_proto::{
    Client, Config, DataEnd, DataId, DataTarget, Effect, Fault, FlowEnd, FlowOrder, Input, Instant,
    Output, Refusal, Report, Secret, Ticket, TransferOptions, Transferred,
};

/// What the modem's sockets can do. `None`: nothing now.
trait Modem {
    fn now(&self) -> Instant;
    fn send(&mut self, bytes: &[u8]) -> Option<usize>;
    fn receive(&mut self, into: &mut [u8]) -> Option<usize>;
    fn open_data(&mut self, port: u16) -> bool;
    fn receive_data(&mut self, into: &mut [u8]) -> Option<usize>;
    fn close_data(&mut self);
    fn close(&mut self);
    fn idle(&mut self);
}

/// The machine with all the memory the loop has.
struct Device {
    client: Client,
    buffer: [u8; 512],
    flow: Option<(FlowOrder, u64)>,
}

impl Device {
    fn new(server: IpAddr, now: Instant) -> Result<Self, Refusal> {
        let mut config = Config::default();
        config.security = ftp_proto::client::Security::clear(ClearText::Anonymous);
        config.size_check = SizeCheck::Always;
        let mut client = Client::new(config, server, now);
        let _login = client.login(now, b"anonymous", Secret::new(b"device@"), None)?;
        Ok(Device {
            client,
            buffer: [0; 512],
            flow: None,
        })
    }

    /// One file, its bytes handed to `take` as they come. Its size is returned once it is proved whole.
    fn fetch(
        &mut self,
        modem: &mut impl Modem,
        path: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<u64, &'static str> {
        let asked = self
            .client
            .retrieve(modem.now(), path, TransferOptions::default());
        let ticket = asked.map_err(|_| "not possible now")?;
        loop {
            if let Some(result) = self.drain(modem, ticket) {
                return result;
            }
            if !self.turn(modem, &mut take) {
                modem.idle();
            }
        }
    }

    /// Everything the machine has to say.
    fn drain(
        &mut self,
        modem: &mut impl Modem,
        ticket: Ticket<Transferred>,
    ) -> Option<Result<u64, &'static str>> {
        let mut report: Option<Report> = None;
        loop {
            if let Some(report) = report.take() {
                self.client.handle(modem.now(), Input::Report(report));
            }
            match self.client.poll()? {
                Output::Event(event) => {
                    if let Some(result) = ticket.claim(&event) {
                        return Some(result.map(|done| done.bytes).map_err(|_| "failed"));
                    }
                }
                Output::Effect(Effect::Connect(order)) => {
                    let up = match order.target() {
                        DataTarget::Peer { port } => modem.open_data(port),
                        DataTarget::Address(_) => false,
                    };
                    report = Some(match up {
                        true => order.connected(),
                        false => order.failed(Fault::Refused),
                    });
                }
                Output::Effect(Effect::Flow(order)) => self.flow = Some((order, 0)),
                Output::Effect(Effect::CloseData(..)) => {
                    self.flow = None;
                    modem.close_data();
                }
                Output::Effect(Effect::CloseControl) => modem.close(),
                // This device neither listens nor speaks TLS, and its policy says so.
                Output::Effect(_) => return Some(Err("not for this device")),
            }
        }
    }

    /// One thing from the world. False if there was none.
    fn turn(&mut self, modem: &mut impl Modem, take: &mut impl FnMut(&[u8])) -> bool {
        let now = modem.now();
        let outgoing = self.client.outgoing();
        if !outgoing.is_empty()
            && let Some(count) = modem.send(outgoing)
        {
            self.client.consume_outgoing(count);
            return true;
        }
        if let Some((order, bytes)) = &mut self.flow
            && let Some(count) = modem.receive_data(&mut self.buffer)
        {
            take(self.buffer.get(..count).unwrap_or_default());
            *bytes += count as u64;
            let (data, bytes): (DataId, u64) = (order.data(), *bytes);
            if count > 0 {
                self.client.handle(now, Input::Progress(data, bytes));
            } else if let Some((order, _)) = self.flow.take() {
                modem.close_data();
                let end = FlowEnd {
                    bytes,
                    source_ended: false,
                    end: DataEnd::Fin,
                };
                self.client.handle(now, Input::Report(order.finished(end)));
            }
            return true;
        }
        if self.client.reads_control()
            && let Some(count) = modem.receive(&mut self.buffer)
        {
            match count {
                0 => self.client.handle(now, Input::ControlEof),
                _ => self.client.handle(
                    now,
                    Input::Control(self.buffer.get(..count).unwrap_or_default()),
                ),
            }
            return true;
        }
        if self
            .client
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.client.handle(now, Input::Timeout);
            return true;
        }
        false
    }
}

// ---- the desk

use std::io::{Read, Write};
use std::net::TcpStream;

struct Desk {
    started: std::time::Instant,
    control: Option<TcpStream>,
    data: Option<TcpStream>,
    peer: IpAddr,
}

impl Modem for Desk {
    fn now(&self) -> Instant {
        Instant::from_millis(self.started.elapsed().as_millis() as u64)
    }

    fn send(&mut self, bytes: &[u8]) -> Option<usize> {
        self.control.as_mut()?.write(bytes).ok()
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.control.as_mut()?.read(into).ok()
    }

    fn open_data(&mut self, port: u16) -> bool {
        self.data = TcpStream::connect(SocketAddr::new(self.peer, port)).ok();
        let stream = self.data.as_ref();
        stream.is_some_and(|stream| stream.set_nonblocking(true).is_ok())
    }

    fn receive_data(&mut self, into: &mut [u8]) -> Option<usize> {
        self.data.as_mut()?.read(into).ok()
    }

    fn close_data(&mut self) {
        self.data = None;
    }

    fn close(&mut self) {
        self.control = None;
    }

    fn idle(&mut self) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let server: SocketAddr = args.next().ok_or("HOST:PORT FILE...")?.parse()?;
    let files: Vec<String> = args.collect();
    let control = TcpStream::connect(server)?;
    control.set_nonblocking(true)?;
    let mut desk = Desk {
        started: std::time::Instant::now(),
        control: Some(control),
        data: None,
        peer: server.ip(),
    };
    let mut device = Device::new(server.ip(), desk.now())?;
    for round in ["first", "second"] {
        for file in &files {
            let (mut sum, mut result) = (0_u64, Ok(0));
            let allocated = allocation_counter::measure(|| {
                result = device.fetch(&mut desk, file.as_bytes(), |bytes| {
                    sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
                });
            });
            let bytes = result?;
            let count = allocated.count_total;
            println!("{round} {file}: {bytes} bytes, sum {sum}, {count} allocations");
        }
    }
    Ok(())
}
