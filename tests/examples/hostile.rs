//! Plays scripted peers (`tests/scripts`) for any client and against any server.
//!
//! ```text
//! hostile serve SCRIPT [--port N]            plays a hostile server until it is interrupted, and tells what it hears
//! hostile serve SCRIPT... -- COMMAND...      runs a client against each, and tells whether it did what it should
//! hostile attack SCRIPT... --server HOST:PORT [--user NAME] [--password WORD]
//! ```
//!
//! SCRIPT is a file or a directory. `--policy WORDS` leaves only scripts made for this client or server (`"clear"`, `"clear pasv"`, `"tls"`).
//!
//! In COMMAND `{port}` is the port on 127.0.0.1, `{ca}` the authority's certificate as a PEM file, `{user}` and `{password}` the account. It
//! has to fetch the file `f` and write it to its standard output, and is judged by its exit status, that output, and what it sent.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ftp_proto_tests::certs::Authority;
use ftp_proto_tests::hostile::client::play;
use ftp_proto_tests::hostile::script::{Ask, Expect, Part, Request, ServerPart};
use ftp_proto_tests::hostile::server::{Line, judge};
use ftp_proto_tests::hostile::wire::{Session, WireClient, WireServer};
use ftp_proto_tests::hostile::{Script, load, load_all};
use ftp_proto_tests::rig::{CANARY, USER};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// A client that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(20);

const USAGE: &str = "hostile serve SCRIPT [--port N]
hostile serve SCRIPT... [--policy WORDS] -- COMMAND...
hostile attack SCRIPT... --server HOST:PORT [--user NAME] [--password WORD] [--policy WORDS]
tests/scripts/README.md tells what scripts are.";

#[derive(Default)]
struct Arguments {
    scripts: Vec<PathBuf>,
    port: u16,
    policy: Option<String>,
    server: Option<String>,
    user: Option<String>,
    password: Option<String>,
    command: Vec<String>,
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let done = match words.next().as_deref() {
        Some("serve") => arguments(words).and_then(|arguments| serve(&arguments)),
        Some("attack") => arguments(words).and_then(|arguments| attack(&arguments)),
        _ => {
            println!("{USAGE}");
            Ok(true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Fallible<Arguments> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--port" => arguments.port = value()?.parse()?,
            "--policy" => arguments.policy = Some(value()?),
            "--server" => arguments.server = Some(value()?),
            "--user" => arguments.user = Some(value()?),
            "--password" => arguments.password = Some(value()?),
            "--" => {
                arguments.command = words.by_ref().collect();
            }
            option if option.starts_with("--") => return Err(format!("no option {option}").into()),
            script => arguments.scripts.push(script.into()),
        }
    }
    Ok(arguments)
}

impl Arguments {
    /// The scripts that are named and fit.
    fn scripts(&self) -> Fallible<Vec<Script>> {
        let mut scripts = Vec::new();
        for path in &self.scripts {
            match path.is_dir() {
                true => scripts.extend(load_all(path)?),
                false => scripts.push(load(path)?),
            }
        }
        scripts.retain(|script| {
            let words = match &script.part {
                Part::Server(part) => part.client.words(),
                Part::Client(part) => part.server.words(),
            };
            self.policy
                .as_ref()
                .is_none_or(|policy| words.join(" ") == *policy)
        });
        match scripts.is_empty() {
            true => Err("no script".into()),
            false => Ok(scripts),
        }
    }
}

// ---- hostile servers

fn serve(arguments: &Arguments) -> Fallible<bool> {
    let at = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let authority = std::env::temp_dir().join(format!("hostile-{}.pem", std::process::id()));
    std::fs::write(&authority, Authority::shared()?.pem())?;
    let scripts = arguments.scripts()?;
    if arguments.command.is_empty() {
        let [script] = &scripts[..] else {
            return Err("one script, or a command to run against each".into());
        };
        return by_hand(script, at, &authority);
    }
    let (mut good, mut bad, mut left) = (0, 0, 0);
    for script in &scripts {
        let Part::Server(part) = &script.part else {
            continue;
        };
        let Some(ask) = fetches(part) else {
            left += 1;
            continue;
        };
        let server = WireServer::start(script, at)?;
        let port = server.address().port();
        let command = arguments
            .command
            .iter()
            .map(|word| filled(word, port, &authority));
        let output = run(&command.collect::<Vec<_>>())?;
        let heard = heard(&server.finish());
        match verdict(part, ask, output, &heard) {
            Ok(()) => {
                good += 1;
                println!("{:5} ok      {}", script.id, script.title);
            }
            Err(why) => {
                bad += 1;
                println!("{:5} FAILED  {}: {why}", script.id, script.title);
            }
        }
    }
    let _ = std::fs::remove_file(&authority);
    println!(
        "{good} as they should be, {bad} not; {left} scripts ask for something else than a file"
    );
    Ok(bad == 0)
}

fn by_hand(script: &Script, at: SocketAddr, authority: &Path) -> Fallible<bool> {
    let server = WireServer::start(script, at)?;
    println!("{}: {}", script.id, script.title);
    println!("address   {}", server.address());
    println!("user      {USER}\npassword  {CANARY}");
    println!("authority {}", authority.display());
    let mut told = 0;
    loop {
        let sessions = server.sessions();
        for session in sessions.iter().skip(told) {
            for line in &session.heard {
                println!(
                    "  {} {}",
                    if line.clear { "clear" } else { "TLS  " },
                    line.text
                );
            }
            println!(
                "  the session is over: {}",
                session.broken.as_deref().unwrap_or("in order")
            );
        }
        told = sessions.len();
        thread::sleep(Duration::from_millis(100));
    }
}

/// What the script asks for, if it is nothing but to log in or to fetch `f`.
fn fetches(part: &ServerPart) -> Option<&Ask> {
    match &part.asks[..] {
        [ask] if matches!(&ask.request, Request::Login) => Some(ask),
        [ask] if matches!(&ask.request, Request::Get(name) if name == b"f") => Some(ask),
        _ => None,
    }
}

fn filled(word: &str, port: u16, authority: &Path) -> String {
    word.replace("{port}", &port.to_string())
        .replace("{ca}", &authority.to_string_lossy())
        .replace("{user}", USER)
        .replace("{password}", CANARY)
}

/// Runs a client; `None` if it does not end.
fn run(command: &[String]) -> io::Result<Option<Output>> {
    let Some((program, rest)) = command.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut child = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let until = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().map(Some)
}

fn heard(sessions: &[Session]) -> Vec<Line> {
    sessions
        .iter()
        .flat_map(|session| session.heard.iter().cloned())
        .collect()
}

fn verdict(
    part: &ServerPart,
    ask: &Ask,
    output: Option<Output>,
    heard: &[Line],
) -> Result<(), String> {
    // What must be sent is how one engine does it.
    let part = ServerPart {
        sent: Vec::new(),
        ..part.clone()
    };
    judge(&part, heard)?;
    let output = output.ok_or("it hangs")?;
    let done = |expect: &Expect| match expect {
        Expect::Done(_) | Expect::Any => output.status.success(),
        Expect::DoneWith(bytes) => output.status.success() && output.stdout == *bytes,
        Expect::Fails(_) | Expect::Refused => !output.status.success(),
    };
    if ask.expect.iter().any(done) {
        return Ok(());
    }
    let wanted: Vec<String> = ask.expect.iter().map(ToString::to_string).collect();
    Err(format!(
        "{} with {:?}, expected: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        wanted.join(" or ")
    ))
}

// ---- hostile clients

fn attack(arguments: &Arguments) -> Fallible<bool> {
    let server = arguments.server.as_deref().ok_or("--server HOST:PORT")?;
    let address = server.to_socket_addrs()?.next().ok_or("no such host")?;
    let user = arguments.user.as_deref().unwrap_or(USER);
    let password = arguments.password.as_deref().unwrap_or(CANARY);
    let (mut good, mut bad) = (0, 0);
    for script in arguments.scripts()? {
        if !matches!(script.part, Part::Client(_)) {
            continue;
        }
        let mut client = WireClient::new(address, user, password)?;
        match play(&script, &mut client) {
            Ok(()) => {
                good += 1;
                println!("{:5} ok      {}", script.id, script.title);
            }
            Err(why) => {
                bad += 1;
                println!("{:5} FAILED  {}: {why}", script.id, script.title);
            }
        }
    }
    println!("{good} as they should be, {bad} not");
    Ok(bad == 0)
}
