//! Mirrors of real servers, through both drivers and the command-line client: the same on either side, also after ten interruptions.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ftp_proto::Secret;
use ftp_proto::client::{ClearText, Security};
use ftp_proto::tree::{Options, is_unfinished};
use ftp_proto_tests::child::end_within;
use ftp_proto_tests::pair::Dice;
use ftp_proto_tests::peers::{self, Kind, Server, Tls};
use ftp_proto_tests::tool;

const SERVERS: [Kind; 4] = [Kind::Vsftpd, Kind::ProFtpd, Kind::PureFtpd, Kind::Pyftpdlib];

/// How long a run of the client may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(600);

/// A directory that goes away.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("ftp-trees-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every server user may read and write it.
fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

/// Makes a tree with as many files and directories, always the same for the same seed.
pub(crate) fn furnish(root: &Path, files: usize, directories: usize, seed: u64) {
    let mut dice = Dice::new(seed);
    fs::create_dir_all(root).unwrap();
    open_to_all(root);
    let mut made = vec![root.to_owned()];
    for number in 1..directories {
        let parent = dice.pick(&made);
        let name = match number % 4 {
            0 => format!("d {number}"),
            1 => format!("d\u{e4}{number}"),
            2 => format!("-d{number}"),
            _ => format!("d[{number}]"),
        };
        let path = parent.join(name);
        fs::create_dir(&path).unwrap();
        open_to_all(&path);
        made.push(path);
    }
    let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for number in 0..files {
        // None is empty of directories; the last ones stay without files.
        let keep = (made.len() - made.len() / 10).max(1);
        let path = made[dice.roll(keep)].join(match number % 3 {
            0 => format!("f{number}.bin"),
            1 => format!("f {number}.bin"),
            _ => format!("f\u{fc}{number}"),
        });
        let length = match dice.roll(40) {
            0 => 300_000,
            1 => 0,
            _ => dice.roll(6000),
        };
        let bytes: Vec<u8> = (0..length).map(|_| dice.number() as u8).collect();
        fs::write(&path, bytes).unwrap();
        let time = start + Duration::from_secs(dice.roll(10_000_000) as u64);
        set_time(&path, time);
    }
}

pub(crate) fn set_time(path: &Path, time: SystemTime) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

/// What is in a tree: content, and the time where it counts.
fn contents(root: &Path, second: Option<u64>) -> BTreeMap<PathBuf, (Vec<u8>, u64)> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.strip_prefix(root).unwrap().to_owned();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                found.insert(shown, (b"directory".to_vec(), 0));
                directories.push(path);
            } else {
                let time = metadata.modified().unwrap();
                let time = time.duration_since(UNIX_EPOCH).unwrap().as_secs();
                let time = second.map_or(0, |second| time / second);
                found.insert(shown, (fs::read(&path).unwrap(), time));
            }
        }
    }
    found
}

pub(crate) fn assert_same(one: &Path, other: &Path, second: Option<u64>, what: &str) {
    let (one, other) = (contents(one, second), contents(other, second));
    let only = |one: &BTreeMap<PathBuf, _>, other: &BTreeMap<PathBuf, _>| -> Vec<PathBuf> {
        let names = one.keys().filter(|path| !other.contains_key(*path));
        names.cloned().collect()
    };
    assert_eq!(
        (only(&one, &other), only(&other, &one)),
        (Vec::new(), Vec::new()),
        "{what}: on one side only"
    );
    for (path, (bytes, time)) in &one {
        let (others, other_time) = &other[path];
        assert!(bytes == others, "{what}: {} differs", path.display());
        assert_eq!(time, other_time, "{what}: {}", path.display());
    }
}

fn no_unfinished(root: &Path, what: &str) {
    for path in contents(root, None).keys() {
        let name = path.file_name().unwrap().as_encoded_bytes();
        assert!(!is_unfinished(name), "{what}: {}", path.display());
    }
}

fn server(kind: Kind, tls: Tls) -> Server {
    let options = peers::Options {
        tls,
        ..peers::Options::default()
    };
    let server = peers::start(kind, &options).unwrap();
    open_to_all(server.root());
    server
}

/// The driver's own sessions in clear.
fn blocking(server: &Server) -> Result<ftp_proto_blocking::Client, ftp_proto_blocking::Error> {
    let mut client = ftp_proto_blocking::Client::builder()
        .security(Security::clear(ClearText::Everybody))
        .connect(&server.addr().ip().to_string(), server.addr().port())?;
    client.begin_login(
        server.user(),
        Secret::new(server.password().as_bytes()),
        None,
    )?;
    Ok(client)
}

async fn asynchronous(server: &Server) -> Result<ftp_proto_async::Client, ftp_proto_async::Error> {
    let mut client = ftp_proto_async::Client::builder()
        .security(Security::clear(ClearText::Everybody))
        .connect(&server.addr().ip().to_string(), server.addr().port())
        .await?;
    client.begin_login(
        server.user(),
        Secret::new(server.password().as_bytes()),
        None,
    )?;
    Ok(client)
}

/// Down and up again, with either driver: identical, and a second time there is nothing to do.
#[test]
fn both_drivers_mirror_every_server() {
    for kind in SERVERS {
        let server = server(kind, Tls::Off);
        let source = server.root().join("source");
        furnish(&source, 60, 14, 7);
        for driver in ["blocking", "async"] {
            let what = format!("{kind} {driver}");
            let local = Directory::new(&format!("both-{kind}-{driver}"));
            let run = |down: bool, remote: &str, options: Options| {
                if driver == "blocking" {
                    use ftp_proto_blocking::Tree;
                    let tree = if down {
                        Tree::download(remote, &local.0, options)
                    } else {
                        Tree::upload(&local.0, remote, options)
                    };
                    tree.unwrap().sessions(3).run(|| blocking(&server))
                } else {
                    use ftp_proto_async::Tree;
                    let tree = if down {
                        Tree::download(remote, &local.0, options)
                    } else {
                        Tree::upload(&local.0, remote, options)
                    };
                    let run = tree
                        .unwrap()
                        .sessions(3)
                        .run(async || asynchronous(&server).await);
                    smol::block_on(run)
                }
            };
            let done = run(true, "source", Options::default());
            assert!(done.summary.is_complete(), "{what}: {done:?}");
            assert_eq!(done.summary.copied, 60, "{what}");
            assert_same(&source, &local.0, Some(1), &what);
            let again = run(true, "source", Options::default());
            assert_eq!(
                (again.summary.copied, again.summary.unchanged),
                (0, 60),
                "{what}: {again:?}"
            );
            let copy = format!("copy-{driver}");
            let done = run(false, &copy, Options::default());
            assert!(done.summary.is_complete(), "{what}: {done:?}");
            assert_same(&local.0, &server.root().join(&copy), None, &what);
            let again = run(false, &copy, Options::default());
            assert_eq!(
                (again.summary.copied, again.summary.unchanged),
                (0, 60),
                "{what}: {again:?}"
            );
            println!("{what}: {}", again.summary);
        }
    }
}

/// The command-line client, with the options of a session.
fn ftp(server: &Server, address: SocketAddr) -> Client {
    let mut options: Vec<String> = ["--quiet", "--timeout", "20"]
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    if server.options().tls == Tls::Off {
        options.push("--clear".to_owned());
    } else {
        options.push("--ca".to_owned());
        options.push(server.ca_path().display().to_string());
    }
    Client {
        options,
        password: server.password().to_owned(),
        base: format!("ftp://{}@{address}", server.user()),
    }
}

struct Client {
    options: Vec<String>,
    password: String,
    base: String,
}

impl Client {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = tool::ftp();
        command.env("FTP_PASSWORD", &self.password);
        command.args(words).args(&self.options);
        command
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// Runs it, within reason.
    fn run(&self, words: &[&str]) -> Output {
        let child = self
            .command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        finish(child)
    }

    fn succeed(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn finish(mut child: Child) -> Output {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = thread::spawn(move || {
        let mut said = Vec::new();
        err.read_to_end(&mut said).map(|_| said)
    });
    let output = thread::spawn(move || {
        let mut said = Vec::new();
        out.read_to_end(&mut said).map(|_| said)
    });
    let status = end_within(&mut child, PATIENCE).unwrap();
    let stdout = output.join().unwrap().unwrap();
    let stderr = errors.join().unwrap().unwrap();
    let Some(status) = status else {
        panic!("it did not end: {}", String::from_utf8_lossy(&stderr));
    };
    Output {
        status,
        stdout,
        stderr,
    }
}

/// A dry run changes nothing and says what the real one does; --delete deletes what is extraneous and nothing else; --exclude spares.
#[test]
fn the_tool_lists_mirrors_and_deletes() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd] {
        let server = server(kind, Tls::Explicit);
        let client = ftp(&server, server.addr());
        let source = server.root().join("source");
        furnish(&source, 20, 6, 3);
        let local = Directory::new(&format!("tool-{kind}"));
        let target = local.0.join("target");
        let shown = target.to_str().unwrap();
        let url = client.url("source");

        let listed = client.succeed(&["ls", "-R", &url]);
        let mut listed: Vec<_> = listed.lines().map(PathBuf::from).collect();
        listed.sort();
        let there: Vec<_> = contents(&source, None).into_keys().collect();
        assert_eq!(listed, there, "{kind}");

        // Nothing is made, not even the target.
        let mut words = vec!["mirror", &url, shown, "--delete", "--parallel", "2"];
        words.push("--dry-run");
        let loud = Client {
            options: client.options[1..].to_vec(),
            password: client.password.clone(),
            base: client.base.clone(),
        };
        let mut planned: Vec<_> = loud
            .succeed(&words)
            .lines()
            .map(ToOwned::to_owned)
            .collect();
        assert!(!target.exists(), "{kind}");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("extraneous"), "x").unwrap();
        fs::create_dir_all(target.join("old/er")).unwrap();
        fs::write(target.join("old/er/file"), "x").unwrap();
        fs::write(target.join("spared"), "x").unwrap();
        words.extend(["--exclude", "spared"]);
        let before = contents(&target, Some(1));
        loud.succeed(&words);
        assert_eq!(contents(&target, Some(1)), before, "{kind}: a dry run");

        words.retain(|word| *word != "--dry-run");
        let did = loud.succeed(&words);
        let mut did: Vec<_> = did.lines().map(ToOwned::to_owned).collect();
        let deleted: Vec<_> = did
            .iter()
            .filter(|line| line.starts_with("deleted"))
            .cloned()
            .collect();
        assert_eq!(
            deleted
                .iter()
                .map(String::as_str)
                .collect::<std::collections::BTreeSet<_>>(),
            [
                "deleted extraneous",
                "deleted old/er/file",
                "deleted old/er",
                "deleted old"
            ]
            .into_iter()
            .collect(),
            "{kind}"
        );
        // Up to what was extraneous, and the target itself, it does what it said it would.
        did.retain(|line| !line.starts_with("deleted"));
        planned.retain(|line| line != "made .");
        did.sort();
        planned.sort();
        assert_eq!(did, planned, "{kind}");
        assert!(target.join("spared").exists());
        fs::remove_file(target.join("spared")).unwrap();
        assert_same(&source, &target, None, &kind.to_string());

        // The other way round, what is extraneous on the server goes.
        let copy = server.root().join("copy");
        fs::create_dir_all(copy.join("old/er")).unwrap();
        open_to_all(&copy);
        open_to_all(&copy.join("old"));
        open_to_all(&copy.join("old/er"));
        fs::write(copy.join("old/er/file"), "x").unwrap();
        client.succeed(&["mirror", shown, &client.url("copy"), "--delete"]);
        assert_same(&target, &copy, None, &kind.to_string());

        // An older file of the same size is replaced unless only newer ones are to be, and the other way round.
        let (name, _) = contents(&source, None)
            .into_iter()
            .find(|(_, (bytes, _))| bytes.len() > 100 && bytes != b"directory")
            .unwrap();
        let path = target.join(&name);
        let original = fs::read(&path).unwrap();
        fs::write(&path, vec![0; original.len() - 1]).unwrap();
        client.succeed(&["mirror", &url, shown, "--newer"]);
        assert_eq!(fs::read(&path).unwrap().len(), original.len() - 1);
        client.succeed(&["mirror", &url, shown, "--check", "size"]);
        assert!(fs::read(&path).unwrap() == original);

        let dry = client.succeed(&["rm", "-r", &client.url("copy"), "--dry-run"]);
        assert!(dry.is_empty() && copy.exists());
        client.succeed(&["rm", "-r", &client.url("copy")]);
        assert!(!copy.exists(), "{kind}");
        assert_eq!(
            client.run(&["rm", "-r", &client.url("")]).status.code(),
            Some(2)
        );
        let missing = client.run(&["ls", "-R", &client.url("missing")]);
        assert_eq!(missing.status.code(), Some(7), "{kind}");
    }
}

/// Passes control connections on, and cuts them when told to. Data connections go past it.
struct Cutter {
    address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cutter {
    fn new(server: SocketAddr) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(Mutex::new(Vec::new()));
        let cut = Arc::clone(&open);
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let Ok(far) = TcpStream::connect(server) else {
                    continue;
                };
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    thread::spawn(move || {
                        // Either end may go.
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                        let _ = from.shutdown(Shutdown::Both);
                    });
                }
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                open.extend([near, far]);
            }
        });
        Cutter { address, open: cut }
    }

    fn cut(&self) {
        for stream in self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Interruptions of a mirror, half of them by kill -9 of the client, half by cuts of all its sessions.
const INTERRUPTIONS: usize = 10;

/// Ten interruptions at random, then a last run: identical, and nothing is left of the attempts.
fn interrupted(kind: Kind, down: bool, files: usize, directories: usize) {
    let what = format!("{kind} {}", if down { "down" } else { "up" });
    let server = server(kind, Tls::Explicit);
    let cutter = Cutter::new(server.addr());
    let client = ftp(&server, cutter.address);
    let local = Directory::new(&format!("cut-{kind}-{down}"));
    let there = server.root().join("tree");
    let here = local.0.join("tree");
    if down {
        furnish(&there, files, directories, 11);
    } else {
        furnish(&here, files, directories, 11);
    }
    let (url, shown) = (client.url("tree"), here.to_str().unwrap().to_owned());
    let words: Vec<&str> = if down {
        vec!["mirror", &url, &shown, "--parallel", "3"]
    } else {
        vec!["mirror", &shown, &url, "--parallel", "3"]
    };
    let mut dice = Dice::new(files as u64);
    let started = Instant::now();
    // How long the whole takes is found out by how far each run comes.
    let mut pause = 60;
    let mut partial = 0;
    let (mut kills, mut cuts) = (0, 0);
    while kills + cuts < INTERRUPTIONS {
        let mut child = client
            .command(&words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // One cut that it has to survive, then the kill.
        let over = Arc::new(AtomicBool::new(false));
        for is_cut in [true, false] {
            thread::sleep(Duration::from_millis(pause + dice.roll(200) as u64));
            if child.try_wait().unwrap().is_some() {
                over.store(true, Ordering::SeqCst);
                break;
            }
            if is_cut {
                cutter.cut();
                cuts += 1;
            } else {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                pause += 30;
            }
        }
        let target = if down { &here } else { &there };
        if target.exists() {
            let names = contents(target, None);
            partial += names
                .keys()
                .filter(|path| is_unfinished(path.file_name().unwrap().as_encoded_bytes()))
                .count();
        }
        if over.load(Ordering::SeqCst) {
            // It was done before it could be interrupted often enough: something is new again.
            pause = pause * 2 / 3;
            if down {
                let _ = fs::remove_dir_all(&here);
            } else {
                let _ = fs::remove_dir_all(&there);
            }
        }
    }
    let output = client.run(&words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
    assert_same(&there, &here, None, &what);
    no_unfinished(&here, &what);
    no_unfinished(&there, &what);
    println!(
        "{what}: {files} files in {directories} directories, {kills} kills and {cuts} cuts, {partial} files begun and gone on with, {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn interrupted_mirrors_end_identical() {
    if std::env::var_os("TREES_FULL").is_some() {
        for kind in SERVERS {
            for down in [true, false] {
                interrupted(kind, down, 5000, 500);
            }
        }
        return;
    }
    for (kind, down) in [
        (Kind::Vsftpd, true),
        (Kind::ProFtpd, false),
        (Kind::PureFtpd, true),
        (Kind::Pyftpdlib, false),
    ] {
        interrupted(kind, down, 400, 40);
    }
}
