//! USER, PASS, ACCT and what their replies lead to (RFC 959 sections 4.1.1 and 6, RFC 2228 section 4).

use super::replies::{Dialogue, Meaning, meaning};
use crate::wire::reply::Code;

/// How far the login is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Login {
    /// Not logged in.
    #[default]
    Out,
    /// USER is accepted, PASS is due.
    PasswordDue,
    /// ACCT is due.
    AccountDue,
    /// Logged in.
    In,
    /// Refused; this connection will not try again.
    Failed,
}

/// The commands of the login group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginCommand {
    /// USER.
    User,
    /// PASS.
    Pass,
    /// ACCT.
    Acct,
}

/// The state after `code` answered `command`; `None` if the table names no such answer.
#[must_use]
pub fn after(command: LoginCommand, code: Code) -> Option<Login> {
    let dialogue = match command {
        LoginCommand::User => Dialogue::User,
        LoginCommand::Pass => Dialogue::Pass,
        LoginCommand::Acct => Dialogue::Acct,
    };
    match (command, meaning(dialogue, code.class())?) {
        (_, Meaning::Done) => Some(Login::In),
        (_, Meaning::Refused) => Some(Login::Failed),
        // 332 asks for the account at once; every other 3yz to USER asks for the password (331, 336).
        (LoginCommand::User, Meaning::Continue) if code == Code::NEED_ACCOUNT => {
            Some(Login::AccountDue)
        }
        (LoginCommand::User, Meaning::Continue) => Some(Login::PasswordDue),
        (LoginCommand::Pass, Meaning::Continue) => Some(Login::AccountDue),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_answer_leads_where_rfc_959_says() {
        let code = |value| Code::new(value).unwrap();
        let table = [
            (LoginCommand::User, 230, Some(Login::In)),
            (LoginCommand::User, 232, Some(Login::In)),
            (LoginCommand::User, 331, Some(Login::PasswordDue)),
            (LoginCommand::User, 336, Some(Login::PasswordDue)),
            (LoginCommand::User, 332, Some(Login::AccountDue)),
            (LoginCommand::User, 530, Some(Login::Failed)),
            (LoginCommand::User, 150, None),
            (LoginCommand::Pass, 230, Some(Login::In)),
            (LoginCommand::Pass, 202, Some(Login::In)),
            (LoginCommand::Pass, 332, Some(Login::AccountDue)),
            (LoginCommand::Pass, 530, Some(Login::Failed)),
            (LoginCommand::Pass, 120, None),
            (LoginCommand::Acct, 230, Some(Login::In)),
            (LoginCommand::Acct, 202, Some(Login::In)),
            (LoginCommand::Acct, 331, None),
            (LoginCommand::Acct, 530, Some(Login::Failed)),
        ];
        for (command, value, expected) in table {
            assert_eq!(after(command, code(value)), expected, "{command:?} {value}");
        }
    }
}
