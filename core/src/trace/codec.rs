//! Entries as lines, and back.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::json::{Object, Problem, ReadError, Writer};
use super::settings::{self, named};
use super::words::{
    Named, data_end, read_data_end, read_tickets, read_tls_fault, tickets, tls_fault,
};
use super::{Asked, Entry, Outcome, RequestKind, Trace, What};
use crate::order::{Channel, DataId, Fault, FlowEnd, News, TlsFacts};
use crate::time::Instant;
use crate::wire::command::Verb;
use crate::wire::digest::HashAlgorithm;

/// The format written here.
const VERSION: u64 = 1;

impl Trace {
    /// The record as JSON Lines: one object on a line, the settings first. ASCII, with nothing that could steer a terminal.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut head = Writer::new();
        head.number("ftp_proto_trace", VERSION)
            .number("at", self.at.as_millis())
            .text("peer", &self.peer.to_string());
        settings::write(&self.config, &mut head);
        let mut text = head.end();
        for entry in &self.entries {
            text.push_str(&line(entry));
        }
        text
    }

    /// Reads what [`Trace::to_json_lines`] has written.
    ///
    /// # Errors
    /// The line that cannot be read, and what is wrong with it.
    pub fn read(text: &str) -> Result<Trace, ReadError> {
        let mut lines = (1..).zip(text.lines());
        let (line, first) = lines.next().unwrap_or((1, ""));
        let mut trace = head(first).map_err(|problem| ReadError { line, problem })?;
        let mut ended = false;
        for (line, text) in lines {
            let entry = if ended {
                Err(Problem::AfterEnd)
            } else {
                Object::read(text).and_then(|object| entry(&object))
            };
            let entry = entry.map_err(|problem| ReadError { line, problem })?;
            ended = matches!(entry.what, What::End { .. } | What::Stopped);
            trace.entries.push(entry);
        }
        Ok(trace)
    }
}

fn head(line: &str) -> Result<Trace, Problem> {
    if line.is_empty() {
        return Err(Problem::Empty);
    }
    let object = Object::read(line).map_err(|problem| {
        if line.starts_with("{\"ftp_proto_trace\":") {
            problem
        } else {
            Problem::NotATrace
        }
    })?;
    match object.optional("ftp_proto_trace")? {
        Some(VERSION) => {}
        Some(other) => return Err(Problem::Version(other)),
        None => return Err(Problem::NotATrace),
    }
    Ok(Trace {
        at: Instant::from_millis(object.number("at")?),
        peer: parsed(&object, "peer")?,
        config: settings::read(&object)?,
        entries: Vec::new(),
    })
}

// ---- writing

fn line(entry: &Entry) -> String {
    let mut out = Writer::new();
    out.number("at", entry.at.as_millis());
    if entry.secure {
        out.flag("tls", true);
    }
    if let Some(deadline) = entry.deadline {
        out.number("until", deadline.as_millis());
    }
    match &entry.what {
        What::Asked(asked) => ask(asked, &mut out),
        What::Aborted(ticket) => numbered(&mut out, "abort", "ticket", *ticket),
        What::Withdrawn(ticket) => numbered(&mut out, "withdraw", "ticket", *ticket),
        What::Flushed => drop(out.text("in", "flushed")),
        What::Control(bytes) => drop(out.text("in", "control").bytes("bytes", bytes)),
        What::ControlEof => drop(out.text("in", "end of control")),
        What::ControlFailed(fault) => {
            out.text("in", "control failed").text("fault", fault.name());
        }
        What::Timeout => drop(out.text("in", "timeout")),
        What::Report(order, outcome) => {
            numbered(&mut out, "report", "order", *order);
            report(outcome.0, &mut out);
        }
        What::Tickets(left) => drop(out.text("in", "tickets").text("left", &tickets(*left))),
        What::Found(channel, bytes) => {
            out.text("in", "found");
            if let Channel::Data(data) = channel {
                out.number("data", data.number().into());
            }
            out.bytes("bytes", bytes);
        }
        What::Progress(data, bytes) => {
            numbered(&mut out, "progress", "data", *data);
            out.number("moved", *bytes);
        }
        What::SourceEnded(data) => numbered(&mut out, "source ended", "data", *data),

        What::Sent(line) => drop(out.text("out", "sent").bytes("line", line)),
        What::Received(verb, code, text) => {
            out.text("out", "received");
            if let Some(verb) = verb {
                out.text("verb", verb.as_str());
            }
            out.number("code", (*code).into()).bytes("text", text);
        }
        What::Ready(secure) => drop(out.text("out", "ready").flag("secure", *secure)),
        What::Note(note) => drop(out.text("out", "note").text("note", note)),
        What::Ordered(name, number, details) => {
            out.text("out", name);
            if *number != 0 {
                out.number("order", (*number).into());
            }
            out.text("what", details);
        }
        What::Done(ticket, result) => {
            out.text("out", "done")
                .number("ticket", (*ticket).into())
                .bytes("result", result);
        }
        What::Failed(ticket, kind, says) => {
            out.text("out", "failed")
                .number("ticket", (*ticket).into())
                .text("kind", kind)
                .bytes("says", says);
        }
        What::Closed(failure) => {
            out.text("out", "closed");
            if let Some((kind, says)) = failure {
                out.text("kind", kind).bytes("says", says);
            }
        }
        What::End { drained } => drop(out.text("record", "end").flag("drained", *drained)),
        What::Stopped => drop(out.text("record", "stopped")),
    }
    out.end()
}

fn numbered(out: &mut Writer, event: &str, key: &str, number: u32) {
    out.text("in", event).number(key, number.into());
}

fn ask(asked: &Asked, out: &mut Writer) {
    out.text("in", "ask")
        .number("ticket", asked.ticket.into())
        .text("request", asked.request.name());
    if let Some(verb) = asked.verb {
        out.text("verb", verb.as_str());
    }
    for (key, bytes) in [("argument", &asked.argument), ("second", &asked.second)] {
        if !bytes.is_empty() {
            out.bytes(key, bytes);
        }
    }
    for (key, flag) in [
        ("password", asked.password),
        ("account", asked.account),
        ("ascii", asked.ascii),
        ("eager", asked.eager),
    ] {
        if flag {
            out.flag(key, true);
        }
    }
    if asked.offset > 0 {
        out.number("offset", asked.offset);
    }
    for (key, number) in [
        ("size", asked.size),
        ("allocate", asked.allocate),
        ("length", asked.length),
    ] {
        if let Some(number) = number {
            out.number(key, number);
        }
    }
    if let Some(algorithm) = asked.algorithm {
        out.text("algorithm", algorithm.name());
    }
}

fn report(news: News, out: &mut Writer) {
    match news {
        News::Connected => drop(out.text("outcome", "connected")),
        News::Listening(address) => {
            out.text("outcome", "listening")
                .text("address", &format!("{address}"));
        }
        News::Accepted(peer) => {
            out.text("outcome", "accepted")
                .text("address", &format!("{peer}"));
        }
        News::Secured(facts) => {
            out.text("outcome", "secured")
                .text("version", facts.version.name())
                .flag("resumed", facts.resumed)
                .flag("hello_retry", facts.hello_retry);
        }
        News::Cleared => drop(out.text("outcome", "cleared")),
        News::Finished(flow) => {
            out.text("outcome", "finished")
                .number("moved", flow.bytes)
                .flag("source_ended", flow.source_ended)
                .text("end", &data_end(flow.end));
        }
        News::Failed(fault) => drop(out.text("outcome", "failed").text("fault", fault.name())),
        News::TlsFailed(fault) => {
            out.text("outcome", "TLS failed")
                .text("fault", &tls_fault(fault));
        }
    }
}

// ---- reading

fn entry(object: &Object) -> Result<Entry, Problem> {
    let what = if object.has("in") {
        input(object, object.text("in")?)?
    } else if object.has("out") {
        output(object, object.text("out")?)?
    } else {
        match object.text("record")? {
            "end" => What::End {
                drained: object.flag("drained")?,
            },
            "stopped" => What::Stopped,
            _ => return Err(Problem::Value("record")),
        }
    };
    Ok(Entry {
        at: Instant::from_millis(object.number("at")?),
        secure: object.flag("tls")?,
        deadline: object.optional("until")?.map(Instant::from_millis),
        what,
    })
}

fn input(object: &Object, event: &str) -> Result<What, Problem> {
    Ok(match event {
        "ask" => What::Asked(read_ask(object)?),
        "abort" => What::Aborted(object.fits("ticket")?),
        "withdraw" => What::Withdrawn(object.fits("ticket")?),
        "flushed" => What::Flushed,
        "control" => What::Control(object.bytes("bytes")?.to_vec()),
        "end of control" => What::ControlEof,
        "control failed" => What::ControlFailed(named::<Fault>(object, "fault")?),
        "timeout" => What::Timeout,
        "report" => What::Report(object.fits("order")?, Outcome(read_report(object)?)),
        "tickets" => {
            What::Tickets(read_tickets(object.text("left")?).ok_or(Problem::Value("left"))?)
        }
        "found" => {
            let channel = match object.has("data") {
                true => Channel::Data(DataId(object.fits("data")?)),
                false => Channel::Control,
            };
            What::Found(channel, object.bytes("bytes")?.to_vec())
        }
        "progress" => What::Progress(object.fits("data")?, object.number("moved")?),
        "source ended" => What::SourceEnded(object.fits("data")?),
        _ => return Err(Problem::Value("in")),
    })
}

/// The names of orders; they are compared, and carried out by nobody.
const ORDERS: [&str; 7] = [
    "start TLS",
    "end TLS",
    "close",
    "connect",
    "listen",
    "accept",
    "flow",
];

fn output(object: &Object, event: &str) -> Result<What, Problem> {
    if let Some(name) = ORDERS.into_iter().find(|name| *name == event) {
        let number = match object.has("order") {
            true => object.fits("order")?,
            false => 0,
        };
        return Ok(What::Ordered(
            name,
            number,
            object.text("what")?.to_string(),
        ));
    }
    let failure = || -> Result<(String, Vec<u8>), Problem> {
        Ok((
            object.text("kind")?.to_string(),
            object.bytes("says")?.to_vec(),
        ))
    };
    Ok(match event {
        "sent" => What::Sent(object.bytes("line")?.to_vec()),
        "received" => What::Received(
            verb(object)?,
            object.fits("code")?,
            object.bytes("text")?.to_vec(),
        ),
        "ready" => What::Ready(object.flag("secure")?),
        "note" => What::Note(object.text("note")?.to_string()),
        "done" => What::Done(object.fits("ticket")?, object.bytes("result")?.to_vec()),
        "failed" => {
            let (kind, says) = failure()?;
            What::Failed(object.fits("ticket")?, kind, says)
        }
        "closed" if object.has("kind") => What::Closed(Some(failure()?)),
        "closed" => What::Closed(None),
        _ => return Err(Problem::Value("out")),
    })
}

fn verb(object: &Object) -> Result<Option<Verb>, Problem> {
    if !object.has("verb") {
        return Ok(None);
    }
    let verb = Verb::parse(object.bytes("verb")?);
    verb.map(Some).ok_or(Problem::Value("verb"))
}

fn read_ask(object: &Object) -> Result<Asked, Problem> {
    let bytes = |key| {
        if object.has(key) {
            object.bytes(key).map(<[u8]>::to_vec)
        } else {
            Ok(Vec::new())
        }
    };
    let request: RequestKind = named(object, "request")?;
    let verb = verb(object)?;
    if matches!(request, RequestKind::Transfer | RequestKind::Simple) && verb.is_none() {
        return Err(Problem::Missing("verb"));
    }
    Ok(Asked {
        ticket: object.fits("ticket")?,
        request,
        verb,
        argument: bytes("argument")?,
        second: bytes("second")?,
        password: object.flag("password")?,
        account: object.flag("account")?,
        offset: object.optional("offset")?.unwrap_or(0),
        size: object.optional("size")?,
        allocate: object.optional("allocate")?,
        length: object.optional("length")?,
        algorithm: match object.has("algorithm") {
            true => Some(algorithm(object.text("algorithm")?)?),
            false => None,
        },
        ascii: object.flag("ascii")?,
        eager: object.flag("eager")?,
    })
}

fn algorithm(name: &str) -> Result<HashAlgorithm, Problem> {
    HashAlgorithm::parse(name.as_bytes()).ok_or(Problem::Value("algorithm"))
}

fn read_report(object: &Object) -> Result<News, Problem> {
    Ok(match object.text("outcome")? {
        "connected" => News::Connected,
        "listening" => News::Listening(parsed(object, "address")?),
        "accepted" => News::Accepted(parsed(object, "address")?),
        "secured" => News::Secured(TlsFacts {
            version: named(object, "version")?,
            resumed: object.flag("resumed")?,
            hello_retry: object.flag("hello_retry")?,
        }),
        "cleared" => News::Cleared,
        "finished" => News::Finished(FlowEnd {
            bytes: object.number("moved")?,
            source_ended: object.flag("source_ended")?,
            end: read_data_end(object.text("end")?).ok_or(Problem::Value("end"))?,
        }),
        "failed" => News::Failed(named(object, "fault")?),
        "TLS failed" => {
            News::TlsFailed(read_tls_fault(object.text("fault")?).ok_or(Problem::Value("fault"))?)
        }
        _ => return Err(Problem::Value("outcome")),
    })
}

fn parsed<T: core::str::FromStr>(object: &Object, key: &'static str) -> Result<T, Problem> {
    object.text(key)?.parse().map_err(|_| Problem::Value(key))
}
