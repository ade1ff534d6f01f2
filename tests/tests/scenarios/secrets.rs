//! What a server repeats of a password or an account: masked in text, which is for people, and nowhere else.

use ftp_proto::{Client, Done, Event, Input, Instant, Output, Secret, TicketId};
use ftp_proto_tests::rig::{CANARY, PEER, Rig, USER, in_clear};

/// Logged in, nothing under way.
fn session(password: &[u8], account: Option<&[u8]>) -> Client {
    let mut client = Client::new(in_clear(), PEER.parse().unwrap(), Instant::ZERO);
    let (password, account) = (Secret::new(password), account.map(Secret::new));
    client
        .login(Instant::ZERO, USER.as_bytes(), password, account)
        .unwrap();
    for reply in ["220 hi", "331 go on", "230 in"] {
        hear(&mut client, reply.as_bytes());
    }
    client
}

/// What comes of a reply: the text that is shown of it, and the result it leads to.
fn hear(client: &mut Client, reply: &[u8]) -> (Vec<u8>, Option<Result<Vec<u8>, String>>) {
    client.consume_outgoing(client.outgoing().len());
    let line = [reply, b"\r\n"].concat();
    client.handle(Instant::ZERO, Input::Control(&line));
    let (mut shown, mut result) = (Vec::new(), None);
    while let Some(output) = client.poll() {
        match output {
            Output::Event(Event::Received { reply, .. }) => shown = reply.text().to_vec(),
            Output::Event(Event::Finished { result: how, .. }) => {
                result = Some(match how {
                    Ok(Done::Reply(reply)) => Ok(reply.text().to_vec()),
                    Ok(Done::PathName(name)) => Ok(name.unwrap_or_default().to_vec()),
                    Ok(Done::Features(_, text)) => Ok(text.to_vec()),
                    Ok(Done::Size(size)) => Ok(size.to_string().into_bytes()),
                    Ok(_) => Ok(Vec::new()),
                    Err(failure) => Err(failure.to_string()),
                });
            }
            _ => {}
        }
    }
    client.consume_outgoing(client.outgoing().len());
    (shown, result)
}

#[test]
fn text_is_masked_in_events_results_and_failures() {
    let mut client = session(b"hunter2", Some(b"accounting"));
    client.noop(Instant::ZERO).unwrap();
    let (shown, result) = hear(
        &mut client,
        b"200-hunter2\r\n accounting\r\n200 \"hunter2\"",
    );
    assert_eq!(shown, b"****\n ****\n\"****\"");
    assert_eq!(result, Some(Ok(shown)));

    client.features(Instant::ZERO).unwrap();
    let (_, result) = hear(&mut client, b"211-x\r\n SIZE\r\n hunter2\r\n211 end");
    assert_eq!(result, Some(Ok(b"x\n SIZE\n ****\nend".to_vec())));

    client.command(Instant::ZERO, b"SITE WHO").unwrap();
    let (_, result) = hear(&mut client, b"200 hunter2");
    assert_eq!(result, Some(Ok(b"****".to_vec())));

    client.delete(Instant::ZERO, b"f").unwrap();
    let (_, result) = hear(&mut client, b"550 not with hunter2");
    let failure = result.unwrap().unwrap_err();
    assert!(failure.contains("550 not with ****"), "{failure}");
}

/// What an application works with is what the server said.
#[test]
fn values_stay_as_they_are() {
    let mut client = session(b"hunter2", None);
    client.working_directory(Instant::ZERO).unwrap();
    let (shown, result) = hear(&mut client, b"257 \"/home/hunter2\" it is");
    assert_eq!(shown, b"\"/home/****\" it is");
    assert_eq!(result, Some(Ok(b"/home/hunter2".to_vec())));

    client.entry(Instant::ZERO, Some(b"hunter2")).unwrap();
    let (shown, result) = hear(
        &mut client,
        b"250-hunter2\r\n type=file; hunter2\r\n250 hunter2",
    );
    assert_eq!(shown, b"****\n type=file; ****\n****");
    assert_eq!(
        result,
        Some(Ok(b"****\n type=file; hunter2\n****".to_vec()))
    );

    client.status(Instant::ZERO, Some(b"dir")).unwrap();
    let (_, result) = hear(&mut client, b"212-hunter2\r\nhunter2\r\n212 end");
    assert_eq!(result, Some(Ok(b"****\nhunter2\nend".to_vec())));
    // Without a path it is about the session.
    client.status(Instant::ZERO, None).unwrap();
    let (_, result) = hear(&mut client, b"211-x\r\n hunter2\r\n211 end");
    assert_eq!(result, Some(Ok(b"x\n ****\nend".to_vec())));

    let mut client = session(b"1234567", None);
    client.size(Instant::ZERO, b"f").unwrap();
    hear(&mut client, b"200 TYPE is I");
    let (shown, result) = hear(&mut client, b"213 1234567");
    assert_eq!(shown, b"****");
    assert_eq!(result, Some(Ok(b"1234567".to_vec())));
}

#[test]
fn a_short_password_is_a_word_like_any_other() {
    let mut client = session(b"start", None);
    client.noop(Instant::ZERO).unwrap();
    let (shown, _) = hear(&mut client, b"200 start");
    assert_eq!(shown, b"start");
}

/// Servers greet before they are told anything, and yet may know.
#[test]
fn what_came_before_the_login_is_masked_where_it_is_kept() {
    let mut client = Client::new(in_clear(), PEER.parse().unwrap(), Instant::ZERO);
    client.start_recording(1 << 20);
    hear(&mut client, b"220 c4n4ry-s3cr3t is expected");
    let password = Secret::new(CANARY.as_bytes());
    client
        .login(Instant::ZERO, USER.as_bytes(), password, None)
        .unwrap();
    let record = client.recording().unwrap();
    let said = format!("{record} {:?} {client:?}", client.evidence());
    assert!(!said.contains(CANARY) && said.contains("****"), "{said}");
}

/// Also where a part of what is looked for was known before: an account that is written as the password would be shown.
#[test]
fn what_came_before_is_masked_though_its_other_form_was_known() {
    let mut client = Client::new(in_clear(), PEER.parse().unwrap(), Instant::ZERO);
    hear(&mut client, b"220 s3cr3t\tword is expected");
    let first = |client: &Client| format!("{:?}", client.evidence().control.first_bytes);
    assert!(first(&client).contains("s3cr3t"), "{}", first(&client));
    let shown = Secret::new(br"s3cr3t\tword");
    client.account(Instant::ZERO, &shown).unwrap();
    let password = Secret::new(b"s3cr3t\tword");
    client
        .login(Instant::ZERO, USER.as_bytes(), password, None)
        .unwrap();
    assert!(!first(&client).contains("s3cr3t"), "{}", first(&client));
}

/// The bench repeats the password in every reply; here in forms a server may choose.
#[test]
fn in_all_forms_and_pieces() {
    for form in [
        "c4n4ry-s3cr3t",
        "\"c4n4ry-s3cr3t\"",
        "c4n4ry-s3cr3tc4n4ry-s3cr3t",
        "PASS c4n4ry-s3cr3t",
    ] {
        for reply in ["230", "430", "530", "421", "332", "500"] {
            let mut rig = Rig::new(in_clear());
            rig.login();
            rig.reply("220 hi\r\n").reply("331 go on\r\n");
            rig.reply(&format!(
                "{reply}-{form}\r\n {form}\r\n{form}\r\n{reply} {form}\r\n"
            ));
        }
    }
}

/// A password may be in a SITE too: it leaves, and is shown nowhere, nor is what the server repeats of it.
#[test]
fn the_password_in_a_site_command_is_not_shown() {
    type Ask = fn(&mut Client) -> TicketId;
    let typed: Ask = |client| {
        let asked = client.site(Instant::ZERO, b"PSWD old-s3cr3t new-s3cr3t");
        asked.unwrap().id()
    };
    let raw: Ask = |client| {
        let asked = client.command(Instant::ZERO, b"site pswd old-s3cr3t new-s3cr3t");
        asked.unwrap().id()
    };
    for (ask, shown) in [(typed, "SITE PSWD ****"), (raw, "site pswd ****")] {
        let mut client = Client::new(in_clear(), PEER.parse().unwrap(), Instant::ZERO);
        client.start_recording(1 << 20);
        let password = Secret::new(b"hunter2");
        client
            .login(Instant::ZERO, USER.as_bytes(), password, None)
            .unwrap();
        for reply in ["220 hi", "331 go on", "230 in"] {
            hear(&mut client, reply.as_bytes());
        }
        ask(&mut client);
        let outgoing = String::from_utf8(client.outgoing().to_vec()).unwrap();
        assert!(
            outgoing
                .to_uppercase()
                .starts_with("SITE PSWD OLD-S3CR3T NEW-S3CR3T")
        );
        let mut sent = Vec::new();
        while let Some(output) = client.poll() {
            if let Output::Event(Event::Sent { line, .. }) = output {
                sent.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        assert_eq!(sent, [shown]);
        let (shown, _) = hear(
            &mut client,
            b"200 not old-s3cr3t, but new-s3cr3t from now on",
        );
        assert_eq!(shown, b"not ****, but **** from now on");
        let trace = client.recording().unwrap();
        let record = format!("{trace}{}", trace.to_json_lines());
        assert!(!record.contains("s3cr3t"), "{record}");
        assert!(record.contains("****"));
        ftp_proto::trace::replay(&trace).unwrap();
    }
}

/// What holds none is shown as it is.
#[test]
fn a_site_command_without_a_password_is_shown() {
    let mut rig = Rig::clear(in_clear());
    rig.ask(|client, now| client.site(now, b"CHMOD 644 f"));
    assert_eq!(
        rig.log(),
        [ftp_proto_tests::rig::Seen::Sent("SITE CHMOD 644 f".into())]
    );
}
