//! Scripted peers of `tests/scripts`, each a test of its own for each thing it runs over: the machines in memory, the blocking and the async
//! client through sockets, the embedded server through sockets.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test hostile                  # all
//! cargo test --release -p ftp-proto-tests --test hostile -- C1            # the scripts whose id or name holds C1
//! HOSTILE_TABLE=1 cargo test --release -p ftp-proto-tests --test hostile  # and the table: id, role, result over each
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod catalogue;
mod drive;
mod embedded;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use ftp_proto_tests::hostile::script::Part;
use ftp_proto_tests::hostile::{Script, bench, load_all};
use ftp_proto_tests::watch;
use libtest_mimic::{Arguments, Failed, Trial};

/// What a script runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Over {
    Core,
    Blocking,
    Async,
}

/// By script and what it ran over: whether it went as the script says.
type Results = Arc<Mutex<BTreeMap<(usize, Over), bool>>>;

fn main() -> ExitCode {
    watch::traces();
    let mut arguments = Arguments::from_args();
    // Most of the time they wait.
    arguments.test_threads.get_or_insert(12);
    let scripts: Arc<Vec<Script>> = match load_all(&directory()) {
        Ok(scripts) => Arc::new(scripts),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let results = Results::default();
    let mut trials = catalogue::trials(&scripts);
    for index in 0..scripts.len() {
        let overs: &[Over] = match scripts[index].part {
            Part::Server(_) => &[Over::Core, Over::Blocking, Over::Async],
            // The embedded server is async.
            Part::Client(_) => &[Over::Core, Over::Async],
        };
        for over in overs {
            trials.push(trial(&scripts, index, *over, &results));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if std::env::var_os("HOSTILE_TABLE").is_some() {
        print_table(&scripts, &results);
    }
    conclusion.exit_code()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

fn trial(scripts: &Arc<Vec<Script>>, index: usize, over: Over, results: &Results) -> Trial {
    let name = format!(
        "{}::{}",
        scripts[index].name(),
        format!("{over:?}").to_lowercase()
    );
    let (scripts, results) = (Arc::clone(scripts), Arc::clone(results));
    Trial::test(name, move || {
        let script = &scripts[index];
        let went = catch_unwind(AssertUnwindSafe(|| run(script, over)));
        let went = went.unwrap_or_else(|panic| Err(told(&*panic)));
        let mut all = results.lock().unwrap();
        all.insert((index, over), went.is_ok());
        went.map_err(|what| Failed::from(format!("{}\n{what}", script.title)))
    })
}

fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "panicked".to_owned())
}

fn run(script: &Script, over: Over) -> Result<(), String> {
    match (&script.part, over) {
        (_, Over::Core) => bench::run(script),
        (Part::Server(part), Over::Blocking) => drive::run::<drive::Blocking>(script, part),
        (Part::Server(part), Over::Async) => drive::run::<drive::Async>(script, part),
        (Part::Client(part), _) => embedded::run(script, part),
    }
}

fn print_table(scripts: &[Script], results: &Results) {
    let results = results.lock().unwrap();
    println!("\n| id | under test | core | blocking | async | what |\n|---|---|---|---|---|---|");
    for (index, script) in scripts.iter().enumerate() {
        let cell = |over| match results.get(&(index, over)) {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "",
        };
        let role = match script.part {
            Part::Server(_) => "client",
            Part::Client(_) => "server",
        };
        println!(
            "| {} | {role} | {} | {} | {} | {} |",
            script.id,
            cell(Over::Core),
            cell(Over::Blocking),
            cell(Over::Async),
            script.title
        );
    }
    let passed = results.values().filter(|passed| **passed).count();
    println!(
        "\n{} scripts, {passed} of {} runs as they should be",
        scripts.len(),
        results.len()
    );
}
