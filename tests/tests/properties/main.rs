//! The invariants of a client, and of both roles' wire layer, as properties: whatever the application asks, the server says and the
//! network does.
//!
//! Every test's name begins with the invariant it is about. The cases are the same on every run; `PROPTEST_CASES=n` takes n of them for each
//! property, `PROPERTY_SEED=n` takes others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod book;
mod data;
mod lines;
mod machine;
mod own_rules;
mod protection;
mod transfers;
mod values;
mod waiting;

use std::fmt::Debug;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ftp_proto::Config;
use ftp_proto::testing::{Call, Dialogue, Story, strategies};
use proptest::strategy::Strategy;
use proptest::test_runner::{RngAlgorithm, TestCaseResult, TestRng, TestRunner};

/// Each invariant in one line, and tests elsewhere that show what cannot be seen at the border of the machine: `suite::test`, or
/// `source file::test`.
const INVARIANTS: &[(&str, &str, &[&str])] = &[
    (
        "IC-1",
        "what leaves is whole lines of a verb and an argument, within the bound",
        &[],
    ),
    (
        "IC-2",
        "no secret and no path leaves in clear text, and no data connection is opened unprotected, where TLS is required",
        &[],
    ),
    (
        "IC-3",
        "nothing follows TLS that failed on the control connection",
        &[],
    ),
    (
        "IC-4",
        "bytes in the way of a protection switch end the session",
        &[],
    ),
    (
        "IC-5",
        "what was learned under one protection decides nothing under the next",
        &[],
    ),
    (
        "IC-6",
        "after CCC nothing is said about login or protection, and CCC is said only where allowed",
        &[],
    ),
    (
        "IC-7",
        "replies belong to commands in their order, and no more commands are open than allowed",
        &[],
    ),
    (
        "IC-8",
        "data goes to the control peer, to no low port, whatever a reply names",
        &[],
    ),
    ("IC-9", "an active address is the driver's own", &[]),
    (
        "IC-10",
        "at most one connection is admitted to a listener, and only the server's",
        &[
            "driver-blocking/src/tests/mod.rs::the_server_connects_to_us_and_a_stranger_does_not_get_in",
        ],
    ),
    (
        "IC-11",
        "a data connection is as protected as PROT was acknowledged last",
        &["driver-blocking/src/tests/mod.rs::no_flow_in_clear_where_tls_is_required"],
    ),
    (
        "IC-12",
        "a protected data connection resumes the control connection's session or shows its certificate",
        &[
            "core/src/tls/tests/certificates.rs::a_data_connection_must_show_the_certificate_of_its_control_connection",
            "core/src/tls/tests/handshake.rs::a_server_resumes_nothing_from_another_control_connection",
            "ftps::soak",
        ],
    ),
    (
        "IC-13",
        "a transfer that succeeded has its completion reply, an end of its data, and the size that was known",
        &[],
    ),
    (
        "IC-14",
        "a protected download without close_notify is no success, or a flagged one by policy",
        &[
            "driver-blocking/src/tests/tls.rs::a_download_that_is_cut_off_is_no_success_whatever_the_server_says",
        ],
    ),
    (
        "IC-15",
        "close_notify goes before a close, and an upload reads to the peer's end",
        &[
            "driver-blocking/src/tests/tls.rs::both_ways_under_tls_and_then_the_control_connection_in_clear",
            "ftps::soak",
        ],
    ),
    (
        "IC-16",
        "what becomes of a transfer does not depend on how control and data interleave",
        &[],
    ),
    (
        "IC-17",
        "keep-alives change no result of a later command",
        &[],
    ),
    ("IC-18", "a session that is idle works as a fresh one", &[]),
    (
        "IC-19",
        "a name taken for local use is one component",
        &["core/src/listing/local_name.rs::ic_19_every_short_name_is_one_component_or_refused"],
    ),
    (
        "IC-20",
        "secrets leave in PASS and ACCT and show nowhere else",
        &[],
    ),
    ("IC-21", "PASS leaves once per connection", &[]),
    ("IC-22", "payload flows in the direction of the verb", &[]),
    ("IC-23", "nothing is said before the greeting", &[]),
    (
        "IC-24",
        "nothing that comes from the network lowers the policy",
        &[],
    ),
    (
        "IC-25",
        "a reply outside of a command's diagram is an error",
        &["negotiation::every_code_answering_every_auth_under_every_policy"],
    ),
    (
        "IC-26",
        "a listing is read in bounded memory",
        &["core/src/listing/lines.rs::ic_26_memory_is_the_head_and_one_line"],
    ),
    ("IC-27", "a reply is held in bounded memory", &[]),
    (
        "IC-28",
        "an abort ends in time, in step or at the end of the session",
        &[],
    ),
    ("IC-29", "everything that is waited for has a deadline", &[]),
    (
        "IC-30",
        "after QUIT nothing is said, and the end is success",
        &[],
    ),
    ("IC-31", "no PASV and no PORT over IPv6", &[]),
    (
        "IC-32",
        "EPSV ALL is never said, so that no other mode is given up by it",
        &[],
    ),
    (
        "IC-33",
        "line ends are converted independently of pieces, and back",
        &[],
    ),
    (
        "IC-34",
        "a request sends the commands it is made of and no others",
        &[],
    ),
    (
        "IC-35",
        "policies are equal only if all their settings are",
        &["core/src/tls/tests/handshake.rs::sessions_of_one_policy_never_share_a_ticket"],
    ),
    (
        "IC-36",
        "what is recorded for diagnosis decides nothing",
        &["purity::layers_know_only_what_is_below_them"],
    ),
    ("IX-1", "pieces do not matter", &[]),
    (
        "IX-2",
        "work is linear and memory bounded",
        &[
            "attacks::f2_ix_2_an_endless_greeting_ends_and_costs_no_more_per_byte_the_longer_it_gets",
        ],
    ),
    (
        "IX-3",
        "the Telnet layer is total, makes nothing longer, and leaves other bytes alone",
        &[],
    ),
    ("IX-4", "a machine comes to rest after every input", &[]),
    (
        "IX-5",
        "a silent or dripping peer does not keep a session",
        &["driver-blocking/src/tests/mod.rs::a_silent_server_does_not_keep_a_cancelled_call"],
    ),
    (
        "IX-6",
        "any fault of the system ends in a session that is idle or over, with no data connection left",
        &["driver-blocking/src/tests/mod.rs::a_dropped_reader_aborts_and_the_session_goes_on"],
    ),
    ("IX-7", "equal inputs give equal outputs", &[]),
    ("IX-8", "what is written is read back the same", &[]),
    ("IX-9", "no input makes anything panic", &[]),
    (
        "IX-10",
        "two sides that follow the protocol agree on the outcome, whatever one fault does",
        &[],
    ),
];

#[test]
fn every_invariant_has_a_test() {
    let mut named = Vec::new();
    for path in rust_files("tests/tests/properties") {
        named.extend(tests_in(&path));
    }
    for (id, statement, elsewhere) in INVARIANTS {
        let (kind, number) = id.split_once('-').unwrap();
        let prefix = format!("{}_{:0>2}_", kind.to_lowercase(), number);
        assert!(
            named.iter().any(|test| test.starts_with(&prefix)),
            "{id} ({statement}): no test is called {prefix}..."
        );
        for reference in *elsewhere {
            assert!(exists(reference), "{id}: there is no test {reference}");
        }
    }
    assert_eq!(INVARIANTS.len(), 46);
    println!(
        "{} invariants, {} properties",
        INVARIANTS.len(),
        named.len()
    );
}

/// Holds `law` to values of `strategy`.
#[track_caller]
fn prove<S: Strategy>(strategy: S, law: impl Fn(S::Value) -> TestCaseResult)
where
    S::Value: Debug,
{
    prove_most(usize::MAX, strategy, law);
}

/// As [`prove`], with no more than `most` cases, for laws that take their time.
#[track_caller]
fn prove_most<S: Strategy>(most: usize, strategy: S, law: impl Fn(S::Value) -> TestCaseResult)
where
    S::Value: Debug,
{
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let asked: Option<u32> = number("PROPTEST_CASES");
    let config = proptest::test_runner::Config {
        cases: asked.unwrap_or_else(|| 500.min(u32::try_from(most).unwrap_or(u32::MAX))),
        failure_persistence: None,
        ..Default::default()
    };
    let seed: u64 = number("PROPERTY_SEED").map_or(1, u64::from);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    if let Err(failure) = TestRunner::new_with_rng(config, rng).run(&strategy, law) {
        panic!("{failure}");
    }
}

/// A policy, a dialogue and a server's address, played.
#[derive(Clone, Debug)]
struct Play {
    config: Config,
    dialogue: Dialogue,
    peer: IpAddr,
}

impl Play {
    fn story(&self) -> Story {
        self.dialogue.play(self.config.clone(), self.peer)
    }

    fn ipv4() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    fn ipv6() -> IpAddr {
        "2001:db8::1".parse().unwrap()
    }
}

/// Everything there is: every policy, every dialogue, mostly over IPv4.
fn plays() -> impl Strategy<Value = Play> {
    (
        strategies::config(),
        strategies::dialogue(),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(config, dialogue, ipv6)| Play {
            config,
            dialogue,
            peer: if ipv6 { Play::ipv6() } else { Play::ipv4() },
        })
}

/// As [`plays`], with one call among the others.
fn plays_with(call: Call) -> impl Strategy<Value = Play> {
    (plays(), 1..6_usize).prop_map(move |(mut play, at)| {
        let at = at.min(play.dialogue.calls.len());
        play.dialogue.calls.insert(at, call.clone());
        play
    })
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(workspace().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect();
    files.sort();
    files
}

/// The names of the tests in a source file.
fn tests_in(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut names = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if marked && let Some(rest) = line.strip_prefix("fn ") {
            names.extend(rest.split('(').next().map(str::to_owned));
            marked = false;
        }
    }
    names
}

/// Whether there is such a test: `suite::test`, or `file::test`.
fn exists(reference: &str) -> bool {
    let (place, test) = reference.rsplit_once("::").unwrap();
    let places = if place.ends_with(".rs") {
        vec![workspace().join(place)]
    } else {
        let single = workspace().join(format!("tests/tests/{place}.rs"));
        if single.exists() {
            vec![single]
        } else {
            rust_files(&format!("tests/tests/{place}"))
        }
    };
    places
        .iter()
        .any(|path| tests_in(path).iter().any(|name| name == test))
}
