//! A record that was changed anywhere is found out there.

use super::*;
use crate::error::FailureKind;
use crate::order::Fault;
use crate::time::Instant;
use crate::trace::tests::recorded;
use alloc::vec::Vec;

fn session(last: &[u8]) -> Trace {
    recorded(1 << 20, b"secret", &[b"220 x\r\n", b"331 x\r\n", last])
}

/// The line and the words, if the record runs otherwise once its `index`-th entry has been changed.
fn changed(trace: &Trace, index: usize, change: impl FnOnce(&mut Entry)) -> (usize, String) {
    let mut trace = trace.clone();
    let entry = trace.entries.get_mut(index).unwrap();
    change(entry);
    let recorded = entry.what.to_string();
    let divergence = replay(&trace).unwrap_err();
    if divergence.line == index + 2 {
        assert_eq!(divergence.recorded, recorded);
    }
    (divergence.line, divergence.replayed)
}

/// The same with one more entry in front of the `index`-th.
fn inserted(trace: &Trace, index: usize, what: What) -> (usize, String) {
    let mut trace = trace.clone();
    let like = trace.entries.get(index).unwrap().clone();
    trace.entries.insert(index, Entry { what, ..like });
    let divergence = replay(&trace).unwrap_err();
    (divergence.line, divergence.replayed)
}

fn position(trace: &Trace, wanted: impl Fn(&What) -> bool) -> usize {
    let found = trace.entries.iter().position(|entry| wanted(&entry.what));
    found.unwrap()
}

#[test]
fn what_was_recorded_runs_again_to_the_same_failure() {
    let well = replay(&session(b"230 in\r\n")).unwrap();
    assert_eq!(well.failure, None);
    assert!(!well.client.is_closed());
    let badly = replay(&session(b"530 no\r\n")).unwrap();
    let failure = badly.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::LoginRefused);
    let diagnosis = badly.diagnose();
    assert_eq!(
        diagnosis.first().unwrap().id,
        crate::diagnosis::CauseId::LoginRefused
    );
    // The first one is kept: what happened to it.
    let closed = replay(&session(b"421 bye\r\n")).unwrap();
    assert_eq!(closed.failure.unwrap().kind, FailureKind::ServiceClosing);
}

#[test]
fn another_deadline_is_found_where_it_is() {
    let trace = session(b"230 in\r\n");
    for index in 0..trace.entries.len() {
        let until = |at: Option<Instant>| match at {
            Some(at) => at.as_millis().to_string(),
            None => String::from("none"),
        };
        let before = trace.entries.get(index).unwrap().deadline;
        for other in [None, Some(Instant::from_millis(77))] {
            if other == before {
                continue;
            }
            let (line, replayed) = changed(&trace, index, |entry| entry.deadline = other);
            assert_eq!(line, index + 2);
            assert_eq!(
                replayed,
                alloc::format!(
                    "at that point the deadline {} in place of {}",
                    until(before),
                    until(other)
                )
            );
        }
    }
}

#[test]
fn another_protection_is_found_where_it_is() {
    let trace = session(b"230 in\r\n");
    for index in 0..trace.entries.len() {
        let found = changed(&trace, index, |entry| entry.secure = true);
        assert_eq!(
            found,
            (index + 2, String::from("at that point another protection"))
        );
    }
}

/// Time goes on with what comes in, and with nothing else; it does not go back.
#[test]
fn another_time_is_found() {
    let trace = session(b"230 in\r\n");
    let found = (String::from("at 5"), trace.entries.len());
    assert!(found.1 > 10);
    for (index, entry) in trace.entries.iter().enumerate() {
        let earlier = changed(&trace, index, |entry| entry.at = Instant::from_millis(4));
        assert_eq!(earlier, (index + 2, found.0.clone()));
        let later = changed(&trace, index, |entry| entry.at = Instant::from_millis(6));
        let brings_time = matches!(entry.what, What::Asked(_) | What::Control(_));
        assert_eq!(
            later.0 == index + 2,
            !brings_time,
            "{}: {later:?}",
            entry.what
        );
    }
}

#[test]
fn where_a_record_was_stopped_nothing_is_compared() {
    let mut trace = session(b"230 in\r\n");
    let last = trace.entries.last_mut().unwrap();
    *last = Entry {
        at: Instant::from_millis(99),
        secure: true,
        deadline: None,
        what: What::Stopped,
    };
    replay(&trace).unwrap();
}

#[test]
fn what_comes_out_otherwise_is_told_in_words() {
    let trace = session(b"530 no\r\n");
    let ask = position(&trace, |what| matches!(what, What::Asked(_)));
    let flushed = position(&trace, |what| *what == What::Flushed);
    let last = trace.entries.len() - 1;
    let asked = |ticket| {
        move |entry: &mut Entry| {
            if let What::Asked(asked) = &mut entry.what {
                asked.ticket = ticket;
            }
        }
    };
    assert_eq!(
        changed(&trace, ask, asked(9)),
        (ask + 2, String::from("ticket 1"))
    );
    let refusal = |(line, words): (usize, String), index| {
        assert_eq!(line, index + 2);
        assert!(words.starts_with("a refusal, "), "{words}");
    };
    // There is nothing to be given up, and nobody has that ticket.
    refusal(inserted(&trace, last, What::Aborted(2)), last);
    refusal(inserted(&trace, last, What::Withdrawn(77)), last);
    let over = session(b"421 bye\r\n");
    let (again, end) = (trace.entries.get(ask).unwrap(), over.entries.len() - 1);
    refusal(inserted(&over, end, again.what.clone()), end);
    assert_eq!(
        inserted(&trace, flushed + 1, What::Flushed),
        (flushed + 3, String::from("nothing was outgoing"))
    );
    assert_eq!(
        inserted(&trace, last, What::Ready(false)),
        (last + 2, String::from("nothing"))
    );
    // Something else came out.
    let received = position(&trace, |what| matches!(what, What::Received(..)));
    let words = trace.entries.get(received).unwrap().what.to_string();
    let other = |entry: &mut Entry| entry.what = What::Ready(true);
    assert_eq!(
        changed(&trace, received, other),
        (received + 2, words.clone())
    );
    // Nothing more is said to have come out, and it has.
    let end = |drained| {
        let mut cut = trace.clone();
        cut.entries.truncate(received + 1);
        cut.entries.last_mut().unwrap().what = What::End { drained };
        replay(&cut)
    };
    let divergence = end(true).unwrap_err();
    assert_eq!(
        (divergence.line, divergence.replayed.clone()),
        (received + 2, words.clone())
    );
    assert_eq!(
        divergence.to_string(),
        alloc::format!(
            "line {}: recorded end of the trace; replayed {words}",
            received + 2
        )
    );
    end(false).unwrap();
}

/// Every input of a record reaches the machine.
#[test]
fn each_input_is_given_to_the_machine_again() {
    let trace = session(b"230 in\r\n");
    let last = trace.entries.len() - 1;
    let fault = What::ControlFailed(Fault::Reset);
    for (what, kind) in [
        (What::ControlEof, FailureKind::ControlClosed),
        (fault, FailureKind::ControlBroken(Fault::Reset)),
    ] {
        let mut ended = trace.clone();
        ended.entries.truncate(last);
        let like = ended.entries.last().unwrap().clone();
        ended.entries.push(Entry { what, ..like });
        let mut client = replay(&ended).unwrap().client;
        let mut told = Vec::new();
        while let Some(output) = client.poll() {
            if let Output::Event(Event::Closed(Some(failure))) = output {
                told.push(failure.kind);
            }
        }
        assert_eq!(told, [kind]);
    }
}

/// An abort is asked for again, and has the same ticket.
#[test]
fn an_abort_under_another_ticket_is_found() {
    let mut trace = session(b"230 in\r\n");
    let mut client = replay(&trace).unwrap().client;
    let now = Instant::from_millis(5);
    client.start_recording(1 << 20);
    let file = client.retrieve(now, b"f", Default::default()).unwrap();
    let abort = client.abort(now).unwrap();
    while client.poll().is_some() {}
    trace.entries.pop();
    trace.entries.extend(client.recording().unwrap().entries);
    replay(&trace).unwrap();
    let index = position(&trace, |what| matches!(what, What::Aborted(_)));
    let other = |entry: &mut Entry| entry.what = What::Aborted(file.id().0);
    let words = alloc::format!("ticket {}", abort.id().0);
    assert_eq!(changed(&trace, index, other), (index + 2, words));
}
