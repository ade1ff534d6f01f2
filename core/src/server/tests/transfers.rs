//! Transfers: the join of data connection, storage and replies (RFC 959 sections 4.1.3 and 5.4, RFC 3659).

use alloc::vec::Vec;
use core::time::Duration;

use super::bench::{Bench, now, stored};
use crate::order::{DataEnd, DataId, Direction, Fault, FlowEnd};
use crate::server::{
    Access, Closing, Ending, Entry, Form, Input, Kind, Question, Refused, Rights, Timer, WriteMode,
};

fn binary() -> Bench {
    let mut bench = Bench::in_clear();
    bench.expect("TYPE I", &[200]);
    bench
}

#[test]
fn rfc_959_section_5_4_a_download() {
    let mut bench = binary();
    bench.pasv();
    assert_eq!(
        bench.text("RETR /file", 150),
        "Data connection for a transfer (10 bytes)"
    );
    assert!(bench.desk.flow.is_none());
    bench.client_connects();
    bench.flow(Direction::Send, 10, DataEnd::Fin);
    assert_eq!(bench.codes(), [226]);
    assert_eq!(bench.endings, [(Ending::Done, 10)]);
    // The setting is used up.
    bench.expect("RETR /file", &[425]);
}

#[test]
fn rfc_959_section_4_2_1_125_when_the_data_connection_is_there() {
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    assert!(bench.desk.flow.is_none());
    bench.expect("RETR /file", &[125]);
    assert!(bench.desk.flow.is_some());
}

#[test]
fn rfc_959_section_5_4_active_mode_connects_behind_the_preliminary_reply() {
    let mut bench = binary();
    bench.expect("PORT 192,0,2,7,195,80", &[200]);
    assert!(bench.desk.connect.is_none());
    bench.expect("STOR /new", &[150]);
    let (order, _) = bench.connect();
    bench.handle(Input::Report(order.connected()));
    bench.flow(Direction::Receive, 3, DataEnd::Fin);
    assert_eq!(bench.codes(), [226]);
    assert_eq!(bench.endings, [(Ending::Commit, 3)]);
}

#[test]
fn is_26_rfc_959_section_5_4_an_upload_is_confirmed_when_it_is_safe() {
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    bench.expect("STOR /new", &[125]);
    bench.answers = false;
    bench.flow(Direction::Receive, 3, DataEnd::Fin);
    assert!(bench.codes().is_empty());
    bench.expect("NOOP", &[]);
    let question = bench.asked.pop_front().unwrap();
    bench.handle(Input::Answer(question.refused(Refused::NoSpace)));
    assert_eq!(bench.codes(), [452, 200]);
}

#[test]
fn is_25_an_upload_that_was_cut_is_not_committed() {
    for end in [
        DataEnd::Failed(Fault::Reset),
        DataEnd::Failed(Fault::TimedOut),
    ] {
        let mut bench = binary();
        bench.pasv();
        bench.client_connects();
        bench.expect("STOR /new", &[125]);
        bench.flow(Direction::Receive, 3, end);
        assert_eq!(bench.codes(), [426]);
        assert_eq!(bench.endings, [(Ending::Abort, 3)]);
    }
}

#[test]
fn rfc_959_section_4_2_1_the_codes_of_a_storage_that_fails() {
    let mut bench = binary();
    for (line, code) in [
        ("RETR /nothing", 550),
        ("RETR /dir", 550),
        ("RETR /", 550),
        ("RETR /busy", 450),
        ("STOR /full", 452),
        ("STOR /dir", 553),
        ("STOR /", 553),
        ("LIST /nothing", 550),
        ("MLSD /file", 501),
        ("MLSD /nothing", 550),
    ] {
        bench.pasv();
        bench.client_connects();
        bench.expect(line, &[code]);
        // What was set up is gone.
        assert!(bench.desk.is_empty());
        bench.expect("RETR /file", &[425]);
    }
    assert_eq!(bench.opened, 0);
    assert!(bench.endings.is_empty());
}

#[test]
fn a_storage_that_fails_in_mid_transfer_says_why() {
    for (why, code) in [
        (None, 451),
        (Some(Refused::Io), 451),
        (Some(Refused::NoSpace), 452),
        (Some(Refused::Quota), 552),
    ] {
        let mut bench = binary();
        bench.pasv();
        bench.client_connects();
        bench.expect("STOR /new", &[125]);
        bench.answers = false;
        bench.flow(Direction::Receive, 3, DataEnd::Local);
        let Some(Question::Close(question)) = bench.asked.pop_front() else {
            panic!("the storage is asked to close");
        };
        assert_eq!(question.ending(), Ending::Abort);
        bench.handle(Input::Answer(match why {
            Some(why) => question.refused(why),
            None => question.done(),
        }));
        assert_eq!(bench.codes(), [code]);
    }
}

#[test]
fn a_download_the_client_breaks_off_is_426() {
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    let order = bench.desk.flow.take().unwrap();
    bench.handle(Input::Report(order.finished(FlowEnd {
        bytes: 4,
        source_ended: false,
        end: DataEnd::Fin,
    })));
    assert_eq!(bench.codes(), [426]);
    assert_eq!(bench.endings, [(Ending::Abort, 4)]);
}

#[test]
fn a_client_that_does_not_close_is_closed() {
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    let order = bench.desk.flow.as_ref().unwrap();
    let data = order.data();
    bench.handle(Input::Progress(data, 10));
    bench.handle(Input::SourceEnded(data));
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.codes(), [226]);
    assert_eq!(bench.data_closed, [data]);
    assert_eq!(bench.endings, [(Ending::Done, 10)]);
}

#[test]
fn is_29_a_transfer_that_stands_still_ends_and_one_that_moves_does_not() {
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    bench.expect("STOR /new", &[125]);
    let data = bench.desk.flow.as_ref().unwrap().data();
    for bytes in 1..20 {
        bench.pass(Duration::from_secs(100));
        bench.handle(Input::Progress(data, bytes));
    }
    // Far beyond the idle time, which does not count during a transfer.
    assert!(bench.codes().is_empty());
    bench.handle(Input::Progress(data, 19));
    bench.pass(Duration::from_secs(120));
    assert_eq!(bench.codes(), [426]);
    assert_eq!(bench.endings, [(Ending::Abort, 19)]);
    bench.pass(Duration::from_secs(300));
    assert_eq!(bench.closed, Some(Closing::TimedOut(Timer::Idle)));
}

/// Of a data connection that is none of its own, or was given up, a transfer hears nothing; nor does what has not moved count.
#[test]
fn is_29_only_payload_that_moves_puts_the_end_of_a_transfer_off() {
    let mut bench = transferring("STOR /new");
    let data = bench.desk.flow.as_ref().unwrap().data();
    let stall = bench.server.config().limits.stall_wait;
    let until = bench.server.deadline();
    assert_eq!(until, Some(bench.now + stall));
    bench.pass(Duration::from_secs(100));
    bench.handle(Input::Progress(DataId(data.0 + 1), 7));
    bench.handle(Input::Progress(data, 0));
    assert_eq!(bench.server.deadline(), until);
    bench.handle(Input::Progress(data, 7));
    let until = Some(bench.now + stall);
    assert_eq!(bench.server.deadline(), until);
    bench.pass(Duration::from_secs(1));
    bench.handle(Input::Progress(data, 7));
    assert_eq!(bench.server.deadline(), until);
}

#[test]
fn before_its_data_connection_is_up_a_transfer_has_moved_nothing() {
    let mut bench = binary();
    bench.pasv();
    bench.expect("RETR /file", &[150]);
    let data = bench.desk.accept.as_ref().unwrap().data();
    let until = bench.server.deadline();
    bench.handle(Input::Progress(data, 5));
    bench.handle(Input::SourceEnded(data));
    assert_eq!(bench.server.deadline(), until);
    bench.pass(Duration::from_secs(300));
    assert_eq!(bench.codes(), [425]);
    assert_eq!(bench.endings, [(Ending::Abort, 0)]);
}

/// What is left of a download is the client's close. An upload has no source here.
#[test]
fn only_a_download_is_over_when_its_source_is() {
    for (line, is_other) in [("RETR /file", true), ("STOR /new", false)] {
        let mut bench = transferring(line);
        let data = bench.desk.flow.as_ref().unwrap().data();
        let until = bench.server.deadline();
        bench.handle(Input::SourceEnded(DataId(data.0 + u32::from(is_other))));
        assert_eq!(bench.server.deadline(), until, "{line}");
    }
}

#[test]
fn what_only_looks_like_abor_aborts_nothing() {
    let mut bench = transferring("RETR /file");
    bench.raw(b"ABOR \0\r\nABORT\r\n");
    assert!(bench.codes().is_empty());
    bench.flow(Direction::Send, 10, DataEnd::Fin);
    assert_eq!(bench.codes(), [226, 501, 500]);
    bench.expect("ABOR", &[225]);
}

// ---- REST and RANG

fn asked_to_read(bench: &mut Bench) -> (u64, Option<u64>) {
    bench.answers = false;
    bench.pasv();
    assert!(bench.send("RETR /file").is_empty());
    let Some(Question::OpenRead(question)) = bench.asked.pop_front() else {
        panic!("RETR asks to read");
    };
    let asked = (question.offset(), question.length());
    bench.handle(Input::Answer(question.refused(Refused::Io)));
    assert_eq!(bench.codes(), [451]);
    bench.answers = true;
    asked
}

#[test]
fn is_14_rfc_3659_section_5_3_rest_is_for_the_next_transfer_only() {
    let mut bench = binary();
    bench.expect("REST 4", &[350]);
    assert_eq!(asked_to_read(&mut bench), (4, None));
    assert_eq!(asked_to_read(&mut bench), (0, None));
    for (between, kept) in [
        ("NOOP", true),
        ("TYPE I", true),
        ("TYPE X", true),
        ("RETR", false),
        ("PORT 192,0,2,7,195,80", true),
        ("PWD", false),
        ("FROB", false),
        ("REST 0", false),
        ("CWD /dir", false),
        ("SIZE /file", false),
        ("STAT", false),
        ("RANG 1 0", false),
    ] {
        bench.expect("REST 4", &[350]);
        bench.send(between);
        bench.codes();
        let offset = if kept { 4 } else { 0 };
        assert_eq!(asked_to_read(&mut bench), (offset, None), "{between}");
    }
    bench.expect("RANG 2 5", &[350]);
    assert_eq!(asked_to_read(&mut bench), (2, Some(4)));
    // LIST takes it back and lists all.
    bench.expect("REST 4", &[350]);
    bench.pasv();
    bench.expect("LIST", &[150]);
    bench.expect("ABOR", &[426, 226]);
    assert_eq!(asked_to_read(&mut bench), (0, None));
}

#[test]
fn rfc_3659_section_5_3_whether_the_file_is_that_long_shows_at_the_transfer() {
    let mut bench = binary();
    bench.expect("REST 10", &[350]);
    bench.pasv();
    assert!(bench.text("RETR /file", 150).contains("(0 bytes)"));
    bench.client_connects();
    bench.flow(Direction::Send, 0, DataEnd::Fin);
    assert_eq!(bench.codes(), [226]);
    bench.expect("REST 11", &[350]);
    bench.pasv();
    bench.expect("RETR /file", &[554]);
    assert_eq!(bench.endings.last(), Some(&(Ending::Abort, 0)));
    for (line, code) in [
        ("REST x y", 501),
        ("REST -1", 501),
        ("REST 18446744073709551616", 501),
        ("REST 9223372036854775808", 501),
        ("REST 9223372036854775807", 350),
        ("REST", 501),
    ] {
        bench.expect(line, &[code]);
    }
    bench.expect("TYPE A", &[200]);
    bench.expect("REST 5", &[501]);
    bench.expect("REST 0", &[350]);
}

#[test]
fn restarts_of_uploads() {
    let mut bench = binary();
    bench.expect("REST 4", &[350]);
    bench.pasv();
    bench.expect("APPE /new", &[503]);
    bench.expect("REST 4", &[350]);
    bench.expect("STOU", &[503]);
    bench.expect("RANG 1 2", &[350]);
    bench.pasv();
    bench.expect("STOR /new", &[552]);
    bench.answers = false;
    for (before, line, mode) in [
        (Some("REST 4"), "STOR /new", WriteMode::At(4)),
        (Some("REST 0"), "STOR /new", WriteMode::Replace),
        (None, "APPE /new", WriteMode::Append),
        (None, "STOU hint", WriteMode::Unique),
    ] {
        if let Some(before) = before {
            bench.expect(before, &[350]);
        }
        bench.expect("ALLO 99", &[202]);
        if let Some(before) = before {
            bench.expect(before, &[350]);
        }
        bench.pasv();
        bench.send(line);
        let Some(Question::OpenWrite(question)) = bench.asked.pop_front() else {
            panic!("{line} asks to write");
        };
        assert_eq!(question.mode(), mode);
        assert_eq!(question.announced(), Some(99));
        bench.handle(Input::Answer(question.refused(Refused::Quota)));
        assert_eq!(bench.codes(), [552]);
    }
}

/// Whether it is there, and may be changed then, only the storage knows.
#[test]
fn the_storage_is_told_what_the_user_may_do_to_a_file() {
    let all = Rights::ALL;
    for (rights, line, may_create, may_change) in [
        (all, "STOR /new", true, true),
        (all.without(Access::Create), "STOR /new", false, true),
        (all.without(Access::Overwrite), "STOR /new", true, false),
        (all.without(Access::Append), "APPE /new", true, false),
        (all.without(Access::Overwrite), "APPE /new", true, true),
        // Under a new name nothing that is there is changed.
        (all, "STOU", true, false),
    ] {
        for (kind, ascii) in [("TYPE I", false), ("TYPE A", true)] {
            let mut bench = Bench::clear();
            bench.expect("", &[220]);
            bench.rights = rights;
            bench.log_in();
            bench.expect(kind, &[200]);
            bench.pasv();
            bench.answers = false;
            bench.send(line);
            let Some(Question::OpenWrite(question)) = bench.asked.pop_front() else {
                panic!("{line} asks to write");
            };
            let may = (question.may_create(), question.may_change());
            assert_eq!(may, (may_create, may_change), "{line}, {rights:?}");
            assert_eq!(question.ascii(), ascii, "{line}");
        }
    }
}

#[test]
fn a_transfer_without_the_right_to_it_uses_its_data_connection_up() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.rights = Rights::ALL
        .without(Access::Read)
        .without(Access::List)
        .without(Access::Create)
        .without(Access::Overwrite);
    bench.log_in();
    for (line, code) in [("RETR /file", 550), ("LIST", 550), ("STOR /new", 553)] {
        bench.pasv();
        bench.client_connects();
        bench.expect(line, &[code]);
        assert_eq!(bench.data_closed.len(), 1, "{line}");
        bench.data_closed.clear();
        bench.expect(line, &[425]);
    }
}

#[test]
fn rfc_1123_section_4_1_2_9_stou_names_the_file() {
    let mut bench = binary();
    bench.pasv();
    assert_eq!(bench.text("STOU", 150), "FILE: file.1");
    bench.client_connects();
    bench.flow(Direction::Receive, 0, DataEnd::Fin);
    assert_eq!(bench.codes(), [226]);
}

// ---- listings

#[test]
fn rfc_959_section_4_1_3_listings() {
    let mut bench = binary();
    bench.answers = false;
    for (line, path, form, named) in [
        ("LIST", "/", Form::Long, "a.txt"),
        ("LIST -la", "/", Form::Long, "a.txt"),
        ("LIST -l dir", "/dir", Form::Long, "a.txt"),
        ("NLST dir", "/dir", Form::Names, "dir/a.txt"),
        ("NLST dir/*.txt", "/dir", Form::Names, "dir/a.txt"),
        ("MLSD", "/", Form::Facts, "a.txt"),
        // RFC 3659 section 2.2.2: no patterns and no options here.
        ("MLSD *", "/*", Form::Facts, "a.txt"),
        ("MLSD -la", "/-la", Form::Facts, "a.txt"),
    ] {
        bench.pasv();
        bench.client_connects();
        bench.send(line);
        let Some(Question::OpenListing(question)) = bench.asked.pop_front() else {
            panic!("{line} asks to list");
        };
        assert_eq!(question.path().to_bytes(), path.as_bytes(), "{line}");
        let listing = question.listing().clone();
        assert_eq!(listing.form(), form);
        assert_eq!(listing.wants(b"a.zip"), !line.contains(".txt"));
        let mut out = Vec::new();
        assert!(listing.line(&Entry::new(b"a.txt", Kind::File), now(), &mut out));
        assert!(out.ends_with(&[named.as_bytes(), b"\r\n"].concat()));
        bench.handle(Input::Answer(question.opened()));
        assert_eq!(bench.codes(), [125]);
        // The lines have their line ends already.
        assert!(!bench.desk.flow.as_ref().unwrap().ascii());
        bench.flow(Direction::Send, 0, DataEnd::Fin);
        assert_eq!(bench.codes(), [226]);
        bench.asked.clear();
    }
}

#[test]
fn rfc_959_section_3_1_1_1_type_a_is_the_default() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    assert!(bench.desk.flow.as_ref().unwrap().ascii());
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    bench.expect("RETR /file", &[125]);
    assert!(!bench.desk.flow.as_ref().unwrap().ascii());
}

// ---- during a transfer

fn transferring(line: &str) -> Bench {
    let mut bench = binary();
    bench.pasv();
    bench.client_connects();
    bench.expect(line, &[125]);
    bench
}

#[test]
fn is_28_rfc_959_section_4_1_3_abor_is_426_then_226() {
    let mut bench = transferring("RETR /file");
    bench.raw(b"\xFF\xF4\xFF\xF2ABOR\r\n");
    assert_eq!(bench.codes(), [426, 226]);
    assert_eq!(bench.data_closed.len(), 1);
    assert!(bench.desk.is_empty());
    assert_eq!(bench.endings, [(Ending::Abort, 0)]);
    bench.expect("ABOR", &[225]);
    // Before the data connection is there.
    let mut bench = binary();
    bench.pasv();
    bench.expect("STOR /new", &[150]);
    bench.expect("ABOR", &[426, 226]);
    // With a listener alone, and with nothing, and before login.
    bench.pasv();
    bench.expect("ABOR", &[225]);
    assert!(bench.desk.is_empty());
    let mut bench = Bench::clear();
    bench.expect("ABOR", &[220, 225]);
}

#[test]
fn an_abor_that_comes_too_late_is_225() {
    let mut bench = transferring("RETR /file");
    bench.flow(Direction::Send, 10, DataEnd::Fin);
    assert_eq!(bench.codes(), [226]);
    bench.expect("ABOR", &[225]);
    // While an upload is made safe it waits.
    let mut bench = transferring("STOR /new");
    bench.answers = false;
    bench.flow(Direction::Receive, 1, DataEnd::Fin);
    bench.expect("ABOR", &[]);
    let question = bench.asked.pop_front().unwrap();
    let mut opened = 0;
    bench.handle(Input::Answer(stored(question, bench.rights, &mut opened)));
    assert_eq!(bench.codes(), [226, 225]);
}

#[test]
fn an_abor_while_the_storage_opens_closes_what_it_opens() {
    let mut bench = binary();
    bench.answers = false;
    bench.pasv();
    bench.send("RETR /file");
    bench.expect("ABOR", &[]);
    let Some(Question::OpenRead(question)) = bench.asked.pop_front() else {
        panic!("RETR asks to read");
    };
    bench.handle(Input::Answer(question.opened(Some(10))));
    assert_eq!(bench.codes(), [426, 226]);
    assert_eq!(bench.endings, [(Ending::Abort, 0)]);
}

#[test]
fn abor_aborts_what_waits_in_front_of_it_and_replies_stay_in_order() {
    let mut bench = transferring("RETR /file");
    bench.raw(b"PWD\r\nRETR /file\r\nABOR\r\nNOOP\r\n");
    assert_eq!(bench.codes(), [426, 257, 426, 226, 200]);
}

#[test]
fn rfc_1123_section_4_1_3_3_stat_and_noop_are_answered_during_a_transfer() {
    let mut bench = transferring("RETR /file");
    let data = bench.desk.flow.as_ref().unwrap().data();
    bench.handle(Input::Progress(data, 7));
    assert!(bench.text("STAT", 211).contains("RETR: 7 bytes"));
    bench.expect("NOOP", &[200]);
    // The rest waits, in order.
    bench.expect("PWD", &[]);
    bench.expect("NOOP", &[]);
    bench.expect("STAT /dir", &[]);
    bench.flow(Direction::Send, 10, DataEnd::Fin);
    assert_eq!(bench.codes(), [226, 257, 200, 212]);
}

#[test]
fn rfc_959_section_4_1_1_quit_waits_for_the_transfer() {
    let mut bench = transferring("RETR /file");
    bench.expect("QUIT", &[]);
    assert!(bench.closed.is_none());
    bench.flow(Direction::Send, 10, DataEnd::Fin);
    assert_eq!(bench.codes(), [226, 221]);
    assert_eq!(bench.closed, Some(Closing::Quit));
}

#[test]
fn rfc_959_section_4_1_1_a_lost_control_connection_is_abor_and_quit() {
    for input in [Input::ControlEof, Input::ControlFailed(Fault::Reset)] {
        let mut bench = transferring("STOR /new");
        bench.handle(input);
        assert_eq!(bench.data_closed.len(), 1);
        assert!(bench.desk.is_empty() && bench.control_closed);
        assert_eq!(bench.endings, [(Ending::Abort, 0)]);
        assert_eq!(bench.server.deadline(), None);
    }
}

#[test]
fn is_34_what_is_opened_behind_the_end_is_closed() {
    let mut bench = binary();
    bench.answers = false;
    bench.pasv();
    bench.send("RETR /file");
    bench.handle(Input::ControlEof);
    let Some(Question::OpenRead(question)) = bench.asked.pop_front() else {
        panic!("RETR asks to read");
    };
    bench.handle(Input::Answer(question.opened(None)));
    assert_eq!(bench.endings, [(Ending::Abort, 0)]);
}

/// An offset counts octets as they are stored; what travels in TYPE A has others (RFC 3659 section 5.2).
#[test]
fn a_restart_point_means_nothing_once_the_type_is_ascii() {
    let mut bench = binary();
    for line in ["RETR f", "STOR f"] {
        bench.expect("TYPE I", &[200]);
        bench.expect("REST 5", &[350]);
        bench.expect("TYPE A", &[200]);
        bench.pasv();
        bench.expect(line, &[554]);
        // It is spent, and so is the data connection.
        bench.expect(line, &[425]);
    }
}

/// What it has in octets is not what travels where line ends are converted.
#[test]
fn rfc_959_section_3_1_1_1_the_size_of_a_text_is_not_told() {
    let mut bench = Bench::in_clear();
    bench.pasv();
    assert_eq!(
        bench.text("RETR /file", 150),
        "Data connection for a transfer"
    );
}
