//! The client: one typed method for each thing a server can be asked.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use ftp_proto::pipe::{Error, Facts, Kept, Progress, Queued, QueuedStore};
use ftp_proto::tls::{HandshakeFacts, PeerIdentity};
use ftp_proto::wire::date::Timestamp;
use ftp_proto::wire::digest::Hashed;
use ftp_proto::{
    Client as Machine, Event, Failure, Features, FinalReply, HashOptions, Instant, Operation,
    Refusal, Secret, Session, Ticket, TicketId, Transfer, TransferOptions, Transferred,
};

use smol::io::{AsyncRead, AsyncWrite};

use crate::builder::Builder;
use crate::pool::Mark;
use crate::pump::{Nothing, Payload, Pump};
use crate::runtime::{Runtime, Smol};
use crate::stream::{Reader, Writer};

/// A session with a server.
///
/// The future of a call may be dropped at any time. What it asked for is then withdrawn: what was not begun is not sent, a running
/// transfer is aborted, and replies that are still due are taken by the next call, which goes on as if nothing had been. Only a login, a
/// change of protection and QUIT go on once they have begun.
///
/// Paths are bytes, sent as they are; UTF-8 is what most servers expect.
///
/// Errors that any method can have: [`Error::Refused`] if the call is not possible now, [`Error::Failed`] if the server or the network
/// is the reason, [`Error::Cancelled`]. After a failure of a request the session goes on; after the end of the session every call gives
/// [`Refusal::Closed`].
#[derive(Debug)]
pub struct Client<R: Runtime = Smol> {
    pub(crate) pump: Pump<R>,
    peer: SocketAddr,
    listing_limit: usize,
    /// The pool it was made by, and for.
    pub(crate) mark: Option<Arc<Mark>>,
}

impl Client<Smol> {
    /// Connects with the default settings: TLS required by AUTH TLS, the authorities of the operating system trusted.
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn connect(host: &str, port: u16) -> Result<Client, Error> {
        Client::builder().connect(host, port).await
    }

    /// Settings for a connection.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<R: Runtime> Client<R> {
    pub(crate) fn new(pump: Pump<R>, peer: SocketAddr, listing_limit: usize) -> Self {
        Client {
            pump,
            peer,
            listing_limit,
            mark: None,
        }
    }

    // ---- login

    /// Waits until greeting and negotiation of protection are over. Any other call does that too.
    ///
    /// # Errors
    /// What ended the session.
    pub async fn ready(&mut self) -> Result<(), Error> {
        if self.pump.engine.book.is_ready() {
            return Ok(());
        }
        let ready = |event: &Event<'_>| matches!(event, Event::Ready { .. });
        self.pump.run(None, &mut Nothing::None, ready).await
    }

    /// Logs in. Where the policy requires TLS nothing is sent before it protects the control connection.
    ///
    /// # Errors
    /// A refusal; a connection takes one password only.
    pub async fn login(&mut self, user: impl AsRef<[u8]>, password: Secret) -> Result<(), Error> {
        self.login_with_account(user, password, None).await
    }

    /// Logs in to a server that wants an account (ACCT) too.
    ///
    /// # Errors
    /// As [`Client::login`].
    pub async fn login_with_account(
        &mut self,
        user: impl AsRef<[u8]>,
        password: Secret,
        account: Option<Secret>,
    ) -> Result<(), Error> {
        self.request(|machine, now| machine.login(now, user.as_ref(), password, account))
            .await
    }

    /// Asks for the login without waiting for it: it leaves together with what the next call asks for, which saves round trips.
    /// That call fails if the login does.
    ///
    /// ```no_run
    /// # use ftp_proto_async::{Client, Secret};
    /// # smol::block_on(async {
    /// let mut client = Client::connect("ftp.example.org", 21).await?;
    /// client.begin_login("anonymous", Secret::new(b"guest@"), None)?;
    /// client.retrieve("README", &mut smol::Unblock::new(std::io::stdout())).await?;
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// # })?;
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] only.
    pub fn begin_login(
        &mut self,
        user: impl AsRef<[u8]>,
        password: Secret,
        account: Option<Secret>,
    ) -> Result<(), Error> {
        let ticket =
            self.ask(|machine, now| machine.login(now, user.as_ref(), password, account))?;
        self.pump.engine.book.begin_login(ticket);
        Ok(())
    }

    // ---- transfers

    /// RETR: a file to `sink`.
    ///
    /// # Errors
    /// Whatever keeps the transfer from being proved whole. What was written to `sink` may then be incomplete.
    pub async fn retrieve(
        &mut self,
        path: impl AsRef<[u8]>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transfer, Error> {
        self.retrieve_with(path, TransferOptions::default(), sink)
            .await
    }

    /// RETR with an offset, as text, or with a known size.
    ///
    /// # Errors
    /// As [`Client::retrieve`].
    pub async fn retrieve_with(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.retrieve(now, path.as_ref(), how))?;
        self.finish(ticket, Payload::sink(sink)).await
    }

    /// RETR to be read piece by piece.
    ///
    /// ```no_run
    /// # use smol::io::{AsyncBufReadExt, BufReader};
    /// # use smol::stream::StreamExt;
    /// # smol::block_on(async {
    /// # let mut client = ftp_proto_async::Client::connect("ftp.example.org", 21).await?;
    /// let mut reader = client.reader("log.txt").await?;
    /// let mut lines = BufReader::new(&mut reader).lines();
    /// while let Some(Ok(line)) = lines.next().await {
    ///     println!("{line}");
    /// }
    /// reader.finish().await?; // only now it is known to be whole
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// # })?;
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// ```
    ///
    /// # Errors
    /// What keeps the transfer from beginning.
    pub async fn reader(&mut self, path: impl AsRef<[u8]>) -> Result<Reader<'_, R>, Error> {
        self.reader_with(path, TransferOptions::default()).await
    }

    /// RETR to be read piece by piece, with an offset, as text, or with a known size.
    ///
    /// # Errors
    /// As [`Client::reader`].
    pub async fn reader_with(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
    ) -> Result<Reader<'_, R>, Error> {
        let ticket = self.transfer(|machine, now| machine.retrieve(now, path.as_ref(), how))?;
        Reader::begin(self, ticket).await
    }

    /// Asks for a download without waiting for it. Several can be asked for in a row, up to
    /// [`Limits::requests`](ftp_proto::Limits::requests); the next one is prepared while the server still confirms the last, which saves
    /// a round trip for each file. They have to be [received](Client::receive) in the same order, before anything else is asked for.
    ///
    /// ```no_run
    /// # smol::block_on(async {
    /// # let mut client = ftp_proto_async::Client::connect("ftp.example.org", 21).await?;
    /// # let how = Default::default();
    /// let first = client.queue_retrieve("a", how)?;
    /// let second = client.queue_retrieve("b", how)?;
    /// let (mut a, mut b) = (Vec::new(), Vec::new());
    /// client.receive(first, &mut a).await?;
    /// client.receive(second, &mut b).await?;
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// # })?;
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] only.
    pub fn queue_retrieve(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
    ) -> Result<Queued, Error> {
        let now = self.pump.now();
        let engine = &mut self.pump.engine;
        let ticket = engine.machine_mut().retrieve(now, path.as_ref(), how)?;
        engine.expect(ticket.id());
        Ok(engine.book.queue(ticket))
    }

    /// Receives a download that was asked for before.
    ///
    /// # Errors
    /// As [`Client::retrieve`]; [`Refusal::Busy`] if it is not the next one.
    pub async fn receive(
        &mut self,
        queued: Queued,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transfer, Error> {
        let (ticket, early) = self.pump.engine.book.receive(&queued)?;
        match early {
            Some(ended) => ended.map_err(|failure| self.pump.engine.explain(failure)),
            None => self.finish(ticket, Payload::sink(sink)).await,
        }
    }

    /// STOR: a file from `source`, replacing one of that name.
    ///
    /// # Errors
    /// Whatever keeps the transfer from being proved whole. The file on the server may then be incomplete.
    pub async fn store(
        &mut self,
        path: impl AsRef<[u8]>,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<Transfer, Error> {
        self.store_with(path, TransferOptions::default(), source)
            .await
    }

    /// STOR with an offset, as text, or with space reserved. With an offset, `source` must begin there.
    ///
    /// # Errors
    /// As [`Client::store`].
    pub async fn store_with(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.store(now, path.as_ref(), how))?;
        self.finish(ticket, Payload::source(source)).await
    }

    /// Asks for an upload without waiting for it. The next one is prepared while the server still confirms the last, which saves a round
    /// trip or two for each file. They have to be [sent](Client::send) in the same order, before anything else is asked for; no file is
    /// touched before the one in front of it is over.
    ///
    /// # Errors
    /// [`Error::Refused`] only.
    pub fn queue_store(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
    ) -> Result<QueuedStore, Error> {
        let now = self.pump.now();
        let engine = &mut self.pump.engine;
        let ticket = engine.machine_mut().store(now, path.as_ref(), how)?;
        engine.expect(ticket.id());
        Ok(engine.book.queue_store(ticket))
    }

    /// Sends an upload that was asked for before.
    ///
    /// # Errors
    /// As [`Client::store`]; [`Refusal::Busy`] if it is not the next one.
    pub async fn send(
        &mut self,
        queued: QueuedStore,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<Transfer, Error> {
        let (ticket, early) = self.pump.engine.book.send(&queued)?;
        match early {
            Some(ended) => ended.map_err(|failure| self.pump.engine.explain(failure)),
            None => self.finish(ticket, Payload::source(source)).await,
        }
    }

    /// STOR to be written piece by piece.
    ///
    /// # Errors
    /// What keeps the transfer from beginning.
    pub async fn writer(&mut self, path: impl AsRef<[u8]>) -> Result<Writer<'_, R>, Error> {
        self.writer_with(path, TransferOptions::default()).await
    }

    /// STOR to be written piece by piece, with an offset, as text, or with space reserved.
    ///
    /// # Errors
    /// As [`Client::writer`].
    pub async fn writer_with(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
    ) -> Result<Writer<'_, R>, Error> {
        let ticket = self.transfer(|machine, now| machine.store(now, path.as_ref(), how))?;
        Writer::begin(self, ticket).await
    }

    /// APPE: `source` to the end of a file.
    ///
    /// # Errors
    /// As [`Client::store`].
    pub async fn append(
        &mut self,
        path: impl AsRef<[u8]>,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<Transfer, Error> {
        self.append_with(path, TransferOptions::default(), source)
            .await
    }

    /// APPE, as text or with space reserved.
    ///
    /// # Errors
    /// As [`Client::store`]; an offset is refused.
    pub async fn append_with(
        &mut self,
        path: impl AsRef<[u8]>,
        how: TransferOptions,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.append(now, path.as_ref(), how))?;
        self.finish(ticket, Payload::source(source)).await
    }

    /// STOU: a file under a name the server chooses, told in [`Transfer::name`] if the server says it.
    ///
    /// # Errors
    /// As [`Client::store`].
    pub async fn store_unique(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
        how: TransferOptions,
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.store_unique(now, None, how))?;
        self.finish(ticket, Payload::source(source)).await
    }

    // ---- listings

    /// LIST: a listing for people, of the working directory if the path is empty.
    ///
    /// # Errors
    /// As [`Client::retrieve`]; [`Error::Local`] beyond [`Builder::listing_limit`].
    pub async fn list(&mut self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        let ticket = self.transfer(|machine, now| machine.list(now, some(path.as_ref())))?;
        let kept = self.keep(ticket).await?;
        Ok(kept.into_bytes())
    }

    /// LIST to a writer.
    ///
    /// # Errors
    /// As [`Client::retrieve`].
    pub async fn list_to(
        &mut self,
        path: impl AsRef<[u8]>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.list(now, some(path.as_ref())))?;
        self.finish(ticket, Payload::sink(sink)).await
    }

    /// NLST: names only, a line each.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn names(&mut self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
        let ticket = self.transfer(|machine, now| machine.names(now, some(path.as_ref())))?;
        let kept = self.keep(ticket).await?;
        Ok(kept.into_bytes())
    }

    /// NLST to a writer.
    ///
    /// # Errors
    /// As [`Client::retrieve`].
    pub async fn names_to(
        &mut self,
        path: impl AsRef<[u8]>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.names(now, some(path.as_ref())))?;
        self.finish(ticket, Payload::sink(sink)).await
    }

    /// MLSD: a listing for programs (RFC 3659 section 7).
    ///
    /// ```no_run
    /// # smol::block_on(async {
    /// # let mut client = ftp_proto_async::Client::connect("ftp.example.org", 21).await?;
    /// for entry in client.facts("pub").await?.entries().flatten() {
    ///     println!("{:?} {:?} bytes", String::from_utf8_lossy(entry.name()), entry.size());
    /// }
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// # })?;
    /// # Ok::<(), ftp_proto_async::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn facts(&mut self, path: impl AsRef<[u8]>) -> Result<Facts, Error> {
        let ticket = self.transfer(|machine, now| machine.facts(now, some(path.as_ref())))?;
        let kept = self.keep(ticket).await?;
        Ok(Facts::new(kept.into_bytes()))
    }

    /// MLSD to a writer.
    ///
    /// # Errors
    /// As [`Client::retrieve`].
    pub async fn facts_to(
        &mut self,
        path: impl AsRef<[u8]>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Transfer, Error> {
        let ticket = self.transfer(|machine, now| machine.facts(now, some(path.as_ref())))?;
        self.finish(ticket, Payload::sink(sink)).await
    }

    // ---- files and directories

    /// MLST: the facts of one path; [`Entry::parse_mlst_line`](ftp_proto::wire::facts::Entry::parse_mlst_line) reads the inner line of the reply.
    ///
    /// # Errors
    /// A refusal.
    pub async fn entry(&mut self, path: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.entry(now, some(path.as_ref())))
            .await
    }

    /// SIZE: the bytes a transfer of this file would move.
    ///
    /// # Errors
    /// A refusal.
    pub async fn size(&mut self, path: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.request(|machine, now| machine.size(now, path.as_ref()))
            .await
    }

    /// MDTM: when a file was last modified, in UTC.
    ///
    /// # Errors
    /// A refusal.
    pub async fn modified(&mut self, path: impl AsRef<[u8]>) -> Result<Timestamp, Error> {
        self.request(|machine, now| machine.modified(now, path.as_ref()))
            .await
    }

    /// MFMT: sets the modification time of a file.
    ///
    /// # Errors
    /// A refusal.
    pub async fn set_modified(
        &mut self,
        path: impl AsRef<[u8]>,
        time: Timestamp,
    ) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.set_modified(now, path.as_ref(), time))
            .await
    }

    /// HASH: the digest of a file, by the algorithm the server chooses.
    ///
    /// # Errors
    /// A refusal.
    pub async fn hash(&mut self, path: impl AsRef<[u8]>) -> Result<Hashed, Error> {
        self.hash_with(path, HashOptions::default()).await
    }

    /// HASH: the digest of a file, or of a part of it, by an algorithm of one's choice.
    ///
    /// # Errors
    /// A refusal, also of the algorithm; a reply that holds no digest of what was asked for.
    pub async fn hash_with(
        &mut self,
        path: impl AsRef<[u8]>,
        how: HashOptions,
    ) -> Result<Hashed, Error> {
        self.request(|machine, now| machine.hash(now, path.as_ref(), how))
            .await
    }

    /// CWD.
    ///
    /// # Errors
    /// A refusal.
    pub async fn change_directory(&mut self, path: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.change_directory(now, path.as_ref()))
            .await
    }

    /// CDUP.
    ///
    /// # Errors
    /// A refusal.
    pub async fn change_to_parent(&mut self) -> Result<FinalReply, Error> {
        self.request(Machine::change_to_parent).await
    }

    /// PWD; `None` if the reply names no directory.
    ///
    /// # Errors
    /// A refusal.
    pub async fn working_directory(&mut self) -> Result<Option<Vec<u8>>, Error> {
        self.request(Machine::working_directory).await
    }

    /// MKD; the name the server gives the directory, if it says so.
    ///
    /// # Errors
    /// A refusal.
    pub async fn make_directory(
        &mut self,
        path: impl AsRef<[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.request(|machine, now| machine.make_directory(now, path.as_ref()))
            .await
    }

    /// RMD.
    ///
    /// # Errors
    /// A refusal.
    pub async fn remove_directory(&mut self, path: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.remove_directory(now, path.as_ref()))
            .await
    }

    /// DELE.
    ///
    /// # Errors
    /// A refusal.
    pub async fn delete(&mut self, path: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.delete(now, path.as_ref()))
            .await
    }

    /// RNFR and RNTO.
    ///
    /// # Errors
    /// A refusal.
    pub async fn rename(
        &mut self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
    ) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.rename(now, from.as_ref(), to.as_ref()))
            .await
    }

    // ---- the server

    /// STAT, of a path, or of the session if it is empty.
    ///
    /// # Errors
    /// A refusal.
    pub async fn status(&mut self, path: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.status(now, some(path.as_ref())))
            .await
    }

    /// HELP.
    ///
    /// # Errors
    /// A refusal.
    pub async fn help(&mut self, topic: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.help(now, topic.as_ref()))
            .await
    }

    /// SYST.
    ///
    /// # Errors
    /// A refusal.
    pub async fn system(&mut self) -> Result<FinalReply, Error> {
        self.request(Machine::system).await
    }

    /// NOOP.
    ///
    /// # Errors
    /// A refusal.
    pub async fn noop(&mut self) -> Result<FinalReply, Error> {
        self.request(Machine::noop).await
    }

    /// FEAT (RFC 2389).
    ///
    /// # Errors
    /// A refusal.
    pub async fn features(&mut self) -> Result<Features, Error> {
        self.request(Machine::features).await
    }

    /// OPTS, for example `UTF8 ON`.
    ///
    /// # Errors
    /// A refusal.
    pub async fn options(&mut self, options: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.options(now, options.as_ref()))
            .await
    }

    /// SITE.
    ///
    /// # Errors
    /// A refusal.
    pub async fn site(&mut self, command: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.site(now, command.as_ref()))
            .await
    }

    /// ACCT outside of a login.
    ///
    /// # Errors
    /// A refusal.
    pub async fn account(&mut self, account: &Secret) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.account(now, account))
            .await
    }

    /// A command line of the application's own.
    ///
    /// # Errors
    /// [`Refusal::UseTypedMethod`] for commands this client must know about; a refusal by the server.
    pub async fn command(&mut self, line: impl AsRef<[u8]>) -> Result<FinalReply, Error> {
        self.request(|machine, now| machine.command(now, line.as_ref()))
            .await
    }

    // ---- the session

    /// REIN: back to the state after the greeting. In clear-text sessions only.
    ///
    /// # Errors
    /// [`Refusal::Policy`] if the policy requires TLS.
    pub async fn reinitialize(&mut self) -> Result<(), Error> {
        self.request(Machine::reinitialize).await
    }

    /// CCC: the control connection goes on in clear text (RFC 4217 section 5).
    ///
    /// # Errors
    /// [`Refusal::Policy`] unless allowed by [`Security::allow_ccc`](ftp_proto::client::Security::allow_ccc).
    pub async fn clear_command_channel(&mut self) -> Result<(), Error> {
        self.request(Machine::clear_command_channel).await
    }

    /// QUIT, and the end of the session.
    ///
    /// # Errors
    /// What ended the session otherwise.
    pub async fn quit(mut self) -> Result<(), Error> {
        self.pump.forget_queued();
        self.request(Machine::quit).await
    }

    /// From here on this is called as payload moves, several times a second, and at the end of each transfer, in place of what was set
    /// with [`Builder::on_progress`].
    pub fn on_progress(&mut self, hook: impl FnMut(Progress) + Send + 'static) {
        self.pump.engine.tell_progress(Some(Box::new(hook)));
    }

    /// What has been agreed on so far.
    #[must_use]
    pub fn session(&self) -> &Session {
        self.pump.engine.machine().session()
    }

    /// The machine, for the facts it has collected.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        self.pump.engine.machine()
    }

    /// The server's address.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the TLS handshake on the control connection agreed on, while that is under TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&HandshakeFacts> {
        self.pump.engine.channel()?.handshake()
    }

    /// The certificate the server showed on the control connection, and what came of checking it; there for a refused one too.
    #[must_use]
    pub fn server_identity(&self) -> Option<&PeerIdentity> {
        self.pump.engine.identity()
    }

    /// Takes what has come while nobody waited, without waiting for more. False if the session is over.
    pub(crate) async fn catch_up(&mut self) -> bool {
        let pump = &mut self.pump;
        let looked = |cx: &mut std::task::Context<'_>| {
            let turned = pump.poll_run(cx, None, &mut Nothing::None, &mut |_| false);
            Poll::Ready(turned.is_pending() && !pump.engine.machine().is_closed())
        };
        poll_fn(looked).await
    }

    // ---- asking and waiting

    fn ask<O>(
        &mut self,
        ask: impl FnOnce(&mut Machine, Instant) -> Result<Ticket<O>, Refusal>,
    ) -> Result<Ticket<O>, Error> {
        let now = self.pump.now();
        let engine = &mut self.pump.engine;
        engine.book.is_free()?;
        ask(engine.machine_mut(), now).map_err(|refusal| match refusal {
            // It may have ended between two calls: then the first one to come tells why.
            Refusal::Closed => engine.over(),
            refusal => refusal.into(),
        })
    }

    fn transfer(
        &mut self,
        ask: impl FnOnce(&mut Machine, Instant) -> Result<Ticket<Transferred>, Refusal>,
    ) -> Result<Ticket<Transferred>, Error> {
        let ticket = self.ask(ask)?;
        self.pump.engine.expect(ticket.id());
        Ok(ticket)
    }

    async fn request<O: Operation>(
        &mut self,
        ask: impl FnOnce(&mut Machine, Instant) -> Result<Ticket<O>, Refusal>,
    ) -> Result<O::Done, Error> {
        let ticket = self.ask(ask)?;
        self.advance(ticket, &mut Nothing::None)
            .await?
            .unwrap_or_else(|| Err(Error::session_over()))
    }

    async fn finish<S: AsyncWrite + Unpin, T: AsyncRead + Unpin>(
        &mut self,
        ticket: Ticket<Transferred>,
        mut payload: Payload<S, T>,
    ) -> Result<Transfer, Error> {
        self.advance(ticket, &mut payload)
            .await?
            .unwrap_or_else(|| Err(Error::session_over()))
    }

    async fn keep(&mut self, ticket: Ticket<Transferred>) -> Result<Kept, Error> {
        let mut payload = Nothing::Kept(Kept::new(self.listing_limit));
        self.advance(ticket, &mut payload)
            .await?
            .unwrap_or_else(|| Err(Error::session_over()))?;
        match payload {
            Payload::Kept(kept) => Ok(kept),
            _ => Ok(Kept::new(0)),
        }
    }

    /// Goes on until the request is over, or a wish about payload is fulfilled. The outer error is one of the call, the inner one
    /// that of the request. Dropped before, it withdraws the request.
    async fn advance<O: Operation, S: AsyncWrite + Unpin, T: AsyncRead + Unpin>(
        &mut self,
        ticket: Ticket<O>,
        payload: &mut Payload<S, T>,
    ) -> Result<Option<Result<O::Done, Error>>, Error> {
        let mut guard = Guard {
            pump: &mut self.pump,
            request: Some(ticket.id()),
        };
        let mut result = None;
        let ran = guard
            .pump
            .run(Some(ticket.id()), payload, |event| {
                claim(ticket, event, &mut result)
            })
            .await;
        guard.request = None;
        drop(guard);
        self.settle(ticket, ran, result)
    }

    /// What an advance came to.
    pub(crate) fn settle<O: Operation>(
        &mut self,
        ticket: Ticket<O>,
        ran: Result<(), Error>,
        result: Option<Result<O::Done, Failure>>,
    ) -> Result<Option<Result<O::Done, Error>>, Error> {
        let engine = &mut self.pump.engine;
        // A failed login says more than the request that rode with it.
        if let Some(failure) = engine.book.login_failed() {
            let error = engine.explain(failure);
            if result.is_none() {
                self.pump.abandon(ticket.id());
            }
            return Ok(Some(Err(error)));
        }
        ran?;
        Ok(result.map(|ended| ended.map_err(|failure| engine.explain(failure))))
    }
}

/// Withdraws a request whose future is dropped.
struct Guard<'a, R: Runtime> {
    pump: &'a mut Pump<R>,
    request: Option<TicketId>,
}

impl<R: Runtime> Drop for Guard<'_, R> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            self.pump.abandon(request);
        }
    }
}

pub(crate) fn claim<O: Operation>(
    ticket: Ticket<O>,
    event: &Event<'_>,
    result: &mut Option<Result<O::Done, Failure>>,
) -> bool {
    if let Some(ended) = ticket.claim(event) {
        *result = Some(ended);
    }
    result.is_some()
}

fn some(path: &[u8]) -> Option<&[u8]> {
    (!path.is_empty()).then_some(path)
}
