//! Digests that servers make of files.

use alloc::vec::Vec;

use crate::wire::features::{FeatureSet, Known};

/// A digest of a file, and the command a server makes it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The function.
    pub algorithm: Algorithm,
    verb: &'static [u8],
}

/// A digest function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-512.
    Sha512,
    /// SHA-256.
    Sha256,
    /// SHA-1.
    Sha1,
    /// MD5.
    Md5,
    /// CRC-32 as of ISO 3309.
    Crc32,
}

impl Algorithm {
    /// The digest's length in octets.
    const fn octets(self) -> usize {
        match self {
            Algorithm::Sha512 => 64,
            Algorithm::Sha256 => 32,
            Algorithm::Sha1 => 20,
            Algorithm::Md5 => 16,
            Algorithm::Crc32 => 4,
        }
    }
}

impl Digest {
    /// The best one of those a server announces.
    ///
    /// HASH (draft-bryan-ftpext-hash) is taken with the function it marks, if that is known here; nothing has to be agreed on first then.
    pub(super) fn choose(known: FeatureSet, text: &[u8]) -> Option<Digest> {
        let by_hash = selected(text).map(|algorithm| Digest {
            algorithm,
            verb: b"HASH",
        });
        let others = [
            (Known::Xsha512, Algorithm::Sha512, &b"XSHA512"[..]),
            (Known::Xsha256, Algorithm::Sha256, b"XSHA256"),
            (Known::Xsha1, Algorithm::Sha1, b"XSHA1"),
            (Known::Xmd5, Algorithm::Md5, b"XMD5"),
            (Known::Md5, Algorithm::Md5, b"MD5"),
            (Known::Xcrc, Algorithm::Crc32, b"XCRC"),
        ];
        by_hash.or_else(|| {
            let (_, algorithm, verb) = others
                .into_iter()
                .find(|(feature, ..)| known.contains(*feature))?;
            Some(Digest { algorithm, verb })
        })
    }

    /// The command line for a file.
    #[must_use]
    pub fn command(self, path: &[u8]) -> Vec<u8> {
        [self.verb, b" ", path].concat()
    }

    /// The digest in the text of a reply: the only word of hexadecimal digits that is as long as it has to be.
    pub(super) fn read_reply(self, text: &[u8]) -> Option<Vec<u8>> {
        let digits = self.algorithm.octets() * 2;
        let mut words = text
            .split(|byte| !byte.is_ascii_alphanumeric())
            .filter(|word| word.len() == digits && word.iter().all(u8::is_ascii_hexdigit));
        let word = words.next()?;
        words.all(|other| other == word).then_some(())?;
        word.chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    }
}

/// The function that HASH in a feature list marks with `*`.
fn selected(text: &[u8]) -> Option<Algorithm> {
    let line = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let is_hash = |line: &&[u8]| {
        line.get(..5)
            .is_some_and(|label| label.eq_ignore_ascii_case(b"HASH "))
    };
    let functions = line.into_iter().find(is_hash)?.get(5..)?;
    let marked = functions
        .split(|byte| *byte == b';')
        .find_map(|function| function.trim_ascii().strip_suffix(b"*"))?;
    let is = |name: &str| marked.eq_ignore_ascii_case(name.as_bytes());
    [
        ("SHA-512", Algorithm::Sha512),
        ("SHA-256", Algorithm::Sha256),
        ("SHA-1", Algorithm::Sha1),
        ("MD5", Algorithm::Md5),
        ("CRC32", Algorithm::Crc32),
    ]
    .into_iter()
    .find_map(|(name, algorithm)| is(name).then_some(algorithm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_digest_on_offer() {
        let choose = |text: &[u8]| {
            let digest = Digest::choose(FeatureSet::read(text), text);
            digest.map(|digest| (digest.algorithm, digest.verb))
        };
        assert_eq!(choose(b"Features:\n SIZE\nEnd"), None);
        assert_eq!(
            choose(b"Features:\n HASH SHA-1;SHA-256*;MD5\n XCRC\nEnd"),
            Some((Algorithm::Sha256, &b"HASH"[..]))
        );
        assert_eq!(
            choose(b"Features:\n HASH BLAKE3*\n XCRC\n XMD5\nEnd"),
            Some((Algorithm::Md5, &b"XMD5"[..]))
        );
        assert_eq!(
            choose(b"Features:\n XCRC\nEnd"),
            Some((Algorithm::Crc32, &b"XCRC"[..]))
        );
    }

    #[test]
    fn replies_in_all_forms() {
        let crc = Digest {
            algorithm: Algorithm::Crc32,
            verb: b"XCRC",
        };
        for (text, expected) in [
            (&b"0AfF0001"[..], Some(&b"\x0a\xff\x00\x01"[..])),
            (b"XCRC 0aff0001", Some(b"\x0a\xff\x00\x01")),
            (b"File checksum: 0AFF0001.", Some(b"\x0a\xff\x00\x01")),
            (b"CRC32 0-12 0aff0001 file.bin", Some(b"\x0a\xff\x00\x01")),
            (b"0aff0001 0aff0002", None),
            (b"0aff00", None),
            (b"", None),
        ] {
            let read = crc.read_reply(text);
            assert_eq!(read.as_deref(), expected, "{}", text.escape_ascii());
        }
        assert_eq!(crc.command(b"a b"), b"XCRC a b");
    }
}
