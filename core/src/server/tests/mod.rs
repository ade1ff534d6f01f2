//! Scripted dialogues, written from the standards.

mod bench;
mod control;
mod data;
mod duel;
mod edges;
mod files;
mod login;
#[cfg(feature = "model")]
mod mutants;
mod security;
mod totality;
mod transfers;
mod wander;
