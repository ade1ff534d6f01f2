//! A client under any policy, and a server that says anything, cut anywhere.

use ftp_proto::Secret;
use ftp_proto::client::{Input, TransferOptions};

use crate::book::{ACCOUNT, CANARY, PASSWORD};
use crate::guess::guesses;
use crate::setup::Setup;
use crate::world::{Outcome, World};

/// The first eight bytes set the session up (policy, data modes, requests, how the world behaves, the cuts); the rest is what the
/// server says.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let Some((setup, said)) = Setup::take(data) else {
        return;
    };
    if guesses(said, CANARY) {
        return;
    }
    let mut world = World::new(setup);
    requests(&mut world, setup, setup.calls[0]);
    for (index, piece) in setup.cut().pieces(said).into_iter().enumerate() {
        surroundings(&mut world, setup, index);
        // A driver does not read now; what comes all the same must not matter for anything but the end.
        if world.client.reads_control() || setup.world & 0x80 != 0 {
            world.handle(Input::Control(piece));
        }
        if index == 4 {
            requests(&mut world, setup, setup.calls[1]);
        }
        if world.book.is_closed() {
            break;
        }
    }
    surroundings(&mut world, setup, usize::MAX);
    world.wind_down();
}

/// What goes on around the server's words: lines are written, orders carried out, time passes.
fn surroundings(world: &mut World, setup: Setup, index: usize) {
    world.flush(usize::MAX);
    let mut left = 12;
    // A flow ends at once, or every other time, or in wind-down only.
    let patience = setup.world >> 3 & 3;
    let outcome = match setup.world >> 5 & 3 {
        0 | 1 => Outcome::GOOD,
        2 => Outcome { way: 3, bytes: 0 },
        _ => Outcome { way: 4, bytes: 5 },
    };
    while !world.hand.is_empty() && left > 0 {
        left -= 1;
        if patience == 2 && index.is_multiple_of(2) || patience == 3 {
            let Some(handshake) = world
                .hand
                .iter()
                .position(|order| !matches!(order, crate::world::Order::Flow(_)))
            else {
                world.progress(0, 10);
                break;
            };
            world.report(handshake, outcome);
        } else {
            world.report(0, outcome);
        }
        world.flush(usize::MAX);
    }
    world.wait(10);
}

/// Two sets of requests out of a byte each.
fn requests(world: &mut World, setup: Setup, calls: u8) {
    let how = TransferOptions {
        offset: u64::from(calls >> 7) * 100,
        eager: calls & 0x40 != 0,
        ..TransferOptions::default()
    };
    if calls & 1 == 0 {
        let account = (calls & 0x40 != 0).then(|| Secret::new(ACCOUNT.as_bytes()));
        let password = Secret::new(PASSWORD.as_bytes());
        world.ask(|client, now| client.login(now, setup.user(), password, account));
    }
    match calls >> 1 & 7 {
        0 => world.ask(|client, now| client.retrieve(now, b"some file", how)),
        1 => world.ask(|client, now| client.store(now, b"some file", how)),
        2 => world.ask(|client, now| client.facts(now, None)),
        3 => world.ask(|client, now| client.rename(now, b"from", b"to")),
        4 => world.ask(|client, now| client.features(now)),
        5 => world.ask(|client, now| client.size(now, b"some file")),
        6 => world.ask(|client, now| client.command(now, b"SITE CHMOD 644 some file")),
        _ => world.ask(|client, now| client.reinitialize(now)),
    }
    match calls >> 4 & 3 {
        0 => world.ask(|client, now| client.retrieve(now, b"another", how)),
        1 => world.ask(|client, now| client.abort(now)),
        2 => world.ask(|client, now| client.clear_command_channel(now)),
        _ => world.ask(|client, now| client.quit(now)),
    }
    if calls & 0x80 != 0 {
        world.ask(|client, now| client.working_directory(now));
    }
}
