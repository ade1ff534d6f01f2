//! What came of it, as Markdown.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter, Write as _};
use std::time::Duration;

use crate::contenders::Contender;

/// Round trips that are a difference between clients and not the machine's.
const NOTICEABLE: f64 = 0.5;

/// One run of one contender, in round trips.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// SYN to first file byte on the link.
    pub(crate) first: f64,
    /// First file byte to first byte of the next file, mean over the session.
    pub(crate) further: Option<f64>,
    /// SYN to first byte on the client's standard output.
    pub(crate) shown: f64,
    /// How often the client spoke on the control connection and then had to wait.
    pub(crate) turns: usize,
}

/// All runs of one contender against one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) runs: Vec<Run>,
    /// Why runs failed.
    pub(crate) failures: Vec<String>,
    /// What the client itself had to say, on its standard error.
    pub(crate) remarks: Vec<String>,
}

impl Cell {
    fn first(&self) -> Option<f64> {
        self.middle(|run| Some(run.first))
    }

    fn further(&self) -> Option<f64> {
        self.middle(|run| run.further)
    }

    fn middle(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(of).collect())
    }
}

impl Display for Cell {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.first(), self.further()) {
            (Some(first), Some(further)) => write!(f, "{first:.1} / {further:.1}")?,
            (Some(first), None) => write!(f, "{first:.1}")?,
            _ => f.write_str("-")?,
        }
        if !self.failures.is_empty() {
            let all = self.runs.len() + self.failures.len();
            write!(f, " (failed {} of {all})", self.failures.len())?;
        }
        Ok(())
    }
}

/// Results without or with TLS: rows are contenders, columns servers.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) tls: bool,
    pub(crate) round_trip: Duration,
    pub(crate) servers: Vec<String>,
    pub(crate) rows: Vec<(Contender, Vec<Cell>)>,
}

impl Table {
    /// Where this project's client failed, or took noticeably longer than another.
    pub(crate) fn shortfalls(&self) -> Vec<String> {
        let own = self
            .rows
            .iter()
            .find(|(contender, _)| *contender == Contender::Ftp);
        let Some((_, own)) = own else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (column, (server, own)) in self.servers.iter().zip(own).enumerate() {
            let place = format!("{}, {server}", self.title);
            if !own.failures.is_empty() {
                found.push(format!("{place}: failed"));
            }
            for (rival, cells) in &self.rows {
                let Some(theirs) = cells.get(column) else {
                    continue;
                };
                for (what, ours, theirs) in [
                    ("first file", own.first(), theirs.first()),
                    ("further files", own.further(), theirs.further()),
                ] {
                    if let (Some(ours), Some(theirs)) = (ours, theirs)
                        && ours > theirs + NOTICEABLE
                    {
                        let rival = rival.name();
                        found.push(format!("{place}: {what} {ours:.1}, {rival} {theirs:.1}"));
                    }
                }
            }
        }
        found
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (title, trip) = (self.title, self.round_trip.as_millis());
        writeln!(
            f,
            "\n## {title}, round trip {trip} ms: first file byte / each further file\n"
        )?;
        writeln!(f, "| client | {} |", self.servers.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(self.servers.len()))?;
        for (contender, cells) in &self.rows {
            let cells: Vec<String> = cells.iter().map(Cell::to_string).collect();
            writeln!(f, "| {} | {} |", contender.name(), cells.join(" | "))?;
        }
        writeln!(
            f,
            "\nTurns on the control connection in one session (median):\n"
        )?;
        for (contender, cells) in &self.rows {
            let turns = cells.iter().map(|cell| {
                let turns = cell.middle(|run| Some(run.turns as f64));
                turns.map_or_else(|| "-".into(), |turns| format!("{turns:.0}"))
            });
            let turns: Vec<String> = turns.collect();
            writeln!(f, "- {}: {}", contender.name(), turns.join(", "))?;
        }
        let notes: String = self
            .rows
            .iter()
            .flat_map(|(contender, cells)| {
                let named = self.servers.iter().zip(cells);
                named.map(|(server, cell)| notes(contender.name(), server, cell))
            })
            .collect();
        match notes.as_str() {
            "" => Ok(()),
            notes => write!(f, "\n{notes}"),
        }
    }
}

/// What the numbers of one cell do not say.
fn notes(contender: &str, server: &str, cell: &Cell) -> String {
    let mut notes = String::new();
    if let Some(first) = cell.first()
        && let Some(shown) = cell.middle(|run| Some(run.shown))
        && shown - first > 0.2
    {
        let _ = writeln!(
            notes,
            "- {contender}, {server}: first byte on its standard output at {shown:.1}"
        );
    }
    for (kind, texts) in [("failed", &cell.failures), ("says", &cell.remarks)] {
        for text in texts.iter().collect::<BTreeSet<_>>() {
            let _ = writeln!(notes, "- {contender}, {server} {kind}: {text}");
        }
    }
    notes
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len().saturating_sub(1)) / 2)?;
    Some(f64::midpoint(lower, upper))
}
