use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::client::{
    AuthMethod, Batching, ClearText, Client, DataMode, DataModes, Input, MissingCloseNotify,
    PassiveAddress, Security, SizeCheck, SpentTickets,
};
use crate::order::{DataEnd, DataId, FlowEnd, TlsFacts, TlsFault, TlsVersion};
use crate::wire::digest::HashAlgorithm;
use crate::{Output, Secret};

pub(super) fn entry(what: What) -> Entry {
    Entry {
        at: Instant::from_millis(1234),
        secure: true,
        deadline: Some(Instant::from_millis(61_234)),
        what,
    }
}

/// A request with nothing but its kind.
pub(super) fn asked_for(request: RequestKind, verb: Option<Verb>) -> Asked {
    Asked {
        ticket: 1,
        request,
        verb,
        argument: Vec::new(),
        second: Vec::new(),
        password: false,
        account: false,
        offset: 0,
        size: None,
        allocate: None,
        length: None,
        algorithm: None,
        ascii: false,
        eager: false,
    }
}

fn trace(entries: Vec<Entry>) -> Trace {
    Trace {
        at: Instant::from_millis(1000),
        peer: "2001:db8::1".parse().unwrap(),
        config: Config::default(),
        entries,
    }
}

/// One of each.
fn everything() -> Vec<What> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let asked = Asked {
        length: Some(7),
        algorithm: Some(HashAlgorithm::Sha1),
        ticket: 7,
        request: RequestKind::Transfer,
        verb: Some(Verb::Retr),
        argument: every_byte.clone(),
        second: b"b".to_vec(),
        password: true,
        account: true,
        offset: 3,
        size: Some(u64::MAX),
        allocate: Some(0),
        ascii: true,
        eager: true,
    };
    let news = [
        News::Connected,
        News::Listening("192.0.2.7:2000".parse().unwrap()),
        News::Listening("[2001:db8::7]:2000".parse().unwrap()),
        News::Accepted("192.0.2.7".parse().unwrap()),
        News::Secured(TlsFacts {
            version: TlsVersion::Tls12,
            resumed: true,
            hello_retry: true,
        }),
        News::Cleared,
        News::Finished(FlowEnd {
            bytes: 5,
            source_ended: true,
            end: DataEnd::Tls(TlsFault::Alert(40)),
        }),
        News::Failed(Fault::Unreachable),
        News::TlsFailed(TlsFault::ClosedAtHello),
    ];
    let mut all = alloc::vec![
        What::Asked(asked.clone()),
        What::Asked(Asked {
            request: RequestKind::Raw,
            verb: None,
            second: Vec::new(),
            offset: 0,
            size: None,
            allocate: None,
            password: false,
            account: false,
            ascii: false,
            ..asked
        }),
        What::Aborted(1),
        What::Withdrawn(u32::MAX),
        What::Flushed,
        What::Control(every_byte.clone()),
        What::ControlEof,
        What::ControlFailed(Fault::Reset),
        What::Timeout,
        What::Tickets(Tickets::Left(2)),
        What::Found(Channel::Control, b"220 x".to_vec()),
        What::Found(Channel::Data(DataId(9)), Vec::new()),
        What::Progress(3, 1 << 40),
        What::SourceEnded(3),
        What::Sent(every_byte.clone()),
        What::Received(Some(Verb::Pass), 230, every_byte),
        What::Received(None, 220, Vec::new()),
        What::Ready(true),
        What::Note(String::from("TicketsSpent")),
        What::Ordered(
            "connect",
            4,
            String::from("data 1 to port 2000 of the peer")
        ),
        What::Ordered("close", 0, String::from("control")),
        What::Done(1, b"5 bytes".to_vec()),
        What::Failed(2, String::from("Refused"), b"no".to_vec()),
        What::Closed(None),
        What::Closed(Some((String::from("ControlClosed"), b"gone".to_vec()))),
    ];
    all.extend(news.map(|news| What::Report(1, Outcome(news))));
    all
}

#[test]
fn everything_is_read_again_as_it_was_written() {
    for last in [
        What::End { drained: true },
        What::End { drained: false },
        What::Stopped,
    ] {
        let mut entries: Vec<Entry> = everything().into_iter().map(entry).collect();
        entries.push(entry(last));
        let whole = trace(entries);
        let text = whole.to_json_lines();
        assert!(text.is_ascii());
        assert_eq!(text.lines().count(), whole.entries.len() + 1);
        assert_eq!(Trace::read(&text).unwrap(), whole);
    }
}

#[test]
fn settings_are_read_again_as_they_were_written() {
    let mut configs = alloc::vec![Config::default()];
    for security in [
        Security::implicit().accept_334(),
        Security::clear(ClearText::Anonymous),
        Security::required()
            .or_clear(ClearText::Everybody)
            .allow_ccc(),
        Security::required()
            .methods(&[AuthMethod::TlsP, AuthMethod::TlsC])
            .unwrap()
            .clear_data(),
    ] {
        let mut config = Config {
            security,
            data_modes: DataModes::new(&[DataMode::Port, DataMode::Epsv]).unwrap(),
            passive_address: PassiveAddress::Trusted,
            batching: Batching::LockStep,
            size_check: SizeCheck::Always,
            missing_close_notify: MissingCloseNotify::Refuse,
            spent_tickets: SpentTickets::GoOn,
            keepalive: Some(Duration::from_secs(30)),
            ..Config::default()
        };
        config.limits.reply_wait = Duration::from_millis(1);
        config.limits.requests = 1;
        config.limits.renewals = 1;
        config.limits.abort_gap = Duration::from_millis(1);
        configs.push(config);
    }
    for config in configs {
        let mut written = trace(Vec::new());
        written.config = config;
        assert_eq!(Trace::read(&written.to_json_lines()).unwrap(), written);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let whole = trace(alloc::vec![entry(What::Timeout)]).to_json_lines();
    let head = whole.lines().next().unwrap();
    for (text, says) in [
        (String::new(), "line 1: nothing there"),
        (
            String::from("hello"),
            "line 1: this is not how a trace begins",
        ),
        (
            String::from("{\"a\":1}"),
            "line 1: this is not how a trace begins",
        ),
        (
            String::from("{\"ftp_proto_trace\":2}"),
            "line 1: a trace of version 2, which is not known here",
        ),
        (
            head.replace("\"reply_wait\"", "\"reply_wai\""),
            "line 1: field reply_wait is missing",
        ),
        (
            head.replace("independent", "dependent"),
            "line 1: field batching has a value it cannot have",
        ),
        (
            format!("{head}\n{{\"at\":1}}"),
            "line 2: field record is missing",
        ),
        (
            format!("{head}\n{{\"at\":1,\"in\":\"timeout\"}}\n\n"),
            "line 3: expected an opening brace at byte 1",
        ),
        (
            format!("{head}\n{{\"at\":1,\"in\":\"nothing\"}}"),
            "line 2: field in has a value it cannot have",
        ),
        (
            format!("{head}\n{{\"at\":1,\"out\":\"received\",\"code\":70000,\"text\":\"\"}}"),
            "line 2: field code has a value it cannot have",
        ),
        (
            format!("{head}\n{{\"at\":1,\"record\":\"end\"}}\n{{\"at\":1,\"in\":\"timeout\"}}"),
            "line 3: something behind the end of the trace",
        ),
    ] {
        assert_eq!(Trace::read(&text).unwrap_err().to_string(), says, "{text}");
    }
}

#[test]
fn the_text_is_a_dialogue() {
    let shown = trace(alloc::vec![
        entry(What::Received(None, 220, b"hi\n\x1b[2J".to_vec())),
        entry(What::Control(b"220 hi".to_vec())),
        entry(What::Sent(b"AUTH TLS".to_vec())),
    ]);
    crate::error::tests::is_told_whole_or_not_at_all(&shown);
    assert_eq!(
        shown.to_string(),
        "   0.000      connected to 2001:db8::1\n   \
            0.234  tls <--- 220 hi\\n\\x1b[2J\n   \
            0.234  tls ---> AUTH TLS\n"
    );
    for what in everything() {
        let line = what.to_string();
        assert!(
            !line.is_empty() && !line.contains(|c: char| c.is_control()),
            "{line:?}"
        );
    }
}

pub(super) fn recorded(limit: usize, password: &[u8], replies: &[&[u8]]) -> Trace {
    let config = Config {
        security: Security::clear(ClearText::Everybody),
        ..Config::default()
    };
    let start = Instant::from_millis(5);
    let mut client = Client::new(config, "192.0.2.1".parse().unwrap(), start);
    client.start_recording(limit);
    let _ = client.login(start, b"alice", Secret::new(password), None);
    for reply in replies {
        while let Some(output) = client.poll() {
            assert!(matches!(output, Output::Event(_)));
        }
        let all = client.outgoing().len();
        client.consume_outgoing(all);
        client.handle(start, Input::Control(reply));
    }
    while client.poll().is_some() {}
    client.recording().unwrap()
}

/// Who reads a record is told that there was one, and never which.
#[test]
fn a_record_says_whether_there_was_a_password() {
    for password in [&b""[..], b"guest@"] {
        let trace = recorded(
            1 << 20,
            password,
            &[b"220 x\r\n", b"331 x\r\n", b"230 in\r\n"],
        );
        let asked = trace.entries.iter().find_map(|entry| match &entry.what {
            What::Asked(asked) => Some(asked.password),
            _ => None,
        });
        assert_eq!(asked, Some(!password.is_empty()));
        replay(&trace).unwrap();
    }
}

#[test]
fn a_secret_the_server_repeats_is_masked() {
    for password in [&b"c4n4ry-s3cr3t"[..], b"p\xc3\xa4zzw\xc3\xb6rd\\"] {
        let echo = [b"230 so ", password, b", hello\r\n"].concat();
        let trace = recorded(1 << 20, password, &[b"220 x\r\n", b"331 x\r\n", &echo]);
        let text = format!("{}{trace}{trace:?}", trace.to_json_lines());
        assert!(!text.contains("c4n4ry"), "{text}");
        assert!(!text.contains("zzw"), "{text}");
        assert!(text.contains("so ****, hello"), "{text}");
        replay(&trace).unwrap();
    }
}

#[test]
fn a_secret_that_comes_in_pieces_and_among_telnet_commands_is_masked() {
    let password = b"c4n4ry-s3cr3t";
    let said: &[u8] =
        b"230-so c4n4ry-s3cr3t\r\n c4n\xFF\xF14ry-s3cr3t c4n4ry-s3cr3t\r\n230 c4n4ry-s3cr3t\r\n";
    for piece in 1..said.len() {
        let mut said: Vec<&[u8]> = said.chunks(piece).collect();
        said.splice(0..0, [&b"220 x\r\n"[..], b"331 x\r\n"]);
        let trace = recorded(1 << 20, password, &said);
        let came: Vec<u8> = trace
            .entries
            .iter()
            .filter_map(|entry| match &entry.what {
                What::Control(bytes) => Some(&bytes[..]),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        let wanted = b"220 x\r\n331 x\r\n230-so ****\r\n **** ****\r\n230 ****\r\n";
        assert_eq!(came, wanted, "{}: {}", piece, came.escape_ascii());
        assert!(trace.to_string().contains("so ****"), "{trace}");
        replay(&trace).unwrap();
    }
}

#[test]
fn a_record_that_grows_too_long_ends_and_says_so() {
    let whole = recorded(
        1 << 20,
        b"secret",
        &[b"220 x\r\n", b"331 x\r\n", b"230 x\r\n"],
    );
    let cut = recorded(1000, b"secret", &[b"220 x\r\n", b"331 x\r\n", b"230 x\r\n"]);
    assert!(cut.entries.len() < whole.entries.len());
    assert_eq!(cut.entries.last().unwrap().what, What::Stopped);
    replay(&cut).unwrap();
    replay(&whole).unwrap();
}

#[test]
fn without_a_record_there_is_none() {
    let client = Client::new(
        Config::default(),
        "192.0.2.1".parse().unwrap(),
        Instant::ZERO,
    );
    assert_eq!(client.recording(), None);
}

/// Each in its own words, and none of them in bytes that steer a terminal.
#[test]
fn everything_is_told_in_words() {
    let mut told: Vec<String> = everything().iter().map(What::to_string).collect();
    told.retain(|line| !line.contains("\\xff"));
    let asked = Asked {
        ticket: 7,
        argument: b"a".to_vec(),
        ..asked_for(RequestKind::Hash, None)
    };
    let all = Asked {
        request: RequestKind::Transfer,
        verb: Some(Verb::Retr),
        second: b"b".to_vec(),
        password: true,
        account: true,
        offset: 3,
        size: Some(10),
        allocate: Some(0),
        length: Some(7),
        algorithm: Some(HashAlgorithm::Sha1),
        ascii: true,
        eager: true,
        ..asked.clone()
    };
    let nameless = Asked {
        argument: Vec::new(),
        ..asked.clone()
    };
    told.extend([asked, all, nameless].map(|asked| asked.to_string()));
    for what in [
        What::Ready(false),
        What::Done(1, Vec::new()),
        What::Report(
            1,
            Outcome(News::Secured(TlsFacts {
                version: TlsVersion::Tls13,
                resumed: false,
                hello_retry: false,
            })),
        ),
        What::End { drained: true },
        What::End { drained: false },
        What::Stopped,
    ] {
        told.push(what.to_string());
    }
    assert_eq!(
        told,
        [
            "asked to abort (ticket 1)",
            "withdrawn: ticket 4294967295",
            "all sent",
            "the server closed the control connection",
            "the control connection failed: connection reset",
            "the deadline passed",
            "tickets: 2",
            "in place of TLS: 220 x",
            "in place of TLS on data 9: ",
            "data 3: 1099511627776 bytes so far",
            "data 3: all handed over",
            "<--- 220 ",
            "ready, under TLS",
            "note: TicketsSpent",
            "connect: data 1 to port 2000 of the peer (order 4)",
            "close: control",
            "ticket 1: done, 5 bytes",
            "ticket 2: failed, no",
            "closed",
            "closed: gone",
            "order 1: connected",
            "order 1: listening at 192.0.2.7:2000",
            "order 1: listening at [2001:db8::7]:2000",
            "order 1: accepted 192.0.2.7",
            "order 1: TLS 1.2, resumed, asked again",
            "order 1: TLS has ended",
            "order 1: 5 bytes, TLS: alert 40",
            "order 1: failed: host unreachable",
            "order 1: TLS failed: closed at hello",
            "asked for hash a (ticket 7)",
            "asked for RETR a to b, with a password, with an account, in ASCII, payload at once, from byte 3, 10 bytes, 7 bytes of it, by SHA-1, \
             reserving 0 bytes (ticket 7)",
            "asked for hash (ticket 7)",
            "ready, in clear text",
            "ticket 1: done",
            "order 1: TLS 1.3",
            "end of the trace",
            "end of the trace, before all was told",
            "the trace has grown too long and ends here",
        ]
    );
}

/// What need not be said is not: records are long.
#[test]
fn a_line_says_what_there_is_and_no_more() {
    let noop = asked_for(RequestKind::Simple, Some(Verb::Noop));
    let plain = |what| Entry {
        at: Instant::from_millis(1234),
        secure: false,
        deadline: None,
        what,
    };
    let written = trace(alloc::vec![
        plain(What::Asked(noop)),
        entry(What::Ordered("close", 0, String::from("control"))),
        plain(What::Closed(None)),
        plain(What::End { drained: false }),
    ]);
    let text = written.to_json_lines();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines,
        [
            r#"{"at":1234,"in":"ask","ticket":1,"request":"simple","verb":"NOOP"}"#,
            r#"{"at":1234,"tls":true,"until":61234,"out":"close","what":"control"}"#,
            r#"{"at":1234,"out":"closed"}"#,
            r#"{"at":1234,"record":"end","drained":false}"#,
        ]
    );
    assert_eq!(Trace::read(&text).unwrap(), written);
}

#[test]
fn a_value_that_cannot_be_is_told_by_its_field() {
    let mut clear = trace(Vec::new());
    clear.config.security = Security::clear(ClearText::Everybody);
    let (clear, secure) = (clear.to_json_lines(), trace(Vec::new()).to_json_lines());
    let value = |field: &str| format!("line 1: field {field} has a value it cannot have");
    for (head, from, to, field) in [
        (&secure, "\"explicit\"", "\"clear\"", "security"),
        (&secure, "\"explicit\"", "\"none\"", "security"),
        (
            &secure,
            "\"data_level\":\"P\"",
            "\"data_level\":\"S\"",
            "data_level",
        ),
        (
            &clear,
            "\"data_level\":\"C\"",
            "\"data_level\":\"P\"",
            "data_level",
        ),
        (&clear, "\"everybody\"", "\"nobody\"", "clear_text"),
        (&secure, "\"methods\":\"TLS", "\"methods\":\"LTS", "methods"),
        (
            &secure,
            "\"data_modes\":\"",
            "\"data_modes\":\",",
            "data_modes",
        ),
        (&secure, "\"peer\":\"2", "\"peer\":\"g", "peer"),
        (&secure, "\"ccc\":false", "\"ccc\":0", "ccc"),
    ] {
        assert!(head.contains(from), "{from} in {head}");
        let error = Trace::read(&head.replace(from, to)).unwrap_err();
        assert_eq!(error.to_string(), value(field), "{to}");
    }
    let value = |field: &str| format!("line 2: field {field} has a value it cannot have");
    let missing = |field: &str| format!("line 2: field {field} is missing");
    let ask = |rest: &str| format!("\"in\":\"ask\",\"ticket\":1,\"request\":{rest}");
    for (fields, says) in [
        (ask("\"transfer\""), missing("verb")),
        (ask("\"simple\""), missing("verb")),
        (ask("\"simple\",\"verb\":\"XYZZY\""), value("verb")),
        (ask("\"hash\",\"algorithm\":\"XYZZY\""), value("algorithm")),
        (ask("\"xyzzy\""), value("request")),
        (String::from("\"out\":\"nothing\""), value("out")),
        (String::from("\"record\":\"nothing\""), value("record")),
        (
            String::from("\"in\":\"tickets\",\"left\":\"256\""),
            value("left"),
        ),
        (
            String::from("\"in\":\"report\",\"order\":1,\"outcome\":\"x\""),
            value("outcome"),
        ),
        (
            String::from(
                "\"in\":\"report\",\"order\":1,\"outcome\":\"TLS failed\",\"fault\":\"x\"",
            ),
            value("fault"),
        ),
        (
            String::from(
                "\"in\":\"report\",\"order\":1,\"outcome\":\"finished\",\"moved\":1,\"end\":\"x\"",
            ),
            value("end"),
        ),
        (
            String::from(
                "\"in\":\"report\",\"order\":1,\"outcome\":\"accepted\",\"address\":\"x\"",
            ),
            value("address"),
        ),
    ] {
        let head = secure.lines().next().unwrap();
        let error = Trace::read(&format!("{head}\n{{\"at\":1,{fields}}}")).unwrap_err();
        assert_eq!(error.to_string(), says, "{fields}");
    }
}
