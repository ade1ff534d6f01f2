//! The data connection of a session.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ftp_proto::pipe::{Pipe, fault};
use ftp_proto::server::Input;
use ftp_proto::tls::ServerTlsSession;
use ftp_proto::{
    AcceptOrder, ConnectOrder, DataId, Desk as Orders, Direction, FlowOrder, Instant, ListenOrder,
    Report, TlsFault, TlsOrder,
};
use smol::Async;
use tracing::debug;

use super::daemon::Settings;
use super::flow::Working;
use super::net::{self, Connection};

/// How often the machine is told how far payload is.
const TOLD_EVERY: Duration = Duration::from_millis(500);

type Connecting = Pin<Box<dyn Future<Output = io::Result<Async<TcpStream>>> + Send>>;

/// The data connection, and whatever leads to it. Without one it is empty.
#[derive(Default)]
pub(super) struct Data {
    listener: Option<Async<TcpListener>>,
    connecting: Option<Connecting>,
    socket: Option<Connection>,
    /// The memory payload passes through; there while there is a data connection.
    pipe: Option<Box<Pipe>>,
    told: Told,
}

/// What the machine was told of payload.
#[derive(Default)]
struct Told {
    bytes: u64,
    at: Instant,
    source_ended: bool,
}

impl Data {
    pub(super) fn connect(&mut self, order: &ConnectOrder, peer: SocketAddr, local: SocketAddr) {
        let target = order.target().address(peer);
        self.connecting = Some(Box::pin(net::connect(target, local.ip())));
    }

    /// Listens; the address for the client, if it works.
    pub(super) fn listen(
        &mut self,
        order: ListenOrder,
        local: SocketAddr,
        settings: &Settings,
    ) -> Report {
        let listened = net::listen_for_data(local.ip(), settings.passive_ports.as_ref());
        let bound = listened.and_then(|listener| {
            let address = listener.get_ref().local_addr()?;
            self.listener = Some(listener);
            Ok(address)
        });
        match bound {
            Ok(address) => {
                order.listening(SocketAddr::new(address.ip().to_canonical(), address.port()))
            }
            Err(error) => {
                debug!("no data port: {error}");
                order.failed(fault(&error))
            }
        }
    }

    /// Whoever connects next; one who did before was not the client.
    pub(super) fn accept(&mut self) {
        self.socket = None;
        self.pipe = None;
    }

    /// Starts TLS; a report if it cannot be.
    pub(super) fn secure(
        &mut self,
        order: TlsOrder,
        tls: Option<&ServerTlsSession>,
        upload: bool,
    ) -> Result<TlsOrder, Report> {
        self.listener = None;
        let accept = match upload {
            true => ServerTlsSession::accept_without_tickets,
            false => ServerTlsSession::accept,
        };
        match (tls.map(accept), &mut self.pipe) {
            (Some(Ok(channel)), Some(pipe)) => {
                pipe.secure(channel);
                Ok(order)
            }
            _ => Err(order.failed(TlsFault::Local)),
        }
    }

    pub(super) fn begin(&mut self, order: &FlowOrder, now: Instant) {
        self.listener = None;
        self.told = Told {
            at: now,
            ..Told::default()
        };
        if let Some(pipe) = &mut self.pipe {
            pipe.begin(order.direction(), order.ascii());
        }
    }

    pub(super) fn close(&mut self, settings: &Settings) {
        let closed = std::mem::take(self);
        let Some(mut pipe) = closed.pipe else { return };
        if let Some(mut socket) = closed.socket {
            pipe.cut(&mut socket);
        }
        settings.pipes.give_back(pipe);
    }

    /// What happened on the data connection, for the machine. `Pending` when nothing did; then the task is woken.
    pub(super) fn poll(
        &mut self,
        orders: &mut Orders,
        working: &mut Working,
        settings: &Settings,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Input<'static>>> {
        if let Some(connecting) = &mut self.connecting {
            let Poll::Ready(connected) = connecting.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.connecting = None;
            let Some(order) = orders.connect.take() else {
                return Poll::Ready(None);
            };
            let report = match connected {
                Ok(socket) => {
                    self.take(socket, settings);
                    order.connected()
                }
                Err(error) => order.failed(fault(&error)),
            };
            return Poll::Ready(Some(Input::Report(report)));
        }
        if let Some(order) = orders.accept.take() {
            return self.poll_accept(order, orders, settings, cx);
        }
        if orders.secure_data.is_some() {
            return self.poll_handshake(orders, cx);
        }
        if let Some(order) = orders.flow.take() {
            let (input, order) = self.poll_flow(order, working, settings, now, cx);
            orders.flow = order;
            return input;
        }
        Poll::Pending
    }

    fn poll_accept(
        &mut self,
        order: AcceptOrder,
        orders: &mut Orders,
        settings: &Settings,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Input<'static>>> {
        let Some(listener) = &self.listener else {
            return report(order.failed(ftp_proto::Fault::Other));
        };
        loop {
            match listener.get_ref().accept() {
                Ok((socket, peer)) => {
                    let report = match Async::new(socket) {
                        Ok(socket) => {
                            self.take(socket, settings);
                            order.accepted(canonical(peer.ip()))
                        }
                        Err(error) => order.failed(fault(&error)),
                    };
                    return Poll::Ready(Some(Input::Report(report)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if listener.poll_readable(cx).is_pending() {
                        orders.accept = Some(order);
                        return Poll::Pending;
                    }
                }
                // Whoever it was has gone.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return report(order.failed(fault(&error))),
            }
        }
    }

    fn take(&mut self, socket: Async<TcpStream>, settings: &Settings) {
        net::prepare_data(&socket);
        self.socket = Some(Connection::new(socket));
        self.pipe = Some(settings.pipes.take(settings.buffer));
    }

    fn poll_handshake(
        &mut self,
        orders: &mut Orders,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Input<'static>>> {
        let (Some(socket), Some(pipe)) = (&mut self.socket, &mut self.pipe) else {
            return Poll::Pending;
        };
        socket.hears(cx);
        let moved = pipe.turn(socket);
        match (pipe.secured(), orders.secure_data.take()) {
            (Some(Ok(facts)), Some(order)) => report(order.secured(facts)),
            (Some(Err(failure)), Some(order)) => {
                debug!("TLS on the data connection: {failure}");
                report(order.failed(TlsFault::from(&failure)))
            }
            (_, order) => {
                orders.secure_data = order;
                if moved || is_ready(socket, pipe, cx) {
                    Poll::Ready(None)
                } else {
                    Poll::Pending
                }
            }
        }
    }

    fn poll_flow(
        &mut self,
        order: FlowOrder,
        working: &mut Working,
        settings: &Settings,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> (Poll<Option<Input<'static>>>, Option<FlowOrder>) {
        let (Some(socket), Some(pipe)) = (&mut self.socket, &mut self.pipe) else {
            return (Poll::Pending, Some(order));
        };
        socket.hears(cx);
        let mut moved = pipe.turn(socket);
        moved |= match order.direction() {
            Direction::Send => working.send(pipe, socket, settings.buffer, cx),
            Direction::Receive => working.receive(pipe, cx),
        };
        let rest = !pipe.plain().is_empty() || working.is_busy();
        if let Some(end) = pipe.ended()
            && (!rest || order.direction() == Direction::Send)
        {
            if let Some(failure) = pipe.failure() {
                debug!("TLS on the data connection: {failure}");
            }
            self.close(settings);
            return (report(order.finished(end)), None);
        }
        if let Some(input) = self.told.news(order.data(), pipe, now) {
            return (Poll::Ready(Some(input)), Some(order));
        }
        if moved || is_ready(socket, pipe, cx) {
            return (Poll::Ready(None), Some(order));
        }
        (Poll::Pending, Some(order))
    }
}

impl Told {
    /// What the machine is to be told.
    fn news(&mut self, data: DataId, pipe: &Pipe, now: Instant) -> Option<Input<'static>> {
        if pipe.all_sent() && !self.source_ended {
            self.source_ended = true;
            return Some(Input::SourceEnded(data));
        }
        let bytes = pipe.bytes();
        if bytes > self.bytes && now >= self.at + TOLD_EVERY {
            (self.bytes, self.at) = (bytes, now);
            return Some(Input::Progress(data, bytes));
        }
        None
    }
}

fn report(report: Report) -> Poll<Option<Input<'static>>> {
    Poll::Ready(Some(Input::Report(report)))
}

/// Whether the socket is ready for what the pipe waits for; if not, the task is woken when it is.
fn is_ready(socket: &mut Connection, pipe: &mut Pipe, cx: &mut Context<'_>) -> bool {
    let reads = pipe.room().is_some() && socket.hears(cx);
    let writes = pipe.wants_write() && socket.takes(cx);
    reads || writes
}

fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}
