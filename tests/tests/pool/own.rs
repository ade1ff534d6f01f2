//! The embedded server on a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ftp_proto::server::Security;
use ftp_proto_async::server::{Account, Builder, Handle, MemoryStorage, Server, Users};

/// A server with the user `alice`, in clear text, gone when dropped.
pub(crate) struct Own {
    pub(crate) addr: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "open sesame";

impl Own {
    pub(crate) fn start(settings: impl FnOnce(Builder) -> Builder) -> Own {
        let storage = MemoryStorage::new();
        for number in 0..40 {
            storage
                .insert(format!("f{number}"), vec![number; 4096])
                .unwrap();
        }
        storage.insert("dir/inner", "inside").unwrap();
        storage.insert("big", vec![7; 8 << 20]).unwrap();
        let account = Account::new(Arc::new(storage)).writable();
        let users = Users::new().user(USER, PASSWORD, account);
        let builder = Server::builder(users)
            .listen("127.0.0.1:0")
            .threads(1)
            .configure(|config| config.security = Security::clear());
        let server = settings(builder).build().unwrap();
        let addr = server.addresses()[0];
        let handle = server.handle();
        let thread = thread::spawn(move || smol::block_on(server.run()).unwrap());
        Own {
            addr,
            handle,
            thread: Some(thread),
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.handle.shutdown(Duration::ZERO);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
