//! Many small files: this project's client and others, files per second, in turn in one run.
//!
//! ```text
//! cargo bench -p ftp-proto-tests --bench many_files -- [OPTION]...
//! ```
//!
//! Each contender fetches, or stores, the same files of 4 KiB with one session and with eight, in clear and under TLS, over loopback and
//! over a delayed [`Link`](ftp_proto_tests::link::Link). It is a process of its own, timed from its start to its end, and what it has
//! moved is compared byte by byte. The numbers are files per second, medians over the rounds; in brackets what part of the rate of this
//! project's pool the others reach.
//!
//! The run fails when a client of this project fails, or both are slower than another one by more than a tenth.
//!
//! Over loopback thousands of data connections a second use up the ports that are kept for a while (TIME-WAIT): the servers choose theirs
//! out of all there are, and a run in a network namespace of its own with `net.ipv4.tcp_max_tw_buckets` 0 keeps none.
//!
//! Needs root, and the programs that `tests/peers/install.sh` fetches.

#[cfg(target_os = "linux")]
mod contenders;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod ours;
#[cfg(target_os = "linux")]
mod race;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod suppaftp_client;

/// What every part may fail with: it ends the run with its text.
type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    // The bench is its own helper: the server's keeper at the far end, and four of the contenders.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((own, rest)) if own == servers::KEEP => servers::keep(rest),
        Some((own, rest)) if own == suppaftp_client::MOVE => suppaftp_client::run(rest),
        Some((own, rest)) if own == ours::MOVE => ours::run(rest),
        Some((own, rest)) if own == ours::MOVE_TOKIO => ours::run_tokio(rest),
        Some((own, rest)) if own == ours::MOVE_BLOCKING => ours::run_blocking(rest),
        _ => options::Options::parse(&arguments)
            .and_then(|asked| asked.map_or(Ok(()), |options| race::run(&options))),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("many_files: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> Fallible {
    Err("needs the network namespaces and TUN devices of Linux".into())
}
