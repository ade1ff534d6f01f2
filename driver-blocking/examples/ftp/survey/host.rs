//! One server: its visits, one after the other, and what they found.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto_blocking::ftp_proto::pipe::LinkEnd;
use ftp_proto_blocking::ftp_proto::tls::{Fingerprint, HandshakeFacts, Verdict, Version};
use ftp_proto_blocking::ftp_proto::wire::features::Features;
use ftp_proto_blocking::ftp_proto::wire::host_port::{AddressClass, HostPort};
use ftp_proto_blocking::ftp_proto::wire::reply::{Code, Escaped};
use smol::Timer;

use super::column::{Cell, Column, Known};
use super::dialogue::{Answer, DataSeen, DataTls, Dialogue, Ended, NoReply};
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
    target: &'a Target,
    setup: &'a Setup,
    found: &'a RefCell<Found>,
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

    fn value(&self, column: Column) -> Option<&str> {
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

    fn put(&self, column: Column, known: Known, evidence: Vec<String>) {
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

    /// One step. An error ends the visit: what is left of it was not asked.
    async fn step(&self, talk: &mut Dialogue, step: Step) -> Result<(), Known> {
        match step {
            Step::Say(line, column) => {
                let answer = self.asked(talk, line).await?;
                self.put(
                    column,
                    Known::Value(answer.code.to_string()),
                    talk.take_log(),
                );
            }
            Step::Need(line) => {
                let answer = self.asked(talk, line).await?;
                if answer.code.class().is_negative() {
                    return Err(Known::NotAsked(format!(
                        "{line} was answered with {}",
                        answer.code
                    )));
                }
            }
            Step::Passive(line, code, address) => {
                let answer = self.asked(talk, line).await?;
                let log = talk.take_log();
                self.put(code, Known::Value(answer.code.to_string()), log.clone());
                if answer.code == Code::ENTERING_PASSIVE_MODE {
                    self.put(address, self.advertised(talk, &answer), log);
                }
            }
            Step::AuthNamed(column) => {
                let Some(answer) = &talk.last else {
                    return Ok(());
                };
                let named = auth_methods(answer);
                let evidence = format!("<--- {} {}", answer.code, Escaped::new(&answer.text));
                self.put(column, Known::Value(named), vec![evidence]);
            }
            Step::Features(column) => {
                let answer = self.asked(talk, "FEAT").await?;
                let labels: Vec<String> = Features::new(&answer.text)
                    .map(|feature| Escaped::new(feature.label).to_string())
                    .collect();
                let value = format!("{} {}", answer.code, labels.join(" "));
                self.put(
                    column,
                    Known::Value(value.trim_end().to_owned()),
                    talk.take_log(),
                );
            }
            Step::Auth(method, column) => self.auth(talk, method, column).await?,
            Step::Handshake(columns) => self.handshake(talk, columns),
            Step::Batch(lines, column) => {
                talk.say(lines).await;
                let mut codes = Vec::new();
                for _ in lines {
                    match talk.final_reply().await {
                        Ok(answer) => codes.push(answer.code.value()),
                        Err(_) => break,
                    }
                }
                // What these four are answered with differs from one to the next.
                let in_order = matches!(codes[..], [200, 215 | 202 | 500 | 502, 257, 200]);
                let value = match codes.len() {
                    _ if in_order => "answered in order".to_owned(),
                    count if count == lines.len() => format!("answered {codes:?}"),
                    count => format!("{count} of {} answered", lines.len()),
                };
                self.put(column, Known::Value(value), talk.take_log());
            }
            Step::Behind(column) => self.behind(talk, column).await?,
            Step::Unprotected(column) => {
                let quiet = self.setup.quiet;
                let seen = talk.transfer("NLST", DataTls::Whatever, quiet).await;
                let known = match seen {
                    DataSeen::Clear => Known::Value("clear".to_owned()),
                    DataSeen::Secure => Known::Value("private".to_owned()),
                    DataSeen::Refused(answer) => Known::Value(format!("refused: {}", answer.code)),
                    DataSeen::Failed(problem) => Known::NoAnswer(problem),
                };
                self.put(column, known, talk.take_log());
            }
            Step::Unresumed(column) => {
                if talk.facts.is_none() {
                    return Err(Known::NotAsked("there is no TLS".to_owned()));
                }
                let seen = talk.transfer("NLST", DataTls::New, self.setup.quiet).await;
                let works = self.found.borrow().value(Column::ListEpsv) == Some("works")
                    || self.found.borrow().value(Column::ListPasv) == Some("works");
                let known = match seen {
                    DataSeen::Secure => Known::Value("no".to_owned()),
                    // The same listing works when it resumes the session: so that is the difference.
                    DataSeen::Refused(answer) if works => {
                        Known::Value(format!("yes: {}", answer.code))
                    }
                    DataSeen::Refused(answer) => Known::NoAnswer(format!(
                        "refused with {}, and so is a listing that resumes",
                        answer.code
                    )),
                    DataSeen::Clear => Known::NoAnswer("the data came in clear text".to_owned()),
                    DataSeen::Failed(problem) => Known::NoAnswer(problem),
                };
                self.put(column, known, talk.take_log());
            }
            Step::Abort(column) => self.abort(talk, column).await?,
            Step::Quit(column) => {
                self.asked(talk, "QUIT").await?;
                let known = match talk.end().await {
                    Some(LinkEnd::CloseNotify) => Known::Value("close_notify".to_owned()),
                    Some(LinkEnd::Fin) => Known::Value("no close_notify".to_owned()),
                    Some(end) => Known::NoAnswer(Ended(&end).to_string()),
                    None => Known::NoAnswer("it stays open".to_owned()),
                };
                self.put(column, known, talk.take_log());
            }
        }
        Ok(())
    }

    async fn asked(&self, talk: &mut Dialogue, line: &str) -> Result<Answer, Known> {
        talk.ask(line)
            .await
            .map_err(|problem| Known::NoAnswer(problem.to_string()))
    }

    fn advertised(&self, talk: &Dialogue, answer: &Answer) -> Known {
        match HostPort::find_in_reply(&answer.text) {
            Ok(place) if place.address == talk.peer().ip().to_canonical() => {
                Known::Value("the server's".to_owned())
            }
            Ok(place) => {
                let class = AddressClass::of(place.address.into());
                Known::Value(format!("{} ({class:?})", place.address).to_lowercase())
            }
            Err(malformed) => Known::NoAnswer(malformed.to_string()),
        }
    }

    async fn auth(&self, talk: &mut Dialogue, method: &str, column: Column) -> Result<(), Known> {
        let answer = self.asked(talk, &format!("AUTH {method}")).await?;
        let code = answer.code.to_string();
        if !matches!(answer.code.value(), 234 | 334) {
            self.put(column, Known::Value(code.clone()), talk.take_log());
            return Err(Known::NotAsked(format!(
                "AUTH {method} was answered with {code}"
            )));
        }
        match talk.secure().await {
            Ok(_) => {
                self.put(column, Known::Value(code), talk.take_log());
                Ok(())
            }
            Err(problem) => {
                let value = format!("{code}, then no TLS: {problem}");
                self.put(column, Known::Value(value), talk.take_log());
                Err(Known::NoAnswer(problem))
            }
        }
    }

    fn handshake(&self, talk: &mut Dialogue, columns: HandshakeColumns) {
        let Some(facts) = talk.facts.clone() else {
            return;
        };
        let evidence = vec![format!(
            "handshake: {}, {}, group {}",
            version(facts.version),
            facts.suite,
            facts.group.unwrap_or("unknown")
        )];
        let put = |column, value: String| self.put(column, Known::Value(value), evidence.clone());
        if let HandshakeColumns::Version(column) = columns {
            put(column, agreed(&facts));
            return;
        }
        put(Column::Tls, agreed(&facts));
        put(Column::HelloRetry, yes(facts.hello_retry));
        put(
            Column::ClientCertificate,
            yes(facts.client_certificate_requested),
        );
        if let Some(identity) = talk.identity.clone() {
            put(Column::CertificateSha256, identity.leaf_sha256.to_string());
            let known = self.judged(&identity.verdict, identity.leaf_sha256);
            self.put(Column::Certificate, known, evidence.clone());
        }
    }

    fn judged(&self, verdict: &Verdict, leaf: Fingerprint) -> Known {
        match verdict {
            _ if self.setup.pinned(leaf) => Known::Value("pinned".to_owned()),
            Verdict::Unchecked(None) if self.setup.checks => Known::Value("trusted".to_owned()),
            Verdict::Unchecked(None) => Known::NotAsked("nothing says whom to trust".to_owned()),
            Verdict::Unchecked(Some(failure)) => Known::Value(failure.to_string()),
            other => Known::Value(format!("{other:?}")),
        }
    }

    /// AUTH TLS with a command behind it in the same packet: it must be thrown away (RFC 4217 section 12.1 leaves it open; carried out inside TLS it
    /// is an injection).
    async fn behind(&self, talk: &mut Dialogue, column: Column) -> Result<(), Known> {
        if self.found.borrow().value(Column::AuthTls) != Some("234") {
            return Err(Known::NotAsked("AUTH TLS does not lead to TLS".to_owned()));
        }
        talk.say(&["AUTH TLS", "NOOP"]).await;
        let known = match talk.final_reply().await {
            Ok(answer) if answer.code == Code::SECURITY_EXCHANGE_ACCEPTED => {
                self.what_became(talk).await
            }
            Ok(answer) => Known::Value(format!("AUTH was answered with {}", answer.code)),
            Err(NoReply::Ended(_)) => Known::Value("connection cut".to_owned()),
            Err(problem) => Known::NoAnswer(problem.to_string()),
        };
        self.put(column, known, talk.take_log());
        Ok(())
    }

    async fn what_became(&self, talk: &mut Dialogue) -> Known {
        if talk.secure().await.is_err() {
            return Known::Value("connection cut".to_owned());
        }
        // QUIT is a barrier: whatever is answered before 221 was an answer to NOOP.
        talk.say(&["QUIT"]).await;
        match talk.final_reply().await {
            Ok(answer) if answer.code.value() == 221 => Known::Value("thrown away".to_owned()),
            Ok(answer) if answer.code.value() == 200 => {
                Known::Value("carried out inside TLS".to_owned())
            }
            Ok(answer) => Known::Value(format!("answered with {}", answer.code)),
            Err(NoReply::Ended(_)) => Known::Value("connection cut".to_owned()),
            Err(problem) => Known::NoAnswer(problem.to_string()),
        }
    }

    /// ABOR when a part of a file has come: every reply until that of the PWD behind it.
    async fn abort(&self, talk: &mut Dialogue, column: Column) -> Result<(), Known> {
        let file = self.target.file.clone().unwrap_or_default();
        let Ok(file) = String::from_utf8(file) else {
            return Err(Known::NotAsked("the file's name is not UTF-8".to_owned()));
        };
        let secure = talk.facts.is_some();
        let mut lines = vec!["TYPE I"];
        if secure {
            lines.extend(["PBSZ 0", "PROT P"]);
        }
        for line in lines {
            self.asked(talk, line).await?;
        }
        let mut data = talk.passive().await.map_err(Known::NoAnswer)?;
        talk.say(&[&format!("RETR {file}")]).await;
        if secure && let Err(failure) = talk.secure_data(&mut data, DataTls::Resuming).await {
            return Err(Known::NoAnswer(format!("TLS on data: {failure}")));
        }
        let limit = self.setup.limit;
        let began = data
            .until(limit, |link| (!link.plain().is_empty()).then_some(()))
            .await;
        if began.is_err() {
            return Err(Known::NoAnswer("no data came".to_owned()));
        }
        talk.say(&["ABOR"]).await;
        // Servers that only look at the control connection when data moves need it to move.
        let _ = data.drain(limit).await;
        drop(data);
        talk.say(&["PWD"]).await;
        let mut codes = Vec::new();
        loop {
            match talk.reply().await {
                Ok(answer) if answer.code.value() == 257 => break,
                Ok(answer) if answer.code.value() < 200 => {}
                Ok(answer) => codes.push(answer.code.to_string()),
                Err(problem) => {
                    codes.push(problem.to_string());
                    break;
                }
            }
        }
        self.put(column, Known::Value(codes.join(", ")), talk.take_log());
        Ok(())
    }
}

fn auth_methods(answer: &Answer) -> String {
    let mut methods: Vec<String> = Vec::new();
    for feature in Features::new(&answer.text) {
        if feature.label.eq_ignore_ascii_case(b"AUTH") {
            let named = feature
                .parameters
                .split(|byte| *byte == b';' || byte.is_ascii_whitespace());
            methods.extend(
                named
                    .filter(|name| !name.is_empty())
                    .map(|name| Escaped::new(name).to_string()),
            );
        }
    }
    if methods.is_empty() {
        "none".to_owned()
    } else {
        methods.join(" ")
    }
}

fn yes(it_is: bool) -> String {
    if it_is { "yes" } else { "no" }.to_owned()
}

pub(crate) fn agreed(facts: &HandshakeFacts) -> String {
    format!("{}, {}", version(facts.version), facts.suite)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::Tls12 => "1.2",
        Version::Tls13 => "1.3",
    }
}

/// The longest a survey of one server takes, unless told otherwise.
pub(crate) const TOTAL: Duration = Duration::from_secs(180);
