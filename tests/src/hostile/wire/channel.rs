//! One connection of a scripted peer, in clear text or under TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ftp_proto::tls::rustls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, ServerConfig,
    ServerConnection, SignatureScheme,
};
use socket2::{Domain, SockRef, Socket, Type};

use super::super::script::{End, Resume};
use crate::certs::{Authority, Certificate};

/// More than this is read of no data connection.
const MOST: usize = 64 << 20;

/// A socket, and TLS on it.
#[derive(Debug)]
pub(super) struct Channel {
    socket: TcpStream,
    tls: Option<Connection>,
}

impl Channel {
    /// Nobody waits longer for a byte than this.
    pub(super) fn new(socket: TcpStream, patience: Duration) -> io::Result<Self> {
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        socket.set_nodelay(true)?;
        Ok(Channel { socket, tls: None })
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// A handshake. Bytes that came before it are lost, as they are on any peer that keeps two buffers.
    pub(super) fn secure(&mut self, mut tls: Connection) -> io::Result<()> {
        while tls.is_handshaking() {
            if let Err(error) = tls.complete_io(&mut self.socket) {
                // The alert, if there is one to send.
                while tls.wants_write() && tls.write_tls(&mut self.socket).is_ok() {}
                return Err(error);
            }
        }
        tls.send_all(&mut self.socket)?;
        self.tls = Some(tls);
        Ok(())
    }

    /// Ends TLS: our close_notify, then the peer's. What is behind that is clear text already, and may be in the same segment: records are
    /// read one by one.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            tls.send_all(&mut self.socket)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let mut ended = state.peer_has_closed();
            while !ended {
                let mut record = vec![0; 5];
                self.socket.read_exact(&mut record)?;
                let [.., high, low] = record[..] else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                let length = usize::from(u16::from_be_bytes([high, low]));
                record.resize(5 + length, 0);
                let (_, body) = record.split_at_mut(5);
                self.socket.read_exact(body)?;
                tls.read_tls(&mut &record[..])?;
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                ended = state.peer_has_closed();
            }
        }
        self.tls = None;
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.socket.write_all(bytes),
            Some(tls) => {
                // Its buffer is bounded.
                for piece in bytes.chunks(16 * 1024) {
                    tls.writer().write_all(piece)?;
                    tls.send_all(&mut self.socket)?;
                }
                Ok(())
            }
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(into);
        };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            tls.read_tls(&mut self.socket)?;
            let processed = tls.process_new_packets();
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
            processed.map_err(io::Error::other)?;
        }
    }

    /// The next line without its end; `None` at the end of the connection.
    pub(super) fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            if self.read(&mut byte)? == 0 {
                return Ok(None);
            }
            match byte {
                [b'\n'] => break,
                [b'\r'] => {}
                [byte] => line.push(byte),
            }
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// Waits for the first bytes of something.
    pub(super) fn something(&mut self) -> io::Result<()> {
        let mut first = [0; 5];
        self.read(&mut first).map(drop)
    }

    /// What comes within so long: `None` if nothing does, nothing at the end.
    pub(super) fn read_within(&mut self, time: Duration) -> io::Result<Option<Vec<u8>>> {
        let usual = self.socket.read_timeout()?;
        self.socket.set_read_timeout(Some(time))?;
        let mut bytes = [0; 4096];
        let count = self.read(&mut bytes);
        self.socket.set_read_timeout(usual)?;
        match count {
            Ok(count) => Ok(Some(bytes.get(..count).unwrap_or_default().to_vec())),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Everything until the end, however it ends.
    pub(super) fn read_all(&mut self) -> Vec<u8> {
        let (mut all, mut piece) = (Vec::new(), [0; 16 * 1024]);
        while all.len() < MOST {
            match self.read(&mut piece) {
                Ok(0) | Err(_) => break,
                Ok(count) => all.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        }
        all
    }

    pub(super) fn end(&mut self, how: End) -> io::Result<()> {
        match how {
            End::Reset => {
                SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))?;
                // Closing it is what resets it.
                drop(std::mem::replace(&mut self.socket, unconnected()?));
                self.tls = None;
                return Ok(());
            }
            End::Orderly => {
                if let Some(tls) = &mut self.tls {
                    tls.send_close_notify();
                    tls.send_all(&mut self.socket)?;
                }
            }
            End::Fin => {}
        }
        self.socket.shutdown(Shutdown::Write)
    }
}

/// A socket that is connected to nothing, to stand where one was.
fn unconnected() -> io::Result<TcpStream> {
    Ok(Socket::new(Domain::IPV4, Type::STREAM, None)?.into())
}

trait SendAll {
    /// Sends what is to be sent; reads nothing.
    fn send_all(&mut self, socket: &mut TcpStream) -> io::Result<()>;
}

impl SendAll for Connection {
    fn send_all(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        while self.wants_write() {
            self.write_tls(socket)?;
        }
        Ok(())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A TLS server with this certificate.
pub(super) fn server_tls(certificate: Certificate) -> io::Result<Connection> {
    type Configs = Vec<(Certificate, Arc<ServerConfig>)>;
    static CONFIGS: OnceLock<Configs> = OnceLock::new();
    let configs = match CONFIGS.get() {
        Some(configs) => configs,
        None => {
            let made = [
                Certificate::Valid,
                Certificate::Expired,
                Certificate::WrongName,
                Certificate::SelfSigned,
                Certificate::UnknownIssuer,
            ]
            .into_iter()
            .map(|which| Ok((which, server_config(which)?)))
            .collect::<io::Result<Configs>>()?;
            CONFIGS.get_or_init(|| made)
        }
    };
    let config = configs
        .iter()
        .find(|(which, _)| *which == certificate)
        .ok_or(io::ErrorKind::NotFound)?;
    let connection = ServerConnection::new(Arc::clone(&config.1)).map_err(io::Error::other)?;
    Ok(Connection::Server(connection))
}

/// A TLS server with a certificate of its own, as good as the usual one.
pub(super) fn other_server_tls() -> io::Result<Connection> {
    let config = server_config(Certificate::Valid)?;
    ServerConnection::new(config)
        .map(Connection::Server)
        .map_err(io::Error::other)
}

fn server_config(certificate: Certificate) -> io::Result<Arc<ServerConfig>> {
    let credential = Authority::shared()?.server(certificate)?;
    let chain = vec![CertificateDer::from(credential.certificate_der)];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(credential.key_der));
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

/// TLS of a client that takes any certificate: whoever attacks does not mind.
#[derive(Debug)]
pub(super) struct HostileTls {
    config: Arc<ClientConfig>,
}

impl HostileTls {
    pub(super) fn new() -> io::Result<Self> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider())))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"ftp".to_vec()];
        Ok(HostileTls {
            config: Arc::new(config),
        })
    }

    pub(super) fn connection(&self, resume: Resume) -> io::Result<Connection> {
        let config = match resume {
            Resume::Own => Arc::clone(&self.config),
            Resume::Nothing => HostileTls::new()?.config,
        };
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(Connection::Client(connection))
    }
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
