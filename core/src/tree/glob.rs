//! Patterns for names, matched in linear time.

use alloc::vec::Vec;

/// A pattern for paths below the root of a tree.
///
/// `*` stands for any characters but `/`, `?` for one of them, `[a-z]` and `[!a-z]` for one of a set, `**` for anything, and `**/` for any
/// directories or none. `\` takes the next character as it is. A pattern without `/` is for names at any depth; one with a `/` is for whole
/// paths. A `/` at its end makes it a pattern for directories only.
///
/// The time to match is at most the length of the pattern times that of the path, whatever they are: no pattern goes back.
///
/// ```
/// use ftp_proto::tree::Pattern;
///
/// let texts = Pattern::new("*.txt");
/// assert!(texts.matches(b"a/b/read me.txt", false) && !texts.matches(b"a.txt/b", false));
/// assert!(Pattern::new("/doc/**/*.html").matches(b"doc/index.html", false));
/// assert!(Pattern::new("cache/").matches(b"x/cache", true));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    tokens: Vec<Token>,
    /// For whole paths, and not for names.
    is_path: bool,
    only_directories: bool,
    fold: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Token {
    One(u32),
    /// Any one but `/`.
    Any,
    Set {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
    /// Any run without `/`.
    Run,
    /// Anything.
    All,
    /// Where directories may begin: none are, or the next token takes them.
    Deep,
    /// Inside of these directories.
    Directories,
}

const SLASH: u32 = '/' as u32;

impl Pattern {
    /// Reads a pattern. Every text is one: a set that does not end stands for `[`.
    #[must_use]
    pub fn new(pattern: impl AsRef<[u8]>) -> Pattern {
        Pattern::read(pattern.as_ref(), false)
    }

    /// Reads a pattern that takes `A` and `a` for the same, in all of Unicode.
    #[must_use]
    pub fn without_case(pattern: impl AsRef<[u8]>) -> Pattern {
        Pattern::read(pattern.as_ref(), true)
    }

    fn read(pattern: &[u8], fold: bool) -> Pattern {
        let mut characters: Vec<u32> = characters(pattern, fold).collect();
        let only_directories = characters.last() == Some(&SLASH);
        if only_directories {
            characters.pop();
        }
        let is_path = characters.contains(&SLASH);
        let mut rest = characters.as_slice();
        if let [SLASH, after @ ..] = rest {
            rest = after;
        }
        let mut tokens = Vec::new();
        while let Some((token, after)) = next_token(rest, tokens.last()) {
            if matches!(token, Token::Deep) {
                tokens.push(Token::Deep);
                tokens.push(Token::Directories);
            } else if token != Token::All || tokens.last() != Some(&Token::All) {
                tokens.push(token);
            }
            rest = after;
        }
        Pattern {
            tokens,
            is_path,
            only_directories,
            fold,
        }
    }

    /// Whether the pattern is for this path: components with `/` between them, none in front.
    #[must_use]
    pub fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        if self.only_directories && !is_directory {
            return false;
        }
        let text = if self.is_path {
            path
        } else {
            path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
        };
        // One flag for each place in the pattern, all of them moved on together.
        let mut places = Places::new(self.tokens.len());
        places.enter(0, &self.tokens);
        for character in characters(text, self.fold) {
            places.advance(character, &self.tokens);
            if places.is_empty() {
                return false;
            }
        }
        places.is_at_end()
    }
}

/// Where in a pattern a match may be.
struct Places {
    now: Vec<bool>,
    next: Vec<bool>,
}

impl Places {
    fn new(tokens: usize) -> Self {
        Places {
            now: alloc::vec![false; tokens + 1],
            next: alloc::vec![false; tokens + 1],
        }
    }

    /// At this place, and wherever one comes from there without a character.
    fn enter(&mut self, place: usize, tokens: &[Token]) {
        // The way from a place to those behind it is a line, but for `Deep`, which has two ends; both lie ahead.
        let mut also = None;
        let mut at = place;
        loop {
            if let Some(flag) = self.now.get_mut(at) {
                *flag = true;
            }
            match tokens.get(at) {
                Some(Token::Run | Token::All) => at += 1,
                Some(Token::Deep) => {
                    also = Some(at + 1);
                    at += 2;
                }
                _ => break,
            }
        }
        if let Some(flag) = also.and_then(|also| self.now.get_mut(also)) {
            *flag = true;
        }
    }

    fn advance(&mut self, character: u32, tokens: &[Token]) {
        core::mem::swap(&mut self.now, &mut self.next);
        self.now.fill(false);
        for (at, token) in tokens.iter().enumerate() {
            if self.next.get(at) != Some(&true) {
                continue;
            }
            match token {
                Token::One(one) if *one == character => self.enter(at + 1, tokens),
                Token::Any if character != SLASH => self.enter(at + 1, tokens),
                Token::Set { negated, ranges } if character != SLASH => {
                    let inside = ranges
                        .iter()
                        .any(|(first, last)| (*first..=*last).contains(&character));
                    if inside != *negated {
                        self.enter(at + 1, tokens);
                    }
                }
                Token::Run if character != SLASH => self.enter(at, tokens),
                Token::All => self.enter(at, tokens),
                Token::Directories => {
                    if let Some(flag) = self.now.get_mut(at) {
                        *flag = true;
                    }
                    if character == SLASH {
                        self.enter(at + 1, tokens);
                    }
                }
                _ => {}
            }
        }
    }

    fn is_empty(&self) -> bool {
        !self.now.contains(&true)
    }

    fn is_at_end(&self) -> bool {
        self.now.last() == Some(&true)
    }
}

fn next_token<'a>(rest: &'a [u32], before: Option<&Token>) -> Option<(Token, &'a [u32])> {
    const STAR: u32 = '*' as u32;
    const BACKSLASH: u32 = '\\' as u32;
    const QUESTION: u32 = '?' as u32;
    const BRACKET: u32 = '[' as u32;
    let at_start = matches!(before, None | Some(Token::One(SLASH) | Token::Directories));
    match rest {
        [] => None,
        [STAR, STAR, SLASH, after @ ..] if at_start => Some((Token::Deep, after)),
        [STAR, STAR, after @ ..] => Some((Token::All, after)),
        [STAR, after @ ..] => Some((Token::Run, after)),
        [QUESTION, after @ ..] => Some((Token::Any, after)),
        [BACKSLASH, one, after @ ..] => Some((Token::One(*one), after)),
        [BRACKET, after @ ..] => Some(set(after).unwrap_or((Token::One(BRACKET), after))),
        [one, after @ ..] => Some((Token::One(*one), after)),
    }
}

/// What stands behind `[`; `None` if it does not end.
fn set(rest: &[u32]) -> Option<(Token, &[u32])> {
    const END: u32 = ']' as u32;
    const DASH: u32 = '-' as u32;
    let (negated, mut rest) = match rest {
        [first, after @ ..] if *first == '!' as u32 || *first == '^' as u32 => (true, after),
        _ => (false, rest),
    };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            // Right at the beginning it is one of the set.
            [END, after @ ..] if !ranges.is_empty() => {
                return Some((Token::Set { negated, ranges }, after));
            }
            [first, DASH, last, after @ ..] if *last != END => {
                ranges.push((*first, *last));
                after
            }
            [one, after @ ..] => {
                ranges.push((*one, *one));
                after
            }
            [] => return None,
        };
    }
}

/// Characters as numbers; bytes that are no UTF-8 have numbers of their own.
fn characters(text: &[u8], fold: bool) -> impl Iterator<Item = u32> + '_ {
    text.utf8_chunks().flat_map(move |chunk| {
        let valid = chunk.valid().chars().map(move |character| {
            if fold {
                folded(character)
            } else {
                character as u32
            }
        });
        // Beyond the last character there is.
        let invalid = chunk.invalid().iter();
        valid.chain(invalid.map(|byte| u32::from_be_bytes([1, 0, 0, *byte])))
    })
}

/// A character without its case. Those that become several stay as they are.
fn folded(character: char) -> u32 {
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one as u32,
        _ => character as u32,
    }
}

/// A name without its case: two that agree here fall together where cases are not told apart.
pub(super) fn fold_name(name: &[u8]) -> Vec<u32> {
    characters(name, true).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).matches(path.as_bytes(), false)
    }

    #[test]
    fn names_and_paths() {
        for (pattern, path, expected) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "x/a", true),
            ("a", "ab", false),
            ("*", "x/y", true),
            ("*.c", "a/b.c", true),
            ("*.c", "a.c/b", false),
            ("/a", "a", true),
            ("/a", "x/a", false),
            ("a/b", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("**/b", "b", true),
            ("**/b", "a/b", true),
            ("**/b", "a/ab", false),
            ("**/b", "x/y/b", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a/**/**/b", "a/b", true),
            ("a**/b", "ax/y/b", true),
            ("a**/b", "ab", false),
            ("?", "a", true),
            ("?", "\u{e4}", true),
            ("?", "ab", false),
            ("a/?", "a//", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("[", "[", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a/[!b]c", "a//c", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        let directories = Pattern::new("tmp/");
        assert!(directories.matches(b"a/tmp", true) && !directories.matches(b"a/tmp", false));
        assert!(Pattern::without_case("*.TXT").matches("\u{c4}.tXt".as_bytes(), false));
        assert!(Pattern::without_case("\u{e4}").matches("\u{c4}".as_bytes(), false));
        // The small form of this one is two characters: without case it is itself.
        assert!(Pattern::without_case("\u{130}").matches("\u{130}".as_bytes(), false));
        assert!(!Pattern::without_case("\u{130}").matches(b"i", false));
        assert!(!Pattern::without_case("a").matches(b"b", false));
        assert!(!Pattern::new("a").matches(b"\xff", false));
        assert!(Pattern::new("?").matches(b"\xff", false));
    }

    /// A matcher as simple as can be, which takes its time.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', b'*', rest @ ..], _) => (0..=text.len()).any(|n| slow(rest, &text[n..])),
            ([b'*', rest @ ..], _) => {
                let run = text.iter().take_while(|byte| **byte != b'/').count();
                (0..=run).any(|n| slow(rest, &text[n..]))
            }
            ([b'?', rest @ ..], [byte, after @ ..]) => *byte != b'/' && slow(rest, after),
            ([one, rest @ ..], [byte, after @ ..]) => one == byte && slow(rest, after),
            _ => false,
        }
    }

    /// All patterns and paths of a few letters.
    #[test]
    fn agrees_with_a_slow_matcher() {
        fn all(alphabet: &[u8], longest: usize) -> Vec<Vec<u8>> {
            let mut words = alloc::vec![Vec::new()];
            let mut from = 0;
            for _ in 0..longest {
                let end = words.len();
                for at in from..end {
                    for byte in alphabet {
                        let mut word = words[at].clone();
                        word.push(*byte);
                        words.push(word);
                    }
                }
                from = end;
            }
            words
        }
        let texts = all(b"ab/", 5);
        let mut count = 0;
        for pattern in all(b"a*?/", 5) {
            // `**/`, and slashes at either end, mean more than their characters.
            let odd = pattern.windows(3).any(|three| three == b"**/")
                || pattern.starts_with(b"/")
                || pattern.ends_with(b"/")
                || !pattern.contains(&b'/');
            if odd {
                continue;
            }
            let compiled = Pattern::new(&pattern);
            for text in &texts {
                count += 1;
                assert_eq!(
                    compiled.matches(text, false),
                    slow(&pattern, text),
                    "{} {}",
                    pattern.escape_ascii(),
                    text.escape_ascii()
                );
            }
        }
        assert!(count > 50_000, "{count}");
    }

    /// Patterns that take ages where a matcher goes back: counted in steps, not in seconds.
    #[test]
    fn no_pattern_takes_long() {
        let text = alloc::vec![b'a'; 4096];
        for piece in ["a*", "**a", "*", "?*", "[ab]*", "**/", "a**/"] {
            let pattern = Pattern::new(piece.repeat(200) + "b");
            assert!(pattern.tokens.len() <= 3 * 200 + 1);
            assert!(!pattern.matches(&text, false));
        }
    }
}
