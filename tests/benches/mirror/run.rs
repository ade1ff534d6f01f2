//! The bench itself.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ftp_proto_tests::link::{FAR, Link};
use ftp_proto_tests::pair::Dice;
use ftp_proto_tests::peers::{self, Kind, Options};

type Fallible<T = ()> = Result<T, Box<dyn Error>>;

/// First argument that makes this program keep a server.
const KEEP: &str = "--keep-server";

struct Settings {
    round_trip: Duration,
    repeats: usize,
    files: usize,
    directories: usize,
    parallel: usize,
    servers: Vec<Kind>,
    aim: bool,
}

pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, rest)) if first == KEEP => keep(rest),
        _ => settings(&arguments).and_then(|settings| bench(&settings)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(arguments: &[String]) -> Fallible<Settings> {
    let mut settings = Settings {
        round_trip: Duration::from_millis(50),
        repeats: 3,
        files: 200,
        directories: 20,
        parallel: 4,
        servers: vec![Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd],
        aim: false,
    };
    let mut named = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--bench" => {}
            "--aim" => settings.aim = true,
            "--rtt" => settings.round_trip = Duration::from_millis(value()?.parse()?),
            "--repeats" => settings.repeats = value()?.parse()?,
            "--files" => settings.files = value()?.parse()?,
            "--directories" => settings.directories = value()?.parse()?,
            "--parallel" => settings.parallel = value()?.parse()?,
            "--server" => named.push(value()?.parse()?),
            other => return Err(format!("what is {other}?").into()),
        }
    }
    if !named.is_empty() {
        settings.servers = named;
    }
    Ok(settings)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Contender {
    Ours,
    Lftp,
}

fn bench(settings: &Settings) -> Fallible {
    let ftp = beside("ftp")?;
    let link = Link::new(settings.round_trip)?;
    let mut short = Vec::new();
    println!(
        "{} files in {} directories, {} ms round trip, {} sessions, medians of {} in turn\n",
        settings.files,
        settings.directories,
        settings.round_trip.as_millis(),
        settings.parallel,
        settings.repeats
    );
    println!("| server | direction | ftp-proto s | lftp s | lftp / ftp-proto |");
    println!("|---|---|---|---|---|");
    for kind in &settings.servers {
        let server = Server::start(&link, *kind, settings)?;
        for down in [true, false] {
            let mut times: BTreeMap<Contender, Vec<f64>> = BTreeMap::new();
            for repeat in 0..settings.repeats {
                for contender in [Contender::Ours, Contender::Lftp] {
                    let seconds = once(&link, &ftp, &server, contender, down, repeat, settings)?;
                    times.entry(contender).or_default().push(seconds);
                }
            }
            let median = |contender| {
                let mut all = times.get(&contender).cloned().unwrap_or_default();
                all.sort_by(f64::total_cmp);
                all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
            };
            let (ours, theirs) = (median(Contender::Ours), median(Contender::Lftp));
            let ratio = theirs / ours;
            let direction = if down { "down" } else { "up" };
            println!("| {kind} | {direction} | {ours:.2} | {theirs:.2} | {ratio:.2} |");
            if ratio <= 1.0 {
                short.push(format!("{kind} {direction}: {ratio:.2}"));
            }
        }
    }
    if settings.aim && !short.is_empty() {
        return Err(format!("not the faster one: {}", short.join(", ")).into());
    }
    Ok(())
}

/// An example of the workspace, built before with the profile of this program.
fn beside(name: &str) -> Fallible<PathBuf> {
    let program = env::current_exe()?;
    let profile = program.parent().and_then(Path::parent);
    let path = profile.ok_or("no profile")?.join("examples").join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "{} is missing: cargo build --release -p ftp-proto-blocking --example ftp",
        path.display()
    )
    .into())
}

/// One mirror into an empty directory. Seconds.
fn once(
    link: &Link,
    ftp: &Path,
    server: &Server,
    contender: Contender,
    down: bool,
    repeat: usize,
    settings: &Settings,
) -> Fallible<f64> {
    let local = env::temp_dir().join(format!("ftp-mirror-bench-{}", std::process::id()));
    let _ = fs::remove_dir_all(&local);
    fs::create_dir_all(&local)?;
    let up = format!("up-{contender:?}-{repeat}");
    if !down {
        furnish(&local, settings.files, settings.directories)?;
    }
    let Server {
        address,
        user,
        password,
        ..
    } = server;
    let (here, parallel) = (local.display().to_string(), settings.parallel.to_string());
    let mut command: Command = match contender {
        Contender::Ours => {
            let mut command = link.near(ftp);
            let url = |path: &str| format!("ftp://{user}:{password}@{address}/{path}");
            command.args(["mirror", "--clear", "--quiet", "--parallel", &parallel]);
            if down {
                command.args([&url("source"), &here]);
            } else {
                command.args([&here, &url(&up)]);
            }
            command
        }
        Contender::Lftp => {
            let mut command = link.near("lftp");
            let what = if down {
                format!("mirror --parallel={parallel} source {here}")
            } else {
                format!("mirror -R --parallel={parallel} {here} {up}")
            };
            let script = format!(
                "set net:max-retries 1; set net:timeout 60; set ftp:ssl-allow no; \
                 open -u {user},{password} ftp://{address}; {what}"
            );
            command.args(["--norc", "-c", &script]);
            command
        }
    };
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let seconds = started.elapsed().as_secs_f64();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{contender:?} failed: {said}").into());
    }
    let arrived = if down {
        local.clone()
    } else {
        server.root.join(&up)
    };
    let count = count_files(&arrived)?;
    if count != settings.files {
        return Err(format!("{contender:?} brought {count} files").into());
    }
    fs::remove_dir_all(&local)?;
    Ok(seconds)
}

fn count_files(root: &Path) -> io::Result<usize> {
    let mut directories = vec![root.to_owned()];
    let mut count = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            } else {
                count += 1;
            }
        }
    }
    Ok(count)
}

/// As many files in as many directories, of a few kilobytes each.
fn furnish(root: &Path, files: usize, directories: usize) -> io::Result<()> {
    let mut dice = Dice::new(5);
    let mut made = vec![root.to_owned()];
    fs::create_dir_all(root)?;
    for number in 1..directories {
        let path = dice.pick(&made).join(format!("d{number}"));
        fs::create_dir(&path)?;
        made.push(path);
    }
    for path in &made {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    }
    for number in 0..files {
        let length = 1000 + dice.roll(8000);
        let bytes: Vec<u8> = (0..length)
            .flat_map(|_| dice.number().to_le_bytes().into_iter().take(1))
            .collect();
        fs::write(dice.pick(&made).join(format!("f{number}.bin")), bytes)?;
    }
    Ok(())
}

/// A server at the far end, kept by a copy of this program.
struct Server {
    address: String,
    user: String,
    password: String,
    root: PathBuf,
    keeper: Child,
}

impl Server {
    fn start(link: &Link, kind: Kind, settings: &Settings) -> Fallible<Server> {
        let mut keeper = link
            .far(env::current_exe()?)
            .args([
                KEEP,
                &kind.to_string(),
                &settings.files.to_string(),
                &settings.directories.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = BufReader::new(keeper.stdout.take().ok_or("no output")?).lines();
        let mut next = || {
            said.next()
                .ok_or("the keeper ended")?
                .map_err(Box::<dyn Error>::from)
        };
        let (address, user, password, root) = (next()?, next()?, next()?, next()?);
        Ok(Server {
            address,
            user,
            password,
            root: root.into(),
            keeper,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The keeper lives as long as its standard input.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Runs a server until standard input ends. `arguments`: its kind, files and directories.
fn keep(arguments: &[String]) -> Fallible {
    let [kind, files, directories] = arguments else {
        return Err(format!("{KEEP} wants a kind, files and directories").into());
    };
    let options = Options {
        address: Some(FAR.into()),
        ..Options::default()
    };
    let server = peers::start(kind.parse()?, &options)?;
    fs::set_permissions(server.root(), fs::Permissions::from_mode(0o777))?;
    furnish(
        &server.root().join("source"),
        files.parse()?,
        directories.parse()?,
    )?;
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "{}\n{}\n{}\n{}",
        server.addr(),
        server.user(),
        server.password(),
        server.root().display()
    )?;
    output.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}
