//! What works and what does not, and why: `diagnose` and `replay`.

use std::fs;
use std::path::Path;

use ftp_proto_blocking::ftp_proto::diagnosis::Diagnosis;
use ftp_proto_blocking::ftp_proto::trace::{self, Trace};
use ftp_proto_blocking::ftp_proto::{Refusal, TlsVersion};
use ftp_proto_blocking::{Client, Error};
use serde_json::{Value, json};

use crate::args::{Data, Options};
use crate::local::about;
use crate::report::{Report, Stop};
use crate::session::Session;
use crate::url::{FtpUrl, Scheme};

/// Every way to make data connections, in the order in which they are worth trying.
const WAYS: [(Data, &str); 4] = [
    (Data::Epsv, "passive (EPSV)"),
    (Data::Pasv, "passive (PASV)"),
    (Data::Eprt, "active (EPRT)"),
    (Data::Port, "active (PORT)"),
];

/// Goes up the ladder: greeting and TLS, the login, a listing in every way. Where TLS fails, the other way to it is tried, without a login.
/// Protection is never lowered.
pub(crate) fn diagnose(url: &FtpUrl, options: &Options, report: &mut Report) -> Result<(), Stop> {
    let mut ladder = Ladder {
        url,
        options,
        report,
    };
    let (scheme, port) = (scheme(url, options), url.port);
    let connected = ladder.attempt(
        &format!("{scheme} on port {port}"),
        url,
        options,
        |session| session.client.ready(),
    );
    if let Err(stop) = connected {
        if options.clear.is_none() {
            ladder.other_scheme();
        }
        return Err(stop);
    }
    let mut session = Session::connect(url, options, ladder.report)?;
    session.log_in(options, ladder.report)?;
    let login = ladder.tried("login", session, |session| session.client.noop().map(drop));
    login?;
    ladder.listings()
}

/// Shows a record, runs it again, and explains it.
pub(crate) fn replay(file: &Path, options: &Options, report: &mut Report) -> Result<(), Stop> {
    let text = fs::read_to_string(file).map_err(|error| about(file, &error))?;
    let wrong =
        |problem: &dyn std::fmt::Display| Stop::Record(format!("{}: {problem}", file.display()));
    let trace = Trace::read(&text).map_err(|error| wrong(&error))?;
    if !options.quiet {
        report.say(trace.to_string().trim_end());
    }
    let replayed = trace::replay(&trace).map_err(|divergence| wrong(&divergence))?;
    let diagnosis = replayed.diagnose();
    let lines = trace.entries.len() + 1;
    report.say(&format!("replayed: {lines} lines, the same again"));
    if let Some(failure) = &replayed.failure {
        report.say(&format!("it failed: {failure}"));
    }
    tell(report, &diagnosis);
    report.add(json!({
        "lines": lines,
        "failure": replayed.failure.map(|failure| failure.to_string()),
        "causes": report.causes(&diagnosis),
    }));
    Ok(())
}

struct Ladder<'a> {
    url: &'a FtpUrl,
    options: &'a Options,
    report: &'a mut Report,
}

impl Ladder<'_> {
    /// One rung: connects, does `what`, says how it went.
    fn attempt(
        &mut self,
        name: &str,
        url: &FtpUrl,
        options: &Options,
        what: impl FnOnce(&mut Session) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        match Session::connect(url, options, self.report) {
            Ok(session) => self.tried(name, session, what),
            Err(stop) => {
                self.failed(name, &stop);
                Err(stop)
            }
        }
    }

    fn tried(
        &mut self,
        name: &str,
        mut session: Session,
        what: impl FnOnce(&mut Session) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let result = what(&mut session);
        let result = result.map_err(|error| session.stop(self.url, error));
        match &result {
            Ok(()) => {
                let odd = session.client.machine().diagnose(None);
                let how = protection(&session.client);
                self.report.say(&format!("{name}: works, {how}"));
                tell(self.report, &odd);
                let causes = self.report.causes(&odd);
                self.add(name, true, how.into(), causes);
            }
            Err(stop) => self.failed(name, stop),
        }
        Session::close(Some(session), self.report);
        result
    }

    fn failed(&mut self, name: &str, stop: &Stop) {
        let Stop::Ftp {
            error, diagnosis, ..
        } = stop
        else {
            return;
        };
        if matches!(error, Error::Refused(Refusal::Policy)) {
            self.report.say(&format!("{name}: not on IPv6"));
            self.add(name, false, "not on IPv6".into(), Value::Null);
            return;
        }
        self.report.say(&format!("{name}: {error:#}"));
        tell(self.report, diagnosis);
        let causes = self.report.causes(diagnosis);
        self.add(name, false, format!("{error:#}").into(), causes);
    }

    fn add(&mut self, name: &str, works: bool, says: Value, causes: Value) {
        self.report
            .add(json!({ "tried": name, "works": works, "says": says, "causes": causes }));
    }

    /// The other way to TLS, usually on its own port.
    fn other_scheme(&mut self) {
        let mut other = self.url.clone();
        other.scheme = match other.scheme {
            Scheme::Explicit => Scheme::Implicit,
            Scheme::Implicit => Scheme::Explicit,
        };
        other.port = match (other.scheme, other.port) {
            (Scheme::Implicit, 21) => 990,
            (Scheme::Explicit, 990) => 21,
            (_, port) => port,
        };
        let name = format!("{} on port {}", scheme(&other, self.options), other.port);
        let options = self.options.clone();
        // Whether it works has been said.
        let _ = self.attempt(&name, &other, &options, |session| session.client.ready());
    }

    /// A listing in every way, each in a session of its own.
    fn listings(&mut self) -> Result<(), Stop> {
        let path = self.url.listed_path().unwrap_or_default().to_vec();
        let mut works = false;
        let mut first = None;
        for (way, name) in WAYS {
            let mut options = self.options.clone();
            options.data = vec![way];
            let session = Session::open(self.url, &options, self.report)?;
            let listed = self.tried(&format!("listing, {name}"), session, |session| {
                session.client.list(&path).map(drop)
            });
            match listed {
                Ok(()) => works = true,
                Err(stop) => first = first.or(Some(stop)),
            }
        }
        match first {
            Some(stop) if !works => Err(stop),
            _ => Ok(()),
        }
    }
}

/// Each cause in one sentence, the most likely first, and what the administrator can do.
fn tell(report: &Report, diagnosis: &Diagnosis) {
    for cause in diagnosis.causes() {
        report.say(&format!("  {} {}: {cause}", cause.id, cause.confidence));
        for clause in &cause.evidence {
            report.say(&format!("      {clause}"));
        }
        report.say(&format!(
            "      for the administrator: {}",
            cause.administrator
        ));
        if let Some(probe) = cause.probe {
            report.say(&format!("      to know more: {probe}"));
        }
    }
}

fn scheme(url: &FtpUrl, options: &Options) -> &'static str {
    match url.scheme {
        _ if options.clear.is_some() => "clear text",
        Scheme::Explicit => "explicit TLS",
        Scheme::Implicit => "implicit TLS",
    }
}

fn protection(client: &Client) -> &'static str {
    match client.machine().evidence().control.handshake {
        Some(Ok(facts)) if facts.version == TlsVersion::Tls13 => "under TLS 1.3",
        Some(Ok(_)) => "under TLS 1.2",
        _ => "in clear text",
    }
}
