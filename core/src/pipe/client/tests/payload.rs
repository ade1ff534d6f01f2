//! Payload: what moves in which order, who is told, and when it is over.

use alloc::rc::Rc;
use core::cell::Cell;

use super::*;
use crate::client::TransferOptions;
use crate::order::{self, DataEnd, DataId, News};
use crate::queue::Errand;
use crate::ticket::Transferred;
use crate::tls::tests::{NAME, World};
use crate::trace::{Entry, What};

/// Counts what it takes.
#[derive(Clone, Default)]
struct Tally {
    bytes: Rc<Cell<usize>>,
    flushed: Rc<Cell<u32>>,
    /// So often it says that it cannot write out what it has, for now.
    holds: Rc<Cell<u32>>,
    /// It takes nothing for now.
    full: Rc<Cell<bool>>,
}

impl Write for Tally {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.full.get() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.bytes.set(self.bytes.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed.set(self.flushed.get() + 1);
        match self.holds.get() {
            0 => Ok(()),
            left => {
                self.holds.set(left - 1);
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }
}

/// Has nothing for now.
struct Empty;

impl Read for Empty {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

fn scene(tls: bool) -> Scene {
    let mut scene = match tls {
        true => Scene::under_tls(Security::required()),
        false => Scene::clear(),
    }
    .steady();
    scene.login().unwrap();
    scene
}

fn text(length: usize) -> Vec<u8> {
    FILE.iter().copied().cycle().take(length).collect()
}

/// Where readiness is told once nothing else will move what was left behind.
#[test]
fn a_step_that_waits_has_done_what_there_is_to_do() {
    for tls in [false, true] {
        let mut scene = scene(tls);
        let file = text(300_000);
        scene.server.file.clone_from(&file);
        assert!(scene.download().unwrap() == file);
        scene.dial();
        let ticket = scene.store();
        let mut source = &file[..];
        let done = scene.play(&ticket, Payload::Source(&mut source)).unwrap();
        assert_eq!(done.bytes, 300_000);
        assert!(scene.server.took == file);
        // The same by a caller's own hands.
        scene.dial();
        let ticket = scene.retrieve();
        let (mut got, mut ended) = (0, None);
        while ended.is_none() || !scene.engine.pipe().plain().is_empty() {
            let mut call = Call::transfer(ticket.id(), Payload::Caller(Wish::Bytes));
            let step = scene.steps(&mut call, &mut |event| {
                ended = ended.take().or_else(|| ticket.claim(event));
                ended.is_some()
            });
            assert_eq!(step, Step::Done);
            got += scene.engine.pipe().read(&mut [0; 70_000]);
        }
        assert_eq!((got, ended.unwrap().unwrap().bytes), (300_000, 300_000));
        // And into nothing.
        scene.dial();
        let ticket = scene.retrieve();
        let done = scene.play(&ticket, Payload::Discard).unwrap();
        assert_eq!(done.bytes, 300_000);
    }
}

#[test]
fn what_was_sent_has_left() {
    for tls in [false, true] {
        let mut scene = scene(tls);
        let ticket = scene.store();
        let wait = |scene: &mut Scene, wish| {
            let mut call = Call::transfer(ticket.id(), Payload::Caller(wish));
            assert_eq!(scene.steps(&mut call, &mut |_| false), Step::Done);
        };
        wait(&mut scene, Wish::Room);
        let file = text(20_000);
        assert_eq!(scene.engine.pipe().put(&file), file.len());
        wait(&mut scene, Wish::Sent);
        for _ in 0..20 {
            scene.server.turn();
        }
        assert!(scene.server.took == file);
    }
}

#[test]
fn nothing_was_sent_before_there_is_a_connection() {
    let mut scene = scene(false);
    scene.host.next = None;
    let ticket = scene.store();
    for wish in [Wish::Begin, Wish::Room, Wish::Sent, Wish::End] {
        let mut call = Call::transfer(ticket.id(), Payload::Caller(wish));
        let step = scene.settle(&mut call, &mut |_| false);
        assert!(matches!(step, Step::Waits(_)), "{wish:?} {step:?}");
    }
}

/// What flows is another transfer's.
#[test]
fn a_call_gets_the_payload_of_its_own_transfer() {
    let mut scene = scene(false);
    scene.server.stalls = true;
    scene.server.answers = vec![("RETR", "150 go")];
    let (first, second) = (scene.retrieve(), scene.retrieve());
    let mut call = Call::transfer(first.id(), Payload::Caller(Wish::Bytes));
    assert_eq!(scene.steps(&mut call, &mut |_| false), Step::Done);
    assert!(!scene.engine.flows(second.id()));
    let mut sink = Tally::default();
    let mut call = Call::transfer(second.id(), Payload::Sink(&mut sink));
    let step = scene.settle(&mut call, &mut |_| false);
    assert!(matches!(step, Step::Waits(_)), "{step:?}");
    assert_eq!(sink.bytes.get(), 0);
    assert_eq!(scene.engine.pipe().plain(), FILE);
    // Nobody takes it, and nothing is due that would never be done.
    for _ in 0..3 {
        let mut call = Call::transfer(second.id(), Payload::Sink(&mut sink));
        match scene.settle(&mut call, &mut |_| false) {
            Step::Waits(Some(until)) if until > scene.now => scene.now = until,
            step => panic!("{step:?}"),
        }
    }
}

/// What a buffering writer has not written out is not there.
#[test]
fn a_writer_writes_out_once_when_it_has_all() {
    for holds in [0, 3] {
        let mut scene = scene(false);
        scene.server.file = text(100_000);
        let mut sink = Tally::default();
        sink.holds.set(holds);
        let ticket = scene.retrieve();
        let done = scene.play(&ticket, Payload::Sink(&mut sink)).unwrap();
        assert_eq!(done.bytes, 100_000);
        assert_eq!(sink.flushed.get(), holds + 1);
    }
}

/// An application may take its time, and is told of nothing that it has been told of.
#[test]
fn an_application_that_waits_is_not_a_connection_that_stands_still() {
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    for upload in [false, true] {
        let mut scene = scene(false);
        let notes = Arc::clone(&told);
        scene.engine.tell_progress(Some(Box::new(move |progress| {
            notes.lock().unwrap().push(progress);
        })));
        scene.server.file = text(100_000);
        let (mut sink, mut source) = (Tally::default(), Empty);
        sink.full.set(true);
        let ticket = match upload {
            true => scene.store(),
            false => scene.retrieve(),
        };
        for _ in 0..600 {
            let payload = match upload {
                true => Payload::Source(&mut source),
                false => Payload::Sink(&mut sink),
            };
            let mut call = Call::transfer(ticket.id(), payload);
            let step = scene.settle(&mut call, &mut |event| ticket.claim(event).is_some());
            assert!(matches!(step, Step::Waits(_)), "{step:?}");
            scene.now = scene.now + Duration::from_secs(1);
        }
        let (mut rest, mut got) = (FILE, Vec::new());
        let payload = match upload {
            true => Payload::Source(&mut rest),
            false => Payload::Sink(&mut got),
        };
        let done = scene.play(&ticket, payload).unwrap();
        let mut told = told.lock().unwrap();
        assert_eq!(told.last().unwrap().bytes, done.bytes);
        assert!(told.is_sorted_by(|one, next| one.bytes < next.bytes));
        told.clear();
    }
}

/// The source has ended: what is left is the server's word, and it has the time for that alone.
#[test]
fn a_server_that_has_all_has_time_to_say_so() {
    let mut scene = scene(false);
    scene.server.keeps = true;
    let ticket = scene.store();
    let mut source = FILE;
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    scene.settle(&mut call, &mut |_| false);
    let limits = scene.engine.machine().config().limits.clone();
    scene.now = scene.now + limits.stall_wait + Duration::from_secs(1);
    scene.settle(&mut call, &mut |_| false);
    assert!(scene.host.closed.is_empty());
}

/// A record of a session says it as often as it happened.
#[test]
fn the_machine_is_told_once_that_the_source_has_ended() {
    for tls in [false, true] {
        let mut scene = scene(tls);
        scene.engine.machine_mut().start_recording(1 << 20);
        scene.server.keeps = true;
        let ticket = scene.store();
        let mut source = FILE;
        let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
        for _ in 0..4 {
            scene.settle(&mut call, &mut |_| false);
        }
        let trace = scene.engine.machine().recording().unwrap();
        let ends = |entry: &&Entry| matches!(entry.what, What::SourceEnded(_));
        assert_eq!(trace.entries.iter().filter(ends).count(), 1);
    }
}

/// The last that moved is told when it moved, and not when it is over.
#[test]
fn a_transfer_that_stands_still_has_its_time_once() {
    for upload in [false, true] {
        let mut scene = scene(false);
        scene.server.answers = vec![("RETR", "150 go")];
        scene.server.stalls = true;
        let told: Arc<Mutex<Vec<u64>>> = Arc::default();
        let notes = Arc::clone(&told);
        scene.engine.tell_progress(Some(Box::new(move |progress| {
            notes.lock().unwrap().push(progress.bytes);
        })));
        let file = text(100_000);
        let (mut source, mut sink) = (&file[..], Tally::default());
        let _unread = upload.then(|| scene.server.data.take());
        scene.host.next.as_mut().unwrap().room = 1000;
        let ticket = match upload {
            true => scene.store(),
            false => scene.retrieve(),
        };
        let mut call = match upload {
            true => Call::transfer(ticket.id(), Payload::Source(&mut source)),
            false => Call::transfer(ticket.id(), Payload::Sink(&mut sink)),
        };
        let before = scene.now;
        for _ in 0..10 {
            if let Step::Waits(Some(until)) = scene.settle(&mut call, &mut |_| false)
                && scene.host.closed.is_empty()
            {
                assert!(until > scene.now);
                scene.now = until;
            }
        }
        let limits = scene.engine.machine().config().limits.clone();
        let took = scene.now.since(before);
        assert!(
            took <= limits.stall_wait + Duration::from_millis(200),
            "{took:?}"
        );
        assert_eq!(scene.host.closed, [true], "{took:?}");
        let told = told.lock().unwrap();
        assert!(told.is_sorted_by(|one, next| one < next) && !told.is_empty());
    }
}

/// A large file is on its way, and the server has something to say meanwhile.
#[test]
fn replies_are_heard_between_pieces_of_payload() {
    let mut scene = scene(false);
    scene.server.answers = vec![("RETR", "150 go")];
    let (mut end, _) = scene.server.data.take().unwrap();
    let ticket = scene.retrieve();
    let mut sink = Tally::default();
    let taken = sink.clone();
    let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut sink));
    scene.settle(&mut call, &mut |_| false);
    assert!(scene.engine.flows(ticket.id()));
    let file = text(4_000_000);
    let mut rest = &file[..];
    while !rest.is_empty() {
        let count = end.write(rest).unwrap();
        rest = &rest[count..];
    }
    end.shut(Shut::Sending);
    scene.server.out.extend(b"226 done\r\n");
    scene.server.turn();
    let mut at = None;
    let step = scene.steps(&mut call, &mut |event| {
        if let Event::Received { reply, .. } = event
            && reply.code().value() == 226
        {
            at = Some(taken.bytes.get());
        }
        ticket.claim(event).is_some()
    });
    assert_eq!((step, taken.bytes.get()), (Step::Done, file.len()));
    assert!(at.unwrap() < 1_000_000, "{at:?}");
}

/// One side that never waits must not hide the other; a small file has moved before that makes a difference.
#[test]
fn the_sockets_are_looked_at_while_much_payload_moves() {
    let looks = |length| {
        let mut scene = scene(false);
        scene.server.answers = vec![("RETR", "150 go")];
        let (mut end, _) = scene.server.data.take().unwrap();
        let ticket = scene.retrieve();
        let mut sink = Tally::default();
        let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut sink));
        scene.settle(&mut call, &mut |_| false);
        assert!(scene.engine.flows(ticket.id()));
        let before = scene.host.looks;
        let file = text(length);
        let mut rest = &file[..];
        while !rest.is_empty() {
            let count = end.write(rest).unwrap();
            rest = &rest[count..];
        }
        scene.settle(&mut call, &mut |_| false);
        assert_eq!(sink.bytes.get(), length);
        scene.host.looks - before
    };
    assert_eq!(looks(1000), 0);
    assert_eq!(looks(200_000), 0);
    let many = looks(16 * Pipe::SIZE);
    assert!((1..=3).contains(&many), "{many}");
}

/// What came on the data connection before is seen before the machine is told more.
#[test]
fn behind_a_reply_the_sockets_are_looked_at_while_there_is_a_data_connection() {
    // The beginning of a reply, while the session is in this state.
    let looks = |scene: &mut Scene| {
        let before = scene.host.looks;
        scene.server.out.extend(b"2");
        let mut call = Call::plain(None);
        let step = scene.settle(&mut call, &mut |_| false);
        assert!(matches!(step, Step::Waits(_)), "{step:?}");
        scene.host.looks - before
    };
    let asked = |scene: &mut Scene| {
        let ticket = scene.retrieve();
        let mut call = Call::transfer(ticket.id(), Payload::Caller(Wish::Bytes));
        scene.settle(&mut call, &mut |_| false)
    };
    let mut idle = scene(false);
    assert_eq!(looks(&mut idle), 0);

    let mut connecting = scene(false);
    connecting.host.next = None;
    connecting.server.answers = vec![("RETR", "150 go")];
    asked(&mut connecting);
    assert_eq!(looks(&mut connecting), 1);

    let mut listening = Scene::new(only(DataMode::Eprt), None).steady();
    listening.login().unwrap();
    listening.server.answers = vec![("RETR", "150 go")];
    asked(&mut listening);
    assert_eq!(looks(&mut listening), 1);

    let mut securing = scene(true);
    securing.server.answers = vec![("RETR", "150 go")];
    let _silent = securing.server.data.take();
    asked(&mut securing);
    // Why a server breaks a handshake off is in its reply, which is told at once.
    assert_eq!(looks(&mut securing), 0);

    let mut flowing = scene(false);
    flowing.server.answers = vec![("RETR", "150 go")];
    flowing.server.stalls = true;
    assert_eq!(asked(&mut flowing), Step::Done);
    let before = flowing.host.looks;
    flowing.server.out.extend(b"2");
    let mut call = Call::transfer(TicketId(u32::MAX), Payload::None);
    flowing.settle(&mut call, &mut |_| false);
    assert_eq!(flowing.host.looks - before, 1);
}

/// Where that is asked for. What comes meanwhile is found by it.
#[test]
fn a_wait_begins_with_looks() {
    let mut scene = scene(false);
    scene.engine = scene.engine.busy_wait(7);
    // A round of steps, up to the wait or to what was waited for.
    let round = |scene: &mut Scene, call: &mut Call<'_>| {
        let before = scene.host.looks;
        let mut looked = 0;
        loop {
            let step = scene
                .engine
                .step(scene.now, &mut scene.host, call, &mut |_| false);
            match step.unwrap() {
                Step::Looked => looked += 1,
                Step::Moved => {}
                step => {
                    assert_eq!(scene.host.looks - before, looked);
                    return (step, looked);
                }
            }
        }
    };
    scene.server.answers = vec![("RETR", "150 go")];
    let ticket = scene.retrieve();
    let (mut end, _) = scene.server.data.take().unwrap();
    let mut call = Call::transfer(ticket.id(), Payload::Caller(Wish::Bytes));
    // Readiness comes and goes, so not every look is of the same wait.
    let (step, looked) = round(&mut scene, &mut call);
    assert!(matches!(step, Step::Waits(_)), "{step:?}");
    assert!(looked >= 7, "{looked}");
    // Nothing has come: no more of them in the same wait.
    let (step, looked) = round(&mut scene, &mut call);
    assert!(matches!(step, Step::Waits(_)), "{step:?}");
    assert_eq!(looked, 0);
    while scene.server.turn() {}
    while end.write(b"file").is_err() {}
    assert_eq!(scene.settle(&mut call, &mut |_| false), Step::Done);
}

// ---- the end under TLS

/// An upload under TLS that is said and not confirmed, at a server that has not closed TCP; and since when.
fn said() -> (Scene, Ticket<Transferred>, Instant) {
    let mut scene = scene(true);
    scene.server.keeps = true;
    let ticket = scene.store();
    let mut source = FILE;
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    let before = scene.now;
    let mut step = scene.settle(&mut call, &mut |_| false);
    if let Step::Waits(Some(soon)) = step {
        // What came is acknowledged.
        scene.now = soon;
        step = scene.settle(&mut call, &mut |_| false);
    }
    assert_eq!(scene.server.took, FILE);
    assert!(scene.host.closed.is_empty());
    let Step::Waits(Some(until)) = step else {
        panic!("{step:?}");
    };
    assert_eq!(until.since(before), Duration::from_millis(250));
    (scene, ticket, before)
}

fn settle(scene: &mut Scene, ticket: &Ticket<Transferred>) -> Step {
    let mut source = &b""[..];
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    scene.settle(&mut call, &mut |event| ticket.claim(event).is_some())
}

/// To close first is to lose the server's FIN, which it then sends again much later.
#[test]
fn behind_an_upload_under_tls_the_server_closes_first_or_has_had_its_time() {
    let (mut scene, ticket, _) = said();
    let (end, _) = scene.server.data.as_mut().unwrap();
    end.shut(Shut::Sending);
    settle(&mut scene, &ticket);
    assert_eq!(scene.host.closed, [false]);

    let (mut scene, ticket, since) = said();
    scene.now = since + Duration::from_millis(249);
    settle(&mut scene, &ticket);
    assert!(scene.host.closed.is_empty());
    scene.now = scene.now + Duration::from_millis(1);
    settle(&mut scene, &ticket);
    assert_eq!(scene.host.closed, [false]);
}

#[test]
fn an_upload_that_is_confirmed_needs_no_close_of_the_servers() {
    let (mut scene, ticket, _) = said();
    scene.server.out.extend(b"226 done\r\n");
    assert_eq!(settle(&mut scene, &ticket), Step::Done);
    assert_eq!(scene.host.closed, [false]);
}

/// Servers may hold the final reply back until then.
#[test]
fn a_download_is_closed_at_once() {
    for tls in [false, true] {
        let mut scene = scene(tls);
        scene.server.answers = vec![("RETR", "150 go")];
        let ticket = scene.retrieve();
        let mut sink = Tally::default();
        let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut sink));
        let step = scene.settle(&mut call, &mut |_| false);
        assert!(matches!(step, Step::Waits(_)), "{step:?}");
        assert_eq!(scene.host.closed, [false]);
    }
}

/// Only then does it see that the next connection would be a handshake of its own.
#[test]
fn the_machine_knows_how_many_tickets_there_are() {
    let mut scene = scene(true);
    let tickets = |scene: &Scene| scene.engine.machine().evidence().control.tickets;
    assert_eq!(tickets(&scene), Tickets::Left(2));
    scene.server.tickets = false;
    scene.download().unwrap();
    scene.noop().unwrap();
    assert_eq!(tickets(&scene), Tickets::Left(1));
}

// ---- acknowledgements

#[test]
fn what_came_on_the_data_connection_is_acknowledged_too_and_once() {
    let mut scene = scene(false);
    scene.server.stalls = true;
    scene.server.answers = vec![("RETR", "150 go")];
    let ticket = scene.retrieve();
    let mut sink = Tally::default();
    let mut soon = 0;
    for _ in 0..10 {
        let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut sink));
        match scene.settle(&mut call, &mut |_| false) {
            Step::Waits(Some(until)) if until.since(scene.now) < Duration::from_millis(100) => {
                scene.now = until;
                soon += 1;
            }
            step => assert!(matches!(step, Step::Waits(_)), "{step:?}"),
        }
    }
    assert_eq!(sink.bytes.get(), FILE.len());
    assert_eq!(soon, 1);
    assert_eq!(scene.host.data.as_ref().unwrap().acks, 1);
}

/// What goes to the peer carries the ACK of what came before.
#[test]
fn nothing_is_acknowledged_where_nothing_came() {
    let mut scene = scene(false);
    let ticket = scene.store();
    let wait = |scene: &mut Scene| {
        let mut call = Call::transfer(ticket.id(), Payload::Caller(Wish::Bytes));
        match scene.settle(&mut call, &mut |_| false) {
            Step::Waits(Some(until)) => until,
            step => panic!("{step:?}"),
        }
    };
    // The 150.
    scene.now = wait(&mut scene);
    assert_eq!(scene.now, Instant::from_millis(5));
    wait(&mut scene);
    assert_eq!(scene.engine.pipe().put(FILE), FILE.len());
    let until = wait(&mut scene);
    assert_eq!(scene.server.took, FILE);
    assert!(
        until.since(scene.now) > Duration::from_millis(100),
        "{until:?}"
    );
}

// ---- orders that cannot be carried out

/// Whatever became of TLS, and of the connection.
#[test]
fn payload_never_goes_in_clear_that_was_ordered_under_tls() {
    let client = World::new().client().build().unwrap();
    let session = client.session(NAME).unwrap();
    for (connected, secure, protected) in [
        (false, false, false),
        (false, true, true),
        (true, false, true),
        (true, true, false),
    ] {
        let mut scene = scene(false);
        scene.host.data = scene.host.next.take().filter(|_| connected);
        let engine = &mut scene.engine;
        if secure {
            let channel = session.open(Purpose::Data).unwrap();
            engine.data.pipe.secure(channel);
        }
        let errand = Errand::Flow {
            number: 1,
            data: DataId(1),
            direction: Direction::Send,
            ascii: false,
            protected,
            discard: false,
        };
        let Effect::Flow(order) = errand.mint() else {
            panic!("a flow");
        };
        engine
            .data
            .begin_flow(order, &mut engine.core, &mut scene.host);
        let report = engine.core.reports.pop_front().unwrap();
        let News::Finished(end) = report.news else {
            panic!("{report:?}");
        };
        assert_eq!((end.bytes, end.end), (0, DataEnd::Tls(TlsFault::Local)));
        assert!(engine.core.desk.flow.is_none() && scene.host.data.is_none());
    }
}

#[test]
fn tls_does_not_begin_where_there_is_no_connection() {
    let client = World::new().client().build().unwrap();
    let session = client.session(NAME).unwrap();
    for connected in [false, true] {
        let mut scene = scene(false);
        scene.host.data = scene.host.next.take().filter(|_| connected);
        let engine = &mut scene.engine;
        let Effect::SecureData(order) =
            Errand::SecureData(1, order::Channel::Data(DataId(1))).mint()
        else {
            panic!("a handshake");
        };
        let opened = session.open(Purpose::Data);
        engine
            .data
            .secure(order, opened, &mut engine.core, &mut scene.host);
        assert_eq!(engine.core.desk.secure_data.is_some(), connected);
        assert_eq!(engine.core.reports.len(), usize::from(!connected));
    }
}

/// Without another word of the server.
#[test]
fn an_eager_upload_flows_once_its_command_has_gone() {
    let mut scene = Scene::clear().steady();
    scene.login().unwrap();
    let how = TransferOptions {
        eager: true,
        ..TransferOptions::default()
    };
    let machine = scene.engine.machine_mut();
    let ticket = machine.store(scene.now, b"f", how).unwrap();
    scene.engine.expect(ticket.id());
    let mut source = FILE;
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    for _ in 0..100 {
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
        assert!(matches!(step, Ok(Step::Moved | Step::Waits(_))), "{step:?}");
        scene.server.turn();
        if scene.server.heard.last().unwrap() == "STOR f" {
            break;
        }
    }
    assert_eq!(scene.server.heard.last().unwrap(), "STOR f");
    assert!(scene.engine.flows(ticket.id()));
    scene.play(&ticket, Payload::Source(&mut source)).unwrap();
    assert_eq!(scene.server.took, FILE);
}
