//! The client machine walked exhaustively: every policy, every reply class, every outcome of every order, late reports, loss at any
//! time. The invariants hold in every state; and with any one rule repealed, a violation is found.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a checker stops at the first thing it does not expect"
)]

mod monitor;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::hash::{BuildHasher, Hash, Hasher};
use std::path::Path;
use std::time::Instant as Clock;

use foldhash::quality::{FixedState, FoldHasher};
use foldhash::{HashSet, HashSetExt};
use ftp_proto::Tickets;
use ftp_proto::client::{AuthMethod, ClearText, DataMode, DataModes, Security};
use ftp_proto::rules::{Law, Rule};

use monitor::{Violation, violated};
use world::{Action, Op, Plan, World};

/// What a walk came to.
struct Walk {
    states: usize,
    transitions: usize,
    violation: Option<(Violation, Vec<Action>)>,
}

/// Visits every state that can be reached, each once.
fn walk(plan: &Plan, stop_at_states: usize) -> Walk {
    let mut seen: HashSet<u128> = HashSet::new();
    let mut paths: Vec<(u32, Action)> = Vec::new();
    let mut open: Vec<(u32, World)> = Vec::new();
    let mut transitions = 0;
    let start = match World::new(plan) {
        Ok(start) => start,
        Err(violation) => {
            return Walk {
                states: 0,
                transitions: 0,
                violation: Some((violation, Vec::new())),
            };
        }
    };
    seen.insert(fingerprint(&start));
    paths.push((u32::MAX, Action::Eof));
    open.push((0, start));
    while let Some((at, world)) = open.pop() {
        for action in world.actions(plan) {
            let mut next = world.copy();
            transitions += 1;
            match next.step(plan, action) {
                Ok(false) => {}
                Ok(true) => {
                    if !next.is_over() && seen.insert(fingerprint(&next)) {
                        let index = u32::try_from(paths.len()).unwrap();
                        paths.push((at, action));
                        open.push((index, next));
                    }
                }
                Err(violation) => {
                    let mut path = vec![action];
                    let mut up = at;
                    while up != 0 && up != u32::MAX {
                        let (parent, action) = paths[up as usize];
                        path.push(action);
                        up = parent;
                    }
                    path.reverse();
                    return Walk {
                        states: seen.len(),
                        transitions,
                        violation: Some((violation, path)),
                    };
                }
            }
        }
        if seen.len() > stop_at_states {
            let what = violated(UNBOUNDED, format!("more than {stop_at_states} states"));
            return Walk {
                states: seen.len(),
                transitions,
                violation: Some((what, Vec::new())),
            };
        }
    }
    Walk {
        states: seen.len(),
        transitions,
        violation: None,
    }
}

/// Walks a path again and tells the dialogue.
fn tell(plan: &Plan, path: &[Action]) {
    world::TELLING.set(true);
    if let Ok(mut world) = World::new(plan) {
        for action in path {
            if world.step(plan, *action).is_err() {
                break;
            }
        }
    }
    world::TELLING.set(false);
}

fn fingerprint(world: &World) -> u128 {
    let seeds = [FixedState::with_seed(1), FixedState::with_seed(2)];
    let mut halves = Halves(seeds.each_ref().map(BuildHasher::build_hasher));
    world.hash(&mut halves);
    let [high, low] = halves.0.map(|half| u128::from(half.finish()));
    high << 64 | low
}

/// Two hashes, of one pass over what is hashed.
struct Halves<'a>([FoldHasher<'a>; 2]);

macro_rules! both {
    ($($write:ident($what:ty))*) => {
        $(fn $write(&mut self, what: $what) {
            for half in &mut self.0 {
                half.$write(what);
            }
        })*
    };
}

impl Hasher for Halves<'_> {
    both! {
        write(&[u8])
        write_u8(u8)
        write_u16(u16)
        write_u32(u32)
        write_u64(u64)
        write_u128(u128)
        write_usize(usize)
    }

    fn finish(&self) -> u64 {
        self.0[0].finish()
    }
}

fn policies() -> Vec<(&'static str, Security, u8)> {
    let one = |method| Security::required().methods(&[method]).unwrap();
    vec![
        ("required", Security::required(), 2),
        ("required, TLS only", one(AuthMethod::Tls), 1),
        ("required, SSL only", one(AuthMethod::Ssl), 1),
        ("required, TLS-P", one(AuthMethod::TlsP), 1),
        ("required, 334 taken", one(AuthMethod::Tls).accept_334(), 1),
        ("implicit", Security::implicit(), 0),
        ("control only", Security::required().clear_data(), 2),
        (
            "or clear for anonymous",
            one(AuthMethod::Tls).or_clear(ClearText::Anonymous),
            1,
        ),
        (
            "or clear",
            Security::required().or_clear(ClearText::Everybody),
            2,
        ),
        (
            "clear for anonymous",
            Security::clear(ClearText::Anonymous),
            0,
        ),
        ("clear", Security::clear(ClearText::Everybody), 0),
        ("required, CCC allowed", one(AuthMethod::Tls).allow_ccc(), 1),
    ]
}

/// The id of a walk that was stopped.
const UNBOUNDED: &str = "unbounded";

/// A walk that grows beyond this has a counter that never comes back.
const STATES_AT_MOST: usize = 2_000_000;

const PASSIVE: &[DataMode] = &[DataMode::Epsv, DataMode::Pasv];
const ACTIVE: &[DataMode] = &[DataMode::Eprt, DataMode::Port];
const MIXED: &[DataMode] = &[DataMode::Epsv, DataMode::Eprt];

/// Whether a script is walked under the policy of this name.
type WalkedUnder = fn(&str) -> bool;

/// What the application asks for, and under which policies that is walked by default; `MODEL_FULL=1` walks the whole product.
///
/// Policies differ before the login and at PROT; the life of a transfer is walked under TLS and in clear.
fn scripts() -> Vec<(&'static [Op], WalkedUnder)> {
    let anywhere: WalkedUnder = |_| true;
    let transfers: WalkedUnder = |policy| matches!(policy, "required, TLS only" | "clear");
    vec![
        (&[Op::Login, Op::Rename, Op::Quit], anywhere),
        (&[Op::Login, Op::Login], transfers),
        (&[Op::Login, Op::Retrieve, Op::Quit], transfers),
        (&[Op::Login, Op::Store], transfers),
        (&[Op::Login, Op::StoreEager], |policy| policy == "clear"),
        (&[Op::Login, Op::RetrieveAt], transfers),
        (&[Op::Login, Op::List], |policy| {
            matches!(policy, "clear" | "control only" | "implicit")
        }),
        (&[Op::Login, Op::Features, Op::Ccc, Op::List], |policy| {
            policy == "required, CCC allowed"
        }),
        (&[Op::Login, Op::Features, Op::Ccc, Op::Account], |policy| {
            matches!(policy, "required, CCC allowed" | "required")
        }),
        (&[Op::Login, Op::Reinitialize, Op::Login], |policy| {
            matches!(policy, "clear" | "or clear")
        }),
    ]
}

fn plans() -> Vec<Plan> {
    let full = std::env::var_os("MODEL_FULL").is_some();
    let mut plans = Vec::new();
    for (policy, security, methods) in policies() {
        for (script, walked_under) in scripts() {
            if !full && !walked_under(policy) {
                continue;
            }
            for (lock_step, queued) in [(true, false), (false, false), (false, true)] {
                for modes in [PASSIVE, ACTIVE, MIXED] {
                    let moves_files = script.iter().any(Op::moves_a_file);
                    if modes != PASSIVE
                        && !(moves_files && (full || policy == "required, TLS only"))
                    {
                        continue;
                    }
                    for user in ["anonymous", "someone"] {
                        if user == "anonymous" && !policy.contains("anonymous") {
                            continue;
                        }
                        let how = match (lock_step, queued) {
                            (true, _) => "lock-step",
                            (false, false) => "batches",
                            (false, true) => "batches, queued",
                        };
                        plans.push(Plan {
                            name: format!("{policy}; {script:?}; {how}; {modes:?}; {user}"),
                            security,
                            methods,
                            user,
                            account: script.contains(&Op::List) || script.len() == 2,
                            lock_step,
                            modes: DataModes::new(modes).unwrap(),
                            script,
                            queued,
                            peer: "127.0.0.1".parse().unwrap(),
                            tickets: if lock_step {
                                Tickets::Left(1)
                            } else {
                                Tickets::Left(2)
                            },
                            renewal: false,
                            orphans_possible: !lock_step,
                            law: Law::default(),
                        });
                    }
                }
            }
        }
    }
    plans.extend(renewals());
    if let Ok(only) = std::env::var("MODEL_ONLY") {
        plans.retain(|plan: &Plan| plan.name.contains(&only));
    }
    plans
}

/// TLS 1.3 tickets that come and go: the listing that renews them, before an upload or a download, and beside an abort.
fn renewals() -> Vec<Plan> {
    let scripts: [&'static [Op]; 1] = [&[Op::Login, Op::Store, Op::Store]];
    let plan = |script: &'static [Op]| Plan {
        name: format!("renewal of tickets; {script:?}"),
        security: Security::required().methods(&[AuthMethod::Tls]).unwrap(),
        methods: 1,
        user: "someone",
        account: false,
        lock_step: false,
        modes: DataModes::new(&[DataMode::Epsv]).unwrap(),
        script,
        queued: false,
        peer: "127.0.0.1".parse().unwrap(),
        tickets: Tickets::Left(2),
        renewal: true,
        orphans_possible: true,
        law: Law::default(),
    };
    scripts.map(plan).into()
}

#[test]
fn every_state_of_every_policy_keeps_the_invariants() {
    let started = Clock::now();
    let plans = plans();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let totals = std::sync::Mutex::new((Counts::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(plan) = plans.get(at) else { return };
                    let walk = walk(plan, STATES_AT_MOST);
                    let mut totals = totals.lock().unwrap();
                    let policy = plan.name.split(';').next().unwrap().to_owned();
                    let count = totals.0.entry(policy).or_default();
                    count[0] += 1;
                    count[1] += walk.states;
                    count[2] += walk.transitions;
                    if std::env::var_os("MODEL_VERBOSE").is_some() {
                        println!("{:>9} {:>10}  {}", walk.states, walk.transitions, plan.name);
                    }
                    if let Some((violation, path)) = walk.violation {
                        totals.1.push((plan, violation, path));
                    }
                }
            });
        }
    });
    let (counts, violations) = totals.into_inner().unwrap();
    let sum = |column: usize| counts.values().map(|count| count[column]).sum::<usize>();
    let (states, transitions) = (sum(1), sum(2));
    let renewals = world::RENEWALS.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "{} plans, {states} states, {transitions} transitions, {renewals} listings for tickets, {:.1} s",
        plans.len(),
        started.elapsed().as_secs_f32()
    );
    assert!(renewals > 0 || !plans.iter().any(|plan| plan.renewal));
    for (plan, violation, path) in violations.iter().take(8) {
        println!(
            "VIOLATED {}: {} {}",
            plan.name, violation.id, violation.what
        );
        tell(plan, path);
    }
    assert!(
        violations.is_empty(),
        "{} plans violate an invariant",
        violations.len()
    );
    if std::env::var_os("MODEL_ONLY").is_none() && std::env::var_os("MODEL_FULL").is_none() {
        check(&counts);
    }
}

/// By policy: plans, states, transitions.
type Counts = BTreeMap<String, [usize; 3]>;

/// The counts are what they were: a walk that has lost a part of its world finds nothing, and would not say so. A twentieth more or less is no
/// news. `MODEL_WRITE=1` writes the table again.
fn check(counts: &Counts) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model/states.tsv");
    if std::env::var_os("MODEL_WRITE").is_some() {
        let mut text = String::from("# policy\tplans\tstates\ttransitions\n");
        for (policy, [plans, states, transitions]) in counts {
            writeln!(text, "{policy}\t{plans}\t{states}\t{transitions}").unwrap();
        }
        fs::write(&path, text).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let committed: Counts = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields = line.split('\t');
            let policy = fields.next().unwrap().to_owned();
            (
                policy,
                [(); 3].map(|()| fields.next().unwrap().parse().unwrap()),
            )
        })
        .collect();
    assert!(
        committed.keys().eq(counts.keys()),
        "other policies than in {}",
        path.display()
    );
    for (policy, now) in counts {
        println!(
            "{policy}: {} plans, {} states, {} transitions",
            now[0], now[1], now[2]
        );
        for (now, before) in now.iter().zip(committed[policy]) {
            assert!(
                now.abs_diff(before) * 20 <= before,
                "{policy}: {now}, and there were {before}; if that is meant: MODEL_WRITE=1"
            );
        }
    }
}

#[test]
fn every_rule_repealed_is_caught() {
    let started = Clock::now();
    let plans = plans();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let missed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(rule) = Rule::CLIENT.get(at) else {
                        return;
                    };
                    match caught(&plans, *rule) {
                        Some((plan, violation, steps)) => println!(
                            "{rule:?}: caught by {} after {steps} steps ({}) [{plan}]",
                            violation.id, violation.what
                        ),
                        None => {
                            println!("{rule:?}: NOT CAUGHT");
                            missed.lock().unwrap().push(rule);
                        }
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    println!(
        "{} of {} repealed rules caught, {:.1} s",
        Rule::CLIENT.len() - missed.len(),
        Rule::CLIENT.len(),
        started.elapsed().as_secs_f32()
    );
    assert!(
        missed.is_empty(),
        "repealing these changes nothing: {missed:?}"
    );
}

/// The first violation under a law without `rule`: a little of every plan first, then more, then all.
fn caught(plans: &[Plan], rule: Rule) -> Option<(String, Violation, usize)> {
    [1_000, 20_000, STATES_AT_MOST]
        .into_iter()
        .find_map(|states| {
            plans.iter().find_map(|plan| {
                let plan = Plan {
                    law: world::repealed(rule),
                    ..plan.clone()
                };
                walk(&plan, states)
                    .violation
                    .filter(|(violation, _)| violation.id != UNBOUNDED)
                    .map(|(violation, path)| (plan.name, violation, path.len()))
            })
        })
}
