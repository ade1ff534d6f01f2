//! A script that plays a server: which rule holds, and what is done, over whatever carries the bytes.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use super::parse;
use super::script::{Action, End, Handshake, Part, Rule, Script, ServerPart};
use super::text::filled;

/// What carries the bytes of a scripted server: one control connection, and one data connection beside it. An error ends the session; the
/// client is gone.
pub trait ServerSide {
    /// Bytes for the control connection.
    ///
    /// # Errors
    /// The client is gone.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Begins TLS on the control connection.
    ///
    /// # Errors
    /// The client is gone, or wants no TLS.
    fn tls(&mut self, how: &Handshake) -> io::Result<()>;
    /// Ends TLS there.
    ///
    /// # Errors
    /// The client is gone.
    fn clear(&mut self) -> io::Result<()>;
    /// Ends the control connection.
    ///
    /// # Errors
    /// The client is gone already.
    fn end(&mut self, how: End) -> io::Result<()>;
    /// Does nothing for so long.
    fn wait(&mut self, time: Duration);
    /// Listens for a data connection, and at which address and port. A listener there was is closed.
    ///
    /// # Errors
    /// No listener can be made.
    fn listen(&mut self) -> io::Result<(IpAddr, u16)>;
    /// The client listens there.
    fn active(&mut self, port: u16);
    /// Takes the data connection, under TLS if `private`.
    ///
    /// # Errors
    /// There is none.
    fn data(&mut self, private: bool, how: &Handshake) -> io::Result<()>;
    /// Bytes on the data connection; `raw`: in clear text whatever was agreed.
    ///
    /// # Errors
    /// The client is gone.
    fn data_send(&mut self, bytes: &[u8], raw: bool) -> io::Result<()>;
    /// Reads the data connection to its end.
    ///
    /// # Errors
    /// The client is gone.
    fn data_read(&mut self) -> io::Result<Vec<u8>>;
    /// Ends the data connection.
    ///
    /// # Errors
    /// The client is gone.
    fn data_end(&mut self, how: End) -> io::Result<()>;
    /// Closes the listener for data.
    fn data_refuse(&mut self);
    /// Connects to the data port of the client from elsewhere, and sends this.
    ///
    /// # Errors
    /// There is no data port.
    fn stranger(&mut self, from: IpAddr, bytes: &[u8]) -> io::Result<()>;
}

/// A command line as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Without its end.
    pub text: String,
    /// It came in clear text.
    pub clear: bool,
}

/// One session of a scripted server.
#[derive(Debug)]
pub struct Player<'s> {
    script: &'s ServerPart,
    implicit: bool,
    counts: BTreeMap<String, u32>,
    under_tls: bool,
    private: bool,
    /// A data connection is set up, and no transfer has used it yet.
    ready: bool,
    /// What is set up is a port nobody listens at.
    refused: bool,
    /// Where data connections go, in this address and port.
    place: (IpAddr, u16),
    /// Nothing is said any more.
    pub silent: bool,
    /// Every line so far.
    pub heard: Vec<Line>,
    /// What the client has sent on data connections.
    pub stored: Vec<Vec<u8>>,
}

impl<'s> Player<'s> {
    /// A session about to begin. `None` if the script plays no server.
    #[must_use]
    pub fn new(script: &'s Script) -> Option<Self> {
        let Part::Server(script) = &script.part else {
            return None;
        };
        Some(Player {
            script,
            implicit: script.client.implicit(),
            counts: BTreeMap::new(),
            under_tls: false,
            private: false,
            ready: false,
            refused: false,
            place: (IpAddr::from([127, 0, 0, 1]), 0),
            silent: false,
            heard: Vec::new(),
            stored: Vec::new(),
        })
    }

    /// A client has connected.
    ///
    /// # Errors
    /// It is gone again.
    pub fn connected(&mut self, side: &mut dyn ServerSide) -> io::Result<()> {
        if self.implicit && !self.script.rules.iter().any(|rule| rule.on == "connect") {
            self.tls(side, &Handshake::Good)?;
        }
        self.happened("connect", "", side)
    }

    /// A command line has come.
    ///
    /// # Errors
    /// The client is gone.
    pub fn line(&mut self, line: &str, side: &mut dyn ServerSide) -> io::Result<()> {
        self.heard.push(Line {
            text: line.to_owned(),
            clear: !self.under_tls,
        });
        if self.silent {
            return Ok(());
        }
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "PASV" | "EPSV" => {
                self.place = side.listen()?;
                self.refused = false;
            }
            "PORT" | "EPRT" => {
                side.active(port_in(argument));
                self.refused = false;
            }
            _ => {}
        }
        self.happened(&verb, argument, side)
    }

    fn happened(
        &mut self,
        what: &str,
        argument: &str,
        side: &mut dyn ServerSide,
    ) -> io::Result<()> {
        let count = self.counts.entry(what.to_owned()).or_default();
        *count += 1;
        let number = *count;
        let of = |rules: &'s [Rule], what: &str| {
            let mut fitting = rules.iter().filter(|rule| rule.on == what);
            let exact = fitting.clone().find(|rule| rule.number == Some(number));
            exact.or_else(|| fitting.find(|rule| rule.number.is_none()))
        };
        let rule = of(&self.script.rules, what);
        let moves = matches!(
            what,
            "RETR" | "STOR" | "STOU" | "APPE" | "LIST" | "NLST" | "MLSD"
        );
        let ready = self.ready;
        self.ready &= !moves;
        match rule {
            Some(rule) => self.act(what, argument, &rule.actions, side),
            None if moves && !ready => side.send(b"425 no data connection\r\n"),
            None => self.usual(what, argument, side),
        }
    }

    fn usual(&mut self, what: &str, argument: &str, side: &mut dyn ServerSide) -> io::Result<()> {
        let rules = usual();
        let rule = rules
            .iter()
            .find(|rule| rule.on == what)
            .or_else(|| self.script.rules.iter().find(|rule| rule.on == "other"))
            .or_else(|| rules.iter().find(|rule| rule.on == "other"));
        match rule {
            Some(rule) => self.act(what, argument, &rule.actions, side),
            None => Ok(()),
        }
    }

    fn act(
        &mut self,
        what: &str,
        argument: &str,
        actions: &[Action],
        side: &mut dyn ServerSide,
    ) -> io::Result<()> {
        for action in actions {
            match action {
                Action::Say(text) => {
                    self.told(what, argument, text, side);
                    let mut line = self.filled(text);
                    line.extend_from_slice(b"\r\n");
                    side.send(&line)?;
                }
                Action::Send(text) => side.send(&self.filled(text))?,
                Action::Repeat(times, text) => {
                    let piece = self.filled(text);
                    for _ in 0..*times {
                        side.send(&piece)?;
                    }
                }
                Action::Usual => self.usual(what, argument, side)?,
                Action::Tls(how) => self.tls(side, how)?,
                Action::Clear => {
                    side.clear()?;
                    self.under_tls = false;
                }
                Action::End(how) => {
                    side.end(*how)?;
                    self.silent = true;
                }
                Action::Silence => {
                    self.silent = true;
                    return Ok(());
                }
                Action::Wait(time) => side.wait(*time),
                Action::Data(how) => side.data(self.private, how)?,
                Action::DataSend(times, text) => {
                    let piece = self.filled(text);
                    for _ in 0..*times {
                        side.data_send(&piece, false)?;
                    }
                }
                Action::DataRaw(text) => side.data_send(&self.filled(text), true)?,
                Action::DataRead => {
                    let bytes = side.data_read()?;
                    self.stored.push(bytes);
                }
                Action::DataEnd(how) => side.data_end(*how)?,
                Action::DataRefuse => {
                    side.data_refuse();
                    self.refused = true;
                    self.ready = false;
                }
                Action::Stranger(from, text) => side.stranger(*from, &self.filled(text))?,
            }
        }
        Ok(())
    }

    /// What a reply changes.
    fn told(&mut self, what: &str, argument: &str, text: &str, side: &mut dyn ServerSide) {
        let taken = text.starts_with('2');
        match what {
            "PROT" if taken => self.private = argument.eq_ignore_ascii_case("P"),
            "PASV" | "EPSV" | "PORT" | "EPRT" => {
                self.ready = taken && !self.refused;
                if !taken {
                    side.data_refuse();
                }
            }
            _ => {}
        }
    }

    fn tls(&mut self, side: &mut dyn ServerSide, how: &Handshake) -> io::Result<()> {
        side.tls(how)?;
        self.under_tls = true;
        Ok(())
    }

    fn filled(&self, text: &str) -> Vec<u8> {
        let (address, port) = self.place;
        let [high, low] = port.to_be_bytes();
        let size = self.stored.last().map_or(10, Vec::len);
        filled(
            text,
            &[
                ("{port}", port.to_string()),
                ("{p1}", high.to_string()),
                ("{p2}", low.to_string()),
                ("{h}", address.to_string().replace('.', ",")),
                ("{address}", address.to_string()),
                ("{size}", size.to_string()),
            ],
        )
    }
}

/// What is wrong with what a client has sent, if anything.
///
/// # Errors
/// The line that was sent and must not be, or was not and must be.
pub fn judge(script: &ServerPart, heard: &[Line]) -> Result<(), String> {
    for never in &script.never {
        let found = heard
            .iter()
            .find(|line| line.text.starts_with(&never.start) && (line.clear || !never.clear));
        if let Some(line) = found {
            return Err(format!("it sent {:?}", line.text));
        }
    }
    for wanted in &script.sent {
        let start = String::from_utf8_lossy(&filled(&wanted.start, &[])).into_owned();
        let found = heard.iter().filter(|line| line.text.starts_with(&start));
        match found.count() {
            0 => return Err(format!("it never sent {:?}", wanted.start)),
            1 => {}
            count if wanted.once => {
                return Err(format!("it sent {:?} {count} times", wanted.start));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What any server does.
fn usual() -> &'static [Rule] {
    static USUAL: OnceLock<Vec<Rule>> = OnceLock::new();
    USUAL.get_or_init(|| {
        // Read by a test too: what is wrong with it shows there.
        parse::rules("usual.script", include_str!("usual.script")).unwrap_or_default()
    })
}

/// The port in the argument of PORT or EPRT; 0 if there is none.
fn port_in(argument: &str) -> u16 {
    if let Some(extended) = argument.strip_prefix('|') {
        let port = extended.trim_end_matches('|').rsplit('|').next();
        return port.and_then(|port| port.parse().ok()).unwrap_or(0);
    }
    let mut numbers = argument
        .rsplit(',')
        .map(|number| number.parse::<u8>().unwrap_or(0));
    let low = numbers.next().unwrap_or(0);
    let high = numbers.next().unwrap_or(0);
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_answers_can_be_read() {
        let rules = parse::rules("usual.script", include_str!("usual.script"));
        assert!(
            rules.as_ref().is_ok_and(|rules| rules.len() > 40),
            "{rules:?}"
        );
    }

    #[test]
    fn ports_of_active_connections_are_found() {
        assert_eq!(port_in("127,0,0,1,8,73"), 2121);
        assert_eq!(port_in("|1|127.0.0.1|2121|"), 2121);
        assert_eq!(port_in("rubbish"), 0);
    }
}
