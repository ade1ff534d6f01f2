use alloc::string::String;

use super::*;

fn connect(
    client: ClientTlsBuilder,
    server: &Issued,
    name: &str,
) -> (Pair, Result<(), TlsFailure>) {
    let session = client.build().unwrap().session(name).unwrap();
    let mut pair = Pair::new(
        &session,
        Purpose::Control,
        &server_with(server).build().unwrap().session(),
    );
    let result = pair.pump();
    (pair, result)
}

/// The failure, which must also be in the identity, must have reached the server as an alert, and must leave no way to go on.
fn refused(client: ClientTlsBuilder, server: &Issued, name: &str) -> TlsFailure {
    let (mut pair, result) = connect(client, server, name);
    let failure = result.unwrap_err();
    let identity = pair.client.peer_identity().unwrap();
    assert_eq!(identity.verdict, Verdict::Refused(failure.clone()));
    assert_eq!(identity.leaf_sha256, server.fingerprint());
    assert_eq!(identity.chain, server.chain);
    assert!(
        matches!(pair.server.failure(), Some(TlsFailure::AlertReceived(_))),
        "{:?}",
        pair.server.failure()
    );
    assert_eq!(pair.client.feed(b"x"), Err(failure.clone()));
    assert_eq!(pair.client.write(b"USER a\r\n"), 0);
    assert!(pair.client.is_handshaking());
    failure
}

#[test]
fn an_unknown_issuer_is_refused() {
    let world = World::new();
    let stranger = Authority::new(9).issue(3, &params(&[NAME]));
    for version in VERSIONS {
        assert_eq!(
            refused(world.client().max_version(version), &stranger, NAME),
            TlsFailure::UnknownIssuer
        );
    }
}

#[test]
fn a_self_signed_certificate_is_told_from_an_unknown_issuer() {
    let world = World::new();
    assert_eq!(
        refused(
            world.client(),
            &Issued::self_signed(3, &params(&[NAME])),
            NAME
        ),
        TlsFailure::SelfSigned
    );
}

#[test]
fn an_authority_certificate_as_server_certificate_is_named() {
    let world = World::new();
    let mut own = params(&[NAME]);
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(
        refused(world.client(), &Issued::self_signed(3, &own), NAME),
        TlsFailure::CaUsedAsEndEntity
    );
}

#[test]
fn a_wrong_name_is_told_with_the_right_ones() {
    let world = World::new();
    let expected = |name: &str| TlsFailure::WrongName {
        expected: name.into(),
        presented: [NAME, "127.0.0.1", "::1"].map(String::from).to_vec(),
    };
    for name in ["ftp.example.com", "127.0.0.2", "[::2]"] {
        let failure = refused(world.client(), &world.issued, name);
        let TlsFailure::WrongName { presented, .. } = &failure else {
            panic!("{failure:?}")
        };
        assert_eq!(presented.len(), 3, "{failure:?}");
        assert_eq!(failure, expected(name.trim_matches(['[', ']'])));
    }
    let nameless = world.authority.issue(3, &params(&[]));
    assert_eq!(
        refused(world.client(), &nameless, NAME),
        TlsFailure::WrongName {
            expected: NAME.into(),
            presented: Vec::new()
        }
    );
}

#[test]
fn names_addresses_and_brackets_are_accepted() {
    let world = World::new();
    for name in [
        NAME,
        "FTP.Example.ORG",
        "ftp.example.org.",
        "127.0.0.1",
        "::1",
        "[::1]",
    ] {
        assert_eq!(
            connect(world.client(), &world.issued, name).1,
            Ok(()),
            "{name}"
        );
    }
    let client = world.client().build().unwrap();
    for name in [
        "",
        "a b",
        "münchen.example",
        "[ftp.example.org]",
        "[::1",
        "1.2.3",
        "a\r\nb",
    ] {
        assert_eq!(
            client.session(name).unwrap_err(),
            TlsSetupError::BadServerName(name.into())
        );
    }
    for name in ["fe80::1%eth0", "[fe80::1%25eth0]"] {
        assert_eq!(
            client.session(name).unwrap_err(),
            TlsSetupError::ZoneInAddress(name.into())
        );
    }
}

#[test]
fn dates_are_checked() {
    let world = World::new();
    let mut old = params(&[NAME]);
    old.not_before = rcgen::date_time_ymd(2001, 1, 1);
    old.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let failure = refused(world.client(), &world.authority.issue(3, &old), NAME);
    assert_eq!(
        failure,
        TlsFailure::Expired {
            not_after: Some(1_009_843_200)
        }
    );
    let mut early = params(&[NAME]);
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let failure = refused(world.client(), &world.authority.issue(3, &early), NAME);
    assert!(
        matches!(
            failure,
            TlsFailure::NotYetValid {
                not_before: Some(_)
            }
        ),
        "{failure:?}"
    );
}

#[test]
fn a_pin_accepts_what_no_authority_would() {
    let mut own = params(&["other.example"]);
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    own.not_after = rcgen::date_time_ymd(2002, 1, 1);
    own.not_before = rcgen::date_time_ymd(2001, 1, 1);
    for own in [own, params(&[])] {
        let own = Issued::self_signed(3, &own);
        for version in VERSIONS {
            let client = ClientTls::builder()
                .pin_sha256(own.fingerprint())
                .max_version(version);
            let (pair, result) = connect(client, &own, NAME);
            assert_eq!(result, Ok(()));
            assert_eq!(
                pair.client.peer_identity().unwrap().verdict,
                Verdict::Pinned
            );
        }
    }
}

#[test]
fn a_pin_refuses_every_other_certificate() {
    let world = World::new();
    let own = Issued::self_signed(3, &params(&[NAME]));
    // Trusted roots do not make up for it.
    let failure = refused(
        world.client().pin_sha256(own.fingerprint()),
        &world.issued,
        NAME,
    );
    assert_eq!(
        failure,
        TlsFailure::PinMismatch {
            seen: world.issued.fingerprint()
        }
    );
}

/// A server that shows this certificate and signs with another key: built by hand, since the builder refuses it.
fn thief_of(own: &Issued) -> Channel {
    let thief = Key::new(4);
    assert_eq!(
        ServerTls::builder()
            .certificate_der(own.chain.clone(), thief.der.clone())
            .build()
            .unwrap_err(),
        TlsSetupError::KeyMismatch
    );
    let chain = own
        .chain
        .iter()
        .map(|der| rustls::pki_types::CertificateDer::from(der.clone()))
        .collect();
    let certified = rustls::sign::CertifiedKey::new(chain, Arc::clone(&thief.signing));
    let config = rustls::ServerConfig::builder_with_provider(Basics::default().provider().unwrap())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    Channel::server(
        rustls::ServerConnection::new(Arc::new(config)).unwrap(),
        false,
    )
}

/// What comes of it if this server is met.
fn meets(session: &TlsSession, purpose: Purpose, server: Channel) -> Result<(), TlsFailure> {
    let mut pair = Pair {
        client: session.open(purpose).unwrap(),
        server,
        to_client: Vec::new(),
        to_server: Vec::new(),
    };
    pair.pump()
}

#[test]
fn a_pin_does_not_accept_a_stolen_certificate() {
    let own = Issued::self_signed(3, &params(&[NAME]));
    for version in VERSIONS {
        let pinned = ClientTls::builder().pin_sha256(own.fingerprint());
        let any = ClientTls::builder().dangerous_accept_any_certificate();
        for client in [pinned, any] {
            let client = client.alpn(&[]).max_version(version).build().unwrap();
            let session = client.session(NAME).unwrap();
            let met = meets(&session, Purpose::Control, thief_of(&own));
            assert_eq!(met, Err(TlsFailure::BadSignature), "{version:?}");
        }
    }
}

/// The control connection's certificate is not judged again, but the key is.
#[test]
fn a_data_connection_does_not_accept_the_control_connections_certificate_from_a_thief() {
    let world = World::new();
    for version in VERSIONS {
        let client = world.client().alpn(&[]).max_version(version);
        let session = client.build().unwrap().session(NAME).unwrap();
        let server = world.server().build().unwrap().session();
        Pair::connected(&session, &server);
        let met = meets(&session, Purpose::Data, thief_of(&world.issued));
        assert_eq!(met, Err(TlsFailure::BadSignature), "{version:?}");
    }
}

#[test]
fn an_exception_adds_to_the_authorities() {
    let world = World::new();
    let own = Issued::self_signed(3, &params(&[NAME]));
    let other = Issued::self_signed(4, &params(&[NAME]));
    let client = || world.client().also_trust_sha256(own.fingerprint());
    let (pair, result) = connect(client(), &own, NAME);
    assert_eq!(result, Ok(()));
    assert_eq!(
        pair.client.peer_identity().unwrap().verdict,
        Verdict::TrustedInSpiteOf(TlsFailure::SelfSigned)
    );
    let (pair, result) = connect(client(), &world.issued, NAME);
    assert_eq!(result, Ok(()));
    assert_eq!(
        pair.client.peer_identity().unwrap().verdict,
        Verdict::Trusted
    );
    assert_eq!(refused(client(), &other, NAME), TlsFailure::SelfSigned);
    // Alone it is a pin.
    let alone = || ClientTls::builder().also_trust_sha256(own.fingerprint());
    assert_eq!(connect(alone(), &own, NAME).1, Ok(()));
    assert_eq!(refused(alone(), &other, NAME), TlsFailure::SelfSigned);
}

#[test]
fn accepting_anything_still_tells_what_was_wrong() {
    let world = World::new();
    let own = Issued::self_signed(3, &params(&[NAME]));
    let verdict = |client: ClientTlsBuilder, issued: &Issued| {
        let (pair, result) = connect(client.dangerous_accept_any_certificate(), issued, NAME);
        assert_eq!(result, Ok(()));
        pair.client.peer_identity().unwrap().verdict.clone()
    };
    assert_eq!(
        verdict(world.client(), &own),
        Verdict::Unchecked(Some(TlsFailure::SelfSigned))
    );
    assert_eq!(
        verdict(world.client(), &world.issued),
        Verdict::Unchecked(None)
    );
    assert_eq!(
        verdict(ClientTls::builder(), &own),
        Verdict::Unchecked(None)
    );
}

#[test]
fn a_data_connection_must_show_the_certificate_of_its_control_connection() {
    let world = World::new();
    let other = world.authority.issue(5, &params(&[NAME]));
    for version in VERSIONS {
        let control_server = world.server().build().unwrap().session();
        let data_server = server_with(&other).build().unwrap().session();
        let session = world
            .client()
            .max_version(version)
            .build()
            .unwrap()
            .session(NAME)
            .unwrap();
        let _control = Pair::connected(&session, &control_server);
        let mut data = Pair::new(&session, Purpose::Data, &data_server);
        let expected = TlsFailure::DataCertificateDiffers {
            control: world.issued.fingerprint(),
            data: other.fingerprint(),
        };
        assert_eq!(data.pump(), Err(expected));

        // A control connection opened anew is not bound by the last one.
        let again = Pair::connected(&session, &data_server);
        assert_eq!(
            again.client.handshake().unwrap().leaf_sha256,
            Some(other.fingerprint())
        );

        let lax = world
            .client()
            .max_version(version)
            .allow_other_data_certificate()
            .build()
            .unwrap();
        let session = lax.session(NAME).unwrap();
        let _control = Pair::connected(&session, &control_server);
        assert_eq!(
            Pair::new(&session, Purpose::Data, &data_server).pump(),
            Ok(())
        );
    }
}

#[test]
fn impossible_set_ups_are_refused() {
    let world = World::new();
    let own = Issued::self_signed(3, &params(&[NAME]));
    let error = |builder: ClientTlsBuilder| builder.build().unwrap_err();
    assert_eq!(error(ClientTls::builder()), TlsSetupError::NothingTrusted);
    assert!(matches!(
        error(ClientTls::builder().roots_pem(b"no certificate")),
        TlsSetupError::BadRoot(_)
    ));
    assert!(matches!(
        error(ClientTls::builder().roots(RootCertStore::empty())),
        TlsSetupError::BadRoot(_)
    ));
    assert_eq!(
        error(
            world
                .client()
                .min_version(Version::Tls13)
                .max_version(Version::Tls12)
        ),
        TlsSetupError::EmptyVersionRange
    );
    assert_eq!(error(world.client().alpn(&[b""])), TlsSetupError::BadAlpn);
    assert_eq!(
        error(
            world
                .client()
                .client_certificate_der(own.chain.clone(), Key::new(8).der)
        ),
        TlsSetupError::KeyMismatch
    );
    assert!(matches!(
        error(world.client().client_certificate_pem(b"", b"")),
        TlsSetupError::BadCertificate(_)
    ));
    assert!(matches!(
        error(world.client().client_certificate_der(Vec::new(), own.key)),
        TlsSetupError::BadCertificate(_)
    ));
    assert_eq!(
        ServerTls::builder().build().unwrap_err(),
        TlsSetupError::NoCertificate
    );
}

#[test]
fn nothing_secret_is_in_a_debug_form() {
    let world = World::new();
    let mine = world.authority.issue(3, &params(&["client.example.org"]));
    let client = world
        .client()
        .client_certificate_der(mine.chain.clone(), mine.key.clone())
        .build()
        .unwrap();
    let session = client.session(NAME).unwrap();
    let pair = Pair::connected(&session, &world.server().build().unwrap().session());
    let text = alloc::format!("{client:?} {session:?} {:?} {:?}", pair.client, pair.server);
    // The seed of the key, as lists and strings show it.
    assert!(
        !text.contains("3, 3, 3") && !text.contains("\\u{3}\\u{3}") && !text.contains("030303"),
        "{text}"
    );
}
