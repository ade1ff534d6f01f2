//! What became of a tree.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::found::Found;
use super::order::Trouble;
use crate::listing::UnsafeName;

/// Something to be told while a tree is gone through. Paths are relative to its root, with `/` between names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An entry of a walk.
    Entry {
        /// Where it is.
        path: Vec<u8>,
        /// What it is.
        found: Found,
    },
    /// A file was copied whole; in a dry run, would be.
    Copied {
        /// Which.
        path: Vec<u8>,
        /// Octets that were moved for it in this run.
        bytes: u64,
    },
    /// A directory was made; in a dry run, would be.
    Made {
        /// Which.
        path: Vec<u8>,
    },
    /// A file or a directory was deleted; in a dry run, would be.
    Deleted {
        /// Which.
        path: Vec<u8>,
    },
    /// Something was left out on purpose.
    Skipped {
        /// What.
        path: Vec<u8>,
        /// Why.
        why: Skip,
    },
    /// Something did not succeed.
    Failed(Failed),
}

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// The filter leaves it alone.
    Filtered,
    /// A symbolic link.
    Link,
    /// Neither file nor directory.
    Special,
    /// What a mirror has not finished.
    Unfinished,
    /// The same as in the target.
    Unchanged,
}

/// Something that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What, relative to the root, with `/` between names.
    pub path: Vec<u8>,
    /// Why.
    pub why: Reason,
}

/// Why something did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// What the server, the network or the file system says.
    Trouble(Trouble),
    /// The name would not be safe on this side.
    UnsafeName(UnsafeName),
    /// The name leads out of its directory, or cannot be sent.
    ReachesElsewhere,
    /// Several things have this name, of different kinds.
    Ambiguous,
    /// Names that differ only in case, in a target that does not tell them apart.
    SameButForCase,
    /// The target has something else of this name: a directory for a file, a link.
    InTheWay,
    /// A directory that was met before on the way to it.
    Circle,
    /// Deeper than [`Bounds::depth`](super::Bounds::depth), or a longer path than [`Bounds::path`](super::Bounds::path).
    TooDeep,
    /// More entries than [`Bounds::entries`](super::Bounds::entries).
    TooMany,
    /// It came whole by all evidence, but is not what the server has.
    Differs,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Trouble(trouble) => return fmt::Display::fmt(trouble, f),
            Reason::UnsafeName(why) => return fmt::Display::fmt(why, f),
            Reason::ReachesElsewhere => "the name leads out of its directory",
            Reason::Ambiguous => "several things of different kinds have this name",
            Reason::SameButForCase => "another name differs from it in case only",
            Reason::InTheWay => "something else of this name is in the way",
            Reason::Circle => "a directory within itself",
            Reason::TooDeep => "too deep",
            Reason::TooMany => "more entries than the limit",
            Reason::Differs => "not the same as on the server",
        })
    }
}

/// What became of a tree: true also after failures.
///
/// Every file that was met is counted once: `copied`, `unchanged`, `skipped`, `failed` or `not_reached`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Directories that were read.
    pub directories: u64,
    /// Entries that were met, on the side that is gone through.
    pub entries: u64,
    /// Files that were copied whole, in a dry run those that would be.
    pub copied: u64,
    /// Octets that were moved, also in vain.
    pub bytes: u64,
    /// Octets that were there already from an earlier attempt.
    pub resumed: u64,
    /// Files that were the same already.
    pub unchanged: u64,
    /// What was left out: by the filter, links, devices.
    pub skipped: u64,
    /// Directories that were made.
    pub made: u64,
    /// Files, links and directories that were deleted.
    pub deleted: u64,
    /// Extraneous things that were not deleted because something else had failed.
    pub spared: u64,
    /// Lines of listings that nobody understood: there may be more.
    pub unread: u64,
    /// Files the time of which could not be kept.
    pub times_lost: u64,
    /// Things that did not succeed.
    pub failed: u64,
    /// Files, directories and deletions that were not tried any more.
    pub not_reached: u64,
    /// The first failures: see [`Bounds::told`](super::Bounds::told).
    pub failures: Vec<Failed>,
}

impl Summary {
    /// Whether everything that was meant is done, as far as one can know.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.not_reached == 0 && self.spared == 0 && self.unread == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<(u64, &str)> = Vec::new();
        parts.push((self.copied, "copied"));
        parts.push((self.unchanged, "unchanged"));
        let others = [
            (self.made, "directories made"),
            (self.deleted, "deleted"),
            (self.skipped, "left out"),
            (self.failed, "failed"),
            (self.not_reached, "not reached"),
            (self.spared, "not deleted for that"),
            (self.unread, "lines not understood"),
        ];
        parts.extend(others.iter().filter(|(count, _)| *count > 0));
        let mut text = String::new();
        for (count, what) in parts {
            if !text.is_empty() {
                text.push_str(", ");
            }
            fmt::Write::write_fmt(&mut text, format_args!("{count} {what}"))?;
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// What was left out on purpose is no lack; what failed, was not reached, had to stay or was not understood is.
    #[test]
    fn complete_is_what_lacks_nothing() {
        let whole = Summary {
            copied: 1,
            unchanged: 1,
            skipped: 1,
            times_lost: 1,
            ..Summary::default()
        };
        assert!(whole.is_complete());
        let lacks: [fn(&mut Summary); 4] = [
            |summary| summary.failed = 1,
            |summary| summary.not_reached = 1,
            |summary| summary.spared = 1,
            |summary| summary.unread = 1,
        ];
        for lack in lacks {
            let mut summary = whole.clone();
            lack(&mut summary);
            assert!(!summary.is_complete(), "{summary}");
        }
    }

    #[test]
    fn a_summary_says_what_there_is_to_say() {
        assert_eq!(Summary::default().to_string(), "0 copied, 0 unchanged");
        let summary = Summary {
            copied: 1,
            unchanged: 2,
            made: 3,
            deleted: 4,
            skipped: 5,
            failed: 6,
            not_reached: 7,
            spared: 8,
            unread: 9,
            ..Summary::default()
        };
        assert_eq!(
            summary.to_string(),
            "1 copied, 2 unchanged, 3 directories made, 4 deleted, 5 left out, 6 failed, 7 not reached, 8 not deleted for that, \
             9 lines not understood"
        );
    }
}
