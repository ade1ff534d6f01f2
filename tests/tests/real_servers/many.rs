//! Many transfers on one connection, where each data connection has to resume a TLS 1.3 session.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ftp_proto_blocking::ftp_proto::{Event, Note};
use ftp_proto_blocking::{Client as Driver, Error, Secret};
use ftp_proto_tests::peers::{Kind, Server};
use serde_json::Value;

use crate::client::{Client, Mode};
use crate::payload::{Payload, bytes};
use crate::table::Cell;

/// Transfers in one session.
const COUNT: usize = 20;

/// The title of the block.
pub(crate) fn title() -> String {
    format!(
        "{COUNT} transfers on one connection, TLS 1.3, session reuse required where the server can"
    )
}

/// Which way the files go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With one `ftp put`.
    Up,
    /// With one `ftp get`.
    Down,
    /// Up, down, up, ... through the driver: the program has no command that does both.
    Mixed,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Up, Self::Down, Self::Mixed];
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "all up (ftp put)",
            Self::Down => "all down (ftp get)",
            Self::Mixed => "up, down, ... (driver)",
        })
    }
}

/// How far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reached {
    done: usize,
    /// The reply that ended it early.
    refused: Option<u64>,
    /// Data connections that resumed the TLS session.
    resumed: usize,
}

/// What is known to be possible: a change for the better or the worse has to be written down here.
fn expected(kind: Kind) -> Reached {
    Reached {
        done: COUNT,
        refused: None,
        // Pure-FTPd gives no tickets at all.
        resumed: if kind == Kind::PureFtpd { 0 } else { COUNT },
    }
}

/// Runs one block row's cell.
///
/// # Errors
/// What is not as [`expected`], with the dialogue.
pub(crate) fn run(server: &Server, way: Way) -> Result<Cell, String> {
    let (reached, dialogue) = match way {
        Way::Up | Way::Down => by_program(server, way)?,
        Way::Mixed => mixed(server)?,
    };
    let expected = expected(server.kind());
    if reached != expected {
        let better = if reached.done > expected.done {
            "better than what is recorded in `expected`, which has to follow: "
        } else {
            ""
        };
        return Err(format!(
            "{better}{reached:?} instead of {expected:?}\n{dialogue}"
        ));
    }
    Ok(Cell::Reached(reached.to_string()))
}

impl Display for Reached {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.refused {
            None => write!(f, "{}, {} resumed", self.done, self.resumed),
            Some(code) => write!(f, "{}, then {code}", self.done),
        }
    }
}

fn name(index: usize) -> String {
    format!("many-{index:02}.bin")
}

/// Different for each file, so that a mix-up shows.
fn content(index: usize) -> Vec<u8> {
    bytes(30_000 + index)
}

fn fill(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for index in 0..COUNT {
        fs::write(directory.join(name(index)), content(index)).unwrap();
    }
}

fn by_program(server: &Server, way: Way) -> Result<(Reached, String), String> {
    let client = Client::new(server, Mode::Epsv, Some("1.3"));
    let local = server.ca_path().with_file_name("many");
    let remote = server.root();
    fill(if way == Way::Up { &local } else { remote });
    fs::create_dir_all(&local).unwrap();
    let place = |index| match way {
        Way::Up => local.join(name(index)).display().to_string(),
        _ => client.url(&name(index)),
    };
    let operation = if way == Way::Up { "put" } else { "get" };
    let mut arguments = vec![operation.to_owned(), "--json".to_owned()];
    arguments.extend((0..COUNT).map(place));
    arguments.push(match way {
        Way::Up => client.url(""),
        _ => format!("{}/", local.display()),
    });
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = client.run(&arguments);
    let json = ran.json().map_err(|problem| format!("{problem}\n{ran}"))?;
    let done = json["results"].as_array().map_or(0, Vec::len);
    let refused = json["error"]["code"].as_u64();
    let sound = match (ran.status, refused) {
        (Some(0), None) => json["ok"] == Value::Bool(true) && json["error"].is_null(),
        (Some(status), Some(_)) => status != 0 && json["ok"] == Value::Bool(false),
        _ => false,
    };
    if !sound || ran.shows(server.password()) {
        return Err(format!("status, JSON or password\n{ran}"));
    }
    for index in 0..done {
        let pair = [&local, remote].map(|place| Payload::of(&place.join(name(index))));
        let [Ok(here), Ok(there)] = &pair else {
            return Err(format!("{pair:?}\n{ran}"));
        };
        if here != there || here.size != content(index).len() as u64 {
            return Err(format!("{} differs\n{ran}", name(index)));
        }
    }
    // The data connection that was refused may have been secured before.
    let resumed = ran.resumed().min(done);
    let reached = Reached {
        done,
        refused,
        resumed,
    };
    Ok((reached, ran.to_string()))
}

fn mixed(server: &Server) -> Result<(Reached, String), String> {
    fill(server.root());
    let resumed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&resumed);
    let mut client = Driver::builder()
        .ca_file(server.ca_path())
        .map_err(|error| error.to_string())?
        .on_event(move |event| {
            if let Event::Note(Note::DataSecured(_, facts)) = event
                && facts.resumed
            {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        })
        .connect(&server.addr().ip().to_string(), server.addr().port())
        .map_err(|error| error.to_string())?;
    client
        .login(server.user(), Secret::new(server.password().as_bytes()))
        .map_err(|error| error.to_string())?;
    let mut done = 0;
    let ended = (0..COUNT).try_for_each(|index| {
        one_of_mixed(&mut client, server, index)?;
        done += 1;
        Ok(())
    });
    let refused = match ended {
        Ok(()) => None,
        Err(Trouble::Content(problem)) => return Err(problem),
        Err(Trouble::Ftp(error)) => {
            let code = error.failure().and_then(|failure| failure.code);
            let code = code.ok_or_else(|| error.to_string())?;
            Some(u64::from(code.value()))
        }
    };
    if refused.is_none() {
        client.quit().map_err(|error| error.to_string())?;
    }
    let reached = Reached {
        done,
        refused,
        resumed: resumed.load(Ordering::Relaxed).min(done),
    };
    Ok((reached, String::new()))
}

enum Trouble {
    Ftp(Box<Error>),
    Content(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Ftp(Box::new(error))
    }
}

/// Every second one up, beginning with the first.
fn one_of_mixed(client: &mut Driver, server: &Server, index: usize) -> Result<(), Trouble> {
    let content = content(index);
    let same = if index.is_multiple_of(2) {
        let name = format!("up-{index}.bin");
        client.store(&name, &mut content.as_slice())?;
        fs::read(server.root().join(&name)).is_ok_and(|stored| stored == content)
    } else {
        let mut got = Vec::new();
        client.retrieve(name(index), &mut got)?;
        got == content
    };
    match same {
        true => Ok(()),
        false => Err(Trouble::Content(format!("transfer {index} differs"))),
    }
}
