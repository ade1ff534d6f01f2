//! The glue between sockets and TLS, and what the caller wants to trust.

use std::io;
use std::net::Shutdown;
use std::path::Path;
use std::sync::Arc;

use ftp_proto::TlsFacts;
use ftp_proto::tls::rustls::crypto::CryptoProvider;
use ftp_proto::tls::rustls::pki_types::CertificateDer;
use ftp_proto::tls::rustls::pki_types::pem::PemObject;
use ftp_proto::tls::{
    Channel, ClientTls, ClientTlsBuilder, Fingerprint, TlsFailure, TlsSetupError, Version,
};
use rustls_platform_verifier::Verifier;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::net::Socket;

/// A socket, in clear or under TLS.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: Socket,
    pub(crate) channel: Option<Channel>,
}

/// How far a TLS handshake is.
#[derive(Debug)]
pub(crate) enum Shake {
    /// It waits for the peer.
    Waits,
    /// It went on.
    Moved,
    /// It is done.
    Done(TlsFacts),
    /// It failed.
    Failed(TlsFailure),
}

/// What came from a socket.
#[derive(Debug)]
pub(crate) enum Received {
    /// Bytes.
    Bytes,
    /// Nothing for now.
    Nothing,
    /// The end of the stream.
    End,
    /// The connection failed.
    Failed(io::Error),
}

impl Link {
    pub(crate) fn new(socket: Socket) -> Self {
        Link {
            socket,
            channel: None,
        }
    }

    /// Sends waiting ciphertext. True when none is left.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let Some(channel) = &mut self.channel else {
            return Ok(true);
        };
        while channel.wants_write() {
            match channel.write_to(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads from the socket into `raw`.
    pub(crate) fn receive(&mut self, raw: &mut Buffer) -> Received {
        match self.socket.receive(raw.room()) {
            Ok(None) => Received::Nothing,
            Ok(Some(0)) => Received::End,
            Ok(Some(count)) => {
                raw.add(count);
                Received::Bytes
            }
            Err(error) => Received::Failed(error),
        }
    }

    /// Takes the handshake as far as it goes without waiting.
    ///
    /// Done comes before our last message is sent, so that it leaves together with what the machine says next.
    pub(crate) fn shake(&mut self, raw: &mut Buffer) -> Shake {
        let sent = match &self.channel {
            None => return Shake::Failed(TlsFailure::Internal("no TLS here".to_owned())),
            Some(channel) => match channel.handshake() {
                Some(facts) => return Shake::Done(facts.into()),
                None => self.flush(),
            },
        };
        let received = if raw.is_empty() {
            self.receive(raw)
        } else {
            Received::Bytes
        };
        let Some(channel) = &mut self.channel else {
            return Shake::Waits;
        };
        let failure = match (received, sent) {
            (Received::Bytes, _) => match channel.feed(raw.filled()) {
                // It takes nothing behind a close_notify.
                Ok(0) => TlsFailure::EofInHandshake,
                Ok(count) => {
                    raw.consume(count);
                    return Shake::Moved;
                }
                Err(failure) => failure,
            },
            (Received::Nothing, Ok(_)) => return Shake::Waits,
            (Received::End, _) => channel
                .peer_eof()
                .err()
                .unwrap_or(TlsFailure::EofInHandshake),
            // What could not be sent is told only after what the peer said before.
            (Received::Nothing, Err(_)) | (Received::Failed(_), _) => channel
                .peer_reset()
                .err()
                .unwrap_or(TlsFailure::EofInHandshake),
        };
        // The peer may be told why; whether it hears is its business.
        let _ = self.flush();
        Shake::Failed(failure)
    }

    /// Ends both directions at once, with close_notify under TLS.
    pub(crate) fn hang_up(&mut self) {
        if let Some(channel) = &mut self.channel {
            channel.close();
        }
        let _ = self.flush();
        self.socket.shut(Shutdown::Both);
    }
}

/// What the caller said about TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    /// A whole policy, in place of everything below.
    pub(crate) policy: Option<ClientTls>,
    pub(crate) only_roots: Vec<Vec<u8>>,
    pub(crate) extra_roots: Vec<Vec<u8>>,
    pub(crate) pins: Vec<Fingerprint>,
    pub(crate) any: bool,
    pub(crate) own: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) min: Option<Version>,
    pub(crate) max: Option<Version>,
}

impl TlsSettings {
    /// The policy: the authorities of the operating system, unless told otherwise.
    pub(crate) fn policy(&self) -> Result<ClientTls, Error> {
        if let Some(policy) = &self.policy {
            return Ok(policy.clone());
        }
        let mut builder = ClientTls::builder();
        for pin in &self.pins {
            builder = builder.pin_sha256(*pin);
        }
        if self.any {
            builder = builder.dangerous_accept_any_certificate();
        }
        if !self.only_roots.is_empty() {
            let all = self.only_roots.iter().chain(&self.extra_roots);
            builder = all.fold(builder, |builder, pem| builder.roots_pem(pem));
        } else if self.pins.is_empty() && !self.any {
            builder = self.platform(builder)?;
        }
        if let Some((chain, key)) = &self.own {
            builder = builder.client_certificate_pem(chain, key);
        }
        if let Some(min) = self.min {
            builder = builder.min_version(min);
        }
        if let Some(max) = self.max {
            builder = builder.max_version(max);
        }
        Ok(builder.build()?)
    }

    fn platform(&self, builder: ClientTlsBuilder) -> Result<ClientTlsBuilder, Error> {
        let provider = provider()?;
        let mut extra = Vec::new();
        for pem in &self.extra_roots {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                extra.push(certificate.map_err(|error| TlsSetupError::BadRoot(error.to_string()))?);
            }
        }
        let verifier = if extra.is_empty() {
            Verifier::new(provider)
        } else {
            Verifier::new_with_extra_roots(extra, provider)
        };
        let verifier = verifier.map_err(|error| {
            TlsSetupError::BadRoot(format!("authorities of this system: {error}"))
        })?;
        Ok(builder.verifier(Arc::new(verifier)))
    }
}

/// Reads a file the caller named.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        Error::Local(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        ))
    })
}

/// For the verifier of the operating system, which wants to be given one.
fn provider() -> Result<Arc<CryptoProvider>, Error> {
    #[cfg(feature = "ring")]
    return Ok(Arc::new(
        ftp_proto::tls::rustls::crypto::ring::default_provider(),
    ));
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    return Ok(Arc::new(
        ftp_proto::tls::rustls::crypto::aws_lc_rs::default_provider(),
    ));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    return Err(TlsSetupError::NoProvider.into());
}
