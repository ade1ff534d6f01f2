//! A script that plays a client, step by step, over whatever carries the bytes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::policy::ServerPolicy;
use super::script::{ClientPart, Codes, End, Handshake, Part, Payload, Resume, Script, Step};
use super::text::filled;

/// What comes on the control connection of a scripted client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A reply: its code and its text.
    Reply(u16, String),
    /// The end of the connection.
    End,
    /// Nothing, in the time there was.
    Nothing,
}

/// What carries the bytes of a scripted client. Errors are told in words and end the script.
pub trait ClientSide {
    /// A new control connection.
    ///
    /// # Errors
    /// None can be made.
    fn connect(&mut self) -> Result<(), String>;
    /// Bytes for the control connection. That it has ended is no error: it shows when something is read.
    fn send(&mut self, bytes: &[u8]);
    /// What comes next, within so long; `None`: as long as a server may take.
    fn reply(&mut self, within: Option<Duration>) -> Heard;
    /// Begins TLS on the control connection.
    ///
    /// # Errors
    /// The handshake fails.
    fn tls(&mut self, how: &Handshake) -> Result<(), String>;
    /// Ends TLS there.
    ///
    /// # Errors
    /// The server does not.
    fn clear(&mut self) -> Result<(), String>;
    /// Ends the control connection.
    fn end(&mut self, how: End);
    /// Does nothing for so long.
    fn wait(&mut self, time: Duration);
    /// Listens for data.
    ///
    /// # Errors
    /// No listener can be made.
    fn listen(&mut self) -> Result<SocketAddr, String>;
    /// Connects to this port of the server, from this address.
    ///
    /// # Errors
    /// What the system says.
    fn data_connect(&mut self, port: u16, from: Option<IpAddr>) -> Result<(), String>;
    /// Whether somebody connects to the listener.
    fn data_accept(&mut self, expected: bool) -> bool;
    /// TLS on the data connection.
    ///
    /// # Errors
    /// The handshake fails.
    fn data_tls(&mut self, resume: Resume) -> Result<(), String>;
    /// Bytes on the data connection.
    fn data_send(&mut self, bytes: &[u8]);
    /// Everything that comes on the data connection until it ends, however it ends.
    fn data_read(&mut self) -> Vec<u8>;
    /// Ends the data connection.
    fn data_end(&mut self, how: End);
    /// Name and password of somebody who may log in.
    fn account(&self) -> (String, String);
}

/// Plays a script to its end.
///
/// # Errors
/// The line of the script, what it expects, and what came.
pub fn play(script: &Script, side: &mut dyn ClientSide) -> Result<(), String> {
    let Part::Client(part) = &script.part else {
        return Err("it plays no client".to_owned());
    };
    let mut player = Player {
        part,
        side,
        port: 0,
        listener: None,
    };
    let told = |line: usize, what: String| format!("{}:{line}: {what}", script.file.display());
    player.side.connect()?;
    if part.server.implicit()
        && !matches!(part.steps.first(), Some((_, Step::Login | Step::Tls(_))))
    {
        player.side.tls(&Handshake::Good)?;
    }
    for (line, step) in &part.steps {
        player.step(step).map_err(|what| told(*line, what))?;
    }
    Ok(())
}

struct Player<'s> {
    part: &'s ClientPart,
    side: &'s mut dyn ClientSide,
    port: u16,
    listener: Option<SocketAddr>,
}

impl Player<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Again => self.side.connect()?,
            Step::Say(text) => {
                let mut line = self.filled(text);
                line.extend_from_slice(b"\r\n");
                self.side.send(&line);
            }
            Step::Send(text) => {
                let bytes = self.filled(text);
                self.side.send(&bytes);
            }
            Step::Repeat(times, text) => {
                let bytes = self.filled(text).repeat(*times as usize);
                self.side.send(&bytes);
            }
            Step::Expect(codes, text) => self.expect(codes, text.as_deref())?,
            Step::Closed(before) => self.closed(before.as_ref())?,
            Step::Quiet(time) => match self.side.reply(Some(*time)) {
                Heard::Nothing => {}
                other => return Err(format!("nothing should come, and this did: {other:?}")),
            },
            Step::Wait(time) => self.side.wait(*time),
            Step::Tls(how) => {
                let went = self.side.tls(how);
                if matches!(how, Handshake::Good) {
                    went?;
                }
            }
            Step::Clear => self.side.clear()?,
            Step::Login => self.log_in()?,
            Step::Passive(verb) => self.passive(verb)?,
            Step::Listen => self.listener = Some(self.side.listen()?),
            Step::Connect(from) => {
                // A port that nobody listens at any more is as good as one that is closed at once.
                let _ = self.side.data_connect(self.port, *from);
            }
            Step::Accept(wanted) => {
                if self.side.data_accept(*wanted) != *wanted {
                    return Err(match wanted {
                        true => "nobody connected".to_owned(),
                        false => "somebody connected".to_owned(),
                    });
                }
            }
            Step::DataTls(resume) => {
                let went = self.side.data_tls(*resume);
                if *resume == Resume::Own {
                    went?;
                }
            }
            Step::DataSend(times, text) => {
                let bytes = self.filled(text).repeat(*times as usize);
                self.side.data_send(&bytes);
            }
            Step::DataRead(wanted) => {
                let came = self.side.data_read();
                let fits = match wanted {
                    Payload::Any => true,
                    Payload::Nothing => came.is_empty(),
                    Payload::Is(bytes) => came == *bytes,
                    Payload::Holds(bytes) => {
                        bytes.is_empty() || came.windows(bytes.len()).any(|part| part == bytes)
                    }
                };
                if !fits {
                    let came = String::from_utf8_lossy(&came);
                    return Err(format!("{wanted:?}, and {came:?} came"));
                }
            }
            Step::DataEnd(how) => self.side.data_end(*how),
            Step::End(how) => self.side.end(*how),
        }
        Ok(())
    }

    fn expect(&mut self, codes: &Codes, text: Option<&str>) -> Result<(), String> {
        match self.side.reply(None) {
            Heard::Reply(code, said) if codes.hold(code) => match text {
                Some(text) if !said.contains(&*String::from_utf8_lossy(&self.filled(text))) => {
                    Err(format!("{text:?} is not in {code} {said:?}"))
                }
                _ => Ok(()),
            },
            other => Err(format!("{codes}, and this came: {other:?}")),
        }
    }

    fn closed(&mut self, before: Option<&Codes>) -> Result<(), String> {
        loop {
            match self.side.reply(None) {
                Heard::End => return Ok(()),
                Heard::Reply(code, _) if before.is_some_and(|codes| codes.hold(code)) => {}
                other => return Err(format!("the end, and this came: {other:?}")),
            }
        }
    }

    fn command(&mut self, line: &str, codes: &str) -> Result<String, String> {
        self.side.send(format!("{line}\r\n").as_bytes());
        let codes = Codes(codes.split('|').map(str::to_owned).collect());
        match self.side.reply(None) {
            Heard::Reply(code, said) if codes.hold(code) => Ok(said),
            other => {
                let verb = line.split(' ').next().unwrap_or_default();
                Err(format!("{codes} to {verb}, and this came: {other:?}"))
            }
        }
    }

    fn log_in(&mut self) -> Result<(), String> {
        let policy: &ServerPolicy = &self.part.server;
        if policy.implicit() {
            self.side.tls(&Handshake::Good)?;
        }
        self.expect(&Codes(vec!["220".to_owned()]), None)?;
        if policy.wants_auth() {
            self.command("AUTH TLS", "234")?;
            self.side.tls(&Handshake::Good)?;
        }
        let (user, password) = self.side.account();
        self.command(&format!("USER {user}"), "331")?;
        self.command(&format!("PASS {password}"), "230")?;
        if policy.wants_auth() || policy.implicit() {
            self.command("PBSZ 0", "200")?;
            self.command("PROT P", "200")?;
        }
        self.command("TYPE I", "200").map(drop)
    }

    fn passive(&mut self, verb: &str) -> Result<(), String> {
        let said = self.command(verb, "227|229")?;
        let numbers: Vec<u16> = said
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        self.port = match numbers[..] {
            [.., high, low] if verb == "PASV" => high << 8 | low,
            [.., port] => port,
            [] => return Err(format!("no port in {said:?}")),
        };
        Ok(())
    }

    fn filled(&self, text: &str) -> Vec<u8> {
        let (user, password) = self.side.account();
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let at = self.listener.unwrap_or(nowhere);
        let [high, low] = at.port().to_be_bytes();
        filled(
            text,
            &[
                ("{user}", user),
                ("{password}", password),
                ("{port}", at.port().to_string()),
                ("{p1}", high.to_string()),
                ("{p2}", low.to_string()),
                ("{h}", at.ip().to_string().replace('.', ",")),
                ("{address}", at.ip().to_string()),
            ],
        )
    }
}
