//! PORT, PASV, EPRT, EPSV (RFC 959 section 4.1.2, RFC 2428, RFC 2577).

use core::time::Duration;

use super::bench::{Bench, LOCAL, PEER};
use crate::order::{DataTarget, Fault};
use crate::server::{Config, Input, Note, Security};

fn open() -> Config {
    Config::new(Security::clear())
}

fn logged_in(config: Config, peer: &str, local: &str) -> Bench {
    let mut bench = Bench::between(config, peer, local);
    bench.expect("", &[220]);
    bench.log_in();
    bench
}

#[test]
fn rfc_959_section_4_1_2_pasv_names_the_address_of_the_control_connection() {
    for spelling in ["PASV", "P@SW", "PASV x"] {
        let mut bench = Bench::in_clear();
        assert!(bench.send(spelling).is_empty());
        bench.listening();
        assert_eq!(
            bench.said()[0].1,
            "Entering Passive Mode (192,0,2,1,195,80)."
        );
    }
    let mut config = open();
    config.passive.address = Some("198.51.100.9".parse().unwrap());
    let mut bench = logged_in(config, PEER, LOCAL);
    bench.send("PASV");
    bench.listening();
    assert_eq!(
        bench.said()[0].1,
        "Entering Passive Mode (198,51,100,9,195,80)."
    );
}

#[test]
fn rfc_2428_section_3_epsv() {
    let mut bench = Bench::in_clear();
    for line in ["EPSV", "EPSV 1"] {
        assert!(bench.send(line).is_empty());
        bench.listening();
        assert_eq!(
            bench.said()[0].1,
            "Entering Extended Passive Mode (|||50000|)"
        );
    }
    assert!(bench.text("EPSV 2", 522).ends_with("(1)"));
    assert!(bench.text("EPSV 9", 522).ends_with("(1)"));
    bench.expect("EPSV x", &[501]);
}

#[test]
fn is_33_over_ipv6_there_is_no_227() {
    let mut bench = logged_in(open(), "[2001:db8::7]:40000", "[2001:db8::1]:21");
    bench.expect("PASV", &[425]);
    assert!(bench.text("EPSV 1", 522).ends_with("(2)"));
    assert!(bench.send("EPSV 2").is_empty());
    bench.listening();
    assert_eq!(bench.codes(), [229]);
    bench.expect("PORT 192,0,2,7,195,80", &[501]);
    bench.expect("EPRT |1|192.0.2.7|50000|", &[522]);
    bench.expect("EPRT |2|2001:db8::7|50000|", &[200]);
    // IPv4 in IPv6 is IPv4.
    let mut bench = logged_in(open(), "[::ffff:192.0.2.7]:40000", "[::ffff:192.0.2.1]:21");
    bench.send("PASV");
    bench.listening();
    assert_eq!(bench.codes(), [227]);
    bench.expect("PORT 192,0,2,7,195,80", &[200]);
}

#[test]
fn is_8_rfc_2577_section_3_no_bounce() {
    let mut bench = Bench::in_clear();
    for (line, code) in [
        ("PORT 192,0,2,7,195,80", 200),
        ("PORT 192,0,2,7,4,0", 200),
        ("PORT 192,0,2,7,3,255", 504),
        ("PORT 192,0,2,8,195,80", 501),
        ("PORT 127,0,0,1,195,80", 501),
        ("PORT 192,0,2,7,195,256", 501),
        ("PORT 192,0,2,7,195", 501),
        ("PORT 192,0,2,7,0,0", 501),
        ("PORT 192,0,2,+7,1,2", 501),
        ("EPRT |1|192.0.2.7|50000|", 200),
        ("EPRT !1!192.0.2.7!50000!", 200),
        ("EPRT |1|192.0.2.7|25|", 504),
        ("EPRT |1|192.0.2.8|50000|", 501),
        ("EPRT |2|::1|50000|", 522),
        ("EPRT |9|x|50000|", 522),
        ("EPRT |1|192.0.2.7|70000|", 501),
        ("EPRT 1", 501),
    ] {
        bench.expect(line, &[code]);
    }
    assert!(bench.desk.is_empty());
    let mut config = open();
    config.active.third_parties = alloc::vec!["192.0.2.8".parse().unwrap()];
    let mut bench = logged_in(config, PEER, LOCAL);
    bench.expect("PORT 192,0,2,8,195,80", &[200]);
    bench.expect("PORT 192,0,2,9,195,80", &[501]);
    bench.expect("PORT 192,0,2,8,195,80", &[200]);
    bench.expect("RETR /file", &[150]);
    assert_eq!(
        bench.connect().1,
        DataTarget::Address("192.0.2.8:50000".parse().unwrap())
    );
}

#[test]
fn is_9_a_stranger_is_turned_away_and_the_client_still_comes() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.expect("RETR /file", &[150]);
    bench.connected_by("192.0.2.8");
    assert!(bench.desk.flow.is_none());
    assert!(matches!(bench.notes.last(), Some(Note::StrangerRefused(_))));
    bench.client_connects();
    assert!(bench.desk.flow.is_some());
    // Not for ever.
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.expect("RETR /file", &[150]);
    for _ in 0..16 {
        bench.connected_by("192.0.2.8");
    }
    assert_eq!(bench.codes(), [425]);
    assert!(bench.desk.is_empty());
}

#[test]
fn is_10_a_new_setting_closes_the_old_one() {
    for again in [
        "PASV",
        "EPSV",
        "PORT 192,0,2,7,195,80",
        "EPRT |1|192.0.2.7|50000|",
        "ABOR",
        "QUIT",
        "REIN",
    ] {
        let mut bench = Bench::in_clear();
        bench.pasv();
        assert!(bench.desk.accept.is_some());
        bench.send(again);
        assert_eq!(bench.data_closed.len(), 1, "{again}");
        assert!(bench.desk.accept.is_none(), "{again}");
    }
}

#[test]
fn rfc_6384_section_9_the_last_setting_wins() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.expect("PORT 192,0,2,7,195,80", &[200]);
    bench.expect("RETR /file", &[150]);
    assert_eq!(bench.connect().1, DataTarget::Peer { port: 50000 });
    let mut bench = Bench::in_clear();
    bench.expect("PORT 192,0,2,7,195,80", &[200]);
    bench.pasv();
    bench.expect("RETR /file", &[150]);
    assert!(bench.desk.connect.is_none() && bench.desk.accept.is_some());
}

#[test]
fn rfc_2428_section_4_after_epsv_all_nothing_else() {
    let mut bench = Bench::in_clear();
    bench.expect("EPSV ALL", &[200]);
    for line in ["PASV", "PORT 192,0,2,7,195,80", "EPRT |1|192.0.2.7|50000|"] {
        bench.expect(line, &[503]);
    }
    bench.pasv();
    bench.expect("ABOR", &[225]);
    bench.expect("PASV", &[503]);
    bench.expect("REIN", &[220]);
    bench.log_in();
    bench.expect("PORT 192,0,2,7,195,80", &[200]);
}

#[test]
fn data_modes_can_be_off() {
    let mut config = open();
    config.active.enabled = false;
    let mut bench = logged_in(config, PEER, LOCAL);
    bench.expect("PORT 192,0,2,7,195,80", &[501]);
    bench.expect("EPRT |1|192.0.2.7|50000|", &[501]);
    let mut config = open();
    config.passive.enabled = false;
    let mut bench = logged_in(config, PEER, LOCAL);
    bench.expect("PASV", &[502]);
    bench.expect("EPSV", &[502]);
}

#[test]
fn rfc_959_section_3_2_the_default_port_is_policy() {
    let mut bench = Bench::in_clear();
    bench.expect("RETR /file", &[425]);
    let mut config = open();
    config.active.default_port = true;
    let mut bench = logged_in(config, PEER, LOCAL);
    bench.expect("RETR /file", &[150]);
    assert_eq!(bench.connect().1, DataTarget::Peer { port: 40000 });
}

#[test]
fn a_listener_that_cannot_be_made_is_425() {
    let mut bench = Bench::in_clear();
    bench.send("PASV");
    let order = bench.desk.listen.take().unwrap();
    bench.handle(Input::Report(order.failed(Fault::AddressInUse)));
    assert_eq!(bench.codes(), [425]);
    bench.send("EPSV");
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.codes(), [425]);
    bench.expect("NOOP", &[200]);
}

#[test]
fn rfc_959_section_4_2_1_a_data_connection_that_does_not_come_is_425() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.expect("RETR /file", &[150]);
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.codes(), [425]);
    bench.expect("PORT 192,0,2,7,195,80", &[200]);
    bench.expect("STOR /new", &[150]);
    let (order, _) = bench.connect();
    bench.handle(Input::Report(order.failed(Fault::Refused)));
    assert_eq!(bench.codes(), [425]);
    assert_eq!(bench.endings.len() as u32, bench.opened);
}

#[test]
fn a_report_of_what_was_given_up_changes_nothing() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    let old = bench.accept();
    bench.pasv();
    bench.handle(Input::Report(old.accepted("192.0.2.7".parse().unwrap())));
    bench.expect("RETR /file", &[150]);
    assert!(bench.desk.flow.is_none());
    bench.client_connects();
    assert!(bench.desk.flow.is_some());
}

#[test]
fn a_data_connection_lost_while_the_storage_opens_is_425() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.answers = false;
    bench.send("RETR /file");
    let order = bench.accept();
    bench.handle(Input::Report(order.failed(Fault::Other)));
    let Some(crate::server::Question::OpenRead(question)) = bench.asked.pop_front() else {
        panic!("RETR asks to read");
    };
    bench.handle(Input::Answer(question.opened(None)));
    assert_eq!(bench.codes(), [150, 425]);
    assert_eq!(bench.endings.len(), 1);
}
