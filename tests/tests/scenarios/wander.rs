//! Random walks: any request, any reply, any outcome of any order, at any time. Nothing is expected but what the bench
//! checks after every step: one line at a time, each ticket once, a deadline for every wait, an end to every silence.

use ftp_proto::client::{Batching, ClearText, DataMode, DataModes, Security, SizeCheck};
use ftp_proto::{Config, DataEnd, Fault, Input, Secret, Tickets, TlsFault, TransferOptions};
use ftp_proto_tests::rig::{Got, PEER, Rig, Seen};

/// A small generator of numbers; the same seed gives the same walk.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

const REPLIES: &[&str] = &[
    "120 wait",
    "125 open",
    "150 opening",
    "150 opening (3 bytes)",
    "200 ok",
    "202 superfluous",
    "211 status",
    "213 3",
    "213 x",
    "220 ready",
    "221 bye",
    "225 open",
    "226 done",
    "227 (192,0,2,1,8,73)",
    "227 x",
    "229 (|||2121|)",
    "229 x",
    "230 in",
    "234 go",
    "250 ok",
    "257 \"/\"",
    "257 x",
    "331 password",
    "332 account",
    "334 go",
    "350 more",
    "421 bye",
    "425 no connection",
    "426 broken off",
    "450 no",
    "451 no",
    "500 what",
    "502 no",
    "503 sequence",
    "504 no",
    "522 no",
    "530 log in",
    "534 no",
    "550 no",
    "552 full",
    "633 x",
    "226-a\r\n b\r\n226 c",
    "211-a\r\n200 b",
];

/// What the server would say in order, most of the time.
fn fitting(line: &str) -> &'static str {
    match line.split(' ').next().unwrap_or("") {
        "AUTH" => "234 go",
        "USER" => "331 password",
        "PASS" | "ACCT" => "230 in",
        "SIZE" | "MDTM" => "213 3",
        "EPSV" => "229 (|||2121|)",
        "PASV" => "227 (192,0,2,1,8,73)",
        "REST" | "RNFR" => "350 more",
        "RETR" | "STOR" | "LIST" | "APPE" | "STOU" | "NLST" | "MLSD" => "150 opening",
        "PWD" | "MKD" => "257 \"/\"",
        "ABOR" => "226 aborted",
        "QUIT" => "221 bye",
        _ => "200 ok",
    }
}

fn config(dice: &mut Dice) -> Config {
    let mut config = Config::default();
    config.security = match dice.roll(6) {
        0 => Security::clear(ClearText::Everybody),
        1 => Security::clear(ClearText::Anonymous),
        2 => Security::required()
            .or_clear(ClearText::Everybody)
            .allow_ccc(),
        3 => Security::implicit(),
        4 => Security::required().clear_data(),
        _ => Security::required().allow_ccc(),
    };
    config.batching = dice.pick(&[
        Batching::Independent,
        Batching::Independent,
        Batching::LockStep,
    ]);
    config.size_check = dice.pick(&[SizeCheck::WhenFree, SizeCheck::Always, SizeCheck::Never]);
    config.keepalive = dice.pick(&[None, Some(std::time::Duration::from_secs(30))]);
    config.data_modes = match dice.roll(4) {
        0 => DataModes::new(&[DataMode::Eprt, DataMode::Port, DataMode::Epsv]).unwrap(),
        1 => DataModes::new(&[DataMode::Epsv, DataMode::Port]).unwrap(),
        _ => DataModes::default(),
    };
    config
}

fn ask(rig: &mut Rig, dice: &mut Dice) {
    let how = TransferOptions {
        offset: dice.pick(&[0, 0, 7]),
        ascii: false,
        size: dice.pick(&[None, Some(10)]),
        allocate: dice.pick(&[None, None, Some(9)]),
        length: dice.pick(&[None, None, None, Some(3)]),
        eager: dice.pick(&[false, true]),
    };
    match dice.roll(16) {
        0 => {
            let _ = rig.try_ask(|c, now| c.list(now, None));
        }
        1 => {
            let _ = rig.try_ask(|c, now| c.names(now, Some(b"d")));
        }
        2..=4 => {
            let _ = rig.try_ask(|c, now| c.retrieve(now, b"f", how));
        }
        5 | 6 => {
            let _ = rig.try_ask(|c, now| c.store(now, b"f", how));
        }
        7 => {
            let _ = rig.try_ask(|c, now| c.store_unique(now, None, TransferOptions::default()));
        }
        8 => {
            let _ = rig.try_ask(|c, now| c.rename(now, b"a", b"b"));
        }
        9 => {
            let _ = rig.try_ask(|c, now| c.working_directory(now));
        }
        10 => {
            let _ = rig.try_ask(|c, now| c.delete(now, b"x"));
        }
        11 => {
            let _ = rig.try_ask(|c, now| c.size(now, b"x"));
        }
        12 => {
            let _ = rig.try_ask(|c, now| c.abort(now));
        }
        13 => {
            let _ = rig.try_ask(|c, now| c.command(now, b"XFOO"));
        }
        14 => match dice.roll(8) {
            0 => {
                let _ = rig.try_ask(|c, now| c.clear_command_channel(now));
            }
            1 => {
                let _ = rig.try_ask(|c, now| c.reinitialize(now));
            }
            2 => {
                let _ = rig.try_ask(|c, now| c.quit(now));
            }
            3 => {
                let _ = rig.try_ask(|c, now| c.account(now, &Secret::new(b"dept")));
            }
            _ => {
                let _ = rig.try_ask(|c, now| c.features(now));
            }
        },
        _ => {
            let account = dice.pick(&[false, true]).then(|| Secret::new(b"dept"));
            let _ = rig.try_ask(|c, now| c.login(now, b"anonymous", Secret::new(b"pw"), account));
        }
    }
}

/// One order on the desk comes to some end. False if there is none.
fn report(rig: &mut Rig, dice: &mut Dice, well: bool) -> bool {
    let desk = rig.desk();
    let fault = dice.pick(&[Fault::Refused, Fault::TimedOut, Fault::Reset]);
    let tls_fault = dice.pick(&[TlsFault::Alert(40), TlsFault::ClosedInHandshake]);
    if desk.secure_control.is_some() {
        if well {
            rig.secure_ok()
        } else {
            rig.secure_failed(tls_fault)
        };
    } else if desk.clear_control.is_some() {
        rig.cleared();
    } else if desk.connect.is_some() {
        if well {
            rig.data_connected()
        } else {
            rig.data_failed(fault)
        };
    } else if desk.listen.is_some() {
        if well {
            rig.listening("198.51.100.7:50000")
        } else {
            rig.data_failed(fault)
        };
    } else if desk.accept.is_some() {
        match dice.roll(3) {
            0 => rig.accepted("203.0.113.66"),
            _ if well => rig.accepted(PEER),
            _ => rig.data_failed(fault),
        };
    } else if desk.secure_data.is_some() {
        if well {
            rig.data_secured()
        } else {
            rig.data_insecure(tls_fault)
        };
    } else if desk.flow.is_some() {
        let bytes = dice.pick(&[0, 3, 10]);
        if dice.roll(3) == 0 {
            rig.progress(bytes);
        } else {
            let end = if well {
                DataEnd::CloseNotify
            } else {
                dice.pick(&[
                    DataEnd::Fin,
                    DataEnd::Failed(fault),
                    DataEnd::Local,
                    DataEnd::Tls(tls_fault),
                ])
            };
            rig.flow_finished(bytes, end);
        }
    } else {
        return false;
    }
    true
}

/// One walk; gives the number of steps, and how many transfers were proved whole. `oddity`: one step in so many is not
/// what a good world would do.
fn walk(seed: u64, oddity: usize) -> (usize, usize) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut rig = Rig::new(config(&mut dice));
    rig.checks_splits = seed.is_multiple_of(8);
    let mut due: Vec<String> = vec!["greeting".into()];
    let _ = rig.try_ask(|c, now| c.login(now, b"anonymous", Secret::new(b"pw"), None));
    let mut steps = 0;
    while !rig.is_closed() && steps < 80 {
        steps += 1;
        due.extend(rig.sent());
        let odd = dice.roll(oddity) == 0;
        if odd {
            match dice.roll(12) {
                0 => drop(rig.tick_to_deadline_if_any()),
                1 if dice.roll(4) == 0 => drop(rig.eof()),
                2 if dice.roll(4) == 0 => drop(rig.handle(Input::ControlFailed(Fault::Reset))),
                3 => drop(rig.tickets(dice.pick(&[
                    Tickets::None,
                    Tickets::Left(1),
                    Tickets::Unlimited,
                ]))),
                4 | 5 => drop(report(&mut rig, &mut dice, false)),
                _ => {
                    if rig.client().reads_control() {
                        rig.reply(&format!("{}\r\n", dice.pick(REPLIES)));
                        if !due.is_empty() {
                            due.remove(0);
                        }
                    }
                }
            }
            continue;
        }
        match dice.roll(5) {
            0 => ask(&mut rig, &mut dice),
            1 | 2 if report(&mut rig, &mut dice, true) => {}
            _ if !rig.client().reads_control() => {
                report(&mut rig, &mut dice, true);
            }
            _ if due.is_empty() => ask(&mut rig, &mut dice),
            _ => {
                let line = due.remove(0);
                let text = if line == "greeting" {
                    "220 ready"
                } else {
                    fitting(&line)
                };
                rig.reply(&format!("{text}\r\n"));
                if text.starts_with('1') && !rig.is_closed() {
                    // Its final reply is still to come, in front of what was sent since.
                    due.insert(0, "final".into());
                }
            }
        }
    }
    let whole = rig
        .log()
        .iter()
        .filter(|seen| matches!(seen, Seen::Finished(_, Ok(Got::Transfer(_)))))
        .count();
    (steps, whole)
}

#[test]
fn good_and_odd_worlds_at_random() {
    let (mut steps, mut transfers) = (0, 0);
    for seed in 1..=500 {
        for oddity in [4, 20, 1000] {
            let (more, whole) = walk(seed, oddity);
            steps += more;
            transfers += whole;
        }
    }
    println!("{steps} steps, {transfers} transfers proved whole");
    assert!(steps > 50_000 && transfers > 500);
}
