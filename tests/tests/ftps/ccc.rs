//! The control connection back in clear text (RFC 4217 section 5).

use ftp_proto::client::Security;
use ftp_proto::tls::Version;
use ftp_proto_tests::peers::{self, Kind, Options, Tls, Versions};

use crate::session::{Session, bytes};

/// The dialogue goes on in clear, and data connections stay under TLS.
#[test]
fn after_ccc_the_dialogue_is_clear_and_files_are_protected() {
    for kind in [Kind::ProFtpd, Kind::PureFtpd] {
        for (version, versions) in [
            (Version::Tls13, Versions::Tls13Only),
            (Version::Tls12, Versions::Tls12Only),
        ] {
            let options = Options {
                tls: Tls::Explicit,
                versions,
                require_reuse: kind == Kind::ProFtpd,
                ..Options::default()
            };
            let server = peers::start(kind, &options).unwrap();
            let mut session = Session::begin(&server, |builder| {
                builder.security(Security::required().allow_ccc())
            });
            session.client.clear_command_channel().unwrap();
            session.client.noop().unwrap();
            let content = bytes(1, 100_000);
            for _ in 0..4 {
                session
                    .client
                    .store("after", &mut content.as_slice())
                    .unwrap();
                let mut back = Vec::new();
                session.client.retrieve("after", &mut back).unwrap();
                assert_eq!(back, content);
            }
            let told = session.told.lock().unwrap();
            assert_eq!(told.handshakes, 8 + told.renewals, "{kind} {version:?}");
            drop(told);
            session.client.quit().unwrap();
        }
    }
}
