//! Several sessions with one server beside each other.

mod lent;
mod shared;

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use ftp_proto::Secret;
use ftp_proto::pipe::Error;
use ftp_proto::pool::{Note, QuotaLimits, Rest};

use crate::builder::Builder;
use crate::runtime::{Runtime, Smol};

pub(crate) use lent::Mark;
pub use lent::PooledClient;
use shared::{Idle, Place, Settings, Shared, Turn};

/// Sessions with one server beside each other, lent to who asks. Clones are the same pool.
///
/// All of them are made from one set of settings that never changes, and none comes in from elsewhere: whoever is lent a session gets the
/// server, user and protection the pool was told of. What comes back is lent again only if everything is known of it: a session with
/// something under way (a future was dropped), whose working directory or options were changed, or that was put in place of the one
/// lent, is closed.
///
/// When the server refuses one more session, the pool goes on with those it has, and tries again later; see [`Quota`](ftp_proto::pool::Quota). Nobody but the
/// callers does the work: there is no task in the background.
///
/// ```no_run
/// use ftp_proto_async::{Pool, Secret};
///
/// # smol::block_on(async {
/// let pool = Pool::builder("ftp.example.org", 21)
///     .login("alice", Secret::new(b"secret"))
///     .sessions(8)
///     .build()?;
/// let downloads = ["a", "b", "c"].map(|name| {
///     let pool = pool.clone();
///     smol::spawn(async move {
///         let mut client = pool.session().await?;
///         client.on_progress(move |progress| eprintln!("{name}: {} bytes", progress.bytes));
///         let mut file = smol::fs::File::create(name).await.map_err(ftp_proto_async::Error::Local)?;
///         client.retrieve(name, &mut file).await
///     })
/// });
/// for download in downloads {
///     println!("{} bytes", download.await?.bytes);
/// }
/// pool.close().await;
/// # Ok::<(), ftp_proto_async::Error>(())
/// # })?;
/// # Ok::<(), ftp_proto_async::Error>(())
/// ```
pub struct Pool<R: Runtime + Clone = Smol>(Arc<Shared<R>>);

impl Pool<Smol> {
    /// Settings for a pool.
    pub fn builder(host: impl Into<String>, port: u16) -> PoolBuilder {
        PoolBuilder {
            client: Builder::default(),
            host: host.into(),
            port,
            user: b"anonymous".to_vec(),
            password: Secret::new(b"guest@"),
            account: None,
            limits: QuotaLimits::default(),
            on_note: None,
        }
    }
}

impl<R: Runtime + Clone> Pool<R> {
    /// Lends a session that is logged in: one at rest, or a new one if there may be one more. Otherwise it waits until one comes back,
    /// in the order of the calls.
    ///
    /// The future may be dropped at any time.
    ///
    /// # Errors
    /// Those of [`Builder::connect`] and [`Client::login`](crate::Client::login); a server that has too many sessions is an error only while the pool has
    /// none, after [`QuotaLimits::patience`]. A login that was refused before one has succeeded is not tried again.
    /// [`Refusal::Closed`](ftp_proto::Refusal::Closed) after [`Pool::close`].
    pub async fn session(&self) -> Result<PooledClient<R>, Error> {
        let mut place = Place::new(&self.0);
        loop {
            let turn = poll_fn(|cx| place.poll_turn(cx)).await?;
            match turn {
                Turn::Idle(mut lent, rest) => {
                    let alive =
                        lent.catch_up().await && (rest == Rest::Use || lent.noop().await.is_ok());
                    if alive {
                        return Ok(lent);
                    }
                    // It was over, and nobody has asked anything of it: another one will do.
                    drop(lent);
                }
                Turn::Open(slot) => match slot.open().await {
                    Ok(lent) => return Ok(lent),
                    Err(None) => {}
                    Err(Some(error)) => return Err(error),
                },
            }
            place.rejoin();
        }
    }

    /// How many sessions there may be as things stand: what was asked for, or less if the server grants less.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.0.with(|state, _| state.quota.bound())
    }

    /// How many sessions there are, those that are being opened included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.with(|state, _| state.quota.count())
    }

    /// Keeps sessions at rest alive: asks each one (NOOP) when [`QuotaLimits::check_after`] has passed, and closes those that have not been
    /// used for [`QuotaLimits::keep_idle`]. For programs with pauses: to be run beside the work; without it sessions that have gone are
    /// found when they are asked for. Ends when the pool is closed.
    pub async fn keep_alive(&self) {
        loop {
            let due = self.0.with(|state, now| {
                if state.closed {
                    return None;
                }
                let rest = |idle: &Idle<R>| state.quota.rest(now, idle.used, idle.heard);
                let found = state.idle.iter().position(|idle| rest(idle) != Rest::Use);
                let next = state
                    .idle
                    .iter()
                    .map(|idle| state.quota.rests_until(idle.used, idle.heard));
                let next = next.min();
                let taken = found.map(|at| {
                    let rest = state.idle.get(at).map_or(Rest::Use, rest);
                    (state.idle.remove(at), rest)
                });
                Some((taken, next))
            });
            match due {
                None => return,
                Some((Some((idle, rest)), _)) => {
                    let mut lent = PooledClient::new(idle.client, &self.0);
                    if rest == Rest::Close || lent.noop().await.is_err() {
                        lent.end();
                    } else {
                        lent.unused_since(idle.used);
                    }
                }
                Some((None, next)) => {
                    let now = self.0.clock.now();
                    let check = self.0.with(|state, _| state.quota.limits().check_after);
                    let wait = next.map_or(check, |next| next.since(now));
                    self.0.runtime.sleep(wait).await;
                }
            }
        }
    }

    /// The end: nobody is lent a session any more, and QUIT is said on each, on those that are lent when they come back.
    pub async fn close(&self) {
        self.0.with(|state, _| state.close());
        let mut leaving: Vec<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = Vec::new();
        poll_fn(|cx| {
            for idle in self.0.with(|state, _| mem::take(&mut state.idle)) {
                let lent = PooledClient::new(idle.client, &self.0);
                leaving.push(Box::pin(async move {
                    // Whether the server hears it is its business.
                    let _ = lent.quit().await;
                }));
            }
            leaving.retain_mut(|leaving| leaving.as_mut().poll(cx).is_pending());
            self.0.with(|state, _| state.poll_empty(cx.waker()))
        })
        .await;
    }
}

impl<R: Runtime + Clone> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Pool(Arc::clone(&self.0))
    }
}

impl<R: Runtime + Clone> fmt::Debug for Pool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("host", &self.0.settings.host)
            .field("port", &self.0.settings.port)
            .field("sessions", &self.count())
            .field("bound", &self.bound())
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Pool`]. By default four sessions of the user `anonymous`, with the default settings of a
/// [`Client`](crate::Client).
#[must_use = "a builder does nothing before build"]
pub struct PoolBuilder {
    client: Builder,
    host: String,
    port: u16,
    user: Vec<u8>,
    password: Secret,
    account: Option<Secret>,
    limits: QuotaLimits,
    on_note: Option<Box<dyn Fn(Note) + Send + Sync>>,
}

impl PoolBuilder {
    /// Who logs in.
    pub fn login(mut self, user: impl AsRef<[u8]>, password: Secret) -> Self {
        self.user = user.as_ref().to_vec();
        self.password = password;
        self
    }

    /// The account (ACCT), where the server wants one.
    pub fn account(mut self, account: Secret) -> Self {
        self.account = Some(account);
        self
    }

    /// The settings of every session. Its hooks are called for all of them, one call at a time; its cancel handle is not used: to
    /// give a call up, drop its future.
    pub fn client(mut self, settings: Builder) -> Self {
        self.client = settings;
        self
    }

    /// How many sessions at once; four by default.
    pub fn sessions(mut self, count: usize) -> Self {
        self.limits.sessions = count.max(1);
        self
    }

    /// Changes how long sessions rest and how long refusals are waited out.
    pub fn configure(mut self, change: impl FnOnce(&mut QuotaLimits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Called when the server grants fewer sessions, or more again, and when it is waited for.
    pub fn on_note(mut self, hook: impl Fn(Note) + Send + Sync + 'static) -> Self {
        self.on_note = Some(Box::new(hook));
        self
    }

    /// The pool. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Tls`] if the TLS settings cannot work.
    pub fn build(self) -> Result<Pool, Error> {
        self.build_on(Smol)
    }

    /// The pool, on another runtime than smol.
    ///
    /// # Errors
    /// As [`PoolBuilder::build`].
    pub fn build_on<R: Runtime + Clone>(mut self, runtime: R) -> Result<Pool<R>, Error> {
        let (on_event, on_progress) = self.client.take_hooks();
        let settings = Settings {
            client: Mutex::new(self.client.twin()?),
            host: self.host,
            port: self.port,
            user: self.user,
            password: self.password,
            account: self.account,
            on_event: Arc::new(Mutex::new(on_event)),
            on_progress: Arc::new(Mutex::new(on_progress)),
        };
        let shared = Shared::new(settings, runtime, self.limits, self.on_note);
        Ok(Pool(Arc::new(shared)))
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client", &self.client)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
