//! Data connections the server makes.

use ftp_proto::client::{DataMode, DataModes};
use ftp_proto::{Config, DataEnd, FailureKind, Fault, Note};
use ftp_proto_tests::rig::{Act, PEER, Rig};

/// Logged in under TLS, active modes only.
fn active(modes: &[DataMode], peer: &str) -> Rig {
    let mut config = Config::default();
    config.data_modes = DataModes::new(modes).unwrap();
    Rig::secure_to(config, peer)
}

#[test]
fn eprt_names_what_the_driver_listens_on_and_retr_waits_for_its_reply() {
    let mut rig = active(&[DataMode::Eprt], PEER);
    let file = rig.retrieve("f");
    assert_eq!(rig.acts(), [Act::Listen]);
    rig.listening("198.51.100.7:50000");
    assert_eq!(
        rig.sent(),
        ["TYPE I", "SIZE f", "EPRT |1|198.51.100.7|50000|"]
    );
    rig.reply("200 I\r\n213 3\r\n");
    assert_eq!(
        rig.sent().len(),
        0,
        "some servers answer EPRT only once they have connected"
    );
    rig.reply("200 ok\r\n");
    assert!(rig.did(Act::Accept));
    assert_eq!(rig.sent(), ["RETR f"]);
    rig.reply("150 connecting\r\n").accepted(PEER);
    assert!(rig.did(Act::SecureData), "we are the TLS client here too");
    rig.data_secured()
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn port_and_ipv6() {
    let mut rig = active(&[DataMode::Port], PEER);
    rig.retrieve("f");
    rig.listening("198.51.100.7:50000");
    assert_eq!(rig.sent()[2..], ["PORT 198,51,100,7,195,80"]);

    let mut rig = active(&[DataMode::Port, DataMode::Eprt], "2001:db8::1");
    rig.retrieve("f");
    rig.listening("[2001:db8::7]:50000");
    assert_eq!(
        rig.sent()[2..],
        ["EPRT |2|2001:db8::7|50000|"],
        "no PORT on IPv6"
    );
}

#[test]
fn stor_waits_for_nobody_to_connect_before_it_is_sent() {
    let mut rig = active(&[DataMode::Eprt], PEER);
    let file = rig.store("f");
    rig.listening("198.51.100.7:50000").reply("200 I\r\n");
    rig.reply("200 ok\r\n");
    assert_eq!(
        rig.sent().last().unwrap(),
        "STOR f",
        "the server connects only then"
    );
    rig.reply("150 connecting\r\n")
        .accepted(PEER)
        .data_secured();
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn a_stranger_is_turned_away_and_the_server_still_let_in() {
    let mut rig = active(&[DataMode::Eprt], PEER);
    let file = rig.retrieve("f");
    rig.listening("198.51.100.7:50000")
        .reply("200 I\r\n213 3\r\n200 ok\r\n")
        .reply("150 ok\r\n");
    rig.accepted("203.0.113.66");
    assert!(
        rig.notes()
            .contains(&Note::StrangerRefused("203.0.113.66".parse().unwrap()))
    );
    assert!(!rig.did(Act::SecureData));
    rig.accepted("::ffff:192.0.2.1");
    rig.data_secured()
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn eprt_refused_goes_to_port_and_then_to_passive() {
    let mut rig = active(&[DataMode::Eprt, DataMode::Port, DataMode::Pasv], PEER);
    let file = rig.retrieve("f");
    rig.listening("198.51.100.7:50000")
        .reply("200 I\r\n213 3\r\n");
    rig.reply("522 no\r\n");
    assert_eq!(
        rig.acts().iter().filter(|act| **act == Act::Listen).count(),
        2
    );
    rig.listening("198.51.100.7:50001");
    assert_eq!(rig.sent().last().unwrap(), "PORT 198,51,100,7,195,81");
    rig.reply("500 no\r\n");
    assert_eq!(rig.sent(), ["PASV", "RETR f"]);
    rig.auto_data = true;
    rig.reply("227 (192,0,2,1,8,73)\r\n").reply("150 ok\r\n");
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);
}

#[test]
fn a_listener_that_cannot_be_had_tries_the_next_mode() {
    let mut rig = active(&[DataMode::Eprt, DataMode::Epsv], PEER);
    let file = rig.retrieve("f");
    rig.data_failed(Fault::Denied);
    rig.reply("200 I\r\n213 3\r\n");
    rig.auto_data = true;
    rig.reply("229 (|||2121|)\r\n").reply("150 ok\r\n");
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(file);

    let mut rig = active(&[DataMode::Eprt], PEER);
    let file = rig.retrieve("f");
    rig.data_failed(Fault::Denied);
    assert_eq!(rig.failed(file), FailureKind::DataOpen(Fault::Denied));
}

#[test]
fn a_server_that_does_not_connect_is_given_up_in_step() {
    let mut rig = active(&[DataMode::Eprt], PEER);
    let file = rig.retrieve("f");
    rig.listening("198.51.100.7:50000")
        .reply("200 I\r\n213 3\r\n200 ok\r\n")
        .reply("150 ok\r\n");
    rig.sent();
    rig.tick_to_deadline();
    assert_eq!(rig.sent(), ["ABOR"]);
    rig.reply("426 x\r\n226 y\r\n").barrier();
    assert_eq!(rig.failed(file), FailureKind::DataOpen(Fault::TimedOut));
    assert!(rig.desk().is_empty());
}

#[test]
fn a_listener_address_that_cannot_be_said_fails_the_transfer_and_is_given_up() {
    let mut rig = active(&[DataMode::Port], PEER);
    let file = rig.retrieve("f");
    rig.listening("[2001:db8::7]:50000")
        .reply("200 I\r\n213 3\r\n");
    assert!(rig.result(file).unwrap().is_err());
    assert!(
        rig.acts()
            .iter()
            .any(|act| matches!(act, Act::CloseData(_))),
        "{}",
        rig.story()
    );
}

#[test]
fn pasv_only_on_ipv6_has_no_way_and_says_so() {
    let mut config = Config::default();
    config.data_modes = DataModes::new(&[DataMode::Pasv]).unwrap();
    let mut rig = Rig::secure_to(config, "2001:db8::1");
    let file = rig.try_ask(|c, now| c.retrieve(now, b"f", Default::default()));
    assert!(!rig.sent().iter().any(|line| line == "PASV"));
    match file {
        Err(refusal) => assert_eq!(refusal, ftp_proto::Refusal::Policy),
        Ok(file) => assert!(rig.result(file).unwrap().is_err()),
    }
}

#[test]
fn the_next_listener_may_come_up_before_the_last_transfer_is_confirmed() {
    let mut rig = active(&[DataMode::Eprt], PEER);
    rig.auto_data = true;
    let first = rig.retrieve("f");
    let second = rig.retrieve("g");
    rig.reply("200 I\r\n213 3\r\n200 ok\r\n")
        .reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify);
    rig.reply("226 ok\r\n");
    rig.done(first);
    rig.reply("213 3\r\n200 ok\r\n")
        .reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    rig.done(second);
}

/// And if it does not, that is a matter of the next transfer: the last one has had its data.
#[test]
fn the_next_listener_may_fail_before_the_last_transfer_is_confirmed() {
    let mut rig = active(&[DataMode::Eprt, DataMode::Epsv], PEER);
    let first = rig.retrieve("f");
    let second = rig.retrieve("g");
    rig.listening("198.51.100.7:50000")
        .reply("200 I\r\n213 3\r\n200 ok\r\n")
        .reply("150 ok\r\n")
        .accepted(PEER)
        .data_secured()
        .flow_finished(3, DataEnd::CloseNotify);
    assert_eq!(rig.sent().last().unwrap(), "SIZE g");
    rig.data_failed(Fault::Denied);
    assert!(rig.sent().is_empty(), "nothing is given up");
    rig.auto_data = true;
    rig.reply("226 ok\r\n");
    assert_eq!(rig.done(first).bytes, 3);
    rig.reply("213 3\r\n");
    assert_eq!(rig.sent(), ["EPSV"]);
    rig.reply("229 (|||2121|)\r\n");
    assert_eq!(rig.sent(), ["RETR g"]);
    rig.reply("150 ok\r\n");
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 ok\r\n");
    assert_eq!(rig.done(second).bytes, 3);
}
