//! Starts one real server on loopback and keeps it until the standard input ends.
//!
//! ```text
//! cargo run -p ftp-proto-tests --example peer -- vsftpd --tls explicit --require-reuse
//! ```

use std::error::Error;
use std::io;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    use ftp_proto_tests::peers;

    let Some((kind, options)) = arguments()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let server = peers::start(kind, &options)?;
    println!("server    {kind}");
    println!("address   {}", server.addr());
    println!("user      {}", server.user());
    println!("password  {}", server.password());
    println!("files     {}", server.root().display());
    println!("authority {}", server.ca_path().display());
    if options.client_certificate {
        let credential = server.authority().client("somebody")?;
        let path = server.ca_path().with_file_name("client.pem");
        std::fs::write(&path, credential.certificate + &credential.key)?;
        println!("client    {}", path.display());
    }
    println!("It stops at the end of the standard input (Ctrl-D).");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    println!("{}", server.log());
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The servers run on Linux only.");
}

#[cfg(target_os = "linux")]
const USAGE: &str = "peer SERVER [OPTION...]
servers: vsftpd proftpd pure-ftpd pyftpdlib inetutils
  --tls off|explicit|implicit
  --versions both|1.2|1.3
  --certificate valid|expired|not-yet-valid|wrong-name|self-signed|unknown-issuer
  --require-reuse --require-tls-control --require-tls-data --strict-close
  --client-certificate --ipv6 --anonymous --no-active";

#[cfg(target_os = "linux")]
type Chosen = (
    ftp_proto_tests::peers::Kind,
    ftp_proto_tests::peers::Options,
);

#[cfg(target_os = "linux")]
fn arguments() -> Result<Option<Chosen>, String> {
    use ftp_proto_tests::peers::{Certificate, Options, Tls, Versions};

    let mut words = std::env::args().skip(1);
    let Some(name) = words.next().filter(|word| !word.starts_with('-')) else {
        return Ok(None);
    };
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--tls" => {
                options.tls = match value()?.as_str() {
                    "off" => Tls::Off,
                    "explicit" => Tls::Explicit,
                    "implicit" => Tls::Implicit,
                    other => return Err(format!("no TLS is called {other}")),
                }
            }
            "--versions" => {
                options.versions = match value()?.as_str() {
                    "both" => Versions::Both,
                    "1.2" => Versions::Tls12Only,
                    "1.3" => Versions::Tls13Only,
                    other => return Err(format!("no versions are called {other}")),
                }
            }
            "--certificate" => {
                options.certificate = match value()?.as_str() {
                    "valid" => Certificate::Valid,
                    "expired" => Certificate::Expired,
                    "not-yet-valid" => Certificate::NotYetValid,
                    "wrong-name" => Certificate::WrongName,
                    "self-signed" => Certificate::SelfSigned,
                    "unknown-issuer" => Certificate::UnknownIssuer,
                    other => return Err(format!("no certificate is called {other}")),
                }
            }
            "--require-reuse" => options.require_reuse = true,
            "--require-tls-control" => options.require_tls_control = true,
            "--require-tls-data" => options.require_tls_data = true,
            "--strict-close" => options.strict_close = true,
            "--client-certificate" => options.client_certificate = true,
            "--ipv6" => options.ipv6 = true,
            "--anonymous" => options.anonymous = true,
            "--no-active" => options.allow_active = false,
            other => return Err(format!("no option is called {other}\n{USAGE}")),
        }
    }
    Ok(Some((name.parse()?, options)))
}
