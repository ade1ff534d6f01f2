//! Keeping a record, and asking again for what a record says was asked.

use alloc::vec::Vec;

use crate::error::Refusal;
use crate::rules::data::Payload;
use crate::secret::Secret;
use crate::ticket::TicketId;
use crate::time::Instant;
use crate::trace::{Asked, Levels, RequestKind, Trace, What};
use crate::wire::command::{Verb, holds_secret, mask_line};

use super::Client;
use super::request::{Kind, Request};

impl Client {
    /// Keeps a record of the session from here on, of about `limit` bytes at most; behind that it is stopped. To be called right behind
    /// [`Client::new`]: only a whole record can be replayed. A clone of
    /// the machine keeps none.
    pub fn start_recording(&mut self, limit: usize) {
        let mut tape = core::mem::take(&mut self.tape);
        tape.start(&self.config, self.peer, self.now, limit);
        self.tape = tape;
    }

    /// The record so far; `None` if none is kept.
    #[must_use]
    pub fn recording(&self) -> Option<Trace> {
        self.tape
            .trace(self.levels(), self.queue.is_empty(), &self.secrets)
    }

    /// What an entry of the record says about the machine.
    pub(crate) fn levels(&self) -> Levels {
        Levels {
            now: self.now,
            secure: self.session.protection.is_secure(),
            deadline: self.deadline(),
        }
    }

    pub(super) fn record(&mut self, what: impl FnOnce() -> What) {
        if self.tape.is_on() {
            let levels = self.levels();
            self.tape.keep(levels, what);
        }
    }

    pub(super) fn record_request(&mut self, request: &Request) {
        if !self.tape.is_on() {
            return;
        }
        self.record(|| What::asked(asked(request)));
    }

    /// Asks for what a record says was asked; a secret is replaced.
    pub(crate) fn repeat(&mut self, now: Instant, asked: &Asked) -> Result<TicketId, Refusal> {
        let stand_in = |was: bool| Secret::new(if was { b"****" } else { b"" });
        let ticket = self.ask::<crate::Plain>(now, kind(asked), |request| {
            request.argument.extend_from_slice(&asked.argument);
            request.second.extend_from_slice(&asked.second);
            request.password = stand_in(asked.password);
            request.account = asked.account.then(|| stand_in(true));
            request.offset = asked.offset;
            request.size = asked.size;
            request.allocate = asked.allocate;
            request.length = asked.length;
            request.algorithm = asked.algorithm;
            request.ascii = asked.ascii;
            request.eager = asked.eager;
        })?;
        Ok(ticket.id())
    }
}

fn asked(request: &Request) -> Asked {
    let (kind, verb) = match request.kind {
        Kind::Login => (RequestKind::Login, None),
        Kind::Transfer(verb, _) => (RequestKind::Transfer, Some(verb)),
        Kind::Simple(verb) => (RequestKind::Simple, Some(verb)),
        Kind::Size => (RequestKind::Size, None),
        Kind::Hash => (RequestKind::Hash, None),
        Kind::Rename => (RequestKind::Rename, None),
        Kind::Account => (RequestKind::Account, None),
        Kind::Raw(verb) => (RequestKind::Raw, verb),
        Kind::Reinitialize => (RequestKind::Reinitialize, None),
        Kind::ClearChannel => (RequestKind::ClearChannel, None),
        Kind::Quit => (RequestKind::Quit, None),
    };
    Asked {
        ticket: request.ticket.0,
        request: kind,
        verb,
        argument: without_secret(request),
        second: request.second.clone(),
        password: !request.password.is_empty(),
        account: request.account.is_some(),
        offset: request.offset,
        size: request.size,
        allocate: request.allocate,
        length: request.length,
        algorithm: request.algorithm,
        ascii: request.ascii,
        eager: request.eager,
    }
}

/// The argument without the password that a SITE may hold.
fn without_secret(request: &Request) -> Vec<u8> {
    let front = match request.kind {
        Kind::Raw(_) => "",
        Kind::Simple(Verb::Site) => "SITE ",
        _ => return request.argument.clone(),
    };
    let line = [front.as_bytes(), &request.argument].concat();
    if !holds_secret(&line) {
        return request.argument.clone();
    }
    let masked = alloc::format!("{}", mask_line(&line));
    masked.strip_prefix(front).unwrap_or_default().into()
}

fn kind(asked: &Asked) -> Kind {
    let verb = asked.verb.unwrap_or(Verb::Noop);
    match asked.request {
        RequestKind::Login => Kind::Login,
        RequestKind::Transfer => Kind::Transfer(
            verb,
            match verb {
                Verb::Retr => Payload::FileIn,
                Verb::List | Verb::Nlst | Verb::Mlsd => Payload::ListIn,
                _ => Payload::FileOut,
            },
        ),
        RequestKind::Simple => Kind::Simple(verb),
        RequestKind::Size => Kind::Size,
        RequestKind::Hash => Kind::Hash,
        RequestKind::Rename => Kind::Rename,
        RequestKind::Account => Kind::Account,
        RequestKind::Raw => Kind::Raw(asked.verb),
        RequestKind::Reinitialize => Kind::Reinitialize,
        RequestKind::ClearChannel => Kind::ClearChannel,
        RequestKind::Quit => Kind::Quit,
    }
}
