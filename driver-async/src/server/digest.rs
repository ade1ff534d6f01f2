//! Digests of files, piece by piece, so that none holds up a session and any can be given up.

use ftp_proto::pipe::Hasher;
use ftp_proto::server::{Checksum, HashAlgorithm, Refused};
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
    let mut hasher = Hasher::new(question.algorithm());
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
