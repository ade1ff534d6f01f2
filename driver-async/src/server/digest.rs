//! Digests of files, piece by piece, so that none holds up a session and any can be given up.

use crc32fast::Hasher as Crc32;
use ftp_proto::server::{Checksum, HashAlgorithm, Refused};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use smol::lock::Semaphore;

use super::storage::Storage;

/// What is hashed at a time, in bytes: a thread is kept busy no longer than that takes.
const PIECE: usize = 256 * 1024;

/// What this server computes. The first one is what HASH uses unless the client asks for another.
pub(super) const OFFERED: [HashAlgorithm; 5] = [
    HashAlgorithm::Sha256,
    HashAlgorithm::Sha512,
    HashAlgorithm::Sha1,
    HashAlgorithm::Md5,
    HashAlgorithm::Crc32,
];

/// Reads what was asked for and computes its digest: with it, how many bytes that were. `turns` bounds how many do so at once.
pub(super) async fn digest(
    question: &Checksum,
    storage: &dyn Storage,
    turns: &Semaphore,
) -> Result<(Vec<u8>, u64), Refused> {
    let mut hasher = Hasher::new(question.algorithm()).ok_or(Refused::Unsupported)?;
    let mut source = storage.read(question.path(), question.start()).await?;
    let _turn = turns.acquire().await;
    let mut left = question.length().unwrap_or(u64::MAX);
    let mut bytes = 0;
    let mut buffer = Vec::new();
    loop {
        let size = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        if size == 0 {
            break;
        }
        buffer.resize(size, 0);
        let count;
        (buffer, count) = source.read(buffer).await?;
        if count == 0 {
            break;
        }
        (hasher, buffer) = smol::unblock(move || {
            hasher.update(buffer.get(..count).unwrap_or(&buffer));
            (hasher, buffer)
        })
        .await;
        bytes += count as u64;
        left -= count as u64;
    }
    Ok((hasher.finish(), bytes))
}

/// A digest under way.
enum Hasher {
    Crc32(Crc32),
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// `None` for algorithms that are not among [`OFFERED`].
    fn new(algorithm: HashAlgorithm) -> Option<Self> {
        Some(match algorithm {
            HashAlgorithm::Crc32 => Hasher::Crc32(Crc32::new()),
            HashAlgorithm::Md5 => Hasher::Md5(Md5::new()),
            HashAlgorithm::Sha1 => Hasher::Sha1(Sha1::new()),
            HashAlgorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            HashAlgorithm::Sha512 => Hasher::Sha512(Sha512::new()),
            _ => return None,
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Crc32(hasher) => hasher.update(bytes),
            Hasher::Md5(hasher) => hasher.update(bytes),
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Crc32(hasher) => hasher.finalize().to_be_bytes().to_vec(),
            Hasher::Md5(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha1(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let mut hasher = Hasher::new(algorithm).unwrap();
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

    #[test]
    fn everything_offered_is_there() {
        assert!(OFFERED.iter().all(|one| Hasher::new(*one).is_some()));
    }
}
