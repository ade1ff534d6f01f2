//! Names inside reply texts: the quoted path of 257 (RFC 959 appendix II) and the name STOU chose (RFC 1123 section
//! 4.1.2.9).

use alloc::vec::Vec;

use crate::error::Malformed;

/// Reads the path in the text of a 257 reply and appends it to `out`.
///
/// The path starts at the first quote and ends at a quote that a blank or the end of the text follows; two quotes are
/// one quote of the path. Not every server doubles quotes, so a single quote before another byte is part of the path;
/// and where no quote ends the path, the last one does. Without any quotes, a first word that starts with `/` or is in
/// single quotes is the path.
///
/// # Errors
/// [`Malformed::QuotedName`] when there is no path or it is empty, [`Malformed::ControlByte`] when there are control
/// bytes in it. Nothing is appended then.
///
/// ```
/// use ftp_proto::wire::quoted::parse_257;
///
/// let mut path = Vec::new();
/// parse_257(b"\"/q\"\"uote\" is the current directory", &mut path)?;
/// assert_eq!(path, b"/q\"uote");
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
pub fn parse_257(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    match text.iter().position(|byte| *byte == b'"') {
        Some(open) => push_quoted(text.get(open + 1..).unwrap_or_default(), out),
        None => out.extend_from_slice(unquoted(text).unwrap_or_default()),
    }
    let path = out.get(start..).unwrap_or_default();
    let result = if path.is_empty() {
        Err(Malformed::QuotedName)
    } else if path.iter().any(u8::is_ascii_control) {
        Err(Malformed::ControlByte)
    } else {
        Ok(())
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Appends the path in quotes, with its quotes doubled: the start of the text of a 257 reply. A comment, if any, goes
/// after a space.
///
/// # Errors
/// [`Malformed::ForbiddenByte`] when the path holds CR, LF or NUL, which would end the reply. Nothing is appended then.
pub fn encode_257(path: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    if path
        .iter()
        .any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'))
    {
        return Err(Malformed::ForbiddenByte);
    }
    out.push(b'"');
    for byte in path {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
    Ok(())
}

/// The name in the text of a reply to STOU, be it the 125 or 150 (RFC 1123 section 4.1.2.9) or the 226 or 250.
///
/// Looks for a line `FILE: name` in any case, then for `unique file name:name`, then for a name in quotes of either
/// kind. The name is what the server wrote: it may hold slashes or be longer than a name should be.
///
/// ```
/// use ftp_proto::wire::quoted::stou_name;
///
/// assert_eq!(stou_name(b"FILE: ftp2zyaPr"), Some(&b"ftp2zyaPr"[..]));
/// ```
pub fn stou_name(text: &[u8]) -> Option<&[u8]> {
    let lines = || {
        text.split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    };
    let name = lines()
        .find_map(labelled_name)
        .or_else(|| lines().find_map(unique_name))
        .or_else(|| lines().find_map(|line| name_in_quotes(line, b'"')))
        .or_else(|| lines().find_map(|line| name_in_quotes(line, b'\'')))?;
    (!name.is_empty() && !name.iter().any(u8::is_ascii_control)).then_some(name)
}

/// `quoted` is what follows the opening quote. Without any quote that ends it, nothing is appended.
fn push_quoted(quoted: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = quoted;
    loop {
        match rest {
            [] => break,
            [b'"'] | [b'"', b' ' | b'\t' | b'\r' | b'\n', ..] => return,
            _ => rest = push_byte(rest, out),
        }
    }
    out.truncate(start);
    let last = quoted
        .iter()
        .rposition(|byte| *byte == b'"')
        .unwrap_or_default();
    let mut rest = quoted.get(..last).unwrap_or_default();
    while !rest.is_empty() {
        rest = push_byte(rest, out);
    }
}

/// Appends the first byte, or the one quote that the first two mean; what is left.
fn push_byte<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let is_doubled = text.starts_with(b"\"\"");
    out.extend(text.first());
    text.get(1 + usize::from(is_doubled)..).unwrap_or_default()
}

fn unquoted(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start();
    if let Some(quoted) = text.strip_prefix(b"'") {
        let end = quoted
            .windows(2)
            .position(|pair| matches!(pair, [b'\'', b' ' | b'\t' | b'\r' | b'\n']));
        return match end {
            Some(end) => quoted.get(..end),
            None => quoted.strip_suffix(b"'"),
        };
    }
    let word = text.split(u8::is_ascii_whitespace).next()?;
    word.starts_with(b"/").then_some(word)
}

/// `FILE: name`.
fn labelled_name(line: &[u8]) -> Option<&[u8]> {
    let (label, name) = line.trim_ascii_start().split_at_checked(5)?;
    label
        .eq_ignore_ascii_case(b"FILE:")
        .then(|| name.strip_prefix(b" ").unwrap_or(name))
}

/// `Transfer complete (unique file name:name).`
fn unique_name(line: &[u8]) -> Option<&[u8]> {
    const LABEL: &[u8] = b"unique file name:";
    let at = line
        .windows(LABEL.len())
        .position(|window| window.eq_ignore_ascii_case(LABEL))?;
    let in_parentheses = at.checked_sub(1).and_then(|before| line.get(before)) == Some(&b'(');
    let name = line.get(at + LABEL.len()..)?.trim_ascii();
    if in_parentheses {
        let close = name.iter().rposition(|byte| *byte == b')')?;
        name.get(..close)
    } else {
        Some(name)
    }
}

/// From a quote after a blank to the last quote before a blank, a full stop, a comma, a bracket or the end.
fn name_in_quotes(line: &[u8], quote: u8) -> Option<&[u8]> {
    let opens = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        matches!(before, None | Some(b' ' | b'\t' | b'(' | b':' | b'='))
    };
    let closes = |at: usize| {
        matches!(
            line.get(at + 1),
            None | Some(b' ' | b'\t' | b'.' | b',' | b';' | b')')
        )
    };
    let quotes = || {
        line.iter()
            .enumerate()
            .filter(|(_, byte)| **byte == quote)
            .map(|(at, _)| at)
    };
    let open = quotes().find(|at| opens(*at))?;
    let close = quotes().rfind(|at| closes(*at))?;
    line.get(open + 1..close)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use super::*;
    use crate::wire::date::tests::texts;

    fn path(text: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut out = b"kept".to_vec();
        let result = parse_257(text, &mut out);
        let path = out.split_off(4);
        assert_eq!(out, b"kept");
        assert!(result.is_ok() || path.is_empty());
        result.map(|()| path)
    }

    fn encoded(path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_257(path, &mut out).unwrap();
        out
    }

    #[test]
    fn reads_the_examples_of_rfc_959() {
        assert_eq!(
            path(b"\"/usr/dm/pathname\" directory created").unwrap(),
            b"/usr/dm/pathname"
        );
        assert_eq!(
            path(b"\"/usr/dm/foo\"\"bar\" directory created").unwrap(),
            b"/usr/dm/foo\"bar"
        );
        assert_eq!(path(b"\"/foo\"\"bar\"").unwrap(), b"/foo\"bar");
        assert_eq!(encoded(b"/usr/dm/foo\"bar"), b"\"/usr/dm/foo\"\"bar\"");
    }

    #[test]
    fn reads_what_real_servers_send() {
        for (text, expected) in [
            (
                r#""/home/ftptest" is the current directory"#,
                "/home/ftptest",
            ),
            (r#""/" is the current directory."#, "/"),
            (r#""/" is your current location"#, "/"),
            (r#""/""#, "/"),
            (
                r#""/home/ftptest/q""uote" created"#,
                r#"/home/ftptest/q"uote"#,
            ),
            (
                r#""/home/ftptest/new dir" - Directory successfully created"#,
                "/home/ftptest/new dir",
            ),
            // Quotes that were not doubled.
            (
                r#""q"uote" : The directory was successfully created"#,
                r#"q"uote"#,
            ),
            (r#""/q"uote" is your current location"#, r#"/q"uote"#),
            (r#""/end"" is your current location"#, r#"/end""#),
            // Text before the quote, and none after it.
            (r#"Current directory is "/a b""#, "/a b"),
            (r#""/a" is "current""#, "/a"),
            // No blank after the closing quote: the last quote closes.
            (r#""/a"."#, "/a"),
            (r#""/a""b"."#, r#"/a"b"#),
            ("\"/a\"\nmore", "/a"),
            ("\"/a\"\tis it", "/a"),
            // No quotes.
            ("/home/x is current directory", "/home/x"),
            ("  /home/x", "/home/x"),
            ("'/home/x y' is current directory", "/home/x y"),
            ("'/home/x'", "/home/x"),
            ("'it's' it", "it's"),
            (r#""DISK:[X]" is current directory"#, "DISK:[X]"),
        ] {
            assert_eq!(
                path(text.as_bytes()).as_deref(),
                Ok(expected.as_bytes()),
                "{text}"
            );
        }
        assert_eq!(path(b"\"/\xfc\xff\" ok").unwrap(), b"/\xfc\xff");
    }

    #[test]
    fn refuses_what_has_no_path() {
        for text in [
            "",
            " ",
            "\"",
            "\"/unclosed",
            "/a\"b",
            "\"\"",
            "\"\" is",
            "\"\"x",
            "no path",
            "'/unclosed",
            "''",
            "C:\\x",
        ] {
            assert_eq!(path(text.as_bytes()), Err(Malformed::QuotedName), "{text}");
        }
        for text in [
            &b"\"/a\x01b\" x"[..],
            b"\"/a\nb\" x",
            b"\"/a\0\" x",
            b"\"/a\x7f\"",
            b"\"\r\"",
            b"/a\x1bb",
        ] {
            assert_eq!(path(text), Err(Malformed::ControlByte), "{text:?}");
        }
    }

    #[test]
    fn every_short_text_is_a_path_and_makes_the_trip() {
        for text in texts(b"\"a/ ", 8).skip(1) {
            let reply = encoded(&text);
            assert_eq!(
                path(&reply).as_deref(),
                Ok(&text[..]),
                "{}",
                reply.escape_ascii()
            );
            for comment in [&b" "[..], b" is \"current\"", b" \"\" \"x", b"\r"] {
                let reply = [&reply[..], comment].concat();
                assert_eq!(
                    path(&reply).as_deref(),
                    Ok(&text[..]),
                    "{}",
                    reply.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn every_short_text_has_one_reading() {
        for text in texts(b"\"a/ ", 8) {
            let text = core::str::from_utf8(&text).unwrap();
            let expected = reading(text).filter(|path| !path.is_empty());
            let found = path(text.as_bytes()).ok();
            assert_eq!(
                found.as_deref(),
                expected.as_deref().map(str::as_bytes),
                "{text:?}"
            );
        }
    }

    /// The rule once more, with doubled quotes marked first and ends searched in what is left.
    fn reading(text: &str) -> Option<String> {
        let Some((_, quoted)) = text.split_once('"') else {
            return text
                .split_whitespace()
                .next()
                .filter(|word| word.starts_with('/'))
                .map(Into::into);
        };
        let marked = quoted.replace("\"\"", "D");
        let end = match marked.find("\" ") {
            Some(end) => Some(end),
            None => marked.strip_suffix('"').map(str::len),
        };
        match end {
            Some(end) => marked.get(..end).map(|path| path.replace('D', "\"")),
            None => quoted
                .get(..quoted.rfind('"')?)
                .map(|path| path.replace("\"\"", "\"")),
        }
    }

    #[test]
    fn a_path_that_would_end_the_reply_is_refused() {
        for bad in [&b"/a\r\n226 done"[..], b"/a\n", b"\0"] {
            let mut out = vec![1];
            assert_eq!(encode_257(bad, &mut out), Err(Malformed::ForbiddenByte));
            assert_eq!(out, [1]);
        }
    }

    #[test]
    fn finds_the_name_stou_chose() {
        for (text, name) in [
            ("FILE: STOU.1", Some("STOU.1")),
            ("FILE: ftpd.45gmyt15", Some("ftpd.45gmyt15")),
            (
                "FILE: pureftpd.6b035b78.27.0001\nAccepted data connection",
                Some("pureftpd.6b035b78.27.0001"),
            ),
            ("Ok\r\n file:a b", Some("a b")),
            (
                "Opening BINARY mode data connection for 'pre.1'.",
                Some("pre.1"),
            ),
            (
                "Opening BINARY mode data connection for 'it's' (0 bytes).",
                Some("it's"),
            ),
            ("Transfer complete (unique file name:pre.1).", Some("pre.1")),
            (
                "Transfer complete (Unique File Name: a(1).txt).",
                Some("a(1).txt"),
            ),
            ("Transfer complete, unique file name:pre.1", Some("pre.1")),
            ("Stored as \"x y\", done", Some("x y")),
            ("Stored as 'pre.1', it's done", Some("pre.1")),
            (
                "Transfer complete, unique file name: pre.1  ",
                Some("pre.1"),
            ),
            ("FILE:", None),
            ("FILE: ", None),
            ("FILE: a\u{1}", None),
            ("Transfer complete.", None),
            ("Transfer complete (unique file name:).", None),
            ("Transfer complete (unique file name:x", None),
            ("Can't say it isn't", None),
            ("'", None),
            ("\"\"", None),
            ("", None),
        ] {
            assert_eq!(
                stou_name(text.as_bytes()),
                name.map(str::as_bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn stou_names_come_out_of_every_text_or_none() {
        for text in texts(b"\"' \na", 8) {
            let name = stou_name(&text);
            assert!(name.is_none_or(|name| !name.is_empty() && !name.contains(&b'\n')));
        }
    }
}
