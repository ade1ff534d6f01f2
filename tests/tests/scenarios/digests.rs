//! HASH, and RANG for it and for downloads (draft-bryan-ftpext-hash, draft-bryan-ftp-range).

use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::{DataEnd, FailureKind, HashOptions, Malformed, Refusal, TransferOptions};

use super::clear;

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA1: &str = "80bc95fd391772fa61c91ed68567f0980bb45fd9";

fn by(algorithm: HashAlgorithm) -> HashOptions {
    HashOptions {
        algorithm: Some(algorithm),
        ..HashOptions::default()
    }
}

fn part(first: u64, last: u64) -> HashOptions {
    HashOptions {
        range: Some((first, last)),
        ..HashOptions::default()
    }
}

fn download_of(offset: u64, length: u64) -> TransferOptions {
    TransferOptions {
        offset,
        length: Some(length),
        size: Some(1000),
        ..TransferOptions::default()
    }
}

#[test]
fn a_digest_by_the_servers_choice_is_type_and_hash() {
    let mut rig = clear();
    let hash = rig.ask(|c, now| c.hash(now, b"f", HashOptions::default()));
    assert_eq!(rig.sent(), ["TYPE I", "HASH f"]);
    rig.reply(&format!("200 ok\r\n213 MD5 0-49 {MD5} f\r\n"));
    let hashed = rig.done(hash);
    assert_eq!(hashed.algorithm, Some(HashAlgorithm::Md5));
    assert_eq!(hashed.range, Some((0, 49)));
    assert_eq!(hashed.digest[..2], [0xd4, 0x1d]);
}

#[test]
fn an_algorithm_is_chosen_once() {
    let mut rig = clear();
    let hash = rig.ask(|c, now| c.hash(now, b"f", by(HashAlgorithm::Md5)));
    assert_eq!(rig.sent(), ["TYPE I", "OPTS HASH MD5"]);
    rig.reply("200 ok\r\n200 MD5\r\n");
    assert_eq!(rig.sent(), ["HASH f"]);
    rig.reply(&format!("213 {MD5}\r\n"));
    // The reply does not name it; its length agrees.
    assert_eq!(rig.done(hash).algorithm, Some(HashAlgorithm::Md5));

    let again = rig.ask(|c, now| c.hash(now, b"g", by(HashAlgorithm::Md5)));
    assert_eq!(rig.sent(), ["HASH g"]);
    rig.reply(&format!("213 MD5 {MD5} g\r\n"));
    rig.done(again);

    // What the application says by itself may be about HASH.
    let own = rig.ask(|c, now| c.options(now, b"HASH SHA-1"));
    rig.reply("200 SHA-1\r\n");
    rig.done(own);
    rig.sent();
    rig.ask(|c, now| c.hash(now, b"h", by(HashAlgorithm::Md5)));
    assert_eq!(rig.sent(), ["OPTS HASH MD5"]);
}

#[test]
fn an_algorithm_the_server_does_not_know_computes_nothing() {
    let mut rig = clear();
    let hash = rig.ask(|c, now| c.hash(now, b"f", by(HashAlgorithm::Sha512)));
    rig.reply("200 ok\r\n501 no such algorithm\r\n");
    assert_eq!(rig.failed(hash), FailureKind::Refused);
    assert!(!rig.sent().contains(&"HASH f".to_owned()));
    let again = rig.ask(|c, now| c.hash(now, b"f", by(HashAlgorithm::Sha512)));
    assert_eq!(rig.sent(), ["OPTS HASH SHA-512"]);
    rig.reply("501 still not\r\n");
    assert_eq!(rig.failed(again), FailureKind::Refused);
}

/// A digest of something else is worse than none.
#[test]
fn a_digest_of_something_else_is_a_failure() {
    for (how, reply) in [
        // Another algorithm, by name and by length.
        (by(HashAlgorithm::Md5), format!("SHA-1 0-9 {SHA1} f")),
        (by(HashAlgorithm::Md5), SHA1.to_owned()),
        // Another part.
        (part(5, 9), format!("MD5 0-9 {MD5} f")),
        (HashOptions::default(), format!("MD5 5-9 {MD5} f")),
        // The range was overlooked, as ProFTPD does.
        (part(0, 9), format!("MD5 0-102400 {MD5} f")),
        // None.
        (HashOptions::default(), "done".to_owned()),
    ] {
        let mut rig = clear();
        let hash = rig.ask(|c, now| c.hash(now, b"f", how));
        rig.reply("200 ok\r\n");
        if how.algorithm.is_some() {
            rig.reply("200 MD5\r\n");
        }
        if how.range.is_some() {
            rig.reply("350 range taken\r\n");
        }
        rig.reply(&format!("213 {reply}\r\n"));
        let failed = rig.failed(hash);
        assert_eq!(failed, FailureKind::Protocol(Malformed::Digest), "{reply}");
    }
}

#[test]
fn a_part_is_hashed_behind_rang() {
    let mut rig = clear();
    let hash = rig.ask(|c, now| c.hash(now, b"f", part(5, 9)));
    assert_eq!(rig.sent(), ["TYPE I"]);
    rig.reply("200 ok\r\n");
    assert_eq!(rig.sent(), ["RANG 5 9"]);
    rig.reply("350 range taken\r\n");
    assert_eq!(rig.sent(), ["HASH f"]);
    rig.reply(&format!("213 MD5 5-9 {MD5} f\r\n"));
    assert_eq!(rig.done(hash).range, Some((5, 9)));
    // Whether the server has taken it up nobody knows: a download might be that part alone.
    rig.ask(|c, now| c.retrieve(now, b"g", TransferOptions::default()));
    let sent = rig.sent();
    assert!(
        !sent.iter().any(|line| line.starts_with("RETR")),
        "{sent:?}"
    );
    rig.reply("213 10\r\n");
    rig.reply("229 ok (|||5000|)\r\n");
    assert_eq!(rig.sent(), ["RANG 1 0"]);
    rig.reply("350 no range\r\n");
    assert_eq!(rig.sent(), ["RETR g"]);
}

#[test]
fn a_range_nobody_took_up_is_taken_back() {
    let mut rig = clear();
    let hash = rig.ask(|c, now| c.hash(now, b"f", part(5, 9)));
    for reply in ["200 ok", "350 range taken", "550 no such file"] {
        rig.reply(&format!("{reply}\r\n"));
    }
    assert_eq!(rig.failed(hash), FailureKind::Refused);
    rig.sent();
    let whole = rig.ask(|c, now| c.hash(now, b"g", HashOptions::default()));
    assert_eq!(rig.sent(), ["RANG 1 0"]);
    rig.reply("350 no range\r\n");
    assert_eq!(rig.sent(), ["HASH g"]);
    rig.reply(&format!("213 MD5 0-9 {MD5} g\r\n"));
    rig.done(whole);
    rig.ask(|c, now| c.retrieve(now, b"g", TransferOptions::default()));
    assert!(!rig.sent().iter().any(|line| line.starts_with("RANG")));
}

#[test]
fn a_part_is_downloaded_behind_rang_and_must_come_whole() {
    for (bytes, ends) in [
        (100, None),
        (
            99,
            Some(FailureKind::Truncated {
                bytes: 99,
                expected: Some(100),
            }),
        ),
        // A server that takes RANG and forgets it.
        (
            900,
            Some(FailureKind::Longer {
                bytes: 900,
                expected: 100,
            }),
        ),
    ] {
        let mut rig = clear();
        let file = rig.ask(|c, now| c.retrieve(now, b"f", download_of(100, 100)));
        rig.reply("200 type\r\n229 ok (|||5000|)\r\n");
        assert_eq!(rig.sent().last().unwrap(), "RANG 100 199");
        rig.reply("350 range taken\r\n");
        assert_eq!(rig.sent().last().unwrap(), "RETR f");
        rig.reply("150 here\r\n");
        rig.flow_finished(bytes, DataEnd::Fin);
        rig.reply("226 done\r\n");
        match ends {
            None => assert_eq!(rig.done(file).bytes, 100),
            Some(failure) => assert_eq!(rig.failed(file), failure),
        }
    }
}

#[test]
fn ranges_that_cannot_be_are_refused() {
    let mut rig = clear();
    let argument = Refusal::Argument(Malformed::Argument);
    for (first, last) in [(5, 4), (0, u64::MAX), (u64::MAX, u64::MAX)] {
        let refused = rig.try_ask(|c, now| c.hash(now, b"f", part(first, last)));
        assert_eq!(refused.unwrap_err(), argument, "{first} {last}");
    }
    for how in [
        download_of(0, 0),
        download_of(901, 100),
        TransferOptions {
            size: None,
            ..download_of(u64::MAX, 1)
        },
        TransferOptions {
            ascii: true,
            ..download_of(0, 1)
        },
    ] {
        let refused = rig.try_ask(|c, now| c.retrieve(now, b"f", how));
        assert_eq!(refused.unwrap_err(), argument, "{how:?}");
    }
    let refused = rig.try_ask(|c, now| c.store(now, b"f", download_of(0, 1)));
    assert_eq!(refused.unwrap_err(), argument);
    // Raw, the machine would not know what the server remembers.
    let refused = rig.try_ask(|c, now| c.command(now, b"RANG 0 5"));
    assert_eq!(refused.unwrap_err(), Refusal::UseTypedMethod);
}

/// The server reads the whole file first.
#[test]
fn a_digest_has_a_time_of_its_own() {
    let mut rig = clear();
    rig.ask(|c, now| c.hash(now, b"f", HashOptions::default()));
    let limits = ftp_proto::Limits::default();
    assert_eq!(rig.patience(), Some(limits.reply_wait));
    rig.reply("200 ok\r\n");
    assert_eq!(rig.patience(), Some(limits.digest_wait));

    let mut rig = clear();
    rig.ask(|c, now| c.command(now, b"XCRC f"));
    assert_eq!(rig.patience(), Some(limits.digest_wait));
}

/// The draft counts both ends in; some servers name the byte behind the last one.
#[test]
fn the_byte_behind_the_part_may_be_named_and_no_other() {
    for (last, taken) in [(9, true), (10, true), (11, false)] {
        let mut rig = clear();
        let hash = rig.ask(|c, now| c.hash(now, b"f", part(5, 9)));
        rig.reply("200 ok\r\n").reply("350 range taken\r\n");
        rig.reply(&format!("213 MD5 5-{last} {MD5} f\r\n"));
        assert_eq!(rig.result(hash).unwrap().is_ok(), taken, "{last}");
    }
}
