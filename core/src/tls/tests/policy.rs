//! What a policy is made of, beyond authorities and pins: providers, the application's own verifiers and decisions, what is shown of it.

use alloc::format;
use alloc::string::{String, ToString};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified};
use rustls::crypto::{GetRandomFailed, SecureRandom, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, DigitallySignedStruct, Error};

use super::super::fingerprint::Sha256;
use super::super::setup::OwnCertificate;
use super::super::store::SessionStore;
use super::super::verify::{SessionCertificate, SessionVerifier, Trust};
use super::*;

fn provider() -> CryptoProvider {
    CryptoProvider::clone(&Basics::default().provider().unwrap())
}

/// Says this about every certificate, counts how often, and leaves signatures to the provider.
#[derive(Debug)]
struct Opinion {
    error: Option<Error>,
    asked: AtomicU32,
}

impl Opinion {
    fn new(error: Option<Error>) -> Arc<Opinion> {
        let asked = AtomicU32::new(0);
        Arc::new(Opinion { error, asked })
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn algorithms() -> WebPkiSupportedAlgorithms {
        provider().signature_verification_algorithms
    }
}

impl ServerCertVerifier for Opinion {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match &self.error {
            None => Ok(ServerCertVerified::assertion()),
            Some(error) => Err(error.clone()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &Self::algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &Self::algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        Self::algorithms().supported_schemes()
    }
}

fn meet(client: ClientTlsBuilder, server: ServerTlsBuilder) -> (Pair, Result<(), TlsFailure>) {
    let session = client.build().unwrap().session(NAME).unwrap();
    let server = server.build().unwrap().session();
    let mut pair = Pair::new(&session, Purpose::Control, &server);
    let result = pair.pump();
    (pair, result)
}

#[test]
fn the_applications_verifier_decides_and_its_reasons_are_kept() {
    let world = World::new();
    let met = |opinion| {
        let client = ClientTls::builder().verifier(Opinion::new(opinion));
        meet(client, world.server()).1
    };
    assert_eq!(met(None), Ok(()));
    let no = CertificateError::ApplicationVerificationFailure;
    assert_eq!(met(Some(no.into())), Err(TlsFailure::CertificateRejected));
    // A verifier that tells no names: the one that was asked for is known.
    let elsewhere = CertificateError::NotValidForName;
    assert_eq!(
        met(Some(elsewhere.into())),
        Err(TlsFailure::WrongName {
            expected: NAME.to_string(),
            presented: Vec::new()
        })
    );
}

/// Data connections show it again, and servers that resume nothing have many of them.
#[test]
fn the_control_connections_certificate_is_judged_once() {
    let world = World::new();
    let other = world.authority.issue(5, &params(&[NAME]));
    for version in VERSIONS {
        let opinion = Opinion::new(None);
        let client = ClientTls::builder().verifier(opinion.clone());
        let client = client.max_version(version).allow_other_data_certificate();
        let session = client.build().unwrap().session(NAME).unwrap();
        // Each knows nothing of the sessions of the others.
        let server = |issued| server_with(issued).build().unwrap().session();
        let shows = |issued| {
            let mut data = Pair::new(&session, Purpose::Data, &server(issued));
            assert_eq!(data.pump(), Ok(()));
            assert!(!data.client.handshake().unwrap().resumed);
            let identity = data.client.peer_identity().unwrap();
            assert_eq!(identity.verdict, Verdict::Trusted);
            assert_eq!(identity.leaf_sha256, issued.fingerprint());
            assert_eq!(identity.chain, issued.chain);
            opinion.asked()
        };
        Pair::connected(&session, &server(&world.issued));
        assert_eq!(opinion.asked(), 1);
        assert_eq!([(); 3].map(|()| shows(&world.issued)), [1, 1, 1]);
        // Another one is judged by itself, each time.
        assert_eq!([(); 2].map(|()| shows(&other)), [2, 3]);
        assert_eq!(shows(&world.issued), 3);
        // And nothing is left of it for the next control connection.
        Pair::connected(&session, &server(&world.issued));
        assert_eq!(opinion.asked(), 4);
    }
}

/// No judgement comes with a control connection that is resumed.
#[test]
fn what_was_resumed_is_judged_when_it_is_shown() {
    let world = World::new();
    for version in VERSIONS {
        let opinion = Opinion::new(None);
        let client = ClientTls::builder().verifier(opinion.clone());
        let client = client.max_version(version).build().unwrap();
        let session = client.session(NAME).unwrap();
        let server = || world.server().build().unwrap().session();
        let first = server();
        Pair::connected(&session, &first);
        let control = Pair::connected(&session, &first);
        assert!(control.client.handshake().unwrap().resumed);
        assert_eq!(opinion.asked(), 1);
        let mut data = Pair::new(&session, Purpose::Data, &server());
        assert_eq!(data.pump(), Ok(()));
        assert_eq!(opinion.asked(), 2);
    }
}

/// A verifier may fail without a word about the certificate.
#[test]
fn a_verifier_that_fails_is_no_consent() {
    let world = World::new();
    let broken = Opinion::new(Some(Error::General("no store".to_string())));
    let client = ClientTls::builder().verifier(broken);
    let (pair, result) = meet(client, world.server());
    let failure = result.unwrap_err();
    assert!(failure.to_string().contains("no store"), "{failure}");
    assert!(pair.client.is_handshaking());
    assert!(matches!(
        &pair.client.peer_identity().unwrap().verdict,
        Verdict::Refused(TlsFailure::UnsupportedCertificate(what)) if what.contains("no store")
    ));
}

#[test]
fn a_server_may_leave_client_certificates_to_the_application() {
    let world = World::new();
    let mine = world.authority.issue(3, &params(&["client.example.org"]));
    let stranger = Authority::new(8).issue(9, &params(&["client.example.org"]));
    let mut roots = RootCertStore::empty();
    super::super::setup::add_roots_pem(&mut roots, &world.authority.pem).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider()))
            .build()
            .unwrap();
    for version in VERSIONS {
        for (shown, is_welcome) in [(&mine, true), (&stranger, false)] {
            let client = world
                .client()
                .max_version(version)
                .client_certificate_der(shown.chain.clone(), shown.key.clone());
            let (pair, result) = meet(client, world.server().client_verifier(verifier.clone()));
            if is_welcome {
                assert_eq!(result, Ok(()), "{version:?}");
                let mut chain = pair.server.client_certificate().unwrap();
                assert_eq!(chain.next(), Some(&shown.chain[0][..]));
            } else {
                assert!(result.is_err(), "{version:?}");
                let failure = pair.server.failure();
                assert_eq!(failure, Some(&TlsFailure::UnknownIssuer), "{version:?}");
            }
            assert!(pair.client.client_certificate().is_none());
        }
    }
}

#[test]
fn the_application_is_asked_once_for_each_certificate_of_a_session() {
    let world = World::new();
    let stranger = Issued::self_signed(3, &params(&[NAME]));
    for version in VERSIONS {
        let asked: Arc<Mutex<Vec<(String, Fingerprint, TlsFailure)>>> = Arc::default();
        let notes = Arc::clone(&asked);
        let client = world.client().max_version(version);
        let client = client.on_untrusted(move |untrusted| {
            let mut notes = notes.lock().unwrap();
            assert_eq!(untrusted.chain.len(), 1);
            notes.push((
                untrusted.server_name.to_string(),
                untrusted.leaf_sha256,
                untrusted.reason.clone(),
            ));
            Decision::Trust
        });
        let session = client.build().unwrap().session(NAME).unwrap();
        let server = server_with(&stranger).build().unwrap();
        let control = Pair::connected(&session, &server.session());
        let verdict = Verdict::TrustedInSpiteOf(TlsFailure::SelfSigned);
        assert_eq!(control.client.peer_identity().unwrap().verdict, verdict);
        // Not resumed, as the server remembers nothing: the certificate is shown, and checked, again.
        let mut data = Pair::new(&session, Purpose::Data, &server.session());
        assert_eq!(data.pump(), Ok(()));
        assert!(!data.client.handshake().unwrap().resumed);
        assert_eq!(data.client.peer_identity().unwrap().verdict, verdict);
        let notes = asked.lock().unwrap();
        let expected = (
            NAME.to_string(),
            stranger.fingerprint(),
            TlsFailure::SelfSigned,
        );
        assert_eq!(*notes, [expected], "{version:?}");
    }
}

#[test]
fn the_application_may_refuse_and_is_not_asked_about_what_is_decided() {
    let world = World::new();
    let stranger = Issued::self_signed(3, &params(&[NAME]));
    let refuses = world.client().on_untrusted(|_| Decision::Refuse);
    let refused = meet(refuses, server_with(&stranger)).1;
    assert_eq!(refused, Err(TlsFailure::SelfSigned));
    // It alone may be trusted to decide.
    let alone = ClientTls::builder().on_untrusted(|untrusted| {
        assert_eq!(untrusted.reason, &TlsFailure::UnknownIssuer);
        Decision::Refuse
    });
    let refused = meet(alone, world.server()).1;
    assert_eq!(refused, Err(TlsFailure::UnknownIssuer));

    let never = |_: &Untrusted<'_>| -> Decision { panic!("asked") };
    let pinned = ClientTls::builder()
        .pin_sha256(stranger.fingerprint())
        .on_untrusted(never);
    let seen = world.issued.fingerprint();
    let refused = meet(pinned, world.server()).1;
    assert_eq!(refused, Err(TlsFailure::PinMismatch { seen }));

    let session = world.client().on_untrusted(never).build().unwrap();
    let session = session.session(NAME).unwrap();
    Pair::connected(&session, &world.server().build().unwrap().session());
    let server = server_with(&stranger).build().unwrap().session();
    let refused = Pair::new(&session, Purpose::Data, &server).pump();
    assert!(matches!(
        refused,
        Err(TlsFailure::DataCertificateDiffers { .. })
    ));
}

/// Not on an upload: a ticket that waits to be read when the client closes makes its system reset the connection.
#[test]
fn a_server_can_leave_tickets_out() {
    let world = World::new();
    let server = world.server().build().unwrap().session();
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let _control = Pair::connected(&session, &server);
    let before = session.tickets();
    let mut data = Pair::new(&session, Purpose::Data, &server);
    data.server = server.accept_without_tickets().unwrap();
    assert_eq!(data.pump(), Ok(()));
    // One was taken, and none came for it.
    let after = session.tickets();
    assert!(data.client.handshake().unwrap().resumed);
    assert_eq!(after.tls13_available, before.tls13_available - 1);
    assert_eq!(after.received_total, before.received_total);
    assert_eq!(data.server.server_name(), Some(NAME));
    assert_eq!(data.client.server_name(), None);
    assert_eq!(session.server_name(), NAME);
}

#[test]
fn another_application_protocol_keeps_the_rest_of_the_policy() {
    let world = World::new();
    let server = world.server().alpn(&[b"ftp-data"]).build().unwrap();
    let client = world.client().max_version(Version::Tls12).build().unwrap();
    let refused = Pair::new(
        &client.session(NAME).unwrap(),
        Purpose::Control,
        &server.session(),
    )
    .pump();
    assert_eq!(refused, Err(TlsFailure::NoApplicationProtocol));
    let other = client.with_alpn(&[b"ftp-data"]).unwrap();
    let pair = Pair::connected(&other.session(NAME).unwrap(), &server.session());
    let facts = pair.client.handshake().unwrap();
    assert_eq!(facts.alpn.as_deref(), Some(&b"ftp-data"[..]));
    assert_eq!(facts.version, Version::Tls12);
    let long = [b'a'; 256];
    assert_eq!(
        client.with_alpn(&[&long]).unwrap_err(),
        TlsSetupError::BadAlpn
    );
}

#[derive(Debug)]
struct NoRandomness;

impl SecureRandom for NoRandomness {
    fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
        Err(GetRandomFailed)
    }
}

#[test]
fn without_randomness_there_is_no_channel() {
    let world = World::new();
    let mut poor = provider();
    poor.secure_random = &NoRandomness;
    let poor = Arc::new(poor);
    let client = world.client().provider(Arc::clone(&poor)).build().unwrap();
    let opened = client.session(NAME).unwrap().open(Purpose::Control);
    assert!(matches!(opened, Err(TlsFailure::Internal(_))));
    // A server finds out when it has to answer.
    let (pair, result) = meet(world.client(), world.server().provider(poor));
    assert!(result.is_err());
    let failure = pair.server.failure();
    assert!(
        matches!(failure, Some(TlsFailure::Internal(_))),
        "{failure:?}"
    );
}

#[test]
fn a_provider_must_have_what_is_needed() {
    let world = World::new();
    let mut only12 = provider();
    only12
        .cipher_suites
        .retain(|suite| suite.version().version == rustls::ProtocolVersion::TLSv1_2);
    let mut without = only12.clone();
    // Fingerprints are SHA-256.
    without.cipher_suites.retain(|suite| {
        let name = suite.suite().as_str().unwrap_or_default();
        name.ends_with("SHA384")
    });
    assert!(!without.cipher_suites.is_empty());
    let client = world.client().provider(Arc::new(without));
    assert_eq!(
        client.build().unwrap_err(),
        TlsSetupError::Provider("no SHA-256".to_string())
    );
    let only12 = Arc::new(only12);
    let none = world.client().provider(Arc::clone(&only12));
    let none = none.min_version(Version::Tls13).build().unwrap_err();
    assert!(matches!(none, TlsSetupError::Provider(_)), "{none}");
    let none = world.server().provider(Arc::clone(&only12));
    let none = none.min_version(Version::Tls13).build().unwrap_err();
    assert!(matches!(none, TlsSetupError::Provider(_)), "{none}");
    let pinned = ClientTls::builder()
        .provider(only12)
        .pin_sha256(world.issued.fingerprint());
    let (pair, result) = meet(pinned, world.server());
    assert_eq!(result, Ok(()));
    assert_eq!(pair.client.handshake().unwrap().version, Version::Tls12);
}

#[test]
fn roots_and_a_verifier_do_not_go_together() {
    let world = World::new();
    let both = world.client().verifier(Opinion::new(None));
    assert_eq!(both.build().unwrap_err(), TlsSetupError::RootsAndVerifier);
}

#[test]
fn certificates_and_keys_are_read_in_their_usual_forms() {
    let world = World::new();
    let chain = pem("CERTIFICATE", &world.issued.chain[0]);
    let key = pem("PRIVATE KEY", &world.issued.key);
    let mut one_file = chain.clone();
    one_file.extend(&key);
    for (chain, key) in [(&chain, &key), (&one_file, &one_file)] {
        let server = ServerTls::builder().certificate_pem(chain, key);
        assert_eq!(meet(world.client(), server).1, Ok(()));
    }
    // Ed448 (RFC 8410), which the provider does not know: bytes 9 to 11 name the algorithm.
    let mut foreign = world.issued.key.clone();
    assert_eq!(foreign[9..12], [0x2b, 0x65, 0x70]);
    foreign[11] = 0x71;
    let server = ServerTls::builder().certificate_der(world.issued.chain.clone(), foreign);
    let error = server.build().unwrap_err();
    assert!(matches!(error, TlsSetupError::BadCertificate(_)), "{error}");
    let server = ServerTls::builder().certificate_der(world.issued.chain.clone(), b"key".to_vec());
    let error = server.build().unwrap_err();
    assert!(matches!(error, TlsSetupError::BadCertificate(_)), "{error}");
    let server = world.server().client_roots_pem(b"no certificate", true);
    assert!(matches!(
        server.build().unwrap_err(),
        TlsSetupError::BadRoot(_)
    ));
}

/// What an administrator can see of a policy in a log.
#[test]
fn policies_show_what_they_allow_and_no_key() {
    let world = World::new();
    let server = world.server().require_alpn();
    let text = format!("{server:?}");
    assert!(
        text.contains("min_version: Tls12") && text.contains("certificate: true"),
        "{text}"
    );
    let server = server.build().unwrap();
    let session = server.session();
    for text in [format!("{server:?}"), format!("{session:?}")] {
        assert!(text.contains("require_alpn: true"), "{text}");
    }
    let client = world
        .client()
        .pin_sha256(Fingerprint([0xab; 32]))
        .dangerous_accept_any_certificate()
        .client_certificate_der(world.issued.chain.clone(), world.issued.key.clone());
    let text = format!("{client:?}");
    let built = format!("{:?}", client.build().unwrap());
    assert_eq!(built, format!("ClientTls({text})"));
    for shown in [
        "Fingerprint(abab",
        "accept_any_certificate: true",
        "client_certificate: true",
        "alpn: [\"ftp\"]",
    ] {
        assert!(text.contains(shown), "{text}");
    }
}

/// Nor does a connection show what it carries.
#[test]
fn connections_show_how_they_stand() {
    let world = World::new();
    let mut pair = world.connect(Version::Tls13);
    assert_eq!(pair.client.write(b"hunter2"), 7);
    pair.pump().unwrap();
    let text = format!("{:?}", pair.server);
    assert!(text.contains("unread: 7") && text.contains("peer_closed: false"));
    assert!(text.contains("version: Tls13") && !text.contains("hunter2"));
    let session = world.client().build().unwrap().session(NAME).unwrap();
    let text = format!("{session:?}");
    assert!(
        text.contains(NAME) && text.contains("tls13_available: 0"),
        "{text}"
    );
    let text = format!("{:?}", SessionStore::default());
    assert!(text.starts_with("SessionStore(TicketCount"), "{text}");
    let provider = provider();
    let trust = Trust {
        base: None,
        pins: alloc::vec![Fingerprint([0xab; 32])],
        also: Vec::new(),
        any: false,
        untrusted: None,
        data_may_differ: false,
        algorithms: provider.signature_verification_algorithms,
        sha256: Sha256::of_provider(&provider).unwrap(),
    };
    let text = format!("{:?}", SessionVerifier::new(Arc::new(trust)));
    assert!(text.contains("pins: [Fingerprint(abab"), "{text}");
    let own = OwnCertificate::Der {
        chain: world.issued.chain.clone(),
        key: world.issued.key.clone(),
    };
    let own = own.load(&Basics::default().provider().unwrap()).unwrap();
    for (key, shown) in [(None, "present: false"), (Some(own), "present: true")] {
        let text = format!("{:?}", SessionCertificate::new(key));
        assert!(text.contains(shown), "{text}");
    }
}
