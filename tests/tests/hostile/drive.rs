//! Scripted servers against the two clients, through sockets.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ftp_proto::client::Config;
use ftp_proto::pipe::{Error, Told};
use ftp_proto::{Event, Refusal, TransferOptions};
use ftp_proto_tests::certs::Authority;
use ftp_proto_tests::hostile::Script;
use ftp_proto_tests::hostile::script::{After, Ask, Came, Request, ServerPart};
use ftp_proto_tests::hostile::server::judge;
use ftp_proto_tests::hostile::wire::WireServer;
use ftp_proto_tests::rig::{CANARY, USER, shows_canary};
use smol::io::AsyncReadExt;

type Notes = Arc<Mutex<Vec<String>>>;

/// One of the two clients.
pub(crate) trait Drive: Sized {
    fn connect(config: Config, port: u16, notes: &Notes) -> Result<Self, Error>;
    fn carry_out(&mut self, request: &Request) -> Result<Done, Error>;
    /// Everything that it shows of itself: its `Debug` form, what is behind the session so far, the record of it.
    fn shows(&self) -> String;
}

/// What came of a request that is done.
#[derive(Default)]
pub(crate) struct Done {
    moved: Option<u64>,
    bytes: Option<Vec<u8>>,
}

pub(crate) struct Blocking(ftp_proto_blocking::Client);
pub(crate) struct Async(ftp_proto_async::Client);

/// A script with one of the clients.
pub(crate) fn run<D: Drive>(script: &Script, part: &ServerPart) -> Result<(), String> {
    let server = WireServer::start(script, SocketAddr::from(([127, 0, 0, 1], 0)))
        .map_err(|error| format!("the scripted server: {error}"))?;
    let notes = Notes::default();
    let config = part.client.config(&script.limits);
    let told = match D::connect(config, server.address().port(), &notes) {
        Ok(mut client) => {
            let told = talk(&mut client, part, &notes);
            hides("the client", &client.shows());
            told
        }
        Err(error) => {
            shown(&error);
            Err(format!("no connection: {error}"))
        }
    };
    let sessions = server.finish();
    let heard: Vec<_> = sessions
        .iter()
        .flat_map(|one| one.heard.iter().cloned())
        .collect();
    told.and_then(|()| judge(part, &heard))
        .map_err(|what| format!("{what}\nthe server heard: {sessions:#?}"))
}

fn talk(client: &mut impl Drive, part: &ServerPart, notes: &Notes) -> Result<(), String> {
    let login = Ask {
        request: Request::Login,
        expect: Vec::new(),
    };
    let first = part.asks.first().map(|ask| &ask.request);
    if !matches!(first, Some(Request::Login | Request::LoginAccount(_))) {
        let came = came(client.carry_out(&login.request));
        if !matches!(came, Came::Done { .. }) {
            return Err(format!("the login: {came:?}"));
        }
    }
    for ask in &part.asks {
        let came = came(client.carry_out(&ask.request));
        if !ask.expect.iter().any(|expect| expect.allows(&came)) {
            return Err(format!(
                "{:?}: {came:?}, expected {:?}",
                ask.request, ask.expect
            ));
        }
    }
    for wanted in &part.notes {
        let told = notes.lock().unwrap().clone();
        if !told.iter().any(|note| note.starts_with(wanted)) {
            return Err(format!("no note {wanted}, but {told:?}"));
        }
    }
    if let Some(after) = part.after {
        let came = came(client.carry_out(&Request::Noop));
        if matches!(came, Came::Done { .. }) != (after == After::Usable) {
            return Err(format!("afterwards: {came:?}, expected {after:?}"));
        }
    }
    Ok(())
}

/// An error, in all its forms.
fn shown(error: &Error) {
    hides("an error", &format!("{error} {error:#} {error:?}"));
    if let Error::Failed(failed) = error {
        let (failure, diagnosis) = (&failed.failure, &failed.diagnosis);
        hides("a failure", &format!("{failure} {diagnosis} {diagnosis:#}"));
    }
}

fn hides(what: &str, text: &str) {
    assert!(!shows_canary(text), "the password shows in {what}: {text}");
}

fn came(result: Result<Done, Error>) -> Came {
    if let Err(error) = &result {
        shown(error);
    }
    match result {
        Ok(Done { moved, bytes }) => Came::Done { moved, bytes },
        Err(Error::Failed(failed)) => Came::Failed(format!("{:?}", failed.failure.kind)),
        Err(Error::Refused(Refusal::Closed)) => Came::Failed("SessionOver".to_owned()),
        Err(Error::Refused(refusal)) => Came::Refused(format!("{refusal:?}")),
        Err(other) => Came::Failed(format!("{other:?}")),
    }
}

fn transferred(transfer: &ftp_proto::Transfer, bytes: Option<Vec<u8>>) -> Done {
    Done {
        moved: Some(transfer.bytes),
        bytes,
    }
}

fn text(bytes: impl Into<Vec<u8>>) -> Done {
    Done {
        moved: None,
        bytes: Some(bytes.into()),
    }
}

fn note(event: &Event<'_>, notes: &Notes) {
    hides("an event", &format!("{event:?} {}", Told(event)));
    if let Event::Note(note) = event {
        notes.lock().unwrap().push(format!("{note:?}"));
    }
}

fn at_once<T>(done: T) -> T {
    done
}

macro_rules! drive {
    ($name:ident, $driver:ident, $wait:path, $read:ident) => {
        impl Drive for $name {
            fn connect(config: Config, port: u16, notes: &Notes) -> Result<Self, Error> {
                let notes = Arc::clone(notes);
                let authority = Authority::shared().map_err(Error::Local)?;
                let builder = $driver::Client::builder()
                    .config(config)
                    .ca_pem(authority.pem().as_bytes())
                    .record(1 << 20)
                    .on_event(move |event| note(event, &notes));
                $wait(builder.connect("127.0.0.1", port)).map($name)
            }

            fn shows(&self) -> String {
                let (client, machine) = (&self.0, self.0.machine());
                let record = machine.recording().expect("it is kept");
                let diagnosis = machine.diagnose(None);
                let evidence = machine.evidence();
                format!(
                    "{client:?} {machine:?} {record} {} {diagnosis} {diagnosis:?} {evidence:?}",
                    record.to_json_lines()
                )
            }

            fn carry_out(&mut self, request: &Request) -> Result<Done, Error> {
                let client = &mut self.0;
                let secret = || $driver::Secret::new(CANARY.as_bytes());
                let how = TransferOptions::default();
                Ok(match request {
                    Request::Login => {
                        $wait(client.login(USER, secret()))?;
                        Done::default()
                    }
                    Request::LoginAccount(account) => {
                        let account = $driver::Secret::new(account);
                        $wait(client.login_with_account(USER, secret(), Some(account)))?;
                        Done::default()
                    }
                    Request::Get(name) => {
                        let mut sink = Vec::new();
                        let done = $wait(client.retrieve_with(name, how, &mut sink))?;
                        transferred(&done, Some(sink))
                    }
                    Request::Resume(name, offset) => {
                        let how = TransferOptions {
                            offset: *offset,
                            ..how
                        };
                        let mut sink = Vec::new();
                        let done = $wait(client.retrieve_with(name, how, &mut sink))?;
                        transferred(&done, Some(sink))
                    }
                    Request::Peek(name) => {
                        use $read as Ext;
                        let mut first = [0];
                        let mut reader = $wait(client.reader(name))?;
                        $wait(Ext::read(&mut reader, &mut first)).map_err(local)?;
                        Done::default()
                    }
                    Request::Put(name, bytes) => {
                        let done = $wait(client.store_with(name, how, &mut &bytes[..]))?;
                        transferred(&done, None)
                    }
                    Request::Append(name, bytes) => {
                        let done = $wait(client.append(name, &mut &bytes[..]))?;
                        transferred(&done, None)
                    }
                    Request::Unique(bytes) => {
                        let done = $wait(client.store_unique(&mut &bytes[..], how))?;
                        transferred(&done, None)
                    }
                    Request::List(name) => listed($wait(client.list(name))?),
                    Request::Names(name) => listed($wait(client.names(name))?),
                    Request::Facts(name) => listed($wait(client.facts(name))?.as_bytes().to_vec()),
                    Request::Noop => reply($wait(client.noop())?),
                    Request::WorkingDirectory => {
                        text($wait(client.working_directory())?.unwrap_or_default())
                    }
                    Request::ChangeDirectory(name) => reply($wait(client.change_directory(name))?),
                    Request::MakeDirectory(name) => {
                        text($wait(client.make_directory(name))?.unwrap_or_default())
                    }
                    Request::Delete(name) => reply($wait(client.delete(name))?),
                    Request::Rename(from, to) => reply($wait(client.rename(from, to))?),
                    Request::Size(name) => text($wait(client.size(name))?.to_string()),
                    Request::Modified(name) => text($wait(client.modified(name))?.to_string()),
                    Request::Features => {
                        $wait(client.features())?;
                        Done::default()
                    }
                    Request::Status => reply($wait(client.status(""))?),
                    Request::Command(line) => reply($wait(client.command(line))?),
                    Request::ClearCommandChannel => {
                        $wait(client.clear_command_channel())?;
                        Done::default()
                    }
                })
            }
        }
    };
}

drive!(Blocking, ftp_proto_blocking, at_once, Read);
drive!(Async, ftp_proto_async, smol::block_on, AsyncReadExt);

fn reply(reply: ftp_proto::FinalReply) -> Done {
    text(reply.code.to_string())
}

fn listed(bytes: Vec<u8>) -> Done {
    Done {
        moved: Some(bytes.len() as u64),
        bytes: Some(bytes),
    }
}

fn local(error: io::Error) -> Error {
    Error::Local(error)
}
