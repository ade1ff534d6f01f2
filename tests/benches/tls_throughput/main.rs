//! Bytes per second of a download and an upload under TLS over loopback, beside a bare rustls connection that carries the same bytes.
//!
//! ```text
//! cargo bench -p ftp-proto-tests --bench tls_throughput [-- MEGABYTES ROUNDS WORDS]
//! ```
//!
//! `WORDS` leave out what they do not name: `bare`, `blocking`, `async`; `download`, `upload`; `1.2`, `1.3`.
//!
//! The server is rustls on blocking sockets, with as much FTP as it takes. Its data connections and the bare connections are served by
//! the same functions, so all contenders have the same peer, the same cipher suite and the same machine. A turn is measured from the
//! call, or the connecting, to the return, one handshake included. Every contender has its turn in every round, each round in another
//! order; what counts is the median of the ratios within a round, which what else the machine does hits alike.

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
use ftp_proto_async as asynchronous;
use ftp_proto_blocking as blocking;
use ftp_proto_tests::certs::{Authority, Certificate};
use smol::io::AsyncReadExt;

use bare::Bare;
use server::Server;

/// Who the others are held to.
const BARE: &str = "bare";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Download,
    Upload,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Direction::Download => "download",
            Direction::Upload => "upload",
        }
    }
}

/// Who carries the bytes.
struct Contender<'a> {
    name: &'static str,
    carry: Box<dyn FnMut(Direction) + 'a>,
    /// Seconds, by round.
    took: Vec<f64>,
    /// Seconds its thread was on a processor, by round.
    worked: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = arguments
        .iter()
        .filter_map(|word| word.parse::<usize>().ok());
    let megabytes = numbers.next().unwrap_or(100);
    let rounds: usize = numbers.next().unwrap_or(11);
    let wanted = |family: &[&str], name: &str| {
        let said = |name: &str| arguments.iter().any(|word| word == name);
        said(name) || !family.iter().any(|name| said(name))
    };
    let size = megabytes as u64 * 1_000_000;
    let authority = Authority::new().unwrap();
    let credential = authority.server(Certificate::Valid).unwrap();
    println!("{megabytes} MB a turn; medians of {rounds} rounds\n");
    println!(
        "TLS  direction  contender        MB/s   own ms/MB   ratio to bare   ratios of the rounds"
    );
    for (version, shown) in [(Version::Tls13, "1.3"), (Version::Tls12, "1.2")] {
        if !wanted(&["1.3", "1.2"], shown) {
            continue;
        }
        let server = Server::start(&credential, version, size);
        let bare = Bare::new(&authority, version);
        let mut blocking = blocking_client(&authority, server.port);
        let mut asynchronous = asynchronous_client(&authority, server.port);
        let mut contenders = [
            Contender::new(BARE, |direction| match direction {
                Direction::Download => bare.download(server.download, size),
                Direction::Upload => bare.upload(server.upload, &mut repeat(7).take(size)),
            }),
            Contender::new("blocking", |direction| {
                let done = match direction {
                    Direction::Download => blocking.retrieve("file", &mut sink()),
                    Direction::Upload => blocking.store("file", &mut repeat(7).take(size)),
                };
                assert_eq!(done.unwrap().bytes, size);
            }),
            Contender::new("async", |direction| {
                let done = smol::block_on(async {
                    match direction {
                        Direction::Download => {
                            let mut sink = smol::io::sink();
                            asynchronous.retrieve("file", &mut sink).await
                        }
                        Direction::Upload => {
                            let mut source = smol::io::repeat(7).take(size);
                            asynchronous.store("file", &mut source).await
                        }
                    }
                });
                assert_eq!(done.unwrap().bytes, size);
            }),
        ];
        for direction in [Direction::Download, Direction::Upload] {
            if !wanted(&["download", "upload"], direction.name()) {
                continue;
            }
            let names = contenders.each_ref().map(|contender| contender.name);
            let mut running: Vec<&mut Contender> = contenders
                .iter_mut()
                .filter(|contender| wanted(&names, contender.name))
                .collect();
            measure(&mut running, direction, rounds);
            tell(&running, shown, direction, size);
        }
        drop(contenders);
        blocking.quit().unwrap();
        smol::block_on(asynchronous.quit()).unwrap();
    }
}

fn blocking_client(authority: &Authority, port: u16) -> blocking::Client {
    let mut client = blocking::Client::builder()
        .ca_pem(authority.pem())
        .connect("localhost", port)
        .unwrap();
    let secret = blocking::Secret::new(b"secret");
    client.login("someone", secret).unwrap();
    client
}

fn asynchronous_client(authority: &Authority, port: u16) -> asynchronous::Client {
    smol::block_on(async {
        let mut client = asynchronous::Client::builder()
            .ca_pem(authority.pem())
            .connect("localhost", port)
            .await
            .unwrap();
        let secret = asynchronous::Secret::new(b"secret");
        client.login("someone", secret).await.unwrap();
        client
    })
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, carry: impl FnMut(Direction) + 'a) -> Self {
        Contender {
            name,
            carry: Box::new(carry),
            took: Vec::new(),
            worked: Vec::new(),
        }
    }
}

/// One round more than counted: the first warms up.
fn measure(contenders: &mut [&mut Contender<'_>], direction: Direction, rounds: usize) {
    for contender in &mut *contenders {
        contender.took.clear();
        contender.worked.clear();
    }
    let count = contenders.len();
    for round in 0..=rounds {
        // Each is first, last, and behind each other one, as often as the others.
        let mut order: Vec<usize> = (0..count).collect();
        order.rotate_left(round % count);
        if round / count % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let contender = &mut contenders[index];
            let (begun, before) = (Instant::now(), on_processor());
            (contender.carry)(direction);
            if round > 0 {
                contender.took.push(begun.elapsed().as_secs_f64());
                contender.worked.push(on_processor() - before);
            }
        }
    }
}

fn tell(contenders: &[&mut Contender<'_>], version: &str, direction: Direction, size: u64) {
    for contender in contenders {
        let speed = size as f64 / median(contender.took.iter().copied()) / 1e6;
        let name = direction.name();
        let work = median(contender.worked.iter().copied()) * 1e9 / size as f64;
        print!(
            "{version:<4} {name:<10} {:<10} {speed:>10.0} {work:>11.3}",
            contender.name
        );
        let bare = contenders.iter().find(|other| other.name == BARE);
        if let Some(bare) = bare.filter(|bare| bare.name != contender.name) {
            let ratios = bare.took.iter().zip(&contender.took);
            let ratios = ratios.map(|(bare, own)| bare / own);
            let least = ratios.clone().fold(f64::MAX, f64::min);
            let most = ratios.clone().fold(0.0, f64::max);
            print!("{:>16.2}   {least:.2} to {most:.2}", median(ratios));
        }
        println!();
    }
}

/// Seconds this thread was on a processor so far; not a number where the system does not tell.
fn on_processor() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split_whitespace().next();
    nanoseconds.map_or(f64::NAN, |count| count.parse::<f64>().unwrap() / 1e9)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
