//! Whole trees: the plan of [`ftp_proto::tree`] carried out, by one session or several beside each other.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ftp_proto::pipe::{Error, TreeDone, transfer_options};
use ftp_proto::tree::{
    Again, CheckOrder, CopyOrder, DigestRequest, Event, How, LocalPath, Next, Options, Order,
    Place, Planner, Progress, PublishOrder, ReadOrder, Report, Trouble,
};
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::{Features, HashOptions};

use crate::client::Client;
use crate::local::{self, Local};

/// How many downloads are asked for at once on one session, so that none waits for the confirmation of the one before.
const AHEAD: usize = 4;

/// How often those who wait look by themselves.
const CHECK: Duration = Duration::from_secs(1);

/// A tree to be listed, deleted or mirrored.
///
/// ```no_run
/// use ftp_proto_blocking::{Client, Secret, Tree};
/// use ftp_proto_blocking::ftp_proto::tree::Options;
///
/// let tree = Tree::download("/pub", "mirror", Options::default())?.sessions(4);
/// let done = tree.run(|| {
///     let mut client = Client::connect("ftp.example.org", 21)?;
///     client.begin_login("anonymous", Secret::new(b"guest@"), None)?;
///     Ok(client)
/// });
/// println!("{}", done.summary);
/// assert!(done.summary.is_complete());
/// # Ok::<(), std::io::Error>(())
/// ```
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

    /// Does it. `connect` makes a session that is logged in, or about to be; it is called for each session, and again when one breaks.
    pub fn run(mut self, connect: impl Fn() -> Result<Client, Error> + Sync) -> TreeDone {
        self.plan.set_sessions(self.sessions);
        let crew = Crew {
            books: Mutex::new(Books {
                plan: self.plan,
                hook: self.hook,
                greeting: false,
                greeted: false,
                last_error: None,
            }),
            changed: Condvar::new(),
            local: self.local,
            connect: &connect,
        };
        std::thread::scope(|scope| {
            for _ in 1..self.sessions {
                scope.spawn(|| crew.work());
            }
            crew.work();
        });
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

/// Those who carry the plan out.
struct Crew<'a, C> {
    books: Mutex<Books<'a>>,
    changed: Condvar,
    local: Option<Local>,
    connect: &'a C,
}

/// What they share.
struct Books<'a> {
    plan: Planner,
    hook: Hook<'a>,
    /// One of them is asking what the server can do; the others wait for that.
    greeting: bool,
    greeted: bool,
    last_error: Option<Error>,
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

impl<'a, C: Fn() -> Result<Client, Error> + Sync> Crew<'a, C> {
    fn books(&self) -> MutexGuard<'_, Books<'a>> {
        // Nothing in there is left half done by a hook that panics.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the crew, with a session of its own.
    fn work(&self) {
        let mut session = None;
        loop {
            let Some(client) = &mut session else {
                if self.books().plan.is_over() {
                    break;
                }
                match self.greet() {
                    Ok(client) => session = Some(client),
                    Err(error) => {
                        if !self.lost(error) {
                            break;
                        }
                    }
                }
                continue;
            };
            let Some(order) = self.next() else {
                break;
            };
            if let Err(error) = self.carry_out(client, order) {
                session = None;
                if !self.lost(error) {
                    break;
                }
            }
        }
        self.changed.notify_all();
        if let Some(client) = session {
            // All that was asked for is done: how the server takes the farewell does not matter.
            let _ = client.quit();
        }
    }

    /// What is to be done next, when there is something; `None` when all is done.
    fn next(&self) -> Option<Order> {
        let mut books = self.books();
        loop {
            match books.plan.next() {
                Next::Order(order) => return Some(order),
                Next::Over => return None,
                Next::Wait => books = self.wait(books, CHECK),
            }
        }
    }

    /// A new session. The first one asks what the server can do.
    fn greet(&self) -> Result<Client, Error> {
        let mut client = (self.connect)()?;
        let mut books = self.books();
        while books.greeting && !books.greeted {
            books = self.wait(books, CHECK);
        }
        if books.greeted {
            return Ok(client);
        }
        books.greeting = true;
        let wants_home = books.plan.wants_home();
        drop(books);
        let known = ask_first(&mut client, wants_home);
        let mut books = self.books();
        books.greeting = false;
        let (features, home) = known?;
        books.plan.greet(features.as_ref(), home.as_deref());
        books.greeted = true;
        self.changed.notify_all();
        Ok(client)
    }

    /// A session is over. False if there is to be no other one.
    fn lost(&self, error: Error) -> bool {
        let mut books = self.books();
        let trouble = books.note(error);
        let again = books.plan.lost(trouble);
        self.changed.notify_all();
        drop(books);
        match again {
            Again::After(millis) => {
                self.pause(Duration::from_millis(millis));
                true
            }
            Again::Never => false,
        }
    }

    /// Waits until something has been reported, or for so long.
    fn pause(&self, limit: Duration) {
        let books = self.books();
        if !books.plan.is_over() {
            drop(self.wait(books, limit));
        }
    }

    fn wait<'b>(
        &self,
        books: MutexGuard<'b, Books<'a>>,
        limit: Duration,
    ) -> MutexGuard<'b, Books<'a>> {
        let waited = self.changed.wait_timeout(books, limit);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn report(&self, report: Report) {
        let mut books = self.books();
        books.plan.report(report);
        books.tell();
        self.changed.notify_all();
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

    fn local(&self) -> Result<&Local, Error> {
        let missing = || Error::Local(io::ErrorKind::NotFound.into());
        self.local.as_ref().ok_or_else(missing)
    }

    /// Does what is ordered, and reports it. An error is the end of the session.
    fn carry_out(&self, client: &mut Client, order: Order) -> Result<(), Error> {
        match order {
            Order::Read(order) => match self.read(client, &order) {
                Ok(listing) => self.report(order.listed(listing)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Ask(order) => match client.modified(order.path()) {
                Ok(time) => self.report(order.changed(time)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Measure(order) => match client.size(order.path()) {
                Ok(octets) => self.report(order.size_is(octets)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Make(order) => {
                let made = match order.place() {
                    Place::Remote(path) => client.make_directory(path).map(drop),
                    Place::Local(path) => self.on_disk(|local| local.make(path)),
                };
                match made {
                    Ok(()) => self.report(order.made()),
                    Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
                }
            }
            Order::Copy(order) if order.is_download() => return self.download(client, order),
            Order::Copy(order) => return self.upload(client, order),
            Order::Check(order) => return self.check(client, order),
            Order::Publish(order) => match self.publish(client, &order) {
                Ok(time_kept) => self.report(order.published(time_kept)),
                Err(error) => return self.failed(error, |trouble| order.failed(trouble)),
            },
            Order::Remove(order) => {
                let removed = match order.place() {
                    Place::Remote(path) if order.is_directory() => {
                        client.remove_directory(path).map(drop)
                    }
                    Place::Remote(path) => client.delete(path).map(drop),
                    Place::Local(path) => {
                        self.on_disk(|local| local.remove(path, order.is_directory()))
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

    fn on_disk<T>(&self, act: impl FnOnce(&Local) -> io::Result<T>) -> Result<T, Error> {
        act(self.local()?).map_err(Error::Local)
    }

    fn read(
        &self,
        client: &mut Client,
        order: &ReadOrder,
    ) -> Result<ftp_proto::tree::Listing, Error> {
        let path = match order.place() {
            Place::Remote(path) => path.as_slice(),
            Place::Local(path) => return self.on_disk(|local| local.list(path)),
        };
        let mut collector = order.collector();
        match order.how() {
            How::Facts => client.facts_to(path, &mut collector).map(drop)?,
            How::FactsInside => {
                client.change_directory(path)?;
                client.facts_to("", &mut collector).map(drop)?;
            }
            How::ListInside => {
                client.change_directory(path)?;
                client.list_to("", &mut collector).map(drop)?;
            }
            How::Status => {
                let path = if path.is_empty() { b"." } else { path };
                collector.feed_status(&client.status(path)?.text);
            }
            _ => client.list_to(path, &mut collector).map(drop)?,
        }
        Ok(collector.finish())
    }

    /// Downloads a file, and others behind it that are asked for meanwhile.
    fn download(&self, client: &mut Client, order: CopyOrder) -> Result<(), Error> {
        let mut begun = Vec::new();
        let mut next = Some(order);
        while let Some(order) = next {
            let file = self.on_disk(|local| local.write(order.local(), order.offset()));
            let queued = file.and_then(|file| {
                Ok((
                    file,
                    client.queue_retrieve(order.remote(), transfer_options(&order))?,
                ))
            });
            match queued {
                Ok((file, queued)) => begun.push((order, file, queued)),
                Err(error) => self.failed(error, |trouble| order.failed(0, trouble))?,
            }
            next = (begun.len() < AHEAD)
                .then(|| self.books().plan.ahead())
                .flatten();
        }
        let mut over = Ok(());
        for (order, mut file, queued) in begun {
            let received = client.receive(queued, &mut file);
            let ended = match received {
                Ok(transfer) => {
                    self.report(order.copied(transfer.bytes));
                    Ok(())
                }
                Err(error) => {
                    let moved = written(&file, order.offset());
                    self.failed(error, |trouble| order.failed(moved, trouble))
                }
            };
            over = over.and(ended);
        }
        over
    }

    fn upload(&self, client: &mut Client, order: CopyOrder) -> Result<(), Error> {
        let file = self.on_disk(|local| local.read(order.local(), order.offset()));
        let sent = file.and_then(|mut file| {
            client.store_with(order.remote(), transfer_options(&order), &mut file)
        });
        match sent {
            Ok(transfer) => {
                self.report(order.copied(transfer.bytes));
                Ok(())
            }
            // How much of it has arrived only the server knows.
            Err(error) => self.failed(error, |trouble| order.failed(0, trouble)),
        }
    }

    fn check(&self, client: &mut Client, order: CheckOrder) -> Result<(), Error> {
        let Some(digest) = order.digest() else {
            match client.size(order.remote()) {
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
                let hashed = client.hash_with(order.remote(), how);
                hashed.map(|hashed| Some(hashed.digest))
            }
            DigestRequest::Command(line) => {
                let reply = client.command(line);
                reply.map(|reply| digest.read_reply(&reply.text))
            }
            _ => Ok(None),
        };
        let both = match theirs {
            Ok(theirs) => {
                let ours = self.digest(order.local(), digest.algorithm());
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

    fn digest(&self, path: &LocalPath, algorithm: HashAlgorithm) -> Result<Vec<u8>, Error> {
        self.on_disk(|local| local.digest(path, algorithm))
    }

    fn publish(&self, client: &mut Client, order: &PublishOrder) -> Result<bool, Error> {
        match (order.from(), order.to()) {
            (Place::Local(from), Place::Local(to)) => {
                self.on_disk(|local| local.publish(from, to, order.time(), order.replaces()))
            }
            (Place::Remote(from), Place::Remote(to)) => {
                let time_kept = match order.time() {
                    Some(time) => match client.set_modified(from, time) {
                        Ok(_) => true,
                        Err(error) if matches!(error.trouble(), Trouble::Refused(_)) => false,
                        Err(error) => return Err(error),
                    },
                    None => false,
                };
                client.rename(from, to)?;
                Ok(time_kept)
            }
            _ => Err(Error::Local(io::ErrorKind::InvalidInput.into())),
        }
    }
}

/// What a server can do, and where a session begins. What it does not say is not known; only the end of the session is an error.
fn ask_first(
    client: &mut Client,
    wants_home: bool,
) -> Result<(Option<Features>, Option<Vec<u8>>), Error> {
    let features = unless_refused(client.features())?;
    let home = if wants_home {
        unless_refused(client.working_directory())?.flatten()
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
fn written(file: &File, offset: u64) -> u64 {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    length.saturating_sub(offset)
}
