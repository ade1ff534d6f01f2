//! A session with the server of a URL.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ftp_proto_blocking::ftp_proto::client::{AuthMethod, ClearText, DataMode, DataModes, Security};
use ftp_proto_blocking::ftp_proto::diagnosis::Diagnosis;
use ftp_proto_blocking::ftp_proto::tls::{Verdict, Version};
use ftp_proto_blocking::{Builder, Client, Error, Secret};
use serde_json::{Map, Value, json};

use crate::args::{Clear, Options, Prot};
use crate::local::about;
use crate::report::{Report, Stop};
use crate::url::{FtpUrl, Scheme};

/// What anonymous users give by custom (RFC 1635); no address of ours.
const ANONYMOUS_PASSWORD: &[u8] = b"anonymous@";

/// How long a server may take to answer QUIT: nothing depends on it any more.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bytes of a record: more than any dialogue has.
const TRACE: usize = 256 << 20;

/// Records written so far.
static TRACES: AtomicU32 = AtomicU32::new(0);

/// One session, and the URL it was opened for.
pub(crate) struct Session {
    pub(crate) client: Client,
    url: FtpUrl,
    in_clear: bool,
    trace: Option<PathBuf>,
}

impl Session {
    /// Connects; the login leaves with the first request.
    pub(crate) fn open(url: &FtpUrl, options: &Options, report: &Report) -> Result<Session, Stop> {
        let (user, password) = login(url, options)?;
        let mut session = Session::connect(url, options, report)?;
        session.begin_login(user, &password, report)?;
        Ok(session)
    }

    /// Connects, without a login.
    pub(crate) fn connect(
        url: &FtpUrl,
        options: &Options,
        report: &Report,
    ) -> Result<Session, Stop> {
        let builder = builder(url, options)?;
        let mut builder = builder.on_event(report.event_hook(options.debug));
        if let Some(hook) = report.progress_hook() {
            builder = builder.on_progress(hook);
        }
        if options.trace.is_some() {
            builder = builder.record(TRACE);
        }
        let in_clear = options.clear.is_some();
        let client = builder
            .connect(&url.host, url.port)
            .map_err(|error| Stop::Ftp {
                url: Box::new(url.clone()),
                error,
                certificate: None,
                in_clear,
                diagnosis: Diagnosis::default(),
            })?;
        Ok(Session {
            client,
            url: url.clone(),
            in_clear,
            trace: options.trace.clone(),
        })
    }

    /// Asks for the login that the URL and the options name.
    pub(crate) fn log_in(&mut self, options: &Options, report: &Report) -> Result<(), Stop> {
        let (user, password) = login(&self.url, options)?;
        self.begin_login(user, &password, report)
    }

    fn begin_login(&mut self, user: Vec<u8>, password: &[u8], report: &Report) -> Result<(), Stop> {
        if password != ANONYMOUS_PASSWORD {
            report.hide(password);
        }
        let url = self.url.clone();
        self.client
            .begin_login(user, Secret::new(password), None)
            .map_err(|error| self.stop(&url, error))
    }

    /// One session after the other, as the URLs ask for it: the one at hand, if it serves.
    pub(crate) fn switch<'s>(
        current: &'s mut Option<Session>,
        url: &FtpUrl,
        options: &Options,
        report: &mut Report,
    ) -> Result<&'s mut Session, Stop> {
        let serves = current
            .as_ref()
            .is_some_and(|session| session.url.same_session(url));
        if !serves {
            Session::close(current.take(), report);
            *current = Some(Session::open(url, options, report)?);
        }
        current
            .as_mut()
            .ok_or_else(|| Stop::Local("no session".to_owned()))
    }

    /// Leaves. All that was asked for is done: how the server takes the farewell does not matter.
    pub(crate) fn close(session: Option<Session>, report: &mut Report) {
        if let Some(session) = session {
            report.session(session.facts());
            session.keep_trace(report);
            let _ = session.client.quit();
        }
    }

    /// Writes the record, if one is asked for. Of several sessions in one run each has a file of its own.
    fn keep_trace(&self, report: &Report) {
        let (Some(path), Some(trace)) = (&self.trace, self.client.machine().recording()) else {
            return;
        };
        let earlier = TRACES.fetch_add(1, Ordering::Relaxed);
        let mut path = path.clone().into_os_string();
        if earlier > 0 {
            path.push(format!(".{}", earlier + 1));
        }
        if let Err(error) = fs::write(&path, trace.to_json_lines()) {
            report.note(&format!("{}: {error}", path.display()));
        }
    }

    /// The error, with what the user may want to know about the server's certificate.
    pub(crate) fn stop(&self, url: &FtpUrl, error: Error) -> Stop {
        let diagnosis = self.client.machine().diagnose(error.failure());
        Stop::Ftp {
            url: Box::new(url.clone()),
            error,
            diagnosis,
            certificate: self
                .client
                .server_identity()
                .map(|identity| identity.leaf_sha256),
            in_clear: self.in_clear,
        }
    }

    fn facts(&self) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("peer".to_owned(), self.client.peer().to_string().into());
        facts.insert(
            "lock_step".to_owned(),
            self.client.session().lock_step.into(),
        );
        if let Some(tls) = self.client.tls() {
            let trusted = self
                .client
                .server_identity()
                .map(|identity| match identity.verdict {
                    Verdict::Trusted => "authority",
                    Verdict::Pinned => "pin",
                    Verdict::Unchecked(_) => "unchecked",
                    _ => "other",
                });
            facts.insert(
                "tls".to_owned(),
                json!({
                    "version": match tls.version {
                        Version::Tls12 => "1.2",
                        Version::Tls13 => "1.3",
                    },
                    "suite": tls.suite,
                    "certificate": tls.leaf_sha256.map(|leaf| leaf.to_string()),
                    "trust": trusted,
                }),
            );
        }
        facts
    }
}

fn builder(url: &FtpUrl, options: &Options) -> Result<Builder, Stop> {
    let local = |error: Error| match error {
        Error::Local(error) => Stop::Local(error.to_string()),
        other => Stop::Local(other.to_string()),
    };
    let modes: Vec<DataMode> = options.data.iter().copied().map(DataMode::from).collect();
    let modes =
        DataModes::new(&modes).map_err(|_| Stop::Usage("--data names a mode twice".to_owned()))?;
    let security = security(url, options)?;
    let mut builder = Client::builder().security(security).configure(|config| {
        config.data_modes = modes;
        config.keepalive = None;
        config.limits.close_wait = FAREWELL;
    });
    if let Some(limit) = options.timeout {
        builder = builder.timeout(limit).configure(|config| {
            let wait = &mut config.limits.abort_wait;
            *wait = limit.min(*wait);
        });
    } else {
        builder = builder.connect_timeout(Duration::from_secs(30));
    }
    if let Some(file) = &options.ca {
        builder = builder.ca_file(file).map_err(local)?;
    }
    if let Some(pin) = options.pin {
        builder = builder.pin_sha256(pin);
    }
    if options.insecure {
        builder = builder.dangerously_accept_any_certificate();
    }
    if let Some(certificate) = &options.cert {
        let key = options.key.as_ref().unwrap_or(certificate);
        builder = builder
            .client_certificate_files(certificate, key)
            .map_err(local)?;
    }
    if let Some(min) = options.tls_min {
        builder = builder.tls_min_version(min.0);
    }
    if let Some(max) = options.tls_max {
        builder = builder.tls_max_version(max.0);
    }
    Ok(builder)
}

fn security(url: &FtpUrl, options: &Options) -> Result<Security, Stop> {
    let methods: Vec<AuthMethod> = options.auth.iter().copied().map(AuthMethod::from).collect();
    let security = match (options.clear, url.scheme) {
        (Some(_), Scheme::Implicit) => {
            return Err(Stop::Usage(
                "--clear and ftps:// contradict each other".to_owned(),
            ));
        }
        (Some(Clear::Everybody), Scheme::Explicit) => Security::clear(ClearText::Everybody),
        (Some(Clear::Anonymous), Scheme::Explicit) => Security::clear(ClearText::Anonymous),
        (None, Scheme::Implicit) => Security::implicit(),
        (None, Scheme::Explicit) => Security::required()
            .methods(&methods)
            .map_err(|_| Stop::Usage("--auth names a method twice".to_owned()))?,
    };
    Ok(match options.prot {
        Prot::Private => security,
        Prot::Clear => security.clear_data(),
    })
}

/// Who logs in. A password on the command line can be seen by everyone on this machine, so there is no option for one.
pub(crate) fn login(url: &FtpUrl, options: &Options) -> Result<(Vec<u8>, Vec<u8>), Stop> {
    let named = url
        .user
        .clone()
        .or_else(|| options.user.as_ref().map(|user| user.clone().into_bytes()));
    let Some(user) = named else {
        return Ok((b"anonymous".to_vec(), ANONYMOUS_PASSWORD.to_vec()));
    };
    if let Some(path) = &options.password_file {
        let bytes = fs::read(path).map_err(|error| about(path, &error))?;
        let line = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        return Ok((user, line.to_vec()));
    }
    if let Some(password) = &url.password {
        return Ok((user, password.clone()));
    }
    if let Some(password) = std::env::var_os("FTP_PASSWORD") {
        return Ok((user, password.into_encoded_bytes()));
    }
    if matches!(user.as_slice(), b"anonymous" | b"ftp") {
        return Ok((user, ANONYMOUS_PASSWORD.to_vec()));
    }
    Err(Stop::Usage(
        "no password: set FTP_PASSWORD, or name a file with --password-file".to_owned(),
    ))
}
