//! Scripted dialogues, written from the standards.

mod bench;
mod control;
mod data;
mod files;
mod login;
mod security;
mod totality;
mod transfers;
