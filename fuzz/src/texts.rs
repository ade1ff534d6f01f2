//! The smaller texts: times, sizes, quoted names, lines, Telnet, first bytes.

use ftp_proto::wire::date::{Timestamp, mdtm_reply, size_in_150, size_in_reply};
use ftp_proto::wire::first_bytes::classify_first_bytes;
use ftp_proto::wire::line::LineSplitter;
use ftp_proto::wire::quoted::{encode_257, parse_257, stou_name};
use ftp_proto::wire::telnet::{TelnetDecoder, escape, escaped_len};

use crate::pieces::Cut;

const LONGEST_LINE: usize = 40;

/// The first byte chooses the cuts; the rest is any of the texts.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let [seed, text @ ..] = data else {
        return;
    };
    times(text);
    names(text);
    let _ = classify_first_bytes(text).to_string();
    let cut = Cut::Anywhere(u64::from(*seed));
    telnet(text, cut);
    assert_eq!(lines(text, cut), lines(text, Cut::Whole), "lines");
    assert_eq!(lines(text, Cut::Bytes), lines(text, Cut::Whole), "lines");
}

fn times(text: &[u8]) {
    let _ = (size_in_150(text), mdtm_reply(text));
    if let Ok(size) = size_in_reply(text) {
        assert_eq!(size_in_reply(size.to_string().as_bytes()), Ok(size));
    }
    if let Ok(time) = Timestamp::parse(text) {
        let mut value = Vec::new();
        time.encode(&mut value);
        assert_eq!(Timestamp::parse(&value), Ok(time));
        assert_eq!(mdtm_reply(&value), Ok(time));
        assert!((1..=12).contains(&time.month()) && (1..=31).contains(&time.day()));
        let again =
            Timestamp::from_unix_seconds(time.to_unix_seconds()).map(|time| time.to_unix_seconds());
        // The last leap second of year 9999 is in year 10000.
        assert!(again.is_none_or(|seconds| seconds == time.to_unix_seconds()));
    }
}

fn names(text: &[u8]) {
    let mut path = b"before".to_vec();
    match parse_257(text, &mut path) {
        Ok(()) => {
            let path = path.strip_prefix(b"before").expect("appends");
            let mut written = Vec::new();
            encode_257(path, &mut written).expect("no control bytes");
            let mut again = Vec::new();
            parse_257(&written, &mut again).expect("what was written");
            assert_eq!(again, path);
        }
        Err(_) => assert_eq!(path, b"before", "refused, and yet written"),
    }
    if let Some(name) = stou_name(text) {
        assert!(!name.is_empty() && !name.iter().any(u8::is_ascii_control));
    }
}

fn telnet(text: &[u8], cut: Cut) {
    let mut escaped = Vec::new();
    escape(text, &mut escaped);
    assert_eq!(escaped.len(), escaped_len(text));
    let (back, answers) = decoded(&escaped, cut);
    assert_eq!(back, text);
    assert!(answers.is_empty());
    let whole = decoded(text, Cut::Whole);
    assert_eq!(decoded(text, cut), whole);
    assert!(whole.0.len() <= text.len() && whole.1.len() <= text.len());
}

fn decoded(text: &[u8], cut: Cut) -> (Vec<u8>, Vec<u8>) {
    let mut decoder = TelnetDecoder::default();
    let (mut out, mut answers) = (Vec::new(), Vec::new());
    for piece in cut.pieces(text) {
        decoder.decode(piece, &mut out, &mut answers);
    }
    (out, answers)
}

fn lines(text: &[u8], cut: Cut) -> Vec<Option<Vec<u8>>> {
    let mut splitter = LineSplitter::new(LONGEST_LINE);
    let mut lines = Vec::new();
    for piece in cut.pieces(text) {
        splitter.push(piece);
        loop {
            match splitter.next_line() {
                Ok(Some(line)) => {
                    assert!(line.len() <= LONGEST_LINE && !line.contains(&b'\n'));
                    lines.push(Some(line.to_vec()));
                }
                Ok(None) => break,
                Err(_) => lines.push(None),
            }
        }
        assert!(splitter.pending().len() <= LONGEST_LINE + 2);
    }
    lines
}
