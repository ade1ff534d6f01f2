use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;

use super::*;

#[test]
fn both_versions_connect_and_carry_data_both_ways() {
    let world = World::new();
    for version in VERSIONS {
        let mut pair = world.connect(version);
        let facts = pair.client.handshake().unwrap().clone();
        assert_eq!(facts.version, version);
        assert_eq!(facts.alpn.as_deref(), Some(&b"ftp"[..]));
        assert_eq!(facts.leaf_sha256, Some(world.issued.fingerprint()));
        assert!(
            !facts.resumed
                && !facts.resumption_offered
                && !facts.hello_retry
                && !facts.client_certificate_requested
        );
        // Of what costs least, whoever makes the certificate.
        assert!(facts.suite.contains("AES_128_GCM"), "{}", facts.suite);
        assert!(facts.group.is_some());
        assert_eq!(
            pair.server.handshake().unwrap().server_name.as_deref(),
            Some(NAME)
        );
        let identity = pair.client.peer_identity().unwrap();
        assert_eq!(identity.verdict, Verdict::Trusted);
        assert_eq!(identity.chain, world.issued.chain);

        assert_eq!(pair.client.write(b"SYST\r\n"), 6);
        pair.pump().unwrap();
        assert_eq!(read_all(&mut pair.server), b"SYST\r\n");
        assert_eq!(pair.server.write(b"215 UNIX\r\n"), 10);
        pair.pump().unwrap();
        assert!(pair.client.has_plaintext());
        assert_eq!(read_all(&mut pair.client), b"215 UNIX\r\n");
        assert!(!pair.client.has_plaintext());
        assert_eq!(pair.client.bytes_in(), pair.server.bytes_out());
        assert_eq!(pair.client.bytes_out(), pair.server.bytes_in());
    }
}

#[test]
fn nothing_can_be_written_before_the_handshake_is_done() {
    let world = World::new();
    for version in VERSIONS {
        let client = world.client().max_version(version).build().unwrap();
        let mut pair = Pair::new(
            &client.session(NAME).unwrap(),
            Purpose::Control,
            &world.server().build().unwrap().session(),
        );
        assert_eq!(pair.client.write(b"PASS secret\r\n"), 0);
        assert_eq!(pair.server.write(b"220 hello\r\n"), 0);
        pair.pump().unwrap();
        assert!(read_all(&mut pair.server).is_empty() && read_all(&mut pair.client).is_empty());
    }
}

#[test]
fn tickets_are_counted_and_taken_when_a_channel_is_opened() {
    let world = World::new();
    let server = world.server().tickets(2).build().unwrap().session();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    assert_eq!(session.tickets(), TicketCount::default());
    let _control = Pair::connected(&session, &server);
    assert_eq!(
        session.tickets(),
        TicketCount {
            tls13_available: 2,
            tls12_session: false,
            received_total: 2
        }
    );

    let mut first = Pair::new(&session, Purpose::Data, &server);
    assert_eq!(session.tickets().tls13_available, 1);
    first.pump().unwrap();
    let facts = first.client.handshake().unwrap();
    assert!(facts.resumed && facts.resumption_offered);
    assert_eq!(facts.leaf_sha256, Some(world.issued.fingerprint()));
    assert_eq!(
        first.client.peer_identity().unwrap().verdict,
        Verdict::Resumed
    );
    assert_eq!(
        session.tickets(),
        TicketCount {
            tls13_available: 3,
            tls12_session: false,
            received_total: 4
        }
    );

    // A channel that is never used takes its ticket with it.
    drop(session.open(Purpose::Data).unwrap());
    assert_eq!(session.tickets().tls13_available, 2);
}

#[test]
fn unread_tickets_run_out_and_read_ones_do_not() {
    let world = World::new();
    let server = world.server().tickets(1).build().unwrap().session();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let _control = Pair::connected(&session, &server);
    for _ in 0..100 {
        let mut data = Pair::new(&session, Purpose::Data, &server);
        data.pump().unwrap();
        assert!(data.client.handshake().unwrap().resumed);
    }
    assert_eq!(session.tickets().received_total, 101);

    // An upload that stops reading when its handshake is done, before the ticket.
    let mut data = Pair::new(&session, Purpose::Data, &server);
    data.client.take_outgoing(&mut data.to_server);
    data.server.feed(&data.to_server).unwrap();
    data.server.take_outgoing(&mut data.to_client);
    data.client.feed(&data.to_client).unwrap();
    assert!(data.client.handshake().unwrap().resumed);
    assert_eq!(session.tickets().tls13_available, 0);
    let mut next = Pair::new(&session, Purpose::Data, &server);
    next.pump().unwrap();
    assert!(!next.client.handshake().unwrap().resumed);
    assert!(!next.client.handshake().unwrap().resumption_offered);
}

#[test]
fn no_more_than_32_tickets_are_kept() {
    let world = World::new();
    let server = world.server().tickets(4).build().unwrap().session();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let _control = Pair::connected(&session, &server);
    for _ in 0..20 {
        Pair::new(&session, Purpose::Data, &server).pump().unwrap();
    }
    assert_eq!(session.tickets().received_total, 84);
    assert_eq!(session.tickets().tls13_available, 32);
    let mut data = Pair::new(&session, Purpose::Data, &server);
    data.pump().unwrap();
    assert!(data.client.handshake().unwrap().resumed);
}

#[test]
fn the_newest_ticket_is_taken_first() {
    /// Seconds since 1970.
    #[derive(Debug)]
    struct Clock(AtomicU64);
    impl TimeProvider for Clock {
        fn current_time(&self) -> Option<UnixTime> {
            let seconds = self.0.load(Ordering::Relaxed);
            Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        }
    }
    const HOUR: u64 = 3600;
    let clock = Arc::new(Clock(AtomicU64::new(1_700_000_000)));
    let world = World::new();
    let server = world
        .server()
        .clock(clock.clone())
        .build()
        .unwrap()
        .session();
    let client = world.client().clock(clock.clone()).build().unwrap();
    let session = client.session(NAME).unwrap();
    let _control = Pair::connected(&session, &server);
    // The tickets live for a day: those of the control connection are dead after 30 hours, those of the first data connection not.
    for hours in [20, 10] {
        clock.0.fetch_add(hours * HOUR, Ordering::Relaxed);
        let mut data = Pair::new(&session, Purpose::Data, &server);
        data.pump().unwrap();
        assert!(data.client.handshake().unwrap().resumed);
    }
    clock.0.fetch_add(30 * HOUR, Ordering::Relaxed);
    let mut data = Pair::new(&session, Purpose::Data, &server);
    data.pump().unwrap();
    assert!(!data.client.handshake().unwrap().resumed);
}

#[test]
fn a_tls12_session_resumes_without_limit() {
    let world = World::new();
    let server = world.server().build().unwrap().session();
    let session = world
        .client()
        .max_version(Version::Tls12)
        .build()
        .unwrap()
        .session(NAME)
        .unwrap();
    let _control = Pair::connected(&session, &server);
    assert_eq!(
        session.tickets(),
        TicketCount {
            tls13_available: 0,
            tls12_session: true,
            received_total: 0
        }
    );
    for _ in 0..20 {
        let mut data = Pair::new(&session, Purpose::Data, &server);
        data.pump().unwrap();
        let facts = data.client.handshake().unwrap();
        assert!(facts.resumed && facts.resumption_offered && facts.version == Version::Tls12);
        assert_eq!(facts.leaf_sha256, Some(world.issued.fingerprint()));
    }
    assert!(session.tickets().tls12_session);
}

#[test]
fn sessions_of_one_policy_never_share_a_ticket() {
    let world = World::new();
    for version in VERSIONS {
        let server = world.server().build().unwrap().session();
        let client = world.client().max_version(version).build().unwrap();
        let (first, second) = (client.session(NAME).unwrap(), client.session(NAME).unwrap());
        let _control = Pair::connected(&first, &server);
        assert_eq!(second.tickets(), TicketCount::default());
        let other = Pair::connected(&second, &server);
        let facts = other.client.handshake().unwrap();
        assert!(!facts.resumed && !facts.resumption_offered);
    }
}

#[test]
fn a_server_resumes_nothing_from_another_control_connection() {
    let world = World::new();
    for version in VERSIONS {
        let server = world.server().build().unwrap();
        let client = world.client().max_version(version).build().unwrap();
        let (mine, stranger) = (client.session(NAME).unwrap(), client.session(NAME).unwrap());
        let (for_me, for_stranger) = (server.session(), server.session());
        let _control = Pair::connected(&mine, &for_me);
        let _other = Pair::connected(&stranger, &for_stranger);

        // Somebody with a session of his own, at the data port that was opened for me.
        let mut data = Pair::new(&stranger, Purpose::Data, &for_me);
        data.pump().unwrap();
        assert!(data.client.handshake().unwrap().resumption_offered);
        assert!(!data.server.handshake().unwrap().resumed);

        // The right one, over several generations of tickets.
        for _ in 0..5 {
            let mut data = Pair::new(&mine, Purpose::Data, &for_me);
            data.pump().unwrap();
            assert!(data.server.handshake().unwrap().resumed);
        }
    }
}

#[test]
fn the_suites_with_aes_128_come_first_and_none_is_left_out() {
    use rustls::SupportedCipherSuite;

    let names = |suites: &[SupportedCipherSuite]| -> Vec<String> {
        let names = suites.iter().map(|suite| format!("{:?}", suite.suite()));
        names.collect()
    };
    for provider in [
        Basics::default().provider().unwrap(),
        Basics::default().later_provider().unwrap(),
    ] {
        let ours = names(&provider.cipher_suites);
        #[cfg(feature = "ring")]
        let usual = names(&rustls::crypto::ring::default_provider().cipher_suites);
        #[cfg(not(feature = "ring"))]
        let usual = names(&rustls::crypto::aws_lc_rs::default_provider().cipher_suites);
        let (first, rest): (Vec<_>, Vec<_>) = usual
            .into_iter()
            .partition(|name| name.contains("AES_128_GCM"));
        assert_eq!(first.len(), 3);
        assert_eq!(ours, [first, rest].concat());
    }
}

#[test]
fn a_provider_that_was_given_is_used_as_it_is() {
    let mut provider = CryptoProvider::clone(&Basics::default().provider().unwrap());
    provider.cipher_suites.reverse();
    let world = World::new();
    let client = world.client().provider(Arc::new(provider)).build().unwrap();
    let server = world.server().build().unwrap().session();
    let pair = Pair::connected(&client.session(NAME).unwrap(), &server);
    let facts = pair.client.handshake().unwrap();
    assert!(!facts.suite.contains("AES_128_GCM"), "{}", facts.suite);
}

/// A server that takes one group only.
fn server_of_group(world: &World, only: rustls::NamedGroup) -> ServerTlsSession {
    let mut provider = CryptoProvider::clone(&Basics::default().provider().unwrap());
    provider.kx_groups.retain(|group| group.name() == only);
    world
        .server()
        .provider(Arc::new(provider))
        .tickets(0)
        .build()
        .unwrap()
        .session()
}

#[test]
fn a_server_that_takes_one_group_only_is_met_without_another_round_trip() {
    use rustls::NamedGroup;

    for (only, name) in [
        (NamedGroup::secp256r1, "secp256r1"),
        (NamedGroup::X25519, "X25519"),
    ] {
        let world = World::new();
        let server = server_of_group(&world, only);
        let session = world.client().build().unwrap().session(NAME).unwrap();
        let control = Pair::connected(&session, &server);
        let facts = control.client.handshake().unwrap();
        assert!(!facts.hello_retry);
        assert_eq!(facts.group, Some(name));
        // What it took is offered from then on.
        let mut data = Pair::new(&session, Purpose::Data, &server);
        data.pump().unwrap();
        let facts = data.client.handshake().unwrap();
        assert!(!facts.hello_retry);
        assert_eq!(facts.group, Some(name));
    }
}

#[test]
fn a_server_that_has_taken_a_group_is_offered_one_key_share() {
    use rustls::NamedGroup;

    for only in [None, Some(NamedGroup::secp256r1), Some(NamedGroup::X25519)] {
        let world = World::new();
        let server = match only {
            Some(only) => server_of_group(&world, only),
            None => world.server().tickets(0).build().unwrap().session(),
        };
        let session = world.client().build().unwrap().session(NAME).unwrap();
        let mut unknown = session.open(Purpose::Control).unwrap();
        assert_eq!(key_shares(&mut unknown), [0x001D, 0x0017]);
        let _control = Pair::connected(&session, &server);
        let mut data = session.open(Purpose::Data).unwrap();
        let taken = match only {
            Some(NamedGroup::secp256r1) => 0x0017,
            _ => 0x001D,
        };
        assert_eq!(key_shares(&mut data), [taken], "{only:?}");
        // Another session knows nothing of it.
        let other = world.client().build().unwrap().session(NAME).unwrap();
        let mut unknown = other.open(Purpose::Control).unwrap();
        assert_eq!(key_shares(&mut unknown).len(), 2);
    }
}

#[test]
fn a_server_that_takes_another_group_than_before_asks_for_its_share() {
    use rustls::NamedGroup;

    let world = World::new();
    let before = server_of_group(&world, NamedGroup::X25519);
    let after = server_of_group(&world, NamedGroup::secp256r1);
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let _control = Pair::connected(&session, &before);
    let mut data = Pair::new(&session, Purpose::Data, &after);
    data.pump().unwrap();
    let facts = data.client.handshake().unwrap();
    assert!(facts.hello_retry);
    assert_eq!(facts.group, Some("secp256r1"));
}

/// The groups of the key shares in a ClientHello that is ready to be sent (RFC 8446 sections 4.1.2 and 4.2.8).
fn key_shares(client: &mut Channel) -> Vec<u16> {
    let mut hello = Vec::new();
    while client.wants_write() {
        client.write_to(&mut hello).unwrap();
    }
    let number = |at: usize| usize::from(hello[at]) << 8 | usize::from(hello[at + 1]);
    // Behind the headers of record and message, version and random.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + number(at);
    at += 1 + usize::from(hello[at]);
    at += 2;
    while number(at) != 51 {
        at += 4 + number(at + 2);
    }
    let end = at + 4 + number(at + 2);
    at += 6;
    let mut groups = Vec::new();
    while at < end {
        groups.push(u16::try_from(number(at)).unwrap());
        at += 4 + number(at + 2);
    }
    groups
}

#[test]
fn the_group_a_server_asked_for_is_remembered() {
    let world = World::new();
    let server = server_of_group(&world, rustls::NamedGroup::secp384r1);
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let control = Pair::connected(&session, &server);
    assert!(control.client.handshake().unwrap().hello_retry);
    let mut data = Pair::new(&session, Purpose::Data, &server);
    data.pump().unwrap();
    let facts = data.client.handshake().unwrap();
    assert!(!facts.resumed && !facts.hello_retry);
    assert_eq!(facts.group, Some("secp384r1"));
}

#[test]
fn versions_without_overlap_are_named() {
    let world = World::new();
    let cases = [
        (Version::Tls13, Version::Tls12),
        (Version::Tls12, Version::Tls13),
    ];
    for (client, server) in cases {
        let session = world
            .client()
            .min_version(client)
            .max_version(client)
            .build()
            .unwrap()
            .session(NAME)
            .unwrap();
        let server = world
            .server()
            .min_version(server)
            .max_version(server)
            .build()
            .unwrap()
            .session();
        let mut pair = Pair::new(&session, Purpose::Control, &server);
        assert!(
            matches!(pair.pump(), Err(TlsFailure::ProtocolVersion { .. })),
            "{:?}",
            pair.client.failure()
        );
        assert!(matches!(
            pair.server.failure(),
            Some(TlsFailure::ProtocolVersion { .. })
        ));
    }
}

#[test]
fn a_server_from_before_tls_12_is_named() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    // An alert as a TLS 1.0 server sends it, and one that does not tell.
    for (alert, offered) in [
        ([0x15, 3, 1, 0, 2, 2, 70], Some(0x0301)),
        ([0x15, 3, 3, 0, 2, 2, 70], None),
    ] {
        let mut client = session.open(Purpose::Control).unwrap();
        assert_eq!(
            client.feed(&alert),
            Err(TlsFailure::ProtocolVersion { offered })
        );
    }
    // A ServerHello of TLS 1.0: version, random, empty session id, suite, no compression.
    let mut hello = alloc::vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    let mut client = session.open(Purpose::Control).unwrap();
    let failure = client.feed(&hello).unwrap_err();
    assert_eq!(
        failure,
        TlsFailure::ProtocolVersion {
            offered: Some(0x0301)
        }
    );
    assert!(failure.to_string().contains("TLS 1.0"), "{failure}");
}

#[test]
fn application_protocols_must_meet() {
    let world = World::new();
    let connect = |client: ClientTlsBuilder, server: ServerTlsBuilder| {
        let session = client.build().unwrap().session(NAME).unwrap();
        let mut pair = Pair::new(
            &session,
            Purpose::Control,
            &server.build().unwrap().session(),
        );
        let result = pair.pump();
        (pair, result)
    };
    let (pair, result) = connect(world.client(), world.server().alpn(&[b"h2"]));
    assert_eq!(result, Err(TlsFailure::NoApplicationProtocol));
    assert_eq!(
        pair.server.failure(),
        Some(&TlsFailure::NoApplicationProtocol)
    );

    // Without any offer most servers go on, and ours does unless told otherwise.
    let (pair, result) = connect(world.client().alpn(&[]), world.server());
    assert_eq!(result, Ok(()));
    assert_eq!(pair.client.handshake().unwrap().alpn, None);
    let (pair, result) = connect(world.client().alpn(&[]), world.server().require_alpn());
    assert_eq!(result, Err(TlsFailure::NoApplicationProtocol));
    assert!(pair.server.is_handshaking());
    assert!(
        connect(world.client(), world.server().require_alpn())
            .1
            .is_ok()
    );
}

#[test]
fn a_missing_client_certificate_is_named_in_both_versions() {
    let world = World::new();
    for version in VERSIONS {
        let server = world
            .server()
            .client_roots_pem(&world.authority.pem, true)
            .build()
            .unwrap()
            .session();
        let session = world
            .client()
            .max_version(version)
            .build()
            .unwrap()
            .session(NAME)
            .unwrap();
        let mut pair = Pair::new(&session, Purpose::Control, &server);
        assert_eq!(
            pair.pump(),
            Err(TlsFailure::ClientCertificateRequired),
            "{version:?}"
        );
        // TLS 1.3 tells only when the client believes the handshake to be over.
        assert_eq!(pair.client.is_handshaking(), version == Version::Tls12);
    }
}

#[test]
fn a_client_certificate_is_sent_when_asked_for() {
    let world = World::new();
    let mine = world.authority.issue(3, &params(&["client.example.org"]));
    for version in VERSIONS {
        for required in [true, false] {
            let server = world
                .server()
                .client_roots_pem(&world.authority.pem, required)
                .build()
                .unwrap()
                .session();
            let client = world.client().max_version(version);
            let client = client
                .client_certificate_der(mine.chain.clone(), mine.key.clone())
                .build()
                .unwrap();
            let session = client.session(NAME).unwrap();
            let control = Pair::connected(&session, &server);
            let facts = control.client.handshake().unwrap();
            assert!(facts.client_certificate_requested && facts.client_certificate_sent);
            assert!(
                control
                    .server
                    .client_certificate()
                    .unwrap()
                    .eq(mine.chain.iter().map(|der| &der[..]))
            );

            let mut data = Pair::new(&session, Purpose::Data, &server);
            data.pump().unwrap();
            assert!(
                data.client.handshake().unwrap().resumed,
                "the same objects must serve control and data"
            );
        }
    }
}

#[test]
fn a_request_that_may_be_left_unanswered_is_recorded() {
    let world = World::new();
    for version in VERSIONS {
        let server = world
            .server()
            .client_roots_pem(&world.authority.pem, false)
            .build()
            .unwrap()
            .session();
        let session = world
            .client()
            .max_version(version)
            .build()
            .unwrap()
            .session(NAME)
            .unwrap();
        let pair = Pair::connected(&session, &server);
        let facts = pair.client.handshake().unwrap();
        assert!(facts.client_certificate_requested && !facts.client_certificate_sent);
        assert!(pair.server.client_certificate().is_none());
    }
}

#[test]
fn a_refused_client_certificate_is_named() {
    let world = World::new();
    let stranger = Authority::new(9).issue(3, &params(&["client.example.org"]));
    for version in VERSIONS {
        let server = world
            .server()
            .client_roots_pem(&world.authority.pem, true)
            .build()
            .unwrap()
            .session();
        let client = world.client().max_version(version);
        let client = client
            .client_certificate_der(stranger.chain.clone(), stranger.key.clone())
            .build()
            .unwrap();
        let mut pair = Pair::new(&client.session(NAME).unwrap(), Purpose::Control, &server);
        assert!(
            matches!(pair.pump(), Err(TlsFailure::ClientCertificateRefused(_))),
            "{:?}",
            pair.client.failure()
        );
    }
}

#[test]
fn another_maximum_version_keeps_the_rest_of_the_policy() {
    let world = World::new();
    let client = world.client().build().unwrap();
    assert_eq!(client.versions(), (Version::Tls12, Version::Tls13));
    let capped = client.with_max_version(Version::Tls12).unwrap();
    let pair = Pair::connected(
        &capped.session(NAME).unwrap(),
        &world.server().build().unwrap().session(),
    );
    assert_eq!(pair.client.handshake().unwrap().version, Version::Tls12);
    assert_eq!(
        pair.client.peer_identity().unwrap().verdict,
        Verdict::Trusted
    );
    let only_13 = world.client().min_version(Version::Tls13).build().unwrap();
    assert_eq!(
        only_13.with_max_version(Version::Tls12).unwrap_err(),
        TlsSetupError::EmptyVersionRange
    );
}

/// A server that speaks TLS 1.3 by now is not to be talked back.
#[test]
fn a_session_of_tls_12_is_forgotten_once_tls_13_was_spoken() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let old = world.server().max_version(Version::Tls12).build().unwrap();
    Pair::connected(&session, &old.session());
    assert!(session.tickets().tls12_session);
    let new = world.server().build().unwrap().session();
    let mut pair = Pair::new(&session, Purpose::Data, &new);
    pair.pump().unwrap();
    assert_eq!(pair.client.handshake().unwrap().version, Version::Tls13);
    assert!(!session.tickets().tls12_session);
}
