//! What each reply leads to.

use crate::error::{Failure, FailureKind, Malformed};
use crate::output::Note;
use crate::queue::Piece;
use crate::rules::data::{Life, Payload};
use crate::rules::login::{Login, LoginCommand};
use crate::rules::replies::{Dialogue, Meaning, meaning};
use crate::rules::transfer::Answer;
use crate::rules::{Law, Rule};
use crate::ticket::TicketId;
use crate::time::Timer;
use crate::wire::command::{Verb, encode_raw};
use crate::wire::date::{mdtm_reply, size_in_150, size_in_reply};
use crate::wire::digest::Hashed;
use crate::wire::features::FeatureSet;
use crate::wire::quoted::{parse_257, stou_name};
use crate::wire::reply::{Class, Code};

use super::queue::{Item, Outcome};
use super::request::{Expected, Kind, Step, Steps};
use super::{Client, Phase, Switch};

impl Client {
    /// Takes one whole reply; its text lies in the queue's store.
    pub(super) fn on_reply(&mut self, code: Code, text: Piece) {
        self.evidence.control.last_code = Some(code);
        self.evidence.control.waited = self.now.since(self.evidence.control.last_heard);
        self.evidence.control.last_heard = self.now;
        self.timers.cancel(Timer::Reply);
        let verb = self.answered_verb(code);
        self.queue.push(Item::Received(verb, code, text.clone()));
        if code == Code::SERVICE_NOT_AVAILABLE && self.phase != Phase::Greeting {
            let kept = self.quoted(&text);
            self.lose_control(Failure::replied(
                FailureKind::ServiceClosing,
                verb,
                code,
                kept,
            ));
        } else if self.phase == Phase::Greeting {
            self.on_greeting(code, &text);
        } else if self.aborting.is_some() && !self.answers_earlier_request() {
            self.on_reply_while_aborting(code, &text);
        } else if self.is_keepalive_answer(code) {
            self.take_keepalive();
        } else {
            match self.outstanding.front().copied() {
                Some(expected) => self.on_answer(expected, code, &text),
                None => self.on_ownerless(code, &text),
            }
        }
    }

    /// Whether the reply is due to a request before the transfer that is being given up: it means what it always means.
    fn answers_earlier_request(&self) -> bool {
        let given_up = self
            .aborting
            .and_then(|aborting| aborting.transfer)
            .map(|(ticket, _)| ticket);
        self.outstanding.front().is_some_and(|front| {
            !front.orphan && front.ticket.is_some() && front.ticket != given_up
        })
    }

    fn answered_verb(&self, code: Code) -> Option<Verb> {
        if self.aborting.is_none() && self.is_keepalive_answer(code) {
            Some(Verb::Noop)
        } else {
            self.verb_in_question()
        }
    }

    /// A reply that no command asked for.
    fn on_ownerless(&mut self, code: Code, text: &Piece) {
        if self.surplus && matches!(code.class(), Class::Completion | Class::TransientNegative) {
            // Some servers answer a transfer twice. It has an owner as long as nothing else was said since.
            self.surplus = false;
            self.note(Note::SurplusReply(code));
        } else if self.law.holds(Rule::Pairing) {
            let failure = self.failure(FailureKind::Desynchronised, None, code, text);
            self.fail_session(failure);
        }
    }

    fn on_answer(&mut self, expected: Expected, code: Code, text: &Piece) {
        let dialogue = dialogue_of(&expected);
        let meaning = match meaning(dialogue, code.class()) {
            Some(meaning) => meaning,
            // A command that lost its request may be answered by anything; a preliminary reply does not end it.
            None if expected.orphan && code.class() == Class::Preliminary => Meaning::Wait,
            None if expected.orphan => Meaning::Refused,
            // AUTH has a table of its own.
            None if matches!(expected.step, Step::Auth(_)) => Meaning::Done,
            None if !self.law.holds(Rule::ClassTable) => Meaning::Done,
            None => {
                let failure = self.failure(
                    FailureKind::UnexpectedReply,
                    Some(expected.verb),
                    code,
                    text,
                );
                self.fail_session(failure);
                return;
            }
        };
        if meaning == Meaning::Wait {
            self.on_preliminary(expected, code, text);
            return;
        }
        self.outstanding.pop_front();
        self.on_restart_answered(&expected, meaning);
        if expected.orphan {
            self.timers.cancel(Timer::Guard);
            self.on_type(expected.step, code);
            self.on_rename_left(&expected, meaning);
        } else {
            self.on_final(expected, meaning, code, text);
        }
    }

    fn on_preliminary(&mut self, expected: Expected, code: Code, text: &Piece) {
        let limit = self.config.limits.preliminary_replies;
        if let Some(front) = self.outstanding.front_mut() {
            front.preliminaries = front.preliminaries.saturating_add(1);
            if front.preliminaries > limit {
                let failure = self.failure(
                    FailureKind::UnexpectedReply,
                    Some(expected.verb),
                    code,
                    text,
                );
                self.fail_session(failure);
                return;
            }
        }
        if expected.orphan {
            if expected.step == Step::Verb && matches!(expected.kind, Some(Kind::Transfer(..))) {
                // The server has begun a transfer that has no data connection any more.
                self.give_up_transfer(None, None);
            }
            return;
        }
        let now = self.now;
        let words = self.queue.text(text);
        let hint = if code == Code::RESTART_MARKER {
            None
        } else {
            size_in_150(words)
        };
        let name = if expected.verb == Verb::Stou {
            stou_name(words)
        } else {
            None
        };
        let Some(transfer) = self
            .transfer
            .as_mut()
            .filter(|transfer| Some(transfer.ticket) == expected.ticket)
        else {
            return;
        };
        if let Some(name) = name {
            transfer.name.clear();
            transfer.name.extend_from_slice(name);
        }
        if matches!(transfer.payload, Payload::FileIn | Payload::FileOut) {
            self.restart_left = None;
        }
        transfer.hinted = transfer.hinted.or(hint);
        transfer.announced = true;
        if transfer.answer == Answer::Awaited {
            transfer.answer = Answer::Preliminary;
        }
        self.evidence.data.announced.get_or_insert(now);
        self.weigh_announced_size(expected.ticket, hint);
        self.move_data_on();
    }

    /// Whether the preliminary replies of this server tell what SIZE would. Where one does not, SIZE is asked for again from the next file on.
    fn weigh_announced_size(&mut self, ticket: Option<TicketId>, announced: Option<u64>) {
        let Some(request) = self.request_of(ticket).filter(|request| request.is_whole()) else {
            return;
        };
        let told = request.size.filter(|_| request.sent.has(Step::Size));
        self.sizes_announced = match (announced, told) {
            (None, _) => false,
            (Some(_), _) if !self.law.holds(Rule::AnnouncedSize) => true,
            // An empty file proves nothing.
            (Some(announced), Some(told)) if told > 0 => announced == told,
            _ => self.sizes_announced,
        };
    }

    fn on_final(&mut self, expected: Expected, meaning: Meaning, code: Code, text: &Piece) {
        match expected.step {
            Step::Auth(method) => self.on_auth(method, code, text),
            Step::User => self.on_login(LoginCommand::User, expected, code, text),
            Step::Pass => {
                self.evidence.control.password_answer = Some((code, self.now));
                self.on_login(LoginCommand::Pass, expected, code, text);
            }
            Step::Acct => self.on_login(LoginCommand::Acct, expected, code, text),
            // Only PROT matters; but some servers want PBSZ to have been accepted before it.
            Step::Pbsz if meaning == Meaning::Refused && self.too_early() => {
                self.ask_again(expected);
            }
            Step::Pbsz => self.done(expected, Step::Pbsz),
            Step::Prot(level) => self.on_prot(expected, level, meaning, code, text),
            Step::Type(_) => {
                self.on_type(expected.step, code);
                if meaning == Meaning::Done {
                    self.done(expected, expected.step);
                } else {
                    self.refused(expected, FailureKind::Refused, code, text);
                }
            }
            Step::Size => {
                let size = size_in_reply(self.queue.text(text))
                    .ok()
                    .filter(|_| code == Code::FILE_STATUS);
                let mut behind_the_end = None;
                if let Some(request) = self.request_of(expected.ticket) {
                    request.size = size;
                    behind_the_end = size
                        .filter(|size| *size < request.offset)
                        .map(|size| (request.offset, size));
                }
                // More is there already than the file has: it is another file. Nothing was moved yet, as REST goes alone.
                if let Some((bytes, expected_size)) = behind_the_end {
                    let kind = FailureKind::Longer {
                        bytes,
                        expected: expected_size,
                    };
                    self.refused(expected, kind, code, text);
                }
            }
            Step::Confirm => self.on_confirmed(&expected, code, text),
            Step::Algorithm(_) if meaning == Meaning::Done => self.done(expected, expected.step),
            Step::Algorithm(_) => {
                self.algorithm_asked = None;
                self.refused(expected, FailureKind::Refused, code, text);
            }
            Step::Setup(mode) => self.on_setup(expected, mode, meaning, code, text),
            Step::Allo => {
                // Servers that need no ALLO refuse it; only a lack of space is an answer.
                if matches!(code.value(), 452 | 552) {
                    self.refused(expected, FailureKind::Refused, code, text);
                }
            }
            Step::Rest => {
                if meaning == Meaning::Continue || !self.law.holds(Rule::RestartAcknowledged) {
                    self.done(expected, Step::Rest);
                } else {
                    self.refused(expected, FailureKind::RestartRefused, code, text);
                }
            }
            Step::Verb => self.on_verb(expected, meaning, code, text),
            Step::RenameTo => self.on_simple(expected, meaning, code, text),
            Step::Abort | Step::Barrier | Step::Keepalive => {}
        }
    }

    /// What the answer to REST, or to the transfer behind it, says about the restart point the server remembers. It is taken up with the
    /// file, refused, or set to 0; after anything else it may be there still (RFC 3659 section 5.3). A range too: ProFTPD's HASH overlooks it,
    /// and the next download would be that part alone.
    fn on_restart_answered(&mut self, expected: &Expected, meaning: Meaning) {
        let settled = match (expected.step, expected.kind) {
            (Step::Rest, _) => {
                let zero = self.requests.iter().any(|request| {
                    Some(request.ticket) == expected.ticket
                        && request.offset == 0
                        && request.length.is_none()
                });
                meaning == Meaning::Refused || zero
            }
            (Step::Verb, Some(Kind::Transfer(_, Payload::FileIn | Payload::FileOut))) => {
                meaning == Meaning::Done
            }
            (Step::Verb, Some(Kind::Reinitialize)) => meaning == Meaning::Done,
            _ => false,
        };
        if settled {
            self.restart_left = None;
        }
    }

    /// A rename was withdrawn, and the server now waits for RNTO. ProFTPD takes next to nothing else before that, so it gets one without a
    /// name: every server refuses it, and no file is touched.
    fn on_rename_left(&mut self, expected: &Expected, meaning: Meaning) {
        let waits = expected.kind == Some(Kind::Rename)
            && meaning == Meaning::Continue
            && self.phase == Phase::Up;
        if waits {
            self.say(Step::RenameTo, Verb::Rnto, None, |out, max| {
                encode_raw(b"RNTO", out, max).map(|_| ())
            });
            self.orphan(Some(Step::RenameTo));
        }
    }

    /// The answer to TYPE counts whatever has become of the request it was sent for.
    pub(super) fn on_type(&mut self, step: Step, code: Code) {
        let Step::Type(wanted) = step else { return };
        if code.class() == Class::Completion {
            self.session.representation = Some(wanted);
        } else {
            self.type_asked = self.session.representation;
        }
    }

    fn on_verb(&mut self, expected: Expected, meaning: Meaning, code: Code, text: &Piece) {
        match expected.kind {
            Some(Kind::Transfer(..)) => self.on_transfer_end(expected, code, text),
            Some(Kind::Reinitialize) if meaning == Meaning::Done => {
                self.session.login = Login::Out;
                self.session.representation = None;
                self.type_asked = None;
                self.forget_knowledge();
                if let Some(ticket) = expected.ticket {
                    self.finish_with(ticket, Ok(Outcome::Nothing));
                }
                if self.session.protection.is_secure() {
                    self.session.protection.data = None;
                    self.switch_protection(Switch::Clear);
                }
            }
            Some(Kind::ClearChannel) if meaning == Meaning::Done => {
                self.switch_protection(Switch::Clear);
            }
            Some(Kind::Quit) => {
                if let Some(ticket) = expected.ticket {
                    self.finish_with(ticket, Ok(Outcome::Nothing));
                }
                self.end_session(None);
            }
            _ => self.on_simple(expected, meaning, code, text),
        }
    }

    fn on_transfer_end(&mut self, expected: Expected, code: Code, text: &Piece) {
        if self
            .concluding
            .as_ref()
            .is_some_and(|transfer| Some(transfer.ticket) == expected.ticket)
        {
            self.conclude(Answer::Final(code), text.clone());
            return;
        }
        if code.class().is_negative() && self.too_early() {
            self.transfer = None;
            self.ask_again(expected);
            return;
        }
        let now = self.now;
        let quoted = code.class().is_negative().then(|| self.quoted(text));
        let never_opened = !self.data.is_connected() && !matches!(self.data.life, Life::Ended(_));
        let words = self.queue.text(text);
        let Some(transfer) = self
            .transfer
            .as_mut()
            .filter(|transfer| Some(transfer.ticket) == expected.ticket)
        else {
            return;
        };
        if transfer.verb == Verb::Stou
            && transfer.name.is_empty()
            && let Some(name) = stou_name(words)
        {
            transfer.name.extend_from_slice(name);
        }
        transfer.answer = Answer::Final(code);
        self.surplus = true;
        if let Some(quoted) = quoted {
            transfer.text = quoted;
        }
        self.evidence.data.verb = Some(expected.verb);
        self.evidence.data.final_reply = Some((code, now));
        let no_connection =
            code == Code::CANNOT_OPEN_DATA_CONNECTION && never_opened && transfer.end.is_none();
        if no_connection && self.another_mode().is_some() {
            // The server could not reach us, or we not it: the next way may work.
            self.transfer = None;
            self.close_data();
            self.try_next_mode(expected.ticket);
        } else if code.class().is_negative() && !self.renewal_is_announced() {
            self.close_data();
            self.join();
        } else {
            self.move_data_on();
            self.join();
        }
    }

    /// The end of a command whose reply is its whole story.
    fn on_simple(&mut self, expected: Expected, meaning: Meaning, code: Code, text: &Piece) {
        let Some(ticket) = expected.ticket else {
            return;
        };
        if meaning == Meaning::Continue && expected.step == Step::Verb {
            // RNFR is through; RNTO is next.
            if let Some(request) = self.request_of(Some(ticket)) {
                request.done.insert(Step::Verb);
            }
            return;
        }
        if meaning == Meaning::Refused {
            self.refused(expected, FailureKind::Refused, code, text);
            return;
        }
        let outcome = self.outcome_of(expected, code, text);
        self.finish_with(ticket, outcome);
    }

    fn outcome_of(
        &mut self,
        expected: Expected,
        code: Code,
        text: &Piece,
    ) -> Result<Outcome, Failure> {
        let words = self.queue.text(text);
        if expected.verb == Verb::Feat {
            self.session.features = FeatureSet::read(words);
            self.evidence.control.features = Some(self.session.features);
        }
        let outcome = match expected.verb {
            // Who asks raw is given the reply.
            _ if matches!(expected.kind, Some(Kind::Raw(_))) => {
                Ok(Outcome::Reply(code, text.clone()))
            }
            Verb::Size => size_in_reply(words).map(Outcome::Size),
            Verb::Mdtm => mdtm_reply(words).map(Outcome::Time),
            Verb::Hash => self.hashed(&expected, text),
            Verb::Pwd | Verb::Mkd => {
                let mut name = alloc::vec::Vec::new();
                let found = parse_257(words, &mut name).is_ok();
                Ok(Outcome::PathName(found.then(|| self.queue.keep(&name))))
            }
            Verb::Feat => Ok(Outcome::Features(self.session.features, text.clone())),
            // RFC 3659 section 7.2; RFC 959 section 4.1.3 for STAT with a path.
            Verb::Mlst => Ok(Outcome::Names(code, text.clone())),
            Verb::Stat if self.names_a_path(expected.ticket) => {
                Ok(Outcome::Names(code, text.clone()))
            }
            _ => Ok(Outcome::Reply(code, text.clone())),
        };
        outcome.map_err(|malformed| {
            let kind = FailureKind::Protocol(malformed);
            self.failure(kind, Some(expected.verb), code, text)
        })
    }

    fn names_a_path(&mut self, ticket: Option<TicketId>) -> bool {
        let request = self.request_of(ticket);
        request.is_some_and(|request| !request.argument.is_empty())
    }

    /// The digest in a reply, if it is of what was asked for.
    fn hashed(&mut self, expected: &Expected, text: &Piece) -> Result<Outcome, Malformed> {
        let hashed = Hashed::parse(self.queue.text(text))?;
        let request = self.request_of(expected.ticket);
        let (wanted, offset, length) = request.map_or((None, 0, None), |request| {
            (request.algorithm, request.offset, request.length)
        });
        let algorithm = hashed.algorithm.or(wanted);
        let other = wanted.is_some_and(|wanted| {
            algorithm != Some(wanted) || hashed.digest.len() != wanted.size()
        });
        // Some name the byte behind the last one; a file may end before the range does.
        let end = length.map_or(u64::MAX, |length| offset.saturating_add(length));
        let another_part = hashed
            .range
            .is_some_and(|(first, last)| first != offset || last > end);
        if other || another_part {
            return Err(Malformed::Digest);
        }
        Ok(Outcome::Digest {
            algorithm,
            range: hashed.range,
            digest: self.queue.keep(&hashed.digest),
        })
    }

    /// The server refused one command of a request: the request fails, unless it was only too early.
    pub(super) fn refused(
        &mut self,
        expected: Expected,
        kind: FailureKind,
        code: Code,
        text: &Piece,
    ) {
        if self.too_early() {
            self.ask_again(expected);
            return;
        }
        let failure = self.failure(kind, Some(expected.verb), code, text);
        if let Some(ticket) = expected.ticket {
            if self
                .transfer
                .as_ref()
                .is_some_and(|transfer| transfer.ticket == ticket)
            {
                self.transfer = None;
            }
            self.orphan_request(ticket);
            if !self.outstanding.is_empty() {
                self.lock_step();
            }
            self.close_data();
            self.finish_with(ticket, Err(failure));
        }
    }

    pub(super) fn failure(
        &self,
        kind: FailureKind,
        verb: Option<Verb>,
        code: Code,
        text: &Piece,
    ) -> Failure {
        Failure::replied(kind, verb, code, self.quoted(text))
    }

    pub(super) fn done(&mut self, expected: Expected, step: Step) {
        if let Some(request) = self.request_of(expected.ticket) {
            request.done.insert(step);
        }
    }

    /// Whether the login is under way, so that what rode behind it may have been refused for that alone.
    pub(super) fn too_early(&self) -> bool {
        matches!(self.session.login, Login::PasswordDue | Login::AccountDue)
    }

    /// The command went too early in a batch: it will be said again, alone.
    pub(super) fn ask_again(&mut self, expected: Expected) {
        self.lock_step();
        if let (Some(Kind::Transfer(..)), Some(ticket)) = (expected.kind, expected.ticket) {
            // What was set up for it belongs to what was agreed on before: it starts over.
            self.orphan_request(ticket);
            self.close_data();
            self.transfer.take_if(|transfer| transfer.ticket == ticket);
            if let Some(request) = self.request_of(Some(ticket)) {
                request.sent = Steps::default();
                request.done = Steps::default();
            }
        } else if let Some(request) = self.request_of(expected.ticket) {
            request.sent.remove(expected.step);
        }
    }

    // ---- keep-alives

    /// Whether this reply answers a keep-alive rather than the transfer before it: transfers do not end with these codes.
    fn is_keepalive_answer(&self, code: Code) -> bool {
        matches!(code.value(), 200 | 500..=503)
            && self
                .outstanding
                .front()
                .is_some_and(|front| front.step == Step::Verb && self.transfer.is_some())
            && self
                .outstanding
                .iter()
                .any(|expected| expected.step == Step::Keepalive)
    }

    fn take_keepalive(&mut self) {
        if let Some(at) = self
            .outstanding
            .iter()
            .position(|expected| expected.step == Step::Keepalive)
        {
            self.outstanding.remove(at);
        }
    }
}

/// Which diagram of the standards a command follows.
pub(super) fn dialogue_of(expected: &Expected) -> Dialogue {
    match (expected.step, expected.kind) {
        (Step::User, _) => Dialogue::User,
        (Step::Pass, _) => Dialogue::Pass,
        (Step::Acct, _) => Dialogue::Acct,
        (Step::Rest, _) | (Step::Verb, Some(Kind::Rename)) => Dialogue::Half,
        (Step::Verb, Some(Kind::Transfer(..))) => Dialogue::Transfer,
        (Step::Verb, Some(Kind::Reinitialize)) => Dialogue::Ready,
        (Step::Verb, Some(Kind::Raw(_) | Kind::Simple(Verb::Site))) => Dialogue::Raw,
        _ => Dialogue::Simple,
    }
}

/// Whether the direction of a transfer is the verb's own.
pub(super) fn direction(law: Law, payload: Payload) -> crate::order::Direction {
    use crate::order::Direction;
    match payload.direction() {
        Direction::Receive if !law.holds(Rule::Direction) => Direction::Send,
        direction => direction,
    }
}
