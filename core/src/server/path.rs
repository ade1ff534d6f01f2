//! Paths as lists of components: made in one place, inside the root by construction (RFC 3659 section 6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::error::Malformed;
use crate::wire::reply::Escaped;

/// A path below the root of what a user sees: a list of names, never a string to be parsed again.
///
/// No component is empty, `.`, `..`, or holds a slash, NUL, CR or LF. So a storage can only go down from its root. What else is special to it
/// (a backslash, a drive letter, a symbolic link) it must refuse or resolve itself, component by component.
///
/// ```
/// use ftp_proto::server::VirtualPath;
///
/// let home = VirtualPath::root().join(b"pub/./music")?;
/// let song = home.join(b"../books//a file")?;
/// assert_eq!(song.components().collect::<Vec<_>>(), [&b"pub"[..], b"books", b"a file"]);
/// assert_eq!(home.join(b"../../../..")?, VirtualPath::root());
/// assert_eq!(song.to_bytes(), b"/pub/books/a file");
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualPath {
    components: Vec<Box<[u8]>>,
}

impl VirtualPath {
    /// The most bytes in a written path.
    pub const MAX_BYTES: usize = 4096;
    /// The most components in a path.
    pub const MAX_COMPONENTS: usize = 256;

    /// The root.
    #[must_use]
    pub const fn root() -> Self {
        VirtualPath {
            components: Vec::new(),
        }
    }

    /// The path `written` names, seen from here: relative, or from the root if it starts with a slash. `.` and empty components mean
    /// nothing, `..` goes up, and the root is its own parent. Decided by the names alone: nothing is looked up.
    ///
    /// # Errors
    /// [`Malformed::ForbiddenByte`] for NUL, CR or LF; [`Malformed::Argument`] for more than [`VirtualPath::MAX_BYTES`] bytes or
    /// [`VirtualPath::MAX_COMPONENTS`] components.
    pub fn join(&self, written: &[u8]) -> Result<VirtualPath, Malformed> {
        if written.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(Malformed::ForbiddenByte);
        }
        if written.len() > VirtualPath::MAX_BYTES {
            return Err(Malformed::Argument);
        }
        let mut components = match written.first() {
            Some(b'/') => Vec::new(),
            _ => self.components.clone(),
        };
        for name in written.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => {
                    components.pop();
                }
                name => components.push(Box::from(name)),
            }
        }
        let path = VirtualPath { components };
        if path.components.len() > VirtualPath::MAX_COMPONENTS
            || path.len() > VirtualPath::MAX_BYTES
        {
            return Err(Malformed::Argument);
        }
        Ok(path)
    }

    /// The names from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator + '_ {
        self.components.iter().map(AsRef::as_ref)
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn name(&self) -> Option<&[u8]> {
        self.components.last().map(AsRef::as_ref)
    }

    /// The directory it is in; the root is its own parent.
    #[must_use]
    pub fn parent(&self) -> VirtualPath {
        let mut components = self.components.clone();
        components.pop();
        VirtualPath { components }
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.components.is_empty()
    }

    /// Whether it is `other` or below it.
    #[must_use]
    pub fn is_within(&self, other: &VirtualPath) -> bool {
        self.components.starts_with(&other.components)
    }

    /// The path as it is written: absolute, with slashes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        for name in self.components() {
            bytes.push(b'/');
            bytes.extend_from_slice(name);
        }
        if bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes
    }

    fn len(&self) -> usize {
        self.components.iter().map(|name| name.len() + 1).sum()
    }
}

/// Escaped, for logs.
impl fmt::Display for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Escaped::new(&self.to_bytes()), f)
    }
}

impl fmt::Debug for VirtualPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualPath({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn joined(from: &str, to: &str) -> Vec<u8> {
        VirtualPath::root()
            .join(from.as_bytes())
            .unwrap()
            .join(to.as_bytes())
            .unwrap()
            .to_bytes()
    }

    #[test]
    fn rfc_3659_section_6_2_names_between_slashes() {
        for (from, to, expected) in [
            ("/", "a", "/a"),
            ("/a", "b/c", "/a/b/c"),
            ("/a", "/b", "/b"),
            ("/a", "", "/a"),
            ("/a/b", "..", "/a"),
            ("/a/b", "../../../etc", "/etc"),
            ("/", "..", "/"),
            ("/a", "././/b/", "/a/b"),
            ("/a", "...", "/a/..."),
            ("/a", "..b", "/a/..b"),
            ("/a", " ", "/a/ "),
            ("/a", "\\..\\b", "/a/\\..\\b"),
        ] {
            assert_eq!(joined(from, to), expected.as_bytes(), "{from} {to}");
        }
    }

    #[test]
    fn is_16_every_short_string_stays_below_the_root() {
        const ALPHABET: [u8; 6] = [b'a', b'.', b'/', b'\\', b' ', 0xFF];
        let start = VirtualPath::root().join(b"x").unwrap();
        for number in 0..ALPHABET.len().pow(6) {
            let written: Vec<u8> = (0..6)
                .map(|place| ALPHABET[number / ALPHABET.len().pow(place) % ALPHABET.len()])
                .collect();
            let path = start.join(&written).unwrap();
            for name in path.components() {
                assert!(!name.is_empty() && name != b"." && name != b"..");
                assert!(!name.contains(&b'/'));
            }
            // What is written reads back as the same path, from anywhere.
            assert_eq!(start.join(&path.to_bytes()), Ok(path));
        }
    }

    #[test]
    fn bytes_that_end_a_line_or_a_string_are_refused() {
        for byte in [0, b'\r', b'\n'] {
            assert_eq!(
                VirtualPath::root().join(&[b'a', byte]),
                Err(Malformed::ForbiddenByte)
            );
        }
    }

    #[test]
    fn length_and_depth_are_bounded() {
        let root = VirtualPath::root();
        let longest = vec![b'a'; VirtualPath::MAX_BYTES - 1];
        assert!(root.join(&longest).is_ok());
        assert!(root.join(&[&longest[..], b"a"].concat()).is_err());
        assert!(
            root.join(&b"a/".repeat(VirtualPath::MAX_COMPONENTS))
                .is_ok()
        );
        assert!(
            root.join(&b"a/".repeat(VirtualPath::MAX_COMPONENTS + 1))
                .is_err()
        );
        let deep = root.join(&[b'b'; 3000]).unwrap();
        assert!(deep.join(&[b'b'; 2000]).is_err());
    }

    #[test]
    fn within_is_by_whole_names() {
        let path = |written: &[u8]| VirtualPath::root().join(written).unwrap();
        assert!(path(b"/a/b").is_within(&path(b"/a")));
        assert!(path(b"/a").is_within(&path(b"/a")));
        assert!(path(b"/a").is_within(&VirtualPath::root()));
        assert!(!path(b"/a").is_within(&path(b"/a/b")));
        assert!(!path(b"/ab").is_within(&path(b"/a")));
    }

    #[test]
    fn the_longest_path_is_one_and_a_longer_one_is_none() {
        let long = vec![b'a'; VirtualPath::MAX_BYTES - 1];
        let absolute = [b"/", &long[..]].concat();
        assert!(VirtualPath::root().join(&absolute).is_ok());
        // Without a slash in front as many bytes are one too many as a path.
        let longer = vec![b'a'; VirtualPath::MAX_BYTES];
        assert_eq!(VirtualPath::root().join(&longer), Err(Malformed::Argument));
        let most = b"a/".repeat(VirtualPath::MAX_COMPONENTS);
        assert!(VirtualPath::root().join(&most).is_ok());
        let more = b"a/".repeat(VirtualPath::MAX_COMPONENTS + 1);
        assert_eq!(VirtualPath::root().join(&more), Err(Malformed::Argument));
        // What means nothing counts as written.
        let written = b"/".repeat(VirtualPath::MAX_BYTES);
        assert_eq!(VirtualPath::root().join(&written), Ok(VirtualPath::root()));
        let written = b"/".repeat(VirtualPath::MAX_BYTES + 1);
        assert_eq!(VirtualPath::root().join(&written), Err(Malformed::Argument));
    }

    #[test]
    fn a_path_is_shown_without_what_steers_a_terminal() {
        let path = VirtualPath::root().join(b"a\x1b/b").unwrap();
        assert_eq!(alloc::format!("{path}"), r"/a\x1b/b");
        assert_eq!(alloc::format!("{path:?}"), r"VirtualPath(/a\x1b/b)");
    }
}
