//! The engine against a server in memory that says what the test wants, on sockets that do what the test wants.

mod ends;
mod leaving;
mod payload;
mod scene;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Mutex;

use super::*;
use crate::client::{Config, DataMode, Security};
use crate::error::{Category, FailureKind};
use crate::order::Fault;
use crate::pipe::LinkEnd;
use crate::pipe::flow::Shut;
use crate::pipe::tests::End;
use crate::secret::Secret;
use crate::ticket::{Plain, Ticket};
use crate::tls::tests::{Authority, NAME, World};
use crate::tls::{ClientTls, TlsFailure};
use crate::wire::command::Verb;
use scene::{FILE, Host, SERVER, STRANGER, Scene, Turn, kind, only};

/// A writer or reader that fails, and how.
struct Fails {
    write: Option<ErrorKind>,
    flush: Option<ErrorKind>,
}

impl Write for Fails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.write {
            Some(ErrorKind::WriteZero) => Ok(0),
            Some(kind) => Err(kind.into()),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.write.unwrap().into())
    }
}

#[test]
fn a_writer_that_fails_ends_the_download_and_not_the_session() {
    let cases = [
        (Some(ErrorKind::StorageFull), None),
        (Some(ErrorKind::WriteZero), None),
        // What a buffering writer cannot write out is not there.
        (None, Some(ErrorKind::QuotaExceeded)),
    ];
    for (write, flush) in cases {
        for tls in [false, true] {
            let mut scene = match tls {
                true => Scene::under_tls(Security::required()),
                false => Scene::clear(),
            };
            scene.login().unwrap();
            let ticket = scene.retrieve();
            let mut sink = Fails { write, flush };
            let error = scene
                .play(&ticket, Payload::Sink(&mut sink))
                .expect_err("not written");
            let Error::Local(local) = &error else {
                panic!("{error}");
            };
            assert_eq!(Some(local.kind()), write.or(flush));
            scene.noop().unwrap();
        }
    }
}

#[test]
fn a_reader_that_fails_leaves_no_file_that_looks_whole() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.store();
    let mut source = Fails {
        write: Some(ErrorKind::UnexpectedEof),
        flush: None,
    };
    let error = scene
        .play(&ticket, Payload::Source(&mut source))
        .unwrap_err();
    assert!(matches!(error, Error::Local(_)), "{error}");
    assert_eq!(scene.host.closed, [true], "by a reset");
    assert_eq!(scene.now, Instant::ZERO, "at once");
}

#[test]
fn an_upload_that_has_nothing_for_now_is_waited_for() {
    /// Ready every other time.
    struct Slow<'a>(&'a [u8], bool);
    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            match self.1 {
                true => Err(ErrorKind::WouldBlock.into()),
                false => self.0.read(into),
            }
        }
    }
    let mut scene = Scene::under_tls(Security::required());
    scene.login().unwrap();
    let ticket = scene.store();
    let mut source = Slow(FILE, false);
    let done = scene.play(&ticket, Payload::Source(&mut source)).unwrap();
    assert_eq!(done.bytes, FILE.len() as u64);
    assert_eq!(scene.server.took, FILE);
    assert!(scene.engine.channel().is_some());
    assert!(scene.engine.identity().is_some());
    assert!(scene.engine.is_at_rest());
}

/// Steps until nothing happens any more, with the server or without it. True if the transfer has ended.
fn settle(scene: &mut Scene, call: &mut Call<'_>, speaks: impl Fn(&Scene) -> bool) -> bool {
    let mut ended = false;
    let mut still = 0;
    while !ended && still < 8 {
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, call, &mut |event| {
                ended |= matches!(event, Event::Finished { result: Ok(_), .. });
                ended
            });
        let spoke = speaks(scene) && scene.server.turn();
        still = match step.unwrap() {
            Step::Waits(_) if !spoke => still + 1,
            _ => 0,
        };
    }
    ended
}

#[test]
fn behind_an_upload_in_clear_the_reply_is_waited_for_alone() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.store();
    let mut source = FILE;
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    let begun = scene.now;
    let ended = settle(&mut scene, &mut call, |scene| scene.server.took != FILE);
    assert!(!ended);
    let reads = |scene: &Scene| scene.host.data.as_ref().unwrap().reads;
    assert_eq!(reads(&scene), 0, "all is sent, and nothing was heard");
    // Its word comes, and what it did before is seen before that is told: without any time.
    assert!(settle(&mut scene, &mut call, |_| true));
    assert_eq!(scene.now, begun);
}

#[test]
fn a_server_that_says_nothing_behind_an_upload_is_looked_at_in_a_moment() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.store();
    let mut source = FILE;
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    settle(&mut scene, &mut call, |scene| scene.server.took != FILE);
    let step = scene
        .engine
        .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
    let Ok(Step::Waits(Some(until))) = step else {
        panic!("{step:?}");
    };
    assert!(until <= scene.now + Duration::from_millis(5), "{until:?}");
    scene.now = until;
    assert!(!settle(&mut scene, &mut call, |_| false));
    // The end of its side: the next batch need not wait for the reply.
    scene.server.data = None;
    assert!(scene.host.data.as_ref().unwrap().reads > 0);
}

/// A source as a function.
struct Gives<F>(F);

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for Gives<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (self.0)(into)
    }
}

/// An upload that flows, if its source gives nothing yet. What `gives` then gives is asked of it at each read; it is told how many there were before.
fn upload(
    tls: bool,
    gives: impl Fn(u32, &mut [u8]) -> io::Result<usize>,
    then: impl FnOnce(&mut Scene, &mut Call<'_>),
) {
    let scene = match tls {
        true => Scene::under_tls(Security::required()),
        false => Scene::clear(),
    };
    let mut scene = scene.steady();
    scene.login().unwrap();
    let ticket = scene.store();
    let (ready, reads) = (Cell::new(false), Cell::new(0));
    let mut source = Gives(|into: &mut [u8]| match ready.get() {
        true => gives(reads.replace(reads.get() + 1), into),
        false => Err(ErrorKind::WouldBlock.into()),
    });
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    settle(&mut scene, &mut call, |_| true);
    assert!(scene.engine.flows(ticket.id()));
    ready.set(true);
    then(&mut scene, &mut call);
}

fn step(scene: &mut Scene, call: &mut Call<'_>) {
    let step = scene
        .engine
        .step(scene.now, &mut scene.host, call, &mut |_| false);
    assert!(matches!(step, Ok(Step::Moved | Step::Waits(_))), "{step:?}");
}

fn data(scene: &Scene) -> &End {
    scene.host.data.as_ref().unwrap()
}

#[test]
fn a_small_file_goes_with_its_end_in_one_packet() {
    let gives = |before, into: &mut [u8]| match before {
        0 => FILE.take(1 << 10).read(into),
        _ => Ok(0),
    };
    for tls in [false, true] {
        upload(tls, gives, |scene, call| {
            let before = data(scene).packets();
            settle(scene, call, |scene| scene.server.took != FILE);
            assert_eq!(scene.server.took, FILE);
            assert_eq!(data(scene).packets(), before + 1, "{tls}");
        });
    }
}

#[test]
fn what_is_sent_waits_for_no_source_that_is_not_ready() {
    let gives = |before, into: &mut [u8]| match before {
        0 | 2 => FILE.take(1 << 10).read(into),
        _ => Err(ErrorKind::WouldBlock.into()),
    };
    upload(false, gives, |scene, call| {
        settle(scene, call, |_| true);
        assert_eq!(scene.server.took, FILE.repeat(2));
        assert!(!data(scene).holds());
    });
}

/// The first piece is kept no longer than the system keeps it, and no other one.
#[test]
fn behind_a_wait_for_the_source_nothing_is_kept_back() {
    let gives = |_, into: &mut [u8]| FILE.take(1 << 10).read(into);
    for (millis, holds) in [(20, true), (21, false)] {
        upload(false, gives, |scene, call| {
            step(scene, call);
            assert!(data(scene).holds());
            scene.now = scene.now + Duration::from_millis(millis);
            step(scene, call);
            assert_eq!(data(scene).holds(), holds, "{millis}");
            step(scene, call);
            assert_eq!(data(scene).holds(), holds, "{millis}");
        });
    }
}

#[test]
fn a_piece_that_cannot_be_the_last_is_not_kept_back() {
    let gives = |before, into: &mut [u8]| match before {
        0..3 => Ok(into.len()),
        _ => Ok(into.len() - 1),
    };
    upload(false, gives, |scene, call| {
        for holds in [false, false, false, true] {
            step(scene, call);
            assert_eq!(data(scene).holds(), holds);
        }
    });
}

/// Not from the last news on, as an acknowledgement: from the first byte on.
#[test]
fn what_a_server_does_on_the_data_connection_is_left_alone_for_5_ms_in_all() {
    struct Later<'a>(&'a [u8], &'a Cell<bool>);
    impl Read for Later<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.1.get() {
                true => self.0.read(into),
                false => Err(ErrorKind::WouldBlock.into()),
            }
        }
    }
    let ready = Cell::new(false);
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.store();
    let mut source = Later(FILE, &ready);
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    let begun = scene.now;
    assert!(!settle(&mut scene, &mut call, |_| true));
    scene.now = begun + Duration::from_millis(3);
    ready.set(true);
    settle(&mut scene, &mut call, |scene| scene.server.took != FILE);
    assert_eq!(scene.server.took, FILE);
    let step = scene
        .engine
        .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
    let Ok(Step::Waits(until)) = step else {
        panic!("{step:?}");
    };
    assert_eq!(until, Some(begun + Duration::from_millis(5)));
}

/// There is nothing to look at behind one that failed on our side.
#[test]
fn an_upload_that_fails_here_is_not_looked_at() {
    struct Breaks<'a>(&'a Cell<bool>);
    impl Read for Breaks<'_> {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            match self.0.get() {
                true => Err(ErrorKind::UnexpectedEof.into()),
                false => Err(ErrorKind::WouldBlock.into()),
            }
        }
    }
    let broken = Cell::new(false);
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.store();
    let mut source = Breaks(&broken);
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    let begun = scene.now;
    assert!(!settle(&mut scene, &mut call, |_| true));
    // What is owed to the server's packets is due later than what was to be looked at.
    scene.now = begun + Duration::from_millis(3);
    broken.set(true);
    settle(&mut scene, &mut call, |_| false);
    assert_eq!(scene.host.closed, [true], "by a reset");
    let step = scene
        .engine
        .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
    let Ok(Step::Waits(Some(until))) = step else {
        panic!("{step:?}");
    };
    assert!(until > begun + Duration::from_millis(5), "{until:?}");
}

/// The server only sees that nobody comes; why is known here.
#[test]
fn a_data_connection_that_cannot_be_made_says_why() {
    let refused = |scene: &mut Scene, fault| {
        scene.server.answers = vec![("RETR", "150 go")];
        scene.dial();
        let error = scene.download().unwrap_err();
        assert!(error.failure().is_some(), "{error}");
        let evidence = &scene.engine.machine().evidence().data;
        assert_eq!(evidence.open_fault, Some(fault), "{error}");
        scene.server.answers.clear();
    };
    let mut scene = Scene::new(only(DataMode::Epsv), None);
    scene.login().unwrap();
    scene.host.connect = Some(ErrorKind::ConnectionRefused);
    refused(&mut scene, Fault::Refused);
    scene.host.connect = None;
    scene.host.connected = Some(ErrorKind::NetworkUnreachable);
    refused(&mut scene, Fault::Unreachable);
    scene.host.connected = None;
    scene.dial();
    assert_eq!(scene.download().unwrap(), FILE);

    let mut scene = Scene::new(only(DataMode::Eprt), None);
    scene.login().unwrap();
    scene.host.listen = Some(ErrorKind::PermissionDenied);
    let error = scene.download().unwrap_err();
    assert_eq!(kind(&error), FailureKind::DataOpen(Fault::Denied));
    assert_eq!(error.category(), Category::Transfer);
    scene.host.listen = None;
    scene.host.accept = [Err(ErrorKind::OutOfMemory)].into();
    refused(&mut scene, Fault::Other);
}

#[test]
fn whoever_else_connects_to_our_data_port_is_turned_away() {
    let mut scene = Scene::new(only(DataMode::Eprt), None);
    let notes: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&notes);
    let moved: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let news = Arc::clone(&moved);
    scene.engine = scene.engine.with_hooks(
        Some(Box::new(move |event| {
            told.lock().unwrap().push(Told(event).to_string());
        })),
        Some(Box::new(move |progress| {
            news.lock().unwrap().push(progress);
        })),
    );
    scene.login().unwrap();
    scene.host.accept = [Ok(STRANGER), Ok(SERVER)].into();
    assert_eq!(scene.download().unwrap(), FILE);
    let heard = scene.server.heard.join(" ");
    assert!(heard.contains("EPRT |1|192.0.2.77|4000|"), "{heard}");
    let notes = notes.lock().unwrap().join("\n");
    assert!(notes.contains("StrangerRefused(198.51.100.9)"), "{notes}");
    let moved = moved.lock().unwrap();
    assert_eq!(moved.last().unwrap().bytes, FILE.len() as u64);
    // Their connection was closed, and not taken for the server's.
    assert_eq!(scene.host.closed.len(), 2);
}

#[test]
fn the_control_connection_is_closed_behind_the_last_word() {
    for tls in [false, true] {
        let mut scene = match tls {
            true => Scene::under_tls(Security::required()),
            false => Scene::clear(),
        }
        .steady();
        scene.login().unwrap();
        let ticket = scene.engine.machine_mut().quit(scene.now).unwrap();
        scene.play(&ticket, Payload::None).unwrap();
        let mut call = Call::plain(None);
        assert_eq!(scene.steps(&mut call, &mut |_| false), Step::Closed);
        assert!(scene.host.control.is_none());
        for _ in 0..4 {
            scene.server.turn();
        }
        let end = match tls {
            true => LinkEnd::CloseNotify,
            false => LinkEnd::Fin,
        };
        assert_eq!(scene.server.link.end(), Some(end));
        // Nothing is left that could be sent, or sent to.
        scene.engine.flush(&mut scene.host, &mut |_| false);
        assert_eq!(scene.server.heard.last().unwrap(), "QUIT");
    }
}

/// For when nobody will take another step soon.
#[test]
fn what_was_asked_for_can_be_sent_without_a_step() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let _noop = scene.engine.machine_mut().noop(scene.now).unwrap();
    for _ in 0..3 {
        scene.engine.flush(&mut scene.host, &mut |_| false);
        scene.server.turn();
    }
    assert_eq!(scene.server.heard.last().unwrap(), "NOOP");
}

/// Of a call that was given up.
#[test]
fn the_trouble_of_an_earlier_call_is_not_told_of_the_next() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let fails = |scene: &mut Scene, kind| {
        let ticket = scene.retrieve();
        let mut sink = Fails {
            write: Some(kind),
            flush: None,
        };
        let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut sink));
        let mut failure = None;
        let step = scene.steps(&mut call, &mut |event| {
            failure = ticket.claim(event).and_then(Result::err);
            failure.is_some()
        });
        assert_eq!(step, Step::Done);
        scene.dial();
        failure.unwrap()
    };
    let _ = fails(&mut scene, ErrorKind::StorageFull);
    scene.engine.forget_trouble();
    let failure = fails(&mut scene, ErrorKind::QuotaExceeded);
    match scene.engine.explain(failure) {
        Error::Local(error) => assert_eq!(error.kind(), ErrorKind::QuotaExceeded),
        error => panic!("{error}"),
    }
}

/// Nothing says how TLS is to be made: the password stays here, and why is told, once.
#[test]
fn without_settings_for_tls_the_session_ends_before_the_password() {
    let mut scene = Scene::new(Config::default(), None);
    let error = scene.login().unwrap_err();
    assert_eq!(error.category(), Category::Tls);
    assert!(error.to_string().contains("no TLS settings"), "{error}");
    assert_eq!(scene.server.heard, ["AUTH TLS"]);
    let error = scene.noop().unwrap_err();
    assert!(error.failure().is_none(), "{error}");
    assert_eq!(error.to_string(), Error::session_over().to_string());
    assert!(scene.engine.over().failure().is_some(), "why, once");
    assert_eq!(scene.engine.over().to_string(), error.to_string());
}

#[test]
fn clear_text_where_tls_should_be_is_quoted() {
    let mut scene = Scene::under_tls(Security::required());
    scene.server.tls = None;
    scene.server.answers = vec![("AUTH", "234 go")];
    let ticket = {
        let machine = scene.engine.machine_mut();
        machine
            .login(scene.now, b"joe", Secret::new(b"hunter2"), None)
            .unwrap()
    };
    // Not together with the 234: that would be taken for an injection.
    let mut said = false;
    let mut call = Call::plain(Some(ticket.id()));
    let error = loop {
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |event| {
                ticket.claim(event).is_some()
            });
        if scene.engine.channel().is_some() && !said {
            said = scene.server.end.write(b"500 hunter2 hunter2\r\n").is_ok();
        } else if !said {
            scene.server.turn();
        }
        if let Step::Closed = step.unwrap() {
            break scene.engine.over();
        }
        if let Step::Waits(Some(until)) = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |_| false)
            .unwrap()
            && said
        {
            assert!(until > scene.now);
        }
    };
    let Error::Failed(failed) = &error else {
        panic!("{error}");
    };
    let Some(TlsFailure::NotTls { sample, .. }) = &failed.tls else {
        panic!("{error}");
    };
    // A password that comes back is masked here too.
    assert_eq!(sample, b"500 **** ****\r\n", "{error}");
}

#[test]
fn after_ccc_commands_are_clear_and_files_are_not() {
    let mut scene = Scene::under_tls(Security::required().allow_ccc());
    scene.login().unwrap();
    let machine = scene.engine.machine_mut();
    let ticket: Ticket<Plain> = machine.clear_command_channel(scene.now).unwrap();
    scene.play(&ticket, Payload::None).unwrap();
    assert!(scene.engine.channel().is_none());
    scene.noop().unwrap();
    assert_eq!(scene.download().unwrap(), FILE);
    assert!(scene.engine.data.pipe.link().is_secure());
}

/// CCC is answered, and TLS does not end as it should.
#[test]
fn a_server_that_leaves_tls_without_a_word_ends_the_session() {
    let mut scene = Scene::under_tls(Security::required().allow_ccc());
    scene.login().unwrap();
    let machine = scene.engine.machine_mut();
    let ticket: Ticket<Plain> = machine.clear_command_channel(scene.now).unwrap();
    let mut call = Call::plain(Some(ticket.id()));
    let mut ended = None;
    let mut shut = false;
    loop {
        let mut done = |event: &Event<'_>| {
            ended = ended.take().or_else(|| ticket.claim(event));
            false
        };
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut done);
        if scene.server.turns == Some(Turn::Clear) && scene.server.out.is_empty() && !shut {
            // Its 200 is on its way, and so is its FIN.
            while scene.server.link.wants_write() {
                scene.server.link.flush(&mut scene.server.end);
            }
            scene.server.end.shut(Shut::Sending);
            shut = true;
        } else if !shut {
            scene.server.link.fill(&mut scene.server.end);
            let plain = scene.server.link.plain().to_vec();
            if plain.ends_with(b"\r\n") {
                scene.server.link.consume(plain.len());
                scene.server.hear("CCC");
            }
            let out = core::mem::take(&mut scene.server.out);
            let sent = scene.server.link.send(&out, &mut scene.server.end);
            scene.server.out = out[sent..].to_vec();
        }
        if step.unwrap() == Step::Closed {
            break;
        }
    }
    let error = scene.engine.over();
    assert_eq!(error.category(), Category::Tls, "{error}");
    assert!(ended.is_some_and(|ended| ended.is_err()));
}

#[test]
fn tls_that_fails_on_the_data_connection_is_told_with_what_came_instead() {
    let mut scene = Scene::under_tls(Security::required());
    scene.login().unwrap();
    scene.server.answers = vec![("RETR", "150 go")];
    scene.server.instead_of_tls = Some(b"425 not today\r\n");
    let error = scene.download().unwrap_err();
    assert!(matches!(kind(&error), FailureKind::DataTls(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("\"425 not today\""), "{text}");
}

#[test]
fn a_caller_may_move_payload_itself() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.retrieve();
    let mut nothing = |event: &Event<'_>| ticket.claim(event).is_some();
    let mut wait = |scene: &mut Scene, wish| {
        let mut call = Call::transfer(ticket.id(), Payload::Caller(wish));
        assert_eq!(scene.steps(&mut call, &mut nothing), Step::Done);
    };
    wait(&mut scene, Wish::Begin);
    assert!(scene.engine.flows(ticket.id()));
    wait(&mut scene, Wish::Bytes);
    let mut got = [0; 9];
    assert_eq!(scene.engine.pipe().read(&mut got), 9);
    assert_eq!(got, FILE[..9]);
    // The rest is of no interest; the transfer is whole all the same.
    let done = scene.play(&ticket, Payload::Discard).unwrap();
    assert_eq!(done.bytes, FILE.len() as u64);

    scene.dial();
    let ticket = scene.store();
    let mut nothing = |event: &Event<'_>| ticket.claim(event).is_some();
    let mut wait = |scene: &mut Scene, wish| {
        let mut call = Call::transfer(ticket.id(), Payload::Caller(wish));
        assert_eq!(scene.steps(&mut call, &mut nothing), Step::Done);
    };
    wait(&mut scene, Wish::Room);
    assert_eq!(scene.engine.pipe().put(FILE), FILE.len());
    wait(&mut scene, Wish::Sent);
    let done = scene.play(&ticket, Payload::Caller(Wish::End)).unwrap();
    assert_eq!(done.bytes, FILE.len() as u64);
    assert_eq!(scene.server.took, FILE);
}

/// A call that moves no payload, or moves it the wrong way, cannot end a transfer well.
#[test]
fn payload_that_nobody_takes_or_gives_is_given_up() {
    let given_up = |error: Error| match error {
        Error::Local(error) => assert_eq!(error.to_string(), "the transfer was given up"),
        other => panic!("{other}"),
    };
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.retrieve();
    given_up(scene.play(&ticket, Payload::None).unwrap_err());
    scene.dial();
    let ticket = scene.store();
    given_up(scene.play(&ticket, Payload::None).unwrap_err());
    scene.noop().unwrap();
}

#[test]
fn queued_transfers_are_taken_in_their_order() {
    let mut scene = Scene::clear();
    assert!(!scene.engine.book.is_ready());
    scene.login().unwrap();
    let (first, second) = (scene.retrieve(), scene.retrieve());
    let book = &mut scene.engine.book;
    let one = book.queue(first);
    let two = book.queue_store(second);
    assert!(book.is_ready());
    assert_eq!(book.is_free(), Err(crate::error::Refusal::Busy));
    assert!(matches!(book.send(&two), Err(crate::error::Refusal::Busy)));
    let (ticket, early) = book.receive(&one).unwrap();
    assert_eq!((ticket.id(), early), (first.id(), None));
    let mut got = Vec::new();
    scene.play(&ticket, Payload::Sink(&mut got)).unwrap();
    assert_eq!(got, FILE);
    // Refused before anyone waits for it: kept until then.
    scene.server.answers = vec![("RETR", "550 no such file")];
    scene.dial();
    scene.noop().unwrap();
    let (_, early) = scene.engine.book.send(&two).unwrap();
    let failure = early.unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert_eq!(scene.engine.book.is_free(), Ok(()));
    let third = scene.retrieve();
    let _queued = scene.engine.book.queue(third);
    scene.engine.forget_queued(scene.now);
    assert_eq!(scene.engine.book.is_free(), Ok(()));
}

/// It says more than what came of the call it rode with.
#[test]
fn a_login_that_rides_with_a_call_and_fails_ends_the_call() {
    let mut scene = Scene::clear();
    scene.server.answers = vec![("PASS", "530 no")];
    let machine = scene.engine.machine_mut();
    let login = machine.login(Instant::ZERO, b"joe", Secret::new(b"hunter2"), None);
    scene.engine.book.begin_login(login.unwrap());
    let ticket = scene.retrieve();
    let mut call = Call::transfer(ticket.id(), Payload::Discard);
    assert_eq!(scene.steps(&mut call, &mut |_| false), Step::Done);
    assert!(!scene.engine.is_at_rest());
    assert!(scene.engine.book.login_has_failed());
    let failure = scene.engine.book.login_failed().unwrap();
    assert_eq!(failure.kind, FailureKind::LoginRefused);
    assert!(!scene.engine.book.login_has_failed());
}

#[test]
fn progress_is_told_of_what_the_application_moves() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let notes = Arc::clone(&told);
    scene.engine.tell_progress(Some(Box::new(move |progress| {
        notes.lock().unwrap().push(progress);
    })));
    assert_eq!(scene.download().unwrap(), FILE);
    let told = told.lock().unwrap();
    let last = told.last().unwrap();
    assert_eq!(last.direction, Direction::Receive);
    assert_eq!(last.bytes, FILE.len() as u64);
}

#[test]
fn debug_forms_show_no_payload_and_no_password() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    scene.server.stalls = true;
    let ticket = scene.retrieve();
    let mut call = Call::transfer(ticket.id(), Payload::Caller(Wish::Bytes));
    assert_eq!(scene.steps(&mut call, &mut |_| false), Step::Done);
    let pipe = format!("{:?}", scene.engine.pipe());
    let text = format!("{:?} {pipe}", scene.engine);
    assert!(text.contains("flows: true"), "{text}");
    assert!(text.contains("Buffer(43 bytes)"), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains("quick"),
        "{text}"
    );
    let (mut sink, mut source) = (Vec::new(), FILE);
    let forms = [
        (Call::plain(None), "None"),
        (
            Call::transfer(ticket.id(), Payload::Sink(&mut sink)),
            "Sink",
        ),
        (
            Call::transfer(ticket.id(), Payload::Source(&mut source)),
            "Source",
        ),
        (
            Call::transfer(ticket.id(), Payload::Caller(Wish::End)),
            "Caller",
        ),
        (Call::transfer(ticket.id(), Payload::Discard), "Discard"),
    ];
    for (call, form) in forms {
        let text = format!("{call:?}");
        assert!(text.ends_with(&format!("payload: {form} }}")), "{text}");
    }
}

#[test]
fn a_command_that_hides_nothing_is_told_as_it_is_said() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let lines: [&[u8]; 3] = [b"SITE caf\xE9", b"XCAF caf\xE9", b"SITE PSWD caf\xE9"];
    let mut told = Vec::new();
    for line in lines {
        let ticket = scene.engine.machine_mut().command(scene.now, line).unwrap();
        let mut call = Call::plain(Some(ticket.id()));
        scene.steps(&mut call, &mut |event| {
            if let Event::Sent { line, .. } = event {
                told.push(line.to_vec());
            }
            matches!(event, Event::Finished { .. })
        });
    }
    assert_eq!(told, [lines[0], lines[1], b"SITE PSWD ****"]);
}

#[test]
fn a_dialogue_is_told_line_by_line() {
    let failure = Failure::new(FailureKind::Withdrawn, None);
    let lines = [
        (Event::Ready { secure: true }, "ready, under TLS"),
        (Event::Ready { secure: false }, "ready, in clear"),
        (Event::Closed(None), "closed"),
        (
            Event::Closed(Some(&failure)),
            "closed: withdrawn before it was over",
        ),
        (
            Event::Finished {
                ticket: TicketId(1),
                result: Err(&failure),
            },
            "failed: withdrawn before it was over",
        ),
        (
            Event::Finished {
                ticket: TicketId(1),
                result: Ok(crate::output::Done::Nothing),
            },
            "done",
        ),
        (
            Event::Sent {
                verb: Verb::Noop,
                line: b"NOOP",
            },
            "---> NOOP",
        ),
        (Event::Note(crate::output::Note::LockStep), "LockStep"),
    ];
    for (event, line) in lines {
        assert_eq!(Told(&event).to_string(), line);
    }
}

/// A driver without active data connections, whose sockets know by themselves what they are ready for.
#[test]
fn sockets_may_leave_out_what_they_do_not_have() {
    struct Simple(Host);
    impl Sockets for Simple {
        fn control(&mut self) -> Option<&mut dyn Transport> {
            self.0.control()
        }
        fn close_control(&mut self) {
            self.0.close_control();
        }
        fn connect(&mut self, _: DataTarget) -> io::Result<()> {
            self.0.data = self.0.next.take();
            Ok(())
        }
        fn data(&mut self) -> Option<&mut dyn Transport> {
            self.0.data()
        }
        fn close_data(&mut self) {
            self.0.close_data();
        }
    }
    for (mode, opens) in [(DataMode::Epsv, true), (DataMode::Eprt, false)] {
        let mut scene = Scene::new(only(mode), None);
        scene.login().unwrap();
        let ticket = scene.retrieve();
        let mut sockets = Simple(scene.host);
        assert!(matches!(sockets.accept(), Ok(None)) && sockets.look().is_ok());
        let (mut result, mut got) = (None, Vec::new());
        while result.is_none() {
            let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut got));
            let mut done = |event: &Event<'_>| {
                result = ticket.claim(event);
                result.is_some()
            };
            let step = scene
                .engine
                .step(scene.now, &mut sockets, &mut call, &mut done);
            step.unwrap();
            scene.server.turn();
        }
        match result.unwrap() {
            Ok(done) => assert_eq!((done.bytes, got.as_slice(), opens), (43, FILE, true)),
            Err(failure) => {
                assert!(!opens);
                assert!(matches!(failure.kind, FailureKind::DataOpen(_)));
            }
        }
    }
}

/// What exactly a certificate lacks, TLS knows better than any rule about failures.
#[test]
fn a_certificate_that_is_not_trusted_is_told_with_what_can_be_done_about_it() {
    let (world, other) = (World::new(), Authority::new(9));
    let client = ClientTls::builder().roots_pem(&other.pem).build().unwrap();
    let sessions = (
        client.session(NAME).unwrap(),
        world.server().build().unwrap().session(),
    );
    let mut scene = Scene::new(Config::default(), Some(sessions));
    let error = scene.login().unwrap_err();
    let advice = TlsFailure::UnknownIssuer.advice();
    assert!(error.to_string().contains(advice), "{error}");
    assert!(!format!("{error:#}").contains(advice), "{error:#}");
    assert!(scene.engine.identity().is_some());
}

/// Trying again at once would not let go of the processor.
#[test]
fn a_control_connection_that_takes_nothing_is_waited_for() {
    let mut scene = Scene::clear().steady();
    scene.login().unwrap();
    let noop = scene.engine.machine_mut().noop(scene.now).unwrap();
    scene.host.control.as_mut().unwrap().room = 0;
    let mut call = Call::plain(None);
    for _ in 0..3 {
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
        assert!(matches!(step, Ok(Step::Waits(Some(_)))), "{step:?}");
    }
    scene.host.control.as_mut().unwrap().room = usize::MAX;
    scene.play(&noop, Payload::None).unwrap();
    assert_eq!(scene.server.heard.last().unwrap(), "NOOP");
}
