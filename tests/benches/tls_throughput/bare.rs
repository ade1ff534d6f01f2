//! A rustls connection on a blocking socket, and nothing else.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use ftp_proto::tls::Version;
use ftp_proto::tls::rustls::crypto::ring;
use ftp_proto::tls::rustls::pki_types::{CertificateDer, ServerName};
use ftp_proto::tls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ftp_proto_tests::certs::Authority;

use crate::server::{BUFFER, versions};

pub(crate) struct Bare(Arc<ClientConfig>);

impl Bare {
    pub(crate) fn new(authority: &Authority, version: Version) -> Bare {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(authority.der().to_vec()))
            .unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions(version))
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Bare(Arc::new(config))
    }

    pub(crate) fn download(&self, from: SocketAddr, size: u64) {
        let mut stream = self.connect(from);
        let mut buffer = vec![0; BUFFER];
        let mut bytes = 0;
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                count => bytes += count as u64,
            }
        }
        assert_eq!(bytes, size);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }

    pub(crate) fn upload(&self, to: SocketAddr, source: &mut dyn Read) {
        let mut stream = self.connect(to);
        let mut buffer = vec![0; BUFFER];
        loop {
            match source.read(&mut buffer).unwrap() {
                0 => break,
                count => stream.write_all(&buffer[..count]).unwrap(),
            }
        }
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        stream.sock.shutdown(Shutdown::Write).unwrap();
        // The server has it all when it ends its side.
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }

    fn connect(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.0), name).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        StreamOwned::new(connection, socket)
    }
}
