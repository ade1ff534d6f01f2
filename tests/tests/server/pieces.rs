//! The pieces in which bytes come.

use std::time::Duration;

use ftp_proto::server::{Config, HashAlgorithm, Input, Security};
use ftp_proto_tests::bench_server::{Bench, Seen, in_clear};
use ftp_proto_tests::pair::Dice;
use ftp_proto_tests::rig::{CANARY, USER};

/// Whole dialogues, as a client says them.
fn transcripts() -> Vec<(&'static str, Config, Vec<u8>)> {
    let login = format!("USER {USER}\r\nPASS {CANARY}\r\n");
    let mut config = in_clear();
    config.hashes = HashAlgorithm::ALL.to_vec();
    config.virtual_hosts = true;
    vec![
        (
            "files",
            config.clone(),
            format!(
                "{login}TYPE I\r\nCWD pub\r\nPWD\r\nSIZE a.txt\r\nMDTM a.txt\r\nMLST a.txt\r\nRNFR a.txt\r\nRNTO z.txt\r\nDELE z.txt\r\n\
                 MKD a \"b\"\r\nRMD a \"b\"\r\nSTAT\r\nHASH b.bin\r\nXCRC \"b.bin\"\r\nCDUP\r\nQUIT\r\n"
            )
            .into_bytes(),
        ),
        (
            "transfers",
            config.clone(),
            format!(
                "{login}TYPE I\r\nEPSV\r\nRETR motd\r\nPASV\r\nSTOR new\r\nEPSV\r\nREST 3\r\nRETR motd\r\nPORT 192,0,2,7,200,1\r\nLIST\r\n\
                 EPRT |1|192.0.2.7|50000|\r\nMLSD pub\r\nEPSV\r\nRETR missing\r\nEPSV\r\nABOR\r\nNLST *\r\nQUIT\r\n"
            )
            .into_bytes(),
        ),
        (
            "nonsense",
            config,
            b"\r\n\n\xFF\xF4\xFF\xF2ABOR\r\n\xFF\xFB\x01NO\xFF\xFD\x03OP\r\nnoop\nFEAT x\r\nFROB\r\nHOST ftp.example.org\r\n\xFF\xFFX\r\n"
                .to_vec(),
        ),
        (
            "other protocol",
            in_clear(),
            b"USER alice\r\nGET / HTTP/1.1\r\n".to_vec(),
        ),
    ]
}

/// Everything that came out, each kind by itself: cuts may change how replies and events mix, and nothing else.
fn outcome(config: &Config, pieces: &[&[u8]]) -> (Vec<u8>, Vec<Seen>, Vec<Vec<u8>>, bool) {
    let mut bench = Bench::new(config.clone());
    bench.checks_silence = false;
    bench.checks_secrets = false;
    bench.force_all(pieces);
    (
        bench.wire().to_vec(),
        bench.log().to_vec(),
        bench.downloads.clone(),
        bench.is_closed(),
    )
}

#[test]
fn is_31_every_cut_into_two_gives_the_same() {
    for (name, config, bytes) in transcripts() {
        let whole = outcome(&config, &[&bytes]);
        for at in 0..=bytes.len() {
            let cut = outcome(&config, &[&bytes[..at], &bytes[at..]]);
            assert_eq!(whole, cut, "{name} cut at {at}");
        }
        println!("{name}: {} cuts", bytes.len() + 1);
    }
}

#[test]
fn ix_01_single_bytes_and_empty_pieces_give_the_same() {
    for (name, config, bytes) in transcripts() {
        let whole = outcome(&config, &[&bytes]);
        let single: Vec<&[u8]> = bytes
            .chunks(1)
            .flat_map(|byte| [&[][..], byte, &[]])
            .collect();
        assert_eq!(whole, outcome(&config, &single), "{name}");
    }
}

#[test]
fn ix_01_every_cut_into_three_of_a_short_dialogue_gives_the_same() {
    let bytes = b"USER alice\r\nPASS x\r\n\xFF\xFD\x06NOOP\r\nFEAT x\r\nQUIT\r\n";
    let whole = outcome(&in_clear(), &[bytes]);
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(whole, outcome(&in_clear(), &pieces), "{first} {second}");
        }
    }
}

#[test]
fn ix_07_the_same_inputs_give_the_same_outputs() {
    for (name, config, bytes) in transcripts() {
        let mut dice = Dice::new(1);
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(1 + dice.roll(rest.len().min(30)));
            pieces.push(piece);
            rest = left;
        }
        assert_eq!(
            outcome(&config, &pieces),
            outcome(&config, &pieces),
            "{name}"
        );
    }
}

#[test]
fn ix_04_without_input_nothing_happens() {
    let mut bench = Bench::clear();
    bench.line(b"EPSV").forget();
    let before = bench.server().clone();
    for _ in 0..100 {
        bench.settle();
        bench.force(b"");
    }
    assert!(bench.log().is_empty() && bench.wire().is_empty());
    assert!(*bench.server() == before);
    // A deadline that has not come changes nothing either.
    bench.handle(Input::Timeout);
    assert!(bench.log().is_empty());
}

#[test]
fn is_31_tls_records_are_pieces_like_any_other() {
    let mut config = Config::default();
    config.security = Security::required();
    let said = |cut: usize| {
        let mut bench = Bench::secure_with(config.clone());
        bench.checks_silence = false;
        let bytes = b"EPSV\r\nRETR motd\r\nNOOP\r\n";
        bench.force_all(&[&bytes[..cut], &bytes[cut..]]);
        bench.pass(Duration::from_secs(1));
        (bench.codes(), bench.downloads.clone())
    };
    for cut in 0..23 {
        assert_eq!(said(cut), said(0), "{cut}");
    }
}
