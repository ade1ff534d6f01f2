//! Why the storage does not do it, as a reply: one table.

use super::Refused;
use crate::wire::command::Verb;
use crate::wire::reply::Code;

/// The code and text for a refusal, before any data has moved (RFC 959 section 4.2.1; a later retry may help where it is 4yz, RFC 1123
/// section 4.1.2.11).
pub(super) fn refusal(verb: Option<Verb>, why: Refused) -> (Code, &'static str) {
    let verb = verb.map(Verb::canonical);
    let creates = matches!(
        verb,
        Some(Verb::Stor | Verb::Stou | Verb::Appe | Verb::Rnto)
    );
    let listed = |code: Code| {
        if verb.is_none_or(|verb| verb.lists(code)) {
            code
        } else {
            Code::FILE_UNAVAILABLE
        }
    };
    let unavailable = if creates {
        Code::NAME_NOT_ALLOWED
    } else {
        Code::FILE_UNAVAILABLE
    };
    match why {
        Refused::NotFound => (Code::FILE_UNAVAILABLE, "No such file or directory"),
        Refused::Denied if verb == Some(Verb::Hash) => {
            (Code::STORAGE_EXCEEDED, "Permission denied")
        }
        Refused::Denied => (unavailable, "Permission denied"),
        Refused::Exists => (unavailable, "It exists already"),
        Refused::IsDirectory if verb == Some(Verb::Hash) => {
            (Code::NAME_NOT_ALLOWED, "It is a directory")
        }
        Refused::IsDirectory => (unavailable, "It is a directory"),
        // RFC 3659 section 7.1
        Refused::NotDirectory if verb == Some(Verb::Mlsd) => {
            (Code::PARAMETER_SYNTAX, "It is not a directory")
        }
        Refused::NotDirectory => (unavailable, "It is not a directory"),
        Refused::NotEmpty => (unavailable, "The directory is not empty"),
        Refused::BadName => (unavailable, "The name is not allowed"),
        Refused::Busy => (listed(Code::FILE_BUSY), "In use; try later"),
        Refused::NoSpace => (listed(Code::NO_SPACE), "No space is left"),
        Refused::Quota => (listed(Code::STORAGE_EXCEEDED), "The quota is used up"),
        Refused::NeedAccount => (
            listed(Code::NEED_ACCOUNT_FOR_STORING),
            "An account is needed",
        ),
        Refused::BadOffset => (
            listed(Code::RESTART_POINT_INVALID),
            "The offset is not in the file",
        ),
        Refused::Unsupported => (
            listed(Code::PARAMETER_NOT_IMPLEMENTED),
            "That is not supported here",
        ),
        Refused::Io => (listed(Code::LOCAL_ERROR), "The storage failed"),
    }
}

/// The code and text for a failure of the storage after a preliminary reply.
pub(super) fn broken_off(why: Option<Refused>) -> (Code, &'static str) {
    match why {
        Some(Refused::NoSpace) => (Code::NO_SPACE, "No space is left"),
        Some(Refused::Quota) => (Code::STORAGE_EXCEEDED, "The quota is used up"),
        _ => (Code::LOCAL_ERROR, "The storage failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Refused; 14] = [
        Refused::NotFound,
        Refused::Denied,
        Refused::Exists,
        Refused::IsDirectory,
        Refused::NotDirectory,
        Refused::NotEmpty,
        Refused::BadName,
        Refused::Busy,
        Refused::NoSpace,
        Refused::Quota,
        Refused::NeedAccount,
        Refused::BadOffset,
        Refused::Unsupported,
        Refused::Io,
    ];

    /// RFC 959 section 5.4 and later documents list the codes of each command.
    #[test]
    fn every_refusal_has_a_negative_code_that_is_listed_for_its_verb() {
        for verb in Verb::ALL {
            for why in EVERY {
                let (code, _) = refusal(Some(*verb), why);
                assert!(code.class().is_negative());
                let about_files = verb.path_argument() && !matches!(verb, Verb::Smnt);
                assert!(verb.lists(code) || !about_files, "{verb} {why:?} {code}");
            }
        }
        for why in EVERY {
            let (code, _) = broken_off(Some(why));
            assert!(Verb::Stor.lists(code));
        }
    }

    #[test]
    fn the_customary_codes() {
        for (verb, why, code) in [
            (Verb::Retr, Refused::NotFound, 550),
            (Verb::Retr, Refused::Denied, 550),
            (Verb::Retr, Refused::Busy, 450),
            (Verb::Stor, Refused::Denied, 553),
            (Verb::Stor, Refused::BadName, 553),
            (Verb::Stor, Refused::NoSpace, 452),
            (Verb::Stor, Refused::Quota, 552),
            (Verb::Stor, Refused::NeedAccount, 532),
            (Verb::Retr, Refused::BadOffset, 554),
            (Verb::Mlsd, Refused::NotDirectory, 501),
            (Verb::Mkd, Refused::Exists, 550),
            (Verb::Rmd, Refused::NotEmpty, 550),
            (Verb::Rnto, Refused::Exists, 553),
            (Verb::List, Refused::NotFound, 550),
            (Verb::Hash, Refused::IsDirectory, 553),
            (Verb::Hash, Refused::Denied, 552),
        ] {
            assert_eq!(refusal(Some(verb), why).0.value(), code, "{verb} {why:?}");
        }
    }
}
