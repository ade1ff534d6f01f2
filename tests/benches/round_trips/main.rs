//! Round trips to the first file byte, for this project's client and for others, over one delayed link, in one run.
//!
//! ```text
//! cargo build --release -p ftp-proto-blocking --example ftp
//! cargo bench -p ftp-proto-tests --bench round_trips -- [OPTION]...
//! ```
//!
//! A server of each kind runs at the far end of a [`Link`](ftp_proto_tests::link::Link), the contenders at the near
//! end, each fetching the same few small files in one session, in turn, several times. The first number is the time
//! from the SYN of the control connection to the arrival of the first *file* byte, the second the time from one
//! file's first byte to the next file's, both as medians and in round trips. The SYN counts as sent two round trips
//! before the greeting came, so that a server slow to greet does not blur the comparison. The clock is the link's:
//! what arrived, not what a program printed. A program that sits on what it got is named below the table.
//!
//! The run fails when this project's client failed, or was slower than another by half a round trip or more.
//!
//! Files are smaller than TCP's initial window and than one TLS record, so that what is counted is the protocol and
//! not slow start.
//!
//! Needs root, and the programs that `tests/peers/install.sh` fetches. A contender that is missing is an error: leave
//! one out by naming the others with `--contender`, and this project's own with `--without-ftp`.

#[cfg(target_os = "linux")]
mod contenders;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod race;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod suppaftp_client;
#[cfg(target_os = "linux")]
mod table;

/// What every part may fail with: it ends the run with its text.
type Fallible<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    // The bench is its own helper inside the namespaces: the server's keeper at the far end, suppaftp at the near.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((own, rest)) if own == servers::KEEP => servers::keep(rest),
        Some((own, rest)) if own == suppaftp_client::FETCH => suppaftp_client::fetch(rest),
        _ => options::Options::parse(&arguments)
            .and_then(|asked| asked.map_or(Ok(()), |options| race::run(&options))),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("round_trips: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> Fallible {
    Err("needs the network namespaces and TUN devices of Linux".into())
}
