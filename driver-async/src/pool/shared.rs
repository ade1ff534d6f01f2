//! What the clones of a pool share: settings, sessions at rest, and who waits for one.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use ftp_proto::pipe::{Error, EventHook, Failed, ProgressHook};
use ftp_proto::pool::{Denied, Note, Opening, Quota, QuotaLimits, Rest};
use ftp_proto::{Category, Instant, Refusal, Secret};
use tracing::debug;

use super::lent::{Mark, PooledClient};
use crate::builder::Builder;
use crate::client::Client;
use crate::clock::Clock;
use crate::runtime::{Runtime, Waiting};

/// What the clones of a pool share.
pub(super) struct Shared<R: Runtime + Clone> {
    pub(super) settings: Settings,
    pub(super) runtime: R,
    pub(super) clock: Clock,
    state: Mutex<State<R>>,
    on_note: NoteHook,
}

/// What is told of the bound and of waiting.
pub(super) type NoteHook = Option<Box<dyn Fn(Note) + Send + Sync>>;

/// Everything a session depends on: there is none but by it.
pub(super) struct Settings {
    /// Never changed; what hooks it could have keeps it from being shared otherwise.
    pub(super) client: Mutex<Builder>,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Vec<u8>,
    pub(super) password: Secret,
    pub(super) account: Option<Secret>,
    pub(super) on_event: Arc<Mutex<EventHook>>,
    pub(super) on_progress: Arc<Mutex<ProgressHook>>,
}

/// The sessions, and who waits for them.
pub(super) struct State<R: Runtime> {
    pub(super) quota: Quota,
    /// Sessions at rest, the one used last at the end.
    pub(super) idle: Vec<Idle<R>>,
    /// Sessions that are over, to be dropped when the lock is.
    spent: Vec<Box<Client<R>>>,
    /// Who waits, first come first served.
    queue: VecDeque<Waiter>,
    next_number: u64,
    /// Something has changed for who waits.
    stirred: bool,
    pub(super) closed: bool,
    closers: Vec<Waker>,
    /// The login was refused before one has succeeded: that is not tried again.
    refused: Option<Box<Failed>>,
}

/// A session at rest.
pub(super) struct Idle<R: Runtime> {
    pub(super) client: Box<Client<R>>,
    pub(super) used: Instant,
    pub(super) heard: Instant,
}

struct Waiter {
    number: u64,
    waker: Option<Waker>,
}

impl<R: Runtime + Clone> Shared<R> {
    pub(super) fn new(
        settings: Settings,
        runtime: R,
        limits: QuotaLimits,
        on_note: NoteHook,
    ) -> Self {
        Shared {
            settings,
            runtime,
            clock: Clock::new(),
            state: Mutex::new(State {
                quota: Quota::new(limits),
                idle: Vec::new(),
                spent: Vec::new(),
                queue: VecDeque::new(),
                next_number: 0,
                stirred: false,
                closed: false,
                closers: Vec::new(),
                refused: None,
            }),
            on_note,
        }
    }

    /// Looks at the state, or changes it; and does what follows from that without the lock.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State<R>, Instant) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Behind the lock: time goes one way.
        let now = self.clock.now();
        let result = change(&mut state, now);
        let spent = mem::take(&mut state.spent);
        let notes: Vec<Note> = std::iter::from_fn(|| state.quota.take_note()).collect();
        let wakers = state.wakers();
        drop(state);
        drop(spent);
        for note in notes {
            debug!(host = self.settings.host, "{note}");
            if let Some(hook) = &self.on_note {
                hook(note);
            }
        }
        for waker in wakers {
            waker.wake();
        }
        result
    }
}

impl Settings {
    /// A session that is logged in.
    async fn session<R: Runtime>(&self, runtime: R) -> Result<Box<Client<R>>, Error> {
        let mark = Arc::new(Mark::default());
        let twin = lock(&self.client).twin()?;
        let mut builder = twin.on_event({
            let (mark, hook) = (Arc::clone(&mark), Arc::clone(&self.on_event));
            move |event| {
                mark.note(event);
                if let Some(hook) = &mut *lock(&hook) {
                    hook(event);
                }
            }
        });
        if let Some(hook) = self.progress() {
            builder = builder.on_progress(hook);
        }
        let client = builder.connect_on(runtime, &self.host, self.port).await?;
        // It is passed from hand to hand from here on.
        let mut client = Box::new(client);
        let account = self.account.clone();
        client
            .login_with_account(&self.user, self.password.clone(), account)
            .await?;
        mark.begin();
        client.mark = Some(mark);
        Ok(client)
    }

    /// What is told of the progress of every session, if somebody wants to know.
    pub(super) fn progress(&self) -> ProgressHook {
        lock(&self.on_progress).as_ref()?;
        let hook = Arc::clone(&self.on_progress);
        Some(Box::new(move |progress| {
            if let Some(hook) = &mut *lock(&hook) {
                hook(progress);
            }
        }))
    }
}

impl<R: Runtime> State<R> {
    /// A session comes back.
    pub(super) fn come_back(&mut self, idle: Idle<R>) {
        self.idle.push(idle);
        self.stirred = true;
    }

    /// A session that was up is over.
    pub(super) fn end(&mut self, now: Instant) {
        self.quota.ended(now);
        self.stirred = true;
    }

    /// Nobody is lent a session any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.stirred = true;
    }

    /// Whether all sessions are gone.
    pub(super) fn poll_empty(&mut self, waker: &Waker) -> Poll<()> {
        if self.quota.count() == 0 {
            return Poll::Ready(());
        }
        if self.idle.is_empty() {
            self.closers.push(waker.clone());
        } else {
            waker.wake_by_ref();
        }
        Poll::Pending
    }

    fn join(&mut self, number: u64) {
        let at = self.queue.partition_point(|waiter| waiter.number < number);
        let waker = None;
        self.queue.insert(at, Waiter { number, waker });
    }

    fn leave(&mut self, number: u64) {
        self.queue.retain(|waiter| waiter.number != number);
        self.stirred = true;
    }

    /// What the first one who waits can have.
    fn turn(&mut self, now: Instant, number: u64, waker: &Waker) -> Result<Offer<R>, Error> {
        if self.closed {
            return Err(Refusal::Closed.into());
        }
        if let Some(refused) = &self.refused {
            return Err(Error::Failed(refused.clone()));
        }
        let first = self
            .queue
            .front()
            .is_some_and(|first| first.number == number);
        if first {
            while let Some(idle) = self.idle.pop() {
                match self.quota.rest(now, idle.used, idle.heard) {
                    Rest::Close => {
                        self.spent.push(idle.client);
                        self.quota.ended(now);
                    }
                    rest => {
                        self.leave(number);
                        return Ok(Offer::Idle(idle.client, rest));
                    }
                }
            }
            if self.quota.open(now) == Opening::Now {
                self.leave(number);
                return Ok(Offer::Open);
            }
        }
        let mut queue = self.queue.iter_mut();
        if let Some(waiter) = queue.find(|waiter| waiter.number == number) {
            waiter.waker = Some(waker.clone());
        }
        Ok(Offer::Wait(match first {
            true => self.quota.waits_until(now),
            false => None,
        }))
    }

    /// Who is woken: the first one who waits; all, when that is the end.
    fn wakers(&mut self) -> Vec<Waker> {
        if !mem::take(&mut self.stirred) {
            return Vec::new();
        }
        let all = self.closed || self.refused.is_some();
        let count = if all { self.queue.len() } else { 1 };
        let waiting = self.queue.iter_mut().take(count);
        let mut wakers: Vec<Waker> = waiting.filter_map(|waiter| waiter.waker.take()).collect();
        wakers.append(&mut self.closers);
        wakers
    }
}

/// What somebody who waits can have.
enum Offer<R: Runtime> {
    Idle(Box<Client<R>>, Rest),
    Open,
    /// Nothing, before something changes or this time has come.
    Wait(Option<Instant>),
}

/// What somebody gets whose turn it is.
pub(super) enum Turn<R: Runtime + Clone> {
    Idle(PooledClient<R>, Rest),
    Open(Slot<R>),
}

/// A place in the queue, left when dropped.
pub(super) struct Place<R: Runtime + Clone> {
    shared: Arc<Shared<R>>,
    number: u64,
    timer: Option<(Instant, Waiting<()>)>,
}

impl<R: Runtime + Clone> Place<R> {
    pub(super) fn new(shared: &Arc<Shared<R>>) -> Self {
        let number = shared.with(|state, _| {
            let number = state.next_number;
            state.next_number += 1;
            state.join(number);
            number
        });
        Place {
            shared: Arc::clone(shared),
            number,
            timer: None,
        }
    }

    /// Back to where it was before its turn.
    pub(super) fn rejoin(&mut self) {
        self.shared.with(|state, _| state.join(self.number));
    }

    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn<R>, Error>> {
        let shared = &self.shared;
        loop {
            let offer = shared.with(|state, now| state.turn(now, self.number, cx.waker()));
            let until = match offer {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Offer::Idle(client, rest)) => {
                    let lent = PooledClient::new(client, shared);
                    return Poll::Ready(Ok(Turn::Idle(lent, rest)));
                }
                Ok(Offer::Open) => return Poll::Ready(Ok(Turn::Open(Slot::new(shared)))),
                Ok(Offer::Wait(until)) => until,
            };
            let Some(until) = until else {
                self.timer = None;
                return Poll::Pending;
            };
            if self.timer.as_ref().is_none_or(|(at, _)| *at != until) {
                let wait = until.since(shared.clock.now());
                self.timer = Some((until, shared.runtime.sleep(wait)));
            }
            if let Some((_, timer)) = &mut self.timer {
                ready!(timer.as_mut().poll(cx));
                self.timer = None;
            }
        }
    }
}

impl<R: Runtime + Clone> Drop for Place<R> {
    fn drop(&mut self) {
        self.shared.with(|state, _| state.leave(self.number));
    }
}

/// The right to open a session, given back when dropped.
pub(super) struct Slot<R: Runtime + Clone> {
    shared: Arc<Shared<R>>,
    used: bool,
}

impl<R: Runtime + Clone> Slot<R> {
    fn new(shared: &Arc<Shared<R>>) -> Self {
        Slot {
            shared: Arc::clone(shared),
            used: false,
        }
    }

    /// Opens it. `None` in place of an error: the server has enough for now.
    pub(super) async fn open(mut self) -> Result<PooledClient<R>, Option<Error>> {
        let shared = Arc::clone(&self.shared);
        let opened = shared.settings.session(shared.runtime.clone()).await;
        self.used = true;
        shared.with(|state, now| {
            state.stirred = true;
            match opened {
                Ok(client) => {
                    state.quota.opened(now);
                    Ok(PooledClient::new(client, &shared))
                }
                Err(error) => {
                    let denied = state.quota.failed(now, error.failure(), fastrand::u64(..));
                    if denied == Denied::Again {
                        return Err(None);
                    }
                    if let Error::Failed(failed) = &error
                        && error.category() == Category::Login
                        && !state.quota.is_proved()
                    {
                        state.refused = Some(failed.clone());
                    }
                    Err(Some(error))
                }
            }
        })
    }
}

impl<R: Runtime + Clone> Drop for Slot<R> {
    fn drop(&mut self) {
        if !self.used {
            self.shared.with(|state, now| {
                state.quota.dropped(now);
                state.stirred = true;
            });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
