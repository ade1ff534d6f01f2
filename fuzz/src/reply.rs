//! Replies: arbitrary bytes neither panic nor pile up, and after an error the reader goes on.

use ftp_proto::wire::reply::{Reply, ReplyReader};

use crate::pieces::Cut;

/// Small enough for short input to reach them.
const LONGEST_LINE: usize = 60;
const MOST_BYTES: usize = 300;
const MOST_LINES: usize = 9;

/// The first two bytes choose the cuts and whether silence settles what may be the end; the rest is what a server says.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let [way, seed, said @ ..] = data else {
        return;
    };
    let mut reader = ReplyReader::new(LONGEST_LINE, MOST_BYTES, MOST_LINES);
    let mut results = 0;
    for piece in Cut::chosen(*way, *seed).pieces(said) {
        reader.push(piece);
        results += taken(&mut reader);
        assert!(results <= said.len(), "more results than bytes");
        assert!(
            reader.buffered() <= MOST_BYTES + LONGEST_LINE + 8,
            "{} bytes held",
            reader.buffered()
        );
        if way & 0x80 != 0 {
            let provisional = reader.provisional();
            match reader.settle() {
                Some(reply) => look_at(reply),
                None => assert!(!provisional),
            }
            assert!(!reader.provisional());
        }
    }
    assert!(said.starts_with(reader.first_bytes()));

    // What is between two replies reads the next one, whatever came before.
    reader.push(b"\r\n");
    taken(&mut reader);
    if !reader.is_idle() {
        reader.clear();
    }
    assert!(reader.is_idle());
    reader.push(b"220 ready\r\n");
    let reply = reader.next_reply().expect("no error").expect("whole");
    assert_eq!((reply.code().value(), reply.text()), (220, &b"ready"[..]));
}

/// Takes what there is; says how many replies and errors it was.
fn taken(reader: &mut ReplyReader) -> usize {
    let mut results = 0;
    loop {
        match reader.next_reply() {
            Ok(Some(reply)) => look_at(reply),
            Ok(None) => return results,
            Err(error) => {
                let _ = error.to_string();
            }
        }
        results += 1;
        assert!(results < 1 << 20, "the reader does not come to an end");
    }
}

fn look_at(reply: Reply<'_>) {
    let text = reply.text();
    assert!((100..700).contains(&reply.code().value()));
    assert!(text.len() <= MOST_BYTES, "{} bytes of text", text.len());
    assert!(!text.contains(&0));
    assert!(reply.lines().count() <= MOST_LINES);
    assert_eq!(reply.is_multi_line(), reply.lines().count() > 1);
    let shown = reply.display().to_string();
    assert!(
        !shown
            .chars()
            .any(|letter| letter.is_control() && letter != '\n'),
        "{shown:?}"
    );
    let _ = format!("{reply:?}");

    // Written and read again: the same, but for what cannot be written as it is.
    let like_code = |line: &[u8]| line.iter().take(3).filter(|b| b.is_ascii_digit()).count() == 3;
    if text.contains(&b'\r') || reply.lines().any(like_code) {
        return;
    }
    let mut reader = ReplyReader::new(1 << 16, 1 << 16, 1 << 16);
    reader.push(&reply.to_bytes());
    let again = reader.next_reply().expect("no error").expect("whole");
    assert_eq!((again.code(), again.text()), (reply.code(), text));
    assert!(reader.is_idle());
}
