//! A session that is lent.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ftp_proto::pipe::Error;
use ftp_proto::pool::leaves_traces;
use ftp_proto::rules::login::Login;
use ftp_proto::{Event, Instant};

use super::shared::{Idle, Shared};
use crate::client::Client;
use crate::runtime::{Runtime, Smol};

/// A session lent by a [`Pool`](crate::Pool); it goes back when it is dropped.
pub struct PooledClient<R: Runtime + Clone = Smol> {
    /// Taken when it goes back.
    client: Option<Box<Client<R>>>,
    mark: Arc<Mark>,
    shared: Arc<Shared<R>>,
    /// It was used last then, and not now.
    used: Option<Instant>,
}

impl<R: Runtime + Clone> PooledClient<R> {
    pub(super) fn new(client: Box<Client<R>>, shared: &Arc<Shared<R>>) -> Self {
        PooledClient {
            mark: client.mark.clone().unwrap_or_default(),
            client: Some(client),
            shared: Arc::clone(shared),
            used: None,
        }
    }

    /// QUIT, and the end of this session; the pool may open another one.
    ///
    /// # Errors
    /// What ended the session otherwise.
    pub async fn quit(mut self) -> Result<(), Error> {
        match self.client.take() {
            Some(client) => client.quit().await,
            None => Err(Error::session_over()),
        }
    }

    /// It goes back as one that was used last at `used`.
    pub(super) fn unused_since(mut self, used: Instant) {
        self.used = Some(used);
    }

    /// Closes it at once.
    pub(super) fn end(mut self) {
        self.client = None;
    }

    /// Whether the next one may have it: it is the session that was lent, it is as it was after the login, and nothing is under way.
    fn is_as_lent(&self, client: &Client<R>) -> bool {
        let same = client.mark.as_ref().map(Arc::as_ptr) == Some(Arc::as_ptr(&self.mark));
        same && !self.mark.traces.load(Ordering::SeqCst)
            && client.pump.engine.is_at_rest()
            && client.session().login == Login::In
    }
}

impl<R: Runtime + Clone> Deref for PooledClient<R> {
    type Target = Client<R>;

    fn deref(&self) -> &Client<R> {
        match &self.client {
            Some(client) => client,
            None => unreachable!("taken by those who take the whole"),
        }
    }
}

impl<R: Runtime + Clone> DerefMut for PooledClient<R> {
    fn deref_mut(&mut self) -> &mut Client<R> {
        match &mut self.client {
            Some(client) => client,
            None => unreachable!("taken by those who take the whole"),
        }
    }
}

impl<R: Runtime + Clone> Drop for PooledClient<R> {
    fn drop(&mut self) {
        let back = self.client.take().filter(|client| self.is_as_lent(client));
        let back = back.map(|mut client| {
            client
                .pump
                .engine
                .tell_progress(self.shared.settings.progress());
            client
        });
        let used = self.used;
        self.shared.with(|state, now| match back {
            Some(client) => state.come_back(Idle {
                client,
                used: used.unwrap_or(now),
                heard: now,
            }),
            None => state.end(now),
        });
    }
}

impl<R: Runtime + Clone + fmt::Debug> fmt::Debug for PooledClient<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledClient").field(&self.client).finish()
    }
}

/// What a session of a pool carries: whose it is, and whether it is still as it was.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    traces: AtomicBool,
}

impl Mark {
    /// Looks at what is sent after the login.
    pub(super) fn note(&self, event: &Event<'_>) {
        if let Event::Sent { verb, .. } = event
            && leaves_traces(*verb)
        {
            self.traces.store(true, Ordering::SeqCst);
        }
    }

    /// From here on what is sent counts: the session is up.
    pub(super) fn begin(&self) {
        self.traces.store(false, Ordering::SeqCst);
    }
}
