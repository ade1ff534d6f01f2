//! Arbitrary cuts of a byte stream.

/// The ways to cut: all at once, byte by byte, behind each line, and anywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Whole,
    Bytes,
    Lines,
    Anywhere(u64),
}

impl Cut {
    /// A way to cut, chosen by two bytes.
    pub(crate) fn chosen(way: u8, seed: u8) -> Cut {
        match way % 4 {
            0 => Cut::Lines,
            1 => Cut::Anywhere(u64::from(seed)),
            2 => Cut::Whole,
            _ => Cut::Bytes,
        }
    }

    /// The pieces of `data`, none of them empty.
    pub(crate) fn pieces(self, data: &[u8]) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        let mut rest = data;
        let mut random = match self {
            Cut::Anywhere(seed) => seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            _ => 1,
        };
        while !rest.is_empty() {
            let length = match self {
                Cut::Whole => rest.len(),
                Cut::Bytes => 1,
                Cut::Lines => rest
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .map_or(rest.len(), |at| at + 1),
                Cut::Anywhere(_) => {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let limit = if random & 0x30 == 0 { 200 } else { 12 };
                    1 + usize::try_from((random >> 8) % limit).unwrap_or(0)
                }
            };
            let (piece, after) = rest.split_at(length.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}
