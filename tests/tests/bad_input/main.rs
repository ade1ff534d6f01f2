//! Whatever goes wrong, the client `ftp` says in one sentence what it was, whose side it was on and what the server replied, ends with
//! the exit status of its kind, leaves no file under a final name and shows no password.
//!
//! ```text
//! cargo test --release -p ftp-proto-tests --test bad_input -- --nocapture
//! ```
//!
//! prints all of it as a table. Real servers where they can be made to misbehave, scripted ones where not.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

mod board;
mod command_line;
mod dialogue;
mod files;
mod reach;
mod scripted;
mod security;

use std::thread;

use ftp_proto_tests::peers::Kind;

use board::Board;

#[test]
fn every_bad_input_has_its_exit_status_and_its_sentence() {
    let board = Board::default();
    // They mostly wait for one another's time-outs, so all at once.
    thread::scope(|scope| {
        type Group<'a> = (&'a str, Box<dyn FnOnce() + Send + 'a>);
        let mut groups: Vec<Group<'_>> = vec![
            ("command line", Box::new(|| command_line::all(&board))),
            ("reach", Box::new(|| reach::all(&board))),
            ("greetings", Box::new(|| dialogue::greetings(&board))),
            ("replies", Box::new(|| dialogue::replies(&board))),
            ("data", Box::new(|| dialogue::data(&board))),
            ("tls", Box::new(|| security::scripted(&board))),
            ("certificates", Box::new(|| security::certificates(&board))),
            ("servers", Box::new(|| security::servers(&board))),
            ("disks", Box::new(|| files::local(&board))),
            ("trees", Box::new(|| files::trees(&board))),
            ("killed", Box::new(|| files::killed(&board))),
        ];
        for kind in Kind::ALL {
            let board = &board;
            groups.push((kind.name(), Box::new(move || files::refused(board, kind))));
        }
        let running: Vec<_> = groups
            .into_iter()
            .map(|(name, group)| (name, scope.spawn(group)))
            .collect();
        for (name, group) in running {
            if group.join().is_err() {
                board.wrong(name, "stopped in the middle");
            }
        }
    });
    board.finish();
}
