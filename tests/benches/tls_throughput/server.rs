//! rustls on blocking sockets, with as much FTP as a download and an upload take.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use ftp_proto::tls::Version;
use ftp_proto::tls::rustls::crypto::ring;
use ftp_proto::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ftp_proto::tls::rustls::version::{TLS12, TLS13};
use ftp_proto::tls::rustls::{
    ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};
use ftp_proto_tests::certs::Credential;

/// The size of the buffers on either side, in bytes.
pub(crate) const BUFFER: usize = 256 * 1024;

pub(crate) fn versions(version: Version) -> &'static [&'static SupportedProtocolVersion] {
    static ALL: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
    match version {
        Version::Tls12 => &ALL[..1],
        Version::Tls13 => &ALL[1..],
    }
}

type Secure = StreamOwned<ServerConnection, TcpStream>;

pub(crate) struct Server {
    /// Of the FTP server.
    pub(crate) port: u16,
    /// Sends the bytes to whoever connects.
    pub(crate) download: SocketAddr,
    /// Takes the bytes of whoever connects.
    pub(crate) upload: SocketAddr,
}

impl Server {
    pub(crate) fn start(credential: &Credential, version: Version, size: u64) -> Server {
        let chain = vec![CertificateDer::from(credential.certificate_der.clone())];
        let key = PrivateKeyDer::try_from(credential.key_der.clone()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions(version))
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"ftp".to_vec()];
        let config = Arc::new(config);
        let serve = |serve: fn(Secure, u64)| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let config = Arc::clone(&config);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    serve(accept(&config, stream.unwrap()), size);
                }
            });
            address
        };
        let (download, upload) = (serve(send), serve(receive));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, config) = (socket.unwrap(), Arc::clone(&config));
                thread::spawn(move || dialogue(socket, &config, size));
            }
        });
        Server {
            port,
            download,
            upload,
        }
    }
}

/// All bytes, and the end.
fn send(mut stream: Secure, size: u64) {
    let buffer = vec![7; BUFFER];
    let mut left = size;
    while left > 0 {
        let piece = buffer.len().min(usize::try_from(left).unwrap());
        stream.write_all(&buffer[..piece]).unwrap();
        left -= piece as u64;
    }
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    stream.sock.shutdown(Shutdown::Write).unwrap();
    let _ = stream.read(&mut [0]);
}

/// All bytes, then our end.
fn receive(mut stream: Secure, size: u64) {
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            count => bytes += count as u64,
        }
    }
    assert_eq!(bytes, size);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn accept(config: &Arc<ServerConfig>, socket: TcpStream) -> Secure {
    socket.set_nodelay(true).unwrap();
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    StreamOwned::new(connection, socket)
}

/// One session.
fn dialogue(mut socket: TcpStream, config: &Arc<ServerConfig>, size: u64) {
    socket.write_all(b"220 ready\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(socket.try_clone().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "AUTH TLS\r\n");
    socket.write_all(b"234 go\r\n").unwrap();
    let mut control = BufReader::new(accept(config, socket));
    let mut listener = None;
    loop {
        line.clear();
        if control.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let reply = match line.split_whitespace().next().unwrap_or_default() {
            "USER" => "331 password".to_owned(),
            "PASS" => "230 in".to_owned(),
            "SIZE" => format!("213 {size}"),
            "EPSV" => {
                let fresh = TcpListener::bind("127.0.0.1:0").unwrap();
                let port = fresh.local_addr().unwrap().port();
                listener = Some(fresh);
                format!("229 (|||{port}|)")
            }
            verb @ ("RETR" | "STOR") => {
                let listener = listener.take().unwrap();
                control.get_mut().write_all(b"150 go\r\n").unwrap();
                let data = accept(config, listener.accept().unwrap().0);
                match verb {
                    "RETR" => send(data, size),
                    _ => receive(data, size),
                }
                "226 done".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "200 fine".to_owned(),
        };
        control
            .get_mut()
            .write_all(format!("{reply}\r\n").as_bytes())
            .unwrap();
    }
}
