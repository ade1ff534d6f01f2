//! Small files for the benches that move many of them.

/// Name of the file with this number.
#[must_use]
pub fn name(index: usize) -> String {
    format!("file-{index}.bin")
}

/// What is in it: different for each file, so that a mix-up shows, with every byte value, so that a changed line end
/// shows, and without any pattern, because a client may ask for compression (MODE Z).
#[must_use]
pub fn contents(index: usize, size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d ^ index as u64;
    let random = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    random.flatten().take(size).collect()
}
