//! Runs the contenders in turn and takes the times.

use std::io::{self, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ftp_proto_tests::child::end_within;
use ftp_proto_tests::link::{Link, Segment, Sighting, Towards};

use crate::Fallible;
use crate::contenders::Contender;
use crate::options::Options;
use crate::servers::{self, Server};
use crate::table::{Cell, Run, Table};

/// More than a TLS handshake with tickets sends, less than that and a file: what the server has sent beyond this on
/// a protected data connection is the file.
const HANDSHAKE: u32 = 6 * 1024;
const GIVE_UP: Duration = Duration::from_secs(60);

/// Measures everything and prints the tables.
pub(crate) fn run(options: &Options) -> Fallible {
    if options.contenders.contains(&Contender::Ftp) && !options.ftp.is_file() {
        let path = options.ftp.display();
        return Err(format!(
            "{path} is missing: build it by `cargo build --release -p ftp-proto-blocking --example ftp`, name \
             another by --ftp, or leave it out by --without-ftp"
        )
        .into());
    }
    let link = Link::new(options.round_trip)?;
    let mut tables: Vec<Table> = [("Clear", false), ("TLS on control and data", true)]
        .into_iter()
        .filter(|(_, tls)| if *tls { options.tls } else { options.clear })
        .map(|(title, tls)| Table {
            title,
            tls,
            round_trip: options.round_trip,
            servers: options.servers.iter().map(ToString::to_string).collect(),
            rows: options
                .contenders
                .iter()
                .map(|contender| (*contender, Vec::new()))
                .collect(),
        })
        .collect();
    for kind in &options.servers {
        let server = Server::start(&link, *kind, options.files)?;
        for table in &mut tables {
            let cells = measure(options, &link, &server, &kind.to_string(), table.tls)?;
            for ((_, row), cell) in table.rows.iter_mut().zip(cells) {
                row.push(cell);
            }
        }
    }
    for table in &tables {
        println!("{table}");
    }
    let shortfalls: Vec<String> = tables.iter().flat_map(Table::shortfalls).collect();
    if shortfalls.is_empty() {
        return Ok(());
    }
    Err(format!(
        "this project's client falls short\n{}",
        shortfalls.join("\n")
    )
    .into())
}

/// All contenders against one server, in turn, so that a change in the machine's load meets all of them.
fn measure(
    options: &Options,
    link: &Link,
    server: &Server,
    name: &str,
    tls: bool,
) -> Fallible<Vec<Cell>> {
    let mut cells = vec![Cell::default(); options.contenders.len()];
    for repeat in 0..options.repeats {
        for (contender, cell) in options.contenders.iter().zip(&mut cells) {
            eprintln!(
                "{name} {} {} {}",
                if tls { "tls" } else { "clear" },
                repeat + 1,
                contender.name()
            );
            let (result, remarks, segments) = once(options, link, server, *contender, tls)?;
            if options.trace && repeat == 0 {
                print!(
                    "{}",
                    trace(contender.name(), name, options.round_trip, &segments)
                );
            }
            cell.remarks.extend(remarks.lines().map(ToOwned::to_owned));
            match result {
                Ok(run) => cell.runs.push(run),
                Err(why) => cell.failures.push(why),
            }
        }
    }
    Ok(cells)
}

type Once = (Result<Run, String>, String, Vec<Segment>);

/// One session of one client.
fn once(
    options: &Options,
    link: &Link,
    server: &Server,
    contender: Contender,
    tls: bool,
) -> Fallible<Once> {
    // What is still on its way belongs to the client before.
    thread::sleep(link.round_trip() * 2);
    link.forget();
    let files: Vec<String> = (0..options.files).map(servers::file_name).collect();
    let mut command = contender.command(link, &options.ftp, server, tls, &files)?;
    let mut child = command
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (output, complaints) = (
        child.stdout.take().ok_or("no output")?,
        child.stderr.take().ok_or("no errors")?,
    );
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(timed(output)));
    let errors = thread::spawn(move || io::read_to_string(complaints));
    let received = receiver.recv_timeout(GIVE_UP);
    let status = end(&mut child, received.is_err())?;
    let remarks = errors.join().map_err(|_| "the reader of errors failed")??;
    let segments = link.segments();

    let expected: Vec<u8> = (0..options.files).flat_map(servers::contents).collect();
    let result = match received {
        Err(_) => Err(format!("nothing more in {} s", GIVE_UP.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(_)) if !status => Err("it says it failed".into()),
        Ok(Ok((_, bytes))) if bytes != expected => {
            Err(format!("{} bytes, not the files", bytes.len()))
        }
        Ok(Ok((shown, _))) => judge(options, server, tls, &segments, shown),
    };
    Ok((result, remarks, segments))
}

fn judge(
    options: &Options,
    server: &Server,
    tls: bool,
    segments: &[Segment],
    shown: Instant,
) -> Result<Run, String> {
    let handshake = if tls { HANDSHAKE } else { 0 };
    let sighting = Sighting::of(segments, server.address.port(), handshake)
        .ok_or("no control connection seen")?;
    if sighting.files.len() != options.files {
        return Err(format!("{} files seen on the link", sighting.files.len()));
    }
    // Some servers take their time before some greetings, at random (ProFTPD: 0.2 s). No client can help it.
    let greeting = sighting.greeting.ok_or("no greeting seen")?;
    let start = greeting - 2 * options.round_trip;
    let trips = |time: Duration| time.as_secs_f64() / options.round_trip.as_secs_f64();
    let (Some(first), Some(last)) = (sighting.files.first(), sighting.files.last()) else {
        return Err("no file seen on the link".into());
    };
    let gaps = f64::from(u32::try_from(options.files - 1).unwrap_or(u32::MAX));
    Ok(Run {
        first: trips(*first - start),
        further: (gaps > 0.0).then(|| trips(*last - *first) / gaps),
        shown: trips(shown - start),
        turns: sighting.turns,
    })
}

/// Reads all, and the time at which the first byte came.
fn timed(mut output: impl Read) -> io::Result<(Instant, Vec<u8>)> {
    let mut bytes = vec![0];
    if output.read(&mut bytes)? == 0 {
        return Err(io::Error::other("nothing on its standard output"));
    }
    let first = Instant::now();
    output.read_to_end(&mut bytes)?;
    Ok((first, bytes))
}

/// Waits for the end of a client, or ends it; true if it was content.
fn end(child: &mut Child, stuck: bool) -> io::Result<bool> {
    let limit = if stuck { Duration::ZERO } else { GIVE_UP };
    let status = end_within(child, limit)?;
    Ok(status.is_some_and(|status| status.success()))
}

/// Every segment but bare acknowledgements, with its time in round trips.
fn trace(contender: &str, server: &str, round_trip: Duration, segments: &[Segment]) -> String {
    let mut text = format!("\n{contender} with {server}, times in round trips\n");
    let Some(start) = segments.first().map(|segment| segment.at) else {
        return text;
    };
    for segment in segments
        .iter()
        .filter(|s| s.syn || s.fin || s.rst || !s.payload.is_empty())
    {
        let at = (segment.at - start).as_secs_f64() / round_trip.as_secs_f64();
        let arrow = if segment.towards == Towards::Far {
            "->"
        } else {
            "<-"
        };
        let flags: String = [
            (segment.syn, " SYN"),
            (segment.fin, " FIN"),
            (segment.rst, " RST"),
        ]
        .iter()
        .filter_map(|(set, name)| set.then_some(*name))
        .collect();
        text += &format!(
            "{at:6.2} {:5} {arrow} {:5}{flags} {:5} {}\n",
            segment.source.port(),
            segment.destination.port(),
            segment.payload.len(),
            describe(&segment.payload)
        );
    }
    text
}

/// Text as it is, TLS by the type of its first record.
fn describe(payload: &[u8]) -> String {
    match payload {
        [0x14, 3, ..] => "TLS change_cipher_spec".into(),
        [0x15, 3, ..] => "TLS alert".into(),
        [0x16, 3, ..] => "TLS handshake".into(),
        [0x17, 3, ..] => "TLS application_data".into(),
        _ if payload.is_ascii() && payload.ends_with(b"\r\n") => payload.escape_ascii().to_string(),
        _ => String::new(),
    }
}
