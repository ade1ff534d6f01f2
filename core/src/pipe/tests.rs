//! Two pipes against each other, in memory: every piece size, every cut.

mod edges;

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::net::{IpAddr, SocketAddr};
use std::io::{self, Read, Write};

use super::{Call, Engine, Error, Link, LinkEnd, Payload, Pipe, Shut, Sockets, Step, Transport};
use crate::client::{ClearText, Client, Config, Security, TransferOptions};
use crate::error::Category;
use crate::order::{DataEnd, DataTarget, Direction, Fault, FlowEnd};
use crate::secret::Secret;
use crate::time::Instant;
use crate::tls::tests::{Authority, NAME, params};
use crate::tls::{Channel, ClientTls, Purpose, ServerTls, TlsFailure};

/// One direction of a connection.
#[derive(Default)]
struct Lane {
    bytes: VecDeque<u8>,
    shut: bool,
    /// How many bytes go before it breaks.
    left: Option<usize>,
    /// What breaks it.
    fault: Option<io::ErrorKind>,
    carried: usize,
    /// What was written is kept until this is taken back, or the end comes.
    holds: bool,
    kept: VecDeque<u8>,
    /// How often something went, an end included.
    packets: u32,
}

impl Lane {
    fn let_go(&mut self) {
        self.packets += u32::from(!self.kept.is_empty());
        self.bytes.append(&mut self.kept);
    }

    fn shut(&mut self) {
        self.packets += u32::from(!self.shut);
        self.bytes.append(&mut self.kept);
        self.shut = true;
    }
}

/// One end of a connection: moves at most so many bytes at once; between two times it is not ready once, and interrupted once, unless it
/// is steady.
pub(super) struct End {
    from: Rc<RefCell<Lane>>,
    to: Rc<RefCell<Lane>>,
    piece: usize,
    /// So much waits at the other end at most.
    pub(super) room: usize,
    turns: [u8; 2],
    pub(super) steady: bool,
    pub(super) reset: bool,
    pub(super) acks: u32,
    /// How often it was read from.
    pub(super) reads: u32,
}

pub(super) fn connection(piece: usize) -> (End, End) {
    let there = Rc::new(RefCell::new(Lane::default()));
    let back = Rc::new(RefCell::new(Lane::default()));
    let end = |from: &Rc<_>, to: &Rc<_>| End {
        from: Rc::clone(from),
        to: Rc::clone(to),
        piece,
        room: usize::MAX,
        turns: [0; 2],
        steady: false,
        reset: false,
        acks: 0,
        reads: 0,
    };
    (end(&back, &there), end(&there, &back))
}

impl End {
    fn is_ready(&mut self, way: usize) -> io::Result<()> {
        if self.steady {
            return Ok(());
        }
        let turn = self.turns[way];
        self.turns[way] = (turn + 1) % 3;
        match turn {
            0 => Ok(()),
            1 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

impl End {
    /// How many bytes have gone from here.
    pub(super) fn sent(&self) -> usize {
        self.to.borrow().carried
    }

    /// How often something has gone from here, the end included.
    pub(super) fn packets(&self) -> u32 {
        self.to.borrow().packets
    }

    /// Whether what is written here is kept back.
    pub(super) fn holds(&self) -> bool {
        self.to.borrow().holds
    }

    /// Closes the connection: the other end hears an end, or a reset behind what came before. True if it is a reset.
    pub(super) fn close(self) -> bool {
        let mut lane = self.to.borrow_mut();
        if self.reset {
            lane.kept.clear();
            (lane.fault, lane.left) = (Some(io::ErrorKind::ConnectionReset), Some(0));
        }
        lane.shut();
        self.reset
    }
}

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        self.is_ready(0)?;
        let mut lane = self.from.borrow_mut();
        let count = into.len().min(self.piece).min(lane.bytes.len());
        if count > 0 {
            for (to, from) in into.iter_mut().zip(lane.bytes.drain(..count)) {
                *to = from;
            }
            return Ok(count);
        }
        match (lane.fault, lane.left, lane.shut) {
            (Some(fault), Some(0), _) => Err(fault.into()),
            (None, Some(0), _) | (_, _, true) => Ok(0),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.is_ready(1)?;
        let mut lane = self.to.borrow_mut();
        assert!(!lane.shut, "written behind the end");
        if lane.bytes.len() + lane.kept.len() >= self.room {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(self.piece);
        // What does not get through is lost without a word, as it is on a network.
        let through = count.min(lane.left.unwrap_or(usize::MAX));
        let lane = &mut *lane;
        let bytes = &bytes[..through];
        match lane.holds {
            true => lane.kept.extend(bytes),
            false => {
                lane.bytes.extend(bytes);
                lane.packets += 1;
            }
        }
        lane.carried += through;
        if let Some(left) = &mut lane.left {
            *left -= through;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for End {
    fn shut(&mut self, side: Shut) {
        self.to.borrow_mut().shut();
        if side == Shut::Both {
            self.from.borrow_mut().bytes.clear();
        }
    }

    fn acknowledge(&mut self) {
        self.acks += 1;
    }

    fn hold(&mut self, back: bool) {
        let mut lane = self.to.borrow_mut();
        lane.holds = back;
        if !back {
            lane.let_go();
        }
    }

    fn will_reset(&mut self) {
        self.reset = true;
    }
}

fn channels() -> (Channel, Channel) {
    let authority = Authority::new(1);
    let issued = authority.issue(2, &params(&[NAME]));
    let server = ServerTls::builder()
        .certificate_der(issued.chain, issued.key)
        .build()
        .unwrap();
    let client = ClientTls::builder()
        .roots_pem(&authority.pem)
        .build()
        .unwrap();
    let client = client.session(NAME).unwrap().open(Purpose::Data).unwrap();
    (client, server.session().accept().unwrap())
}

/// Pipes whose handshake is done; the first one is the TLS client's.
fn secured(a: &mut End, b: &mut End) -> (Pipe, Pipe) {
    let (mut left, mut right) = (Pipe::new(4096), Pipe::new(4096));
    let (client, server) = channels();
    left.renew();
    right.renew();
    left.secure(client);
    right.secure(server);
    while left.secured().is_none() || right.secured().is_none() {
        left.turn(a);
        right.turn(b);
    }
    assert!(left.secured().unwrap().is_ok() && right.secured().unwrap().is_ok());
    (left, right)
}

fn clear() -> (Pipe, Pipe) {
    (Pipe::new(1024), Pipe::new(1024))
}

/// Two ends of a connection that is under TLS.
fn secured_links(a: &mut End, b: &mut End) -> (Link, Link) {
    let (mut left, mut right) = (Link::new(4096), Link::new(4096));
    secure_links((&mut left, a), (&mut right, b));
    (left, right)
}

fn secure_links((left, a): (&mut Link, &mut End), (right, b): (&mut Link, &mut End)) {
    let (client, server) = channels();
    left.secure(client);
    right.secure(server);
    while left.secured().is_none() || right.secured().is_none() {
        left.flush(a);
        left.fill(a);
        right.flush(b);
        right.fill(b);
    }
}

fn payload(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| b"the quick\nbrown fox\r\njumps\n"[index % 27])
        .collect()
}

/// Sends `source` from one pipe to the other; the applications move `bite` bytes at once. Ends when both have, or nothing moves.
fn flow(
    (from, a): (&mut Pipe, &mut End),
    (to, b): (&mut Pipe, &mut End),
    source: &[u8],
    bite: usize,
    ascii: bool,
) -> (Option<FlowEnd>, Option<FlowEnd>, Vec<u8>) {
    from.begin(Direction::Send, ascii);
    to.begin(Direction::Receive, ascii);
    let (mut rest, mut got) = (source, Vec::new());
    let mut idle = 0;
    while idle < 8 && (from.ended().is_none() || to.ended().is_none() || !to.plain().is_empty()) {
        let mut moved = false;
        if from.ended().is_none() {
            moved |= from.turn(a);
            if let Some(space) = from.space() {
                let count = rest.len().min(bite).min(space.len());
                space[..count].copy_from_slice(&rest[..count]);
                rest = &rest[count..];
                match count {
                    0 => moved |= from.source_ended(),
                    _ => from.filled(count),
                }
                moved |= count > 0;
            }
        }
        if to.ended().is_none() {
            moved |= to.turn(b);
        }
        let count = to.plain().len().min(bite);
        got.extend(&to.plain()[..count]);
        to.consume(count);
        moved |= count > 0;
        idle = if moved { 0 } else { idle + 1 };
    }
    (from.ended(), to.ended(), got)
}

#[test]
fn payload_comes_through_whole_in_pieces_of_any_size() {
    let source = payload(20_000);
    for piece in [1, 2, 3, 5, 64, 1000, 1 << 20] {
        for bite in [1, 7, 1 << 20] {
            let (mut a, mut b) = connection(piece);
            let (mut from, mut to) = clear();
            let (sent, received, got) =
                flow((&mut from, &mut a), (&mut to, &mut b), &source, bite, false);
            let (sent, received) = (sent.unwrap(), received.unwrap());
            assert!(got == source, "pieces of {piece}, bites of {bite}");
            assert_eq!((sent.bytes, sent.end), (20_000, DataEnd::Fin));
            assert!(sent.source_ended);
            assert_eq!((received.bytes, received.end), (20_000, DataEnd::Fin));
        }
    }
}

#[test]
fn under_tls_either_role_may_send_and_both_say_that_it_was_all() {
    let source = payload(50_000);
    for piece in [1, 5, 1000, 1 << 20] {
        for server_sends in [false, true] {
            let (mut a, mut b) = connection(piece);
            let (mut client, mut server) = secured(&mut a, &mut b);
            let (sent, received, got) = if server_sends {
                flow(
                    (&mut server, &mut b),
                    (&mut client, &mut a),
                    &source,
                    999,
                    false,
                )
            } else {
                flow(
                    (&mut client, &mut a),
                    (&mut server, &mut b),
                    &source,
                    999,
                    false,
                )
            };
            assert!(
                got == source,
                "pieces of {piece}, server sends: {server_sends}"
            );
            // The receiver is off at once: its close_notify goes as far as it does without waiting.
            let answered = sent.unwrap().end;
            assert!(matches!(answered, DataEnd::CloseNotify | DataEnd::Fin));
            assert!(sent.unwrap().source_ended);
            assert_eq!(received.unwrap().end, DataEnd::CloseNotify);
            assert_eq!(received.unwrap().bytes, 50_000);
        }
    }
}

#[test]
fn line_ends_are_converted_on_the_way_whatever_the_pieces() {
    let source = payload(3000);
    let local: Vec<u8> = b"the quick\nbrown fox\r\njumps\n".repeat(200)[..3000].to_vec();
    for piece in [1, 2, 3, 100] {
        for bite in [1, 2, 3, 1 << 20] {
            let (mut a, mut b) = connection(piece);
            let (mut from, mut to) = clear();
            let (sent, received, got) =
                flow((&mut from, &mut a), (&mut to, &mut b), &source, bite, true);
            assert_eq!(sent.unwrap().bytes, received.unwrap().bytes);
            // Each line feed of ours travels as two bytes.
            assert!(sent.unwrap().bytes > 3000);
            // What ended in CR LF here and travelled as it was comes back as LF.
            let normal = |text: &[u8]| text.iter().filter(|byte| **byte != b'\r').count();
            assert_eq!(
                normal(&got),
                normal(&local),
                "pieces of {piece}, bites of {bite}"
            );
        }
    }
}

/// A buffer begins smaller than the pieces that are converted, and grows.
#[test]
fn text_goes_through_buffers_of_any_size() {
    for size in [64, 1024, 32 * 1024, 256 * 1024, 1 << 20] {
        let local = b"the quick\nbrown fox\njumps\n".repeat(20_000);
        let (mut a, mut b) = connection(1 << 20);
        let (mut from, mut to) = (Pipe::new(size), Pipe::new(size));
        let (sent, received, got) = flow(
            (&mut from, &mut a),
            (&mut to, &mut b),
            &local,
            1 << 20,
            true,
        );
        assert_eq!(sent.unwrap().bytes, received.unwrap().bytes, "{size}");
        assert!(got == local, "{size}");
    }
}

#[test]
fn a_tls_stream_cut_anywhere_is_never_whole() {
    let source = payload(300);
    let whole = {
        let (mut a, mut b) = connection(1 << 20);
        let (mut from, mut to) = secured(&mut a, &mut b);
        let before = a.to.borrow().carried;
        flow((&mut from, &mut a), (&mut to, &mut b), &source, 100, false);
        let after = a.to.borrow().carried;
        after - before
    };
    assert!(whole > 300);
    for fault in [None, Some(io::ErrorKind::ConnectionReset)] {
        for cut in 0..=whole {
            let (mut a, mut b) = connection(1 << 20);
            let (mut from, mut to) = secured(&mut a, &mut b);
            a.to.borrow_mut().left = Some(cut);
            a.to.borrow_mut().fault = fault;
            let (_, received, got) =
                flow((&mut from, &mut a), (&mut to, &mut b), &source, 100, false);
            let received = received.unwrap();
            assert!(source.starts_with(&got));
            assert_eq!(received.bytes, got.len() as u64);
            let end = match (cut == whole, fault) {
                (true, _) => DataEnd::CloseNotify,
                (false, None) => DataEnd::Fin,
                (false, Some(_)) => DataEnd::Failed(Fault::Reset),
            };
            assert_eq!(received.end, end, "cut at {cut} of {whole}");
        }
    }
}

#[test]
fn a_handshake_cut_anywhere_fails() {
    let total = {
        let (mut a, mut b) = connection(1 << 20);
        secured(&mut a, &mut b);
        b.to.borrow().carried
    };
    for cut in 0..total {
        let (mut a, mut b) = connection(1 << 20);
        b.to.borrow_mut().left = Some(cut);
        let (mut left, mut right) = clear();
        let (client, server) = channels();
        left.secure(client);
        right.secure(server);
        for _ in 0..40 {
            left.turn(&mut a);
            right.turn(&mut b);
        }
        match left.secured() {
            Some(Err(TlsFailure::EofAtClientHello)) => assert_eq!(cut, 0),
            Some(Err(failure)) => assert_eq!(failure, TlsFailure::EofInHandshake, "cut at {cut}"),
            // Tickets come behind the handshake.
            Some(Ok(_)) => assert!(cut > total / 2, "cut at {cut} of {total}"),
            None => panic!("cut at {cut}: waits for ever"),
        }
    }
}

/// A connection nothing can be written to, with something to read.
struct Deaf<'a>(&'a [u8]);

impl Read for Deaf<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.read(into) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            count => count,
        }
    }
}

impl Write for Deaf<'_> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Deaf<'_> {
    fn shut(&mut self, _: Shut) {}

    fn will_reset(&mut self) {}
}

#[test]
fn what_the_peer_said_before_it_broke_off_is_heard_first() {
    let mut link = Link::new(16);
    let mut network = Deaf(b"421 enough of you\r\n");
    assert_eq!(link.send(b"NOOP\r\n", &mut network), 0);
    let mut heard: Vec<u8> = Vec::new();
    while link.end().is_none() {
        link.fill(&mut network);
        heard.extend(link.plain());
        link.consume(heard.len());
    }
    assert_eq!(heard, b"421 enough of you\r\n");
    assert_eq!(link.end(), Some(LinkEnd::Failed(Fault::Reset)));
}

#[test]
fn an_upload_nobody_reads_has_failed() {
    let (mut pipe, _) = clear();
    pipe.begin(Direction::Send, false);
    assert_eq!(pipe.put(b"abc"), 3);
    pipe.turn(&mut Deaf(b""));
    let end = pipe.ended().unwrap();
    assert_eq!((end.bytes, end.end), (0, DataEnd::Failed(Fault::Reset)));
    assert!(!end.source_ended);
}

#[test]
fn a_peer_that_ends_its_side_of_an_upload_early_may_still_read() {
    let (mut a, b) = connection(1 << 20);
    let (mut pipe, _) = clear();
    pipe.begin(Direction::Send, false);
    a.from.borrow_mut().shut = true;
    pipe.put(b"abc");
    for _ in 0..4 {
        pipe.turn(&mut a);
    }
    assert_eq!(pipe.ended(), None);
    assert!(pipe.source_ended(), "that is new");
    assert!(!pipe.source_ended());
    for _ in 0..4 {
        pipe.turn(&mut a);
    }
    let end = pipe.ended().unwrap();
    assert_eq!((end.bytes, end.end), (3, DataEnd::Fin));
    assert!(pipe.all_sent());
    assert_eq!(b.from.borrow().bytes, b"abc");
}

/// An end without close_notify says nothing about what the peer still reads: only writing shows that it is gone.
#[test]
fn under_tls_a_peer_that_ends_its_side_of_an_upload_early_is_still_written_to() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut from, _to) = secured(&mut a, &mut b);
    from.begin(Direction::Send, false);
    a.from.borrow_mut().shut = true;
    for _ in 0..4 {
        from.turn(&mut a);
    }
    let before = a.to.borrow().carried;
    from.put(b"abc");
    for _ in 0..4 {
        from.turn(&mut a);
    }
    assert_eq!(from.ended(), None);
    assert!(a.to.borrow().carried >= before + 3);
    from.source_ended();
    for _ in 0..4 {
        from.turn(&mut a);
    }
    let end = from.ended().unwrap();
    assert_eq!((end.bytes, end.end), (3, DataEnd::Fin));

    let (mut a, mut b) = connection(1 << 20);
    let (mut from, _to) = secured(&mut a, &mut b);
    from.begin(Direction::Send, false);
    a.from.borrow_mut().shut = true;
    for _ in 0..4 {
        from.turn(&mut a);
    }
    from.put(b"abc");
    from.turn(&mut Deaf(b""));
    let end = from.ended().unwrap();
    assert_eq!(end.end, DataEnd::Failed(Fault::Reset));
}

#[test]
fn an_upload_that_is_cut_is_reset_and_a_whole_one_is_not() {
    let (mut a, mut b) = connection(1 << 20);
    let (mut from, mut to) = clear();
    from.begin(Direction::Send, false);
    from.put(b"half of it");
    from.turn(&mut a);
    from.cut(&mut a);
    assert!(a.reset);
    a.reset = false;
    from.renew();
    flow(
        (&mut from, &mut a),
        (&mut to, &mut b),
        b"all of it",
        4,
        false,
    );
    from.cut(&mut a);
    to.cut(&mut b);
    assert!(!a.reset && !b.reset);
}

/// Neither close_notify nor an end in front of it: the peer would write on behind either, and take that for a failure of its own.
#[test]
fn what_is_given_up_is_reset_and_nothing_else_is_said() {
    for tls in [false, true] {
        let (mut a, mut b) = connection(1 << 20);
        let (mut from, mut to) = if tls {
            secured(&mut a, &mut b)
        } else {
            clear()
        };
        from.begin(Direction::Send, false);
        to.begin(Direction::Receive, false);
        from.put(b"half of it");
        for _ in 0..4 {
            from.turn(&mut a);
            to.turn(&mut b);
        }
        assert_eq!(to.plain(), b"half of it");
        let said = b.to.borrow().carried;
        to.give_up();
        assert_eq!(to.ended().unwrap().end, DataEnd::Local);
        for _ in 0..4 {
            to.turn(&mut b);
        }
        to.cut(&mut b);
        assert!(b.reset, "the server writes on");
        let lane = b.to.borrow();
        assert!(!lane.shut, "an end in front of the reset");
        assert_eq!(lane.carried, said, "close_notify in front of the reset");
    }
}

#[test]
fn payload_passes_around_only_in_clear_as_it_is_and_in_its_turn() {
    let sending = |ascii| {
        let (mut pipe, _) = clear();
        pipe.begin(Direction::Send, ascii);
        pipe
    };
    assert!(!clear().0.is_bare(), "before it is due");
    assert!(!sending(true).is_bare());
    let (mut client, mut server) = connection(1);
    let (mut pipe, _) = secured(&mut client, &mut server);
    pipe.begin(Direction::Send, false);
    assert!(!pipe.is_bare(), "under TLS");
    let (mut pipe, _) = clear();
    pipe.begin(Direction::Receive, false);
    assert!(!pipe.is_bare());

    let mut pipe = sending(false);
    assert!(pipe.is_bare() && !pipe.wants_write());
    pipe.passed(7);
    pipe.passed(0);
    assert!(pipe.is_bare() && pipe.wants_write(), "the network was full");
    let mut wire = Vec::new();
    assert!(!pipe.send(&mut wire) && !pipe.wants_write());
    assert_eq!(pipe.put(b"abc"), 3);
    assert!(!pipe.is_bare(), "this goes first");
    assert!(pipe.send(&mut wire) && pipe.is_bare());
    assert_eq!((pipe.bytes(), &*wire), (10, &b"abc"[..]));
    pipe.source_ended();
    assert!(!pipe.is_bare());
    let mut pipe = sending(false);
    pipe.give_up();
    assert!(!pipe.is_bare());
}

#[test]
fn nothing_is_read_in_clear_before_payload_is_due() {
    let mut pipe = Pipe::new(64);
    pipe.renew();
    assert!(pipe.room().is_none());
    pipe.begin(Direction::Receive, false);
    assert!(pipe.room().is_some());
}

#[test]
fn behind_tls_the_control_connection_goes_on_in_clear_even_in_the_same_segment() {
    for piece in [1, 7, 1 << 20] {
        let (mut a, mut b) = connection(piece);
        let (mut left, mut right) = secured_links(&mut a, &mut b);
        left.close();
        right.close();
        let mut said = 0;
        let (mut done, mut heard) = (false, Vec::<u8>::new());
        for _ in 0..1000 {
            left.flush(&mut a);
            left.fill(&mut a);
            right.flush(&mut b);
            right.fill(&mut b);
            if right.is_secure() {
                right.cleared().transpose().unwrap();
            } else if said < 10 {
                said += right.send(&b"200 clear\n"[said..], &mut b);
            }
            if !done {
                done = left.cleared().transpose().unwrap().is_some();
            } else {
                let count = left.plain().len();
                heard.extend(left.plain());
                left.consume(count);
            }
        }
        assert_eq!(heard, b"200 clear\n");
    }
}

/// The sockets of a session whose server has said all it will say.
struct Bench {
    control: End,
    data: Option<End>,
    dialled: Option<End>,
}

impl Sockets for Bench {
    fn control(&mut self) -> Option<&mut dyn Transport> {
        Some(&mut self.control)
    }

    fn close_control(&mut self) {}

    fn connect(&mut self, _: DataTarget) -> io::Result<()> {
        Ok(())
    }

    fn connected(&mut self) -> io::Result<bool> {
        self.data = self.dialled.take();
        Ok(self.data.is_some())
    }

    fn listen(&mut self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn accept(&mut self) -> io::Result<Option<IpAddr>> {
        Ok(None)
    }

    fn data(&mut self) -> Option<&mut dyn Transport> {
        Some(self.data.as_mut()?)
    }

    fn close_data(&mut self) {
        self.data = None;
    }

    fn close_listener(&mut self) {}
}

/// A writer that takes nothing before this.
struct Slow {
    open: bool,
    got: Vec<u8>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.open {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.got.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Downloads `sent` with a writer that opens after so many seconds; how it ended, and what was written.
fn slow_download(sent: &[u8], opens: u64, server_ends: bool) -> (Option<Result<u64, Error>>, Slow) {
    let config = Config {
        security: Security::clear(ClearText::Everybody),
        ..Config::default()
    };
    let machine = Client::new(config, "192.0.2.1".parse().unwrap(), Instant::ZERO);
    let mut engine = Engine::new(machine, None);
    let (control, mut server) = connection(1 << 20);
    let (data, mut payload) = connection(1 << 20);
    let mut sockets = Bench {
        control,
        data: None,
        dialled: Some(data),
    };
    // Readiness comes and goes: written until it goes.
    let say = |server: &mut End, text: &[u8]| while server.write(text).is_err() {};
    say(&mut server, b"220 hi\r\n");
    say(&mut payload, sent);
    if server_ends {
        payload.shut(Shut::Both);
    }
    let login = engine
        .machine_mut()
        .login(Instant::ZERO, b"joe", Secret::new(b"x"), None);
    let _ = login.unwrap();
    let ticket = engine
        .machine_mut()
        .retrieve(Instant::ZERO, b"f", TransferOptions::default())
        .unwrap();
    engine.expect(ticket.id());
    let mut sink = Slow {
        open: false,
        got: Vec::new(),
    };
    let mut result = None;
    let mut told = 0;
    for second in 0..600 {
        let now = Instant::from_millis(second * 1000);
        sink.open = second >= opens;
        loop {
            let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut sink));
            let step = engine.step(now, &mut sockets, &mut call, &mut |event| {
                if let Some(ended) = ticket.claim(event) {
                    result = Some(ended);
                }
                result.is_some()
            });
            let mut heard = [0; 4096];
            let count = server.read(&mut heard).unwrap_or(0);
            for line in heard[..count].split(|byte| *byte == b'\n') {
                match line.get(..4) {
                    Some(b"USER") => say(&mut server, b"331 who\r\n"),
                    Some(b"PASS") => say(&mut server, b"230 in\r\n"),
                    Some(b"TYPE") => say(&mut server, b"200 ok\r\n"),
                    Some(b"SIZE") => say(&mut server, b"550 no\r\n"),
                    Some(b"EPSV") => say(&mut server, b"229 go (|||50000|)\r\n"),
                    Some(b"RETR") if server_ends => say(&mut server, b"150 go\r\n226 done\r\n"),
                    Some(b"RETR") => say(&mut server, b"150 go\r\n"),
                    _ => {}
                }
                told += 1;
            }
            match step.unwrap() {
                Step::Moved | Step::Looked => {}
                Step::Done => {
                    let result = result.map(|ended| match ended {
                        Ok(done) => Ok(done.bytes),
                        Err(failure) => Err(engine.explain(failure)),
                    });
                    return (result, sink);
                }
                Step::Closed => return (Some(Err(engine.over())), sink),
                Step::Waits(_) => break,
            }
        }
    }
    assert!(told > 0);
    (None, sink)
}

#[test]
fn an_application_that_takes_its_time_has_it() {
    let sent = payload(5000);
    let (result, sink) = slow_download(&sent, 500, true);
    assert_eq!(result.unwrap().unwrap(), 5000);
    assert_eq!(sink.got, sent);
}

#[test]
fn a_server_that_takes_its_time_does_not() {
    let (result, _) = slow_download(&payload(5000), 0, false);
    let error = result.expect("waits for ever").unwrap_err();
    assert_eq!(error.category(), Category::TimedOut, "{error}");
}

/// All there is to do at this time; until when it waits then, and how often it has acknowledged by itself.
fn wait_at(engine: &mut Engine, sockets: &mut Bench, millis: u64) -> (Option<Instant>, u32) {
    let now = Instant::from_millis(millis);
    let (mut until, mut waits) = (None, 0);
    // Readiness comes and goes.
    while waits < 6 {
        let call = &mut Call::plain(None);
        match engine.step(now, sockets, call, &mut |_| false).unwrap() {
            Step::Waits(at) => (until, waits) = (at, waits + 1),
            step => assert_eq!(step, Step::Moved),
        }
    }
    (until, sockets.control.acks)
}

#[test]
fn what_came_is_acknowledged_once_the_peer_has_kept_us_waiting() {
    let config = Config {
        security: Security::clear(ClearText::Everybody),
        ..Config::default()
    };
    let machine = Client::new(config, "192.0.2.1".parse().unwrap(), Instant::ZERO);
    let mut engine = Engine::new(machine, None);
    let (control, mut server) = connection(1 << 20);
    let mut sockets = Bench {
        control,
        data: None,
        dialled: None,
    };
    let mut say = |text: &[u8]| while server.write(text).is_err() {};
    let machine = engine.machine_mut();
    let _login = machine
        .login(Instant::ZERO, b"joe", Secret::new(b"x"), None)
        .unwrap();
    say(b"220 hi\r\n");
    // USER carries it.
    let (until, acks) = wait_at(&mut engine, &mut sockets, 0);
    assert!(until > Some(Instant::from_millis(1000)), "{until:?}");
    assert_eq!(acks, 0);
    say(b"331-who\r\n");
    let soon = Some(Instant::from_millis(5));
    assert_eq!(wait_at(&mut engine, &mut sockets, 0), (soon, 0));
    assert_eq!(wait_at(&mut engine, &mut sockets, 4), (soon, 0));
    assert_eq!(wait_at(&mut engine, &mut sockets, 5).1, 1);
    assert_eq!(wait_at(&mut engine, &mut sockets, 50).1, 1);
    // Once proves little.
    say(b"331-are\r\n");
    let soon = Some(Instant::from_millis(56));
    assert_eq!(wait_at(&mut engine, &mut sockets, 51), (soon, 1));
    assert_eq!(wait_at(&mut engine, &mut sockets, 56).1, 2);
    // Twice does.
    say(b"331-you\r\n");
    assert_eq!(wait_at(&mut engine, &mut sockets, 100).1, 3);
}
