//! What a listing is made of.

use super::entry::Entry;

/// One thing in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An entry.
    Entry(Entry<'a>),
    /// A line that says which directory the lines below it are in.
    Heading(Heading<'a>),
    /// A line about the others.
    Remark(Remark<'a>),
    /// A line that no dialect explains. Nothing is made up about it.
    Unparsed(&'a [u8]),
    /// The beginning of a line that is longer than the limit; the rest of it is skipped.
    TooLong(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The entry, if it is one.
    pub fn entry(self) -> Option<Entry<'a>> {
        match self {
            Item::Entry(entry) => Some(entry),
            _ => None,
        }
    }

    /// The line as received.
    pub fn raw(&self) -> &'a [u8] {
        match self {
            Item::Entry(entry) => entry.raw,
            Item::Heading(heading) => heading.raw,
            Item::Remark(remark) => remark.raw,
            Item::Unparsed(raw) | Item::TooLong(raw) => raw,
        }
    }
}

/// A line that names the directory of the lines below it: recursive listings, VMS, DOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Heading<'a> {
    /// The line.
    pub raw: &'a [u8],
    /// The directory, as the server names it.
    pub directory: &'a [u8],
}

/// A line that is no entry, and known not to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Remark<'a> {
    /// The line.
    pub raw: &'a [u8],
    /// What it is about.
    pub kind: RemarkKind,
}

/// What a [`Remark`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemarkKind {
    /// `total 12`, `Total of 3 files`.
    Total,
    /// Titles of columns, and the rule under them.
    Titles,
    /// What the server could not list. The listing is incomplete.
    Error,
    /// Anything else: the label of a volume, the steps of a job.
    Note,
}
