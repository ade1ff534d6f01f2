//! What speaks at the other end, told from its first bytes.
//!
//! Most "TLS does not work" reports are answered by the first bytes that came instead of a handshake: a plain FTP reply
//! (implicit TLS tried on an explicit port), an SSH banner (port 22), a web server or captive portal, plain data although
//! `PROT P` was agreed. This classifier needs no TLS library and no state.

use core::fmt;

/// How many first bytes are worth keeping for [`classify_first_bytes`] and for a human, in bytes.
pub const FIRST_BYTES_KEPT: usize = 64;

/// The protocol that the first bytes of a connection look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FirstBytes {
    /// Nothing arrived.
    Silence,
    /// A TLS handshake record (RFC 8446 section 5.1): where a clear greeting was expected, this port wants implicit TLS.
    Tls,
    /// A TLS alert record: a TLS peer that refuses.
    TlsAlert,
    /// A two-byte SSL version 2 record header: a peer from before TLS.
    SslV2,
    /// A reply line of RFC 959 section 4.2: a plain FTP server.
    FtpReply,
    /// A reply line that repeats the bytes of a TLS handshake: the server read the ClientHello as a command, so it speaks no TLS here.
    EchoedHello,
    /// Mail submission (RFC 5321): an `ESMTP` greeting, or `EHLO`/`HELO`.
    Smtp,
    /// Mail retrieval (RFC 1939): `+OK` or `-ERR`.
    Pop3,
    /// Mail access (RFC 9051): `* OK`, `* PREAUTH` or `* BYE`.
    Imap,
    /// Secure Shell (RFC 4253 section 4.2): SFTP is another protocol, usually on port 22.
    Ssh,
    /// A web server or client, a proxy, or a captive portal.
    Http,
    /// A directory listing in clear: data that should have been protected.
    Listing,
    /// None of these.
    Other,
}

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FirstBytes::Silence => "nothing",
            FirstBytes::Tls => "a TLS handshake",
            FirstBytes::TlsAlert => "a TLS alert",
            FirstBytes::SslV2 => "an SSL version 2 record",
            FirstBytes::FtpReply => "a clear FTP reply",
            FirstBytes::EchoedHello => "a clear reply that repeats the TLS greeting as a command",
            FirstBytes::Smtp => "mail submission (SMTP)",
            FirstBytes::Pop3 => "mail retrieval (POP3)",
            FirstBytes::Imap => "mail access (IMAP)",
            FirstBytes::Ssh => "Secure Shell (SSH)",
            FirstBytes::Http => "the web (HTTP)",
            FirstBytes::Listing => "a directory listing in clear",
            FirstBytes::Other => "something that is not TLS",
        })
    }
}

/// Tells what the first bytes of a connection look like. Needs only a prefix, looks at no more than
/// [`FIRST_BYTES_KEPT`] bytes, and answers [`FirstBytes::Other`] while the prefix is too short to say more.
///
/// ```
/// use ftp_proto::wire::first_bytes::{FirstBytes, classify_first_bytes};
///
/// assert_eq!(classify_first_bytes(b"220 ready\r\n"), FirstBytes::FtpReply);
/// assert_eq!(classify_first_bytes(b"SSH-2.0-OpenSSH_9.9\r\n"), FirstBytes::Ssh);
/// assert_eq!(classify_first_bytes(&[0x16, 3, 3, 0, 122, 2]), FirstBytes::Tls);
/// ```
#[must_use]
pub fn classify_first_bytes(bytes: &[u8]) -> FirstBytes {
    let bytes = bytes.get(..FIRST_BYTES_KEPT).unwrap_or(bytes);
    match *bytes {
        [] => return FirstBytes::Silence,
        [0x16, 3, ..] => return FirstBytes::Tls,
        [0x15, 3, ..] => return FirstBytes::TlsAlert,
        // Two-byte header with the top bit set, then a message type: error, client hello, server hello.
        [0x80..=0xff, _, 0 | 1 | 4, ..] => return FirstBytes::SslV2,
        [b'1'..=b'6', b'0'..=b'9', b'0'..=b'9']
        | [
            b'1'..=b'6',
            b'0'..=b'9',
            b'0'..=b'9',
            b' ' | b'-' | b'\r' | b'\n',
            ..,
        ] => {
            return classify_reply(bytes);
        }
        _ => {}
    }
    let starts_one_of = |prefixes: &[&[u8]]| {
        prefixes
            .iter()
            .any(|prefix| starts_with_ignoring_case(bytes, prefix))
    };
    if bytes.starts_with(b"SSH-") {
        FirstBytes::Ssh
    } else if starts_one_of(&[
        b"HTTP/",
        b"<html",
        b"<!doc",
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"PUT ",
        b"OPTIONS ",
        b"CONNECT ",
    ]) {
        FirstBytes::Http
    } else if starts_one_of(&[b"+OK", b"-ERR"]) {
        FirstBytes::Pop3
    } else if starts_one_of(&[b"* OK", b"* PREAUTH", b"* BYE"]) {
        FirstBytes::Imap
    } else if starts_one_of(&[b"EHLO ", b"HELO "]) {
        FirstBytes::Smtp
    } else if looks_like_listing(bytes) {
        FirstBytes::Listing
    } else {
        FirstBytes::Other
    }
}

fn classify_reply(reply: &[u8]) -> FirstBytes {
    if reply.windows(2).any(|pair| pair == [0x16, 3]) {
        return FirstBytes::EchoedHello;
    }
    let first_line = reply.split(|&byte| byte == b'\n').next().unwrap_or(reply);
    let smtp = first_line.windows(4).any(|word| word == b"SMTP");
    if smtp {
        FirstBytes::Smtp
    } else {
        FirstBytes::FtpReply
    }
}

fn starts_with_ignoring_case(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The three forms that begin almost every listing: Unix modes, `total`, and the facts of RFC 3659 section 7.2.
fn looks_like_listing(bytes: &[u8]) -> bool {
    const FACTS: [&[u8]; 5] = [b"type=", b"modify=", b"size=", b"perm=", b"unique="];
    let modes = matches!(
        *bytes,
        [
            b'-' | b'd' | b'l' | b'b' | b'c' | b'p' | b's',
            b'r' | b'-',
            b'w' | b'-',
            b'x' | b's' | b'S' | b'-',
            ..
        ]
    );
    modes
        || bytes.starts_with(b"total ")
        || FACTS
            .iter()
            .any(|fact| starts_with_ignoring_case(bytes, fact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_is_recognised() {
        let cases: &[(&[u8], FirstBytes)] = &[
            (b"", FirstBytes::Silence),
            (&[0x16, 3, 1, 0, 5, 1], FirstBytes::Tls),
            (&[0x15, 3, 3, 0, 2, 2, 40], FirstBytes::TlsAlert),
            (&[0x80, 0x2e, 1, 0, 2], FirstBytes::SslV2),
            (&[0x80, 0x1e, 4, 0, 1], FirstBytes::SslV2),
            (&[0x80, 3, 0, 0, 1], FirstBytes::SslV2),
            (b"220 (vsFTPd 3.0.5)\r\n", FirstBytes::FtpReply),
            (b"220-Welcome\r\n", FirstBytes::FtpReply),
            (b"220\r\n", FirstBytes::FtpReply),
            (b"220", FirstBytes::FtpReply),
            (b"421 Too many users\r\n", FirstBytes::FtpReply),
            (
                b"500 OOPS: cannot change directory:/home/x\r\n",
                FirstBytes::FtpReply,
            ),
            (
                b"500 \x16\x03\x01: unknown command\r\n",
                FirstBytes::EchoedHello,
            ),
            (b"220 mx.example.org ESMTP\r\n", FirstBytes::Smtp),
            (b"EHLO a\r\n", FirstBytes::Smtp),
            (b"+OK ready\r\n", FirstBytes::Pop3),
            (b"* OK [CAPABILITY IMAP4rev1]\r\n", FirstBytes::Imap),
            (b"SSH-2.0-x\r\n", FirstBytes::Ssh),
            (b"HTTP/1.1 400 Bad Request\r\n", FirstBytes::Http),
            (b"<!DOCTYPE html>", FirstBytes::Http),
            (b"<HTML>", FirstBytes::Http),
            (b"GET / HTTP/1.1\r\n", FirstBytes::Http),
            (b"drwxr-xr-x 2 ftp ftp 4096", FirstBytes::Listing),
            (b"-rw-r--r-- 1 ftp ftp 12", FirstBytes::Listing),
            (b"total 12\r\n", FirstBytes::Listing),
            (b"type=file;size=3; a\r\n", FirstBytes::Listing),
            (b"Type=dir; b\r\n", FirstBytes::Listing),
            (b"2", FirstBytes::Other),
            (b"999 x", FirstBytes::Other),
            (b"2200 x", FirstBytes::Other),
            (b"hello", FirstBytes::Other),
            (&[0, 0, 0], FirstBytes::Other),
        ];
        for (bytes, expected) in cases {
            assert_eq!(
                classify_first_bytes(bytes),
                *expected,
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    #[test]
    fn bytes_past_the_kept_prefix_do_not_matter() {
        let mut long = [b'x'; 200];
        long[..4].copy_from_slice(b"220 ");
        let kept = classify_first_bytes(&long[..FIRST_BYTES_KEPT]);
        long[FIRST_BYTES_KEPT..FIRST_BYTES_KEPT + 4].copy_from_slice(b"SMTP");
        assert_eq!(classify_first_bytes(&long), kept);
        assert_eq!(kept, FirstBytes::FtpReply);
    }
}
