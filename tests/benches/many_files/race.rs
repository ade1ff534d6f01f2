//! Runs the contenders in turn, takes the times and prints the table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use ftp_proto_tests::child::end_within;
use ftp_proto_tests::link::Link;
use ftp_proto_tests::peers::Kind;

use crate::Fallible;
use crate::contenders::{Contender, Job};
use crate::options::Options;
use crate::servers::{MEMORY, Server, contents, file_name, fill};

/// What a noisy machine may make of equal rates.
const NOISE: f64 = 1.1;

/// One row: the rates of the contenders, files per second, or why there is none.
struct Row {
    server: Kind,
    job: Job,
    cells: Vec<(Contender, Result<f64, String>)>,
}

/// Measures everything and prints the table.
pub(crate) fn run(options: &Options) -> Fallible {
    let scratch = Scratch::new()?;
    let mut rows = Vec::new();
    for &delayed in &options.delayed {
        let link = match delayed {
            true => Some(Link::new(options.round_trip)?),
            false => None,
        };
        for &kind in &options.servers {
            let server = Server::start(link.as_ref(), kind)?;
            for job in jobs(options, delayed) {
                let row = measure(options, link.as_ref(), &server, kind, job, &scratch.0)?;
                println!("{}", row.text());
                rows.push(row);
            }
        }
    }
    let round_trip = options.round_trip.as_millis();
    println!(
        "\nfiles of 4 KiB per second, the median of {}; far: over a link of {round_trip} ms round-trip time",
        options.rounds
    );
    for row in &rows {
        println!("{}", row.text());
    }
    let shortfalls: Vec<String> = rows.iter().filter_map(Row::shortfall).collect();
    match shortfalls.is_empty() {
        true => Ok(()),
        false => {
            let list = shortfalls.join("\n");
            Err(format!("this project's client falls short\n{list}").into())
        }
    }
}

fn jobs(options: &Options, delayed: bool) -> Vec<Job> {
    let mut jobs = Vec::new();
    for &tls in &options.tls {
        for &upload in &options.uploads {
            for &sessions in &options.sessions {
                jobs.push(Job {
                    files: match delayed {
                        true => options.far_files * sessions,
                        false => options.files,
                    },
                    sessions,
                    tls,
                    upload,
                    delayed,
                });
            }
        }
    }
    jobs
}

/// All contenders, in turn, so that a change in the machine's load meets all of them; each begins a round as often as the others.
fn measure(
    options: &Options,
    link: Option<&Link>,
    server: &Server,
    kind: Kind,
    job: Job,
    scratch: &Path,
) -> Fallible<Row> {
    type Rates = Result<Vec<f64>, String>;
    let contenders = options.contenders.iter().copied();
    let mut cells: Vec<(Contender, Rates)> = contenders.map(|one| (one, Ok(Vec::new()))).collect();
    for round in 0..options.rounds {
        let (later, first) = cells.split_at_mut(round % options.contenders.len().max(1));
        for (contender, rates) in first.iter_mut().chain(later) {
            let Ok(known) = rates else { continue };
            match once(*contender, link, server, job, options.give_up, scratch)? {
                Ok(took) => known.push(job.files as f64 / took.as_secs_f64()),
                Err(why) => *rates = Err(why),
            }
        }
    }
    Ok(Row {
        server: kind,
        job,
        cells: cells
            .into_iter()
            .map(|(contender, rates)| (contender, rates.map(median)))
            .collect(),
    })
}

/// One run of one client: how long it took, or why it does not count.
fn once(
    contender: Contender,
    link: Option<&Link>,
    server: &Server,
    job: Job,
    give_up: Duration,
    scratch: &Path,
) -> Fallible<Result<Duration, String>> {
    server.furnish(if job.upload { 0 } else { job.files })?;
    let local = scratch.join("local");
    if local.exists() {
        fs::remove_dir_all(&local)?;
    }
    fs::create_dir(&local)?;
    if job.upload {
        fill(&local, job.files)?;
    }
    if let Some(link) = link {
        link.forget();
    }
    let complaints = fs::File::create(scratch.join("complaints"))?;
    let mut command = contender.command(link, server, job, &local, scratch)?;
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(complaints)
        .spawn()?;
    let status = end_within(&mut child, give_up)?;
    let took = begun.elapsed();
    let Some(status) = status else {
        return Ok(Err(format!("gave up after {} s", give_up.as_secs())));
    };
    if !status.success() {
        let said = fs::read(scratch.join("complaints"))?;
        let said = String::from_utf8_lossy(&said);
        let first = said.lines().next().unwrap_or("nothing").to_owned();
        return Ok(Err(format!("failed: {first}")));
    }
    let arrived = if job.upload { server.stored() } else { local };
    for index in 0..job.files {
        let path = arrived.join(file_name(index));
        if fs::read(&path).ok() != Some(contents(index)) {
            return Ok(Err(format!("{} is not the file", path.display())));
        }
    }
    Ok(Ok(took))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

impl Row {
    /// What the others are measured by.
    fn ours(&self) -> Option<f64> {
        let ours = |(contender, _): &&(Contender, _)| *contender == Contender::Ours;
        let cell = self.cells.iter().find(ours)?;
        cell.1.as_ref().ok().copied()
    }

    fn title(&self) -> String {
        let Job {
            files,
            sessions,
            tls,
            upload,
            delayed,
        } = self.job;
        format!(
            "{:4} {:9} {:5} {:4} {sessions} x {files:4}",
            if delayed { "far" } else { "near" },
            self.server.name(),
            if tls { "TLS" } else { "clear" },
            if upload { "up" } else { "down" },
        )
    }

    fn text(&self) -> String {
        let ours = self.ours();
        let mut text = self.title();
        for (contender, rate) in &self.cells {
            text += &match (rate, ours) {
                (Err(why), _) => format!("  {}: {why}", contender.name()),
                (Ok(rate), Some(ours)) if *contender != Contender::Ours => {
                    format!("  {} {rate:.1} ({:.2})", contender.name(), rate / ours)
                }
                (Ok(rate), _) => format!("  {} {rate:.1}", contender.name()),
            };
        }
        text
    }

    /// Where a client of this project failed, or both were slower than another.
    fn shortfall(&self) -> Option<String> {
        let failed = |(contender, rate): &(Contender, Result<f64, String>)| {
            contender.is_ours() && rate.is_err()
        };
        let best = |ours: bool| {
            let cells = self.cells.iter().filter(|(c, _)| c.is_ours() == ours);
            cells
                .filter_map(|(_, rate)| rate.as_ref().ok().copied())
                .fold(None, |best: Option<f64>, rate| {
                    Some(best.map_or(rate, |best| best.max(rate)))
                })
        };
        let slower = match (best(true), best(false)) {
            (Some(ours), Some(others)) => ours * NOISE < others,
            _ => false,
        };
        (slower || self.cells.iter().any(failed)).then(|| self.text())
    }
}

/// A directory of our own, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Fallible<Self> {
        let path = Path::new(MEMORY).join(format!("ftp-proto-files-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
