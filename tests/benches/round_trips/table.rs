//! What came of it, as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::contenders::Contender;

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
    fn middle(&self, of: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().filter_map(of).collect())
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (
            self.middle(|run| Some(run.first)),
            self.middle(|run| run.further),
        ) {
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

/// One table: rows are contenders, columns servers.
pub(crate) fn table(
    title: &str,
    round_trip: Duration,
    servers: &[String],
    rows: &[(Contender, Vec<Cell>)],
) -> String {
    let mut text = format!(
        "\n## {title}, round trip {} ms: first file byte / each further file\n\n",
        round_trip.as_millis()
    );
    let _ = writeln!(text, "| client | {} |", servers.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(servers.len()));
    for (contender, cells) in rows {
        let cells: Vec<String> = cells.iter().map(Cell::to_string).collect();
        let _ = writeln!(text, "| {} | {} |", contender.name(), cells.join(" | "));
    }
    let _ = writeln!(
        text,
        "\nTurns on the control connection in one session (median):\n"
    );
    for (contender, cells) in rows {
        let turns = |cell: &Cell| cell.middle(|run| Some(run.turns as f64));
        let turns: Vec<String> = cells
            .iter()
            .map(|cell| turns(cell).map_or_else(|| "-".into(), |t| format!("{t:.0}")))
            .collect();
        let _ = writeln!(text, "- {}: {}", contender.name(), turns.join(", "));
    }
    let notes: String = rows
        .iter()
        .flat_map(|(contender, cells)| {
            let named = servers.iter().zip(cells);
            named.map(|(server, cell)| notes(contender.name(), server, cell))
        })
        .collect();
    if !notes.is_empty() {
        let _ = write!(text, "\n{notes}");
    }
    text
}

/// What the numbers of one cell do not say.
fn notes(contender: &str, server: &str, cell: &Cell) -> String {
    let mut notes = String::new();
    if let Some(first) = cell.middle(|run| Some(run.first))
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
