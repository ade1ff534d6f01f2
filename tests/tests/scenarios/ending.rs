//! QUIT, 421, and connections that end.

use std::time::Duration;

use ftp_proto::{
    Client, Config, Event, FailureKind, Fault, Input, Instant, Output, Refusal, TlsFault,
};
use ftp_proto_tests::rig::{Act, PEER, Rig, in_clear};

use super::{clear, secure};

#[test]
fn quit_is_success_with_221_with_eof_and_with_silence() {
    for way in [
        "221 bye\r\n",
        "200 bye\r\n",
        "500 what\r\n",
        "",
        "silence",
        "broken",
    ] {
        let mut rig = secure();
        let quit = rig.ask(|c, now| c.quit(now));
        assert_eq!(rig.sent(), ["QUIT"]);
        match way {
            "" => rig.eof(),
            "silence" => rig.pass(Duration::from_secs(60)),
            "broken" => rig.handle(Input::ControlFailed(Fault::Reset)),
            reply => rig.reply(reply),
        };
        rig.done(quit);
        assert_eq!(rig.end(), None, "{way:?}");
        assert!(rig.did(Act::CloseControl));
    }
}

#[test]
fn quit_waits_for_what_was_asked_before_and_nothing_is_taken_after() {
    let mut rig = clear();
    let gone = rig.ask(|c, now| c.delete(now, b"x"));
    let quit = rig.ask(|c, now| c.quit(now));
    assert_eq!(
        rig.try_ask(|c, now| c.noop(now)).err(),
        Some(Refusal::Closed)
    );
    assert_eq!(rig.sent(), ["DELE x"]);
    rig.reply("250 ok\r\n");
    assert_eq!(rig.sent(), ["QUIT"]);
    rig.reply("221 bye\r\n");
    rig.done(gone);
    rig.done(quit);
    assert_eq!(
        rig.try_ask(|c, now| c.noop(now)).err(),
        Some(Refusal::Closed)
    );
}

#[test]
fn quit_in_the_way_of_being_written_ends_too() {
    // The write fails, or the server is already gone, before QUIT has left.
    for failed in [true, false] {
        let mut rig = Rig::clear(Config::default());
        let mut client = rig.client().clone();
        let quit = client.quit(rig.now()).unwrap();
        assert!(!client.outgoing().is_empty());
        let input = if failed {
            Input::ControlFailed(Fault::Reset)
        } else {
            Input::ControlEof
        };
        client.handle(rig.now(), input);
        let mut finished = false;
        let mut closed = false;
        while let Some(output) = client.poll() {
            if let ftp_proto::Output::Event(event) = output {
                finished |= quit.claim(&event) == Some(Ok(()));
                closed |= matches!(event, ftp_proto::Event::Closed(None));
            }
        }
        assert!(finished && closed && client.is_closed());
        rig.settle();
    }
}

#[test]
fn a_421_ends_the_session_wherever_it_comes() {
    // Idle.
    let mut rig = secure();
    rig.reply("421 timeout\r\n");
    assert_eq!(rig.end_kind(), Some(FailureKind::ServiceClosing));
    // Before TLS, in the place of an answer to AUTH.
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    rig.reply("220 hi\r\n").reply("421 busy\r\n");
    assert_eq!(rig.failed(login), FailureKind::ServiceClosing);
    // In the login.
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    rig.reply("220 hi\r\n")
        .reply("234 ok\r\n")
        .secure_ok()
        .reply("331 p\r\n421 too many\r\n");
    assert_eq!(rig.failed(login), FailureKind::ServiceClosing);
    assert_eq!(rig.failure(login).reply().unwrap().text(), b"too many");
    // In the place of any other answer, with more requests waiting.
    let mut rig = clear();
    let first = rig.ask(|c, now| c.delete(now, b"x"));
    let second = rig.ask(|c, now| c.delete(now, b"y"));
    rig.reply("421 bye\r\n");
    assert_eq!(rig.failed(first), FailureKind::ServiceClosing);
    assert_eq!(rig.failed(second), FailureKind::SessionOver);
    // To a transfer, before it began.
    let mut rig = clear();
    let file = rig.retrieve("f");
    rig.reply("200 I\r\n421 bye\r\n");
    assert_eq!(rig.failed(file), FailureKind::ServiceClosing);
    // To QUIT: that is what was wanted.
    let mut rig = clear();
    let quit = rig.ask(|c, now| c.quit(now));
    rig.reply("421 bye\r\n");
    assert!(rig.is_closed());
    rig.done(quit);
}

#[test]
fn the_first_request_tells_why_and_the_others_that_the_session_was_over() {
    for fault in [None, Some(Fault::Reset), Some(Fault::TimedOut)] {
        let mut rig = clear();
        let first = rig.ask(|c, now| c.delete(now, b"x"));
        let second = rig.ask(|c, now| c.working_directory(now));
        match fault {
            None => rig.eof(),
            Some(fault) => rig.handle(Input::ControlFailed(fault)),
        };
        let kind = fault.map_or(FailureKind::ControlClosed, FailureKind::ControlBroken);
        assert_eq!(rig.failed(first), kind);
        assert_eq!(rig.failed(second), FailureKind::SessionOver);
        assert_eq!(rig.end_kind(), Some(kind));
        assert!(rig.did(Act::CloseControl));
    }
}

#[test]
fn nothing_is_taken_after_the_end() {
    let mut rig = clear();
    rig.eof();
    assert!(rig.is_closed());
    let heard = rig.client().evidence().control.bytes_in;
    rig.bytes(b"220 hello again\r\n").eof();
    assert_eq!(rig.client().evidence().control.bytes_in, heard);
    rig.handle(Input::Timeout);
    rig.handle(Input::ControlFailed(Fault::Reset));
    rig.handle(Input::Tickets(ftp_proto::Tickets::Unlimited));
    assert_eq!(
        rig.try_ask(|c, now| c.quit(now)).err(),
        Some(Refusal::Closed)
    );
    assert_eq!(
        rig.try_ask(|c, now| c.abort(now)).err(),
        Some(Refusal::Closed)
    );
}

#[test]
fn a_reply_that_nobody_asked_for_ends_the_session() {
    for line in ["200 ok", "331 p", "150 x", "550 no", "226 late"] {
        let mut rig = clear();
        rig.reply(&format!("{line}\r\n"));
        assert_eq!(rig.end_kind(), Some(FailureKind::Desynchronised), "{line}");
    }
}

#[test]
fn what_broke_first_is_told_though_the_server_then_falls_silent() {
    for ends in [false, true] {
        let mut rig = Rig::secure(Config::default());
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
            .data_connected()
            .reply("150 ok\r\n")
            .data_insecure(TlsFault::UnknownIssuer);
        assert_eq!(rig.result(file), None, "the server has the last word");
        if ends {
            rig.eof();
        } else {
            rig.tick_to_deadline();
        }
        assert_eq!(
            rig.failed(file),
            FailureKind::DataTls(TlsFault::UnknownIssuer)
        );
        assert!(rig.is_closed());
    }
}

/// Who says 221 before QUIT has left does not have to take it: nothing is waited for any more.
#[test]
fn a_221_that_is_ahead_of_quit_ends_the_session_at_once() {
    let mut client = Client::new(in_clear(), PEER.parse().unwrap(), Instant::ZERO);
    client.handle(Instant::ZERO, Input::Control(b"220 hi\r\n"));
    let quit = client.quit(Instant::ZERO).unwrap();
    assert_eq!(client.outgoing(), b"QUIT\r\n");
    client.handle(Instant::ZERO, Input::Control(b"221 bye\r\n"));
    let mut done = false;
    let mut closed = false;
    while let Some(output) = client.poll() {
        if let Output::Event(event) = output {
            done |= quit.claim(&event) == Some(Ok(()));
            closed |= event == Event::Closed(None);
        }
    }
    assert!(done && closed && client.is_closed());
    assert!(client.outgoing().is_empty());
}

/// A data connection that is not up brings nothing of a file that nobody has confirmed: there is nothing to wait for.
#[test]
fn a_transfer_whose_data_connection_was_coming_up_is_over_with_the_session() {
    for (mut rig, secures) in [
        (Rig::clear(Config::default()), false),
        (Rig::secure(Config::default()), false),
        (Rig::secure(Config::default()), true),
    ] {
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
        if secures {
            rig.data_connected();
            assert!(rig.did(Act::SecureData));
        }
        rig.eof();
        assert_eq!(rig.failed(file), FailureKind::ControlClosed);
        assert!(rig.is_closed() && rig.desk().is_empty());
    }
}
