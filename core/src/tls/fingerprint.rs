//! SHA-256 of a certificate.

use core::fmt;
use core::str::FromStr;

use rustls::SupportedCipherSuite;
use rustls::crypto::CryptoProvider;
use rustls::crypto::hash::{Hash, HashAlgorithm};

use super::TlsSetupError;

/// SHA-256 over a certificate in DER: what `openssl x509 -fingerprint -sha256` prints, and what people compare and pin.
///
/// ```
/// use ftp_proto::tls::Fingerprint;
///
/// let with_colons: Fingerprint = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55".parse()?;
/// let plain: Fingerprint = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
/// assert_eq!(with_colons, plain);
/// assert_eq!(plain.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// # Ok::<(), ftp_proto::tls::TlsSetupError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = TlsSetupError;

    /// Reads 64 hexadecimal digits; colons between bytes and surrounding blanks are allowed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digits = text
            .trim()
            .chars()
            .filter(|&c| c != ':')
            .map(|c| c.to_digit(16));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let (Some(Some(high)), Some(Some(low))) = (digits.next(), digits.next()) else {
                return Err(TlsSetupError::BadFingerprint);
            };
            // Two digits below 16 always fit.
            *byte = u8::try_from(high * 16 + low).map_err(|_| TlsSetupError::BadFingerprint)?;
        }
        if digits.next().is_some() {
            Err(TlsSetupError::BadFingerprint)
        } else {
            Ok(Fingerprint(bytes))
        }
    }
}

/// SHA-256 as the crypto provider implements it, so that no second implementation is needed.
#[derive(Clone, Copy)]
pub(super) struct Sha256(&'static dyn Hash);

impl Sha256 {
    pub(super) fn of_provider(provider: &CryptoProvider) -> Option<Sha256> {
        provider
            .cipher_suites
            .iter()
            .map(|suite| match suite {
                SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
                SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
            })
            .find(|hash| hash.algorithm() == HashAlgorithm::SHA256)
            .map(Sha256)
    }

    pub(super) fn fingerprint(self, der: &[u8]) -> Fingerprint {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.0.hash(der).as_ref()) {
            *to = *from;
        }
        Fingerprint(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_of_hexadecimal_are_read() {
        let good = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
        let bytes = core::array::from_fn(|index| (index % 16) as u8 * 0x11);
        assert_eq!(good.parse(), Ok(Fingerprint(bytes)));
        assert!(alloc::format!(" {good}\n").parse::<Fingerprint>().is_ok());
        for bad in [
            "",
            "00",
            good.trim_start_matches('0'),
            &alloc::format!("{good}0"),
            &good.replace('0', "g"),
            &good.replace('0', "é"),
        ] {
            assert_eq!(
                bad.parse::<Fingerprint>(),
                Err(TlsSetupError::BadFingerprint),
                "{bad}"
            );
        }
    }
}
