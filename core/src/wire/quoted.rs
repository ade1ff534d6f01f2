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
/// # Ok::<(), ftp_proto::error::Malformed>(())
/// ```
pub fn parse_257(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let found = match text.iter().position(|byte| *byte == b'"') {
        Some(open) => text
            .get(open + 1..)
            .is_some_and(|quoted| push_quoted(quoted, out)),
        None => unquoted(text).is_some_and(|word| {
            out.extend_from_slice(word);
            true
        }),
    };
    let path = out.get(start..).unwrap_or_default();
    let result = if !found || path.is_empty() {
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

/// `quoted` is what follows the opening quote. Says whether there was an end.
fn push_quoted(quoted: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut rest = quoted;
    loop {
        match rest {
            [] => break,
            [b'"'] | [b'"', b' ' | b'\t' | b'\r' | b'\n', ..] => return true,
            [b'"', b'"', after @ ..] => {
                out.push(b'"');
                rest = after;
            }
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out.truncate(start);
    let Some(last) = quoted.iter().rposition(|byte| *byte == b'"') else {
        return false;
    };
    let mut rest = quoted.get(..last).unwrap_or_default();
    while let [byte, after @ ..] = rest {
        out.push(*byte);
        rest = if *byte == b'"' {
            after.strip_prefix(b"\"").unwrap_or(after)
        } else {
            after
        };
    }
    true
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
    let close = quotes()
        .filter(|at| *at > open && closes(*at))
        .next_back()?;
    line.get(open + 1..close)
}
