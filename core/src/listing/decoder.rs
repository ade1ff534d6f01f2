//! The decoder: pieces in, items out.

use alloc::vec::Vec;

use super::chooser::Chooser;
use super::ebcdic;
use super::entry::{Dialect, Kind};
use super::item::Item;
use super::lines::{Found, Lines, Place};
use super::options::Options;
use super::time::Zone;
use super::words::is_blank;
use super::{vms, zvm};

/// Reads a listing.
///
/// Give each piece to [`decode`](Self::decode) until that answers `None`, and at the end of the data call
/// [`finish`](Self::finish) until that answers `None`. What comes out does not depend on the pieces. The first items come
/// after 4 KiB or at the end: so much is looked at for its encoding and the order of numbers in its dates. Memory: that,
/// and two lines.
#[derive(Clone, Debug)]
pub struct Decoder {
    lines: Lines,
    chooser: Chooser,
    /// A VMS name whose other columns may follow on the next line; with both lines, an entry.
    held: Vec<u8>,
    is_holding: bool,
    /// A line out of EBCDIC.
    text: Vec<u8>,
    /// A name that is not in its line as it is.
    name: Vec<u8>,
}

/// What the loop over lines has come to.
enum Next<'c> {
    Line(Place<'c>),
    /// A name and its other columns.
    Joined,
    /// A name without other columns.
    Held,
}

impl Decoder {
    /// A decoder before the first byte.
    #[must_use]
    pub fn new(options: &Options) -> Decoder {
        Decoder {
            lines: Lines::new(options.longest_line),
            chooser: Chooser::new(options),
            held: Vec::new(),
            is_holding: false,
            text: Vec::new(),
            name: Vec::new(),
        }
    }

    /// The next item. Takes what it needs off the beginning of `input`; `None` when all of it is taken.
    pub fn decode<'a, 'c: 'a>(&'a mut self, input: &mut &'c [u8]) -> Option<Item<'a>> {
        self.step(input, false)
    }

    /// The next item after the end of the data; `None` when there is no further one.
    pub fn finish(&mut self) -> Option<Item<'_>> {
        self.step(&mut &[][..], true)
    }

    /// The zone of times from here on that do not say theirs, for example from [`Zone::infer`].
    pub fn set_zone(&mut self, zone: Zone) {
        self.chooser.set_zone(zone);
    }

    /// The dialect as far as it is settled.
    pub fn dialect(&self) -> Option<Dialect> {
        self.chooser.settled()
    }

    fn step<'a, 'c: 'a>(&'a mut self, input: &mut &'c [u8], is_last: bool) -> Option<Item<'a>> {
        match self.next(input, is_last)? {
            Next::Line(place @ Place::TooLong) => Some(Item::TooLong(self.lines.line(place))),
            Next::Line(place) => {
                let raw = self.lines.line(place);
                if !self.lines.is_ebcdic() {
                    return Some(usable(self.chooser.read(raw), &mut self.name));
                }
                if self.text.contains(&ebcdic::SUBSTITUTE) {
                    return Some(Item::Unparsed(raw));
                }
                let item = self.chooser.read(&self.text);
                Some(with_raw(usable(item, &mut self.name), raw))
            }
            Next::Joined => Some(self.chooser.read(&self.held)),
            Next::Held => Some(Item::Unparsed(&self.held)),
        }
    }

    /// Goes on to the next line that says something, and holds names that wait for their second line.
    fn next<'c>(&mut self, input: &mut &'c [u8], is_last: bool) -> Option<Next<'c>> {
        loop {
            let place = match self.lines.advance(input, is_last) {
                Found::Head => {
                    self.chooser.look(self.lines.head());
                    continue;
                }
                Found::Nothing => {
                    let held = is_last && core::mem::take(&mut self.is_holding);
                    return held.then_some(Next::Held);
                }
                Found::Line(place) => place,
            };
            let is_whole = !matches!(place, Place::TooLong);
            if core::mem::take(&mut self.is_holding) {
                let line = self.lines.line(place);
                if is_whole && vms::is_second_line(line) {
                    self.held.push(b'\n');
                    self.held.extend_from_slice(line);
                    return Some(Next::Joined);
                }
                self.lines.repeat(place);
                return Some(Next::Held);
            }
            if !is_whole {
                return Some(Next::Line(place));
            }
            let line = self.lines.line(place);
            if self.lines.is_ebcdic() {
                ebcdic::translate(line, &mut self.text);
                if self.text.iter().all(is_blank) {
                    self.chooser.blank();
                    continue;
                }
                return Some(Next::Line(place));
            }
            if line.iter().all(is_blank) {
                self.chooser.blank();
            } else if vms::is_name_alone(line) {
                self.held.clear();
                self.held.extend_from_slice(line);
                self.is_holding = true;
            } else {
                return Some(Next::Line(place));
            }
        }
    }
}

/// Puts a name together that is not in its line as it is.
fn usable<'a>(item: Item<'a>, name: &'a mut Vec<u8>) -> Item<'a> {
    match item {
        Item::Entry(mut entry) if entry.dialect == Dialect::Zvm && entry.kind == Kind::File => {
            zvm::write_name(entry.name, name);
            entry.name = name;
            Item::Entry(entry)
        }
        item => item,
    }
}

/// The same item with the line as it was received.
fn with_raw<'a>(item: Item<'a>, raw: &'a [u8]) -> Item<'a> {
    match item {
        Item::Entry(mut entry) => {
            entry.raw = raw;
            Item::Entry(entry)
        }
        Item::Heading(mut heading) => {
            heading.raw = raw;
            Item::Heading(heading)
        }
        Item::Remark(mut remark) => {
            remark.raw = raw;
            Item::Remark(remark)
        }
        Item::Unparsed(_) | Item::TooLong(_) => Item::Unparsed(raw),
    }
}
