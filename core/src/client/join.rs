//! The join of both sides of a transfer, and what its verdict becomes.

use core::cmp::Ordering;

use crate::error::{Failure, FailureKind};
use crate::order::{DataEnd, TlsFault};
use crate::output::Proof;
use crate::queue::Piece;
use crate::rules::Rule;
use crate::rules::data::Payload;
use crate::rules::transfer::{Answer, Evidence, Verdict, verdict};
use crate::time::Timer;
use crate::wire::command::{Type, Verb};
use crate::wire::date::size_in_reply;
use crate::wire::reply::{Code, Subject};

use super::config::MissingCloseNotify;
use super::queue::Outcome;
use super::request::{Expected, Request};
use super::{Client, Ended, Phase, Transfer};

impl Client {
    /// Ends the transfer once both sides have ended.
    pub(super) fn join(&mut self) {
        let over = self.transfer.as_ref().is_some_and(|transfer| {
            // A live data connection may already be the next transfer's.
            let data_over =
                transfer.end.is_some() || !self.data.is_live() || !self.law.holds(Rule::DataEnd);
            let said = transfer.answer.is_final()
                || (!self.law.holds(Rule::FinalReply) && transfer.end.is_some());
            said && data_over
        });
        if !over {
            return;
        }
        let Some(transfer) = self.transfer.take() else {
            return;
        };
        for timer in [Timer::Stall, Timer::Drain, Timer::Guard] {
            self.timers.cancel(timer);
        }
        self.pass_judgement(&transfer);
        if self.phase == Phase::Draining {
            self.finish_draining();
        }
    }

    /// Ends the transfer before the current one, whose final reply was still due.
    pub(super) fn conclude(&mut self, answer: Answer, text: Piece) {
        let Some(mut transfer) = self.concluding.take() else {
            return;
        };
        transfer.answer = answer;
        if matches!(answer, Answer::Final(code) if code.class().is_negative()) {
            transfer.text = self.quoted(&text);
        }
        self.pass_judgement(&transfer);
    }

    fn pass_judgement(&mut self, transfer: &Transfer) {
        let result = self.judge(transfer);
        if result.is_ok() && transfer.end.is_some_and(|end| end.fresh) {
            self.on_fresh_confirmed();
        }
        let doubtful = transfer.payload == Payload::FileOut
            && matches!(
                result,
                Ok(Outcome::Transfer {
                    proof: Proof::SizeOnly,
                    ..
                })
            );
        if !doubtful || !self.law.holds(Rule::CloseNotify) {
            self.count(transfer.payload, result.is_ok());
            self.finish_with(transfer.ticket, result);
        } else if !self.doubts(transfer) {
            let bytes = transfer.end.map_or(0, |end| end.bytes);
            self.count(transfer.payload, false);
            self.finish_with(transfer.ticket, Err(unproved(bytes, transfer.verb)));
        }
    }

    /// An upload ended without close_notify under TLS, so somebody may have cut it, and not every server knows better: the file must have
    /// the right size. False where that cannot be asked for: of what was appended, of text, and where the name is not known.
    fn doubts(&mut self, transfer: &Transfer) -> bool {
        let image = self.type_asked == Some(Type::Image) && self.phase == Phase::Up;
        let bytes = transfer.end.map_or(0, |end| end.bytes);
        let Some(request) = self.request_of(Some(transfer.ticket)) else {
            return false;
        };
        if transfer.verb == Verb::Stou {
            request.second.clear();
            request.second.extend_from_slice(&transfer.name);
        }
        let askable = image && transfer.verb != Verb::Appe && !request.stored_as().is_empty();
        request.doubtful = askable.then_some(bytes);
        askable
    }

    /// SIZE has been answered.
    pub(super) fn on_confirmed(&mut self, expected: &Expected, code: Code, text: &Piece) {
        let size = size_in_reply(self.queue.text(text))
            .ok()
            .filter(|_| code == Code::FILE_STATUS);
        let Some(request) = self.request_of(expected.ticket) else {
            return;
        };
        let (ticket, offset, verb) = (request.ticket, request.offset, request.kind.verb());
        let bytes = request.doubtful.unwrap_or(0);
        let name = (verb == Verb::Stou).then(|| request.second.clone());
        let stored = size.map(|size| size.saturating_sub(offset));
        let result = match stored.map(|stored| (stored, stored.cmp(&bytes))) {
            Some((_, Ordering::Equal)) => Ok(Outcome::Transfer {
                bytes,
                expected: Some(bytes),
                proof: Proof::SizeOnly,
                name: name.map(|name| self.queue.keep(&name)),
            }),
            Some((stored, Ordering::Greater)) => {
                let kind = FailureKind::Longer {
                    bytes: stored,
                    expected: bytes,
                };
                Err(Failure::new(kind, Some(verb)))
            }
            Some((stored, Ordering::Less)) => {
                let kind = FailureKind::Truncated {
                    bytes: stored,
                    expected: Some(bytes),
                };
                Err(Failure::new(kind, Some(verb)))
            }
            None => Err(unproved(bytes, verb)),
        };
        self.count(Payload::FileOut, result.is_ok());
        self.finish_with(ticket, result);
    }

    fn count(&mut self, payload: Payload, whole: bool) {
        let counted = match payload {
            Payload::ListIn => &mut self.evidence.listings,
            Payload::FileIn | Payload::FileOut => &mut self.evidence.files,
        };
        *counted = counted.saturating_add(u32::from(whole));
    }

    pub(super) fn judge(&mut self, transfer: &Transfer) -> Result<Outcome, Failure> {
        let request = self
            .requests
            .iter()
            .find(|request| request.ticket == transfer.ticket);
        let ended = transfer.end.unwrap_or(Ended {
            end: None,
            bytes: 0,
            protected: false,
            fresh: false,
            source_ended: false,
        });
        let size = request.and_then(Request::expected_bytes);
        let hinted = transfer.hinted.filter(|hint| {
            // The size in the preliminary reply is only a hint, unless the server is known to name the right one: it may count the whole
            // file, or ASCII differently.
            request.is_some_and(Request::is_whole) && (ended.bytes < *hint || self.sizes_announced)
        });
        let expected = size.or(hinted);
        let evidence = Evidence {
            payload: transfer.payload,
            answer: match transfer.answer {
                Answer::Awaited | Answer::Preliminary => {
                    Answer::Final(Code::CLOSING_DATA_CONNECTION)
                }
                answer => answer,
            },
            end: ended.end,
            protected: ended.protected,
            bytes: ended.bytes,
            expected,
            tolerate_missing_close_notify: self.config.missing_close_notify
                == MissingCloseNotify::IfSizeAgrees,
            source_ended: ended.source_ended,
            // A refusal behind a handshake that resumed nothing may be about just that.
            bare_listing: request.is_some_and(|request| request.argument.is_empty())
                && !ended.fresh,
            announced: transfer.announced,
        };
        let bytes = ended.bytes;
        let done = |proof, name| Outcome::Transfer {
            bytes,
            expected,
            proof,
            name,
        };
        // A server that refuses the file outright ends the data connection, in the middle of its handshake if need be.
        let broken = transfer.broken.filter(|broken| {
            transfer.announced || !is_cut(*broken) || !is_about_the_file(transfer.answer)
        });
        let kind = match verdict(self.law, &evidence) {
            // Without a data connection that could be trusted nothing is proved: whoever got the data in our place, the server is content.
            Verdict::Complete | Verdict::CompleteWithoutCloseNotify | Verdict::Empty
                if broken.is_some() && ended.end.is_none() && self.law.holds(Rule::DataEnd) =>
            {
                FailureKind::Truncated { bytes, expected }
            }
            Verdict::Complete => {
                let name = self.kept_name(transfer);
                return Ok(done(Proof::CleanEnd, name));
            }
            Verdict::CompleteWithoutCloseNotify => {
                let name = self.kept_name(transfer);
                return Ok(done(Proof::SizeOnly, name));
            }
            Verdict::Empty => return Ok(done(Proof::Empty, None)),
            Verdict::Truncated => FailureKind::Truncated { bytes, expected },
            Verdict::Longer => FailureKind::Longer {
                bytes,
                expected: expected.unwrap_or(0),
            },
            Verdict::Unconfirmed => FailureKind::Unconfirmed { bytes },
            Verdict::Failed if ended.fresh && wants_reuse(transfer.answer) => {
                FailureKind::SessionReuseRequired
            }
            Verdict::Failed => self.refusal_kind(transfer, bytes),
        };
        // What broke on our side or in between explains more than its consequences.
        let kind = match (broken, ended.end) {
            (Some(broken), _) => broken,
            (None, Some(DataEnd::Local)) => FailureKind::Local { bytes },
            (None, Some(DataEnd::Tls(fault))) => FailureKind::DataTls(fault),
            _ => kind,
        };
        Err(match transfer.answer {
            Answer::Final(code) if code.class().is_negative() => {
                Failure::replied(kind, Some(transfer.verb), code, transfer.text.clone())
            }
            _ => match &self.ending {
                Some(ending)
                    if transfer.answer == Answer::Lost
                        // What broke first is the cause; that nothing more was heard may follow from it.
                        && transfer.broken.is_none()
                        && !matches!(
                            kind,
                            FailureKind::Unconfirmed { .. } | FailureKind::Aborted { .. }
                        ) =>
                {
                    ending.clone()
                }
                _ => Failure::new(kind, Some(transfer.verb)),
            },
        })
    }

    /// A refusal by the file system is the server's word; a broken connection leaves the transfer unproved.
    pub(super) fn refusal_kind(&self, transfer: &Transfer, bytes: u64) -> FailureKind {
        if is_about_the_file(transfer.answer) || !transfer.announced {
            FailureKind::Refused
        } else {
            FailureKind::TransferFailed { bytes }
        }
    }

    pub(super) fn kept_name(&mut self, transfer: &Transfer) -> Option<Piece> {
        (!transfer.name.is_empty()).then(|| self.queue.keep(&transfer.name))
    }
}

fn unproved(bytes: u64, verb: Verb) -> Failure {
    let kind = FailureKind::Truncated {
        bytes,
        expected: None,
    };
    Failure::new(kind, Some(verb))
}

/// Whether the server's last word is the file system's.
pub(super) fn is_about_the_file(answer: Answer) -> bool {
    matches!(answer, Answer::Final(code)
        if code.subject() == Subject::FileSystem && code != Code::LOCAL_ERROR && code.class().is_negative())
}

/// Whether the reply is what servers give to a data connection that resumed nothing: 425, or 522 as in some drafts of RFC 4217.
fn wants_reuse(answer: Answer) -> bool {
    matches!(answer, Answer::Final(code)
        if code == Code::CANNOT_OPEN_DATA_CONNECTION || code.value() == 522)
}

/// Whether the peer ended the data connection in its handshake without giving a reason there.
const fn is_cut(broken: FailureKind) -> bool {
    matches!(
        broken,
        FailureKind::DataTls(
            TlsFault::ClosedAtHello | TlsFault::ClosedInHandshake | TlsFault::Reset
        )
    )
}
