//! What a script says, as values.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::parse;
use super::policy::{ClientPolicy, Limit, ServerPolicy};
use crate::certs::Certificate;

/// One scripted peer.
#[derive(Clone, Debug)]
pub struct Script {
    /// Where it was read.
    pub file: PathBuf,
    /// Its row in the catalogue, and a small letter if it is not the only one of that row.
    pub id: String,
    /// What it shows, in a sentence.
    pub title: String,
    /// Bounds of whoever is under test.
    pub limits: Vec<Limit>,
    /// What it plays.
    pub part: Part,
}

/// The part a script plays.
#[derive(Clone, Debug)]
pub enum Part {
    /// A server; a client is under test.
    Server(ServerPart),
    /// A client; a server is under test.
    Client(ClientPart),
}

/// A server, and what must come of it.
#[derive(Clone, Debug, Default)]
pub struct ServerPart {
    /// How the client under test is set up.
    pub client: ClientPolicy,
    /// What the client is asked to do, and what must come of each.
    pub asks: Vec<Ask>,
    /// What the session is good for afterwards.
    pub after: Option<After>,
    /// Beginnings of lines the client must not send.
    pub never: Vec<Heard>,
    /// Beginnings of lines the client must send.
    pub sent: Vec<Heard>,
    /// What the client must be told, by the name of the note.
    pub notes: Vec<String>,
    /// What the server does when something happens.
    pub rules: Vec<Rule>,
}

/// The beginning of a command line.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The beginning.
    pub start: String,
    /// Only lines in clear text count.
    pub clear: bool,
    /// Exactly one line.
    pub once: bool,
}

/// What the session of the client under test is good for when all is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The next command is carried out.
    Usable,
    /// It is over.
    Closed,
}

/// One request of the client under test.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What.
    pub request: Request,
    /// What must come of it.
    pub expect: Vec<Expect>,
}

/// What the client under test is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the command of its name")]
pub enum Request {
    Login,
    /// A login with an account.
    LoginAccount(Vec<u8>),
    /// RETR.
    Get(Vec<u8>),
    /// REST with this offset, and RETR.
    Resume(Vec<u8>, u64),
    /// RETR, given up as soon as payload moves.
    Peek(Vec<u8>),
    /// STOR of these bytes.
    Put(Vec<u8>, Vec<u8>),
    /// APPE of these bytes.
    Append(Vec<u8>, Vec<u8>),
    /// STOU of these bytes.
    Unique(Vec<u8>),
    List(Vec<u8>),
    Names(Vec<u8>),
    Facts(Vec<u8>),
    Noop,
    WorkingDirectory,
    ChangeDirectory(Vec<u8>),
    MakeDirectory(Vec<u8>),
    Delete(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Size(Vec<u8>),
    Modified(Vec<u8>),
    Features,
    Status,
    /// Any line.
    Command(Vec<u8>),
    ClearCommandChannel,
}

/// What may come of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is done; a transfer has moved so many bytes.
    Done(Option<u64>),
    /// It is done, and this is what came, payload or text.
    DoneWith(Vec<u8>),
    /// It failed in this way: the beginning of a failure's name; empty: in any way.
    Fails(String),
    /// It is refused before anything is sent.
    Refused,
    /// Whatever.
    Any,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is done.
    Done {
        /// Payload bytes of a transfer.
        moved: Option<u64>,
        /// What came, where it is known: a machine in memory sees no payload.
        bytes: Option<Vec<u8>>,
    },
    /// It failed.
    Failed(String),
    /// It was refused, and nothing was sent.
    Refused(String),
}

impl Expect {
    /// Whether this came of it.
    #[must_use]
    pub fn allows(&self, came: &Came) -> bool {
        match (self, came) {
            (Expect::Any, _) | (Expect::Done(None), Came::Done { .. }) => true,
            (Expect::Done(wanted), Came::Done { moved, .. }) => wanted == moved,
            (Expect::DoneWith(wanted), Came::Done { moved, bytes }) => match (bytes, moved) {
                (Some(bytes), _) => bytes == wanted,
                (None, Some(moved)) => *moved == wanted.len() as u64,
                (None, None) => false,
            },
            (Expect::Fails(start), Came::Failed(kind)) => {
                let rest = kind.strip_prefix(start.as_str());
                let whole = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
                start.is_empty() || rest.is_some_and(whole)
            }
            (Expect::Refused, Came::Refused(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Done(None) => f.write_str("done"),
            Expect::Done(Some(bytes)) => write!(f, "done {bytes}"),
            Expect::DoneWith(bytes) => write!(f, "done with {:?}", String::from_utf8_lossy(bytes)),
            Expect::Fails(kind) => write!(f, "fails {kind}"),
            Expect::Refused => f.write_str("refused"),
            Expect::Any => f.write_str("any"),
        }
    }
}

/// What the server does when something happens.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The verb of a command line; `connect` for a new control connection, `other` for any verb without a rule.
    pub on: String,
    /// Only the so-manieth time, counted from 1.
    pub number: Option<u32>,
    /// What is done.
    pub actions: Vec<Action>,
}

/// One thing a server does.
#[derive(Clone, Debug)]
pub enum Action {
    /// A line and its CR LF.
    Say(String),
    /// Bytes.
    Send(String),
    /// Bytes, so many times.
    Repeat(u32, String),
    /// Whatever is usual for what happened.
    Usual,
    /// Begins TLS on the control connection.
    Tls(Handshake),
    /// Ends TLS there and goes on in clear text.
    Clear,
    /// Ends the control connection.
    End(End),
    /// Says nothing more, and listens.
    Silence,
    /// Does nothing for so long.
    Wait(Duration),
    /// Takes the data connection, with this handshake if it is to be under TLS.
    Data(Handshake),
    /// Bytes on the data connection.
    DataSend(u32, String),
    /// Bytes on the data connection in clear text, whatever was agreed.
    DataRaw(String),
    /// Reads the data connection to its end.
    DataRead,
    /// Ends the data connection.
    DataEnd(End),
    /// Nobody listens for data.
    DataRefuse,
    /// Somebody else connects to the client's data port and sends these bytes.
    Stranger(IpAddr, String),
}

/// How TLS begins.
#[derive(Clone, Debug, Default)]
pub enum Handshake {
    /// As it should, with a certificate from the authority of the tests.
    #[default]
    Good,
    /// As it should, with another certificate.
    With(Certificate),
    /// As it should, with a certificate as good as the usual one, and not the same.
    Other,
    /// These bytes come in place of it.
    Garbage(String),
    /// The other end's first bytes come, and the connection ends.
    Dropped(End),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order: close_notify under TLS, then FIN.
    Orderly,
    /// FIN without close_notify.
    Fin,
    /// Reset.
    Reset,
}

/// A client, step by step.
#[derive(Clone, Debug, Default)]
pub struct ClientPart {
    /// How the server under test is set up.
    pub server: ServerPolicy,
    /// What it does.
    pub steps: Vec<(usize, Step)>,
}

/// One step of a client.
#[derive(Clone, Debug)]
pub enum Step {
    /// Connects anew. What the old connection still has is lost.
    Again,
    /// A line and its CR LF.
    Say(String),
    /// Bytes.
    Send(String),
    /// Bytes, so many times.
    Repeat(u32, String),
    /// The next reply has one of these codes, and its text holds this.
    Expect(Codes, Option<String>),
    /// The connection ends, after replies with these codes at most.
    Closed(Option<Codes>),
    /// Nothing comes for so long.
    Quiet(Duration),
    /// Does nothing for so long.
    Wait(Duration),
    /// Begins TLS on the control connection.
    Tls(Handshake),
    /// Ends TLS there and goes on in clear text.
    Clear,
    /// The whole way from the greeting to a session, as the policy of the server asks for it.
    Login,
    /// EPSV or PASV, and remembers the port.
    Passive(String),
    /// Opens a listener for data; `{p1}`, `{p2}`, `{port}`, `{h}` are its.
    Listen,
    /// Connects to the passive port, from this address.
    Connect(Option<IpAddr>),
    /// Somebody has connected to the listener; `false`: nobody has.
    Accept(bool),
    /// TLS on the data connection.
    DataTls(Resume),
    /// Bytes on the data connection.
    DataSend(u32, String),
    /// Reads the data connection to its end: this came, or it holds this, or nothing did.
    DataRead(Payload),
    /// Ends the data connection.
    DataEnd(End),
    /// Ends the control connection.
    End(End),
}

/// What a data connection of a client resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The session of its control connection.
    Own,
    /// Nothing.
    Nothing,
}

/// What must come on a data connection.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Whatever.
    Any,
    /// Exactly this.
    Is(Vec<u8>),
    /// This among it.
    Holds(Vec<u8>),
    /// Not a byte.
    Nothing,
}

/// Codes a reply may have, with `y` and `z` for any digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes(pub Vec<String>);

impl Codes {
    /// Whether a code is among them.
    #[must_use]
    pub fn hold(&self, code: u16) -> bool {
        let code = code.to_string();
        self.0.iter().any(|pattern| {
            pattern.len() == code.len()
                && pattern
                    .bytes()
                    .zip(code.bytes())
                    .all(|(wanted, is)| matches!(wanted, b'y' | b'z') || wanted == is)
        })
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("|"))
    }
}

impl Script {
    /// The id and the name of the file: what its test is called.
    #[must_use]
    pub fn name(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        stem.into_owned()
    }

    /// The row of the catalogue: the id without its small letter.
    #[must_use]
    pub fn row(&self) -> &str {
        self.id
            .trim_end_matches(|last: char| last.is_ascii_lowercase())
    }
}

/// Reads one script.
///
/// # Errors
/// That the file cannot be read, or the file, the line and what is wrong with it.
pub fn load(file: &Path) -> io::Result<Script> {
    let text = fs::read_to_string(file)?;
    parse::script(file, &text).map_err(io::Error::other)
}

/// Every script below a directory, in the order of their ids.
///
/// # Errors
/// As [`load`], for all files at once.
pub fn load_all(directory: &Path) -> io::Result<Vec<Script>> {
    let (mut scripts, mut wrong) = (Vec::new(), Vec::new());
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "script") {
                match load(&path) {
                    Ok(script) => scripts.push(script),
                    Err(error) => wrong.push(error.to_string()),
                }
            }
        }
    }
    if !wrong.is_empty() {
        return Err(io::Error::other(wrong.join("\n")));
    }
    scripts.sort_by_key(|script| order(&script.id));
    Ok(scripts)
}

/// `B2` before `B11`.
fn order(id: &str) -> (String, u32, String) {
    let letters: String = id.chars().take_while(char::is_ascii_uppercase).collect();
    let rest = id.get(letters.len()..).unwrap_or_default();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let last = rest.get(digits.len()..).unwrap_or_default().to_owned();
    (letters, digits.parse().unwrap_or(0), last)
}
