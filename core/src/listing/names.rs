//! NLST: a name on each line, in whatever way the server writes it.

use alloc::vec::Vec;

use super::lines::{Found, Lines, Place};
use crate::error::Malformed;
use crate::limits::Limits;

/// Reads an answer to NLST.
///
/// Used like a [`super::Decoder`]. Servers write names bare, with `./` before them, or with the path that was asked for:
/// what is given is the bare name. The directory itself and the one above it are left out.
///
/// ```
/// use ftp_proto::listing::Names;
///
/// let mut names = Names::new(b"pub/", &ftp_proto::Limits::default());
/// let mut found = Vec::new();
/// let mut piece = &b"pub/a.txt\r\n./pub/b.txt\r\npub/.\r\nc d\r\n"[..];
/// while let Some(name) = names.decode(&mut piece) {
///     found.push(name?.to_vec());
/// }
/// while let Some(name) = names.finish() {
///     found.push(name?.to_vec());
/// }
/// assert_eq!(found, [&b"a.txt"[..], b"b.txt", b"c d"]);
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Debug)]
pub struct Names {
    lines: Lines,
    limit: usize,
    /// The directory that was asked for, without `./` before and slashes behind it.
    directory: Vec<u8>,
}

impl Names {
    /// For an answer to NLST with the argument `directory`, which may be empty.
    #[must_use]
    pub fn new(directory: &[u8], limits: &Limits) -> Names {
        let mut directory = without_here(directory);
        while let [rest @ .., b'/'] = directory {
            directory = rest;
        }
        Names {
            lines: Lines::new(limits.listing_line),
            limit: limits.listing_line,
            directory: if directory == b"." {
                Vec::new()
            } else {
                Vec::from(directory)
            },
        }
    }

    /// The next name. Takes what it needs off the beginning of `input`; `None` when all of it is taken.
    ///
    /// # Errors
    /// [`Malformed::LineTooLong`] for a line longer than the limit, [`Malformed::ControlByte`] for one with NUL or CR in
    /// it. The lines after it can be read.
    pub fn decode<'a, 'c: 'a>(
        &'a mut self,
        input: &mut &'c [u8],
    ) -> Option<Result<&'a [u8], Malformed>> {
        self.step(input, false)
    }

    /// The next name after the end of the data; `None` when there is no further one.
    ///
    /// # Errors
    /// As [`Names::decode`].
    pub fn finish(&mut self) -> Option<Result<&[u8], Malformed>> {
        self.step(&mut &[][..], true)
    }

    fn step<'a, 'c: 'a>(
        &'a mut self,
        input: &mut &'c [u8],
        is_last: bool,
    ) -> Option<Result<&'a [u8], Malformed>> {
        let place = loop {
            match self.lines.advance(input, is_last) {
                Found::Nothing => return None,
                Found::Head => {}
                Found::Line(Place::TooLong) => {
                    return Some(Err(Malformed::LineTooLong { limit: self.limit }));
                }
                Found::Line(place) => {
                    let name = bare(self.lines.line(place), &self.directory);
                    if !matches!(name, b"" | b"." | b"..") {
                        break place;
                    }
                }
            }
        };
        let line = self.lines.line(place);
        if line.iter().any(|byte| matches!(byte, b'\0' | b'\r')) {
            return Some(Err(Malformed::ControlByte));
        }
        Some(Ok(bare(line, &self.directory)))
    }
}

/// The name without `./` and the path of the directory.
fn bare<'a>(line: &'a [u8], directory: &[u8]) -> &'a [u8] {
    let name = without_here(line);
    let inside = name.strip_prefix(directory).and_then(|rest| {
        if directory.is_empty() {
            // The root: `/name`.
            return rest.strip_prefix(b"/").filter(|rest| !rest.contains(&b'/'));
        }
        rest.strip_prefix(b"/")
    });
    match inside {
        Some(rest) => without_here(rest),
        None => name,
    }
}

/// Without any `./` before it.
fn without_here(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(directory: &str, listing: &[u8], pieces: usize) -> Vec<Result<Vec<u8>, Malformed>> {
        let limits = Limits {
            listing_line: 20,
            ..Limits::default()
        };
        let mut names = Names::new(directory.as_bytes(), &limits);
        let mut found = Vec::new();
        for mut piece in listing.chunks(pieces) {
            while let Some(name) = names.decode(&mut piece) {
                found.push(name.map(<[u8]>::to_vec));
            }
        }
        while let Some(name) = names.finish() {
            found.push(name.map(<[u8]>::to_vec));
        }
        found
    }

    #[test]
    fn names_are_bare() {
        for (directory, line, name) in [
            ("", "a", "a"),
            ("", "./a", "a"),
            ("", "./././a", "a"),
            ("", " a ", " a "),
            ("", "sub/a", "sub/a"),
            ("", "/a", "a"),
            ("", "/sub/a", "/sub/a"),
            (".", "./a", "a"),
            ("pub", "pub/a", "a"),
            ("pub", "pub/./a", "a"),
            ("pub", "pub", "pub"),
            ("pub", "pub2/a", "pub2/a"),
            ("pub", "a", "a"),
            ("./pub//", "pub/a", "a"),
            ("/a/b", "/a/b/c", "c"),
            ("/", "/c", "c"),
            ("", "./..a", "..a"),
        ] {
            let found = read(directory, line.as_bytes(), 100);
            assert_eq!(found, [Ok(name.as_bytes().to_vec())], "{directory} {line}");
        }
        for line in ["", ".", "..", "./", "./.", "./..", "\r"] {
            assert_eq!(read("", line.as_bytes(), 100), [], "{line}");
        }
        assert_eq!(
            read("d", b"d/.\r\nd/..\r\nd/x\r\n", 100),
            [Ok(b"x".to_vec())]
        );
    }

    #[test]
    fn any_pieces_give_the_same_names() {
        let listing = b"./a\r\n\nb\r\r\nc\0d\r\nover twenty bytes long\r\ne\rf\nlast";
        let whole = read("", listing, 1000);
        assert_eq!(
            whole,
            [
                Ok(b"a".to_vec()),
                Ok(b"b".to_vec()),
                Err(Malformed::ControlByte),
                Err(Malformed::LineTooLong { limit: 20 }),
                Err(Malformed::ControlByte),
                Ok(b"last".to_vec()),
            ]
        );
        for pieces in 1..listing.len() {
            assert_eq!(read("", listing, pieces), whole);
        }
    }
}
