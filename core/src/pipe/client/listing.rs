//! Listings kept in memory.

use alloc::format;
use alloc::vec::Vec;
use std::io::{self, Write};

use crate::error::Malformed;
use crate::wire::facts::Entry;

/// A listing for programs (MLSD, RFC 3659 section 7).
///
/// ```
/// use ftp_proto::pipe::Facts;
///
/// let facts = Facts::new(b"type=file;size=3; a b\r\ntype=dir; c\r\n".to_vec());
/// let sizes: Vec<_> = facts.entries().flatten().map(|entry| entry.size()).collect();
/// assert_eq!(sizes, [Some(3), None]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts(Vec<u8>);

impl Facts {
    /// The listing as it came.
    #[must_use]
    pub fn new(listing: Vec<u8>) -> Self {
        Facts(listing)
    }

    /// The entries, in the order they came. The listed directory and its parent may be among them, see
    /// [`EntryKind::is_child`](crate::wire::facts::EntryKind::is_child).
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>, Malformed>> {
        self.0
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter(|line| !line.is_empty())
            .map(Entry::parse)
    }

    /// The listing as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Memory that a listing is written to, and that ends somewhere.
#[derive(Debug)]
pub struct Kept {
    bytes: Vec<u8>,
    limit: usize,
}

impl Kept {
    /// At most `limit` bytes are kept; one more is an error of the writer.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Kept {
            bytes: Vec::new(),
            limit,
        }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            return Err(io::Error::other(format!(
                "the listing is longer than {} bytes",
                self.limit
            )));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_bounded_and_read_line_by_line() {
        let mut sink = Kept::new(8);
        assert!(sink.write_all(b"12345678").is_ok());
        assert!(sink.write_all(b"9").is_err());
        sink.flush().unwrap();
        assert_eq!(sink.into_bytes(), b"12345678");
        let facts = Facts::new(b"type=file; a b\r\ntype=dir; c\n\r\nnonsense\r\n".to_vec());
        assert!(facts.as_bytes().ends_with(b"nonsense\r\n"));
        let names: Vec<_> = facts
            .entries()
            .map(|entry| entry.map(|entry| entry.name().to_vec()))
            .collect();
        assert_eq!(
            names,
            [
                Ok(b"a b".to_vec()),
                Ok(b"c".to_vec()),
                Err(Malformed::Facts)
            ]
        );
    }
}
