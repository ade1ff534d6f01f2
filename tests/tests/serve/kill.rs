//! The server is killed in the middle of uploads.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use ftp_proto::client::{ClearText, Security};
use ftp_proto_blocking::{Client, Error, Secret};

use crate::server::{PASSWORD, Serve, USER};
use crate::turn;

const UPLOADERS: u64 = 4;

/// Names each of them overwrites, over and over.
const NAMES: u64 = 3;

#[test]
fn kill_leaves_whole_files_alone() {
    let _turn = turn();
    let kills: u64 = std::env::var("SERVE_KILLS").map_or(20, |count| count.parse().unwrap());
    let arguments = ["--tls", "off"];
    let mut server = Serve::start(&arguments);
    let confirmed = Mutex::new(BTreeMap::new());
    for kill in 0..kills {
        let address = server.addresses[0];
        thread::scope(|scope| {
            for uploader in 0..UPLOADERS {
                let confirmed = &confirmed;
                scope.spawn(move || {
                    // Until the server is gone.
                    let _ = upload(address, uploader, kill, confirmed);
                });
            }
            // Anywhere in a transfer: sizes differ, and so do moments.
            thread::sleep(Duration::from_millis(40 + kill * 37 % 120));
            server.kill();
        });
        for (name, generation) in confirmed.lock().unwrap().iter() {
            let there = fs::read(server.root().join(name)).unwrap_or_default();
            let now = generation_of(&there).unwrap_or_else(|| panic!("{name} is damaged"));
            // One that was on its way may have become whole although nobody was told.
            assert!(now >= *generation, "{name} went back");
        }
        for entry in fs::read_dir(server.root()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let unfinished = name.starts_with(".ftp-") && name.ends_with(".part");
            let whole = || generation_of(&fs::read(server.root().join(&name)).unwrap()).is_some();
            assert!(unfinished || whole(), "{name} is half a file");
        }
        server.restart(&arguments);
    }
    let unfinished = fs::read_dir(server.root())
        .unwrap()
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".part")
        })
        .count();
    let mut client = client(server.addresses[0]).unwrap();
    let names = client.names("").unwrap();
    let names = String::from_utf8(names).unwrap();
    assert!(!names.contains(".part"), "{names}");
    client.quit().unwrap();
    println!(
        "{kills} kills; {} names, all whole; {unfinished} uploads were under way and are not listed",
        names.lines().count()
    );
    assert!(unfinished > 0, "no upload was ever under way");
}

fn client(address: SocketAddr) -> Result<Client, Error> {
    let mut client = Client::builder()
        .security(Security::clear(ClearText::Everybody))
        .connect(&address.ip().to_string(), address.port())?;
    client.login(USER, Secret::new(PASSWORD.as_bytes()))?;
    Ok(client)
}

fn upload(
    address: SocketAddr,
    uploader: u64,
    kill: u64,
    confirmed: &Mutex<BTreeMap<String, u64>>,
) -> Result<(), Error> {
    let mut client = client(address)?;
    for round in 0.. {
        let generation = kill << 32 | round;
        let name = format!("{uploader}-{}", round % NAMES);
        client.store(&name, &mut contents(generation).as_slice())?;
        confirmed.lock().unwrap().insert(name, generation);
    }
    Ok(())
}

/// A file that says of itself whether it is whole, up to 4 MB.
fn contents(generation: u64) -> Vec<u8> {
    let words = 1000 + (generation.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 45);
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&generation.to_le_bytes());
    bytes.extend_from_slice(&words.to_le_bytes());
    for word in 0..words {
        let mixed = (generation ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        bytes.extend_from_slice(&mixed.to_le_bytes());
    }
    bytes
}

fn generation_of(bytes: &[u8]) -> Option<u64> {
    let generation = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    (contents(generation) == bytes).then_some(generation)
}
