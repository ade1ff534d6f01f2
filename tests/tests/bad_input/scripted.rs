//! A small server of which a script bends one thing or another.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use ftp_proto_blocking::ftp_proto::tls::rustls;
use ftp_proto_tests::certs::{Authority, Certificate};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server sends for any file.
pub(crate) const FILE: [u8; 3000] = [b'x'; 3000];

/// Starts a server on loopback that lives as long as the tests. The script is called with each command line, before any with the empty
/// one: the greeting is due. It answers true if that was dealt with, false to leave it to [`Talk::usual`].
pub(crate) fn peer(
    script: impl Fn(&mut Talk, &str) -> io::Result<bool> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = Arc::new(script);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = Arc::clone(&script);
            thread::spawn(move || {
                // A client that is gone ends the talk.
                let _ = Talk::new(stream).and_then(|mut talk| talk.go_on(&*script));
            });
        }
    });
    address
}

/// The URL of a file there.
pub(crate) fn url(address: SocketAddr, path: &str) -> String {
    format!("ftp://joe@{address}/{path}")
}

/// One control connection.
pub(crate) struct Talk {
    socket: TcpStream,
    stream: Box<dyn Stream>,
    /// `PROT P` was said.
    private: bool,
    listener: Option<TcpListener>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Talk {
    fn new(socket: TcpStream) -> io::Result<Self> {
        // Nobody waits longer for anything here.
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: Box::new(socket.try_clone()?),
            socket,
            private: false,
            listener: None,
        })
    }

    fn go_on(&mut self, script: &dyn Fn(&mut Talk, &str) -> io::Result<bool>) -> io::Result<()> {
        let mut line = String::new();
        loop {
            if !script(self, &line)? {
                self.usual(&line)?;
            }
            line = self.line()?;
        }
    }

    /// What any server does.
    pub(crate) fn usual(&mut self, line: &str) -> io::Result<()> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "" => self.say("220 ready"),
            "AUTH" => {
                self.say("234 go on")?;
                self.secure()
            }
            "USER" => self.say("331 password"),
            "PASS" => self.say("230 welcome"),
            "FEAT" => self.say("211-Features:\r\n SIZE\r\n EPSV\r\n211 end"),
            "PBSZ" | "TYPE" | "OPTS" | "NOOP" => self.say("200 fine"),
            "PROT" => {
                self.private = argument == "P";
                self.say("200 fine")
            }
            "SIZE" => self.say(&format!("213 {}", FILE.len())),
            "EPSV" | "PASV" => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let port = listener.local_addr()?.port();
                self.listener = Some(listener);
                self.passive(verb, port)
            }
            "RETR" if self.listener.is_none() => self.say("425 no data connection"),
            "RETR" => {
                self.say("150 here it comes")?;
                let mut data = self.data()?;
                data.write_all(&FILE)?;
                data.end()?;
                self.say("226 done")
            }
            "QUIT" => {
                self.say("221 bye")?;
                self.cut()
            }
            _ => self.say("502 what?"),
        }
    }

    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(format!("{text}\r\n").as_bytes())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The reply to EPSV or PASV that names this port.
    pub(crate) fn passive(&mut self, verb: &str, port: u16) -> io::Result<()> {
        if verb == "EPSV" {
            return self.say(&format!("229 here (|||{port}|)"));
        }
        let [high, low] = port.to_be_bytes();
        self.say(&format!("227 here (127,0,0,1,{high},{low})"))
    }

    /// The next command line.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.stream.read_exact(&mut byte)?;
            match byte {
                [b'\n'] => break,
                [b'\r'] => {}
                [byte] => line.push(byte),
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Waits for the first bytes of something that is no command line.
    pub(crate) fn something(&mut self) -> io::Result<()> {
        self.stream.read_exact(&mut [0; 5])
    }

    /// Says nothing until the client is gone.
    pub(crate) fn wait_for_the_end(&mut self) -> io::Result<bool> {
        io::copy(&mut self.stream, &mut io::sink())?;
        self.cut()?;
        Ok(true)
    }

    /// Begins TLS.
    pub(crate) fn secure(&mut self) -> io::Result<()> {
        self.stream = Box::new(under_tls(self.socket.try_clone()?)?);
        Ok(())
    }

    /// The data connection the client makes.
    pub(crate) fn data(&mut self) -> io::Result<Data> {
        let socket = self.clear_data()?;
        Ok(match self.private {
            true => Data::Private(Box::new(under_tls(socket)?)),
            false => Data::Clear(socket),
        })
    }

    /// The same, in clear text whatever was agreed.
    pub(crate) fn clear_data(&mut self) -> io::Result<TcpStream> {
        let listener = self.listener.take().ok_or(io::ErrorKind::NotConnected)?;
        Ok(listener.accept()?.0)
    }

    /// Ends the connection, and the talk with it.
    pub(crate) fn cut(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Both)?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// A data connection. Dropped, it ends without close_notify.
pub(crate) enum Data {
    Clear(TcpStream),
    Private(Box<Tls>),
}

impl Data {
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Data::Clear(socket) => socket.write_all(bytes),
            Data::Private(stream) => stream.write_all(bytes),
        }
    }

    /// Ends it as it should.
    pub(crate) fn end(self) -> io::Result<()> {
        if let Data::Private(mut stream) = self {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        Ok(())
    }
}

fn under_tls(socket: TcpStream) -> io::Result<Tls> {
    static CONFIG: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let credential = Authority::shared()
            .and_then(|authority| authority.server(Certificate::Valid))
            .unwrap();
        let chain = vec![CertificateDer::from(credential.certificate_der)];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(credential.key_der));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Arc::new(config)
    });
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}
