//! Several sessions with one server beside each other: how many, and when. Decisions only, without sessions, I/O, clock or randomness.
//!
//! A [`Quota`] is told what becomes of sessions and says when the next one may be opened. A server that has enough (421, or 530 at the
//! login) lowers the bound to what it has granted, and the next attempt waits, longer each time. The bound rises again, by one session
//! at a time, as others may have left meanwhile.

use alloc::collections::VecDeque;
use core::fmt;
use core::time::Duration;

use crate::error::{Failure, FailureKind};
use crate::order::TlsFault;
use crate::time::Instant;
use crate::wire::command::Verb;
use crate::wire::reply::Code;

/// The bounds of a [`Quota`], each with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct QuotaLimits {
    /// Sessions at once; at least one. Four are what most servers grant to one address.
    pub sessions: usize,
    /// The wait after the first refusal. It doubles with each further one; half of it is left to chance, so that clients that were
    /// refused together do not come back together.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// How long a server may refuse every session before the refusal is the answer.
    pub patience: Duration,
    /// After a session has ended servers count it for a moment: a refusal within this time says nothing about the bound.
    pub settling: Duration,
    /// How long a lowered bound stays before one more session is tried. It doubles each time that one is refused.
    pub raise_after: Duration,
    /// A session that has been at rest for longer is asked (NOOP) before it is used.
    pub check_after: Duration,
    /// A session that has not been used for longer is closed; servers close theirs after 5 minutes (RFC 1123 section 4.1.3.2).
    pub keep_idle: Duration,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        QuotaLimits {
            sessions: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(30),
            patience: Duration::from_secs(60),
            settling: Duration::from_secs(2),
            raise_after: Duration::from_secs(60),
            check_after: Duration::from_secs(15),
            keep_idle: Duration::from_secs(240),
        }
    }
}

/// How many sessions there may be, and when the next one may be opened.
///
/// ```
/// use ftp_proto::pool::{Denied, Opening, Quota, QuotaLimits};
/// use ftp_proto::wire::reply::Code;
/// use ftp_proto::{Failure, FailureKind, Instant};
///
/// let mut quota = Quota::new(QuotaLimits::default());
/// let now = Instant::ZERO;
/// assert_eq!(quota.open(now), Opening::Now);
/// quota.opened(now);
/// assert_eq!(quota.open(now), Opening::Now);
/// let refused = Failure::replied(
///     FailureKind::GreetingRefused,
///     None,
///     Code::SERVICE_NOT_AVAILABLE,
///     b"There are too many connections from your internet address.".to_vec(),
/// );
/// assert_eq!(quota.failed(now, Some(&refused), 0), Denied::Again);
/// assert_eq!(quota.bound(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    limits: QuotaLimits,
    bound: usize,
    opening: usize,
    up: usize,
    /// A login has succeeded.
    proved: bool,
    /// Refusals in a row.
    refusals: u32,
    /// The first of them that met a client without any session.
    refused_since: Option<Instant>,
    /// Nothing is opened before.
    not_before: Instant,
    last_end: Option<Instant>,
    /// When the bound may rise by one.
    raise_at: Instant,
    raise_wait: Duration,
    notes: VecDeque<Note>,
}

/// Whether a session may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opening {
    /// Yes: it is counted, until [`Quota::opened`], [`Quota::failed`] or [`Quota::dropped`].
    Now,
    /// Not before a session comes back or ends, or [`Quota::waits_until`] has come: then it is to be asked again.
    Wait,
}

/// What the failure to open a session comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// The server has enough for now: ask [`Quota::open`] again, which says when.
    Again,
    /// It is the answer.
    Final,
}

/// What a session at rest is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rest {
    /// It is used as it is.
    Use,
    /// It is asked whether it is there before it is used.
    Check,
    /// It is closed.
    Close,
}

/// Something that is worth a line in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Note {
    /// The server refused one more session; so many are tried for now.
    Lowered(usize),
    /// So many are tried again.
    Raised(usize),
    /// No session is opened for so long.
    BackOff(Duration),
}

impl Quota {
    /// Nothing is open yet.
    #[must_use]
    pub fn new(limits: QuotaLimits) -> Self {
        Quota {
            bound: limits.sessions.max(1),
            opening: 0,
            up: 0,
            proved: false,
            refusals: 0,
            refused_since: None,
            not_before: Instant::ZERO,
            last_end: None,
            raise_at: Instant::ZERO,
            raise_wait: limits.raise_after,
            notes: VecDeque::new(),
            limits,
        }
    }

    /// How many sessions are tried at once as things stand.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Sessions that are open, or being opened.
    #[must_use]
    pub fn count(&self) -> usize {
        self.up + self.opening
    }

    /// The bounds it was made with.
    #[must_use]
    pub fn limits(&self) -> &QuotaLimits {
        &self.limits
    }

    /// Asks for one more session. Before the first login has succeeded one is opened at a time: a wrong password sent by all of them
    /// together would lock the user out.
    pub fn open(&mut self, now: Instant) -> Opening {
        match self.waits_until(now) {
            Some(next) if next <= now => {}
            _ => return Opening::Wait,
        }
        if self.count() >= self.bound {
            self.bound += 1;
            self.raise_at = now + self.raise_wait;
            self.note(Note::Raised(self.bound));
        }
        self.opening += 1;
        Opening::Now
    }

    /// When [`Quota::open`] may say something else although nothing has happened.
    #[must_use]
    pub fn waits_until(&self, now: Instant) -> Option<Instant> {
        let full = self.count() >= self.bound;
        if !self.proved && self.opening > 0 || full && self.bound >= self.limits.sessions {
            return None;
        }
        let next = if full {
            self.raise_at.max(self.not_before)
        } else {
            self.not_before
        };
        Some(next.max(now))
    }

    /// Whether a login has succeeded.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.proved
    }

    /// A session is up: logged in.
    pub fn opened(&mut self, now: Instant) {
        self.opening = self.opening.saturating_sub(1);
        self.up += 1;
        self.proved = true;
        self.refusals = 0;
        self.refused_since = None;
        self.not_before = now;
        self.raise_wait = self.limits.raise_after;
    }

    /// A session could not be opened; `None` if the server has not been reached. `chance` is any number, a new one each time.
    pub fn failed(&mut self, now: Instant, failure: Option<&Failure>, chance: u64) -> Denied {
        self.opening = self.opening.saturating_sub(1);
        if !failure.is_some_and(|failure| says_too_many(failure, self.up > 0)) {
            return Denied::Final;
        }
        let settled = self
            .last_end
            .is_none_or(|end| now.since(end) >= self.limits.settling);
        let granted = self.count().max(1);
        if settled && granted < self.bound {
            self.bound = granted;
            if self.refusals > 0 || self.up > 0 {
                self.raise_wait = self.raise_wait.saturating_mul(2).min(LONGEST_RAISE);
            }
            self.note(Note::Lowered(granted));
        }
        self.raise_at = now + self.raise_wait;
        if self.up == 0 {
            let since = *self.refused_since.get_or_insert(now);
            if now.since(since) >= self.limits.patience {
                return Denied::Final;
            }
        }
        self.back_off(now, chance);
        Denied::Again
    }

    /// The opening of a session was given up.
    pub fn dropped(&mut self, now: Instant) {
        self.opening = self.opening.saturating_sub(1);
        self.last_end = Some(now);
    }

    /// A session that was up has ended.
    pub fn ended(&mut self, now: Instant) {
        self.up = self.up.saturating_sub(1);
        self.last_end = Some(now);
    }

    /// What a session is good for that was used last at `used`, and has said something last at `heard`.
    #[must_use]
    pub fn rest(&self, now: Instant, used: Instant, heard: Instant) -> Rest {
        if now.since(used) >= self.limits.keep_idle {
            Rest::Close
        } else if now.since(heard) >= self.limits.check_after {
            Rest::Check
        } else {
            Rest::Use
        }
    }

    /// When that changes.
    #[must_use]
    pub fn rests_until(&self, used: Instant, heard: Instant) -> Instant {
        (used + self.limits.keep_idle).min(heard + self.limits.check_after)
    }

    /// What is worth telling, in order.
    pub fn take_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    fn back_off(&mut self, now: Instant, chance: u64) {
        let doubled = 2_u32.saturating_pow(self.refusals);
        self.refusals = self.refusals.saturating_add(1);
        let longest = self.limits.first_wait.saturating_mul(doubled);
        let longest = longest.min(self.limits.longest_wait);
        let half = longest / 2;
        let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
        let wait = half + Duration::from_millis(chance % millis.saturating_add(1));
        if now + wait > self.not_before {
            self.not_before = now + wait;
            self.note(Note::BackOff(wait));
        }
    }

    fn note(&mut self, note: Note) {
        // Nobody may be interested.
        if self.notes.len() >= NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
    }
}

/// Notes that wait to be taken.
const NOTES: usize = 16;

/// No bound stays lowered for longer than this without another try.
const LONGEST_RAISE: Duration = Duration::from_secs(600);

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Lowered(1) => f.write_str("the server grants no more: one session at a time"),
            Note::Lowered(bound) => write!(f, "the server grants no more than {bound} sessions"),
            Note::Raised(bound) => write!(f, "up to {bound} sessions are tried again"),
            Note::BackOff(wait) => {
                write!(f, "no session is opened for {} ms", wait.as_millis())
            }
        }
    }
}

/// Whether a failure before the end of the login says that the server has enough sessions, of this client or in all. With
/// `others` there are sessions already: then a connection that is closed without a word says so too.
#[must_use]
pub fn says_too_many(failure: &Failure, others: bool) -> bool {
    let at_login = matches!(
        failure.verb,
        None | Some(Verb::Auth | Verb::User | Verb::Pass | Verb::Acct | Verb::Pbsz | Verb::Prot)
    );
    if !at_login {
        return false;
    }
    match failure.kind {
        FailureKind::GreetingRefused
        | FailureKind::ServiceClosing
        | FailureKind::LoginRefused
        | FailureKind::SecurityRefused
        | FailureKind::ProtectionRefused
        | FailureKind::Refused
        | FailureKind::AccountNeeded => match failure.code {
            Some(code) if code == Code::SERVICE_NOT_AVAILABLE => true,
            // A greeting is no place to doubt passwords: it is about the service.
            Some(code) if failure.kind == FailureKind::GreetingRefused => {
                code.value() / 100 == 4 || text_says_too_many(failure)
            }
            Some(_) => text_says_too_many(failure),
            None => false,
        },
        FailureKind::ControlClosed
        | FailureKind::ControlBroken(_)
        | FailureKind::ControlTls(TlsFault::ClosedAtHello | TlsFault::Reset) => {
            others && failure.verb.is_none()
        }
        _ => false,
    }
}

/// The words of servers that answer a login too many like a wrong password. Anything about passwords or attempts is none of it: to try those
/// again would lock the user out.
fn text_says_too_many(failure: &Failure) -> bool {
    let Some(reply) = failure.reply() else {
        return false;
    };
    let text = reply.text().to_ascii_lowercase();
    let has = |word: &&str| text.windows(word.len()).any(|part| part == word.as_bytes());
    let many = ["too many", "maximum", "max ", "limit", "only "];
    let things = ["connect", "client", "session", "users", "logged in"];
    let passwords = ["attempt", "fail", "incorrect", "password", "invalid"];
    many.iter().any(has) && things.iter().any(has) && !passwords.iter().any(has)
}

/// Whether a session is another one after this command: somebody else who goes on with it would meet another directory, another user or
/// other options.
#[must_use]
pub fn leaves_traces(verb: Verb) -> bool {
    !matches!(
        verb,
        Verb::Retr
            | Verb::Stor
            | Verb::Stou
            | Verb::Appe
            | Verb::Allo
            | Verb::Rest
            | Verb::Rnfr
            | Verb::Rnto
            | Verb::Abor
            | Verb::Dele
            | Verb::Rmd
            | Verb::Mkd
            | Verb::Pwd
            | Verb::List
            | Verb::Nlst
            | Verb::Mlsd
            | Verb::Mlst
            | Verb::Size
            | Verb::Mdtm
            | Verb::Mfmt
            | Verb::Syst
            | Verb::Stat
            | Verb::Help
            | Verb::Noop
            | Verb::Feat
            | Verb::Type
            | Verb::Pasv
            | Verb::Epsv
            | Verb::Port
            | Verb::Eprt
    )
}
