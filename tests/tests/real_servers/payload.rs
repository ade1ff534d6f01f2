//! The files that travel.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};

/// A file, what is in it, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) size: u64,
    pub(crate) sha256: Vec<u8>,
}

impl Payload {
    /// Of a file that is there.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        let about = |error| format!("{}: {error}", path.display());
        let mut file = File::open(path).map_err(about)?;
        let mut context = Context::new(&SHA256);
        let mut buffer = vec![0; 1 << 18];
        let mut size = 0;
        loop {
            let count = file.read(&mut buffer).map_err(about)?;
            if count == 0 {
                break;
            }
            context.update(&buffer[..count]);
            size += count as u64;
        }
        Ok(Self {
            size,
            sha256: context.finish().as_ref().to_vec(),
        })
    }
}

/// A file to be sent.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) payload: Payload,
}

/// The files all cells send. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    sources: [Source; 3],
}

impl Files {
    pub(crate) fn new() -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("real-servers-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let source = |name, size| {
            let path = directory.join(name);
            write_bytes(&path, size);
            let payload = Payload::of(&path).unwrap();
            assert_eq!(payload.size, size as u64);
            Source {
                name,
                path,
                payload,
            }
        };
        let sources = [
            source("100-mb.bin", 100_000_000),
            source("1-mb.bin", 1_000_000),
            source("nothing.bin", 0),
        ];
        Self { directory, sources }
    }

    pub(crate) fn big(&self) -> &Source {
        &self.sources[0]
    }

    pub(crate) fn small(&self) -> &Source {
        &self.sources[1]
    }

    pub(crate) fn empty(&self) -> &Source {
        &self.sources[2]
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// So many bytes without a pattern, of every value, so also CR, LF and 255; other ones for another size.
pub(crate) fn bytes(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 8);
    let mut state = 0x2545_f491_4f6c_dd1d ^ size as u64;
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn write_bytes(path: &Path, size: usize) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(&bytes(size)).unwrap();
    file.flush().unwrap();
}
