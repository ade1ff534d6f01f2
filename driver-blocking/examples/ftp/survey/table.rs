//! The table: a row for each question, a column for each server.

use super::column::Column;
use super::host::Found;

/// What a cell shows in a table for people, at most, in characters; all of it is in the JSON.
const WIDEST: usize = 44;

/// For a terminal.
pub(crate) fn text(labels: &[&str], found: &[Found]) -> Vec<String> {
    let rows = rows(labels, found);
    let columns = labels.len() + 1;
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    let rule: usize = widths.iter().sum::<usize>() + 2 * (columns - 1);
    lines.insert(1, "-".repeat(rule));
    lines
}

/// For a document.
pub(crate) fn markdown(labels: &[&str], found: &[Found]) -> Vec<String> {
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rows = rows(labels, found);
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.insert(1, format!("|{}", "---|".repeat(labels.len() + 1)));
    lines
}

fn rows(labels: &[&str], found: &[Found]) -> Vec<Vec<String>> {
    let mut head = vec![String::new()];
    head.extend(labels.iter().map(|label| (*label).to_owned()));
    let mut rows = vec![head];
    for column in Column::ALL {
        let mut row = vec![column.title().to_owned()];
        row.extend(found.iter().map(|found| {
            let shown = found
                .cells
                .get(column)
                .map_or("not asked", |cell| cell.shown());
            short(shown)
        }));
        rows.push(row);
    }
    rows
}

fn short(cell: &str) -> String {
    if cell.chars().count() <= WIDEST {
        return cell.to_owned();
    }
    let mut short: String = cell.chars().take(WIDEST - 3).collect();
    short += "...";
    short
}
