//! What the tests are made of: a client machine on a bench, recorded dialogues, real servers on loopback, a delayed link.
//!
//! `tests/README.md` lists the suites, what each shows and how long it takes.

pub mod bench_server;
pub mod certs;
#[cfg(target_os = "linux")]
pub mod child;
pub mod hostile;
#[cfg(target_os = "linux")]
pub mod link;
pub mod pair;
#[cfg(target_os = "linux")]
pub mod peers;
pub mod rig;
pub mod small_files;
pub mod tool;
pub mod transcript;
pub mod tree;
pub mod watch;
