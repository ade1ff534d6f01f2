//! AUTH, PBSZ, PROT, CCC, REIN (RFC 2228, RFC 4217).

use super::bench::{Bench, tls};
use crate::order::{DataEnd, Direction, TlsFault};
use crate::server::{Closing, Config, Input, Note, Security, Timer};
use crate::wire::command::ProtectionLevel;

fn config(security: Security) -> Config {
    Config::new(security)
}

#[test]
fn is_4_under_required_tls_nobody_is_asked_in_clear() {
    let mut bench = Bench::with(Config::default());
    bench.answers = false;
    bench.expect("", &[220]);
    assert!(bench.text("USER alice", 534).contains("AUTH TLS"));
    bench.expect("PASS secret", &[503]);
    bench.expect("PWD", &[530]);
    bench.expect("FEAT", &[211]);
    assert!(bench.asked.is_empty());
}

#[test]
fn rfc_4217_section_4_auth_then_tls_then_login() {
    let mut bench = Bench::with(Config::default());
    bench.expect("auth tls", &[220, 234]);
    assert!(!bench.server.reads_control());
    bench.secure_control();
    assert!(bench.server.reads_control());
    bench.expect("AUTH TLS", &[503]);
    bench.expect("PBSZ 0", &[200]);
    bench.expect("PROT P", &[200]);
    bench.log_in();
    bench.expect("PWD", &[257]);
}

#[test]
fn rfc_2228_section_3_the_codes_of_auth_pbsz_and_prot() {
    let mut bench = Bench::with(Config::default());
    bench.expect("AUTH GSSAPI", &[220, 504]);
    bench.expect("AUTH", &[501]);
    bench.expect("ADAT abc=", &[503]);
    bench.expect("MIC abc=", &[502]);
    bench.expect("PBSZ 0", &[503]);
    bench.expect("PROT P", &[503]);
    bench.expect("AUTH TLS", &[234]);
    bench.secure_control();
    assert_eq!(bench.text("PBSZ 1000", 200), "PBSZ=0");
    bench.expect("PBSZ x", &[501]);
    bench.expect("PBSZ 4294967296", &[501]);
    bench.expect("PROT S", &[536]);
    bench.expect("PROT e", &[536]);
    bench.expect("PROT X", &[504]);
    bench.expect("PROT", &[501]);
    let mut bench = Bench::with(config(Security::clear()));
    bench.expect("AUTH TLS", &[220, 502]);
    let mut strict = Config::new(Security::required());
    strict.strict_pbsz = true;
    let mut bench = Bench::in_tls(strict);
    bench.expect("PROT P", &[503]);
    bench.expect("PBSZ 0", &[200]);
    bench.expect("PROT P", &[200]);
}

#[test]
fn older_names_of_tls() {
    for (name, level) in [
        ("SSL", None),
        ("TLS-C", None),
        ("TLS-P", Some(ProtectionLevel::Private)),
    ] {
        let mut bench = Bench::with(Config::default());
        bench.expect(&alloc::format!("AUTH {name}"), &[220, 234]);
        bench.secure_control();
        assert_eq!(bench.server.protection().data, level);
    }
    let mut bench = Bench::with(config(Security::required().without_legacy_auth()));
    bench.expect("AUTH SSL", &[220, 504]);
    bench.expect("AUTH TLS-C", &[234]);
}

#[test]
fn is_1_bytes_behind_auth_are_an_injection_in_any_pieces() {
    let bytes = b"AUTH TLS\r\nUSER alice\r\nPASS secret\r\n";
    for at in 10..bytes.len() {
        let mut bench = Bench::with(config(Security::optional()));
        bench.reads = false;
        bench.raw(&bytes[..at]);
        bench.raw(&bytes[at..]);
        bench.reads = true;
        bench.settle();
        assert_eq!(bench.codes(), [220, 234], "split at {at}");
        assert_eq!(bench.closed, Some(Closing::Injected));
        assert!(bench.desk.secure_control.is_none() && bench.asked.is_empty());
    }
    // Also when the handshake is ordered already, and half a Telnet command counts.
    let mut bench = Bench::with(Config::default());
    bench.expect("AUTH TLS", &[220, 234]);
    bench.raw(b"U");
    assert_eq!(bench.closed, Some(Closing::Injected));
    let mut bench = Bench::with(Config::default());
    bench.raw(b"AUTH TLS\r\n\xFF");
    assert_eq!(bench.closed, Some(Closing::Injected));
}

#[test]
fn is_2_a_failed_handshake_is_the_end_without_a_word() {
    let mut bench = Bench::with(config(Security::optional()));
    bench.expect("AUTH TLS", &[220, 234]);
    let order = bench.desk.secure_control.take().unwrap();
    bench.handle(Input::Report(order.failed(TlsFault::NotTls)));
    assert!(bench.codes().is_empty());
    assert_eq!(bench.closed, Some(Closing::ControlTls(TlsFault::NotTls)));
    let mut bench = Bench::with(config(Security::optional()));
    bench.expect("AUTH TLS", &[220, 234]);
    bench.pass(core::time::Duration::from_secs(60));
    assert!(bench.codes().is_empty());
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Handshake)));
}

#[test]
fn is_5_rfc_4217_section_4_2_auth_takes_everything_back() {
    let mut bench = Bench::with(config(Security::optional()));
    bench.expect("", &[220]);
    bench.log_in();
    bench.expect("TYPE I", &[200]);
    bench.expect("CWD dir", &[250]);
    bench.expect("REST 5", &[350]);
    bench.expect("EPSV ALL", &[200]);
    bench.pasv();
    bench.expect("AUTH TLS", &[234]);
    assert_eq!(bench.data_closed.len(), 1);
    assert!(bench.desk.accept.is_none());
    bench.secure_control();
    assert_eq!(bench.server.user(), None);
    bench.expect("PWD", &[530]);
    bench.log_in();
    assert_eq!(bench.text("PWD", 257), "\"/\" is the working directory");
    bench.expect("SIZE file", &[550]);
    assert!(bench.send("PASV").is_empty());
    bench.listening();
    assert_eq!(bench.codes(), [227]);
}

#[test]
fn is_6_rfc_4217_section_13_rein_ends_tls_behind_its_reply() {
    let mut bench = Bench::in_tls(config(Security::optional()));
    bench.expect("PBSZ 0", &[200]);
    bench.expect("PROT P", &[200]);
    bench.expect("CWD dir", &[250]);
    bench.pasv();
    bench.expect("REIN", &[220]);
    assert_eq!(bench.server.user(), None);
    assert!(bench.desk.accept.is_none());
    let order = bench.desk.clear_control.take().unwrap();
    bench.handle(Input::Report(order.cleared()));
    bench.expect("PROT P", &[503]);
    bench.expect("PWD", &[530]);
    bench.log_in();
    assert_eq!(bench.text("PWD", 257), "\"/\" is the working directory");
    // TLS may be asked for again.
    bench.expect("AUTH TLS", &[234]);
    bench.secure_control();
    let mut bench = Bench::in_tls(config(Security::optional()));
    bench.raw(b"REIN\r\nUSER alice\r\n");
    assert_eq!(bench.codes(), [220]);
    assert_eq!(bench.closed, Some(Closing::Injected));
    let mut bench = Bench::in_clear();
    bench.expect("REIN", &[220]);
    bench.expect("PWD", &[530]);
    bench.log_in();
}

#[test]
fn is_7_ccc_by_policy_under_tls_and_then_nothing_about_security() {
    let mut bench = Bench::in_tls(Config::default());
    bench.expect("CCC", &[534]);
    let mut bench = Bench::with(config(Security::optional().allow_ccc()));
    bench.expect("", &[220]);
    bench.expect("CCC", &[530]);
    bench.log_in();
    bench.expect("CCC", &[533]);
    let mut bench = Bench::in_tls(config(Security::required().allow_ccc()));
    bench.expect("PBSZ 0", &[200]);
    bench.expect("PROT P", &[200]);
    bench.expect("CCC", &[200]);
    let order = bench.desk.clear_control.take().unwrap();
    bench.handle(Input::Report(order.cleared()));
    bench.expect("PWD", &[257]);
    bench.expect("PROT C", &[533]);
    bench.expect("PBSZ 0", &[533]);
    bench.expect("AUTH TLS", &[534]);
    bench.expect("USER alice", &[534]);
    bench.expect("PASS secret", &[503]);
    bench.expect("CCC", &[533]);
    // Data connections keep their level.
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    bench.secure_data(false);
    bench.flow(Direction::Send, 10, DataEnd::CloseNotify);
    assert_eq!(bench.codes(), [226]);
    let mut bench = Bench::in_tls(config(Security::required().allow_ccc()));
    bench.raw(b"CCC\r\nDELE file\r\n");
    assert_eq!(bench.codes(), [200]);
    assert_eq!(bench.closed, Some(Closing::Injected));
}

#[test]
fn implicit_tls_comes_before_the_greeting_and_data_is_private() {
    let mut bench = Bench::with(config(Security::implicit()));
    bench.expect("", &[]);
    assert!(!bench.server.reads_control());
    let order = bench.desk.secure_control.take().unwrap();
    bench.handle(Input::Report(order.secured(tls(false))));
    bench.expect("", &[220]);
    bench.expect("AUTH TLS", &[503]);
    bench.expect("REIN", &[502]);
    bench.log_in();
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    assert!(bench.desk.secure_data.is_some());
}

#[test]
fn is_13_protection_is_read_at_the_transfer_command() {
    // PROT P comes behind EPSV and still counts; PROT C is refused at the transfer, not before.
    for (before, after, secured) in [
        (&["PBSZ 0", "PROT P"][..], &[][..], true),
        (&[], &["PBSZ 0", "PROT P"], true),
        (&["PROT P"], &["PROT C"], false),
        (&[], &[], false),
    ] {
        for command in [
            "RETR /file",
            "STOR /new",
            "LIST",
            "NLST",
            "MLSD",
            "APPE /new",
            "STOU",
        ] {
            let mut bench = Bench::in_tls(Config::default());
            for line in before {
                bench.expect(line, &[200]);
            }
            bench.pasv();
            bench.client_connects();
            for line in after {
                bench.expect(line, &[200]);
            }
            bench.expect(command, &[if secured { 125 } else { 521 }]);
            assert_eq!(bench.desk.secure_data.is_some(), secured);
            assert!(bench.desk.flow.is_none());
            assert_eq!(bench.opened, u32::from(secured));
        }
    }
}

#[test]
fn is_11_rfc_4217_section_10_2_session_reuse_can_be_demanded() {
    let reuse = config(Security::required().require_reuse());
    for resumed in [false, true] {
        let mut bench = Bench::in_tls(reuse.clone());
        bench.expect("PROT P", &[200]);
        bench.pasv();
        bench.client_connects();
        bench.expect("RETR /file", &[125]);
        bench.secure_data(resumed);
        assert_eq!(bench.desk.flow.is_some(), resumed);
        assert_eq!(bench.codes(), if resumed { &[][..] } else { &[522] });
    }
}

#[test]
fn rfc_4217_section_10_2_a_failed_data_handshake_is_522() {
    let mut bench = Bench::in_tls(Config::default());
    bench.expect("PROT P", &[200]);
    bench.pasv();
    bench.expect("RETR /file", &[150]);
    bench.client_connects();
    let order = bench.desk.secure_data.take().unwrap();
    bench.handle(Input::Report(order.failed(TlsFault::UnknownIssuer)));
    assert_eq!(bench.codes(), [522]);
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    bench.pass(core::time::Duration::from_secs(30));
    assert_eq!(bench.codes(), [522]);
}

#[test]
fn uploads_under_tls_without_close_notify() {
    for (policy, code) in [
        (crate::server::MissingCloseNotify::Accept, 226),
        (crate::server::MissingCloseNotify::Refuse, 426),
    ] {
        let mut config = Config::new(Security::required());
        config.missing_close_notify = policy;
        let mut bench = Bench::in_tls(config);
        bench.expect("PROT P", &[200]);
        bench.pasv();
        bench.client_connects();
        bench.expect("STOR /new", &[125]);
        bench.secure_data(false);
        let data = bench.desk.flow.as_ref().unwrap().data();
        let missing = Note::CloseNotifyMissing(data);
        bench.flow(Direction::Receive, 5, DataEnd::Fin);
        assert_eq!(bench.codes(), [code]);
        assert_eq!(bench.notes.contains(&missing), code == 226);
    }
    let mut bench = Bench::in_tls(Config::new(Security::required()));
    bench.expect("PROT P", &[200]);
    bench.pasv();
    bench.client_connects();
    bench.expect("STOR /new", &[125]);
    bench.secure_data(false);
    bench.notes.clear();
    bench.flow(Direction::Receive, 5, DataEnd::CloseNotify);
    assert_eq!(bench.codes(), [226]);
    assert!(bench.notes.is_empty(), "{:?}", bench.notes);
}

/// After CCC nothing about security may be said; REIN is the way back, PROT or not (RFC 4217 section 13).
#[test]
fn is_7_rein_takes_ccc_back() {
    for private in [false, true] {
        let mut bench = Bench::in_tls(config(Security::optional().allow_ccc()));
        if private {
            bench.expect("PROT P", &[200]);
        }
        bench.expect("CCC", &[200]);
        let order = bench.desk.clear_control.take().unwrap();
        bench.handle(Input::Report(order.cleared()));
        bench.expect("AUTH TLS", &[534]);
        bench.expect("REIN", &[220]);
        bench.expect("AUTH TLS", &[234]);
        bench.secure_control();
        bench.log_in();
    }
}

#[test]
fn private_data_can_be_demanded_where_the_control_connection_may_be_clear() {
    let security = Security::optional().or_clear_data().require_private_data();
    let mut bench = Bench::with(config(security));
    bench.expect("", &[220]);
    bench.log_in();
    bench.pasv();
    bench.expect("RETR /file", &[521]);
    bench.expect("AUTH TLS", &[234]);
    bench.secure_control();
    bench.log_in();
    bench.expect("PROT P", &[200]);
    bench.pasv();
    bench.expect("RETR /file", &[150]);
}

/// What was ordered before is reported late: it is not taken for the handshake's.
#[test]
fn a_late_report_about_data_does_not_disturb_a_change_of_protection() {
    let mut bench = Bench::with(config(Security::optional()));
    bench.expect("", &[220]);
    bench.log_in();
    bench.expect("EPSV", &[]);
    bench.listening();
    assert_eq!(bench.codes(), [229]);
    let late = bench.accept();
    bench.expect("AUTH TLS", &[234]);
    bench.handle(Input::Report(late.accepted("192.0.2.7".parse().unwrap())));
    bench.secure_control();
    bench.log_in();
}

#[test]
fn a_handshake_that_outlasts_the_time_for_the_login_ends_without_a_word() {
    let mut config = config(Security::required());
    config.limits.handshake_wait = 2 * config.limits.login_wait;
    let wait = config.limits.login_wait;
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.expect("AUTH TLS", &[234]);
    bench.pass(wait);
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Login)));
    // In clear it would be taken for a part of the handshake.
    assert!(bench.codes().is_empty());
    // Nor behind a 234 that has not been taken.
    let mut config = Config::new(Security::required());
    config.limits.send_wait = 2 * wait;
    config.limits.handshake_wait = 2 * wait;
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.reads = false;
    bench.raw(b"AUTH TLS\r\n");
    bench.pass(wait);
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Login)));
    assert!(bench.server.outgoing().is_empty());
}

/// That no bytes have come is no injection.
#[test]
fn is_1_only_bytes_are_an_injection() {
    let mut bench = Bench::with(config(Security::required()));
    bench.expect("", &[220]);
    bench.expect("AUTH TLS", &[234]);
    bench.raw(b"");
    bench.secure_control();
    bench.log_in();
}
