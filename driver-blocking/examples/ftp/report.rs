//! What the user is told: progress, the result, the error and what to do about it.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ftp_proto_blocking::ftp_proto::tls::{Fingerprint, TlsFailure};
use ftp_proto_blocking::ftp_proto::wire::command::Verb;
use ftp_proto_blocking::ftp_proto::wire::date::size_in_reply;
use ftp_proto_blocking::ftp_proto::wire::reply::Escaped;
use ftp_proto_blocking::ftp_proto::{Category, Event, FailureKind, Refusal, Side, Timer};
use ftp_proto_blocking::{Error, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::args::{Arguments, Command};
use crate::url::FtpUrl;

/// Why the program stops before it is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The command line makes no sense.
    Usage(String),
    /// A local file cannot be used.
    Local(String),
    /// FTP.
    Ftp {
        url: Box<FtpUrl>,
        error: Error,
        /// The server's certificate, if it showed one.
        certificate: Option<Fingerprint>,
    },
}

impl Stop {
    fn status(&self) -> u8 {
        match self {
            Stop::Usage(_) => 2,
            Stop::Local(_) => 1,
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

    fn message(&self) -> String {
        match self {
            Stop::Usage(text) | Stop::Local(text) => text.clone(),
            Stop::Ftp { url, error, .. } => format!("{url}: {error}"),
        }
    }

    fn to_json(&self) -> Value {
        let mut value = json!({ "message": self.message(), "status": self.status() });
        if let (Stop::Ftp { url, error, .. }, Some(map)) = (self, value.as_object_mut()) {
            map.insert("url".to_owned(), url.to_string().into());
            map.insert(
                "side".to_owned(),
                match error.side() {
                    Side::Server => "server",
                    Side::Client => "client",
                    Side::Network => "network",
                }
                .into(),
            );
            if let Some(reply) = error.failure().and_then(|failure| failure.reply()) {
                map.insert("code".to_owned(), reply.code().value().into());
                map.insert("reply".to_owned(), text(reply.text()).into());
            }
            if let Some(advice) = advice(error, None) {
                map.insert("advice".to_owned(), advice.into());
            }
        }
        value
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

    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            eprintln!("ftp: {text}");
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
        move |event: &Event<'_>| {
            if debug {
                show(event);
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
                map.insert("error".to_owned(), stop.to_json());
            }
            println!("{line}");
        } else if let Err(stop) = &result {
            eprintln!("ftp: {}", stop.message());
            if let Stop::Ftp {
                error, certificate, ..
            } = stop
                && let Some(advice) = advice(error, *certificate)
            {
                eprintln!("ftp: {advice}");
            }
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

/// What the user can do about it, where the error itself does not say.
fn advice(error: &Error, certificate: Option<Fingerprint>) -> Option<String> {
    let plain = |text: &str| Some(text.to_owned());
    let failed = match error {
        Error::Failed(failed) => failed,
        Error::Connect { .. } => {
            return plain("check host and port, and that a firewall lets them through");
        }
        _ => return None,
    };
    if let (
        Some(
            TlsFailure::UnknownIssuer
            | TlsFailure::SelfSigned
            | TlsFailure::CaUsedAsEndEntity
            | TlsFailure::WrongName { .. }
            | TlsFailure::Expired { .. },
        ),
        Some(seen),
    ) = (&failed.tls, certificate)
    {
        return Some(format!(
            "name its authority with --ca FILE, or, if the administrator confirms that this is its SHA-256: --pin {seen}"
        ));
    }
    match failed.failure.kind {
        FailureKind::SecurityRefused => plain(
            "the server has no TLS here; try ftps:// for implicit TLS, or --clear if nothing is secret",
        ),
        FailureKind::ProtectionRefused => plain("--prot C if the files are not secret"),
        FailureKind::ClearLoginForbidden => plain("--clear sends the password in clear text"),
        FailureKind::LoginRefused => plain("check user name and password"),
        FailureKind::AccountNeeded => plain("log in as another user"),
        FailureKind::Refused | FailureKind::RestartRefused => {
            plain("check the path, and what the user may do")
        }
        FailureKind::DataOpen(_) => {
            plain("a firewall may be in the way; try --data pasv, or --data eprt,port")
        }
        FailureKind::Truncated { .. }
        | FailureKind::TransferFailed { .. }
        | FailureKind::Unconfirmed { .. } => {
            plain("try again; --resume goes on where it broke off")
        }
        FailureKind::TimedOut(Timer::Greeting) => plain(
            "a port that waits for TLS says nothing: try ftps://, or wait longer with --timeout",
        ),
        FailureKind::TimedOut(_) => plain("try again, or wait longer with --timeout"),
        FailureKind::Protocol(_) => {
            plain("check host and port: this may be no FTP server, or one that wants ftps://")
        }
        _ => None,
    }
}

/// The dialogue, as it has been shown since the first clients.
fn show(event: &Event<'_>) {
    match event {
        Event::Sent { line, .. } => eprintln!("---> {}", text(line)),
        Event::Received { reply, .. } => {
            let count = reply.lines().count();
            for (index, line) in reply.lines().enumerate() {
                if index == 0 || index + 1 == count {
                    let mark = if index + 1 == count { ' ' } else { '-' };
                    eprintln!("<--- {}{mark}{}", reply.code(), text(line));
                } else {
                    eprintln!("<--- {}", text(line));
                }
            }
        }
        Event::Note(note) => eprintln!("**** {note:?}"),
        Event::Ready { secure } => {
            let how = if *secure {
                "under TLS"
            } else {
                "in clear text"
            };
            eprintln!("**** ready, {how}");
        }
        Event::Closed(None) => eprintln!("**** closed"),
        Event::Closed(Some(failure)) => eprintln!("**** closed: {failure}"),
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

fn lock(bar: &Mutex<Bar>) -> std::sync::MutexGuard<'_, Bar> {
    bar.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Ls { .. } => "ls",
        Command::Get { .. } => "get",
        Command::Put { .. } => "put",
        Command::Append { .. } => "append",
        Command::Cat { .. } => "cat",
        Command::Rm { .. } => "rm",
        Command::Mkdir { .. } => "mkdir",
        Command::Rmdir { .. } => "rmdir",
        Command::Mv { .. } => "mv",
        Command::Stat { .. } => "stat",
        Command::Feat { .. } => "feat",
        Command::Quote { .. } => "quote",
    }
}
