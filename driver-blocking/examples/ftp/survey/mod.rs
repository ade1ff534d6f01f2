//! `survey`: how FTP servers behave, found out by asking them: many at once, each by one connection at a time.

mod column;
mod dialogue;
mod host;
mod plan;
mod session;
mod step;
mod table;
mod wire;

use std::cell::{Cell as Counter, RefCell};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ftp_proto_blocking::Error;
use ftp_proto_blocking::ftp_proto::tls::{
    ClientTls, ClientTlsBuilder, CryptoProvider, Fingerprint, ServerCertVerifier, TlsSetupError,
    Version,
};
use indicatif::{MultiProgress, ProgressBar};
use serde_json::json;
use smol::{LocalExecutor, Timer, future};

use crate::args::{Options, SurveyArguments};
use crate::local::about;
use crate::report::{Report, Stop, seconds};
use crate::session::login;
use crate::url::{FtpUrl, Scheme, looks_like_url};

use column::Column;
use host::{Found, TOTAL, Target};
use plan::Offer;

/// Name and password. Never shown.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: Vec<u8>,
    pub(crate) password: Vec<u8>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// What holds for all servers.
pub(crate) struct Setup {
    /// The longest wait for any answer.
    pub(crate) limit: Duration,
    /// Between two connections to one server.
    pub(crate) pause: Duration,
    /// How long a data connection is watched for clear text before TLS is tried.
    pub(crate) quiet: Duration,
    /// Credentials may be sent in clear where there is no TLS.
    pub(crate) clear: bool,
    /// There is something to check certificates with.
    pub(crate) checks: bool,
    pins: Vec<Fingerprint>,
    insecure: bool,
    base: ClientTlsBuilder,
}

/// Asks all servers, shows the table.
pub(crate) fn survey(
    arguments: &SurveyArguments,
    options: &Options,
    report: &mut Report,
) -> Result<(), Stop> {
    let setup = setup(arguments, options)?;
    let mut targets = Vec::new();
    for host in &arguments.hosts {
        targets.push(target(host, arguments, options, report)?);
    }
    let begun = Instant::now();
    let found: Vec<RefCell<Found>> = targets.iter().map(|_| RefCell::default()).collect();
    ask_all(&targets, &found, &setup, arguments, report);
    let found: Vec<Found> = found.into_iter().map(RefCell::into_inner).collect();
    for (target, found) in targets.iter().zip(&found) {
        let columns = Column::ALL.iter().filter_map(|column| {
            let cell = found.cells.get(column)?;
            Some((column.id().to_owned(), cell.to_json()))
        });
        let result = json!({
            "host": target.label,
            "explicit_port": target.explicit,
            "implicit_port": target.implicit,
            "connections": found.connections,
            "columns": columns.collect::<serde_json::Map<_, _>>(),
        });
        report.add(report.masked(result));
    }
    let labels: Vec<&str> = targets.iter().map(|target| target.label.as_str()).collect();
    let lines = match arguments.markdown {
        true => table::markdown(&labels, &found),
        false => table::text(&labels, &found),
    };
    for line in lines {
        report.say(&line);
    }
    let connections: u32 = found.iter().map(|found| found.connections).sum();
    report.note(&format!(
        "servers: {}, connections: {connections}, seconds: {}; --json has the evidence for every cell",
        targets.len(),
        seconds(begun.elapsed())
    ));
    // A server that nobody reached is a failure, one that refuses things is not.
    let unreached = targets.iter().zip(&found).find(|(_, found)| {
        found.trouble.is_some() && !found.cells.get(&Column::Greeting).is_some_and(is_known)
    });
    match unreached {
        None => Ok(()),
        Some((target, found)) => Err(Stop::Ftp {
            url: Box::new(url(&target.label)?),
            error: Error::Connect {
                peer: target.label.clone(),
                source: io::Error::other(found.trouble.clone().unwrap_or_default()),
            },
            certificate: None,
            in_clear: false,
            diagnosis: ftp_proto_blocking::ftp_proto::diagnosis::Diagnosis::default(),
        }),
    }
}

fn is_known(cell: &column::Cell) -> bool {
    matches!(cell.known, column::Known::Value(_))
}

fn ask_all(
    targets: &[Target],
    found: &[RefCell<Found>],
    setup: &Setup,
    arguments: &SurveyArguments,
    report: &Report,
) {
    let shown = Progress::new(report);
    let next = Counter::new(0);
    let total = arguments.total.unwrap_or(TOTAL);
    let executor = LocalExecutor::new();
    let work = || async {
        loop {
            let index = next.get();
            next.set(index + 1);
            let (Some(target), Some(found)) = (targets.get(index), found.get(index)) else {
                return;
            };
            let bar = shown.begin(&target.label);
            let progress = |visit: &str, at: usize, of: usize| {
                bar.set_message(format!("{}: {visit} ({at} of {of})", target.label));
            };
            let asked = async {
                host::ask(target, setup, found, &progress).await;
                "not reached"
            };
            let late = async {
                Timer::after(total).await;
                "the time was up"
            };
            let why = future::or(asked, late).await;
            bar.finish_and_clear();
            let mut found = found.borrow_mut();
            let why = found.trouble.clone().unwrap_or_else(|| why.to_owned());
            found.close(&why);
            report.note(&format!(
                "{}: done, {} connections",
                target.label, found.connections
            ));
        }
    };
    let workers: Vec<_> = (0..arguments.at_once.max(1).min(targets.len()))
        .map(|_| executor.spawn(work()))
        .collect();
    smol::block_on(executor.run(async {
        for worker in workers {
            worker.await;
        }
    }));
}

/// A line for each server that is being asked, where somebody watches.
struct Progress(Option<MultiProgress>);

impl Progress {
    fn new(report: &Report) -> Progress {
        let watched = !report.is_quiet() && !report.is_json() && io::stderr().is_terminal();
        Progress(watched.then(MultiProgress::new))
    }

    fn begin(&self, label: &str) -> ProgressBar {
        match &self.0 {
            None => ProgressBar::hidden(),
            Some(all) => {
                let bar = all.add(ProgressBar::new_spinner());
                bar.enable_steady_tick(Duration::from_millis(100));
                bar.set_message(label.to_owned());
                bar
            }
        }
    }
}

// ---- settings

fn url(host: &str) -> Result<FtpUrl, Stop> {
    let whole = match looks_like_url(host) {
        true => host.to_owned(),
        false => format!("ftp://{host}"),
    };
    FtpUrl::parse(&whole).map_err(|reason| Stop::Usage(format!("a host cannot be read: {reason}")))
}

fn target(
    host: &str,
    arguments: &SurveyArguments,
    options: &Options,
    report: &Report,
) -> Result<Target, Stop> {
    let url = url(host)?;
    let (explicit, implicit) = match url.scheme {
        Scheme::Implicit => (None, Some(url.port)),
        // The other port is the usual one, unless this one is not.
        Scheme::Explicit => {
            let usual = (url.port == 21).then_some(990);
            (Some(url.port), arguments.implicit_port.or(usual))
        }
    };
    let login = match url.user.is_some() || options.user.is_some() {
        false => None,
        true => {
            let (user, password) = login(&url, options)?;
            report.hide(&password);
            Some(Login { user, password })
        }
    };
    let usual = match url.scheme {
        Scheme::Explicit => 21,
        Scheme::Implicit => 990,
    };
    let label = match url.port == usual {
        true => url.host.clone(),
        false => format!("{}:{}", url.host, url.port),
    };
    Ok(Target {
        label,
        host: url.host.clone(),
        explicit,
        implicit,
        file: (!url.is_directory()).then(|| url.path.clone()),
        login,
    })
}

fn setup(arguments: &SurveyArguments, options: &Options) -> Result<Setup, Stop> {
    let mut base = ClientTls::builder();
    let mut checks = true;
    match (&options.ca, options.pin) {
        (Some(file), _) => {
            let pem = std::fs::read(file).map_err(|error| about(file, &error))?;
            base = base.roots_pem(&pem);
        }
        (None, Some(_)) => checks = false,
        (None, None) => match platform() {
            Some(verifier) => base = base.verifier(verifier),
            None => checks = false,
        },
    }
    if let Some(certificate) = &options.cert {
        let key = options.key.as_ref().unwrap_or(certificate);
        let read =
            |file: &std::path::PathBuf| std::fs::read(file).map_err(|error| about(file, &error));
        base = base.client_certificate_pem(&read(certificate)?, &read(key)?);
    }
    let limit = options.timeout.unwrap_or(Duration::from_secs(15));
    Ok(Setup {
        limit,
        pause: arguments.pause.unwrap_or(Duration::from_millis(200)),
        quiet: limit.min(Duration::from_secs(2)),
        clear: options.clear.is_some(),
        checks,
        pins: options.pin.into_iter().collect(),
        insecure: options.insecure,
        base,
    })
}

/// The authorities of the operating system, if it has any.
fn platform() -> Option<Arc<dyn ServerCertVerifier>> {
    let provider = Arc::new(
        CryptoProvider::get_default().map_or_else(provider, |provider| (**provider).clone()),
    );
    let verifier = rustls_platform_verifier::Verifier::new(provider).ok()?;
    Some(Arc::new(verifier))
}

fn provider() -> CryptoProvider {
    #[cfg(feature = "ring")]
    return ftp_proto_blocking::ftp_proto::tls::rustls::crypto::ring::default_provider();
    #[cfg(not(feature = "ring"))]
    return ftp_proto_blocking::ftp_proto::tls::rustls::crypto::aws_lc_rs::default_provider();
}

impl Setup {
    /// TLS for questions that give nothing away: every certificate will do, and is judged.
    pub(crate) fn looking(&self, offer: Offer) -> Result<ClientTls, TlsSetupError> {
        offered(self.base.clone(), offer)
            .dangerous_accept_any_certificate()
            .build()
    }

    /// TLS for connections on which a password is sent.
    pub(crate) fn trusting(&self, offer: Offer) -> Result<ClientTls, TlsSetupError> {
        let mut builder = offered(self.base.clone(), offer);
        for pin in &self.pins {
            builder = builder.pin_sha256(*pin);
        }
        if self.insecure {
            builder = builder.dangerous_accept_any_certificate();
        }
        builder.build()
    }

    pub(crate) fn pinned(&self, certificate: Fingerprint) -> bool {
        self.pins.contains(&certificate)
    }
}

fn offered(builder: ClientTlsBuilder, offer: Offer) -> ClientTlsBuilder {
    match offer {
        Offer::Both => builder,
        Offer::Only12 => builder.max_version(Version::Tls12),
        Offer::Only13 => builder.min_version(Version::Tls13),
    }
}
