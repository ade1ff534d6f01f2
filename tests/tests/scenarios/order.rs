//! Transfers behind each other: what waits for what, and what is left of the one before.

use ftp_proto::client::{DataMode, DataModes};
use ftp_proto::{Config, DataEnd, FailureKind, Input, Report, TlsFault, TransferOptions};
use ftp_proto_tests::rig::{Act, Rig};

use super::clear;

/// A second transfer may fail while the first one's final reply is due. The third is not asked for then: two replies of a kind are enough to
/// be told apart.
#[test]
fn no_third_transfer_is_asked_for_while_two_wait_for_their_final_reply() {
    let mut rig = Rig::secure(Default::default());
    let first = rig.retrieve("f");
    let second = rig.retrieve("g");
    let third = rig.retrieve("h");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n")
        .data_connected()
        .data_secured();
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify);
    assert_eq!(rig.sent().last().unwrap(), "RETR g");
    rig.reply("226 sent\r\n213 3\r\n229 (|||2122|)\r\n");
    rig.done(first);
    rig.data_connected().data_insecure(TlsFault::Alert(40));
    // The second has no data connection any more, and its reply is due.
    let sent = rig.sent();
    let retr = |lines: &[String]| lines.iter().filter(|line| line.starts_with("RETR")).count();
    assert!(retr(&sent) <= 1, "{sent:?}");
    rig.reply("425 no TLS\r\n");
    assert_eq!(
        rig.failed(second),
        FailureKind::DataTls(TlsFault::Alert(40))
    );
    assert_eq!(rig.result(third), None);
    assert!(!rig.is_closed());
}

/// RFC 3659 section 5.3: a restart point is for the next transfer, also where that is completed without a preliminary reply.
#[test]
fn a_restart_point_is_taken_up_by_a_transfer_that_is_only_completed() {
    let mut rig = clear();
    let how = TransferOptions {
        offset: 3,
        ..TransferOptions::default()
    };
    let file = rig.ask(|client, now| client.retrieve(now, b"f", how));
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n");
    assert_eq!(rig.sent().last().unwrap(), "REST 3");
    rig.reply("350 ok\r\n")
        .reply("226 nothing is left\r\n")
        .flow_finished(0, DataEnd::Fin);
    assert_eq!(rig.done(file).bytes, 0);
    rig.sent();
    rig.retrieve("g");
    assert_eq!(
        rig.sent(),
        ["SIZE g", "EPSV", "RETR g"],
        "nothing is to be taken back"
    );
}

/// What an order became that was given up, whoever reports it late, is not what the next one became.
#[test]
fn a_late_report_is_not_of_the_next_data_connection() {
    let mut rig = Rig::secure(Default::default());
    rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n");
    let late: Report = rig.desk_mut().connect.take().unwrap().connected();
    rig.reply("550 no such file\r\n");
    rig.retrieve("g");
    rig.reply("213 3\r\n229 (|||2122|)\r\n");
    rig.forget();
    rig.handle(ftp_proto::Input::Report(late));
    assert!(!rig.did(Act::SecureData), "{}", rig.story());
    assert!(rig.desk().connect.is_some(), "it is still to be connected");
    rig.data_connected();
    assert!(rig.did(Act::SecureData));
}

#[test]
fn data_connections_are_numbered_from_one_and_counted() {
    let mut rig = clear();
    for number in 1..=3 {
        let file = rig.retrieve("f");
        let replies = "213 3\r\n229 (|||2121|)\r\n150 ok\r\n";
        let first = if number == 1 { "200 I\r\n" } else { "" };
        rig.reply(&format!("{first}{replies}"));
        let flow = rig.desk().flow.as_ref().unwrap();
        assert_eq!(flow.data().number(), number);
        assert_eq!(rig.client().evidence().data_connections, number);
        rig.flow_finished(3, DataEnd::Fin).reply("226 sent\r\n");
        assert_eq!(rig.done(file).bytes, 3);
    }
}

/// A set-up that is refused shows that this server needs one command at a time only if something rode behind it.
#[test]
fn a_refused_set_up_ends_the_batches_if_something_rode_behind_it() {
    for download in [true, false] {
        let mut config = Config::default();
        config.data_modes = DataModes::new(&[DataMode::Epsv]).unwrap();
        let mut rig = Rig::secure(config);
        let file = match download {
            true => rig.retrieve("f"),
            false => rig.store("f"),
        };
        rig.reply("200 I\r\n");
        if download {
            rig.reply("213 3\r\n");
        }
        rig.reply("500 what\r\n");
        assert!(rig.result(file).unwrap().is_err());
        assert_eq!(rig.client().session().lock_step, download);
    }
}

/// Nor is what is told late of its payload: neither bytes nor the end of the source.
#[test]
fn late_news_of_payload_are_not_of_the_next_data_connection() {
    let mut rig = clear();
    rig.retrieve("f");
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n");
    let first = rig.desk().flow.as_ref().unwrap().data();
    rig.flow_finished(3, DataEnd::Fin).reply("226 sent\r\n");
    rig.store("g");
    rig.reply("229 (|||2122|)\r\n").reply("150 ok\r\n");
    let stall = Config::default().limits.stall_wait;
    rig.pass(stall / 2);
    for late in [Input::Progress(first, 1000), Input::SourceEnded(first)] {
        rig.handle(late);
        assert_eq!(rig.patience(), Some(stall - stall / 2));
        assert_eq!(rig.client().evidence().data.bytes, 0);
    }
    let second = rig.desk().flow.as_ref().unwrap().data();
    rig.handle(Input::Progress(second, 5));
    assert_eq!(rig.patience(), Some(stall));
    assert_eq!(rig.client().evidence().data.bytes, 5);
}
