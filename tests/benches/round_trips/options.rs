//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use ftp_proto_tests::peers::Kind;

use crate::Fallible;
use crate::contenders::Contender;
use crate::servers::KINDS;

/// What to measure, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Round-trip time of the link.
    pub(crate) round_trip: Duration,
    /// How often each contender runs against each server.
    pub(crate) repeats: usize,
    /// Files fetched in one session.
    pub(crate) files: usize,
    pub(crate) servers: Vec<Kind>,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) clear: bool,
    pub(crate) tls: bool,
    /// Print every segment of each contender's first run.
    pub(crate) trace: bool,
    /// This project's client.
    pub(crate) ftp: PathBuf,
}

impl Options {
    /// `None`: there is nothing to do, help was asked for, or this is not a bench run.
    pub(crate) fn parse(arguments: &[String]) -> Fallible<Option<Self>> {
        let mut options = Self {
            round_trip: Duration::from_millis(100),
            repeats: 5,
            files: 3,
            servers: Vec::new(),
            contenders: Vec::new(),
            clear: true,
            tls: true,
            trace: false,
            ftp: default_ftp()?,
        };
        let (mut bench, mut without_ftp) = (false, false);
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(option) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{option} needs a value"));
            match option {
                "--bench" => bench = true,
                "--rtt" => options.round_trip = Duration::from_millis(value()?.parse()?),
                "--repeats" => options.repeats = positive(value()?)?,
                "--files" => options.files = positive(value()?)?,
                "--server" => options.servers.push(value()?.parse()?),
                "--contender" => options.contenders.push(value()?.parse()?),
                "--clear" => options.tls = false,
                "--tls" => options.clear = false,
                "--trace" => options.trace = true,
                "--ftp" => options.ftp = value()?.into(),
                "--without-ftp" => without_ftp = true,
                "--help" | "-h" => {
                    println!("{}", help());
                    return Ok(None);
                }
                _ => return Err(format!("unknown option {option}; try --help").into()),
            }
        }
        if !bench {
            // `cargo test --all-targets` runs bench programs too, without this argument; a race is not a test.
            println!("to measure, run this by `cargo bench`\n{}", help());
            return Ok(None);
        }
        if options.servers.is_empty() {
            options.servers = KINDS.to_vec();
        }
        if options.contenders.is_empty() {
            options.contenders = Contender::ALL.to_vec();
        }
        if without_ftp {
            options
                .contenders
                .retain(|contender| *contender != Contender::Ftp);
        }
        Ok(Some(options))
    }
}

/// Where `cargo build --release --example ftp` leaves the client, seen from this program's own place in
/// `target/release/deps`.
fn default_ftp() -> Fallible<PathBuf> {
    let own = std::env::current_exe()?;
    let release = own
        .ancestors()
        .nth(2)
        .ok_or("this program has no parent directory")?;
    Ok(release.join("examples/ftp"))
}

fn positive(value: &str) -> Fallible<usize> {
    match value.parse()? {
        0 => Err("must be 1 or more".into()),
        number => Ok(number),
    }
}

fn help() -> String {
    let servers: Vec<String> = KINDS.iter().map(Kind::to_string).collect();
    let contenders: Vec<&str> = Contender::ALL
        .iter()
        .map(|contender| contender.name())
        .collect();
    format!(
        "options:
  --rtt MS            round-trip time of the link (100)
  --repeats N         runs of each contender against each server (5)
  --files N           files in each session (3)
  --server NAME       only this server, may be repeated: {}
  --contender NAME    only this client, may be repeated: {}
  --without-ftp       leave out this project's client
  --ftp PATH          this project's client (examples/ftp beside this program)
  --clear, --tls      only without, only with TLS
  --trace             print what crossed the link in each first run",
        servers.join(", "),
        contenders.join(", ")
    )
}
