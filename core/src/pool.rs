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
    /// It has risen, and what came of that is not known yet.
    raised: bool,
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
            raised: false,
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
            self.raised = true;
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
        if core::mem::take(&mut self.raised) {
            self.raise_wait = self.limits.raise_after;
        }
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
            if core::mem::take(&mut self.raised) {
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
    let said = failure.reply().map(|reply| reply.text());
    let text = said.unwrap_or_default().to_ascii_lowercase();
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    use crate::order::Fault;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn replied(kind: FailureKind, verb: Option<Verb>, code: u16, text: &str) -> Failure {
        let code = Code::new(code).unwrap();
        Failure::replied(kind, verb, code, text.as_bytes().to_vec())
    }

    fn too_many() -> Failure {
        let text = "There are too many connections from your internet address.";
        replied(FailureKind::GreetingRefused, None, 421, text)
    }

    fn quota(sessions: usize) -> Quota {
        Quota::new(QuotaLimits {
            sessions,
            ..QuotaLimits::default()
        })
    }

    /// A quota with so many sessions up.
    fn with(sessions: usize, up: usize) -> Quota {
        let mut quota = quota(sessions);
        for _ in 0..up {
            assert_eq!(quota.open(at(0)), Opening::Now);
            quota.opened(at(0));
        }
        quota
    }

    #[test]
    fn one_login_goes_first() {
        let mut quota = quota(3);
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.open(at(0)), Opening::Wait);
        assert_eq!(quota.waits_until(at(0)), None);
        quota.opened(at(0));
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.open(at(0)), Opening::Wait, "that is the bound");
        quota.dropped(at(0));
        assert_eq!(quota.open(at(0)), Opening::Now);
    }

    #[test]
    fn what_the_server_grants_is_the_bound_in_any_order_of_answers() {
        // Seven are opened at once behind the first; the server grants three in all.
        for refused_first in [false, true] {
            let mut quota = with(8, 1);
            for _ in 0..7 {
                assert_eq!(quota.open(at(1)), Opening::Now);
            }
            let grant = |quota: &mut Quota| {
                quota.opened(at(2));
                quota.opened(at(2));
            };
            if !refused_first {
                grant(&mut quota);
            }
            for chance in 0..5 {
                assert_eq!(
                    quota.failed(at(2), Some(&too_many()), chance),
                    Denied::Again
                );
            }
            if refused_first {
                grant(&mut quota);
            }
            assert_eq!((quota.bound(), quota.count()), (3, 3));
            assert_eq!(quota.open(at(5000)), Opening::Wait);
        }
    }

    #[test]
    fn waits_grow_and_are_left_to_chance_by_half() {
        let mut shortest = Vec::new();
        for chance in [0, u64::MAX] {
            let mut quota = with(2, 1);
            let mut now = at(0);
            let mut waits = Vec::new();
            for _ in 0..10 {
                quota.bound = 2;
                assert_eq!(quota.open(now), Opening::Now);
                assert_eq!(quota.failed(now, Some(&too_many()), chance), Denied::Again);
                waits.push(quota.not_before.since(now));
                now = quota.not_before;
            }
            assert!(waits.is_sorted(), "{waits:?}");
            assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(30)));
            assert!(waits.last() >= Some(&Duration::from_secs(15)));
            shortest.push(waits[0]);
        }
        assert_eq!(shortest[0], Duration::from_millis(125));
        assert!(shortest[1] > shortest[0] && shortest[1] <= Duration::from_millis(250));
    }

    #[test]
    fn nothing_is_opened_while_it_waits() {
        let mut quota = with(3, 2);
        assert_eq!(quota.open(at(10)), Opening::Now);
        assert_eq!(quota.failed(at(10), Some(&too_many()), 0), Denied::Again);
        quota.ended(at(11));
        assert_eq!(quota.open(at(11)), Opening::Wait);
        let next = quota.waits_until(at(11)).unwrap();
        assert_eq!(quota.open(next), Opening::Now);
    }

    #[test]
    fn the_bound_rises_by_one_after_a_while_and_more_slowly_when_that_is_refused() {
        let mut quota = with(4, 2);
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.failed(at(0), Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.bound(), 2);
        let first = quota.waits_until(at(0)).unwrap();
        assert_eq!(quota.open(first), Opening::Now);
        assert_eq!(quota.bound(), 3);
        assert_eq!(quota.failed(first, Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.bound(), 2);
        let second = quota.waits_until(first).unwrap();
        assert!(second.since(first) > first.since(at(0)));
        assert_eq!(quota.open(second), Opening::Now);
        quota.opened(second);
        assert_eq!((quota.bound(), quota.count()), (3, 3));
    }

    #[test]
    fn a_refusal_just_after_an_end_does_not_lower_the_bound() {
        let mut quota = with(3, 3);
        quota.ended(at(100));
        assert_eq!(quota.open(at(100)), Opening::Now);
        assert_eq!(quota.failed(at(110), Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.bound(), 3);
        let next = quota.waits_until(at(110)).unwrap();
        assert!(next > at(110), "but it waits");
    }

    #[test]
    fn patience_ends_only_without_any_session() {
        let mut quota = quota(2);
        let mut now = at(0);
        let mut tries = 0;
        loop {
            assert_eq!(quota.open(now), Opening::Now);
            if quota.failed(now, Some(&too_many()), 7) == Denied::Final {
                break;
            }
            tries += 1;
            now = quota.waits_until(now).unwrap();
        }
        assert!(now >= at(60_000) && tries > 4, "{now:?} {tries}");
        let mut quota = with(2, 1);
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.failed(at(0), Some(&too_many()), 0), Denied::Again);
        let later = at(600_000);
        assert_eq!(quota.open(later), Opening::Now);
        assert_eq!(quota.failed(later, Some(&too_many()), 0), Denied::Again);
    }

    #[test]
    fn what_is_no_crowd_is_the_answer() {
        let mut quota = with(4, 1);
        assert_eq!(quota.open(at(0)), Opening::Now);
        let wrong = replied(
            FailureKind::LoginRefused,
            Some(Verb::Pass),
            530,
            "Login incorrect.",
        );
        assert_eq!(quota.failed(at(0), Some(&wrong), 0), Denied::Final);
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.failed(at(0), None, 0), Denied::Final);
        assert_eq!(quota.bound(), 4);
    }

    #[test]
    fn servers_say_it_in_many_words() {
        let login = |code, text| replied(FailureKind::LoginRefused, Some(Verb::Pass), code, text);
        for text in [
            "Sorry, the maximum number of clients (3) from your host are already connected.",
            "Sorry, the maximum number of allowed clients (30) already connected.",
            "Too many users logged in, try again later.",
            "Not logged in, only 2 sessions from same IP allowed concurrently.",
            "User limit reached, too many connections",
        ] {
            assert!(says_too_many(&login(530, text), false), "{text}");
        }
        for text in [
            "Login incorrect.",
            "Too many failed login attempts from this client",
            "Maximum login attempts exceeded, session closed",
            "Only anonymous access is allowed",
            "Invalid password; connection limit for this user is 2",
        ] {
            assert!(!says_too_many(&login(530, text), false), "{text}");
        }
        assert!(says_too_many(&login(421, "whatever"), false));
        // What happened to a transfer says nothing about the login.
        let late = replied(
            FailureKind::ServiceClosing,
            Some(Verb::Retr),
            421,
            "Too many users",
        );
        assert!(!says_too_many(&late, true));
    }

    #[test]
    fn silence_says_it_only_where_others_are_served() {
        for kind in [
            FailureKind::ControlClosed,
            FailureKind::ControlBroken(Fault::Reset),
            FailureKind::ControlTls(TlsFault::ClosedAtHello),
        ] {
            let failure = Failure::new(kind, None);
            assert!(says_too_many(&failure, true));
            assert!(!says_too_many(&failure, false));
        }
    }

    #[test]
    fn rest_is_short_then_checked_then_over() {
        let quota = quota(1);
        let limits = quota.limits().clone();
        let rest = |used: Duration, heard: Duration| {
            quota.rest(
                at(0) + Duration::from_secs(1000),
                at(0) + used,
                at(0) + heard,
            )
        };
        let ago = |wait: Duration| Duration::from_secs(1000).saturating_sub(wait);
        let second = Duration::from_secs(1);
        assert_eq!(rest(ago(second), ago(second)), Rest::Use);
        assert_eq!(
            rest(ago(limits.check_after), ago(limits.check_after)),
            Rest::Check
        );
        assert_eq!(rest(ago(limits.check_after), ago(second)), Rest::Use);
        assert_eq!(rest(ago(limits.keep_idle), ago(second)), Rest::Close);
    }

    #[test]
    fn what_changes_is_told_once_and_in_order() {
        let mut quota = with(3, 2);
        assert_eq!(quota.take_note(), None, "nothing was out of the ordinary");
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.failed(at(0), Some(&too_many()), 5), Denied::Again);
        let wait = Duration::from_millis(125 + 5);
        assert_eq!(quota.take_note(), Some(Note::Lowered(2)));
        assert_eq!(quota.take_note(), Some(Note::BackOff(wait)));
        assert_eq!(quota.take_note(), None);
        let raised = quota.waits_until(at(0)).unwrap();
        assert_eq!(raised, at(0) + quota.limits().raise_after);
        assert_eq!(quota.open(raised), Opening::Now);
        assert_eq!(quota.take_note(), Some(Note::Raised(3)));
        quota.opened(raised);
        assert_eq!(quota.take_note(), None);
        // At the bound another refusal lowers nothing.
        let mut quota = with(2, 1);
        quota.bound = 1;
        quota.opening = 1;
        assert_eq!(quota.failed(at(0), Some(&too_many()), 0), Denied::Again);
        assert_eq!(
            quota.take_note(),
            Some(Note::BackOff(Duration::from_millis(125)))
        );
        assert_eq!(quota.take_note(), None);
        // A wait that ends no later than the one before is none of its own.
        quota.opening = 1;
        quota.refusals = 0;
        assert_eq!(quota.failed(at(0), Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.take_note(), None);
    }

    #[test]
    fn of_many_notes_the_last_ones_are_kept() {
        let mut quota = quota(100);
        for number in 0..20 {
            quota.note(Note::Lowered(number));
        }
        let kept: Vec<Note> = core::iter::from_fn(|| quota.take_note()).collect();
        let wanted: Vec<Note> = (4..20).map(Note::Lowered).collect();
        assert_eq!(kept, wanted);
    }

    #[test]
    fn notes_are_sentences() {
        let told = |note: Note| alloc::format!("{note}");
        assert_eq!(
            told(Note::Lowered(1)),
            "the server grants no more: one session at a time"
        );
        assert_eq!(
            told(Note::Lowered(3)),
            "the server grants no more than 3 sessions"
        );
        assert_eq!(told(Note::Raised(4)), "up to 4 sessions are tried again");
        assert_eq!(
            told(Note::BackOff(Duration::from_millis(1250))),
            "no session is opened for 1250 ms"
        );
    }

    #[test]
    fn the_first_login_proves_the_server_and_only_it() {
        let mut quota = quota(2);
        assert!(!quota.is_proved());
        assert_eq!(quota.open(at(0)), Opening::Now);
        // Nobody is there to compare with: a connection closed without a word is the answer.
        let closed = Failure::new(FailureKind::ControlClosed, None);
        assert_eq!(quota.failed(at(0), Some(&closed), 0), Denied::Final);
        assert_eq!(quota.open(at(0)), Opening::Now);
        quota.opened(at(0));
        assert!(quota.is_proved());
        assert_eq!(quota.open(at(0)), Opening::Now);
        assert_eq!(quota.failed(at(0), Some(&closed), 0), Denied::Again);
    }

    #[test]
    fn a_refusal_just_after_an_opening_was_given_up_does_not_lower_the_bound() {
        let mut quota = with(3, 1);
        assert_eq!(quota.open(at(100)), Opening::Now);
        assert_eq!(quota.open(at(100)), Opening::Now);
        quota.dropped(at(100));
        assert_eq!(quota.failed(at(110), Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.bound(), 3);
        // Later it does.
        let later = at(100) + quota.limits().settling;
        assert_eq!(quota.open(later), Opening::Now);
        assert_eq!(quota.failed(later, Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.bound(), 1);
    }

    #[test]
    fn the_wait_for_a_higher_bound_doubles_to_ten_minutes_and_starts_anew_with_success() {
        let mut quota = with(2, 1);
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(quota.open(now), Opening::Now);
            assert_eq!(quota.failed(now, Some(&too_many()), 0), Denied::Again);
            let next = quota.waits_until(now).unwrap();
            waits.push(next.since(now).as_secs());
            now = next;
        }
        assert_eq!(waits, [60, 120, 240, 480, 600, 600, 600, 600]);
        assert_eq!(quota.open(now), Opening::Now);
        quota.opened(now);
        quota.ended(now);
        let later = now + Duration::from_secs(10);
        assert_eq!(quota.open(later), Opening::Now);
        assert_eq!(quota.failed(later, Some(&too_many()), 0), Denied::Again);
        assert_eq!(quota.waits_until(later).unwrap().since(later).as_secs(), 60);
    }

    #[test]
    fn what_a_session_at_rest_is_good_for_changes_when_it_says() {
        let quota = quota(1);
        let limits = quota.limits();
        // Used last long ago, heard just now: it is closed first.
        let (used, heard) = (at(0), at(0) + limits.keep_idle);
        assert_eq!(quota.rests_until(used, heard), used + limits.keep_idle);
        // Not heard for long: it is asked first.
        assert_eq!(quota.rests_until(at(0), at(0)), at(0) + limits.check_after);
    }

    #[test]
    fn at_the_greeting_the_service_is_meant_and_elsewhere_the_words_count() {
        let greeting = |code, text| replied(FailureKind::GreetingRefused, None, code, text);
        assert!(says_too_many(&greeting(450, "not now"), false));
        assert!(says_too_many(&greeting(530, "too many users"), false));
        assert!(!says_too_many(&greeting(530, "go away"), false));
        assert!(!says_too_many(&greeting(554, "we do not serve you"), true));
        let login = |code, text| {
            let kind = FailureKind::ServiceClosing;
            replied(kind, Some(Verb::User), code, text)
        };
        assert!(!says_too_many(&login(450, "not now"), false));
        for kind in [
            FailureKind::SecurityRefused,
            FailureKind::ProtectionRefused,
            FailureKind::Refused,
            FailureKind::AccountNeeded,
        ] {
            for verb in [Verb::Auth, Verb::Acct, Verb::Pbsz, Verb::Prot] {
                let refused = replied(kind, Some(verb), 421, "closing");
                assert!(says_too_many(&refused, false), "{kind:?} {verb:?}");
            }
            assert!(!says_too_many(&Failure::new(kind, None), true), "{kind:?}");
        }
        // Closed behind a command: that command is what the server did not like.
        let closed = Failure::new(FailureKind::ControlClosed, Some(Verb::Pass));
        assert!(!says_too_many(&closed, true));
        let reset = Failure::new(FailureKind::ControlTls(TlsFault::Reset), None);
        assert!(says_too_many(&reset, true) && !says_too_many(&reset, false));
        let untrusted = FailureKind::ControlTls(TlsFault::ClosedInHandshake);
        assert!(!says_too_many(&Failure::new(untrusted, None), true));
    }

    #[test]
    fn many_of_something_it_must_be() {
        let login = |text| replied(FailureKind::LoginRefused, Some(Verb::Pass), 530, text);
        // How much without of what, and of what without how much.
        assert!(!says_too_many(&login("The maximum is exceeded."), true));
        assert!(!says_too_many(&login("No such client."), true));
        assert!(says_too_many(&login("MAX CLIENTS REACHED"), false));
        assert!(says_too_many(&login("Session limit"), false));
    }

    #[test]
    fn every_command_that_changes_the_session_leaves_traces() {
        for verb in [
            Verb::Cwd,
            Verb::Cdup,
            Verb::Rein,
            Verb::User,
            Verb::Acct,
            Verb::Opts,
            Verb::Site,
            Verb::Ccc,
            Verb::Prot,
            Verb::Mode,
            Verb::Stru,
            Verb::Lang,
            Verb::Host,
            Verb::Smnt,
        ] {
            assert!(leaves_traces(verb), "{verb:?}");
        }
        assert!(!leaves_traces(Verb::Retr) && !leaves_traces(Verb::Noop));
    }
}
