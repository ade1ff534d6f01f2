//! A record runs through a fresh machine.

use alloc::string::{String, ToString};
use core::fmt;

use super::{Entry, Trace, What};
use crate::client::{Client, Input};
use crate::diagnosis::Diagnosis;
use crate::error::Failure;
use crate::order::{DataId, Report};
use crate::output::{Event, Output};
use crate::ticket::TicketId;

/// The first place where a machine does not do what a record says it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// The line in [`Trace::to_json_lines`], from 1; the first entry is line 2.
    pub line: usize,
    /// What the record says.
    pub recorded: String,
    /// What the machine does now.
    pub replayed: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence {
            line,
            recorded,
            replayed,
        } = self;
        write!(f, "line {line}: recorded {recorded}; replayed {replayed}")
    }
}

impl core::error::Error for Divergence {}

/// A recorded session that went the same way again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The machine as it was at the end of the record.
    pub client: Client,
    /// The first request that failed, or how the session failed.
    pub failure: Option<Failure>,
}

impl Replayed {
    /// What may be behind the failure, or behind what was merely odd.
    #[must_use]
    pub fn diagnose(&self) -> Diagnosis {
        self.client.diagnose(self.failure.as_ref())
    }
}

/// Gives everything that went into the recorded machine to a fresh one, with no network and no clock, and compares what comes out.
///
/// # Errors
/// The first line at which the machine does something else.
pub fn replay(trace: &Trace) -> Result<Replayed, Divergence> {
    let mut client = Client::new(trace.config.clone(), trace.peer, trace.at);
    let mut failure = None;
    for (index, entry) in trace.entries.iter().enumerate() {
        step(&mut client, entry, &mut failure).map_err(|replayed| Divergence {
            line: index + 2,
            recorded: entry.what.to_string(),
            replayed,
        })?;
    }
    Ok(Replayed { client, failure })
}

fn step(client: &mut Client, entry: &Entry, failure: &mut Option<Failure>) -> Result<(), String> {
    check_levels(client, entry)?;
    let now = entry.at;
    match &entry.what {
        What::Asked(asked) => {
            return match client.repeat(now, asked) {
                Ok(ticket) if ticket == TicketId(asked.ticket) => Ok(()),
                Ok(TicketId(other)) => Err(alloc::format!("ticket {other}")),
                Err(refusal) => Err(alloc::format!("a refusal, {refusal}")),
            };
        }
        What::Aborted(recorded) => {
            return match client.abort(now) {
                Ok(ticket) if ticket.id() == TicketId(*recorded) => Ok(()),
                Ok(ticket) => Err(alloc::format!("ticket {}", ticket.id().0)),
                Err(refusal) => Err(alloc::format!("a refusal, {refusal}")),
            };
        }
        What::Withdrawn(ticket) => {
            return client
                .withdraw(now, TicketId(*ticket))
                .map_err(|refusal| alloc::format!("a refusal, {refusal}"));
        }
        What::Flushed => {
            let all = client.outgoing().len();
            if all == 0 {
                return Err(String::from("nothing was outgoing"));
            }
            client.consume_outgoing(all);
        }
        What::Control(bytes) => client.handle(now, Input::Control(bytes)),
        What::ControlEof => client.handle(now, Input::ControlEof),
        What::ControlFailed(fault) => client.handle(now, Input::ControlFailed(*fault)),
        What::Timeout => client.handle(now, Input::Timeout),
        What::Report(number, outcome) => {
            let report = Report {
                number: *number,
                news: outcome.0,
            };
            client.handle(now, Input::Report(report));
        }
        What::Tickets(tickets) => client.handle(now, Input::Tickets(*tickets)),
        What::Found(channel, bytes) => client.handle(now, Input::Found(*channel, bytes)),
        What::Progress(data, bytes) => client.handle(now, Input::Progress(DataId(*data), *bytes)),
        What::SourceEnded(data) => client.handle(now, Input::SourceEnded(DataId(*data))),
        What::End { drained: true } => {
            if let Some(output) = client.poll() {
                return Err(What::output(&output).to_string());
            }
        }
        What::End { drained: false } | What::Stopped => {}
        recorded => {
            let replayed = client.poll().map(|output| {
                if let Output::Event(
                    Event::Finished {
                        result: Err(failed),
                        ..
                    }
                    | Event::Closed(Some(failed)),
                ) = output
                {
                    failure.get_or_insert_with(|| failed.clone());
                }
                What::output(&output)
            });
            return match replayed {
                Some(replayed) if replayed == *recorded => Ok(()),
                Some(replayed) => Err(replayed.to_string()),
                None => Err(String::from("nothing")),
            };
        }
    }
    Ok(())
}

/// What can be seen of the machine at any time must be the same as well. When something goes in, the record shows what was before it.
fn check_levels(client: &Client, entry: &Entry) -> Result<(), String> {
    if entry.what == What::Stopped {
        return Ok(());
    }
    if client.deadline() != entry.deadline {
        let millis = |at: Option<crate::Instant>| match at {
            Some(at) => at.as_millis().to_string(),
            None => String::from("none"),
        };
        return Err(alloc::format!(
            "at that point the deadline {} in place of {}",
            millis(client.deadline()),
            millis(entry.deadline)
        ));
    }
    let levels = client.levels();
    if levels.secure != entry.secure {
        return Err(String::from("at that point another protection"));
    }
    let brings_time =
        !entry.what.is_output() && !matches!(entry.what, What::Flushed | What::End { .. });
    if (brings_time && entry.at < levels.now) || (!brings_time && entry.at != levels.now) {
        return Err(alloc::format!("at {}", levels.now.as_millis()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
