//! How a tree is gone through.

use super::filter::Filter;

/// Everything the caller decides about a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What is meant.
    pub filter: Filter,
    /// What happens to files that are there already.
    pub overwrite: Overwrite,
    /// Seconds by which times may differ and still be the same; 2 for file systems that count in twos.
    pub slack: u32,
    /// What is extraneous in the target.
    pub delete: Delete,
    /// Nothing is changed on either side; events tell what would be.
    pub dry_run: bool,
    /// How a file that came whole is checked further.
    pub check: Check,
    /// Times of files are kept.
    pub keep_times: bool,
    /// What was left of an earlier attempt is gone on with, if it is of the same version of the file.
    pub resume: bool,
    /// Links the server tells of.
    pub links: Links,
    /// Names that differ only in case are taken for one, for targets that do not tell cases apart.
    pub fold_case: bool,
    /// Bounds.
    pub bounds: Bounds,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            filter: Filter::default(),
            overwrite: Overwrite::Changed,
            slack: 0,
            delete: Delete::Never,
            dry_run: false,
            check: Check::Transfer,
            keep_times: true,
            resume: true,
            links: Links::Skip,
            fold_case: false,
            bounds: Bounds::default(),
        }
    }
}

/// When a file replaces one of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// When their sizes differ, or it is newer; also if neither can be known.
    #[default]
    Changed,
    /// When it is known to be newer.
    Newer,
    /// When their sizes are known to differ.
    SizeDiffers,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What is done about things in the target that the source does not have. What the filter leaves alone stays, whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delete {
    /// They stay.
    #[default]
    Never,
    /// They are deleted when everything else has succeeded; otherwise they stay.
    AfterSuccess,
    /// They are deleted when everything else was tried. In directories the source of which could not be read whole they stay all the same.
    AfterAll,
}

/// How a file that came whole is checked, before it gets its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Check {
    /// By the evidence of its transfer, and by the size its listing says: if that differs, the server is asked (SIZE).
    #[default]
    Transfer,
    /// By SIZE too.
    Size,
    /// By a digest that the server makes too (HASH, XSHA512, XSHA256, XSHA1, XMD5, XCRC); by SIZE if it offers none.
    ///
    /// With [`Overwrite::Changed`] files that look unchanged are compared by it too, and copied again where it differs: every file on
    /// both sides is read then.
    Digest,
}

/// What is done about links. None is ever made on this side, and none on this side is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Links {
    /// They are left out.
    #[default]
    Skip,
    /// Those of the server are taken for the files they lead to; a directory behind one is refused by the server.
    Files,
}

/// Bounds against trees without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Directories within each other. Deeper trees are made by servers that go in circles.
    pub depth: u16,
    /// Entries in all: what a mirror keeps in memory grows with those that wait.
    pub entries: usize,
    /// Bytes of a path on the server: a command line holds no more.
    pub path: usize,
    /// How often a thing is tried in a row without getting on.
    pub attempts: u8,
    /// How often sessions may break in a row before anything succeeds.
    pub reconnects: u8,
    /// Failures that are told one by one; all are counted.
    pub told: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            depth: 64,
            entries: 2_000_000,
            path: 4096,
            attempts: 3,
            reconnects: 8,
            told: 1000,
        }
    }
}
