//! Certificates made at run time: an authority of our own, server certificates good and bad, client certificates.
//!
//! All keys are ECDSA P-256, which every server under test accepts.

use std::io;
use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority that exists only while the tests run.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn new() -> io::Result<Self> {
        Self::called("ftp-proto test authority")
    }

    fn called(name: &str) -> io::Result<Self> {
        let mut params = named(name, Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        Ok(Self {
            pem: certificate.pem(),
            der: certificate.der().to_vec(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority of this process: every server the process starts has its certificate from it, so that one
    /// client configuration does for all of them.
    ///
    /// # Errors
    /// As [`Authority::new`], the first time.
    pub fn shared() -> io::Result<&'static Self> {
        static SHARED: OnceLock<Authority> = OnceLock::new();
        match SHARED.get() {
            Some(authority) => Ok(authority),
            None => {
                let made = Self::new()?;
                Ok(SHARED.get_or_init(|| made))
            }
        }
    }

    /// The authority's own certificate, for a client's roots, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's own certificate, for a client's roots, as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// A server certificate and its key, flawed as asked.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn server(&self, which: Certificate) -> io::Result<Credential> {
        let names: &[&str] = match which {
            Certificate::WrongName => &["ftp.example.net"],
            // The last one is the far end of a delayed link.
            _ => &["localhost", "127.0.0.1", "::1", "192.0.2.2"],
        };
        let mut params = named("localhost", names.iter().map(ToString::to_string).collect())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.is_ca = IsCa::ExplicitNoCa;
        match which {
            Certificate::Valid | Certificate::WrongName | Certificate::UnknownIssuer => {}
            Certificate::Expired => {
                params.not_before = date_time_ymd(2019, 1, 1);
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            Certificate::NotYetValid => {
                params.not_before = date_time_ymd(2090, 1, 1);
                params.not_after = date_time_ymd(2095, 1, 1);
            }
            Certificate::SelfSigned => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        }
        match which {
            Certificate::SelfSigned => Credential::new(&params, None),
            Certificate::UnknownIssuer => {
                // Of another name: an authority with a known name and another key would be a forger.
                let stranger = Self::called("an authority nobody knows")?;
                Credential::new(&params, Some(&stranger.issuer))
            }
            _ => Credential::new(&params, Some(&self.issuer)),
        }
    }

    /// A client certificate and its key, for servers that ask for one. `name` is its common name.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn client(&self, name: &str) -> io::Result<Credential> {
        let mut params = named(name, Vec::new())?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Credential::new(&params, Some(&self.issuer))
    }
}

/// What is the matter with a server certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Nothing: for `localhost`, `127.0.0.1` and `::1`, from [`Authority::shared`].
    #[default]
    Valid,
    /// Its time ended in 2020.
    Expired,
    /// Its time begins in 2090.
    NotYetValid,
    /// It is for `ftp.example.net` only.
    WrongName,
    /// It signed itself and says that it is an authority, as certificates made with one `openssl req -x509` do.
    SelfSigned,
    /// An authority nobody knows signed it.
    UnknownIssuer,
}

/// A certificate and its private key.
#[derive(Debug)]
pub struct Credential {
    /// The certificate as PEM.
    pub certificate: String,
    /// The certificate as DER.
    pub certificate_der: Vec<u8>,
    /// The private key as PKCS #8 PEM.
    pub key: String,
    /// The private key as PKCS #8 DER.
    pub key_der: Vec<u8>,
}

impl Credential {
    fn new(
        params: &CertificateParams,
        issuer: Option<&Issuer<'static, KeyPair>>,
    ) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        }
        .map_err(io::Error::other)?;
        Ok(Self {
            certificate: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key: key.serialize_pem(),
            key_der: key.serialize_der(),
        })
    }
}

/// Valid from 2020 to 2080 unless changed: some servers' TLS libraries dislike the far ends of time.
fn named(common_name: &str, subjects: Vec<String>) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(subjects).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2080, 1, 1);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
