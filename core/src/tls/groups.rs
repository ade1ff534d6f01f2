//! The groups keys are exchanged in: two shares at once for a server nothing is known of, one for a server that has chosen.

use alloc::boxed::Box;

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, X25519};
#[cfg(feature = "ring")]
use rustls::crypto::ring::kx_group::{SECP256R1, X25519};
use rustls::crypto::{
    ActiveKeyExchange, CompletedKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup};

/// X25519 comes first, with a share for P-256 beside it.
///
/// vsftpd and Pure-FTPd take nothing but P-256, and would ask for another key share, a round trip more. Others take the first of what is
/// offered, and P-256 is much the dearer one to OpenSSL. For a server that has taken a group there is the provider as it comes: of its groups
/// rustls offers a share for that one alone.
pub(super) fn offer_both(provider: &mut CryptoProvider) {
    provider
        .kx_groups
        .retain(|group| group.name() != X25519.name());
    provider.kx_groups.insert(0, &Both);
}

/// Both groups: to rustls the second is a part of the first, as in a hybrid.
#[derive(Debug)]
struct Both;

struct Started {
    first: Box<dyn ActiveKeyExchange>,
    second: Box<dyn ActiveKeyExchange>,
}

impl SupportedKxGroup for Both {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(Started {
            first: X25519.start()?,
            second: SECP256R1.start()?,
        }))
    }

    fn start_and_complete(&self, peer: &[u8]) -> Result<CompletedKeyExchange, Error> {
        X25519.start_and_complete(peer)
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        X25519.name()
    }
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.first.complete(peer)
    }

    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.second.group(), self.second.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.second.complete(peer)
    }

    fn pub_key(&self) -> &[u8] {
        self.first.pub_key()
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        self.first.group()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finite fields are looked for by what a group says of itself: two curves are none, and go by the name of the first.
    #[test]
    fn both_are_curves_and_go_by_the_name_of_the_first() {
        let started = Both.start().unwrap();
        assert_eq!(
            (Both.name(), started.group()),
            (NamedGroup::X25519, NamedGroup::X25519)
        );
        assert!(Both.ffdhe_group().is_none() && started.ffdhe_group().is_none());
        assert_eq!(started.hybrid_component().unwrap().0, NamedGroup::secp256r1);
    }
}
