//! Dialogues from greeting to end, with the commands a server may count on, in their order.
//!
//! The bench cuts everything the server says at every place into two pieces, and checks after every step that silence
//! from there on ends every request.

#![allow(
    unused_must_use,
    reason = "many requests are made only to see what is sent"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod abort;
mod active;
mod channel;
mod digests;
mod eager;
mod ending;
mod greeting;
mod listings;
mod login;
mod order;
mod repealed;
mod requests;
mod results;
mod secrets;
mod sessions;
mod tickets;
mod transfers;
mod waiting;
mod wander;
mod withdrawn;

use ftp_proto::client::Batching;
use ftp_proto::{Config, DataEnd};
use ftp_proto_tests::rig::Rig;

/// The default settings, one command at a time.
fn lock_step() -> Config {
    let mut config = Config::default();
    config.batching = Batching::LockStep;
    config
}

/// Logged in under TLS, data connections made at once.
fn secure() -> Rig {
    let mut rig = Rig::secure(Config::default());
    rig.auto_data = true;
    rig
}

/// Logged in in clear text, data connections made at once.
fn clear() -> Rig {
    let mut rig = Rig::clear(Config::default());
    rig.auto_data = true;
    rig
}

/// One download from the first command to the end; the machine is idle before and after.
fn download(rig: &mut Rig, path: &str) {
    rig.forget();
    let ticket = rig.retrieve(path);
    let lines = rig.sent();
    assert_eq!(
        lines.last().map(String::as_str),
        Some(&*format!("RETR {path}"))
    );
    for line in lines {
        rig.reply(match line.split(' ').next().unwrap_or("") {
            "TYPE" => "200 binary\r\n",
            "SIZE" => "213 3\r\n",
            "EPSV" => "229 passive (|||2000|)\r\n",
            _ => "150 here it comes\r\n",
        });
    }
    rig.flow_finished(3, DataEnd::CloseNotify)
        .reply("226 done\r\n");
    assert_eq!(rig.done(ticket).bytes, 3);
    rig.forget();
}
