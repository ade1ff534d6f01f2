//! Tests, what each of them reaches, and mutants against the tests that reach them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::list::Mutant;
use crate::tree::Program;

/// A test that passes when nothing is changed.
#[derive(Clone, Debug)]
pub struct Test {
    program: PathBuf,
    /// Of the program, then of the test.
    pub suite: String,
    name: String,
    folder: PathBuf,
    takes: Duration,
    /// The mutants whose places it comes by.
    pub reaches: BTreeSet<usize>,
}

/// How a mutant fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Caught(String),
    TimedOut(String),
    Survived(usize),
    Unreached,
}

/// What a test must not take longer than, to be of use here.
const LONGEST: Duration = Duration::from_secs(6);

/// Tests with real sockets and servers in them: not for this.
fn is_in_memory(suite: &str, name: &str) -> bool {
    match suite {
        "hostile" => name.ends_with("::core"),
        "trace" | "listings" => !name.starts_with("real::"),
        "trees" => name.starts_with("model::") || name.starts_with("plans::"),
        "diagnosis" => {
            name.starts_with("rules::")
                || name.starts_with("simulated::")
                || name.starts_with("network::")
        }
        _ => true,
    }
}

/// Plays every test once, and notes what it reaches.
pub fn survey(programs: &[Program], copy: &Path, scratch: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for program in programs {
        let folder = copy.join(match program.name.as_str() {
            "ftp_proto" => "core",
            "replay" => "fuzz",
            _ => "tests",
        });
        let listed = Command::new(&program.path)
            .args(["--list", "--format", "terse"])
            .current_dir(&folder)
            .output()
            .expect("a test program runs");
        for line in String::from_utf8_lossy(&listed.stdout).lines() {
            if let Some(name) = line.strip_suffix(": test")
                && is_in_memory(&program.name, name)
            {
                tests.push(Test {
                    program: program.path.clone(),
                    suite: program.name.clone(),
                    name: name.to_owned(),
                    folder: folder.clone(),
                    takes: Duration::ZERO,
                    reaches: BTreeSet::new(),
                });
            }
        }
    }
    fs::create_dir_all(scratch).expect("writable");
    let surveyed = Mutex::new(Vec::new());
    let left_out = AtomicUsize::new(0);
    each(tests.len(), |number| {
        let mut test = tests[number].clone();
        let record = scratch.join(format!("reached-{number}"));
        let _ = fs::remove_file(&record);
        let started = Instant::now();
        let status = run(
            &test,
            &[("MUTANTS_REACHED", &record.to_string_lossy())],
            LONGEST * 4,
        );
        test.takes = started.elapsed();
        let reached = fs::read_to_string(&record).unwrap_or_default();
        test.reaches = reached
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect();
        let _ = fs::remove_file(&record);
        if status.is_some_and(|status| status.success()) && test.takes < LONGEST {
            surveyed.lock().expect("no panic").push(test);
        } else {
            left_out.fetch_add(1, Ordering::Relaxed);
            println!(
                "left out: {} {} ({:?}, {:.1?})",
                test.suite, test.name, status, test.takes
            );
        }
    });
    let mut tests = surveyed.into_inner().expect("no panic");
    tests.sort_by_key(|test| test.takes);
    println!("{} tests, {} left out", tests.len(), left_out.into_inner());
    tests
}

/// Plays mutants until all have an outcome.
pub fn play(
    mutants: &[Mutant],
    wanted: &[usize],
    tests: &[Test],
    budget: Duration,
    tell: impl Fn(usize, &Outcome) + Sync,
) {
    each(wanted.len(), |index| {
        let number = wanted[index];
        let outcome = outcome(number, &mutants[number], tests, budget);
        tell(number, &outcome);
    });
}

fn outcome(number: usize, mutant: &Mutant, tests: &[Test], budget: Duration) -> Outcome {
    let mut reaching: Vec<&Test> = tests
        .iter()
        .filter(|test| test.reaches.contains(&number))
        .collect();
    if reaching.is_empty() {
        return Outcome::Unreached;
    }
    // Its own unit tests first.
    let module = module(&mutant.file);
    reaching.sort_by_key(|test| {
        let own = test.suite == "ftp_proto" && test.name.starts_with(&module);
        (!own, test.takes)
    });
    let started = Instant::now();
    let mut played = 0;
    for test in reaching {
        if started.elapsed() > budget {
            break;
        }
        let number = number.to_string();
        let limit = test.takes * 10 + Duration::from_secs(10);
        match run(test, &[("MUTANT", &number)], limit) {
            None => return Outcome::TimedOut(format!("{} {}", test.suite, test.name)),
            Some(status) if !status.success() => {
                return Outcome::Caught(format!("{} {}", test.suite, test.name));
            }
            Some(_) => played += 1,
        }
    }
    Outcome::Survived(played)
}

/// core/src/wire/reply/reader.rs: wire::reply::reader
fn module(file: &str) -> String {
    let path = file.trim_start_matches("core/src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").replace('/', "::")
}

/// One test, in a process of its own; `None` if it took too long.
fn run(test: &Test, env: &[(&str, &str)], limit: Duration) -> Option<ExitStatus> {
    let mut child = Command::new("sh")
        // A mutant may want all the memory there is.
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
        .arg(&test.program)
        .args([&test.name, "--exact", "--test-threads=1"])
        .current_dir(&test.folder)
        .env("DUEL_SESSIONS", "400")
        .env("PROPTEST_CASES", "64")
        .env("RUST_BACKTRACE", "0")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell runs");
    let started = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return Some(status);
        }
        if started.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Does something for each number, several at once.
fn each(count: usize, job: impl Fn(usize) + Sync) {
    let jobs = std::env::var("MUTANTS_JOBS")
        .ok()
        .and_then(|jobs| jobs.parse().ok())
        .unwrap_or(2);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    job(at);
                }
            });
        }
    });
}
