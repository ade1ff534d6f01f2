//! (in progress)

pub mod certs;
#[cfg(target_os = "linux")]
pub mod link;
#[cfg(target_os = "linux")]
pub mod peers;
pub mod rig;
pub mod transcript;
