//! (in progress)

#[cfg(target_os = "linux")]
pub mod link;
