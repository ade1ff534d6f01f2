//! The clients, and how each is told to fetch some files to its standard output.

use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use ftp_proto_tests::link::Link;

use crate::Fallible;
use crate::servers::Server;
use crate::suppaftp_client::FETCH;

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// This project's command-line client.
    Ftp,
    Curl,
    Lftp,
    /// lftp with pipelining, which is off by default.
    LftpPipelining,
    /// lftp with pipelining and without every command that can be done without.
    LftpTuned,
    Suppaftp,
    /// suppaftp on a control connection with `TCP_NODELAY`, which it does not set itself.
    SuppaftpNodelay,
}

impl Contender {
    pub(crate) const ALL: [Self; 7] = [
        Self::Ftp,
        Self::Curl,
        Self::Lftp,
        Self::LftpPipelining,
        Self::LftpTuned,
        Self::Suppaftp,
        Self::SuppaftpNodelay,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp-proto",
            Self::Curl => "curl",
            Self::Lftp => "lftp",
            Self::LftpPipelining => "lftp-pipelining",
            Self::LftpTuned => "lftp-tuned",
            Self::Suppaftp => "suppaftp",
            Self::SuppaftpNodelay => "suppaftp-nodelay",
        }
    }

    /// The command that fetches `files` in one session and writes them to standard output, at the near end.
    pub(crate) fn command(
        self,
        link: &Link,
        ftp: &Path,
        server: &Server,
        tls: bool,
        files: &[String],
    ) -> Fallible<Command> {
        let mut command = match self {
            Self::Ftp => link.near(ftp),
            Self::Curl => link.near("curl"),
            Self::Lftp | Self::LftpPipelining | Self::LftpTuned => link.near("lftp"),
            Self::Suppaftp | Self::SuppaftpNodelay => link.near(std::env::current_exe()?),
        };
        let Server {
            address,
            user,
            password,
            ca,
            ..
        } = server;
        let url = |file: &String| format!("ftp://{user}:{password}@{address}/{file}");
        match self {
            Self::Ftp => {
                command.arg("get");
                if tls {
                    command.arg("--ca").arg(ca)
                } else {
                    command.arg("--clear")
                };
                command.args(files.iter().map(url)).arg("-");
            }
            Self::Curl => {
                command.args(["--disable", "--silent", "--show-error", "--no-buffer"]);
                if tls {
                    command.arg("--ssl-reqd").arg("--cacert").arg(ca);
                }
                command.args(files.iter().map(url));
            }
            Self::Lftp | Self::LftpPipelining | Self::LftpTuned => {
                let mut script = String::from("set net:max-retries 1; set net:timeout 20; ");
                if tls {
                    script += &format!("set ftp:ssl-force yes; set ssl:ca-file {}; ", ca.display());
                } else {
                    script += "set ftp:ssl-allow no; ";
                }
                if self != Self::Lftp {
                    script += "set ftp:sync-mode off; ";
                }
                if self == Self::LftpTuned {
                    script += "set ftp:use-feat no; set ftp:use-utf8 no; set ftp:use-size no; set ftp:use-mdtm no; ";
                }
                script += &format!(
                    "open -u {user},{password} ftp://{address}; cat -b {}",
                    files.join(" ")
                );
                command.args(["--norc", "-c", &script]);
            }
            Self::Suppaftp | Self::SuppaftpNodelay => {
                let nodelay = if self == Self::SuppaftpNodelay {
                    "nodelay"
                } else {
                    "delay"
                };
                command.args([FETCH, nodelay, &address.to_string(), user, password]);
                if tls {
                    command.arg(ca)
                } else {
                    command.arg("clear")
                };
                command.args(files);
            }
        }
        Ok(command)
    }
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
