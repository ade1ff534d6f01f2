//! Each rule by itself: it finds its cause where it is at work, with evidence and advice, and not where something only looks like it.

use ftp_proto::client::{DataMode, Security};
use ftp_proto::diagnosis::CauseId;
use ftp_proto::{Config, DataEnd, Fault, Input, TransferOptions};

use super::faults::{self, FAULTS, begun};
use super::scene::{Dice, Scene, in_clear, only};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=25;

#[test]
fn a_cause_at_work_is_named_with_what_speaks_for_it() {
    for (id, stage) in FAULTS {
        for seed in SEEDS {
            let scene = stage(Dice::new(seed));
            let diagnosis = scene.diagnosis();
            let cause = diagnosis.first().unwrap();
            assert_eq!(cause.id, *id, "seed {seed}; {}", scene.rig.story());
            assert!(!cause.evidence.is_empty(), "{id}");
            assert!(
                diagnosis
                    .causes()
                    .windows(2)
                    .all(|pair| pair[0].confidence >= pair[1].confidence),
                "{id}: not in order"
            );
            let sentence = cause.to_string();
            assert!(
                sentence.contains(cause.advice) && !sentence.contains('\n'),
                "{sentence}"
            );
        }
    }
}

/// What looks like a cause and is another one, or none: how, whether the cause may stand behind another one, and the session.
type NearMiss = (CauseId, &'static str, bool, fn(Dice) -> Scene);

const NEAR_MISSES: &[NearMiss] = &[
    (CauseId::Implicit, "TLS where it belongs", false, well),
    (
        CauseId::Ssh,
        "the word SSH in an FTP greeting",
        false,
        |dice| greeted(dice, "220 no SSH-2.0 here"),
    ),
    (
        CauseId::Http,
        "the word HTTP in an FTP greeting",
        false,
        |dice| greeted(dice, "220 files also by HTTP/1.1"),
    ),
    (
        CauseId::Mail,
        "an FTP server of a mail house",
        false,
        |dice| greeted(dice, "220 mail.example.org FTP"),
    ),
    (
        CauseId::SslV2,
        "clear text, not SSL version 2",
        false,
        faults::plain_after_auth,
    ),
    (
        CauseId::PlainAfterAuth,
        "nobody had said 234",
        false,
        faults::explicit_port,
    ),
    (
        CauseId::Injected,
        "bytes behind 234 that are part of TLS",
        false,
        well,
    ),
    (
        CauseId::NoServerHello,
        "it is the greeting that does not come",
        false,
        faults::no_greeting,
    ),
    (
        CauseId::ClientCertificate,
        "another alert",
        false,
        faults::alert,
    ),
    (
        CauseId::Alert,
        "an alert about versions",
        false,
        faults::old_tls,
    ),
    (
        CauseId::PlainData,
        "TLS on the data connection, not trusted",
        false,
        faults::data_certificate,
    ),
    (
        CauseId::CutAtTls,
        "a handshake that fails for a reason",
        false,
        faults::certificate,
    ),
    (
        CauseId::ExplicitPort,
        "clear text after 234",
        false,
        faults::plain_after_auth,
    ),
    (
        CauseId::NoGreeting,
        "a greeting that comes late",
        false,
        faults::slow,
    ),
    (
        CauseId::NoTls,
        "530, which is another code",
        false,
        faults::no_tls_said_530,
    ),
    (
        CauseId::NoTlsSaid530,
        "530 to the password",
        false,
        faults::login_refused,
    ),
    (
        CauseId::TlsDemanded,
        "a wrong password in clear text",
        false,
        faults::login_refused,
    ),
    (
        CauseId::DataProtectionDemanded,
        "a refusal with protected data",
        false,
        refused_under_tls,
    ),
    (
        CauseId::DataCutAtTls,
        "the file is refused, and its data connection closed",
        false,
        refused_while_tls_begins,
    ),
    (
        CauseId::DataCutAtTls,
        "a certificate",
        false,
        faults::data_certificate,
    ),
    (
        CauseId::ReuseDemanded,
        "a certificate",
        false,
        faults::data_certificate,
    ),
    (
        CauseId::ActiveRefused,
        "PORT was fine, nobody comes",
        false,
        faults::active_blocked,
    ),
    (
        CauseId::ActiveBlocked,
        "passive mode",
        false,
        faults::passive_filtered,
    ),
    (
        CauseId::PrivateAddress,
        "the server itself is at a private address",
        false,
        private_everywhere,
    ),
    (
        CauseId::PassiveFiltered,
        "the port answers, with a refusal",
        false,
        faults::passive_refused,
    ),
    (
        CauseId::PassiveRefused,
        "the passive command is refused, not the port",
        false,
        faults::no_data_ports,
    ),
    (
        CauseId::PassiveRefused,
        "the port of a file that is refused is closed before the reply is read",
        false,
        refused_behind_its_port,
    ),
    (
        CauseId::IdleDropped,
        "data cut with the control connection",
        false,
        all_cut,
    ),
    (
        CauseId::IdleLimit,
        "a server that goes down while busy",
        false,
        going_down,
    ),
    (
        CauseId::LateComplaint,
        "bytes are missing",
        false,
        faults::truncated,
    ),
    (
        CauseId::Truncated,
        "all bytes are there",
        true,
        faults::late_complaint,
    ),
    (
        CauseId::UploadReset,
        "the server refuses to store",
        false,
        faults::cannot_write,
    ),
    (
        CauseId::NothingMoves,
        "there was no data connection",
        false,
        faults::passive_filtered,
    ),
    (
        CauseId::FilesOnly,
        "a file has worked before",
        false,
        one_file_of_two,
    ),
    (
        CauseId::LoginRefused,
        "the server wants TLS",
        true,
        faults::tls_demanded,
    ),
    (
        CauseId::ServerBroken,
        "500 without OOPS",
        false,
        faults::no_tls,
    ),
    (
        CauseId::TooMany,
        "a wrong password",
        true,
        faults::login_refused,
    ),
    (
        CauseId::OldTls,
        "an alert about something else",
        false,
        faults::alert,
    ),
    (
        CauseId::Certificate,
        "the control connection's certificate is fine",
        false,
        faults::data_certificate,
    ),
    (
        CauseId::DataCertificate,
        "it is the control connection's",
        false,
        faults::certificate,
    ),
    (
        CauseId::NameEncoding,
        "a name in ASCII",
        false,
        refused_under_tls,
    ),
    (
        CauseId::AsciiMode,
        "a binary file cut short",
        false,
        faults::truncated,
    ),
    (CauseId::NoRestart, "the restart works", false, restarted),
    (
        CauseId::EmptyListing,
        "a listing that is not empty",
        false,
        well,
    ),
    (CauseId::ExtendedPassive, "EPSV works at once", false, well),
    (
        CauseId::OutOfStep,
        "a refusal that fits its command",
        false,
        refused_under_tls,
    ),
    (
        CauseId::Account,
        "a wrong password",
        false,
        faults::login_refused,
    ),
    (
        CauseId::CannotWrite,
        "a file that cannot be read",
        false,
        refused_under_tls,
    ),
    (
        CauseId::Renegotiation,
        "a small file cut short",
        false,
        faults::truncated,
    ),
    (
        CauseId::Proxy,
        "a private address in the reply",
        false,
        faults::private_address,
    ),
    (
        CauseId::NoDataPorts,
        "the port refuses, not the server",
        false,
        faults::passive_refused,
    ),
    (CauseId::Slow, "pauses of less than a second", false, well),
];

/// A server that has no such file closes the data connection, and that may be seen first.
fn refused_while_tls_begins(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up();
    let _ = scene.rig.retrieve("nowhere");
    scene.serve(&[("RETR", "")]);
    if scene.rig.desk().connect.is_some() {
        scene.rig.data_connected();
        scene.serve(&[("RETR", "")]);
    }
    if scene.rig.desk().secure_data.is_some() {
        scene.rig.data_insecure(ftp_proto::TlsFault::ClosedAtHello);
    }
    scene.reply("550 nowhere: No such file or directory");
    scene
}

#[test]
fn what_only_looks_like_a_cause_is_not_taken_for_it() {
    for (id, how, may_follow, stage) in NEAR_MISSES {
        for seed in SEEDS {
            let scene = stage(Dice::new(seed));
            let diagnosis = scene.diagnosis();
            let at = diagnosis.causes().iter().position(|cause| cause.id == *id);
            assert!(
                at.is_none() || (*may_follow && at > Some(0)),
                "{id} ({how}), seed {seed}: {diagnosis}; {}",
                scene.rig.story()
            );
        }
    }
}

#[test]
fn every_cause_has_a_near_miss() {
    for id in CauseId::ALL {
        assert!(NEAR_MISSES.iter().any(|(missed, ..)| missed == id), "{id}");
    }
}

/// What a code misleads to is denied in words.
#[test]
fn what_is_not_the_cause_is_said() {
    for (id, word) in [
        (CauseId::NoTlsSaid530, "password"),
        (CauseId::TlsDemanded, "password"),
        (CauseId::PrivateAddress, "harmless"),
        (CauseId::IdleDropped, "probably complete"),
        (CauseId::LateComplaint, "probably complete"),
        (CauseId::Truncated, "proves nothing"),
        (CauseId::PassiveFiltered, "permissions"),
    ] {
        let (_, stage) = FAULTS.iter().find(|(staged, _)| *staged == id).unwrap();
        let diagnosis = stage(Dice::new(3)).diagnosis();
        assert!(
            diagnosis
                .first()
                .unwrap()
                .not_the_cause
                .unwrap()
                .contains(word),
            "{id}"
        );
    }
}

/// The same dialogue with the evidence asked about and wiped out at every step, and without: the same to the last byte.
#[test]
fn nothing_recorded_changes_anything() {
    for (id, stage) in FAULTS {
        for seed in SEEDS {
            let mut forgetful = Dice::new(seed);
            forgetful.forgets = true;
            let (mut plain, mut wiped) = (stage(Dice::new(seed)), stage(forgetful));
            assert_eq!(plain.rig.log(), wiped.rig.log(), "{id}, seed {seed}");
            assert_eq!(plain.rig.sent(), wiped.rig.sent(), "{id}, seed {seed}");
            assert!(
                plain.rig.client() == wiped.rig.client(),
                "{id}, seed {seed}"
            );
        }
    }
}

// ---- sessions

fn well(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up().some_transfers().listing().file();
    scene
}

fn greeted(dice: Dice, greeting: &str) -> Scene {
    let mut scene = Scene::new(dice, Config::default());
    scene.login().reply(greeting);
    scene.serve(&[]);
    scene.rig.secure_ok();
    scene.serve(&[]);
    scene
}

fn refused_under_tls(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up().file();
    scene.rig.auto_data = true;
    let _ = scene.rig.retrieve("f");
    scene.serve(&[("RETR", "550 No such file or directory.")]);
    scene
}

fn refused_behind_its_port(dice: Dice) -> Scene {
    let mut scene = Scene::to(dice, in_clear(only(&[DataMode::Epsv])), "192.0.2.9");
    scene.up();
    let _ = scene.rig.retrieve("f");
    scene.serve(&[("RETR", "")]);
    scene.rig.data_failed(Fault::Refused);
    scene.rig.reply("550 No such file or directory.\r\n");
    scene
}

fn private_everywhere(dice: Dice) -> Scene {
    let config = in_clear(only(&[DataMode::Pasv]));
    let mut scene = Scene::to(dice, config, "192.168.1.9");
    scene.up().rig.auto_data = true;
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    scene.size = 9;
    scene.serve(&[("PASV", "227 Entering Passive Mode (192,168,1,2,196,145).")]);
    scene
}

fn all_cut(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    begun(&mut scene, false, Some(5000));
    scene.lag().rig.progress(1000);
    scene.rig.handle(Input::ControlFailed(Fault::Reset));
    scene.rig.flow_finished(1000, DataEnd::Failed(Fault::Reset));
    scene
}

fn going_down(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    let _ = scene.rig.ask(|c, now| c.working_directory(now));
    scene.serve(&[("PWD", "421 Server is going down")]);
    scene
}

fn one_file_of_two(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().listing().file();
    scene.rig.auto_data = true;
    let _ = scene.rig.retrieve("f");
    scene.serve(&[("RETR", "550 Failed to open file.")]);
    scene
}

fn restarted(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().rig.auto_data = true;
    let how = TransferOptions {
        offset: 7,
        ..TransferOptions::default()
    };
    let file = scene.rig.ask(|c, now| c.retrieve(now, b"f", how));
    scene.size = 3;
    scene.serve(&[("SIZE", "213 10")]);
    assert_eq!(scene.rig.done(file).bytes, 3);
    scene
}

/// What is odd by itself is not made the cause of something that has nothing to do with it.
#[test]
fn an_oddity_is_no_cause_of_what_comes_later() {
    let config = in_clear(only(&[DataMode::Epsv, DataMode::Pasv]));
    let mut scene = Scene::new(Dice::new(1), config);
    scene.login().rig.pass(std::time::Duration::from_secs(9));
    scene.greet().serve(&[]);
    scene.rig.auto_data = true;
    let odd = [
        ("EPSV", "500 unknown"),
        ("PASV", "227 Entering Passive Mode (10,0,0,2,196,145)."),
    ];
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    scene.serve(&odd);
    let found: Vec<_> = scene.diagnosis().causes().iter().map(|c| c.id).collect();
    for id in [
        CauseId::Slow,
        CauseId::ExtendedPassive,
        CauseId::PrivateAddress,
        CauseId::EmptyListing,
    ] {
        assert!(found.contains(&id), "{id}: {found:?}");
    }
    let _ = scene.rig.retrieve("there");
    scene.size = 3;
    scene.serve(&odd);
    let _ = scene.rig.retrieve("gone");
    scene.serve(&[odd[1], ("RETR", "550 No such file or directory.")]);
    assert_eq!(scene.failure().unwrap().code.unwrap().value(), 550);
    assert_eq!(scene.diagnosis().causes(), []);
}

/// Implicit TLS that works is not odd.
#[test]
fn implicit_tls_that_works_is_not_odd() {
    let mut config = Config::default();
    config.security = Security::implicit();
    let mut scene = Scene::new(Dice::new(1), config);
    scene.login().rig.secure_ok();
    scene.greet().serve(&[]);
    assert_eq!(scene.diagnosis().causes(), []);
}
