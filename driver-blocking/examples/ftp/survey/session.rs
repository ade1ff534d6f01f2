//! Questions that the client itself answers, by how a session of its own goes.

use std::sync::{Arc, Mutex, PoisonError};

use ftp_proto_async::{Builder, Client, Error, Secret};
use ftp_proto_blocking::ftp_proto::client::{AuthMethod, ClearText, DataMode, DataModes, Security};
use ftp_proto_blocking::ftp_proto::wire::reply::Escaped;
use ftp_proto_blocking::ftp_proto::{DataEnd, Event, TlsVersion};

use super::Setup;
use super::column::{Column, Known};
use super::host::Target;
use super::plan::{Mode, Offer, Task};

/// How the control connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Clear,
    Tls,
    Ssl,
    Implicit,
}

/// A session, and what it finds.
pub(crate) async fn run(
    target: &Target,
    setup: &Setup,
    port: u16,
    protection: Protection,
    offer: Offer,
    tasks: &[Task],
    put: &dyn Fn(Column, Known, Vec<String>),
) -> Result<(), Known> {
    if protection == Protection::Clear
        && !tasks
            .iter()
            .all(|task| matches!(task, Task::List(..) | Task::Mlsd(_) | Task::DataClose(_)))
    {
        return Err(Known::NotAsked("there is no TLS".to_owned()));
    }
    let Some(login) = &target.login else {
        return Err(Known::NotAsked("no user was given".to_owned()));
    };
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    let builder = builder(setup, protection, offer, tasks)
        .map_err(Known::NotAsked)?
        .on_event(move |event| keep(event, &kept));
    let taken = || std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
    let no_answer = |error: Error| Known::NoAnswer(format!("{error:#}"));
    let mut client = builder
        .connect(&target.host, port)
        .await
        .map_err(no_answer)?;
    let password = Secret::new(&login.password);
    if let Err(error) = client.login(&login.user, password).await {
        if let Some(tasks) = version_refused(&client, tasks) {
            for column in tasks {
                put(
                    column,
                    Known::NotAsked("the server does not speak this version".to_owned()),
                    taken(),
                );
            }
        }
        return Err(no_answer(error));
    }
    for task in tasks {
        let (column, known) = match *task {
            Task::List(_, column) => (column, listed(client.list("").await)),
            Task::Mlsd(column) => (column, listed(client.facts("").await)),
            Task::DataClose(column) => (column, data_close(&client)),
            Task::Resumed(column) => (column, resumed(&mut client).await),
            Task::Ccc(column) => (column, ccc(&mut client).await),
        };
        let mut evidence = taken();
        evidence.extend(data_evidence(&client));
        put(column, known, evidence);
    }
    // How the server takes the farewell does not matter.
    let _ = client.quit().await;
    Ok(())
}

fn builder(
    setup: &Setup,
    protection: Protection,
    offer: Offer,
    tasks: &[Task],
) -> Result<Builder, String> {
    let clears = tasks.iter().any(|task| matches!(task, Task::Ccc(_)));
    let method = |method| {
        let security = Security::required().methods(&[method]);
        security.map_err(|refusal| refusal.to_string())
    };
    let security = match protection {
        Protection::Clear => Security::clear(ClearText::Everybody),
        Protection::Tls => method(AuthMethod::Tls)?,
        Protection::Ssl => method(AuthMethod::Ssl)?,
        Protection::Implicit => Security::implicit(),
    };
    let security = if clears {
        security.allow_ccc()
    } else {
        security
    };
    let mode = tasks.iter().find_map(|task| match task {
        Task::List(mode, _) => Some(*mode),
        _ => None,
    });
    let modes = match mode {
        None => DataModes::default(),
        Some(mode) => DataModes::new(&[match mode {
            Mode::Epsv => DataMode::Epsv,
            Mode::Pasv => DataMode::Pasv,
            Mode::Eprt => DataMode::Eprt,
            Mode::Port => DataMode::Port,
        }])
        .map_err(|refusal| refusal.to_string())?,
    };
    let tls = setup.trusting(offer).map_err(|error| error.to_string())?;
    Ok(Client::builder()
        .timeout(setup.limit)
        .tls(tls)
        .configure(|config| {
            config.security = security;
            config.data_modes = modes;
            config.keepalive = None;
        }))
}

fn listed<T>(result: Result<T, Error>) -> Known {
    match result {
        Ok(_) => Known::Value("works".to_owned()),
        Err(error) => match error.failure().and_then(|failure| failure.code) {
            Some(code) => Known::Value(format!("refused: {code}")),
            None if matches!(error, Error::Refused(_)) => Known::NotAsked("not on IPv6".to_owned()),
            None => Known::NoAnswer(format!("{error:#}")),
        },
    }
}

/// How the latest data connection ended.
fn data_close(client: &Client) -> Known {
    match client.machine().evidence().data.ended {
        Some((DataEnd::CloseNotify, _)) => Known::Value("close_notify".to_owned()),
        Some((DataEnd::Fin, _)) if client.tls().is_none() => {
            Known::NotAsked("there is no TLS".to_owned())
        }
        Some((DataEnd::Fin, _)) => Known::Value("no close_notify".to_owned()),
        Some((end, _)) => Known::NoAnswer(format!("{end:?}")),
        None => Known::NoAnswer("no data connection".to_owned()),
    }
}

/// Whether data connections resume: of three, so that the tickets of the first handshake are not all there is.
async fn resumed(client: &mut Client) -> Known {
    let mut seen = Vec::new();
    for _ in 0..3 {
        if let Err(error) = client.list("").await {
            return Known::NoAnswer(format!("{error:#}"));
        }
        match client.machine().evidence().data.handshake {
            Some(Ok(facts)) => seen.push(facts.resumed),
            _ => return Known::NoAnswer("no handshake on the data connection".to_owned()),
        }
    }
    let count = seen.iter().filter(|resumed| **resumed).count();
    Known::Value(match count {
        3 => "yes".to_owned(),
        0 => "no".to_owned(),
        count => format!("{count} of 3"),
    })
}

async fn ccc(client: &mut Client) -> Known {
    match client.clear_command_channel().await {
        Err(error) => match error.failure().and_then(|failure| failure.code) {
            Some(code) => Known::Value(code.to_string()),
            None => Known::Value(format!("fails: {error:#}")),
        },
        Ok(()) => match client.noop().await {
            Ok(reply) => Known::Value(format!("200, then {} in clear text", reply.code)),
            Err(error) => Known::Value(format!("200, then {error:#}")),
        },
    }
}

/// The columns that make no sense because client and server have no version in common.
fn version_refused(client: &Client, tasks: &[Task]) -> Option<Vec<Column>> {
    let secured = client.machine().evidence().control.handshake;
    let columns = tasks.iter().filter_map(|task| match task {
        Task::Resumed(column) => Some(*column),
        _ => None,
    });
    match secured {
        Some(Ok(facts)) if matches!(facts.version, TlsVersion::Tls12 | TlsVersion::Tls13) => None,
        _ => Some(columns.collect()),
    }
}

/// The latest data connection, as evidence: no line of the dialogue tells how it went.
fn data_evidence(client: &Client) -> Option<String> {
    let data = client.machine().evidence().data;
    let (end, _) = data.ended?;
    let tls = match data.handshake {
        Some(Ok(facts)) if facts.resumed => format!("{:?}, resumed", facts.version),
        Some(Ok(facts)) => format!("{:?}, a new session", facts.version),
        Some(Err(fault)) => fault.to_string(),
        None => "no TLS".to_owned(),
    };
    Some(format!(
        "data connection to port {}: {tls}, {} bytes, {end:?}",
        data.port, data.bytes
    ))
}

/// The dialogue, as evidence.
fn keep(event: &Event<'_>, log: &Mutex<Vec<String>>) {
    let line = match event {
        Event::Sent { line, .. } => format!("---> {}", Escaped::new(line)),
        Event::Received { reply, .. } => {
            let lines = reply.lines().map(|line| Escaped::new(line).to_string());
            format!(
                "<--- {} {}",
                reply.code(),
                lines.collect::<Vec<_>>().join(" | ")
            )
        }
        Event::Note(note) => format!("{note:?}"),
        _ => return,
    };
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
}
