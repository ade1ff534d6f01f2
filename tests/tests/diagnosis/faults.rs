//! What goes wrong, one function for each cause: the network and the server do it, in one of its many forms.

use std::time::Duration;

use ftp_proto::client::{ClearText, DataMode, PassiveAddress, Security};
use ftp_proto::diagnosis::CauseId;
use ftp_proto::{
    Channel, Config, DataEnd, Fault, Input, Report, TlsFacts, TlsFault, TlsVersion, TransferOptions,
};
use ftp_proto_tests::rig::{FULL_HANDSHAKE, RESUMED};

use super::scene::{Dice, Scene, in_clear, only};

/// A cause, and a scene in which it is at work.
pub(crate) type Staged = (CauseId, fn(Dice) -> Scene);

pub(crate) const FAULTS: &[Staged] = &[
    (CauseId::Implicit, implicit_port),
    (CauseId::Ssh, ssh),
    (CauseId::Http, http),
    (CauseId::Mail, mail),
    (CauseId::SslV2, ssl_v2),
    (CauseId::PlainAfterAuth, plain_after_auth),
    (CauseId::Injected, injected),
    (CauseId::NoServerHello, no_server_hello),
    (CauseId::ClientCertificate, client_certificate),
    (CauseId::Alert, alert),
    (CauseId::DataCutAtTls, data_cut_at_tls),
    (CauseId::PlainData, plain_data),
    (CauseId::CutAtTls, cut_at_tls),
    (CauseId::ExplicitPort, explicit_port),
    (CauseId::NoGreeting, no_greeting),
    (CauseId::NoTls, no_tls),
    (CauseId::NoTlsSaid530, no_tls_said_530),
    (CauseId::TlsDemanded, tls_demanded),
    (CauseId::DataProtectionDemanded, data_protection_demanded),
    (CauseId::ReuseDemanded, reuse_demanded),
    (CauseId::ActiveRefused, active_refused),
    (CauseId::ActiveBlocked, active_blocked),
    (CauseId::PrivateAddress, private_address),
    (CauseId::PassiveFiltered, passive_filtered),
    (CauseId::PassiveRefused, passive_refused),
    (CauseId::IdleDropped, idle_dropped),
    (CauseId::IdleLimit, idle_limit),
    (CauseId::LateComplaint, late_complaint),
    (CauseId::Truncated, truncated),
    (CauseId::UploadReset, upload_reset),
    (CauseId::NothingMoves, nothing_moves),
    (CauseId::FilesOnly, files_only),
    (CauseId::LoginRefused, login_refused),
    (CauseId::ServerBroken, server_broken),
    (CauseId::TooMany, too_many),
    (CauseId::OldTls, old_tls),
    (CauseId::Certificate, certificate),
    (CauseId::DataCertificate, data_certificate),
    (CauseId::NameEncoding, name_encoding),
    (CauseId::AsciiMode, ascii_mode),
    (CauseId::NoRestart, no_restart),
    (CauseId::EmptyListing, empty_listing),
    (CauseId::ExtendedPassive, extended_passive),
    (CauseId::OutOfStep, out_of_step),
    (CauseId::Account, account),
    (CauseId::CannotWrite, cannot_write),
    (CauseId::Renegotiation, renegotiation),
    (CauseId::Proxy, proxy),
    (CauseId::NoDataPorts, no_data_ports),
    (CauseId::Slow, slow),
];

// ---- who answers

pub(crate) fn implicit(dice: Dice) -> Scene {
    let mut config = Config::default();
    config.security = Security::implicit();
    Scene::new(dice, config)
}

pub(crate) fn implicit_port(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.login().lag();
    let bytes: &[u8] = scene.dice.pick(&[
        &[0x15, 3, 1, 0, 2, 2, 10],
        &[0x15, 3, 3, 0, 2, 1, 0],
        &[0x16, 3, 3, 0, 4, 14, 0, 0, 0],
    ]);
    scene.rig.bytes(bytes).eof();
    scene
}

/// Greets with what is no FTP, or says it where TLS is expected.
fn stranger(dice: Dice, greetings: &[&str]) -> Scene {
    let mut scene = if dice.clone().roll(3) == 0 {
        implicit(dice)
    } else {
        Scene::either(dice)
    };
    scene.login();
    let greeting = scene.dice.pick(greetings);
    if scene.rig.client().config().security.is_implicit() {
        scene.found(greeting.as_bytes());
    } else {
        scene.lag().rig.bytes(greeting.as_bytes());
        scene.serve(&[("AUTH", "502 5.5.2 Error: command not recognized")]);
        if !scene.rig.is_closed() {
            scene.rig.eof();
        }
    }
    scene
}

pub(crate) fn ssh(dice: Dice) -> Scene {
    stranger(
        dice,
        &[
            "SSH-2.0-OpenSSH_9.9\r\n",
            "SSH-2.0-dropbear_2022.83\r\n",
            "SSH-1.99-Cisco-1.25\n",
        ],
    )
}

pub(crate) fn http(dice: Dice) -> Scene {
    stranger(
        dice,
        &[
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.0 302 Found\r\nLocation: https://login.example/\r\n\r\n",
            "<!DOCTYPE html>\n<html>\n",
            "<html><head><title>Login</title>\r\n",
        ],
    )
}

pub(crate) fn mail(dice: Dice) -> Scene {
    stranger(
        dice,
        &[
            "220 mx.example.org ESMTP Postfix\r\n",
            "220 mail SMTP ready\r\n",
            "+OK Dovecot ready.\r\n",
            "* OK [CAPABILITY IMAP4rev1] ready\r\n",
        ],
    )
}

// ---- TLS on the control connection

pub(crate) fn ssl_v2(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.auth();
    let bytes: &[u8] = scene.dice.pick(&[
        &[0x80, 0x2e, 4, 0, 1, 0, 2],
        &[0x80, 3, 0, 0, 1],
        &[0x81, 0x10, 4, 0, 1, 0, 2, 0, 0xf0],
    ]);
    scene.found(bytes);
    scene
}

pub(crate) fn plain_after_auth(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.auth();
    let bytes = scene.dice.pick(&[
        "500 Syntax error\r\n",
        "421 Service not available\r\n",
        "220 ready\r\n",
        "500 \u{16}\u{3}\u{1}: command not understood\r\n",
        "530 Please login with USER and PASS.\r\n",
        "garbage\r\n",
    ]);
    scene.found(bytes.as_bytes());
    scene
}

pub(crate) fn injected(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.login().greet();
    let behind = scene
        .dice
        .pick(&["230 in\r\n", "220 ready\r\n", "331 x\r\n230 y\r\n", "x"]);
    scene.rig.bytes(format!("234 go on\r\n{behind}").as_bytes());
    scene
}

pub(crate) fn no_server_hello(dice: Dice) -> Scene {
    let mut scene = if dice.clone().toss() {
        let mut scene = implicit(dice);
        scene.login();
        scene
    } else {
        let mut scene = Scene::tls(dice);
        scene.auth();
        scene
    };
    scene.rig.tick_to_deadline();
    scene
}

/// The handshake fails so.
fn handshake_failed(dice: Dice, faults: &[TlsFault]) -> Scene {
    let mut scene = if dice.clone().roll(4) == 0 {
        let mut scene = implicit(dice);
        scene.login();
        scene
    } else {
        let mut scene = Scene::tls(dice);
        scene.auth();
        scene
    };
    let fault = scene.dice.pick(faults);
    scene.lag().rig.secure_failed(fault);
    scene
}

pub(crate) fn client_certificate(dice: Dice) -> Scene {
    handshake_failed(dice, &[TlsFault::ClientCertificate, TlsFault::Alert(116)])
}

pub(crate) fn alert(dice: Dice) -> Scene {
    handshake_failed(
        dice,
        &[
            TlsFault::Alert(80),
            TlsFault::Alert(112),
            TlsFault::Alert(47),
            TlsFault::Alert(10),
        ],
    )
}

pub(crate) fn cut_at_tls(dice: Dice) -> Scene {
    handshake_failed(
        dice,
        &[
            TlsFault::ClosedAtHello,
            TlsFault::Reset,
            TlsFault::ClosedInHandshake,
        ],
    )
}

pub(crate) fn old_tls(dice: Dice) -> Scene {
    handshake_failed(
        dice,
        &[
            TlsFault::Version,
            TlsFault::NoCommonCipher,
            TlsFault::Alert(40),
            TlsFault::Alert(70),
        ],
    )
}

const DISTRUST: [TlsFault; 5] = [
    TlsFault::UnknownIssuer,
    TlsFault::WrongName,
    TlsFault::Expired,
    TlsFault::PinMismatch,
    TlsFault::Certificate,
];

pub(crate) fn certificate(dice: Dice) -> Scene {
    handshake_failed(dice, &DISTRUST)
}

pub(crate) fn explicit_port(dice: Dice) -> Scene {
    let mut scene = implicit(dice);
    scene.login();
    let bytes = scene.dice.pick(&[
        "220 (vsFTPd 3.0.3)\r\n",
        "220-Welcome\r\n",
        "421 Too many connections\r\n",
        "500 \u{16}\u{3}\u{1}: command not understood\r\n",
    ]);
    scene.found(bytes.as_bytes());
    scene
}

pub(crate) fn no_greeting(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.login().rig.tick_to_deadline();
    scene
}

pub(crate) fn no_tls(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    let answer = scene.dice.pick(&[
        "500 AUTH not understood",
        "502 Command not implemented.",
        "504 Unknown security mechanism",
        "534 TLS is not configured",
        "431 Service is unavailable.",
        "500 'AUTH TLS': command not understood.",
    ]);
    scene.login().greet().serve(&[("AUTH", answer)]);
    scene
}

pub(crate) fn no_tls_said_530(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    let second = scene
        .dice
        .pick(&["530 Please login with USER and PASS.", "500 what"]);
    scene.login().greet().serve(&[
        ("AUTH TLS", "530 Please login with USER and PASS."),
        ("AUTH SSL", second),
    ]);
    scene
}

// ---- login

pub(crate) fn tls_demanded(dice: Dice) -> Scene {
    let mut scene = Scene::new(dice, in_clear(Config::default()));
    let answer = scene.dice.pick(&[
        "530 Non-anonymous sessions must use encryption.",
        "550 SSL/TLS required on the control channel",
        "421 Sorry, cleartext sessions and weak ciphers are not accepted on this server.",
        "503 Use AUTH first.\u{20}TLS is required",
        "534 Local policy on server does not allow TLS-less (unsecure) sessions",
        "530 Must issue an AUTH command first: secure connection required",
    ]);
    let at = scene.dice.pick(&["USER", "PASS"]);
    scene.login().greet().serve(&[(at, answer)]);
    scene
}

pub(crate) fn login_refused(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    let answer = scene.dice.pick(&[
        "530 Login incorrect.",
        "530 Authentication failed.",
        "530 User alice cannot log in.",
        "530 Login authentication failed",
        "530 Not logged in.",
        "430 Invalid username or password",
        "530 This account has expired",
    ]);
    let at = scene.dice.pick(&["USER", "PASS", "PASS"]);
    let mut scene = reach_login(scene);
    scene.serve(&[(at, answer)]);
    scene
}

/// The greeting is said, and TLS is up if it is to be; USER has left.
fn reach_login(mut scene: Scene) -> Scene {
    if scene.is_tls() {
        scene.auth();
        scene.rig.secure_ok();
    } else {
        scene.login().greet();
    }
    scene
}

pub(crate) fn server_broken(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    let words = scene.dice.pick(&[
        "500 OOPS: vsftpd: refusing to run with writable root inside chroot()",
        "500 OOPS: cannot change directory:/home/alice",
        "500 OOPS: priv_sock_get_cmd",
    ]);
    if scene.dice.toss() {
        scene.login().reply(words);
    } else {
        scene = reach_login(scene);
        scene.serve(&[("PASS", words)]);
    }
    scene
}

pub(crate) fn too_many(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    let words = scene.dice.pick(&[
        "421 There are too many connections from your internet address.",
        "421 Too many users logged in for this account.",
        "421 Service not available, remote server has closed connection",
        "530 Sorry, the maximum number of clients (10) for this user are already connected.",
        "530 Sorry, the maximum number of allowed clients are already connected.",
        "421 10 users (the maximum) are already logged in, sorry",
        "421 Unable to set up more than 5 connections per IP",
    ]);
    match scene.dice.roll(4) {
        0 => {
            scene.login().lag();
            if scene.dice.toss() {
                scene.rig.eof();
            } else {
                scene.rig.handle(Input::ControlFailed(Fault::Reset));
            }
        }
        1 if words.starts_with("530") => {
            scene = reach_login(scene);
            scene.serve(&[("PASS", words)]);
        }
        _ => {
            scene.login().reply(words);
        }
    }
    scene
}

pub(crate) fn account(dice: Dice) -> Scene {
    let mut scene = reach_login(Scene::either(dice));
    let at = scene.dice.pick(&["USER", "PASS"]);
    scene.serve(&[(at, "332 Need account for login.")]);
    if scene.failure().is_none() {
        // Some only ask when something is to be stored.
        scene.serve(&[]);
        let _ = scene.rig.store("new");
        scene.rig.auto_data = true;
        scene.serve(&[("STOR", "532 Need account for storing files.")]);
    }
    scene
}

pub(crate) fn idle_limit(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let minutes = 1 + scene.dice.roll(14);
    scene.rig.pass(Duration::from_secs(60 * minutes));
    let words = scene.dice.pick(&[
        "421 Timeout.",
        "421 Idle timeout (600 seconds): closing control connection",
        "421 No transfer timeout (300 seconds): closing control connection",
        "421 Connection timed out.",
        "421 Service closing control connection.",
    ]);
    scene.reply(words);
    scene
}

pub(crate) fn slow(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    let seconds = 5 + scene.dice.roll(25);
    let pause = Duration::from_secs(seconds);
    if scene.dice.toss() {
        scene.login().rig.pass(pause);
        scene.greet().serve(&[]);
        scene.rig.auto_control = true;
        scene.rig.settle();
        scene.serve(&[]);
    } else {
        scene = reach_login(scene);
        scene.serve(&[("PASS", "")]);
        scene.rig.pass(pause);
        scene.reply("230 in").serve(&[]);
    }
    scene
}

pub(crate) fn out_of_step(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let words = scene.dice.pick(&[
        "331 Password required",
        "336 challenge",
        "350 ready",
        "150 opening",
        "125 open",
    ]);
    if scene.dice.toss() {
        let _ = scene.rig.ask(|c, now| c.working_directory(now));
        let _ = scene.rig.sent();
    }
    scene.reply(words);
    scene
}

// ---- data connections

/// A request that moves data, before anything is answered.
fn ask_any(scene: &mut Scene) {
    match scene.dice.roll(4) {
        0 => drop(scene.rig.ask(|c, now| c.list(now, None))),
        1 => drop(scene.rig.ask(|c, now| c.facts(now, Some(b"d")))),
        2 => drop(scene.rig.retrieve("f")),
        _ => drop(scene.rig.store("f")),
    }
}

/// Answers up to the transfer command, and to it with `answer`; the data connection is made, its TLS not.
fn to_the_handshake(scene: &mut Scene, answer: &str) {
    ask_any(scene);
    let odd: Vec<(&str, &str)> = ["LIST", "MLSD", "RETR", "STOR"]
        .map(|verb| (verb, answer))
        .to_vec();
    loop {
        scene.serve(&odd);
        if scene.rig.desk().connect.is_none() {
            return;
        }
        scene.lag().rig.data_connected();
    }
}

pub(crate) fn plain_data(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up().some_transfers();
    to_the_handshake(&mut scene, "150 Here comes the directory listing.");
    let bytes = scene.dice.pick(&[
        "drwxr-xr-x 2 0 0 4096 Jan 1 a\r\n",
        "type=file;size=3; a\r\n",
        "hello\n",
        "total 12\r\n",
    ]);
    let data = scene.rig.desk().secure_data.as_ref().unwrap().channel();
    assert!(matches!(data, Channel::Data(_)));
    scene.rig.handle(Input::Found(data, bytes.as_bytes()));
    scene.rig.data_insecure(TlsFault::NotTls);
    let words = scene.dice.pick(&[
        "426 Failure reading network stream.",
        "226 Transfer complete",
        "425 TLS handshake failed",
    ]);
    scene.reply(words);
    scene
}

pub(crate) fn data_cut_at_tls(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up();
    to_the_handshake(&mut scene, "150 Here comes the directory listing.");
    let fault = scene.dice.pick(&[
        TlsFault::ClosedAtHello,
        TlsFault::ClosedInHandshake,
        TlsFault::Reset,
    ]);
    scene.lag().rig.data_insecure(fault);
    let words = scene.dice.pick(&[
        "426 Failure reading network stream.",
        "426 Connection closed; transfer aborted.",
        "451 Local error in processing",
        "",
    ]);
    if words.is_empty() {
        scene.rig.tick_to_deadline_if_any();
        scene.serve(&[]);
    } else {
        scene.reply(words);
    }
    scene
}

pub(crate) fn data_protection_demanded(dice: Dice) -> Scene {
    let mut config = Config::default();
    config.security = if dice.clone().toss() {
        Security::required().clear_data()
    } else {
        Security::clear(ClearText::Everybody)
    };
    let mut scene = Scene::new(dice, config);
    scene.up();
    ask_any(&mut scene);
    scene.rig.auto_data = true;
    let words = scene.dice.pick(&[
        "522 Data connections must be encrypted.",
        "521 Data connection cannot be opened with this PROT setting",
        "522 SSL/TLS required on the data channel",
        "425 PROT P required",
        "534 Policy requires SSL.",
        "425 TLS is required for data connections",
        "521 PROT P required",
    ]);
    let odd: Vec<(&str, &str)> = ["LIST", "MLSD", "RETR", "STOR"]
        .map(|verb| (verb, words))
        .to_vec();
    scene.serve(&odd);
    scene
}

pub(crate) fn reuse_demanded(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up().some_transfers();
    to_the_handshake(&mut scene, "150 Opening BINARY mode data connection");
    let order = scene.rig.desk_mut().secure_data.take().unwrap();
    let report: Report = if scene.dice.roll(3) == 0 {
        order.failed(scene.dice.pick(&[
            TlsFault::ClosedAtHello,
            TlsFault::ClosedInHandshake,
            TlsFault::Reset,
        ]))
    } else {
        order.secured(FULL_HANDSHAKE)
    };
    scene.rig.handle(Input::Report(report));
    let words = scene.dice.pick(&[
        "425 Unable to build data connection: TLS session of data connection not resumed.",
        "425 Unable to build data connection: Operation not permitted",
        "522 SSL connection failed: session reuse required",
        "425 Cannot open data connection: TLS session resumption required",
        "522 session reuse required",
    ]);
    scene.reply(words);
    if scene.failure().is_none() {
        if scene.rig.desk().flow.is_some() {
            scene.rig.flow_finished(0, DataEnd::Failed(Fault::Reset));
        }
        scene.serve(&[]);
    }
    scene
}

pub(crate) fn active_refused(mut dice: Dice) -> Scene {
    let modes: &[DataMode] = dice.pick(&[
        &[DataMode::Port][..],
        &[DataMode::Eprt],
        &[DataMode::Eprt, DataMode::Port],
    ]);
    let config = only(modes);
    let mut scene = Scene::new(
        dice.clone(),
        if dice.toss() {
            config
        } else {
            in_clear(config)
        },
    );
    scene.up();
    ask_any(&mut scene);
    scene.rig.auto_data = true;
    scene.rig.settle();
    let words = scene.dice.pick(&[
        "500 Illegal PORT command.",
        "501 Illegal PORT command",
        "504 Active mode is disabled",
        "500 Won't open a connection to 192.168.0.5 (only to 203.0.113.9)",
        "530 PORT address mismatch",
        "502 Command not implemented.",
    ]);
    scene.serve(&[("PORT", words), ("EPRT", words)]);
    scene
}

pub(crate) fn active_blocked(mut dice: Dice) -> Scene {
    let mode = dice.pick(&[DataMode::Port, DataMode::Eprt]);
    let config = only(&[mode]);
    let mut scene = Scene::new(
        dice.clone(),
        if dice.toss() {
            config
        } else {
            in_clear(config)
        },
    );
    scene.up();
    ask_any(&mut scene);
    let answer = scene.dice.pick(&["150 Opening data connection", ""]);
    let odd = ["LIST", "MLSD", "RETR", "STOR"].map(|verb| (verb, answer));
    loop {
        scene.serve(&odd);
        if scene.rig.desk().listen.is_none() {
            break;
        }
        scene.rig.listening("198.51.100.7:50000");
    }
    if scene.dice.toss() {
        scene.rig.pass(Duration::from_secs(10));
        let words = scene.dice.pick(&[
            "425 Can't open data connection.",
            "425 Failed to establish connection.",
            "425 Unable to build data connection: Connection timed out",
        ]);
        scene.reply(words);
    } else {
        scene.rig.tick_to_deadline();
        scene.serve(&[("ABOR", "426 Failure writing network stream.\r\n226 Aborted")]);
    }
    // STOR waits for its data connection: the machine gives it up by itself.
    for _ in 0..4 {
        if scene.failure().is_none() {
            scene.rig.tick_to_deadline_if_any();
            scene.serve(&[]);
        }
    }
    scene
}

const PRIVATE: &[&str] = &[
    "10,1,2,3",
    "192,168,0,7",
    "172,16,4,4",
    "100,64,9,9",
    "127,0,0,1",
    "0,0,0,0",
];

pub(crate) fn private_address(dice: Dice) -> Scene {
    let mut config = only(&[DataMode::Pasv]);
    let follows = dice.clone().roll(4) == 0;
    if follows {
        config.passive_address = PassiveAddress::Trusted;
    }
    let mut scene = Scene::new(
        dice.clone(),
        if dice.clone().toss() {
            config
        } else {
            in_clear(config)
        },
    );
    scene.up();
    let host = scene.dice.pick(PRIVATE);
    let passive = format!("227 Entering Passive Mode ({host},196,145).");
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    scene.size = 77;
    if follows {
        scene.serve(&[("PASV", &passive), ("LIST", "")]);
        scene.rig.tick_to_deadline();
        scene.serve(&[("ABOR", "425 Failed to establish connection.\r\n226 ABOR")]);
        for _ in 0..4 {
            if scene.failure().is_none() {
                scene.rig.tick_to_deadline_if_any();
                scene.serve(&[]);
            }
        }
    } else {
        scene.rig.auto_data = true;
        scene.serve(&[("PASV", &passive)]);
        assert_eq!(scene.failure(), None);
    }
    scene
}

/// No data connection comes up, whatever mode: `fault`, or nothing until the deadline.
fn unreachable(scene: &mut Scene, fault: Option<Fault>) {
    ask_any(scene);
    for _ in 0..12 {
        let answer = scene.dice.pick(&["150 Opening data connection", ""]);
        let late = ["LIST", "MLSD", "RETR", "STOR"].map(|verb| (verb, answer));
        scene.serve(&late);
        if scene.failure().is_some() {
            return;
        }
        match fault {
            Some(fault) if scene.rig.desk().connect.is_some() => {
                scene.lag().rig.data_failed(fault);
            }
            _ => {
                scene.rig.tick_to_deadline_if_any();
            }
        }
    }
}

pub(crate) fn passive_filtered(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    let fault = scene
        .dice
        .pick(&[None, Some(Fault::TimedOut), Some(Fault::Unreachable)]);
    unreachable(&mut scene, fault);
    scene
}

pub(crate) fn passive_refused(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let fault = scene
        .dice
        .pick(&[Fault::Refused, Fault::Refused, Fault::Reset]);
    unreachable(&mut scene, Some(fault));
    scene
}

pub(crate) fn proxy(dice: Dice) -> Scene {
    let mut dice = dice;
    let peer = dice.pick(&["10.0.0.9", "192.168.7.7", "172.20.0.1"]);
    let config = only(&[DataMode::Pasv]);
    let mut scene = Scene::to(
        dice.clone(),
        if dice.toss() {
            config
        } else {
            in_clear(config)
        },
        peer,
    );
    scene.up();
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    let host = scene
        .dice
        .pick(&["198,51,100,20", "203,0,113,77", "192,0,2,55"]);
    let passive = format!("227 Entering Passive Mode ({host},196,145).");
    scene.serve(&[("PASV", &passive), ("LIST", "")]);
    let fault = scene.dice.pick(&[Fault::TimedOut, Fault::Refused]);
    scene.rig.data_failed(fault);
    for _ in 0..6 {
        if scene.failure().is_none() {
            scene.serve(&[("PASV", &passive)]);
            scene.rig.tick_to_deadline_if_any();
        }
    }
    scene
}

pub(crate) fn no_data_ports(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let words = scene.dice.pick(&[
        "425 Can't open passive connection: Address already in use",
        "425 No ports available in the passive port range.",
        "421 Could not listen for passive connection: invalid passive mode configuration",
        "425 Cannot open passive connection",
        "450 Too many data connections",
    ]);
    ask_any(&mut scene);
    scene.rig.auto_data = true;
    scene.serve(&[("EPSV", words), ("PASV", words)]);
    scene
}

pub(crate) fn extended_passive(dice: Dice) -> Scene {
    let config = only(&[DataMode::Epsv, DataMode::Pasv]);
    let mut scene = Scene::new(
        dice.clone(),
        if dice.clone().toss() {
            config
        } else {
            in_clear(config)
        },
    );
    scene.up();
    let _ = scene.rig.ask(|c, now| c.list(now, None));
    scene.size = 9;
    if scene.dice.toss() {
        let words = scene.dice.pick(&[
            "500 Unknown command",
            "522 Bad network protocol",
            "502 no EPSV",
            "229 garbage",
        ]);
        scene.rig.auto_data = true;
        scene.serve(&[("EPSV", words)]);
    } else {
        scene.serve(&[("LIST", "")]);
        let fault = scene.dice.pick(&[Fault::TimedOut, Fault::Refused]);
        scene.rig.data_failed(fault);
        scene.rig.auto_data = true;
        for _ in 0..6 {
            scene.serve(&[("ABOR", "425 no\r\n226 aborted")]);
            if scene.rig.desk().flow.is_none()
                && scene.rig.patience().is_some()
                && scene.rig.client().evidence().listings == 0
            {
                scene.rig.tick_to_deadline();
            }
        }
    }
    scene
}

pub(crate) fn data_certificate(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up().some_transfers();
    to_the_handshake(&mut scene, "150 Opening");
    let fault = scene.dice.pick(&DISTRUST);
    scene.rig.data_insecure(fault);
    let words = scene
        .dice
        .pick(&["426 Failure", "425 TLS negotiation failed", "226 done"]);
    scene.reply(words);
    scene
}

// ---- transfers

/// A transfer that has begun: its data connection is up and secured, the server has said 150, payload may flow.
pub(crate) fn begun(scene: &mut Scene, upload: bool, size: Option<u64>) {
    let how = TransferOptions {
        size,
        ..TransferOptions::default()
    };
    let ticket = if upload {
        scene.rig.ask(|c, now| c.store(now, b"f", how))
    } else {
        scene.rig.ask(|c, now| c.retrieve(now, b"f", how))
    };
    scene.rig.auto_data = true;
    let words = "150 Opening BINARY mode data connection";
    scene.size = size.unwrap_or(5000);
    scene.serve(&[("RETR", words), ("STOR", words)]);
    assert!(
        scene.rig.desk().flow.is_some(),
        "{ticket:?}: {}",
        scene.rig.story()
    );
}

fn clean(scene: &Scene) -> DataEnd {
    if scene.is_tls() {
        DataEnd::CloseNotify
    } else {
        DataEnd::Fin
    }
}

pub(crate) fn idle_dropped(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let upload = scene.dice.toss();
    let size = 1_000_000;
    begun(&mut scene, upload, Some(size));
    let minutes = 3 + scene.dice.roll(30);
    for minute in 1..=minutes {
        scene.rig.pass(Duration::from_secs(60));
        scene.rig.progress(size * minute / minutes);
    }
    let end = clean(&scene);
    scene.rig.flow_finished(size, end);
    match scene.dice.roll(3) {
        0 => scene.rig.handle(Input::ControlFailed(Fault::Reset)),
        1 => scene.rig.handle(Input::ControlFailed(Fault::TimedOut)),
        _ => scene.rig.tick_to_deadline(),
    };
    scene
}

pub(crate) fn late_complaint(dice: Dice) -> Scene {
    let mut scene = Scene::tls(dice);
    scene.up().some_transfers();
    let upload = scene.dice.toss();
    begun(&mut scene, upload, None);
    scene.lag().rig.flow_finished(5000, DataEnd::CloseNotify);
    let words = scene.dice.pick(&[
        "426 GnuTLS error -110: The TLS connection was non-properly terminated.",
        "451 Error closing data connection gracefully",
        "425 Data connection was not closed properly",
        "426 Client did not properly shut down TLS connection",
    ]);
    scene.reply(words);
    scene
}

pub(crate) fn truncated(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let size = 5000;
    begun(&mut scene, false, Some(size));
    let bytes = scene.dice.roll(size);
    let end = match scene.dice.roll(3) {
        0 => DataEnd::Failed(Fault::Reset),
        1 => clean(&scene),
        _ => DataEnd::Fin,
    };
    scene.lag().rig.flow_finished(bytes, end);
    let words = scene.dice.pick(&[
        "226 Transfer complete.",
        "426 Connection closed; transfer aborted.",
        "451 Requested action aborted",
    ]);
    scene.reply(words);
    scene
}

pub(crate) fn upload_reset(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    begun(&mut scene, true, None);
    let bytes = scene.dice.roll(5000);
    scene
        .lag()
        .rig
        .flow_finished(bytes, DataEnd::Failed(Fault::Reset));
    let words = scene.dice.pick(&[
        "426 Failure reading network stream.",
        "426 Connection closed; transfer aborted.",
        "425 Data connection reset",
        "226 Transfer complete.",
        "451 Read failed",
    ]);
    scene.reply(words);
    scene
}

pub(crate) fn nothing_moves(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    if scene.dice.roll(4) == 0 {
        // It is not even announced.
        scene.rig.auto_data = true;
        ask_any(&mut scene);
        scene.serve(&["LIST", "MLSD", "RETR", "STOR"].map(|verb| (verb, "")));
        scene.rig.tick_to_deadline();
        return scene;
    }
    if scene.is_tls() && scene.dice.toss() {
        to_the_handshake(&mut scene, "150 Here comes the directory listing.");
        scene.rig.tick_to_deadline();
    } else {
        ask_any(&mut scene);
        scene.rig.auto_data = true;
        let words = "150 Here comes the directory listing.";
        let odd: Vec<(&str, &str)> = ["LIST", "MLSD", "RETR", "STOR"]
            .map(|verb| (verb, words))
            .to_vec();
        scene.serve(&odd);
        assert!(scene.rig.desk().flow.is_some());
        scene.rig.tick_to_deadline();
    }
    let words = scene.dice.pick(&[
        "426 Failure writing network stream.",
        "425 Cannot open data connection",
        "",
    ]);
    if words.is_empty() {
        scene.rig.tick_to_deadline();
    } else if !scene.rig.is_closed() {
        scene.reply(words);
    }
    scene
}

pub(crate) fn files_only(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    for _ in 0..=scene.dice.roll(2) {
        scene.listing();
    }
    scene.rig.auto_data = true;
    let _ = scene.rig.retrieve("f");
    let words = scene.dice.pick(&[
        "550 Failed to open file.",
        "550 Permission denied.",
        "550 f: Operation not permitted",
        "451 Blocked by content policy",
        "550 No such file or directory",
    ]);
    scene.serve(&[("RETR", words)]);
    scene
}

pub(crate) fn name_encoding(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    if scene.dice.toss() {
        let _ = scene.rig.ask(|c, now| c.features(now));
        let words = scene.dice.pick(&[
            "211-Features:\r\n EPSV\r\n211 End",
            "211-Features:\r\n UTF8\r\n211 End",
        ]);
        scene.serve(&[("FEAT", words)]);
    }
    let name: &[u8] = scene.dice.pick(&[
        "b\u{e4}r.txt".as_bytes(),
        b"b\xe4r.txt",
        "\u{65e5}\u{672c}".as_bytes(),
    ]);
    let what = scene.dice.roll(3);
    match what {
        0 => drop(scene.rig.ask(|c, now| c.change_directory(now, name))),
        1 => drop(scene.rig.ask(|c, now| c.delete(now, name))),
        _ => drop(
            scene
                .rig
                .ask(|c, now| c.retrieve(now, name, TransferOptions::default())),
        ),
    }
    scene.rig.auto_data = true;
    let words = scene.dice.pick(&[
        "550 No such file or directory.",
        "550 Failed to change directory.",
        "501 Invalid name",
        "553 File name not allowed",
    ]);
    scene.serve(&[("CWD", words), ("DELE", words), ("RETR", words)]);
    scene
}

pub(crate) fn ascii_mode(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    if scene.dice.roll(4) == 0 {
        let _ = scene.rig.ask(|c, now| c.size(now, b"f"));
        scene.serve(&[("SIZE", "550 SIZE not allowed in ASCII mode.")]);
        if scene.failure().is_none() {
            let _ = scene.rig.ask(|c, now| c.command(now, b"XSIZE f"));
            scene.serve(&[("XSIZE", "550 Not in ASCII mode")]);
        }
        return scene;
    }
    let size = 1000 + scene.dice.roll(9000);
    let how = TransferOptions {
        ascii: true,
        size: Some(size),
        ..TransferOptions::default()
    };
    let _ = scene.rig.ask(|c, now| c.retrieve(now, b"readme", how));
    scene.rig.auto_data = true;
    scene.size = size + 1 + scene.dice.roll(200);
    scene.serve(&[]);
    scene
}

pub(crate) fn no_restart(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let how = TransferOptions {
        offset: 1 + scene.dice.roll(99),
        ..TransferOptions::default()
    };
    let _ = scene.rig.ask(|c, now| c.retrieve(now, b"f", how));
    scene.rig.auto_data = true;
    scene.size = 5000;
    let words = scene.dice.pick(&[
        "502 REST not implemented",
        "501 Invalid restart point",
        "554 Restart not allowed",
        "500 unknown",
        "550 Resume point beyond end of file",
    ]);
    scene.serve(&[("REST", words)]);
    scene
}

pub(crate) fn empty_listing(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up().some_transfers();
    let what = scene.dice.roll(3);
    match what {
        0 => drop(scene.rig.ask(|c, now| c.list(now, None))),
        1 => drop(scene.rig.ask(|c, now| c.names(now, None))),
        _ => drop(scene.rig.ask(|c, now| c.facts(now, None))),
    }
    scene.rig.auto_data = true;
    scene.size = 0;
    let words = scene
        .dice
        .pick(&["", "550 No files found.", "450 No files found"]);
    if words.is_empty() {
        scene.serve(&[]);
    } else {
        scene.serve(&[("LIST", words), ("NLST", words), ("MLSD", words)]);
    }
    assert_eq!(scene.failure(), None, "{}", scene.rig.story());
    scene
}

pub(crate) fn cannot_write(dice: Dice) -> Scene {
    let mut scene = Scene::either(dice);
    scene.up();
    if scene.dice.toss() {
        scene.file();
    }
    scene.rig.auto_data = true;
    let words = scene.dice.pick(&[
        "552 Disk full - please upload later",
        "452 Insufficient storage space.",
        "553 Could not create file.",
        "550 Permission denied",
        "552 Quota exceeded",
        "553 f: Permission denied.",
    ]);
    if scene.dice.roll(3) == 0 {
        let _ = scene.rig.ask(|c, now| c.make_directory(now, b"d"));
    } else {
        let _ = scene.rig.store("f");
    }
    scene.serve(&[("STOR", words), ("MKD", words)]);
    scene
}

pub(crate) fn renegotiation(dice: Dice) -> Scene {
    const OLDER: TlsFacts = TlsFacts {
        version: TlsVersion::Tls12,
        ..RESUMED
    };
    let mut scene = Scene::tls(dice);
    scene.up();
    let upload = scene.dice.toss();
    let long = scene.dice.toss();
    if long {
        scene.rig.pass(Duration::from_secs(3700));
    }
    let bytes = if long {
        5_000_000
    } else {
        (1 << 30) + scene.dice.roll(1 << 28)
    };
    let how = TransferOptions {
        size: Some(3 << 30),
        ..TransferOptions::default()
    };
    if upload {
        let _ = scene.rig.ask(|c, now| c.store(now, b"f", how));
    } else {
        let _ = scene.rig.ask(|c, now| c.retrieve(now, b"f", how));
    }
    for _ in 0..3 {
        scene.serve(&[("RETR", "150 Opening"), ("STOR", "150 Ok")]);
        if scene.rig.desk().connect.is_some() {
            scene.rig.data_connected();
        }
        if let Some(order) = scene.rig.desk_mut().secure_data.take() {
            scene.rig.handle(Input::Report(order.secured(OLDER)));
        }
    }
    scene.rig.progress(bytes);
    if scene.dice.toss() {
        scene.rig.tick_to_deadline();
        scene.reply("426 TLS renegotiation timed out");
    } else {
        let end = scene.dice.pick(&[
            DataEnd::Failed(Fault::Reset),
            DataEnd::Tls(TlsFault::Other),
            DataEnd::Fin,
        ]);
        scene.rig.flow_finished(bytes, end);
        let words = scene.dice.pick(&[
            "426 Connection closed; transfer aborted.",
            "451 TLS renegotiation failed",
        ]);
        scene.reply(words);
    }
    scene
}
