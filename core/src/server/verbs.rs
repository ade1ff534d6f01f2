#![doc = include_str!("verbs.md")]

use crate::rules::login::Login;
use crate::wire::command::Verb;
use crate::wire::reply::Code;

/// Where a session is, as far as it decides what may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Not logged in, no USER.
    Out,
    /// USER came, PASS is due.
    PasswordDue,
    /// ACCT is due.
    AccountDue,
    /// Logged in, and no transfer runs.
    In,
    /// A transfer runs.
    Transfer,
}

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Course {
    /// It is carried out. Its arguments, the policy and the storage decide about the reply.
    Acts,
    /// It waits until the transfer is over, and is then what it is when logged in.
    Waits,
    /// It gets this reply, and nothing else happens.
    Answered(Code),
}

impl Stage {
    /// Every stage.
    pub const ALL: &'static [Stage] = &[
        Stage::Out,
        Stage::PasswordDue,
        Stage::AccountDue,
        Stage::In,
        Stage::Transfer,
    ];

    /// The stage of a login while no transfer runs.
    #[must_use]
    pub const fn of(login: Login) -> Stage {
        match login {
            Login::Out | Login::Failed => Stage::Out,
            Login::PasswordDue => Stage::PasswordDue,
            Login::AccountDue => Stage::AccountDue,
            Login::In => Stage::In,
        }
    }
}

/// What happens to a command with this verb at this stage: the whole table.
#[must_use]
pub const fn course(verb: Verb, stage: Stage) -> Course {
    use Course::{Acts, Answered, Waits};
    let verb = verb.canonical();
    match (verb, stage) {
        (Verb::Abor | Verb::Noop | Verb::Stat, Stage::Transfer) => Acts,
        (_, Stage::Transfer) => Waits,

        (verb, Stage::Out | Stage::PasswordDue | Stage::AccountDue) if verb.needs_login() => {
            Answered(Code::NOT_LOGGED_IN)
        }

        (Verb::Pass, Stage::Out | Stage::AccountDue)
        | (Verb::Acct, Stage::Out | Stage::PasswordDue)
        | (Verb::Host, Stage::In) => Answered(Code::BAD_SEQUENCE),
        (Verb::Acct, Stage::In) => Answered(Code::SUPERFLUOUS),

        // There is one mechanism, TLS, and it exchanges nothing with ADAT.
        (Verb::Adat, _) => Answered(Code::BAD_SEQUENCE),
        // For address translators (RFC 6384 section 11).
        (Verb::Algs, _) => Answered(Code::SUPERFLUOUS),
        (verb, _) if is_carried_out(verb) => Acts,
        _ => Answered(Code::NOT_IMPLEMENTED),
    }
}

/// Whether the server can do it at all.
pub(super) const fn is_carried_out(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::User
            | Verb::Pass
            | Verb::Acct
            | Verb::Cwd
            | Verb::Cdup
            | Verb::Rein
            | Verb::Quit
            | Verb::Port
            | Verb::Pasv
            | Verb::Type
            | Verb::Stru
            | Verb::Mode
            | Verb::Retr
            | Verb::Stor
            | Verb::Stou
            | Verb::Appe
            | Verb::Allo
            | Verb::Rest
            | Verb::Rnfr
            | Verb::Rnto
            | Verb::Abor
            | Verb::Dele
            | Verb::Rmd
            | Verb::Mkd
            | Verb::Pwd
            | Verb::List
            | Verb::Nlst
            | Verb::Site
            | Verb::Syst
            | Verb::Stat
            | Verb::Help
            | Verb::Noop
            | Verb::Auth
            | Verb::Pbsz
            | Verb::Prot
            | Verb::Ccc
            | Verb::Feat
            | Verb::Opts
            | Verb::Eprt
            | Verb::Epsv
            | Verb::Lang
            | Verb::Host
            | Verb::Size
            | Verb::Mdtm
            | Verb::Mlst
            | Verb::Mlsd
            | Verb::Hash
            | Verb::Rang
            | Verb::Mfmt
            | Verb::Clnt
            | Verb::Xcrc
            | Verb::Xmd5
            | Verb::Xsha
            | Verb::Xsha1
            | Verb::Xsha256
            | Verb::Xsha512
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    const INTRODUCTION: &str = "\
Every verb at every stage: what happens to it.

A number is the reply, and nothing else happens. `acts`: it is carried out; its arguments, the policy and the storage decide about the
reply. `waits`: it is carried out, in order, when the transfer is over; `STAT` with a path waits too. After CCC, `USER`, `AUTH`, `PBSZ` and
`PROT` are refused. While a digest is computed everything waits but `ABOR`, which ends it.

";

    fn rendered() -> String {
        let mut table = String::from(INTRODUCTION);
        table.push_str("| verb | logged out | PASS due | ACCT due | logged in | transfer |\n");
        table.push_str("|---|---|---|---|---|---|\n");
        for verb in Verb::ALL {
            table.push_str(&format!("| {verb} |"));
            for stage in Stage::ALL {
                table.push_str(&match course(*verb, *stage) {
                    Course::Acts => String::from(" acts |"),
                    Course::Waits => String::from(" waits |"),
                    Course::Answered(code) => format!(" {code} |"),
                });
            }
            table.push('\n');
        }
        table
    }

    #[test]
    fn the_documentation_is_the_table() {
        assert!(
            rendered() == include_str!("verbs.md"),
            "verbs.md must be:\n{}",
            rendered()
        );
    }

    #[test]
    fn is_15_every_answer_of_the_table_is_listed_for_its_verb() {
        for verb in Verb::ALL {
            for stage in Stage::ALL {
                // 530 is for every command that needs a login.
                if let Course::Answered(code) = course(*verb, *stage)
                    && !(verb.needs_login() && code == Code::NOT_LOGGED_IN)
                {
                    assert!(verb.lists(code), "{verb} {stage:?} {code}");
                }
            }
        }
    }

    #[test]
    fn is_21_before_login_nothing_acts_that_needs_one() {
        for verb in Verb::ALL {
            for stage in [Stage::Out, Stage::PasswordDue, Stage::AccountDue] {
                if verb.needs_login() {
                    assert_eq!(course(*verb, stage), Course::Answered(Code::NOT_LOGGED_IN));
                }
            }
        }
    }

    #[test]
    fn rfc_1123_section_4_1_2_13_the_minimum_is_carried_out() {
        let minimum = "USER PASS ACCT PORT PASV TYPE MODE STRU RETR STOR APPE RNFR RNTO DELE CWD CDUP RMD MKD PWD LIST NLST SYST STAT \
                       HELP NOOP QUIT";
        for name in minimum.split_whitespace() {
            assert!(
                is_carried_out(Verb::parse(name.as_bytes()).unwrap()),
                "{name}"
            );
        }
    }
}
