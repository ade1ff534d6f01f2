//! Sessions with real servers, recorded by the driver and replayed without them.

use std::io::Cursor;
use std::thread;
use std::time::Duration;

use ftp_proto::client::{Batching, ClearText, DataMode, DataModes, Security, SizeCheck};
use ftp_proto::trace::{Trace, replay};
use ftp_proto_blocking::{Client, Error, Secret, TransferOptions};
use ftp_proto_tests::peers::{self, Kind, Options, Server, Tls};
use ftp_proto_tests::tool;

/// At least so many.
const SESSIONS: usize = 100;

/// What a session does; not all of it has to go well.
type Story = fn(&mut Client, &Names) -> Result<(), Error>;

const STORIES: &[(&str, Story)] = &[
    ("nothing", |client, _| client.noop().map(drop)),
    ("listings", |client, _| {
        client.list("")?;
        client.names("dir")?;
        client.list("nowhere").map(drop)
    }),
    ("downloads", |client, _| {
        let mut file = Vec::new();
        client.retrieve("readme.txt", &mut file)?;
        client.retrieve("100k.bin", &mut file)?;
        client.retrieve("empty.bin", &mut file).map(drop)
    }),
    ("in the middle", |client, _| {
        let how = TransferOptions {
            offset: 50_000,
            ..TransferOptions::default()
        };
        client
            .retrieve_with("100k.bin", how, &mut Vec::new())
            .map(drop)
    }),
    ("uploads", |client, names| {
        client.store(&names.file, &mut Cursor::new(vec![7; 70_000]))?;
        client.append(&names.file, &mut Cursor::new(b"more"))?;
        client.size(&names.file)?;
        client.rename(&names.file, &names.other)?;
        client.delete(&names.other).map(drop)
    }),
    ("text", |client, _| {
        let how = TransferOptions {
            ascii: true,
            ..TransferOptions::default()
        };
        client
            .retrieve_with("readme.txt", how, &mut Vec::new())
            .map(drop)
    }),
    ("directories", |client, names| {
        client.make_directory(&names.directory)?;
        client.change_directory(&names.directory)?;
        client.working_directory()?;
        client.change_to_parent()?;
        client.remove_directory(&names.directory).map(drop)
    }),
    ("refusals", |client, _| {
        // One failure after the other, and the session lives.
        let mut nothing = Vec::new();
        assert!(client.retrieve("nowhere", &mut nothing).is_err());
        assert!(client.retrieve("unreadable.txt", &mut nothing).is_err());
        assert!(client.change_directory("nowhere").is_err());
        client.noop().map(drop)
    }),
    ("questions", |client, _| {
        client.features()?;
        let _ = client.system();
        let _ = client.entry("readme.txt");
        let _ = client.modified("readme.txt");
        client.noop().map(drop)
    }),
    ("given up", |client, _| {
        let mut reader = client.reader("100k.bin")?;
        let mut some = [0; 10];
        let _ = std::io::Read::read(&mut reader, &mut some);
        drop(reader);
        client.noop().map(drop)
    }),
];

/// Names of this session's own.
struct Names {
    file: String,
    other: String,
    directory: String,
}

struct Recorded {
    name: String,
    json: String,
}

#[test]
fn a_hundred_real_sessions_replay_to_the_same_end() {
    let recorded: Vec<Recorded> = thread::scope(|scope| {
        let running: Vec<_> = Kind::ALL
            .into_iter()
            .map(|kind| scope.spawn(move || sessions(kind)))
            .collect();
        running
            .into_iter()
            .flat_map(|running| running.join().unwrap())
            .collect()
    });
    let mut entries = 0;
    for Recorded { name, json } in &recorded {
        let trace = Trace::read(json).unwrap_or_else(|error| panic!("{name}: {error}"));
        entries += trace.entries.len();
        // Every output of the machine is compared with what was recorded.
        replay(&trace).unwrap_or_else(|divergence| panic!("{name}: {divergence}"));
        assert_eq!(trace.to_json_lines(), *json, "{name}");
    }
    println!(
        "{} sessions of real servers, {entries} entries, replayed",
        recorded.len()
    );
    assert!(recorded.len() >= SESSIONS, "{}", recorded.len());
    one_byte_changed(&recorded);
}

/// A digit of a reply's code that is another one changes what follows, or at least the line itself: the replay says which line.
fn one_byte_changed(recorded: &[Recorded]) {
    let (mut told, mut changed) = (0, 0);
    for Recorded { name, json } in recorded {
        // What came from the server: the greeting's code.
        let lines = json.split_inclusive('\n');
        let Some(greeting) = lines
            .clone()
            .position(|line| line.contains("\"in\":\"control\"") && line.contains("220"))
        else {
            continue;
        };
        let other: String = lines
            .enumerate()
            .map(|(number, line)| match number == greeting {
                true => line.replacen("220", "520", 1),
                false => line.to_owned(),
            })
            .collect();
        changed += 1;
        match Trace::read(&other).map(|trace| replay(&trace)) {
            Ok(Ok(_)) => panic!("{name}: nobody saw the change in line {}", greeting + 1),
            Ok(Err(divergence)) => {
                let says = divergence.to_string();
                assert!(says.contains("line "), "{name}: {says}");
                told += 1;
            }
            Err(error) => assert!(error.to_string().contains("line "), "{name}: {error}"),
        }
    }
    println!("{changed} of them with one byte changed: {told} replays say where they diverge");
    assert!(changed * 2 > recorded.len() && told > 0);
}

fn sessions(kind: Kind) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    for tls in [Tls::Off, Tls::Explicit, Tls::Implicit] {
        let options = Options {
            tls,
            ..Options::default()
        };
        if kind.supports(&options).is_err() {
            continue;
        }
        let server = peers::start(kind, &options).unwrap();
        for (index, (story, tell)) in STORIES.iter().enumerate() {
            let name = format!("{kind}, {tls:?}, {story}");
            let json = session(&server, index, *tell);
            assert!(
                !json.contains(server.password()),
                "{name}: the password is in the record"
            );
            recorded.push(Recorded { name, json });
        }
    }
    recorded
}

/// One session, with settings that differ from one to the next.
fn session(
    server: &Server,
    index: usize,
    tell: fn(&mut Client, &Names) -> Result<(), Error>,
) -> String {
    let security = match server.options().tls {
        Tls::Off => Security::clear(ClearText::Everybody),
        Tls::Explicit => Security::required(),
        Tls::Implicit => Security::implicit(),
    };
    let modes: &[DataMode] = match index % 4 {
        0 => &[DataMode::Epsv],
        1 => &[DataMode::Pasv],
        2 => &[DataMode::Eprt],
        _ => &[DataMode::Epsv, DataMode::Pasv],
    };
    let mut client = Client::builder()
        .security(security)
        .ca_pem(server.ca_pem())
        .timeout(Duration::from_secs(30))
        .configure(|config| {
            config.data_modes = DataModes::new(modes).unwrap();
            if index.is_multiple_of(3) {
                config.batching = Batching::LockStep;
            }
            if index.is_multiple_of(2) {
                config.size_check = SizeCheck::Always;
            }
        })
        .record(16 << 20)
        .connect("127.0.0.1", server.addr().port())
        .unwrap();
    let names = ["f", "g", "d"].map(|letter| format!("{letter}{index}"));
    let [file, other, directory] = names;
    let names = Names {
        file,
        other,
        directory,
    };
    // How it ends is recorded, and may be a refusal: servers differ.
    let outcome = client
        .login(server.user(), Secret::new(server.password().as_bytes()))
        .and_then(|()| tell(&mut client, &names));
    drop(outcome);
    let json = client.machine().recording().unwrap().to_json_lines();
    // How the server takes the farewell is not in the record any more.
    let _ = client.quit();
    json
}

/// The command-line client keeps the record, and replays it.
#[test]
fn the_record_of_the_tool_replays() {
    let server = peers::start(
        Kind::Vsftpd,
        &Options {
            tls: Tls::Explicit,
            ..Options::default()
        },
    )
    .unwrap();
    let file = server.ca_path().with_file_name("trace.jsonl");
    let url = format!(
        "ftp://{}:{}@{}/readme.txt",
        server.user(),
        server.password(),
        server.addr()
    );
    let got = tool::ftp()
        .args(["--trace"])
        .arg(&file)
        .arg("--ca")
        .arg(server.ca_path())
        .args(["cat", &url])
        .output()
        .unwrap();
    assert!(
        got.status.success(),
        "{}",
        String::from_utf8_lossy(&got.stderr)
    );
    let again = tool::ftp()
        .arg("-q")
        .arg("replay")
        .arg(&file)
        .output()
        .unwrap();
    let says = String::from_utf8(again.stdout).unwrap();
    assert!(
        again.status.success() && says.contains("the same again"),
        "{says}"
    );
}
