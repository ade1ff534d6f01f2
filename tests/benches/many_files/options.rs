//! The command line.

use std::time::Duration;

use ftp_proto_tests::peers::Kind;

use crate::Fallible;
use crate::contenders::Contender;

/// What to measure, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Round-trip time of the delayed link.
    pub(crate) round_trip: Duration,
    pub(crate) rounds: usize,
    /// How long a run of a contender may take.
    pub(crate) give_up: Duration,
    /// Files over loopback.
    pub(crate) files: usize,
    /// Files over the delayed link, for each session.
    pub(crate) far_files: usize,
    pub(crate) servers: Vec<Kind>,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) sessions: Vec<usize>,
    pub(crate) tls: Vec<bool>,
    pub(crate) delayed: Vec<bool>,
    pub(crate) uploads: Vec<bool>,
}

impl Options {
    /// `None`: there is nothing to do, help was asked for, or this is not a bench run.
    pub(crate) fn parse(arguments: &[String]) -> Fallible<Option<Self>> {
        let mut options = Self {
            round_trip: Duration::from_millis(50),
            rounds: 3,
            give_up: Duration::from_secs(600),
            files: 2000,
            far_files: 100,
            servers: Vec::new(),
            contenders: Vec::new(),
            sessions: vec![1, 8],
            tls: vec![false, true],
            delayed: vec![false, true],
            uploads: vec![false, true],
        };
        let mut bench = false;
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(option) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| format!("{option} needs a value"));
            match option {
                "--bench" => bench = true,
                "--rtt" => options.round_trip = Duration::from_millis(value()?.parse()?),
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--give-up" => options.give_up = Duration::from_secs(value()?.parse()?),
                "--files" => options.files = value()?.parse::<usize>()?.max(1),
                "--far-files" => options.far_files = value()?.parse::<usize>()?.max(1),
                "--server" => options.servers.push(value()?.parse()?),
                "--contender" => options.contenders.push(value()?.parse()?),
                "--sessions" => options.sessions = vec![value()?.parse::<usize>()?.max(1)],
                "--clear" => options.tls = vec![false],
                "--tls" => options.tls = vec![true],
                "--near" => options.delayed = vec![false],
                "--far" => options.delayed = vec![true],
                "--down" => options.uploads = vec![false],
                "--up" => options.uploads = vec![true],
                "--help" | "-h" => {
                    println!("{HELP}");
                    return Ok(None);
                }
                _ => return Err(format!("unknown option {option}; try --help").into()),
            }
        }
        if !bench {
            // `cargo test --all-targets` runs bench programs too, without this argument; a race is not a test.
            println!("to measure, run this by `cargo bench`\n{HELP}");
            return Ok(None);
        }
        if options.servers.is_empty() {
            options.servers = vec![Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd];
        }
        if options.contenders.is_empty() {
            options.contenders = Contender::ALL.to_vec();
        }
        Ok(Some(options))
    }
}

const HELP: &str = "\
--files N        files over loopback, 2000
--far-files N    files over the delayed link for each session, 100
--rounds N       3
--give-up S      seconds a run may take, 600
--rtt MS         round-trip time of the delayed link, 50
--server NAME    vsftpd, proftpd, pure-ftpd, pyftpdlib; more than one by repeating it
--contender NAME ftp-proto, ftp-proto-tokio, ftp-proto-blocking, curl, lftp, suppaftp; more than one by repeating it
--sessions N     only so many; 1 and 8
--clear, --tls   only in clear, only under TLS
--near, --far    only over loopback, only over the delayed link
--down, --up     only downloads, only uploads";
