//! The loop: lines to commands, one at a time, and the deadlines.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::output::Note;
use super::queue::{Line, Told};
use super::verbs::{Course, Stage, course};
use super::{
    Closing, Form, Greeting, HashAlgorithm, Phase, Server, Session, Switch, Timer, VirtualPath,
};
use crate::error::Malformed;
use crate::queue::Errand;
use crate::rules::Rule;
use crate::rules::login::Login;
use crate::rules::secure::State;
use crate::secret::Secret;
use crate::wire::command::{Command, CommandError, Verb, mask_line, secrets_of_site};
use crate::wire::date::Timestamp;
use crate::wire::first_bytes::{FirstBytes, classify_first_bytes};
use crate::wire::reply::{Code, Reply};

/// What runs. Commands wait until nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Work {
    /// Nothing.
    #[default]
    Idle,
    /// The application has been asked.
    Asking(u32, Asked),
    /// PASV or EPSV: the listener is being made.
    Listening,
    /// A failed login is being answered in its time.
    Delaying,
    /// A transfer waits for its data connection, or payload moves.
    Transferring,
}

/// What was asked, with what its answer needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// USER alone.
    User,
    /// PASS.
    Password,
    /// ACCT.
    Account,
    /// HOST.
    Host(Vec<u8>),
    /// CWD, CDUP.
    Directory(VirtualPath),
    /// To open what will be transferred.
    Open,
    /// To make an upload safe.
    Commit,
    /// To close what the storage itself broke off.
    Broken,
    /// MKD.
    Make(VirtualPath),
    /// Something that is answered with 250.
    Action,
    /// Something of SITE.
    Site,
    /// RNFR.
    RenameFrom(VirtualPath),
    /// SIZE.
    Size,
    /// MDTM.
    Modified,
    /// MDTM with something that looks like a time: if there is no file of that name, the time is set.
    ModifiedOrSet(Timestamp, VirtualPath),
    /// MLST.
    Facts(VirtualPath),
    /// STAT with a path.
    StatusListing,
    /// MFMT, SITE UTIME, MDTM with a time.
    Time(VirtualPath),
    /// HASH and its kin: the algorithm, the file, the first byte.
    Digest(HashAlgorithm, VirtualPath, u64),
}

impl Server {
    // ---- what is said

    /// The one place that writes a reply.
    pub(super) fn reply_to(&mut self, verb: Option<Verb>, code: Code, text: &[u8]) {
        Reply::encode(code, text, self.outbox.end());
        let piece = self.queue.keep_masked(text, &self.secrets);
        self.queue.tell(Told::Replied(verb, code, piece));
    }

    /// A reply to the command that is being carried out.
    pub(super) fn reply(&mut self, code: Code, text: &str) {
        self.reply_to(self.current, code, text.as_bytes());
    }

    pub(super) fn note(&mut self, note: Note) {
        self.queue.tell(Told::Note(note));
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

    pub(super) fn on_shutdown(&mut self) {
        self.shutdown = true;
        if self.phase == Phase::Opening {
            if self.protection.settled() {
                self.reply_to(None, Code::SERVICE_NOT_AVAILABLE, b"Shutting down");
                self.end(Closing::Shutdown);
            } else {
                self.drop_control(Closing::Shutdown);
            }
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
        if !self.law.holds(Rule::ForeignSilence) {
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
            && self.control_order == 0
            && self.outbox.is_empty()
            && matches!(self.phase, Phase::Opening | Phase::Up)
        {
            self.control_order = self.order_number();
            self.queue.order(match switch {
                Switch::Secure { .. } => Errand::SecureControl(self.control_order),
                Switch::Clear { .. } => Errand::ClearControl(self.control_order),
            });
        }
        if let Phase::Ending(closing) = self.phase
            && (self.outbox.is_empty() || self.control_order != 0)
        {
            self.close(closing);
        }
        self.set_deadlines();
    }

    fn run(&mut self) {
        while self.phase == Phase::Up && self.protection.settled() && self.has_room() {
            let (lines, bytes) = (self.config.limits.waiting_lines, self.waiting_bound());
            self.inbox.fill(lines, bytes);
            let goes_on = match self.work {
                Work::Idle => self.next_command(),
                Work::Transferring => self.attend(),
                Work::Asking(_, Asked::Digest(..)) => self.attend_digest(),
                Work::Asking(..) | Work::Listening | Work::Delaying => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Whether the client reads its replies.
    fn has_room(&self) -> bool {
        self.outbox.waiting().len() <= self.config.limits.unread_replies
            || !self.law.holds(Rule::Backpressure)
    }

    fn next_command(&mut self) -> bool {
        if self.shutdown {
            self.reply_to(None, Code::SERVICE_NOT_AVAILABLE, b"Shutting down");
            self.end(Closing::Shutdown);
            return false;
        }
        match self.inbox.take() {
            Some(line) => {
                self.timers.cancel(Timer::Idle);
                self.execute(&line);
                true
            }
            None => false,
        }
    }

    /// While a transfer runs: ABOR at once, NOOP and STAT if nothing waits in front of them, and everything else later, in order (RFC 959
    /// section 4.2, RFC 1123 section 4.1.3.3).
    fn attend(&mut self) -> bool {
        if self.inbox.has_abort() {
            self.abort();
            return true;
        }
        let Some(Ok(command)) = self.inbox.front().map(Command::parse) else {
            return false;
        };
        let verb = command.verb();
        if !matches!(command, Command::Noop | Command::Stat(None))
            || course(verb, Stage::Transfer) != Course::Acts
        {
            return false;
        }
        if let Some(line) = self.inbox.take() {
            self.log(Some(verb), line.text());
        }
        match verb {
            Verb::Noop => self.reply_to(Some(verb), Code::COMMAND_OKAY, b"Okay"),
            _ => self.on_stat(Some(verb)),
        }
        true
    }

    /// A line is a command, an error, or nothing. Each command gets one final reply, now or later.
    fn execute(&mut self, line: &Line) {
        self.current = None;
        let text = match line {
            Line::TooLong => return self.on_long_line(),
            Line::Text(text) => text.expose(),
        };
        self.long_lines = 0;
        // Not a command by any grammar; address translators send such lines.
        if text.is_empty() {
            return;
        }
        if !self.logged_in()
            && self.law.holds(Rule::ForeignSilence)
            && let Some(foreign) = foreign(text)
        {
            return self.drop_control(Closing::Foreign(foreign));
        }
        let parsed = Command::parse(text);
        let verb = match &parsed {
            Ok(command) => named(text).or_else(|| Some(command.verb())),
            Err(error) => error.verb,
        };
        if self.law.holds(Rule::SecretsMasked) {
            if let Ok(Command::Pass(secret) | Command::Acct(secret)) = &parsed {
                self.secrets.learn(&Secret::new(secret.as_bytes()));
            }
            for secret in secrets_of_site(text) {
                self.secrets.learn(&Secret::new(secret));
            }
        }
        self.log(verb, text);
        self.current = verb.map(Verb::canonical);
        self.expire(self.current);
        let stage = Stage::of(self.session.login);
        match (self.current.map(|verb| course(verb, stage)), parsed) {
            (Some(Course::Answered(code)), _)
                if code != Code::NOT_LOGGED_IN || self.law.holds(Rule::LoginFirst) =>
            {
                self.reply(code, answered(code));
            }
            (_, Ok(command)) => self.carry_out(command),
            (_, Err(error)) => self.on_malformed(error),
        }
    }

    fn log(&mut self, verb: Option<Verb>, line: &[u8]) {
        let masked = mask_line(line).to_string();
        let piece = self.queue.keep_masked(masked.as_bytes(), &self.secrets);
        self.queue.tell(Told::Command(verb, piece));
    }

    /// Takes back what only the next command may use: REST and RANG, RNFR, USER.
    fn expire(&mut self, verb: Option<Verb>) {
        let verb = verb.unwrap_or(Verb::Quit);
        if !restart_outlives(verb) && self.law.holds(Rule::RestartOnce) {
            self.session.restart = None;
        }
        let passing = matches!(verb, Verb::Noop | Verb::Stat | Verb::Help);
        if !passing && verb != Verb::Rnto && self.law.holds(Rule::RenamePaired) {
            self.session.rename = None;
        }
        if !passing
            && !matches!(verb, Verb::Pass | Verb::Acct)
            && matches!(self.session.login, Login::PasswordDue | Login::AccountDue)
        {
            self.log_out();
        }
    }

    fn on_long_line(&mut self) {
        self.note(Note::LineTooLong);
        self.expire(None);
        self.long_lines = self.long_lines.saturating_add(1);
        if self.long_lines >= self.config.limits.long_lines && self.law.holds(Rule::ErrorBudget) {
            self.reply(Code::SERVICE_NOT_AVAILABLE, "Too many long lines");
            self.end(Closing::TooManyErrors);
        } else {
            self.reply(Code::UNRECOGNIZED_COMMAND, "The line is too long");
        }
    }

    fn on_malformed(&mut self, error: CommandError) {
        // A transfer command it was, if not one that could be understood: what REST said was for it.
        let transfer = error.verb.is_some_and(|verb| verb.moves_data().is_some());
        if transfer && self.law.holds(Rule::RestartOnce) {
            self.session.restart = None;
        }
        let no_command = error.verb.is_none() || error.kind == Malformed::ForbiddenByte;
        if no_command {
            self.errors = self.errors.saturating_add(1);
            let limit = if self.logged_in() {
                self.config.limits.errors
            } else {
                self.config.limits.errors_before_login
            };
            if self.errors >= limit && self.law.holds(Rule::ErrorBudget) {
                self.reply(Code::SERVICE_NOT_AVAILABLE, "Too many errors");
                return self.end(Closing::TooManyErrors);
            }
        }
        let text = match error.kind {
            Malformed::Verb => "Unknown command",
            Malformed::MissingArgument => "An argument is needed",
            Malformed::UnexpectedArgument => "There is no argument to this",
            Malformed::ForbiddenByte => "The line holds a byte that cannot be in it",
            _ if error.code == Code::PARAMETER_NOT_IMPLEMENTED => "Not for that parameter",
            _ => "The argument is not understood",
        };
        self.reply(error.code, text);
    }

    fn carry_out(&mut self, command: Command<'_>) {
        match command {
            Command::User(name) => self.on_user(name.as_bytes()),
            Command::Pass(password) => self.on_pass(password.as_bytes()),
            Command::Acct(account) => self.on_acct(account.as_bytes()),
            Command::Host(name) => self.on_host(name.as_bytes()),
            Command::Quit => {
                self.reply(Code::CLOSING_CONTROL_CONNECTION, "Goodbye");
                self.end(Closing::Quit);
            }
            Command::Rein => self.on_rein(),
            Command::Auth(mechanism) => self.on_auth(mechanism),
            Command::Pbsz(_) => self.on_pbsz(),
            Command::Prot(level) => self.on_prot(level),
            Command::Ccc => self.on_ccc(),

            Command::Type(kind) => self.on_type(kind),
            Command::Stru(structure) => self.on_stru(structure),
            Command::Mode(mode) => self.on_mode(mode),
            Command::Allo { size, .. } => self.on_allo(size),
            Command::Rest(offset) => self.on_rest(offset),
            Command::RestMarker(_) => {
                self.reply(Code::PARAMETER_SYNTAX, "In stream mode markers are numbers");
            }
            Command::Rang { start, end } => self.on_rang(start, end),
            Command::Opts(text) => {
                let (target, options) = text.split_word();
                self.on_opts(target, options.as_bytes());
            }
            Command::Lang(tag) => self.on_lang(tag.as_bytes()),

            Command::Port(argument) => self.on_port(argument),
            Command::Pasv => self.on_pasv(),
            Command::Eprt(argument) => self.on_eprt(argument),
            Command::Epsv(argument) => self.on_epsv(argument),
            Command::Abor => self.on_abor(),

            Command::Retr(path) => self.on_retr(path),
            Command::Stor(path) => self.on_stor(path),
            Command::Appe(path) => self.on_appe(path),
            Command::Stou(hint) => self.on_stou(hint),
            Command::List(path) => self.on_listing(Form::Long, path),
            Command::Nlst(path) => self.on_listing(Form::Names, path),
            Command::Mlsd(path) => self.on_listing(Form::Facts, path),

            Command::Cwd(path) => self.on_cwd(path),
            Command::Cdup => self.on_cdup(),
            Command::Pwd => self.on_pwd(),
            Command::Mkd(path) => self.on_mkd(path),
            Command::Rmd(path) => self.on_rmd(path),
            Command::Dele(path) => self.on_dele(path),
            Command::Rnfr(path) => self.on_rnfr(path),
            Command::Rnto(path) => self.on_rnto(path),
            Command::Size(path) => self.on_size(path),
            Command::Mdtm(path) => self.on_mdtm(path),
            Command::Mlst(path) => self.on_mlst(path),
            Command::Mfmt { time, path } => self.on_mfmt(time, path),
            Command::Hash(path) => self.on_hash(path),
            Command::Stat(Some(path)) => self.on_stat_path(path),

            Command::Stat(None) => self.on_stat(self.current),
            Command::Syst => self.on_syst(),
            Command::Feat => self.on_feat(),
            Command::Help(about) => self.on_help(about),
            Command::Site(text) => self.on_site(text),
            Command::Noop => self.reply(Code::COMMAND_OKAY, "Okay"),
            // The name of the client changes nothing.
            Command::Clnt(_) => self.reply(Code::COMMAND_OKAY, "Noted"),
            Command::Other {
                verb:
                    verb @ (Verb::Xcrc
                    | Verb::Xmd5
                    | Verb::Xsha
                    | Verb::Xsha1
                    | Verb::Xsha256
                    | Verb::Xsha512),
                argument,
            } => self.on_x_hash(verb, argument),
            _ => self.reply(Code::NOT_IMPLEMENTED, answered(Code::NOT_IMPLEMENTED)),
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

    /// What is outgoing goes, then the control connection is closed. Everything else is closed at once.
    pub(super) fn end(&mut self, closing: Closing) {
        if matches!(self.phase, Phase::Ending(_) | Phase::Closed) {
            return;
        }
        self.release_everything();
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
        self.control_order = 0;
        self.switch = None;
        self.session = Session::default();
        self.queue.order(Errand::CloseControl);
        self.queue.tell(Told::Closed(closing));
    }

    // ---- deadlines

    pub(super) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Login | Timer::Idle if self.protection.settled() => {
                self.reply_to(None, Code::SERVICE_NOT_AVAILABLE, b"Timed out");
                self.end(Closing::TimedOut(timer));
            }
            Timer::Login | Timer::Idle | Timer::Handshake | Timer::Send | Timer::Close => {
                self.drop_control(Closing::TimedOut(timer));
            }
            Timer::LoginDelay => self.on_login_delay(),
            Timer::DataOpen if self.work == Work::Listening => self.on_no_listener(),
            Timer::DataOpen => self.on_data_unreachable(),
            Timer::DataHandshake => self.on_data_insecure(None),
            Timer::Stall => {
                self.fail_transfer(Code::TRANSFER_ABORTED, "The data connection stood still");
            }
            Timer::Drain => self.on_drained(),
        }
    }

    fn set_deadlines(&mut self) {
        if self.phase == Phase::Closed || !self.law.holds(Rule::Deadlines) {
            self.timers.clear();
            return;
        }
        let limits = &self.config.limits;
        if self.outbox.is_empty() {
            self.timers.cancel(Timer::Send);
        } else if self.timers.at(Timer::Send).is_none() {
            self.timers.arm(Timer::Send, self.now + limits.send_wait);
        }
        // Neither a command nor a transfer is active (RFC 1123 section 4.1.3.2).
        let idle = self.phase == Phase::Up
            && self.protection.settled()
            && self.session.login == Login::In
            && self.work == Work::Idle;
        if !idle {
            self.timers.cancel(Timer::Idle);
        } else if self.timers.at(Timer::Idle).is_none() {
            self.timers.arm(Timer::Idle, self.now + limits.idle_wait);
        }
    }

    pub(super) fn order_number(&mut self) -> u32 {
        let number = self.next_order;
        self.next_order = self.next_order.checked_add(1).unwrap_or(1);
        number
    }

    pub(super) fn question_number(&mut self) -> u32 {
        let number = self.next_question;
        self.next_question = self.next_question.wrapping_add(1);
        number
    }
}

/// The verbs behind which REST and RANG are still in force; everything else takes them back (RFC 3659 section 5.3). The transfer commands
/// take them up themselves.
fn restart_outlives(verb: Verb) -> bool {
    verb.sets_up_data()
        || matches!(
            verb,
            Verb::Type
                | Verb::Prot
                | Verb::Noop
                | Verb::Retr
                | Verb::Stor
                | Verb::Appe
                | Verb::Stou
                | Verb::Hash
        )
}

/// The protocol of a client that is none of FTP's, as far as one line tells.
fn foreign(line: &[u8]) -> Option<FirstBytes> {
    let classified = classify_first_bytes(line);
    let starts = |word: &[u8]| {
        line.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    match classified {
        FirstBytes::Http | FirstBytes::Ssh | FirstBytes::Smtp => Some(classified),
        _ if starts(b"HOST:") || starts(b"USER-AGENT:") => Some(FirstBytes::Http),
        // Any method, known or not; a command of ours may hold these bytes in a name.
        _ if named(line).is_none() && line.windows(6).any(|part| part == b" HTTP/") => {
            Some(FirstBytes::Http)
        }
        _ if starts(b"MAIL FROM:") || starts(b"RCPT TO:") => Some(FirstBytes::Smtp),
        _ => None,
    }
}

/// The verb as it was spelled.
fn named(line: &[u8]) -> Option<Verb> {
    Verb::parse(line.split(|byte| *byte == b' ').next()?)
}

/// The text of a reply that the table of verbs gives.
fn answered(code: Code) -> &'static str {
    match code {
        Code::NOT_LOGGED_IN => "Log in first",
        Code::BAD_SEQUENCE => "Not now",
        Code::SUPERFLUOUS => "Not needed here",
        _ => "Not implemented",
    }
}
