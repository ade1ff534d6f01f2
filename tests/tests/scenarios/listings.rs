//! LIST, NLST and MLSD, and every form of nothing.

use ftp_proto::{
    Config, DataEnd, Direction, FailureKind, Fault, Proof, Ticket, TlsFault, Transferred,
};
use ftp_proto_tests::rig::{Act, Rig};

use super::secure;

type Ask = fn(&mut Rig, Option<&[u8]>) -> Ticket<Transferred>;

fn verbs() -> [(&'static str, Ask); 3] {
    [
        ("LIST", |rig, path| rig.ask(|c, now| c.list(now, path))),
        ("NLST", |rig, path| rig.ask(|c, now| c.names(now, path))),
        ("MLSD", |rig, path| rig.ask(|c, now| c.facts(now, path))),
    ]
}

#[test]
fn listings_take_whatever_type_is_set_and_ask_no_size() {
    for (verb, ask) in verbs() {
        for path in [None, Some(&b"/pub dir"[..])] {
            let mut rig = secure();
            let listing = ask(&mut rig, path);
            let line = path.map_or_else(|| verb.to_owned(), |_| format!("{verb} /pub dir"));
            assert_eq!(rig.writes(), [["EPSV", &line]]);
            rig.reply("229 (|||2121|)\r\n150 ok\r\n");
            assert!(rig.did(Act::Flow {
                direction: Direction::Receive,
                ascii: false,
                protected: true
            }));
            rig.flow_finished(100, DataEnd::CloseNotify)
                .reply("226 ok\r\n");
            assert_eq!(rig.done(listing).bytes, 100);
        }
    }
}

#[test]
fn an_empty_listing_over_a_data_connection_is_complete() {
    for (_, ask) in verbs() {
        let mut rig = secure();
        let listing = ask(&mut rig, None);
        rig.reply("229 (|||2121|)\r\n150 ok\r\n")
            .flow_finished(0, DataEnd::CloseNotify)
            .reply("226 ok\r\n");
        assert_eq!(rig.done(listing).bytes, 0);
    }
}

#[test]
fn a_refusal_to_list_the_working_directory_means_it_is_empty() {
    for (_, ask) in verbs() {
        for code in [450, 550] {
            for connected in [true, false] {
                for announced in [true, false] {
                    let mut rig = Rig::secure(Config::default());
                    let listing = ask(&mut rig, None);
                    rig.reply("229 (|||2121|)\r\n");
                    if connected {
                        rig.data_connected().data_secured();
                    }
                    if announced {
                        rig.reply("150 ok\r\n");
                    }
                    rig.reply(&format!("{code} no files found\r\n"));
                    let done = rig.done(listing);
                    assert_eq!((done.bytes, done.proof), (0, Proof::Empty));
                    assert!(rig.desk().is_empty());
                }
            }
        }
    }
}

#[test]
fn a_refusal_to_list_a_named_directory_is_a_refusal() {
    for (_, ask) in verbs() {
        for code in [450, 501, 550] {
            let mut rig = secure();
            let listing = ask(&mut rig, Some(b"missing"));
            rig.reply("229 (|||2121|)\r\n")
                .reply(&format!("{code} no such thing\r\n"));
            assert_eq!(rig.failed(listing), FailureKind::Refused);
        }
    }
}

#[test]
fn a_completion_without_a_data_connection_is_an_empty_listing() {
    for (_, ask) in verbs() {
        // The server never opened its end.
        let mut rig = Rig::secure(Config::default());
        let listing = ask(&mut rig, None);
        rig.reply("229 (|||2121|)\r\n226 nothing to list\r\n");
        assert_eq!(
            rig.result(listing),
            None,
            "the connection may still come up"
        );
        rig.data_failed(Fault::Refused);
        assert_eq!(rig.done(listing).proof, Proof::Empty);

        // It neither comes up nor fails.
        let mut rig = Rig::secure(Config::default());
        let listing = ask(&mut rig, None);
        rig.reply("229 (|||2121|)\r\n226 nothing to list\r\n")
            .tick_to_deadline();
        assert_eq!(rig.done(listing).proof, Proof::Empty);
        assert!(!rig.is_closed());
    }
}

#[test]
fn a_listing_that_broke_off_is_not_empty() {
    let mut rig = secure();
    let listing = rig.ask(|c, now| c.list(now, None));
    rig.reply("229 (|||2121|)\r\n150 ok\r\n").progress(10);
    rig.flow_finished(10, DataEnd::Failed(Fault::Reset))
        .reply("550 went wrong\r\n");
    assert!(rig.result(listing).unwrap().is_err());
}

#[test]
fn an_unsupported_listing_verb_is_the_callers_to_replace() {
    for code in [500, 501, 502, 504] {
        let mut rig = secure();
        let listing = rig.ask(|c, now| c.facts(now, None));
        rig.reply("229 (|||2121|)\r\n")
            .reply(&format!("{code} what?\r\n"));
        let failure = rig.failure(listing);
        assert_eq!(
            (failure.kind, failure.code.map(|c| c.value())),
            (FailureKind::Refused, Some(code))
        );
    }
}

#[test]
fn a_listing_without_confirmation_is_unconfirmed() {
    let mut rig = secure();
    let listing = rig.ask(|c, now| c.list(now, None));
    rig.reply("229 (|||2121|)\r\n150 ok\r\n")
        .flow_finished(10, DataEnd::CloseNotify)
        .eof();
    assert_eq!(rig.failed(listing), FailureKind::Unconfirmed { bytes: 10 });
}

#[test]
fn a_confirmed_listing_is_taken_though_the_session_ends_while_its_connection_opens() {
    let mut rig = secure();
    rig.auto_data = false;
    let listing = rig.ask(|c, now| c.list(now, None));
    rig.reply("229 (|||2121|)\r\n150 ok\r\n226 ok\r\n").eof();
    rig.data_connected()
        .data_secured()
        .flow_finished(100, DataEnd::CloseNotify);
    assert_eq!(rig.done(listing).bytes, 100);
}

/// Whoever got the listing in our place, the server is content: a 226 without 150 would otherwise say that there is nothing to list.
#[test]
fn a_listing_whose_handshake_failed_is_not_empty_because_the_server_is_content() {
    for (_, ask) in verbs() {
        for announced in ["", "150 ok\r\n"] {
            let mut rig = Rig::secure(Config::default());
            let listing = ask(&mut rig, None);
            rig.reply(&format!("229 (|||2121|)\r\n{announced}"))
                .data_connected()
                .data_insecure(TlsFault::UnknownIssuer)
                .reply("226 nothing here\r\n");
            assert_eq!(
                rig.failed(listing),
                FailureKind::DataTls(TlsFault::UnknownIssuer),
                "{announced:?}"
            );
        }
    }
}
