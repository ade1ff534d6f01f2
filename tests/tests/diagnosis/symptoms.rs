//! The symptoms people have asked about ever since FTP is under TLS, each with the sentence they get.

use std::time::Duration;

use ftp_proto::client::{DataMode, Security};
use ftp_proto::diagnosis::{Cause, CauseId, Probe};
use ftp_proto::{Config, Fault, TlsFault};
use ftp_proto_tests::rig::Rig;

use super::scene::{Dice, Scene, in_clear, only};

fn first(scene: &Scene) -> Cause {
    scene.diagnosis().first().expect("a cause").clone()
}

fn tls() -> Scene {
    Scene::tls(Dice::new(1))
}

#[test]
fn cut_right_after_234() {
    let mut scene = tls();
    scene.auth().rig.secure_failed(TlsFault::Reset);
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::CutAtTls);
    assert_eq!(
        cause.to_string(),
        "the connection is cut as TLS begins: a firewall or translator on the way inspects FTP and cuts what it cannot read, or the \
         server's TLS is broken; ask the firewall's administrator to switch FTP inspection off; try implicit TLS or another network \
         (neither name nor password was looked at)"
    );
    assert_eq!(cause.probe, Some(Probe::Implicit));
}

#[test]
fn cut_at_the_client_hello() {
    let mut scene = tls();
    scene.auth().rig.secure_failed(TlsFault::ClosedAtHello);
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::CutAtTls);
    assert!(cause.advice.contains("firewall's administrator"));
    assert_eq!(
        cause.evidence,
        [
            "the connection was cut before the server said anything in TLS",
            "AUTH was accepted"
        ]
    );
}

#[test]
fn the_server_hello_never_comes() {
    let mut scene = tls();
    scene.auth().rig.pass(Duration::from_secs(31));
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::NoServerHello);
    assert!(cause.symptom.contains("no answer"));
    assert!(
        cause
            .advice
            .contains("administrators of the firewall and of the server")
    );
}

#[test]
fn plain_text_in_place_of_tls() {
    let mut scene = tls();
    scene.auth().found(b"500 Syntax error\r\n");
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::PlainAfterAuth);
    // What came is quoted.
    assert!(
        cause
            .evidence
            .contains(&"in place of TLS came a clear FTP reply: 500 Syntax error".to_owned()),
        "{:?}",
        cause.evidence
    );
}

#[test]
fn an_sslv2_reply() {
    let mut scene = tls();
    scene.auth().found(&[0x80, 0x2e, 4, 0, 1, 0, 2]);
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::SslV2);
    assert!(cause.symptom.contains("wrong version number"));
    assert!(cause.advice.contains("no setting of the client helps"));
}

/// WS_FTP said "wrong version number" for each of these: they are told apart.
#[test]
fn wrong_version_number_has_several_causes() {
    for (bytes, id) in [
        (&b"500 AUTH what\r\n"[..], CauseId::PlainAfterAuth),
        (&[0x80, 0x2e, 4, 0, 1, 0, 2], CauseId::SslV2),
        (b"SSH-2.0-x\r\n", CauseId::Ssh),
        (b"HTTP/1.1 400 Bad Request\r\n", CauseId::Http),
    ] {
        let mut scene = tls();
        scene.auth().found(bytes);
        assert_eq!(first(&scene).id, id);
    }
    let mut config = Config::default();
    config.security = Security::implicit();
    let mut scene = Scene::new(Dice::new(1), config);
    scene.login().found(b"220 (vsFTPd 3.0.3)\r\n");
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::ExplicitPort);
    assert!(cause.symptom.contains("wrong version number"));
    assert!(cause.advice.contains("explicit TLS"));
}

#[test]
fn the_login_is_fine_and_the_listing_hangs() {
    let mut scene = Scene::new(Dice::new(1), only(&[DataMode::Pasv]));
    scene.up();
    let list = scene.rig.ask(|c, now| c.list(now, None));
    scene.serve(&[("LIST", "")]);
    scene.rig.tick_to_deadline();
    scene.serve(&[("ABOR", "425 Failed to establish connection.\r\n225 done")]);
    for _ in 0..3 {
        if scene.rig.result(list).is_none() {
            scene.rig.tick_to_deadline();
            scene.serve(&[]);
        }
    }
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::PassiveFiltered);
    assert_eq!(
        cause.to_string(),
        "the login works and listings or transfers hang: a firewall lets the passive data port through for nobody; under TLS it cannot \
         read the port in the reply; try the other mode (active in place of passive); otherwise only the firewall's administrator can \
         help, or a protocol with one connection (neither the file nor its permissions)"
    );
    assert_eq!(cause.probe, Some(Probe::Active));
}

#[test]
fn active_mode_behind_a_translator() {
    let mut scene = Scene::new(Dice::new(1), only(&[DataMode::Port]));
    scene.up();
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    scene.rig.listening("192.168.0.5:50000");
    scene.serve(&[("PORT", "500 Illegal PORT command.")]);
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::ActiveRefused);
    assert_eq!(cause.advice, "use passive mode");

    // Accepted, and then nobody comes.
    let mut scene = Scene::new(Dice::new(1), only(&[DataMode::Port]));
    scene.up();
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    scene.rig.listening("192.168.0.5:50000");
    scene.serve(&[("LIST", "150 Here comes the directory listing.")]);
    scene.reply("425 Failed to establish connection.");
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::ActiveBlocked);
    assert_eq!(cause.advice, "use passive mode");
}

#[test]
fn a_private_address_in_the_passive_reply() {
    let mut scene = Scene::new(Dice::new(1), only(&[DataMode::Pasv]));
    scene.up().rig.auto_data = true;
    let list = scene.rig.ask(|c, now| c.list(now, None));
    scene.size = 5;
    scene.serve(&[("PASV", "227 Entering Passive Mode (192,168,1,2,196,145).")]);
    assert_eq!(scene.rig.done(list).bytes, 5, "it does no harm");
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::PrivateAddress);
    assert!(cause.not_the_cause.unwrap().starts_with("harmless"));
    assert!(cause.administrator.contains("MasqueradeAddress"));
}

/// vsftpd without TLS says 530 to AUTH: no password was wrong, none was sent.
#[test]
fn a_530_to_auth_is_no_wrong_password() {
    let mut scene = tls();
    scene
        .login()
        .greet()
        .serve(&[("AUTH", "530 Please login with USER and PASS.")]);
    let cause = first(&scene);
    assert_eq!(cause.id, CauseId::NoTlsSaid530);
    assert_eq!(
        cause.not_the_cause,
        Some("not a wrong password: none was sent")
    );
}

/// The end of an error's sentence.
#[test]
fn an_error_ends_with_the_first_cause_and_its_advice() {
    let mut scene = Scene::new(Dice::new(1), in_clear(only(&[DataMode::Epsv])));
    scene.up();
    let list = scene.rig.ask(|c, now| c.list(now, None));
    scene.serve(&[("LIST", "")]);
    scene.rig.data_failed(Fault::Refused);
    for _ in 0..4 {
        if scene.rig.result(list).is_none() {
            scene.serve(&[("ABOR", "425 no\r\n226 aborted")]);
            scene.rig.tick_to_deadline_if_any();
        }
    }
    let failure = scene.failure().unwrap();
    let sentence = format!("{failure}{}", scene.diagnosis().ending());
    assert!(
        sentence.contains("connection refused; nobody listens there:")
            && sentence
                .ends_with("try again, and the other mode (neither the file nor its permissions)"),
        "{sentence}"
    );
    assert_eq!(sentence.lines().count(), 1);
}

/// Nothing is said where nothing is known.
#[test]
fn a_session_that_goes_well_needs_no_explanation() {
    let mut rig = Rig::secure(Config::default());
    rig.auto_data = true;
    assert!(rig.client().diagnose(None).causes().is_empty());
    let pwd = rig.ask(|c, now| c.working_directory(now));
    rig.reply("257 \"/\"\r\n");
    assert!(rig.done(pwd).is_some());
    assert!(rig.client().diagnose(None).causes().is_empty());
}
