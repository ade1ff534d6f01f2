//! TYPE A: the result does not depend on how the bytes are cut, and decoding undoes encoding.

use ftp_proto::wire::ascii::{Decoder, Encoder, ExistingCrlf};

use crate::pieces::Cut;

/// The first byte chooses the rule for lines that end in CR LF already, the second the cuts; the rest is a file.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let [rule, seed, file @ ..] = data else {
        return;
    };
    let rule = if rule % 2 == 0 {
        ExistingCrlf::KeepSingle
    } else {
        ExistingCrlf::AddCr
    };
    let network = encoded(rule, file, Cut::Whole);
    let local = decoded(file, Cut::Whole);
    for cut in [Cut::Anywhere(u64::from(*seed)), Cut::Lines, Cut::Bytes] {
        assert_eq!(encoded(rule, file, cut), network, "encoded with {cut:?}");
        assert_eq!(decoded(file, cut), local, "decoded with {cut:?}");
    }
    assert!(network.len() <= 2 * file.len());
    assert!(local.len() <= file.len());
    assert!(!has_bare_line_feed(&network));
    let back = decoded(&network, Cut::Whole);
    match rule {
        // CR LF and LF are the same line end here.
        ExistingCrlf::KeepSingle => assert_eq!(back, local),
        ExistingCrlf::AddCr => assert_eq!(back, file),
    }
}

fn encoded(rule: ExistingCrlf, file: &[u8], cut: Cut) -> Vec<u8> {
    let mut encoder = Encoder::new(rule);
    let mut out = Vec::new();
    for piece in cut.pieces(file) {
        encoder.encode(piece, &mut out);
    }
    encoder.finish();
    out
}

fn decoded(file: &[u8], cut: Cut) -> Vec<u8> {
    let mut decoder = Decoder::new();
    let mut out = Vec::new();
    for piece in cut.pieces(file) {
        decoder.decode(piece, &mut out);
    }
    decoder.finish(&mut out);
    out
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    let mut before = 0;
    bytes.iter().any(|&byte| {
        let bare = byte == b'\n' && before != b'\r';
        before = byte;
        bare
    })
}
