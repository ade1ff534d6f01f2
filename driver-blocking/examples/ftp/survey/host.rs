//! One server: its visits, one after the other, and what they found.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto_blocking::ftp_proto::wire::reply::{Code, Escaped};
use smol::Timer;

use super::column::{Cell, Column, Known};
use super::dialogue::{Answer, Dialogue};
use super::plan::{HandshakeColumns, Offer, Start, Step, VISITS, Visit, Work};
use super::{Login, Setup, session};

/// Connections in a row that fail before a server is left alone.
const PATIENCE: u32 = 2;

/// A server to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As the user wrote it, without a password.
    pub(crate) label: String,
    pub(crate) host: String,
    /// Where it is asked with explicit TLS or in clear.
    pub(crate) explicit: Option<u16>,
    /// Where it is asked with implicit TLS.
    pub(crate) implicit: Option<u16>,
    /// The file to be downloaded in part.
    pub(crate) file: Option<Vec<u8>>,
    pub(crate) login: Option<Login>,
}

/// What is known of a server so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) cells: BTreeMap<Column, Cell>,
    pub(crate) connections: u32,
    pub(crate) trouble: Option<String>,
    failures: u32,
}

/// How a visit may begin, as far as is known.
enum Way {
    Clear(u16),
    Auth(u16, &'static str),
    Implicit(u16),
}

pub(crate) struct Host<'a> {
    pub(super) target: &'a Target,
    pub(super) setup: &'a Setup,
    pub(super) found: &'a RefCell<Found>,
}

/// Asks a server everything. What is found is there at any time, so that the caller may stop waiting.
pub(crate) async fn ask(
    target: &Target,
    setup: &Setup,
    found: &RefCell<Found>,
    progress: &dyn Fn(&str, usize, usize),
) {
    let host = Host {
        target,
        setup,
        found,
    };
    for (index, visit) in VISITS.iter().enumerate() {
        if let Err(why) = host.may(visit) {
            host.missing(visit, &Known::NotAsked(why));
            continue;
        }
        progress(visit.name, index + 1, VISITS.len());
        if found.borrow().connections > 0 {
            Timer::after(setup.pause).await;
        }
        if let Err(why) = host.visit(visit).await {
            host.missing(visit, &why);
        }
        if found.borrow().failures >= PATIENCE {
            break;
        }
    }
}

impl Found {
    /// Whatever nobody came to ask.
    pub(crate) fn close(&mut self, why: &str) {
        for column in Column::ALL {
            self.cells
                .entry(*column)
                .or_insert_with(|| Cell::not_asked(why));
        }
    }

    fn has_implicit(&self) -> bool {
        self.value(Column::Implicit)
            .is_some_and(|value| !value.starts_with("no"))
    }

    pub(super) fn value(&self, column: Column) -> Option<&str> {
        match &self.cells.get(&column)?.known {
            Known::Value(value) => Some(value),
            _ => None,
        }
    }
}

impl Host<'_> {
    /// Whether a visit makes sense, after what is known.
    fn may(&self, visit: &Visit) -> Result<(), String> {
        let explicit = self.target.explicit.is_some();
        let found = self.found.borrow();
        let accepted = |method: &str| {
            let column = if method == "SSL" {
                Column::AuthSsl
            } else {
                Column::AuthTls
            };
            found.value(column) == Some("234")
        };
        match visit.start {
            Start::Clear if !explicit => return Err("only implicit TLS was asked for".to_owned()),
            Start::Auth(method) if !explicit || !accepted(method) => {
                return Err(format!("AUTH {method} does not lead to TLS"));
            }
            Start::Implicit if self.target.implicit.is_none() => {
                return Err("no port for implicit TLS was given".to_owned());
            }
            _ => {}
        }
        let aborts = visit.columns().contains(&Column::AborRunning);
        if aborts && self.target.file.is_none() {
            return Err("no file was named in the URL".to_owned());
        }
        if visit.login {
            if self.target.login.is_none() {
                return Err("no user was given".to_owned());
            }
            if let Some(Known::Value(login)) =
                found.cells.get(&Column::Login).map(|cell| &cell.known)
                && !login.starts_with('2')
            {
                return Err("the login was refused".to_owned());
            }
            if visit.start == Start::Implicit && !found.has_implicit() {
                return Err("there is no implicit TLS".to_owned());
            }
        }
        drop(found);
        if visit.start == Start::Best {
            self.best(visit.login)?;
        }
        Ok(())
    }

    fn missing(&self, visit: &Visit, why: &Known) {
        let mut found = self.found.borrow_mut();
        let mut columns = visit.columns();
        if visit.login {
            columns.push(Column::Login);
        }
        for column in columns {
            found.cells.entry(column).or_insert_with(|| Cell {
                known: why.clone(),
                evidence: Vec::new(),
            });
        }
    }

    pub(super) fn put(&self, column: Column, known: Known, evidence: Vec<String>) {
        let mut found = self.found.borrow_mut();
        let known_already = found
            .cells
            .get(&column)
            .is_some_and(|cell| matches!(cell.known, Known::Value(_)));
        if !known_already {
            found.cells.insert(column, Cell { known, evidence });
        }
    }

    /// The best protection that was seen to work, for the visits that do not ask about protection.
    fn best(&self, credentials: bool) -> Result<Way, String> {
        let found = self.found.borrow();
        match (self.target.explicit, self.target.implicit) {
            (Some(port), _) if found.value(Column::AuthTls) == Some("234") => {
                Ok(Way::Auth(port, "TLS"))
            }
            (Some(port), _) if found.value(Column::AuthSsl) == Some("234") => {
                Ok(Way::Auth(port, "SSL"))
            }
            (_, Some(port)) if found.has_implicit() => Ok(Way::Implicit(port)),
            (Some(port), _) if credentials && self.setup.clear => Ok(Way::Clear(port)),
            _ if credentials => Err("there is no TLS, and --clear was not given".to_owned()),
            _ => Err("there is no TLS".to_owned()),
        }
    }

    async fn visit(&self, visit: &Visit) -> Result<(), Known> {
        let not_asked = |why: String| Known::NotAsked(why);
        let port = |port: Option<u16>| port.ok_or_else(|| not_asked("no port".to_owned()));
        let way = match visit.start {
            Start::Clear => Way::Clear(port(self.target.explicit)?),
            Start::Auth(method) => Way::Auth(port(self.target.explicit)?, method),
            Start::Implicit => Way::Implicit(port(self.target.implicit)?),
            Start::Best => self.best(visit.login).map_err(not_asked)?,
        };
        match visit.work {
            Work::Dialogue(offer, parts) => self.dialogue(visit, &way, offer, parts).await,
            Work::Session(offer, tasks) => {
                self.found.borrow_mut().connections += 1;
                let (port, method) = match way {
                    Way::Clear(port) => (port, session::Protection::Clear),
                    Way::Auth(port, "SSL") => (port, session::Protection::Ssl),
                    Way::Auth(port, _) => (port, session::Protection::Tls),
                    Way::Implicit(port) => (port, session::Protection::Implicit),
                };
                let put = |column, known, evidence| self.put(column, known, evidence);
                session::run(self.target, self.setup, port, method, offer, tasks, &put).await
            }
        }
    }

    // ---- dialogues

    async fn dialogue(
        &self,
        visit: &Visit,
        way: &Way,
        offer: Offer,
        parts: &[&[Step]],
    ) -> Result<(), Known> {
        let no_answer = |why: String| Known::NoAnswer(why);
        let mut talk = self.connect(visit, way, offer).await?;
        if let Way::Implicit(_) = way
            && let Err(problem) = talk.secure().await
        {
            return Err(self.without_tls(visit, &mut talk, problem));
        }
        let greeting = talk.final_reply().await;
        match greeting {
            Ok(answer) if answer.code.class().is_negative() => {
                self.greeted(&mut talk, &answer);
                return Err(no_answer(format!("the greeting was {}", answer.code)));
            }
            Ok(answer) => self.greeted(&mut talk, &answer),
            Err(problem) => return Err(no_answer(format!("no greeting: {problem}"))),
        }
        if let Way::Auth(_, method) = way {
            let answer = talk.ask(&format!("AUTH {method}")).await;
            if !answer.is_ok_and(|answer| answer.code == Code::SECURITY_EXCHANGE_ACCEPTED) {
                return Err(no_answer("AUTH was refused this time".to_owned()));
            }
            if let Err(problem) = talk.secure().await {
                return Err(self.without_tls(visit, &mut talk, problem));
            }
        }
        if visit.login
            && let Some(login) = &self.target.login
        {
            self.log_in(&mut talk, login).await?;
        }
        for step in parts.iter().copied().flatten() {
            if let Err(why) = self.step(&mut talk, *step).await {
                self.put_missing(step, &why, &mut talk);
                return Err(why);
            }
        }
        Ok(())
    }

    async fn connect(&self, visit: &Visit, way: &Way, offer: Offer) -> Result<Dialogue, Known> {
        let (Way::Clear(port) | Way::Auth(port, _) | Way::Implicit(port)) = way;
        // Only who is to see a password is checked; the others are only looked at.
        let tls = match visit.login {
            true => self.setup.trusting(offer),
            false => self.setup.looking(offer),
        };
        let tls = tls.map_err(|error| Known::NotAsked(format!("TLS settings: {error}")))?;
        let addresses = self.addresses(*port).await?;
        self.found.borrow_mut().connections += 1;
        let name = self.target.host.as_str();
        match Dialogue::connect(&addresses, name, tls, self.setup.limit).await {
            Ok(talk) => {
                self.found.borrow_mut().failures = 0;
                Ok(talk)
            }
            Err(error) => {
                let mut found = self.found.borrow_mut();
                // A port for implicit TLS that is not there says nothing about the server.
                if !matches!(way, Way::Implicit(_)) || self.target.explicit.is_none() {
                    found.failures += 1;
                    found.trouble = Some(format!("port {port}: {error}"));
                }
                Err(Known::NoAnswer(format!("port {port}: {error}")))
            }
        }
    }

    async fn addresses(&self, port: u16) -> Result<Vec<SocketAddr>, Known> {
        let bare = self
            .target
            .host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        smol::net::resolve((bare, port)).await.map_err(|error| {
            let mut found = self.found.borrow_mut();
            found.failures = PATIENCE;
            found.trouble = Some(format!("the name: {error}"));
            Known::NoAnswer(format!("the name: {error}"))
        })
    }

    fn greeted(&self, talk: &mut Dialogue, answer: &Answer) {
        let first = answer
            .text
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let shown = format!("{} {}", answer.code, Escaped::new(first));
        let evidence = talk.take_log();
        self.put(
            Column::Greeting,
            Known::Value(shown.trim_end().to_owned()),
            evidence,
        );
    }

    /// No TLS where it was to be: a visit about TLS says so as a value.
    fn without_tls(&self, visit: &Visit, talk: &mut Dialogue, problem: String) -> Known {
        let evidence = talk.take_log();
        let first = match visit.work {
            Work::Dialogue(_, parts) => parts.iter().copied().flatten().next(),
            Work::Session(..) => None,
        };
        if let Some(Step::Handshake(HandshakeColumns::Version(column))) = first {
            self.put(*column, Known::Value(format!("no: {problem}")), evidence);
        }
        if visit.login {
            return Known::NotAsked(format!("TLS is not good enough for a password: {problem}"));
        }
        Known::NoAnswer(problem)
    }

    async fn log_in(&self, talk: &mut Dialogue, login: &Login) -> Result<(), Known> {
        match talk.login(login).await {
            Ok(answer) => {
                let evidence = talk.take_log();
                self.put(
                    Column::Login,
                    Known::Value(answer.code.to_string()),
                    evidence,
                );
                match answer.code.value() {
                    200..=299 => Ok(()),
                    code => Err(Known::NotAsked(format!(
                        "the login was answered with {code}"
                    ))),
                }
            }
            Err(problem) => Err(Known::NoAnswer(format!("the login: {problem}"))),
        }
    }

    fn put_missing(&self, step: &Step, why: &Known, talk: &mut Dialogue) {
        let evidence = talk.take_log();
        for column in step.columns() {
            let mut found = self.found.borrow_mut();
            found.cells.entry(column).or_insert_with(|| Cell {
                known: why.clone(),
                evidence: evidence.clone(),
            });
        }
    }
}

/// The longest a survey of one server takes, unless told otherwise.
pub(crate) const TOTAL: Duration = Duration::from_secs(180);
