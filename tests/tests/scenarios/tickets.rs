//! TLS 1.3 tickets that run out.

use ftp_proto::client::{Batching, SpentTickets};
use ftp_proto::{Config, DataEnd, FailureKind, Note, Proof, Tickets};
use ftp_proto_tests::rig::{Act, Rig};

use super::{download, secure};

/// A session that was resumed and can be resumed no more.
fn dry(config: Config) -> Rig {
    let mut rig = Rig::secure(config);
    rig.auto_data = true;
    rig.tickets(Tickets::Left(2));
    let ticket = rig.names_of_nothing();
    rig.done(ticket);
    rig.tickets(Tickets::None);
    rig.forget();
    rig
}

trait Listing {
    fn names_of_nothing(&mut self) -> ftp_proto::Ticket<ftp_proto::Transferred>;
}

impl Listing for Rig {
    fn names_of_nothing(&mut self) -> ftp_proto::Ticket<ftp_proto::Transferred> {
        let ticket = self.ask(|client, now| client.names(now, None));
        self.sent();
        self.reply("229 (|||2000|)\r\n").sent();
        self.reply("150 wait\r\n");
        self.flow_finished(0, DataEnd::CloseNotify)
            .reply("226 done\r\n");
        ticket
    }
}

fn one_at_a_time(lock_step: bool) -> Config {
    let mut config = Config::default();
    if lock_step {
        config.batching = Batching::LockStep;
    }
    config
}

#[test]
fn a_refused_listing_brings_tickets_before_the_upload_touches_a_file() {
    for lock_step in [false, true] {
        let mut rig = dry(one_at_a_time(lock_step));
        let file = rig.store("f");
        let mut sent = rig.sent();
        while sent.last().map(String::as_str) != Some("NLST") {
            assert!(sent.len() < 5 && !sent.iter().any(|line| line.contains("STOR")));
            rig.reply(match sent.last().map(String::as_str) {
                Some("TYPE I") => "200 binary\r\n",
                _ => "229 (|||2000|)\r\n",
            });
            sent.extend(rig.sent());
        }
        if !lock_step {
            assert_eq!(sent, ["TYPE I", "EPSV", "NLST"]);
            rig.reply("200 binary\r\n229 (|||2000|)\r\n");
        }
        rig.reply("150 wait\r\n").reply("425 resume first\r\n");
        assert!(rig.sent().is_empty(), "the tickets are still to come");
        rig.tickets(Tickets::Left(2))
            .flow_finished(0, DataEnd::CloseNotify);
        assert_eq!(rig.sent(), ["EPSV"]);
        rig.reply("229 (|||2001|)\r\n");
        assert_eq!(rig.sent(), ["STOR f"]);
        rig.reply("150 go\r\n")
            .flow_finished(9, DataEnd::CloseNotify);
        rig.reply("226 done\r\n");
        assert_eq!(rig.done(file).proof, Proof::CleanEnd);
        let spent = Note::TicketsSpent;
        let renewed = Note::TicketsRenewed(Tickets::Left(2));
        assert!(rig.notes().contains(&spent) && rig.notes().contains(&renewed));
        // And as often as it takes.
        rig.tickets(Tickets::None);
        rig.store("g");
        assert!(rig.sent().iter().any(|line| line == "EPSV"));
        assert_eq!(rig.notes().iter().filter(|note| **note == spent).count(), 2);
    }
}

#[test]
fn a_listing_that_brings_nothing_or_is_not_refused_is_not_repeated() {
    for (end, tickets) in [
        ("425 no\r\n", Tickets::None),
        ("522 no\r\n", Tickets::None),
        ("226 done\r\n", Tickets::None),
        ("226 done\r\n", Tickets::Left(2)),
    ] {
        let mut rig = dry(Config::default());
        let file = rig.store("f");
        rig.reply("200 binary\r\n229 (|||2000|)\r\n150 wait\r\n")
            .reply(end)
            .tickets(tickets)
            .flow_finished(3, DataEnd::CloseNotify);
        assert_eq!(rig.sent(), ["TYPE I", "EPSV", "NLST", "EPSV"]);
        rig.tickets(Tickets::None);
        rig.reply("229 (|||2001|)\r\n").reply("150 go\r\n");
        rig.flow_finished(9, DataEnd::CloseNotify)
            .reply("226 done\r\n");
        rig.done(file);
        rig.sent();
        rig.store("g");
        assert_eq!(rig.sent(), ["EPSV"]);
        rig.reply("229 (|||2002|)\r\n");
        assert_eq!(rig.sent(), ["STOR g"], "after {end} with {tickets:?}");
    }
}

/// One upload; `resumes` says whether its data connection does, which this server wants. True if there was a listing in front of it.
fn stored(rig: &mut Rig, resumes: bool) -> bool {
    let file = rig.store("f");
    let mut sent = rig.sent();
    if sent.first().is_some_and(|line| line == "TYPE I") {
        rig.reply("200 binary\r\n");
        sent.remove(0);
    }
    let lists = sent.contains(&"NLST".to_owned());
    if lists {
        rig.reply("229 (|||2000|)\r\n150 wait\r\n")
            .reply("425 resume first\r\n")
            .tickets(Tickets::Left(1))
            .flow_finished(0, DataEnd::CloseNotify);
        assert_eq!(rig.sent(), ["EPSV"]);
    }
    rig.auto_data = resumes;
    if !resumes {
        rig.tickets(Tickets::None);
    }
    rig.reply("229 (|||2001|)\r\n");
    if !resumes {
        rig.data_connected();
        rig.data_secured_afresh();
    }
    assert_eq!(rig.sent(), ["STOR f"]);
    rig.reply("150 go\r\n");
    rig.tickets(Tickets::None);
    rig.flow_finished(9, DataEnd::CloseNotify);
    if resumes {
        rig.reply("226 done\r\n");
        rig.done(file);
    } else {
        rig.reply("522 resume first\r\n");
        assert_eq!(rig.failed(file), FailureKind::SessionReuseRequired);
    }
    rig.auto_data = true;
    lists
}

#[test]
fn listings_whose_tickets_resume_nothing_come_to_an_end() {
    for limit in [0, 1, 3] {
        let mut config = Config::default();
        config.limits.renewals = limit;
        let mut rig = dry(config);
        for upload in 0..5 {
            assert_eq!(stored(&mut rig, false), upload < limit, "upload {upload}");
        }
        // One that resumes makes them worth it again.
        rig.tickets(Tickets::Left(1));
        assert!(!stored(&mut rig, true));
        for upload in 0..5 {
            assert_eq!(stored(&mut rig, false), upload < limit, "upload {upload}");
        }
    }
}

/// Answers what a transfer begins with, as far as the data connection.
fn set_up(rig: &mut Rig) {
    let sent = rig.sent();
    let answers = sent.iter().map(|line| match line.get(..4) {
        Some("TYPE") => "200 I\r\n",
        Some("SIZE") => "213 3\r\n",
        Some("EPSV") => "229 (|||2121|)\r\n",
        _ => "",
    });
    rig.reply(&answers.collect::<String>()).data_connected();
}

/// A download over a data connection that resumes nothing, and the reply that ends it.
fn fresh(rig: &mut Rig, end: &str) {
    rig.auto_data = false;
    let file = rig.retrieve("f");
    set_up(rig);
    rig.data_secured_afresh();
    rig.reply("150 ok\r\n")
        .flow_finished(3, DataEnd::CloseNotify)
        .reply(end);
    match end.starts_with('2') {
        true => assert_eq!(rig.done(file).bytes, 3),
        false => assert_eq!(rig.failed(file), FailureKind::SessionReuseRequired),
    }
}

/// Whether the handshake of an upload begins before the server has said that it takes the file.
fn begins_at_once(rig: &mut Rig) -> bool {
    rig.forget();
    let file = rig.store("f");
    set_up(rig);
    let begins = rig.did(Act::SecureData);
    rig.reply("150 go\r\n").data_secured();
    rig.flow_finished(9, DataEnd::CloseNotify)
        .reply("226 done\r\n");
    rig.done(file);
    begins
}

/// Resuming is all that tickets are good for: a server that has confirmed a transfer whose data connection resumed nothing wants none.
#[test]
fn where_the_server_is_content_without_a_ticket_the_last_one_need_not_be_spared() {
    for (end, content) in [("522 resume first\r\n", false), ("226 done\r\n", true)] {
        let mut rig = Rig::secure(Config::default());
        rig.tickets(Tickets::None);
        fresh(&mut rig, end);
        for _ in 0..2 {
            rig.tickets(Tickets::Left(1));
            assert_eq!(begins_at_once(&mut rig), content, "{end}");
        }
        if content {
            // Nor are there listings that would bring new ones.
            rig.tickets(Tickets::None);
            assert!(begins_at_once(&mut rig));
        }
    }
}

#[test]
fn a_listing_that_is_taken_without_a_ticket_shows_that_none_is_needed() {
    let mut rig = dry(Config::default());
    rig.auto_data = false;
    let file = rig.store("f");
    set_up(&mut rig);
    rig.data_secured_afresh();
    rig.reply("150 wait\r\n")
        .tickets(Tickets::Left(1))
        .flow_finished(3, DataEnd::CloseNotify)
        .reply("226 done\r\n");
    rig.forget();
    rig.reply("229 (|||2001|)\r\n").data_connected();
    assert!(rig.did(Act::SecureData), "nothing is spared");
    rig.reply("150 go\r\n").data_secured();
    rig.flow_finished(9, DataEnd::CloseNotify)
        .reply("226 done\r\n");
    rig.done(file);
}

#[test]
fn a_refused_set_up_of_the_listing_leaves_the_upload_to_the_server() {
    let mut config = Config::default();
    config.data_modes =
        ftp_proto::client::DataModes::new(&[ftp_proto::client::DataMode::Epsv]).unwrap();
    let mut rig = dry(config);
    let file = rig.store("f");
    rig.reply("200 binary\r\n500 no\r\n500 no\r\n");
    rig.sent();
    rig.reply("229 (|||2001|)\r\n");
    assert_eq!(rig.sent(), ["STOR f"]);
    rig.reply("150 go\r\n")
        .flow_finished(9, DataEnd::CloseNotify);
    rig.reply("226 done\r\n");
    rig.done(file);
}

#[test]
fn nothing_is_listed_where_nothing_was_resumed_or_the_caller_says_so() {
    let mut never_resumed = secure();
    never_resumed.tickets(Tickets::None);
    download(&mut never_resumed, "a");
    let mut config = Config::default();
    config.spent_tickets = SpentTickets::GoOn;
    let mut told_so = dry(config);
    let mut unlimited = dry(Config::default());
    unlimited.tickets(Tickets::Unlimited);
    for rig in [&mut never_resumed, &mut told_so, &mut unlimited] {
        rig.store("f");
        if rig.sent().iter().any(|line| line == "TYPE I") {
            rig.reply("200 binary\r\n");
        }
        rig.reply("229 (|||2001|)\r\n");
        assert_eq!(rig.sent(), ["STOR f"]);
    }
}

#[test]
fn an_abort_during_the_listing_means_the_upload() {
    let mut rig = dry(Config::default());
    let file = rig.store("f");
    rig.reply("200 binary\r\n229 (|||2000|)\r\n150 wait\r\n");
    let abort = rig.ask(|client, now| client.abort(now));
    rig.reply("426 cut\r\n").reply("226 aborted\r\n");
    rig.done(abort);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 0 });
    assert!(!rig.sent().iter().any(|line| line.contains("STOR")));
    rig.ask(|client, now| client.noop(now));
    assert_eq!(rig.sent(), ["NOOP"]);
}

/// Nobody waits for the listing: it may be answered by anything.
#[test]
fn an_aborted_listing_is_answered_by_anything() {
    let mut rig = dry(Config::default());
    let file = rig.store("f");
    rig.reply("200 binary\r\n229 (|||2000|)\r\n150 wait\r\n");
    let abort = rig.ask(|client, now| client.abort(now));
    rig.reply("350 what\r\n");
    assert!(!rig.is_closed());
    rig.done(abort);
    assert_eq!(rig.failed(file), FailureKind::Aborted { bytes: 0 });
}

#[test]
fn a_session_that_ends_during_the_listing_ends_the_upload_for_that_reason() {
    let mut rig = dry(Config::default());
    let file = rig.store("f");
    rig.reply("200 binary\r\n229 (|||2000|)\r\n150 wait\r\n")
        .eof();
    assert_eq!(rig.failed(file), FailureKind::ControlClosed);
    assert!(rig.is_closed());
}

#[test]
fn a_data_connection_that_resumed_nothing_and_is_refused_is_no_empty_file() {
    for (reply, about_reuse) in [
        ("425 no\r\n", true),
        ("522 no\r\n", true),
        ("450 no\r\n", false),
    ] {
        let mut rig = Rig::secure(Config::default());
        let listing = rig.ask(|client, now| client.list(now, None));
        rig.reply("229 (|||2000|)\r\n").data_connected();
        rig.reply("150 wait\r\n");
        rig.data_secured_afresh();
        rig.flow_finished(0, DataEnd::CloseNotify).reply(reply);
        let kind = rig.failed(listing);
        assert_eq!(kind == FailureKind::SessionReuseRequired, about_reuse);
    }
}

#[test]
fn an_abort_during_the_listing_means_the_transfer_behind_it_and_not_the_one_before() {
    let mut rig = dry(Config::default());
    let first = rig.store("f");
    let second = rig.store("g");
    // The listing of the first one.
    rig.reply("200 binary\r\n229 (|||2000|)\r\n150 wait\r\n")
        .reply("425 resume first\r\n")
        .tickets(Tickets::Left(1))
        .flow_finished(0, DataEnd::CloseNotify);
    rig.reply("229 (|||2001|)\r\n")
        .reply("150 go\r\n")
        .tickets(Tickets::None);
    rig.sent();
    rig.flow_finished(9, DataEnd::CloseNotify);
    assert_eq!(rig.sent(), ["EPSV", "NLST"], "while STOR is unconfirmed");
    let abort = rig.ask(|client, now| client.abort(now));
    assert_eq!(rig.sent(), ["ABOR"]);
    rig.reply("226 stored\r\n");
    assert_eq!(rig.done(first).bytes, 9);
    rig.reply("229 (|||2002|)\r\n425 no\r\n226 aborted\r\n")
        .barrier();
    rig.done(abort);
    assert_eq!(rig.failed(second), FailureKind::Aborted { bytes: 0 });
    let third = rig.store("h");
    assert_eq!(rig.sent(), ["EPSV"]);
    rig.reply("229 (|||2003|)\r\n");
    assert_eq!(rig.sent(), ["NLST"]);
    assert_eq!(rig.result(third), None);
}
