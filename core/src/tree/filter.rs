//! What of a tree is meant.

use alloc::vec::Vec;

use super::glob::Pattern;

/// Which files and directories of a tree are taken.
///
/// What an exclusion matches is left alone, and so is everything below it. If there are inclusions, only files that one of them matches are
/// taken; directories are still looked into. What is left alone is neither copied nor deleted.
///
/// ```
/// use ftp_proto::tree::{Filter, Pattern};
///
/// let filter = Filter::default().include(Pattern::new("*.iso")).exclude(Pattern::new("old/"));
/// assert!(filter.takes(b"2026/a.iso", false) && filter.takes(b"2026", true));
/// assert!(!filter.takes(b"2026/a.txt", false) && !filter.takes(b"old", true));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    included: Vec<Pattern>,
    excluded: Vec<Pattern>,
}

impl Filter {
    /// Takes files that match; without any inclusion all are taken.
    #[must_use]
    pub fn include(mut self, pattern: Pattern) -> Self {
        self.included.push(pattern);
        self
    }

    /// Leaves alone what matches, also if an inclusion matches it too.
    #[must_use]
    pub fn exclude(mut self, pattern: Pattern) -> Self {
        self.excluded.push(pattern);
        self
    }

    /// Whether this path is taken: components with `/` between them. What lies below a directory that is not is not asked about.
    #[must_use]
    pub fn takes(&self, path: &[u8], is_directory: bool) -> bool {
        let hit = |patterns: &[Pattern]| {
            patterns
                .iter()
                .any(|pattern| pattern.matches(path, is_directory))
        };
        !hit(&self.excluded) && (is_directory || self.included.is_empty() || hit(&self.included))
    }

    /// Whether directories are only made for what is in them.
    pub(super) fn is_selective(&self) -> bool {
        !self.included.is_empty()
    }
}
