//! Whole trees: the plan of [`ftp_proto::tree`] carried out, by one session or several beside each other.

use std::fs;
use std::future::{Future, poll_fn};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ftp_proto::pipe::{Error, TreeDone, transfer_options};
use ftp_proto::tree::{
    Again, CheckOrder, Collector, CopyOrder, DigestRequest, Event, How, LocalPath, Next, Options,
    Order, Place, Planner, Progress, PublishOrder, ReadOrder, Report, Trouble,
};
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::{Features, HashOptions};
use smol::fs::File;
use smol::io::{AsyncWrite, AsyncWriteExt as _};

use crate::client::Client;
use crate::local::{self, Local};
use crate::pool::PooledClient;
use crate::runtime::{Runtime, Smol};

/// How many downloads are asked for at once on one session, so that none waits for the confirmation of the one before.
const AHEAD: usize = 4;

/// A tree to be listed, deleted or mirrored.
///
/// ```no_run
/// use ftp_proto_async::{Client, Secret, Tree};
/// use ftp_proto_async::ftp_proto::tree::Options;
///
/// # smol::block_on(async {
/// let tree = Tree::download("/pub", "mirror", Options::default())?.sessions(4);
/// let done = tree.run(async || {
///     let mut client = Client::connect("ftp.example.org", 21).await?;
///     client.begin_login("anonymous", Secret::new(b"guest@"), None)?;
///     Ok(client)
/// });
/// let done = done.await;
/// println!("{}", done.summary);
/// assert!(done.summary.is_complete());
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The future of [`run`](Tree::run) may be dropped at any time: files under way stay as they are, under names that a later run knows.
pub struct Tree<'a> {
    plan: Planner,
    local: Option<Local>,
    sessions: u32,
    hook: Hook<'a>,
}

type Hook<'a> = Option<Box<dyn FnMut(Option<&Event>, Progress) + Send + 'a>>;

impl<'a> Tree<'a> {
    /// Tells every entry below a directory of the server, as events.
    #[must_use]
    pub fn walk(remote: impl AsRef<[u8]>, options: Options) -> Self {
        let plan = Planner::walk(remote.as_ref(), options, local::now());
        Tree::new(plan, None)
    }

    /// Deletes a directory of the server with everything in it.
    #[must_use]
    pub fn remove(remote: impl AsRef<[u8]>, options: Options) -> Self {
        let plan = Planner::remove(remote.as_ref(), options, local::now());
        Tree::new(plan, None)
    }

    /// Makes a local directory the same as one of the server. It is made if it is missing, but for a dry run.
    ///
    /// # Errors
    /// Those of making and opening the local directory.
    pub fn download(
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        options: Options,
    ) -> io::Result<Self> {
        let dry_run = options.dry_run;
        let plan = Planner::download(remote.as_ref(), options, local::now());
        if !dry_run {
            fs::create_dir_all(&local)?;
        }
        match Local::open(local.as_ref()) {
            Err(error) if dry_run && error.kind() == io::ErrorKind::NotFound => {
                Ok(Tree::new(plan, None))
            }
            opened => Ok(Tree::new(plan, Some(opened?))),
        }
    }

    /// Makes a directory of the server the same as a local one.
    ///
    /// # Errors
    /// Those of opening the local directory.
    pub fn upload(
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        options: Options,
    ) -> io::Result<Self> {
        let plan = Planner::upload(remote.as_ref(), options, local::now());
        Ok(Tree::new(plan, Some(Local::open(local.as_ref())?)))
    }

    fn new(plan: Planner, local: Option<Local>) -> Self {
        Tree {
            plan,
            local,
            sessions: 1,
            hook: None,
        }
    }

    /// So many sessions beside each other; one by default.
    #[must_use]
    pub fn sessions(mut self, count: u32) -> Self {
        self.sessions = count.max(1);
        self
    }

    /// Called with everything that happens, and after every step with how far the whole is.
    #[must_use]
    pub fn on_event(mut self, hook: impl FnMut(Option<&Event>, Progress) + Send + 'a) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Does it. `connect` makes a session that is logged in, or about to be, or borrows one of a [`Pool`](crate::Pool); it is called for each
    /// session, and again when one breaks.
    pub async fn run<S: TreeSession<Smol>>(
        self,
        connect: impl AsyncFn() -> Result<S, Error>,
    ) -> TreeDone {
        self.run_on(Smol, connect).await
    }

    /// Does it on another runtime than smol.
    pub async fn run_on<R: Runtime, S: TreeSession<R>>(
        mut self,
        runtime: R,
        connect: impl AsyncFn() -> Result<S, Error>,
    ) -> TreeDone {
        self.plan.set_sessions(self.sessions);
        let crew = Crew {
            books: Mutex::new(Books {
                plan: self.plan,
                hook: self.hook,
                greeting: false,
                greeted: false,
                last_error: None,
                waiting: Vec::new(),
            }),
            local: self.local.map(Arc::new),
            connect: &connect,
            runtime,
        };
        let mut working: Vec<Pin<Box<_>>> =
            (0..self.sessions).map(|_| Box::pin(crew.work())).collect();
        poll_fn(|cx| {
            working.retain_mut(|work| work.as_mut().poll(cx).is_pending());
            if working.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        drop(working);
        let books = crew.books.into_inner();
        let mut books = books.unwrap_or_else(PoisonError::into_inner);
        books.tell();
        TreeDone {
            summary: books.plan.summary().clone(),
            last_error: books.last_error,
        }
    }
}

impl std::fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree")
            .field("plan", &self.plan)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

/// A session that works on a tree.
pub trait TreeSession<R: Runtime> {
    /// The session.
    fn client(&mut self) -> &mut Client<R>;

    /// It is not needed any more.
    fn leave(self) -> impl Future<Output = ()> + Send;
}

impl<R: Runtime> TreeSession<R> for Client<R> {
    fn client(&mut self) -> &mut Client<R> {
        self
    }

    async fn leave(self) {
        // All that was asked for is done: how the server takes the farewell does not matter.
        let _ = self.quit().await;
    }
}

impl<R: Runtime + Clone> TreeSession<R> for PooledClient<R> {
    fn client(&mut self) -> &mut Client<R> {
        self
    }

    /// It goes back, for the next one.
    async fn leave(self) {}
}

/// Those who carry the plan out.
struct Crew<'c, 'a, C, R> {
    /// Never locked while anything is waited for.
    books: Mutex<Books<'a>>,
    local: Option<Arc<Local>>,
    connect: &'c C,
    runtime: R,
}

/// What they share.
struct Books<'a> {
    plan: Planner,
    hook: Hook<'a>,
    /// One of them is asking what the server can do; the others wait for that.
    greeting: bool,
    greeted: bool,
    last_error: Option<Error>,
    /// Those who wait for a change.
    waiting: Vec<Waker>,
}

impl Books<'_> {
    /// Tells what has happened.
    fn tell(&mut self) {
        while let Some(event) = self.plan.event() {
            if let Some(hook) = &mut self.hook {
                hook(Some(&event), self.plan.progress());
            }
        }
        if let Some(hook) = &mut self.hook {
            hook(None, self.plan.progress());
        }
    }

    /// Those who wait look again.
    fn wake(&mut self) {
        for waker in self.waiting.drain(..) {
            waker.wake();
        }
    }

    /// The last thing that went wrong with a session, for whoever asks why.
    fn note(&mut self, error: Error) -> Trouble {
        let trouble = error.trouble();
        if matches!(
            trouble,
            Trouble::SessionOver | Trouble::NoSession | Trouble::Cancelled
        ) {
            // That it is over says less than why.
            if !matches!(error, Error::Refused(_)) || self.last_error.is_none() {
                self.last_error = Some(error);
            }
        }
        trouble
    }
}

impl<'a, C, R: Runtime> Crew<'_, 'a, C, R> {
    fn books(&self) -> MutexGuard<'_, Books<'a>> {
        // Nothing in there is left half done by a hook that panics.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the crew, with a session of its own.
    async fn work<S: TreeSession<R>>(&self)
    where
        C: AsyncFn() -> Result<S, Error>,
    {
        let mut session: Option<S> = None;
        loop {
            let Some(client) = &mut session else {
                if self.books().plan.is_over() {
                    break;
                }
                match self.greet().await {
                    Ok(client) => session = Some(client),
                    Err(error) => {
                        if !self.lost(error).await {
                            break;
                        }
                    }
                }
                continue;
            };
            let Some(order) = self.next().await else {
                break;
            };
            if let Err(error) = self.carry_out(client.client(), order).await {
                session = None;
                if !self.lost(error).await {
                    break;
                }
            }
        }
        self.books().wake();
        if let Some(session) = session {
            session.leave().await;
        }
    }

    /// What is to be done next, when there is something; `None` when all is done.
    async fn next(&self) -> Option<Order> {
        poll_fn(|cx| {
            let mut books = self.books();
            match books.plan.next() {
                Next::Order(order) => Poll::Ready(Some(order)),
                Next::Over => Poll::Ready(None),
                Next::Wait => {
                    books.waiting.push(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// A new session. The first one asks what the server can do.
    async fn greet<S: TreeSession<R>>(&self) -> Result<S, Error>
    where
        C: AsyncFn() -> Result<S, Error>,
    {
        let mut client = (self.connect)().await?;
        let first = poll_fn(|cx| {
            let mut books = self.books();
            if books.greeting && !books.greeted {
                books.waiting.push(cx.waker().clone());
                return Poll::Pending;
            }
            let first = !books.greeted;
            books.greeting |= first;
            Poll::Ready(first)
        });
        if !first.await {
            return Ok(client);
        }
        let wants_home = self.books().plan.wants_home();
        let known = ask_first(client.client(), wants_home).await;
        let mut books = self.books();
        books.greeting = false;
        books.wake();
        let (features, home) = known?;
        books.plan.greet(features.as_ref(), home.as_deref());
        books.greeted = true;
        Ok(client)
    }

    /// A session is over. False if there is to be no other one.
    async fn lost(&self, error: Error) -> bool {
        let again = {
            let mut books = self.books();
            let trouble = books.note(error);
            let again = books.plan.lost(trouble);
            books.wake();
            again
        };
        match again {
            Again::After(millis) => {
                self.pause(Duration::from_millis(millis)).await;
                true
            }
            Again::Never => false,
        }
    }

    /// Waits until something has been reported, or for so long.
    async fn pause(&self, limit: Duration) {
        let mut slept = self.runtime.sleep(limit);
        let mut waited = false;
        poll_fn(|cx| {
            if slept.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut books = self.books();
            if waited && books.plan.is_over() {
                return Poll::Ready(());
            }
            waited = true;
            books.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn report(&self, report: Report) {
        let mut books = self.books();
        books.plan.report(report);
        books.tell();
        books.wake();
    }

    /// What the plan makes of an error. The session is over if it is given back.
    fn failed(&self, error: Error, report: impl FnOnce(Trouble) -> Report) -> Result<(), Error> {
        let trouble = error.trouble();
        self.report(report(trouble));
        match trouble {
            Trouble::SessionOver | Trouble::NoSession | Trouble::Cancelled => Err(error),
            _ => Ok(()),
        }
    }

    /// Does what is ordered, and reports it. An error is the end of the session.
    async fn carry_out(&self, client: &mut Client<R>, order: Order) -> Result<(), Error> {
        match order {
            Order::Read(order) => match self.read(client, &order).await {
                Ok(listing) => self.report(order.listed(listing)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Ask(order) => match client.modified(order.path()).await {
                Ok(time) => self.report(order.changed(time)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Measure(order) => match client.size(order.path()).await {
                Ok(octets) => self.report(order.size_is(octets)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Make(order) => {
                let made = match order.place() {
                    Place::Remote(path) => client.make_directory(path).await.map(drop),
                    Place::Local(path) => {
                        let path = path.clone();
                        self.on_disk(move |local| local.make(&path)).await
                    }
                };
                match made {
                    Ok(()) => self.report(order.made()),
                    Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
                }
            }
            Order::Copy(order) if order.is_download() => return self.download(client, order).await,
            Order::Copy(order) => return self.upload(client, order).await,
            Order::Check(order) => return self.check(client, order).await,
            Order::Publish(order) => match self.publish(client, &order).await {
                Ok(time_kept) => self.report(order.published(time_kept)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Remove(order) => {
                let removed = match order.place() {
                    Place::Remote(path) if order.is_directory() => {
                        client.remove_directory(path).await.map(drop)
                    }
                    Place::Remote(path) => client.delete(path).await.map(drop),
                    Place::Local(path) => {
                        let (path, is_directory) = (path.clone(), order.is_directory());
                        self.on_disk(move |local| local.remove(&path, is_directory))
                            .await
                    }
                };
                match removed {
                    Ok(()) => self.report(order.removed()),
                    Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
                }
            }
        }
        Ok(())
    }

    /// Does something where it may wait for the disk.
    async fn on_disk<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Local) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let missing = || Error::Local(io::ErrorKind::NotFound.into());
        let local = Arc::clone(self.local.as_ref().ok_or_else(missing)?);
        smol::unblock(move || act(&local))
            .await
            .map_err(Error::Local)
    }

    async fn read(
        &self,
        client: &mut Client<R>,
        order: &ReadOrder,
    ) -> Result<ftp_proto::tree::Listing, Error> {
        let path = match order.place() {
            Place::Remote(path) => path.as_slice(),
            Place::Local(path) => {
                let path = path.clone();
                return self.on_disk(move |local| local.list(&path)).await;
            }
        };
        let mut collector = Gather(order.collector());
        match order.how() {
            How::Facts => client.facts_to(path, &mut collector).await.map(drop)?,
            How::FactsInside => {
                client.change_directory(path).await?;
                client.facts_to("", &mut collector).await.map(drop)?;
            }
            How::ListInside => {
                client.change_directory(path).await?;
                client.list_to("", &mut collector).await.map(drop)?;
            }
            How::Status => {
                let path = if path.is_empty() { b"." } else { path };
                let reply = client.status(path).await?;
                collector.0.feed_status(&reply.text);
            }
            _ => client.list_to(path, &mut collector).await.map(drop)?,
        }
        Ok(collector.0.finish())
    }

    /// Downloads a file, and others behind it that are asked for meanwhile.
    async fn download(&self, client: &mut Client<R>, order: CopyOrder) -> Result<(), Error> {
        let mut begun = Vec::new();
        let mut next = Some(order);
        while let Some(order) = next {
            let (path, offset) = (order.local().clone(), order.offset());
            let file = self.on_disk(move |local| local.write(&path, offset)).await;
            let queued = file.and_then(|file| {
                Ok((
                    file,
                    client.queue_retrieve(order.remote(), transfer_options(&order))?,
                ))
            });
            match queued {
                Ok((file, queued)) => begun.push((order, File::from(file), queued)),
                Err(error) => self.failed(error, |trouble| order.failed(0, trouble))?,
            }
            next = (begun.len() < AHEAD)
                .then(|| self.books().plan.ahead())
                .flatten();
        }
        let mut over = Ok(());
        for (order, mut file, queued) in begun {
            let received = client.receive(queued, &mut file).await;
            // What is written is in the file only now.
            let written = file.flush().await.map_err(Error::Local);
            let ended = match received.and_then(|transfer| written.map(|()| transfer)) {
                Ok(transfer) => {
                    self.report(order.copied(transfer.bytes));
                    Ok(())
                }
                Err(error) => {
                    let moved = written_to(&file, order.offset()).await;
                    self.failed(error, |trouble| order.failed(moved, trouble))
                }
            };
            over = over.and(ended);
        }
        over
    }

    async fn upload(&self, client: &mut Client<R>, order: CopyOrder) -> Result<(), Error> {
        let (path, offset) = (order.local().clone(), order.offset());
        let file = self.on_disk(move |local| local.read(&path, offset)).await;
        let sent = match file {
            Ok(file) => {
                let mut file = File::from(file);
                client
                    .store_with(order.remote(), transfer_options(&order), &mut file)
                    .await
            }
            Err(error) => Err(error),
        };
        match sent {
            Ok(transfer) => {
                self.report(order.copied(transfer.bytes));
                Ok(())
            }
            // How much of it has arrived only the server knows.
            Err(error) => self.failed(error, |trouble| order.failed(0, trouble)),
        }
    }

    async fn check(&self, client: &mut Client<R>, order: CheckOrder) -> Result<(), Error> {
        let Some(digest) = order.digest() else {
            match client.size(order.remote()).await {
                Ok(octets) => self.report(order.size_is(octets)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            }
            return Ok(());
        };
        let theirs = match digest.request(order.remote()) {
            DigestRequest::Hash(algorithm) => {
                let how = HashOptions {
                    algorithm: Some(algorithm),
                    ..HashOptions::default()
                };
                let hashed = client.hash_with(order.remote(), how).await;
                hashed.map(|hashed| Some(hashed.digest))
            }
            DigestRequest::Command(line) => {
                let reply = client.command(line).await;
                reply.map(|reply| digest.read_reply(&reply.text))
            }
            _ => Ok(None),
        };
        let both = match theirs {
            Ok(theirs) => {
                let ours = self.digest(order.local(), digest.algorithm()).await;
                ours.map(|ours| (theirs, ours))
            }
            Err(error) => Err(error),
        };
        match both {
            Ok((theirs, ours)) => {
                self.report(order.digest_is(theirs.as_deref(), &ours));
                Ok(())
            }
            Err(error) => self.failed(error, |trouble| order.failed(trouble)),
        }
    }

    async fn digest(&self, path: &LocalPath, algorithm: HashAlgorithm) -> Result<Vec<u8>, Error> {
        let path = path.clone();
        self.on_disk(move |local| local.digest(&path, algorithm))
            .await
    }

    async fn publish(&self, client: &mut Client<R>, order: &PublishOrder) -> Result<bool, Error> {
        match (order.from(), order.to()) {
            (Place::Local(from), Place::Local(to)) => {
                let (from, to) = (from.clone(), to.clone());
                let (time, replaces) = (order.time(), order.replaces());
                self.on_disk(move |local| local.publish(&from, &to, time, replaces))
                    .await
            }
            (Place::Remote(from), Place::Remote(to)) => {
                let time_kept = match order.time() {
                    Some(time) => match client.set_modified(from, time).await {
                        Ok(_) => true,
                        Err(error) if matches!(error.trouble(), Trouble::Refused(_)) => false,
                        Err(error) => return Err(error),
                    },
                    None => false,
                };
                client.rename(from, to).await?;
                Ok(time_kept)
            }
            _ => Err(Error::Local(io::ErrorKind::InvalidInput.into())),
        }
    }
}

/// A listing on its way to the plan.
struct Gather(Collector);

impl AsyncWrite for Gather {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.feed(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a server can do, and where a session begins. What it does not say is not known; only the end of the session is an error.
async fn ask_first<R: Runtime>(
    client: &mut Client<R>,
    wants_home: bool,
) -> Result<(Option<Features>, Option<Vec<u8>>), Error> {
    let features = unless_refused(client.features().await)?;
    let home = if wants_home {
        unless_refused(client.working_directory().await)?.flatten()
    } else {
        None
    };
    Ok((features, home))
}

fn unless_refused<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.trouble(), Trouble::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Octets that are in a file behind the offset.
async fn written_to(file: &File, offset: u64) -> u64 {
    let length = file.metadata().await.map_or(0, |metadata| metadata.len());
    length.saturating_sub(offset)
}
