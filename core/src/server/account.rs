//! Who is logged in, and what that user may do.

use core::fmt;

use super::VirtualPath;

/// A user, by the number the application gave back with a successful login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub u64);

/// What a login gives: who it is, where the session starts, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Account {
    /// The user, as the application knows it.
    pub user: UserId,
    /// The first working directory.
    pub home: VirtualPath,
    /// What the user may do. The storage may still refuse a path.
    pub rights: Rights,
}

impl Account {
    /// A user who starts at the root and may read.
    #[must_use]
    pub const fn new(user: UserId) -> Self {
        Account {
            user,
            home: VirtualPath::root(),
            rights: Rights::READ,
        }
    }

    /// With these rights.
    #[must_use]
    pub const fn with_rights(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// With this first working directory.
    #[must_use]
    pub fn with_home(mut self, home: VirtualPath) -> Self {
        self.home = home;
        self
    }
}

/// An effect on the storage. Each verb maps to the effects it needs, and each is asked for at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Read a file: RETR, HASH and its kin.
    Read,
    /// See what is in a directory: LIST, NLST, MLSD, STAT with a path.
    List,
    /// Facts of one object, and entering a directory: SIZE, MDTM, MLST, CWD.
    Inspect,
    /// Make a new file: STOR, STOU, APPE.
    Create,
    /// Change what is in an existing file: STOR.
    Overwrite,
    /// Add to the end of an existing file: APPE.
    Append,
    /// Delete a file: DELE.
    Delete,
    /// Rename: RNFR, RNTO.
    Rename,
    /// Make a directory: MKD.
    MakeDirectory,
    /// Remove a directory: RMD.
    RemoveDirectory,
    /// Set the time of last modification: MFMT, SITE UTIME.
    SetTime,
    /// Set the permission bits: SITE CHMOD.
    SetMode,
}

impl Access {
    /// Every effect.
    pub const ALL: &'static [Access] = &[
        Access::Read,
        Access::List,
        Access::Inspect,
        Access::Create,
        Access::Overwrite,
        Access::Append,
        Access::Delete,
        Access::Rename,
        Access::MakeDirectory,
        Access::RemoveDirectory,
        Access::SetTime,
        Access::SetMode,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of effects a user may have.
///
/// ```
/// use ftp_proto::server::{Access, Rights};
///
/// let drop_box = Rights::NONE.with(Access::Create).with(Access::Inspect);
/// assert!(!drop_box.allows(Access::List));
/// assert!(!Rights::default().allows(Access::Create)); // the default is to read
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights {
    bits: u16,
}

impl Rights {
    /// Nothing.
    pub const NONE: Rights = Rights { bits: 0 };
    /// To read files, list directories and inspect.
    pub const READ: Rights = Rights::NONE
        .with(Access::Read)
        .with(Access::List)
        .with(Access::Inspect);
    /// Everything.
    pub const ALL: Rights = Rights {
        bits: (1 << (Access::SetMode as u16 + 1)) - 1,
    };

    /// These and `access`.
    #[must_use]
    pub const fn with(self, access: Access) -> Rights {
        Rights {
            bits: self.bits | access.bit(),
        }
    }

    /// These without `access`.
    #[must_use]
    pub const fn without(self, access: Access) -> Rights {
        Rights {
            bits: self.bits & !access.bit(),
        }
    }

    /// Whether `access` is among them.
    #[must_use]
    pub const fn allows(self, access: Access) -> bool {
        self.bits & access.bit() != 0
    }
}

impl Default for Rights {
    /// [`Rights::READ`]: nothing is written unless somebody says so.
    fn default() -> Self {
        Rights::READ
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(Access::ALL.iter().filter(|access| self.allows(**access)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn rights_are_shown_by_name() {
        assert_eq!(format!("{:?}", Rights::READ), "{Read, List, Inspect}");
        assert_eq!(format!("{:?}", Rights::NONE), "{}");
    }

    #[test]
    fn rights_are_a_set_and_the_default_changes_nothing() {
        for access in Access::ALL {
            assert!(Rights::ALL.allows(*access));
            assert!(!Rights::NONE.allows(*access));
            assert!(!Rights::ALL.without(*access).allows(*access));
            assert!(Rights::NONE.with(*access).allows(*access));
            assert_eq!(Rights::ALL.with(*access), Rights::ALL, "{access:?}");
            let reads = matches!(access, Access::Read | Access::List | Access::Inspect);
            assert_eq!(Rights::default().allows(*access), reads, "{access:?}");
        }
    }
}
