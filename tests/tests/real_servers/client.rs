//! The program `ftp` against one server.

use std::fmt::{self, Display, Formatter};
use std::io::Read;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use ftp_proto_tests::child::end_within;
use ftp_proto_tests::peers::{Server, Tls};
use ftp_proto_tests::tool;
use serde_json::Value;

/// A run that takes longer is killed: the client gives up by itself long before.
const PATIENCE: Duration = Duration::from_secs(120);

/// The client's own limit for any answer.
const TIMEOUT: &str = "20";

/// How data connections are made, and no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Epsv,
    Pasv,
    Eprt,
    Port,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Epsv, Self::Pasv, Self::Eprt, Self::Port];

    pub(crate) fn exists_over(self, ipv6: bool) -> Result<(), &'static str> {
        match self {
            Self::Pasv | Self::Port if ipv6 => {
                Err("PASV and PORT have no room for an IPv6 address (RFC 2428 section 1)")
            }
            _ => Ok(()),
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Epsv => "EPSV",
            Self::Pasv => "PASV",
            Self::Eprt => "EPRT",
            Self::Port => "PORT",
        }
    }
}

impl Display for Mode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())
    }
}

/// The program with what it has to know about a server.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    pub(crate) server: &'a Server,
    pub(crate) mode: Mode,
    /// What its session must turn out to be under.
    tls_version: Option<&'static str>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(server: &'a Server, mode: Mode, tls_version: Option<&'static str>) -> Self {
        Self {
            server,
            mode,
            tls_version,
        }
    }

    /// Of a file in the login directory, or of the directory.
    pub(crate) fn url(&self, name: &str) -> String {
        let scheme = match self.server.options().tls {
            Tls::Implicit => "ftps",
            _ => "ftp",
        };
        format!(
            "{scheme}://{}@{}/{name}",
            self.server.user(),
            self.server.addr()
        )
    }

    /// Runs it with `--debug`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, Some(self.server.password()))
    }

    /// As [`Client::run`], but the password is among the arguments.
    pub(crate) fn run_without_password(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, None)
    }

    fn run_with(&self, arguments: &[&str], password: Option<&str>) -> Ran {
        let mut command = tool::ftp();
        command
            .args(["--debug", "--timeout", TIMEOUT, "--data"])
            .arg(self.mode.verb().to_ascii_lowercase())
            .arg("--ca")
            .arg(self.server.ca_path());
        if self.server.options().tls == Tls::Off {
            command.arg("--clear");
        }
        command.args(arguments);
        if let Some(password) = password {
            command.env("FTP_PASSWORD", password);
        }
        let shown = arguments.join(" ");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ran::wait_for(command.spawn().unwrap(), shown)
    }

    /// A run that has to succeed, and in the way that was asked for.
    ///
    /// # Errors
    /// What is wrong, with the dialogue.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Result<Ran, String> {
        let ran = self.run(arguments);
        match self.problem(&ran) {
            None => Ok(ran),
            Some(problem) => Err(format!("{problem}\n{ran}")),
        }
    }

    fn problem(&self, ran: &Ran) -> Option<String> {
        if ran.status != Some(0) {
            return Some(match ran.status {
                Some(status) => format!("exit status {status}"),
                None => "killed, or by a signal".to_owned(),
            });
        }
        if ran.shows(self.server.password()) {
            return Some("shows the password".to_owned());
        }
        if !ran.said("PASS ****") {
            return Some("no login, or one that is not masked".to_owned());
        }
        let tls = self.server.options().tls;
        for (line, wanted) in [
            ("AUTH TLS", tls == Tls::Explicit),
            ("PROT P", tls != Tls::Off),
        ] {
            if ran.said(line) != wanted {
                return Some(format!(
                    "{line} {}",
                    if wanted { "missing" } else { "sent" }
                ));
            }
        }
        Mode::ALL
            .iter()
            .find(|&&mode| mode != self.mode && ran.said(mode.verb()))
            .map(|mode| format!("{mode} sent"))
    }

    /// As [`Client::succeed`], and a mode was used, and the JSON tells of transfers of these sizes, proved whole.
    pub(crate) fn transfer(&self, arguments: &[&str], sizes: &[u64]) -> Result<Ran, String> {
        let ran = self.succeed(arguments)?;
        match self.told(&ran, sizes) {
            Ok(()) => Ok(ran),
            Err(problem) => Err(format!("{problem}\n{ran}")),
        }
    }

    fn told(&self, ran: &Ran, sizes: &[u64]) -> Result<(), String> {
        if !ran.said(self.mode.verb()) {
            return Err(format!("{} not sent", self.mode));
        }
        let json = ran.json()?;
        let check = |what: &str, is: &Value, wanted: Value| match *is == wanted {
            true => Ok(()),
            false => Err(format!("JSON: {what} is {is} instead of {wanted}")),
        };
        check("ok", &json["ok"], true.into())?;
        let results = json["results"].as_array().ok_or("JSON: no results")?;
        check("the count", &results.len().into(), sizes.len().into())?;
        for (result, size) in results.iter().zip(sizes) {
            check("bytes", &result["bytes"], (*size).into())?;
            check("proof", &result["proof"], "clean end".into())?;
        }
        let session = &json["session"];
        let peer = self.server.addr().to_string();
        check("peer", &session["peer"], peer.into())?;
        check(
            "TLS version",
            &session["tls"]["version"],
            self.tls_version.into(),
        )
    }
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    arguments: String,
    /// None if a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    errors: String,
}

impl Ran {
    fn wait_for(mut child: Child, arguments: String) -> Self {
        let output = read(child.stdout.take());
        let errors = read(child.stderr.take());
        let status = end_within(&mut child, PATIENCE).unwrap();
        Self {
            arguments,
            status: status.and_then(|status| status.code()),
            output: output.join().unwrap(),
            errors: errors.join().unwrap(),
        }
    }

    /// Everything said in the session, both ways.
    pub(crate) fn dialogue(&self) -> &str {
        &self.errors
    }

    /// Whether the client sent a line that is, or begins with the verb, `line`.
    pub(crate) fn said(&self, line: &str) -> bool {
        self.errors
            .lines()
            .filter_map(|said| said.strip_prefix("---> "))
            .filter_map(|said| said.strip_prefix(line))
            .any(|rest| rest.is_empty() || rest.starts_with(' '))
    }

    /// Whether this text is anywhere.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.output.contains(text) || self.errors.contains(text)
    }

    /// How many data connections were resumed TLS sessions.
    pub(crate) fn resumed(&self) -> usize {
        self.errors
            .lines()
            .filter(|line| line.contains("DataSecured") && line.contains("resumed: true"))
            .count()
    }

    /// Standard output, which has to be one line of JSON.
    pub(crate) fn json(&self) -> Result<Value, String> {
        if self.output.lines().count() != 1 {
            return Err("the output is not one line of JSON".to_owned());
        }
        serde_json::from_str(&self.output).map_err(|error| format!("JSON: {error}"))
    }
}

impl Display for Ran {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ ftp {} -> {:?}", self.arguments, self.status)?;
        f.write_str(&self.errors)?;
        f.write_str(&self.output)
    }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
