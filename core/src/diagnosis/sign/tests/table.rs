//! Each sign with what it is seen in, and the words it is told in.

use super::*;

/// A sign, where it is seen, and how it is told.
pub(super) fn plainly() -> Vec<(Sign, Seen, String)> {
    let no = refused(Verb::Retr, 550);
    let in_words = |sign, seen, words: &str| (sign, seen, String::from(words));
    let mut table = alloc::vec![
        in_words(Sign::NoFailure, Seen::default(), ""),
        in_words(
            Sign::Code(&[450, 550]),
            Seen::default().and(no.clone()),
            "the server said 550 no"
        ),
        in_words(
            Sign::Says(&["yes", "NO"]),
            Seen::default().and(no.clone()),
            "the server said 550 no"
        ),
        in_words(
            Sign::Verb(&[Verb::Stor, Verb::Retr]),
            Seen::default().and(no.clone()),
            "it happened to RETR"
        ),
        in_words(Sign::Transfer, Seen::default().and(no.clone()), ""),
        in_words(Sign::Refused, Seen::default().and(no), ""),
        in_words(
            Sign::First(FirstBytes::Ssh),
            came_first(b"SSH-2.0-x\r\nmore"),
            "the first bytes look like Secure Shell (SSH): SSH-2.0-x"
        ),
        in_words(
            Sign::InsteadOfTls(FirstBytes::FtpReply),
            came_instead(b"220 hi\r\n"),
            "in place of TLS came a clear FTP reply: 220 hi"
        ),
        in_words(
            Sign::Implicit,
            seen(|evidence| evidence.control.implicit = true),
            "TLS was started at once"
        ),
        in_words(Sign::NothingCame, Seen::default(), "not a single byte came"),
        in_words(
            Sign::SlowGreeting,
            greeted_after(7999),
            "the greeting took 7 s"
        ),
        in_words(
            Sign::SlowPassword,
            let_in_after(6000),
            "the answer to the password took 6 s"
        ),
        in_words(
            Sign::AuthAccepted,
            answered(&[504, 234]),
            "AUTH was accepted"
        ),
        in_words(
            Sign::AuthAnswered(&[530]),
            answered(&[530, 504]),
            "AUTH was answered with 530"
        ),
        in_words(
            Sign::AuthAnswered(&[504, 534]),
            answered(&[502, 534]),
            "AUTH was answered with 534"
        ),
        in_words(
            Sign::Secure,
            seen(|evidence| evidence.control.handshake = handshake(TlsVersion::Tls13, false)),
            "the control connection is under TLS"
        ),
        in_words(
            Sign::AfterSilence,
            seen(|evidence| evidence.control.waited = Duration::from_secs(60)),
            "it came after 60 s of silence"
        ),
        in_words(
            Sign::SilentBeforeEnd,
            seen(|evidence| {
                evidence.control.last_heard = at(5000);
                evidence.control.ended = Some(at(125_000));
            }),
            "the control connection was silent for 120 s"
        ),
        in_words(
            Sign::BeyondAscii,
            seen(|evidence| evidence.control.last_beyond_ascii = true),
            "the name holds bytes beyond ASCII"
        ),
        in_words(
            Sign::NoUtf8,
            seen(|evidence| evidence.control.features = Some(FeatureSet::default())),
            "the server does not list UTF8"
        ),
        in_words(
            Sign::LongSession,
            seen(|evidence| evidence.control.ended = Some(at(3_600_000))),
            "the session lasted more than an hour"
        ),
        in_words(
            Sign::Passive,
            in_data(|data| data.mode = Some(DataMode::Epsv)),
            "we connect to the server (passive)"
        ),
        in_words(
            Sign::Active,
            in_data(|data| data.mode = Some(DataMode::Port)),
            "the server connects to us (active)"
        ),
        in_words(
            Sign::DataTimedOut,
            in_data(|data| data.open_fault = Some(Fault::TimedOut)),
            "the data connection did not come up in time"
        ),
        in_words(
            Sign::DataPortRefused,
            in_data(|data| {
                data.port = 50_321;
                data.open_fault = Some(Fault::Refused);
            }),
            "the connection to port 50321 was refused"
        ),
        in_words(
            Sign::SetUpRefused(&[425, 501]),
            in_data(|data| data.refused = Some(number(501))),
            "setting up was refused with 501"
        ),
        in_words(
            Sign::DataConnected,
            from_connected(|_| {}),
            "the data connection was up"
        ),
        in_words(
            Sign::AdvertisedPrivate,
            advertised(PRIVATE, PUBLIC),
            "the server advertised 10.0.0.7"
        ),
        in_words(
            Sign::AdvertisedPublic,
            advertised(PUBLIC, PRIVATE),
            "the server advertised 192.0.2.1"
        ),
        in_words(
            Sign::Followed,
            in_data(|data| data.followed = true),
            "that address was connected to, as the policy allows"
        ),
        in_words(
            Sign::DataProtected,
            in_data(|data| data.protected = true),
            "the data connection was to be under TLS"
        ),
        in_words(
            Sign::DataClear,
            in_data(|data| data.mode = Some(DataMode::Pasv)),
            "the data connection was in clear text"
        ),
        in_words(
            Sign::NotResumed,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls13, false)),
            "its TLS session was a new one"
        ),
        in_words(
            Sign::DataTlsCut,
            on_data(TlsFault::ClosedInHandshake),
            "its handshake was cut"
        ),
        in_words(
            Sign::DataNotTls,
            on_data(TlsFault::NotTls),
            "what came on it was not TLS"
        ),
        in_words(
            Sign::DataTls12,
            in_data(|data| data.handshake = handshake(TlsVersion::Tls12, true)),
            "it uses TLS 1.2"
        ),
        in_words(
            Sign::NoTickets,
            Seen::default(),
            "nothing was left to resume from"
        ),
        in_words(
            Sign::Announced,
            in_data(|data| data.announced = Some(at(1))),
            "the server announced the transfer"
        ),
        in_words(
            Sign::NothingMoved,
            from_connected(|_| {}),
            "no payload moved"
        ),
        in_words(
            Sign::Stalled,
            in_data(|data| data.expired = Some(Timer::Stall)),
            "the data connection stood still"
        ),
        in_words(
            Sign::Unanswered,
            unanswered(),
            "the server said nothing about the transfer"
        ),
        in_words(
            Sign::NeverMoved,
            from_connected(|data| data.expired = Some(Timer::Stall)),
            "the data connection stood still before any payload moved"
        ),
        in_words(
            Sign::CleanEnd,
            ended(DataEnd::CloseNotify, true),
            "the data ended in order"
        ),
        in_words(
            Sign::Short,
            moved(9, Some(10), false),
            "fewer bytes moved than expected"
        ),
        in_words(
            Sign::NoCloseNotify,
            ended(DataEnd::Fin, true),
            "the data ended without close_notify"
        ),
        in_words(
            Sign::DataBroken,
            ended(RESET, false),
            "the data connection broke"
        ),
        in_words(
            Sign::Sending,
            in_data(|data| data.direction = Some(Direction::Send)),
            "payload went to the server"
        ),
        in_words(
            Sign::Receiving,
            in_data(|data| data.direction = Some(Direction::Receive)),
            "payload came from the server"
        ),
        in_words(
            Sign::AsciiSizeDiffers,
            moved(11, Some(10), true),
            "line ends were converted (TYPE A)"
        ),
        in_words(
            Sign::EmptyListing,
            listed(Verb::List, 226, 0),
            "the listing ended well and was empty"
        ),
        in_words(
            Sign::Much,
            moved(1 << 30, None, false),
            "more than a gigabyte moved"
        ),
        in_words(
            Sign::PassiveFallback,
            fell_back(DataMode::Epsv, DataMode::Pasv),
            "one passive command failed and the other was tried"
        ),
        in_words(
            Sign::ActiveFallback,
            fell_back(DataMode::Eprt, DataMode::Epsv),
            "an active mode was tried and given up"
        ),
        in_words(
            Sign::OnlyListingsWorked,
            whole(1, 0),
            "listings worked in this session and files did not"
        ),
        in_words(
            Sign::WorkedBefore,
            whole(0, 1),
            "an earlier transfer worked"
        ),
        in_words(
            Sign::EndedBeforeGreeting,
            seen(|evidence| evidence.control.ended_in = Some(Phase::Greeting))
                .and(Failure::new(FailureKind::ControlClosed, None)),
            "the connection ended before any greeting"
        ),
    ];
    // What the failure itself is called.
    for (sign, kind, words) in [
        (
            Sign::GreetingRefused,
            FailureKind::GreetingRefused,
            "the greeting refuses service",
        ),
        (
            Sign::LoginRefused,
            FailureKind::LoginRefused,
            "the login was refused",
        ),
        (
            Sign::SecurityRefused,
            FailureKind::SecurityRefused,
            "every AUTH method was refused",
        ),
        (
            Sign::ServiceClosing,
            FailureKind::ServiceClosing,
            "the server closed the session",
        ),
        (
            Sign::AccountWanted,
            FailureKind::AccountNeeded,
            "the server asked for an account",
        ),
        (
            Sign::Injected,
            FailureKind::Injected,
            "clear-text bytes came behind the reply that starts TLS",
        ),
        (
            Sign::ReuseRequired,
            FailureKind::SessionReuseRequired,
            "the server took no data connection that resumed nothing",
        ),
        (
            Sign::OutOfStep,
            FailureKind::UnexpectedReply,
            "a reply does not fit the command",
        ),
        (
            Sign::OutOfStep,
            FailureKind::Desynchronised,
            "a reply does not fit the command",
        ),
        (
            Sign::RestartRefused,
            FailureKind::RestartRefused,
            "REST was refused",
        ),
        (
            Sign::ControlLost,
            FailureKind::ControlClosed,
            "the control connection gave no more replies",
        ),
        (
            Sign::ControlLost,
            FailureKind::ControlBroken(Fault::Reset),
            "the control connection gave no more replies",
        ),
        (
            Sign::ControlLost,
            FailureKind::Unconfirmed { bytes: 1 },
            "the control connection gave no more replies",
        ),
        (
            Sign::ControlLost,
            FailureKind::TimedOut(Timer::Reply),
            "the control connection gave no more replies",
        ),
        (
            Sign::Truncated,
            FailureKind::Truncated {
                bytes: 1,
                expected: None,
            },
            "fewer bytes came than announced, or their end is missing",
        ),
        (
            Sign::TransferFailed,
            FailureKind::TransferFailed { bytes: 1 },
            "",
        ),
        (
            Sign::GreetingLate,
            FailureKind::TimedOut(Timer::Greeting),
            "the greeting did not come in time",
        ),
        (
            Sign::HandshakeLate,
            FailureKind::TimedOut(Timer::Handshake),
            "the handshake got no answer in time",
        ),
    ] {
        table.push(in_words(sign, failed(kind), words));
    }
    // What became of TLS on the control connection.
    let cut = "the connection was cut before the server said anything in TLS";
    for (sign, faults, words) in [
        (
            Sign::CutAtHello,
            &[TlsFault::ClosedAtHello, TlsFault::Reset][..],
            Some(cut),
        ),
        (
            Sign::CutInHandshake,
            &[TlsFault::ClosedInHandshake],
            Some("the connection was closed in mid-handshake"),
        ),
        (
            Sign::NotTls,
            &[TlsFault::NotTls],
            Some("what came was not TLS"),
        ),
        (
            Sign::NothingInCommon,
            &[
                TlsFault::Version,
                TlsFault::NoCommonCipher,
                TlsFault::Alert(40),
                TlsFault::Alert(70),
                TlsFault::Alert(71),
                TlsFault::Alert(86),
            ],
            None,
        ),
        (Sign::CertificateFault, &CERTIFICATES, None),
        (
            Sign::ClientCertificateWanted,
            &[TlsFault::ClientCertificate, TlsFault::Alert(116)],
            None,
        ),
        (
            Sign::OtherAlert,
            &[TlsFault::Alert(0), TlsFault::Alert(80)],
            None,
        ),
    ] {
        for fault in faults {
            let words = words.map_or_else(|| fault.to_string(), String::from);
            table.push((sign, on_control(*fault), words));
        }
    }
    for fault in CERTIFICATES {
        let words = alloc::format!("on the data connection {fault}");
        table.push((Sign::DataCertificateFault, on_data(fault), words));
    }
    table
}
