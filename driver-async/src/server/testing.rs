//! What the tests of storages share.

use super::VirtualPath;
use super::storage::{Storage, StorageError, Upload};

pub(super) fn path(text: &str) -> VirtualPath {
    let names = text.split('/').filter(|name| !name.is_empty());
    VirtualPath::from_components(names.map(|name| name.as_bytes().to_vec()).collect())
}

pub(super) async fn read_all(
    storage: &dyn Storage,
    name: &str,
    offset: u64,
) -> Result<Vec<u8>, StorageError> {
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
    upload: Upload,
    contents: &[u8],
) -> Result<(), StorageError> {
    let mut sink = storage.write(&path(name), upload).await?;
    for piece in contents.chunks(1000) {
        sink.write(piece.to_vec(), piece.len()).await?;
    }
    sink.commit().await
}
