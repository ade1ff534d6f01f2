//! suppaftp, used as its documentation shows, as a program of its own.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;

use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{ClientConfig, RootCertStore};
use suppaftp::types::FileType;
use suppaftp::{FtpError, RustlsConnector, RustlsFtpStream};

use crate::Fallible;

/// First argument that makes this program be the client.
pub(crate) const FETCH: &str = "--suppaftp";

/// Fetches files to standard output. `arguments`: "nodelay" or "delay", server address, user, password, file of the
/// certificate authority or "clear", files.
pub(crate) fn fetch(arguments: &[String]) -> Fallible {
    let [nodelay, address, user, password, ca, files @ ..] = arguments else {
        return Err(format!("{FETCH} needs five arguments and files").into());
    };
    let control = TcpStream::connect(address)?;
    control.set_nodelay(nodelay == "nodelay")?;
    let mut ftp = RustlsFtpStream::connect_with_stream(control)?;
    if ca != "clear" {
        let (host, _) = address.rsplit_once(':').ok_or("address without a port")?;
        ftp = ftp.into_secure(RustlsConnector::from(Arc::new(trusting(ca)?)), host)?;
    }
    ftp.login(user, password)?;
    ftp.transfer_type(FileType::Binary)?;
    for file in files {
        ftp.retr(file, |data| {
            let mut output = io::stdout().lock();
            io::copy(data, &mut output)
                .and_then(|_| output.flush())
                .map_err(FtpError::ConnectionError)
        })?;
    }
    ftp.quit()?;
    Ok(())
}

fn trusting(ca: &str) -> Fallible<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(File::open(ca)?)) {
        roots.add(certificate?)?;
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}
