//! TLS for the control and the data connection, without sockets (feature `rustls`).
//!
//! Bytes go in and out of a [`Channel`]; who moves them is the driver's business. The order of types:
//!
//! ```text
//! ClientTls    what to trust and who we are; one per policy, cheap to clone
//!   TlsSession   one per control connection: keeps the tickets its data connections resume from
//!     Channel      one per connection: ciphertext in and out, plaintext in and out
//! ServerTls, ServerTlsSession: the same for a server
//! ```
//!
//! # Loop of a driver
//!
//! ```text
//! received bytes      -> channel.feed(&buffer)          keep what it did not take and offer it again later
//! end of stream       -> channel.peer_eof()
//! channel.plaintext() -> the core or the application, then channel.consume(n)
//! plaintext           -> channel.write(bytes)           0 means: flush first
//! channel.wants_write -> channel.write_to(&mut socket)  after a failure too: the peer is told why
//! ```
//!
//! # How a data connection ends
//!
//! The order matters: closing a socket with unread tickets in its queue makes the kernel send a reset, which destroys what
//! the server has not read yet.
//!
//! * Upload: [`close`](Channel::close), flush, shut down the sending side, read until
//!   [`peer_closed`](Channel::peer_closed) or end of stream, close the socket, then expect the final reply. Tickets that
//!   arrive meanwhile serve the next data connection.
//! * Download: when [`peer_closed`](Channel::peer_closed), [`close`](Channel::close), flush and close the socket at once: servers may
//!   hold the final reply back until then.
//!
//! # Back to clear text (`CCC`, RFC 4217 section 12.3)
//!
//! After the reply to `CCC`, [`close`](Channel::close) and flush, and feed until [`peer_closed`](Channel::peer_closed). The bytes that
//! [`feed`](Channel::feed) did not take are the first clear ones, even where they came in the same segment.
//!
//! # Builds for debugging
//!
//! rustls 0.23 asserts that it never sends a second alert, and a peer that sends a damaged record behind our close_notify makes it do so. That is a
//! panic where debug assertions are on, and nothing in a release. A program whose debug builds meet peers it does not trust has in its `Cargo.toml`:
//!
//! ```toml
//! [profile.dev.package.rustls]
//! debug-assertions = false
//! ```
//!
//! # Example
//!
//! ```
//! use ftp_proto::tls::{ClientTls, Purpose, TlsSetupError};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # if cfg!(any(feature = "ring", feature = "aws-lc-rs")) {
//! let pin = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
//! let tls = ClientTls::builder().pin_sha256(pin).build()?;
//! let session = tls.session("ftp.example.org")?;
//! let mut control = session.open(Purpose::Control)?;
//! let mut to_send = Vec::new();
//! control.take_outgoing(&mut to_send); // the ClientHello
//! assert!(to_send.starts_with(&[0x16, 3]));
//! # }
//! # Ok(())
//! # }
//! ```

mod channel;
mod classify;
mod client;
mod der;
mod failure;
mod fingerprint;
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod groups;
mod report;
mod server;
mod setup;
mod store;
mod verify;

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
pub(crate) mod tests;

/// The rustls that this module is built upon, for the types below that are its own.
pub use rustls;
pub use rustls::RootCertStore;
pub use rustls::client::danger::ServerCertVerifier;
pub use rustls::crypto::CryptoProvider;
pub use rustls::server::danger::ClientCertVerifier;
pub use rustls::time_provider::TimeProvider;

pub use self::channel::{Channel, HandshakeFacts};
pub use self::client::{ClientTls, ClientTlsBuilder, Purpose, TlsSession};
pub use self::failure::{Alert, Blame, TlsFailure};
pub use self::fingerprint::Fingerprint;
pub use self::server::{ServerTls, ServerTlsBuilder, ServerTlsSession};
pub use self::setup::TlsSetupError;
pub(crate) use self::setup::default_provider;
pub use self::store::TicketCount;
pub use self::verify::{Decision, PeerIdentity, Untrusted, UntrustedHook, Verdict};
/// The versions spoken at all; older ones deliberately never (RFC 8996).
pub use crate::order::TlsVersion as Version;
pub use crate::wire::first_bytes::{FIRST_BYTES_KEPT, FirstBytes, classify_first_bytes};
