//! What the application can ask for. `Err` means: refused here, nothing changed, nothing was sent.

use alloc::vec::Vec;

use crate::error::{Failure, FailureKind, Malformed, Refusal};
use crate::rules::Rule;
use crate::rules::data::Payload;
use crate::rules::login::Login;
use crate::secret::Secret;
use crate::ticket::{
    Featured, Hashing, Named, Plain, Replied, Sizing, Ticket, TicketId, Timed, Transferred,
};
use crate::time::Instant;
use crate::trace::What;
use crate::wire::command::{Command, Path, Text, Verb, encode_raw};
use crate::wire::date::Timestamp;
use crate::wire::digest::HashAlgorithm;

use super::config::DataMode;
use super::request::{Kind, Request, Steps};
use super::{Client, Phase};

/// How a transfer is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransferOptions {
    /// Where to restart, in bytes (RFC 3659 section 5). Not with TYPE A, APPE or STOU.
    pub offset: u64,
    /// TYPE A: line ends are converted.
    pub ascii: bool,
    /// The size of the whole file in bytes, if the caller knows it; SIZE is then not asked.
    pub size: Option<u64>,
    /// Bytes to reserve with ALLO before an upload.
    pub allocate: Option<u64>,
    /// Only so many bytes, from `offset` on, of a file that holds them (RANG, draft-bryan-ftp-range); downloads in TYPE I alone.
    pub length: Option<u64>,
    /// An upload: its payload goes with its command, before the server has said that it takes the file. That saves the small file a
    /// round trip. Of a file the server refuses, what was read from the source by then is gone, so only where the source can be read again.
    pub eager: bool,
}

/// What is hashed, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HashOptions {
    /// The algorithm; the server's choice if there is none. What FEAT lists, [`offered_algorithms`] reads.
    ///
    /// [`offered_algorithms`]: crate::wire::digest::offered_algorithms
    pub algorithm: Option<HashAlgorithm>,
    /// The first and the last byte; the whole file if there are none.
    pub range: Option<(u64, u64)>,
}

impl Client {
    /// Logs in: USER, PASS if wanted, ACCT if wanted, then PBSZ and PROT. Without TLS only as the policy allows.
    ///
    /// # Errors
    /// [`Refusal::LoginSpent`] if a login was already tried on this connection; [`Refusal::Argument`] for CR, LF, NUL or too long.
    pub fn login(
        &mut self,
        now: Instant,
        user: &[u8],
        password: Secret,
        account: Option<Secret>,
    ) -> Result<Ticket<Plain>, Refusal> {
        let spent = self.session.user_sent
            || self.session.login == Login::Failed
            || self
                .requests
                .iter()
                .any(|request| request.kind == Kind::Login);
        if (spent && self.law.holds(Rule::PassOnce)) || self.session.protection.frozen {
            return Err(Refusal::LoginSpent);
        }
        self.session.login = match self.session.login {
            Login::Failed => Login::Out,
            login => login,
        };
        self.checked(&Command::User(Text::new(user)?))?;
        self.checked(&Command::Pass(Text::new(password.expose())?))?;
        if let Some(account) = &account {
            self.checked(&Command::Acct(Text::new(account.expose())?))?;
        }
        self.ask(now, Kind::Login, |request| {
            request.argument.extend_from_slice(user);
            request.password = password;
            request.account = account;
        })
    }

    /// RETR: a file from the server.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent, an offset with TYPE A or behind the size; [`Refusal::LoginFirst`]; [`Refusal::Policy`] if no
    /// data mode of the configuration works on the server's address family.
    pub fn retrieve(
        &mut self,
        now: Instant,
        path: &[u8],
        how: TransferOptions,
    ) -> Result<Ticket<Transferred>, Refusal> {
        self.transfer_request(now, Verb::Retr, Payload::FileIn, Some(path), how)
    }

    /// STOR: a file to the server, replacing one of that name.
    ///
    /// # Errors
    /// As for [`Client::retrieve`].
    pub fn store(
        &mut self,
        now: Instant,
        path: &[u8],
        how: TransferOptions,
    ) -> Result<Ticket<Transferred>, Refusal> {
        self.transfer_request(now, Verb::Stor, Payload::FileOut, Some(path), how)
    }

    /// APPE: to the end of a file on the server.
    ///
    /// # Errors
    /// As for [`Client::retrieve`]; an offset is refused.
    pub fn append(
        &mut self,
        now: Instant,
        path: &[u8],
        how: TransferOptions,
    ) -> Result<Ticket<Transferred>, Refusal> {
        if how.offset > 0 {
            return Err(Refusal::Argument(Malformed::Argument));
        }
        self.transfer_request(now, Verb::Appe, Payload::FileOut, Some(path), how)
    }

    /// STOU: a file to the server under a name it chooses; `hint` is an extension some servers take.
    ///
    /// # Errors
    /// As for [`Client::retrieve`]; an offset is refused.
    pub fn store_unique(
        &mut self,
        now: Instant,
        hint: Option<&[u8]>,
        how: TransferOptions,
    ) -> Result<Ticket<Transferred>, Refusal> {
        if how.offset > 0 {
            return Err(Refusal::Argument(Malformed::Argument));
        }
        self.transfer_request(now, Verb::Stou, Payload::FileOut, hint, how)
    }

    /// LIST: a listing for people, of the working directory without a path.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn list(
        &mut self,
        now: Instant,
        path: Option<&[u8]>,
    ) -> Result<Ticket<Transferred>, Refusal> {
        self.transfer_request(
            now,
            Verb::List,
            Payload::ListIn,
            path,
            TransferOptions::default(),
        )
    }

    /// NLST: names only.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn names(
        &mut self,
        now: Instant,
        path: Option<&[u8]>,
    ) -> Result<Ticket<Transferred>, Refusal> {
        self.transfer_request(
            now,
            Verb::Nlst,
            Payload::ListIn,
            path,
            TransferOptions::default(),
        )
    }

    /// MLSD: a listing for programs (RFC 3659 section 7).
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn facts(
        &mut self,
        now: Instant,
        path: Option<&[u8]>,
    ) -> Result<Ticket<Transferred>, Refusal> {
        self.transfer_request(
            now,
            Verb::Mlsd,
            Payload::ListIn,
            path,
            TransferOptions::default(),
        )
    }

    /// MLST: the facts of one path, on the control connection.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn entry(&mut self, now: Instant, path: Option<&[u8]>) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Mlst, path.unwrap_or(b""))
    }

    /// SIZE, after TYPE I: the exact number of bytes a transfer would move (RFC 3659 section 4).
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn size(&mut self, now: Instant, path: &[u8]) -> Result<Ticket<Sizing>, Refusal> {
        self.checked(&Command::Size(Path::new(path)?))?;
        self.ask(now, Kind::Size, |request| {
            request.argument.extend_from_slice(path);
        })
    }

    /// MDTM: when a file was last modified, in UTC.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn modified(&mut self, now: Instant, path: &[u8]) -> Result<Ticket<Timed>, Refusal> {
        self.simple(now, Verb::Mdtm, path)
    }

    /// MFMT: sets the modification time of a file.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn set_modified(
        &mut self,
        now: Instant,
        path: &[u8],
        time: Timestamp,
    ) -> Result<Ticket<Replied>, Refusal> {
        Path::new(path)?;
        self.simple_with(now, Verb::Mfmt, |argument| {
            time.encode(argument);
            argument.push(b' ');
            argument.extend_from_slice(path);
        })
    }

    /// HASH, after TYPE I: the digest of a file, or of a part of it (draft-bryan-ftpext-hash). OPTS HASH goes first if another algorithm is
    /// in use, RANG if there is a range. A reply that names another algorithm or another beginning than asked for is a failure.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent, and a range that ends before it starts.
    pub fn hash(
        &mut self,
        now: Instant,
        path: &[u8],
        how: HashOptions,
    ) -> Result<Ticket<Hashing>, Refusal> {
        self.checked(&Command::Hash(Path::new(path)?))?;
        let length = match how.range {
            // The bound is RANG's: positions are signed on many systems.
            Some((first, last)) if last < first || last >= i64::MAX.unsigned_abs() => {
                return Err(Refusal::Argument(Malformed::Argument));
            }
            Some((first, last)) => Some(last - first + 1),
            None => None,
        };
        self.ask(now, Kind::Hash, |request| {
            request.argument.extend_from_slice(path);
            request.algorithm = how.algorithm;
            request.offset = how.range.map_or(0, |(first, _)| first);
            request.length = length;
        })
    }

    /// CWD.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn change_directory(
        &mut self,
        now: Instant,
        path: &[u8],
    ) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Cwd, path)
    }

    /// CDUP.
    ///
    /// # Errors
    /// [`Refusal::Closed`] and [`Refusal::TooManyRequests`], as every request.
    pub fn change_to_parent(&mut self, now: Instant) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Cdup, b"")
    }

    /// PWD.
    ///
    /// # Errors
    /// [`Refusal::Closed`] and [`Refusal::TooManyRequests`], as every request.
    pub fn working_directory(&mut self, now: Instant) -> Result<Ticket<Named>, Refusal> {
        self.simple(now, Verb::Pwd, b"")
    }

    /// MKD; the result is the name the server gave, if it said so.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn make_directory(&mut self, now: Instant, path: &[u8]) -> Result<Ticket<Named>, Refusal> {
        self.simple(now, Verb::Mkd, path)
    }

    /// RMD.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn remove_directory(
        &mut self,
        now: Instant,
        path: &[u8],
    ) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Rmd, path)
    }

    /// DELE.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn delete(&mut self, now: Instant, path: &[u8]) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Dele, path)
    }

    /// RNFR and RNTO.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn rename(
        &mut self,
        now: Instant,
        from: &[u8],
        to: &[u8],
    ) -> Result<Ticket<Replied>, Refusal> {
        self.checked(&Command::Rnfr(Path::new(from)?))?;
        self.checked(&Command::Rnto(Path::new(to)?))?;
        self.ask(now, Kind::Rename, |request| {
            request.argument.extend_from_slice(from);
            request.second.extend_from_slice(to);
        })
    }

    /// STAT, of the session or of a path: a listing on the control connection.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a path that cannot be sent.
    pub fn status(
        &mut self,
        now: Instant,
        path: Option<&[u8]>,
    ) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Stat, path.unwrap_or(b""))
    }

    /// HELP.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for a topic that cannot be sent.
    pub fn help(&mut self, now: Instant, topic: &[u8]) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Help, topic)
    }

    /// SYST.
    ///
    /// # Errors
    /// [`Refusal::Closed`] and [`Refusal::TooManyRequests`], as every request.
    pub fn system(&mut self, now: Instant) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Syst, b"")
    }

    /// NOOP.
    ///
    /// # Errors
    /// [`Refusal::Closed`] and [`Refusal::TooManyRequests`], as every request.
    pub fn noop(&mut self, now: Instant) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Noop, b"")
    }

    /// FEAT (RFC 2389).
    ///
    /// # Errors
    /// [`Refusal::Closed`] and [`Refusal::TooManyRequests`], as every request.
    pub fn features(&mut self, now: Instant) -> Result<Ticket<Featured>, Refusal> {
        self.simple(now, Verb::Feat, b"")
    }

    /// OPTS, for example `UTF8 ON`.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for text that cannot be sent.
    pub fn options(&mut self, now: Instant, options: &[u8]) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Opts, options)
    }

    /// SITE.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for text that cannot be sent.
    pub fn site(&mut self, now: Instant, command: &[u8]) -> Result<Ticket<Replied>, Refusal> {
        self.simple(now, Verb::Site, command)
    }

    /// ACCT outside of a login, for servers that ask for it with 532.
    ///
    /// # Errors
    /// [`Refusal::Policy`] after CCC.
    pub fn account(&mut self, now: Instant, account: &Secret) -> Result<Ticket<Replied>, Refusal> {
        if self.session.protection.frozen {
            return Err(Refusal::Policy);
        }
        self.checked(&Command::Acct(Text::new(account.expose())?))?;
        self.ask(now, Kind::Account, |request| {
            request.account = Some(account.clone());
        })
    }

    /// A command line of the application's own. Its final reply is the result, whatever class it has short of a refusal.
    ///
    /// # Errors
    /// [`Refusal::UseTypedMethod`] for verbs that change login, protection, transfer parameters or data connections, or move data.
    pub fn command(&mut self, now: Instant, line: &[u8]) -> Result<Ticket<Replied>, Refusal> {
        let verb = self
            .outbox
            .tried(|out| encode_raw(line, out, self.config.limits.command_line))?;
        if verb.is_some_and(desynchronises) {
            return Err(Refusal::UseTypedMethod);
        }
        self.ask(now, Kind::Raw(verb), |request| {
            request.argument.extend_from_slice(line);
        })
    }

    /// REIN: back to the state after the greeting. In clear-text sessions only; under TLS it would end the protection.
    ///
    /// # Errors
    /// [`Refusal::Policy`] if the policy requires TLS.
    pub fn reinitialize(&mut self, now: Instant) -> Result<Ticket<Plain>, Refusal> {
        if self.config.security.clear_text().is_none() {
            return Err(Refusal::Policy);
        }
        self.ask(now, Kind::Reinitialize, |_| ())
    }

    /// CCC: the control connection goes on in clear text, so that networks can follow it (RFC 4217 section 5).
    ///
    /// # Errors
    /// [`Refusal::Policy`] unless allowed by [`super::Security::allow_ccc`]; [`Refusal::Busy`] unless logged in under TLS.
    pub fn clear_command_channel(&mut self, now: Instant) -> Result<Ticket<Plain>, Refusal> {
        if !self.config.security.ccc_allowed() && self.law.holds(Rule::CccByPolicy) {
            return Err(Refusal::Policy);
        }
        if !self.session.protection.is_secure() || self.session.login != Login::In {
            return Err(Refusal::Busy);
        }
        self.ask(now, Kind::ClearChannel, |_| ())
    }

    /// QUIT. The end of the connection is success, with or without 221.
    ///
    /// # Errors
    /// [`Refusal::Closed`] if the session is already over.
    pub fn quit(&mut self, now: Instant) -> Result<Ticket<Plain>, Refusal> {
        self.ask(now, Kind::Quit, |_| ())
    }

    /// Gives the running transfer up with ABOR. Its ticket fails with the bytes moved; this ticket succeeds when the session is in step again.
    ///
    /// # Errors
    /// [`Refusal::NothingToAbort`] if no transfer runs.
    pub fn abort(&mut self, now: Instant) -> Result<Ticket<Plain>, Refusal> {
        self.now = self.now.max(now);
        if self.over() {
            return Err(Refusal::Closed);
        }
        if self.transfer.is_none() || self.aborting.is_some() {
            return Err(Refusal::NothingToAbort);
        }
        let ticket = self.ticket();
        self.record(|| What::Aborted(ticket.0));
        self.abort_for(ticket);
        self.advance();
        Ok(Ticket::new(ticket))
    }

    /// Nobody waits for this request any more. One that was not begun is never sent. A transfer that runs is aborted, one that is still
    /// being set up is not begun, of any other command the reply is taken and means nothing: its ticket fails with
    /// [`FailureKind::Withdrawn`](crate::FailureKind), or [`FailureKind::Aborted`](crate::FailureKind) if it was a transfer that ran. What
    /// changes the session itself (login, ACCT, REIN, CCC, ABOR, QUIT) goes on once it has begun, and so does a transfer that only waits
    /// for its final reply; their tickets end as ever.
    ///
    /// # Errors
    /// [`Refusal::NothingToAbort`] if the request is over.
    pub fn withdraw(&mut self, now: Instant, ticket: TicketId) -> Result<(), Refusal> {
        self.now = self.now.max(now);
        if matches!(self.phase, Phase::Ending | Phase::Closed) {
            return Err(Refusal::Closed);
        }
        if self.aborting.and_then(|aborting| aborting.ticket) == Some(ticket) {
            return Ok(());
        }
        let Some(request) = self.request_of(Some(ticket)) else {
            return Err(Refusal::NothingToAbort);
        };
        let kind = request.kind;
        let begun = request.sent != Steps::default();
        self.record(|| What::Withdrawn(ticket.0));
        let running = [&self.transfer, &self.concluding]
            .into_iter()
            .flatten()
            .find(|transfer| transfer.ticket == ticket);
        let aborted = self.aborting.and_then(|aborting| aborting.transfer);
        if aborted.is_some_and(|(aborted, _)| aborted == ticket) {
            // It ends with the abort.
        } else if let Some(transfer) = running {
            if transfer.end.is_some() {
                // Its final reply tells.
            } else if self.phase == Phase::Draining {
                self.give_up_draining();
            } else if self.aborting.is_none() {
                self.give_up_transfer(None, None);
            }
        } else if !begun {
            self.finish_with(ticket, Err(Failure::new(FailureKind::Withdrawn, None)));
        } else if matches!(
            kind,
            Kind::Transfer(..)
                | Kind::Simple(_)
                | Kind::Size
                | Kind::Hash
                | Kind::Rename
                | Kind::Raw(_)
        ) {
            if self.transfer_ticket() == Some(ticket) {
                self.close_data();
            }
            self.orphan_request(ticket);
            if !self.outstanding.is_empty() {
                self.lock_step();
            }
            self.finish_with(ticket, Err(Failure::new(FailureKind::Withdrawn, None)));
        }
        self.advance();
        Ok(())
    }

    fn transfer_request(
        &mut self,
        now: Instant,
        verb: Verb,
        payload: Payload,
        path: Option<&[u8]>,
        how: TransferOptions,
    ) -> Result<Ticket<Transferred>, Refusal> {
        // What is behind the end of the file cannot be gone on from.
        let end = how.offset.checked_add(how.length.unwrap_or(0));
        let Some(end) = end.filter(|end| *end <= i64::MAX.unsigned_abs() || how.length.is_none())
        else {
            return Err(Refusal::Argument(Malformed::Argument));
        };
        let behind_the_end = payload == Payload::FileIn && how.size.is_some_and(|size| size < end);
        let no_range = match how.length {
            Some(length) => length == 0 || how.ascii || payload != Payload::FileIn,
            None => how.ascii && how.offset > 0,
        };
        if no_range || behind_the_end {
            return Err(Refusal::Argument(Malformed::Argument));
        }
        if self.session.login != Login::In
            && !self
                .requests
                .iter()
                .any(|request| request.kind == Kind::Login)
        {
            return Err(Refusal::LoginFirst);
        }
        let reachable = |mode: DataMode| self.peer.is_ipv4() || mode.works_on_ipv6();
        if !self.mode().is_some_and(reachable) {
            return Err(Refusal::Policy);
        }
        let path = path.map(Path::new).transpose()?;
        let argument = path.as_ref().map_or(&b""[..], Path::as_bytes);
        self.checked(&Command::Other { verb, argument })?;
        self.ask(now, Kind::Transfer(verb, payload), |request| {
            request.argument.extend_from_slice(argument);
            request.offset = how.offset;
            request.ascii = how.ascii;
            request.size = how.size;
            request.allocate = how.allocate;
            request.length = how.length;
            request.eager = how.eager && payload == Payload::FileOut;
        })
    }

    fn simple<O>(
        &mut self,
        now: Instant,
        verb: Verb,
        argument: &[u8],
    ) -> Result<Ticket<O>, Refusal> {
        self.simple_with(now, verb, |out| out.extend_from_slice(argument))
    }

    fn simple_with<O>(
        &mut self,
        now: Instant,
        verb: Verb,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Ticket<O>, Refusal> {
        self.ask(now, Kind::Simple(verb), |request| {
            write(&mut request.argument);
        })
    }

    /// Whether `command` can be put on a line.
    fn checked(&mut self, command: &Command<'_>) -> Result<(), Refusal> {
        self.outbox
            .tried(|out| command.encode(out, self.config.limits.command_line))?;
        Ok(())
    }

    pub(super) fn ticket(&mut self) -> TicketId {
        let id = TicketId(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        id
    }

    /// Queues a request. `fill` writes its arguments.
    pub(super) fn ask<O>(
        &mut self,
        now: Instant,
        kind: Kind,
        fill: impl FnOnce(&mut Request),
    ) -> Result<Ticket<O>, Refusal> {
        self.now = self.now.max(now);
        let quitting = self
            .requests
            .iter()
            .any(|request| request.kind == Kind::Quit);
        if self.over() || quitting {
            return Err(Refusal::Closed);
        }
        let asked = self.requests.iter().filter(|request| !request.renewal);
        if asked.count() >= self.config.limits.requests {
            return Err(Refusal::TooManyRequests);
        }
        let id = TicketId(self.next_ticket);
        let mut request = self.spare.pop().unwrap_or_else(|| Request::new(id, kind));
        request.recycle(id, kind);
        fill(&mut request);
        if let Kind::Simple(verb) = kind {
            let command = Command::Other {
                verb,
                argument: &request.argument,
            };
            if let Err(refusal) = self.checked(&command) {
                self.spare.push(request);
                return Err(refusal);
            }
        }
        let id = self.ticket();
        for secret in [&request.password].into_iter().chain(&request.account) {
            self.learn(secret);
        }
        self.record_request(&request);
        self.requests.push_back(request);
        self.advance();
        Ok(Ticket::new(id))
    }
}

/// Verbs that must not be sent raw: the machine would no longer know what the server knows.
fn desynchronises(verb: Verb) -> bool {
    let verb = verb.canonical();
    verb.sets_up_data()
        || verb.moves_data().is_some()
        || matches!(
            verb,
            Verb::Auth
                | Verb::Adat
                | Verb::Pbsz
                | Verb::Prot
                | Verb::Ccc
                | Verb::Mic
                | Verb::Conf
                | Verb::Enc
                | Verb::Rein
                | Verb::User
                | Verb::Pass
                | Verb::Acct
                | Verb::Abor
                | Verb::Quit
                | Verb::Rest
                | Verb::Rang
                | Verb::Rnfr
                | Verb::Rnto
                | Verb::Type
                | Verb::Mode
                | Verb::Stru
        )
}
