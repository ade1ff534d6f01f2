//! Whole trees: `mirror`, `ls -R` and `rm -r`.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use ftp_proto_blocking::ftp_proto::tree::{
    self, Check, Delete, Event, Filter, Found, FoundKind, Overwrite, Pattern, Skip, Summary,
};
use ftp_proto_blocking::{Client, Error, Tree, TreeDone};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::args::Options;
use crate::local::about;
use crate::report::{Report, Stop, text};
use crate::run::{parse, shown_time};
use crate::session::Session;
use crate::url::{FtpUrl, looks_like_url};

/// What of a tree is meant, and by how many sessions at once.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Trees {
    /// Only files that match; can be given several times. `*` and `?` stand for no slash, `**` for anything.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Nothing that matches, and nothing below it; can be given several times.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Say what would be done, and change nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// So many sessions at once.
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=64))]
    parallel: u32,
}

/// What is made the same as what, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Mirror {
    /// What is to be mirrored: a URL, or a local directory.
    from: OsString,
    /// What is made the same: a local directory, or a URL.
    to: OsString,
    #[command(flatten)]
    trees: Trees,
    /// Delete what the source does not have, after everything else has succeeded.
    #[arg(long)]
    delete: bool,
    /// Only replace files by newer ones.
    #[arg(long)]
    newer: bool,
    /// Replace all files, whether they have changed or not.
    #[arg(long, conflicts_with = "newer")]
    all: bool,
    /// Begin every file anew, also if part of it is there.
    #[arg(long)]
    no_resume: bool,
    /// Compare each file after its transfer by its size on the server, or by a digest the server makes; by a digest also those that look
    /// unchanged.
    #[arg(long, value_name = "HOW", value_parser = ["size", "digest"])]
    check: Option<String>,
}

/// Makes one side the same as the other.
pub(crate) fn mirror(order: &Mirror, options: &Options, report: &mut Report) -> Result<(), Stop> {
    let mut how = order.trees.options();
    how.overwrite = match (order.newer, order.all) {
        (true, _) => Overwrite::Newer,
        (_, true) => Overwrite::Always,
        _ => Overwrite::Changed,
    };
    if order.delete {
        how.delete = Delete::AfterSuccess;
    }
    how.resume = !order.no_resume;
    how.check = match order.check.as_deref() {
        Some("size") => Check::Size,
        Some(_) => Check::Digest,
        None => Check::Transfer,
    };
    // What the target cannot tell apart is known for local ones only.
    let download = is_url(&order.from);
    how.fold_case = download && cfg!(any(windows, target_os = "macos"));
    let (url, local) = match (download, is_url(&order.to)) {
        (true, false) => (&order.from, &order.to),
        (false, true) => (&order.to, &order.from),
        _ => {
            return Err(Stop::Usage(
                "mirror takes a URL and a local directory, in either order".to_owned(),
            ));
        }
    };
    let url = parse(&url.to_string_lossy())?;
    let remote = url.listed_path().unwrap_or_default();
    let tree = if download {
        Tree::download(remote, local, how)
    } else {
        Tree::upload(local, remote, how)
    };
    let tree = tree.map_err(|error| about(local.as_ref(), &error))?;
    run(tree, &order.trees, &url, options, report, false)
}

/// Lists a directory with all that is in it.
pub(crate) fn list(
    url: &FtpUrl,
    trees: &Trees,
    options: &Options,
    report: &mut Report,
    long: bool,
) -> Result<(), Stop> {
    let tree = Tree::walk(url.listed_path().unwrap_or_default(), trees.options());
    run(tree, trees, url, options, report, long)
}

/// Deletes a directory with all that is in it.
pub(crate) fn remove(
    url: &FtpUrl,
    trees: &Trees,
    options: &Options,
    report: &mut Report,
) -> Result<(), Stop> {
    match url.listed_path() {
        None | Some(b"" | b"/") => Err(Stop::Usage(
            "rm -r wants a directory with a name, not everything there is".to_owned(),
        )),
        Some(path) => run(
            Tree::remove(path, trees.options()),
            trees,
            url,
            options,
            report,
            false,
        ),
    }
}

impl Trees {
    fn options(&self) -> tree::Options {
        let mut options = tree::Options::default();
        let included = self.include.iter().map(Pattern::new);
        let excluded = self.exclude.iter().map(Pattern::new);
        options.filter = excluded.fold(
            included.fold(Filter::default(), Filter::include),
            Filter::exclude,
        );
        options.dry_run = self.dry_run;
        options
    }
}

fn run(
    tree: Tree<'_>,
    trees: &Trees,
    url: &FtpUrl,
    options: &Options,
    report: &mut Report,
    long: bool,
) -> Result<(), Stop> {
    if options.trace.is_some() {
        return Err(Stop::Usage(
            "--trace keeps the record of one session, and a tree may take several".to_owned(),
        ));
    }
    let bar = bar(options);
    let told = Mutex::new(Told::default());
    let done = {
        let report = &*report;
        let show = |event: Option<&Event>, progress: tree::Progress| {
            if let Some(event) = event {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                bar.suspend(|| told.tell(event, options, long));
            }
            bar.set_length(progress.files);
            bar.set_position(progress.copied);
            bar.set_message(format!(
                "{} bytes, {} directories",
                progress.moved, progress.directories
            ));
        };
        tree.sessions(trees.parallel)
            .on_event(show)
            .run(|| connect(url, options, report))
    };
    bar.finish_and_clear();
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    for value in told.results {
        report.add(value);
    }
    if let Some(error) = told.broken {
        return Err(Stop::Local(format!("standard output: {error}")));
    }
    let TreeDone {
        summary,
        last_error,
    } = done;
    report.add(shown_summary(&summary));
    if summary.is_complete() {
        report.note(&summary.to_string());
        return Ok(());
    }
    match last_error {
        Some(error) if summary.not_reached > 0 => {
            report.note(&summary.to_string());
            Err(Stop::Ftp {
                url: Box::new(url.clone()),
                diagnosis: Default::default(),
                certificate: None,
                in_clear: options.clear.is_some(),
                error,
            })
        }
        _ => Err(Stop::Incomplete(format!(
            "not everything is done: {summary}"
        ))),
    }
}

fn connect(url: &FtpUrl, options: &Options, report: &Report) -> Result<Client, Error> {
    match Session::open(url, options, report) {
        Ok(session) => Ok(session.client),
        Err(Stop::Ftp { error, .. }) => Err(error),
        Err(Stop::Usage(why) | Stop::Local(why) | Stop::Record(why) | Stop::Incomplete(why)) => {
            Err(Error::Local(io::Error::other(why)))
        }
    }
}

fn bar(options: &Options) -> ProgressBar {
    if options.quiet || options.json || options.debug || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{pos}/{len} files {wide_bar} {msg} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What has been told.
#[derive(Default)]
struct Told {
    results: Vec<Value>,
    /// Standard output is gone.
    broken: Option<io::Error>,
}

impl Told {
    fn tell(&mut self, event: &Event, options: &Options, long: bool) {
        let (what, path) = match event {
            Event::Entry { path, found } => {
                self.results.push(shown_entry(path, found));
                return self.line(options, &listed(path, found, long));
            }
            Event::Copied { path, .. } => ("copied", path),
            Event::Made { path } => ("made", path),
            Event::Deleted { path } => ("deleted", path),
            Event::Failed(failed) => {
                let path = shown_path(&failed.path);
                self.results
                    .push(json!({ "what": "failed", "path": path, "why": failed.why.to_string() }));
                if !options.json {
                    eprintln!("ftp: {path}: {}", failed.why);
                }
                return;
            }
            Event::Skipped { path, why } => {
                let why = match why {
                    Skip::Filtered => "filter",
                    Skip::Link => "link",
                    Skip::Special => "no file",
                    Skip::Unfinished => "unfinished",
                    _ => return,
                };
                let path = text(path);
                self.results
                    .push(json!({ "what": "left out", "path": path, "why": why }));
                return;
            }
            _ => return,
        };
        let path = shown_path(path);
        self.results.push(json!({ "what": what, "path": path }));
        if !options.quiet {
            self.line(options, format!("{what} {path}").as_bytes());
        }
    }

    fn line(&mut self, options: &Options, line: &[u8]) {
        if options.json || self.broken.is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        let printed = if out.is_terminal() {
            writeln!(out, "{}", text(line))
        } else {
            out.write_all(line).and_then(|()| out.write_all(b"\n"))
        };
        self.broken = printed.err();
    }
}

/// A path below the root; the root itself is the dot.
fn shown_path(path: &[u8]) -> String {
    if path.is_empty() {
        ".".to_owned()
    } else {
        text(path)
    }
}

fn listed(path: &[u8], found: &Found, long: bool) -> Vec<u8> {
    if !long {
        return path.to_vec();
    }
    let (_, letter) = kind(found);
    let size = found.size.map_or(String::new(), |size| size.to_string());
    let time = found.time.and_then(|time| time.utc());
    let time = time.map_or(String::new(), shown_time);
    let mut line = format!("{letter} {size:>14} {time:<20} ").into_bytes();
    line.extend_from_slice(path);
    line
}

fn shown_entry(path: &[u8], found: &Found) -> Value {
    json!({
        "path": text(path),
        "type": kind(found).0,
        "size": found.size,
        "modified": found.time.and_then(|time| time.utc()).map(shown_time),
    })
}

fn kind(found: &Found) -> (&'static str, char) {
    match found.kind {
        FoundKind::File => ("file", '-'),
        FoundKind::Directory => ("directory", 'd'),
        FoundKind::Link => ("link", 'l'),
        FoundKind::Other => ("other", '?'),
    }
}

fn shown_summary(summary: &Summary) -> Value {
    json!({
        "what": "summary",
        "complete": summary.is_complete(),
        "directories": summary.directories,
        "entries": summary.entries,
        "copied": summary.copied,
        "bytes": summary.bytes,
        "resumed": summary.resumed,
        "unchanged": summary.unchanged,
        "left_out": summary.skipped,
        "made": summary.made,
        "deleted": summary.deleted,
        "spared": summary.spared,
        "failed": summary.failed,
        "not_reached": summary.not_reached,
        "unread": summary.unread,
        "times_lost": summary.times_lost,
    })
}

fn is_url(operand: &OsStr) -> bool {
    looks_like_url(&operand.to_string_lossy())
}
