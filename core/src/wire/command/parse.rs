//! A received line to a command.

use super::argument::{
    ArgumentError, AuthMechanism, EpsvArgument, Mode, Path, ProtectionLevel, Structure, Text, Type,
    check_bytes, decimal, is_word, split_at_space, words,
};
use super::{ArgumentRule, Command, CommandError, Verb};
use crate::error::Malformed;
use crate::wire::reply::Code;

impl<'a> Command<'a> {
    /// Parses a line without its line end, after Telnet decoding. A needless argument is overlooked where servers
    /// commonly do so; see [`Verb::ignores_argument`].
    ///
    /// An empty line is not a command; servers skip it without a reply before they come here, since some address
    /// translators send them.
    ///
    /// # Errors
    ///
    /// [`CommandError`], with the code a server answers.
    pub fn parse(line: &'a [u8]) -> Result<Command<'a>, CommandError> {
        parse(line, false)
    }

    /// As [`parse`](Self::parse), but refuses every needless argument with 501.
    ///
    /// # Errors
    ///
    /// [`CommandError`], with the code a server answers.
    pub fn parse_strict(line: &'a [u8]) -> Result<Command<'a>, CommandError> {
        parse(line, true)
    }
}

fn parse(line: &[u8], strict: bool) -> Result<Command<'_>, CommandError> {
    let (name, rest) = split_at_space(line).unwrap_or((line, &[]));
    let verb = Verb::parse(name);
    let refuse = |kind, code| CommandError { kind, verb, code };
    check_bytes(line).map_err(|kind| refuse(kind, Code::PARAMETER_SYNTAX))?;
    let Some(verb) = verb else {
        return Err(refuse(Malformed::Verb, Code::UNRECOGNIZED_COMMAND));
    };
    let argument = if verb.keeps_spaces() {
        rest
    } else {
        trim_start(rest)
    };
    check_presence(verb, argument, strict).map_err(|kind| refuse(kind, Code::PARAMETER_SYNTAX))?;
    typed(verb.canonical(), argument).map_err(|error| match error {
        Error::Malformed(kind) => refuse(kind, Code::PARAMETER_SYNTAX),
        Error::Unsupported => refuse(Malformed::Argument, Code::PARAMETER_NOT_IMPLEMENTED),
    })
}

fn check_presence(verb: Verb, argument: &[u8], strict: bool) -> Result<(), Malformed> {
    match verb.argument_rule() {
        ArgumentRule::Required if argument.is_empty() => Err(Malformed::MissingArgument),
        ArgumentRule::None if !argument.is_empty() && (strict || !verb.ignores_argument()) => {
            Err(Malformed::UnexpectedArgument)
        }
        _ => Ok(()),
    }
}

/// The command of a verb that is no alias. The argument is there if the verb asks for one.
fn typed(verb: Verb, argument: &[u8]) -> Result<Command<'_>, Error> {
    Ok(match verb {
        Verb::User => Command::User(Text::new(argument)?),
        Verb::Pass => Command::Pass(Text::new(argument)?),
        Verb::Acct => Command::Acct(Text::new(argument)?),
        Verb::Cwd => Command::Cwd(Path::new(argument)?),
        Verb::Cdup => Command::Cdup,
        Verb::Smnt => Command::Smnt(Path::new(argument)?),
        Verb::Rein => Command::Rein,
        Verb::Quit => Command::Quit,
        Verb::Port => Command::Port(argument),
        Verb::Pasv => Command::Pasv,
        Verb::Type => Command::Type(Type::parse(argument)?),
        Verb::Stru => Command::Stru(Structure::parse(argument)?),
        Verb::Mode => Command::Mode(Mode::parse(argument)?),
        Verb::Retr => Command::Retr(Path::new(argument)?),
        Verb::Stor => Command::Stor(Path::new(argument)?),
        Verb::Stou => Command::Stou(optional_path(argument)?),
        Verb::Appe => Command::Appe(Path::new(argument)?),
        Verb::Allo => allocate(argument)?,
        Verb::Rest => restart(argument)?,
        Verb::Rnfr => Command::Rnfr(Path::new(argument)?),
        Verb::Rnto => Command::Rnto(Path::new(argument)?),
        Verb::Abor => Command::Abor,
        Verb::Dele => Command::Dele(Path::new(argument)?),
        Verb::Rmd => Command::Rmd(Path::new(argument)?),
        Verb::Mkd => Command::Mkd(Path::new(argument)?),
        Verb::Pwd => Command::Pwd,
        Verb::List => Command::List(optional_path(argument)?),
        Verb::Nlst => Command::Nlst(optional_path(argument)?),
        Verb::Site => Command::Site(Text::new(argument)?),
        Verb::Syst => Command::Syst,
        Verb::Stat => Command::Stat(optional_path(argument)?),
        Verb::Help => Command::Help(Text::new(argument)?),
        Verb::Noop => Command::Noop,
        Verb::Auth => Command::Auth(AuthMechanism::parse(argument)?),
        Verb::Adat => Command::Adat(Text::new(argument)?),
        Verb::Pbsz => {
            let size = single_number(argument)?;
            Command::Pbsz(u32::try_from(size).map_err(|_| Malformed::Number)?)
        }
        Verb::Prot => Command::Prot(ProtectionLevel::parse(argument)?),
        Verb::Ccc => Command::Ccc,
        Verb::Feat => Command::Feat,
        Verb::Opts => Command::Opts(Text::new(argument)?),
        Verb::Eprt => Command::Eprt(argument),
        Verb::Epsv => Command::Epsv(EpsvArgument::parse(argument)?),
        Verb::Lang => Command::Lang(Text::new(argument)?),
        Verb::Host => Command::Host(Text::new(argument)?),
        Verb::Size => Command::Size(Path::new(argument)?),
        Verb::Mdtm => Command::Mdtm(Path::new(argument)?),
        Verb::Mlst => Command::Mlst(optional_path(argument)?),
        Verb::Mlsd => Command::Mlsd(optional_path(argument)?),
        Verb::Hash => Command::Hash(Path::new(argument)?),
        Verb::Rang => range(argument)?,
        Verb::Mfmt => {
            let (time, path) = time_and_path(argument)?;
            Command::Mfmt { time, path }
        }
        Verb::Mfct => {
            let (time, path) = time_and_path(argument)?;
            Command::Mfct { time, path }
        }
        Verb::Clnt => Command::Clnt(Text::new(argument)?),
        verb => Command::Other { verb, argument },
    })
}

fn optional_path(argument: &[u8]) -> Result<Option<Path<'_>>, Malformed> {
    match argument {
        b"" => Ok(None),
        path => Path::new(path).map(Some),
    }
}

fn allocate(argument: &[u8]) -> Result<Command<'_>, Malformed> {
    let mut words = words(argument);
    let size = decimal(words.next().ok_or(Malformed::MissingArgument)?)?;
    let record = match words.next() {
        None => None,
        Some(b"R" | b"r") => Some(decimal(words.next().ok_or(Malformed::MissingArgument)?)?),
        Some(_) => return Err(Malformed::Argument),
    };
    match words.next() {
        None => Ok(Command::Allo { size, record }),
        Some(_) => Err(Malformed::Argument),
    }
}

fn restart(argument: &[u8]) -> Result<Command<'_>, Malformed> {
    let marker = single_word(argument)?;
    if marker.iter().all(u8::is_ascii_digit) {
        decimal(marker).map(Command::Rest)
    } else if is_word(marker) {
        Ok(Command::RestMarker(marker))
    } else {
        Err(Malformed::Argument)
    }
}

fn range(argument: &[u8]) -> Result<Command<'_>, Malformed> {
    let mut words = words(argument);
    match (words.next(), words.next(), words.next()) {
        (Some(start), Some(end), None) => Ok(Command::Rang {
            start: decimal(start)?,
            end: decimal(end)?,
        }),
        _ => Err(Malformed::Argument),
    }
}

fn time_and_path(argument: &[u8]) -> Result<(&[u8], Path<'_>), Malformed> {
    let (time, path) = split_at_space(argument).ok_or(Malformed::MissingArgument)?;
    if !is_word(time) {
        return Err(Malformed::Argument);
    }
    Ok((time, Path::new(path)?))
}

fn single_number(argument: &[u8]) -> Result<u64, Malformed> {
    decimal(single_word(argument)?)
}

fn single_word(argument: &[u8]) -> Result<&[u8], Malformed> {
    let mut words = words(argument);
    let word = words.next().ok_or(Malformed::MissingArgument)?;
    match words.next() {
        None => Ok(word),
        Some(_) => Err(Malformed::Argument),
    }
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b" ") {
        bytes = rest;
    }
    bytes
}

enum Error {
    Malformed(Malformed),
    /// Well formed, and not one of the values there are.
    Unsupported,
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Error::Malformed(error)
    }
}

impl From<ArgumentError> for Error {
    fn from(error: ArgumentError) -> Self {
        match error {
            ArgumentError::Syntax => Error::Malformed(Malformed::Argument),
            ArgumentError::Unsupported => Error::Unsupported,
        }
    }
}
