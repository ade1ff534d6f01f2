//! What came of it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use crate::contender::Contender;

/// One number, with its unit.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    value: f64,
    unit: String,
}

impl Figure {
    pub(crate) fn new(value: f64, unit: &str) -> Self {
        Figure {
            value,
            unit: unit.into(),
        }
    }

    /// A line of ftpbench: what, number, unit.
    pub(crate) fn read(line: &str) -> Option<(String, Figure)> {
        let mut words = line.trim().rsplitn(3, ' ');
        let unit = words.next().filter(|unit| !unit.is_empty())?;
        let value = words.next()?.parse().ok()?;
        let what = words.next()?.trim();
        Some((what.into(), Figure::new(value, unit)))
    }

    /// Times come to the hundredth of a second: what is less is that.
    fn known(&self) -> f64 {
        self.value.max(0.01)
    }

    /// Whether more is better.
    fn grows(&self) -> bool {
        self.unit == "MB/sec"
    }
}

/// Figures by name, contender by contender.
pub(crate) struct Table {
    contenders: Vec<Contender>,
    /// In the order they came in.
    names: Vec<String>,
    figures: BTreeMap<(String, Contender), Vec<Figure>>,
    failures: Vec<(Contender, String)>,
}

impl Table {
    pub(crate) fn new(contenders: &[Contender]) -> Self {
        Table {
            contenders: contenders.to_vec(),
            names: Vec::new(),
            figures: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, contender: Contender, (name, figure): (String, Figure)) {
        if !self.names.contains(&name) {
            self.names.push(name.clone());
        }
        let all = self.figures.entry((name, contender)).or_default();
        all.push(figure);
    }

    pub(crate) fn failed(&mut self, contender: Contender, why: String) {
        let failure = (contender, why);
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    fn median(&self, name: &str, contender: Contender) -> Option<Figure> {
        let mut all = self.figures.get(&(name.to_owned(), contender))?.clone();
        all.sort_by(|one, other| one.value.total_cmp(&other.value));
        all.get(all.len() / 2).cloned()
    }

    /// How much better the first contender is than the best of the others; below 1 it is worse.
    fn ratio(&self, name: &str) -> Option<f64> {
        let (own, others) = self.contenders.split_first()?;
        let own = self.median(name, *own)?;
        let others = others
            .iter()
            .filter_map(|one| self.median(name, *one))
            .map(|figure| figure.known());
        if own.grows() {
            Some(own.known() / others.reduce(f64::max)?)
        } else {
            Some(others.reduce(f64::min)? / own.known())
        }
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "| {:<45} |", "")?;
        for contender in &self.contenders {
            write!(f, " {contender:>9} |")?;
        }
        writeln!(f, "  ratio |")?;
        writeln!(f, "|---|{}", "---|".repeat(self.contenders.len() + 1))?;
        for name in &self.names {
            let unit = self
                .contenders
                .iter()
                .find_map(|one| self.median(name, *one))
                .map_or_else(String::new, |figure| figure.unit);
            write!(f, "| {:<45} |", format!("{name}, {unit}"))?;
            for contender in &self.contenders {
                match self.median(name, *contender) {
                    Some(figure) => write!(f, " {:>9.2} |", figure.value)?,
                    None => write!(f, " {:>9} |", "-")?,
                }
            }
            match self.ratio(name) {
                Some(ratio) => writeln!(f, " {ratio:>6.2} |")?,
                None => writeln!(f, " {:>6} |", "-")?,
            }
        }
        for (contender, why) in &self.failures {
            writeln!(f, "{contender} failed: {why}")?;
        }
        f.write_str("ratio: how much better the first is than the best of the others")
    }
}
