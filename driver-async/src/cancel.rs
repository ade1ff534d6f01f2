//! Giving up from elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// Gives up what a client is doing, from another task or thread. Clones act on the same client.
///
/// The call under way returns [`Error::Cancelled`](crate::Error::Cancelled), within about a second even if the peer is silent; a running transfer is
/// aborted with ABOR. If no call is under way, the next one is given up. One handle serves one client at a time. Dropping the future of a
/// call does nearly the same, without waiting for the server.
///
/// ```no_run
/// use std::time::Duration;
/// use ftp_proto_async::{CancelHandle, Client};
///
/// # smol::block_on(async {
/// let cancel = CancelHandle::new();
/// let builder = Client::builder().cancel_handle(&cancel);
/// std::thread::spawn(move || {
///     std::thread::sleep(Duration::from_secs(10));
///     cancel.cancel();
/// });
/// let mut client = builder.connect("ftp.example.org", 21).await?;
/// # Ok::<(), ftp_proto_async::Error>(())
/// # })?;
/// # Ok::<(), ftp_proto_async::Error>(())
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
        if let Some(waker) = self.waker().take() {
            waker.wake();
        }
    }

    /// From here on this task is woken.
    pub(crate) fn attach(&self, waker: &Waker) {
        match &mut *self.waker() {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Whether it was cancelled; the wish is fulfilled by asking.
    pub(crate) fn take(&self) -> bool {
        self.0.cancelled.swap(false, Ordering::SeqCst)
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.0.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
