//! The loop: lines to commands, one at a time, and the deadlines.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::output::Note;
use super::queue::{Errand, Item, Line};
use super::{Closing, Greeting, Phase, Server, Switch, Timer};
use crate::order::DataId;
use crate::rules::Rule;
use crate::rules::login::Login;
use crate::rules::secure::State;
use crate::wire::command::{Command, Verb, mask_line};
use crate::wire::first_bytes::{FirstBytes, classify_first_bytes};
use crate::wire::reply::{Code, Reply};

/// What runs. Commands wait until nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Work {
    /// Nothing.
    #[default]
    Idle,
}

impl Server {
    // ---- what is said

    /// The one place that writes a reply.
    pub(super) fn reply_to(&mut self, verb: Option<Verb>, code: Code, text: &[u8]) {
        Reply::encode(code, text, self.outbox.end());
        let piece = self.queue.keep(text);
        self.queue.push(Item::Replied(verb, code, piece));
    }

    /// A reply to the command that is being carried out.
    pub(super) fn reply(&mut self, code: Code, text: &str) {
        self.reply_to(self.current, code, text.as_bytes());
    }

    pub(super) fn note(&mut self, note: Note) {
        self.queue.push(Item::Note(note));
    }

    pub(super) fn greet(&mut self) {
        match self.config.greeting.clone() {
            Greeting::Ready(text) => {
                self.phase = Phase::Up;
                self.reply_to(None, Code::SERVICE_READY, &text);
            }
            Greeting::Delayed(text) => self.reply_to(None, Code::SERVICE_DELAYED, &text),
            Greeting::Refused(text) => {
                self.reply_to(None, Code::SERVICE_NOT_AVAILABLE, &text);
                self.end(Closing::Shutdown);
            }
        }
    }

    pub(super) fn on_ready(&mut self) {
        if self.phase == Phase::Opening && self.protection.settled() {
            self.phase = Phase::Up;
            self.reply_to(None, Code::SERVICE_READY, b"Ready");
        }
    }

    // ---- what comes

    pub(super) fn on_bytes(&mut self, bytes: &[u8]) {
        if !matches!(self.phase, Phase::Opening | Phase::Up) || bytes.is_empty() {
            return;
        }
        if !self.protection.settled() {
            // Clear-text bytes while protection changes were put there by somebody else.
            if self.law.holds(Rule::CleanSwitch) {
                self.end(Closing::Injected);
                return;
            }
        }
        if self.speaks_tls(bytes) {
            self.drop_control(Closing::Foreign(FirstBytes::Tls));
            return;
        }
        let room = self.outbox.waiting().len() < self.config.limits.unread_replies;
        let answers = room.then(|| self.outbox.end());
        self.inbox.push(bytes, answers);
    }

    /// Whether the very first bytes are a TLS record where text is due.
    fn speaks_tls(&mut self, bytes: &[u8]) -> bool {
        if self.protection.epoch > 0 || !self.law.holds(Rule::ForeignSilence) {
            return false;
        }
        for byte in bytes {
            let Some(slot) = self.first.get_mut(usize::from(self.first_len)) else {
                return false;
            };
            *slot = *byte;
            self.first_len += 1;
            if self.first == [0x16, 3] {
                return true;
            }
        }
        false
    }

    pub(super) fn waiting_bound(&self) -> usize {
        let limits = &self.config.limits;
        limits.waiting_bytes.max(limits.received_line + 2)
    }

    // ---- the loop

    /// Carries out what can be carried out, emits what is due, and sets the deadlines.
    pub(super) fn advance(&mut self) {
        self.run();
        if let Some(switch) = self.switch
            && self.outbox.is_empty()
            && matches!(self.phase, Phase::Opening | Phase::Up)
        {
            self.switch = None;
            self.control_order = self.order_number();
            self.queue.push(Item::Do(match switch {
                Switch::Secure { .. } => Errand::SecureControl(self.control_order),
                Switch::Clear { .. } => Errand::ClearControl(self.control_order),
            }));
        }
        if let Phase::Ending(closing) = self.phase
            && (self.outbox.is_empty() || !self.protection.settled() && self.switch.is_none())
        {
            self.close(closing);
        }
        self.set_deadlines();
    }

    fn run(&mut self) {
        loop {
            let full = self.outbox.waiting().len() > self.config.limits.unread_replies
                && self.law.holds(Rule::Backpressure);
            if self.phase != Phase::Up || !self.protection.settled() || full {
                return;
            }
            let (lines, bytes) = (self.config.limits.waiting_lines, self.waiting_bound());
            self.inbox.fill(lines, bytes);
            let Some(line) = self.inbox.take() else {
                return;
            };
            self.execute(&line);
        }
    }

    fn execute(&mut self, line: &Line) {
        let text = line.text();
        if text.is_empty() {
            return;
        }
        if self.session.login != Login::In && self.law.holds(Rule::ForeignSilence) {
            let foreign = classify_first_bytes(text);
            if matches!(
                foreign,
                FirstBytes::Http | FirstBytes::Ssh | FirstBytes::Smtp
            ) {
                self.drop_control(Closing::Foreign(foreign));
                return;
            }
        }
        self.timers.cancel(Timer::Idle);
        let parsed = Command::parse(text);
        let verb = match &parsed {
            Ok(command) => Some(command.verb()),
            Err(error) => error.verb,
        };
        let masked: Vec<u8> = mask_line(text).to_string().into_bytes();
        let piece = self.queue.keep(&masked);
        self.queue.push(Item::Command(verb, piece));
        self.current = verb;
        match parsed {
            Ok(Command::Noop) => self.reply(Code::COMMAND_OKAY, "Okay"),
            Ok(Command::Quit) => {
                self.reply(Code::CLOSING_CONTROL_CONNECTION, "Goodbye");
                self.end(Closing::Quit);
            }
            Ok(_) => self.reply(Code::NOT_IMPLEMENTED, "Not implemented"),
            Err(error) => self.reply(error.code, "Not understood"),
        }
    }

    // ---- protection switches

    pub(super) fn begin_switch(&mut self, switch: Switch) {
        self.switch = Some(switch);
        self.protection.begin(match switch {
            Switch::Secure { .. } => State::Securing,
            Switch::Clear { .. } => State::Clearing,
        });
        self.timers.arm(
            Timer::Handshake,
            self.now + self.config.limits.handshake_wait,
        );
    }

    // ---- the end

    /// What is outgoing goes, then the control connection is closed.
    pub(super) fn end(&mut self, closing: Closing) {
        if matches!(self.phase, Phase::Ending(_) | Phase::Closed) {
            return;
        }
        self.phase = Phase::Ending(closing);
        self.inbox.clear();
        self.timers.clear();
        self.timers
            .arm(Timer::Close, self.now + self.config.limits.close_wait);
    }

    /// The control connection is closed at once, and nothing more is said.
    pub(super) fn drop_control(&mut self, closing: Closing) {
        match self.phase {
            Phase::Closed => {}
            Phase::Ending(before) => self.close(before),
            Phase::Opening | Phase::Up => {
                self.end(closing);
                self.close(closing);
            }
        }
    }

    fn close(&mut self, closing: Closing) {
        self.phase = Phase::Closed;
        self.outbox.clear();
        self.timers.clear();
        self.queue.push(Item::Do(Errand::CloseControl));
        self.queue.push(Item::Closed(closing));
    }

    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Close => self.drop_control(Closing::TimedOut(timer)),
            _ => {
                self.reply_to(None, Code::SERVICE_NOT_AVAILABLE, b"Timed out");
                self.end(Closing::TimedOut(timer));
            }
        }
    }

    fn set_deadlines(&mut self) {
        if self.outbox.is_empty() {
            self.timers.cancel(Timer::Send);
        } else if self.timers.at(Timer::Send).is_none() {
            self.timers
                .arm(Timer::Send, self.now + self.config.limits.send_wait);
        }
    }

    pub(super) fn on_progress(&mut self, _data: DataId, _bytes: u64) {}

    pub(super) fn on_source_ended(&mut self, _data: DataId) {}
}
