//! This project's clients as a program of their own: a pool and a task for each session, on smol or tokio, or a thread for each session.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ftp_proto::client::{ClearText, Config, DataMode, DataModes, Security, SizeCheck};
use ftp_proto_async::{
    Client, Pool, Queued, QueuedStore, Runtime, Secret, Smol, Tokio, TransferOptions,
};
use ftp_proto_blocking as blocking;
use smol::{LocalExecutor, block_on};

use crate::Fallible;
use crate::servers::{FETCHED, STORED, file_name};

/// First argument that makes this program be the client, with the async driver.
pub(crate) const MOVE: &str = "--ftp-proto";

/// The same on tokio.
pub(crate) const MOVE_TOKIO: &str = "--ftp-proto-tokio";

/// The same with the blocking driver.
pub(crate) const MOVE_BLOCKING: &str = "--ftp-proto-blocking";

/// What suppaftp says: PASV over IPv4 too (ProFTPD needs half as long again for EPSV), and no SIZE, which would be asked of a server that does not name
/// the size of what it sends (Pure-FTPd: a tenth of a small file).
fn setting(config: &mut Config) {
    config.size_check = SizeCheck::Never;
    if let Ok(modes) = DataModes::new(&[DataMode::Pasv, DataMode::Epsv]) {
        config.data_modes = modes;
    }
}

/// Looks before a wait, see [`busy_wait`](ftp_proto_blocking::Builder::busy_wait): with more sessions than one there is something else to do, so the
/// others have their turn, and it is looked once.
fn looks(sessions: usize) -> u32 {
    if sessions == 1 { 200 } else { 1 }
}

/// Transfers asked for behind each other.
const AHEAD: usize = 2;

/// Moves the files on smol. `arguments`: as [`plain`](crate::contenders) makes them.
pub(crate) fn run(arguments: &[String]) -> Fallible {
    block_on(move_all(Smol, arguments))
}

/// Moves the files on tokio. `arguments`: the same.
pub(crate) fn run_tokio(arguments: &[String]) -> Fallible {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_io()
        .enable_time()
        .build()?
        .block_on(move_all(Tokio, arguments))
}

async fn move_all<R: Runtime + Clone>(runtime: R, arguments: &[String]) -> Fallible {
    let [address, user, password, ca, sessions, files, way, local] = arguments else {
        return Err("eight arguments are needed".into());
    };
    let (sessions, files): (usize, usize) = (sessions.parse()?, files.parse()?);
    let (host, port) = address.rsplit_once(':').ok_or("address without a port")?;
    let client = match ca.as_str() {
        "clear" => Client::builder().security(Security::clear(ClearText::Everybody)),
        ca => Client::builder().ca_file(ca)?,
    };
    let pool = Pool::builder(host, port.parse()?)
        .login(user, Secret::new(password.as_bytes()))
        .client(client.configure(setting).busy_wait(looks(sessions)))
        .sessions(sessions)
        .build_on(runtime)?;
    let numbers = Numbers::new(files);
    let executor = LocalExecutor::new();
    let all = async {
        let tasks: Vec<_> = (0..sessions)
            .map(|_| {
                let (pool, numbers, local) = (pool.clone(), numbers.clone(), Path::new(local));
                executor.spawn(async move {
                    if way == "up" {
                        store(&pool, &numbers, local).await
                    } else {
                        fetch(&pool, &numbers, local).await
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        pool.close().await;
        Ok(())
    };
    executor.run(all).await
}

/// The files that nobody has taken yet.
#[derive(Clone)]
struct Numbers {
    next: Arc<AtomicUsize>,
    files: usize,
}

impl Numbers {
    fn new(files: usize) -> Self {
        Numbers {
            next: Arc::default(),
            files,
        }
    }

    fn take(&self) -> Option<String> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.files).then(|| file_name(index))
    }
}

/// Each file can be read again, as suits an eager upload.
fn from_file() -> TransferOptions {
    TransferOptions {
        eager: true,
        ..TransferOptions::default()
    }
}

async fn fetch<R: Runtime + Clone>(pool: &Pool<R>, numbers: &Numbers, local: &Path) -> Fallible {
    let mut client = pool.session().await?;
    let mut ahead: VecDeque<(Queued, String)> = VecDeque::new();
    let mut file = Vec::new();
    loop {
        while ahead.len() < AHEAD {
            let Some(name) = numbers.take() else { break };
            let path = format!("{FETCHED}/{name}");
            let queued = client.queue_retrieve(path, TransferOptions::default())?;
            ahead.push_back((queued, name));
        }
        let Some((queued, name)) = ahead.pop_front() else {
            return Ok(());
        };
        file.clear();
        client.receive(queued, &mut file).await?;
        fs::write(local.join(name), &file)?;
    }
}

async fn store<R: Runtime + Clone>(pool: &Pool<R>, numbers: &Numbers, local: &Path) -> Fallible {
    let mut client = pool.session().await?;
    let mut ahead: VecDeque<(QueuedStore, String)> = VecDeque::new();
    loop {
        while ahead.len() < AHEAD {
            let Some(name) = numbers.take() else { break };
            let path = format!("{STORED}/{name}");
            let queued = client.queue_store(path, from_file())?;
            ahead.push_back((queued, name));
        }
        let Some((queued, name)) = ahead.pop_front() else {
            return Ok(());
        };
        let file = fs::read(local.join(name))?;
        client.send(queued, &mut file.as_slice()).await?;
    }
}

/// Moves the files with the blocking driver. `arguments`: the same.
pub(crate) fn run_blocking(arguments: &[String]) -> Fallible {
    let [address, user, password, ca, sessions, files, way, local] = arguments else {
        return Err(format!("{MOVE_BLOCKING} needs eight arguments").into());
    };
    let (sessions, files): (usize, usize) = (sessions.parse()?, files.parse()?);
    let (host, port) = address.rsplit_once(':').ok_or("address without a port")?;
    let port = port.parse()?;
    let numbers = Numbers::new(files);
    let session = || -> Fallible {
        let client = match ca.as_str() {
            "clear" => blocking::Client::builder().security(Security::clear(ClearText::Everybody)),
            ca => blocking::Client::builder().ca_file(ca)?,
        };
        let mut client = client
            .configure(setting)
            .busy_wait(looks(sessions))
            .connect(host, port)?;
        client.begin_login(user, Secret::new(password.as_bytes()), None)?;
        match way.as_str() {
            "up" => store_blocking(&mut client, &numbers, Path::new(local))?,
            _ => fetch_blocking(&mut client, &numbers, Path::new(local))?,
        }
        client.quit()?;
        Ok(())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..sessions).map(|_| scope.spawn(session)).collect();
        running
            .into_iter()
            .try_for_each(|one| one.join().map_err(|_| "a session panicked")?)
    })
}

fn fetch_blocking(client: &mut blocking::Client, numbers: &Numbers, local: &Path) -> Fallible {
    let mut ahead: VecDeque<(Queued, String)> = VecDeque::new();
    loop {
        while ahead.len() < AHEAD {
            let Some(name) = numbers.take() else { break };
            let path = format!("{FETCHED}/{name}");
            let queued = client.queue_retrieve(path, TransferOptions::default())?;
            ahead.push_back((queued, name));
        }
        let Some((queued, name)) = ahead.pop_front() else {
            return Ok(());
        };
        client.receive(queued, &mut File::create(local.join(name))?)?;
    }
}

fn store_blocking(client: &mut blocking::Client, numbers: &Numbers, local: &Path) -> Fallible {
    let mut ahead: VecDeque<(QueuedStore, String)> = VecDeque::new();
    loop {
        while ahead.len() < AHEAD {
            let Some(name) = numbers.take() else { break };
            let path = format!("{STORED}/{name}");
            let queued = client.queue_store(path, from_file())?;
            ahead.push_back((queued, name));
        }
        let Some((queued, name)) = ahead.pop_front() else {
            return Ok(());
        };
        client.send(queued, &mut File::open(local.join(name))?)?;
    }
}
