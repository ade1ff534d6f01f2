//! Secrets a fuzzer comes upon by itself.

/// Whether a peer that says this could be saying a secret, as text or as the numbers of its bytes: it has guessed it, and may.
///
/// What is left of its words is for the machine to find out: Telnet commands go, and so does what was sent too early for a change of protection, lines
/// that are too long, and more. So each byte of the secret counts wherever it stands, if it is behind the one before, as a capital or not: some words are
/// shown in capitals.
pub(crate) fn guesses(said: &[u8], secret: &str) -> bool {
    let numbers: String = secret.bytes().map(|byte| byte.to_string()).collect();
    holds_in_order(said, secret.as_bytes()) || holds_in_order(said, numbers.as_bytes())
}

fn holds_in_order(said: &[u8], wanted: &[u8]) -> bool {
    let mut said = said.iter();
    wanted
        .iter()
        .all(|byte| said.any(|other| other.eq_ignore_ascii_case(byte)))
}

#[cfg(test)]
mod tests {
    use super::guesses;

    #[test]
    fn a_secret_said_in_pieces_is_guessed() {
        for said in [
            &b"SITE s3cr3t\r\n"[..],
            b"s\xFF\xFB33\xFF\xF1cr3t",
            b"AUTH TLS\r\nNOOP s3\r\ncr3t\r\n",
            b"FEAT\r\n S3CR3T\r\n",
            b"[115, 51, 99, 114, 51, 116]",
        ] {
            assert!(guesses(said, "s3cr3t"), "{said:?}");
        }
        for said in [&b""[..], b"s3cr3", b"t3rc3s", b"11551991145111"] {
            assert!(!guesses(said, "s3cr3t"), "{said:?}");
        }
    }
}
