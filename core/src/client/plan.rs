//! What a client says next: policy as a pure function, without bytes.
//!
//! Commands whose replies do not depend on each other leave in one write. What rides and what does not:
//!
//! * AUTH, CCC, REIN, QUIT, RNFR, REST, RANG, ACCT and every command that changes the remote side go out alone: nothing outstanding before them,
//!   nothing behind them until the reply is there.
//! * PASS rides behind USER; PBSZ, PROT, TYPE, SIZE, the data set-up and a download ride behind each other. A download never rides behind
//!   EPRT or PORT: pyftpdlib answers those only once it has connected, so after the transfer command that came behind.
//! * Behind OPTS HASH nothing rides: a digest by another algorithm would be computed for nobody.
//! * Behind a running transfer nothing is said; once its data has ended, the next batch may leave before its final reply, unless it
//!   ended because our side failed.
//! * In lock-step nothing rides.

use alloc::collections::VecDeque;

use crate::rules::data::Payload;
use crate::rules::login::Login;
use crate::rules::secure::Protection;
use crate::rules::{Law, Rule};
use crate::wire::command::{ProtectionLevel, Type};
use crate::wire::digest::HashAlgorithm;

use super::Transfer;
use super::config::{Batching, Config, DataMode, SizeCheck};
use super::request::{Expected, Kind, Left, Request, Step};

/// All that the decision depends on.
pub(super) struct View<'a> {
    pub(super) law: Law,
    pub(super) config: &'a Config,
    pub(super) protection: Protection,
    pub(super) login: Login,
    /// The type the server will have once everything outstanding is answered.
    pub(super) type_asked: Option<Type>,
    /// PROT C was refused, so P is asked.
    pub(super) private_instead: bool,
    pub(super) lock_step: bool,
    pub(super) mode: DataMode,
    /// An active data address is known to be listening.
    pub(super) listening: bool,
    /// A data connection is up (passive), or can come in (active).
    pub(super) data_reachable: bool,
    /// A data connection is live or a listener is up.
    pub(super) data_live: bool,
    pub(super) transfer: Option<&'a Transfer>,
    /// The next data connection would have nothing left to resume, and what brings new tickets was not given up.
    pub(super) tickets_spent: bool,
    /// What the server may still remember of an earlier request.
    pub(super) restart_left: Option<Left>,
    /// The algorithm the server will use once everything outstanding is answered, if it was told one.
    pub(super) algorithm_asked: Option<HashAlgorithm>,
    /// The server names the size of what it sends, as SIZE would.
    pub(super) sizes_announced: bool,
    /// A transfer before it still waits for its final reply.
    pub(super) concluding: bool,
    pub(super) outstanding: &'a VecDeque<Expected>,
    pub(super) requests: &'a VecDeque<Request>,
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send this command of the `index`-th request.
    Say(usize, Step),
    /// Bring in new tickets before the `index`-th request, a transfer.
    Renew(usize),
    /// Listen for the data connection of the `index`-th request.
    Listen(usize),
    /// Nothing, until something comes in.
    Wait,
}

/// Whether nothing is said behind this transfer: it runs, so its data has not ended. Behind one that failed here ABOR may have to follow, and
/// must find nothing else outstanding.
pub(super) fn holds_all(transfer: &Transfer) -> bool {
    transfer.end.is_none() || transfer.failed_here()
}

/// The next command of the application's requests, in order.
pub(super) fn next(view: &View<'_>) -> Next {
    if view.transfer.is_some_and(holds_all) {
        return Next::Wait;
    }
    for (index, request) in view.requests.iter().enumerate() {
        if let Some(step) = first_unsent(view, request) {
            return match step {
                // Before anything that may touch a file.
                Step::Setup(_)
                    if view.tickets_spent
                        && !request.renewal
                        && may_say(view, request, step)
                        && !view.data_live =>
                {
                    Next::Renew(index)
                }
                Step::Setup(mode) if !mode.is_passive() && !view.listening => {
                    if may_say(view, request, step) {
                        Next::Listen(index)
                    } else {
                        Next::Wait
                    }
                }
                _ if may_say(view, request, step) => Next::Say(index, step),
                _ => Next::Wait,
            };
        }
    }
    Next::Wait
}

/// The commands a request still has to send begin with this one.
fn first_unsent(view: &View<'_>, request: &Request) -> Option<Step> {
    let unsent = |step: Step| {
        let unsent = !request.sent.has(step) && belongs(view, request, step);
        unsent.then_some(step)
    };
    if request.kind == Kind::Login {
        return unsent(Step::User)
            .or_else(|| unsent(Step::Pass))
            .or_else(|| unsent(Step::Acct))
            .or_else(|| unsent(Step::Pbsz))
            .or_else(|| unsent(Step::Prot(protection_level(view))));
    }
    // What comes before the command itself is over once that has left: a request that only waits for its replies takes nothing back from
    // the one behind it.
    if !request.sent.has(Step::Verb) {
        let wanted_type = request.wanted_type().unwrap_or(Type::Image);
        let algorithm = request.algorithm.unwrap_or(HashAlgorithm::Sha256);
        let next = unsent(Step::Type(wanted_type))
            .or_else(|| unsent(Step::Algorithm(algorithm)))
            .or_else(|| unsent(Step::Size))
            .or_else(|| unsent(Step::Setup(view.mode)))
            .or_else(|| unsent(Step::Allo))
            .or_else(|| unsent(Step::Rest))
            .or_else(|| unsent(Step::Verb));
        if next.is_some() {
            return next;
        }
    }
    unsent(Step::RenameTo).or_else(|| unsent(Step::Confirm))
}

fn protection_level(view: &View<'_>) -> ProtectionLevel {
    if view.private_instead {
        ProtectionLevel::Private
    } else {
        view.config.security.data_level()
    }
}

/// Whether `step` is part of `request` as things stand.
fn belongs(view: &View<'_>, request: &Request, step: Step) -> bool {
    let user_outstanding = || {
        view.outstanding
            .iter()
            .any(|expected| expected.step == Step::User)
    };
    match (request.kind, step) {
        (Kind::Login, Step::User) => view.login == Login::Out,
        (Kind::Login, Step::Pass) => view.login == Login::PasswordDue || user_outstanding(),
        (Kind::Login, Step::Acct) => view.login == Login::AccountDue,
        (Kind::Login, Step::Pbsz | Step::Prot(_)) => view.protection.is_secure(),
        (Kind::Transfer(..) | Kind::Size | Kind::Hash, Step::Type(_)) => request
            .wanted_type()
            .is_some_and(|wanted| view.type_asked != Some(wanted)),
        (Kind::Transfer(..), Step::Size) => asks_size(view, request),
        (Kind::Transfer(..), Step::Setup(_)) => true,
        (Kind::Transfer(_, Payload::FileOut), Step::Allo) => request.allocate.is_some(),
        (Kind::Transfer(_, payload), Step::Rest) => {
            // A file must not begin where another one was to go on: the point is set to 0. Listings leave it as it is.
            request.offset > 0
                || request.length.is_some()
                || (view.restart_left.is_some()
                    && matches!(payload, Payload::FileIn | Payload::FileOut))
        }
        // A restart point means nothing to HASH.
        (Kind::Hash, Step::Rest) => {
            request.length.is_some() || view.restart_left == Some(Left::Range)
        }
        (Kind::Hash, Step::Algorithm(_)) => {
            request.algorithm.is_some() && view.algorithm_asked != request.algorithm
        }
        (Kind::Transfer(..), Step::Confirm) => request.doubtful.is_some(),
        (Kind::Rename, Step::RenameTo) => true,
        (_, Step::Verb) => true,
        _ => false,
    }
}

fn asks_size(view: &View<'_>, request: &Request) -> bool {
    let download = matches!(request.kind, Kind::Transfer(_, Payload::FileIn));
    download
        && !request.ascii
        && request.size.is_none()
        && match view.config.size_check {
            SizeCheck::Never => false,
            // No round trip, but a command: it costs a server that is near a tenth of a small file.
            SizeCheck::WhenFree if view.sizes_announced && request.is_whole() => false,
            SizeCheck::WhenFree => may_batch(view),
            SizeCheck::Always => true,
        }
}

fn may_batch(view: &View<'_>) -> bool {
    view.config.batching == Batching::Independent && !view.lock_step
}

/// Whether `step` may leave now.
fn may_say(view: &View<'_>, request: &Request, step: Step) -> bool {
    let idle = view.outstanding.is_empty();
    let rides = idle
        || (may_batch(view)
            && view.outstanding.len() < view.config.limits.pending_commands
            && view
                .outstanding
                .iter()
                .all(|expected| lets_ride(view, expected)));
    match step {
        Step::User => idle,
        Step::Pass => {
            rides
                && (idle
                    || view.protection.is_secure()
                    || view.config.security.clear_text().is_some())
        }
        Step::Acct | Step::Allo | Step::Rest | Step::RenameTo => idle,
        Step::Pbsz
        | Step::Prot(_)
        | Step::Type(_)
        | Step::Algorithm(_)
        | Step::Size
        | Step::Confirm => rides,
        Step::Setup(_) => rides && (view.listening || !view.data_live),
        Step::Verb => match request.kind {
            // No more than two transfers can wait for their final reply.
            Kind::Transfer(..) if view.concluding => false,
            kind @ Kind::Transfer(..) if kind.only_reads() => {
                rides && (view.mode.is_passive() || request.done.has(Step::Setup(view.mode)))
            }
            Kind::Transfer(..) if !view.law.holds(Rule::ChangesRideAlone) => rides,
            Kind::Transfer(..) => {
                idle && request.done.has(Step::Setup(view.mode)) && view.data_reachable
            }
            kind if kind.only_reads() => rides,
            _ => idle,
        },
        Step::Auth(_) | Step::Abort | Step::Barrier | Step::Keepalive => false,
    }
}

/// Whether others may ride behind this outstanding command.
fn lets_ride(view: &View<'_>, expected: &Expected) -> bool {
    match expected.step {
        Step::User
        | Step::Pass
        | Step::Pbsz
        | Step::Prot(_)
        | Step::Type(_)
        | Step::Size
        | Step::Confirm
        | Step::Setup(_) => true,
        Step::Verb if !view.law.holds(Rule::ChangesRideAlone) => true,
        // A transfer whose data has ended; one that runs was ruled out before.
        Step::Verb => expected
            .kind
            .is_some_and(|kind| kind.only_reads() || matches!(kind, Kind::Transfer(..))),
        _ => false,
    }
}
