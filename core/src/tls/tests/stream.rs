use super::*;

#[test]
fn clear_text_behind_close_notify_is_left_to_the_caller() {
    const CLEAR: &[u8] = b"200 in clear\r\n";
    let world = World::new();
    for version in VERSIONS {
        let mut cut = 0;
        loop {
            let mut pair = world.connect(version);
            assert_eq!(pair.server.write(b"200 CCC ok\r\n"), 12);
            pair.server.close();
            let mut stream = Vec::new();
            pair.server.take_outgoing(&mut stream);
            let tls = stream.len();
            stream.extend_from_slice(CLEAR);
            if cut > stream.len() {
                break;
            }
            // In two segments, cut anywhere; what is not taken of the first is offered again with the second.
            let taken = pair.client.feed(&stream[..cut]).unwrap();
            assert_eq!(taken, cut.min(tls));
            let taken = taken + pair.client.feed(&stream[taken..]).unwrap();
            assert_eq!(&stream[taken..], CLEAR);
            assert!(pair.client.peer_closed());
            assert_eq!(read_all(&mut pair.client), b"200 CCC ok\r\n");
            assert_eq!(pair.client.feed(CLEAR), Ok(0));
            assert_eq!(pair.client.peer_eof(), Ok(()));

            pair.client.close();
            pair.pump().unwrap();
            assert!(
                pair.server.peer_closed() && pair.client.sent_close() && pair.server.sent_close()
            );
            cut += 1;
        }
        assert!(cut > CLEAR.len());
    }
}

#[test]
fn pieces_of_any_size_give_the_same() {
    let world = World::new();
    let payload: Vec<u8> = (0..40_000u32).map(|n| n as u8).collect();
    for version in VERSIONS {
        for size in [1, 2, 3, 4, 5, 6, 7, 64, 1000, 4096, 16_389] {
            let client = world.client().max_version(version).build().unwrap();
            let mut pair = Pair::new(
                &client.session(NAME).unwrap(),
                Purpose::Control,
                &world.server().build().unwrap().session(),
            );
            pair.pump_in_pieces(size).unwrap();
            assert!(pair.client.handshake().is_some());
            assert_eq!(pair.server.write(&payload), payload.len());
            pair.server.close();
            let mut received = Vec::new();
            while !pair.client.peer_closed() {
                pair.pump_in_pieces(size).unwrap();
                received.extend(read_all(&mut pair.client));
            }
            assert_eq!(received, payload);
        }
    }
}

#[test]
fn a_handshake_survives_a_cut_anywhere() {
    let world = World::new();
    let server = world.server().build().unwrap().session();
    for version in VERSIONS {
        let client = world.client().max_version(version).build().unwrap();
        let mut cut = 1;
        loop {
            let mut pair = Pair::new(&client.session(NAME).unwrap(), Purpose::Control, &server);
            pair.client.take_outgoing(&mut pair.to_server);
            pair.server.feed(&pair.to_server).unwrap();
            pair.to_server.clear();
            pair.server.take_outgoing(&mut pair.to_client);
            if cut >= pair.to_client.len() {
                break;
            }
            let rest = pair.to_client.split_off(cut);
            pair.pump().unwrap();
            assert!(pair.to_client.is_empty() && pair.client.is_handshaking());
            pair.to_client.splice(..0, rest);
            pair.pump().unwrap();
            assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
            cut += 1;
        }
        assert!(cut > 100);
    }
}

#[test]
fn an_end_without_close_notify_is_truncation_wherever_it_comes() {
    let world = World::new();
    for version in VERSIONS {
        // The number of the record after which, or within which, the stream ends.
        let mut records = 0;
        let mut last = false;
        while !last {
            for short in [0, 1] {
                let mut pair = world.connect(version);
                for piece in [&b"first"[..], b"second", b""] {
                    pair.server.write(piece);
                }
                pair.server.close();
                pair.server.take_outgoing(&mut pair.to_client);
                let ends = record_ends(&pair.to_client);
                let end = if records == 0 {
                    0
                } else {
                    ends[records - 1] - short
                };
                pair.client.feed(&pair.to_client[..end]).unwrap();
                let clean = end == pair.to_client.len();
                let expected = if clean {
                    Ok(())
                } else {
                    Err(TlsFailure::Truncated)
                };
                assert_eq!(pair.client.peer_eof(), expected, "{version:?} {end}");
                assert_eq!(pair.client.peer_eof(), expected);
                assert_eq!(pair.client.peer_closed(), clean);
                // What came before is still there, and we can still say goodbye.
                let whole = if records >= 2 {
                    records - usize::from(short == 1)
                } else {
                    records.saturating_sub(short)
                };
                assert_eq!(
                    read_all(&mut pair.client),
                    b"firstsecond"[..[0, 5, 11, 11][whole]]
                );
                pair.client.close();
                assert!(pair.client.sent_close() && pair.client.wants_write());
                last = records == ends.len();
            }
            records += 1;
        }
        assert_eq!(records, 4);
    }
}

#[test]
fn an_end_during_the_handshake_is_told_apart() {
    let world = World::new();
    let server = world.server().build().unwrap().session();
    for version in VERSIONS {
        let client = world.client().max_version(version).build().unwrap();
        let flight = || {
            let mut pair = Pair::new(&client.session(NAME).unwrap(), Purpose::Control, &server);
            pair.client.take_outgoing(&mut pair.to_server);
            pair.server.feed(&pair.to_server).unwrap();
            pair.server.take_outgoing(&mut pair.to_client);
            pair
        };
        let mut pair = flight();
        assert_eq!(pair.client.peer_eof(), Err(TlsFailure::EofAtClientHello));
        let length = flight().to_client.len();
        for end in [1, 2, 4, 5, 6, 64, 100, length - 1] {
            let mut pair = flight();
            pair.client.feed(&pair.to_client[..end]).unwrap();
            assert_eq!(
                pair.client.peer_eof(),
                Err(TlsFailure::EofInHandshake),
                "{end}"
            );
            // A refused handshake cannot be closed as if all were well.
            pair.client.close();
            assert!(!pair.client.sent_close());
        }
        let mut pair = flight();
        assert_eq!(
            pair.client.peer_reset(),
            Err(TlsFailure::Reset { handshaking: true })
        );
        assert_eq!(
            pair.client.peer_eof(),
            Err(TlsFailure::Reset { handshaking: true })
        );
    }
}

#[test]
fn a_reset_matters_until_the_peer_has_closed() {
    for version in VERSIONS {
        let mut pair = World::new().connect(version);
        assert_eq!(
            pair.client.peer_reset(),
            Err(TlsFailure::Reset { handshaking: false })
        );
        let mut pair = World::new().connect(version);
        pair.server.close();
        pair.pump().unwrap();
        assert_eq!(pair.client.peer_reset(), Ok(()));
        assert_eq!(pair.client.failure(), None);
    }
}

#[test]
fn channels_move_between_threads() {
    fn sent<T: Send>() {}
    fn shared<T: Send + Sync + Clone>() {}
    sent::<Channel>();
    shared::<ClientTls>();
    shared::<TlsSession>();
    shared::<ServerTls>();
    shared::<ServerTlsSession>();
}

#[test]
fn an_unauthenticated_close_notify_ends_nothing() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let mut client = session.open(Purpose::Control).unwrap();
    let _ = client.feed(&[0x15, 3, 3, 0, 2, 1, 0]);
    assert!(!client.peer_closed());
    assert!(client.peer_eof().is_err());
}

/// The very first bytes tell, few as they may be.
#[test]
fn an_end_behind_a_byte_or_two_says_whether_they_were_tls() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    for (bytes, is_tls) in [
        (&[22][..], true),
        (&[22, 3], true),
        (&[22, 3, 3], true),
        (b"2", false),
        (b"22", false),
        (&[22, 9], false),
        (&[22, 9, 3], false),
        (&[22, 3, 3, 0x40], true),
        (&[22, 3, 3, 0x49], false),
    ] {
        let mut client = session.open(Purpose::Control).unwrap();
        client.feed(bytes).unwrap();
        let failure = client.peer_eof().unwrap_err();
        match is_tls {
            true => assert_eq!(failure, TlsFailure::EofInHandshake),
            false => assert!(
                matches!(&failure, TlsFailure::NotTls { sample, .. } if sample == bytes),
                "{failure}"
            ),
        }
    }
}

#[test]
fn what_is_not_tls_is_named() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let cases: &[(&[u8], FirstBytes)] = &[
        (b"220 ready\r\n", FirstBytes::FtpReply),
        (b"421 Too many users, sorry, and a line that is much longer than what will be kept of it.\r\n", FirstBytes::FtpReply),
        (b"500 \x16\x03\x01?\r\n", FirstBytes::EchoedHello),
        (b"HTTP/1.1 400 Bad Request\r\n", FirstBytes::Http),
        (b"SSH-2.0-x\r\n", FirstBytes::Ssh),
        (b"* OK IMAP\r\n", FirstBytes::Imap),
        (&[0x80, 0x2e, 4, 0, 1, 0, 2], FirstBytes::SslV2),
        (&[0x80, 0x03, 0, 0, 1], FirstBytes::SslV2),
        (b"-rw-r--r-- 1 a b 3 x\r\n", FirstBytes::Listing),
        (&[0, 1, 2, 3, 4, 5], FirstBytes::Other),
    ];
    for (bytes, expected) in cases {
        let mut client = session.open(Purpose::Control).unwrap();
        client.take_outgoing(&mut Vec::new());
        let kept = &bytes[..bytes.len().min(FIRST_BYTES_KEPT)];
        let failure = TlsFailure::NotTls {
            looks_like: *expected,
            sample: kept.to_vec(),
            established: false,
        };
        assert_eq!(client.feed(bytes), Err(failure.clone()));
        assert_eq!(client.first_bytes(), kept);
        // The peer is told once, and the failure stays.
        assert!(client.wants_write());
        let mut alert = Vec::new();
        client.take_outgoing(&mut alert);
        assert_eq!(alert[..1], [0x15]);
        assert!(!client.wants_write());
        assert_eq!(client.feed(&[0x16, 3, 3]), Err(failure.clone()));
        assert_eq!(client.peer_eof(), Err(failure.clone()));
        assert!(!failure.to_string().is_empty() && !failure.advice().is_empty());

        // A byte at a time: found as early as a record header is whole.
        let mut client = session.open(Purpose::Control).unwrap();
        let at = bytes
            .iter()
            .position(|byte| client.feed(core::slice::from_ref(byte)).is_err());
        assert_eq!(at, Some(4));
    }
}

#[test]
fn too_little_for_a_record_is_named_at_the_end() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    for (bytes, expected) in [
        (&b"220"[..], FirstBytes::FtpReply),
        (b"\r\n", FirstBytes::Other),
        (&[0x80, 2, 1], FirstBytes::SslV2),
    ] {
        let mut client = session.open(Purpose::Control).unwrap();
        assert_eq!(client.feed(bytes), Ok(bytes.len()));
        let failure = TlsFailure::NotTls {
            looks_like: expected,
            sample: bytes.to_vec(),
            established: false,
        };
        assert_eq!(client.peer_eof(), Err(failure));
    }
}

#[test]
fn clear_text_inside_an_established_connection_is_named() {
    let world = World::new();
    for version in VERSIONS {
        let mut pair = world.connect(version);
        pair.server.write(b"230 ok\r\n");
        pair.server.take_outgoing(&mut pair.to_client);
        pair.to_client
            .extend(b"500 OOPS: cannot change directory:/home/x\r\n");
        let failure = pair.client.feed(&pair.to_client).unwrap_err();
        let expected = TlsFailure::NotTls {
            looks_like: FirstBytes::FtpReply,
            sample: b"500 OOPS: cannot change directory:/home/x\r\n".to_vec(),
            established: true,
        };
        assert_eq!(failure, expected);
        assert_eq!(read_all(&mut pair.client), b"230 ok\r\n");
    }
}

#[test]
fn a_server_names_strangers_too() {
    let world = World::new();
    let server = world.server().build().unwrap().session();
    for (bytes, expected) in [
        (&b"USER anonymous\r\n"[..], FirstBytes::Other),
        (b"GET / HTTP/1.0\r\n", FirstBytes::Http),
    ] {
        let mut channel = server.accept().unwrap();
        let failure = channel.feed(bytes).unwrap_err();
        assert!(
            matches!(failure, TlsFailure::NotTls { looks_like, .. } if looks_like == expected),
            "{failure:?}"
        );
    }
}

#[test]
fn a_changed_byte_is_corruption() {
    let world = World::new();
    for version in VERSIONS {
        let mut at = 5;
        loop {
            let mut pair = world.connect(version);
            pair.server.write(b"payload");
            pair.server.take_outgoing(&mut pair.to_client);
            if at >= pair.to_client.len() {
                break;
            }
            pair.to_client[at] ^= 1;
            assert!(matches!(
                pair.client.feed(&pair.to_client),
                Err(TlsFailure::Corrupt(_))
            ));
            assert!(read_all(&mut pair.client).is_empty());
            at += 1;
        }
        assert!(at > 20);
    }
}

#[test]
fn unread_plaintext_stops_the_feeding_and_loses_nothing() {
    let world = World::new();
    for version in VERSIONS {
        let mut pair = world.connect(version);
        let payload: Vec<u8> = (0..300_000u32).map(|n| ((n * 7) >> 3) as u8).collect();
        let mut sent = 0;
        let mut received = Vec::new();
        let mut paused = 0;
        while received.len() < payload.len() {
            sent += pair.server.write(&payload[sent..]);
            pair.server.take_outgoing(&mut pair.to_client);
            let taken = pair.client.feed(&pair.to_client).unwrap();
            if taken < pair.to_client.len() {
                paused += 1;
                assert!(pair.client.has_plaintext() && !pair.client.wants_read());
                assert_eq!(pair.client.feed(&pair.to_client[taken..]), Ok(0));
            }
            pair.to_client.drain(..taken);
            // Both ways of reading, mixed.
            let piece = pair.client.plaintext().to_vec();
            let half = piece.len().div_ceil(2);
            received.extend(&piece[..half]);
            pair.client.consume(half);
            received.extend(read_all(&mut pair.client));
            assert!(!pair.client.has_plaintext() && pair.client.plaintext().is_empty());
            assert!(pair.client.wants_read());
        }
        assert!(paused > 0);
        assert!(received == payload);
        pair.client.consume(usize::MAX);
        assert!(pair.client.wants_read());
    }
}

#[test]
fn unsent_ciphertext_stops_the_writing() {
    let mut pair = World::new().connect(Version::Tls13);
    let payload = alloc::vec![7; 1_000_000];
    let mut total = 0;
    loop {
        match pair.client.write(&payload) {
            0 => break,
            count => total += count,
        }
    }
    assert!((16 * 1024..=128 * 1024).contains(&total), "{total}");
    pair.client.take_outgoing(&mut pair.to_server);
    assert!(pair.client.write(&payload) > 0);
}

#[test]
fn a_sink_that_blocks_loses_nothing() {
    /// Takes a few bytes, then blocks, in turns.
    struct Slow(Vec<u8>, bool);
    impl std::io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(std::io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(7);
            self.0.extend(&bytes[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut pair = World::new().connect(Version::Tls13);
    pair.client.write(b"STOR file\r\n");
    let mut sink = Slow(Vec::new(), false);
    let mut blocked = 0;
    while pair.client.wants_write() {
        blocked += u32::from(pair.client.write_to(&mut sink).is_err());
    }
    assert!(blocked > 1);
    pair.server.feed(&sink.0).unwrap();
    assert_eq!(read_all(&mut pair.server), b"STOR file\r\n");
}

#[test]
fn nothing_is_written_after_close() {
    for version in VERSIONS {
        let mut pair = World::new().connect(version);
        pair.client.close();
        pair.client.close();
        assert_eq!(pair.client.write(b"late"), 0);
        pair.pump().unwrap();
        assert!(pair.server.peer_closed() && !pair.client.peer_closed());
        // The other direction goes on: a server still sends its tickets and its answer.
        assert_eq!(pair.server.write(b"answer"), 6);
        pair.server.close();
        pair.pump().unwrap();
        assert_eq!(read_all(&mut pair.client), b"answer");
        assert!(pair.client.peer_closed());
        assert!(read_all(&mut pair.server).is_empty());
    }
}

#[test]
fn used_up_keys_are_a_failure_and_never_a_short_file() {
    let mut pair = World::new().connect(Version::Tls12);
    pair.client.leave_records(2);
    let payload = alloc::vec![1; 50_000];
    assert_eq!(pair.client.write(&payload), 32 * 1024);
    assert_eq!(pair.client.write(&payload), 0);
    assert_eq!(pair.client.failure(), Some(&TlsFailure::KeysExhausted));
    pair.client.close();
    pair.client.take_outgoing(&mut pair.to_server);
    pair.server.feed(&pair.to_server).unwrap();
    assert!(!pair.server.peer_closed());
    // TLS 1.3 changes its keys by itself.
    let pair = World::new().connect(Version::Tls13);
    assert!(pair.client.records_left() == u64::MAX);
}

#[test]
fn no_input_panics() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let server = world.server().build().unwrap().session();
    let mut state = 1u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for round in 0..3000 {
        let mut bytes: Vec<u8> = (0..random() % 80).map(|_| random() as u8).collect();
        // Half of them with a plausible header.
        if round % 2 == 0 && bytes.len() > 5 {
            let body = (bytes.len() - 5) as u8;
            bytes[..5].copy_from_slice(&[
                20 + (random() % 5) as u8,
                3,
                (random() % 5) as u8,
                0,
                body,
            ]);
        }
        let mut channel = if round % 4 < 2 {
            session.open(Purpose::Control).unwrap()
        } else {
            server.accept().unwrap()
        };
        let cut = random() % (bytes.len() + 1);
        for piece in [&bytes[..cut], &bytes[cut..]] {
            let _ = channel.feed(piece);
        }
        let _ = channel.peer_eof();
        channel.take_outgoing(&mut Vec::new());
        assert!(channel.is_handshaking() && read_all(&mut channel).is_empty());
    }
}

/// A handshake message of 64 KiB in many records, of which none is complete: held up to a bound, then refused.
#[test]
fn a_handshake_message_without_end_is_not_collected() {
    let world = World::new();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    for fragment in [1000, 16 * 1024] {
        let mut client = session.open(Purpose::Control).unwrap();
        client.take_outgoing(&mut Vec::new());
        // Certificate (11), as long as its three bytes of length can say.
        let mut body = alloc::vec![11, 0xff, 0xff, 0xff];
        let mut fed = 0;
        let failure = loop {
            body.resize(fragment, 0);
            let [high, low] = u16::try_from(fragment).unwrap().to_be_bytes();
            let mut record = alloc::vec![0x16, 3, 3, high, low];
            record.extend(&body);
            body.clear();
            fed += record.len();
            assert!(fed < 1 << 18, "still taken after {fed} bytes");
            if let Err(failure) = client.feed(&record) {
                break failure;
            }
        };
        assert!(
            matches!(failure, TlsFailure::Corrupt(_) | TlsFailure::Misbehaved(_)),
            "{failure:?}"
        );
        assert!(client.bytes_in() <= 2 << 16);
        assert_eq!(client.feed(&[0x16]), Err(failure));
    }
}

/// What is said about a record, at the moment it is refused.
#[test]
fn a_record_longer_than_the_standard_allows_is_no_tls() {
    let world = World::new();
    let mut client = {
        let session = world.client().build().unwrap().session(NAME).unwrap();
        session.open(Purpose::Control).unwrap()
    };
    let failure = client.feed(&[0x16, 3, 3, 0x48, 0x01]).unwrap_err();
    assert!(matches!(failure, TlsFailure::NotTls { .. }), "{failure:?}");
}
