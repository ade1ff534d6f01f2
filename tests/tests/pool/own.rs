//! The embedded server, with files for those who are lent its sessions.

use super::embedded::Embedded;
pub(crate) use super::embedded::{PASSWORD, USER};
use ftp_proto_async::server::{Builder, MemoryStorage};

pub(crate) fn start(settings: impl FnOnce(Builder) -> Builder) -> Embedded {
    let storage = MemoryStorage::new();
    for number in 0..40 {
        storage
            .insert(format!("f{number}"), vec![number; 4096])
            .unwrap();
    }
    storage.insert("dir/inner", "inside").unwrap();
    storage.insert("big", vec![7; 8 << 20]).unwrap();
    Embedded::start(storage, settings)
}
