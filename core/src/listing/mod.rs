//! Listings: what servers answer to LIST, NLST and MLSD, one entry at a time.
//!
//! A [`Decoder`] takes the bytes of a listing in pieces of any size and gives entries. Which of the many forms a listing has
//! is settled from its lines. A line that no form explains comes back as it is: nothing is invented.
//!
//! ```
//! use ftp_proto::listing::{Decoder, Item, Kind, Options};
//! use ftp_proto::wire::date::Timestamp;
//!
//! let now = Timestamp::new(2026, 7, 14, 12, 0, 0)?;
//! let mut decoder = Decoder::new(&Options::new(now));
//! let mut names = Vec::new();
//! for mut piece in [&b"total 4\r\ndrwxr-xr-x 2 ftp ftp  40 Jan 25 00:17 p"[..], b"ub\r\n"] {
//!     while let Some(item) = decoder.decode(&mut piece) {
//!         if let Item::Entry(entry) = item {
//!             names.push((entry.name.to_vec(), entry.kind));
//!         }
//!     }
//! }
//! while let Some(item) = decoder.finish() {
//!     if let Item::Entry(entry) = item {
//!         names.push((entry.name.to_vec(), entry.kind));
//!     }
//! }
//! assert_eq!(names, [(b"pub".to_vec(), Kind::Directory)]);
//! # Ok::<(), ftp_proto::Malformed>(())
//! ```
//!
//! Names are bytes, to be sent back as they came. [`LocalName`] makes a name for the local file system out of one, or
//! refuses it. For NLST there is [`Names`].

mod chooser;
mod dates;
mod decoder;
mod dos;
mod ebcdic;
mod entry;
mod eplf;
mod hylafax;
mod item;
mod lines;
mod local_name;
mod mac;
mod mlsx;
mod months;
mod months_other;
mod mvs;
mod names;
mod netware;
mod nonstop;
mod options;
mod os2;
mod os400;
mod os9;
mod rare;
mod time;
mod unix;
mod vms;
mod vshell;
mod vxworks;
mod wfftp;
mod win16;
mod words;
mod zvm;

pub use decoder::Decoder;
pub use entry::{Dialect, Entry, Kind, Size};
pub use item::{Heading, Item, Remark, RemarkKind};
pub use local_name::{LocalName, UnsafeName};
pub use names::Names;
pub use options::{Command, Options};
pub use time::{DateOrder, Precision, Time, Zone};

#[cfg(test)]
mod tests;
