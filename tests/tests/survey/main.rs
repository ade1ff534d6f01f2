//! `ftp survey` over every server there is, checked cell by cell against what sockets and OpenSSL find out (`peers/ask.py`, `openssl s_client`) and what
//! the test wrote into the servers' configurations.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test survey -- --nocapture
//! ```
//!
//! prints the table.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

mod facts;
mod servers;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use ftp_proto_tests::tool;
use serde_json::Value;

use facts::{asked, configured, fingerprint_by_openssl, suite_works};
use servers::{Mode, Surveyed, start};

/// Cells that OpenSSL and sockets say nothing about: judged by their form alone, and by their evidence.
const BY_FORM: &[&str] = &["abor_running", "hello_retry"];

#[test]
fn every_cell_agrees_with_independent_facts() {
    let servers = start();
    let table = survey(&servers);
    let facts: Vec<BTreeMap<String, String>> = thread::scope(|scope| {
        let asking: Vec<_> = servers
            .iter()
            .map(|server| scope.spawn(|| asked(server)))
            .collect();
        asking
            .into_iter()
            .map(|asking| asking.join().unwrap())
            .collect()
    });
    let (mut checked, mut wrong) = (0, Vec::new());
    let mut states: BTreeMap<String, u32> = BTreeMap::new();
    for ((server, found), mut facts) in servers.iter().zip(&table).zip(facts) {
        facts.extend(configured(server));
        for (column, cell) in found["columns"].as_object().unwrap() {
            let state = cell["state"].as_str().unwrap();
            *states.entry(state.to_owned()).or_default() += 1;
            let mut wrongly =
                |what: &str| wrong.push(format!("{}: {column}: {what}: {cell}", server.name));
            if state == "value" && cell["evidence"].as_array().unwrap().is_empty() {
                wrongly("a value without evidence");
            }
            if cell.to_string().contains(&server.password) {
                wrongly("the password is shown");
            }
            let value = cell["value"].as_str();
            match (facts.get(column.as_str()), value) {
                (Some(fact), Some(value)) if agree(column, fact, value) => checked += 1,
                (Some(fact), _) => wrongly(&format!("in fact {fact:?}")),
                (None, Some(value)) if BY_FORM.contains(&column.as_str()) => {
                    if !by_form(column, value) {
                        wrongly("an odd form");
                    }
                }
                (None, Some(_)) => wrongly("nobody else knows of it"),
                // What is not known has to have a reason.
                (None, None) => {
                    if cell["why"].as_str().unwrap().is_empty() || state == "no answer" {
                        wrongly("no reason, or no answer where there should be one");
                    }
                }
            }
        }
    }
    println!("{checked} cells agree with independent facts; {states:?}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(checked > 200, "{checked}");
    by_openssl(&servers, &table);
}

/// Certificates and suites, by the program `openssl`.
fn by_openssl(servers: &[Surveyed], table: &[Value]) {
    for (server, found) in servers.iter().zip(table) {
        if server.mode == Mode::Clear {
            continue;
        }
        let cell = |column: &str| {
            found["columns"][column]["value"]
                .as_str()
                .map(str::to_owned)
        };
        assert_eq!(
            cell("certificate_sha256").unwrap(),
            fingerprint_by_openssl(server),
            "{}",
            server.name
        );
        for column in ["tls_1_2", "tls_1_3"] {
            if let Some(value) = cell(column).filter(|value| !value.starts_with("no")) {
                let (_, suite) = value.split_once(", ").unwrap();
                assert!(
                    suite_works(server, column, suite),
                    "{}: {suite}",
                    server.name
                );
            }
        }
    }
}

fn agree(column: &str, fact: &str, value: &str) -> bool {
    match column {
        // OpenSSL names the version; the suite is tried by itself.
        "tls" | "tls_1_2" | "tls_1_3" | "implicit" => match fact {
            "no" => value.starts_with("no: "),
            fact => value.starts_with(&format!("{}, TLS", fact.trim_start_matches("TLSv"))),
        },
        // Two listings there, three here.
        _ => fact == value,
    }
}

fn by_form(column: &str, value: &str) -> bool {
    match column {
        "hello_retry" => ["yes", "no"].contains(&value),
        _ => value
            .split(", ")
            .all(|code| ["225", "226", "426", "451"].contains(&code)),
    }
}

/// Surveys all servers in one run, and prints the table that people get.
fn survey(servers: &[Surveyed]) -> Vec<Value> {
    let (clear, secure): (Vec<&Surveyed>, Vec<&Surveyed>) = servers
        .iter()
        .partition(|server| server.mode == Mode::Clear);
    let run = |servers: &[&Surveyed], options: &[&str]| {
        let mut command = tool::ftp();
        command.args(["survey", "--pause", "0.01", "--timeout", "20", "--ca"]);
        command.arg(&servers[0].ca).args(options);
        command.args(servers.iter().map(|server| server.url()));
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for (servers, flag) in [(secure, None), (clear, Some("--clear"))] {
        let mut options: Vec<&str> = flag.into_iter().collect();
        options.push("--json");
        let line: Value = serde_json::from_str(&run(&servers, &options)).unwrap();
        assert_eq!(line["ok"], true);
        let results = line["results"].as_array().unwrap();
        for (server, result) in servers.iter().zip(results) {
            assert!(result["connections"].as_u64().unwrap() <= 30);
            found.insert(server.name.clone(), result.clone());
        }
    }
    print_table(servers, &found);
    servers
        .iter()
        .map(|server| found[&server.name].clone())
        .collect()
}

fn print_table(servers: &[Surveyed], found: &BTreeMap<String, Value>) {
    let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    println!(
        "| | {} |\n|{}",
        names.join(" | "),
        "---|".repeat(names.len() + 1)
    );
    let columns = found[names[0]]["columns"].as_object().unwrap();
    for column in columns.keys() {
        let cells = names.iter().map(|name| {
            let cell = &found[*name]["columns"][column];
            cell["value"]
                .as_str()
                .unwrap_or_else(|| cell["state"].as_str().unwrap())
                .to_owned()
        });
        println!("| {column} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command: Command = tool::ftp();
    let output = command.args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn without_a_user_nobody_logs_in_and_the_table_says_so() {
    let servers = servers::one();
    let server = &servers[0];
    let (code, out, _) = run(&[
        "survey",
        "--pause",
        "0.01",
        "--markdown",
        "--ca",
        &server.ca.to_string_lossy(),
        &server.place(),
    ]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("| AUTH TLS | 234 |") && out.contains("| login | not asked |"),
        "{out}"
    );
    assert!(!server.log().contains("PASS"), "{}", server.log());
}

/// Nobody vouches for the certificate: it is looked at, and no password is sent.
#[test]
fn a_certificate_that_is_not_trusted_gets_no_password() {
    let servers = servers::one();
    let server = &servers[0];
    let (code, out, _) = run(&["--json", "survey", "--pause", "0.01", &server.url()]);
    assert_eq!(code, Some(0));
    let line: Value = serde_json::from_str(&out).unwrap();
    let columns = &line["results"][0]["columns"];
    let certificate = columns["certificate"]["value"].as_str().unwrap();
    assert!(
        certificate.contains("not issued by a trusted authority"),
        "{certificate}"
    );
    assert_eq!(columns["login"]["state"], "not asked", "{columns}");
    assert_eq!(columns["tls_1_3"]["state"], "value");
    // Where resumption was not asked for nothing is said about it.
    assert_eq!(columns["reuse_required"]["state"], "not asked");
}

#[test]
fn a_server_that_is_not_there_is_a_failure_and_the_others_are_asked_all_the_same() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap().to_string();
    drop(closed);
    let servers = servers::one();
    let (code, out, err) = run(&["survey", "--pause", "0.01", &address, &servers[0].place()]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("refused"), "{err}");
    let auth = out
        .lines()
        .find(|line| line.starts_with("AUTH TLS "))
        .unwrap();
    assert!(auth.contains("no answer") && auth.contains("234"), "{auth}");
}
