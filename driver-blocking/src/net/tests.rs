use std::net::TcpListener as Listening;
use std::net::TcpStream as Peer;

use ftp_proto::Fault;

use super::*;

/// A connection that is up, and its other end.
fn connected(listener: &Listening, registry: &Registry, token: Token) -> (Socket, Peer) {
    let address = listener.local_addr().unwrap();
    let mut socket = Socket::connect(address, registry, token, None).unwrap();
    let (peer, _) = listener.accept().unwrap();
    while !socket.is_connected().unwrap() {
        socket.look();
    }
    (socket, peer)
}

fn listening() -> Listening {
    Listening::bind("127.0.0.1:0").unwrap()
}

#[test]
fn a_range_of_ports_is_kept_and_used_up() {
    let poll = Poll::new().unwrap();
    let local: SocketAddr = "127.0.0.1:21".parse().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let ports = free..=free;
    let first = Listener::bind(local, Some(&ports), poll.registry(), None).unwrap();
    assert_eq!(first.listener.local_addr().unwrap().port(), free);
    let second = Listener::bind(local, Some(&ports), poll.registry(), None).unwrap_err();
    assert_eq!(pipe::fault(&second), Fault::AddressInUse);
}

#[test]
fn what_is_written_leaves_at_once() {
    let poll = Poll::new().unwrap();
    let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut listener = Listener::bind(here, None, poll.registry(), None).unwrap();
    let address = listener.listener.local_addr().unwrap();
    let mut ours = Socket::connect(address, poll.registry(), DATA, None).unwrap();
    let mut theirs = loop {
        listener.acceptable = true;
        if let Some((socket, _)) = listener.accept(poll.registry(), None).unwrap() {
            break socket;
        }
    };
    while {
        ours.writable = true;
        !ours.is_connected().unwrap()
    } {}
    // The first write does so in any case.
    for socket in [&mut ours, &mut theirs] {
        assert!(!socket.stream.nodelay().unwrap());
        assert_eq!(socket.write(b"one").unwrap(), 3);
        assert_eq!(socket.write(b"two").unwrap(), 3);
        assert!(socket.stream.nodelay().unwrap());
    }
}

#[test]
fn what_is_up_is_tried_before_a_poll_tells_of_it() {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(8);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut socket = Socket::connect(address, poll.registry(), DATA, None).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    while !socket.is_connected().unwrap() {
        wait(&mut poll, &mut events, None).unwrap();
        events.iter().for_each(|event| socket.note(event));
    }
    peer.write_all(b"file").unwrap();
    let mut buffer = [0; 8];
    let mut come = 0;
    while come < 4 {
        match socket.read(&mut buffer) {
            Ok(count) => come += count,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                // From here on it is told of.
                socket.watch(poll.registry()).unwrap();
                assert!(socket.watched.is_some());
                wait(&mut poll, &mut events, Some(Duration::from_secs(20))).unwrap();
                events.iter().for_each(|event| socket.note(event));
            }
        }
    }
    assert_eq!(
        socket.read(&mut buffer).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    socket.watch(poll.registry()).unwrap();
    drop(peer);
    while socket.read(&mut buffer).is_err() {
        wait(&mut poll, &mut events, Some(Duration::from_secs(20))).unwrap();
        assert!(!events.is_empty(), "nothing was told of the end");
        events.iter().for_each(|event| socket.note(event));
    }
}

#[test]
fn what_came_is_found_by_a_look_too() {
    let poll = Poll::new().unwrap();
    let (mut socket, mut peer) = connected(&listening(), poll.registry(), DATA);
    let mut buffer = [0; 8];
    let mut read = |socket: &mut Socket| socket.read(&mut buffer).map_err(|it| it.kind());
    assert_eq!(read(&mut socket), Err(io::ErrorKind::WouldBlock));
    peer.write_all(b"file").unwrap();
    // It does not know by itself.
    assert_eq!(read(&mut socket), Err(io::ErrorKind::WouldBlock));
    while read(&mut socket) != Ok(4) {
        socket.look();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_came_is_acknowledged_at_once() {
    let poll = Poll::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut socket = Socket::connect(address, poll.registry(), CONTROL, None).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let quick = |socket: &Socket| SockRef::from(&socket.stream).tcp_quickack().unwrap();
    let slow = |socket: &Socket| {
        SockRef::from(&socket.stream)
            .set_tcp_quickack(false)
            .unwrap();
        assert!(!quick(socket));
    };
    slow(&socket);
    peer.write_all(b"226").unwrap();
    let mut buffer = [0; 8];
    while {
        socket.readable = true;
        socket.read(&mut buffer).is_err()
    } {}
    socket.acknowledge();
    assert!(quick(&socket));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_kept_back_goes_with_the_end_or_once_it_is_let_go() {
    let poll = Poll::new().unwrap();
    for ends in [true, false] {
        let (mut socket, mut peer) = connected(&listening(), poll.registry(), DATA);
        socket.hold(true);
        assert_eq!(socket.write(b"file").unwrap(), 4);
        peer.set_nonblocking(true).unwrap();
        let nothing = peer.read(&mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        match ends {
            true => socket.shut(Shut::Sending),
            false => socket.hold(false),
        }
        peer.set_nonblocking(false).unwrap();
        // Left alone the system would send it after 200 ms.
        let soon = Duration::from_millis(150);
        peer.set_read_timeout(Some(soon)).unwrap();
        assert_eq!(peer.read(&mut [0; 8]).unwrap(), 4);
        if ends {
            assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
        }
    }
}

#[test]
fn what_a_short_read_leaves_is_told_by_the_next_poll() {
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(8);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut socket = Socket::connect(address, poll.registry(), CONTROL, None).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let mut heard: Vec<u8> = Vec::new();
    let mut hear = |enough: usize| {
        let mut buffer = [0; 8];
        while heard.len() < enough {
            match socket.read(&mut buffer) {
                Ok(0) => return heard.len(),
                Ok(count) => heard.extend(&buffer[..count]),
                Err(_) => {
                    socket.watch(poll.registry()).unwrap();
                    wait(&mut poll, &mut events, Some(Duration::from_secs(20))).unwrap();
                    assert!(!events.is_empty(), "nothing was told");
                    events.iter().for_each(|event| socket.note(event));
                }
            }
        }
        heard.len()
    };
    for round in 1..200 {
        peer.write_all(b"226 ").unwrap();
        assert_eq!(hear(round * 4), round * 4);
    }
    peer.write_all(b"421").unwrap();
    drop(peer);
    assert_eq!(hear(usize::MAX), 199 * 4 + 3);
}

#[test]
fn the_next_address_is_tried_and_the_last_failure_told() {
    let mut poll = Poll::new().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let cancel = CancelHandle::new();
    let limit = Duration::from_secs(5);
    let error = dial(&mut poll, "127.0.0.1", nobody, limit, &cancel, None).unwrap_err();
    assert!(
        matches!(&error, Error::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused),
        "{error}"
    );
}

/// Waits of both kinds in turn: a read, and where there is a data connection too a poll.
#[test]
fn nothing_of_the_control_connection_is_overlooked_whichever_way_it_is_waited_for() {
    let poll = Poll::new().unwrap();
    let listener = listening();
    let (control, mut peer) = connected(&listener, poll.registry(), CONTROL);
    let mut sockets = Sockets::new(poll, control, ActiveSettings::default(), None);
    let text: Vec<u8> = (0..1300).map(|at| (at % 251) as u8).collect();
    for round in 0..40 {
        let mut beside = None;
        if round % 2 == 1 {
            let (mut data, other) = connected(&listener, sockets.poll.registry(), DATA);
            assert!(data.read(&mut [0; 8]).is_err());
            sockets.data = Some(data);
            beside = Some(other);
        }
        peer.write_all(&text).unwrap();
        let mut read = Vec::new();
        let mut into = [0; 4096];
        while read.len() < text.len() {
            let control = sockets.control.as_mut().unwrap();
            match control.read(&mut into) {
                Ok(count) => read.extend_from_slice(&into[..count]),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    let limit = Duration::from_secs(20);
                    let since = Instant::now();
                    sockets.wait(Some(limit)).unwrap();
                    assert!(since.elapsed() < limit, "round {round}");
                }
            }
        }
        assert!(read == text, "round {round}");
        sockets.data = None;
        drop(beside);
    }
    drop(peer);
    loop {
        match sockets.control.as_mut().unwrap().read(&mut [0; 8]) {
            Ok(count) => break assert_eq!(count, 0),
            Err(_) => sockets.wait(Some(Duration::from_secs(20))).unwrap(),
        }
    }
}

/// A wait for the control connection alone is a read, and a cancellation ends it nevertheless.
#[test]
fn a_cancellation_is_seen_while_the_control_connection_is_waited_for_alone() {
    let poll = Poll::new().unwrap();
    let cancel = CancelHandle::new();
    cancel.attach(poll.registry()).unwrap();
    let (mut control, _peer) = connected(&listening(), poll.registry(), CONTROL);
    assert!(control.read(&mut [0; 8]).is_err());
    let mut sockets = Sockets::new(poll, control, ActiveSettings::default(), None);
    let since = Instant::now();
    let waiting = cancel.clone();
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        cancel.cancel();
    });
    while !waiting.take() {
        sockets.wait(Some(Duration::from_secs(60))).unwrap();
    }
    assert!(since.elapsed() < Duration::from_secs(30));
    other.join().unwrap();
}
