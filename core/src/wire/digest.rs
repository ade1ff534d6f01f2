//! Digests of files: their algorithms by name, and what servers answer to HASH and its kin (draft-bryan-ftpext-hash-02, and practice).

use alloc::vec::Vec;

use super::command::Verb;
use crate::error::Malformed;

/// A digest of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// CRC-32 as in XCRC.
    Crc32,
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Every algorithm, the weakest first.
    pub const ALL: &'static [HashAlgorithm] = &[
        HashAlgorithm::Crc32,
        HashAlgorithm::Md5,
        HashAlgorithm::Sha1,
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha512,
    ];

    /// The name in HASH and OPTS HASH.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HashAlgorithm::Crc32 => "CRC32",
            HashAlgorithm::Md5 => "MD5",
            HashAlgorithm::Sha1 => "SHA-1",
            HashAlgorithm::Sha256 => "SHA-256",
            HashAlgorithm::Sha512 => "SHA-512",
        }
    }

    /// The algorithm of that name, in any case; some servers leave the hyphen out.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<HashAlgorithm> {
        let letters = |text: &[u8]| -> Vec<u8> {
            let letters = text.iter().filter(|byte| **byte != b'-');
            letters.map(u8::to_ascii_uppercase).collect()
        };
        let name = letters(name);
        HashAlgorithm::ALL
            .iter()
            .copied()
            .find(|algorithm| letters(algorithm.name().as_bytes()) == name)
    }

    /// The algorithm of XCRC and its kin, which have one each; none for HASH, which has several, and for all other commands.
    #[must_use]
    pub const fn of_verb(verb: Verb) -> Option<HashAlgorithm> {
        match verb {
            Verb::Xcrc => Some(HashAlgorithm::Crc32),
            Verb::Md5 | Verb::Xmd5 => Some(HashAlgorithm::Md5),
            Verb::Xsha | Verb::Xsha1 => Some(HashAlgorithm::Sha1),
            Verb::Xsha256 => Some(HashAlgorithm::Sha256),
            Verb::Xsha512 => Some(HashAlgorithm::Sha512),
            _ => None,
        }
    }

    /// The length of a digest, in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            HashAlgorithm::Crc32 => 4,
            HashAlgorithm::Md5 => 16,
            HashAlgorithm::Sha1 => 20,
            HashAlgorithm::Sha256 => 32,
            HashAlgorithm::Sha512 => 64,
        }
    }
}

/// What a reply to HASH says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hashed {
    /// The algorithm, if the reply names one that is known.
    pub algorithm: Option<HashAlgorithm>,
    /// The first and the last byte that were hashed, if the reply says so.
    pub range: Option<(u64, u64)>,
    /// The digest, first byte first.
    pub digest: Vec<u8>,
}

impl Hashed {
    /// Reads the text of a reply to HASH: `SHA-256 0-49 digest path`. In older forms range or path are missing, and servers with commands of
    /// their own (XCRC, XMD5, XSHA256) say the digest alone, or words before it. Hexadecimal digits are taken in either case; with
    /// several lines the last one counts, those before it are about the work.
    ///
    /// ```
    /// use ftp_proto::wire::digest::{HashAlgorithm, Hashed};
    ///
    /// let hashed = Hashed::parse(b"CRC32 0-49 0a1b2c3d deadbeef.bin")?;
    /// assert_eq!(hashed.algorithm, Some(HashAlgorithm::Crc32));
    /// assert_eq!(hashed.range, Some((0, 49)));
    /// assert_eq!(hashed.digest, [0x0a, 0x1b, 0x2c, 0x3d]);
    /// # Ok::<(), ftp_proto::Malformed>(())
    /// ```
    ///
    /// # Errors
    /// [`Malformed::Digest`] if there is no digest of the algorithm named, or of any known length.
    pub fn parse(text: &[u8]) -> Result<Hashed, Malformed> {
        Hashed::read(text, None)
    }

    /// Reads the text of a reply to a command of one algorithm, XCRC and its kin: the one word that can be its digest. Nothing says where
    /// a path stands in these replies, and one may look like a digest: of two different words neither is taken.
    ///
    /// # Errors
    /// [`Malformed::Digest`] if there is no such word, or more than one.
    pub fn parse_by(text: &[u8], algorithm: HashAlgorithm) -> Result<Hashed, Malformed> {
        Hashed::read(text, Some(algorithm))
    }

    fn read(text: &[u8], wanted: Option<HashAlgorithm>) -> Result<Hashed, Malformed> {
        let lines = text.split(|byte| *byte == b'\n');
        let last = lines
            .map(<[u8]>::trim_ascii)
            .rfind(|line| !line.is_empty())
            .ok_or(Malformed::Digest)?;
        let words = || last.split(|byte| *byte == b' ' || *byte == b'\r');
        let named = words()
            .filter_map(HashAlgorithm::parse)
            .find(|named| wanted.is_none_or(|wanted| wanted == *named));
        let algorithm = named.or(wanted);
        let mut digests = words().enumerate().filter_map(|(at, word)| {
            let digest = decode(word)?;
            let fits = match algorithm {
                Some(algorithm) => digest.len() == algorithm.size(),
                None => HashAlgorithm::ALL.iter().any(|a| a.size() == digest.len()),
            };
            fits.then_some((at, digest))
        });
        // Where the algorithm is named the path comes behind the digest, and may look like one.
        let (at, digest) = digests.next().ok_or(Malformed::Digest)?;
        let is_only = named.is_some() || wanted.is_none() || digests.all(|(_, d)| d == digest);
        if !is_only {
            return Err(Malformed::Digest);
        }
        Ok(Hashed {
            algorithm,
            range: words().take(at).find_map(range),
            digest,
        })
    }

    /// Appends what [`Hashed::parse`] reads, as draft-bryan-ftpext-hash-02 section 3 has it, without the path: `SHA-256 0-49 digest`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(algorithm) = self.algorithm {
            out.extend_from_slice(algorithm.name().as_bytes());
            out.push(b' ');
        }
        if let Some((first, last)) = self.range {
            out.extend_from_slice(alloc::format!("{first}-{last} ").as_bytes());
        }
        encode_hex(&self.digest, out);
    }
}

/// Appends bytes as lower-case hexadecimal digits.
pub fn encode_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.extend_from_slice(alloc::format!("{byte:02x}").as_bytes());
    }
}

/// The algorithms in the parameters of a HASH feature, `SHA-256*;SHA-1;MD5`, with whether each is the one in use
/// (draft-bryan-ftpext-hash-02 section 3.1). Those that are not known are left out.
pub fn offered_algorithms(parameters: &[u8]) -> impl Iterator<Item = (HashAlgorithm, bool)> {
    parameters.split(|byte| *byte == b';').filter_map(|name| {
        let name = name.trim_ascii();
        let plain = name.strip_suffix(b"*");
        let algorithm = HashAlgorithm::parse(plain.unwrap_or(name))?;
        Some((algorithm, plain.is_some()))
    })
}

fn decode(word: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    // The end of a sentence.
    let word = word.strip_suffix(b".").unwrap_or(word);
    let (pairs, rest) = word.as_chunks::<2>();
    if word.is_empty() || !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(value(*high)? * 16 + value(*low)?).ok())
        .collect()
}

fn range(word: &[u8]) -> Option<(u64, u64)> {
    let hyphen = word.iter().position(|byte| *byte == b'-')?;
    let number = |digits: &[u8]| {
        let digits = core::str::from_utf8(digits).ok()?;
        let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then_some(digits)?.parse::<u64>().ok()
    };
    Some((
        number(word.get(..hyphen)?)?,
        number(word.get(hyphen + 1..)?)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use HashAlgorithm::{Crc32, Md5, Sha1, Sha256};

    const SHA1: &str = "80bc95fd391772fa61c91ed68567f0980bb45fd9";
    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn parsed(text: &str) -> Result<Hashed, Malformed> {
        Hashed::parse(text.as_bytes())
    }

    /// draft-bryan-ftpext-hash-02 section 3, its earlier versions, and the commands before it.
    #[test]
    fn replies_of_all_forms() {
        for (text, algorithm, range, digits) in [
            (
                alloc::format!("SHA-1 0-49 {SHA1} filename.ext"),
                Some(Sha1),
                Some((0, 49)),
                SHA1,
            ),
            // Without range, without path.
            (alloc::format!("SHA-1 {SHA1}"), Some(Sha1), None, SHA1),
            (alloc::format!("sha1 {SHA1} a b"), Some(Sha1), None, SHA1),
            (
                alloc::format!("MD5 0-0 {MD5} \r"),
                Some(Md5),
                Some((0, 0)),
                MD5,
            ),
            // X commands.
            (SHA1.to_ascii_uppercase(), None, None, SHA1),
            (alloc::format!("XMD5 is {MD5}"), None, None, MD5),
            ("CRC32 DEADBEEF".into(), Some(Crc32), None, "deadbeef"),
            // A path that looks like a digest, or a range.
            (
                alloc::format!("MD5 0-4 {MD5} 7-9 {MD5}"),
                Some(Md5),
                Some((0, 4)),
                MD5,
            ),
            // About the work first.
            (
                alloc::format!("Computing\n still at it\nMD5 0-4 {MD5} x"),
                Some(Md5),
                Some((0, 4)),
                MD5,
            ),
        ] {
            let hashed = parsed(&text).unwrap();
            let mut hex = Vec::new();
            encode_hex(&hashed.digest, &mut hex);
            assert_eq!(hashed.algorithm, algorithm, "{text}");
            assert_eq!(hashed.range, range, "{text}");
            assert_eq!(hex, digits.as_bytes(), "{text}");
        }
    }

    #[test]
    fn replies_to_commands_of_one_algorithm() {
        let is = Some(alloc::vec![0x0a, 0xff, 0, 1]);
        for (text, digest) in [
            ("0AfF0001", &is),
            ("XCRC 0aff0001", &is),
            ("File checksum: 0AFF0001.", &is),
            ("CRC32 0-12 0aff0001 deadbeef", &is),
            // Words of other lengths, and the names of other algorithms, are of a path.
            ("md5 0aff0001", &is),
            ("0aff0001 0aff0001", &is),
            ("deadbeef 0aff0001", &None),
            ("0aff00", &None),
            (MD5, &None),
            ("", &None),
        ] {
            let read = Hashed::parse_by(text.as_bytes(), Crc32);
            assert_eq!(&read.ok().map(|hashed| hashed.digest), digest, "{text}");
        }
    }

    #[test]
    fn what_is_no_digest() {
        for text in [
            "",
            "\n",
            "SHA-256",
            "SHA-256 0-49 abc",
            // Of another length than the algorithm's.
            &*alloc::format!("SHA-256 {SHA1} x"),
            "done",
            "abcde",
        ] {
            assert_eq!(parsed(text), Err(Malformed::Digest), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for (number, algorithm) in HashAlgorithm::ALL.iter().enumerate() {
            let hashed = Hashed {
                algorithm: Some(*algorithm),
                range: Some((number as u64, u64::MAX)),
                digest: (0..algorithm.size())
                    .map(|byte| (byte as u8).wrapping_mul(37))
                    .collect(),
            };
            let mut text = Vec::new();
            hashed.encode(&mut text);
            text.extend_from_slice(b" a path");
            assert_eq!(Hashed::parse(&text), Ok(hashed));
        }
    }

    /// draft-bryan-ftpext-hash-02 section 3.1
    #[test]
    fn a_feature_lists_algorithms_and_marks_one() {
        let offered: Vec<_> = offered_algorithms(b"SHA-256*;SHA-1; MD5 ;WHIRLPOOL;CRC32").collect();
        assert_eq!(
            offered,
            [(Sha256, true), (Sha1, false), (Md5, false), (Crc32, false)]
        );
        assert_eq!(offered_algorithms(b"").count(), 0);
    }

    #[test]
    fn names_in_any_case_with_and_without_hyphen() {
        for algorithm in HashAlgorithm::ALL {
            let name = algorithm.name();
            let bare = name.replace('-', "").to_ascii_lowercase();
            assert_eq!(HashAlgorithm::parse(name.as_bytes()), Some(*algorithm));
            assert_eq!(HashAlgorithm::parse(bare.as_bytes()), Some(*algorithm));
        }
        assert_eq!(HashAlgorithm::parse(b"SHA-3"), None);
        assert_eq!(HashAlgorithm::parse(b""), None);
    }

    /// Each verb stands for one algorithm, whatever it was called before.
    #[test]
    fn each_verb_has_its_algorithm() {
        for (verb, algorithm) in [
            (Verb::Xcrc, HashAlgorithm::Crc32),
            (Verb::Md5, HashAlgorithm::Md5),
            (Verb::Xmd5, HashAlgorithm::Md5),
            (Verb::Xsha, HashAlgorithm::Sha1),
            (Verb::Xsha1, HashAlgorithm::Sha1),
            (Verb::Xsha256, HashAlgorithm::Sha256),
            (Verb::Xsha512, HashAlgorithm::Sha512),
        ] {
            assert_eq!(HashAlgorithm::of_verb(verb), Some(algorithm), "{verb}");
        }
        assert_eq!(HashAlgorithm::of_verb(Verb::Retr), None);
    }

    #[test]
    fn a_digest_has_the_length_of_an_algorithm_to_the_digit() {
        // Two bytes are of none, and 41 digits are no SHA-1.
        assert_eq!(Hashed::parse(b"abcd"), Err(Malformed::Digest));
        let digits = "a".repeat(41);
        assert_eq!(Hashed::parse(digits.as_bytes()), Err(Malformed::Digest));
        let digits = "a".repeat(40);
        assert_eq!(Hashed::parse(digits.as_bytes()).unwrap().digest, [0xAA; 20]);
    }
}
