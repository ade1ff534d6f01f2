//! The table.

use std::fmt::{self, Display, Formatter};

/// What a cell says.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// All of it worked.
    Passed {
        /// How long it took.
        seconds: f64,
        /// With the file of 100 MB.
        big: bool,
    },
    /// Something to be counted.
    Reached(String),
    /// There is no such thing.
    Cannot(&'static str),
    /// It did not work.
    Failed,
}

impl Cell {
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Cannot(reason) => Some(reason),
            Self::Passed { .. } | Self::Reached(_) | Self::Failed => None,
        }
    }

    fn text(&self, notes: &[&str]) -> String {
        let mark = self
            .reason()
            .and_then(|reason| notes.iter().position(|note| *note == reason))
            .map_or(String::new(), |index| format!(" [{}]", index + 1));
        match self {
            Self::Passed { seconds, big } => {
                format!("ok {seconds:.2}{}", if *big { "*" } else { " " })
            }
            Self::Reached(text) => text.clone(),
            Self::Cannot(_) => format!("-{mark}"),
            Self::Failed => "FAILED".to_owned(),
        }
    }
}

/// A block of rows under a title.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<(&'static str, Vec<Cell>)>,
}

/// All blocks.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) sections: Vec<Section>,
}

impl Table {
    /// How many cells were run.
    pub(crate) fn run(&self) -> usize {
        self.cells()
            .filter(|cell| !matches!(cell, Cell::Cannot(_)))
            .count()
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        let rows = self.sections.iter().flat_map(|section| &section.rows);
        rows.flat_map(|(_, cells)| cells)
    }

    /// Every reason once, in the order of appearance.
    fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        for reason in self.cells().filter_map(Cell::reason) {
            if !notes.contains(&reason) {
                notes.push(reason);
            }
        }
        notes
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let notes = self.notes();
        let mut heads: &[String] = &[];
        for section in &self.sections {
            let width = section.heads.iter().map(String::len).max().unwrap_or(0);
            let line = |first: &str, cells: &[String]| {
                let cells: String = cells
                    .iter()
                    .map(|cell| format!(" | {cell:width$}"))
                    .collect();
                format!("{first:10}{cells}").trim_end().to_owned()
            };
            writeln!(f, "\n{}", section.title)?;
            if heads != section.heads {
                writeln!(f, "{}", line("", &section.heads))?;
                heads = &section.heads;
            }
            for (name, cells) in &section.rows {
                let cells: Vec<String> = cells.iter().map(|cell| cell.text(&notes)).collect();
                writeln!(f, "{}", line(name, &cells))?;
            }
        }
        writeln!(
            f,
            "\nok: put, ls, get, SHA-256 equal, rm, of a file of 1 MB and an empty one; in seconds, for all of it. *: of 100 MB."
        )?;
        for (index, note) in notes.iter().enumerate() {
            writeln!(f, "[{}] {note}", index + 1)?;
        }
        Ok(())
    }
}
