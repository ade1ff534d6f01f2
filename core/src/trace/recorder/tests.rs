//! What is put on the tape: each input and output in its own words, as long as there is room, and without what a peer repeats of a secret.

use alloc::string::ToString;

use super::*;
use crate::error::FailureKind;
use crate::order::{
    DataEnd, DataId, DataTarget, Direction, Fault, FlowEnd, News, Report, Tickets, TlsFault,
};
use crate::output::{DigestDone, Note, Proof, TransferDone};
use crate::queue::Errand;
use crate::secret::Secret;
use crate::tests::Unhashed;
use crate::ticket::TicketId;
use crate::trace::RequestKind;
use crate::trace::tests::asked_for;
use crate::wire::command::Verb;
use crate::wire::date::Timestamp;
use crate::wire::features::FeatureSet;
use crate::wire::reply::{Code, Reply};

const LEVELS: Levels = Levels {
    now: Instant::from_millis(5),
    secure: true,
    deadline: Some(Instant::from_millis(7)),
};

const DATA: DataId = DataId(2);

fn started(room: usize) -> Tape {
    let mut tape = Tape::default();
    let peer = "192.0.2.1".parse().unwrap();
    tape.start(&Config::default(), peer, Instant::ZERO, room);
    tape
}

fn event(event: Event<'_>) -> What {
    What::output(&Output::Event(event))
}

#[test]
fn an_order_is_kept_with_its_number_and_what_it_says() {
    let flow = |direction, flag| Errand::Flow {
        number: 9,
        data: DATA,
        direction,
        ascii: flag,
        protected: flag,
        discard: flag,
    };
    let port = DataTarget::Peer { port: 2000 };
    let address = DataTarget::Address("192.0.2.9:21".parse().unwrap());
    let secure_data = Errand::SecureData(4, Channel::Data(DATA));
    let to_port = "data 2 to port 2000 of the peer";
    let all = "data 2, Send, ascii, protected, discarded";
    for (errand, name, number, details) in [
        (Errand::SecureControl(3), "start TLS", 3, "control"),
        (secure_data, "start TLS", 4, "data 2"),
        (Errand::ClearControl(5), "end TLS", 5, "control"),
        (Errand::CloseControl, "close", 0, "control"),
        (Errand::Connect(6, DATA, port), "connect", 6, to_port),
        (
            Errand::Connect(6, DATA, address),
            "connect",
            6,
            "data 2 to 192.0.2.9:21",
        ),
        (Errand::Listen(7, DATA), "listen", 7, "data 2"),
        (Errand::Accept(8, DATA), "accept", 8, "data 2"),
        (
            flow(Direction::Receive, false),
            "flow",
            9,
            "data 2, Receive",
        ),
        (flow(Direction::Send, true), "flow", 9, all),
        (Errand::CloseData(DATA), "close", 0, "data 2"),
    ] {
        let what = What::output(&Output::Effect(errand.mint()));
        assert_eq!(what, What::Ordered(name, number, String::from(details)));
    }
}

#[test]
fn an_event_is_kept_as_it_is() {
    let reply = Reply::new(Code::FILE_STATUS, b"7");
    let failure = Failure::new(FailureKind::ControlClosed, Some(Verb::Retr));
    let (kind, says) = (
        String::from("ControlClosed"),
        failure.to_string().into_bytes(),
    );
    assert!(says.len() > 10);
    let ticket = TicketId(4);
    for (what, wanted) in [
        (
            event(Event::Sent {
                verb: Verb::Noop,
                line: b"NOOP",
            }),
            What::Sent(b"NOOP".to_vec()),
        ),
        (
            event(Event::Received {
                verb: Some(Verb::Size),
                reply,
            }),
            What::Received(Some(Verb::Size), 213, b"7".to_vec()),
        ),
        (event(Event::Ready { secure: true }), What::Ready(true)),
        (
            event(Event::Note(Note::LockStep)),
            What::Note(String::from("LockStep")),
        ),
        (
            event(Event::Finished {
                ticket,
                result: Err(&failure),
            }),
            What::Failed(4, kind.clone(), says.clone()),
        ),
        (
            event(Event::Closed(Some(&failure))),
            What::Closed(Some((kind, says))),
        ),
        (event(Event::Closed(None)), What::Closed(None)),
    ] {
        assert_eq!(what, wanted);
    }
}

#[test]
fn a_result_is_kept_in_words() {
    let transfer = |expected, proof, name| {
        Done::Transfer(TransferDone {
            bytes: 5,
            expected,
            proof,
            name,
        })
    };
    let digest = |algorithm, range| {
        Done::Digest(DigestDone {
            algorithm,
            range,
            digest: &[10, 255],
        })
    };
    let time = Timestamp::parse(b"20260102030405").unwrap();
    let told = alloc::format!("{time:?}");
    for (done, words) in [
        (Done::Nothing, ""),
        (
            transfer(Some(5), Proof::CleanEnd, Some(&b"a\n"[..])),
            "5 bytes of Some(5), CleanEnd, named a\\n",
        ),
        (
            transfer(None, Proof::SizeOnly, None),
            "5 bytes of None, SizeOnly",
        ),
        (
            Done::Reply(Reply::new(Code::FILE_STATUS, b"x\ny")),
            "213 x\\ny",
        ),
        (Done::PathName(Some(b"/\xff")), "/\\xff"),
        (Done::PathName(None), "no name"),
        (Done::Size(7), "7"),
        (Done::Time(time), &told),
        (
            digest(Some(HashAlgorithm::Sha1), Some((0, 6))),
            "SHA-1 of Some((0, 6)): [0a, ff]",
        ),
        (digest(None, None), "digest of None: [0a, ff]"),
        (
            Done::Features(FeatureSet::default(), b"SIZE\nMDTM"),
            "SIZE\\nMDTM",
        ),
    ] {
        let ticket = TicketId(3);
        let what = event(Event::Finished {
            ticket,
            result: Ok(done),
        });
        assert_eq!(what, What::Done(3, words.as_bytes().to_vec()));
    }
}

#[test]
fn an_input_is_kept_as_it_is() {
    let news = News::Finished(FlowEnd {
        bytes: 1,
        source_ended: false,
        end: DataEnd::Fin,
    });
    let report = Report { number: 6, news };
    for (input, wanted) in [
        (Input::Control(b"220 x"), What::Control(b"220 x".to_vec())),
        (Input::ControlEof, What::ControlEof),
        (
            Input::ControlFailed(Fault::Reset),
            What::ControlFailed(Fault::Reset),
        ),
        (Input::Timeout, What::Timeout),
        (Input::Report(report), What::Report(6, Outcome(news))),
        (
            Input::Tickets(Tickets::Left(1)),
            What::Tickets(Tickets::Left(1)),
        ),
        (
            Input::Found(Channel::Control, b"x"),
            What::Found(Channel::Control, b"x".to_vec()),
        ),
        (Input::Progress(DATA, 9), What::Progress(2, 9)),
        (Input::SourceEnded(DATA), What::SourceEnded(2)),
    ] {
        assert_eq!(What::input(&input), wanted);
    }
}

fn asked(argument: &[u8], second: &[u8]) -> Asked {
    Asked {
        argument: argument.to_vec(),
        second: second.to_vec(),
        ..asked_for(RequestKind::Rename, None)
    }
}

/// Every byte of a text counts; what has none costs what every entry costs.
#[test]
fn a_record_keeps_what_there_is_room_for() {
    let text = |text: &str| String::from(text);
    for (what, bytes) in [
        (What::Control(b"12345".to_vec()), 5),
        (What::Found(Channel::Control, b"123".to_vec()), 3),
        (What::Received(None, 220, b"1234".to_vec()), 4),
        (What::Done(1, b"12".to_vec()), 2),
        (What::Sent(b"NOOP".to_vec()), 4),
        (What::Failed(1, text("123"), b"4567".to_vec()), 7),
        (What::Closed(Some((text("12"), b"345".to_vec()))), 5),
        (What::Closed(None), 0),
        (What::Asked(asked(b"1234", b"56")), 6),
        (What::Note(text("LockStep")), 8),
        (What::Ordered("close", 0, text("control")), 7),
        (What::Timeout, 0),
        (What::Report(1, Outcome(News::Connected)), 0),
    ] {
        for (room, fits) in [(ENTRY + bytes, false), (ENTRY + bytes + 1, true)] {
            let mut tape = started(room);
            tape.keep(LEVELS, || what.clone());
            let trace = tape.trace(LEVELS, true, &Secrets::default()).unwrap();
            let kept = if fits { &what } else { &What::Stopped };
            assert_eq!(trace.entries.first().unwrap(), &LEVELS.entry(kept.clone()));
            // What was stopped stays so, and has no other end.
            tape.keep(LEVELS, || What::Flushed);
            let trace = tape.trace(LEVELS, true, &Secrets::default()).unwrap();
            let whats: Vec<&What> = trace.entries.iter().map(|entry| &entry.what).collect();
            match fits {
                true => assert_eq!(whats, [&what, &What::Stopped]),
                false => assert_eq!(whats, [&What::Stopped]),
            }
        }
    }
}

#[test]
fn a_record_says_at_its_end_whether_all_is_in_it() {
    for drained in [true, false] {
        let mut tape = started(1 << 20);
        tape.keep(LEVELS, || What::Timeout);
        let trace = tape.trace(LEVELS, drained, &Secrets::default()).unwrap();
        assert_eq!(trace.at, Instant::ZERO);
        assert_eq!(
            trace.entries,
            [
                LEVELS.entry(What::Timeout),
                LEVELS.entry(What::End { drained })
            ]
        );
    }
}

#[test]
fn a_copy_keeps_no_record_and_is_the_same_machine() {
    let on = started(1 << 20);
    let off = on.clone();
    assert!(on.is_on() && !off.is_on() && on == off);
    assert_eq!(alloc::format!("{on:?} {off:?}"), "Tape(on) Tape(off)");
    on.hash(&mut Unhashed);
    assert_eq!(off.trace(LEVELS, true, &Secrets::default()), None);
}

/// What the server said is masked, and what was made of it. What the application asked for is its own: a file may be called so.
#[test]
fn of_a_record_all_that_the_server_said_is_masked() {
    const SECRET: &[u8] = b"c4n4ry-s3cr3t";
    let mut secrets = Secrets::default();
    secrets.learn(&Secret::new(SECRET));
    let kind = || String::from("Refused");
    let said = |bytes: &[u8]| {
        [
            What::Control(bytes.to_vec()),
            What::Found(Channel::Control, bytes.to_vec()),
            What::Received(None, 220, bytes.to_vec()),
            What::Done(1, bytes.to_vec()),
            What::Failed(1, kind(), bytes.to_vec()),
            What::Closed(Some((kind(), bytes.to_vec()))),
        ]
    };
    let own = What::Asked(asked(SECRET, b""));
    let mut tape = started(1 << 20);
    for what in said(SECRET) {
        tape.keep(LEVELS, || what);
    }
    tape.keep(LEVELS, || own.clone());
    let trace = tape.trace(LEVELS, true, &secrets).unwrap();
    let mut masked = Vec::from(said(b"****"));
    masked.push(own);
    masked.push(What::End { drained: true });
    let kept: Vec<What> = trace.entries.into_iter().map(|entry| entry.what).collect();
    assert_eq!(kept, masked);
}

/// A secret that comes in pieces leaves its mask in the first, whatever lies between them.
#[test]
fn the_mask_stands_where_the_secret_began() {
    let mut secrets = Secrets::default();
    secrets.learn(&Secret::new(b"c4n4ry-s3cr3t"));
    let mut tape = started(1 << 20);
    let pieces: [&[u8]; 5] = [
        b"230 so ",
        b"c4n4",
        b"ry-s",
        b"3cr3t, ",
        b"c4n4ry-s3cr3t\r\n",
    ];
    for piece in pieces {
        tape.keep(LEVELS, || What::Control(piece.to_vec()));
        tape.keep(LEVELS, || What::Progress(1, 1));
    }
    let trace = tape.trace(LEVELS, true, &secrets).unwrap();
    let came: Vec<Vec<u8>> = trace
        .entries
        .into_iter()
        .filter_map(|entry| match entry.what {
            What::Control(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    let wanted: [&[u8]; 5] = [b"230 so ", b"****", b"", b", ", b"****\r\n"];
    assert_eq!(came, wanted);
    // It is the whole of the first thing that came.
    let mut first = started(1 << 20);
    first.keep(LEVELS, || What::Control(b"c4n4ry-s3cr3t".to_vec()));
    let trace = first.trace(LEVELS, true, &secrets).unwrap();
    assert_eq!(
        trace.entries.first().unwrap().what,
        What::Control(b"****".to_vec())
    );
}

#[test]
fn what_a_failure_is_called_is_kept_with_its_sentence() {
    let failure = Failure::new(FailureKind::ControlTls(TlsFault::Expired), None);
    let (kind, says) = failed(&failure);
    assert_eq!(kind, "ControlTls(Expired)");
    assert_eq!(says, failure.to_string().into_bytes());
}
