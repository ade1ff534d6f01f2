//! Questions to the application, and the answers they become.
//!
//! A question is not `Clone`, and an [`Answer`] can only be made by consuming it: what was not asked cannot be answered, and nothing can be
//! answered twice. At most one question is open at a time, [`Close`] apart. An answer the machine no longer waits for is ignored; if it opened
//! something, [`Close`] follows all the same.

use alloc::vec::Vec;
use core::fmt;

use super::entry::{Entry, Listing};
use super::{Account, HashAlgorithm, UserId, VirtualPath};
use crate::secret::Secret;
use crate::wire::date::Timestamp;

/// Something the application must decide or do. Exhaustive on purpose: a new one must break every storage.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "a question must be answered"]
pub enum Question {
    /// Is this the user?
    Authenticate(Authenticate),
    /// Is there such a virtual host?
    SelectHost(SelectHost),
    /// Can the working directory be this one?
    ChangeDirectory(ChangeDirectory),
    /// Open a file to be read.
    OpenRead(OpenRead),
    /// Open a file to be written.
    OpenWrite(OpenWrite),
    /// Open a directory to be listed on a data connection.
    OpenListing(OpenListing),
    /// Close what the last `Open...` opened.
    Close(Close),
    /// The facts of one object.
    Stat(Stat),
    /// The facts of one object and, if it is a directory, of what is in it.
    StatListing(StatListing),
    /// Make a directory.
    MakeDirectory(MakeDirectory),
    /// Remove an empty directory.
    RemoveDirectory(RemoveDirectory),
    /// Delete a file.
    Delete(Delete),
    /// Rename a file or directory.
    Rename(Rename),
    /// Set the time of last modification.
    SetModified(SetModified),
    /// Set the permission bits.
    SetMode(SetMode),
    /// Compute the digest of a file.
    Checksum(Checksum),
}

/// Why the application does not do it. The verb decides which code that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// There is no such file or directory.
    NotFound,
    /// The user may not.
    Denied,
    /// It is there already.
    Exists,
    /// It is a directory, and a file is wanted.
    IsDirectory,
    /// It is no directory, and one is wanted.
    NotDirectory,
    /// The directory is not empty.
    NotEmpty,
    /// The name cannot be used.
    BadName,
    /// In use by somebody else; try later.
    Busy,
    /// No space is left.
    NoSpace,
    /// The user's share is used up.
    Quota,
    /// Storing needs an account (ACCT).
    NeedAccount,
    /// The offset is not in the file.
    BadOffset,
    /// The storage cannot do that at all.
    Unsupported,
    /// Reading or writing failed.
    Io,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteMode {
    /// From the start; what was in it goes (STOR).
    Replace,
    /// From this offset, in bytes; what is before and behind stays (REST, STOR). An offset behind the end is refused with
    /// [`Refused::BadOffset`].
    At(u64),
    /// At the end; a new file if there is none (APPE).
    Append,
    /// A new file in the directory of the path, under a name nothing has; the path's last component, if the client gave one, is a hint (STOU).
    Unique,
}

/// How what was opened is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// An upload came whole: make it safe, then answer. The final reply waits for that.
    Commit,
    /// It was cut, refused or aborted. Keeping a part is the storage's decision.
    Abort,
    /// A download or listing went whole.
    Done,
}

/// What the application said. Made by consuming a question, given to the machine's `handle`.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "the machine waits for its answer"]
pub struct Answer {
    pub(super) number: u32,
    pub(super) said: Said,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Said {
    Done,
    Account(Account),
    NeedPassword,
    NeedAccount,
    Rejected,
    HostUnknown,
    HostUnavailable,
    HostConflicts,
    Opened {
        size: Option<u64>,
        name: Option<Vec<u8>>,
    },
    Entry(Entry),
    Listed {
        entries: Vec<Entry>,
        directory: bool,
        now: Timestamp,
    },
    Time(Timestamp),
    Digest {
        digest: Vec<u8>,
        bytes: u64,
    },
    Refused(Refused),
}

impl Said {
    /// Why not, where that is what was said.
    pub(super) const fn refused(&self) -> Option<Refused> {
        match self {
            Said::Refused(why) => Some(*why),
            _ => None,
        }
    }
}

macro_rules! questions {
    ($(
        $(#[$doc:meta])* $name:ident {
            $($(#[$fdoc:meta])* $field:ident: $type:ty),* ;
            $($(#[$cdoc:meta])* $copied:ident: $ctype:ty),*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, PartialEq, Eq, Hash)]
            #[must_use = "a question must be answered"]
            pub struct $name {
                pub(super) number: u32,
                pub(super) user: UserId,
                $(pub(super) $field: $type,)*
                $(pub(super) $copied: $ctype,)*
            }

            impl $name {
                /// Who asks.
                #[must_use]
                pub const fn user(&self) -> UserId {
                    self.user
                }

                $($(#[$fdoc])* #[must_use] pub fn $field(&self) -> &$type { &self.$field })*
                $($(#[$cdoc])* #[must_use] pub fn $copied(&self) -> $ctype { self.$copied })*

                /// No.
                pub fn refused(self, why: Refused) -> Answer {
                    Answer { number: self.number, said: Said::Refused(why) }
                }

                pub(super) fn copy(&self) -> Self {
                    $name {
                        number: self.number,
                        user: self.user,
                        $($field: self.$field.clone(),)*
                        $($copied: self.$copied,)*
                    }
                }
            }
        )*
    };
}

macro_rules! answered_by_done {
    ($($name:ident)*) => {$(
        impl $name {
            /// Done.
            pub fn done(self) -> Answer {
                Answer { number: self.number, said: Said::Done }
            }
        }
    )*};
}

questions! {
    /// Can the working directory be this one? (CWD, CDUP)
    ChangeDirectory {
        /// The directory.
        path: VirtualPath;
    }
    /// Open a file to be read (RETR). If it is answered with `opened`, exactly one [`Close`] follows; in between comes at most one order for
    /// a flow that sends.
    OpenRead {
        /// The file.
        path: VirtualPath;
        /// Where to start, in bytes.
        offset: u64,
        /// How many bytes at most; `None` for all.
        length: Option<u64>,
        /// Whether line ends will be converted (TYPE A).
        ascii: bool
    }
    /// Open a file to be written (STOR, APPE, STOU). If it is answered positively, exactly one [`Close`] follows; in between comes at most one
    /// order for a flow that receives.
    OpenWrite {
        /// The file; for [`WriteMode::Unique`] the directory and a hint.
        path: VirtualPath;
        /// How.
        mode: WriteMode,
        /// Whether the user may make a file that is not there. If not, [`Refused::Denied`].
        may_create: bool,
        /// Whether the user may change a file that is there. If not, [`Refused::Denied`].
        may_change: bool,
        /// The size announced by ALLO, in bytes.
        announced: Option<u64>,
        /// Whether line ends will be converted (TYPE A).
        ascii: bool
    }
    /// Open a directory to be listed on a data connection (LIST, NLST, MLSD). If it is answered with `opened`, exactly one [`Close`] follows;
    /// in between comes at most one order for a flow that sends, and [`Listing::line`] writes its lines. A file is listed as one line
    /// ([`Listing::single`]), except with MLSD: [`Refused::NotDirectory`].
    OpenListing {
        /// The directory or file.
        path: VirtualPath,
        /// How the lines look.
        listing: Listing;
    }
    /// Close what the last `Open...` opened. Comes exactly once for each that was answered positively; the answer counts for
    /// [`Ending::Commit`] and after a failure of the storage, and is ignored otherwise.
    Close {
        ;
        /// How.
        ending: Ending,
        /// Payload bytes moved on the data connection.
        bytes: u64
    }
    /// The facts of one object (SIZE, MDTM, MLST, RNFR).
    Stat {
        /// The object.
        path: VirtualPath;
    }
    /// The facts of one object and, if it is a directory, of what is in it (STAT with a path): a short listing on the control connection.
    StatListing {
        /// The object.
        path: VirtualPath;
        /// More entries than this are not shown.
        limit: usize
    }
    /// Make a directory (MKD). One that is there: [`Refused::Exists`].
    MakeDirectory {
        /// The directory.
        path: VirtualPath;
    }
    /// Remove an empty directory (RMD).
    RemoveDirectory {
        /// The directory.
        path: VirtualPath;
    }
    /// Delete a file (DELE). A directory: [`Refused::IsDirectory`].
    Delete {
        /// The file.
        path: VirtualPath;
    }
    /// Rename a file or directory (RNFR, RNTO).
    Rename {
        /// The old path.
        from: VirtualPath,
        /// The new path.
        to: VirtualPath;
        /// Whether a file at the new path may be replaced. If not, [`Refused::Denied`].
        may_replace: bool
    }
    /// Set the time of last modification (MFMT, SITE UTIME).
    SetModified {
        /// The file.
        path: VirtualPath;
        /// The time, UTC.
        time: Timestamp
    }
    /// Set the permission bits (SITE CHMOD).
    SetMode {
        /// The file.
        path: VirtualPath;
        /// The bits, at most 0o7777.
        mode: u32
    }
    /// Compute the digest of a file (HASH, XCRC and their kin) as RETR in TYPE I would send it.
    Checksum {
        /// The file.
        path: VirtualPath;
        /// Which digest.
        algorithm: HashAlgorithm,
        /// The first byte.
        start: u64,
        /// How many bytes at most; `None` for all.
        length: Option<u64>
    }
}

answered_by_done! { ChangeDirectory Close MakeDirectory RemoveDirectory Delete Rename SetMode }

impl OpenRead {
    /// It is open and stands at the offset; `size` is the size of the whole file, in bytes, if known.
    pub fn opened(self, size: Option<u64>) -> Answer {
        Answer {
            number: self.number,
            said: Said::Opened { size, name: None },
        }
    }
}

impl OpenWrite {
    /// It is open.
    pub fn opened(self) -> Answer {
        Answer {
            number: self.number,
            said: Said::Opened {
                size: None,
                name: None,
            },
        }
    }

    /// It is open under this name, without its directory (STOU).
    pub fn opened_as(self, name: &[u8]) -> Answer {
        Answer {
            number: self.number,
            said: Said::Opened {
                size: None,
                name: Some(name.to_vec()),
            },
        }
    }
}

impl OpenListing {
    /// It is open.
    pub fn opened(self) -> Answer {
        Answer {
            number: self.number,
            said: Said::Opened {
                size: None,
                name: None,
            },
        }
    }
}

impl Stat {
    /// It is this.
    pub fn entry(self, entry: Entry) -> Answer {
        Answer {
            number: self.number,
            said: Said::Entry(entry),
        }
    }
}

impl StatListing {
    /// It is no directory, but this. `now` decides whether its time or its year is shown.
    pub fn file(self, entry: Entry, now: Timestamp) -> Answer {
        Answer {
            number: self.number,
            said: Said::Listed {
                entries: alloc::vec![entry],
                directory: false,
                now,
            },
        }
    }

    /// It is a directory with these in it. `now` decides whether their times or their years are shown.
    pub fn directory(self, entries: Vec<Entry>, now: Timestamp) -> Answer {
        Answer {
            number: self.number,
            said: Said::Listed {
                entries,
                directory: true,
                now,
            },
        }
    }
}

impl SetModified {
    /// It is set; the storage keeps it as `stored`.
    pub fn set(self, stored: Timestamp) -> Answer {
        Answer {
            number: self.number,
            said: Said::Time(stored),
        }
    }
}

impl Checksum {
    /// The digest, as bytes, first byte first, of so many bytes of the file.
    pub fn digest(self, digest: &[u8], bytes: u64) -> Answer {
        Answer {
            number: self.number,
            said: Said::Digest {
                digest: digest.to_vec(),
                bytes,
            },
        }
    }
}

/// Is this the user? Asked at PASS (and ACCT), for every name, also for names nobody has: the answer should take the same time. The reply to
/// a failure is held back to a fixed time after PASS.
#[derive(PartialEq, Eq, Hash)]
#[must_use = "a question must be answered"]
pub struct Authenticate {
    pub(super) number: u32,
    pub(super) name: Vec<u8>,
    pub(super) password: Option<Secret>,
    pub(super) account: Option<Secret>,
    pub(super) secure: bool,
}

impl Authenticate {
    /// The name, as sent with USER.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The password; `None` if the question is whether one is needed. Never log it.
    #[must_use]
    pub fn password(&self) -> Option<&[u8]> {
        self.password.as_ref().map(Secret::expose)
    }

    /// The account, if ACCT was sent. Never log it.
    #[must_use]
    pub fn account(&self) -> Option<&[u8]> {
        self.account.as_ref().map(Secret::expose)
    }

    /// Whether the control connection is under TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// It is, and this is what the user gets.
    pub fn accepted(self, account: Account) -> Answer {
        self.answer(Said::Account(account))
    }

    /// A password is needed. To a question that has one: rejected.
    pub fn needs_password(self) -> Answer {
        self.answer(Said::NeedPassword)
    }

    /// An account (ACCT) is needed. To a question that has one: rejected.
    pub fn needs_account(self) -> Answer {
        self.answer(Said::NeedAccount)
    }

    /// It is not.
    pub fn rejected(self) -> Answer {
        self.answer(Said::Rejected)
    }

    fn answer(self, said: Said) -> Answer {
        Answer {
            number: self.number,
            said,
        }
    }

    pub(super) fn copy(&self) -> Self {
        Authenticate {
            number: self.number,
            name: self.name.clone(),
            password: self.password.clone(),
            account: self.account.clone(),
            secure: self.secure,
        }
    }
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("number", &self.number)
            .field("secure", &self.secure)
            .finish_non_exhaustive()
    }
}

/// Is there such a virtual host (HOST, RFC 7151)? If the client named a host in its TLS handshake (SNI), HOST must name the same.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "a question must be answered"]
pub struct SelectHost {
    pub(super) number: u32,
    pub(super) name: Vec<u8>,
    pub(super) secure: bool,
}

impl SelectHost {
    /// The name, without brackets if it is an address.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether the control connection is under TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// There is, and from now on it is meant.
    pub fn selected(self) -> Answer {
        self.answer(Said::Done)
    }

    /// There is none.
    pub fn unknown(self) -> Answer {
        self.answer(Said::HostUnknown)
    }

    /// There is, but not now: the session ends.
    pub fn unavailable(self) -> Answer {
        self.answer(Said::HostUnavailable)
    }

    /// TLS was started for another one, or for none.
    pub fn conflicts(self) -> Answer {
        self.answer(Said::HostConflicts)
    }

    fn answer(self, said: Said) -> Answer {
        Answer {
            number: self.number,
            said,
        }
    }

    pub(super) fn copy(&self) -> Self {
        SelectHost {
            number: self.number,
            name: self.name.clone(),
            secure: self.secure,
        }
    }
}

macro_rules! every {
    ($self:ident, $question:ident => $then:expr) => {
        match $self {
            Question::Authenticate($question) => $then,
            Question::SelectHost($question) => $then,
            Question::ChangeDirectory($question) => $then,
            Question::OpenRead($question) => $then,
            Question::OpenWrite($question) => $then,
            Question::OpenListing($question) => $then,
            Question::Close($question) => $then,
            Question::Stat($question) => $then,
            Question::StatListing($question) => $then,
            Question::MakeDirectory($question) => $then,
            Question::RemoveDirectory($question) => $then,
            Question::Delete($question) => $then,
            Question::Rename($question) => $then,
            Question::SetModified($question) => $then,
            Question::SetMode($question) => $then,
            Question::Checksum($question) => $then,
        }
    };
}

impl Question {
    /// No, whatever was asked.
    pub fn refused(self, why: Refused) -> Answer {
        Answer {
            number: every!(self, question => question.number),
            said: Said::Refused(why),
        }
    }

    pub(super) fn copy(&self) -> Self {
        match self {
            Question::Authenticate(question) => Question::Authenticate(question.copy()),
            Question::SelectHost(question) => Question::SelectHost(question.copy()),
            Question::ChangeDirectory(question) => Question::ChangeDirectory(question.copy()),
            Question::OpenRead(question) => Question::OpenRead(question.copy()),
            Question::OpenWrite(question) => Question::OpenWrite(question.copy()),
            Question::OpenListing(question) => Question::OpenListing(question.copy()),
            Question::Close(question) => Question::Close(question.copy()),
            Question::Stat(question) => Question::Stat(question.copy()),
            Question::StatListing(question) => Question::StatListing(question.copy()),
            Question::MakeDirectory(question) => Question::MakeDirectory(question.copy()),
            Question::RemoveDirectory(question) => Question::RemoveDirectory(question.copy()),
            Question::Delete(question) => Question::Delete(question.copy()),
            Question::Rename(question) => Question::Rename(question.copy()),
            Question::SetModified(question) => Question::SetModified(question.copy()),
            Question::SetMode(question) => Question::SetMode(question.copy()),
            Question::Checksum(question) => Question::Checksum(question.copy()),
        }
    }

    /// A copy for checkers that explore several answers to one question.
    #[cfg(any(test, feature = "model"))]
    pub fn duplicate(&self) -> Self {
        self.copy()
    }
}

/// A question that waits to be polled. The machine can be cloned with it; what comes out of `poll` cannot.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Held(pub(super) Question);

impl Clone for Held {
    fn clone(&self) -> Self {
        Held(self.0.copy())
    }
}
