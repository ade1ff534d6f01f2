//! Each rule of the server, repealed: what it forbids then happens, and does not as long as it is in force.

use core::time::Duration;

use super::bench::{Bench, LOCAL, PEER};
use crate::order::{DataEnd, Direction, Fault, TlsFault};
use crate::rules::{Law, Rule};
use crate::server::{
    Closing, Config, Ending, Input, MissingCloseNotify, Question, Rights, Security,
};

fn bench(law: Law, config: Config) -> Bench {
    Bench::under(law, config, PEER, LOCAL)
}

fn clear(law: Law) -> Bench {
    bench(law, Config::new(Security::clear()))
}

fn logged_in(law: Law) -> Bench {
    let mut bench = clear(law);
    bench.send("USER alice");
    bench.send("PASS secret");
    bench.send("TYPE I");
    bench
}

/// Logged in under TLS with private data connections.
fn private(law: Law, config: Config) -> Bench {
    let mut bench = bench(law, config);
    bench.send("AUTH TLS");
    bench.secure_control();
    for line in ["USER alice", "PASS secret", "TYPE I", "PROT P"] {
        bench.send(line);
    }
    bench
}

/// Whether the first code that `line` leads to is `code`.
fn says(bench: &mut Bench, line: &str, code: u16) -> bool {
    bench
        .send(line)
        .first()
        .is_some_and(|(got, _)| got.value() == code)
}

fn ready_for_data(bench: &mut Bench) {
    bench.send("EPSV");
    bench.listening();
    bench.codes();
    bench.client_connects();
}

/// What a rule forbids, and whether it happens.
fn happens(rule: Rule, law: Law) -> bool {
    match rule {
        Rule::CleanSwitch => {
            let mut bench = bench(law, Config::new(Security::optional()));
            bench.raw(b"AUTH TLS\r\nUSER alice\r\n");
            bench.codes();
            if bench.desk.secure_control.is_some() {
                bench.secure_control();
            }
            bench.codes() == [331]
        }
        Rule::TlsBeforeLogin => {
            let mut bench = bench(law, Config::default());
            bench.codes();
            says(&mut bench, "USER alice", 331)
        }
        Rule::HandshakeIsFinal => {
            let mut bench = bench(law, Config::new(Security::optional()));
            bench.send("AUTH TLS");
            let order = bench.desk.secure_control.take().unwrap();
            bench.handle(Input::Report(order.failed(TlsFault::NotTls)));
            bench.send("USER alice").len() == 1
        }
        Rule::EpochForgets => {
            let mut bench = bench(law, Config::new(Security::optional()));
            bench.send("USER alice");
            bench.send("PASS secret");
            bench.send("AUTH TLS");
            bench.secure_control();
            bench.server.user().is_some()
        }
        Rule::DataProtection => {
            let mut bench = private(law, Config::default());
            ready_for_data(&mut bench);
            bench.send("RETR /file");
            bench.desk.flow.is_some()
        }
        Rule::PeerAddress => says(&mut logged_in(law), "PORT 192,0,2,8,195,80", 200),
        Rule::LowPort => says(&mut logged_in(law), "PORT 192,0,2,7,0,25", 200),
        Rule::AcceptedPeer => {
            let mut bench = logged_in(law);
            bench.pasv();
            bench.send("RETR /file");
            bench.connected_by("192.0.2.8");
            bench.desk.flow.is_some()
        }
        Rule::FlowAfterReply => {
            let mut bench = logged_in(law);
            bench.pasv();
            bench.answers = false;
            bench.send("RETR /file");
            bench.client_connects();
            bench.desk.flow.is_some()
        }
        Rule::Direction => {
            let mut bench = logged_in(law);
            ready_for_data(&mut bench);
            bench.send("RETR /file");
            bench.desk.flow.as_ref().unwrap().direction() == Direction::Receive
        }
        Rule::CloseNotify => {
            let mut config = Config::new(Security::required());
            config.missing_close_notify = MissingCloseNotify::Refuse;
            let mut bench = private(law, config);
            ready_for_data(&mut bench);
            bench.send("STOR /new");
            bench.secure_data(true);
            bench.flow(Direction::Receive, 1, DataEnd::Fin);
            bench.codes() == [226]
        }
        Rule::CccIsFinal => {
            let mut bench = private(law, Config::new(Security::required().allow_ccc()));
            bench.send("CCC");
            let order = bench.desk.clear_control.take().unwrap();
            bench.handle(Input::Report(order.cleared()));
            says(&mut bench, "AUTH TLS", 234)
        }
        Rule::CccByPolicy => says(&mut private(law, Config::default()), "CCC", 200),
        Rule::StaleReports => {
            let mut bench = logged_in(law);
            bench.pasv();
            let old = bench.accept();
            bench.pasv();
            bench.handle(Input::Report(old.accepted("192.0.2.7".parse().unwrap())));
            bench.send("RETR /file");
            bench.desk.flow.is_some()
        }
        Rule::Deadlines => logged_in(law).server.deadline().is_none(),
        Rule::LoginFirst => {
            let mut bench = clear(law);
            bench.send("EPSV");
            bench.desk.listen.is_some()
        }
        Rule::Authorised => {
            let mut bench = clear(law);
            bench.rights = Rights::NONE;
            bench.send("USER alice");
            bench.send("PASS secret");
            says(&mut bench, "MKD new", 257)
        }
        Rule::PrivateData => {
            let mut bench = private(law, Config::default());
            bench.send("PROT C");
            ready_for_data(&mut bench);
            bench.send("RETR /file");
            bench.opened > 0
        }
        Rule::SessionReuse => {
            let mut bench = private(law, Config::new(Security::required().require_reuse()));
            ready_for_data(&mut bench);
            bench.send("RETR /file");
            bench.secure_data(false);
            bench.desk.flow.is_some()
        }
        Rule::RestartOnce => {
            let mut bench = logged_in(law);
            bench.pasv();
            bench.send("REST 4");
            bench.send("PWD");
            bench.answers = false;
            bench.send("RETR /file");
            matches!(bench.asked.pop_front(), Some(Question::OpenRead(question)) if question.offset() == 4)
        }
        Rule::RenamePaired => {
            let mut bench = logged_in(law);
            bench.send("RNFR /file");
            bench.send("PWD");
            says(&mut bench, "RNTO /new", 250)
        }
        Rule::CommitWhole => {
            let mut bench = logged_in(law);
            ready_for_data(&mut bench);
            bench.send("STOR /new");
            bench.flow(Direction::Receive, 1, DataEnd::Failed(Fault::Reset));
            bench.endings == [(Ending::Commit, 1)]
        }
        Rule::ConfirmCommitted => {
            let mut bench = logged_in(law);
            ready_for_data(&mut bench);
            bench.send("STOR /new");
            bench.answers = false;
            bench.flow(Direction::Receive, 1, DataEnd::Fin);
            bench.codes() == [226]
        }
        Rule::CloseOnce => {
            let mut bench = logged_in(law);
            ready_for_data(&mut bench);
            bench.send("RETR /file");
            bench.flow(Direction::Send, 1, DataEnd::Fin);
            bench.send("QUIT");
            bench.endings.len() > 1
        }
        Rule::OneSetup => {
            let mut bench = logged_in(law);
            bench.pasv();
            bench.pasv();
            bench.data_closed.is_empty()
        }
        Rule::EpsvAll => {
            let mut bench = logged_in(law);
            bench.send("EPSV ALL");
            says(&mut bench, "PORT 192,0,2,7,195,80", 200)
        }
        Rule::LoginBudget => {
            let mut bench = clear(law);
            for _ in 0..5 {
                bench.send("USER alice");
                bench.send("PASS wrong");
                bench.pass(Duration::from_secs(3));
            }
            bench.closed != Some(Closing::LoginFailures)
        }
        Rule::FailureSchedule => {
            let mut bench = clear(law);
            bench.send("USER alice");
            says(&mut bench, "PASS wrong", 530)
        }
        Rule::ErrorBudget => {
            let mut bench = clear(law);
            for _ in 0..20 {
                bench.send("FROB");
            }
            bench.closed.is_none()
        }
        Rule::ForeignSilence => {
            let mut bench = clear(law);
            bench.codes();
            !bench.send("GET / HTTP/1.1").is_empty()
        }
        Rule::Backpressure => {
            let mut bench = clear(law);
            bench.reads = false;
            for _ in 0..8000 {
                bench.raw(b"HELP\r\n");
            }
            bench.server.reads_control()
        }
        Rule::SecretsMasked => {
            let mut bench = logged_in(law);
            bench.send("FROB secret");
            bench.log.iter().any(|line| line.contains("secret"))
        }
        other => panic!("{other:?} is no rule of a server, or has no case here"),
    }
}

#[test]
fn every_rule_of_the_server_forbids_what_it_names() {
    for rule in Rule::SERVER {
        assert!(!happens(*rule, Law::default()), "{rule:?} in force");
        assert!(happens(*rule, Law::without(*rule)), "{rule:?} repealed");
    }
}
