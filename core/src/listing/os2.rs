//! OS/2: size, attributes, date, time, name. Some of its servers count years from 1900 beyond 99.
//!
//! ```text
//!                  0           DIR   04-11-95   16:26  ADDRESS
//!                612      A          07-28-95   16:45  air_tra1.bag
//!              36611      A    04-23-103   10:57  later
//! ```

use super::dates::{Clock, Context};
use super::entry::{Dialect, Entry, Kind, Size};
use super::words::Words;

pub(super) fn parse<'a>(line: &'a [u8], context: &Context) -> Option<Entry<'a>> {
    let mut words = Words::new(line);
    let octets = words.number()?;
    let mut word = words.next()?;
    let mut kind = Kind::File;
    let mut marks = 0;
    while !word.first()?.is_ascii_digit() {
        match word {
            b"DIR" => kind = Kind::Directory,
            _ if word.len() <= 4 && word.iter().all(|byte| b"ARHSD-".contains(byte)) => {}
            _ => return None,
        }
        marks += 1;
        word = words.next().filter(|_| marks <= 5)?;
    }
    let date = context.numeric_date(word).filter(|_| word.len() >= 8)?;
    let clock = Clock::parse(words.next()?)?;
    // Without any mark only the indent tells it from other listings.
    let certain = marks > 0 || line.starts_with(b" ");
    let name = words.padded_name().filter(|_| certain)?;
    Some(Entry {
        size: (kind == Kind::File).then_some(Size::Octets(octets)),
        time: Some(context.time(date, Some(clock))?),
        ..Entry::new(line, name, kind, Dialect::Os2)
    })
}
