//! Where the next data connection comes from or goes to.

use core::net::SocketAddr;

/// What PORT, PASV and their kin have set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Setup {
    /// Nothing.
    #[default]
    None,
    /// The client connects to us.
    Passive,
    /// We connect there.
    Active(SocketAddr),
}
