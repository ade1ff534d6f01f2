//! One transfer: the join of the data connection, the storage and the replies.

use alloc::format;
use alloc::vec::Vec;

use super::entry::Listing;
use super::files::without_options;
use super::output::Note;
use super::question::{
    Answer, Close, Ending, OpenListing, OpenRead, OpenWrite, Question, Refused, Said, WriteMode,
};
use super::queue::Told;
use super::refusal::{broken_off, refusal};
use super::setup::Setup;
use super::work::{Asked, Work};
use super::{Access, Form, MissingCloseNotify, Restart, Server, Timer, VirtualPath};
use crate::order::{DataEnd, DataId, Direction, FlowEnd};
use crate::queue::Errand;
use crate::rules::Rule;
use crate::rules::data::Life;
use crate::rules::transfer::{Receipt, received, sent};
use crate::wire::command::{Path, ProtectionLevel, Type, Verb};
use crate::wire::reply::Code;

/// The transfer that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Transfer {
    pub(super) verb: Verb,
    path: VirtualPath,
    direction: Direction,
    /// Whether its data connection is under TLS: what PROT said when the command came (RFC 4217 section 10.2).
    pub(super) protected: bool,
    ascii: bool,
    /// Where in the file it starts, in bytes.
    offset: u64,
    /// How many bytes at most.
    length: Option<u64>,
    /// The preliminary reply is out.
    pub(super) announced: bool,
    bytes: u64,
}

impl Server {
    // ---- commands

    pub(super) fn on_retr(&mut self, path: Path<'_>) {
        let restart = self.session.restart.take();
        let Some(path) = self.resolve_below(path.as_bytes(), Refused::IsDirectory) else {
            return self.close_data();
        };
        let ascii = self.session.representation == Type::Ascii;
        let (offset, length) = match restart {
            Some(_) if ascii => return self.refuse_transfer(Refused::BadOffset),
            Some(Restart::From(offset)) => (offset, None),
            Some(Restart::Range(start, end)) => (start, Some((end - start).saturating_add(1))),
            None => (0, None),
        };
        if !self.begin(Direction::Send, path.clone(), ascii, (offset, length)) {
            return;
        }
        self.ask(Access::Read, Asked::Open, |number, user| {
            Question::OpenRead(OpenRead {
                number,
                user,
                path,
                offset,
                length,
                ascii,
            })
        });
        self.settle_refusal();
    }

    pub(super) fn on_stor(&mut self, path: Path<'_>) {
        let ascii = self.session.representation == Type::Ascii;
        let mode = match self.session.restart.take() {
            Some(_) if ascii => return self.refuse_transfer(Refused::BadOffset),
            Some(Restart::From(offset)) => WriteMode::At(offset),
            Some(Restart::Range(..)) => {
                self.reply(Code::STORAGE_EXCEEDED, "Ranges are for RETR and HASH");
                return self.close_data();
            }
            None => WriteMode::Replace,
        };
        self.write(path.as_bytes(), mode);
    }

    pub(super) fn on_appe(&mut self, path: Path<'_>) {
        if self.session.restart.take().is_some() {
            self.reply(Code::BAD_SEQUENCE, "Not after REST");
            return self.close_data();
        }
        self.write(path.as_bytes(), WriteMode::Append);
    }

    pub(super) fn on_stou(&mut self, hint: Option<Path<'_>>) {
        if self.session.restart.take().is_some() {
            self.reply(Code::BAD_SEQUENCE, "Not after REST");
            return self.close_data();
        }
        let hint = hint.as_ref().map_or(&b"file"[..], Path::as_bytes);
        self.write(hint, WriteMode::Unique);
    }

    fn write(&mut self, written: &[u8], mode: WriteMode) {
        let Some(path) = self.resolve_below(written, Refused::IsDirectory) else {
            return self.close_data();
        };
        let ascii = self.session.representation == Type::Ascii;
        let announced = self.session.announced.take();
        let rights = self.rights();
        let (change, may_create) = match mode {
            WriteMode::Replace => (Access::Overwrite, rights.allows(Access::Create)),
            WriteMode::At(_) => (Access::Overwrite, false),
            WriteMode::Append => (Access::Append, rights.allows(Access::Create)),
            WriteMode::Unique => (Access::Create, true),
        };
        let may_change = mode != WriteMode::Unique && rights.allows(change);
        let access = if may_create { Access::Create } else { change };
        if !self.begin(Direction::Receive, path.clone(), ascii, (0, None)) {
            return;
        }
        self.ask(access, Asked::Open, |number, user| {
            Question::OpenWrite(OpenWrite {
                number,
                user,
                path,
                mode,
                may_create,
                may_change,
                announced,
                ascii,
            })
        });
        self.settle_refusal();
    }

    /// LIST and NLST, with options of `ls` overlooked; MLSD takes its argument as it stands (RFC 3659 section 2.2.2).
    pub(super) fn on_listing(&mut self, form: Form, argument: Option<Path<'_>>) {
        self.session.restart = None;
        let argument = argument.as_ref().map_or(&b""[..], Path::as_bytes);
        let written = match form {
            Form::Facts => argument,
            Form::Long | Form::Names => without_options(argument),
        };
        let Some(mut path) = self.resolve(written) else {
            return self.close_data();
        };
        let pattern = path
            .name()
            .filter(|name| {
                self.config.patterns
                    && form != Form::Facts
                    && name.iter().any(|byte| matches!(byte, b'*' | b'?'))
            })
            .map(<[u8]>::to_vec);
        if pattern.is_some() {
            path = path.parent();
        }
        let listing = Listing::new(form)
            .with_facts(self.session.facts, self.rights())
            .with_argument(written, pattern);
        if !self.begin(Direction::Send, path.clone(), false, (0, None)) {
            return;
        }
        self.ask(Access::List, Asked::Open, |number, user| {
            Question::OpenListing(OpenListing {
                number,
                user,
                path,
                listing,
            })
        });
        self.settle_refusal();
    }

    // ---- the beginning

    /// Everything a transfer needs before the storage is asked: protection, and a data connection to come.
    fn begin(
        &mut self,
        direction: Direction,
        path: VirtualPath,
        ascii: bool,
        (offset, length): (u64, Option<u64>),
    ) -> bool {
        let Some(verb) = self.current else {
            return false;
        };
        let protected = self.protection.data_is_private(self.law);
        if self.inbox.has_abort() {
            // It is aborted before it starts; the order of replies is kept.
            self.aborted = true;
            self.reply(Code::TRANSFER_ABORTED, "Aborted");
        } else if self.config.security.needs_private_data()
            && self.protection.data != Some(ProtectionLevel::Private)
            && self.law.holds(Rule::PrivateData)
        {
            self.reply(
                Code::PROTECTION_OR_FAMILY_UNSUPPORTED,
                "Data connections must be private: PROT P",
            );
        } else {
            if self.setup == Setup::None && self.config.active.default_port {
                self.setup = Setup::Active(self.peer);
            }
            if self.setup != Setup::None {
                self.transfer = Some(Transfer {
                    verb,
                    path,
                    direction,
                    protected,
                    ascii,
                    offset,
                    length,
                    announced: false,
                    bytes: 0,
                });
                return true;
            }
            self.reply(
                Code::CANNOT_OPEN_DATA_CONNECTION,
                "PASV, EPSV, PORT or EPRT first",
            );
        }
        self.close_data();
        false
    }

    /// A transfer that was refused before it began uses up its data connection.
    fn settle_refusal(&mut self) {
        if self.transfer.is_none() {
            self.close_data();
        }
    }

    fn refuse_transfer(&mut self, why: Refused) {
        self.refuse(why);
        self.close_data();
    }

    // ---- answers

    pub(super) fn on_answer(&mut self, answer: Answer) {
        let opens = matches!(answer.said, Said::Opened { .. });
        let asked = match core::mem::take(&mut self.work) {
            Work::Asking(number, asked) if number == answer.number => asked,
            other => {
                self.work = other;
                // What was opened for nobody is closed.
                if opens {
                    self.open = true;
                    self.close_open(Ending::Abort, 0);
                }
                return;
            }
        };
        self.open |= opens;
        match asked {
            Asked::User | Asked::Password | Asked::Account => {
                self.on_login_answer(&asked, answer.said);
            }
            Asked::Host(name) => self.on_host_answer(&name, &answer.said),
            Asked::Open => self.on_open_answer(answer.said),
            Asked::Commit => self.on_committed(&answer.said),
            Asked::Broken => self.on_broken_off(&answer.said),
            asked => self.on_storage_answer(asked, answer.said),
        }
    }

    fn on_open_answer(&mut self, said: Said) {
        match said {
            Said::Opened { size, name } => self.on_opened(size, name.as_deref()),
            said => {
                let why = said.refused().unwrap_or(Refused::Io);
                let (code, text) = refusal(self.current, why);
                self.fail_transfer(code, text);
            }
        }
    }

    /// It is open: say so, and let the data connection come (RFC 959 section 4.2.1).
    fn on_opened(&mut self, size: Option<u64>, name: Option<&[u8]>) {
        if self.inbox.has_abort() {
            return self.abort();
        }
        let Some(transfer) = &mut self.transfer else {
            return;
        };
        if size.is_some_and(|size| transfer.offset > size) {
            let (code, text) = refusal(self.current, Refused::BadOffset);
            return self.fail_transfer(code, text);
        }
        let text = if transfer.verb == Verb::Stou {
            // RFC 1123 section 4.1.2.9
            let mut text = Vec::from(&b"FILE: "[..]);
            text.extend_from_slice(name.or_else(|| transfer.path.name()).unwrap_or_default());
            text
        } else {
            let rest = size.map(|size| size - transfer.offset);
            let bytes = match (rest, transfer.length) {
                (Some(rest), Some(length)) => Some(rest.min(length)),
                (rest, _) => rest,
            };
            match bytes {
                Some(bytes) if !transfer.ascii => {
                    format!("Data connection for a transfer ({bytes} bytes)").into_bytes()
                }
                _ => Vec::from(&b"Data connection for a transfer"[..]),
            }
        };
        transfer.announced = true;
        let code = if self.data.is_connected() {
            Code::TRANSFER_STARTING
        } else {
            Code::OPENING_DATA_CONNECTION
        };
        self.work = Work::Transferring;
        self.reply_to(self.current, code, &text);
        self.move_data_on();
    }

    // ---- payload

    pub(super) fn start_flow(&mut self) {
        let Some(transfer) = &self.transfer else {
            return;
        };
        let direction = if self.law.holds(Rule::Direction) {
            transfer.direction
        } else {
            Direction::Receive
        };
        let (ascii, protected) = (transfer.ascii, self.data.protected);
        self.data.life = Life::Flowing;
        self.data_order = self.order_number();
        self.queue.order(Errand::Flow {
            number: self.data_order,
            data: self.data.id,
            direction,
            ascii,
            protected,
            discard: false,
        });
        self.arm_stall();
    }

    fn arm_stall(&mut self) {
        self.timers
            .arm(Timer::Stall, self.now + self.config.limits.stall_wait);
    }

    pub(super) fn on_progress(&mut self, data: DataId, bytes: u64) {
        if data == self.data.id && self.data.life == Life::Flowing && bytes > self.data.bytes {
            self.data.bytes = bytes;
            if self.timers.at(Timer::Stall).is_some() {
                self.arm_stall();
            }
        }
    }

    /// All is sent; what is left is the client's close.
    pub(super) fn on_source_ended(&mut self, data: DataId) {
        let sends = self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.direction == Direction::Send);
        if data == self.data.id && self.data.life == Life::Flowing && sends {
            self.data.source_ended = true;
            self.timers.cancel(Timer::Stall);
            self.timers
                .arm(Timer::Drain, self.now + self.config.limits.upload_drain);
        }
    }

    /// The client took everything and does not close: we do.
    pub(super) fn on_drained(&mut self) {
        let end = FlowEnd {
            bytes: self.data.bytes,
            source_ended: true,
            end: DataEnd::Fin,
        };
        let data = self.data.id;
        self.close_data();
        self.conclude(data, &end);
    }

    pub(super) fn on_flow_finished(&mut self, end: &FlowEnd) {
        let data = self.data.id;
        self.forget_data();
        self.conclude(data, end);
    }

    /// The data connection is over: what it is worth, and what the storage is told.
    fn conclude(&mut self, data: DataId, end: &FlowEnd) {
        let tolerate = self.config.missing_close_notify == MissingCloseNotify::Accept;
        let Some(transfer) = &mut self.transfer else {
            return;
        };
        transfer.bytes = end.bytes;
        let direction = transfer.direction;
        let receipt = match direction {
            Direction::Send => sent(end),
            Direction::Receive => received(self.law, end.end, transfer.protected, tolerate),
        };
        match (direction, receipt) {
            (_, Receipt::Local) => {
                if let Some(number) = self.close_open(Ending::Abort, end.bytes) {
                    self.work = Work::Asking(number, Asked::Broken);
                } else {
                    self.on_broken_off(&Said::Done);
                }
            }
            (_, Receipt::Cut) => {
                self.fail_transfer(Code::TRANSFER_ABORTED, "The data connection broke");
            }
            (Direction::Send, _) => {
                self.close_open(Ending::Done, end.bytes);
                self.finish(Code::CLOSING_DATA_CONNECTION, "Transfer complete", true);
            }
            (Direction::Receive, receipt) => {
                if receipt == Receipt::WholeWithoutCloseNotify {
                    self.note(Note::CloseNotifyMissing(data));
                }
                let asked = self.close_open(Ending::Commit, end.bytes);
                match asked {
                    Some(number) if self.law.holds(Rule::ConfirmCommitted) => {
                        self.work = Work::Asking(number, Asked::Commit);
                    }
                    _ => self.on_committed(&Said::Done),
                }
            }
        }
    }

    /// The storage has made an upload safe, or could not.
    fn on_committed(&mut self, said: &Said) {
        match said {
            Said::Done => {
                self.finish(Code::CLOSING_DATA_CONNECTION, "Transfer complete", true);
            }
            said => self.on_broken_off(said),
        }
    }

    /// The storage failed in mid-transfer, and has said why.
    fn on_broken_off(&mut self, said: &Said) {
        let (code, text) = broken_off(said.refused());
        self.finish(code, text, false);
    }

    // ---- the end

    /// The one place that closes what the application opened. The number of the question, if there was anything to close.
    pub(super) fn close_open(&mut self, ending: Ending, bytes: u64) -> Option<u32> {
        if !self.open {
            return None;
        }
        if self.law.holds(Rule::CloseOnce) {
            self.open = false;
        }
        let number = self.question_number();
        let user = self.user().unwrap_or_default();
        self.queue.ask(Question::Close(Close {
            number,
            user,
            ending,
            bytes,
        }));
        Some(number)
    }

    /// Breaks the transfer off with this reply.
    pub(super) fn fail_transfer(&mut self, code: Code, text: &str) {
        let bytes = self.data.bytes;
        self.close_data();
        if let Some(transfer) = &mut self.transfer {
            transfer.bytes = transfer.bytes.max(bytes);
            let bytes = transfer.bytes;
            self.close_open(Ending::Abort, bytes);
        }
        self.finish(code, text, false);
    }

    /// Breaks the transfer off for the ABOR that waits: 426 now, 226 when its turn comes (RFC 959 section 4.1.3).
    pub(super) fn abort(&mut self) {
        self.aborted = true;
        self.fail_transfer(Code::TRANSFER_ABORTED, "Aborted");
    }

    /// The final reply.
    fn finish(&mut self, code: Code, text: &str, whole: bool) {
        self.close_data();
        self.work = Work::Idle;
        if let Some(transfer) = self.transfer.take() {
            if transfer.announced {
                self.queue.tell(Told::Transferred {
                    user: self.user().unwrap_or_default(),
                    verb: transfer.verb,
                    path: transfer.path,
                    bytes: transfer.bytes,
                    whole,
                });
            }
            self.reply_to(Some(transfer.verb), code, text.as_bytes());
        }
    }

    /// The session ends: nothing stays open.
    pub(super) fn release_everything(&mut self) {
        let bytes = self.data.bytes;
        self.close_data();
        self.close_open(Ending::Abort, bytes);
        self.transfer = None;
        self.work = Work::Idle;
    }
}
