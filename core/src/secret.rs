//! The one type for passwords and accounts, and the one place that masks what a peer repeats of them.

use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::wire::reply::Escaped;

/// Bytes that appear in PASS and ACCT and nowhere else: not in `Debug`, events, errors or traces. Overwritten when dropped.
///
/// ```
/// use ftp_proto::Secret;
/// let secret = Secret::new(b"hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(****)");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps a copy of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Secret(bytes.to_vec())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, for the one place that writes them to the wire.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The secrets of one session, to be masked where a peer repeats them in a text.
///
/// What is masked is text, which is for people: replies in events, failures, evidence, records, lines of a log. A value that was read from
/// it (a path, a name, a size, a digest) stays as it is, and a machine decides by what came.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Secrets {
    known: VecDeque<Secret>,
    /// The first bytes, and those behind them: every text is searched, and next to none has anything to be found.
    beginnings: [Bytes; 2],
}

/// Some of the 256 bytes: a bit for each.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Bytes([u64; 4]);

impl Bytes {
    fn insert(&mut self, byte: u8) {
        if let Some(bits) = self.0.get_mut(usize::from(byte / 64)) {
            *bits |= 1 << (byte % 64);
        }
    }

    fn has(&self, byte: u8) -> bool {
        let bits = self.0.get(usize::from(byte / 64));
        bits.is_some_and(|bits| bits >> (byte % 64) & 1 == 1)
    }
}

/// What is shown in place of a secret.
const MASK: &[u8] = b"****";

impl Secrets {
    /// Bytes of the shortest secret that is masked. What is shorter is a word or a number of every reply, and a mask on a well-known word
    /// would tell the secret rather than hide it.
    pub(crate) const SHORTEST: usize = 6;

    /// A session has one password and an account; a peer that tries many is remembered by its last.
    const MOST: usize = 8;

    /// From here on `secret` is masked, as it is and as [`Escaped`] shows it. False if it was before, or never will be.
    pub(crate) fn learn(&mut self, secret: &Secret) -> bool {
        if secret.expose().len() < Self::SHORTEST {
            return false;
        }
        let mut new = self.remember(secret.expose());
        let escaped = Escaped::new(secret.expose()).to_string();
        if escaped.as_bytes() != secret.expose() {
            new |= self.remember(escaped.as_bytes());
        }
        new
    }

    fn remember(&mut self, bytes: &[u8]) -> bool {
        if self.known.iter().any(|known| known.expose() == bytes) {
            return false;
        }
        if self.known.len() == Self::MOST {
            self.known.pop_front();
        }
        self.known.push_back(Secret::new(bytes));
        let (mut first, mut second) = (Bytes::default(), Bytes::default());
        for known in &self.known {
            if let [one, other, ..] = *known.expose() {
                first.insert(one);
                second.insert(other);
                if is_doubled(one) {
                    second.insert(one);
                }
            }
        }
        self.beginnings = [first, second];
        true
    }

    /// Where the first one is in `text`, if one is.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        if self.is_empty() {
            return None;
        }
        let [first, second] = &self.beginnings;
        let mut start = 0;
        loop {
            let rest = text.get(start..)?;
            let mut pairs = rest.windows(2);
            start += pairs.position(|pair| {
                let [one, other] = *pair else { return false };
                first.has(one) && second.has(other)
            })?;
            let rest = text.get(start..)?;
            let lengths = self
                .known
                .iter()
                .filter_map(|secret| length_at(secret, rest));
            if let Some(longest) = lengths.max() {
                return Some(start..start + longest);
            }
            start += 1;
        }
    }

    /// How long `text` is without the beginning of a secret at its end, where the rest was cut off.
    pub(crate) fn whole(&self, text: &[u8]) -> usize {
        let cut = self.known.iter().filter_map(|secret| {
            let longest = secret.expose().len().min(text.len() + 1);
            (3..longest).rev().find(|length| {
                let beginning = secret.expose().get(..*length);
                beginning.is_some_and(|beginning| text.ends_with(beginning))
            })
        });
        text.len() - cut.max().unwrap_or(0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Appends `text` to `out`, masked.
    pub(crate) fn mask_into(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut rest = text;
        while let Some(found) = self.find(rest) {
            out.extend_from_slice(rest.get(..found.start).unwrap_or_default());
            out.extend_from_slice(MASK);
            rest = rest.get(found.end..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
    }

    /// Masks `text` in place.
    pub(crate) fn mask(&self, text: &mut Vec<u8>) {
        if self.find(text).is_some() {
            let mut masked = Vec::with_capacity(text.len());
            self.mask_into(text, &mut masked);
            text.fill(0);
            *text = masked;
        }
    }
}

/// Whether a peer may say two of this byte for one: a quote in a quoted name (RFC 959 appendix II), and the byte 255, as by Telnet.
const fn is_doubled(byte: u8) -> bool {
    matches!(byte, b'"' | 0xFF)
}

/// How many bytes at the beginning of `text` are `secret`.
fn length_at(secret: &Secret, text: &[u8]) -> Option<usize> {
    let (mut wanted, mut rest) = (secret.expose(), text);
    while let Some(&byte) = wanted.first() {
        let few = run(wanted, byte, wanted.len());
        wanted = wanted.get(few..)?;
        let doubled = if is_doubled(byte) { 2 * few } else { few };
        // One more of it would not be what comes next.
        let many = run(rest, byte, doubled);
        if many < few {
            return None;
        }
        rest = rest.get(many..)?;
    }
    Some(text.len() - rest.len())
}

/// How often `byte` stands at the beginning of `text`, counted up to `most`.
fn run(text: &[u8], byte: u8, most: usize) -> usize {
    let same = text.iter().take(most).take_while(|&&other| other == byte);
    same.count()
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known.len())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        for byte in &mut self.0 {
            *byte = 0;
        }
        // Keeps the optimiser from dropping the loop above as dead stores.
        core::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(secrets: &[&[u8]], text: &[u8]) -> Vec<u8> {
        let mut known = Secrets::default();
        for secret in secrets {
            known.learn(&Secret::new(secret));
        }
        let mut text = text.to_vec();
        known.mask(&mut text);
        text
    }

    #[test]
    fn a_secret_is_masked_in_every_form_it_may_come_back_in() {
        let cases: [(&[u8], &[u8], &[u8]); 16] = [
            (b"hunter2", b"hunter2", b"****"),
            (
                b"hunter2",
                b"a hunter2, hunter2\nhunter2!",
                b"a ****, ****\n****!",
            ),
            (b"hunter2", b"Hunter2 hunter", b"Hunter2 hunter"),
            (b"hunter2", b"hunthunter2", b"hunt****"),
            (b"hunter2", b"", b""),
            (b"aaaaaab", b"aaaaaaaab", b"aa****"),
            (b"p\"q\"\"r", b"\"p\"q\"\"r\"", b"\"****\""),
            (b"p\"q\"\"r", b"\"p\"\"q\"\"\"\"r\"", b"\"****\""),
            (b"secret\"", b"is secret\"\" now", b"is **** now"),
            (b"pq\"rst", b"pq\"\"\"rst", b"pq\"\"\"rst"),
            (b"secret\"", b"secret\"\"\"", b"****\""),
            (b"\"secret", b"is \"\"secret", b"is ****"),
            (b"se\xFFcret", b"se\xFF\xFFcret se\xFFcret", b"**** ****"),
            (b"se\x1Bcret", b"se\\x1bcret", b"****"),
            (b"aabbaa", b"aabbbaa aabb", b"aabbbaa aabb"),
            (b"hunte", b"hunte is too short", b"hunte is too short"),
        ];
        for (secret, text, wanted) in cases {
            let got = masked(&[secret], text);
            assert_eq!(
                got,
                wanted,
                "{} in {}: {}",
                secret.escape_ascii(),
                text.escape_ascii(),
                got.escape_ascii()
            );
        }
    }

    #[test]
    fn of_several_secrets_the_longest_is_masked_and_the_last_ones_are_known() {
        let (short, long): (&[u8], &[u8]) = (b"hunter2", b"hunter2000");
        assert_eq!(masked(&[short, long], b"hunter2000 hunter2"), b"**** ****");
        let many: Vec<Vec<u8>> = (0..20)
            .map(|number: usize| alloc::format!("secret-{number:02}").into_bytes())
            .collect();
        let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
        assert_eq!(
            masked(&many, b"secret-00 secret-11 secret-12 secret-19"),
            b"secret-00 secret-11 **** ****"
        );
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_text_that_was_cut_is_left_out() {
        let mut known = Secrets::default();
        known.learn(&Secret::new(b"hunter2"));
        known.learn(&Secret::new(b"unterwegs"));
        let cases: [(&[u8], usize); 8] = [
            (b"is hunter", 3),
            (b"hunter", 0),
            (b"is hun", 3),
            // Two letters are no secret; a whole one is masked by others.
            (b"is hu", 5),
            (b"is hunter2", 10),
            (b"hunter is", 9),
            (b"hun", 0),
            (b"", 0),
        ];
        for (text, wanted) in cases {
            assert_eq!(known.whole(text), wanted, "{}", text.escape_ascii());
        }
        // Of both the longer one.
        assert_eq!(known.whole(b"a hunterweg"), 3);
    }

    #[test]
    fn what_is_known_shows_only_how_much_it_is() {
        let mut known = Secrets::default();
        assert!(known.is_empty());
        assert_eq!(known.find(b"hunter2"), None);
        let secret = Secret::new(b"hunter2");
        assert!(!secret.is_empty() && Secret::new(b"").is_empty());
        assert!(known.learn(&secret) && !known.learn(&secret));
        assert!(!known.learn(&Secret::new(b"hunt")));
        assert!(!known.is_empty());
        assert_eq!(known.find(b"a hunter2"), Some(2..9));
        assert_eq!(
            alloc::format!("{known:?} {secret:?}"),
            "Secrets(1) Secret(****)"
        );
        // As it is, and as it is shown.
        assert!(known.learn(&Secret::new(b"se\x1Bcret")));
        assert_eq!(alloc::format!("{known:?}"), "Secrets(3)");
    }

    #[test]
    fn a_secret_is_found_whatever_byte_it_begins_with() {
        for first in 0..=u8::MAX {
            let secret = [&[first][..], b"ecret"].concat();
            // In front of it every byte that it does not begin with.
            let others: Vec<u8> = (0..=u8::MAX).filter(|other| *other != first).collect();
            let text = [&others[..], &secret, b"!"].concat();
            let wanted = [&others[..], b"****!"].concat();
            assert_eq!(masked(&[b"unterwegs", &secret], &text), wanted, "{first}");
        }
    }

    #[test]
    fn a_secret_is_found_whatever_byte_is_the_second_of_it() {
        for second in 0..=u8::MAX {
            let secret = [b"s", &[second][..], b"cret"].concat();
            // In front of it its first byte with every other one behind it.
            let others = (0..=u8::MAX).filter(|other| *other != second && *other != b's');
            let others: Vec<u8> = others.flat_map(|other| [b's', other]).collect();
            let text = [&others[..], &secret, b"!"].concat();
            let wanted = [&others[..], b"****!"].concat();
            assert_eq!(masked(&[b"unterwegs", &secret], &text), wanted, "{second}");
        }
    }

    #[test]
    fn a_secret_of_six_bytes_is_masked_and_a_shorter_one_with_an_escape_is_not() {
        assert_eq!(masked(&[b"secret"], b"the secret"), b"the ****");
        assert_eq!(masked(&[b"a\x1Bb"], b"a\\x1bb"), b"a\\x1bb");
    }
}
