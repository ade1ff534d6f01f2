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
