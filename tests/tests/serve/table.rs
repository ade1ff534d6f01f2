//! The table.

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use crate::clients::{self, Act, Client, Did, Place, Tls};
use crate::server::Serve;
use crate::turn;

/// Bytes of the file; a part is its half.
const SIZE: usize = 1_000_000;

/// A column.
struct Column {
    title: &'static str,
    tls: Tls,
    version: Option<&'static str>,
    active: bool,
    ipv6: bool,
    reuse: bool,
}

const fn column(title: &'static str, tls: Tls, version: Option<&'static str>) -> Column {
    Column {
        title,
        tls,
        version,
        active: false,
        ipv6: false,
        reuse: false,
    }
}

impl Column {
    const fn active(self) -> Self {
        Column {
            active: true,
            ..self
        }
    }

    const fn ipv6(self) -> Self {
        Column { ipv6: true, ..self }
    }

    const fn reuse(self) -> Self {
        Column {
            reuse: true,
            ..self
        }
    }

    fn arguments(&self) -> Vec<&'static str> {
        let mut arguments = vec!["--active", "--tls"];
        arguments.push(match self.tls {
            Tls::Off => "off",
            Tls::Explicit => "explicit",
            Tls::Implicit => "implicit",
        });
        if let Some(version) = self.version {
            arguments.extend(["--tls-version", version]);
        }
        if self.reuse {
            arguments.push("--require-reuse");
        }
        arguments
    }
}

const COLUMNS: [Column; 12] = [
    column("1.3 v4", Tls::Explicit, Some("1.3")),
    column("1.3 v6", Tls::Explicit, Some("1.3")).ipv6(),
    column("1.3 act v4", Tls::Explicit, Some("1.3")).active(),
    column("1.3 act v6", Tls::Explicit, Some("1.3"))
        .active()
        .ipv6(),
    column("1.3 reuse", Tls::Explicit, Some("1.3")).reuse(),
    column("1.2 v4", Tls::Explicit, Some("1.2")),
    column("1.2 reuse", Tls::Explicit, Some("1.2")).reuse(),
    column("impl 1.3", Tls::Implicit, Some("1.3")),
    column("impl 1.2", Tls::Implicit, Some("1.2")),
    column("clear v4", Tls::Off, None),
    column("clear v6", Tls::Off, None).ipv6(),
    column("clear act", Tls::Off, None).active(),
];

/// What is done, each with its letter in the table.
const ACTS: [(char, Act); 9] = [
    ('u', Act::Upload("up.bin")),
    ('l', Act::List),
    ('d', Act::Download("down.bin")),
    ('r', Act::ResumeDownload("rest.bin")),
    ('s', Act::ResumeUpload("part.bin")),
    ('n', Act::Rename("up.bin", "renamed.bin")),
    ('x', Act::Delete("renamed.bin")),
    ('a', Act::Abort("cut.bin")),
    // A server that serves on after all that.
    ('d', Act::Download("down.bin")),
];

#[test]
fn every_client_in_every_way() {
    let _turn = turn();
    let only = std::env::var("SERVE_ONLY").unwrap_or_default();
    let payload: Vec<u8> = (0_u32..)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(SIZE)
        .collect();
    let mut table = Table::default();
    for column in &COLUMNS {
        let server = Serve::start(&column.arguments());
        for client in clients::ALL {
            if !only.is_empty() && client.name != only {
                continue;
            }
            let place = place(&server, column, client);
            let cell = match (client.lacks)(&place) {
                Some(reason) => {
                    format!("- {}", table.note(reason))
                }
                None => run(client, column, &place, &payload, &mut table, &server),
            };
            table.cells.push((client.name, column.title, cell));
        }
    }
    println!("{}", table.text());
    assert!(
        table.failures.is_empty(),
        "{}\n\n{}",
        table.text(),
        table.failures.join("\n\n")
    );
}

fn place(server: &Serve, column: &Column, client: &Client) -> Place {
    let local = server.local().join(client.name);
    fs::create_dir_all(&local).unwrap();
    Place {
        address: server.addresses[usize::from(column.ipv6)],
        tls: column.tls,
        active: column.active,
        reuse: column.reuse,
        authority: server.authority(),
        root: server.root(),
        local,
    }
}

/// Does everything with one client in one way: the letters of what it can do.
fn run(
    client: &Client,
    column: &Column,
    place: &Place,
    payload: &[u8],
    table: &mut Table,
    server: &Serve,
) -> String {
    for name in ["up.bin", "part.bin", "cut.bin"] {
        fs::write(place.local.join(name), payload).unwrap();
    }
    // Larger, so that the one who is cut does not finish.
    fs::write(place.local.join("cut.bin"), payload.repeat(20)).unwrap();
    fs::write(place.local.join("rest.bin"), &payload[..SIZE / 2]).unwrap();
    for name in ["down.bin", "rest.bin"] {
        fs::write(place.root.join(name), payload).unwrap();
    }
    fs::write(place.root.join("part.bin"), &payload[..SIZE / 2]).unwrap();
    let mut letters = String::new();
    for (letter, act) in ACTS {
        prepare(place, act, payload);
        let problem = match (client.act)(place, &act) {
            Did::Cannot(reason) => {
                table.cannot(client.name, letter, reason);
                continue;
            }
            Did::Done => check(place, act, payload).err(),
            Did::Failed(problem) => Some(problem),
        };
        match problem {
            None if letters.contains(letter) => {}
            None => letters.push(letter),
            Some(problem) => {
                letters.push('!');
                table.failures.push(format!(
                    "== {} {}: {act:?}: {problem}\n-- log of the server\n{}",
                    client.name,
                    column.title,
                    server.log()
                ));
                // What comes next would fail for the same reason.
                break;
            }
        }
    }
    let _ = fs::remove_file(place.root.join("cut.bin"));
    letters
}

/// What is wanted is not there by chance.
fn prepare(place: &Place, act: Act, payload: &[u8]) {
    let gone = match act {
        Act::Upload(name) => place.root.join(name),
        Act::List => place.local.join("listing"),
        Act::Download(name) => place.local.join(name),
        // Clients that cannot upload or rename are not the ones to be tried here.
        Act::Rename(from, _) => return fs::write(place.root.join(from), payload).unwrap(),
        Act::Delete(name) => return fs::write(place.root.join(name), payload).unwrap(),
        _ => return,
    };
    let _ = fs::remove_file(gone);
}

fn check(place: &Place, act: Act, payload: &[u8]) -> Result<(), String> {
    let same = |path: std::path::PathBuf| match fs::read(&path) {
        Ok(bytes) if bytes == payload => Ok(()),
        Ok(bytes) => Err(format!("{} has {} bytes", path.display(), bytes.len())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    match act {
        Act::Upload(name) | Act::ResumeUpload(name) => same(place.root.join(name)),
        Act::Download(name) | Act::ResumeDownload(name) => same(place.local.join(name)),
        Act::List => {
            let listing =
                fs::read(place.local.join("listing")).map_err(|error| error.to_string())?;
            let listing = String::from_utf8_lossy(&listing);
            match listing.contains("down.bin") && !listing.contains(".part") {
                true => Ok(()),
                false => Err(format!("listed: {listing}")),
            }
        }
        Act::Rename(from, to) => {
            if place.root.join(from).exists() {
                return Err("the old name is still there".to_owned());
            }
            same(place.root.join(to))
        }
        Act::Delete(name) => match place.root.join(name).exists() {
            false => Ok(()),
            true => Err("it is still there".to_owned()),
        },
        // Nothing of it is left, soon.
        Act::Abort(name) => {
            for _ in 0..100 {
                let unfinished = fs::read_dir(&place.root).map_err(|error| error.to_string())?;
                let left = unfinished.flatten().any(|entry| {
                    let file = entry.file_name();
                    file == name || file.to_string_lossy().ends_with(".part")
                });
                if !left {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err("something of it is left".to_owned())
        }
    }
}

#[derive(Default)]
struct Table {
    cells: Vec<(&'static str, &'static str, String)>,
    notes: Vec<&'static str>,
    cannot: Vec<(&'static str, char, &'static str)>,
    failures: Vec<String>,
}

impl Table {
    fn note(&mut self, reason: &'static str) -> String {
        if !self.notes.contains(&reason) {
            self.notes.push(reason);
        }
        let at = self.notes.iter().position(|note| *note == reason).unwrap();
        format!("[{}]", at + 1)
    }

    fn cannot(&mut self, client: &'static str, letter: char, reason: &'static str) {
        if !self.cannot.contains(&(client, letter, reason)) {
            self.cannot.push((client, letter, reason));
        }
    }

    fn text(&self) -> String {
        let mut text = String::from("\n          ");
        for column in &COLUMNS {
            let _ = write!(text, " | {:10}", column.title);
        }
        for client in clients::ALL {
            let cells = self
                .cells
                .iter()
                .filter(|(name, _, _)| *name == client.name);
            let _ = write!(text, "\n{:10}", client.name);
            for (_, _, cell) in cells {
                let _ = write!(text, " | {cell:10}");
            }
        }
        text += "\n\nu upload, l listing, d download, r and s: a download and an upload that were cut are continued, n rename, x delete, a: an upload is \
                 cut.\nact: active mode. reuse: data connections must resume the session.\n";
        for (index, note) in self.notes.iter().enumerate() {
            let _ = writeln!(text, "[{}] {note}", index + 1);
        }
        for (client, letter, reason) in &self.cannot {
            let _ = writeln!(text, "{client}, no {letter}: {reason}");
        }
        text
    }
}
