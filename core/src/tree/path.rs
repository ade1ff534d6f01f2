//! Names and paths that lead nowhere but down.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A path below a directory of the local file system: plain names, one in each other. Only a plan makes one, of names that are safe there.
///
/// ```compile_fail
/// let path = ftp_proto::tree::LocalPath { names: vec![b"..".to_vec()] };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPath {
    names: Vec<Vec<u8>>,
}

impl LocalPath {
    /// Of names that were checked, from the root down.
    pub(super) fn new(names: Vec<Vec<u8>>) -> Self {
        LocalPath { names }
    }

    /// The names, from the root down. None at all is the root itself.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        self.names.iter().map(Vec::as_slice)
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.names.is_empty()
    }
}

/// A path on either side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// On the server: to be sent as it is.
    Remote(Vec<u8>),
    /// In the local file system.
    Local(LocalPath),
}

/// A side of a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The server.
    Remote,
    /// The local file system.
    Local,
}

/// Whether a name from a listing is one thing in the listed directory, for whichever server: no command with it reaches elsewhere.
pub(super) fn is_plain(name: &[u8]) -> bool {
    let up = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    !name.is_empty()
        && !name
            .iter()
            .any(|byte| matches!(byte, b'/' | b'\0' | b'\r' | b'\n'))
        && !name.split(|byte| *byte == b'\\').any(up)
        && !matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic() && name.contains(&b'\\'))
}

/// A path on the server one deeper.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + name.len() + 3);
    if directory.is_empty() {
        // Some servers take what begins with a dash for options.
        if name.starts_with(b"-") {
            path.extend_from_slice(b"./");
        }
    } else {
        path.extend_from_slice(directory);
        if !directory.ends_with(b"/") {
            path.push(b'/');
        }
    }
    path.extend_from_slice(name);
    path
}

/// The name of a file while it is not whole: recognisable, and another one for each version of the file.
pub(super) fn unfinished_name(name: &[u8], size: Option<u64>, seconds: Option<i64>) -> Vec<u8> {
    // FNV-1a, to tell versions apart and not attackers: who makes two agree mixes up nothing but files of their own.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    mix(name);
    mix(&[0]);
    mix(&size.map_or(u64::MAX, |size| size).to_be_bytes());
    mix(&seconds.map_or(i64::MIN, |seconds| seconds).to_be_bytes());
    let name: String = format!("{BEFORE}{hash:016x}{AFTER}");
    name.into_bytes()
}

const BEFORE: &str = "ftp-";
const AFTER: &str = ".part";

/// Whether a file of this name is one that a mirror left, or is just writing.
#[must_use]
pub fn is_unfinished(name: &[u8]) -> bool {
    name.strip_prefix(BEFORE.as_bytes())
        .and_then(|rest| rest.strip_suffix(AFTER.as_bytes()))
        .is_some_and(|digits| {
            digits.len() == 16
                && digits
                    .iter()
                    .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_reach_elsewhere() {
        for name in [
            &b""[..],
            b".",
            b"..",
            b"/",
            b"a/b",
            b"../a",
            b"/etc",
            b"a/",
            b"..\\a",
            b"\\a",
            b"a\\",
            b"a\\..\\b",
            b"C:\\a",
            b"a\rb",
            b"a\nb",
            b"a\0b",
        ] {
            assert!(!is_plain(name), "{}", name.escape_ascii());
        }
        for name in [&b"a"[..], b"...", b"a\\b", b"-rf", b"C:", b" ", b"\xff"] {
            assert!(is_plain(name), "{}", name.escape_ascii());
        }
    }

    #[test]
    fn paths_on_the_server() {
        assert_eq!(join(b"", b"a"), b"a");
        assert_eq!(join(b"", b"-a"), b"./-a");
        assert_eq!(join(b"/", b"a"), b"/a");
        assert_eq!(join(b"/b", b"-a"), b"/b/-a");
    }

    #[test]
    fn a_version_has_a_name() {
        let name = unfinished_name(b"a", Some(1), Some(2));
        assert!(is_unfinished(&name));
        // Another release goes on with it.
        assert_eq!(name, b"ftp-3b321f0cd57dc45d.part");
        for other in [
            unfinished_name(b"b", Some(1), Some(2)),
            unfinished_name(b"a", Some(2), Some(2)),
            unfinished_name(b"a", Some(1), Some(3)),
            unfinished_name(b"a", None, Some(2)),
            unfinished_name(b"a", Some(1), None),
        ] {
            assert_ne!(name, other);
        }
        for name in [
            &b"ftp-.part"[..],
            b"ftp-0123456789abcdeX.part",
            b"ftp-0123456789abcdef0.part",
        ] {
            assert!(!is_unfinished(name));
        }
    }
}
