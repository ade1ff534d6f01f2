//! The control connection of a session.

use std::future::poll_fn;
use std::io::{self, Read as _};
use std::net::{Shutdown, TcpStream};
use std::task::{Context, Poll};
use std::time::Duration;

use ftp_proto::pipe::{Link, LinkEnd};
use ftp_proto::server::{Input, Server as Machine};
use ftp_proto::tls::{Channel, TlsFailure};
use ftp_proto::{Desk as Orders, Fault, Instant, Report, TlsFault, TlsOrder};
use smol::future::FutureExt as _;
use smol::{Async, Timer};
use tracing::debug;

use super::net::Connection;

/// What is taken from the socket at once, in bytes. Commands are short, and this is there for as long as the session is.
const BUFFER: usize = 1024;

/// How long a client has to close when all is said. One that sends on meanwhile would otherwise lose the last reply to a reset.
const LINGER: Duration = Duration::from_secs(1);

/// The control connection.
pub(super) struct Control {
    socket: Connection,
    link: Link,
    /// The machine knows that the client's side has ended.
    ended: bool,
}

impl Control {
    pub(super) fn new(socket: Async<TcpStream>) -> Self {
        Control {
            socket: Connection::new(socket),
            link: Link::new(BUFFER),
            ended: false,
        }
    }

    /// Starts TLS, as its server.
    pub(super) fn secure(
        &mut self,
        order: TlsOrder,
        channel: Option<Result<Channel, TlsFailure>>,
    ) -> Result<TlsOrder, Report> {
        match channel {
            Some(Ok(channel)) => {
                self.link.secure(channel);
                Ok(order)
            }
            _ => Err(order.failed(TlsFault::Local)),
        }
    }

    /// Ends our side of TLS.
    pub(super) fn clear(&mut self) {
        self.link.close();
    }

    /// Ends our side of the connection; what the client still says is not heard.
    pub(super) fn close(&mut self) {
        self.link.close();
        self.link.flush(&mut self.socket);
        let _ = self.socket.socket().shutdown(Shutdown::Write);
    }

    /// The host the client named in its TLS handshake.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.link.channel()?.server_name()
    }

    /// Sends what waits. True if something went.
    pub(super) fn send(&mut self, machine: &mut Machine) -> bool {
        let mut moved = false;
        loop {
            let count = self.link.send(machine.outgoing(), &mut self.socket);
            if count == 0 {
                return moved;
            }
            machine.consume_outgoing(count);
            moved = true;
        }
    }

    /// Looks whether something came; if not, the task is woken when it does.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) {
        self.socket.hears(cx);
    }

    /// What the client has said until now, the next time.
    pub(super) fn look_again(&mut self) {
        self.socket.look_again();
    }

    /// Gives the machine what the client said. True if something happened.
    pub(super) fn receive(
        &mut self,
        machine: &mut Machine,
        orders: &mut Orders,
        now: Instant,
    ) -> bool {
        if self.settle(machine, orders, now) {
            return true;
        }
        if !self.wants_read(machine, orders) || !self.link.fill(&mut self.socket) {
            return false;
        }
        self.settle(machine, orders, now);
        true
    }

    /// Whether the socket is ready for what is waited for; if not, the task is woken when it is.
    pub(super) fn is_ready(
        &mut self,
        machine: &Machine,
        orders: &Orders,
        cx: &mut Context<'_>,
    ) -> bool {
        let reads =
            self.wants_read(machine, orders) && self.link.room().is_some() && self.socket.hears(cx);
        let waits = self.link.wants_write() || !machine.outgoing().is_empty();
        let writes = waits && self.link.unsent().is_none() && self.socket.takes(cx);
        reads || writes
    }

    /// Nothing is to be done for now.
    pub(super) fn rest(&mut self, machine: &mut Machine) {
        machine.rest();
        self.link.rest();
    }

    /// Waits for the client to close, a little.
    pub(super) async fn linger(&mut self) {
        self.look_again();
        let mut buffer = [0; 64];
        let ended = poll_fn(|cx| {
            loop {
                match self.socket.read(&mut buffer) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if !self.socket.hears(cx) {
                            return Poll::Pending;
                        }
                    }
                    _ => return Poll::Ready(()),
                }
            }
        });
        let late = async {
            Timer::after(LINGER).await;
        };
        ended.or(late).await;
    }

    fn wants_read(&self, machine: &Machine, orders: &Orders) -> bool {
        machine.reads_control() || orders.secure_control.is_some() || orders.clear_control.is_some()
    }

    /// Tells the machine what is there already.
    fn settle(&mut self, machine: &mut Machine, orders: &mut Orders, now: Instant) -> bool {
        if let Some(order) = orders.secure_control.take() {
            match self.link.secured() {
                None => orders.secure_control = Some(order),
                Some(secured) => {
                    let report = match secured {
                        Ok(facts) => order.secured(facts),
                        Err(failure) => {
                            debug!("TLS on the control connection: {failure}");
                            order.failed(TlsFault::from(&failure))
                        }
                    };
                    machine.handle(now, Input::Report(report));
                    return true;
                }
            }
        }
        if let Some(order) = orders.clear_control.take() {
            match self.link.cleared() {
                None => orders.clear_control = Some(order),
                Some(cleared) => {
                    let report = match cleared {
                        Ok(()) => order.cleared(),
                        Err(failure) => order.failed(TlsFault::from(&failure)),
                    };
                    machine.handle(now, Input::Report(report));
                    return true;
                }
            }
        }
        if !machine.reads_control() {
            return false;
        }
        let plain = self.link.plain();
        if !plain.is_empty() {
            let count = plain.len();
            machine.handle(now, Input::Control(plain));
            self.link.consume(count);
            return true;
        }
        match self.link.end() {
            Some(end) if !self.ended => {
                self.ended = true;
                machine.handle(now, ended(&end));
                true
            }
            _ => false,
        }
    }
}

fn ended(end: &LinkEnd) -> Input<'static> {
    match end {
        LinkEnd::CloseNotify | LinkEnd::Fin => Input::ControlEof,
        LinkEnd::Failed(fault) => Input::ControlFailed(*fault),
        LinkEnd::Tls(failure) => {
            debug!("TLS on the control connection: {failure}");
            Input::ControlFailed(Fault::Other)
        }
    }
}
