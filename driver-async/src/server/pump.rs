//! The loop around the machine. The only file that knows what an [`Effect`] is.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant as SystemInstant;

use ftp_proto::server::{Config, Event, Input, Output, Question, Server as Machine};
use ftp_proto::tls::ServerTlsSession;
use ftp_proto::wire::reply::Escaped;
use ftp_proto::{Close, Desk as Orders, Effect, Instant, Report};
use smol::{Async, Timer};
use tracing::{Span, debug, info, warn};

use super::control::Control;
use super::daemon::{Settings, Stop};
use super::data::Data;
use super::desk::{Answered, Asking, Desk};
use super::flow::Working;

/// After this many turns without a wait others have theirs.
const TURNS: u32 = 32;

/// One session: the machine, and what belongs to it.
pub(super) struct Session {
    machine: Machine,
    control: Control,
    data: Data,
    /// The orders in hand.
    orders: Orders,
    /// Orders that failed at once: told when the machine has said all it has to say.
    reports: VecDeque<Report>,
    desk: Desk,
    asking: Option<Asking>,
    closing: Option<Asking>,
    /// What is open in the storage.
    working: Option<Box<Working>>,
    tls: Option<ServerTlsSession>,
    settings: Arc<Settings>,
    timer: Timer,
    /// When the timer is set for.
    armed: Option<SystemInstant>,
    stop: Option<Stop>,
    span: Span,
}

impl Session {
    pub(super) fn new(
        socket: Async<TcpStream>,
        (peer, local): (SocketAddr, SocketAddr),
        config: Arc<Config>,
        settings: Arc<Settings>,
        stop: Stop,
        span: Span,
    ) -> Self {
        let machine = Machine::new(config, peer, local, settings.clock.now());
        Session {
            machine,
            control: Control::new(socket),
            data: Data::default(),
            orders: Orders::default(),
            reports: VecDeque::new(),
            desk: Desk {
                authenticator: Arc::clone(&settings.authenticator),
                peer: peer.ip(),
                host: None,
                server_name: None,
                storage: None,
                digests: Arc::clone(&settings.digests),
            },
            asking: None,
            closing: None,
            working: None,
            tls: None,
            settings,
            timer: Timer::never(),
            armed: None,
            stop: Some(stop),
            span,
        }
    }

    /// Serves the client until one of the two ends it.
    pub(super) async fn run(&mut self) {
        let mut turns = 0;
        loop {
            self.drain();
            if self.machine.is_closed() {
                break;
            }
            let mut waited = false;
            poll_fn(|cx| {
                let turned = self.turn(cx);
                waited |= turned.is_pending();
                turned
            })
            .await;
            turns = if waited { 0 } else { turns + 1 };
            if turns >= TURNS {
                turns = 0;
                smol::future::yield_now().await;
            }
        }
        self.data.close(&self.settings);
        if let Some(closing) = self.closing.take() {
            closing.await;
        }
        // Apart from the session, which holds their memory as long as it lasts otherwise.
        if let Some(working) = self.working.take() {
            Box::pin(working.abandon()).await;
        }
        Box::pin(self.control.linger()).await;
    }

    fn now(&self) -> Instant {
        self.settings.clock.now()
    }

    // ---- what comes out of the machine

    /// Carries out, asks and tells all the machine has to say.
    fn drain(&mut self) {
        let span = self.span.clone();
        let _inside = span.enter();
        loop {
            match self.machine.poll() {
                None => {
                    // Given up: it is not worth going on with.
                    if !self.machine.awaits_answer() {
                        self.asking = None;
                    }
                    return;
                }
                Some(Output::Event(event)) => log(&event),
                Some(Output::Effect(effect)) => self.carry_out(effect),
                Some(Output::Question(question @ Question::Close(_))) => {
                    let working = self.working.take();
                    self.closing = Some(self.desk.ask(question, working));
                }
                Some(Output::Question(question)) => {
                    if matches!(
                        question,
                        Question::Authenticate(_) | Question::SelectHost(_)
                    ) {
                        self.desk.host = self.machine.host().map(<[u8]>::to_vec);
                        self.desk.server_name = self.control.server_name().map(String::from);
                    }
                    self.asking = Some(self.desk.ask(question, None));
                }
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::SecureControl(order) => {
                self.tls = self.settings.tls.as_ref().map(|tls| tls.session());
                let channel = self.tls.as_ref().map(ServerTlsSession::accept);
                let secured = self.control.secure(order, channel);
                self.orders.secure_control = self.keep(secured);
            }
            Effect::ClearControl(order) => {
                self.control.clear();
                self.orders.clear_control = Some(order);
            }
            Effect::CloseControl => self.control.close(),
            Effect::Connect(order) => {
                let (peer, local) = (self.machine.peer(), self.machine.local());
                self.data.connect(&order, peer, local);
                self.orders.connect = Some(order);
            }
            Effect::Listen(order) => {
                let report = self
                    .data
                    .listen(order, self.machine.local(), &self.settings);
                self.reports.push_back(report);
            }
            Effect::Accept(order) => {
                self.data.accept();
                self.orders.accept = Some(order);
            }
            Effect::SecureData(order) => {
                let working = self.working.as_ref();
                let upload = working.is_some_and(|working| working.is_upload());
                let secured = self.data.secure(order, self.tls.as_ref(), upload);
                self.orders.secure_data = self.keep(secured);
            }
            Effect::Flow(order) => {
                self.data.begin(&order, self.settings.clock.now());
                self.orders.flow = Some(order);
            }
            Effect::CloseData(data, Close::Now) => {
                self.orders.forget(data);
                self.data.close(&self.settings);
            }
        }
    }

    fn keep<O>(&mut self, order: Result<O, Report>) -> Option<O> {
        order.map_err(|report| self.reports.push_back(report)).ok()
    }

    // ---- what the world has for the machine

    /// One thing from the world.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let span = self.span.clone();
        let _inside = span.enter();
        if let Some(report) = self.reports.pop_front() {
            return self.tell(Input::Report(report));
        }
        if self.control.send(&mut self.machine) {
            return Poll::Ready(());
        }
        if let Some(answered) = poll(&mut self.asking, cx) {
            return self.answered(answered);
        }
        if let Some(answered) = poll(&mut self.closing, cx) {
            return self.answered(answered);
        }
        let now = self.now();
        self.control.listen(cx);
        if self
            .control
            .receive(&mut self.machine, &mut self.orders, now)
        {
            return Poll::Ready(());
        }
        let mut nothing = None;
        let working = match &mut self.working {
            Some(working) => working,
            None => nothing.insert(Working::default()),
        };
        let data = &mut self.data;
        match data.poll(&mut self.orders, working, &self.settings, now, cx) {
            Poll::Ready(Some(input)) => {
                // A client that is gone has not ended its upload: it has lost it. That shows on the control connection first.
                self.control.look_again();
                while self
                    .control
                    .receive(&mut self.machine, &mut self.orders, now)
                {}
                return self.tell(input);
            }
            Poll::Ready(None) => return Poll::Ready(()),
            Poll::Pending => {}
        }
        if self.control.is_ready(&self.machine, &self.orders, cx) {
            return Poll::Ready(());
        }
        if poll(&mut self.stop, cx).is_some() {
            return self.tell(Input::Shutdown);
        }
        self.control.rest(&mut self.machine);
        self.poll_deadline(cx)
    }

    fn tell(&mut self, input: Input<'_>) -> Poll<()> {
        let now = self.now();
        self.machine.handle(now, input);
        Poll::Ready(())
    }

    fn answered(&mut self, answered: Answered) -> Poll<()> {
        if let Some(account) = answered.account {
            self.desk.storage = Some(account.storage);
        }
        if let Some(open) = answered.open {
            self.working = Some(Box::new(Working::new(open)));
        }
        self.tell(Input::Answer(answered.answer))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.machine.deadline() else {
            return Poll::Pending;
        };
        if deadline <= self.now() {
            return self.tell(Input::Timeout);
        }
        let at = self.settings.clock.at(deadline);
        // A timer that is set for an earlier time is set anew when it fires: most deadlines move before they pass.
        if self.armed.is_none_or(|armed| at < armed) {
            self.timer.set_at(at);
            self.armed = Some(at);
        }
        match Pin::new(&mut self.timer).poll(cx) {
            Poll::Ready(_) => {
                self.armed = None;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Polls what is there, and forgets it when it is done.
fn poll<F: Future + Unpin>(slot: &mut Option<F>, cx: &mut Context<'_>) -> Option<F::Output> {
    match Pin::new(slot.as_mut()?).poll(cx) {
        Poll::Ready(output) => {
            *slot = None;
            Some(output)
        }
        Poll::Pending => None,
    }
}

/// The session for a log; the machine has masked what is secret.
fn log(event: &Event<'_>) {
    match event {
        Event::Command { line, .. } => debug!("<--- {}", Escaped::new(line)),
        Event::Replied { reply, .. } => debug!("---> {}", reply.display()),
        Event::LoggedIn(user) => info!(user = user.0, "logged in"),
        Event::LoginFailed(count) => warn!(count, "login failed"),
        Event::Transferred {
            verb,
            path,
            bytes,
            whole,
            ..
        } => info!(%verb, %path, bytes, whole, "transferred"),
        Event::Note(note) => debug!("{note:?}"),
        Event::Closed(closing) => info!("closed: {closing:?}"),
        _ => {}
    }
}
