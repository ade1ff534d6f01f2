//! A tour: the server in memory on loopback, the client on the other side, and every line they say to each other.
//!
//! ```text
//! cargo run --release --example tour
//! ```
//!
//! Nothing has to be installed and nothing stays behind: the certificate lasts as long as the tour, and the files are in memory.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ftp_proto_async::ftp_proto::tls::ServerTls;
use ftp_proto_async::ftp_proto::{Event, Note};
use ftp_proto_async::server::{Account, MemoryStorage, Server, Users};
use ftp_proto_async::{Client, Secret, TransferOptions};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use ring::digest::{SHA256, digest};

/// Size of the file that goes there and back, in bytes.
const SIZE: usize = 12_000_000;

/// How much of it the first download gets.
const HALF: usize = SIZE / 2;

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let storage = MemoryStorage::new();
        let account = Account::new(Arc::new(storage.clone())).writable();
        let users = Users::new().user("alice", "a secret", account);
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()])?;
        let tls = ServerTls::builder()
            .certificate_pem(
                cert.pem().as_bytes(),
                signing_key.serialize_pem().as_bytes(),
            )
            .build()?;
        let server = Server::builder(users)
            .tls(tls)
            .configure(|config| config.security = config.security.require_reuse())
            .listen("127.0.0.1:0")
            .build()?;
        let port = server.addresses().first().ok_or("no address")?.port();
        let handle = server.handle();
        let running = smol::spawn(server.run());
        step(&format!(
            "A server on 127.0.0.1:{port}. It demands TLS on both connections, and that data connections resume the session of the control connection."
        ));
        visit(port, cert.pem(), &storage).await?;
        handle.shutdown(Duration::from_secs(1));
        running.await?;
        step("The server is down. All as it should be.");
        Ok(())
    })
}

async fn visit(
    port: u16,
    certificate: String,
    storage: &MemoryStorage,
) -> Result<(), Box<dyn Error>> {
    step(
        "Connect, TLS by AUTH, login. What does not depend on an answer leaves at once, with what comes before.",
    );
    let mut client = Client::builder()
        .ca_pem(certificate)
        .on_event(tell)
        .connect("localhost", port)
        .await?;
    client.login("alice", Secret::new(b"a secret")).await?;

    let file: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(SIZE).collect();
    step(
        "Upload of 12 MB. It appears on the server when it is whole; success is told when the server has confirmed it.",
    );
    client.make_directory("numbers").await?;
    client.store("numbers/all", &mut file.as_slice()).await?;
    let stored = storage
        .contents("numbers/all")
        .ok_or("the file is not there")?;
    check(*stored == file, "what the server has is what was sent")?;

    step(
        "The server computes a digest (HASH): the file is whole there, without being fetched back.",
    );
    let hashed = client.hash("numbers/all").await?;
    check(
        hashed.digest == digest(&SHA256, &file).as_ref(),
        "the digest is that of what was sent",
    )?;

    step("A listing that programs can read (MLSD).");
    let facts = client.facts("numbers").await?;
    for entry in facts.entries() {
        println!("     {}", entry?.name().escape_ascii());
    }

    step("Download of the second half only, as after a first try that was cut in the middle.");
    let mut back = file.get(..HALF).unwrap_or_default().to_vec();
    let options = TransferOptions {
        offset: HALF as u64,
        ..TransferOptions::default()
    };
    let down = client
        .retrieve_with("numbers/all", options, &mut back)
        .await?;
    check(back == file, "both halves make the file")?;
    println!(
        "     {} bytes, proved whole by {:?}",
        down.bytes, down.proof
    );

    step("Clean up and leave.");
    client.rename("numbers/all", "numbers/old").await?;
    client.delete("numbers/old").await?;
    client.remove_directory("numbers").await?;
    client.quit().await?;
    Ok(())
}

fn step(text: &str) {
    println!("\n== {text}");
}

fn check(right: bool, what: &str) -> Result<(), String> {
    if right {
        println!("     checked: {what}");
        Ok(())
    } else {
        Err(format!("not so: {what}"))
    }
}

/// The dialogue, as the client sees it; secrets are masked.
fn tell(event: &Event<'_>) {
    match event {
        Event::Sent { line, .. } => println!("---> {}", line.escape_ascii()),
        Event::Received { reply, .. } => println!("<--- {}", reply.display()),
        Event::Note(Note::ControlSecured(facts)) => {
            println!("     the control connection is under {:?}", facts.version);
        }
        Event::Note(Note::DataSecured(_, facts)) => println!(
            "     the data connection is under {:?}, session resumed: {}",
            facts.version, facts.resumed
        ),
        _ => {}
    }
}
