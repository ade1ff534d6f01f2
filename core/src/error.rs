//! The three kinds of error, never mixed.
//!
//! * [`Malformed`]: text that does not parse. Returned by the parsers in [`crate::wire`].
//! * [`Refusal`]: the application asked for something that is not possible now. Nothing changed and nothing was sent.
//! * [`Failure`]: the peer, or the transport, did something that ends a request or the session.

use core::fmt;

/// Text that does not follow its grammar. Says what is wrong, never panics, never carries secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// A line is longer than the limit, in bytes.
    LineTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A reply holds more bytes than the limit, over all its lines.
    ReplyTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A reply holds more lines than the limit.
    ReplyTooManyLines {
        /// The limit in force, in lines.
        limit: usize,
    },
    /// The line does not start with three digits (RFC 959 section 4.2).
    NotAReply,
    /// The first digit of a reply code is not 1 to 6, or the code is not three digits.
    ReplyCode,
    /// A NUL, or a CR that is not part of a line end, inside a line.
    ControlByte,
    /// The verb is empty, too long, or not made of letters and digits.
    Verb,
    /// The verb needs an argument and has none.
    MissingArgument,
    /// The verb takes no argument and has one.
    UnexpectedArgument,
    /// The argument does not follow the grammar of its verb.
    Argument,
    /// CR, LF or NUL in an argument: it would start a second command.
    ForbiddenByte,
    /// A command line would be longer than the limit, in bytes.
    CommandTooLong {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// Not six decimal numbers from 0 to 255 separated by commas (RFC 959 section 5.3.2, RFC 1123 section 4.1.2.6).
    HostPort,
    /// Not a delimited address (RFC 2428 sections 2 and 3).
    ExtendedAddress,
    /// A network address family other than 1 (IPv4) or 2 (IPv6) (RFC 2428 section 2).
    AddressFamily,
    /// Port 0.
    PortZero,
    /// A number with bytes that are no digits, or too large.
    Number,
    /// No quoted name where RFC 959 appendix II asks for one.
    QuotedName,
    /// A fact list that does not follow RFC 3659 section 7.2.
    Facts,
    /// A time value that does not follow RFC 3659 section 2.3.
    Time,
    /// A feature list that does not follow RFC 2389 section 3.2.
    Features,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::LineTooLong { limit } => write!(f, "line longer than {limit} bytes"),
            Malformed::ReplyTooLong { limit } => write!(f, "reply longer than {limit} bytes"),
            Malformed::ReplyTooManyLines { limit } => write!(f, "reply of more than {limit} lines"),
            Malformed::NotAReply => f.write_str("line is not an FTP reply"),
            Malformed::ReplyCode => f.write_str("reply code out of range"),
            Malformed::ControlByte => f.write_str("NUL or bare CR inside a line"),
            Malformed::Verb => f.write_str("not a command verb"),
            Malformed::MissingArgument => f.write_str("argument missing"),
            Malformed::UnexpectedArgument => f.write_str("argument where none is allowed"),
            Malformed::Argument => f.write_str("argument does not fit the command"),
            Malformed::ForbiddenByte => f.write_str("CR, LF or NUL in an argument"),
            Malformed::CommandTooLong { limit } => write!(f, "command longer than {limit} bytes"),
            Malformed::HostPort => f.write_str("not six numbers h1,h2,h3,h4,p1,p2"),
            Malformed::ExtendedAddress => f.write_str("not an extended address"),
            Malformed::AddressFamily => f.write_str("unknown network address family"),
            Malformed::PortZero => f.write_str("port 0"),
            Malformed::Number => f.write_str("not a number, or too large"),
            Malformed::QuotedName => f.write_str("no quoted name"),
            Malformed::Facts => f.write_str("not a fact list"),
            Malformed::Time => f.write_str("not a time value"),
            Malformed::Features => f.write_str("not a feature list"),
        }
    }
}

impl core::error::Error for Malformed {}
