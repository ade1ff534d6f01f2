//! suppaftp, used as its documentation shows, a thread for each session, as a program of its own.

use std::fs::File;
use std::io::{self, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{ClientConfig, RootCertStore};
use suppaftp::types::FileType;
use suppaftp::{FtpError, RustlsConnector, RustlsFtpStream};

use crate::Fallible;
use crate::servers::{FETCHED, STORED, file_name};

/// First argument that makes this program be the client.
pub(crate) const MOVE: &str = "--suppaftp";

/// Moves the files. `arguments`: as [`plain`](crate::contenders) makes them.
pub(crate) fn run(arguments: &[String]) -> Fallible {
    let [address, user, password, ca, sessions, files, way, local] = arguments else {
        return Err(format!("{MOVE} needs eight arguments").into());
    };
    let (sessions, files): (usize, usize) = (sessions.parse()?, files.parse()?);
    let tls = match ca.as_str() {
        "clear" => None,
        ca => Some(Arc::new(trusting(ca)?)),
    };
    let next = AtomicUsize::new(0);
    let session = || -> Fallible {
        let mut ftp = connect(address, user, password, tls.clone())?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= files {
                break;
            }
            move_one(&mut ftp, way == "up", index, Path::new(local))?;
        }
        ftp.quit()?;
        Ok(())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..sessions).map(|_| scope.spawn(session)).collect();
        running
            .into_iter()
            .try_for_each(|one| one.join().map_err(|_| "a session panicked")?)
    })
}

fn connect(
    address: &str,
    user: &str,
    password: &str,
    tls: Option<Arc<ClientConfig>>,
) -> Fallible<RustlsFtpStream> {
    let control = TcpStream::connect(address)?;
    control.set_nodelay(true)?;
    let mut ftp = RustlsFtpStream::connect_with_stream(control)?;
    if let Some(tls) = tls {
        let (host, _) = address.rsplit_once(':').ok_or("address without a port")?;
        ftp = ftp.into_secure(RustlsConnector::from(tls), host)?;
    }
    ftp.login(user, password)?;
    ftp.transfer_type(FileType::Binary)?;
    Ok(ftp)
}

fn move_one(ftp: &mut RustlsFtpStream, up: bool, index: usize, local: &Path) -> Fallible {
    let name = file_name(index);
    let path = local.join(&name);
    if up {
        ftp.put_file(format!("{STORED}/{name}"), &mut File::open(path)?)?;
        return Ok(());
    }
    ftp.retr(&format!("{FETCHED}/{name}"), |data| {
        File::create(&path)
            .and_then(|mut file| io::copy(data, &mut file))
            .map(drop)
            .map_err(FtpError::ConnectionError)
    })?;
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
