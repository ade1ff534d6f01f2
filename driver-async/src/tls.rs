//! What to trust: the authorities of the operating system, and files the caller names.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ftp_proto::pipe::Error;
use ftp_proto::tls::rustls::pki_types::CertificateDer;
use ftp_proto::tls::{CryptoProvider, ServerCertVerifier};
use rustls_platform_verifier::Verifier;

/// The verifier of the operating system, see [`ftp_proto::pipe::Platform`].
pub(crate) fn platform(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let verifier = if extra.is_empty() {
        Verifier::new(provider)
    } else {
        Verifier::new_with_extra_roots(extra, provider)
    };
    match verifier {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => Err(format!("authorities of this system: {error}")),
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
