//! How a session ends that the server does not end in words.

use super::*;
use crate::client::TransferOptions;
use crate::pipe::tests::connection;
use crate::ticket::Transferred;
use crate::tree::Trouble;

/// What the server does to the control connection behind a command.
fn told(mut scene: Scene, act: impl FnOnce(&mut Scene)) -> Error {
    scene.login().unwrap();
    let ticket = scene.engine.machine_mut().noop(scene.now).unwrap();
    // It goes, and nothing answers it.
    for _ in 0..3 {
        scene.engine.flush(&mut scene.host, &mut |_| false);
    }
    act(&mut scene);
    let mut failure = None;
    let mut call = Call::plain(Some(ticket.id()));
    for _ in 0..100 {
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |event| {
                failure = failure.take().or_else(|| ticket.claim(event)?.err());
                failure.is_some()
            });
        match step.unwrap() {
            Step::Done => break,
            Step::Closed => return scene.engine.over(),
            Step::Moved | Step::Looked | Step::Waits(_) => {}
        }
    }
    scene.engine.explain(failure.unwrap())
}

#[test]
fn the_end_of_the_control_connection_is_told_as_what_it_was() {
    let error = told(Scene::clear(), |scene| {
        scene.server.end.shut(Shut::Sending);
    });
    assert_eq!(kind(&error), FailureKind::ControlClosed, "{error}");
    let error = told(Scene::under_tls(Security::required()), |scene| {
        scene.server.link.close();
        while scene.server.link.wants_write() {
            scene.server.link.flush(&mut scene.server.end);
        }
    });
    assert_eq!(kind(&error), FailureKind::ControlClosed, "{error}");
    for tls in [false, true] {
        let scene = match tls {
            true => Scene::under_tls(Security::required()),
            false => Scene::clear(),
        };
        let error = told(scene, |scene| {
            let (_, end) = connection(1);
            let mut end = core::mem::replace(&mut scene.server.end, end);
            end.reset = true;
            end.close();
        });
        let broken = FailureKind::ControlBroken(Fault::Reset);
        assert_eq!(kind(&error), broken, "{error}");
        assert_eq!(error.trouble(), Trouble::SessionOver);
    }
    // Under TLS nothing else is a reply: what it was TLS knows.
    let error = told(Scene::under_tls(Security::required()), |scene| {
        while scene.server.end.write(b"200 ok\r\n").is_err() {}
    });
    assert_eq!(error.category(), Category::Tls, "{error}");
    let Error::Failed(failed) = &error else {
        panic!("{error}");
    };
    assert!(failed.tls.is_some(), "{error}");
}

/// The flow of a transfer nobody expects: its call was given up between the question and the answer.
#[test]
fn payload_of_a_call_that_was_given_up_ends_and_the_session_goes_on() {
    for download in [true, false] {
        let mut scene = Scene::clear();
        scene.login().unwrap();
        scene.server.stalls = true;
        scene.server.answers = vec![("RETR", "150 go")];
        let machine = scene.engine.machine_mut();
        let options = TransferOptions::default();
        let asked = match download {
            true => machine.retrieve(scene.now, b"f", options),
            false => machine.store(scene.now, b"f", options),
        };
        let ticket: Ticket<Transferred> = asked.unwrap();
        let mut result = None;
        for _ in 0..100 {
            let mut call = Call::plain(None);
            let step = scene
                .engine
                .step(scene.now, &mut scene.host, &mut call, &mut |event| {
                    result = result.take().or_else(|| ticket.claim(event));
                    false
                });
            assert_ne!(step.unwrap(), Step::Closed);
            scene.server.turn();
            if !scene.host.closed.is_empty() {
                break;
            }
        }
        assert_eq!(scene.host.closed, [true], "by a reset");
        scene.engine.forget_trouble();
        if download {
            scene.server.out.extend(b"426 cut\r\n");
        }
        scene.noop().unwrap();
    }
}

/// A record that is not the server's, in the middle of a file.
#[test]
fn tls_that_fails_in_mid_transfer_is_told_with_what_failed() {
    let mut scene = Scene::under_tls(Security::required()).steady();
    scene.login().unwrap();
    scene.server.stalls = true;
    scene.server.answers = vec![("RETR", "150 go")];
    let ticket = scene.retrieve();
    let mut got = Vec::new();
    let mut call = Call::transfer(ticket.id(), Payload::Sink(&mut got));
    let step = scene.settle(&mut call, &mut |_| false);
    assert!(matches!(step, Step::Waits(_)), "{step:?}");
    let (end, _) = scene.server.data.as_mut().unwrap();
    end.write_all(b"\x17\x03\x03\x00\x14twenty strange bytes")
        .unwrap();
    scene.server.out.extend(b"426 cut\r\n");
    let error = scene
        .play(&ticket, Payload::Sink(&mut got))
        .expect_err("not whole");
    assert_eq!(got, FILE, "what was the server's was taken");
    let Error::Failed(failed) = &error else {
        panic!("{error}");
    };
    assert!(failed.tls.is_some(), "{error}");
    assert!(
        matches!(failed.failure.kind, FailureKind::DataTls(_)),
        "{error}"
    );
}

/// Where the diagnosis knows a cause, the advice is about that one.
#[test]
fn the_advice_is_about_the_cause() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    scene.server.answers = vec![("RETR", "522 Data connections must be encrypted")];
    let error = scene.download().unwrap_err();
    let Error::Failed(failed) = &error else {
        panic!("{error}");
    };
    let cause = failed.diagnosis.first().expect("a cause");
    assert!(error.to_string().contains(cause.advice), "{error}");
    assert_eq!(error.advice(), Some(cause.advice));
}
