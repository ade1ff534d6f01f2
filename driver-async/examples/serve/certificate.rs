//! The server's certificate: given, or made on the spot.

use std::error::Error;
use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use ring::digest::{SHA256, digest};

use crate::args::Arguments;

/// A certificate and its key, in PEM.
pub(crate) struct Certificate {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
    /// Of one that was made here, for clients to pin.
    pub(crate) sha256: Option<String>,
}

impl Certificate {
    pub(crate) fn of(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        match (&arguments.cert, &arguments.key) {
            (Some(chain), Some(key)) => Ok(Certificate {
                chain: read(chain)?,
                key: read(key)?,
                sha256: None,
            }),
            _ if arguments.self_signed => Self::self_signed(arguments),
            _ => Err("TLS needs --cert and --key, or --self-signed".into()),
        }
    }

    fn self_signed(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
        for address in arguments.listen.iter().chain(&arguments.listen_implicit) {
            let host = address
                .rsplit_once(':')
                .map_or(address.as_str(), |(host, _)| host);
            let host = host.trim_matches(['[', ']']).to_owned();
            if !host.is_empty() && !names.contains(&host) {
                names.push(host);
            }
        }
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
        let sha256 = digest(&SHA256, cert.der());
        let sha256 = sha256.as_ref().iter().map(|byte| format!("{byte:02x}"));
        Ok(Certificate {
            chain: cert.pem().into_bytes(),
            key: signing_key.serialize_pem().into_bytes(),
            sha256: Some(sha256.collect()),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
