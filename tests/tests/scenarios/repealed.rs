//! What a rule holds back: the same dialogue with the rule in force, and with it repealed. The model walks every state of both; here is what it
//! comes to.

use ftp_proto::client::{ClearText, Security};
use ftp_proto::rules::{Law, Rule};
use ftp_proto::{Client, Config, DataEnd, Direction, FailureKind};
use ftp_proto_tests::rig::{Act, CANARY, PEER, Rig};

/// Whether the rule holds, and a machine for it, in clear text.
fn with_and_without(rule: Rule) -> [(bool, Rig); 2] {
    [true, false].map(|holds| {
        let law = match holds {
            true => Law::default(),
            false => Law::without(rule),
        };
        let mut config = Config::default();
        config.security = Security::clear(ClearText::Everybody);
        let peer = PEER.parse().unwrap();
        let mut rig = Rig::with(|now| Client::with_law(law, config, peer, now));
        // A record is replayed under the whole law.
        rig.checks_replay = holds;
        (holds, rig)
    })
}

/// The same, logged in, and data connections made at once.
fn logged_in(rule: Rule) -> [(bool, Rig); 2] {
    with_and_without(rule).map(|(holds, mut rig)| {
        let login = rig.login();
        rig.reply("220 ready\r\n")
            .reply("331 password\r\n230 in\r\n");
        rig.done(login);
        rig.forget();
        rig.auto_data = true;
        (holds, rig)
    })
}

#[test]
fn before_the_greeting_nothing_is_said() {
    for (holds, mut rig) in with_and_without(Rule::ListenFirst) {
        rig.login();
        let all = ["USER alice".to_owned(), format!("PASS {CANARY}")];
        let said = if holds { &[][..] } else { &all };
        assert_eq!(rig.sent(), said);
    }
}

#[test]
fn an_upload_rides_behind_nothing() {
    for (holds, mut rig) in logged_in(Rule::ChangesRideAlone) {
        rig.store("f");
        let said = ["TYPE I", "EPSV", "STOR f"];
        assert_eq!(rig.sent(), said[..if holds { 2 } else { 3 }]);
    }
}

#[test]
fn nothing_rides_behind_a_change() {
    for (holds, mut rig) in logged_in(Rule::ChangesRideAlone) {
        rig.ask(|client, now| client.delete(now, b"x"));
        rig.ask(Client::noop);
        let said = ["DELE x", "NOOP"];
        assert_eq!(rig.sent(), said[..if holds { 1 } else { 2 }]);
    }
}

#[test]
fn a_reply_of_a_class_that_is_not_in_the_table_is_an_error() {
    for (holds, mut rig) in logged_in(Rule::ClassTable) {
        let noop = rig.ask(Client::noop);
        rig.reply("350 go on\r\n");
        if holds {
            assert_eq!(rig.failed(noop), FailureKind::UnexpectedReply);
        } else {
            rig.done(noop);
        }
        assert_eq!(rig.is_closed(), holds);
    }
}

#[test]
fn a_size_in_150_that_nothing_has_agreed_with_stands_for_nothing() {
    for (holds, mut rig) in logged_in(Rule::AnnouncedSize) {
        let file = rig.retrieve("f");
        rig.reply("200 I\r\n550 no SIZE\r\n229 (|||2121|)\r\n150 opening (3 bytes)\r\n")
            .flow_finished(3, DataEnd::Fin)
            .reply("226 sent\r\n");
        assert_eq!(rig.done(file).bytes, 3);
        rig.forget();
        rig.retrieve("g");
        let said = ["SIZE g", "EPSV", "RETR g"];
        assert_eq!(rig.sent(), said[usize::from(!holds)..]);
    }
}

#[test]
fn a_download_receives() {
    for (holds, mut rig) in logged_in(Rule::Direction) {
        rig.retrieve("f");
        rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
        let flow = Act::Flow {
            direction: if holds {
                Direction::Receive
            } else {
                Direction::Send
            },
            ascii: false,
            protected: false,
        };
        assert!(rig.did(flow), "{}", rig.story());
    }
}

/// But that of an eager upload, which has tests of its own.
#[test]
fn payload_waits_for_the_answer() {
    for (holds, mut rig) in logged_in(Rule::FlowAfterReply) {
        rig.store("f");
        rig.reply("200 I\r\n229 (|||2121|)\r\n");
        assert_eq!(rig.sent().last().unwrap(), "STOR f");
        assert_eq!(rig.desk().flow.is_none(), holds);
    }
}
