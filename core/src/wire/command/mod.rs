//! Commands: a verb and perhaps an argument on one line (RFC 959 sections 4.1 and 5.3).
//!
//! [`Command::parse`] reads a received line; [`Command::encode`] and [`encode_raw`] are the only makers of a line to be
//! sent, and neither can make more than one line.

mod argument;
mod encode;
mod masked;
mod parse;
#[cfg(test)]
mod tests;
mod verb;

use crate::error::Malformed;
use crate::wire::reply::Code;
use core::fmt;

pub use argument::{
    ArgumentError, AuthMechanism, EpsvArgument, Mode, Path, ProtectionLevel, Structure, Text, Type,
};
pub use encode::encode_raw;
pub use masked::mask_line;
pub(crate) use masked::{holds_secret, may_hold_secret, secrets_of_site};
pub use verb::{ArgumentRule, Conformance, Direction, Group, Verb, VerbClass};

/// One command with its argument, typed as far as its verb allows.
///
/// Another spelling of a verb is the same command: `XCWD a` parses as [`Command::Cwd`]. Its `Debug` form hides secrets.
///
/// ```
/// use ftp_proto::wire::command::{Command, Path};
///
/// let command = Command::Retr(Path::new(b"a file").unwrap());
/// let mut line = Vec::new();
/// command.encode(&mut line, 512).unwrap();
/// assert_eq!(line, b"RETR a file\r\n");
/// assert_eq!(Command::parse(b"retr a file"), Ok(command));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `USER name`.
    User(Text<'a>),
    /// `PASS password`. Hidden in traces.
    Pass(Text<'a>),
    /// `ACCT account`. Hidden in traces.
    Acct(Text<'a>),
    /// `CWD path`.
    Cwd(Path<'a>),
    /// `CDUP`.
    Cdup,
    /// `SMNT path`.
    Smnt(Path<'a>),
    /// `REIN`.
    Rein,
    /// `QUIT`.
    Quit,
    /// `PORT h1,h2,h3,h4,p1,p2`; the text is for [`host_port`](crate::wire::host_port).
    Port(&'a [u8]),
    /// `PASV`.
    Pasv,
    /// `TYPE type`.
    Type(Type),
    /// `STRU structure`.
    Stru(Structure),
    /// `MODE mode`.
    Mode(Mode),
    /// `RETR path`.
    Retr(Path<'a>),
    /// `STOR path`.
    Stor(Path<'a>),
    /// `STOU`; some clients add a path as a hint.
    Stou(Option<Path<'a>>),
    /// `APPE path`.
    Appe(Path<'a>),
    /// `ALLO size [R record]`.
    Allo {
        /// Bytes to reserve.
        size: u64,
        /// The largest record or page, in bytes.
        record: Option<u64>,
    },
    /// `REST offset`: an offset in bytes, for stream mode (RFC 3659 section 5).
    Rest(u64),
    /// `REST marker` with a marker that is no number: one of block or compressed mode. Printable characters only
    /// (RFC 959 section 5.3.2). A server that restarts in stream mode alone answers 501.
    RestMarker(&'a [u8]),
    /// `RNFR path`.
    Rnfr(Path<'a>),
    /// `RNTO path`.
    Rnto(Path<'a>),
    /// `ABOR`.
    Abor,
    /// `DELE path`.
    Dele(Path<'a>),
    /// `RMD path`.
    Rmd(Path<'a>),
    /// `MKD path`.
    Mkd(Path<'a>),
    /// `PWD`.
    Pwd,
    /// `LIST [path]`.
    List(Option<Path<'a>>),
    /// `NLST [path]`.
    Nlst(Option<Path<'a>>),
    /// `SITE string`.
    Site(Text<'a>),
    /// `SYST`.
    Syst,
    /// `STAT [path]`.
    Stat(Option<Path<'a>>),
    /// `HELP [string]`.
    Help(Text<'a>),
    /// `NOOP`.
    Noop,
    /// `AUTH mechanism`.
    Auth(AuthMechanism<'a>),
    /// `ADAT base64`. Hidden in traces.
    Adat(Text<'a>),
    /// `PBSZ size`, in bytes.
    Pbsz(u32),
    /// `PROT level`.
    Prot(ProtectionLevel),
    /// `CCC`.
    Ccc,
    /// `FEAT`.
    Feat,
    /// `OPTS command [options]`.
    Opts(Text<'a>),
    /// `EPRT |family|address|port|`; the text is for [`extended`](crate::wire::extended).
    Eprt(&'a [u8]),
    /// `EPSV [family | ALL]`.
    Epsv(EpsvArgument),
    /// `LANG [tag]`.
    Lang(Text<'a>),
    /// `HOST name`.
    Host(Text<'a>),
    /// `SIZE path`.
    Size(Path<'a>),
    /// `MDTM path`, or by practice `MDTM time path`: see [`Path::split_time`].
    Mdtm(Path<'a>),
    /// `MLST [path]`.
    Mlst(Option<Path<'a>>),
    /// `MLSD [path]`.
    Mlsd(Option<Path<'a>>),
    /// `HASH path`.
    Hash(Path<'a>),
    /// `RANG start end`, both in bytes, the end included. `1 0` takes a range back; any other start behind the end is
    /// for the server to refuse.
    Rang {
        /// The first byte.
        start: u64,
        /// The last byte.
        end: u64,
    },
    /// `MFMT time path`.
    Mfmt {
        /// A time value, for [`date`](crate::wire::date).
        time: &'a [u8],
        /// The file.
        path: Path<'a>,
    },
    /// `MFCT time path`.
    Mfct {
        /// A time value, for [`date`](crate::wire::date).
        time: &'a [u8],
        /// The file.
        path: Path<'a>,
    },
    /// `CLNT text`.
    Clnt(Text<'a>),
    /// Any other verb of the table, with its argument as it stands; empty for none.
    Other {
        /// The verb.
        verb: Verb,
        /// The argument.
        argument: &'a [u8],
    },
}

impl Command<'_> {
    /// The verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Command::User(_) => Verb::User,
            Command::Pass(_) => Verb::Pass,
            Command::Acct(_) => Verb::Acct,
            Command::Cwd(_) => Verb::Cwd,
            Command::Cdup => Verb::Cdup,
            Command::Smnt(_) => Verb::Smnt,
            Command::Rein => Verb::Rein,
            Command::Quit => Verb::Quit,
            Command::Port(_) => Verb::Port,
            Command::Pasv => Verb::Pasv,
            Command::Type(_) => Verb::Type,
            Command::Stru(_) => Verb::Stru,
            Command::Mode(_) => Verb::Mode,
            Command::Retr(_) => Verb::Retr,
            Command::Stor(_) => Verb::Stor,
            Command::Stou(_) => Verb::Stou,
            Command::Appe(_) => Verb::Appe,
            Command::Allo { .. } => Verb::Allo,
            Command::Rest(_) | Command::RestMarker(_) => Verb::Rest,
            Command::Rnfr(_) => Verb::Rnfr,
            Command::Rnto(_) => Verb::Rnto,
            Command::Abor => Verb::Abor,
            Command::Dele(_) => Verb::Dele,
            Command::Rmd(_) => Verb::Rmd,
            Command::Mkd(_) => Verb::Mkd,
            Command::Pwd => Verb::Pwd,
            Command::List(_) => Verb::List,
            Command::Nlst(_) => Verb::Nlst,
            Command::Site(_) => Verb::Site,
            Command::Syst => Verb::Syst,
            Command::Stat(_) => Verb::Stat,
            Command::Help(_) => Verb::Help,
            Command::Noop => Verb::Noop,
            Command::Auth(_) => Verb::Auth,
            Command::Adat(_) => Verb::Adat,
            Command::Pbsz(_) => Verb::Pbsz,
            Command::Prot(_) => Verb::Prot,
            Command::Ccc => Verb::Ccc,
            Command::Feat => Verb::Feat,
            Command::Opts(_) => Verb::Opts,
            Command::Eprt(_) => Verb::Eprt,
            Command::Epsv(_) => Verb::Epsv,
            Command::Lang(_) => Verb::Lang,
            Command::Host(_) => Verb::Host,
            Command::Size(_) => Verb::Size,
            Command::Mdtm(_) => Verb::Mdtm,
            Command::Mlst(_) => Verb::Mlst,
            Command::Mlsd(_) => Verb::Mlsd,
            Command::Hash(_) => Verb::Hash,
            Command::Rang { .. } => Verb::Rang,
            Command::Mfmt { .. } => Verb::Mfmt,
            Command::Mfct { .. } => Verb::Mfct,
            Command::Clnt(_) => Verb::Clnt,
            Command::Other { verb, .. } => *verb,
        }
    }
}

/// Why a received line is not a command, and what a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandError {
    /// What is wrong.
    pub kind: Malformed,
    /// The verb, if the line has a known one.
    pub verb: Option<Verb>,
    /// 500 for an unknown verb, 501 for an argument that is missing, unwanted or malformed, 504 for a well-formed
    /// argument of a closed list that is not in the list.
    pub code: Code,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verb {
            Some(verb) => write!(f, "{verb}: {}", self.kind),
            None => fmt::Display::fmt(&self.kind, f),
        }
    }
}

impl core::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.kind)
    }
}
