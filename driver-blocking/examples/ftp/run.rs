//! The commands.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

use ftp_proto_blocking::ftp_proto::wire::date::Timestamp;
use ftp_proto_blocking::ftp_proto::wire::facts::{Entry, EntryKind};
use ftp_proto_blocking::ftp_proto::{Category, Proof};
use ftp_proto_blocking::{Error, Transfer, TransferOptions};
use serde_json::{Value, json};

use crate::args::{Arguments, Command, Options};
use crate::explain::{diagnose, replay};
use crate::local::{Partial, Target, about, plain_name, remote_name};
use crate::mirror;
use crate::report::{Report, Stop, seconds, text};
use crate::session::Session;
use crate::survey::survey;
use crate::url::{FtpUrl, TypeCode, looks_like_url};

/// How many downloads are asked for ahead.
const AHEAD: usize = 4;

/// Does what the command line asks for.
pub(crate) fn run(arguments: &Arguments, report: &mut Report) -> Result<(), Stop> {
    let mut run = Run {
        options: &arguments.options,
        report,
        session: None,
    };
    let result = run.command(&arguments.command);
    Session::close(run.session.take(), run.report);
    result
}

struct Run<'a> {
    options: &'a Options,
    report: &'a mut Report,
    session: Option<Session>,
}

impl Run<'_> {
    fn command(&mut self, command: &Command) -> Result<(), Stop> {
        match command {
            Command::Ls {
                long,
                recursive: true,
                trees,
                url,
            } => mirror::list(&parse(url)?, trees, self.options, self.report, *long),
            Command::Ls { long, url, .. } => self.list(&parse(url)?, *long),
            Command::Get { operands } => self.get(operands),
            Command::Put { operands } => self.put(operands),
            Command::Append { local, url } => self.append(local, &parse(url)?),
            Command::Cat { urls } => {
                let urls = parse_all(urls)?;
                self.download_all(&urls, &Destination::Output)
            }
            Command::Rm {
                recursive: true,
                trees,
                urls,
            } => parse_all(urls)?
                .iter()
                .try_for_each(|url| mirror::remove(url, trees, self.options, self.report)),
            Command::Mirror(order) => mirror::mirror(order, self.options, self.report),
            Command::Rm { urls, .. } => self.each(urls, |session, url| {
                session.client.delete(&url.path).map(drop)
            }),
            Command::Mkdir { urls } => self.each(urls, |session, url| {
                session
                    .client
                    .make_directory(url.listed_path().unwrap_or_default())
                    .map(drop)
            }),
            Command::Rmdir { urls } => self.each(urls, |session, url| {
                session
                    .client
                    .remove_directory(url.listed_path().unwrap_or_default())
                    .map(drop)
            }),
            Command::Mv { from, to } => self.rename(&parse(from)?, to),
            Command::Stat { urls } => parse_all(urls)?.iter().try_for_each(|url| self.stat(url)),
            Command::Feat { url } => self.features(&parse(url)?),
            Command::Diagnose { url } => diagnose(&parse(url)?, self.options, self.report),
            Command::Survey(arguments) => survey(arguments, self.options, self.report),
            Command::Replay { file } => replay(file, self.options, self.report),
            Command::Quote { url, words } => self.quote(&parse(url)?, &words.join(" ")),
        }
    }

    /// The session for a URL.
    fn session(&mut self, url: &FtpUrl) -> Result<&mut Session, Stop> {
        Session::switch(&mut self.session, url, self.options, self.report)
    }

    /// Asks something of the server of a URL.
    fn ask<T>(
        &mut self,
        url: &FtpUrl,
        ask: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Stop> {
        let session = self.session(url)?;
        ask(session).map_err(|error| session.stop(url, error))
    }

    // ---- listings

    fn list(&mut self, url: &FtpUrl, long: bool) -> Result<(), Stop> {
        let path = url.listed_path().unwrap_or_default().to_vec();
        match self.ask(url, |session| Ok(session.client.facts(&path)))? {
            Ok(facts) => {
                for entry in facts.entries() {
                    match entry {
                        Ok(entry) if entry.kind().is_child() => self.print_entry(&entry, long)?,
                        Ok(_) => {}
                        Err(malformed) => self.report.note(&format!(
                            "a line of the listing cannot be read: {malformed}"
                        )),
                    }
                }
                Ok(())
            }
            Err(error) if is_not_implemented(&error) => self.list_for_people(url, &path, long),
            Err(error) => Err(self.session(url)?.stop(url, error)),
        }
    }

    /// Without MLSD: NLST where names are enough, else LIST as the server writes it.
    fn list_for_people(&mut self, url: &FtpUrl, path: &[u8], long: bool) -> Result<(), Stop> {
        let listing = self.ask(url, |session| {
            if long {
                session.client.list(path)
            } else {
                session.client.names(path)
            }
        })?;
        if listing.is_empty() && !path.is_empty() {
            self.look_for(url, path)?;
        }
        for line in listing.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            // Some servers put the path that was asked for before each name.
            let line = match line.strip_prefix(path) {
                Some(rest) if !long => rest.strip_prefix(b"/").unwrap_or(line),
                _ => line,
            };
            let key = if long { "line" } else { "name" };
            self.report.add(json!({ key: text(line) }));
            self.print(line)?;
        }
        Ok(())
    }

    /// Some servers list what is not there as empty; only going there tells.
    fn look_for(&mut self, url: &FtpUrl, path: &[u8]) -> Result<(), Stop> {
        let Some(here) = self.ask(url, |session| session.client.working_directory())? else {
            return Ok(());
        };
        self.ask(url, |session| session.client.change_directory(path))?;
        self.ask(url, |session| session.client.change_directory(&here))?;
        Ok(())
    }

    fn print_entry(&mut self, entry: &Entry<'_>, long: bool) -> Result<(), Stop> {
        let kind = kind_of(entry);
        self.report.add(json!({
            "name": text(entry.name()),
            "type": kind,
            "size": entry.size(),
            "modified": entry.modify().map(shown_time),
        }));
        if !long {
            return self.print(entry.name());
        }
        let letter = match kind {
            "directory" => 'd',
            "link" => 'l',
            "file" => '-',
            _ => '?',
        };
        let size = entry.size().map_or(String::new(), |size| size.to_string());
        let time = entry.modify().map_or(String::new(), shown_time);
        let mut line = format!("{letter} {size:>14} {time:<20} ").into_bytes();
        line.extend_from_slice(entry.name());
        self.print(&line)
    }

    /// A line on standard output; made safe for a terminal, as it is for a program.
    fn print(&self, line: &[u8]) -> Result<(), Stop> {
        if self.report.is_json() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        let printed = if out.is_terminal() {
            writeln!(out, "{}", text(line))
        } else {
            out.write_all(line).and_then(|()| out.write_all(b"\n"))
        };
        printed.map_err(|error| Stop::Local(format!("standard output: {error}")))
    }

    // ---- downloads

    fn get(&mut self, operands: &[OsString]) -> Result<(), Stop> {
        let (urls, target) = match operands.split_last() {
            Some((last, before)) if !is_url(last) => (before, Some(last.as_os_str())),
            _ => (operands, None),
        };
        let urls = urls
            .iter()
            .map(|url| parse(&url.to_string_lossy()))
            .collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Err(Stop::Usage(
                "there is no URL to get: one begins with ftp://, ftpes:// or ftps://".to_owned(),
            ));
        }
        let destination = match target {
            None => Destination::Directory(PathBuf::new()),
            Some(target) if target == "-" => Destination::Output,
            Some(target) => {
                let path = PathBuf::from(target);
                let slash = target.as_encoded_bytes().ends_with(b"/");
                if slash || path.is_dir() {
                    Destination::Directory(path)
                } else if urls.len() == 1 {
                    Destination::File(path)
                } else {
                    return Err(Stop::Usage(format!(
                        "several files can only go to a directory, and {} is none",
                        path.display()
                    )));
                }
            }
        };
        self.download_all(&urls, &destination)
    }

    /// Downloads in order; those of one session are asked for ahead, so that none waits for the confirmation of the one before.
    fn download_all(&mut self, urls: &[FtpUrl], destination: &Destination) -> Result<(), Stop> {
        let resume = self.options.resume;
        for urls in urls.chunk_by(FtpUrl::same_session) {
            let mut ahead = VecDeque::new();
            let mut rest = urls.iter();
            for url in urls {
                let mut target = self.target(url, destination)?;
                let offset = match &mut target {
                    Target::File(partial) if resume => self.resume_at(url, partial)?,
                    _ => 0,
                };
                self.report.begin(url.file_name(), offset, None);
                let started = Instant::now();
                let transfer = if url.type_code == Some(TypeCode::Directory) {
                    self.ask(url, |session| {
                        session
                            .client
                            .names_to(url.listed_path().unwrap_or_default(), &mut target)
                    })
                } else if resume || urls.iter().any(|url| url.type_code.is_some()) {
                    let how = self.how(url, offset);
                    self.ask(url, |session| {
                        session.client.retrieve_with(&url.path, how, &mut target)
                    })
                } else {
                    let how = self.how(url, 0);
                    let few = AHEAD - ahead.len();
                    for url in rest.by_ref().take(few) {
                        ahead.push_back(
                            self.ask(url, |session| session.client.queue_retrieve(&url.path, how))?,
                        );
                    }
                    let next = ahead.pop_front();
                    self.ask(url, |session| match next {
                        Some(queued) => session.client.receive(queued, &mut target),
                        None => Err(Error::Cancelled),
                    })
                };
                self.report.end();
                let transfer = transfer.map_err(|stop| stop.located(|error| target.trouble(error)));
                self.downloaded(url, target, offset, &transfer?, started)?;
            }
        }
        Ok(())
    }

    fn target(&self, url: &FtpUrl, destination: &Destination) -> Result<Target, Stop> {
        match destination {
            Destination::Output => Ok(Target::standard_output()),
            Destination::File(path) => Target::open(path, self.options.resume),
            Destination::Directory(directory) => {
                let name = plain_name(url.file_name())?;
                Target::open(&directory.join(name), self.options.resume)
            }
        }
    }

    fn how(&self, url: &FtpUrl, offset: u64) -> TransferOptions {
        TransferOptions {
            offset,
            ascii: self.is_ascii(url),
            ..TransferOptions::default()
        }
    }

    fn how_from(&self, source: &Source, url: &FtpUrl, offset: u64) -> TransferOptions {
        TransferOptions {
            // What a pipe gives cannot be had again.
            eager: source.size.is_some(),
            ..self.how(url, offset)
        }
    }

    fn downloaded(
        &mut self,
        url: &FtpUrl,
        target: Target,
        offset: u64,
        transfer: &Transfer,
        started: Instant,
    ) -> Result<(), Stop> {
        let path = match target {
            Target::File(partial) => Some(partial.complete()?),
            Target::Stream(_) => None,
        };
        let mut result = done(url, transfer, started);
        if let Some(map) = result.as_object_mut() {
            map.insert("offset".to_owned(), offset.into());
            map.insert(
                "local".to_owned(),
                path.map(|path| path.display().to_string()).into(),
            );
        }
        self.report.add(result);
        Ok(())
    }

    /// Where a download goes on. What the server has changed meanwhile is begun anew.
    fn resume_at(&mut self, url: &FtpUrl, partial: &mut Partial) -> Result<u64, Stop> {
        let (have, since) = partial.so_far()?;
        if have == 0 {
            return Ok(0);
        }
        let size = optional(self.ask(url, |session| Ok(session.client.size(&url.path)))?)
            .map_err(|error| self.stop(url, error))?;
        let modified = optional(self.ask(url, |session| Ok(session.client.modified(&url.path)))?)
            .map_err(|error| self.stop(url, error))?;
        let since = since
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .and_then(|time| i64::try_from(time.as_secs()).ok());
        let changed = match (modified, since) {
            (Some(modified), Some(since)) => modified.to_unix_seconds() > since,
            _ => false,
        };
        let longer = size.is_some_and(|size| have > size);
        let offset = if changed || longer {
            self.report
                .note("the file has changed on the server: the download begins anew");
            0
        } else if size == Some(have) {
            // Servers differ about a restart at the very end; the last byte again is understood by all.
            have - 1
        } else {
            have
        };
        partial.continue_at(offset)?;
        Ok(offset)
    }

    // ---- uploads

    fn put(&mut self, operands: &[OsString]) -> Result<(), Stop> {
        let Some((url, sources)) = operands.split_last() else {
            return Err(Stop::Usage("put needs files and a URL".to_owned()));
        };
        let url = parse(&url.to_string_lossy())?;
        if sources.len() > 1 && !url.is_directory() {
            return Err(Stop::Usage(
                "several files can only go to a directory: end the URL with /".to_owned(),
            ));
        }
        for source in sources {
            let mut file = url.clone();
            if url.is_directory() {
                if source == "-" {
                    return Err(Stop::Usage(
                        "name the remote file: standard input has no name".to_owned(),
                    ));
                }
                file.path
                    .extend_from_slice(&remote_name(Path::new(source))?);
            }
            self.upload(source, &file)?;
        }
        Ok(())
    }

    fn upload(&mut self, source: &OsStr, url: &FtpUrl) -> Result<(), Stop> {
        let mut source = Source::open(source)?;
        let mut offset = 0;
        if self.options.resume {
            let Some(size) = source.size else {
                return Err(Stop::Usage(
                    "only an upload from a file can be resumed".to_owned(),
                ));
            };
            let there = optional(self.ask(url, |session| Ok(session.client.size(&url.path)))?)
                .map_err(|error| self.stop(url, error))?;
            offset = there.unwrap_or(0);
            if offset > size {
                return Err(Stop::Local(format!(
                    "{url}: the file on the server is longer ({offset} bytes) than the local one ({size} bytes)"
                )));
            }
            source.skip(offset)?;
        }
        let how = self.how_from(&source, url, offset);
        self.report.begin(url.file_name(), offset, source.size);
        let started = Instant::now();
        let transfer = self.ask(url, |session| {
            session
                .client
                .store_with(&url.path, how, &mut source.reader)
        });
        self.report.end();
        let transfer = transfer.map_err(|stop| stop.located(|error| source.trouble(error)));
        let mut result = done(url, &transfer?, started);
        if let Some(map) = result.as_object_mut() {
            map.insert("offset".to_owned(), offset.into());
        }
        self.report.add(result);
        Ok(())
    }

    fn append(&mut self, local: &OsStr, url: &FtpUrl) -> Result<(), Stop> {
        let mut source = Source::open(local)?;
        let how = self.how_from(&source, url, 0);
        self.report.begin(url.file_name(), 0, source.size);
        let started = Instant::now();
        let transfer = self.ask(url, |session| {
            session
                .client
                .append_with(&url.path, how, &mut source.reader)
        });
        self.report.end();
        let transfer = transfer.map_err(|stop| stop.located(|error| source.trouble(error)));
        let result = done(url, &transfer?, started);
        self.report.add(result);
        Ok(())
    }

    fn is_ascii(&self, url: &FtpUrl) -> bool {
        match url.type_code {
            Some(TypeCode::Image) => false,
            Some(TypeCode::Ascii) => true,
            _ => self.options.ascii,
        }
    }

    // ---- files and directories

    fn each(
        &mut self,
        urls: &[String],
        act: impl Fn(&mut Session, &FtpUrl) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        for url in parse_all(urls)? {
            self.ask(&url, |session| act(session, &url))?;
            self.report.add(json!({ "url": url.to_string() }));
        }
        Ok(())
    }

    fn rename(&mut self, from: &FtpUrl, to: &str) -> Result<(), Stop> {
        let path = if looks_like_url(to) {
            let mut to = parse(to)?;
            if to.user.is_none() {
                to.user.clone_from(&from.user);
            }
            if to.password.is_none() {
                to.password.clone_from(&from.password);
            }
            if !from.same_session(&to) {
                return Err(Stop::Usage("both URLs must be on one server".to_owned()));
            }
            to.path
        } else {
            to.as_bytes().to_vec()
        };
        self.ask(from, |session| session.client.rename(&from.path, &path))?;
        self.report
            .add(json!({ "url": from.to_string(), "to": text(&path) }));
        Ok(())
    }

    fn stat(&mut self, url: &FtpUrl) -> Result<(), Stop> {
        let path = url.listed_path().unwrap_or_default().to_vec();
        match self.ask(url, |session| Ok(session.client.entry(&path)))? {
            Ok(reply) => {
                let line = reply.text.split(|byte| *byte == b'\n').nth(1);
                let entry = line.and_then(|line| Entry::parse_mlst_line(line).ok());
                let Some(entry) = entry else {
                    return self.print(&reply.text);
                };
                self.report.add(json!({
                    "url": url.to_string(),
                    "name": text(entry.name()),
                    "type": kind_of(&entry),
                    "size": entry.size(),
                    "modified": entry.modify().map(shown_time),
                }));
                self.print(entry.name())?;
                for fact in entry.facts() {
                    let mut line = b"  ".to_vec();
                    line.extend_from_slice(fact.name);
                    line.extend_from_slice(b" = ");
                    line.extend_from_slice(fact.value);
                    self.print(&line)?;
                }
                Ok(())
            }
            Err(error) if is_not_implemented(&error) => {
                let size = self.ask(url, |session| session.client.size(&path))?;
                let modified =
                    optional(self.ask(url, |session| Ok(session.client.modified(&path)))?)
                        .map_err(|error| self.stop(url, error))?
                        .map(shown_time);
                self.report
                    .add(json!({ "url": url.to_string(), "size": size, "modified": modified }));
                self.print(&path)?;
                self.print(format!("  size = {size}").as_bytes())?;
                match modified {
                    Some(time) => self.print(format!("  modify = {time}").as_bytes()),
                    None => Ok(()),
                }
            }
            Err(error) => Err(self.stop(url, error)),
        }
    }

    fn features(&mut self, url: &FtpUrl) -> Result<(), Stop> {
        let features = self.ask(url, |session| session.client.features())?;
        let count = features.text.split(|byte| *byte == b'\n').count();
        let lines = features.text.split(|byte| *byte == b'\n');
        for line in lines.skip(1).take(count.saturating_sub(2)) {
            let line = line.trim_ascii();
            self.report.add(text(line).into());
            self.print(line)?;
        }
        Ok(())
    }

    fn quote(&mut self, url: &FtpUrl, line: &str) -> Result<(), Stop> {
        let reply = self.ask(url, |session| session.client.command(line))?;
        self.report
            .add(json!({ "code": reply.code.value(), "text": text(&reply.text) }));
        let mut shown = reply.code.to_string().into_bytes();
        shown.push(b' ');
        shown.extend_from_slice(&reply.text);
        shown
            .split(|byte| *byte == b'\n')
            .try_for_each(|line| self.print(line))
    }

    fn stop(&self, url: &FtpUrl, error: Error) -> Stop {
        match &self.session {
            Some(session) => session.stop(url, error),
            None => Stop::Local(error.to_string()),
        }
    }
}

/// Where downloads go.
enum Destination {
    Output,
    File(PathBuf),
    Directory(PathBuf),
}

/// What is uploaded.
struct Source {
    reader: Box<dyn Read>,
    file: Option<(File, PathBuf)>,
    size: Option<u64>,
}

impl Source {
    fn open(name: &OsStr) -> Result<Source, Stop> {
        if name == "-" {
            return Ok(Source {
                reader: Box::new(io::stdin().lock()),
                file: None,
                size: None,
            });
        }
        let path = PathBuf::from(name);
        if looks_like_url(&name.to_string_lossy()) && !path.exists() {
            return Err(Stop::Usage(
                "a URL stands in place of a local file; only the last operand is a URL".to_owned(),
            ));
        }
        let open = || {
            let file = File::open(&path)?;
            let found = file.metadata()?;
            if found.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok((file.try_clone()?, file, found))
        };
        let (reader, file, found) = open().map_err(|error| about(&path, &error))?;
        Ok(Source {
            reader: Box::new(reader),
            file: Some((file, path)),
            size: found.is_file().then_some(found.len()),
        })
    }

    /// What went wrong there.
    fn trouble(&self, error: &io::Error) -> Stop {
        match &self.file {
            Some((_, path)) => about(path, error),
            None => Stop::Local(format!("standard input: {error}")),
        }
    }

    fn skip(&mut self, offset: u64) -> Result<(), Stop> {
        match &mut self.file {
            Some((file, path)) => file
                .seek(SeekFrom::Start(offset))
                .map(drop)
                .map_err(|error| about(path, &error)),
            None => Ok(()),
        }
    }
}

pub(crate) fn parse(url: &str) -> Result<FtpUrl, Stop> {
    FtpUrl::parse(url).map_err(|reason| Stop::Usage(format!("a URL cannot be read: {reason}")))
}

fn parse_all(urls: &[String]) -> Result<Vec<FtpUrl>, Stop> {
    urls.iter().map(|url| parse(url)).collect()
}

fn is_url(operand: &OsStr) -> bool {
    looks_like_url(&operand.to_string_lossy())
}

fn done(url: &FtpUrl, transfer: &Transfer, started: Instant) -> Value {
    json!({
        "url": url.to_string(),
        "bytes": transfer.bytes,
        "seconds": seconds(started.elapsed()),
        "proof": match transfer.proof {
            Proof::CleanEnd => "clean end",
            Proof::SizeOnly => "size only",
            Proof::Empty => "empty",
        },
    })
}

fn kind_of(entry: &Entry<'_>) -> &'static str {
    match entry.kind() {
        EntryKind::File => "file",
        EntryKind::Dir | EntryKind::Cdir | EntryKind::Pdir => "directory",
        EntryKind::Symlink { .. } => "link",
        EntryKind::Other(_) => "other",
    }
}

pub(crate) fn shown_time(time: Timestamp) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// The server does not know the command, as opposed to not liking its argument.
fn is_not_implemented(error: &Error) -> bool {
    error
        .failure()
        .and_then(|failure| failure.code)
        .is_some_and(|code| matches!(code.value(), 500 | 502))
}

/// A fact that is good to have: the server's no is no error.
fn optional<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.category() == Category::Refused => Ok(None),
        Err(error) => Err(error),
    }
}
