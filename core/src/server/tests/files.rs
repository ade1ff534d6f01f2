//! What needs the storage but no data connection (RFC 959 section 4.1, RFC 3659).

use super::bench::Bench;
use crate::server::{
    Config, Entry, HashAlgorithm, Input, Kind, Question, Refused, Rights, Security,
};
use crate::wire::command::Verb;

fn open() -> Config {
    Config::new(Security::clear())
}

#[test]
fn rfc_959_section_4_1_1_the_working_directory() {
    let mut bench = Bench::in_clear();
    assert_eq!(bench.text("PWD", 257), "\"/\" is the working directory");
    bench.expect("CWD dir", &[250]);
    assert_eq!(bench.text("XPWD", 257), "\"/dir\" is the working directory");
    bench.expect("CWD nowhere", &[550]);
    bench.expect("CWD /file", &[550]);
    bench.expect("CDUP", &[250]);
    bench.expect("CDUP", &[250]);
    assert_eq!(bench.text("PWD", 257), "\"/\" is the working directory");
    bench.expect("XCWD /dir/../dir/.", &[250]);
    assert_eq!(bench.text("PWD", 257), "\"/dir\" is the working directory");
    bench.expect("XCUP", &[250]);
}

#[test]
fn rfc_959_appendix_ii_257_is_absolute_and_doubles_quotes() {
    let mut bench = Bench::in_clear();
    bench.expect("CWD dir", &[250]);
    assert_eq!(
        bench.text("MKD a \"b\"", 257),
        "\"/dir/a \"\"b\"\"\" is made"
    );
    bench.expect("MKD /dir", &[550]);
    bench.expect("MKD /", &[550]);
    bench.expect("RMD /dir", &[250]);
    bench.expect("RMD /file", &[550]);
    bench.expect("RMD /", &[550]);
    bench.expect("XMKD x", &[257]);
    bench.expect("XRMD /dir", &[250]);
}

#[test]
fn rfc_3659_section_2_2_spaces_belong_to_names() {
    let mut bench = Bench::in_clear();
    assert_eq!(bench.text("MKD   a ", 257), "\"/  a \" is made");
    bench.answers = false;
    bench.send("DELE a ");
    let Some(Question::Delete(question)) = bench.asked.pop_front() else {
        panic!("DELE asks to delete");
    };
    assert_eq!(question.path().to_bytes(), b"/a ");
}

#[test]
fn rfc_959_section_4_1_3_delete_and_rename() {
    let mut bench = Bench::in_clear();
    bench.expect("DELE /file", &[250]);
    bench.expect("DELE /dir", &[550]);
    bench.expect("DELE nothing", &[550]);
    bench.expect("DELE busy", &[450]);
    bench.expect("RNTO x", &[503]);
    bench.expect("RNFR nothing", &[550]);
    bench.expect("RNTO x", &[503]);
    bench.expect("RNFR busy", &[450]);
    bench.expect("RNFR file", &[350]);
    bench.expect("RNTO x", &[250]);
    bench.expect("RNTO x", &[503]);
    bench.expect("RNFR file", &[350]);
    bench.expect("RNTO /", &[553]);
    bench.expect("RNTO x", &[503]);
}

#[test]
fn is_15_every_verb_but_noop_stat_and_help_takes_rnfr_back() {
    for verb in Verb::ALL {
        if matches!(verb, Verb::Quit | Verb::Rein | Verb::Rnfr | Verb::Rnto) {
            continue;
        }
        let mut bench = Bench::in_clear();
        bench.expect("RNFR file", &[350]);
        bench.send(verb.as_str());
        let kept = matches!(verb, Verb::Noop | Verb::Stat | Verb::Help);
        if bench.desk.listen.is_some() {
            bench.listening();
            bench.codes();
        }
        bench.expect("RNTO x", &[if kept { 250 } else { 503 }]);
    }
}

#[test]
fn rfc_3659_section_4_size_is_exact_or_refused() {
    let mut bench = Bench::in_clear();
    bench.expect("SIZE /file", &[550]);
    bench.expect("TYPE I", &[200]);
    assert_eq!(bench.text("SIZE /file", 213), "10");
    bench.expect("SIZE /dir", &[550]);
    bench.expect("SIZE /nothing", &[550]);
    bench.expect("TYPE L 8", &[200]);
    bench.expect("SIZE /file", &[213]);
    bench.expect("TYPE A T", &[200]);
    bench.expect("SIZE /file", &[550]);
}

#[test]
fn rfc_3659_section_3_mdtm_takes_a_name() {
    let mut bench = Bench::in_clear();
    assert_eq!(bench.text("MDTM /file", 213), "20260301120000");
    bench.expect("MDTM /nothing", &[550]);
    bench.expect("MDTM 20200101000000 /file", &[550]);
    let mut config = open();
    config.mdtm_sets_time = true;
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.log_in();
    assert_eq!(
        bench.text("MDTM 20200101000000 /file", 213),
        "Modify=20200101000000; /file"
    );
    bench.expect("MDTM 20209901000000 /file", &[550]);
}

/// A storage that does not know the size or the time of a file: that is no 0 and no 1970.
#[test]
fn rfc_3659_what_the_storage_does_not_know_is_refused() {
    let mut bench = Bench::in_clear();
    bench.expect("TYPE I", &[200]);
    bench.answers = false;
    for line in ["SIZE /odd", "MDTM /odd"] {
        bench.expect(line, &[]);
        let Some(Question::Stat(question)) = bench.asked.pop_front() else {
            panic!("{line} asks for the entry");
        };
        let entry = Entry::new(b"odd", Kind::File);
        bench.handle(Input::Answer(question.entry(entry)));
        assert_eq!(bench.codes(), [550], "{line}");
    }
}

/// The type cdir belongs to a listing: what MLST is asked about is a directory like any other.
#[test]
fn rfc_3659_section_7_5_1_mlst_names_no_directory_as_the_listed_one() {
    let mut bench = Bench::in_clear();
    bench.answers = false;
    bench.expect("MLST /dir", &[]);
    let Some(Question::Stat(question)) = bench.asked.pop_front() else {
        panic!("MLST asks for the entry");
    };
    let entry = Entry::new(b"dir", Kind::Current);
    bench.handle(Input::Answer(question.entry(entry)));
    let (code, text) = bench.said().remove(0);
    assert_eq!(code.value(), 250);
    assert!(text.contains(" type=dir;"), "{text}");
}

#[test]
fn times_and_modes_are_set() {
    let mut bench = Bench::in_clear();
    assert_eq!(
        bench.text("MFMT 20200101000000 file", 213),
        "Modify=20200101000000; /file"
    );
    bench.expect("MFMT 2020 file", &[501]);
    bench.expect("MFMT 20200101000000 nothing", &[550]);
    bench.expect("SITE UTIME 20200101000000 file", &[200]);
    bench.expect("SITE CHMOD 640 file", &[200]);
    bench.expect("SITE CHMOD 999 file", &[501]);
    bench.expect("SITE CHMOD 00000 file", &[501]);
    bench.expect("SITE CHMOD 640", &[501]);
    bench.expect("SITE CHMOD 640 nothing", &[550]);
}

#[test]
fn rfc_3659_section_7_2_mlst() {
    let mut bench = Bench::in_clear();
    assert_eq!(
        bench.text("MLST file", 250),
        "Facts\n type=file;size=10;modify=20260301120000;perm=adfrw; /file\nEnd"
    );
    assert!(bench.text("MLST", 250).contains("type=dir;"));
    bench.expect("MLST nothing", &[550]);
}

#[test]
fn rfc_959_section_4_1_3_stat_of_a_path_lists_on_the_control_connection() {
    let mut bench = Bench::in_clear();
    let text = bench.text("STAT -la /dir", 212);
    let lines: alloc::vec::Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[1].starts_with(" -rw-r--r--") && lines[1].ends_with(" file"));
    // A name that looks like a reply is inside a line, one that holds a line end is left out.
    assert!(lines[2].ends_with(" 213 x"));
    assert_eq!(lines[3], "End");
    bench.expect("STAT /file", &[213]);
    bench.expect("STAT /nothing", &[550]);
    let text = bench.text("STAT", 211);
    assert!(text.contains("TYPE: A; STRU: F; MODE: S") && text.contains("Logged in as alice"));
}

#[test]
fn digests() {
    let mut config = open();
    config.hashes = alloc::vec![HashAlgorithm::Sha256, HashAlgorithm::Crc32];
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.log_in();
    assert_eq!(bench.text("HASH file", 213), "SHA-256 0-9 ab0c /file");
    bench.expect("RANG 2 5", &[551]);
    bench.expect("TYPE I", &[200]);
    bench.expect("RANG 2 5", &[350]);
    assert_eq!(bench.text("HASH file", 213), "SHA-256 2-5 ab0c /file");
    assert_eq!(bench.text("HASH file", 213), "SHA-256 0-9 ab0c /file");
    bench.expect("RANG 5 2", &[501]);
    bench.expect("RANG 1 0", &[350]);
    assert_eq!(bench.text("XCRC \"file\" 0 5", 250), "AB0C");
    assert_eq!(bench.text("XSHA256 file", 250), "ab0c");
    bench.expect("XCRC \"file\" 5 0", &[501]);
    bench.expect("XMD5 file", &[502]);
    let mut bench = Bench::in_clear();
    bench.expect("HASH file", &[502]);
}

/// RFC 959 section 4.1.3: ABOR ends the command before it, also one that only computes.
#[test]
fn abor_ends_a_digest() {
    let mut config = open();
    config.hashes = alloc::vec![HashAlgorithm::Sha256];
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.log_in();
    bench.answers = false;
    bench.expect("HASH file", &[]);
    bench.expect("ABOR", &[450, 226]);
    let Some(Question::Checksum(question)) = bench.asked.pop_front() else {
        panic!("HASH asks for a digest");
    };
    // Its answer is to nobody.
    bench.handle(Input::Answer(question.digest(b"\xab\x0c", 10)));
    bench.expect("NOOP", &[200]);
}

#[test]
fn is_17_a_user_without_rights_has_no_effect() {
    let mut config = open();
    config.hashes = alloc::vec::Vec::from(HashAlgorithm::ALL);
    let mut bench = Bench::with(config);
    bench.expect("", &[220]);
    bench.rights = Rights::NONE;
    bench.log_in();
    bench.answers = false;
    for line in [
        "CWD dir",
        "CDUP",
        "MKD a",
        "RMD a",
        "DELE a",
        "RNFR a",
        "SIZE a",
        "MDTM a",
        "MLST a",
        "MLST",
        "STAT a",
        "MFMT 20200101000000 a",
        "SITE CHMOD 644 a",
        "SITE UTIME 20200101000000 a",
        "HASH a",
        "XCRC a",
        "RETR a",
        "STOR a",
        "APPE a",
        "STOU a",
        "STOU",
        "LIST",
        "NLST a",
        "MLSD",
        "REST 5",
        "TYPE I",
    ] {
        bench.pasv();
        bench.client_connects();
        let replies = bench.send(line);
        assert_eq!(replies.len(), 1, "{line}");
        assert!(bench.asked.is_empty(), "{line}");
        assert!(bench.desk.flow.is_none(), "{line}");
    }
}

#[test]
fn the_default_rights_change_nothing() {
    let mut bench = Bench::clear();
    bench.expect("", &[220]);
    bench.rights = Rights::default();
    bench.log_in();
    for (line, code) in [
        ("MKD a", 550),
        ("RMD dir", 550),
        ("DELE file", 550),
        ("RNFR file", 550),
        ("MFMT 20200101000000 file", 550),
        ("SITE CHMOD 644 file", 550),
        ("CWD dir", 250),
        ("MLST /file", 250),
    ] {
        bench.expect(line, &[code]);
    }
    for line in ["STOR a", "APPE a", "STOU"] {
        bench.pasv();
        bench.expect(line, &[553]);
    }
    assert_eq!(bench.opened, 0);
}

#[test]
fn paths_that_are_none_are_501() {
    let mut bench = Bench::in_clear();
    let long = alloc::format!("CWD {}", "a".repeat(5000));
    bench.expect(&long, &[501]);
    let deep = alloc::format!("CWD {}", "a/".repeat(300));
    bench.expect(&deep, &[501]);
    // A listing of none takes its data connection with it.
    for verb in ["LIST", "NLST", "MLSD"] {
        bench.pasv();
        bench.expect(&alloc::format!("{verb} {}", "a/".repeat(300)), &[501]);
        assert!(bench.data_closed.pop().is_some(), "{verb}");
    }
}

#[test]
fn a_late_answer_changes_nothing() {
    let mut bench = Bench::in_clear();
    bench.answers = false;
    bench.send("CWD /dir");
    let question = bench.asked.pop_front().unwrap();
    bench.handle(Input::ControlEof);
    assert!(bench.server.is_closed());
    bench.handle(Input::Answer(question.refused(Refused::Io)));
    assert!(bench.server.directory().is_root() && bench.codes().is_empty());
}
