//! The cases: what is done, written once for all drivers.

use std::fs;

use ftp_proto::client::{AuthMethod, ClearText, DataMode, Security};
use ftp_proto::pipe::Error;
use ftp_proto::tls::Version;
use ftp_proto::wire::digest::HashAlgorithm;
use ftp_proto::{HashOptions, Transfer, TransferOptions};
use ftp_proto_tests::peers::{Certificate, Options, Server, Tls};

use ring::digest::{SHA256, digest};

use crate::drive::{Async, Blocking, Drive, Full, Log, OnTokio, Setup, Trust};

/// A server to play on, and what is known of it.
pub(crate) struct Stage<'a> {
    pub(crate) server: &'a Server,
    pub(crate) setup: Setup,
    pub(crate) log: Log,
}

pub(crate) type Play = fn(&Stage<'_>) -> Result<String, Error>;

/// One case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) server: fn() -> Options,
    pub(crate) setup: fn(&mut Setup),
    /// The same with each [driver](DRIVERS).
    pub(crate) plays: [Play; DRIVERS.len()],
}

/// The drivers, and what carries them.
pub(crate) const DRIVERS: [&str; 3] = ["blocking", "async", "on tokio"];

macro_rules! cases {
    ($($name:literal, $server:expr, $setup:expr, $play:ident;)*) => {
        pub(crate) const CASES: &[Case] = &[$(Case {
            name: $name,
            server: $server,
            setup: $setup,
            plays: [$play::<Blocking>, $play::<Async>, $play::<OnTokio>],
        }),*];
    };
}

cases! {
    "login and quit, explicit TLS", explicit, same, login;
    "login and quit, implicit TLS", implicit, by_implicit, login;
    "login and quit, in clear", plain, in_clear, login;
    "login and quit, TLS 1.2", explicit, by_tls12, login;
    "greeting and negotiation alone", explicit, same, ready;
    "AUTH SSL alone", explicit, by_auth_ssl, login;
    "wrong password", explicit, same, wrong_password;
    "wrong password, in clear", plain, in_clear, wrong_password;
    "TLS required, server has none", plain, same, login;
    "TLS required, server has none; clear text allowed", plain, or_clear, login;
    "implicit TLS to a port in clear", plain, by_implicit, login;
    "nobody listens", explicit, nobody, login;
    "authority of nobody", explicit, unknown, login;
    "certificate for another name", explicit, another_name, login;
    "self-signed certificate", self_signed, same, login;
    "self-signed certificate, pinned", self_signed, pinned, login;
    "expired certificate", expired, same, login;
    "expired certificate, anything accepted", expired, anything, login;
    "a megabyte there and back", explicit, same, there_and_back;
    "a megabyte there and back, in clear", plain, in_clear, there_and_back;
    "a megabyte there and back, implicit TLS", implicit, by_implicit, there_and_back;
    "a megabyte there and back, TLS 1.2", explicit, by_tls12, there_and_back;
    "a megabyte there and back, PASV", explicit, by_pasv, there_and_back;
    "a megabyte there and back, PORT", active, by_port, there_and_back;
    "a megabyte there and back, EPRT, in clear", active_plain, by_eprt, there_and_back;
    "a megabyte there and back, data in clear", explicit, data_in_clear, there_and_back;
    "an empty file there and back", explicit, same, empty;
    "as text", explicit, same, text;
    "as text, in clear", plain, in_clear, text;
    "uploads whose payload goes with their command", explicit, same, eager;
    "uploads whose payload goes with their command, in clear", plain, in_clear, eager;
    "uploads whose payload goes with their command, EPRT, in clear", active_plain, by_eprt, eager;
    "append", explicit, same, append;
    "a download resumed", explicit, same, resume_get;
    "a download resumed at its end", explicit, same, resume_at_end;
    "an upload resumed", explicit, same, resume_put;
    "a unique name", explicit, same, unique;
    "rename, and a name that is not there", explicit, same, rename;
    "delete, twice", explicit, same, delete;
    "directories", explicit, same, directories;
    "listings", explicit, same, listings;
    "listings, in clear", plain, in_clear, listings;
    "a listing that is too long", explicit, small_listing, listings;
    "a listing of nothing there", explicit, same, list_missing;
    "facts of one file", explicit, same, entry;
    "times and sizes", explicit, same, times;
    "digests, and a part", explicit, same, digests;
    "digests, and a part, in clear", plain, in_clear, digests;
    "the server's features", explicit, same, about;
    "a file that is not there", explicit, same, get_missing;
    "a file one may not read", explicit, same, get_forbidden;
    "a directory that is not there", explicit, same, put_missing;
    "read to the end", explicit, same, read;
    "read a little and drop it", explicit, same, peek;
    "read a little and drop it, in clear", plain, in_clear, peek;
    "write with a flush", explicit, same, write;
    "write a half and drop it", explicit, same, write_half;
    "write a half and drop it, in clear", plain, in_clear, write_half;
    "two downloads and two uploads in a row", explicit, same, two;
    "login rides with a download", explicit, same, riding;
    "a wrong login rides with a download", explicit, same, riding_wrong;
    "the disk is full", explicit, same, disk_full;
    "the disk is full, in clear", plain, in_clear, disk_full;
    "the source breaks", explicit, same, source_breaks;
    "cancelled before it began", explicit, same, cancelled;
    "clear command channel", explicit, with_ccc, ccc;
    "clear command channel, not allowed", explicit, same, ccc;
    "commands of one's own", explicit, same, commands;
    "a second login", explicit, same, second_login;
    "many small files", explicit, same, many;
    "many small files, looked for", explicit, looked_for, many;
    "many small files, looked for, in clear", plain, looked_for_in_clear, many;
    "a megabyte there and back by PORT, looked for", active, looked_for_by_port, there_and_back;
    "read a little and drop it, looked for", explicit, looked_for, peek;
}

// ---- servers

fn explicit() -> Options {
    Options {
        tls: Tls::Explicit,
        ..Options::default()
    }
}

fn implicit() -> Options {
    Options {
        tls: Tls::Implicit,
        ..Options::default()
    }
}

fn plain() -> Options {
    Options::default()
}

fn active() -> Options {
    Options {
        allow_active: true,
        ..explicit()
    }
}

fn active_plain() -> Options {
    Options {
        allow_active: true,
        ..Options::default()
    }
}

fn self_signed() -> Options {
    Options {
        certificate: Certificate::SelfSigned,
        ..explicit()
    }
}

fn expired() -> Options {
    Options {
        certificate: Certificate::Expired,
        ..explicit()
    }
}

// ---- clients

fn same(_: &mut Setup) {}

fn by_implicit(setup: &mut Setup) {
    setup.security = Security::implicit();
}

fn in_clear(setup: &mut Setup) {
    setup.security = Security::clear(ClearText::Everybody);
}

fn or_clear(setup: &mut Setup) {
    setup.security = Security::required().or_clear(ClearText::Everybody);
}

fn by_auth_ssl(setup: &mut Setup) {
    setup.security = Security::required().methods(&[AuthMethod::Ssl]).unwrap();
}

fn data_in_clear(setup: &mut Setup) {
    setup.security = Security::required().clear_data();
}

fn with_ccc(setup: &mut Setup) {
    setup.security = Security::required().allow_ccc();
}

fn by_tls12(setup: &mut Setup) {
    setup.max = Some(Version::Tls12);
}

fn by_pasv(setup: &mut Setup) {
    setup.modes = Some(DataMode::Pasv);
}

fn by_port(setup: &mut Setup) {
    setup.modes = Some(DataMode::Port);
}

fn by_eprt(setup: &mut Setup) {
    in_clear(setup);
    setup.modes = Some(DataMode::Eprt);
}

fn nobody(setup: &mut Setup) {
    // The last port of all: servers under test get lower ones.
    setup.port = 65535;
}

fn unknown(setup: &mut Setup) {
    setup.trust = Trust::System;
}

fn another_name(setup: &mut Setup) {
    setup.server_name = Some("ftp.example.net".to_owned());
}

fn pinned(setup: &mut Setup) {
    setup.trust = Trust::Pin(setup.certificate);
}

fn anything(setup: &mut Setup) {
    setup.trust = Trust::Any;
}

fn looked_for(setup: &mut Setup) {
    setup.busy_wait = 100;
}

fn looked_for_in_clear(setup: &mut Setup) {
    looked_for(setup);
    in_clear(setup);
}

fn looked_for_by_port(setup: &mut Setup) {
    looked_for(setup);
    by_port(setup);
}

fn small_listing(setup: &mut Setup) {
    setup.listing_limit = Some(20);
}

// ---- plays

impl Stage<'_> {
    fn session<D: Drive>(&self) -> Result<D, Error> {
        let mut client = D::connect(&self.setup, &self.log)?;
        client.login(self.server.user(), self.server.password())?;
        Ok(client)
    }

    fn stored(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.server.root().join(name)).ok()
    }
}

/// A result as a text; the session goes on after a refusal.
fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(done) => format!("{done:?}"),
        Err(error) => format!("{:?} {error:#}", error.category()),
    }
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

fn whole(transfer: &Transfer) -> String {
    format!("{} bytes, {:?}", transfer.bytes, transfer.proof)
}

fn login<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let client = stage.session::<D>()?;
    client.quit()?;
    Ok("in and out".to_owned())
}

fn ready<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = D::connect(&stage.setup, &stage.log)?;
    client.ready()?;
    client.ready()?;
    client.quit()?;
    Ok("ready".to_owned())
}

fn wrong_password<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = D::connect(&stage.setup, &stage.log)?;
    let first = told(client.login(stage.server.user(), "wrong"));
    let second = told(client.login(stage.server.user(), stage.server.password()));
    Ok(format!("{first}; then {second}"))
}

fn second_login<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let again = told(client.login(stage.server.user(), stage.server.password()));
    client.quit()?;
    Ok(again)
}

fn there_and_back<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let file = bytes(1 << 20);
    let how = TransferOptions::default();
    let put = client.put("p.bin", how, &file)?;
    let stored = stage.stored("p.bin").is_some_and(|stored| stored == file);
    let (get, back) = client.get("p.bin", how)?;
    client.quit()?;
    Ok(format!(
        "{}, stored {stored}; {}, back {}",
        whole(&put),
        whole(&get),
        back == file
    ))
}

fn empty<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions::default();
    let put = client.put("p.bin", how, b"")?;
    let (get, back) = client.get("p.bin", how)?;
    client.quit()?;
    Ok(format!("{}; {}, {back:?}", whole(&put), whole(&get)))
}

fn text<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions {
        ascii: true,
        ..TransferOptions::default()
    };
    let put = client.put("p.txt", how, &b"one\ntwo\nthree".repeat(20_000))?;
    let stored = stage.stored("p.txt").map_or(0, |stored| stored.len());
    let (get, back) = client.get("p.txt", how)?;
    client.quit()?;
    let lines = back.iter().filter(|byte| **byte == b'\n').count();
    Ok(format!(
        "{}, {stored} bytes stored; {}, {} bytes and {lines} lines back",
        whole(&put),
        whole(&get),
        back.len()
    ))
}

/// Small and large, and one the server refuses, whose payload has left by then.
fn eager<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let eager = TransferOptions {
        eager: true,
        ..TransferOptions::default()
    };
    let (small, large) = (bytes(4096), bytes(1 << 20));
    let mut said = Vec::new();
    for (name, file) in [
        ("p.bin", &small),
        ("empty.bin", &Vec::new()),
        ("nowhere/p.bin", &small),
        ("q.bin", &large),
        ("nowhere/q.bin", &large),
        ("r.bin", &small),
    ] {
        let put = told(client.put(name, eager, file).map(|put| whole(&put)));
        let stored = stage.stored(name).map(|stored| stored == *file);
        said.push(format!("{name}: {put}, stored {stored:?}"));
    }
    let (get, back) = client.get("r.bin", TransferOptions::default())?;
    client.quit()?;
    Ok(format!(
        "{}; {}, back {}",
        said.join("; "),
        whole(&get),
        back == small
    ))
}

fn append<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let first = client.append("p.bin", b"one")?;
    let second = client.append("p.bin", b"two")?;
    client.quit()?;
    Ok(format!(
        "{}; {}; {:?}",
        whole(&first),
        whole(&second),
        stage.stored("p.bin")
    ))
}

fn resume_get<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions {
        offset: 100_000,
        ..TransferOptions::default()
    };
    let (get, rest) = client.get("100k.bin", how)?;
    let (again, all) = client.get("100k.bin", TransferOptions::default())?;
    client.quit()?;
    Ok(format!(
        "{}; {}; {}",
        whole(&get),
        whole(&again),
        all.ends_with(&rest)
    ))
}

fn resume_at_end<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions {
        offset: 102_400,
        ..TransferOptions::default()
    };
    let get = told(
        client
            .get("100k.bin", how)
            .map(|(done, rest)| (whole(&done), rest)),
    );
    client.quit()?;
    Ok(get)
}

fn resume_put<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let mut how = TransferOptions::default();
    client.put("p.bin", how, b"one two")?;
    how.offset = 4;
    let put = client.put("p.bin", how, b"three")?;
    client.quit()?;
    Ok(format!("{}; {:?}", whole(&put), stage.stored("p.bin")))
}

fn unique<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let put = told(client.store_unique(b"somewhere").map(|done| {
        let named = done.name.is_some();
        format!("{}, a name: {named}", whole(&done))
    }));
    client.noop()?;
    client.quit()?;
    Ok(put)
}

fn rename<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    client.put("p.bin", TransferOptions::default(), b"x")?;
    let done = told(client.rename("p.bin", "p2.bin"));
    let there = stage.stored("p2.bin").is_some();
    let missing = told(client.rename("p.bin", "p3.bin"));
    client.quit()?;
    Ok(format!("{done}, there: {there}; {missing}"))
}

fn delete<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    client.put("p.bin", TransferOptions::default(), b"x")?;
    let done = told(client.delete("p.bin"));
    let again = told(client.delete("p.bin"));
    client.quit()?;
    Ok(format!("{done}; {again}"))
}

fn directories<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let steps = [
        told(client.working_directory()),
        told(client.make_directory("p")),
        told(client.make_directory("p")),
        told(client.change_directory("p")),
        told(client.working_directory()),
        told(client.change_to_parent()),
        told(client.remove_directory("p")),
        told(client.remove_directory("p")),
        told(client.change_directory("p")),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

fn listings<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let lines = |listing: Vec<u8>| listing.split(|byte| *byte == b'\n').count();
    let steps = [
        told(client.list("").map(lines)),
        told(client.names("").map(lines)),
        told(client.facts("").map(lines)),
        told(client.names("dir").map(lines)),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

fn list_missing<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let steps = [
        told(client.names("nowhere")),
        told(client.facts("nowhere")),
        told(client.noop()),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

fn entry<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let steps = [
        told(client.entry("readme.txt")),
        told(client.entry("nowhere")),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

fn times<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    client.put("p.bin", TransferOptions::default(), b"x")?;
    let steps = [
        told(client.size("100k.bin")),
        told(client.size("nowhere")),
        told(client.modified("readme.txt")),
        told(client.modified("nowhere")),
        told(client.set_modified("p.bin", "readme.txt")),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

/// Whoever offers digests offers the right ones; and the range of one is not the next one's.
fn digests<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let file = fs::read(stage.server.root().join("100k.bin")).unwrap();
    let mut steps = Vec::new();
    for range in [None, Some((10, 99)), None] {
        let how = HashOptions {
            range,
            algorithm: Some(HashAlgorithm::Sha256),
        };
        let hashed = client.hash("100k.bin", how);
        if let Ok(hashed) = &hashed {
            let part = range.map_or(&file[..], |(first, last)| {
                &file[first as usize..=last as usize]
            });
            assert_eq!(hashed.digest, digest(&SHA256, part).as_ref(), "{range:?}");
        }
        steps.push(told(hashed));
    }
    let part = TransferOptions {
        offset: 10,
        length: Some(90),
        ..TransferOptions::default()
    };
    let got = client.get("100k.bin", part);
    if let Ok((_, bytes)) = &got {
        assert_eq!(bytes, &file[10..100]);
    }
    steps.push(told(got.map(|(transfer, _)| whole(&transfer))));
    let (there, bytes) = client.get("100k.bin", TransferOptions::default())?;
    assert_eq!(bytes, file);
    client.quit()?;
    Ok(format!("{}; {}", steps.join("; "), whole(&there)))
}

fn about<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let steps = [
        told(client.features()),
        told(client.system()),
        told(client.noop()),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

fn get_missing<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions::default();
    let missing = told(client.get("nowhere", how));
    let (there, _) = client.get("readme.txt", how)?;
    client.quit()?;
    Ok(format!("{missing}; {}", whole(&there)))
}

fn get_forbidden<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions::default();
    let forbidden = told(client.get("unreadable.txt", how));
    client.noop()?;
    client.quit()?;
    Ok(forbidden)
}

fn put_missing<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let how = TransferOptions::default();
    let missing = told(client.put("nowhere/p.bin", how, &bytes(100_000)));
    let there = client.put("p.bin", how, b"x")?;
    client.quit()?;
    Ok(format!("{missing}; {}", whole(&there)))
}

fn read<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let (done, all) = client.read("100k.bin")?;
    let missing = told(client.read("nowhere"));
    client.quit()?;
    Ok(format!("{}, {} bytes; {missing}", whole(&done), all.len()))
}

fn peek<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    fs::write(stage.server.root().join("p.bin"), bytes(64 << 20)).map_err(Error::Local)?;
    let mut client = stage.session::<D>()?;
    let first = client.peek("p.bin")?;
    let noop = told(client.noop());
    let (there, _) = client.get("readme.txt", TransferOptions::default())?;
    client.quit()?;
    Ok(format!("{first:?}; {noop}; {}", whole(&there)))
}

fn write<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let file = bytes(700_000);
    let done = client.write("p.bin", &file)?;
    let missing = told(client.write("nowhere/p.bin", &file));
    client.quit()?;
    let stored = stage.stored("p.bin").is_some_and(|stored| stored == file);
    Ok(format!("{}, stored {stored}; {missing}", whole(&done)))
}

fn write_half<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    client.write_half("p.bin", &bytes(700_000))?;
    let noop = told(client.noop());
    let there = client.put("p2.bin", TransferOptions::default(), b"x")?;
    client.quit()?;
    Ok(format!("{noop}; {}", whole(&there)))
}

fn two<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let [a, b] = client.get_two(["100k.bin", "readme.txt"])?;
    client.put_two([("p.bin", &a), ("p2.bin", &b)])?;
    client.quit()?;
    let stored = ["p.bin", "p2.bin"].map(|name| stage.stored(name));
    let same = stored == [Some(a.clone()), Some(b.clone())];
    Ok(format!("{} and {} bytes, stored {same}", a.len(), b.len()))
}

fn riding<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = D::connect(&stage.setup, &stage.log)?;
    client.begin_login(stage.server.user(), stage.server.password())?;
    let (done, _) = client.get("readme.txt", TransferOptions::default())?;
    client.quit()?;
    Ok(whole(&done))
}

fn riding_wrong<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = D::connect(&stage.setup, &stage.log)?;
    client.begin_login(stage.server.user(), "wrong")?;
    let refused = told(client.get("readme.txt", TransferOptions::default()));
    Ok(refused)
}

fn disk_full<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let full = told(client.get_to("100k.bin", &mut Full(1000)));
    let noop = told(client.noop());
    let (there, _) = client.get("readme.txt", TransferOptions::default())?;
    client.quit()?;
    Ok(format!("{full}; {noop}; {}", whole(&there)))
}

fn source_breaks<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let broken = told(client.put_from("p.bin", &mut Full(300_000)));
    let noop = told(client.noop());
    let there = client.put("p2.bin", TransferOptions::default(), b"x")?;
    client.quit()?;
    Ok(format!("{broken}; {noop}; {}", whole(&there)))
}

fn cancelled<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = D::cancelled(&stage.setup, &stage.log)?;
    let first = told(client.login(stage.server.user(), stage.server.password()));
    let again = told(client.login(stage.server.user(), stage.server.password()));
    let noop = told(
        client
            .get("readme.txt", TransferOptions::default())
            .map(|_| ()),
    );
    Ok(format!("{first}; {again}; {noop}"))
}

fn ccc<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let cleared = told(client.clear_command_channel());
    let noop = told(client.noop());
    Ok(format!("{cleared}; {noop}"))
}

fn commands<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let steps = [
        told(client.command("NOOP")),
        told(client.command("XYZZY")),
        told(client.command("RETR readme.txt")),
        told(client.command("NOOP\r\nDELE readme.txt")),
    ];
    client.quit()?;
    Ok(steps.join("; "))
}

fn many<D: Drive>(stage: &Stage<'_>) -> Result<String, Error> {
    let mut client = stage.session::<D>()?;
    let mut done = Vec::new();
    for count in 0..20 {
        let name = format!("p{count}.bin");
        let put = client.put(&name, TransferOptions::default(), &bytes(count * 100))?;
        let (get, _) = client.get(&name, TransferOptions::default())?;
        done.push(format!("{}/{}", put.bytes, get.bytes));
    }
    client.quit()?;
    Ok(done.join(" "))
}
