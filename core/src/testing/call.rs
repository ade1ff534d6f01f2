//! Requests as values.

use alloc::vec::Vec;

use crate::client::{Client, HashOptions, TransferOptions};
use crate::error::Refusal;
use crate::secret::Secret;
use crate::ticket::TicketId;
use crate::time::Instant;
use crate::wire::date::Timestamp;

/// One request of an application: every method of [`Client`] that gives a ticket, and its withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "each is the method of the same name, with its arguments"
)]
pub enum Call {
    Login {
        user: Vec<u8>,
        password: Secret,
        account: Option<Secret>,
    },
    Retrieve {
        path: Vec<u8>,
        how: TransferOptions,
    },
    Store {
        path: Vec<u8>,
        how: TransferOptions,
    },
    Append {
        path: Vec<u8>,
        how: TransferOptions,
    },
    StoreUnique {
        hint: Option<Vec<u8>>,
        how: TransferOptions,
    },
    List(Option<Vec<u8>>),
    Names(Option<Vec<u8>>),
    Facts(Option<Vec<u8>>),
    Entry(Option<Vec<u8>>),
    Size(Vec<u8>),
    Modified(Vec<u8>),
    Hash {
        path: Vec<u8>,
        how: HashOptions,
    },
    SetModified {
        path: Vec<u8>,
        time: Timestamp,
    },
    ChangeDirectory(Vec<u8>),
    ChangeToParent,
    WorkingDirectory,
    MakeDirectory(Vec<u8>),
    RemoveDirectory(Vec<u8>),
    Delete(Vec<u8>),
    Rename {
        from: Vec<u8>,
        to: Vec<u8>,
    },
    Status(Option<Vec<u8>>),
    Help(Vec<u8>),
    System,
    Noop,
    Features,
    Options(Vec<u8>),
    Site(Vec<u8>),
    Account(Secret),
    Command(Vec<u8>),
    Reinitialize,
    ClearCommandChannel,
    Quit,
    Abort,
    /// Withdraws the request of the call with this index, if it was accepted.
    Withdraw(usize),
}

impl Call {
    /// A login with a password that is no secret, and an account if there is to be one.
    #[must_use]
    pub fn login(user: &[u8], with_account: bool) -> Self {
        Call::Login {
            user: user.to_vec(),
            password: Secret::new(b"guest@example.org"),
            account: with_account.then(|| Secret::new(b"books")),
        }
    }

    /// Makes it. `earlier` are the tickets of the calls before it; a withdrawal gives the ticket withdrawn.
    ///
    /// # Errors
    /// The refusal of the method; [`Refusal::NothingToAbort`] for a withdrawal of what was never accepted.
    pub fn make(
        &self,
        client: &mut Client,
        now: Instant,
        earlier: &[Option<TicketId>],
    ) -> Result<TicketId, Refusal> {
        match self {
            Call::Login {
                user,
                password,
                account,
            } => client
                .login(now, user, password.clone(), account.clone())
                .map(|ticket| ticket.id()),
            Call::Retrieve { path, how } => client.retrieve(now, path, *how).map(|t| t.id()),
            Call::Store { path, how } => client.store(now, path, *how).map(|t| t.id()),
            Call::Append { path, how } => client.append(now, path, *how).map(|t| t.id()),
            Call::StoreUnique { hint, how } => client
                .store_unique(now, hint.as_deref(), *how)
                .map(|t| t.id()),
            Call::List(of) => client.list(now, of.as_deref()).map(|t| t.id()),
            Call::Names(of) => client.names(now, of.as_deref()).map(|t| t.id()),
            Call::Facts(of) => client.facts(now, of.as_deref()).map(|t| t.id()),
            Call::Entry(of) => client.entry(now, of.as_deref()).map(|t| t.id()),
            Call::Size(path) => client.size(now, path).map(|t| t.id()),
            Call::Hash { path, how } => client.hash(now, path, *how).map(|t| t.id()),
            Call::Modified(path) => client.modified(now, path).map(|t| t.id()),
            Call::SetModified { path, time } => {
                client.set_modified(now, path, *time).map(|t| t.id())
            }
            Call::ChangeDirectory(path) => client.change_directory(now, path).map(|t| t.id()),
            Call::ChangeToParent => client.change_to_parent(now).map(|t| t.id()),
            Call::WorkingDirectory => client.working_directory(now).map(|t| t.id()),
            Call::MakeDirectory(path) => client.make_directory(now, path).map(|t| t.id()),
            Call::RemoveDirectory(path) => client.remove_directory(now, path).map(|t| t.id()),
            Call::Delete(path) => client.delete(now, path).map(|t| t.id()),
            Call::Rename { from, to } => client.rename(now, from, to).map(|t| t.id()),
            Call::Status(of) => client.status(now, of.as_deref()).map(|t| t.id()),
            Call::Help(topic) => client.help(now, topic).map(|t| t.id()),
            Call::System => client.system(now).map(|t| t.id()),
            Call::Noop => client.noop(now).map(|t| t.id()),
            Call::Features => client.features(now).map(|t| t.id()),
            Call::Options(text) => client.options(now, text).map(|t| t.id()),
            Call::Site(text) => client.site(now, text).map(|t| t.id()),
            Call::Account(account) => client.account(now, account).map(|t| t.id()),
            Call::Command(line) => client.command(now, line).map(|t| t.id()),
            Call::Reinitialize => client.reinitialize(now).map(|t| t.id()),
            Call::ClearCommandChannel => client.clear_command_channel(now).map(|t| t.id()),
            Call::Quit => client.quit(now).map(|t| t.id()),
            Call::Abort => client.abort(now).map(|t| t.id()),
            Call::Withdraw(index) => {
                let ticket = earlier.get(*index).copied().flatten();
                let ticket = ticket.ok_or(Refusal::NothingToAbort)?;
                client.withdraw(now, ticket).map(|()| ticket)
            }
        }
    }
}
