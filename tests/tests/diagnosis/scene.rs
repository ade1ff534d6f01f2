//! A session on the bench with a server that does well until the scene says otherwise.

use std::time::Duration;

use ftp_proto::client::{Batching, ClearText, DataMode, DataModes, Security, SizeCheck};
use ftp_proto::diagnosis::Diagnosis;
use ftp_proto::{
    Channel, Config, DataEnd, Direction, Failure, Input, Plain, Refusal, Tickets, TlsFault,
};
use ftp_proto_tests::rig::{PEER, Rig, Seen};

/// A small generator of numbers; the same seed gives the same scene.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
    /// The machine's evidence is asked and wiped out at every step.
    pub(crate) forgets: bool,
    /// Other things are odd too, and everybody uses other words: what the failing reply of this cause says elsewhere.
    pub(crate) hard: Option<Words>,
}

/// Replies, whole lines, that say the same in place of those the scenes were written with; none if any text will do.
pub(crate) type Words = &'static [&'static str];

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            forgets: false,
            hard: None,
        }
    }

    /// The same chances in a harder world.
    pub(crate) fn harder(seed: u64, words: Words) -> Self {
        Dice {
            hard: Some(words),
            ..Dice::new(seed ^ 0xa5a5_0000)
        }
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % sides
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.roll(from.len() as u64);
        from[usize::try_from(at).unwrap()]
    }

    pub(crate) fn toss(&mut self) -> bool {
        self.roll(2) == 0
    }
}

/// One session.
pub(crate) struct Scene {
    pub(crate) rig: Rig,
    pub(crate) dice: Dice,
    /// Bytes of the next healthy file.
    pub(crate) size: u64,
    /// The latest passive command was refused.
    portless: bool,
}

impl Scene {
    /// A session with settings that differ from seed to seed, and do not matter.
    pub(crate) fn new(dice: Dice, config: Config) -> Self {
        Scene::to(dice, config, PEER)
    }

    pub(crate) fn to(mut dice: Dice, mut config: Config, peer: &str) -> Self {
        config.batching = dice.pick(&[Batching::Independent, Batching::LockStep]);
        config.size_check = dice.pick(&[SizeCheck::WhenFree, SizeCheck::Never]);
        let mut rig = Rig::to(config, peer);
        rig.checks_silence = false;
        rig.checks_splits = false;
        Scene {
            rig,
            dice,
            size: 0,
            portless: false,
        }
    }

    /// Under TLS, with any passive mode first.
    pub(crate) fn tls(mut dice: Dice) -> Self {
        let mut config = Config::default();
        config.data_modes = passive(&mut dice);
        Scene::new(dice, config)
    }

    /// Under TLS or in clear text.
    pub(crate) fn either(mut dice: Dice) -> Self {
        let mut config = Config::default();
        config.data_modes = passive(&mut dice);
        if dice.toss() {
            config.security = Security::clear(ClearText::Everybody);
        }
        Scene::new(dice, config)
    }

    pub(crate) fn is_tls(&self) -> bool {
        !self.rig.client().config().security.is_clear()
    }

    /// Some time on the network.
    pub(crate) fn lag(&mut self) -> &mut Self {
        let millis = match self.dice.hard {
            Some(_) => self.dice.pick(&[0, 1, 3, 40, 400, 1500, 4000]),
            None => self.dice.pick(&[0, 1, 20, 150, 900]),
        };
        self.rig.pass(Duration::from_millis(millis));
        if self.dice.forgets {
            let refused = self.rig.try_ask::<Plain>(|client, _| {
                let _ = client.diagnose(None);
                client.forget_evidence();
                Err(Refusal::Policy)
            });
            assert!(refused.is_err());
        }
        self
    }

    pub(crate) fn reply(&mut self, line: &str) -> &mut Self {
        self.lag();
        let line = self.in_other_words(line);
        let mut bytes = format!("{line}\r\n").into_bytes();
        // It comes in pieces, as networks will have it.
        if self.dice.hard.is_some() && self.dice.toss() {
            let cut = usize::try_from(self.dice.roll(bytes.len() as u64)).unwrap();
            let rest = bytes.split_off(cut);
            self.rig.bytes(&bytes);
            if self.rig.is_closed() {
                return self;
            }
            self.rig.pass(Duration::from_millis(self.dice.roll(300)));
            bytes = rest;
        }
        self.rig.bytes(&bytes);
        self
    }

    /// What a server of another make says in place of this.
    fn in_other_words(&mut self, line: &str) -> String {
        let (Some(words), false) = (self.dice.hard, line.contains('\n')) else {
            return line.to_owned();
        };
        let fails = line.starts_with(['4', '5']);
        if fails && !words.is_empty() {
            // Of the same code, if there is one: some causes are told by it.
            let code = line.get(..3).unwrap_or_default();
            let same: Vec<&str> = words
                .iter()
                .copied()
                .filter(|word| word.starts_with(code))
                .collect();
            return match same.is_empty() {
                true => self.dice.pick(words).to_owned(),
                false => self.dice.pick(&same).to_owned(),
            };
        }
        super::hard::recorded(line, &mut self.dice).unwrap_or_else(|| line.to_owned())
    }

    /// Things that are odd and have nothing to do with what is going to happen.
    fn oddities(&mut self) {
        for _ in 0..self.dice.roll(3) {
            match self.dice.roll(6) {
                0 => {
                    let _ = self.rig.ask(|c, now| c.change_directory(now, b"elsewhere"));
                    self.aside(&[("CWD", "550 No such directory.")]);
                }
                1 => {
                    let _ = self.rig.ask(|c, now| c.features(now));
                    self.aside(&[("FEAT", "211-Features:\r\n MDTM\r\n211 End")]);
                }
                2 => {
                    let _ = self.rig.ask(|c, now| c.noop(now));
                    self.rig.pass(Duration::from_secs(5 + self.dice.roll(4)));
                    self.aside(&[]);
                }
                3 => {
                    let _ = self.rig.ask(|c, now| c.size(now, b"directory"));
                    self.aside(&[("SIZE", "550 not a plain file.")]);
                }
                4 => {
                    let _ = self
                        .rig
                        .ask(|c, now| c.delete(now, "alt-\u{f6}".as_bytes()));
                    self.aside(&[("DELE", "250 gone")]);
                }
                _ => {
                    self.rig.pass(Duration::from_secs(20 + self.dice.roll(20)));
                }
            }
        }
        self.rig.forget();
    }

    /// An exchange in everyday words.
    fn aside(&mut self, odd: &[(&str, &str)]) {
        let hard = self.dice.hard.take();
        self.serve(odd);
        self.dice.hard = hard;
    }

    pub(crate) fn greet(&mut self) -> &mut Self {
        let greeting = self.dice.pick(&[
            "220 ready",
            "220 (vsFTPd 3.0.3)",
            "220-Welcome\r\n220 ProFTPD Server",
        ]);
        self.reply(greeting)
    }

    pub(crate) fn login(&mut self) -> &mut Self {
        let _ = self.rig.login();
        self
    }

    /// To the reply that starts TLS, which is said.
    pub(crate) fn auth(&mut self) -> &mut Self {
        self.login().greet();
        assert_eq!(self.rig.sent(), ["AUTH TLS"]);
        self.reply("234 Proceed with negotiation.")
    }

    /// Logged in, nothing waiting.
    pub(crate) fn up(&mut self) -> &mut Self {
        if self.is_tls() {
            self.auth();
            self.lag().rig.secure_ok();
        } else {
            self.login().greet();
        }
        self.serve(&[]);
        assert!(!self.rig.is_closed(), "{}", self.rig.story());
        self.rig.tickets(Tickets::Left(2));
        self.rig.forget();
        if self.dice.hard.is_some() {
            self.oddities();
        }
        self
    }

    /// Any number of transfers that go well.
    pub(crate) fn some_transfers(&mut self) -> &mut Self {
        for _ in 0..self.dice.roll(3) {
            if self.dice.toss() {
                self.listing();
            } else {
                self.file();
            }
        }
        self
    }

    pub(crate) fn listing(&mut self) -> &mut Self {
        let ticket = self.rig.ask(|c, now| c.list(now, None));
        self.rig.auto_data = true;
        self.size = 120;
        self.serve(&[]);
        assert!(self.rig.done(ticket).bytes == 120);
        self.calm()
    }

    pub(crate) fn file(&mut self) -> &mut Self {
        let ticket = if self.dice.toss() {
            self.rig.retrieve("old")
        } else {
            self.rig.store("old")
        };
        self.rig.auto_data = true;
        self.size = 3;
        self.serve(&[]);
        assert!(self.rig.done(ticket).bytes == 3);
        self.calm()
    }

    fn calm(&mut self) -> &mut Self {
        self.rig.auto_data = false;
        self.rig.tickets(Tickets::Left(2));
        self.rig.forget();
        self
    }

    /// Answers what was sent, well unless a line begins with one of `odd`, until nothing more is sent. An odd answer of "" stops there.
    pub(crate) fn serve(&mut self, odd: &[(&str, &str)]) -> &mut Self {
        loop {
            let lines = self.rig.sent();
            if lines.is_empty() {
                return self;
            }
            for line in lines {
                if self.rig.is_closed() || !self.rig.client().reads_control() {
                    return self;
                }
                let said = odd.iter().find(|(start, _)| line.starts_with(start));
                match said {
                    Some((_, "")) => return self,
                    Some((_, answer)) => {
                        self.portless = ["EPSV", "PASV"].contains(&line.as_str())
                            && answer.starts_with(['4', '5']);
                        self.reply(answer);
                    }
                    None => self.answer(&line),
                }
            }
        }
    }

    fn answer(&mut self, line: &str) {
        if matches!(line, "EPSV" | "PASV") {
            self.portless = false;
        }
        let size = self.size;
        let answer = match line.split(' ').next().unwrap_or("") {
            "AUTH" => "234 go on".to_owned(),
            "USER" => "331 Please specify the password.".to_owned(),
            "PASS" | "ACCT" => "230 Login successful.".to_owned(),
            "SIZE" => format!("213 {size}"),
            "EPSV" => "229 Entering Extended Passive Mode (|||50321|)".to_owned(),
            "PASV" => "227 Entering Passive Mode (192,0,2,1,196,145).".to_owned(),
            "REST" => "350 Restart position accepted.".to_owned(),
            "PWD" => "257 \"/\"".to_owned(),
            "FEAT" => "211-Features:\r\n EPSV\r\n UTF8\r\n211 End".to_owned(),
            "ABOR" => "226 Abort successful.".to_owned(),
            "RETR" | "STOR" | "LIST" | "NLST" | "MLSD" if self.portless => {
                self.portless = false;
                "425 Use PORT or PASV first.".to_owned()
            }
            "RETR" | "STOR" | "LIST" | "NLST" | "MLSD" => {
                self.reply("150 Ok to send data.");
                let Some(flow) = &self.rig.desk().flow else {
                    return;
                };
                let end =
                    if flow.protected() || flow.direction() == Direction::Send && self.is_tls() {
                        DataEnd::CloseNotify
                    } else {
                        DataEnd::Fin
                    };
                self.lag();
                self.rig.flow_finished(size, end);
                "226 Transfer complete.".to_owned()
            }
            _ => "200 Command okay.".to_owned(),
        };
        self.reply(&answer);
    }

    /// What came in place of TLS on the control connection.
    pub(crate) fn found(&mut self, bytes: &[u8]) -> &mut Self {
        self.lag().rig.handle(Input::Found(Channel::Control, bytes));
        self.rig.secure_failed(TlsFault::NotTls);
        self
    }

    /// The first request that failed since the log was emptied, or how the session failed.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.rig.log().iter().find_map(|seen| match seen {
            Seen::Finished(_, Err(failure)) | Seen::Closed(Some(failure)) => Some(failure.clone()),
            _ => None,
        })
    }

    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let failure = self.failure();
        self.rig.client().diagnose(failure.as_ref())
    }
}

/// A passive mode first; the other one second, or nothing.
pub(crate) fn passive(dice: &mut Dice) -> DataModes {
    let order: &[DataMode] = match dice.roll(4) {
        0 => &[DataMode::Epsv],
        1 => &[DataMode::Pasv],
        2 => &[DataMode::Pasv, DataMode::Epsv],
        _ => &[DataMode::Epsv, DataMode::Pasv],
    };
    DataModes::new(order).unwrap()
}

pub(crate) fn only(modes: &[DataMode]) -> Config {
    let mut config = Config::default();
    config.data_modes = DataModes::new(modes).unwrap();
    config
}

pub(crate) fn in_clear(mut config: Config) -> Config {
    config.security = Security::clear(ClearText::Everybody);
    config
}
