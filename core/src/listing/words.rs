//! What all dialects are made of: words between blanks, and numbers.

use crate::wire::date::decimal;

/// The words of a line, one after the other. What follows the last word taken is still there, blanks included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a [u8]) -> Words<'a> {
        Words { rest: line }
    }

    /// The next word as a number.
    pub(super) fn number(&mut self) -> Option<u64> {
        decimal(self.next()?)
    }

    /// What follows the one blank behind the last word taken: a name that may begin with blanks.
    pub(super) fn name(self) -> Option<&'a [u8]> {
        let (_, name) = self.rest.split_first()?;
        (!name.is_empty()).then_some(name)
    }

    /// What follows all blanks: a name in a column of its own.
    pub(super) fn padded_name(self) -> Option<&'a [u8]> {
        let name = self.rest.get(leading_blanks(self.rest)..)?;
        (!name.is_empty()).then_some(name)
    }

    /// Whether nothing but blanks is left.
    pub(super) fn is_done(self) -> bool {
        self.rest.iter().all(is_blank)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.get(leading_blanks(self.rest)..)?;
        let end = text.iter().position(is_blank).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }
}

pub(super) fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn leading_blanks(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(text.len())
}

pub(super) fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// A number that may have separators between groups of three digits: `1,234,567`.
pub(super) fn grouped_number(word: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    let mut digits = 0_u8;
    let mut separator = None;
    let mut rest = word;
    while let Some((byte, after)) = rest.split_first() {
        if byte.is_ascii_digit() {
            if separator.is_some() && digits == 3 {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
            digits = digits.saturating_add(1);
            rest = after;
            continue;
        }
        // A no-break space takes two bytes in UTF-8.
        let (found, after) = match rest {
            [0xC2, 0xA0, after @ ..] => (&b"\xC2\xA0"[..], after),
            [0xA0, after @ ..] => (&b"\xA0"[..], after),
            [b',', after @ ..] => (&b","[..], after),
            [b'.', after @ ..] => (&b"."[..], after),
            [b'\'', after @ ..] => (&b"'"[..], after),
            _ => return None,
        };
        let first_group = separator.is_none() && (1..=3).contains(&digits);
        let further_group = separator == Some(found) && digits == 3;
        if !first_group && !further_group {
            return None;
        }
        separator = Some(found);
        digits = 0;
        rest = after;
    }
    match separator {
        None if digits == 0 => None,
        Some(_) if digits != 3 => None,
        _ => Some(value),
    }
}

/// One or two digits.
pub(super) fn two_digits(word: &[u8]) -> Option<u8> {
    if word.len() > 2 {
        return None;
    }
    u8::try_from(decimal(word)?).ok()
}

/// Text that begins with other text, whatever the case.
pub(super) fn begins(text: &[u8], with: &[u8]) -> bool {
    text.get(..with.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Text that ends with other text, whatever the case.
pub(super) fn ends(text: &[u8], with: &[u8]) -> bool {
    text.len()
        .checked_sub(with.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(with))
}

/// Where text is in other text.
pub(super) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len().max(1)).position(|at| at == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_leave_the_blanks_before_a_name() {
        let mut words = Words::new(b"  12\ta   b c ");
        assert_eq!(words.number(), Some(12));
        assert_eq!(words.next(), Some(&b"a"[..]));
        assert_eq!(words.name(), Some(&b"  b c "[..]));
        assert_eq!(words.padded_name(), Some(&b"b c "[..]));
        assert_eq!(words.by_ref().count(), 2);
        assert!(words.is_done());
        assert_eq!((words.next(), words.name()), (None, None));
    }

    #[test]
    fn separators_stand_between_groups_of_three() {
        for (word, value) in [
            ("0", Some(0)),
            ("1234567", Some(1_234_567)),
            ("1,234,567", Some(1_234_567)),
            ("1.234", Some(1234)),
            ("12'345", Some(12_345)),
            ("1\u{a0}234\u{a0}567", Some(1_234_567)),
            ("", None),
            (",123", None),
            ("1,23", None),
            ("1,2345", None),
            ("1234,567", None),
            ("1,234.567", None),
            ("1,", None),
            ("1,234,", None),
            ("12x", None),
            ("-1", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(grouped_number(word.as_bytes()), value, "{word}");
        }
        assert_eq!(grouped_number(b"9\xA0876"), Some(9876));
    }

    #[test]
    fn text_is_found_in_any_case() {
        assert!(begins(b"Total of 3", b"total ") && !begins(b"tot", b"total"));
        assert!(ends(b"x: Permission Denied", b"permission denied") && !ends(b"d", b"denied"));
        assert_eq!((find(b"a -> b", b" -> "), find(b"", b"x")), (Some(1), None));
    }
}
