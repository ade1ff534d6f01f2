//! What the tests of storages share.

use ftp_proto::server::{Refused, VirtualPath, WriteMode};

use super::storage::{Storage, Write};

pub(super) fn path(text: &str) -> VirtualPath {
    VirtualPath::root().join(text.as_bytes()).unwrap()
}

pub(super) async fn read_all(
    storage: &dyn Storage,
    name: &str,
    offset: u64,
) -> Result<Vec<u8>, Refused> {
    let mut source = storage.read(&path(name), offset).await?;
    let (mut all, mut buffer) = (Vec::new(), vec![0; 7]);
    loop {
        let count;
        (buffer, count) = source.read(buffer).await?;
        if count == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&buffer[..count]);
    }
}

pub(super) async fn write_all(
    storage: &dyn Storage,
    name: &str,
    mode: WriteMode,
    contents: &[u8],
) -> Result<(), Refused> {
    let mut sink = storage.write(&path(name), Write::new(mode)).await?;
    for piece in contents.chunks(1000) {
        sink.write(piece.to_vec(), piece.len()).await?;
    }
    sink.commit().await
}
