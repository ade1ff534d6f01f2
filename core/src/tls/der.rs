//! The little of X.509 that diagnosis needs and rustls does not tell.

/// Whether a certificate names itself as its issuer (RFC 5280 section 3.2, "self-issued"). `false` for anything unreadable.
pub(super) fn is_self_issued(certificate: &[u8]) -> bool {
    issuer_and_subject(certificate).is_some_and(|(issuer, subject)| issuer == subject)
}

/// The encoded names in `Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version?, serial, algorithm, issuer, validity, subject, .. } .. }`.
fn issuer_and_subject(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const VERSION: u8 = 0xa0;

    let (certificate, _) = take(SEQUENCE, certificate)?;
    let (tbs, _) = take(SEQUENCE, certificate)?;
    let tbs = take(VERSION, tbs).map_or(tbs, |(_, rest)| rest);
    let (_, tbs) = take(INTEGER, tbs)?;
    let (_, tbs) = take(SEQUENCE, tbs)?;
    let (issuer, tbs) = take(SEQUENCE, tbs)?;
    let (_, tbs) = take(SEQUENCE, tbs)?;
    let (subject, _) = take(SEQUENCE, tbs)?;
    Some((issuer, subject))
}

/// Takes one element with the given tag: its content, and what follows it (X.690 section 8.1, definite lengths only).
fn take(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (
                bytes
                    .iter()
                    .fold(0, |length, &byte| length * 0x100 + usize::from(byte)),
                rest,
            )
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = alloc::vec![tag, 0x82];
        out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        out.extend(content);
        out
    }

    fn certificate(version: bool, issuer: &[u8], subject: &[u8]) -> Vec<u8> {
        let mut tbs = Vec::new();
        if version {
            tbs.extend(element(0xa0, &[2, 1, 2]));
        }
        tbs.extend([2, 1, 5, 0x30, 0]);
        tbs.extend(element(0x30, issuer));
        tbs.extend([0x30, 0x81, 1, 0]);
        tbs.extend(element(0x30, subject));
        element(0x30, &element(0x30, &tbs))
    }

    #[test]
    fn self_issued_is_issuer_equal_to_subject() {
        for version in [false, true] {
            assert!(is_self_issued(&certificate(version, b"name", b"name")));
            assert!(!is_self_issued(&certificate(version, b"name", b"Name")));
        }
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_survived() {
        let whole = certificate(true, b"name", b"name");
        for end in 0..whole.len() {
            assert!(!is_self_issued(&whole[..end]));
        }
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut changed = whole.clone();
                changed[at] = value;
                let _ = is_self_issued(&changed);
            }
        }
    }
}
