//! A server on a bench: a client that writes lines, a storage of few files, a world that does what it is told.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::order::{
    AcceptOrder, ConnectOrder, DataEnd, DataId, DataTarget, Desk, Direction, FlowEnd, TlsFacts,
    TlsVersion,
};
use crate::output::Effect;
use crate::rules::Law;
use crate::server::{
    Account, Answer, Closing, Config, Ending, Entry, Event, Input, Kind, Note, Output, Question,
    Refused, Rights, Security, Server, UserId,
};
use crate::time::Instant;
use crate::wire::command::Verb;
use crate::wire::date::Timestamp;
use crate::wire::reply::{Code, ReplyReader};

pub(super) const PEER: &str = "192.0.2.7:40000";
pub(super) const LOCAL: &str = "192.0.2.1:21";

/// A server and its world.
pub(super) struct Bench {
    pub(super) server: Server,
    pub(super) now: Instant,
    pub(super) desk: Desk,
    /// Questions that were not answered by themselves.
    pub(super) asked: VecDeque<Question>,
    /// Whether questions are answered by the storage of the bench.
    pub(super) answers: bool,
    pub(super) rights: Rights,
    pub(super) replies: ReplyReader,
    pub(super) notes: Vec<Note>,
    pub(super) log: Vec<String>,
    pub(super) closed: Option<Closing>,
    pub(super) control_closed: bool,
    pub(super) data_closed: Vec<DataId>,
    pub(super) endings: Vec<(Ending, u64)>,
    pub(super) opened: u32,
    /// Whether the client takes its replies.
    pub(super) reads: bool,
}

/// TLS that resumed, or not.
pub(super) const fn tls(resumed: bool) -> TlsFacts {
    TlsFacts {
        version: TlsVersion::Tls13,
        resumed,
        hello_retry: false,
    }
}

impl Bench {
    /// A server that lets everybody do everything in clear text.
    pub(super) fn clear() -> Bench {
        Bench::with(Config::new(Security::clear()))
    }

    pub(super) fn with(config: Config) -> Bench {
        Bench::between(config, PEER, LOCAL)
    }

    pub(super) fn between(config: Config, peer: &str, local: &str) -> Bench {
        Bench::under(Law::default(), config, peer, local)
    }

    pub(super) fn under(law: Law, config: Config, peer: &str, local: &str) -> Bench {
        let parse = |address: &str| -> SocketAddr { address.parse().unwrap() };
        let now = Instant::from_millis(1_000_000);
        let mut bench = Bench {
            server: Server::with_law(law, config, parse(peer), parse(local), now),
            now,
            desk: Desk::default(),
            asked: VecDeque::new(),
            answers: true,
            rights: Rights::ALL,
            replies: ReplyReader::new(1 << 16, 1 << 20, 1 << 12),
            notes: Vec::new(),
            log: Vec::new(),
            closed: None,
            control_closed: false,
            data_closed: Vec::new(),
            endings: Vec::new(),
            opened: 0,
            reads: true,
        };
        bench.settle();
        bench
    }

    /// Logged in, in clear text.
    pub(super) fn in_clear() -> Bench {
        let mut bench = Bench::clear();
        bench.expect("", &[220]);
        bench.log_in();
        bench
    }

    /// Logged in under TLS.
    pub(super) fn in_tls(config: Config) -> Bench {
        let mut bench = Bench::with(config);
        bench.expect("", &[220]);
        bench.expect("AUTH TLS", &[234]);
        bench.secure_control();
        bench.log_in();
        bench
    }

    pub(super) fn log_in(&mut self) {
        self.expect("USER alice", &[331]);
        self.expect("PASS secret", &[230]);
    }

    pub(super) fn secure_control(&mut self) {
        let order = self.desk.secure_control.take().expect("AUTH was accepted");
        self.handle(Input::Report(order.secured(tls(false))));
    }

    /// One line from the client, and the codes of the replies it leads to.
    pub(super) fn expect(&mut self, line: &str, codes: &[u16]) {
        let replies = self.send(line);
        let got: Vec<u16> = replies.iter().map(|(code, _)| code.value()).collect();
        assert_eq!(got, codes, "{line}: {replies:?}");
    }

    /// As `expect` for one reply, and gives its text.
    pub(super) fn text(&mut self, line: &str, code: u16) -> String {
        let mut replies = self.send(line);
        assert_eq!(replies.len(), 1, "{line}: {replies:?}");
        let (got, text) = replies.remove(0);
        assert_eq!(got.value(), code, "{line}: {text}");
        text
    }

    pub(super) fn send(&mut self, line: &str) -> Vec<(Code, String)> {
        if !line.is_empty() {
            let mut bytes = Vec::from(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
            self.raw(&bytes);
        }
        self.said()
    }

    /// What the server has said and nobody has looked at.
    pub(super) fn said(&mut self) -> Vec<(Code, String)> {
        let mut said = Vec::new();
        while let Some(reply) = self.replies.next_reply().unwrap() {
            let text = String::from_utf8_lossy(reply.text()).into_owned();
            said.push((reply.code(), text));
        }
        said
    }

    pub(super) fn codes(&mut self) -> Vec<u16> {
        self.said().iter().map(|(code, _)| code.value()).collect()
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.handle(Input::Control(bytes));
    }

    pub(super) fn handle(&mut self, input: Input<'_>) {
        self.server.handle(self.now, input);
        self.settle();
    }

    /// Time passes, deadline by deadline.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.server.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.handle(Input::Timeout);
        }
        self.now = end;
    }

    /// Carries out what comes out, until nothing does.
    pub(super) fn settle(&mut self) {
        loop {
            let mut answers = Vec::new();
            while let Some(output) = self.server.poll() {
                match output {
                    Output::Effect(effect) => {
                        take(
                            effect,
                            &mut self.desk,
                            &mut self.data_closed,
                            &mut self.control_closed,
                        );
                    }
                    Output::Question(question) => {
                        // Checkers explore several answers to one question: to copies of it.
                        assert_eq!(question.duplicate(), question);
                        if let Question::Close(close) = &question {
                            self.endings.push((close.ending(), close.bytes()));
                        }
                        if self.answers {
                            let answer = stored(question, self.rights, &mut self.opened);
                            answers.push(answer);
                        } else {
                            self.asked.push_back(question);
                        }
                    }
                    Output::Event(event) => match event {
                        Event::Note(note) => self.notes.push(note),
                        Event::Closed(closing) => {
                            assert_eq!(self.closed, None, "closed twice");
                            self.closed = Some(closing);
                        }
                        Event::Command { line, .. } => {
                            self.log.push(String::from_utf8(line.to_vec()).unwrap());
                        }
                        Event::Replied {
                            verb: Some(verb),
                            reply,
                        } => assert!(
                            listed(verb, reply.code()),
                            "{verb} is not answered with {}",
                            reply.code()
                        ),
                        _ => {}
                    },
                }
            }
            let mut sent = 0;
            if self.reads {
                sent = self.server.outgoing().len();
                self.replies.push(self.server.outgoing());
                self.server.consume_outgoing(sent);
            }
            if sent == 0 && answers.is_empty() {
                break;
            }
            for answer in answers {
                self.server.handle(self.now, Input::Answer(answer));
            }
        }
    }

    // ---- data connections

    pub(super) fn listening(&mut self) {
        let order = self.desk.listen.take().expect("a listener is ordered");
        self.handle(Input::Report(
            order.listening("192.0.2.1:50000".parse().unwrap()),
        ));
    }

    /// PASV, up to a listener that waits.
    pub(super) fn pasv(&mut self) {
        assert!(self.send("EPSV").is_empty());
        self.listening();
        assert_eq!(self.codes(), [229]);
    }

    pub(super) fn accept(&mut self) -> AcceptOrder {
        self.desk.accept.take().expect("a connection is awaited")
    }

    pub(super) fn connected_by(&mut self, peer: &str) {
        let order = self.accept();
        self.handle(Input::Report(order.accepted(peer.parse().unwrap())));
    }

    /// The client connects.
    pub(super) fn client_connects(&mut self) {
        self.connected_by("192.0.2.7");
    }

    pub(super) fn connect(&mut self) -> (ConnectOrder, DataTarget) {
        let order = self.desk.connect.take().expect("a connection is ordered");
        let target = order.target();
        (order, target)
    }

    /// TLS comes up on the data connection.
    pub(super) fn secure_data(&mut self, resumed: bool) {
        let order = self.desk.secure_data.take().expect("TLS is ordered");
        self.handle(Input::Report(order.secured(tls(resumed))));
    }

    pub(super) fn flow(&mut self, direction: Direction, bytes: u64, end: DataEnd) {
        let order = self.desk.flow.take().expect("a flow is ordered");
        assert_eq!(order.direction(), direction);
        self.handle(Input::Report(order.finished(FlowEnd {
            bytes,
            source_ended: direction == Direction::Send,
            end,
        })));
    }
}

/// RFC 2428 section 4 names no code for what comes after EPSV ALL; 503 says it best. 530 is for every command that needs a login,
/// and 501 for every line that holds bytes that cannot be in one.
fn listed(verb: Verb, code: Code) -> bool {
    verb.lists(code)
        || code == Code::PARAMETER_SYNTAX
        || (verb.sets_up_data() && code == Code::BAD_SEQUENCE)
        || (verb.needs_login() && code == Code::NOT_LOGGED_IN)
}

fn take(effect: Effect, desk: &mut Desk, closed: &mut Vec<DataId>, control_closed: &mut bool) {
    match effect {
        Effect::SecureControl(order) => desk.secure_control = Some(order),
        Effect::ClearControl(order) => desk.clear_control = Some(order),
        Effect::CloseControl => *control_closed = true,
        Effect::Connect(order) => desk.connect = Some(order),
        Effect::Listen(order) => desk.listen = Some(order),
        Effect::Accept(order) => desk.accept = Some(order),
        Effect::SecureData(order) => desk.secure_data = Some(order),
        Effect::Flow(order) => desk.flow = Some(order),
        Effect::CloseData(data, _) => {
            desk.forget(data);
            closed.push(data);
        }
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::new(2026, 3, 1, 12, 0, 0).unwrap()
}

/// A storage with the file `/file` of ten bytes and the directory `/dir`; `/busy` is in use, `/full` has no space.
pub(super) fn stored(question: Question, rights: Rights, opened: &mut u32) -> Answer {
    let path = |path: &crate::server::VirtualPath| -> String {
        String::from_utf8_lossy(&path.to_bytes()).to_string()
    };
    let entry = |name: &str| match name {
        "/file" | "/dir/file" => Ok(Entry::new(b"file", Kind::File)
            .with_size(10)
            .with_modified(now())),
        "/dir" => Ok(Entry::new(b"dir", Kind::Directory).with_modified(now())),
        "/" => Ok(Entry::new(b"", Kind::Directory).with_modified(now())),
        "/busy" => Err(Refused::Busy),
        _ => Err(Refused::NotFound),
    };
    let mut open = || *opened += 1;
    match question {
        Question::Authenticate(question) => match (question.name(), question.password()) {
            (b"alice", Some(b"secret")) => {
                question.accepted(Account::new(UserId(7)).with_rights(rights))
            }
            (b"guest", None) => question.accepted(Account::new(UserId(8)).with_rights(rights)),
            (b"banker", Some(b"secret")) => match question.account() {
                None => question.needs_account(),
                Some(b"42") => question.accepted(Account::new(UserId(9)).with_rights(rights)),
                Some(_) => question.rejected(),
            },
            (_, None) => question.needs_password(),
            _ => question.rejected(),
        },
        Question::SelectHost(question) => match question.name() {
            b"ftp.example.org" => question.selected(),
            b"busy.example.org" => question.unavailable(),
            b"sni.example.org" => question.conflicts(),
            _ => question.unknown(),
        },
        Question::ChangeDirectory(question) => match entry(&path(question.path())) {
            Ok(entry) if entry.is_directory() => question.done(),
            Ok(_) => question.refused(Refused::NotDirectory),
            Err(why) => question.refused(why),
        },
        Question::OpenRead(question) => match entry(&path(question.path())) {
            Ok(entry) if entry.is_directory() => question.refused(Refused::IsDirectory),
            Ok(entry) => {
                open();
                question.opened(entry.size)
            }
            Err(why) => question.refused(why),
        },
        Question::OpenWrite(question) => match &*path(question.path()) {
            "/full" => question.refused(Refused::NoSpace),
            "/dir" => question.refused(Refused::IsDirectory),
            _ => {
                open();
                question.opened_as(b"file.1")
            }
        },
        Question::OpenListing(question) => match entry(&path(question.path())) {
            Ok(entry)
                if question.listing().form() == crate::server::Form::Facts
                    && !entry.is_directory() =>
            {
                question.refused(Refused::NotDirectory)
            }
            Ok(_) => {
                open();
                question.opened()
            }
            Err(why) => question.refused(why),
        },
        Question::Close(question) => question.done(),
        Question::Stat(question) => match entry(&path(question.path())) {
            Ok(entry) => question.entry(entry),
            Err(why) => question.refused(why),
        },
        Question::StatListing(question) => match entry(&path(question.path())) {
            Ok(found) if found.is_directory() => question.directory(
                alloc::vec![
                    Entry::new(b"file", Kind::File).with_size(10),
                    Entry::new(b"213 x", Kind::File),
                    Entry::new(b"a\r\n226 b", Kind::File),
                ],
                now(),
            ),
            Ok(found) => question.file(found, now()),
            Err(why) => question.refused(why),
        },
        Question::MakeDirectory(question) => match entry(&path(question.path())) {
            Ok(_) => question.refused(Refused::Exists),
            Err(_) => question.done(),
        },
        Question::RemoveDirectory(question) => match entry(&path(question.path())) {
            Ok(entry) if entry.is_directory() => question.done(),
            Ok(_) => question.refused(Refused::NotDirectory),
            Err(why) => question.refused(why),
        },
        Question::Delete(question) => match entry(&path(question.path())) {
            Ok(entry) if entry.is_directory() => question.refused(Refused::IsDirectory),
            Ok(_) => question.done(),
            Err(why) => question.refused(why),
        },
        Question::Rename(question) => question.done(),
        Question::SetModified(question) => match entry(&path(question.path())) {
            Ok(_) => {
                let time = question.time();
                question.set(time)
            }
            Err(why) => question.refused(why),
        },
        Question::SetMode(question) => match entry(&path(question.path())) {
            Ok(_) => question.done(),
            Err(why) => question.refused(why),
        },
        Question::Checksum(question) => {
            let bytes = question.length().unwrap_or_else(|| 10 - question.start());
            question.digest(&[0xAB, 0x0C], bytes)
        }
    }
}
