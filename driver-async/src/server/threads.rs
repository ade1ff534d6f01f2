//! How many threads serve: one as long as that is enough, and others beside it where it is not.
//!
//! To wake a thread for every small thing there is to do costs more than most of them: it is a wait for the client, takes a processor from
//! it, and what a session has in the cache of one processor is fetched by another. So the others stand by. While those before it are at
//! work, each looks at them every few milliseconds, and serves as well when all of them keep sessions waiting: they have not rested in between,
//! for there is too much to do or a disk to wait for, or much of the time goes in long pieces, as payload under TLS does.

use std::future::{Future, poll_fn};
use std::ops::Sub;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use smol::future::FutureExt as _;
use smol::{Executor, Timer};

/// How often who stands by looks at those who serve.
const LOOK: Duration = Duration::from_millis(2);

/// How long one serves before it looks whether it is needed.
const STINT: Duration = Duration::from_millis(20);

/// Work at a stretch that other sessions wait for.
const LONG: Duration = Duration::from_micros(250);

/// No time since the beginning.
const RESTS: u64 = u64::MAX;

/// The threads of a server.
pub(super) struct Threads {
    began: Instant,
    posts: Vec<Post>,
    over: AtomicBool,
}

/// One of them.
struct Post {
    /// How long it was at work until it last rested, in microseconds.
    worked: AtomicU64,
    /// How much of that was in long pieces.
    long: AtomicU64,
    /// Since when it is at work, in microseconds since the beginning.
    since: AtomicU64,
    /// The one behind it sleeps until it is at work.
    watched: AtomicBool,
    thread: OnceLock<Thread>,
}

/// What was done, in microseconds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Work {
    all: u64,
    long: u64,
}

/// Ends them when it is dropped.
pub(super) struct Working(Arc<Threads>);

impl Threads {
    /// So many.
    pub(super) fn new(count: usize) -> (Arc<Self>, Working) {
        let post = || Post {
            worked: AtomicU64::new(0),
            long: AtomicU64::new(0),
            since: AtomicU64::new(RESTS),
            watched: AtomicBool::new(false),
            thread: OnceLock::new(),
        };
        let threads = Arc::new(Threads {
            began: Instant::now(),
            posts: (0..count).map(|_| post()).collect(),
            over: AtomicBool::new(false),
        });
        let working = Working(Arc::clone(&threads));
        (threads, working)
    }

    /// This thread is the one with this number, from 0 on, until `done` or the end of the work.
    pub(super) fn serve(
        &self,
        number: usize,
        executor: &Executor<'_>,
        done: impl Future<Output = ()>,
    ) {
        let Some(post) = self.posts.get(number) else {
            return;
        };
        let _ = post.thread.set(thread::current());
        let mut done = pin!(done);
        if number == 0 {
            return self.run(number, executor, done);
        }
        while self.stand_by(number) {
            self.run(number, executor, done.as_mut().or(self.stint(number)));
        }
    }

    fn run(&self, number: usize, executor: &Executor<'_>, until: impl Future<Output = ()>) {
        let mut working = pin!(executor.run(until));
        smol::block_on(poll_fn(|cx| {
            self.begins(number);
            let polled = working.as_mut().poll(cx);
            self.rests(number);
            polled
        }));
    }

    /// As long as it is needed.
    async fn stint(&self, number: usize) {
        loop {
            let (then, before) = (self.now(), self.all(number + 1));
            Timer::after(STINT).await;
            let took = self.now().saturating_sub(then);
            if (self.all(number + 1) - before).fits(number, took) {
                return;
            }
        }
    }

    /// Waits until those before it have too much to do. False when all is over.
    fn stand_by(&self, number: usize) -> bool {
        let look = || (self.now(), self.work(number).collect::<Vec<_>>());
        let (mut then, mut before) = look();
        loop {
            if self.over.load(Ordering::SeqCst) {
                return false;
            }
            thread::park_timeout(LOOK);
            let (now, works) = look();
            let took = now.saturating_sub(then);
            if took < micros(LOOK) {
                continue;
            }
            let mut since = works.iter().zip(&before).map(|(now, then)| *now - *then);
            if since.all(|work| work.keeps_waiting(took)) {
                return true;
            }
            if works == before {
                self.sleep(number, &works);
            }
            (then, before) = look();
        }
    }

    /// Sleeps until the one before it has something to do.
    fn sleep(&self, number: usize, works: &[Work]) {
        let Some(post) = number.checked_sub(1).and_then(|at| self.posts.get(at)) else {
            return;
        };
        post.watched.store(true, Ordering::SeqCst);
        while post.watched.load(Ordering::SeqCst)
            && post.since.load(Ordering::SeqCst) == RESTS
            && works.last() == Some(&post.work(self.now()))
            && !self.over.load(Ordering::SeqCst)
        {
            thread::park();
        }
    }

    fn begins(&self, number: usize) {
        let Some(post) = self.posts.get(number) else {
            return;
        };
        post.since.store(self.now(), Ordering::SeqCst);
        if post.watched.load(Ordering::SeqCst) && post.watched.swap(false, Ordering::SeqCst) {
            self.wake(number + 1);
        }
    }

    fn rests(&self, number: usize) {
        if let Some(post) = self.posts.get(number) {
            let since = post.since.load(Ordering::Relaxed);
            let worked = self.now().saturating_sub(since);
            // Counted twice for a moment rather than not at all.
            post.worked.fetch_add(worked, Ordering::SeqCst);
            if worked >= micros(LONG) {
                post.long.fetch_add(worked, Ordering::SeqCst);
            }
            post.since.store(RESTS, Ordering::SeqCst);
        }
    }

    fn wake(&self, number: usize) {
        let thread = self.posts.get(number).and_then(|post| post.thread.get());
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    /// What the first `count` have done.
    fn work(&self, count: usize) -> impl Iterator<Item = Work> {
        self.posts
            .iter()
            .take(count)
            .map(|post| post.work(self.now()))
    }

    fn all(&self, count: usize) -> Work {
        self.work(count).fold(Work::default(), |sum, one| Work {
            all: sum.all + one.all,
            long: sum.long + one.long,
        })
    }

    fn now(&self) -> u64 {
        micros(self.began.elapsed())
    }
}

impl Post {
    fn work(&self, now: u64) -> Work {
        let worked = self.worked.load(Ordering::SeqCst);
        let long = self.long.load(Ordering::SeqCst);
        let under_way = match self.since.load(Ordering::SeqCst) {
            RESTS => 0,
            since => now.saturating_sub(since),
        };
        Work {
            all: worked + under_way,
            long,
        }
    }
}

impl Work {
    /// One thread that has done this in that time kept sessions waiting.
    fn keeps_waiting(self, took: u64) -> bool {
        self.all >= took / 16 * 15 || self.long >= took / 4
    }

    /// So many threads can do it in that time, and have room for more.
    fn fits(self, threads: usize, took: u64) -> bool {
        self.all < took.saturating_mul(threads as u64) / 4 * 3 && self.long < took / 8
    }
}

impl Sub for Work {
    type Output = Work;

    fn sub(self, before: Work) -> Work {
        Work {
            all: self.all.saturating_sub(before.all),
            long: self.long.saturating_sub(before.long),
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        for number in 0..self.0.posts.len() {
            self.0.wake(number);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol::channel::{self, Receiver, Sender};
    use std::sync::mpsc;
    use std::thread::JoinHandle;

    struct Running {
        executor: Arc<Executor<'static>>,
        threads: Vec<JoinHandle<()>>,
        // In this order, as in the server.
        working: Working,
        done: Sender<()>,
    }

    impl Running {
        fn new(count: usize) -> Self {
            let executor = Arc::new(Executor::new());
            let (done, over): (_, Receiver<()>) = channel::bounded(1);
            let (threads, working) = Threads::new(count);
            let run = |number| {
                let (executor, over) = (Arc::clone(&executor), over.clone());
                let threads = Arc::clone(&threads);
                thread::spawn(move || {
                    threads.serve(number, &executor, async {
                        let _ = over.recv().await;
                    });
                })
            };
            Running {
                threads: (0..count).map(run).collect(),
                executor,
                working,
                done,
            }
        }

        /// All of its threads end.
        fn end(self) {
            drop(self.working);
            drop(self.done);
            for thread in self.threads {
                thread.join().unwrap();
            }
        }
    }

    /// `count` tasks that each hold up a thread until all of them run.
    fn all_wait_for_each_other(running: &Running, count: usize) {
        let barrier = Arc::new(std::sync::Barrier::new(count + 1));
        for _ in 0..count {
            let barrier = Arc::clone(&barrier);
            let waits = async move {
                barrier.wait();
            };
            running.executor.spawn(waits).detach();
        }
        barrier.wait();
    }

    #[test]
    fn one_that_waits_is_stood_in_for_each_time() {
        let running = Running::new(2);
        for pause in [0, 1, 5, 50, 500] {
            thread::sleep(Duration::from_millis(pause));
            let (says, heard) = mpsc::channel();
            let waits = running.executor.spawn(async move { heard.recv() });
            // Behind it, or before: both have to run for either to end.
            running
                .executor
                .spawn(async move { says.send(()) })
                .detach();
            assert_eq!(smol::block_on(waits), Ok(()));
            all_wait_for_each_other(&running, 2);
        }
        running.end();
    }

    #[test]
    fn as_many_serve_as_there_are() {
        let running = Running::new(5);
        all_wait_for_each_other(&running, 5);
        thread::sleep(STINT * 5);
        all_wait_for_each_other(&running, 5);
        running.end();
    }

    #[test]
    fn they_end_whatever_they_do() {
        for pause in [0, 1, 20] {
            let running = Running::new(3);
            thread::sleep(Duration::from_millis(pause));
            running.end();
        }
    }

    #[test]
    fn help_comes_where_sessions_wait_and_goes_where_they_do_not() {
        let work = |all, long| Work { all, long };
        // No rest; one that waits; long pieces.
        assert!(work(2000, 0).keeps_waiting(2000));
        assert!(work(600, 600).keeps_waiting(2000));
        assert!(!work(1700, 300).keeps_waiting(2000));
        // What two have done one can do, or not.
        assert!(work(10_000, 0).fits(1, 20_000));
        assert!(!work(18_000, 0).fits(1, 20_000));
        assert!(!work(10_000, 5000).fits(1, 20_000));
        assert!(work(18_000, 0).fits(2, 20_000));
    }
}
