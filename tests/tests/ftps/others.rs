//! Other clients, for comparison.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use ftp_proto::tls::Version;
use ftp_proto_tests::peers::{Kind, Server};
use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{ClientConfig, RootCertStore};
use suppaftp::types::FileType;
use suppaftp::{RustlsConnector, RustlsFtpStream};

use crate::session::{bytes, strict};
use crate::soak::Row;

/// Bytes of each file.
const SIZE: usize = 10_000;

/// The same number of uploads on one control connection.
pub(crate) fn uploads_in_a_row(kind: Kind, version: Version, count: u64) -> Vec<Row> {
    type Uploads = fn(&Server, u64) -> Result<(), String>;
    let clients: [(&'static str, Uploads); 2] = [("curl", curl), ("suppaftp", suppaftp)];
    clients
        .into_iter()
        .map(|(client, uploads)| {
            let server = strict(kind, version);
            let begun = Instant::now();
            let first_error = uploads(&server, count).err();
            let seconds = begun.elapsed().as_secs_f64();
            let whole = (0..count).filter(|&number| {
                let path = server.root().join(format!("row-{number}"));
                fs::read(path).is_ok_and(|there| there == bytes(number, SIZE))
            });
            let emptied = (0..count).filter(|&number| {
                let path = server.root().join(format!("row-{number}"));
                fs::metadata(path).is_ok_and(|about| about.len() == 0)
            });
            let emptied = emptied.count();
            Row {
                client,
                server: kind,
                version,
                what: "uploads in a row",
                transfers: count,
                failures: count - whole.count() as u64,
                resumed: "?".to_owned(),
                seconds,
                remark: first_error.map_or_else(String::new, |error| {
                    format!("{emptied} files left empty; first: {error}")
                }),
            }
        })
        .collect()
}

/// One process, one control connection.
fn curl(server: &Server, count: u64) -> Result<(), String> {
    let directory: PathBuf = server.ca_path().with_file_name("curl");
    fs::create_dir(&directory).unwrap();
    for number in 0..count {
        fs::write(directory.join(format!("row-{number}")), bytes(number, SIZE)).unwrap();
    }
    let all = format!("{{{}}}", names(&directory, count).join(","));
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--ssl-reqd", "--cacert"])
        .arg(server.ca_path())
        .args(["--max-time", "60", "--config", "-", "--upload-file", &all])
        .arg(format!("ftp://localhost:{}/", server.addr().port()))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("not run: {error}"))?;
    // The password is not for everybody who looks at the list of processes.
    let mut input = curl.stdin.take().unwrap();
    writeln!(input, "user = {}:{}", server.user(), server.password()).unwrap();
    drop(input);
    let output = curl.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    match errors.lines().next() {
        None => Ok(()),
        Some(first) => Err(first.to_owned()),
    }
}

fn names(directory: &std::path::Path, count: u64) -> Vec<String> {
    (0..count)
        .map(|number| {
            let path = directory.join(format!("row-{number}"));
            path.to_str().unwrap().to_owned()
        })
        .collect()
}

/// One session; it goes on after a failure if it can.
fn suppaftp(server: &Server, count: u64) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(server.ca_pem().as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let text = |error: suppaftp::FtpError| error.to_string().trim().replace("\r\n", " ");
    let mut client = RustlsFtpStream::connect(server.addr())
        .and_then(|client| client.into_secure(RustlsConnector::from(Arc::new(config)), "localhost"))
        .map_err(text)?;
    client
        .login(server.user(), server.password())
        .map_err(text)?;
    client.transfer_type(FileType::Binary).map_err(text)?;
    let mut first = Ok(());
    for number in 0..count {
        let put = client.put_file(format!("row-{number}"), &mut bytes(number, SIZE).as_slice());
        if let Err(error) = put
            && first.is_ok()
        {
            first = Err(format!("upload {}: {}", number + 1, text(error)));
        }
    }
    first
}
