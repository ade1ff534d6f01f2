//! Our own server, on a thread of the test that needs one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ftp_proto::server::Security;
use ftp_proto_async::server::{Account, Builder, Handle, Server, Storage, Users};

/// Its only user, who may write.
pub(crate) const USER: &str = "alice";
/// The user's password.
pub(crate) const PASSWORD: &str = "open sesame";

/// A server with one user, in clear text, gone when dropped.
pub(crate) struct Embedded {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts it over a storage.
    pub(crate) fn start(
        storage: impl Storage + 'static,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Embedded {
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
        Embedded {
            addr,
            handle,
            thread: Some(thread),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.handle.shutdown(Duration::ZERO);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
