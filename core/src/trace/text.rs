//! A record for people, in the style of Kermit's `--->` and `<---`.

use core::fmt;

use super::words::{Named, data_end, tickets, tls_fault};
use super::{Asked, Trace, What};
use crate::order::{Channel, News};
use crate::wire::command::Verb;
use crate::wire::reply::Escaped;

/// Seconds since the start, `tls` where the control connection is under TLS, and what happened. What only repeats something else, the raw
/// bytes in and out, is left out.
///
/// ```text
///    0.000      connected to 192.0.2.1
///    0.020      <--- 220 ready
///    0.020      ---> AUTH TLS
///    0.040      <--- 234 go on
///    0.041      start TLS: control
///    0.063  tls ---> USER alice
/// ```
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "   0.000      connected to {}", self.peer)?;
        for entry in &self.entries {
            if matches!(
                entry.what,
                What::Control(_) | What::Flushed | What::Progress(..)
            ) {
                continue;
            }
            let time = entry.at.since(self.at);
            let tls = if entry.secure { "tls" } else { "" };
            writeln!(
                f,
                "{:>4}.{:03}  {tls:<3} {}",
                time.as_secs(),
                time.subsec_millis(),
                entry.what
            )?;
        }
        Ok(())
    }
}

/// One line, without its end.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Asked(asked) => write!(f, "{asked}"),
            What::Aborted(ticket) => write!(f, "asked to abort (ticket {ticket})"),
            What::Withdrawn(ticket) => write!(f, "withdrawn: ticket {ticket}"),
            What::Flushed => f.write_str("all sent"),
            What::Control(bytes) => write!(f, "bytes: {}", Escaped::new(bytes)),
            What::ControlEof => f.write_str("the server closed the control connection"),
            What::ControlFailed(fault) => write!(f, "the control connection failed: {fault}"),
            What::Timeout => f.write_str("the deadline passed"),
            What::Report(order, outcome) => {
                write!(f, "order {order}: ")?;
                news(outcome.0, f)
            }
            What::Tickets(left) => write!(f, "tickets: {}", tickets(*left)),
            What::Found(Channel::Control, bytes) => {
                write!(f, "in place of TLS: {}", Escaped::new(bytes))
            }
            What::Found(Channel::Data(data), bytes) => {
                write!(
                    f,
                    "in place of TLS on data {}: {}",
                    data.number(),
                    Escaped::new(bytes)
                )
            }
            What::Progress(data, bytes) => write!(f, "data {data}: {bytes} bytes so far"),
            What::SourceEnded(data) => write!(f, "data {data}: all handed over"),
            What::Sent(line) => write!(f, "---> {}", Escaped::new(line)),
            What::Received(_, code, text) => write!(f, "<--- {code} {}", Escaped::new(text)),
            What::Ready(true) => f.write_str("ready, under TLS"),
            What::Ready(false) => f.write_str("ready, in clear text"),
            What::Note(note) => write!(f, "note: {}", Escaped::new(note.as_bytes())),
            What::Ordered(name, number, details) => {
                write!(f, "{name}: {}", Escaped::new(details.as_bytes()))?;
                if *number == 0 {
                    Ok(())
                } else {
                    write!(f, " (order {number})")
                }
            }
            What::Done(ticket, result) if result.is_empty() => write!(f, "ticket {ticket}: done"),
            What::Done(ticket, result) => {
                write!(f, "ticket {ticket}: done, {}", Escaped::new(result))
            }
            What::Failed(ticket, _, says) => {
                write!(f, "ticket {ticket}: failed, {}", Escaped::new(says))
            }
            What::Closed(None) => f.write_str("closed"),
            What::Closed(Some((_, says))) => write!(f, "closed: {}", Escaped::new(says)),
            What::End { drained: true } => f.write_str("end of the trace"),
            What::End { drained: false } => f.write_str("end of the trace, before all was told"),
            What::Stopped => f.write_str("the trace has grown too long and ends here"),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.verb.map_or_else(|| self.request.name(), Verb::as_str);
        write!(f, "asked for {name}")?;
        if !self.argument.is_empty() {
            write!(f, " {}", Escaped::new(&self.argument))?;
        }
        if !self.second.is_empty() {
            write!(f, " to {}", Escaped::new(&self.second))?;
        }
        for (word, said) in [
            ("with a password", self.password),
            ("with an account", self.account),
            ("in ASCII", self.ascii),
            ("payload at once", self.eager),
        ] {
            if said {
                write!(f, ", {word}")?;
            }
        }
        if self.offset > 0 {
            write!(f, ", from byte {}", self.offset)?;
        }
        if let Some(size) = self.size {
            write!(f, ", {size} bytes")?;
        }
        if let Some(length) = self.length {
            write!(f, ", {length} bytes of it")?;
        }
        if let Some(algorithm) = self.algorithm {
            write!(f, ", by {}", algorithm.name())?;
        }
        if let Some(bytes) = self.allocate {
            write!(f, ", reserving {bytes} bytes")?;
        }
        write!(f, " (ticket {})", self.ticket)
    }
}

fn news(news: News, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match news {
        News::Connected => f.write_str("connected"),
        News::Listening(address) => write!(f, "listening at {address}"),
        News::Accepted(peer) => write!(f, "accepted {peer}"),
        News::Secured(facts) => {
            write!(f, "TLS {}", facts.version.name())?;
            f.write_str(if facts.resumed { ", resumed" } else { "" })?;
            f.write_str(if facts.hello_retry {
                ", asked again"
            } else {
                ""
            })
        }
        News::Cleared => f.write_str("TLS has ended"),
        News::Finished(flow) => write!(f, "{} bytes, {}", flow.bytes, data_end(flow.end)),
        News::Failed(fault) => write!(f, "failed: {fault}"),
        News::TlsFailed(fault) => write!(f, "TLS failed: {}", tls_fault(fault)),
    }
}
