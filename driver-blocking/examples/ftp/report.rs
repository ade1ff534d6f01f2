//! What the user is told: progress, the result, the error and what to do about it.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ftp_proto_blocking::ftp_proto::diagnosis::{Cause, CauseId, Diagnosis};
use ftp_proto_blocking::ftp_proto::tls::Fingerprint;
use ftp_proto_blocking::ftp_proto::wire::command::Verb;
use ftp_proto_blocking::ftp_proto::wire::date::size_in_reply;
use ftp_proto_blocking::ftp_proto::wire::reply::Escaped;
use ftp_proto_blocking::ftp_proto::{Category, Event, Refusal, Side};
use ftp_proto_blocking::{Error, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::advice::{Circumstances, INCOMPLETE, LOCAL, USAGE, advice};
use crate::args::{Arguments, Command};
use crate::url::FtpUrl;

/// Why the program stops before it is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The command line makes no sense.
    Usage(String),
    /// A local file cannot be used.
    Local(String),
    /// A record of a session cannot be read, or runs otherwise than recorded.
    Record(String),
    /// Not all of a tree is done.
    Incomplete(String),
    /// FTP.
    Ftp {
        url: Box<FtpUrl>,
        error: Error,
        /// The server's certificate, if it showed one.
        certificate: Option<Fingerprint>,
        /// --clear was given.
        in_clear: bool,
        /// What may be behind it, as the engine sees it.
        diagnosis: Diagnosis,
    },
}

impl Stop {
    fn status(&self) -> u8 {
        match self {
            Stop::Usage(_) => 2,
            Stop::Local(_) | Stop::Record(_) => 1,
            Stop::Incomplete(_) => 7,
            Stop::Ftp { error, .. } => match error {
                Error::Refused(Refusal::Closed) => 3,
                Error::Refused(_) => 2,
                _ => match error.category() {
                    Category::Connect => 3,
                    Category::Tls => 4,
                    Category::Login => 5,
                    Category::Refused => 6,
                    Category::Transfer => 7,
                    Category::Protocol => 8,
                    Category::TimedOut => 9,
                    Category::Local => 1,
                },
            },
        }
    }

    /// What happened, on whose side, and what the server replied.
    fn message(&self) -> String {
        match self {
            Stop::Usage(text) | Stop::Incomplete(text) => text.clone(),
            Stop::Local(text) | Stop::Record(text) => format!("on this machine: {text}"),
            Stop::Ftp { url, error, .. } => format!("{url}: {error:#}"),
        }
    }

    /// What is most likely behind it, where that is likely enough, and the message does not say it in more detail.
    fn cause(&self) -> Option<&'static str> {
        let cause = self.likely()?;
        let said = matches!(cause.id, CauseId::Certificate | CauseId::DataCertificate);
        (!said).then_some(cause.explanation)
    }

    /// What is most likely behind it, where that is likely enough.
    fn likely(&self) -> Option<&Cause> {
        let Stop::Ftp { diagnosis, .. } = self else {
            return None;
        };
        let cause = diagnosis.first()?;
        (cause.confidence.percent() >= 70).then_some(cause)
    }

    /// What to do about it.
    fn advice(&self) -> Option<String> {
        match self {
            Stop::Usage(_) => Some(USAGE.to_owned()),
            Stop::Local(_) => Some(LOCAL.to_owned()),
            Stop::Record(_) => Some(
                "if it was not changed, report it together with the version that made it"
                    .to_owned(),
            ),
            Stop::Incomplete(_) => Some(INCOMPLETE.to_owned()),
            Stop::Ftp {
                url,
                error,
                certificate,
                in_clear,
                ..
            } => advice(
                error,
                &Circumstances {
                    url,
                    certificate: *certificate,
                    in_clear: *in_clear,
                    cause: self.likely(),
                },
            ),
        }
    }

    fn side(&self) -> Side {
        match self {
            Stop::Usage(_) | Stop::Local(_) | Stop::Record(_) => Side::Client,
            Stop::Incomplete(_) => Side::Server,
            Stop::Ftp { error, .. } => error.side(),
        }
    }

    /// With the place where a reader or writer of ours failed.
    pub(crate) fn located(self, locate: impl FnOnce(&io::Error) -> Stop) -> Stop {
        match self {
            Stop::Ftp {
                error: Error::Local(error),
                ..
            } => locate(&error),
            other => other,
        }
    }

    fn to_json(&self, hidden: &Hidden) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
        put("message", hidden.mask(self.message()).into());
        put("status", self.status().into());
        let side = match self.side() {
            Side::Server => "server",
            Side::Client => "client",
            Side::Network => "network",
        };
        put("side", side.into());
        if let Some(advice) = self.advice() {
            put("advice", advice.into());
        }
        if let Stop::Ftp {
            url,
            error,
            diagnosis,
            ..
        } = self
        {
            put("causes", causes(diagnosis, hidden));
            put("url", hidden.mask(url.to_string()).into());
            if let Some(reply) = error.failure().and_then(|failure| failure.reply()) {
                put("code", reply.code().value().into());
                put("reply", hidden.mask(text(reply.text())).into());
            }
        }
        map.into()
    }
}

/// What the engine thinks is behind a failure, the most likely first.
fn causes(diagnosis: &Diagnosis, hidden: &Hidden) -> Value {
    let shown = |cause: &Cause| {
        json!({
            "id": cause.id.as_str(),
            "confidence": cause.confidence.percent(),
            "symptom": cause.symptom,
            "cause": cause.explanation,
            "not": cause.not_the_cause,
            "client_advice": cause.advice,
            "server_advice": cause.administrator,
            "evidence": cause.evidence.iter().map(|clause| hidden.mask(clause.clone())).collect::<Vec<_>>(),
            "next_probe": cause.probe.map(|probe| probe.to_string()),
        })
    };
    diagnosis.causes().iter().map(shown).collect()
}

/// What is shown in place of a password.
pub(crate) const HIDDEN: &str = "****";

/// Passwords that were sent: there are servers that repeat them in their replies.
#[derive(Clone, Debug, Default)]
struct Hidden(Arc<Mutex<Vec<String>>>);

impl Hidden {
    /// Anything shorter is part of ordinary words.
    const LEAST: usize = 4;

    fn add(&self, secret: &[u8]) {
        if secret.len() >= Self::LEAST {
            lock(&self.0).push(text(secret));
        }
    }

    fn mask(&self, shown: String) -> String {
        let masked = |shown: String, secret: &String| shown.replace(secret, HIDDEN);
        lock(&self.0).iter().fold(shown, masked)
    }
}

/// Collects results and shows what goes on.
pub(crate) struct Report {
    json: bool,
    quiet: bool,
    operation: &'static str,
    started: Instant,
    results: Vec<Value>,
    session: Map<String, Value>,
    hidden: Hidden,
    bar: Option<Arc<Mutex<Bar>>>,
}

/// The progress of the transfer that runs.
struct Bar {
    shown: ProgressBar,
    offset: u64,
}

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> Report {
        let options = &arguments.options;
        let visible =
            !options.quiet && !options.json && !options.debug && std::io::stderr().is_terminal();
        Report {
            json: options.json,
            quiet: options.quiet,
            operation: name(&arguments.command),
            started: Instant::now(),
            results: Vec::new(),
            session: Map::new(),
            hidden: Hidden::default(),
            bar: visible.then(|| {
                Arc::new(Mutex::new(Bar {
                    shown: ProgressBar::hidden(),
                    offset: 0,
                }))
            }),
        }
    }

    /// Whether results go to standard output as JSON, and nothing else does.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A result without passwords, whatever servers repeat.
    pub(crate) fn masked(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.hidden.mask(text).into(),
            Value::Array(values) => values.into_iter().map(|value| self.masked(value)).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(key, value)| (key, self.masked(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other,
        }
    }

    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            eprintln!("ftp: {text}");
        }
    }

    /// What may be behind a failure, for programs.
    pub(crate) fn causes(&self, diagnosis: &Diagnosis) -> Value {
        causes(diagnosis, &self.hidden)
    }

    /// A line of the result, for people.
    pub(crate) fn say(&self, line: &str) {
        if !self.json {
            println!("{}", self.hidden.mask(line.to_owned()));
        }
    }

    /// One thing was done.
    pub(crate) fn add(&mut self, result: Value) {
        if self.json {
            self.results.push(result);
        }
    }

    pub(crate) fn session(&mut self, facts: Map<String, Value>) {
        self.session = facts;
    }

    /// A password that is never shown.
    pub(crate) fn hide(&self, secret: &[u8]) {
        self.hidden.add(secret);
    }

    // ---- progress

    pub(crate) fn begin(&self, name: &[u8], offset: u64, size: Option<u64>) {
        let Some(mut bar) = self.bar() else { return };
        let shown = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
        shown.set_prefix(text(name));
        shown.set_style(style(size.is_some()));
        shown.set_position(offset);
        *bar = Bar { shown, offset };
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar() {
            bar.shown.finish_and_clear();
        }
    }

    /// What the session calls as payload moves.
    pub(crate) fn progress_hook(&self) -> Option<impl FnMut(Progress) + Send + use<>> {
        let bar = self.bar.clone()?;
        Some(move |progress: Progress| {
            let bar = lock(&bar);
            bar.shown.set_position(bar.offset + progress.bytes);
        })
    }

    /// What the session calls with each event: the reply to SIZE tells how long the bar is.
    pub(crate) fn event_hook(&self, debug: bool) -> impl FnMut(&Event<'_>) + Send + use<> {
        let bar = self.bar.clone();
        let hidden = self.hidden.clone();
        move |event: &Event<'_>| {
            if debug {
                show(event, &hidden);
            }
            if let (
                Some(bar),
                Event::Received {
                    verb: Some(Verb::Size),
                    reply,
                },
            ) = (&bar, event)
                && let Ok(size) = size_in_reply(reply.text())
            {
                let bar = lock(bar);
                bar.shown.set_length(size);
                bar.shown.set_style(style(true));
            }
        }
    }

    fn bar(&self) -> Option<std::sync::MutexGuard<'_, Bar>> {
        self.bar.as_ref().map(|bar| lock(bar))
    }

    // ---- the end

    pub(crate) fn finish(self, result: Result<(), Stop>) -> ExitCode {
        self.end();
        let status = result.as_ref().err().map_or(0, Stop::status);
        if self.json {
            let mut line = json!({
                "ok": result.is_ok(),
                "operation": self.operation,
                "seconds": seconds(self.started.elapsed()),
                "results": self.results,
                "session": self.session,
            });
            if let (Err(stop), Some(map)) = (&result, line.as_object_mut()) {
                map.insert("error".to_owned(), stop.to_json(&self.hidden));
            }
            println!("{line}");
        } else if let Err(stop) = &result {
            let mut sentence = self.hidden.mask(stop.message());
            for clause in [stop.cause().map(str::to_owned), stop.advice()]
                .into_iter()
                .flatten()
            {
                sentence += "; ";
                sentence += &clause;
            }
            eprintln!("ftp: {sentence}");
        }
        ExitCode::from(status)
    }
}

/// Seconds with milliseconds, for people and programs.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Bytes of a server as text that is safe to show.
pub(crate) fn text(bytes: &[u8]) -> String {
    Escaped::new(bytes).to_string()
}

/// The dialogue, as it has been shown since the first clients.
fn show(event: &Event<'_>, hidden: &Hidden) {
    let tell = |line: String| eprintln!("{}", hidden.mask(line));
    match event {
        Event::Sent { line, .. } => tell(format!("---> {}", text(line))),
        Event::Received { reply, .. } => {
            let count = reply.lines().count();
            for (index, line) in reply.lines().enumerate() {
                if index == 0 || index + 1 == count {
                    let mark = if index + 1 == count { ' ' } else { '-' };
                    tell(format!("<--- {}{mark}{}", reply.code(), text(line)));
                } else {
                    tell(format!("<--- {}", text(line)));
                }
            }
        }
        Event::Note(note) => tell(format!("**** {note:?}")),
        Event::Ready { secure } => {
            let how = if *secure {
                "under TLS"
            } else {
                "in clear text"
            };
            tell(format!("**** ready, {how}"));
        }
        Event::Closed(None) => tell("**** closed".to_owned()),
        Event::Closed(Some(failure)) => tell(format!("**** closed: {failure}")),
        _ => {}
    }
}

fn style(known: bool) -> ProgressStyle {
    let template = if known {
        "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{prefix} {bytes} {bytes_per_sec} {elapsed}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Ls { .. } => "ls",
        Command::Get { .. } => "get",
        Command::Put { .. } => "put",
        Command::Append { .. } => "append",
        Command::Cat { .. } => "cat",
        Command::Rm { .. } => "rm",
        Command::Mirror(_) => "mirror",
        Command::Mkdir { .. } => "mkdir",
        Command::Rmdir { .. } => "rmdir",
        Command::Mv { .. } => "mv",
        Command::Stat { .. } => "stat",
        Command::Feat { .. } => "feat",
        Command::Quote { .. } => "quote",
        Command::Diagnose { .. } => "diagnose",
        Command::Replay { .. } => "replay",
        Command::Survey(_) => "survey",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_wherever_it_comes_back() {
        let hidden = Hidden::default();
        hidden.add(b"hunter2\xff");
        hidden.add(b"ftp");
        let shown = text(b"530 hunter2\xff is wrong, hunter2\xff");
        assert_eq!(hidden.mask(shown), "530 **** is wrong, ****");
        assert_eq!(hidden.mask("ftp".to_owned()), "ftp");
    }

    #[test]
    fn local_trouble_is_told_with_its_place() {
        let stop = Stop::Ftp {
            url: Box::new(FtpUrl::parse("ftp://h/a").unwrap()),
            error: Error::Local(io::ErrorKind::StorageFull.into()),
            certificate: None,
            in_clear: false,
            diagnosis: Diagnosis::default(),
        };
        let stop = stop.located(|error| Stop::Local(format!("here: {error}")));
        assert_eq!(stop.status(), 1);
        assert!(stop.message().starts_with("on this machine: here: "));
    }
}
