//! Giving up from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::{Registry, Waker};

use crate::net::CANCEL;

/// Gives up what a client is doing, from another thread. Clones act on the same client.
///
/// The call under way returns [`Error::Cancelled`](crate::Error::Cancelled), within about a second even if the peer is silent; a running transfer is
/// aborted with ABOR. If no call is under way, the next one is given up. One handle serves one client at a time.
///
/// ```no_run
/// use std::time::Duration;
/// use ftp_proto_blocking::{CancelHandle, Client};
///
/// let cancel = CancelHandle::new();
/// let builder = Client::builder().cancel_handle(&cancel);
/// std::thread::spawn(move || {
///     std::thread::sleep(Duration::from_secs(10));
///     cancel.cancel();
/// });
/// let mut client = builder.connect("ftp.example.org", 21)?;
/// # Ok::<(), ftp_proto_blocking::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelHandle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl CancelHandle {
    /// A handle to be given to [`Builder::cancel_handle`](crate::Builder::cancel_handle).
    #[must_use]
    pub fn new() -> Self {
        CancelHandle::default()
    }

    /// Gives up the call under way, or the next one.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        if let Some(waker) = &*self.waker() {
            // A client that cannot be woken still looks at the flag when its deadline comes.
            let _ = waker.wake();
        }
    }

    /// From here on the client that polls `registry` is woken.
    pub(crate) fn attach(&self, registry: &Registry) -> std::io::Result<()> {
        *self.waker() = Some(Waker::new(registry, CANCEL)?);
        Ok(())
    }

    /// Whether it was cancelled; the wish is fulfilled by asking.
    pub(crate) fn take(&self) -> bool {
        self.0.cancelled.swap(false, Ordering::SeqCst)
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.0.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
