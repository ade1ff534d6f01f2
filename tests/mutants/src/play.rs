//! Tests, what each of them reaches, and mutants against the tests that reach them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::list::Mutant;
use crate::tree::Program;

/// A test that passes when nothing is changed.
#[derive(Clone, Debug)]
pub struct Test {
    program: PathBuf,
    /// Of the program, then of the test.
    suite: String,
    name: String,
    folder: PathBuf,
    takes: Duration,
    /// The mutants whose places it comes by.
    reaches: BTreeSet<usize>,
}

/// How a mutant fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Caught(String),
    TimedOut(String),
    /// So many tests, of so many that reach it.
    Survived(usize, usize),
    Unreached,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Caught(test) => write!(f, "caught {test}"),
            Outcome::TimedOut(test) => write!(f, "timeout {test}"),
            Outcome::Survived(played, of) => write!(f, "survived {played} of {of} tests"),
            Outcome::Unreached => f.write_str("unreached"),
        }
    }
}

/// What a test must not take longer than, to be of use here.
const LONGEST: Duration = Duration::from_secs(10);

/// Tests that take longer go last and one by one. The others of a program share a process, which is what costs most otherwise.
const LONG: Duration = Duration::from_millis(1500);

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

/// Whether a program has a harness of its own, which takes one name at most: several of its tests are all of them.
fn takes_one_name(suite: &str) -> bool {
    suite == "hostile"
}

/// Plays every test once, and notes what it reaches. `kept` is what is known of programs that have not changed.
pub fn survey(programs: &[Program], copy: &Path, scratch: &Path, kept: &Path) -> Vec<Test> {
    fs::create_dir_all(scratch).expect("writable");
    let known = recall(kept);
    let mut tests = Vec::new();
    let mut text = String::new();
    for program in programs {
        let mut hasher = DefaultHasher::new();
        fs::read(&program.path).expect("readable").hash(&mut hasher);
        let identity = format!("{:x}", hasher.finish());
        let folder = copy.join(match program.name.as_str() {
            "ftp_proto" => "core",
            "replay" => "fuzz",
            _ => "tests",
        });
        let mut of_program = listed(program, &folder);
        of_program.retain(|test| is_in_memory(&test.suite, &test.name));
        let of_program = match known.get(&identity) {
            Some(found) => of_program
                .into_iter()
                .filter_map(|mut test| {
                    let (takes, reaches) = found.get(&test.name)?;
                    (test.takes, test.reaches) = (*takes, reaches.clone());
                    Some(test)
                })
                .collect(),
            None => reached(of_program, scratch),
        };
        let sum: Duration = of_program.iter().map(|test| test.takes).sum();
        println!("{}: {} tests, {sum:.1?}", program.name, of_program.len());
        for test in &of_program {
            let numbers: Vec<String> = test.reaches.iter().map(usize::to_string).collect();
            text.push_str(&format!(
                "{identity}\t{}\t{}\t{}\n",
                test.name,
                test.takes.as_micros(),
                numbers.join(" ")
            ));
        }
        tests.extend(of_program);
        fs::write(kept, &text).expect("writable");
    }
    tests.sort_by_key(|test| test.takes);
    tests
}

/// The tests of a program, of which nothing else is known yet.
fn listed(program: &Program, folder: &Path) -> Vec<Test> {
    let listed = Command::new(&program.path)
        .args(["--list", "--format", "terse"])
        .current_dir(folder)
        .output()
        .expect("a test program runs");
    let test = |line: &str| {
        Some(Test {
            program: program.path.clone(),
            suite: program.name.clone(),
            name: line.strip_suffix(": test")?.to_owned(),
            folder: folder.to_owned(),
            takes: Duration::ZERO,
            reaches: BTreeSet::new(),
        })
    };
    let listed = String::from_utf8_lossy(&listed.stdout);
    listed.lines().filter_map(test).collect()
}

/// Plays all tests of a program in one process, up to the first that fails.
pub fn all(program: &Program, folder: &Path) -> Outcome {
    let tests = listed(program, folder);
    match run(&tests.iter().collect::<Vec<_>>(), &[], LONG) {
        End::Passed => Outcome::Survived(tests.len(), tests.len()),
        End::Failed(test) => Outcome::Caught(format!("{} {test}", program.name)),
        End::TimedOut(test) => Outcome::TimedOut(format!("{} {test}", program.name)),
    }
}

/// Those that pass in time, each with what it reaches.
fn reached(tests: Vec<Test>, scratch: &Path) -> Vec<Test> {
    let surveyed = Mutex::new(Vec::new());
    each(tests.len(), |number| {
        let mut test = tests[number].clone();
        let record = scratch.join(format!("reached-{number}"));
        let _ = fs::remove_file(&record);
        let started = Instant::now();
        let env = [("MUTANTS_REACHED", &*record.to_string_lossy())];
        let end = run(&[&test], &env, LONGEST / 10);
        test.takes = started.elapsed();
        let reached = fs::read_to_string(&record).unwrap_or_default();
        test.reaches = reached
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect();
        let _ = fs::remove_file(&record);
        if end == End::Passed {
            surveyed.lock().expect("no panic").push(test);
        } else {
            println!(
                "left out: {} {} ({end:?}, {:.1?})",
                test.suite, test.name, test.takes
            );
        }
    });
    surveyed.into_inner().expect("no panic")
}

/// By program, then by test.
type Known = BTreeMap<String, BTreeMap<String, (Duration, BTreeSet<usize>)>>;

fn recall(kept: &Path) -> Known {
    let mut known = Known::new();
    let text = fs::read_to_string(kept).unwrap_or_default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [identity, name, micros, reaches] = fields[..] else {
            continue;
        };
        let takes = Duration::from_micros(micros.parse().unwrap_or(0));
        let reaches = reaches.split(' ').filter_map(|one| one.parse().ok());
        known
            .entry(identity.to_owned())
            .or_default()
            .insert(name.to_owned(), (takes, reaches.collect()));
    }
    known
}

/// Plays mutants until all have an outcome.
pub fn play(
    mutants: &[Mutant],
    wanted: &[usize],
    tests: &[Test],
    budget: Duration,
    tell: impl Fn(usize, &Outcome) + Sync,
) {
    let luck = Luck::default();
    each(wanted.len(), |index| {
        let number = wanted[index];
        let outcome = outcome(number, &mutants[number], tests, budget, &luck);
        tell(number, &outcome);
    });
}

/// How often the tests of each suite were played, and how often one of them failed.
type Luck = Mutex<BTreeMap<String, (u32, u32)>>;

fn outcome(
    number: usize,
    mutant: &Mutant,
    tests: &[Test],
    budget: Duration,
    luck: &Luck,
) -> Outcome {
    let batches = batches(number, mutant, tests, luck);
    let reaching = batches.iter().map(Vec::len).sum();
    if reaching == 0 {
        return Outcome::Unreached;
    }
    let started = Instant::now();
    let mut played = 0;
    for batch in batches {
        if started.elapsed() > budget {
            break;
        }
        let longest = batch.iter().map(|test| test.takes).max();
        let end = run(
            &batch,
            &[("MUTANT", &number.to_string())],
            longest.unwrap_or_default(),
        );
        if let Ok(mut luck) = luck.lock() {
            let (played, failed) = luck.entry(batch[0].suite.clone()).or_default();
            *played += 1;
            *failed += u32::from(end != End::Passed);
        }
        match end {
            End::Passed => played += batch.len(),
            End::Failed(test) => return Outcome::Caught(format!("{} {test}", batch[0].suite)),
            End::TimedOut(test) => return Outcome::TimedOut(format!("{} {test}", batch[0].suite)),
        }
    }
    Outcome::Survived(played, reaching)
}

/// The tests that reach a mutant, those of a batch in one process: the module's own first, then by what they take and how often they
/// have caught one.
fn batches<'t>(
    number: usize,
    mutant: &Mutant,
    tests: &'t [Test],
    luck: &Luck,
) -> Vec<Vec<&'t Test>> {
    let module = module(&mutant.file);
    let mut batches: BTreeMap<(usize, &Path, usize), Vec<&Test>> = BTreeMap::new();
    let reaching = tests.iter().filter(|test| test.reaches.contains(&number));
    for (index, test) in reaching.enumerate() {
        let own = test.suite == "ftp_proto" && test.name.starts_with(&module);
        let key = match (own, test.takes > LONG) {
            (true, false) => (0, &*test.program, 0),
            (false, false) => (1, &*test.program, 0),
            (_, true) => (2, &*test.program, index),
        };
        batches.entry(key).or_default().push(test);
    }
    let mut batches: Vec<_> = batches.into_iter().collect();
    let luck = luck.lock().expect("no panic").clone();
    let price = |batch: &[&Test]| {
        let (played, failed) = luck.get(&batch[0].suite).copied().unwrap_or_default();
        let takes: Duration = batch.iter().map(|test| test.takes).sum();
        takes * (played + 2) / (failed + 1)
    };
    batches.sort_by_key(|((tier, ..), batch)| (*tier, price(batch)));
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// core/src/wire/reply/reader.rs: wire::reply::reader
fn module(file: &str) -> String {
    let path = file.trim_start_matches("core/src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").replace('/', "::")
}

/// How a process full of tests ended; the test is the one that was on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed(String),
    TimedOut(String),
}

/// Tests of one program in one process, the longest of which usually takes so long. What one of them has used of the processor counts, not how busy
/// the machine is; a process that waits for something for good is given up much later.
fn run(tests: &[&Test], env: &[(&str, &str)], longest: Duration) -> End {
    let cpu = longest * 10 + Duration::from_secs(2);
    let wall = longest * 40 + Duration::from_secs(60);
    let names: Vec<&str> = match tests {
        [_, _, ..] if takes_one_name(&tests[0].suite) => vec!["::core"],
        _ => {
            let names = tests.iter().map(|test| &*test.name);
            names.chain(["--exact"]).collect()
        }
    };
    let mut child = Command::new("sh")
        // A mutant may want all the memory there is.
        .args(["-c", "ulimit -c 0; ulimit -v 3000000; exec \"$@\"", "sh"])
        .arg(&tests[0].program)
        .args(names)
        .arg("--test-threads=1")
        .current_dir(&tests[0].folder)
        .env("DUEL_SESSIONS", "400")
        .env("PROPTEST_CASES", "64")
        .env("DIAGNOSIS_RUNS", "20")
        .env("RUST_BACKTRACE", "0")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell runs");
    let stdout = child.stdout.take().expect("piped");
    let (says, said) = mpsc::channel();
    // Ends with the process.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let _ = says.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    let mut passed = BTreeSet::new();
    // What the process had used of the processor when the test that is on began, and how often it was looked at since then: while the whole
    // machine stands still, that does not grow, and a clock would.
    let (mut used, mut glances) = (Duration::ZERO, 0);
    let end = loop {
        match said.recv_timeout(GLANCE) {
            Ok(line) => {
                let Some((name, how)) = line
                    .strip_prefix("test ")
                    .and_then(|line| line.split_once(" ... "))
                else {
                    continue;
                };
                if how.ends_with("FAILED") {
                    break Some(End::Failed(name.to_owned()));
                }
                passed.insert(name.to_owned());
                (used, glances) = (processor_time(child.id()), 0);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let since = processor_time(child.id()).saturating_sub(used);
                glances += 1;
                if since > cpu || GLANCE * glances > wall {
                    break Some(End::TimedOut(missing(tests, &passed)));
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break None,
        }
    };
    if end.is_some() {
        let _ = child.kill();
    }
    let status = child.wait().expect("a child");
    if let Some(end) = end {
        return end;
    }
    match status.success() {
        true => End::Passed,
        false => End::Failed(missing(tests, &passed)),
    }
}

/// How often a process is looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// What a process has used of the processor: the 14th and the 15th field, in hundredths of a second (proc(5)).
fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The first test that did not come to its end.
fn missing(tests: &[&Test], passed: &BTreeSet<String>) -> String {
    let names: BTreeSet<&String> = tests.iter().map(|test| &test.name).collect();
    let name = names.into_iter().find(|name| !passed.contains(*name));
    name.cloned().unwrap_or_default()
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
