//! The server machine from outside: what must hold whatever a client, the network and the storage do.
//!
//! [`INVARIANTS`] lists what holds; every one has a test whose name carries its id. `tests/conformance/server.tsv` lists what the standards ask of a
//! server, and where it is tested. The bench looks at every step for what must hold at all times; see [`Bench::settle`].
//!
//! [`Bench::settle`]: ftp_proto_tests::bench_server::Bench::settle

#![allow(
    unused_must_use,
    reason = "steps of a bench are chained only where that reads well"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod abuse;
mod data;
mod deadlines;
mod hostile;
mod login;
mod pieces;
mod protection;
mod standards;
mod storage;
mod totality;

/// What holds for every client, every network and every storage.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "is_01",
        "no byte that came before the TLS handshake of an accepted AUTH means anything after it",
    ),
    (
        "is_02",
        "a failed handshake on the control connection is followed by its end and by nothing else",
    ),
    (
        "is_03",
        "no byte of a line that is too long is a command, or part of one",
    ),
    (
        "is_04",
        "where TLS is required, nobody is asked anything in clear text",
    ),
    (
        "is_05",
        "when AUTH has brought TLS up, the session is what it was after the greeting",
    ),
    (
        "is_06",
        "after REIN the session is what it was after the greeting",
    ),
    (
        "is_07",
        "CCC is by policy, under TLS, logged in, between transfers; behind it nothing about login or protection is taken",
    ),
    (
        "is_08",
        "active data connections go to the client, to no low port, or to whom the policy names",
    ),
    (
        "is_09",
        "a data connection from somebody else carries nothing",
    ),
    (
        "is_10",
        "there is one listener or data connection at most, one thing open in the storage, and none after the end",
    ),
    (
        "is_11",
        "where resumption is required, a data connection that resumes nothing carries nothing",
    ),
    (
        "is_12",
        "nothing a client sends makes a line of a reply look like another reply",
    ),
    (
        "is_13",
        "payload moves under the protection of the last PROT, and what the policy does not allow is refused before anything is opened",
    ),
    (
        "is_14",
        "REST is for the next transfer command and for no later one",
    ),
    (
        "is_15",
        "every verb at every stage gets exactly one final reply, of those it may have",
    ),
    (
        "is_16",
        "every path the storage sees is inside the root, made of plain names",
    ),
    (
        "is_17",
        "nothing happens to the storage that the user has no right to",
    ),
    (
        "is_18",
        "who is logged in was let in with exactly this name and this password",
    ),
    (
        "is_19",
        "after the last failed login there is 421, the end, and no more question about a login",
    ),
    ("is_20", "neither words nor time tell whether a user exists"),
    (
        "is_21",
        "before the login no command has an effect but those that lead to it",
    ),
    (
        "is_22",
        "what waits is bounded, whatever a client sends and does not read",
    ),
    ("is_23", "a client of another protocol gets no byte"),
    (
        "is_24",
        "lines that are no commands are counted, and nothing before the login takes them back",
    ),
    (
        "is_25",
        "what was opened to be written is committed or aborted, once, and committed only if it came whole",
    ),
    (
        "is_26",
        "226 comes when the data connection has ended and the storage has it safe",
    ),
    (
        "is_27",
        "payload moves between the preliminary and the final reply",
    ),
    ("is_28", "ABOR during a transfer is one 426 and one 226"),
    (
        "is_29",
        "each wait has its deadline, and single bytes put off neither login nor handshake",
    ),
    (
        "is_30",
        "passwords and accounts are in no event, reply, or debug text",
    ),
    ("is_31", "the pieces in which bytes come make no difference"),
    (
        "is_32",
        "before the login no version, product, path or address is told",
    ),
    (
        "is_33",
        "the address in 227 is the server's own, and over IPv6 there is none",
    ),
    (
        "is_34",
        "however a session ends, everything is closed with it",
    ),
    ("ix_01", "pieces make no difference, empty ones neither"),
    ("ix_02", "work and memory grow with the bytes and no faster"),
    ("ix_04", "without input the machine comes to rest"),
    (
        "ix_05",
        "a client that is silent, or drips, is not served for ever",
    ),
    (
        "ix_06",
        "every failure of the system leads to a session that goes on or ends, with nothing left open",
    ),
    ("ix_07", "the same inputs give the same outputs"),
    ("ix_09", "no input makes the machine panic"),
];

const SOURCES: &[&str] = &[
    include_str!("abuse.rs"),
    include_str!("data.rs"),
    include_str!("deadlines.rs"),
    include_str!("hostile.rs"),
    include_str!("login.rs"),
    include_str!("pieces.rs"),
    include_str!("protection.rs"),
    include_str!("standards.rs"),
    include_str!("storage.rs"),
    include_str!("totality.rs"),
];

#[test]
fn every_invariant_has_a_test_of_its_name() {
    for (id, statement) in INVARIANTS {
        let tests = tests_of(id);
        assert!(!tests.is_empty(), "{id} has no test: {statement}");
        println!("{id}: {statement}: {}", tests.join(", "));
    }
    // And no test claims an invariant that is not in the list.
    for source in SOURCES {
        for name in test_names(source) {
            if name.starts_with("is_") || name.starts_with("ix_") {
                assert!(
                    INVARIANTS.iter().any(|(id, _)| name.starts_with(id)),
                    "{name} is about nothing"
                );
            }
        }
    }
}

fn tests_of(id: &str) -> Vec<&'static str> {
    let start = format!("{id}_");
    SOURCES
        .iter()
        .flat_map(|source| test_names(source))
        .filter(|name| name.starts_with(&start))
        .collect()
}

fn test_names(source: &'static str) -> impl Iterator<Item = &'static str> {
    source
        .split("#[test]\nfn ")
        .skip(1)
        .filter_map(|rest| rest.split('(').next())
}
