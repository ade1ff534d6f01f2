//! TYPE A: line ends of the local system to CR LF and back, as a stream (RFC 959 section 3.1.1.1).
//!
//! The local line end is LF. Nothing but line ends is touched: bytes above 127 pass unchanged, there is no NUL handling.
//! Both directions are total, give the same bytes however the stream is cut, and hold back at most one byte.

use alloc::vec::Vec;

/// What becomes of a line that already ends in CR LF on the local side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExistingCrlf {
    /// It is a line end already and goes out as CR LF.
    #[default]
    KeepSingle,
    /// The CR is data and goes out as CR CR LF, so that decoding gives back the same bytes for every file.
    AddCr,
}

/// Local text to network text: LF becomes CR LF.
///
/// ```
/// use ftp_proto::wire::ascii::Encoder;
///
/// let mut out = Vec::new();
/// let mut encoder = Encoder::default();
/// encoder.encode(b"one\ntwo\r\n", &mut out);
/// assert_eq!(out, b"one\r\ntwo\r\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Encoder {
    existing_crlf: ExistingCrlf,
    after_cr: bool,
    converted: u64,
    kept: u64,
}

impl Encoder {
    /// An encoder with the given rule for lines that end in CR LF already.
    #[must_use]
    pub fn new(existing_crlf: ExistingCrlf) -> Self {
        Encoder {
            existing_crlf,
            ..Encoder::default()
        }
    }

    /// Appends the network form of `local` to `out`: at most twice as many bytes.
    pub fn encode(&mut self, local: &[u8], out: &mut Vec<u8>) {
        for piece in local.split_inclusive(|&byte| byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(line) => {
                    let has_cr = match line.last() {
                        Some(&last) => last == b'\r',
                        None => self.after_cr,
                    };
                    out.extend_from_slice(line);
                    if has_cr && self.existing_crlf == ExistingCrlf::KeepSingle {
                        self.kept += 1;
                        out.push(b'\n');
                    } else {
                        self.converted += 1;
                        out.extend_from_slice(b"\r\n");
                    }
                    self.after_cr = false;
                }
                None => {
                    out.extend_from_slice(piece);
                    self.after_cr = piece.last() == Some(&b'\r');
                }
            }
        }
    }

    /// The end of the file. Nothing was held back; the encoder is at the beginning of a line again.
    pub fn finish(&mut self) {
        self.after_cr = false;
    }

    /// Lines whose LF became CR LF.
    #[must_use]
    pub fn converted(&self) -> u64 {
        self.converted
    }

    /// Lines that ended in CR LF already and were kept as they are.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept
    }
}

/// Network text to local text: CR LF becomes LF. A lone CR and a lone LF are kept.
///
/// ```
/// use ftp_proto::wire::ascii::Decoder;
///
/// let mut out = Vec::new();
/// let mut decoder = Decoder::default();
/// decoder.decode(b"one\r", &mut out);
/// decoder.decode(b"\ntwo\r", &mut out);
/// decoder.finish(&mut out);
/// assert_eq!(out, b"one\ntwo\r");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decoder {
    held_cr: bool,
    converted: u64,
    bare_line_feeds: u64,
}

impl Decoder {
    /// A decoder at the beginning of a file.
    #[must_use]
    pub fn new() -> Self {
        Decoder::default()
    }

    /// Appends the local form of `net` to `out`. A CR at the end waits for the next call or [`finish`](Self::finish).
    pub fn decode(&mut self, net: &[u8], out: &mut Vec<u8>) {
        let mut rest = net;
        if self.held_cr
            && let Some((&first, after)) = rest.split_first()
        {
            self.held_cr = false;
            if first == b'\n' {
                self.converted += 1;
                out.push(b'\n');
                rest = after;
            } else {
                out.push(b'\r');
            }
        }
        if let Some(before) = rest.strip_suffix(b"\r") {
            self.held_cr = true;
            rest = before;
        }
        for piece in rest.split_inclusive(|&byte| byte == b'\n') {
            if let Some(line) = piece.strip_suffix(b"\r\n") {
                self.converted += 1;
                out.extend_from_slice(line);
                out.push(b'\n');
            } else {
                self.bare_line_feeds += u64::from(piece.last() == Some(&b'\n'));
                out.extend_from_slice(piece);
            }
        }
    }

    /// The end of the file: appends a CR that was held back. The decoder is then at the beginning of a line again.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.held_cr) {
            out.push(b'\r');
        }
    }

    /// Line ends turned from CR LF into LF.
    #[must_use]
    pub fn converted(&self) -> u64 {
        self.converted
    }

    /// LFs that came without CR. Many of them with no [`converted`](Self::converted) line mean that the peer sent the
    /// file as it is, in spite of TYPE A.
    #[must_use]
    pub fn bare_line_feeds(&self) -> u64 {
        self.bare_line_feeds
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn encode<'a>(
        rule: ExistingCrlf,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<u8>, Encoder) {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(rule);
        for piece in pieces {
            encoder.encode(piece, &mut out);
        }
        encoder.finish();
        (out, encoder)
    }

    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Decoder) {
        let mut out = Vec::new();
        let mut decoder = Decoder::new();
        for piece in pieces {
            decoder.decode(piece, &mut out);
        }
        decoder.finish(&mut out);
        (out, decoder)
    }

    fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            rest = match rest.strip_prefix(from) {
                Some(after) => {
                    out.extend_from_slice(to);
                    after
                }
                None => {
                    out.push(*first);
                    after
                }
            };
        }
        out
    }

    fn for_all_strings(alphabet: &[u8], longest: u32, mut check: impl FnMut(&[u8])) {
        let base = alphabet.len();
        for length in 0..=longest {
            for number in 0..base.pow(length) {
                let string: Vec<u8> = (0..length)
                    .map(|place| alphabet[number / base.pow(place) % base])
                    .collect();
                check(&string);
            }
        }
    }

    #[test]
    fn ix_1_e13_all_short_files_at_every_split() {
        for_all_strings(b"a\r\n\0", 7, |input| {
            let crlf = replace(input, b"\n", b"\r\n");
            let single = replace(&crlf, b"\r\r\n", b"\r\n");
            let local = replace(input, b"\r\n", b"\n");
            let (added, add_state) = encode(ExistingCrlf::AddCr, [input]);
            let (kept, keep_state) = encode(ExistingCrlf::KeepSingle, [input]);
            let (decoded, decode_state) = decode([input]);
            assert_eq!(
                (&added, &kept, &decoded),
                (&crlf, &single, &local),
                "{input:?}"
            );
            assert!(added.len() <= 2 * input.len() && decoded.len() <= input.len());
            for cut in 0..=input.len() {
                let (left, right) = input.split_at(cut);
                let pieces = [left, b"", right];
                assert_eq!(
                    encode(ExistingCrlf::AddCr, pieces),
                    (added.clone(), add_state),
                    "{input:?} at {cut}"
                );
                assert_eq!(
                    encode(ExistingCrlf::KeepSingle, pieces),
                    (kept.clone(), keep_state),
                    "{input:?} at {cut}"
                );
                assert_eq!(
                    decode(pieces),
                    (decoded.clone(), decode_state),
                    "{input:?} at {cut}"
                );
            }
            assert_eq!(encode(ExistingCrlf::KeepSingle, input.chunks(1)).0, kept);
            assert_eq!(decode(input.chunks(1)), (decoded.clone(), decode_state));

            // With AddCr every file comes back; with KeepSingle every file without CR LF in it.
            assert_eq!(decode([&added[..]]).0, input);
            if !input.windows(2).any(|pair| pair == b"\r\n") {
                assert_eq!(decode([&kept[..]]).0, input);
            }
        });
    }

    #[test]
    fn a_cr_at_the_end_of_a_piece_waits_for_what_follows() {
        let mut out = Vec::new();
        let mut decoder = Decoder::new();
        decoder.decode(b"a\r", &mut out);
        assert_eq!(out, b"a");
        decoder.decode(b"", &mut out);
        assert_eq!(out, b"a");
        decoder.decode(b"\r", &mut out);
        assert_eq!(out, b"a\r");
        decoder.decode(b"\nb", &mut out);
        assert_eq!(out, b"a\r\nb");
    }

    #[test]
    fn lines_are_counted() {
        let (_, decoder) = decode([&b"a\r\nb\nc\rd\r\n"[..]]);
        assert_eq!((decoder.converted(), decoder.bare_line_feeds()), (2, 1));
        let (_, encoder) = encode(ExistingCrlf::KeepSingle, [&b"a\r\nb\nc\rd\r\n"[..]]);
        assert_eq!((encoder.converted(), encoder.kept()), (1, 2));
        let (_, encoder) = encode(ExistingCrlf::AddCr, [&b"a\r\nb\nc\rd\r\n"[..]]);
        assert_eq!((encoder.converted(), encoder.kept()), (3, 0));
    }

    #[test]
    fn bytes_above_127_pass() {
        let all: Vec<u8> = (0..=255)
            .filter(|byte| !matches!(byte, b'\r' | b'\n'))
            .collect();
        assert_eq!(encode(ExistingCrlf::KeepSingle, [&all[..]]).0, all);
        assert_eq!(decode([&all[..]]).0, all);
    }

    #[test]
    fn a_file_of_line_feeds_doubles_and_no_more() {
        let input = vec![b'\n'; 1000];
        assert_eq!(encode(ExistingCrlf::KeepSingle, [&input[..]]).0.len(), 2000);
    }

    #[test]
    fn the_end_of_a_file_is_the_end_of_its_last_line() {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(ExistingCrlf::KeepSingle);
        encoder.encode(b"a\r", &mut out);
        encoder.finish();
        // Another file: its line end has nothing to do with what the first one ended in.
        encoder.encode(b"\nb", &mut out);
        assert_eq!(out, b"a\r\r\nb");
        assert_eq!((encoder.converted(), encoder.kept()), (1, 0));
        let (_, decoder) = decode([&b"a\nb\nc\n"[..]]);
        assert_eq!((decoder.converted(), decoder.bare_line_feeds()), (0, 3));
    }
}
