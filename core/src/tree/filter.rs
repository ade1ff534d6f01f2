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

#[cfg(test)]
mod tests {
    use super::*;

    /// An exclusion wins over an inclusion, and an inclusion is for files.
    #[test]
    fn what_is_taken() {
        let text = || Filter::default().include(Pattern::new("*.txt"));
        let all = Filter::default();
        let but_old = Filter::default().exclude(Pattern::new("old*"));
        let text_but_old = text().exclude(Pattern::new("old*"));
        let two = text().include(Pattern::new("*.iso"));
        for (path, is_directory, expected) in [
            ("a.txt", false, [true, true, true, true, true]),
            ("a.iso", false, [true, false, true, false, true]),
            ("a.bin", false, [true, false, true, false, false]),
            ("a.bin", true, [true, true, true, true, true]),
            ("old.txt", false, [true, true, false, false, true]),
            ("old.txt", true, [true, true, false, false, true]),
        ] {
            let filters = [&all, &text(), &but_old, &text_but_old, &two];
            let taken = filters.map(|filter| filter.takes(path.as_bytes(), is_directory));
            assert_eq!(taken, expected, "{path} {is_directory}");
        }
        assert!(text().is_selective() && !but_old.is_selective());
    }
}
