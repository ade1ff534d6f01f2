//! Which reply class means what, for each kind of command (RFC 959 section 6, RFC 2228 section 9, RFC 4217).

use crate::wire::reply::Class;

/// The state diagrams of the standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialogue {
    /// First diagram of RFC 959 section 6: one completion or refusal. ABOR, DELE, CWD, NOOP, PASV, TYPE ...
    Simple,
    /// Second diagram: a preliminary reply, then completion or refusal. RETR, STOR, LIST ...
    Transfer,
    /// RNFR and REST: an intermediate reply or refusal.
    Half,
    /// USER: in, or a password, or an account, is wanted.
    User,
    /// PASS: in, or an account is wanted.
    Pass,
    /// ACCT: in or out.
    Acct,
    /// REIN and the greeting: a preliminary reply may come first.
    Ready,
    /// A command of the application's own: any final class is its answer.
    Raw,
}

/// What a reply of some class means to the command it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// More will come.
    Wait,
    /// Done.
    Done,
    /// The next command of the group is due.
    Continue,
    /// Refused; the session goes on.
    Refused,
}

/// The table. `None` means illegal: the peer broke the protocol.
#[must_use]
pub const fn meaning(dialogue: Dialogue, class: Class) -> Option<Meaning> {
    use {Class as C, Dialogue as D, Meaning as M};
    match (dialogue, class) {
        (D::Transfer | D::Ready | D::Raw, C::Preliminary) => Some(M::Wait),
        (
            D::Simple | D::Transfer | D::User | D::Pass | D::Acct | D::Ready | D::Raw,
            C::Completion,
        ) => Some(M::Done),
        (D::Half | D::User | D::Pass, C::Intermediate) => Some(M::Continue),
        (D::Raw, C::Intermediate) => Some(M::Done),
        (_, C::TransientNegative | C::PermanentNegative) => Some(M::Refused),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 959 section 6 draws the error arrows of each diagram; these are all of them.
    #[test]
    fn what_the_diagrams_call_an_error_is_absent() {
        let errors: &[(Dialogue, &[Class])] = &[
            (
                Dialogue::Simple,
                &[Class::Preliminary, Class::Intermediate, Class::Protected],
            ),
            (Dialogue::Transfer, &[Class::Intermediate, Class::Protected]),
            (
                Dialogue::Half,
                &[Class::Preliminary, Class::Completion, Class::Protected],
            ),
            (Dialogue::User, &[Class::Preliminary, Class::Protected]),
            (Dialogue::Pass, &[Class::Preliminary, Class::Protected]),
            (
                Dialogue::Acct,
                &[Class::Preliminary, Class::Intermediate, Class::Protected],
            ),
            (Dialogue::Ready, &[Class::Intermediate, Class::Protected]),
            (Dialogue::Raw, &[Class::Protected]),
        ];
        let classes = [
            Class::Preliminary,
            Class::Completion,
            Class::Intermediate,
            Class::TransientNegative,
            Class::PermanentNegative,
            Class::Protected,
        ];
        for (dialogue, illegal) in errors {
            for class in classes {
                assert_eq!(
                    meaning(*dialogue, class).is_none(),
                    illegal.contains(&class),
                    "{dialogue:?} {class:?}"
                );
            }
        }
    }

    #[test]
    fn what_the_diagrams_allow_means_what_they_say() {
        use {Class as C, Dialogue as D, Meaning as M};
        let all = [
            D::Simple,
            D::Transfer,
            D::Half,
            D::User,
            D::Pass,
            D::Acct,
            D::Ready,
            D::Raw,
        ];
        for dialogue in all {
            let found = |class| meaning(dialogue, class);
            assert_eq!(found(C::TransientNegative), Some(M::Refused));
            assert_eq!(found(C::PermanentNegative), Some(M::Refused));
            if let Some(meaning) = found(C::Preliminary) {
                assert_eq!(meaning, M::Wait, "{dialogue:?}");
            }
            if let Some(meaning) = found(C::Completion) {
                assert_eq!(meaning, M::Done, "{dialogue:?}");
            }
            // A command of the application's own has no next one that we know of.
            let next = match dialogue {
                D::Raw => M::Done,
                _ => M::Continue,
            };
            if let Some(meaning) = found(C::Intermediate) {
                assert_eq!(meaning, next, "{dialogue:?}");
            }
        }
    }
}
