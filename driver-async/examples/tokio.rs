//! The client on tokio, smol's reactor not needed: two sessions at once, each an upload, a listing, a download and a rename.
//!
//! ```text
//! tokio HOST:PORT USER PASSWORD CA.pem
//! ```

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ftp_proto_async::{AsyncRead, AsyncWrite, Client, Runtime, Secret, SockRef, Stream, Waiting};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Dialling, listening and sleeping, as tokio does it.
#[derive(Clone, Copy, Debug)]
struct Tokio;

/// A connection of tokio with the traits of `futures-io`; `tokio-util` has the same for files and whatever else tokio reads and writes.
#[derive(Debug)]
struct Socket(TcpStream);

impl Runtime for Tokio {
    type Stream = Socket;
    type Listener = TcpListener;

    fn resolve(&self, host: &str, port: u16) -> Waiting<io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn connect(&self, address: SocketAddr) -> Waiting<io::Result<Socket>> {
        Box::pin(async move { TcpStream::connect(address).await.map(Socket) })
    }

    fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    }

    fn local(&self, listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    fn poll_accept(
        &self,
        listener: &mut TcpListener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let accepted = ready!(listener.poll_accept(cx));
        Poll::Ready(accepted.map(|(stream, peer)| (Socket(stream), peer)))
    }

    fn sleep(&self, duration: Duration) -> Waiting<()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Stream for Socket {
    fn local(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    fn socket(&self) -> Option<SockRef<'_>> {
        Some(SockRef::from(&self.0))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut into = ReadBuf::new(into);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut into))?;
        Poll::Ready(Ok(into.filled().len()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Where to go, and as whom.
struct Account {
    host: String,
    port: u16,
    user: String,
    password: String,
    ca: Vec<u8>,
}

async fn session(account: Arc<Account>, name: &'static str) -> Result<(), ftp_proto_async::Error> {
    let mut client = Client::builder()
        .ca_pem(account.ca.as_slice())
        .connect_on(Tokio, &account.host, account.port)
        .await?;
    let password = Secret::new(account.password.as_bytes());
    client.login(&account.user, password).await?;

    let file: Vec<u8> = (0..750_000_u32).flat_map(u32::to_le_bytes).collect();
    client.store(name, &mut file.as_slice()).await?;
    let names = client.names("").await?;
    let mut names = names.split(|byte| *byte == b'\n');
    let listed = names.any(|line| line.trim_ascii() == name.as_bytes());
    let mut back = Vec::new();
    let transfer = client.retrieve(name, &mut back).await?;
    let kept = format!("{name}.kept");
    client.rename(name, &kept).await?;
    client.quit().await?;
    println!(
        "{name}: {} bytes, equal: {}, listed: {listed}, whole by {:?}",
        transfer.bytes,
        back == file,
        transfer.proof
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, user, password, ca] = &args[..] else {
        return Err("HOST:PORT USER PASSWORD CA.pem".into());
    };
    let (host, port) = server.rsplit_once(':').ok_or("HOST:PORT")?;
    let account = Arc::new(Account {
        host: host.to_owned(),
        port: port.parse()?,
        user: user.clone(),
        password: password.clone(),
        ca: std::fs::read(ca)?,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let sessions = ["one", "two"].map(|name| tokio::spawn(session(Arc::clone(&account), name)));
        for session in sessions {
            session.await??;
        }
        Ok::<(), Box<dyn Error>>(())
    })?;
    #[cfg(target_os = "linux")]
    for thread in std::fs::read_dir("/proc/self/task")? {
        // Smol's reactor would be one of them.
        let name = std::fs::read_to_string(thread?.path().join("comm"))?;
        println!("thread: {}", name.trim());
    }
    Ok(())
}
