//! Where work is done that may have to wait for a disk.
//!
//! Most of it does not wait: what files are read from and written to is memory. Handing such work to another thread and being woken
//! costs more than the work. So it is done at once, on a thread that serves, as long as enough other threads go on serving, and as long as
//! it proves to be quick; otherwise by threads that are there to wait.
//!
//! Where two transfers want to move payload at once there is a crowd. Then what is sent is moved by the system itself, which takes the processors
//! least.
//!
//! What is true of names is not of payload: a name that was slow to be replaced says nothing about reading.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Memory takes no longer.
const QUICK: Duration = Duration::from_millis(5);

/// How long nothing is done at once after that, as a multiple of how long it took.
const RESPITE: u32 = 10;

/// How long there is a crowd after two transfers wanted to move payload at once.
const CROWD: Duration = Duration::from_secs(1);

thread_local! {
    /// The crew this thread is one of.
    static CREW: RefCell<Option<Arc<Crew>>> = const { RefCell::new(None) };
}

/// The threads that serve, as far as they may wait.
pub(super) struct Crew {
    began: Instant,
    /// Work that took longer has waited for something.
    quick: Duration,
    /// How many of them may be at work that waits.
    bound: usize,
    away: AtomicUsize,
    /// Until when none may for the sake of names, and of payload, in microseconds since the beginning.
    slow_until: [AtomicU64; 2],
    /// Until when there are many transfers.
    crowded_until: AtomicU64,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Names: finding, opening, renaming.
    Names,
    /// A piece of a file.
    Payload,
    /// A piece of a file that the system moves by itself.
    Passing,
}

impl Crew {
    /// So many threads, of which one always serves.
    pub(super) fn new(threads: usize) -> Arc<Self> {
        Crew::with(threads, QUICK)
    }

    fn with(threads: usize, quick: Duration) -> Arc<Self> {
        Arc::new(Crew {
            began: Instant::now(),
            quick,
            bound: threads.saturating_sub(1),
            away: AtomicUsize::new(0),
            slow_until: Default::default(),
            crowded_until: AtomicU64::new(0),
        })
    }

    /// Makes this thread one of them.
    pub(super) fn enlist(self: &Arc<Self>) {
        CREW.set(Some(Arc::clone(self)));
    }

    /// Leave for one of them to be away, until it is dropped.
    fn leave(self: Arc<Self>, work: Work) -> Option<Leave> {
        let began = Instant::now();
        let now = began.duration_since(self.began);
        if micros(now) < self.slow_until(work).load(Ordering::Relaxed) {
            return None;
        }
        let may = |away: usize| (away < self.bound).then_some(away + 1);
        let taken = self
            .away
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, may);
        if taken.is_err() {
            if work == Work::Payload {
                let until = micros(now.saturating_add(CROWD));
                self.crowded_until.fetch_max(until, Ordering::Relaxed);
            }
            return None;
        }
        Some(Leave {
            crew: self,
            work,
            began,
        })
    }

    fn slow_until(&self, work: Work) -> &AtomicU64 {
        let [names, payload] = &self.slow_until;
        match work {
            Work::Names => names,
            Work::Payload | Work::Passing => payload,
        }
    }

    fn is_crowded(&self, now: Duration) -> bool {
        micros(now) < self.crowded_until.load(Ordering::Relaxed)
    }
}

struct Leave {
    crew: Arc<Crew>,
    work: Work,
    began: Instant,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.crew.away.fetch_sub(1, Ordering::AcqRel);
        let took = self.began.elapsed();
        if took > self.crew.quick {
            let respite = took.saturating_mul(RESPITE);
            let until = micros(self.crew.began.elapsed().saturating_add(respite));
            let slow_until = self.crew.slow_until(self.work);
            slow_until.fetch_max(until, Ordering::Relaxed);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Moves a piece of payload at once if this thread may wait.
pub(super) fn at_once<T>(act: impl FnOnce() -> T) -> Option<T> {
    on_leave(Work::Payload, act).ok()
}

/// Has the system move a piece of payload by itself, at once if this thread may wait.
pub(super) fn pass_at_once<T>(act: impl FnOnce() -> T) -> Option<T> {
    on_leave(Work::Passing, act).ok()
}

/// Whether there are many transfers.
pub(super) fn is_crowded() -> bool {
    let crew = CREW.with_borrow(Option::clone);
    crew.is_some_and(|crew| crew.is_crowded(crew.began.elapsed()))
}

fn on_leave<T, F: FnOnce() -> T>(work: Work, act: F) -> Result<T, F> {
    let crew = CREW.with_borrow(Option::clone);
    match crew.and_then(|crew| crew.leave(work)) {
        Some(_leave) => Ok(act()),
        None => Err(act),
    }
}

/// Does `act`, which is about names and short, where it may wait.
pub(super) async fn offload<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    match on_leave(Work::Names, act) {
        Ok(done) => done,
        Err(act) => smol::unblock(act).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// What `act` says on a thread of this crew.
    fn on_crew<T: Send + 'static>(crew: &Arc<Crew>, act: impl FnOnce() -> T + Send + 'static) -> T {
        let crew = Arc::clone(crew);
        let thread = thread::spawn(move || {
            crew.enlist();
            act()
        });
        thread.join().unwrap()
    }

    fn at_once_now() -> bool {
        on_leave(Work::Names, || ()).is_ok()
    }

    #[test]
    fn nobody_else_waits() {
        assert!(!at_once_now());
        assert!(!on_crew(&Crew::new(1), at_once_now));
        assert!(on_crew(&Crew::new(2), at_once_now));
    }

    #[test]
    fn one_of_them_always_serves() {
        let crew = Crew::with(3, Duration::MAX);
        let inner = Arc::clone(&crew);
        let depths = on_crew(&crew, move || {
            let second = Arc::clone(&inner);
            at_once(|| {
                on_crew(&second, move || {
                    at_once(|| on_crew(&inner, at_once_now)).unwrap_or(true)
                })
            })
            .unwrap_or(true)
        });
        // The first and the second were away; the third was not to be.
        assert!(!depths);
        // Both are back.
        assert!(on_crew(&crew, at_once_now));
    }

    #[test]
    fn slow_work_goes_elsewhere_for_a_while() {
        const SLOW: Duration = Duration::from_millis(100);
        let crew = Crew::with(2, SLOW / 2);
        on_crew(&crew, || {
            assert!(at_once(|| thread::sleep(SLOW)).is_some());
            assert!(at_once(|| ()).is_none());
            assert!(pass_at_once(|| ()).is_none());
            assert!(at_once_now(), "names are not payload");
            assert!(on_leave(Work::Names, || thread::sleep(SLOW)).is_ok());
            assert!(!at_once_now());
        });
        // However long the sleep was, its respite ends.
        let back = (0..1000).any(|_| {
            thread::sleep(SLOW);
            on_crew(&crew, at_once_now)
        });
        assert!(back);
    }

    #[test]
    fn payload_of_two_at_once_is_a_crowd_for_a_while() {
        let crew = Crew::with(2, Duration::MAX);
        let payload_now = || at_once(|| ()).is_some();
        assert!(on_crew(&crew, payload_now));
        assert!(!on_crew(&crew, is_crowded));
        let other = Arc::clone(&crew);
        let both = on_crew(&crew, move || at_once(|| on_crew(&other, payload_now)));
        assert_eq!(both, Some(false), "one of them serves");
        assert!(on_crew(&crew, is_crowded));
        assert!(on_crew(&crew, payload_now));
        let over = (0..1000).any(|_| {
            thread::sleep(CROWD);
            !on_crew(&crew, is_crowded)
        });
        assert!(over);
    }

    #[test]
    fn it_is_done_either_way() {
        assert_eq!(smol::block_on(offload(|| 7)), 7);
        let on_thread = on_crew(&Crew::new(2), || {
            let here = thread::current().id();
            smol::block_on(offload(move || thread::current().id() == here))
        });
        assert!(on_thread);
    }
}
