//! Who may log in, and what they find.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use ftp_proto::server::{Rights, VirtualPath};
use subtle::ConstantTimeEq;

use super::storage::Storage;

/// What an authenticator gives back: the account, or `None` for a login that is refused.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Option<Account>> + Send + 'a>>;

/// Decides who may log in.
///
/// ```
/// use std::sync::Arc;
/// use ftp_proto_async::server::{Account, Authenticator, Login, MemoryStorage, Verdict};
///
/// /// Everybody whose password is the name backwards, over TLS.
/// struct Backwards(Arc<MemoryStorage>);
///
/// impl Authenticator for Backwards {
///     fn authenticate<'a>(&'a self, login: Login<'a>) -> Verdict<'a> {
///         Box::pin(async move {
///             let right = login.user.iter().rev().eq(login.password);
///             (right && login.secure).then(|| Account::new(self.0.clone()))
///         })
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Whether this user may log in with this password. Take as long for users that do not exist as for wrong passwords.
    fn authenticate<'a>(&'a self, login: Login<'a>) -> Verdict<'a>;

    /// Whether there is a virtual host of this name, or at this address (HOST, RFC 7151). There is none unless an authenticator says so, and
    /// nobody is asked unless [`Config::virtual_hosts`](ftp_proto::server::Config::virtual_hosts) is on. Under TLS it is the host the handshake
    /// named (SNI).
    fn host<'a>(&'a self, name: &'a [u8]) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let _ = name;
        Box::pin(async { false })
    }
}

/// One attempt to log in.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The name given with USER.
    pub user: &'a [u8],
    /// What was given with PASS; empty where nothing was.
    pub password: &'a [u8],
    /// The virtual host, if the client chose one.
    pub host: Option<&'a [u8]>,
    /// Where the control connection comes from.
    pub peer: IpAddr,
    /// Whether the control connection is under TLS.
    pub secure: bool,
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user.escape_ascii().to_string())
            .field("peer", &self.peer)
            .field("secure", &self.secure)
            .finish_non_exhaustive()
    }
}

/// What a user finds.
#[derive(Clone)]
pub struct Account {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) home: VirtualPath,
    pub(crate) rights: Rights,
}

impl Account {
    /// Reading, from the root of a storage.
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Account {
            storage,
            home: VirtualPath::root(),
            rights: Rights::READ,
        }
    }

    /// Everything, writing too.
    #[must_use]
    pub fn writable(self) -> Self {
        self.rights(Rights::ALL)
    }

    /// With these rights.
    #[must_use]
    pub fn rights(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// The directory the user is in after the login; the root by default. Users are not confined to it: give each a storage of its own
    /// for that.
    #[must_use]
    pub fn home(mut self, home: VirtualPath) -> Self {
        self.home = home;
        self
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("home", &self.home)
            .field("rights", &self.rights)
            .finish_non_exhaustive()
    }
}

/// How a stored password is compared with one that was given.
///
/// The default, [`Plain`], keeps passwords as they are. A program that keeps hashes puts its function here; it is called where it may
/// take its time.
pub trait Passwords: Send + Sync + 'static {
    /// Whether `given` is the password `stored` stands for. The time it takes must not depend on how much of it is right.
    fn matches(&self, stored: &[u8], given: &[u8]) -> bool;

    /// Whether it takes no longer than a comparison: it is then called by a thread that serves. Not, by default.
    fn is_quick(&self) -> bool {
        false
    }
}

/// Passwords kept as they are, compared in constant time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Passwords for Plain {
    fn matches(&self, stored: &[u8], given: &[u8]) -> bool {
        stored.ct_eq(given).into()
    }

    fn is_quick(&self) -> bool {
        true
    }
}

/// A list of users.
///
/// ```
/// use std::sync::Arc;
/// use ftp_proto_async::server::{Account, MemoryStorage, Users};
///
/// let storage = Arc::new(MemoryStorage::new());
/// let users = Users::new()
///     .user("alice", "secret", Account::new(storage.clone()).writable())
///     .anonymous(Account::new(storage));
/// ```
#[derive(Clone)]
pub struct Users {
    users: HashMap<Vec<u8>, (Vec<u8>, Account)>,
    anonymous: Option<Account>,
    passwords: Arc<dyn Passwords>,
}

impl Default for Users {
    fn default() -> Self {
        Self::new()
    }
}

impl Users {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Users {
            users: HashMap::new(),
            anonymous: None,
            passwords: Arc::new(Plain),
        }
    }

    /// Adds a user. `password` is what [`Passwords`] knows how to compare.
    #[must_use]
    pub fn user(
        mut self,
        name: impl Into<Vec<u8>>,
        password: impl Into<Vec<u8>>,
        account: Account,
    ) -> Self {
        self.users.insert(name.into(), (password.into(), account));
        self
    }

    /// Lets `anonymous` and `ftp` in with any password (RFC 1635).
    #[must_use]
    pub fn anonymous(mut self, account: Account) -> Self {
        self.anonymous = Some(account);
        self
    }

    /// How passwords are compared.
    #[must_use]
    pub fn passwords(mut self, passwords: impl Passwords) -> Self {
        self.passwords = Arc::new(passwords);
        self
    }
}

impl Authenticator for Users {
    fn authenticate<'a>(&'a self, login: Login<'a>) -> Verdict<'a> {
        if let (Some(account), b"anonymous" | b"ftp") =
            (&self.anonymous, login.user.to_ascii_lowercase().as_slice())
        {
            let account = account.clone();
            return Box::pin(async { Some(account) });
        }
        let known = self.users.get(login.user);
        // Somebody else's password for those nobody knows, so that the answer takes as long.
        let stored = known.or_else(|| self.users.values().next());
        let stored = stored.map_or_else(Vec::new, |(password, _)| password.clone());
        let given = login.password.to_vec();
        let passwords = Arc::clone(&self.passwords);
        Box::pin(async move {
            let right = if passwords.is_quick() {
                passwords.matches(&stored, &given)
            } else {
                smol::unblock(move || passwords.matches(&stored, &given)).await
            };
            let (_, account) = known?;
            right.then(|| account.clone())
        })
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users")
            .field("users", &self.users.len())
            .field("anonymous", &self.anonymous.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::MemoryStorage;

    fn account() -> Account {
        Account::new(Arc::new(MemoryStorage::new()))
    }

    fn may(users: &Users, user: &str, password: &str) -> bool {
        let login = Login {
            user: user.as_bytes(),
            password: password.as_bytes(),
            host: None,
            peer: IpAddr::from([127, 0, 0, 1]),
            secure: true,
        };
        smol::block_on(users.authenticate(login)).is_some()
    }

    #[test]
    fn a_user_needs_the_whole_password() {
        let users = Users::new().user("alice", "secret", account());
        assert!(may(&users, "alice", "secret"));
        for wrong in ["", "secre", "secrets", "Secret"] {
            assert!(!may(&users, "alice", wrong), "{wrong}");
        }
        assert!(!may(&users, "bob", "secret"));
        assert!(!may(&users, "Alice", "secret"));
    }

    #[test]
    fn anonymous_is_off_until_it_is_asked_for() {
        let users = Users::new();
        assert!(!may(&users, "anonymous", ""));
        let users = users.anonymous(account());
        assert!(may(&users, "anonymous", "me@example.org"));
        assert!(may(&users, "FTP", ""));
        assert!(!may(&users, "root", ""));
    }

    #[test]
    fn a_program_may_keep_hashes() {
        struct Reversed;
        impl Passwords for Reversed {
            fn matches(&self, stored: &[u8], given: &[u8]) -> bool {
                stored.iter().rev().eq(given)
            }
        }
        let users = Users::new()
            .user("alice", "terces", account())
            .passwords(Reversed);
        assert!(may(&users, "alice", "secret"));
        assert!(!may(&users, "alice", "terces"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let login = Login {
            user: b"alice",
            password: b"hunter2",
            host: None,
            peer: IpAddr::from([127, 0, 0, 1]),
            secure: true,
        };
        let users = Users::new().user("alice", "hunter2", account());
        assert!(!format!("{login:?} {users:?}").contains("hunter2"));
    }
}
