//! An FTP and FTPS server to embed: the machine of [`ftp_proto::server`] with sockets, users and storages.
//!
//! [`Server`] begins it, with an [`Authenticator`] ([`Users`], or one of your own) and a [`Storage`] for each account ([`FileStorage`],
//! [`MemoryStorage`], or one of your own).
//!
//! # Layers
//!
//! ```text
//! daemon     listeners, sessions and their limits, the way to the end
//! pump       one session: the loop around the machine, effects out, reports in
//! control    one connection    data     the other    flow    payload, between it and the storage
//! desk       the machine's questions, put to accounts and storage        digest  of files        net     sockets
//! threads    how many of them serve
//! offload    where what may wait for a disk is done
//! ```
//!
//! # What a session costs
//!
//! One task, one timer, no thread. An idle session holds no buffers: it takes about 3 KiB, under TLS about 12, most of it TLS. A
//! transfer adds two buffers of [`Builder::buffer`] for the network and, where the storage has to be waited for, one for it, for as long as it
//! lasts; those of the network serve the next transfer, and those of a few transfers are kept for it.
//!
//! # Decisions
//!
//! * **No tickets where the client uploads.** Clients that close without reading would make their system reset the connection, with the end
//!   of the file still on its way. A ticket serves more than once instead.
//! * **A client that is gone has not ended its upload.** Before the end of a data connection is reported the control connection is looked
//!   at: a killed client ends both at once, and what came is then a cut upload.
//! * **Digests are computed in pieces, and by a few at a time.** HASH reads through [`Storage::read`], so every storage has it. No more
//!   are under way than half of the processors, whatever clients ask for; the rest wait for their turn. ABOR ends one, and so does the
//!   end of the session.
//! * **A storage never holds up a session of another.** Its work is a future beside the sockets; what has to wait is done by threads that are
//!   there to wait, while the last piece is on the network. What need not wait is done at once by the thread that serves, but never by
//!   all of them, and no more for a while once it has waited all the same. A thread that stands by notices within milliseconds that one
//!   waits.
//! * **Signals.** A socket that is gone may raise SIGPIPE where the system sends a file by itself. A program whose `main` is Rust's ignores it;
//!   another has to.

mod accounts;
mod control;
mod daemon;
mod data;
mod desk;
mod digest;
mod files;
mod flow;
mod memory;
mod net;
mod offload;
mod pump;
mod storage;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod threads;

pub use ftp_proto::server::{Entry, Kind, Refused, Rights, VirtualPath, WriteMode};

pub use self::accounts::{Account, Authenticator, Login, Passwords, Plain, Users, Verdict};
pub use self::daemon::{Builder, Handle, Server};
pub use self::files::{Cut, FileStorage, Sync};
pub use self::memory::MemoryStorage;
pub use self::storage::{Entries, Promise, Sink, Source, Storage, Write, refused, timestamp};
