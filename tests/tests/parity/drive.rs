//! The drivers behind one face, so that a case is written once.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use ftp_proto::client::{DataMode, DataModes, Security};
use ftp_proto::pipe::Error;
use ftp_proto::tls::{Fingerprint, Version};
use ftp_proto::wire::digest::Hashed;
use ftp_proto::{Event, HashOptions, Transfer, TransferOptions};
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How a case connects.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) trust: Trust,
    /// The one the server has, whoever vouches for it.
    pub(crate) certificate: Fingerprint,
    pub(crate) server_name: Option<String>,
    pub(crate) modes: Option<DataMode>,
    pub(crate) max: Option<Version>,
    pub(crate) listing_limit: Option<usize>,
    pub(crate) busy_wait: u32,
    pub(crate) timeout: Duration,
}

/// Which server certificates are accepted.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// What the operating system trusts.
    System,
    Roots(String),
    Pin(Fingerprint),
    Any,
}

/// What a session did, as far as all drivers must do the same.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

type Replied = Result<String, Error>;

/// What all drivers can do. Paths and results as texts where that says enough.
pub(crate) trait Drive: Sized {
    fn connect(setup: &Setup, log: &Log) -> Result<Self, Error>;
    /// As [`Drive::connect`], with a handle that was used before.
    fn cancelled(setup: &Setup, log: &Log) -> Result<Self, Error>;
    fn ready(&mut self) -> Result<(), Error>;
    fn login(&mut self, user: &str, password: &str) -> Result<(), Error>;
    fn begin_login(&mut self, user: &str, password: &str) -> Result<(), Error>;
    fn get(&mut self, path: &str, how: TransferOptions) -> Result<(Transfer, Vec<u8>), Error>;
    /// Two downloads asked for in a row.
    fn get_two(&mut self, paths: [&str; 2]) -> Result<[Vec<u8>; 2], Error>;
    fn get_to(&mut self, path: &str, sink: &mut Full) -> Result<Transfer, Error>;
    /// The first bytes of a file, and no more.
    fn peek(&mut self, path: &str) -> Result<Vec<u8>, Error>;
    /// The whole file, by reading.
    fn read(&mut self, path: &str) -> Result<(Transfer, Vec<u8>), Error>;
    fn put(&mut self, path: &str, how: TransferOptions, bytes: &[u8]) -> Result<Transfer, Error>;
    /// Two uploads asked for in a row.
    fn put_two(&mut self, files: [(&str, &[u8]); 2]) -> Result<(), Error>;
    fn put_from(&mut self, path: &str, source: &mut Full) -> Result<Transfer, Error>;
    /// By writing, with a flush in the middle.
    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<Transfer, Error>;
    /// By writing, and no end.
    fn write_half(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error>;
    fn append(&mut self, path: &str, bytes: &[u8]) -> Result<Transfer, Error>;
    fn store_unique(&mut self, bytes: &[u8]) -> Result<Transfer, Error>;
    fn list(&mut self, path: &str) -> Result<Vec<u8>, Error>;
    fn names(&mut self, path: &str) -> Result<Vec<u8>, Error>;
    fn facts(&mut self, path: &str) -> Result<Vec<u8>, Error>;
    fn entry(&mut self, path: &str) -> Replied;
    fn size(&mut self, path: &str) -> Result<u64, Error>;
    fn modified(&mut self, path: &str) -> Replied;
    fn set_modified(&mut self, path: &str, like: &str) -> Replied;
    fn hash(&mut self, path: &str, how: HashOptions) -> Result<Hashed, Error>;
    fn change_directory(&mut self, path: &str) -> Replied;
    fn change_to_parent(&mut self) -> Replied;
    fn working_directory(&mut self) -> Replied;
    fn make_directory(&mut self, path: &str) -> Replied;
    fn remove_directory(&mut self, path: &str) -> Replied;
    fn delete(&mut self, path: &str) -> Replied;
    fn rename(&mut self, from: &str, to: &str) -> Replied;
    fn system(&mut self) -> Replied;
    fn noop(&mut self) -> Replied;
    fn features(&mut self) -> Replied;
    fn command(&mut self, line: &str) -> Replied;
    fn clear_command_channel(&mut self) -> Result<(), Error>;
    fn quit(self) -> Result<(), Error>;
}

pub(crate) struct Blocking(ftp_proto_blocking::Client);
pub(crate) struct Async(ftp_proto_async::Client);
pub(crate) struct OnTokio(ftp_proto_async::Client<ftp_proto_async::Tokio>);

fn at_once<T>(done: T) -> T {
    done
}

fn on_tokio<T>(done: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap()
        };
    }
    RUNTIME.with(|runtime| runtime.block_on(done))
}

fn replied(reply: ftp_proto::FinalReply) -> String {
    format!("{}", reply.code)
}

macro_rules! drive {
    ($name:ident, $driver:ident, $wait:path, $connect:ident $(($runtime:expr))?, $read:ident, $write:ident) => {
        impl $name {
            fn builder(setup: &Setup, log: &Log) -> $driver::Builder {
                let log = Arc::clone(log);
                let mut builder = $driver::Client::builder()
                    .security(setup.security.clone())
                    .timeout(setup.timeout)
                    .on_event(move |event| note(event, &log));
                builder = match &setup.trust {
                    Trust::System => builder,
                    Trust::Roots(pem) => builder.ca_pem(pem.as_bytes()),
                    Trust::Pin(pin) => builder.pin_sha256(*pin),
                    Trust::Any => builder.dangerously_accept_any_certificate(),
                };
                if let Some(name) = &setup.server_name {
                    builder = builder.server_name(name);
                }
                if let Some(mode) = setup.modes {
                    builder = builder
                        .configure(|config| config.data_modes = DataModes::new(&[mode]).unwrap());
                }
                if let Some(max) = setup.max {
                    builder = builder.tls_max_version(max);
                }
                if let Some(limit) = setup.listing_limit {
                    builder = builder.listing_limit(limit);
                }
                builder.busy_wait(setup.busy_wait)
            }
        }

        impl Drive for $name {
            fn connect(setup: &Setup, log: &Log) -> Result<Self, Error> {
                let builder = $name::builder(setup, log);
                $wait(builder.$connect($($runtime,)? &setup.host, setup.port)).map($name)
            }

            fn cancelled(setup: &Setup, log: &Log) -> Result<Self, Error> {
                let cancel = $driver::CancelHandle::new();
                let builder = $name::builder(setup, log).cancel_handle(&cancel);
                let client = $wait(builder.$connect($($runtime,)? &setup.host, setup.port))?;
                cancel.cancel();
                Ok($name(client))
            }

            fn ready(&mut self) -> Result<(), Error> {
                $wait(self.0.ready())
            }

            fn login(&mut self, user: &str, password: &str) -> Result<(), Error> {
                let password = $driver::Secret::new(password.as_bytes());
                $wait(self.0.login(user, password))
            }

            fn begin_login(&mut self, user: &str, password: &str) -> Result<(), Error> {
                let password = $driver::Secret::new(password.as_bytes());
                self.0.begin_login(user, password, None)
            }

            fn get(
                &mut self,
                path: &str,
                how: TransferOptions,
            ) -> Result<(Transfer, Vec<u8>), Error> {
                let mut sink = Vec::new();
                let done = $wait(self.0.retrieve_with(path, how, &mut sink))?;
                Ok((done, sink))
            }

            fn get_two(&mut self, paths: [&str; 2]) -> Result<[Vec<u8>; 2], Error> {
                let how = TransferOptions::default();
                let first = self.0.queue_retrieve(paths[0], how)?;
                let second = self.0.queue_retrieve(paths[1], how)?;
                let (mut a, mut b) = (Vec::new(), Vec::new());
                $wait(self.0.receive(first, &mut a))?;
                $wait(self.0.receive(second, &mut b))?;
                Ok([a, b])
            }

            fn get_to(&mut self, path: &str, sink: &mut Full) -> Result<Transfer, Error> {
                $wait(self.0.retrieve(path, sink))
            }

            fn peek(&mut self, path: &str) -> Result<Vec<u8>, Error> {
                use $read as Ext;
                let mut first = vec![0; 10];
                let mut reader = $wait(self.0.reader(path))?;
                $wait(Ext::read_exact(&mut reader, &mut first)).map_err(Error::Local)?;
                Ok(first)
            }

            fn read(&mut self, path: &str) -> Result<(Transfer, Vec<u8>), Error> {
                use $read as Ext;
                let mut all = Vec::new();
                let mut reader = $wait(self.0.reader(path))?;
                $wait(Ext::read_to_end(&mut reader, &mut all)).map_err(Error::Local)?;
                Ok(($wait(reader.finish())?, all))
            }

            fn put(
                &mut self,
                path: &str,
                how: TransferOptions,
                mut bytes: &[u8],
            ) -> Result<Transfer, Error> {
                $wait(self.0.store_with(path, how, &mut bytes))
            }

            fn put_two(&mut self, files: [(&str, &[u8]); 2]) -> Result<(), Error> {
                let how = TransferOptions::default();
                let [(one, mut first_bytes), (other, mut second_bytes)] = files;
                let first = self.0.queue_store(one, how)?;
                let second = self.0.queue_store(other, how)?;
                $wait(self.0.send(first, &mut first_bytes))?;
                $wait(self.0.send(second, &mut second_bytes))?;
                Ok(())
            }

            fn put_from(&mut self, path: &str, source: &mut Full) -> Result<Transfer, Error> {
                $wait(self.0.store(path, source))
            }

            fn write(&mut self, path: &str, bytes: &[u8]) -> Result<Transfer, Error> {
                use $write as Ext;
                let mut writer = $wait(self.0.writer(path))?;
                let (one, two) = bytes.split_at(bytes.len() / 2);
                $wait(Ext::write_all(&mut writer, one)).map_err(Error::Local)?;
                $wait(Ext::flush(&mut writer)).map_err(Error::Local)?;
                $wait(Ext::write_all(&mut writer, two)).map_err(Error::Local)?;
                $wait(writer.finish())
            }

            fn write_half(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
                use $write as Ext;
                let mut writer = $wait(self.0.writer(path))?;
                $wait(Ext::write_all(&mut writer, bytes)).map_err(Error::Local)?;
                $wait(Ext::flush(&mut writer)).map_err(Error::Local)
            }

            fn append(&mut self, path: &str, mut bytes: &[u8]) -> Result<Transfer, Error> {
                $wait(self.0.append(path, &mut bytes))
            }

            fn store_unique(&mut self, mut bytes: &[u8]) -> Result<Transfer, Error> {
                let how = TransferOptions::default();
                $wait(self.0.store_unique(&mut bytes, how))
            }

            fn list(&mut self, path: &str) -> Result<Vec<u8>, Error> {
                $wait(self.0.list(path))
            }

            fn names(&mut self, path: &str) -> Result<Vec<u8>, Error> {
                $wait(self.0.names(path))
            }

            fn facts(&mut self, path: &str) -> Result<Vec<u8>, Error> {
                $wait(self.0.facts(path)).map(|facts| facts.as_bytes().to_vec())
            }

            fn entry(&mut self, path: &str) -> Replied {
                $wait(self.0.entry(path)).map(replied)
            }

            fn size(&mut self, path: &str) -> Result<u64, Error> {
                $wait(self.0.size(path))
            }

            fn modified(&mut self, path: &str) -> Replied {
                $wait(self.0.modified(path)).map(|time| format!("{time:?}"))
            }

            fn set_modified(&mut self, path: &str, like: &str) -> Replied {
                let time = $wait(self.0.modified(like))?;
                $wait(self.0.set_modified(path, time)).map(replied)
            }

            fn hash(&mut self, path: &str, how: HashOptions) -> Result<Hashed, Error> {
                $wait(self.0.hash_with(path, how))
            }

            fn change_directory(&mut self, path: &str) -> Replied {
                $wait(self.0.change_directory(path)).map(replied)
            }

            fn change_to_parent(&mut self) -> Replied {
                $wait(self.0.change_to_parent()).map(replied)
            }

            fn working_directory(&mut self) -> Replied {
                $wait(self.0.working_directory()).map(|name| format!("{name:?}"))
            }

            fn make_directory(&mut self, path: &str) -> Replied {
                $wait(self.0.make_directory(path)).map(|name| format!("{name:?}"))
            }

            fn remove_directory(&mut self, path: &str) -> Replied {
                $wait(self.0.remove_directory(path)).map(replied)
            }

            fn delete(&mut self, path: &str) -> Replied {
                $wait(self.0.delete(path)).map(replied)
            }

            fn rename(&mut self, from: &str, to: &str) -> Replied {
                $wait(self.0.rename(from, to)).map(replied)
            }

            fn system(&mut self) -> Replied {
                $wait(self.0.system()).map(replied)
            }

            fn noop(&mut self) -> Replied {
                $wait(self.0.noop()).map(replied)
            }

            fn features(&mut self) -> Replied {
                $wait(self.0.features()).map(|features| format!("{:?}", features.known))
            }

            fn command(&mut self, line: &str) -> Replied {
                $wait(self.0.command(line)).map(replied)
            }

            fn clear_command_channel(&mut self) -> Result<(), Error> {
                $wait(self.0.clear_command_channel())
            }

            fn quit(self) -> Result<(), Error> {
                $wait(self.0.quit())
            }
        }
    };
}

drive!(Blocking, ftp_proto_blocking, at_once, connect, Read, Write);
drive!(
    Async,
    ftp_proto_async,
    smol::block_on,
    connect,
    AsyncReadExt,
    AsyncWriteExt
);
drive!(
    OnTokio,
    ftp_proto_async,
    on_tokio,
    connect_on(ftp_proto_async::Tokio),
    AsyncReadExt,
    AsyncWriteExt
);

/// What was said. What the server says to an abort, or while the data connection comes up, is another thing each time.
fn note(event: &Event<'_>, log: &Log) {
    let line = match event {
        Event::Sent { line, .. } => {
            let line = String::from_utf8_lossy(line).into_owned();
            if line == "PWD" && log.lock().unwrap().iter().any(|line| line == "ABOR") {
                // Sent where the number of replies to ABOR is unclear.
                return;
            }
            match line.split_once(' ') {
                // Their port is another one each time.
                Some((verb @ ("PORT" | "EPRT"), _)) => verb.to_owned(),
                _ => line,
            }
        }
        Event::Ready { secure } => format!("ready {secure}"),
        Event::Closed(failure) => format!("closed {:?}", failure.map(|failure| failure.kind)),
        _ => return,
    };
    log.lock().unwrap().push(line);
}

/// A reader, and a writer, that fails after so many bytes.
pub(crate) struct Full(pub(crate) usize);

impl Full {
    fn take(&mut self, wanted: usize) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = wanted.min(self.0);
        self.0 -= count;
        Ok(count)
    }
}

impl Read for Full {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.take(into.len())?;
        into[..count].fill(7);
        Ok(count)
    }
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Full {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Read::read(&mut *self, into))
    }
}

impl AsyncWrite for Full {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Write::write(&mut *self, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
