//! The arguments of commands: values that cannot hold what would break a line.

use core::fmt;

use crate::error::Malformed;
use crate::wire::date;
use crate::wire::reply::Escaped;

/// A path as it stands in a command: bytes, not empty, without CR, LF or NUL. Spaces count, the last ones too
/// (RFC 3659 section 2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// Takes the bytes as a path.
    ///
    /// # Errors
    ///
    /// [`Malformed::MissingArgument`] if there are none, [`Malformed::ForbiddenByte`] for CR, LF or NUL.
    ///
    /// ```
    /// use ftp_proto::wire::command::Path;
    ///
    /// assert!(Path::new(b"a file ").is_ok());
    /// assert!(Path::new(b"a\r\nDELE b").is_err());
    /// ```
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.is_empty() {
            return Err(Malformed::MissingArgument);
        }
        check_bytes(bytes)?;
        Ok(Path(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Splits `time SP path`, the form in which some clients set a time with MDTM: 14 digits, perhaps a fraction, a
    /// space, a path. A file may have such a name, so a server looks for the whole name first.
    ///
    /// ```
    /// use ftp_proto::wire::command::Path;
    ///
    /// let (time, path) = Path::new(b"20240229235959 a b").unwrap().split_time().unwrap();
    /// assert_eq!((time, path.as_bytes()), (&b"20240229235959"[..], &b"a b"[..]));
    /// ```
    #[must_use]
    pub fn split_time(&self) -> Option<(&'a [u8], Path<'a>)> {
        let (time, path) = split_at_space(self.0)?;
        let (digits, fraction) = time.split_at_checked(14)?;
        let well_formed = digits.iter().all(u8::is_ascii_digit)
            && match fraction.split_first() {
                None => true,
                Some((b'.', fraction)) => {
                    !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit)
                }
                Some(_) => false,
            };
        (well_formed && !path.is_empty()).then_some((time, Path(path)))
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({:?})", Escaped::new(self.0))
    }
}

/// Another free argument: bytes without CR, LF or NUL; may be empty. Its `Debug` form shows the bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// No text.
    pub const EMPTY: Text<'static> = Text(&[]);

    /// Takes the bytes as an argument.
    ///
    /// # Errors
    ///
    /// [`Malformed::ForbiddenByte`] for CR, LF or NUL.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        check_bytes(bytes)?;
        Ok(Text(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// There are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first word in front of a space, and what follows the space: the sub-command of SITE and OPTS.
    #[must_use]
    pub fn split_word(&self) -> (&'a [u8], Text<'a>) {
        let (word, rest) = split_at_space(self.0).unwrap_or((self.0, &[]));
        (word, Text(rest))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", Escaped::new(self.0))
    }
}

/// The representation type (RFC 959 section 3.1.1). The default is [`Ascii`](Type::Ascii).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Type {
    /// `A` or `A N`: ASCII non-print.
    #[default]
    Ascii,
    /// `A T`: ASCII with Telnet format effectors.
    AsciiTelnet,
    /// `A C`: ASCII with carriage control (ASA).
    AsciiCarriage,
    /// `E` or `E N`: EBCDIC non-print.
    Ebcdic,
    /// `E T`: EBCDIC with Telnet format effectors.
    EbcdicTelnet,
    /// `E C`: EBCDIC with carriage control (ASA).
    EbcdicCarriage,
    /// `I`: image.
    Image,
    /// `L n`: logical bytes of n bits. `L 8` is the same as `I` where bytes have eight bits (RFC 1123 section 4.1.2.1).
    Local(u8),
}

impl Type {
    /// Parses the argument of TYPE. A format behind `I` is overlooked.
    ///
    /// # Errors
    ///
    /// [`ArgumentError`], with 504 for a type or format that could exist and 501 for what is not a type.
    pub fn parse(argument: &[u8]) -> Result<Type, ArgumentError> {
        let mut words = words(argument);
        let letter = words.next().map(letter).transpose()?;
        let second = words.next();
        if words.next().is_some() {
            return Err(ArgumentError::Syntax);
        }
        match letter {
            Some(b'A') => Type::with_format(
                second,
                [Type::Ascii, Type::AsciiTelnet, Type::AsciiCarriage],
            ),
            Some(b'E') => Type::with_format(
                second,
                [Type::Ebcdic, Type::EbcdicTelnet, Type::EbcdicCarriage],
            ),
            Some(b'I') => Type::with_format(second, [Type::Image; 3]),
            Some(b'L') => {
                let size = second.ok_or(ArgumentError::Syntax)?;
                let size = decimal(size).map_err(|_| ArgumentError::Syntax)?;
                match u8::try_from(size) {
                    Ok(0) => Err(ArgumentError::Syntax),
                    Ok(size) => Ok(Type::Local(size)),
                    Err(_) => Err(ArgumentError::Unsupported),
                }
            }
            Some(_) => Err(ArgumentError::Unsupported),
            None => Err(ArgumentError::Syntax),
        }
    }

    /// Data is moved bit for bit: `I` and `L 8`.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Type::Image | Type::Local(8))
    }

    fn with_format(
        format: Option<&[u8]>,
        [non_print, telnet, carriage]: [Type; 3],
    ) -> Result<Type, ArgumentError> {
        match format.map(letter).transpose()? {
            None | Some(b'N') => Ok(non_print),
            Some(b'T') => Ok(telnet),
            Some(b'C') => Ok(carriage),
            Some(_) => Err(ArgumentError::Unsupported),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Ascii => f.write_str("A"),
            Type::AsciiTelnet => f.write_str("A T"),
            Type::AsciiCarriage => f.write_str("A C"),
            Type::Ebcdic => f.write_str("E"),
            Type::EbcdicTelnet => f.write_str("E T"),
            Type::EbcdicCarriage => f.write_str("E C"),
            Type::Image => f.write_str("I"),
            Type::Local(size) => write!(f, "L {size}"),
        }
    }
}

macro_rules! letters {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $letter:literal,)* }) => {
        $(#[$doc])*
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Parses the letter, in upper or lower case.
            ///
            /// # Errors
            ///
            /// [`ArgumentError`], with 504 for another letter and 501 for anything else.
            pub fn parse(argument: &[u8]) -> Result<Self, ArgumentError> {
                let mut words = words(argument);
                let first = words.next().ok_or(ArgumentError::Syntax)?;
                if words.next().is_some() {
                    return Err(ArgumentError::Syntax);
                }
                match letter(first)? {
                    $($letter => Ok($name::$variant),)*
                    _ => Err(ArgumentError::Unsupported),
                }
            }

            /// The letter.
            #[must_use]
            pub const fn letter(self) -> u8 {
                match self {
                    $($name::$variant => $letter,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Write::write_char(f, char::from(self.letter()))
            }
        }
    };
}

letters! {
    /// The file structure (RFC 959 section 3.1.2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    Structure {
        /// `F`: no internal structure.
        #[default]
        File = b'F',
        /// `R`: a sequence of records.
        Record = b'R',
        /// `P`: independent pages.
        Page = b'P',
    }
}

letters! {
    /// The transmission mode (RFC 959 section 3.4).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    Mode {
        /// `S`: a stream of bytes.
        #[default]
        Stream = b'S',
        /// `B`: blocks with headers.
        Block = b'B',
        /// `C`: runs compressed.
        Compressed = b'C',
        /// `Z`: a zlib stream (practice).
        Deflate = b'Z',
    }
}

letters! {
    /// The protection level of data connections (RFC 2228 section 3). TLS knows C and P (RFC 4217 section 9).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    ProtectionLevel {
        /// `C`: none.
        #[default]
        Clear = b'C',
        /// `S`: integrity.
        Safe = b'S',
        /// `E`: confidentiality.
        Confidential = b'E',
        /// `P`: both.
        Private = b'P',
    }
}

/// The argument of AUTH: the name of a security mechanism (RFC 2228 section 3, RFC 4217 section 4).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMechanism<'a> {
    /// `TLS`.
    Tls,
    /// `SSL`, of an old draft: TLS, with data connections protected from the start.
    Ssl,
    /// `TLS-C`: the same as `TLS`.
    TlsC,
    /// `TLS-P`, of an old draft: the same as `SSL`.
    TlsP,
    /// Another mechanism, such as `GSSAPI`.
    Other(&'a [u8]),
}

impl<'a> AuthMechanism<'a> {
    /// Parses a mechanism name, in upper or lower case.
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Syntax`] unless it is one word of printable characters.
    pub fn parse(argument: &'a [u8]) -> Result<Self, ArgumentError> {
        let name = argument.trim_ascii_end();
        if !is_word(name) {
            return Err(ArgumentError::Syntax);
        }
        Ok([Self::Tls, Self::Ssl, Self::TlsC, Self::TlsP]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .unwrap_or(AuthMechanism::Other(name)))
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'a [u8] {
        match self {
            AuthMechanism::Tls => b"TLS",
            AuthMechanism::Ssl => b"SSL",
            AuthMechanism::TlsC => b"TLS-C",
            AuthMechanism::TlsP => b"TLS-P",
            AuthMechanism::Other(name) => name,
        }
    }

    /// One of the four names for TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        !matches!(self, AuthMechanism::Other(_))
    }
}

impl fmt::Debug for AuthMechanism<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthMechanism({})", Escaped::new(self.name()))
    }
}

/// The argument of EPSV (RFC 2428 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EpsvArgument {
    /// None: the family of the control connection.
    #[default]
    Same,
    /// A network address family: 1 is IPv4, 2 is IPv6; a server answers others with 522.
    Family(u32),
    /// `ALL`: from now on no other verb may set up a data connection (RFC 2428 section 4).
    All,
}

impl EpsvArgument {
    /// Parses the argument; an empty one is [`Same`](EpsvArgument::Same).
    ///
    /// # Errors
    ///
    /// [`ArgumentError::Syntax`] if it is neither a number nor `ALL`.
    pub fn parse(argument: &[u8]) -> Result<Self, ArgumentError> {
        match argument.trim_ascii() {
            b"" => Ok(EpsvArgument::Same),
            all if all.eq_ignore_ascii_case(b"ALL") => Ok(EpsvArgument::All),
            family => decimal(family)
                .ok()
                .and_then(|family| u32::try_from(family).ok())
                .map(EpsvArgument::Family)
                .ok_or(ArgumentError::Syntax),
        }
    }
}

/// Why an argument from a list of values was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgumentError {
    /// Not the grammar of the argument: a server answers 501.
    Syntax,
    /// Well formed and unknown: a server answers 504.
    Unsupported,
}

/// Refuses the bytes that would end the line or be taken for its end.
pub(super) fn check_bytes(bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(Malformed::ForbiddenByte);
    }
    Ok(())
}

/// One word of printable characters.
pub(super) fn is_word(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic)
}

/// A decimal number of digits alone.
pub(super) fn decimal(digits: &[u8]) -> Result<u64, Malformed> {
    date::decimal(digits).ok_or(Malformed::Number)
}

/// The bytes in front of the first space and behind it.
pub(super) fn split_at_space(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == b' ')?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// The words of an argument in which several spaces are as good as one (RFC 959 section 5.3).
pub(super) fn words(argument: &[u8]) -> impl Iterator<Item = &[u8]> {
    argument
        .split(|&byte| byte == b' ')
        .filter(|word| !word.is_empty())
}

/// A word of one letter, in upper case.
fn letter(word: &[u8]) -> Result<u8, ArgumentError> {
    match word {
        [letter] if letter.is_ascii_alphabetic() => Ok(letter.to_ascii_uppercase()),
        _ => Err(ArgumentError::Syntax),
    }
}
