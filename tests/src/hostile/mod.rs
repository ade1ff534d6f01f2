//! Scripted peers: hostile and odd servers for clients under test, hostile clients for servers under test, as files that anybody can read.
//!
//! `tests/scripts/README.md` has the grammar. A [`Script`] is read by [`script`]; [`server`] and [`client`] play one, over whatever carries
//! the bytes: machines in memory ([`mod@bench`]), or sockets ([`wire`]).

pub mod bench;
pub mod client;
mod parse;
pub mod policy;
pub mod script;
pub mod server;
mod text;
pub mod wire;

pub use script::{Script, load, load_all};
