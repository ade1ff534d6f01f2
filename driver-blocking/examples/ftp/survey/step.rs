//! What a step of a dialogue says, and what its answer means.

use ftp_proto_blocking::ftp_proto::pipe::LinkEnd;
use ftp_proto_blocking::ftp_proto::tls::{Fingerprint, HandshakeFacts, Verdict, Version};
use ftp_proto_blocking::ftp_proto::wire::features::Features;
use ftp_proto_blocking::ftp_proto::wire::host_port::{AddressClass, HostPort};
use ftp_proto_blocking::ftp_proto::wire::reply::{Code, Escaped};

use super::column::{Column, Known};
use super::dialogue::{Answer, DataSeen, DataTls, Dialogue, Ended, NoReply};
use super::host::Host;
use super::plan::{HandshakeColumns, Step};

impl Host<'_> {
    /// One step. An error ends the visit: what is left of it was not asked.
    pub(super) async fn step(&self, talk: &mut Dialogue, step: Step) -> Result<(), Known> {
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
                let in_order = matches!(codes.as_slice(), [200, 215 | 202 | 500 | 502, 257, 200]);
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

fn agreed(facts: &HandshakeFacts) -> String {
    format!("{}, {}", version(facts.version), facts.suite)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::Tls12 => "1.2",
        Version::Tls13 => "1.3",
    }
}
