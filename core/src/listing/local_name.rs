//! A name that is safe to create in a local directory.

use alloc::string::String;
use core::fmt;

/// The name of exactly one thing in one directory, on any platform.
///
/// A server chooses the names in its listings, so they may say `../../.profile`, `C:\boot.ini` or `NUL`. The rules are
/// those of all platforms together: what is a name on one and something else on another is refused on both. Whether two
/// names fall together in a file system that does not tell cases apart is not known here: create new files, never replace.
///
/// ```
/// use ftp_proto::listing::{LocalName, UnsafeName};
///
/// assert_eq!(LocalName::from_remote(b"report 7.txt")?.as_str(), "report 7.txt");
/// assert_eq!(LocalName::from_remote(b"../x"), Err(UnsafeName::Separator));
/// assert_eq!(LocalName::from_remote(b"nul.txt"), Err(UnsafeName::Device));
/// # Ok::<(), UnsafeName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalName(String);

impl LocalName {
    /// The most bytes a name has: what common file systems take.
    pub const LONGEST: usize = 255;

    /// Takes a name out of a listing.
    ///
    /// # Errors
    /// [`UnsafeName`] says which rule the name breaks; of several, the first in the order of its variants.
    pub fn from_remote(name: &[u8]) -> Result<LocalName, UnsafeName> {
        if name.is_empty() {
            return Err(UnsafeName::Empty);
        }
        if name.len() > LocalName::LONGEST {
            return Err(UnsafeName::TooLong);
        }
        if matches!(name, b"." | b"..") {
            return Err(UnsafeName::DotName);
        }
        if name.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
            return Err(UnsafeName::Separator);
        }
        if name.contains(&b':') {
            return Err(UnsafeName::Colon);
        }
        let name = core::str::from_utf8(name).map_err(|_| UnsafeName::NotUtf8)?;
        // Those of C0 and C1, and DEL.
        if name.chars().any(char::is_control) {
            return Err(UnsafeName::ControlCharacter);
        }
        if name.contains(['"', '*', '<', '>', '?', '|']) {
            return Err(UnsafeName::ReservedCharacter);
        }
        if name.ends_with(['.', ' ']) {
            return Err(UnsafeName::TrailingDotOrBlank);
        }
        if is_device(name) {
            return Err(UnsafeName::Device);
        }
        Ok(LocalName(String::from(name)))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for LocalName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<LocalName> for String {
    fn from(name: LocalName) -> String {
        name.0
    }
}

/// Why a name is not safe to create locally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnsafeName {
    /// Nothing at all.
    Empty,
    /// More than [`LocalName::LONGEST`] bytes.
    TooLong,
    /// `.` or `..`.
    DotName,
    /// A slash or a backslash.
    Separator,
    /// A colon: a drive, an alternate stream, or a separator.
    Colon,
    /// Bytes that are no UTF-8 have no name on some platforms.
    NotUtf8,
    /// A control character.
    ControlCharacter,
    /// One of `"*<>?|`, which some platforms read as a pattern.
    ReservedCharacter,
    /// A dot or a blank at the end, which some platforms drop.
    TrailingDotOrBlank,
    /// A device, with or without an extension: `NUL`, `com1.txt`.
    Device,
}

impl fmt::Display for UnsafeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnsafeName::Empty => "empty name",
            UnsafeName::TooLong => "name longer than 255 bytes",
            UnsafeName::DotName => "name of a directory itself or the one above it",
            UnsafeName::Separator => "separator in a name",
            UnsafeName::Colon => "colon in a name",
            UnsafeName::NotUtf8 => "name not in UTF-8",
            UnsafeName::ControlCharacter => "control character in a name",
            UnsafeName::ReservedCharacter => "reserved character in a name",
            UnsafeName::TrailingDotOrBlank => "dot or blank at the end of a name",
            UnsafeName::Device => "name of a device",
        })
    }
}

impl core::error::Error for UnsafeName {}

/// Whether Windows takes the name for a device: with any extension, and with blanks before that.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    if DEVICES
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device))
    {
        return true;
    }
    let mut characters = stem.chars();
    let port = [characters.next(), characters.next(), characters.next()]
        .map(|character| character.map(|character| character.to_ascii_uppercase()));
    let is_port =
        port == [Some('C'), Some('O'), Some('M')] || port == [Some('L'), Some('P'), Some('T')];
    // The raised digits count as digits there.
    let digit = matches!(
        characters.next(),
        Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}')
    );
    is_port && digit && characters.next().is_none()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::vec;
    use alloc::vec::Vec;
    use std::path::{Component, Path};

    use super::*;

    #[test]
    fn a_name_is_the_same_in_every_form() {
        let name = LocalName::from_remote(b"a b.txt").unwrap();
        assert_eq!(name.as_str(), "a b.txt");
        assert_eq!(AsRef::<str>::as_ref(&name), "a b.txt");
        assert_eq!(alloc::format!("{name}"), "a b.txt");
        assert_eq!(String::from(name), "a b.txt");
    }

    fn refusal(name: &[u8]) -> Option<UnsafeName> {
        LocalName::from_remote(name).err()
    }

    #[test]
    fn ic_19_names_that_reach_elsewhere_are_refused() {
        for (name, why) in [
            ("", UnsafeName::Empty),
            (".", UnsafeName::DotName),
            ("..", UnsafeName::DotName),
            ("../x", UnsafeName::Separator),
            ("/etc/passwd", UnsafeName::Separator),
            ("a/b", UnsafeName::Separator),
            ("a/", UnsafeName::Separator),
            ("..\\x", UnsafeName::Separator),
            ("\\\\server\\share", UnsafeName::Separator),
            ("C:", UnsafeName::Colon),
            ("c:x", UnsafeName::Colon),
            ("a.txt:stream", UnsafeName::Colon),
            ("a.txt::$DATA", UnsafeName::Colon),
            ("a\0b", UnsafeName::ControlCharacter),
            ("a\nb", UnsafeName::ControlCharacter),
            ("\u{1b}[2J", UnsafeName::ControlCharacter),
            ("\u{7f}", UnsafeName::ControlCharacter),
            ("\u{85}", UnsafeName::ControlCharacter),
            ("|id", UnsafeName::ReservedCharacter),
            ("*", UnsafeName::ReservedCharacter),
            ("...", UnsafeName::TrailingDotOrBlank),
            (".. ", UnsafeName::TrailingDotOrBlank),
            ("a.", UnsafeName::TrailingDotOrBlank),
            ("a ", UnsafeName::TrailingDotOrBlank),
            (" ", UnsafeName::TrailingDotOrBlank),
            ("nul", UnsafeName::Device),
            ("NUL.txt", UnsafeName::Device),
            ("con .x", UnsafeName::Device),
            ("aux.tar.gz", UnsafeName::Device),
            ("Com1", UnsafeName::Device),
            ("LPT9.log", UnsafeName::Device),
            ("com\u{b2}", UnsafeName::Device),
            ("CONIN$", UnsafeName::Device),
        ] {
            assert_eq!(refusal(name.as_bytes()), Some(why), "{name:?}");
        }
        assert_eq!(refusal(b"\xFF"), Some(UnsafeName::NotUtf8));
        assert_eq!(refusal(b"\xC0\xAF"), Some(UnsafeName::NotUtf8));
    }

    #[test]
    fn ordinary_names_are_taken_as_they_are() {
        for name in [
            "a",
            "-rf",
            "~",
            "~root",
            ".profile",
            "..a",
            "a b",
            " a",
            "grüße-日本.txt",
            "com",
            "com10",
            "console",
            "nul_",
            "lpt",
            "COMA",
            "a.b.c",
            "$HOME",
            "%41",
            "name;1",
            "#",
            "{}",
            "'",
            "`id`",
        ] {
            assert_eq!(
                LocalName::from_remote(name.as_bytes()).unwrap().as_str(),
                name
            );
        }
    }

    #[test]
    fn the_length_counts_bytes() {
        assert_eq!(refusal(&vec![b'a'; 255]), None);
        assert_eq!(refusal(&vec![b'a'; 256]), Some(UnsafeName::TooLong));
        assert_eq!(
            refusal("ü".repeat(128).as_bytes()),
            Some(UnsafeName::TooLong)
        );
    }

    #[test]
    fn ic_19_every_short_name_is_one_component_or_refused() {
        let alphabet = b"./\\:a C\0\n|*\xC3\xBC~N";
        let mut names: Vec<Vec<u8>> = vec![Vec::new()];
        for _ in 0..4 {
            let longer: Vec<Vec<u8>> = names
                .iter()
                .flat_map(|name| {
                    alphabet
                        .iter()
                        .map(move |byte| [&name[..], &[*byte]].concat())
                })
                .collect();
            for name in &longer {
                let Ok(local) = LocalName::from_remote(name) else {
                    continue;
                };
                assert_eq!(local.as_str().as_bytes(), name);
                let components: Vec<_> = Path::new(local.as_str()).components().collect();
                assert_eq!(components, [Component::Normal(local.as_str().as_ref())]);
                assert!(!name.iter().any(|byte| b"/\\:\0\n|*".contains(byte)));
                assert!(!name.ends_with(b".") && !name.ends_with(b" "));
            }
            names = longer;
        }
    }
}
