//! What comes near a sign and is none, and where a sign begins.

use super::*;

/// What comes close to each sign, and is not it.
#[test]
fn what_only_looks_like_a_sign_is_none() {
    let refused_file = refused(Verb::Retr, 550);
    for (sign, seen) in [
        (
            Sign::Code(&[450]),
            Seen::default().and(refused_file.clone()),
        ),
        (Sign::Code(&[550]), failed(FailureKind::Refused)),
        (
            Sign::Verb(&[Verb::Stor]),
            Seen::default().and(refused_file.clone()),
        ),
        (Sign::Verb(&[Verb::Stor]), failed(FailureKind::Refused)),
        (
            Sign::Says(&["nothing"]),
            Seen::default().and(refused_file.clone()),
        ),
        (Sign::Says(&["no"]), failed(FailureKind::Refused)),
        (
            Sign::Transfer,
            Seen::default().and(refused(Verb::Dele, 550)),
        ),
        (Sign::NothingCame, came_first(b"2")),
        (Sign::First(FirstBytes::Silence), Seen::default()),
        (Sign::First(FirstBytes::Smtp), came_first(b"SSH-2.0-x\r\n")),
        (Sign::InsteadOfTls(FirstBytes::Silence), Seen::default()),
        (
            Sign::InsteadOfTls(FirstBytes::Ssh),
            came_instead(b"220 hi\r\n"),
        ),
        // A greeting, and a reply to the password, that a person waits for.
        (Sign::SlowGreeting, greeted_after(4999)),
        (Sign::SlowPassword, let_in_after(4999)),
        (Sign::SlowGreeting, Seen::default()),
        (Sign::SlowPassword, Seen::default()),
        (Sign::AuthAccepted, answered(&[200, 530])),
        (Sign::AuthAnswered(&[530]), answered(&[504, 534])),
        (
            Sign::AfterSilence,
            seen(|evidence| evidence.control.waited = Duration::from_millis(59_999)),
        ),
        (
            Sign::SilentBeforeEnd,
            seen(|evidence| {
                evidence.control.last_heard = at(5000);
                evidence.control.ended = Some(at(124_999));
            }),
        ),
        // It has not ended.
        (
            Sign::SilentBeforeEnd,
            seen(|evidence| evidence.control.last_heard = at(5000)),
        ),
        (Sign::BeyondAscii, Seen::default()),
        // FEAT was not asked.
        (Sign::NoUtf8, Seen::default()),
        (
            Sign::NoUtf8,
            seen(|evidence| {
                let mut features = FeatureSet::default();
                features.insert(Known::Utf8);
                evidence.control.features = Some(features);
            }),
        ),
        (
            Sign::LongSession,
            seen(|evidence| evidence.control.ended = Some(at(3_599_999))),
        ),
        (
            Sign::EndedBeforeGreeting,
            seen(|evidence| evidence.control.ended_in = Some(Phase::Login))
                .and(Failure::new(FailureKind::ControlClosed, None)),
        ),
        (
            Sign::EndedBeforeGreeting,
            seen(|evidence| evidence.control.ended_in = Some(Phase::Greeting))
                .and(Failure::new(FailureKind::GreetingRefused, None)),
        ),
        (Sign::Passive, Seen::default()),
        (Sign::Active, Seen::default()),
        (
            Sign::Passive,
            in_data(|data| data.mode = Some(DataMode::Eprt)),
        ),
        (
            Sign::Active,
            in_data(|data| data.mode = Some(DataMode::Pasv)),
        ),
        (Sign::DataClear, Seen::default()),
        (
            Sign::DataClear,
            in_data(|data| {
                data.mode = Some(DataMode::Pasv);
                data.protected = true;
            }),
        ),
        (
            Sign::SetUpRefused(&[425]),
            in_data(|data| data.refused = Some(number(501))),
        ),
        (
            Sign::NotResumed,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls13, true)),
        ),
        (
            Sign::DataTls12,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls13, true)),
        ),
        (
            Sign::NoTickets,
            in_data(|data| data.tickets = Tickets::Left(1)),
        ),
        (Sign::NothingMoved, Seen::default()),
        (Sign::NothingMoved, from_connected(|data| data.bytes = 1)),
        (
            Sign::Stalled,
            in_data(|data| data.expired = Some(Timer::Drain)),
        ),
        (Sign::NeverMoved, from_connected(|_| {})),
        (
            Sign::NeverMoved,
            from_connected(|data| {
                data.bytes = 1;
                data.expired = Some(Timer::Stall);
            }),
        ),
        // Under TLS an end without close_notify may be anybody's.
        (Sign::CleanEnd, ended(DataEnd::Fin, true)),
        (Sign::CleanEnd, ended(RESET, true)),
        (Sign::CleanEnd, Seen::default()),
        (Sign::NoCloseNotify, ended(DataEnd::Fin, false)),
        (Sign::NoCloseNotify, ended(DataEnd::CloseNotify, true)),
        (Sign::DataBroken, ended(DataEnd::Local, true)),
        (Sign::DataBroken, ended(DataEnd::Fin, true)),
        (Sign::Short, moved(10, Some(10), false)),
        (Sign::Short, moved(10, None, false)),
        (Sign::Short, moved(9, Some(10), true)),
        (Sign::AsciiSizeDiffers, moved(10, Some(10), true)),
        (Sign::AsciiSizeDiffers, moved(9, Some(10), false)),
        (Sign::AsciiSizeDiffers, moved(9, None, true)),
        (Sign::Much, moved((1 << 30) - 1, None, false)),
        (
            Sign::Sending,
            in_data(|data| data.direction = Some(Direction::Receive)),
        ),
        (
            Sign::Receiving,
            in_data(|data| data.direction = Some(Direction::Send)),
        ),
        (Sign::EmptyListing, listed(Verb::Retr, 226, 0)),
        (Sign::EmptyListing, listed(Verb::List, 226, 1)),
        (Sign::EmptyListing, listed(Verb::List, 425, 0)),
        (
            Sign::PassiveFallback,
            fell_back(DataMode::Epsv, DataMode::Port),
        ),
        (
            Sign::PassiveFallback,
            fell_back(DataMode::Port, DataMode::Epsv),
        ),
        (Sign::PassiveFallback, Seen::default()),
        (
            Sign::ActiveFallback,
            fell_back(DataMode::Epsv, DataMode::Port),
        ),
        (Sign::ActiveFallback, Seen::default()),
        (Sign::OnlyListingsWorked, whole(1, 1)),
        (Sign::OnlyListingsWorked, whole(0, 0)),
        (Sign::WorkedBefore, whole(0, 0)),
        // Addresses that are the peer's own, and such as mean the same everywhere or nowhere.
        (Sign::AdvertisedPrivate, advertised(PRIVATE, PRIVATE)),
        (Sign::AdvertisedPrivate, advertised(PRIVATE, "10.0.0.8")),
        (Sign::AdvertisedPrivate, advertised("192.0.2.2", PUBLIC)),
        (
            Sign::AdvertisedPrivate,
            in_data(|data| data.advertised = ip(PRIVATE)),
        ),
        (Sign::AdvertisedPublic, advertised(PUBLIC, PUBLIC)),
        (
            Sign::AdvertisedPublic,
            advertised(PUBLIC, "::ffff:192.0.2.1"),
        ),
        (Sign::AdvertisedPublic, advertised("10.0.0.8", PRIVATE)),
        (Sign::AdvertisedPublic, advertised("192.0.2.2", PUBLIC)),
        (
            Sign::AdvertisedPublic,
            in_data(|data| data.advertised = ip(PUBLIC)),
        ),
    ] {
        assert!(!seen.shows(sign), "{sign:?} in {seen:?}");
    }
}

#[test]
fn a_pause_is_one_from_its_first_moment_on() {
    assert!(greeted_after(5000).shows(Sign::SlowGreeting));
    assert!(let_in_after(5000).shows(Sign::SlowPassword));
}

/// A session is as long as the last thing that happened in it is late.
#[test]
fn the_length_of_a_session_is_known_while_it_lasts_too() {
    let hour = 3_600_000;
    let so_far = |heard, ended, data_ended: Option<u64>| {
        seen(|evidence| {
            evidence.control.started = at(1000);
            evidence.control.last_heard = at(heard);
            evidence.control.ended = ended;
            evidence.data.ended = data_ended.map(|time| (RESET, at(time)));
        })
        .shows(Sign::LongSession)
    };
    assert!(so_far(1000 + hour, None, None));
    assert!(so_far(1000, None, Some(1000 + hour)));
    assert!(so_far(1000 + hour, None, Some(2000)));
    assert!(!so_far(hour, None, Some(hour)));
    // What counts of an end is when it was.
    assert!(!so_far(1000 + hour, Some(at(2000)), None));
}

/// A data connection that nobody saw fail did not come up if the server lost patience over it.
#[test]
fn a_data_connection_that_does_not_come_up_is_told_in_several_ways() {
    for fault in [Fault::TimedOut, Fault::Unreachable] {
        assert!(in_data(|data| data.open_fault = Some(fault)).shows(Sign::DataTimedOut));
    }
    let kind = FailureKind::DataOpen(Fault::TimedOut);
    assert!(failed(kind).shows(Sign::DataTimedOut));
    assert!(!failed(FailureKind::DataOpen(Fault::Refused)).shows(Sign::DataTimedOut));
    for code in [421, 425, 426] {
        assert!(
            gave_up_after(5000, code).shows(Sign::DataTimedOut),
            "{code}"
        );
        assert!(
            !gave_up_after(4999, code).shows(Sign::DataTimedOut),
            "{code}"
        );
    }
    assert!(!gave_up_after(5000, 226).shows(Sign::DataTimedOut));
    assert!(!Seen::default().shows(Sign::DataTimedOut));
    // It came up; it was refused in so many words; its end is known otherwise.
    for change in [
        (|data: &mut DataEvidence| data.connected = Some(at(1))) as fn(&mut DataEvidence),
        |data| data.refused = Some(number(425)),
        |data| data.open_fault = Some(Fault::Reset),
    ] {
        let mut seen = gave_up_after(60_000, 425);
        change(&mut seen.evidence.data);
        assert!(!seen.shows(Sign::DataTimedOut), "{seen:?}");
    }
}

#[test]
fn a_port_is_refused_by_a_refusal_or_a_reset_of_the_connection() {
    for (fault, shown) in [
        (Fault::Refused, true),
        (Fault::Reset, true),
        (Fault::TimedOut, false),
        (Fault::Unreachable, false),
    ] {
        let seen = in_data(|data| data.open_fault = Some(fault));
        assert_eq!(seen.shows(Sign::DataPortRefused), shown, "{fault}");
    }
    let seen = in_data(|data| {
        data.open_fault = Some(Fault::Refused);
        data.refused = Some(number(425));
    });
    assert!(!seen.shows(Sign::DataPortRefused));
}

/// RFC 959 section 4.2: x5z is the file system. A server that refuses the file closes what it had opened for it.
#[test]
fn what_a_refused_file_does_to_its_data_connection_means_nothing() {
    let closed = in_data(|data| data.open_fault = Some(Fault::Refused));
    let cut = on_data(TlsFault::ClosedAtHello);
    for (kind, code, means) in [
        (FailureKind::Refused, 550, false),
        (FailureKind::Refused, 553, false),
        // Not for good, not about the file, not a refusal.
        (FailureKind::Refused, 450, true),
        (FailureKind::Refused, 522, true),
        (FailureKind::TransferFailed { bytes: 0 }, 550, true),
    ] {
        let failure = told(kind, Verb::Retr, code, "no");
        let (closed, cut) = (
            closed.clone().and(failure.clone()),
            cut.clone().and(failure),
        );
        assert_eq!(
            closed.shows(Sign::DataPortRefused),
            means,
            "{kind:?} {code}"
        );
        assert_eq!(cut.shows(Sign::DataTlsCut), means, "{kind:?} {code}");
    }
}

/// A command that has nothing to do with data connections says nothing about the latest one.
#[test]
fn a_refusal_is_about_the_data_connection_only_if_its_command_is() {
    let seen = |verb, kind| {
        let failure = told(kind, verb, 501, "no");
        from_connected(|_| {})
            .and(failure)
            .shows(Sign::DataConnected)
    };
    for verb in [
        Verb::Retr,
        Verb::Stor,
        Verb::List,
        Verb::Epsv,
        Verb::Port,
        Verb::Allo,
        Verb::Rest,
        Verb::Type,
    ] {
        assert!(seen(verb, FailureKind::Refused), "{verb:?}");
    }
    for verb in [Verb::Mkd, Verb::Dele, Verb::Size, Verb::Cwd] {
        assert!(!seen(verb, FailureKind::Refused), "{verb:?}");
        assert!(seen(verb, FailureKind::Desynchronised), "{verb:?}");
    }
    let nobody = Failure::new(FailureKind::Refused, None);
    assert!(
        from_connected(|_| {})
            .and(nobody)
            .shows(Sign::DataConnected)
    );
}

#[test]
fn a_transfer_is_told_by_its_command_or_by_what_only_transfers_fail_of() {
    for kind in [
        FailureKind::DataTls(TlsFault::Reset),
        FailureKind::SessionReuseRequired,
    ] {
        assert!(failed(kind).shows(Sign::Transfer), "{kind:?}");
    }
    assert!(!failed(FailureKind::ControlTls(TlsFault::Reset)).shows(Sign::Transfer));
}

/// The server is silent about a transfer only if it was asked for, its data connection was up, and nothing at all was heard.
#[test]
fn silence_about_a_transfer_is_silence() {
    for change in [
        (|data: &mut DataEvidence| data.connected = None) as fn(&mut DataEvidence),
        |data| data.announced = Some(at(2)),
        |data| data.final_reply = Some((number(226), at(2))),
        |data| data.ended = Some((DataEnd::Fin, at(2))),
    ] {
        let mut seen = unanswered();
        change(&mut seen.evidence.data);
        assert!(!seen.shows(Sign::Unanswered), "{seen:?}");
    }
    let late = FailureKind::TimedOut(Timer::Reply);
    let other_verb = Failure::new(late, Some(Verb::Noop));
    let other_timer = Failure::new(FailureKind::TimedOut(Timer::Stall), Some(Verb::List));
    for failure in [other_verb, other_timer] {
        assert!(!unanswered().and(failure).shows(Sign::Unanswered));
    }
}

#[test]
fn a_listing_is_empty_by_a_completion_or_by_a_refusal_that_servers_give_for_it() {
    for verb in [Verb::List, Verb::Nlst, Verb::Mlsd] {
        for (code, shown) in [
            (226, true),
            (250, true),
            (450, true),
            (550, true),
            (426, false),
            (530, false),
        ] {
            assert_eq!(
                listed(verb, code, 0).shows(Sign::EmptyListing),
                shown,
                "{code}"
            );
        }
    }
    assert!(!in_data(|data| data.verb = Some(Verb::List)).shows(Sign::EmptyListing));
}

#[test]
fn one_transfer_is_enough_to_have_worked() {
    for (listings, files) in [(1, 0), (0, 1), (2, 3)] {
        assert!(whole(listings, files).shows(Sign::WorkedBefore));
    }
}

#[test]
fn private_addresses() {
    for (address, private) in [
        ("10.1.2.3", true),
        ("172.16.0.1", true),
        ("172.32.0.1", false),
        ("192.168.255.1", true),
        ("100.64.0.1", true),
        ("100.127.255.1", true),
        ("100.128.0.1", false),
        ("101.64.0.1", false),
        ("169.254.1.1", true),
        ("127.0.0.9", true),
        ("0.0.0.0", true),
        ("192.0.2.1", false),
        ("8.8.8.8", false),
        ("fd00::1", true),
        ("fc00::1", true),
        ("fe00::1", false),
        ("fe80::1", true),
        ("febf::1", true),
        ("fec0::1", false),
        ("::1", true),
        ("::", true),
        ("2001:db8::1", false),
        ("::ffff:10.0.0.1", true),
    ] {
        assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
    }
}

#[test]
fn words_in_any_case_and_anywhere() {
    assert!(says(
        b"Non-anonymous sessions must use ENCRYPTION.",
        "encryption"
    ));
    assert!(!says(b"enc", "encryption"));
    assert!(!says(b"", "a"));
}
