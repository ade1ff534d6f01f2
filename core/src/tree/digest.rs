//! Which digest a server is asked for, among those it offers.

use alloc::vec::Vec;

use crate::ticket::Features;
use crate::wire::command::Verb;
use crate::wire::digest::{HashAlgorithm, Hashed, offered_algorithms};
use crate::wire::features::{self, Known};

/// A digest of a file that the server makes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: HashAlgorithm,
    /// A command of this algorithm alone, where there is no HASH.
    verb: Option<Verb>,
}

/// How the server is asked for a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestRequest {
    /// HASH, by this algorithm ([`Client::hash`](crate::Client::hash)).
    Hash(HashAlgorithm),
    /// This command line. Its reply is for [`Digest::read_reply`].
    Command(Vec<u8>),
}

/// XCRC and its kin, the best one first.
const COMMANDS: [(Known, Verb); 7] = [
    (Known::Xsha512, Verb::Xsha512),
    (Known::Xsha256, Verb::Xsha256),
    (Known::Xsha1, Verb::Xsha1),
    (Known::Xsha, Verb::Xsha),
    (Known::Xmd5, Verb::Xmd5),
    (Known::Md5, Verb::Md5),
    (Known::Xcrc, Verb::Xcrc),
];

impl Digest {
    /// The best one of those a server announces. HASH goes first: with the algorithm in use, if it is known here.
    pub(super) fn choose(features: &Features) -> Option<Digest> {
        let by_hash = by_hash(&features.text).map(|algorithm| Digest {
            algorithm,
            verb: None,
        });
        by_hash.or_else(|| {
            let known = |(feature, _): &&(Known, Verb)| features.known.contains(*feature);
            let (_, verb) = COMMANDS.iter().find(known)?;
            Some(Digest {
                algorithm: HashAlgorithm::of_verb(*verb)?,
                verb: Some(*verb),
            })
        })
    }

    /// Its algorithm.
    #[must_use]
    pub fn algorithm(self) -> HashAlgorithm {
        self.algorithm
    }

    /// How the server is asked for that of a file.
    #[must_use]
    pub fn request(self, path: &[u8]) -> DigestRequest {
        match self.verb {
            Some(verb) => DigestRequest::Command([verb.as_str().as_bytes(), b" ", path].concat()),
            None => DigestRequest::Hash(self.algorithm),
        }
    }

    /// The digest in the text of the reply to a command of its own, if it is there beyond doubt.
    #[must_use]
    pub fn read_reply(self, text: &[u8]) -> Option<Vec<u8>> {
        let hashed = Hashed::parse_by(text, self.algorithm).ok()?;
        Some(hashed.digest)
    }
}

/// The algorithm for HASH.
fn by_hash(text: &[u8]) -> Option<HashAlgorithm> {
    let hash = features::Features::new(text)
        .find(|feature| feature.label.eq_ignore_ascii_case(b"HASH"))?;
    let offered = || offered_algorithms(hash.parameters);
    let in_use = offered().find(|(_, in_use)| *in_use);
    in_use
        .or_else(|| offered().max())
        .map(|(algorithm, _)| algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::features::FeatureSet;

    fn choose(lines: &str) -> Option<Digest> {
        let text = alloc::format!("Features:\n{lines}End").into_bytes();
        let known = FeatureSet::read(&text);
        Digest::choose(&Features { known, text })
    }

    #[test]
    fn the_best_digest_on_offer() {
        let command = |line: &str| DigestRequest::Command(line.into());
        for (lines, request) in [
            (" SIZE\n", None),
            (
                " hash SHA-1;SHA-256*;MD5\n XCRC\n",
                Some(DigestRequest::Hash(HashAlgorithm::Sha256)),
            ),
            // What is in use is not known here.
            (
                " HASH CRC32;BLAKE3*;SHA-1\n XCRC\n",
                Some(DigestRequest::Hash(HashAlgorithm::Sha1)),
            ),
            (" HASH BLAKE3*\n XCRC\n XMD5\n", Some(command("XMD5 a b"))),
            (" MD5\n XCRC\n", Some(command("MD5 a b"))),
            (" XCRC\n", Some(command("XCRC a b"))),
            (" XSHA\n XMD5\n", Some(command("XSHA a b"))),
            (" XSHA\n XSHA1\n", Some(command("XSHA1 a b"))),
        ] {
            let digest = choose(lines);
            assert_eq!(
                digest.map(|digest| digest.request(b"a b")),
                request,
                "{lines}"
            );
        }
    }

    #[test]
    fn a_digest_in_doubt_is_none() {
        let crc = choose(" XCRC\n").unwrap();
        assert_eq!(crc.algorithm(), HashAlgorithm::Crc32);
        assert_eq!(
            crc.read_reply(b"0AfF0001"),
            Some(alloc::vec![0x0a, 0xff, 0, 1])
        );
        assert_eq!(crc.read_reply(b"deadbeef 0aff0001"), None);
    }
}
