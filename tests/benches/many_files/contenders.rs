//! The clients, and how each is told to move the files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use ftp_proto_tests::link::Link;

use crate::Fallible;
use crate::servers::{FETCHED, STORED, Server, file_name};
use crate::{ours, suppaftp_client};

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// A program with this project's pool.
    Ours,
    /// The same on tokio.
    Tokio,
    /// A program with this project's blocking client, a thread for each.
    Blocking,
    Curl,
    Lftp,
    /// A program with suppaftp, on control connections with `TCP_NODELAY`, which it does not set itself.
    Suppaftp,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) files: usize,
    pub(crate) sessions: usize,
    pub(crate) tls: bool,
    pub(crate) upload: bool,
    pub(crate) delayed: bool,
}

impl Contender {
    pub(crate) const ALL: [Self; 6] = [
        Self::Ours,
        Self::Tokio,
        Self::Blocking,
        Self::Curl,
        Self::Lftp,
        Self::Suppaftp,
    ];

    /// Whether it is this project's.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::Tokio | Self::Blocking)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ftp-proto",
            Self::Tokio => "ftp-proto-tokio",
            Self::Blocking => "ftp-proto-blocking",
            Self::Curl => "curl",
            Self::Lftp => "lftp",
            Self::Suppaftp => "suppaftp",
        }
    }

    /// The command that moves the files between `local` and the server. `scratch` is for what it has to read.
    pub(crate) fn command(
        self,
        link: Option<&Link>,
        server: &Server,
        job: Job,
        local: &Path,
        scratch: &Path,
    ) -> Fallible<Command> {
        let program = |name: &Path| match link {
            Some(link) => link.near(name),
            None => Command::new(name),
        };
        let mut command = match self {
            Self::Ours | Self::Tokio | Self::Blocking | Self::Suppaftp => {
                program(&std::env::current_exe()?)
            }
            Self::Curl | Self::Lftp => program(Path::new(self.name())),
        };
        match self {
            Self::Ours => command.arg(ours::MOVE).args(plain(server, job, local)),
            Self::Tokio => command
                .arg(ours::MOVE_TOKIO)
                .args(plain(server, job, local)),
            Self::Blocking => command
                .arg(ours::MOVE_BLOCKING)
                .args(plain(server, job, local)),
            Self::Suppaftp => command
                .arg(suppaftp_client::MOVE)
                .args(plain(server, job, local)),
            Self::Curl => {
                let list = scratch.join("curl.list");
                fs::write(&list, curl_list(server, job, local)?)?;
                command.args(["--disable", "--silent", "--show-error"]);
                if job.tls {
                    command.arg("--ssl-reqd").arg("--cacert").arg(&server.ca);
                }
                if job.sessions > 1 {
                    command.args(["--parallel", "--parallel-max", &job.sessions.to_string()]);
                }
                command.arg("--config").arg(list)
            }
            Self::Lftp => command.args(["--norc", "-c", &lftp_script(server, job, local)]),
        };
        command.env("HOME", "/nonexistent");
        Ok(command)
    }
}

/// The arguments of the programs in here.
fn plain(server: &Server, job: Job, local: &Path) -> Vec<String> {
    vec![
        server.address.to_string(),
        server.user.clone(),
        server.password.clone(),
        match job.tls {
            true => server.ca.display().to_string(),
            false => "clear".into(),
        },
        job.sessions.to_string(),
        job.files.to_string(),
        if job.upload { "up" } else { "down" }.into(),
        local.display().to_string(),
    ]
}

fn curl_list(server: &Server, job: Job, local: &Path) -> Fallible<String> {
    let Server {
        address,
        user,
        password,
        ..
    } = server;
    let remote = if job.upload { STORED } else { FETCHED };
    let option = if job.upload { "upload-file" } else { "output" };
    let mut list = String::new();
    for index in 0..job.files {
        let name = file_name(index);
        let path = local.join(&name);
        writeln!(
            list,
            "url = \"ftp://{user}:{password}@{address}/{remote}/{name}\"\n{option} = \"{}\"",
            path.display()
        )?;
    }
    Ok(list)
}

fn lftp_script(server: &Server, job: Job, local: &Path) -> String {
    let Server {
        address,
        user,
        password,
        ca,
        ..
    } = server;
    let mut script = String::from("set net:max-retries 1; set net:timeout 20; ");
    if job.tls {
        script += &format!("set ftp:ssl-force yes; set ssl:ca-file {}; ", ca.display());
    } else {
        script += "set ftp:ssl-allow no; ";
    }
    let local = local.display();
    let (flag, from, to) = match job.upload {
        true => ("-R", local.to_string(), STORED.to_string()),
        false => ("", FETCHED.to_string(), local.to_string()),
    };
    script
        + &format!(
            "open -u {user},{password} ftp://{address}; mirror {flag} --no-perms --parallel={} {from} {to}",
            job.sessions
        )
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|contender| contender.name() == name)
            .ok_or_else(|| format!("no contender {name}"))
    }
}
