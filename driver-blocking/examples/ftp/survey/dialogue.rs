//! A control connection on which anything may be said: for questions that a client which keeps its policy cannot ask. Lines, replies, TLS and
//! addresses are the engine's.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto_blocking::ftp_proto::Limits;
use ftp_proto_blocking::ftp_proto::pipe::LinkEnd;
use ftp_proto_blocking::ftp_proto::tls::{
    ClientTls, HandshakeFacts, PeerIdentity, Purpose, TlsFailure, TlsSession,
};
use ftp_proto_blocking::ftp_proto::wire::command::{Command, Text, encode_raw};
use ftp_proto_blocking::ftp_proto::wire::extended::port_in_reply;
use ftp_proto_blocking::ftp_proto::wire::host_port::HostPort;
use ftp_proto_blocking::ftp_proto::wire::reply::{Code, Escaped, Reply, ReplyReader};

use super::Login;
use super::wire::{Silence, Wire};

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: Code,
    pub(crate) text: Vec<u8>,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    Silence,
    Ended(LinkEnd),
    Malformed(String),
}

/// How a data connection is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataTls {
    /// Under TLS, with what the control connection's session has left to be resumed.
    Resuming,
    /// Under TLS, with a new session.
    New,
    /// As the server does it: TLS is tried if nothing comes without.
    Whatever,
}

/// What came of a data connection.
#[derive(Clone, Debug)]
pub(crate) enum DataSeen {
    /// In clear text.
    Clear,
    /// Under TLS.
    Secure,
    /// The transfer was refused.
    Refused(Answer),
    /// The connection, or TLS on it, failed.
    Failed(String),
}

pub(crate) struct Dialogue {
    wire: Wire,
    replies: ReplyReader,
    tls: ClientTls,
    name: String,
    session: Option<TlsSession>,
    peer: SocketAddr,
    limit: Duration,
    /// What the latest handshake on the control connection agreed on.
    pub(crate) facts: Option<HandshakeFacts>,
    pub(crate) identity: Option<PeerIdentity>,
    /// The latest reply.
    pub(crate) last: Option<Answer>,
    /// What was said and seen since it was last taken.
    log: Vec<String>,
}

impl Dialogue {
    pub(crate) async fn connect(
        addresses: &[SocketAddr],
        name: &str,
        tls: ClientTls,
        limit: Duration,
    ) -> io::Result<Dialogue> {
        let wire = Wire::connect(addresses, limit).await?;
        let peer = wire.peer()?;
        let limits = Limits::default();
        Ok(Dialogue {
            wire,
            replies: ReplyReader::new(limits.reply_line, limits.reply_bytes, limits.reply_lines),
            tls,
            name: name.to_owned(),
            session: None,
            peer,
            limit,
            facts: None,
            identity: None,
            last: None,
            log: vec![format!("connected to {peer}")],
        })
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What was said and seen since the last time.
    pub(crate) fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    // ---- commands and replies

    /// Says a line; the final reply, whatever came before it.
    pub(crate) async fn ask(&mut self, line: &str) -> Result<Answer, NoReply> {
        self.say(&[line]).await;
        self.final_reply().await
    }

    /// Says lines, in one write.
    pub(crate) async fn say(&mut self, lines: &[&str]) {
        let mut bytes = Vec::new();
        for line in lines {
            self.log.push(format!("---> {line}"));
            if encode_raw(line.as_bytes(), &mut bytes, Limits::default().command_line).is_err() {
                self.log.push("not sent: it cannot be a command".to_owned());
            }
        }
        self.wire.send(&bytes, self.limit).await;
    }

    /// USER, and PASS if it is asked for. The caller knows that this connection may see them.
    pub(crate) async fn login(&mut self, login: &Login) -> Result<Answer, NoReply> {
        let max = Limits::default().command_line;
        let mut bytes = Vec::new();
        let malformed = |_| NoReply::Malformed("name or password cannot be sent".to_owned());
        let user = Text::new(&login.user).map_err(malformed)?;
        Command::User(user)
            .encode(&mut bytes, max)
            .map_err(malformed)?;
        self.log
            .push(format!("---> USER {}", Escaped::new(&login.user)));
        self.wire.send(&bytes, self.limit).await;
        let answer = self.final_reply().await?;
        if answer.code != Code::NEED_PASSWORD {
            return Ok(answer);
        }
        bytes.clear();
        let password = Text::new(&login.password).map_err(malformed)?;
        Command::Pass(password)
            .encode(&mut bytes, max)
            .map_err(malformed)?;
        self.log.push("---> PASS ****".to_owned());
        self.wire.send(&bytes, self.limit).await;
        self.final_reply().await
    }

    pub(crate) async fn final_reply(&mut self) -> Result<Answer, NoReply> {
        loop {
            let answer = self.reply().await?;
            if answer.code.value() >= 200 {
                return Ok(answer);
            }
        }
    }

    /// The next reply.
    pub(crate) async fn reply(&mut self) -> Result<Answer, NoReply> {
        let limit = self.limit;
        self.reply_within(limit).await
    }

    pub(crate) async fn reply_within(&mut self, limit: Duration) -> Result<Answer, NoReply> {
        let replies = &mut self.replies;
        let found = self
            .wire
            .until(limit, |link| {
                let plain = link.plain();
                let count = plain.len();
                replies.push(plain);
                link.consume(count);
                let answer = |reply: Reply<'_>| Answer {
                    code: reply.code(),
                    text: reply.text().to_vec(),
                };
                match replies.next_reply() {
                    Ok(Some(reply)) => Some(Ok(answer(reply))),
                    Err(malformed) => Some(Err(NoReply::Malformed(malformed.to_string()))),
                    Ok(None) => link.end().map(|end| Err(NoReply::Ended(end))),
                }
            })
            .await;
        let found = found.unwrap_or(Err(NoReply::Silence));
        match &found {
            Ok(answer) => {
                let text = answer.text.split(|byte| *byte == b'\n');
                let lines = text.map(|line| Escaped::new(line).to_string());
                let text = lines.collect::<Vec<_>>().join(" | ");
                self.log.push(format!("<--- {} {text}", answer.code));
                self.last = Some(answer.clone());
            }
            Err(problem) => self.log.push(problem.to_string()),
        }
        found
    }

    // ---- TLS

    /// The handshake on the control connection. Nothing that came before it counts any more.
    pub(crate) async fn secure(&mut self) -> Result<HandshakeFacts, String> {
        let session = self
            .tls
            .session(&self.name)
            .map_err(|error| error.to_string())?;
        let channel = session
            .open(Purpose::Control)
            .map_err(|failure| failure.to_string())?;
        self.session = Some(session);
        let clear = !self.replies.is_idle();
        self.replies.clear();
        let secured = self.wire.secure(channel, self.limit).await;
        self.identity = self.wire.link.identity().cloned();
        let result = match secured {
            Ok(Ok(facts)) => Ok(facts),
            Ok(Err(failure)) => Err(told(&failure)),
            Err(Silence) => Err("the handshake got no answer".to_owned()),
        };
        match &result {
            Ok(facts) => {
                self.log.push(format!("TLS is up: {}", facts.suite));
                self.facts = Some(facts.clone());
            }
            Err(problem) => self.log.push(format!("TLS failed: {problem}")),
        }
        if clear {
            self.log
                .push("clear text came between the reply and TLS".to_owned());
        }
        result
    }

    // ---- data connections

    /// Asks for a passive data connection and connects to it, at the host of the control connection.
    pub(crate) async fn passive(&mut self) -> Result<Wire, String> {
        let (port, command) = match self.ask("EPSV").await {
            Ok(answer) if answer.code == Code::ENTERING_EXTENDED_PASSIVE_MODE => {
                (port_in_reply(&answer.text), "EPSV")
            }
            _ => match self.ask("PASV").await {
                Ok(answer) if answer.code == Code::ENTERING_PASSIVE_MODE => (
                    HostPort::find_in_reply(&answer.text).map(|place| place.port),
                    "PASV",
                ),
                _ => return Err("no passive data connection".to_owned()),
            },
        };
        let port = port.map_err(|malformed| format!("the reply to {command}: {malformed}"))?;
        let address = SocketAddr::new(self.peer.ip(), port);
        let data = Wire::connect(&[address], self.limit).await;
        match data {
            Ok(data) => {
                self.log.push(format!("data connection to {address}"));
                Ok(data)
            }
            Err(error) => Err(format!("data connection to {address}: {error}")),
        }
    }

    /// A transfer to us by a passive data connection, to its end.
    pub(crate) async fn transfer(&mut self, line: &str, how: DataTls, quiet: Duration) -> DataSeen {
        let mut data = match self.passive().await {
            Ok(data) => data,
            Err(problem) => return self.failed(problem),
        };
        self.say(&[line]).await;
        if how == DataTls::Whatever {
            data = match self.without_tls(data, quiet).await {
                Ok(seen) => return seen,
                Err(data) => *data,
            };
        }
        let problem = match self.secure_data(&mut data, how).await {
            Ok(()) => match data.drain(self.limit).await {
                Ok((bytes, end)) => {
                    self.log
                        .push(format!("data under TLS: {bytes} bytes, {}", Ended(&end)));
                    drop(data);
                    // What the server says about it decides.
                    match self.final_reply().await {
                        Ok(answer) if answer.code.class().is_negative() => {
                            return DataSeen::Refused(answer);
                        }
                        Ok(_) => return DataSeen::Secure,
                        Err(_) => "the end was not confirmed".to_owned(),
                    }
                }
                Err(Silence) => "nothing came behind the handshake".to_owned(),
            },
            Err(TlsFailure::NotTls { sample, .. }) => {
                self.log.push(format!(
                    "clear text in place of TLS: {}",
                    Escaped::new(&sample)
                ));
                return DataSeen::Clear;
            }
            Err(failure) => told(&failure),
        };
        self.log.push(format!("data connection: {problem}"));
        match self.final_reply().await {
            Ok(answer) if answer.code.class().is_negative() => DataSeen::Refused(answer),
            _ => DataSeen::Failed(problem),
        }
    }

    /// TLS on a data connection.
    pub(crate) async fn secure_data(
        &mut self,
        data: &mut Wire,
        how: DataTls,
    ) -> Result<(), TlsFailure> {
        let (session, purpose) = match (&self.session, how) {
            (Some(session), DataTls::Resuming | DataTls::Whatever) => {
                (session.clone(), Purpose::Data)
            }
            // A session of its own has nothing to resume.
            _ => {
                let session = self.tls.session(&self.name);
                let session = session.map_err(|error| TlsFailure::Internal(error.to_string()))?;
                (session, Purpose::Control)
            }
        };
        let channel = session.open(purpose)?;
        let secured = data.secure(channel, self.limit).await;
        let facts =
            secured.map_err(|Silence| TlsFailure::Internal("no answer in time".to_owned()))??;
        let resumed = if facts.resumed {
            "resumed"
        } else {
            "a new session"
        };
        self.log
            .push(format!("TLS on data: {}, {resumed}", facts.suite));
        Ok(())
    }

    /// What comes, for a while, if nobody speaks TLS. The connection comes back if that was nothing.
    async fn without_tls(
        &mut self,
        mut data: Wire,
        quiet: Duration,
    ) -> Result<DataSeen, Box<Wire>> {
        let something = data
            .until(quiet, |link| {
                let some = !link.plain().is_empty();
                (some || link.end().is_some()).then_some(())
            })
            .await;
        if something == Err(Silence) {
            self.log
                .push("nothing came on the data connection without TLS".to_owned());
            // Refused before anything could come?
            return match self.reply_within(Duration::from_millis(1)).await {
                Ok(answer) if answer.code.class().is_negative() => Ok(DataSeen::Refused(answer)),
                _ => Err(Box::new(data)),
            };
        }
        let (bytes, end) = match data.drain(self.limit).await {
            Ok(drained) => drained,
            Err(Silence) => return Ok(self.failed("the data stood still".to_owned())),
        };
        self.log
            .push(format!("data in clear: {bytes} bytes, {}", Ended(&end)));
        // Some servers say nothing before our side is closed too.
        drop(data);
        Ok(match self.final_reply().await {
            Ok(answer) if answer.code.class().is_negative() => DataSeen::Refused(answer),
            Ok(_) => DataSeen::Clear,
            Err(_) => DataSeen::Failed("the end was not confirmed".to_owned()),
        })
    }

    fn failed(&mut self, problem: String) -> DataSeen {
        self.log.push(problem.clone());
        DataSeen::Failed(problem)
    }

    // ---- the end

    /// How the control connection ends.
    pub(crate) async fn end(&mut self) -> Option<LinkEnd> {
        let end = self.wire.drain(self.limit).await.ok();
        let end = end.map(|(_, end)| end);
        let told = end
            .as_ref()
            .map_or_else(|| "no end came".to_owned(), |end| Ended(end).to_string());
        self.log.push(format!("control connection: {told}"));
        end
    }
}

/// How a connection ended, for people.
pub(crate) struct Ended<'a>(pub(crate) &'a LinkEnd);

impl std::fmt::Display for Ended<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            LinkEnd::CloseNotify => f.write_str("ended by close_notify"),
            LinkEnd::Fin => f.write_str("ended by TCP alone"),
            LinkEnd::Failed(fault) => write!(f, "{fault}"),
            LinkEnd::Tls(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoReply::Silence => f.write_str("no reply in time"),
            NoReply::Ended(end) => write!(f, "no reply: {}", Ended(end)),
            NoReply::Malformed(what) => write!(f, "what came is no reply: {what}"),
        }
    }
}

/// A failure of TLS, with what came in its place.
fn told(failure: &TlsFailure) -> String {
    match failure {
        TlsFailure::NotTls { sample, .. } => {
            format!("{failure}: {}", Escaped::new(sample.trim_ascii_end()))
        }
        _ => failure.to_string(),
    }
}
