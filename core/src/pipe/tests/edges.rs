//! What happens seldom: connections that break in odd places, sockets that say odd things.

use alloc::string::ToString;
use std::io::Write;

use super::*;
use crate::order::TlsFault;
use crate::pipe::fault;

/// What the system says, in the words of the machine.
#[test]
fn errors_of_sockets_are_told_by_what_can_be_done() {
    use io::ErrorKind as E;
    let cases: [(Fault, &[E]); 7] = [
        (Fault::Refused, &[E::ConnectionRefused]),
        (
            Fault::Unreachable,
            &[E::HostUnreachable, E::NetworkUnreachable, E::NetworkDown],
        ),
        (Fault::TimedOut, &[E::TimedOut]),
        (
            Fault::Reset,
            &[
                E::ConnectionReset,
                E::ConnectionAborted,
                E::BrokenPipe,
                E::NotConnected,
            ],
        ),
        (Fault::AddressInUse, &[E::AddrInUse, E::AddrNotAvailable]),
        (Fault::Denied, &[E::PermissionDenied]),
        (Fault::Other, &[E::OutOfMemory, E::Other]),
    ];
    for (told, kinds) in cases {
        for kind in kinds {
            assert_eq!(fault(&(*kind).into()), told, "{kind:?}");
        }
    }
    let sides = [Shut::Sending, Shut::Both].map(std::net::Shutdown::from);
    assert_eq!(sides, [std::net::Shutdown::Write, std::net::Shutdown::Both]);
}

/// Takes nothing, and says so by a count of 0, again and again.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_socket_that_takes_nothing_is_broken_and_not_waited_for() {
    let mut link = Link::new(16);
    assert_eq!(link.send(b"NOOP\r\n", &mut Full), 0);
    assert_eq!(link.unsent(), Some(Fault::Other));
    // Known only now: what came before is read first.
    assert_eq!(link.end(), None);
    link.dry();
    assert_eq!(link.end(), Some(LinkEnd::Failed(Fault::Other)));
    let mut pipe = Pipe::new(64);
    pipe.begin(Direction::Send, false);
    pipe.put(b"abc");
    pipe.send(&mut Full);
    assert_eq!(pipe.ended(), None);
    pipe.dry();
    let end = pipe.ended().unwrap();
    assert_eq!((end.bytes, end.end), (0, DataEnd::Failed(Fault::Other)));
}

#[test]
fn a_link_in_clear_has_no_handshake_to_wait_for() {
    let mut link = Link::new(16);
    assert!(matches!(link.secured(), Some(Err(TlsFailure::Internal(_)))));
    assert!(link.cleared().is_none());
    link.fill(&mut &b"220 hi\r\n"[..]);
    let mut out = [0; 4];
    assert_eq!((link.read(&mut out), &out), (4, b"220 "));
    link.rest();
    assert_eq!((link.read(&mut out), &out), (4, b"hi\r\n"));
    // Memory is for connections that are not at rest.
    assert!(link.memory() > 0);
    link.rest();
    assert_eq!(link.memory(), 0);
    link.fill(&mut &b""[..]);
    assert_eq!(link.end(), Some(LinkEnd::Fin));
    link.rest();
    link.renew();
    assert_eq!(link.end(), None);
}

/// CCC is agreed on, and the peer's close_notify never comes.
#[test]
fn tls_that_does_not_end_in_order_is_a_failure() {
    for fault in [None, Some(io::ErrorKind::ConnectionReset)] {
        let (mut a, mut b) = connection(1 << 20);
        let (mut left, mut right) = secured_links(&mut a, &mut b);
        // Said under TLS still: not what is waited for.
        while right.send(b"200 CCC\r\n", &mut b) == 0 {}
        while right.wants_write() {
            right.flush(&mut b);
        }
        left.close();
        left.flush(&mut a);
        assert!(left.cleared().is_none());
        {
            let mut lane = b.to.borrow_mut();
            (lane.left, lane.fault) = (Some(0), fault);
        }
        let failure = loop {
            left.fill(&mut a);
            if let Some(cleared) = left.cleared() {
                break cleared.unwrap_err();
            }
        };
        let expected = match fault {
            None => TlsFailure::Truncated,
            Some(_) => TlsFailure::Reset { handshaking: false },
        };
        assert_eq!(failure, expected);
    }
}

/// A byte that was changed on the way.
#[test]
fn tampering_ends_a_download_and_is_told_in_detail() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut from, mut to) = secured(&mut a, &mut b);
    from.begin(Direction::Send, false);
    to.begin(Direction::Receive, false);
    from.put(&payload(100));
    while from.wants_write() || !from.is_empty() {
        from.turn(&mut a);
    }
    *a.to.borrow_mut().bytes.back_mut().unwrap() ^= 1;
    while to.ended().is_none() {
        to.turn(&mut b);
    }
    let end = to.ended().unwrap();
    assert_eq!((end.bytes, end.end), (0, DataEnd::Tls(TlsFault::Corrupt)));
    let failure = to.failure().unwrap();
    assert!(matches!(failure, TlsFailure::Corrupt(_)), "{failure}");
    assert!(failure.to_string().starts_with("damaged TLS record"));
}

/// TYPE A under TLS, put by the application itself.
#[test]
fn text_put_piece_by_piece_is_converted_under_tls_too() {
    let text = b"the quick\nbrown fox\n".repeat(500);
    let (mut a, mut b) = connection(1 << 20);
    let (mut from, mut to) = secured(&mut a, &mut b);
    assert_eq!(from.put(b"too early"), 0);
    from.begin(Direction::Send, true);
    to.begin(Direction::Receive, true);
    assert_eq!(to.put(b"the wrong way"), 0);
    assert!(from.plain().is_empty());
    let (mut rest, mut got) = (&text[..], Vec::<u8>::new());
    while to.ended().is_none() || !to.plain().is_empty() {
        let count = from.put(rest);
        rest = &rest[count..];
        if rest.is_empty() {
            from.source_ended();
        }
        from.turn(&mut a);
        if to.ended().is_none() {
            to.turn(&mut b);
        }
        let mut out = [0; 100];
        let count = to.read(&mut out);
        got.extend(&out[..count]);
    }
    assert!(got == text);
    // As they travel: a line feed is two bytes (RFC 959 section 3.1.1.1).
    assert_eq!(to.ended().unwrap().bytes, text.len() as u64 + 1000);
    // Nothing more is taken behind the end of the source.
    assert_eq!(from.put(b"more"), 0);
}

/// Neither is a must: a driver may have no way to do it.
#[test]
fn a_transport_may_leave_acknowledgements_and_resets_to_the_system() {
    struct Plain<'a>(&'a [u8]);
    impl Read for Plain<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }
    impl Write for Plain<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Transport for Plain<'_> {
        fn shut(&mut self, _: Shut) {}
    }
    let mut network = Plain(b"half");
    let mut pipe = Pipe::new(64);
    pipe.begin(Direction::Receive, false);
    while pipe.plain().is_empty() {
        pipe.fill(&mut network);
    }
    pipe.acknowledge(&mut network);
    pipe.give_up();
    pipe.cut(&mut network);
    assert_eq!(pipe.ended().unwrap().end, DataEnd::Local);
}

/// Nothing is asked of the network that cannot be taken, or counts no more.
#[test]
fn a_link_reads_when_it_has_taken_what_came_and_up_to_the_end() {
    let mut link = Link::new(16);
    link.fill(&mut &b"220"[..]);
    assert!(link.room().is_none());
    // The end of what came, and not before it is taken.
    link.eof();
    assert_eq!(link.end(), None);
    link.consume(3);
    assert_eq!(link.end(), Some(LinkEnd::Fin));
    assert!(link.room().is_none());

    let (mut a, mut b) = connection(1 << 20);
    let (mut left, mut right) = secured_links(&mut a, &mut b);
    right.close();
    while right.wants_write() {
        right.flush(&mut b);
    }
    while left.end().is_none() {
        left.fill(&mut a);
    }
    assert_eq!(left.end(), Some(LinkEnd::CloseNotify));
    assert!(left.room().is_none());
    // A record that was changed on the way.
    right.fill(&mut &[23, 3, 3, 0, 2, 1, 1][..]);
    assert!(matches!(right.end(), Some(LinkEnd::Tls(_))));
    assert!(right.room().is_none());
}

#[test]
fn a_close_notify_in_the_handshake_ends_it_no_better() {
    let mut link = Link::new(64);
    link.secure(channels().0);
    // An alert, level warning, description 0 (RFC 8446 section 6).
    link.fill(&mut &[21, 3, 3, 0, 2, 1, 0][..]);
    link.eof();
    assert_eq!(link.secured(), Some(Err(TlsFailure::EofInHandshake)));
}

/// More than TLS decrypts ahead, in one piece.
#[test]
fn what_came_under_tls_at_once_is_read_to_its_end() {
    let sent = payload(100_000);
    let (mut a, mut b) = connection(1 << 20);
    let (mut from, mut to) = (Link::new(1 << 20), Link::new(1 << 20));
    secure_links((&mut from, &mut a), (&mut to, &mut b));
    let mut rest = &sent[..];
    while !rest.is_empty() || from.wants_write() {
        let count = from.send(rest, &mut a);
        rest = &rest[count..];
    }
    while to.room().is_some() {
        to.fill(&mut b);
    }
    let (mut got, mut out) = (Vec::<u8>::new(), [0; 1000]);
    loop {
        if to.room().is_some() {
            to.fill(&mut b);
            to.fill(&mut b);
            to.fill(&mut b);
        }
        match to.read(&mut out) {
            0 => break,
            count => got.extend(&out[..count]),
        }
    }
    assert!(got == sent, "{}", got.len());
}

/// What is said in between is of no interest, be it more than TLS decrypts ahead.
#[test]
fn tls_ends_behind_all_that_was_said() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut left, mut right) = (Link::new(1 << 20), Link::new(1 << 20));
    secure_links((&mut left, &mut a), (&mut right, &mut b));
    (a.steady, b.steady) = (true, true);
    assert_eq!(right.send(&payload(50_000), &mut b), 50_000);
    right.close();
    while right.wants_write() {
        right.flush(&mut b);
    }
    left.close();
    while left.wants_write() {
        left.flush(&mut a);
    }
    // A first buffer is smaller.
    let mut ends = None;
    for _ in 0..3 {
        left.fill(&mut a);
        ends = ends.or_else(|| left.cleared());
    }
    assert_eq!(ends, Some(Ok(())));
    assert!(!left.is_secure());
}

#[test]
fn a_failure_to_send_under_tls_is_known_at_once() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut left, _) = secured_links(&mut a, &mut b);
    while left.wants_write() {
        left.flush(&mut a);
    }
    assert_eq!(left.send(b"NOOP\r\n", &mut Deaf(b"")), 0);
    assert_eq!(left.unsent(), Some(Fault::Reset));
}

#[test]
fn a_new_data_connection_knows_nothing_of_the_one_before() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut from, mut to) = secured(&mut a, &mut b);
    from.begin(Direction::Send, false);
    to.begin(Direction::Receive, false);
    from.put(b"abc");
    while to.plain().is_empty() {
        from.turn(&mut a);
        to.turn(&mut b);
    }
    to.fill(&mut &[23, 3, 3, 0, 2, 1, 1][..]);
    assert!(to.failure().is_some() && to.ended().is_some());
    to.renew();
    assert!(!to.link().is_secure() && to.plain().is_empty());
    assert_eq!((to.direction(), to.ended()), (None, None));
    assert_eq!(to.failure(), None);
}

/// Whatever comes: memory is bounded by the size of the buffer.
#[test]
fn a_pipe_holds_no_more_than_its_size() {
    let size = 1024;
    // TYPE A: bytes that stay one, in pieces that fill no buffer exactly.
    let mut to = Pipe::new(size);
    to.begin(Direction::Receive, true);
    for _ in 0..100 {
        let Some(room) = to.room() else { break };
        assert!(room.len() <= size);
        let count = room.len().min(100);
        room[..count].fill(b'x');
        to.received(count);
    }
    assert!(to.room().is_none());
    let held = to.plain().len();
    assert!((size / 2..=size).contains(&held), "{held}");
    to.consume(held);
    assert!(to.room().is_some());

    // Each line feed becomes two bytes.
    let feeds = [b'\n'; 10_000];
    for by_hand in [false, true] {
        let mut from = Pipe::new(size);
        from.begin(Direction::Send, true);
        let count = if by_hand {
            from.put(&feeds)
        } else {
            let space = from.space().unwrap();
            let count = space.len();
            space.fill(b'\n');
            from.filled(count);
            count
        };
        let mut wire = Vec::new();
        from.send(&mut wire);
        assert_eq!(wire.len(), 2 * count);
        assert!((1..=size).contains(&wire.len()), "{}", wire.len());
    }
}

/// Whose turn it is, whatever the direction.
#[test]
fn a_pipe_says_what_there_is_to_send_and_where_more_goes() {
    let mut to = Pipe::new(64);
    to.begin(Direction::Receive, false);
    to.fill(&mut &b"a file"[..]);
    assert_eq!(to.plain(), b"a file");
    assert!(!to.wants_write() && to.space().is_none());
    assert!(!to.all_sent(), "there is nothing to be sent");

    let mut from = Pipe::new(64);
    from.begin(Direction::Send, false);
    assert!(from.is_empty() && !from.wants_write() && from.space().is_some());
    assert_eq!(from.put(b"abc"), 3);
    assert!(!from.is_empty() && from.wants_write());
    assert!(from.space().is_none(), "before that has left");
    let mut wire = Vec::new();
    from.send(&mut wire);
    assert!(from.is_empty() && !from.wants_write() && from.space().is_some());
    assert!(!from.all_sent(), "the end is not said");
    from.source_ended();
    assert!(from.wants_write() && from.space().is_none());
    from.send(&mut wire);
    assert!(from.all_sent() && !from.wants_write());
    assert_eq!(wire, b"abc");

    let mut from = Pipe::new(64);
    from.begin(Direction::Send, false);
    from.give_up();
    assert!(from.space().is_none());
}

/// A source that was read to its end is not one that was sent to its end.
#[test]
fn an_upload_that_broke_has_not_sent_its_source() {
    let mut from = Pipe::new(64);
    from.begin(Direction::Send, false);
    from.put(b"abc");
    from.source_ended();
    from.turn(&mut Deaf(b""));
    let end = from.ended().unwrap();
    assert_eq!((end.bytes, end.source_ended), (0, false));
}

/// The network takes nothing for now, and the buffer is full: the peer may still say that it is gone.
#[test]
fn an_upload_that_waits_hears_that_the_connection_broke() {
    struct Full;
    impl Read for Full {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Transport for Full {
        fn shut(&mut self, _: Shut) {}
    }
    let mut from = Pipe::new(64);
    from.begin(Direction::Send, false);
    assert_eq!(from.put(&[b'x'; 100]), 64);
    from.turn(&mut Full);
    assert_eq!(from.ended().unwrap().end, DataEnd::Failed(Fault::Reset));
}

/// Nobody may send payload on an upload. It is not kept, and the end behind it is heard.
#[test]
fn what_is_said_on_an_upload_under_tls_is_dropped() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut left, mut right) = secured(&mut a, &mut b);
    left.begin(Direction::Send, false);
    right.begin(Direction::Send, false);
    left.put(b"abc");
    left.source_ended();
    let talk = payload(100_000);
    let mut rest = &talk[..];
    for _ in 0..1000 {
        let count = right.put(rest);
        rest = &rest[count..];
        if rest.is_empty() {
            right.source_ended();
        }
        right.turn(&mut b);
        left.turn(&mut a);
    }
    let end = left.ended().unwrap();
    assert_eq!((end.bytes, end.end), (3, DataEnd::CloseNotify));
}

/// A server does not survive a handshake that lacks our last message; before that there is nothing to be said.
#[test]
fn what_is_cut_has_ended_its_handshake_if_it_had_come_so_far() {
    let (mut a, mut b) = connection(1 << 20);
    (a.steady, b.steady) = (true, true);
    let (mut left, mut right) = clear();
    let (client, server) = channels();
    left.secure(client);
    right.secure(server);
    left.cut(&mut a);
    assert_eq!(a.sent(), 0);
    left.turn(&mut a);
    right.turn(&mut b);
    left.fill(&mut a);
    assert!(left.secured().unwrap().is_ok());
    let before = a.sent();
    left.cut(&mut a);
    assert!(a.sent() > before && a.reset);
    right.turn(&mut b);
    assert!(right.secured().unwrap().is_ok());
}

/// What broke stays broken: nothing more is tried, and what the peer said before can still be heard.
#[test]
fn what_cannot_be_sent_any_more_is_not_tried_again() {
    struct Broken(u32);
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut link = Link::new(4096);
    let mut network = Broken(0);
    for _ in 0..3 {
        assert_eq!(link.send(b"NOOP\r\n", &mut network), 0);
        assert_eq!(link.unsent(), Some(Fault::Reset));
    }
    assert_eq!(network.0, 1);
}
