//! Transfers nobody waits for any more: how long they are kept for what the session needs of them.

use super::*;
use crate::ticket::Transferred;
use crate::tls::Version;

const GRACE: Duration = Duration::from_millis(250);

/// How long the transfer is kept when nobody waits for it any more.
fn kept(scene: &mut Scene, transfer: &Ticket<Transferred>) -> Duration {
    let before = scene.now;
    assert!(scene.engine.withdraw(scene.now, transfer.id()));
    leave(scene);
    scene.now.since(before)
}

fn leave(scene: &mut Scene) {
    let mut call = Call::plain(None);
    while scene.engine.is_leaving() {
        match scene.settle(&mut call, &mut |_| false) {
            Step::Waits(Some(until)) if scene.engine.is_leaving() => {
                assert!(until > scene.now);
                scene.now = until;
            }
            Step::Waits(_) => assert!(!scene.engine.is_leaving()),
            step => panic!("{step:?}"),
        }
    }
}

/// Up to its flow, and until nothing comes any more.
fn begin(scene: &mut Scene, transfer: &Ticket<Transferred>) {
    let begin = |wish| Call::transfer(transfer.id(), Payload::Caller(wish));
    let step = scene.steps(&mut begin(Wish::Begin), &mut |_| false);
    assert_eq!(step, Step::Done);
    let step = scene.settle(&mut begin(Wish::Begin), &mut |_| false);
    assert_eq!(step, Step::Done);
    for _ in 0..9 {
        let mut call = Call::transfer(transfer.id(), Payload::Caller(Wish::Sent));
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
        assert_ne!(step.unwrap(), Step::Closed);
        scene.server.turn();
    }
}

/// Each connection under TLS brings so many tickets but those for data, which bring none.
fn under(tickets: usize, version: Version) -> Scene {
    let mut scene = Scene::with_tickets(Security::required(), tickets, version).steady();
    scene.login().unwrap();
    scene.server.tickets = false;
    scene.server.stalls = true;
    scene.server.answers = vec![("RETR", "150 go"), ("STOR", "150 go")];
    scene
}

#[test]
fn a_transfer_that_is_withdrawn_leaves_the_session_in_step() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    scene.server.stalls = true;
    scene.server.answers = vec![("RETR", "150 go"), ("ABOR", "426 cut\r\n226 ok")];
    let ticket = scene.retrieve();
    let mut call = Call::transfer(ticket.id(), Payload::Caller(Wish::Begin));
    assert_eq!(scene.steps(&mut call, &mut |_| false), Step::Done);
    assert!(scene.engine.withdraw(scene.now, ticket.id()));
    assert!(!scene.engine.is_at_rest());
    scene.noop().unwrap();
    assert!(!scene.engine.flows(ticket.id()));
    assert!(!scene.engine.is_leaving());
    // It is over: nothing is left to withdraw.
    assert!(!scene.engine.withdraw(scene.now, ticket.id()));
}

/// Servers that wait for a data connection hear nothing: it is made first.
#[test]
fn what_is_withdrawn_before_its_data_connection_is_up_leaves_in_a_moment() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    scene.server.answers = vec![("RETR", "150 go"), ("ABOR", "426 cut\r\n226 ok")];
    let next = scene.host.next.take();
    let ticket = scene.retrieve();
    for _ in 0..200 {
        let mut call = Call::plain(Some(ticket.id()));
        let step = scene
            .engine
            .step(scene.now, &mut scene.host, &mut call, &mut |_| false);
        assert_ne!(step.unwrap(), Step::Done);
        scene.server.turn();
    }
    assert!(scene.server.heard.iter().any(|line| line == "RETR f"));
    for _ in 0..2 {
        // A second time changes nothing.
        assert!(scene.engine.withdraw(scene.now, ticket.id()));
        assert!(scene.engine.is_leaving());
    }
    scene.host.next = next;
    let before = scene.now;
    scene.noop().unwrap();
    assert!(!scene.engine.is_leaving());
    assert!(scene.now.since(before) < Duration::from_secs(3));
}

/// A server that insists on resumption ends the session when there are no more.
#[test]
fn an_upload_is_kept_for_its_ticket_where_they_run_out() {
    let upload = |tickets, version, brings| {
        let mut scene = under(tickets, version);
        // Something comes, if not a ticket.
        scene.server.talks = true;
        scene.server.tickets = brings;
        let ticket = scene.store();
        begin(&mut scene, &ticket);
        kept(&mut scene, &ticket)
    };
    let none = Duration::ZERO;
    assert_eq!(upload(2, Version::Tls13, false), GRACE);
    assert_eq!(upload(1, Version::Tls13, false), GRACE);
    assert_eq!(upload(2, Version::Tls13, true), none, "it has come");
    assert_eq!(upload(3, Version::Tls13, false), none, "there are more");
    assert_eq!(upload(0, Version::Tls13, false), none, "none ever comes");
    assert_eq!(upload(2, Version::Tls12, false), none, "none is needed");
    // What is sent of a file in between shows that the server is there.
    let mut scene = under(2, Version::Tls13);
    let ticket = scene.retrieve();
    begin(&mut scene, &ticket);
    assert_eq!(kept(&mut scene, &ticket), none);
}

/// Servers do not survive a handshake that lacks our last message.
#[test]
fn a_transfer_is_kept_until_the_server_shows_that_the_handshake_is_over() {
    for upload in [false, true] {
        let mut scene = under(9, Version::Tls13);
        scene.server.file.clear();
        let ticket = match upload {
            true => scene.store(),
            false => scene.retrieve(),
        };
        begin(&mut scene, &ticket);
        assert_eq!(kept(&mut scene, &ticket), GRACE, "{upload}");
    }
    // In clear there is none.
    for upload in [false, true] {
        let mut scene = Scene::clear().steady();
        scene.login().unwrap();
        scene.server.stalls = true;
        scene.server.file.clear();
        scene.server.answers = vec![("RETR", "150 go"), ("STOR", "150 go")];
        let ticket = match upload {
            true => scene.store(),
            false => scene.retrieve(),
        };
        begin(&mut scene, &ticket);
        assert_eq!(kept(&mut scene, &ticket), Duration::ZERO, "{upload}");
    }
}

/// Servers that wait for a data connection hear nothing: it is made first, if that does not take too long.
#[test]
fn a_transfer_is_kept_for_its_data_connection_two_seconds_at_most() {
    let mut scene = under(9, Version::Tls13);
    scene.server.file.clear();
    let asked = |scene: &mut Scene, ticket: &Ticket<Transferred>| {
        let mut call = Call::plain(Some(ticket.id()));
        let step = scene.settle(&mut call, &mut |_| false);
        assert!(matches!(step, Step::Waits(_)), "{step:?}");
        assert_eq!(scene.server.heard.last().unwrap(), "RETR f");
    };
    let next = scene.host.next.take();
    let ticket = scene.retrieve();
    asked(&mut scene, &ticket);
    let before = scene.now;
    assert!(scene.engine.withdraw(scene.now, ticket.id()));
    let mut call = Call::plain(None);
    scene.settle(&mut call, &mut |_| false);
    assert!(scene.engine.is_leaving());
    // It comes: what it then needs has its own time.
    scene.now = scene.now + Duration::from_secs(1);
    scene.host.next = next;
    leave(&mut scene);
    assert_eq!(scene.now.since(before), Duration::from_secs(1) + GRACE);

    let mut scene = under(9, Version::Tls13);
    scene.host.next = None;
    let ticket = scene.retrieve();
    asked(&mut scene, &ticket);
    assert_eq!(kept(&mut scene, &ticket), Duration::from_secs(2));
}

#[test]
fn what_the_server_does_not_know_of_is_withdrawn_at_once() {
    let mut scene = Scene::clear();
    scene.login().unwrap();
    let ticket = scene.retrieve();
    assert!(scene.engine.withdraw(scene.now, ticket.id()));
    assert!(!scene.engine.is_leaving());
    scene.noop().unwrap();
    // It waits for another one, which the server has been asked for.
    let mut scene = Scene::clear();
    scene.login().unwrap();
    scene.server.answers = vec![("RETR", "150 go")];
    scene.host.next = None;
    let (first, second) = (scene.retrieve(), scene.retrieve());
    let mut call = Call::plain(Some(first.id()));
    scene.settle(&mut call, &mut |_| false);
    assert!(scene.engine.withdraw(scene.now, second.id()));
    assert!(!scene.engine.is_leaving());
    assert!(scene.engine.withdraw(scene.now, first.id()));
    assert!(scene.engine.is_leaving());
}

/// It waits for its ticket as if it were withdrawn; whatever comes of the connection meanwhile, the reader is the reason.
#[test]
fn a_reader_that_fails_is_the_reason_even_if_the_connection_breaks_meanwhile() {
    let mut scene = under(9, Version::Tls13);
    let ticket = scene.store();
    let mut source = Fails {
        write: Some(ErrorKind::UnexpectedEof),
        flush: None,
    };
    let mut call = Call::transfer(ticket.id(), Payload::Source(&mut source));
    scene.settle(&mut call, &mut |_| false);
    assert!(scene.engine.is_leaving());
    let (mut end, _) = scene.server.data.take().unwrap();
    end.will_reset();
    end.close();
    let error = scene.play(&ticket, Payload::None).unwrap_err();
    assert!(matches!(error, Error::Local(_)), "{error}");
}
