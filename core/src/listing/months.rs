//! Month names, in the languages servers are found in and in their code pages.

use super::months_other::OTHER_SCRIPTS;

/// A month by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Month {
    /// 1 to 12.
    Known(u8),
    /// A month, but languages disagree which.
    Unclear,
}

/// The month a word names, abbreviated or in full, in any case. A full stop or a comma behind it is no part of it.
pub(super) fn month(word: &[u8]) -> Option<Month> {
    if let Some(month) = english(word) {
        return Some(Month::Known(month));
    }
    let word = word
        .strip_suffix(b".")
        .or_else(|| word.strip_suffix(b","))
        .unwrap_or(word);
    let mut buffer = [0; LONGEST];
    let skeleton = skeleton(word, &mut buffer)?;
    let found = if skeleton == b"*" {
        look_up(&OTHER_SCRIPTS, word)
    } else {
        look_up(&LATIN, skeleton)
    };
    found.map(|number| match number {
        0 => Month::Unclear,
        number => Month::Known(number),
    })
}

/// The three-letter English names, which is what nearly every server writes.
pub(super) fn english(word: &[u8]) -> Option<u8> {
    let [first, second, third] = word else {
        return None;
    };
    Some(match [first | 0x20, second | 0x20, third | 0x20] {
        [b'j', b'a', b'n'] => 1,
        [b'f', b'e', b'b'] => 2,
        [b'm', b'a', b'r'] => 3,
        [b'a', b'p', b'r'] => 4,
        [b'm', b'a', b'y'] => 5,
        [b'j', b'u', b'n'] => 6,
        [b'j', b'u', b'l'] => 7,
        [b'a', b'u', b'g'] => 8,
        [b's', b'e', b'p'] => 9,
        [b'o', b'c', b't'] => 10,
        [b'n', b'o', b'v'] => 11,
        [b'd', b'e', b'c'] => 12,
        _ => return None,
    })
}

/// The longest name there is, in bytes.
const LONGEST: usize = 24;

/// Lower-case letters as they are, and each run of bytes that are not ASCII as one `*`: an accented letter is other
/// bytes in every code page, and no two months of a language differ in accents alone.
fn skeleton<'b>(word: &[u8], buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let mut length = 0;
    let mut accent = false;
    for byte in word {
        let byte = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => byte.to_ascii_lowercase(),
            0x80.. if accent => continue,
            0x80.. => b'*',
            _ => return None,
        };
        accent = byte == b'*';
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    buffer.get(..length)
}

type Table = [(&'static [u8], u8)];

fn look_up(table: &Table, name: &[u8]) -> Option<u8> {
    let at = table
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    table.get(at).map(|(_, month)| *month)
}

/// Skeletons, sorted. Month 0: the languages disagree.
#[rustfmt::skip]
const LATIN: [(&[u8], u8); 209] = [
    (b"*ec", 7), (b"*en", 6), (b"*g*", 8), (b"*j", 10), (b"*no", 2), (b"*pr", 4), (b"*ub", 2), (b"a*u", 8),
    (b"abe", 12), (b"abr", 4), (b"abril", 4), (b"abu", 8), (b"ag", 8), (b"ago", 8), (b"agosto", 8), (b"ags", 8),
    (b"agu", 8), (b"ao*", 8), (b"ao*t", 8), (b"aout", 8), (b"api", 4), (b"apr", 4), (b"april", 4), (b"aprile", 4),
    (b"ara", 12), (b"aug", 8), (b"august", 8), (b"augustus", 8), (b"avg", 8), (b"avr", 4), (b"avril", 4),
    (b"aza", 11), (b"b*e", 3), (b"bal", 4), (b"bir*", 6), (b"cze", 6), (b"d*c", 12), (b"d*cembre", 12), (b"dec", 12),
    (b"december", 12), (b"des", 12), (b"dets", 12), (b"dez", 12), (b"dezember", 12), (b"dezembro", 12), (b"dic", 12),
    (b"dicembre", 12), (b"diciembre", 12), (b"dub", 4), (b"eka", 6), (b"eki", 10), (b"elo", 8), (b"ene", 1),
    (b"enero", 1), (b"eyl", 9), (b"f*v", 2), (b"f*vr", 2), (b"f*vrier", 2), (b"feb", 2), (b"febbraio", 2),
    (b"feber", 2), (b"febr", 2), (b"febrero", 2), (b"februar", 2), (b"februari", 2), (b"february", 2), (b"fev", 2),
    (b"fevereiro", 2), (b"geg", 5), (b"gen", 1), (b"gennaio", 1), (b"giu", 6), (b"giugno", 6), (b"grd", 12),
    (b"gru", 12), (b"haz", 6), (b"hein*", 7), (b"helmi", 2), (b"huhti", 4), (b"ian", 1), (b"ira", 9), (b"iul", 7),
    (b"iun", 6), (b"j*l", 7), (b"j*n", 6), (b"j*nner", 1), (b"jaan", 1), (b"jan", 1), (b"janeiro", 1), (b"januar", 1),
    (b"januari", 1), (b"january", 1), (b"janv", 1), (b"janvier", 1), (b"joulu", 12), (b"juil", 7), (b"juillet", 7),
    (b"juin", 6), (b"jul", 7), (b"julho", 7), (b"juli", 7), (b"julio", 7), (b"july", 7), (b"jun", 6), (b"june", 6),
    (b"junho", 6), (b"juni", 6), (b"junio", 6), (b"juny", 6), (b"juuli", 7), (b"juuni", 6), (b"kas", 11),
    (b"kes*", 6), (b"kol", 8), (b"kov", 3), (b"kv*", 5), (b"kwi", 4), (b"lap", 11), (b"led", 1), (b"liep", 7),
    (b"lip", 0), (b"lis", 0), (b"loka", 10), (b"lug", 7), (b"luglio", 7), (b"lut", 2), (b"m*j", 5), (b"m*r", 3),
    (b"m*rc", 3), (b"m*rts", 3), (b"m*rz", 3), (b"ma*", 5), (b"maalis", 3), (b"maart", 3), (b"mag", 5),
    (b"maggio", 5), (b"mai", 5), (b"maig", 5), (b"maijs", 5), (b"maio", 5), (b"maj", 5), (b"mar", 3), (b"mar*", 3),
    (b"mar*o", 3), (b"march", 3), (b"marras", 11), (b"mars", 3), (b"marts", 3), (b"marzo", 3), (b"may", 5),
    (b"mayo", 5), (b"mei", 5), (b"mrt", 3), (b"mrz", 3), (b"n*v", 11), (b"nis", 4), (b"noi", 11), (b"nov", 11),
    (b"november", 11), (b"novembre", 11), (b"novembro", 11), (b"noviembre", 11), (b"o*u", 3), (b"oca", 1),
    (b"oct", 10), (b"october", 10), (b"octobre", 10), (b"octubre", 10), (b"okt", 10), (b"oktober", 10), (b"ots", 2),
    (b"ott", 10), (b"ottobre", 10), (b"out", 10), (b"outubro", 10), (b"pa*", 10), (b"pro", 12), (b"rgp", 8),
    (b"rgs", 9), (b"ruj", 9), (b"saus", 1), (b"sep", 9), (b"sept", 9), (b"september", 9), (b"septembre", 9),
    (b"set", 9), (b"setembro", 9), (b"settembre", 9), (b"sie", 8), (b"sij", 1), (b"spa", 10), (b"srp", 0),
    (b"stu", 11), (b"sty", 1), (b"svi", 5), (b"syys", 9), (b"szept", 9), (b"tammi", 1), (b"tem", 7), (b"touko", 5),
    (b"tra", 4), (b"urr", 10), (b"urt", 1), (b"uzt", 7), (b"vas", 2), (b"veebr", 2), (b"velj", 2), (b"wrz", 9),
    (b"z*", 9),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn known(word: &[u8]) -> Option<u8> {
        match month(word)? {
            Month::Known(month) => Some(month),
            Month::Unclear => None,
        }
    }

    #[test]
    fn the_tables_are_sorted_and_within_the_buffer() {
        assert!(LATIN.is_sorted_by(|a, b| a.0 < b.0));
        assert!(OTHER_SCRIPTS.is_sorted_by(|a, b| a.0 < b.0));
        for (name, month) in LATIN.iter().chain(&OTHER_SCRIPTS) {
            assert!(name.len() <= LONGEST && *month <= 12);
        }
    }

    #[test]
    fn english_in_any_case_and_length() {
        for (at, names) in [
            "Jan january",
            "FEB February",
            "mar March",
            "Apr april",
            "May MAY",
            "jun June",
            "jul July",
            "Aug August",
            "Sep sept September",
            "Oct october",
            "nov November",
            "Dec. december",
        ]
        .iter()
        .enumerate()
        {
            for name in names.split(' ') {
                assert_eq!(known(name.as_bytes()), u8::try_from(at + 1).ok(), "{name}");
            }
        }
        for word in ["", "ja", "janu", "1", "jan1", "Jan-", "xyz", "."] {
            assert_eq!(month(word.as_bytes()), None, "{word}");
        }
    }

    /// Three letters are enough, and no others will do.
    #[test]
    fn short_english_names() {
        let names = "jan feb mar apr may jun jul aug sep oct nov dec";
        for (name, number) in names.split(' ').zip(1_u8..) {
            assert_eq!(english(name.as_bytes()), Some(number));
            assert_eq!(english(name.to_ascii_uppercase().as_bytes()), Some(number));
        }
        for name in ["ja", "janu", "jax", "", "\u{e9}t"] {
            assert_eq!(english(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn other_languages_in_their_code_pages() {
        for (word, number) in [
            (&b"M\xC3\xA4r"[..], 3),
            (b"M\xE4r", 3),
            (b"M\x84rz", 3),
            (b"Okt.", 10),
            (b"Dez", 12),
            (b"f\xC3\xA9vr.", 2),
            (b"ao\xFBt", 8),
            (b"d\xE9c.", 12),
            (b"juil", 7),
            (b"ene", 1),
            (b"ago", 8),
            (b"dic", 12),
            (b"gen", 1),
            (b"giu", 6),
            (b"ott", 10),
            (b"fev", 2),
            (b"set", 9),
            (b"mrt", 3),
            (b"mei", 5),
            (b"maj", 5),
            (b"kwi", 4),
            (b"pa\xBC", 10),
            (b"kv\xC4\x9B", 5),
            (b"\xE8en", 6),
            (b"\xE8ec", 7),
            (b"szept", 9),
            (b"A\xC4\x9Fu", 8),
            (b"hein\xE4", 7),
            ("янв".as_bytes(), 1),
            (b"\xFF\xED\xE2", 1),
            (b"\xD1\xCE\xD7", 1),
            ("Μαΐ".as_bytes(), 5),
        ] {
            assert_eq!(known(word), Some(number), "{}", word.escape_ascii());
        }
    }

    #[test]
    fn what_languages_disagree_on_is_unclear() {
        for word in ["lip", "Lis", "srp"] {
            assert_eq!(month(word.as_bytes()), Some(Month::Unclear));
        }
    }
}
