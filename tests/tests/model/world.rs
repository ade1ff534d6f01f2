//! One client, its driver's desk, and everything that can happen next.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use ftp_proto::client::{Batching, Client, Config, DataModes, Input, Security};
use ftp_proto::rules::login::Login;
use ftp_proto::rules::{Law, Rule};
use ftp_proto::{
    Channel, DataEnd, Desk, Direction, Done, Effect, Event, Fault, FlowEnd, Instant, Note, Output,
    Report, Secret, TicketId, Tickets, TlsFacts, TlsFault, TlsVersion, TransferOptions,
};

use crate::monitor::{Monitor, Violation, violated};

/// What one walk is about: a policy and what the application asks for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) security: Security,
    pub(crate) methods: u8,
    pub(crate) user: &'static str,
    pub(crate) account: bool,
    pub(crate) lock_step: bool,
    pub(crate) modes: DataModes,
    pub(crate) script: &'static [Op],
    /// All operations are asked for at once, before the greeting.
    pub(crate) queued: bool,
    pub(crate) peer: IpAddr,
    pub(crate) tickets: Tickets,
    /// Tickets come and go at any time, and data connections resume: the walk is about their renewal.
    pub(crate) renewal: bool,
    /// Commands may lose their request, so a reply out of their table can be legal.
    pub(crate) orphans_possible: bool,
    pub(crate) law: Law,
}

/// What the application asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Login,
    Retrieve,
    RetrieveAt,
    Store,
    StoreEager,
    List,
    Rename,
    Features,
    Ccc,
    Account,
    Reinitialize,
    Quit,
}

impl Op {
    /// From its beginning, without an offset.
    pub(crate) fn moves_a_file(&self) -> bool {
        matches!(self, Op::Retrieve | Op::Store | Op::StoreEager)
    }
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Reply(u8),
    /// A reply with another one, or half of one, in the same segment.
    ReplyWith(u8, &'static str),
    Garbage,
    Eof,
    Broken,
    Timeout,
    ControlTls(bool),
    ControlClear(bool),
    Connect(bool),
    Listen(bool),
    Accept(u8),
    DataTls(bool),
    Flow(u8),
    SourceEnded,
    Stale,
    Abort,
    /// The driver tells how many connections can resume.
    Tickets(u8),
}

pub(crate) const REPLIES: &[&str] = &[
    "120 wait",
    "150 ok (3 bytes)",
    "200 ok",
    "211-Features\r\n EPSV\r\n211 End",
    "213 5",
    "220 hi",
    "221 bye",
    "226 done",
    "227 (127,0,0,1,200,10)",
    "227 (10,1,1,1,200,10)",
    "227 (127,0,0,1,0,25)",
    "229 (|||51210|)",
    "229 (|||80|)",
    "229 nonsense",
    "230 in",
    "232 in",
    "234 go",
    "250 ok",
    "257 \"/\"",
    "331 password",
    "332 account",
    "334 adat",
    "350 go on",
    "421 closing",
    "425 no connection",
    "426 cut",
    "450 busy",
    "500 what",
    "504 not that",
    "530 no",
    "550 no",
    "631 cmVwbHk=",
];

/// The replies of a walk that is about the renewal of tickets: one of each kind; the others are walked without tickets.
const OF_TRANSFERS: &[&str] = &[
    "150 ok (3 bytes)",
    "226 done",
    "229 (|||51210|)",
    "257 \"/\"",
    "425 no connection",
    "500 what",
];

const FLOWS: &[FlowEnd] = &[
    FlowEnd {
        bytes: 5,
        source_ended: true,
        end: DataEnd::CloseNotify,
    },
    FlowEnd {
        bytes: 3,
        source_ended: false,
        end: DataEnd::CloseNotify,
    },
    FlowEnd {
        bytes: 5,
        source_ended: true,
        end: DataEnd::Fin,
    },
    FlowEnd {
        bytes: 3,
        source_ended: false,
        end: DataEnd::Fin,
    },
    FlowEnd {
        bytes: 5,
        source_ended: false,
        end: DataEnd::Failed(Fault::Reset),
    },
    FlowEnd {
        bytes: 5,
        source_ended: false,
        end: DataEnd::Local,
    },
    FlowEnd {
        bytes: 5,
        source_ended: false,
        end: DataEnd::Tls(TlsFault::Corrupt),
    },
];

const FACTS: TlsFacts = TlsFacts {
    version: TlsVersion::Tls13,
    resumed: false,
    hello_retry: false,
};
/// How often tickets change on one path: they run out, come again, and run out.
const TOLD_AT_MOST: u8 = 3;

/// What can be told of tickets: none, the last one, more.
const TICKETS: &[Tickets] = &[Tickets::None, Tickets::Left(1), Tickets::Left(2)];
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 9, 9));

/// A state of the walk.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) client: Client,
    desk: Desk,
    /// Orders the machine gave up; their reports may still come.
    old: Desk,
    monitor: Monitor,
    next_op: usize,
    open: Vec<TicketId>,
    finished: u8,
    aborted: bool,
    /// How often tickets were told of.
    told: u8,
    closed: bool,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Result<World, Violation> {
        let mut config = Config::default();
        config.security = plan.security;
        config.data_modes = plan.modes;
        // Counting to a limit multiplies the states and shows nothing after the second time.
        config.limits.preliminary_replies = 2;
        config.limits.renewals = 2;
        if plan.lock_step {
            config.batching = Batching::LockStep;
        }
        let client = Client::with_law(plan.law, config, plan.peer, Instant::ZERO);
        let mut world = World {
            client,
            desk: Desk::default(),
            old: Desk::default(),
            monitor: Monitor::default(),
            next_op: 0,
            open: Vec::new(),
            finished: 0,
            aborted: false,
            told: 0,
            closed: false,
        };
        world.settle(plan)?;
        if plan.renewal {
            for action in proved() {
                world.step(plan, action)?;
            }
        }
        Ok(world)
    }

    pub(crate) fn copy(&self) -> World {
        World {
            client: self.client.clone(),
            desk: self.desk.duplicate(),
            old: self.old.duplicate(),
            monitor: self.monitor.clone(),
            next_op: self.next_op,
            open: self.open.clone(),
            finished: self.finished,
            aborted: self.aborted,
            told: self.told,
            closed: self.closed,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.closed
    }

    /// Everything that can happen here.
    pub(crate) fn actions(&self, plan: &Plan) -> Vec<Action> {
        let mut actions = Vec::with_capacity(64);
        if self.client.reads_control() {
            let all = (0..REPLIES.len())
                .filter(|index| !plan.renewal || OF_TRANSFERS.contains(&REPLIES[*index]));
            actions.extend(all.map(|index| Action::Reply(u8::try_from(index).unwrap())));
        }
        if self.client.reads_control() && !plan.renewal {
            for (index, reply) in REPLIES.iter().enumerate() {
                let index = u8::try_from(index).unwrap();
                match *reply {
                    "234 go" | "200 ok" | "220 hi" => {
                        actions.push(Action::ReplyWith(index, "200 injected\r\n"));
                        actions.push(Action::ReplyWith(index, "2"));
                    }
                    "331 password" => actions.push(Action::ReplyWith(index, "230 in\r\n")),
                    "150 ok (3 bytes)" => actions.push(Action::ReplyWith(index, "226 done\r\n")),
                    _ => {}
                }
            }
            actions.push(Action::Garbage);
        }
        actions.extend([Action::Eof, Action::Broken]);
        if self.client.deadline().is_some() {
            actions.push(Action::Timeout);
        }
        for outcome in [true, false] {
            if self.desk.secure_control.is_some() {
                actions.push(Action::ControlTls(outcome));
            }
            if self.desk.clear_control.is_some() {
                actions.push(Action::ControlClear(outcome));
            }
            if self.desk.connect.is_some() {
                actions.push(Action::Connect(outcome));
            }
            if self.desk.listen.is_some() {
                actions.push(Action::Listen(outcome));
            }
            if self.desk.secure_data.is_some() {
                actions.push(Action::DataTls(outcome));
            }
        }
        if self.desk.accept.is_some() {
            actions.extend([Action::Accept(0), Action::Accept(1), Action::Accept(2)]);
        }
        if let Some(order) = &self.desk.flow {
            if order.direction() == Direction::Send
                && !self.monitor.transfer.is_some_and(|t| t.source_ended)
            {
                actions.push(Action::SourceEnded);
            }
            let all = (0..FLOWS.len())
                .filter(|index| !plan.renewal || matches!(FLOWS[*index].end, DataEnd::CloseNotify));
            actions.extend(all.map(|index| Action::Flow(u8::try_from(index).unwrap())));
        }
        if !self.old.is_empty() {
            actions.push(Action::Stale);
        }
        if plan.renewal && self.told < TOLD_AT_MOST && self.client.session().login == Login::In {
            actions.extend([Action::Tickets(0), Action::Tickets(1), Action::Tickets(2)]);
        }
        if !self.aborted && plan.script.iter().any(Op::moves_a_file) {
            actions.push(Action::Abort);
        }
        actions
    }

    /// Lets `action` happen. False if it cannot happen here.
    pub(crate) fn step(&mut self, plan: &Plan, action: Action) -> Result<bool, Violation> {
        let now = Instant::ZERO;
        told(|| match action {
            Action::Reply(index) => format!("S: {}", REPLIES[usize::from(index)]),
            Action::ReplyWith(index, more) => {
                format!("S: {} + {more:?}", REPLIES[usize::from(index)])
            }
            other => format!("   {other:?}"),
        });
        self.monitor.orphans |= matches!(
            action,
            Action::Timeout
                | Action::Connect(false)
                | Action::Listen(false)
                | Action::Accept(2)
                | Action::DataTls(false)
        );
        let epoch = self.client.session().protection.epoch;
        match action {
            Action::Reply(index) => {
                let reply = REPLIES[usize::from(index)];
                self.monitor.reply(plan, code_of(reply), false);
                self.client
                    .handle(now, Input::Control(format!("{reply}\r\n").as_bytes()));
            }
            Action::ReplyWith(index, more) => {
                let reply = REPLIES[usize::from(index)];
                self.monitor.reply(plan, code_of(reply), true);
                if more.ends_with('\n') && !self.monitor.injected && self.monitor.doomed.is_none() {
                    self.monitor.reply(plan, code_of(more), false);
                }
                self.client
                    .handle(now, Input::Control(format!("{reply}\r\n{more}").as_bytes()));
            }
            Action::Garbage => {
                self.monitor.doomed = Some("garbage");
                self.client
                    .handle(now, Input::Control(b"SSH-2.0-server\r\n"));
            }
            Action::Eof => {
                self.monitor
                    .doomed
                    .get_or_insert("the end of the control connection");
                self.client.handle(now, Input::ControlEof);
            }
            Action::Broken => {
                self.monitor
                    .doomed
                    .get_or_insert("the end of the control connection");
                self.client.handle(now, Input::ControlFailed(Fault::Reset));
            }
            Action::Timeout => {
                let Some(deadline) = self.client.deadline() else {
                    return Ok(false);
                };
                let before = self.client.clone();
                self.client.handle(deadline, Input::Timeout);
                if before == self.client && self.client.deadline() == Some(deadline) {
                    return Err(violated("IC-29", "a deadline passed and nothing changed"));
                }
            }
            Action::Abort => {
                self.aborted = true;
                match self.client.abort(now) {
                    Ok(ticket) => self.open.push(ticket.id()),
                    Err(_) => return Ok(false),
                }
            }
            Action::Tickets(index) => {
                self.told += 1;
                let before = self.client.clone();
                self.client
                    .handle(now, Input::Tickets(TICKETS[usize::from(index)]));
                if before == self.client {
                    return Ok(false);
                }
            }
            Action::SourceEnded => {
                let Some(order) = &self.desk.flow else {
                    return Ok(false);
                };
                self.monitor.source_ended();
                self.client.handle(now, Input::SourceEnded(order.data()));
            }
            Action::Stale => {
                let Some(report) = stale_report(&mut self.old) else {
                    return Ok(false);
                };
                let before = self.client.clone();
                self.client.handle(now, Input::Report(report));
                if before != self.client {
                    return Err(violated(
                        "IX-6",
                        "the report of an order given up changes something",
                    ));
                }
            }
            _ => {
                let Some(report) = self.report(plan, action) else {
                    return Ok(false);
                };
                self.client.handle(now, Input::Report(report));
            }
        }
        self.settle(plan)?;
        if self.client.session().protection.epoch != epoch
            && !self.client.session().features.is_empty()
        {
            return Err(violated(
                "IC-5",
                "features of an earlier epoch are still known",
            ));
        }
        self.client.canonical();
        Ok(true)
    }

    fn report(&mut self, plan: &Plan, action: Action) -> Option<Report> {
        Some(match action {
            Action::ControlTls(true) => {
                self.monitor.secure = true;
                self.monitor.switching = false;
                self.monitor.prot = None;
                let order = self.desk.secure_control.take()?;
                self.client
                    .handle(Instant::ZERO, Input::Tickets(plan.tickets));
                order.secured(FACTS)
            }
            Action::ControlTls(false) => {
                self.monitor.handshake_failed = true;
                self.monitor.switching = false;
                self.desk
                    .secure_control
                    .take()?
                    .failed(TlsFault::UnknownIssuer)
            }
            Action::ControlClear(true) => {
                self.monitor.secure = false;
                self.monitor.switching = false;
                self.monitor.ccc_done = self.client.session().login == Login::In;
                self.desk.clear_control.take()?.cleared()
            }
            Action::ControlClear(false) => {
                self.monitor.handshake_failed = true;
                self.monitor.switching = false;
                self.desk.clear_control.take()?.failed(TlsFault::Reset)
            }
            Action::Connect(true) => self.desk.connect.take()?.connected(),
            Action::Connect(false) => self.desk.connect.take()?.failed(Fault::Refused),
            Action::Listen(true) => self
                .desk
                .listen
                .take()?
                .listening("127.0.0.1:40000".parse().ok()?),
            Action::Listen(false) => self.desk.listen.take()?.failed(Fault::AddressInUse),
            Action::Accept(0) => {
                self.monitor.stranger = false;
                self.desk.accept.take()?.accepted(plan.peer)
            }
            Action::Accept(1) => {
                self.monitor.stranger = true;
                self.desk.accept.take()?.accepted(STRANGER)
            }
            Action::Accept(_) => self.desk.accept.take()?.failed(Fault::Other),
            Action::DataTls(true) => self.desk.secure_data.take()?.secured(TlsFacts {
                resumed: plan.renewal,
                ..FACTS
            }),
            Action::DataTls(false) => self
                .desk
                .secure_data
                .take()?
                .failed(TlsFault::ClosedAtHello),
            Action::Flow(index) => {
                let end = FLOWS[usize::from(index)];
                self.monitor.flow_ended(end);
                self.desk.flow.take()?.finished(end)
            }
            _ => return None,
        })
    }

    /// Does what every driver does until nothing is left to do, under the eyes of the monitor.
    fn settle(&mut self, plan: &Plan) -> Result<(), Violation> {
        for round in 0.. {
            if round > 50 {
                return Err(violated("IX-4", "the machine does not come to rest"));
            }
            let polled = self.poll_all(plan)?;
            let sent = self.flush(plan)?;
            let asked = self.ask(plan);
            if !polled && !sent && !asked {
                break;
            }
        }
        let waiting = !self.closed
            && (!self.monitor.open.is_empty()
                || !self.desk.is_empty()
                || !self.monitor.greeted
                || self.monitor.switching);
        if waiting && self.client.deadline().is_none() {
            return Err(violated(
                "IC-29",
                format!("no deadline while {:?} is outstanding", self.monitor.open),
            ));
        }
        let in_clear_by_nobody = self.client.session().login == Login::In
            && !self.monitor.secure
            && !self.monitor.ccc_done
            && plan.security.clear_text().is_none();
        if in_clear_by_nobody && !self.closed {
            return Err(violated(
                "IC-24",
                "logged in without TLS although TLS is required",
            ));
        }
        Ok(())
    }

    fn flush(&mut self, plan: &Plan) -> Result<bool, Violation> {
        let outgoing = self.client.outgoing().to_vec();
        if !outgoing.is_empty() {
            told(|| format!("C: {}", outgoing.escape_ascii()));
        }
        for line in outgoing.split_inclusive(|byte| *byte == b'\n') {
            self.monitor.line(plan, line)?;
        }
        self.client.consume_outgoing(outgoing.len());
        Ok(!outgoing.is_empty())
    }

    fn poll_all(&mut self, plan: &Plan) -> Result<bool, Violation> {
        let mut any = false;
        for count in 0.. {
            if count > 300 {
                return Err(violated("IX-4", "poll does not come to an end"));
            }
            let outgoing = !self.client.outgoing().is_empty();
            match self.client.poll() {
                None => break,
                Some(Output::Effect(effect)) => {
                    told(|| format!("   > {effect:?}"));
                    self.monitor.effect(plan, &effect)?;
                    if outgoing
                        && matches!(effect, Effect::SecureControl(_) | Effect::ClearControl(_))
                    {
                        return Err(violated(
                            "IC-3",
                            "protection changes while bytes are waiting",
                        ));
                    }
                    self.carry_out(effect);
                }
                Some(Output::Event(event)) => {
                    if !matches!(event, Event::Sent { .. } | Event::Received { .. }) {
                        told(|| format!("   > {event:?}"));
                    }
                    if self.closed {
                        return Err(violated("IC-30", format!("{event:?} after the end")));
                    }
                    match event {
                        Event::Received { reply, .. }
                            if self.next_op > 0 && repeats(reply.text()) =>
                        {
                            return Err(violated("IC-20", format!("the password in {reply:?}")));
                        }
                        Event::Finished { ticket, result } => {
                            let Some(at) = self.open.iter().position(|open| *open == ticket) else {
                                return Err(violated("IC-18", "a ticket ended twice"));
                            };
                            self.open.remove(at);
                            self.finished += 1;
                            match result {
                                Ok(Done::Transfer(done)) => {
                                    self.monitor.transfer_done(done.bytes, done.expected)?;
                                }
                                Ok(_) => {}
                                Err(failure) => self.monitor.failed(failure.kind)?,
                            }
                        }
                        Event::Note(Note::TicketsSpent) => {
                            RENEWALS.fetch_add(1, Ordering::Relaxed);
                        }
                        Event::Closed(_) => {
                            self.closed = true;
                            self.monitor.closed = true;
                        }
                        _ => {}
                    }
                }
            }
            any = true;
        }
        if self.closed && !self.open.is_empty() {
            return Err(violated(
                "IC-18",
                format!("the session is over and {:?} are open", self.open),
            ));
        }
        Ok(any)
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::SecureControl(order) => self.desk.secure_control = Some(order),
            Effect::ClearControl(order) => self.desk.clear_control = Some(order),
            Effect::CloseControl => {}
            Effect::Connect(order) => self.desk.connect = Some(order),
            Effect::Listen(order) => self.desk.listen = Some(order),
            Effect::Accept(order) => self.desk.accept = Some(order),
            Effect::SecureData(order) => self.desk.secure_data = Some(order),
            Effect::Flow(order) => self.desk.flow = Some(order),
            Effect::CloseData(data, _) => {
                let given_up = Desk {
                    connect: self.desk.connect.take_if(|order| order.data() == data),
                    accept: self.desk.accept.take_if(|order| order.data() == data),
                    secure_data: self
                        .desk
                        .secure_data
                        .take_if(|order| order.channel() == Channel::Data(data)),
                    flow: self.desk.flow.take_if(|order| order.data() == data),
                    ..Desk::default()
                };
                if !given_up.is_empty() {
                    self.old = given_up;
                }
                self.desk.forget(data);
            }
        }
    }

    /// The application asks for the next thing when the last one is over, or for all at once.
    fn ask(&mut self, plan: &Plan) -> bool {
        let Some(op) = plan.script.get(self.next_op) else {
            return false;
        };
        if self.closed || (!plan.queued && usize::from(self.finished) < self.next_op) {
            return false;
        }
        self.next_op += 1;
        let now = Instant::ZERO;
        let client = &mut self.client;
        let how = TransferOptions::default();
        let ticket = match op {
            Op::Login => {
                let account = plan.account.then(|| Secret::new(b"acct"));
                client
                    .login(now, plan.user.as_bytes(), Secret::new(PASSWORD), account)
                    .map(|t| t.id())
            }
            Op::Retrieve => client.retrieve(now, b"file", how).map(|t| t.id()),
            Op::RetrieveAt => {
                self.monitor.sized = true;
                let how = TransferOptions {
                    offset: 2,
                    size: Some(7),
                    ..how
                };
                client.retrieve(now, b"file", how).map(|t| t.id())
            }
            Op::Store => client.store(now, b"file", how).map(|t| t.id()),
            Op::StoreEager => {
                let how = TransferOptions { eager: true, ..how };
                client.store(now, b"file", how).map(|t| t.id())
            }
            Op::List => client.list(now, None).map(|t| t.id()),
            Op::Rename => client.rename(now, b"a", b"b").map(|t| t.id()),
            Op::Features => client.features(now).map(|t| t.id()),
            Op::Ccc => client.clear_command_channel(now).map(|t| t.id()),
            Op::Account => client.account(now, &Secret::new(b"acct")).map(|t| t.id()),
            Op::Reinitialize => client.reinitialize(now).map(|t| t.id()),
            Op::Quit => client.quit(now).map(|t| t.id()),
        };
        match ticket {
            Ok(ticket) => self.open.push(ticket),
            Err(_) => self.finished += 1,
        }
        true
    }
}

/// The way to a session whose first upload has resumed the TLS session and waits for its last reply: what a renewal starts from.
fn proved() -> Vec<Action> {
    let reply = |text: &str| {
        let index = REPLIES.iter().position(|reply| *reply == text);
        Action::Reply(u8::try_from(index.unwrap()).unwrap())
    };
    vec![
        reply("220 hi"),
        reply("234 go"),
        Action::ControlTls(true),
        reply("331 password"),
        reply("230 in"),
        // PBSZ, PROT, TYPE
        reply("200 ok"),
        reply("200 ok"),
        reply("200 ok"),
        reply("229 (|||51210|)"),
        Action::Connect(true),
        reply("150 ok (3 bytes)"),
        Action::DataTls(true),
        Action::Flow(0),
    ]
}

fn stale_report(old: &mut Desk) -> Option<Report> {
    let flow = old.flow.take().map(|order| {
        order.finished(FlowEnd {
            bytes: 9,
            source_ended: true,
            end: DataEnd::CloseNotify,
        })
    });
    flow.or_else(|| old.secure_data.take().map(|order| order.secured(FACTS)))
        .or_else(|| old.connect.take().map(ftp_proto::ConnectOrder::connected))
        .or_else(|| old.accept.take().map(|order| order.accepted(STRANGER)))
}

/// The password of every session. A reply that any server gives holds it, and must not show it.
const PASSWORD: &[u8] = b"password";

fn repeats(text: &[u8]) -> bool {
    text.windows(PASSWORD.len()).any(|part| part == PASSWORD)
}

fn code_of(reply: &str) -> u16 {
    reply.split([' ', '-']).next().unwrap().parse().unwrap()
}

/// The rule a plan's law repeals, for its name.
pub(crate) fn repealed(rule: Rule) -> Law {
    Law::without(rule)
}

/// How often any walk saw a listing asked for to renew tickets.
pub(crate) static RENEWALS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether what happens is told, for a path that is walked again.
    pub(crate) static TELLING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn told(line: impl FnOnce() -> String) {
    if TELLING.get() {
        println!("    {}", line());
    }
}
