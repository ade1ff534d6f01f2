//! An FTP and FTPS server for a directory.

mod args;
mod certificate;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_signal::{Signal, Signals};
use clap::Parser as _;
use ftp_proto_async::ftp_proto::server::{MissingCloseNotify, Security};
use ftp_proto_async::ftp_proto::tls::ServerTls;
use ftp_proto_async::server::{Account, Cut, FileStorage, Rights, Server, Sync, Users};
use smol::stream::StreamExt as _;

use crate::args::{Arguments, Tls};
use crate::certificate::Certificate;

/// What an earlier process left unfinished is removed when nobody wrote to it for so long.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_max_level(arguments.level())
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let server = server(arguments)?;
    for address in server.addresses() {
        println!("listening on {address}");
    }
    let handle = server.handle();
    let mut signals = Signals::new([Signal::Int, Signal::Term])?;
    let grace = Duration::from_secs(arguments.grace);
    smol::spawn(async move {
        if signals.next().await.is_some() {
            eprintln!("serve: ending; transfers have {} s", grace.as_secs());
            handle.shutdown(grace);
        }
        // Those who cannot wait ask again.
        if signals.next().await.is_some() {
            handle.shutdown(Duration::ZERO);
            std::process::exit(130);
        }
    })
    .detach();
    smol::block_on(server.run())?;
    Ok(())
}

fn server(arguments: &Arguments) -> Result<Server, Box<dyn Error>> {
    let mut builder = Server::builder(users(arguments)?)
        .max_sessions(arguments.max_sessions)
        .max_sessions_per_address(arguments.max_sessions_per_address)
        .configure(|config| {
            config.security = security(arguments);
            config.active.enabled = arguments.active;
            config.missing_close_notify = match arguments.accept_unclosed {
                true => MissingCloseNotify::Accept,
                false => MissingCloseNotify::Refuse,
            };
            config.limits.idle_wait = Duration::from_secs(arguments.idle);
        });
    if arguments.tls != Tls::Off {
        let certificate = Certificate::of(arguments)?;
        if let Some(sha256) = &certificate.sha256 {
            println!("self-signed certificate, SHA-256 {sha256}");
        }
        let tls = ServerTls::builder().certificate_pem(&certificate.chain, &certificate.key);
        let tls = match arguments.tls_version.map(args::Version::spoken) {
            Some(version) => tls.min_version(version).max_version(version),
            None => tls,
        };
        builder = builder.tls(tls.build()?);
    }
    for address in &arguments.listen {
        builder = match arguments.tls {
            Tls::Implicit => builder.listen_implicit(address),
            Tls::Off | Tls::Explicit | Tls::Both => builder.listen(address),
        };
    }
    if arguments.tls == Tls::Both {
        for address in &arguments.listen_implicit {
            builder = builder.listen_implicit(address);
        }
    }
    if let Some(ports) = &arguments.passive_ports {
        builder = builder.passive_ports(ports.0.clone());
    }
    if let Some(address) = arguments.external_address {
        builder = builder.external_address(address);
    }
    if let Some(threads) = arguments.threads {
        builder = builder.threads(threads);
    }
    Ok(builder.build()?)
}

fn users(arguments: &Arguments) -> Result<Users, Box<dyn Error>> {
    if arguments.user.is_empty() && !arguments.anonymous {
        return Err("nobody could log in: give --user NAME:PASSWORD or --anonymous".into());
    }
    let root = arguments.root.display();
    let mut files =
        FileStorage::open(&arguments.root).map_err(|error| format!("{root}: {error}"))?;
    if arguments.keep_partial {
        files = files.cut(Cut::Keep);
    }
    if arguments.fsync {
        files = files.sync(Sync::Always);
    }
    if arguments.writable {
        let removed = files.remove_unfinished(UNFINISHED)?;
        if removed > 0 {
            eprintln!("serve: removed {removed} unfinished uploads of an earlier server");
        }
    }
    let account = Account::new(Arc::new(files)).rights(if arguments.writable {
        Rights::ALL
    } else {
        Rights::READ
    });
    let mut users = Users::new();
    for user in &arguments.user {
        users = users.user(user.name.as_str(), user.password.as_str(), account.clone());
    }
    if arguments.anonymous {
        // Whatever users may do, nobody is nobody.
        users = users.anonymous(account.rights(Rights::READ));
    }
    Ok(users)
}

fn security(arguments: &Arguments) -> Security {
    let mut security = match arguments.tls {
        Tls::Off => return Security::clear(),
        _ if arguments.optional_tls => Security::optional(),
        _ if arguments.optional_prot => Security::required().or_clear_data(),
        _ => Security::required(),
    };
    if arguments.require_prot {
        security = security.require_private_data();
    }
    if arguments.require_reuse {
        security = security.require_reuse();
    }
    security
}
