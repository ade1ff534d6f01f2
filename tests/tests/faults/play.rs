//! One session with one fault in it, with either driver.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ftp_proto::client::{ClearText, DataMode, DataModes, Security};
use ftp_proto::tls::Version;
use ftp_proto::{Refusal, TransferOptions};
use ftp_proto_async::Error;
use ftp_proto_async::server::MemoryStorage;

use super::plan::{Plan, Step};
use super::runtime::Faulty;

pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "a secret";

/// Larger than the buffers of a driver.
pub(crate) fn payload() -> Vec<u8> {
    (0..75_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// The server, and what is known of it.
pub(crate) struct Stage {
    pub(crate) port: u16,
    pub(crate) protection: Protection,
    /// The authority its certificate is from, as PEM.
    pub(crate) ca: String,
    pub(crate) storage: MemoryStorage,
    pub(crate) payload: Vec<u8>,
}

/// Of both connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Clear,
    Tls12,
    Tls13,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    Blocking,
    Async,
}

/// What the fault comes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// From connecting on.
    Login,
    Upload,
    EagerUpload,
    Download,
    /// The server connects.
    ActiveUpload,
    ActiveDownload,
    Listing,
    /// Given up in the middle.
    CutUpload,
    CutEagerUpload,
    CutDownload,
    Rename,
    Quit,
}

impl Call {
    pub(crate) const ALL: &'static [Call] = &[
        Call::Login,
        Call::Upload,
        Call::EagerUpload,
        Call::Download,
        Call::ActiveUpload,
        Call::ActiveDownload,
        Call::Listing,
        Call::CutUpload,
        Call::CutEagerUpload,
        Call::CutDownload,
        Call::Rename,
        Call::Quit,
    ];

    fn modes(self) -> DataModes {
        let modes: &[DataMode] = match self {
            Call::ActiveUpload | Call::ActiveDownload => &[DataMode::Eprt],
            _ => &[DataMode::Epsv],
        };
        DataModes::new(modes).unwrap()
    }

    fn options(self) -> TransferOptions {
        TransferOptions {
            eager: matches!(self, Call::EagerUpload | Call::CutEagerUpload),
            ..TransferOptions::default()
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) ended: Result<(), Error>,
    pub(crate) after: After,
    pub(crate) took: Duration,
    pub(crate) steps: Vec<Step>,
    pub(crate) befell: Option<Step>,
    /// What must never be.
    pub(crate) wrong: Option<String>,
}

/// What can be done with the client afterwards.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// A command and a transfer.
    Works,
    /// Nothing, and it says so.
    Closed,
    /// There is none.
    Gone,
    /// Neither: what it says, again and again.
    Lingers(String),
}

/// Plays one session.
pub(crate) fn play(
    driver: Driver,
    stage: &Stage,
    call: Call,
    plan: &Arc<Plan>,
    patience: Duration,
    name: &str,
) -> Played {
    let mut wrong = None;
    let mut began = Instant::now();
    let (ended, after) = match driver {
        Driver::Blocking => {
            let mut session = blocking::Session {
                stage,
                call,
                plan,
                patience,
                name,
                began: &mut began,
                wrong: &mut wrong,
            };
            session.play(|builder, stage| {
                builder
                    .seam(Arc::clone(plan) as _)
                    .connect("127.0.0.1", stage.port)
            })
        }
        Driver::Async => {
            let runtime = Faulty::new(plan);
            let open = runtime.open();
            let mut session = asynchronous::Session {
                stage,
                call,
                plan,
                patience,
                name,
                began: &mut began,
                wrong: &mut wrong,
            };
            let played = session.play(|builder, stage| {
                smol::block_on(builder.connect_on(runtime, "127.0.0.1", stage.port))
            });
            let left = open.load(Ordering::SeqCst);
            if left > 0 {
                wrong.get_or_insert_with(|| format!("{left} sockets left open"));
            }
            played
        }
    };
    Played {
        ended,
        after,
        took: began.elapsed(),
        steps: plan.steps(),
        befell: plan.befell(),
        wrong,
    }
}

fn at_once<T>(done: T) -> T {
    done
}

macro_rules! session {
    ($module:ident, $driver:ident, $client:ty, $wait:path, {$($import:item)*}) => {
        mod $module {
            use $driver::{Builder, Secret};
            $($import)*

            use super::*;

            pub(super) struct Session<'a> {
                pub(super) stage: &'a Stage,
                pub(super) call: Call,
                pub(super) plan: &'a Plan,
                pub(super) patience: Duration,
                pub(super) name: &'a str,
                pub(super) began: &'a mut Instant,
                pub(super) wrong: &'a mut Option<String>,
            }

            impl Session<'_> {
                pub(super) fn play(
                    &mut self,
                    connect: impl FnOnce(Builder, &Stage) -> Result<$client, Error>,
                ) -> (Result<(), Error>, After) {
                    if self.call == Call::Login {
                        self.arm();
                    }
                    let mut client = match connect(self.builder(), self.stage) {
                        Ok(client) => client,
                        Err(error) => return (Err(error), After::Gone),
                    };
                    let secret = Secret::new(PASSWORD.as_bytes());
                    let mut ended = $wait(client.login(USER, secret));
                    if self.call == Call::Quit && ended.is_ok() {
                        self.arm();
                        return ($wait(client.quit()), After::Gone);
                    }
                    if self.call != Call::Login && ended.is_ok() {
                        self.arm();
                        ended = self.call(&mut client);
                    }
                    self.plan.disarm();
                    let after = self.after(&mut client);
                    (ended, after)
                }

                fn arm(&mut self) {
                    *self.began = Instant::now();
                    self.plan.arm();
                }

                fn builder(&self) -> Builder {
                    let (patience, modes) = (self.patience, self.call.modes());
                    let builder = Builder::default()
                        .timeout(patience)
                        .ca_pem(self.stage.ca.as_bytes())
                        .server_name("localhost")
                        .configure(|config| {
                            config.data_modes = modes;
                            let limits = &mut config.limits;
                            for wait in [
                                &mut limits.download_drain,
                                &mut limits.upload_drain,
                                &mut limits.guard_wait,
                                &mut limits.close_wait,
                            ] {
                                *wait = patience.min(*wait);
                            }
                        });
                    match self.stage.protection {
                        Protection::Clear => {
                            builder.security(Security::clear(ClearText::Everybody))
                        }
                        Protection::Tls12 => builder.tls_max_version(Version::Tls12),
                        Protection::Tls13 => builder.tls_min_version(Version::Tls13),
                    }
                }

                fn call(&mut self, client: &mut $client) -> Result<(), Error> {
                    let (storage, payload) = (&self.stage.storage, &self.stage.payload);
                    match self.call {
                        Call::Login | Call::Quit => {}
                        Call::Upload | Call::EagerUpload | Call::ActiveUpload => {
                            let how = self.call.options();
                            $wait(client.store_with(self.name, how, &mut payload.as_slice()))?;
                            let stored = storage.contents(self.name);
                            self.must(stored.is_some_and(|stored| *stored == *payload), "stored");
                        }
                        Call::Download | Call::ActiveDownload => {
                            let mut sink = Vec::new();
                            $wait(client.retrieve("payload", &mut sink))?;
                            self.must(sink == *payload, "retrieved");
                        }
                        Call::Listing => {
                            let names = $wait(client.names("many"))?;
                            let count = names.split(|byte| *byte == b'\n').count();
                            self.must(count == crate::MANY + 1, "listed");
                        }
                        Call::CutUpload | Call::CutEagerUpload => {
                            let how = self.call.options();
                            let mut writer = $wait(client.writer_with(self.name, how))?;
                            let half = payload.get(..payload.len() / 2).unwrap_or_default();
                            if $wait(writer.write_all(half)).is_err() {
                                $wait(writer.finish())?;
                                self.must(false, "written");
                            } else {
                                drop(writer);
                            }
                            $wait(client.noop())?;
                        }
                        Call::CutDownload => {
                            let mut reader = $wait(client.reader("payload"))?;
                            if $wait(reader.read_exact(&mut [0; 1000])).is_err() {
                                $wait(reader.finish())?;
                                self.must(false, "read");
                            } else {
                                drop(reader);
                            }
                            $wait(client.noop())?;
                        }
                        Call::Rename => {
                            let to = format!("{}.kept", self.name);
                            $wait(client.rename(self.name, &to))?;
                            self.must(storage.contents(&to).is_some(), "renamed");
                        }
                    }
                    Ok(())
                }

                fn must(&mut self, be: bool, what: &str) {
                    if !be {
                        self.wrong.get_or_insert_with(|| format!("{what}: it says so, but it is not"));
                    }
                }

                /// Whether the client works, or is closed; what is still due may fail once.
                fn after(&mut self, client: &mut $client) -> After {
                    let mut last = String::new();
                    for _ in 0..4 {
                        let mut sink = Vec::new();
                        let worked = $wait(client.noop())
                            .and_then(|_| $wait(client.retrieve("small", &mut sink)));
                        match worked {
                            Ok(_) => {
                                self.must(sink == b"small", "retrieved afterwards");
                                return After::Works;
                            }
                            Err(Error::Refused(Refusal::Closed)) => return After::Closed,
                            Err(error) => last = error.to_string(),
                        }
                    }
                    After::Lingers(last)
                }
            }
        }
    };
}

session!(
    blocking,
    ftp_proto_blocking,
    ftp_proto_blocking::Client,
    super::at_once,
    {
        use std::io::{Read as _, Write as _};
    }
);
session!(
    asynchronous,
    ftp_proto_async,
    ftp_proto_async::Client<Faulty>,
    smol::block_on,
    {
        use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
    }
);
