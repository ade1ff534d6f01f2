//! USER, PASS, ACCT, HOST (RFC 959 section 4.1.1, RFC 2577, RFC 7151).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::bench::Bench;
use crate::server::{Closing, Config, Security, Timer, UserId};

const SECOND: Duration = Duration::from_secs(1);

fn open() -> Config {
    Config::new(Security::clear())
}

#[test]
fn rfc_959_section_5_4_user_331_pass_230() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("USER alice", &[331]);
    assert_eq!(bench.server.user(), None);
    bench.expect("PASS secret", &[230]);
    assert_eq!(bench.server.user(), Some(UserId(7)));
}

#[test]
fn rfc_959_section_4_1_1_pass_follows_user() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("PASS secret", &[503]);
    bench.expect("USER alice", &[331]);
    bench.expect("SYST", &[215]);
    bench.expect("PASS secret", &[503]);
    // NOOP changes nothing.
    bench.expect("USER alice", &[331]);
    bench.expect("NOOP", &[200]);
    bench.expect("PASS secret", &[230]);
    bench.expect("PASS secret", &[503]);
}

#[test]
fn is_18_a_failed_pass_takes_the_user_back() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("USER alice", &[331]);
    bench.expect("PASS wrong", &[]);
    bench.pass(3 * SECOND);
    assert_eq!(bench.codes(), [530]);
    bench.expect("PASS secret", &[503]);
}

#[test]
fn is_19_rfc_2577_section_5_three_failures_end_the_session() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    for code in [530, 530, 421] {
        bench.expect("USER alice", &[331]);
        bench.expect("PASS wrong", &[]);
        // Nothing is carried out while the answer waits.
        bench.expect("", &[]);
        bench.pass(3 * SECOND);
        assert_eq!(bench.codes(), [code]);
    }
    assert_eq!(bench.closed, Some(Closing::LoginFailures));
    assert!(bench.control_closed);
}

#[test]
fn is_20_a_name_nobody_has_is_answered_alike_at_the_same_time() {
    let dialogue = |name: &str, late: Duration| {
        let mut bench = Bench::clear();
        bench.answers = false;
        let mut seen: Vec<(u64, String)> = Vec::new();
        for line in [format!("USER {name}"), String::from("PASS wrong")] {
            bench.send(&line);
        }
        bench.pass(late);
        let question = bench.asked.pop_front().unwrap();
        bench.handle(crate::server::Input::Answer(
            question.refused(crate::server::Refused::Denied),
        ));
        for _ in 0..60 {
            bench.pass(Duration::from_millis(100));
            for (code, text) in bench.said() {
                seen.push((bench.now.as_millis(), format!("{code} {text}")));
            }
        }
        seen
    };
    let known = dialogue("alice", Duration::ZERO);
    assert_eq!(known.len(), 1);
    assert_eq!(known, dialogue("nobody", Duration::from_millis(1700)));
    // An application that thinks for longer is answered at the next such time.
    let slow = dialogue("nobody", Duration::from_millis(3100));
    assert_eq!(slow[0].0, known[0].0 + 3000);
}

#[test]
fn is_20_the_answer_to_user_asks_nobody() {
    let mut bench = Bench::clear();
    bench.answers = false;
    bench.expect("", &[220]);
    let known = bench.text("USER alice", 331);
    let unknown = bench.text("USER nobody", 331);
    assert_eq!(known, unknown);
    assert!(bench.asked.is_empty());
}

#[test]
fn rfc_959_section_4_1_1_user_alone_may_be_enough() {
    let mut config = open();
    config.ask_at_user = true;
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.expect("USER guest", &[230]);
    bench.expect("PASS anything", &[202]);
    let mut config = open();
    config.ask_at_user = true;
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.expect("USER alice", &[331]);
    bench.expect("PASS secret", &[230]);
}

#[test]
fn rfc_959_section_4_1_1_an_account_is_asked_for_by_332() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("ACCT 42", &[503]);
    bench.expect("USER banker", &[331]);
    bench.expect("PASS secret", &[332]);
    bench.expect("PWD", &[530]);
    bench.expect("ACCT 42", &[503]);
    bench.expect("USER banker", &[331]);
    bench.expect("PASS secret", &[332]);
    bench.expect("ACCT 42", &[230]);
    bench.expect("ACCT 42", &[202]);
    bench.expect("PWD", &[257]);
}

#[test]
fn rfc_959_section_4_1_1_user_after_login_is_policy() {
    let mut bench = Bench::in_clear();
    bench.expect("USER alice", &[503]);
    bench.expect("PWD", &[257]);
    let mut config = open();
    config.relogin = true;
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.log_in();
    bench.expect("TYPE I", &[200]);
    bench.expect("USER alice", &[331]);
    bench.expect("PWD", &[530]);
    bench.log_in();
    // Transfer parameters stay.
    bench.expect("SIZE /file", &[213]);
}

#[test]
fn an_empty_password_is_one() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("USER alice", &[331]);
    bench.expect("PASS", &[]);
    bench.pass(3 * SECOND);
    assert_eq!(bench.codes(), [530]);
}

#[test]
fn is_29_commands_do_not_put_the_login_off() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    for _ in 0..59 {
        bench.pass(SECOND);
        bench.expect("NOOP", &[200]);
    }
    bench.pass(SECOND);
    assert_eq!(bench.codes(), [421]);
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Login)));
}

#[test]
fn is_30_secrets_are_in_no_log_and_no_debug_text() {
    const CANARY: &str = "CANARY-7f3a";
    let mut bench = Bench::clear();
    bench.answers = false;
    bench.expect("", &[220]);
    bench.expect("USER banker", &[331]);
    bench.raw(format!("PASS {CANARY}\r\nACCT {CANARY}\r\nPASS {CANARY}").as_bytes());
    assert!(!format!("{:?} {:?}", bench.server, bench.asked).contains(CANARY));
    assert!(bench.log.iter().all(|line| !line.contains(CANARY)));
    assert!(bench.log.iter().any(|line| line == "PASS ****"));
}

#[test]
fn is_30_what_a_site_says_in_secret_is_in_no_log_later_on() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.log_in();
    bench.raw(b"SITE PSWD old-s3cr3t new-s3cr3t\r\nHELP new-s3cr3t\r\n");
    bench.codes();
    assert!(bench.log.iter().any(|line| line == "SITE PSWD ****"));
    assert!(bench.log.iter().any(|line| line == "HELP ****"));
}

#[test]
fn rfc_7151_host_comes_before_login() {
    let mut config = open();
    config.virtual_hosts = true;
    let mut bench = Bench::with(config.clone());
    bench.expect("", &[220]);
    bench.expect("HOST ftp.example.org", &[220]);
    bench.expect("HOST no.example.org", &[504]);
    bench.expect("HOST sni.example.org", &[503]);
    bench.expect("HOST ftp.example.org:21", &[501]);
    bench.expect("HOST a/b", &[501]);
    bench.expect("HOST  ", &[501]);
    bench.expect(&format!("HOST {}", "h".repeat(255)), &[504]);
    bench.expect(&format!("HOST {}", "h".repeat(256)), &[501]);
    bench.expect("HOST [2001:db8::1", &[501]);
    bench.expect("HOST [2001:db8::1]", &[504]);
    bench.expect("HOST 192.0.2.1", &[220]);
    bench.expect("HOST 192.0.2.2", &[504]);
    bench.log_in();
    bench.expect("HOST ftp.example.org", &[503]);
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.expect("HOST busy.example.org", &[421]);
    assert_eq!(bench.closed, Some(Closing::HostUnavailable));
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.expect("HOST ftp.example.org", &[502]);
}

/// What is longer than any real one is refused without asking anybody.
#[test]
fn names_and_passwords_have_bounds() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    let limits = bench.server.config().limits.clone();
    let name = "n".repeat(limits.user_name);
    bench.expect(&format!("USER {name}n"), &[501]);
    bench.expect(&format!("USER {name}"), &[331]);
    assert_eq!(bench.server.user_name(), name.as_bytes());
    bench.send(&format!("PASS {}", "p".repeat(limits.password + 1)));
    bench.pass(10 * SECOND);
    assert_eq!(bench.codes(), [530]);
    assert!(bench.asked.is_empty());
    bench.expect("PWD", &[530]);
}
