//! In-memory connections between a client and a server channel: every handshake, every cut, every bad certificate.

mod certificates;
mod handshake;
mod policy;
mod stream;

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, PublicKeyData,
    SanType,
};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;

use super::setup::Basics;
use super::*;

/// The name that every test server is called by.
pub(crate) const NAME: &str = "ftp.example.org";

/// Issues certificates. Keys are made from a number, so that every run is the same.
pub(crate) struct Authority {
    params: CertificateParams,
    key: Key,
    pub(crate) pem: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(seed: u8) -> Authority {
        let key = Key::new(seed);
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::OrganizationName, seed.to_string());
        let pem = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Authority { params, key, pem }
    }

    pub(crate) fn issue(&self, seed: u8, params: &CertificateParams) -> Issued {
        let key = Key::new(seed);
        let certificate = params
            .signed_by(&key, &Issuer::from_params(&self.params, &self.key))
            .unwrap();
        Issued {
            chain: alloc::vec![certificate.der().to_vec()],
            key: key.der,
        }
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: Vec<u8>,
}

impl Issued {
    pub(crate) fn self_signed(seed: u8, params: &CertificateParams) -> Issued {
        let key = Key::new(seed);
        Issued {
            chain: alloc::vec![params.self_signed(&key).unwrap().der().to_vec()],
            key: key.der,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        super::fingerprint::Sha256::of_provider(&Basics::default().provider().unwrap())
            .unwrap()
            .fingerprint(&self.chain[0])
    }
}

/// A certificate for these names (or addresses), valid from 1975 to 4096.
pub(crate) fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        })
        .collect();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(
        DnType::CommonName,
        names.first().copied().unwrap_or("test authority"),
    );
    params.serial_number = Some(7u64.into());
    params
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = alloc::format!("-----BEGIN {label}-----\n").into_bytes();
    for (index, three) in der.chunks(3).enumerate() {
        let mut bits = [0; 3];
        bits[..three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes([0, bits[0], bits[1], bits[2]]);
        for digit in 0..4 {
            let used = digit <= three.len();
            out.push(if used {
                DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]
            } else {
                b'='
            });
        }
        if index % 16 == 15 {
            out.push(b'\n');
        }
    }
    out.extend(alloc::format!("\n-----END {label}-----\n").bytes());
    out
}

/// An Ed25519 key (RFC 8410), which any 32 bytes make.
struct Key {
    der: Vec<u8>,
    public: Vec<u8>,
    signing: Arc<dyn rustls::sign::SigningKey>,
}

impl Key {
    fn new(seed: u8) -> Key {
        let mut der = alloc::vec![
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20
        ];
        der.extend([seed; 32]);
        let provider = Basics::default().provider().unwrap();
        let signing = provider
            .key_provider
            .load_private_key(PrivateKeyDer::try_from(der.clone()).unwrap())
            .unwrap();
        let info = signing.public_key().unwrap();
        let public = info[info.len() - 32..].to_vec();
        Key {
            der,
            public,
            signing,
        }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signer = self
            .signing
            .choose_scheme(&[SignatureScheme::ED25519])
            .unwrap();
        Ok(signer.sign(message).unwrap())
    }
}

/// One authority, one server certificate, client and server that fit together.
pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) issued: Issued,
}

impl World {
    pub(crate) fn new() -> World {
        let authority = Authority::new(1);
        let issued = authority.issue(2, &params(&[NAME, "127.0.0.1", "::1"]));
        World { authority, issued }
    }

    pub(crate) fn client(&self) -> ClientTlsBuilder {
        ClientTls::builder().roots_pem(&self.authority.pem)
    }

    pub(crate) fn server(&self) -> ServerTlsBuilder {
        server_with(&self.issued)
    }

    /// Connected channels that speak this version.
    pub(crate) fn connect(&self, version: Version) -> Pair {
        let client = self.client().max_version(version).build().unwrap();
        let server = self.server().build().unwrap();
        Pair::connected(&client.session(NAME).unwrap(), &server.session())
    }
}

pub(crate) fn server_with(issued: &Issued) -> ServerTlsBuilder {
    ServerTls::builder().certificate_der(issued.chain.clone(), issued.key.clone())
}

pub(crate) const VERSIONS: [Version; 2] = [Version::Tls12, Version::Tls13];

/// Two channels with the bytes on their way between them.
pub(crate) struct Pair {
    pub(crate) client: Channel,
    pub(crate) server: Channel,
    pub(crate) to_client: Vec<u8>,
    pub(crate) to_server: Vec<u8>,
}

impl Pair {
    pub(crate) fn new(session: &TlsSession, purpose: Purpose, server: &ServerTlsSession) -> Pair {
        Pair {
            client: session.open(purpose).unwrap(),
            server: server.accept().unwrap(),
            to_client: Vec::new(),
            to_server: Vec::new(),
        }
    }

    pub(crate) fn connected(session: &TlsSession, server: &ServerTlsSession) -> Pair {
        let mut pair = Pair::new(session, Purpose::Control, server);
        pair.pump().unwrap();
        assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
        pair
    }

    /// Moves bytes until nothing moves any more. Returns the first failure, the client's if both fail.
    pub(crate) fn pump(&mut self) -> Result<(), TlsFailure> {
        self.pump_in_pieces(usize::MAX)
    }

    pub(crate) fn pump_in_pieces(&mut self, size: usize) -> Result<(), TlsFailure> {
        let mut failed = (None, None);
        loop {
            let sent = self.client.take_outgoing(&mut self.to_server)
                + self.server.take_outgoing(&mut self.to_client);
            let took = give(&mut self.client, &mut self.to_client, size, &mut failed.0)
                + give(&mut self.server, &mut self.to_server, size, &mut failed.1);
            if sent + took == 0 {
                return failed.0.or(failed.1).map_or(Ok(()), Err);
            }
        }
    }
}

fn give(
    channel: &mut Channel,
    bytes: &mut Vec<u8>,
    size: usize,
    failed: &mut Option<TlsFailure>,
) -> usize {
    let mut total = 0;
    while !bytes.is_empty() && failed.is_none() {
        let piece = size.min(bytes.len());
        match channel.feed(&bytes[..piece]) {
            Ok(taken) => {
                bytes.drain(..taken);
                total += taken;
                if taken < piece {
                    break;
                }
            }
            Err(failure) => *failed = Some(failure),
        }
    }
    total
}

/// All plaintext that waits.
pub(crate) fn read_all(channel: &mut Channel) -> Vec<u8> {
    let mut out = Vec::new();
    let mut piece = [0; 1000];
    loop {
        match channel.read(&mut piece) {
            0 => return out,
            count => out.extend_from_slice(&piece[..count]),
        }
    }
}

/// Where the records in this stream end.
pub(crate) fn record_ends(stream: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while let Some(header) = stream.get(at..at + 5) {
        at += 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
        ends.push(at);
    }
    ends
}
