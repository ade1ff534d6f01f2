//! Bytes per second of a download and an upload under TLS over loopback, beside a bare rustls connection that carries the same bytes.
//!
//! ```text
//! cargo bench -p ftp-proto-tests --bench tls_throughput [-- MEGABYTES ROUNDS]
//! ```
//!
//! The server is rustls on blocking sockets, with as much FTP as it takes. Its data connections and the bare connections are served by
//! the same functions, so both clients have the same peer, the same cipher suite and the same machine; they take turns within one run.
//! A round is measured from the call, or the connecting, to the return; both include one handshake.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing it does not expect"
)]

mod bare;
mod server;

use std::io::{Read, repeat, sink};
use std::time::Instant;

use ftp_proto::tls::Version;
use ftp_proto_blocking::{Client, Secret};
use ftp_proto_tests::certs::{Authority, Certificate};

use bare::Bare;
use server::Server;

/// What one round came to, in bytes per second.
struct Round {
    client: f64,
    bare: f64,
}

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let megabytes = numbers.first().copied().unwrap_or(100);
    let rounds = numbers.get(1).copied().unwrap_or(7);
    let size = megabytes * 1_000_000;
    let authority = Authority::new().unwrap();
    let credential = authority.server(Certificate::Valid).unwrap();
    println!("{megabytes} MB, median of {rounds} rounds, MB/s\n");
    println!("TLS  direction      client   bare rustls   ratio   ratios of the rounds");
    for version in [Version::Tls13, Version::Tls12] {
        let server = Server::start(&credential, version, size);
        let mut client = Client::builder()
            .ca_pem(authority.pem())
            .connect("localhost", server.port)
            .unwrap();
        client.login("someone", Secret::new(b"secret")).unwrap();
        let bare = Bare::new(&authority, version);
        for upload in [false, true] {
            let mut done = Vec::new();
            // One round more than counted: the first warms up.
            for round in 0..=rounds {
                let begun = Instant::now();
                let bytes = match upload {
                    false => client.retrieve("file", &mut sink()).unwrap().bytes,
                    true => {
                        client
                            .store("file", &mut repeat(7).take(size))
                            .unwrap()
                            .bytes
                    }
                };
                let ours = begun.elapsed();
                assert_eq!(bytes, size);
                let begun = Instant::now();
                match upload {
                    false => bare.download(server.download, size),
                    true => bare.upload(server.upload, size),
                }
                let theirs = begun.elapsed();
                if round > 0 {
                    done.push(Round {
                        client: size as f64 / ours.as_secs_f64(),
                        bare: size as f64 / theirs.as_secs_f64(),
                    });
                }
            }
            tell(version, upload, &done);
        }
        client.quit().unwrap();
    }
}

fn tell(version: Version, upload: bool, rounds: &[Round]) {
    let client = median(rounds.iter().map(|round| round.client));
    let bare = median(rounds.iter().map(|round| round.bare));
    let ratios: Vec<f64> = rounds
        .iter()
        .map(|round| round.client / round.bare)
        .collect();
    let least = ratios.iter().copied().fold(f64::MAX, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    println!(
        "{:<4} {:<10} {:>10.0} {:>13.0} {:>7.2}   {least:.2} to {most:.2}",
        match version {
            Version::Tls13 => "1.3",
            Version::Tls12 => "1.2",
        },
        if upload { "upload" } else { "download" },
        client / 1e6,
        bare / 1e6,
        client / bare,
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
