//! Clients that are libraries.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use ftp_proto::client::{ClearText, DataMode, DataModes, Security};
use ftp_proto_blocking::{CancelHandle, Client as Blocking, Secret, TransferOptions};
use ring::digest::{SHA256, digest};
use suppaftp::rustls::pki_types::CertificateDer;
use suppaftp::rustls::pki_types::pem::PemObject;
use suppaftp::rustls::{ClientConfig, RootCertStore};
use suppaftp::types::{FileType, Mode};
use suppaftp::{RustlsConnector, RustlsFtpStream};

use super::{Act, Client, Place, Tls, keep_listing};
use crate::server::{PASSWORD, USER};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(crate) const SUPPAFTP: Client = Client {
    name: "suppaftp",
    lacks: |place| {
        if place.tls == Tls::Implicit {
            Some("implicit TLS only in a deprecated form")
        } else if place.active && place.address.is_ipv6() {
            Some("active mode over IPv4 alone")
        } else {
            None
        }
    },
    act: |place, act| suppaftp(place, act).into(),
};

fn suppaftp(place: &Place, act: &Act) -> Result<(), String> {
    let mut ftp = RustlsFtpStream::connect(place.address).map_err(text)?;
    if place.tls == Tls::Explicit {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(&place.authority).map_err(text)?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.map_err(text)?).map_err(text)?;
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = RustlsConnector::from(Arc::new(config));
        ftp = ftp.into_secure(connector, "localhost").map_err(text)?;
    }
    ftp.login(USER, PASSWORD).map_err(text)?;
    ftp.transfer_type(FileType::Binary).map_err(text)?;
    match (place.active, place.address.is_ipv6()) {
        (true, _) => ftp = ftp.active_mode(Duration::from_secs(20)),
        (false, true) => ftp.set_mode(Mode::ExtendedPassive),
        (false, false) => ftp.set_mode(Mode::Passive),
    }
    let local = |name: &str| place.local.join(name);
    match *act {
        Act::Upload(name) => {
            let mut file = File::open(local(name)).map_err(text)?;
            ftp.put_file(name, &mut file).map_err(text)?;
        }
        Act::List => {
            let lines = ftp.list(None).map_err(text)?;
            keep_listing(&place.local, lines.join("\n").as_bytes())?;
        }
        Act::Download(name) => {
            let file = ftp.retr_as_buffer(name).map_err(text)?;
            fs::write(local(name), file.into_inner()).map_err(text)?;
        }
        Act::ResumeDownload(name) => {
            let mut file = File::options()
                .append(true)
                .open(local(name))
                .map_err(text)?;
            let offset = file.metadata().map_err(text)?.len();
            ftp.resume_transfer(offset.try_into().map_err(text)?)
                .map_err(text)?;
            let rest = ftp.retr_as_buffer(name).map_err(text)?;
            file.write_all(&rest.into_inner()).map_err(text)?;
        }
        Act::ResumeUpload(name) => {
            let offset = ftp.size(name).map_err(text)?;
            let mut file = File::open(local(name)).map_err(text)?;
            file.seek(SeekFrom::Start(offset as u64)).map_err(text)?;
            ftp.append_file(name, &mut file).map_err(text)?;
        }
        Act::Rename(from, to) => ftp.rename(from, to).map_err(text)?,
        Act::Delete(name) => ftp.rm(name).map_err(text)?,
        Act::Abort(name) => {
            let mut stream = ftp.put_with_stream(name).map_err(text)?;
            let mut piece = vec![0; 100_000];
            let mut file = File::open(local(name)).map_err(text)?;
            file.read_exact(&mut piece).map_err(text)?;
            stream.write_all(&piece).map_err(text)?;
            ftp.abort(stream).map_err(text)?;
        }
    }
    ftp.quit().map_err(text)
}

pub(crate) const OURS: Client = Client {
    name: "ftp-proto",
    lacks: |_| None,
    act: |place, act| ours(place, act).into(),
};

fn ours(place: &Place, act: &Act) -> Result<(), String> {
    let cancel = CancelHandle::new();
    let mut builder = Blocking::builder()
        .ca_file(&place.authority)
        .map_err(text)?
        .cancel_handle(&cancel)
        .configure(|config| {
            let mode = match place.active {
                true => DataMode::Eprt,
                false => DataMode::Epsv,
            };
            config.data_modes = DataModes::new(&[mode]).unwrap();
        });
    builder = match place.tls {
        Tls::Off => builder.security(Security::clear(ClearText::Everybody)),
        Tls::Explicit => builder,
        Tls::Implicit => builder.security(Security::implicit()),
    };
    let mut ftp = builder
        .connect(&place.bare_host(), place.port())
        .map_err(text)?;
    ftp.login(USER, Secret::new(PASSWORD.as_bytes()))
        .map_err(text)?;
    let local = |name: &str| place.local.join(name);
    let at = |offset| TransferOptions {
        offset,
        ..TransferOptions::default()
    };
    match *act {
        Act::Upload(name) => {
            let mut file = File::open(local(name)).map_err(text)?;
            ftp.store(name, &mut file).map_err(text)?;
            let sent = fs::read(local(name)).map_err(text)?;
            let hashed = ftp.hash(name).map_err(text)?;
            if hashed.digest != digest(&SHA256, &sent).as_ref() {
                return Err(format!("{name} has another digest: {hashed:?}"));
            }
        }
        Act::List => {
            let listing = ftp.list("").map_err(text)?;
            keep_listing(&place.local, &listing)?;
        }
        Act::Download(name) => {
            let mut file = File::create(local(name)).map_err(text)?;
            ftp.retrieve(name, &mut file).map_err(text)?;
        }
        Act::ResumeDownload(name) => {
            let mut file = File::options()
                .append(true)
                .open(local(name))
                .map_err(text)?;
            let offset = file.metadata().map_err(text)?.len();
            ftp.retrieve_with(name, at(offset), &mut file)
                .map_err(text)?;
        }
        Act::ResumeUpload(name) => {
            let offset = ftp.size(name).map_err(text)?;
            let mut file = File::open(local(name)).map_err(text)?;
            file.seek(SeekFrom::Start(offset)).map_err(text)?;
            ftp.store_with(name, at(offset), &mut file).map_err(text)?;
        }
        Act::Rename(from, to) => drop(ftp.rename(from, to).map_err(text)?),
        Act::Delete(name) => drop(ftp.delete(name).map_err(text)?),
        Act::Abort(name) => {
            let mut writer = ftp.writer(name).map_err(text)?;
            writer.write_all(&[7; 100_000]).map_err(text)?;
            // ABOR, since nobody said that this was all.
            drop(writer);
            ftp.noop().map_err(text)?;
        }
    }
    ftp.quit().map_err(text)
}
