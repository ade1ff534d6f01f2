//! A data connection cut behind each of its TLS records.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ftp_proto::client::{DataMode, DataModes, MissingCloseNotify, SizeCheck};
use ftp_proto::tls::Version;
use ftp_proto::{Direction, FailureKind, Proof};
use ftp_proto_blocking::Error;
use ftp_proto_tests::peers::{Kind, Server};
use socket2::{Domain, SockRef, Socket, Type};

use crate::session::{Session, bytes, strict};
use crate::soak::shown;

/// Enough for a handful of records.
const SIZE: usize = 70_000;

/// Where the server sees the client.
const FAR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Fin,
    Reset,
}

#[test]
fn a_download_cut_behind_any_record_is_never_whole() {
    everywhere(Direction::Receive, MissingCloseNotify::IfSizeAgrees);
}

#[test]
fn an_upload_cut_behind_any_record_is_never_whole() {
    everywhere(Direction::Send, MissingCloseNotify::Refuse);
}

/// Servers that take an end for the end of the file confirm a file cut short. By default its size decides: whole, and flagged as
/// [`Proof::SizeOnly`], is what arrived but for the close_notify; all else has failed.
#[test]
fn an_upload_cut_behind_any_record_is_whole_only_if_the_file_is() {
    everywhere(Direction::Send, MissingCloseNotify::IfSizeAgrees);
}

fn everywhere(direction: Direction, missing: MissingCloseNotify) {
    // What a size can prove; here the client asks for none before a download.
    let by_size_at_all =
        direction == Direction::Send && missing == MissingCloseNotify::IfSizeAgrees;
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd] {
        for version in [Version::Tls13, Version::Tls12] {
            let server = strict(kind, version);
            std::fs::write(server.root().join("file"), bytes(1, SIZE)).unwrap();
            let (records, proof) = attempt(&server, direction, missing, None);
            assert_eq!(proof, Ok(Proof::CleanEnd), "{kind}");
            assert!(records > 6, "{records} records");
            let (mut cuts, mut by_size) = (0, 0);
            for cut in [Cut::Fin, Cut::Reset] {
                for behind in 0..records {
                    let (_, proof) = attempt(&server, direction, missing, Some((cut, behind)));
                    let place = format!(
                        "{kind} {direction:?} {version:?}, cut by {cut:?} behind {behind} of {records} records"
                    );
                    cuts += 1;
                    match proof {
                        Err(_) => {}
                        Ok(Proof::SizeOnly) if by_size_at_all => {
                            by_size += 1;
                            let there = std::fs::read(server.root().join("up")).unwrap();
                            assert!(there == bytes(1, SIZE), "{place}: called whole");
                            assert_eq!(behind, records - 1, "{place}: more than close_notify");
                        }
                        Ok(proof) => panic!("{place}: called whole by {proof:?}"),
                    }
                }
            }
            println!(
                "{kind} TLS {}: {direction:?} cut at {cuts} places: {} failed, {by_size} flagged as whole by size (only close_notify was cut, file compared), 0 called whole by a clean end",
                shown(version),
                cuts - by_size
            );
        }
    }
}

/// One transfer by a relay; gives the number of records the sender of the payload sent, and what the client says.
fn attempt(
    server: &Server,
    direction: Direction,
    missing: MissingCloseNotify,
    cut: Option<(Cut, usize)>,
) -> (usize, Result<Proof, FailureKind>) {
    let relay = Relay::start(server.addr(), direction, cut);
    let mut session = Session::through(server, relay.port, |builder| {
        builder
            .timeout(Duration::from_secs(10))
            .active_ports(relay.data_port..=relay.data_port)
            .active_address(FAR.into())
            .configure(|config| {
                config.data_modes = DataModes::new(&[DataMode::Port]).unwrap();
                // Sizes would tell of a cut; here TLS has to.
                config.size_check = SizeCheck::Never;
                config.missing_close_notify = missing;
            })
    });
    let content = bytes(1, SIZE);
    let client = &mut session.client;
    let result = match direction {
        Direction::Receive => {
            let mut back = Vec::new();
            let result = client.retrieve("file", &mut back);
            assert!(result.is_err() || back == content);
            result
        }
        Direction::Send => client.store("up", &mut content.as_slice()),
    };
    let proof = match result {
        Ok(done) => Ok(done.proof),
        Err(Error::Failed(failed)) => Err(failed.failure.kind),
        Err(other) => panic!("{other}"),
    };
    (relay.records.load(Ordering::SeqCst), proof)
}

/// Between client and server, for the control connection and one active data connection: the client is at 127.0.0.1, and the server takes
/// the relay's 127.0.0.2 for it. The control connection is handed on as it is, the data connection record by record.
struct Relay {
    port: u16,
    data_port: u16,
    records: Arc<AtomicUsize>,
}

impl Relay {
    fn start(server: SocketAddr, direction: Direction, cut: Option<(Cut, usize)>) -> Relay {
        let control = TcpListener::bind("127.0.0.1:0").unwrap();
        let data = free_at_both();
        let port = control.local_addr().unwrap().port();
        let data_port = data.local_addr().unwrap().port();
        let records = Arc::new(AtomicUsize::new(0));
        thread::spawn(move || -> io::Result<()> {
            let (client, _) = control.accept()?;
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::from((FAR, 0)).into())?;
            socket.connect(&server.into())?;
            let server = TcpStream::from(socket);
            copy(client.try_clone()?, server.try_clone()?);
            copy(server, client);
            Ok(())
        });
        let counted = Arc::clone(&records);
        thread::spawn(move || -> io::Result<()> {
            let (server, _) = data.accept()?;
            let client = TcpStream::connect(("127.0.0.1", data_port))?;
            let (from, to) = match direction {
                Direction::Receive => (server, client),
                Direction::Send => (client, server),
            };
            copy(to.try_clone()?, from.try_clone()?);
            hand_on(from, to, cut, &counted)
        });
        Relay {
            port,
            data_port,
            records,
        }
    }
}

/// A listener at a port that the client, on the other address, has still to listen at.
fn free_at_both() -> TcpListener {
    loop {
        let far = TcpListener::bind((FAR, 0)).unwrap();
        let port = far.local_addr().unwrap().port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return far;
        }
    }
}

/// Everything, in a thread of its own.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Whole TLS records (RFC 8446 section 5.1), until it is time to cut.
fn hand_on(
    mut from: TcpStream,
    mut to: TcpStream,
    cut: Option<(Cut, usize)>,
    records: &AtomicUsize,
) -> io::Result<()> {
    let mut record = Vec::new();
    loop {
        if let Some((cut, behind)) = cut
            && records.load(Ordering::SeqCst) == behind
        {
            if cut == Cut::Reset {
                for side in [&from, &to] {
                    SockRef::from(side).set_linger(Some(Duration::ZERO))?;
                }
                // Descriptors held by the threads that copy back would keep the connections open.
                for side in [&from, &to] {
                    let _ = side.shutdown(Shutdown::Read);
                }
            } else {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
            }
            return Ok(());
        }
        record.resize(5, 0);
        if from.read_exact(&mut record).is_err() {
            return to.shutdown(Shutdown::Write);
        }
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        from.read_exact(&mut record[5..])?;
        to.write_all(&record)?;
        records.fetch_add(1, Ordering::SeqCst);
    }
}
