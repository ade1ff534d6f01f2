//! What a listener on every wire would know about a story: written from the standards, not from the machine.

use std::collections::VecDeque;

use ftp_proto::Note;
use ftp_proto::testing::{Act, Outcome, Step, Story, Told};
use ftp_proto::wire::command::Verb;
use ftp_proto::wire::reply::Class;
use proptest::test_runner::TestCaseResult;

/// What is known before a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    /// TLS is up on the control connection.
    pub(crate) secure: bool,
    /// The greeting was taken.
    pub(crate) greeted: bool,
    /// PROT as acknowledged last, by its letter.
    pub(crate) prot: Option<u8>,
    prot_asked: VecDeque<u8>,
    /// The last verb that moves data.
    pub(crate) transfer: Option<Verb>,
    /// The control connection is in clear text again by CCC.
    pub(crate) cleared: bool,
    ccc: bool,
    /// QUIT was said.
    pub(crate) quit: bool,
    /// A handshake on the control connection has begun and not ended well.
    pub(crate) securing: bool,
    /// Commands put in line and not answered finally, oldest first.
    pub(crate) open: VecDeque<Verb>,
    /// An abort, a withdrawal or a keep-alive has made the count of replies unclear.
    pub(crate) unclear: bool,
}

impl Book {
    fn note(&mut self, step: &Step) {
        match step {
            Step::Reported(Act::SecureControl, outcome)
                if !matches!(outcome, Outcome::TlsFails(_)) =>
            {
                self.secure = true;
                self.securing = false;
                self.prot = None;
            }
            Step::Did(Act::SecureControl) => self.securing = true,
            Step::Reported(Act::ClearControl, outcome)
                if !matches!(outcome, Outcome::TlsFails(_)) =>
            {
                self.secure = false;
                self.cleared = self.ccc;
            }
            Step::Told(Told::Sent(verb, line)) => self.sent(*verb, line),
            Step::Told(Told::Received(verb, code, _)) => {
                if verb.is_none() && code.class() == Class::Completion {
                    self.greeted = true;
                }
                if code.class() == Class::Preliminary {
                    return;
                }
                if verb.is_some() && *verb == self.open.front().copied() {
                    self.open.pop_front();
                }
                if *verb == Some(Verb::Prot)
                    && let Some(level) = self.prot_asked.pop_front()
                    && code.class() == Class::Completion
                {
                    self.prot = Some(level);
                }
                if *verb == Some(Verb::Rein) && code.class() == Class::Completion {
                    self.prot = None;
                }
            }
            Step::Told(Told::Note(Note::Resynchronising)) => self.unclear = true,
            _ => {}
        }
    }

    fn sent(&mut self, verb: Verb, line: &[u8]) {
        self.open.push_back(verb);
        match verb {
            Verb::Prot => self.prot_asked.extend(line.last()),
            Verb::Ccc => self.ccc = true,
            Verb::Rein => self.ccc = false,
            Verb::Quit => self.quit = true,
            Verb::Noop | Verb::Abor => self.unclear = true,
            _ if verb.moves_data().is_some() => self.transfer = Some(verb),
            _ => {}
        }
    }
}

/// Goes through a story; `law` sees each step with what was known before it.
pub(crate) fn walk(
    story: &Story,
    mut law: impl FnMut(&Book, &Step) -> TestCaseResult,
) -> TestCaseResult {
    let mut book = Book::default();
    for step in &story.steps {
        law(&book, step)?;
        book.note(step);
    }
    Ok(())
}

/// The verb of a line.
pub(crate) fn verb(line: &[u8]) -> Option<Verb> {
    Verb::parse(line.split(|&byte| byte == b' ').next()?)
}
