//! Reply codes and what their digits say.

use core::fmt;

/// A reply code from 100 to 699. Which codes a verb may get is in [`Verb`](crate::wire::command::Verb).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(u16);

impl Code {
    /// The code of this number; `None` unless it is from 100 to 699.
    #[must_use]
    pub const fn new(number: u16) -> Option<Code> {
        match number {
            100..=699 => Some(Code(number)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// What the first digit says (RFC 959 section 4.2; 6 is RFC 2228 section 5.2).
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 / 100 {
            1 => Class::Preliminary,
            2 => Class::Completion,
            3 => Class::Intermediate,
            4 => Class::TransientNegative,
            5 => Class::PermanentNegative,
            _ => Class::Protected,
        }
    }

    /// What the second digit says (RFC 959 section 4.2).
    #[must_use]
    pub const fn subject(self) -> Subject {
        match self.0 / 10 % 10 {
            0 => Subject::Syntax,
            1 => Subject::Information,
            2 => Subject::Connections,
            3 => Subject::Authentication,
            5 => Subject::FileSystem,
            _ => Subject::Unspecified,
        }
    }

    /// For tables written down in this crate; each is tested to name a code of [`Code::ALL`].
    pub(crate) const fn from_table(number: u16) -> Code {
        Code(number)
    }

    /// The three digits.
    pub(crate) fn digits(self) -> [u8; 3] {
        [self.0 / 100, self.0 / 10 % 10, self.0 % 10].map(|digit| b'0' + digit as u8)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The first digit of a reply code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// 1yz: begun; another reply follows before the next command.
    Preliminary,
    /// 2yz: done.
    Completion,
    /// 3yz: accepted; a further command is needed.
    Intermediate,
    /// 4yz: not done; the same command may succeed later.
    TransientNegative,
    /// 5yz: not done; the same command will fail again.
    PermanentNegative,
    /// 6yz: the text holds a protected reply (RFC 2228).
    Protected,
}

impl Class {
    /// 4yz or 5yz.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        matches!(self, Class::TransientNegative | Class::PermanentNegative)
    }

    /// The first digit.
    #[must_use]
    pub const fn digit(self) -> u8 {
        self as u8 + 1
    }
}

/// The second digit of a reply code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// x0z: syntax, or commands that fit nowhere else.
    Syntax,
    /// x1z: status or help.
    Information,
    /// x2z: control and data connections.
    Connections,
    /// x3z: login, accounting, security.
    Authentication,
    /// x4z, and x6z to x9z: no meaning given.
    Unspecified,
    /// x5z: files and their storage.
    FileSystem,
}

/// The three digits a line starts with, as a number, and what follows them.
pub(super) fn leading_code(line: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    let number = digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u16::from(byte - b'0'))
    })?;
    Some((number, rest))
}

macro_rules! codes {
    ($($number:literal $name:ident $meaning:literal $note:literal,)*) => {
        impl Code {
            $(
                #[doc = concat!("`", stringify!($number), "`: ", $meaning, $note, ".")]
                pub const $name: Code = Code($number);
            )*

            /// Every code with a name, in ascending order.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// What the code means in general. Some codes mean different things to different verbs.
            #[must_use]
            pub const fn meaning(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($meaning),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    110 RESTART_MARKER "restart marker" ", extra to the other preliminary reply (RFC 959, RFC 1123 section 4.1.3.4)",
    120 SERVICE_DELAYED "service ready in some minutes" "; 220 follows",
    125 TRANSFER_STARTING "data connection already open, transfer starting" "",
    150 OPENING_DATA_CONNECTION "about to open the data connection" "",
    151 ALL_PASSIVE_PORT "port for an all-passive transfer" " (RFC 1579, never deployed)",
    200 COMMAND_OKAY "command okay" "",
    202 SUPERFLUOUS "command superfluous at this site" "",
    211 SYSTEM_STATUS "system status, help or feature list" "",
    212 DIRECTORY_STATUS "directory status" "",
    213 FILE_STATUS "file status" ", or a machine-read value (RFC 3659)",
    214 HELP_MESSAGE "help message" "",
    215 SYSTEM_TYPE "system type" "",
    216 TRANSLATOR_STATUS "status of an address translator" " (RFC 6384 section 11)",
    220 SERVICE_READY "ready for a new user" "",
    221 CLOSING_CONTROL_CONNECTION "closing the control connection" "",
    225 DATA_CONNECTION_OPEN "data connection open, no transfer in progress" "; to ABOR: nothing to abort",
    226 CLOSING_DATA_CONNECTION "closing the data connection, action successful" "",
    227 ENTERING_PASSIVE_MODE "entering passive mode" " h1,h2,h3,h4,p1,p2",
    228 ENTERING_LONG_PASSIVE_MODE "entering long passive mode" " (RFC 1639)",
    229 ENTERING_EXTENDED_PASSIVE_MODE "entering extended passive mode" " (RFC 2428 section 3)",
    230 LOGGED_IN "user logged in" "",
    231 LOGGED_OUT "user logged out" " (obsolete, RFC 542)",
    232 LOGGED_IN_BY_SECURITY_EXCHANGE "user logged in, authorised by the security exchange" " (RFC 2228)",
    234 SECURITY_EXCHANGE_ACCEPTED "security exchange complete" "; the TLS handshake begins (RFC 4217)",
    235 SECURITY_DATA_ACCEPTED "security data accepted, exchange complete" " (RFC 2228)",
    250 FILE_ACTION_OKAY "requested file action completed" "",
    251 DIGEST "message digest of a file" " (practice)",
    252 DIGESTS "message digests of several files" " (practice)",
    253 TIME_SET "modification time set" " (practice)",
    257 PATHNAME_CREATED "pathname created, or the working directory" "",
    331 NEED_PASSWORD "user name okay, need password" "",
    332 NEED_ACCOUNT "need account" "",
    334 SECURITY_MECHANISM_ACCEPTED "security mechanism accepted, security data expected" " (RFC 2228)",
    335 MORE_SECURITY_DATA "more security data expected" " (RFC 2228)",
    336 NEED_PASSWORD_CHALLENGE "user name okay, need password, challenge in the text" " (RFC 2228)",
    350 PENDING_FURTHER_INFORMATION "file action pending further information" "",
    421 SERVICE_NOT_AVAILABLE "service not available, closing the control connection" "",
    425 CANNOT_OPEN_DATA_CONNECTION "cannot open the data connection" "",
    426 TRANSFER_ABORTED "data connection closed, transfer aborted" "",
    430 INVALID_USER_OR_PASSWORD "invalid user name or password" " (practice)",
    431 SECURITY_RESOURCE_UNAVAILABLE "security resource unavailable" " (RFC 2228)",
    434 HOST_UNAVAILABLE "host unavailable" " (practice)",
    450 FILE_BUSY "file unavailable for now" "",
    451 LOCAL_ERROR "local error in processing" "",
    452 NO_SPACE "not enough storage space" "",
    500 UNRECOGNIZED_COMMAND "command unrecognised, or line too long" "",
    501 PARAMETER_SYNTAX "syntax error in parameters" "",
    502 NOT_IMPLEMENTED "command not implemented" "",
    503 BAD_SEQUENCE "bad sequence of commands" "",
    504 PARAMETER_NOT_IMPLEMENTED "command not implemented for that parameter" "",
    505 CONFLICTING_COMMAND "conflicts with an earlier command" " (obsolete, RFC 542)",
    520 CONNECTION_MODE_DISABLED "active or passive mode disabled" " (practice)",
    521 PROTECTION_OR_FAMILY_UNSUPPORTED "data protection level, address family or directory refused" "; the verb decides which (RFC 4217, RFC 1639, RFC 959)",
    522 NETWORK_PROTOCOL_UNSUPPORTED "network protocol not supported, or TLS failed on the data connection" "; the verb decides which (RFC 2428, RFC 4217)",
    530 NOT_LOGGED_IN "not logged in" "",
    532 NEED_ACCOUNT_FOR_STORING "need account for storing files" "",
    533 COMMAND_PROTECTION_DENIED "command protection level denied by policy" " (RFC 2228)",
    534 DENIED_BY_POLICY "request denied by policy" " (RFC 2228)",
    535 SECURITY_CHECK_FAILED "security check failed" " (RFC 2228)",
    536 DATA_PROTECTION_UNSUPPORTED "data protection level not supported by the mechanism" " (RFC 2228)",
    537 COMMAND_PROTECTION_UNSUPPORTED "command protection level not supported by the mechanism" " (RFC 2228)",
    550 FILE_UNAVAILABLE "file unavailable" "",
    551 PAGE_TYPE_UNKNOWN "page type unknown" ", or not possible with this TYPE or MODE",
    552 STORAGE_EXCEEDED "storage allocation exceeded" "",
    553 NAME_NOT_ALLOWED "file name not allowed" "",
    554 RESTART_POINT_INVALID "restart point invalid" " (RFC 1123 section 4.1.3.4)",
    555 TYPE_MISMATCH "type or structure does not match" " (RFC 1123 section 4.1.3.4)",
    556 HASH_DENIED "refused by hashing policy" " (practice)",
    631 INTEGRITY_PROTECTED "integrity protected reply" " (RFC 2228)",
    632 PRIVATE "confidentiality and integrity protected reply" " (RFC 2228)",
    633 CONFIDENTIAL "confidentiality protected reply" " (RFC 2228)",
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_number_is_classified_by_its_digits() {
        for number in 0..=u16::MAX {
            let Some(code) = Code::new(number) else {
                assert!(!(100..=699).contains(&number));
                continue;
            };
            assert!((100..=699).contains(&number));
            let text = code.to_string();
            let digits: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
            assert_eq!(code.digits(), text.as_bytes());
            assert_eq!(code.value(), number);
            assert_eq!(code.class().digit(), digits[0]);
            assert_eq!(code.class().is_negative(), matches!(digits[0], 4 | 5));
            let subject = match digits[1] {
                0 => Subject::Syntax,
                1 => Subject::Information,
                2 => Subject::Connections,
                3 => Subject::Authentication,
                5 => Subject::FileSystem,
                _ => Subject::Unspecified,
            };
            assert_eq!(code.subject(), subject);
            assert_eq!(code.meaning().is_some(), Code::ALL.contains(&code));
            assert_eq!(Code::from_table(number), code);
        }
    }

    #[test]
    fn the_named_codes_are_in_order_and_in_range() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            Code::ALL
                .iter()
                .all(|code| Code::new(code.value()) == Some(*code))
        );
        assert_eq!(Code::SERVICE_READY.value(), 220);
        assert_eq!(Code::SERVICE_READY.meaning(), Some("ready for a new user"));
    }

    #[test]
    fn a_code_is_shown_by_its_number() {
        let shown = alloc::format!("{:?}", Code::SERVICE_READY);
        assert!(shown.contains("220"), "{shown}");
    }
}
