//! Replies do not depend on how their bytes are cut.

use ftp_proto::Malformed;
use ftp_proto::wire::reply::{Code, ReplyReader};

use crate::pieces::Cut;

/// The first byte chooses the cuts; the rest is what a server says.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let [seed, said @ ..] = data else {
        return;
    };
    let whole = read(said, Cut::Whole);
    for cut in [Cut::Bytes, Cut::Lines, Cut::Anywhere(u64::from(*seed))] {
        assert_eq!(read(said, cut), whole, "{cut:?}");
    }
}

/// Everything that can be seen of a reader in the end.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    results: Vec<Result<(Code, Vec<u8>), Malformed>>,
    provisional: bool,
    idle: bool,
    pending: Vec<u8>,
}

fn read(said: &[u8], cut: Cut) -> Seen {
    let mut reader = ReplyReader::new(40, 200, 7);
    let mut results = Vec::new();
    for piece in cut.pieces(said) {
        reader.push(piece);
        loop {
            match reader.next_reply() {
                Ok(Some(reply)) => results.push(Ok((reply.code(), reply.text().to_vec()))),
                Ok(None) => break,
                Err(error) => results.push(Err(error)),
            }
        }
    }
    Seen {
        results,
        provisional: reader.provisional(),
        idle: reader.is_idle(),
        pending: reader.pending().to_vec(),
    }
}
