//! Whole trees: listed, deleted, mirrored in either direction.
//!
//! A [`Planner`] decides everything and does nothing: it hands out [orders](Order), as many at once as there are sessions to carry them
//! out, takes a report for each, and ends in a [`Summary`] that is true, whatever went wrong.
//!
//! ```text
//! glob, filter   which names are meant          compare    which file is newer
//! path           names that lead nowhere else   digest     which digest the server is asked for
//! found          directories as they are read   order      orders and reports
//! planner        the loop                       nodes, work   what is known, what there is to do
//! reports        what came of orders            files      copied, checked, published
//! directories    read, made, deleted            pairing    one directory on both sides
//! ```
//!
//! # What is safe about it
//!
//! * A name from a listing is used only if it is one plain name, here and there; two things of one name and different kinds are both left alone.
//! * Links are not followed and not made; a directory that was met on the way to itself is not gone into, and depth, entries and attempts are bounded.
//! * A file is written under a name of its own, and gets its name when it is proved whole. What is left of an attempt is gone on with only if it is
//!   of the same version: size and time are part of its name.
//! * What is extraneous is deleted after everything else, files before the directories they are in, and only where the source was read whole.
//!   What the filter leaves alone stays.

mod compare;
mod digest;
mod directories;
mod files;
mod filter;
mod found;
mod glob;
mod nodes;
mod options;
mod order;
mod pairing;
mod path;
mod planner;
mod reports;
mod summary;
mod work;

pub use digest::{Digest, DigestRequest};
pub use filter::Filter;
pub use found::{Collector, Found, FoundKind, Listing};
pub use glob::Pattern;
pub use options::{Bounds, Check, Delete, Links, Options, Overwrite};
pub use order::{
    AskOrder, CheckOrder, CopyOrder, How, LocalTrouble, MakeOrder, MeasureOrder, Order,
    PublishOrder, ReadOrder, RemoveOrder, Report, Trouble,
};
pub use path::{LocalPath, Place, Side, is_unfinished};
pub use planner::{Again, Next, Planner, Progress};
pub use summary::{Event, Failed, Reason, Skip, Summary};

#[cfg(test)]
mod tests;
