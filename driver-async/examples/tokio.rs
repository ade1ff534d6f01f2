//! The client on tokio, smol's reactor not needed: two sessions at once, each an upload, a listing, a download and a rename.
//!
//! ```text
//! cargo run -p ftp-proto-async --features tokio --example tokio -- HOST:PORT USER PASSWORD CA.pem
//! ```

use std::error::Error;
use std::sync::Arc;

use ftp_proto_async::{Client, Secret, Tokio};

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
