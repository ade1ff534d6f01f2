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
