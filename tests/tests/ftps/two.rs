//! Two sessions with one server.

use std::fs;

use ftp_proto::tls::{ClientTls, Version};
use ftp_proto_tests::peers::Kind;

use crate::session::{Session, bytes, strict};

/// ProFTPD takes a data connection only if it resumes the session of its own control connection; so do both sessions here, in turns, though
/// they share one TLS policy.
#[test]
fn two_sessions_at_once_never_share_a_ticket() {
    for version in [Version::Tls13, Version::Tls12] {
        let server = strict(Kind::ProFtpd, version);
        let policy = ClientTls::builder()
            .roots_pem(server.ca_pem().as_bytes())
            .build()
            .unwrap();
        let begin = || Session::begin(&server, |builder| builder.tls(policy.clone()));
        let mut sessions = [begin(), begin()];
        for number in 0..10 {
            for (at, session) in sessions.iter_mut().enumerate() {
                let content = bytes(number, 5000);
                let name = format!("two-{at}-{number}");
                session
                    .client
                    .store(&name, &mut content.as_slice())
                    .unwrap();
                assert_eq!(fs::read(server.root().join(&name)).unwrap(), content);
                let mut back = Vec::new();
                session.client.retrieve(&name, &mut back).unwrap();
                assert_eq!(back, content);
            }
        }
        for session in sessions {
            let told = session.told.lock().unwrap();
            assert_eq!(told.handshakes - told.resumed, told.renewals);
            assert_eq!(told.resumed, 20);
        }
    }
}
