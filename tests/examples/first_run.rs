//! The main job on a real server, with every line of the dialogue.
//!
//! ```text
//! cargo run --release -p ftp-proto-tests --example first_run
//! ```
//!
//! Starts a server of the distribution on loopback (vsftpd, which demands TLS on both connections and resumption of the session; installed
//! by `tests/peers/install.sh` if it is not there), uploads a file by explicit TLS, lists, downloads it again and compares.

use std::error::Error;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    use std::process::Command;

    use ftp_proto::{Event, Note};
    use ftp_proto_blocking::{Client, Secret};
    use ftp_proto_tests::peers::{self, Kind, Options, Tls};

    let install = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/install.sh");
    if !Command::new("bash").arg(install).status()?.success() {
        return Err(
            "tests/peers/install.sh could not install the servers (Debian, as root)".into(),
        );
    }
    let options = Options {
        tls: Tls::Explicit,
        require_reuse: true,
        require_tls_control: true,
        require_tls_data: true,
        ..Options::default()
    };
    let server = peers::start(Kind::Vsftpd, &options)?;
    println!("\n== {} at {}", server.kind(), server.addr());

    let mut client = Client::builder()
        .ca_file(server.ca_path())?
        .on_event(|event| match event {
            Event::Sent { line, .. } => println!("---> {}", line.escape_ascii()),
            Event::Received { reply, .. } => println!("<--- {}", reply.display()),
            Event::Note(Note::ControlSecured(facts)) => {
                println!("     control connection: {facts:?}");
            }
            Event::Note(Note::DataSecured(_, facts)) => println!("     data connection: {facts:?}"),
            Event::Note(note) => println!("     {note:?}"),
            _ => {}
        })
        .connect("localhost", server.addr().port())?;
    client.login(server.user(), Secret::new(server.password().as_bytes()))?;

    let file: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    println!("\n== upload of {} bytes", file.len());
    let up = client.store("numbers.bin", &mut file.as_slice())?;
    println!("\n== listing");
    let listing = client.list("")?;
    println!("{}", String::from_utf8_lossy(&listing));
    println!("== download");
    let mut back = Vec::new();
    let down = client.retrieve("numbers.bin", &mut back)?;
    println!("\n== and away");
    client.delete("numbers.bin")?;
    client.quit()?;

    if back != file {
        return Err("the file came back changed".into());
    }
    println!(
        "\nup: {} bytes, {:?}; down: {} bytes, {:?}; equal",
        up.bytes, up.proof, down.bytes, down.proof
    );
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), Box<dyn Error>> {
    Err("the servers run on Linux only; try the example `ftp` against a server of yours".into())
}
