//! A command to the line that is sent: the one place where such lines are made.

use alloc::vec::Vec;

use super::argument::{
    AuthMechanism, EpsvArgument, Path, Text, Type, check_bytes, is_word, split_at_space,
};
use super::{ArgumentRule, Command, Verb};
use crate::error::Malformed;
use crate::wire::telnet;

impl Command<'_> {
    /// Appends the command to `out` as one line: the verb, the argument with 255 doubled for Telnet, CR LF.
    ///
    /// # Errors
    ///
    /// `out` is unchanged, and
    /// * [`Malformed::ForbiddenByte`]: CR, LF or NUL in an argument,
    /// * [`Malformed::CommandTooLong`]: more than `max` bytes, without the line end,
    /// * [`Malformed::MissingArgument`] or [`Malformed::UnexpectedArgument`]: against the rule of the verb,
    /// * [`Malformed::Argument`]: a marker, time or mechanism that is not one word, or TYPE L with size 0.
    pub fn encode(&self, out: &mut Vec<u8>, max: usize) -> Result<(), Malformed> {
        self.encode_as(self.verb(), out, max)
    }

    /// As [`encode`](Self::encode), with another spelling of the verb, for servers that know only that one
    /// (RFC 1123 section 4.1.3.1).
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode), and [`Malformed::Verb`] unless `verb` is another spelling.
    ///
    /// ```
    /// use ftp_proto::wire::command::{Command, Verb};
    ///
    /// let mut line = Vec::new();
    /// Command::Pwd.encode_as(Verb::Xpwd, &mut line, 512).unwrap();
    /// assert_eq!(line, b"XPWD\r\n");
    /// ```
    pub fn encode_as(&self, verb: Verb, out: &mut Vec<u8>, max: usize) -> Result<(), Malformed> {
        if verb.canonical() != self.verb().canonical() {
            return Err(Malformed::Verb);
        }
        self.check_words()?;
        self.with_arguments(|arguments| {
            let empty = arguments.iter().all(|argument| argument.is_empty());
            match verb.argument_rule() {
                ArgumentRule::Required if empty => Err(Malformed::MissingArgument),
                ArgumentRule::None if !empty => Err(Malformed::UnexpectedArgument),
                _ => write_line(verb.as_str().as_bytes(), arguments, out, max),
            }
        })
    }

    /// Refuses values that would read back as something else.
    fn check_words(&self) -> Result<(), Malformed> {
        let word = match *self {
            Command::RestMarker(word)
            | Command::Auth(AuthMechanism::Other(word))
            | Command::Mfmt { time: word, .. }
            | Command::Mfct { time: word, .. } => word,
            Command::Type(Type::Local(0)) => return Err(Malformed::Argument),
            _ => return Ok(()),
        };
        check_bytes(word)?;
        if !is_word(word) {
            return Err(Malformed::Argument);
        }
        Ok(())
    }

    /// Calls `then` with the arguments, to be joined by single spaces.
    pub(super) fn with_arguments<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T {
        match *self {
            Command::Cdup
            | Command::Rein
            | Command::Quit
            | Command::Pasv
            | Command::Abor
            | Command::Pwd
            | Command::Syst
            | Command::Noop
            | Command::Ccc
            | Command::Feat => then(&[]),

            Command::Cwd(path)
            | Command::Smnt(path)
            | Command::Retr(path)
            | Command::Stor(path)
            | Command::Appe(path)
            | Command::Rnfr(path)
            | Command::Rnto(path)
            | Command::Dele(path)
            | Command::Rmd(path)
            | Command::Mkd(path)
            | Command::Size(path)
            | Command::Mdtm(path)
            | Command::Hash(path) => then(&[path.as_bytes()]),

            Command::Stou(path)
            | Command::List(path)
            | Command::Nlst(path)
            | Command::Stat(path)
            | Command::Mlst(path)
            | Command::Mlsd(path) => then(path.as_ref().map(Path::as_bytes).as_slice()),

            // An empty password is sent as an empty argument, with its space.
            Command::Pass(text) => then(&[text.as_bytes()]),
            Command::User(text)
            | Command::Acct(text)
            | Command::Site(text)
            | Command::Help(text)
            | Command::Adat(text)
            | Command::Opts(text)
            | Command::Lang(text)
            | Command::Host(text)
            | Command::Clnt(text) => then(unless_empty(&text).as_slice()),

            Command::Port(bytes) | Command::Eprt(bytes) | Command::RestMarker(bytes) => {
                then(&[bytes])
            }
            Command::Other { argument, .. } => {
                then((!argument.is_empty()).then_some(argument).as_slice())
            }

            Command::Type(Type::Local(size)) => then(&[b"L", Decimal::new(size.into()).as_bytes()]),
            Command::Type(kind) => match kind {
                Type::Ascii => then(&[b"A"]),
                Type::AsciiTelnet => then(&[b"A", b"T"]),
                Type::AsciiCarriage => then(&[b"A", b"C"]),
                Type::Ebcdic => then(&[b"E"]),
                Type::EbcdicTelnet => then(&[b"E", b"T"]),
                Type::EbcdicCarriage => then(&[b"E", b"C"]),
                Type::Image | Type::Local(_) => then(&[b"I"]),
            },
            Command::Stru(structure) => then(&[&[structure.letter()]]),
            Command::Mode(mode) => then(&[&[mode.letter()]]),
            Command::Prot(level) => then(&[&[level.letter()]]),
            Command::Auth(mechanism) => then(&[mechanism.name()]),

            Command::Epsv(EpsvArgument::Same) => then(&[]),
            Command::Epsv(EpsvArgument::All) => then(&[b"ALL"]),
            Command::Epsv(EpsvArgument::Family(family)) => {
                then(&[Decimal::new(family.into()).as_bytes()])
            }

            Command::Allo { size, record: None } => then(&[Decimal::new(size).as_bytes()]),
            Command::Allo {
                size,
                record: Some(record),
            } => then(&[
                Decimal::new(size).as_bytes(),
                b"R",
                Decimal::new(record).as_bytes(),
            ]),
            Command::Rest(offset) => then(&[Decimal::new(offset).as_bytes()]),
            Command::Pbsz(size) => then(&[Decimal::new(size.into()).as_bytes()]),
            Command::Rang { start, end } => {
                then(&[Decimal::new(start).as_bytes(), Decimal::new(end).as_bytes()])
            }
            Command::Mfmt { time, path } | Command::Mfct { time, path } => {
                then(&[time, path.as_bytes()])
            }
        }
    }
}

/// Appends a line given whole, without its line end, for the operation that sends a command the library does not know.
/// Returns the verb if it is a known one, so that the caller can refuse those that change the state of the session.
///
/// # Errors
///
/// `out` is unchanged, and
/// * [`Malformed::Verb`]: the line does not start with one to sixteen letters or digits, then a space or nothing,
/// * [`Malformed::ForbiddenByte`], [`Malformed::CommandTooLong`]: as for [`Command::encode`].
pub fn encode_raw(line: &[u8], out: &mut Vec<u8>, max: usize) -> Result<Option<Verb>, Malformed> {
    let (name, argument) = match split_at_space(line) {
        Some((name, argument)) => (name, Some(argument)),
        None => (line, None),
    };
    let verb = Verb::parse(name);
    let well_formed =
        (1..=MAX_RAW_VERB).contains(&name.len()) && name.iter().all(u8::is_ascii_alphanumeric);
    if verb.is_none() && !well_formed {
        return Err(Malformed::Verb);
    }
    write_line(name, argument.as_slice(), out, max)?;
    Ok(verb)
}

/// Writes one line, or nothing.
fn write_line(
    name: &[u8],
    arguments: &[&[u8]],
    out: &mut Vec<u8>,
    max: usize,
) -> Result<(), Malformed> {
    let mut length = name.len();
    for argument in arguments {
        check_bytes(argument)?;
        length += 1 + telnet::escaped_len(argument);
    }
    if length > max {
        return Err(Malformed::CommandTooLong { limit: max });
    }
    out.extend_from_slice(name);
    for argument in arguments {
        out.push(b' ');
        telnet::escape(argument, out);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn unless_empty<'a>(text: &Text<'a>) -> Option<&'a [u8]> {
    (!text.is_empty()).then_some(text.as_bytes())
}

/// Longer than any verb in use.
const MAX_RAW_VERB: usize = 16;

/// A number as decimal digits.
struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            start -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        Decimal { digits, start }
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}
