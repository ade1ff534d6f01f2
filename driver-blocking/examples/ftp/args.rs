//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ftp_proto_blocking::ftp_proto::client::{AuthMethod, DataMode};
use ftp_proto_blocking::ftp_proto::tls::{Fingerprint, Version};

use crate::mirror::{Mirror, Trees};

/// An FTP and FTPS client. TLS is required unless --clear is given.
///
/// URLs: ftp:// and ftpes:// need explicit TLS (AUTH), ftps:// needs implicit TLS (port 990). Paths are relative to the login directory; one that
/// begins with %2F or a second slash is absolute. The password comes from --password-file, the URL, or FTP_PASSWORD.
///
/// Exit status: 0 done, 1 local trouble, 2 usage, 3 connect, 4 TLS, 5 login, 6 refused by the server, 7 transfer not proved whole or tree not complete, 8 protocol violation,
/// 9 timed out.
#[derive(Debug, Parser)]
#[command(name = "ftp", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options")]
pub(crate) struct Options {
    /// AUTH methods to try, in order.
    #[arg(
        long,
        global = true,
        value_delimiter = ',',
        value_name = "METHOD",
        default_value = "tls,ssl"
    )]
    pub(crate) auth: Vec<Auth>,
    /// No TLS: passwords and files can be read on the way. With =anonymous for anonymous logins only.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "everybody", value_name = "WHO")]
    pub(crate) clear: Option<Clear>,
    /// Protection of data connections: P (private) or C (clear).
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "P",
        ignore_case = true
    )]
    pub(crate) prot: Prot,
    /// Ways to make data connections, in order.
    #[arg(
        long,
        global = true,
        value_delimiter = ',',
        value_name = "MODE",
        default_value = "epsv,pasv"
    )]
    pub(crate) data: Vec<Data>,
    /// Trust the authorities in this PEM file instead of those of the system.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Trust the server certificate with this SHA-256 only.
    #[arg(long, global = true, value_name = "SHA256")]
    pub(crate) pin: Option<Fingerprint>,
    /// Accept any server certificate: anyone on the way can read and change everything.
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
    /// Our certificate, PEM.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key, PEM; by default in the same file.
    #[arg(long, global = true, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The oldest TLS version to speak.
    #[arg(long, global = true, value_name = "VERSION")]
    pub(crate) tls_min: Option<TlsVersion>,
    /// The newest TLS version to speak.
    #[arg(long, global = true, value_name = "VERSION")]
    pub(crate) tls_max: Option<TlsVersion>,
    /// Who to log in as, if the URL does not say.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The first line of this file is the password.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// The longest wait for any answer.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Continue a transfer that broke off.
    #[arg(long, global = true, conflicts_with = "ascii")]
    pub(crate) resume: bool,
    /// Transfer text: line ends are converted (TYPE A).
    #[arg(long, global = true)]
    pub(crate) ascii: bool,
    /// Show the dialogue on standard error, secrets masked.
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// Keep a record of the session in this file, without passwords; `replay` reads it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Give the result as one line of JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress, no messages but errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List a directory.
    Ls {
        /// With type, size and time.
        #[arg(short)]
        long: bool,
        /// With everything below it.
        #[arg(short = 'R', long)]
        recursive: bool,
        #[command(flatten)]
        trees: Trees,
        url: String,
    },
    /// Download: URL... [LOCAL|DIR/|-]
    Get {
        /// The files, then where to: a file, a directory, or - for standard output.
        #[arg(required = true, value_name = "URL... [LOCAL]")]
        operands: Vec<OsString>,
    },
    /// Upload: LOCAL...|- URL
    Put {
        /// The files, or - for standard input, then the URL; one that ends in / is a directory.
        #[arg(required = true, num_args = 2.., value_name = "LOCAL... URL")]
        operands: Vec<OsString>,
    },
    /// Add to the end of a remote file: LOCAL|- URL
    Append { local: OsString, url: String },
    /// Download to standard output.
    Cat {
        #[arg(required = true)]
        urls: Vec<String>,
    },
    /// Delete files.
    Rm {
        /// Directories, with everything in them.
        #[arg(short, long)]
        recursive: bool,
        #[command(flatten)]
        trees: Trees,
        #[arg(required = true)]
        urls: Vec<String>,
    },
    /// Make a directory the same as another one: URL DIR, or DIR URL
    Mirror(Mirror),
    /// Make directories.
    Mkdir {
        #[arg(required = true)]
        urls: Vec<String>,
    },
    /// Remove directories.
    Rmdir {
        #[arg(required = true)]
        urls: Vec<String>,
    },
    /// Rename: URL to a remote path, or a URL on the same server.
    Mv { from: String, to: String },
    /// Show facts about a file.
    Stat {
        #[arg(required = true)]
        urls: Vec<String>,
    },
    /// Show what the server offers.
    Feat { url: String },
    /// Find out what works and what does not: TLS, login, and every way to make data connections. Protection is never lowered.
    Diagnose { url: String },
    /// Ask servers how they behave, and show a table: methods of AUTH, TLS, protection of data, resumption, and more. Without a user nobody logs in.
    Survey(SurveyArguments),
    /// Show a record made with --trace, run it again without a network, and explain what went wrong.
    Replay { file: PathBuf },
    /// Send a command as it is, and show the reply.
    Quote {
        url: String,
        #[arg(required = true)]
        words: Vec<String>,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SurveyArguments {
    /// Hosts, with :PORT or as URLs. What a URL names behind the host is a file to begin to download, for ABOR. With a user, questions that need a
    /// login are asked too: under TLS only, unless --clear is given.
    #[arg(required = true, value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    /// The table in Markdown.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Where implicit TLS is tried; 990 by default if the other port is 21.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) implicit_port: Option<u16>,
    /// Servers asked at the same time; each gets one connection at a time.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) at_once: usize,
    /// The wait between two connections to one server; 0.2 by default.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) pause: Option<Duration>,
    /// The longest a server is asked; 180 by default.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) total: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Auth {
    Tls,
    Ssl,
    TlsC,
    TlsP,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Clear {
    Everybody,
    Anonymous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prot {
    #[value(name = "P")]
    Private,
    #[value(name = "C")]
    Clear,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Data {
    Epsv,
    Pasv,
    Eprt,
    Port,
}

/// A TLS version as people write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TlsVersion(pub(crate) Version);

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.2" => Ok(TlsVersion(Version::Tls12)),
            "1.3" => Ok(TlsVersion(Version::Tls13)),
            _ => Err("1.2 or 1.3".to_owned()),
        }
    }
}

impl From<Auth> for AuthMethod {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::Tls => AuthMethod::Tls,
            Auth::Ssl => AuthMethod::Ssl,
            Auth::TlsC => AuthMethod::TlsC,
            Auth::TlsP => AuthMethod::TlsP,
        }
    }
}

impl From<Data> for DataMode {
    fn from(data: Data) -> Self {
        match data {
            Data::Epsv => DataMode::Epsv,
            Data::Pasv => DataMode::Pasv,
            Data::Eprt => DataMode::Eprt,
            Data::Port => DataMode::Port,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err("not a time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_interface_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_behind_the_command() {
        for line in [
            "ftp --clear -q get ftp://h/a -",
            "ftp get -q --clear ftp://h/a -",
        ] {
            let arguments = parsed(line).unwrap();
            assert!(arguments.options.quiet);
            assert!(matches!(arguments.options.clear, Some(Clear::Everybody)));
        }
        let arguments = parsed("ftp ls --clear=anonymous --data port,eprt ftp://h/").unwrap();
        assert!(matches!(arguments.options.clear, Some(Clear::Anonymous)));
        assert_eq!(arguments.options.data.len(), 2);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "ftp",
            "ftp get",
            "ftp put a",
            "ftp ls --prot X ftp://h/",
            "ftp ls --timeout 0 ftp://h/",
            "ftp ls --timeout -1 ftp://h/",
            "ftp ls --tls-min 1.1 ftp://h/",
            "ftp get --ascii --resume ftp://h/a",
            "ftp ls --key k ftp://h/",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
