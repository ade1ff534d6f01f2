//! Text to values and back, pure and usable alone. The lowest layer: it knows no state, no role, no time.

pub mod ascii;
pub mod command;
pub mod date;
pub mod digest;
pub mod extended;
pub mod facts;
pub mod features;
pub mod first_bytes;
pub mod host_port;
pub mod line;
pub mod quoted;
pub mod reply;
pub mod telnet;
