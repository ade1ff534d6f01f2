//! Scripted clients against the embedded server, through sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ftp_proto_async::ftp_proto::tls::ServerTls;
use ftp_proto_async::server::{Account, MemoryStorage, Server, Users};
use ftp_proto_tests::certs::{Authority, Certificate};
use ftp_proto_tests::hostile::Script;
use ftp_proto_tests::hostile::client::play;
use ftp_proto_tests::hostile::script::ClientPart;
use ftp_proto_tests::hostile::wire::WireClient;
use ftp_proto_tests::rig::{CANARY, USER};

/// A script with a server of its own.
pub(crate) fn run(script: &Script, part: &ClientPart) -> Result<(), String> {
    let storage = MemoryStorage::new();
    for (name, bytes) in [
        ("motd", &b"Welcome to nobody\n"[..]),
        ("text", b"one\ntwo\n"),
        ("pub/a.txt", b"alpha"),
    ] {
        storage.insert(name, bytes).unwrap();
    }
    let account = Account::new(Arc::new(storage)).rights(part.server.rights());
    let users = Users::new().user(USER, CANARY, account);
    let credential = Authority::shared()
        .unwrap()
        .server(Certificate::Valid)
        .unwrap();
    let tls = ServerTls::builder()
        .certificate_pem(credential.certificate.as_bytes(), credential.key.as_bytes())
        .build()
        .unwrap();
    let config = part.server.config(&script.limits);
    let at = SocketAddr::from(([127, 0, 0, 1], 0));
    let builder = Server::builder(users)
        .tls(tls)
        .threads(1)
        .configure(|to| *to = config);
    let builder = match part.server.implicit() {
        true => builder.listen_implicit(at),
        false => builder.listen(at),
    };
    let server = builder.build().unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let thread = thread::spawn(move || smol::block_on(server.run()));
    let went = WireClient::new(address, USER, CANARY)
        .map_err(|error| error.to_string())
        .and_then(|mut client| play(script, &mut client));
    handle.shutdown(Duration::ZERO);
    let ended = thread
        .join()
        .map_err(|_| "the server panicked".to_owned())?;
    ended.map_err(|error| error.to_string())?;
    went
}
