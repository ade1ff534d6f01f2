//! Digests of the bytes of files, as HASH names them, for both sides of a comparison (feature `digests`).

use alloc::vec::Vec;
use core::fmt;

use crc32fast::Hasher as Crc32;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::wire::digest::HashAlgorithm;

/// A digest under way.
///
/// ```
/// use ftp_proto::pipe::Hasher;
/// use ftp_proto::wire::digest::HashAlgorithm;
///
/// let mut hasher = Hasher::new(HashAlgorithm::Crc32);
/// hasher.update(b"12345");
/// hasher.update(b"6789");
/// assert_eq!(hasher.finish(), [0xcb, 0xf4, 0x39, 0x26]);
/// ```
pub struct Hasher(Kind);

enum Kind {
    Crc32(Crc32),
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// Of nothing yet.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Hasher(match algorithm {
            HashAlgorithm::Crc32 => Kind::Crc32(Crc32::new()),
            HashAlgorithm::Md5 => Kind::Md5(Md5::new()),
            HashAlgorithm::Sha1 => Kind::Sha1(Sha1::new()),
            HashAlgorithm::Sha256 => Kind::Sha256(Sha256::new()),
            HashAlgorithm::Sha512 => Kind::Sha512(Sha512::new()),
        })
    }

    /// The next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::Crc32(hasher) => hasher.update(bytes),
            Kind::Md5(hasher) => hasher.update(bytes),
            Kind::Sha1(hasher) => hasher.update(bytes),
            Kind::Sha256(hasher) => hasher.update(bytes),
            Kind::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest, its first byte first.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            Kind::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Kind::Md5(hasher) => hasher.finalize().to_vec(),
            Kind::Sha1(hasher) => hasher.finalize().to_vec(),
            Kind::Sha256(hasher) => hasher.finalize().to_vec(),
            Kind::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    #[test]
    fn what_was_hashed_is_not_shown() {
        let mut hasher = Hasher::new(HashAlgorithm::Md5);
        hasher.update(b"private");
        assert_eq!(format!("{hasher:?}"), "Hasher { .. }");
    }

    /// FIPS 180-4, RFC 1321 and the check value of CRC-32: of what every implementation gives for these nine bytes.
    #[test]
    fn known_digests_in_pieces_of_any_size() {
        for (algorithm, digest) in [
            (HashAlgorithm::Crc32, "cbf43926"),
            (HashAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (
                HashAlgorithm::Sha1,
                "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
            ),
            (
                HashAlgorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
            (
                HashAlgorithm::Sha512,
                "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a\
                 d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
            ),
        ] {
            for size in 1..=9 {
                let mut hasher = Hasher::new(algorithm);
                for piece in b"123456789".chunks(size) {
                    hasher.update(piece);
                }
                let digits: String = hasher
                    .finish()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                assert_eq!(digits, digest, "{algorithm:?} by {size}");
            }
        }
    }
}
