//! Sockets: listen, accept, connect.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::task::Context;
use std::time::Duration;

use ftp_proto::pipe::{Shut, Transport};
use smol::Async;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::runtime::is_under_way;

/// A client that vanished is noticed after about two minutes.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A connection, lent to a [`Pipe`](ftp_proto::pipe::Pipe) or [`Link`](ftp_proto::pipe::Link) for a step. It never waits, and does not ask
/// the system again for what was not there.
pub(super) struct Connection {
    socket: Async<TcpStream>,
    /// Nothing was there, and it is waited for.
    dry: bool,
}

impl Connection {
    pub(super) fn new(socket: Async<TcpStream>) -> Self {
        let dry = false;
        Connection { socket, dry }
    }

    /// Whether there may be something to read; if not, the task is woken when there is.
    pub(super) fn hears(&mut self, cx: &mut Context<'_>) -> bool {
        self.dry = self.dry && self.socket.poll_readable(cx).is_pending();
        !self.dry
    }

    /// Whether something can be sent; if not, the task is woken when it can.
    pub(super) fn takes(&self, cx: &mut Context<'_>) -> bool {
        self.socket.poll_writable(cx).is_ready()
    }

    /// Has the system send what comes next in a file, at most so many bytes; 0 at its end.
    #[cfg(target_os = "linux")]
    pub(super) fn pass(&mut self, file: &File, most: usize) -> io::Result<usize> {
        let sent = rustix::fs::sendfile(self.socket.get_ref(), file, None, most);
        let sent = sent.map_err(io::Error::from);
        self.note(sent)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn pass(&mut self, _file: &File, _most: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The system is asked again, whatever it said before.
    pub(super) fn look_again(&mut self) {
        self.dry = false;
    }

    pub(super) fn socket(&self) -> &TcpStream {
        self.socket.get_ref()
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.dry {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let read = self.socket.get_ref().read(buffer);
        if let Err(error) = &read {
            self.dry = error.kind() == io::ErrorKind::WouldBlock;
        }
        read
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.socket.get_ref().write(bytes);
        self.note(written)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let written = self.socket.get_ref().write_vectored(pieces);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Connection {
    /// What the peer said before it went may be there only now.
    fn note(&mut self, written: io::Result<usize>) -> io::Result<usize> {
        if let Err(error) = &written
            && error.kind() != io::ErrorKind::WouldBlock
        {
            self.look_again();
        }
        written
    }
}

impl Transport for Connection {
    fn shut(&mut self, side: Shut) {
        // It may be gone already.
        let _ = self.socket.get_ref().shutdown(side.into());
    }

    fn will_reset(&mut self) {
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }
}

/// Makes a control connection what it should be: replies leave at once, and a client that vanished is noticed.
pub(super) fn prepare_control(socket: &Async<TcpStream>) {
    prepare_data(socket);
    let socket = SockRef::from(socket);
    // All of it only makes it better.
    // Some clients send ABOR as urgent data (RFC 959 section 4.1.3), whose last byte would be missing otherwise.
    let _ = socket.set_out_of_band_inline(true);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
}

/// No write waits for the acknowledgement of the one before it (RFC 896): the end of a TLS record kept back would stop the client.
pub(super) fn prepare_data(socket: &Async<TcpStream>) {
    let _ = SockRef::from(socket).set_tcp_nodelay(true);
}

/// Listens for control connections.
pub(super) fn listen(address: SocketAddr) -> io::Result<Async<TcpListener>> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Async::new(socket.into())
}

/// Listens for a data connection on the address of the control connection, at a port nobody can guess.
pub(super) fn listen_for_data(
    ip: IpAddr,
    ports: Option<&RangeInclusive<u16>>,
) -> io::Result<Async<TcpListener>> {
    let Some(ports) = ports.filter(|ports| !ports.is_empty()) else {
        return Async::new(TcpListener::bind((ip, 0))?);
    };
    let (first, last) = (u32::from(*ports.start()), u32::from(*ports.end()));
    let count = last - first + 1;
    let begin = random().map(|number| number % count)?;
    let mut error = io::ErrorKind::AddrInUse.into();
    for step in 0..count {
        let port = u16::try_from(first + (begin + step) % count).unwrap_or(0);
        match TcpListener::bind((ip, port)) {
            Ok(listener) => return Async::new(listener),
            Err(other) if other.kind() == io::ErrorKind::AddrInUse => error = other,
            Err(other) => return Err(other),
        }
    }
    Err(error)
}

/// A number nobody can guess.
fn random() -> io::Result<u32> {
    getrandom::u32().map_err(|error| io::Error::other(error.to_string()))
}

/// Connects a data connection, from the address of the control connection.
pub(super) async fn connect(target: SocketAddr, local: IpAddr) -> io::Result<Async<TcpStream>> {
    let domain = Domain::for_address(target);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if local.is_ipv4() == target.is_ipv4() {
        socket.bind(&SocketAddr::new(local, 0).into())?;
    }
    match socket.connect(&target.into()) {
        Err(error) if !is_under_way(&error) => return Err(error),
        _ => {}
    }
    let socket = Async::<TcpStream>::new(socket.into())?;
    socket.writable().await?;
    match socket.get_ref().take_error()? {
        Some(error) => Err(error),
        None => Ok(socket),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn port(listener: &Async<TcpListener>) -> u16 {
        listener.get_ref().local_addr().unwrap().port()
    }

    #[test]
    fn data_ports_come_from_the_range_and_not_in_order() {
        let range = 47_300..=47_399;
        let mut order = Vec::new();
        let mut kept = Vec::new();
        for _ in 0..20 {
            let listener = listen_for_data(HERE, Some(&range)).unwrap();
            order.push(port(&listener));
            kept.push(listener);
        }
        assert!(order.iter().all(|port| range.contains(port)));
        assert_eq!(order.iter().collect::<HashSet<_>>().len(), 20);
        assert!(
            order.windows(2).any(|two| two[1] != two[0] + 1),
            "{order:?}"
        );
    }

    #[test]
    fn a_range_that_is_used_up_is_an_error() {
        // Held here, so that it is used up whatever else goes on.
        let kept = Async::new(TcpListener::bind((HERE, 0)).unwrap()).unwrap();
        let range = port(&kept)..=port(&kept);
        let error = listen_for_data(HERE, Some(&range)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_refused_connection_is_an_error() {
        let closed = TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap();
        let error = smol::block_on(connect(closed, HERE)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
