//! Runs the program three times for each case, judges what it says, and keeps the table.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ftp_proto_tests::child::end_within;
use ftp_proto_tests::tool;
use serde_json::Value;

/// A password that must never be seen.
pub(crate) const CANARY: &str = "kanarienvogel-7391";

/// Longer than any case may take: the program hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is bad, and what is expected of the program.
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    /// The exit status.
    pub(crate) status: i32,
    /// What the sentence must contain; of `one|another` one of both, where it depends on what came first.
    pub(crate) says: &'a [&'a str],
    /// The password in play.
    pub(crate) secret: &'a str,
}

impl<'a> Case<'a> {
    /// With [`CANARY`] for a password.
    pub(crate) fn new(name: impl Into<String>, status: i32, says: &'a [&'a str]) -> Self {
        Case {
            name: name.into(),
            status,
            says,
            secret: CANARY,
        }
    }

    pub(crate) fn secret(self, secret: &'a str) -> Self {
        Case { secret, ..self }
    }
}

/// How the program ended.
pub(crate) struct Ended {
    status: Option<i32>,
    out: String,
    err: String,
}

struct Row {
    name: String,
    status: i32,
    message: String,
    time: Duration,
}

/// The table, and what is wrong in it.
#[derive(Default)]
pub(crate) struct Board {
    rows: Mutex<Vec<Row>>,
    wrong: Mutex<Vec<String>>,
}

impl Board {
    /// Runs a case: bare, with the dialogue, and with the result for programs.
    pub(crate) fn bad(&self, case: &Case<'_>, mut run: impl FnMut(&Attempt<'_>) -> Ended) {
        let scratch = Scratch::new();
        let mut sentence = String::new();
        for mode in [Mode::Bare, Mode::Debug, Mode::Json] {
            let place = scratch.path.join("here");
            fs::create_dir(&place).unwrap();
            let attempt = Attempt {
                mode,
                secret: case.secret,
                scratch: &scratch.path,
                place: &place,
            };
            let begun = Instant::now();
            let ended = run(&attempt);
            let said = format!("{}{}", ended.out, ended.err);
            let wrong = |what: &str| {
                self.wrong(&case.name, &format!("{mode:?}: {what}:\n{said}"));
            };
            if said.contains(case.secret) {
                wrong("the password is shown");
            }
            if ended.status != Some(case.status) {
                wrong(&format!(
                    "exit status {:?} instead of {}",
                    ended.status, case.status
                ));
            }
            let left: Vec<_> = fs::read_dir(&place)
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            if !left.is_empty() {
                wrong(&format!("left behind: {left:?}"));
            }
            match mode {
                Mode::Bare => {
                    ended.err.trim_end().clone_into(&mut sentence);
                    self.judge_sentence(case, &ended);
                    self.rows.lock().unwrap().push(Row {
                        name: case.name.clone(),
                        status: ended.status.unwrap_or(-1),
                        message: ended.err.trim_end().replace('\n', " | "),
                        time: begun.elapsed(),
                    });
                }
                Mode::Debug => {
                    if case.status != 2 && !ended.err.contains("ftp: ") {
                        wrong("no sentence behind the dialogue");
                    }
                }
                Mode::Json => {
                    judge_json(case, &ended, &wrong);
                    judge_advice(case, &ended, &sentence, &wrong);
                    // Records are for bug reports: no password may be in them.
                    let record = fs::read_to_string(scratch.path.join("trace")).unwrap_or_default();
                    if record.contains(case.secret) {
                        wrong("the password is in the record of the session");
                    }
                }
            }
            fs::remove_dir_all(&place).unwrap();
        }
    }

    fn judge_sentence(&self, case: &Case<'_>, ended: &Ended) {
        let wrong = |what: &str| self.wrong(&case.name, &format!("{what}: {:?}", ended.err));
        let sentence = ended.err.trim_end();
        if !ended.out.is_empty() {
            wrong("something on standard output");
        }
        // What is wrong with options and operands is told by their parser, with the usage or all help.
        let by_parser = case.status == 2 && !sentence.starts_with("ftp: ");
        if !by_parser && (sentence.lines().count() != 1 || !sentence.starts_with("ftp: ")) {
            wrong("not one sentence");
        }
        if !by_parser && sentence.ends_with(['.', ';', ':', ' ']) || sentence.contains("; ;") {
            wrong("the sentence ends oddly");
        }
        let side = ["[server side]", "[client side]", "[network side]"]
            .iter()
            .filter(|side| sentence.contains(**side))
            .count();
        let sides = if case.status > 2 { 1 } else { 0 };
        if side != sides && !(case.status == 1 && side == 1) {
            wrong("the side is not named once");
        }
        if case.status == 1 && !sentence.contains("on this machine") {
            wrong("it is not said that the trouble is on this machine");
        }
        for part in case.says {
            if !part.split('|').any(|form| sentence.contains(form)) {
                wrong(&format!("{part:?} is missing"));
            }
        }
    }

    pub(crate) fn wrong(&self, case: &str, what: &str) {
        self.wrong.lock().unwrap().push(format!("{case}: {what}"));
    }

    /// Prints the table, and fails if anything was wrong.
    pub(crate) fn finish(self) {
        let rows = self.rows.into_inner().unwrap();
        let width = rows.iter().map(|row| row.name.chars().count()).max();
        let width = width.unwrap_or_default();
        println!("{:width$}  status  seconds  message", "case");
        for row in &rows {
            let seconds = row.time.as_secs_f64();
            println!(
                "{:width$}  {:>6}  {seconds:>7.2}  {}",
                row.name, row.status, row.message
            );
        }
        let wrong = self.wrong.into_inner().unwrap();
        assert!(
            wrong.is_empty(),
            "{} of {} cases and more:\n\n{}",
            wrong.len(),
            rows.len(),
            wrong.join("\n\n")
        );
    }
}

fn judge_json(case: &Case<'_>, ended: &Ended, wrong: &dyn Fn(&str)) {
    if case.status == 2 && ended.out.is_empty() {
        // The parser of the command line did not come as far as --json.
        return;
    }
    if ended.out.lines().count() != 1 || !ended.err.is_empty() {
        wrong("not one line of JSON");
    }
    for part in [
        format!("\"status\":{}", case.status),
        "\"ok\":false".to_owned(),
        "\"side\":\"".to_owned(),
        "\"message\":\"".to_owned(),
    ] {
        if !ended.out.contains(&part) {
            wrong(&format!("{part} is missing"));
        }
    }
}

/// Every failure also says what to do: the sentence ends with it. Where the engine knows causes, each has all its parts.
fn judge_advice(case: &Case<'_>, ended: &Ended, sentence: &str, wrong: &dyn Fn(&str)) {
    let Ok(line) = serde_json::from_str::<Value>(&ended.out) else {
        // The parser of the command line speaks for itself, and shows the usage.
        if case.status != 2 || !sentence.contains("--help") && !sentence.contains("Usage") {
            wrong("neither JSON nor usage");
        }
        return;
    };
    let error = &line["error"];
    let advice = error["advice"].as_str().unwrap_or_default();
    // A sentence of some words, and the end of what people read.
    if advice.split(' ').count() < 2 {
        wrong("no advice");
    }
    let same = sentence.ends_with(advice) || advice.contains("SHA-256");
    if !same {
        wrong(&format!(
            "the sentence {sentence:?} does not end with {advice:?}"
        ));
    }
    let causes = error["causes"].as_array().map_or(&[][..], Vec::as_slice);
    let mut before = u64::MAX;
    for cause in causes {
        let confidence = cause["confidence"].as_u64().unwrap_or(u64::MAX);
        let texts = ["id", "client_advice", "server_advice"];
        let complete = texts
            .iter()
            .all(|key| cause[*key].as_str().is_some_and(|text| !text.is_empty()))
            && cause["evidence"].is_array()
            && cause.get("next_probe").is_some()
            && confidence <= before.min(100);
        if !complete {
            wrong(&format!(
                "a cause is not complete, or out of order: {cause}"
            ));
        }
        before = confidence;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Bare,
    Debug,
    Json,
}

/// One run of the program.
pub(crate) struct Attempt<'a> {
    mode: Mode,
    secret: &'a str,
    scratch: &'a Path,
    place: &'a Path,
}

impl Attempt<'_> {
    /// The directory in which the program runs; nothing must be left in it.
    pub(crate) fn place(&self) -> &Path {
        self.place
    }

    /// Runs it with these arguments, the password in the environment.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.end(self.spawn(arguments))
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command();
        command.args(arguments).env("FTP_PASSWORD", self.secret);
        command.spawn().unwrap()
    }

    /// Without a password.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> Ended {
        self.end(self.command().args(arguments).spawn().unwrap())
    }

    pub(crate) fn end(&self, mut child: Child) -> Ended {
        let status = end_within(&mut child, PATIENCE).unwrap();
        let read = |name: &str| {
            let bytes = fs::read(self.scratch.join(name)).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ended {
            status: status.and_then(|status| status.code()),
            out: read("out"),
            err: read("err"),
        }
    }

    fn command(&self) -> Command {
        let mut command = tool::ftp();
        let file = |name: &str| File::create(self.scratch.join(name)).unwrap();
        command
            .current_dir(self.place)
            .stdin(std::process::Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"));
        match self.mode {
            Mode::Bare => {}
            Mode::Debug => {
                command.arg("--debug");
            }
            Mode::Json => {
                command
                    .arg("--json")
                    .arg("--trace")
                    .arg(self.scratch.join("trace"));
            }
        }
        command
    }
}

/// A directory that is gone afterwards.
pub(crate) struct Scratch {
    pub(crate) path: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!(
            "ftp-proto-bad-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        ));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self { path }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A tiny file system that is gone afterwards.
pub(crate) struct Tiny {
    path: PathBuf,
}

impl Tiny {
    /// Of 64 KiB, at a path that does not exist yet, for this user and group.
    pub(crate) fn mount(path: &Path, uid: u32, gid: u32) -> Self {
        fs::create_dir(path).unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size=64k,mode=755,uid={uid},gid={gid}"))
            .arg("tmpfs")
            .arg(path)
            .status()
            .unwrap();
        assert!(status.success(), "mount: {status}");
        Self {
            path: path.to_owned(),
        }
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        for _ in 0..100 {
            let unmounted = Command::new("umount").arg(&self.path).output();
            if unmounted.is_ok_and(|output| output.status.success()) {
                return;
            }
            // A session of the server may still have a file open there.
            sleep(Duration::from_millis(20));
        }
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
