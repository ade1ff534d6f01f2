//! Long random walks: any command, any answer of the world, in any order. What must hold always is looked at after every step.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::bench::{Bench, stored, tls};
use crate::order::{DataEnd, Fault, FlowEnd, TlsFault};
use crate::server::{Config, HashAlgorithm, Input, Question, Refused, Security};
use crate::wire::command::Verb;
use crate::wire::reply::Class;

/// Numbers that look random and are the same on every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

const ARGUMENTS: [&str; 22] = [
    "",
    "/file",
    "/dir",
    "/",
    "..",
    "a b ",
    "-la /dir",
    "I",
    "A",
    "P",
    "C",
    "5",
    "0",
    "1 0",
    "2 5",
    "192,0,2,7,195,80",
    "192,0,2,8,195,80",
    "|1|192.0.2.7|50000|",
    "ALL",
    "UTF8 ON",
    "20200101000000 /file",
    "\u{ff}\u{1}\0",
];

const SENSIBLE: [&str; 20] = [
    "USER alice",
    "PASS secret",
    "PASS wrong",
    "TYPE I",
    "EPSV",
    "PASV",
    "PORT 192,0,2,7,195,80",
    "RETR /file",
    "STOR /new",
    "LIST",
    "MLSD /dir",
    "ABOR",
    "NOOP",
    "STAT",
    "REST 4",
    "PROT P",
    "PBSZ 0",
    "RNFR /file",
    "RNTO /new",
    "AUTH TLS",
];

fn line(dice: &mut Dice) -> String {
    if dice.one_in(3) {
        let verb = Verb::ALL[dice.below(Verb::ALL.len())];
        let argument = ARGUMENTS[dice.below(ARGUMENTS.len())];
        format!("{verb} {argument}")
    } else if dice.one_in(3) {
        String::from(["EPSV", "RETR /file", "STOR /new"][dice.below(3)])
    } else {
        String::from(SENSIBLE[dice.below(SENSIBLE.len())])
    }
}

/// One of the orders in hand, carried out somehow.
fn world(bench: &mut Bench, dice: &mut Dice) {
    let fails = dice.one_in(6);
    let report = if let Some(order) = bench.desk.listen.take() {
        if fails {
            order.failed(Fault::AddressInUse)
        } else {
            order.listening("192.0.2.1:50000".parse().unwrap())
        }
    } else if let Some(order) = bench.desk.secure_control.take() {
        if dice.one_in(40) {
            order.failed(TlsFault::NotTls)
        } else {
            order.secured(tls(false))
        }
    } else if let Some(order) = bench.desk.clear_control.take() {
        order.cleared()
    } else if let Some(order) = bench.desk.connect.take() {
        if fails {
            order.failed(Fault::Refused)
        } else {
            order.connected()
        }
    } else if let Some(order) = bench.desk.secure_data.take() {
        if fails {
            order.failed(TlsFault::NoCommonCipher)
        } else {
            order.secured(tls(!dice.one_in(3)))
        }
    } else if let Some(order) = bench.desk.flow.take() {
        let ends = [
            DataEnd::CloseNotify,
            DataEnd::Fin,
            DataEnd::Failed(Fault::Reset),
            DataEnd::Local,
            DataEnd::Tls(TlsFault::Corrupt),
        ];
        order.finished(FlowEnd {
            bytes: dice.below(100) as u64,
            source_ended: !dice.one_in(3),
            end: ends[dice.below(ends.len())],
        })
    } else if let Some(order) = bench.desk.accept.take() {
        match (fails, dice.one_in(4)) {
            (true, _) => order.failed(Fault::Other),
            (_, true) => order.accepted("192.0.2.8".parse().unwrap()),
            _ => order.accepted("192.0.2.7".parse().unwrap()),
        }
    } else {
        return;
    };
    bench.handle(Input::Report(report));
}

fn application(bench: &mut Bench, dice: &mut Dice) {
    let Some(question) = bench.asked.pop_front() else {
        return;
    };
    let answer = if dice.one_in(5) && !matches!(question, Question::Authenticate(_)) {
        question.refused(Refused::Denied)
    } else {
        let (rights, mut opened) = (bench.rights, bench.opened);
        let answer = stored(question, rights, &mut opened);
        bench.opened = opened;
        answer
    };
    bench.handle(Input::Answer(answer));
}

fn look(bench: &mut Bench, finals: &mut usize) {
    // Every reply parses, and finals are counted.
    for (code, _) in bench.said() {
        if code.class() != Class::Preliminary {
            *finals += 1;
        }
    }
    // IS-10: at most one way to a data connection at a time.
    let ways = [
        bench.desk.listen.is_some(),
        bench.desk.accept.is_some(),
        bench.desk.connect.is_some(),
        bench.desk.secure_data.is_some(),
        bench.desk.flow.is_some(),
    ];
    assert!(ways.iter().filter(|way| **way).count() <= 1);
    // IX-5: whoever waits for the client or the network waits with a deadline.
    let asks = !bench.asked.is_empty() || bench.opened as usize > bench.endings.len();
    if bench.closed.is_none() && !asks && bench.server.user().is_some() {
        assert!(bench.server.deadline().is_some(), "{:?}", bench.server);
    }
    if bench.closed.is_some() {
        assert!(bench.control_closed);
        assert!(ways.iter().all(|way| !way), "closed with orders out");
        assert_eq!(bench.server.deadline(), None);
        assert!(!bench.server.reads_control());
    }
}

#[test]
fn is_10_is_25_is_34_random_walks_leave_nothing_open_and_answer_everything() {
    let mut config = Config::new(Security::optional().allow_ccc());
    config.hashes = Vec::from(HashAlgorithm::ALL);
    config.limits.errors = 200;
    config.limits.errors_before_login = 200;
    config.limits.failed_logins = 200;
    config.limits.login_wait = Duration::from_secs(3600);
    config.limits.idle_wait = Duration::from_secs(3600);
    let (mut finished, mut transferred) = (0, 0);
    for seed in 0..600 {
        let mut dice = Dice(seed);
        let mut bench = Bench::with(config.clone());
        bench.answers = dice.one_in(2);
        let (mut sent, mut finals) = (0, 0);
        if dice.one_in(2) {
            // Most of what there is comes behind a login.
            bench.answers = true;
            bench.expect("", &[220]);
            bench.log_in();
            (sent, finals) = (2, 3);
            bench.answers = dice.one_in(2);
        }
        for _ in 0..200 {
            match dice.below(12) {
                0..6 if bench.server.reads_control() => {
                    let line = line(&mut dice);
                    sent += 1;
                    let bytes = format!("{line}\r\n").into_bytes();
                    let at = dice.below(bytes.len());
                    bench.raw(&bytes[..at]);
                    if bench.server.reads_control() || at == 0 {
                        bench.raw(&bytes[at..]);
                    } else {
                        bench.handle(Input::ControlEof);
                    }
                }
                0..9 => world(&mut bench, &mut dice),
                9..11 => application(&mut bench, &mut dice),
                _ if dice.one_in(40) => bench.handle(Input::ControlFailed(Fault::Reset)),
                _ if dice.one_in(4) => bench.pass(Duration::from_secs(dice.below(40) as u64)),
                _ => {}
            }
            look(&mut bench, &mut finals);
            if bench.closed.is_some() {
                break;
            }
        }
        // The world and the application come to rest: everything said was answered once, the greeting is the one more.
        bench.answers = true;
        for _ in 0..400 {
            application(&mut bench, &mut dice);
            world(&mut bench, &mut dice);
            if bench.asked.is_empty() && bench.desk.flow.is_none() {
                bench.pass(Duration::from_secs(1));
            }
        }
        look(&mut bench, &mut finals);
        if bench.closed.is_none() {
            assert_eq!(finals, sent + 1, "seed {seed}: {:?}", bench.log);
            finished += 1;
            transferred += bench.opened;
        } else {
            assert!(finals <= sent + 2, "seed {seed}");
        }
        bench.handle(Input::ControlEof);
        while !bench.asked.is_empty() {
            application(&mut bench, &mut dice);
        }
        assert_eq!(
            bench.endings.len() as u32,
            bench.opened,
            "seed {seed}: {:?}",
            bench.log
        );
        look(&mut bench, &mut finals);
    }
    assert!(
        finished > 100 && transferred > 100,
        "only {finished} walks came to their end, with {transferred} transfers"
    );
}

#[test]
fn ix_9_any_bytes_are_answered_or_refused() {
    const BYTES: &[u8] = b"\r\n\0\xFF\xFB\xFD\xF4\xF2 ABORSTUERPASQIT/.*\"|,0195";
    for seed in 0..2000 {
        let mut dice = Dice(seed);
        let mut bench = if dice.one_in(2) {
            Bench::in_clear()
        } else {
            Bench::clear()
        };
        for _ in 0..40 {
            let bytes: Vec<u8> = (0..dice.below(40))
                .map(|_| match dice.below(8) {
                    0 => b'\n',
                    1 => dice.below(256) as u8,
                    _ => BYTES[dice.below(BYTES.len())],
                })
                .collect();
            if bench.server.reads_control() {
                bench.raw(&bytes);
            }
            world(&mut bench, &mut dice);
            // Whatever it was, replies are replies.
            bench.said();
        }
        bench.handle(Input::ControlEof);
        assert!(bench.control_closed && bench.desk.is_empty());
    }
}
