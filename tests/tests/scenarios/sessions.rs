//! Whole sessions.

use ftp_proto::client::{AuthMethod, ClearText, Security};
use ftp_proto::{Config, DataEnd, DataTarget, Direction, FailureKind, Note, Proof, Secret};
use ftp_proto_tests::rig::{Act, CANARY, FULL_HANDSHAKE, RESUMED, Rig, Seen};

use super::{download, lock_step};

#[test]
fn the_default_session_leaves_login_protection_and_download_in_one_write() {
    let mut rig = Rig::new(Config::default());
    let login = rig.login();
    let file = rig.retrieve("/pub/a.txt");
    assert!(rig.sent().is_empty(), "the server speaks first");
    rig.reply("220 hi\r\n");
    assert_eq!(rig.sent(), ["AUTH TLS"]);
    rig.reply("234 go\r\n");
    assert!(rig.did(Act::SecureControl));
    assert!(!rig.client().reads_control());
    rig.secure_ok();
    let pass = format!("PASS {CANARY}");
    assert_eq!(
        rig.writes(),
        [[
            "USER alice",
            &pass,
            "PBSZ 0",
            "PROT P",
            "TYPE I",
            "SIZE /pub/a.txt",
            "EPSV",
            "RETR /pub/a.txt"
        ]]
    );
    rig.reply("331 password\r\n230 in\r\n200 PBSZ=0\r\n");
    assert_eq!(
        rig.result(login),
        None,
        "data protection is not settled yet"
    );
    rig.reply("200 private\r\n");
    rig.done(login);
    rig.reply("200 binary\r\n213 1000\r\n229 ok (|||40001|)\r\n");
    assert!(rig.did(Act::Connect(DataTarget::Peer { port: 40001 })));
    rig.data_connected();
    assert!(
        rig.did(Act::SecureData),
        "TLS starts without waiting for 150"
    );
    rig.data_secured().reply("150 coming\r\n");
    assert!(rig.did(Act::Flow {
        direction: Direction::Receive,
        ascii: false,
        protected: true
    }));
    rig.flow_finished(1000, DataEnd::CloseNotify);
    assert_eq!(rig.result(file), None, "226 is still due");
    rig.reply("226 sent\r\n");
    let done = rig.done(file);
    assert_eq!(
        (done.bytes, done.expected, done.proof),
        (1000, Some(1000), Proof::CleanEnd)
    );
    assert!(rig.sent().is_empty());
    assert_eq!(
        rig.notes()
            .into_iter()
            .filter(|note| !matches!(note, Note::DataConnected(_)))
            .map(|note| format!("{note:?}")
                .split(['(', ' '])
                .next()
                .unwrap()
                .to_owned())
            .collect::<Vec<_>>(),
        ["ControlSecured", "DataSecured"]
    );
    assert!(rig.notes().contains(&Note::ControlSecured(FULL_HANDSHAKE)));
    assert!(
        rig.notes()
            .iter()
            .any(|note| matches!(note, Note::DataSecured(_, facts) if *facts == RESUMED))
    );
    download(&mut rig_auto(rig), "/pub/b.txt");
}

fn rig_auto(mut rig: Rig) -> Rig {
    rig.auto_data = true;
    rig
}

#[test]
fn the_next_download_asks_no_type_again() {
    let mut rig = super::secure();
    download(&mut rig, "a");
    rig.retrieve("b");
    assert_eq!(rig.writes(), [["SIZE b", "EPSV", "RETR b"]]);
}

#[test]
fn lock_step_sends_one_command_at_a_time() {
    let mut rig = Rig::new(lock_step());
    let login = rig.login();
    let file = rig.retrieve("a");
    let dialogue = [
        ("220 hi\r\n", "AUTH TLS"),
        ("234 go\r\n", "USER alice"),
        ("331 password\r\n", "PASS c4n4ry-s3cr3t"),
        ("230 in\r\n", "PBSZ 0"),
        ("200 0\r\n", "PROT P"),
        ("200 private\r\n", "TYPE I"),
        ("200 binary\r\n", "EPSV"),
        ("229 (|||2121|)\r\n", "RETR a"),
    ];
    rig.auto_control = true;
    rig.auto_data = true;
    for (reply, command) in dialogue {
        rig.reply(reply);
        assert_eq!(rig.sent(), [command]);
    }
    rig.done(login);
    rig.reply("150 yes\r\n")
        .flow_finished(1, DataEnd::CloseNotify)
        .reply("226 done\r\n");
    assert_eq!(rig.done(file).expected, None);
    assert!(
        !rig.notes().contains(&Note::LockStep),
        "nothing fell back, it was asked for"
    );
}

#[test]
fn size_is_asked_in_lock_step_only_when_told_always() {
    use ftp_proto::client::SizeCheck;
    for (check, batched, asked) in [
        (SizeCheck::Never, true, false),
        (SizeCheck::Never, false, false),
        (SizeCheck::WhenFree, true, true),
        (SizeCheck::WhenFree, false, false),
        (SizeCheck::Always, true, true),
        (SizeCheck::Always, false, true),
    ] {
        let mut config = if batched {
            Config::default()
        } else {
            lock_step()
        };
        config.size_check = check;
        let mut rig = Rig::secure(config);
        rig.auto_data = true;
        rig.retrieve("a");
        rig.reply("200 binary\r\n");
        let sent = rig.sent();
        assert_eq!(
            sent.iter().any(|line| line == "SIZE a"),
            asked,
            "{check:?} {batched}: {sent:?}"
        );
    }
}

#[test]
fn a_clear_session_by_policy_sends_no_auth_and_no_prot() {
    let mut config = Config::default();
    config.security = Security::clear(ClearText::Everybody);
    let mut rig = Rig::new(config);
    rig.auto_data = true;
    let login = rig.login();
    let file = rig.retrieve("a");
    rig.reply("220 hi\r\n");
    let pass = format!("PASS {CANARY}");
    assert_eq!(
        rig.writes(),
        [["USER alice", &pass, "TYPE I", "SIZE a", "EPSV", "RETR a"]]
    );
    let clear = rig
        .log()
        .iter()
        .position(|seen| *seen == Seen::Note(Note::GoingOnInClear));
    let user = rig
        .log()
        .iter()
        .position(|seen| *seen == Seen::Sent("USER alice".into()));
    assert!(clear.is_some() && clear < user, "said before USER");
    rig.reply("331 password\r\n230 in\r\n200 binary\r\n213 4\r\n229 (|||2121|)\r\n150 yes\r\n");
    rig.done(login);
    assert!(!rig.did(Act::SecureData));
    rig.flow_finished(4, DataEnd::Fin).reply("226 done\r\n");
    assert_eq!(rig.done(file).proof, Proof::CleanEnd);
}

#[test]
fn anonymous_only_lets_anonymous_and_ftp_in_and_nobody_else() {
    for (user, goes) in [
        ("anonymous", true),
        ("FTP", true),
        ("alice", false),
        ("", false),
    ] {
        let mut config = Config::default();
        config.security = Security::clear(ClearText::Anonymous);
        let mut rig = Rig::new(config);
        let login = rig.try_ask(|client, now| {
            client.login(now, user.as_bytes(), Secret::new(b"guest@"), None)
        });
        let Ok(login) = login else {
            assert_eq!(user, "", "an empty name cannot be sent");
            continue;
        };
        rig.reply("220 hi\r\n");
        if goes {
            assert_eq!(rig.sent(), [format!("USER {user}"), "PASS guest@".into()]);
        } else {
            assert!(rig.sent().is_empty());
            assert_eq!(rig.failed(login), FailureKind::ClearLoginForbidden);
        }
    }
}

/// The policy is about names; what is asked for afterwards is as free as in any session.
#[test]
fn anonymous_only_forbids_nothing_but_other_names() {
    let mut config = Config::default();
    config.security = Security::clear(ClearText::Anonymous);
    let mut rig = Rig::new(config);
    rig.auto_data = true;
    let login =
        rig.ask(|client, now| client.login(now, b"anonymous", Secret::new(b"guest@"), None));
    rig.reply("220 hi\r\n").reply("331 p\r\n230 in\r\n");
    rig.done(login);
    rig.forget();
    let file = rig.retrieve("f");
    assert_eq!(rig.sent(), ["TYPE I", "SIZE f", "EPSV", "RETR f"]);
    rig.reply("200 I\r\n213 3\r\n229 (|||2121|)\r\n150 ok\r\n")
        .flow_finished(3, DataEnd::Fin)
        .reply("226 sent\r\n");
    assert_eq!(rig.done(file).bytes, 3);
}

/// Very old servers say 334 and mean 234; only who takes that for granted goes on.
#[test]
fn a_334_starts_tls_only_where_the_caller_takes_it_for_234() {
    for taken in [true, false] {
        let mut config = Config::default();
        config.security = match taken {
            true => Security::required().accept_334(),
            false => Security::required(),
        };
        let mut rig = Rig::new(config);
        let login = rig.login();
        rig.reply("220 hi\r\n").reply("334 go on\r\n");
        assert_eq!(rig.did(Act::SecureControl), taken);
        if taken {
            rig.secure_ok();
            assert_eq!(rig.sent()[1], "USER alice");
        } else {
            assert_eq!(rig.failed(login), FailureKind::UnexpectedReply);
            assert!(rig.is_closed());
        }
    }
}

#[test]
fn anonymous_only_after_every_method_was_refused() {
    let mut config = Config::default();
    config.security = Security::required().or_clear(ClearText::Anonymous);
    let mut rig = Rig::new(config);
    let login = rig.login();
    let file = rig.retrieve("a");
    rig.reply("220 hi\r\n")
        .reply("504 no TLS\r\n")
        .reply("504 no SSL\r\n");
    assert_eq!(rig.sent(), ["AUTH TLS", "AUTH SSL"]);
    assert_eq!(rig.failed(login), FailureKind::ClearLoginForbidden);
    assert_eq!(rig.failed(file), FailureKind::NotAttempted);
    assert!(
        rig.notes()
            .contains(&Note::AuthRefused(AuthMethod::Ssl, code(504)))
    );
}

fn code(value: u16) -> ftp_proto::wire::reply::Code {
    ftp_proto::wire::reply::Code::new(value).unwrap()
}

#[test]
fn implicit_tls_comes_before_the_greeting_and_still_asks_for_protection() {
    let mut config = Config::default();
    config.security = Security::implicit();
    let mut rig = Rig::new(config);
    let login = rig.login();
    assert_eq!(rig.acts(), [Act::SecureControl]);
    assert!(!rig.client().reads_control());
    assert_eq!(rig.notes(), [Note::DeprecatedSecurity(None)]);
    rig.secure_ok();
    assert!(rig.sent().is_empty(), "the greeting comes first");
    rig.reply("220 hi\r\n");
    let pass = format!("PASS {CANARY}");
    assert_eq!(rig.writes(), [["USER alice", &pass, "PBSZ 0", "PROT P"]]);
    rig.reply("331 password\r\n230 in\r\n200 0\r\n200 private\r\n");
    rig.done(login);
}

#[test]
fn auth_ssl_follows_only_a_refused_auth_tls_and_never_assumes_protection() {
    let mut rig = Rig::new(Config::default());
    rig.login();
    rig.reply("220 hi\r\n")
        .reply("504 no\r\n")
        .reply("234 ok\r\n")
        .secure_ok();
    assert!(
        rig.notes()
            .contains(&Note::DeprecatedSecurity(Some(AuthMethod::Ssl)))
    );
    let sent = rig.sent();
    assert_eq!(sent[..2], ["AUTH TLS", "AUTH SSL"]);
    assert_eq!(sent[4..], ["PBSZ 0", "PROT P"]);
}

#[test]
fn clear_data_by_policy_asks_for_prot_c_and_takes_p_when_the_server_insists() {
    let mut config = Config::default();
    config.security = Security::required().clear_data();
    let mut rig = Rig::new(config);
    rig.auto_data = true;
    let login = rig.login();
    rig.reply("220 hi\r\n").reply("234 ok\r\n").secure_ok();
    assert_eq!(rig.sent()[3..], ["PBSZ 0", "PROT C"]);
    rig.reply("331 password\r\n230 in\r\n200 0\r\n534 private only\r\n");
    assert_eq!(rig.sent(), ["PROT P"]);
    rig.reply("200 private\r\n");
    rig.done(login);
    rig.retrieve("a");
    rig.reply("200 binary\r\n").reply("229 (|||2121|)\r\n");
    assert!(rig.did(Act::SecureData));
}

#[test]
fn requests_run_in_the_order_they_were_asked_in() {
    let mut rig = super::clear();
    let tickets: Vec<_> = ["one", "two", "three"]
        .map(|path| rig.ask(|c, now| c.delete(now, path.as_bytes())))
        .into();
    for (index, path) in ["one", "two", "three"].iter().enumerate() {
        assert_eq!(
            rig.sent(),
            [format!("DELE {path}")],
            "what changes the remote side goes alone"
        );
        rig.reply("250 gone\r\n");
        rig.done(tickets[index]);
    }
}

#[test]
fn commands_that_only_read_ride_together() {
    let mut rig = super::clear();
    let pwd = rig.ask(|c, now| c.working_directory(now));
    let syst = rig.ask(|c, now| c.system(now));
    let noop = rig.ask(|c, now| c.noop(now));
    assert_eq!(rig.sent(), ["PWD", "SYST", "NOOP"]);
    rig.reply("257 \"/\"\r\n215 UNIX Type: L8\r\n200 ok\r\n");
    assert_eq!(rig.done(pwd), Some(b"/".to_vec()));
    assert_eq!(rig.done(syst).text, b"UNIX Type: L8");
    assert_eq!(rig.done(noop).code.value(), 200);
}
