//! Every verb, with every kind of argument, at every stage: exactly one final reply, of those it may have.

use std::collections::BTreeMap;
use std::time::Duration;

use ftp_proto::DataEnd;
use ftp_proto::server::{Config, HashAlgorithm, Security};
use ftp_proto::wire::command::Verb;
use ftp_proto_tests::bench_server::Bench;
use ftp_proto_tests::pair::Dice;
use ftp_proto_tests::rig::{CANARY, USER};
use ftp_proto_tests::tree::{ACCOUNT, NEEDS_ACCOUNT};

/// How many commands the random sessions are made of.
const COMMANDS: usize = 100_000;

const ARGUMENTS: &[&str] = &[
    "",
    " ",
    " motd",
    " missing",
    " pub",
    " 5",
    " 0",
    " I",
    " A N",
    " F",
    " S",
    " P",
    " C",
    " Z",
    " ALL",
    " 1",
    " 2",
    " 9",
    " ON",
    " TLS",
    " SSL",
    " 192,0,2,7,200,1",
    " 127,0,0,1,0,25",
    " |1|192.0.2.7|50000|",
    " |2|::1|50000|",
    " |9|x|1|",
    " CHMOD 600 motd",
    " HELP",
    " UTF8 ON",
    " MLST size;",
    " MLST a b",
    " HASH SHA-256",
    " 20200101000000 motd",
    " -la",
    " *",
    " ftp.example.org",
    " STATUS64",
    " \"motd\" 0 5",
    " 3 6",
    " a b c",
    " \u{1F600}",
];

fn config() -> Config {
    let mut config = Config::default();
    config.security = Security::optional().allow_ccc();
    config.hashes = HashAlgorithm::ALL.to_vec();
    config.virtual_hosts = true;
    config.mdtm_sets_time = true;
    config.limits.errors = 255;
    config.limits.errors_before_login = 255;
    config
}

const STAGES: [&str; 13] = [
    "greeted",
    "PASS due",
    "ACCT due",
    "logged in",
    "under TLS",
    "TLS and in",
    "after CCC",
    "RNFR",
    "REST",
    "passive",
    "active",
    "EPSV ALL",
    "implicit",
];

fn at(stage: &str) -> Bench {
    let mut implicit = config();
    implicit.security = Security::implicit().or_clear_data();
    let start = if stage == "implicit" {
        implicit
    } else {
        config()
    };
    let mut bench = Bench::new(start);
    bench.checks_silence = false;
    bench.checks_secrets = false;
    let login = [format!("USER {USER}"), format!("PASS {CANARY}")];
    let lines: &[&str] = match stage {
        "PASS due" => &["USER alice"],
        "ACCT due" => &["audrey"],
        "logged in" | "implicit" => &["login"],
        "under TLS" => &["AUTH TLS"],
        "TLS and in" => &["AUTH TLS", "login", "PBSZ 0", "PROT P"],
        "after CCC" => &["AUTH TLS", "login", "PBSZ 0", "PROT P", "CCC"],
        "RNFR" => &["login", "RNFR motd"],
        "REST" => &["login", "TYPE I", "REST 3"],
        "passive" => &["login", "PASV"],
        "active" => &["login", "PORT 192,0,2,7,200,1"],
        "EPSV ALL" => &["login", "EPSV ALL", "EPSV"],
        _ => &[],
    };
    for line in lines {
        match *line {
            "login" => {
                for line in &login {
                    bench.cmd(line);
                }
            }
            "audrey" => {
                bench.cmd(&format!("USER {NEEDS_ACCOUNT}"));
                assert_eq!(bench.cmd(&format!("PASS {CANARY}")), 332);
            }
            line => assert!(bench.cmd(line) < 400, "{line} at {stage}"),
        }
    }
    bench.forget();
    bench
}

#[test]
fn is_15_every_verb_at_every_stage_gets_exactly_one_final_reply() {
    let mut count = 0;
    let mut table: BTreeMap<(&str, u16), u32> = BTreeMap::new();
    for stage in STAGES {
        let fresh = at(stage);
        assert!(!fresh.is_closed());
        for verb in Verb::ALL {
            for argument in ARGUMENTS {
                let mut bench = at(stage);
                let line = format!("{verb}{argument}");
                bench.line(line.as_bytes());
                bench.pass(Duration::from_secs(4));
                let codes = bench.codes();
                let (last, before) = codes
                    .split_last()
                    .unwrap_or_else(|| panic!("nothing to {line} at {stage}"));
                assert!(
                    *last >= 200 && before.len() <= 1 && before.iter().all(|code| *code < 200),
                    "{codes:?} to {line} at {stage}: {bench:?}"
                );
                *table.entry((verb.as_str(), *last)).or_default() += 1;
                count += 1;
            }
        }
    }
    println!("{count} commands");
    let mut line = String::new();
    for ((verb, code), times) in &table {
        if !line.starts_with(verb) {
            println!("{line}");
            line = format!("{verb:8}");
        }
        line.push_str(&format!(" {code}x{times}"));
    }
    println!("{line}");
}

#[test]
fn is_15_every_verb_during_a_transfer_gets_its_reply() {
    for transfer in ["RETR motd", "STOR new", "LIST"] {
        for verb in Verb::ALL {
            for argument in ["", " motd", " pub", " 5", " TLS", " I"] {
                // AUTH, CCC and REIN want silence behind them, and get it here.
                let mut bench = at("passive");
                bench.auto_flow = false;
                assert_eq!(bench.codes_of(transfer.as_bytes()), [150]);
                let line = format!("{verb}{argument}");
                bench.line(line.as_bytes());
                let now = bench.codes();
                if bench.desk().flow.is_some() {
                    bench.auto_flow = true;
                    bench.flow_finished(8, DataEnd::Fin);
                }
                bench.pass(Duration::from_secs(4));
                let later = bench.codes();
                let all = [&now[..], &later].concat();
                let finals = all.iter().filter(|code| **code >= 200).count();
                assert_eq!(
                    finals, 2,
                    "{now:?} then {later:?} to {line} during {transfer}: {bench:?}"
                );
                let early = matches!(verb, Verb::Noop | Verb::Abor)
                    || (*verb == Verb::Stat && argument.is_empty());
                assert_eq!(
                    !now.is_empty(),
                    early,
                    "{now:?} to {line} during {transfer}"
                );
                assert!(!bench.tree.is_open());
            }
        }
    }
}

/// One random command, and how many final replies it must bring.
fn random_line(dice: &mut Dice) -> Vec<u8> {
    const COMMON: &[&str] = &[
        "NOOP",
        "EPSV",
        "PASV",
        "PORT 192,0,2,7,200,1",
        "RETR motd",
        "RETR missing",
        "STOR new",
        "APPE new",
        "STOU",
        "LIST",
        "NLST pub",
        "MLSD",
        "ABOR",
        "REST 3",
        "RNFR motd",
        "RNTO motd2",
        "RNFR motd2",
        "RNTO motd",
        "CWD pub",
        "CDUP",
        "PWD",
        "TYPE I",
        "TYPE A",
        "SIZE motd",
        "STAT",
        "STAT pub",
        "FEAT",
        "HELP",
        "DELE new",
        "MKD d",
        "RMD d",
        "MLST",
        "EPRT |1|192.0.2.7|50000|",
    ];
    match dice.roll(10) {
        0..=6 => dice.pick(COMMON).as_bytes().to_vec(),
        7 => format!("{}{}", dice.pick(Verb::ALL), dice.pick(ARGUMENTS)).into_bytes(),
        8 => match dice.roll(4) {
            0 => format!("USER {USER}").into_bytes(),
            1 => format!("PASS {CANARY}").into_bytes(),
            2 => format!("ACCT {ACCOUNT}").into_bytes(),
            _ => b"USER audrey".to_vec(),
        },
        _ => {
            let length = 1 + dice.roll(30);
            (0..length)
                .map(|_| b'!' + u8::try_from(dice.roll(90)).unwrap())
                .collect()
        }
    }
}

#[test]
fn is_15_random_commands_never_bring_replies_out_of_step() {
    let mut dice = Dice::new(20_260_301);
    let (mut commands, mut sessions, mut transfers) = (0, 0, 0);
    while commands < COMMANDS {
        sessions += 1;
        let stage = dice.pick(&STAGES);
        let mut bench = at(stage);
        while !bench.is_closed() && commands < COMMANDS {
            // A few lines at once, in pieces as they come.
            let lines: Vec<Vec<u8>> = (0..1 + dice.roll(6))
                .map(|_| random_line(&mut dice))
                .collect();
            let mut bytes: Vec<u8> = lines
                .iter()
                .flat_map(|line| [line, &b"\r\n"[..]].concat())
                .collect();
            bench.auto_flow = dice.one_in(2);
            bench.auto_answers = dice.one_in(2);
            bench.auto_data = dice.one_in(2);
            while !bytes.is_empty() {
                let rest = bytes.split_off((1 + dice.roll(40)).min(bytes.len()));
                bench.bytes(&bytes);
                bytes = rest;
                if dice.one_in(3) && bench.question().is_some() {
                    bench.answer();
                }
            }
            bench.auto_flow = true;
            bench.auto_answers = true;
            bench.auto_data = true;
            bench.settle();
            while bench.question().is_some() {
                bench.answer();
            }
            bench.pass(Duration::from_secs(4));
            let codes = bench.codes();
            let finals = codes.iter().filter(|code| **code >= 200).count();
            transfers += codes.iter().filter(|code| **code == 226).count();
            commands += lines.len();
            let lines: Vec<_> = lines
                .iter()
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            if bench.is_closed() {
                assert!(
                    finals <= lines.len() + 1,
                    "{codes:?} to {lines:?}; {bench:?}"
                );
            } else {
                assert_eq!(
                    finals,
                    lines.len(),
                    "{codes:?} to {lines:?} at {stage}; {bench:?}"
                );
            }
            bench.forget();
            bench.downloads.clear();
            if dice.one_in(40) {
                break;
            }
        }
    }
    println!("{commands} commands in {sessions} sessions, {transfers} transfers");
}
